//! The newest versions at which all derived tables rest on the same landed ones (SPEC M7), found in their logs.
//!
//! A process that opens the lake while another is between two commits of a derive, or after one was killed there, finds
//! derived tables of which some have consumed more than others. It must not serve them together. Each commit of a derived
//! table records all that the table has consumed, so going back through the logs finds the last versions that agree: a
//! derive that came to its end has left some.

use std::collections::HashMap;
use std::sync::Arc;

use futures::future::try_join_all;

use super::LakeSnapshot;
use super::error::LakeError;
use super::log::TableLog;
use super::table::TableId;

/// What a derived table has consumed: the versions of the landed tables, by name; one that is not named is 0.
type Consumed = HashMap<String, i64>;

/// The lake with its derived tables as old as it takes for them to agree; `None` if the logs do not reach back so far.
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
    // What all have consumed bounds what any may have. Going back lowers the bounds, until all are at them.
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

/// A version of a table's past.
struct Past<'a> {
    log: &'a TableLog,
    version: i64,
    consumed: Consumed,
    /// The version whose commit recorded what is consumed.
    recorded: i64,
}

impl<'a> Past<'a> {
    /// A version; `None` if the log does not tell what it had consumed.
    async fn up_to(log: &'a TableLog, version: i64) -> Result<Option<Self>, LakeError> {
        let mut recorded = version;
        loop {
            let Some(changes) = log.changes(recorded).await? else {
                return Ok(None);
            };
            if recorded <= 0 || !changes.transactions.is_empty() {
                return Ok(Some(Self {
                    log,
                    version,
                    consumed: changes.transactions.into_iter().collect(),
                    recorded,
                }));
            }
            recorded -= 1;
        }
    }

    /// The last version that had consumed something else.
    async fn before(&self) -> Result<Option<Self>, LakeError> {
        match self.recorded {
            1.. => Self::up_to(self.log, self.recorded - 1).await,
            _ => Ok(None),
        }
    }
}

fn least<'a>(all: impl Iterator<Item = &'a Consumed> + Clone) -> Consumed {
    let names = TableId::CONSUMED.map(TableId::name);
    let of = |name: &str| all.clone().map(|consumed| version(consumed, name)).min();
    names
        .into_iter()
        .map(|name| (name.to_owned(), of(name).unwrap_or_default()))
        .collect()
}

fn is_within(consumed: &Consumed, bounds: &Consumed) -> bool {
    let mut names = TableId::CONSUMED.iter().map(|id| id.name());
    names.all(|name| version(consumed, name) <= version(bounds, name))
}

fn version(consumed: &Consumed, name: &str) -> i64 {
    consumed.get(name).copied().unwrap_or_default()
}
