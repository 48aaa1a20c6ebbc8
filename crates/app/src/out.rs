//! Writes to the terminal: data to stdout, everything else to stderr.
//!
//! What comes from elsewhere is shown with its control characters written out, so that a name can't steer a terminal.

use std::{
    fmt::Write as _,
    io::{self, IsTerminal as _, Write as _},
};

use serde_json::Value;

/// Writes data to stdout. A reader that has gone is no fault of ours.
pub(crate) fn data(text: &str) -> io::Result<()> {
    match shown_once(text) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Writes to stdout what can't be asked for again. That its reader has gone is a failure here.
pub(crate) fn shown_once(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// Writes one JSON value to stdout, on one line.
pub(crate) fn json(value: &Value) -> io::Result<()> {
    data(&format!("{value}\n"))
}

/// Writes a line for the person at the terminal to stderr.
pub(crate) fn note(text: &str) {
    // Nobody is left to tell when stderr is gone.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Writes over the line at the terminal, where there is one, how far something has come.
pub(crate) fn progress(text: &str) {
    let mut stderr = io::stderr().lock();
    if stderr.is_terminal() {
        // To the line's beginning, and what was there before is gone.
        let _ = write!(stderr, "\r\u{1b}[K{text}");
        let _ = stderr.flush();
    }
}

/// `text` with what a terminal would act on written out.
pub(crate) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_control() || turns_text(letter) {
            write!(shown, "\\u{{{:x}}}", u32::from(letter)).expect("a String takes everything");
        } else {
            shown.push(letter);
        }
    }
    shown
}

/// [`visible`] with the line breaks left in.
pub(crate) fn visible_lines(text: &str) -> String {
    text.split('\n').map(visible).collect::<Vec<_>>().join("\n")
}

/// Whether the character changes the direction in which others are shown.
fn turns_text(letter: char) -> bool {
    matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_written_out() {
        assert_eq!(visible("a\u{1b}[31mb\r\n\u{202e}c"), "a\\u{1b}[31mb\\u{d}\\u{a}\\u{202e}c");
        assert_eq!(visible("Grüße, 世界 \\ 🙂"), "Grüße, 世界 \\ 🙂");
    }
}
