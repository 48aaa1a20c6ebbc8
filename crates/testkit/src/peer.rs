//! A process that works beside the server: it is ready when it was started, and gone when it is dropped.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

use crate::eventually;

/// A process that can be started again as it was.
#[derive(Debug)]
pub(crate) struct Peer {
    command: Command,
    child: Child,
    log: PathBuf,
}

impl Peer {
    /// Starts `command`, which logs to a file in `directory`, and returns when it is `ready`.
    #[track_caller]
    pub(crate) fn start(mut command: Command, directory: &Path, ready: impl FnMut() -> bool) -> Self {
        let log = directory.join("log");
        let out = File::options().create(true).append(true).open(&log).expect("the log can be written");
        let errors = out.try_clone().expect("a file can be shared");
        command.stdin(Stdio::null()).stdout(out).stderr(errors);
        let child = spawn(&mut command);
        let mut peer = Self { command, child, log };
        peer.wait_until(ready);
        peer
    }

    /// Starts it again after [`kill`](Self::kill).
    #[track_caller]
    pub(crate) fn start_again(&mut self, ready: impl FnMut() -> bool) {
        self.kill();
        self.child = spawn(&mut self.command);
        self.wait_until(ready);
    }

    /// Stops it in the middle of whatever it does, until [`resume`](Self::resume).
    pub(crate) fn pause(&self) {
        pause(&self.child);
    }

    /// Lets it go on.
    pub(crate) fn resume(&self) {
        signal(&self.child, Signal::CONT);
    }

    /// Ends it in the middle of whatever it does, if it runs.
    pub(crate) fn kill(&mut self) {
        // Both fail only for a process that is gone, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Everything it wrote to its log so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    #[track_caller]
    fn wait_until(&mut self, mut ready: impl FnMut() -> bool) {
        eventually(|| {
            if let Some(status) = self.child.try_wait().expect("a child can be looked at") {
                let said = self.log();
                assert!(ready(), "{:?} ended with {status} before it was ready:\n{said}", self.command);
            }
            ready().then_some(())
        });
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.kill();
    }
}

#[track_caller]
fn spawn(command: &mut Command) -> Child {
    command.spawn().unwrap_or_else(|error| missing(command, &error))
}

/// Fails, and says what to do about it.
#[track_caller]
#[expect(clippy::panic, reason = "a test that lacks a program has failed")]
pub(crate) fn missing(command: &Command, error: &io::Error) -> ! {
    panic!("{} can't be started: {error}; `./test unit` installs it", command.get_program().display())
}

/// Sends `signal` to a child; one that has ended already needs none.
pub(crate) fn signal(child: &Child, signal: Signal) {
    let _ = kill_process(pid(child), signal);
}

/// Stops a child, and returns when all its threads stand still.
pub(crate) fn pause(child: &Child) {
    signal(child, Signal::STOP);
    let stopped_or_gone = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    waitid(WaitId::Pid(pid(child)), stopped_or_gone).expect("a child can be waited for");
}

fn pid(child: &Child) -> Pid {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("a child has a process id")
}
