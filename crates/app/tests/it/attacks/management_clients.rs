//! The same about applications and what they were allowed: bodies, fields, ids, lists, repeated calls.

use serde_json::{Value, json};

use super::{answers::Words, management::check_problem, stage, stage::Stage};
use crate::granted::Granted;

const CLIENTS: &str = "/v1/oauth-clients";

fn staged() -> Stage {
    Stage::of(&stage::profile_with_oauth("cicosts"), Words::CiCosts)
}

/// An application with a grant, whose secrets are kept.
fn granted(stage: &Stage) -> Granted {
    let granted = Granted::new(&stage.server, &stage.account);
    stage.keep_secret(&granted.token);
    stage.keep_secret(&granted.client_secret);
    granted
}

/// A call with this body, as it is.
fn send(
    stage: &Stage,
    method: &str,
    path: &str,
    content_type: &str,
    body: &[u8],
) -> claviger_testkit::Answer {
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: c\r\nAuthorization: Bearer {}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n",
        stage.server.operator_key(),
        body.len()
    );
    let request = [head.as_bytes(), body].concat();
    claviger_testkit::exchange(stage.server.control, method, &request).expect("there is an answer")
}

#[test]
fn a_body_that_two_parsers_could_read_differently_changes_no_application() {
    let stage = staged();
    let granted = granted(&stage);
    let client = format!("{CLIENTS}/{}", granted.client);
    let events = stage.events();
    let huge = format!("{{\"name\":\"{}\"}}", "x".repeat(10 << 20));
    let calls =
        [("POST", CLIENTS.to_owned()), ("PATCH", client.clone()), ("POST", format!("{client}/rotate"))];
    for (method, path) in &calls {
        for (row, body) in [
            ("truncated", "{\"name\":\"n\""),
            ("A78 a member twice", "{\"name\":\"n\",\"name\":\"m\"}"),
            ("A78 a member twice, escaped", "{\"overlap\":\"0\",\"\\u006fverlap\":\"1d\"}"),
            ("A78 deep", &format!("{{\"name\":{}", "[".repeat(10_000))),
            ("A78 deep addresses", &format!("{{\"redirect_uris\":{}", "[".repeat(10_000))),
            ("A78 two values", "{}{}"),
            ("A78 byte order mark", "\u{feff}{}"),
            ("A78 lone surrogate", "{\"name\":\"\\ud800\"}"),
        ] {
            let answer = send(&stage, method, path, "application/json", body.as_bytes());
            check_problem(&format!("{row}: {method} {path}"), &answer, 400, "malformed_request");
        }
        let answer = send(&stage, method, path, "application/json", huge.as_bytes());
        check_problem(&format!("A78 10 MB: {method} {path}"), &answer, 413, "too_large");
        let answer = send(&stage, method, path, "text/plain", b"{}");
        check_problem(&format!("{method} {path}"), &answer, 415, "unsupported_media_type");
        for body in ["[]", "null", "\"n\"", "1"] {
            let answer = send(&stage, method, path, "application/json", body.as_bytes());
            check_problem(&format!("{body}: {method} {path}"), &answer, 422, "invalid");
        }
    }
    assert_eq!(stage.events(), events, "nothing was done");
    stage.close();
}

