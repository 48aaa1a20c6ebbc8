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

use super::Admitted;

/// An open connection.
pub(super) struct Socket {
    stream: TokioIo<TcpStream>,
    _place: Admitted,
    /// Says to whoever waits for all connections to end that this one hasn't.
    _open: Watcher,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, place: Admitted, open: Watcher) -> Self {
        Self { stream: TokioIo::new(stream), _place: place, _open: open }
    }
}

impl Read for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl Write for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, parts)
    }
}
