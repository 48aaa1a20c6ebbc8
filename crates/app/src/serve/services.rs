//! What answers on the listeners, put together from the other crates.

use std::{
    net::SocketAddr,
    sync::{Arc, atomic::AtomicBool},
};

use arc_swap::ArcSwap;
use bytes::Bytes;
use claviger_api::{Control, ControlParts, OwnKeys, ProcessFigures};
use claviger_dashboard::{ApiPages, OperatorPages, PagesParts, Portal};
use claviger_gateway::{Backend, Backends, Desk, ExtAuthz, ForwardAuth, Gateway, InProcess};
use claviger_judge::Api;
use claviger_manage::Manager;
use claviger_model::{Clock, Entropy, profile::Profile, restriction::Networks};
use claviger_oauth::Endpoints;
use claviger_store::Store;
use claviger_verify::{Verifier, nodes::Leases};
use http::{Request, Response};
use http_body_util::{Either, Full};
use hyper::body::Incoming;

use super::{
    control::ControlListener,
    listener::{Handle, Trusted},
    own_keys::OwnKeysOf,
    profiles::{Digests, Served},
    traces::Traces,
};

/// To which listeners requests come by TLS.
#[derive(Clone, Copy)]
pub(super) struct ByTls {
    pub(super) gateway: bool,
    pub(super) portal: bool,
}

/// What the services are made of beside the profiles: it stays when these are read again.
pub(super) struct Base {
    pub(super) manager: Manager,
    pub(super) verifier: Arc<Verifier>,
    pub(super) public_origin: Option<String>,
    pub(super) by_tls: ByTls,
    pub(super) forward_auth_callers: Networks,
    pub(super) figures: Arc<dyn ProcessFigures>,
    /// What answers where a profile names no upstream.
    pub(super) demo: Arc<dyn InProcess>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
    /// Randomness for the ids of requests, which are no secrets.
    pub(super) ids: Arc<dyn Entropy>,
    pub(super) store: Store,
    /// What the other nodes were promised when this one joined them.
    pub(super) leases: Leases,
    /// Whether files that were read again could not be used.
    pub(super) reload_failed: Arc<AtomicBool>,
    /// What requests are traced by, if they are.
    pub(super) traces: Traces,
}

impl Base {
    fn pages(&self, manager: &Manager, apis: &[ApiPages]) -> PagesParts {
        PagesParts {
            manager: manager.clone(),
            verifier: Arc::clone(&self.verifier),
            apis: apis.to_vec(),
            public_origin: self.public_origin.clone(),
            by_tls: self.by_tls.portal,
            clock: Arc::clone(&self.clock),
            entropy: Arc::clone(&self.entropy),
        }
    }

    fn gateway(&self, manager: &Manager, apis: &[Arc<Api>]) -> anyhow::Result<Gateway> {
        let backends = apis.iter().map(|api| Backend::of_profile(Arc::clone(api), &self.demo));
        let backends = Backends::new(backends.collect::<Result<_, _>>()?)?;
        let (verifier, clock, ids) =
            (Arc::clone(&self.verifier), Arc::clone(&self.clock), Arc::clone(&self.ids));
        let own_keys = Arc::new(OwnKeysOf(OwnKeys::new(manager.clone())));
        let gateway = Gateway::new(backends, verifier, clock, ids, own_keys);
        Ok(gateway.by_tls(self.by_tls.gateway).with_portal(manager.portal()))
    }
}

/// What people and their applications reach.
pub(super) struct PortalListener {
    pages: Portal,
    oauth: Endpoints,
}

/// The services of one set of profiles.
pub(super) struct Services {
    gateway: Gateway,
    portal: PortalListener,
    control: ControlListener,
    ext_authz: ExtAuthz,
    profiles: Vec<Arc<Profile>>,
    pub(super) digests: Digests,
}

impl Services {
    /// The services of what is `served`. What the ones `before` them hold open or know of callers stays.
    pub(super) fn of(
        base: &Base,
        manager: &Manager,
        served: Served,
        before: Option<&Self>,
    ) -> anyhow::Result<Self> {
        let Served { profiles, digests, prepared: apis, pages, .. } = served;
        let (verifier, clock, ids) =
            (Arc::clone(&base.verifier), Arc::clone(&base.clock), Arc::clone(&base.ids));
        let gateway = base.gateway(manager, &apis)?;
        let operators = base.pages(manager, &pages);
        let (gateway, operators) = match before {
            None => (gateway, OperatorPages::new(operators)?),
            Some(before) => (gateway.following(&before.gateway), before.control.pages.remade(operators)?),
        };
        let oauth = Endpoints::new(manager.clone(), Arc::clone(&clock), Arc::clone(&ids));
        let portal = PortalListener { pages: Portal::new(base.pages(manager, &pages))?, oauth };
        let desk = Arc::new(Desk {
            apis: apis.clone(),
            callers: base.forward_auth_callers.clone(),
            verifier: Arc::clone(&verifier),
            clock: Arc::clone(&clock),
            entropy: Arc::clone(&ids),
        });
        let (forward_auth, ext_authz) = (ForwardAuth::new(Arc::clone(&desk)), ExtAuthz::new(desk));
        let api = Control::new(ControlParts {
            manager: manager.clone(),
            verifier,
            apis,
            figures: Arc::clone(&base.figures),
            clock,
            entropy: ids,
        });
        let control = ControlListener { forward_auth, api, pages: operators };
        Ok(Self { gateway, portal, control, ext_authz, profiles, digests })
    }
}

/// The services that are in force: each request is answered by one set of them, from its head to its end.
#[derive(Clone)]
pub(super) struct InForce(Arc<ArcSwap<Services>>);

impl InForce {
    pub(super) fn begin(services: Services) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(services)))
    }

    /// The set that is in force now.
    pub(super) fn now(&self) -> Arc<Services> {
        self.0.load_full()
    }

    /// Requests that come from here on are answered by `services`.
    pub(super) fn become_these(&self, services: Services) {
        self.0.store(Arc::new(services));
    }

    pub(super) fn gateway(&self) -> Part<Gateway> {
        self.part(|services| &services.gateway)
    }

    pub(super) fn portal(&self) -> Part<PortalListener> {
        self.part(|services| &services.portal)
    }

    pub(super) fn control(&self) -> Part<ControlListener> {
        self.part(|services| &services.control)
    }

    pub(super) fn ext_authz(&self) -> Part<ExtAuthz> {
        self.part(|services| &services.ext_authz)
    }

    /// Whose connections are not counted.
    pub(super) fn trusted(&self) -> Trusted {
        let services = Arc::clone(&self.0);
        Arc::new(move |peer| services.load().profiles.iter().any(|profile| profile.trusts(peer)))
    }

    fn part<H>(&self, choose: fn(&Services) -> &H) -> Part<H> {
        Part { services: Arc::clone(&self.0), choose }
    }
}

/// One of the services, of whichever set is in force.
pub(super) struct Part<H> {
    services: Arc<ArcSwap<Services>>,
    choose: fn(&Services) -> &H,
}

impl<H: Handle> Handle for Part<H> {
    type Body = H::Body;

    async fn handle(&self, peer: SocketAddr, request: Request<Incoming>) -> Response<Self::Body> {
        let services = self.services.load_full();
        (self.choose)(&services).handle(peer, request).await
    }
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
