//! The plain key and its digest as two types: the first can't be printed, the second can't be turned back.

use std::fmt;

use sha2::{Digest as _, Sha256};
use zeroize::Zeroize;

/// The whole string a customer holds. It has no `Display`, no `Serialize`, and a `Debug` that says nothing;
/// its memory is wiped when dropped.
pub struct PlainKey(Box<str>);

impl PlainKey {
    /// Takes a text as a plain key. Whether it has a known format is [`KeyFormat::parse`]'s to say.
    ///
    /// [`KeyFormat::parse`]: crate::key::KeyFormat::parse
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// The secret itself, for the one answer or header that must carry it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What is stored and looked up instead.
    pub fn digest(&self) -> Digest {
        Digest::of(self.0.as_bytes())
    }
}

impl Drop for PlainKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for PlainKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PlainKey(…)")
    }
}

/// SHA-256 of a whole plain key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of what was presented.
    pub fn of(presented: &[u8]) -> Self {
        Self(Sha256::digest(presented).into())
    }

    /// The digest with these bytes, as a database holds it.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// 64 lower-case hexadecimal digits.
    pub fn to_hex(&self) -> String {
        use fmt::Write as _;
        self.0.iter().fold(String::with_capacity(64), |mut text, byte| {
            write!(text, "{byte:02x}").expect("a String takes everything");
            text
        })
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Four bytes are enough to tell two digests apart in a log, and too few to look a key up by.
impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({:02x}{:02x}{:02x}{:02x}…)", self.0[0], self.0[1], self.0[2], self.0[3])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_key_says_nothing_about_itself() {
        let key = PlainKey::new("cc_live_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789AbCdEfGh");
        assert_eq!(format!("{key:?}"), "PlainKey(…)");
    }

    #[test]
    fn the_digest_is_sha_256_of_the_whole_key() {
        let digest = PlainKey::new("abc").digest();
        assert_eq!(format!("{digest:?}"), "Digest(ba7816bf…)");
    }
}
