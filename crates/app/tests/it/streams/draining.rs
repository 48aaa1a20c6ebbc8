//! A server that is asked to end while something is open.

use claviger_testkit::{Stopwatch, eventually};

use super::{Stage, pass_event, pass_messages, wire::Wire};

/// A stage whose server takes so long to end at most.
fn draining_for(timeout: &str) -> Stage {
    Stage::with(|mut builder| {
        let settings = builder.directory().join("settings.toml");
        std::fs::write(&settings, format!("drain_timeout = \"{timeout}\"\n")).expect("it can be written");
        builder.profile("default").argument("--config").argument(settings.to_str().expect("it is text"))
    })
}

/// Returns when the server takes no more connections.
fn ending(stage: &Stage) {
    stage.server.ask_to_end();
    eventually(|| std::net::TcpStream::connect(stage.server.gateway).is_err().then_some(()));
}

#[test]
fn what_is_open_goes_on_until_the_time_is_over_and_is_then_cut_off() {
    let stage = draining_for("3s");
    let key = stage.good_key();
    let (mut caller, mut upstream) = stage.websocket(&key);
    let (mut listener, mut events) = stage.events(&key);
    let since = Stopwatch::start();
    ending(&stage);
    pass_messages(&mut caller, &mut upstream);
    pass_event(&mut events, &mut listener);
    assert!(
        [&mut caller, &mut upstream, &mut listener, &mut events].map(Wire::rest).iter().all(Vec::is_empty)
    );
    assert_eq!(stage.server.ended().code, Some(0));
    assert!((3..10).contains(&since.now().as_secs()), "{:?}", since.now());
}

#[test]
fn an_end_waits_for_nothing_that_is_closed() {
    let stage = draining_for("10m");
    let (mut caller, mut upstream) = stage.websocket(&stage.good_key());
    ending(&stage);
    pass_messages(&mut caller, &mut upstream);
    drop((caller, upstream));
    assert_eq!(stage.server.ended().code, Some(0));
}
