//! Passwords that were replaced after a backup: no trail holds one, and none of before comes back.

use std::fs;

use claviger_testkit::Program;
use serde_json::{Value, json};

use super::{Stage, serve_instead, text};
use crate::members::{LATER, LEAKED, set_password_by_link, signs_in, with_password};

#[test]
fn a_password_that_was_replaced_after_the_backup_is_nobodys_and_whose_it_was_is_told() {
    let stage = Stage::of("default");
    let (ada, mut ada_signed_in) = with_password(&stage.server, &stage.account, "ada");
    let (bob, _) = with_password(&stage.server, &stage.account, "bob");
    let (dan, _) = with_password(&stage.server, &stage.account, "dan");
    let _ = with_password(&stage.server, &stage.account, "cleo");
    let file = stage.back_up();
    let _ = ada_signed_in.get("/sessions").expect(200);
    let fields = [("current", LEAKED), ("password", LATER), ("again", LATER)];
    let _ = ada_signed_in.submit("/sessions/password", &fields).expect(303);
    set_password_by_link(&stage.server, &bob, LATER);
    set_password_by_link(&stage.server, &dan, LATER);
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
    set_password_by_link(&server, &ada, "a third one that is new");
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
