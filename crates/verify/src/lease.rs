//! How long the node may go on deciding after it last confirmed that it had the whole feed.
//!
//! It holds no clock: moments are arguments. The order of use is the protocol's, and not checked here: the replica
//! is brought up to date before [`Lease::confirm`], and looked at after [`Lease::check`].

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use claviger_model::Moment;

use crate::{Indeterminate, Readiness};

/// Two hosts' clocks may run apart by one part in this many (2 %): the span is shortened by so much.
const DRIFT: u32 = 50;

/// Nothing is confirmed.
const NEVER: u64 = 0;

/// After how long no lease of `span` that was granted before can still hold, by any host's clock.
pub(crate) fn bound(span: Duration) -> Duration {
    span + span / DRIFT
}

/// Whether a lease of `span` that was confirmed at `confirmed` holds at `now`: it ends a little early, for another
/// host's clock may be faster.
pub(crate) fn holds(confirmed: Moment, span: Duration, now: Moment) -> bool {
    now.since(confirmed) < lasts(span)
}

/// How long a lease of `span` holds by its holder's own clock.
pub(crate) fn lasts(span: Duration) -> Duration {
    span.saturating_sub(span / DRIFT)
}

/// The instant of the last confirmation, to which every api adds its own span.
pub(crate) struct Lease {
    span: Duration,
    confirmed: AtomicU64,
    /// The last confirmation there was, also where it was voided.
    last: AtomicU64,
}

impl Lease {
    /// A lease of `span`, with nothing confirmed.
    pub(crate) const fn new(span: Duration) -> Self {
        Self { span, confirmed: AtomicU64::new(NEVER), last: AtomicU64::new(NEVER) }
    }

    /// The replica now holds everything that was committed before `asked_at`, the moment before the source was
    /// asked. Counting from the answer would add the time the answer took.
    pub(crate) fn confirm(&self, asked_at: Moment) {
        self.last.fetch_max(stamp(asked_at), Ordering::Release);
        self.confirmed.fetch_max(stamp(asked_at), Ordering::Release);
    }

    /// Nothing is confirmed any more.
    pub(crate) fn void(&self) {
        self.confirmed.store(NEVER, Ordering::Release);
    }

    /// Whether a decision may be made at `now`, for an api whose own lease is `stricter` if it has one.
    pub(crate) fn check(&self, now: Moment, stricter: Option<Duration>) -> Result<(), Indeterminate> {
        let confirmed = self.confirmed.load(Ordering::Acquire);
        if confirmed == NEVER {
            return Err(Indeterminate::NotReady);
        }
        if holds(moment(confirmed), self.within(stricter), now) {
            Ok(())
        } else {
            Err(Indeterminate::LeaseLost)
        }
    }

    /// Whether at `now` even the last lease there was would be over, had it not been voided: what was begun under it
    /// may go on until then.
    pub(crate) fn is_over(&self, now: Moment, stricter: Option<Duration>) -> bool {
        let last = self.last.load(Ordering::Acquire);
        last == NEVER || !holds(moment(last), self.within(stricter), now)
    }

    fn within(&self, stricter: Option<Duration>) -> Duration {
        stricter.map_or(self.span, |stricter| stricter.min(self.span))
    }

    /// How long the node's own lease still holds at `now` unless it is renewed; `None` while nothing is confirmed.
    pub(crate) fn left(&self, now: Moment) -> Option<Duration> {
        let confirmed = self.confirmed.load(Ordering::Acquire);
        (confirmed != NEVER).then(|| lasts(self.span).saturating_sub(now.since(moment(confirmed))))
    }

    /// What a confirmation grants.
    pub(crate) const fn span(&self) -> Duration {
        self.span
    }

    /// After how long no lease that was granted before can still hold, by any host's clock.
    pub(crate) fn bound(&self) -> Duration {
        bound(self.span)
    }

    /// What the node can do at `now`, by its own lease.
    pub(crate) fn readiness(&self, now: Moment) -> Readiness {
        match self.check(now, None) {
            Ok(()) => Readiness::Ready,
            Err(Indeterminate::NotReady) => Readiness::Loading,
            Err(
                Indeterminate::LeaseLost
                | Indeterminate::Clock
                | Indeterminate::QuotaUnknown
                | Indeterminate::FirstUse,
            ) => Readiness::LeaseLost,
        }
    }
}

