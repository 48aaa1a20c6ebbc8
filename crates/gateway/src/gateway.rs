//! One request through the gateway: which api, may it, and then refuse, answer or forward.

use std::{error::Error, net::SocketAddr, sync::Arc};

use bytes::Bytes;
use claviger_judge::{
    Api, Asked, Caller, Host, HostError, NoPermit, Pass, address::caller_address, credential, request_id,
};
use claviger_model::{
    Clock, Entropy, RequestId, Slot,
    profile::{Action, Profile},
};
use claviger_verify::{Permit, Verifier};
use http::{Request, Response, StatusCode, request::Parts};
use http_body::Body as HttpBody;
use http_body_util::{BodyExt as _, Empty, LengthLimitError, Limited};
use hyper::upgrade::OnUpgrade;
use tracing::Instrument as _;

use crate::{
    Backend, Backends, Body, SelfServiceCall, SelfServiceHandler, body,
    download::Download,
    forward::{Provenance, rewrite_request, rewrite_response},
    leftover,
    limits::{SELF_SERVICE_BODY_MAX, SELF_SERVICE_BODY_TIMEOUT},
    misplaced::Misplaced,
    refusal::{Refusal, check_head, check_length},
    resource,
    tenure::Tenure,
    tunnel, upgrade,
    upload::Upload,
    upstream::{self, Connections, Patience},
};

/// The reverse proxy.
pub struct Gateway {
    backends: Backends,
    verifier: Arc<Verifier>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    self_service: Arc<dyn SelfServiceHandler>,
    connections: Connections,
    by_tls: bool,
    /// The origin of the pages, where members allow applications access.
    portal: Option<Arc<str>>,
}

/// A request on its way.
struct Passage<'a> {
    backend: &'a Backend,
    host: Host,
    peer: SocketAddr,
    id: RequestId,
    /// What was judged.
    asked: Asked,
    /// What it asks of the self-service endpoints, if it is for one of them.
    own: Option<Action>,
}

/// Why a request goes nowhere.
enum NotAdmitted<'a> {
    Misplaced(Misplaced),
    Refused(&'a Api, Refusal),
}

impl NotAdmitted<'_> {
    fn answer(self, id: RequestId) -> Response<Body> {
        match self {
            Self::Misplaced(misplaced) => misplaced.answer().map(body),
            Self::Refused(api, refusal) => refusal.answer(api, id),
        }
    }
}

