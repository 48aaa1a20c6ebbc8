//! An account's keys as a page lists them: searched, sorted, counted.

use std::cmp::Reverse;

use claviger_model::{Ability, AccountId, KeyState, Timestamp};
use claviger_store::PageRequest;

use super::{KeyQuery, KeyView, change::is_over};
use crate::{By, Manager, Refusal};

/// Most keys of an account that are looked at. Beyond it, the oldest are listed.
const LOOKED_AT: usize = 10_000;
/// Longest search text, in characters; what is beyond is left out.
const MAX_SEARCH: usize = 200;

/// What a list is sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeySort {
    /// When keys were created.
    #[default]
    Created,
    /// Their names, whatever the case.
    Name,
    /// When they were last used; those never used count as the oldest.
    LastUsed,
    /// When they expire; those that don't come last.
    Expires,
}

/// Which keys a list shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyShow {
    /// All that are not revoked.
    #[default]
    Standing,
    /// Those due for rotation.
    Due,
    /// Those not used for as long as the profile says.
    Unused,
    /// The revoked ones.
    Revoked,
}

/// What a list asks for.
#[derive(Clone, Debug, Default)]
pub struct Browse {
    /// Which keys.
    pub show: KeyShow,
    /// Only those with this in their name, hint, id or external id, whatever the case.
    pub search: Option<String>,
    /// What to sort by.
    pub sort: KeySort,
    /// The other way round: newest, last or latest first.
    pub descending: bool,
    /// Which page, counted from 0; a page beyond the last is the last.
    pub page: usize,
    /// Keys a page; at least one.
    pub per_page: usize,
}

/// A page of a list.
#[derive(Debug)]
pub struct Browsed {
    /// The keys of the page.
    pub keys: Vec<KeyView>,
    /// Which page it is, counted from 0.
    pub page: usize,
    /// How many pages there are; at least one.
    pub pages: usize,
    /// How many keys match.
    pub matching: usize,
    /// How many keys the account has that are not revoked.
    pub standing: usize,
    /// How many of these are due for rotation.
    pub due: usize,
    /// How many of these are unused.
    pub unused: usize,
}

impl Manager {
    /// A page of an account's keys.
    pub async fn browse_keys(
        &self,
        by: &By,
        account: AccountId,
        browse: &Browse,
    ) -> Result<Browsed, Refusal> {
        by.allow(Ability::Read)?;
        by.require_sight(account)?;
        self.account(account).await?;
        let query = KeyQuery { account: Some(account), include_revoked: true, ..KeyQuery::default() };
        let all = self.matching_keys(&query, PageRequest { after: None, limit: LOOKED_AT }).await?.items;
        Ok(browse.pick(all, self.clock.now()))
    }
}

impl Browse {
    fn pick(&self, all: Vec<KeyView>, now: Timestamp) -> Browsed {
        let count = |wanted: fn(&KeyView) -> bool| all.iter().filter(|key| wanted(key)).count();
        let (standing, due, unused) = (
            count(|key| key.row.state != KeyState::Revoked),
            count(|key| key.due_for_rotation),
            count(|key| key.unused),
        );
        let search: Option<String> =
            self.search.as_ref().map(|text| text.chars().take(MAX_SEARCH).collect::<String>().to_lowercase());
        let mut keys: Vec<_> = all
            .into_iter()
            .filter(|key| self.shows(key) && search.as_deref().is_none_or(|text| mentions(key, text)))
            .collect();
        self.sort(&mut keys, now);
        let (matching, per_page) = (keys.len(), self.per_page.max(1));
        let pages = matching.div_ceil(per_page).max(1);
        let page = self.page.min(pages - 1);
        let keys = keys.into_iter().skip(page * per_page).take(per_page).collect();
        Browsed { keys, page, pages, matching, standing, due, unused }
    }

    fn shows(&self, key: &KeyView) -> bool {
        match self.show {
            KeyShow::Standing => key.row.state != KeyState::Revoked,
            KeyShow::Due => key.due_for_rotation,
            KeyShow::Unused => key.unused,
            KeyShow::Revoked => key.row.state == KeyState::Revoked,
        }
    }

    /// What can still be used comes first where the order is by expiry.
    fn sort(&self, keys: &mut [KeyView], now: Timestamp) {
        match self.sort {
            KeySort::Created => keys.sort_by_key(|key| key.row.id),
            KeySort::Name => {
                keys.sort_by_cached_key(|key| key.row.name.as_ref().map(|name| name.to_lowercase()));
            }
            KeySort::LastUsed => keys.sort_by_key(|key| key.last_use().map(|last| last.at)),
            KeySort::Expires => keys.sort_by_key(|key| {
                (Reverse(!is_over(&key.row, now)), key.row.expires_at.is_none(), key.row.expires_at)
            }),
        }
        if self.descending {
            keys.reverse();
        }
    }
}

fn mentions(key: &KeyView, text: &str) -> bool {
    let row = &key.row;
    let named = [row.name.as_deref(), row.external_id.as_deref()].into_iter().flatten();
    named
        .chain(row.secrets.iter().map(|secret| secret.hint.as_str()))
        .any(|word| word.to_lowercase().contains(text))
        || row.id.to_string() == text
}
