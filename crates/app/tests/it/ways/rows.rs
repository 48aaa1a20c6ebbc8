//! The requests: those of the catalogue that are sent to the gateway already, and those that only show where there is
//! somebody between a caller and an upstream.

use crate::attacks::{
    Key,
    Wanted::{self, BadRequest, Passed, TooLarge, Unparsed},
    credential, framing, identity, path,
    template::fill,
};

use super::shapes;

/// What must become of a request, whoever is in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// It is an ordinary one.
    Always,
    /// Somebody may refuse it, or read it in a way in which it is allowed.
    Perhaps,
    /// However it is read, it is not allowed.
    Never,
}

use Arrival::{Always, Never, Perhaps};

/// One request.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
    pub(super) arrival: Arrival,
    /// What comes of its path and its fields, where the catalogue says so.
    pub(super) wanted: Option<Wanted>,
    /// The key that it has, if it has one, for what may follow it.
    pub(super) key: Key,
}

/// The keys that the requests have.
pub(super) struct Keys {
    /// May use `/v1` and what is below.
    pub(super) public: Key,
    /// May use `/admin` and what is below, and nothing else.
    pub(super) admin: Key,
    /// May do everything, but at `GET /v1/pub/**` and `GET /v1/caf%C3%A9` alone.
    pub(super) narrow: Key,
}

