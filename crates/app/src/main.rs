//! The binary `claviger`: configuration, wiring, listeners and the command line.
//!
//! Whatever decides, changes or answers is in the other crates; here they meet the system.

mod cli;
mod config;
mod demo;
mod log;
mod out;
mod serve;
mod system;

/// Verifying allocates little and often, in many threads at once.
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    cli::run()
}
