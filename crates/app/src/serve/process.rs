//! What the process asks of the system: that its memory stays its own, and enough open files.

use rustix::process::{DumpableBehavior, Resource, getrlimit, set_dumpable_behavior, setrlimit};

/// Open files that are kept for the database, the log and the ready file.
const FILES_KEPT: u64 = 128;
/// Fewer connections than this are no service.
const CONNECTIONS_MIN: u64 = 16;

/// No core dumps, and no reading by other processes of the same user: memory holds secrets.
pub(super) fn hide_memory() {
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::warn!(%error, "a crash may write secrets into a core dump");
    }
}

/// Raises the limit of open files as far as it goes. Returns how many connections each of so many listeners may have, at
/// most `wanted`: one that is flooded leaves the others theirs.
pub(super) fn connections(wanted: usize, listeners: u64) -> usize {
    let mut files = getrlimit(Resource::Nofile);
    files.current = files.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, files) {
        tracing::warn!(%error, "the limit of open files stays low");
    }
    let possible = getrlimit(Resource::Nofile).current.map_or(wanted, |files| share(files, listeners));
    if possible < wanted {
        tracing::warn!(
            connections = possible,
            wanted,
            "each listener takes fewer connections than the settings say: raise the limit of open files (ulimit -n)"
        );
    }
    possible.min(wanted)
}

/// The gateway has two shares: it opens one more file for each request it forwards.
fn share(files: u64, listeners: u64) -> usize {
    let share = files.saturating_sub(FILES_KEPT) / (listeners + 1);
    usize::try_from(share.max(CONNECTIONS_MIN)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_files_are_shared_out_with_some_kept() {
        assert_eq!(share(1024, 3), 224);
        assert_eq!(share(1024, 4), 179);
        assert_eq!(share(60, 3), 16);
    }
}
