//! What a path finds in a text.

use std::ops::{Deref, Range};

use super::Paths;
use crate::values::alike::{Alike, Moved, Sample, Spans};
use crate::values::names::Contradiction;
use crate::values::query::Order;
use crate::values::scan::{self, Scanned};

/// What a path found in a text; reused from text to text.
#[derive(Debug, Clone, Default)]
pub struct Found {
    pub(super) shape: Shape,
    /// An empty span is a null.
    pub(super) spans: Vec<Range<usize>>,
    /// The elements of a single value, where it is known to be a list.
    pub(super) elements: Vec<Range<usize>>,
    pub(super) is_list: bool,
    /// Text of a result that does not stand in the input as such.
    made: Option<String>,
    contradiction: Option<Contradiction>,
    /// In which the values of objects were taken.
    order: Order,
    rows: Rows,
}

/// The values of a list of lists of plain values; nothing where these are not known.
#[derive(Debug, Clone, Default)]
struct Rows {
    values: Vec<Range<usize>>,
    /// How many of the values belong to each list and those before it.
    ends: Vec<usize>,
    /// The elements are plain values, and so one row.
    is_row: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Shape {
    /// JMESPath's null.
    #[default]
    Nothing,
    /// One span.
    Value,
    /// A span for each element.
    List,
}

impl Found {
    /// Nothing at all: null, or a list of nothing but nulls.
    pub fn is_nothing(&self, json: &str) -> bool {
        match self.shape {
            Shape::Nothing => true,
            Shape::List => self.spans.iter().all(Range::is_empty) && !self.spans.is_empty(),
            Shape::Value if self.made.is_some() => {
                let mut elements = Vec::new();
                self.elements(json, &mut elements)
                    && !elements.is_empty()
                    && elements.iter().all(|span| scan::is_null(&self.source(json)[span.clone()]))
            }
            Shape::Value => false,
        }
    }

    /// Why nothing is found where an object contradicts the names of the columns.
    pub(crate) fn contradiction(&self) -> Option<&Contradiction> {
        self.contradiction.as_ref()
    }

    /// The text that the spans of this result point into; `json` is the text searched.
    pub fn source<'a>(&'a self, json: &'a str) -> &'a str {
        self.made.as_deref().unwrap_or(json)
    }

    /// The span of a single value; none for nothing and for a projected list.
    pub fn value(&self) -> Option<Range<usize>> {
        match self.shape {
            Shape::Value => self.spans.first().cloned(),
            _ => None,
        }
    }

    /// The elements when the result is a list, into `elements`, an empty span for a null that no token stands
    /// for; false when it is none.
    pub fn elements(&self, json: &str, elements: &mut Vec<Range<usize>>) -> bool {
        elements.clear();
        match self.shape {
            Shape::Nothing => false,
            Shape::List => {
                elements.extend_from_slice(&self.spans);
                true
            }
            Shape::Value if self.is_list => {
                elements.extend_from_slice(&self.elements);
                true
            }
            Shape::Value => {
                self.spans.first().is_some_and(|span| scan::split(self.source(json), span.clone(), elements))
            }
        }
    }

    /// Where it is known that the result is a list of lists of plain values, none of them a list that lacks: the values, and for
    /// each list how many of them belong to it and those before it. `elements` and `scan::split` find the same.
    pub(crate) fn rows(&self) -> Option<(&[Range<usize>], &[usize])> {
        (!self.rows.ends.is_empty()).then_some((&self.rows.values, &self.rows.ends))
    }

    /// Where it is known that the result is a list of plain values: these, as `elements` finds them.
    pub(crate) fn row(&self) -> Option<&[Range<usize>]> {
        self.rows.is_row.then_some(&self.elements)
    }

    /// The values of a list of plain values or of a list of such lists, and for each list how many of them belong to it and those
    /// before it; none for another result.
    pub(crate) fn plain_rows(&self, json: &str) -> Option<(Vec<Range<usize>>, Vec<usize>)> {
        if self.made.is_some() {
            return None;
        }
        if let Some(rows) = Rows::of(self, json) {
            return Some((rows.values, rows.ends));
        }
        let mut values = Vec::new();
        let is_plain =
            |value: &Range<usize>| !value.is_empty() && !matches!(json.as_bytes()[value.start], b'[' | b'{');
        let is_row = self.elements(json, &mut values) && values.iter().all(is_plain);
        let ends = vec![values.len()];
        is_row.then_some((values, ends))
    }

    /// Whether values of objects were taken.
    pub(crate) fn took_objects(&self) -> bool {
        self.order != Order::None
    }

    /// Whether the values of objects were taken in the same order as by another path, as far as it is another one than that of
    /// the text.
    pub(crate) fn moved_as(&self, other: &Found) -> bool {
        let moved = |found: &Found| match found.order {
            Order::Moved(order) => Some(order),
            Order::None | Order::AsWritten => None,
        };
        moved(self) == moved(other)
    }

    /// The parts of a text that the result is made of, where it is made of some.
    pub(crate) fn parts(&self, json: &str) -> Vec<Range<usize>> {
        let mut parts = Vec::new();
        match self.value() {
            Some(value) => parts.push(value),
            None => {
                let _is_list = self.elements(json, &mut parts);
            }
        }
        parts
    }

    pub(super) fn clear(&mut self) {
        self.rows.ends.clear();
        self.rows.is_row = false;
        self.shape = Shape::Nothing;
        self.spans.clear();
        self.is_list = false;
        self.made = None;
        self.contradiction = None;
        self.order = Order::None;
    }

