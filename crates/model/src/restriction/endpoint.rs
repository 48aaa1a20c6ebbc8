//! Methods and paths a key may be used for.

use std::fmt;

use super::RestrictionError;
use crate::path::{CanonicalPath, PathPattern};

/// A list of endpoints, each `METHOD /path/pattern`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoints(Box<[Endpoint]>);

text_list!(Endpoints, Endpoint);

impl Endpoints {
    /// Whether one of them is asked for.
    pub fn admit(&self, method: &str, path: CanonicalPath<'_>) -> bool {
        self.0.iter().any(|endpoint| endpoint.admits(method, path))
    }
}

/// A method, or any, and a path pattern.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    methods: Methods,
    path: PathPattern,
}

/// Which methods are meant. `HEAD` follows `GET` (RFC 9110 §9.3.2); names are case-sensitive (§9.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Methods {
    /// Every method.
    Any,
    /// These.
    Listed(Box<[Box<str>]>),
}

impl Methods {
    /// Whether `method` is meant.
    pub fn include(&self, method: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(names) => {
                let follows = |name: &str| name == method || (name == "GET" && method == "HEAD");
                names.iter().any(|name| follows(name))
            }
        }
    }

    /// Whether every method of `other` is meant here too.
    pub fn cover(&self, other: &Self) -> bool {
        match other {
            Self::Any => matches!(self, Self::Any),
            Self::Listed(names) => names.iter().all(|name| self.include(name)),
        }
    }

    /// Whether `name` can be a method here: upper-case letters and hyphens, as every registered one is.
    pub fn is_name(name: &str) -> bool {
        (1..=32).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_uppercase() || b == b'-')
    }
}

impl Endpoint {
    /// Whether this endpoint is asked for.
    pub fn admits(&self, method: &str, path: CanonicalPath<'_>) -> bool {
        self.methods.include(method) && self.path.matches(path)
    }

    pub(super) fn parse(text: &str) -> Result<Self, RestrictionError> {
        let (method, path) = text.split_once(' ').ok_or(RestrictionError::Endpoint)?;
        let methods = match method {
            "*" => Methods::Any,
            name if Methods::is_name(name) => Methods::Listed([name.into()].into()),
            _ => return Err(RestrictionError::Endpoint),
        };
        Ok(Self { methods, path: path.parse()? })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.methods {
            Methods::Any => write!(f, "* {}", self.path),
            Methods::Listed(names) => write!(f, "{} {}", names.join(","), self.path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(endpoint: &str, method: &str, path: &str) -> bool {
        Endpoints::parse(&[endpoint]).unwrap().admit(method, CanonicalPath::new(path).unwrap())
    }

    #[test]
    fn an_endpoint_is_a_method_and_a_path() {
        assert!(admits("GET /v1/users/**", "GET", "/v1/users/usr_123"));
        assert!(admits("GET /v1/users/**", "HEAD", "/v1/users/usr_123"));
        assert!(!admits("GET /v1/users/**", "POST", "/v1/users/usr_123"));
        assert!(!admits("GET /v1/users/**", "get", "/v1/users/usr_123"));
        assert!(!admits("GET /v1/users/**", "GET", "/v1/admin"));
        assert!(admits("* /v1/users", "DELETE", "/v1/users"));
        assert!(!admits("HEAD /v1/users", "GET", "/v1/users"));
    }

    #[test]
    fn an_endpoint_prints_as_it_reads() {
        for text in ["GET /v1/users/**", "* /v1/*", "M-SEARCH /"] {
            assert_eq!(Endpoints::parse(&[text]).unwrap().to_texts(), [text]);
        }
        for text in ["", "GET", "/v1", "get /v1", "GET  /v1", "GET /v1 ", "GET,POST /v1", "GET v1"] {
            assert!(Endpoints::parse(&[text]).is_err(), "{text}");
        }
    }
}
