//! Selections that select nothing, or everything: almost always a spelling or a type, and no metric shows it.

use crate::config::Scalar;
use crate::results::details::{Selected, SelectionNote, SelectionRole};
use crate::values::numbers::repr;
use crate::values::raw::Raw;
use crate::values::typing::{self, Cell, Distinct, Type};

use super::select::{self, Kind, Selection};

/// Values of a column that a note lists.
const SHOWN: usize = 6;
/// Letters of a value that a note shows.
const LETTERS: usize = 24;

/// What there is to select from.
pub(super) struct Column<'a> {
    pub(super) role: SelectionRole,
    pub(super) name: &'a str,
    pub(super) distinct: &'a Distinct,
    /// Rows of each distinct value.
    pub(super) rows: &'a [u64],
}

/// A note on a selection of `list` that holds no row or every row, or one of whose values was read as another.
pub(super) fn note(
    column: &Column,
    kind: Kind,
    list: &[Scalar],
    selection: &Selection,
) -> Option<SelectionNote> {
    // Missing values are no value to tell apart: all others selected is every row.
    let rows = |wanted: bool| -> u64 {
        let values = selection.selected.iter().zip(column.rows).zip(&column.distinct.values);
        let values = values.filter(|((picked, _), cell)| **picked == wanted && **cell != Cell::Missing);
        values.map(|((_, rows), _)| rows).sum()
    };
    let selected = match (rows(true), rows(false)) {
        (0, _) => Selected::NoRow,
        (_, 0) => Selected::EveryRow,
        _ => Selected::Some,
    };
    let changed = changed(column, kind, list);
    if selected == Selected::Some && changed.is_none() {
        return None;
    }
    let reason = match selected {
        Selected::NoRow => changed.or_else(|| why_none(column.distinct, kind, list)),
        Selected::EveryRow => changed.or_else(|| why_all(column, kind, list)),
        Selected::Some => changed,
    };
    Some(SelectionNote {
        role: column.role,
        column: column.name.to_owned(),
        listed: list.iter().map(select::print).collect::<Vec<_>>().join(","),
        present: present(column, kind),
        selected,
        read_as: selection.read_as.clone(),
        reason,
    })
}

/// A note on a facet without a list, each of whose values has its turn, that has one value only.
pub(super) fn only_value(column: &Column) -> Option<SelectionNote> {
    let mut values = column.distinct.values.iter().filter(|cell| **cell != Cell::Missing);
    let (Some(only), None) = (values.next(), values.next()) else { return None };
    Some(SelectionNote {
        role: column.role,
        column: column.name.to_owned(),
        listed: only.print(),
        present: present(column, Kind::Categorical),
        selected: Selected::EveryRow,
        read_as: None,
        reason: Some("every row has the same value".into()),
    })
}

/// A listed value that the column's type turned into another, or into a threshold.
fn changed(column: &Column, kind: Kind, list: &[Scalar]) -> Option<String> {
    match kind {
        Kind::Continuous => threshold_by_missing_cells(column, list),
        Kind::Categorical => {
            converted(column.distinct, list).or_else(|| text_by_truth_values(column.distinct, list))
        }
    }
}

/// Whole numbers and missing cells are read as numbers with decimals, which are a quantity however few there are.
fn threshold_by_missing_cells(column: &Column, list: &[Scalar]) -> Option<String> {
    let Distinct { kind, values, n_distinct } = column.distinct;
    let is_whole = |cell: &Cell| match cell {
        Cell::Float(value) => value.fract() == 0.0,
        other => *other == Cell::Missing,
    };
    let rows: u64 = values
        .iter()
        .zip(column.rows)
        .filter(|(cell, _)| **cell != Cell::Missing)
        .map(|(_, rows)| rows)
        .sum();
    let by_missing = *kind == Type::Float
        && values.contains(&Cell::Missing)
        && values.iter().all(is_whole)
        && !typing::is_quantity(Type::Int, *n_distinct, rows);
    let [listed] = list else { return None };
    by_missing.then(|| {
        format!(
            "{} is read as a threshold and not as a value, since the column has missing cells, which make whole numbers \
             ones with decimals; fill the cells in, or list the values of the group with one that does not occur",
            select::print(listed)
        )
    })
}

