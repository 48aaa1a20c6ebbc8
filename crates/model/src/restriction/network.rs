//! Networks a key may be used from.

use std::{fmt, net::IpAddr};

use ipnet::IpNet;

use super::RestrictionError;

/// A list of IPv4 and IPv6 networks. An IPv4-mapped address (`::ffff:a.b.c.d`) is its IPv4 address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Networks(Box<[Network]>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Network(IpNet);

text_list!(Networks, Network);

impl Networks {
    /// Whether `address` is in one of them.
    pub fn contain(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.0.contains(&address))
    }
}

impl Network {
    fn parse(text: &str) -> Result<Self, RestrictionError> {
        let block = read_block(text).ok_or(RestrictionError::Network)?;
        if matches!(block, IpNet::V6(v6) if v6.addr().to_ipv4_mapped().is_some()) {
            return Err(RestrictionError::Mapped);
        }
        if block.prefix_len() == 0 {
            return Err(RestrictionError::Everything);
        }
        if block.trunc() == block { Ok(Self(block)) } else { Err(RestrictionError::HostBits) }
    }
}

/// Reads the address as the standard library does, which takes no leading zeros: some parsers read those as octal.
fn read_block(text: &str) -> Option<IpNet> {
    let Some((address, length)) = text.split_once('/') else {
        return text.parse::<IpAddr>().ok().map(IpNet::from);
    };
    let bits: u8 = length.parse().ok()?;
    let as_written = bits.to_string() == length;
    IpNet::new(address.parse().ok()?, bits).ok().filter(|_| as_written)
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.prefix_len() == self.0.max_prefix_len() { self.0.addr().fmt(f) } else { self.0.fmt(f) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(networks: &[&str], address: &str) -> bool {
        Networks::parse(networks).unwrap().contain(address.parse().unwrap())
    }

    #[test]
    fn an_address_is_in_its_networks_only() {
        assert!(contains(&["10.0.0.0/8"], "10.1.2.3"));
        assert!(!contains(&["10.0.0.0/8"], "11.0.0.0"));
        assert!(contains(&["192.0.2.7"], "192.0.2.7"));
        assert!(contains(&["2001:db8::/32", "10.0.0.0/8"], "2001:db8::1"));
        assert!(!contains(&["2001:db8::/32"], "2001:db9::1"));
    }

    #[test]
    fn a_mapped_address_is_its_ipv4_address() {
        assert!(contains(&["10.0.0.0/8"], "::ffff:10.0.0.5"));
        assert!(!contains(&["10.0.0.0/8"], "::ffff:11.0.0.5"));
        assert!(!contains(&["::/1"], "::ffff:10.0.0.5"));
    }

    #[test]
    fn networks_that_mean_something_else_are_refused() {
        for (text, error) in [
            ("10.0.0.1/8", RestrictionError::HostBits),
            ("0.0.0.0/0", RestrictionError::Everything),
            ("::/0", RestrictionError::Everything),
            ("10.0.0.0/33", RestrictionError::Network),
            ("::ffff:10.0.0.0/8", RestrictionError::Mapped),
            ("::ffff:10.0.0.0/104", RestrictionError::Mapped),
            ("10.0.0", RestrictionError::Network),
            ("010.0.0.1", RestrictionError::Network),
            ("010.0.0.0/8", RestrictionError::Network),
            ("10.0.0.0/08", RestrictionError::Network),
            ("10.0.0.0/+8", RestrictionError::Network),
            ("10.0.0.0/", RestrictionError::Network),
            ("localhost", RestrictionError::Network),
            ("", RestrictionError::Network),
        ] {
            assert_eq!(Networks::parse(&[text]), Err(error), "{text}");
        }
        assert_eq!(Networks::parse::<&str>(&[]), Err(RestrictionError::Empty));
        assert_eq!(Networks::parse(&["10.0.0.1"; 65]), Err(RestrictionError::TooMany));
    }
}
