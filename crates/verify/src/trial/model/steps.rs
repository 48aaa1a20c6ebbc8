//! What can happen next, and what then is.

use std::{
    cell::RefCell,
    collections::VecDeque,
    sync::{Arc, LazyLock},
};

use claviger_model::{Digest, Environment, KeyState, Moment};

use super::{
    super::database::{Effect, Number, Standing, renewal},
    Trial,
    state::{
        Action, Answer, Asked, Broken, Doing, KEPT, LEASE, LEASE_TICKS, Node, REVOKED, Request, Stage, State,
        leases,
    },
};
use crate::{
    fake::{NEW_YEAR, account_id, key_id, terms},
    feed::{Change, Record, SecretRecord, Seq, Terms},
    follower::{Advance, Ask, Break, Led, Next, Step, apply},
    lease,
    nodes::{Awaited, Standing as Progress, Via},
    protocol::Planted,
};

/// Time goes from one of these to the next, or a short way.
const LEAP: u16 = LEASE_TICKS;
const SHORT: u16 = LEASE_TICKS / 10;
const PAGE: usize = 10;

static TERMS: LazyLock<Arc<Terms>> = LazyLock::new(|| terms("ada"));

impl State {
    pub(super) fn actions(&self, trial: &Trial, actions: &mut Vec<Action>) {
        if self.broken.is_some() {
            return;
        }
        self.times(trial, actions);
        for (index, node) in self.nodes.iter().enumerate() {
            self.node_actions(trial, index, node, actions);
        }
        self.change_actions(trial, actions);
        self.caller_actions(trial, actions);
        match self.request {
            Some((_, Request::Arrived | Request::Found(..))) => actions.push(Action::Check),
            Some((_, Request::Checked)) => actions.push(Action::LookUp),
            None if self.must_refuse() => actions.extend((0..self.nodes.len()).map(Action::Arrive)),
            None => {}
        }
        if trial.planted() == Some(Planted::LookUpFirst) {
            // Found first, checked then.
            if let Some((_, Request::Arrived)) = self.request {
                actions.retain(|action| *action != Action::Check);
                actions.push(Action::LookUp);
            }
        }
    }

    fn times(&self, trial: &Trial, actions: &mut Vec<Action>) {
        let mut targets = vec![((self.now / LEAP + 1) * LEAP, false)];
        if self.short_steps > 0 {
            targets.push((self.now + SHORT, true));
        }
        if let Some(at) = self.runs_out_at(trial) {
            targets.push((at, false));
        }
        targets.retain(|(to, _)| *to > self.now && *to <= trial.until);
        actions.extend(targets.into_iter().map(|(to, short)| Action::Pass(to, short)));
    }

    /// The first tick at which the wait is over whoever is silent.
    fn runs_out_at(&self, trial: &Trial) -> Option<u16> {
        let awaited = self.caller.awaited.as_ref()?;
        (self.now..=trial.until).find(|tick| awaited.has_run_out(super::reading(trial.rates.caller, *tick)))
    }

    fn node_actions(&self, trial: &Trial, index: usize, node: &Node, actions: &mut Vec<Action>) {
        let confirms_early = trial.planted() == Some(Planted::AckBeforeApply);
        match &node.asked {
            None if node.doing.is_empty() || confirms_early => actions.push(Action::Turn(index)),
            None => {}
            Some(asked) => {
                let open = asked.answer.is_none();
                actions.push(match open {
                    true if trial.has_yet_to_read(asked) => Action::Read(index),
                    true => Action::Execute(index),
                    false => Action::Deliver(index),
                });
                if self.faults > 0 {
                    actions.push(Action::GiveUp(index));
                    if open && node.late.is_none() && writes(asked.ask) {
                        actions.push(Action::Repeat(index));
                    }
                }
            }
        }
        if node.late.is_some() {
            actions.push(Action::ExecuteLate(index));
        }
        if !node.doing.is_empty() {
            actions.push(Action::Apply(index));
        }
        if self.faults > 0 && !node.held.is_empty() {
            actions.push(Action::Restart(index));
        }
    }

