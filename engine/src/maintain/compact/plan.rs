//! Chooses the files to merge: the small ones of each partition that no derived table has yet to consume.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use crate::Engine;
use crate::derive::days::{day_of, days_of, is_closed};
use crate::lake::{COMPACTED, DataFile, LakeSnapshot, NewFile, Partition, TableId, TableSnapshot};

/// Target size of a merged file in bytes, which reads well.
const FULL: u64 = 32 << 20;
/// Files from this size on are not merged: two of them would exceed the target.
const SMALL: u64 = FULL / 2;
/// Maximum number of rows of a merged file.
pub(super) const FULL_ROWS: u64 = 1 << 20;

/// Source files of one partition and, once they are merged, the file that replaces them.
pub(super) struct Merge {
    pub partition: Partition,
    pub files: Vec<Arc<DataFile>>,
    /// Files that turned out to be too large to merge once their footers were read.
    pub large: Vec<Arc<DataFile>>,
    pub into: Option<NewFile>,
}

/// Which files of a table may be merged.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rule {
    /// Files that were added up to this version of a landed table.
    Consumed(i64),
    /// Files of a derived table whose days are closed.
    Closed { today: i32 },
    /// Files of partitions whose day has ended.
    Ended { today: i32 },
}

impl Rule {
    pub fn of(engine: &Engine, lake: &LakeSnapshot, id: TableId) -> Self {
        let today = day_of(engine.now().timestamp_micros());
        if TableId::DERIVED.contains(&id) {
            Rule::Closed { today }
        } else if TableId::CONSUMED.contains(&id) {
            Rule::Consumed(consumed_by_all(lake, id))
        } else {
            Rule::Ended { today }
        }
    }

    fn allows(self, id: TableId, file: &DataFile) -> bool {
        match self {
            Rule::Consumed(version) => file.version <= version,
            Rule::Closed { today } => days_of(file, id.sort_columns()[0])
                .is_some_and(|days| is_closed(*days.end(), today)),
            Rule::Ended { today } => file.partition.date.is_some_and(|date| date < today),
        }
    }

    /// Returns the transactions of a commit on `base`: up to which version files were merged. The number never decreases,
    /// since another process may have merged files of later versions.
    pub fn recorded(self, base: &TableSnapshot) -> Vec<(String, i64)> {
        match self {
            Rule::Consumed(version) => {
                let known = base.transaction(COMPACTED).unwrap_or(version);
                vec![(COMPACTED.to_owned(), version.max(known))]
            }
            Rule::Closed { .. } | Rule::Ended { .. } => Vec::new(),
        }
    }
}

/// Returns the newest version of a landed table that every derived table has consumed.
fn consumed_by_all(lake: &LakeSnapshot, id: TableId) -> i64 {
    let consumed = |derived: TableId| lake.get(derived).transaction(id.name());
    let consumed = TableId::DERIVED.map(|derived| consumed(derived).unwrap_or_default());
    consumed.into_iter().fold(i64::MAX, i64::min)
}

/// What a compaction does not try again.
#[derive(Debug, Default)]
pub(super) struct Skipped {
    /// Partitions that could not be merged.
    pub partitions: HashSet<Partition>,
    /// The paths of files that are too large to merge.
    pub files: HashSet<String>,
}

/// Groups the small files of each partition so that each group makes about one file of the target size.
pub(super) fn plan(lake: &LakeSnapshot, id: TableId, rule: Rule, skipped: &Skipped) -> Vec<Merge> {
    let mut partitions: BTreeMap<Partition, Vec<Arc<DataFile>>> = BTreeMap::new();
    for file in lake.get(id).all_files() {
        let is_small = file.size < SMALL && file.rows() <= FULL_ROWS / 2;
        let is_skipped =
            skipped.partitions.contains(&file.partition) || skipped.files.contains(&file.path);
        if is_small && !is_skipped && rule.allows(id, &file) {
            let partition = partitions.entry(file.partition.clone());
            partition.or_default().push(file);
        }
    }
    let mut merges = Vec::new();
    for (partition, mut files) in partitions {
        if matches!(rule, Rule::Closed { .. }) {
            files.sort_by_key(|file| days_of(file, id.sort_columns()[0]).map(|d| *d.start()));
        }
        let mut group: Vec<Arc<DataFile>> = Vec::new();
        let mut size = 0;
        for file in files {
            if size + file.size > FULL {
                add_merge(&mut merges, &partition, std::mem::take(&mut group));
                size = 0;
            }
            size += file.size;
            group.push(file);
        }
        add_merge(&mut merges, &partition, group);
    }
    merges
}

fn add_merge(merges: &mut Vec<Merge>, partition: &Partition, files: Vec<Arc<DataFile>>) {
    if files.len() > 1 {
        merges.push(Merge {
            partition: partition.clone(),
            files,
            large: Vec::new(),
            into: None,
        });
    }
}
