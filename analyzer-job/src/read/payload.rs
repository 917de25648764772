//! What a request, a response or a ground-truth record holds: payload text to rows of cells, and the rule
//! that makes a predicted label of a model's answer. Pure functions; the caller knows files and lines.

use std::borrow::Cow;
use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use plumbline_common::record::{Encoding, Payload};

use crate::values::path::{self, Found};
use crate::values::raw::Raw;
use crate::values::typing::{self, Cell};

/// How a payload is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syntax {
    Csv,
    JsonLines,
    Json,
}

impl Syntax {
    /// For people and for the content type of requests.
    pub fn mime(self) -> &'static str {
        match self {
            Syntax::Csv => "text/csv",
            Syntax::JsonLines => "application/jsonlines",
            Syntax::Json => "application/json",
        }
    }
}

/// The text of a payload and how it is written. BASE64 is decoded; the content type tells the syntax,
/// else the encoding, else the text itself.
///
/// # Errors
/// Why the payload cannot be used.
pub fn text<'a>(payload: &'a Payload<'_>) -> Result<(Cow<'a, str>, Syntax), String> {
    let Some(data) = &payload.data else { return Err("`data` is missing".into()) };
    let text = data.as_text();
    let text = if payload.encoding == Some(Encoding::Base64) {
        let bytes =
            STANDARD.decode(text.trim_ascii()).map_err(|error| format!("`data` is not BASE64: {error}"))?;
        Cow::Owned(String::from_utf8(bytes).map_err(|_| "`data` is not UTF-8 text".to_string())?)
    } else {
        text
    };
    let syntax = syntax(payload.observed_content_type.as_deref(), payload.encoding, &text);
    Ok((text, syntax))
}

/// How a text is written, from its content type (parameters such as `charset` aside), its encoding tag, or
/// its look.
pub fn syntax(content_type: Option<&str>, encoding: Option<Encoding>, text: &str) -> Syntax {
    let kind =
        content_type.and_then(|kind| kind.split(';').next()).map(|kind| kind.trim().to_ascii_lowercase());
    match kind.as_deref() {
        Some("text/csv" | "application/csv") => return Syntax::Csv,
        Some(
            "application/jsonlines"
            | "application/x-jsonlines"
            | "application/jsonl"
            | "application/x-ndjson",
        ) => {
            return Syntax::JsonLines;
        }
        Some("application/json") => return Syntax::Json,
        _ => {}
    }
    match encoding {
        Some(Encoding::Csv) => Syntax::Csv,
        Some(Encoding::Json) => json_or_lines(text),
        _ if text.trim_ascii_start().starts_with(['{', '[', '"']) => json_or_lines(text),
        _ => Syntax::Csv,
    }
}

/// One document, or one for each line: told by whether the first line is a document while more follow.
fn json_or_lines(text: &str) -> Syntax {
    let text = text.trim_ascii();
    match text.split_once('\n') {
        Some((first, _)) if serde_json::from_str::<serde::de::IgnoredAny>(first).is_ok() => Syntax::JsonLines,
        _ => Syntax::Json,
    }
}

/// Rows of cells, reused from payload to payload.
#[derive(Debug, Default)]
pub struct Grid {
    text: String,
    cells: Vec<Range<usize>>,
    /// End of each row in `cells`.
    ends: Vec<usize>,
    csv: bool,
    spans: Vec<Range<usize>>,
}

impl Grid {
    pub fn clear(&mut self) {
        self.text.clear();
        self.cells.clear();
        self.ends.clear();
        self.csv = false;
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

    pub fn cell(&self, row: usize, at: usize) -> Raw<'_> {
        let bounds = self.bounds(row);
        match self.cells[bounds].get(at) {
            Some(span) if self.csv => Raw::Csv(&self.text[span.clone()]),
            Some(span) => Raw::Json(&self.text[span.clone()]),
            None => Raw::Missing,
        }
    }

    /// The one row as many rows of one cell: some models answer a batch on a single line.
    pub fn turn(&mut self) {
        self.ends.clear();
        self.ends.extend(1..=self.cells.len());
    }

    fn bounds(&self, row: usize) -> Range<usize> {
        let start = row.checked_sub(1).map_or(0, |before| self.ends[before]);
        start..self.ends[row]
    }

    /// Appends CSV text, a row for each line.
    ///
    /// # Errors
    /// Quotes that do not end.
    pub fn push_csv(&mut self, text: &str) -> Result<(), String> {
        self.csv = true;
        if text.contains('"') {
            let mut reader =
                csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
            for record in reader.records() {
                let record = record.map_err(|error| format!("not CSV: {error}"))?;
                for field in &record {
                    self.push_text(field);
                }
                self.ends.push(self.cells.len());
            }
            return Ok(());
        }
        for line in text.lines() {
            let line = line.trim_ascii_end();
            if line.is_empty() {
                continue;
            }
            line.split(',').for_each(|field| self.push_text(field));
            self.ends.push(self.cells.len());
        }
        Ok(())
    }

