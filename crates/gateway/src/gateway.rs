//! One request through the gateway: which api, may it, and then refuse, answer or forward.

use std::{net::SocketAddr, sync::Arc};

use bytes::Bytes;
use claviger_layer::{Caller, Host, credential, request_id};
use claviger_model::{Clock, Entropy, RequestId, Slot, profile::Action};
use claviger_verify::{Permit, Verifier};
use http::{Request, Response, request::Parts};
use http_body::Body as HttpBody;
use http_body_util::{BodyExt as _, Limited};

use crate::{
    Backend, Backends, Body, BodyError, SelfServiceCall, SelfServiceHandler, body,
    body::WithoutTrailers,
    forward::{Provenance, rewrite_request, rewrite_response},
    limits::{SELF_SERVICE_BODY_MAX, SELF_SERVICE_BODY_TIMEOUT},
    misplaced::Misplaced,
    refusal::{Refusal, check_head},
    upload::Upload,
    upstream::{self, Connections},
};

/// The reverse proxy.
pub struct Gateway {
    backends: Backends,
    verifier: Arc<Verifier>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    self_service: Arc<dyn SelfServiceHandler>,
    connections: Connections,
}

/// A request on its way.
struct Passage<'a> {
    backend: &'a Backend,
    host: Host,
    peer: SocketAddr,
    id: RequestId,
}

impl Gateway {
    /// A gateway to these apis.
    pub fn new(
        backends: Backends,
        verifier: Arc<Verifier>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        self_service: Arc<dyn SelfServiceHandler>,
    ) -> Self {
        Self { backends, verifier, clock, entropy, self_service, connections: Connections::new() }
    }

    /// Answers one request from `peer`. Whatever happens there is an answer, and it carries the request's id.
    pub async fn handle<B>(&self, peer: SocketAddr, request: Request<B>) -> Response<Body>
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BodyError>,
    {
        let id = RequestId::mint(self.clock.now(), &*self.entropy);
        let (head, request_body) = request.into_parts();
        let mut response = match self.place(&head) {
            Ok((backend, host)) => {
                let passage = Passage { backend, host, peer, id };
                let passed = self.pass(&passage, head, body(request_body)).await;
                passed.unwrap_or_else(|refusal| refusal.answer(&backend.api, id))
            }
            Err(misplaced) => misplaced.answer().map(body),
        };
        request_id::set(response.headers_mut(), id);
        response
    }

    fn place(&self, head: &Parts) -> Result<(&Backend, Host), Misplaced> {
        let host = Host::of(&head.uri, &head.headers)?;
        let backend = self.backends.choose(&host).ok_or(Misplaced::NoApi)?;
        Ok((backend, host))
    }

    async fn pass(&self, passage: &Passage<'_>, head: Parts, body: Body) -> Result<Response<Body>, Refusal> {
        check_head(&head)?;
        let api = &passage.backend.api;
        let caller = Caller { host: &passage.host, peer: Some(passage.peer.ip()) };
        let permit = api.judge(&self.verifier, &head, caller, passage.id)?;
        let self_service = api.profile().self_service.as_ref();
        match self_service.and_then(|own| own.action(head.method.as_str(), head.uri.path())) {
            Some(action) => self.serve(passage, permit, action, head, body).await,
            None => self.forward(passage, &permit, head, body).await,
        }
    }

    async fn serve(
        &self,
        passage: &Passage<'_>,
        permit: Permit,
        action: Action,
        mut head: Parts,
        request_body: Body,
    ) -> Result<Response<Body>, Refusal> {
        let api = &*passage.backend.api;
        let collecting = Limited::new(request_body, SELF_SERVICE_BODY_MAX).collect();
        let collected = match tokio::time::timeout(SELF_SERVICE_BODY_TIMEOUT, collecting).await {
            Ok(Ok(collected)) => collected.to_bytes(),
            Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
                return Err(Slot::TooLarge.into());
            }
            Ok(Err(_)) | Err(_) => return Err(Slot::BadRequest.into()),
        };
        credential::withdraw(&mut head.headers, &api.profile().credentials);
        let call = SelfServiceCall { api, permit, action, head: &head, body: collected, request: passage.id };
        Ok(self.self_service.answer(call).await.map(body))
    }

    async fn forward(
        &self,
        passage: &Passage<'_>,
        permit: &Permit,
        mut head: Parts,
        request_body: Body,
    ) -> Result<Response<Body>, Refusal> {
        let profile = passage.backend.api.profile();
        let Passage { host, peer, id, .. } = passage;
        rewrite_request(
            &mut head,
            &request_body,
            &Provenance { profile, permit, host, peer: peer.ip(), request: *id },
        );
        let (upload, watch) = Upload::new(request_body, profile.upstream.body_max)?;
        let request = Request::from_parts(head, body(upload));
        let upstream = passage.backend.upstream(permit.environment());
        let response =
            upstream::send(upstream, &self.connections, request, &watch, profile.upstream.timeout).await?;
        let (mut head, response_body) = response.into_parts();
        rewrite_response(&mut head);
        Ok(Response::from_parts(head, body(WithoutTrailers::new(response_body))))
    }
}
