//! The list of keys: who sees it, what it finds, and what never is in it.

use claviger_testkit::{Answer, ServerBuilder, eventually};
use serde_json::json;

use super::stage::{sign_in, sign_in_as};

/// Where each of these texts first is in the page; all of them are there.
#[track_caller]
fn places(page: &Answer, texts: &[&str]) -> Vec<usize> {
    texts.iter().map(|text| page.text().find(text).expect(text)).collect()
}

#[track_caller]
fn is_in_order(page: &Answer, texts: &[&str]) {
    let places = places(page, texts);
    assert!(places.is_sorted(), "{texts:?} are at {places:?}");
}

#[test]
fn each_role_sees_what_it_may_do() {
    let server = ServerBuilder::new(crate::PROGRAM).profile("cashcat").start();
    let account = server.operator().account("Acme");
    let (id, plain) = server.operator().issue_plain(&account, "CI");
    for (role, may) in [("administrator", true), ("developer", true), ("viewer", false)] {
        let page = sign_in(&server, &account, role).get("/keys").expect(200);
        assert!(page.text().contains(">CI</a>"), "{role}");
        assert!(!page.text().contains(&plain), "a secret is in the list");
        for action in ["Create New Key", &format!("/keys/{id}/revoke"), &format!("/keys/{id}/rotate")] {
            assert_eq!(page.text().contains(action), may, "{role}: {action}");
        }
    }
}

#[test]
fn who_may_not_see_keys_learns_who_may() {
    let server = ServerBuilder::new(crate::PROGRAM).profile("codat").start();
    let account = server.operator().account("Acme");
    let _ = server.operator().issue_plain(&account, "Sync");
    let mut viewer = sign_in(&server, &account, "viewer");
    for path in ["/keys", "/keys?q=Sync", "/keys/check"] {
        let page = viewer.get(path).expect(403);
        assert!(page.text().contains("administrators and developers can see the keys"), "{}", page.text());
        for hidden in ["Sync", "/keys/key_", "/keys/new", "Basic"] {
            assert!(!page.text().contains(hidden), "{path}: {hidden}");
        }
    }
    let _ = viewer.get("/keys/live").expect(403);
    let page = sign_in_as(&server, &account, "dev@example.com", "developer").get("/keys").expect(200);
    let _ = places(&page, &["Basic ••••••••", "/reveal\"", ">Delete</a>"]);
}

#[test]
fn another_accounts_keys_are_never_there() {
    let server = ServerBuilder::new(crate::PROGRAM).profile("cashcat").start();
    let (acme, other) = (server.operator().account("Acme"), server.operator().account("Other"));
    let (id, _) = server.operator().issue_plain(&other, "Elsewhere");
    let (own, _) = server.operator().issue_plain(&acme, "Here");
    let mut developer = sign_in(&server, &acme, "developer");
    for (path, shows_own) in [
        ("/keys", true),
        ("/keys?q=cc_live", true),
        ("/keys?q=Elsewhere", false),
        ("/keys?state=unused", false),
        ("/keys?state=revoked", false),
    ] {
        let page = developer.get(path).expect(200);
        assert_eq!(page.text().contains(">Here<"), shows_own, "{path}");
        assert!(!page.text().contains(&id), "{path}");
        assert!(!page.text().contains(">Elsewhere<"), "{path}");
    }
    let live = developer.get(&format!("/keys/live?ids={id},{own},key_0,")).expect(200).json();
    let items = live["items"].as_array().expect("a list has items");
    assert_eq!(items.iter().map(|item| &item["id"]).collect::<Vec<_>>(), [&json!(own)]);
}

