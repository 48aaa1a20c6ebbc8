//! Nothing of one account is there for another (P19, A24, A71): another's id gets the same bytes as an absent one.

use std::{collections::BTreeMap, time::Duration};

use claviger_testkit::{Answer, Customer, Server, ServerBuilder, Stopwatch};
use serde_json::{Value, json};

use crate::attacks::{filled, masked_body};

struct House {
    server: Server,
    list: &'static str,
    scheme: &'static str,
}

impl House {
    fn of(profile: &str, list: &'static str, scheme: &'static str) -> Self {
        Self { server: ServerBuilder::new(crate::PROGRAM).profile(profile).start(), list, scheme }
    }

    fn customer(&self, key: &str) -> Customer {
        let credential = if self.scheme == "Basic" { format!("{{b64:{key}}}") } else { key.to_owned() };
        let credential = String::from_utf8(filled(&credential)).expect("it is text");
        self.server.customer("").authorized_by(&format!("{} {credential}", self.scheme))
    }

    /// A new account's customer, and the ids of its keys as its own list has them.
    fn account(&self) -> (Customer, Vec<String>) {
        let operator = self.server.operator();
        let account = operator.account("Ada");
        let customer = self.customer(&operator.issue_plain(&account, "n").1);
        let ids = ids(&customer.get(self.list).expect(200));
        (customer, ids)
    }
}

fn ids(list: &Answer) -> Vec<String> {
    let list = list.json();
    let items = list["results"].as_array().or(list["data"].as_array()).expect("a list has its items");
    items.iter().map(|item| item["id"].as_str().expect("an item has an id").to_owned()).collect()
}

/// The whole answer, with what names the request and the time written as `*`.
fn masked(answer: &Answer) -> String {
    let fields: BTreeMap<_, _> = answer
        .headers
        .iter()
        .filter(|(name, _)| name != "x-request-id" && name != "date")
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    format!("{} {fields:?} {}", answer.status, masked_body(answer))
}

#[test]
fn another_account_s_key_is_as_absent_as_none() {
    for (profile, list, scheme, absent) in [
        ("codat", "/apiKeys", "Basic", "00000000-0000-7000-8000-000000000000"),
        ("example", "/v1/api-keys", "Bearer", "key_00000000000000000000000000"),
    ] {
        let house = House::of(profile, list, scheme);
        let (ours, our_ids) = house.account();
        let (theirs, their_ids) = house.account();
        let gone = {
            let (id, key) = (our_ids.last().expect("there is one"), &ours);
            let made = key
                .send("POST", list, &[("Content-Type", "application/json")], "{\"name\":\"x\"}")
                .expect(201);
            let made = made.json();
            let child = made["id"].as_str().or(made["data"]["id"].as_str()).expect("it has an id").to_owned();
            assert_ne!(child, *id);
            let deleted = key.send("DELETE", &format!("{list}/{child}"), &[], "");
            assert!(deleted.status < 300);
            child
        };
        let wanted = masked(&ours.send("DELETE", &format!("{list}/{absent}"), &[], ""));
        assert!(wanted.starts_with("404 "), "{profile}: {wanted}");
        for id in their_ids.iter().chain([&gone]) {
            let shapes = [
                id.clone(),
                id.to_uppercase(),
                format!("{id}%20"),
                format!("{id}x"),
                format!("%20{id}"),
                id.replace('-', ""),
            ];
            for shape in shapes {
                let answer = masked(&ours.send("DELETE", &format!("{list}/{shape}"), &[], ""));
                assert_eq!(answer, wanted, "{profile}: {shape}");
            }
            // A path that could be read as one of ours is neither done here nor passed on.
            for path in [
                format!("{list}//{id}"),
                format!("{list}/./{id}"),
                format!("{list}/{id}%00"),
                format!("/x/..{list}/{id}"),
            ] {
                let answer = ours.send("DELETE", &path, &[], "");
                assert_eq!(answer.status, 400, "{profile} {path}: {}", answer.text());
            }
        }
        // Everything is still there, and each sees its own.
        assert_eq!(ids(&theirs.get(list).expect(200)), their_ids, "{profile}");
        assert_eq!(ids(&ours.get(list).expect(200)), our_ids, "{profile}");
        for query in ["accountId", "account_id", "account", "userId"] {
            let asked = ours.get(&format!("{list}?{query}={}", their_ids[0])).expect(200);
            assert_eq!(ids(&asked), our_ids, "A72 {profile}: {query}");
        }
    }
}

#[test]
fn another_account_s_key_takes_as_long_as_an_absent_one() {
    let house = House::of("example", "/v1/api-keys", "Bearer");
    let (ours, _) = house.account();
    let (_, their_ids) = house.account();
    let mut took: [Vec<Duration>; 2] = Default::default();
    for round in 0..400 {
        // Each first in turn, so that whatever else the machine does falls on both alike.
        for turn in 0..2 {
            let which = (turn + round) % 2;
            let id = [&*their_ids[0], "key_00000000000000000000000000"][which];
            let clock = Stopwatch::start();
            let answer = ours.send("DELETE", &format!("/v1/api-keys/{id}"), &[], "");
            took[which].push(clock.now());
            assert_eq!(answer.status, 404);
        }
    }
    let [foreign, absent] = took.map(|mut all| {
        all.sort();
        all[all.len() / 2]
    });
    println!("A24: {foreign:?} to refuse another account's key, {absent:?} an absent one");
    assert!(foreign.max(absent) < foreign.min(absent) * 2, "{foreign:?} and {absent:?}");
}

#[test]
fn an_operator_s_lists_keep_accounts_apart() {
    let server = ServerBuilder::new(crate::PROGRAM).profile("example").start();
    let operator = server.operator();
    let (ours, theirs) = (operator.account("Ada"), operator.account("Bob"));
    let our_key = operator.issue_plain(&ours, "n").0;
    let their_key = operator.issue_plain(&theirs, "n").0;
    for (account, own, other) in [(&ours, &our_key, &their_key), (&theirs, &their_key, &our_key)] {
        let mut told = vec![operator.get(&format!("/v1/accounts/{account}/keys")).expect(200)];
        told.push(operator.get(&format!("/v1/audit-events?account_id={account}")).expect(200));
        told.push(operator.get(&format!("/v1/accounts/{account}")).expect(200));
        assert!(told[0].text().contains(own.as_str()));
        for answer in &told {
            assert!(!answer.text().contains(other.as_str()), "{}", answer.text());
        }
    }
    // A key of one account is not issued by naming another in the body.
    let order = json!({"name": "n", "account_id": theirs});
    let refused = operator.post(&format!("/v1/accounts/{ours}/keys"), &order).expect(422).json();
    assert_eq!(refused["code"], Value::from("invalid"));
}