/// Nanoseconds since boot, moved by one so that the first of them isn't [`NEVER`]; enough for 584 years.
fn stamp(moment: Moment) -> u64 {
    u64::try_from(moment.as_duration().as_nanos()).unwrap_or(u64::MAX).saturating_add(1)
}

/// The moment of a stamp.
fn moment(stamp: u64) -> Moment {
    Moment::since_boot(Duration::from_nanos(stamp.saturating_sub(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(millis: u64) -> Moment {
        Moment::since_boot(Duration::from_millis(millis))
    }

    fn confirmed_at(millis: u64) -> Lease {
        let lease = Lease::new(Duration::from_secs(100));
        lease.confirm(at(millis));
        lease
    }

    #[test]
    fn nothing_is_decided_before_the_first_confirmation() {
        let lease = Lease::new(Duration::from_secs(100));
        assert_eq!(lease.check(at(0), None), Err(Indeterminate::NotReady));
        assert_eq!(lease.readiness(at(0)), Readiness::Loading);
        lease.confirm(at(0));
        assert_eq!(lease.check(at(0), None), Ok(()));
        assert_eq!(lease.readiness(at(0)), Readiness::Ready);
    }

    #[test]
    fn what_is_left_of_it_shrinks_until_nothing_is() {
        let lease = Lease::new(Duration::from_secs(100));
        assert_eq!(lease.left(at(5)), None);
        lease.confirm(at(1_000));
        for (now, left) in [(1_000, 98), (91_000, 8), (99_000, 0), (200_000, 0)] {
            assert_eq!(lease.left(at(now)), Some(Duration::from_secs(left)), "{now}");
        }
        lease.void();
        assert_eq!(lease.left(at(1_000)), None);
    }

    #[test]
    fn it_ends_two_percent_early() {
        let lease = confirmed_at(1_000);
        assert_eq!(lease.check(at(98_999), None), Ok(()));
        assert_eq!(lease.check(at(99_000), None), Err(Indeterminate::LeaseLost));
        assert_eq!(lease.readiness(at(99_000)), Readiness::LeaseLost);
    }

    #[test]
    fn a_stricter_api_loses_it_alone() {
        let lease = confirmed_at(1_000);
        let strict = Some(Duration::from_secs(2));
        assert_eq!(lease.check(at(2_959), strict), Ok(()));
        assert_eq!(lease.check(at(2_960), strict), Err(Indeterminate::LeaseLost));
        assert_eq!(lease.check(at(2_960), None), Ok(()));
        assert_eq!(lease.readiness(at(2_960)), Readiness::Ready);
    }

    #[test]
    fn an_api_can_not_ask_for_a_longer_one() {
        let longer = Some(Duration::from_secs(1_000));
        assert_eq!(confirmed_at(1_000).check(at(99_000), longer), Err(Indeterminate::LeaseLost));
    }

    #[test]
    fn an_answer_that_comes_late_takes_nothing_back() {
        let lease = confirmed_at(50_000);
        lease.confirm(at(1_000));
        assert_eq!(lease.check(at(147_999), None), Ok(()));
        assert_eq!(lease.check(at(148_000), None), Err(Indeterminate::LeaseLost));
    }

    #[test]
    fn voiding_it_ends_it_at_once() {
        let lease = confirmed_at(1_000);
        lease.void();
        assert_eq!(lease.check(at(1_000), None), Err(Indeterminate::NotReady));
    }

    #[test]
    fn what_was_begun_under_a_lease_that_was_voided_may_go_on_until_it_would_have_ended() {
        let lease = Lease::new(Duration::from_secs(100));
        assert!(lease.is_over(at(0), None), "nothing was begun");
        lease.confirm(at(1_000));
        lease.void();
        let strict = Some(Duration::from_secs(2));
        for (now, stricter, over) in [
            (1_000, None, false),
            (98_999, None, false),
            (99_000, None, true),
            (2_959, strict, false),
            (2_960, strict, true),
        ] {
            assert_eq!(lease.is_over(at(now), stricter), over, "{now}");
        }
    }

    #[test]
    fn a_span_of_nothing_is_lost_at_once() {
        let lease = Lease::new(Duration::ZERO);
        lease.confirm(at(5));
        assert_eq!(lease.check(at(5), None), Err(Indeterminate::LeaseLost));
    }
}
