//! The rows of a request, which answers and labels are held against.

use plumbline_common::record::Payload;

use super::count;
use crate::config::ContentType;
use crate::read::captured::place;
use crate::read::grid::Grid;
use crate::read::payload;
use crate::read::shown::{OddRequest, RequestForms, RequestRule};
use crate::values::path::{Found, Paths};
use crate::values::raw::Raw;
use crate::values::typing;

/// Counts rows as a monitor does that reads features.
pub(super) struct Request {
    /// Of the features in JSON; none where the setting is no path, which only matters to those that read features.
    features: Option<Paths>,
    rows: Grid,
    found: Vec<Found>,
    pub(super) rule: RequestRule,
    pub(super) shown: RequestForms,
}

impl Request {
    pub(super) fn new(features: Option<&str>) -> Request {
        Request {
            features: place("features_attribute", features.unwrap_or("@")).ok(),
            rows: Grid::default(),
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
        let rows = self.rows.n_rows();
        if rows == n {
            self.shown.add_whole();
            return Ok(());
        }
        let first_row = (rows == n + 1).then(|| first_row(&self.rows)).flatten();
        let odd = OddRequest { single: rows == 1 || n == 1, first_row };
        self.shown.add_odd(&odd);
        match self.rule.allows(&odd) {
            true => Ok(()),
            false => {
                Err(format!("{}, {}, {}", count(rows, "input row"), count(n, "answer"), count(n, "label")))
            }
        }
    }

    /// Reads the rows; none where they cannot be told.
    fn read(&mut self, input: &Payload<'_>) -> Option<()> {
        self.rows.clear();
        let (text, kind) = payload::text(input).ok()?;
        let kind = payload::kind_of_rows(kind, &text);
        if kind == ContentType::Csv {
            return self.rows.push_csv(&text).ok().filter(|()| payload::is_csv(input));
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

/// The first row of CSV where it may be a header row: it has texts and no numbers, or numbers its cells.
fn first_row(rows: &Grid) -> Option<String> {
    let text = |cell| if let Raw::Csv(text) = cell { text.trim() } else { "" };
    let cells: Vec<&str> = rows.row(0).map(text).collect();
    let is_named =
        cells.iter().any(|cell| !cell.is_empty()) && !cells.iter().any(|cell| typing::is_number(cell));
    let is_counted = cells.len() > 1 && cells.iter().enumerate().all(|(at, cell)| *cell == at.to_string());
    (is_named || is_counted).then(|| cells.join(","))
}
