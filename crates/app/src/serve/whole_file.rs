//! Files that appear whole, and those among them that nobody but their owner may read.

use std::{
    env,
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

const OWNER_ONLY: u32 = 0o600;
const READABLE: u32 = 0o644;

/// Writes a file for its owner's eyes only. When this returns it is on disk, and whole whatever happens.
pub(super) fn write_private(path: &Path, text: &str) -> io::Result<()> {
    write_whole(path, text, OWNER_ONLY)
}

/// Writes a file that anyone may read, in one step: who sees it sees all of it.
pub(super) fn write_readable(path: &Path, text: &str) -> io::Result<()> {
    write_whole(path, text, READABLE)
}

fn write_whole(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let unfinished = beside(path);
    // One left over from a crash would keep its own mode.
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&unfinished)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    let folder =
        path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    fs::File::open(folder)?.sync_all()
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.unfinished", std::process::id()));
    name.into()
}

/// Whether others than its owner may read the file.
pub(super) fn is_open_to_others(path: &Path) -> io::Result<bool> {
    is_open_beside(path, env::var_os("CREDENTIALS_DIRECTORY").as_deref().map(Path::new))
}

/// What systemd hands over in a directory for this service alone has an access list, which its mode shows as a group's.
fn is_open_beside(path: &Path, credentials: Option<&Path>) -> io::Result<bool> {
    let private = if path.parent() == credentials { 0o007 } else { 0o077 };
    Ok(fs::metadata(path)?.permissions().mode() & private != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_file_is_its_owners_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        write_private(&path, "first").unwrap();
        assert!(!is_open_to_others(&path).unwrap());
        write_readable(&path, "second").unwrap();
        assert!(is_open_to_others(&path).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), "second");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn an_access_list_of_systemds_is_not_others() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        for (mode, elsewhere, handed_over) in
            [(0o400, false, false), (0o440, true, false), (0o444, true, true)]
        {
            write_private(&path, "secret").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(is_open_beside(&path, None).unwrap(), elsewhere, "{mode:o}");
            assert_eq!(is_open_beside(&path, Some(dir.path())).unwrap(), handed_over, "{mode:o}");
        }
    }
}
