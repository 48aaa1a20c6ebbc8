//! What a follower asks next, and what an answer means: how far it brings it, or that it broke.
//!
//! It applies nothing, asks nobody and holds no clock: answers and moments are arguments, so that the program, the
//! simulation and the model run the same code, and any order of answers can be tried.

use std::time::Duration;

use claviger_model::{InstallationId, Moment};

use crate::{
    feed::{Changes, Mark, Position, Renewal, Seq},
    protocol::Protocol,
};

/// Longest time between two questions to the source.
pub(crate) const POLL: Duration = Duration::from_millis(500);
/// A lease is renewed so many times before it would run out; an outage of the database that begins at the worst moment
/// takes one such part of it away.
const RENEWALS: u32 = 12;

/// How long a node whose shortest lease this is waits between two renewals.
pub(crate) fn renew_every(shortest: Duration) -> Duration {
    (shortest / RENEWALS).max(POLL)
}

/// A node's way: membership first, then everything there is, then what changes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Course {
    pub(crate) protocol: Protocol,
    renew_every: Duration,
    member: bool,
    /// `None` while there is nothing to go on from.
    followed: Option<Followed>,
    /// When the last renewal was asked for that was answered.
    renewed_at: Option<Moment>,
    /// When the last answer was asked for.
    asked_at: Option<Moment>,
}

/// The history that is followed, and how far.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Followed {
    history: InstallationId,
    reached: Seq,
    mark: Mark,
    /// The heads of answers that ended before them. Records come as they are at the head, so that something of these
    /// changes may be held already: on the way there they must still be the same.
    ahead: Vec<(Seq, Mark)>,
    /// What was confirmed to the source; `None` where this membership has confirmed nothing.
    acked: Option<Seq>,
    /// Reaching this head confirms everything that was committed before the moment. Kept over several answers, or a
    /// follower that is always a page behind would never confirm anything.
    goal: Option<(Seq, Moment)>,
}

/// A question to the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Ask {
    /// To become a member.
    Join,
    /// For everything.
    Load,
    /// To renew the lease and confirm what was applied, and for what came after it.
    Renew { applied: Option<Seq> },
    /// For what came after it, committing nothing.
    Look { after: Seq },
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Next {
    /// Ask.
    Ask(Ask),
    /// Nothing, until then or until woken.
    Rest { until: Moment },
}

/// What an answer achieves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    /// Its entries are to be applied, and then this is so.
    Advance(Advance),
    /// The node is no member: its lease is void at once.
    Excluded,
}

/// What applying an answer's entries achieves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Advance {
    /// Everything up to here is then applied.
    pub(crate) reached: Seq,
    /// Everything committed before this moment is then applied, and the source counted a renewal after it.
    pub(crate) confirmed: Option<Moment>,
}

/// The source no longer tells the story that was being followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub(crate) enum Break {
    #[error("the database is another one: {found} instead of {followed}")]
    OtherHistory { followed: InstallationId, found: InstallationId },
    #[error("the feed went back from {reached} to {head}: the database was restored or lost changes")]
    HeadWentBack { reached: Seq, head: Seq },
    #[error("the change {reached} is another one than before: the database was restored or lost changes")]
    OtherChange { reached: Seq },
    #[error("the feed has a gap: after {reached} it goes on differently")]
    Gap { reached: Seq },
}

impl Course {
    /// The course of one who is no member and holds nothing. `shortest` is the shortest of its leases.
    pub(crate) fn new(shortest: Duration) -> Self {
        Self {
            protocol: Protocol::default(),
            renew_every: renew_every(shortest),
            member: false,
            followed: None,
            renewed_at: None,
            asked_at: None,
        }
    }

    /// What to do at `now`. Membership comes before everything else, then loading, then a first confirmation: a change that
    /// is committed before that is in what the next renewal brings, and one that is committed after waits for this node.
    pub(crate) fn next(&self, now: Moment, woken: bool) -> Next {
        let loads_first = self.protocol.joins_after_loading() && self.followed.is_none();
        if !self.member && !loads_first {
            return Next::Ask(Ask::Join);
        }
        let Some(followed) = &self.followed else { return Next::Ask(Ask::Load) };
        let renewal_at = self.renewed_at.map(|at| at.plus(self.renew_every));
        match (renewal_at, self.asked_at) {
            (Some(renewal_at), Some(asked_at))
                if followed.acked == Some(followed.reached) && now < renewal_at =>
            {
                let until = renewal_at.min(asked_at.plus(POLL));
                if woken || now >= until {
                    Next::Ask(Ask::Look { after: followed.reached })
                } else {
                    Next::Rest { until }
                }
            }
            _ => Next::Ask(Ask::Renew { applied: Some(followed.reached) }),
        }
    }

    /// The lease is void: a look would not bring it back.
    pub(crate) fn renew_at_once(&mut self) {
        self.renewed_at = None;
    }

    /// Whether, at `now`, one who is still loading must say that it lives, or be taken for dead. Such a renewal grants
    /// nothing.
    pub(crate) fn must_show_life(&self, now: Moment) -> bool {
        self.renewed_at.is_none_or(|at| now >= at.plus(self.renew_every))
    }

    /// The answer to [`Ask::Join`], asked at `asked_at`.
    pub(crate) fn joined(&mut self, asked_at: Moment) {
        self.member = true;
        self.renewed_at = Some(asked_at);
    }

