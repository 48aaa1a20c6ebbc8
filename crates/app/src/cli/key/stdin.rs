//! A key on standard input: it is never a flag, which other users of the machine can read.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _};

use anyhow::Context as _;

use crate::{cli::wrong_usage, out};

/// More than any key; what is longer is cut and refused all the same.
const KEY_MAX: u64 = 64 << 10;

/// The key on stdin: its first line at a terminal, otherwise all there is but a line break at its end.
pub(super) fn read_key() -> anyhow::Result<String> {
    let stdin = io::stdin();
    let mut key = String::new();
    if stdin.is_terminal() {
        out::note("The key, then Enter:");
        stdin.lock().read_line(&mut key).context("the key can't be read")?;
    } else {
        stdin
            .lock()
            .take(KEY_MAX)
            .read_to_string(&mut key)
            .context("the key on stdin can't be read as text")?;
    }
    let key = key.strip_suffix('\n').map_or(&*key, |line| line.strip_suffix('\r').unwrap_or(line));
    if key.is_empty() {
        return Err(wrong_usage("no key on stdin: send it there, for example from a file with `< FILE`"));
    }
    Ok(key.to_owned())
}
