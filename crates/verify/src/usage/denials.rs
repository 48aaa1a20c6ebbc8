//! The latest denied attempts: ten of a key, and a few of those that presented no key.

use std::{
    collections::{HashMap, VecDeque},
    net::IpAddr,
    sync::Arc,
};

use claviger_model::{Denial, KeyId, RequestId, Timestamp};

use super::{DeniedAttempt, room::Room};

/// What a key's owner is shown.
const PER_KEY: usize = 10;

/// What the sentence of an attempt begins with that was let through.
const OBSERVED: &str = "Let through, because this is only observed. ";

/// Denied attempts of the keys of one shard, and its part of those without a key. A flood of either kind leaves the
/// other's alone.
#[derive(Default)]
pub(super) struct Denials {
    of_keys: HashMap<KeyId, VecDeque<Kept>>,
    of_nobody: VecDeque<Kept>,
}

/// A denied attempt whose sentence is not yet written out.
pub(super) struct Kept {
    pub(super) api: Arc<str>,
    pub(super) key: Option<KeyId>,
    pub(super) at: Timestamp,
    pub(super) request: RequestId,
    pub(super) denial: Denial,
    pub(super) is_observed: bool,
    pub(super) address: Option<IpAddr>,
    pub(super) endpoint: Option<Box<str>>,
}

impl Denials {
    /// Keeps an attempt of a known key in place of the key's oldest; `room` is asked while the key has fewer than ten.
    pub(super) fn keep_of_key(&mut self, key: KeyId, kept: Kept, room: &Room) {
        match self.of_keys.get_mut(&key) {
            Some(of_key) if of_key.len() == PER_KEY => {
                of_key.pop_front();
                of_key.push_back(kept);
            }
            _ if !room.take() => {}
            Some(of_key) => of_key.push_back(kept),
            None => _ = self.of_keys.insert(key, VecDeque::from([kept])),
        }
    }

    /// Keeps an attempt without a known key in place of the oldest such once there are `most`; that counts as dropped.
    pub(super) fn keep_of_nobody(&mut self, most: usize, kept: Kept, room: &Room) {
        if self.of_nobody.len() >= most {
            self.of_nobody.pop_front();
            room.drop_more(1);
        }
        self.of_nobody.push_back(kept);
    }

    /// What was kept, and how much of it `room` was asked for.
    pub(super) fn take(&mut self) -> (usize, Vec<Kept>) {
        let mut kept: Vec<Kept> = std::mem::take(&mut self.of_keys).into_values().flatten().collect();
        let of_keys = kept.len();
        kept.extend(std::mem::take(&mut self.of_nobody));
        (of_keys, kept)
    }
}

impl From<Kept> for DeniedAttempt {
    fn from(kept: Kept) -> Self {
        let Kept { api, key, at, request, denial, is_observed, address, endpoint } = kept;
        let detail = denial.detail();
        let detail = if is_observed { format!("{OBSERVED}{detail}").into() } else { detail.into() };
        Self { api, key, at, request, code: denial.code(), detail, address, endpoint }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(key: Option<KeyId>, at: i64) -> Kept {
        Kept {
            api: "example".into(),
            key,
            at: Timestamp::from_millis(at),
            request: RequestId::from_bytes([0; 16]),
            denial: Denial::Network,
            is_observed: false,
            address: None,
            endpoint: None,
        }
    }

    fn key(number: u8) -> KeyId {
        KeyId::from_bytes([number; 16])
    }

    fn instants(denials: &mut Denials) -> Vec<i64> {
        denials.take().1.iter().map(|kept| kept.at.as_millis()).collect()
    }

    #[test]
    fn the_latest_ten_of_a_key_are_kept() {
        let (mut denials, room) = (Denials::default(), Room::new(100));
        (0..25).for_each(|at| denials.keep_of_key(key(1), kept(Some(key(1)), at), &room));
        assert_eq!(instants(&mut denials), (15..25).collect::<Vec<_>>());
        assert_eq!(room.dropped(), 0);
    }

    #[test]
    fn keys_beyond_the_room_leave_no_trace() {
        let (mut denials, room) = (Denials::default(), Room::new(3));
        for number in 0..200 {
            denials.keep_of_key(key(number), kept(Some(key(number)), 0), &room);
        }
        assert_eq!(denials.of_keys.len(), 3);
        assert_eq!(room.dropped(), 197);
        let (of_keys, all) = denials.take();
        assert_eq!((of_keys, all.len()), (3, 3));
    }

    #[test]
    fn a_flood_without_keys_pushes_out_its_own_kind_only() {
        let (mut denials, room) = (Denials::default(), Room::new(3));
        denials.keep_of_key(key(1), kept(Some(key(1)), -1), &room);
        (0..50).for_each(|at| denials.keep_of_nobody(2, kept(None, at), &room));
        assert_eq!(instants(&mut denials), [-1, 48, 49]);
        assert_eq!(room.dropped(), 48);
    }

    #[test]
    fn a_denial_is_written_out_when_it_leaves() {
        let attempt = DeniedAttempt::from(kept(None, 7));
        assert_eq!(attempt.code.as_str(), "network");
        assert_eq!(&*attempt.detail, Denial::Network.detail());
    }
}
