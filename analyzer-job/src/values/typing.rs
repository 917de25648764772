//! The one rule for what a column holds. It looks at the distinct cells only.
//!
//! CSV fields are read as the hosted service's loader (pandas) reads them: a field is missing when it is
//! empty or one of `MISSING_TEXTS`; a column of integers without missing cells holds integers; a column of
//! numbers otherwise holds doubles; `True`/`False` without missing cells are truth values; everything else
//! is text as written. In JSON and Parquet every cell brings its own type: true and false among numbers are 1 and
//! 0, as they are equal for Python, and a column that mixes other types is text.

use crate::values::numbers::repr;
use crate::values::raw::{Dictionary, Raw};
use crate::values::table::{Column, MISSING, Texts, Values};

/// What pandas takes for a missing value in a CSV field, beside the empty field.
pub const MISSING_TEXTS: &[&str] = &[
    "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A",
    "NA", "NULL", "NaN", "n/a", "nan", "null",
];

/// A value with its type.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    Missing,
    Int(i64),
    Float(f64),
    Bool(bool),
    Text(String),
}

impl Cell {
    /// The value as Python's `str` prints it: `1`, `1.0`, `True`, `nan`.
    pub fn print(&self) -> String {
        match self {
            Cell::Missing => "nan".into(),
            Cell::Int(value) => value.to_string(),
            Cell::Float(value) => repr(*value),
            Cell::Bool(true) => "True".into(),
            Cell::Bool(false) => "False".into(),
            Cell::Text(text) => text.clone(),
        }
    }
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    Int,
    Float,
    Bool,
    Text,
}

impl Type {
    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Type::Int => "integers",
            Type::Float => "numbers",
            Type::Bool => "truth values",
            Type::Text => "text",
        }
    }
}

/// The distinct values of a column in order of first appearance; missing is one of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Distinct {
    pub kind: Type,
    /// Each is missing or of the column's type.
    pub values: Vec<Cell>,
    /// How many there are, missing aside; more than `values` has when numbers were folded.
    pub n_distinct: u64,
}

impl Distinct {
    pub fn new(kind: Type, values: Vec<Cell>) -> Distinct {
        let n_distinct = values.iter().filter(|value| **value != Cell::Missing).count() as u64;
        Distinct { kind, values, n_distinct }
    }
}

/// Types a column by its distinct cells.
///
/// Gives the distinct values and, for each number of the dictionary, the position of its value: cells
/// spelled differently (`1` and `01`) may be one value.
pub fn resolve(dictionary: &Dictionary) -> (Distinct, Vec<u32>) {
    let cells: Vec<Cell> = dictionary.iter().map(parse).collect();
    let kind = common_type(dictionary, &cells);
    let typed = dictionary.iter().zip(cells).map(|(raw, cell)| convert(raw, cell, kind));
    let mut unique = indexmap::IndexSet::new();
    let codes = typed.map(|cell| unique.insert_full(Key(cell)).0 as u32).collect();
    (Distinct::new(kind, unique.into_iter().map(|key| key.0).collect()), codes)
}

/// The same for values that have their type already, one code for each row.
pub fn distinct(values: &Values) -> (Distinct, Vec<u32>) {
    let mut unique = indexmap::IndexSet::new();
    let mut code = |cell: Cell| unique.insert_full(Key(cell)).0 as u32;
    let (kind, codes) = match values {
        Values::Int(values) => (Type::Int, values.iter().map(|&value| code(Cell::Int(value))).collect()),
        Values::Bool(values) => (Type::Bool, values.iter().map(|&value| code(Cell::Bool(value))).collect()),
        Values::Float(values) => {
            let cell = |value: f64| if value.is_nan() { Cell::Missing } else { Cell::Float(value) };
            (Type::Float, values.iter().map(|&value| code(cell(value))).collect())
        }
        Values::Text(texts) => {
            // The dictionary may hold texts that no row has, so only codes in use become values.
            let mut known = vec![MISSING; texts.dictionary.len()];
            let mut missing = MISSING;
            let mut codes = Vec::with_capacity(texts.codes.len());
            for &text in &texts.codes {
                let slot = known.get_mut(text as usize).unwrap_or(&mut missing);
                if *slot == MISSING {
                    let cell = texts.dictionary.get(text as usize);
                    *slot = code(cell.map_or(Cell::Missing, |text| Cell::Text(text.clone())));
                }
                codes.push(*slot);
            }
            (Type::Text, codes)
        }
    };
    (Distinct::new(kind, unique.into_iter().map(|key| key.0).collect()), codes)
}

