//! F44: a table of counts that has grown large, while it is thinned out and written anew under a lock.

use std::{thread, time::Duration};

use claviger_testkit::{Probe, Stopwatch, eventually};

use super::{
    STRICT, all_until, hammer_each, only,
    stage::{Stage, postgres},
    statuses, stop,
};

/// Rows of other keys.
const ROWS: u32 = 1_000_000;
const ROWS_LONG: u32 = 20_000_000;
/// Requests of each node before it, to compare with.
const CALM: usize = 300;

#[test]
fn counts_that_are_thinned_out_and_written_anew_hold_up_no_decision_and_none_is_lost() {
    let stage = Stage::with(STRICT, postgres(), |builder, _| builder);
    let rows = if crate::at_length() { ROWS_LONG } else { ROWS };
    stage.sql(&format!(
        "INSERT INTO counts
         SELECT md5(n::text)::uuid, n % 400, 'default', 1, 'live', 'ok', 1 FROM generate_series(1, {rows}) n"
    ));
    let (id, good) = stage.issue(0, "good");
    let clock = Stopwatch::start();
    let hammers = hammer_each(&stage, clock, &good);
    all_until(&hammers, 200, CALM);
    let begun = clock.now();
    thread::scope(|scope| {
        let keeping = scope.spawn(|| {
            stage.sql("DELETE FROM counts WHERE day < 200");
            stage.sql("VACUUM (FULL, ANALYZE) counts");
        });
        while !keeping.is_finished() {
            all_until(&hammers, 200, 5);
        }
    });
    let ended = clock.now();
    let probes = stop(hammers);
    only(&probes, &[200]);
    tell(rows, &probes, begun, ended);

    let answered = statuses(&probes)[0].1;
    let counted = || {
        let usage = stage.operator(0).get(&format!("/v1/usage?key_id={id}")).expect(200).json();
        let items = usage["items"].as_array().expect("a list has items").clone();
        items.iter().filter_map(|row| row["count"].as_u64()).sum::<u64>()
    };
    // The last request of each client may have been counted though its answer was not waited for.
    let clients = 3;
    let most = u64::try_from(answered).unwrap_or(u64::MAX) + clients;
    let counted = eventually(|| Some(counted()).filter(|counted| counted + clients >= most));
    assert!(counted <= most, "{counted} of {answered} were counted");
}

/// Prints how long answers took before and meanwhile.
#[expect(clippy::print_stdout, reason = "what it costs is what a reader wants of this test")]
fn tell(rows: u32, probes: &[Probe], begun: Duration, ended: Duration) {
    let took = |from: Duration, to: Duration| {
        let meanwhile = probes.iter().filter(|probe| probe.sent >= from && probe.ended <= to);
        let mut took: Vec<_> = meanwhile.map(|probe| probe.ended.saturating_sub(probe.sent)).collect();
        took.sort_unstable();
        let part = |of_100: usize| took.get(took.len().saturating_sub(1) * of_100 / 100).copied();
        (took.len(), part(50).unwrap_or_default(), part(99).unwrap_or_default())
    };
    println!(
        "{rows} rows of counts; requests, median and 99 %: before {:?}, while they are written anew {:?}",
        took(Duration::ZERO, begun),
        took(begun, ended)
    );
}
