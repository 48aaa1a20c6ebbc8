//! A bound on how many of something there may be, and how many found no room.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Asked only for what is new, so that what is there already can be written over without it.
pub(super) struct Room {
    most: usize,
    used: AtomicUsize,
    dropped: AtomicU64,
}

impl Room {
    /// Room for `most`.
    pub(super) const fn new(most: usize) -> Self {
        Self { most, used: AtomicUsize::new(0), dropped: AtomicU64::new(0) }
    }

    /// Takes room for one more; where there is none, that is counted.
    pub(super) fn take(&self) -> bool {
        let fits = self.used.fetch_add(1, Ordering::Relaxed) < self.most;
        if !fits {
            self.used.fetch_sub(1, Ordering::Relaxed);
            self.drop_more(1);
        }
        fits
    }

    /// Makes room again for `count` that were taken.
    pub(super) fn give_back(&self, count: usize) {
        self.used.fetch_sub(count, Ordering::Relaxed);
    }

    /// Counts what was dropped for another reason than room.
    pub(super) fn drop_more(&self, count: u64) {
        self.dropped.fetch_add(count, Ordering::Relaxed);
    }

    /// How many were dropped since the start.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_finds_no_room_is_counted() {
        let room = Room::new(2);
        assert_eq!([room.take(), room.take(), room.take(), room.take()], [true, true, false, false]);
        assert_eq!(room.dropped(), 2);
        room.give_back(1);
        assert_eq!([room.take(), room.take()], [true, false]);
        assert_eq!(room.dropped(), 3);
    }
}
