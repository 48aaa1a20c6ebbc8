//! The generic cell rate algorithm as pure functions, in whole microseconds and exact fractions of one.
//!
//! The state of a window is one instant: when it would be whole again. Each call moves it on by `window / limit`, and
//! has room where that leaves it within the tolerance from now. The script of `claviger-counters` computes the same;
//! every number in it stays below 2⁵³, where its arithmetic is exact.

use std::time::Duration;

use claviger_model::restriction::Rate;

/// What a window allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gcra {
    /// A call takes `span / limit` microseconds.
    span: u64,
    limit: u32,
    tolerance: u64,
    burst: u32,
}

/// The instant at which a window is whole again: microseconds of some clock, and `part / limit` of another one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tat {
    /// Whole microseconds.
    pub micros: u64,
    /// The fraction's numerator, below the limit.
    pub part: u32,
}

/// How much room a window has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Calls that have room now.
    pub calls: u32,
    /// How long until one more has; zero where the window is whole.
    pub more_in: Duration,
}

impl Gcra {
    /// The window of `rate`.
    pub fn of(rate: &Rate) -> Self {
        let span = u64::try_from(rate.window().as_micros()).expect("a window has at most 31 days");
        Self::new(span, rate.limit(), u64::from(rate.burst()), rate.burst())
    }

    fn new(span: u64, limit: u32, tolerated: u64, burst: u32) -> Self {
        let tolerance = (u128::from(span) * u128::from(tolerated)).div_ceil(u128::from(limit));
        let tolerance = u64::try_from(tolerance).expect("a burst is at most the limit");
        Self { span, limit, tolerance, burst }
    }

    /// What one of `nodes` may allow so that together they allow no more than this: calls come back as many times
    /// slower. A window that is too small to be shared allows each node one call at once.
    #[must_use]
    pub fn share(&self, nodes: u32) -> Self {
        let nodes = nodes.max(1);
        let slower = Self::new(self.span.saturating_mul(nodes.into()), self.limit, 1, 1);
        Self { tolerance: slower.tolerance.max(self.tolerance), burst: (self.burst / nodes).max(1), ..slower }
    }

    /// What a call takes: whole microseconds, and the numerator of the rest over [`limit`](Self::limit).
    pub fn interval(&self) -> (u64, u64) {
        (self.span / u64::from(self.limit), self.span % u64::from(self.limit))
    }

    /// How far ahead of now the state may be, in microseconds.
    pub fn tolerance(&self) -> u64 {
        self.tolerance
    }

    /// The denominator of the fractions.
    pub fn limit(&self) -> u32 {
        self.limit
    }

    /// `tat` as it counts now: not in the past, and not further ahead than a window that is used up, so that a clock
    /// that was set back, or another number of nodes, costs a window and no more.
    fn settled(&self, tat: Tat, now: u64) -> Tat {
        let tat = Tat { micros: tat.micros, part: tat.part.min(self.limit - 1) };
        let (whole, used_up) = (Tat { micros: now, part: 0 }, Tat { micros: now + self.tolerance, part: 0 });
        tat.clamp(whole, used_up)
    }

    /// The state after one more call, if there is room for it.
    fn after_call(&self, settled: Tat, now: u64) -> Option<Tat> {
        let (micros, part) = self.interval();
        let part = u64::from(settled.part) + part;
        let carry = part / u64::from(self.limit);
        let part = u32::try_from(part % u64::from(self.limit)).expect("it is below the limit");
        let after = Tat { micros: settled.micros + micros + carry, part };
        (after <= Tat { micros: now + self.tolerance, part: 0 }).then_some(after)
    }

