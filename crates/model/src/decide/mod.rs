//! The decision: one page, total, pure. It can't fail, only object.

use crate::{
    Attempt, Denial, Environment, KeyState, Misfit, Restrictions, Scopes, Timestamp,
    path::{CanonicalPath, NotCanonical},
    profile::{Demand, Need, RouteTable},
};

/// What a key may do and from where: shared by all keys that are equal in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Policy {
    /// The scopes it has.
    pub scopes: Scopes,
    /// What narrows it.
    pub restrictions: Restrictions,
}

/// What is true of the presented secret and its key.
#[derive(Clone, Copy, Debug)]
pub struct KeyFacts<'a> {
    /// Where the key is in its life.
    pub state: KeyState,
    /// Whether its account's keys may work.
    pub account_active: bool,
    /// When the key was revoked, or this secret's overlap ends.
    pub ends_at: Option<Timestamp>,
    /// When the key's own life ends.
    pub expires_at: Option<Timestamp>,
    /// Its environment.
    pub environment: Environment,
    /// Its scopes and restrictions.
    pub policy: &'a Policy,
}

/// What the api demands of every key.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// Which scope each route needs.
    pub routes: &'a RouteTable,
    /// Whether test keys are accepted at all.
    pub accepts_test: bool,
}

/// That nothing objects, but for what is only observed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    /// The first objection of what is only observed: it would have been the answer.
    pub observed: Option<Denial>,
}

impl Allowed {
    /// Takes an objection for one that is only observed, or returns it.
    fn weigh(&mut self, judged: Result<(), Denial>, is_observed: bool) -> Result<(), Denial> {
        match judged {
            Err(denial) if is_observed => {
                self.observed.get_or_insert(denial);
                Ok(())
            }
            judged => judged,
        }
    }
}

/// Judges one attempt at the instant `now`. The first objection is the answer: what the key is comes before what
/// it may do, so that a revoked key says so wherever it is tried. Only what narrows a key or a route demands can be
/// observed: a key that doesn't live is refused, and so is a request that can be read in two ways.
pub fn decide(
    key: &KeyFacts<'_>,
    rules: &Rules<'_>,
    attempt: &Attempt<'_>,
    now: Timestamp,
) -> Result<Allowed, Denial> {
    lives(key, now)?;
    if attempt.method.is_some_and(|method| !is_token(method)) {
        return Err(Denial::Ambiguous(Misfit::Method));
    }
    let path_matters = !rules.routes.is_empty() || key.policy.restrictions.endpoints.is_some();
    let path = match attempt.path.filter(|_| path_matters).map(CanonicalPath::new) {
        Some(Err(NotCanonical)) => return Err(Denial::Ambiguous(Misfit::Path)),
        Some(Ok(path)) => Some(path),
        None => None,
    };
    let target = attempt.method.zip(path);
    let half_known = attempt.method.is_some() != attempt.path.is_some() && !rules.routes.is_empty();
    let need = match target {
        Some((method, path)) => Some(rules.routes.need(method, path)),
        None => half_known.then_some(Need::UNKNOWN),
    };
    let mut allowed = Allowed::default();
    let by_route = need.as_ref().is_some_and(|need| need.is_observed);
    belongs(key, rules, attempt)?;
    allowed.weigh(belongs_to_route(key, need.as_ref()), by_route)?;
    narrows(&key.policy.restrictions, attempt, target, &mut allowed)?;
    let scopes = &key.policy.scopes;
    allowed.weigh(permits_route(scopes, need.as_ref()), by_route)?;
    permits(scopes, attempt)?;
    allowed.weigh(permits_anything(scopes, need.as_ref()), by_route)?;
    Ok(allowed)
}

/// RFC 9110 §5.6.2. A list of methods is none.
fn is_token(method: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    (1..=32).contains(&method.len()) && method.bytes().all(allowed)
}

/// Whether a secret works at all at the instant `now`, wherever it is tried.
pub fn lives(key: &KeyFacts<'_>, now: Timestamp) -> Result<(), Denial> {
    match (key.state, key.ends_at) {
        (KeyState::Revoked, at) => return Err(Denial::Revoked(at.unwrap_or(now))),
        // Where both are one instant nobody took it away: an access token ends by running out.
        (_, Some(at)) if now >= at && key.expires_at != Some(at) => return Err(Denial::Revoked(at)),
        _ => {}
    }
    match key.expires_at {
        Some(at) if now >= at => return Err(Denial::Expired(at)),
        _ => {}
    }
    if key.state == KeyState::Disabled || !key.account_active { Err(Denial::Disabled) } else { Ok(()) }
}

fn belongs(key: &KeyFacts<'_>, rules: &Rules<'_>, attempt: &Attempt<'_>) -> Result<(), Denial> {
    let elsewhere = attempt.environment.is_some_and(|environment| environment != key.environment);
    let refused = key.environment == Environment::Test && !rules.accepts_test;
    if elsewhere || refused { Err(Denial::Environment(key.environment)) } else { Ok(()) }
}

fn belongs_to_route(key: &KeyFacts<'_>, need: Option<&Need<'_>>) -> Result<(), Denial> {
    match need.and_then(|need| need.environment) {
        Some(environment) if environment != key.environment => Err(Denial::Environment(key.environment)),
        _ => Ok(()),
    }
}

fn narrows(
    to: &Restrictions,
    attempt: &Attempt<'_>,
    target: Option<(&str, CanonicalPath<'_>)>,
    allowed: &mut Allowed,
) -> Result<(), Denial> {
    if let Some(networks) = &to.networks
        && !attempt.address.is_some_and(|address| networks.contain(address))
    {
        allowed.weigh(Err(Denial::Network), to.observed.networks)?;
    }
    if let Some(referrers) = &to.referrers
        && !attempt.referrer.is_some_and(|referrer| referrers.admit(referrer))
    {
        allowed.weigh(Err(Denial::Referrer), to.observed.referrers)?;
    }
    if let Some(endpoints) = &to.endpoints
        && !target.is_some_and(|(method, path)| endpoints.admit(method, path))
    {
        allowed.weigh(Err(Denial::Endpoint), to.observed.endpoints)?;
    }
    Ok(())
}

fn permits_route(scopes: &Scopes, need: Option<&Need<'_>>) -> Result<(), Denial> {
    let Scopes::Listed(_) = scopes else { return Ok(()) };
    match need.map(|need| need.scope) {
        Some(Demand::All) => Err(Denial::UnlistedRoute),
        Some(Demand::Scope(scope)) if !scopes.include(scope) => Err(Denial::Scope(scope.clone())),
        _ => Ok(()),
    }
}

fn permits(scopes: &Scopes, attempt: &Attempt<'_>) -> Result<(), Denial> {
    match attempt.scopes.iter().find(|scope| !scopes.include(scope)) {
        Some(lacking) => Err(Denial::Scope(lacking.clone())),
        None => Ok(()),
    }
}

fn permits_anything(scopes: &Scopes, need: Option<&Need<'_>>) -> Result<(), Denial> {
    let is_nothing = matches!(scopes, Scopes::Listed(listed) if listed.is_empty());
    let is_open = need.is_some_and(|need| need.scope == Demand::Open);
    if is_nothing && !is_open { Err(Denial::NoScopes) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
