//! Applications to play with: registered by an operator, and asking a member for access.

use claviger_testkit::{Answer, Server, Visitor};
use serde_json::json;

/// Where applications of these tests are sent back to; nobody listens there.
pub(crate) const BACK: &str = "http://127.0.0.1:9/callback";
/// A challenge that nobody has the verifier of (RFC 7636 §4.2).
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// Somebody at the operators' pages who may do everything.
#[track_caller]
pub(crate) fn operator(server: &Server) -> Visitor {
    let mut visitor = Visitor::new(server.control);
    let _ = visitor.get("/sign-in").expect(200);
    let _ = visitor.submit("/sign-in", &[("key", server.operator_key())]).expect(303);
    visitor
}

/// The id of a public application that is registered with `fields`.
#[track_caller]
pub(crate) fn application(server: &Server, name: &str, fields: &[(&str, &str)]) -> String {
    let mut visitor = operator(server);
    let _ = visitor.get("/applications/new").expect(200);
    let usual = [("name", name), ("kind", "public"), ("redirect_uris", BACK), ("permissions", "all")];
    let usual = usual.into_iter().filter(|(field, _)| fields.iter().all(|(other, _)| other != field));
    let all: Vec<_> = usual.chain(fields.iter().copied()).collect();
    let made = visitor.submit("/applications/new", &all).expect(303);
    let place = made.header("location").expect("it has a page");
    place.strip_prefix("/applications/").expect("the page is its own").to_owned()
}

/// One that people vouch for, and that proves by a secret that it is itself.
#[track_caller]
pub(crate) fn vouched_for(server: &Server, name: &str) -> String {
    let order = json!({"name": name, "redirect_uris": [BACK], "verified": true});
    let made = server.operator().post("/v1/oauth-clients", &order).expect(201).json();
    made["id"].as_str().expect("an application has an id").to_owned()
}

/// The address that a page leads the browser back to.
#[track_caller]
pub(crate) fn led_back(answer: &Answer) -> &str {
    let refresh = answer.header("refresh").and_then(|refresh| refresh.strip_prefix("0;url="));
    assert!(
        answer.status == 200 && refresh.is_some(),
        "it leads nowhere: {} {}",
        answer.status,
        answer.text()
    );
    let place = refresh.unwrap_or_default();
    // By a link, too, which says the same.
    let link = place.replace('&', "&#38;").replace('\'', "&#39;");
    assert!(answer.text().contains(&format!("href=\"{link}\"")), "{place}: {}", answer.text());
    place
}

/// The place at which this application asks, with `more` in the query.
pub(crate) fn asking(api: &str, client: &str, more: &str) -> String {
    let back = BACK.replace(':', "%3A").replace('/', "%2F");
    format!(
        "/oauth/{api}/authorize?response_type=code&client_id={client}&redirect_uri={back}\
         &code_challenge={CHALLENGE}&code_challenge_method=S256&state=st%2Fate{more}"
    )
}
