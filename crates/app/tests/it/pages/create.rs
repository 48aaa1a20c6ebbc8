//! Making a key: what is asked for, what is made, and that its secret is shown once.

use claviger_testkit::{Answer, Server, ServerBuilder, Visitor};
use serde_json::{Value, json};

use super::stage::sign_in;

/// The plain key on a page that shows one.
#[track_caller]
pub(super) fn plain_key(page: &Answer) -> String {
    let (_, after) = page.text().split_once("id=\"plain-key\"").expect("the page shows a key");
    let (_, after) = after.split_once('>').expect("a tag has an end");
    after.split('<').next().unwrap_or_default().to_owned()
}

/// The first key that a page leads to.
#[track_caller]
pub(super) fn key_of(page: &Answer) -> String {
    let (_, after) = page.text().split_once("href=\"/keys/key_").expect("the page leads to a key");
    let digits: String = after.chars().take_while(char::is_ascii_alphanumeric).collect();
    format!("key_{digits}")
}

/// The keys of an account, as the operators see them.
#[track_caller]
pub(super) fn keys(server: &Server, account: &str) -> Vec<Value> {
    let listed = server.operator().get(&format!("/v1/accounts/{account}/keys")).expect(200).json();
    listed["items"].as_array().expect("a list has items").clone()
}

/// Makes a member a viewer, from their next request on.
#[track_caller]
pub(super) fn make_viewer(server: &Server, account: &str, email: &str) {
    let operator = server.operator();
    let members = operator.get(&format!("/v1/members?account_id={account}")).expect(200).json();
    let members = members["items"].as_array().expect("a list has items");
    let member = members.iter().find(|member| member["email"] == email).expect("they are a member");
    let id = member["id"].as_str().expect("a member has an id");
    let _ = operator.patch(&format!("/v1/members/{id}"), &json!({"role": "viewer"})).expect(200);
}

/// A server with a developer on the page of a new key.
pub(super) fn stage(profile: &str) -> (Server, String, Visitor) {
    let server = ServerBuilder::new(crate::PROGRAM).profile(profile).start();
    let account = server.operator().account("Acme");
    let mut developer = sign_in(&server, &account, "developer");
    let _ = developer.get("/keys/new").expect(200);
    (server, account, developer)
}

#[test]
fn a_key_is_made_in_the_words_of_each_api() {
    for (profile, words, begins, line) in [
        ("cashcat", ["Create New Key", ">Create</button>"], "cc_live_", "export CASHCAT_API_KEY=cc_live_"),
        (
            "cicosts",
            ["Generate API Key", "Advanced Options"],
            "cic_live_",
            "export CICOSTS_API_KEY=cic_live_",
        ),
        ("codat", ["Create API key", "Developers"], "", "-u &#34;$CODAT_API_KEY:&#34;"),
        ("example", ["Create New API Key", "No charges are made"], "sk_live_", "API_KEY=sk_live_"),
    ] {
        let (server, account, mut developer) = stage(profile);
        let form = developer.get("/keys/new").expect(200);
        for word in words {
            assert!(form.text().contains(word), "{profile}: {word}");
        }
        let before = keys(&server, &account).len();
        let page = developer.submit("/keys/new", &[("name", "Production server")]).expect(201);
        let plain = plain_key(&page);
        assert!(plain.starts_with(begins), "{profile}");
        assert!(page.text().contains(line), "{profile}: {}", page.text());
        assert!(page.text().contains("It works on every node now."), "{profile}");
        assert_eq!(page.header("cache-control"), Some("no-store"));
        assert_eq!(server.operator().verify(&json!({"key": plain}))["allowed"], true, "{profile}");
        let kept = keys(&server, &account);
        assert_eq!(kept.len(), before + 1, "{profile}");
        let made = kept.iter().find(|key| key["name"] == "Production server").expect("it is listed");
        assert_eq!(made["scopes"], "all");
        assert!(!server.log().contains(&plain), "{profile}: the key is in the log");
    }
}

#[test]
fn the_ready_made_header_is_there_where_the_profile_says_so() {
    let (_server, _, mut developer) = stage("codat");
    let page = developer.submit("/keys/new", &[("name", "Sync")]).expect(201);
    let (_, after) = page.text().split_once("id=\"ready-header\"").expect("the header is shown");
    assert!(after.split_once('>').is_some_and(|(_, value)| value.starts_with("Basic ")));
    let (_server, _, mut developer) = stage("cashcat");
    let page = developer.submit("/keys/new", &[("name", "Sync")]).expect(201);
    assert!(!page.text().contains("ready-header"));
}

