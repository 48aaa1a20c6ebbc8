//! The peppers of other systems' HMACs, from the files that profiles name.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, bail};
use claviger_hashes::Hashes;
use claviger_model::profile::Profile;
use zeroize::Zeroizing;

use super::{noted::Noted, whole_file};

/// Largest pepper, in bytes.
const PEPPER_MAX: usize = 4096;

/// What computes hashes, with the peppers of all profiles; `files` are where the profiles were read from, if from files.
pub(super) fn of(profiles: &[Arc<Profile>], files: &[PathBuf], noted: &mut Noted) -> anyhow::Result<Hashes> {
    let folders = files.iter().map(|file| file.parent()).chain(std::iter::repeat(None));
    let mut hashes = Hashes::default();
    for (profile, folder) in profiles.iter().zip(folders) {
        if let Some(name) = &profile.keys.pepper_file {
            let file = folder.unwrap_or(Path::new("")).join(name);
            hashes = hashes.with_pepper(Arc::clone(&profile.name), &read(&file, noted)?);
        }
    }
    Ok(hashes)
}

/// The bytes of a file, without the line's end that an editor puts there.
fn read(file: &Path, noted: &mut Noted) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let shown = file.display();
    let bytes = noted.read(file).map(Zeroizing::new);
    let mut bytes = bytes.with_context(|| format!("the pepper in {shown} can't be read"))?;
    if whole_file::is_open_to_others(file)? {
        tracing::warn!(file = %shown, "others can read the pepper: set its mode to 0600");
    }
    let end = [b"\r\n".as_slice(), b"\n"].into_iter().find(|end| bytes.ends_with(end));
    let length = bytes.len() - end.map_or(0, <[u8]>::len);
    bytes.truncate(length);
    if !(1..=PEPPER_MAX).contains(&bytes.len()) {
        bail!(
            "{shown} should hold the key that the other system's HMACs are made with, at most {PEPPER_MAX} bytes"
        );
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_pepper_is_what_its_file_holds_without_the_end_of_the_line() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("pepper");
        for (content, pepper) in
            [("abc", "abc"), ("abc\n", "abc"), ("abc\r\n", "abc"), (" a\nb \n\n", " a\nb \n")]
        {
            fs::write(&file, content).unwrap();
            assert_eq!(
                read(&file, &mut Noted::default()).unwrap().as_slice(),
                pepper.as_bytes(),
                "{content:?}"
            );
        }
        for content in ["", "\n", &"a".repeat(5000)] {
            fs::write(&file, content).unwrap();
            assert!(
                read(&file, &mut Noted::default()).unwrap_err().to_string().contains("should hold"),
                "{}",
                content.len()
            );
        }
        fs::remove_file(&file).unwrap();
        assert!(read(&file, &mut Noted::default()).unwrap_err().to_string().contains("can't be read"));
    }
}
