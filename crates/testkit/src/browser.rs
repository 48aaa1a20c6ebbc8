//! Stories that are played in a real browser: `tests/browser` has the browser's side of them.

use std::{
    fs::{self, File},
    io::Write as _,
    os::unix::process::ExitStatusExt as _,
    process::{Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::repository;

/// How long a story may take; the browser's side gives up, with a reason, before that.
const PATIENCE: Duration = Duration::from_secs(150);

/// Plays `tests/browser/stories/{story}.mjs` with what it is `given`: addresses, ids, names, one-time links.
///
/// The story gets it on standard input, so that no secret is in a command line or an environment.
///
/// # Panics
/// If anything isn't as the story expects, or if a page does what no page may. Screenshots are in
/// `target/screenshots`.
#[track_caller]
pub fn play_story(story: &str, given: &Value) {
    let (status, said) = run_story(story, given);
    assert!(status.success(), "{said}");
}

/// Plays it and returns what it complains of: for tests of what fails.
#[track_caller]
pub fn failing_story(story: &str, given: &Value) -> String {
    let (status, said) = run_story(story, given);
    assert_eq!(status.code(), Some(1), "{said}");
    said
}

#[track_caller]
fn run_story(story: &str, given: &Value) -> (ExitStatus, String) {
    let (ours, installed) =
        (repository().join("tests/browser"), repository().join("target/browser/installed"));
    assert!(installed.exists(), "the browser is not installed: run tests/browser/install, as ./test does");
    let home = TempDir::new().expect("a directory can be made");
    let log = home.path().join("log");
    let out = File::create(&log).expect("the test's directory can be written");
    let errors = out.try_clone().expect("a file can be shared");
    let mut command = Command::new("node");
    command.arg(ours.join("story.mjs")).arg(story).current_dir(home.path()).env_clear();
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    // Whatever a browser keeps goes when the test ends.
    for place in ["HOME", "TMPDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"] {
        command.env(place, home.path());
    }
    command.env("FONTCONFIG_FILE", ours.join("fonts.conf"));
    let mut child = command.stdin(Stdio::piped()).stdout(out).stderr(errors).spawn().expect("node is there");
    let mut input = child.stdin.take().expect("standard input is a pipe");
    // A story that ends without reading says why; that it didn't read is no second failure.
    let _ = input.write_all(given.to_string().as_bytes());
    drop(input);
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("a child has a process id");
    let (tell, told) = mpsc::channel();
    thread::spawn(move || tell.send(child.wait()));
    let ended = told.recv_timeout(PATIENCE).unwrap_or_else(|_late| {
        // One that has just ended needs no signal.
        let _ = kill_process(pid, Signal::KILL);
        Ok(ExitStatus::from_raw(Signal::KILL.as_raw()))
    });
    let said = fs::read_to_string(&log).expect("the story's words are text");
    (ended.expect("a child can be waited for"), said)
}
