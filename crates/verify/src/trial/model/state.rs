//! What there is at one instant.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use claviger_model::{Moment, NodeId};

use super::{
    super::database::{Database, Loaded, Members, Number, Standing, Told},
    Trial, reading,
};
use crate::{
    feed::Seq,
    follower::{Ask, Course},
    nodes::{Awaited, Dead, Leases, Via, Watch},
};

/// The secret that is revoked, and the one that works all along.
pub(super) const REVOKED: Number = 1;
pub(super) const KEPT: Number = 2;
/// The nodes' lease: 500 ticks of 5 ms.
pub(super) const LEASE: Duration = Duration::from_millis(2_500);
pub(super) const LEASE_TICKS: u16 = 500;

/// Microseconds that a clock counts in a tick.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rates {
    pub(super) nodes: u32,
    pub(super) caller: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct State {
    /// True time, in ticks.
    pub(super) now: u16,
    pub(super) faults: u8,
    pub(super) short_steps: u8,
    pub(super) others: u8,
    pub(super) database: Database,
    pub(super) nodes: Vec<Node>,
    /// Whether the revocation has begun, where it takes its place then, and the place.
    pub(super) begun: bool,
    pub(super) place: Option<u64>,
    pub(super) committed: Option<(Seq, u16)>,
    pub(super) caller: Caller,
    pub(super) receipt: Option<Via>,
    pub(super) request: Option<(usize, Request)>,
    pub(super) excluded: bool,
    pub(super) refused: bool,
    pub(super) broken: Option<Broken>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Broken {
    AllowedAfterReceipt,
    AllowedAfterLease,
    DeniedGood,
}

/// A node; its clock is read, not kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Node {
    pub(super) id: NodeId,
    /// How many ids were given to this place.
    pub(super) ids: u8,
    pub(super) course: Course,
    pub(super) asked: Option<Asked>,
    /// A question that nobody waits for any more, or a second copy of one, on its way.
    pub(super) late: Option<(NodeId, Ask)>,
    pub(super) doing: VecDeque<Doing>,
    pub(super) held: BTreeMap<Number, Standing>,
    /// The last renewal's moment.
    pub(super) confirmed: Option<Moment>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Asked {
    pub(super) ask: Ask,
    pub(super) at: Moment,
    /// What a renewal read, where it commits only later.
    pub(super) read: Option<Told>,
    pub(super) answer: Option<Answer>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Answer {
    Joined(bool),
    Loaded(Loaded),
    Renewed(Option<Told>),
    Told(Told),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Doing {
    Replace(BTreeMap<Number, Standing>),
    Take(Number, Standing),
    Confirm(Moment),
}

/// Who revokes, waits, and excludes the dead.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Caller {
    pub(super) watch: Watch,
    pub(super) awaited: Option<Awaited>,
    pub(super) stage: Stage,
    pub(super) rolls: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Stage {
    Idle,
    Asked(Moment),
    Read(Moment, Members),
    Excluding(Members, Vec<Dead>),
}

/// How far a request has come, which arrived when it had to be refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Request {
    Arrived,
    Checked,
    /// What was found before the lease was checked, where that is the mistake.
    Found(Option<Standing>, Option<Standing>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Action {
    /// Time goes on to this tick; whether that is a short step.
    Pass(u16, bool),
    Turn(usize),
    /// A renewal's statement begins, and sees what was committed until then.
    Read(usize),
    Execute(usize),
    Deliver(usize),
    Apply(usize),
    /// An answer or a question is lost, or late beyond patience.
    GiveUp(usize),
    /// A question arrives twice.
    Repeat(usize),
    ExecuteLate(usize),
    Restart(usize),
    Begin,
    Commit,
    Other,
    Reply,
    AskRoll,
    ReadRoll,
    DeliverRoll,
    Exclude,
    Judge,
    RunOut,
    Arrive(usize),
    Check,
    LookUp,
}

impl State {
    pub(super) fn new(trial: &Trial, database: Database) -> Self {
        let mut watch = Watch::default();
        watch.protocol = trial.protocol;
        let nodes = (0..trial.nodes).map(|index| Node::new(trial, index, 0)).collect();
        Self {
            now: 0,
            faults: trial.faults,
            short_steps: trial.short_steps,
            others: trial.others,
            database,
            nodes,
            begun: false,
            place: None,
            committed: None,
            caller: Caller { watch, awaited: None, stage: Stage::Idle, rolls: trial.rolls },
            receipt: None,
            request: None,
            excluded: false,
            refused: false,
            broken: None,
        }
    }

    pub(super) fn node_clock(&self, trial: &Trial) -> Moment {
        reading(trial.rates.nodes, self.now)
    }

    pub(super) fn caller_clock(&self, trial: &Trial) -> Moment {
        reading(trial.rates.caller, self.now)
    }
}

impl Node {
    pub(super) fn new(trial: &Trial, index: usize, ids: u8) -> Self {
        let mut course = Course::new(LEASE);
        course.protocol = trial.protocol;
        Self {
            id: node_id(index, ids),
            ids,
            course,
            asked: None,
            late: None,
            doing: VecDeque::new(),
            held: BTreeMap::new(),
            confirmed: None,
        }
    }

    /// Another member in the same place.
    pub(super) fn rename(&mut self, index: usize) {
        self.ids += 1;
        self.id = node_id(index, self.ids);
    }
}

fn node_id(index: usize, ids: u8) -> NodeId {
    let mut bytes = [0; 16];
    (bytes[0], bytes[1]) = (u8::try_from(index).unwrap_or(u8::MAX), ids);
    NodeId::from_bytes(bytes)
}

pub(super) fn leases() -> Leases {
    Leases::of(LEASE)
}