impl From<Misplaced> for NotAdmitted<'_> {
    fn from(misplaced: Misplaced) -> Self {
        Self::Misplaced(misplaced)
    }
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
        let connections = Connections::new();
        Self { backends, verifier, clock, entropy, self_service, connections, by_tls: false, portal: None }
    }

    /// The same where requests come by TLS or not: upstreams are told.
    #[must_use]
    pub fn by_tls(self, by_tls: bool) -> Self {
        Self { by_tls, ..self }
    }

    /// The same where members allow applications access at the origin `portal`: callers are told.
    #[must_use]
    pub fn with_portal(self, portal: &str) -> Self {
        Self { portal: Some(portal.into()), ..self }
    }

    /// The same by way of the connections that `before` has open.
    #[must_use]
    pub fn following(self, before: &Self) -> Self {
        Self { connections: before.connections.clone(), ..self }
    }

    /// Answers one request from `peer`. Whatever happens there is an answer, and it carries the request's id.
    pub async fn handle<B>(&self, peer: SocketAddr, request: Request<B>) -> Response<Body>
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let id = RequestId::mint(self.clock.now(), &*self.entropy);
        let (head, request_body) = request.into_parts();
        let request_body = body(request_body);
        if resource::is_asked_for(&head)
            && let Some((profile, origin, portal)) = self.as_resource(&head, peer)
        {
            let mut response = resource::tell(&head, profile, &origin, portal).map(body);
            request_id::set(response.headers_mut(), id);
            return response;
        }
        let mut response = match self.admit(&head, peer, id).await {
            Ok((passage, pass)) => {
                let api = &passage.backend.api;
                let told = api.limit_fields(pass.permit());
                let passed = self.pass(passage, pass, head, request_body).await;
                let mut response = passed.unwrap_or_else(|refusal| refusal.answer(api, id));
                response.headers_mut().extend(told);
                response
            }
            Err(not_admitted) => {
                let mut response = not_admitted.answer(id);
                if let Some((_, origin, _)) = self.as_resource(&head, peer) {
                    resource::point(&mut response, &origin, &head);
                }
                leftover::read_off(&head, request_body);
                response
            }
        };
        request_id::set(response.headers_mut(), id);
        response
    }

    /// Which api the request is for, and whether it may: decided by its head alone.
    async fn admit(
        &self,
        head: &Parts,
        peer: SocketAddr,
        id: RequestId,
    ) -> Result<(Passage<'_>, Pass), NotAdmitted<'_>> {
        let host = Host::of(&head.uri, &head.headers).map_err(|error| self.of_no_host(error))?;
        let backend = self.backends.choose(&host).ok_or(Misplaced::NoApi)?;
        let refused = |refusal| NotAdmitted::Refused(&backend.api, refusal);
        check_head(head).map_err(refused)?;
        let profile = backend.api.profile();
        let path = head.uri.path();
        let service = profile.self_service.as_ref();
        let own = service.and_then(|service| service.action(head.method.as_str(), path));
        let body_max = if own.is_some() { SELF_SERVICE_BODY_MAX as u64 } else { profile.upstream.body_max };
        // Before it is judged: what is too large was never let in, and isn't counted as a use.
        check_length(head, body_max).map_err(refused)?;
        let address = caller_address(profile, Some(peer.ip()), &head.headers);
        let caller = Caller { host: &host, address };
        let asked = backend.api.asked(head, caller);
        let judged = backend.api.judge(&self.verifier, head, caller, id).await;
        let pass = judged.map_err(|no_permit| refused(no_permit.into()))?;
        if own.is_none() && service.is_some_and(|service| service.resembles(path)) {
            return Err(refused(Slot::BadRequest.into()));
        }
        Ok((Passage { backend, host, peer, id, asked, own }, pass))
    }

    /// What a request is for, as applications know it: its api, where applications can get access to it, and the origins of
    /// what was asked and of the pages.
    fn as_resource(&self, head: &Parts, peer: SocketAddr) -> Option<(&Profile, String, &str)> {
        let portal = self.portal.as_deref()?;
        let host = Host::of(&head.uri, &head.headers).ok()?;
        let profile = self.backends.choose(&host)?.api.profile();
        profile.oauth.as_ref()?;
        let origin = resource::origin(head, &host, self.by_tls, profile.trusts(peer.ip()))?;
        Some((profile, origin, portal))
    }

    /// Where there is one api only, even a request for no readable host is for it, and is answered in its words.
    fn of_no_host(&self, error: HostError) -> NotAdmitted<'_> {
        match self.backends.only() {
            Some(backend) => NotAdmitted::Refused(&backend.api, Slot::BadRequest.into()),
            None => Misplaced::from(error).into(),
        }
    }

    async fn pass(
        &self,
        mut passage: Passage<'_>,
        pass: Pass,
        head: Parts,
        request_body: Body,
    ) -> Result<Response<Body>, Refusal> {
        match (passage.own.take(), pass) {
            // In a box, so that what is forwarded doesn't carry what it takes.
            (Some(action), Pass::Permitted(permit)) => {
                let span = tracing::error_span!("request", id = %passage.id);
                Box::pin(self.serve(passage, permit, action, head, request_body).instrument(span)).await
            }
            // Keys are made for nobody but whose they are, whatever is observed.
            (Some(_), Pass::Observed(objection)) => Err(NoPermit::from(objection).into()),
            (None, pass) => self.forward(passage, pass, head, request_body).await,
        }
    }

    async fn serve(
        &self,
        passage: Passage<'_>,
        permit: Permit,
        action: Action,
        mut head: Parts,
        request_body: Body,
    ) -> Result<Response<Body>, Refusal> {
        let api = &*passage.backend.api;
        let collecting = Limited::new(request_body, SELF_SERVICE_BODY_MAX).collect();
        let collected = match tokio::time::timeout(SELF_SERVICE_BODY_TIMEOUT, collecting).await {
            Ok(Ok(collected)) => collected.to_bytes(),
            Ok(Err(error)) if error.is::<LengthLimitError>() => {
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
        passage: Passage<'_>,
        pass: Pass,
        mut head: Parts,
        request_body: Body,
    ) -> Result<Response<Body>, Refusal> {
        let Passage { backend, host, peer, id, asked, .. } = passage;
        let profile = backend.api.profile();
        let upstream = backend.upstream(pass.environment());
        let connection = upgrade::asked(&mut head, &request_body).filter(|_| upstream.is_elsewhere());
        let (peer, upgrades) = (peer.ip(), connection.is_some());
        let by_tls = self.by_tls;
        let provenance =
            Provenance { profile, pass: &pass, host: &host, peer, by_tls, request: id, upgrades };
        rewrite_request(&mut head, &request_body, &provenance);
        let tenure = self.tenure(backend, pass, asked);
        let (upload, watch) = Upload::new(request_body, profile.upstream.body_max, tenure.clone());
        let request = Request::from_parts(head, body(upload));
        let patience =
            Patience { upload: &watch, timeout: profile.upstream.timeout, tenure: &tenure, request: id };
        let response = upstream::send(upstream, &self.connections, request, &patience).await?;
        let (mut head, response_body) = response.into_parts();
        rewrite_response(&mut head);
        if head.status == StatusCode::SWITCHING_PROTOCOLS {
            let other = head.extensions.remove::<OnUpgrade>();
            let (caller, other) = connection.zip(other).ok_or(Slot::BadGateway)?;
            tunnel::open(caller, other, tenure);
            return Ok(Response::from_parts(head, body(Empty::new())));
        }
        Ok(Response::from_parts(head, body(Download::new(response_body, tenure))))
    }

    /// How long what was let in by `pass` may last.
    fn tenure(&self, backend: &Backend, pass: Pass, asked: Asked) -> Tenure {
        let (api, verifier) = (Arc::clone(&backend.api), Arc::clone(&self.verifier));
        Tenure::new(Arc::new(move || api.may_go_on(&verifier, &pass, &asked)))
    }
}
