//! Numbers of which the machine has one set, such as ports, so that tests that run at the same time don't meet.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    ops::RangeInclusive,
    os::{linux::net::SocketAddrExt as _, unix::net},
    process,
};

/// Below the ports that the kernel gives away by itself, so that a port stays free while nobody listens on it.
const PORTS: RangeInclusive<u16> = 20_000..=29_999;

/// A number that no other test on this machine has.
#[derive(Debug)]
pub(crate) struct Claim {
    pub(crate) number: u16,
    /// A name that the kernel takes back when this process is gone, however it ends.
    _name: net::UnixListener,
}

impl Claim {
    /// The first number of `range` that is `usable` and that nobody claims as a `kind`.
    #[track_caller]
    pub(crate) fn of(kind: &str, range: RangeInclusive<u16>, usable: impl Fn(u16) -> bool) -> Self {
        // Not everyone begins at the same place: what a test that just ended left behind is met as late as possible.
        let begin = process::id() as usize % range.len();
        range
            .clone()
            .cycle()
            .skip(begin)
            .take(range.len())
            .find_map(|number| {
                let name = net::SocketAddr::from_abstract_name(format!("claviger-test-{kind}-{number}"))
                    .expect("the name is short");
                let name = net::UnixListener::bind_addr(&name).ok()?;
                usable(number).then_some(Self { number, _name: name })
            })
            .expect("fewer tests run than there are numbers")
    }

    /// A port of the loopback address on which nobody listens.
    #[track_caller]
    pub(crate) fn port() -> Self {
        Self::of("port", PORTS, |port| TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok())
    }

    /// The loopback address with this port.
    pub(crate) fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.number).into()
    }
}
