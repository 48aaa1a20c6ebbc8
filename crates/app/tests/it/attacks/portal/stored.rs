//! What others wrote is text on every page: names, addresses, browsers, and what the audit trail keeps of them (A140).

use claviger_testkit::{Visitor, exchange};
use serde_json::json;

use super::{Request, Scene};

/// Ends attributes of both kinds, a text area, a title, a script and a comment.
const XSS: &str = r#"'"--></title></textarea></script><svg onload=alert(1)>{{7*7}}&lt;"#;

#[track_caller]
fn assert_text(place: &str, page: &str) {
    for part in ["<svg onload", "</textarea></script>", "</title></textarea>", "onload=alert(1)>"] {
        assert!(!page.contains(part), "{place} has {part}");
    }
    assert!(!page.contains("|safe") && !page.contains("{{7*7}}&lt;\""), "{place}");
}

/// Whether the text is there, escaped.
fn shows(page: &str) -> bool {
    page.contains("svg onload=alert(1)&#62;") || page.contains("svg onload=alert(1)&gt;")
}

#[test]
fn what_others_wrote_is_shown_as_text() {
    let mut scene = Scene::of(claviger_testkit::ServerBuilder::new(crate::PROGRAM).profile("default"));
    let order = json!({"name": XSS, "external_id": XSS, "metadata": {"a": XSS}});
    let made = scene.operator.post("/v1/accounts", &order).expect(201).json();
    scene.account = made["id"].as_str().expect("an account has an id").to_owned();
    let order = json!({"name": XSS, "metadata": {"note": XSS}});
    let key = scene.operator.issue(&scene.account, &order)["id"].as_str().expect("it has an id").to_owned();
    for email in [XSS, "<svg/onload=alert(1)>@example.com", "ada@example.com\"><script>", "a b@example.com"] {
        for path in ["/v1/sessions", "/v1/members"] {
            let order = json!({"account_id": scene.account, "email": email, "role": "viewer"});
            let status = scene.operator.post(path, &order).status;
            assert!([400, 422].contains(&status), "{path}: {email}: {status}");
        }
    }
    // What is left of an address that is one, and means something to HTML.
    let odd = "o'neil&co+{{7*7}}@example.com";
    let mut visitor = Visitor::new(scene.server.portal).with("User-Agent", &format!("Browser {XSS}"));
    let link = {
        let order = json!({"account_id": scene.account, "email": odd, "role": "administrator"});
        scene.one_time("/v1/sessions", &order)
    };
    let _ = visitor.get(&link).expect(303);
    let mut shown = 0;
    for path in [
        "/keys".to_owned(),
        format!(
            "/keys?q={}&sort=%3Csvg&state=%22&page=%3C",
            form_urlencoded::byte_serialize(XSS.as_bytes()).collect::<String>()
        ),
        format!("/keys/{key}"),
        format!("/keys/{key}/edit"),
        format!("/keys/{key}/rotate"),
        format!("/keys/{key}/revoke"),
        "/keys/new".to_owned(),
        "/keys/check".to_owned(),
        "/members".to_owned(),
        "/sessions".to_owned(),
        "/audit".to_owned(),
        "/nothing".to_owned(),
    ] {
        let answer = visitor.get(&path);
        assert!([200, 404].contains(&answer.status), "{path}: {}", answer.status);
        assert_text(&path, answer.text());
        assert!(!answer.text().contains("o'neil&co"), "{path}");
        shown += usize::from(shows(answer.text()));
    }
    assert!(shown >= 4, "the name is on {shown} pages");
    let sessions = visitor.get("/sessions").expect(200);
    assert!(sessions.text().contains("Browser "), "the browser is named");
    let live = visitor.get(&format!("/keys/live?ids={key}")).expect(200);
    assert!(live.text().contains(&key), "{}", live.text());
    assert_eq!(live.header("content-type"), Some("application/json"));
}

#[test]
fn what_was_typed_comes_back_as_text() {
    let scene = Scene::open();
    let mut visitor = scene.member("ada@example.com", "administrator");
    let _ = visitor.get("/keys").expect(200);
    let csrf = visitor.csrf();
    let (key, _) = scene.operator.issue_plain(&scene.account, "attacked");
    let long = format!("{XSS}{}", "n".repeat(2000));
    for path in [
        "/sign-in".to_owned(),
        "/keys/new".to_owned(),
        "/keys/check".to_owned(),
        "/members".to_owned(),
        format!("/keys/{key}/edit"),
        format!("/keys/{key}/revoke"),
        format!("/keys/{key}/rotate"),
        "/sessions/password".to_owned(),
    ] {
        let mut typing = visitor.clone();
        let csrf = if path == "/sign-in" {
            let _ = typing.get(&path).expect(200);
            typing.csrf()
        } else {
            csrf.clone()
        };
        let names = [
            "name",
            "email",
            "password",
            "again",
            "current",
            "new",
            "role",
            "scopes",
            "scope",
            "networks",
            "referrers",
            "endpoints",
            "expires",
            "expires_at",
            "key",
            "confirm",
            "typed",
            "environment",
            "overlap",
            "method",
            "path",
            "address",
            "time",
            "sort",
            "once",
            "metadata",
            "error",
        ];
        let fields: Vec<_> =
            names.iter().map(|name| (*name, long.as_str())).chain([("csrf", csrf.as_str())]).collect();
        let answer = typing.post(&path, &fields);
        assert!(answer.status >= 200 && answer.status < 500, "{path}: {}", answer.status);
        assert_text(&path, answer.text());
    }
    // Nor do paths, methods and words in the query come back as anything else.
    let raw = form_urlencoded::byte_serialize(XSS.as_bytes()).collect::<String>();
    for path in [
        format!("/{raw}"),
        format!("/keys/{raw}"),
        format!("/sign-in/{raw}"),
        format!("/link/{raw}"),
        format!("/sign-in?done={raw}"),
        format!("/keys?done={raw}"),
        format!("/assets/{raw}"),
    ] {
        let answer = scene.ask(&path, &Request::get(scene.server.portal, &path).of(&visitor));
        assert_text(&path, answer.text());
    }
    let odd = format!(
        "X-'!#$%&*+.^_`|~ /sign-in HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
        scene.server.portal
    );
    let answer = exchange(scene.server.portal, "X", odd.as_bytes()).expect("there is an answer");
    assert!(answer.status == 405 && !answer.text().contains("'!#$%&*"), "{}", answer.text());
}
