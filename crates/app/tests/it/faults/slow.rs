//! Callers that take their time: each connection has a bound, whoever else is served meanwhile.

use std::thread;

use claviger_testkit::{Connection, Server, ServerBuilder};

use super::{status, timed};

fn impatient() -> Server {
    let mut builder = ServerBuilder::new(crate::PROGRAM).profile("default");
    let settings = builder.directory().join("settings.toml");
    std::fs::write(&settings, "header_timeout = \"1s\"\n").expect("the test's directory can be written");
    let builder =
        builder.argument("--config").argument(settings.to_str().expect("the tests' paths are text"));
    builder.argument("--ext-authz").argument("127.0.0.1:0").start()
}

#[test]
fn a_connection_that_brings_no_whole_head_in_time_is_closed() {
    let server = impatient();
    let account = server.operator().account("Acme");
    let (_, key) = server.operator().issue_plain(&account, "n");
    let asked = server.ext_authz.expect("it has the listener");
    // The last is HTTP/2 that gets no further than its settings.
    let beginnings = [
        "",
        "G",
        "GET / HTTP/1.1\r\nHost: api\r\nX-Slow: ",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
    ];
    for listener in [server.gateway, server.portal, server.control, asked] {
        for beginning in beginnings {
            let mut connection = Connection::open(listener);
            connection.send(beginning.as_bytes());
            let took = timed(|| {
                if beginning.starts_with("PRI") {
                    connection.until_closed();
                    return;
                }
                let answer = connection.answer("GET");
                assert!(answer.is_none_or(|answer| answer.status == 408), "{beginning:?}");
            });
            assert!(took.as_secs() < 5, "{beginning:?} {took:?}");
            assert_eq!(status(&server, &key), 200);
        }
    }
}

#[test]
fn a_body_that_stops_on_its_way_is_given_up_and_nothing_is_made_of_it() {
    let server = impatient();
    let account = server.operator().account("Acme");
    let body =
        "POST /v1/accounts HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 50\r\n";
    let asked = [
        format!("{body}Authorization: Bearer {}\r\n\r\n{{\"name\":", server.operator_key()),
        format!("{body}Authorization: Bearer {}\r\n\r\n{{", server.operator_key()),
        "POST /sign-in HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\nemail=".to_owned(),
    ];
    let listeners = [server.control, server.control, server.portal];
    thread::scope(|scope| {
        for (listener, asked) in listeners.into_iter().zip(&asked) {
            scope.spawn(move || {
                let mut connection = Connection::open(listener);
                connection.send(asked.as_bytes());
                let took = timed(|| {
                    let answer = connection.answer("POST");
                    assert!(answer.is_none_or(|answer| (400..500).contains(&answer.status)), "{asked}");
                });
                assert!(took.as_secs() < 25, "{took:?}");
            });
        }
    });
    let accounts = server.operator().get("/v1/accounts").expect(200).json();
    assert_eq!(accounts["items"].as_array().map(Vec::len), Some(1), "{accounts}");
    assert_eq!(accounts["items"][0]["id"], account);
}
