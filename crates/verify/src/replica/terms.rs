//! What many keys have in common, held once for all of them.

use std::{collections::HashSet, sync::Arc};

use parking_lot::Mutex;

use crate::feed::Terms;

/// Fewer entries than this are not worth looking through for unused ones.
const FEW: usize = 1024;

/// Hands out one copy of equal terms. Entries that no key has any more are let go when their number may have
/// doubled, so there are at most twice as many entries as are in use, or [`FEW`].
#[derive(Default)]
pub(super) struct TermsPool(Mutex<Pool>);

#[derive(Default)]
struct Pool {
    known: HashSet<Arc<Terms>>,
    /// A load hands out the same terms many times in a row.
    last: Option<Arc<Terms>>,
    look_at: usize,
}

impl TermsPool {
    /// The one copy that equals `terms`.
    pub(super) fn share(&self, terms: Arc<Terms>) -> Arc<Terms> {
        let mut pool = self.0.lock();
        if let Some(last) = pool.last.as_ref().filter(|last| Arc::ptr_eq(last, &terms)) {
            return Arc::clone(last);
        }
        let shared = if let Some(known) = pool.known.get(&terms) {
            Arc::clone(known)
        } else {
            pool.make_room();
            pool.known.insert(Arc::clone(&terms));
            terms
        };
        pool.last = Some(Arc::clone(&shared));
        shared
    }

    /// How many different ones are held.
    pub(super) fn len(&self) -> usize {
        self.0.lock().known.len()
    }
}

impl Pool {
    fn make_room(&mut self) {
        if self.known.len() >= self.look_at.max(FEW) {
            self.last = None;
            self.known.retain(|terms| Arc::strong_count(terms) > 1);
            self.look_at = 2 * self.known.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::terms;

    #[test]
    fn equal_terms_are_held_once() {
        let pool = TermsPool::default();
        let first = pool.share(terms("ada"));
        let other = pool.share(terms("bob"));
        let again = pool.share(terms("ada"));
        assert!(Arc::ptr_eq(&first, &again));
        assert!(!Arc::ptr_eq(&first, &other));
        assert_eq!(pool.len(), 2);
    }

    #[test]
    fn terms_nobody_has_any_more_are_let_go() {
        let pool = TermsPool::default();
        let kept = pool.share(terms("kept"));
        for number in 0..10 * FEW {
            pool.share(terms(&number.to_string()));
        }
        assert!(pool.len() <= 2 * FEW, "{}", pool.len());
        assert!(Arc::ptr_eq(&kept, &pool.share(terms("kept"))));
    }

    #[test]
    fn terms_in_use_are_all_kept() {
        let pool = TermsPool::default();
        let kept: Vec<_> = (0..5 * FEW).map(|number| pool.share(terms(&number.to_string()))).collect();
        assert_eq!(pool.len(), 5 * FEW);
        assert!(
            kept.iter()
                .enumerate()
                .all(|(number, held)| Arc::ptr_eq(held, &pool.share(terms(&number.to_string()))))
        );
    }
}
