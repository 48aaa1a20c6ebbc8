//! Secrets that imported keys had before: which of them are taken, and how they are numbered.

use std::collections::HashSet;

use claviger_model::{Digest, KeyId, Timestamp, import::RowRefusal};

use crate::{
    FoundSecret, ImportRow, NewKey, NewSecret,
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
        let Self { key: NewKey { id, created_at, secret, .. }, last_used_at, earlier, .. } = self;
        numbered((*id, 0), (secret, *created_at, *last_used_at), earlier)
    }
}

/// A key that is here, and was rotated elsewhere since it came.
pub(crate) struct Rotated {
    key: KeyId,
    /// The number of its newest secret here.
    after: u16,
    newest: NewSecret,
    at: Timestamp,
    last_used_at: Option<Timestamp>,
    /// What came between the two.
    earlier: Vec<EarlierSecret>,
    /// When those that are here end, by their numbers.
    ends: Vec<(u16, Timestamp)>,
}

impl Rotated {
    /// Its new secrets, numbered after those that are here.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = ArrivedSecret<'_>> {
        numbered((self.key, self.after), (&self.newest, self.at, self.last_used_at), &self.earlier)
    }

    /// When those that are here end, at the latest.
    pub(crate) fn ends(&self) -> impl Iterator<Item = (KeyId, u16, Timestamp)> {
        self.ends.iter().map(|(number, at)| (self.key, *number, *at))
    }
}

/// The secrets of a key after those it has, the oldest first.
fn numbered<'a>(
    (key, after): (KeyId, u16),
    (newest, minted, last_used_at): (&'a NewSecret, Timestamp, Option<Timestamp>),
    earlier: &'a [EarlierSecret],
) -> impl Iterator<Item = ArrivedSecret<'a>> {
    let earlier = earlier
        .iter()
        .rev()
        .map(move |one| (&one.secret, one.created_at.unwrap_or(minted), Some(one.ends_at), one.last_used_at));
    let all = earlier.chain([(newest, minted, None, last_used_at)]);
    (1..).zip(all).map(move |(place, (secret, created_at, ends_at, last_used_at))| ArrivedSecret {
        key,
        number: after.saturating_add(place),
        secret,
        created_at,
        ends_at,
        last_used_at,
    })
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

    /// What is kept of its secret.
    pub(crate) fn secret(&self) -> NewSecret {
        NewSecret {
            digest: self.digest,
            hint: self.hint.clone(),
            sealed: None,
            expires_at: None,
            foreign: self.foreign().cloned(),
        }
    }

    /// The earlier secrets of a key that is new, as far as they work still.
    pub(crate) fn standing(&self, now: Timestamp, known: &Known) -> Result<Vec<EarlierSecret>, RowRefusal> {
        standing(&self.earlier, now, known)
    }

    /// The key that is here by one of the row's earlier secrets: it was rotated elsewhere since. What is older than that
    /// and isn't here doesn't come any more.
    pub(crate) fn rotated(
        &self,
        now: Timestamp,
        known: &Known,
    ) -> Result<Option<(FoundSecret, Rotated)>, RowRefusal> {
        let of = |earlier: &EarlierSecret| known.keys.get(&earlier.secret.digest);
        let here = self.earlier.iter().enumerate().find_map(|(place, one)| Some((place, of(one)?)));
        let Some((place, found)) = here else { return Ok(None) };
        let (since, before) = self.earlier.split_at(place);
        let mut ends = Vec::with_capacity(before.len());
        for (place, earlier) in (place + 1..).zip(before) {
            match of(earlier) {
                Some(known) if known.key.id == found.key.id => ends.push((known.number, earlier.ends_at)),
                Some(_) => return Err(RowRefusal::OtherKey.of_earlier(place)),
                None => {}
            }
        }
        let rotated = Rotated {
            key: found.key.id,
            after: found.number,
            newest: self.secret(),
            at: now,
            last_used_at: self.row.last_used_at,
            earlier: standing(since, now, known)?,
            ends,
        };
        Ok(Some((found.clone(), rotated)))
    }
}

/// Those that haven't ended, none of which is a key's here.
fn standing(
    earlier: &[EarlierSecret],
    now: Timestamp,
    known: &Known,
) -> Result<Vec<EarlierSecret>, RowRefusal> {
    let standing = (1..).zip(earlier).filter(|(_, earlier)| earlier.ends_at > now);
    let free = |(place, earlier): (usize, &EarlierSecret)| {
        let is_taken = known.others.contains(&earlier.secret.digest);
        if is_taken { Err(RowRefusal::Taken.of_earlier(place)) } else { Ok(earlier.clone()) }
    };
    standing.map(free).collect()
}
