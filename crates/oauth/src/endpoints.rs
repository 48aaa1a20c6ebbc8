//! One request in, one answer out.

use std::{error::Error, net::SocketAddr, sync::Arc};

use bytes::Bytes;
use claviger_judge::{address::caller_address, request_id};
use claviger_manage::Manager;
use claviger_model::{
    Clock, Entropy, RequestId,
    oauth::ErrorCode,
    profile::{OauthRules, Profile},
};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body::Body;
use tracing::Instrument as _;

use crate::{
    answer::{self, Answer, Readers, Wrong},
    client_auth, form, introspect, metadata,
    place::{Endpoint, Place},
    register, revoke, token,
};

const FORM: &str = "application/x-www-form-urlencoded";

/// The endpoints of every api that takes part. Cheap to clone.
#[derive(Clone)]
pub struct Endpoints {
    manager: Manager,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl Endpoints {
    /// Endpoints that ask `manager`; `entropy` is for the ids of requests.
    pub fn new(manager: Manager, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self { manager, clock, entropy }
    }

    /// Whether a path is one of these.
    pub fn are_for(path: &str) -> bool {
        Place::read(path).is_some()
    }

    /// Answers a request for one of these, and says its id.
    pub async fn handle<B>(&self, peer: SocketAddr, request: Request<B>) -> Answer
    where
        B: Body<Data = Bytes> + Send,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let id = RequestId::mint(self.clock.now(), &*self.entropy);
        let span = tracing::error_span!("request", %id);
        let mut answer = self.place(peer, request, id).instrument(span).await;
        request_id::set(answer.headers_mut(), id);
        answer
    }

    async fn place<B>(&self, peer: SocketAddr, request: Request<B>, id: RequestId) -> Answer
    where
        B: Body<Data = Bytes> + Send,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let Some(Place { endpoint, api }) = Place::read(request.uri().path()) else {
            return answer::finish(answer::empty(StatusCode::NOT_FOUND), Readers::NoPage);
        };
        let (method, api) = (request.method(), self.api(api));
        let readers = match endpoint {
            Endpoint::Introspect => Readers::NoPage,
            Endpoint::Token | Endpoint::Revoke | Endpoint::Register | Endpoint::Metadata => {
                Readers::AnyOrigin
            }
        };
        let allowed = if endpoint == Endpoint::Metadata { "GET" } else { "POST" };
        let answered = if *method == Method::OPTIONS && readers == Readers::AnyOrigin {
            answer::preflight(allowed)
        } else if method.as_str() != allowed && !(allowed == "GET" && *method == Method::HEAD) {
            answer::other_method(allowed)
        } else {
            match api {
                None => {
                    let none = "no api of this name takes part in OAuth";
                    Wrong::new(StatusCode::NOT_FOUND, ErrorCode::NotFound, none).answer("")
                }
                Some((profile, rules)) => {
                    let asked = self.answer(endpoint, (profile, rules), peer, request, id).await;
                    asked.unwrap_or_else(|wrong| wrong.answer(&self.manager.issuer(profile)))
                }
            }
        };
        answer::finish(answered, readers)
    }

    /// The api called so, or the only one, if it has anything to say about OAuth.
    fn api(&self, name: Option<&str>) -> Option<(&Arc<Profile>, &OauthRules)> {
        let apis = self.manager.apis();
        let profile = name.map_or_else(|| apis.only(), |name| apis.get(name))?;
        Some((profile, profile.oauth.as_ref()?))
    }

    async fn answer<B>(
        &self,
        endpoint: Endpoint,
        (profile, rules): (&Arc<Profile>, &OauthRules),
        peer: SocketAddr,
        request: Request<B>,
        id: RequestId,
    ) -> Result<Answer, Wrong>
    where
        B: Body<Data = Bytes> + Send,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let manager = &self.manager;
        let address = |headers: &HeaderMap| caller_address(profile, Some(peer.ip()), headers);
        match endpoint {
            Endpoint::Metadata => return Ok(metadata::tell(manager, profile, rules)),
            Endpoint::Register if !rules.registration => {
                let off = "applications are registered by the people who run this";
                return Err(Wrong::new(StatusCode::FORBIDDEN, ErrorCode::AccessDenied, off));
            }
            Endpoint::Register => {
                let read = form::read(request, "application/json").await?;
                let from = address(&read.headers);
                return Box::pin(register::register(manager, profile, from, id, &read.body)).await;
            }
            Endpoint::Token | Endpoint::Revoke | Endpoint::Introspect => {}
        }
        let read = form::read(request, FORM).await?;
        let parameters = form::parameters(&read.body)?;
        let from = address(&read.headers);
        let client =
            client_auth::authenticate(manager, profile, &read.headers, &parameters, from, id).await?;
        // In boxes, so that introspection doesn't carry what the other two take.
        match endpoint {
            Endpoint::Token => Box::pin(token::issue(manager, profile, &client, &parameters, from)).await,
            Endpoint::Revoke => Box::pin(revoke::revoke(manager, profile, &client, &parameters)).await,
            Endpoint::Introspect => introspect::introspect(manager, profile, &client, &parameters).await,
            Endpoint::Register | Endpoint::Metadata => unreachable!("both were answered"),
        }
    }
}
