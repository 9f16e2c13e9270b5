//! The binary `rapport`.

use std::process::ExitCode;

/// Many threads allocate and free batches of rows at once.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// mimalloc's number of the option `mi_option_purge_delay`, which its bindings leave out; the same in its versions 2 and 3.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;
/// So many milliseconds freed memory is kept before the system gets it back.
const KEPT: std::ffi::c_long = 10_000;

fn main() -> ExitCode {
    keep_freed_memory();
    rapport::cli::main()
}

/// Batches are freed and allocated all the time. To give their memory back at once, and have it zeroed and mapped again a
/// moment later, took a tenth of the time of landing.
#[expect(unsafe_code, reason = "mimalloc's options have no safe interface")]
fn keep_freed_memory() {
    // SAFETY: sets an integer among the allocator's options, which any thread may at any time.
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, KEPT) }
}
