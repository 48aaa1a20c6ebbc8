//! Requests: the lease is checked, and at another instant the secret is looked up, both by the real verifier.

use claviger_model::Timestamp;

use super::{
    super::database::{Number, Standing},
    event::{Event, Request, Run, Step},
    oracle::{Answered, True, Violation},
    world::{MILLI, SECOND, World, micros},
};
use crate::{
    Decision, Indeterminate,
    fake::{REQUEST, at_once, get},
    protocol::Planted,
};

impl World {
    /// A request arrives; and the next one is on its way, unless this one was asked for by name.
    pub(super) fn request(&mut self, host: usize, secret: Option<Number>) {
        let known = usize::from(self.secrets);
        // The last ones are those that change.
        let any = Number::try_from(known - self.chance.below(known.min(6))).unwrap_or(1);
        if secret.is_none() {
            let delay = self.chance.between(MILLI, 400 * MILLI);
            self.at(delay, Event::Request(host, None));
        }
        let run = Run { host, number: self.hosts[host].runs };
        let request = Request { secret: secret.unwrap_or(any), arrived_at: self.now };
        let delay = self.moment();
        self.soon(run, delay, Step::Check(request));
    }

    /// Every node is asked about a secret at once.
    pub(super) fn ask_everybody(&mut self, delay: True, secret: Number) {
        for host in 0..self.hosts.len() {
            self.at(delay, Event::Request(host, Some(secret)));
        }
    }

    pub(super) fn check(&mut self, run: Run, request: Request) {
        let verifier = &self.hosts[run.host].process.as_ref().expect("a step of a process").verifier;
        let date = claviger_model::Clock::now(verifier.clock());
        let lease = verifier.check_lease(date, self.profile.lease);
        let holds = match lease {
            Ok(()) => true,
            Err(Indeterminate::LeaseLost) => self.planted == Some(Planted::NoLease),
            Err(_) => false,
        };
        self.renew_if_doubted(run);
        if self.planted == Some(Planted::LookUpFirst) {
            let allowed = self.find(run, request.secret, date);
            let delay = self.moment();
            self.soon(run, delay, Step::LookUp(request, date, allowed));
        } else if holds {
            let delay = self.moment();
            self.soon(run, delay, Step::LookUp(request, date, true));
        } else {
            self.tally.indeterminate += 1;
        }
    }

    /// Where time passed unseen the follower is to renew at once.
    pub(super) fn renew_if_doubted(&mut self, run: Run) {
        let process = self.process(run);
        if doubts(&process.verifier) {
            process.course.renew_at_once();
            self.wake(run);
        }
    }

    pub(super) fn look_up(&mut self, run: Run, request: Request, date: Timestamp, found: bool) {
        let allowed = if self.planted == Some(Planted::LookUpFirst) {
            let stricter = self.profile.lease;
            let verifier = &self.process(run).verifier;
            let now = claviger_model::Clock::now(verifier.clock());
            if verifier.check_lease(now, stricter).is_err() {
                return;
            }
            found
        } else {
            self.find(run, request.secret, date)
        };
        self.tally.decisions += 1;
        self.tally.allowed += u64::from(allowed);
        self.judge(run, request, allowed);
    }

    /// What the verifier decides once it holds a lease.
    fn find(&mut self, run: Run, secret: Number, date: Timestamp) -> bool {
        let plain = self.plain(secret);
        let verifier = &self.hosts[run.host].process.as_ref().expect("a step of a process").verifier;
        let decision =
            at_once(verifier.look_up(&self.profile, Ok(plain.as_bytes()), &get("/things"), REQUEST, date));
        matches!(decision, Ok(Decision::Allow(_)))
    }

    fn judge(&mut self, run: Run, request: Request, allowed: bool) {
        let Request { secret, arrived_at } = request;
        let lease = micros(self.hosts[run.host].leases.lease(Some("example"))) + MILLI;
        let has_ended = self.hosts[run.host]
            .process
            .as_ref()
            .is_some_and(|process| process.ended_before(secret, arrived_at));
        if allowed && has_ended {
            self.breaks(Violation::Revived);
        }
        let may_be_lost = self.loses && self.ever_revoked.contains(&secret);
        let process = self.hosts[run.host].process.as_mut().expect("a step of a process");
        let earlier = process.answered.entry(secret).or_default();
        let floor = earlier.iter().rev().find(|(at, _)| *at < arrived_at).map_or(0, |(_, version)| *version);
        let floor = if self.loses { 0 } else { floor };
        let answered = Answered { secret, arrived_at, lease, floor, allowed };
        match self.oracle.judge(answered, may_be_lost) {
            Ok(version) if earlier.last().is_none_or(|(_, last)| *last < version) => {
                earlier.push((self.now, version));
            }
            Ok(_) => {}
            Err(violation) => self.breaks(violation),
        }
    }

    /// Whether, after all, every node runs, has every change, waits for nothing and decides as the database would.
    pub(super) fn settled(&mut self) -> Result<(), Violation> {
        for host in 0..self.hosts.len() {
            if self.is_left_behind(host) {
                return Err(Violation::LeftBehind);
            }
            self.hosts[host].set_clock(self.now);
            let run = Run { host, number: self.hosts[host].runs };
            let verifier = &self.hosts[host].process.as_ref().expect("it is not left behind").verifier;
            let date = claviger_model::Clock::now(verifier.clock());
            if verifier.check_lease(date, self.profile.lease).is_err() {
                return Err(Violation::LeftBehind);
            }
            for secret in 1..=self.secrets {
                let is_good = self.database.secrets.get(&secret) == Some(&Standing::Good);
                // A second failover may lose what was revoked again after the first: only who knew it refuses it then.
                let is_kept = self.loses && self.process(run).revoked.contains_key(&secret);
                if self.find(run, secret, date) != (is_good && !is_kept) {
                    return Err(Violation::LeftBehind);
                }
            }
        }
        Ok(())
    }

    /// Between two steps of a request; now and then it is forgotten for long.
    fn moment(&mut self) -> True {
        let longest = match self.chance.below(30) {
            _ if self.is_quiet => MILLI,
            0 => self.longest_lease,
            1 => SECOND,
            _ => MILLI,
        };
        self.chance.between(1, longest)
    }
}

/// Whether the verifier has found that time passed unseen.
fn doubts(verifier: &crate::Verifier) -> bool {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    std::pin::pin!(verifier.doubted()).poll(&mut context).is_ready()
}
