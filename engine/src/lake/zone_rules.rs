//! The time zone rules by which the days of a derived table were computed.
//!
//! The days of conversations and orders are stored (SPEC T2), so a change of a zone's rules does not change them by itself.
//! A derived table therefore records a fingerprint of the rules of every zone that its days were computed by, each in an
//! application transaction. One more has the fingerprint of the whole database: where it is the same, as it mostly is, the
//! zones need not be looked up one by one.

use std::collections::BTreeSet;

use rapport_zones::{Database, Tz};

use super::Lake;
use super::error::LakeError;
use super::snapshot::TableSnapshot;

/// Name of the transaction in which a derived table records the fingerprint of the zone database.
pub(super) const ZONE_RULES: &str = "zone_rules";

fn name_of(zone: Tz) -> String {
    format!("{ZONE_RULES}/{zone}")
}

/// Returns the transactions of a commit whose days were computed in `zones` by the database in use.
pub(crate) fn mark_rules(zones: impl Iterator<Item = Tz>) -> Vec<(String, i64)> {
    let database = (ZONE_RULES.to_owned(), Database::in_use().fingerprint());
    zones
        .map(|zone| (name_of(zone), zone.fingerprint()))
        .chain([database])
        .collect()
}

impl TableSnapshot {
    /// Returns whether all of its days were computed by the rules of the database in use. That holds for a table without
    /// rows.
    pub fn has_rules_in_use(&self) -> bool {
        self.transaction(ZONE_RULES) == Some(Database::in_use().fingerprint())
            || self.accounts().next().is_none()
    }
}

impl Lake {
    /// Returns the names of those zones whose rules differ from the rules by which a version of a derived table was computed.
    /// UTC's never do.
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
