//! Label, prediction and score of each row: from the columns of a dataset, or from the answer and the labels of a
//! captured record. Values are paired by position within their record only. Captures, answers and labels are read by
//! the readers that every monitor has.

use std::borrow::Cow;

use plumbline_common::record::{CaptureData, Payload, Record};
use plumbline_common::{Problem, Result, codes};

use crate::config::ContentType;
use crate::read::answer::{self, Fault};
use crate::read::captured::{brief, place};
use crate::read::grid::Grid;
use crate::read::payload;
use crate::read::truth::Truth;
use crate::values::path::{Found, Paths};
use crate::values::raw::Raw;
use crate::values::scan;
use crate::values::typing::{self, Cell};

const PREDICTION: &str = "inference_attribute";
const SCORE: &str = "probability_attribute";
const LABEL: &str = "ground_truth_attribute";
const GROUPS: &str = "segment_columns";

/// Where the values of a row stand, as the settings say it.
#[derive(Debug, Clone, Default)]
pub struct Places {
    pub prediction: Option<String>,
    pub score: Option<String>,
    pub label: Option<String>,
    /// Columns that rows are grouped by.
    pub groups: Vec<String>,
}

/// Where a value stands: a column's name or position in a dataset, a position in CSV, a JMESPath in JSON.
pub struct Attribute {
    /// The setting that says so.
    setting: &'static str,
    text: String,
    position: Option<usize>,
}

impl Attribute {
    pub fn new(setting: &'static str, text: &str) -> Attribute {
        let text = text.trim();
        Attribute { setting, text: text.into(), position: text.parse().ok() }
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
}

/// Columns of the request that rows are grouped by.
struct Group {
    attribute: Attribute,
    /// None for a position.
    path: Option<Paths>,
    grid: Grid,
    seen: bool,
}

/// Reads the rows of captured records, one record after the other.
pub struct Answers {
    reader: answer::Answers,
    /// Which of prediction and score the settings name.
    prediction: bool,
    score: bool,
    /// So many fields at the end of a joined CSV line are the answer.
    fields: usize,
    truth: Truth,
    label: Option<String>,
    groups: Vec<Group>,
    answer: answer::Answer,
    labels: Grid,
    scratch: Grid,
    found: Vec<Found>,
    rows: usize,
    labelled: bool,
    seen: Seen,
}

/// What some record had.
#[derive(Default)]
struct Seen {
    answer: bool,
    label: bool,
    /// The setting of the first place where nothing stood in an answer.
    nothing_at: Option<String>,
}

/// A row of the record.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer<'a> {
    pub label: Option<Cow<'a, str>>,
    pub prediction: Option<Cow<'a, str>>,
    pub score: Option<Cow<'a, str>>,
}

impl Answers {
    /// # Errors
    /// `PATH_INVALID` for a text that is neither a position nor a JMESPath.
    pub fn new(places: &Places) -> Result<Answers> {
        let positions = [&places.prediction, &places.score].into_iter().flatten();
        let fields =
            positions.filter_map(|text| text.trim().parse::<usize>().ok()).max().map_or(1, |last| last + 1);
        let reader = answer::Answers::at(
            places.prediction.as_deref().map(|text| (PREDICTION, text.trim())),
            places.score.as_deref().map(|text| (SCORE, text.trim())),
        )?;
        let label = places.label.as_deref().map(str::trim);
        let position = label.and_then(|text| text.parse().ok());
        let path = match label {
            Some(text) if position.is_none() => Some(Ok(Paths::compile(&[(LABEL, text)])?)),
            Some(text) => Some(place(LABEL, text)),
            None => None,
        };
        let group = |text: &String| {
            let attribute = Attribute::new(GROUPS, text);
            let path = match attribute.position {
                None => Some(Paths::compile(&[(GROUPS, &attribute.text)])?),
                Some(_) => None,
            };
            Ok(Group { attribute, path, grid: Grid::default(), seen: false })
        };
        Ok(Answers {
            reader,
            prediction: places.prediction.is_some(),
            score: places.score.is_some(),
            fields,
            truth: Truth::new(LABEL, position, path),
            label: label.map(String::from),
            groups: places.groups.iter().map(group).collect::<Result<_>>()?,
            answer: answer::Answer::default(),
            labels: Grid::default(),
            scratch: Grid::default(),
            found: Vec::new(),
            rows: 0,
            labelled: false,
            seen: Seen::default(),
        })
    }