#[test]
fn fields_that_an_application_has_not_are_refused() {
    let stage = staged();
    let granted = granted(&stage);
    let client = format!("{CLIENTS}/{}", granted.client);
    let events = stage.events();
    let many: Vec<_> = (0..33).map(|n| format!("https://app.example/{n}")).collect();
    for (row, field) in [
        ("A59 id", json!({"id": "app_1"})),
        ("A59 id as the standard writes it", json!({"client_id": "app_1"})),
        ("A59 secret", json!({"client_secret": "x"})),
        ("A59 secrets", json!({"secrets": []})),
        ("A59 hint", json!({"hint": "x"})),
        ("A59 creator", json!({"created_by": "system"})),
        ("A59 end", json!({"revoked_at": null})),
        ("A59 another spelling", json!({"redirectUris": ["https://app.example"]})),
        ("A59 name as the standard writes it", json!({"client_name": "n"})),
        ("A59 prototype", json!({"__proto__": {}})),
        ("wrong type", json!({"name": ["n"]})),
        ("wrong type", json!({"redirect_uris": "https://app.example"})),
        ("wrong type", json!({"redirect_uris": [1]})),
        ("wrong type", json!({"redirect_uris": null})),
        ("wrong type", json!({"verified": "true"})),
        ("wrong type", json!({"verified": null})),
        ("wrong type", json!({"introspects": 1})),
        ("wrong type", json!({"scopes": null})),
        ("A59 scopes in a text", json!({"scopes": "costs:read"})),
        ("A59 a scope that isn't", json!({"scopes": ["costs:write"]})),
        ("A59 scopes of a kind", json!({"scopes": ["*"]})),
        ("name too long", json!({"name": "n".repeat(101)})),
        ("A76 name with a line break", json!({"name": "a\r\nb"})),
        ("white space", json!({"name": " \u{a0} "})),
        ("too many addresses", json!({"redirect_uris": many})),
        ("address too long", json!({"redirect_uris": [format!("https://app.example/{}", "x".repeat(2048))]})),
        ("plain http", json!({"redirect_uris": ["http://app.example/cb"]})),
        ("a fragment", json!({"redirect_uris": ["https://app.example/cb#x"]})),
        ("a user", json!({"redirect_uris": ["https://app.example@evil.example/cb"]})),
        ("a script", json!({"redirect_uris": ["javascript:alert(1)"]})),
        ("data", json!({"redirect_uris": ["data:text/html,x"]})),
        ("a path", json!({"redirect_uris": ["/cb"]})),
        ("no addresses", json!({"redirect_uris": []})),
        ("a line break", json!({"redirect_uris": ["https://app.example/cb\r\nX: y"]})),
    ] {
        let mut order = json!({"name": "n", "redirect_uris": ["https://app.example/cb"]});
        order.as_object_mut().expect("it has fields").extend(field.as_object().expect("it has one").clone());
        check_problem(row, &stage.operator.post(CLIENTS, &order), 422, "invalid");
        check_problem(row, &stage.operator.patch(&client, &field), 422, "invalid");
        check_problem(row, &stage.operator.post(&format!("{client}/rotate"), &field), 422, "invalid");
    }
    for (row, field) in [
        ("A59 a kind that isn't", json!({"kind": "Public"})),
        ("no kind", json!({"kind": null})),
        ("an id of another kind", json!({"account_id": granted.client})),
        ("an account that isn't one", json!({"account_id": "*"})),
        ("another api", json!({"api": "nope"})),
    ] {
        let mut order = json!({"name": "n", "redirect_uris": ["https://app.example/cb"]});
        order.as_object_mut().expect("it has fields").extend(field.as_object().expect("it has one").clone());
        check_problem(row, &stage.operator.post(CLIENTS, &order), 422, "invalid");
        // What an application is stays as it was registered.
        check_problem(row, &stage.operator.patch(&client, &field), 422, "invalid");
    }
    assert_eq!(stage.events(), events, "nothing was done");
    stage.close();
}

