//! Ground truth by id, and what a second label for an id means.
//!
//! Ids and values lie one after the other in one store of bytes, found by a table of hashes and
//! positions. A label takes the bytes of its id, 16 of a head and about 30 of the table; its value is
//! kept once for all labels that say the same, as those of a classification do, until there are too
//! many different ones.

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
    shared: Shared,
    hits: Vec<u64>,
}

/// Values that many labels have.
#[derive(Debug, Default)]
struct Shared {
    values: Vec<Box<[u8]>>,
    table: HashTable<u32>,
}

/// Of so many different values the next ones are rarely the same.
const MOST_SHARED: usize = 1024;
/// Longer values are no classes.
const LONGEST_SHARED: usize = 256;

impl Shared {
    fn find_or_add(&mut self, value: &[u8], hasher: &DefaultHashBuilder) -> Option<u32> {
        if value.len() > LONGEST_SHARED {
            return None;
        }
        let values = &mut self.values;
        let hash = hasher.hash_one(value);
        let is_value = |values: &[Box<[u8]>], &idx: &u32| {
            values.get(idx as usize).is_some_and(|known| **known == *value)
        };
        if let Some(&idx) = self.table.find(hash, |idx| is_value(values, idx)) {
            return Some(idx);
        }
        if values.len() == MOST_SHARED {
            return None;
        }
        let idx = values.len() as u32;
        values.push(value.into());
        self.table.insert_unique(hash, idx, |&idx| {
            hasher.hash_one(values.get(idx as usize).map_or(&[][..], |value| value))
        });
        Some(idx)
    }
}

#[derive(Debug, Clone, Copy)]
struct Place {
    hash: u64,
    at: u64,
}

/// Head of a label in the store: length of the id, length of the value, hour, state; 4 bytes each.
/// For a shared value its place among these stands instead of a length.
const HEAD: usize = 16;
/// In the word of the state, beside it.
const SHARED: u32 = 1 << 8;
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
        Labels {
            policy,
            hasher,
            table: HashTable::new(),
            store: Vec::new(),
            shared: Shared::default(),
            hits: Vec::new(),
        }
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
        let shared = self.shared.find_or_add(value, &self.hasher);
        let (place, state) = match shared {
            Some(idx) => (idx, State::Unused as u32 | SHARED),
            None => (value.len() as u32, State::Unused as u32),
        };
        let head = [id.len() as u32, place, hour as u32, state].map(u32::to_le_bytes);
        self.store.extend_from_slice(head.as_flattened());
        self.store.extend_from_slice(id);
        if shared.is_none() {
            self.store.extend_from_slice(value);
        }
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
        let place = self.word(at, 1) as usize;
        if self.is_shared(at) {
            return self.shared.values.get(place).map_or(&[], |value| value);
        }
        let from = at as usize + HEAD + self.word(at, 0) as usize;
        self.store.get(from..from + place).unwrap_or_default()
    }

    fn is_shared(&self, at: u64) -> bool {
        self.word(at, 3) & SHARED != 0
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
            let state = self.word(at, 3) & 0xff;
            if state != State::Replaced as u32 {
                each(self.id(at), state == State::Used as u32);
            }
            let value = if self.is_shared(at) { 0 } else { self.word(at, 1) };
            at += HEAD as u64 + u64::from(self.word(at, 0)) + u64::from(value);
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

    #[test]
    fn values_are_the_same_bytes_whether_shared_or_not() {
        let mut labels = labels(DuplicateGroundTruth::Last);
        let value = |n: usize| format!("{{\"data\":\"{}\"}}", "x".repeat(n % 400) + &n.to_string());
        for n in 0..4 * MOST_SHARED {
            labels.insert(n.to_string().as_bytes(), value(n % (2 * MOST_SHARED)).as_bytes(), None);
        }
        assert_eq!(labels.shared.values.len(), MOST_SHARED);
        for n in 0..4 * MOST_SHARED {
            assert_eq!(values(&mut labels, &n.to_string()), [value(n % (2 * MOST_SHARED))]);
        }
        let mut count = 0;
        labels.for_each(|_, used| count += usize::from(used));
        assert_eq!(count, 4 * MOST_SHARED);
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