/// A column from the distinct cells and one number of the dictionary for each row.
pub fn column(name: String, dictionary: &Dictionary, rows: &[u32]) -> Column {
    let cells: Vec<Cell> = dictionary.iter().map(parse).collect();
    let values = match common_type(dictionary, &cells) {
        Type::Int => {
            let whole = |cell: &Cell| match cell {
                Cell::Int(value) => *value,
                Cell::Bool(value) => i64::from(*value),
                _ => 0,
            };
            Values::Int(by_row(cells.iter().map(whole), rows))
        }
        Type::Float => Values::Float(by_row(cells.iter().map(float), rows)),
        Type::Bool => Values::Bool(by_row(cells.iter().map(|cell| *cell == Cell::Bool(true)), rows)),
        Type::Text => {
            let (distinct, codes) = resolve(dictionary);
            let mut dictionary = Vec::new();
            let texts: Vec<u32> = distinct
                .values
                .into_iter()
                .map(|cell| match cell {
                    Cell::Text(text) => {
                        dictionary.push(text);
                        dictionary.len() as u32 - 1
                    }
                    _ => MISSING,
                })
                .collect();
            let codes = by_row(codes.iter().map(|&code| texts[code as usize]), rows);
            Values::Text(Texts { codes, dictionary })
        }
    };
    Column { name, values }
}

/// The number of a cell of a column of numbers; NaN for a missing one.
pub fn float(cell: &Cell) -> f64 {
    match cell {
        Cell::Int(value) => *value as f64,
        Cell::Float(value) => *value,
        Cell::Bool(value) => f64::from(u8::from(*value)),
        _ => f64::NAN,
    }
}

/// For each row the value of its number; `rows` are numbers of `values`.
fn by_row<T: Copy>(values: impl Iterator<Item = T>, rows: &[u32]) -> Vec<T> {
    let values: Vec<T> = values.collect();
    rows.iter().map(|&row| values[row as usize]).collect()
}

/// Share of distinct values among all values from which whole numbers are a quantity.
const QUANTITY_FROM: f64 = 0.05;

/// Whether a column's values are a quantity rather than names of categories: one rule for bias metrics,
/// partial dependence and computed baselines, that of the bias package which the hosted service calls.
///
/// Numbers with decimals are a quantity; whole numbers are when at least 5 % of them are distinct. Missing
/// values do not count.
pub fn is_quantity(kind: Type, n_distinct: u64, n_values: u64) -> bool {
    match kind {
        Type::Float => true,
        Type::Int => n_distinct as f64 / n_values as f64 >= QUANTITY_FROM,
        Type::Bool | Type::Text => false,
    }
}

/// Whether a CSV field reads as a number.
pub fn is_number(field: &str) -> bool {
    matches!(csv_cell(field), Cell::Int(_) | Cell::Float(_))
}

/// Whether a CSV field is missing.
pub fn is_missing(field: &str) -> bool {
    field.is_empty() || MISSING_TEXTS.contains(&field)
}

/// Whether a cell has no value: `parse` makes it `Cell::Missing`.
pub fn lacks_value(raw: Raw<'_>) -> bool {
    match raw {
        Raw::Csv(field) => is_missing(field),
        // Strings, truth values and numbers.
        Raw::Json(token) if matches!(token.as_bytes(), [b'"' | b't' | b'f' | b'0'..=b'9', ..]) => false,
        raw => parse(raw) == Cell::Missing,
    }
}

/// A cell by itself, before the rest of its column has a say.
pub fn parse(raw: Raw<'_>) -> Cell {
    match raw {
        Raw::Missing => Cell::Missing,
        Raw::Csv(field) => csv_cell(field),
        Raw::Json(token) => json_cell(token),
        Raw::Int(value) => Cell::Int(value),
        Raw::Float(value) if value.is_nan() => Cell::Missing,
        Raw::Float(value) => Cell::Float(value),
        Raw::Bool(value) => Cell::Bool(value),
        Raw::Text(text) => Cell::Text(text.into()),
    }
}

fn csv_cell(field: &str) -> Cell {
    if is_missing(field) {
        return Cell::Missing;
    }
    match field {
        "True" | "TRUE" | "true" => return Cell::Bool(true),
        "False" | "FALSE" | "false" => return Cell::Bool(false),
        _ => {}
    }
    let number = field.trim_ascii();
    // Most text fails on its first byte; `infinity` and the like are numbers for pandas too.
    if !number.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'i' | 'I')) {
        return Cell::Text(field.into());
    }
    if let Ok(value) = number.parse::<i64>() {
        return Cell::Int(value);
    }
    match number.parse::<f64>() {
        Ok(value) if !value.is_nan() => Cell::Float(value),
        _ => Cell::Text(field.into()),
    }
}

