//! What can be said of the embedded database without opening it for use.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, UNIX_EPOCH},
};

use claviger_model::Timestamp;
use rusqlite::{Connection, OptionalExtension as _};

use super::{
    connection,
    failure::of_open,
    migrate,
    moved::{self, Moved},
    start::DATABASE,
};
use crate::{Finding, OpenError, StoreError};

const ABOUT: &str = "database";

/// How far what was written may be ahead of a clock that was read before: a server goes on writing.
const AHEAD: Duration = Duration::from_secs(2);

/// Looks at the file in this directory. It is `now`.
pub(crate) fn examine(dir: &Path, now: Timestamp) -> Vec<Finding> {
    let path = dir.join(DATABASE);
    match fs::metadata(&path) {
        Ok(metadata) if metadata.len() > 0 => look(&path, now),
        // A directory that nobody has used yet: what is wrong with it was said.
        _ => Vec::new(),
    }
}

fn look(path: &Path, now: Timestamp) -> Vec<Finding> {
    let failed = |error: rusqlite::Error| Finding::fail(ABOUT, &of_open(path, &error));
    match connection::to_read(path).map_err(failed) {
        Ok(connection) => {
            let state = state(path, &connection).unwrap_or_else(|fault| fault);
            [Some(state), clock(path, &connection, now)].into_iter().flatten().collect()
        }
        Err(fault) => vec![fault],
    }
}

/// Whether this machine's clock was ever further than it is now: there is no second clock to compare it with, but what was
/// written by it. `None` where that can't be read, which was told then.
fn clock(path: &Path, connection: &Connection, now: Timestamp) -> Option<Finding> {
    const ABOUT: &str = "clock";
    const ADVICE: &str = "set the clock by NTP before claviger serve starts: keys expire by it, and those that ran out in \
                          between would work again. If it is right now, it was ahead then, and keys may have run out too \
                          early.";
    let last = "SELECT at FROM audit_events ORDER BY number DESC LIMIT 1";
    let changed = connection.query_row(last, (), |row| row.get(0)).optional().ok()?;
    let beside = |end: &str| {
        PathBuf::from([path.as_os_str(), end.as_ref()].into_iter().collect::<std::ffi::OsString>())
    };
    let written = ["", "-wal"].into_iter().filter_map(|end| written_at(&beside(end)));
    let newest = written.chain(changed.map(Timestamp::from_millis)).max()?;
    let ahead =
        Duration::from_millis(newest.as_millis().saturating_sub(now.as_millis()).try_into().unwrap_or(0));
    Some(if ahead > AHEAD {
        let seconds = ahead.as_secs();
        let found = format!(
            "This machine's clock says {now}, and {} was written {seconds} s later, at {newest}: the clock went back.",
            path.display()
        );
        Finding::warn(ABOUT, found, ADVICE)
    } else {
        Finding::ok(ABOUT, "This machine's clock is past everything that was written by it.")
    })
}

/// When the file was last written, by the clock of whoever did.
fn written_at(path: &Path) -> Option<Timestamp> {
    let at = fs::metadata(path).ok()?.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    at.as_millis().try_into().ok().map(Timestamp::from_millis)
}

fn state(path: &Path, connection: &Connection) -> Result<Finding, Finding> {
    let failed = |error: rusqlite::Error| Finding::fail(ABOUT, &of_open(path, &error));
    let (found, known) = (migrate::version(connection).map_err(failed)?, migrate::known(migrate::DATABASE));
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
        moved::find(connection).map_err(|failure| Finding::fail(ABOUT, &StoreError::from(failure)))?;
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
