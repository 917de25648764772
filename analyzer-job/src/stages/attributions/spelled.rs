//! One baseline as the parts of the data spell it: `3` where a part's column holds whole numbers, `3.0` where it holds others.

use crate::values::raw::Raw;
use crate::values::typing::{self, Cell};

/// The types of columns, as a part names them: a column of all rows has the last one that any part of it has.
pub(super) const TYPES: [&str; 4] = ["truth values", "whole numbers", "numbers", "text"];

/// A baseline, spelled as a run over all parts would spell it.
pub(super) struct Spelled {
    /// The cells as `shap::baseline_csv` wrote them, row by row; the first row holds the names.
    cells: Vec<String>,
    /// Of each column the place of its type in `TYPES`.
    types: Vec<usize>,
}

impl Spelled {
    /// `types`: of the columns.
    pub(super) fn new(text: &str, types: &[String]) -> Spelled {
        Spelled {
            cells: cells(text).into_iter().map(str::to_string).collect(),
            types: types.iter().map(|name| rank(name)).collect(),
        }
    }

    /// Adds the baseline of another part.
    ///
    /// # Errors
    /// What differs, if it is another baseline.
    pub(super) fn add(&mut self, text: &str, types: &[String]) -> Result<(), String> {
        let (others, n_columns) = (cells(text), self.types.len());
        if others.len() != self.cells.len() || types.len() != n_columns || n_columns == 0 {
            return Err("a baseline of another number of rows or columns than in the first part".into());
        }
        let types: Vec<usize> = types.iter().map(|name| rank(name)).collect();
        for (at, other) in others.into_iter().enumerate() {
            let (row, column) = (at / n_columns, at % n_columns);
            if !are_equal(&self.cells[at], other) {
                let place = match row {
                    0 => "as a name".into(),
                    _ => format!("for `{}` in row {row}", self.cells[column]),
                };
                let first = &self.cells[at];
                return Err(format!(
                    "another baseline: `{other}` {place}, where the first part has `{first}`"
                ));
            }
            if types[column] > self.types[column] && self.cells[at] != other {
                self.cells[at] = other.into();
            }
        }
        for (mine, other) in self.types.iter_mut().zip(types) {
            *mine = other.max(*mine);
        }
        Ok(())
    }

    /// As a file.
    pub(super) fn text(&self) -> String {
        self.cells.chunks(self.types.len().max(1)).map(|row| row.join(",") + "\n").collect()
    }
}

fn rank(name: &str) -> usize {
    TYPES.iter().position(|known| *known == name).unwrap_or(TYPES.len())
}

/// The cells of all rows, with their quotes.
fn cells(text: &str) -> Vec<&str> {
    let mut in_quotes = false;
    let mut cells: Vec<&str> = text
        .split(|c| {
            in_quotes ^= c == '"';
            !in_quotes && matches!(c, ',' | '\n')
        })
        .collect();
    // Behind the last line end.
    cells.pop();
    cells
}

/// Whether two cells are one value; a truth value among numbers is 1 or 0.
fn are_equal(one: &str, two: &str) -> bool {
    let number = |cell: &str| match typing::parse(Raw::Csv(cell)) {
        Cell::Missing | Cell::Text(_) => None,
        cell => Some(typing::float(&cell)),
    };
    one == two || number(one).is_some_and(|value| number(two) == Some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types(names: &[usize]) -> Vec<String> {
        names.iter().map(|&name| TYPES[name].to_string()).collect()
    }

    /// In either order of the parts.
    #[test]
    fn equal_values_are_one_baseline_in_the_spelling_of_the_widest_type() {
        for (narrow, wide, types_of) in [
            ("3", "3.0", [1, 2]),
            ("true", "1", [0, 1]),
            ("true", "True", [0, 3]),
            ("7", "007", [1, 3]),
            ("1.5", "1.50", [2, 3]),
            ("9007199254740993", "9007199254740992.0", [1, 2]),
            ("-0.0", "0", [2, 3]),
            ("inf", "inf", [2, 2]),
            ("", "", [1, 2]),
            ("\"a,\"\"b\n\"", "\"a,\"\"b\n\"", [3, 3]),
        ] {
            let text = |cell: &str| format!("a,\"b,c\"\n{cell},x\n,{cell}\n");
            let parts = [narrow, wide].map(text).into_iter().zip(types_of.map(|name| types(&[name, name])));
            let parts: Vec<(String, Vec<String>)> = parts.collect();
            for order in [[0, 1], [1, 0]] {
                let [first, second] = order.map(|at| &parts[at]);
                let mut spelled = Spelled::new(&first.0, &first.1);
                spelled.add(&second.0, &second.1).unwrap();
                assert_eq!(spelled.text(), text(wide));
            }
        }
        // A row of one missing value is a blank line.
        let mut spelled = Spelled::new("k\n\n2\n", &types(&[1]));
        spelled.add("k\n\n2.0\n", &types(&[2])).unwrap();
        assert_eq!(spelled.text(), "k\n\n2.0\n");
    }

    #[test]
    fn another_value_is_told_with_its_row_and_name() {
        for (one, two, says) in [
            ("a,b\n1,2\n3,4\n", "a,b\n1,2\n3,4.5\n", "`4.5` for `b` in row 2, where the first part has `4`"),
            ("a,b\n1,2\n", "a,b\n1,\n", "`` for `b` in row 1"),
            ("a,b\n1,NA\n", "a,b\n1,\n", "`` for `b` in row 1"),
            ("a,b\n1,x\n", "a,b\n1,X\n", "`X` for `b` in row 1"),
            ("a,b\n1,2\n", "a,c\n1,2\n", "`c` as a name"),
            ("a,b\n1,2\n", "a,b\n1,2\n1,2\n", "another number of rows"),
        ] {
            for (one, two) in [(one, two), (two, one)] {
                let mut spelled = Spelled::new(one, &types(&[2, 3]));
                let found = spelled.add(two, &types(&[2, 3])).unwrap_err();
                let part = says.split('`').next().unwrap_or_default();
                assert!(found.contains(part), "{found}");
            }
            let found = Spelled::new(one, &types(&[2, 3])).add(two, &types(&[2, 3])).unwrap_err();
            assert!(found.contains(says), "{found}");
        }
        assert!(Spelled::new("a\n1\n", &types(&[2])).add("a\n1\n", &types(&[2, 2])).is_err());
    }
}
