//! Whoever is answered an error finds it in the log by the id they were told

use claviger_testkit::{Answer, Postgres, Server, ServerBuilder};
use serde_json::{Value, json};

use crate::PROGRAM;

fn id(answer: &Answer) -> String {
    answer.header("x-request-id").expect("every answer has an id").to_owned()
}

/// The lines of the log that have the id of `answer`.
fn lines(server: &Server, answer: &Answer) -> Vec<String> {
    let id = id(answer);
    server.log().lines().filter(|line| line.contains(&id)).map(str::to_owned).collect()
}

#[test]
fn an_upstream_that_does_not_answer_is_told_with_the_id_of_the_request() {
    let builder = ServerBuilder::new(PROGRAM).profile("example").argument("--upstream");
    let server = builder.argument("http://127.0.0.1:1").start();
    let account = server.operator().account("Ada");
    let (_, key) = server.operator().issue_plain(&account, "a");
    let answer = server.customer(&key).get("/v1/users").expect(502);
    let lines = lines(&server, &answer);
    assert!(matches!(&*lines, [line] if line.contains("the upstream did not answer")), "{lines:?}");
}

#[test]
fn a_change_that_can_not_be_made_is_told_with_the_id_of_the_request() {
    for format in ["text", "json"] {
        let mut postgres = Postgres::start();
        let url = postgres.database();
        let builder = ServerBuilder::new(PROGRAM).profile("example").database(&url);
        let server = builder.argument("--log-format").argument(format).start();
        postgres.stop();
        let answer =
            server.operator().post("/v1/accounts", &json!({"api": "example", "name": "canary-name"}));
        assert_eq!(answer.status, 503);
        let lines = lines(&server, &answer);
        assert!(lines.iter().any(|line| line.contains("a change could not be made")), "{lines:?}");
        if format == "json" {
            let parsed: Value = serde_json::from_str(&lines[0]).unwrap();
            assert_eq!(parsed["span"]["id"], id(&answer));
        }
        assert!(!server.log().contains("canary-name"), "what was asked is not logged");
    }
}
