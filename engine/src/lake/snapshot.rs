//! One version of a table: its files, indexed by account and partition date.
//!
//! A snapshot is immutable. The next one shares with it everything that the commit did not touch, so advancing costs as
//! much as the commit changed. A query of one account looks at that account's files alone, however many accounts there are.

use std::collections::{BTreeMap, HashMap};
use std::ops::RangeInclusive;
use std::sync::Arc;

use deltalake_core::kernel::Metadata;

use super::stats::{FileStatisticsRef, date_text, parse_date};
use super::table::{Partitioning, TableId};
use super::write::NewFile;

/// The range of all dates.
pub const ALL_DATES: RangeInclusive<i32> = i32::MIN..=i32::MAX;

/// The partition of a file: the values of its table's partition columns.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Partition {
    /// `account_id`, where the table has it.
    pub account: Option<Arc<str>>,
    /// The date column, as days since 1970-01-01, where the table has one.
    pub date: Option<i32>,
}

impl Partition {
    /// Returns the partition of an account and a date.
    pub fn new(account: impl Into<Arc<str>>, date: i32) -> Self {
        Self {
            account: Some(account.into()),
            date: Some(date),
        }
    }

    /// Returns the folder of its files inside the table, ending in a slash; empty for an unpartitioned table.
    pub fn folder(&self, table: TableId) -> String {
        let mut folder = String::new();
        for (column, value) in self.values(table) {
            folder.push_str(&format!("{column}={value}/"));
        }
        folder
    }

    /// Returns its columns and values as the Delta log spells them.
    pub fn values(&self, table: TableId) -> Vec<(&'static str, String)> {
        let mut values = Vec::new();
        if let Some(account) = &self.account {
            values.push(("account_id", account.to_string()));
        }
        if let (Some(date), Partitioning::Date(column) | Partitioning::AccountAndDate(column)) =
            (self.date, table.partitioning())
        {
            values.push((column, date_text(date)));
        }
        values
    }

    /// Parses the partition values of a file in the Delta log.
    ///
    /// # Errors
    /// The partition column that has no value, or a value that is no date.
    pub fn parse<'a>(
        table: TableId,
        values: impl Fn(&str) -> Option<&'a str>,
    ) -> Result<Self, String> {
        let value = |column: &str| {
            values(column)
                .ok_or_else(|| format!("a file has no value for the partition column {column}"))
        };
        let date = |column: &str| {
            let text = value(column)?;
            parse_date(text)
                .map(Some)
                .ok_or_else(|| format!("partition column {column}: {text:?} is no date"))
        };
        let account = || value("account_id").map(|a| Some(Arc::from(a)));
        Ok(match table.partitioning() {
            Partitioning::Unpartitioned => Self::default(),
            Partitioning::Date(column) => Self {
                account: None,
                date: date(column)?,
            },
            Partitioning::Account => Self {
                account: account()?,
                date: None,
            },
            Partitioning::AccountAndDate(column) => Self {
                account: account()?,
                date: date(column)?,
            },
        })
    }
}

/// A file that is part of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct DataFile {
    /// Its path inside the table's folder.
    pub path: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its partition.
    pub partition: Partition,
    /// The version that added it; 0 if it was there when the table was opened and every derived table has consumed it.
    pub version: i64,
    /// When it became part of the table, in milliseconds since 1970. For a compacted file: when the newest of its source
    /// files did.
    pub committed_at: i64,
    /// Row count, and minimum and maximum of some columns.
    pub statistics: FileStatisticsRef,
}

impl DataFile {
    /// Returns its number of rows.
    pub fn rows(&self) -> u64 {
        self.statistics.rows
    }
}

/// A table's metadata and the layout that it states.
#[derive(Debug, Clone)]
pub struct Definition {
    /// The table's layout.
    pub layout: u32,
    /// Its columns and properties.
    pub metadata: Arc<Metadata>,
}

