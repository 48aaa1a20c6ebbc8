//! Where Redis is.

use std::{fmt, str::FromStr};

use redis::{ConnectionInfo, IntoConnectionInfo as _};

/// A Redis or Valkey, or some nodes of a cluster, separated by commas: `redis://[[user]:password@]host[:port][/db]`, or
/// `rediss://…` where it speaks TLS.
///
/// It prints without users and passwords.
#[derive(Clone)]
pub struct RedisAddress(Vec<ConnectionInfo>);

/// Why a text isn't the address of a Redis. What was wrong isn't quoted: it may be part of a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be redis://[[user]:password@]host[:port][/db], or rediss:// for TLS; several nodes of a cluster separated by commas"
)]
pub struct AddressError;

impl RedisAddress {
    pub(crate) fn nodes(&self) -> &[ConnectionInfo] {
        &self.0
    }

    /// Whether these are nodes of a cluster.
    pub fn is_cluster(&self) -> bool {
        self.0.len() > 1
    }
}

impl FromStr for RedisAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let node = |text: &str| {
            let known = text.starts_with("redis://") || text.starts_with("rediss://");
            // The library's words may quote the password.
            text.into_connection_info().ok().filter(|_| known)
        };
        text.split(',').map(|text| node(text.trim())).collect::<Option<_>>().map(Self).ok_or(AddressError)
    }
}

impl fmt::Display for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let addresses: Vec<_> = self.0.iter().map(|node| node.addr().to_string()).collect();
        f.write_str(&addresses.join(","))
    }
}

impl fmt::Debug for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisAddress({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_prints_without_its_password() {
        let one: RedisAddress = "redis://ada:hunter2@cache.internal:6380/3".parse().unwrap();
        assert_eq!(one.to_string(), "cache.internal:6380");
        assert_eq!(format!("{one:?}"), "RedisAddress(cache.internal:6380)");
        assert!(!one.is_cluster());
        let nodes: RedisAddress = "rediss://:p@a:1, rediss://:p@b:2".parse().unwrap();
        assert_eq!((nodes.to_string().as_str(), nodes.is_cluster()), ("a:1,b:2", true));
    }

    #[test]
    fn what_is_no_address_is_refused_and_not_quoted() {
        for text in [
            "",
            "localhost",
            "localhost:6379",
            "http://a",
            "unix:///tmp/s",
            "redis://:hunter2@",
            "redis://a,",
        ] {
            let refused = text.parse::<RedisAddress>().unwrap_err();
            assert!(!refused.to_string().contains("hunter2"), "{text}");
        }
    }
}
