//! Ids, pages and repeated calls of the management API (A67, A71, A72).

use serde_json::{Value, json};

use super::{answers::Words, management::check_problem, stage::Stage};

#[test]
fn what_is_no_id_is_not_there() {
    let stage = Stage::shipped("codat", Words::Codat);
    let key = stage.operator.issue(&stage.account, &json!({}));
    stage.keep_secret(key["key"].as_str().expect("it has a key"));
    let id = key["id"].as_str().expect("it has an id");
    let events = stage.events();
    let absent = "key_00000000000000000000000000";
    let ids = [
        absent.to_owned(),
        "key_1".to_owned(),
        "1".to_owned(),
        "-1".to_owned(),
        "99999999999999999999".to_owned(),
        "0".to_owned(),
        "null".to_owned(),
        "key_".to_owned(),
        id.to_uppercase(),
        format!("{id}0"),
        id[..id.len() - 1].to_owned(),
        id.replace("key_", "acc_"),
        id.replace("key_", ""),
        format!("{id}%00"),
        format!("{id}%20"),
        format!("{id}%0a"),
        format!("%20{id}"),
        format!("{id}%2F"),
        format!("{id}'--"),
        format!("{id},{absent}"),
        "%2e%2e".to_owned(),
        "..%2f..".to_owned(),
        "*".to_owned(),
        "%25".to_owned(),
        "%ff".to_owned(),
        "%F0%9F%94%91".to_owned(),
        "00000000-0000-0000-0000-000000000000".to_owned(),
        "x".repeat(4000),
        stage.account.clone(),
    ];
    let wanted = stage.operator.get(&format!("/v1/keys/{absent}")).expect(404).body;
    for id in &ids {
        for (method, path, body) in [
            ("GET", format!("/v1/keys/{id}"), Value::Null),
            ("PATCH", format!("/v1/keys/{id}"), json!({"name": "n"})),
            ("POST", format!("/v1/keys/{id}/rotate"), Value::Null),
            ("POST", format!("/v1/keys/{id}/revoke"), Value::Null),
            ("POST", format!("/v1/keys/{id}/disable"), Value::Null),
            ("POST", format!("/v1/keys/{id}/enable"), Value::Null),
            ("POST", format!("/v1/keys/{id}/reveal"), Value::Null),
        ] {
            let answer = stage.operator.call(method, &path, &body);
            check_problem(&format!("A71 {method} {path}"), &answer, 404, "not_found");
            assert_eq!(answer.body, wanted, "A71 {method} {path}: the same bytes for whatever isn't there");
        }
        if *id == stage.account {
            continue;
        }
        for (method, path, body) in [
            ("GET", format!("/v1/accounts/{id}"), Value::Null),
            ("PATCH", format!("/v1/accounts/{id}"), json!({"name": "n"})),
            ("GET", format!("/v1/accounts/{id}/keys"), Value::Null),
            ("POST", format!("/v1/accounts/{id}/keys"), json!({"name": "n"})),
            ("POST", format!("/v1/operators/{id}/revoke"), Value::Null),
        ] {
            let answer = stage.operator.call(method, &path, &body);
            check_problem(&format!("A71 {method} {path}"), &answer, 404, "not_found");
        }
    }
    for path in ["/v1/keys/", "/v1//keys", "/v1/keys/../keys", "/v1/keys/%2e%2e/keys"] {
        let answer = stage.operator.get(path);
        check_problem(path, &answer, 404, "not_found");
    }
    check_problem("no id", &stage.operator.post("/v1/keys//revoke", &Value::Null), 404, "not_found");
    for (name, id) in [
        ("key_id", "key_1"),
        ("key_id", ""),
        ("key_id", "*"),
        ("days", "-1"),
        ("days", "x"),
        ("days", "99999999999"),
    ] {
        let answer = stage.operator.get(&format!("/v1/usage?{name}={id}"));
        check_problem(name, &answer, 422, "invalid");
    }
    assert_eq!(stage.events(), events, "nothing was done");
    stage.close();
}

#[test]
fn a_list_is_asked_for_in_one_way() {
    let stage = Stage::shipped("cashcat", Words::CashCat);
    let ours: Vec<_> = (0..3).map(|_| stage.issue(json!({})).id).collect();
    let other = stage.operator.account("Bob");
    let theirs = stage.issue_to(&other, json!({})).id;
    let keys = format!("/v1/accounts/{}/keys", stage.account);
    let lists = ["/v1/accounts", "/v1/keys", &keys, "/v1/operators", "/v1/audit-events"];
    for list in lists {
        for query in [
            "limit=0",
            "limit=101",
            "limit=-1",
            "limit=99999999999999999999",
            "limit=1.5",
            "limit=1e1",
            "limit=",
            "limit=x",
            "limit=%31%30%30%30",
            "limit=1&limit=2",
            "cursor=x",
            "cursor=",
            "cursor=%00",
            "cursor=-1",
            "cursor='--",
            "nonsense=1",
            "Limit=1",
            "limit[]=1",
            "accountId=acc_1",
            "page=1",
        ] {
            let answer = stage.operator.get(&format!("{list}?{query}"));
            check_problem(&format!("A72 {list}?{query}"), &answer, 422, "invalid");
        }
        assert_eq!(stage.operator.get(&format!("{list}?limit=100")).status, 200, "{list}");
    }
    let ids = |path: &str| {
        let page = stage.operator.get(path).expect(200).json();
        let items = page["items"].as_array().expect("a list has items").clone();
        let ids: Vec<_> =
            items.iter().map(|item| item["id"].as_str().expect("it has an id").to_owned()).collect();
        (ids, page["next_cursor"].clone())
    };
    assert_eq!(ids(&keys), (ours.clone(), Value::Null));
    let (page, next) = ids(&format!("{keys}?limit=2"));
    assert_eq!((page.as_slice(), &next), (&ours[..2], &json!(ours[1])));
    assert_eq!(ids(&format!("{keys}?limit=2&cursor={}", ours[1])), (ours[2..].to_vec(), Value::Null));
    // A cursor is a place in the order, not a way into another account.
    assert_eq!(
        ids(&format!("{keys}?cursor={theirs}")),
        (Vec::new(), Value::Null),
        "A72 another account's cursor"
    );
    assert_eq!(ids(&format!("/v1/accounts/{other}/keys?cursor={}", ours[0])), (vec![theirs], Value::Null));
    for query in ["account_id=x", "account_id="] {
        let answer = stage.operator.get(&format!("/v1/audit-events?{query}"));
        check_problem(query, &answer, 422, "invalid");
    }
    stage.close();
}