/// What changed between two versions of a table.
#[derive(Debug, Default)]
pub struct FileChanges {
    /// Files that came.
    pub adds: Vec<Arc<DataFile>>,
    /// Paths and, where the log says so, partitions of files that went.
    pub removes: Vec<(String, Option<Partition>)>,
    /// Application transactions that were recorded.
    pub transactions: Vec<(String, i64)>,
    /// What the table's metadata says from now on, where it changed.
    pub definition: Option<Definition>,
    /// Whether the log says what a reader of it has to know.
    pub has_protocol: bool,
}

impl FileChanges {
    /// Adds what came after it in the same version.
    pub(super) fn extend(&mut self, later: FileChanges) {
        self.adds.extend(later.adds);
        self.removes.extend(later.removes);
        self.transactions.extend(later.transactions);
        self.definition = later.definition.or(self.definition.take());
        self.has_protocol |= later.has_protocol;
    }
}

type Dates = BTreeMap<i32, Vec<Arc<DataFile>>>;

/// One version of a table.
#[derive(Debug, Clone)]
pub struct TableSnapshot {
    id: TableId,
    version: i64,
    /// The version from which it was read on; the files of that one do not say which version added them.
    read_from: i64,
    accounts: BTreeMap<Arc<str>, Arc<Dates>>,
    transactions: HashMap<String, i64>,
    definition: Option<Definition>,
}

impl TableSnapshot {
    pub(crate) fn new(id: TableId, version: i64) -> Self {
        Self {
            id,
            version,
            read_from: version,
            accounts: BTreeMap::new(),
            transactions: HashMap::new(),
            definition: None,
        }
    }

    /// Returns the table.
    pub fn id(&self) -> TableId {
        self.id
    }

    /// Returns the version in the Delta log.
    pub fn version(&self) -> i64 {
        self.version
    }

    /// Returns the version from which it was read on: files that came later say which version added them.
    pub(crate) fn read_from(&self) -> i64 {
        self.read_from
    }

    /// Returns the table's layout; 0 if it states none.
    pub fn layout(&self) -> u32 {
        self.definition.as_ref().map_or(0, |known| known.layout)
    }

    /// Returns the table's columns and properties.
    pub(crate) fn metadata(&self) -> Option<&Metadata> {
        self.definition
            .as_ref()
            .map(|known| known.metadata.as_ref())
    }

    /// Returns the number that the table has recorded last under the name of an application transaction. A derived table
    /// records under a landed table's name which version of that table it has consumed.
    pub fn transaction(&self, application: &str) -> Option<i64> {
        self.transactions.get(application).copied()
    }

    /// Returns the numbers of the application transactions whose names begin with `prefix`.
    pub(super) fn transactions_with(&self, prefix: &str) -> impl Iterator<Item = i64> {
        let named = self.transactions.iter();
        named.filter_map(move |(name, number)| name.starts_with(prefix).then_some(*number))
    }

    /// Returns the version consumed of each table of [`TableId::CONSUMED`], in that order.
    pub fn consumed(&self) -> [i64; TableId::CONSUMED.len()] {
        TableId::CONSUMED.map(|raw| self.transaction(raw.name()).unwrap_or_default())
    }

    /// Returns the accounts that have files, in bytewise order; none for a table that is not partitioned by account.
    pub fn accounts(&self) -> impl Iterator<Item = &Arc<str>> {
        self.accounts.keys().filter(|a| !a.is_empty())
    }

    /// Returns the dates of an account's partitions.
    pub fn dates(&self, account: &str) -> impl Iterator<Item = i32> {
        self.accounts
            .get(account)
            .into_iter()
            .flat_map(|dates| dates.keys().copied())
    }

    /// Returns the files of an account (`None`: of all accounts) whose partition date is in the range.
    pub fn files(&self, account: Option<&str>, dates: RangeInclusive<i32>) -> Vec<Arc<DataFile>> {
        let of = |days: &Arc<Dates>| -> Vec<Arc<DataFile>> {
            days.range(dates.clone())
                .flat_map(|(_, files)| files.iter().cloned())
                .collect()
        };
        match account {
            Some(account) => self.accounts.get(account).map(of).unwrap_or_default(),
            None => self.accounts.values().flat_map(of).collect(),
        }
    }

