//! The one type of body that passes through, without its trailers.
//!
//! Trailers are dropped both ways (RFC 9110 §6.5.1 lets an intermediary): a server that merges them into the header
//! would take a caller's word for a field that only we may write.

use std::{
    error::Error,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::{BodyExt as _, combinators::UnsyncBoxBody};
use pin_project_lite::pin_project;

/// Why a body ended early.
///
/// A type of its own rather than a boxed trait object: futures that hold a body stay `Send` for the compiler too.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct BodyError(Box<dyn Error + Send + Sync>);

impl BodyError {
    /// Says what went wrong.
    pub fn new(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(error.into())
    }
}

/// A request's or an answer's body.
pub type Body = UnsyncBoxBody<Bytes, BodyError>;

/// Any body as the one type.
pub fn body<B>(body: B) -> Body
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    body.map_err(BodyError::new).boxed_unsync()
}

pin_project! {
    pub(crate) struct WithoutTrailers<B> {
        #[pin]
        inner: B,
    }
}

impl<B> WithoutTrailers<B> {
    pub(crate) fn new(inner: B) -> Self {
        Self { inner }
    }
}

impl<B: HttpBody> HttpBody for WithoutTrailers<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut inner = self.project().inner;
        loop {
            match ready!(inner.as_mut().poll_frame(cx)) {
                Some(Ok(frame)) if frame.is_trailers() => {}
                other => return Poll::Ready(other),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use http_body_util::StreamBody;

    use super::*;

    #[tokio::test]
    async fn data_passes_and_trailers_do_not() {
        let frames: [Result<_, BodyError>; 4] = [
            Ok(Frame::data(Bytes::from_static(b"a"))),
            Ok(Frame::trailers(HeaderMap::new())),
            Ok(Frame::data(Bytes::from_static(b"b"))),
            Ok(Frame::trailers(HeaderMap::new())),
        ];
        let mut passed = WithoutTrailers::new(StreamBody::new(futures_util::stream::iter(frames)));
        let mut text = Vec::new();
        while let Some(frame) = passed.frame().await {
            text.extend_from_slice(&frame.unwrap().into_data().unwrap());
        }
        assert_eq!(text, b"ab");
    }
}