#[test]
fn a_repeated_call_creates_nothing_and_tells_no_secret() {
    let stage = Stage::shipped("cashcat", Words::CashCat);
    let keys = format!("/v1/accounts/{}/keys", stage.account);
    let again = |path: &str, token: &str, body: &Value| {
        stage.operator.call_with("POST", path, &[("Idempotency-Key", token)], body)
    };
    let order = json!({"name": "once"});
    let first = again(&keys, "\"a\"", &order).expect(201).json();
    let plain = first["key"].as_str().expect("it has a key").to_owned();
    stage.keep_secret(&plain);
    let events = stage.events();
    for (row, token) in [("A67 the same", "\"a\""), ("A67 without quotes", "a")] {
        let answer = again(&keys, token, &order);
        check_problem(row, &answer, 409, "already_created");
        assert_eq!(answer.json()["id"], first["id"], "{row}");
        assert!(!answer.text().contains(&plain), "{row}");
    }
    for (row, path, body) in [
        ("A67 another body", keys.clone(), json!({"name": "twice"})),
        ("A67 another spelling", keys.clone(), json!({"name": "once", "metadata": {}})),
        (
            "A67 another call",
            format!("/v1/keys/{}/rotate", first["id"].as_str().expect("it has an id")),
            Value::Null,
        ),
        ("A67 another resource", "/v1/accounts".to_owned(), json!({"name": "once"})),
    ] {
        check_problem(row, &again(&path, "\"a\"", &body), 422, "idempotency_mismatch");
    }
    for token in ["", "\"\"", "a\"b", "a\\b", "\u{e9}", &"x".repeat(256)] {
        check_problem(&format!("A67 {token:?}"), &again(&keys, token, &order), 422, "invalid");
    }
    let twice = [("Idempotency-Key", "b"), ("Idempotency-Key", "c")];
    let answer = stage.operator.call_with("POST", &keys, &twice, &order);
    check_problem("A67 two tokens", &answer, 400, "malformed_request");
    assert_eq!(stage.events(), events, "nothing was done");

    // A refused call used no token up, and another operator's tokens are not ours.
    let refused = again(&keys, "d", &json!({"name": ""}));
    check_problem("A67 refused", &refused, 422, "invalid");
    let kept = again(&keys, "d", &order).expect(201).json();
    stage.keep_secret(kept["key"].as_str().expect("it has a key"));
    let second =
        stage.operator.post("/v1/operators", &json!({"name": "n", "can": ["all"]})).expect(201).json();
    let second_key = second["key"].as_str().expect("it has a key");
    stage.keep_secret(second_key);
    let second = claviger_testkit::Operator::new(stage.server.control, second_key);
    let theirs = second.call_with("POST", &keys, &[("Idempotency-Key", "a")], &order).expect(201).json();
    assert_ne!(theirs["id"], first["id"], "A67 another operator");
    stage.keep_secret(theirs["key"].as_str().expect("it has a key"));
    stage.close();
}

#[test]
fn parallel_repetitions_create_one() {
    let stage = Stage::shipped("cashcat", Words::CashCat);
    let keys = format!("/v1/accounts/{}/keys", stage.account);
    let statuses = std::thread::scope(|scope| {
        let calls: Vec<_> = (0..16)
            .map(|_| {
                let (operator, keys) = (stage.operator.clone(), keys.clone());
                scope.spawn(move || {
                    let token = [("Idempotency-Key", "\"once\"")];
                    let answer = operator.call_with("POST", &keys, &token, &json!({"name": "n"}));
                    (answer.status, answer.json()["id"].clone())
                })
            })
            .collect();
        calls.into_iter().map(|call| call.join().expect("a caller ends")).collect::<Vec<_>>()
    });
    assert_eq!(statuses.iter().filter(|(status, _)| *status == 201).count(), 1, "A67: {statuses:?}");
    assert!(statuses.iter().all(|(status, id)| (*status == 201 || *status == 409) && *id == statuses[0].1));
    let listed = stage.operator.get(&keys).expect(200).json();
    assert_eq!(listed["items"].as_array().expect("it is a list").len(), 1);
    stage.close();
}
