//! SQLite: the common suite, and what only files can be asked.

mod constraints;
mod files;
mod fixture;
#[path = "../suite/mod.rs"]
mod suite;
