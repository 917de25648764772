//! Label, prediction and score of each row: from the columns of a dataset, or from the answer and the labels of a
//! captured record. Values are paired by position within their record only. Captures, answers and labels are read by
//! the readers that every monitor has.

mod attribute;
mod cells;
mod groups;
mod request;

use std::borrow::Cow;

use plumbline_common::record::{CaptureData, Payload, Record};
use plumbline_common::{Problem, Result, codes};

use super::outcomes::ProblemType;
use crate::config::ContentType;
use crate::read::answer::{self, Fault};
use crate::read::captured::{brief, place};
use crate::read::grid::Grid;
use crate::read::headed::Headed;
use crate::read::payload;
use crate::read::shown::{Rules, Shown};
use crate::read::truth::Truth;
use crate::values::path::{Found, Paths};
use crate::values::raw::Raw;

pub use attribute::{Attribute, no_such_column};
pub use cells::is_none;
use cells::{score, text};
use groups::Group;
pub use groups::SEGMENTS;
use request::Request;

const PREDICTION: &str = "inference_attribute";
const SCORE: &str = "probability_attribute";
const LABEL: &str = "ground_truth_attribute";

/// Where the values of a row stand, as the settings say it.
#[derive(Debug, Clone, Default)]
pub struct Places {
    pub prediction: Option<String>,
    pub score: Option<String>,
    pub label: Option<String>,
    /// Of the features in requests of JSON.
    pub features: Option<String>,
    /// Names of the columns of requests in CSV.
    pub(crate) headed: Headed,
    /// Columns that rows are grouped by.
    pub groups: Vec<String>,
    /// Columns of a dataset that no metric reads anyway: they must be there.
    pub excluded: Vec<String>,
}

/// Reads the rows of captured records, one record after the other.
pub struct CapturedRows {
    reader: answer::Answers,
    /// Which of prediction and score the settings name.
    prediction: bool,
    /// Predictions are numbers.
    numbers: bool,
    score: bool,
    /// So many fields at the end of a joined CSV line are the answer.
    fields: usize,
    truth: Truth,
    label: Option<String>,
    groups: Vec<Group>,
    request: Request,
    answer: answer::Answer,
    labels: Grid,
    scratch: Grid,
    /// Of a request, which rows are grouped by.
    lines: Grid,
    found: Vec<Found>,
    rows: usize,
    labelled: bool,
    seen: Seen,
    shown: Shown,
    contradict: bool,
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
pub struct CapturedRow<'a> {
    pub label: Option<Cow<'a, str>>,
    pub prediction: Option<Cow<'a, str>>,
    pub score: Option<Cow<'a, str>>,
}

impl CapturedRows {
    /// # Errors
    /// `PATH_INVALID` for a text that is neither a position nor a JMESPath.
    pub fn new(places: &Places) -> Result<CapturedRows> {
        let positions = [&places.prediction, &places.score].into_iter().flatten();
        let fields =
            positions.filter_map(|text| text.trim().parse::<usize>().ok()).max().map_or(1, |last| last + 1);
        let reader = answer::Answers::at(
            places.prediction.as_deref().map(|text| (PREDICTION, text.trim())),
            places.score.as_deref().map(|text| (SCORE, text.trim())),
        )?;
        let label = places.label.as_deref().map(str::trim);
        let position = label.and_then(|text| text.parse().ok()).map(|position| (LABEL, position));
        let path = match label {
            Some(text) if position.is_none() => Some(Ok((text.into(), Paths::compile(&[(LABEL, text)])?))),
            Some(text) => Some(place(LABEL, text).map(|paths| (text.into(), paths))),
            None => None,
        };
        Ok(CapturedRows {
            reader,
            prediction: places.prediction.is_some(),
            numbers: false,
            score: places.score.is_some(),
            fields,
            truth: Truth::new(LABEL, position, path),
            label: label.map(String::from),
            groups: places.groups.iter().map(|text| Group::new(text)).collect::<Result<_>>()?,
            request: Request::new(places.features.as_deref(), &places.headed),
            answer: answer::Answer::default(),
            labels: Grid::default(),
            scratch: Grid::default(),
            lines: Grid::default(),
            found: Vec::new(),
            rows: 0,
            labelled: false,
            seen: Seen::default(),
            shown: Shown::default(),
            contradict: false,
        })
    }

