//! The binary `rapport`.

use std::process::ExitCode;

/// Allocates with jemalloc: a server has threads for every account, and an allocator that keeps a heap for each thread
/// would never give back what they have used (docs/decisions.md has figures).
#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Holds jemalloc's options, which it reads from a symbol of this name: a background thread returns freed memory to the
/// system.
#[cfg(not(target_env = "msvc"))]
#[expect(unsafe_code, reason = "the allocator finds its options by a symbol")]
// SAFETY: nothing else has this name; a pointer to a text that ends in a zero byte is what the allocator expects there.
#[unsafe(export_name = "_rjem_malloc_conf")]
pub static MALLOC_CONF: &[u8] = b"background_thread:true,muzzy_decay_ms:0\0";

fn main() -> ExitCode {
    rapport::cli::main()
}
