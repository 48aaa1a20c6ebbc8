//! Where a key may travel, and in which form (section 2.A): the same rows for three profiles.

use claviger_testkit::ServerBuilder;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{
    answers::{
        Wanted::{self, BadRequest, Invalid, Missing, Passed, Unparsed},
        Words,
    },
    stage::{Key, Stage, profile},
    template::fill,
};

/// The fields of a request, and what they come to where keys travel as a Bearer token, as Basic, and in `X-API-Key`.
pub(crate) type Row = (&'static str, &'static str, [Wanted; 3]);

pub(crate) const ROWS: &[Row] = &[
    ("the good line", "{GOOD}", [Passed, Passed, Passed]),
    ("no credential", "Accept: */*", [Missing, Missing, Missing]),
    ("A01 good and bad", "{GOOD}\r\n{BAD}", [BadRequest, BadRequest, BadRequest]),
    ("A01 bad and good", "{BAD}\r\n{GOOD}", [BadRequest, BadRequest, BadRequest]),
    ("A01 the same twice", "{GOOD}\r\n{GOOD}", [BadRequest, BadRequest, BadRequest]),
    ("A01 good and empty", "{GOOD}\r\nAuthorization:", [BadRequest, BadRequest, Passed]),
    (
        "A01 twice in other cases",
        "AUTHORIZATION: x\r\nauthorization: y",
        [BadRequest, BadRequest, BadRequest],
    ),
    ("A01 another scheme beside it", "{GOOD}\r\nAuthorization: Token x", [BadRequest, BadRequest, Passed]),
    ("A02 Bearer list", "Authorization: Bearer {KEY}, Bearer {SECOND}", [Invalid, Missing, Missing]),
    ("A02 Basic list", "Authorization: Basic {b64:{KEY}}, Basic {b64:{SECOND}}", [Missing, Invalid, Missing]),
    ("A02 own list", "X-API-Key: {KEY}, {SECOND}", [Missing, Missing, Invalid]),
    ("A03 a field the profile doesn't name", "{GOOD}\r\nX-Other-Key: {SECOND}", [Passed, Passed, Passed]),
    ("A04 twice the same", "X-API-Key: {KEY}\r\nX-API-Key: {KEY}", [Missing, Missing, BadRequest]),
    ("A04 twice in other cases", "x-api-key: {KEY}\r\nX-Api-Key: {SECOND}", [Missing, Missing, BadRequest]),
    ("A05 underscores", "X_Api_Key: {KEY}", [Missing, Missing, Missing]),
    ("A05 escaped name", "x-api-key%20: {KEY}", [Missing, Missing, Missing]),
    ("A05 tab in the name", "X-Api-Key\t: {KEY}", [Unparsed(400), Unparsed(400), Unparsed(400)]),
    ("A05 space in the name", "Authorization : Bearer {KEY}", [Unparsed(400), Unparsed(400), Unparsed(400)]),
    ("A06 Basic with the bare key", "Authorization: Basic {b64:{KEY}}", [Missing, Passed, Missing]),
    ("A07 Basic with the raw key", "Authorization: Basic {KEY}", [Missing, Invalid, Missing]),
    ("A08 one trailing colon", "Authorization: Basic {b64:{KEY}:}", [Missing, Passed, Missing]),
    ("A08 leading colon", "Authorization: Basic {b64::{KEY}}", [Missing, Invalid, Missing]),
    ("A08 user and key", "Authorization: Basic {b64:user:{KEY}}", [Missing, Invalid, Missing]),
    ("A08 key and password", "Authorization: Basic {b64:{KEY}:x}", [Missing, Invalid, Missing]),
    ("A08 two trailing colons", "Authorization: Basic {b64:{KEY}::}", [Missing, Invalid, Missing]),
    ("A09 Bearer with base 64", "Authorization: Bearer {b64:{KEY}}", [Invalid, Missing, Missing]),
    ("A09 Basic with a JWT", "Authorization: Basic {JWT}", [Missing, Invalid, Missing]),
    ("A09 another scheme", "Authorization: Token {KEY}", [Missing, Missing, Missing]),
    ("A09 no scheme", "Authorization: {KEY}", [Missing, Missing, Missing]),
    ("A09 lower-case scheme", "Authorization: bearer {KEY}", [Passed, Missing, Missing]),
    ("A09 mixed-case scheme", "Authorization: bEARER {KEY}", [Passed, Missing, Missing]),
    ("A09 upper-case Basic", "Authorization: BASIC {b64:{KEY}}", [Missing, Passed, Missing]),
    ("empty field", "Authorization:", [Missing, Missing, Missing]),
    ("empty own field", "X-API-Key:", [Missing, Missing, Missing]),
    ("scheme alone", "Authorization: Bearer", [Missing, Missing, Missing]),
    ("scheme and spaces", "Authorization: Basic   ", [Missing, Missing, Missing]),
    ("base 64 of nothing but a colon", "Authorization: Basic Og==", [Missing, Invalid, Missing]),
    ("base 64 that isn't", "Authorization: Basic {KEY}!", [Missing, Invalid, Missing]),
    ("base 64 with a stray pad", "Authorization: Basic {b64:{KEY}}=", [Missing, Invalid, Missing]),
    ("several spaces", "Authorization: Bearer    {KEY}", [Passed, Missing, Missing]),
    ("A11 tab for a space", "Authorization: Bearer\t{KEY}", [Missing, Missing, Missing]),
    ("A11 tab after the space", "Authorization: Bearer \t{KEY}", [Invalid, Missing, Missing]),
    // The parser takes white space at the end of any field away, for the program as for the upstream.
    ("A11 space at the end", "X-API-Key: {KEY} ", [Missing, Missing, Passed]),
    ("A11 no-break space before", "Authorization: Bearer \u{a0}{KEY}", [Invalid, Missing, Missing]),
    ("A11 no-break space after", "X-API-Key: {KEY}\u{a0}", [Missing, Missing, Invalid]),
    ("A11 zero-width space", "Authorization: Bearer {KEY}\u{200b}", [Invalid, Missing, Missing]),
    ("A11 byte order mark", "X-API-Key: \u{feff}{KEY}", [Missing, Missing, Invalid]),
    ("A11 no-break space in base 64", "Authorization: Basic {b64:\u{a0}{KEY}}", [Missing, Invalid, Missing]),
    ("A11 line feed in base 64", "Authorization: Basic {b64:{KEY}\n}", [Missing, Invalid, Missing]),
    ("A11 NUL in base 64", "Authorization: Basic {b64:{KEY}\0}", [Missing, Invalid, Missing]),
    ("A11 NUL", "Authorization: Bearer {KEY}\0", [Unparsed(400), Unparsed(400), Unparsed(400)]),
    ("A11 NUL inside", "X-API-Key: a\0{KEY}", [Unparsed(400), Unparsed(400), Unparsed(400)]),
    ("A11 bare CR", "Authorization: Bearer {KEY}\rx", [Unparsed(400), Unparsed(400), Unparsed(400)]),
    ("A11 not UTF-8", "Authorization: Bearer {FF}{KEY}", [Invalid, Missing, Missing]),
    ("A11 not UTF-8 of its own", "X-API-Key: {KEY}{FF}", [Missing, Missing, Invalid]),
    ("A11 key in two parts", "Authorization: Bearer {KEY} x", [Invalid, Missing, Missing]),
    ("A12 other case", "{SWAPPED}", [Invalid, Invalid, Invalid]),
    ("A12 look-alike letter", "{LOOKALIKE}", [Invalid, Invalid, Invalid]),
    ("one character changed", "{CHANGED}", [Invalid, Invalid, Invalid]),
    ("one character missing", "{SHORT}", [Invalid, Invalid, Invalid]),
    ("one character more", "{LONG}", [Invalid, Invalid, Invalid]),
    ("key of another shape", "{FOREIGN}", [Invalid, Invalid, Invalid]),
    ("A13 cookie", "Cookie: api_key={KEY}; Authorization={KEY}", [Missing, Missing, Missing]),
    ("A15 for a proxy", "Proxy-Authorization: Bearer {KEY}", [Missing, Missing, Missing]),
    ("A15 what a proxy was asked", "X-Original-Authorization: Bearer {KEY}", [Missing, Missing, Missing]),
    ("A15 forwarded", "X-Forwarded-Authorization: Bearer {KEY}", [Missing, Missing, Missing]),
    ("A19 JWT as Bearer", "Authorization: Bearer {JWT}", [Invalid, Missing, Missing]),
    ("A19 JWT of its own", "X-API-Key: {JWT}", [Missing, Missing, Invalid]),
    ("A19 operator key as Bearer", "Authorization: Bearer {OPERATOR}", [Invalid, Missing, Missing]),
    ("A19 operator key as Basic", "Authorization: Basic {b64:{OPERATOR}}", [Missing, Invalid, Missing]),
    ("A19 operator key of its own", "X-API-Key: {OPERATOR}", [Missing, Missing, Invalid]),
    ("A19 key id", "{KEYID}", [Invalid, Invalid, Invalid]),
    ("A19 digest", "{DIGEST}", [Invalid, Invalid, Invalid]),
];

