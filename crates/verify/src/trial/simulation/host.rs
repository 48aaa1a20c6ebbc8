//! A machine with its clocks, and the process that runs on it.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use claviger_model::{Clock, Moment, NodeId, Timestamp};
use parking_lot::Mutex;

use super::{
    super::database::{Database, Members, Number},
    oracle::{Commit, True},
};
use crate::{
    Verifier,
    fake::NEW_YEAR,
    feed::{Record, Seq},
    follower::{Ask, Course, Led},
    nodes::{Awaited, Dead, Leases, Watch},
    protocol::{Planted, Protocol},
    replica::Replica,
};

/// The clock that a verifier reads: set before each step.
#[derive(Default)]
pub(super) struct SetClock {
    now: AtomicI64,
    boot: AtomicU64,
}

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now.load(Ordering::Relaxed))
    }

    fn boot(&self) -> Moment {
        Moment::since_boot(Duration::from_micros(self.boot.load(Ordering::Relaxed)))
    }
}

/// A machine.
pub(super) struct Host {
    pub(super) leases: Leases,
    /// Microseconds of its clocks in a million true ones.
    pub(super) rate: u64,
    /// What its boot clock said at the beginning, less what it didn't count.
    pub(super) boot_at_start: u64,
    /// By how many milliseconds its date is wrong.
    pub(super) date_off: i64,
    pub(super) clock: Arc<SetClock>,
    pub(super) runs: u32,
    pub(super) process: Option<Process>,
    /// Until when the process, or its follower alone, gets no processor.
    pub(super) paused_until: True,
    pub(super) follower_paused_until: True,
    /// Until when nothing goes to the database, or comes from it.
    pub(super) deaf_until: True,
    pub(super) mute_until: True,
    /// Until when it reaches, in place of the database, one that was cut off and commits nothing.
    pub(super) cut_off: Option<(True, Database)>,
}

impl Host {
    /// What the boot clock says at a true instant.
    pub(super) fn boot(&self, now: True) -> u64 {
        self.boot_at_start + now * self.rate / 1_000_000
    }

    /// When the boot clock will have come to `moment`.
    pub(super) fn when(&self, moment: Moment) -> True {
        let boot = u64::try_from(moment.as_duration().as_micros()).unwrap_or(u64::MAX / 2_000_000);
        (boot.saturating_sub(self.boot_at_start) * 1_000_000).div_ceil(self.rate)
    }

    /// Sets the clock that is read. A date never runs backwards within a process.
    pub(super) fn set_clock(&self, now: True) {
        self.clock.boot.store(self.boot(now), Ordering::Relaxed);
        let passed = i64::try_from(now * self.rate / 1_000_000_000).unwrap_or(i64::MAX);
        let date = NEW_YEAR.as_millis() + self.date_off + passed;
        self.clock.now.fetch_max(date, Ordering::Relaxed);
    }

    /// A boot clock that stands still for so long, while the date goes on.
    pub(super) fn freeze(&mut self, span: True) {
        let uncounted = span * self.rate / 1_000_000;
        self.boot_at_start = self.boot_at_start.saturating_sub(uncounted);
    }
}

/// One run of a node.
pub(super) struct Process {
    pub(super) id: NodeId,
    pub(super) verifier: Arc<Verifier>,
    pub(super) course: Course,
    /// What the follower has asked and waits for.
    pub(super) asked: Option<Asked>,
    /// Counts questions and turns.
    pub(super) serial: u64,
    pub(super) turn: u64,
    pub(super) woken: bool,
    pub(super) resting: bool,
    /// What is still to be done of the last answer.
    pub(super) doing: VecDeque<Doing>,
    /// The next thing of it is about to be done.
    pub(super) applying: bool,
    pub(super) watch: Watch,
    pub(super) rollcall: Option<Rollcall>,
    pub(super) waits: Vec<Wait>,
    /// By which version of a secret a request was answered, and when.
    pub(super) answered: BTreeMap<Number, Vec<(True, usize)>>,
    /// What it has applied as revoked, and when.
    pub(super) revoked: BTreeMap<Number, True>,
}

pub(super) struct Asked {
    pub(super) number: u64,
    pub(super) ask: Ask,
    pub(super) at: Moment,
}

/// One thing that following changes: each is a step of its own.
pub(super) enum Doing {
    Replace(Arc<Replica>, Vec<Record>),
    Take(Record),
    Reached(Seq),
    Confirm(Moment),
}

/// A roll that was asked for, and the members that are being excluded.
pub(super) struct Rollcall {
    pub(super) number: u64,
    pub(super) asked_at: Moment,
    pub(super) roll: Option<Members>,
    pub(super) dead: Vec<Dead>,
}

/// A change that is waited for.
pub(super) struct Wait {
    pub(super) awaited: Awaited,
    pub(super) commit: Commit,
    pub(super) since: Moment,
}

impl Process {
    pub(super) fn new(id: NodeId, host: &Host, planted: Option<Planted>) -> Self {
        let protocol = Protocol { planted };
        let mut course = Course::new(host.leases.shortest());
        course.protocol = protocol;
        let mut watch = Watch::default();
        watch.protocol = protocol;
        Self {
            id,
            verifier: Verifier::new(Arc::clone(&host.clock) as _, host.leases.node),
            course,
            asked: None,
            serial: 0,
            turn: 0,
            woken: false,
            resting: false,
            doing: VecDeque::new(),
            applying: false,
            watch,
            rollcall: None,
            waits: Vec::new(),
            answered: BTreeMap::new(),
            revoked: BTreeMap::new(),
        }
    }
}

impl Process {
    /// Whether it had applied a revocation of the secret before `instant`.
    pub(super) fn ended_before(&self, secret: Number, instant: True) -> bool {
        self.revoked.get(&secret).is_some_and(|at| *at < instant)
    }
}

/// Writes down what is to be done, in the order in which the program would do it.
#[derive(Default)]
pub(super) struct Script(Mutex<VecDeque<Doing>>);

impl Script {
    pub(super) fn into_inner(self) -> VecDeque<Doing> {
        self.0.into_inner()
    }
}

impl Led for Script {
    fn take(&self, record: Record) {
        self.0.lock().push_back(Doing::Take(record));
    }

    fn reached(&self, seq: Seq) {
        self.0.lock().push_back(Doing::Reached(seq));
    }

    fn confirm(&self, asked_at: Moment) {
        self.0.lock().push_back(Doing::Confirm(asked_at));
    }
}