/// A listed value that the column's type turned into another value.
fn converted(distinct: &Distinct, list: &[Scalar]) -> Option<String> {
    if list.iter().any(|value| distinct.values.iter().any(|cell| select::equals(cell, value))) {
        return None;
    }
    list.iter().find_map(|value| match value {
        Scalar::Float(number) if distinct.kind == Type::Int && number.fract() != 0.0 => Some(format!(
            "{} is read as {}, since the column counts as categories and holds whole numbers",
            repr(*number),
            *number as i64
        )),
        Scalar::Text(text)
            if distinct.kind == Type::Bool
                && !text.is_empty()
                && !["true", "1"].contains(&plain(text).as_str()) =>
        {
            Some(format!(
                "`{text}` is read as true, as any text listed for a column of truth values is; list 1 for true or 0 for false"
            ))
        }
        Scalar::Int(_) | Scalar::Float(_)
            if distinct.kind == Type::Bool && !["0", "1", "0.0", "1.0"].contains(&select::print(value).as_str()) =>
        {
            Some(format!(
                "{} is read as true, as any number but 0 listed for a column of truth values is; list 1 for true or 0 for false",
                select::print(value)
            ))
        }
        _ => None,
    })
}

/// Words such as `True` among the numbers of a file make the column text.
fn text_by_truth_values(distinct: &Distinct, list: &[Scalar]) -> Option<String> {
    let of_text = |is: fn(&Cell) -> bool| {
        distinct.values.iter().find(|cell| match cell {
            Cell::Text(text) => is(&typing::parse(Raw::Csv(text))),
            _ => false,
        })
    };
    let word = of_text(|cell| matches!(cell, Cell::Bool(_)))?.print();
    of_text(|cell| matches!(cell, Cell::Int(_) | Cell::Float(_)))?;
    let listed = list.iter().find(|value| !matches!(value, Scalar::Text(_)))?;
    Some(format!(
        "{} is read as a text, since `{word}` among numbers makes the column text: `True` is not 1, nor `False` 0",
        select::print(listed)
    ))
}

fn why_none(distinct: &Distinct, kind: Kind, list: &[Scalar]) -> Option<String> {
    if kind == Kind::Continuous {
        let is_value = |cell: &Cell| list.iter().any(|value| select::equals(cell, value));
        return Some(match list {
            [number] if distinct.values.iter().any(is_value) => format!(
                "{} is a threshold, since the column counts as a quantity, and no value is above it; a threshold just below \
                 it, or a list of several values, selects it",
                select::print(number)
            ),
            _ => "no value is above the threshold".into(),
        });
    }
    let cells: Vec<&Cell> = distinct.values.iter().filter(|cell| **cell != Cell::Missing).collect();
    if let Some(reason) = other_spelling(distinct, list) {
        return Some(reason);
    }
    if cells.iter().any(|cell| matches!(cell, Cell::Text(text) if text.trim_start().starts_with(['{', '['])))
    {
        return Some("the values are JSON texts: check the content type and the path of the values".into());
    }
    if cells.len() == 1 {
        return Some("every row has the same value, so perhaps these rows have none of those listed".into());
    }
    let is_number = |cell: &&Cell| match cell {
        Cell::Text(text) => text.trim().parse::<f64>().is_ok(),
        Cell::Int(_) | Cell::Float(_) => true,
        _ => false,
    };
    if let [Scalar::Int(_) | Scalar::Float(_)] = list
        && !cells.is_empty()
        && cells.iter().all(is_number)
    {
        return Some(
            "the column is categorical, so the number is not a threshold: it is compared with each value"
                .into(),
        );
    }
    Some("the values listed do not occur: check their spelling".into())
}

