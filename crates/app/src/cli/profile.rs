//! `claviger profile`

use std::{
    path::{Path, PathBuf},
    slice,
    sync::Arc,
};

use clap::{Args, Subcommand};
use claviger_model::profile::Profile;

use super::Ending;
use crate::{
    out,
    serve::{
        noted::{Noted, is_denied},
        pages, peppers, profiles,
    },
};

/// What to do about a file that whoever checks can't read. They needn't be who serves, so that it is no fault.
const ASK_THE_DOCTOR: &str = "`claviger doctor`, run as the service's user, says whether that one can";

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
            match check(&file) {
                Ok(name) => out::data(&format!("{}: good, the profile of api \"{name}\"\n", file.display()))?,
                Err(error) => {
                    out::note(&out::visible_lines(&format!("{error:#}")));
                    ending = Ending::No;
                }
            }
        }
        Ok(ending)
    }
}

/// The name of the api whose profile this is.
fn check(file: &PathBuf) -> anyhow::Result<Arc<str>> {
    let profile = profiles::read(file)?;
    profiles::prepare(Arc::clone(&profile))?;
    // What comes by a pipe has no folder that other files could be in.
    if file.is_file() {
        let (profiles, files) = (slice::from_ref(&profile), slice::from_ref(file));
        look_at_pages(profiles, files)?;
        for (_, pepper) in peppers::named(profiles, files) {
            look_at_pepper(&pepper)?;
        }
    }
    Ok(Arc::clone(&profile.name))
}

fn look_at_pages(profiles: &[Arc<Profile>], files: &[PathBuf]) -> anyhow::Result<()> {
    match pages::of(profiles, files, &mut Noted::default()) {
        Err(error) if is_denied(&error) => {
            out::note(&out::visible_lines(&format!("{error:#}: {ASK_THE_DOCTOR}")));
            Ok(())
        }
        read => read.map(drop),
    }
}

fn look_at_pepper(file: &Path) -> anyhow::Result<()> {
    let (seen, shown) = (peppers::look(file)?, file.display());
    if !seen.is_read {
        out::note(&format!("this user can't read {shown}: {ASK_THE_DOCTOR}"));
    }
    if seen.is_open_to_others {
        out::note(&format!("others can read the pepper in {shown}: set its mode to 0600"));
    }
    Ok(())
}