#[test]
fn keys_are_searched_sorted_and_paged_by_the_address() {
    let server = ServerBuilder::new(crate::PROGRAM).profile("example").start();
    let account = server.operator().account("Acme");
    for number in 0..30 {
        let _ = server.operator().issue_plain(&account, &format!("Worker {number:02}"));
    }
    let mut developer = sign_in(&server, &account, "developer");
    let newest = developer.get("/keys").expect(200);
    is_in_order(&newest, &[">Worker 29<", ">Worker 28<", ">Worker 05<", "1–25 of 30"]);
    assert!(!newest.text().contains(">Worker 04<"));
    let named = developer.get("/keys?sort=name&page=2").expect(200);
    is_in_order(&named, &[">Worker 25<", ">Worker 29<", "26–30 of 30", "href=\"/keys?sort=name\""]);
    let turned = developer.get("/keys?sort=name&dir=desc&q=WORKER+1").expect(200);
    is_in_order(&turned, &[">Worker 19<", ">Worker 10<"]);
    assert!(!turned.text().contains(">Worker 20<"));
    let _ = places(&turned, &["<option value=\"name.desc\" selected>Name, from Z</option>"]);
    let searched = developer.get("/keys?q=Worker+1&sort=name.desc").expect(200);
    is_in_order(&searched, &[">Worker 19<", ">Worker 10<"]);
    let none = developer.get("/keys?q=nothing").expect(200);
    let _ = places(&none, &["No key matches “nothing”", "Show all keys"]);
    let (_, after) = named.text().split_once("data-live=\"").unwrap();
    let live = developer.get(after.split_once('"').unwrap().0).expect(200).json();
    assert_eq!(live["items"].as_array().map(Vec::len), Some(5));
    assert_eq!(live["items"][0]["state"], "active");
    assert_eq!(live["items"][0]["last_used"], "Never");
}

#[test]
fn a_name_is_text_whatever_is_in_it() {
    let server = ServerBuilder::new(crate::PROGRAM).profile("cashcat").start();
    let account = server.operator().account("<b>Acme</b>");
    let name = "<script>alert(1)</script>\"'>";
    let _ = server.operator().issue_plain(&account, name);
    let mut developer = sign_in(&server, &account, "developer");
    for (path, written) in [
        ("/keys", ">&#60;script&#62;alert(1)&#60;/script&#62;&#34;&#39;&#62;<"),
        ("/keys?q=%3Cscript%3E", "value=\"&#60;script&#62;\""),
        ("/keys?q=%22%3E%3Cscript%3Ex", "No key matches “&#34;&#62;&#60;script&#62;x”"),
    ] {
        let page = developer.get(path).expect(200);
        let _ = places(&page, &[written, "&#60;b&#62;Acme"]);
        for raw in ["<script>", "<b>Acme", "\"'>"] {
            assert!(!page.text().contains(raw), "{path}: {raw}");
        }
    }
}

#[test]
fn an_empty_account_learns_what_a_key_is() {
    let server = ServerBuilder::new(crate::PROGRAM).profile("cashcat").start();
    let account = server.operator().account("Acme");
    let page = sign_in(&server, &account, "developer").get("/keys").expect(200);
    let _ = places(&page, &["An API key lets a program call", "href=\"/keys/new\""]);
    let page = sign_in(&server, &account, "viewer").get("/keys").expect(200);
    assert!(!page.text().contains("/keys/new"));
}

#[test]
fn an_account_with_as_many_keys_as_it_may_have_is_told() {
    let server = ServerBuilder::new(crate::PROGRAM).profile("codat").start();
    let account = server.operator().account("Acme");
    for number in 1..10 {
        let _ = server.operator().issue_plain(&account, &format!("Key {number}"));
    }
    let page = sign_in(&server, &account, "developer").get("/keys").expect(200);
    let _ = places(&page, &["This account has 10 keys, as many as it may have", "delete one"]);
    assert!(!page.text().contains("/keys/new"));
}

