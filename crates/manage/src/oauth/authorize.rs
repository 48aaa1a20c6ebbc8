//! What an application asks a member for (RFC 6749 §4.1.1, OAuth 2.1 §4.1.1), and the answer that goes back to it.
//!
//! Until both the application and the address it is sent back to are known good, whatever is wrong is said on a page of our
//! own; from then on it is said to the application.

use std::{sync::Arc, time::Duration};

use claviger_model::{
    MemberAbility, Scope, Scopes,
    oauth::{Challenge, ClientKind, ErrorCode, Parameters, ParametersError, scopes_asked, within},
    profile::Profile,
};
use claviger_store::{ClientRow, NewCode};
use serde_json::json;
use url::{Url, form_urlencoded};

use super::rules;
use crate::{Actor, By, Manager, MemberPermit, Refusal};

/// How long a code works.
const CODE_LASTS: Duration = Duration::from_mins(1);
/// Longest state that is handed back.
const STATE_MAX: usize = 2048;

/// A request that can be put to a member.
#[derive(Clone, Debug)]
pub struct Pending {
    /// Who asks.
    pub client: ClientRow,
    /// For which api.
    pub profile: Arc<Profile>,
    /// What for.
    pub scopes: Scopes,
    /// Where the answer goes.
    pub redirect_uri: String,
    state: Option<String>,
    issuer: String,
    challenge: Challenge,
}

/// A request that can't be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Astray {
    /// To be said on our own page: it isn't known where else.
    Here(&'static str),
    /// To be said to the application: where the browser goes.
    Back(String),
}

/// An error of an authorization request (RFC 6749 §4.1.2.1).
struct Wrong(ErrorCode, String);

impl Wrong {
    fn new(code: ErrorCode, description: impl Into<String>) -> Self {
        Self(code, description.into())
    }
}

impl Manager {
    /// Reads what is asked for by an authorization request's query.
    pub async fn pending(
        &self,
        profile: &Arc<Profile>,
        query: &[u8],
    ) -> Result<Result<Pending, Astray>, Refusal> {
        rules(profile)?;
        let Some(id) = Parameters::first_of(query, "client_id") else {
            return Ok(Err(Astray::Here("The application didn't say which one it is (client_id).")));
        };
        let Some(client) = self.client_called(profile, &id).await? else {
            return Ok(Err(Astray::Here("This application isn't known here, or not any more.")));
        };
        let redirect_uri = Parameters::first_of(query, "redirect_uri");
        let admitted = redirect_uri.filter(|asked| client.redirect_uris.iter().any(|uri| uri.admits(asked)));
        let Some(redirect_uri) = admitted else {
            return Ok(Err(Astray::Here(
                "The application wants you sent to an address that it hasn't registered (redirect_uri).",
            )));
        };
        let state = Parameters::first_of(query, "state").filter(|state| !state.is_empty());
        let issuer = self.issuer(profile);
        Ok(match read(profile, &client, query) {
            Ok((scopes, challenge)) => {
                let profile = Arc::clone(profile);
                Ok(Pending { client, profile, scopes, redirect_uri, state, issuer, challenge })
            }
            Err(Wrong(code, description)) => {
                let state = state.filter(|state| state.len() <= STATE_MAX);
                let told = [("error", code.as_str()), ("error_description", &description)];
                Err(Astray::Back(back(&redirect_uri, state.as_deref(), &issuer, &told)))
            }
        })
    }

    /// Whether the member has allowed all of it before. Applications that nobody vouches for ask each time, and so do those
    /// that have no secret and no site of their own: any program on a member's machine can say that it is one (RFC 8252
    /// §8.6).
    pub async fn was_allowed(&self, permit: &MemberPermit, pending: &Pending) -> Result<bool, Refusal> {
        let is_itself =
            pending.client.kind == ClientKind::Confidential || pending.redirect_uri.starts_with("https://");
        if !pending.client.verified || !is_itself || !permit.may(MemberAbility::Manage) {
            return Ok(false);
        }
        let consent = self.store.find_consent(pending.client.id, permit.member()).await?;
        Ok(consent.is_some_and(|consent| within(&pending.scopes, &consent)))
    }

    /// Lets the application have what it asks for, in the name of the member who asks; where the browser goes with it.
    pub async fn allow(&self, by: &By, pending: &Pending) -> Result<String, Refusal> {
        let Actor::Member(permit) = &by.actor else {
            return Err(Refusal::Forbidden("only a member allows an application anything".to_owned()));
        };
        permit.require(MemberAbility::Manage)?;
        if *permit.api() != pending.client.api {
            return Err(Refusal::NotFound("application"));
        }
        let now = self.clock.now();
        let (digest, plain) = self.mint_oauth(&rules(&pending.profile)?.code);
        let code = NewCode {
            digest,
            client: pending.client.id,
            member: permit.member(),
            redirect_uri: pending.redirect_uri.clone(),
            challenge: pending.challenge,
            scopes: pending.scopes.clone(),
            created_at: now,
            expires_at: now.plus(CODE_LASTS),
        };
        let detail = json!({"scopes": pending.scopes, "name": pending.client.name});
        self.store.allow(code, self.note(by, "client.allow", detail)).await?;
        Ok(pending.back(&[("code", plain.expose())]))
    }
}

