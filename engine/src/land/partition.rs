//! Prepares the rows of one partition: keeps the first of each `event_id`, drops those that the lake has (SPEC E1), and sorts
//! the rest in the order of the table.

use ahash::RandomState;
use arrow::array::{AsArray, RecordBatch, StringArray};
use arrow::datatypes::TimestampMicrosecondType;
use hashbrown::HashTable;

use super::batches::{self, Counts};
use super::error::LandError;
use super::merge::PartitionRows;
use super::runs::gather;

const EVENT_ID: &str = "event_id";
const OCCURRED_AT: &str = "occurred_at";

/// Holds the rows of a partition that are not known to be duplicates.
pub(super) struct FirstRows {
    batches: Vec<RecordBatch>,
    /// The rows that are kept, as (batch, row) in the order of arrival; `None` for one that is found in the lake.
    picks: Vec<Option<(usize, usize)>>,
    /// Finds a row in `picks` by the hash of its id.
    table: HashTable<u32>,
    hasher: RandomState,
    duplicates: Counts,
}

/// Returns a column of strings of each batch.
fn texts<'a>(batches: &'a [RecordBatch], name: &str) -> Result<Vec<&'a StringArray>, LandError> {
    batches
        .iter()
        .map(|batch| {
            let index = batch.schema_ref().index_of(name)?;
            Ok(batch.column(index).as_string::<i32>())
        })
        .collect()
}

impl FirstRows {
    /// Keeps the first row of each `event_id`. The hash of an id only finds candidates: ids are compared as a whole.
    pub fn of(rows: PartitionRows) -> Result<Self, LandError> {
        let ids = texts(&rows.batches, EVENT_ID)?;
        let hasher = RandomState::new();
        let mut table = HashTable::with_capacity(rows.picks.len());
        let mut picks: Vec<(usize, usize)> = Vec::with_capacity(rows.picks.len());
        let mut duplicates = Counts::default();
        for (batch, row) in rows.picks {
            let id = ids[batch].value(row);
            let same = |kept: &u32| {
                let (batch, row) = picks[*kept as usize];
                ids[batch].value(row) == id
            };
            let rehash = |kept: &u32| {
                let (batch, row) = picks[*kept as usize];
                hasher.hash_one(ids[batch].value(row))
            };
            match table.entry(hasher.hash_one(id), same, rehash) {
                hashbrown::hash_table::Entry::Occupied(_) => {
                    duplicates.count(batches::of_row(&rows.batches[batch], row));
                }
                hashbrown::hash_table::Entry::Vacant(vacant) => {
                    vacant.insert(picks.len() as u32);
                    picks.push((batch, row));
                }
            }
        }
        Ok(Self {
            picks: picks.into_iter().map(Some).collect(),
            batches: rows.batches,
            table,
            hasher,
            duplicates,
        })
    }

    /// Returns the least and the greatest id, bytewise; `None` if there are no rows.
    pub fn id_bounds(&self) -> Result<Option<(&str, &str)>, LandError> {
        let ids = texts(&self.batches, EVENT_ID)?;
        let mut kept = self.picks.iter().flatten().map(|(b, r)| ids[*b].value(*r));
        let Some(first) = kept.next() else {
            return Ok(None);
        };
        Ok(Some(kept.fold((first, first), |(least, greatest), id| {
            (least.min(id), greatest.max(id))
        })))
    }

    /// Drops the rows whose id the lake has, and counts them as duplicates.
    pub fn drop_known<'k>(
        &mut self,
        known: impl IntoIterator<Item = &'k str>,
    ) -> Result<(), LandError> {
        let ids = texts(&self.batches, EVENT_ID)?;
        for id in known {
            let picks = &self.picks;
            let found = self.table.find_entry(self.hasher.hash_one(id), |kept| {
                picks[*kept as usize].is_some_and(|(batch, row)| ids[batch].value(row) == id)
            });
            if let Ok(entry) = found {
                let (kept, _) = entry.remove();
                if let Some((batch, row)) = self.picks[kept as usize].take() {
                    let batch = batches::of_row(&self.batches[batch], row);
                    self.duplicates.count(batch);
                }
            }
        }
        Ok(())
    }

    /// Returns the numbers of duplicates.
    pub fn duplicates(&self) -> &Counts {
        &self.duplicates
    }

    /// Returns the rows that are left, sorted by the text column `key`, then `occurred_at`, then id; `None` if there are none.
    pub fn sorted(self, key: &str) -> Result<Option<RecordBatch>, LandError> {
        let picks: Vec<(usize, usize)> = self.picks.into_iter().flatten().collect();
        if picks.is_empty() {
            return Ok(None);
        }
        let picks = sort_picks(&self.batches, picks, key)?;
        gather(&self.batches, picks).map(Some)
    }
}

/// Holds a row with its sort keys.
struct Sortable {
    /// The rank of its text among the distinct texts of the partition.
    rank: u32,
    micros: i64,
    pick: (usize, usize),
}

/// Sorts rows by a text that many of them share, then by time, then by id. The distinct texts are sorted first, so that rows
/// are compared by two integers.
fn sort_picks(
    batches: &[RecordBatch],
    picks: Vec<(usize, usize)>,
    key: &str,
) -> Result<Vec<(usize, usize)>, LandError> {
    let keys = texts(batches, key)?;
    let ids = texts(batches, EVENT_ID)?;
    let times = batches
        .iter()
        .map(|batch| {
            let index = batch.schema_ref().index_of(OCCURRED_AT)?;
            Ok(batch
                .column(index)
                .as_primitive::<TimestampMicrosecondType>()
                .values())
        })
        .collect::<Result<Vec<_>, LandError>>()?;

    let hasher = RandomState::new();
    let mut numbers: HashTable<(&str, u32)> = HashTable::new();
    let mut distinct: Vec<&str> = Vec::new();
    let mut rows: Vec<Sortable> = Vec::with_capacity(picks.len());
    for (batch, row) in picks {
        let text = keys[batch].value(row);
        let entry = numbers.entry(
            hasher.hash_one(text),
            |(known, _)| *known == text,
            |(known, _)| hasher.hash_one(known),
        );
        let number = match entry {
            hashbrown::hash_table::Entry::Occupied(entry) => entry.get().1,
            hashbrown::hash_table::Entry::Vacant(entry) => {
                let number = distinct.len() as u32;
                distinct.push(text);
                entry.insert((text, number));
                number
            }
        };
        rows.push(Sortable {
            rank: number,
            micros: times[batch][row],
            pick: (batch, row),
        });
    }
    let mut by_text: Vec<u32> = (0..distinct.len() as u32).collect();
    by_text.sort_unstable_by_key(|number| distinct[*number as usize]);
    let mut ranks = vec![0; distinct.len()];
    for (rank, number) in (0..).zip(by_text) {
        ranks[number as usize] = rank;
    }
    for row in &mut rows {
        row.rank = ranks[row.rank as usize];
    }
    rows.sort_unstable_by(|a, b| {
        (a.rank, a.micros).cmp(&(b.rank, b.micros)).then_with(|| {
            let id = |row: &Sortable| ids[row.pick.0].value(row.pick.1);
            id(a).cmp(id(b))
        })
    });
    Ok(rows.into_iter().map(|row| row.pick).collect())
}
