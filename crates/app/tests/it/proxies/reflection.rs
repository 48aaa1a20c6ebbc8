//! What can be asked by gRPC is learnt by reflection, and asked as it was learnt: by gRPC's own client, which knows
//! nothing of Envoy's messages. `reflection/install` puts it into `target/grpc`.

use std::process::Command;

use claviger_testkit::{Certificates, ServerBuilder, repository};
use serde_json::{Value, json};

const AUTHORIZATION: &str = "envoy.service.auth.v3.Authorization";
const HEALTH: &str = "grpc.health.v1.Health";

/// What the client saw at a listener of such a server, and the account whose key it had.
fn seen(builder: ServerBuilder, certificates: Option<&Certificates>) -> (Value, String) {
    let server = builder.profile("default").argument("--ext-authz").argument("127.0.0.1:0").start();
    let account = server.operator().account("Acme");
    let (_, key) = server.operator().issue_plain(&account, "n");
    let python = repository().join("target/grpc/python/bin/python");
    assert!(python.exists(), "run crates/app/tests/it/proxies/reflection/install, as ./test does");
    let mut client = Command::new(python);
    client.arg(repository().join("crates/app/tests/it/proxies/reflection/ask.py"));
    client.arg(server.ext_authz.expect("it has the listener").to_string());
    client.args(certificates.map(Certificates::authority));
    let output = client.env_clear().env("KEY", key).output().expect("the interpreter is there");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    (serde_json::from_slice(&output.stdout).expect("the client prints JSON"), account)
}

#[test]
fn what_can_be_called_is_learnt_and_called_without_knowing_it_before() {
    let (seen, account) = seen(ServerBuilder::new(crate::PROGRAM), None);
    for version in ["v1", "v1alpha"] {
        let reflection = format!("grpc.reflection.{version}.ServerReflection");
        let mut services: Vec<String> = serde_json::from_value(seen[version].clone()).unwrap();
        services.sort();
        assert_eq!(services, [AUTHORIZATION, HEALTH, &reflection]);
    }
    assert_eq!(seen["health"]["answer"], json!({"status": "SERVING"}));
    let good = &seen["good"]["answer"];
    assert_eq!(good["dynamicMetadata"]["account_id"], *account, "{good}");
    assert_eq!(good["okResponse"]["headersToRemove"], json!(["authorization"]));
    let told = good["okResponse"]["headers"].as_array().unwrap();
    let expected = json!({
        "header": {"key": "x-claviger-account", "value": account},
        "appendAction": "OVERWRITE_IF_EXISTS_OR_ADD",
        "keepEmptyValue": true,
    });
    assert!(told.contains(&expected), "{good}");
    let bad = &seen["bad"]["answer"];
    assert_eq!(
        (&bad["status"]["code"], &bad["deniedResponse"]["status"]["code"]),
        (&json!(7), &json!("Unauthorized"))
    );
    let body: Value = serde_json::from_str(bad["deniedResponse"]["body"].as_str().unwrap()).unwrap();
    assert_eq!(body["error"]["code"], "invalid_key");
    for call in ["health", "good", "bad"] {
        assert_eq!(
            seen[call]["unlearnt"],
            json!([]),
            "{call}: reflection tells of every field that is answered"
        );
    }
}

#[test]
fn the_same_is_learnt_by_tls() {
    let certificates = Certificates::make();
    let builder = ServerBuilder::new(crate::PROGRAM).certificates(&certificates);
    let (seen, account) =
        seen(builder.argument("--tls-listeners").argument("ext_authz"), Some(&certificates));
    assert_eq!(seen["good"]["answer"]["dynamicMetadata"]["account_id"], *account, "{seen}");
}
