//! Hash → slot, in one cache line: what is not in the cache is what a look-up waits for, and a table that keeps its
//! tags apart from its slots makes it wait twice.
//!
//! It doesn't hold hashes or keys: whoever asks compares, and growing asks for the hashes again.

/// Slots of one line.
const PLACES: usize = 12;

/// Growing starts when the lines are so full on average, in slots; beyond it many would overflow into the next.
const FULL: usize = 9;

/// One cache line. The places up to `len` are filled.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Line {
    slots: [u32; PLACES],
    tags: [u8; PLACES],
    len: u8,
    /// How many slots passed by here because it was full, and are in a line after this one. Stays where it is once it
    /// has reached its highest value, until the index grows.
    passed: u8,
}

const _: () = assert!(size_of::<Line>() == 64, "a line of the index is a line of the cache");

impl Line {
    const EMPTY: Self = Self { slots: [0; PLACES], tags: [0; PLACES], len: 0, passed: 0 };

    fn place_of(&self, tag: u8, is_meant: impl Fn(u32) -> bool) -> Option<usize> {
        let filled = self.tags.iter().take(self.len.into());
        filled.zip(&self.slots).position(|(known, slot)| *known == tag && is_meant(*slot))
    }
}

/// Slots by hash; the number of lines is a power of two.
#[derive(Default)]
pub(super) struct Index {
    lines: Box<[Line]>,
    len: usize,
}

impl Index {
    /// How many slots it holds.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The slot with this hash that is meant.
    pub(super) fn find(&self, hash: u64, is_meant: impl Fn(u32) -> bool) -> Option<u32> {
        let (line, place) = self.place_of(hash, is_meant)?;
        Some(self.lines[line].slots[place])
    }

    /// Adds a slot that isn't there yet. `hash_of` says the hashes of those that are, if it has to grow.
    pub(super) fn insert(&mut self, hash: u64, slot: u32, hash_of: impl Fn(u32) -> u64) {
        if self.len == self.lines.len() * FULL {
            self.grow(hash_of);
        }
        self.put(hash, slot);
        self.len += 1;
    }

    /// Takes out the slot with this hash that is meant.
    pub(super) fn remove(&mut self, hash: u64, is_meant: impl Fn(u32) -> bool) -> Option<u32> {
        let (number, place) = self.place_of(hash, is_meant)?;
        let (mut passed, _) = self.start(hash)?;
        while passed != number {
            let line = &mut self.lines[passed];
            line.passed -= u8::from(line.passed != u8::MAX);
            passed = self.after(passed);
        }
        let line = &mut self.lines[number];
        let last = usize::from(line.len) - 1;
        let slot = line.slots[place];
        line.slots.swap(place, last);
        line.tags.swap(place, last);
        line.len -= 1;
        self.len -= 1;
        Some(slot)
    }

    /// Bytes of its own allocation.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.lines)
    }

    fn place_of(&self, hash: u64, is_meant: impl Fn(u32) -> bool) -> Option<(usize, usize)> {
        let (first, tag) = self.start(hash)?;
        let mut number = first;
        loop {
            let line = &self.lines[number];
            if let Some(place) = line.place_of(tag, &is_meant) {
                return Some((number, place));
            }
            number = self.after(number);
            if line.passed == 0 || number == first {
                return None;
            }
        }
    }

    fn put(&mut self, hash: u64, slot: u32) {
        let (mut number, tag) = self.start(hash).expect("there are lines once it has grown");
        while usize::from(self.lines[number].len) == PLACES {
            self.lines[number].passed = self.lines[number].passed.saturating_add(1);
            number = self.after(number);
        }
        let line = &mut self.lines[number];
        line.slots[usize::from(line.len)] = slot;
        line.tags[usize::from(line.len)] = tag;
        line.len += 1;
    }

    fn grow(&mut self, hash_of: impl Fn(u32) -> u64) {
        let lines = vec![Line::EMPTY; (2 * self.lines.len()).max(1)].into();
        let before = std::mem::replace(&mut self.lines, lines);
        for line in &before {
            for slot in line.slots.iter().take(line.len.into()) {
                self.put(hash_of(*slot), *slot);
            }
        }
    }

    /// The line a hash belongs to, by its low bits, and its tag, by its high ones; `None` while there are no lines.
    fn start(&self, hash: u64) -> Option<(usize, u8)> {
        let last = self.lines.len().checked_sub(1)?;
        let [low @ .., tag] = hash.to_le_bytes();
        let low = usize::from(u16::from_le_bytes([low[0], low[1]])) | usize::from(low[2]) << 16;
        Some((low & last, tag))
    }

    fn after(&self, line: usize) -> usize {
        (line + 1) & (self.lines.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    /// Few lines are meant, so that they overflow.
    fn crowded(slot: u32) -> u64 {
        u64::from(slot % 7) << 56 | u64::from(slot % 3)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn it_finds_what_a_plain_map_would_find(steps in prop::collection::vec((0u32..200, any::<bool>()), 1..600)) {
            let (mut index, mut plain) = (Index::default(), HashMap::new());
            for (slot, comes) in steps {
                if !comes {
                    prop_assert_eq!(index.remove(crowded(slot), |known| known == slot), plain.remove(&slot));
                } else if plain.insert(slot, slot).is_none() {
                    index.insert(crowded(slot), slot, crowded);
                }
            }
            for slot in 0..200 {
                let found = index.find(crowded(slot), |known| known == slot);
                prop_assert_eq!(found, plain.get(&slot).copied());
            }
            prop_assert_eq!(index.len(), plain.len());
            for slot in plain.into_keys() {
                index.remove(crowded(slot), |known| known == slot);
            }
            prop_assert!(index.lines.iter().all(|line| (line.len, line.passed) == (0, 0)), "misses end at once again");
        }
    }

    #[test]
    fn an_empty_index_finds_nothing_and_takes_nothing() {
        let index = Index::default();
        assert_eq!((index.find(0, |_| true), index.len(), index.bytes()), (None, 0, 0));
    }

    #[test]
    fn a_slot_takes_at_most_fourteen_bytes_and_a_half_once_there_are_many() {
        let mut index = Index::default();
        let spread = |slot: u32| u64::from(slot).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32);
        for slot in 0..20_000 {
            index.insert(spread(slot), slot, spread);
            assert!(slot < 100 || index.bytes() * 2 <= 29 * index.len(), "{slot}");
        }
    }
}
