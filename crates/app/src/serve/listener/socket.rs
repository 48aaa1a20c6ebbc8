//! A connection's socket together with its place: whoever has the one has the other.
//!
//! A connection that goes over to another protocol outlives the task that served its requests. It is counted for as long
//! as it is open all the same, and an end waits for it as for every other one.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::{rt::TokioIo, server::graceful::Watcher};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::{Admitted, tls::Tls};

/// An open connection.
pub(super) struct Socket {
    stream: Stream,
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
        Self { stream, _place: place, _open: open }
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
        with!(self, stream => stream.poll_write(cx, bytes))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        with!(self, stream => stream.poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        with!(self, stream => stream.poll_shutdown(cx))
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
        with!(self, stream => stream.poll_write_vectored(cx, parts))
    }
}
