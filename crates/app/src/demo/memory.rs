//! What was written with live keys, in memory and within bounds: the demo forgets the oldest first.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use serde_json::Value;

use super::collection::Collection;

/// Most lists that are remembered: one for each account and collection that was written to.
const LISTS_MAX: usize = 200;
/// Most items of a list.
const ITEMS_MAX: usize = 50;
/// Largest item that is remembered, in bytes of JSON.
const ITEM_MAX: usize = 4 << 10;

/// The lists that were written to.
#[derive(Debug, Default)]
pub(super) struct Memory {
    numbers: AtomicU64,
    lists: Mutex<VecDeque<List>>,
}

#[derive(Debug)]
struct List {
    account: String,
    path: &'static str,
    items: Vec<Value>,
}

impl List {
    fn is(&self, account: &str, collection: &Collection) -> bool {
        self.account == account && self.path == collection.path
    }
}

impl Memory {
    /// A number for a new item, never the same twice.
    pub(super) fn next_number(&self) -> u64 {
        1001 + self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// The account's items, if it ever wrote to the collection.
    pub(super) fn items(&self, account: &str, collection: &Collection) -> Option<Vec<Value>> {
        self.lock().iter().find(|list| list.is(account, collection)).map(|list| list.items.clone())
    }

    /// Changes the account's items.
    pub(super) fn change(
        &self,
        account: &str,
        collection: &Collection,
        change: impl FnOnce(&mut Vec<Value>),
    ) {
        let mut lists = self.lock();
        let known = lists.iter().position(|list| list.is(account, collection));
        let mut list = known.and_then(|place| lists.remove(place)).unwrap_or_else(|| List {
            account: account.to_owned(),
            path: collection.path,
            items: collection.seed(),
        });
        change(&mut list.items);
        list.items.retain(|item| item.to_string().len() <= ITEM_MAX);
        let surplus = list.items.len().saturating_sub(ITEMS_MAX);
        list.items.drain(..surplus);
        lists.push_back(list);
        if lists.len() > LISTS_MAX {
            lists.pop_front();
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<List>> {
        // A demo goes on with what there is.
        self.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::collection::Place, *};

    #[test]
    fn memory_is_bounded_in_every_direction() {
        let memory = Memory::default();
        let alerts = Place::of("/v1/alerts").unwrap().collection;
        for account in 0..2 * LISTS_MAX {
            memory.change(&account.to_string(), alerts, |items| items.push(json!({"id": "a"})));
        }
        assert_eq!(memory.lock().len(), LISTS_MAX);
        assert!(memory.items("0", alerts).is_none());
        let last = (2 * LISTS_MAX - 1).to_string();
        for number in 0..2 * ITEMS_MAX {
            memory.change(&last, alerts, |items| items.push(json!({"id": number})));
        }
        memory.change(&last, alerts, |items| items.push(json!({"id": "x".repeat(ITEM_MAX)})));
        let items = memory.items(&last, alerts).unwrap();
        assert_eq!((items.len(), &items[ITEMS_MAX - 1]), (ITEMS_MAX, &json!({"id": 2 * ITEMS_MAX - 1})));
    }
}
