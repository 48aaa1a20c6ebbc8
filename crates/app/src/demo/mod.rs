//! The built-in upstream: shows what reaches an upstream, and looks like the four example products.
//!
//! It stands in where a profile names no upstream. Any method and path is answered 2xx with JSON. What live keys write
//! is kept in memory, within bounds; what test keys write is answered the same and discarded.

mod collection;
mod memory;
mod received;

use async_trait::async_trait;
use bytes::Bytes;
use claviger_gateway::{Body, InProcess, body};
use claviger_model::{Environment, profile::Profile};
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use serde_json::{Value, json};

use self::{collection::Place, memory::Memory, received::Received};

/// Paths of the example products that their documents call, by the names of their profiles.
const SAMPLES: [(&str, &str); 4] = [
    ("cashcat", "/api/v1/budgets"),
    ("cicosts", "/v1/costs"),
    ("codat", "/companies"),
    ("example", "/v1/users/usr_123"),
];
const ANY_PATH: &str = "/v1/hello";

/// A path of the api that a newcomer's first request may ask for.
pub(crate) fn sample_path(profile: &Profile) -> &str {
    SAMPLES.iter().find(|(name, _)| *name == &*profile.name).map_or(ANY_PATH, |(_, path)| path)
}

/// The built-in upstream.
#[derive(Debug, Default)]
pub(crate) struct Demo {
    memory: Memory,
}

#[async_trait]
impl InProcess for Demo {
    async fn call(&self, request: Request<Body>) -> Response<Body> {
        let received = match Received::read(request).await {
            Ok(received) => received,
            Err(error) => {
                tracing::debug!(%error, "the demo upstream got half a request");
                return answer(StatusCode::BAD_REQUEST, &json!({"error": "the request's body ended early"}));
            }
        };
        let (status, mut object) = self.act(&received);
        object["received"] = received.shown();
        answer(status, &object)
    }
}

impl Demo {
    fn act(&self, received: &Received) -> (StatusCode, Value) {
        let Some(place) = Place::of(&received.path) else { return anything(received) };
        let method = &received.method;
        match (method, place.item) {
            (&Method::GET | &Method::HEAD, None) => {
                (StatusCode::OK, place.collection.list(self.items(received, &place)))
            }
            (&Method::GET | &Method::HEAD, Some(id)) => {
                let items = self.items(received, &place);
                (StatusCode::OK, place.collection.item(&items, id))
            }
            (&Method::POST, None) => {
                let item = place.collection.new_item(self.memory.next_number(), received.fields());
                self.keep(received, &place, |items| items.push(item.clone()));
                (StatusCode::CREATED, item)
            }
            (&Method::PUT | &Method::PATCH, Some(id)) => {
                let mut item = place.collection.item(&self.items(received, &place), id);
                merge(&mut item, received.fields());
                self.keep(received, &place, |items| collection::replace(items, id, item.clone()));
                (StatusCode::OK, item)
            }
            (&Method::DELETE, Some(id)) => {
                self.keep(received, &place, |items| items.retain(|item| item["id"] != id));
                (StatusCode::OK, json!({"id": id, "deleted": true}))
            }
            _ => anything(received),
        }
    }

    /// What the account's keys of this environment see: nothing that was written with a test key was kept.
    fn items(&self, received: &Received, place: &Place<'_>) -> Vec<Value> {
        let kept = match received.environment() {
            Some(Environment::Live) => self.memory.items(received.account(), place.collection),
            Some(Environment::Test) | None => None,
        };
        kept.unwrap_or_else(|| place.collection.seed())
    }

    fn keep(&self, received: &Received, place: &Place<'_>, change: impl FnOnce(&mut Vec<Value>)) {
        match received.environment() {
            Some(Environment::Live) => self.memory.change(received.account(), place.collection, change),
            Some(Environment::Test) | None => {}
        }
    }
}

fn anything(received: &Received) -> (StatusCode, Value) {
    let created = received.method == Method::POST;
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    (status, json!({"message": "this is the built-in demo upstream; name your own with --upstream"}))
}

fn merge(item: &mut Value, fields: Option<&serde_json::Map<String, Value>>) {
    for (name, value) in fields.into_iter().flatten().filter(|(name, _)| *name != "id") {
        item[name] = value.clone();
    }
}

