//! HTTP/2 by the frame: floods of what costs a caller little (A155) are bounded on every listener, and nobody else waits.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use claviger_testkit::ServerBuilder;
use serde_json::json;

use super::memory::resident;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 4;

/// Most that a flood is, in bytes.
const FLOOD: usize = 16 << 20;
/// How long a server may take nothing before it counts as having stopped.
const STALLED: Duration = Duration::from_millis(500);
/// How much memory a flood may cost, in bytes.
const GROWTH: u64 = 48 << 20;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a frame is short").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// `method /` at `a`, without a table (RFC 7541 §6.2.2 and appendix A).
fn head(method: &str) -> Vec<u8> {
    let length = u8::try_from(method.len()).expect("a method is short");
    [&[0x02, length][..], method.as_bytes(), &[0x86, 0x84, 0x01, 1, b'a']].concat()
}

/// The streams of one connection, one after the other.
fn streams() -> impl Iterator<Item = u32> {
    (1..).step_by(2)
}

/// Sends `begin` and then `frames` until the server has had enough, or doesn't take any more, or all were sent.
fn flood(listener: SocketAddr, begin: &[u8], frames: impl Iterator<Item = Vec<u8>>) {
    let mut stream = TcpStream::connect(listener).expect("it listens");
    stream.set_write_timeout(Some(STALLED)).expect("a time-out can be set");
    let mut reader = stream.try_clone().expect("a socket can be shared");
    reader.set_read_timeout(Some(STALLED)).expect("a time-out can be set");
    // What the server says is taken, or it would be the server that is flooded.
    let reading = std::thread::spawn(move || {
        let mut buffer = [0; 16 << 10];
        while reader.read(&mut buffer).is_ok_and(|count| count > 0) {}
    });
    let _ = stream.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, &[]), begin].concat());
    let (mut sent, mut batch) = (0, Vec::new());
    for frame in frames {
        batch.extend(frame);
        if batch.len() > 16 << 10 {
            sent += batch.len();
            if stream.write_all(&batch).is_err() || sent > FLOOD {
                break;
            }
            batch.clear();
        }
    }
    drop(stream);
    reading.join().expect("it reads until it ends");
}

#[test]
fn a_flood_of_frames_costs_little_and_nobody_waits_for_it() {
    let builder = ServerBuilder::new(crate::PROGRAM).profile("default");
    let server = builder.argument("--ext-authz").argument("127.0.0.1:0").start();
    let operator = server.operator();
    let account = operator.account("Acme");
    let (_, key) = operator.issue_plain(&account, "n");
    let asked = server.ext_authz.expect("it has the listener");
    let get = || head("GET");
    for listener in [server.gateway, server.control, asked] {
        let before = resident(&server);
        let post = frame(HEADERS, END_HEADERS, 1, &head("POST"));
        let reset = |id: u32| {
            [frame(HEADERS, END_HEADERS, id, &get()), frame(RST_STREAM, 0, id, &[0, 0, 0, 8])].concat()
        };
        flood(listener, &[], streams().map(reset));
        flood(listener, &[], streams().map(|id| frame(HEADERS, END_HEADERS, id, &get())));
        let field = [&[0x10, 1, b'x', 0x7f, 0xe1, 0x1e][..], &[b'y'; 4000]].concat();
        flood(
            listener,
            &frame(HEADERS, 0, 1, &get()),
            std::iter::repeat_with(|| frame(CONTINUATION, 0, 1, &field)),
        );
        flood(
            listener,
            &frame(HEADERS, 0, 1, &get()),
            std::iter::repeat_with(|| frame(CONTINUATION, 0, 1, &[])).take(200_000),
        );
        flood(listener, &[], std::iter::repeat_with(|| frame(PING, 0, 0, &[7; 8])).take(200_000));
        flood(
            listener,
            &[],
            std::iter::repeat_with(|| frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0xff, 0xff])).take(200_000),
        );
        flood(listener, &post, std::iter::repeat_with(|| frame(DATA, 0, 1, &[])).take(200_000));
        flood(
            listener,
            &post,
            std::iter::repeat_with(|| frame(WINDOW_UPDATE, 0, 1, &[0, 0, 0, 1])).take(200_000),
        );
        for _ in 0..10 {
            assert_eq!(server.customer(&key).get("/v1").status, 200);
            assert_eq!(operator.verify(&json!({"key": key}))["allowed"], true);
        }
        let grown = resident(&server).saturating_sub(before);
        assert!(grown < GROWTH, "{listener}: {} MiB", grown >> 20);
    }
}
