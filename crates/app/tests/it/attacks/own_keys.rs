//! What a key could make of itself through the self-service endpoints (A59, A60, A71, A74, A75, A78).

use serde_json::{Value, json};

use super::{
    answers::{Wanted, Words, check},
    stage::{Key, Stage},
    template::fill,
};

fn with_body(method: &str, path: &str, key: &Key, content_type: &str, body: &str) -> Vec<u8> {
    let length = fill(body, &[]).len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer {}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n",
        key.plain
    );
    [head.into_bytes(), fill(body, &[])].concat()
}

fn bare(method: &str, path: &str, key: &Key) -> Vec<u8> {
    format!("{method} {path} HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer {}\r\n\r\n", key.plain)
        .into_bytes()
}

#[test]
fn a_create_request_says_a_name_and_nothing_else() {
    let stage = Stage::shipped("example", Words::Example);
    let key = stage.issue(json!({}));
    let events = stage.events();
    let deep = format!("{{\"name\":{}1{}}}", "[".repeat(10_000), "]".repeat(10_000));
    for (row, body) in [
        ("A59 accountId", r#"{"name":"n","accountId":"acc_1"}"#),
        ("A59 account_id", r#"{"name":"n","account_id":"acc_1"}"#),
        ("A59 userId", r#"{"name":"n","userId":"1"}"#),
        ("A59 role", r#"{"name":"n","role":"administrator"}"#),
        ("A59 scopes", r#"{"name":"n","scopes":["*"]}"#),
        ("A59 scopes of a kind", r#"{"name":"n","scopes":"all"}"#),
        ("A59 createdAt", r#"{"name":"n","createdAt":"2020-01-01T00:00:00Z"}"#),
        ("A59 hash", r#"{"name":"n","hash":"00"}"#),
        ("A59 key", r#"{"name":"n","key":"sk_live_AAAAAAAAAAAAAAAAAAAAAAAA"}"#),
        ("A59 id", r#"{"name":"n","id":"key_1"}"#),
        ("A59 rateLimit", r#"{"name":"n","rateLimit":null}"#),
        ("A59 expiresAt", r#"{"name":"n","expiresAt":null}"#),
        ("A74 environment", r#"{"name":"n","environment":"live"}"#),
        ("A74 restrictions", r#"{"name":"n","restrictions":{}}"#),
        ("A78 the name twice", r#"{"name":"n","name":"m"}"#),
        ("A78 the name twice, escaped", r#"{"name":"n","n\u0061me":"m"}"#),
        ("A78 proto", r#"{"name":"n","__proto__":{"role":"x"}}"#),
        ("A78 other case", r#"{"Name":"n"}"#),
        ("A78 truncated", r#"{"name":"n"#),
        ("A78 two values", r#"{"name":"n"} {"name":"m"}"#),
        ("A78 a list", r#"[{"name":"n"}]"#),
        ("A78 a text", r#""n""#),
        ("A78 null", "null"),
        ("A78 number", r#"{"name":1}"#),
        ("A78 list for a name", r#"{"name":["n"]}"#),
        ("A78 object for a name", r#"{"name":{"$ne":""}}"#),
        ("A78 true", r#"{"name":true}"#),
        ("A78 NaN", r#"{"name":NaN}"#),
        ("A78 lone surrogate", r#"{"name":"\ud800"}"#),
        ("A78 byte order mark", "\u{feff}{\"name\":\"n\"}"),
        ("A78 not UTF-8", "{\"name\":\"{FF}\"}"),
        ("A78 raw NUL", "{\"name\":\"\0\"}"),
        ("A78 comment", "{\"name\":\"n\"/* */}"),
        ("A78 single quotes", "{'name':'n'}"),
        ("A78 deep", &deep),
        ("A76 escaped NUL", r#"{"name":"a\u0000b"}"#),
        ("A76 line break", r#"{"name":"a\r\nb"}"#),
        ("A76 escape", r#"{"name":"a\u001b[31m"}"#),
        ("A76 C1 control", r#"{"name":"a\u0085b"}"#),
        ("empty name", r#"{"name":""}"#),
        ("white space", r#"{"name":"  "}"#),
        ("no name", "{}"),
    ] {
        let request = with_body("POST", "/v1/api-keys", &key, "application/json", body);
        let answer = stage.ask(row, "POST", &request);
        assert_eq!(
            (answer.status, answer.text()),
            (400, Words::Example.of(Wanted::BadRequest).1.as_str()),
            "{row}"
        );
        assert_eq!(answer.header("content-type"), Some("application/json"), "{row}");
    }
    for (row, content_type, body) in [
        ("A78 text/plain", "text/plain", r#"{"name":"n"}"#),
        ("A78 no type", "", r#"{"name":"n"}"#),
        ("A78 multipart", "multipart/form-data; boundary=x", "--x\r\n\r\nname\r\n--x--"),
        ("A78 xml", "application/xml", "<name>n</name>"),
        ("A78 JSON of a kind", "application/vnd.api+json", r#"{"name":"n"}"#),
        ("A59 form with more", "application/x-www-form-urlencoded", "name=n&scopes=all"),
        ("A78 form with two names", "application/x-www-form-urlencoded", "name=n&name=m"),
        ("A78 form that is no UTF-8", "application/x-www-form-urlencoded", "name=%ff"),
        ("A78 form that is no UTF-8, raw", "application/x-www-form-urlencoded", "name={FF}"),
        ("A78 form with an index", "application/x-www-form-urlencoded", "name[]=n"),
        ("A28 form with a method", "application/x-www-form-urlencoded", "name=n&_method=DELETE"),
    ] {
        let request = with_body("POST", "/v1/api-keys", &key, content_type, body);
        assert_eq!(stage.ask(row, "POST", &request).status, 400, "{row}");
    }
    for coding in ["gzip", "identity", "br, gzip", ""] {
        let text = format!(
            "POST /v1/api-keys HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\nContent-Encoding: {coding}\r\nContent-Length: 12\r\n\r\n{{\"name\":\"n\"}}",
            key.plain
        );
        assert_eq!(stage.ask("A158 compressed", "POST", text.as_bytes()).status, 400, "{coding}");
    }
    let huge = format!("{{\"name\":\"{}\"}}", "x".repeat(10 << 20));
    let request = with_body("POST", "/v1/api-keys", &key, "application/json", &huge);
    let answer = stage.ask("A78 10 MB", "POST", &request);
    check("A78 10 MB", Words::Example, Wanted::TooLarge(413), &answer, &[]);
    assert_eq!(stage.events(), events, "nothing was created");
    assert_eq!(stage.upstream.count(), 0, "what has an endpoint here goes no further");
    stage.close();
}

#[test]
fn names_are_taken_as_they_are_or_not_at_all() {
    let stage = Stage::shipped("codat", Words::Codat);
    let first = stage.operator.issue(&stage.account, &json!({}));
    let plain = first["key"].as_str().expect("it has one").to_owned();
    stage.keep_secret(&plain);
    let ask = |body: &str| {
        let authorization =
            String::from_utf8(fill(&format!("Basic {{b64:{plain}}}"), &[])).expect("it is text");
        let text = format!(
            "POST /apiKeys HTTP/1.1\r\nHost: api.test\r\nAuthorization: {authorization}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stage.ask("a name", "POST", text.as_bytes())
    };
    for name in [
        "n".repeat(50),
        "\u{e9}".repeat(50),
        "\u{1f511}".repeat(50),
        "<script>alert(1)</script>".to_owned(),
        "=cmd|' /C calc'!A0".to_owned(),
        "\u{202e}evil".to_owned(),
        "'; DROP TABLE keys; --".to_owned(),
        "${jndi:ldap://evil}".to_owned(),
    ] {
        let answer = ask(&json!({"name": name}).to_string()).expect(201).json();
        assert_eq!(answer["name"], *name);
        let made = answer["apiKey"].as_str().expect("it has a key");
        stage.keep_secret(made);
        let id = answer["id"].as_str().expect("it has an id");
        let path = format!("DELETE /apiKeys/{id} HTTP/1.1\r\nHost: a\r\nAuthorization: ");
        let request = fill(&format!("{path}Basic {{b64:{plain}}}\r\nContent-Length: 0\r\n\r\n"), &[]);
        let _ = stage.ask("undone", "DELETE", &request).expect(204);
    }
    for (row, name) in
        [("51", "n".repeat(51)), ("51 letters", "\u{e9}".repeat(51)), ("10,000", "n".repeat(10_000))]
    {
        let answer = ask(&json!({"name": name}).to_string()).expect(400).json();
        assert_eq!(answer["error"], "Max string length (50) for `name` reached.", "{row}");
    }
    let _ = ask(r#"{"name":""}"#).expect(400);
    for (row, body) in [("nothing", ""), ("no name", "{}"), ("null", r#"{"name":null}"#)] {
        let answer = ask(body);
        assert_eq!((answer.status, answer.json().get("name")), (201, None), "{row}");
        stage.keep_secret(answer.json()["apiKey"].as_str().expect("it has a key"));
    }
    stage.close();
}

#[test]
fn a_key_never_makes_or_sees_more_than_it_is() {
    let stage = Stage::shipped("example", Words::Example);
    let whole = stage.issue(json!({}));
    let create =
        |key: &Key| with_body("POST", "/v1/api-keys", key, "application/json", r#"{"name":"child"}"#);
    let list = |key: &Key| bare("GET", "/v1/api-keys", key);
    let delete = |key: &Key, id: &str| bare("DELETE", &format!("/v1/api-keys/{id}"), key);
    let weak = [
        ("A74 networks", json!({"restrictions": {"networks": ["127.0.0.0/8"]}})),
        ("A74 endpoints", json!({"restrictions": {"endpoints": ["* /v1/**"]}})),
        ("A74 expiry", json!({"expires_at": "2099-01-01T00:00:00Z"})),
    ];
    for (row, order) in weak {
        let key = stage.issue(order);
        let answer = stage.ask(row, "POST", &create(&key));
        check(row, Words::Example, Wanted::Forbidden, &answer, &[]);
        // It may be listed and ended by what it is: that makes nothing.
        let _ = stage.ask(row, "GET", &list(&key)).expect(200);
    }
    let narrow = stage.issue(json!({"restrictions": {"endpoints": ["GET /v1/users/**"]}}));
    for (row, method, request) in
        [("A74 outside its endpoints", "GET", list(&narrow)), ("A74 to create", "POST", create(&narrow))]
    {
        check(row, Words::Example, Wanted::Forbidden, &stage.ask(row, method, &request), &[]);
    }

    // A test key stays among test keys.
    let test = stage.issue(json!({"environment": "test"}));
    let made = stage.ask("test", "POST", &create(&test)).expect(201).json();
    let child = made["data"]["key"].as_str().expect("it has a key").to_owned();
    stage.keep_secret(&child);
    assert!(child.starts_with("sk_test_"), "A74 environment");
    let seen = stage.ask("test", "GET", &list(&test)).expect(200).json();
    let prefixes: Vec<_> =
        seen["data"].as_array().expect("it is a list").iter().map(|key| &key["prefix"]).collect();
    assert!(prefixes.iter().all(|prefix| *prefix == "sk_test_"), "{prefixes:?}");
    let answer = stage.ask("A74 a live key", "DELETE", &delete(&test, &whole.id));
    check("A74 a live key", Words::Example, Wanted::NotFound, &answer, &[]);

    // A75: an unrestricted key may end itself, and is gone at once.
    let _ = stage.ask("A75", "DELETE", &delete(&whole, &whole.id)).expect(200);
    let answer = stage.ask("A75 afterwards", "GET", &list(&whole));
    check("A75 afterwards", Words::Example, Wanted::Invalid, &answer, &[]);
    stage.close();
}

#[test]
fn scoped_keys_manage_no_keys() {
    let text = super::stage::profile("example") + "\n[scopes]\n\"users:read\" = \"Read users\"\n";
    let stage = Stage::of(&text, Words::Example);
    for scopes in [json!(["users:read"]), json!([])] {
        let key = stage.issue(json!({"scopes": scopes}));
        for (row, method, request) in [
            ("A74 list", "GET", bare("GET", "/v1/api-keys", &key)),
            (
                "A74 create",
                "POST",
                with_body("POST", "/v1/api-keys", &key, "application/json", r#"{"name":"n"}"#),
            ),
            ("A75 delete itself", "DELETE", bare("DELETE", &format!("/v1/api-keys/{}", key.id), &key)),
        ] {
            check(row, Words::Example, Wanted::Forbidden, &stage.ask(row, method, &request), &[]);
        }
    }
    stage.close();
}

#[test]
fn a_change_that_only_looks_like_one_goes_no_further() {
    let stage = Stage::shipped("example", Words::Example);
    let key = stage.issue(json!({}));
    let events = stage.events();
    let id = &key.id;
    for (row, method, path) in [
        ("A71 slash at the end", "DELETE", format!("/v1/api-keys/{id}/")),
        ("A71 two slashes", "DELETE", format!("/v1//api-keys/{id}")),
        ("A71 encoded letter", "DELETE", format!("/v1/%61pi-keys/{id}")),
        ("A71 encoded letter of the id", "DELETE", format!("/v1/api-keys/%6B{}", &id[1..])),
        ("A71 encoded slash", "DELETE", format!("/v1%2Fapi-keys/{id}")),
        ("A71 backslash", "DELETE", format!("/v1\\api-keys\\{id}")),
        ("A71 parameters", "DELETE", format!("/v1/api-keys;v=1/{id}")),
        ("A71 parameters of the id", "DELETE", format!("/v1/api-keys/{id};v=1")),
        ("A71 dot", "DELETE", format!("/v1/./api-keys/{id}")),
        ("A71 two dots", "DELETE", format!("/v1/x/../api-keys/{id}")),
        ("A71 two dots, encoded", "DELETE", format!("/v1/x/%2e%2e/api-keys/{id}")),
        ("A71 create, slash at the end", "POST", "/v1/api-keys/".to_owned()),
        ("A71 list, slash at the end", "GET", "/v1/api-keys/".to_owned()),
        ("A71 another method", "PUT", "/v1/api-keys/".to_owned()),
    ] {
        stage.expect(row, method, &bare(method, &path, &key), Wanted::BadRequest);
    }
    assert_eq!(stage.events(), events, "nothing was changed");
    // What the profile doesn't declare is the upstream's, and HEAD is GET without a body.
    stage.expect("another method", "PUT", &bare("PUT", "/v1/api-keys", &key), Wanted::Passed);
    let before = stage.upstream.count();
    let head = stage.ask("HEAD", "HEAD", &bare("HEAD", "/v1/api-keys", &key));
    let listed = stage.ask("GET", "GET", &bare("GET", "/v1/api-keys", &key));
    assert_eq!((head.status, head.body.len(), listed.status), (200, 0, 200));
    assert_eq!(head.header("content-type"), listed.header("content-type"));
    assert_eq!(stage.upstream.count(), before);
    stage.close();
}

#[test]
fn without_a_key_nothing_of_an_account_is_there() {
    let stage = Stage::shipped("example", Words::Example);
    let key = stage.issue(json!({}));
    let id = &key.id;
    for (row, method, path, body) in [
        ("A60 create", "POST", "/v1/api-keys".to_owned(), json!({"name": "n", "userId": stage.account})),
        ("A60 list", "GET", format!("/v1/api-keys?account={}", stage.account), Value::Null),
        ("A60 delete", "DELETE", format!("/v1/api-keys/{id}"), Value::Null),
    ] {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: a\r\nX-Claviger-Account: {}\r\nX-User-Role: administrator\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            stage.account,
            body.len()
        );
        stage.expect(row, method, request.as_bytes(), Wanted::Missing);
    }
    stage.close();
}
