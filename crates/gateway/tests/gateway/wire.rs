//! Both ends of the wire, byte for byte: HTTP libraries quietly repair most of what is tested here.

use std::{future::Future, net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// A test that hangs fails; nothing here waits for time to pass.
async fn soon<T>(waiting: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("nothing happened on the wire")
}

/// One connection, from either end.
pub(crate) struct Wire {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Wire {
    pub(crate) async fn to(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).await.unwrap())
    }

    fn over(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        Self { stream, unread: Vec::new() }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        soon(self.stream.write_all(bytes.as_ref())).await.unwrap();
    }

    async fn read_more(&mut self) -> bool {
        soon(self.stream.read_buf(&mut self.unread)).await.is_ok_and(|length| length > 0)
    }

    /// Everything up to and with the empty line that ends a head.
    pub(crate) async fn head(&mut self) -> Head {
        loop {
            if let Some(at) = self.unread.windows(4).position(|four| four == b"\r\n\r\n") {
                let rest = self.unread.split_off(at + 4);
                let head = std::mem::replace(&mut self.unread, rest);
                return Head(String::from_utf8(head).unwrap());
            }
            assert!(self.read_more().await, "closed before a whole head: {:?}", self.unread);
        }
    }

    pub(crate) async fn bytes(&mut self, count: usize) -> Vec<u8> {
        while self.unread.len() < count {
            assert!(self.read_more().await, "closed before {count} bytes: {:?}", self.unread);
        }
        let rest = self.unread.split_off(count);
        std::mem::replace(&mut self.unread, rest)
    }

    pub(crate) async fn text(&mut self, count: usize) -> String {
        String::from_utf8(self.bytes(count).await).unwrap()
    }

    /// Everything until the other end closes.
    pub(crate) async fn rest(&mut self) -> String {
        while self.read_more().await {}
        String::from_utf8(std::mem::take(&mut self.unread)).unwrap()
    }

    /// A head and the body that its `Content-Length` tells.
    pub(crate) async fn message(&mut self) -> (Head, String) {
        let head = self.head().await;
        let length = head.only("content-length").map_or(0, |length| length.parse().unwrap());
        let body = self.text(length).await;
        (head, body)
    }
}

/// The head of a message as it came.
#[derive(Debug)]
pub(crate) struct Head(String);

impl Head {
    pub(crate) fn first_line(&self) -> &str {
        self.0.lines().next().unwrap()
    }

    pub(crate) fn status(&self) -> u16 {
        self.first_line().split(' ').nth(1).unwrap().parse().unwrap()
    }

    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let fields = self.0.lines().skip(1).filter_map(|line| line.split_once(':'));
        fields.filter(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).collect()
    }

    pub(crate) fn only(&self, name: &str) -> Option<&str> {
        let values = self.all(name);
        assert!(values.len() < 2, "{name}: {values:?}");
        values.first().copied()
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let fields = self.0.lines().skip(1).filter_map(|line| line.split_once(':'));
        let mut names: Vec<_> = fields.map(|(name, _)| name.to_ascii_lowercase()).collect();
        names.sort_unstable();
        names
    }

    pub(crate) fn contains(&self, text: &str) -> bool {
        self.0.contains(text)
    }
}

/// An upstream that answers nothing by itself.
pub(crate) struct Server {
    listener: TcpListener,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.unwrap() }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }

    pub(crate) async fn accept(&self) -> Wire {
        Wire::over(soon(self.listener.accept()).await.unwrap().0)
    }
}
