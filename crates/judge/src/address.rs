//! Finds the caller's address: from the right, through trusted proxies only.
//!
//! `X-Forwarded-For` is the one forwarding header that is read; `Forwarded`, `X-Real-IP` and their cousins are
//! not, because two that disagree could not both be right.

use std::net::{IpAddr, SocketAddr};

use claviger_model::profile::Profile;
use http::{HeaderMap, HeaderName};

/// The field in which each proxy notes whom it was asked by.
pub const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address of whoever asked the outermost trusted proxy; the peer itself where it isn't a trusted proxy.
///
/// `None` where there is no peer address (a Unix socket) or a trusted proxy notes something that is no address:
/// a key restricted to networks is then refused. A trusted proxy that notes nothing is the caller itself.
pub fn caller_address(profile: &Profile, peer: Option<IpAddr>, headers: &HeaderMap) -> Option<IpAddr> {
    let mut address = peer?.to_canonical();
    for line in headers.get_all(X_FORWARDED_FOR).iter().rev() {
        for hop in line.as_bytes().rsplit(|byte| *byte == b',') {
            if !profile.trusts(address) {
                return Some(address);
            }
            address = read_hop(hop)?;
        }
    }
    Some(address)
}

/// An address as proxies write it: bare, in brackets, or with the port it came from.
fn read_hop(hop: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(hop).ok()?.trim_matches([' ', '\t']);
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok().map(IpAddr::V6);
    let with_port =
        || text.parse::<SocketAddr>().ok().filter(|_| !text.contains('%')).map(|socket| socket.ip());
    text.parse().ok().or_else(bracketed).or_else(with_port).map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn profile(trusted: &str) -> Profile {
        let text = include_str!("../../../profiles/default.toml");
        let text = text.replace("env_var", &format!("trusted_proxies = [{trusted}]\nenv_var"));
        Profile::parse("default.toml", &text).unwrap()
    }

    fn caller(trusted: &str, peer: &str, lines: &[&str]) -> Option<IpAddr> {
        let fields = lines.iter().map(|line| (X_FORWARDED_FOR, HeaderValue::from_str(line).unwrap()));
        caller_address(&profile(trusted), Some(peer.parse().unwrap()), &fields.collect())
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn nobody_is_believed_unless_trusted() {
        assert_eq!(caller("", "10.0.0.1", &["203.0.113.9"]), Some(ip("10.0.0.1")));
        assert_eq!(caller("\"10.0.0.0/8\"", "192.0.2.1", &["203.0.113.9"]), Some(ip("192.0.2.1")));
        assert_eq!(caller("\"10.0.0.0/8\"", "::ffff:10.0.0.1", &["203.0.113.9"]), Some(ip("203.0.113.9")));
        assert_eq!(caller("", "::ffff:10.0.0.1", &[]), Some(ip("10.0.0.1")));
        assert_eq!(caller_address(&profile(""), None, &HeaderMap::new()), None);
    }

    #[test]
    fn the_right_most_hop_that_is_not_trusted_is_the_caller() {
        let trusted = "\"10.0.0.0/8\", \"2001:db8::/32\"";
        for (lines, expected) in [
            (&[][..], "10.0.0.1"),
            (&["203.0.113.9"], "203.0.113.9"),
            (&["1.1.1.1, 203.0.113.9"], "203.0.113.9"),
            (&["1.1.1.1,203.0.113.9,10.0.0.2"], "203.0.113.9"),
            (&["1.1.1.1", "203.0.113.9", "10.0.0.3,10.0.0.2"], "203.0.113.9"),
            (&["nonsense, 203.0.113.9"], "203.0.113.9"),
            (&["10.0.0.7, 10.0.0.8"], "10.0.0.7"),
            (&["203.0.113.9:4711"], "203.0.113.9"),
            (&["[2001:db9::1]:4711"], "2001:db9::1"),
            (&["[2001:db9::1]"], "2001:db9::1"),
            (&["2001:db9::1, 2001:db8::1"], "2001:db9::1"),
            (&["::ffff:203.0.113.9"], "203.0.113.9"),
        ] {
            assert_eq!(caller(trusted, "10.0.0.1", lines), Some(ip(expected)), "{lines:?}");
        }
    }

    #[test]
    fn a_hop_that_is_no_address_leaves_the_caller_unknown() {
        let trusted = "\"10.0.0.0/8\"";
        for line in [
            "",
            "unknown",
            "203.0.113.9, nonsense",
            "203.0.113.9,",
            "_hidden",
            "1.2.3",
            "01.2.3.4",
            "[10.0.0.2",
            "[10.0.0.2]",
            "fe80::1%eth0",
            "[fe80::1%1]:80",
            "203.0.113.9 10.0.0.2",
        ] {
            assert_eq!(caller(trusted, "10.0.0.1", &[line]), None, "{line:?}");
        }
    }
}
