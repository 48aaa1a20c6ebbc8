//! Whose address a request comes from, and from which page (section 2.C).

use claviger_testkit::ServerBuilder;
use serde_json::json;

use super::{
    answers::{
        Wanted::{self, Passed},
        Words,
    },
    stage::{Key, Stage, profile},
    template::fill,
};

fn request(key: &Key, fields: &str) -> Vec<u8> {
    let fields = if fields.is_empty() { String::new() } else { format!("{fields}\r\n") };
    let text =
        format!("GET /v1 HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer {}\r\n{fields}\r\n", key.plain);
    fill(&text, &[])
}

/// The example profile, whose 403 is the same for every restriction.
fn example_that_trusts(proxies: &str) -> String {
    profile("example").replace("env_var", &format!("trusted_proxies = [{proxies}]\nenv_var"))
}

const FORBIDDEN: Wanted = Wanted::Forbidden;

#[test]
fn without_trusted_proxies_nobody_is_believed() {
    let stage = Stage::shipped("example", Words::Example);
    let here = stage.issue(json!({"restrictions": {"networks": ["127.0.0.0/8"]}}));
    let there = stage.issue(json!({"restrictions": {"networks": ["203.0.113.0/24"]}}));
    for (row, fields) in [
        ("no word of it", ""),
        ("A47 allowed address", "X-Forwarded-For: 203.0.113.9"),
        ("A47 in a list", "X-Forwarded-For: 203.0.113.9, 203.0.113.9"),
        ("A47 twice", "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-For: 203.0.113.9"),
        ("A47 underscores", "X_Forwarded_For: 203.0.113.9"),
        ("A47 X-Real-IP", "X-Real-IP: 203.0.113.9"),
        ("A47 Forwarded", "Forwarded: for=203.0.113.9;proto=https"),
        (
            "A47 others",
            "X-Client-IP: 203.0.113.9\r\nTrue-Client-IP: 203.0.113.9\r\nCF-Connecting-IP: 203.0.113.9",
        ),
        (
            "A47 more others",
            "X-Cluster-Client-IP: 203.0.113.9\r\nX-Originating-IP: 203.0.113.9\r\nX-Remote-Addr: 203.0.113.9",
        ),
        ("A47 nonsense", "X-Forwarded-For: nonsense"),
        ("A47 identity", "X-Claviger-Address: 203.0.113.9"),
    ] {
        stage.expect(row, "GET", &request(&there, fields), FORBIDDEN);
        stage.expect(row, "GET", &request(&here, fields), Passed);
        let received = stage.upstream.last();
        assert_eq!(received.only("x-forwarded-for").as_deref(), Some("127.0.0.1"), "{row}");
        for lie in [
            "x-real-ip",
            "forwarded",
            "x_forwarded_for",
            "x-client-ip",
            "true-client-ip",
            "x-cluster-client-ip",
        ] {
            assert_eq!(received.only(lie), None, "{row}: {lie}");
        }
    }
    stage.close();
}

#[test]
fn behind_a_trusted_proxy_the_right_most_stranger_is_the_caller() {
    let stage = Stage::of(&example_that_trusts("\"127.0.0.0/8\", \"10.0.0.0/8\""), Words::Example);
    let there = stage.issue(json!({"restrictions": {"networks": ["203.0.113.0/24", "2001:db8::/32"]}}));
    let here = stage.issue(json!({"restrictions": {"networks": ["127.0.0.1"]}}));
    for (row, fields, wanted) in [
        ("the proxy itself", "", FORBIDDEN),
        ("one hop", "X-Forwarded-For: 203.0.113.9", Passed),
        ("IPv6", "X-Forwarded-For: 2001:db8::9", Passed),
        ("IPv6 with a port", "X-Forwarded-For: [2001:db8::9]:4711", Passed),
        ("with a port", "X-Forwarded-For: 203.0.113.9:4711", Passed),
        ("A51 mapped", "X-Forwarded-For: ::ffff:203.0.113.9", Passed),
        ("two trusted hops", "X-Forwarded-For: 203.0.113.9, 10.1.2.3", Passed),
        ("in two fields", "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-For: 10.1.2.3", Passed),
        ("A48 fake hop before", "X-Forwarded-For: 203.0.113.9, 198.51.100.7", FORBIDDEN),
        ("A48 fake field before", "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-For: 198.51.100.7", FORBIDDEN),
        ("A48 fake hop, trusted hop", "X-Forwarded-For: 203.0.113.9, 198.51.100.7, 10.1.2.3", FORBIDDEN),
        ("A48 nonsense before", "X-Forwarded-For: nonsense, 203.0.113.9", Passed),
        ("a hop that is no address", "X-Forwarded-For: 203.0.113.9, unknown", FORBIDDEN),
        ("an empty hop", "X-Forwarded-For: 203.0.113.9,", FORBIDDEN),
        ("an empty field", "X-Forwarded-For:", FORBIDDEN),
        ("octal", "X-Forwarded-For: 0313.0.0161.011", FORBIDDEN),
        ("a zone", "X-Forwarded-For: 2001:db8::9%eth0", FORBIDDEN),
        ("A47 X-Real-IP", "X-Real-IP: 203.0.113.9", FORBIDDEN),
        ("A47 Forwarded", "Forwarded: for=203.0.113.9", FORBIDDEN),
        ("A47 underscores", "X_Forwarded_For: 203.0.113.9", FORBIDDEN),
        ("not UTF-8", "X-Forwarded-For: 203.0.113.9{FF}", FORBIDDEN),
    ] {
        stage.expect(row, "GET", &request(&there, fields), wanted);
    }
    stage.expect("the proxy's own check", "GET", &request(&here, ""), Passed);
    stage.expect("the proxy speaks for others", "GET", &request(&here, "X-Forwarded-For: 127.0.0.1"), Passed);
    stage.close();
}

