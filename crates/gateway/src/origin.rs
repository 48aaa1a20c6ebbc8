//! Where an upstream is: scheme, host and port, from configuration only.

use std::{fmt, str::FromStr};

use claviger_model::profile::{self, OriginError};
use http::{
    Uri,
    uri::{Authority, PathAndQuery, Scheme},
};

/// The origin of an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    scheme: Scheme,
    authority: Authority,
}

impl Origin {
    /// The address there of a path and query, which stay as they are to the byte.
    pub(crate) fn uri_of(&self, target: PathAndQuery) -> Uri {
        let builder = Uri::builder().scheme(self.scheme.clone()).authority(self.authority.clone());
        builder.path_and_query(target).build().expect("three valid parts are a valid address")
    }
}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        let uri: Uri = profile::origin(text)?.parse().or(Err(OriginError))?;
        let parts = uri.into_parts();
        let (scheme, authority) = parts.scheme.zip(parts.authority).ok_or(OriginError)?;
        Ok(Self { scheme, authority })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_prints_as_it_reads_and_nothing_else_is_one() {
        for text in ["http://127.0.0.1:3000", "https://backend.internal", "http://[::1]:8080"] {
            assert_eq!(text.parse::<Origin>().unwrap().to_string(), text);
        }
        for text in ["http://a/", "http://A:80"] {
            assert_eq!(text.parse::<Origin>().unwrap().to_string(), "http://a");
        }
        for text in [
            "",
            "a",
            "a:80",
            "/x",
            "ftp://a",
            "http://a/x",
            "http://a/?x",
            "http://u@a",
            "http://u:p@a",
            "unix:/x",
        ] {
            assert_eq!(text.parse::<Origin>(), Err(OriginError), "{text}");
        }
    }

    #[test]
    fn a_target_stays_as_it_is() {
        let origin: Origin = "http://a:1".parse().unwrap();
        for target in ["/", "/?", "/a//b/../%2e?x=//&y=%zz", "/ä"] {
            let uri = origin.uri_of(PathAndQuery::try_from(target).unwrap());
            assert_eq!(uri.path_and_query().unwrap().as_str(), target);
        }
    }
}
