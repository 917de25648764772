//! JMESPath over JSON text. Simple paths (`a.b[0].c`, `a[*].b`) of one text are all found in one pass
//! without building the document; every other expression is evaluated on it (see `query`). Both give the same
//! result, which a test shows on random paths and documents.
//!
//! Two things differ from JMESPath, for the sake of rows. A list that a path makes of records (`a[*].b`, `x.*`)
//! keeps a null at its place, so that several paths over the same records give lists of the same length and
//! order; inside of filters, functions and in front of a pipe nulls are left out, as in JMESPath. And objects
//! keep the order of the text, or that of their columns (`name_columns`).

use std::ops::{Deref, Range};
use std::sync::atomic::{AtomicU64, Ordering};

use plumbline_common::{Problem, Result, codes};

use crate::values::alike::{Alike, Moved, Sample, Spans};
use crate::values::names::Contradiction;
use crate::values::query::{Columns, Query};
use crate::values::scan::{self, Kind, Scanned, Scanner};

/// What a path found in a text; reused from text to text.
#[derive(Debug, Clone, Default)]
pub struct Found {
    shape: Shape,
    /// An empty span is a null.
    spans: Vec<Range<usize>>,
    /// The elements of a single value, where it is known to be a list.
    elements: Vec<Range<usize>>,
    is_list: bool,
    /// Text of a result that does not stand in the input as such.
    made: Option<String>,
    contradiction: Option<Contradiction>,
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
enum Shape {
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

    fn clear(&mut self) {
        self.rows.ends.clear();
        self.rows.is_row = false;
        self.shape = Shape::Nothing;
        self.spans.clear();
        self.is_list = false;
        self.made = None;
        self.contradiction = None;
    }