    fn change_actions(&self, trial: &Trial, actions: &mut Vec<Action>) {
        let takes_places = trial.planted() == Some(Planted::SeqAtBegin);
        if self.committed.is_none() {
            let begins = takes_places && !self.begun;
            actions.push(if begins { Action::Begin } else { Action::Commit });
        } else if self.caller.awaited.is_none() && self.receipt.is_none() {
            actions.push(Action::Reply);
        }
        if self.others > 0 {
            actions.push(Action::Other);
        }
    }

    fn caller_actions(&self, trial: &Trial, actions: &mut Vec<Action>) {
        let next = match &self.caller.stage {
            Stage::Idle if self.caller.rolls == 0 || self.receipt.is_some() => None,
            Stage::Idle => Some(Action::AskRoll),
            Stage::Asked(_) => Some(Action::ReadRoll),
            Stage::Read(..) => Some(Action::DeliverRoll),
            Stage::Excluding(_, dead) if dead.is_empty() => Some(Action::Judge),
            Stage::Excluding(..) => Some(Action::Exclude),
        };
        actions.extend(next);
        let now = self.caller_clock(trial);
        if self.caller.awaited.as_ref().is_some_and(|awaited| awaited.has_run_out(now)) {
            actions.push(Action::RunOut);
        }
    }

    /// Whether a request that arrives now must be refused.
    fn must_refuse(&self) -> bool {
        self.receipt.is_some() || self.has_aged()
    }

    fn has_aged(&self) -> bool {
        self.committed.is_some_and(|(_, at)| self.now > at + LEASE_TICKS)
    }

    pub(super) fn act(&mut self, trial: &Trial, action: Action) {
        match action {
            Action::Pass(to, short) => {
                self.now = to;
                self.short_steps -= u8::from(short);
            }
            Action::Turn(index) => self.turn(trial, index),
            Action::Read(index) => {
                if let Some(asked) = &mut self.nodes[index].asked
                    && let Ask::Renew { applied } = asked.ask
                {
                    asked.read = Some(self.database.after(applied.unwrap_or_default(), PAGE));
                }
            }
            Action::Execute(index) => {
                let node = &self.nodes[index];
                if let Some(mut asked) = node.asked.clone() {
                    asked.answer = Some(match (self.execute(index, node.id, asked.ask), asked.read.take()) {
                        (Answer::Renewed(Some(_)), Some(read)) => Answer::Renewed(Some(read)),
                        (answer, _) => answer,
                    });
                    self.nodes[index].asked = Some(asked);
                }
            }
            Action::Deliver(index) => self.deliver(trial, index),
            Action::Apply(index) => self.nodes[index].apply(),
            Action::GiveUp(index) | Action::Repeat(index) | Action::Restart(index) => {
                self.faults -= 1;
                // Whom a process was answering hears nothing when it ends.
                self.request.take_if(|(asked, _)| *asked == index && action == Action::Restart(index));
                self.nodes[index].suffer(trial, index, action);
            }
            Action::ExecuteLate(index) => {
                if let Some((id, ask)) = self.nodes[index].late.take() {
                    self.execute(index, id, ask);
                }
            }
            Action::Begin => (self.begun, self.place) = (true, self.database.begin()),
            Action::Commit => {
                let effects = [(REVOKED, Standing::Revoked)];
                let seq = self.database.commit(&effects, 2, self.place);
                self.committed = Some((seq, self.now));
            }
            Action::Other => {
                self.others -= 1;
                let place = self.database.begin();
                self.database.commit(&[(KEPT, Standing::Good)], 3 + u64::from(self.others), place);
            }
            Action::Arrive(index) => self.request = Some((index, Request::Arrived)),
            Action::Check => self.check(trial),
            Action::LookUp => self.look_up(trial),
            _ => self.call(trial, action),
        }
    }

    fn turn(&mut self, trial: &Trial, index: usize) {
        let at = self.node_clock(trial);
        let node = &mut self.nodes[index];
        if let Next::Ask(ask) = node.course.next(at, true) {
            node.asked = Some(Asked { ask, at, read: None, answer: None });
        }
    }

