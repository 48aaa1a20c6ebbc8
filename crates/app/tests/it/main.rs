//! Everything that is tested against the running program: one binary, a module for each kind of question.

mod applications;
mod architecture;
mod attacks;
mod changes;
mod command_line;
mod contracts;
mod errors;
mod faults;
mod granted;
mod imported;
mod keeping;
mod layer;
mod matrix;
mod members;
mod moved;
mod nodes;
mod oauth;
mod observed;
mod pages;
mod proxies;
mod reload;
mod streams;
mod tls;
#[cfg(feature = "otel")]
mod traces;
mod ways;

/// The program under test.
const PROGRAM: &str = env!("CARGO_BIN_EXE_claviger");

/// Whether to do with large numbers, and for long, what is done with small ones otherwise.
fn at_length() -> bool {
    std::env::var_os("CLAVIGER_LONG").is_some()
}
