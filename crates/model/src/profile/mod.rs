//! The profile: everything in which one api's contract differs from another's, as data.
//!
//! A profile is read from one TOML file by [`Profile::parse`], which refuses what can't work and says where.
//! What it deliberately has no room for is code: where a contract needs something that no setting expresses,
//! the grammar grows.

mod answers;
mod dashboard;
mod grammar;
mod limits;
mod look_alike;
mod oauth;
mod people;
mod problem;
mod read;
mod routes;
mod self_service;
mod template;

use std::{net::IpAddr, sync::Arc, time::Duration};

pub use answers::{Answer, Answers, Body};
pub use dashboard::Dashboard;
pub use limits::{DefaultLimits, LimitHeaders, LimitRules};
pub use oauth::OauthRules;
pub use people::{Oidc, Roles, SignIn};
pub use problem::{Problem, Problems};
pub use routes::{Demand, Need, Route, RouteTable};
pub use self_service::{Action, Endpoint, Field, FieldValue, IdStyle, SelfService, Taken};
pub use template::Template;

use crate::{Digest, Environment, Rules, Scope, denial::Malformation, key::KeyFormat, restriction::Networks};

/// The shortest lease: below it, polls half a second apart can't renew reliably.
pub const LEASE_MIN: Duration = Duration::from_secs(2);
/// The longest lease: beyond it, "complete" would be a matter of patience.
pub const LEASE_MAX: Duration = Duration::from_hours(1);
/// The longest overlap of two secrets of a key: 366 days.
pub const OVERLAP_MAX: Duration = Duration::from_hours(366 * 24);

/// One api's contract, checked and ready to use.
#[derive(Debug)]
pub struct Profile {
    /// The api's name: lower-case letters, digits and hyphens.
    pub name: Arc<str>,
    /// The name people read.
    pub title: String,
    /// The environment variable that snippets put the key in.
    pub env_var: String,
    /// Where a person asks for help.
    pub support: Option<String>,
    /// Hosts by which a request is known to be for this api.
    pub hosts: Vec<HostRule>,
    /// What its keys look like and how many there may be.
    pub keys: KeyRules,
    /// How a key travels.
    pub credentials: CredentialRules,
    /// Where allowed requests go.
    pub upstream: Upstream,
    /// Proxies whose forwarding headers are believed; `None` believes nobody.
    pub trusted_proxies: Option<Networks>,
    /// The scopes there are, each with its description.
    pub scopes: Vec<(Scope, String)>,
    /// Which scope each route needs.
    pub routes: RouteTable,
    /// What is answered when no permit is given.
    pub answers: Answers,
    /// The limits of keys that have none of their own, and what callers are told of limits.
    pub limits: LimitRules,
    /// Endpoints by which customers manage their own keys.
    pub self_service: Option<SelfService>,
    /// What members may do, by role.
    pub roles: Roles,
    /// How members sign in, one-time links aside.
    pub sign_in: SignIn,
    /// How applications get access by OAuth 2.0, if they do.
    pub oauth: Option<OauthRules>,
    /// Wording and place of the page.
    pub dashboard: Dashboard,
    /// A stricter lease than the node's.
    pub lease: Option<Duration>,
    /// Whether denials are enforced.
    pub mode: Mode,
}

/// Whether what is decided is enforced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// A denial is the answer.
    #[default]
    Enforce,
    /// A denial is counted, and the request passes: for finding out whom it would concern.
    Observe,
}

/// A host that chooses an api, and maybe an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostRule {
    /// The host name in lower case, without a port.
    pub host: String,
    /// The only environment whose keys are taken there.
    pub environment: Option<Environment>,
}

/// What keys look like, what is kept of them, and how many there may be.
#[derive(Clone, Debug)]
pub struct KeyRules {
    /// The first is minted; further ones are only accepted.
    pub formats: Vec<KeyFormat>,
    /// What is kept of a plain key.
    pub storage: Storage,
    /// What lists show of a key.
    pub display: Display,
    /// Whether every key has a name.
    pub name_required: bool,
    /// Longest name, in characters.
    pub name_max: usize,
    /// Most keys of an account that are neither revoked nor expired.
    pub max: Option<u32>,
    /// Fewest working keys an account is left with; where it isn't 0, the last one without an expiry stays too.
    pub min: u32,
    /// The key every new account starts with, if it starts with one.
    pub first_key: Option<FirstKey>,
    /// A secret older than this is due for rotation.
    pub rotate_after: Option<Duration>,
    /// A key not used for this long counts as unused.
    pub unused_after: Duration,
    /// How long the old secret stays valid when a rotation doesn't say.
    pub overlap: Duration,
    /// Whether test keys are accepted at all.
    pub accepts_test: bool,
    /// The file with the key of the HMAC by which keys are known that came from another system.
    pub pepper_file: Option<String>,
}

/// The key a new account starts with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstKey {
    /// Its name, if it has one.
    pub name: Option<String>,
}

/// What is kept of a plain key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// Its digest: it is shown once.
    Digest,
    /// Its digest, and a copy sealed with the master key: it can be revealed.
    Sealed,
}

/// What lists show of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Display {
    /// Its first characters, this many.
    Characters(usize),
    /// The prefix of its type, such as `sk_live_`.
    Type,
}

/// How a key travels.
#[derive(Clone, Debug)]
pub struct CredentialRules {
    /// Where it is looked for.
    pub carriers: Vec<Carrier>,
    /// The realm of the challenge (RFC 9110 §11.5).
    pub realm: String,
    /// Whether the upstream receives the credential too.
    pub forward: bool,
}

