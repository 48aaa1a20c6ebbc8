//! Reads what the node answered, strictly: what isn't clearly a yes or a no is neither.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use http_body_util::Full;
use serde::{Deserialize, Deserializer, de::IgnoredAny};

use crate::{Allowed, Answer, RemotePermit, permit::Facts};

/// What the node decided about equal attempts that were asked about at once: so many of them may pass.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) allowed: Option<(usize, Allowed<RemotePermit>)>,
    /// What the others are answered.
    pub(super) denied: Option<Answer>,
}

/// Fields that aren't known here are those of later nodes.
#[derive(Deserialize)]
struct Said {
    allowed: bool,
    /// Of several, how many were allowed before `allowed` became false.
    #[serde(default)]
    allowed_count: usize,
    permit: Option<Facts>,
    /// Whether something that is only observed objects.
    #[serde(default, deserialize_with = "is_there")]
    observed: bool,
    /// For the answers to those who are allowed.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    response: Option<Relayed>,
}

fn is_there<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    Ok(Option::<IgnoredAny>::deserialize(from)?.is_some())
}

#[derive(Deserialize)]
struct Relayed {
    status: u16,
    headers: BTreeMap<String, String>,
    body: String,
}

/// Fields of an answer that belong to the connection it travels on.
const OF_THE_CONNECTION: [HeaderName; 5] =
    [header::CONNECTION, header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::TRAILER, header::UPGRADE];

/// What was decided about `count` attempts on `api`; otherwise why it can't be known.
pub(super) fn read(status: StatusCode, body: &[u8], api: &str, count: usize) -> Result<Judged, String> {
    if status != StatusCode::OK {
        return Err(refused(status));
    }
    let said: Said =
        serde_json::from_slice(body).map_err(|error| format!("the node's answer can't be read: {error}"))?;
    let allowed = if said.allowed { count } else { said.allowed_count };
    let permitted = match (allowed, said.permit) {
        (0, _) => None,
        (_, Some(facts)) => Some((allowed, permitted(RemotePermit::new(facts), said.headers)?)),
        // The api only observes, and nothing is known of who asks: the service behind is promised a permit.
        (_, None) if said.observed => {
            let relayed = said.response.ok_or("the node observed something without an answer to relay")?;
            return Ok(Judged { allowed: None, denied: Some(relay(relayed)?) });
        }
        (_, None) => return Err("the node allowed something without a permit".to_owned()),
    };
    if permitted.as_ref().is_some_and(|(_, allowed)| allowed.permit.api() != api) {
        return Err("the node's permit is for another api".to_owned());
    }
    if said.allowed {
        return Ok(Judged { allowed: permitted, denied: None });
    }
    if allowed >= count {
        return Err("the node denied no attempt that it was asked about".to_owned());
    }
    let relayed = said.response.ok_or("the node denied something without an answer to relay")?;
    Ok(Judged { allowed: permitted, denied: Some(relay(relayed)?) })
}

/// Why a status says nothing about the caller's key.
fn refused(status: StatusCode) -> String {
    let hint = match status.as_u16() {
        401 => ": it doesn't take the operator key",
        403 => ": the operator key lacks the ability verify",
        422 => ": it has no api of this name, or is older than this layer",
        503 => ": it can't decide now",
        _ => "",
    };
    format!("the node answered {}{hint}", status.as_u16())
}

/// The answer in the api's words. A denial that isn't one of the caller's faults would be an outage in disguise.
fn relay(relayed: Relayed) -> Result<Answer, String> {
    let status = StatusCode::from_u16(relayed.status).ok().filter(StatusCode::is_client_error);
    let status = status.ok_or_else(|| format!("the node denied with the status {}", relayed.status))?;
    let mut answer = Answer::new(Full::new(Bytes::from(relayed.body)));
    *answer.status_mut() = status;
    *answer.headers_mut() = fields(relayed.headers)?;
    Ok(answer)
}

fn permitted(
    permit: RemotePermit,
    headers: BTreeMap<String, String>,
) -> Result<Allowed<RemotePermit>, String> {
    let scopes = permit.scopes().clone();
    Ok(Allowed { permit, scopes, told: fields(headers)? })
}

