//! What every database must do alike, mounted once for each; and what is peculiar to one of them, beside it.

mod samples;
mod sqlite;