    fn make(&mut self, text: String) {
        self.shape = Shape::Value;
        self.spans.push(0..text.len());
        self.made = Some(text);
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

/// Paths that are looked up together in each text.
#[derive(Debug, Default)]
pub struct Paths {
    /// Of those that were compiled, from 1.
    number: u64,
    root: Node,
    /// By number of the path; none for a path of `root`.
    queries: Vec<Option<Query>>,
    /// By number of the path: the steps of a simple one, for messages.
    steps: Vec<Vec<Step>>,
    /// By number of the path.
    texts: Vec<String>,
}

/// A step of the simple paths: what to do with the value that stands here.
#[derive(Debug, Default)]
struct Node {
    /// Paths that end here.
    ends: Vec<usize>,
    /// All paths through this node or ending in it.
    below: Vec<usize>,
    fields: Vec<(String, Node)>,
    indexes: Vec<(usize, Node)>,
    each: Option<Box<Node>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Field(String),
    Index(usize),
    Each,
}

impl Paths {
    /// `settings` names the setting each expression is from; results come in this order.
    ///
    /// # Errors
    /// `PATH_INVALID` for an expression that is no JMESPath.
    pub fn compile(expressions: &[(&str, &str)]) -> Result<Paths> {
        static COMPILED: AtomicU64 = AtomicU64::new(1);
        let number = COMPILED.fetch_add(1, Ordering::Relaxed);
        let mut paths = Paths { number, ..Paths::default() };
        for (number, (setting, expression)) in expressions.iter().enumerate() {
            let query = Query::compile(expression).map_err(|error| {
                Problem::new(&codes::PATH_INVALID, "cannot read a JMESPath")
                    .field(*setting)
                    .found(format!("`{expression}`: {error}"))
                    .expected("a JMESPath such as `features` or `instances[*].features`")
                    .hint("names with other characters than letters, digits and `_` stand in double quotes")
            })?;
            let steps = simple(expression);
            if let Some(steps) = &steps {
                paths.root.insert(steps, number);
            }
            paths.queries.push(steps.is_none().then_some(query));
            paths.steps.push(steps.unwrap_or_default());
            paths.texts.push((*expression).into());
        }
        Ok(paths)
    }

    /// Says that what a path finds are rows of columns, with names if these are known: an object whose values it takes
    /// (`x.*`, `values(x)`) gives them to the columns by its keys, in whatever order they stand. `elsewhere`: the position
    /// among the names of one that objects with fewer values lack.
    pub fn name_columns(&mut self, number: usize, names: &[String], elsewhere: Option<usize>) {
        if let Some(Some(query)) = self.queries.get_mut(number) {
            query.name_columns(names, elsewhere);
        }
    }

    /// Makes a path give the keys of objects where it gives their values, in the same order; false where it takes the values of
    /// none.
    pub(crate) fn take_keys(&mut self, number: usize) -> bool {
        self.queries.get_mut(number).and_then(Option::as_mut).is_some_and(Query::take_keys)
    }

    /// Whether a path gives the keys of objects.
    pub(crate) fn gives_keys(&mut self, number: usize) -> bool {
        self.queries.get_mut(number).and_then(Option::as_mut).is_some_and(Query::gives_keys)
    }

    /// Whether a path picks one element of what it finds, as in `keys(scores)[0]`.
    pub(crate) fn picks(&self, number: usize) -> bool {
        self.queries.get(number).and_then(Option::as_ref).is_some_and(Query::picks)
    }

    /// Says which keys the first objects had elsewhere, as `keys` gives them.
    pub(crate) fn begin(&self, keys: &[Option<Vec<String>>]) {
        let columns = self.queries.iter().flatten().flat_map(Query::columns);
        for (columns, keys) in columns.zip(keys) {
            if let Some(keys) = keys {
                columns.begin(keys);
            }
        }
    }

    /// For each place at which `name_columns` columns are made of an object: the keys that decide about their order, once there
    /// was one.
    pub fn keys(&self) -> Vec<Option<Vec<String>>> {
        self.queries.iter().flatten().flat_map(Query::columns).map(Columns::keys).collect()
    }

    /// Whether objects had keys that are none of the names which `name_columns` gave, so that their values went by positions.
    pub fn are_by_position(&self) -> bool {
        self.queries.iter().flatten().flat_map(Query::columns).any(Columns::are_by_position)
    }

    /// Whether a path took the values of an object in another order than that of the text.
    pub(crate) fn were_moved(&self, number: usize) -> bool {
        let query = self.queries.get(number).and_then(Option::as_ref);
        query.is_some_and(|query| query.columns().into_iter().any(Columns::were_moved))
    }

    /// Whether what is found in a text depends on no other that was searched before: no path makes columns of an object.
    pub fn depend_on_no_other(&self) -> bool {
        self.queries.iter().flatten().all(|query| query.columns().is_empty())
    }

    /// Whether all of them are simple, so that what they find depends on where values stand and not on what these are.
    pub(crate) fn are_simple(&self) -> bool {
        self.queries.iter().all(Option::is_none)
    }

    /// Whether a text is an expression that can be evaluated.
    ///
    /// # Errors
    /// Why it is none.
    pub fn check(expression: &str) -> std::result::Result<(), String> {
        Query::compile(expression).map(|_| ())
    }

    /// Looks every path up in one text. An expression that cannot be evaluated, such as a function given
    /// the wrong type, finds nothing.
    ///
    /// # Errors
    /// The text is not one JSON document.
    pub fn find(&self, json: &str, found: &mut Vec<Found>) -> Scanned<()> {
        found.resize_with(self.queries.len(), Found::default);
        found.iter_mut().for_each(Found::clear);
        let mut scanner = Scanner::new(json);
        self.root.walk(&mut scanner, json, found, false)?;
        scanner.end()?;
        for (query, found) in self.queries.iter().zip(found) {
            match query.as_ref().map(|query| query.find(json)) {
                Some(Ok(Some(text))) => found.make(text),
                Some(Err(contradiction)) => found.contradiction = Some(contradiction),
                Some(Ok(None)) | None => {}
            }
        }
        Ok(())
    }

    /// Whether a null stands where a path that found nothing leads, or on its way there, for any element of a list that it goes
    /// through: what was looked for has no value. So have the values of an object that are all null. Else no such thing is there,
    /// as for any other expression that is no simple path. `json` is valid.
    pub fn is_null_there(&self, number: usize, json: &str) -> bool {
        match (self.queries.get(number), self.steps.get(number), self.texts.get(number)) {
            (Some(None), Some(steps), _) => meets_null(steps, json, 0),
            (Some(Some(_)), _, Some(text)) => has_keys(text, json),
            _ => false,
        }
    }

    /// For each element of the list that a path goes through (`p[*].s`): whether a null stands where the path leads in it, or on
    /// its way there. Nothing for a path through no list, and for an expression that is no simple path. `json` is valid.
    pub(crate) fn nulls_there(&self, number: usize, json: &str) -> Vec<bool> {
        let (Some(None), Some(steps)) = (self.queries.get(number), self.steps.get(number)) else {
            return Vec::new();
        };
        let mut at = 0;
        let mut steps = steps.as_slice();
        while let Some((step, rest)) = steps.split_first() {
            steps = rest;
            if *step == Step::Each {
                let mut elements = Vec::new();
                // The text was found valid before, so that errors cannot come.
                let Ok(list) = Scanner::from(json, at).value() else { return Vec::new() };
                scan::split(json, list, &mut elements);
                return elements.iter().map(|element| meets_null(steps, json, element.start)).collect();
            }
            let Some(next) = step.go(json, at) else { break };
            at = next;
        }
        Vec::new()
    }

    /// The keys that stand where a path that found nothing leaves the document, at most `MOST_KEYS`: those of the
    /// object that lacks its next key, of the first element where it goes through a list. `json` is valid.
    pub fn keys_there(&self, number: usize, json: &str) -> Vec<String> {
        let mut at = 0;
        let mut steps = self.steps.get(number).map_or(&[][..], Vec::as_slice);
        while let Some((step, rest)) = steps.split_first() {
            let Some(next) = step.go(json, at) else { break };
            (at, steps) = (next, rest);
        }
        keys(json, at)
    }
}

/// Whether the objects whose values an expression takes have keys.
fn has_keys(expression: &str, json: &str) -> bool {
    let Ok(mut query) = Query::compile(expression) else { return false };
    let mut found = Found::default();
    if query.take_keys()
        && let Ok(Some(keys)) = query.find(json)
    {
        found.make(keys);
    }
    !found.is_nothing(json)
}

/// Whether a null stands at the end of these steps from the value at `at`, or on the way.
fn meets_null(steps: &[Step], json: &str, at: usize) -> bool {
    // The text was found valid before, so that errors cannot come.
    let Ok(here) = Scanner::from(json, at).value() else { return false };
    if scan::is_null(&json[here.clone()]) {
        return true;
    }
    let Some((step, rest)) = steps.split_first() else { return false };
    if *step == Step::Each {
        let mut elements = Vec::new();
        return scan::split(json, here, &mut elements)
            && elements.iter().any(|element| meets_null(rest, json, element.start));
    }
    step.go(json, at).is_some_and(|next| meets_null(rest, json, next))
}

/// Most keys that a message names.
const MOST_KEYS: usize = 8;

/// The first keys of the object at a place of a valid text; those of its first element for a list.
pub fn keys(json: &str, at: usize) -> Vec<String> {
    let mut names = Vec::new();
    let mut scanner = Scanner::from(json, at);
    // The text was found valid before, so that errors cannot come.
    let _valid = match scanner.kind() {
        Ok(Kind::Object) => scanner.object(|scanner, key| {
            if names.len() < MOST_KEYS {
                names.push(scan::unescaped(&json[key]).into_owned());
            }
            scanner.value().map(|_| ())
        }),
        Ok(Kind::List) => {
            let first = Step::Index(0).go(json, at);
            return first.map_or_else(Vec::new, |at| keys(json, at));
        }
        _ => Ok(()),
    };
    names
}

impl Step {
    /// Where the step leads from the value at `at`, to the first element for each; none when nothing is there.
    fn go(&self, json: &str, at: usize) -> Option<usize> {
        let mut scanner = Scanner::from(json, at);
        let kind = scanner.kind().ok()?;
        let mut next = None;
        let walked = match (self, kind) {
            (Step::Field(name), Kind::Object) => scanner.object(|scanner, key| {
                let here = scanner.value()?;
                if scan::unescaped(&json[key]) == name.as_str() {
                    next = Some(here.start);
                }
                Ok(())
            }),
            (Step::Index(_) | Step::Each, Kind::List) => {
                let wanted = if let Step::Index(index) = self { *index } else { 0 };
                scanner.list(|scanner, index| {
                    let here = scanner.value()?;
                    if index == wanted {
                        next = Some(here.start);
                    }
                    Ok(())
                })
            }
            _ => Ok(()),
        };
        walked.ok().and(next)
    }
}

/// The steps of a simple path; none when the expression is anything else.
fn simple(expression: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    let mut rest = expression.trim_ascii();
    if rest == "@" {
        return Some(steps);
    }
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('[') {
            let (inside, after) = after.split_once(']')?;
            match inside {
                "*" if !steps.contains(&Step::Each) => steps.push(Step::Each),
                _ if !inside.is_empty() && inside.bytes().all(|byte| byte.is_ascii_digit()) => {
                    steps.push(Step::Index(inside.parse().ok()?));
                }
                _ => return None,
            }
            rest = after;
            continue;
        }
        if !steps.is_empty() {
            rest = rest.strip_prefix('.')?;
        }
        let length = rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
        if length == 0 || rest.as_bytes()[0].is_ascii_digit() {
            return None;
        }
        steps.push(Step::Field(rest[..length].into()));
        rest = &rest[length..];
    }
    (!steps.is_empty()).then_some(steps)
}

impl Node {
    fn insert(&mut self, steps: &[Step], number: usize) {
        self.below.push(number);
        let Some((step, rest)) = steps.split_first() else {
            self.ends.push(number);
            return;
        };
        let next = match step {
            Step::Field(name) => child(&mut self.fields, name),
            Step::Index(index) => child(&mut self.indexes, index),
            Step::Each => self.each.get_or_insert_default(),
        };
        next.insert(rest, number);
    }

