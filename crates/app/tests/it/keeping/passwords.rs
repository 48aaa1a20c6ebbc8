//! Passwords that were replaced after a backup: no trail holds one, and none of before comes back.

use std::fs;

use claviger_testkit::{Program, Server, Visitor};
use serde_json::{Value, json};

use super::{Stage, serve_instead, text};
use crate::members::{path, sign_in_as};

const LEAKED: &str = "one two three four five";
const LATER: &str = "six seven eight nine ten";

/// Somebody who is signed in and has this password.
#[track_caller]
fn with_password(stage: &Stage, name: &str) -> (String, Visitor) {
    let email = format!("{name}@example.com");
    let mut visitor = sign_in_as(&stage.server, &stage.account, &email, "developer");
    let _ = visitor.get("/sessions").expect(200);
    let _ = visitor.submit("/sessions/password", &[("password", LEAKED), ("again", LEAKED)]).expect(303);
    let listed = stage.server.operator().get(&format!("/v1/members?account_id={}", stage.account));
    let listed = listed.expect(200).json();
    let mut members = listed["items"].as_array().expect("a list").iter();
    let member = members.find(|member| member["email"] == *email).expect("there is such a member");
    (member["id"].as_str().expect("a member has an id").to_owned(), visitor)
}

/// What signing in by a password is answered: 303 where it is right.
#[track_caller]
fn signs_in(server: &Server, name: &str, password: &str) -> u16 {
    let mut visitor = Visitor::new(server.portal);
    let _ = visitor.get("/sign-in").expect(200);
    let email = format!("{name}@example.com");
    visitor.submit("/sign-in/default", &[("email", &email), ("password", password)]).status
}

/// Sets a password by a link that an operator makes.
#[track_caller]
fn set_by_link(server: &Server, member: &str, password: &str) {
    let made = server.operator().post(&format!("/v1/members/{member}/password-link"), &json!({}));
    let made = made.expect(201).json();
    let link = path(made["url"].as_str().expect("a link has a url"));
    let mut visitor = Visitor::new(server.portal);
    let _ = visitor.get(link).expect(200);
    let _ = visitor.submit(link, &[("password", password), ("again", password)]).expect(303);
}

#[test]
fn a_password_that_was_replaced_after_the_backup_is_nobodys_and_whose_it_was_is_told() {
    let stage = Stage::of("default");
    let (ada, mut ada_signed_in) = with_password(&stage, "ada");
    let (bob, _) = with_password(&stage, "bob");
    let (dan, _) = with_password(&stage, "dan");
    let _ = with_password(&stage, "cleo");
    let file = stage.back_up();
    let _ = ada_signed_in.get("/sessions").expect(200);
    let fields = [("current", LEAKED), ("password", LATER), ("again", LATER)];
    let _ = ada_signed_in.submit("/sessions/password", &fields).expect(303);
    set_by_link(&stage.server, &bob, LATER);
    set_by_link(&stage.server, &dan, LATER);
    stage.post(&format!("/v1/members/{dan}/remove"), &Value::Null);
    let trail = stage.export();
    assert!(!fs::read_to_string(&trail).unwrap().contains("argon2"), "no trail has a hash of a password");
    let (server, told, _room) = serve_instead(stage, &file, &["--audit", text(&trail)]);
    assert_eq!(told["again"]["without_password"], json!([ada, bob]), "{told}");
    assert_eq!(told["again"]["refused"], json!([]));
    for name in ["ada", "bob"] {
        assert_eq!((signs_in(&server, name, LEAKED), signs_in(&server, name, LATER)), (422, 422), "{name}");
    }
    assert_eq!(signs_in(&server, "cleo", LEAKED), 303, "nothing became of that one");
    set_by_link(&server, &ada, "a third one that is new");
    assert_eq!(signs_in(&server, "ada", "a third one that is new"), 303);

    // The trail of what was restored says all of it once more.
    fs::write(&trail, server.cli().run(&["audit", "export"]).expect(0).out).unwrap();
    let data = server.data();
    let stopped = server.stop();
    fs::remove_dir_all(&data).unwrap();
    let words = ["restore", text(&file), "--data", text(&data), "--audit", text(&trail)];
    let said = Program::at(crate::PROGRAM).run(&words).expect(0).err;
    for words in [format!("are {ada}, {bob}."), "claviger member password-link ID".to_owned()] {
        assert!(said.contains(&words), "{said}");
    }
    let server = stopped.start();
    assert_eq!((signs_in(&server, "bob", LEAKED), signs_in(&server, "cleo", LEAKED)), (422, 303));
}