#[test]
fn what_is_no_id_of_an_application_is_not_there() {
    let stage = staged();
    let granted = granted(&stage);
    let id = &granted.client;
    let events = stage.events();
    let absent = "app_00000000000000000000000000";
    let wanted = stage.operator.get(&format!("{CLIENTS}/{absent}")).expect(404).body;
    let ids = [
        absent.to_owned(),
        id.to_uppercase(),
        format!("{id}0"),
        id.replace("app_", ""),
        id.replace("app_", "key_"),
        id.replace("app_", "APP_"),
        format!("{id}%00"),
        format!("{id}%2Frevoke"),
        format!("%20{id}"),
        format!("{id}'--"),
        "..%2f..".to_owned(),
        "%ff".to_owned(),
        "*".to_owned(),
        "x".repeat(4000),
        stage.account.clone(),
        granted.key.clone(),
        granted.member.clone(),
    ];
    for id in &ids {
        for (method, path, body) in [
            ("GET", format!("{CLIENTS}/{id}"), Value::Null),
            ("PATCH", format!("{CLIENTS}/{id}"), json!({"name": "n"})),
            ("POST", format!("{CLIENTS}/{id}/rotate"), Value::Null),
            ("POST", format!("{CLIENTS}/{id}/revoke"), Value::Null),
        ] {
            let answer = stage.operator.call(method, &path, &body);
            check_problem(&format!("A71 {method} {path}"), &answer, 404, "not_found");
            assert_eq!(answer.body, wanted, "A71 {method} {path}: the same bytes for whatever isn't there");
        }
    }
    let withdrawal = granted.withdrawal();
    let gone = withdrawal.replace(&granted.member, "mem_00000000000000000000000000");
    let wanted = stage.operator.post(&gone, &Value::Null).expect(404).body;
    for part in [&granted.account, &granted.client, &granted.member] {
        for id in ids.iter().filter(|id| *id != part && !(*id == &stage.account && part == &granted.account))
        {
            let path = withdrawal.replace(part.as_str(), id);
            let answer = stage.operator.post(&path, &Value::Null);
            check_problem(&format!("A71 {path}"), &answer, 404, "not_found");
            assert_eq!(answer.body, wanted, "A71 {path}");
        }
    }
    assert_eq!(stage.events(), events, "nothing was done");
    assert_eq!(
        stage.operator.get(&format!("/v1/keys/{}", granted.key)).expect(200).json()["state"],
        "active"
    );
    stage.close();
}

#[test]
fn a_list_of_applications_is_asked_for_in_one_way() {
    let stage = staged();
    let granted = granted(&stage);
    let events = stage.events();
    for query in [
        "limit=0",
        "limit=101",
        "limit=-1",
        "limit=",
        "limit=1&limit=2",
        "cursor=x",
        "cursor=",
        &format!("cursor={}", stage.account),
        "include_revoked=1",
        "include_revoked=",
        "include_revoked=true&include_revoked=false",
        "api=a&api=b",
        "nonsense=1",
        "account_id=acc_1",
    ] {
        let answer = stage.operator.get(&format!("{CLIENTS}?{query}"));
        check_problem(&format!("A72 {query}"), &answer, 422, "invalid");
    }
    let listed = stage.operator.get(&format!("{CLIENTS}?limit=100&include_revoked=true")).expect(200);
    assert!(!listed.text().contains(&granted.client_secret), "a list has no secret");
    let everything = format!("{CLIENTS}?api=cicosts' OR 1=1 --").replace(' ', "%20");
    assert_eq!(stage.operator.get(&everything).expect(200).json()["items"], json!([]), "A157");
    let apps = format!("/v1/accounts/{}/connected-apps", stage.account);
    let shown = stage.operator.get(&apps).expect(200);
    assert!(!shown.text().contains(&granted.token), "a list has no token");
    assert_eq!(stage.events(), events, "nothing was done");
    stage.close();
}

#[test]
fn a_repeated_registration_creates_nothing_and_tells_no_secret() {
    let stage = staged();
    let again = |token: &str, body: &Value| {
        stage.operator.call_with("POST", CLIENTS, &[("Idempotency-Key", token)], body)
    };
    let order = json!({"name": "once", "redirect_uris": ["https://app.example/cb"]});
    let first = again("a", &order).expect(201).json();
    let secret = first["client_secret"].as_str().expect("it has a secret");
    stage.keep_secret(secret);
    let events = stage.events();
    let answer = again("\"a\"", &order);
    check_problem("A67 the same", &answer, 409, "already_created");
    assert_eq!(answer.json()["id"], first["id"]);
    assert!(!answer.text().contains(secret));
    let other = json!({"name": "once", "redirect_uris": ["https://evil.example/cb"]});
    check_problem("A67 another body", &again("a", &other), 422, "idempotency_mismatch");
    check_problem("A67 no token", &again("", &order), 422, "invalid");
    let twice = [("Idempotency-Key", "b"), ("Idempotency-Key", "c")];
    let answer = stage.operator.call_with("POST", CLIENTS, &twice, &order);
    check_problem("A67 two tokens", &answer, 400, "malformed_request");
    assert_eq!(stage.events(), events, "nothing was done");
    stage.close();
}