    /// Appends features: a list is one row, a list of lists is many.
    ///
    /// # Errors
    /// What was found instead.
    pub fn push_features(&mut self, json: &str, found: &Found) -> Result<(), String> {
        let source = found.source(json);
        let mut spans = std::mem::take(&mut self.spans);
        let listed = found.elements(json, &mut spans);
        let result = if !listed {
            Err(found
                .value()
                .map_or("nothing".into(), |span| format!("`{}`, not a list", shown(&source[span]))))
        } else if spans.first().is_some_and(|span| source[span.clone()].starts_with('[')) {
            spans.iter().try_for_each(|row| {
                let first = self.cells.len();
                let mut cells = std::mem::take(&mut self.cells);
                let base = self.text.len();
                let inner = path::split(source, row.clone(), &mut cells);
                self.text.push_str(&source[row.clone()]);
                for cell in &mut cells[first..] {
                    *cell = cell.start - row.start + base..cell.end - row.start + base;
                }
                self.cells = cells;
                self.ends.push(self.cells.len());
                if inner { Ok(()) } else { Err(format!("`{}` among lists", shown(&source[row.clone()]))) }
            })
        } else {
            spans.iter().for_each(|cell| self.push_text(&source[cell.clone()]));
            self.ends.push(self.cells.len());
            Ok(())
        };
        self.spans = spans;
        result?;
        match self.cells.iter().map(|cell| &self.text[cell.clone()]).find(|cell| cell.starts_with(['[', '{']))
        {
            Some(cell) => Err(format!("`{}` as a value", shown(cell))),
            None => Ok(()),
        }
    }

    /// Appends values: each element of a list is a row (of several cells when it is a list itself), and so
    /// is a value that is no list.
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

    /// Appends one row from a value: its elements when it is a list, else itself.
    pub fn push_row(&mut self, json: &str, found: &Found) {
        let source = found.source(json);
        let mut spans = std::mem::take(&mut self.spans);
        if found.elements(json, &mut spans) {
            spans.iter().for_each(|span| self.push_text(&source[span.clone()]));
            self.ends.push(self.cells.len());
        } else if let Some(span) = found.value() {
            self.push_text(&source[span]);
            self.ends.push(self.cells.len());
        }
        self.spans = spans;
    }

    /// Appends what a JSON text is as a whole: each element of a list, or the value itself, is a row.
    pub fn push_whole(&mut self, json: &str) {
        let mut spans = Vec::new();
        if path::split(json, 0..json.len(), &mut spans) {
            spans.into_iter().for_each(|span| self.push_value(&json[span]));
        } else {
            self.push_value(json);
        }
    }

    /// Appends one row of CSV cells.
    pub fn push_raw_row<'a>(&mut self, cells: impl Iterator<Item = Raw<'a>>) {
        self.csv = true;
        for cell in cells {
            if let Raw::Csv(text) = cell {
                self.push_text(text);
            }
        }
        self.ends.push(self.cells.len());
    }

    fn push_value(&mut self, value: &str) {
        let mut spans = Vec::new();
        if value.starts_with('[') && path::split(value, 0..value.len(), &mut spans) {
            spans.into_iter().for_each(|span| self.push_text(&value[span]));
        } else {
            self.push_text(value);
        }
        self.ends.push(self.cells.len());
    }

    fn push_text(&mut self, text: &str) {
        let start = self.text.len();
        self.text.push_str(text);
        self.cells.push(start..self.text.len());
    }
}

/// A value cut to a length that fits a message. Only for messages that stop the job or name a bad record.
fn shown(text: &str) -> &str {
    text.char_indices().nth(40).map_or(text, |(end, _)| &text[..end])
}

/// A predicted label made from a model's answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Predicted<'a> {
    /// The model's own label.
    Label(Raw<'a>),
    /// Number of the label header with the highest score.
    Header(usize),
    /// A score against the threshold: 1 when strictly greater, else 0.
    Score(bool),
}

/// Decides the predicted label of one row.
///
/// `labels` and `scores` are the cells found by the locations of label and probability (or the whole answer
/// where neither is given); `n_headers` is the number of label headers. In this order: a single label is
/// the prediction; of several labels, the one with the highest score; of several scores, the header of the
/// highest; a single score is held against `threshold`. Equal scores: the first wins.
///
/// # Errors
/// Why the answer gives no label.
pub fn predicted<'a>(
    labels: &[Raw<'a>],
    scores: &[Raw<'_>],
    n_headers: usize,
    threshold: f64,
) -> Result<Predicted<'a>, String> {
    match (labels, scores) {
        ([label], _) => return Ok(Predicted::Label(*label)),
        ([], []) => return Err("no prediction".into()),
        ([], [score]) => return Ok(Predicted::Score(number(*score)? > threshold)),
        ([_, ..], []) => return Err(format!("{} labels and no scores to choose by", labels.len())),
        _ => {}
    }
    let mut highest = (0, number(scores[0])?);
    for (index, score) in scores.iter().enumerate().skip(1) {
        let score = number(*score)?;
        if score > highest.1 {
            highest = (index, score);
        }
    }
    if labels.is_empty() {
        if n_headers == scores.len() {
            return Ok(Predicted::Header(highest.0));
        }
        return Err(format!("{} scores and {n_headers} label headers", scores.len()));
    }
    if labels.len() != scores.len() {
        return Err(format!("{} labels and {} scores", labels.len(), scores.len()));
    }
    Ok(Predicted::Label(labels[highest.0]))
}

