//! What the pages need beside the profiles: the files that these name.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, bail};
use claviger_dashboard::{ApiPages, Logo, OidcSecret};
use claviger_model::profile::Profile;

use super::noted::Noted;

/// Largest logo in bytes: every first visit loads it.
const LOGO_MAX: usize = 100 << 10;

/// Each profile with its files; `files` are where the profiles were read from, if from files.
pub(crate) fn of(
    profiles: &[Arc<Profile>],
    files: &[PathBuf],
    noted: &mut Noted,
) -> anyhow::Result<Vec<ApiPages>> {
    let folders = files.iter().map(|file| file.parent()).chain(std::iter::repeat(None));
    profiles.iter().zip(folders).map(|(profile, folder)| one(profile, folder, noted)).collect()
}

fn one(profile: &Arc<Profile>, folder: Option<&Path>, noted: &mut Noted) -> anyhow::Result<ApiPages> {
    let folder = folder.unwrap_or(Path::new(""));
    let logo =
        profile.dashboard.logo.as_ref().map(|name| logo(&folder.join(name), name, noted)).transpose()?;
    let secret = profile.sign_in.oidc.as_ref().and_then(|oidc| oidc.client_secret_file.as_ref());
    let oidc_secret = secret.map(|name| oidc_secret(&folder.join(name), noted)).transpose()?;
    Ok(ApiPages { profile: Arc::clone(profile), logo, oidc_secret })
}

fn logo(file: &Path, name: &str, noted: &mut Noted) -> anyhow::Result<Logo> {
    let bytes = noted.read(file).with_context(|| format!("the logo {} can't be read", file.display()))?;
    if bytes.len() > LOGO_MAX {
        bail!("the logo {} is larger than {} KiB: every visitor loads it", file.display(), LOGO_MAX >> 10);
    }
    Ok(Logo { bytes: bytes.into(), name: name.to_owned() })
}

fn oidc_secret(file: &Path, noted: &mut Noted) -> anyhow::Result<OidcSecret> {
    let text = noted
        .read_text(file)
        .with_context(|| format!("the client's secret in {} can't be read", file.display()))?;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        bail!("{} is empty: it should hold the secret of the OpenID Connect client", file.display());
    }
    Ok(OidcSecret::new(text.to_owned()))
}
