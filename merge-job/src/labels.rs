//! Ground truth by id, and what a second label for an id means.
//!
//! Labels stand one after the other as they were read, 32 bytes each, found by a table of their
//! places. Of an id only its number is kept, but for texts that are no UUIDs; a value is kept once for
//! all labels that say the same, as those of a classification do, until there are too many different
//! ones. A mark says that a capture with this event id came by; an event id without a label is an entry of its own.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::ids::{self, Form, Id};
use crate::places::Places;
use crate::record::Capture;
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

/// Labels by id, and the event ids of captures.
#[derive(Debug)]
pub(crate) struct Labels {
    policy: DuplicateGroundTruth,
    hasher: DefaultHashBuilder,
    table: Places,
    entries: Vec<Entry>,
    texts: Arena,
    /// The first values, by what they say.
    shared: HashTable<u32>,
    hits: Vec<u32>,
}

/// Whether a capture was seen before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    First,
    /// Another capture has its event id, but not its inference id.
    FirstOfKnownEvent,
    /// One with the same ids was seen.
    Again,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    number: u128,
    /// Of the id, among the texts; `UUID` or `SHORT` when the number tells it.
    text: u32,
    /// Among the texts; none when the entry is no label.
    value: u32,
    hour: i32,
    marks: u32,
}

/// No text; also more entries than there can be.
const NONE: u32 = u32::MAX;
const UUID: u32 = u32::MAX;
const SHORT: u32 = u32::MAX - 1;
const NO_HOUR: i32 = i32::MIN;
/// A capture took the label.
const USED: u32 = 1;
/// A later label took its place.
const REPLACED: u32 = 2;
/// A capture has this event id, or this identity.
const SEEN: u32 = 4;

/// What tells inference ids of one event id apart; the default stands for none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Fingerprint(u64);

impl Fingerprint {
    fn of(capture: &Capture) -> Fingerprint {
        // Folded by a multiplication: numbers of short texts are alike in most of their bits.
        const ODD: [u64; 2] = [0x9e37_79b9_7f4a_7c15, 0xf39c_c060_5ced_c835];
        let [low, high] = [capture.key_number as u64, (capture.key_number >> 64) as u64];
        let folded = u128::from(low ^ ODD[0]) * u128::from(high ^ ODD[1]);
        Fingerprint(if capture.has_inference_id { (folded as u64 ^ (folded >> 64) as u64) | 1 } else { 0 })
    }
}

impl Entry {
    /// An entry that is no label: the places of a label's parts hold the fingerprint.
    fn seen(number: u128, fingerprint: Fingerprint) -> Entry {
        let Fingerprint(bits) = fingerprint;
        Entry { number, text: (bits >> 32) as u32, value: NONE, hour: bits as u32 as i32, marks: SEEN }
    }

    /// Of the capture that was seen; a label's entry is only marked by one without an inference id.
    fn fingerprint(&self) -> Fingerprint {
        if self.value == NONE {
            Fingerprint(u64::from(self.text) << 32 | u64::from(self.hour as u32))
        } else {
            Fingerprint::default()
        }
    }

    fn is_label_of(&self, number: u128) -> bool {
        self.number == number && self.value != NONE
    }
}

/// Texts one after the other.
#[derive(Debug, Default)]
struct Arena {
    bytes: Vec<u8>,
    ends: Vec<u64>,
}

impl Arena {
    fn push(&mut self, text: &[u8]) -> u32 {
        self.bytes.extend_from_slice(text);
        self.ends.push(self.bytes.len() as u64);
        (self.ends.len() - 1) as u32
    }

    fn get(&self, idx: u32) -> &[u8] {
        let idx = idx as usize;
        let start =
            idx.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |end| *end as usize);
        let end = self.ends.get(idx).map_or(0, |end| *end as usize);
        self.bytes.get(start..end).unwrap_or_default()
    }
}

/// Of so many different values the next ones are rarely the same.
const MOST_SHARED: usize = 1024;
/// Longer values are no classes.
const LONGEST_SHARED: usize = 256;

impl Labels {
    pub(crate) fn new(policy: DuplicateGroundTruth) -> Labels {
        Labels {
            policy,
            hasher: DefaultHashBuilder::default(),
            table: Places::default(),
            entries: Vec::new(),
            texts: Arena::default(),
            shared: HashTable::new(),
            hits: Vec::new(),
        }
    }

