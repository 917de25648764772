//! Rows of cells as they were written: what payloads are cut into before their columns are known.

use std::ops::Range;

use crate::read::quotes;
use crate::values::path::Found;
use crate::values::raw::Raw;
use crate::values::scan;

/// Rows of cells, reused from payload to payload. Rows may differ in width; a JSON null is a cell.
#[derive(Debug, Default)]
pub struct Grid {
    text: String,
    cells: Vec<Span>,
    /// End of each row in `cells`.
    ends: Vec<usize>,
    spans: Vec<Range<usize>>,
}

#[derive(Debug, Clone, Copy)]
struct Span {
    start: usize,
    end: usize,
    csv: bool,
}

impl Grid {
    pub fn clear(&mut self) {
        self.text.clear();
        self.cells.clear();
        self.ends.clear();
    }

    pub fn n_rows(&self) -> usize {
        self.ends.len()
    }

    pub fn n_cells(&self) -> usize {
        self.cells.len()
    }

    /// Number of cells in a row.
    pub fn width(&self, row: usize) -> usize {
        self.bounds(row).len()
    }

    /// `Raw::Missing` for a cell that the row does not have.
    pub fn cell(&self, row: usize, at: usize) -> Raw<'_> {
        let bounds = self.bounds(row);
        match self.cells[bounds].get(at) {
            Some(span) => {
                let text = &self.text[span.start..span.end];
                if span.csv { Raw::Csv(text) } else { Raw::Json(text) }
            }
            None => Raw::Missing,
        }
    }

    pub fn row(&self, row: usize) -> impl ExactSizeIterator<Item = Raw<'_>> {
        self.cells[self.bounds(row)].iter().map(|span| {
            let text = &self.text[span.start..span.end];
            if span.csv { Raw::Csv(text) } else { Raw::Json(text) }
        })
    }

    fn bounds(&self, row: usize) -> Range<usize> {
        let start = row.checked_sub(1).map_or(0, |before| self.ends[before]);
        start..self.ends[row]
    }

    /// Appends a cell to the row at hand, which `end_row` ends.
    pub fn push(&mut self, cell: Raw<'_>) {
        match cell {
            Raw::Csv(text) => self.push_text(text, true),
            Raw::Json(text) => self.push_text(text, false),
            // Payloads have no others.
            _ => self.push_text("", false),
        }
    }

    /// Appends cells that nobody asks for.
    pub(crate) fn push_passed(&mut self, n: usize) {
        let at = self.text.len();
        self.cells.extend(std::iter::repeat_n(Span { start: at, end: at, csv: false }, n));
    }

    pub fn end_row(&mut self) {
        self.ends.push(self.cells.len());
    }

    fn push_text(&mut self, text: &str, csv: bool) {
        let start = self.text.len();
        self.text.push_str(text);
        self.cells.push(Span { start, end: self.text.len(), csv });
    }

    /// The one row as many rows of one cell: some programs write the values of a batch on a single line.
    pub fn turn(&mut self) {
        self.ends.clear();
        self.ends.extend(1..=self.cells.len());
    }

    /// Appends CSV text, a row for each line.
    ///
    /// # Errors
    /// Quotes that do not work out.
    pub fn push_csv(&mut self, text: &str) -> Result<(), String> {
        if text.contains('"') {
            quotes::check(text)?;
            let mut reader =
                csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
            for record in reader.records() {
                let record = record.map_err(|error| format!("not CSV: {error}"))?;
                record.iter().for_each(|field| self.push_text(field, true));
                self.end_row();
            }
            return Ok(());
        }
        for line in text.lines() {
            if line.trim_ascii().is_empty() {
                continue;
            }
            line.split(',').for_each(|field| self.push_text(field, true));
            self.end_row();
        }
        Ok(())
    }

    /// Appends features: a list is one row, a list of lists is many.
    ///
    /// # Errors
    /// What was found instead, and in which row (from 1) when there are several.
    pub fn push_features(&mut self, json: &str, found: &Found) -> Result<(), NoFeatures> {
        if let Some(values) = found.row() {
            self.push_rows_of(json, values, &[values.len()]);
            return Ok(());
        }
        if let Some((values, ends)) = found.rows() {
            self.push_rows_of(json, values, ends);
            return Ok(());
        }
        let source = found.source(json);
        let mut spans = std::mem::take(&mut self.spans);
        let result = if found.is_nothing(json) {
            Err(NoFeatures { found: "nothing".into(), row: None })
        } else if !found.elements(json, &mut spans) {
            let found = found.value().map_or("", |span| shown(&source[span]));
            Err(NoFeatures { found: format!("`{found}`, not a list"), row: None })
        } else if are_rows(source, &spans) {
            spans.iter().enumerate().try_for_each(|(row, span)| {
                self.push_list(source, span.clone()).map_err(|found| NoFeatures { found, row: Some(row + 1) })
            })
        } else if let Some(list) = found.value() {
            self.push_values_of(source, list, &spans).map_err(|found| NoFeatures { found, row: None })
        } else {
            let cells = spans.iter().try_for_each(|span| self.push_plain(&source[span.clone()]));
            self.end_row();
            cells.map_err(|found| NoFeatures { found, row: None })
        };
        self.spans = spans;
        result
    }

    /// Appends the elements of the list at a span as one row.
    fn push_list(&mut self, source: &str, span: Range<usize>) -> Result<(), String> {
        let mut elements = Vec::new();
        if scan::is_null(&source[span.clone()]) {
            return Err("null instead of a list".into());
        }
        if !scan::split(source, span.clone(), &mut elements) {
            return Err(format!("`{}` among lists", shown(&source[span])));
        }
        elements.into_iter().try_for_each(|element| self.push_plain(&source[element]))?;
        self.end_row();
        Ok(())
    }

    /// Appends rows by their values, and for each row how many belong to it and those before it. The text is copied at once.
    fn push_rows_of(&mut self, source: &str, values: &[Range<usize>], ends: &[usize]) {
        let (before, behind) = (values.first().map_or(0, |first| first.start), self.text.len());
        self.text.push_str(&source[before..values.last().map_or(before, |last| last.end)]);
        let moved = |at: usize| at - before + behind;
        let n_cells = self.cells.len();
        self.cells.extend(values.iter().map(|value| Span {
            start: moved(value.start),
            end: moved(value.end),
            csv: false,
        }));
        self.ends.extend(ends.iter().map(|end| n_cells + end));
    }

    /// Appends the elements of a list as one row, whose text is copied at once.
    fn push_values_of(
        &mut self,
        source: &str,
        list: Range<usize>,
        elements: &[Range<usize>],
    ) -> Result<(), String> {
        let is_plain = |element: &&Range<usize>| !matches!(source.as_bytes()[element.start], b'[' | b'{');
        let plain = elements.iter().take_while(is_plain);
        let (before, behind) = (list.start, self.text.len());
        self.text.push_str(&source[list]);
        let moved = |at: usize| at - before + behind;
        self.cells.extend(plain.map(|element| Span {
            start: moved(element.start),
            end: moved(element.end),
            csv: false,
        }));
        self.end_row();
        let is_odd = |element: &&Range<usize>| !is_plain(element);
        match elements.iter().find(is_odd) {
            Some(element) => Err(format!("`{}` as a value", shown(&source[element.clone()]))),
            None => Ok(()),
        }
    }

    fn push_plain(&mut self, token: &str) -> Result<(), String> {
        if token.starts_with(['[', '{']) {
            return Err(format!("`{}` as a value", shown(token)));
        }
        self.push_text(token, false);
        Ok(())
    }

    /// Appends values: each element of a list is a row (of several cells when it is a list itself), and so
    /// is a value that is no list. A null is a row with a missing cell.
    pub fn push_values(&mut self, json: &str, found: &Found) {
        let source = found.source(json);
        let mut spans = std::mem::take(&mut self.spans);
        if found.elements(json, &mut spans) {
            for span in &spans {
                self.push_value(&source[span.clone()]);
            }
        } else if let Some(span) = found.value() {
            self.push_value(&source[span]);
        }
        self.spans = spans;
    }

    /// Appends what a JSON text is as a whole: each element of a list, or the value itself, is a row.
    pub fn push_whole(&mut self, json: &str) {
        let mut spans = Vec::new();
        if scan::split(json, 0..json.len(), &mut spans) {
            spans.into_iter().for_each(|span| self.push_value(&json[span]));
        } else {
            self.push_value(json);
        }
    }

    fn push_value(&mut self, value: &str) {
        let mut spans = Vec::new();
        if scan::split(value, 0..value.len(), &mut spans) {
            spans.into_iter().for_each(|span| self.push_text(&value[span], false));
        } else {
            self.push_text(value, false);
        }
        self.end_row();
    }
}

