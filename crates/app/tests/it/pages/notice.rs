//! The portal's notice of who manages the keys.

use claviger_testkit::{ServerBuilder, Visitor, play_story};
use serde_json::json;

#[test]
fn the_notice_is_readable_by_everyone() {
    let server = ServerBuilder::new(crate::PROGRAM).profile("example").start();
    play_story("notice", &json!({"portal": format!("http://{}", server.portal)}));
}

#[test]
fn a_visitor_gets_no_cookie_and_no_form() {
    let server = ServerBuilder::new(crate::PROGRAM).profile("example").start();
    let mut visitor = Visitor::new(server.portal);
    let _ = visitor.follow("/").expect(200);
    assert!(visitor.cookies().is_empty());
    assert_eq!(visitor.hidden("csrf"), None);
    let _ = visitor.post("/", &[("name", "CI")]).expect(405);
}