    /// Takes the values of a record.
    ///
    /// # Errors
    /// Why the record cannot be used.
    pub fn take(&mut self, record: &Record<'_>) -> std::result::Result<(), String> {
        let Some(capture) = &record.capture_data else { return Err("`captureData` is missing".into()) };
        self.rows = 0;
        self.answer.clear();
        let labels = self.labels(record.ground_truth_data.as_ref());
        let n_labels = labels.as_ref().ok().copied().flatten();
        self.rows = self.answers(capture, n_labels)?;
        self.labelled = labels?.is_some();
        if self.groups.is_empty() {
            return Ok(());
        }
        let Some(input) = capture.batch_transform_output.as_ref().or(capture.endpoint_input.as_ref()) else {
            return Err("`endpointInput` is missing".into());
        };
        self.groups(input).map_err(|reason| format!("input: {reason}"))
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    /// # Errors
    /// A value that is a list or an object, several where one is wanted.
    pub fn row(&self, row: usize) -> std::result::Result<Answer<'_>, String> {
        let prediction = match self.prediction {
            true => {
                let predicted =
                    self.reader.predicted(&self.answer, row).map_err(|problem| brief(&problem))?;
                text(predicted.raw())?
            }
            false => None,
        };
        Ok(Answer {
            label: if self.labelled { text(self.labels.cell(row, 0))? } else { None },
            prediction,
            score: if self.score { self.score(row)? } else { None },
        })
    }

    fn score(&self, row: usize) -> std::result::Result<Option<Cow<'_, str>>, String> {
        let mut cells = self.reader.score_cells(&self.answer, row);
        match (cells.next(), cells.len()) {
            (Some(cell), 0) => score(cell),
            (None, _) => Ok(None),
            (Some(_), more) => Err(format!("{} scores for a row where `{SCORE}` names one", more + 1)),
        }
    }

    /// The value of a row in a column that rows are grouped by.
    pub fn group(&self, row: usize, group: usize) -> Option<Cow<'_, str>> {
        self.groups.get(group).and_then(|group| text(group.grid.cell(row, 0)).ok().flatten())
    }

    /// What was looked for, always in the same order: setting and text, and whether some record had it. The first is
    /// the answer; its setting is empty where no record tells which one found nothing.
    pub fn sought(&self) -> Vec<(String, String, bool)> {
        let place = || {
            let setting = self.seen.nothing_at.as_deref()?;
            Some((setting.to_string(), self.reader.place_of(setting)?.to_string()))
        };
        let (setting, text) = place().unwrap_or_default();
        let label = self.label.iter().map(|label| (LABEL.to_string(), label.clone(), self.seen.label));
        let groups =
            self.groups.iter().map(|group| (GROUPS.to_string(), group.attribute.text.clone(), group.seen));
        std::iter::once((setting, text, self.seen.answer)).chain(label).chain(groups).collect()
    }

    /// Reads the labels; how many there are, none when the record has none.
    fn labels(&mut self, truth: Option<&Payload<'_>>) -> std::result::Result<Option<usize>, String> {
        self.labels.clear();
        let Some(truth) = truth.filter(|truth| truth.data.is_some()) else { return Ok(None) };
        let read =
            payload::text(truth).and_then(|(text, kind)| self.truth.append(&text, kind, &mut self.labels));
        read.map_err(|reason| format!("ground truth: {reason}"))?;
        self.seen.label |= self.labels.n_rows() > 0;
        Ok(Some(self.labels.n_rows()))
    }

    /// Reads the answers to `n` rows, as many as the answer itself has when none are given.
    fn answers(&mut self, capture: &CaptureData<'_>, n: Option<usize>) -> std::result::Result<usize, String> {
        let (output, batch) = match (&capture.batch_transform_output, &capture.endpoint_output) {
            (Some(batch), _) => (batch, true),
            (None, Some(output)) => (output, false),
            (None, None) => return Err("`endpointOutput` is missing".into()),
        };
        let of_output = |reason: String| format!("output: {reason}");
        let (text, kind) = payload::text(output).map_err(of_output)?;
        let read = match (batch, kind) {
            (true, ContentType::Csv) => self.joined_lines(&text),
            (true, _) => self.joined_documents(&text, kind, n),
            (false, _) => {
                let n = n.unwrap_or_else(|| self.reader.rows(&text, kind, &mut self.answer));
                self.reader.append(&text, kind, n, &mut self.answer).map(|()| n)
            }
        };
        let rows = read.and_then(|rows| {
            let n = n.unwrap_or(rows);
            self.reader.counts(n, &self.answer).map(|()| n)
        });
        self.seen.answer |= rows.is_ok();
        rows.map_err(|fault| match fault {
            Fault::Count(found) => {
                format!("{} and {}", count(found, "answer"), count(n.unwrap_or(found), "label"))
            }
            Fault::Problem(problem) => {
                self.seen.nothing_at = self.seen.nothing_at.take().or_else(|| problem.place().field.clone());
                of_output(brief(&problem))
            }
        })
    }

    /// Lines of a batch transform that was joined with its input: the answer stands at their ends.
    fn joined_lines(&mut self, text: &str) -> std::result::Result<usize, Fault> {
        self.scratch.clear();
        self.scratch
            .push_csv(text)
            .map_err(|reason| Fault::Problem(Problem::new(&codes::BAD_RECORD, reason)))?;
        for row in 0..self.scratch.n_rows() {
            let before = self.scratch.width(row).saturating_sub(self.fields);
            let cell = |at: usize| match self.scratch.cell(row, before + at) {
                Raw::Csv(text) => text,
                _ => "",
            };
            self.reader.row(self.scratch.width(row) - before, cell, &mut self.answer)?;
        }
        Ok(self.scratch.n_rows())
    }

    fn joined_documents(
        &mut self,
        text: &str,
        kind: ContentType,
        n: Option<usize>,
    ) -> std::result::Result<usize, Fault> {
        let bad = |reason: String| Fault::Problem(Problem::new(&codes::BAD_RECORD, reason));
        let several = payload::documents(text, kind).nth(1).is_some();
        let mut rows = 0;
        for document in payload::documents(text, kind) {
            let output = payload::joined_output(document).map_err(bad)?;
            let n = match n {
                Some(n) if !several => n,
                _ => self.reader.rows(output, ContentType::Json, &mut self.answer),
            };
            self.reader.append(output, ContentType::Json, n, &mut self.answer)?;
            rows += n;
        }
        Ok(rows)
    }

    fn groups(&mut self, input: &Payload<'_>) -> std::result::Result<(), String> {
        let (text, kind) = payload::text(input)?;
        let kind = payload::kind_of_rows(kind, &text);
        for group in &mut self.groups {
            group.read(&text, kind, &mut self.scratch, &mut self.found)?;
            if group.grid.n_rows() != self.rows {
                let (answers, rows) = (count(self.rows, "answer"), count(group.grid.n_rows(), "input row"));
                return Err(format!("{answers} and {rows}"));
            }
        }
        Ok(())
    }
}

