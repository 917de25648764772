//! Cells as they stand in the input, each distinct one stored once per column.
//!
//! What a column holds (integers, numbers, truth values, text) is known only after its last cell, so
//! cells are kept as written until then; `typing` decides.

use std::hash::{BuildHasher, Hash, Hasher};

use hashbrown::{DefaultHashBuilder, HashTable};
use serde::{Deserialize, Serialize};

/// A cell before its column's type is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Raw<'a> {
    Missing,
    /// A CSV field: its type is read from its text.
    Csv(&'a str),
    /// A JSON scalar as written, quotes included.
    Json(&'a str),
    Int(i64),
    Float(f64),
    Bool(bool),
    /// Text that is nothing but text.
    Text(&'a str),
}

/// Kind of a stored cell; the bytes beside it are its text or its eight bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
enum Tag {
    Missing,
    Csv,
    Json,
    Int,
    Float,
    Bool,
    Text,
}

/// The distinct cells of a column, numbered in order of first appearance.
///
/// Memory: the text of each distinct cell and about 20 bytes.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(from = "Wire", into = "Wire")]
pub struct Dictionary {
    text: String,
    /// Kind, end of the text in `text`, bits of a number.
    entries: Vec<(Tag, usize, u64)>,
    table: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl Dictionary {
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The number of a cell that was interned.
    pub(crate) fn find(&self, raw: Raw<'_>) -> Option<u32> {
        let (tag, text, bits) = parts(raw);
        let is_it = |&code: &u32| stored(&self.entries, &self.text, code) == (tag, text, bits);
        self.table.find(hash(&self.hasher, tag, text, bits), is_it).copied()
    }

    /// The number of a cell; equal cells (same kind, same spelling) have the same one.
    pub fn intern(&mut self, raw: Raw<'_>) -> u32 {
        let (tag, text, bits) = parts(raw);
        let hash = hash(&self.hasher, tag, text, bits);
        let (entries, all) = (&self.entries, &self.text);
        let found = self.table.find(hash, |&code| stored(entries, all, code) == (tag, text, bits));
        if let Some(&code) = found {
            return code;
        }
        let code = u32::try_from(self.entries.len()).expect("fewer than 2^32 distinct cells in a column");
        self.text.push_str(text);
        self.entries.push((tag, self.text.len(), bits));
        let (entries, all, hasher) = (&self.entries, &self.text, &self.hasher);
        self.table.insert_unique(hash, code, |&code| {
            let (tag, text, bits) = stored(entries, all, code);
            self::hash(hasher, tag, text, bits)
        });
        code
    }

    /// The cell of a number that `intern` gave.
    pub fn get(&self, code: u32) -> Raw<'_> {
        let (tag, text, bits) = stored(&self.entries, &self.text, code);
        whole(tag, text, bits)
    }

    /// All cells by number.
    pub fn iter(&self) -> impl Iterator<Item = Raw<'_>> {
        (0..self.len() as u32).map(|code| self.get(code))
    }

    /// Takes in the cells of another dictionary and tells the number here of each of its numbers.
    pub fn merge(&mut self, other: &Dictionary) -> Vec<u32> {
        other.iter().map(|raw| self.intern(raw)).collect()
    }
}

/// A dictionary as it is written: kind, text and bits of each cell.
#[derive(Serialize, Deserialize)]
struct Wire(Vec<(Tag, String, u64)>);

impl From<Dictionary> for Wire {
    fn from(dictionary: Dictionary) -> Wire {
        let entry = |raw| {
            let (tag, text, bits) = parts(raw);
            (tag, text.to_string(), bits)
        };
        Wire(dictionary.iter().map(entry).collect())
    }
}

impl From<Wire> for Dictionary {
    fn from(wire: Wire) -> Dictionary {
        let mut dictionary = Dictionary::default();
        for (tag, text, bits) in &wire.0 {
            dictionary.intern(whole(*tag, text, *bits));
        }
        dictionary
    }
}

fn parts(raw: Raw<'_>) -> (Tag, &str, u64) {
    match raw {
        Raw::Missing => (Tag::Missing, "", 0),
        Raw::Csv(text) => (Tag::Csv, text, 0),
        Raw::Json(text) => (Tag::Json, text, 0),
        Raw::Int(value) => (Tag::Int, "", value as u64),
        Raw::Float(value) => (Tag::Float, "", value.to_bits()),
        Raw::Bool(value) => (Tag::Bool, "", u64::from(value)),
        Raw::Text(text) => (Tag::Text, text, 0),
    }
}

fn whole(tag: Tag, text: &str, bits: u64) -> Raw<'_> {
    match tag {
        Tag::Missing => Raw::Missing,
        Tag::Csv => Raw::Csv(text),
        Tag::Json => Raw::Json(text),
        Tag::Int => Raw::Int(bits as i64),
        Tag::Float => Raw::Float(f64::from_bits(bits)),
        Tag::Bool => Raw::Bool(bits != 0),
        Tag::Text => Raw::Text(text),
    }
}

fn stored<'a>(entries: &[(Tag, usize, u64)], text: &'a str, code: u32) -> (Tag, &'a str, u64) {
    let code = code as usize;
    let start = code.checked_sub(1).map_or(0, |before| entries[before].1);
    let (tag, end, bits) = entries[code];
    (tag, &text[start..end], bits)
}

fn hash(hasher: &DefaultHashBuilder, tag: Tag, text: &str, bits: u64) -> u64 {
    let mut state = hasher.build_hasher();
    (tag as u8, bits).hash(&mut state);
    state.write(text.as_bytes());
    state.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_cells_share_a_number_and_kinds_stay_apart() {
        let cells = [
            Raw::Csv("1"),
            Raw::Json("1"),
            Raw::Text("1"),
            Raw::Int(1),
            Raw::Float(1.0),
            Raw::Bool(true),
            Raw::Missing,
            Raw::Csv(""),
            Raw::Csv("12"),
        ];
        let mut dictionary = Dictionary::default();
        for _ in 0..2 {
            let codes: Vec<u32> = cells.iter().map(|&cell| dictionary.intern(cell)).collect();
            assert_eq!(codes, (0..9).collect::<Vec<u32>>());
        }
        assert_eq!(dictionary.iter().collect::<Vec<_>>(), cells);
    }

    #[test]
    fn merging_numbers_the_cells_anew() {
        let mut one = Dictionary::default();
        let mut two = Dictionary::default();
        for text in ["a", "b"] {
            one.intern(Raw::Csv(text));
        }
        for text in ["c", "b"] {
            two.intern(Raw::Csv(text));
        }
        assert_eq!(one.merge(&two), [2, 1]);
        assert_eq!(one.get(2), Raw::Csv("c"));
    }
}
