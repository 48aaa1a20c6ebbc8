//! The checksum that lets a mistyped key be told from an unknown one without a look-up.

use serde::Deserialize;

use super::format::BASE62;

/// How the last characters of a key follow from the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Checksum {
    /// The key ends with its random part.
    #[default]
    None,
    /// Six characters: CRC-32 (IEEE) of everything before them, in base 62, most significant first.
    Crc32,
}

const CRC32_CHARACTERS: usize = 6;

impl Checksum {
    /// Characters it adds to a key.
    pub const fn length(self) -> usize {
        match self {
            Self::None => 0,
            Self::Crc32 => CRC32_CHARACTERS,
        }
    }

    /// Appends the checksum of what `key` holds so far.
    pub(super) fn append_to(self, key: &mut Vec<u8>) {
        match self {
            Self::None => {}
            Self::Crc32 => {
                let digits = base62(crc32fast::hash(key));
                key.extend_from_slice(&digits);
            }
        }
    }

    /// Whether `key` ends with its own checksum; `key` is at least as long as the checksum.
    pub(super) fn holds(self, key: &[u8]) -> bool {
        match self {
            Self::None => true,
            Self::Crc32 => {
                let (body, sum) = key.split_at(key.len() - CRC32_CHARACTERS);
                base62(crc32fast::hash(body)) == sum
            }
        }
    }
}

fn base62(mut value: u32) -> [u8; CRC32_CHARACTERS] {
    let mut digits = [0; CRC32_CHARACTERS];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62.as_bytes()[usize::try_from(value % 62).expect("a remainder below 62")];
        value /= 62;
    }
    digits
}
