//! How many connections one address may have, so that one caller can't take all places.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::OwnedSemaphorePermit;

use super::Trusted;

/// The open connections of each address.
pub(super) struct Admission {
    most: usize,
    trusted: Trusted,
    open: Arc<Open>,
}

#[derive(Default)]
struct Open(Mutex<HashMap<IpAddr, usize>>);

impl Open {
    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        // Counts are right whatever interrupted whoever held the lock: each change is one step.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of one connection, free again when dropped.
pub(super) struct Admitted {
    counted: Option<(Arc<Open>, IpAddr)>,
    _place: OwnedSemaphorePermit,
}

impl Admitted {
    pub(super) fn new(place: OwnedSemaphorePermit) -> Self {
        Self { counted: None, _place: place }
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let Some((open, address)) = self.counted.take() else { return };
        let mut open = open.lock();
        if let Some(count) = open.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                open.remove(&address);
            }
        }
    }
}

impl Admission {
    pub(super) fn new(most: usize, trusted: Trusted) -> Self {
        Self { most, trusted, open: Arc::default() }
    }

    /// Counts a connection from `peer` for as long as `place` is held; false if it has too many already.
    ///
    /// This machine's own addresses and trusted proxies speak for many and are not counted.
    pub(super) fn admit(&self, peer: IpAddr, place: &mut Admitted) -> bool {
        let peer = peer.to_canonical();
        if peer.is_loopback() || (self.trusted)(peer) {
            return true;
        }
        let address = subscriber(peer);
        let mut open = self.open.lock();
        let count = open.entry(address).or_default();
        if *count >= self.most {
            return false;
        }
        *count += 1;
        place.counted = Some((Arc::clone(&self.open), address));
        true
    }
}

/// What one subscriber has: an IPv4 address, or an IPv6 network of 64 bits.
fn subscriber(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::Semaphore;

    use super::*;

    fn place() -> Admitted {
        Admitted::new(Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap())
    }

    fn admission(most: usize) -> Admission {
        let proxy: IpAddr = "10.0.0.1".parse().unwrap();
        Admission::new(most, Arc::new(move |address| address == proxy))
    }

    fn admitted(admission: &Admission, peer: &str) -> Option<Admitted> {
        let mut place = place();
        admission.admit(peer.parse().unwrap(), &mut place).then_some(place)
    }

    #[test]
    fn one_address_has_so_many_places_and_gets_them_back() {
        let admission = admission(2);
        let (first, second) = (admitted(&admission, "192.0.2.1"), admitted(&admission, "::ffff:192.0.2.1"));
        assert!(first.is_some() && second.is_some());
        assert!(admitted(&admission, "192.0.2.1").is_none());
        assert!(admitted(&admission, "192.0.2.2").is_some());
        drop(first);
        assert!(admitted(&admission, "192.0.2.1").is_some());
        drop(second);
        assert!(admission.open.lock().is_empty());
    }

    #[test]
    fn one_ipv6_network_is_one_caller() {
        let admission = admission(1);
        let held = admitted(&admission, "2001:db8::1");
        assert!(held.is_some());
        assert!(admitted(&admission, "2001:db8::ffff:1").is_none());
        assert!(admitted(&admission, "2001:db8:0:1::1").is_some());
    }

    #[test]
    fn who_speaks_for_many_is_not_counted() {
        let admission = admission(1);
        for peer in ["127.0.0.1", "::1", "10.0.0.1"] {
            let held = [admitted(&admission, peer), admitted(&admission, peer)];
            assert!(held.iter().all(Option::is_some), "{peer}");
        }
    }
}