fn json_cell(token: &str) -> Cell {
    match token.as_bytes().first() {
        Some(b'"') => serde_json::from_str(token).map_or_else(|_| Cell::Text(token.into()), Cell::Text),
        Some(b't') => Cell::Bool(true),
        Some(b'f') => Cell::Bool(false),
        Some(b'n' | b'N') | None => Cell::Missing,
        _ => {
            token.parse().map(Cell::Int).or_else(|_| token.parse().map(Cell::Float)).unwrap_or(Cell::Missing)
        }
    }
}

/// The type that holds all cells.
fn common_type(dictionary: &Dictionary, cells: &[Cell]) -> Type {
    let is_word = |(raw, cell): (Raw<'_>, &Cell)| matches!((raw, cell), (Raw::Csv(_), Cell::Bool(_)));
    let word = dictionary.iter().zip(cells).any(is_word);
    let has = |test: fn(&Cell) -> bool| cells.iter().any(test);
    let missing = has(|cell| matches!(cell, Cell::Missing));
    let int = has(|cell| matches!(cell, Cell::Int(_)));
    let float = has(|cell| matches!(cell, Cell::Float(_)));
    let bool = has(|cell| matches!(cell, Cell::Bool(_)));
    let text = has(|cell| matches!(cell, Cell::Text(_)));
    match (text, bool, int || float) {
        (true, _, _) => Type::Text,
        // `True` in a file is text unless the whole column is like it.
        (_, true, true) if word => Type::Text,
        (_, true, false) if missing => Type::Text,
        (_, true, false) => Type::Bool,
        // A column without any value is one of missing numbers.
        _ if float || missing || !int => Type::Float,
        _ => Type::Int,
    }
}

fn convert(raw: Raw<'_>, cell: Cell, kind: Type) -> Cell {
    match (kind, cell) {
        (_, Cell::Missing) => Cell::Missing,
        (Type::Float, Cell::Int(value)) => Cell::Float(value as f64),
        (Type::Int, Cell::Bool(value)) => Cell::Int(i64::from(value)),
        (Type::Float, Cell::Bool(value)) => Cell::Float(f64::from(u8::from(value))),
        // Text keeps what the file has: `007` stays `007`.
        (Type::Text, cell) => match raw {
            Raw::Csv(field) => Cell::Text(field.into()),
            _ => Cell::Text(cell.print()),
        },
        (_, cell) => cell,
    }
}

/// A cell as a key: equal when it is the same value of the same type.
struct Key(Cell);

impl PartialEq for Key {
    fn eq(&self, other: &Key) -> bool {
        self.0 == other.0
    }
}

// NaN never gets here: it is `Missing`.
impl Eq for Key {}

impl std::hash::Hash for Key {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        match &self.0 {
            Cell::Missing => 0u8.hash(state),
            Cell::Int(value) => value.hash(state),
            // Zero equals minus zero.
            Cell::Float(value) => (value + 0.0).to_bits().hash(state),
            Cell::Bool(value) => value.hash(state),
            Cell::Text(text) => text.hash(state),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(cells: &[Raw<'_>], expected: Values) {
        let mut dictionary = Dictionary::default();
        let rows: Vec<u32> = cells.iter().map(|&cell| dictionary.intern(cell)).collect();
        let found = column("c".into(), &dictionary, &rows);
        assert_eq!(format!("{:?}", found.values), format!("{expected:?}"));
    }

    fn texts(dictionary: &[&str], codes: &[u32]) -> Values {
        Values::Text(Texts {
            codes: codes.into(),
            dictionary: dictionary.iter().map(|&t| t.into()).collect(),
        })
    }

    #[test]
    fn csv_columns_are_typed_by_all_their_cells() {
        use Raw::Csv;
        check(&[Csv("1"), Csv("-2"), Csv("01"), Csv(" 3")], Values::Int(vec![1, -2, 1, 3]));
        check(&[Csv("1"), Csv("2.5"), Csv("1e3")], Values::Float(vec![1.0, 2.5, 1000.0]));
        check(&[Csv("1"), Csv(""), Csv("NA")], Values::Float(vec![1.0, f64::NAN, f64::NAN]));
        check(&[Csv("True"), Csv("false")], Values::Bool(vec![true, false]));
        check(&[Csv("True"), Csv("")], texts(&["True"], &[0, MISSING]));
        check(&[Csv("007"), Csv("a"), Csv("7"), Csv("007")], texts(&["007", "a", "7"], &[0, 1, 2, 0]));
        check(&[Csv("")], Values::Float(vec![f64::NAN]));
        check(&[Csv("inf"), Csv("-5")], Values::Float(vec![f64::INFINITY, -5.0]));
        check(&[Csv("9223372036854775808")], Values::Float(vec![9223372036854775808.0]));
        check(&[Csv("income"), Csv("-")], texts(&["income", "-"], &[0, 1]));
    }

    /// Beyond 2 to the power of 53 not every whole number is a double.
    #[test]
    fn large_whole_numbers_keep_their_last_digit() {
        for number in [9_007_199_254_740_993, -9_007_199_254_740_993, i64::MAX, i64::MIN] {
            let text = number.to_string();
            assert_eq!(parse(Raw::Csv(&text)), Cell::Int(number));
            assert_eq!(parse(Raw::Json(&text)), Cell::Int(number));
            check(&[Raw::Csv(&text), Raw::Csv("1")], Values::Int(vec![number, 1]));
        }
    }

    #[test]
    fn json_cells_bring_their_type() {
        use Raw::Json;
        check(&[Json("1"), Json("2")], Values::Int(vec![1, 2]));
        check(&[Json("1"), Json("2.0")], Values::Float(vec![1.0, 2.0]));
        check(&[Json("1"), Json("null")], Values::Float(vec![1.0, f64::NAN]));
        check(
            &[Json("1"), Json("NaN"), Json("Infinity"), Json("-Infinity")],
            Values::Float(vec![1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY]),
        );
        check(&[Json("true"), Json("false")], Values::Bool(vec![true, false]));
        check(&[Json("true"), Json("1"), Json("0"), Json("false")], Values::Int(vec![1, 1, 0, 0]));
        check(&[Json("true"), Json("0.5"), Json("null")], Values::Float(vec![1.0, 0.5, f64::NAN]));
        check(&[Raw::Bool(true), Raw::Int(1), Raw::Bool(false)], Values::Int(vec![1, 1, 0]));
        check(&[Raw::Csv("True"), Raw::Csv("1")], texts(&["True", "1"], &[0, 1]));
        check(&[Json("true"), Raw::Csv("True"), Json("1")], texts(&["True", "1"], &[0, 0, 1]));
        check(&[Json("\"1\""), Json("\"\\u0031\"")], texts(&["1"], &[0, 0]));
        check(&[Json("\"\""), Json("null")], texts(&[""], &[0, MISSING]));
        check(
            &[Json("\"a\""), Json("1"), Json("1.0"), Json("true")],
            texts(&["a", "1", "1.0", "True"], &[0, 1, 2, 3]),
        );
    }

    #[test]
    fn cells_lack_a_value_when_they_are_read_as_missing() {
        let tokens = [
            "null",
            "NaN",
            "",
            "true",
            "false",
            "0",
            "-1",
            "2.5e9",
            "1e999",
            "-Infinity",
            "Infinity",
            "\"\"",
            "\"null\"",
            "[]",
            "{}",
        ];
        let fields = MISSING_TEXTS.iter().chain(&["", " ", "0", "x", "true", "-", "inf"]);
        let cells = tokens.iter().map(|token| Raw::Json(token)).chain(fields.map(|field| Raw::Csv(field)));
        let others = [
            Raw::Missing,
            Raw::Int(0),
            Raw::Float(f64::NAN),
            Raw::Float(0.0),
            Raw::Bool(false),
            Raw::Text(""),
        ];
        for cell in cells.chain(others) {
            assert_eq!(lacks_value(cell), parse(cell) == Cell::Missing, "{cell:?}");
        }
    }

    #[test]
    fn distinct_values_of_typed_and_raw_cells_agree() {
        for cells in [["3", "1", "3", "2"], ["x", "", "x", "y"], ["1.5", "", "-0.0", "0.0"]] {
            let mut dictionary = Dictionary::default();
            let rows: Vec<u32> = cells.iter().map(|&cell| dictionary.intern(Raw::Csv(cell))).collect();
            let (raw, codes) = resolve(&dictionary);
            let by_row: Vec<u32> = rows.iter().map(|&row| codes[row as usize]).collect();
            let column = column("c".into(), &dictionary, &rows);
            assert_eq!(distinct(&column.values), (raw, by_row));
        }
    }
}