    /// The answer to [`Ask::Load`]. It grants no lease: only a renewal does, which the source counts.
    pub(crate) fn loaded(&mut self, asked_at: Moment, position: Position) -> Advance {
        let Position { history, head, mark } = position;
        self.followed =
            Some(Followed { history, reached: head, mark, ahead: Vec::new(), acked: None, goal: None });
        self.renewed_at = None;
        self.asked_at = Some(asked_at);
        let grants = self.protocol.leases_from_load() || self.protocol.joins_after_loading();
        Advance { reached: head, confirmed: grants.then_some(asked_at) }
    }

    /// The answer to [`Ask::Renew`], asked at `asked_at` and there at `told_at`. The first that confirms something grants
    /// nothing yet: only from then on do changes wait for this node.
    pub(crate) fn renewed(
        &mut self,
        asked_at: Moment,
        told_at: Moment,
        applied: Option<Seq>,
        renewal: &Renewal,
    ) -> Result<Step, Break> {
        let Renewal::Renewed(told) = renewal else {
            self.exclude();
            return Ok(Step::Excluded);
        };
        self.renewed_at = Some(asked_at);
        let counts_from = if self.protocol.leases_from_answer() { told_at } else { asked_at };
        let Some(followed) = &mut self.followed else {
            // It is loading: nothing is held that could be confirmed.
            return Ok(Step::Advance(Advance { reached: Seq::default(), confirmed: None }));
        };
        let is_waited_for = followed.acked.is_some() || self.protocol.grants_at_first();
        followed.acked = applied;
        if !is_waited_for {
            // Its answer may be older than a change that was committed meanwhile and saw nobody here to wait for.
            self.renewed_at = None;
            return self.take(asked_at, None, told);
        }
        followed.goal.get_or_insert((told.position.head, counts_from));
        self.take(asked_at, Some(counts_from), told)
    }

    /// The answer to [`Ask::Look`], asked at `asked_at`. It extends no lease: a database that was cut off from the
    /// others can still be read.
    pub(crate) fn looked(&mut self, asked_at: Moment, told: &Changes) -> Result<Step, Break> {
        let counts_from = self.protocol.leases_from_look().then_some(asked_at);
        self.take(asked_at, counts_from, told)
    }

    /// The last change that was applied; 0 before anything was.
    #[cfg(test)]
    pub(crate) fn reached(&self) -> Seq {
        self.followed.as_ref().map_or(Seq::default(), |followed| followed.reached)
    }

    /// The last change that was confirmed by a renewal of this membership.
    pub(crate) fn acked(&self) -> Option<Seq> {
        self.followed.as_ref().and_then(|followed| followed.acked)
    }

    fn exclude(&mut self) {
        self.member = false;
        self.renewed_at = None;
        if let Some(followed) = &mut self.followed {
            followed.acked = None;
            followed.goal = None;
        }
    }

    fn take(&mut self, asked_at: Moment, counts_from: Option<Moment>, told: &Changes) -> Result<Step, Break> {
        self.asked_at = Some(asked_at);
        let checks_marks = !self.protocol.leaves_marks_unchecked();
        let Some(followed) = &mut self.followed else {
            return Ok(Step::Advance(Advance { reached: Seq::default(), confirmed: None }));
        };
        match followed.follow(told, counts_from, checks_marks) {
            Ok(advance) => Ok(Step::Advance(advance)),
            Err(broken) => {
                // What this membership has confirmed is of the other history: there the same numbers may be other
                // changes, and nobody would wait for this node.
                (self.followed, self.member) = (None, false);
                Err(broken)
            }
        }
    }
}

impl Followed {
    /// Judges what came after `reached`. Its entries are to be applied before anything of the result is made known.
    fn follow(
        &mut self,
        told: &Changes,
        counts_from: Option<Moment>,
        checks_marks: bool,
    ) -> Result<Advance, Break> {
        let (reached, mark) = self.check(told, checks_marks)?;
        (self.reached, self.mark) = (reached, mark);
        self.ahead.push((told.position.head, told.position.mark));
        self.ahead.retain(|(seq, _)| *seq > reached);
        self.ahead.dedup();
        let at_head = counts_from.filter(|_| reached == told.position.head);
        let at_goal = self.goal.filter(|(goal, _)| reached >= *goal).map(|(_, since)| since);
        let confirmed = at_head.or(at_goal);
        if confirmed.is_some() {
            self.goal = None;
        }
        Ok(Advance { reached, confirmed })
    }

    /// Where the entries lead, if they are exactly what comes next.
    fn check(&self, told: &Changes, checks_marks: bool) -> Result<(Seq, Mark), Break> {
        let Position { history, head, mark } = told.position;
        let reached = self.reached;
        if history != self.history {
            return Err(Break::OtherHistory { followed: self.history, found: history });
        }
        let known = self.ahead.last().map_or(reached, |(seq, _)| *seq);
        if head < known {
            return Err(Break::HeadWentBack { reached: known, head });
        }
        if checks_marks && told.from.is_some_and(|from| from != self.mark) {
            return Err(Break::OtherChange { reached });
        }
        let named = || told.entries.iter().map(|entry| (entry.seq, entry.mark)).chain([(head, mark)]);
        let is_other = |known: &&(Seq, Mark)| named().any(|(seq, mark)| seq == known.0 && mark != known.1);
        if let Some((other, _)) = self.ahead.iter().find(is_other).filter(|_| checks_marks) {
            return Err(Break::OtherChange { reached: *other });
        }
        let follows = told.entries.iter().zip(reached.0 + 1..).all(|(entry, seq)| entry.seq.0 == seq);
        let (last, mark) = told.entries.last().map_or((reached, self.mark), |entry| (entry.seq, entry.mark));
        let stands_still = last == reached && head > reached;
        if !follows || last > head || stands_still { Err(Break::Gap { reached }) } else { Ok((last, mark)) }
    }
}

#[cfg(test)]
mod tests;
