//! What a key may do, and the answer to one that may do too little.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use http::{
    HeaderValue, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE},
};
use http_body_util::Full;
use serde::{Deserialize, Deserializer};

use crate::Answer;

/// The word for every scope there is; therefore no scope's name.
const ALL: &str = "all";
/// Longest scope name, in bytes.
const MAX_LENGTH: usize = 128;

/// The scopes of the key that a request was allowed with. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scopes(Held);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Held {
    All,
    Listed(Arc<[Box<str>]>),
}

/// That a key lacks a scope. As an answer it is a 403.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key lacks the scope {scope}")]
pub struct MissingScope {
    scope: Box<str>,
}

/// Why scopes can't be demanded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// Not the name of a scope (RFC 6749 §3.3).
    #[error(
        "a scope is 1 to {MAX_LENGTH} visible ASCII characters without spaces, quotes or backslashes, and not \"all\""
    )]
    Syntax,
    /// More than can be demanded at once.
    #[error("at most 64 scopes can be demanded at once")]
    TooMany,
}

impl Scopes {
    /// Every scope there is, and those that the api will name later.
    pub const fn all() -> Self {
        Self(Held::All)
    }

    /// Exactly these; none where there are none.
    pub fn listed<T: Into<Box<str>>>(scopes: impl IntoIterator<Item = T>) -> Self {
        Self(Held::Listed(scopes.into_iter().map(Into::into).collect()))
    }

    /// Whether `scope` is among them. No scope implies another.
    pub fn include(&self, scope: &str) -> bool {
        match &self.0 {
            Held::All => true,
            Held::Listed(scopes) => scopes.iter().any(|listed| **listed == *scope),
        }
    }

    /// Nothing where `scope` is among them; otherwise what to answer.
    pub fn require(&self, scope: &str) -> Result<(), MissingScope> {
        if self.include(scope) { Ok(()) } else { Err(MissingScope { scope: scope.into() }) }
    }
}

/// Space-separated as OAuth writes it; `all` for every scope, empty for none.
impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Held::All => f.write_str(ALL),
            Held::Listed(scopes) => f.write_str(&scopes.join(" ")),
        }
    }
}

impl MissingScope {
    /// The scope that is missing.
    pub fn scope(&self) -> &str {
        &self.scope
    }

    /// A 403 that says so as a problem (RFC 9457). To answer in the api's own words, let the node require the scope:
    /// [`RemoteApi::scopes`](crate::RemoteApi::scopes).
    pub fn answer(&self) -> Answer {
        let body = serde_json::json!({"title": self.to_string(), "status": 403}).to_string();
        problem(StatusCode::FORBIDDEN, body)
    }
}

/// An answer of our own, which is nobody else's (RFC 9111 §3.5).
pub(crate) fn problem(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    answer
}

/// Whether `text` can name a scope.
pub(crate) fn check(text: &str) -> Result<(), ScopeError> {
    let allowed = |b: u8| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    let named = !text.is_empty() && text.len() <= MAX_LENGTH && text.bytes().all(allowed) && text != ALL;
    if named { Ok(()) } else { Err(ScopeError::Syntax) }
}

impl<'de> Deserialize<'de> for Scopes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "must be \"all\" or a list of scopes")]
        enum Text {
            Word(String),
            List(Vec<Box<str>>),
        }
        match Text::deserialize(deserializer)? {
            Text::Word(word) if word == ALL => Ok(Self::all()),
            Text::Word(_) => Err(serde::de::Error::custom("must be \"all\" or a list of scopes")),
            Text::List(scopes) => Ok(Self::listed(scopes)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_written_out_and_an_empty_list_is_nothing() {
        let read = |json: &str| serde_json::from_str::<Scopes>(json);
        assert!(read("\"all\"").unwrap().include("alerts:write"));
        assert!(!read("[]").unwrap().include("alerts:write"));
        assert!(!read("[\"all\"]").unwrap().include("alerts:write"));
        for json in ["\"most\"", "\"\"", "null", "1", "[1]", "{}"] {
            assert!(read(json).is_err(), "{json}");
        }
        assert_eq!(read("[\"a\",\"b\"]").unwrap().to_string(), "a b");
    }

    #[test]
    fn a_scope_that_is_missing_is_a_403_that_names_it() {
        let scopes = Scopes::listed(["alerts:read"]);
        assert_eq!(scopes.require("alerts:read"), Ok(()));
        let missing = scopes.require("alerts:write").unwrap_err();
        assert_eq!((missing.scope(), missing.answer().status()), ("alerts:write", StatusCode::FORBIDDEN));
    }

    #[test]
    fn what_can_not_name_a_scope_is_refused() {
        for text in ["", "all", "a b", "a\"b", "a\\b", "ü"] {
            assert_eq!(check(text), Err(ScopeError::Syntax), "{text}");
        }
        assert_eq!(check("alerts:write"), Ok(()));
    }
}
