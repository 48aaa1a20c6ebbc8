//! Bounds guessing, by who is guessed or by who guesses, in a table that never grows.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    time::Duration,
};

use claviger_model::{Entropy, Timestamp};
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};

/// Places in the table. Two names that share one share its bound; nobody can choose which, for the seed is secret.
const SLOTS: usize = 1 << 14;

/// A bound on attempts: some at once, then one each interval.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bound {
    at_once: u32,
    every: Duration,
}

/// For one address of one api, from wherever it is tried. Whoever is locked out by another's guesses still has links.
pub(super) const BY_MEMBER: Bound = Bound { at_once: 10, every: Duration::from_mins(1) };
/// For one [`network`], whoever it tries to be.
pub(super) const BY_ADDRESS: Bound = Bound { at_once: 40, every: Duration::from_secs(10) };

/// For one application's secret, from wherever it is guessed.
pub(super) const BY_CLIENT: Bound = Bound { at_once: 10, every: Duration::from_mins(1) };

/// Applications that register themselves, by the [`network`] they do it from.
pub(super) const REGISTRATIONS: Bound = Bound { at_once: 10, every: Duration::from_mins(1) };

/// Attempts, each name with the instant its allowance is whole again (the generic cell rate algorithm).
pub(super) struct Throttle {
    bound: Bound,
    seed: [u8; 16],
    whole_at: Mutex<Box<[i64]>>,
}

impl fmt::Debug for Throttle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Throttle")
    }
}

impl Throttle {
    /// A table of its own: what fills one must not lock anybody out of another.
    pub(super) fn new(bound: Bound, entropy: &dyn Entropy) -> Self {
        let mut seed = [0; 16];
        entropy.fill(&mut seed);
        Self { bound, seed, whole_at: Mutex::new(vec![0; SLOTS].into_boxed_slice()) }
    }

    fn slot(&self, name: &str) -> usize {
        let hash = Sha256::new().chain_update(self.seed).chain_update(name.as_bytes()).finalize();
        usize::from(u16::from_le_bytes([hash[0], hash[1]])) % SLOTS
    }

    /// Takes one attempt of `name`, or says how long to wait for the next.
    pub(super) fn take(&self, name: &str, now: Timestamp) -> Result<(), Duration> {
        let (slot, bound) = (self.slot(name), self.bound);
        let mut table = self.whole_at.lock();
        let (now, every) = (now.as_millis(), millis(bound.every));
        // A clock that was set back must not lock anybody out for longer than the bound.
        let begun = table[slot].clamp(now, now + every * i64::from(bound.at_once));
        table[slot] = begun;
        let latest = now + every * i64::from(bound.at_once - 1);
        if begun > latest {
            return Err(Duration::from_millis(u64::try_from(begun - latest).unwrap_or_default()));
        }
        table[slot] = begun + every;
        Ok(())
    }

    /// Gives an attempt back that was none: it succeeded, or nothing was learned by it.
    pub(super) fn give_back(&self, name: &str) {
        let slot = self.slot(name);
        self.whole_at.lock()[slot] -= millis(self.bound.every);
    }
}

/// The name by which an address is counted. One subscriber has at least 2^64 of the new ones; those nobody knows are one.
pub(super) fn network(address: Option<IpAddr>) -> String {
    match address.map(|address| address.to_canonical()) {
        Some(IpAddr::V4(address)) => address.to_string(),
        Some(IpAddr::V6(address)) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).to_string(),
        None => "unknown".to_owned(),
    }
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Zeros;

    impl Entropy for Zeros {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(0);
        }
    }

    const TWO: Bound = Bound { at_once: 2, every: Duration::from_secs(10) };

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(1_000_000 + seconds * 1000)
    }

    #[test]
    fn some_attempts_pass_at_once_and_then_one_each_interval() {
        let throttle = Throttle::new(TWO, &Zeros);
        assert_eq!(throttle.take("ada", at(0)), Ok(()));
        assert_eq!(throttle.take("ada", at(0)), Ok(()));
        assert_eq!(throttle.take("ada", at(0)), Err(Duration::from_secs(10)));
        assert_eq!(throttle.take("ada", at(9)), Err(Duration::from_secs(1)));
        assert_eq!(throttle.take("ada", at(10)), Ok(()));
        assert_eq!(throttle.take("ada", at(11)), Err(Duration::from_secs(9)));
        assert_eq!(throttle.take("grace", at(11)), Ok(()));
    }

    #[test]
    fn what_succeeded_counts_for_nothing() {
        let throttle = Throttle::new(TWO, &Zeros);
        for _ in 0..100 {
            assert_eq!(throttle.take("ada", at(0)), Ok(()));
            throttle.give_back("ada");
        }
    }

    #[test]
    fn addresses_of_one_subscriber_are_one_network() {
        for (address, named) in [
            ("203.0.113.7", "203.0.113.7"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
            ("2001:db8:1:2:ffff::1", "2001:db8:1:2::"),
            ("2001:db8:1:3::1", "2001:db8:1:3::"),
        ] {
            assert_eq!(network(Some(address.parse().unwrap())), named, "{address}");
        }
        assert_eq!(network(None), "unknown");
    }

    #[test]
    fn a_clock_that_is_set_back_locks_nobody_out_for_long() {
        let throttle = Throttle::new(TWO, &Zeros);
        let _ = throttle.take("ada", at(1_000_000));
        assert!(throttle.take("ada", at(0)).is_err_and(|wait| wait <= Duration::from_secs(20)));
        assert_eq!(throttle.take("ada", at(30)), Ok(()));
    }
}
