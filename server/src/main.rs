//! The binary `rapport`.

use std::process::ExitCode;

/// Many threads allocate and free batches of rows at once.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    rapport::cli::main()
}
