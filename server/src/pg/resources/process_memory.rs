//! How much memory the process itself holds, whoever in it has taken it.
//!
//! What plans reserve is not all that there is: pages that are being read, copies that a join makes of its side, what
//! sessions know and what an allocator keeps are in no reservation. So the limit of a server is held against what the
//! system counts: the pages that are the process's own. Files that are mapped, as the binary is, are left out, since the
//! system takes their pages back when it wants to.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use datafusion::common::human_readable_size;

use rapport_pgsql::error::{PgError, code};

/// How old a figure may be: to take one costs some tens of microseconds, and operators ask again and again.
const FRESH: Duration = Duration::from_millis(5);

/// It is nearly full when such a part of its limit is left: what statements have been promised comes a little later.
const NEARLY_FULL: usize = 16;

/// Where the system tells it.
const STATUS: &str = "/proc/self/status";

/// The memory of the process, and how much it may be.
#[derive(Debug)]
pub struct ProcessMemory {
    limit: usize,
    latest: Mutex<Latest>,
}

#[derive(Debug)]
struct Latest {
    /// None where the system does not tell.
    status: Option<File>,
    taken: Option<Instant>,
    held: usize,
}

impl ProcessMemory {
    /// Of this process, with a limit in bytes.
    pub fn new(limit: usize) -> ProcessMemory {
        let status = File::open(STATUS).map_err(|error| unknown(&error)).ok();
        ProcessMemory {
            limit,
            latest: Mutex::new(Latest {
                status,
                taken: None,
                held: 0,
            }),
        }
    }

    /// How much it may hold.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// How much it holds, in bytes; 0 where the system does not tell.
    pub fn held(&self) -> usize {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if latest.taken.is_none_or(|taken| taken.elapsed() >= FRESH) {
            latest.taken = Some(Instant::now());
            latest.held = match latest.status.as_mut().map(read) {
                Some(Ok(held)) => held,
                Some(Err(error)) => {
                    unknown(&error);
                    latest.status = None;
                    0
                }
                None => 0,
            };
        }
        latest.held
    }

    /// Whether it holds so much that something must go before it holds more than it may.
    pub fn is_nearly_full(&self) -> bool {
        self.exceeds_with(self.limit / NEARLY_FULL)
    }

    /// Whether so much more would be too much.
    pub fn exceeds_with(&self, additional: usize) -> bool {
        self.held().saturating_add(additional) > self.limit
    }

    /// Why a statement is given up.
    pub fn used_up(&self) -> PgError {
        PgError::new(
            code::OUT_OF_MEMORY,
            format!(
                "out of memory: the server holds all of the {} that it may",
                human_readable_size(self.limit)
            ),
        )
        .hint("this statement held most; ask for fewer rows or columns at a time")
    }
}

/// Says, once, that the limit is not what it is said to be.
fn unknown(error: &io::Error) {
    tracing::warn!(
        %error,
        "the system does not tell how much memory the server holds: its limit counts what statements reserve alone"
    );
}

fn read(status: &mut File) -> io::Result<usize> {
    let mut text = String::with_capacity(2048);
    status.rewind()?;
    status.read_to_string(&mut text)?;
    own_pages(&text).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// The process's own pages in bytes, by the system's account of it.
fn own_pages(status: &str) -> Option<usize> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"))?;
    let kibibytes: usize = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_systems_account_is_read() {
        let status = "Name:\trapport\nVmRSS:\t  300 kB\nRssAnon:\t     208 kB\nRssFile:\t 92 kB\n";
        assert_eq!(own_pages(status), Some(208 * 1024));
        assert_eq!(own_pages("Name:\trapport\n"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_is_touched_is_held() {
        const MORE: usize = 64 << 20;
        let before = ProcessMemory::new(usize::MAX).held();
        assert!(before > 0);
        let memory = std::hint::black_box(vec![1_u8; MORE]);
        let process = ProcessMemory::new(before + MORE / 2);
        assert!(process.held() >= before + MORE / 2);
        assert!(process.exceeds_with(0));
        drop(memory);
    }
}
