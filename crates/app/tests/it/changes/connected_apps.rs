//! `/v1/accounts/{id}/connected-apps`: what members have allowed applications, and the keys that those hold for it.

use claviger_testkit::eventually;
use serde_json::{Value, json};

use super::{opened_with_oauth, text};
use crate::granted::Granted;

#[test]
fn what_members_have_allowed_is_listed_by_account() {
    let (server, operator, account) = opened_with_oauth();
    let (ours, theirs) = (Granted::new(&server, &account), Granted::new(&server, &operator.account("Bob")));
    let list = |account: &str| {
        let listed = operator.get(&format!("/v1/accounts/{account}/connected-apps")).expect(200);
        assert!(!listed.text().contains(&ours.token));
        listed.json()
    };
    let listed = list(&account);
    assert_eq!(listed["next_cursor"], Value::Null);
    let app = json!({
        "client_id": ours.client, "name": "Acme Reports", "verified": false, "member_id": ours.member,
        "email": "grants-0@example.com", "scopes": "all", "granted_at": "2023-11-14T22:13:20Z",
        "last_used_at": null, "key_ids": [ours.key],
    });
    assert_eq!(listed["items"], json!([app]));
    assert_eq!(list(&theirs.account)["items"][0]["client_id"], json!(theirs.client));
    eventually(|| {
        let answer = server.customer(&ours.token).get("/v1/anything");
        (answer.status == 200).then_some(())
    });
    let _ = eventually(|| list(&account)["items"][0]["last_used_at"].as_str().map(ToOwned::to_owned));
    let missing = "/v1/accounts/acc_01h455vb4pex5vsknk084sn02q/connected-apps";
    assert_eq!(text(&operator.get(missing).expect(404).json(), "detail"), "no such account");
}

#[test]
fn what_members_have_allowed_comes_in_pages() {
    let (server, operator, account) = opened_with_oauth();
    let granted: Vec<_> = (0..3).map(|_| Granted::new(&server, &account)).collect();
    let path = format!("/v1/accounts/{account}/connected-apps");
    let mut listed = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = operator.get(&format!("{path}?limit=1{cursor}")).expect(200).json();
        listed.extend(page["items"].as_array().expect("a list has items").clone());
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(json!(listed), operator.get(&path).expect(200).json()["items"]);
    assert_eq!(listed.len(), granted.len());
    let one = format!("{}.{}", granted[0].client, granted[0].member);
    for (query, pointer) in [
        ("limit=0", "/limit"),
        ("limit=101", "/limit"),
        ("cursor=x", "/cursor"),
        ("cursor=", "/cursor"),
        (&*format!("cursor={}", granted[0].client), "/cursor"),
        (&*format!("cursor={one}.{one}"), "/cursor"),
    ] {
        let refused = operator.get(&format!("{path}?{query}")).expect(422).json();
        assert_eq!(refused["errors"][0]["pointer"], pointer, "{query}");
    }
    let _ = operator.get(&format!("{path}?member=x")).expect(422);
}

#[test]
fn what_is_withdrawn_lets_nobody_in_any_more() {
    let (server, operator, account) = opened_with_oauth();
    let (ours, other) = (Granted::new(&server, &account), Granted::new(&server, &account));
    let denial = |token: &str| operator.verify(&json!({"key": token}))["denial"]["code"].clone();
    for granted in [&ours, &other] {
        eventually(|| denial(&granted.token).is_null().then_some(()));
    }
    let withdrawn = operator.post(&ours.withdrawal(), &Value::Null).expect(200).json();
    assert_eq!(
        (text(&withdrawn, "client_id"), text(&withdrawn, "member_id")),
        (&*ours.client, &*ours.member)
    );
    assert_eq!(withdrawn["receipt"]["complete"], true);
    assert_eq!((denial(&ours.token), denial(&other.token)), (json!("revoked"), Value::Null));
    let listed = operator.get(&format!("/v1/accounts/{account}/connected-apps")).expect(200).json();
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(listed["items"][0]["client_id"], json!(other.client));
    let again = operator.post(&ours.withdrawal(), &Value::Null).expect(404).json();
    assert_eq!(text(&again, "detail"), "no such connected application");
    let event = operator.get(&format!("/v1/audit-events?subject={}", ours.client)).expect(200).json();
    let last = event["items"].as_array().unwrap().last().unwrap();
    assert_eq!((text(last, "action"), text(last, "account_id")), ("client.withdraw", &*account));
}

#[test]
fn what_another_account_has_allowed_is_not_withdrawn() {
    let (server, operator, account) = opened_with_oauth();
    let ours = Granted::new(&server, &account);
    let other = Granted::by(&server, &operator.account("Bob"), &ours.client, ours.client_secret.clone());
    let app = |granted: &Granted| (granted.account.clone(), granted.client.clone(), granted.member.clone());
    let ((ours_id, client, ours_member), (theirs_id, _, theirs_member)) = (app(&ours), app(&other));
    for (account, client, member) in [
        (&ours_id, &client, &theirs_member),
        (&theirs_id, &client, &ours_member),
        (&ours_id, &ours_member, &client),
        (&client, &client, &client),
    ] {
        let path = format!("/v1/accounts/{account}/connected-apps/{client}/{member}/withdraw");
        let refused = operator.post(&path, &Value::Null).expect(404).json();
        assert_eq!(text(&refused, "detail"), "no such connected application");
    }
    let keys = [&ours.key, &other.key].map(|key| operator.get(&format!("/v1/keys/{key}")).expect(200).json());
    assert_eq!((text(&keys[0], "state"), text(&keys[1], "state")), ("active", "active"));
}

#[test]
fn a_grant_is_a_key_that_says_who_holds_it_and_that_no_list_has() {
    let (server, operator, account) = opened_with_oauth();
    let granted = Granted::new(&server, &account);
    let own = operator.issue_plain(&account, "own").0;
    let path = format!("/v1/keys/{}", granted.key);
    let key = operator.get(&path).expect(200).json();
    assert_eq!((text(&key, "client_id"), text(&key, "account_id")), (&*granted.client, &*account));
    assert_eq!(text(&key, "created_by"), format!("member:{}", granted.member));
    assert!(operator.get(&format!("/v1/keys/{own}")).expect(200).json().get("client_id").is_none());
    let found = operator.post("/v1/keys/find", &json!({"key": granted.token})).expect(200).json();
    assert_eq!(found["id"], json!(granted.key));
    for list in ["/v1/keys", &format!("/v1/accounts/{account}/keys")] {
        for query in ["include_revoked=true", "unused=true", &format!("hint={}", text(&key, "hint"))] {
            let listed = operator.get(&format!("{list}?{query}")).expect(200);
            assert!(!listed.text().contains(&granted.key), "{list}?{query}");
        }
    }
    for (method, path, body) in [
        ("PATCH", path.clone(), json!({"name": "mine"})),
        ("PATCH", path.clone(), json!({"scopes": "all", "expires_at": null})),
        ("POST", format!("{path}/rotate"), Value::Null),
    ] {
        let refused = operator.call(method, &path, &body).expect(403);
        assert!(text(&refused.json(), "detail").starts_with("an application holds this key"));
        assert!(!refused.text().contains("cic_oat_"));
    }
    for (verb, state) in [("disable", "disabled"), ("enable", "active"), ("revoke", "revoked")] {
        let changed = operator.post(&format!("{path}/{verb}"), &Value::Null).expect(200).json();
        assert_eq!(text(&changed["key"], "state"), state);
    }
}
