//! What can happen, and what travels between a node and the database.

use claviger_model::{NodeId, Timestamp};

use super::{
    super::database::{Loaded, Members, Number, Told},
    oracle::{Commit, True},
};
use crate::{feed::Seq, nodes::Dead};

/// Which host, and which run of its process: what belongs to an earlier run is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) host: usize,
    pub(super) number: u32,
}

#[derive(Clone, Debug)]
pub(super) enum Event {
    /// A step of a process, which happens later if the process is paused.
    Step(Run, Step),
    /// A question reaches the database.
    Arrive(Question),
    /// A change that began is committed.
    Commit(Question, Option<u64>),
    /// Someone asks a host to decide about a secret, or any.
    Request(usize, Option<Number>),
    /// Someone changes something.
    Change,
    /// Something breaks.
    Fault,
    /// All that is broken is mended from now on.
    Quiet,
    /// A process starts where none is.
    Start(usize),
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    /// The follower asks what comes next, unless it was called for since.
    Turn(u64),
    /// There may be something new.
    Wake,
    /// The follower's question is answered, or failed.
    Told(u64, Answer),
    /// The follower has waited long enough.
    Patience(u64),
    /// The next thing is applied.
    Apply,
    /// The lease is checked for a request.
    Check(Request),
    /// The secret is looked up for it.
    LookUp(Request, Timestamp, bool),
    /// Who waits asks for the roll.
    Rollcall,
    /// It is there, or a member was excluded or not.
    Roll(u64, Answer),
    /// The roll is late.
    RollPatience(u64),
    /// A change is answered.
    Committed(Seq, Commit),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    pub(super) secret: Number,
    pub(super) arrived_at: True,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Question {
    pub(super) by: Run,
    pub(super) number: u64,
    pub(super) what: What,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum What {
    Join(NodeId),
    Load,
    Renew(NodeId, Option<Seq>),
    Look(Seq),
    Roll,
    Exclude(Dead),
    Change(Change),
}

impl What {
    /// Whether it can be answered by a database that commits nothing.
    pub(super) fn is_read(&self) -> bool {
        matches!(self, Self::Load | Self::Look(_))
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Change {
    Issue(Number),
    Revoke(Number),
    Disable(Number),
    Enable(Number),
    /// The first is replaced by the second.
    Rotate(Number, Number),
}

#[derive(Clone, Debug)]
pub(super) enum Answer {
    Failed,
    Joined(bool),
    Loaded(Loaded),
    Renewed(Option<Told>, Timestamp),
    Told(Told, Timestamp),
    Roll(Members),
    Excluded(bool),
    Committed(Seq, Commit),
}