fn fields(headers: BTreeMap<String, String>) -> Result<HeaderMap, String> {
    let mut fields = HeaderMap::new();
    for (name, value) in headers {
        let unsendable = |what: &str| format!("the node's answer has a field that can't be sent: {what}");
        let name = HeaderName::try_from(&name).map_err(|error| unsendable(&error.to_string()))?;
        let value = HeaderValue::try_from(value).map_err(|error| unsendable(&error.to_string()))?;
        if !OF_THE_CONNECTION.contains(&name) {
            fields.append(name, value);
        }
    }
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{Environment, Scopes};

    fn permit() -> Value {
        json!({"key_id": "key_1", "account_id": "acc_1", "api": "cashcat", "environment": "live", "scopes": ["a"]})
    }

    fn response() -> Value {
        json!({"status": 401, "headers": {"content-type": "application/json", "connection": "close"}, "body": "{}"})
    }

    fn answered(said: &Value, count: usize) -> Result<Judged, String> {
        read(StatusCode::OK, said.to_string().as_bytes(), "cashcat", count)
    }

    #[test]
    fn a_yes_has_a_permit() {
        let mut whole = permit();
        whole["external_id"] = json!("cus_42");
        whole["expires_at"] = json!("2026-01-01T00:00:00Z");
        whole["limits"] =
            json!([{"name": "burst", "limit": 2, "remaining": 1, "more_in": 1800, "window": "1h"}]);
        let told = json!({"ratelimit": "\"burst\";r=1;t=1800"});
        let said = json!({"allowed": true, "permit": whole, "headers": told, "later": 1});
        let judged = answered(&said, 3).unwrap();
        let (count, Allowed { permit, scopes, told }) = judged.allowed.unwrap();
        assert!(count == 3 && judged.denied.is_none() && scopes.include("a"));
        assert_eq!(told["ratelimit"], "\"burst\";r=1;t=1800");
        assert_eq!((permit.key_id(), permit.account_id(), permit.api()), ("key_1", "acc_1", "cashcat"));
        assert_eq!((permit.external_id(), permit.environment()), (Some("cus_42"), Environment::Live));
        assert_eq!(
            (permit.scopes(), permit.expires_at()),
            (&Scopes::listed(["a"]), Some("2026-01-01T00:00:00Z"))
        );
        assert_eq!((permit.limits()[0].remaining, permit.limits()[0].more_in.as_secs()), (1, 1800));
    }

    #[test]
    fn what_passes_only_because_it_is_observed_has_no_permit_and_is_refused_here() {
        let observed = json!({"code": "unknown", "detail": "…"});
        let said = json!({"allowed": true, "observed": observed, "response": response()});
        let judged = answered(&said, 1).unwrap();
        assert_eq!(judged.denied.unwrap().status(), StatusCode::UNAUTHORIZED);
        assert!(judged.allowed.is_none());
        let said = json!({"allowed": true, "observed": observed, "permit": permit(), "response": response()});
        assert!(answered(&said, 1).unwrap().allowed.is_some(), "a good key is one");
        let said = json!({"allowed": true, "permit": null, "response": response()});
        assert!(answered(&said, 1).is_err());
    }

    #[test]
    fn a_no_has_an_answer_to_relay_without_what_belongs_to_a_connection() {
        let judged = answered(&json!({"allowed": false, "denial": {}, "response": response()}), 1).unwrap();
        let answer = judged.denied.unwrap();
        assert_eq!((answer.status(), answer.headers().len()), (StatusCode::UNAUTHORIZED, 1));
        assert!(judged.allowed.is_none());
    }

    #[test]
    fn of_several_some_may_be_allowed() {
        let said = json!({"allowed": false, "allowed_count": 2, "permit": permit(), "response": response()});
        let judged = answered(&said, 3).unwrap();
        assert!(judged.denied.is_some() && judged.allowed.is_some_and(|(count, _)| count == 2));
        for count in [1, 2] {
            assert!(answered(&said, count).is_err());
        }
    }

    #[test]
    fn whatever_else_is_answered_is_neither_yes_nor_no() {
        for status in [201, 302, 400, 401, 403, 404, 422, 429, 500, 502, 503] {
            let yes = json!({"allowed": true, "permit": permit()}).to_string();
            let status = StatusCode::from_u16(status).unwrap();
            assert!(read(status, yes.as_bytes(), "cashcat", 1).is_err(), "{status}");
        }
        let with = |place: &str, value: Value| {
            let mut said = json!({"allowed": false, "response": response()});
            said["response"][place] = value;
            said
        };
        let mut elsewhere = permit();
        elsewhere["api"] = json!("codat");
        let mut unknown = permit();
        unknown["environment"] = json!("staging");
        for said in [
            json!({}),
            json!([]),
            json!({"allowed": "true", "permit": permit()}),
            json!({"allowed": true}),
            json!({"allowed": true, "permit": {}}),
            json!({"allowed": true, "permit": elsewhere}),
            json!({"allowed": true, "permit": unknown}),
            json!({"allowed": true, "permit": permit(), "headers": {"a b": "c"}}),
            json!({"allowed": false}),
            json!({"allowed": false, "permit": permit()}),
            json!({"allowed": false, "allowed_count": 1, "response": response()}),
            with("status", json!(200)),
            with("status", json!(302)),
            with("status", json!(500)),
            with("status", json!(99)),
            with("headers", json!({"a b": "c"})),
            with("headers", json!({"a": "b\r\nc: d"})),
        ] {
            assert!(answered(&said, 2).is_err(), "{said}");
        }
        for body in ["", "<html>", "{\"allowed\":true", "{\"allowed\":true}{}"] {
            assert!(read(StatusCode::OK, body.as_bytes(), "cashcat", 1).is_err(), "{body}");
        }
    }
}
