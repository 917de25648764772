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
    recent: Recent,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct TallyColumn {
    dictionary: Dictionary,
    /// None for a column whose every value matters.
    thresholds: Option<Vec<f64>>,
    /// Set once the column had too many values.
    fold: Option<Fold>,
    /// For each file, in the order they were read, how many cells the dictionary had after it.
    #[serde(default)]
    ends: Vec<(u32, u32)>,
    #[serde(skip)]
    recent: Recent,
}

/// Numbers of short cells, or of combinations of small numbers, met lately: found by their bits.
#[derive(Debug, Clone, Default)]
struct Recent(Vec<(u64, u32)>);

impl Recent {
    const PLACES: usize = 1 << 10;

    /// Kind, length and bytes of a cell of up to seven bytes, the quotation marks of JSON aside, never 0.
    fn key(raw: Raw<'_>) -> Option<u64> {
        let (kind, text) = match raw {
            Raw::Csv(text) => (1, text),
            Raw::Json(text) => match text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
                Some(inside) => (5, inside),
                None => (2, text),
            },
            Raw::Text(text) => (3, text),
            Raw::Int(value) => return (value >> 56 == 0).then_some(4 << 60 | value as u64),
            _ => return None,
        };
        let bytes = text.as_bytes();
        let at = |place: usize| u64::from(bytes[place]) << (8 * place);
        // Bytes that are taken twice stand at the same place twice.
        let word = match (bytes.first_chunk(), bytes.last_chunk(), bytes.len()) {
            (_, _, 8..) => return None,
            (Some(first), Some(last), length) => {
                let word = |bytes: &[u8; 4]| u64::from(u32::from_le_bytes(*bytes));
                word(first) | word(last) << (8 * (length - 4))
            }
            (_, _, 0) => 0,
            (_, _, length) => at(0) | at(length / 2) | at(length - 1),
        };
        Some((kind << 4 | bytes.len() as u64) << 56 | word)
    }

    /// A combination of small numbers, never 0.
    fn combined(numbers: &[u32]) -> Option<u64> {
        let bits = (u64::BITS - 1).checked_div(numbers.len() as u32)?;
        numbers.iter().try_fold(1, |key, &number| {
            (u64::from(number) >> bits == 0).then_some(key << bits | u64::from(number))
        })
    }

    /// A place by the upper bits of a product with an odd number.
    fn place(key: u64) -> usize {
        (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - Recent::PLACES.ilog2())) as usize
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

