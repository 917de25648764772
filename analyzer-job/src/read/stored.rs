//! A column whose rows are kept: numbers of distinct cells, or numbers as such when nearly every row has
//! its own.

use serde::{Deserialize, Serialize};

use crate::values::raw::{Dictionary, Raw};
use crate::values::table::{Column, Values};
use crate::values::typing::{self, Cell, Type};

/// Distinct cells from which a column of nothing but numbers is kept as numbers.
const MOST_CELLS: usize = 1 << 16;
/// Rows that tell whether most of a column's have a number of their own.
const FEWEST_ROWS: usize = 100;

/// Memory: 4 bytes for each row, and each distinct cell with its text and 30 bytes; 8 bytes for each row
/// once there are many distinct numbers.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Stored {
    /// The distinct cells; of a column of numbers, those that are missing.
    dictionary: Dictionary,
    codes: Vec<u32>,
    #[serde(skip)]
    numbers: Option<Values>,
    /// Keep every cell as written, since text is known to come.
    #[serde(skip)]
    exact: bool,
    #[serde(skip)]
    lost: bool,
}

impl Stored {
    /// `exact`: never keep numbers instead of cells.
    pub(crate) fn new(exact: bool) -> Stored {
        Stored { exact, ..Stored::default() }
    }

    pub(crate) fn push(&mut self, raw: Raw<'_>) {
        if self.numbers.is_some() {
            self.push_number(raw);
            return;
        }
        let before = self.dictionary.len();
        self.codes.push(self.dictionary.intern(raw));
        self.look_at_numbers(before);
    }

    /// A column without rows, for rows like those of this one: kept as numbers where most rows have a number of their own.
    pub(crate) fn like(&self) -> Stored {
        let has_own = self.numbers.is_none() && self.dictionary.len() > self.codes.len() / 2;
        let is_of_numbers =
            || self.dictionary.iter().all(|raw| !matches!(typing::parse(raw), Cell::Text(_) | Cell::Bool(_)));
        let numbers = !self.exact && self.codes.len() >= FEWEST_ROWS && has_own && is_of_numbers();
        Stored { numbers: numbers.then(|| Values::Int(Vec::new())), ..Stored::new(self.exact) }
    }

    /// Adds the rows of another column, which come after these. Both began alike.
    pub(crate) fn merge(&mut self, other: &Stored) {
        self.lost |= other.lost;
        match (&mut self.numbers, &other.numbers) {
            (Some(mine), Some(theirs)) => {
                self.dictionary.merge(&other.dictionary);
                append(mine, theirs);
            }
            (Some(_), None) => {
                for &code in &other.codes {
                    self.push_number(other.dictionary.get(code));
                }
            }
            // A block of many numbers.
            (None, Some(_)) if self.codes.is_empty() => *self = other.clone(),
            (None, Some(_)) => {
                self.keep_numbers();
                if self.numbers.is_some() {
                    self.merge(other);
                } else {
                    self.lost = true;
                }
            }
            (None, None) => {
                let before = self.dictionary.len();
                let codes = self.dictionary.merge(&other.dictionary);
                self.codes.extend(other.codes.iter().map(|&code| codes[code as usize]));
                self.look_at_numbers(before);
            }
        }
    }

    /// `before`: distinct cells before those that came last. Looked at once: a column with text keeps its cells.
    fn look_at_numbers(&mut self, before: usize) {
        if before <= MOST_CELLS && self.dictionary.len() > MOST_CELLS && !self.exact {
            self.keep_numbers();
        }
    }

    fn keep_numbers(&mut self) {
        let cells: Vec<Cell> = self.dictionary.iter().map(typing::parse).collect();
        if cells.iter().any(|cell| matches!(cell, Cell::Text(_) | Cell::Bool(_))) {
            return;
        }
        let (dictionary, codes) = (std::mem::take(&mut self.dictionary), std::mem::take(&mut self.codes));
        self.numbers = Some(typing::column(String::new(), &dictionary, &codes).values);
        for (raw, cell) in dictionary.iter().zip(cells) {
            if cell == Cell::Missing {
                self.dictionary.intern(raw);
            }
        }
    }

    fn push_number(&mut self, raw: Raw<'_>) {
        let cell = typing::parse(raw);
        if cell == Cell::Missing {
            self.dictionary.intern(raw);
        }
        match (&mut self.numbers, cell) {
            (Some(Values::Int(values)), Cell::Int(value)) => values.push(value),
            (Some(Values::Int(values)), cell) => {
                let floats = values.iter().map(|&value| value as f64).collect();
                self.numbers = Some(Values::Float(floats));
                self.lost |= matches!(cell, Cell::Text(_) | Cell::Bool(_));
                self.push_float(&cell);
            }
            (_, cell) => {
                self.lost |= matches!(cell, Cell::Text(_) | Cell::Bool(_));
                self.push_float(&cell);
            }
        }
    }

    fn push_float(&mut self, cell: &Cell) {
        if let Some(Values::Float(values)) = &mut self.numbers {
            values.push(typing::float(cell));
        }
    }

