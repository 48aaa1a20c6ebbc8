//! What the contracts settle together: requests that are no one's key or no one's fault, in each contract's own shape.

use std::net::TcpListener;

use claviger_testkit::{Answer, ServerBuilder};

use super::{
    serve,
    wire::{assert_said, text},
};

/// The body of an error that a contract's text leaves to us.
fn body(profile: &str, answer: &Answer, code: &str, message: &str) -> String {
    match profile {
        "cashcat" => format!(r#"{{"error":{{"code":"{code}","message":"{message}","details":null}}}}"#),
        "example" => format!(r#"{{"success":false,"error":{{"code":"{code}","message":"{message}"}}}}"#),
        "cicosts" => format!(r#"{{"error":{{"code":"{code}","message":"{message}"}}}}"#),
        _ => {
            let id = text(&answer.json(), "correlationId");
            assert!(id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()), "{id}");
            let status = answer.status;
            format!(
                r#"{{"statusCode":{status},"service":"PublicApi","error":"{message}","correlationId":"{id}","canBeRetried":"Unknown","detailedErrorCode":0}}"#
            )
        }
    }
}

const PROFILES: [&str; 4] = ["cashcat", "example", "codat", "cicosts"];

#[test]
fn two_authorization_fields_are_a_bad_request_in_each_contracts_shape() {
    for profile in PROFILES {
        let server = serve(profile);
        let account = server.operator().account("Acme");
        let (_, key) = server.operator().issue_plain(&account, "Key");
        let second = format!("Bearer {key}");
        let answer = server.customer(&key).send("GET", "/", &[("Authorization", &second)], "");
        let message = if profile == "codat" {
            "The request is not valid."
        } else {
            "The request could not be understood"
        };
        assert_said(&answer, 400, None, &body(profile, &answer, "bad_request", message));
    }
}

#[test]
fn what_is_too_long_says_so_in_each_contracts_shape() {
    for profile in PROFILES {
        let server = serve(profile);
        let customer = server.customer("").authorized_by("");
        let long = customer.get(&format!("/{}", "a".repeat(9 << 10)));
        assert_said(&long, 414, None, &body(profile, &long, "too_large", "The request is too large"));
        let wide = customer.send("GET", "/", &[("X-Wide", &"a".repeat(20 << 10))], "");
        assert_said(&wide, 431, None, &body(profile, &wide, "too_large", "The request is too large"));
    }
}

#[test]
fn an_upstream_that_is_away_is_no_fault_of_the_key_in_each_contracts_shape() {
    for profile in PROFILES {
        let nobody =
            TcpListener::bind("127.0.0.1:0").and_then(|bound| bound.local_addr()).expect("a port is free");
        let builder = ServerBuilder::new(crate::PROGRAM).profile(profile);
        let server = builder.argument("--upstream").argument(&format!("http://{nobody}")).start();
        let account = server.operator().account("Acme");
        let (_, key) = server.operator().issue_plain(&account, "Key");
        let customer = match profile {
            "codat" => super::codat::program(&server, &key),
            _ => server.customer(&key),
        };
        let answer = customer.get("/v1/costs");
        assert_said(
            &answer,
            502,
            None,
            &body(profile, &answer, "bad_gateway", "The API can't be reached right now"),
        );
    }
}
