//! Files that are read whole and may be read again: regular ones of a bounded size, each noted as it was when it was read.

use std::{
    collections::BTreeMap,
    fs::{File, Metadata},
    io::{self, Read as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use rustix::fs::{Mode, OFlags, open};

/// Largest file in bytes: a hundred times what the longest profile takes.
const FILE_MAX: u64 = 1 << 20;

/// The files that were read, or that could not be, and how each was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Noted(BTreeMap<PathBuf, Option<Stamp>>);

/// What differs where a file was written, replaced, or allowed to be read, and where a link leads elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    file: (u64, u64),
    size: u64,
    written: (i64, i64),
    changed: (i64, i64),
}

impl Noted {
    /// The bytes of a file. A pipe or a device is refused without waiting for what it may say.
    pub(crate) fn read(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        let before = Stamp::of(path);
        let read = whole(path);
        let stamp = read.as_ref().map_or(before, |(_, stamp)| Some(*stamp));
        self.0.insert(path.to_owned(), stamp);
        read.map(|(bytes, _)| bytes)
    }

    /// The text of a file.
    pub(crate) fn read_text(&mut self, path: &Path) -> io::Result<String> {
        String::from_utf8(self.read(path)?).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }

    /// The same files as they are now.
    pub(super) fn now(&self) -> Self {
        Self(self.0.keys().map(|path| (path.clone(), Stamp::of(path))).collect())
    }
}

/// Whether a file couldn't be read because whoever runs this may not, which says nothing about others.
pub(crate) fn is_denied(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        path.metadata().ok().map(|metadata| Self::from(&metadata))
    }
}

impl From<&Metadata> for Stamp {
    fn from(metadata: &Metadata) -> Self {
        Self {
            file: (metadata.dev(), metadata.ino()),
            size: metadata.size(),
            written: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// All of a file, and how it was once that had been read: what was written meanwhile differs from it.
fn whole(path: &Path) -> io::Result<(Vec<u8>, Stamp)> {
    let file = File::from(open(
        path,
        OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC,
        Mode::empty(),
    )?);
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    let mut bytes = Vec::new();
    (&file).take(FILE_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_MAX {
        return Err(io::Error::other(format!("it is larger than {} KiB", FILE_MAX >> 10)));
    }
    Ok((bytes, Stamp::from(&file.metadata()?)))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rustix::fs::{FileType, mknodat};

    use super::*;

    #[test]
    fn what_is_no_regular_file_or_too_large_is_refused_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let (pipe, large) = (dir.path().join("pipe"), dir.path().join("large"));
        mknodat(rustix::fs::CWD, &pipe, FileType::Fifo, Mode::RWXU, 0).unwrap();
        File::create(&large).unwrap().set_len(FILE_MAX + 1).unwrap();
        for (path, words) in [
            (&*pipe, "no regular file"),
            (dir.path(), "no regular file"),
            (Path::new("/dev/zero"), "no regular file"),
            (&*large, "larger than 1024 KiB"),
        ] {
            let refused = Noted::default().read(path).unwrap_err().to_string();
            assert!(refused.contains(words), "{refused}");
        }
        File::create(&large).unwrap().set_len(FILE_MAX).unwrap();
        assert_eq!(Noted::default().read(&large).unwrap().len() as u64, FILE_MAX);
    }

    #[test]
    fn whatever_makes_other_content_of_a_path_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for name in ["old", "new"] {
            fs::create_dir(at(name)).unwrap();
            fs::write(at(name).join("file"), name).unwrap();
        }
        std::os::unix::fs::symlink("old", at("..data")).unwrap();
        std::os::unix::fs::symlink("..data/file", at("file")).unwrap();
        let mut noted = Noted::default();
        assert_eq!(noted.read_text(&at("file")).unwrap(), "old");
        noted.read(&at("missing")).unwrap_err();
        let mut unlike_before = |what: &str, change: &dyn Fn()| {
            assert_eq!(noted.now(), noted, "{what}");
            change();
            assert_ne!(noted.now(), noted, "{what}");
            noted = noted.now();
        };
        unlike_before("its directory was swapped", &|| {
            std::os::unix::fs::symlink("new", at("..swapped")).unwrap();
            fs::rename(at("..swapped"), at("..data")).unwrap();
        });
        unlike_before("it was emptied", &|| fs::write(at("new/file"), "").unwrap());
        unlike_before("it was written", &|| fs::write(at("new/file"), "new").unwrap());
        unlike_before("it was replaced", &|| {
            fs::write(at("other"), "new").unwrap();
            fs::rename(at("other"), at("new/file")).unwrap();
        });
        unlike_before("it was removed", &|| fs::remove_file(at("file")).unwrap());
        unlike_before("what was missing came", &|| fs::write(at("missing"), "").unwrap());
    }
}
