//! Two connections that went over to another protocol: bytes both ways, until either end is done or the key is.
//!
//! Nothing is read into the bytes. Silence is no reason to end; that a peer is dead is noticed by the probes of its
//! connection.

use std::{error::Error, io};

use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, copy, split},
    time::timeout,
};

use crate::{limits::HALF_CLOSED_MAX, tenure::Tenure};

/// Connects `caller` and `upstream` as soon as both have gone over, for as long as the tenure lasts. The caller's does
/// when the answer was sent that says so.
pub(crate) fn open(caller: OnUpgrade, upstream: OnUpgrade, mut tenure: Tenure) {
    tokio::spawn(async move {
        tokio::select! {
            biased;
            over = tenure.over() => tracing::debug!(%over, "a tunnel is closed"),
            passed = connect(caller, upstream) => if let Err(error) = passed {
                tracing::debug!(error, "a tunnel broke off");
            },
        }
    });
}

async fn connect(caller: OnUpgrade, upstream: OnUpgrade) -> Result<(), Box<dyn Error + Send + Sync>> {
    let (caller, upstream): (Upgraded, Upgraded) = tokio::try_join!(caller, upstream)?;
    Ok(pass(TokioIo::new(caller), TokioIo::new(upstream)).await?)
}

/// Passes on what either end sends, and that it has ended. The other one may go on alone for a while then.
async fn pass<A, B>(caller: A, upstream: B) -> io::Result<()>
where
    A: AsyncRead + AsyncWrite,
    B: AsyncRead + AsyncWrite,
{
    let ((from_caller, to_caller), (from_upstream, to_upstream)) = (split(caller), split(upstream));
    let mut up = std::pin::pin!(carry(from_caller, to_upstream));
    let mut down = std::pin::pin!(carry(from_upstream, to_caller));
    let rest = tokio::select! {
        ended = &mut up => { ended?; timeout(HALF_CLOSED_MAX, down).await }
        ended = &mut down => { ended?; timeout(HALF_CLOSED_MAX, up).await }
    };
    rest.unwrap_or_else(|late| Err(late.into()))
}

/// One way, by a buffer of 8 KiB: who reads slowly is written to slowly.
async fn carry(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) -> io::Result<()> {
    copy(&mut from, &mut to).await?;
    to.shutdown().await
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, DuplexStream, duplex},
        task::JoinHandle,
        time::Instant,
    };

    use super::*;

    /// The two ends, and what becomes of what is between them.
    fn ends() -> (DuplexStream, DuplexStream, JoinHandle<io::Result<()>>) {
        let ((caller, here), (there, upstream)) = (duplex(16), duplex(16));
        (caller, upstream, tokio::spawn(pass(here, there)))
    }

    async fn rest(end: &mut DuplexStream) -> String {
        let mut text = String::new();
        end.read_to_string(&mut text).await.unwrap();
        text
    }

    #[tokio::test(start_paused = true)]
    async fn an_end_that_says_no_more_still_hears_the_other_one() {
        let (mut caller, mut upstream, passing) = ends();
        caller.write_all(b"a question").await.unwrap();
        caller.shutdown().await.unwrap();
        assert_eq!(rest(&mut upstream).await, "a question");
        upstream.write_all(b"an answer").await.unwrap();
        upstream.shutdown().await.unwrap();
        assert_eq!(rest(&mut caller).await, "an answer");
        passing.await.unwrap().unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_no_reason_to_end_but_an_end_that_is_alone_is_not_kept_for_ever() {
        let (mut caller, mut upstream, passing) = ends();
        tokio::time::sleep(HALF_CLOSED_MAX * 1000).await;
        caller.write_all(b"still here").await.unwrap();
        let mut heard = [0; 10];
        upstream.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"still here");
        let alone = Instant::now();
        upstream.shutdown().await.unwrap();
        assert_eq!(rest(&mut caller).await, "");
        assert!(passing.await.unwrap().is_err());
        assert_eq!(alone.elapsed().as_secs(), HALF_CLOSED_MAX.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn an_end_that_is_gone_takes_the_other_one_along() {
        let (caller, mut upstream, passing) = ends();
        drop(caller);
        assert_eq!(rest(&mut upstream).await, "");
        assert!(upstream.write_all(&[0; 64]).await.is_err());
        assert!(passing.await.unwrap().is_err());
    }
}