    /// By these rules.
    pub(crate) fn read_by(mut self, rules: &Rules) -> CapturedRows {
        self.reader.read_by(rules, &rules.objects);
        self.truth.read_by(rules.truths);
        self.request.rule = rules.requests.clone();
        self
    }

    /// What the records show of one another.
    pub(crate) fn shown(&self) -> Shown {
        Shown {
            labels: self.reader.key_order(),
            objects: self.reader.key_sets(),
            requests: self.request.shown.clone(),
            ..self.shown.clone()
        }
    }

    /// Whether the record that was taken last cannot be used as the keys of an object contradict those of others, or the rows of
    /// its request are not as many as its answers while those of others are.
    pub(crate) fn contradict(&self) -> bool {
        self.contradict
    }

    /// Whether the request that was taken last has a header row of the names of its columns.
    pub(crate) fn has_header_row(&self) -> bool {
        self.request.is_headed
    }

    /// Predictions are numbers, not classes, if the problem is one of regression.
    pub fn of(mut self, problem: ProblemType) -> CapturedRows {
        self.numbers = problem == ProblemType::Regression;
        self
    }

    /// Takes the values of a record.
    ///
    /// # Errors
    /// Why the record cannot be used.
    pub fn take(&mut self, record: &Record<'_>) -> std::result::Result<(), String> {
        self.contradict = false;
        self.request.is_headed = false;
        let Some(capture) = &record.capture_data else { return Err("`captureData` is missing".into()) };
        self.rows = 0;
        self.answer.clear();
        let labels = self.labels(record.ground_truth_data.as_ref());
        let n_labels = labels.as_ref().ok().copied().flatten();
        self.rows = self.answers(capture, n_labels)?;
        self.labelled = labels?.is_some();
        // A batch tells its rows by itself.
        let request = capture.endpoint_input.as_ref().filter(|_| capture.batch_transform_output.is_none());
        if let (Some(n), Some(request)) = (n_labels, request) {
            self.request.fits(request, n).inspect_err(|_| self.contradict = true)?;
        }
        if self.groups.is_empty() {
            return Ok(());
        }
        let input = capture.batch_transform_output.as_ref().or(capture.endpoint_input.as_ref());
        match input.filter(|input| input.data.is_some()) {
            Some(input) => {
                let is_request = capture.batch_transform_output.is_none();
                self.groups(input, is_request).map_err(|reason| format!("input: {reason}"))
            }
            None => {
                self.groups.iter_mut().for_each(|group| group.without_request(self.rows));
                Ok(())
            }
        }
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    /// # Errors
    /// A value that is a list or an object, several where one is wanted.
    pub fn row(&self, row: usize) -> std::result::Result<CapturedRow<'_>, String> {
        let prediction = match self.prediction {
            true => {
                let predicted =
                    self.reader.predicted(&self.answer, row).map_err(|problem| brief(&problem))?;
                match predicted.raw() {
                    // No number, which is told as it stands there.
                    Raw::Csv(number) if self.numbers && !number.trim().is_empty() => {
                        Some(Cow::Borrowed(number))
                    }
                    raw => text(raw)?,
                }
            }
            false => None,
        };
        Ok(CapturedRow {
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
            (Some(_), more) => {
                Err(format!("several scores for a row where `{SCORE}` names one: {}", more + 1))
            }
        }
    }

    /// The value of a row in a column that rows are grouped by.
    pub fn group(&self, row: usize, group: usize) -> Option<Cow<'_, str>> {
        self.groups.get(group).and_then(|group| group.value(row))
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
        let groups = self.groups.iter().map(Group::sought);
        std::iter::once((setting, text, self.seen.answer)).chain(label).chain(groups).collect()
    }

