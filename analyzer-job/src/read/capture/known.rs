//! Captured records that are like an earlier one.
//!
//! Where a record differs from an earlier one in numbers and strings only, those of its payloads included (see `values::alike`), the
//! values that count stand in the line itself, and no payload is taken out of its string. A value of the request that counts is a
//! cell as it is. What an answer or ground truth means is read once for each value that decides about it, by the readers of any
//! record, and known from then on.

use std::borrow::Cow;
use std::ops::Range;

use plumbline_common::record::{CaptureData, Encoding, EventMetadata, Payload, Record, Text};

use super::memo::Memo;
use crate::config::ContentType;
use crate::read::grid::Grid;
use crate::read::parser::{METADATA, OUTPUT, TRUTH, spans};
use crate::read::payload;
use crate::read::shown::OfPlaces;
use crate::values::alike::{Alike, Moved, Sample, Spans};
use crate::values::nested::Nested;
use crate::values::path::{Found, Paths};
use crate::values::raw::Raw;
use crate::values::scan;

/// Records that were read, of requests in JSON.
#[derive(Debug, Default)]
pub(super) struct KnownRecords {
    alike: Alike<Known>,
    found: Vec<Found>,
}

/// What of a record counts.
#[derive(Clone, Copy)]
pub(super) struct Counting<'a> {
    /// Where the features of a request stand.
    pub(super) features: &'a Paths,
    /// The positions of those that count.
    pub(super) wanted: &'a [(usize, usize)],
    /// Where label and scores of an answer stand; none where answers do not count.
    pub(super) answers: Option<&'a Paths>,
    /// Where the label stands in ground truth in JSON, if that is known; none where ground truth does not count.
    pub(super) truth: Option<Option<&'a Paths>>,
}

/// What is the same of records that are alike.
#[derive(Debug)]
pub(super) struct Known {
    /// How the request is written.
    pub(super) kind: ContentType,
    /// The values of its rows.
    cells: Vec<Cell>,
    /// How many values belong to each row and those before it.
    ends: Vec<usize>,
    pub(super) output: Option<Part>,
    pub(super) truth: Option<Part>,
    /// What the lists of those answers belong to whose cells are kept.
    pub(super) forms: Option<OfPlaces>,
    /// Values that are strings in any record, and not asked for: their numbers among those that differ.
    strings: Vec<usize>,
    /// Likewise the inference time.
    time: Option<usize>,
}

#[derive(Debug)]
enum Cell {
    /// Nobody asks for it.
    Passed,
    /// A number or a string, by its number among the values that differ.
    Value(usize),
    /// Anything else, which is the same in all of them.
    Same(String),
}

/// An answer or ground truth.
#[derive(Debug)]
pub(super) struct Part {
    /// Where the string of its text stands.
    string: Spans,
    encoding: Option<Encoding>,
    content_type: Option<String>,
    /// The values that decide about its row, by their numbers.
    deciding: Vec<usize>,
    memo: Memo,
}

impl KnownRecords {
    /// What is known of a line, and where its values stand. None for one that is like none which was read.
    pub(super) fn find(&mut self, text: &str) -> Option<(&mut Known, &Moved)> {
        self.alike.find(text)?;
        self.alike.found_mut()
    }

    /// Learns from a line that is a record and like none which was read.
    pub(super) fn learn(&mut self, line: &[u8], counting: Counting<'_>) {
        let Ok(text) = str::from_utf8(line) else { return };
        let paths = [Some(counting.features), counting.answers, counting.truth.flatten()];
        if paths.into_iter().flatten().all(Paths::are_simple) && self.alike.may_learn(text) {
            let _learned = self.learn_of(text, counting);
        }
    }

