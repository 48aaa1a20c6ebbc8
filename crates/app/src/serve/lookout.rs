//! Whether files that are in use have changed and rest, so that nobody is writing them. Pure: it is told what was seen.

use super::noted::Noted;

/// The files in use, and what others were seen in their place.
#[derive(Debug)]
pub(super) struct Lookout {
    /// The files as they were when they were last used, or found to be of no use.
    used: Noted,
    /// Others, as they were at the last look.
    others: Option<Noted>,
}

impl Lookout {
    pub(super) const fn of(used: Noted) -> Self {
        Self { used, others: None }
    }

    /// The files to look at next.
    pub(super) fn files(&self) -> &Noted {
        self.others.as_ref().unwrap_or(&self.used)
    }

    /// Whether to read the files, which were looked at and are so now: they aren't those in use, but those of the look
    /// before.
    pub(super) fn rest(&mut self, now: Noted) -> bool {
        let rest = self.others.as_ref() == Some(&now);
        if !rest {
            self.others = (now != self.used).then_some(now);
        }
        rest
    }

    /// Whether what was `read` may be used, because it is what was seen to rest. If it isn't, it has to rest first.
    pub(super) fn takes(&mut self, read: &Noted) -> bool {
        let rested = self.others.as_ref() == Some(read);
        if rested {
            *self = Self::of(read.clone());
        } else {
            self.others = Some(read.clone());
        }
        rested
    }

    /// Whether these are the files in use.
    pub(super) fn uses(&self, read: &Noted) -> bool {
        self.used == *read
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    /// Files as they are when they have been read.
    fn read(files: &[&Path]) -> Noted {
        let mut noted = Noted::default();
        for file in files {
            noted.read(file).unwrap();
        }
        noted
    }

    #[test]
    fn files_are_taken_once_two_looks_and_the_reading_agree() {
        let dir = tempfile::tempdir().unwrap();
        let (profile, logo) = (dir.path().join("profile"), dir.path().join("logo"));
        fs::write(&profile, "0").unwrap();
        fs::write(&logo, "0").unwrap();
        let mut lookout = Lookout::of(read(&[&profile]));
        let look = |lookout: &mut Lookout| {
            let now = lookout.files().now();
            lookout.rest(now)
        };
        assert!(!look(&mut lookout) && !look(&mut lookout), "nothing has changed");
        for part in ["", "1", "12"] {
            fs::write(&profile, part).unwrap();
            assert!(!look(&mut lookout), "it is being written");
        }
        assert!(look(&mut lookout));
        fs::write(&profile, "123").unwrap();
        assert!(!lookout.takes(&read(&[&profile])), "it was written after it had been looked at");
        assert!(look(&mut lookout));
        let with_logo = read(&[&profile, &logo]);
        assert!(!lookout.takes(&with_logo), "it names a file that nobody has looked at");
        assert!(look(&mut lookout));
        assert!(lookout.takes(&with_logo) && lookout.uses(&with_logo));
        assert!(!look(&mut lookout) && !look(&mut lookout));
        fs::write(&logo, "1").unwrap();
        assert!(!look(&mut lookout) && look(&mut lookout), "what it names is looked at too");
    }
}
