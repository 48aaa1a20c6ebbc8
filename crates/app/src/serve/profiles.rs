//! The profiles that are served: from files, or the built-in one.

use std::{collections::BTreeMap, fs, io, path::Path, sync::Arc};

use anyhow::{Context as _, bail};
use claviger_dashboard::ApiPages;
use claviger_hashes::Hashes;
use claviger_judge::Api;
use claviger_manage::Apis;
pub(super) use claviger_manage::ServedProfiles as Digests;
use claviger_model::profile::Profile;
use claviger_store::Store;
use sha2::{Digest as _, Sha256};

use super::{noted::Noted, pages, peppers};
use crate::config::Settings;

/// What is served where no profile is named.
const BUILT_IN: &str = include_str!("../../../../profiles/default.toml");

/// The profiles with all that is made of them and of the files they name.
pub(super) struct Served {
    pub(super) profiles: Vec<Arc<Profile>>,
    /// Nodes that share a database must serve the same.
    pub(super) digests: Digests,
    pub(super) apis: Arc<Apis>,
    pub(super) prepared: Vec<Arc<Api>>,
    pub(super) pages: Vec<ApiPages>,
    pub(super) hashes: Arc<Hashes>,
}

impl Served {
    /// What the settings name, as it is in the files now.
    pub(super) fn read(settings: &Settings, noted: &mut Noted) -> anyhow::Result<Self> {
        let (profiles, digests) = load(settings, noted)?;
        warn_of_observing(&profiles);
        let apis = Arc::new(Apis::new(profiles.clone()).map_err(anyhow::Error::msg)?);
        let prepared = profiles.iter().map(|profile| prepare(Arc::clone(profile)));
        let prepared = prepared.collect::<anyhow::Result<_>>()?;
        let pages = pages::of(&profiles, &settings.profiles, noted)?;
        let hashes = Arc::new(peppers::of(&profiles, &settings.profiles, noted)?);
        Ok(Self { profiles, digests, apis, prepared, pages, hashes })
    }
}

/// The profiles that the settings name, with the settings' live upstream where there is one.
pub(crate) fn load(settings: &Settings, noted: &mut Noted) -> anyhow::Result<(Vec<Arc<Profile>>, Digests)> {
    let texts = match &*settings.profiles {
        [] => vec![("the built-in default.toml".to_owned(), BUILT_IN.to_owned())],
        files => {
            files.iter().map(|file| named(file, noted.read_text(file))).collect::<anyhow::Result<_>>()?
        }
    };
    let (mut profiles, mut digests) = (Vec::new(), BTreeMap::new());
    for (file, text) in texts {
        let mut profile = Profile::parse(&file, &text)?;
        if let Some(upstream) = &settings.upstream {
            profile.upstream.live = Some(upstream.clone());
        }
        digests.insert(Arc::clone(&profile.name), hexadecimal(&Sha256::digest(text)));
        profiles.push(Arc::new(profile));
    }
    Ok((profiles, digests))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

/// A file's name as it is said, and the text that was read.
fn named(file: &Path, text: io::Result<String>) -> anyhow::Result<(String, String)> {
    let name = file.display().to_string();
    let text = text.with_context(|| format!("the profile {name} can't be read"))?;
    Ok((name, text))
}

/// Says what is only observed, so that nobody takes it for enforced.
fn warn_of_observing(profiles: &[Arc<Profile>]) {
    for profile in profiles {
        if let Some(observed) = profile.observed() {
            tracing::warn!(api = %profile.name, "only observed is {observed}");
        }
    }
}

/// Whether each api that has accounts has its profile here: without it, all its good keys would be unknown.
pub(super) async fn cover(profiles: &[Arc<Profile>], store: &Store) -> anyhow::Result<()> {
    let apis = store.apis_in_use().await.context("the accounts' apis can't be read")?;
    match apis.iter().find(|api| profiles.iter().all(|profile| profile.name != **api)) {
        None => Ok(()),
        Some(api) => bail!(
            "there are accounts of the api {api}, but no profile of that name is served, and their keys would be \
             refused: name its file with --profile"
        ),
    }
}

/// The profile in a file, which may be a pipe: it is read this once.
pub(crate) fn read(file: &Path) -> anyhow::Result<Arc<Profile>> {
    let (name, text) = named(file, fs::read_to_string(file))?;
    Ok(Arc::new(Profile::parse(&name, &text)?))
}

/// The api of a profile, its answers made ready.
pub(crate) fn prepare(profile: Arc<Profile>) -> anyhow::Result<Arc<Api>> {
    Ok(Arc::new(Api::new(profile)?))
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use claviger_model::Environment;

    use super::*;
    use crate::config::ServeFlags;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        flags: ServeFlags,
    }

    #[test]
    fn the_settings_upstream_replaces_the_live_one_alone() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("mine.toml");
        let (live, test) = ("http://127.0.0.1:3000", "http://127.0.0.1:3001");
        for (own, expected) in
            [(format!("live = \"http://127.0.0.1:1\"\ntest = \"{test}\""), test), (String::new(), live)]
        {
            fs::write(&file, format!("{BUILT_IN}\n[upstream]\n{own}\n")).unwrap();
            let words = ["serve", "--upstream", live, "--profile", file.to_str().unwrap()];
            let settings = Settings::gather(Line::parse_from(words).flags).unwrap();
            let (profiles, _) = load(&settings, &mut Noted::default()).unwrap();
            assert_eq!(profiles[0].upstream_for(Environment::Live), Some(live));
            assert_eq!(profiles[0].upstream_for(Environment::Test), Some(expected));
        }
    }
}