impl Group {
    /// Reads the column's value of each row of a request.
    fn read(
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

fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// The text of a label or a prediction; none when it is missing.
fn text(raw: Raw<'_>) -> std::result::Result<Option<Cow<'_, str>>, String> {
    match raw {
        Raw::Csv(text) => Ok(Some(Cow::Borrowed(text)).filter(|text| !is_none(text))),
        Raw::Text(text) => Ok(Some(Cow::Borrowed(text))),
        Raw::Missing => Ok(None),
        Raw::Json(json) if scan::is_null(json) => Ok(None),
        Raw::Json(json) if json.starts_with('"') => {
            Ok(Some(scan::unescaped(&json[1..json.len() - 1])).filter(|text| !text.trim().is_empty()))
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

/// Whether a cell of CSV is no label and no prediction: blank, or the word for what is no number. Other words that
/// stand for nothing, such as `NA` and `None`, may be classes.
pub fn is_none(text: &str) -> bool {
    let text = text.trim();
    text.is_empty() || text.trim_start_matches('-').eq_ignore_ascii_case("nan")
}

/// As `text`; a truth value is 1 or 0.
fn score(raw: Raw<'_>) -> std::result::Result<Option<Cow<'_, str>>, String> {
    let truth = match typing::parse(raw) {
        Cell::Bool(truth) => Some(truth),
        Cell::Text(text) => match typing::parse(Raw::Csv(text.trim())) {
            Cell::Bool(truth) => Some(truth),
            _ => None,
        },
        _ => None,
    };
    match truth {
        Some(truth) => Ok(Some(Cow::Borrowed(if truth { "1" } else { "0" }))),
        None => text(raw),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    fn wanted(prediction: Option<&str>, score: Option<&str>, label: Option<&str>) -> Places {
        let place = |text: Option<&str>| text.map(String::from);
        Places { prediction: place(prediction), score: place(score), label: place(label), groups: Vec::new() }
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
    fn check(text: &str, wanted: Places, expected: std::result::Result<&[[&str; 3]], &str>) {
        let record: Record = serde_json::from_str(text).unwrap();
        let mut answers = Answers::new(&wanted).unwrap();
        let taken = answers.take(&record).and_then(|()| {
            let row = |row: usize| {
                let row = answers.row(row)?;
                Ok([row.label, row.prediction, row.score].map(|text| text.unwrap_or_default().into_owned()))
            };
            (0..answers.rows()).map(row).collect::<std::result::Result<Vec<[String; 3]>, String>>()
        });
        match (taken, expected) {
            (Ok(rows), Ok(expected)) => assert_eq!(rows, expected),
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
        check(&record(csv("0.1"), csv("0")), wanted(None, Some("3"), None), Err("index 3 and 1 columns"));
        check(&record(csv("0.1"), csv("0")), wanted(None, Some("score"), None), Err("no names"));
        // Lists in square brackets are rows; an empty cell stays at its place.
        check(
            &record(csv("[0.1, 0.9],[0.2, 0.8]"), csv("0\n1")),
            wanted(None, Some("0"), None),
            Err("2 scores for a row"),
        );
        check(
            &record(csv("['no', 0.9]\n[\"yes\", 0.8]"), csv("0\n1")),
            wanted(Some("0"), None, None),
            Err("the label of a record is a list"),
        );
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
            wanted(None, Some("[*][1]"), None),
            Ok(&[["true", "", "0.9"]]),
        );
        check(
            &record(as_json("{}"), csv("1")),
            wanted(None, Some("score"), None),
            Err("(`probability_attribute`)"),
        );
        check(
            &record(as_json("[[0.1, 0.9]]"), as_json("[true]")),
            wanted(None, Some("1"), None),
            Err("a position cannot tell"),
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
    fn nulls_keep_their_places_and_nan_is_one_of_them() {
        let answer = as_json(r#"{"p": [{"l": "a", "s": 0.1}, {"l": null, "s": NaN}, {"s": 0.3}]}"#);
        let places = || wanted(Some("p[*].l"), Some("p[*].s"), Some("y"));
        let rows = [["1", "a", "0.1"], ["", "", ""], ["3", "", "0.3"]];
        for labels in [as_json(r#"{"y": [1, NaN, 3]}"#), csv("1\nnan\n3"), csv("1,NaN,3")] {
            check(&record(answer.clone(), labels), places(), Ok(&rows));
        }
        let lines = "{\"l\":\"a\",\"s\":0.1}\n{\"l\":NaN,\"s\":null}\n{\"l\":\"\",\"s\":0.3}";
        // A place where nothing stands in a document of its own costs the record.
        check(
            &record(as_json(lines), csv("1\n2\n3")),
            wanted(Some("l"), None, None),
            Err("(`inference_attribute`)"),
        );
        check(
            &record(csv("a,0.1\n,NaN\nNA,0.3"), csv("1\n\"\"\n3")),
            wanted(Some("0"), Some("1"), None),
            Ok(&[["1", "a", "0.1"], ["", "", ""], ["3", "NA", "0.3"]]),
        );
    }

    #[test]
    fn truth_values_and_texts_are_scores() {
        for (answer, kind) in [("true\n\"0.5\"\nFalse", "CSV"), ("[true, \"0.5\", \"False\"]", "JSON")] {
            let output = json!({"data": answer, "encoding": kind});
            let place = if kind == "CSV" { "0" } else { "@" };
            check(
                &record(output, csv("1\n2\n3")),
                wanted(None, Some(place), None),
                Ok(&[["1", "", "1"], ["2", "", "0.5"], ["3", "", "0"]]),
            );
        }
    }

    #[test]
    fn each_part_of_a_record_has_its_own_kind() {
        let base64 = |text: &str| {
            use base64::Engine;
            let data = base64::engine::general_purpose::STANDARD.encode(text);
            json!({"data": data, "encoding": "BASE64"})
        };
        for labels in [csv("1\n0"), as_json("[1, 0]"), base64("1\n0"), base64("[1,0]"), as_json("1\n0")] {
            check(
                &record(base64("{\"p\":[{\"s\":0.1},{\"s\":0.2}]}"), labels),
                wanted(None, Some("p[*].s"), None),
                Ok(&[["1", "", "0.1"], ["0", "", "0.2"]]),
            );
        }
        check(&record(csv("MC4x"), csv("1")), wanted(None, Some("0"), None), Err("BASE64"));
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
        let column =
            |text: &str| Attribute::new("probability_attribute", text).column(["y", "0", "p"].into_iter());
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
