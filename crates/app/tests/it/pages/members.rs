//! Members: inviting, changing roles and removing, by those who may and in their own account only.

use claviger_testkit::{Server, ServerBuilder, Visitor};
use serde_json::Value;

use super::stage::{path, sign_in, sign_in_as};

fn stage() -> (Server, String) {
    let server = ServerBuilder::new(crate::PROGRAM).profile("example").start();
    let account = server.operator().account("Acme");
    (server, account)
}

/// The id of a member of the account.
#[track_caller]
fn id(server: &Server, account: &str, email: &str) -> String {
    member(server, account, email)["id"].as_str().expect("a member has an id").to_owned()
}

#[track_caller]
fn member(server: &Server, account: &str, email: &str) -> Value {
    let listed = server.operator().get(&format!("/v1/members?account_id={account}")).expect(200).json();
    let members = listed["items"].as_array().expect("a list has items");
    members.iter().find(|member| member["email"] == email).expect("there is such a member").clone()
}

/// The invitation on the page that shows it.
#[track_caller]
fn invitation(page: &str) -> String {
    let (_, after) = page.split_once("<code id=\"link\"").expect("the page shows a link");
    let (_, after) = after.split_once('>').expect("a tag has an end");
    after.split('<').next().unwrap_or_default().to_owned()
}

#[test]
fn whoever_is_invited_chooses_a_password_and_is_a_member() {
    let (server, account) = stage();
    let mut ada = sign_in_as(&server, &account, "ada@example.com", "administrator");
    let _ = ada.get("/members").expect(200);
    let made = ada.submit("/members", &[("email", " Bob@Example.com "), ("role", "viewer")]).expect(201);
    assert_eq!(made.header("cache-control"), Some("no-store"));
    assert!(made.text().contains("bob@example.com") && made.text().contains("7 days"), "{}", made.text());
    let link = invitation(made.text());
    let mut bob = Visitor::new(server.portal);
    let _ = bob.get(path(&link)).expect(200);
    let password = "one two three four five";
    let other = bob.submit(path(&link), &[("password", password), ("again", "another")]).expect(422);
    assert!(other.text().contains("id=\"again-error\""), "{}", other.text());
    assert!(!other.text().contains("id=\"password-error\""), "{}", other.text());
    let fields = [("password", password), ("again", password)];
    assert_eq!(bob.submit(path(&link), &fields).expect(303).header("location"), Some("/keys"));
    let listed = ada.get("/members").expect(200);
    assert!(listed.text().contains("bob@example.com") && !listed.text().contains(path(&link)));
    let bob = member(&server, &account, "bob@example.com");
    assert_eq!((bob["role"].as_str(), bob["has_password"].as_bool()), (Some("viewer"), Some(true)));
}

#[test]
fn what_is_no_address_or_a_members_already_is_refused_beside_the_field() {
    let (server, account) = stage();
    let mut ada = sign_in_as(&server, &account, "ada@example.com", "administrator");
    for (typed, error) in [
        ("nobody", "must be an e-mail address"),
        ("", "must be an e-mail address"),
        ("ADA@example.com", "has a member with this address already"),
        ("<script>alert(1)</script>", "must be an e-mail address"),
    ] {
        let _ = ada.get("/members").expect(200);
        let refused = ada.submit("/members", &[("email", typed), ("role", "viewer")]).expect(422);
        let page = refused.text();
        assert!(page.contains("id=\"email-error\"") && page.contains(error), "{typed}: {page}");
        assert!(page.contains("<option value=\"viewer\" selected>"), "what was chosen is kept: {page}");
        assert!(!page.contains("<script>alert"), "{page}");
    }
    let _ = ada.get("/members").expect(200);
    let _ = ada.submit("/members", &[("email", "bob@example.com"), ("role", "owner")]).expect(422);
}

#[test]
fn only_administrators_see_and_change_members() {
    let (server, account) = stage();
    let _ = sign_in_as(&server, &account, "ada@example.com", "administrator");
    let ada = id(&server, &account, "ada@example.com");
    for role in ["developer", "viewer"] {
        let mut visitor = sign_in(&server, &account, role);
        let own = visitor.get("/sessions").expect(200);
        assert!(!own.text().contains("href=\"/members\""), "{role}");
        let csrf = visitor.csrf();
        let _ = visitor.get("/members").expect(403);
        let _ = visitor.get(&format!("/members/{ada}/remove")).expect(403);
        for (path, fields) in [
            ("/members".to_owned(), [("email", "eve@example.com"), ("role", "administrator")]),
            (format!("/members/{ada}/role"), [("role", "viewer"), ("confirm", "")]),
            (format!("/members/{ada}/remove"), [("role", ""), ("confirm", "ada@example.com")]),
        ] {
            let [first, second] = fields;
            let _ = visitor.post(&path, &[("csrf", &csrf), first, second]).expect(403);
        }
    }
    assert_eq!(member(&server, &account, "ada@example.com")["role"], "administrator");
}

#[test]
fn members_of_another_account_are_not_there() {
    let (server, account) = stage();
    let other = server.operator().account("Other");
    let _ = sign_in_as(&server, &other, "olga@example.com", "administrator");
    let olga = id(&server, &other, "olga@example.com");
    let mut ada = sign_in_as(&server, &account, "ada@example.com", "administrator");
    let page = ada.get("/members").expect(200);
    assert!(!page.text().contains("olga@example.com"));
    let csrf = ada.csrf();
    for id in [olga.as_str(), "mem_00000000000000000000000000", "key_00000000000000000000000000", "x"] {
        let _ = ada.get(&format!("/members/{id}/remove")).expect(404);
        let fields = [("csrf", csrf.as_str()), ("confirm", "olga@example.com"), ("role", "viewer")];
        let _ = ada.post(&format!("/members/{id}/remove"), &fields).expect(404);
        let _ = ada.post(&format!("/members/{id}/role"), &fields).expect(404);
    }
    // An account in the form is not listened to.
    let fields =
        [("csrf", csrf.as_str()), ("email", "eve@example.com"), ("role", "viewer"), ("account", &other)];
    let _ = ada.post("/members", &fields).expect(201);
    let _ = member(&server, &account, "eve@example.com");
    assert_eq!(member(&server, &other, "olga@example.com")["role"], "administrator");
}