/// That a listed value is in a column in another spelling or type.
pub(super) fn other_spelling(distinct: &Distinct, list: &[Scalar]) -> Option<String> {
    let printed: Vec<String> = list.iter().map(select::print).collect();
    for cell in distinct.values.iter().filter(|cell| **cell != Cell::Missing) {
        let text = cell.print();
        if let Some(listed) = printed.iter().find(|listed| plain(listed) == plain(&text)) {
            return Some(format!("`{listed}` is spelled `{}` in the data", shortened(&text)));
        }
        let same_number = |listed: &&String| {
            text.trim()
                .parse::<f64>()
                .ok()
                .zip(listed.trim().parse::<f64>().ok())
                .is_some_and(|(a, b)| a == b)
        };
        if let Some(listed) = printed.iter().find(same_number) {
            return Some(format!("the column holds text, and the text `{text}` is not `{listed}`"));
        }
    }
    None
}

fn why_all(column: &Column, kind: Kind, list: &[Scalar]) -> Option<String> {
    let values = column.distinct.values.iter().filter(|cell| **cell != Cell::Missing).count();
    Some(match (kind, values) {
        (_, 1) => "every row has the same value".into(),
        (Kind::Continuous, _) => "every value is above the threshold".into(),
        _ if column.distinct.kind == Type::Bool
            && list.iter().any(|value| matches!(value, Scalar::Text(_))) =>
        {
            "any text listed for a column of truth values means true".into()
        }
        _ => "every value of the column is listed".into(),
    })
}

/// The values of the column, the most frequent first; the range of one that is cut by a threshold.
fn present(column: &Column, kind: Kind) -> Vec<String> {
    if kind == Kind::Continuous {
        let numbers = || {
            let number = |cell| select::number(cell).filter(|number| !number.is_nan());
            column.distinct.values.iter().filter_map(move |cell| Some((number(cell)?, cell)))
        };
        let low = numbers().min_by(|one, other| one.0.total_cmp(&other.0));
        let high = numbers().max_by(|one, other| one.0.total_cmp(&other.0));
        let range = low.zip(high).map(|((_, low), (_, high))| format!("{} to {}", low.print(), high.print()));
        return range.into_iter().collect();
    }
    let mut values: Vec<(&Cell, u64)> = column
        .distinct
        .values
        .iter()
        .zip(column.rows.iter().copied())
        .filter(|(cell, _)| **cell != Cell::Missing)
        .collect();
    values.sort_by_key(|(_, rows)| std::cmp::Reverse(*rows));
    let more = values.len().saturating_sub(SHOWN);
    let mut shown: Vec<String> =
        values.iter().take(SHOWN).map(|(cell, _)| format!("`{}`", shortened(&cell.print()))).collect();
    if more > 0 {
        shown.push(format!("{more} more"));
    }
    shown
}

