//! Signing in by OpenID Connect, with a real provider.

mod lies;
mod peer;

use std::{collections::HashMap, fs};

use claviger_testkit::{Answer, Server, ServerBuilder, Visitor, play_story, repository};
use serde_json::json;

use self::peer::Peer;
use super::stage::{link, path};

/// What an encoding that is not a form's gets wrong.
const SECRET: &str = "odd/secret +with:signs&more%";
const BEGIN: &str = "/sign-in/oidc/example";
const BACK: &str = "/sign-in/oidc-callback";

/// A server whose members sign in at `peer`.
fn server(peer: &Peer, has_secret: bool) -> Server {
    let mut builder = ServerBuilder::new(crate::PROGRAM);
    fs::write(builder.directory().join("client-secret"), format!("{SECRET}\n"))
        .expect("the test's directory can be written");
    let example = fs::read_to_string(repository().join("profiles/example.toml")).expect("the profile ships");
    let file = if has_secret { "client_secret_file = \"client-secret\"" } else { "" };
    let oidc = format!("[sign_in.oidc]\nissuer = {:?}\nclient_id = \"claviger\"\n{file}\n", peer.issuer);
    builder.profile_text(&format!("{example}\n{oidc}")).start()
}

fn callback(server: &Server) -> String {
    format!("http://{}{BACK}", server.portal)
}

/// Makes somebody a member of an account of this name.
fn member(server: &Server, account: &str, email: &str) {
    let account = server.operator().account(account);
    let _ = link(server, &account, email, "developer");
}

/// The parameters of the place that an answer sends the browser to.
fn sent(answer: &Answer) -> HashMap<String, String> {
    let location = answer.header("location").expect("a redirection leads somewhere");
    let query = location.split_once('?').map(|(_, query)| query).unwrap_or_default();
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .collect()
}

/// Goes to the provider as `login`, and returns the path by which it sends the browser back.
fn vouched(peer: &Peer, begun: &Answer, login: &str) -> String {
    let location = begun.header("location").expect("the provider is elsewhere");
    assert!(location.starts_with(&peer.issuer), "{location}");
    let mut there = Visitor::new(peer.address());
    let asked = there.get(path(location)).expect(303);
    let interaction = there.redirection(&asked).expect("the provider asks who it is");
    let answered = there.post(&interaction, &[("login", login)]).expect(303);
    let resume = there.redirection(&answered).expect("the provider goes on");
    let back = there.get(&resume).expect(303);
    path(back.header("location").expect("the provider sends the browser back")).to_owned()
}

fn is_signed_in(visitor: &Visitor) -> bool {
    visitor.cookie("claviger").is_some()
}

/// What the visitor read, if nobody was signed in and the attempt is over.
#[track_caller]
fn stopped(visitor: &Visitor, answer: Answer, status: u16) -> String {
    let answer = answer.expect(status);
    assert!(!is_signed_in(visitor));
    assert_eq!(visitor.cookie("claviger-oidc"), None, "the attempt is over");
    answer.text().to_owned()
}

#[test]
fn a_member_signs_in_whatever_the_provider_signs_with_and_however_it_knows_us() {
    for (alg, method, whole_tokens) in [
        ("RS256", "client_secret_basic", false),
        ("PS256", "client_secret_basic", true),
        ("ES256", "client_secret_basic", true),
        ("EdDSA", "none", false),
    ] {
        let mut peer = Peer::honest();
        let has_secret = method != "none";
        let server = server(&peer, has_secret);
        member(&server, "Acme", "ada@example.com");
        let secret = has_secret.then_some(SECRET);
        let told = peer.tell(&json!({
            "redirect_uri": callback(&server), "client_secret": secret, "method": method, "alg": alg,
            "whole_tokens": whole_tokens,
        }));
        assert_eq!(told["ready"], true);
        let mut visitor = Visitor::new(server.portal);
        let begun = visitor.get(BEGIN).expect(303);
        let back = vouched(&peer, &begun, "ada");
        let entered = visitor.get(&back).expect(303);
        assert_eq!(entered.header("location"), Some("/keys"), "{alg}");
        assert!(is_signed_in(&visitor) && visitor.cookie("claviger-oidc").is_none());
        // The same answer again: the attempt is over, and the provider gives nothing for a code twice.
        let mut again = Visitor::new(server.portal);
        let _ = stopped(&again.clone(), again.get(&back), 400);
        again.set_cookie("claviger-oidc", &cookie_of(&begun));
        let words = again.get(&back);
        let words = stopped(&again, words, 400);
        assert!(
            words.contains("doesn&#39;t work any more") || words.contains("doesn’t work any more"),
            "{words}"
        );
        let log = server.log();
        for secret in [SECRET, "odd%2Fsecret", again.cookie("claviger").unwrap_or("no cookie")] {
            assert!(!log.contains(secret), "{log}");
        }
    }
}

#[test]
fn a_member_of_several_accounts_signs_in_with_a_browser() {
    let (peer, server) = with_honest_provider();
    member(&server, "Acme", "ada@example.com");
    member(&server, "Umbrella", "ada@example.com");
    play_story("oidc", &json!({"portal": format!("http://{}", server.portal), "issuer": peer.issuer}));
}

