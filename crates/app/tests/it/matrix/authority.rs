//! Who may call which operation: every operation with every kind of caller.

use claviger_testkit::Operator;
use serde_json::json;

use super::operations::{ROWS, World};

const ABILITIES: [&str; 4] = ["verify", "read", "manage", "reveal"];

fn callers(world: &World) -> Vec<(&'static str, Option<Operator>)> {
    let at = |key: &str| Some(Operator::new(world.server.control, key));
    let first = world.server.operator_key();
    let other = if first.ends_with('0') { '1' } else { '0' };
    let mistyped = format!("{}{other}", &first[..first.len() - 1]);
    let api_key = world.operator.issue_plain(&world.account(), "n").1;
    let revoked = {
        let order = json!({"name": "n", "can": ["all"]});
        let made = world.operator.post("/v1/operators", &order).expect(201).json();
        let id = made["id"].as_str().expect("it has an id");
        let _ = world.operator.post(&format!("/v1/operators/{id}/revoke"), &json!(null)).expect(200);
        made["key"].as_str().expect("it has a key").to_owned()
    };
    let mut callers = vec![
        ("nobody", None),
        ("mistyped", at(&mistyped)),
        ("API key", at(&api_key)),
        ("revoked", at(&revoked)),
    ];
    callers.extend(ABILITIES.map(|ability| (ability, Some(world.operator_with(ability).1))));
    callers.push(("all", at(first)));
    callers
}

#[test]
fn each_operation_takes_the_ability_it_needs() {
    let world = World::start();
    let callers = callers(&world);
    let heads = callers.iter().map(|(name, _)| format!("{name:>8}")).collect::<Vec<_>>().join(" ");
    let mut table = vec![format!("{:<48}{heads}", "")];
    for row in ROWS {
        let statuses = callers.iter().map(|(name, caller)| {
            let answer = world.call(row, caller.as_ref());
            let refused = matches!(answer.status, 401 | 403);
            if refused {
                assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{}", row.name());
                assert_eq!(
                    answer.header("www-authenticate").is_some(),
                    answer.status == 401,
                    "{}",
                    row.name()
                );
            }
            if *name == "all" {
                assert!(!refused, "{}", row.name());
            }
            format!("{:>8}", answer.status)
        });
        table.push(format!("{:<48}{}", row.name(), statuses.collect::<Vec<_>>().join(" ")));
    }
    insta::assert_snapshot!("authority", table.join("\n"));
}

/// What is there and what isn't looks the same to whom it doesn't concern.
#[test]
fn who_may_not_ask_does_not_learn_what_is_there() {
    let world = World::start();
    let callers = callers(&world);
    for row in ROWS {
        let path = row.operation.split_once(' ').expect("it has a path").1;
        if !path.contains("{id}") {
            continue;
        }
        let absent = |kind: &str| format!("{kind}00000000000000000000000000");
        let elsewhere = path.replace("{client_id}", &absent("app_")).replace("{member_id}", &absent("mem_"));
        let elsewhere = elsewhere.replace("{id}", &absent(kind(path)));
        for (name, caller) in &callers {
            let there = world.call(row, caller.as_ref());
            let (_, body) = (row.request)(&world);
            let gone = world.send(row.method(), &elsewhere, &body, caller.as_ref());
            if matches!(there.status, 401 | 403) {
                assert_eq!(
                    (gone.status, gone.text()),
                    (there.status, there.text()),
                    "{} by {name}",
                    row.name()
                );
            } else {
                assert_eq!(gone.status, 404, "{} by {name}", row.name());
            }
        }
    }
}

fn kind(path: &str) -> &'static str {
    match path.split('/').nth(2) {
        Some("accounts") => "acc_",
        Some("operators") => "op_",
        Some("oauth-clients") => "app_",
        Some("members") => "mem_",
        Some("sessions") => "ses_",
        Some("nodes") => "node_",
        _ => "key_",
    }
}

#[test]
fn nobody_is_an_operator_by_another_field() {
    let world = World::start();
    let key = world.server.operator_key();
    let basic = String::from_utf8(crate::attacks::filled(&format!("{{b64:{key}}}"))).expect("it is text");
    for (what, fields) in [
        ("a query", String::new()),
        ("a cookie", format!("Cookie: operator_key={key}\r\n")),
        ("a field of its own", format!("X-API-Key: {key}\r\nX-Operator-Key: {key}\r\n")),
        ("Basic", format!("Authorization: Basic {basic}\r\n")),
        ("Basic with the key", format!("Authorization: Basic {key}\r\n")),
        ("no scheme", format!("Authorization: {key}\r\n")),
        ("a tab", format!("Authorization: Bearer\t{key}\r\n")),
        ("another scheme", format!("Authorization: Token {key}\r\n")),
        ("a proxy's field", format!("Proxy-Authorization: Bearer {key}\r\n")),
        (
            "an identity of the gateway's",
            "X-Claviger-Account: acc_1\r\nX-User-Role: administrator\r\n".to_owned(),
        ),
        ("two in a list", format!("Authorization: Bearer {key}, Bearer {key}\r\n")),
        ("a space inside", format!("Authorization: Bearer {key} x\r\n")),
        ("a no-break space", format!("Authorization: Bearer \u{a0}{key}\r\n")),
        ("in capitals", format!("Authorization: Bearer {}\r\n", key.to_uppercase())),
    ] {
        let request = format!("GET /v1/apis?operator_key={key} HTTP/1.1\r\nHost: c\r\n{fields}\r\n");
        let answer = claviger_testkit::exchange(world.server.control, "GET", request.as_bytes());
        let answer = answer.expect("there is an answer");
        assert_eq!(answer.status, 401, "{what}");
        assert!(!answer.text().contains(key), "{what}");
    }
    assert!(!world.server.log().contains(key));
}