    fn execute(&mut self, index: usize, id: claviger_model::NodeId, ask: Ask) -> Answer {
        let place = u8::try_from(index).unwrap_or(u8::MAX);
        match ask {
            Ask::Join => Answer::Joined(self.database.join(id, place, &leases(), NEW_YEAR)),
            Ask::Load => Answer::Loaded(self.database.load()),
            Ask::Renew { applied } => Answer::Renewed(self.database.renew(id, applied, PAGE, NEW_YEAR)),
            Ask::Look { after } => Answer::Told(self.database.after(after, PAGE)),
        }
    }

    fn deliver(&mut self, trial: &Trial, index: usize) {
        let told_at = self.node_clock(trial);
        let node = &mut self.nodes[index];
        let Some(Asked { ask, at, answer: Some(answer), .. }) = node.asked.take() else { return };
        match (ask, answer) {
            (_, Answer::Joined(true)) => node.course.joined(at),
            (_, Answer::Joined(false)) => node.rename(index),
            (_, Answer::Loaded(loaded)) => {
                let advance = node.course.loaded(at, loaded.position());
                node.doing.push_back(Doing::Replace(loaded.secrets));
                node.plan(Vec::new(), advance);
            }
            (Ask::Renew { applied }, Answer::Renewed(told)) => {
                let told = told.map(|told| told.changes(None, record));
                let entries = told.as_ref().map_or(Vec::new(), |told| told.entries.clone());
                let step = node.course.renewed(at, told_at, applied, &renewal(told));
                node.hear(index, step, entries);
            }
            (_, Answer::Told(told)) => {
                let told = told.changes(None, record);
                let step = node.course.looked(at, &told);
                node.hear(index, step, told.entries);
            }
            (_, Answer::Renewed(_)) => {}
        }
    }

    fn check(&mut self, trial: &Trial) {
        let Some((index, request)) = self.request else { return };
        let now = self.node_clock(trial);
        let holds = self.nodes[index].confirmed.is_some_and(|confirmed| {
            lease::holds(confirmed, LEASE, now) || trial.planted() == Some(Planted::NoLease)
        });
        self.request = holds.then_some((index, Request::Checked));
        if let (Request::Found(revoked, kept), true) = (request, holds) {
            self.decide(revoked, kept);
        }
    }

    fn look_up(&mut self, trial: &Trial) {
        let Some((index, request)) = self.request else { return };
        let held = |number| self.nodes[index].held.get(&number).copied();
        let (revoked, kept) = (held(REVOKED), held(KEPT));
        if trial.planted() == Some(Planted::LookUpFirst) && request == Request::Arrived {
            self.request = Some((index, Request::Found(revoked, kept)));
        } else {
            self.decide(revoked, kept);
        }
    }

    fn decide(&mut self, revoked: Option<Standing>, kept: Option<Standing>) {
        self.request = None;
        self.refused |= revoked == Some(Standing::Revoked);
        if kept != Some(Standing::Good) {
            self.broken = Some(Broken::DeniedGood);
        } else if revoked == Some(Standing::Good) {
            let after_receipt = self.receipt.is_some() && !self.has_aged();
            let broken = if after_receipt { Broken::AllowedAfterReceipt } else { Broken::AllowedAfterLease };
            self.broken = Some(broken);
        }
    }