fn answer(status: StatusCode, object: &Value) -> Response<Body> {
    let mut response = Response::new(body(Full::new(Bytes::from(format!("{object:#}\n")))));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    async fn ask(demo: &Demo, environment: &str, line: &str, sent: &str) -> (u16, Value) {
        let (method, path) = line.split_once(' ').unwrap();
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("x-claviger-account", "acc_1")
            .header("x-claviger-key-id", "key_1")
            .header("x-claviger-environment", environment)
            .header("x-claviger-scopes", "all")
            .header("x-claviger-created-by", "operator:op_1")
            .header("x-secret", "not to be shown")
            .body(body(Full::new(Bytes::from(sent.to_owned()))))
            .unwrap();
        let response = demo.call(request).await;
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap())
    }

    #[tokio::test]
    async fn any_request_is_answered_with_what_was_received() {
        let demo = Demo::default();
        let (status, answer) = ask(&demo, "live", "PURGE /any/where?x=1&y=%2F", "{\"a\":[1]}").await;
        assert_eq!(status, 200);
        let received = &answer["received"];
        assert_eq!((&received["method"], &received["path"]), (&json!("PURGE"), &json!("/any/where")));
        assert_eq!(received["query"], "x=1&y=%2F");
        assert_eq!((&received["account"], &received["key_id"]), (&json!("acc_1"), &json!("key_1")));
        assert_eq!((&received["environment"], &received["scopes"]), (&json!("live"), &json!("all")));
        assert_eq!(
            (&received["external_id"], &received["created_by"]),
            (&Value::Null, &json!("operator:op_1"))
        );
        assert_eq!(received["body"], json!({"bytes": 9, "json": {"a": [1]}}));
        assert!(received["headers"].as_array().unwrap().contains(&json!("x-secret")));
        assert!(!answer.to_string().contains("not to be shown"));
    }

    #[tokio::test]
    async fn the_documents_resources_look_like_theirs() {
        let demo = Demo::default();
        let (_, budgets) = ask(&demo, "live", "GET /api/v1/budgets", "").await;
        assert!(budgets["budgets"][0]["name"].is_string());
        let (_, user) = ask(&demo, "live", "GET /v1/users/usr_123", "").await;
        assert_eq!(user["id"], "usr_123");
        let (_, companies) = ask(&demo, "live", "GET /companies", "").await;
        assert!(companies["results"][0]["id"].is_string());
        for resource in ["costs", "workflows", "alerts", "webhooks"] {
            let (status, list) = ask(&demo, "live", &format!("GET /v1/{resource}"), "").await;
            assert!(status == 200 && list[resource].is_array(), "{resource}");
        }
    }

    #[tokio::test]
    async fn what_a_live_key_writes_is_there_afterwards() {
        let demo = Demo::default();
        let (status, alert) =
            ask(&demo, "live", "POST /v1/alerts", "{\"name\":\"Too dear\",\"id\":\"mine\"}").await;
        assert_eq!((status, &alert["name"]), (201, &json!("Too dear")));
        let id = alert["id"].as_str().unwrap().to_owned();
        assert_ne!(id, "mine");
        ask(&demo, "live", &format!("PATCH /v1/alerts/{id}"), "{\"name\":\"Dear\"}").await;
        let (_, shown) = ask(&demo, "live", &format!("GET /v1/alerts/{id}"), "").await;
        assert_eq!(shown["name"], "Dear");
        let (_, list) = ask(&demo, "live", "GET /v1/alerts", "").await;
        assert!(list["alerts"].to_string().contains(&id));
        let (status, _) = ask(&demo, "live", &format!("DELETE /v1/alerts/{id}"), "").await;
        assert_eq!(status, 200);
        let (_, list) = ask(&demo, "live", "GET /v1/alerts", "").await;
        assert!(!list["alerts"].to_string().contains(&id));
    }

    /// T6
    #[tokio::test]
    async fn what_a_test_key_writes_is_answered_the_same_and_discarded() {
        let demo = Demo::default();
        let (status, user) = ask(&demo, "test", "POST /v1/users", "{\"name\":\"Nobody\"}").await;
        assert_eq!((status, &user["name"]), (201, &json!("Nobody")));
        for environment in ["test", "live"] {
            let (_, list) = ask(&demo, environment, "GET /v1/users", "").await;
            assert!(!list["data"].to_string().contains("Nobody"), "{environment}");
        }
    }

    #[tokio::test]
    async fn a_body_beyond_the_bound_is_counted_but_not_shown() {
        let long = format!("[\"{}\"]", "x".repeat(70_000));
        let (status, answer) = ask(&Demo::default(), "live", "POST /v1/alerts", &long).await;
        assert_eq!((status, &answer["received"]["body"]), (201, &json!({"bytes": 70_004})));
    }
}
