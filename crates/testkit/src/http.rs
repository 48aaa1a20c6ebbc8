//! HTTP/1.1 as bytes: what is sent is what the test wrote, what comes back is parsed and nothing repaired.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    time::Duration,
};

use serde_json::Value;

/// How long an answer may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a connection may take that is sought again if it isn't made.
const CONNECT_PATIENCE: Duration = Duration::from_secs(1);

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The header fields in order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, its transfer coding undone.
    pub body: Vec<u8>,
}

impl Answer {
    /// The first field called `name` (lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is text")
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| unreadable(self, &error))
    }

    /// This answer, if it has `status`; a failed test that shows it otherwise.
    #[must_use]
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        self
    }
}

#[expect(clippy::panic, reason = "a test that can't read its answer has failed")]
fn unreadable(answer: &Answer, error: &serde_json::Error) -> Value {
    panic!("{error}: {}", String::from_utf8_lossy(&answer.body))
}

/// A connection that is kept open.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    /// Bytes that arrived after the last answer.
    rest: Vec<u8>,
}

impl Connection {
    /// Connects.
    #[track_caller]
    pub fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect_timeout(&address, PATIENCE).expect("the server listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time-out can be set");
        stream.set_nodelay(true).expect("TCP_NODELAY can be set");
        Self { stream, rest: Vec::new() }
    }

    /// Connects for someone who waits for answers as long as it takes, and gives them up by shutting the stream down.
    pub(crate) fn that_waits(address: SocketAddr) -> io::Result<(Self, TcpStream)> {
        let stream = TcpStream::connect_timeout(&address, CONNECT_PATIENCE)?;
        stream.set_nodelay(true)?;
        let other = stream.try_clone()?;
        Ok((Self { stream, rest: Vec::new() }, other))
    }

    /// Sends these bytes. A server that has already answered and closed is no failure.
    pub fn send(&mut self, bytes: &[u8]) {
        match self.stream.write_all(bytes) {
            Ok(()) => {}
            Err(error)
                if matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset) => {}
            Err(error) => fail(&format!("the request can't be sent: {error}")),
        }
    }

    /// Says that nothing more is sent.
    pub fn finish(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Reads one answer to a request with `method`; `None` if the connection was closed without one.
    #[track_caller]
    pub fn answer(&mut self, method: &str) -> Option<Answer> {
        self.try_answer(method).unwrap_or_else(|error| fail(&format!("no answer: {error}")))
    }

    /// Reads whatever comes until the other end closes.
    #[track_caller]
    pub fn until_closed(&mut self) -> Vec<u8> {
        while self.more().unwrap_or_else(|error| fail(&format!("the connection isn't closed: {error}"))) {}
        std::mem::take(&mut self.rest)
    }

    /// Sends a whole request and reads its answer, if the connection lasts until that is complete.
    pub(crate) fn try_exchange(&mut self, request: &[u8], method: &str) -> io::Result<Option<Answer>> {
        self.stream.write_all(request)?;
        self.try_answer(method)
    }

    fn try_answer(&mut self, method: &str) -> io::Result<Option<Answer>> {
        loop {
            if let Some(head) = parse_head(&self.rest) {
                self.rest.drain(..head.length);
                if (100..200).contains(&head.status) {
                    continue;
                }
                let body = self.body(method, &head)?;
                return Ok(Some(Answer { status: head.status, headers: head.headers, body }));
            }
            if !self.more()? {
                return Ok(None);
            }
        }
    }

    fn body(&mut self, method: &str, head: &Head) -> io::Result<Vec<u8>> {
        let field = |name: &str| head.headers.iter().find(|(field, _)| field == name).map(|(_, value)| value);
        if method == "HEAD" || head.status == 204 || head.status == 304 {
            return Ok(Vec::new());
        }
        if field("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
            return self.chunks();
        }
        if let Some(length) = field("content-length") {
            return self.exactly(length.parse().expect("a content length is a number"));
        }
        while self.more()? {}
        Ok(std::mem::take(&mut self.rest))
    }

    fn exactly(&mut self, length: usize) -> io::Result<Vec<u8>> {
        while self.rest.len() < length {
            self.more_of_a_body()?;
        }
        Ok(self.rest.drain(..length).collect())
    }

    fn chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = self.line()?;
            let size = line.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(size, 16).expect("a chunk begins with its size");
            body.extend(self.exactly(size)?);
            if size == 0 {
                while !self.line()?.is_empty() {}
                return Ok(body);
            }
            assert_eq!(self.exactly(2)?, b"\r\n");
        }
    }

    fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = self.rest.windows(2).position(|pair| pair == b"\r\n") {
                let line = self.rest.drain(..end + 2).take(end).collect();
                return Ok(String::from_utf8(line).expect("a line of the framing is text"));
            }
            self.more_of_a_body()?;
        }
    }

    fn more_of_a_body(&mut self) -> io::Result<()> {
        if self.more()? {
            return Ok(());
        }
        Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the connection was closed in the middle of a body"))
    }

    /// Waits for more bytes; false at the end.
    fn more(&mut self) -> io::Result<bool> {
        let mut buffer = [0; 16 << 10];
        match self.stream.read(&mut buffer) {
            Ok(0) => Ok(false),
            Ok(count) => {
                self.rest.extend_from_slice(&buffer[..count]);
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(false),
            Err(error) => Err(error),
        }
    }
}

struct Head {
    status: u16,
    headers: Vec<(String, String)>,
    length: usize,
}

fn parse_head(bytes: &[u8]) -> Option<Head> {
    let mut fields = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut fields);
    let httparse::Status::Complete(length) = response.parse(bytes).expect("the answer is HTTP") else {
        return None;
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let headers = response.headers.iter().map(|field| (field.name.to_ascii_lowercase(), text(field.value)));
    Some(Head {
        status: response.code.expect("a complete answer has a status"),
        headers: headers.collect(),
        length,
    })
}

#[expect(clippy::panic, reason = "a test whose server is gone has failed")]
#[track_caller]
fn fail(what: &str) -> ! {
    panic!("{what}")
}

/// A request as bytes: the fields as they are given, the length of the body, and the wish to close.
pub(crate) fn request(method: &str, path: &str, fields: &[(&str, &str)], body: &str) -> Vec<u8> {
    let mut lines = vec![format!("{method} {path} HTTP/1.1")];
    lines.extend(fields.iter().map(|(name, value)| format!("{name}: {value}")));
    lines.push(format!("Content-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len()));
    lines.join("\r\n").into_bytes()
}

/// Sends one request on a connection of its own and reads its answer; `None` if there is none.
pub fn exchange(address: SocketAddr, method: &str, request: &[u8]) -> Option<Answer> {
    let mut connection = Connection::open(address);
    connection.send(request);
    connection.answer(method)
}