    /// The column holds a text that none of its rows has. Only where every cell is kept.
    pub(crate) fn hold_text(&mut self, text: &str) {
        self.dictionary.intern(Raw::Text(text));
    }

    /// Whether text came after numbers had been kept without theirs: the data must be read again.
    pub(crate) fn lost(&self) -> bool {
        self.lost
    }

    /// The cell of a row, as written. Only where every cell is kept.
    pub(crate) fn cell(&self, row: usize) -> Raw<'_> {
        self.codes.get(row).map_or(Raw::Missing, |&code| self.dictionary.get(code))
    }

    /// Whether a column that was read from a file has so many rows, each with a cell.
    pub(crate) fn has_rows(&self, rows: usize) -> bool {
        let cells = self.dictionary.len();
        self.codes.len() == rows && self.codes.iter().all(|&code| (code as usize) < cells)
    }

    /// The distinct cells, or those of a column of numbers that are missing.
    pub(crate) fn dictionary(&self) -> &Dictionary {
        &self.dictionary
    }

    pub(crate) fn is_all_missing(&self) -> bool {
        self.numbers.is_none() && self.dictionary.iter().all(|raw| typing::parse(raw) == Cell::Missing)
    }

    /// What the column holds, and how many distinct values, missing aside.
    pub(crate) fn summary(&self) -> (Type, u64) {
        match &self.numbers {
            None => {
                let distinct = typing::resolve(&self.dictionary).0;
                (distinct.kind, distinct.n_distinct)
            }
            Some(Values::Int(values)) => (Type::Int, count(values.clone())),
            Some(Values::Float(values)) => {
                let present = values.iter().filter(|value| !value.is_nan());
                // Zero equals minus zero.
                (Type::Float, count(present.map(|value| (value + 0.0).to_bits() as i64).collect()))
            }
            Some(values) => (Type::Text, values.len() as u64),
        }
    }

    pub(crate) fn finish(self, name: String) -> Column {
        match self.numbers {
            Some(values) => Column { name, values },
            None => typing::column(name, &self.dictionary, &self.codes),
        }
    }
}

/// Adds numbers behind others: whole ones stay whole as long as all are.
fn append(mine: &mut Values, theirs: &Values) {
    match (&mut *mine, theirs) {
        (Values::Int(mine), Values::Int(theirs)) => mine.extend(theirs),
        (Values::Float(mine), Values::Float(theirs)) => mine.extend(theirs),
        (Values::Float(mine), Values::Int(theirs)) => mine.extend(theirs.iter().map(|&value| value as f64)),
        (Values::Int(values), Values::Float(theirs)) => {
            let floats = values.iter().map(|&value| value as f64).chain(theirs.iter().copied()).collect();
            *mine = Values::Float(floats);
        }
        _ => unreachable!("numbers are whole or floating"),
    }
}

fn count(mut values: Vec<i64>) -> u64 {
    values.sort_unstable();
    values.dedup();
    values.len() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Many numbers, then a few cells: by numbers and by cells the column is the same.
    #[track_caller]
    fn check(last: &[&str], lost: bool) {
        let (mut fast, mut exact) = (Stored::new(false), Stored::new(true));
        let push = |cell: &str, fast: &mut Stored, exact: &mut Stored| {
            fast.push(Raw::Csv(cell));
            exact.push(Raw::Csv(cell));
        };
        push("-3", &mut fast, &mut exact);
        for value in 0..70_000 {
            push(&value.to_string(), &mut fast, &mut exact);
        }
        for cell in last {
            push(cell, &mut fast, &mut exact);
        }
        assert!(fast.numbers.is_some() && exact.numbers.is_none());
        assert_eq!((fast.lost(), exact.lost()), (lost, false));
        if !lost {
            assert_eq!(fast.summary(), exact.summary());
            assert!(!fast.is_all_missing());
            // NaN differs from itself, so columns are compared as printed.
            let [fast, exact] = [fast, exact].map(|stored| format!("{:?}", stored.finish("c".into())));
            assert!(fast == exact, "columns differ");
        }
    }

    /// Of a column kept as numbers the texts that count as missing are known, from before and from behind that.
    #[test]
    fn missing_texts_of_many_numbers_are_kept() {
        let mut stored = Stored::new(false);
        let numbers = (0..70_000).map(|value| value.to_string());
        let cells =
            ["7".to_string(), "NA".into()].into_iter().chain(numbers).chain(["".into(), "NaN".into()]);
        cells.for_each(|cell| stored.push(Raw::Csv(&cell)));
        assert!(stored.numbers.is_some());
        let kept: Vec<Raw> = stored.dictionary().iter().collect();
        assert_eq!(kept, ["NA", "", "NaN"].map(Raw::Csv));
    }

    #[test]
    fn many_numbers_are_kept_as_numbers_and_text_is_noticed() {
        check(&["5", "007"], false);
        check(&["1.5", "NA", "8", "-0.0", "0.0"], false);
        check(&["x"], true);
        check(&["1.5", "True"], true);
    }
}
