//! F21: a node that stands still for longer than its lease, with requests waiting in its sockets, and goes on.

use claviger_testkit::{Connection, Stopwatch, eventually};

use super::{
    STRICT, confirmed_by, hammer, member, members, only, request, revoked,
    stage::{Stage, name},
    status,
};

const STILL: usize = 2;
/// Requests that wait on connections that were open before, and on new ones; the kernel takes them in.
const WAITING: usize = 10;

#[test]
fn requests_that_came_while_a_node_stood_still_are_judged_by_what_is_true_when_it_goes_on() {
    let stage = Stage::of(STRICT);
    let (good, (id, taken)) = (stage.issue(0, "good").1, stage.issue(0, "taken"));
    let gateway = stage.node(STILL).gateway;
    let before = member(&stage.operator(0), &name(STILL)).unwrap();
    let ask = |connection: &mut Connection, key: &str| connection.send(&request(key));
    let mut lines: Vec<_> = (0..2 * WAITING).map(|_| Connection::open(gateway)).collect();
    for line in &mut lines {
        ask(line, &taken);
        assert_eq!(line.answer("GET").unwrap().status, 200);
    }
    let clock = Stopwatch::start();
    let elsewhere = hammer(clock, stage.node(1), &good);

    stage.node(STILL).pause();
    let mut asked_before = lines.split_off(WAITING);
    for line in &mut asked_before {
        ask(line, &taken);
    }
    revoked(&stage.operator(0), &id);
    for line in &mut lines {
        ask(line, &taken);
    }
    let mut news: Vec<_> = (0..WAITING).map(|_| Connection::open(gateway)).collect();
    for line in &mut news {
        ask(line, &taken);
    }
    let mut goods: Vec<_> = (0..WAITING).map(|_| Connection::open(gateway)).collect();
    for line in &mut goods {
        ask(line, &good);
    }
    // Whoever looks at the roll excludes it.
    eventually(|| (members(&stage.operator(1)).len() == 2).then_some(()));
    stage.node(STILL).resume();

    let answered = |lines: &mut [Connection]| -> Vec<u16> {
        lines.iter_mut().map(|line| line.answer("GET").unwrap().status).collect()
    };
    for status in [answered(&mut asked_before), answered(&mut lines), answered(&mut news)].concat() {
        assert!(matches!(status, 401 | 503), "{status}: it came after the receipt, or without a lease");
    }
    assert!(answered(&mut goods).iter().all(|status| matches!(status, 200 | 503)));
    let after = eventually(|| member(&stage.operator(0), &name(STILL)));
    assert_ne!(before, after, "it joined as another");
    eventually(|| (status(stage.node(STILL), &good) == 200).then_some(()));
    assert_eq!(status(stage.node(STILL), &taken), 401);
    only(&elsewhere.stop(), &[200]);
    let (id, _) = stage.issue(STILL, "later");
    confirmed_by(3, &stage.operator(STILL), &id);
}
