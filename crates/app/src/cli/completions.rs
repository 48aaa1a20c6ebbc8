//! `claviger completions`

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::{Cli, Ending};
use crate::out;

#[derive(Args, Debug)]
pub(super) struct Completions {
    /// The shell that is to read it
    shell: Shell,
}

impl Completions {
    pub(super) fn run(self) -> anyhow::Result<Ending> {
        out::data(&script(self.shell))?;
        Ok(Ending::Done)
    }
}

/// What the shell reads to complete every command and its flags.
fn script(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "claviger", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}
