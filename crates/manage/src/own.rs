//! What a customer's program may do with its own account's keys, by one of them.
//!
//! A key may never make, see or end more than it may itself: these verbs take an unscoped key; those that make or
//! show secrets take one without restrictions and expiry. A test key sees and ends test keys only.

use std::collections::HashMap;

use claviger_model::{
    Environment, KeyId, PlainKey, RequestId, Scopes,
    profile::{Profile, Storage},
};
use claviger_store::{KeyChange, PageRequest};
use claviger_verify::Permit;

use crate::{Actor, By, Changed, IssueKey, Issued, KeyQuery, KeyView, Manager, Refusal};

/// Most keys one answer lists: the contracts' lists have no pages. The oldest are listed.
const LISTED_MAX: usize = 10_000;

impl Manager {
    /// The keys of the permit's account, and their secrets where the profile seals them.
    pub async fn list_own_keys(
        &self,
        permit: &Permit,
        request: RequestId,
    ) -> Result<Vec<(KeyView, Option<PlainKey>)>, Refusal> {
        self.refuse_applications(permit).await?;
        let profile = self.profile_named(permit.api())?;
        let sealed = profile.keys.storage == Storage::Sealed;
        if sealed {
            has_full_power(permit)?;
        } else {
            is_unscoped(permit)?;
        }
        let environment = (permit.environment() == Environment::Test).then_some(Environment::Test);
        let query = KeyQuery { account: Some(permit.account()), environment, ..KeyQuery::default() };
        let page = PageRequest { after: None, limit: LISTED_MAX };
        let keys = self.matching_keys(&query, page).await?.items;
        let mut plain =
            if sealed { self.open_own(permit, request, &keys, &profile).await? } else { HashMap::new() };
        Ok(keys
            .into_iter()
            .map(|key| {
                let secret = plain.remove(&key.row.id);
                (key, secret)
            })
            .collect())
    }

    async fn open_own(
        &self,
        permit: &Permit,
        request: RequestId,
        keys: &[KeyView],
        profile: &Profile,
    ) -> Result<HashMap<KeyId, PlainKey>, Refusal> {
        let ids: Vec<_> = keys.iter().map(|key| key.row.id).collect();
        self.open_sealed(&by(permit, request), permit.account(), &ids, profile).await
    }

    /// Issues a key of the permit's own environment to its account.
    pub async fn issue_own_key(
        &self,
        permit: &Permit,
        request: RequestId,
        name: Option<String>,
    ) -> Result<Issued, Refusal> {
        has_full_power(permit)?;
        let order = IssueKey { name, environment: Some(permit.environment()), ..IssueKey::default() };
        self.insert_key(&by(permit, request), permit.account(), order, None).await
    }

    /// Revokes a key of the permit's account, itself included.
    pub async fn revoke_own_key(
        &self,
        permit: &Permit,
        request: RequestId,
        id: KeyId,
    ) -> Result<Changed, Refusal> {
        is_unscoped(permit)?;
        self.refuse_applications(permit).await?;
        let found = self.store.find_key(id).await?;
        let row = found.filter(|row| row.account == permit.account() && row.client.is_none());
        let row = row.filter(|row| may_see(permit, row.environment) && row.revoked_at.is_none());
        row.ok_or(Refusal::NotFound("key"))?;
        let profile = self.profile_named(permit.api())?;
        let within = Some(permit.account());
        let by = by(permit, request);
        let changed = self.take_away(&by, id, within, "key.revoke", KeyChange::Revoke, &profile).await?;
        // Of several who end a key at once, one does; to the others it is as gone as it is to those who come later.
        if changed.made { Ok(changed) } else { Err(Refusal::NotFound("key")) }
    }
}

impl Manager {
    /// Where an api has no scopes an application may call whatever keys may; what outlives its grant isn't its to end or to
    /// list.
    async fn refuse_applications(&self, permit: &Permit) -> Result<(), Refusal> {
        let held = self.store.find_key(permit.key()).await?.is_some_and(|row| row.client.is_some());
        if held {
            return Err(Refusal::Forbidden("an application doesn't manage its customer's keys".to_owned()));
        }
        Ok(())
    }
}

fn by(permit: &Permit, request: RequestId) -> By {
    By::new(Actor::Key(Box::new(permit.clone())), request)
}

fn may_see(permit: &Permit, environment: Environment) -> bool {
    permit.environment() == Environment::Live || environment == Environment::Test
}

fn is_unscoped(permit: &Permit) -> Result<(), Refusal> {
    let unscoped = matches!(permit.scopes(), Scopes::All);
    if unscoped {
        Ok(())
    } else {
        Err(Refusal::Forbidden("a key with listed scopes can't manage keys".to_owned()))
    }
}

fn has_full_power(permit: &Permit) -> Result<(), Refusal> {
    is_unscoped(permit)?;
    let free = permit.restrictions().is_empty() && permit.expires_at().is_none();
    if free {
        Ok(())
    } else {
        Err(Refusal::Forbidden("a restricted or expiring key can't make or show others".to_owned()))
    }
}