/// Requests with the admin's key and the public one, and what comes of them. `/admin` is for the admin alone, `/v1` for
/// the public.
const SECTIONS: &[(&str, &str, Arrival)] = &[
    ("the public's", "GET /v1/x HTTP/1.1\r\nHost: api.test\r\n{KEY}\r\n\r\n", Always),
    (
        "the public's, with a query",
        "GET /v1/x?a=%2e%2e/b HTTP/1.1\r\nHost: api.test\r\n{KEY}\r\n\r\n",
        Always,
    ),
    ("the admin's", "DELETE /admin/x HTTP/1.1\r\nHost: api.test\r\n{ADMIN}\r\n\r\n", Always),
    ("the admin's to the public", "GET /admin/x HTTP/1.1\r\nHost: api.test\r\n{KEY}\r\n\r\n", Never),
    ("the public's to the admin", "GET /v1/x HTTP/1.1\r\nHost: api.test\r\n{ADMIN}\r\n\r\n", Never),
    ("neither's", "GET /other HTTP/1.1\r\nHost: api.test\r\n{KEY}\r\n\r\n", Never),
    ("A01 admin, public", "GET /admin/x HTTP/1.1\r\nHost: api.test\r\n{ADMIN}\r\n{KEY}\r\n\r\n", Never),
    ("A01 public, admin", "GET /admin/x HTTP/1.1\r\nHost: api.test\r\n{KEY}\r\n{ADMIN}\r\n\r\n", Never),
    (
        "A01 in other cases",
        "GET /v1/x HTTP/1.1\r\nHost: api.test\r\nAUTHORIZATION: {k}\r\nauthorization: {a}\r\n\r\n",
        Never,
    ),
    ("A02 list", "GET /admin/x HTTP/1.1\r\nHost: api.test\r\n{KEY}, {a}\r\n\r\n", Never),
    (
        "A03 in a field of its own",
        "GET /admin/x HTTP/1.1\r\nHost: api.test\r\n{KEY}\r\nX-API-Key: {ADMIN-KEY}\r\n\r\n",
        Never,
    ),
    (
        "A05 underscores",
        "GET /admin/x HTTP/1.1\r\nHost: api.test\r\nX_Authorization: {a}\r\n{KEY}\r\n\r\n",
        Never,
    ),
    (
        "A09 mixed case",
        "GET /v1/x HTTP/1.1\r\nhOST: api.test\r\naUTHORIZATION: bEARER {KEY-KEY}\r\n\r\n",
        Always,
    ),
    ("A13 query", "GET /admin/x?access_token={ADMIN-KEY} HTTP/1.1\r\nHost: api.test\r\n\r\n", Never),
    (
        "A15 for a proxy",
        "GET /admin/x HTTP/1.1\r\nHost: api.test\r\n{KEY}\r\nProxy-Authorization: {a}\r\n\r\n",
        Never,
    ),
    (
        "A15 of a proxy",
        "GET /admin/x HTTP/1.1\r\nHost: api.test\r\n{KEY}\r\nX-Forwarded-Authorization: {a}\r\nX-Original-Authorization: {a}\r\n\r\n",
        Never,
    ),
    ("A26 method", "DELETE /v1/x HTTP/1.1\r\nHost: api.test\r\n{KEY}\r\n\r\n", Never),
    ("A26 lower case", "delete /v1/x HTTP/1.1\r\nHost: api.test\r\n{KEY}\r\n\r\n", Never),
    ("A27 HEAD", "HEAD /v1/x HTTP/1.1\r\nHost: api.test\r\n{KEY}\r\n\r\n", Always),
    ("A27 HEAD to the admin", "HEAD /admin/x HTTP/1.1\r\nHost: api.test\r\n{KEY}\r\n\r\n", Never),
    ("A28 in the query", "GET /v1/x?_method=DELETE HTTP/1.1\r\nHost: api.test\r\n{KEY}\r\n\r\n", Always),
    ("A113 absolute form", "GET http://api.test/admin/x HTTP/1.1\r\nHost: api.test\r\n{KEY}\r\n\r\n", Never),
    (
        "A113 absolute form, other host",
        "GET http://other.test/v1/x HTTP/1.1\r\nHost: api.test\r\n{KEY}\r\n\r\n",
        Perhaps,
    ),
    (
        "A113 outside",
        "GET http://169.254.169.254/v1/x HTTP/1.1\r\nHost: 169.254.169.254\r\n{KEY}\r\n\r\n",
        Perhaps,
    ),
    ("two hosts", "GET /v1/x HTTP/1.1\r\nHost: api.test\r\nHost: other.test\r\n{KEY}\r\n\r\n", Perhaps),
    ("no host", "GET /v1/x HTTP/1.1\r\n{KEY}\r\n\r\n", Perhaps),
    ("HTTP/1.0", "GET /v1/x HTTP/1.0\r\nHost: api.test\r\n{KEY}\r\n\r\n", Perhaps),
    (
        "HTTP/1.0 to the admin",
        "GET /admin/x HTTP/1.0\r\nHost: api.test\r\n{KEY}\r\nConnection: keep-alive\r\n\r\n",
        Never,
    ),
    ("no version", "GET /admin/x\r\nHost: api.test\r\n{KEY}\r\n\r\n", Never),
    ("many fields", "GET /admin/x HTTP/1.1\r\nHost: api.test\r\n{90}\r\n{KEY}\r\n\r\n", Never),
    ("64 KiB of fields", "GET /admin/x HTTP/1.1\r\nHost: api.test\r\n{90 of 700}\r\n{KEY}\r\n\r\n", Never),
    (
        "A108 ahead of an upgrade",
        "GET /v1/x HTTP/1.1\r\nHost: api.test\r\n{KEY}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n{SMUGGLED}\r\n\r\n",
        Perhaps,
    ),
    (
        "A108 ahead of h2c",
        "GET /v1/x HTTP/1.1\r\nHost: api.test\r\n{KEY}\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n{SMUGGLED}\r\n\r\n",
        Perhaps,
    ),
    (
        "CONNECT",
        "CONNECT api.test:80 HTTP/1.1\r\nHost: api.test:80\r\n{KEY}\r\n\r\n{SMUGGLED}\r\n\r\n",
        Never,
    ),
    (
        "a body that is a request",
        "POST /v1/x HTTP/1.1\r\nHost: api.test\r\n{KEY}\r\nContent-Length: {SMUGGLED-LENGTH}\r\n\r\n{SMUGGLED}\r\n\r\n",
        Perhaps,
    ),
    (
        "a body of a GET that is a request",
        "GET /v1/x HTTP/1.1\r\nHost: api.test\r\n{KEY}\r\nContent-Length: {SMUGGLED-LENGTH}\r\n\r\n{SMUGGLED}\r\n\r\n",
        Perhaps,
    ),
    (
        "A106 trailers",
        "POST /v1/x HTTP/1.1\r\nHost: api.test\r\n{KEY}\r\nTransfer-Encoding: chunked\r\nTrailer: X-Claviger-Account\r\n\r\n2\r\nhi\r\n0\r\nX-Claviger-Account: forged\r\nX-Original-URI: /admin/forged\r\n\r\n",
        Perhaps,
    ),
    (
        "A106 a key in the trailers",
        "POST /admin/x HTTP/1.1\r\nHost: api.test\r\n{KEY}\r\nTransfer-Encoding: chunked\r\nTrailer: Authorization\r\n\r\n0\r\n{ADMIN}\r\n\r\n",
        Never,
    ),
];