/// One way for a key to travel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// `Authorization: Bearer KEY` (RFC 6750 §2.1).
    Bearer,
    /// `Authorization: Basic BASE64(KEY)`: the bare key, a trailing colon allowed.
    Basic,
    /// `Authorization: SCHEME KEY`, by a scheme of the api's own such as `Api-Key`.
    Scheme(Arc<str>),
    /// A header field of its own, by its name in lower case.
    Header(String),
}

/// Where allowed requests go.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// Origin for live keys, such as `https://backend.internal:8443`.
    pub live: Option<String>,
    /// Origin for test keys.
    pub test: Option<String>,
    /// How long the upstream may take to begin its answer.
    pub timeout: Duration,
    /// Largest request body in bytes.
    pub body_max: u64,
}

impl Profile {
    /// Reads a profile; `file` is only named in the problems.
    pub fn parse(file: &str, text: &str) -> Result<Self, Problems> {
        read::read(file, text)
    }

    /// What of it is only observed, in words for the operator: nothing where everything is enforced.
    pub fn observed(&self) -> Option<String> {
        if self.mode == Mode::Observe {
            return Some("everything: whoever presents no key, or a bad one, is let through".to_owned());
        }
        let routes = self.routes.entries().iter().filter(|route| route.mode == Mode::Observe).count();
        (routes > 0).then(|| format!("what {routes} of its routes demand"))
    }

    /// What the decision asks of the api.
    pub fn rules(&self) -> Rules<'_> {
        Rules { routes: &self.routes, accepts_test: self.keys.accepts_test }
    }

    /// The format keys are minted in.
    pub fn minted_format(&self) -> &KeyFormat {
        self.keys.formats.first().expect("a profile without a key format is refused when read")
    }

    /// Which environment's key or access token `presented` is, by form alone. The error is that of the minted format
    /// unless another format came closer.
    pub fn parse_key(&self, presented: &[u8]) -> Result<Environment, Malformation> {
        self.recognise(presented).map(|(_, environment)| environment)
    }

    /// What `presented` is looked up by, and which environment's key or access token it is, by form alone.
    pub fn recognise(&self, presented: &[u8]) -> Result<(Digest, Environment), Malformation> {
        let formats = self.keys.formats.iter().chain(self.oauth.as_ref().map(|oauth| &oauth.access));
        let (format, environment) = Self::parse_as(formats, presented)?;
        Ok((format.digest(presented), environment))
    }

    /// Whether keys may be known by another system's hash.
    pub fn takes_hashes(&self) -> bool {
        self.keys.formats.iter().any(KeyFormat::has_lookup)
    }

    /// What finds `presented` where it is known by another system's hash, and what that is of.
    pub fn lookup<'a>(&self, presented: &'a [u8]) -> Option<(&'a str, &'a [u8])> {
        self.key_format(presented).ok()?.0.lookup(presented)
    }

    /// The format that `presented`, a key and no access token, has.
    pub fn key_format(&self, presented: &[u8]) -> Result<(&KeyFormat, Environment), Malformation> {
        Self::parse_as(self.keys.formats.iter(), presented)
    }

    fn parse_as<'a>(
        formats: impl Iterator<Item = &'a KeyFormat>,
        presented: &[u8],
    ) -> Result<(&'a KeyFormat, Environment), Malformation> {
        let mut first = None;
        for format in formats {
            match format.parse(presented) {
                Ok(environment) => return Ok((format, environment)),
                Err(Malformation::Prefix) => {}
                Err(fault) => first = first.or(Some(fault)),
            }
        }
        Err(first.unwrap_or(Malformation::Prefix))
    }

    /// What lists show of `plain`, a key of this api in whichever format.
    pub fn hint(&self, environment: Environment, plain: &crate::PlainKey) -> String {
        let format = self.key_format(plain.expose().as_bytes());
        let format = format.map_or(self.minted_format(), |(format, _)| format);
        let shown = match self.keys.display {
            Display::Characters(count) => count.min(format.shown_max(environment)),
            Display::Type => format.prefix(environment).unwrap_or_default().len(),
        };
        plain.expose().chars().take(shown).collect()
    }

    /// The prefix of keys of `environment`; empty where the format has none.
    pub fn type_prefix(&self, environment: Environment) -> &str {
        self.minted_format().prefix(environment).unwrap_or_default()
    }

    /// The names of the scopes there are.
    pub fn scope_names(&self) -> Vec<&str> {
        self.scopes.iter().map(|(scope, _)| scope.as_str()).collect()
    }

    /// Who issues the api's tokens (RFC 8414 §2), where the pages are at the origin `portal`.
    pub fn issuer(&self, portal: &str) -> String {
        format!("{portal}/oauth/{}", self.name)
    }

    /// The rule for `host` (lower case, no port), if it is one of this api's.
    pub fn host_rule(&self, host: &str) -> Option<&HostRule> {
        self.hosts.iter().find(|rule| rule.host == host)
    }

    /// Whether forwarding headers from `peer` are believed.
    pub fn trusts(&self, peer: IpAddr) -> bool {
        self.trusted_proxies.as_ref().is_some_and(|proxies| proxies.contain(peer))
    }

    /// The origin requests with keys of `environment` go to.
    pub fn upstream_for(&self, environment: Environment) -> Option<&str> {
        match environment {
            Environment::Live => self.upstream.live.as_deref(),
            Environment::Test => self.upstream.test.as_deref().or(self.upstream.live.as_deref()),
        }
    }
}

/// Why a text is not an origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be an origin such as http://127.0.0.1:3000, without a path, query or user")]
pub struct OriginError;

/// Reads the origin of an upstream; prints as `scheme://host[:port]`.
pub fn origin(text: &str) -> Result<String, OriginError> {
    let url = url::Url::parse(text).or(Err(OriginError))?;
    let bare = matches!(url.scheme(), "http" | "https")
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if bare { Ok(url.origin().ascii_serialization()) } else { Err(OriginError) }
}
