//! The profiles that are served: from files, or the built-in one.

use std::{fs, path::Path, sync::Arc};

use anyhow::Context as _;
use claviger_layer::Api;
use claviger_model::profile::Profile;

use crate::config::Settings;

/// What is served where no profile is named.
const BUILT_IN: &str = include_str!("../../../../profiles/default.toml");

/// The profiles that the settings name, with the settings' upstream where there is one.
pub(super) fn load(settings: &Settings) -> anyhow::Result<Vec<Arc<Profile>>> {
    let mut profiles = match &*settings.profiles {
        [] => vec![Profile::parse("the built-in default.toml", BUILT_IN)?],
        files => files.iter().map(|file| parse(file)).collect::<anyhow::Result<_>>()?,
    };
    if let Some(upstream) = &settings.upstream {
        for profile in &mut profiles {
            profile.upstream.live = Some(upstream.clone());
            profile.upstream.test = None;
        }
    }
    Ok(profiles.into_iter().map(Arc::new).collect())
}

/// The profile in a file.
pub(crate) fn read(file: &Path) -> anyhow::Result<Arc<Profile>> {
    parse(file).map(Arc::new)
}

fn parse(file: &Path) -> anyhow::Result<Profile> {
    let text =
        fs::read_to_string(file).with_context(|| format!("the profile {} can't be read", file.display()))?;
    Ok(Profile::parse(&file.display().to_string(), &text)?)
}

/// The api of a profile, its answers made ready.
pub(crate) fn prepare(profile: Arc<Profile>) -> anyhow::Result<Arc<Api>> {
    Ok(Arc::new(Api::new(profile)?))
}