const JWT: &str = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ.";

/// How a profile's keys travel: the line for a text in the place of the key.
pub(crate) type Line = fn(&str) -> String;

pub(crate) fn bearer(key: &str) -> String {
    format!("Authorization: Bearer {key}")
}

fn basic(key: &str) -> String {
    format!("Authorization: Basic {{b64:{key}}}")
}

fn own(key: &str) -> String {
    format!("X-API-Key: {key}")
}

fn swapped_case(text: &str) -> String {
    let swap = |c: char| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
    text.chars().map(swap).collect()
}

/// The same text with its last character replaced by another of the alphabet.
pub(super) fn changed(key: &str) -> String {
    let other = if key.ends_with('A') { 'B' } else { 'A' };
    format!("{}{other}", &key[..key.len() - 1])
}

/// What the rows name: the good key, a second one, and what is made of them where `line` says how keys travel.
pub(crate) fn names(key: &Key, second: &Key, operator: &str, line: Line) -> Vec<(&'static str, String)> {
    let plain = &*key.plain;
    let short = &plain[..plain.len() - 1];
    let digest = claviger_model::Digest::from_bytes(Sha256::digest(plain).into()).to_hex();
    vec![
        ("GOOD", line(plain)),
        ("BAD", line(&changed(plain))),
        ("SWAPPED", line(&swapped_case(plain))),
        ("LOOKALIKE", line(&format!("{short}\u{41e}"))),
        ("CHANGED", line(&changed(plain))),
        ("SHORT", line(short)),
        ("LONG", line(&format!("{plain}A"))),
        ("FOREIGN", line("sk_live_AAAAAAAAAAAAAAAAAAAAAAAA")),
        ("KEYID", line(&key.id)),
        ("DIGEST", line(&digest)),
        ("KEY", plain.to_owned()),
        ("SECOND", second.plain.clone()),
        ("JWT", JWT.to_owned()),
        ("OPERATOR", operator.to_owned()),
    ]
}

