//! Keys that travel otherwise than as a Bearer token: as Basic, and in a field of their own, where the profile takes all
//! three. Each proxy is set up by the file that its guide prints, with what the guide says about such a field.

use claviger_testkit::{Nginx, Proxy, ServerBuilder};

use super::{
    Stage,
    rows::{
        Arrival::{self, Always, Never, Perhaps},
        Keys, Row, filled,
    },
};
use crate::{attacks::Upstream, proxies::printed};

/// What every profile of these tests accepts.
const ACCEPT: &str = "accept = [\"bearer\", \"basic\", \"X-API-Key\"]";

/// The fields of a request to the public's part with the public key; and of one to the admin's, for which `{k}` is the
/// public key and `{a}` the admin's.
const ROWS: &[(&str, &str, Arrival)] = &[
    ("bearer", "GET /v1/x|Authorization: Bearer {KEY-KEY}", Always),
    ("basic", "GET /v1/x|Authorization: Basic {b64:{KEY-KEY}}", Always),
    ("basic with a colon", "GET /v1/x|Authorization: Basic {b64:{KEY-KEY}:}", Always),
    ("basic in another case", "GET /v1/x|aUTHORIZATION: bASIC {b64:{KEY-KEY}}", Always),
    ("own", "GET /v1/x|X-API-Key: {KEY-KEY}", Always),
    ("own in another case", "GET /v1/x|x-aPI-kEY: {KEY-KEY}", Always),
    ("own without a space", "GET /v1/x|X-API-Key:{KEY-KEY}", Always),
    ("own amid spaces", "GET /v1/x|X-API-Key:   {KEY-KEY}  ", Always),
    ("own amid tabs", "GET /v1/x|X-API-Key:\t{KEY-KEY}\t", Perhaps),
    ("own, POST", "POST /v1/x|X-API-Key: {KEY-KEY}\r\nContent-Length: 0", Always),
    ("the admin's own", "DELETE /admin/x|X-API-Key: {ADMIN-KEY}", Always),
    ("the admin's basic", "DELETE /admin/x|Authorization: Basic {b64:{ADMIN-KEY}}", Always),
    ("own, to the admin", "GET /admin/x|X-API-Key: {KEY-KEY}", Never),
    ("basic, to the admin", "GET /admin/x|Authorization: Basic {b64:{KEY-KEY}}", Never),
    ("bearer and own", "GET /v1/x|Authorization: Bearer {KEY-KEY}\r\nX-API-Key: {KEY-KEY}", Never),
    ("own and bearer", "GET /v1/x|X-API-Key: {KEY-KEY}\r\nAuthorization: Bearer {KEY-KEY}", Never),
    ("basic and own", "GET /v1/x|Authorization: Basic {b64:{KEY-KEY}}\r\nX-API-Key: {KEY-KEY}", Never),
    (
        "bearer and basic",
        "GET /v1/x|Authorization: Bearer {KEY-KEY}\r\nAuthorization: Basic {b64:{KEY-KEY}}",
        Never,
    ),
    ("the public's and the admin's own", "GET /admin/x|{KEY}\r\nX-API-Key: {ADMIN-KEY}", Never),
    ("the admin's and the public's own", "GET /admin/x|{ADMIN}\r\nX-API-Key: {KEY-KEY}", Never),
    ("a wrong one and own", "GET /v1/x|Authorization: Bearer wrong\r\nX-API-Key: {KEY-KEY}", Never),
    ("another scheme and own", "GET /v1/x|Authorization: Token {KEY-KEY}\r\nX-API-Key: {KEY-KEY}", Perhaps),
    ("own twice", "GET /v1/x|X-API-Key: {KEY-KEY}\r\nX-API-Key: {KEY-KEY}", Never),
    ("own twice, two keys", "GET /admin/x|X-API-Key: {KEY-KEY}\r\nx-api-key: {ADMIN-KEY}", Never),
    ("own twice, the admin's first", "GET /admin/x|X-API-Key: {ADMIN-KEY}\r\nx-api-key: {KEY-KEY}", Never),
    ("own as a list", "GET /admin/x|X-API-Key: {KEY-KEY}, {ADMIN-KEY}", Never),
    ("own and empty", "GET /v1/x|X-API-Key: {KEY-KEY}\r\nX-API-Key:", Perhaps),
    ("own beside an empty one", "GET /v1/x|Authorization:\r\nX-API-Key: {KEY-KEY}", Perhaps),
    ("bearer beside an empty own", "GET /v1/x|Authorization: Bearer {KEY-KEY}\r\nX-API-Key:", Perhaps),
    ("empty", "GET /v1/x|X-API-Key:", Never),
    ("all empty", "GET /v1/x|Authorization:\r\nX-API-Key:\r\nX-API-Key: ", Never),
    ("spaces", "GET /v1/x|X-API-Key:    ", Never),
    ("a tab", "GET /v1/x|X-API-Key: \t", Never),
    ("a space inside", "GET /v1/x|X-API-Key: x {KEY-KEY}", Never),
    ("a scheme inside", "GET /v1/x|X-API-Key: Bearer {KEY-KEY}", Never),
    ("base 64 inside", "GET /v1/x|X-API-Key: {b64:{KEY-KEY}}", Never),
    ("in quotes", "GET /v1/x|X-API-Key: \"{KEY-KEY}\"", Never),
    ("folded", "GET /v1/x|X-API-Key:\r\n {KEY-KEY}", Perhaps),
    ("a space before the colon", "GET /admin/x|X-API-Key : {KEY-KEY}", Never),
    ("underscores", "GET /v1/x|X_API_Key: {KEY-KEY}", Never),
    ("underscores beside it", "GET /admin/x|X-API-Key: {KEY-KEY}\r\nX_API_Key: {ADMIN-KEY}", Never),
    ("basic with the raw key", "GET /v1/x|Authorization: Basic {KEY-KEY}", Never),
    ("basic with a user", "GET /v1/x|Authorization: Basic {b64:user:{KEY-KEY}}", Never),
    ("basic with a password", "GET /v1/x|Authorization: Basic {b64:{KEY-KEY}:x}", Never),
    ("bearer with base 64", "GET /v1/x|Authorization: Bearer {b64:{KEY-KEY}}", Never),
    ("in the query", "GET /admin/x?X-API-Key={ADMIN-KEY}&api_key={ADMIN-KEY}|X-API-Key: {KEY-KEY}", Never),
    ("in a cookie", "GET /v1/x|Cookie: X-API-Key={KEY-KEY}", Never),
    ("nominated", "GET /admin/x|X-API-Key: {KEY-KEY}\r\nConnection: X-API-Key", Never),
    ("nominated, allowed", "GET /v1/x|X-API-Key: {KEY-KEY}\r\nConnection: X-API-Key", Perhaps),
    (
        "one of two nominated",
        "GET /admin/x|{KEY}\r\nX-API-Key: {ADMIN-KEY}\r\nConnection: Authorization",
        Perhaps,
    ),
];

