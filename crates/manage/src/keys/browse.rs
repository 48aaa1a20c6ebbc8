//! An account's keys as a page lists them: searched, sorted, counted.

use std::{cmp::Reverse, collections::VecDeque};

use claviger_model::{Ability, AccountId, KeyState, Timestamp};
use claviger_store::{KeyFilter, KeyRow, PageRequest};

use super::{KeyView, change::is_over};
use crate::{By, Manager, Refusal};

/// Most keys of an account that are listed, and most revoked ones. Where there are more, the oldest are left out.
const LISTED: usize = 10_000;
/// Keys that are read from the database at once.
const PAGE: usize = 1000;
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
    /// How many of these have not expired.
    pub working: usize,
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
        let standing = self.views(self.newest_keys(account, KeyState::Active).await?.into()).await?;
        let revoked = match browse.show {
            KeyShow::Revoked => {
                self.views(self.newest_keys(account, KeyState::Revoked).await?.into()).await?
            }
            KeyShow::Standing | KeyShow::Due | KeyShow::Unused => Vec::new(),
        };
        Ok(browse.pick(standing, revoked, self.clock.now()))
    }

    /// The newest keys of an account: the revoked ones where `state` is that, else all others.
    async fn newest_keys(&self, account: AccountId, state: KeyState) -> Result<VecDeque<KeyRow>, Refusal> {
        let include_revoked = state == KeyState::Revoked;
        let filter = KeyFilter { account: Some(account), include_revoked, ..KeyFilter::default() };
        let (mut newest, mut after) = (VecDeque::new(), None);
        loop {
            let page = self.store.list_keys(filter.clone(), PageRequest { after, limit: PAGE }).await?;
            let is_wanted = |row: &KeyRow| (row.state == KeyState::Revoked) == include_revoked;
            keep_newest(&mut newest, page.items.into_iter().filter(is_wanted), LISTED);
            after = page.next;
            if after.is_none() {
                return Ok(newest);
            }
        }
    }
}

/// Adds `more`, which are newer, and leaves out the oldest beyond `most`.
fn keep_newest<T>(kept: &mut VecDeque<T>, more: impl Iterator<Item = T>, most: usize) {
    kept.extend(more);
    kept.drain(..kept.len().saturating_sub(most));
}

impl Browse {
    fn pick(&self, standing: Vec<KeyView>, revoked: Vec<KeyView>, now: Timestamp) -> Browsed {
        let count = |wanted: &dyn Fn(&KeyView) -> bool| standing.iter().filter(|key| wanted(key)).count();
        let (working, due, unused) = (
            count(&|key| !is_over(&key.row, now)),
            count(&|key| key.due_for_rotation),
            count(&|key| key.unused),
        );
        let (all, standing) = match self.show {
            KeyShow::Revoked => (revoked, standing.len()),
            KeyShow::Standing | KeyShow::Due | KeyShow::Unused => {
                let count = standing.len();
                (standing, count)
            }
        };
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
        Browsed { keys, page, pages, matching, standing, working, due, unused }
    }

    fn shows(&self, key: &KeyView) -> bool {
        match self.show {
            KeyShow::Standing | KeyShow::Revoked => true,
            KeyShow::Due => key.due_for_rotation,
            KeyShow::Unused => key.unused,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_are_left_out_where_there_are_too_many() {
        let mut kept = VecDeque::new();
        for page in [0..3, 3..6, 6..7] {
            keep_newest(&mut kept, page, 4);
        }
        assert_eq!(kept, [3, 4, 5, 6]);
    }
}