    /// None where a request is not read as JSON, or not so simply.
    fn learn_of(&mut self, text: &str, counting: Counting<'_>) -> Option<()> {
        // A list is a record too, for `serde_json`.
        let record: Record<'_> = serde_json::from_str(text).ok().filter(|_| text.starts_with('{'))?;
        let capture =
            record.capture_data.as_ref().filter(|capture| capture.batch_transform_output.is_none())?;
        let request = capture.endpoint_input.as_ref()?;
        let spans = spans(text, &mut self.found)?;
        let string = |at: usize| spans[at].clone().filter(|span| text[span.clone()].starts_with('"'));

        let nested = Nested::of(text, &string(0)?).filter(|_| request.encoding != Some(Encoding::Base64))?;
        let (written, kind) = payload::text(request).ok()?;
        let kind = payload::kind_of_rows(kind, &written);
        let mut documents = payload::documents(&written, kind);
        let (Some(document), None) = (documents.next(), documents.next()) else { return None };
        if kind == ContentType::Csv || !is_nested(&nested, &written) || !written.starts_with(document) {
            return None;
        }
        counting.features.find(document, &mut self.found).ok()?;
        let (values, ends) = self.found.first()?.plain_rows(document)?;
        if ends.is_empty() {
            return None;
        }
        let output = Learned::of(text, capture.endpoint_output.as_ref(), string(OUTPUT))?;
        let truth = Learned::of(text, record.ground_truth_data.as_ref(), string(TRUTH))?;
        // Ids and time may be numbers for some records, and a place that is there may be null.
        let has_metadata = record.event_metadata.is_some();
        let of_metadata = (METADATA..spans.len()).filter(|&at| spans[at].is_some());
        let mut strings: Vec<Range<usize>> = of_metadata.map(string).collect::<Option<_>>()?;
        let time = spans[METADATA + 2].clone().filter(|_| has_metadata);

        // Encodings and content types decide how a text is read.
        let is_fixed = |span: &Range<usize>| {
            let is_inner = |learned: &Option<Learned>| {
                learned.as_ref().is_some_and(|learned| learned.nested.is_some() && learned.string == *span)
            };
            let is_tag = (0..METADATA).any(|at| at % 3 != 0 && spans[at].as_ref() == Some(span));
            is_tag || spans[0].as_ref() == Some(span) || is_inner(&output) || is_inner(&truth)
        };
        let mut inner = Vec::new();
        let beside =
            [&output, &truth].map(|learned| learned.as_ref().and_then(|learned| learned.nested.as_ref()));
        for nested in beside.into_iter().chain([Some(&nested)]).flatten() {
            inner.extend(nested.values().iter().filter_map(|value| nested.place(value)));
        }
        let sample = Sample::around(text, &inner, is_fixed);

        let mut cells = Vec::with_capacity(values.len());
        let mut start = 0;
        for &end in &ends {
            // A row without values is a bad one.
            values.get(start..end).filter(|row| !row.is_empty())?;
            cells.extend(values[start..end].iter().enumerate().map(|(at, value)| {
                let number = || nested.place(value).and_then(|place| sample.value(&place));
                match counting.wanted.iter().any(|(wanted, _)| *wanted == at) {
                    true => number().map_or_else(|| Cell::Same(document[value.clone()].into()), Cell::Value),
                    false => Cell::Passed,
                }
            }));
            start = end;
        }
        let part =
            |learned: Option<Learned>, payload: Option<&Payload<'_>>, paths: Option<Option<&Paths>>| {
                let (Some(learned), Some(payload)) = (learned, payload) else { return Some(None) };
                Some(Some(Part {
                    string: sample.spans(std::slice::from_ref(&learned.string)),
                    encoding: payload.encoding,
                    content_type: payload.observed_content_type.as_deref().map(String::from),
                    deciding: match paths {
                        Some(paths) => learned.deciding(paths, &sample)?,
                        None => Vec::new(),
                    },
                    memo: Memo::default(),
                }))
            };
        let whole = |learned: &Option<Learned>| {
            learned.as_ref().filter(|learned| learned.nested.is_none()).map(|learned| learned.string.clone())
        };
        let (of_output, of_truth) = (whole(&output), whole(&truth));
        let output = part(output, capture.endpoint_output.as_ref(), counting.answers.map(Some))?;
        let truth = part(truth, record.ground_truth_data.as_ref(), counting.truth)?;
        for (learned, counts) in
            [(of_output, counting.answers.is_some()), (of_truth, counting.truth.is_some())]
        {
            strings.extend(learned.filter(|_| !counts));
        }
        let strings: Vec<usize> = strings.iter().map(|string| sample.value(string)).collect::<Option<_>>()?;
        let time = time.and_then(|time| sample.value(&time));
        self.alike.learn(sample, Known { kind, cells, ends, output, truth, forms: None, strings, time });
        Some(())
    }
}

