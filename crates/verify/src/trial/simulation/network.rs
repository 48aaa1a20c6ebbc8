//! The way to the database and back, and what the database does in between.

use super::{
    super::database::Database,
    event::{Answer, Event, Question, Step, What},
    world::{MILLI, SECOND, World},
};
use crate::fake::NEW_YEAR;

/// Most changes of an answer.
const PAGE: u64 = 4;

impl World {
    /// A question sets out. It may be lost, late or there twice.
    pub(super) fn send(&mut self, question: Question) {
        let repeats = !matches!(question.what, What::Change(_)) && !self.is_quiet && self.chance.one_in(40);
        for _ in 0..=u8::from(repeats) {
            if self.hosts[question.by.host].mute_until > self.now || self.is_lost() {
                continue;
            }
            let delay = self.delay();
            self.at(delay, Event::Arrive(question));
        }
    }

    /// An answer sets out.
    pub(super) fn reply(&mut self, question: Question, answer: Answer) {
        if self.hosts[question.by.host].deaf_until > self.now || self.is_lost() {
            return;
        }
        let step = match (question.what, answer) {
            (What::Roll | What::Exclude(_), answer) => Step::Roll(question.number, answer),
            (What::Change(_), Answer::Committed(seq, commit)) => Step::Committed(seq, commit),
            (What::Change(_), _) => return,
            (_, answer) => Step::Told(question.number, answer),
        };
        let delay = self.delay();
        self.soon(question.by, delay, step);
    }

    /// A question is there. Where the database is away it may be refused, be lost, or wait for its return, whether
    /// or not anybody still waits for an answer.
    pub(super) fn arrive(&mut self, question: Question) {
        if self.away_until > self.now {
            match self.chance.below(4) {
                0 => {
                    let back_in = self.away_until - self.now;
                    let delay = back_in + self.chance.between(0, SECOND);
                    self.at(delay, Event::Arrive(question));
                }
                1 => {}
                _ => self.reply(question, Answer::Failed),
            }
            return;
        }
        if let What::Change(_) = question.what {
            let place = self.database.begin();
            let lasts = if self.chance.one_in(8) { SECOND } else { 20 * MILLI };
            let delay = self.chance.between(0, lasts);
            self.at(delay, Event::Commit(question, place));
            return;
        }
        let now = self.now;
        let host = &mut self.hosts[question.by.host];
        host.cut_off.take_if(|(until, _)| *until <= now);
        if let Some((_, frozen)) = &host.cut_off {
            // Whatever must be committed waits in vain for the others.
            if question.what.is_read() {
                let mut frozen = frozen.clone();
                let answer = self.execute(&mut frozen, question);
                self.reply(question, answer);
            }
            return;
        }
        if !question.what.is_read() {
            self.remember();
        }
        let mut database = std::mem::take(&mut self.database);
        let answer = self.execute(&mut database, question);
        self.database = database;
        self.reply(question, answer);
    }

    fn execute(&mut self, database: &mut Database, question: Question) -> Answer {
        let page = usize::try_from(self.chance.between(1, PAGE)).unwrap_or(1);
        let date = NEW_YEAR.plus(std::time::Duration::from_micros(self.now));
        let leases = &self.hosts[question.by.host].leases;
        let place = u8::try_from(question.by.host).unwrap_or(u8::MAX);
        match question.what {
            What::Join(id) => Answer::Joined(database.join(id, place, leases, date)),
            What::Load => Answer::Loaded(database.load()),
            What::Renew(id, applied) => Answer::Renewed(database.renew(id, applied, page, date), date),
            What::Look(after) => Answer::Told(database.after(after, page), date),
            What::Roll => Answer::Roll(database.members()),
            What::Exclude(dead) => {
                let excluded = database.exclude(dead);
                self.tally.exclusions += u64::from(excluded);
                Answer::Excluded(excluded)
            }
            What::Change(_) => Answer::Failed,
        }
    }

    fn is_lost(&mut self) -> bool {
        !self.is_quiet && self.chance.one_in(60)
    }

    fn delay(&mut self) -> u64 {
        if self.is_quiet {
            return self.chance.between(200, 5 * MILLI);
        }
        let longest = match self.chance.below(40) {
            _ if self.slow_until > self.now => 4 * SECOND,
            0 => 12 * SECOND,
            1..5 => SECOND,
            _ => 5 * MILLI,
        };
        self.chance.between(200, longest)
    }
}
