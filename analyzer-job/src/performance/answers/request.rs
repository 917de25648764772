//! The rows of a request, which answers and labels are held against.

use plumbline_common::record::Payload;

use super::count;
use crate::config::ContentType;
use crate::read::captured::place;
use crate::read::grid::Grid;
use crate::read::headed::Headed;
use crate::read::payload;
use crate::read::shown::{FirstLine, RequestForms, RequestLines, RequestRule};
use crate::values::path::{Found, Paths};
use crate::values::raw::Raw;
use crate::values::typing;

/// Counts rows as a monitor does that reads features.
pub(super) struct Request {
    /// Of the features in JSON; none where the setting is no path, which only matters to those that read features.
    features: Option<Paths>,
    /// Of its columns in CSV.
    names: Headed,
    /// The request at hand has a header row of these names.
    pub(super) is_headed: bool,
    rows: Grid,
    scratch: Grid,
    found: Vec<Found>,
    pub(super) rule: RequestRule,
    pub(super) shown: RequestForms,
}

impl Request {
    pub(super) fn new(features: Option<&str>, names: &Headed) -> Request {
        Request {
            features: place("features_attribute", features.unwrap_or("@")).ok(),
            names: names.clone(),
            is_headed: false,
            rows: Grid::default(),
            scratch: Grid::default(),
            found: Vec::new(),
            rule: RequestRule::default(),
            shown: RequestForms::default(),
        }
    }

    /// Whether a request may have `n` answers and as many labels, as far as its rows can be counted.
    ///
    /// # Errors
    /// The numbers of both.
    pub(super) fn fits(&mut self, input: &Payload<'_>, n: usize) -> Result<(), String> {
        if self.read(input).is_none() {
            return Ok(());
        }
        let request =
            RequestLines { lines: self.rows.n_rows(), answers: n, first: first_line(&self.rows, n) };
        self.shown.add(&request);
        if self.rule.allows(&request) {
            return Ok(());
        }
        let rows = self.rule.rows(&request);
        let behind = if rows < request.lines { " below a header row" } else { "" };
        Err(format!("{}{behind}, {}, {}", count(rows, "input row"), count(n, "answer"), count(n, "label")))
    }

    /// Takes header rows out of the lines of a request in CSV that has `n` answers.
    pub(super) fn take_headers_out(&mut self, lines: &mut Grid, n: usize, scratch: &mut Grid) {
        self.is_headed |= self.names.take_out(lines, 0, scratch) > 0;
        if !self.rule.is_header(first_line(lines, n).as_ref()) {
            return;
        }
        scratch.clear();
        for line in 1..lines.n_rows() {
            lines.row(line).for_each(|cell| scratch.push(cell));
            scratch.end_row();
        }
        std::mem::swap(lines, scratch);
    }

    /// Reads the rows; none where they cannot be told.
    fn read(&mut self, input: &Payload<'_>) -> Option<()> {
        self.rows.clear();
        let (text, kind) = payload::text(input).ok()?;
        let kind = payload::kind_of_rows(kind, &text);
        if kind == ContentType::Csv {
            self.rows.push_csv(&text).ok().filter(|()| payload::is_csv(input))?;
            self.is_headed = self.names.take_out(&mut self.rows, 0, &mut self.scratch) > 0;
            return Some(());
        }
        let features = self.features.as_ref()?;
        payload::documents(&text, kind).try_for_each(|document| {
            features.find(document, &mut self.found).ok()?;
            match self.found[0].contradiction() {
                None => self.rows.push_features(document, &self.found[0]).ok(),
                Some(_) => None,
            }
        })
    }
}

/// The first line of CSV beside `n` answers, where it may be a header row: it has texts and no numbers, or numbers its cells. Two
/// such numbers are likely to be data where they have an answer.
fn first_line(lines: &Grid, n: usize) -> Option<FirstLine> {
    if lines.n_rows() == 0 {
        return None;
    }
    let cells = || lines.row(0).map(|cell| if let Raw::Csv(text) = cell { text.trim() } else { "" });
    let is_named = !cells().any(typing::is_number) && cells().any(|cell| !cell.is_empty());
    let may_count = match lines.width(0) {
        0 | 1 => false,
        2 => lines.n_rows() == n + 1,
        _ => true,
    };
    let is_counted = || may_count && cells().enumerate().all(|(at, cell)| cell == at.to_string());
    (is_named || is_counted()).then(|| FirstLine::of(cells()))
}
