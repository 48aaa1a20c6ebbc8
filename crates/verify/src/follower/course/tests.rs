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

/// A member that has loaded everything up to `reached`, and has confirmed that.
fn course(reached: u64) -> Course {
    let mut course = Course::new(LEASE);
    course.joined(at(0));
    course.loaded(at(0), position(reached));
    renew(&mut course, at(0), told([], reached)).unwrap();
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
fn it_joins_then_loads_then_confirms_and_only_the_renewal_after_that_grants_a_lease() {
    let mut course = Course::new(LEASE);
    assert_eq!(course.next(at(0), true), Next::Ask(Ask::Join));
    course.joined(at(0));
    assert_eq!(course.next(at(0), true), Next::Ask(Ask::Load));
    let loaded = Advance { reached: Seq(5), confirmed: None };
    assert_eq!(course.loaded(at(1), position(5)), loaded);
    let renewal = Next::Ask(Ask::Renew { applied: Some(Seq(5)) });
    assert_eq!(course.next(at(1), false), renewal);
    assert_eq!(renew(&mut course, at(1), told([], 5)), Ok(loaded), "its answer may have crossed a change");
    assert_eq!(course.next(at(1), false), renewal);
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
        renew(&mut course, at(0), told([], 5)).unwrap();
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
    let applied = Advance { reached: Seq(7), confirmed: None };
    assert_eq!(renew(&mut course, at(11), told([6, 7], 7)), Ok(applied));
    let renewed = Advance { reached: Seq(7), confirmed: Some(at(12)) };
    assert_eq!(renew(&mut course, at(12), told([], 7)), Ok(renewed));
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
        assert_eq!(course.next(at(1), false), Next::Ask(Ask::Join), "what was confirmed isn't so any more");
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
