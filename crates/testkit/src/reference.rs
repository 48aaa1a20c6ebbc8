//! Pages of the documentation that are made of what the program says, and held to it.

use std::{env, fs};

use crate::repository;

/// Holds `docs/reference/{page}` to what was made for it; with `INSTA_UPDATE=always` it is written anew.
#[track_caller]
pub fn hold_reference(page: &str, made: &str) {
    let file = repository().join("docs/reference").join(page);
    if env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        fs::write(&file, made).expect("the repository can be written");
        return;
    }
    let kept = fs::read_to_string(&file).unwrap_or_default();
    assert!(made == kept, "{page} isn't what is said now: INSTA_UPDATE=always cargo test the_reference_is");
}
