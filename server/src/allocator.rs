//! How memory is taken from the system, and how long the allocator keeps what is freed before the system gets it back.
//!
//! The binary's allocator is meant, mimalloc; under another one this changes nothing that is used.

use std::ffi::c_long;
use std::time::Duration;

/// mimalloc's number of the option `mi_option_purge_delay`, which its bindings leave out; the same in its versions 2 and 3.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

/// For a command that ends soon. Batches are freed and allocated all the time; to give their memory back at once, and have
/// it zeroed and mapped again a moment later, took a tenth of the time of landing.
pub const OF_A_COMMAND: Duration = Duration::from_secs(10);

/// For a server, which would else keep for long what one large statement took for a moment: seconds after it, a gigabyte
/// was still held.
pub const OF_A_SERVER: Duration = Duration::from_millis(100);

/// Sets how long freed memory is kept.
#[expect(unsafe_code, reason = "mimalloc's options have no safe interface")]
pub fn keep_freed_memory(time: Duration) {
    let milliseconds = c_long::try_from(time.as_millis()).unwrap_or(c_long::MAX);
    // SAFETY: sets an integer among the allocator's options, which any thread may at any time.
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, milliseconds) }
}

/// Takes memory in pages of the usual size from now on, where the system would give huge ones.
///
/// A server has some threads for every account, and each keeps a little of what it has worked with. In huge pages a little
/// is 2 MiB each time: 60 sessions of 30 accounts held 1.0 GiB after some short statements, and 0.4 without.
#[expect(unsafe_code, reason = "the system's calls have no safe interface")]
pub fn avoid_huge_pages() {
    #[cfg(target_os = "linux")]
    // SAFETY: a flag of the process; no memory is given to the call. An old kernel that refuses it changes nothing.
    unsafe {
        libc::prctl(libc::PR_SET_THP_DISABLE, 1, 0, 0, 0);
    }
}
