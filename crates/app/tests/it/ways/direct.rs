//! To forward auth itself, as each proxy asks, and by the verify call: all of them say of a request what the gateway does.

use claviger_testkit::exchange;
use serde_json::json;

use super::{
    Stage,
    rows::{self, Arrival, Row},
};
use crate::attacks::{
    Wanted::{self, BadRequest, Forbidden, Invalid, Missing, NotFound, Passed, TooLarge, Unparsed},
    path,
};

fn status(wanted: Wanted) -> u16 {
    match wanted {
        Passed => 200,
        BadRequest => 400,
        Missing | Invalid => 401,
        Forbidden => 403,
        NotFound => 404,
        TooLarge(status) | Unparsed(status) => status,
    }
}

/// The row as Envoy asks about it: with its path behind the api's name.
fn as_envoy_asks(row: &Row) -> Option<Vec<u8>> {
    let method = row.bytes.iter().position(|byte| *byte == b' ')?;
    let (method, rest) = row.bytes.split_at(method);
    let target = rest.strip_prefix(b" ").filter(|rest| rest.starts_with(b"/"))?;
    Some([method, b" /forward-auth/default", target].concat())
}

#[test]
fn forward_auth_says_what_the_gateway_does_of_paths_and_fields() {
    let stage = Stage::set(|builder, _| builder);
    let mut asked = 0;
    for row in rows::all(&stage.keys, stage.server.operator_key()) {
        let Some(request) = as_envoy_asks(&row) else { continue };
        let method = if request.starts_with(b"HEAD") { "HEAD" } else { "GET" };
        let answer = exchange(stage.server.control, method, &request);
        let answer = answer.unwrap_or_else(|| panic!("{}: no answer", row.name));
        if let Some(wanted) = row.wanted {
            assert_eq!(answer.status, status(wanted), "{}: {}", row.name, answer.text());
            asked += 1;
        }
        match row.arrival {
            Arrival::Always => assert_eq!(answer.status, 200, "{}", row.name),
            Arrival::Never => assert!((400..500).contains(&answer.status), "{}: {}", row.name, answer.status),
            Arrival::Perhaps => {}
        }
        // Whatever it says, it says of the key that was sent, and nothing of whoever the caller claims to be.
        let told = |name: &str| answer.headers.iter().filter(|(field, _)| field == name).count();
        assert_eq!(told("x-claviger-key-id"), usize::from(answer.status == 200), "{}", row.name);
        assert!(answer.headers.iter().all(|(_, value)| !value.contains("forged")), "{}", row.name);
    }
    assert!(asked > 120, "{asked}");
}

#[test]
fn a_path_is_the_same_path_to_nginx_and_to_the_verify_call() {
    let stage = Stage::set(|builder, _| builder);
    let key = &stage.keys.narrow;
    for (row, target, wanted) in path::ROWS {
        // A line break would end the field, and a host belongs into another one.
        if target.contains('\n') || !target.starts_with('/') {
            continue;
        }
        let request = path::filled(&format!(
            "GET /forward-auth/default HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer {}\r\n\
             X-Original-Method: GET\r\nX-Original-URI: {target}\r\n\r\n",
            key.plain
        ));
        let answer = exchange(stage.server.control, "GET", &request);
        let answer = answer.expect("it is answered");
        match wanted {
            TooLarge(_) | Unparsed(_) => assert!((400..500).contains(&answer.status), "{row}"),
            wanted => assert_eq!(answer.status, status(*wanted), "{row}: {}", answer.text()),
        }
        if !matches!(wanted, TooLarge(_) | Unparsed(_)) {
            let attempt = json!({"key": key.plain, "api": "default", "method": "GET", "path": target});
            let verdict = stage.operator.verify(&attempt);
            assert_eq!(verdict["allowed"] == true, *wanted == Passed, "{row}: {verdict}");
            if *wanted != Passed {
                assert_eq!(verdict["response"]["status"], status(*wanted), "{row}");
            }
        }
    }
}
