//! Reads which host a request is for, and refuses a request that names two.
//!
//! It deliberately knows no default: a request that doesn't say where it is meant to go is not answered by
//! whichever api happens to be first.

use http::{HeaderMap, HeaderValue, Uri, header::HOST};

/// The host of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Its name in lower case, without a port and without the final dot of a fully qualified name.
    pub name: String,
    /// The value of the `Host` field, as sent.
    pub field: HeaderValue,
}

/// Why a request has no host that everybody reads the same way (RFC 9112 §3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// Neither a `Host` field nor an authority in the target.
    #[error("the request names no host")]
    Missing,
    /// Two `Host` fields, or a target with another authority than the field's.
    #[error("the request names two hosts")]
    Two,
    /// Not `host` or `host:port`.
    #[error("the host can't be read")]
    Malformed,
}

impl Host {
    /// The host that the `Host` field and the target (in absolute form, or HTTP/2's `:authority`) agree on.
    pub fn of(uri: &Uri, headers: &HeaderMap) -> Result<Self, HostError> {
        let mut fields = headers.get_all(HOST).iter();
        let field = fields.next();
        if fields.next().is_some() {
            return Err(HostError::Two);
        }
        let target = uri.authority().map(|authority| authority.as_str().as_bytes());
        let sent = match (field, target) {
            (Some(field), Some(target)) if !field.as_bytes().eq_ignore_ascii_case(target) => {
                return Err(HostError::Two);
            }
            (Some(field), _) => field.as_bytes(),
            (None, Some(target)) => target,
            (None, None) => return Err(HostError::Missing),
        };
        Self::read(sent)
    }

    /// Has the field say what HTTP/2's `:authority` alone did, for whoever reads fields (RFC 9113 §8.3.1).
    pub fn note(uri: &Uri, headers: &mut HeaderMap) {
        if let Some(authority) = uri.authority()
            && !headers.contains_key(HOST)
        {
            let host = HeaderValue::from_str(authority.as_str());
            headers.insert(HOST, host.expect("an authority is a field value"));
        }
    }

    /// The host that a field's value names.
    pub fn read(sent: &[u8]) -> Result<Self, HostError> {
        let name = read_name(sent).ok_or(HostError::Malformed)?;
        let field = HeaderValue::from_bytes(sent).expect("a name that was read is a field value");
        Ok(Self { name, field })
    }
}

fn read_name(sent: &[u8]) -> Option<String> {
    let sent = str::from_utf8(sent).ok()?;
    let end = if sent.starts_with('[') { sent.find(']')? + 1 } else { sent.find(':').unwrap_or(sent.len()) };
    let (host, port) = sent.split_at(end);
    let port_is_plain = port.is_empty()
        || port.strip_prefix(':').is_some_and(|port| {
            port.parse::<u16>().is_ok() && port.bytes().all(|byte| byte.is_ascii_digit())
        });
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let is_name = host.bytes().all(plain) || is_ipv6_literal(host);
    let name = host.strip_suffix('.').unwrap_or(host);
    (is_name && port_is_plain && !name.is_empty()).then(|| name.to_ascii_lowercase())
}

fn is_ipv6_literal(host: &str) -> bool {
    let inside = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    inside.is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(target: &str, fields: &[&str]) -> Result<String, HostError> {
        let headers = fields.iter().map(|field| (HOST, HeaderValue::from_bytes(field.as_bytes()).unwrap()));
        Host::of(&target.parse().unwrap(), &headers.collect()).map(|host| host.name)
    }

    #[test]
    fn a_host_is_read_without_its_port_in_lower_case() {
        for (field, name) in [
            ("api.example.com", "api.example.com"),
            ("API.Example.COM:8080", "api.example.com"),
            ("api.example.com.", "api.example.com"),
            ("127.0.0.1:8080", "127.0.0.1"),
            ("[::1]:8080", "[::1]"),
            ("my_service", "my_service"),
        ] {
            assert_eq!(host("/v1", &[field]).as_deref(), Ok(name), "{field}");
        }
        assert_eq!(host("http://api.example.com/v1", &[]).as_deref(), Ok("api.example.com"));
        assert_eq!(
            host("http://API.example.com:80/v1", &["api.example.com:80"]).as_deref(),
            Ok("api.example.com")
        );
    }

    #[test]
    fn a_request_for_two_hosts_is_refused() {
        assert_eq!(host("/v1", &["a.com", "a.com"]), Err(HostError::Two));
        assert_eq!(host("http://a.com/v1", &["b.com"]), Err(HostError::Two));
        assert_eq!(host("http://a.com:80/v1", &["a.com"]), Err(HostError::Two));
        assert_eq!(host("http://u@a.com/v1", &["a.com"]), Err(HostError::Two));
    }

    #[test]
    fn a_request_for_no_readable_host_is_refused() {
        assert_eq!(host("/v1", &[]), Err(HostError::Missing));
        for field in [
            "",
            ".",
            "a b",
            "a.com,b.com",
            "u@a.com",
            "a.com/x",
            "a.com:",
            "a.com:x",
            "a.com:+80",
            "a.com:99999",
            "[::1",
            "[x]",
            "ä.com",
            "a%2ecom",
            "a.com?x",
            "a.com#x",
            "http://a.com",
        ] {
            assert_eq!(host("/v1", &[field]), Err(HostError::Malformed), "{field:?}");
        }
        assert_eq!(host("http://u@a.com/v1", &[]), Err(HostError::Malformed));
    }

    #[test]
    fn a_field_that_http_2_leaves_out_is_noted_and_one_that_is_there_stays() {
        for (target, field, expected) in [
            ("https://a.com:8443/v1", None, Some("a.com:8443")),
            ("https://a.com/v1", Some("b.com"), Some("b.com")),
            ("/v1", None, None),
        ] {
            let mut headers: HeaderMap =
                field.map(|field| (HOST, HeaderValue::from_static(field))).into_iter().collect();
            Host::note(&target.parse().unwrap(), &mut headers);
            assert_eq!(headers.get(HOST).map(|host| host.to_str().unwrap()), expected, "{target}");
        }
    }
}
