//! What was learnt lately: two generations, the older of which is forgotten when the younger is full.

use std::{borrow::Borrow, collections::HashMap, hash::Hash};

/// At most twice as many entries as a generation holds.
pub(super) struct Recent<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    generation: usize,
}

impl<K: Eq + Hash, V> Recent<K, V> {
    pub(super) fn new(generation: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), generation }
    }

    pub(super) fn insert(&mut self, key: K, value: V) {
        if self.young.len() >= self.generation {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }

    pub(super) fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.young.get(key).or_else(|| self.old.get(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_are_remembered_and_never_more_than_two_generations() {
        let mut recent = Recent::new(10);
        for number in 0..35 {
            recent.insert(number, number);
            assert!((number.max(10) - 10..=number).all(|late| recent.get(&late) == Some(&late)), "{number}");
            assert!(recent.young.len() + recent.old.len() <= 20);
        }
        assert_eq!(recent.get(&0), None);
    }
}
