//! A database that behaves as the real one promises to: each question is answered at one instant, changes are numbered
//! in the order of their commits, and members are those who joined and were not excluded.
//!
//! It holds no clock, and it is small enough to be part of a model's state.

use std::collections::{BTreeMap, BTreeSet};

use claviger_model::{InstallationId, NodeId, Timestamp};

use crate::{
    fake::NEW_YEAR,
    feed::{Change, Changes, Mark, Position, Record, Renewal, Seq},
    nodes::{Dead, Leases, NodeRow, Roll},
    protocol::Planted,
};

/// What a secret is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Standing {
    /// It works.
    Good,
    /// Its key is disabled.
    Disabled,
    /// Its key was revoked.
    Revoked,
    /// Another secret of its key took its place.
    Replaced,
}

/// A number that names a secret.
pub(super) type Number = u16;

/// What a secret is from now on.
pub(super) type Effect = (Number, Standing);

/// Everything there is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Database {
    planted: Option<Planted>,
    log: BTreeMap<u64, Entry>,
    /// The last place that was taken by a change that has only begun, where that is the mistake.
    begun: u64,
    pub(super) secrets: BTreeMap<Number, Standing>,
    members: Vec<Member>,
    excluded: BTreeSet<NodeId>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Entry {
    mark: u64,
    touched: Vec<Number>,
}

/// One row of the roll.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Member {
    id: NodeId,
    place: u8,
    acked: Option<Seq>,
    renewals: u64,
    renewed_at: Timestamp,
    leases: Leases,
}

/// The roll at one instant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Members {
    head: u64,
    members: Vec<Member>,
}

/// Everything, as of one instant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Loaded {
    pub(super) head: u64,
    pub(super) mark: u64,
    pub(super) secrets: BTreeMap<Number, Standing>,
}

/// What came after a position.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Told {
    head: u64,
    mark: u64,
    from: Option<u64>,
    entries: Vec<(u64, u64, Vec<Effect>)>,
}

impl Database {
    /// An empty one, with this mistake if it is one of a database.
    pub(super) fn new(planted: Option<Planted>) -> Self {
        Self { planted, ..Self::default() }
    }

    /// The last change.
    pub(super) fn head(&self) -> u64 {
        self.log.last_key_value().map_or(0, |(seq, _)| *seq)
    }

    /// The name of the last change.
    fn mark(&self) -> u64 {
        self.log.last_key_value().map_or(0, |(_, entry)| entry.mark)
    }

    /// A change begins. Its place is taken at its commit, unless that is the mistake.
    pub(super) fn begin(&mut self) -> Option<u64> {
        let plants = self.planted == Some(Planted::SeqAtBegin);
        plants.then(|| {
            self.begun = self.begun.max(self.head()) + 1;
            self.begun
        })
    }

    /// A change is committed under this name. `place` is what [`begin`](Self::begin) gave.
    pub(super) fn commit(&mut self, effects: &[Effect], mark: u64, place: Option<u64>) -> Seq {
        let seq = place.unwrap_or_else(|| self.head() + 1);
        self.log.insert(seq, Entry { mark, touched: effects.iter().map(|(number, _)| *number).collect() });
        self.secrets.extend(effects.iter().copied());
        Seq(seq)
    }

    /// Makes a node a member, and ends the earlier runs of the same place. False for one that was excluded.
    pub(super) fn join(&mut self, id: NodeId, place: u8, leases: &Leases, date: Timestamp) -> bool {
        if self.excluded.contains(&id) {
            return false;
        }
        for member in self.members.iter().filter(|member| member.place == place && member.id != id) {
            self.excluded.insert(member.id);
        }
        self.members.retain(|member| member.place != place || member.id == id);
        if !self.members.iter().any(|member| member.id == id) {
            let leases = leases.clone();
            self.members.push(Member { id, place, acked: None, renewals: 0, renewed_at: date, leases });
        }
        true
    }

