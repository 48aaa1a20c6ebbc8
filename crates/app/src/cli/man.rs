//! `claviger man`

use std::{fs, path::PathBuf};

use anyhow::Context as _;
use clap::{Args, Command, CommandFactory as _};
use clap_mangen::Man;

use super::{Cli, Ending};
use crate::out;

#[derive(Args, Debug)]
pub(super) struct Pages {
    /// Where to put a page for each command, such as `claviger-key-issue.1`; made if it isn't there. Left out, the first
    /// page goes to standard output
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
}

impl Pages {
    pub(super) fn run(self) -> anyhow::Result<Ending> {
        let Some(folder) = self.folder else {
            out::data(&text(&Man::new(command()))?)?;
            return Ok(Ending::Done);
        };
        let written = fs::create_dir_all(&folder).and_then(|()| clap_mangen::generate_to(command(), &folder));
        written.with_context(|| format!("the pages can't be written to {}", folder.display()))?;
        Ok(Ending::Done)
    }
}

/// The command line without `help`, which needs no page.
fn command() -> Command {
    Cli::command().disable_help_subcommand(true)
}

fn text(page: &Man) -> anyhow::Result<String> {
    let mut text = Vec::new();
    page.render(&mut text)?;
    Ok(String::from_utf8(text)?)
}
