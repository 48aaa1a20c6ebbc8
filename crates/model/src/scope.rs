//! Named permissions, in the syntax of OAuth 2.0 (RFC 6749 §3.3).

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Longest scope name, in bytes.
const MAX_LENGTH: usize = 128;
/// Most scopes one key may list.
const MAX_LISTED: usize = 256;
/// The word for every scope there is; therefore no scope's name.
const ALL: &str = "all";

/// One named permission.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope(Arc<str>);

/// Why a text is not a scope, or a list not a set of scopes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// RFC 6749 §3.3 allows `%x21 / %x23-5B / %x5D-7E`.
    #[error("a scope is 1 to {MAX_LENGTH} visible ASCII characters without spaces, quotes or backslashes")]
    Syntax,
    /// `all` means every scope.
    #[error("\"all\" stands for every scope and can't name one")]
    Reserved,
    /// More than a key may list.
    #[error("at most {MAX_LISTED} scopes")]
    TooMany,
}

impl Scope {
    /// The scope's name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        let allowed = |b: u8| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        if text.is_empty() || text.len() > MAX_LENGTH || !text.bytes().all(allowed) {
            return Err(ScopeError::Syntax);
        }
        if text == ALL { Err(ScopeError::Reserved) } else { Ok(Self(text.into())) }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// What a key may do: the word `"all"`, or a list. The empty list is nothing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Scopes {
    /// Every scope, those included that the profile will name later.
    All,
    /// Exactly these, sorted and without repetition.
    Listed(Box<[Scope]>),
}

impl Scopes {
    /// The set of these scopes.
    pub fn listed(mut scopes: Vec<Scope>) -> Result<Self, ScopeError> {
        scopes.sort_unstable();
        scopes.dedup();
        if scopes.len() > MAX_LISTED { Err(ScopeError::TooMany) } else { Ok(Self::Listed(scopes.into())) }
    }

    /// Whether `scope` is among them.
    pub fn include(&self, scope: &Scope) -> bool {
        match self {
            Self::All => true,
            Self::Listed(scopes) => scopes.contains(scope),
        }
    }
}

/// Space-separated as OAuth writes it; `all` for every scope, empty for none.
impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str(ALL),
            Self::Listed(scopes) => {
                for (place, scope) in scopes.iter().enumerate() {
                    if place > 0 {
                        f.write_str(" ")?;
                    }
                    f.write_str(&scope.0)?;
                }
                Ok(())
            }
        }
    }
}

impl Serialize for Scopes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => serializer.serialize_str(ALL),
            Self::Listed(scopes) => scopes.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Scopes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "must be \"all\" or a list of scopes")]
        enum Text {
            Word(String),
            List(Vec<String>),
        }
        match Text::deserialize(deserializer)? {
            Text::Word(word) if word == ALL => Ok(Self::All),
            Text::Word(_) => Err(serde::de::Error::custom("must be \"all\" or a list of scopes")),
            Text::List(names) => {
                let scopes = names.iter().map(|name| name.parse()).collect::<Result<_, _>>();
                scopes.and_then(Self::listed).map_err(serde::de::Error::custom)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scopes(json: &str) -> Result<Scopes, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn all_is_written_out_and_an_empty_list_is_nothing() {
        let write: Scope = "alerts:write".parse().unwrap();
        assert!(scopes("\"all\"").unwrap().include(&write));
        assert!(!scopes("[]").unwrap().include(&write));
        assert_eq!(serde_json::to_string(&Scopes::All).unwrap(), "\"all\"");
        assert_eq!(scopes("[\"b\",\"a\",\"b\"]").unwrap().to_string(), "a b");
    }

    #[test]
    fn write_does_not_imply_read() {
        assert!(!scopes("[\"alerts:write\"]").unwrap().include(&"alerts:read".parse().unwrap()));
    }

    #[test]
    fn what_is_not_a_scope_is_refused() {
        for json in
            ["\"most\"", "[\"\"]", "[\"a b\"]", "[\"a\\\"b\"]", "[\"all\"]", "[\"ü\"]", "null", "1", "[1]"]
        {
            assert!(scopes(json).is_err(), "{json}");
        }
    }
}
