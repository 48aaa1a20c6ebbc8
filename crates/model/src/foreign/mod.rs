//! What other systems kept of keys and SHA-256 can't be had from: found by a key's first characters, compared by a hash.
//!
//! It is read and bounded here, so that nothing is taken over that would cost too much to check. Computing is for others.

mod read;
mod scheme;

use std::{fmt, str::FromStr};

pub use scheme::{Argon2, Bcrypt, HashError, Pbkdf2, Scheme, Sha2};

use crate::Digest;

/// What another system kept of a key, until the key is used here for the first time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignSecret {
    /// The first characters of the key, by which it is found.
    pub lookup: Box<str>,
    /// What the key is compared by.
    pub hash: ForeignHash,
}

impl ForeignSecret {
    /// What stands in the place of the key's digest until that is known. No key has it: it is of a text with characters
    /// that no key has.
    pub fn stand_in(&self, api: &str) -> Digest {
        Digest::of(["foreign", api, &self.lookup, self.hash.as_str()].join("\0").as_bytes())
    }
}

/// A hash as another system wrote it, which is of a kind that can be checked here and costs no more than it may.
#[derive(Clone, PartialEq, Eq)]
pub struct ForeignHash(Box<str>);

impl ForeignHash {
    /// As it came.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What it says.
    pub fn scheme(&self) -> Scheme {
        read::scheme(&self.0).expect("it was read when it was made")
    }
}

impl FromStr for ForeignHash {
    type Err = HashError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let scheme = read::scheme(text)?;
        scheme.must_be_affordable()?;
        Ok(Self(text.into()))
    }
}

/// A key that was easy to guess can be found from it.
impl fmt::Debug for ForeignHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ForeignHash(…)")
    }
}

#[cfg(test)]
mod tests;
