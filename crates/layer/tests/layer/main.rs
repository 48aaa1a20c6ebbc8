//! The layer around services, before a node that says what a test lets it say.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bounds;
mod equal_attempts;
mod node;
mod outages;
mod passing;