    /// Returns whether a written file is part of the table.
    pub(crate) fn has_file(&self, file: &NewFile) -> bool {
        let date = file.partition.date.unwrap_or_default();
        self.files(file.partition.account.as_deref(), date..=date)
            .iter()
            .any(|known| known.path == file.path)
    }

    /// Returns whether a file is part of the table.
    pub(crate) fn has(&self, file: &DataFile) -> bool {
        let date = file.partition.date.unwrap_or_default();
        let files = self.files(file.partition.account.as_deref(), date..=date);
        files.iter().any(|known| known.path == file.path)
    }

    /// Returns all files.
    pub fn all_files(&self) -> Vec<Arc<DataFile>> {
        self.files(None, ALL_DATES)
    }

    /// Returns the table after the changes of a later version.
    pub(crate) fn advanced(&self, version: i64, changes: FileChanges) -> Self {
        let mut next = self.clone();
        next.apply(version, changes);
        next
    }

    /// Applies the changes of a later version.
    pub(super) fn apply(&mut self, version: i64, changes: FileChanges) {
        self.version = version;
        for (path, partition) in changes.removes {
            self.remove(&path, partition.as_ref());
        }
        for mut file in changes.adds {
            let (account, date) = key(&file.partition);
            // Share one copy of the account's name among all of its files.
            if let Some((known, _)) = self.accounts.get_key_value(&account)
                && let Some(file) = Arc::get_mut(&mut file)
                && file.partition.account.is_some()
            {
                file.partition.account = Some(Arc::clone(known));
            }
            let dates = Arc::make_mut(self.accounts.entry(account).or_default());
            let files = dates.entry(date).or_default();
            // A file may be added again, with other statistics: the last action on a path counts.
            match files.iter_mut().find(|known| known.path == file.path) {
                Some(known) => *known = file,
                None => files.push(file),
            }
        }
        self.transactions.extend(changes.transactions);
        if changes.definition.is_some() {
            self.definition = changes.definition;
        }
    }

    fn remove(&mut self, path: &str, partition: Option<&Partition>) {
        match partition.map(key) {
            Some((account, date)) => self.remove_from(&account, date..=date, path),
            // Another writer's entry may leave out the partition: search all of them.
            None => {
                let accounts: Vec<Arc<str>> = self.accounts.keys().cloned().collect();
                for account in accounts {
                    self.remove_from(&account, ALL_DATES, path);
                }
            }
        }
    }

    fn remove_from(&mut self, account: &str, range: RangeInclusive<i32>, path: &str) {
        let Some(dates) = self.accounts.get_mut(account) else {
            return;
        };
        let dates = Arc::make_mut(dates);
        let mut empty = Vec::new();
        for (date, files) in dates.range_mut(range) {
            files.retain(|file| file.path != path);
            if files.is_empty() {
                empty.push(*date);
            }
        }
        for date in empty {
            dates.remove(&date);
        }
        if dates.is_empty() {
            self.accounts.remove(account);
        }
    }

    /// Sets the version that added a file, where the table has it.
    pub(super) fn set_version(&mut self, added: &DataFile) {
        let (account, date) = key(&added.partition);
        let dates = self.accounts.get_mut(&account).map(Arc::make_mut);
        let files = dates.and_then(|dates| dates.get_mut(&date));
        let mut files = files.into_iter().flatten();
        if let Some(known) = files.find(|known| known.path == added.path) {
            Arc::make_mut(known).version = added.version;
        }
    }
}

fn key(partition: &Partition) -> (Arc<str>, i32) {
    (
        partition.account.clone().unwrap_or_else(|| Arc::from("")),
        partition.date.unwrap_or_default(),
    )
}
