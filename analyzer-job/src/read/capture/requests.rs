//! Captured records whose request is like an earlier one.
//!
//! The request is the longest part of most records, and only a few of its values count. Where a record differs from an earlier one
//! in numbers and strings only, those of its request included (see `values::alike`), the values that count are found in the line
//! itself: the text of the request is neither taken out of its string nor walked. Answers and ground truth are read from their
//! texts, as those of any record.

use std::ops::Range;

use plumbline_common::record::{Encoding, Record};

use crate::config::ContentType;
use crate::read::grid::Grid;
use crate::read::parser::{FIELDS, Form, spans};
use crate::read::payload;
use crate::values::alike::{Alike, Moved};
use crate::values::nested::Nested;
use crate::values::path::{Found, Paths};
use crate::values::raw::Raw;

/// Records that were read, of requests in JSON.
#[derive(Debug, Default)]
pub(super) struct Requests {
    alike: Alike<Known>,
    found: Vec<Found>,
    /// The texts of strings with escapes, one behind the other.
    made: Vec<u8>,
}

/// What is the same of records that are alike.
#[derive(Debug)]
struct Known {
    /// Without the text of the request.
    form: Form,
    /// How the request is written.
    kind: ContentType,
    /// The values of its rows.
    cells: Vec<Cell>,
    /// How many values belong to each row and those before it.
    ends: Vec<usize>,
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

impl Requests {
    /// The record of a line, without the text of its request, and how that is written; its rows are put into `rows`. None for a line
    /// that is like none which was read.
    pub(super) fn find<'a>(
        &'a mut self,
        line: &'a [u8],
        rows: &mut Grid,
    ) -> Option<(Record<'a>, &'a str, ContentType)> {
        let Requests { alike, made, .. } = self;
        let text = str::from_utf8(line).ok()?;
        let (known, moved) = alike.find(text)?;
        let strings = known.form.strings(text, moved, made)?;
        known.put(text, moved, rows);
        let made = str::from_utf8(made).expect("text, of which escapes were taken out");
        Some((known.form.record(&strings, text, made), text, known.kind))
    }

    /// Learns from a line that is a record and like none which was read. `features`: where they stand in a request; `wanted`: the
    /// positions of the values of a row that count.
    pub(super) fn learn(&mut self, line: &[u8], features: &Paths, wanted: impl Fn(usize) -> bool) {
        let Ok(text) = str::from_utf8(line) else { return };
        if features.are_simple() && self.alike.may_learn(text) {
            let _learned = self.learn_of(text, features, wanted);
        }
    }

