//! The crates depend on each other as the architecture says.
