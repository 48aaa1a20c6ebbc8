//! What breaks, and that all is mended at last.

use super::{
    event::Event,
    oracle::True,
    world::{MILLI, SECOND, World},
};

impl World {
    /// Something breaks for a while; and the next thing is to come.
    pub(super) fn fault(&mut self) {
        if self.is_quiet {
            return;
        }
        self.tally.faults += 1;
        let delay = self.chance.between(100 * MILLI, 4 * SECOND);
        self.at(delay, Event::Fault);
        let longest = [SECOND, self.longest_lease / 2, self.longest_lease * 3 / 2][self.chance.below(3)];
        let lasts = self.chance.between(10 * MILLI, longest).min(self.quiet_at - self.now);
        let until = self.now + lasts;
        let index = self.chance.below(self.hosts.len());
        let kind = self.chance.below(14);
        let frozen = self.database.clone();
        let host = &mut self.hosts[index];
        match kind {
            0 => (host.deaf_until, host.mute_until) = (until, until),
            1 => host.deaf_until = until,
            2 => host.mute_until = until,
            3 => host.paused_until = host.paused_until.max(until),
            4 => host.follower_paused_until = until,
            5 | 6 => {
                host.process = None;
                self.at(lasts.min(5 * SECOND), Event::Start(index));
            }
            7 => self.away_until = until,
            8 => self.slow_until = until,
            9 | 10 => host.cut_off = Some((until, frozen)),
            11 => self.step_date(index),
            12 => self.freeze(index, lasts),
            _ => self.fail_over(),
        }
    }

    /// Someone sets a machine's date.
    fn step_date(&mut self, index: usize) {
        let by = self.chance.between(1, 20_000).cast_signed();
        // A date that was set back hides that time stood still: either is tried, not both.
        let forward = self.freezes || self.chance.one_in(2);
        self.hosts[index].date_off += if forward { by } else { -by };
    }

    /// A machine stands still, and its boot clock with it.
    fn freeze(&mut self, index: usize, lasts: True) {
        let host = &mut self.hosts[index];
        if self.freezes && host.paused_until <= self.now && lasts > SECOND {
            host.paused_until = self.now + lasts;
            host.freeze(lasts);
        }
    }

    /// All faults end.
    pub(super) fn mend(&mut self) {
        self.is_quiet = true;
        (self.away_until, self.slow_until) = (0, 0);
        for index in 0..self.hosts.len() {
            let host = &mut self.hosts[index];
            (host.deaf_until, host.mute_until, host.cut_off) = (0, 0, None);
            self.at(SECOND, Event::Start(index));
        }
    }
}
