//! The `claviger` program, run to its end.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::Value;

/// How to run the program: with no environment of the tester's but the search path.
#[derive(Clone, Debug)]
pub struct Program {
    path: PathBuf,
    environment: Vec<(String, String)>,
    wrapper: Vec<String>,
}

/// How a run ended.
#[derive(Clone, Debug)]
pub struct Finished {
    /// The exit code.
    pub code: i32,
    /// What it printed.
    pub out: String,
    /// What it complained of.
    pub err: String,
}

impl Program {
    /// The program at `path`.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), environment: Vec::new(), wrapper: Vec::new() }
    }

    /// The same of another path.
    #[must_use]
    pub(crate) fn by(mut self, path: &str) -> Self {
        self.path = path.into();
        self
    }

    /// The same with a variable set.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same, started by another program that ends by replacing itself with it: `["prlimit", "--nofile=64"]`.
    #[must_use]
    pub fn under(mut self, wrapper: &[&str]) -> Self {
        self.wrapper = wrapper.iter().map(|&word| word.to_owned()).collect();
        self
    }

    /// A command of it with these arguments.
    pub fn command<A: AsRef<std::ffi::OsStr>>(&self, arguments: &[A]) -> Command {
        let program = self.path.as_os_str();
        let mut words = self.wrapper.iter().map(AsRef::as_ref).chain([program]);
        let mut command = Command::new(words.next().unwrap_or(program));
        command
            .args(words)
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs it with nothing on standard input.
    pub fn run<A: AsRef<std::ffi::OsStr>>(&self, arguments: &[A]) -> Finished {
        self.run_with(arguments, "")
    }

    /// Runs it with `input` on standard input.
    pub fn run_with<A: AsRef<std::ffi::OsStr>>(&self, arguments: &[A], input: &str) -> Finished {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program is there: build it first");
        // A program that doesn't read its input closes it; that is no failure of the test.
        let _ = child.stdin.take().expect("standard input is a pipe").write_all(input.as_bytes());
        child.wait_with_output().expect("a child can be waited for").into()
    }
}

impl From<Output> for Finished {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Finished {
    /// This run, if it ended with `code`.
    #[must_use]
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "out: {}\nerr: {}", self.out, self.err);
        self
    }

    /// What it printed, which must be one JSON value.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).expect("standard output is one JSON value")
    }
}

/// The root of the repository that is being tested.
pub fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}
