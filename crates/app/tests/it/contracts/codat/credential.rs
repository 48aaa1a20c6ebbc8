//! K1, K2: how a key travels, and the header made ready for it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;

use super::{COMPANIES, assert_unauthorized, client, header, listed, program};
use crate::contracts::{
    serve,
    wire::{mistyped, received, revoke, text},
};

#[test]
fn k1_the_credential_is_basic_with_the_bare_key_in_base64() {
    let server = serve("codat");
    let client = client(&server, "Acme");
    let key = &client.key;
    assert!(key.len() == 40 && key.bytes().all(|letter| letter.is_ascii_alphanumeric()), "{key}");
    let with = |authorization: &str| server.customer("").authorized_by(authorization).get(COMPANIES);
    let encoded = STANDARD.encode(key);
    for good in [
        format!("Basic {encoded}"),
        format!("basic {encoded}"),
        format!("BASIC {encoded}"),
        format!("Basic {}", STANDARD.encode(format!("{key}:"))),
    ] {
        let told = received(with(&good));
        assert_eq!(
            (&told["account"], &told["key_id"]),
            (&Value::from(&*client.account), &Value::from(&*client.id))
        );
    }
    for bad in [
        String::new(),
        "Basic".to_owned(),
        "Basic ".to_owned(),
        encoded.clone(),
        format!("Basic {key}"),
        format!("Bearer {key}"),
        format!("Bearer {encoded}"),
        format!("Basic {}", STANDARD.encode(format!(":{key}"))),
        format!("Basic {}", STANDARD.encode(format!("user:{key}"))),
        format!("Basic {}", STANDARD.encode(format!("{key}:password"))),
        format!("Basic {}", STANDARD.encode(format!("{key}::"))),
        format!("Basic {}", STANDARD.encode(format!("{key}\n"))),
        format!("Basic {}", STANDARD.encode(mistyped(key))),
        format!("Basic {}", STANDARD.encode(&encoded)),
        format!("Basic {}", encoded.trim_end_matches('=')),
        format!("Basic {encoded}="),
        format!("Basic {encoded} {encoded}"),
    ] {
        assert_unauthorized(&with(&bad));
    }
    assert_unauthorized(&server.customer("").authorized_by("").send(
        "GET",
        COMPANIES,
        &[("X-API-Key", key)],
        "",
    ));
    received(with(&header(key)));
}

#[test]
fn k1_revoked_disabled_and_expired_keys_are_answered_the_same() {
    let server = crate::contracts::serve_with_clock("codat");
    let operator = server.operator();
    let client = client(&server, "Acme");
    let [(gone, revoked), (off, disabled)] =
        ["Gone", "Off"].map(|name| operator.issue_plain(&client.account, name));
    let brief =
        ["key", "issue", "--account", &client.account, "--name", "Brief", "--expires-in", "1d", "--json"];
    let expired = text(&server.cli().run(&brief).expect(0).json(), "key");
    received(program(&server, &expired).get(COMPANIES));
    revoke(&server, &gone);
    assert_eq!(operator.post(&format!("/v1/keys/{off}/disable"), &Value::Null).status, 200);
    server.move_clock("+2d");
    for key in [&revoked, &disabled, &expired] {
        assert_unauthorized(&program(&server, key).get(COMPANIES));
    }
    received(program(&server, &client.key).get(COMPANIES));
}

#[test]
fn k2_the_key_and_its_header_can_be_had_at_any_later_time() {
    let server = serve("codat");
    let client = client(&server, "Acme");
    let reveal = format!("/v1/keys/{}/reveal", client.id);
    let server = server.stop().start();
    for _ in 0..2 {
        let revealed = server.operator().post(&reveal, &Value::Null).expect(200).json();
        assert_eq!(
            (&revealed["id"], &revealed["key"]),
            (&Value::from(&*client.id), &Value::from(&*client.key))
        );
        assert_eq!(
            server.cli().run(&["key", "reveal", &client.id]).expect(0).out,
            format!("{}\n", client.key)
        );
    }
    assert_eq!(listed(&program(&server, &client.key))[0]["apiKey"], client.key);
    // The header is the base 64 of the bare key: 40 letters take 56 characters.
    let ready_made = header(&client.key);
    assert_eq!((ready_made.len(), ready_made.ends_with("==")), ("Basic ".len() + 56, true));
    received(server.customer("").authorized_by(&ready_made).get(COMPANIES));
}
