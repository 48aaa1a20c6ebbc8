//! Keeps answers from waiting for something that is away.

use std::time::Duration;

use claviger_model::Moment;
use parking_lot::Mutex;

/// How long nobody asks after the first failure, and at most.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// When another is sent out because nothing was heard of the one that was.
const PROBE_MISSING: Duration = Duration::from_secs(1);

/// Opens at the first failure. While it is open one call in a pause is let through to see, and each that fails doubles
/// the pause.
#[derive(Debug, Default)]
pub(super) struct Breaker(Mutex<Option<Open>>);

#[derive(Debug)]
struct Open {
    pause: Duration,
    look_at: Moment,
}

/// The right to ask once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leave {
    /// As always.
    Ordinary,
    /// To see whether it is back.
    Probe,
}

impl Breaker {
    /// Leave to ask now, if there is any.
    pub(super) fn leave(&self, now: Moment) -> Option<Leave> {
        let mut state = self.0.lock();
        match &mut *state {
            None => Some(Leave::Ordinary),
            Some(open) if now >= open.look_at => {
                open.look_at = now.plus(PROBE_MISSING);
                Some(Leave::Probe)
            }
            Some(_) => None,
        }
    }

    /// What was asked by `leave` was answered; whether this closes the breaker.
    pub(super) fn answered(&self, leave: Leave) -> bool {
        leave == Leave::Probe && self.0.lock().take().is_some()
    }

    /// What was asked by `leave` wasn't answered; whether this opens the breaker. `chance` spreads the nodes: a pause
    /// is up to half as long again.
    pub(super) fn failed(&self, leave: Leave, now: Moment, chance: u16) -> bool {
        let mut state = self.0.lock();
        let pause = match (&*state, leave) {
            (None, _) => FIRST_PAUSE,
            (Some(open), Leave::Probe) => (2 * open.pause).min(LONGEST_PAUSE),
            // One of those that were on their way when the first failed.
            (Some(_), Leave::Ordinary) => return false,
        };
        let opens = state.is_none();
        let spread = pause / 2 * u32::from(chance) / u32::from(u16::MAX);
        *state = Some(Open { pause, look_at: now.plus(pause + spread) });
        opens
    }

    /// Whether it is open.
    pub(super) fn is_open(&self) -> bool {
        self.0.lock().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Moment {
        Moment::since_boot(Duration::from_millis(millis))
    }

    #[test]
    fn the_first_failure_opens_it_and_those_on_their_way_change_nothing() {
        let breaker = Breaker::default();
        assert_eq!(breaker.leave(at(0)), Some(Leave::Ordinary));
        assert!(breaker.failed(Leave::Ordinary, at(50), 0));
        assert!(!breaker.failed(Leave::Ordinary, at(60), 0));
        assert!(breaker.is_open());
        assert_eq!(breaker.leave(at(1049)), None);
    }

    #[test]
    fn one_goes_to_see_and_its_answer_closes_it() {
        let breaker = Breaker::default();
        breaker.failed(Leave::Ordinary, at(0), 0);
        assert_eq!(breaker.leave(at(1000)), Some(Leave::Probe));
        assert_eq!(breaker.leave(at(1001)), None, "one at a time");
        assert!(!breaker.answered(Leave::Ordinary), "a late answer of before says nothing");
        assert!(breaker.answered(Leave::Probe));
        assert_eq!(breaker.leave(at(1002)), Some(Leave::Ordinary));
    }

    #[test]
    fn pauses_double_up_to_half_a_minute_and_are_spread() {
        let breaker = Breaker::default();
        breaker.failed(Leave::Ordinary, at(0), 0);
        let (mut now, mut pauses) = (0, Vec::new());
        for _ in 0..7 {
            let pause = (0..=60_000).find(|pause| breaker.leave(at(now + pause)).is_some()).unwrap();
            pauses.push(pause);
            now += pause;
            breaker.failed(Leave::Probe, at(now), 0);
        }
        assert_eq!(pauses, [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
        let spread = Breaker::default();
        spread.failed(Leave::Ordinary, at(0), u16::MAX);
        assert_eq!((spread.leave(at(1499)), spread.leave(at(1500))), (None, Some(Leave::Probe)));
    }

    #[test]
    fn a_probe_that_never_comes_back_is_followed_by_another() {
        let breaker = Breaker::default();
        breaker.failed(Leave::Ordinary, at(0), 0);
        assert_eq!(breaker.leave(at(1000)), Some(Leave::Probe));
        assert_eq!(breaker.leave(at(1999)), None);
        assert_eq!(breaker.leave(at(2000)), Some(Leave::Probe));
    }
}
