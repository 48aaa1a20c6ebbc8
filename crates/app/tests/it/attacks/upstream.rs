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

    /// The same, and keeps its connections: what follows a request on one is the next request.
    pub(crate) fn that_keeps_connections() -> Self {
        let length = BODY.len();
        let head =
            format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n");
        Self::serving(move |stream, kept| serve_on(stream, kept, &head))
    }

    /// Answers with these bytes.
    pub(crate) fn answering(answer: String) -> Self {
        Self::serving(move |stream, kept| serve(stream, kept, &answer))
    }

    fn serving(serve: impl Fn(TcpStream, &Mutex<Vec<Received>>) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("a listener has an address");
        let received = Arc::default();
        let (kept, serve) = (Arc::clone(&received), Arc::new(serve));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (kept, serve) = (Arc::clone(&kept), Arc::clone(&serve));
                std::thread::spawn(move || serve(stream, &kept));
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

    /// What arrived after the first so many.
    pub(crate) fn after(&self, count: usize) -> Vec<Received> {
        self.received.lock().expect("nobody panics with the lock")[count..].to_vec()
    }

    /// The request that arrived last.
    pub(crate) fn last(&self) -> Received {
        let received = self.received.lock().expect("nobody panics with the lock");
        received.last().expect("something reached the upstream").clone()
    }
}

fn serve(mut stream: TcpStream, kept: &Mutex<Vec<Received>>, answer: &str) {
    let mut bytes = Vec::new();
    if whole(&mut stream, &mut bytes).is_none() {
        return;
    }
    // Kept before it is answered: whoever has the answer finds the request here.
    kept.lock().expect("nobody panics with the lock").push(Received(bytes));
    let _ = stream.write_all(answer.as_bytes());
}

fn serve_on(mut stream: TcpStream, kept: &Mutex<Vec<Received>>, head: &str) {
    let mut bytes = Vec::new();
    while let Some(end) = whole(&mut stream, &mut bytes) {
        let received = Received(bytes.drain(..end).collect());
        let body = if received.line().starts_with("HEAD ") { "" } else { BODY };
        kept.lock().expect("nobody panics with the lock").push(received);
        let _ = stream.write_all(format!("{head}{body}").as_bytes());
    }
}

/// Reads until there is a whole request at the beginning of `bytes`, and returns where that ends. What breaks off is no
/// request: an upstream drops it, and so does this one.
fn whole(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<usize> {
    loop {
        if let Some(end) = end_of(bytes) {
            return Some(end);
        }
        let mut buffer = [0; 4096];
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&buffer[..count]),
        }
    }
}

/// Where the request at the beginning of `bytes` ends, read as strictly as there is: lines end in CRLF, every coding is
/// `chunked`, and chunks have a size and nothing else.
fn end_of(bytes: &[u8]) -> Option<usize> {
    let head = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let received = Received(bytes[..head].to_vec());
    let length = match received.only("content-length") {
        _ if !received.values("transfer-encoding").is_empty() => chunks(&bytes[head..])?,
        Some(length) => length.parse().unwrap_or(0),
        None => 0,
    };
    (bytes.len() >= head + length).then_some(head + length)
}

/// The length of a chunked body with its trailers, if all of it is there.
fn chunks(body: &[u8]) -> Option<usize> {
    let line = |at: usize| body.get(at..)?.windows(2).position(|two| two == b"\r\n");
    let mut at = 0;
    loop {
        let length = line(at)?;
        let size = usize::from_str_radix(std::str::from_utf8(&body[at..at + length]).ok()?, 16).ok()?;
        at += length + 2;
        if size == 0 {
            break;
        }
        at += size + 2;
    }
    loop {
        let length = line(at)?;
        at += length + 2;
        if length == 0 {
            return Some(at);
        }
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
        let line = line.strip_suffix(b" HTTP/1.1").or(line.strip_suffix(b" HTTP/1.0")).unwrap_or(line);
        String::from_utf8_lossy(line).into_owned()
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
