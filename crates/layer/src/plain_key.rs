//! A secret on its way to the node: never printed, wiped when dropped.

use std::{
    fmt,
    hash::{Hash, Hasher},
};

use serde::{Serialize, Serializer};
use zeroize::Zeroizing;

/// What a caller presented. It has no `Display`, and its `Debug` says nothing.
#[derive(PartialEq, Eq)]
pub(crate) struct PlainKey(Zeroizing<String>);

impl PlainKey {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// Its length in bytes.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Writes the secret into the one question that must carry it.
    pub(crate) fn expose<S: Serializer>(key: &Self, serializer: S) -> Result<S::Ok, S::Error> {
        key.0.as_str().serialize(serializer)
    }
}

impl Hash for PlainKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.as_str().hash(state);
    }
}

impl fmt::Debug for PlainKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PlainKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_key_says_nothing_about_itself() {
        assert_eq!(format!("{:?}", PlainKey::new("cc_live_Secret")), "PlainKey(…)");
    }
}
