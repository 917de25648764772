//! Ground truth by id, and what a second label for an id means.
//!
//! Ids and values lie one after the other in one store of bytes, found by a table of hashes and
//! positions. A label takes its own bytes, 16 of a head and about 30 of the table.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::settings::DuplicateGroundTruth;

/// What became of a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Inserted {
    New,
    /// The id has this very label already.
    Same,
    /// The id has another label.
    Conflict,
}

/// A label that was found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hit<'a> {
    /// The value of `groundTruthData`.
    pub(crate) value: &'a [u8],
    /// The hour in whose folder the label lay, as hours since 1970.
    pub(crate) hour: Option<i64>,
}

/// Labels by id.
#[derive(Debug)]
pub(crate) struct Labels {
    policy: DuplicateGroundTruth,
    hasher: DefaultHashBuilder,
    table: HashTable<Place>,
    store: Vec<u8>,
    hits: Vec<u64>,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    hash: u64,
    at: u64,
}

/// Head of a label in the store: length of the id, length of the value, hour, state; 4 bytes each.
const HEAD: usize = 16;
const NO_HOUR: i32 = i32::MIN;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Unused = 0,
    Used = 1,
    /// A later label took its place.
    Replaced = 2,
}

impl Labels {
    pub(crate) fn new(policy: DuplicateGroundTruth, hasher: DefaultHashBuilder) -> Labels {
        Labels { policy, hasher, table: HashTable::new(), store: Vec::new(), hits: Vec::new() }
    }

    /// Bytes in use, counting the moment when the table next grows.
    pub(crate) fn memory(&self) -> u64 {
        let table = self.table.allocation_size();
        let growing = if self.table.len() == self.table.capacity() { 2 * table } else { 0 };
        (self.store.len() + table + growing) as u64
    }

    pub(crate) fn insert(&mut self, id: &[u8], value: &[u8], hour: Option<i64>) -> Inserted {
        let hash = self.hasher.hash_one(id);
        let at = self.store.len() as u64;
        let place = Place { hash, at };
        let mut conflict = None;
        for known in self.table.iter_hash(hash) {
            if known.hash == hash && self.id(known.at) == id {
                if same(self.value(known.at), value) {
                    return Inserted::Same;
                }
                conflict = Some(known.at);
            }
        }
        let replaced = match (conflict, self.policy) {
            (None, _) | (_, DuplicateGroundTruth::All) => None,
            (Some(_), DuplicateGroundTruth::First | DuplicateGroundTruth::Fail) => return Inserted::Conflict,
            (Some(replaced), DuplicateGroundTruth::Last) => Some(replaced),
        };
        self.push(id, value, hour);
        match replaced {
            Some(old) => {
                self.set_state(old, State::Replaced);
                if let Some(known) = self.table.find_mut(hash, |known| known.at == old) {
                    known.at = at;
                }
            }
            None => {
                self.table.insert_unique(hash, place, |place| place.hash);
            }
        }
        if conflict.is_some() { Inserted::Conflict } else { Inserted::New }
    }

    fn push(&mut self, id: &[u8], value: &[u8], hour: Option<i64>) {
        let hour = hour.and_then(|hour| i32::try_from(hour).ok()).unwrap_or(NO_HOUR);
        let head =
            [id.len() as u32, value.len() as u32, hour as u32, State::Unused as u32].map(u32::to_le_bytes);
        self.store.extend_from_slice(head.as_flattened());
        self.store.extend_from_slice(id);
        self.store.extend_from_slice(value);
    }

    fn word(&self, at: u64, idx: usize) -> u32 {
        let from = at as usize + 4 * idx;
        self.store
            .get(from..)
            .and_then(|rest| rest.first_chunk::<4>())
            .map_or(0, |word| u32::from_le_bytes(*word))
    }

    fn id(&self, at: u64) -> &[u8] {
        let from = at as usize + HEAD;
        self.store.get(from..from + self.word(at, 0) as usize).unwrap_or_default()
    }

    fn value(&self, at: u64) -> &[u8] {
        let from = at as usize + HEAD + self.word(at, 0) as usize;
        self.store.get(from..from + self.word(at, 1) as usize).unwrap_or_default()
    }

    fn hour(&self, at: u64) -> Option<i64> {
        let hour = i32::from_le_bytes(self.word(at, 2).to_le_bytes());
        (hour != NO_HOUR).then(|| hour.into())
    }

    fn set_state(&mut self, at: u64, state: State) {
        if let Some(byte) = self.store.get_mut(at as usize + 12) {
            *byte = state as u8;
        }
    }

