//! `claviger profile`

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Ending;
use crate::{out, serve::profiles};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Read profiles and say where they are wrong; status 1 where one is
    Check(Check),
}

#[derive(Args, Debug)]
pub(super) struct Check {
    /// The profiles' files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

impl Command {
    pub(super) fn run(self) -> anyhow::Result<Ending> {
        let Self::Check(Check { files }) = self;
        let mut ending = Ending::Done;
        for file in files {
            match profiles::read(&file).and_then(profiles::prepare) {
                Ok(api) => {
                    let name = &api.profile().name;
                    out::data(&format!("{}: good, the profile of api \"{name}\"\n", file.display()))?;
                }
                Err(error) => {
                    out::note(&out::visible_lines(&format!("{error:#}")));
                    ending = Ending::No;
                }
            }
        }
        Ok(ending)
    }
}
