use serde_json::json;

use super::*;

const PLAIN: &str = "my_live_AbCdEfGhIjKlMnOpQrStUvWxYz012345";

fn read(value: Value) -> Result<Row, RowRefusal> {
    match value {
        Value::Object(members) => Row::read(members),
        _ => unreachable!("rows of these tests are objects"),
    }
}

/// A row with these members more.
fn row(more: &Value) -> Result<Row, RowRefusal> {
    let mut row = json!({"account": "cus_1", "key": PLAIN});
    row.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    read(row)
}

#[test]
fn a_digest_is_read_in_every_spelling_and_nothing_else_is() {
    let hex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let spellings = [
        hex.to_owned(),
        hex.to_uppercase(),
        format!("sha256:{hex}"),
        "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=".to_owned(),
        "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0".to_owned(),
    ];
    for spelling in spellings {
        let row = read(json!({"account": "a", "digest": spelling})).unwrap();
        let Secret::Digest(digest) = row.secret else { panic!("{spelling}: it is a digest") };
        assert_eq!(digest, Digest::of(b"abc"), "{spelling}");
    }
    for other in [
        "",
        "abc",
        "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW",
        "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaA",
        "pbkdf2_sha256$600000$salt$hash",
        &hex[..63],
        &hex.replace('a', "g"),
        &hex.replace('a', "é"),
        "900150983cd24fb0d6963f7d28e17f72",
    ] {
        let refused = read(json!({"account": "a", "digest": other})).unwrap_err();
        assert_eq!(refused, RowRefusal::UnknownHash, "{other}");
    }
}

#[test]
fn a_hash_is_read_with_what_finds_it_and_refused_without() {
    let bcrypt = "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW";
    let with = |more: Value| {
        let mut row = json!({"account": "a", "hash": bcrypt, "lookup": "AbCdEfGh"});
        row.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        read(row)
    };
    let Secret::Foreign(secret) = with(json!({})).unwrap().secret else { panic!("it is a hash") };
    assert_eq!((&*secret.lookup, secret.hash.as_str()), ("AbCdEfGh", bcrypt));
    for (more, code, told) in [
        (json!({"lookup": null}), "malformed", "lookup: is missing"),
        (json!({"hash": null, "key": PLAIN}), "malformed", "lookup: finds a hash"),
        (json!({"key": PLAIN}), "malformed", "row: has more than one of"),
        (json!({"digest": "0".repeat(64)}), "malformed", "row: has more than one of"),
        (json!({"hash": 7}), "malformed", "hash: must be text"),
        (json!({"hash": PLAIN}), "unknown_hash", "hash: is none of"),
        (json!({"hash": bcrypt.replace("$12$", "$31$")}), "costly_hash", "hash: costs too much"),
    ] {
        let refused = with(more.clone()).unwrap_err();
        assert_eq!(refused.code(), code, "{more}");
        assert!(refused.to_string().starts_with(told), "{refused}");
        assert!(!refused.to_string().contains("AbCdEf"), "{refused}");
    }
}

#[test]
fn what_is_wrong_is_told_by_its_field_and_without_its_value() {
    for (more, field) in [
        (json!({"account": ""}), "account"),
        (json!({"account": {"secret": PLAIN}}), "account"),
        (json!({"account_metadata": PLAIN}), "account_metadata"),
        (json!({"account_state": PLAIN}), "account_state"),
        (json!({"name": "a\u{1b}[2J"}), "name"),
        (json!({"metadata": [PLAIN]}), "metadata"),
        (json!({"metadata": {"a": "x".repeat(16 << 10)}}), "metadata"),
        (json!({"environment": PLAIN}), "environment"),
        (json!({"scopes": PLAIN}), "scopes"),
        (json!({"scopes": [format!("{PLAIN} ")]}), "scopes"),
        (json!({"restrictions": [[PLAIN]]}), "restrictions"),
        (json!({"restrictions": {"networks": [PLAIN]}}), "restrictions"),
        (json!({"restrictions": {"networks": PLAIN}}), "restrictions"),
        (json!({"restrictions": {PLAIN: 1}}), "restrictions"),
        (json!({"restrictions": {"rates": [{"name": PLAIN, "limit": 1, "window": "1s"}]}}), "restrictions"),
        (json!({"state": PLAIN}), "state"),
        (json!({"created_at": PLAIN}), "created_at"),
        (json!({"expires_at": 1}), "expires_at"),
        (json!({"hint": "x".repeat(25)}), "hint"),
        (json!({"digest": PLAIN}), "row"),
        (json!({PLAIN: 1}), "row"),
        (json!({"expires": 1}), "row"),
    ] {
        let refused = row(&more).unwrap_err();
        let RowRefusal::Malformed { field: told, .. } = &refused else { panic!("{more}: {refused}") };
        assert_eq!(*told, field, "{more}");
        assert!(!refused.to_string().contains("AbCdEf"), "{refused}");
    }
    assert!(row(&json!({"expires": 1})).unwrap_err().to_string().contains("\"expires\""));
}

