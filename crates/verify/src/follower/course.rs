//! What an answer of the source means for a follower: how far it brings it, or that it broke.
//!
//! It applies nothing, asks nobody and holds no clock: answers and moments are arguments, so that any order of them
//! can be tried.

use claviger_model::{InstallationId, Moment};

use crate::feed::{Changes, Position, Seq};

/// The history being followed, and how far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Course {
    history: InstallationId,
    reached: Seq,
    /// Reaching this head confirms everything that was committed before the moment. Kept over several answers, or
    /// a follower that is always a page behind would never confirm anything.
    goal: Option<(Seq, Moment)>,
}

/// What applying an answer's entries achieves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Advance {
    /// Everything up to here is then applied.
    pub(super) reached: Seq,
    /// Everything committed before this moment is then applied.
    pub(super) confirmed: Option<Moment>,
    /// There is more to ask for at once.
    pub(super) more: bool,
}

/// The source no longer tells the story that was being followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Break {
    #[error("the database is another one: {found} instead of {followed}")]
    OtherHistory { followed: InstallationId, found: InstallationId },
    #[error("the feed went back from {reached} to {head}: the database was restored or lost changes")]
    HeadWentBack { reached: Seq, head: Seq },
    #[error("the feed has a gap: after {reached} it goes on differently")]
    Gap { reached: Seq },
}

impl Course {
    /// The course of one who holds everything up to `position`.
    pub(super) const fn from(position: Position) -> Self {
        Self { history: position.history, reached: position.head, goal: None }
    }

    /// The last change that was applied.
    pub(super) const fn reached(&self) -> Seq {
        self.reached
    }

    /// Judges an answer to the question what came after [`Course::reached`], asked at `asked_at`. Its entries are to
    /// be applied before anything of the result is made known.
    pub(super) fn take(&mut self, asked_at: Moment, told: &Changes) -> Result<Advance, Break> {
        let reached = self.check(told)?;
        let head = told.position.head;
        let (goal, since) = *self.goal.get_or_insert((head, asked_at));
        self.reached = reached;
        let confirmed = if reached == head { Some(asked_at) } else { (reached >= goal).then_some(since) };
        if confirmed.is_some() {
            self.goal = None;
        }
        Ok(Advance { reached, confirmed, more: reached < head })
    }

    /// Where the entries lead, if they are exactly what comes next.
    fn check(&self, told: &Changes) -> Result<Seq, Break> {
        let Position { history, head } = told.position;
        if history != self.history {
            return Err(Break::OtherHistory { followed: self.history, found: history });
        }
        if head < self.reached {
            return Err(Break::HeadWentBack { reached: self.reached, head });
        }
        let gap = Break::Gap { reached: self.reached };
        let follows = told.entries.iter().zip(self.reached.0 + 1..).all(|(entry, seq)| entry.seq.0 == seq);
        let last = told.entries.last().map_or(self.reached, |entry| entry.seq);
        let stands_still = last == self.reached && head > self.reached;
        if !follows || last > head || stands_still { Err(gap) } else { Ok(last) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::feed::Change;

    const HISTORY: InstallationId = InstallationId::from_bytes([1; 16]);

    const fn at(seconds: u64) -> Moment {
        Moment::since_boot(Duration::from_secs(seconds))
    }

    fn course(reached: u64) -> Course {
        Course::from(Position { history: HISTORY, head: Seq(reached) })
    }

    fn told(seqs: impl IntoIterator<Item = u64>, head: u64) -> Changes {
        let entries = seqs.into_iter().map(|seq| Change { seq: Seq(seq), records: Vec::new() }).collect();
        Changes { position: Position { history: HISTORY, head: Seq(head) }, entries }
    }

    #[test]
    fn an_answer_up_to_the_head_confirms_the_moment_it_was_asked() {
        let mut course = course(5);
        let still = Advance { reached: Seq(5), confirmed: Some(at(1)), more: false };
        assert_eq!(course.take(at(1), &told([], 5)), Ok(still));
        let moved = Advance { reached: Seq(7), confirmed: Some(at(2)), more: false };
        assert_eq!(course.take(at(2), &told([6, 7], 7)), Ok(moved));
        assert_eq!(course.reached(), Seq(7));
    }

    #[test]
    fn a_part_of_the_way_confirms_nothing() {
        let part = Advance { reached: Seq(6), confirmed: None, more: true };
        assert_eq!(course(5).take(at(1), &told([6], 9)), Ok(part));
    }

    #[test]
    fn a_head_that_runs_ahead_still_confirms_the_question_that_was_asked_when_it_was_nearer() {
        let mut course = course(0);
        assert_eq!(course.take(at(1), &told([1, 2], 4)).unwrap().confirmed, None);
        let passed = Advance { reached: Seq(4), confirmed: Some(at(1)), more: true };
        assert_eq!(course.take(at(2), &told([3, 4], 8)), Ok(passed));
        assert_eq!(course.take(at(3), &told([5, 6], 9)).unwrap().confirmed, None);
        assert_eq!(course.take(at(4), &told([7, 8, 9], 12)).unwrap().confirmed, Some(at(3)));
    }

    #[test]
    fn another_history_a_head_that_went_back_and_a_gap_break_it() {
        let mut elsewhere = told([], 5);
        elsewhere.position.history = InstallationId::from_bytes([2; 16]);
        assert!(matches!(course(5).take(at(1), &elsewhere), Err(Break::OtherHistory { .. })));
        let back = Break::HeadWentBack { reached: Seq(5), head: Seq(4) };
        assert_eq!(course(5).take(at(1), &told([], 4)), Err(back));
        for (seqs, head) in
            [(vec![7], 7), (vec![6, 8], 8), (vec![], 6), (vec![6, 7], 6), (vec![5, 6], 6), (vec![6, 6], 7)]
        {
            assert_eq!(course(5).take(at(1), &told(seqs, head)), Err(Break::Gap { reached: Seq(5) }));
        }
    }

    proptest! {
        /// Whatever the pages and however the head moves: what is confirmed was asked at a moment whose head is
        /// reached, and moments only move forward.
        #[test]
        fn only_what_is_reached_is_confirmed(steps in prop::collection::vec((0u64..50, 1u64..20), 1..40)) {
            let mut course = course(0);
            let (mut head, mut asked, mut latest) = (0, Vec::new(), at(0));
            for (now, (commits, page)) in (1..).zip(steps) {
                head += commits;
                asked.push((at(now), Seq(head)));
                let from = course.reached().0;
                let advance = course.take(at(now), &told(from + 1..=head.min(from + page), head)).unwrap();
                prop_assert_eq!(advance.more, advance.reached < Seq(head));
                if let Some(moment) = advance.confirmed {
                    let then = asked.iter().find(|(asked_at, _)| *asked_at == moment).unwrap().1;
                    prop_assert!(then <= advance.reached);
                    prop_assert!(moment > latest);
                    latest = moment;
                } else {
                    prop_assert!(advance.more);
                }
            }
        }
    }
}
