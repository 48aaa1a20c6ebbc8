//! `/v1/oauth-clients`: applications that ask for access by OAuth 2.0.

use claviger_testkit::{Operator, ServerBuilder, eventually};
use serde_json::{Value, json};

use super::{names, opened_with_oauth, text, with_account};
use crate::granted::Granted;

const CLIENTS: &str = "/v1/oauth-clients";
const ABSENT: &str = "app_01h455vb4pex5vsknk084sn02q";

fn order(name: &str) -> Value {
    json!({"name": name, "redirect_uris": ["https://app.example/cb"]})
}

#[track_caller]
fn registered(operator: &Operator, order: &Value) -> Value {
    operator.post(CLIENTS, order).expect(201).json()
}

fn path(client: &Value) -> String {
    format!("{CLIENTS}/{}", text(client, "id"))
}

#[test]
fn an_application_is_registered_and_its_secret_shown_once() {
    let (server, operator, account) = opened_with_oauth();
    let mut order = order("Acme Reports");
    order["scopes"] = json!(["costs:read"]);
    order["account_id"] = json!(account);
    order["verified"] = json!(true);
    let made = registered(&operator, &order);
    let secret = text(&made, "client_secret").to_owned();
    assert!(secret.starts_with("cic_ocs_") && secret.starts_with(text(&made, "hint")), "{secret}");
    for (field, wanted) in order.as_object().unwrap() {
        assert_eq!(&made[field], wanted, "{field}");
    }
    assert_eq!((text(&made, "kind"), text(&made, "api")), ("confidential", "cicosts"));
    assert_eq!((&made["introspects"], &made["revoked_at"]), (&json!(false), &Value::Null));
    assert!(text(&made, "created_by").starts_with("operator:op_"));

    let shown = operator.get(&path(&made)).expect(200);
    let wanted = lasting(&made);
    assert_eq!(shown.json(), wanted);
    assert_eq!(operator.get(CLIENTS).expect(200).json()["items"], json!([wanted]));
    assert!(!shown.text().contains(&secret[14..]));
    assert!(!server.log().contains(&secret));
}

#[test]
fn a_public_application_has_no_secret() {
    let (_server, operator, account) = opened_with_oauth();
    let mut order = json!({"name": "Native", "kind": "public", "redirect_uris": ["com.acme.app:/cb"]});
    let made = registered(&operator, &order);
    assert_eq!((&made["secrets"], &made["hint"]), (&json!([]), &Value::Null));
    assert!(made.get("client_secret").is_none());
    let refused = operator.post(&format!("{}/rotate", path(&made)), &Value::Null).expect(403).json();
    assert!(text(&refused, "detail").contains("no secret to rotate"), "{refused}");
    for (field, value) in [("account_id", json!(account)), ("introspects", json!(true))] {
        order[field] = value;
        let refused = operator.post(CLIENTS, &order).expect(422).json();
        assert_eq!(refused["errors"][0]["pointer"], "/kind", "{field}");
        order.as_object_mut().unwrap().remove(field);
    }
    let refused = operator.patch(&path(&made), &json!({"introspects": true})).expect(422).json();
    assert_eq!(refused["errors"][0]["pointer"], "/introspects");
}

/// What is told of an application, without what only the answer says that made it.
fn lasting(issued: &Value) -> Value {
    let told_once = ["client_secret", "receipt"];
    let members = issued.as_object().into_iter().flatten();
    let lasting = members.filter(|(name, _)| !told_once.contains(&name.as_str()));
    lasting.map(|(name, value)| (name.clone(), value.clone())).collect()
}

#[test]
fn applications_are_listed_in_the_order_of_their_registration() {
    let (_server, operator, _) = opened_with_oauth();
    let made: Vec<_> = ["a", "b", "c"].iter().map(|name| registered(&operator, &order(name))).collect();
    let list = |query: &str| operator.get(&format!("{CLIENTS}?{query}")).expect(200).json();
    let page = list("limit=2");
    assert_eq!((names(&page), &page["next_cursor"]), (vec!["a", "b"], &made[1]["id"]));
    let rest = list(&format!("limit=2&cursor={}", text(&made[1], "id")));
    assert_eq!((names(&rest), &rest["next_cursor"]), (vec!["c"], &Value::Null));
    assert_eq!(names(&list("api=cicosts")), ["a", "b", "c"]);
    assert_eq!(names(&list("api=another")), [""; 0]);
    let _ = operator.post(&format!("{}/revoke", path(&made[1])), &Value::Null).expect(200);
    assert_eq!(names(&list("")), ["a", "c"]);
    assert_eq!(names(&list("include_revoked=true")), ["a", "b", "c"]);
}

#[test]
fn what_a_change_leaves_out_stays() {
    let (_server, operator, account) = opened_with_oauth();
    let before = registered(&operator, &order("Acme"));
    let patched = |patch: &Value| operator.patch(&path(&before), patch).expect(200).json();
    let changed = patched(&json!({"name": "Acme Inc."}));
    let mut wanted = lasting(&before);
    wanted["name"] = json!("Acme Inc.");
    assert_eq!(changed["client"], wanted);
    assert_eq!(changed["receipt"]["complete"], true);
    let all = json!({
        "name": "Acme", "redirect_uris": ["https://other.example/cb", "http://127.0.0.1/cb"], "scopes": [],
        "verified": true, "introspects": true,
    });
    let changed = patched(&all)["client"].clone();
    for (field, value) in all.as_object().unwrap() {
        assert_eq!(&changed[field], value, "{field}");
    }
    assert_eq!(operator.get(&path(&before)).expect(200).json(), changed);
    let refused = operator.patch(&path(&before), &json!({})).expect(422).json();
    assert_eq!(refused["errors"][0]["detail"], "nothing to change");

    // An application that neither introspects nor acts for an account is of no use without an address.
    let none = json!({"redirect_uris": []});
    assert_eq!(patched(&none)["client"]["redirect_uris"], json!([]));
    let refused = operator.patch(&path(&before), &json!({"introspects": false})).expect(422).json();
    assert_eq!(refused["errors"][0]["pointer"], "/redirect_uris");
    let robot = registered(&operator, &json!({"name": "Robot", "account_id": account}));
    let _ = operator.patch(&path(&robot), &json!({"introspects": false})).expect(200);
}

