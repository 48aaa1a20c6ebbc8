//! What every database must do alike, mounted once for each; and what is peculiar to one of them, beside it.

#![expect(clippy::unwrap_used, reason = "what helps a test fails it")]

mod samples;
mod sqlite;
