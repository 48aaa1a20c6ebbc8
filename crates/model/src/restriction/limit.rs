//! What rates and quotas have in common: names, bounds, and why one can't be taken.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Most windows, and most quotas, of a key.
pub const MAX_LIMITS: usize = 8;
/// Most calls in a window or a period.
pub(super) const LIMIT_MAX: u32 = 1_000_000_000;
const NAME_MAX: usize = 32;

/// What a limit is called in headers and counts: 1 to 32 lower-case letters, digits, `_` and `-`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LimitName(Arc<str>);

/// Why something isn't a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// An empty list could be meant as "nothing" or as "everything".
    #[error("an empty list limits nothing: write null for no limit")]
    Empty,
    /// More than [`MAX_LIMITS`].
    #[error("at most {MAX_LIMITS} limits of a kind")]
    TooMany,
    /// Two of the same name.
    #[error("a name is there twice")]
    Twice,
    /// Not a name.
    #[error("name: must be 1 to {NAME_MAX} lower-case letters, digits, _ and -")]
    Name,
    /// Not a number of calls.
    #[error("must be a number of calls from 1 to {LIMIT_MAX}")]
    Limit,
    /// Not a window.
    #[error("window: must be from 1s to 31d")]
    Window,
    /// A burst that the limit doesn't have.
    #[error("burst: is more than the limit")]
    Burst,
    /// Not a rate in its short form.
    #[error("must be calls and a window, such as 100/60s or burst=100/60s")]
    RateText,
    /// Not a quota in its short form.
    #[error("must be calls and day or month, such as 10000/month or plan=10000/month")]
    QuotaText,
}

impl LimitName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for LimitName {
    type Err = LimitError;

    fn from_str(text: &str) -> Result<Self, LimitError> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
        let fits = (1..=NAME_MAX).contains(&text.len()) && text.bytes().all(plain);
        if fits { Ok(Self(text.into())) } else { Err(LimitError::Name) }
    }
}

impl fmt::Display for LimitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for LimitName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for LimitName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A limit of a list.
pub(super) trait Named {
    /// Its name.
    fn name(&self) -> &LimitName;
}

/// Bounds a list of limits, and keeps their names apart.
pub(super) fn listed<T: Named>(limits: Vec<T>) -> Result<Box<[T]>, LimitError> {
    let repeats =
        |(at, limit): (usize, &T)| limits[..at].iter().any(|earlier| earlier.name() == limit.name());
    match limits.len() {
        0 => Err(LimitError::Empty),
        1..=MAX_LIMITS if limits.iter().enumerate().any(repeats) => Err(LimitError::Twice),
        1..=MAX_LIMITS => Ok(limits.into()),
        _ => Err(LimitError::TooMany),
    }
}
