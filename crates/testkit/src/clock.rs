//! A wall clock that a test moves: what it starts runs under libfaketime. Not under its wrapper `faketime`, which refuses
//! to start where a process of its number was killed once.
//!
//! Timers and the clock that counts from the start of the machine go on as they are.

use std::{fs, path::Path};

use crate::{PostgresBuilder, Program, Server, ServerBuilder};

/// Where Debian and Ubuntu keep the library; `$LIB` is the dynamic linker's to fill in.
const LIBRARY: &str = "/usr/$LIB/faketime/libfaketime.so.1";
const FILE: &str = "clock";

impl ServerBuilder {
    /// With a wall clock that [`Server::move_clock`] moves.
    #[must_use]
    #[track_caller]
    pub fn movable_clock(mut self) -> Self {
        must_be_installed();
        let file = self.directory().join(FILE);
        set(&file, "+0");
        self.variable("LD_PRELOAD", LIBRARY)
            .variable("FAKETIME_TIMESTAMP_FILE", file.to_str().expect("the tests' paths are text"))
            .variable("FAKETIME_NO_CACHE", "1")
            .variable("FAKETIME_DONT_FAKE_MONOTONIC", "1")
    }
}

impl PostgresBuilder {
    /// With a wall clock that is `offset` from the true time, such as `+1h`.
    #[must_use]
    #[track_caller]
    pub fn with_clock_at(self, offset: &str) -> Self {
        must_be_installed();
        self.variable("LD_PRELOAD", LIBRARY)
            .variable("FAKETIME", offset)
            .variable("FAKETIME_DONT_FAKE_MONOTONIC", "1")
    }
}

impl Program {
    /// With a wall clock that is `offset` from the true time, such as `-1h`.
    #[must_use]
    #[track_caller]
    pub fn with_clock_at(self, offset: &str) -> Self {
        must_be_installed();
        self.with("LD_PRELOAD", LIBRARY).with("FAKETIME", offset).with("FAKETIME_DONT_FAKE_MONOTONIC", "1")
    }
}

#[track_caller]
fn must_be_installed() {
    let there = ["lib", "lib64", "lib/x86_64-linux-gnu", "lib/aarch64-linux-gnu"];
    let there = there.map(|lib| LIBRARY.replace("$LIB", lib));
    assert!(
        there.iter().any(|library| Path::new(library).exists()),
        "libfaketime is not installed: ./test installs it, or `apt-get install faketime`"
    );
}

impl Server {
    /// Moves the wall clock of a server that was built with [`ServerBuilder::movable_clock`] to `offset` from the true
    /// time, such as `+91d`.
    pub fn move_clock(&self, offset: &str) {
        set(&self.directory().join(FILE), offset);
    }
}

/// In one step: the library reads the file whenever it is asked for the time.
fn set(file: &Path, offset: &str) {
    let next = file.with_extension("next");
    fs::write(&next, offset).expect("the test's directory can be written");
    fs::rename(&next, file).expect("a file can be renamed");
}
