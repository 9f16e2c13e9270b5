//! By which rules of time zones the days of a derived table were reckoned.
//!
//! The days of conversations and orders are stored (SPEC T2), so a change of a zone's rules leaves them as they were. A derived
//! table therefore records a fingerprint of the rules of every zone that it has reckoned by, each in an application
//! transaction, as what is consumed is; and one of the whole database, because a log is asked for a transaction by its name
//! and mostly nothing has changed.

use std::collections::BTreeSet;

use rapport_zones::{Database, Tz};

use super::Lake;
use super::error::LakeError;
use super::snapshot::TableSnapshot;

/// The name under which a derived table records the fingerprint of the database.
pub(super) const ZONE_RULES: &str = "zone_rules";

fn name_of(zone: Tz) -> String {
    format!("{ZONE_RULES}/{zone}")
}

/// What a commit records whose days were reckoned by the database in use, in these zones.
pub(crate) fn mark(zones: impl Iterator<Item = Tz>) -> Vec<(String, i64)> {
    let database = (ZONE_RULES.to_owned(), Database::in_use().fingerprint());
    zones
        .map(|zone| (name_of(zone), zone.fingerprint()))
        .chain([database])
        .collect()
}

impl TableSnapshot {
    /// Whether all of its days were reckoned by the rules of the database in use. A table without days has none by others.
    pub fn has_rules_in_use(&self) -> bool {
        self.transaction(ZONE_RULES) == Some(Database::in_use().fingerprint())
            || self.accounts().next().is_none()
    }
}

impl Lake {
    /// Which of some zones have other rules than a version of a derived table was reckoned by, by their names. UTC never has.
    pub(crate) async fn zones_with_new_rules(
        &self,
        table: &TableSnapshot,
        zones: BTreeSet<&'static str>,
    ) -> Result<BTreeSet<&'static str>, LakeError> {
        if table.has_rules_in_use() {
            return Ok(BTreeSet::new());
        }
        let zones = zones.into_iter().filter_map(|name| Tz::named(name).ok());
        let zones: Vec<Tz> = zones.filter(|zone| *zone != Tz::UTC).collect();
        let names: Vec<String> = zones.iter().map(|zone| name_of(*zone)).collect();
        let log = &self.0.logs[table.id() as usize];
        let marks = log.transactions(table.version(), &names).await?;
        let marked = zones.into_iter().zip(marks);
        Ok(marked
            .filter(|(zone, mark)| *mark != Some(zone.fingerprint()))
            .map(|(zone, _)| zone.name())
            .collect())
    }
}
