//! What is decided.
pub mod feed;
pub mod usage;
