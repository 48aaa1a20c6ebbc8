//! What the node's clocks can't be believed in: a date that differs from the source's, and time that passed unseen.
//!
//! Where the source has no clock of its own there is nothing to compare with, and no doubt.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use claviger_model::{Moment, Timestamp};

/// Up to this the two clocks are taken for equal.
const SKEW_MAX: i64 = 1_000;
/// When the date runs ahead of the boot clock by more than this since the last confirmation, the boot clock stood
/// still meanwhile, as it does in a virtual machine that was frozen: the lease may have ended unnoticed.
const JUMP_MAX: i64 = 500;
/// The source has said no time.
const UNHEARD: i64 = i64::MIN;

/// The differences between clocks, in milliseconds.
pub(crate) struct Doubt {
    /// The source's date less the node's.
    skew: AtomicI64,
    /// The node's date less its boot clock, when the renewal was asked for that was confirmed last.
    base: AtomicI64,
    /// The same when the first renewal was asked for since.
    asked: AtomicI64,
}

impl Default for Doubt {
    fn default() -> Self {
        let [skew, base, asked] = [UNHEARD; 3].map(AtomicI64::new);
        Self { skew, base, asked }
    }
}

impl Doubt {
    /// The source's clock said `theirs` at some moment of the span that ended when the node's said `ours`. Whether they
    /// now differ by too much where they didn't before, or the reverse.
    pub(crate) fn compare(&self, span: Duration, ours: Timestamp, theirs: Timestamp) -> Option<i64> {
        let nearest = theirs.clamp(ours.minus(span), ours);
        let skew = theirs.as_millis().saturating_sub(nearest.as_millis());
        let before = self.skew.swap(skew, Ordering::AcqRel);
        let is_large = |skew: i64| skew != UNHEARD && skew.saturating_abs() > SKEW_MAX;
        (is_large(before) != is_large(skew)).then_some(skew)
    }

    /// A renewal is asked for while the clocks stand so.
    pub(crate) fn asks(&self, now: Timestamp, boot: Moment) {
        if self.asked.load(Ordering::Acquire) == UNHEARD {
            self.asked.store(ahead(now, boot), Ordering::Release);
        }
    }

    /// A renewal that was asked for since the last one that was confirmed is confirmed itself. False if time has
    /// passed unseen since: its answer may be older than the boot clock says.
    pub(crate) fn confirms(&self, now: Timestamp, boot: Moment) -> bool {
        let ahead = ahead(now, boot);
        let asked = Some(self.asked.swap(UNHEARD, Ordering::AcqRel)).filter(|asked| *asked != UNHEARD);
        self.base.store(asked.unwrap_or(ahead), Ordering::Release);
        !self.has_jumped(now, boot)
    }

    /// Whether time has passed that the boot clock didn't count.
    pub(crate) fn has_jumped(&self, now: Timestamp, boot: Moment) -> bool {
        let base = self.base.load(Ordering::Acquire);
        let heard = self.skew.load(Ordering::Acquire) != UNHEARD;
        heard && base != UNHEARD && ahead(now, boot).saturating_sub(base) > JUMP_MAX
    }

    /// Whether it depends on whom one believes if `instant` has come at `now`.
    pub(crate) fn lies_between(&self, instant: Option<Timestamp>, now: Timestamp) -> bool {
        let skew = self.skew.load(Ordering::Acquire);
        let Some(instant) = instant.filter(|_| skew != UNHEARD && skew.saturating_abs() > SKEW_MAX) else {
            return false;
        };
        let theirs = Timestamp::from_millis(now.as_millis().saturating_add(skew));
        (now >= instant) != (theirs >= instant)
    }
}

fn ahead(now: Timestamp, boot: Moment) -> i64 {
    let boot = i64::try_from(boot.as_duration().as_millis()).unwrap_or(i64::MAX);
    now.as_millis().saturating_sub(boot)
}

/// For messages: how far the source's clock is ahead or behind.
pub(crate) fn in_words(skew: i64) -> String {
    let span = Duration::from_millis(skew.unsigned_abs());
    let way = if skew < 0 { "behind" } else { "ahead of" };
    format!("{}.{} s {way}", span.as_secs(), span.subsec_millis() / 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn date(millis: i64) -> Timestamp {
        Timestamp::from_millis(1_000_000 + millis)
    }

    const fn boot(millis: u64) -> Moment {
        Moment::since_boot(Duration::from_millis(millis))
    }

    #[test]
    fn clocks_that_differ_by_a_second_at_most_are_equal() {
        let doubt = Doubt::default();
        assert_eq!(doubt.compare(Duration::ZERO, date(0), date(1_000)), None);
        assert!(!doubt.lies_between(Some(date(500)), date(0)));
        assert_eq!(doubt.compare(Duration::ZERO, date(0), date(1_001)), Some(1_001));
        assert_eq!(doubt.compare(Duration::ZERO, date(0), date(5_000)), None, "it was told already");
        assert_eq!(doubt.compare(Duration::ZERO, date(0), date(0)), Some(0));
        let slow = Duration::from_secs(5);
        for theirs in [-6_000, -5_000, 0, 1_000] {
            assert_eq!(
                doubt.compare(slow, date(0), date(theirs)),
                None,
                "it may have been said at any time of it"
            );
        }
        assert_eq!(doubt.compare(slow, date(0), date(-6_001)), Some(-1_001));
    }

    #[test]
    fn what_lies_between_the_two_clocks_is_in_doubt_and_nothing_else() {
        for (skew, doubtful, sure) in
            [(60_000, [1, 60_000], [0, 60_001]), (-60_000, [0, -59_999], [1, -60_000])]
        {
            let doubt = Doubt::default();
            doubt.compare(Duration::ZERO, date(0), date(skew));
            assert!(doubtful.iter().all(|at| doubt.lies_between(Some(date(*at)), date(0))), "{skew}");
            assert!(!sure.iter().any(|at| doubt.lies_between(Some(date(*at)), date(0))), "{skew}");
            assert!(!doubt.lies_between(None, date(0)));
        }
    }

    #[test]
    fn a_boot_clock_that_stood_still_is_noticed() {
        let doubt = Doubt::default();
        assert!(doubt.confirms(date(0), boot(0)));
        assert!(!doubt.has_jumped(date(9_000), boot(0)), "nobody else's clock is there");
        doubt.compare(Duration::ZERO, date(0), date(0));
        assert!(!doubt.has_jumped(date(9_500), boot(9_000)));
        assert!(doubt.has_jumped(date(9_501), boot(9_000)));
        assert!(!doubt.has_jumped(date(0), boot(9_000)), "a date set back says nothing of time that passed");
        doubt.asks(date(9_501), boot(9_000));
        assert!(doubt.confirms(date(9_502), boot(9_001)));
        assert!(!doubt.has_jumped(date(9_501), boot(9_000)));
    }

    #[test]
    fn a_boot_clock_that_stood_still_before_the_answer_is_noticed_once() {
        let doubt = Doubt::default();
        doubt.compare(Duration::ZERO, date(0), date(0));
        doubt.asks(date(0), boot(0));
        doubt.asks(date(501), boot(0));
        assert!(!doubt.confirms(date(501), boot(0)), "the first question counts");
        doubt.asks(date(501), boot(0));
        assert!(doubt.confirms(date(502), boot(1)));
    }

    #[test]
    fn a_difference_is_told_in_words() {
        assert_eq!(in_words(-1_500), "1.5 s behind");
        assert_eq!(in_words(3_600_000), "3600.0 s ahead of");
    }
}
