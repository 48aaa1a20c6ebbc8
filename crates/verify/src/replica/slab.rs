//! Rows in numbered slots, in chunks, so that growing copies little and wastes little.

/// Rows of a chunk. Half of one is what a slab wastes on average.
const CHUNK: usize = 512;

/// Slots hold a row or wait to hold one again.
pub(super) struct Slab<T> {
    /// All but the last are full; the first grows by doubling, so that a small slab is small.
    chunks: Vec<Vec<Option<T>>>,
    free: Vec<u32>,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self { chunks: Vec::new(), free: Vec::new() }
    }
}

impl<T> Slab<T> {
    /// Puts `row` into a slot and says which.
    pub(super) fn insert(&mut self, row: T) -> u32 {
        if let Some(slot) = self.free.pop() {
            *self.place(slot) = Some(row);
            return slot;
        }
        if self.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK) {
            let room = if self.chunks.is_empty() { 0 } else { CHUNK };
            self.chunks.push(Vec::with_capacity(room));
        }
        let before = (self.chunks.len() - 1) * CHUNK;
        let chunk = self.chunks.last_mut().expect("one was pushed if there was none");
        chunk.push(Some(row));
        u32::try_from(before + chunk.len() - 1).expect("four billion rows don't fit in memory")
    }

    /// The row in `slot`, which is one that [`Slab::insert`] gave and [`Slab::remove`] didn't take.
    pub(super) fn get(&self, slot: u32) -> &T {
        let (chunk, row) = locate(slot);
        self.chunks[chunk][row].as_ref().expect("the index names filled slots only")
    }

    /// The same, to change it.
    pub(super) fn get_mut(&mut self, slot: u32) -> &mut T {
        self.place(slot).as_mut().expect("the index names filled slots only")
    }

    /// Empties `slot`; the next insert may fill it.
    pub(super) fn remove(&mut self, slot: u32) -> Option<T> {
        let row = self.place(slot).take();
        if row.is_some() {
            self.free.push(slot);
        }
        row
    }

    /// The rows of one chunk; `None` beyond the last.
    pub(super) fn chunk(&self, number: usize) -> Option<impl Iterator<Item = &T>> {
        self.chunks.get(number).map(|chunk| chunk.iter().flatten())
    }

    /// Bytes of its own allocations.
    pub(super) fn bytes(&self) -> usize {
        let rows: usize = self.chunks.iter().map(Vec::capacity).sum();
        rows * size_of::<Option<T>>()
            + self.chunks.capacity() * size_of::<Vec<Option<T>>>()
            + self.free.capacity() * size_of::<u32>()
    }

    fn place(&mut self, slot: u32) -> &mut Option<T> {
        let (chunk, row) = locate(slot);
        &mut self.chunks[chunk][row]
    }
}

fn locate(slot: u32) -> (usize, usize) {
    let slot = usize::try_from(slot).expect("a slot is the number of a row in memory");
    (slot / CHUNK, slot % CHUNK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stay_in_their_slots_while_it_grows() {
        let mut slab = Slab::default();
        let slots: Vec<u32> = (0..3000).map(|row| slab.insert(row)).collect();
        assert!(slots.iter().zip(0..).all(|(slot, row)| *slab.get(*slot) == row));
        *slab.get_mut(slots[500]) = 7;
        assert_eq!(*slab.get(slots[500]), 7);
    }

    #[test]
    fn an_emptied_slot_is_filled_again() {
        let mut slab = Slab::default();
        let slots: Vec<u32> = (0..600).map(|row| slab.insert(row)).collect();
        let bytes = slab.bytes();
        assert_eq!(slab.remove(slots[200]), Some(200));
        assert_eq!(slab.remove(slots[200]), None);
        assert_eq!(slab.insert(-1), slots[200]);
        assert_eq!(slab.insert(-2), 600);
        assert!(slab.bytes() - bytes <= 64);
    }

    #[test]
    fn chunks_list_their_rows_and_end() {
        let mut slab = Slab::default();
        let slots: Vec<u32> = (0..514).map(|row| slab.insert(row)).collect();
        slab.remove(slots[1]);
        let rows: Vec<i32> = (0..)
            .map_while(|number| slab.chunk(number).map(|c| c.copied().collect::<Vec<_>>()))
            .flatten()
            .collect();
        assert_eq!(rows.len(), 513);
        assert!(!rows.contains(&1));
    }

    #[test]
    fn a_small_slab_is_small() {
        let mut slab = Slab::default();
        slab.insert([0u8; 80]);
        assert!(slab.bytes() < 600, "{}", slab.bytes());
    }
}
