//! No operation without its row: who may call it, what the audit trail says of it, and what of another account's it
//! shows. The rows are checked against the OpenAPI document of the running server, so that a new operation without one
//! fails here.
//!
//! What each denial is answered is a matrix too; the layer keeps it, where the answers are made.

mod audit;
mod authority;
mod document;
mod isolation;
mod methods;
mod operations;
