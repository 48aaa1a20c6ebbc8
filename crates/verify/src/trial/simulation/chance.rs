//! Chance that a seed determines, by the generator `SplitMix64`.

/// Everything random of one history is drawn from here, in the order of its events.
pub(super) struct Chance(u64);

impl Chance {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// From `from` up to, but without, `to`.
    pub(super) fn between(&mut self, from: u64, to: u64) -> u64 {
        from + self.draw() % (to - from).max(1)
    }

    /// One of so many.
    pub(super) fn below(&mut self, count: usize) -> usize {
        usize::try_from(self.between(0, count as u64)).expect("less than a usize")
    }

    /// Happens once in so many times.
    pub(super) fn one_in(&mut self, times: u64) -> bool {
        self.between(0, times) == 0
    }
}
