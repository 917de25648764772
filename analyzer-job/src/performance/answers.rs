//! Label, prediction and score of each row: from the columns of a dataset, or from the answer and the labels of a
//! captured record. Values are paired by position within their record only.

use std::borrow::Cow;

use plumbline_common::record::{self, Record};
use plumbline_common::{Problem, Result, codes};

use crate::config::ContentType;
use crate::read::grid::Grid;
use crate::read::payload;
use crate::values::path::{Found, Paths};
use crate::values::raw::Raw;

/// Where a value stands: a column's name or position in a dataset, a position in CSV, a JMESPath in JSON.
pub struct Attribute {
    /// The setting that says so.
    setting: &'static str,
    text: String,
    position: Option<usize>,
    path: Option<Paths>,
    /// Whether any record had it.
    seen: bool,
}

impl Attribute {
    /// # Errors
    /// `PATH_INVALID` where `captured` and the text is neither a position nor a JMESPath.
    pub fn new(setting: &'static str, text: &str, captured: bool) -> Result<Attribute> {
        let text = text.trim();
        let position = text.parse().ok();
        let path =
            if captured && position.is_none() { Some(Paths::compile(&[(setting, text)])?) } else { None };
        Ok(Attribute { setting, text: text.into(), position, path, seen: false })
    }

    /// The column of a dataset: a name, else a position from 0.
    ///
    /// # Errors
    /// `COLUMN_NOT_FOUND`.
    pub fn column<'a>(&self, names: impl Iterator<Item = &'a str> + Clone) -> Result<usize> {
        let count = names.clone().count();
        let named = names.clone().position(|name| name == self.text);
        named.or(self.position.filter(|&position| position < count)).ok_or_else(|| {
            const SHOWN: usize = 20;
            let mut listed: Vec<String> = names.take(SHOWN).map(|name| format!("`{name}`")).collect();
            if count > SHOWN {
                listed.push("...".into());
            }
            Problem::new(&codes::COLUMN_NOT_FOUND, "the dataset has no such column")
                .field(self.setting)
                .found(format!("`{}`", self.text))
                .expected(format!("a name or a position from 0 among {count} columns: {}", listed.join(", ")))
        })
    }

    /// The problem when no record had it.
    fn missing(&self) -> Option<Problem> {
        (!self.seen).then(|| {
            Problem::new(&codes::COLUMN_NOT_FOUND, "no record has what the setting names")
                .field(self.setting)
                .found(format!("`{}`", self.text))
                .expected("a position from 0 in CSV payloads, a JMESPath in JSON payloads")
        })
    }
}

/// What is taken from each record.
pub struct Wanted {
    pub prediction: Option<Attribute>,
    pub score: Option<Attribute>,
    /// `None`: the whole label.
    pub label: Option<Attribute>,
    /// Columns of the request that rows are grouped by.
    pub groups: Vec<Attribute>,
}

/// Rows of one record; reused from record to record.
#[derive(Default)]
pub struct Answers {
    prediction: Grid,
    score: Grid,
    label: Grid,
    groups: Vec<Grid>,
    scratch: Grid,
    found: Vec<Found>,
    rows: usize,
    labelled: bool,
}

/// A row of the record.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer<'a> {
    pub label: Option<Cow<'a, str>>,
    pub prediction: Option<Cow<'a, str>>,
    pub score: Option<Cow<'a, str>>,
}