    /// Walks the value that the scanner stands at. `each`: below `[*]`, results are collected in a list.
    fn walk(&self, scanner: &mut Scanner<'_>, json: &str, found: &mut [Found], each: bool) -> Scanned<()> {
        let kind = scanner.kind()?;
        let start = scanner.at();
        match kind {
            Kind::Object if !self.fields.is_empty() => scanner.object(|scanner, key| {
                let name = scan::unescaped(&json[key]);
                let Some((_, node)) = self.fields.iter().find(|(wanted, _)| *wanted == name) else {
                    return scanner.value().map(|_| ());
                };
                // Of a key given twice the last value counts.
                node.forget(found, each);
                node.walk(scanner, json, found, each)
            })?,
            Kind::List if self.each.is_some() || !self.indexes.is_empty() => {
                if let Some(node) = &self.each {
                    node.below.iter().for_each(|&path| found[path].shape = Shape::List);
                }
                scanner.list(|scanner, index| self.element(scanner, index, json, found, each))?;
            }
            Kind::List if !each && !self.ends.is_empty() => {
                // Mostly one path ends here, and is asked for the elements.
                let found = &mut found[self.ends[0]];
                found.elements.clear();
                scanner.list(|scanner, _| {
                    found.elements.push(scanner.value()?);
                    Ok(())
                })?;
                found.is_list = true;
            }
            _ => {
                scanner.value()?;
            }
        }
        let span = start..scanner.at();
        if !self.ends.is_empty() && !scan::is_null(&json[span.clone()]) {
            for &end in &self.ends {
                let found = &mut found[end];
                match found.spans.last_mut() {
                    Some(last) if each => *last = span.clone(),
                    _ => {
                        found.shape = Shape::Value;
                        found.spans.push(span.clone());
                    }
                }
            }
        }
        Ok(())
    }

