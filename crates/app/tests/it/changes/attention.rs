//! Keys that want somebody's attention: due for rotation, unused.

use claviger_testkit::eventually;
use serde_json::{Value, json};

use super::{names, opened_with_clock, text};

#[test]
fn keys_older_than_the_profile_wants_are_due_until_they_are_rotated() {
    let (server, operator, account) = opened_with_clock("default");
    let (old, _) = operator.issue_plain(&account, "old");
    let (revoked, _) = operator.issue_plain(&account, "revoked");
    operator.issue(&account, &json!({"name": "expires", "expires_at": "2100-01-01T00:00:00Z"}));
    assert_eq!(operator.post(&format!("/v1/keys/{revoked}/revoke"), &Value::Null).status, 200);
    let due = || operator.get("/v1/keys?due_for_rotation=true").expect(200).json();
    assert_eq!(names(&due()), [""; 0]);
    server.move_clock("+89d");
    operator.issue_plain(&account, "young");
    assert_eq!(names(&due()), [""; 0]);
    server.move_clock("+91d");
    assert_eq!(names(&due()), ["old", "expires"], "a revoked key is nobody's concern");
    assert_eq!(due()["items"][0]["due_for_rotation"], true);
    let of_account = operator.get(&format!("/v1/accounts/{account}/keys?due_for_rotation=true&limit=1"));
    let of_account = of_account.expect(200).json();
    assert_eq!(names(&of_account), ["old"]);
    let next = format!(
        "/v1/accounts/{account}/keys?due_for_rotation=true&cursor={}",
        text(&of_account, "next_cursor")
    );
    assert_eq!(names(&operator.get(&next).expect(200).json()), ["expires"]);
    assert_eq!(operator.post(&format!("/v1/keys/{old}/rotate"), &json!({})).status, 200);
    assert_eq!(names(&due()), ["expires"]);
    assert_eq!(operator.get(&format!("/v1/keys/{old}")).expect(200).json()["due_for_rotation"], false);
}

#[test]
fn keys_nobody_uses_are_found() {
    let (server, operator, account) = opened_with_clock("default");
    let (_, used) = operator.issue_plain(&account, "used");
    operator.issue_plain(&account, "never used");
    let (id, denied) = operator.issue_plain(&account, "only ever denied");
    assert_eq!(operator.post(&format!("/v1/keys/{id}/disable"), &Value::Null).status, 200);
    let unused = || operator.get("/v1/keys?unused=true").expect(200).json();
    assert_eq!(names(&unused()), [""; 0], "a fresh key has had no time to be used");
    server.move_clock("+91d");
    assert_eq!(names(&unused()), ["used", "never used", "only ever denied"]);
    assert_eq!(server.customer(&used).get("/v1/things").status, 200);
    assert_eq!(server.customer(&denied).get("/v1/things").status, 401);
    let left = eventually(|| Some(unused()).filter(|list| names(list).len() < 3));
    assert_eq!(names(&left), ["never used", "only ever denied"], "a denial is no use");
    assert_eq!(left["items"][0]["unused"], true);
    server.move_clock("+200d");
    assert_eq!(names(&unused()), ["used", "never used", "only ever denied"]);
}

#[test]
fn those_few_in_a_crowd_are_found_page_by_page() {
    let (server, operator, account) = opened_with_clock("default");
    let mut wanted = Vec::new();
    for number in 0..30 {
        let name = format!("old {number}");
        operator.issue_plain(&account, &name);
        wanted.push(name);
    }
    server.move_clock("+91d");
    for number in 0..30 {
        operator.issue_plain(&account, &format!("young {number}"));
    }
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/v1/keys?due_for_rotation=true&limit=7{cursor}");
        let page = operator.get(&path).expect(200).json();
        found.extend(names(&page).into_iter().map(str::to_owned));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(found, wanted);
}
