//! F17: a node that gets no processor for longer than its lease.

use std::time::Duration;

use claviger_testkit::{Spinners, Stopwatch, eventually};

use super::{
    STRICT, confirmed_by, hammer, member, none_allowed_after, only, revoked,
    stage::{Stage, name, postgres},
    status, wait_until,
};

const STARVED: usize = 2;
/// More than twice the lease.
const LONG: Duration = Duration::from_secs(5);

#[test]
fn a_node_without_a_processor_loses_its_lease_and_allows_nothing_by_what_it_knew() {
    let prefix = Spinners::prefix();
    let prefix: Vec<_> = prefix.iter().map(String::as_str).collect();
    let stage =
        Stage::with(
            STRICT,
            postgres(),
            |builder, node| {
                if node == STARVED { builder.under(&prefix) } else { builder }
            },
        );
    let (good, (id, taken)) = (stage.issue(0, "good").1, stage.issue(0, "taken"));
    let before = member(&stage.operator(0), &name(STARVED)).unwrap();
    let clock = Stopwatch::start();
    let elsewhere = hammer(clock, stage.node(1), &good);
    let [of_good, of_taken] = [&good, &taken].map(|key| hammer(clock, stage.node(STARVED), key));
    for hammer in [&elsewhere, &of_good, &of_taken] {
        hammer.until(200, 5);
    }

    let spinners = Spinners::start(64);
    let begun = clock.now();
    revoked(&stage.operator(0), &id);
    let told = clock.now();
    wait_until(clock, begun + LONG);
    drop(spinners);
    of_good.until(200, 5);
    of_taken.until(401, 5);

    let after = eventually(|| member(&stage.operator(0), &name(STARVED)));
    assert_ne!(before, after, "it was taken for dead and joined as another");
    assert_eq!(status(stage.node(STARVED), &taken), 401);
    only(&of_good.stop(), &[200, 503]);
    let of_taken = of_taken.stop();
    only(&of_taken, &[200, 401, 503]);
    none_allowed_after(&of_taken, told);
    // What it waits for in the database, the others needn't.
    only(&elsewhere.stop(), &[200]);
    let (later, _) = stage.issue(1, "later");
    confirmed_by(3, &stage.operator(1), &later);
}
