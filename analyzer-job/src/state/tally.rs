//! Rows counted by the values of a few columns: all that bias metrics need, in memory that does not grow
//! with the number of rows.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};
use serde::{Deserialize, Serialize};

use crate::state::fold::Fold;
use crate::values::raw::{Dictionary, Raw};
use crate::values::typing::{self, Distinct};

/// How many rows have each combination of values. Parts of the data can be counted apart and merged, also
/// by other processes: a tally can be written and read.
///
/// Memory: each distinct cell of a column once, and 30 bytes for each combination that occurs. Columns that
/// are only held against thresholds have few values (see `fold`).
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(from = "Wire", into = "Wire")]
pub struct Tally {
    columns: Vec<TallyColumn>,
    /// Combination after combination, one number of its dictionary for each column.
    keys: Vec<u32>,
    counts: Vec<u64>,
    table: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct TallyColumn {
    dictionary: Dictionary,
    /// None for a column whose every value matters.
    thresholds: Option<Vec<f64>>,
    /// Set once the column had too many values.
    fold: Option<Fold>,
    #[serde(skip)]
    recent: Recent,
}

/// The numbers of short cells met lately, found by their bytes.
#[derive(Debug, Clone, Default)]
struct Recent(Vec<(u64, u32)>);

impl Recent {
    const PLACES: usize = 1 << 8;

    /// The bytes and length of a cell of up to seven bytes, never 0.
    fn key(raw: Raw<'_>) -> Option<u64> {
        let Raw::Csv(text) = raw else { return None };
        let bytes = text.as_bytes();
        if bytes.len() > 7 {
            return None;
        }
        let key = bytes.iter().fold(bytes.len() as u64 + 1, |key, &byte| key << 8 | u64::from(byte));
        Some(key)
    }

    /// A place by the upper bits of a product with an odd number.
    fn place(key: u64) -> usize {
        (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as usize
    }

    fn get(&self, key: u64) -> Option<u32> {
        let (known, number) = self.0.get(Recent::place(key))?;
        (*known == key).then_some(*number)
    }

    fn put(&mut self, key: u64, number: u32) {
        if self.0.is_empty() {
            self.0 = vec![(0, 0); Recent::PLACES];
        }
        self.0[Recent::place(key)] = (key, number);
    }
}

/// A tally as it is written.
#[derive(Serialize, Deserialize)]
struct Wire {
    columns: Vec<TallyColumn>,
    keys: Vec<u32>,
    counts: Vec<u64>,
}

/// Distinct values from which a column is folded.
const MOST_VALUES: usize = 1 << 14;

impl Tally {
    /// For each column the thresholds that it is held against; none when its values themselves matter.
    pub fn new(thresholds: Vec<Option<Vec<f64>>>) -> Tally {
        let columns = thresholds
            .into_iter()
            .map(|thresholds| TallyColumn { thresholds, ..TallyColumn::default() })
            .collect();
        Tally { columns, ..Tally::default() }
    }

    /// The distinct cells of a column.
    pub fn dictionary(&self, column: usize) -> Option<&Dictionary> {
        self.columns.get(column).map(|column| &column.dictionary)
    }

    /// The distinct values of a column, and for each number of its dictionary the position of its value.
    pub fn distinct(&self, column: usize) -> (Distinct, Vec<u32>) {
        let column = &self.columns[column];
        let (mut distinct, codes) = typing::resolve(&column.dictionary);
        if let Some(fold) = &column.fold {
            fold.complete(&mut distinct);
        }
        (distinct, codes)
    }

    /// The number of a cell in a column's dictionary, good until the next `add`.
    pub fn intern(&mut self, column: usize, raw: Raw<'_>) -> u32 {
        let column = &mut self.columns[column];
        if let Some(fold) = &mut column.fold {
            return column.dictionary.intern(fold.stand_in(raw));
        }
        let Some(key) = Recent::key(raw) else { return column.dictionary.intern(raw) };
        if let Some(number) = column.recent.get(key) {
            return number;
        }
        let number = column.dictionary.intern(raw);
        column.recent.put(key, number);
        number
    }

