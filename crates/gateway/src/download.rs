//! An answer's body on its way to the caller: without trailers, and broken off when the upstream falls silent.
//!
//! A caller who reads slowly is no silence of the upstream's: time runs only while the upstream owes the next piece.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

use crate::{
    body::{Body, BodyError, WithoutTrailers},
    limits::ANSWER_SILENCE_MAX,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the upstream fell silent in the middle of its answer")]
struct Silence;

pub(crate) struct Download {
    inner: WithoutTrailers<Body>,
    /// Ends when the upstream has been silent for too long; there while it owes the next piece.
    patience: Option<Pin<Box<Sleep>>>,
}

impl Download {
    pub(crate) fn new(body: Body) -> Self {
        Self { inner: WithoutTrailers::new(body), patience: None }
    }
}

impl HttpBody for Download {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Poll::Ready(next) = Pin::new(&mut self.inner).poll_frame(cx) {
            self.patience = None;
            return Poll::Ready(next);
        }
        let patience = self.patience.get_or_insert_with(|| Box::pin(sleep(ANSWER_SILENCE_MAX)));
        patience.as_mut().poll(cx).map(|()| Some(Err(BodyError::new(Silence))))
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
    use std::time::Duration;

    use futures_util::stream::{self, StreamExt as _};
    use http_body_util::{BodyExt as _, StreamBody};
    use tokio::time::Instant;

    use super::*;
    use crate::body::body;

    /// A body whose pieces come after these silences.
    fn after(silences: &[Duration]) -> Download {
        let pieces = stream::iter(silences.to_vec()).then(|silence| async move {
            sleep(silence).await;
            Ok::<_, BodyError>(Frame::data(Bytes::from_static(b"event")))
        });
        Download::new(body(StreamBody::new(pieces)))
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_may_be_silent_now_and_then_and_take_as_long_as_it_likes() {
        let almost = ANSWER_SILENCE_MAX.checked_sub(Duration::from_millis(1)).unwrap();
        let whole = after(&[almost; 20]).collect().await.unwrap();
        assert_eq!(whole.to_bytes().len(), 100);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_stays_silent_is_broken_off() {
        let started = Instant::now();
        let mut answer = after(&[Duration::ZERO, ANSWER_SILENCE_MAX * 2]);
        assert!(answer.frame().await.unwrap().is_ok());
        let error = answer.frame().await.unwrap().unwrap_err();
        assert_eq!(error.to_string(), Silence.to_string());
        let waited = started.elapsed();
        assert!(
            (ANSWER_SILENCE_MAX..ANSWER_SILENCE_MAX + Duration::from_secs(1)).contains(&waited),
            "{waited:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_who_reads_slowly_uses_up_nobody_s_patience() {
        let mut answer = after(&[Duration::ZERO, Duration::from_mins(1), Duration::ZERO]);
        for _ in 0..3 {
            assert!(answer.frame().await.unwrap().is_ok());
            sleep(ANSWER_SILENCE_MAX * 2).await;
        }
        assert!(answer.frame().await.is_none());
    }
}
