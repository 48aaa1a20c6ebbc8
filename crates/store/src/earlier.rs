//! Secrets that imported keys had before: which of them are taken, and how they are numbered.

use std::collections::HashSet;

use claviger_model::{Digest, KeyId, Timestamp, import::RowRefusal};

use crate::{
    ImportRow, NewSecret,
    import::{Arrived, Known},
};

/// A secret that a key to take over had before, and that works until its overlap ends.
#[derive(Clone, Debug)]
pub struct EarlierSecret {
    /// What is kept of it.
    pub secret: NewSecret,
    /// When it was created; when the key was, where that isn't said.
    pub created_at: Option<Timestamp>,
    /// When its overlap ends.
    pub ends_at: Timestamp,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
}

/// A secret of a key to insert.
pub(crate) struct ArrivedSecret<'a> {
    pub(crate) key: KeyId,
    pub(crate) number: u16,
    pub(crate) secret: &'a NewSecret,
    pub(crate) created_at: Timestamp,
    pub(crate) ends_at: Option<Timestamp>,
    pub(crate) last_used_at: Option<Timestamp>,
}

impl Arrived {
    /// Its secrets, numbered from the oldest.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = ArrivedSecret<'_>> {
        let Self { key, last_used_at, earlier, .. } = self;
        let of = |secret, created_at: Option<_>, ends_at, last_used_at| ArrivedSecret {
            key: key.id,
            number: 0,
            secret,
            created_at: created_at.unwrap_or(key.created_at),
            ends_at,
            last_used_at,
        };
        let newest = of(&key.secret, None, None, *last_used_at);
        let earlier = earlier.iter().rev();
        let earlier =
            earlier.map(move |one| of(&one.secret, one.created_at, Some(one.ends_at), one.last_used_at));
        (1..).zip(earlier.chain([newest])).map(|(number, secret)| ArrivedSecret { number, ..secret })
    }
}

impl ImportRow {
    /// Takes its secrets among those that were `seen`, unless one of them is there already.
    pub(crate) fn is_new_among(&self, seen: &mut HashSet<Digest>) -> Result<(), RowRefusal> {
        if !seen.insert(self.digest) {
            return Err(RowRefusal::Duplicate);
        }
        let again = |earlier: &EarlierSecret| !seen.insert(earlier.secret.digest);
        let again = self.earlier.iter().position(again);
        again.map_or(Ok(()), |place| Err(RowRefusal::Duplicate.of_earlier(place + 1)))
    }

    /// The earlier secrets that haven't ended. What is here of them is another's, for the key is new.
    pub(crate) fn standing(&self, now: Timestamp, known: &Known) -> Result<Vec<EarlierSecret>, RowRefusal> {
        let standing = (1..).zip(&self.earlier).filter(|(_, earlier)| earlier.ends_at > now);
        let free = |(place, earlier): (usize, &EarlierSecret)| {
            let digest = &earlier.secret.digest;
            let refusal = if known.others.contains(digest) {
                RowRefusal::Taken
            } else if known.keys.contains_key(digest) {
                RowRefusal::OtherKey
            } else {
                return Ok(earlier.clone());
            };
            Err(refusal.of_earlier(place))
        };
        standing.map(free).collect()
    }
}
