//! Records which time zone rules the days of a derived table were computed by.
//!
//! The days of conversations and orders are stored (SPEC T2), so a change of a zone's rules does not change them until they
//! are derived again (T4). A derived table therefore records a fingerprint of the rules of every zone that it used, each as an
//! application transaction of its log. It also records one of the whole database: while that is equal, no zone has to be
//! looked up.

use std::collections::BTreeSet;

use rapport_zones::{Database, Tz};

use super::snapshot::TableSnapshot;

/// The name of the application transaction that holds the fingerprint of the database.
pub(super) const ZONE_RULES: &str = "zone_rules";

/// Returns the name of the application transaction that holds the fingerprint of a zone.
fn transaction_name(zone: Tz) -> String {
    format!("{ZONE_RULES}/{zone}")
}

/// Returns the application transactions of a commit whose days were computed in these zones by the database in use.
pub(crate) fn mark_rules(zones: impl Iterator<Item = Tz>) -> Vec<(String, i64)> {
    let database = (ZONE_RULES.to_owned(), Database::in_use().fingerprint());
    zones
        .map(|zone| (transaction_name(zone), zone.fingerprint()))
        .chain([database])
        .collect()
}

impl TableSnapshot {
    /// Tells whether all of its days were computed by the database in use. This holds for a table without rows.
    pub fn has_rules_in_use(&self) -> bool {
        self.transaction(ZONE_RULES) == Some(Database::in_use().fingerprint())
            || self.accounts().next().is_none()
    }

    /// Returns the names of the zones whose rules differ from those that this version was computed by. UTC never changes.
    pub(crate) fn zones_with_new_rules(
        &self,
        zones: BTreeSet<&'static str>,
    ) -> BTreeSet<&'static str> {
        if self.has_rules_in_use() {
            return BTreeSet::new();
        }
        let zones = zones.into_iter().filter_map(|name| Tz::named(name).ok());
        let zones = zones.filter(|zone| *zone != Tz::UTC);
        let recorded = |zone: &Tz| self.transaction(&transaction_name(*zone));
        let moved = zones.filter(|zone| recorded(zone) != Some(zone.fingerprint()));
        moved.map(|zone| zone.name()).collect()
    }
}
