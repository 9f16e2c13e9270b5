//! One version of a table: which files it has, found by account and date without looking at any other account's.
//!
//! A snapshot never changes. The next one shares with it all that the commit did not touch, so that advancing costs what
//! the commit changed, and a shop's query costs what the shop's own files cost, however many shops there are.

use std::collections::{BTreeMap, HashMap};
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::stats::{FileStatisticsRef, date_text, parse_date};
use super::table::{Partitioning, TableId};

/// All dates.
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
    /// The partition of an account and a date.
    pub fn new(account: impl Into<Arc<str>>, date: i32) -> Self {
        Self {
            account: Some(account.into()),
            date: Some(date),
        }
    }

    /// The folder of its files inside the table, ending in a slash; empty for an unpartitioned table.
    pub fn folder(&self, table: TableId) -> String {
        let mut folder = String::new();
        for (column, value) in self.values(table) {
            folder.push_str(&format!("{column}={value}/"));
        }
        folder
    }

    /// Its columns and values, as the Delta log has them.
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

    /// From the Delta log.
    pub fn parse(table: TableId, values: &HashMap<String, Option<String>>) -> Result<Self, String> {
        let value = |column: &str| {
            values
                .get(column)
                .and_then(Option::as_deref)
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
    /// The version that added it; 0 if it was there when the table was opened and nothing newer needs to know.
    pub version: i64,
    /// When it became part of the table, in milliseconds since 1970; of a compacted file, when the newest of those that it
    /// was made of did.
    pub committed_at: i64,
    /// What is known of its rows.
    pub statistics: FileStatisticsRef,
}

impl DataFile {
    /// How many rows it has.
    pub fn rows(&self) -> u64 {
        self.statistics.rows
    }
}

/// A file's changes between two versions.
#[derive(Debug, Default)]
pub struct FileChanges {
    /// Files that came.
    pub adds: Vec<Arc<DataFile>>,
    /// Paths and, where the log says so, partitions of files that went.
    pub removes: Vec<(String, Option<Partition>)>,
    /// Application transactions that were recorded.
    pub transactions: Vec<(String, i64)>,
}

type Dates = BTreeMap<i32, Vec<Arc<DataFile>>>;

/// One version of a table.
#[derive(Debug, Clone)]
pub struct TableSnapshot {
    id: TableId,
    version: i64,
    accounts: BTreeMap<Arc<str>, Arc<Dates>>,
    transactions: HashMap<String, i64>,
}

impl TableSnapshot {
    pub(crate) fn new(id: TableId, version: i64) -> Self {
        Self {
            id,
            version,
            accounts: BTreeMap::new(),
            transactions: HashMap::new(),
        }
    }

    /// The table.
    pub fn id(&self) -> TableId {
        self.id
    }

    /// Its version in the Delta log.
    pub fn version(&self) -> i64 {
        self.version
    }

    /// The last version that an application recorded here; for a derived table, the version of the table of that name
    /// that it has consumed.
    pub fn transaction(&self, application: &str) -> Option<i64> {
        self.transactions.get(application).copied()
    }

    /// The versions of the landed tables that it has consumed, as in [`TableId::CONSUMED`].
    pub fn consumed(&self) -> [i64; TableId::CONSUMED.len()] {
        TableId::CONSUMED.map(|raw| self.transaction(raw.name()).unwrap_or_default())
    }

    /// The accounts that have files here, in bytewise order. Empty for a table that is not partitioned by account.
    pub fn accounts(&self) -> impl Iterator<Item = &Arc<str>> {
        self.accounts.keys().filter(|a| !a.is_empty())
    }

    /// The dates of an account's partitions.
    pub fn dates(&self, account: &str) -> impl Iterator<Item = i32> {
        self.accounts
            .get(account)
            .into_iter()
            .flat_map(|dates| dates.keys().copied())
    }

    /// The files of an account (`None`: of all) whose partition date is in the range.
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

    /// Every file.
    pub fn all_files(&self) -> Vec<Arc<DataFile>> {
        self.files(None, ALL_DATES)
    }

    /// The version that follows from this one by `changes`.
    pub(crate) fn advanced(&self, version: i64, changes: FileChanges) -> Self {
        let mut next = self.clone();
        next.version = version;
        for (path, partition) in changes.removes {
            next.remove(&path, partition.as_ref());
        }
        for mut file in changes.adds {
            let (account, date) = key(&file.partition);
            // Of many files of one account each came with a copy of its name; one is enough.
            if let Some((known, _)) = next.accounts.get_key_value(&account)
                && let Some(file) = Arc::get_mut(&mut file)
                && file.partition.account.is_some()
            {
                file.partition.account = Some(Arc::clone(known));
            }
            let dates = Arc::make_mut(next.accounts.entry(account).or_default());
            dates.entry(date).or_default().push(file);
        }
        next.transactions.extend(changes.transactions);
        next
    }

    fn remove(&mut self, path: &str, partition: Option<&Partition>) {
        let accounts: Vec<Arc<str>> = match partition {
            Some(partition) => vec![key(partition).0],
            // Another writer's log need not say the partition: then look everywhere.
            None => self.accounts.keys().cloned().collect(),
        };
        for account in accounts {
            let Some(dates) = self.accounts.get_mut(&account) else {
                continue;
            };
            let dates = Arc::make_mut(dates);
            for files in dates.values_mut() {
                files.retain(|f| f.path != path);
            }
            dates.retain(|_, files| !files.is_empty());
            if dates.is_empty() {
                self.accounts.remove(&account);
            }
        }
    }

    /// The same, with the version that added a file made known for the files in `versions`.
    pub(crate) fn with_versions(mut self, versions: &HashMap<String, i64>) -> Self {
        for dates in self.accounts.values_mut() {
            for files in Arc::make_mut(dates).values_mut() {
                for file in files {
                    if let Some(version) = versions.get(&file.path) {
                        Arc::make_mut(file).version = *version;
                    }
                }
            }
        }
        self
    }
}

fn key(partition: &Partition) -> (Arc<str>, i32) {
    (
        partition.account.clone().unwrap_or_else(|| Arc::from("")),
        partition.date.unwrap_or_default(),
    )
}