/// The distinct cells of some rows, and for each row the number of its own.
pub(crate) type Numbered<'a> = (Vec<Raw<'a>>, Vec<u32>);

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
        let key = Recent::key(raw);
        if let Some(number) = key.and_then(|key| column.recent.get(key)) {
            return number;
        }
        // A cell that comes again stands for the same one as before.
        let raw = column.fold.as_mut().map_or(raw, |fold| fold.stand_in(raw));
        let number = column.dictionary.intern(raw);
        if let Some(key) = key {
            column.recent.put(key, number);
        }
        number
    }

    /// Counts `rows` rows with this combination, one number of `intern` for each column.
    pub fn add(&mut self, key: &[u32], rows: u64) {
        if self.count(key, rows) {
            self.fold_full();
        }
    }

    /// Counts rows by column as `add` does one after the other. False, and nothing is counted, where they may have many
    /// combinations.
    pub(crate) fn add_all(&mut self, n_rows: usize, columns: &[&Numbered<'_>]) -> bool {
        const MOST: usize = 1 << 14;
        let size = columns.iter().try_fold(1_usize, |size, (cells, _)| size.checked_mul(cells.len()));
        let Some(size) = size.filter(|size| *size <= MOST) else { return false };
        // The place of a combination is a number whose digits are those of its cells.
        let mut places = vec![0; n_rows];
        for (cells, numbers) in columns.iter().copied() {
            for (place, number) in places.iter_mut().zip(numbers) {
                *place = *place * cells.len() as u32 + number;
            }
        }
        let mut rows = vec![0; size];
        let mut order = Vec::new();
        for place in places {
            let rows = &mut rows[place as usize];
            if *rows == 0 {
                order.push(place);
            }
            *rows += 1;
        }
        let mut key = vec![0; columns.len()];
        for place in order {
            let mut rest = place as usize;
            for (column, (cells, _)) in columns.iter().enumerate().rev() {
                key[column] = self.intern(column, cells[rest % cells.len()]);
                rest /= cells.len();
            }
            self.add(&key, rows[place as usize]);
        }
        true
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

    /// Whether the combination is a new one.
    fn count(&mut self, key: &[u32], rows: u64) -> bool {
        debug_assert_eq!(key.len(), self.columns.len());
        let combined = Recent::combined(key);
        if let Some(at) = combined.and_then(|combined| self.recent.get(combined)) {
            self.counts[at as usize] += rows;
            return false;
        }
        let (at, is_new) = self.find(key);
        self.counts[at as usize] += rows;
        if let Some(combined) = combined {
            self.recent.put(combined, at);
        }
        is_new
    }

    /// The place of a combination, and whether it is a new one.
    fn find(&mut self, key: &[u32]) -> (u32, bool) {
        let width = key.len();
        let hash = hash(&self.hasher, key);
        let keys = &self.keys;
        let of = |at: u32| &keys[at as usize * width..(at as usize + 1) * width];
        if let Some(&at) = self.table.find(hash, |&at| of(at) == key) {
            return (at, false);
        }
        let at = u32::try_from(self.counts.len()).expect("fewer than 2^32 combinations of values");
        self.counts.push(0);
        self.keys.extend_from_slice(key);
        let (keys, hasher) = (&self.keys, &self.hasher);
        self.table.insert_unique(hash, at, |&at| {
            self::hash(hasher, &keys[at as usize * width..(at as usize + 1) * width])
        });
        (at, true)
    }

    /// Counts the numbers of a column by their side of the thresholds from now on, and those counted so far.
    fn fold(&mut self, column: usize) {
        let at = &mut self.columns[column];
        let mut fold = Fold::new(at.thresholds.as_deref().unwrap_or_default());
        let values = std::mem::take(&mut at.dictionary);
        let numbers: Vec<u32> = values.iter().map(|raw| at.dictionary.intern(fold.stand_in(raw))).collect();
        at.fold = Some(fold);
        at.recent = Recent::default();
        for (_, end) in &mut at.ends {
            *end = numbers[..*end as usize].iter().max().map_or(0, |last| last + 1);
        }
        let (keys, counts) = (std::mem::take(&mut self.keys), std::mem::take(&mut self.counts));
        self.table.clear();
        self.recent = Recent::default();
        let width = self.columns.len();
        let mut key = vec![0; width];
        for (old, rows) in keys.chunks_exact(width).zip(counts) {
            key.copy_from_slice(old);
            key[column] = numbers[old[column] as usize];
            self.count(&key, rows);
        }
    }

    /// Cells that came since the last call are those of this file.
    pub fn end_file(&mut self, file: u32) {
        for column in &mut self.columns {
            column.ends.push((file, column.dictionary.len() as u32));
        }
    }

    /// The tally of several parts together, equal to that of one run over all files. `ranks`: for each file of the
    /// part its place among those of all parts. There is at least one part, and all have the same columns.
    pub fn combine(parts: &[(&Tally, &[u32])]) -> Tally {
        let columns = &parts[0].0.columns;
        let mut all = Tally::new(columns.iter().map(|column| column.thresholds.clone()).collect());
        for at in 0..columns.len() {
            // First of all the cells, in the order in which one run meets them.
            let mut cells = Vec::new();
            for (tally, ranks) in parts {
                let TallyColumn { dictionary, ends, .. } = &tally.columns[at];
                let mut start = 0;
                for &(file, end) in ends {
                    let rank = ranks.get(file as usize).copied().unwrap_or(u32::MAX);
                    cells.extend((start..end).map(|code| (rank, code, dictionary.get(code))));
                    start = start.max(end);
                }
            }
            cells.sort_by_key(|(rank, code, _)| (*rank, *code));
            let column = &mut all.columns[at];
            if parts.iter().any(|(tally, _)| tally.columns[at].fold.is_some()) {
                column.fold = Some(Fold::new(column.thresholds.as_deref().unwrap_or_default()));
            }
            for (_, _, raw) in cells {
                all.intern(at, raw);
            }
        }
        for (tally, _) in parts {
            all.merge(tally);
        }
        all
    }

    /// That a tally which was read from a file can be used.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self, files: usize) -> Result<(), String> {
        for column in &self.columns {
            let cells = column.dictionary.len() as u32;
            let ascending = column.ends.windows(2).all(|pair| pair[0].1 <= pair[1].1);
            let last = column.ends.last().map_or(0, |end| end.1);
            if !ascending || last != cells || column.ends.iter().any(|end| end.0 as usize >= files) {
                return Err("cells of no file".into());
            }
            column.fold.as_ref().map_or(Ok(()), Fold::check)?;
        }
        let fits = |key: &[u32]| {
            key.iter().zip(&self.columns).all(|(code, column)| (*code as usize) < column.dictionary.len())
        };
        let whole = self.keys.len() == self.counts.len() * self.columns.len();
        if !whole || !self.iter().all(|(key, _)| fits(key)) {
            return Err("combinations of no cells".into());
        }
        self.counts
            .iter()
            .try_fold(0_u64, |sum, rows| sum.checked_add(*rows))
            .map(drop)
            .ok_or("too many rows".into())
    }

    /// Whether the columns are held against the same thresholds.
    pub fn has_columns_of(&self, other: &Tally) -> bool {
        let thresholds = |tally: &Tally| -> Vec<Option<Vec<f64>>> {
            tally.columns.iter().map(|column| column.thresholds.clone()).collect()
        };
        thresholds(self) == thresholds(other)
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
        if width == 0 {
            wire.counts.into_iter().for_each(|rows| tally.add(&[], rows));
            return tally;
        }
        for (key, rows) in wire.keys.chunks_exact(width).zip(wire.counts) {
            tally.count(key, rows);
        }
        tally
    }
}

