//! Drives a connection until it ends by itself, was let to finish because everything ends, or let us wait for too long.
//!
//! It is polled for each request, so that it looks at nothing that costs: whether its timer rang and whether everything
//! ends are one word of memory each. Both are asked to wake it when they are new.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::future::BoxFuture;
use hyper_util::server::graceful::GracefulConnection;
use pin_project_lite::pin_project;
use tokio::{
    sync::watch,
    time::{Instant, Sleep, sleep_until},
};

use super::patience::Patience;

pin_project! {
    /// To be spawned: it counts on one task to poll it.
    pub(super) struct Driven<C> {
        #[pin]
        connection: C,
        patience: Arc<Patience>,
        #[pin]
        alarm: Sleep,
        stopped: watch::Receiver<bool>,
        stopping: Option<BoxFuture<'static, ()>>,
        begun: bool,
    }
}

/// How a connection ended.
#[derive(Debug)]
pub(super) enum End<E> {
    /// By itself.
    Done(Result<(), E>),
    /// It brought no request in time.
    NoRequest,
}

impl<C> Driven<C> {
    pub(super) fn new(connection: C, patience: Arc<Patience>, stopped: watch::Receiver<bool>) -> Self {
        let mut stop = stopped.clone();
        let stopping = async move {
            if stop.wait_for(|stopped| *stopped).await.is_err() {
                // Nobody is left who could end everything.
                std::future::pending::<()>().await;
            }
        };
        let alarm = sleep_until(patience.look(Instant::now().into_std()).into());
        Self { connection, patience, alarm, stopped, stopping: Some(Box::pin(stopping)), begun: false }
    }
}

impl<C: GracefulConnection> Future for Driven<C> {
    type Output = End<C::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if (!*this.begun || this.stopped.has_changed().unwrap_or(false))
            && let Some(stopping) = this.stopping
            && stopping.as_mut().poll(cx).is_ready()
        {
            *this.stopping = None;
            this.connection.as_mut().graceful_shutdown();
        }
        if !*this.begun || this.alarm.is_elapsed() {
            // What is reset must be polled to ring again.
            while this.alarm.as_mut().poll(cx).is_ready() {
                let again = this.patience.look(Instant::now().into_std());
                this.alarm.as_mut().reset(again.into());
            }
        }
        *this.begun = true;
        match this.connection.poll(cx) {
            Poll::Ready(ended) => Poll::Ready(End::Done(ended)),
            Poll::Pending if this.patience.is_over() => Poll::Ready(End::NoRequest),
            Poll::Pending => Poll::Pending,
        }
    }
}
