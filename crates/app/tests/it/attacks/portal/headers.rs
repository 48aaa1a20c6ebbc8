//! What every answer carries, whatever it is.

use claviger_testkit::{Answer, ServerBuilder, Visitor, exchange};

use super::{Request, Scene};

/// Fields and their one value.
const STRICT: [(&str, &str); 7] = [
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    (
        "permissions-policy",
        "camera=(), microphone=(), geolocation=(), payment=(), usb=(), publickey-credentials-get=(self), clipboard-write=(self)",
    ),
    ("reporting-endpoints", "csp=\"/csp-report\""),
];

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'; manifest-src 'self'; require-trusted-types-for 'script'; trusted-types default; report-uri /csp-report; report-to csp";

fn all<'a>(answer: &'a Answer, name: &str) -> Vec<&'a str> {
    answer.headers.iter().filter(|(field, _)| field == name).map(|(_, value)| value.as_str()).collect()
}

/// Every field exactly once, and none that tells too much.
#[track_caller]
pub(super) fn assert_strict(row: &str, answer: &Answer) {
    for (name, value) in STRICT {
        assert_eq!(all(answer, name), [value], "{row}: {name} of {}", answer.status);
    }
    let policy = all(answer, "content-security-policy");
    assert!(policy == [POLICY] || policy.len() == 1 && policy[0].ends_with("; sandbox"), "{row}: {policy:?}");
    let caching = all(answer, "cache-control");
    let kept = answer.status == 200 && caching == ["public, max-age=31536000, immutable"];
    assert!(caching == ["no-store"] || kept, "{row}: {caching:?}");
    assert_eq!(all(answer, "x-request-id").len(), 1, "{row}");
    for (name, _) in &answer.headers {
        let tells = name == "server" || name == "x-powered-by" || name.starts_with("access-control-");
        assert!(!tells, "{row}: {name}");
    }
    if !answer.body.is_empty() {
        let kind = answer.header("content-type").expect("a body has a kind");
        assert!(
            kind.contains("charset=utf-8")
                || ["image/", "application/json"].iter().any(|form| kind.starts_with(form)),
            "{row}: {kind}"
        );
    }
}

#[test]
fn answers_of_every_status_are_protected() {
    let scene = Scene::open();
    let portal = scene.server.portal;
    let visitor = scene.member("ada@example.com", "administrator");
    let link = scene.link("bob@example.com");
    let page = Request::get(portal, "/sign-in").send(portal).expect(200);
    let asset = |end: &str| {
        let text = page.text();
        let ends = text.find(end).expect("the page names it") + end.len();
        let begins = text[..ends].rfind("/assets/").expect("it is an asset");
        text[begins..ends].to_owned()
    };
    let get = |path: &str| Request::get(portal, path);
    let rows = [
        (200, get("/sign-in")),
        (200, get("/keys").of(&visitor)),
        (303, get("/")),
        (303, get("/keys")),
        (303, get("/").of(&visitor)),
        (303, Request::form(portal, "/sign-out", &[("csrf", "x")])),
        (403, Request::form(portal, "/sign-out", &[("csrf", "x")]).of(&visitor)),
        (403, Request::form(portal, "/sign-in", &[("csrf", "x")])),
        (404, get("/nothing")),
        (404, get("/assets/nothing-000000000000.css")),
        (404, get("/brand/nothing.css")),
        (404, get("/sign-in/nothing")),
        (404, get("/..%2f..%2fetc/passwd")),
        (404, get("/assets/..%2f..%2fetc%2fpasswd")),
        (405, Request::new("DELETE", portal, "/keys").of(&visitor)),
        (405, Request::new("BREW", portal, "/sign-in")),
        (410, get("/link/short")),
        (410, get(&format!("/password/{}", "A".repeat(43)))),
        (415, Request::form(portal, "/sign-in", &[]).with("Content-Type", "text/plain")),
        (413, Request::form(portal, "/sign-in", &[]).saying(super::request::FORM, "a".repeat(129 << 10))),
        (503, get(&link).with("Sec-Purpose", "prefetch")),
        (204, Request::form(portal, "/csp-report", &[]).saying("application/csp-report", "{}")),
        (
            413,
            Request::form(portal, "/csp-report", &[]).saying("application/csp-report", " ".repeat(17 << 10)),
        ),
    ];
    for (status, request) in rows {
        let row = format!("{} {}", request.method, request.path);
        let answer = scene.ask(&row, &request);
        assert_eq!(answer.status, status, "{row}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{row}");
        assert_eq!(answer.header("strict-transport-security"), None, "{row}: there is no TLS here");
        let head = scene.ask(&row, &Request { method: "HEAD".to_owned(), ..request.clone() });
        assert_eq!(head.body.len(), 0, "{row}");
    }
    for end in [".css", ".js", ".svg"] {
        let answer = scene.ask(end, &get(&asset(end))).expect(200);
        assert_eq!(answer.header("cache-control"), Some("public, max-age=31536000, immutable"), "{end}");
        let cut = asset(end).replace('-', "-0");
        let _ = scene.ask(&cut, &get(&cut)).expect(404);
    }
}

