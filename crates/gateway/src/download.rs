//! An answer's body on its way to the caller: without trailers, and broken off when the upstream falls silent or the key
//! no longer allows it.
//!
//! A caller who reads slowly is no silence of the upstream's: time runs only while the upstream owes the next piece.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};

use crate::{
    body::{Body, BodyError, WithoutTrailers},
    limits::{ANSWER_SILENCE_MAX, JUDGED_EVERY},
    tenure::Tenure,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the upstream fell silent in the middle of its answer")]
struct Silence;

pub(crate) struct Download {
    inner: WithoutTrailers<Body>,
    tenure: Tenure,
    begun: bool,
    /// For how many seconds the upstream has owed the next piece; `None` in the second in which it began to.
    silent: Option<u32>,
}

impl Download {
    pub(crate) fn new(body: Body, tenure: Tenure) -> Self {
        Self { inner: WithoutTrailers::new(body), tenure, begun: false, silent: None }
    }

    /// Another second is over in which the upstream owed the next piece.
    fn wait(&mut self) -> Result<(), Silence> {
        let silent = self.silent.map_or(0, |silent| silent + 1);
        self.silent = Some(silent);
        if JUDGED_EVERY * silent < ANSWER_SILENCE_MAX { Ok(()) } else { Err(Silence) }
    }
}

impl HttpBody for Download {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let next = Pin::new(&mut self.inner).poll_frame(cx);
        match &next {
            Poll::Ready(Some(Ok(_))) => {
                self.silent = None;
                // Most answers come in one piece.
                if !std::mem::replace(&mut self.begun, true) {
                    return next;
                }
            }
            Poll::Ready(_) => return next,
            Poll::Pending => {}
        }
        while let Poll::Ready(checked) = self.tenure.poll_second(cx) {
            let waited = if next.is_pending() { self.wait() } else { Ok(()) };
            if let Err(error) = checked.map_err(BodyError::new).and(waited.map_err(BodyError::new)) {
                return Poll::Ready(Some(Err(error)));
            }
        }
        next
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
    use http_body_util::{BodyExt as _, Full, StreamBody};
    use tokio::time::{Instant, sleep};

    use super::*;
    use crate::{body::body, tenure::tests as tenure};

    /// A body whose pieces come after these silences.
    fn after(silences: &[Duration]) -> Download {
        lasting(silences, tenure::unlimited())
    }

    fn lasting(silences: &[Duration], tenure: Tenure) -> Download {
        let pieces = stream::iter(silences.to_vec()).then(|silence| async move {
            sleep(silence).await;
            Ok::<_, BodyError>(Frame::data(Bytes::from_static(b"event")))
        });
        Download::new(body(StreamBody::new(pieces)), tenure)
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
        assert!((ANSWER_SILENCE_MAX..=ANSWER_SILENCE_MAX + JUDGED_EVERY).contains(&waited), "{waited:?}");
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

    #[tokio::test(start_paused = true)]
    async fn an_answer_ends_with_its_key_and_not_as_if_it_was_whole() {
        let second = Duration::from_secs(1);
        for silences in [[second / 10; 100], [second * 10; 100], [Duration::ZERO; 100]] {
            let (tenure, looks) = tenure::for_looks(3);
            let mut answer = lasting(&silences, tenure);
            let begun = Instant::now();
            let error = loop {
                match answer.frame().await.unwrap() {
                    // Who takes every piece at once is the same to the upstream as who takes its time.
                    Ok(_) if silences[0].is_zero() => sleep(second / 10).await,
                    Ok(_) => {}
                    Err(error) => break error,
                }
            };
            assert!(error.to_string().contains("key"), "{error}");
            assert_eq!(looks.load(std::sync::atomic::Ordering::SeqCst), 4);
            assert!((4..=5).contains(&begun.elapsed().as_secs()), "{silences:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_in_one_piece_needs_no_timer() {
        let mut answer = Download::new(body(Full::new(Bytes::from_static(b"whole"))), tenure::unlimited());
        assert!(answer.frame().await.unwrap().is_ok() && answer.frame().await.is_none());
        assert!(!answer.tenure.is_timed());
    }
}