#[test]
fn a_new_secret_runs_beside_the_old_one_for_the_overlap() {
    let (_server, operator, _) = opened_with_oauth();
    let made = registered(&operator, &order("Acme"));
    let rotate = format!("{}/rotate", path(&made));
    let rotated = operator.post(&rotate, &json!({"overlap": "1h"})).expect(200).json();
    assert_ne!(text(&rotated, "client_secret"), text(&made, "client_secret"));
    let secrets = rotated["secrets"].as_array().unwrap();
    assert_eq!(secrets.len(), 2);
    assert_eq!((&secrets[0]["number"], &secrets[0]["ends_at"]), (&json!(2), &Value::Null));
    assert_eq!(secrets[1]["hint"], made["hint"]);
    assert!(text(&secrets[1], "ends_at") > text(&secrets[0], "created_at"));
    // Without a body, by the profile's overlap; for a compromise, at once.
    let rotated = operator.post(&rotate, &Value::Null).expect(200).json();
    assert!(rotated["secrets"][1]["ends_at"].is_string());
    let rotated = operator.post(&rotate, &json!({"overlap": "0"})).expect(200).json();
    for old in &rotated["secrets"].as_array().unwrap()[1..] {
        assert!(text(old, "ends_at") <= text(&rotated["secrets"][0], "created_at"), "{old}");
    }
    for (overlap, detail) in [(json!("367d"), "at most 366d"), (json!("soon"), ""), (json!(60), "")] {
        let refused = operator.post(&rotate, &json!({"overlap": overlap})).expect(422).json();
        assert_eq!(refused["errors"][0]["pointer"], "/overlap", "{overlap}");
        assert!(text(&refused["errors"][0], "detail").contains(detail));
    }
}

#[test]
fn a_revoked_application_has_no_token_that_works() {
    let (server, operator, account) = opened_with_oauth();
    let ours = Granted::new(&server, &account);
    let theirs = Granted::by(&server, &operator.account("Bob"), &ours.client, ours.client_secret.clone());
    let other = Granted::new(&server, &account);
    let denial = |token: &str| operator.verify(&json!({"key": token}))["denial"]["code"].clone();
    for granted in [&ours, &theirs, &other] {
        eventually(|| denial(&granted.token).is_null().then_some(()));
    }
    let revoke = format!("{CLIENTS}/{}/revoke", ours.client);
    let revoked = operator.post(&revoke, &Value::Null).expect(200).json();
    assert_eq!(revoked["receipt"]["complete"], true);
    assert!(revoked["client"]["revoked_at"].is_string());
    assert_eq!((denial(&ours.token), denial(&theirs.token)), (json!("revoked"), json!("revoked")));
    assert_eq!(denial(&other.token), Value::Null);
    assert_eq!(operator.get(&format!("/v1/keys/{}", ours.key)).expect(200).json()["state"], "revoked");

    let events = || operator.get("/v1/audit-events/check").expect(200).json()["events"].clone();
    let known = events();
    let again = operator.post(&revoke, &Value::Null).expect(200).json();
    assert_eq!(again["client"], revoked["client"]);
    let client = format!("{CLIENTS}/{}", ours.client);
    for refused in [
        operator.patch(&client, &json!({"name": "n"})),
        operator.post(&format!("{client}/rotate"), &Value::Null),
    ] {
        let refused = refused.expect(409).json();
        assert_eq!(text(&refused, "code"), "revoked");
        assert!(text(&refused, "detail").starts_with("the application is revoked"), "{refused}");
    }
    assert_eq!(events(), known);
}

#[test]
fn a_repeated_registration_happens_once() {
    let (_server, operator, _) = opened_with_oauth();
    let post = |body: &Value| operator.call_with("POST", CLIENTS, &[("Idempotency-Key", "k")], body);
    let made = post(&order("once")).expect(201).json();
    let again = post(&order("once")).expect(409);
    assert_eq!(again.json()["id"], made["id"]);
    assert!(!again.text().contains(text(&made, "client_secret")));
    assert_eq!(text(&post(&order("other")).expect(422).json(), "code"), "idempotency_mismatch");
    assert_eq!(names(&operator.get(CLIENTS).expect(200).json()), ["once"]);
}

#[test]
fn an_api_that_takes_no_part_in_oauth_has_no_applications() {
    let profile = crate::attacks::profile_without_oauth("cicosts");
    let (_server, operator, _) =
        with_account(ServerBuilder::new(crate::PROGRAM).profile_text(&profile).start());
    let refused = operator.post(CLIENTS, &order("n")).expect(404).json();
    assert!(text(&refused, "detail").contains("no [oauth]"), "{refused}");
    assert_eq!(operator.get(CLIENTS).expect(200).json()["items"], json!([]));
    assert_eq!(operator.get(&format!("{CLIENTS}/{ABSENT}")).status, 404);
}
