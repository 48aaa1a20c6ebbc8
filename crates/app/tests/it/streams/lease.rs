//! What is open while the database is away: an outage ends nothing, the end of the lease does.

use std::time::Duration;

use claviger_testkit::{Postgres, ServerBuilder, Stopwatch};

use super::{Stage, pass_event, pass_messages};

/// After how long of an outage a lease of 10 s is over: at the earliest, for it was renewed last before it began, and at
/// the latest.
const OVER: (Duration, Duration) = (Duration::from_secs(7), Duration::from_secs(15));

#[test]
fn what_is_open_goes_on_while_it_can_not_be_known_and_ends_with_the_lease() {
    let mut postgres = Postgres::builder().without_fsync().start();
    let url = postgres.database();
    let stage = Stage::with(|builder: ServerBuilder| {
        builder.profile("default").argument("--lease").argument("10s").database(&url)
    });
    let key = stage.good_key();
    let (mut caller, mut upstream) = stage.websocket(&key);
    let (mut listener, mut events) = stage.events(&key);
    postgres.crash();
    let since = Stopwatch::start();
    while since.now() < Duration::from_secs(5) {
        pass_messages(&mut caller, &mut upstream);
        pass_event(&mut events, &mut listener);
        assert!(caller.is_silent(), "it is open after {:?}", since.now());
    }
    assert!(listener.rest().is_empty() && caller.rest().is_empty());
    let took = since.now();
    assert!((OVER.0..OVER.1).contains(&took), "{took:?}");
    postgres.start_again();
}
