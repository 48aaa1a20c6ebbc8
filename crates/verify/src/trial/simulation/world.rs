//! The hosts, the database and what is on its way between them, by one true clock.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use claviger_model::{Digest, NodeId, profile::Profile};

use super::{
    super::database::{Database, Number, Standing},
    chance::Chance,
    event::{Answer, Change, Event, Run, Step, What},
    host::{Host, Process, SetClock},
    oracle::{Commit, Oracle, True, Violation},
};
use crate::{
    fake::{self, NEW_YEAR, account, account_id, key_id, plain, terms},
    feed::{Record, SecretRecord, Terms},
    nodes::Leases,
    protocol::Planted,
};

pub(super) const MILLI: True = 1_000;
pub(super) const SECOND: True = 1_000_000;
/// Events that are kept to be shown.
const KEPT: usize = 80;
/// States of the database that a failover can go back to.
const PAST: usize = 40;

/// What a history was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) events: u64,
    pub(super) decisions: u64,
    pub(super) allowed: u64,
    pub(super) indeterminate: u64,
    pub(super) commits: u64,
    pub(super) acks: u64,
    pub(super) leases: u64,
    pub(super) exclusions: u64,
    pub(super) breaks: u64,
    pub(super) failovers: u64,
    pub(super) faults: u64,
    /// Of everything that happened.
    pub(super) digest: u64,
}

impl Tally {
    /// Together with another history.
    pub(super) fn add(&mut self, other: &Self) {
        self.events += other.events;
        self.decisions += other.decisions;
        self.allowed += other.allowed;
        self.indeterminate += other.indeterminate;
        self.commits += other.commits;
        self.acks += other.acks;
        self.leases += other.leases;
        self.exclusions += other.exclusions;
        self.breaks += other.breaks;
        self.failovers += other.failovers;
        self.faults += other.faults;
        self.digest ^= other.digest;
    }
}

/// A history, as far as it has come.
pub(super) struct World {
    pub(super) planted: Option<Planted>,
    pub(super) chance: Chance,
    pub(super) now: True,
    pub(super) quiet_at: True,
    pub(super) end_at: True,
    pub(super) is_quiet: bool,
    /// Whether failovers may lose what was committed last.
    pub(super) loses: bool,
    /// Whether machines may stand still, boot clock and all; else their dates may be set back.
    pub(super) freezes: bool,
    queue: BTreeMap<(True, u64), Event>,
    serial: u64,
    pub(super) hosts: Vec<Host>,
    pub(super) database: Database,
    past: VecDeque<Database>,
    /// Until when the database answers nobody.
    pub(super) away_until: True,
    /// Until when its answers take seconds.
    pub(super) slow_until: True,
    pub(super) oracle: Oracle,
    /// How many secrets were ever thought of, and which were ever revoked.
    pub(super) secrets: Number,
    pub(super) ever_revoked: Vec<Number>,
    digests: Vec<(Digest, String)>,
    pub(super) profile: Profile,
    terms: Arc<Terms>,
    pub(super) longest_lease: True,
    nodes: u64,
    kept: VecDeque<(True, String)>,
    pub(super) tally: Tally,
    pub(super) broken: Option<Violation>,
}

impl World {
    /// A topology, drawn from the seed.
    pub(super) fn new(seed: u64, planted: Option<Planted>) -> Self {
        let mut chance = Chance::new(seed);
        let strict = chance.one_in(3).then(|| Duration::from_secs(chance.between(2, 6)));
        let longest = [4, 6, 10, 30, 120][chance.below(5)];
        let hosts: Vec<_> = (0..chance.between(1, 6)).map(|_| host(&mut chance, longest, strict)).collect();
        let longest_lease = hosts.iter().map(|host| micros(host.leases.node)).max().unwrap_or(0);
        let quiet_at = chance.between(10 * SECOND, 20 * SECOND + 2 * longest_lease);
        let lease = strict.map_or(String::new(), |lease| format!("lease = \"{}s\"", lease.as_secs()));
        let (loses, freezes) = (chance.one_in(4), chance.one_in(2));
        Self {
            planted,
            now: 0,
            quiet_at,
            end_at: quiet_at + longest_lease + longest_lease / 10 + 40 * SECOND,
            is_quiet: false,
            loses,
            freezes,
            queue: BTreeMap::new(),
            serial: 0,
            hosts,
            database: Database::new(planted),
            past: VecDeque::new(),
            away_until: 0,
            slow_until: 0,
            oracle: Oracle::default(),
            secrets: 0,
            ever_revoked: Vec::new(),
            digests: Vec::new(),
            profile: fake::profile(&lease),
            terms: terms("ada"),
            longest_lease,
            nodes: 0,
            kept: VecDeque::new(),
            tally: Tally::default(),
            broken: None,
            chance,
        }
    }

