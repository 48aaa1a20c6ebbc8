//! Makes a judged request's head fit for the upstream, and the upstream's answer fit for the caller.
//!
//! Method, path and query go on exactly as they were judged. `Host` stays the caller's. What an upstream might believe
//! about who asked or what was asked is written here, never passed on from a caller.

use std::net::IpAddr;

use claviger_judge::{Host, Pass, address::X_FORWARDED_FOR, credential, identity, request_id};
use claviger_model::{RequestId, profile::Profile};
use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode, Version,
    header::{COOKIE, EXPECT, HOST, TRANSFER_ENCODING},
    request, response,
};
use http_body::Body as _;

use crate::{Body, hop_by_hop, upgrade, via};

pub(crate) const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Beginnings of the fields in which proxies say who asked, and how.
const WHO_ASKED: [&str; 16] = [
    "x-forwarded",
    "forwarded",
    "x-real-ip",
    "x-client-ip",
    "true-client-ip",
    "x-cluster-client-ip",
    "x-envoy-external-address",
    "cf-connecting-ip",
    "cf-connecting-ipv6",
    "fastly-client-ip",
    "x-original-forwarded-for",
    "x-remote-addr",
    "x-remote-ip",
    "x-originating-ip",
    "client-ip",
    "x-proxyuser-ip",
];

/// What of `X-Forwarded-…` is about who asked. The others (`-Uri`, `-Method`, `-Prefix`, `-Path`, `-Server`) are for
/// asking something else than was judged.
const FORWARDED: [&str; 4] = ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port"];

/// Beginnings of the fields in which a caller could ask the upstream for another method or path than the one that was
/// judged: dropped whoever sends them.
const WHAT_WAS_ASKED: [&str; 13] = [
    "x-forwarded-uri",
    "x-forwarded-method",
    "x-forwarded-prefix",
    "x-forwarded-path",
    "x-original-path",
    "x-envoy-original",
    "x-original-uri",
    "x-original-url",
    "x-original-method",
    "x-original-host",
    "x-rewrite-url",
    "x-http-method",
    "x-method-override",
];

/// Whose request it is, and through what it came.
pub(crate) struct Provenance<'a> {
    pub(crate) profile: &'a Profile,
    pub(crate) pass: &'a Pass,
    pub(crate) host: &'a Host,
    pub(crate) peer: IpAddr,
    /// Whether the peer came by TLS.
    pub(crate) by_tls: bool,
    pub(crate) request: RequestId,
    /// Whether it asks to go over to WebSocket.
    pub(crate) upgrades: bool,
}

/// Rewrites a request's head. Everything of ours is inserted after everything of the caller's was removed, so that
/// nothing the caller sends, `Connection` included, takes it away again.
pub(crate) fn rewrite_request(head: &mut request::Parts, body: &Body, of: &Provenance<'_>) {
    let forwarded = Forwarded::of(&head.headers, of);
    let trusted = of.profile.trusts(of.peer);
    let headers = &mut head.headers;
    hop_by_hop::remove(headers);
    remove_if(headers, is_what_was_asked);
    remove_if(headers, |name| is_who_asked(name) && !(trusted && is_plainly_who_asked(name)));
    if !of.profile.credentials.forward {
        credential::withdraw(headers, &of.profile.credentials);
    }
    // The server met the expectation itself when it began to read the body.
    headers.remove(EXPECT);
    join_cookies(headers);
    identity::state(headers, of.pass);
    request_id::set(headers, of.request);
    headers.insert(HOST, of.host.field.clone());
    forwarded.state(headers);
    if !body.is_end_stream() && body.size_hint().exact().is_none() {
        // Said explicitly, because the client would otherwise leave out the body of a GET.
        headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    if of.upgrades {
        upgrade::state(headers);
    }
    via::note(headers, head.version);
    head.version = Version::HTTP_11;
}

/// Rewrites an answer's head. Fields named `X-Claviger-…` are left to the upstream: on the way back they mean nothing.
pub(crate) fn rewrite_response(head: &mut response::Parts) {
    hop_by_hop::remove(&mut head.headers);
    if head.status == StatusCode::SWITCHING_PROTOCOLS {
        upgrade::state(&mut head.headers);
    }
    via::note(&mut head.headers, head.version);
    head.version = Version::HTTP_11;
}

fn remove_if(headers: &mut HeaderMap, unwanted: impl Fn(&HeaderName) -> bool) {
    let names: Vec<_> = headers.keys().filter(|name| unwanted(name)).cloned().collect();
    for name in names {
        headers.remove(name);
    }
}

/// Whether a field asks for another method or path than the request's own, for whoever believes it.
pub(crate) fn is_what_was_asked(name: &HeaderName) -> bool {
    WHAT_WAS_ASKED.iter().any(|field| identity::reads_like(name, field))
}

fn is_who_asked(name: &HeaderName) -> bool {
    WHO_ASKED.iter().any(|field| identity::reads_like(name, field))
}

/// What a trusted proxy may say, as it is usually spelt.
fn is_plainly_who_asked(name: &HeaderName) -> bool {
    let name = name.as_str();
    FORWARDED.contains(&name) || (WHO_ASKED.contains(&name) && !name.starts_with("x-forwarded"))
}

/// HTTP/2 may split one cookie string into several fields; HTTP/1.1 knows one only (RFC 9113 §8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let cookies: Vec<_> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if cookies.len() > 1 {
        let joined = HeaderValue::from_bytes(&cookies.join(&b"; "[..]))
            .expect("joined field values are a field value");
        headers.insert(COOKIE, joined);
    }
}

/// What the upstream is told about the way here.
struct Forwarded {
    addresses: HeaderValue,
    scheme: HeaderValue,
    host: HeaderValue,
}

impl Forwarded {
    fn of(headers: &HeaderMap, of: &Provenance<'_>) -> Self {
        let peer = of.peer.to_canonical().to_string();
        let trusted = of.profile.trusts(of.peer);
        let noted = headers.get_all(X_FORWARDED_FOR).iter().map(HeaderValue::as_bytes).filter(|_| trusted);
        let addresses: Vec<_> = noted.chain([peer.as_bytes()]).collect();
        let only = |name| only_value(headers, name).filter(|_| trusted);
        Self {
            addresses: HeaderValue::from_bytes(&addresses.join(&b", "[..]))
                .expect("joined field values are a field value"),
            // Who is trusted and in front of this may say how its own caller came.
            scheme: only(X_FORWARDED_PROTO)
                .filter(|scheme| scheme == "https" || scheme == "http")
                .unwrap_or(HeaderValue::from_static(if of.by_tls { "https" } else { "http" })),
            host: only(X_FORWARDED_HOST).unwrap_or_else(|| of.host.field.clone()),
        }
    }

    fn state(self, headers: &mut HeaderMap) {
        headers.insert(X_FORWARDED_FOR, self.addresses);
        headers.insert(X_FORWARDED_PROTO, self.scheme);
        headers.insert(X_FORWARDED_HOST, self.host);
    }
}

fn only_value(headers: &HeaderMap, name: HeaderName) -> Option<HeaderValue> {
    let mut values = headers.get_all(name).iter();
    let first = values.next().cloned();
    if values.next().is_some() { None } else { first }
}
