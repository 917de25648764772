//! The rows that are the first with a kind of value in their column. A model may take numbers and refuse an infinite one,
//! a missing one or a text: asked for these rows before all others, it refuses them before the others are paid for.

use crate::values::cells::{Cells, ModelRows, Value};
use crate::values::raw::Raw;
use crate::values::typing::{self, Cell};

const MISSING: u16 = 1;
const INFINITE: u16 = 1 << 1;
/// Finite, but not in the 32 bits in which many models hold their numbers.
const HUGE: u16 = 1 << 2;
const WHOLE: u16 = 1 << 3;
const DECIMAL: u16 = 1 << 4;
const TRUTH: u16 = 1 << 5;
/// Text of a column in which other cells are none.
const NUMBER_IN_TEXT: u16 = 1 << 6;
const WORD: u16 = 1 << 7;
const BLANK: u16 = 1 << 8;
/// A text with what formats write in a way of their own.
const QUOTE: u16 = 1 << 9;
const SEPARATOR: u16 = 1 << 10;
const LINE_END: u16 = 1 << 11;
const BACKSLASH: u16 = 1 << 12;
const CONTROL: u16 = 1 << 13;
const NOT_ASCII: u16 = 1 << 14;

/// The kinds of value that each column has shown so far.
#[derive(Debug)]
pub(crate) struct Firsts {
    /// By value number.
    kinds: Vec<u16>,
    /// By column.
    seen: Vec<u16>,
}

impl Firsts {
    /// For rows of so many values of `cells`; nothing is seen yet.
    pub(crate) fn new(cells: &Cells, n_features: usize) -> Firsts {
        let kinds = (0..cells.len()).map(|id| kinds(cells.value(id as u32))).collect();
        Firsts { kinds, seen: vec![0; n_features] }
    }

    /// Whether a row, given by the numbers of its values, has a kind of value that its column has not shown. It has
    /// afterwards.
    pub(crate) fn shows(&mut self, row: impl IntoIterator<Item = u32>) -> bool {
        let mut is_first = false;
        for (seen, id) in self.seen.iter_mut().zip(row) {
            let kinds = self.kinds[id as usize];
            is_first |= kinds & !*seen != 0;
            *seen |= kinds;
        }
        is_first
    }

    /// The places of such rows, ascending; the first row is one of them.
    pub(crate) fn places(cells: &Cells, rows: &ModelRows) -> Vec<usize> {
        let mut firsts = Firsts::new(cells, rows.n_features);
        rows.rows()
            .enumerate()
            .filter(|(_, row)| firsts.shows(row.iter().copied()))
            .map(|(place, _)| place)
            .collect()
    }
}

/// Kinds of value that a model may not expect, as messages tell them.
const UNUSUAL: [(u16, &str); 9] = [
    (HUGE, "a number that 32 bits cannot hold"),
    (BLANK, "a blank text"),
    (NUMBER_IN_TEXT, "a number as text"),
    (LINE_END, "a text with a line end"),
    (CONTROL, "a text with a control character"),
    (SEPARATOR, "a text with a comma"),
    (QUOTE, "a text with a quote"),
    (BACKSLASH, "a text with a backslash"),
    (NOT_ASCII, "a text with a character outside of ASCII"),
];

/// What is unusual about a value that is there and finite; nothing about an ordinary number, truth value or word.
pub(crate) fn unusual(value: &Value) -> impl Iterator<Item = &'static str> {
    let kinds = kinds(value);
    UNUSUAL.iter().filter(move |(kind, _)| kinds & kind != 0).map(|(_, words)| *words)
}

fn kinds(value: &Value) -> u16 {
    match value {
        Value::Null => MISSING,
        Value::Float(number) if number.is_nan() => MISSING,
        Value::Float(number) if number.is_infinite() => INFINITE,
        Value::Float(number) if number.abs() > f64::from(f32::MAX) => HUGE,
        Value::Float(_) => DECIMAL,
        Value::Int(_) => WHOLE,
        Value::Bool(_) => TRUTH,
        Value::Text(text) => kinds_of_text(text),
    }
}

fn kinds_of_text(text: &str) -> u16 {
    let meaning = match typing::parse(Raw::Csv(text)) {
        _ if text.trim().is_empty() => BLANK,
        Cell::Int(_) | Cell::Float(_) => NUMBER_IN_TEXT,
        _ => WORD,
    };
    text.chars().fold(meaning, |kinds, c| {
        kinds
            | match c {
                '"' | '\'' => QUOTE,
                ',' => SEPARATOR,
                '\n' | '\r' => LINE_END,
                '\\' => BACKSLASH,
                c if c.is_control() => CONTROL,
                c if !c.is_ascii() => NOT_ASCII,
                _ => 0,
            }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_row_with_each_kind_of_value_in_each_column_is_found() {
        let text = |text: &str| Value::Text(text.into());
        let table = [
            // Ordinary rows.
            ([Value::Float(0.5), text("red")], true),
            ([Value::Float(-3.0), text("green")], false),
            // Each kind once in either column.
            ([Value::Null, text("red")], true),
            ([Value::Float(0.5), Value::Null], true),
            ([Value::Null, Value::Null], false),
            ([Value::Float(f64::NAN), text("red")], false),
            ([Value::Float(f64::NEG_INFINITY), text("red")], true),
            ([Value::Float(f64::INFINITY), text("red")], false),
            ([Value::Float(1e39), text("red")], true),
            ([Value::Int(1), text("red")], true),
            ([Value::Bool(true), text("red")], true),
            ([Value::Int(2), text("12.5")], true),
            ([Value::Int(2), text("")], true),
            ([Value::Int(2), text(" ")], false),
            ([Value::Int(2), text("say \"hi\"")], true),
            ([Value::Int(2), text("it's")], false),
            ([Value::Int(2), text("a,b")], true),
            ([Value::Int(2), text("a\nb")], true),
            ([Value::Int(2), text("a\\b")], true),
            ([Value::Int(2), text("a\tb")], true),
            ([Value::Int(2), text("é")], true),
            ([Value::Int(2), text("a,\"b\"\n\\é\t")], false),
        ];
        let mut cells = Cells::default();
        let mut rows = ModelRows::new(2);
        for (row, _) in &table {
            let ids: Vec<u32> = row.iter().map(|value| cells.intern(value)).collect();
            rows.push(&ids);
        }
        let expected: Vec<usize> = (0..table.len()).filter(|&place| table[place].1).collect();
        assert_eq!(Firsts::places(&cells, &rows), expected);
        assert_eq!(Firsts::places(&cells, &ModelRows::new(2)), [0; 0]);
    }

    #[test]
    fn what_is_unusual_about_a_value_is_told_in_words() {
        let told = |value: Value| unusual(&value).collect::<Vec<_>>();
        let text = |text: &str| told(Value::Text(text.into()));
        let ordinary = [Value::Int(3), Value::Float(0.5), Value::Bool(true), Value::Text("red wine".into())];
        assert!(ordinary.into_iter().all(|value| told(value).is_empty()));
        assert_eq!(told(Value::Float(-1e39)), ["a number that 32 bits cannot hold"]);
        assert_eq!(text(""), ["a blank text"]);
        assert_eq!(text("12.5"), ["a number as text"]);
        assert_eq!(text("a\tb"), ["a text with a control character"]);
        assert_eq!(text("a\\b"), ["a text with a backslash"]);
        assert_eq!(
            text("say \"é\",\r\n"),
            [
                "a text with a line end",
                "a text with a comma",
                "a text with a quote",
                "a text with a character outside of ASCII"
            ]
        );
    }
}
