//! The accounts, one row each: suspending one touches its row, not its keys.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use claviger_model::AccountId;
use hashbrown::HashTable;
use parking_lot::{Mutex, RwLock};

use crate::{feed::AccountRecord, spread};

/// Low bits of a slot that say which shard it is in.
const SHARD_BITS: u32 = 6;
const SHARDS: u32 = 1 << SHARD_BITS;

/// Every account that was heard of.
pub(super) struct Accounts {
    shards: Box<[RwLock<Shard>]>,
    /// The apis' names, once each: there are few, and every account has one.
    apis: Mutex<HashSet<Arc<str>>>,
}

/// A row is one word: on the way from a key to its account it is the only one that is read.
#[derive(Default)]
struct Shard {
    /// `None` is awaited: a key named the account before it arrived, and belongs to no api until it does.
    rows: Vec<Option<Arc<AccountRecord>>>,
    awaited: HashMap<usize, AccountId>,
    index: HashTable<u32>,
}

impl Default for Accounts {
    fn default() -> Self {
        let shards = (0..SHARDS).map(|_| RwLock::default()).collect();
        Self { shards, apis: Mutex::default() }
    }
}

impl Accounts {
    /// Takes an account as it is now.
    pub(super) fn put(&self, mut record: AccountRecord) {
        record.api = self.share_api(record.api);
        let (hash, shard) = place_of(record.id);
        let mut shard = self.shards[shard].write();
        let row = shard.row_of(hash, record.id);
        shard.rows[row] = Some(Arc::new(record));
        shard.awaited.remove(&row);
    }

    /// The slot of an account, and whether the account itself has arrived.
    pub(super) fn slot_of(&self, id: AccountId) -> (u32, bool) {
        let (hash, number) = place_of(id);
        let mut shard = self.shards[number].write();
        let row = shard.row_of(hash, id);
        let known = shard.rows[row].is_some();
        let row = u32::try_from(row).expect("the index holds rows as u32");
        let number = u32::try_from(number).expect("there are few shards");
        (row << SHARD_BITS | number, known)
    }

    /// The account in a slot that [`Accounts::slot_of`] gave, if it has arrived.
    pub(super) fn get(&self, slot: u32) -> Option<Arc<AccountRecord>> {
        let shard = self.shards[as_index(slot % SHARDS)].read();
        shard.rows[as_index(slot >> SHARD_BITS)].clone()
    }

    /// How many have arrived or are awaited, and the bytes they take.
    pub(super) fn size(&self) -> (usize, usize) {
        self.shards
            .iter()
            .map(|shard| shard.read().size())
            .fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    }

    fn share_api(&self, api: Arc<str>) -> Arc<str> {
        let mut apis = self.apis.lock();
        if let Some(known) = apis.get(&api) {
            return Arc::clone(known);
        }
        apis.insert(Arc::clone(&api));
        api
    }
}

impl Shard {
    fn row_of(&mut self, hash: u64, id: AccountId) -> usize {
        let Self { rows, awaited, index } = self;
        if let Some(row) = index.find(hash, |row| id_in(rows, awaited, *row) == id) {
            return as_index(*row);
        }
        let row = rows.len();
        rows.push(None);
        awaited.insert(row, id);
        let slot = u32::try_from(row).ok().filter(|row| *row < 1 << (32 - SHARD_BITS));
        let slot = slot.expect("four billion accounts don't fit in memory");
        index.insert_unique(hash, slot, |row| place_of(id_in(rows, awaited, *row)).0);
        row
    }

    fn size(&self) -> (usize, usize) {
        let own =
            self.rows.capacity() * size_of::<Option<Arc<AccountRecord>>>() + self.index.allocation_size();
        let records: usize = self.rows.iter().flatten().map(|record| bytes_of(record)).sum();
        (self.rows.len(), own + records)
    }
}

fn id_in(rows: &[Option<Arc<AccountRecord>>], awaited: &HashMap<usize, AccountId>, row: u32) -> AccountId {
    let row = as_index(row);
    match &rows[row] {
        Some(record) => record.id,
        None => awaited[&row],
    }
}

/// An `Arc` keeps two counts beside what it holds.
fn bytes_of(record: &AccountRecord) -> usize {
    const COUNTS: usize = 2 * size_of::<usize>();
    let external = record.external_id.as_ref().map_or(0, |id| COUNTS + id.len());
    COUNTS + size_of::<AccountRecord>() + external
}

fn place_of(id: AccountId) -> (u64, usize) {
    let (hash, shard) = spread::of_id(id.to_bytes());
    (hash, shard % as_index(SHARDS))
}

fn as_index(number: u32) -> usize {
    usize::try_from(number).expect("a number of rows in memory")
}

#[cfg(test)]
mod tests {
    use claviger_model::AccountState;

    use super::*;
    use crate::fake::{account, account_id};

    #[test]
    fn an_account_is_found_in_its_slot_before_and_after_it_changes() {
        let accounts = Accounts::default();
        let ids: Vec<_> = (0..2000).map(account_id).collect();
        for id in &ids {
            accounts.put(account(*id, "example"));
        }
        let slots: Vec<_> = ids.iter().map(|id| accounts.slot_of(*id)).collect();
        assert!(slots.iter().all(|(_, known)| *known));
        accounts.put(AccountRecord { state: AccountState::Suspended, ..account(ids[7], "example") });
        for (id, (slot, _)) in ids.iter().zip(&slots) {
            let record = accounts.get(*slot).unwrap();
            assert_eq!(record.id, *id);
            assert_eq!(record.state == AccountState::Suspended, *id == ids[7]);
        }
        assert_eq!(accounts.size().0, 2000);
    }

    #[test]
    fn an_account_named_before_it_arrives_is_awaited() {
        let accounts = Accounts::default();
        let (slot, known) = accounts.slot_of(account_id(1));
        assert!(!known);
        assert_eq!(accounts.get(slot), None);
        accounts.put(account(account_id(1), "example"));
        assert_eq!(accounts.slot_of(account_id(1)), (slot, true));
        assert_eq!(accounts.get(slot).unwrap().id, account_id(1));
    }

    #[test]
    fn the_name_of_an_api_is_held_once() {
        let accounts = Accounts::default();
        let api_of = |number| {
            accounts.put(account(account_id(number), "example"));
            Arc::clone(&accounts.get(accounts.slot_of(account_id(number)).0).unwrap().api)
        };
        assert!(Arc::ptr_eq(&api_of(1), &api_of(2)));
    }
}