#[test]
fn forms_are_bounded() {
    let scene = Scene::open();
    let portal = scene.server.portal;
    let mut stranger = Visitor::new(portal);
    let _ = stranger.get("/sign-in").expect(200);
    let csrf = stranger.csrf();
    let good = Request::form(portal, "/sign-in", &[("csrf", &csrf), ("email", "a@b.c"), ("password", "p")]);
    let good = good.of(&stranger);
    let with = |body: String| good.clone().saying(super::request::FORM, body);
    let text = |request: &Request| String::from_utf8(request.body.clone()).expect("a form is text");
    let padded = |length: usize| {
        let begin = text(&good) + "&a=";
        let rest = length - begin.len();
        with(begin + &"a".repeat(rest))
    };
    let rows = [
        ("as it is", good.clone(), 422),
        ("128 KiB", padded(128 << 10), 422),
        ("one byte more", padded((128 << 10) + 1), 413),
        ("129 KiB", padded(129 << 10), 413),
        ("1000 fields", with(text(&good) + &"&a=b".repeat(997)), 422),
        ("1001 fields", with(text(&good) + &"&a=b".repeat(998)), 413),
        ("empty pairs", with(text(&good) + &"&".repeat(100_000)), 422),
        ("gzip", good.clone().with("Content-Encoding", "gzip"), 415),
        ("identity", good.clone().with("Content-Encoding", "identity"), 415),
        (
            "another charset",
            good.clone().with("Content-Type", "application/x-www-form-urlencoded; charset=utf-16"),
            422,
        ),
        ("no type", good.clone().without("Content-Type"), 415),
        ("no body", with(String::new()), 403),
        (
            "no text",
            good.clone().saying(super::request::FORM, [text(&good).as_bytes(), b"&a=\xff\0%ff%00"].concat()),
            422,
        ),
    ];
    for (row, request, status) in rows {
        assert_eq!(scene.ask(row, &request).status, status, "{row}");
    }
    // A body that says a hundred times its bound is refused before it is read.
    let endless = format!(
        "POST /sign-in HTTP/1.1\r\nHost: {portal}\r\nOrigin: http://{portal}\r\nContent-Type: {}\r\nContent-Length: 12800000\r\n\r\na=b",
        super::request::FORM
    );
    let answer = exchange(portal, "POST", endless.as_bytes());
    assert_eq!(answer.map(|answer| answer.status), Some(413));
}

#[test]
fn what_the_parser_refuses_is_refused_and_the_rest_is_served() {
    let scene = Scene::open();
    let portal = scene.server.portal;
    let wide = "x".repeat(1 << 20);
    let rows = [
        ("no HTTP", "hello\r\n\r\n".to_owned(), 400),
        ("a folded field", format!("GET / HTTP/1.1\r\nHost: {portal}\r\nX-A: b\r\n c\r\n\r\n"), 400),
        (
            "two lengths",
            format!(
                "POST /sign-in HTTP/1.1\r\nHost: {portal}\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"
            ),
            400,
        ),
        ("1 MiB of field", format!("GET / HTTP/1.1\r\nHost: {portal}\r\nX-A: {wide}\r\n\r\n"), 431),
        ("1 MiB of path", format!("GET /{wide} HTTP/1.1\r\nHost: {portal}\r\n\r\n"), 431),
        ("150 fields", format!("GET / HTTP/1.1\r\nHost: {portal}\r\n{}\r\n", "X-A: b\r\n".repeat(150)), 431),
    ];
    for (row, request, status) in rows {
        let answer = exchange(portal, "GET", request.as_bytes()).expect("there is an answer");
        assert_eq!((answer.status, answer.body.len()), (status, 0), "{row}");
        let _ = scene.ask(row, &Request::get(portal, "/sign-in")).expect(200);
    }
}

#[test]
fn there_is_nothing_of_operators_at_the_portal() {
    let scene =
        Scene::of(ServerBuilder::new(crate::PROGRAM).profile("default").argument("--log").argument("trace"));
    let portal = scene.server.portal;
    let visitor = scene.member("ada@example.com", "administrator");
    let bearer = format!("Bearer {}", scene.server.operator_key());
    for path in [
        "/v1",
        "/v1/accounts",
        "/v1/operators",
        "/v1/openapi.json",
        "/openapi.json",
        "/operator",
        "/operators",
        "/accounts",
        "/healthz",
        "/readyz",
        "/metrics",
        "/problems",
        "/problems/not-found",
        "/forward-auth",
        "/debug",
        "/debug/pprof",
        "/.git/config",
        "/.env",
        "/admin",
        "/apiKeys",
        "/server-status",
        "/keys/../v1/accounts",
        "//v1/accounts",
        "/keys//",
    ] {
        for method in ["GET", "POST"] {
            let request = Request::new(method, portal, path).of(&visitor).with("Authorization", &bearer);
            assert_eq!(scene.ask(path, &request).status, 404, "{method} {path}");
        }
    }
    assert!(!scene.server.log().contains(scene.server.operator_key()));
}

#[test]
fn other_origins_are_told_nothing() {
    let scene = Scene::open();
    let portal = scene.server.portal;
    let visitor = scene.member("ada@example.com", "administrator");
    let own = format!("http://{portal}");
    for origin in ["null", "https://evil.example", &format!("{own}.evil.example"), &own, "*"] {
        for path in
            ["/", "/sign-in", "/keys", "/keys/live", "/sessions", "/csp-report", "/nothing", "/assets/x"]
        {
            for method in ["GET", "HEAD", "POST"] {
                let request = Request::new(method, portal, path).of(&visitor).with("Origin", origin);
                // That no field begins with `access-control-` is looked at there.
                let _ = scene.ask(&format!("{method} {path} from {origin}"), &request);
            }
            let ahead = Request::new("OPTIONS", portal, path).of(&visitor).with("Origin", origin);
            let ahead = ahead.with("Access-Control-Request-Method", "POST");
            let ahead = ahead.with("Access-Control-Request-Headers", "content-type, x-csrf-token");
            let answer = scene.ask(&format!("OPTIONS {path} from {origin}"), &ahead);
            let wanted = if path == "/nothing" { 404 } else { 405 };
            assert_eq!(answer.status, wanted, "OPTIONS {path} from {origin}");
        }
    }
}
