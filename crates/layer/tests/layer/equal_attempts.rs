//! Equal attempts share questions, and no question answers an attempt that began after it was sent.

use claviger_layer::{Environment, Peer};
use http::{Request, StatusCode};
use tokio::join;

use crate::node::{Question, ScriptedNode, begun, get, status};

const YES: StatusCode = StatusCode::OK;
const NO: StatusCode = StatusCode::UNAUTHORIZED;

#[tokio::test]
async fn those_that_wait_at_the_same_time_are_one_question() {
    let (mut node, api) = ScriptedNode::start();
    let first = begun(status(&api, get())).await;
    let question = node.question().await;
    assert_eq!(question.count(), 1);
    let others = [
        begun(status(&api, get())).await,
        begun(status(&api, get())).await,
        begun(status(&api, get())).await,
    ];
    assert!(node.is_silent().await, "one is in flight");
    question.allow();
    assert_eq!(first.await, YES);
    let question = node.question().await;
    assert_eq!(question.count(), 3);
    question.allow();
    for other in others {
        assert_eq!(other.await, YES);
    }
    assert!(node.is_silent().await);
}

#[tokio::test]
async fn an_answer_from_before_a_revocation_lets_nobody_in_who_came_after_it() {
    let (mut node, api) = ScriptedNode::start();
    let before = begun(status(&api, get())).await;
    let asked_before = node.question().await;
    // Here the key is revoked, and the revocation reported complete.
    let mut after = begun(status(&api, get())).await;
    asked_before.allow();
    assert_eq!(before.await, YES);
    let asked_after = tokio::select! {
        biased;
        allowed = &mut after => unreachable!("answered {allowed} by a question from before it began"),
        question = node.question() => question,
    };
    asked_after.deny();
    assert_eq!(after.await, NO);
}

#[tokio::test]
async fn no_answer_is_kept() {
    let (mut node, api) = ScriptedNode::start();
    for _ in 0..3 {
        let (answer, ()) = join!(status(&api, get()), async { node.question().await.allow() });
        assert_eq!(answer, YES);
        let (answer, ()) = join!(status(&api, get()), async { node.question().await.deny() });
        assert_eq!(answer, NO);
    }
}

#[tokio::test]
async fn attempts_that_differ_in_anything_are_asked_about_apart() {
    let (mut node, scripted) = ScriptedNode::with(|builder| builder);
    let api = scripted.api("cashcat");
    let scoped = api.clone().scopes(["write"]).unwrap();
    let live = api.clone().environment(Environment::Live);
    let codat = scripted.api("codat");
    let peer = |text: &str| Peer(text.parse().unwrap());
    let mut waiting = vec![
        begun(status(&api, get())).await,
        begun(status(&api, Request::get("/v1/things").header("authorization", "Bearer OTHER"))).await,
        begun(status(&api, Request::get("/v1/other").header("authorization", "Bearer cc_live_KEY"))).await,
        begun(status(&api, Request::post("/v1/things").header("authorization", "Bearer cc_live_KEY"))).await,
        begun(status(&api, get().extension(peer("203.0.113.9")))).await,
        begun(status(&api, get().extension(peer("203.0.113.10")))).await,
        begun(status(&api, get().header("referer", "https://a.com/"))).await,
    ];
    for other in [&scoped, &live, &codat] {
        waiting.push(begun(status(other, get())).await);
    }
    // What isn't judged makes no difference: this joins the first.
    let same = begun(status(&api, get().header("accept", "*/*"))).await;
    let mut questions = Vec::new();
    for _ in 0..waiting.len() {
        questions.push(node.question().await);
    }
    assert!(node.is_silent().await);
    assert_eq!(questions.iter().map(Question::count).sum::<u64>(), 11);
    for question in questions {
        question.deny();
    }
    assert_eq!(same.await, NO);
    for one in waiting {
        assert_eq!(one.await, NO);
    }
}

#[tokio::test]
async fn where_limits_have_room_for_some_the_first_get_it() {
    let (mut node, api) = ScriptedNode::start();
    let waiting = [
        begun(status(&api, get())).await,
        begun(status(&api, get())).await,
        begun(status(&api, get())).await,
    ];
    let question = node.question().await;
    assert_eq!(question.count(), 3);
    question.allow_only(2);
    let mut answers = Vec::new();
    for one in waiting {
        answers.push(one.await);
    }
    assert_eq!(answers, [YES, YES, NO]);
}

#[tokio::test]
async fn who_leaves_is_not_asked_about_and_takes_nobody_s_place() {
    let (mut node, api) = ScriptedNode::start();
    let first = begun(status(&api, get())).await;
    let question = node.question().await;
    let leaves = begun(status(&api, get())).await;
    let stays = begun(status(&api, get())).await;
    let leaves_later = begun(status(&api, get())).await;
    let stays_too = begun(status(&api, get())).await;
    drop((first, leaves));
    question.allow();
    let question = node.question().await;
    assert_eq!(question.count(), 3);
    drop(leaves_later);
    question.allow_only(2);
    assert_eq!((stays.await, stays_too.await), (YES, YES));
    let gone = begun(status(&api, get())).await;
    drop(gone);
    assert!(node.is_silent().await, "nobody waits");
}
