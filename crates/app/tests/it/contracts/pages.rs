//! The steps that the four texts describe on a page, played in a browser word for word.
//!
//! The browser's halves are `tests/browser/stories/{cashcat,example,codat,cicosts}.mjs`.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use claviger_testkit::{Server, play_story};
use serde_json::{Value, json};

use super::{
    serve, serve_with_clock,
    wire::{assert_said, received, trail},
};
use crate::members::{link, sign_in};

/// Where the story finds everything, and a link for each of those who sign in.
#[track_caller]
fn given(server: &Server, account: &str, people: &[(&str, &str)]) -> Value {
    let mut given = json!({
        "portal": format!("http://{}", server.portal),
        "gateway": format!("http://{}", server.gateway),
    });
    for (name, role) in people {
        given[name] = json!(link(server, account, &format!("{role}@example.com"), role));
    }
    given
}

/// How often a member did this to keys of the account.
#[track_caller]
fn times(server: &Server, account: &str, action: &str) -> usize {
    let is_it = |(done, by): &(String, String)| done == action && by.starts_with("member:");
    trail(server, account).iter().filter(|event| is_it(event)).count()
}

#[test]
fn c5_to_c16_the_page_follows_the_document() {
    let server = serve("cashcat");
    let account = server.operator().account("Acme");
    let people = [("developer", "developer"), ("plain", "developer")];
    play_story("cashcat", &given(&server, &account, &people));
    assert_eq!(times(&server, &account, "key.issue"), 3, "a reload made no other key");
    assert_eq!(times(&server, &account, "key.revoke"), 2);
}

#[test]
fn t2_to_t18_the_page_follows_the_document() {
    let server = serve_with_clock("example");
    let account = server.operator().account("Acme");
    let (_, old) = server.operator().issue_plain(&account, "Old Worker");
    server.move_clock("+91d");
    let people = [("developer", "developer"), ("administrator", "administrator"), ("plain", "developer")];
    let mut given = given(&server, &account, &people);
    given["old"] = json!(old);
    play_story("example", &given);
    assert_eq!(times(&server, &account, "key.rotate"), 2);
}

#[test]
fn k2_to_k12_the_page_follows_the_document() {
    let server = serve("codat");
    let account = server.operator().account("Acme");
    let people = [
        ("developer", "developer"),
        ("administrator", "administrator"),
        ("viewer", "viewer"),
        ("plain", "developer"),
    ];
    play_story("codat", &given(&server, &account, &people));
    assert_eq!(times(&server, &account, "key.reveal"), 4, "each look is on the trail");
}

#[test]
fn k8_who_may_not_see_keys_is_refused_every_request_behind_the_page() {
    let server = serve("codat");
    let account = server.operator().account("Acme");
    let (id, key) = server.operator().issue_plain(&account, "Sync");
    let mut viewer = sign_in(&server, &account, "viewer");
    let _ = viewer.get("/sessions").expect(200);
    let csrf = viewer.csrf();
    let once = "A".repeat(43);
    let fields = [
        ("csrf", csrf.as_str()),
        ("once", &once),
        ("name", "Mine"),
        ("confirm", "Sync"),
        ("overlap", "0"),
        ("key", &key),
    ];
    let (issued, revealed) = (times(&server, &account, "key.issue"), times(&server, &account, "key.reveal"));
    let of_key = ["reveal", "revoke", "rotate", "edit", "disable", "enable"];
    let of_key = of_key.map(|verb| format!("/keys/{id}/{verb}"));
    for path in of_key.iter().map(String::as_str).chain(["/keys/new", "/keys/check"]) {
        let refused = viewer.clone().post(path, &fields).expect(403);
        assert!(!refused.text().contains(&key), "{path}");
    }
    for path in ["/keys", "/keys/live", "/keys/new", &format!("/keys/{id}")] {
        let refused = viewer.clone().get(path).expect(403);
        assert!(!refused.text().contains(&key[..6]), "{path}: {}", refused.text());
    }
    assert_eq!(times(&server, &account, "key.issue"), issued);
    assert_eq!(times(&server, &account, "key.reveal"), revealed);
    let basic = server.customer("").authorized_by(&format!("Basic {}", STANDARD.encode(&key)));
    received(basic.get("/companies"));
}

#[test]
fn i2_to_i16_the_page_follows_the_document() {
    let server = serve("cicosts");
    let account = server.operator().account("Acme");
    let people = [("developer", "developer"), ("plain", "developer")];
    play_story("cicosts", &given(&server, &account, &people));
    assert_eq!(times(&server, &account, "key.revoke"), 2);
}

#[test]
fn i14_a_key_ends_when_the_page_said_it_would() {
    let server = serve_with_clock("cicosts");
    let account = server.operator().account("Acme");
    let mut developer = sign_in(&server, &account, "developer");
    let _ = developer.get("/keys/new").expect(200);
    let made = developer.submit("/keys/new", &[("name", "Reporting"), ("expiry", "7d")]).expect(201);
    let (_, after) = made.text().split_once("id=\"plain-key\"").expect("the page shows a key");
    let key = after.split(['>', '<']).nth(1).expect("a tag has an end").to_owned();
    received(server.customer(&key).get("/v1/costs"));
    server.move_clock("+8d");
    let body = r#"{"error":{"code":"expired_api_key","message":"This API key has expired"}}"#;
    let challenge = r#"Bearer realm="CICosts API", error="invalid_token""#;
    assert_said(&server.customer(&key).get("/v1/costs"), 401, Some(challenge), body);
    let mut given = given(&server, &account, &[("developer", "developer")]);
    given["key"] = json!(key);
    play_story("cicosts_expired", &given);
}