    fn call(&mut self, trial: &Trial, action: Action) {
        let now = self.caller_clock(trial);
        let caller = &mut self.caller;
        let stage = std::mem::replace(&mut caller.stage, Stage::Idle);
        match (action, stage) {
            (Action::Reply, stage) => {
                caller.stage = stage;
                if let Some((seq, _)) = self.committed {
                    let mut awaited = Awaited::new(seq, now, None);
                    awaited.protocol = trial.protocol;
                    caller.awaited = Some(awaited);
                    // A roll that was asked for earlier says nothing of this change.
                    caller.stage = Stage::Idle;
                }
            }
            (Action::AskRoll, _) => {
                caller.rolls -= 1;
                caller.stage = Stage::Asked(now);
            }
            (Action::ReadRoll, Stage::Asked(at)) => {
                caller.stage = Stage::Read(at, self.database.members());
            }
            (Action::DeliverRoll, Stage::Read(at, members)) => {
                let dead = caller.watch.observe(&members.roll(), at, now);
                caller.stage = Stage::Excluding(members, dead);
            }
            (Action::Exclude, Stage::Excluding(mut members, mut dead)) => {
                if let Some(dead) = dead.pop()
                    && self.database.exclude(dead)
                {
                    self.excluded = true;
                    members.without(dead.id);
                }
                caller.stage = Stage::Excluding(members, dead);
            }
            (Action::Judge, Stage::Excluding(members, _)) => {
                let progress = caller.awaited.as_mut().map(|awaited| awaited.judge(&members.roll(), now));
                if let Some(Progress::Complete(via)) = progress {
                    (self.receipt, caller.awaited) = (Some(via), None);
                }
            }
            (Action::RunOut, _) => (self.receipt, caller.awaited) = (Some(Via::Lease), None),
            (_, stage) => caller.stage = stage,
        }
    }
}

impl Node {
    fn hear(&mut self, index: usize, step: Result<Step, Break>, entries: Vec<Change>) {
        match step {
            Ok(Step::Advance(advance)) => self.plan(entries, advance),
            Ok(Step::Excluded) => self.confirmed = None,
            Err(_) => {
                self.confirmed = None;
                self.rename(index);
            }
        }
    }

    fn plan(&mut self, entries: Vec<Change>, advance: Advance) {
        let script = Script::default();
        apply(self.course.protocol, &script, entries, advance);
        self.doing.extend(script.0.into_inner());
    }

    fn apply(&mut self) {
        match self.doing.pop_front() {
            Some(Doing::Replace(secrets)) => self.held = secrets,
            Some(Doing::Take(number, standing)) => _ = self.held.insert(number, standing),
            Some(Doing::Confirm(moment)) => self.confirmed = self.confirmed.max(Some(moment)),
            None => {}
        }
    }

    fn suffer(&mut self, trial: &Trial, index: usize, action: Action) {
        let on_its_way = self.asked.as_ref().filter(|asked| asked.answer.is_none() && writes(asked.ask));
        let late = on_its_way.map(|asked| (self.id, asked.ask)).or(self.late);
        match action {
            Action::Repeat(_) => {}
            Action::Restart(_) => *self = Self::new(trial, index, self.ids + 1),
            _ => self.asked = None,
        }
        self.late = late;
    }
}

/// Whether it matters if it is executed and nobody hears of it.
fn writes(ask: Ask) -> bool {
    matches!(ask, Ask::Join | Ask::Renew { .. })
}

/// What following would do, written down to be done step by step.
#[derive(Default)]
struct Script(RefCell<VecDeque<Doing>>);

impl Led for Script {
    fn take(&self, record: Record) {
        if let Record::Secret(secret) = record {
            let standing = match secret.state {
                KeyState::Active => Standing::Good,
                KeyState::Disabled => Standing::Disabled,
                KeyState::Revoked => Standing::Revoked,
            };
            self.0.borrow_mut().push_back(Doing::Take(secret.secret, standing));
        }
    }

    fn reached(&self, _: Seq) {}

    fn confirm(&self, asked_at: Moment) {
        self.0.borrow_mut().push_back(Doing::Confirm(asked_at));
    }
}

/// A record that names its secret by `secret`: nobody presents one here.
fn record((number, standing): Effect) -> Record {
    Record::Secret(SecretRecord {
        digest: Digest::from_bytes([0; 32]),
        key: key_id(Number::into(number)),
        secret: number,
        account: account_id(1),
        environment: Environment::Live,
        state: if standing == Standing::Revoked { KeyState::Revoked } else { KeyState::Active },
        ends_at: None,
        expires_at: None,
        terms: Arc::clone(&TERMS),
        foreign: None,
    })
}
