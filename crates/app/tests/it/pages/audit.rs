//! The audit trail: told in words, for those who may see it, and of their account only.

use claviger_testkit::{Server, ServerBuilder};
use serde_json::json;

use super::stage::{sign_in, sign_in_as};

fn stage() -> (Server, String) {
    let server = ServerBuilder::new(crate::PROGRAM).profile("example").start();
    let account = server.operator().account("Acme");
    (server, account)
}

/// The text of a page, its tags left out and its spaces made one.
fn told(page: &str) -> String {
    let texts = page.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text));
    texts.collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn events_are_told_in_words_and_names_are_only_text() {
    let (server, account) = stage();
    let script = "<script>alert(1)</script>";
    let (id, _) = server.operator().issue_plain(&account, script);
    let mut ada = sign_in_as(&server, &account, "ada@example.com", "administrator");
    let _ = ada.get("/members").expect(200);
    let _ = ada.submit("/members", &[("email", "bob@example.com"), ("role", "viewer")]).expect(201);
    let page = ada.get("/audit").expect(200);
    assert!(!page.text().contains(script), "{}", page.text());
    let text = told(page.text());
    for sentence in [
        "The people who run this API created the account",
        "The people who run this API created the key &#60;script&#62;alert(1)&#60;/script&#62;",
        "The people who run this API made ada@example.com a member, as administrator",
        "ada@example.com made bob@example.com a member, as viewer",
        "ada@example.com invited bob@example.com",
        "The people who run this API made a sign-in link for ada@example.com",
        "ada@example.com signed in by a one-time link",
    ] {
        assert!(text.contains(sentence), "{sentence}: {text}");
    }
    let of_key = ada.get(&format!("/audit?key={id}")).expect(200);
    let text = told(of_key.text());
    assert!(text.contains("created the key") && !text.contains("invited bob"), "{text}");
}

#[test]
fn the_trail_goes_on_for_pages_both_ways() {
    let (server, account) = stage();
    let (id, _) = server.operator().issue_plain(&account, "Server");
    for number in 0..60 {
        let _ = server
            .operator()
            .patch(&format!("/v1/keys/{id}"), &json!({"name": format!("Name {number}")}))
            .expect(200);
    }
    let mut ada = sign_in(&server, &account, "administrator");
    let first = ada.get(&format!("/audit?key={id}")).expect(200);
    let link = |page: &str, rel: &str| {
        let (_, after) = page.split_once(&format!("rel=\"{rel}\" href=\""))?;
        after.split('"').next().map(|href| href.replace("&#38;", "&"))
    };
    assert!(first.text().contains("“Name 59”") && !first.text().contains("“Name 9”"));
    assert_eq!(link(first.text(), "prev"), None);
    let older = link(first.text(), "next").expect("there are older events");
    let second = ada.get(&older).expect(200);
    assert!(second.text().contains("“Name 9”") && !second.text().contains("“Name 10”"));
    assert_eq!(link(second.text(), "next"), None);
    let newer = link(second.text(), "prev").expect("there are newer events");
    let back = ada.get(&newer).expect(200);
    assert!(back.text().contains("“Name 59”") && back.text().contains("“Name 10”"));
}

#[test]
fn whose_role_excludes_the_trail_sees_none_of_it() {
    let (server, account) = stage();
    let (id, _) = server.operator().issue_plain(&account, "Server");
    let mut viewer = sign_in(&server, &account, "viewer");
    for path in ["/audit".to_owned(), format!("/audit?key={id}"), "/audit?key=x".to_owned()] {
        let _ = viewer.get(&path).expect(403);
    }
    let page = viewer.get(&format!("/keys/{id}")).expect(200);
    assert!(!page.text().contains("/audit"), "{}", page.text());
}

#[test]
fn the_trail_of_another_account_is_not_there() {
    let (server, account) = stage();
    let other = server.operator().account("Other");
    let (id, _) = server.operator().issue_plain(&other, "Hidden");
    let _ = sign_in_as(&server, &other, "olga@example.com", "administrator");
    let mut ada = sign_in(&server, &account, "administrator");
    let page = ada.get("/audit").expect(200);
    assert!(!page.text().contains("Hidden") && !page.text().contains("olga@") && !page.text().contains(&id));
    for key in [id.as_str(), "key_00000000000000000000000000", "x"] {
        let _ = ada.get(&format!("/audit?key={key}")).expect(404);
    }
    for position in ["after=0", "before=99999999", "after=99999999", "after=-1", "before=x", "before=0"] {
        let page = ada.get(&format!("/audit?{position}")).expect(200);
        assert!(!page.text().contains("Hidden") && !page.text().contains("olga@"), "{position}");
    }
}
