//! An upstream that keeps every byte of every whole request.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
};

use super::template::contains;

/// What it answers.
pub(crate) const BODY: &str = "{\"reached\":true}";

/// A listener that answers everything the same.
pub(crate) struct Upstream {
    address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
}

/// A request, byte for byte.
#[derive(Clone, Debug)]
pub(crate) struct Received(Vec<u8>);

impl Upstream {
    /// Answers 200 with [`BODY`].
    pub(crate) fn start() -> Self {
        let length = BODY.len();
        Self::answering(format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{BODY}"
        ))
    }

    /// Answers with these bytes.
    pub(crate) fn answering(answer: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("a listener has an address");
        let received = Arc::default();
        let kept = Arc::clone(&received);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (kept, answer) = (Arc::clone(&kept), answer.clone());
                std::thread::spawn(move || serve(stream, &kept, &answer));
            }
        });
        Self { address, received }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// As the value of `--upstream`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn count(&self) -> usize {
        self.received.lock().expect("nobody panics with the lock").len()
    }

    /// The request that arrived last.
    pub(crate) fn last(&self) -> Received {
        let received = self.received.lock().expect("nobody panics with the lock");
        received.last().expect("something reached the upstream").clone()
    }
}

fn serve(mut stream: TcpStream, kept: &Mutex<Vec<Received>>, answer: &str) {
    let mut bytes = Vec::new();
    while !is_whole(&bytes) {
        let mut buffer = [0; 4096];
        match stream.read(&mut buffer) {
            // What broke off is no request: an upstream drops it, and so does this one.
            Ok(0) | Err(_) => return,
            Ok(count) => bytes.extend_from_slice(&buffer[..count]),
        }
    }
    // Kept before it is answered: whoever has the answer finds the request here.
    kept.lock().expect("nobody panics with the lock").push(Received(bytes));
    let _ = stream.write_all(answer.as_bytes());
}

fn is_whole(bytes: &[u8]) -> bool {
    let Some(head) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
    let received = Received(bytes.to_vec());
    let body = &bytes[head + 4..];
    match received.only("content-length") {
        Some(length) => body.len() >= length.parse().unwrap_or(0),
        None => received.only("transfer-encoding").is_none() || body.ends_with(b"0\r\n\r\n"),
    }
}

impl Received {
    fn head(&self) -> &[u8] {
        let end = self.0.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(self.0.len());
        &self.0[..end]
    }

    /// Method and target, as they were sent.
    pub(crate) fn line(&self) -> String {
        let line = self.head().split(|byte| *byte == b'\r').next().unwrap_or_default();
        String::from_utf8_lossy(line.strip_suffix(b" HTTP/1.1").unwrap_or(line)).into_owned()
    }

    /// The values of a field, whatever case its name was sent in.
    pub(crate) fn values(&self, name: &str) -> Vec<String> {
        let head = String::from_utf8_lossy(self.head()).into_owned();
        let fields = head.split("\r\n").skip(1).filter_map(|line| line.split_once(':'));
        let named = fields.filter(|(field, _)| field.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.trim().to_owned()).collect()
    }

    /// The value of a field that is there once.
    pub(crate) fn only(&self, name: &str) -> Option<String> {
        let mut values = self.values(name);
        assert!(values.len() <= 1, "{name} is there twice");
        values.pop()
    }

    /// The names of all fields, in lower case.
    pub(crate) fn names(&self) -> Vec<String> {
        let head = String::from_utf8_lossy(self.head()).into_owned();
        let lines = head.split("\r\n").skip(1);
        lines.filter_map(|line| Some(line.split_once(':')?.0.to_ascii_lowercase())).collect()
    }

    pub(crate) fn contains(&self, part: &str) -> bool {
        contains(&self.0, part.as_bytes())
    }
}