#[test]
fn whoever_comes_back_goes_on_where_they_wanted_to_go() {
    let (peer, server) = with_honest_provider();
    member(&server, "Acme", "ada@example.com");
    for (next, place) in
        [("%2Fsessions%3Fa%3Db", "/sessions?a=b"), ("%2F%2Fevil.example", "/keys"), ("", "/keys")]
    {
        let mut visitor = Visitor::new(server.portal);
        let page = visitor.get(&format!("/sign-in/example?next={next}")).expect(200);
        let (_, href) = page.text().split_once(&format!("href=\"{BEGIN}")).expect("there is a button");
        let rest = href.split('"').next().unwrap_or_default();
        let back = vouched(&peer, &visitor.get(&format!("{BEGIN}{rest}")).expect(303), "ada");
        assert_eq!(visitor.get(&back).expect(303).header("location"), Some(place));
        assert_eq!(visitor.cookie("claviger-next"), None);
    }
}

/// The attempt's cookie as the answer gave it.
fn cookie_of(answer: &Answer) -> String {
    let given = answer.headers.iter().find(|(name, _)| name == "set-cookie").map(|(_, value)| value.as_str());
    let pair = given.and_then(|cookie| cookie.split(';').next()).and_then(|pair| pair.split_once('='));
    pair.expect("an attempt has a cookie").1.to_owned()
}

/// A server with a real provider that knows it by its secret.
fn with_honest_provider() -> (Peer, Server) {
    let mut peer = Peer::honest();
    let server = server(&peer, true);
    let told = peer.tell(&json!({
        "redirect_uri": callback(&server), "client_secret": SECRET, "method": "client_secret_post",
    }));
    assert_eq!(told["ready"], true);
    (peer, server)
}

#[test]
fn who_is_a_member_of_several_accounts_chooses_and_who_is_none_is_told() {
    let (peer, server) = with_honest_provider();
    member(&server, "Acme", "ada@example.com");
    member(&server, "Umbrella <b>", "ada@example.com");
    member(&server, "Lone", "unverified@example.com");
    let mut visitor = Visitor::new(server.portal);
    let begun = visitor.get(BEGIN);
    let page = visitor.get(&vouched(&peer, &begun, "ada")).expect(200);
    assert!(!is_signed_in(&visitor) && visitor.cookie("claviger-oidc").is_none());
    let text = page.text();
    assert!(text.contains("Acme") && text.contains("Umbrella &#60;b&#62;"), "{text}");
    let links: Vec<_> = text.split("href=\"").filter_map(|rest| rest.split('"').next()).collect();
    let link = links.iter().find(|href| href.contains("/link/")).unwrap();
    assert_eq!(visitor.get(path(link)).expect(303).header("location"), Some("/keys"));
    assert!(is_signed_in(&visitor));

    for (login, words) in
        [("mallory", "mallory@example.com is no member"), ("unverified", "hasn&#39;t verified")]
    {
        let mut visitor = Visitor::new(server.portal);
        let begun = visitor.get(BEGIN);
        let answer = visitor.get(&vouched(&peer, &begun, login));
        let text = stopped(&visitor, answer, 403);
        assert!(text.contains(words), "{text}");
    }
}

#[test]
fn who_goes_away_from_the_provider_reads_why_nothing_happened() {
    let (peer, server) = with_honest_provider();
    let mut visitor = Visitor::new(server.portal);
    let begun = visitor.get(BEGIN);
    let answer = visitor.get(&vouched(&peer, &begun, ""));
    let text = stopped(&visitor, answer, 403);
    assert!(text.contains("The sign-in was cancelled"), "{text}");
    assert!(text.contains("They went &#60;b&#62;away&#60;/b&#62;"), "{text}");
}

#[test]
fn an_answer_counts_in_the_browser_that_began_only() {
    let (peer, server) = with_honest_provider();
    member(&server, "Acme", "ada@example.com");
    let mut victim = Visitor::new(server.portal);
    let mut attacker = Visitor::new(server.portal);
    let begun = attacker.get(BEGIN);
    let back = vouched(&peer, &begun, "ada");
    // Without an attempt, with another one, and with one that names another state.
    let answer = victim.get(&back);
    let _ = stopped(&victim, answer, 400);
    let _ = victim.get(BEGIN).expect(303);
    let answer = victim.get(&back);
    let _ = stopped(&victim, answer, 400);
    let mut copy = attacker.clone();
    let answer = copy.get(&back.replace("state=", "state=x"));
    let _ = stopped(&copy, answer, 400);
    // Programs that look ahead use nothing up.
    let _ = attacker.clone().with("Sec-Purpose", "prefetch").get(&back).expect(503);
    assert_eq!(attacker.get(&back).expect(303).header("location"), Some("/keys"));
}

#[test]
fn the_browser_is_sent_to_the_provider_with_everything_that_protects_it() {
    let peer = Peer::lying();
    let server = server(&peer, true);
    let begun = Visitor::new(server.portal).with("Host", "evil.example").get(BEGIN).expect(303);
    let cookie = begun.header("set-cookie").unwrap();
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax; Max-Age=600"), "{cookie}");
    let sent = sent(&begun);
    let expected = [
        ("tenant", "a"),
        ("response_type", "code"),
        ("client_id", "claviger"),
        ("scope", "openid+email"),
        ("code_challenge_method", "S256"),
    ];
    for (name, value) in expected {
        assert_eq!(sent[name], value);
    }
    assert_eq!(sent["redirect_uri"], callback(&server).replace(':', "%3A").replace('/', "%2F"));
    for name in ["state", "nonce", "code_challenge"] {
        assert_eq!(sent[name].len(), 43);
        assert!(!cookie.contains(&sent[name]));
    }
    assert_eq!(Visitor::new(server.portal).get("/sign-in/oidc/other").status, 404);
}