    /// Counts `rows` rows with this combination, one number of `intern` for each column.
    pub fn add(&mut self, key: &[u32], rows: u64) {
        self.count(key, rows);
        self.fold_full();
    }

    /// Folds the columns that have too many values.
    fn fold_full(&mut self) {
        for column in 0..self.columns.len() {
            let at = &self.columns[column];
            if at.dictionary.len() > MOST_VALUES && at.fold.is_none() && at.thresholds.is_some() {
                self.fold(column);
            }
        }
    }

    fn count(&mut self, key: &[u32], rows: u64) {
        debug_assert_eq!(key.len(), self.columns.len());
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

    /// Counts the numbers of a column by their side of the thresholds from now on, and those counted so far.
    fn fold(&mut self, column: usize) {
        let at = &mut self.columns[column];
        let mut fold = Fold::new(at.thresholds.as_deref().unwrap_or_default());
        let values = std::mem::take(&mut at.dictionary);
        let numbers: Vec<u32> = values.iter().map(|raw| at.dictionary.intern(fold.stand_in(raw))).collect();
        at.fold = Some(fold);
        at.recent = Recent::default();
        let (keys, counts) = (std::mem::take(&mut self.keys), std::mem::take(&mut self.counts));
        self.table.clear();
        let width = self.columns.len();
        let mut key = vec![0; width];
        for (old, rows) in keys.chunks_exact(width).zip(counts) {
            key.copy_from_slice(old);
            key[column] = numbers[old[column] as usize];
            self.count(&key, rows);
        }
    }

    /// Adds the rows of another tally of the same columns.
    pub fn merge(&mut self, other: &Tally) {
        let mut other = std::borrow::Cow::Borrowed(other);
        for column in 0..self.columns.len() {
            match (self.columns[column].fold.is_some(), other.columns[column].fold.is_some()) {
                (true, false) => other.to_mut().fold(column),
                (false, true) => self.fold(column),
                _ => {}
            }
        }
        let mut numbers: Vec<Vec<u32>> = Vec::with_capacity(self.columns.len());
        for (mine, theirs) in self.columns.iter_mut().zip(&other.columns) {
            // A number stands for others of its side here, not for those it stood for there.
            let TallyColumn { dictionary, fold, .. } = mine;
            let cells = theirs.dictionary.iter();
            numbers.push(match fold {
                Some(fold) => cells.map(|raw| dictionary.intern(fold.stand_in(raw))).collect(),
                None => dictionary.merge(&theirs.dictionary),
            });
            if let (Some(mine), Some(theirs)) = (fold, &theirs.fold) {
                mine.merge(theirs);
            }
        }
        let mut key = Vec::with_capacity(numbers.len());
        for (theirs, rows) in other.iter() {
            key.clear();
            key.extend(theirs.iter().zip(&numbers).map(|(&code, numbers)| numbers[code as usize]));
            self.count(&key, rows);
        }
        self.fold_full();
    }

    /// Every combination and its rows, in order of first appearance.
    pub fn iter(&self) -> impl Iterator<Item = (&[u32], u64)> {
        let width = self.columns.len();
        self.counts
            .iter()
            .enumerate()
            .map(move |(at, &rows)| (&self.keys[at * width..(at + 1) * width], rows))
    }

    pub fn rows(&self) -> u64 {
        self.counts.iter().sum()
    }
}

impl From<Tally> for Wire {
    fn from(tally: Tally) -> Wire {
        Wire { columns: tally.columns, keys: tally.keys, counts: tally.counts }
    }
}

impl From<Wire> for Tally {
    fn from(wire: Wire) -> Tally {
        let mut tally = Tally { columns: wire.columns, ..Tally::default() };
        let width = tally.columns.len();
        for (key, rows) in wire.keys.chunks_exact(width.max(1)).zip(wire.counts) {
            tally.count(key, rows);
        }
        tally
    }
}

fn hash(hasher: &DefaultHashBuilder, key: &[u32]) -> u64 {
    hasher.hash_one(key)
}
