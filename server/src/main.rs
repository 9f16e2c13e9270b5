//! The binary `rapport`.

use std::process::ExitCode;

use rapport::allocator;

/// Many threads allocate and free batches of rows at once.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    allocator::keep_freed_memory(allocator::OF_A_COMMAND);
    rapport::cli::main()
}
