//! The binary: everything is in the library.

use std::process::ExitCode;

/// A request makes hundreds of small allocations, on several threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    automation_kv::cli::main()
}
