//! Columns of a request that rows are grouped by.

use std::borrow::Cow;

use plumbline_common::Result;

use crate::config::ContentType;
use crate::read::grid::Grid;
use crate::read::payload;
use crate::values::path::{Found, Paths};
use crate::values::raw::Raw;

use super::attribute::Attribute;
use super::cells::text;

/// The setting that names them.
pub const SEGMENTS: &str = "segment_attributes";

/// Columns of the request that rows are grouped by.
pub(super) struct Group {
    attribute: Attribute,
    /// None for a position.
    path: Option<Paths>,
    grid: Grid,
    seen: bool,
}

impl Group {
    /// # Errors
    /// `PATH_INVALID` for a text that is neither a position nor a JMESPath.
    pub(super) fn new(text: &str) -> Result<Group> {
        let attribute = Attribute::new(SEGMENTS, text);
        let path = match attribute.position {
            None => Some(Paths::compile(&[(SEGMENTS, &attribute.text)])?),
            Some(_) => None,
        };
        Ok(Group { attribute, path, grid: Grid::default(), seen: false })
    }

    /// Rows of the request that was read last.
    pub(super) fn n_rows(&self) -> usize {
        self.grid.n_rows()
    }

    /// The value of a row; none when it is missing.
    pub(super) fn value(&self, row: usize) -> Option<Cow<'_, str>> {
        text(self.grid.cell(row, 0)).ok().flatten()
    }

    /// Setting and text of its place, and whether some request had it.
    pub(super) fn sought(&self) -> (String, String, bool) {
        (SEGMENTS.to_string(), self.attribute.text.clone(), self.seen)
    }

    /// Whether it is a place in rows of CSV.
    pub(super) fn is_position(&self) -> bool {
        self.path.is_none()
    }

    /// Reads the column's value of each of `rows` rows of a request. Where a request has none, the value is missing. `lines`: the
    /// rows of a request in CSV, else a grid to work in.
    ///
    /// # Errors
    /// The request cannot be read.
    pub(super) fn read(
        &mut self,
        text: &str,
        kind: ContentType,
        rows: usize,
        lines: &mut Grid,
        found: &mut Vec<Found>,
    ) -> std::result::Result<(), String> {
        self.grid.clear();
        if let Some(path) = &self.path {
            // Fields of CSV have no names.
            if kind == ContentType::Csv {
                missing(&mut self.grid, rows);
                return Ok(());
            }
            let single = payload::documents(text, kind).nth(1).is_none();
            for document in payload::documents(text, kind) {
                let before = self.grid.n_rows();
                path.find(document, found).map_err(|error| format!("not JSON: {error}"))?;
                self.grid.push_values(document, &found[0]);
                match self.grid.n_rows() == before {
                    true => missing(&mut self.grid, if single { rows } else { 1 }),
                    false => self.seen |= !found[0].is_nothing(document),
                }
            }
        } else {
            if kind != ContentType::Csv {
                lines.clear();
                payload::documents(text, kind).for_each(|document| lines.push_whole(document.trim()));
            }
            for row in 0..lines.n_rows() {
                let cell = lines.cell(row, self.attribute.position.unwrap_or_default());
                self.seen |= !matches!(cell, Raw::Missing);
                self.grid.push(cell);
                self.grid.end_row();
            }
        }
        Ok(())
    }

    /// A request that was not captured: no row has a value.
    pub(super) fn without_request(&mut self, rows: usize) {
        self.grid.clear();
        missing(&mut self.grid, rows);
    }
}

/// Appends rows whose value is missing.
fn missing(grid: &mut Grid, rows: usize) {
    for _ in 0..rows {
        grid.push(Raw::Missing);
        grid.end_row();
    }
}
