//! F30, F31: all nodes that start at once, and nodes that are replaced one by one behind a balancer.

use std::thread;

use claviger_testkit::{Cluster, Hammer, Nginx, ServerBuilder, Stopwatch, eventually};

use super::{
    DEFAULT, STRICT, confirmed_by, members, only, request, revoke,
    stage::{DATABASE, Stage, give_turns_back, name, postgres, take_turns, turns_are_taken},
    status,
};

#[test]
fn nodes_that_all_start_at_once_share_the_database_and_know_the_same() {
    let postgres = postgres();
    let node = |number: usize| {
        let builder = ServerBuilder::new(crate::PROGRAM).database(&postgres.url(DATABASE)).profile("default");
        builder.argument("--lease").argument(DEFAULT).variable("CLAVIGER_NODE", &name(number))
    };
    let first = node(0).start();
    let operator_key = first.operator_key().to_owned();
    let account = first.operator().account("Acme");
    let issue = |n: usize| first.operator().issue_plain(&account, &n.to_string());
    let keys: Vec<_> = (0..30).map(issue).collect();
    let (id, gone) = issue(30);
    assert_eq!(revoke(&first.operator(), &id)["complete"], true);
    first.kill();

    let mut nodes: Vec<_> = thread::scope(|scope| {
        let (node, operator_key) = (&node, &operator_key);
        let started: Vec<_> =
            (1..=3).map(|number| scope.spawn(move || node(number).join(operator_key))).collect();
        started.into_iter().map(|node| node.join().expect("it starts")).collect()
    });
    for round in 0..2 {
        for server in &nodes {
            assert!(keys.iter().all(|(_, key)| status(server, key) == 200), "{round}");
            assert_eq!(status(server, &gone), 401);
        }
        if round == 0 {
            let stopped: Vec<_> = nodes.drain(..).map(claviger_testkit::Server::kill).collect();
            nodes = thread::scope(|scope| {
                let started: Vec<_> = stopped.into_iter().map(|node| scope.spawn(|| node.start())).collect();
                started.into_iter().map(|node| node.join().expect("it starts")).collect()
            });
        }
    }
    // The first is gone and was another place; it is waited for by its lease or fenced.
    let former = members(&nodes[0].operator()).into_iter().find(|(of, _)| *of == name(0)).unwrap().1;
    assert_eq!(
        nodes[0].operator().post(&format!("/v1/nodes/{former}/fence"), &serde_json::json!({})).status,
        200
    );
    confirmed_by(3, &nodes[2].operator(), &keys[0].0);
    assert!(nodes.iter().all(|server| status(server, &keys[0].1) == 401));
}

#[test]
fn a_node_that_waits_for_its_turn_to_load_holds_up_no_change_and_knows_it_afterwards() {
    let stage = Stage::of_many(2, DEFAULT, postgres(), |builder, _| builder);
    let (id, taken) = stage.issue(0, "taken");
    let third = ServerBuilder::new(crate::PROGRAM).database(&stage.postgres.url(DATABASE)).profile("default");
    let third = third.argument("--lease").argument(DEFAULT).variable("CLAVIGER_NODE", &name(2));
    let stage = &stage;
    let (third, later) = thread::scope(|scope| {
        scope.spawn(|| take_turns(&stage.postgres));
        turns_are_taken(&stage.postgres);
        let third = scope.spawn(|| third.join(stage.cluster.operator_key()));
        eventually(|| (members(&stage.operator(0)).len() == 3).then_some(()));
        confirmed_by(2, &stage.operator(0), &id);
        let later = stage.issue(0, "later").1;
        assert!(!third.is_finished(), "it has its turn already");
        give_turns_back(&stage.postgres);
        (third.join().expect("it starts"), later)
    });
    assert_eq!((status(&third, &taken), status(&third, &later)), (401, 200));
    confirmed_by(3, &third.operator(), &stage.issue(1, "of all").0);
}

/// What a balancer needs to lose no request: it asks another node when one refuses or resets the connection, and holds
/// that against none, for it knows nodes by their ports, which are there again soon.
fn balanced(cluster: &Cluster) -> Nginx {
    let nodes: Vec<_> =
        cluster.running().map(|server| format!("server {} max_fails=0;", server.gateway)).collect();
    Nginx::start(&format!(
        "upstream nodes {{ {} }}\n\
         server {{\n\
         listen 127.0.0.1:{{port}};\n\
         keepalive_requests 1000000;\n\
         location / {{ proxy_pass http://nodes; proxy_next_upstream error timeout http_503; }}\n\
         }}",
        nodes.join(" ")
    ))
}

#[test]
fn nodes_that_are_replaced_one_by_one_behind_a_balancer_cost_no_request() {
    let mut stage = Stage::with(STRICT, postgres(), |builder, _| builder.on_lasting_ports());
    let good = stage.issue(0, "good").1;
    let balancer = balanced(&stage.cluster);
    let clock = Stopwatch::start();
    let hammer = Hammer::with_pauses(clock, balancer.address(), &request(&good), 4, super::PAUSE);
    hammer.until(200, 20);
    for node in 0..3 {
        let (id, key) = stage.issue((node + 1) % 3, "n");
        assert_eq!(stage.cluster.stop(node), Some(0));
        hammer.until(200, 50);
        // Nobody waits for one who left.
        confirmed_by(2, &stage.operator((node + 1) % 3), &id);
        stage.cluster.start_again(node);
        eventually(|| (status(stage.node(node), &good) == 200).then_some(()));
        assert_eq!(status(stage.node(node), &key), 401);
        hammer.until(200, 50);
    }
    let mut probes = hammer.stop();
    // Those that were stopped in the middle of a question.
    let asked_at_the_end = probes.split_off(probes.len() - 4);
    assert!(probes.iter().all(|probe| probe.status == Some(200)), "{:?}", super::statuses(&probes));
    assert!(asked_at_the_end.iter().all(|probe| probe.status.is_none_or(|status| status == 200)));
    only(&probes, &[200]);
}