    /// Reads the labels; how many there are, none when the record has none.
    fn labels(&mut self, truth: Option<&Payload<'_>>) -> std::result::Result<Option<usize>, String> {
        self.labels.clear();
        let Some(truth) = truth.filter(|truth| truth.data.is_some()) else { return Ok(None) };
        let of_truth = |reason: String| format!("ground truth: {reason}");
        let (text, kind) = payload::text(truth).map_err(of_truth)?;
        let read = self.truth.append(&text, kind, None, &mut self.labels);
        self.shown.truths.add(self.truth.forms());
        read.map_err(of_truth)?;
        if let Some(row) = (0..self.labels.n_rows()).find(|&row| self.labels.width(row) != 1) {
            let n = self.labels.width(row);
            return Err(of_truth(format!("{} for row {}", count(n, "label"), row + 1)));
        }
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
            (false, _) => self.append(&text, kind, n),
        };
        // A batch tells its rows by itself.
        let rows = read.and_then(|rows| match n {
            Some(n) if n != rows => Err(Fault::Count(rows)),
            _ => Ok(rows),
        });
        self.seen.answer |= rows.is_ok();
        rows.map_err(|fault| match fault {
            Fault::Count(found) => {
                format!("{} and {}", count(found, "answer"), count(n.unwrap_or(found), "label"))
            }
            Fault::Problem(problem) => {
                self.contradict = std::ptr::eq(problem.code(), &codes::HEADERS_DO_NOT_FIT);
                self.seen.nothing_at = self.seen.nothing_at.take().or_else(|| problem.place().field.clone());
                of_output(brief(&problem))
            }
        })
    }

    /// Reads a text that answers `n` rows, as many as it has itself when none are given; how many there are.
    fn append(
        &mut self,
        text: &str,
        kind: ContentType,
        n: Option<usize>,
    ) -> std::result::Result<usize, Fault> {
        let Some(n) = n else {
            // Nothing tells what a list belongs to.
            let n = self.reader.rows(text, kind, &mut self.answer);
            return self.reader.append_any(text, kind, n, &mut self.answer).map(|()| n);
        };
        let read = self.reader.append(text, kind, n, &mut self.answer);
        self.shown.answers.add(self.answer.forms());
        read.map(|()| n)
    }

    /// Lines of a batch transform that was joined with its input: the answer stands at their ends.
    fn joined_lines(&mut self, text: &str) -> std::result::Result<usize, Fault> {
        self.scratch.clear();
        self.scratch
            .push_csv(text)
            .map_err(|reason| Fault::Problem(Problem::new(&codes::BAD_RECORD, reason)))?;
        let mut widths = (0..self.scratch.n_rows()).map(|row| self.scratch.width(row));
        if let Some(first) = widths.next()
            && let Some(other) = widths.find(|width| *width != first)
        {
            let reason =
                format!("lines of {first} and of {other} columns, so that the answer's cannot be told");
            return Err(Fault::Problem(Problem::new(&codes::BAD_RECORD, reason)));
        }
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
            rows += self.append(output, ContentType::Json, n.filter(|_| !several))?;
        }
        Ok(rows)
    }

    /// `is_request`: a header row may be in it.
    fn groups(&mut self, input: &Payload<'_>, is_request: bool) -> std::result::Result<(), String> {
        let (text, kind) = payload::text(input)?;
        let kind = payload::kind_of_rows(kind, &text);
        if kind == ContentType::Csv && self.groups.iter().any(Group::is_position) {
            self.lines.clear();
            self.lines.push_csv(&text)?;
            if is_request {
                self.request.take_headers_out(&mut self.lines, self.rows, &mut self.scratch);
            }
        }
        for group in &mut self.groups {
            group.read(&text, kind, self.rows, &mut self.lines, &mut self.found)?;
            if group.n_rows() != self.rows {
                let (answers, rows) = (count(self.rows, "answer"), count(group.n_rows(), "input row"));
                return Err(format!("{answers} and {rows}"));
            }
        }
        Ok(())
    }
}

fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests;