fn rows(keys: &Keys) -> Vec<Row> {
    let row = |(name, text, arrival): &(&str, &str, Arrival)| {
        let (line, fields) = text.split_once('|').expect("a row has a line and fields");
        let request = format!("{line} HTTP/1.1\r\nHost: api.test\r\n{fields}\r\n\r\n");
        let (name, bytes) = ((*name).to_owned(), filled(&request, keys));
        Row { name, bytes, arrival: *arrival, wanted: None, key: keys.public.clone() }
    };
    ROWS.iter().map(row).collect()
}

fn stage(complete: impl FnOnce(ServerBuilder, &Upstream) -> ServerBuilder) -> Stage {
    let profile = super::stage::profile();
    let bearer = "accept = [\"bearer\"]";
    assert!(profile.contains(bearer));
    Stage::of(&profile.replace(bearer, ACCEPT), complete)
}

fn asked() -> Stage {
    stage(|builder, _| builder)
}

impl Stage {
    fn run_carriers(&self, address: std::net::SocketAddr) {
        self.send_all(address, rows(&self.keys));
        assert!(self.count() >= ROWS.iter().filter(|row| row.2 == Always).count());
    }
}

/// A guide's file with one line more than it prints, or a longer one.
fn with(file: &str, line: &str, instead: &str) -> String {
    assert!(file.contains(line), "the guide's file has no {line}");
    file.replace(line, instead)
}

#[test]
fn what_nginx_passes_on_is_what_was_judged_wherever_the_key_is() {
    let stage = asked();
    let file = printed("nginx", "nginx", &stage.upstream, stage.server.control);
    let drop = "proxy_set_header Authorization \"\";";
    let file = with(&file, drop, &format!("{drop}\nproxy_set_header X-API-Key \"\";"));
    let nginx = Nginx::start(&file.replace("127.0.0.1:8000", "127.0.0.1:{port}"));
    stage.run_carriers(nginx.address());
}

/// Envoy's file, which drops the key afterwards.
fn dropping(file: &str) -> String {
    with(file, "[authorization]", "[authorization, x-api-key]")
}

#[test]
fn what_envoy_passes_on_is_what_was_judged_wherever_the_key_is() {
    let stage = asked();
    let file = printed("envoy", "yaml", &stage.upstream, stage.server.control);
    let sent = "- { exact: referer }";
    let file = with(&file, sent, &format!("- {{ exact: x-api-key }}\n{}{sent}", " ".repeat(30)));
    let envoy = Proxy::envoy(&dropping(&file));
    stage.run_carriers(envoy.address());
}

#[test]
fn what_envoy_passes_on_is_what_was_judged_by_grpc_wherever_the_key_is() {
    let stage = stage(|builder, _| builder.argument("--ext-authz").argument("127.0.0.1:0"));
    let asked = stage.server.ext_authz.expect("it has the listener");
    let envoy = Proxy::envoy(&printed("envoy-grpc", "yaml", &stage.upstream, asked));
    stage.run_carriers(envoy.address());
}

#[test]
fn what_caddy_passes_on_is_what_was_judged_wherever_the_key_is() {
    let stage = asked();
    let file = printed("caddy", "caddyfile", &stage.upstream, stage.server.control);
    let drop = "header_up -Authorization";
    let caddy = Proxy::caddy(&with(&file, drop, &format!("{drop}\n\t\t\theader_up -X-API-Key")));
    stage.run_carriers(caddy.address());
}

#[test]
fn what_haproxy_passes_on_is_what_was_judged_wherever_the_key_is() {
    let stage = asked();
    let of = |language| printed("haproxy", language, &stage.upstream, stage.server.control);
    let drop = "http-request del-header Authorization";
    let file = with(&of("haproxy"), drop, &format!("{drop}\n    http-request del-header X-API-Key"));
    let haproxy = Proxy::haproxy(&file, &of("lua"));
    stage.run_carriers(haproxy.address());
}

#[test]
fn what_our_own_gateway_passes_on_is_what_was_judged_wherever_the_key_is() {
    let stage = stage(|builder, upstream| builder.argument("--upstream").argument(&upstream.url()));
    stage.run_carriers(stage.server.gateway);
}
