//! Finds the caller's address: from the right, through trusted proxies only.
//!
//! `X-Forwarded-For` is the one forwarding header that is read; `Forwarded`, `X-Real-IP` and their cousins are
//! not, because two that disagree could not both be right.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName};
use ipnet::IpNet;

/// The field in which each proxy notes whom it was asked by.
pub const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address of the connection's other end, put into the request's extensions by the server.
///
/// Without it a key restricted to networks is refused.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

/// The networks of proxies whose `X-Forwarded-For` is believed.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Box<[IpNet]>);

/// Why texts are no networks of proxies.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustedProxiesError {
    /// Neither an address nor a network in CIDR notation.
    #[error("{0:?} is neither an address nor a network such as 10.0.0.0/8")]
    Syntax(Box<str>),
    /// A network of every address there is: anybody could say to be anybody.
    #[error("{0:?} would believe everybody")]
    Everybody(Box<str>),
}

impl TrustedProxies {
    /// The proxies at these addresses, or in these networks.
    pub fn new<T: AsRef<str>>(networks: impl IntoIterator<Item = T>) -> Result<Self, TrustedProxiesError> {
        networks.into_iter().map(|text| read_network(text.as_ref())).collect::<Result<_, _>>().map(Self)
    }

    /// Whether what is noted by the proxy at `address` is believed.
    pub fn trust(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

fn read_network(text: &str) -> Result<IpNet, TrustedProxiesError> {
    let address = || text.parse().ok().map(|address: IpAddr| IpNet::from(address.to_canonical()));
    let network = text.parse().ok().or_else(address);
    let network: IpNet = network.ok_or_else(|| TrustedProxiesError::Syntax(text.into()))?;
    if network.prefix_len() == 0 { Err(TrustedProxiesError::Everybody(text.into())) } else { Ok(network) }
}

/// The address of whoever asked the outermost proxy that `trusts` believes; the peer itself where it isn't one.
///
/// `None` where there is no peer address (a Unix socket) or a trusted proxy notes something that is no address:
/// a key restricted to networks is then refused. A trusted proxy that notes nothing is the caller itself.
pub fn caller_address(
    trusts: impl Fn(IpAddr) -> bool,
    peer: Option<IpAddr>,
    headers: &HeaderMap,
) -> Option<IpAddr> {
    outermost(trusts, peer?.to_canonical(), hops(headers))
}

/// The same where whoever asks notes what it was asked by, and is believed: the right-most hop stands for the peer.
///
/// `None` where nothing is noted: that somebody asks who may ask says nothing of the caller.
pub fn noted_address(trusts: impl Fn(IpAddr) -> bool, headers: &HeaderMap) -> Option<IpAddr> {
    let mut hops = hops(headers);
    let peer = read_hop(hops.next()?)?;
    outermost(trusts, peer, hops)
}

/// What proxies noted, the last of them first.
fn hops(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let lines = headers.get_all(X_FORWARDED_FOR).iter().rev();
    lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','))
}

fn outermost<'a>(
    trusts: impl Fn(IpAddr) -> bool,
    mut address: IpAddr,
    hops: impl Iterator<Item = &'a [u8]>,
) -> Option<IpAddr> {
    for hop in hops {
        if !trusts(address) {
            return Some(address);
        }
        address = read_hop(hop)?;
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

    fn caller(trusted: &[&str], peer: &str, lines: &[&str]) -> Option<IpAddr> {
        let proxies = TrustedProxies::new(trusted).unwrap();
        let fields = lines.iter().map(|line| (X_FORWARDED_FOR, HeaderValue::from_str(line).unwrap()));
        caller_address(|address| proxies.trust(address), Some(peer.parse().unwrap()), &fields.collect())
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn nobody_is_believed_unless_trusted() {
        assert_eq!(caller(&[], "10.0.0.1", &["203.0.113.9"]), Some(ip("10.0.0.1")));
        assert_eq!(caller(&["10.0.0.0/8"], "192.0.2.1", &["203.0.113.9"]), Some(ip("192.0.2.1")));
        assert_eq!(caller(&["10.0.0.0/8"], "::ffff:10.0.0.1", &["203.0.113.9"]), Some(ip("203.0.113.9")));
        assert_eq!(caller(&[], "::ffff:10.0.0.1", &[]), Some(ip("10.0.0.1")));
        assert_eq!(caller_address(|_| true, None, &HeaderMap::new()), None);
    }

    #[test]
    fn who_may_ask_is_believed_the_last_hop_and_others_where_they_are_trusted() {
        let trusted = TrustedProxies::new(["10.0.0.0/8"]).unwrap();
        for (lines, expected) in [
            (&[][..], None),
            (&["203.0.113.9"], Some(ip("203.0.113.9"))),
            (&["1.1.1.1, 203.0.113.9"], Some(ip("203.0.113.9"))),
            (&["1.1.1.1, 203.0.113.9", "10.0.0.2"], Some(ip("203.0.113.9"))),
            (&["1.1.1.1, 203.0.113.9, nonsense"], None),
        ] {
            let fields = lines.iter().map(|line| (X_FORWARDED_FOR, HeaderValue::from_str(line).unwrap()));
            assert_eq!(
                noted_address(|address| trusted.trust(address), &fields.collect()),
                expected,
                "{lines:?}"
            );
        }
    }

    #[test]
    fn the_right_most_hop_that_is_not_trusted_is_the_caller() {
        let trusted = &["10.0.0.0/8", "2001:db8::/32"];
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
        let trusted = &["10.0.0.0/8"];
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

    #[test]
    fn nobody_is_believed_because_of_a_network_that_holds_everybody() {
        for everybody in ["0.0.0.0/0", "::/0"] {
            let refused = TrustedProxies::new([everybody]).unwrap_err();
            assert_eq!(refused, TrustedProxiesError::Everybody(everybody.into()));
        }
        for text in ["", "10.0.0.0/33", "proxy.internal", "10.0.0"] {
            assert_eq!(TrustedProxies::new([text]).unwrap_err(), TrustedProxiesError::Syntax(text.into()));
        }
        let one = TrustedProxies::new(["::ffff:10.0.0.1"]).unwrap();
        assert!(one.trust(ip("10.0.0.1")) && !one.trust(ip("10.0.0.2")));
        assert!(!TrustedProxies::default().trust(ip("10.0.0.1")));
    }
}