/// Whether a text is that of a payload, and a list or an object.
fn is_nested(nested: &Nested, written: &str) -> bool {
    nested.text() == written && written.trim_ascii_start().starts_with(['[', '{'])
}

/// A payload beside the request.
struct Learned {
    string: Range<usize>,
    /// Its text, where that is one list or object of JSON.
    nested: Option<Nested>,
}

impl Learned {
    /// None where its text is no string.
    fn of(
        text: &str,
        payload: Option<&Payload<'_>>,
        string: Option<Range<usize>>,
    ) -> Option<Option<Learned>> {
        let Some(payload) = payload else { return Some(None) };
        let string = string?;
        let is_one = |nested: &Nested| {
            payload.encoding != Some(Encoding::Base64)
                && payload::text(payload).is_ok_and(|(written, _)| is_nested(nested, &written))
                && scan::is_json(nested.text())
        };
        let nested = Nested::of(text, &string).filter(is_one);
        Some(Some(Learned { string, nested }))
    }

    /// The values that decide about its row: those that the paths lead to; all of them where a path leads nowhere.
    fn deciding(&self, paths: Option<&Paths>, sample: &Sample) -> Option<Vec<usize>> {
        let Some(nested) = &self.nested else { return sample.value(&self.string).map(|value| vec![value]) };
        let mut found = Vec::new();
        if let Some(paths) = paths {
            paths.find(nested.text(), &mut found).ok()?;
        }
        let parts: Vec<Vec<Range<usize>>> = found.iter().map(|found| found.parts(nested.text())).collect();
        let all = parts.is_empty() || parts.iter().any(|parts| parts.iter().all(Range::is_empty));
        let decides = |value: &Range<usize>| {
            all || parts.iter().flatten().any(|part| part.start <= value.start && value.end <= part.end)
        };
        let values = nested.values();
        let places = values.iter().filter(|value| decides(value)).filter_map(|value| nested.place(value));
        places.map(|place| sample.value(&place)).collect()
    }
}

impl Known {
    /// How many values a row of a request of one row has.
    pub(super) fn width(&self) -> Option<usize> {
        (self.ends.len() == 1).then_some(self.cells.len())
    }

