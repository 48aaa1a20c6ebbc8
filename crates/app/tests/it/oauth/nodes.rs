//! Tokens on three nodes and one PostgreSQL: what works on one works on all, and what was revoked on one is refused by all
//! once the call has returned.

use std::thread;

use claviger_testkit::{Cluster, Postgres};
use serde_json::json;

use super::stage::{App, PROFILE, REDIRECT, Stage, text};
use crate::members::{sign_in, sign_in_as};

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

/// What the member had allowed ends with them, and that is done when every node knows.
#[test]
fn removing_a_member_says_whether_every_node_knows_of_it() {
    let database = Postgres::start();
    let url = database.database();
    let cluster = Cluster::start(crate::PROGRAM, 2, &url, |builder, _| builder.profile_text(PROFILE));
    let operator = cluster.operator(0);
    let account = operator.account("Acme");
    let nodes: Vec<_> = cluster.running().collect();
    let order = json!({"name": "Planner", "redirect_uris": [REDIRECT]});
    let app = App::registered(&operator, &order);
    let mut ada = sign_in(nodes[0], &account, "administrator");
    let [bob, eve] = ["bob@example.com", "eve@example.com"].map(|email| {
        let mut member = sign_in_as(nodes[0], &account, email, "developer");
        let code = Stage::code(&mut member, &app);
        let _ = app.redeem(nodes[0], &code).expect(200);
        let members = operator.get(&format!("/v1/members?account_id={account}")).expect(200).json();
        let members = members["items"].as_array().expect("a list has items");
        text(members.iter().find(|one| one["email"] == email).expect("they are one"), "id").to_owned()
    });
    nodes[1].pause();
    let removed = operator.post(&format!("/v1/members/{bob}/remove"), &json!(null)).expect(202).json();
    assert_eq!((text(&removed["member"], "id"), &removed["receipt"]["complete"]), (&*bob, &json!(false)));
    let place = format!("/members/{eve}/remove");
    let _ = ada.get(&place).expect(200);
    let removed = ada.submit(&place, &[("confirm", "eve@example.com")]).expect(303);
    assert_eq!(removed.header("location"), Some("/members?done=pending"));
    nodes[1].resume();
}
