//! F49: a machine that was frozen, whose clocks stood still meanwhile. When it goes on its lease looks as good as before;
//! its date, which the host or a time server has set right, says how long it was away.

use claviger_testkit::{Connection, eventually};

use super::{
    DEFAULT, confirmed_by, member, request, revoked,
    stage::{Stage, name, postgres},
    status,
};

const FROZEN: usize = 2;
/// Requests that wait for it, of each kind.
const WAITING: usize = 10;

#[test]
fn a_node_that_was_frozen_and_finds_its_date_set_decides_nothing_before_it_has_renewed() {
    let stage =
        Stage::with(
            DEFAULT,
            postgres(),
            |builder, node| {
                if node == FROZEN { builder.movable_clock() } else { builder }
            },
        );
    let (good, (id, taken)) = (stage.issue(0, "good").1, stage.issue(0, "taken"));
    let before = member(&stage.operator(0), &name(FROZEN)).unwrap();
    let mut lines = [&good, &taken].map(|key| {
        let open = || {
            let mut line = Connection::open(stage.node(FROZEN).gateway);
            line.send(&request(key));
            assert_eq!(line.answer("GET").unwrap().status, 200);
            line
        };
        (0..WAITING).map(|_| open()).collect::<Vec<_>>()
    });

    stage.node(FROZEN).pause();
    for (line, key) in lines
        .iter_mut()
        .zip([&good, &taken])
        .flat_map(|(lines, key)| lines.iter_mut().map(move |line| (line, key)))
    {
        line.send(&request(key));
    }
    // It was away for longer than its lease and whoever looks at the roll has excluded it, which is quicker by hand.
    stage.node(FROZEN).move_clock("+200s");
    let fenced = stage.operator(0).post(&format!("/v1/nodes/{before}/fence"), &serde_json::json!({}));
    assert_eq!(fenced.status, 200);
    revoked(&stage.operator(0), &id);
    stage.node(FROZEN).resume();

    let [of_good, of_taken] = lines.map(|lines| {
        lines.into_iter().map(|mut line| line.answer("GET").unwrap().status).collect::<Vec<_>>()
    });
    assert!(of_good.iter().all(|status| matches!(status, 200 | 503)), "{of_good:?}");
    assert!(of_taken.iter().all(|status| matches!(status, 401 | 503)), "{of_taken:?}");
    eventually(|| (status(stage.node(FROZEN), &good) == 200).then_some(()));
    assert_eq!(status(stage.node(FROZEN), &taken), 401);
    assert_ne!(member(&stage.operator(0), &name(FROZEN)).as_ref(), Some(&before), "it joined as another");
    let (later, _) = stage.issue(0, "later");
    confirmed_by(3, &stage.operator(0), &later);
}
