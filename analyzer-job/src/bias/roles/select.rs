//! Which values are sensitive, or positive: values listed, or everything above a threshold.
//!
//! The rules and their quirks are those of the open bias package that the hosted service calls
//! (smclarify 0.5), so that results are equal.

use plumbline_common::{Problem, Result, codes};

use crate::config::Scalar;
use crate::values::numbers::repr;
use crate::values::typing::{self, Cell, Distinct, Type};

/// Whether values are compared one by one or against a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Categorical,
    Continuous,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Categorical => "categorical",
            Kind::Continuous => "continuous",
        }
    }
}

/// The kind of a column under a list of `n_listed` values. `rows` are those with a value.
///
/// Several listed values make it categorical. Otherwise quantities are continuous, also whole numbers that
/// are text; all else is categorical.
pub(super) fn kind(distinct: &Distinct, rows: u64, n_listed: usize) -> Kind {
    let is_whole_text =
        distinct.kind == Type::Text && distinct.values.iter().all(|value| whole_number(value).is_some());
    let read_as = if is_whole_text { Type::Int } else { distinct.kind };
    let continuous = n_listed <= 1 && typing::is_quantity(read_as, distinct.n_distinct, rows);
    if continuous { Kind::Continuous } else { Kind::Categorical }
}

fn whole_number(cell: &Cell) -> Option<i64> {
    match cell {
        Cell::Int(value) => Some(*value),
        Cell::Text(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// The number of a value in a continuous column; none when it is missing.
pub(super) fn number(cell: &Cell) -> Option<f64> {
    match cell {
        Cell::Float(value) => Some(*value),
        other => whole_number(other).map(|value| value as f64),
    }
}

/// A selection of values: by position in the column's distinct values, and as printed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Selection {
    pub(super) selected: Vec<bool>,
    pub(super) printed: String,
    /// The values that were selected, where the column's type turned the listed ones into others.
    pub(super) read_as: Option<String>,
    /// For people: a listed value was read in a surprising way.
    pub(super) warning: Option<String>,
}

/// The values in the interval that a threshold begins: `(threshold, max]`.
///
/// `max` is the largest value of the column, of observed and predicted labels together for predictions.
/// `whole`: the column holds whole numbers. `subject` names the column to people.
///
/// # Errors
/// The threshold is no number.
pub(super) fn above(distinct: &Distinct, threshold: &Scalar, max: f64, subject: &str) -> Result<Selection> {
    let whole = distinct.kind != Type::Float && matches!(threshold, Scalar::Int(_));
    let threshold = match threshold {
        Scalar::Int(value) => *value as f64,
        Scalar::Float(value) => *value,
        Scalar::Text(text) => text.trim().parse().map_err(|_| {
            Problem::new(
                &codes::VALUE_DOES_NOT_FIT,
                "Facet/label value provided must be a single numeric threshold for continuous data",
            )
            .field(subject)
            .found(format!("`{text}`"))
            .expected("a number")
        })?,
    };
    let print = |value: f64| if whole { format!("{value:.0}") } else { repr(value) };
    // The package leaves the maximum out when its absolute value is the threshold: no interval is left.
    if max.is_nan() || max.abs() == threshold {
        let selected = vec![false; distinct.values.len()];
        return Ok(Selection { selected, printed: String::new(), read_as: None, warning: None });
    }
    let (low, high) = (threshold.min(max), threshold.max(max));
    let inside = |value: f64| value > low && value <= high;
    Ok(Selection {
        selected: distinct.values.iter().map(|value| number(value).is_some_and(inside)).collect(),
        printed: format!("({}, {}]", print(low), print(high)),
        read_as: None,
        warning: None,
    })
}

/// The largest number of a column; NaN when it has none.
pub(super) fn max(distinct: &Distinct) -> f64 {
    distinct.values.iter().filter_map(number).fold(f64::NAN, f64::max)
}

/// The values that are listed. When none of them occurs, the list is read once more as values of the
/// column's type. Missing values match nothing.
///
/// # Errors
/// The list cannot be read as values of the column's type.
pub(super) fn listed(distinct: &Distinct, list: &[Scalar], subject: &str) -> Result<Selection> {
    let printed = list.iter().map(print).collect::<Vec<_>>().join(",");
    let (mut read_as, mut warning) = (None, None);
    let truths = are_truths(distinct);
    let is_listed = |cell: &Cell| {
        list.iter().any(|value| {
            equals(cell, value) || (truths && truth(cell).is_some_and(|cell| equals(&cell, value)))
        })
    };
    let mut selected: Vec<bool> = distinct.values.iter().map(is_listed).collect();
    if !selected.contains(&true) {
        let converted =
            list.iter().map(|value| convert(value, distinct.kind, subject)).collect::<Result<Vec<Cell>>>()?;
        selected =
            distinct.values.iter().map(|cell| *cell != Cell::Missing && converted.contains(cell)).collect();
        read_as = others(list, &converted);
        if distinct.kind == Type::Bool && list.iter().any(|value| matches!(value, Scalar::Text(_))) {
            warning = Some(format!(
                "{subject}: any text listed for a column of truth values means true; list 1 for true or 0 for false"
            ));
        }
    }
    Ok(Selection { selected, printed, read_as, warning })
}

/// The values that a list was converted to, as text, where one is not the listed value in another spelling.
fn others(list: &[Scalar], converted: &[Cell]) -> Option<String> {
    let is_same = |(value, cell): (&Scalar, &Cell)| match (value, cell) {
        (Scalar::Text(text), Cell::Bool(true)) => {
            text.trim().eq_ignore_ascii_case("true") || text.trim() == "1"
        }
        (Scalar::Text(text), Cell::Int(_) | Cell::Float(_)) => {
            text.trim().parse().is_ok_and(|number| equals(cell, &Scalar::Float(number)))
        }
        (Scalar::Text(text), _) => cell.print() == *text,
        (_, Cell::Text(text)) => *text == print(value),
        _ => equals(cell, value),
    };
    if list.iter().zip(converted).all(is_same) {
        return None;
    }
    let mut printed: Vec<String> = Vec::new();
    for text in converted.iter().map(Cell::print) {
        if !printed.contains(&text) {
            printed.push(text);
        }
    }
    Some(printed.join(","))
}

/// Whether a column holds truth values and missing cells, which make it text: 1 and 0 mean true and false there, as
/// in a column without missing cells.
fn are_truths(distinct: &Distinct) -> bool {
    distinct.kind == Type::Text
        && distinct.values.contains(&Cell::Missing)
        && distinct.values.iter().all(|cell| *cell == Cell::Missing || truth(cell).is_some())
}

fn truth(cell: &Cell) -> Option<Cell> {
    match cell {
        Cell::Text(text) => match text.as_str() {
            "True" | "TRUE" | "true" => Some(Cell::Bool(true)),
            "False" | "FALSE" | "false" => Some(Cell::Bool(false)),
            _ => None,
        },
        _ => None,
    }
}

/// A listed value as the service prints it.
pub(super) fn print(value: &Scalar) -> String {
    match value {
        Scalar::Int(value) => value.to_string(),
        Scalar::Float(value) => repr(*value),
        Scalar::Text(text) => text.clone(),
    }
}

/// Equality as in Python: 1 is 1.0 and true, but not "1".
pub(super) fn equals(cell: &Cell, value: &Scalar) -> bool {
    let number = match value {
        Scalar::Text(text) => return *cell == Cell::Text(text.clone()),
        Scalar::Int(number) => *number as f64,
        Scalar::Float(number) => *number,
    };
    match (cell, value) {
        (Cell::Int(mine), Scalar::Int(theirs)) => mine == theirs,
        (Cell::Int(mine), _) => *mine as f64 == number,
        (Cell::Float(mine), _) => *mine == number,
        (Cell::Bool(mine), _) => f64::from(u8::from(*mine)) == number,
        _ => false,
    }
}

fn convert(value: &Scalar, kind: Type, subject: &str) -> Result<Cell> {
    Ok(match (kind, value) {
        (Type::Text, _) => Cell::Text(print(value)),
        (Type::Bool, Scalar::Text(text)) => Cell::Bool(!text.is_empty()),
        (Type::Bool, Scalar::Int(value)) => Cell::Bool(*value != 0),
        (Type::Bool, Scalar::Float(value)) => Cell::Bool(*value != 0.0),
        (Type::Int, Scalar::Int(value)) => Cell::Int(*value),
        // Python's int() cuts decimals off numbers, but not off text.
        (Type::Int, Scalar::Float(value)) => Cell::Int(*value as i64),
        (Type::Float, Scalar::Int(value)) => Cell::Float(*value as f64),
        (Type::Float, Scalar::Float(value)) => Cell::Float(*value),
        (Type::Int | Type::Float, Scalar::Text(text)) => {
            let number = text.trim();
            if let (Type::Int, Ok(value)) = (kind, number.parse()) {
                return Ok(Cell::Int(value));
            }
            let value: f64 = number.parse().map_err(|_| {
                Problem::new(
                    &codes::VALUE_DOES_NOT_FIT,
                    format!("could not convert string to float: '{text}'"),
                )
                .field(subject)
                .expected("a value of the column, which holds numbers")
            })?;
            match kind {
                Type::Int if value.fract() == 0.0 => Cell::Int(value as i64),
                _ => Cell::Float(value),
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ints(values: &[i64]) -> Distinct {
        Distinct::new(Type::Int, values.iter().map(|&value| Cell::Int(value)).collect())
    }

    fn floats(values: &[f64]) -> Distinct {
        Distinct::new(Type::Float, values.iter().map(|&value| Cell::Float(value)).collect())
    }

    fn texts(values: &[&str]) -> Distinct {
        Distinct::new(Type::Text, values.iter().map(|&value| Cell::Text(value.into())).collect())
    }

    fn text(value: &str) -> Scalar {
        Scalar::Text(value.into())
    }

    #[test]
    fn whole_numbers_are_continuous_from_one_in_twenty_distinct() {
        assert_eq!(kind(&ints(&[0, 1]), 40, 1), Kind::Continuous);
        assert_eq!(kind(&ints(&[0, 1]), 41, 1), Kind::Categorical);
        assert_eq!(kind(&ints(&[0]), 20, 0), Kind::Continuous);
        assert_eq!(kind(&ints(&[0, 1]), 2, 2), Kind::Categorical);
        assert_eq!(kind(&floats(&[0.0, 1.0]), 1000, 1), Kind::Continuous);
        assert_eq!(kind(&texts(&["0", "1"]), 40, 1), Kind::Continuous);
        assert_eq!(kind(&texts(&["0", "1"]), 41, 1), Kind::Categorical);
        assert_eq!(kind(&texts(&["0", "1.0"]), 2, 1), Kind::Categorical);
        let mut missing = texts(&["0", "1"]);
        missing.values.push(Cell::Missing);
        assert_eq!(kind(&missing, 40, 1), Kind::Categorical);
        let bools = Distinct::new(Type::Bool, vec![Cell::Bool(true)]);
        assert_eq!(kind(&bools, 1, 1), Kind::Categorical);
    }

    #[track_caller]
    fn check_above(distinct: &Distinct, threshold: Scalar, printed: &str, selected: &[bool]) {
        let selection = above(distinct, &threshold, max(distinct), "facet[0]").unwrap();
        assert_eq!((selection.printed.as_str(), selection.selected.as_slice()), (printed, selected));
    }

    #[test]
    fn a_threshold_selects_what_is_above_it_and_prints_like_the_package() {
        check_above(&ints(&[20, 40, 80]), Scalar::Int(40), "(40, 80]", &[false, false, true]);
        check_above(&ints(&[20, 80]), Scalar::Float(28.5), "(28.5, 80.0]", &[false, true]);
        check_above(&floats(&[-20.5, -1.01]), Scalar::Int(-20), "(-20.0, -1.01]", &[false, true]);
        check_above(&texts(&["4", "10"]), text("4.5"), "(4.5, 10.0]", &[false, true]);
        check_above(&texts(&["4", "10"]), Scalar::Int(4), "(4, 10]", &[false, true]);
        // At the maximum there is no interval; above it nothing is inside; below the minimum everything is.
        check_above(&ints(&[20, 80]), Scalar::Int(80), "", &[false, false]);
        check_above(&ints(&[20, 80]), Scalar::Int(90), "(80, 90]", &[false, false]);
        check_above(&ints(&[20, 80]), Scalar::Int(1), "(1, 80]", &[true, true]);
        // The package compares the threshold with the absolute value of the maximum.
        check_above(&ints(&[-9, -5]), Scalar::Int(5), "", &[false, false]);
        assert!(
            above(&ints(&[1]), &text("high"), 1.0, "label").unwrap_err().what().contains("single numeric")
        );
    }

    #[track_caller]
    fn check_listed(distinct: &Distinct, list: &[Scalar], printed: &str, selected: &[bool]) {
        let selection = listed(distinct, list, "label").unwrap();
        assert_eq!((selection.printed.as_str(), selection.selected.as_slice()), (printed, selected));
    }

    #[test]
    fn values_that_were_turned_into_others_are_named() {
        let bools = Distinct::new(Type::Bool, vec![Cell::Bool(false), Cell::Bool(true)]);
        for (distinct, list, read_as) in [
            (ints(&[0, 1]), vec![Scalar::Float(0.5)], Some("0")),
            (ints(&[0, 1]), vec![Scalar::Float(1.0)], None),
            (ints(&[0, 1]), vec![text(" 1.0")], None),
            (ints(&[0, 1, 2]), vec![Scalar::Float(0.5), Scalar::Float(2.5), Scalar::Float(0.7)], Some("0,2")),
            (bools.clone(), vec![text("false")], Some("True")),
            (bools.clone(), vec![text("TRUE")], None),
            (bools.clone(), vec![Scalar::Int(7)], Some("True")),
            (bools, vec![Scalar::Int(1)], None),
            (texts(&["1"]), vec![Scalar::Int(1)], None),
            (texts(&["a"]), vec![text("b")], None),
        ] {
            assert_eq!(listed(&distinct, &list, "label").unwrap().read_as.as_deref(), read_as, "{list:?}");
        }
    }

    #[test]
    fn listed_values_match_by_value_then_by_conversion() {
        check_listed(&ints(&[0, 1]), &[Scalar::Float(1.0)], "1.0", &[false, true]);
        check_listed(&ints(&[0, 1]), &[text("1")], "1", &[false, true]);
        check_listed(&ints(&[0, 1]), &[text("1.0")], "1.0", &[false, true]);
        // One match is enough for the list to stay as it is.
        check_listed(&ints(&[0, 1]), &[Scalar::Int(0), text("1")], "0,1", &[true, false]);
        check_listed(&texts(&["0", "1"]), &[Scalar::Int(1)], "1", &[false, true]);
        check_listed(&texts(&["1.0", "1"]), &[Scalar::Float(1.0)], "1.0", &[true, false]);
        check_listed(&texts(&["a", "b", "c"]), &[text("b"), text("a")], "b,a", &[true, true, false]);
        check_listed(&texts(&["a"]), &[text("z")], "z", &[false]);
        let bools = Distinct::new(Type::Bool, vec![Cell::Bool(false), Cell::Bool(true)]);
        check_listed(&bools, &[Scalar::Int(0)], "0", &[true, false]);
        check_listed(&bools, &[text("false")], "false", &[false, true]);
        assert!(listed(&bools, &[text("false")], "label").unwrap().warning.is_some());
        let mut some_missing = texts(&["True", "False"]);
        some_missing.values.push(Cell::Missing);
        check_listed(&some_missing, &[Scalar::Int(1)], "1", &[true, false, false]);
        check_listed(&some_missing, &[Scalar::Float(0.0)], "0.0", &[false, true, false]);
        check_listed(&some_missing, &[text("True")], "True", &[true, false, false]);
        let mut missing = texts(&["nan"]);
        missing.values.push(Cell::Missing);
        check_listed(&missing, &[text("nan")], "nan", &[true, false]);
        let error = listed(&ints(&[0, 1]), &[text("abc")], "label").unwrap_err();
        assert_eq!(error.what(), "could not convert string to float: 'abc'");
    }
}
