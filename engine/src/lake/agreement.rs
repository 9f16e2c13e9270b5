//! Finds the newest versions at which all derived tables agree: they have consumed the same landed versions, and have the
//! rows of the same accounts from them (SPEC M7).
//!
//! A derive commits rounds. A round replaces the rows of some accounts by one commit of each derived table, and each records
//! the round's number and what the table has consumed. Rounds follow each other in all tables in the same order, so tables
//! with the same number agree.
//!
//! A round commits one table after the other. A process that opens the lake between two of these commits, or after a
//! derive was killed there, finds derived tables of which some have consumed more than others, and must not serve them
//! together. The logs, read backwards, give the last versions that agree: those that the last complete round has left.

use std::collections::HashMap;
use std::sync::Arc;

use futures::future::try_join_all;

use super::LakeSnapshot;
use super::error::LakeError;
use super::log::TableLog;
use super::snapshot::TableSnapshot;
use super::table::TableId;

/// Name of the transaction in which a derived table records the number of its last round.
pub(super) const ROUND: &str = "round";

impl TableSnapshot {
    /// Returns the number of the last round; 0 before the first.
    pub(crate) fn round(&self) -> i64 {
        self.transaction(ROUND).unwrap_or_default()
    }
}

impl LakeSnapshot {
    /// Returns whether all derived tables have consumed the same landed versions in the same rounds.
    pub(crate) fn agrees(&self) -> bool {
        let state = |id: TableId| (self.get(id).round(), self.get(id).consumed());
        let [first, rest @ ..] = TableId::DERIVED.map(state);
        rest.iter().all(|other| *other == first)
    }
}

/// Returns the transactions of a round's commit of a derived table.
pub(crate) fn record_round(
    number: i64,
    consumed: [i64; TableId::CONSUMED.len()],
) -> impl Iterator<Item = (String, i64)> {
    let names = TableId::CONSUMED.map(TableId::name);
    let consumed = names.into_iter().zip(consumed);
    let all = consumed.chain([(ROUND, number)]);
    all.map(|(name, number)| (name.to_owned(), number))
}

/// The names of what each round's commit records.
fn names() -> impl Iterator<Item = &'static str> {
    TableId::CONSUMED
        .map(TableId::name)
        .into_iter()
        .chain([ROUND])
}

/// What a round's commit of a derived table has recorded, by name. A missing name means 0.
type Consumed = HashMap<String, i64>;

/// Returns the lake with each derived table at its newest version at which all agree; `None` if the logs do not reach back
/// that far.
pub(super) async fn newest(
    lake: &LakeSnapshot,
    logs: &[TableLog],
) -> Result<Option<LakeSnapshot>, LakeError> {
    if lake.agrees() {
        return Ok(Some(lake.clone()));
    }
    let mut tables = Vec::new();
    for id in TableId::DERIVED {
        match Past::up_to(&logs[id as usize], lake.get(id).version()).await? {
            Some(past) => tables.push((id, past)),
            None => return Ok(None),
        }
    }
    // No table may have consumed more than the one that has consumed least. Going back in one log lowers that bound, so
    // repeat until all tables meet it.
    loop {
        let bounds = least(tables.iter().map(|(_, past)| &past.consumed));
        if tables.iter().all(|(_, past)| {
            is_within(&past.consumed, &bounds) && is_within(&bounds, &past.consumed)
        }) {
            break;
        }
        for (_, past) in &mut tables {
            while !is_within(&past.consumed, &bounds) {
                match past.before().await? {
                    Some(earlier) => *past = earlier,
                    None => return Ok(None),
                }
            }
        }
    }
    let mut agreeing = lake.clone();
    tables.retain(|(id, past)| past.version < lake.get(*id).version());
    let older = tables
        .iter()
        .map(|(_, past)| past.log.load_version(past.version));
    for ((id, _), table) in tables.iter().zip(try_join_all(older).await?) {
        agreeing.tables[*id as usize] = Arc::new(table);
    }
    Ok(Some(agreeing))
}

/// An older version of a derived table.
struct Past<'a> {
    log: &'a TableLog,
    version: i64,
    consumed: Consumed,
    /// The version whose commit recorded what this one has consumed; the same or an earlier one.
    recorded: i64,
}

impl<'a> Past<'a> {
    /// Reads what a version had consumed; `None` if the log no longer has it.
    async fn up_to(log: &'a TableLog, version: i64) -> Result<Option<Self>, LakeError> {
        let mut recorded = version;
        loop {
            let Some(changes) = log.changes(recorded).await? else {
                return Ok(None);
            };
            // A commit that records some of what the table has consumed records all of it.
            let mut consumed: Consumed = changes.transactions.into_iter().collect();
            consumed.retain(|name, _| names().any(|known| known == name));
            if recorded <= 0 || !consumed.is_empty() {
                return Ok(Some(Self {
                    log,
                    version,
                    consumed,
                    recorded,
                }));
            }
            recorded -= 1;
        }
    }

    /// Returns the last version before the commit that recorded what this one has consumed.
    async fn before(&self) -> Result<Option<Self>, LakeError> {
        match self.recorded {
            1.. => Self::up_to(self.log, self.recorded - 1).await,
            _ => Ok(None),
        }
    }
}

fn least<'a>(all: impl Iterator<Item = &'a Consumed> + Clone) -> Consumed {
    let of = |name: &str| all.clone().map(|consumed| version(consumed, name)).min();
    names()
        .map(|name| (name.to_owned(), of(name).unwrap_or_default()))
        .collect()
}

fn is_within(consumed: &Consumed, bounds: &Consumed) -> bool {
    names().all(|name| version(consumed, name) <= version(bounds, name))
}

fn version(consumed: &Consumed, name: &str) -> i64 {
    consumed.get(name).copied().unwrap_or_default()
}
