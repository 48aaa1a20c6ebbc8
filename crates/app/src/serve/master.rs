//! The master key of sealed keys: where it is kept, and whether it is the right one.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, bail};
use claviger_manage::MasterKey;
use claviger_model::{
    Entropy,
    profile::{Profile, Storage},
};
use claviger_store::Store;

use super::whole_file;
use crate::config::Settings;

/// The setting that tells the right master key from another.
const CHECK: &str = "master_key_check";
const FILE: &str = "master.key";

/// The master key, where a profile seals its keys.
pub(super) async fn key(
    settings: &Settings,
    profiles: &[Arc<Profile>],
    store: &Store,
    entropy: &dyn Entropy,
) -> anyhow::Result<Option<MasterKey>> {
    let Some(sealing) = profiles.iter().find(|profile| profile.keys.storage == Storage::Sealed) else {
        return Ok(None);
    };
    let (path, key) = match &settings.master_key_file {
        Some(path) => (path.clone(), read(path)?),
        None if settings.database_url.is_some() => bail!(
            "the profile {} seals its keys, and all nodes need one master key: put 64 hexadecimal digits into a file \
             that is the same on every node, and name it with CLAVIGER_MASTER_KEY_FILE",
            sealing.name
        ),
        None => own_key(&settings.data, &sealing.name, store, entropy).await?,
    };
    let check = store.put_setting_if_absent(CHECK, key.check_value()).await?;
    if check != key.check_value() {
        bail!(
            "{} is not the master key that the keys in {} are sealed with: put back the one that was used before, \
             or name its file with CLAVIGER_MASTER_KEY_FILE",
            path.display(),
            place_of_keys(settings)
        );
    }
    Ok(Some(key))
}

/// Refuses where keys in `store` are sealed and the master key they are sealed with is in neither of these places.
pub(crate) async fn must_fit(store: &Store, file: Option<&Path>, data: &Path) -> anyhow::Result<()> {
    let Some(check) = store.setting(CHECK).await? else { return Ok(()) };
    let path = file.map_or_else(|| data.join(FILE), Path::to_owned);
    if !path.exists() {
        bail!(
            "keys in it are sealed with a master key, and {} isn't there: put it there, or name its file with \
             --master-key-file",
            path.display()
        );
    }
    if read(&path)?.check_value() != check {
        bail!(
            "{} is not the master key that keys in it are sealed with: name that one's file",
            path.display()
        );
    }
    Ok(())
}

fn place_of_keys(settings: &Settings) -> String {
    if settings.database_url.is_some() {
        "the database".to_owned()
    } else {
        settings.data.display().to_string()
    }
}

fn read(path: &Path) -> anyhow::Result<MasterKey> {
    let text = fs::read_to_string(path)
        .with_context(|| format!("the master key file {} can't be read", path.display()))?;
    if whole_file::is_open_to_others(path)? {
        tracing::warn!(file = %path.display(), "others can read the master key: set its mode to 0600");
    }
    MasterKey::from_hex(&text)
        .with_context(|| format!("the master key file {} holds no master key", path.display()))
}

/// The master key in the data directory, made where none was ever used.
async fn own_key(
    data: &Path,
    api: &str,
    store: &Store,
    entropy: &dyn Entropy,
) -> anyhow::Result<(PathBuf, MasterKey)> {
    let path = data.join(FILE);
    if path.exists() {
        return read(&path).map(|key| (path, key));
    }
    if store.setting(CHECK).await?.is_some() {
        bail!(
            "keys in {} are sealed with a master key, but {} is gone: put it back, or name its file with \
             CLAVIGER_MASTER_KEY_FILE",
            data.display(),
            path.display()
        );
    }
    let key = MasterKey::generate(entropy);
    whole_file::write_private(&path, &format!("{}\n", key.to_hex()))
        .with_context(|| format!("the master key {} can't be made", path.display()))?;
    tracing::info!(file = %path.display(), api, "made the master key: keep a copy of it apart from the database");
    Ok((path, key))
}
