//! First uses of keys that came by other systems' hashes: their digests are kept as soon as the store takes them.

use std::{pin::pin, time::Duration};

use claviger_verify::foreign::FirstUse;
use serde_json::json;

use crate::{By, Manager, Refusal};

/// How long a store that took nothing is left alone. The keys work meanwhile.
const PAUSE: Duration = Duration::from_secs(1);

impl Manager {
    /// Keeps first uses as they come, until `shutdown` is done. What isn't kept by then is found again.
    pub async fn keep_first_uses(&self, shutdown: impl Future<Output = ()>) {
        let mut shutdown = pin!(shutdown);
        let mut failing = false;
        loop {
            let keep = async {
                let first_uses = self.verifier.first_uses().await;
                self.keep(first_uses).await
            };
            let kept = tokio::select! {
                biased;
                () = &mut shutdown => return,
                kept = keep => kept,
            };
            if let Err(refusal) = &kept {
                if !failing {
                    tracing::error!(%refusal, "the digests of keys that came by their hashes can't be kept yet");
                }
                tokio::select! {
                    biased;
                    () = &mut shutdown => return,
                    () = tokio::time::sleep(PAUSE) => {}
                }
            }
            failing = kept.is_err();
        }
    }

    async fn keep(&self, first_uses: Vec<FirstUse>) -> Result<(), Refusal> {
        let note = self.note(&By::system(), "key.first_use", json!({}));
        self.store.keep_first_uses(first_uses.clone(), note).await?;
        self.verifier.kept(&first_uses);
        Ok(())
    }
}