    /// Runs the history to its end, or to the first broken promise.
    pub(super) fn run(&mut self) -> Result<(), Violation> {
        for _ in 0..4 {
            let number = self.new_secret();
            self.make(Change::Issue(number), None);
        }
        for host in 0..self.hosts.len() {
            let delay = self.chance.between(0, SECOND);
            self.at(delay, Event::Start(host));
            self.at(SECOND, Event::Request(host, None));
        }
        self.at(SECOND, Event::Change);
        self.at(SECOND, Event::Fault);
        self.at(self.quiet_at, Event::Quiet);
        while let Some(((at, _), event)) = self.queue.pop_first() {
            if at > self.end_at {
                break;
            }
            self.now = at;
            self.happen(event);
            if let Some(violation) = self.broken {
                return Err(violation);
            }
        }
        self.settled()
    }

    fn happen(&mut self, event: Event) {
        if let Event::Step(run, step) = &event {
            let host = &self.hosts[run.host];
            if host.runs != run.number || host.process.is_none() {
                return;
            }
            let follows =
                !matches!(step, Step::Check(_) | Step::LookUp(..) | Step::Roll(..) | Step::Rollcall);
            let until =
                if follows { host.follower_paused_until.max(host.paused_until) } else { host.paused_until };
            if until > self.now {
                self.at(until - self.now, event);
                return;
            }
            host.set_clock(self.now);
        }
        self.keep(&event);
        match event {
            Event::Step(run, step) => self.step(run, step),
            Event::Arrive(question) => self.arrive(question),
            Event::Commit(question, place) => {
                if let What::Change(change) = question.what {
                    let answer = match self.make(change, place) {
                        Some((seq, commit)) => Answer::Committed(seq, commit),
                        None => Answer::Failed,
                    };
                    self.reply(question, answer);
                }
            }
            Event::Request(host, secret) => self.request(host, secret),
            Event::Change => self.change(),
            Event::Fault => self.fault(),
            Event::Quiet => self.mend(),
            Event::Start(host) => self.start(host),
        }
    }

    fn step(&mut self, run: Run, step: Step) {
        match step {
            Step::Turn(turn) => self.turn(run, turn),
            Step::Wake => self.wake(run),
            Step::Told(number, answer) => self.told(run, number, answer),
            Step::Patience(number) => self.told(run, number, Answer::Failed),
            Step::Apply => self.apply_next(run),
            Step::Check(request) => self.check(run, request),
            Step::LookUp(request, date, holds) => self.look_up(run, request, date, holds),
            Step::Rollcall => self.rollcall(run),
            Step::Roll(number, answer) => self.roll(run, number, answer),
            Step::RollPatience(number) => self.roll(run, number, Answer::Failed),
            Step::Committed(seq, commit) => self.wait_for(run, seq, commit),
        }
    }

    /// Something is to happen in so long.
    pub(super) fn at(&mut self, delay: True, event: Event) {
        self.serial += 1;
        self.queue.insert((self.now + delay, self.serial), event);
    }

    /// A process takes a step in so long.
    pub(super) fn soon(&mut self, run: Run, delay: True, step: Step) {
        self.at(delay, Event::Step(run, step));
    }

    /// The process of a run that is not over.
    pub(super) fn process(&mut self, run: Run) -> &mut Process {
        self.hosts[run.host].process.as_mut().expect("a step of a run that is over isn't taken")
    }

    pub(super) fn breaks(&mut self, violation: Violation) {
        self.broken.get_or_insert(violation);
    }

    pub(super) fn new_secret(&mut self) -> Number {
        self.secrets += 1;
        self.secrets
    }

    pub(super) fn node_id(&mut self) -> NodeId {
        self.nodes += 1;
        let mut bytes = [0; 16];
        bytes[8..].copy_from_slice(&self.nodes.to_be_bytes());
        NodeId::from_bytes(bytes)
    }

    /// A change is committed now.
    pub(super) fn make(&mut self, change: Change, place: Option<u64>) -> Option<(crate::feed::Seq, Commit)> {
        let effects = self.effects(change)?;
        self.remember();
        let seq = self.database.commit(&effects, self.chance.draw(), place);
        self.tally.commits += 1;
        let revoked = effects.iter().filter(|(_, standing)| *standing == Standing::Revoked);
        self.ever_revoked.extend(revoked.map(|(number, _)| *number));
        Some((seq, self.oracle.committed(&effects, self.now)))
    }

