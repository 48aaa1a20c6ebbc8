//! A request's body, read whole within bounds of size and time.

use std::{error::Error, future::poll_fn, pin::pin, task::Poll, time::Duration};

use bytes::Bytes;
use http_body::Body;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::time::{error::Elapsed, timeout};

/// Why a body isn't there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unread {
    /// It is longer than it may be.
    TooLarge,
    /// It took longer than it may take.
    TooSlow,
    /// It ended before its end.
    Broken(String),
}

/// Reads a body of at most `most` bytes, for `at_most` at most.
pub async fn read_whole<B>(body: B, most: usize, at_most: Duration) -> Result<Bytes, Unread>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    match within(at_most, Limited::new(body, most).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Unread::TooLarge),
        Ok(Err(error)) => Err(Unread::Broken(error.to_string())),
        Err(_late) => Err(Unread::TooSlow),
    }
}

/// The same as [`timeout`], without setting a timer where the second look finds the end: a body mostly is there already, and
/// only has to be asked for.
async fn within<F: Future>(at_most: Duration, future: F) -> Result<F::Output, Elapsed> {
    let (mut future, mut is_second) = (pin!(future), false);
    let soon = poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if is_second => Poll::Ready(None),
        Poll::Pending => {
            is_second = true;
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    });
    if let Some(output) = soon.await { Ok(output) } else { timeout(at_most, future).await }
}
