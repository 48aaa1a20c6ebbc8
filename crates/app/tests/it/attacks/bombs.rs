//! Bodies that would cost much if they were taken in (F41): a million items, a million members, a million lists in each
//! other; and as many of them as fit into what is read.

use std::thread;

use claviger_testkit::{Answer, Server, ServerBuilder, exchange};
use serde_json::json;

use super::memory::{peak, resident};

/// Items, members, or lists in each other, where it doesn't matter how long the body is. Lists are twice as many.
const MILLION: usize = 1_000_000;
/// As many bodies that are read to their end are sent at once.
const SENDERS: usize = 4;
/// How much memory all of it may cost, in bytes: eight bodies of 1 MiB, what is made of one before it is refused, and what the
/// allocator keeps for the next.
const GROWTH: u64 = 80 << 20;

/// One call that takes a body.
struct Call {
    path: String,
    /// Whose call it is.
    key: String,
    /// Its largest body, in bytes.
    largest: usize,
    /// What begins a list in its body, and an item that fits into that.
    list: (&'static str, &'static str),
}

/// So many of `part`, with commas between, between a beginning and an end.
fn many(begin: &str, part: &str, count: usize, end: &str) -> Vec<u8> {
    [begin, &vec![part; count].join(","), end].concat().into_bytes()
}

/// One thing within the other, as deep as that.
fn deep(begin: &str, open: &str, close: &str, depth: usize, end: &str) -> Vec<u8> {
    [begin, &open.repeat(depth), "0", &close.repeat(depth), end].concat().into_bytes()
}

fn members(count: usize) -> Vec<u8> {
    let members: Vec<_> = (0..count).map(|number| format!("\"m{number}\":0")).collect();
    format!("{{{}}}", members.join(",")).into_bytes()
}

impl Call {
    /// Bodies with as many parts as `fit` says of a part's length.
    fn bodies(&self, fit: impl Fn(usize) -> usize) -> Vec<(&'static str, Vec<u8>)> {
        let (begin, item) = self.list;
        let end = "]}";
        vec![
            ("numbers", many(begin, "0", fit(2), end)),
            ("empty objects", many(begin, "{}", fit(3), end)),
            ("items", many(begin, item, fit(item.len() + 1), end)),
            ("members", members(fit("\"m100000\":0,".len()))),
            ("a member again and again", many("{", "\"name\":0", fit(9), "}")),
            ("members of metadata", many("{\"metadata\":{", "\"a\":0", fit(6), "}}")),
            ("lists in each other", deep("{\"metadata\":", "[", "]", fit(2), "}")),
            ("objects in each other", deep("", "{\"a\":", "}", fit(6), "")),
            ("lists without an end", vec![b'['; fit(1)]),
        ]
    }

    /// The answer to this body, and to the same in chunks of 4 KiB.
    fn send(&self, server: &Server, body: &[u8]) -> [Answer; 2] {
        let listener = if self.path.starts_with("/v1/api-keys") { server.gateway } else { server.control };
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: api\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n",
            self.path, self.key
        );
        let chunk = |part: &[u8]| [format!("{:x}\r\n", part.len()).as_bytes(), part, b"\r\n"].concat();
        let chunks: Vec<u8> = body.chunks(4096).flat_map(chunk).collect();
        let whole = [format!("{head}Content-Length: {}\r\n\r\n", body.len()).as_bytes(), body].concat();
        let chunked =
            [format!("{head}Transfer-Encoding: chunked\r\n\r\n").as_bytes(), &chunks, b"0\r\n\r\n"].concat();
        [whole, chunked].map(|request| {
            exchange(listener, "POST", &request).expect("it is answered, however much was sent")
        })
    }
}

/// Sends each body so many times at once; all get one of these statuses.
fn send(server: &Server, call: &Call, bodies: &[(&str, Vec<u8>)], senders: usize, wanted: &[u16]) {
    for (name, body) in bodies {
        thread::scope(|scope| {
            for _ in 0..senders {
                scope.spawn(|| {
                    for answer in call.send(server, body) {
                        let (status, text) = (answer.status, answer.text());
                        assert!(wanted.contains(&status), "{} {name}: {status} {text}", call.path);
                        assert!(text.len() < 4096, "{} {name}: {} bytes of answer", call.path, text.len());
                    }
                });
            }
        });
    }
}

#[test]
fn a_million_of_anything_is_refused_without_being_taken_in() {
    let server = ServerBuilder::new(crate::PROGRAM).profile("example").start();
    let operator = server.operator();
    let account = operator.account("Acme");
    let (_, key) = operator.issue_plain(&account, "n");
    let events = || operator.get("/v1/audit-events/check").expect(200).json()["events"].take();
    let metadata = ("{\"metadata\":[", "{\"a\":\"b\"}");
    let call = |path: &str, key: &str, largest, list| Call {
        path: path.to_owned(),
        key: key.to_owned(),
        largest,
        list,
    };
    let operator_key = server.operator_key();
    let calls = [
        call(&format!("/v1/accounts/{account}/keys"), operator_key, 64 << 10, metadata),
        call("/v1/keys/verify", operator_key, 64 << 10, metadata),
        call("/v1/keys/verify-batch", operator_key, 1 << 20, ("{\"attempts\":[", "{\"key\":\"\"}")),
        call("/v1/api-keys", &key, 64 << 10, metadata),
    ];
    // What one ordinary body of each costs isn't counted.
    for call in &calls {
        let _ = call.send(&server, b"{}");
    }
    let (before, begun) = (resident(&server), events());
    for call in &calls {
        send(&server, call, &call.bodies(|length| MILLION * 2 / length.min(2)), 1, &[413]);
        // The beginning and the end of a body are a few bytes.
        send(&server, call, &call.bodies(|length| (call.largest - 64) / length), SENDERS, &[400, 422]);
    }
    let (most, after) = (peak(&server).saturating_sub(before), resident(&server).saturating_sub(before));
    println!("F41: {} MiB more at most, {} MiB more in the end", most >> 20, after >> 20);
    assert!(most < GROWTH, "{} MiB at most", most >> 20);
    assert_eq!(events(), begun, "nothing was done");
    assert_eq!(operator.verify(&json!({"key": key}))["allowed"], true);
}