    /// Bytes in use, counting the moment when the table next grows.
    pub(crate) fn memory(&self) -> u64 {
        let table = self.table.memory();
        let growing = if self.table.is_full() { table / 2 } else { 0 };
        let lists =
            size_of_val(&self.entries[..]) + size_of_val(&self.texts.ends[..]) + self.texts.bytes.len();
        if self.entries.len().max(self.texts.ends.len()) as u64 >= u64::from(NONE) - 2 {
            return u64::MAX;
        }
        (table + growing + lists) as u64
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Makes room for so many entries at once, which saves growing step by step.
    pub(crate) fn reserve(&mut self, count: usize) {
        self.table.clear(count);
        for (idx, entry) in self.entries.iter().enumerate() {
            // Its place is another one's now.
            if entry.marks & REPLACED == 0 {
                self.table.insert(self.hasher.hash_one(entry.number), idx as u32);
            }
        }
    }

    /// Takes in a label; `text` is that of its id. All labels come before the captures.
    pub(crate) fn insert(&mut self, id: Id, text: &[u8], value: &[u8], hour: Option<i64>) -> Inserted {
        let hash = self.hasher.hash_one(id.number);
        let mut conflict = None;
        for known in self.table.find(hash) {
            let Some(entry) = self.entries.get(known as usize) else { continue };
            if entry.is_label_of(id.number) {
                if same(self.texts.get(entry.value), value) {
                    return Inserted::Same;
                }
                conflict = Some(known);
            }
        }
        let replaced = match (conflict, self.policy) {
            (None, _) | (_, DuplicateGroundTruth::All) => None,
            (Some(_), DuplicateGroundTruth::First | DuplicateGroundTruth::Fail) => return Inserted::Conflict,
            (Some(replaced), DuplicateGroundTruth::Last) => Some(replaced),
        };
        let entry = Entry {
            number: id.number,
            text: match id.form {
                Form::Uuid => UUID,
                Form::Short => SHORT,
                Form::Hashed => self.texts.push(text),
            },
            value: self.value(value),
            hour: hour.and_then(|hour| i32::try_from(hour).ok()).unwrap_or(NO_HOUR),
            marks: 0,
        };
        match replaced {
            Some(old) => {
                self.table.replace(hash, old, self.entries.len() as u32);
                if let Some(old) = self.entries.get_mut(old as usize) {
                    old.marks |= REPLACED;
                }
                self.entries.push(entry);
            }
            None => self.push(hash, entry),
        }
        if conflict.is_some() { Inserted::Conflict } else { Inserted::New }
    }

    fn push(&mut self, hash: u64, entry: Entry) {
        if self.table.is_full() {
            self.reserve(self.entries.len() + self.entries.len() / 2 + 1);
        }
        self.table.insert(hash, self.entries.len() as u32);
        self.entries.push(entry);
    }

    /// Finds or adds a value among the texts.
    fn value(&mut self, value: &[u8]) -> u32 {
        if value.len() > LONGEST_SHARED {
            return self.texts.push(value);
        }
        let hash = self.hasher.hash_one(value);
        if let Some(&idx) = self.shared.find(hash, |&idx| self.texts.get(idx) == value) {
            return idx;
        }
        let idx = self.texts.push(value);
        if self.shared.len() < MOST_SHARED {
            self.shared.insert_unique(hash, idx, |&idx| self.hasher.hash_one(self.texts.get(idx)));
        }
        idx
    }

    /// Notes a capture. The first of an event id is an entry by that id; only another one of the same event id is an
    /// entry by both ids, so that event ids that are all the same cost no more than others.
    pub(crate) fn see(&mut self, capture: &Capture) -> Delivery {
        let Some(event) = capture.event else {
            return if self.mark(capture.identity()) { Delivery::First } else { Delivery::Again };
        };
        let fingerprint = Fingerprint::of(capture);
        let hash = self.hasher.hash_one(event);
        let (mut label, mut seen) = (None, None);
        for idx in self.table.find(hash) {
            let Some(entry) = self.entries.get(idx as usize).filter(|entry| entry.number == event) else {
                continue;
            };
            if entry.marks & SEEN != 0 {
                seen = Some(entry.fingerprint());
                break;
            }
            label.get_or_insert(idx as usize);
        }
        if let Some(seen) = seen {
            let again = seen == fingerprint || !self.mark(capture.identity());
            return if again { Delivery::Again } else { Delivery::FirstOfKnownEvent };
        }
        match label
            .filter(|_| fingerprint == Fingerprint::default())
            .and_then(|idx| self.entries.get_mut(idx))
        {
            Some(label) => label.marks |= SEEN,
            None => self.push(hash, Entry::seen(event, fingerprint)),
        }
        Delivery::First
    }

    /// Touches where an entry of a number stands, or will stand, in the table.
    pub(crate) fn touch(&self, number: u128) -> bool {
        self.table.touch(self.hasher.hash_one(number))
    }

    /// Marks an identity as seen; true when no capture had it before.
    fn mark(&mut self, identity: u128) -> bool {
        let hash = self.hasher.hash_one(identity);
        let is_it = |idx: u32| {
            let entry = self.entries.get(idx as usize);
            entry.is_some_and(|entry| entry.number == identity && entry.marks & SEEN != 0)
        };
        if self.table.find(hash).any(is_it) {
            return false;
        }
        self.push(hash, Entry::seen(identity, Fingerprint::default()));
        true
    }

    /// Finds the labels of an id, in the order they were read, and marks them as used. More than one
    /// only if all labels of an id are kept.
    pub(crate) fn take(&mut self, number: u128) -> impl Iterator<Item = Hit<'_>> {
        let hash = self.hasher.hash_one(number);
        let mut hits = std::mem::take(&mut self.hits);
        hits.clear();
        for idx in self.table.find(hash) {
            if let Some(entry) = self.entries.get_mut(idx as usize)
                && entry.is_label_of(number)
            {
                entry.marks |= USED;
                hits.push(idx);
            }
        }
        hits.sort_unstable();
        self.hits = hits;
        self.hits.iter().filter_map(|&idx| self.entries.get(idx as usize)).map(|entry| Hit {
            value: self.texts.get(entry.value),
            hour: (entry.hour != NO_HOUR).then(|| entry.hour.into()),
        })
    }