fn hash(hasher: &DefaultHashBuilder, key: &[u32]) -> u64 {
    hasher.hash_one(key)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Rows of files: the number of a file, and two cells. The second column is held against a threshold.
    fn counted(rows: &[(u32, String, String)]) -> Tally {
        let mut tally = Tally::new(vec![None, Some(vec![5000.0])]);
        let mut file = None;
        for (of, one, two) in rows {
            if let Some(last) = file.replace(*of)
                && last != *of
            {
                tally.end_file(last);
            }
            let key = [tally.intern(0, Raw::Csv(one)), tally.intern(1, Raw::Csv(two))];
            tally.add(&key, 1);
        }
        file.into_iter().for_each(|last| tally.end_file(last));
        tally
    }

    /// One run over all files, and the parts that `part_of` deals them to, through a file and combined.
    #[track_caller]
    fn check(rows: &[(u32, String, String)], n_files: u32, part_of: impl Fn(u32) -> usize, n_parts: usize) {
        let whole = counted(rows);
        let mut parts = Vec::new();
        for part in 0..n_parts {
            let files: Vec<u32> = (0..n_files).filter(|&file| part_of(file) == part).collect();
            let mine: Vec<_> = rows
                .iter()
                .filter_map(|(file, one, two)| {
                    let own = files.iter().position(|mine| mine == file)?;
                    Some((own as u32, one.clone(), two.clone()))
                })
                .collect();
            let text = serde_json::to_string(&counted(&mine)).unwrap();
            let tally: Tally = serde_json::from_str(&text).unwrap();
            tally.check(files.len()).unwrap();
            parts.push((tally, files));
        }
        let parts: Vec<(&Tally, &[u32])> =
            parts.iter().map(|(tally, files)| (tally, files.as_slice())).collect();
        let all = Tally::combine(&parts);
        assert_eq!(all.rows(), whole.rows());
        let rows_of = |tally: &Tally| {
            let texts: Vec<Vec<String>> = (0..2)
                .map(|at| tally.dictionary(at).unwrap().iter().map(|raw| format!("{raw:?}")).collect())
                .collect();
            let mut rows: Vec<(String, String, u64)> = tally
                .iter()
                .map(|(key, rows)| {
                    (texts[0][key[0] as usize].clone(), texts[1][key[1] as usize].clone(), rows)
                })
                .collect();
            rows.sort();
            (texts, rows)
        };
        assert_eq!(rows_of(&all), rows_of(&whole));
        for column in 0..2 {
            assert_eq!(all.distinct(column).0, whole.distinct(column).0);
        }
    }

    proptest! {
        #[test]
        fn files_dealt_to_any_parts_count_as_one_run(
            cells in proptest::collection::vec((0..6u32, "[a-d]|", "[0-9]|[0-9]\\.5|x|"), 0..80),
            parts in proptest::collection::vec(0..3usize, 6),
        ) {
            let mut rows = cells;
            rows.sort_by_key(|row| row.0);
            check(&rows, 6, |file| parts[file as usize], 3);
        }

        #[test]
        fn rows_counted_by_column_are_those_counted_one_after_the_other(
            cells in proptest::array::uniform2(proptest::collection::vec("[a-c]?", 1..6)),
            batches in proptest::collection::vec(proptest::collection::vec((0..6usize, 0..6usize), 0..30), 1..4),
        ) {
            let [mut one, mut all] = [(); 2].map(|()| Tally::new(vec![None, Some(vec![5.0])]));
            let cells = &cells;
            for rows in &batches {
                let numbers = |column: usize| {
                    let number = move |row: &(usize, usize)| [row.0, row.1][column] % cells[column].len();
                    rows.iter().map(number).collect::<Vec<usize>>()
                };
                let numbers = [numbers(0), numbers(1)];
                let columns = [0, 1].map(|column| {
                    let distinct = cells[column].iter().map(|cell| Raw::Text(cell)).collect();
                    let numbered: Numbered = (distinct, numbers[column].iter().map(|at| *at as u32).collect());
                    numbered
                });
                prop_assert!(all.add_all(rows.len(), &columns.each_ref()));
                for (first, second) in std::iter::zip(&numbers[0], &numbers[1]) {
                    let key = [(0, *first), (1, *second)];
                    let key = key.map(|(column, number)| one.intern(column, Raw::Text(&cells[column][number])));
                    one.add(&key, 1);
                }
            }
            prop_assert_eq!(serde_json::to_string(&one).unwrap(), serde_json::to_string(&all).unwrap());
        }

        #[test]
        fn short_cells_are_told_apart_by_their_bytes(cells in proptest::collection::vec(("[ab\\x00]{0,9}", 0..4), 9)) {
            fn raw((text, kind): &(String, i32)) -> Raw<'_> {
                match kind {
                    0 => Raw::Csv(text),
                    1 | 2 => Raw::Json(text),
                    _ => Raw::Text(text),
                }
            }
            let quoted = |(text, kind)| (if kind == 2 { format!("\"{text}\"") } else { text }, kind);
            let cells: Vec<_> = cells.into_iter().map(quoted).collect();
            for one in &cells {
                let key = Recent::key(raw(one));
                prop_assert_eq!(key.is_some(), one.0.trim_matches('"').len() <= 7);
                prop_assert!(key != Some(0));
                for other in cells.iter().filter(|_| key.is_some()) {
                    prop_assert_eq!(Recent::key(raw(other)) == key, one == other, "{:?} {:?}", one, other);
                }
            }
            for value in [0, 1, 97, 1 << 56, -1, i64::MAX, i64::MIN] {
                let key = Recent::key(Raw::Int(value));
                prop_assert_eq!(key.is_some(), (0..1 << 56).contains(&value));
                prop_assert!(key.is_none() || cells.iter().all(|cell| Recent::key(raw(cell)) != key));
            }
        }

        #[test]
        fn combinations_are_told_apart_by_their_numbers(
            keys in (1..5usize).prop_flat_map(|width| {
                let number = prop_oneof![0..3u32, any::<u32>(), Just(1 << 15), Just(1 << 31)];
                proptest::collection::vec(proptest::collection::vec(number, width), 9)
            }),
        ) {
            for one in &keys {
                let key = Recent::combined(one);
                prop_assert!(key != Some(0) && (key.is_some() || one.iter().any(|number| *number >= 1 << 15)));
                for other in keys.iter().filter(|_| key.is_some()) {
                    prop_assert_eq!(Recent::combined(other) == key, one == other);
                }
            }
        }
    }

    /// More values than are kept, in all parts, in one of them, or only together.
    #[test]
    fn columns_of_many_values_are_folded_alike_in_any_parts() {
        for (in_first, others) in [(12_000, 1_500), (500, 1_000), (18_000, 10)] {
            let of = |file: u32| if file == 0 { in_first } else { others };
            let rows: Vec<(u32, String, String)> = (0..4_u32)
                .flat_map(|file| {
                    (0..of(file)).map(move |row| {
                        let value = (row * 7 + file * 13_001) % 40_000;
                        let text = if row == 31 { "none".into() } else { value.to_string() };
                        (file, format!("{}", row % 3), text)
                    })
                })
                .collect();
            check(&rows, 4, |file| file as usize % 2, 2);
            check(&rows, 4, |file| usize::from(file == 2), 2);
        }
    }

    #[test]
    fn a_tally_of_no_file_or_of_cells_that_are_not_there_is_refused() {
        let good = serde_json::to_string(&counted(&[(0, "a".into(), "1".into())])).unwrap();
        for (from, to) in [
            (r#""ends":[[0,1]]"#, r#""ends":[[3,1]]"#),
            (r#""ends":[[0,1]]"#, r#""ends":[[0,2]]"#),
            (r#""keys":[0,0]"#, r#""keys":[0,7]"#),
        ] {
            assert!(good.contains(from), "{good}");
            let tally: Tally = serde_json::from_str(&good.replacen(from, to, 1)).unwrap();
            assert!(tally.check(1).is_err(), "{to}");
        }
        assert!(serde_json::from_str::<Tally>(&good).unwrap().check(1).is_ok());
    }
}