/// Why a text has no features.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoFeatures {
    pub found: String,
    /// The row, counted from 1, when the others have some.
    pub row: Option<usize>,
}

/// A value cut to a length that fits a message. Only for messages that stop the job or name a bad record.
fn shown(text: &str) -> &str {
    text.char_indices().nth(40).map_or(text, |(end, _)| &text[..end])
}

/// Whether the elements of a list are rows rather than values: one is a list, and of those that are something no more are
/// values, so that a message names what is odd.
fn are_rows(source: &str, elements: &[Range<usize>]) -> bool {
    let is_list =
        |element: &Range<usize>| source.as_bytes().get(element.start) == Some(&b'[') && !element.is_empty();
    if !elements.iter().any(is_list) {
        return false;
    }
    let something = elements.iter().filter(|element| !scan::is_null(&source[(*element).clone()]));
    let (lists, values): (Vec<_>, Vec<_>) = something.partition(|element| is_list(element));
    lists.len() >= values.len()
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::values::path::{Finds, Paths};

    pub(crate) fn rows(grid: &Grid) -> Vec<Vec<Raw<'_>>> {
        (0..grid.n_rows()).map(|row| grid.row(row).collect()).collect()
    }

    #[test]
    fn csv_payloads_are_rows_of_fields() {
        let mut grid = Grid::default();
        grid.push_csv("1,x\r\n\n,3\n").unwrap();
        assert_eq!(rows(&grid), [[Raw::Csv("1"), Raw::Csv("x")], [Raw::Csv(""), Raw::Csv("3")]]);
        grid.clear();
        grid.push_csv("\"a,b\",\"c\"\"d\"\n").unwrap();
        assert_eq!(rows(&grid), [[Raw::Csv("a,b"), Raw::Csv("c\"d")]]);
        grid.clear();
        grid.push_csv("0.1,0.2").unwrap();
        grid.turn();
        assert_eq!(rows(&grid), [[Raw::Csv("0.1")], [Raw::Csv("0.2")]]);
    }

    #[test]
    fn features_are_one_row_or_a_list_of_rows() {
        let json = r#"{"one":[1,"a",null,NaN],"many":[[1,2],[3,4]],"each":[{"f":[5]},{"f":[6]}],"bad":[[1],2],"deep":[[[1]]],"no":3,
            "gap":[{"f":[5]},{"f":null}],"first":[{},{"f":[6]}],"empty":[],"nulls":[{},{}]}"#;
        let check = |json: &str, path: &str, expected: Result<Vec<Vec<Raw<'_>>>, (&str, Option<usize>)>| {
            let mut found = Vec::new();
            Paths::compile(&[("features", path)]).unwrap().find(json, &mut found).unwrap();
            let mut grid = Grid::default();
            match (grid.push_features(json, &found[0]), expected) {
                (Ok(()), Ok(expected)) => assert_eq!(rows(&grid), expected),
                (Err(fault), Err((part, row))) => {
                    assert!(fault.found.contains(part) && fault.row == row, "{path}: {fault:?}");
                }
                (found, _) => panic!("{path}: {found:?}"),
            }
        };
        use Raw::Json;
        check(json, "one", Ok(vec![vec![Json("1"), Json("\"a\""), Json("null"), Json("NaN")]]));
        check(json, "many", Ok(vec![vec![Json("1"), Json("2")], vec![Json("3"), Json("4")]]));
        check(json, "each[*].f", Ok(vec![vec![Json("5")], vec![Json("6")]]));
        check(json, "reverse(many)", Ok(vec![vec![Json("3"), Json("4")], vec![Json("1"), Json("2")]]));
        check(json, "empty", Ok(vec![vec![]]));
        check(json, "bad", Err(("among lists", Some(2))));
        check(json, "gap[*].f", Err(("null", Some(2))));
        check(json, "first[].f", Err(("null", Some(1))));
        check(json, "nulls[*].f", Err(("nothing", None)));
        check(json, "deep", Err(("as a value", Some(1))));
        check("{\"f\":[0,[1],5.5,\"a\"]}", "f", Err(("`[1]` as a value", None)));
        check(json, "no", Err(("not a list", None)));
        check(json, "absent", Err(("nothing", None)));
        // The list is the document: a record without features is named, not another one quoted.
        for (records, row) in [
            (r#"[{"f":[1,2]},{"f":null}]"#, 2),
            (r#"[{"f":[1,2]},{}]"#, 2),
            (r#"[{"f":null},{"f":[1,2]}]"#, 1),
            (r#"[{},{"f":[1,2]}]"#, 1),
        ] {
            check(records, "[*].f", Err(("null instead of a list", Some(row))));
        }
    }

    fn documents() -> impl Strategy<Value = (String, String)> {
        let cell = prop_oneof![
            8 => prop_oneof![Just("1"), Just("-2.5"), Just("\"é\\\"\""), Just("1e9")],
            1 => prop_oneof![Just("null"), Just("true"), Just("[1]"), Just("{}"), Just("[]")],
        ];
        let row = (prop::collection::vec(cell, 0..4), 0..20_u8).prop_map(|(cells, odd)| match odd {
            0 => "null".to_string(),
            1 => "5".into(),
            _ => format!("[{}]", cells.join(", ")),
        });
        (prop::collection::vec(row, 0..4), 0..4_u8).prop_map(|(rows, form)| match form {
            0 => (format!("{{\"f\" : [{}]}}", rows.join(" ,")), "f".into()),
            1 => (format!("[{}]", rows.join(",")), "@".into()),
            2 => {
                let rows: Vec<String> =
                    rows.iter().map(|row| format!("{{\"more\":[7],\"f\":{row}}}")).collect();
                (format!("{{\"x\":[{}]}}", rows.join(",")), "x[*].f".into())
            }
            _ => (format!("{{\"f\":{}}}", rows.first().map_or("7", String::as_str)), "f".into()),
        })
    }

    proptest! {
        /// What is known by an earlier text has the rows that a look at the text finds.
        #[test]
        fn features_of_texts_that_are_alike_are_those_of_each(
            (json, path) in documents(),
            numbers in prop::collection::vec(prop_oneof![Just("33"), Just("\"x\""), Just("0")], 1..5),
        ) {
            let paths = Paths::compile(&[("features", &path)]).unwrap();
            let mut finds = Finds::default();
            for number in numbers {
                let json = json.replace("-2.5", number);
                let mut found = Vec::new();
                paths.find(&json, &mut found).unwrap();
                finds.find(&paths, &json).unwrap();
                let [walked, known] = [&found[0], &finds[0]].map(|found| {
                    let mut grid = Grid::default();
                    grid.push(Raw::Csv("before"));
                    grid.end_row();
                    let pushed = grid.push_features(&json, found);
                    pushed.map(|()| rows(&grid).iter().map(|row| format!("{row:?}")).collect::<Vec<_>>())
                });
                prop_assert_eq!(known, walked, "{}", json);
            }
        }
    }
}