#[test]
fn earlier_secrets_are_read_with_their_ends_and_what_is_wrong_is_told_by_its_place() {
    let digest = |number: usize| Digest::of(&number.to_be_bytes()).to_hex();
    let ends_at = "2030-01-01T00:00:00Z";
    let one = json!({"digest": digest(1), "ends_at": ends_at});
    let bcrypt = "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW";
    let all = json!([
        {"digest": digest(1), "hint": "my_live_Ab", "created_at": "2020-01-01T00:00:00Z", "ends_at": ends_at, "last_used_at": null},
        {"lookup": "AbCdEfGh", "hash": bcrypt, "ends_at": ends_at},
    ]);
    let read = row(&json!({"earlier_secrets": all})).unwrap().earlier_secrets;
    let [first, second] = &read[..] else { panic!("two secrets: {read:?}") };
    assert_eq!((first.hint.as_deref(), first.ends_at.to_string()), (Some("my_live_Ab"), ends_at.to_owned()));
    assert!(
        matches!(first.secret, Secret::Digest(_))
            && first.created_at.is_some()
            && first.last_used_at.is_none()
    );
    assert!(matches!(second.secret, Secret::Foreign(_)));
    assert!(row(&json!({"earlier_secrets": []})).unwrap().earlier_secrets.is_empty());
    let most: Vec<_> = (0..EARLIER_MAX).map(|n| json!({"digest": digest(n), "ends_at": ends_at})).collect();
    assert_eq!(row(&json!({"earlier_secrets": most})).unwrap().earlier_secrets.len(), EARLIER_MAX);

    let more: Vec<_> = (0..=EARLIER_MAX).map(|n| json!({"digest": digest(n), "ends_at": ends_at})).collect();
    for (wrong, code, told) in [
        (json!(PLAIN), "malformed", "earlier_secrets: must be a list"),
        (json!(one), "malformed", "earlier_secrets: must be a list"),
        (json!(more), "malformed", "earlier_secrets: must be a list of at most 100"),
        (json!([one, PLAIN]), "malformed", "earlier secret 2: row: must be a JSON object"),
        (json!([one, one]), "malformed", "earlier_secrets: has a secret twice"),
        (
            json!([{"digest": Digest::of(PLAIN.as_bytes()).to_hex(), "ends_at": ends_at}]),
            "malformed",
            "earlier_secrets: has a secret twice",
        ),
        (json!([{"digest": digest(1)}]), "malformed", "earlier secret 1: ends_at: is missing"),
        (
            json!([{"digest": digest(1), "ends_at": null}]),
            "malformed",
            "earlier secret 1: ends_at: is missing",
        ),
        (json!([{"digest": digest(1), "ends_at": PLAIN}]), "malformed", "earlier secret 1: ends_at: "),
        (json!([{"ends_at": ends_at}]), "malformed", "earlier secret 1: row: has neither"),
        (
            json!([{"digest": PLAIN, "ends_at": ends_at}]),
            "unknown_hash",
            "earlier secret 1: digest: is no SHA-256",
        ),
        (
            json!([{"digest": digest(1), "ends_at": ends_at, "name": "x"}]),
            "malformed",
            "earlier secret 1: row: has \"name\"",
        ),
        (
            json!([{"digest": digest(1), "ends_at": ends_at, PLAIN: 1}]),
            "malformed",
            "earlier secret 1: row: has a member",
        ),
        (
            json!([{"digest": digest(1), "ends_at": ends_at, "hint": PLAIN}]),
            "malformed",
            "earlier secret 1: hint: ",
        ),
    ] {
        let refused = row(&json!({"earlier_secrets": wrong})).unwrap_err();
        assert!(refused.code() == code && refused.to_string().starts_with(told), "{refused}");
        assert!(!refused.to_string().contains("AbCdEf"), "{refused}");
    }
}

#[test]
fn null_says_nothing_and_an_empty_object_lifts_what_narrows() {
    let nothing: serde_json::Map<_, _> = FIELDS
        .iter()
        .filter(|field| !["account", "key"].contains(field))
        .map(|field| ((*field).to_owned(), Value::Null))
        .collect();
    let row_of_nulls = row(&Value::Object(nothing)).unwrap();
    assert!(
        row_of_nulls.restrictions.is_none() && row_of_nulls.scopes.is_none() && row_of_nulls.name.is_none()
    );
    assert_eq!(row(&json!({"restrictions": {}})).unwrap().restrictions, Some(Restrictions::default()));
    assert_eq!(row(&json!({"account": 7})).unwrap().account, "7");
}

#[test]
fn text_of_a_column_is_what_its_field_is() {
    for (field, text, value) in [
        ("name", "", None),
        ("name", "all", Some(json!("all"))),
        ("scopes", "all", Some(json!("all"))),
        ("scopes", "a:read  b:read", Some(json!(["a:read", "b:read"]))),
        ("scopes", "[]", Some(json!([]))),
        ("metadata", "{\"a\":1}", Some(json!({"a": 1}))),
        ("restrictions", "null", Some(Value::Null)),
        ("earlier_secrets", "[]", Some(json!([]))),
    ] {
        assert_eq!(value_of_text(field, text), Ok(value), "{field} {text}");
    }
    assert_eq!(value_of_text("metadata", "{"), Err(RowRefusal::malformed("metadata", "must be JSON")));
}
