//! A connection that speaks TLS, from its first byte: whoever reads from it waits until hands were shaken.
//!
//! So shaking hands is part of bringing the first request: it takes a connection's place and its time, which ends at the
//! same moment, and nobody who accepts connections waits for it.

use std::{
    io::{self, IoSlice},
    mem,
    pin::Pin,
    task::{Context, Poll, ready},
};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::{io::ReadBuf, net::TcpStream};
use tokio_rustls::{Accept, TlsAcceptor, server::TlsStream};

/// What whoever speaks plain HTTP here is told, as far as they read it.
const PLAIN: &[u8] = b"HTTP/1.1 400 Bad Request\r\n\
    content-type: text/plain\r\n\
    content-length: 47\r\n\
    connection: close\r\n\r\n\
    This port speaks TLS: ask again with https://.\n";

/// A connection that speaks TLS.
pub(super) struct Tls(Progress);

enum Progress {
    /// Nothing has come.
    Silent(TcpStream, TlsAcceptor),
    ShakingHands(Accept<TcpStream>),
    Open(TokioIo<TlsStream<TcpStream>>),
    Over,
}

impl Tls {
    pub(super) fn new(stream: TcpStream, acceptor: TlsAcceptor) -> Self {
        Self(Progress::Silent(stream, acceptor))
    }

    /// The connection, once hands are shaken.
    fn poll_open(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Pin<&mut TokioIo<TlsStream<TcpStream>>>>> {
        while let Progress::Silent(..) | Progress::ShakingHands(_) = &self.0 {
            let (next, waits) = mem::replace(&mut self.0, Progress::Over).poll_next(cx)?;
            self.0 = next;
            if waits {
                return Poll::Pending;
            }
        }
        Poll::Ready(match &mut self.0 {
            Progress::Open(stream) => Ok(Pin::new(stream)),
            _ => Err(io::ErrorKind::NotConnected.into()),
        })
    }
}

impl Progress {
    /// What comes next, or the same, and whether that has to be waited for.
    fn poll_next(self, cx: &mut Context<'_>) -> io::Result<(Self, bool)> {
        match self {
            Self::Silent(stream, acceptor) => match poll_is_plain(&stream, cx) {
                Poll::Pending => Ok((Self::Silent(stream, acceptor), true)),
                Poll::Ready(Ok(false)) => Ok((Self::ShakingHands(acceptor.accept(stream)), false)),
                Poll::Ready(Ok(true)) => {
                    tell_plain(&stream);
                    Err(io::Error::other("plain HTTP where TLS is spoken"))
                }
                Poll::Ready(Err(error)) => Err(error),
            },
            Self::ShakingHands(mut hands) => match Pin::new(&mut hands).poll(cx) {
                Poll::Pending => Ok((Self::ShakingHands(hands), true)),
                Poll::Ready(shaken) => Ok((Self::Open(TokioIo::new(shaken?)), false)),
            },
            at_its_end => Ok((at_its_end, false)),
        }
    }
}

/// Whether the first byte is the beginning of a method: TLS begins with others.
fn poll_is_plain(stream: &TcpStream, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
    let mut byte = [0];
    let read = ready!(stream.poll_peek(cx, &mut ReadBuf::new(&mut byte)))?;
    Poll::Ready(Ok(read == 1 && byte[0].is_ascii_uppercase()))
}

fn tell_plain(stream: &TcpStream) {
    // What is left unread would make the system take back what is written.
    let mut unread = [0; 4 << 10];
    let _ = stream.try_read(&mut unread);
    // A fresh connection has room for it; who doesn't read it is refused all the same.
    let _ = stream.try_write(PLAIN);
}

impl Read for Tls {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_open(cx))?.poll_read(cx, buffer)
    }
}

impl Write for Tls {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_open(cx))?.poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.0 {
            Progress::Open(stream) => Pin::new(stream).poll_flush(cx),
            _ => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.0 {
            Progress::Open(stream) => Pin::new(stream).poll_shutdown(cx),
            _ => Poll::Ready(Ok(())),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_open(cx))?.poll_write_vectored(cx, parts)
    }
}
