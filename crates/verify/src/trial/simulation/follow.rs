//! Drives a node's [`Course`](crate::follower::Course) as the program's follower does, each thing a step of its own.

use std::sync::Arc;

use claviger_model::Moment;

use super::{
    super::database::renewal,
    event::{Answer, Event, Question, Run, Step, What},
    host::{Asked, Doing, Process, Script},
    oracle::True,
    world::{MILLI, SECOND, World},
};
use crate::{
    Verifier,
    feed::{Changes, Intake as _, Record},
    follower::{Advance, Ask, Break, Next, POLL, Step as Course, apply},
    protocol::Planted,
    replica::Replica,
};

const PATIENCE: True = 5 * SECOND;
const LOAD_PATIENCE: True = 15 * SECOND;

impl World {
    /// A process starts in the host's place, if none is there.
    pub(super) fn start(&mut self, host: usize) {
        if self.hosts[host].process.is_some() {
            return;
        }
        let id = self.node_id();
        let place = &mut self.hosts[host];
        place.runs += 1;
        place.process = Some(Process::new(id, place, self.planted));
        let run = Run { host, number: place.runs };
        self.soon(run, 0, Step::Turn(0));
    }

    pub(super) fn turn(&mut self, run: Run, turn: u64) {
        let confirms_early = self.planted == Some(Planted::AckBeforeApply);
        let boot = self.boot(run);
        let process = self.process(run);
        let busy = process.asked.is_some() || (!process.doing.is_empty() && !confirms_early);
        if turn != process.turn || busy {
            return;
        }
        process.resting = false;
        let ask = match process.course.next(boot, process.woken) {
            Next::Ask(ask) => ask,
            Next::Rest { until } => {
                (process.resting, process.woken) = (true, true);
                let delay = self.hosts[run.host].when(until).saturating_sub(self.now);
                self.soon(run, delay, Step::Turn(turn));
                return;
            }
        };
        process.woken = false;
        process.serial += 1;
        let (number, id) = (process.serial, process.id);
        if matches!(ask, Ask::Renew { .. }) {
            process.verifier.asks();
        }
        process.asked = Some(Asked { number, ask, at: boot });
        let (what, patience) = match ask {
            Ask::Join => (What::Join(id), PATIENCE),
            Ask::Load => (What::Load, LOAD_PATIENCE),
            Ask::Renew { applied } => (What::Renew(id, applied), PATIENCE),
            Ask::Look { after } => (What::Look(after), PATIENCE),
        };
        self.send(Question { by: run, number, what });
        self.soon(run, patience, Step::Patience(number));
    }

    /// The next turn is in so long, whatever was planned.
    fn turn_in(&mut self, run: Run, delay: True) {
        let process = self.process(run);
        process.turn += 1;
        let turn = process.turn;
        self.soon(run, delay, Step::Turn(turn));
    }

    pub(super) fn wake(&mut self, run: Run) {
        let process = self.process(run);
        if process.resting {
            process.woken = true;
            self.turn_in(run, 0);
        }
    }

    /// Wakes whoever can be told.
    pub(super) fn notify(&mut self) {
        for host in 0..self.hosts.len() {
            let number = self.hosts[host].runs;
            if self.hosts[host].deaf_until <= self.now && !self.chance.one_in(4) {
                let delay = self.chance.between(200, 3 * MILLI);
                self.at(delay, Event::Step(Run { host, number }, Step::Wake));
            }
        }
    }

