//! Rows counted by the values of a few columns: all that bias metrics need, in memory that does not grow
//! with the number of rows.

use std::hash::{BuildHasher, Hash};

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::read::raw::{Dictionary, Raw};

/// How many rows have each combination of values. Parts of the data can be counted apart and merged.
///
/// Memory: each distinct cell of a column once, and 30 bytes for each combination that occurs.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    dictionaries: Vec<Dictionary>,
    /// Combination after combination, one number of its dictionary for each column.
    keys: Vec<u32>,
    counts: Vec<u64>,
    table: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl Tally {
    pub fn new(n_columns: usize) -> Tally {
        Tally { dictionaries: vec![Dictionary::default(); n_columns], ..Tally::default() }
    }

    pub fn dictionaries(&self) -> &[Dictionary] {
        &self.dictionaries
    }

    /// The number of a cell in a column's dictionary.
    pub fn intern(&mut self, column: usize, raw: Raw<'_>) -> u32 {
        self.dictionaries[column].intern(raw)
    }

    /// Counts `rows` rows with this combination, one number of `intern` for each column.
    pub fn add(&mut self, key: &[u32], rows: u64) {
        debug_assert_eq!(key.len(), self.dictionaries.len());
        let width = key.len();
        let hash = hash(&self.hasher, key);
        let keys = &self.keys;
        let of = |at: u32| &keys[at as usize * width..(at as usize + 1) * width];
        if let Some(&at) = self.table.find(hash, |&at| of(at) == key) {
            self.counts[at as usize] += rows;
            return;
        }
        let at = u32::try_from(self.counts.len()).expect("fewer than 2^32 combinations of values");
        self.counts.push(rows);
        self.keys.extend_from_slice(key);
        let (keys, hasher) = (&self.keys, &self.hasher);
        self.table.insert_unique(hash, at, |&at| {
            self::hash(hasher, &keys[at as usize * width..(at as usize + 1) * width])
        });
    }

    /// Adds the rows of another tally of the same columns.
    pub fn merge(&mut self, other: &Tally) {
        let numbers: Vec<Vec<u32>> = self
            .dictionaries
            .iter_mut()
            .zip(&other.dictionaries)
            .map(|(mine, theirs)| mine.merge(theirs))
            .collect();
        let mut key = Vec::with_capacity(numbers.len());
        for (theirs, rows) in other.iter() {
            key.clear();
            key.extend(theirs.iter().zip(&numbers).map(|(&code, numbers)| numbers[code as usize]));
            self.add(&key, rows);
        }
    }

    /// Every combination and its rows, in order of first appearance.
    pub fn iter(&self) -> impl Iterator<Item = (&[u32], u64)> {
        // A tally of no columns has one combination, the empty one.
        let width = self.dictionaries.len();
        self.counts
            .iter()
            .enumerate()
            .map(move |(at, &rows)| (&self.keys[at * width..(at + 1) * width], rows))
    }

    pub fn rows(&self) -> u64 {
        self.counts.iter().sum()
    }
}

fn hash(hasher: &DefaultHashBuilder, key: &[u32]) -> u64 {
    let mut state = hasher.build_hasher();
    key.hash(&mut state);
    std::hash::Hasher::finish(&state)
}
