//! `claviger member` and `claviger session`, and `claviger key find`.

use claviger_testkit::{Server, Visitor};
use serde_json::json;

use super::{fails, json, opened, text};

/// The path of a link to `place` on the server's portal.
#[track_caller]
fn path<'a>(server: &Server, url: &'a str, place: &str) -> &'a str {
    let portal = format!("http://{}", server.portal);
    let path = url.strip_prefix(&portal).expect("it leads to the portal");
    assert!(path.starts_with(&format!("/{place}/")) && !path.contains(char::is_whitespace), "{path}");
    path
}

#[test]
fn a_sign_in_link_is_alone_on_standard_output() {
    let (server, cli) = opened("default");
    let account = server.operator().account("Acme");
    let words = ["session", "link", "--account", &account, "--email", "Ada@Example.com", "--role", "viewer"];
    let ended = cli.run(&words).expect(0);
    let url = ended.out.strip_suffix('\n').expect("a line");
    assert_eq!(Visitor::new(server.portal).get(path(&server, url, "link")).status, 303);
    assert!(ended.err.contains("works once, until ") && !ended.err.contains(url), "{}", ended.err);
    let linked = json(&cli, &words);
    path(&server, text(&linked, "url"), "link");
    let member = json(&cli, &["member", "list", "--account", &account])["items"][0].clone();
    assert_eq!((&linked["member"], text(&member, "role")), (&member, "viewer"));
    assert!(linked["expires_at"].is_string());
}

#[test]
fn a_way_back_is_passed_on_and_refused_by_its_name() {
    let (server, cli) = opened("default");
    let account = server.operator().account("Acme");
    let words =
        ["session", "link", "--account", &account, "--email", "a@b.c", "--return-to", "https://a.example"];
    fails(cli.run(&words), 1, &["return_to: must be a URL of an origin that the profile lists"]);
}

#[test]
fn sessions_are_listed_and_ended() {
    let (server, cli) = opened("default");
    let account = server.operator().account("Acme");
    let linked = json(&cli, &["session", "link", "--account", &account, "--email", "ada@example.com"]);
    let mut visitor = Visitor::new(server.portal);
    let _ = visitor.get(path(&server, text(&linked, "url"), "link")).expect(303);
    let by_api = server.operator().get(&format!("/v1/sessions?account_id={account}")).expect(200).json();
    let listed = json(&cli, &["session", "list", "--account", &account]);
    assert_eq!(listed, by_api);
    let shown = cli.run(&["session", "list", "--account", &account]).expect(0).out;
    let head = shown.lines().next().expect("a head");
    assert!(head.starts_with("ID") && head.contains("EMAIL") && shown.contains("ada@example.com"), "{shown}");
    let id = text(&listed["items"][0], "id");
    assert_eq!(json(&cli, &["session", "end", id]), json!({"id": id}));
    assert_eq!(visitor.get("/").expect(303).header("location"), Some("/sign-in"));
    fails(cli.run(&["session", "end", id]), 1, &["no such session"]);
}

#[test]
fn a_member_is_invited_changed_and_removed() {
    let (server, cli) = opened("default");
    let account = server.operator().account("Acme");
    let invite = ["member", "invite", "--account", &account, "--email"];
    let ended = cli.run(&[&invite[..], &["ada@example.com", "--role", "administrator"]].concat()).expect(0);
    path(&server, ended.out.trim_end(), "invitation");
    assert!(ended.err.contains("works once, until "), "{}", ended.err);
    fails(
        cli.run(&[&invite[..], &["ADA@example.com"]].concat()),
        1,
        &["has a member with this address already"],
    );
    let invited = json(&cli, &[&invite[..], &["bob@example.com"]].concat());
    path(&server, text(&invited, "invitation_url"), "invitation");
    assert_eq!(text(&invited["member"], "role"), "developer");

    let id = text(&invited["member"], "id");
    assert_eq!(text(&json(&cli, &["member", "role", id, "viewer"]), "role"), "viewer");
    let ended = cli.run(&["member", "password-link", id]).expect(0);
    path(&server, ended.out.trim_end(), "password");
    path(&server, text(&json(&cli, &["member", "password-link", id]), "url"), "password");
    let shown = cli.run(&["member", "list", "--account", &account]).expect(0).out;
    let head = "ID EMAIL ROLE HAS PASSWORD CREATED AT";
    let shown_head: Vec<_> = shown.lines().next().expect("a head").split_whitespace().collect();
    assert_eq!(shown_head.join(" "), head);
    assert_eq!(shown.lines().count(), 3, "{shown}");
    let removed = json(&cli, &["member", "remove", id]);
    assert_eq!((text(&removed["member"], "id"), &removed["receipt"]["complete"]), (id, &json!(true)));
    fails(cli.run(&["member", "role", id, "viewer"]), 1, &["no such member"]);
    let left = json(&cli, &["member", "list", "--account", &account]);
    assert_eq!(left["items"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_key_is_found_on_standard_input() {
    let (server, cli) = opened("default");
    let account = server.operator().account("Acme");
    let (id, key) = server.operator().issue_plain(&account, "found");
    let by_api = server.operator().get(&format!("/v1/keys/{id}")).expect(200).json();
    let found = cli.run_with(&["key", "find", "--json"], &format!("{key}\n")).expect(0);
    assert_eq!(found.json(), by_api);
    let shown = cli.run_with(&["key", "find"], &key).expect(0).out;
    assert!(shown.contains(&id) && shown.contains(&account) && !shown.contains(&key), "{shown}");
    fails(cli.run_with(&["key", "find"], "nobody's"), 1, &["no such key"]);
    fails(cli.run(&["key", "find"]), 2, &["no key on stdin"]);
    let hint = text(&by_api, "hint");
    assert_eq!(json(&cli, &["key", "list", "--hint", hint])["items"], json!([by_api]));
    assert_eq!(json(&cli, &["key", "list", "--external-id", "x"])["items"], json!([]));
}