    /// Whether there is a label of this id; marks nothing.
    pub(crate) fn has(&self, number: u128) -> bool {
        let hash = self.hasher.hash_one(number);
        let is_it = |idx: u32| self.entries.get(idx as usize).is_some_and(|entry| entry.is_label_of(number));
        self.table.find(hash).any(is_it)
    }

    fn in_force(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.value != NONE && entry.marks & REPLACED == 0)
    }

    /// How many labels were used.
    pub(crate) fn used(&self) -> u64 {
        self.in_force().filter(|entry| entry.marks & USED != 0).count() as u64
    }

    /// Calls `each` with the id of every label in force that was not used, in reading order.
    pub(crate) fn for_each_unused(&self, mut each: impl FnMut(&[u8])) {
        for entry in self.in_force().filter(|entry| entry.marks & USED == 0) {
            match entry.text {
                UUID => each(ids::uuid_text(entry.number, &mut [0; 36])),
                SHORT => each(ids::short_text(entry.number, &mut [0; 16])),
                text => each(self.texts.get(text)),
            }
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
    use crate::record::{Slice, Time};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    const UUID: &str = "64fe4988-6b9f-45ef-9a5d-99faa6470af6";

    fn number(id: &str) -> u128 {
        Id::of(id.as_bytes()).number
    }

    fn insert(labels: &mut Labels, id: &str, value: &str, hour: Option<i64>) -> Inserted {
        labels.insert(Id::of(id.as_bytes()), id.as_bytes(), value.as_bytes(), hour)
    }

    fn values(labels: &mut Labels, id: &str) -> Vec<String> {
        labels.take(number(id)).map(|hit| String::from_utf8(hit.value.to_vec()).unwrap()).collect()
    }

    fn unused(labels: &Labels) -> Vec<String> {
        let mut ids = Vec::new();
        labels.for_each_unused(|id| ids.push(String::from_utf8(id.to_vec()).unwrap()));
        ids
    }

    #[track_caller]
    fn check(policy: DuplicateGroundTruth, expected: &[&str]) {
        let mut labels = Labels::new(policy);
        assert_eq!(insert(&mut labels, "a", r#"{"data":"1"}"#, Some(3)), Inserted::New);
        assert_eq!(insert(&mut labels, "a", r#"{"data":"\u0031"}"#, None), Inserted::Same);
        insert(&mut labels, "a", r#"{"data":"2"}"#, None);
        insert(&mut labels, UUID, r#"{"data":"3"}"#, None);
        insert(&mut labels, "b", r#"{"data":"3"}"#, None);
        assert_eq!(values(&mut labels, "a"), expected);
        assert!(labels.has(number("b")) && !labels.has(number("c")));
        assert_eq!(labels.used(), expected.len() as u64);
        assert_eq!(unused(&labels), [UUID, "b"]);
    }

    #[test]
    fn a_second_label_is_used_as_the_setting_says() {
        check(DuplicateGroundTruth::Last, &[r#"{"data":"2"}"#]);
        check(DuplicateGroundTruth::First, &[r#"{"data":"1"}"#]);
        check(DuplicateGroundTruth::All, &[r#"{"data":"1"}"#, r#"{"data":"2"}"#]);
    }

    fn capture(event: &str, inference: &str) -> Capture {
        let number = |id: &str| (!id.is_empty()).then(|| number(id));
        let (event, inference) = (number(event), number(inference));
        Capture {
            key: Slice::default(),
            key_number: inference.or(event).unwrap(),
            event,
            has_inference_id: inference.is_some(),
            is_batch: false,
            time: Time::Absent,
            body: Slice::default(),
        }
    }

    #[test]
    fn a_capture_is_new_once_whether_it_has_labels_or_not() {
        use Delivery::{Again, First, FirstOfKnownEvent};
        for policy in [DuplicateGroundTruth::Last, DuplicateGroundTruth::All] {
            let mut labels = Labels::new(policy);
            for (id, value) in [("a", "1"), ("a", "2"), ("b", "1")] {
                insert(&mut labels, id, &format!(r#"{{"data":"{value}"}}"#), None);
            }
            for (event, inference, expected) in [
                ("a", "", First),
                ("a", "", Again),
                ("a", "i", FirstOfKnownEvent),
                ("a", "i", Again),
                ("a", "j", FirstOfKnownEvent),
                ("c", "i", First),
                ("c", "", FirstOfKnownEvent),
                ("c", "", Again),
                ("", "i", First),
                ("", "i", Again),
                ("", "j", First),
                (UUID, "", First),
                (UUID, "", Again),
            ] {
                let capture = capture(event, inference);
                assert_eq!(labels.see(&capture), expected, "{event} {inference}");
            }
            assert!(!labels.has(number("c")) && values(&mut labels, "c").is_empty());
            assert_eq!(labels.used(), 0);
            assert_eq!(unused(&labels).last().unwrap(), "b");
        }
    }

    #[test]
    fn values_are_the_same_bytes_whether_shared_or_not() {
        let mut labels = Labels::new(DuplicateGroundTruth::Last);
        let value = |n: usize| format!("{{\"data\":\"{}\"}}", "x".repeat(n % 400) + &n.to_string());
        for n in 0..4 * MOST_SHARED {
            insert(&mut labels, &n.to_string(), &value(n % (2 * MOST_SHARED)), None);
        }
        assert_eq!(labels.shared.len(), MOST_SHARED);
        for n in 0..4 * MOST_SHARED {
            assert_eq!(values(&mut labels, &n.to_string()), [value(n % (2 * MOST_SHARED))]);
        }
        assert_eq!(labels.used(), 4 * MOST_SHARED as u64);
    }

    proptest! {
        #[test]
        fn last_label_wins_as_in_an_ordered_map(inserts in prop::collection::vec((0u8..20, 0u8..4), 0..200)) {
            let mut labels = Labels::new(DuplicateGroundTruth::Last);
            let mut expected = BTreeMap::new();
            for (id, value) in inserts {
                let (id, value) = (format!("id{id}"), format!(r#"{{"data":"{value}"}}"#));
                let inserted = insert(&mut labels, &id, &value, Some(i64::from(value.len() as u8)));
                let before = expected.insert(id, value.clone());
                let outcome = match before {
                    None => Inserted::New,
                    Some(old) if old == value => Inserted::Same,
                    Some(_) => Inserted::Conflict,
                };
                prop_assert_eq!(inserted, outcome);
            }
            prop_assert_eq!(unused(&labels).len(), expected.len());
            for (id, value) in expected {
                prop_assert_eq!(values(&mut labels, &id), vec![value]);
            }
        }
    }
}
