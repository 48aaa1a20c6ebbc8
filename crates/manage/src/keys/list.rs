//! Showing keys, and finding those that are due for rotation or unused.

use std::collections::HashMap;

use claviger_model::{Ability, AccountId, Environment, KeyId};
use claviger_store::{KeyFilter, KeyRow, Page, PageRequest};
use claviger_verify::usage::LastUse;

use super::{KeyView, change::is_over};
use crate::{By, Manager, Refusal};

/// How many keys one call may look at to find those that are asked for.
const LOOKED_AT: usize = 10_000;
const PAGE: usize = 500;

/// Which keys to list.
#[derive(Clone, Debug, Default)]
pub struct KeyQuery {
    /// Of this account only.
    pub account: Option<AccountId>,
    /// Of this environment only.
    pub environment: Option<Environment>,
    /// Revoked ones too.
    pub include_revoked: bool,
    /// Only those whose secret is older than the profile wants.
    pub due_for_rotation: bool,
    /// Only those not used for as long as the profile says.
    pub unused: bool,
    /// Only those with a secret whose hint begins so.
    pub hint: Option<String>,
    /// Only those with this external id.
    pub external_id: Option<String>,
}

impl Manager {
    /// One key.
    pub async fn show_key(&self, by: &By, id: KeyId) -> Result<KeyView, Refusal> {
        by.allow(Ability::Read)?;
        let (row, _) = self.key_and_profile(by, id).await?;
        self.with_last_uses(row).await
    }

    /// Keys, in the order of creation. An account that doesn't exist is not found rather than empty.
    pub async fn list_keys(
        &self,
        by: &By,
        query: KeyQuery,
        page: PageRequest<KeyId>,
    ) -> Result<Page<KeyView, KeyId>, Refusal> {
        by.require(Ability::Read)?;
        if let Some(account) = query.account {
            self.account(account).await?;
        }
        self.matching_keys(&query, page).await
    }

    /// Goes through the keys page by page until `page.limit` of them match, or [`LOOKED_AT`] were looked at.
    pub(crate) async fn matching_keys(
        &self,
        query: &KeyQuery,
        page: PageRequest<KeyId>,
    ) -> Result<Page<KeyView, KeyId>, Refusal> {
        let filter = KeyFilter {
            api: None,
            account: query.account,
            include_revoked: query.include_revoked,
            hint: query.hint.clone(),
            external_id: query.external_id.clone(),
        };
        let selective = query.environment.is_some() || query.due_for_rotation || query.unused;
        let (mut items, mut after) = (Vec::new(), page.after);
        for _ in 0..LOOKED_AT / PAGE {
            let wanted = page.limit - items.len();
            let limit = if selective { PAGE } else { wanted };
            let found = self.store.list_keys(filter.clone(), PageRequest { after, limit }).await?;
            let matching = self.views(found.items).await?.into_iter().filter(|key| query.wants(key));
            for key in matching {
                if items.len() == page.limit {
                    return Ok(Page { next: items.last().map(|key: &KeyView| key.row.id), items });
                }
                items.push(key);
            }
            after = found.next;
            if after.is_none() || items.len() == page.limit {
                break;
            }
        }
        Ok(Page { items, next: after })
    }

    pub(crate) async fn with_last_uses(&self, row: KeyRow) -> Result<KeyView, Refusal> {
        let mut views = self.views(vec![row]).await?;
        views.pop().ok_or_else(|| Refusal::Internal("a key lost its view".to_owned()))
    }

    pub(crate) async fn views(&self, rows: Vec<KeyRow>) -> Result<Vec<KeyView>, Refusal> {
        let ids = rows.iter().map(|row| row.id).collect();
        let mut uses: HashMap<KeyId, Vec<LastUse>> = HashMap::new();
        for last in self.store.last_uses(ids).await? {
            uses.entry(last.secret.key).or_default().push(last);
        }
        Ok(rows
            .into_iter()
            .map(|row| self.view_with(uses.remove(&row.id).unwrap_or_default(), row))
            .collect())
    }

    /// A key that was just made: it has no last use.
    pub(crate) fn view(&self, row: KeyRow) -> KeyView {
        self.view_with(Vec::new(), row)
    }

    fn view_with(&self, last_uses: Vec<LastUse>, row: KeyRow) -> KeyView {
        let now = self.clock.now();
        let Some(profile) = self.apis.get(&row.api).filter(|_| !is_over(&row, now)) else {
            return KeyView { row, last_uses, due_for_rotation: false, unused: false };
        };
        let minted_at = row.secrets.first().map_or(row.created_at, |secret| secret.created_at);
        let due = profile.keys.rotate_after.is_some_and(|span| minted_at.plus(span) <= now);
        let used_at = last_uses.iter().map(|last| last.at).max().unwrap_or(row.created_at);
        let unused = used_at.plus(profile.keys.unused_after) <= now;
        KeyView { row, last_uses, due_for_rotation: due, unused }
    }
}

impl KeyQuery {
    fn wants(&self, key: &KeyView) -> bool {
        self.environment.is_none_or(|environment| environment == key.row.environment)
            && (!self.due_for_rotation || key.due_for_rotation)
            && (!self.unused || key.unused)
    }
}
