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

    /// What to do at `now`. Membership comes before everything else: a change that is committed before a node joined
    /// is in what it loads, and one that is committed after waits for it.
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

    /// The answer to [`Ask::Renew`], asked at `asked_at` and there at `told_at`.
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
        followed.acked = applied;
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
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::feed::Change;

    const HISTORY: InstallationId = InstallationId::from_bytes([1; 16]);
    const LEASE: Duration = Duration::from_mins(2);

    const fn at(seconds: u64) -> Moment {
        Moment::since_boot(Duration::from_secs(seconds))
    }

    const fn mark(seq: u64) -> Mark {
        let mut bytes = [7; 16];
        bytes[0] = seq.to_le_bytes()[0];
        Mark(bytes)
    }

    const fn position(head: u64) -> Position {
        Position { history: HISTORY, head: Seq(head), mark: mark(head) }
    }

    /// A member that has loaded everything up to `reached`.
    fn course(reached: u64) -> Course {
        let mut course = Course::new(LEASE);
        course.joined(at(0));
        course.loaded(at(0), position(reached));
        course
    }

    fn told(seqs: impl IntoIterator<Item = u64>, head: u64) -> Changes {
        let entry = |seq| Change { seq: Seq(seq), mark: mark(seq), records: Vec::new() };
        Changes {
            position: position(head),
            from: None,
            clock: None,
            entries: seqs.into_iter().map(entry).collect(),
        }
    }

    fn renew(course: &mut Course, moment: Moment, told: Changes) -> Result<Advance, Break> {
        let applied = Some(course.reached());
        match course.renewed(moment, moment.plus(POLL), applied, &Renewal::Renewed(told))? {
            Step::Advance(advance) => Ok(advance),
            Step::Excluded => panic!("it is a member"),
        }
    }

    fn look(course: &mut Course, moment: Moment, told: &Changes) -> Result<Advance, Break> {
        match course.looked(moment, told)? {
            Step::Advance(advance) => Ok(advance),
            Step::Excluded => panic!("a look excludes nobody"),
        }
    }

    #[test]
    fn it_joins_then_loads_then_renews_and_only_that_grants_a_lease() {
        let mut course = Course::new(LEASE);
        assert_eq!(course.next(at(0), true), Next::Ask(Ask::Join));
        course.joined(at(0));
        assert_eq!(course.next(at(0), true), Next::Ask(Ask::Load));
        let loaded = Advance { reached: Seq(5), confirmed: None };
        assert_eq!(course.loaded(at(1), position(5)), loaded);
        assert_eq!(course.next(at(1), false), Next::Ask(Ask::Renew { applied: Some(Seq(5)) }));
        let renewed = Advance { reached: Seq(5), confirmed: Some(at(2)) };
        assert_eq!(renew(&mut course, at(2), told([], 5)), Ok(renewed));
        assert_eq!(course.next(at(2), false), Next::Rest { until: at(2).plus(POLL) });
    }

    #[test]
    fn it_looks_when_woken_or_after_half_a_second_and_confirms_what_it_applied() {
        let mut course = course(5);
        renew(&mut course, at(2), told([], 5)).unwrap();
        let ask = Next::Ask(Ask::Look { after: Seq(5) });
        assert_eq!((course.next(at(2), true), course.next(at(3), false)), (ask, ask));
        let applied = Advance { reached: Seq(6), confirmed: None };
        assert_eq!(look(&mut course, at(3), &told([6], 6)), Ok(applied), "a look extends no lease");
        assert_eq!(course.next(at(3), false), Next::Ask(Ask::Renew { applied: Some(Seq(6)) }));
        renew(&mut course, at(4), told([], 6)).unwrap();
        assert_eq!(course.acked(), Some(Seq(6)));
    }

    #[test]
    fn a_lease_is_renewed_twelve_times_before_it_would_end_and_at_most_at_every_look() {
        for (lease, pause) in [(120, Duration::from_secs(10)), (2, POLL)] {
            let mut course = Course::new(Duration::from_secs(lease));
            course.joined(at(0));
            course.loaded(at(0), position(5));
            renew(&mut course, at(1), told([], 5)).unwrap();
            look(&mut course, at(1), &told([], 5)).unwrap();
            let renewal = Next::Ask(Ask::Renew { applied: Some(Seq(5)) });
            assert_eq!(course.next(at(1).plus(pause), false), renewal);
        }
    }

    #[test]
    fn one_who_loads_shows_life_and_gains_nothing_by_it() {
        let mut course = Course::new(LEASE);
        course.joined(at(0));
        assert!(!course.must_show_life(at(9)));
        assert!(course.must_show_life(at(10)));
        let nothing = Step::Advance(Advance { reached: Seq(0), confirmed: None });
        let renewal = Renewal::Renewed(told([], 5));
        assert_eq!(course.renewed(at(10), at(10), None, &renewal), Ok(nothing));
        assert!(!course.must_show_life(at(19)));
        assert_eq!(course.next(at(19), false), Next::Ask(Ask::Load));
    }

    #[test]
    fn who_was_excluded_joins_again_and_goes_on_from_what_it_holds() {
        let mut course = course(5);
        renew(&mut course, at(1), told([], 5)).unwrap();
        let applied = Some(Seq(5));
        assert_eq!(course.renewed(at(9), at(9), applied, &Renewal::NoMember), Ok(Step::Excluded));
        assert_eq!(course.next(at(9), false), Next::Ask(Ask::Join));
        course.joined(at(10));
        assert_eq!((course.acked(), course.reached()), (None, Seq(5)));
        assert_eq!(course.next(at(10), false), Next::Ask(Ask::Renew { applied }));
        let renewed = Advance { reached: Seq(7), confirmed: Some(at(11)) };
        assert_eq!(renew(&mut course, at(11), told([6, 7], 7)), Ok(renewed));
    }

    #[test]
    fn a_part_of_the_way_confirms_nothing_and_is_gone_on_at_once() {
        let mut course = course(5);
        let part = Advance { reached: Seq(6), confirmed: None };
        assert_eq!(renew(&mut course, at(1), told([6], 9)), Ok(part));
        assert_eq!(course.next(at(1), false), Next::Ask(Ask::Renew { applied: Some(Seq(6)) }));
    }

    #[test]
    fn a_head_that_runs_ahead_still_confirms_the_renewal_that_was_asked_when_it_was_nearer() {
        let mut course = course(0);
        assert_eq!(renew(&mut course, at(1), told([1, 2], 4)).unwrap().confirmed, None);
        let passed = Advance { reached: Seq(4), confirmed: Some(at(1)) };
        assert_eq!(look(&mut course, at(2), &told([3, 4], 8)), Ok(passed));
        assert_eq!(renew(&mut course, at(3), told([5, 6], 9)).unwrap().confirmed, None);
        assert_eq!(renew(&mut course, at(4), told([7, 8, 9], 12)).unwrap().confirmed, Some(at(3)));
    }

    #[test]
    fn another_history_a_head_that_went_back_another_change_and_a_gap_break_it() {
        let mut elsewhere = told([], 5);
        elsewhere.position.history = InstallationId::from_bytes([2; 16]);
        assert!(matches!(renew(&mut course(5), at(1), elsewhere), Err(Break::OtherHistory { .. })));
        let back = Break::HeadWentBack { reached: Seq(5), head: Seq(4) };
        assert_eq!(look(&mut course(5), at(1), &told([], 4)), Err(back));
        let other = Changes { from: Some(mark(6)), ..told([6], 6) };
        assert_eq!(look(&mut course(5), at(1), &other), Err(Break::OtherChange { reached: Seq(5) }));
        let same = Changes { from: Some(mark(5)), ..told([6], 6) };
        assert!(look(&mut course(5), at(1), &same).is_ok());
        for (seqs, head) in
            [(vec![7], 7), (vec![6, 8], 8), (vec![], 6), (vec![6, 7], 6), (vec![5, 6], 6), (vec![6, 6], 7)]
        {
            let mut course = course(5);
            assert_eq!(look(&mut course, at(1), &told(seqs, head)), Err(Break::Gap { reached: Seq(5) }));
            assert_eq!(
                course.next(at(1), false),
                Next::Ask(Ask::Join),
                "what was confirmed isn't so any more"
            );
            course.joined(at(1));
            assert_eq!(course.next(at(1), false), Next::Ask(Ask::Load), "what broke is loaded anew");
        }
    }

    #[test]
    fn what_a_page_brought_from_beyond_its_end_is_not_lost_unnoticed() {
        let mut shorter = course(5);
        look(&mut shorter, at(1), &told([6], 9)).unwrap();
        let back = Break::HeadWentBack { reached: Seq(9), head: Seq(8) };
        assert_eq!(look(&mut shorter, at(2), &told([7], 8)), Err(back));
        let mut same = course(5);
        look(&mut same, at(1), &told([6], 9)).unwrap();
        look(&mut same, at(2), &told([7, 8], 20)).unwrap();
        let mut other = same.clone();
        assert!(look(&mut same, at(3), &told([9, 10], 20)).is_ok());
        let mut changes = told([9, 10], 20);
        changes.entries[0].mark = mark(77);
        assert_eq!(look(&mut other, at(3), &changes), Err(Break::OtherChange { reached: Seq(9) }));
    }

    proptest! {
        /// Whatever the pages and however the head moves: what is confirmed is a renewal's moment whose head is
        /// reached, and moments only move forward.
        #[test]
        fn only_what_is_reached_is_confirmed(
            steps in prop::collection::vec((0u64..50, 1u64..20, any::<bool>()), 1..40)
        ) {
            let mut course = course(0);
            let (mut head, mut asked, mut latest) = (0, Vec::new(), at(0));
            for (now, (commits, page, renews)) in (1..).zip(steps) {
                head += commits;
                let from = course.reached().0;
                let changes = told(from + 1..=head.min(from + page), head);
                let advance = if renews {
                    asked.push((at(now), Seq(head)));
                    renew(&mut course, at(now), changes).unwrap()
                } else {
                    look(&mut course, at(now), &changes).unwrap()
                };
                if let Some(moment) = advance.confirmed {
                    let then = asked.iter().find(|(asked_at, _)| *asked_at == moment).unwrap().1;
                    prop_assert!(then <= advance.reached);
                    prop_assert!(moment > latest);
                    latest = moment;
                } else if renews {
                    prop_assert!(advance.reached < Seq(head));
                }
            }
        }
    }
}
