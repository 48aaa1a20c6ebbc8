//! One set of issued keys, the same for every server that is compared: whoever has its number knows the key, its ids and
//! its account.

use claviger_model::{AccountId, Digest, KeyId, Restrictions, Scopes, Timestamp, profile::Profile};

use crate::{Plain, Seeded, plain_key};

/// How many keys one account has.
const KEYS_PER_ACCOUNT: u64 = 10;
/// When all of them were issued: the first of January 2026.
pub const ISSUED_AT: Timestamp = Timestamp::from_millis(1_767_225_600_000);

/// Keys that are alike in everything but what tells them apart.
pub struct KeySet {
    /// The api that they are for.
    pub profile: Profile,
    /// How many there are.
    pub keys: u64,
    /// What each may do.
    pub scopes: Scopes,
    /// From where each may do it.
    pub restrictions: Restrictions,
    /// Until when.
    pub expires_at: Option<Timestamp>,
}

/// What tells one key from the others.
pub struct Issued {
    /// What its holder has.
    pub plain: Plain,
    /// What it is looked up by.
    pub digest: Digest,
    /// Its id.
    pub key: KeyId,
    /// Whose it is.
    pub account: AccountId,
    /// What the company calls that account.
    pub external_id: String,
}

impl KeySet {
    /// The key with this number.
    pub fn key(&self, number: u64) -> Issued {
        let (plain, owner) = (plain_key(&self.profile, number), number / KEYS_PER_ACCOUNT);
        let (key_entropy, account_entropy) = (Seeded::new(number << 8 | 1), Seeded::new(owner << 8 | 2));
        Issued {
            digest: Digest::of(&plain),
            plain,
            key: KeyId::mint(ISSUED_AT, &key_entropy),
            account: AccountId::mint(ISSUED_AT, &account_entropy),
            external_id: format!("cus_{owner:012}"),
        }
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = Issued> {
        (0..self.keys).map(|number| self.key(number))
    }

    /// The first key of each account.
    pub fn firsts(&self) -> impl Iterator<Item = Issued> {
        (0..self.keys.div_ceil(KEYS_PER_ACCOUNT)).map(|owner| self.key(owner * KEYS_PER_ACCOUNT))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::profile;

    #[test]
    fn keys_differ_and_ten_have_one_account() {
        let (scopes, restrictions) = (Scopes::All, Restrictions::default());
        let set = KeySet { profile: profile(), keys: 100, scopes, restrictions, expires_at: None };
        assert_eq!(set.all().map(|issued| issued.plain).collect::<HashSet<_>>().len(), 100);
        assert_eq!(set.all().map(|issued| issued.key).collect::<HashSet<_>>().len(), 100);
        assert_eq!(set.all().map(|issued| issued.account).collect::<HashSet<_>>().len(), 10);
        assert_eq!(set.firsts().count(), 10);
    }
}
