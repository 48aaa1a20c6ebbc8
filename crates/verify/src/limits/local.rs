//! The windows of this node's own keys, in memory.

use std::collections::HashMap;

use claviger_model::{KeyId, restriction::Rate};
use parking_lot::Mutex;

use super::{Judged, Tat, Window, admit};

/// Locks, so that threads seldom meet at one.
const SHARDS: usize = 64;
/// Fewer keys than this in a shard are not worth looking through for those whose windows are whole again.
const FEW: usize = 256;

/// The states of the keys that were used lately. A key whose windows are whole again is let go when their number may
/// have doubled: at most twice as many are held as are in use, or [`FEW`] a shard.
pub(super) struct LocalLimits(Box<[Mutex<Shard>]>);

#[derive(Default)]
struct Shard {
    keys: HashMap<KeyId, States>,
    look_at: usize,
}

type States = Vec<(Rate, Tat)>;

impl Default for LocalLimits {
    fn default() -> Self {
        Self((0..SHARDS).map(|_| Mutex::default()).collect())
    }
}

impl LocalLimits {
    /// Judges one call by all of a key's windows at once, at `now` in microseconds of the boot clock.
    pub(super) fn judge(&self, key: KeyId, windows: &[Window], now: u64) -> Judged {
        let mut shard = self.0[shard_of(key, SHARDS)].lock();
        shard.make_room(now);
        let held = shard.keys.entry(key).or_default();
        let state = |rate: &Rate| held.iter().find(|(held, _)| held == rate).map(|(_, tat)| *tat);
        let mut judged: Vec<_> =
            windows.iter().map(|window| (window.rule, state(&window.rate).unwrap_or_default())).collect();
        let admitted = admit(&mut judged, now);
        let tats: Vec<_> = judged.into_iter().map(|(_, tat)| tat).collect();
        hold(held, windows, tats.iter().copied());
        Judged { admitted, now, tats }
    }

    /// Remembers what was judged elsewhere, by another clock, as of `now` by the boot clock: should that go away, this
    /// node goes on from there, and its share is a share of what is left.
    pub(super) fn remember(&self, key: KeyId, windows: &[Window], judged: &Judged, now: u64) {
        let mut shard = self.0[shard_of(key, SHARDS)].lock();
        shard.make_room(now);
        let here = |tat: &Tat| Tat { micros: now + tat.micros.saturating_sub(judged.now), part: tat.part };
        hold(shard.keys.entry(key).or_default(), windows, judged.tats.iter().map(here));
    }

    /// How many keys are held.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.iter().map(|shard| shard.lock().keys.len()).sum()
    }
}

fn hold(held: &mut States, windows: &[Window], tats: impl Iterator<Item = Tat>) {
    held.clear();
    held.extend(windows.iter().map(|window| window.rate.clone()).zip(tats));
}

impl Shard {
    fn make_room(&mut self, now: u64) {
        if self.keys.len() >= self.look_at.max(FEW) {
            self.keys.retain(|_, states| states.iter().any(|(_, tat)| tat.micros >= now));
            self.look_at = 2 * self.keys.len();
        }
    }
}

/// The shard of a key, of so many: the end of an id is random.
pub(super) fn shard_of(key: KeyId, shards: usize) -> usize {
    usize::from(key.to_bytes()[15]) % shards
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{fake::key_id, limits::Gcra};

    fn windows(texts: &[&str]) -> Vec<Window> {
        let rates = texts.iter().map(|text| text.parse().unwrap());
        rates.map(|rate| Window { rule: Gcra::of(&rate), rate }).collect()
    }

    #[test]
    fn keys_and_windows_are_counted_apart() {
        let (limits, two, five) =
            (LocalLimits::default(), windows(&["a=2/1s"]), windows(&["a=2/1s", "b=5/60s"]));
        let admitted = |key, windows: &[Window]| limits.judge(key_id(key), windows, 1_000_000).admitted;
        assert!(admitted(1, &two) && admitted(1, &two) && !admitted(1, &two));
        assert!(admitted(2, &five));
        assert!(!admitted(1, &five), "a window that is added leaves the others as they were");
    }

    #[test]
    fn a_rate_that_is_changed_begins_anew_and_one_that_stays_goes_on() {
        let limits = LocalLimits::default();
        let admitted = |texts: &[&str]| limits.judge(key_id(1), &windows(texts), 1_000_000).admitted;
        assert!(admitted(&["a=1/1h", "b=5/1h"]));
        assert!(!admitted(&["a=1/1h", "b=5/1h"]));
        assert!(admitted(&["a=2/1h", "b=5/1h"]) && admitted(&["a=2/1h", "b=5/1h"]));
        assert!(!admitted(&["a=2/1h", "b=5/1h"]));
        assert!(admitted(&["b=5/1h"]) && admitted(&["b=5/1h"]) && !admitted(&["b=5/1h"]));
    }

    #[test]
    fn what_is_whole_again_is_let_go() {
        let (limits, rule) = (LocalLimits::default(), windows(&["a=1/1s"]));
        let keys = 4 * SHARDS * FEW;
        for number in 0..keys as u64 {
            limits.judge(key_id(number), &rule, number * 1_000_000);
        }
        assert!(limits.len() <= SHARDS * (FEW + 1), "{}", limits.len());
    }
}
