//! Who visits: a member by the session's cookie, and forms that come from our own pages.
//!
//! A handler that takes a [`Visitor`] has a signed-in member; one that takes a [`Posted`] has a form that this member's
//! own page sent: by its origin, by the browser's word on where it came from, and by the token that was in the page.

use std::{fmt, net::IpAddr};

use axum::extract::{FromRef, FromRequest, FromRequestParts, Request};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use claviger_judge::address;
use claviger_manage::{Actor, Browser, By, MemberPermit, Refusal, SessionToken};
use claviger_model::{MemberAbility, RequestId};
use http::{HeaderMap, Response, StatusCode, header, request::Parts};
use sha2::{Digest as _, Sha256};

use crate::{
    Body,
    answer::{self, Stop, authority},
    cookie::Jar,
    form::Form,
    portal::PeerAddress,
    site::{ApiSite, Site},
    way_in::{self, WayIn},
};

/// What binds a form to the browser that was shown it: derived from the cookie, which no other site can read.
/// It has no honest `Debug`: whoever reads it could send forms.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Csrf(String);

impl fmt::Debug for Csrf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Csrf(…)")
    }
}

impl Csrf {
    pub(crate) fn of(secret: &str) -> Self {
        let bound =
            Sha256::new().chain_update(b"claviger form v1\0").chain_update(secret.as_bytes()).finalize();
        Self(URL_SAFE_NO_PAD.encode(bound))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Digests are compared, so that the time it takes tells nothing.
    pub(crate) fn is(&self, sent: &str) -> bool {
        Sha256::digest(&self.0) == Sha256::digest(sent)
    }
}

/// A signed-in member, and the request by which they ask.
#[derive(Clone, Debug)]
pub(crate) struct Visitor {
    pub(crate) permit: MemberPermit,
    pub(crate) csrf: Csrf,
    pub(crate) request: RequestId,
}

impl Visitor {
    /// Who asks, for the verbs of `manage`.
    pub(crate) fn by(&self) -> By {
        By::new(Actor::Member(Box::new(self.permit.clone())), self.request)
    }

    pub(crate) fn may(&self, ability: MemberAbility) -> bool {
        self.permit.may(ability)
    }

    /// The api of the member's account.
    pub(crate) fn api<'a>(&self, site: &'a Site) -> Result<&'a ApiSite, Stop> {
        site.api(self.permit.api()).ok_or_else(Stop::not_found)
    }
}

/// Who was found to visit: a page that stops is shown to them in their own layout.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen(std::sync::Arc<std::sync::OnceLock<Visitor>>);

impl Seen {
    pub(crate) fn visitor(&self) -> Option<&Visitor> {
        self.0.get()
    }
}

/// Why nobody visits.
#[derive(Debug)]
pub(crate) enum NoVisitor {
    /// Nobody is signed in.
    SignedOut(WayIn),
    /// It can't be known.
    Stop(Stop),
}

impl From<NoVisitor> for Response<Body> {
    fn from(reason: NoVisitor) -> Self {
        match reason {
            NoVisitor::SignedOut(way) => answer::go(&way.href()),
            NoVisitor::Stop(stop) => stop.into(),
        }
    }
}

impl axum::response::IntoResponse for NoVisitor {
    fn into_response(self) -> Response<Body> {
        self.into()
    }
}

impl<S> FromRequestParts<S> for Visitor
where
    S: Send + Sync,
    Site: FromRef<S>,
{
    type Rejection = NoVisitor;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, NoVisitor> {
        let site = Site::from_ref(state);
        let token = token_of(&site, parts)?;
        let entered = site.manager().enter(&token, address_of(&site, parts)).await;
        visitor(parts, &token, entered)
    }
}

/// A signed-in member whose page asks by itself: their session is not used by it, and ends where they left.
#[derive(Debug)]
pub(crate) struct Onlooker(pub(crate) Visitor);

