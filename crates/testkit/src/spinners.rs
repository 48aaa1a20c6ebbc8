//! Processes that use up one processor.

use std::process::{Child, Command, Stdio};

use rustix::thread::sched_getaffinity;

use crate::peer;

/// So many processes that do nothing as fast as they can, all on the first processor that tests may use. They are gone
/// when dropped.
#[derive(Debug)]
pub struct Spinners(Vec<Child>);

impl Spinners {
    /// Starts them.
    #[track_caller]
    pub fn start(count: usize) -> Self {
        let place = Self::place();
        let spin = |_| {
            let mut command = Command::new("taskset");
            command.args(["--cpu-list", &place, "sh", "-c", "while :; do :; done"]);
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            command.spawn().unwrap_or_else(|error| peer::missing(&command, &error))
        };
        Self((0..count).map(spin).collect())
    }

    /// What starts a program that runs where they do, and only when none of them wants to, for
    /// [`ServerBuilder::under`](crate::ServerBuilder::under).
    pub fn prefix() -> [String; 6] {
        ["chrt", "--idle", "0", "taskset", "--cpu-list", &Self::place()].map(ToOwned::to_owned)
    }

    /// The number of the first processor that this process may use.
    fn place() -> String {
        let allowed = sched_getaffinity(None).expect("a process has processors");
        let first = (0..1024).find(|number| allowed.is_set(*number)).expect("there is one at least");
        first.to_string()
    }
}

impl Drop for Spinners {
    fn drop(&mut self) {
        for child in &mut self.0 {
            // Both fail only for a process that is gone, which is what is wanted.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
