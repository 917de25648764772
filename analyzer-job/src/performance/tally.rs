//! Counts of equal things: what a pass leaves of rows of which many are alike.

use serde::{Deserialize, Serialize};

/// How often each key came. The result does not depend on the order of the additions.
///
/// Additions are appended, and equal keys are folded together whenever the list has doubled. Memory: the size of
/// an entry, for at most twice the number of distinct keys and never fewer than `SMALLEST` entries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<(K, u64)>", into = "Vec<(K, u64)>")]
#[serde(bound(serialize = "K: Ord + Copy + Serialize", deserialize = "K: Ord + Copy + Deserialize<'de>"))]
pub struct Tally<K: Ord + Copy> {
    cells: Vec<(K, u64)>,
    /// Fold when the list is this long.
    limit: usize,
}

const SMALLEST: usize = 1 << 12;

impl<K: Ord + Copy> Default for Tally<K> {
    fn default() -> Tally<K> {
        Tally { cells: Vec::new(), limit: SMALLEST }
    }
}

impl<K: Ord + Copy> Tally<K> {
    pub fn add(&mut self, key: K, times: u64) {
        self.cells.push((key, times));
        if self.cells.len() >= self.limit {
            self.fold();
            self.limit = (2 * self.cells.len()).max(SMALLEST);
        }
    }

    /// Adds what another part of the rows left, each key changed by `map`.
    pub fn merge(&mut self, other: &Tally<K>, map: impl Fn(K) -> K) {
        for &(key, times) in &other.cells {
            self.add(map(key), times);
        }
    }

    /// Takes out the others.
    pub fn retain(&mut self, is_kept: impl Fn(&K) -> bool) {
        self.cells.retain(|cell| is_kept(&cell.0));
    }

    /// Distinct keys in order, with how often each came.
    pub fn sorted(&self) -> Vec<(K, u64)> {
        let mut copy = self.clone();
        copy.fold();
        copy.cells
    }

    pub fn total(&self) -> u64 {
        self.cells.iter().map(|cell| cell.1).sum()
    }

    /// `None` when there are too many to count.
    pub fn checked_total(&self) -> Option<u64> {
        self.cells.iter().try_fold(0_u64, |sum, cell| sum.checked_add(cell.1))
    }

    fn fold(&mut self) {
        self.cells.sort_unstable_by_key(|cell| cell.0);
        self.cells.dedup_by(|next, kept| {
            let equal = next.0 == kept.0;
            if equal {
                kept.1 += next.1;
            }
            equal
        });
    }
}

impl<K: Ord + Copy> From<Vec<(K, u64)>> for Tally<K> {
    fn from(cells: Vec<(K, u64)>) -> Tally<K> {
        let mut tally = Tally { cells, limit: SMALLEST };
        tally.fold();
        tally.limit = (2 * tally.cells.len()).max(SMALLEST);
        tally
    }
}

impl<K: Ord + Copy> From<Tally<K>> for Vec<(K, u64)> {
    fn from(tally: Tally<K>) -> Vec<(K, u64)> {
        tally.sorted()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn counts_equal_those_of_a_map_in_any_split(
            keys in prop::collection::vec(0_u32..9000, 0..20_000), cut in 0_usize..20_000,
        ) {
            let mut slow = BTreeMap::new();
            keys.iter().for_each(|key| *slow.entry(*key).or_insert(0) += 1);
            let slow: Vec<(u32, u64)> = slow.into_iter().collect();
            let (left, right) = keys.split_at(cut.min(keys.len()));
            let mut parts = [Tally::default(), Tally::default()];
            left.iter().for_each(|key| parts[0].add(*key, 1));
            right.iter().for_each(|key| parts[1].add(*key, 1));
            let [mut both, right] = parts;
            both.merge(&right, |key| key);
            prop_assert_eq!(both.total(), keys.len() as u64);
            prop_assert!(both.cells.len() <= (2 * slow.len()).max(SMALLEST));
            prop_assert_eq!(both.sorted(), slow);
        }
    }

    #[test]
    fn what_was_saved_is_read_back() {
        let mut tally = Tally::default();
        [3_u32, 1, 3].iter().for_each(|key| tally.add(*key, 2));
        let text = serde_json::to_string(&tally).unwrap();
        assert_eq!(text, "[[1,2],[3,4]]");
        let read: Tally<u32> = serde_json::from_str(&text).unwrap();
        assert_eq!(read.sorted(), tally.sorted());
    }
}
