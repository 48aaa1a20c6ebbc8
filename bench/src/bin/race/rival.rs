//! A rival's process: it tells where it listens when it has all its keys, and ends when it is dropped.

use std::{
    ffi::OsStr,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
};

use anyhow::Context as _;

/// A running rival.
pub struct Process {
    child: Child,
    pub address: SocketAddr,
}

impl Process {
    /// Starts the program `rival`, which is built beside this one.
    pub fn start<A: AsRef<OsStr>>(arguments: &[A]) -> anyhow::Result<Self> {
        let program = std::env::current_exe()?.with_file_name("rival");
        let mut child = Command::new(&program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{} can't be started", program.display()))?;
        let mut told = String::new();
        BufReader::new(child.stdout.take().context("it is piped")?).read_line(&mut told)?;
        let address = told.trim().parse();
        let address = address.with_context(|| {
            // It has said why on standard error.
            let _ = child.kill();
            "a rival has ended before it listened"
        })?;
        Ok(Self { child, address })
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only for one that has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