#[test]
fn a_removed_members_session_ends_at_the_next_click() {
    let (server, account) = stage();
    let mut ada = sign_in_as(&server, &account, "ada@example.com", "administrator");
    let mut bob = sign_in_as(&server, &account, "bob@example.com", "developer");
    let _ = bob.get("/sessions").expect(200);
    let remove = format!("/members/{}/remove", id(&server, &account, "bob@example.com"));
    let _ = ada.get(&remove).expect(200);
    let wrong = ada.submit(&remove, &[("confirm", "ada@example.com")]).expect(422);
    assert!(wrong.text().contains("confirm-name-error"), "{}", wrong.text());
    let _ = bob.get("/sessions").expect(200);
    let done = ada.submit(&remove, &[("confirm", " BOB@example.com")]).expect(303);
    assert_eq!(done.header("location"), Some("/members?done=member-removed"));
    let over = Some("/sign-in?done=session-over&next=%2Fsessions");
    assert_eq!(bob.get("/sessions").expect(303).header("location"), over);
    let _ = ada.get(&remove).expect(404);
    let listed = ada.get("/members").expect(200);
    assert!(!listed.text().contains("bob@example.com"));
}

#[test]
fn a_role_lowered_while_the_page_is_open_is_refused() {
    let (server, account) = stage();
    let mut ada = sign_in_as(&server, &account, "ada@example.com", "administrator");
    let mut bob = sign_in_as(&server, &account, "bob@example.com", "administrator");
    let _ = bob.get("/members").expect(200);
    let (ada_id, bob_id) =
        (id(&server, &account, "ada@example.com"), id(&server, &account, "bob@example.com"));
    let _ = ada.get("/members").expect(200);
    let role = format!("/members/{bob_id}/role");
    let done = ada.submit(&role, &[("role", "viewer")]).expect(303);
    assert_eq!(done.header("location"), Some("/members?done=role"));
    // Another role ends the sessions of the one before.
    let _ = bob.submit(&format!("/members/{ada_id}/role"), &[("role", "viewer")]).expect(303);
    assert!(bob.get("/members").expect(303).header("location").is_some_and(|to| to.starts_with("/sign-in")));
    assert_eq!(member(&server, &account, "ada@example.com")["role"], "administrator");
}

#[test]
fn the_last_administrator_stays() {
    let (server, account) = stage();
    let mut ada = sign_in_as(&server, &account, "ada@example.com", "administrator");
    let ada_id = id(&server, &account, "ada@example.com");
    let listed = ada.get("/members").expect(200);
    assert!(listed.text().contains(">You</span>"), "{}", listed.text());
    let sentence = "This is the account&#39;s last administrator: make another one first.";
    let refused = ada.submit(&format!("/members/{ada_id}/role"), &[("role", "viewer")]).expect(409);
    assert!(refused.text().contains(sentence), "{}", refused.text());
    let remove = format!("/members/{ada_id}/remove");
    let page = ada.get(&remove).expect(200);
    assert!(page.text().contains("This is you"), "{}", page.text());
    let refused = ada.submit(&remove, &[("confirm", "ada@example.com")]).expect(409);
    assert!(refused.text().contains(sentence), "{}", refused.text());
    // Who isn't the last one may step down, and is led to a page that is still theirs.
    let _ = sign_in_as(&server, &account, "bob@example.com", "administrator");
    let _ = ada.get("/members").expect(200);
    let done = ada.submit(&format!("/members/{ada_id}/role"), &[("role", "viewer")]).expect(303);
    assert_eq!(done.header("location"), Some("/sessions?done=role"));
}

#[test]
fn without_passwords_nobody_is_invited() {
    let mut profile = include_str!("../../../../../profiles/example.toml").to_owned();
    profile.push_str("\n[sign_in]\npasswords = false\n");
    let server = ServerBuilder::new(crate::PROGRAM).profile_text(&profile).start();
    let account = server.operator().account("Acme");
    let mut ada = sign_in_as(&server, &account, "ada@example.com", "administrator");
    let page = ada.get("/members").expect(200);
    assert!(!page.text().contains("action=\"/members\""), "{}", page.text());
    assert!(page.text().contains("from the app of Example API"), "{}", page.text());
    let csrf = ada.csrf();
    let fields = [("csrf", csrf.as_str()), ("email", "bob@example.com"), ("role", "viewer")];
    let _ = ada.post("/members", &fields).expect(403);
    let page = ada.get("/sessions").expect(200);
    assert!(!page.text().contains("/sessions/password"), "{}", page.text());
}

#[test]
fn who_is_stopped_keeps_the_navigation() {
    let (server, account) = stage();
    let mut visitor = sign_in(&server, &account, "developer");
    for (path, status) in [("/members", 403), ("/keys/key_00000000000000000000000000", 404)] {
        let stopped = visitor.get(path).expect(status);
        let page = stopped.text();
        assert!(page.contains("href=\"/sessions\"") && page.contains("action=\"/sign-out\""), "{page}");
        assert!(page.contains("developer@example.com") && page.contains("Request <code>req_"), "{page}");
    }
}