fn run(stage: &Stage, column: usize, line: Line) {
    let (key, second) = (stage.issue(json!({})), stage.issue(json!({})));
    let plain = &*key.plain;
    let lines = names(&key, &second, stage.server.operator_key(), line);
    let names: Vec<_> = lines.iter().map(|(name, value)| (*name, &**value)).collect();
    let events = stage.events();
    let mut passed = 0;
    for (row, fields, wanted) in ROWS {
        let request = format!("GET /v1/things HTTP/1.1\r\nHost: api.test\r\n{fields}\r\n\r\n");
        stage.expect(row, "GET", &fill(&request, &names), wanted[column]);
        if wanted[column] == Passed {
            passed += 1;
            let received = stage.upstream.last();
            assert_eq!(received.only("x-claviger-key-id").as_deref(), Some(&*key.id), "{row}");
            assert!(!received.contains(plain), "{row}: the key went further");
        }
    }
    assert_eq!(stage.events(), events, "the audit trail tells of changes only");
    stage.expect_uses(&key, passed, |key| {
        let request = format!("GET / HTTP/1.1\r\nHost: api.test\r\n{}\r\n\r\n", line(&key.plain));
        fill(&request, &[])
    });
}

#[test]
fn bearer_keys_travel_in_one_way_only() {
    let stage = Stage::shipped("cashcat", Words::CashCat);
    run(&stage, 0, bearer);
    stage.close();
}

#[test]
fn basic_keys_travel_in_one_way_only() {
    let stage = Stage::shipped("codat", Words::Codat);
    run(&stage, 1, basic);
    stage.close();
}

fn cashcat_by(accept: &str) -> String {
    let text = profile("cashcat");
    assert!(text.contains("accept = [\"bearer\"]"));
    text.replace("accept = [\"bearer\"]", &format!("accept = {accept}"))
}

#[test]
fn keys_in_a_field_of_their_own_travel_in_one_way_only() {
    let stage = Stage::of(&cashcat_by("[\"X-API-Key\"]"), Words::CashCat);
    run(&stage, 2, own);
    stage.close();
}

