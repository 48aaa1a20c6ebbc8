//! What waits has a bound, and nothing that breaks keeps others waiting.

use std::{convert::Infallible, future::poll_fn, task::Poll};

use bytes::Bytes;
use claviger_layer::Node;
use http::{Request, Response, StatusCode, request::Builder};
use http_body_util::Full;
use tower::service_fn;

use crate::node::{ScriptedNode, begun, get, status};

const UNAVAILABLE: StatusCode = StatusCode::SERVICE_UNAVAILABLE;

fn with_key(key: &str) -> Builder {
    Request::get("/v1").header("x-api-key", key)
}

#[tokio::test]
async fn so_many_questions_are_in_flight_and_others_gather_until_it_is_their_turn() {
    let (mut node, scripted) = ScriptedNode::with(|builder| builder.questions(1));
    let api = scripted.api("cashcat");
    let first = begun(status(&api, with_key("A"))).await;
    let question = node.question().await;
    let others = [begun(status(&api, with_key("B"))).await, begun(status(&api, with_key("B"))).await];
    assert!(node.is_silent().await);
    question.deny();
    assert_eq!(first.await, StatusCode::UNAUTHORIZED);
    let question = node.question().await;
    assert_eq!((question.asked["key"].as_str(), question.count()), (Some("B"), 2));
    question.allow();
    for other in others {
        assert_eq!(other.await, StatusCode::OK);
    }
}

#[tokio::test]
async fn so_many_requests_wait_and_others_are_told_to_come_back() {
    let (mut node, scripted) = ScriptedNode::with(|builder| builder.waiting(2));
    let api = scripted.api("cashcat");
    let waiting = [begun(status(&api, with_key("A"))).await, begun(status(&api, with_key("B"))).await];
    assert_eq!(status(&api, with_key("C")).await, UNAVAILABLE);
    drop(waiting);
    let served = begun(status(&api, with_key("D"))).await;
    let question = node.question().await;
    assert_eq!(question.asked["key"], "D");
    question.allow();
    assert_eq!(served.await, StatusCode::OK);
}

#[tokio::test]
async fn one_question_stands_for_a_hundred_at_most() {
    let (mut node, api) = ScriptedNode::start();
    let mut waiting = Vec::new();
    for _ in 0..230 {
        waiting.push(begun(status(&api, get())).await);
    }
    for count in [100, 100, 30] {
        let question = node.question().await;
        assert_eq!(question.count(), count);
        question.allow();
    }
    for one in waiting {
        assert_eq!(one.await, StatusCode::OK);
    }
}

#[tokio::test]
async fn a_client_that_panics_is_an_outage_and_no_end() {
    let client = service_fn(|_: Request<Full<Bytes>>| {
        poll_fn(|_| -> Poll<Result<Response<Full<Bytes>>, Infallible>> { panic!("a client that breaks") })
    });
    let node = Node::builder("http://node.test", "op_key").build_over(client).unwrap();
    for _ in 0..3 {
        assert_eq!(status(&node.api("cashcat"), get()).await, UNAVAILABLE);
    }
}
