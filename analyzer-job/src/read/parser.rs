//! Captured records from their text, as `serde_json` reads them. Most records are known by an earlier one (see `values::alike`):
//! of these only the strings are looked at, and payloads without escapes are not copied.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::LazyLock;

use plumbline_common::record::{CaptureData, Encoding, EventMetadata, Payload, Record, Text};

use crate::values::alike::{Alike, Moved, Sample};
use crate::values::path::{Found, Paths};
use crate::values::scan;

/// Reads record after record.
#[derive(Debug, Default)]
pub(crate) struct Parser {
    found: Vec<Found>,
    alike: Alike<Form>,
    /// The texts of strings with escapes, one behind the other.
    made: Vec<u8>,
}

/// What stands in records: data, encoding and content type of each payload, and the metadata.
pub(super) const FIELDS: [&str; 15] = [
    "captureData.endpointInput.data",
    "captureData.endpointInput.encoding",
    "captureData.endpointInput.observedContentType",
    "captureData.endpointOutput.data",
    "captureData.endpointOutput.encoding",
    "captureData.endpointOutput.observedContentType",
    "captureData.batchTransformOutput.data",
    "captureData.batchTransformOutput.encoding",
    "captureData.batchTransformOutput.observedContentType",
    "groundTruthData.data",
    "groundTruthData.encoding",
    "groundTruthData.observedContentType",
    "eventMetadata.eventId",
    "eventMetadata.inferenceId",
    "eventMetadata.inferenceTime",
];

static PATHS: LazyLock<Paths> =
    LazyLock::new(|| Paths::compile(&FIELDS.map(|path| ("", path))).expect("paths that are right"));

/// The first of `FIELDS` of the answer, of the ground truth, and of the metadata.
pub(super) const OUTPUT: usize = 3;
pub(super) const TRUTH: usize = 9;
pub(super) const METADATA: usize = 12;

/// What is the same of records that are alike.
#[derive(Debug)]
struct Form {
    /// For each of `FIELDS` the number of its string among the values that differ.
    strings: [Option<usize>; FIELDS.len()],
    has_capture: bool,
    has_metadata: bool,
    /// The encoding of each payload that is there: input, output, output of a batch transform, ground truth.
    encodings: [Option<Option<Encoding>>; 4],
}

/// Where the text of a string stands.
#[derive(Clone)]
enum Stands {
    InLine(Range<usize>),
    /// In `made`.
    Made(Range<usize>),
}

impl Parser {
    /// A record and its text.
    ///
    /// # Errors
    /// Why the text is none.
    pub(crate) fn parse<'a>(&'a mut self, text: &'a [u8]) -> Result<(Record<'a>, &'a str), String> {
        let text = std::str::from_utf8(text).map_err(|_| "not UTF-8 text".to_string())?;
        let known = self.alike.find(text).map(|(form, moved)| form.strings(text, moved, &mut self.made));
        // It teaches nothing new, also where an escape of it must be looked up.
        let is_known = known.is_some();
        if let (Some(Some(strings)), Some((form, _))) = (known, self.alike.found()) {
            let made = std::str::from_utf8(&self.made).expect("text, of which escapes were taken out");
            return Ok((form.record(&strings, text, made), text));
        }
        let record = serde_json::from_str(text);
        let record = record.map_err(|error| format!("not a captured record: {}", column_only(&error)))?;
        if !is_known && self.alike.may_learn(text) {
            self.learn(text, &record);
        }
        Ok((record, text))
    }

    fn learn(&mut self, text: &str, record: &Record<'_>) {
        let Some(spans) = spans(text, &mut self.found) else { return };
        let is_encoding = |at: usize| at % 3 == 1 && at < METADATA;
        let is_fixed = |span: &Range<usize>| {
            (0..FIELDS.len()).any(|at| is_encoding(at) && spans[at].as_ref() == Some(span))
        };
        let sample = Sample::of(text, is_fixed);
        let capture = record.capture_data.as_ref();
        let payloads = [
            capture.and_then(|capture| capture.endpoint_input.as_ref()),
            capture.and_then(|capture| capture.endpoint_output.as_ref()),
            capture.and_then(|capture| capture.batch_transform_output.as_ref()),
            record.ground_truth_data.as_ref(),
        ];
        let mut is_there = [false; FIELDS.len()];
        for (payload, is_there) in payloads.iter().zip(is_there.chunks_exact_mut(3)) {
            let Some(payload) = payload else { continue };
            is_there[0] = payload.data.is_some();
            is_there[1] = payload.encoding.is_some();
            is_there[2] = payload.observed_content_type.is_some();
        }
        if let Some(metadata) = &record.event_metadata {
            is_there[METADATA] = metadata.event_id.is_some();
            is_there[METADATA + 1] = metadata.inference_id.is_some();
            is_there[METADATA + 2] = metadata.inference_time.is_some();
        }
        let mut strings = [None; FIELDS.len()];
        for (at, (is_there, span)) in is_there.into_iter().zip(&spans).enumerate() {
            // A list is a record too, for `serde_json`; its values have no names.
            if is_there != span.is_some() {
                return;
            }
            let Some(span) = span.as_ref().filter(|_| !is_encoding(at)) else { continue };
            let Some(value) = sample.value(span).filter(|_| text[span.clone()].starts_with('"')) else {
                return;
            };
            strings[at] = Some(value);
        }
        let form = Form {
            strings,
            has_capture: capture.is_some(),
            has_metadata: record.event_metadata.is_some(),
            encodings: payloads.map(|payload| payload.map(|payload| payload.encoding)),
        };
        self.alike.learn(sample, form);
    }
}

