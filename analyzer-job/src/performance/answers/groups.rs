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

const GROUPS: &str = "segment_attributes";

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
        let attribute = Attribute::new(GROUPS, text);
        let path = match attribute.position {
            None => Some(Paths::compile(&[(GROUPS, &attribute.text)])?),
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
        (GROUPS.to_string(), self.attribute.text.clone(), self.seen)
    }

    /// Reads the column's value of each row of a request.
    pub(super) fn read(
        &mut self,
        text: &str,
        kind: ContentType,
        scratch: &mut Grid,
        found: &mut Vec<Found>,
    ) -> std::result::Result<(), String> {
        let nothing = |attribute: &Attribute| {
            format!("nothing found by `{}` = `{}`", attribute.setting, attribute.text)
        };
        self.grid.clear();
        if kind == ContentType::Csv && self.path.is_some() {
            return Err(format!(
                "the payload is CSV, and `{}` is `{}`, no position",
                self.attribute.setting, self.attribute.text
            ));
        }
        if let Some(path) = &self.path {
            for document in payload::documents(text, kind) {
                let before = self.grid.n_rows();
                path.find(document, found).map_err(|error| format!("not JSON: {error}"))?;
                self.grid.push_values(document, &found[0]);
                if self.grid.n_rows() == before {
                    return Err(nothing(&self.attribute));
                }
            }
        } else {
            scratch.clear();
            match kind {
                ContentType::Csv => scratch.push_csv(text)?,
                _ => payload::documents(text, kind).for_each(|document| scratch.push_whole(document.trim())),
            }
            for row in 0..scratch.n_rows() {
                match scratch.cell(row, self.attribute.position.unwrap_or_default()) {
                    Raw::Missing => return Err(nothing(&self.attribute)),
                    cell => self.grid.push(cell),
                }
                self.grid.end_row();
            }
        }
        self.seen |= self.grid.n_rows() > 0;
        Ok(())
    }
}