    /// A value of a request of one row. None for one that does not count. `made`: room for its token where that does not stand in
    /// the line as such.
    pub(super) fn cell<'a>(
        &'a self,
        at: usize,
        text: &'a str,
        moved: &Moved,
        made: &'a mut String,
    ) -> Option<Raw<'a>> {
        match &self.cells[at] {
            Cell::Passed => None,
            Cell::Same(token) => Some(Raw::Json(token)),
            Cell::Value(number) => Some(Raw::Json(token(&text[moved.values()[*number].clone()], made))),
        }
    }

    /// Puts the rows of the request into `rows`, and nothing for values that do not count.
    pub(super) fn put(&self, text: &str, moved: &Moved, rows: &mut Grid, made: &mut String) {
        rows.clear();
        let mut start = 0;
        for &end in &self.ends {
            for at in start..end {
                match self.cell(at, text, moved, made) {
                    Some(cell) => rows.push(cell),
                    None => rows.push_passed(1),
                }
            }
            rows.end_row();
            start = end;
        }
    }

    /// Whether ids and texts that are not asked for are strings. Those with escapes may be none for `serde_json`.
    pub(super) fn has_strings(&self, text: &str, moved: &Moved) -> bool {
        let tokens = self.strings.iter().map(|&number| text[moved.values()[number].clone()].as_bytes());
        tokens.into_iter().all(|token| token.first() == Some(&b'"') && memchr::memchr(b'\\', token).is_none())
    }

    /// The inference time, where `has_strings`.
    pub(super) fn time<'a>(&self, text: &'a str, moved: &Moved) -> Option<&'a str> {
        let token = &text[moved.values()[self.time?].clone()];
        token.strip_prefix('"')?.strip_suffix('"')
    }

    /// The record of a line, without its request and ids; none where a text has an escape that must be looked up. `made`: room for
    /// the texts of answer and ground truth.
    pub(super) fn record<'a>(
        &'a self,
        text: &'a str,
        moved: &Moved,
        made: &'a mut [Vec<u8>; 2],
    ) -> Option<Record<'a>> {
        let [of_output, of_truth] = made;
        let payload = |part: &'a Option<Part>, made: &'a mut Vec<u8>| match part {
            Some(part) => part.payload(text, moved, made).map(Some),
            None => Some(None),
        };
        let time = self.time(text, moved);
        Some(Record {
            capture_data: Some(CaptureData {
                endpoint_input: Some(Payload { data: None, encoding: None, observed_content_type: None }),
                endpoint_output: payload(&self.output, of_output)?,
                batch_transform_output: None,
            }),
            ground_truth_data: payload(&self.truth, of_truth)?,
            event_metadata: time.map(|time| EventMetadata {
                event_id: None,
                inference_id: None,
                inference_time: Some(Cow::Borrowed(time)),
            }),
        })
    }
}

impl Part {
    fn payload<'a>(&'a self, text: &'a str, moved: &Moved, made: &'a mut Vec<u8>) -> Option<Payload<'a>> {
        let string = self.string.at(moved, 0);
        let inside = text[string].strip_prefix('"')?.strip_suffix('"')?;
        let data = if memchr::memchr(b'\\', inside.as_bytes()).is_none() {
            inside
        } else {
            made.clear();
            scan::push_unescaped(inside, made)?;
            str::from_utf8(made).ok()?
        };
        Some(Payload {
            data: Some(Text::Borrowed(data)),
            encoding: self.encoding,
            observed_content_type: self.content_type.as_deref().map(Cow::Borrowed),
        })
    }

    /// The tokens that decide about its row. `made`: room for them.
    fn tokens<'a>(&self, text: &'a str, moved: &Moved, made: &'a mut String) -> &'a str {
        let token = |number: usize| &text[moved.values()[number].clone()];
        if let [only] = self.deciding[..] {
            return token(only);
        }
        made.clear();
        for &number in &self.deciding {
            made.push_str(token(number));
            // No token has one.
            made.push('\n');
        }
        made
    }

    /// The cell of its only row, where another one was read in which the same values decide.
    pub(super) fn cell(&self, text: &str, moved: &Moved, made: &mut String) -> Option<Raw<'_>> {
        self.memo.get(self.tokens(text, moved, made))
    }

    /// What was read of it.
    pub(super) fn keep(&mut self, text: &str, moved: &Moved, made: &mut String, cell: Raw<'_>) {
        let tokens = self.tokens(text, moved, made);
        self.memo.put(tokens, cell);
    }
}

/// A number or a string as JSON: in the text of a string its quotes are escaped.
fn token<'a>(written: &'a str, made: &'a mut String) -> &'a str {
    match written.strip_prefix("\\\"").and_then(|written| written.strip_suffix("\\\"")) {
        Some(inside) => {
            made.clear();
            made.push('"');
            made.push_str(inside);
            made.push('"');
            made
        }
        None => written,
    }
}

#[cfg(test)]
#[path = "tests_of_known.rs"]
mod tests;
