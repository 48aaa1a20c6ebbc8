//! Tokens on three nodes and one PostgreSQL: what works on one works on all, and what was revoked on one is refused by all
//! once the call has returned.

use std::thread;

use claviger_testkit::{Cluster, Postgres};
use serde_json::json;

use super::stage::{App, PROFILE, REDIRECT, Stage, text};
use crate::members::sign_in;

const ROUNDS: usize = 12;

#[test]
fn a_token_revoked_on_one_node_is_refused_on_all() {
    let database = Postgres::start();
    let url = database.database();
    let cluster = Cluster::start(crate::PROGRAM, 3, &url, |builder, _| builder.profile_text(PROFILE));
    let operator = cluster.operator(0);
    let account = operator.account("Acme");
    let order =
        json!({"name": "Nightly", "kind": "confidential", "redirect_uris": [], "account_id": account});
    let app = App::registered(&operator, &order);
    let nodes: Vec<_> = cluster.running().collect();
    let everywhere = |token: &str| -> Vec<u16> {
        nodes.iter().map(|node| node.customer(token).get("/v1/orders/1").status).collect()
    };
    for round in 0..ROUNDS {
        let (one, other) = (nodes[round % 3], nodes[(round + 1) % 3]);
        let issued = app.post(one, "token", &[("grant_type", "client_credentials")]).expect(200).json();
        let token = text(&issued, "access_token");
        assert_eq!(everywhere(token), [200, 200, 200], "round {round}");
        let _ = app.post(other, "revoke", &[("token", token)]).expect(200);
        assert_eq!(everywhere(token), [401, 401, 401], "round {round}");
    }
}

/// The exchange of a code is one transaction, whichever node is asked.
#[test]
fn a_code_is_exchanged_once_on_all_nodes_together() {
    let database = Postgres::start();
    let url = database.database();
    let cluster = Cluster::start(crate::PROGRAM, 3, &url, |builder, _| builder.profile_text(PROFILE));
    let operator = cluster.operator(0);
    let account = operator.account("Acme");
    let order =
        json!({"name": "Planner", "kind": "confidential", "redirect_uris": [REDIRECT], "verified": true});
    let app = App::registered(&operator, &order);
    let nodes: Vec<_> = cluster.running().collect();
    let mut visitor = sign_in(nodes[0], &account, "developer");
    let code = Stage::code(&mut visitor, &app);
    let answers: Vec<_> = thread::scope(|scope| {
        let (app, code) = (&app, &*code);
        let calls: Vec<_> = (0..12)
            .map(|call| {
                let node = nodes[call % 3];
                scope.spawn(move || app.redeem(node, code))
            })
            .collect();
        calls.into_iter().map(|call| call.join().expect("a call is answered")).collect()
    });
    let granted: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(granted.len(), 1);
    assert!(answers.iter().all(|answer| matches!(answer.status, 200 | 400)));
    let token = granted[0].json();
    let token = text(&token, "access_token");
    assert!(nodes.iter().all(|node| node.customer(token).get("/v1/orders/1").status == 401));
}
