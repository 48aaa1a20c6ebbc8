//! `claviger serve` started as it is, without `init` before it.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use claviger_testkit::{Program, eventually};
use serde_json::Value;
use tempfile::TempDir;

/// A server that was started on an empty directory.
pub(super) struct Serving {
    root: TempDir,
    child: Child,
    /// What the ready file says.
    pub(super) ready: Value,
}

impl Serving {
    /// Starts with these arguments of `serve`, on ports that the system chooses.
    pub(super) fn start(program: &Program, arguments: &[&str]) -> Self {
        Self::start_in(TempDir::new().expect("a directory can be made"), program, arguments)
    }

    pub(super) fn start_in(root: TempDir, program: &Program, arguments: &[&str]) -> Self {
        let words = line(root.path(), arguments);
        Self::start_with(root, program, &words.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Starts with these words alone; `--ready-file` must be among them.
    pub(super) fn start_with(root: TempDir, program: &Program, words: &[&str]) -> Self {
        let mut command = program.command(words);
        let log = File::create(root.path().join("log")).expect("the log can be written");
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("a file can be shared")).stderr(log);
        Self::wait(root, command)
    }

    /// Starts on a terminal, whose screen goes to the log.
    pub(super) fn start_on_a_terminal(arguments: &[&str]) -> Self {
        let root = TempDir::new().expect("a directory can be made");
        let words = line(root.path(), arguments);
        let command_line = [&[crate::PROGRAM.to_owned()], &words[..]].concat().join(" ");
        let mut command = Command::new("script");
        command.args(["--quiet", "--return", "--flush", "--command", &command_line, "/dev/null"]);
        let log = File::create(root.path().join("log")).expect("the log can be written");
        command.stdin(Stdio::null()).stdout(log);
        Self::wait(root, command)
    }

    fn wait(root: TempDir, mut command: Command) -> Self {
        let mut child = command.spawn().expect("the program starts");
        let file = root.path().join("ready");
        let log = root.path().join("log");
        let ready = eventually(|| {
            let ended = child.try_wait().expect("a child can be looked at");
            assert!(ended.is_none(), "{ended:?}: {}", fs::read_to_string(&log).unwrap_or_default());
            fs::read(&file).ok()
        });
        let ready = serde_json::from_slice(&ready).expect("the ready file is whole as soon as it is there");
        Self { root, child, ready }
    }

    pub(super) fn url(&self, listener: &str) -> &str {
        self.ready[listener].as_str().expect("the ready file names its listeners")
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub(super) fn log(&self) -> String {
        fs::read_to_string(self.file("log")).expect("the log can be read")
    }

    /// Ends it in order, and returns its directory.
    pub(super) fn stop(mut self) -> TempDir {
        assert!(signal("-TERM", &self.ready), "the server is there");
        let ended = self.child.wait().expect("a child can be waited for");
        assert_eq!(ended.code(), Some(0), "{}", self.log());
        std::mem::replace(&mut self.root, TempDir::new().expect("a directory can be made"))
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            signal("-KILL", &self.ready);
            let _ = self.child.wait();
        }
    }
}

fn line(root: &Path, arguments: &[&str]) -> Vec<String> {
    let path = |name: &str| root.join(name).to_str().expect("the tests' paths are text").to_owned();
    let mut line = vec!["serve".to_owned(), "--ready-file".to_owned(), path("ready")];
    if !arguments.contains(&"--data") {
        line.extend(["--data".to_owned(), path("data")]);
    }
    for listener in ["--gateway", "--portal", "--control"] {
        if !arguments.contains(&listener) {
            line.extend([listener.to_owned(), "127.0.0.1:0".to_owned()]);
        }
    }
    line.extend(arguments.iter().map(|&word| word.to_owned()));
    line
}

fn signal(name: &str, ready: &Value) -> bool {
    let sent = Command::new("sh").args(["-c", &format!("kill {name} {}", ready["pid"])]).status();
    sent.is_ok_and(|status| status.success())
}
