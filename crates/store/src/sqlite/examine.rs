//! What can be said of the embedded database without opening it for use.

use std::{fs, path::Path};

use super::{
    connection,
    failure::of_open,
    migrate,
    moved::{self, Moved},
    start::DATABASE,
};
use crate::{Finding, OpenError, StoreError};

const ABOUT: &str = "database";

/// Looks at the file in this directory.
pub(crate) fn examine(dir: &Path) -> Option<Finding> {
    let path = dir.join(DATABASE);
    match fs::metadata(&path) {
        Ok(metadata) if metadata.len() > 0 => Some(look(&path).unwrap_or_else(|fault| fault)),
        // A directory that nobody has used yet: what is wrong with it was said.
        _ => None,
    }
}

fn look(path: &Path) -> Result<Finding, Finding> {
    let failed = |error: rusqlite::Error| Finding::fail(ABOUT, &of_open(path, &error));
    let connection = connection::to_read(path).map_err(failed)?;
    let (found, known) = (migrate::version(&connection).map_err(failed)?, migrate::known(migrate::DATABASE));
    let place = path.display().to_string();
    if found > known {
        return Err(Finding::fail(ABOUT, &OpenError::Newer { place, found, known }));
    }
    if found < known {
        return Ok(Finding::warn(
            ABOUT,
            format!("{place} has schema {found}, and this version needs {known}."),
            "nothing: claviger serve brings it up when it starts. Keep a backup of it until then.",
        ));
    }
    let moved =
        moved::find(&connection).map_err(|failure| Finding::fail(ABOUT, &StoreError::from(failure)))?;
    Ok(match moved {
        None => {
            Finding::ok(ABOUT, format!("{place} has schema {found}, the newest that this version knows."))
        }
        Some(Moved { place: to, finished: true, .. }) => {
            Finding::fail(ABOUT, &OpenError::Moved { place, to })
        }
        Some(Moved { place: to, .. }) => Finding::warn(
            ABOUT,
            format!("{place} is being copied to {to}, or that was interrupted: nothing is changed in it."),
            "wait for claviger copy, or run it again: it makes the copy anew, or takes it back with --abort.",
        ),
    })
}
