//! An index of ids by a key, so that the first and the last need not be searched for.

use imbl::OrdSet;

/// Ids in the order of a key that each of them has, then in their own order. To clone it costs a
/// reference count, because a checkpoint clones it while callbacks wait.
#[derive(Clone, Debug)]
pub(super) struct OrderedIndex<K: Ord, I: Ord>(OrdSet<(K, I)>);

impl<K: Ord, I: Ord> Default for OrderedIndex<K, I> {
    fn default() -> Self {
        Self(OrdSet::default())
    }
}

impl<K: Ord + Clone, I: Ord + Clone> OrderedIndex<K, I> {
    /// Changes the key of an id; `None` if it has none.
    pub(super) fn put(&mut self, id: &I, before: Option<K>, after: Option<K>) {
        if before == after {
            return;
        }
        before.map(|key| self.0.remove(&(key, id.clone())));
        after.map(|key| self.0.insert((key, id.clone())));
    }

    /// The id with the least key, and its key.
    pub(super) fn first(&self) -> Option<&(K, I)> {
        self.0.get_min()
    }

    /// The id with the greatest key, and its key.
    pub(super) fn last(&self) -> Option<&(K, I)> {
        self.0.get_max()
    }

    /// All ids and their keys.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &(K, I)> {
        self.0.iter()
    }

    /// The ids whose key is at most this one.
    pub(super) fn through(&self, key: K) -> impl Iterator<Item = &I> {
        let within = self.0.iter().take_while(move |(it, _)| *it <= key);
        within.map(|(_, id)| id)
    }
}

impl<K: Ord + Clone, I: Ord + Clone> FromIterator<(K, I)> for OrderedIndex<K, I> {
    fn from_iter<T: IntoIterator<Item = (K, I)>>(ids: T) -> Self {
        Self(ids.into_iter().collect())
    }
}
