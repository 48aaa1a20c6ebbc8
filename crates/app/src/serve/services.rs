//! What answers on the listeners, put together from the other crates.

use std::{net::SocketAddr, sync::Arc};

use bytes::Bytes;
use claviger_api::{Control, ControlParts, OwnKeys, ProcessFigures};
use claviger_dashboard::{ApiPages, OperatorPages, PagesParts, Portal};
use claviger_gateway::{Backend, Backends, Desk, ExtAuthz, ForwardAuth, Gateway, InProcess};
use claviger_judge::Api;
use claviger_manage::Manager;
use claviger_model::{Clock, Entropy, profile::Profile, restriction::Networks};
use claviger_oauth::Endpoints;
use claviger_verify::Verifier;
use http::{Request, Response};
use http_body_util::{Either, Full};
use hyper::body::Incoming;

use super::{
    control::ControlListener,
    listener::{Handle, Trusted},
    own_keys::OwnKeysOf,
};
use crate::demo::Demo;

/// To which listeners requests come by TLS.
#[derive(Clone, Copy)]
pub(super) struct ByTls {
    pub(super) gateway: bool,
    pub(super) portal: bool,
}

/// What the services are made of.
pub(super) struct Parts {
    pub(super) manager: Manager,
    pub(super) verifier: Arc<Verifier>,
    pub(super) apis: Vec<Arc<Api>>,
    pub(super) pages: Vec<ApiPages>,
    pub(super) public_origin: Option<String>,
    pub(super) by_tls: ByTls,
    pub(super) forward_auth_callers: Networks,
    pub(super) figures: Arc<dyn ProcessFigures>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
    /// Randomness for the ids of requests, which are no secrets.
    pub(super) ids: Arc<dyn Entropy>,
}

impl Parts {
    fn pages(&self) -> PagesParts {
        PagesParts {
            manager: self.manager.clone(),
            verifier: Arc::clone(&self.verifier),
            apis: self.pages.clone(),
            public_origin: self.public_origin.clone(),
            by_tls: self.by_tls.portal,
            clock: Arc::clone(&self.clock),
            entropy: Arc::clone(&self.entropy),
        }
    }
}

/// What people and their applications reach.
pub(super) struct PortalListener {
    pages: Portal,
    oauth: Endpoints,
}

/// The services, and whose connections are not counted.
pub(super) struct Services {
    pub(super) gateway: Gateway,
    pub(super) portal: PortalListener,
    pub(super) control: ControlListener,
    pub(super) ext_authz: ExtAuthz,
    pub(super) trusted: Trusted,
}

impl Services {
    pub(super) fn of(parts: Parts, profiles: &[Arc<Profile>]) -> anyhow::Result<Self> {
        let profiles = profiles.to_vec();
        let trusted: Trusted = Arc::new(move |peer| profiles.iter().any(|profile| profile.trusts(peer)));
        let gateway = gateway(&parts)?;
        let oauth = Endpoints::new(parts.manager.clone(), Arc::clone(&parts.clock), Arc::clone(&parts.ids));
        let portal = PortalListener { pages: Portal::new(parts.pages())?, oauth };
        let operators = OperatorPages::new(parts.pages())?;
        let Parts { manager, verifier, apis, forward_auth_callers, figures, clock, ids, .. } = parts;
        let desk = Arc::new(Desk {
            apis: apis.clone(),
            callers: forward_auth_callers,
            verifier: Arc::clone(&verifier),
            clock: Arc::clone(&clock),
            entropy: Arc::clone(&ids),
        });
        let (forward_auth, ext_authz) = (ForwardAuth::new(Arc::clone(&desk)), ExtAuthz::new(desk));
        let control = ControlListener {
            forward_auth,
            api: Control::new(ControlParts { manager, verifier, apis, figures, clock, entropy: ids }),
            pages: operators,
        };
        Ok(Self { gateway, portal, control, ext_authz, trusted })
    }
}

fn gateway(parts: &Parts) -> anyhow::Result<Gateway> {
    let Parts { manager, verifier, apis, by_tls, clock, ids, .. } = parts;
    let demo: Arc<dyn InProcess> = Arc::new(Demo::default());
    let backends = apis.iter().map(|api| Backend::of_profile(Arc::clone(api), &demo));
    let backends = Backends::new(backends.collect::<Result<_, _>>()?)?;
    let own_keys = Arc::new(OwnKeysOf(OwnKeys::new(manager.clone())));
    let gateway = Gateway::new(backends, Arc::clone(verifier), Arc::clone(clock), Arc::clone(ids), own_keys);
    Ok(gateway.by_tls(by_tls.gateway).with_portal(manager.portal()))
}

impl Handle for Gateway {
    type Body = claviger_gateway::Body;

    async fn handle(&self, peer: SocketAddr, request: Request<Incoming>) -> Response<Self::Body> {
        Self::handle(self, peer, request).await
    }
}

impl Handle for ExtAuthz {
    type Body = tonic::body::Body;

    async fn handle(&self, peer: SocketAddr, request: Request<Incoming>) -> Response<Self::Body> {
        Self::handle(self, peer, request).await
    }
}

impl Handle for PortalListener {
    type Body = Either<Full<Bytes>, claviger_dashboard::Body>;

    async fn handle(&self, peer: SocketAddr, request: Request<Incoming>) -> Response<Self::Body> {
        if Endpoints::are_for(request.uri().path()) {
            self.oauth.handle(peer, request).await.map(Either::Left)
        } else {
            // In a box, so that the endpoints don't carry what a page takes.
            Box::pin(self.pages.handle(peer, request)).await.map(Either::Right)
        }
    }
}
