//! Hands the gateway's self-service requests to the handler that `api` provides: neither names the other.

use async_trait::async_trait;
use bytes::Bytes;
use claviger_api::{OwnKeys, OwnRequest};
use claviger_gateway::{SelfServiceCall, SelfServiceHandler};
use http::Response;
use http_body_util::Full;

/// `api`'s handler behind the gateway's port.
pub(super) struct OwnKeysOf(pub(super) OwnKeys);

#[async_trait]
impl SelfServiceHandler for OwnKeysOf {
    async fn answer(&self, call: SelfServiceCall<'_>) -> Response<Full<Bytes>> {
        let SelfServiceCall { api, permit, action, head, body, request } = call;
        let headers = &head.headers;
        self.0.answer(OwnRequest { api, permit: &permit, action, id: request, headers, body }).await
    }
}