    /// The answer to the question that is waited for, if it is.
    pub(super) fn told(&mut self, run: Run, number: u64, answer: Answer) {
        let told_at = self.boot(run);
        let process = self.process(run);
        let Some(Asked { ask, at, .. }) = process.asked.take_if(|asked| asked.number == number) else {
            return;
        };
        match (ask, answer) {
            (Ask::Join, Answer::Joined(true)) => process.course.joined(at),
            (Ask::Join, Answer::Joined(false)) => {
                let id = self.node_id();
                self.process(run).id = id;
            }
            (Ask::Load, Answer::Loaded(loaded)) => {
                let position = loaded.position();
                let records: Vec<_> = loaded.secrets.into_iter().map(|effect| self.record(effect)).collect();
                let fresh = Arc::new(Replica::default());
                fresh.take(Self::account());
                records.iter().cloned().for_each(|record| fresh.take(record));
                let process = self.process(run);
                let advance = process.course.loaded(at, position);
                process.doing.push_back(Doing::Replace(fresh, records));
                self.script(run, Vec::new(), advance);
            }
            (Ask::Renew { applied }, Answer::Renewed(told, date)) => {
                let told = told.map(|told| told.changes(Some(date), |effect| self.record(effect)));
                let renewal = renewal(told);
                let process = self.process(run);
                let step = process.course.renewed(at, told_at, applied, &renewal);
                let told = match renewal {
                    crate::feed::Renewal::Renewed(told) => Some(told),
                    crate::feed::Renewal::NoMember => None,
                };
                self.heard(run, at, step, told);
            }
            (Ask::Look { .. }, Answer::Told(told, date)) => {
                let told = told.changes(Some(date), |effect| self.record(effect));
                let step = self.process(run).course.looked(at, &told);
                self.heard(run, at, step, Some(told));
            }
            _ => {
                let poll = super::world::micros(POLL);
                self.turn_in(run, poll);
                return;
            }
        }
        self.go_on(run);
    }

    fn heard(&mut self, run: Run, asked_at: Moment, step: Result<Course, Break>, told: Option<Changes>) {
        let process = self.process(run);
        if let Some(clock) = told.as_ref().and_then(|told| told.clock) {
            process.verifier.source_clock(asked_at, clock);
        }
        match step {
            Ok(Course::Advance(advance)) => {
                self.script(run, told.map_or(Vec::new(), |told| told.entries), advance);
            }
            Ok(Course::Excluded) => process.verifier.stop(),
            Err(_) => {
                process.verifier.stop();
                let id = self.node_id();
                self.process(run).id = id;
                self.tally.breaks += 1;
            }
        }
    }

    fn script(&mut self, run: Run, entries: Vec<crate::feed::Change>, advance: Advance) {
        let script = Script::default();
        let process = self.process(run);
        apply(process.course.protocol, &script, entries, advance);
        process.doing.extend(script.into_inner());
    }

    /// What was told is applied before anything else is asked.
    fn go_on(&mut self, run: Run) {
        let delay = if !self.is_quiet && self.chance.one_in(15) { 3 * SECOND } else { MILLI };
        let delay = self.chance.between(1, delay);
        if self.process(run).doing.is_empty() {
            self.turn_in(run, delay);
            return;
        }
        if !std::mem::replace(&mut self.process(run).applying, true) {
            self.soon(run, delay, Step::Apply);
        }
        if self.planted == Some(Planted::AckBeforeApply) {
            self.turn_in(run, 0);
        }
    }

    pub(super) fn apply_next(&mut self, run: Run) {
        let process = self.process(run);
        process.applying = false;
        let Some(doing) = process.doing.pop_front() else { return };
        match doing {
            Doing::Replace(fresh, records) => self.replace(run, fresh, &records),
            Doing::Take(record) => {
                self.note(run, &record);
                self.process(run).verifier.take(record);
            }
            Doing::Reached(seq) => self.process(run).verifier.reached(seq),
            Doing::Confirm(moment) => {
                self.process(run).verifier.confirm(moment);
                self.renew_if_doubted(run);
            }
        }
        self.go_on(run);
    }

    fn replace(&mut self, run: Run, fresh: Arc<Replica>, records: &[Record]) {
        let forgets = self.planted == Some(Planted::TombstonesForgotten);
        let host = &self.hosts[run.host];
        let another = forgets.then(|| Verifier::new(Arc::clone(&host.clock) as _, host.leases.node));
        let process = self.process(run);
        if let Some(another) = another {
            process.verifier = another;
        }
        process.verifier.replace(fresh);
        for record in records {
            self.note(run, record);
        }
        self.revoke_again(run);
    }

    fn note(&mut self, run: Run, record: &Record) {
        if let Record::Secret(secret) = record
            && secret.state == claviger_model::KeyState::Revoked
        {
            let number = self.number_of(secret.digest);
            let now = self.now;
            self.process(run).revoked.entry(number).or_insert(now);
        }
    }

    fn boot(&self, run: Run) -> Moment {
        claviger_model::Clock::boot(&*self.hosts[run.host].clock)
    }

    /// What this node knows for certain, for the end.
    pub(super) fn is_left_behind(&self, host: usize) -> bool {
        let head = self.database.head();
        let process = self.hosts[host].process.as_ref();
        process.is_none_or(|process| process.course.reached().0 != head || !process.waits.is_empty())
    }
}
