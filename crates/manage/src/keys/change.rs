//! Changing a key: rename, restrict, describe, rotate, disable, enable, revoke.

use claviger_model::{
    Ability, AccountId, KeyId, KeyState, RestrictionsPatch,
    profile::{OVERLAP_MAX, Profile},
};
use claviger_store::{Idempotency, KeyChange, KeyLimits, KeyRow, StoreError};
use serde_json::{Value, json};

use super::{Changed, Issued, KeyPatch, Rotation};
use crate::{
    By, Fault, Manager, Refusal,
    check::{self, Faults},
    vault::Place,
};

impl Manager {
    /// Renames, restricts and describes a key, and waits until it holds everywhere.
    pub async fn patch_key(&self, by: &By, id: KeyId, mut patch: KeyPatch) -> Result<Changed, Refusal> {
        by.allow(Ability::Manage)?;
        let (row, profile) = self.key_and_profile(by, id).await?;
        if patch.restrictions.rates.is_some() || patch.restrictions.quotas.is_some() {
            by.require_limits()?;
        }
        self.check_patch(&patch, &row, &profile)?;
        let seen = patch.seen.take().map(|seen| *seen);
        let changes = patch_changes(patch).into_iter();
        let changes: Vec<_> =
            changes.map(|(action, detail, change)| (change, self.note(by, action, detail))).collect();
        if changes.is_empty() {
            return Err(Refusal::Invalid(vec![Fault::new("", "nothing to change")]));
        }
        let limits = KeyLimits { max: profile.keys.max, min: profile.keys.min };
        let committed = self.store.patch_key(row.id, seen, changes, limits).await.map_err(key_not_found)?;
        let receipt = self.narrowed(committed.seq, Some(&committed.value.api)).await;
        Ok(Changed { key: self.with_last_uses(committed.value).await?, receipt, made: committed.made })
    }

    fn check_patch(&self, patch: &KeyPatch, row: &KeyRow, profile: &Profile) -> Result<(), Refusal> {
        if let Some(name) = &patch.name {
            check::key_name(name.as_deref(), profile)?;
        }
        let mut faults = Faults::default();
        if let Some(scopes) = &patch.scopes {
            faults.scopes(scopes, profile);
        }
        faults.limits(&row.restrictions.patched(patch.restrictions.clone()));
        faults.expiry(patch.expires_at.flatten(), self.clock.now());
        faults.external_id(patch.external_id.as_ref().and_then(Option::as_deref));
        if let Some(metadata) = &patch.metadata {
            faults.metadata(metadata);
        }
        faults.settle()
    }

    /// Gives a key a new secret; the old one stays valid for the overlap.
    pub async fn rotate_key(
        &self,
        by: &By,
        id: KeyId,
        rotation: Rotation,
        idempotency: Option<Idempotency>,
    ) -> Result<Issued, Refusal> {
        by.allow(Ability::Manage)?;
        let (row, profile) = self.key_and_profile(by, id).await?;
        self.first_time(idempotency.as_ref()).await?;
        let overlap = rotation.overlap.unwrap_or(profile.keys.overlap);
        if overlap > OVERLAP_MAX {
            return Err(Refusal::Invalid(vec![Fault::new("/overlap", "must be at most 366d")]));
        }
        let place = Place { account: row.account, key: row.id };
        let (secret, plain) = self.mint(&profile, row.environment, place)?;
        let detail = json!({"overlap": claviger_model::write_duration(overlap), "hint": secret.hint});
        let note = self.note(by, "key.rotate", detail);
        let change = KeyChange::Rotate { secret, others_end_at: note.at.plus(overlap) };
        let committed =
            self.store.change_key(id, None, change, KeyLimits::default(), idempotency, note).await;
        let committed = committed.map_err(key_not_found)?;
        let receipt = self.narrowed(committed.seq, Some(&committed.value.api)).await;
        Ok(Issued { key: self.with_last_uses(committed.value).await?, plain, receipt })
    }

    /// Switches a key off until it is enabled again.
    pub async fn disable_key(&self, by: &By, id: KeyId) -> Result<Changed, Refusal> {
        self.end_or_pause(by, id, None, "key.disable", KeyChange::Disable).await
    }

