//! PostgreSQL: the common suite, and what only a server can be asked.

mod constraints;
mod fixture;
mod issuing;
mod server;
#[path = "../suite/mod.rs"]
mod suite;
