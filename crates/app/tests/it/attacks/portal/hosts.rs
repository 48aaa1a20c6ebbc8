//! The public address is what the settings say: no request talks the portal into another.

use claviger_testkit::{Server, ServerBuilder, Visitor, exchange};
use serde_json::json;

use super::{PUBLIC, Request, Scene, headers::assert_strict};

fn public() -> Scene {
    Scene::of(ServerBuilder::new(crate::PROGRAM).profile("default").argument("--public-url").argument(PUBLIC))
}

fn url_of(server: &Server, account: &str, fields: &[(&str, &str)]) -> String {
    let order = json!({"account_id": account, "email": "ada@example.com", "role": "viewer"});
    let made = server.operator().call_with("POST", "/v1/sessions", fields, &order).expect(201).json();
    made["url"].as_str().expect("a link has a url").to_owned()
}

#[test]
fn another_host_is_misdirected_on_every_path() {
    let scene = public();
    let portal = scene.server.portal;
    for path in ["/", "/sign-in", "/keys", "/nothing", "/link/x", "/assets/x", "/csp-report", "/brand/x"] {
        for host in [
            "evil.example",
            "keys.example.com.evil.example",
            "evil.example/keys.example.com",
            "keys.example.com@evil.example",
            "xkeys.example.com",
            "keys.example.com.",
            "keys.example.com:80",
            "keys.example.com:8443",
            "keys.example.com, evil.example",
            "",
            "127.0.0.1",
            &portal.to_string(),
        ] {
            for method in ["GET", "POST", "OPTIONS"] {
                let request = Request::new(method, portal, path).with("Host", host);
                let request = request.with("X-Forwarded-Host", "keys.example.com");
                let answer = request.send(portal);
                // What is no host at all is no HTTP to the parser.
                let wanted =
                    if answer.headers.iter().any(|(name, _)| name == "x-request-id") { 421 } else { 400 };
                assert_eq!(answer.status, wanted, "{method} {path} of {host}");
            }
        }
    }
    let twice = Request::get(portal, "/sign-in").with("Host", "keys.example.com").and("Host", "evil.example");
    assert!([400, 421].contains(&twice.send(portal).status));
    let none = exchange(portal, "GET", b"GET /sign-in HTTP/1.0\r\n\r\n").expect("there is an answer");
    assert_eq!(none.status, 421);
    let absolute = Request::get(portal, "https://evil.example/sign-in").with("Host", "keys.example.com");
    assert_eq!(absolute.send(portal).status, 421);
    for host in ["keys.example.com", "KEYS.Example.COM", "keys.example.com:443"] {
        let answer = Request::get(portal, "/sign-in").with("Host", host).send(portal).expect(200);
        assert_strict(host, &answer);
        let transport = answer.header("strict-transport-security");
        assert_eq!(transport, Some("max-age=63072000; includeSubDomains"), "{host}");
    }
}

#[test]
fn links_and_redirections_follow_no_header() {
    let forged = [
        ("X-Forwarded-Host", "evil.example"),
        ("X-Forwarded-Proto", "ftp"),
        ("X-Host", "evil.example"),
        ("X-Original-Host", "evil.example"),
        ("Forwarded", "host=evil.example;proto=ftp"),
        ("Origin", "https://evil.example"),
        ("Referer", "https://evil.example/"),
    ];
    let (scene, plain) = (public(), Scene::open());
    let own = format!("http://{}", plain.server.portal);
    for field in forged {
        let url = url_of(&scene.server, &scene.account, &[field]);
        assert!(url.starts_with("https://keys.example.com/link/"), "{field:?}");
        let url = url_of(&plain.server, &plain.account, &[field]);
        assert!(url.starts_with(&format!("{own}/link/")), "{field:?}");
    }
    let evil = Request::get(plain.server.portal, "/").with("Host", "evil.example");
    let evil = forged.iter().fold(evil, |request, (name, value)| request.with(name, value));
    for path in ["/", "/sign-in", "/keys", "/nothing"] {
        let answer = plain.ask(path, &Request { path: path.to_owned(), ..evil.clone() });
        let said = format!("{:?} {}", answer.headers, answer.text());
        assert!(!said.contains("evil.example"), "{path}: {said}");
        assert!(answer.header("location").is_none_or(|place| place == "/sign-in"), "{path}");
    }
}

#[test]
fn forms_come_from_the_public_origin_alone() {
    let scene = public();
    let portal = scene.server.portal;
    let mut visitor = Visitor::new(portal).at_origin(PUBLIC);
    let link = url_of(&scene.server, &scene.account, &[]);
    let answer = visitor.get(crate::members::path(&link)).expect(303);
    let cookies: Vec<_> = answer.headers.iter().filter(|(name, _)| name == "set-cookie").collect();
    for (_, cookie) in &cookies {
        let (name, attributes) = cookie.split_once('=').expect("a cookie has a name");
        assert!(name.starts_with("__Host-claviger"), "{name}");
        let attributes: Vec<_> = attributes.split("; ").skip(1).collect();
        for attribute in ["Path=/", "HttpOnly", "SameSite=Lax", "Secure"] {
            assert!(attributes.contains(&attribute), "{name}: {attributes:?}");
        }
        assert!(!attributes.iter().any(|one| one.to_ascii_lowercase().starts_with("domain")), "{name}");
    }
    assert!(!cookies.is_empty());
    let _ = visitor.get("/keys").expect(200);
    let csrf = visitor.csrf();
    let good =
        Request::form(portal, "/sign-out", &[("csrf", &csrf)]).of(&visitor).with("Host", "keys.example.com");
    for origin in [
        "http://keys.example.com",
        "https://keys.example.com:8443",
        "https://keys.example.com.evil.example",
        "https://evil.example",
        "https://keys.example.com/",
        "https://keys.example.com evil",
        "keys.example.com",
        "null",
        "",
        &format!("http://{portal}"),
    ] {
        assert_eq!(good.clone().with("Origin", origin).send(portal).status, 403, "{origin}");
    }
    // The cookie of plain HTTP is none here.
    let token = visitor.cookie("__Host-claviger").expect("somebody is signed in").to_owned();
    let plain = good.clone().with("Cookie", &format!("claviger={token}")).with("Origin", PUBLIC);
    assert_eq!(plain.send(portal).header("location"), Some("/sign-in"));
    assert_eq!(
        good.with("Origin", PUBLIC).send(portal).expect(303).header("location"),
        Some("/sign-in?done=signed-out")
    );
}
