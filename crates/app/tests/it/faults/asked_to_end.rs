//! SIGTERM: what was begun is finished, what was counted is kept, and it takes no longer than it may.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
};

use claviger_testkit::{Connection, Program, ServerBuilder, eventually};
use serde_json::json;

use super::{Line, is_whole, text, timed};

/// An upstream that says when a request has come and answers when it is told to.
struct Slow {
    came: mpsc::Receiver<TcpStream>,
    url: String,
}

impl Slow {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let (tell, came) = mpsc::channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.expect("a connection can be accepted");
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    if stream.read(&mut byte).expect("a request can be read") == 0 {
                        break;
                    }
                    head.push(byte[0]);
                }
                if tell.send(stream).is_err() {
                    return;
                }
            }
        });
        Self { came, url }
    }

    /// The next request that has come.
    fn next(&self) -> TcpStream {
        self.came.recv().expect("the upstream is asked")
    }
}

fn answer(mut stream: TcpStream) {
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nlate";
    stream.write_all(answer).expect("the gateway still listens");
}

fn asking(key: &str) -> String {
    format!("GET /v1/things HTTP/1.1\r\nHost: api\r\nAuthorization: Bearer {key}\r\n\r\n")
}

#[test]
fn requests_that_were_begun_are_answered_and_no_others_are_taken() {
    let upstream = Slow::start();
    let server = ServerBuilder::new(crate::PROGRAM)
        .profile("default")
        .argument("--upstream")
        .argument(&upstream.url)
        .start();
    let (gateway, account) = (server.gateway, server.operator().account("Acme"));
    let (id, key) = server.operator().issue_plain(&account, "busy");
    let mut begun: Vec<_> = (0..5).map(|_| Connection::open(gateway)).collect();
    for connection in &mut begun {
        connection.send(asking(&key).as_bytes());
    }
    let held: Vec<_> = begun.iter().map(|_| upstream.next()).collect();
    server.ask_to_end();
    eventually(|| TcpStream::connect(gateway).is_err().then_some(()));
    held.into_iter().for_each(answer);
    for connection in &mut begun {
        let answer = connection.answer("GET").expect("what was begun is answered").expect(200);
        assert_eq!(answer.text(), "late");
        assert!(connection.answer("GET").is_none(), "then the connection is closed");
    }
    let stopped = server.ended();
    assert_eq!(stopped.code, Some(0));
    let server = stopped.start();
    let usage = server.operator().get(&format!("/v1/usage?key_id={id}")).expect(200).json();
    assert_eq!(usage["items"][0]["count"], 5, "what was counted last is kept");
}

#[test]
fn a_request_that_never_ends_is_cut_off_and_the_server_ends_all_the_same() {
    let upstream = Slow::start();
    let mut builder = ServerBuilder::new(crate::PROGRAM).profile("default");
    let settings = builder.directory().join("settings.toml");
    std::fs::write(&settings, "drain_timeout = \"1s\"\n").unwrap();
    let builder = builder.argument("--config").argument(settings.to_str().unwrap());
    let server = builder.argument("--upstream").argument(&upstream.url).start();
    let account = server.operator().account("Acme");
    let (_, key) = server.operator().issue_plain(&account, "patient");
    let mut connection = Connection::open(server.gateway);
    connection.send(asking(&key).as_bytes());
    let _held = upstream.next();
    let took = timed(|| assert_eq!(server.stop().code, Some(0)));
    assert!(took.as_secs() < 10, "{took:?}");
    assert!(connection.answer("GET").is_none());
}

#[test]
fn changes_that_were_answered_while_it_ends_are_kept() {
    const WRITERS: usize = 8;
    let server = ServerBuilder::new(crate::PROGRAM).profile("default").start();
    let account = server.operator().account("Acme");
    let path = format!("/v1/accounts/{account}/keys");
    let (ledger, answered) = (Mutex::new(Vec::new()), AtomicUsize::new(0));
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let mut line = Line::open(&server);
            let (path, ledger, answered) = (&path, &ledger, &answered);
            scope.spawn(move || {
                for number in 0.. {
                    let Some(answer) = line.post(path, &json!({"name": format!("{writer}.{number}")})) else {
                        return;
                    };
                    // Whatever is refused at the very end was not made.
                    if answer.status == 503 {
                        return;
                    }
                    let issued = answer.expect(201).json();
                    ledger.lock().unwrap().push(text(&issued, "key").to_owned());
                    answered.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        while answered.load(Ordering::SeqCst) < 50 {
            thread::yield_now();
        }
        server.ask_to_end();
    });
    let mut stopped = server.ended();
    assert_eq!(stopped.code, Some(0));
    is_whole(&stopped.data());
    let server = stopped.start();
    let operator = server.operator();
    for key in ledger.lock().unwrap().iter() {
        assert_eq!(operator.verify(&json!({"key": key}))["allowed"], true);
    }
}

#[test]
fn an_idle_server_with_open_connections_ends_at_once() {
    let server = ServerBuilder::new(crate::PROGRAM).profile("default").start();
    let account = server.operator().account("Acme");
    let (_, key) = server.operator().issue_plain(&account, "idle");
    let mut kept = Connection::open(server.gateway);
    kept.send(asking(&key).as_bytes());
    assert_eq!(kept.answer("GET").unwrap().status, 200);
    let _silent = (Connection::open(server.gateway), Connection::open(server.control));
    let took = timed(|| assert_eq!(server.stop().code, Some(0)));
    assert!(took.as_secs() < 5, "{took:?}");
}

#[test]
fn the_command_line_says_so_when_nobody_answers() {
    let server = ServerBuilder::new(crate::PROGRAM).profile("default").start();
    let url = format!("http://{}", server.control);
    let program = Program::at(crate::PROGRAM).with("CLAVIGER_OPERATOR_KEY", server.operator_key());
    assert_eq!(server.stop().code, Some(0));
    let ended = program.run(&["key", "list", "--url", &url]).expect(1);
    assert!(ended.err.contains("can't be reached") && ended.err.contains(&url), "{}", ended.err);
}