impl Answers {
    /// Takes the values of a record.
    ///
    /// # Errors
    /// Why the record cannot be used.
    pub fn take(&mut self, record: &Record<'_>, wanted: &mut Wanted) -> std::result::Result<(), String> {
        let Some(capture) = &record.capture_data else { return Err("`captureData` is missing".into()) };
        self.rows = 0;
        self.groups.resize_with(wanted.groups.len(), Grid::default);
        for grid in
            [&mut self.prediction, &mut self.score, &mut self.label].into_iter().chain(&mut self.groups)
        {
            grid.clear();
        }
        let (output, inside) = match (&capture.batch_transform_output, &capture.endpoint_output) {
            (Some(batch), _) => (batch, Some("SageMakerOutput")),
            (None, Some(output)) => (output, None),
            (None, None) => return Err("`endpointOutput` is missing".into()),
        };
        let (text, syntax) = payload::text(output).map_err(|reason| format!("output: {reason}"))?;
        // A line of a joined CSV batch ends with the answer: as many fields as the settings name.
        let fields = match (&inside, syntax) {
            (Some(_), ContentType::Csv) => {
                let named = [&wanted.prediction, &wanted.score].into_iter().flatten();
                named.filter_map(|attribute| attribute.position).max().map(|last| last + 1)
            }
            _ => None,
        };
        let inside = inside.filter(|_| syntax != ContentType::Csv);
        let of_output = |reason: String| format!("output: {reason}");
        for (grid, attribute) in
            [(&mut self.prediction, &mut wanted.prediction), (&mut self.score, &mut wanted.score)]
        {
            let Some(attribute) = attribute else { continue };
            values(
                &Payload { text: &text, syntax, inside, fields },
                attribute,
                &mut self.scratch,
                &mut self.found,
                grid,
            )
            .map_err(of_output)?;
            let rows = grid.n_rows();
            if self.rows != 0 && rows != self.rows {
                return Err(format!("output: {} predictions and {rows} scores", self.rows));
            }
            self.rows = rows;
        }
        let labels = self.labels(record.ground_truth_data.as_ref(), wanted.label.as_mut())?;
        if let Some(labels) = labels
            && labels != self.rows
        {
            // Some models answer a batch on a single line of CSV.
            let one_line =
                syntax == ContentType::Csv && self.rows == 1 && text.trim().split(',').count() == labels;
            if !one_line || (wanted.prediction.is_some() && wanted.score.is_some()) {
                return Err(format!("{} and {}", count(self.rows, "answer"), count(labels, "label")));
            }
            let grid = if wanted.score.is_some() { &mut self.score } else { &mut self.prediction };
            grid.clear();
            grid.push_csv(&text)?;
            grid.turn();
            self.rows = labels;
        }
        self.labelled = labels.is_some();
        if wanted.groups.is_empty() {
            return Ok(());
        }
        let Some(input) = capture.endpoint_input.as_ref().or(capture.batch_transform_output.as_ref()) else {
            return Err("`endpointInput` is missing".into());
        };
        let (text, syntax) = payload::text(input).map_err(|reason| format!("input: {reason}"))?;
        for (grid, attribute) in self.groups.iter_mut().zip(&mut wanted.groups) {
            values(&Payload::plain(&text, syntax), attribute, &mut self.scratch, &mut self.found, grid)
                .map_err(|reason| format!("input: {reason}"))?;
            if grid.n_rows() != self.rows {
                return Err(format!(
                    "{} and {}",
                    count(self.rows, "answer"),
                    count(grid.n_rows(), "input row")
                ));
            }
        }
        Ok(())
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    /// # Errors
    /// A value that is a list or an object.
    pub fn row(&self, row: usize) -> std::result::Result<Answer<'_>, String> {
        Ok(Answer {
            label: if self.labelled { first(&self.label, row)? } else { None },
            prediction: first(&self.prediction, row)?,
            score: first(&self.score, row)?,
        })
    }