/// Fields by which a caller says that something else was asked: to `/v1/x` they go no further than the proxy, and to
/// `/admin/x` they open nothing.
const OTHERWISE: &[(&str, &str)] = &[
    ("A97 nginx", "X-Original-URI: /v1/forged\r\nX-Original-Method: GET\r\n"),
    ("A97 nginx, twice", "X-Original-URI: /v1/forged\r\nx-original-uri: /v1/forged\r\n"),
    ("A97 underscores", "X_Original_URI: /v1/forged\r\nX_Original_Method: GET\r\n"),
    (
        "A97 Traefik",
        "X-Forwarded-Uri: /v1/forged\r\nX-Forwarded-Method: GET\r\nX-Forwarded-Host: api.test\r\n",
    ),
    (
        "A97 both",
        "X-Forwarded-Uri: /v1/forged\r\nX-Forwarded-Method: GET\r\nX-Original-URI: /v1/forged\r\nX-Original-Method: GET\r\n",
    ),
    ("A97 prefix", "X-Forwarded-Prefix: /v1/forged\r\nX-Forwarded-Path: /v1/forged\r\n"),
    ("A97 other servers", "X-Original-URL: /v1/forged\r\nX-Rewrite-URL: /v1/forged\r\n"),
    ("A97 Envoy", "X-Envoy-Original-Path: /v1/forged\r\nX-Envoy-Original-Method: forged\r\n"),
    (
        "A28 override",
        "X-HTTP-Method-Override: forged\r\nX-HTTP-Method: forged\r\nX-Method-Override: forged\r\n",
    ),
    ("A28 underscores", "X_HTTP_Method_Override: forged\r\n"),
    (
        "A97 as hop-by-hop",
        "Connection: X-Original-URI, X-Original-Method, X-Forwarded-Uri, X-Forwarded-Method\r\n",
    ),
    ("nominating the key", "Connection: Authorization\r\n"),
    ("nominating everything", "Connection: *, Host, X-Forwarded-For\r\n"),
    ("a cause", "X-Claviger-Reason: missing\r\n"),
];

/// All of them.
pub(super) fn all(keys: &Keys, operator: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut add = |name: &str, bytes: Vec<u8>, arrival, wanted, key: &Key| {
        rows.push(Row { name: name.to_owned(), bytes, arrival, wanted, key: key.clone() });
    };
    for (name, target, wanted) in path::ROWS {
        // What decides is the target, which nobody may change on the way; but letters may be encoded before it is judged.
        let arrival = if *wanted == Passed || !target.is_ascii() { Perhaps } else { Never };
        add(name, path::get(target, &keys.narrow), arrival, Some(*wanted), &keys.narrow);
    }
    let credentials = credential::names(&keys.public, &keys.admin, operator, credential::bearer);
    let names: Vec<_> = credentials.iter().map(|(name, value)| (*name, &**value)).collect();
    for (name, fields, [wanted, ..]) in credential::ROWS {
        let bytes = fill(&format!("GET /v1/things HTTP/1.1\r\nHost: api.test\r\n{fields}\r\n\r\n"), &names);
        // An empty second credential is none for Envoy, and it asks about the other one.
        let is_one = matches!(wanted, Passed | Unparsed(_)) || *name == "A01 good and empty";
        add(name, bytes, if is_one { Perhaps } else { Never }, Some(*wanted), &keys.public);
    }
    for (name, text, wanted) in framing::ROWS {
        // Two may see two ends; what each makes of it is held against the sentence.
        let two_ends = matches!(wanted, Passed | BadRequest | Unparsed(_) | TooLarge(_));
        let arrival = if two_ends { Perhaps } else { Never };
        add(name, framing::request(text, &keys.public), arrival, None, &keys.public);
    }
    let line = |method: &str, target: &str, fields: &str| {
        format!("{method} {target} HTTP/1.1\r\nHost: api.test\r\n{{KEY}}\r\n{fields}\r\n")
    };
    for (name, fields) in identity::CLAIMS.iter().chain(OTHERWISE) {
        add(name, filled(&line("GET", "/v1/x", fields), keys), Perhaps, None, &keys.public);
        for (method, target) in [("GET", "/admin/x"), ("DELETE", "/v1/x")] {
            let name = format!("{name}, for {method} {target}");
            add(&name, filled(&line(method, target, fields), keys), Never, None, &keys.public);
        }
    }
    for (name, text, arrival) in SECTIONS {
        add(name, filled(text, keys), *arrival, None, &keys.public);
    }
    for (name, text) in shapes::all() {
        add(&name, filled(&text, keys), Perhaps, None, &keys.public);
    }
    rows
}

/// A request that nobody may send: to the admin, with the public's key and another's name.
const SMUGGLED: &str =
    "GET /admin/smuggled HTTP/1.1\r\nHost: api.test\r\n{KEY}\r\nX-Claviger-Account: forged";

/// `text` with its names filled in.
pub(super) fn filled(text: &str, keys: &Keys) -> Vec<u8> {
    let (k, a) = (format!("Bearer {}", keys.public.plain), format!("Bearer {}", keys.admin.plain));
    let (public, admin) = (format!("Authorization: {k}"), format!("Authorization: {a}"));
    let smuggled = SMUGGLED.replace("{KEY}", &public);
    let length = (smuggled.len() + 4).to_string();
    let many =
        |length| (0..90).map(|n| format!("X-{n}: {}", "y".repeat(length))).collect::<Vec<_>>().join("\r\n");
    let text = fill(
        text,
        &[
            ("SMUGGLED-LENGTH", &length),
            ("SMUGGLED", &smuggled),
            ("KEY-KEY", &keys.public.plain),
            ("ADMIN-KEY", &keys.admin.plain),
            ("KEY", &public),
            ("ADMIN", &admin),
            ("k", &k),
            ("a", &a),
            ("90", &many(1)),
            ("90 of 700", &many(700)),
        ],
    );
    shapes::measured(&text)
}
