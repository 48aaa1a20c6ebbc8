//! Browsers come by HTTP/2 as soon as there is TLS: what they ask has no `Host` field then.

use std::path::PathBuf;

use claviger_testkit::{Certificates, Program, ServerBuilder};
use serde_json::json;

use super::Stage;

/// A browser with a cookie jar, played by curl.
struct Browser<'a> {
    certificates: &'a Certificates,
    origin: String,
    jar: PathBuf,
}

impl<'a> Browser<'a> {
    fn at(certificates: &'a Certificates, origin: String) -> Self {
        Self { certificates, origin, jar: certificates.directory().join("jar") }
    }

    fn ask(&self, path: &str, more: &[&str]) -> String {
        let (authority, jar) = (self.certificates.authority(), self.jar.display().to_string());
        let authority = authority.to_str().expect("the tests' paths are text");
        let url = [&self.origin, path].concat();
        let asking = ["-s", "-S", "-i", "--http2", "--cacert", authority, "-b", &jar, "-c", &jar, &url];
        Program::at("curl").run(&[&asking[..], more].concat()).expect(0).out
    }

    fn get(&self, path: &str) -> String {
        self.ask(path, &[])
    }

    /// Sends the form that is on this page, with one more field.
    fn post(&self, path: &str, page: &str, field: &str) -> String {
        let (_, rest) = page.split_once("name=\"csrf\" value=\"").expect("the form has a token");
        let csrf = format!("csrf={}", rest.split('"').next().unwrap_or_default());
        let origin = format!("Origin: {}", self.origin);
        let form = ["-H", &origin, "-H", "Sec-Fetch-Site: same-origin", "--data-urlencode", &csrf];
        self.ask(path, &[&form[..], &["--data-urlencode", field]].concat())
    }
}

#[test]
fn a_member_signs_in_and_out_by_http_2() {
    let stage = Stage::set();
    let account = stage.server.operator().account("People");
    let order = json!({"account_id": account, "email": "ada@example.com", "role": "administrator"});
    let made = stage.server.operator().post("/v1/sessions", &order).expect(201).json();
    let origin = format!("https://{}", stage.server.portal);
    let path = made["url"].as_str().unwrap().strip_prefix(&origin).expect("the link is for TLS").to_owned();
    let browser = Browser::at(&stage.certificates, origin);
    let entered = browser.get(&path);
    assert!(entered.starts_with("HTTP/2 303") && entered.contains("__Host-claviger="), "{entered}");
    let keys = browser.get("/keys");
    assert!(keys.starts_with("HTTP/2 200") && keys.contains("ada@example.com"), "{keys}");
    let left = browser.post("/sign-out", &keys, "x=y");
    assert!(left.starts_with("HTTP/2 303"), "{left}");
    let gone = browser.get("/keys");
    assert!(!gone.contains("ada@example.com"), "{gone}");
}

#[test]
fn an_operator_signs_in_by_http_2() {
    let certificates = Certificates::make();
    let builder = ServerBuilder::new(crate::PROGRAM).profile("default").certificates(&certificates);
    let server = builder.argument("--tls-listeners").argument("control").start();
    let browser = Browser::at(&certificates, format!("https://{}", server.control));
    let page = browser.get("/sign-in");
    let entered = browser.post("/sign-in", &page, &format!("key={}", server.operator_key()));
    assert!(entered.starts_with("HTTP/2 303") && entered.contains("__Host-claviger-operator="), "{entered}");
    let accounts = browser.get("/accounts");
    assert!(accounts.starts_with("HTTP/2 200"), "{accounts}");
    assert!(accounts.contains("strict-transport-security: "), "{accounts}");
}

#[test]
fn a_proxy_asks_by_http_2_about_the_host_that_it_names() {
    let certificates = Certificates::make();
    let builder = ServerBuilder::new(crate::PROGRAM).profile("default").certificates(&certificates);
    let server = builder.argument("--tls-listeners").argument("control").start();
    let proxy = Browser::at(&certificates, format!("https://{}", server.control));
    for fields in [&[][..], &["-H", "X-Original-Method: GET", "-H", "X-Original-URI: /things"]] {
        let path = if fields.is_empty() { "/forward-auth/default/things" } else { "/forward-auth/default" };
        let answer = proxy.ask(path, fields);
        assert!(answer.starts_with("HTTP/2 401") && answer.contains("\"missing\""), "{answer}");
    }
}
