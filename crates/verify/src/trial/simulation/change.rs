//! Those who change something, and wait until it holds everywhere, as the program's management does.

use claviger_model::{Clock as _, KeyId, Moment};

use super::{
    event::{Answer, Change, Event, Question, Run, Step, What},
    host::{Rollcall, Wait},
    oracle::{Commit, True},
    world::{MILLI, SECOND, World, micros},
};
use crate::{
    fake::key_id,
    feed::Seq,
    nodes::{Awaited, Standing},
    protocol::Protocol,
};

const PATIENCE: True = 5 * SECOND;

impl World {
    /// Someone begins a change at some host; and the next one is to come.
    pub(super) fn change(&mut self) {
        if self.is_quiet {
            return;
        }
        let delay = self.chance.between(50 * MILLI, 3 * SECOND);
        self.at(delay, Event::Change);
        let known = usize::from(self.secrets);
        let old = u16::try_from(known - self.chance.below(known.min(6))).unwrap_or(1);
        let change = match self.chance.below(6) {
            0 => Change::Issue(self.new_secret()),
            1 => Change::Rotate(old, self.new_secret()),
            2 => Change::Disable(old),
            3 => Change::Enable(old),
            _ => Change::Revoke(old),
        };
        let host = self.chance.below(self.hosts.len());
        self.call(Run { host, number: self.hosts[host].runs }, change);
    }

    fn call(&mut self, by: Run, change: Change) {
        if self.hosts[by.host].process.is_some() {
            self.send(Question { by, number: 0, what: What::Change(change) });
        }
    }

    /// What the source took back is revoked again.
    pub(super) fn revoke_again(&mut self, run: Run) {
        for key in revived(&self.process(run).verifier) {
            let number = (1..=self.secrets).find(|number| key_id((*number).into()) == key);
            if let Some(number) = number {
                self.call(run, Change::Revoke(number));
            }
        }
    }

    /// A commit is answered: from now on it is waited for.
    pub(super) fn wait_for(&mut self, run: Run, seq: Seq, commit: Commit) {
        self.notify();
        let committed_at = self.hosts[run.host].clock.boot();
        let mut awaited = Awaited::new(seq, committed_at, Some("example".into()));
        awaited.protocol = Protocol { planted: self.planted };
        self.process(run).waits.push(Wait { awaited, commit, since: committed_at });
        self.rollcall(run);
        // Who was never answered is promised as much.
        if let Some(secret) = self.oracle.touched_by(commit) {
            for lease in
                self.hosts.iter().map(|host| micros(host.leases.lease(Some("example")))).collect::<Vec<_>>()
            {
                let delay = lease.saturating_sub(self.now - self.oracle.committed_at(commit)) + 2 * MILLI;
                self.ask_everybody(delay, secret);
            }
        }
    }

    /// Asks who is a member, if anybody waits and nobody asks yet.
    pub(super) fn rollcall(&mut self, run: Run) {
        let asked_at = self.hosts[run.host].clock.boot();
        self.run_out(run, asked_at);
        let process = self.process(run);
        if process.rollcall.is_some() || process.waits.is_empty() {
            return;
        }
        process.serial += 1;
        let number = process.serial;
        process.rollcall = Some(Rollcall { number, asked_at, roll: None, dead: Vec::new() });
        self.send(Question { by: run, number, what: What::Roll });
        self.soon(run, PATIENCE, Step::RollPatience(number));
    }

    /// The roll is there, or one of the dead was excluded or not.
    pub(super) fn roll(&mut self, run: Run, number: u64, answer: Answer) {
        let now = self.hosts[run.host].clock.boot();
        let process = self.process(run);
        let Some(mut rollcall) = process.rollcall.take_if(|rollcall| rollcall.number == number) else {
            return;
        };
        match (answer, &mut rollcall.roll) {
            (Answer::Roll(members), roll @ None) => {
                rollcall.dead = process.watch.observe(&members.roll(), rollcall.asked_at, now);
                *roll = Some(members);
            }
            (Answer::Excluded(excluded), Some(roll)) => {
                if let Some(dead) = rollcall.dead.pop().filter(|_| excluded) {
                    roll.without(dead.id);
                }
            }
            _ => {
                self.rollcall_later(run);
                return;
            }
        }
        if let Some(dead) = rollcall.dead.last().copied() {
            process.serial += 1;
            rollcall.number = process.serial;
            let number = rollcall.number;
            process.rollcall = Some(rollcall);
            self.send(Question { by: run, number, what: What::Exclude(dead) });
            self.soon(run, PATIENCE, Step::RollPatience(number));
            return;
        }
        let Some(roll) = rollcall.roll.map(|members| members.roll()) else { return };
        let mut complete = Vec::new();
        process.waits.retain_mut(|wait| {
            let known = wait.since <= rollcall.asked_at;
            let done = known && matches!(wait.awaited.judge(&roll, now), Standing::Complete(_));
            if done {
                complete.push(wait.commit);
            }
            !done
        });
        self.tally.acks += complete.len() as u64;
        for commit in complete {
            self.complete(commit);
        }
        self.rollcall_later(run);
    }

    fn rollcall_later(&mut self, run: Run) {
        let delay = self.chance.between(2 * MILLI, 100 * MILLI);
        self.soon(run, delay, Step::Rollcall);
    }

    /// Whose leases have run out needs no answer.
    fn run_out(&mut self, run: Run, now: Moment) {
        let mut complete = Vec::new();
        self.process(run).waits.retain(|wait| {
            let done = wait.awaited.has_run_out(now);
            if done {
                complete.push(wait.commit);
            }
            !done
        });
        self.tally.leases += complete.len() as u64;
        for commit in complete {
            self.complete(commit);
        }
    }

    /// The caller is told; whoever asks from now on must be answered by the change.
    fn complete(&mut self, commit: Commit) {
        self.oracle.complete(commit, self.now);
        if let Some(secret) = self.oracle.touched_by(commit) {
            let delay = self.chance.between(1, 2 * MILLI);
            self.ask_everybody(delay, secret);
        }
    }
}

/// The keys that the verifier knows as revoked and the source doesn't.
fn revived(verifier: &crate::Verifier) -> Vec<KeyId> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(verifier.revived()).poll(&mut context) {
        std::task::Poll::Ready(keys) => keys,
        std::task::Poll::Pending => Vec::new(),
    }
}
