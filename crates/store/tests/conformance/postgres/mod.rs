//! PostgreSQL: the common suite, and what only a server can be asked.

mod fixture;
#[path = "../suite/mod.rs"]
mod suite;