    /// None where a request is not read as JSON, or not so simply.
    fn learn_of(&mut self, text: &str, features: &Paths, wanted: impl Fn(usize) -> bool) -> Option<()> {
        // A list is a record too, for `serde_json`.
        let record: Record<'_> = serde_json::from_str(text).ok().filter(|_| text.starts_with('{'))?;
        let capture =
            record.capture_data.as_ref().filter(|capture| capture.batch_transform_output.is_none())?;
        let request = capture.endpoint_input.as_ref()?;
        if request.encoding == Some(Encoding::Base64) {
            return None;
        }
        let spans = spans(text, &mut self.found)?;
        let string = spans[0].as_ref().filter(|span| text[(*span).clone()].starts_with('"'))?;
        let nested = Nested::of(text, string)?;
        let (written, kind) = payload::text(request).ok()?;
        let kind = payload::kind_of_rows(kind, &written);
        let mut documents = payload::documents(&written, kind);
        let (Some(document), None) = (documents.next(), documents.next()) else { return None };
        let is_list_or_object = document.trim_ascii_start().starts_with(['[', '{']);
        if kind == ContentType::Csv || !is_list_or_object || !nested.text().starts_with(document) {
            return None;
        }
        features.find(document, &mut self.found).ok()?;
        let (values, ends) = self.found.first()?.plain_rows(document)?;
        if ends.is_empty() {
            return None;
        }
        let is_passed = |at: usize| at == 0 || at == 2 || (at % 3 == 1 && at < FIELDS.len() - 3);
        let is_fixed = |span: &Range<usize>| {
            (1..FIELDS.len()).any(|at| is_passed(at) && spans[at].as_ref() == Some(span))
        };
        let sample = nested.sample(text, string, is_fixed);
        let form = Form::of(&record, text, &spans, &sample, is_passed)?;
        let mut cells = Vec::with_capacity(values.len());
        let mut start = 0;
        for &end in &ends {
            // A row without values is a bad one.
            values.get(start..end).filter(|row| !row.is_empty())?;
            cells.extend(values[start..end].iter().enumerate().map(|(at, value)| {
                let number = || nested.place(value).and_then(|place| sample.value(&place));
                match wanted(at) {
                    true => number().map_or_else(|| Cell::Same(document[value.clone()].into()), Cell::Value),
                    false => Cell::Passed,
                }
            }));
            start = end;
        }
        self.alike.learn(sample, Known { form, kind, cells, ends });
        Some(())
    }
}

impl Known {
    fn put(&self, text: &str, moved: &Moved, rows: &mut Grid) {
        rows.clear();
        let mut cells = self.cells.iter();
        for &end in &self.ends {
            let n = end - (self.cells.len() - cells.len());
            for cell in cells.by_ref().take(n) {
                match cell {
                    Cell::Passed => rows.push(Raw::Json("")),
                    Cell::Same(token) => rows.push(Raw::Json(token)),
                    Cell::Value(number) => {
                        let token = &text[moved.values()[*number].clone()];
                        match token.strip_prefix("\\\"").and_then(|token| token.strip_suffix("\\\"")) {
                            Some(inside) => rows.push_quoted(inside),
                            None => rows.push(Raw::Json(token)),
                        }
                    }
                }
            }
            rows.end_row();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::Index;
    use serde_json::json;

    use super::*;
    use crate::values::path::Finds;

    /// The positions that count.
    fn is_wanted(at: usize) -> bool {
        at % 2 == 1
    }

    /// What is said of the values of a request that count, and of everything else of its record.
    fn told(record: &Record<'_>, kind: ContentType, rows: &Grid) -> String {
        let rows: Vec<Vec<String>> = (0..rows.n_rows())
            .map(|row| {
                let cell = |(at, cell)| if is_wanted(at) { format!("{cell:?}") } else { String::new() };
                rows.row(row).enumerate().map(cell).collect()
            })
            .collect();
        let mut rest = format!("{:?} {:?}", record.ground_truth_data, record.event_metadata);
        for borrowed in ["Borrowed(", "Owned("] {
            rest = rest.replace(borrowed, "(");
        }
        let output = record.capture_data.as_ref().and_then(|capture| capture.endpoint_output.as_ref());
        let output = output.map(|output| {
            (
                output.data.as_ref().map(|data| data.as_text().into_owned()),
                output.encoding,
                output.observed_content_type.as_deref().map(String::from),
            )
        });
        format!("{kind:?} {rows:?} {output:?} {rest}")
    }

    /// As every record is read; none for one without a request in JSON.
    fn read(line: &str, features: &Paths) -> Option<String> {
        let record: Record<'_> = serde_json::from_str(line).ok()?;
        let (text, kind) = payload::text(record.capture_data.as_ref()?.endpoint_input.as_ref()?).ok()?;
        let kind = payload::kind_of_rows(kind, &text);
        let (mut rows, mut found) = (Grid::default(), Finds::default());
        for document in payload::documents(&text, kind) {
            found.find(features, document).ok()?;
            rows.push_features(document, &found[0]).ok()?;
        }
        Some(told(&record, kind, &rows))
    }

    /// That what is known of a line is what is read of it; whether something is.
    fn check(requests: &mut Requests, line: &str, features: &Paths) -> bool {
        let mut rows = Grid::default();
        let known = requests.find(line.as_bytes(), &mut rows).map(|(record, text, kind)| {
            assert_eq!(text, line);
            told(&record, kind, &rows)
        });
        if let Some(known) = &known {
            assert_eq!(Some(known), read(line, features).as_ref(), "{line}");
        }
        known.is_some()
    }

    fn features() -> Paths {
        Paths::compile(&[("features", "f")]).unwrap()
    }

    /// A record with a request, which is written without blanks.
    fn record(request: &str, more: &str) -> String {
        let payload = |text: &str| json!({"observedContentType": "application/jsonlines", "mode": "X", "data": text, "encoding": "JSON"});
        json!({
            "captureData": {"endpointInput": payload(request), "endpointOutput": payload("{\"l\":0.5}\n")},
            "groundTruthData": payload("{\"y\":1}"),
            "eventMetadata": {"eventId": more, "inferenceTime": "2024-01-02T03:04:05Z"},
            "eventVersion": "0",
        })
        .to_string()
    }

    #[test]
    fn records_of_one_program_are_known_after_the_first() {
        let features = features();
        for (form, cells) in [
            ("{\"id\":1,\"f\":[A,B,true,C]}", 4),
            ("{\"f\":[[A,B],[C,null]],\"more\":\"x\"}\n", 4),
            (" {\"f\" : [ A , B,C ] }", 3),
        ] {
            let mut requests = Requests::default();
            for (at, [a, b, c]) in
                [["1", "\"x\"", "2.50"], ["-7e3", "\"é longer text\"", "0"], ["\"\"", "5", "12345678901"]]
                    .into_iter()
                    .enumerate()
            {
                let line = record(&form.replace('A', a).replace('B', b).replace('C', c), &format!("e\t{at}"));
                assert_eq!(check(&mut requests, &line, &features), at > 0, "{line}");
                requests.learn(line.as_bytes(), &features, is_wanted);
                let mut rows = Grid::default();
                assert!(requests.find(line.as_bytes(), &mut rows).is_some() && rows.n_cells() == cells);
            }
        }
    }

    /// Each byte of a record left out, another one put in its place or before it.
    #[test]
    fn damage_at_every_byte_is_read_as_ever() {
        let features = features();
        let line = record("{\"id\":12,\"f\":[3,\"ab\",-1.5,\"c\",null],\"t\":\"x\\\\\"}\n", "é1");
        let mut requests = Requests::default();
        requests.learn(line.as_bytes(), &features, is_wanted);
        assert!(check(&mut requests, &line, &features));
        let put =
            ["\\", "\"", "0", "7", "-", ".", "e", ",", "]", "}", "n", " ", "\t", "é", "\\\"", "\\u0041", ""];
        let mut known = 0;
        for at in (0..line.len()).filter(|&at| line.is_char_boundary(at) && line.is_char_boundary(at + 1)) {
            for (put, instead) in put.iter().flat_map(|put| [(put, 0), (put, 1)]) {
                let line = format!("{}{put}{}", &line[..at], &line[at + instead..]);
                known += usize::from(check(&mut requests, &line, &features));
            }
        }
        assert!(known > 500, "{known}");
    }

    #[test]
    fn requests_that_are_read_in_another_way_teach_nothing() {
        let lines = [
            record("1,2,3", "a"),
            record("{\"f\":7}", "a"),
            record("{\"f\":[]}", "a"),
            record("{\"f\":[[1],2]}", "a"),
            record("{\"f\":[1]}\n{\"f\":[2]}", "a"),
            record("\u{feff}{\"f\":[1]}", "a"),
            record("{\"f\":[1]}", "a").replace("\"encoding\":\"JSON\"", "\"encoding\":\"BASE64\""),
            record("{\"f\":[1]}", "a").replace("{\\\"f", "{\\u0022f"),
            record("{\"f\":[1]}", "a").replace("\"endpointInput\"", "\"batchTransformOutput\""),
            format!("[{}]", record("{\"f\":[1]}", "a")),
        ];
        let (simple, query) = (features(), Paths::compile(&[("features", "f | [*]")]).unwrap());
        for (line, features) in
            lines.iter().map(|line| (line.clone(), &simple)).chain([(record("{\"f\":[1]}", "a"), &query)])
        {
            let mut requests = Requests::default();
            requests.learn(line.as_bytes(), features, is_wanted);
            assert!(requests.find(line.as_bytes(), &mut Grid::default()).is_none(), "{line}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]
        /// Records of several forms in any order, and changes of them.
        #[test]
        fn what_is_known_of_a_record_is_what_is_read_of_it(
            forms in prop::collection::vec(
                prop::collection::vec(prop_oneof![
                    4 => prop_oneof![Just("1"), Just("0.25"), Just("\"a\""), Just("\"\"")],
                    1 => prop_oneof![Just("null"), Just("\"\\\"\""), Just("\"\\\\\""), Just("\"/\""), Just("[1]"), Just("NaN")],
                ], 0..5),
                1..4,
            ),
            order in prop::collection::vec(
                (any::<Index>(), any::<Index>(), prop_oneof!["[\\[\\]{}\":,\\\\ 0a-]{0,2}", Just("\\\"".to_string()), Just("\\\\".to_string())], 0..8_u8),
                1..16,
            ),
        ) {
            let features = features();
            let lines: Vec<String> = forms.iter().map(|cells| record(&format!("{{\"f\":[{}],\"g\":1}}", cells.join(",")), "e")).collect();
            let mut requests = Requests::default();
            for (line, at, put, change) in order {
                let mut line = line.get(&lines).clone();
                let at = (0..=at.index(line.len())).rev().find(|&at| line.is_char_boundary(at)).unwrap_or(0);
                match change {
                    0 => line.insert_str(at, &put),
                    1 => line.truncate(at),
                    2 => line = line.replacen("\\\"a\\\"", "7", 1),
                    3 => line = line.replacen("0.25", "\\\"longer\\\"", 1),
                    4 => line = line.replacen("0.25", "\"x\"", 1),
                    _ => {}
                }
                if !check(&mut requests, &line, &features) {
                    requests.learn(line.as_bytes(), &features, is_wanted);
                }
            }
        }
    }
}