    /// What a change does to what is there. What can't be done changes nothing; who was revoked stays so.
    fn effects(&self, change: Change) -> Option<Vec<(Number, Standing)>> {
        let standing = |number| self.database.secrets.get(&number).copied();
        let effects = match (change, standing) {
            (Change::Issue(number), of) if of(number).is_none() => vec![(number, Standing::Good)],
            (Change::Revoke(number), of) if of(number).is_some() => vec![(number, Standing::Revoked)],
            (Change::Disable(number), of) if of(number) == Some(Standing::Good) => {
                vec![(number, Standing::Disabled)]
            }
            (Change::Enable(number), of) if of(number) == Some(Standing::Disabled) => {
                vec![(number, Standing::Good)]
            }
            (Change::Rotate(old, new), of) if of(old) == Some(Standing::Good) && of(new).is_none() => {
                vec![(old, Standing::Replaced), (new, Standing::Good)]
            }
            _ => return None,
        };
        Some(effects)
    }

    /// Keeps the database as it is, for a failover to go back to.
    pub(super) fn remember(&mut self) {
        if self.loses {
            self.past.push_back(self.database.clone());
            if self.past.len() > PAST {
                self.past.pop_front();
            }
        }
    }

    /// Goes back to what was some writes ago.
    pub(super) fn fail_over(&mut self) {
        let back = self.chance.below(self.past.len().max(1));
        if let Some(before) = self.past.get(back) {
            self.database = before.clone();
            self.past.clear();
            self.tally.failovers += 1;
            self.oracle.failed_over(&self.database.secrets, self.now, self.longest_lease);
        }
    }

    /// The plain key of a secret.
    pub(super) fn plain(&mut self, number: Number) -> String {
        self.named(number).1.clone()
    }

    fn named(&mut self, number: Number) -> &(Digest, String) {
        for next in self.digests.len()..=usize::from(number) {
            let plain = plain(next as u64);
            self.digests.push((Digest::of(plain.as_bytes()), plain));
        }
        &self.digests[usize::from(number)]
    }

    /// Which secret has this digest.
    pub(super) fn number_of(&self, digest: Digest) -> Number {
        let found = self.digests.iter().position(|(named, _)| *named == digest);
        Number::try_from(found.unwrap_or(0)).unwrap_or(0)
    }

    /// The record of a secret that stands so.
    pub(super) fn record(&mut self, (number, standing): (Number, Standing)) -> Record {
        let digest = self.named(number).0;
        let long_ago = NEW_YEAR.minus(Duration::from_hours(24));
        let ended = matches!(standing, Standing::Revoked | Standing::Replaced);
        Record::Secret(SecretRecord {
            digest,
            key: key_id(number.into()),
            secret: 1,
            account: account_id(1),
            environment: claviger_model::Environment::Live,
            state: match standing {
                Standing::Good | Standing::Replaced => claviger_model::KeyState::Active,
                Standing::Disabled => claviger_model::KeyState::Disabled,
                Standing::Revoked => claviger_model::KeyState::Revoked,
            },
            ends_at: ended.then_some(long_ago),
            expires_at: None,
            terms: Arc::clone(&self.terms),
            foreign: None,
        })
    }

    /// The account of all keys.
    pub(super) fn account() -> Record {
        Record::Account(account(account_id(1), "example"))
    }

    fn keep(&mut self, event: &Event) {
        self.tally.events += 1;
        let told = format!("{event:?}");
        let mixed = told.bytes().fold(self.tally.digest ^ self.now, |digest, byte| {
            (digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        self.tally.digest = mixed;
        self.kept.push_back((self.now, told));
        if self.kept.len() > KEPT {
            self.kept.pop_front();
        }
    }

    /// The last events, one a line.
    pub(super) fn last_events(&self) -> String {
        let lines: Vec<_> = self.kept.iter().map(|(at, event)| format!("{at:>12} µs  {event}\n")).collect();
        lines.concat()
    }
}

pub(super) fn micros(span: Duration) -> True {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

fn host(chance: &mut Chance, longest: u64, strict: Option<Duration>) -> Host {
    let mut leases = Leases::of(Duration::from_secs(chance.between(2, longest + 1)));
    leases.stricter.extend(strict.map(|strict| (Arc::from("example"), strict)));
    // The extremes are where it matters.
    let rate = [980_000, 1_020_000, chance.between(980_000, 1_020_001)][chance.below(3)];
    Host {
        leases,
        rate,
        boot_at_start: chance.between(3_600 * SECOND, 1_000_000 * SECOND),
        date_off: 0,
        clock: Arc::new(SetClock::default()),
        runs: 0,
        process: None,
        paused_until: 0,
        follower_paused_until: 0,
        deaf_until: 0,
        mute_until: 0,
        cut_off: None,
    }
}