#[test]
fn a_form_that_is_sent_twice_makes_one_key() {
    let (server, account, developer) = stage("cashcat");
    let answers: Vec<_> = std::thread::scope(|scope| {
        let sending: Vec<_> = (0..4)
            .map(|_| {
                let mut developer = developer.clone();
                scope.spawn(move || developer.submit("/keys/new", &[("name", "Production server")]))
            })
            .collect();
        sending.into_iter().map(|sent| sent.join().expect("the portal answers")).collect()
    });
    assert_eq!(keys(&server, &account).len(), 1);
    let made: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert_eq!(made.len(), 1, "one answer has the key");
    let plain = plain_key(made[0]);
    for again in answers.into_iter().filter(|answer| answer.status != 201) {
        let again = again.expect(409);
        assert!(again.text().contains("This key was created already"), "{}", again.text());
        assert!(!again.text().contains(&plain), "the key is shown once");
        assert!(again.text().contains(&format!("/keys/{}/rotate", key_of(&again))));
    }
}

#[test]
fn a_form_that_is_sent_again_with_something_else_makes_nothing_until_it_is_looked_at() {
    let (server, account, mut developer) = stage("cashcat");
    let mut back = developer.clone();
    let _ = developer.submit("/keys/new", &[("name", "One")]).expect(201);
    let again = back.submit("/keys/new", &[("name", "Two")]).expect(409);
    assert!(again.text().contains("was sent before"), "{}", again.text());
    assert_eq!(keys(&server, &account).len(), 1);
    let _ = back.submit("/keys/new", &[("name", "Two")]).expect(201);
    assert_eq!(keys(&server, &account).len(), 2);
    let _ = back.get("/keys/new").expect(200);
    let csrf = back.csrf();
    let _ = back.post("/keys/new", &[("csrf", &csrf), ("name", "Three")]).expect(403);
    assert_eq!(keys(&server, &account).len(), 2, "a form without its nonce is none of ours");
}

#[test]
fn what_was_chosen_is_what_the_key_has() {
    let (server, account, mut developer) = stage("cicosts");
    let fields = [
        ("name", "CI"),
        ("environment", "test"),
        ("permissions", "only"),
        ("scopes", "costs:read"),
        ("scopes", "alerts:write"),
        ("expiry", "date"),
        ("expires_on", "2999-12-31"),
        ("networks", "10.0.0.0/8\r\n2001:db8::/32\r\n"),
        ("referrers", "https://*.example.com/shop/*"),
        ("endpoints", "GET /v1/costs/**\r\n\r\n* /v1/alerts"),
    ];
    let page = developer.submit("/keys/new", &fields).expect(201);
    assert!(plain_key(&page).starts_with("cic_test_"));
    let key = &keys(&server, &account)[0];
    assert_eq!(key["environment"], "test");
    assert_eq!(key["scopes"], json!(["alerts:write", "costs:read"]));
    assert_eq!(key["expires_at"], "2999-12-31T23:59:59Z");
    let restrictions = json!({
        "networks": ["10.0.0.0/8", "2001:db8::/32"],
        "referrers": ["https://*.example.com/shop/*"],
        "endpoints": ["GET /v1/costs/**", "* /v1/alerts"],
    });
    assert_eq!(key["restrictions"], restrictions);
}

#[test]
fn what_can_not_be_taken_is_said_beside_its_field_and_kept() {
    let (server, account, mut developer) = stage("cicosts");
    let sent = [
        (&[("name", "")][..], "name-error", "Give the key a name"),
        (&[("name", "CI"), ("permissions", "only")], "permissions-error", "Tick at least one"),
        (&[("name", "CI"), ("permissions", "all"), ("scopes", "costs:read")], "permissions-error", "ticked"),
        (&[("name", "CI"), ("permissions", "only"), ("scopes", "root")], "permissions-error", "root"),
        (&[("name", "CI"), ("networks", "10.0.0.0/8\r\nhome")], "networks-error", "Line 2, “home”"),
        (&[("name", "CI"), ("expiry", "date"), ("expires_on", "2020-01-01")], "expires_on-error", "is over"),
        (&[("name", "CI"), ("endpoints", "/v1/costs")], "endpoints-error", "Line 1"),
    ];
    for (fields, place, text) in sent {
        let page = developer.submit("/keys/new", fields).expect(422);
        assert!(page.text().contains(&format!("id=\"{place}\"")), "{place}: {}", page.text());
        assert!(page.text().contains(text), "{text}: {}", page.text());
        let name = format!("name=\"name\" value=\"{}\"", fields[0].1);
        assert!(page.text().contains(&name), "what was typed is kept");
    }
    let name = "n".repeat(300);
    let page = developer.submit("/keys/new", &[("name", &name)]).expect(422);
    assert!(page.text().contains("characters long"), "{}", page.text());
    assert!(keys(&server, &account).is_empty());
}

