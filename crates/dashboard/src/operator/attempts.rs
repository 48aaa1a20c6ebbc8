//! Bounds guessing: failed attempts to sign in, by address, in a table that never grows beyond its bound.

use std::{collections::HashMap, net::IpAddr, time::Duration};

use claviger_model::Timestamp;
use parking_lot::Mutex;

/// Addresses that are remembered at once.
const MOST: usize = 1000;
/// Failed attempts of an address at once; after them, one each interval.
const AT_ONCE: i64 = 10;
const EVERY_MILLIS: i64 = 6000;

/// Addresses, each with the instant its allowance is whole again (the generic cell rate algorithm).
#[derive(Default)]
pub(super) struct Attempts(Mutex<HashMap<IpAddr, i64>>);

impl Attempts {
    /// Takes one attempt of `address`, or says how long to wait for the next.
    pub(super) fn take(&self, address: IpAddr, now: Timestamp) -> Result<(), Duration> {
        let mut table = self.0.lock();
        let now = now.as_millis();
        if table.len() >= MOST && !table.contains_key(&address) {
            make_room(&mut table, now);
        }
        // Nothing is taken so far ahead: the clock was set back, and must not lock anybody out until it is there again.
        let taken = table.get(&address).filter(|at| **at <= now + EVERY_MILLIS * AT_ONCE);
        let begun = taken.map_or(now, |at| (*at).max(now));
        let latest = now + EVERY_MILLIS * (AT_ONCE - 1);
        if begun > latest {
            return Err(Duration::from_millis(u64::try_from(begun - latest).unwrap_or_default()));
        }
        table.insert(address, begun + EVERY_MILLIS);
        Ok(())
    }

    /// Gives an attempt back that was none: it succeeded, or could not be judged.
    pub(super) fn give_back(&self, address: IpAddr) {
        if let Some(at) = self.0.lock().get_mut(&address) {
            *at -= EVERY_MILLIS;
        }
    }
}

/// Forgets who has their whole allowance again; where nobody has, whoever is nearest to it.
fn make_room(table: &mut HashMap<IpAddr, i64>, now: i64) {
    table.retain(|_, at| *at > now);
    if table.len() >= MOST
        && let Some(nearest) = table.iter().min_by_key(|(_, at)| **at).map(|(address, _)| *address)
    {
        table.remove(&nearest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(1_000_000 + seconds * 1000)
    }

    #[test]
    fn ten_attempts_fail_at_once_and_then_one_each_six_seconds() {
        let attempts = Attempts::default();
        for _ in 0..10 {
            assert_eq!(attempts.take(HERE, at(0)), Ok(()));
        }
        assert_eq!(attempts.take(HERE, at(0)), Err(Duration::from_secs(6)));
        assert_eq!(attempts.take([10, 0, 0, 1].into(), at(0)), Ok(()));
        assert_eq!(attempts.take(HERE, at(6)), Ok(()));
        assert!(attempts.take(HERE, at(6)).is_err());
    }

    #[test]
    fn a_clock_that_was_set_back_locks_nobody_out() {
        let attempts = Attempts::default();
        assert!((0..10).all(|_| attempts.take(HERE, at(3600)).is_ok()));
        assert!((0..10).all(|_| attempts.take(HERE, at(0)).is_ok()));
        assert!(attempts.take(HERE, at(0)).is_err());
    }

    #[test]
    fn what_succeeded_counts_for_nothing() {
        let attempts = Attempts::default();
        for _ in 0..100 {
            assert_eq!(attempts.take(HERE, at(0)), Ok(()));
            attempts.give_back(HERE);
        }
    }

    #[test]
    fn many_addresses_are_forgotten_before_they_fill_the_memory() {
        let attempts = Attempts::default();
        for number in 0..3000_u32 {
            assert_eq!(attempts.take(std::net::Ipv4Addr::from(number).into(), at(0)), Ok(()));
        }
        assert_eq!(attempts.0.lock().len(), MOST);
    }
}