impl<S> FromRequestParts<S> for Onlooker
where
    S: Send + Sync,
    Site: FromRef<S>,
{
    type Rejection = NoVisitor;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, NoVisitor> {
        let site = Site::from_ref(state);
        let token = token_of(&site, parts)?;
        let found = site.manager().look_in(&token).await;
        visitor(parts, &token, found).map(Self)
    }
}

fn token_of(site: &Site, parts: &Parts) -> Result<SessionToken, NoVisitor> {
    let cookie = Jar::Session.read(&parts.headers, site.is_secure());
    cookie.and_then(SessionToken::read).ok_or_else(|| NoVisitor::SignedOut(WayIn::of(parts, false)))
}

fn visitor(
    parts: &Parts,
    token: &SessionToken,
    found: Result<Option<MemberPermit>, Refusal>,
) -> Result<Visitor, NoVisitor> {
    match found {
        Ok(Some(permit)) => {
            let visitor = Visitor { permit, csrf: Csrf::of(token.expose()), request: request_id(parts) };
            if let Some(Seen(seen)) = parts.extensions.get() {
                _ = seen.set(visitor.clone());
            }
            Ok(visitor)
        }
        Ok(None) => Err(NoVisitor::SignedOut(WayIn::of(parts, true))),
        Err(refusal) => Err(NoVisitor::Stop(refusal.into())),
    }
}

/// A form of a signed-in member, from one of their own pages.
#[derive(Debug)]
pub(crate) struct Posted {
    pub(crate) visitor: Visitor,
    pub(crate) form: Form,
}

impl<S> FromRequest<S> for Posted
where
    S: Send + Sync,
    Site: FromRef<S>,
{
    type Rejection = NoVisitor;

    async fn from_request(request: Request, state: &S) -> Result<Self, NoVisitor> {
        let site = Site::from_ref(state);
        let (mut parts, body) = request.into_parts();
        require_own_origin(&site, &parts.headers).map_err(NoVisitor::Stop)?;
        let visitor = Visitor::from_request_parts(&mut parts, state).await?;
        let form = Form::read(Request::from_parts(parts, body)).await.map_err(NoVisitor::Stop)?;
        if visitor.csrf.is(form.get("csrf")) {
            Ok(Self { visitor, form })
        } else {
            Err(NoVisitor::Stop(Stop::forged().of_api(visitor.permit.api())))
        }
    }
}

/// A browser that may not be signed in, with the secret its forms are bound to, which its `Debug` leaves out.
pub(crate) struct Stranger {
    /// The secret, made new where the browser has none.
    secret: String,
    /// Where they go on when they come back signed in by way of elsewhere.
    pub(crate) next: Option<String>,
    pub(crate) browser: Browser,
    pub(crate) request: RequestId,
}

impl fmt::Debug for Stranger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { browser, request, .. } = self;
        f.debug_struct("Stranger").field("browser", browser).field("request", request).finish_non_exhaustive()
    }
}

/// How long a browser may take from being shown the sign-in page to sending it, in seconds.
const BEFORE_SESSION: u64 = 3600;

impl Stranger {
    pub(crate) fn csrf(&self) -> Csrf {
        Csrf::of(&self.secret)
    }

    /// Gives the browser the secret again with `response`.
    pub(crate) fn remember(&self, site: &Site, mut response: Response<Body>) -> Response<Body> {
        let cookie = Jar::BeforeSession.set(&self.secret, BEFORE_SESSION, site.is_secure());
        response.headers_mut().append(header::SET_COOKIE, cookie);
        response
    }
}

impl<S> FromRequestParts<S> for Stranger
where
    S: Send + Sync,
    Site: FromRef<S>,
{
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let site = Site::from_ref(state);
        let sent = Jar::BeforeSession.read(&parts.headers, site.is_secure());
        let sent = sent.filter(|secret| Site::is_nonce(secret));
        let agent = parts.headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
        Ok(Self {
            secret: sent.map_or_else(|| site.nonce(), str::to_owned),
            next: way_in::kept_place(&parts.headers, site.is_secure()),
            browser: Browser { address: address_of(&site, parts), agent: agent.map(str::to_owned) },
            request: request_id(parts),
        })
    }
}