#[test]
fn a_name_is_text_whatever_is_in_it() {
    let (_server, _, mut developer) = stage("cashcat");
    let name = "<script>alert(1)</script>\"'&";
    let page = developer.submit("/keys/new", &[("name", name)]).expect(201);
    assert!(!page.text().contains("<script>alert"));
    assert!(page.text().contains("&#60;script&#62;alert(1)"), "{}", page.text());
    let id = key_of(&page);
    for form in ["edit", "rotate", "revoke"] {
        let page = developer.get(&format!("/keys/{id}/{form}")).expect(200);
        assert!(!page.text().contains("<script>alert"), "{form}");
    }
    let wrong = [("name", ""), ("networks", "</textarea><script>alert(1)</script>")];
    let _ = developer.get("/keys/new").expect(200);
    let page = developer.submit("/keys/new", &wrong).expect(422);
    assert!(!page.text().contains("<script>alert"));
}

#[test]
fn the_eleventh_key_is_refused_with_what_to_do() {
    let (server, account, mut developer) = stage("codat");
    for number in keys(&server, &account).len()..10 {
        let _ = server.operator().issue(&account, &json!({"name": format!("key {number}")}));
    }
    let page = developer.submit("/keys/new", &[("name", "one more")]).expect(409);
    let said = "has 10 keys, as many as it may have. To make a new one, delete one";
    assert!(page.text().contains(said), "{}", page.text());
    assert!(page.text().contains("value=\"one more\""));
    let page = developer.get("/keys/new").expect(409);
    assert!(page.text().contains(said) && !page.text().contains("name=\"name\""), "{}", page.text());
}

#[test]
fn who_may_not_reveal_is_told_to_store_a_key_that_others_can_see_again() {
    let codat = include_str!("../../../../../profiles/codat.toml");
    let narrowed = codat.replace("viewer = []", "developer = [\"read\", \"manage\"]\nviewer = []");
    let server = ServerBuilder::new(crate::PROGRAM).profile_text(&narrowed).start();
    let account = server.operator().account("Acme");
    for (role, said) in [("developer", "It is not shown again"), ("administrator", "it can be seen again")] {
        let mut member = sign_in(&server, &account, role);
        let _ = member.get("/keys/new").expect(200);
        let page = member.submit("/keys/new", &[("name", role)]).expect(201);
        assert!(page.text().contains(said), "{role}: {}", page.text());
        let asks = page.text().contains("data-guard>") && page.text().contains("data-stored");
        assert_eq!(asks, role == "developer", "{role}");
    }
}

#[test]
fn a_key_can_stay_without_a_name_where_the_profile_says_so() {
    let (server, account, mut developer) = stage("codat");
    let page = developer.submit("/keys/new", &[("name", "")]).expect(201);
    let hint: String = plain_key(&page).chars().take(6).collect();
    assert!(page.text().contains(&format!("{hint} is ready")), "{}", page.text());
    assert!(keys(&server, &account).iter().any(|key| key["name"].is_null()));
}

#[test]
fn who_may_not_manage_any_more_is_signed_out_and_refused() {
    let (server, account, mut developer) = stage("cashcat");
    let (id, _) = server.operator().issue_plain(&account, "Production server");
    let forms = ["edit", "rotate", "revoke"].map(|form| format!("/keys/{id}/{form}"));
    let mut open: Vec<_> = forms
        .iter()
        .map(|form| {
            let mut visitor = developer.clone();
            let _ = visitor.get(form).expect(200);
            (form, visitor)
        })
        .collect();
    make_viewer(&server, &account, "developer@example.com");
    let _ = developer.submit("/keys/new", &[("name", "late")]).expect(303);
    for (form, visitor) in &mut open {
        let fields = [("name", "late"), ("overlap", "0"), ("confirm", "Production server")];
        let answer = visitor.submit(form, &fields).expect(303);
        assert!(answer.header("location").is_some_and(|path| path.starts_with("/sign-in")), "{form}");
    }
    let mut viewer = sign_in(&server, &account, "viewer");
    let _ = viewer.get("/keys/check").expect(200);
    let csrf = viewer.csrf();
    let fields = [("csrf", &*csrf), ("name", "late"), ("overlap", "0"), ("confirm", "Production server")];
    for form in forms.iter().map(String::as_str).chain(["/keys/new"]) {
        let refused = viewer.get(form).expect(403);
        assert!(refused.text().contains("ask an administrator"), "{form}: {}", refused.text());
        let _ = viewer.post(form, &fields).expect(403);
    }
    for verb in ["disable", "enable", "reveal"] {
        let _ = viewer.post(&format!("/keys/{id}/{verb}"), &[("csrf", &csrf)]).expect(403);
    }
    let kept = keys(&server, &account);
    assert_eq!(kept.len(), 1);
    assert_eq!((&kept[0]["state"], &kept[0]["name"]), (&json!("active"), &json!("Production server")));
}
