//! Both ends of the wire, byte for byte, and as much of WebSocket's framing (RFC 6455 §5.2) as a test needs.

use std::{
    io::{self, Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::mpsc,
    thread,
    time::Duration,
};

use socket2::SockRef;

/// How long what a test waits for may take before it fails.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long is listened for what must not come.
const LISTENING: Duration = Duration::from_millis(200);

const TEXT: u8 = 0x81;
const MASKED: u8 = 0x80;
/// In place of a length: it is in the next two bytes, or in the next eight.
const LONGER: [u8; 2] = [0x7e, 0x7f];
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// An upstream that answers nothing by itself.
pub(super) struct Upstream {
    came: mpsc::Receiver<TcpStream>,
    url: String,
}

impl Upstream {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let (tell, came) = mpsc::channel();
        thread::spawn(move || listener.incoming().flatten().try_for_each(|stream| tell.send(stream)));
        Self { came, url }
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// The next connection that came.
    #[track_caller]
    pub(super) fn next(&self) -> Wire {
        Wire::over(self.came.recv_timeout(PATIENCE).expect("the upstream is asked"))
    }

    /// Whether no connection came that the test hasn't taken.
    pub(super) fn is_left_alone(&self) -> bool {
        self.came.try_recv().is_err()
    }
}

/// One connection, from either end.
pub(super) struct Wire {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Wire {
    #[track_caller]
    pub(super) fn to(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).expect("the gateway listens"))
    }

    fn over(stream: TcpStream) -> Self {
        stream.set_nodelay(true).expect("TCP_NODELAY can be set");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time-out can be set");
        stream.set_write_timeout(Some(PATIENCE)).expect("a time-out can be set");
        Self { stream, unread: Vec::new() }
    }

    #[track_caller]
    pub(super) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).expect("the other end takes it");
    }

    /// A second handle, to send by while the first one reads.
    pub(super) fn sender(&self) -> TcpStream {
        self.stream.try_clone().expect("a socket can be shared")
    }

    /// Breaks the connection off: the other end hears of it in the middle of whatever it does.
    pub(super) fn reset(self) {
        SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)).expect("it can be told not to linger");
    }

    /// Says that nothing more is sent.
    pub(super) fn finish(&mut self) {
        self.stream.shutdown(Shutdown::Write).expect("the connection is open");
    }

    /// Everything up to the empty line that ends a head.
    #[track_caller]
    pub(super) fn head(&mut self) -> Head {
        loop {
            if let Some(at) = self.unread.windows(4).position(|four| four == b"\r\n\r\n") {
                let head = self.bytes(at + 4);
                return Head(String::from_utf8(head).expect("a head is text"));
            }
            self.read_more();
        }
    }

    #[track_caller]
    pub(super) fn bytes(&mut self, count: usize) -> Vec<u8> {
        while self.unread.len() < count {
            self.read_more();
        }
        self.unread.drain(..count).collect()
    }

    #[track_caller]
    fn read_more(&mut self) {
        let more = self.try_read().expect("something comes in time");
        assert!(more, "the connection ended after {:?}", String::from_utf8_lossy(&self.unread));
    }

    /// Waits for more bytes; false at the end, however it came.
    fn try_read(&mut self) -> io::Result<bool> {
        let mut buffer = [0; 16 << 10];
        match self.stream.read(&mut buffer) {
            Ok(count) => {
                self.unread.extend_from_slice(&buffer[..count]);
                Ok(count > 0)
            }
            Err(error)
                if matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe) =>
            {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Everything that comes until the other end closes.
    #[track_caller]
    pub(super) fn rest(&mut self) -> Vec<u8> {
        while self.try_read().expect("the connection ends in time") {}
        std::mem::take(&mut self.unread)
    }

    /// Whether nothing comes for a moment, and the connection stays.
    #[track_caller]
    pub(super) fn is_silent(&mut self) -> bool {
        self.stream.set_read_timeout(Some(LISTENING)).expect("a time-out can be set");
        let came = self.try_read();
        self.stream.set_read_timeout(Some(PATIENCE)).expect("a time-out can be set");
        came.is_err() && self.unread.is_empty()
    }

    /// Sends a text as a server does.
    pub(super) fn send_message(&mut self, text: &str) {
        let mut frame = head_of(text.len(), 0);
        frame.extend_from_slice(text.as_bytes());
        self.send(frame);
    }

    /// Sends a text as a client does.
    pub(super) fn send_masked(&mut self, text: &str) {
        self.send(masked(text));
    }

    /// Reads a text, masked or not.
    #[track_caller]
    pub(super) fn message(&mut self) -> String {
        let head = self.bytes(2);
        assert_eq!(head[0], TEXT, "a whole text in one frame");
        let length = match head[1] & !MASKED {
            length if length == LONGER[0] => {
                usize::from(u16::from_be_bytes(self.bytes(2).try_into().expect("two bytes")))
            }
            length if length == LONGER[1] => {
                usize::try_from(u64::from_be_bytes(self.bytes(8).try_into().expect("eight bytes")))
                    .expect("it fits in memory")
            }
            length => length.into(),
        };
        let mask = if head[1] & MASKED == 0 { vec![0; 4] } else { self.bytes(4) };
        let mut text = self.bytes(length);
        text.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
        String::from_utf8(text).expect("a text is text")
    }
}

/// A text in a frame as a client sends it.
pub(super) fn masked(text: &str) -> Vec<u8> {
    let mut frame = head_of(text.len(), MASKED);
    frame.extend(MASK);
    frame.extend(text.bytes().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

fn head_of(length: usize, mask_bit: u8) -> Vec<u8> {
    match u16::try_from(length) {
        Ok(length @ 0..126) => vec![TEXT, mask_bit | length.to_be_bytes()[1]],
        Ok(length) => [&[TEXT, mask_bit | LONGER[0]][..], &length.to_be_bytes()].concat(),
        Err(_) => [&[TEXT, mask_bit | LONGER[1]][..], &(length as u64).to_be_bytes()].concat(),
    }
}

/// The head of a message as it came.
#[derive(Debug)]
pub(super) struct Head(String);

impl Head {
    #[track_caller]
    pub(super) fn status(&self) -> u16 {
        let line = self.0.lines().next().unwrap_or_default();
        line.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("an answer has a status")
    }

    pub(super) fn all(&self, name: &str) -> Vec<&str> {
        let fields = self.0.lines().skip(1).filter_map(|line| line.split_once(':'));
        fields.filter(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).collect()
    }

    #[track_caller]
    pub(super) fn only(&self, name: &str) -> Option<&str> {
        let values = self.all(name);
        assert!(values.len() < 2, "{name}: {values:?}");
        values.first().copied()
    }

    pub(super) fn contains(&self, text: &str) -> bool {
        self.0.contains(text)
    }
}