#[test]
fn an_ipv4_caller_on_an_ipv6_socket_is_an_ipv4_caller() {
    let builder =
        ServerBuilder::new(crate::PROGRAM).profile("example").argument("--gateway").argument("[::]:0");
    let mut stage = Stage::with(builder, Words::Example);
    let port = stage.server.gateway.port();
    let v4 = stage.issue(json!({"restrictions": {"networks": ["127.0.0.0/8"]}}));
    let v6 = stage.issue(json!({"restrictions": {"networks": ["::1"]}}));
    let wide = stage.issue(json!({"restrictions": {"networks": ["::/1"]}}));
    stage.server.gateway = format!("127.0.0.1:{port}").parse().expect("it is an address");
    stage.expect("A51 mapped peer", "GET", &request(&v4, ""), Passed);
    assert_eq!(stage.upstream.last().only("x-forwarded-for").as_deref(), Some("127.0.0.1"));
    stage.expect("A51 not by an IPv6 network", "GET", &request(&wide, ""), FORBIDDEN);
    stage.expect("A51 not by another address", "GET", &request(&v6, ""), FORBIDDEN);
    stage.server.gateway = format!("[::1]:{port}").parse().expect("it is an address");
    stage.expect("IPv6 peer", "GET", &request(&v6, ""), Passed);
    stage.expect("IPv6 peer, IPv4 key", "GET", &request(&v4, ""), FORBIDDEN);
    stage.close();
}

#[test]
fn networks_that_say_less_than_they_seem_are_refused() {
    let stage = Stage::shipped("example", Words::Example);
    let events = stage.events();
    for (row, networks) in [
        ("A52 mapped network", json!(["::ffff:10.0.0.0/8"])),
        ("A52 mapped, IPv6 length", json!(["::ffff:10.0.0.0/104"])),
        ("A53 host bits", json!(["10.0.0.1/8"])),
        ("A53 everybody", json!(["0.0.0.0/0"])),
        ("A53 everybody, IPv6", json!(["::/0"])),
        ("A53 too long", json!(["10.0.0.0/33"])),
        ("A53 none", json!([])),
        ("one good, one bad", json!(["10.0.0.0/8", "10.0.0.1/8"])),
        ("octal", json!(["010.0.0.0/8"])),
        ("short", json!(["10.0/8"])),
        ("number", json!(["2130706433"])),
        ("name", json!(["localhost"])),
        ("space", json!([" 10.0.0.0/8"])),
        ("empty", json!([""])),
        ("a text", json!("10.0.0.0/8")),
        ("numbers", json!([10])),
        ("too many", json!(vec!["10.0.0.0/8"; 65])),
    ] {
        let order = json!({"name": "n", "restrictions": {"networks": networks}});
        let path = format!("/v1/accounts/{}/keys", stage.account);
        let answer = stage.operator.post(&path, &order);
        assert_eq!((answer.status, &answer.json()["code"]), (422, &json!("invalid")), "{row}");
    }
    assert_eq!(stage.events(), events, "nothing was issued");
    stage.close();
}

#[test]
fn trusting_everybody_is_refused() {
    for proxies in ["\"0.0.0.0/0\"", "\"::/0\"", "\"10.0.0.0/8\", \"0.0.0.0/0\"", "\"::ffff:0.0.0.0/96\""] {
        let directory = tempfile::tempdir().expect("a directory can be made");
        let file = directory.path().join("p.toml");
        std::fs::write(&file, example_that_trusts(proxies)).expect("it can be written");
        let program = claviger_testkit::Program::at(crate::PROGRAM);
        let file = file.to_str().expect("it is text");
        let _ = program.run(&["profile", "check", file]).expect(1);
        let data = directory.path().join("data");
        let data = data.to_str().expect("it is text");
        let served = program.run(&["serve", "--data", data, "--profile", file]).expect(1);
        assert!(served.err.contains("p.toml:"), "A49 {proxies}: {}", served.err);
    }
}