    /// Finds the labels of an id, in the order they were read, and marks them as used. More than one
    /// only if all labels of an id are kept.
    pub(crate) fn take(&mut self, id: &[u8]) -> impl Iterator<Item = Hit<'_>> {
        let hash = self.hasher.hash_one(id);
        let mut hits = std::mem::take(&mut self.hits);
        hits.clear();
        hits.extend(
            self.table
                .iter_hash(hash)
                .filter(|known| known.hash == hash && self.id(known.at) == id)
                .map(|known| known.at),
        );
        hits.sort_unstable();
        for &at in &hits {
            self.set_state(at, State::Used);
        }
        self.hits = hits;
        self.hits.iter().map(|&at| Hit { value: self.value(at), hour: self.hour(at) })
    }

    /// Whether there is a label of this id; marks nothing.
    pub(crate) fn has(&self, id: &[u8]) -> bool {
        let hash = self.hasher.hash_one(id);
        self.table.find(hash, |known| known.hash == hash && self.id(known.at) == id).is_some()
    }

    /// Calls `each` with the id of every label in force, and whether it was used, in reading order.
    pub(crate) fn for_each(&self, mut each: impl FnMut(&[u8], bool)) {
        let mut at = 0;
        while at < self.store.len() as u64 {
            let state = self.word(at, 3);
            if state != State::Replaced as u32 {
                each(self.id(at), state == State::Used as u32);
            }
            at += (HEAD + self.word(at, 0) as usize + self.word(at, 1) as usize) as u64;
        }
    }
}

/// Whether two labels say the same, whatever the order of their keys or the escapes in their texts.
fn same(a: &[u8], b: &[u8]) -> bool {
    let parsed = |text| serde_json::from_slice::<serde_json::Value>(text).ok();
    a == b || parsed(a).is_some_and(|a| parsed(b).is_some_and(|b| a == b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn labels(policy: DuplicateGroundTruth) -> Labels {
        Labels::new(policy, DefaultHashBuilder::default())
    }

    fn values(labels: &mut Labels, id: &str) -> Vec<String> {
        labels.take(id.as_bytes()).map(|hit| String::from_utf8(hit.value.to_vec()).unwrap()).collect()
    }

    #[track_caller]
    fn check(policy: DuplicateGroundTruth, expected: &[&str]) {
        let mut labels = labels(policy);
        assert_eq!(labels.insert(b"a", br#"{"data":"1"}"#, Some(3)), Inserted::New);
        assert_eq!(labels.insert(b"a", br#"{"data":"\u0031"}"#, None), Inserted::Same);
        labels.insert(b"a", br#"{"data":"2"}"#, None);
        labels.insert(b"b", br#"{"data":"3"}"#, None);
        assert_eq!(values(&mut labels, "a"), expected);
        assert!(labels.has(b"b") && !labels.has(b"c"));
        let mut seen = Vec::new();
        labels.for_each(|id, used| seen.push((id.to_vec(), used)));
        let used = expected.iter().map(|_| (b"a".to_vec(), true));
        assert_eq!(seen, used.chain([(b"b".to_vec(), false)]).collect::<Vec<_>>());
    }

    #[test]
    fn a_second_label_is_used_as_the_setting_says() {
        check(DuplicateGroundTruth::Last, &[r#"{"data":"2"}"#]);
        check(DuplicateGroundTruth::First, &[r#"{"data":"1"}"#]);
        check(DuplicateGroundTruth::All, &[r#"{"data":"1"}"#, r#"{"data":"2"}"#]);
    }

    proptest! {
        #[test]
        fn last_label_wins_as_in_an_ordered_map(inserts in prop::collection::vec((0u8..20, 0u8..4), 0..200)) {
            let mut labels = labels(DuplicateGroundTruth::Last);
            let mut expected = BTreeMap::new();
            for (id, value) in inserts {
                let (id, value) = (format!("id{id}"), format!(r#"{{"data":"{value}"}}"#));
                let inserted = labels.insert(id.as_bytes(), value.as_bytes(), Some(i64::from(value.len() as u8)));
                let before = expected.insert(id, value.clone());
                let outcome = match before {
                    None => Inserted::New,
                    Some(old) if old == value => Inserted::Same,
                    Some(_) => Inserted::Conflict,
                };
                prop_assert_eq!(inserted, outcome);
            }
            let mut count = 0;
            labels.for_each(|_, _| count += 1);
            prop_assert_eq!(count, expected.len());
            for (id, value) in expected {
                prop_assert_eq!(values(&mut labels, &id), vec![value]);
            }
        }
    }
}