fn number(raw: Raw<'_>) -> Result<f64, String> {
    match typing::parse(raw) {
        Cell::Int(value) => Ok(value as f64),
        Cell::Float(value) => Ok(value),
        // A score may come as text.
        Cell::Text(text) => {
            text.trim().parse().map_err(|_| format!("Could not convert string to float: `{}`", shown(&text)))
        }
        _ => Err("a score that is no number".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::path::Paths;

    fn rows(grid: &Grid) -> Vec<Vec<Raw<'_>>> {
        (0..grid.n_rows()).map(|row| (0..grid.width(row)).map(|at| grid.cell(row, at)).collect()).collect()
    }

    #[test]
    fn syntax_comes_from_content_type_then_encoding_then_the_text() {
        use Syntax::*;
        for (content_type, encoding, text, expected) in [
            (Some("text/csv; charset=utf-8"), Some(Encoding::Base64), "{}", Csv),
            (Some("Application/JSONLines"), Some(Encoding::Json), "{}", JsonLines),
            (Some("text/html"), Some(Encoding::Base64), "0.1", Csv),
            (Some("text/html"), Some(Encoding::Base64), " {\"a\":1}", Json),
            (None, Some(Encoding::Json), "{\"a\":1}\n{\"a\":2}\n", JsonLines),
            (None, Some(Encoding::Json), "{\n\"a\":1}\n", Json),
            (None, Some(Encoding::Csv), "1,2", Csv),
            (None, None, "[1,2]", Json),
        ] {
            assert_eq!(syntax(content_type, encoding, text), expected, "{content_type:?} {text}");
        }
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
        let json = r#"{"one":[1,"a"],"many":[[1,2],[3,4]],"each":[{"f":[5]},{"f":[6]}],"bad":[[1],2],"deep":[[[1]]],"no":3}"#;
        let check = |path: &str, expected: Result<Vec<Vec<Raw<'_>>>, &str>| {
            let mut found = Vec::new();
            Paths::compile(&[("features", path)]).unwrap().find(json, &mut found).unwrap();
            let mut grid = Grid::default();
            match (grid.push_features(json, &found[0]), expected) {
                (Ok(()), Ok(expected)) => assert_eq!(rows(&grid), expected),
                (Err(text), Err(part)) => assert!(text.contains(part), "{text}"),
                (found, _) => panic!("{path}: {found:?}"),
            }
        };
        use Raw::Json;
        check("one", Ok(vec![vec![Json("1"), Json("\"a\"")]]));
        check("many", Ok(vec![vec![Json("1"), Json("2")], vec![Json("3"), Json("4")]]));
        check("each[*].f", Ok(vec![vec![Json("5")], vec![Json("6")]]));
        check("reverse(many)", Ok(vec![vec![Json("3"), Json("4")], vec![Json("1"), Json("2")]]));
        check("bad", Err("among lists"));
        check("deep", Err("as a value"));
        check("no", Err("not a list"));
        check("absent", Err("nothing"));
    }

    #[test]
    fn the_predicted_label_follows_the_documented_order() {
        use Raw::{Csv, Json};
        let check = |labels: &[Raw<'static>], scores: &[Raw<'static>], n_headers, expected| {
            assert_eq!(predicted(labels, scores, n_headers, 0.5).ok(), expected);
        };
        check(&[Json("\"yes\"")], &[], 0, Some(Predicted::Label(Json("\"yes\""))));
        check(&[Json("1")], &[Json("0.1")], 0, Some(Predicted::Label(Json("1"))));
        let labels = [Json("\"a\""), Json("\"b\""), Json("\"c\"")];
        let scores = [Csv("0.2"), Csv("0.4"), Csv("0.4")];
        check(&labels, &scores, 0, Some(Predicted::Label(Json("\"b\""))));
        check(&labels, &scores[..2], 0, None);
        check(&labels, &[], 0, None);
        check(&[], &scores, 3, Some(Predicted::Header(1)));
        check(&[], &scores, 0, None);
        check(&[], &[Csv("0.5")], 0, Some(Predicted::Score(false)));
        check(&[], &[Csv("0.50000001")], 1, Some(Predicted::Score(true)));
        check(&[], &[Csv("high")], 0, None);
        check(&[], &[], 0, None);
    }
}
