//! A request's body on its way to the upstream: bounded, watched, never held back, and broken off when the key no longer
//! allows it.

use std::{
    pin::Pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};

use crate::{
    body::{Body, BodyError, WithoutTrailers},
    tenure::{Over, Tenure},
};

/// Why the body could not be sent on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UploadFault {
    #[error("the request's body is larger than the api takes")]
    TooLarge,
    #[error("the request's body broke off")]
    Broken,
    #[error(transparent)]
    Over(#[from] Over),
}

/// What is known of an upload while the upstream's answer is awaited.
#[derive(Default)]
pub(crate) struct UploadWatch {
    moved: AtomicBool,
    awaits_caller: AtomicBool,
    fault: OnceLock<UploadFault>,
}

impl UploadWatch {
    /// Whether the body went on since this was last asked.
    pub(crate) fn has_moved(&self) -> bool {
        self.moved.swap(false, Ordering::Relaxed)
    }

    /// Whether it is the caller who owes the next piece, not the upstream.
    pub(crate) fn awaits_caller(&self) -> bool {
        self.awaits_caller.load(Ordering::Relaxed)
    }

    /// Why the upload ended early, if it did and it wasn't the upstream's doing.
    pub(crate) fn fault(&self) -> Option<UploadFault> {
        self.fault.get().cloned()
    }
}

pub(crate) struct Upload {
    inner: WithoutTrailers<Body>,
    left: u64,
    watch: Arc<UploadWatch>,
    tenure: Tenure,
    begun: bool,
}

impl Upload {
    /// A body that breaks off after `max` bytes.
    pub(crate) fn new(body: Body, max: u64, tenure: Tenure) -> (Self, Arc<UploadWatch>) {
        let watch = Arc::new(UploadWatch::default());
        let inner = WithoutTrailers::new(body);
        (Self { inner, left: max, watch: Arc::clone(&watch), tenure, begun: false }, watch)
    }

    fn count(&mut self, frame: &Frame<Bytes>) -> Result<(), UploadFault> {
        let length = frame.data_ref().map_or(0, |data| data.len() as u64);
        self.left = self.left.checked_sub(length).ok_or(UploadFault::TooLarge)?;
        Ok(())
    }

    fn fail(&self, fault: UploadFault) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        // Only the first fault says what went wrong.
        let _ = self.watch.fault.set(fault.clone());
        Poll::Ready(Some(Err(BodyError::new(fault))))
    }
}

impl HttpBody for Upload {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.watch.awaits_caller.store(true, Ordering::Relaxed);
        let next = Pin::new(&mut self.inner).poll_frame(cx);
        // Most uploads come in one piece, and it is there already.
        if next.is_pending() || std::mem::replace(&mut self.begun, true) {
            while let Poll::Ready(checked) = self.tenure.poll_second(cx) {
                if let Err(over) = checked {
                    return self.fail(over.into());
                }
            }
        }
        let next = ready!(next);
        self.watch.awaits_caller.store(false, Ordering::Relaxed);
        self.watch.moved.store(true, Ordering::Relaxed);
        match next {
            Some(Ok(frame)) => match self.count(&frame) {
                Ok(()) => Poll::Ready(Some(Ok(frame))),
                Err(fault) => self.fail(fault),
            },
            Some(Err(_)) => self.fail(UploadFault::Broken),
            None => Poll::Ready(None),
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
    use http_body_util::{BodyExt as _, StreamBody};

    use super::*;
    use crate::{body::body, tenure::tests as tenure};

    fn chunked(sizes: &[usize]) -> Body {
        let frames: Vec<Result<_, BodyError>> =
            sizes.iter().map(|size| Ok(Frame::data(vec![0; *size].into()))).collect();
        body(StreamBody::new(futures_util::stream::iter(frames)))
    }

    #[tokio::test]
    async fn a_body_that_turns_out_too_large_breaks_off() {
        let (upload, watch) = Upload::new(chunked(&[2, 3]), 5, tenure::unlimited());
        assert_eq!(upload.collect().await.unwrap().to_bytes().len(), 5);
        assert_eq!((watch.fault(), watch.has_moved(), watch.has_moved()), (None, true, false));

        let (upload, watch) = Upload::new(chunked(&[2, 4]), 5, tenure::unlimited());
        assert!(upload.collect().await.is_err());
        assert_eq!(watch.fault(), Some(UploadFault::TooLarge));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_lasts_ends_with_its_key() {
        let never = body(StreamBody::new(futures_util::stream::pending::<Result<_, BodyError>>()));
        let (upload, watch) = Upload::new(never, 5, tenure::for_looks(2).0);
        assert!(upload.collect().await.is_err());
        assert!(matches!(watch.fault(), Some(UploadFault::Over(_))), "{:?}", watch.fault());
    }

    #[tokio::test]
    async fn a_body_in_one_piece_needs_no_timer() {
        let (mut upload, _) = Upload::new(chunked(&[5]), 5, tenure::unlimited());
        assert!(upload.frame().await.unwrap().is_ok());
        assert!(!upload.tenure.is_timed());
    }
}
