//! Showing a sealed key again; the audit event is written first.

use std::collections::HashMap;

use claviger_model::{
    Ability, AccountId, KeyId, KeyState, MemberAbility, PlainKey,
    profile::{Profile, Storage},
};
use serde_json::json;

use super::issue::no_master_key;
use crate::{By, Manager, Refusal, vault::Place};

impl Manager {
    /// The newest secret of a sealed key.
    pub async fn reveal_key(&self, by: &By, id: KeyId) -> Result<PlainKey, Refusal> {
        by.allow(Ability::Reveal)?;
        let (row, profile) = self.key_and_profile(by, id).await?;
        let mut opened = self.open_sealed(by, row.account, &[id], &profile).await?;
        let gone = if row.state == KeyState::Revoked { Refusal::Revoked } else { Refusal::NotSealed };
        opened.remove(&id).ok_or(gone)
    }

    /// The newest secrets of these keys of one account; one audit event for all of them.
    pub(crate) async fn open_sealed(
        &self,
        by: &By,
        account: AccountId,
        keys: &[KeyId],
        profile: &Profile,
    ) -> Result<HashMap<KeyId, PlainKey>, Refusal> {
        if profile.keys.storage != Storage::Sealed {
            return Err(Refusal::NotSealed);
        }
        let vault = self.vault.as_ref().ok_or_else(|| no_master_key(profile))?;
        let note = self.note_needing(by, Some(MemberAbility::Reveal), "key.reveal", json!({}));
        let sealed = self.store.sealed_secrets(keys.to_vec(), note, Some(account)).await?;
        sealed
            .into_iter()
            .map(|(key, copy)| match vault.open(Place { account, key }, &copy) {
                Ok(plain) => Ok((key, plain)),
                Err(error) => Err(Refusal::Internal(format!("{key}: {error}"))),
            })
            .collect()
    }
}
