//! The apis and their profiles in words: what a customer's key looks like, how it travels, what is answered.

use std::time::Duration;

use askama::Template;
use axum::{Router, extract::State, routing::get};
use claviger_model::{
    Environment, Role, Slot,
    key::KeyFormat,
    profile::{Answer, Body as AnswerBody, Carrier, Display, HostRule, KeyRules, Profile, Route, Storage},
    restriction::{Methods, Networks},
    write_duration,
};
use http::{Response, StatusCode};

use super::desk::{Desk, Place, Reader};
use crate::{
    Body,
    answer::{self, Stop},
    frame::Frame,
};

pub(super) fn routes() -> Router<Desk> {
    Router::new().route("/apis", get(list))
}

#[derive(Template)]
#[template(path = "operator/apis.html")]
struct ApisPage {
    frame: Frame,
    apis: Vec<ApiCard>,
}

/// What a profile says of one thing, in lines.
type Fact = (&'static str, Vec<String>);

struct ApiCard {
    name: String,
    title: String,
    facts: Vec<Fact>,
    scopes: Vec<(String, String)>,
    routes: Vec<RouteLine>,
    answers: Vec<AnswerLine>,
}

struct RouteLine {
    methods: String,
    paths: String,
    scope: Option<String>,
    environment: Option<&'static str>,
}

struct AnswerLine {
    slot: &'static str,
    status: u16,
    content_type: String,
    headers: Vec<String>,
    body: String,
}

async fn list(State(desk): State<Desk>, Reader(operator): Reader) -> Result<Response<Body>, Stop> {
    let apis = desk.site.apis().iter().map(|api| ApiCard::of(&api.profile)).collect();
    answer::page(StatusCode::OK, &ApisPage { frame: operator.frame(Place::Apis, "APIs"), apis })
}

impl ApiCard {
    fn of(profile: &Profile) -> Self {
        let scopes = profile.scopes.iter().map(|(scope, text)| (scope.to_string(), text.clone()));
        Self {
            name: profile.name.to_string(),
            title: profile.title.clone(),
            facts: key_facts(profile).into_iter().chain(api_facts(profile)).collect(),
            scopes: scopes.collect(),
            routes: profile.routes.entries().iter().map(RouteLine::of).collect(),
            answers: Slot::ALL
                .iter()
                .map(|slot| AnswerLine::of(slot.as_str(), profile.answers.get(*slot)))
                .collect(),
        }
    }
}

fn key_facts(profile: &Profile) -> Vec<Fact> {
    let keys = &profile.keys;
    let formats =
        keys.formats.iter().enumerate().map(|(place, format)| format_in_words(format, place == 0)).collect();
    let kept = match keys.storage {
        Storage::Digest => "The digest alone: a key is shown once",
        Storage::Sealed => "The digest, and a copy sealed with the master key: a key can be shown again",
    };
    let shown = match keys.display {
        Display::Characters(count) => format!("The first {count} characters"),
        Display::Type => "The prefix of its type".to_owned(),
    };
    let name = if keys.name_required { "Required" } else { "Optional" };
    let test = if keys.accepts_test { "Accepted" } else { "Refused" };
    vec![
        ("Keys", formats),
        ("What is kept", vec![kept.to_owned()]),
        ("What lists show", vec![shown]),
        ("Name", vec![format!("{name}, at most {} characters", keys.name_max)]),
        ("Keys of an account", limits(keys)),
        ("Rotation", rotation(keys)),
        ("Test keys", vec![test.to_owned()]),
        ("How a key travels", profile.credentials.carriers.iter().map(carrier_in_words).collect()),
    ]
}

fn format_in_words(format: &KeyFormat, is_minted: bool) -> String {
    let kinds = format.prefixes().map(|(environment, prefix)| {
        let prefix = if prefix.is_empty() { "no prefix" } else { prefix };
        let length = format.key_length(environment).unwrap_or_default();
        format!("{environment}: {prefix}, {length} characters")
    });
    let kinds = kinds.collect::<Vec<_>>().join("; ");
    if is_minted { format!("{kinds} (issued)") } else { format!("{kinds} (accepted only)") }
}

fn limits(keys: &KeyRules) -> Vec<String> {
    let max = keys.max.map_or_else(|| "As many as wanted".to_owned(), |max| format!("At most {max}"));
    let min = (keys.min > 0).then(|| format!("At least {} working", keys.min));
    let first = keys.first_key.as_ref().map(|first| match &first.name {
        Some(name) => format!("A new account starts with one, “{name}”"),
        None => "A new account starts with one".to_owned(),
    });
    [Some(max), min, first].into_iter().flatten().collect()
}

fn rotation(keys: &KeyRules) -> Vec<String> {
    let due = keys.rotate_after.map_or_else(
        || "Never due".to_owned(),
        |span| format!("Due when a secret is older than {}", write_duration(span)),
    );
    let overlap = match keys.overlap {
        Duration::ZERO => "The old secret ends at once".to_owned(),
        span => format!("The old secret stays valid for {}", write_duration(span)),
    };
    vec![due, overlap, format!("A key not used for {} counts as unused", write_duration(keys.unused_after))]
}

fn carrier_in_words(carrier: &Carrier) -> String {
    match carrier {
        Carrier::Bearer => "Authorization: Bearer KEY".to_owned(),
        Carrier::Basic => "Authorization: Basic KEY in base 64".to_owned(),
        Carrier::Scheme(name) => format!("Authorization: {name} KEY"),
        Carrier::Header(name) => format!("{name}: KEY"),
    }
}

fn api_facts(profile: &Profile) -> Vec<Fact> {
    let forwarded = if profile.credentials.forward { "Passed on" } else { "Taken out" };
    let lease = profile.lease.map_or_else(|| "The node’s own".to_owned(), write_duration);
    let proxies = profile.trusted_proxies.as_ref().map(Networks::to_texts).unwrap_or_default();
    let role = |role: Role| {
        let may = profile.roles.of(role);
        let names = claviger_model::MemberAbility::ALL.into_iter().filter(|ability| may.include(*ability));
        let names: Vec<_> = names.map(claviger_model::MemberAbility::as_str).collect();
        format!(
            "{}: {}",
            role.as_str(),
            if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
        )
    };
    vec![
        ("Hosts", or_none(profile.hosts.iter().map(host_in_words).collect(), "Any")),
        ("Upstream", or_none(upstreams(profile), "None here")),
        ("The key on its way to the upstream", vec![forwarded.to_owned()]),
        ("Trusted proxies", or_none(proxies, "None: forwarding headers are ignored")),
        ("Lease", vec![lease]),
        ("Members sign in by", sign_in_ways(profile)),
        ("Roles", Role::ALL.into_iter().map(role).collect()),
        ("Environment variable", vec![profile.env_var.clone()]),
        ("Support", or_none(profile.support.iter().cloned().collect(), "None")),
    ]
}

fn or_none(lines: Vec<String>, none: &str) -> Vec<String> {
    if lines.is_empty() { vec![none.to_owned()] } else { lines }
}

fn host_in_words(rule: &HostRule) -> String {
    match rule.environment {
        Some(environment) => format!("{} ({environment} keys only)", rule.host),
        None => rule.host.clone(),
    }
}

fn upstreams(profile: &Profile) -> Vec<String> {
    let own = [(Environment::Live, &profile.upstream.live), (Environment::Test, &profile.upstream.test)];
    own.into_iter()
        .filter_map(|(environment, origin)| origin.as_ref().map(|origin| format!("{environment}: {origin}")))
        .collect()
}

fn sign_in_ways(profile: &Profile) -> Vec<String> {
    let passwords = profile.sign_in.passwords.then(|| "Password".to_owned());
    let oidc = profile.sign_in.oidc.as_ref().map(|oidc| format!("OpenID Connect: {}", oidc.issuer));
    [Some("One-time link".to_owned()), passwords, oidc].into_iter().flatten().collect()
}

impl RouteLine {
    fn of(route: &Route) -> Self {
        let paths = route.paths.iter().map(ToString::to_string).collect::<Vec<_>>();
        Self {
            methods: match &route.methods {
                Methods::Any => "Any".to_owned(),
                Methods::Listed(names) => names.join(", "),
            },
            paths: paths.join(", "),
            scope: route.scope.as_ref().map(ToString::to_string),
            environment: route.environment.map(Environment::as_str),
        }
    }
}

impl AnswerLine {
    fn of(slot: &'static str, answer: &Answer) -> Self {
        Self {
            slot,
            status: answer.status,
            content_type: answer.content_type.clone(),
            headers: answer.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect(),
            body: match &answer.body {
                AnswerBody::Fixed(text) => text.to_string(),
                AnswerBody::PerRequest(template) => template.to_string(),
            },
        }
    }
}