    /// How much room a window in this state has.
    pub fn room(&self, tat: Tat, now: u64) -> Room {
        let tat = self.settled(tat, now);
        let (limit, span) = (u128::from(self.limit), u128::from(self.span));
        let free = u128::from(now + self.tolerance - tat.micros) * limit - u128::from(tat.part);
        let calls = u32::try_from(free / span).unwrap_or(u32::MAX).min(self.burst);
        let lacking = ((u128::from(calls) + 1) * span).saturating_sub(free);
        let wait = if calls == self.burst { 0 } else { lacking.div_ceil(limit) };
        Room { calls, more_in: Duration::from_micros(u64::try_from(wait).unwrap_or(u64::MAX)) }
    }
}

/// Judges one call by all of a key's windows at `now`. It has room in all of them and is noted in all of them, or in
/// none; the states are left settled.
pub fn admit(windows: &mut [(Gcra, Tat)], now: u64) -> bool {
    for (rule, tat) in windows.iter_mut() {
        *tat = rule.settled(*tat, now);
    }
    if windows.iter().any(|(rule, tat)| rule.after_call(*tat, now).is_none()) {
        return false;
    }
    for (rule, tat) in windows {
        *tat = rule.after_call(*tat, now).unwrap_or(*tat);
    }
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: u64 = 1_000_000;

    fn rule(text: &str) -> Gcra {
        Gcra::of(&text.parse().unwrap())
    }

    fn smooth(limit: u64, seconds: u64, burst: u64) -> Gcra {
        let window = Duration::from_secs(seconds);
        Gcra::of(&Rate::new("a".parse().unwrap(), limit, window, Some(burst)).unwrap())
    }

    /// How many of `calls` at each of `instants` are admitted.
    fn admitted(rule: Gcra, calls: u32, instants: impl IntoIterator<Item = u64>) -> Vec<u32> {
        let mut state = [(rule, Tat::default())];
        let at = |now| (0..calls).filter(|_| admit(&mut state, now)).count();
        instants.into_iter().map(at).map(|count| u32::try_from(count).unwrap()).collect()
    }

    #[test]
    fn a_window_gives_its_limit_at_once_and_then_one_by_one() {
        let start = 5 * SECOND;
        assert_eq!(admitted(rule("3/3s"), 9, [start, start + SECOND - 1, start + SECOND]), [3, 0, 1]);
        assert_eq!(admitted(rule("3/3s"), 9, [start, start + 10 * SECOND]), [3, 3]);
        assert_eq!(admitted(smooth(3, 3, 1), 9, [start, start + SECOND, start + 9 * SECOND]), [1, 1, 1]);
    }

    #[test]
    fn room_is_told_to_the_microsecond() {
        let (rule, now) = (rule("3/1s"), 5 * SECOND);
        let mut state = [(rule, Tat::default())];
        assert_eq!(rule.room(state[0].1, now), Room { calls: 3, more_in: Duration::ZERO });
        let mut told = Vec::new();
        while admit(&mut state, now) {
            told.push(rule.room(state[0].1, now));
        }
        let room = |calls, micros| Room { calls, more_in: Duration::from_micros(micros) };
        assert_eq!(told, [room(2, 333_334), room(1, 333_334), room(0, 333_334)], "a third of a second, up");
        assert!(!admit(&mut state, now + 333_333));
        assert!(admit(&mut state, now + 333_334));
    }

    #[test]
    fn a_call_denied_by_one_window_is_noted_in_none() {
        let now = SECOND;
        let mut windows = [(rule("5/1s"), Tat::default()), (rule("2/60s"), Tat::default())];
        assert!(admit(&mut windows, now) && admit(&mut windows, now));
        let before = windows;
        assert!(!admit(&mut windows, now));
        assert_eq!(windows, before);
        assert_eq!(windows[0].0.room(windows[0].1, now).calls, 3);
    }

    #[test]
    fn a_clock_that_is_set_back_costs_a_window_and_no_more() {
        let rule = rule("2/10s");
        let mut state = [(rule, Tat::default())];
        assert!(admit(&mut state, 1_000_000 * SECOND));
        assert!(!admit(&mut state, SECOND), "as if all were used up");
        assert!(admit(&mut state, 6 * SECOND));
    }

    #[test]
    fn the_state_of_another_rule_counts_as_far_as_it_fits() {
        let long = [(rule("1/31d"), Tat::default())];
        let mut state = long;
        assert!(admit(&mut state, SECOND));
        let mut shorter = [(rule("10/1s"), state[0].1)];
        assert!(!admit(&mut shorter, SECOND));
        assert!(admit(&mut shorter, 2 * SECOND));
    }

    #[test]
    fn the_largest_and_the_smallest_limits_are_exact() {
        let most = rule("1000000000/1s");
        assert_eq!(most.interval(), (0, 1_000_000));
        let mut state = [(most, Tat::default())];
        for _ in 0..2500 {
            assert!(admit(&mut state, SECOND));
        }
        assert_eq!(state[0].1, Tat { micros: SECOND + 2, part: 500_000_000 });
        let least = smooth(999_999_999, 31 * 86_400, 1);
        assert_eq!(admitted(least, 3, [SECOND, SECOND + 2677, SECOND + 2678]), [1, 0, 1]);
    }

    #[test]
    fn shares_add_up_to_the_whole_and_none_is_nothing() {
        let minute = 60 * SECOND;
        let third = rule("99/60s").share(3);
        assert_eq!(admitted(third, 200, [minute, 2 * minute, 3 * minute]), [33, 33, 33]);
        assert_eq!(admitted(rule("2/60s").share(5), 9, [minute, 2 * minute, 4 * minute]), [1, 0, 1]);
        assert_eq!(rule("7/3s").share(1), rule("7/3s"));
    }

    fn any_rule() -> impl Strategy<Value = Gcra> {
        let limit = prop_oneof![1u64..20, 1u64..=1_000_000_000];
        (limit, 1u64..=31 * 86_400, 0.0..1.0f64).prop_map(|(limit, seconds, burst)| {
            #[expect(
                clippy::cast_precision_loss,
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "any burst will do"
            )]
            smooth(limit, seconds, ((limit as f64 * burst) as u64).max(1))
        })
    }

    proptest! {
        /// What is told of the room is what is admitted, and not a microsecond earlier.
        #[test]
        fn room_is_what_is_admitted(rule in any_rule(), steps in prop::collection::vec(0u64..3 * SECOND, 1..60)) {
            let (mut state, mut now) = ([(rule, Tat::default())], 1_700_000_000 * SECOND);
            for step in steps {
                now += step;
                let before = rule.room(state[0].1, now);
                let admitted = admit(&mut state, now);
                prop_assert_eq!(admitted, before.calls > 0);
                if !admitted {
                    let wait = u64::try_from(before.more_in.as_micros()).unwrap();
                    prop_assert!(admit(&mut state.clone(), now + wait));
                    prop_assert!(!admit(&mut state.clone(), now + wait - 1));
                }
                prop_assert!(rule.room(state[0].1, now).calls <= before.calls);
            }
        }

        /// In any time no more than the burst and what came back in it.
        #[test]
        fn no_more_is_admitted_than_the_rate_says(
            limit in 1u64..200, seconds in 1u64..100, burst in 1u64..200,
            steps in prop::collection::vec(0u64..SECOND, 1..400),
        ) {
            let burst = burst.min(limit);
            let (mut state, mut now, start) = ([(smooth(limit, seconds, burst), Tat::default())], SECOND, SECOND);
            let mut count = 0u64;
            for step in steps {
                now += step;
                count += u64::from(admit(&mut state, now));
                prop_assert!(count <= burst + 1 + (now - start) * limit / (seconds * SECOND));
            }
        }

        /// Time only makes room.
        #[test]
        fn waiting_never_takes_room(rule in any_rule(), ahead in 0u64..u64::from(u32::MAX), wait in 0u64..10 * SECOND) {
            let now = 1_700_000_000 * SECOND;
            let tat = Tat { micros: now + ahead, part: 0 };
            prop_assert!(rule.room(tat, now + wait).calls >= rule.room(tat, now).calls);
        }
    }
}