    /// Everything there is.
    pub(super) fn load(&self) -> Loaded {
        Loaded { head: self.head(), mark: self.mark(), secrets: self.secrets.clone() }
    }

    /// At most `page` changes after `seq`, with what they touched as it is now.
    pub(super) fn after(&self, seq: Seq, page: usize) -> Told {
        let entry = |(seq, entry): (&u64, &Entry)| {
            let effects = entry.touched.iter().map(|number| (*number, self.secrets[number])).collect();
            (*seq, entry.mark, effects)
        };
        Told {
            head: self.head(),
            mark: self.mark(),
            from: self.log.get(&seq.0).map(|entry| entry.mark),
            entries: self.log.range(seq.0 + 1..).take(page).map(entry).collect(),
        }
    }

    /// Counts a renewal; `None` where the node is no member.
    pub(super) fn renew(
        &mut self,
        id: NodeId,
        applied: Option<Seq>,
        page: usize,
        date: Timestamp,
    ) -> Option<Told> {
        let told = self.after(applied.unwrap_or_default(), page);
        let Some(member) = self.members.iter_mut().find(|member| member.id == id) else {
            return (self.planted == Some(Planted::ExcludedRenews)).then_some(told);
        };
        member.acked = member.acked.max(applied);
        member.renewals += 1;
        member.renewed_at = date;
        Some(told)
    }

    /// Who is a member.
    pub(super) fn members(&self) -> Members {
        Members { head: self.head(), members: self.members.clone() }
    }

    /// Excludes one that has not renewed since; whether it was so.
    pub(super) fn exclude(&mut self, dead: Dead) -> bool {
        let before = self.members.len();
        let last = (dead.renewals, dead.renewed_at);
        self.members.retain(|member| member.id != dead.id || (member.renewals, member.renewed_at) != last);
        let excluded = self.members.len() < before;
        if excluded {
            self.excluded.insert(dead.id);
        }
        excluded
    }
}

impl Members {
    /// In the protocol's words.
    pub(super) fn roll(&self) -> Roll {
        let row = |member: &Member| NodeRow {
            id: member.id,
            name: String::new(),
            acked: member.acked,
            renewals: member.renewals,
            leases: member.leases.clone(),
            profiles: BTreeMap::new(),
            version: String::new(),
            joined_at: NEW_YEAR,
            renewed_at: member.renewed_at,
        };
        Roll { head: Seq(self.head), nodes: self.members.iter().map(row).collect() }
    }

    /// Without one that was excluded since.
    pub(super) fn without(&mut self, id: NodeId) {
        self.members.retain(|member| member.id != id);
    }
}

fn name(mark: u64) -> Mark {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&mark.to_be_bytes());
    Mark(bytes)
}

fn position(head: u64, mark: u64) -> Position {
    Position { history: InstallationId::from_bytes([1; 16]), head: Seq(head), mark: name(mark) }
}

impl Loaded {
    /// In the protocol's words.
    pub(super) fn position(&self) -> Position {
        position(self.head, self.mark)
    }
}

impl Told {
    /// In the protocol's words, with the records that `record` makes of effects.
    pub(super) fn changes(
        &self,
        clock: Option<Timestamp>,
        mut record: impl FnMut(Effect) -> Record,
    ) -> Changes {
        let mut entry = |(seq, mark, effects): &(u64, u64, Vec<Effect>)| Change {
            seq: Seq(*seq),
            mark: name(*mark),
            records: effects.iter().copied().map(&mut record).collect(),
        };
        Changes {
            position: position(self.head, self.mark),
            from: self.from.map(name),
            clock,
            entries: self.entries.iter().map(&mut entry).collect(),
        }
    }
}

/// What a renewal is answered.
pub(super) fn renewal(told: Option<Changes>) -> Renewal {
    told.map_or(Renewal::NoMember, Renewal::Renewed)
}