#[test]
fn where_two_ways_are_accepted_a_request_takes_one() {
    let stage = Stage::of(&cashcat_by("[\"bearer\", \"X-API-Key\"]"), Words::CashCat);
    let (key, second) = (stage.issue(json!({})), stage.issue(json!({})));
    let names = [("KEY", &*key.plain), ("SECOND", &*second.plain)];
    for (row, fields, wanted) in [
        ("Bearer", "Authorization: Bearer {KEY}", Passed),
        ("own field", "X-API-Key: {KEY}", Passed),
        ("A03 two keys", "Authorization: Bearer {KEY}\r\nX-API-Key: {SECOND}", BadRequest),
        ("A03 one key twice", "Authorization: Bearer {KEY}\r\nX-API-Key: {KEY}", BadRequest),
        ("A03 a bad one", "Authorization: Bearer {KEY}\r\nX-API-Key: x", BadRequest),
        ("A03 an empty one", "Authorization: Bearer {KEY}\r\nX-API-Key:", BadRequest),
        ("A03 another scheme", "Authorization: Basic eA==\r\nX-API-Key: {KEY}", BadRequest),
        ("A03 an empty Authorization", "Authorization:\r\nX-API-Key: {KEY}", BadRequest),
    ] {
        let request = format!("GET / HTTP/1.1\r\nHost: api.test\r\n{fields}\r\n\r\n");
        stage.expect(row, "GET", &fill(&request, &names), wanted);
    }
    stage.close();
}

#[test]
fn a_key_outside_the_header_is_no_key_and_leaves_no_trace() {
    let stage = Stage::shipped("cashcat", Words::CashCat);
    let key = stage.issue(json!({}));
    // Not a key of anybody's: only the query ever has it.
    let canary = "canary0000000000000000000000000000000000query";
    stage.keep_secret(canary);
    let names = [("KEY", &*key.plain), ("CANARY", canary)];
    for (row, request, wanted) in [
        ("A13 query", "GET /v1?api_key={KEY} HTTP/1.1\r\nHost: a.test\r\n\r\n", Missing),
        ("A13 canary", "GET /v1?api_key={CANARY} HTTP/1.1\r\nHost: a.test\r\n\r\n", Missing),
        (
            "A13 query and key",
            "GET /v1?api_key={CANARY} HTTP/1.1\r\nHost: a.test\r\nAuthorization: Bearer {KEY}\r\n\r\n",
            Passed,
        ),
        (
            "A13 query and wrong key",
            "GET /v1?api_key={CANARY} HTTP/1.1\r\nHost: a.test\r\nAuthorization: Bearer x\r\n\r\n",
            Invalid,
        ),
        ("A13 access_token", "GET /v1?access_token={KEY} HTTP/1.1\r\nHost: a.test\r\n\r\n", Missing),
        ("A13 fragment", "GET /v1#{KEY} HTTP/1.1\r\nHost: a.test\r\n\r\n", Missing),
        (
            "A13 form",
            "POST /v1 HTTP/1.1\r\nHost: a.test\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 65\r\n\r\naccess_token={KEY}",
            Missing,
        ),
        ("A13 user information", "GET http://{KEY}@a.test/v1 HTTP/1.1\r\nHost: a.test\r\n\r\n", BadRequest),
    ] {
        let request = fill(request, &names);
        let method = if request.starts_with(b"POST") { "POST" } else { "GET" };
        stage.expect(row, method, &request, wanted);
    }
    assert!(stage.upstream.last().line().ends_with(canary), "a query is the api's own affair");
    stage.close();
}

#[test]
fn a_verify_call_learns_no_more_from_a_mangled_key() {
    let builder = ServerBuilder::new(crate::PROGRAM).profile("cashcat");
    let stage = Stage::with(builder, Words::CashCat);
    let key: Key = stage.issue(json!({}));
    let plain = &*key.plain;
    for (row, presented) in [
        ("with a space", format!("{plain} ")),
        ("with a scheme", format!("Bearer {plain}")),
        ("with a NUL", format!("{plain}\0")),
        ("in another case", swapped_case(plain)),
        ("twice", format!("{plain}{plain}")),
        ("very long", plain.repeat(500)),
        ("empty", String::new()),
    ] {
        let verdict = stage.operator.verify(&json!({"key": presented}));
        assert_eq!(verdict["allowed"], false, "{row}");
        let wanted = if presented.is_empty() { Missing } else { Invalid };
        let (status, body) = Words::CashCat.of(wanted);
        assert_eq!(verdict["response"]["status"], status, "{row}");
        assert_eq!(verdict["response"]["body"], body, "{row}");
    }
    assert_eq!(stage.operator.verify(&json!({"key": plain}))["allowed"], true);
    stage.close();
}
