//! Callers that take their time: each connection has a bound, whoever else is served meanwhile.

use claviger_testkit::{Connection, Server, ServerBuilder};

use super::{status, timed};

fn impatient() -> Server {
    let mut builder = ServerBuilder::new(crate::PROGRAM).profile("default");
    let settings = builder.directory().join("settings.toml");
    std::fs::write(&settings, "header_timeout = \"1s\"\n").expect("the test's directory can be written");
    builder.argument("--config").argument(settings.to_str().expect("the tests' paths are text")).start()
}

#[test]
fn a_connection_that_brings_no_whole_head_in_time_is_closed() {
    let server = impatient();
    let account = server.operator().account("Acme");
    let (_, key) = server.operator().issue_plain(&account, "n");
    for listener in [server.gateway, server.portal, server.control] {
        for beginning in ["", "G", "GET / HTTP/1.1\r\nHost: api\r\nX-Slow: "] {
            let mut connection = Connection::open(listener);
            connection.send(beginning.as_bytes());
            let took = timed(|| {
                let answer = connection.answer("GET");
                assert!(answer.is_none_or(|answer| answer.status == 408), "{beginning:?}");
            });
            assert!(took.as_secs() < 5, "{beginning:?} {took:?}");
            assert_eq!(status(&server, &key), 200);
        }
    }
}