#[test]
fn a_proxy_protocol_line_is_no_request() {
    let stage = Stage::of(&example_that_trusts("\"127.0.0.0/8\""), Words::Example);
    let there = stage.issue(json!({"restrictions": {"networks": ["203.0.113.0/24"]}}));
    let mut bytes = b"PROXY TCP4 203.0.113.9 203.0.113.1 4711 80\r\n".to_vec();
    bytes.extend(request(&there, ""));
    stage.expect("A56", "GET", &bytes, Wanted::Unparsed(400));
    let mut bytes = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\0\x71\x09\xcb\0\x71\x01\x12\x67\0\x50".to_vec();
    bytes.extend(request(&there, ""));
    stage.expect("A56 second version", "GET", &bytes, Wanted::Unparsed(400));
    stage.close();
}

#[test]
fn a_referrer_is_a_whole_origin() {
    let stage = Stage::shipped("example", Words::Example);
    let exact = stage.issue(json!({"restrictions": {"referrers": ["https://app.example.com/*"]}}));
    for (row, fields, wanted) in [
        ("the page", "Referer: https://app.example.com/", Passed),
        ("deeper", "Referer: https://app.example.com/a/b?c#d", Passed),
        ("without a path", "Referer: https://app.example.com", Passed),
        ("with its port", "Referer: https://app.example.com:443/", Passed),
        ("A57 in capitals", "Referer: https://APP.example.com/", Passed),
        ("A57 longer host", "Referer: https://app.example.com.evil.io/", FORBIDDEN),
        ("A57 user information", "Referer: https://app.example.com@evil.io/", FORBIDDEN),
        ("A57 user at the host", "Referer: https://evil@app.example.com/", FORBIDDEN),
        ("A57 in the query", "Referer: https://evil.io/?https://app.example.com/", FORBIDDEN),
        ("A57 in the fragment", "Referer: https://evil.io/#https://app.example.com/", FORBIDDEN),
        ("A57 encoded dot", "Referer: https://app.example.com%2eevil.io", FORBIDDEN),
        ("A57 other scheme", "Referer: http://app.example.com/", FORBIDDEN),
        ("A57 other port", "Referer: https://app.example.com:444/", FORBIDDEN),
        ("A57 backslash", "Referer: https://app.example.com\\@evil.io", FORBIDDEN),
        ("A57 missing", "", FORBIDDEN),
        ("A57 empty", "Referer:", FORBIDDEN),
        ("A57 null", "Referer: null", FORBIDDEN),
        ("A57 twice", "Referer: https://app.example.com/\r\nReferer: https://app.example.com/", FORBIDDEN),
        ("A57 two of them", "Referer: https://evil.io/\r\nReferer: https://app.example.com/", FORBIDDEN),
        ("A57 a list", "Referer: https://app.example.com/, https://evil.io/", FORBIDDEN),
        ("A57 look-alike", "Referer: https://\u{430}pp.example.com/", FORBIDDEN),
        ("A57 dot at the end", "Referer: https://app.example.com./", FORBIDDEN),
        ("A57 three slashes", "Referer: https:///app.example.com/", FORBIDDEN),
        ("A57 one slash", "Referer: https:/app.example.com/", FORBIDDEN),
        ("A57 no scheme", "Referer: //app.example.com/", FORBIDDEN),
        ("A57 tab inside", "Referer: https://app.exa\tmple.com/", FORBIDDEN),
        ("A57 origin instead", "Origin: https://app.example.com", FORBIDDEN),
        ("A57 well spelt", "Referrer: https://app.example.com/", FORBIDDEN),
        ("A57 script", "Referer: javascript:https://app.example.com/", FORBIDDEN),
        ("A57 very long", "Referer: https://app.example.com/{LONG}", FORBIDDEN),
    ] {
        let fields = fields.replace("{LONG}", &"x".repeat(5000));
        stage.expect(row, "GET", &request(&exact, &fields), wanted);
    }
    let domains = stage.issue(json!({"restrictions": {"referrers": ["https://*.example.com/shop/*"]}}));
    for (row, referrer, wanted) in [
        ("a sub-domain", "https://a.example.com/shop/cart", Passed),
        ("a deeper one", "https://a.b.example.com/shop", Passed),
        ("the domain itself", "https://example.com/shop/", FORBIDDEN),
        ("a longer label", "https://badexample.com/shop/", FORBIDDEN),
        ("another path", "https://a.example.com/shopping", FORBIDDEN),
        ("a parent", "https://a.example.com/shop/../admin", FORBIDDEN),
        ("an encoded parent", "https://a.example.com/shop/%2e%2e/admin", FORBIDDEN),
    ] {
        stage.expect(row, "GET", &request(&domains, &format!("Referer: {referrer}")), wanted);
    }
    stage.close();
}