    /// Switches a key on again.
    pub async fn enable_key(&self, by: &By, id: KeyId) -> Result<Changed, Refusal> {
        by.allow(Ability::Manage)?;
        let (row, _) = self.key_and_profile(by, id).await?;
        let note = self.note(by, "key.enable", json!({}));
        let committed =
            self.store.change_key(row.id, None, KeyChange::Enable, KeyLimits::default(), None, note).await;
        let committed = committed.map_err(key_not_found)?;
        let receipt = self.widened(committed.seq, Some(&committed.value.api)).await;
        Ok(Changed { key: self.with_last_uses(committed.value).await?, receipt, made: committed.made })
    }

    /// Ends a key for good. Returns when no node accepts it any more, or says by when none will.
    pub async fn revoke_key(&self, by: &By, id: KeyId) -> Result<Changed, Refusal> {
        self.end_or_pause(by, id, None, "key.revoke", KeyChange::Revoke).await
    }

    async fn end_or_pause(
        &self,
        by: &By,
        id: KeyId,
        within: Option<AccountId>,
        action: &'static str,
        change: KeyChange,
    ) -> Result<Changed, Refusal> {
        by.allow(Ability::Manage)?;
        let (_, profile) = self.key_and_profile(by, id).await?;
        self.take_away(by, id, within, action, change, &profile).await
    }

    /// Takes a key away for someone whose authority was checked.
    pub(crate) async fn take_away(
        &self,
        by: &By,
        id: KeyId,
        within: Option<AccountId>,
        action: &'static str,
        change: KeyChange,
        profile: &Profile,
    ) -> Result<Changed, Refusal> {
        let note = self.note(by, action, json!({}));
        let limits = KeyLimits { max: None, min: profile.keys.min };
        let committed =
            self.store.change_key(id, within, change, limits, None, note).await.map_err(key_not_found)?;
        let receipt = self.narrowed(committed.seq, Some(&committed.value.api)).await;
        Ok(Changed { key: self.with_last_uses(committed.value).await?, receipt, made: committed.made })
    }

    /// The key, if it is there for who asks, and its api's profile. What an application holds is shown to its member as
    /// such, and is nobody's key.
    pub(crate) async fn key_and_profile(
        &self,
        by: &By,
        id: KeyId,
    ) -> Result<(KeyRow, std::sync::Arc<Profile>), Refusal> {
        let may_see = |row: &KeyRow| by.sees(row.account) && (row.client.is_none() || by.is_operator());
        let row = self.store.find_key(id).await?.filter(may_see);
        let row = row.ok_or(Refusal::NotFound("key"))?;
        let profile = self.profile_named(&row.api)?;
        Ok((row, profile))
    }
}

/// What a patch asks for, each with its action and what the trail says of it.
fn patch_changes(patch: KeyPatch) -> Vec<(&'static str, Value, KeyChange)> {
    let mut changes = Vec::new();
    if let Some(name) = patch.name {
        changes.push(("key.rename", json!({"name": name}), KeyChange::Rename(name)));
    }
    let KeyPatch { scopes, restrictions, expires_at, external_id, metadata, .. } = patch;
    if external_id.is_some() || metadata.is_some() {
        let mut detail = json!({});
        if let Some(external_id) = &external_id {
            detail["external_id"] = json!(external_id);
        }
        if let Some(metadata) = &metadata {
            detail["metadata"] = metadata.clone();
        }
        changes.push(("key.describe", detail, KeyChange::Describe { external_id, metadata }));
    }
    let narrows = restrictions != RestrictionsPatch::default();
    if scopes.is_some() || narrows || expires_at.is_some() {
        let mut detail = json!({});
        if let Some(scopes) = &scopes {
            detail["scopes"] = json!(scopes);
        }
        if narrows {
            detail["restrictions"] = json!(restrictions);
        }
        if let Some(expires_at) = &expires_at {
            detail["expires_at"] = json!(expires_at);
        }
        changes.push(("key.restrict", detail, KeyChange::Restrict { scopes, restrictions, expires_at }));
    }
    changes
}

fn key_not_found(error: StoreError) -> Refusal {
    match Refusal::from(error) {
        Refusal::NotFound(_) => Refusal::NotFound("key"),
        other => other,
    }
}

/// Whether a key can still be used at all.
pub(super) fn is_over(row: &KeyRow, now: claviger_model::Timestamp) -> bool {
    row.state == KeyState::Revoked || row.expires_at.is_some_and(|at| now >= at)
}