/// A form of someone who may not be signed in, from a page this browser was shown.
#[derive(Debug)]
pub(crate) struct PostedByStranger {
    pub(crate) stranger: Stranger,
    pub(crate) form: Form,
}

impl<S> FromRequest<S> for PostedByStranger
where
    S: Send + Sync,
    Site: FromRef<S>,
{
    type Rejection = Stop;

    async fn from_request(request: Request, state: &S) -> Result<Self, Stop> {
        let site = Site::from_ref(state);
        let (mut parts, body) = request.into_parts();
        require_own_origin(&site, &parts.headers)?;
        let stranger = match Stranger::from_request_parts(&mut parts, state).await {
            Ok(stranger) => stranger,
            Err(never) => match never {},
        };
        let form = Form::read(Request::from_parts(parts, body)).await?;
        if stranger.csrf().is(form.get("csrf")) { Ok(Self { stranger, form }) } else { Err(Stop::forged()) }
    }
}

/// Refuses what another site's page sent. Browsers name the origin of every form they send; who names none is none.
pub(crate) fn require_own_origin(site: &Site, headers: &HeaderMap) -> Result<(), Stop> {
    let same = headers.get_all("sec-fetch-site").iter().all(|from| from.as_bytes() == b"same-origin");
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let only = origins.next().filter(|_| origins.next().is_none());
    let own =
        only.and_then(|origin| origin.to_str().ok()).is_some_and(|origin| is_own(site, headers, origin));
    if own && same { Ok(()) } else { Err(Stop::forged()) }
}

/// Whether `origin` is the public one, or, where nobody said which that is, the one of the host that was asked.
fn is_own(site: &Site, headers: &HeaderMap, origin: &str) -> bool {
    if let Some(public) = site.public_origin() {
        return origin.eq_ignore_ascii_case(public);
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let is_of_web = origin.starts_with("http://") || origin.starts_with("https://");
    is_of_web && host.is_some_and(|host| authority(origin).eq_ignore_ascii_case(host))
}

/// The visitor's address: through the proxies that the profile trusts; where the profiles differ, the peer itself.
pub(crate) fn address_of(site: &Site, parts: &Parts) -> Option<IpAddr> {
    let peer = parts.extensions.get::<PeerAddress>().map(|peer| peer.0.ip());
    match site.apis() {
        [api] => address::caller_address(&api.profile, peer, &parts.headers),
        apis => {
            let trusting = apis.iter().find(|api| peer.is_some_and(|peer| api.profile.trusts(peer)));
            trusting.map_or(peer, |api| address::caller_address(&api.profile, peer, &parts.headers))
        }
    }
}

/// The id of the request, which the portal gave it.
pub(crate) fn request_id(parts: &Parts) -> RequestId {
    *parts.extensions.get::<RequestId>().expect("the portal names every request before its pages see it")
}

/// A page that is asked for by a browser, or a program, that looks ahead: nothing may come of it.
pub(crate) fn is_prefetch(headers: &HeaderMap) -> bool {
    let ahead = |word: &str| ["prefetch", "prerender", "preview"].iter().any(|ahead| word.contains(ahead));
    ["sec-purpose", "purpose", "x-purpose", "x-moz"]
        .iter()
        .flat_map(|name| headers.get_all(*name))
        .any(|value| ahead(&String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase()))
}

/// What a browser that looks ahead is told.
pub(crate) fn not_now() -> Stop {
    Stop::new(StatusCode::SERVICE_UNAVAILABLE, "Not now")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_binds_a_form_to_a_browser_is_not_told() {
        let csrf = Csrf::of("a secret");
        assert_eq!(format!("{csrf:?}"), "Csrf(…)");
        let request = "req_00000000000000000000000000".parse().unwrap();
        let browser = Browser { address: None, agent: None };
        let stranger = Stranger { secret: "a secret".to_owned(), next: None, browser, request };
        let told = format!("{stranger:?}");
        assert!(!told.contains("a secret") && !told.contains(csrf.as_str()), "{told}");
    }
}