/// Where the values of `FIELDS` stand; nothing for a text that is no JSON.
pub(super) fn spans(text: &str, found: &mut Vec<Found>) -> Option<[Option<Range<usize>>; FIELDS.len()]> {
    PATHS.find(text, found).ok()?;
    Some(std::array::from_fn(|at| found[at].value()))
}

impl Form {
    /// Where the strings of a record stand; none when one of them is none, or has an escape whose letter must be looked up.
    fn strings(
        &self,
        text: &str,
        moved: &Moved,
        made: &mut Vec<u8>,
    ) -> Option<[Option<Stands>; FIELDS.len()]> {
        made.clear();
        let mut strings = [const { None }; FIELDS.len()];
        for (string, value) in strings.iter_mut().zip(self.strings) {
            let Some(value) = value else { continue };
            let span = moved.values()[value].clone();
            let inside = text[span.clone()].strip_prefix('"')?.strip_suffix('"')?;
            *string = Some(if memchr::memchr(b'\\', inside.as_bytes()).is_none() {
                Stands::InLine(span.start + 1..span.end - 1)
            } else {
                let start = made.len();
                scan::push_unescaped(inside, made)?;
                Stands::Made(start..made.len())
            });
        }
        Some(strings)
    }

    fn record<'a>(
        &self,
        strings: &[Option<Stands>; FIELDS.len()],
        line: &'a str,
        made: &'a str,
    ) -> Record<'a> {
        let text = |at: usize| {
            strings[at].clone().map(|stands| match stands {
                Stands::InLine(span) => &line[span],
                Stands::Made(span) => &made[span],
            })
        };
        let payload = |number: usize| {
            self.encodings[number].map(|encoding| Payload {
                data: text(3 * number).map(Text::Borrowed),
                encoding,
                observed_content_type: text(3 * number + 2).map(Cow::Borrowed),
            })
        };
        Record {
            capture_data: self.has_capture.then(|| CaptureData {
                endpoint_input: payload(0),
                endpoint_output: payload(1),
                batch_transform_output: payload(2),
            }),
            ground_truth_data: payload(TRUTH / 3),
            event_metadata: self.has_metadata.then(|| EventMetadata {
                event_id: text(METADATA).map(Text::Borrowed),
                inference_id: text(METADATA + 1).map(Text::Borrowed),
                inference_time: text(METADATA + 2).map(Cow::Borrowed),
            }),
        }
    }
}

/// An error of the JSON of one line, whose own line counts from the file's: only the column is told.
fn column_only(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(end) if error.line() == 1 => format!("{} at column {}", &text[..end], error.column()),
        Some(end) => text[..end].to_string(),
        None => text,
    }
}

#[cfg(test)]
#[path = "tests/parser.rs"]
mod tests;
