//! The peppers of other systems' HMACs, from the files that profiles name.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, bail};
use claviger_hashes::Hashes;
use claviger_model::profile::Profile;
use zeroize::Zeroizing;

use super::{
    noted::{Noted, is_denied},
    whole_file,
};

/// Largest pepper, in bytes.
const PEPPER_MAX: usize = 4096;

/// What computes hashes, with the peppers of all profiles; `files` are where the profiles were read from, if from files.
pub(super) fn of(profiles: &[Arc<Profile>], files: &[PathBuf], noted: &mut Noted) -> anyhow::Result<Hashes> {
    let mut hashes = Hashes::default();
    for (profile, file) in named(profiles, files) {
        let pepper = read(&file, noted)?;
        if whole_file::is_open_to_others(&file)? {
            tracing::warn!(file = %file.display(), "others can read the pepper: set its mode to 0600");
        }
        hashes = hashes.with_pepper(Arc::clone(&profile.name), &pepper);
    }
    Ok(hashes)
}

/// The files that profiles name, each with its profile.
pub(crate) fn named<'a>(
    profiles: &'a [Arc<Profile>],
    files: &'a [PathBuf],
) -> impl Iterator<Item = (&'a Profile, PathBuf)> {
    let folders = files.iter().map(|file| file.parent()).chain(std::iter::repeat(None));
    profiles.iter().zip(folders).filter_map(|(profile, folder)| {
        let name = profile.keys.pepper_file.as_ref()?;
        Some((&**profile, folder.unwrap_or(Path::new("")).join(name)))
    })
}

/// A pepper's file, as far as whoever runs this can see it.
pub(crate) struct Seen {
    /// Whether what is in it could be read.
    pub(crate) is_read: bool,
    /// Whether others than its owner may read it.
    pub(crate) is_open_to_others: bool,
}

/// Looks at a pepper's file. An error where `serve` couldn't use it, whoever starts that.
pub(crate) fn look(file: &Path) -> anyhow::Result<Seen> {
    let is_read = match read(file, &mut Noted::default()) {
        Ok(_) => true,
        Err(error) if is_denied(&error) => false,
        Err(error) => return Err(error),
    };
    // Of a file in a folder that is closed to whoever runs this nothing is known.
    let is_open_to_others = whole_file::is_open_to_others(file).unwrap_or(false);
    Ok(Seen { is_read, is_open_to_others })
}

/// The bytes of a file, without the line's end that an editor puts there.
fn read(file: &Path, noted: &mut Noted) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let should = || {
        let shown = file.display();
        format!(
            "{shown} should hold the key that the other system's HMACs are made with, at most {PEPPER_MAX} bytes"
        )
    };
    let bytes = noted.read(file).map(Zeroizing::new);
    let mut bytes = bytes.with_context(|| format!("{}, and can't be read", should()))?;
    let end = [b"\r\n".as_slice(), b"\n"].into_iter().find(|end| bytes.ends_with(end));
    let length = bytes.len() - end.map_or(0, <[u8]>::len);
    bytes.truncate(length);
    match length {
        0 => bail!("{}, and is empty", should()),
        1..=PEPPER_MAX => Ok(bytes),
        _ => bail!("{}, and holds {length}", should()),
    }
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
        for (content, words) in [("", "is empty"), ("\n", "is empty"), (&"a".repeat(5000), "holds 5000")] {
            fs::write(&file, content).unwrap();
            let refused = read(&file, &mut Noted::default()).unwrap_err().to_string();
            assert!(refused.contains("should hold") && refused.contains(words), "{refused}");
        }
        fs::remove_file(&file).unwrap();
        assert!(read(&file, &mut Noted::default()).unwrap_err().to_string().contains("can't be read"));
    }
}
