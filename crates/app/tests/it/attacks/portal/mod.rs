//! The portal under attack: everybody can reach it, and browsers are made to lie to it.

mod cookies;
mod csrf;
mod headers;
mod hosts;
mod links;
mod passwords;
mod reports;
mod request;
mod routes;
mod secrets;
mod stored;

use claviger_testkit::{Answer, Operator, Server, ServerBuilder, Visitor};
use serde_json::{Value, json};

use crate::members::{link, path, sign_in_as};
use request::Request;

/// The public origin of a portal behind a proxy.
const PUBLIC: &str = "https://keys.example.com";

/// A portal with one account.
struct Scene {
    server: Server,
    operator: Operator,
    account: String,
}

impl Scene {
    fn open() -> Self {
        Self::of(ServerBuilder::new(crate::PROGRAM).profile("default"))
    }

    fn of(builder: ServerBuilder) -> Self {
        let server = builder.start();
        let operator = server.operator();
        let account = operator.account("Acme");
        Self { server, operator, account }
    }

    #[track_caller]
    fn member(&self, email: &str, role: &str) -> Visitor {
        sign_in_as(&self.server, &self.account, email, role)
    }

    /// Sends a request to the portal; there always is an answer, and it is well protected.
    #[track_caller]
    fn ask(&self, row: &str, request: &Request) -> Answer {
        let answer = request.send(self.server.portal);
        headers::assert_strict(row, &answer);
        answer
    }

    /// How many changes were made so far.
    #[track_caller]
    fn events(&self) -> u64 {
        let walked = self.operator.get("/v1/audit-events/check").expect(200).json();
        walked["events"].as_u64().expect("a chain has a length")
    }

    /// A path that sets the password of somebody new.
    #[track_caller]
    fn invitation(&self, email: &str) -> String {
        let order = json!({"account_id": self.account, "email": email, "role": "developer"});
        self.one_time("/v1/members", &order)
    }

    /// A path that signs `email` in.
    #[track_caller]
    fn link(&self, email: &str) -> String {
        path(&link(&self.server, &self.account, email, "developer")).to_owned()
    }

    /// A path that sets the password of a member anew.
    #[track_caller]
    fn password_link(&self, email: &str) -> String {
        let id = self.member_id(email);
        self.one_time(&format!("/v1/members/{id}/password-link"), &Value::Null)
    }

    #[track_caller]
    fn one_time(&self, api_path: &str, order: &Value) -> String {
        let made = self.operator.post(api_path, order).expect(201).json();
        let made = made.get("invitation_url").or_else(|| made.get("url")).and_then(Value::as_str);
        path(made.expect("a link has a url")).to_owned()
    }

    #[track_caller]
    fn member_id(&self, email: &str) -> String {
        let listed =
            self.operator.get(&format!("/v1/members?account_id={}", self.account)).expect(200).json();
        let items = listed["items"].as_array().expect("members are a list");
        let member = items.iter().find(|member| member["email"] == email).expect("they are a member");
        member["id"].as_str().expect("a member has an id").to_owned()
    }

    /// How many sessions last.
    #[track_caller]
    fn sessions(&self) -> usize {
        let listed =
            self.operator.get(&format!("/v1/sessions?account_id={}", self.account)).expect(200).json();
        listed["items"].as_array().expect("sessions are a list").len()
    }

    /// Somebody new who chose `password`.
    #[track_caller]
    fn with_password(&self, email: &str, password: &str) -> Visitor {
        let invitation = self.invitation(email);
        let mut visitor = Visitor::new(self.server.portal);
        let _ = visitor.get(&invitation).expect(200);
        let _ = visitor.submit(&invitation, &[("password", password), ("again", password)]).expect(303);
        visitor
    }

    /// Tries to sign in on a fresh sign-in page.
    #[track_caller]
    fn attempt(&self, email: &str, password: &str) -> (Visitor, Answer) {
        let mut visitor = Visitor::new(self.server.portal);
        let _ = visitor.get("/sign-in").expect(200);
        let csrf = visitor.csrf();
        let answer = visitor.post("/sign-in", &[("csrf", &csrf), ("email", email), ("password", password)]);
        (visitor, answer)
    }
}

/// Whether this browser is somebody.
#[track_caller]
fn is_signed_in(visitor: &Visitor) -> bool {
    let answer = visitor.clone().get("/");
    let place = answer.header("location").expect("the first page leads on").to_owned();
    assert!(answer.status == 303 && ["/keys", "/sign-in"].contains(&place.as_str()), "{place}");
    place == "/keys"
}
