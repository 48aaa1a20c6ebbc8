//! What reached the upstream: the head without its values, the identity, and the beginning of the body.

use bytes::Bytes;
use claviger_gateway::{Body, BodyError};
use claviger_model::Environment;
use http::{HeaderMap, HeaderName, Method, Request};
use http_body_util::BodyExt as _;
use serde_json::{Map, Value, json};

/// The longest body that is shown; what is longer is counted.
const BODY_SHOWN: usize = 64 << 10;

/// A request, read to its end.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) method: Method,
    pub(super) path: String,
    query: Option<String>,
    headers: HeaderMap,
    bytes: usize,
    json: Option<Value>,
}

impl Received {
    /// Reads the request; of a long body it keeps the length.
    pub(super) async fn read(request: Request<Body>) -> Result<Self, BodyError> {
        let (head, mut body) = request.into_parts();
        let (mut bytes, mut kept) = (0_usize, Vec::new());
        while let Some(frame) = body.frame().await {
            let data: Bytes = frame?.into_data().unwrap_or_default();
            bytes = bytes.saturating_add(data.len());
            if bytes <= BODY_SHOWN {
                kept.extend_from_slice(&data);
            }
        }
        let json = if bytes <= BODY_SHOWN { serde_json::from_slice(&kept).ok() } else { None };
        Ok(Self {
            method: head.method,
            path: head.uri.path().to_owned(),
            query: head.uri.query().map(ToOwned::to_owned),
            headers: head.headers,
            bytes,
            json,
        })
    }

    fn field(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Whose request it is, as the gateway says.
    pub(super) fn account(&self) -> &str {
        self.field("x-claviger-account").unwrap_or_default()
    }

    /// Which environment's key it came with, as the gateway says.
    pub(super) fn environment(&self) -> Option<Environment> {
        let stated = self.field("x-claviger-environment")?;
        [Environment::Live, Environment::Test].into_iter().find(|known| known.as_str() == stated)
    }

    /// The fields of the body, where it is a JSON object.
    pub(super) fn fields(&self) -> Option<&Map<String, Value>> {
        self.json.as_ref().and_then(Value::as_object)
    }

    /// All of it as JSON. Of the header only names: their values are the caller's affair.
    pub(super) fn shown(&self) -> Value {
        let mut body = json!({"bytes": self.bytes});
        if let Some(json) = &self.json {
            body["json"] = json.clone();
        }
        json!({
            "account": self.field("x-claviger-account"),
            "key_id": self.field("x-claviger-key-id"),
            "environment": self.field("x-claviger-environment"),
            "scopes": self.field("x-claviger-scopes"),
            "external_id": self.field("x-claviger-external-id"),
            "created_by": self.field("x-claviger-created-by"),
            "request_id": self.field("x-request-id"),
            "method": self.method.as_str(),
            "path": self.path,
            "query": self.query,
            "headers": self.headers.keys().map(HeaderName::as_str).collect::<Vec<_>>(),
            "body": body,
        })
    }
}
