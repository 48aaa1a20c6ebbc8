//! What the audit trail says of each change: every change in it, no refusal (P16).

use claviger_testkit::ServerBuilder;
use serde_json::{Value, json};

use super::operations::{ROWS, World};

/// The events after the first `known`.
fn events_after(world: &World, known: u64) -> Vec<Value> {
    let page = world.operator.get(&format!("/v1/audit-events?limit=100&cursor={known}")).expect(200).json();
    page["items"].as_array().expect("a list has items").clone()
}

fn count(world: &World) -> u64 {
    let walked = world.operator.get("/v1/audit-events/check").expect(200).json();
    assert_eq!(walked["whole"], true, "{walked}");
    walked["events"].as_u64().expect("a chain has a length")
}

#[test]
fn each_change_is_in_the_trail_and_nothing_else_is() {
    let world = World::start();
    let first = world.operator.get("/v1/operators").expect(200).json()["items"][0]["id"].clone();
    let actor = format!("operator:{}", first.as_str().expect("it has an id"));
    let mut table = Vec::new();
    for row in ROWS {
        let (path, body) = (row.request)(&world);
        let known = count(&world);
        let answer = world.send(row.method(), &path, &body, Some(&world.operator));
        if row.needs_another_node() {
            assert_eq!(answer.status, 409, "{}: {}", row.name(), answer.text());
            continue;
        }
        assert!(answer.status < 300, "{}: {}", row.name(), answer.text());
        let events = events_after(&world, known);
        assert_eq!(!events.is_empty(), row.changes(), "{}", row.name());
        let mut told = Vec::new();
        for event in &events {
            assert_eq!(event["actor"], *actor, "{}", row.name());
            assert_eq!(event["request_id"].as_str(), answer.header("x-request-id"), "{}", row.name());
            let subject = event["subject"].as_str().unwrap_or("-").split('_').next().unwrap_or_default();
            let account = if event["account_id"].is_null() { "" } else { " of an account" };
            let mut members: Vec<_> =
                event["detail"].as_object().expect("a detail is an object").keys().cloned().collect();
            members.sort();
            told.push(format!(
                "{} [{subject}{account}] {{{}}}",
                event["action"].as_str().expect("it has an action"),
                members.join(" ")
            ));
            assert!(!event.to_string().contains(&secret_of(&answer.body)), "{}", row.name());
        }
        if row.changes() {
            table.push(format!("{:<47} {}", row.name(), told.join(", ")));
        }
    }
    insta::assert_snapshot!("audit", table.join("\n"));
}

/// The secret that an answer shows; where it shows none, something that is in no event.
fn secret_of(body: &[u8]) -> String {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let link = answer["url"].as_str().or(answer["invitation_url"].as_str());
    let token = link.and_then(|url| url.rsplit('/').next());
    let secret = answer["key"]
        .as_str()
        .or(answer["client_secret"].as_str())
        .or(answer["first_key"]["key"].as_str())
        .or(token);
    secret.unwrap_or("there is no secret in this answer").to_owned()
}

#[test]
fn a_refused_change_is_not_in_the_trail() {
    let world = World::start();
    let callers = [None, Some(world.operator_with("verify").1), Some(world.operator_with("read").1)];
    for row in ROWS.iter().filter(|row| row.changes()) {
        let (path, body) = (row.request)(&world);
        let known = count(&world);
        for caller in &callers {
            let answer = world.send(row.method(), &path, &body, caller.as_ref());
            assert!(matches!(answer.status, 401 | 403), "{}: {}", row.name(), answer.status);
        }
        for unfit in [json!({"nonsense": 1}), json!([]), json!({"name": ""}), json!({"can": []})] {
            // What takes no body looks at none.
            if !body.is_null() {
                let answer = world.send(row.method(), &path, &unfit, Some(&world.operator));
                assert_eq!(answer.status, 422, "{}: {}", row.name(), answer.text());
            }
        }
        let (elsewhere, nobodys) = (absent(&path), absent(&body.to_string()));
        if (&elsewhere, &nobodys) != (&path, &body.to_string()) {
            let nobodys = serde_json::from_str(&nobodys).expect("it is JSON as before");
            let answer = world.send(row.method(), &elsewhere, &nobodys, Some(&world.operator));
            assert_eq!(answer.status, 404, "{}: {}", row.name(), answer.text());
        }
        assert_eq!(count(&world), known, "{}", row.name());
    }
}

/// The same with ids of what isn't there.
fn absent(text: &str) -> String {
    let kinds = ["key", "acc", "op", "mem", "ses", "node", "app"];
    kinds
        .iter()
        .fold(text.to_owned(), |text, kind| text.replacen(&format!("{kind}_0"), &format!("{kind}_1"), 1))
}

#[test]
fn what_customers_do_for_themselves_is_in_the_trail() {
    let mut table = Vec::new();
    for (profile, list, scheme) in [("codat", "/apiKeys", "Basic"), ("example", "/v1/api-keys", "Bearer")] {
        let server = ServerBuilder::new(crate::PROGRAM).profile(profile).start();
        let world = World { operator: server.operator(), server };
        let account = world.account();
        let (id, key) = world.operator.issue_plain(&account, "n");
        let credential = if scheme == "Basic" { format!("{{b64:{key}}}") } else { key };
        let credential = format!(
            "{scheme} {}",
            String::from_utf8(crate::attacks::filled(&credential)).expect("it is text")
        );
        let customer = world.server.customer("").authorized_by(&credential);
        let typed = [("Content-Type", "application/json")];
        let mut told = |what: &str, act: &dyn Fn() -> claviger_testkit::Answer| {
            let known = count(&world);
            let answer = act();
            let events = events_after(&world, known);
            let actions: Vec<_> =
                events.iter().map(|event| event["action"].as_str().expect("it has one").to_owned()).collect();
            for event in &events {
                assert_eq!(event["actor"], format!("key:{id}"), "{what}");
                assert_eq!(event["account_id"], *account, "{what}");
                assert_eq!(event["request_id"].as_str(), answer.header("x-request-id"), "{what}");
            }
            table.push(format!("{profile:<8} {what:<24}{} {}", answer.status, actions.join(", ")));
            answer
        };
        let _ = told("list", &|| customer.get(list));
        let made = told("create", &|| customer.send("POST", list, &typed, "{\"name\":\"child\"}")).json();
        let child = made["id"].as_str().or(made["data"]["id"].as_str()).expect("it has an id").to_owned();
        let _ = told("create, unfit", &|| customer.send("POST", list, &typed, "{\"name\":1}"));
        let _ = told("delete", &|| customer.send("DELETE", &format!("{list}/{child}"), &[], ""));
        let _ = told("delete again", &|| customer.send("DELETE", &format!("{list}/{child}"), &[], ""));
        let _ = told("delete what isn't there", &|| customer.send("DELETE", &format!("{list}/x"), &[], ""));
        let _ = told("list without a key", &|| customer.clone().authorized_by("").get(list));
    }
    insta::assert_snapshot!("self_service", table.join("\n"));
}
