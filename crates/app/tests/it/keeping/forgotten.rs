//! What is forgotten by itself, and on request.

use claviger_testkit::eventually;
use serde_json::{Value, json};

use super::{Stage, sqlite, status};

/// Everything of addresses in the usage file, and how much there is of the rest.
const KEPT: &str = "SELECT (SELECT count(*) FROM last_uses WHERE address IS NOT NULL),
                           (SELECT count(*) FROM last_uses),
                           (SELECT count(*) FROM denials),
                           (SELECT count(DISTINCT day) FROM counts)";

#[test]
fn addresses_denials_and_counts_are_forgotten_when_they_are_old_and_not_before() {
    let stage = Stage::of("default");
    let (_, key) = stage.issue("old");
    let (off, dead) = stage.issue("off");
    stage.post(&format!("/v1/keys/{off}/disable"), &Value::Null);
    assert_eq!((status(&stage.server, &key), status(&stage.server, &dead)), (200, 401));
    let usage = stage.server.data().join("usage.db");
    let stopped = stage.server.stop();
    assert_eq!(sqlite(&usage, KEPT), "1|1|1|1\n");
    for (days, counted, expected) in [(89, 399, "1|1|1|1\n"), (91, 401, "0|1|0|0\n")] {
        let aged = format!(
            "UPDATE last_uses SET at = (unixepoch() - {days} * 86400) * 1000;
             UPDATE denials SET at = (unixepoch() - {days} * 86400) * 1000;
             UPDATE counts SET day = unixepoch() / 86400 - {counted}"
        );
        sqlite(&usage, &aged);
        if days == 91 {
            let server = stopped.start();
            eventually(|| (sqlite(&usage, KEPT) == expected).then_some(()));
            let _stopped = server.stop();
            break;
        }
        assert_eq!(sqlite(&usage, KEPT), expected);
    }
}

#[test]
fn from_where_an_accounts_keys_were_used_is_erased_on_request() {
    let stage = Stage::of("default");
    let other = stage.server.operator().account("Other");
    let (_, key) = stage.issue("n");
    let (id, others) = stage.server.operator().issue_plain(&other, "n");
    assert_eq!((status(&stage.server, &key), status(&stage.server, &others)), (200, 200));
    let counted = |id: &str| {
        let key = stage.server.operator().get(&format!("/v1/keys/{id}")).expect(200).json();
        key["last_used_at"].is_string().then_some(())
    };
    eventually(|| counted(&id));
    let said = stage.server.cli().run(&["account", "erase-addresses", &stage.account, "--json"]).expect(0);
    assert_eq!(said.json(), json!({"erased": 1}));
    let events = stage.server.operator().get(&format!("/v1/audit-events?subject={}", stage.account));
    let events = events.expect(200).json()["items"].as_array().unwrap().clone();
    assert_eq!(events.last().unwrap()["action"], "account.erase_addresses");
    let usage = stage.server.data().join("usage.db");
    let _stopped = stage.server.stop();
    assert_eq!(sqlite(&usage, KEPT), "1|2|0|1\n");
}
