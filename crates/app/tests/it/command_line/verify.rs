//! `claviger key verify`: the key on standard input, the decision as exit code.

use serde_json::json;

use super::{fails, opened, text};

#[test]
fn the_decision_is_the_exit_code_and_the_key_is_no_argument() {
    let (server, cli) = opened("cicosts");
    let account = server.operator().account("Acme");
    let order = json!({"name": "n", "scopes": ["costs:read"], "restrictions": {"networks": ["10.0.0.0/8"]}});
    let issued = server.operator().issue(&account, &order);
    let key = text(&issued, "key");
    let ask = |more: &[&str], input: &str| cli.run_with(&[&["key", "verify"], more].concat(), input);
    let good = ["--api", "cicosts", "--method", "GET", "--path", "/v1/costs?x=1", "--address", "10.1.2.3"];
    for input in [key.to_owned(), format!("{key}\n"), format!("{key}\r\n")] {
        let allowed = ask(&good, &input).expect(0);
        assert!(
            allowed.out.starts_with("allowed\n") && allowed.out.contains(text(&issued, "id")),
            "{}",
            allowed.out
        );
    }
    for (changed, code) in [
        (["--method", "GET", "--path", "/v1/costs", "--address", "11.1.2.3"], "network"),
        (["--method", "GET", "--path", "/v1/alerts", "--address", "10.1.2.3"], "scope"),
    ] {
        let denied = ask(&changed, key).expect(1);
        assert!(denied.out.starts_with("denied\n") && denied.out.contains(code), "{}", denied.out);
        assert_eq!(denied.err, "", "a denial is an answer, not a fault");
        let verdict = ask(&[&changed[..], &["--json"]].concat(), key).expect(1).json();
        assert_eq!((&verdict["allowed"], text(&verdict["denial"], "code")), (&json!(false), code));
        assert_eq!(verdict["response"]["status"], 403);
    }
    let verdict = ask(&[&good[..], &["--json"]].concat(), key).expect(0).json();
    assert_eq!(verdict["permit"]["key_id"], issued["id"]);
    assert_eq!(ask(&good, &format!(" {key}")).expect(1).err, "", "what is sent is judged as it is");
    fails(ask(&[], ""), 2, &["no key on stdin"]);
    fails(ask(&["--address", "nowhere"], key), 1, &["address"]);
}

#[test]
fn a_referrer_can_be_stated() {
    let (server, cli) = opened("default");
    let account = server.operator().account("Acme");
    let order = json!({"name": "n", "restrictions": {"referrers": ["https://a.example"]}});
    let issued = server.operator().issue(&account, &order);
    for (page, code) in [("https://a.example/x", 0), ("https://b.example/x", 1)] {
        let ended = cli.run_with(&["key", "verify", "--referrer", page], text(&issued, "key"));
        assert_eq!(ended.expect(code).err, "");
    }
}
