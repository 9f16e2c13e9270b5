//! The memory that the process holds, as the operating system counts it.
//!
//! The reservations of plans are not all: decoded pages, a join's copy of its build side, the state of sessions and what
//! the allocator keeps are in no reservation. So the server's limit is compared with the anonymous resident memory of the
//! process (`RssAnon`). Mapped files, such as the binary, are left out, since the system can take their pages back.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use datafusion::common::human_readable_size;

use rapport_pgsql::error::{PgError, code};

/// How long a reading is used again: one costs some tens of microseconds, and operators ask often.
const MAX_AGE: Duration = Duration::from_millis(5);

/// The process is nearly full when one part in this many of its limit is left. Memory that was granted to statements is
/// touched, and so counted, a little later.
const NEARLY_FULL: usize = 16;

/// The file in which Linux reports it.
const STATUS: &str = "/proc/self/status";

/// Measures the memory of the process, against a limit.
#[derive(Debug)]
pub struct ProcessMemory {
    limit: usize,
    latest: Mutex<Reading>,
}

#[derive(Debug)]
struct Reading {
    /// `None` where the system does not report it.
    status: Option<File>,
    taken: Option<Instant>,
    held: usize,
}

impl ProcessMemory {
    /// Measures this process, with a limit in bytes.
    pub fn new(limit: usize) -> ProcessMemory {
        let status = File::open(STATUS)
            .map_err(|error| warn_unknown(&error))
            .ok();
        ProcessMemory {
            limit,
            latest: Mutex::new(Reading {
                status,
                taken: None,
                held: 0,
            }),
        }
    }

    /// Returns the limit in bytes.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Returns how many bytes the process holds; 0 where the system does not report it.
    pub fn held(&self) -> usize {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if latest.taken.is_none_or(|taken| taken.elapsed() >= MAX_AGE) {
            latest.taken = Some(Instant::now());
            latest.held = match latest.status.as_mut().map(read_held) {
                Some(Ok(held)) => held,
                Some(Err(error)) => {
                    warn_unknown(&error);
                    latest.status = None;
                    0
                }
                None => 0,
            };
        }
        latest.held
    }

    /// Returns whether memory must be freed before the process exceeds its limit.
    pub fn is_nearly_full(&self) -> bool {
        self.exceeds_with(self.limit / NEARLY_FULL)
    }

    /// Returns whether the process would exceed its limit with this many bytes more.
    pub fn exceeds_with(&self, additional: usize) -> bool {
        self.held().saturating_add(additional) > self.limit
    }

    /// Returns the error (53200) of a statement that is killed to free memory.
    pub fn kill_error(&self) -> PgError {
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

/// Warns that the limit cannot be compared with the memory of the process.
fn warn_unknown(error: &io::Error) {
    tracing::warn!(
        %error,
        "the system does not tell how much memory the server holds: its limit counts what statements reserve alone"
    );
}

fn read_held(status: &mut File) -> io::Result<usize> {
    let mut text = String::with_capacity(2048);
    status.rewind()?;
    status.read_to_string(&mut text)?;
    anonymous_bytes(&text).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Returns the bytes of `RssAnon` in the text of `/proc/self/status`.
fn anonymous_bytes(status: &str) -> Option<usize> {
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
    fn anonymous_memory_is_read_from_the_status_file() {
        let status = "Name:\trapport\nVmRSS:\t  300 kB\nRssAnon:\t     208 kB\nRssFile:\t 92 kB\n";
        assert_eq!(anonymous_bytes(status), Some(208 * 1024));
        assert_eq!(anonymous_bytes("Name:\trapport\n"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn touched_memory_is_counted() {
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