#[test]
fn keys_are_sorted_by_use_and_by_expiry() {
    let server = ServerBuilder::new(crate::PROGRAM).profile("example").start();
    let account = server.operator().account("Acme");
    let _ = server.operator().issue_plain(&account, "Idle");
    let (_, plain) = server.operator().issue_plain(&account, "Busy");
    let order = json!({"name": "Ends", "expires_at": "2999-01-01T00:00:00Z"});
    let _ = server.operator().issue(&account, &order);
    let mut developer = sign_in(&server, &account, "developer");
    is_in_order(&developer.get("/keys?sort=expires").expect(200), &[">Ends<", ">Idle<"]);
    is_in_order(&developer.get("/keys?sort=expires.desc").expect(200), &[">Idle<", ">Ends<"]);
    let _ = server.customer(&plain).get("/v1/things");
    eventually(|| {
        let page = developer.get("/keys?sort=used").expect(200);
        places(&page, &[">Busy<", ">Idle<"]).is_sorted().then_some(())
    });
    is_in_order(&developer.get("/keys?sort=used.asc").expect(200), &[">Idle<", ">Busy<"]);
}

#[test]
fn the_place_is_called_as_in_the_documents_of_the_api() {
    for (profile, word) in [("cashcat", "API Keys"), ("cicosts", "API"), ("codat", "API keys")] {
        let server = ServerBuilder::new(crate::PROGRAM).profile(profile).start();
        let account = server.operator().account("Acme");
        let (id, _) = server.operator().issue_plain(&account, "CI");
        let mut developer = sign_in(&server, &account, "developer");
        let page = developer.get("/keys").expect(200);
        let _ = places(&page, &[&format!("<h1>{word}</h1>"), &format!(">{word} of Acme</caption>")]);
        let page = developer.get(&format!("/keys/{id}")).expect(200);
        let _ = places(&page, &[&format!("←</span> {word}</a>")]);
    }
}

#[test]
fn the_newest_of_many_keys_are_there_however_many_were_revoked() {
    let server = ServerBuilder::new(crate::PROGRAM).profile("example").start();
    let account = server.operator().account("Acme");
    for number in 0..1100 {
        let (id, _) = server.operator().issue_plain(&account, &format!("Worker {number:04}"));
        if number < 1050 {
            let _ = server.operator().post(&format!("/v1/keys/{id}/revoke"), &json!({})).expect(200);
        }
    }
    let mut developer = sign_in(&server, &account, "developer");
    is_in_order(&developer.get("/keys").expect(200), &[">Worker 1099<", ">Worker 1075<", "1–25 of 50"]);
    let revoked = developer.get("/keys?state=revoked").expect(200);
    is_in_order(&revoked, &["All keys (50)", ">Worker 1049<", "1–25 of 1,050"]);
}

#[test]
fn a_whole_key_in_the_search_leaves_the_address_bar() {
    let server = ServerBuilder::new(crate::PROGRAM).profile("cashcat").start();
    let account = server.operator().account("Acme");
    let (_, plain) = server.operator().issue_plain(&account, "CI");
    let mut developer = sign_in(&server, &account, "developer");
    let answer = developer.get(&format!("/keys?q={plain}")).expect(303);
    assert_eq!(answer.header("location"), Some("/keys/check?pasted=search"));
    assert!(!server.log().contains(&plain), "the key is in the log");
}

#[test]
fn an_endpoint_pattern_is_tried_by_the_rules_that_decide() {
    let server = ServerBuilder::new(crate::PROGRAM).profile("example").start();
    let account = server.operator().account("Acme");
    let mut developer = sign_in(&server, &account, "developer");
    let mut check = |query: &str| developer.get(&format!("/keys/endpoint-check?{query}")).expect(200).json();
    assert_eq!(
        check("pattern=GET+/v1/**&path=HEAD+/v1/a/b"),
        json!({"pattern_ok": true, "detail": null, "matches": true})
    );
    assert_eq!(check("pattern=GET+/v1/*&path=GET+/v1/a/b")["matches"], false);
    let wrong = check("pattern=GET+/v1/a*&path=GET+/v1/ab");
    assert_eq!(wrong["pattern_ok"], false);
    assert!(wrong["detail"].as_str().is_some_and(|detail| detail.contains("whole segments")), "{wrong}");
}
