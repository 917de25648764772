//! Where the columns stand in lines that are told by their commas.

use std::ops::Range;

use super::commas::{Cut, Pattern, Place};
use super::gather::Gather;
use crate::values::alike::Sample;
use crate::values::raw::Raw;

/// Patterns that are kept: lines have nulls in several places, say.
const MOST_KNOWN: usize = 16;

/// Patterns of lines that were read, and where the cells stand in them.
#[derive(Default)]
pub(super) struct Patterns {
    known: Vec<Known>,
    /// The one that fitted last.
    last: usize,
}

struct Known {
    pattern: Pattern,
    cells: Vec<(usize, Cell)>,
}

/// A cell of a line.
enum Cell {
    Value(Place),
    /// The same in all lines.
    Same(String),
    Missing,
}

impl Patterns {
    /// Counts a line that is like an earlier one; false for another one.
    pub(super) fn count(&mut self, line: &Cut<'_>, gather: &mut Gather) -> bool {
        let (before, from) = self.known.split_at(self.last);
        let Some(at) = from.iter().chain(before).position(|known| known.pattern.fits(line)) else {
            return false;
        };
        self.last = (self.last + at) % self.known.len();
        for (column, cell) in &self.known[self.last].cells {
            let raw = match cell {
                Cell::Value(place) => Raw::Json(line.value(*place)),
                Cell::Same(text) => Raw::Json(text),
                Cell::Missing => Raw::Missing,
            };
            gather.set(*column, raw);
        }
        gather.finish_row();
        true
    }

    /// Learns from a line, which is JSON. `cells`: the columns and where each stands in it, if it is there.
    pub(super) fn learn(&mut self, line: &str, cells: impl Iterator<Item = (usize, Option<Range<usize>>)>) {
        if self.known.len() < MOST_KNOWN
            && let Some(known) = Known::of(line, cells)
        {
            self.last = self.known.len();
            self.known.push(known);
        }
    }
}

impl Known {
    fn of(line: &str, cells: impl Iterator<Item = (usize, Option<Range<usize>>)>) -> Option<Known> {
        let sample = Sample::of(line, |_| false);
        let values = sample.values();
        let pattern = Pattern::of(line, values)?;
        let cell = |span: Option<Range<usize>>| {
            let Some(span) = span else { return Some(Cell::Missing) };
            if let Some(number) = sample.value(&span) {
                return pattern.place(number).map(Cell::Value);
            }
            let has_values = values.iter().any(|value| span.start <= value.start && value.end <= span.end);
            (!has_values).then(|| Cell::Same(line[span].into()))
        };
        let cells = cells.map(|(column, span)| Some((column, cell(span)?))).collect::<Option<_>>()?;
        Some(Known { pattern, cells })
    }
}