impl Pending {
    /// Where the browser goes when the member says no.
    pub fn denied(&self) -> String {
        self.back(&[("error", ErrorCode::AccessDenied.as_str()), ("error_description", "the member said no")])
    }

    /// The scopes that are asked for, each in the api's words; `None` where it is everything.
    pub fn scopes_in_words(&self) -> Option<Vec<(&str, &str)>> {
        let Scopes::Listed(listed) = &self.scopes else { return None };
        let words = |scope: &Scope| self.profile.scopes.iter().find(|(known, _)| known == scope);
        Some(listed.iter().filter_map(words).map(|(scope, words)| (scope.as_str(), &**words)).collect())
    }

    fn back(&self, told: &[(&str, &str)]) -> String {
        back(&self.redirect_uri, self.state.as_deref(), &self.issuer, told)
    }
}

fn read(profile: &Profile, client: &ClientRow, query: &[u8]) -> Result<(Scopes, Challenge), Wrong> {
    let parameters = Parameters::read(query)
        .map_err(|error: ParametersError| Wrong::new(ErrorCode::InvalidRequest, error.to_string()))?;
    if parameters.get("state").is_some_and(|state| state.len() > STATE_MAX) {
        return Err(Wrong::new(ErrorCode::InvalidRequest, "state is too long"));
    }
    match parameters.get("response_type") {
        Some("code") => {}
        Some(_) => return Err(Wrong::new(ErrorCode::UnsupportedResponseType, "response_type must be code")),
        None => return Err(Wrong::new(ErrorCode::InvalidRequest, "response_type is missing")),
    }
    if parameters.get("response_mode").is_some_and(|mode| mode != "query") {
        return Err(Wrong::new(ErrorCode::InvalidRequest, "response_mode must be query"));
    }
    if parameters.get("request").is_some() {
        return Err(Wrong::new(ErrorCode::RequestNotSupported, "request objects aren't read"));
    }
    if parameters.get("request_uri").is_some() {
        return Err(Wrong::new(ErrorCode::RequestUriNotSupported, "request objects aren't read"));
    }
    if parameters.get("prompt").is_some_and(|prompt| prompt.split(' ').any(|word| word == "none")) {
        return Err(Wrong::new(ErrorCode::InteractionRequired, "nothing is allowed without the member"));
    }
    let challenge = parameters.get("code_challenge");
    let challenge =
        challenge.ok_or_else(|| Wrong::new(ErrorCode::InvalidRequest, "code_challenge is missing"))?;
    let challenge = Challenge::read(challenge, parameters.get("code_challenge_method"))
        .map_err(|error| Wrong::new(ErrorCode::InvalidRequest, error.to_string()))?;
    if !parameters.all("resource").all(|resource| is_of(profile, resource)) {
        return Err(Wrong::new(ErrorCode::InvalidTarget, "the resource isn't this api"));
    }
    let scopes = asked(profile, &client.scopes, parameters.get("scope"))
        .map_err(|error| Wrong::new(ErrorCode::InvalidScope, error.to_string()))?;
    Ok((scopes, challenge))
}

/// What of the api's scopes a client gets by asking so. An api without scopes has one thing to give, which is everything.
pub(super) fn asked(
    profile: &Profile,
    of_client: &Scopes,
    scope: Option<&str>,
) -> Result<Scopes, claviger_model::oauth::ScopeRefused> {
    if profile.scopes.is_empty() && *of_client == Scopes::All && scope.is_none() {
        return Ok(Scopes::All);
    }
    let known = profile.scopes.iter().map(|(scope, _)| scope);
    let allowed: Vec<_> = known.filter(|scope| of_client.include(scope)).cloned().collect();
    scopes_asked(scope, &allowed)
}

/// Whether a resource indicator (RFC 8707 §2) names this api: by one of its hosts, where it has any.
pub(super) fn is_of(profile: &Profile, resource: &str) -> bool {
    let Ok(url) = Url::parse(resource) else { return false };
    let named = url.host_str().is_some_and(|host| profile.host_rule(host).is_some());
    url.fragment().is_none() && url.has_host() && (profile.hosts.is_empty() || named)
}

/// The address that takes an answer to the application, with `state` as it was sent and `iss` (RFC 9207 §2).
fn back(redirect_uri: &str, state: Option<&str>, issuer: &str, told: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(told);
    if let Some(state) = state {
        query.append_pair("state", state);
    }
    query.append_pair("iss", issuer);
    let mark = if redirect_uri.contains('?') { '&' } else { '?' };
    format!("{redirect_uri}{mark}{}", query.finish())
}