    fn element(
        &self,
        scanner: &mut Scanner<'_>,
        index: usize,
        json: &str,
        found: &mut [Found],
        each: bool,
    ) -> Scanned<()> {
        let before = scanner.clone();
        let mut walked = false;
        if let Some((_, node)) = self.indexes.iter().find(|(wanted, _)| *wanted == index) {
            node.walk(scanner, json, found, each)?;
            walked = true;
        }
        if let Some(node) = &self.each {
            // A null for each path, until a value is found.
            node.below.iter().for_each(|&path| found[path].spans.push(0..0));
            if walked {
                *scanner = before;
            }
            node.walk(scanner, json, found, true)?;
            walked = true;
        }
        if !walked {
            scanner.value()?;
        }
        Ok(())
    }

    /// Forgets what was found at this node and below it; `each`: only for the element at hand.
    fn forget(&self, found: &mut [Found], each: bool) {
        for &path in &self.below {
            match found[path].spans.last_mut() {
                Some(last) if each => *last = 0..0,
                _ => found[path].clear(),
            }
        }
    }
}

fn child<'a, K: PartialEq + Clone>(children: &'a mut Vec<(K, Node)>, key: &K) -> &'a mut Node {
    let at = children.iter().position(|(name, _)| name == key).unwrap_or_else(|| {
        children.push((key.clone(), Node::default()));
        children.len() - 1
    });
    &mut children[at].1
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;
    use serde_json::Value as Json;

