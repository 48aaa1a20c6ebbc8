//! What an operator key may do. It is a type of its own: an API key is never an operator key.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::key::{Alphabet, Checksum, KeyFormat};

/// One thing an operator key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Ability {
    /// Ask whether a key is good.
    Verify,
    /// See apis, accounts, keys, usage and the audit trail; never a secret.
    Read,
    /// Change them.
    Manage,
    /// See the secret of a sealed key.
    Reveal,
}

impl Ability {
    /// Every ability there is.
    pub const ALL: [Self; 4] = [Self::Verify, Self::Read, Self::Manage, Self::Reveal];

    /// The ability as it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::Read => "read",
            Self::Manage => "manage",
            Self::Reveal => "reveal",
        }
    }
}

/// A set of abilities, written as a list of their names, `all` standing for every one. Never empty when parsed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Abilities(u8);

/// Why a text is not a set of abilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("abilities are verify, read, manage, reveal or all, at least one, separated by commas")]
pub struct AbilitiesError;

impl Abilities {
    /// Every ability.
    pub const ALL: Self = Self(0b1111);

    const fn bit(ability: Ability) -> u8 {
        1 << ability as u8
    }

    /// Whether `ability` is among them.
    pub const fn include(self, ability: Ability) -> bool {
        self.0 & Self::bit(ability) != 0
    }

    /// Whether all of `other` is among them.
    pub const fn cover(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Their names; `all` when all are there.
    pub fn names(self) -> Vec<&'static str> {
        if self == Self::ALL {
            return vec!["all"];
        }
        Ability::ALL.into_iter().filter(|ability| self.include(*ability)).map(Ability::as_str).collect()
    }
}

impl FromStr for Abilities {
    type Err = AbilitiesError;

    fn from_str(text: &str) -> Result<Self, AbilitiesError> {
        text.split(',').try_fold(Self(0), |set, name| {
            let named = Ability::ALL.into_iter().find(|ability| ability.as_str() == name);
            match named {
                Some(ability) => Ok(Self(set.0 | Self::bit(ability))),
                None if name == "all" => Ok(Self::ALL),
                None => Err(AbilitiesError),
            }
        })
    }
}

impl fmt::Display for Abilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names().join(","))
    }
}

impl fmt::Debug for Abilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Abilities {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.names().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Abilities {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let names = Vec::<String>::deserialize(deserializer)?;
        names.join(",").parse().map_err(serde::de::Error::custom)
    }
}

/// What operator keys look like: `clv_op_`, 40 random characters, six of CRC-32.
pub fn operator_key_format() -> KeyFormat {
    let alphabet = Alphabet::new("base62").expect("base62 is an alphabet");
    KeyFormat::new("clv_op_", None, 40, alphabet, Checksum::Crc32).expect("the format is fixed and sound")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn abilities_read_and_print() {
        assert_eq!("verify,read".parse::<Abilities>().unwrap().names(), ["verify", "read"]);
        assert_eq!("all".parse(), Ok(Abilities::ALL));
        assert_eq!("verify,read,manage,reveal".parse(), Ok(Abilities::ALL));
        for text in ["", "admin", "verify,", "verify read", "ALL"] {
            assert_eq!(text.parse::<Abilities>(), Err(AbilitiesError), "{text}");
        }
        assert!(!"read".parse::<Abilities>().unwrap().include(Ability::Verify));
    }
}
