//! Issuing a key: mint, digest, and seal where the profile keeps a copy.

use claviger_model::{
    Ability, AccountId, Environment, KeyId, PlainKey, Scopes,
    profile::{Profile, Storage},
};
use claviger_store::{AuditNote, Idempotency, KeyLimits, NewKey, NewSecret};
use serde_json::json;

use super::{IssueKey, Issued};
use crate::{
    By, Fault, Manager, Refusal,
    check::{self, Faults},
    vault::Place,
};

impl Manager {
    /// Issues a key to `account`.
    pub async fn issue_key(
        &self,
        by: &By,
        account: AccountId,
        order: IssueKey,
        idempotency: Option<Idempotency>,
    ) -> Result<Issued, Refusal> {
        by.allow(Ability::Manage)?;
        by.require_sight(account)?;
        self.insert_key(by, account, order, idempotency).await
    }

    /// Issues a key for someone whose authority was checked.
    pub(crate) async fn insert_key(
        &self,
        by: &By,
        account: AccountId,
        order: IssueKey,
        idempotency: Option<Idempotency>,
    ) -> Result<Issued, Refusal> {
        self.first_time(idempotency.as_ref()).await?;
        let profile = self.profile_of(account).await?;
        let (key, note, plain) = self.prepare_key(by, account, &profile, order)?;
        let limits = KeyLimits { max: profile.keys.max, min: 0 };
        let committed = self.store.insert_key(key, limits, idempotency, note).await?;
        let receipt = self.widened(committed.seq, Some(&committed.value.api)).await;
        Ok(Issued { key: self.view(committed.value), plain, receipt })
    }

    /// Everything the store needs to insert the key, and its secret.
    pub(crate) fn prepare_key(
        &self,
        by: &By,
        account: AccountId,
        profile: &Profile,
        order: IssueKey,
    ) -> Result<(NewKey, AuditNote, PlainKey), Refusal> {
        let now = self.clock.now();
        let environment = order.environment.unwrap_or(Environment::Live);
        let scopes = order.scopes.unwrap_or(Scopes::All);
        let metadata = order.metadata.unwrap_or_else(|| json!({}));
        if order.restrictions.limit_use() {
            by.require_limits()?;
        }
        check::key_name(order.name.as_deref(), profile)?;
        let mut faults = Faults::default();
        if profile.minted_format().prefix(environment).is_none() {
            faults.add("/environment", format!("this api has no {environment} keys"));
        }
        faults.scopes(&scopes, profile);
        faults.limits(&order.restrictions);
        faults.expiry(order.expires_at, now);
        faults.external_id(order.external_id.as_deref());
        faults.metadata(&metadata);
        faults.settle()?;
        let id = KeyId::mint(now, &*self.entropy);
        let (secret, plain) = self.mint(profile, environment, Place { account, key: id })?;
        let detail = json!({
            "name": order.name, "environment": environment, "scopes": scopes, "restrictions": order.restrictions,
            "expires_at": order.expires_at, "external_id": order.external_id, "metadata": metadata,
            "hint": secret.hint,
        });
        let key = NewKey {
            id,
            account,
            name: order.name,
            environment,
            scopes,
            restrictions: order.restrictions,
            expires_at: order.expires_at,
            created_at: now,
            created_by: by.actor.label(),
            external_id: order.external_id,
            metadata,
            secret,
        };
        Ok((key, self.note(by, "key.issue", detail), plain))
    }

    /// A new secret for the key at `place`.
    pub(super) fn mint(
        &self,
        profile: &Profile,
        environment: Environment,
        place: Place,
    ) -> Result<(NewSecret, PlainKey), Refusal> {
        let minted = profile.minted_format().mint(environment, &*self.entropy);
        let plain = minted
            .ok_or_else(|| Refusal::Invalid(vec![Fault::new("/environment", "this api has no such keys")]))?;
        let sealed = match profile.keys.storage {
            Storage::Digest => None,
            Storage::Sealed => {
                let vault = self.vault.as_ref().ok_or_else(|| no_master_key(profile))?;
                Some(vault.seal(place, &plain, &*self.entropy))
            }
        };
        Ok((
            NewSecret {
                digest: plain.digest(),
                hint: profile.hint(environment, &plain),
                sealed,
                expires_at: None,
                foreign: None,
            },
            plain,
        ))
    }

    /// The profile of the api that `account` is a customer of.
    pub(crate) async fn profile_of(&self, account: AccountId) -> Result<std::sync::Arc<Profile>, Refusal> {
        let account = self.account(account).await?;
        self.profile_named(&account.api)
    }

    pub(crate) fn profile_named(&self, api: &str) -> Result<std::sync::Arc<Profile>, Refusal> {
        let missing = || {
            Refusal::Internal(format!("the profile of api {api:?} is not loaded: start with its --profile"))
        };
        self.apis.get(api).cloned().ok_or_else(missing)
    }
}

pub(super) fn no_master_key(profile: &Profile) -> Refusal {
    Refusal::Internal(format!("the profile {:?} seals its keys but there is no master key", &*profile.name))
}