    use super::*;

    /// The result as a JSON value, null for nothing.
    fn result(paths: &Paths, json: &str) -> Vec<Json> {
        let mut found = Vec::new();
        paths.find(json, &mut found).unwrap();
        found
            .iter()
            .map(|found| match found.shape {
                Shape::Nothing => Json::Null,
                Shape::Value => serde_json::from_str(&found.source(json)[found.value().unwrap()]).unwrap(),
                Shape::List => found
                    .spans
                    .iter()
                    .map(|span| match &json[span.clone()] {
                        "" => Json::Null,
                        token => serde_json::from_str(token).unwrap(),
                    })
                    .collect(),
            })
            .collect()
    }

    #[track_caller]
    fn check(json: &str, path: &str, expected: Json) {
        assert_eq!(result(&Paths::compile(&[("features", path)]).unwrap(), json), [expected], "{path}");
    }

    #[test]
    fn values_of_objects_go_to_their_columns_by_key() {
        use serde_json::json;
        let found = |path: &str, names: Option<&[&str]>, documents: &[&str]| -> Vec<Json> {
            let mut paths = Paths::compile(&[("features", path)]).unwrap();
            if let Some(names) = names {
                paths.name_columns(0, &names.iter().map(ToString::to_string).collect::<Vec<_>>(), None);
            }
            documents.iter().map(|json| result(&paths, json).remove(0)).collect()
        };
        let documents = [r#"{"f":{"b":1,"a":2}}"#, r#"{"f":{"a":3,"b":4}}"#];
        for path in ["f.*", "values(f)", "[f][].values(@)[]", "f.* | @"] {
            assert_eq!(found(path, None, &documents), [json!([1, 2]), json!([3, 4])], "{path}");
            assert_eq!(found(path, Some(&[]), &documents), [json!([1, 2]), json!([4, 3])], "{path}");
            let named = found(path, Some(&["a", "b", "y"]), &documents);
            assert_eq!(named, [json!([2, 1]), json!([3, 4])], "{path}");
        }
        assert_eq!(found("keys(f)", Some(&[]), &documents), [json!(["b", "a"]), json!(["b", "a"])]);
        // Rows of one document, and an object of rows, which is no row.
        let rows = r#"{"r":{"2":{"b":1,"a":2},"1":{"a":3,"b":4}}}"#;
        assert_eq!(found("r.*.values(@)", Some(&[]), &[rows]), [json!([[1, 2], [4, 3]])]);
        // Other keys contradict; fewer are a row of another width.
        let others = [documents[0], r#"{"f":{"d":5,"c":6}}"#, r#"{"f":{"a":5}}"#, r#"{"f":{"a":5,"c":6}}"#];
        let expected = [json!([1, 2]), Json::Null, json!([5]), Json::Null];
        for names in [&["x", "z"][..], &[]] {
            assert_eq!(found("f.*", Some(names), &others), expected);
        }
        // Case and blanks make no difference, with names or without.
        let spelled = [documents[0], r#"{"f":{"A":3,"B":4}}"#, r#"{"f":{" b":5,"A ":6}}"#];
        for names in [&["x", "z"][..], &[]] {
            assert_eq!(found("f.*", Some(names), &spelled), [json!([1, 2]), json!([4, 3]), json!([5, 6])]);
        }
    }

    #[test]
    fn paths_find_what_jmespath_finds_and_keep_nulls_of_records() {
        use serde_json::json;
        let text = r#"{"a":{"b":[{"c":1},{"c":null},{"c":"x"},{}]},"n":null,"a":{"b":[{"c":2},{"c":null},{"c":"x"},{}]}}"#;
        check(text, "a.b[*].c", json!([2, null, "x", null]));
        check(text, "a.b[].c", json!([2, null, "x", null]));
        check(text, "a.b[*].c | [1]", json!("x"));
        check(text, "length(a.b[*].c)", json!(2));
        check(text, "a.b[0].c", json!(2));
        check(text, "a.b[9]", json!(null));
        check(text, "a.b[-2].c", json!("x"));
        check(text, "n", json!(null));
        check(text, "a[*]", json!(null));
        check(text, "a.b[?c=='x'].c | [0]", json!("x"));
        check(text, "a.b[?c!=`2`].c", json!([null, "x", null]));
        check(text, "length(a.b)", json!(4));
        check("[3,4]", "[*]", json!([3, 4]));
        check("[3,4]", "@", json!([3, 4]));
        check("[3,[4,null]]", "[]", json!([3, 4, null]));
        check(
            r#"{"a":[],"b":[1,2.5],"c":{"z":1.50,"a":null}}"#,
            "[sum(a), sum(b), avg(a), max(b)]",
            json!([0, 3.5, null, 2.5]),
        );
        check(r#"{"c":{"z":1.50,"a":null}}"#, "to_string(c)", json!(r#"{"z":1.50,"a":null}"#));
        check(r#"{"a b":1}"#, "\"a b\"", json!(1));
        check(r#"{"\u0061":1}"#, "a", json!(1));
        check(r#"[{"a":1,"b":2,"a":null}]"#, "[*].a", json!([null]));
    }

    #[test]
    fn objects_keep_the_order_of_their_text() {
        use serde_json::json;
        let text = r#"{"x":{"weight":78,"age":null,"blood":1},"r":[{"z":1,"a":2},{"z":3,"a":4}]}"#;
        check(text, "x.*", json!([78, null, 1]));
        check(text, "values(x)", json!([78, null, 1]));
        check(text, "keys(x)", json!(["weight", "age", "blood"]));
        check(text, "r[*].*", json!([[1, 2], [3, 4]]));
        check(text, "r[*].values(@)", json!([[1, 2], [3, 4]]));
        check(text, "merge(x, r[0]).keys(@)", json!(["weight", "age", "blood", "z", "a"]));
        check(text, "r[*].[a, z]", json!([[2, 1], [4, 3]]));
    }

    #[test]
    fn words_of_python_are_values() {
        let text = r#"{"a":[{"s":NaN},{"s":Infinity},{"s":-Infinity}],"n":NaN}"#;
        let paths = Paths::compile(&[("p", "a[*].s"), ("p", "n"), ("p", "a[].s")]).unwrap();
        let mut found = Vec::new();
        paths.find(text, &mut found).unwrap();
        let tokens = |found: &Found| {
            let mut spans = Vec::new();
            assert!(found.elements(text, &mut spans));
            spans.into_iter().map(|span| found.source(text)[span].to_string()).collect::<Vec<_>>()
        };
        assert_eq!(tokens(&found[0]), ["", "Infinity", "-Infinity"]);
        assert_eq!(tokens(&found[2]), ["NaN", "Infinity", "-Infinity"]);
        assert!(found[1].is_nothing(text));
    }

    #[test]
    fn an_invalid_path_names_its_setting() {
        for path in ["a-b", "a[", "nosuch(a)", "length(a, b)"] {
            let text = Paths::compile(&[("predictor.label", path)]).err().unwrap().to_string();
            assert!(text.contains("`predictor.label`") && text.contains(&format!("`{path}`")), "{text}");
        }
    }

    #[test]
    fn a_path_that_finds_nothing_tells_the_keys_that_are_there() {
        let text = r#"{"predictions":[{"score":0.5,"l":"x"},{"score":0.25}],"model":"b"}"#;
        for (path, keys) in [
            ("predictions[*].scores", &["score", "l"][..]),
            ("predictions[1].scores", &["score"]),
            ("prediction[*].score", &["predictions", "model"]),
            ("predictions.score", &["score", "l"]),
            ("model.score", &[]),
            ("predictions[].scores", &["predictions", "model"]),
        ] {
            let paths = Paths::compile(&[("p", path)]).unwrap();
            let mut found = Vec::new();
            paths.find(text, &mut found).unwrap();
            assert!(found[0].is_nothing(text), "{path}");
            assert_eq!(paths.keys_there(0, text), keys, "{path}");
        }
    }

    pub(crate) fn documents() -> impl Strategy<Value = Json> {
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Into::into),
            any::<i32>().prop_map(Into::into),
            "[a-c\"\\\\]{0,3}".prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
                prop::collection::vec(("[a-c]", inner), 0..4)
                    .prop_map(|fields| Json::Object(fields.into_iter().collect())),
            ]
        })
    }

    fn expressions() -> impl Strategy<Value = String> {
        let step = prop_oneof![
            3 => "[a-c]".prop_map(|name| format!(".{name}")),
            1 => (0..3).prop_map(|index| format!("[{index}]")),
            1 => Just("[*]".to_string()),
        ];
        prop::collection::vec(step, 1..4).prop_map(|steps| steps.concat().trim_start_matches('.').to_string())
    }

    /// What a path finds by its definition: the slow twin.
    fn slow(document: &Json, steps: &[Step]) -> Json {
        let Some((step, rest)) = steps.split_first() else { return document.clone() };
        match (step, document) {
            (Step::Field(name), Json::Object(fields)) => {
                fields.get(name).map_or(Json::Null, |at| slow(at, rest))
            }
            (Step::Index(index), Json::Array(items)) => {
                items.get(*index).map_or(Json::Null, |at| slow(at, rest))
            }
            (Step::Each, Json::Array(items)) => items.iter().map(|item| slow(item, rest)).collect(),
            _ => Json::Null,
        }
    }

    proptest! {
        #[test]
        fn one_pass_equals_the_definition(
            document in documents(),
            paths in prop::collection::vec(expressions(), 1..4),
        ) {
            let json = document.to_string();
            let named: Vec<_> = paths.iter().map(|path| ("p", path.as_str())).collect();
            let compiled = Paths::compile(&named).unwrap();
            let expected: Vec<Json> = paths
                .iter()
                .zip(&compiled.steps)
                .map(|(path, steps)| match steps.is_empty() {
                    false => slow(&document, steps),
                    true => Query::compile(path).unwrap().find(&json).unwrap().map_or(Json::Null, |text| {
                        serde_json::from_str(&text).unwrap()
                    }),
                })
                .collect();
            prop_assert_eq!(result(&compiled, &json), expected);
            // And the evaluation on the document finds the same.
            for (path, expected) in paths.iter().zip(result(&compiled, &json)) {
                let found = Query::compile(path).unwrap().find(&json).unwrap();
                let found = found.map_or(Json::Null, |text| serde_json::from_str(&text).unwrap());
                prop_assert_eq!(found, expected, "{}", path);
            }
        }
    }
}
