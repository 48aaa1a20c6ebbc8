//! What the stories are played with notices what it is there to notice.

use claviger_testkit::{failing_story, play_story, repository};
use serde_json::json;

#[test]
fn each_flaw_that_no_page_may_have_fails_its_story() {
    play_story("kit", &json!({}));
}

#[test]
fn a_failed_story_says_at_which_step_and_leaves_a_screenshot() {
    let picture = repository().join("target/screenshots/failed-failing-the-wrong-title-is-expected.png");
    let _ = std::fs::remove_file(&picture);
    let said = failing_story("failing", &json!({"title": "Another page"}));
    let sentence = r#"story failing, at "the wrong title is expected": the title should be "Another page", but is "A page""#;
    assert!(said.contains(sentence), "{said}");
    assert!(picture.is_file());
}
