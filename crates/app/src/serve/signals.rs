//! SIGTERM and SIGINT: the first asks the process to end in order, the second at once. SIGHUP: files are read again.

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that ask the process to end.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(crate) fn listen() -> anyhow::Result<Self> {
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    /// Returns at the next signal.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// From now on a signal ends the process without waiting for anything.
    pub(super) fn end_at_next(mut self) {
        tokio::spawn(async move {
            self.next().await;
            tracing::warn!("asked to end twice: open requests are cut off");
            std::process::exit(1);
        });
    }
}

/// The signal that asks to read files again. Those that come while they are read count as one.
pub(super) struct HangUps(Signal);

impl HangUps {
    /// From now on it ends the process no more.
    pub(super) fn listen() -> anyhow::Result<Self> {
        listen(SignalKind::hangup()).map(Self)
    }

    /// Returns at the next one.
    pub(super) async fn next(&mut self) {
        self.0.recv().await;
    }
}

fn listen(kind: SignalKind) -> anyhow::Result<Signal> {
    signal(kind).context("signals can't be received")
}
