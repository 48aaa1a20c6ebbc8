//! What every database must do alike, mounted once for each; and what is peculiar to one of them, beside it.

#![expect(clippy::unwrap_used, reason = "what helps a test fails it")]
#![expect(clippy::duplicate_mod, reason = "the suite is mounted once for each database")]

mod app_samples;
mod earlier;
mod moved;
mod postgres;
mod samples;
mod sqlite;
