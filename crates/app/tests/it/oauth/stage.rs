//! An api that applications get access to, and applications.

use std::net::SocketAddr;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use claviger_testkit::{Answer, Operator, Server, ServerBuilder, Visitor, exchange};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{
    applications::led_back,
    members::{path, sign_in},
};

pub(super) const PROFILE: &str = include_str!("profile.toml");
/// Where applications are sent back to; nobody listens there.
pub(super) const REDIRECT: &str = "http://127.0.0.1/callback";
/// What an application proves by that it is the one who began.
pub(super) const VERIFIER: &str = "a-verifier-of-fifty-characters-which-nobody-guesses";

/// An application that was registered.
#[derive(Clone, Debug)]
pub(super) struct App {
    pub(super) id: String,
    pub(super) secret: Option<String>,
}

impl App {
    #[track_caller]
    pub(super) fn registered(operator: &Operator, order: &Value) -> Self {
        let made = operator.post("/v1/oauth-clients", order).expect(201).json();
        let text = |field: &str| made[field].as_str().map(ToOwned::to_owned);
        Self { id: text("id").expect("an application has an id"), secret: text("client_secret") }
    }

    /// With its secret in the form.
    pub(super) fn post(&self, server: &Server, endpoint: &str, fields: &[(&str, &str)]) -> Answer {
        let mut all = vec![("client_id", &*self.id)];
        all.extend(self.secret.as_deref().map(|secret| ("client_secret", secret)));
        all.extend(fields);
        form(server.portal, &format!("/oauth/shop/{endpoint}"), &[], &all)
    }

    pub(super) fn refresh(&self, server: &Server, token: &str) -> Answer {
        self.post(server, "token", &[("grant_type", "refresh_token"), ("refresh_token", token)])
    }

    pub(super) fn redeem(&self, server: &Server, code: &str) -> Answer {
        self.redeem_with(server, code, &[])
    }

    /// The same where some of what is sent is something else.
    pub(super) fn redeem_with(&self, server: &Server, code: &str, other: &[(&str, &str)]) -> Answer {
        let usual = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
        ];
        let kept = usual.into_iter().filter(|(name, _)| other.iter().all(|(changed, _)| changed != name));
        let fields: Vec<_> =
            kept.chain(other.iter().copied().filter(|(_, value)| !value.is_empty())).collect();
        self.post(server, "token", &fields)
    }

    /// What asks a member for everything.
    pub(super) fn query(&self, other: &[(&str, &str)]) -> String {
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
        let usual = [
            ("response_type", "code"),
            ("client_id", &*self.id),
            ("redirect_uri", REDIRECT),
            ("code_challenge", &*challenge),
            ("code_challenge_method", "S256"),
            ("state", "s t&a=te"),
        ];
        let kept = usual.into_iter().filter(|(name, _)| other.iter().all(|(changed, _)| changed != name));
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(kept.chain(other.iter().copied().filter(|(_, value)| !value.is_empty())));
        query.finish()
    }

    /// Where members are asked.
    pub(super) fn authorize(&self, other: &[(&str, &str)]) -> String {
        format!("/oauth/shop/authorize?{}", self.query(other))
    }
}

/// A server, a customer and two applications: one of theirs that members allow, one that acts for itself and introspects.
pub(super) struct Stage {
    pub(super) server: Server,
    pub(super) account: String,
    pub(super) app: App,
    pub(super) service: App,
}

impl Stage {
    pub(super) fn new() -> Self {
        Self::of(ServerBuilder::new(crate::PROGRAM).profile_text(PROFILE).start())
    }

    pub(super) fn of(server: Server) -> Self {
        let operator = server.operator();
        let account = operator.account("Acme");
        let app = App::registered(
            &operator,
            &json!({"name": "Planner", "kind": "confidential", "redirect_uris": [REDIRECT], "verified": true,
                    "introspects": true}),
        );
        let service = App::registered(
            &operator,
            &json!({"name": "Nightly", "kind": "confidential", "redirect_uris": [], "account_id": account,
                    "introspects": true}),
        );
        Self { server, account, app, service }
    }

    /// A member who may allow applications, signed in.
    pub(super) fn developer(&self) -> Visitor {
        sign_in(&self.server, &self.account, "developer")
    }

    /// A code for the application, by the pages.
    #[track_caller]
    pub(super) fn code(visitor: &mut Visitor, app: &App) -> String {
        let answer = visitor.get(&app.authorize(&[]));
        let is_asked = answer.header("refresh").is_none();
        let answer = if is_asked { allow(visitor, app, &[]) } else { answer };
        let place = led_back(&answer);
        let code = parameter(place, "code");
        assert!(code.is_some(), "no code in {place}");
        code.expect("it is there")
    }

    /// The tokens for a fresh code.
    #[track_caller]
    pub(super) fn tokens(&self, visitor: &mut Visitor, app: &App) -> Value {
        let code = Self::code(visitor, app);
        app.redeem(&self.server, &code).expect(200).json()
    }

    /// How a call with this token is answered.
    pub(super) fn call(&self, token: &str) -> u16 {
        self.server.customer(token).get("/v1/orders/1").status
    }
}

/// Says yes on the page that asks.
#[track_caller]
pub(super) fn allow(visitor: &mut Visitor, app: &App, other: &[(&str, &str)]) -> Answer {
    answer(visitor, app, other, "allow")
}

/// Answers on the page that asks, whose form leads back to itself.
#[track_caller]
pub(super) fn answer(visitor: &mut Visitor, app: &App, other: &[(&str, &str)], answer: &str) -> Answer {
    let csrf = visitor.csrf();
    visitor.post(&app.authorize(other), &[("csrf", &csrf), ("answer", answer)])
}

/// One parameter of an address.
pub(super) fn parameter(address: &str, name: &str) -> Option<String> {
    let query = address.split_once('?')?.1;
    form_urlencoded::parse(query.as_bytes())
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.into_owned())
}

/// A text in an answer.
#[track_caller]
pub(super) fn text<'a>(answer: &'a Value, field: &str) -> &'a str {
    assert!(answer[field].is_string(), "no {field} in {answer}");
    answer[field].as_str().expect("it is a text")
}

/// Sends a form.
pub(crate) fn form(
    address: SocketAddr,
    path: &str,
    headers: &[(&str, &str)],
    fields: &[(&str, &str)],
) -> Answer {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let mut all = vec![("content-type", "application/x-www-form-urlencoded")];
    all.extend(headers);
    send(address, "POST", path, &all, &body)
}

/// Sends anything.
pub(super) fn send(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    let fields: String = headers.iter().flat_map(|(name, value)| [*name, ": ", *value, "\r\n"]).collect();
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{fields}content-length: {length}\r\n\r\n{body}"
    );
    exchange(address, method, request.as_bytes()).expect("it is answered")
}

/// The path of an address of the portal.
pub(super) fn within(url: &str) -> &str {
    path(url)
}