    /// Takes what an expression gave; none for nothing.
    pub(super) fn make(&mut self, text: Option<String>, order: Order) {
        self.order = order;
        if let Some(text) = text {
            self.shape = Shape::Value;
            self.spans.push(0..text.len());
            self.made = Some(text);
        }
    }

    pub(super) fn contradict(&mut self, contradiction: Contradiction) {
        self.contradiction = Some(contradiction);
    }
}

/// What the same paths found in a text; reused from text to text, of which later ones are known by earlier ones.
#[derive(Debug, Default)]
pub struct Finds {
    found: Vec<Found>,
    alike: Alike<Vec<Known>>,
    /// The number of the paths that found it.
    paths: u64,
}

/// What a path found in an earlier text.
#[derive(Debug)]
struct Known {
    shape: Shape,
    spans: Spans,
    elements: Spans,
    is_list: bool,
    values: Spans,
    ends: Vec<usize>,
    is_row: bool,
}

impl Finds {
    /// As `Paths::find`.
    ///
    /// # Errors
    /// The text is not one JSON document.
    pub fn find(&mut self, paths: &Paths, json: &str) -> Scanned<()> {
        if !self.is_known(paths, json) {
            return self.walk(paths, json);
        }
        self.put();
        Ok(())
    }

    /// Whether a text is like an earlier one, so that `like` tells what is found in it.
    pub(crate) fn is_known(&mut self, paths: &Paths, json: &str) -> bool {
        if self.paths != paths.number {
            *self = Finds { paths: paths.number, ..Finds::default() };
        }
        self.alike.find(json).is_some()
    }

    /// What is found in the text that is known.
    pub(crate) fn like(&self) -> Option<Like<'_>> {
        self.alike.found().map(|(known, moved)| Like { known, moved })
    }

    /// Puts down what is found in the text that is known.
    pub(crate) fn put(&mut self) {
        let Some((known, moved)) = self.alike.found() else { return };
        known.iter().zip(&mut self.found).for_each(|(known, found)| known.put(moved, found));
    }

    /// As `find`, of a text that is not known.
    pub(crate) fn walk(&mut self, paths: &Paths, json: &str) -> Scanned<()> {
        paths.find(json, &mut self.found)?;
        // What an expression gives depends on the values.
        if paths.are_simple() && self.alike.may_learn(json) {
            let sample = Sample::of(json, |_| false);
            let known = self.found.iter().map(|found| Known::of(found, json, &sample)).collect();
            self.alike.learn(sample, known);
        }
        Ok(())
    }
}

/// What is found in a text that is like an earlier one.
pub(crate) struct Like<'a> {
    known: &'a [Known],
    moved: &'a Moved,
}

impl<'a> Like<'a> {
    /// As `Found::row`.
    pub(crate) fn row(&self, path: usize) -> Option<Row<'a>> {
        let Known { elements, is_row, .. } = &self.known[path];
        is_row.then_some(Row { spans: elements, moved: self.moved })
    }

    /// As `Found::value`, and `Some(None)` where the path finds nothing.
    pub(crate) fn value(&self, path: usize) -> Option<Option<Range<usize>>> {
        let Known { shape, spans, .. } = &self.known[path];
        match shape {
            Shape::Nothing => Some(None),
            Shape::Value => Some(Some(spans.at(self.moved, 0))),
            Shape::List => None,
        }
    }
}

/// The values of a list.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a> {
    spans: &'a Spans,
    moved: &'a Moved,
}

impl Row<'_> {
    pub(crate) fn len(&self) -> usize {
        self.spans.len()
    }

    pub(crate) fn value(&self, at: usize) -> Range<usize> {
        self.spans.at(self.moved, at)
    }
}

impl Deref for Finds {
    type Target = [Found];

    fn deref(&self) -> &[Found] {
        &self.found
    }
}

impl Known {
    fn of(found: &Found, json: &str, sample: &Sample) -> Known {
        let elements = if found.is_list { &found.elements[..] } else { &[] };
        let is_plain = |element: &Range<usize>| !matches!(json.as_bytes()[element.start], b'[' | b'{');
        let is_row = found.shape == Shape::Value && found.is_list && elements.iter().all(is_plain);
        let Rows { values, ends, .. } = Rows::of(found, json).unwrap_or_default();
        Known {
            shape: found.shape,
            spans: sample.spans(&found.spans),
            elements: sample.spans(elements),
            is_list: found.is_list,
            values: sample.spans(&values),
            ends,
            is_row,
        }
    }

    fn put(&self, moved: &Moved, found: &mut Found) {
        self.spans.put(moved, &mut found.spans);
        self.elements.put(moved, &mut found.elements);
        self.values.put(moved, &mut found.rows.values);
        found.rows.ends.clone_from(&self.ends);
        found.rows.is_row = self.is_row;
        (found.shape, found.is_list) = (self.shape, self.is_list);
        (found.made, found.contradiction) = (None, None);
    }
}

impl Rows {
    /// None for another result.
    fn of(found: &Found, json: &str) -> Option<Rows> {
        let mut lists = Vec::new();
        let mut rows = Rows::default();
        if !found.elements(json, &mut lists) {
            return None;
        }
        for list in lists {
            let before = rows.values.len();
            // A null that no token stands for is no list.
            if list.is_empty() || !scan::split(json, list, &mut rows.values) {
                return None;
            }
            let is_plain = |value: &Range<usize>| !matches!(json.as_bytes()[value.start], b'[' | b'{');
            if !rows.values[before..].iter().all(is_plain) {
                return None;
            }
            rows.ends.push(rows.values.len());
        }
        Some(rows)
    }
}