/// A text without what is often a slip: blanks, quotes, capitals.
pub(crate) fn plain(text: &str) -> String {
    text.trim().trim_matches('"').to_lowercase()
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= LETTERS {
        return text.to_owned();
    }
    text.chars().take(LETTERS).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::raw::Dictionary;

    fn texts(values: &[&str]) -> Distinct {
        Distinct::new(Type::Text, values.iter().map(|&value| Cell::Text(value.into())).collect())
    }

    fn ints(values: &[i64]) -> Distinct {
        Distinct::new(Type::Int, values.iter().map(|&value| Cell::Int(value)).collect())
    }

    #[track_caller]
    fn check(distinct: &Distinct, kind: Kind, list: &[Scalar], expected: Option<(Selected, &str)>) {
        let rows = vec![10; distinct.values.len()];
        let column = Column { role: SelectionRole::Label, name: "y", distinct, rows: &rows };
        let selection = match kind {
            Kind::Categorical => select::listed(distinct, list, "label").unwrap(),
            Kind::Continuous => select::above(distinct, &list[0], select::max(distinct), "label").unwrap(),
        };
        let note = note(&column, kind, list, &selection);
        match (&note, expected) {
            (None, None) => {}
            (Some(note), Some((selected, text))) => {
                assert_eq!(note.selected, selected, "{note:?}");
                assert!(note.to_string().contains(text), "{note}");
            }
            _ => panic!("{note:?} instead of {expected:?}"),
        }
    }

    #[test]
    fn a_range_is_printed_as_the_column_prints_its_numbers() {
        let floats = Distinct::new(Type::Float, [0.5, f64::NAN, -2.0, 7.0].map(Cell::Float).to_vec());
        for (distinct, limit, range) in [
            (ints(&[25, 0, 50]), 60, "; its values are 0 to 50;"),
            (floats, 60, "; its values are -2.0 to 7.0;"),
        ] {
            check(&distinct, Kind::Continuous, &[Scalar::Int(limit)], Some((Selected::NoRow, range)));
        }
    }

    #[test]
    fn selections_of_nothing_and_of_everything_are_told_with_the_reason() {
        let (none, every, some) = (Selected::NoRow, Selected::EveryRow, Selected::Some);
        let text = |text: &str| Scalar::Text(text.into());
        let yes = texts(&["Yes", "No"]);
        check(&yes, Kind::Categorical, &[text("yes")], Some((none, "`yes` is spelled `Yes` in the data")));
        check(&yes, Kind::Categorical, &[text("Yes")], None);
        check(
            &yes,
            Kind::Categorical,
            &[text("Yes"), text("No")],
            Some((every, "every value of the column is listed")),
        );
        // The window of a rare outcome.
        for (rare, list) in [(ints(&[0]), [Scalar::Int(1)]), (texts(&["no"]), [text("yes")])] {
            check(
                &rare,
                Kind::Categorical,
                &list,
                Some((none, "perhaps these rows have none of those listed")),
            );
        }
        check(
            &texts(&["1.0", "0.0"]),
            Kind::Categorical,
            &[Scalar::Int(1)],
            Some((none, "`1.0` is not `1`")),
        );
        check(
            &texts(&["{\"y\": 1}", "{\"y\": 0}"]),
            Kind::Categorical,
            &[Scalar::Int(1)],
            Some((none, "JSON texts")),
        );
        check(
            &ints(&[17, 25, 60]),
            Kind::Categorical,
            &[Scalar::Int(30)],
            Some((none, "is not a threshold")),
        );
        check(&ints(&[0, 1]), Kind::Categorical, &[Scalar::Float(0.5)], Some((some, "0.5 is read as 0")));
        check(
            &ints(&[17, 25, 60]),
            Kind::Continuous,
            &[Scalar::Int(60)],
            Some((
                none,
                "60 is a threshold, since the column counts as a quantity, and no value is above it",
            )),
        );
        check(
            &ints(&[17, 25, 60]),
            Kind::Continuous,
            &[Scalar::Int(61)],
            Some((none, "no value is above the")),
        );
        check(
            &ints(&[17, 25, 60]),
            Kind::Continuous,
            &[Scalar::Int(3)],
            Some((every, "every value is above")),
        );
        check(
            &ints(&[1]),
            Kind::Categorical,
            &[Scalar::Int(1)],
            Some((every, "every row has the same value")),
        );
    }

    #[test]
    fn missing_cells_are_no_other_value() {
        let text = |text: &str| Scalar::Text(text.into());
        let sexes =
            Distinct::new(Type::Text, vec![Cell::Text("F".into()), Cell::Text("M".into()), Cell::Missing]);
        let every = Some((Selected::EveryRow, "every value of the column is listed"));
        check(&sexes, Kind::Categorical, &[text("F"), text("M")], every);
        check(&sexes, Kind::Categorical, &[text("F")], None);
        let column = |distinct| Column { role: SelectionRole::Facet, name: "g", distinct, rows: &[1, 1, 1] };
        assert_eq!(only_value(&column(&sexes)), None);
        let one = Distinct::new(Type::Text, vec![Cell::Missing, Cell::Text("F".into())]);
        assert_eq!(only_value(&column(&one)).unwrap().selected, Selected::EveryRow);
    }

    /// Any text means true in a column of truth values, as the hosted service has it.
    #[test]
    fn a_text_for_a_truth_value_is_told_where_it_means_something_else() {
        let truths = Distinct::new(Type::Bool, vec![Cell::Bool(true), Cell::Bool(false)]);
        let text = |text: &str| [Scalar::Text(text.into())];
        for slip in ["False", "false", "no", "0"] {
            check(
                &truths,
                Kind::Categorical,
                &text(slip),
                Some((Selected::Some, &format!("`{slip}` is read as true"))),
            );
        }
        check(&truths, Kind::Categorical, &text("True"), None);
        for (number, name) in [(Scalar::Int(2), "2"), (Scalar::Int(-1), "-1"), (Scalar::Float(0.5), "0.5")] {
            let told = format!("{name} is read as true");
            check(&truths, Kind::Categorical, &[number], Some((Selected::Some, &told)));
        }
        for same in [Scalar::Int(0), Scalar::Int(1), Scalar::Float(0.0), Scalar::Float(1.0)] {
            check(&truths, Kind::Categorical, &[same], None);
        }
    }

    #[test]
    fn what_a_cell_of_another_kind_makes_of_a_column_is_told() {
        let some = Selected::Some;
        let read = |cells: &[Raw]| {
            let mut dictionary = Dictionary::default();
            for &cell in cells {
                dictionary.intern(cell);
            }
            typing::resolve(&dictionary).0
        };
        // Ten rows of each value: 2 of 40 values are a quantity, 2 of 60 categories.
        let check = |cells: &[&str], rows: &[u64], kind: Kind, list: &[Scalar], expected: Option<&str>| {
            let cells: Vec<Raw> = cells.iter().map(|cell| Raw::Csv(cell)).collect();
            let distinct = read(&cells);
            let column = Column { role: SelectionRole::Facet, name: "sex", distinct: &distinct, rows };
            assert_eq!(select::kind(&distinct, rows.iter().sum(), list.len()), kind, "{cells:?}");
            let selection = match kind {
                Kind::Categorical => select::listed(&distinct, list, "facet[0]").unwrap(),
                Kind::Continuous => {
                    select::above(&distinct, &list[0], select::max(&distinct), "facet[0]").unwrap()
                }
            };
            let note = note(&column, kind, list, &selection);
            match (&note, expected) {
                (None, None) => {}
                (Some(note), Some(text)) => {
                    assert_eq!(note.selected, some, "{note}");
                    assert!(note.to_string().contains(text), "{note}");
                }
                _ => panic!("{note:?} instead of {expected:?}"),
            }
        };
        let (zero, one) = (Scalar::Int(0), Scalar::Int(1));
        let told = "0 is read as a threshold and not as a value, since the column has missing cells";
        check(&["0", "1", ""], &[30, 30, 1], Kind::Continuous, std::slice::from_ref(&zero), Some(told));
        check(&["0", "1", "NA"], &[30, 30, 1], Kind::Continuous, &[Scalar::Text("0".into())], Some(told));
        // Without the cell: categories, as listed; few rows: a threshold either way; decimals: documented.
        check(&["0", "1"], &[30, 30], Kind::Categorical, std::slice::from_ref(&zero), None);
        check(&["0", "1", ""], &[10, 10, 1], Kind::Continuous, std::slice::from_ref(&zero), None);
        check(&["0", "1", "0.5", ""], &[30, 30, 1, 1], Kind::Continuous, std::slice::from_ref(&zero), None);
        check(&["0", "1", ""], &[30, 30, 1], Kind::Categorical, &[zero, Scalar::Int(7)], None);
        let told = "1 is read as a text, since `true` among numbers makes the column text";
        check(&["1", "0", "true"], &[30, 30, 1], Kind::Categorical, std::slice::from_ref(&one), Some(told));
        check(&["1", "0", "a"], &[30, 30, 1], Kind::Categorical, &[one], None);
    }

    #[test]
    fn a_note_names_column_value_and_the_values_there() {
        let distinct = texts(&["Yes", "No", "perhaps a very long text indeed"]);
        let column =
            Column { role: SelectionRole::Prediction, name: "p", distinct: &distinct, rows: &[3, 9, 1] };
        let list = [Scalar::Text("yes".into())];
        let selection = select::listed(&distinct, &list, "label").unwrap();
        let note = note(&column, Kind::Categorical, &list, &selection).unwrap();
        assert_eq!(
            note.to_string(),
            "predicted label `p`: no row has the listed value `yes`; its values are `No`, `Yes`, \
             `perhaps a very long text…`; `yes` is spelled `Yes` in the data"
        );
    }
}
