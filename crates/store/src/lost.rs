//! The numbers of changes that were lost when a backup was put back: none of them is given to another.

use claviger_verify::feed::Seq;

use crate::{Store, StoreError, words::to_json};

/// The setting that names them: a JSON list of pairs, each the last number before them and the last of them.
pub(crate) const LOST_CHANGES: &str = "lost_changes";

/// The numbers of changes that were lost.
#[derive(Debug, Default)]
pub struct LostChanges(Vec<(u64, u64)>);

impl LostChanges {
    /// What the setting says.
    pub(crate) fn read(value: Option<&[u8]>) -> Self {
        Self(value.and_then(|text| serde_json::from_slice(text).ok()).unwrap_or_default())
    }

    /// The setting once those after `before`, up to `last`, are lost as well.
    pub(crate) fn with(mut self, before: u64, last: u64) -> Vec<u8> {
        self.0.push((before, last));
        to_json(&self.0).into_bytes()
    }

    /// Whether the change with this number was lost.
    pub fn contain(&self, seq: Seq) -> bool {
        self.0.iter().any(|(before, last)| seq.0 > *before && seq.0 <= *last)
    }
}

impl Store {
    /// Which changes were lost when a backup was put back.
    pub async fn lost_changes(&self) -> Result<LostChanges, StoreError> {
        Ok(LostChanges::read(self.setting(LOST_CHANGES).await?.as_deref()))
    }
}