    /// The value of a row in a column that rows are grouped by.
    pub fn group(&self, row: usize, group: usize) -> Option<Cow<'_, str>> {
        self.groups.get(group).and_then(|grid| cell(grid.cell(row, 0)).ok().flatten())
    }

    /// Reads the labels; how many there are, none when the record has none.
    fn labels(
        &mut self,
        truth: Option<&record::Payload<'_>>,
        attribute: Option<&mut Attribute>,
    ) -> std::result::Result<Option<usize>, String> {
        let Some(truth) = truth.filter(|truth| truth.data.is_some()) else { return Ok(None) };
        let of_truth = |reason: String| format!("ground truth: {reason}");
        let (text, syntax) = payload::text(truth).map_err(of_truth)?;
        // A JSON label may come with the encoding of the capture beside it.
        let syntax = match text.trim_start().as_bytes().first() {
            Some(b'{' | b'[') if syntax == ContentType::Csv => payload::kind(None, None, &text),
            _ => syntax,
        };
        if let Some(attribute) = attribute {
            // A path names a part of JSON; a label that is CSV is the label itself.
            if syntax != ContentType::Csv || attribute.position.is_some() {
                values(
                    &Payload::plain(&text, syntax),
                    attribute,
                    &mut self.scratch,
                    &mut self.found,
                    &mut self.label,
                )
                .map_err(of_truth)?;
                return Ok(Some(self.label.n_rows()));
            }
            attribute.seen = true;
        }
        if syntax == ContentType::Csv {
            self.label.push_csv(&text).map_err(of_truth)?;
        } else {
            for document in documents(&text, syntax) {
                self.label.push_whole(document);
            }
        }
        let label = &self.label;
        for row in 0..label.n_rows() {
            if let Raw::Json(json) = label.cell(row, 0)
                && json.starts_with('{')
            {
                return Err(of_truth(
                    "the label is an object; name the label's place in it with `ground_truth_attribute`"
                        .into(),
                ));
            }
        }
        if label.n_rows() == 1 && label.width(0) > 1 {
            self.label.turn();
        }
        Ok(Some(self.label.n_rows()))
    }
}

fn first(grid: &Grid, row: usize) -> std::result::Result<Option<Cow<'_, str>>, String> {
    if grid.n_rows() == 0 { Ok(None) } else { cell(grid.cell(row, 0)) }
}

fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// The problems of attributes that no record had; for a run whose records were all unusable.
pub fn missing(wanted: &Wanted) -> Option<Problem> {
    let attributes = [&wanted.prediction, &wanted.score, &wanted.label].into_iter().flatten();
    attributes.chain(&wanted.groups).find_map(Attribute::missing)
}

/// A payload to look for values in.
struct Payload<'a> {
    text: &'a str,
    syntax: ContentType,
    /// The key that holds the answer.
    inside: Option<&'a str>,
    /// So many fields at the end of a CSV line are the answer; `None` for all.
    fields: Option<usize>,
}

impl Payload<'_> {
    fn plain(text: &str, syntax: ContentType) -> Payload<'_> {
        Payload { text, syntax, inside: None, fields: None }
    }
}

/// Appends the values that an attribute finds in a payload, a row for each.
fn values(
    payload: &Payload<'_>,
    attribute: &mut Attribute,
    scratch: &mut Grid,
    found: &mut Vec<Found>,
    grid: &mut Grid,
) -> std::result::Result<(), String> {
    let &Payload { text, syntax, inside, fields } = payload;
    let nothing =
        |attribute: &Attribute| format!("nothing found by `{}` = `{}`", attribute.setting, attribute.text);
    if syntax == ContentType::Csv || (attribute.position.is_some() && inside.is_none()) {
        let Some(position) = attribute.position else {
            return Err(format!(
                "the payload is CSV, and `{}` is `{}`, no position",
                attribute.setting, attribute.text
            ));
        };
        scratch.clear();
        if syntax == ContentType::Csv {
            scratch.push_csv(text)?;
        } else {
            documents(text, syntax).for_each(|document| scratch.push_whole(document));
        }
        for row in 0..scratch.n_rows() {
            let before = fields.map_or(0, |fields| scratch.width(row).saturating_sub(fields));
            match scratch.cell(row, before + position) {
                Raw::Csv(value) => {
                    grid.push(Raw::Csv(value));
                    grid.end_row();
                }
                Raw::Json(value) => grid.push_whole(value),
                _ => return Err(nothing(attribute)),
            }
        }
        attribute.seen |= scratch.n_rows() > 0;
        return Ok(());
    }
    for document in documents(text, syntax) {
        let document = match inside {
            Some(key) => part(document, key)?,
            None => document,
        };
        let before = grid.n_rows();
        match &attribute.path {
            Some(path) => {
                path.find(document, found).map_err(|error| format!("not JSON: {error}"))?;
                grid.push_values(document, &found[0]);
            }
            None => grid.push_whole(document),
        }
        if grid.n_rows() == before {
            return Err(nothing(attribute));
        }
        attribute.seen = true;
    }
    Ok(())
}

