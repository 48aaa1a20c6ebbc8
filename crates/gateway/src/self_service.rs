//! The port through which an api's self-service endpoints are answered, by whoever may change keys.

use async_trait::async_trait;
use bytes::Bytes;
use claviger_judge::Api;
use claviger_model::{RequestId, profile::Action};
use claviger_verify::Permit;
use http::{Response, request::Parts};
use http_body_util::Full;

/// A request for one of an api's self-service endpoints, already judged.
#[derive(Debug)]
pub struct SelfServiceCall<'a> {
    /// The api, whose answers are used for whatever goes wrong.
    pub api: &'a Api,
    /// Proof of who asks.
    pub permit: Permit,
    /// What is asked.
    pub action: Action,
    /// The request's head as it was sent, the credential taken out.
    pub head: &'a Parts,
    /// The request's body, at most [`SELF_SERVICE_BODY_MAX`](crate::limits::SELF_SERVICE_BODY_MAX) bytes.
    pub body: Bytes,
    /// The request's id.
    pub request: RequestId,
}

/// Answers self-service requests.
#[async_trait]
pub trait SelfServiceHandler: Send + Sync {
    /// Does what is asked, within what the permit's account may do, and answers as the profile says.
    async fn answer(&self, call: SelfServiceCall<'_>) -> Response<Full<Bytes>>;
}
