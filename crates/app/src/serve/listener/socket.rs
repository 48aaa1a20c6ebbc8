//! A connection's socket together with its place: whoever has the one has the other.
//!
//! A connection that goes over to another protocol outlives the task that served its requests. It is counted for as long
//! as it is open all the same, and an end waits for it as for every other one.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
};

use claviger_gateway::limits::UNREAD_MAX;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::{rt::TokioIo, server::graceful::Watcher};
use tokio::{
    net::TcpStream,
    time::{Sleep, sleep},
};
use tokio_rustls::TlsAcceptor;

use super::{Admitted, tls::Tls};

/// An open connection.
pub(super) struct Socket {
    stream: Stream,
    /// Set while something waits to be sent: for how much longer it may.
    unread: Option<Pin<Box<Sleep>>>,
    _place: Admitted,
    /// Says to whoever waits for all connections to end that this one hasn't.
    _open: Watcher,
}

enum Stream {
    Plain(TokioIo<TcpStream>),
    /// Boxed once a connection, so that one without TLS is no larger for it.
    Tls(Box<Tls>),
}

/// What is done with the stream, whichever it is.
macro_rules! with {
    ($socket:ident, $stream:ident => $done:expr) => {
        match &mut $socket.stream {
            Stream::Plain($stream) => {
                let $stream = Pin::new($stream);
                $done
            }
            Stream::Tls($stream) => {
                let $stream = Pin::new(&mut **$stream);
                $done
            }
        }
    };
}

impl Socket {
    /// The connection `stream`, which speaks TLS where there is something to speak it with.
    pub(super) fn new(stream: TcpStream, tls: Option<&TlsAcceptor>, place: Admitted, open: Watcher) -> Self {
        let stream = match tls {
            None => Stream::Plain(TokioIo::new(stream)),
            Some(tls) => Stream::Tls(Box::new(Tls::new(stream, tls.clone()))),
        };
        Self { stream, unread: None, _place: place, _open: open }
    }

    /// What became of sending something: an error where nothing of it could be sent for too long. Whoever sends looks at
    /// nothing else until it is sent, so that a caller who reads nothing would never be left.
    fn sent<T>(&mut self, cx: &mut Context<'_>, sent: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if sent.is_ready() {
            if self.unread.is_some() {
                self.unread = None;
            }
            return sent;
        }
        let unread = self.unread.get_or_insert_with(|| Box::pin(sleep(UNREAD_MAX)));
        unread.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl Read for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        with!(self, stream => stream.poll_read(cx, buffer))
    }
}

impl Write for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let sent = with!(self, stream => stream.poll_write(cx, bytes));
        self.sent(cx, sent)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let sent = with!(self, stream => stream.poll_flush(cx));
        self.sent(cx, sent)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let sent = with!(self, stream => stream.poll_shutdown(cx));
        self.sent(cx, sent)
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            Stream::Plain(stream) => stream.is_write_vectored(),
            Stream::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let sent = with!(self, stream => stream.poll_write_vectored(cx, parts));
        self.sent(cx, sent)
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, sync::Arc};

    use hyper_util::server::graceful::GracefulShutdown;
    use tokio::{
        io::AsyncReadExt as _,
        net::TcpListener,
        sync::Semaphore,
        time::{Duration, Instant, advance, pause},
    };

    use super::*;

    const PART: &[u8] = &[b'x'; 64 << 10];

    /// A socket, and who is to read from it.
    async fn connected() -> (Socket, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let reader = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let place = Arc::new(Semaphore::new(1)).acquire_owned().await.unwrap();
        let socket = Socket::new(stream, None, Admitted::new(place), GracefulShutdown::new().watcher());
        (socket, reader)
    }

    /// Sends until nothing more goes out at once.
    async fn fill(socket: &mut Socket) {
        poll_fn(|cx| {
            loop {
                match Pin::new(&mut *socket).poll_write(cx, PART) {
                    Poll::Ready(sent) => sent.unwrap(),
                    Poll::Pending => return Poll::Ready(()),
                };
            }
        })
        .await;
    }

    async fn send(socket: &mut Socket) -> io::Result<usize> {
        poll_fn(|cx| Pin::new(&mut *socket).poll_write(cx, PART)).await
    }

    #[tokio::test]
    async fn a_caller_who_reads_nothing_is_left_and_one_who_reads_on_is_not() {
        let (mut socket, mut reader) = connected().await;
        fill(&mut socket).await;
        pause();
        advance(UNREAD_MAX.checked_sub(Duration::from_secs(1)).unwrap()).await;
        tokio::time::resume();
        let mut read = vec![0; 1 << 20];
        tokio::select! {
            sent = send(&mut socket) => assert!(sent.unwrap() > 0),
            () = async { while reader.read(&mut read).await.is_ok_and(|count| count > 0) {} } => unreachable!(),
        }
        fill(&mut socket).await;
        pause();
        let since = Instant::now();
        assert_eq!(send(&mut socket).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(since.elapsed() >= UNREAD_MAX);
    }
}
