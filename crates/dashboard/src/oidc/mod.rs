//! Signing in by OpenID Connect: the browser goes to the provider and comes back with a code.
//!
//! The provider says who somebody is and which address they have. What they may do is ours to say: nobody becomes a
//! member by signing in.

mod attempt;
mod fetch;
mod kept;
mod keys;
mod provider;
mod token;
mod trouble;

use askama::Template;
use axum::{
    Router,
    extract::{Path, State},
    routing::get,
};
use claviger_manage::{Choice, Identity, OidcEntrance};
use claviger_model::Email;
use http::{HeaderMap, Method, Response, StatusCode, header};

pub use provider::OidcSecret;
pub(crate) use provider::Provider;

use self::{attempt::Attempt, token::Verified, trouble::Trouble};
use crate::{
    Body,
    answer::{self, Stop},
    cookie::Jar,
    form::Query,
    frame::Frame,
    pages::welcome,
    site::{ApiSite, Site},
    visit::{self, Stranger},
    way_in::{keep_place, own_place},
};

/// Longest code in bytes that is sent on to a provider.
const MAX_CODE: usize = 4 << 10;

pub(crate) fn routes() -> Router<Site> {
    Router::new().route("/sign-in/oidc/{api}", get(begin)).route("/sign-in/oidc-callback", get(come_back))
}

/// Where providers send browsers back to. The request is not asked: whoever sends it could name any host.
fn way_back(site: &Site) -> String {
    format!("{}/sign-in/oidc-callback", site.manager().portal())
}

/// Sends the browser to the provider.
async fn begin(
    State(site): State<Site>,
    Path(api): Path<String>,
    query: Query,
) -> Result<Response<Body>, Stop> {
    let api = site.api(&api).ok_or_else(Stop::not_found)?;
    let name = &api.profile.name;
    let provider = api.provider.as_ref().ok_or_else(|| Stop::not_found().of_api(name))?;
    let metadata = provider.metadata().await.map_err(|trouble| Stop::from(trouble).of_api(name))?;
    let attempt = Attempt::begin(name, site.now(), site.nonce());
    let place = provider.authorization(&metadata, &attempt, &way_back(&site));
    let mut response = answer::go(place.as_str());
    let cookie = Jar::Oidc.set(&attempt.cookie(), attempt::PATIENCE.as_secs(), site.is_secure());
    response.headers_mut().append(header::SET_COOKIE, cookie);
    let next = keep_place(own_place(query.get("next")), site.is_secure());
    response.headers_mut().append(header::SET_COOKIE, next);
    Ok(response)
}

/// Signs in whom the provider sent back. Whatever comes of it, the attempt is over.
async fn come_back(
    State(site): State<Site>,
    method: Method,
    headers: HeaderMap,
    query: Query,
    stranger: Stranger,
) -> Response<Body> {
    if method != Method::GET || visit::is_prefetch(&headers) {
        return visit::not_now().into();
    }
    let mut response = finish(&site, &headers, &query, stranger).await.unwrap_or_else(Into::into);
    response.headers_mut().append(header::SET_COOKIE, Jar::Oidc.set("", 0, site.is_secure()));
    response
}

async fn finish(
    site: &Site,
    headers: &HeaderMap,
    query: &Query,
    stranger: Stranger,
) -> Result<Response<Body>, Stop> {
    let cookie = Jar::Oidc.read(headers, site.is_secure());
    let attempt = cookie.and_then(|cookie| Attempt::read(cookie, site.now()));
    let attempt = attempt.filter(|attempt| attempt.has_state(query.get("state"))).ok_or(Trouble::NotBegun)?;
    let api = site.api(attempt.api()).ok_or(Trouble::NotBegun)?;
    let provider = api.provider.as_ref().ok_or(Trouble::NotBegun)?;
    let name = &api.profile.name;
    let counted = site.manager().count_attempt(stranger.browser.address);
    counted.map_err(|refusal| Stop::from(refusal).of_api(name))?;
    let identified = identify(site, provider, &attempt, query).await;
    let who = identified.map_err(|trouble| Stop::from(trouble).of_api(name))?;
    let email = who.email.verified().and_then(|email| email.parse::<Email>().ok());
    let identity =
        Identity { issuer: provider.issuer().to_owned(), subject: who.subject, email: email.clone() };
    let Stranger { next, browser, request, .. } = stranger;
    let entrance = site.manager().enter_by_oidc(name, identity, browser, request).await;
    match entrance.map_err(|refusal| Stop::from(refusal).of_api(name))? {
        OidcEntrance::SignedIn(signed_in) => Ok(welcome(next.as_deref(), site, &signed_in)),
        OidcEntrance::Choose(choices) => choose(api, choices),
        OidcEntrance::Nobody => Err(nobody(api, email.as_ref())),
    }
}

/// Who somebody is, by the provider's answer.
async fn identify(
    site: &Site,
    provider: &Provider,
    attempt: &Attempt,
    query: &Query,
) -> Result<Verified, Trouble> {
    let metadata = provider.metadata().await?;
    // RFC 9207 §2.4, before anything else: a code of another provider must not be sent to this one.
    match query.get("iss") {
        "" if metadata.names_itself => {
            return Err(Trouble::Untrusted("the answer doesn't say which provider it is from"));
        }
        "" => {}
        issuer if issuer == provider.issuer() => {}
        _ => return Err(Trouble::Untrusted("the answer is another provider's")),
    }
    let error = query.get("error");
    if !error.is_empty() {
        let description = query.get("error_description").to_owned();
        return Err(Trouble::Refused { code: error.to_owned(), description });
    }
    let code = query.get("code");
    if code.is_empty() || code.len() > MAX_CODE {
        return Err(Trouble::Untrusted("the answer has no code"));
    }
    provider.identify(&metadata, attempt, code, &way_back(site)).await
}

/// Which account somebody means who is a member of several.
#[derive(Template)]
#[template(path = "sign_in/accounts.html")]
struct AccountsPage {
    frame: Frame,
    accounts: Vec<(String, String)>,
}

fn choose(api: &ApiSite, choices: Vec<Choice>) -> Result<Response<Body>, Stop> {
    let accounts = choices.into_iter().map(|choice| (choice.link.url(), choice.account_name)).collect();
    let page = AccountsPage { frame: Frame::outside(Some(api), "Choose an account"), accounts };
    answer::page(StatusCode::OK, &page)
}

fn nobody(api: &ApiSite, email: Option<&Email>) -> Stop {
    let text = match email {
        Some(email) => format!(
            "{email} is no member of an account here. Ask whoever manages its API keys to invite this address."
        ),
        None => "The sign-in service hasn't verified your e-mail address, so we can't know which account is yours. \
                 Verify it there, then sign in again."
            .to_owned(),
    };
    Stop::new(StatusCode::FORBIDDEN, "You have no access yet").saying(text).of_api(&api.profile.name)
}