/// The value of a key of an object.
fn part<'a>(document: &'a str, key: &str) -> std::result::Result<&'a str, String> {
    let object: std::collections::BTreeMap<String, &'a serde_json::value::RawValue> =
        serde_json::from_str(document).map_err(|error| format!("no JSON object: {error}"))?;
    object
        .get(key)
        .map(|value| value.get())
        .ok_or_else(|| format!("`{key}` is missing; let the transform join its input (`JoinSource`)"))
}

fn documents(text: &str, syntax: ContentType) -> impl Iterator<Item = &str> {
    let lines = syntax == ContentType::JsonLines;
    let whole = (!lines).then(|| text.trim());
    let each = text.lines().map(str::trim).filter(move |line| lines && !line.is_empty());
    whole.into_iter().chain(each)
}

/// The text of a cell; none when it is missing.
fn cell(raw: Raw<'_>) -> std::result::Result<Option<Cow<'_, str>>, String> {
    match raw {
        Raw::Csv(text) | Raw::Text(text) => {
            Ok(Some(Cow::Borrowed(text)).filter(|text| !text.trim().is_empty()))
        }
        Raw::Json("null") | Raw::Missing => Ok(None),
        Raw::Json(json) if json.starts_with('"') => {
            serde_json::from_str(json).map(Cow::Owned).map(Some).map_err(|error| error.to_string())
        }
        Raw::Json(json) if json.starts_with(['[', '{']) => {
            let shown: String = json.chars().take(40).collect();
            Err(format!("`{shown}` as a value"))
        }
        Raw::Json(json) => Ok(Some(Cow::Borrowed(json))),
        Raw::Int(number) => Ok(Some(Cow::Owned(number.to_string()))),
        Raw::Float(number) => Ok(Some(Cow::Owned(number.to_string()))),
        Raw::Bool(truth) => Ok(Some(Cow::Owned(truth.to_string()))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    fn wanted(prediction: Option<&str>, score: Option<&str>, label: Option<&str>) -> Wanted {
        let attribute =
            |setting, text: Option<&str>| text.map(|text| Attribute::new(setting, text, true).unwrap());
        Wanted {
            prediction: attribute("inference_attribute", prediction),
            score: attribute("probability_attribute", score),
            label: attribute("ground_truth_attribute", label),
            groups: Vec::new(),
        }
    }

    fn record(output: Json, truth: Json) -> String {
        json!({"captureData": {"endpointOutput": output}, "groundTruthData": truth}).to_string()
    }

    fn csv(data: &str) -> Json {
        json!({"data": data, "encoding": "CSV", "observedContentType": "text/csv; charset=utf-8"})
    }

    fn as_json(data: &str) -> Json {
        json!({"data": data, "encoding": "JSON"})
    }

    #[track_caller]
    fn check(text: &str, mut wanted: Wanted, expected: std::result::Result<&[[&str; 3]], &str>) {
        let record: Record = serde_json::from_str(text).unwrap();
        let mut answers = Answers::default();
        match (answers.take(&record, &mut wanted), expected) {
            (Ok(()), Ok(expected)) => {
                let rows: Vec<[String; 3]> = (0..answers.rows())
                    .map(|row| {
                        let row = answers.row(row).unwrap();
                        [row.label, row.prediction, row.score]
                            .map(|text| text.unwrap_or_default().into_owned())
                    })
                    .collect();
                assert_eq!(rows, expected);
            }
            (Err(text), Err(part)) => assert!(text.contains(part), "{text}"),
            (found, expected) => panic!("{found:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn csv_answers_stand_at_positions() {
        let two = wanted(Some("0"), Some("1"), None);
        check(
            &record(csv("yes,0.9\nno,0.2\n"), csv("1\n0")),
            two,
            Ok(&[["1", "yes", "0.9"], ["0", "no", "0.2"]]),
        );
        // A batch on one line.
        check(
            &record(csv("0.1,0.2,0.3"), csv("0\n1\n1")),
            wanted(None, Some("0"), None),
            Ok(&[["0", "", "0.1"], ["1", "", "0.2"], ["1", "", "0.3"]]),
        );
        check(&record(csv("0.1"), csv("0,1")), wanted(None, Some("0"), None), Err("1 answer and 2 labels"));
        check(&record(csv("0.1"), csv("0")), wanted(None, Some("3"), None), Err("nothing found"));
        check(&record(csv("0.1"), csv("0")), wanted(None, Some("score"), None), Err("no position"));
    }

    #[test]
    fn json_answers_are_found_by_path() {
        let output = r#"{"predictions": [{"score": 0.1, "label": "a\"b"}, {"score": 0.2, "label": 1}]}"#;
        check(
            &record(as_json(output), csv("x\ny")),
            wanted(Some("predictions[*].label"), Some("predictions[*].score"), None),
            Ok(&[["x", "a\"b", "0.1"], ["y", "1", "0.2"]]),
        );
        let output = "{\"score\": 0.5, \"predicted_label\": 1}\n{\"score\": 0.25, \"predicted_label\": 0}\n";
        let lines =
            json!({"data": output, "encoding": "JSON", "observedContentType": "application/jsonlines"});
        let truth = json!({"data": "{\"label\": 1}\n{\"label\": 0}", "encoding": "JSON"});
        check(
            &record(lines, truth),
            wanted(Some("predicted_label"), Some("score"), Some("label")),
            Ok(&[["1", "1", "0.5"], ["0", "0", "0.25"]]),
        );
        check(
            &record(as_json("[[0.1, 0.9]]"), as_json("[true]")),
            wanted(None, Some("1"), None),
            Ok(&[["true", "", "0.9"]]),
        );
        check(
            &record(as_json("{}"), csv("1")),
            wanted(None, Some("score"), None),
            Err("nothing found by `probability_attribute`"),
        );
    }

    #[test]
    fn an_object_as_label_names_the_setting() {
        for truth in [as_json("{\"label\": 1}"), csv("{\"label\": 1}")] {
            check(
                &record(csv("0.1"), truth.clone()),
                wanted(None, Some("0"), None),
                Err("ground_truth_attribute"),
            );
            check(
                &record(csv("0.1"), truth),
                wanted(None, Some("0"), Some("label")),
                Ok(&[["1", "", "0.1"]]),
            );
        }
        check(&record(csv("0.1"), csv("1")), wanted(None, Some("0"), Some("label")), Ok(&[["1", "", "0.1"]]));
    }

    #[test]
    fn a_record_without_labels_has_rows_without_labels() {
        check(
            &record(csv("0.1\n0.2"), json!(null)),
            wanted(None, Some("0"), None),
            Ok(&[["", "", "0.1"], ["", "", "0.2"]]),
        );
    }

    #[test]
    fn batch_records_are_searched_in_their_output() {
        let data = r#"{"age": 3, "SageMakerOutput": {"score": 0.7}}"#;
        let text = json!({"captureData": {"batchTransformOutput": {"data": data, "encoding": "JSON"}},
                          "groundTruthData": {"data": "1", "encoding": "CSV"}})
        .to_string();
        check(&text, wanted(None, Some("score"), None), Ok(&[["1", "", "0.7"]]));
        let text = json!({"captureData": {"batchTransformOutput": {"data": "3,x,1,0.9", "encoding": "CSV"}},
                          "groundTruthData": {"data": "0", "encoding": "CSV"}})
        .to_string();
        check(&text, wanted(Some("0"), Some("1"), None), Ok(&[["0", "1", "0.9"]]));
        check(&text, wanted(None, Some("0"), None), Ok(&[["0", "", "0.9"]]));
    }

    #[test]
    fn columns_are_names_else_positions() {
        let column = |text: &str| {
            Attribute::new("probability_attribute", text, false).unwrap().column(["y", "0", "p"].into_iter())
        };
        assert_eq!(column("p").unwrap(), 2);
        assert_eq!(column("0").unwrap(), 1);
        assert_eq!(column("2").unwrap(), 2);
        let text = column("q").unwrap_err().to_string();
        assert!(
            text.contains("probability_attribute") && text.contains("`q`") && text.contains("`p`"),
            "{text}"
        );
    }
}
