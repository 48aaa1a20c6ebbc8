//! What can't be known is 503, and never the caller's fault.

use std::time::Duration;

use claviger_layer::Indeterminate;
use http::StatusCode;
use serde_json::json;
use tokio::{join, time::Instant};

use crate::node::{Answered, Question, ScriptedNode, ask, get, permit};

fn assert_unavailable(answer: &Answered) {
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    let after: u8 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=3).contains(&after));
    assert!(!answer.extensions().get::<Indeterminate>().unwrap().reason().is_empty());
}

#[tokio::test]
async fn whatever_a_node_answers_that_is_no_decision_is_503() {
    let yes = json!({"allowed": true, "permit": permit()}).to_string();
    let answers: Vec<(u16, String)> = vec![
        (500, String::new()),
        (503, yes.clone()),
        (401, yes.clone()),
        (403, yes.clone()),
        (404, yes.clone()),
        (422, yes.clone()),
        (302, yes),
        (200, String::new()),
        (200, "<html>welcome</html>".to_owned()),
        (200, "{\"allowed\":tru".to_owned()),
        (200, "{\"allowed\":true}".to_owned()),
        (200, "{\"allowed\":false}".to_owned()),
        (200, "x".repeat(1 << 20)),
    ];
    for (status, body) in answers {
        let (mut node, api) = ScriptedNode::start();
        let (answer, ()) = join!(ask(&api, get()), async { node.question().await.answer(status, body) });
        assert_unavailable(&answer);
    }
}

#[tokio::test]
async fn a_node_that_goes_away_is_503() {
    let (mut node, api) = ScriptedNode::start();
    let (answer, ()) = join!(ask(&api, get()), async { node.question().await.drop_connection() });
    assert_unavailable(&answer);
    drop(node);
    assert_unavailable(&ask(&api, get()).await);
}

#[tokio::test]
async fn a_caller_that_speaks_grpc_is_told_to_come_back() {
    let (node, api) = ScriptedNode::start();
    drop(node);
    let answer = ask(&api, get().header("content-type", "application/grpc+proto")).await;
    assert_eq!((answer.status(), &answer.headers()["grpc-status"]), (StatusCode::OK, &"14".parse().unwrap()));
    assert!(answer.headers().contains_key("retry-after"));
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_slow_is_503_in_time_for_everyone_who_waits() {
    let (mut node, scripted) = ScriptedNode::with(|builder| builder.time_out(Duration::from_secs(2)));
    let api = scripted.api("cashcat");
    let began = Instant::now();
    let (first, second, held) = join!(
        ask(&api, get()),
        async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let answer = ask(&api, get()).await;
            (answer, began.elapsed())
        },
        async {
            let held: Question = node.question().await;
            // The next is asked when the first is given up, and isn't answered either.
            (held, node.question().await)
        },
    );
    assert_unavailable(&first);
    let (second, took) = second;
    assert_unavailable(&second);
    assert!((Duration::from_secs(3)..Duration::from_millis(3010)).contains(&took), "{took:?}");
    drop(held);
}
