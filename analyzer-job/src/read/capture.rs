//! Captured traffic: endpoint captures, merged records and batch transform records, one JSON object a line.
//!
//! A record holds a request of one or more rows, the model's answer and perhaps the true labels. Rows are
//! paired by position within a record only; a record whose counts differ is left out, never shifted.

use std::path::Path;

use jiff::Timestamp;
use jiff::civil;
use jiff::tz::TimeZone;
use plumbline_common::input::{InputFile, Lines};
use plumbline_common::record::{EventMetadata, Record};
use plumbline_common::{Problem, Result, codes};
use serde_json::value::RawValue;

use crate::config::{Analysis, ContentType, Location, Predictor};
use crate::read::gather::Gather;
use crate::read::layout::{self, Brought, Layout};
use crate::read::payload::{self, Grid, Predicted, Syntax};
use crate::read::{Skips, Source};
use crate::values::path::{Found, Paths};
use crate::values::raw::Raw;

/// Reads all records of the window.
pub(crate) fn read(
    files: &[InputFile],
    analysis: &Analysis,
    source: &mut Source<'_>,
) -> Result<Option<(Layout, Gather)>> {
    let mut reader = Reader::new(analysis, source.options.keep_rows, source.exact)?;
    let limit = source.options.limit.unwrap_or(u64::MAX);
    let mut outside = Skips::new("outside the time window");
    let mut bad = Skips::new("that cannot be used");
    let mut since = 0;
    'files: for file in files {
        let mut lines = Lines::open(&file.path)?;
        let hour = folder_hour(file.folder());
        let mut bytes = 0;
        let mut first = true;
        while let Some((line, text)) = lines.next_line()? {
            // Folders of captures hold other files too; those are told by their first byte.
            if std::mem::take(&mut first)
                && !text.trim_ascii_start().starts_with(b"{")
                && !text.starts_with(b"[")
            {
                break;
            }
            bytes += text.len() as u64 + 1;
            since += 1;
            if since == Source::ROWS_BETWEEN_CHECKS {
                since = 0;
                source.advance(bytes.min(file.bytes))?;
                bytes = 0;
            }
            let name = file.relative.as_path();
            let mut take = |text: &[u8]| -> Result<bool> {
                if source.counts.records_read == limit {
                    return Ok(false);
                }
                source.counts.records_read += 1;
                let result = match parse(text) {
                    Err(reason) => Err(Bad::Record(reason)),
                    Ok(record) => match in_window(&record, hour, source.options.window) {
                        Err(reason) => Err(Bad::Record(reason)),
                        Ok(false) => {
                            outside.0.records += 1;
                            Ok(())
                        }
                        Ok(true) => reader.record(&record, analysis).map_err(|problem| match problem {
                            Bad::Record(reason) => Bad::Record(named(record.event_metadata.as_ref(), reason)),
                            stop => stop,
                        }),
                    },
                };
                match result {
                    Ok(()) => {}
                    Err(Bad::Job(problem)) => return Err(problem.file(name).line(line)),
                    Err(Bad::Record(reason)) if source.options.strict => {
                        return Err(Problem::new(&codes::BAD_RECORD, "a captured record cannot be used")
                            .file(name)
                            .line(line)
                            .found(reason)
                            .hint("with `on_bad_record` unset such records are left out and counted"));
                    }
                    Err(Bad::Record(reason)) => bad.add(name, line, &reason),
                }
                Ok(true)
            };
            let go_on = match array(text) {
                Some(records) => records.iter().try_fold(true, |on, record| {
                    if on { take(record.get().as_bytes()) } else { Ok(false) }
                })?,
                None => take(text)?,
            };
            if !go_on {
                break 'files;
            }
        }
    }
    source.captured = reader.content_types();
    let n_bad = bad.0.records;
    let used = source.counts.records_read - outside.0.records;
    let example = bad.0.examples.first().cloned().unwrap_or_default();
    if outside.0.records > 0 {
        source.counts.records_skipped.push(outside.0);
    }
    source.skipped(bad);
    if n_bad * 2 > used {
        if let (Some(problem), 0) =
            (reader.unfit, reader.read.as_ref().map_or(0, |(_, gather)| gather.rows()))
        {
            return Err(problem);
        }
        return Err(Problem::new(&codes::MOST_RECORDS_BAD, "more than half of the captured records cannot be used")
            .found(format!("{n_bad} of {used} records, the first: {example}"))
            .hint(if example.ends_with(NO_GROUND_TRUTH) {
                "run the merge job on the captures first, or give the setting `ground_truth_source`"
            } else {
                "check `features_attribute`, `inference_attribute`, `probability_attribute`, `headers` and `label`"
            }));
    }
    Ok(reader.read)
}

const NO_GROUND_TRUTH: &str = "`groundTruthData` is missing";

/// Why a record gives no rows.
enum Bad {
    /// It is left out and counted.
    Record(String),
    /// It shows that the configuration cannot fit.
    Job(Problem),
}

impl From<String> for Bad {
    fn from(reason: String) -> Bad {
        Bad::Record(reason)
    }
}

fn named(metadata: Option<&EventMetadata<'_>>, reason: String) -> String {
    match metadata.and_then(|metadata| metadata.event_id.as_ref()) {
        Some(id) => format!("event {}: {reason}", id.as_text()),
        None => reason,
    }
}

fn parse(text: &[u8]) -> std::result::Result<Record<'_>, String> {
    serde_json::from_slice(text).map_err(|error| format!("not a captured record: {error}"))
}

/// The records of a line that is a JSON array of them.
fn array(text: &[u8]) -> Option<Vec<&RawValue>> {
    text.trim_ascii_start().starts_with(b"[").then(|| serde_json::from_slice(text).ok()).flatten()
}

/// Whether a record's inference time, else the hour of its folder, lies in the window.
fn in_window(
    record: &Record<'_>,
    hour: Option<Timestamp>,
    window: Option<(Timestamp, Timestamp)>,
) -> std::result::Result<bool, String> {
    let Some((start, end)) = window else { return Ok(true) };
    let time = record.event_metadata.as_ref().and_then(|metadata| metadata.inference_time.as_deref());
    match time {
        Some(text) => {
            let time = text.parse::<Timestamp>().ok().or_else(|| {
                let utc = text.parse::<civil::DateTime>().ok()?.to_zoned(TimeZone::UTC).ok()?;
                Some(utc.timestamp())
            });
            let time = time.ok_or_else(|| format!("`inferenceTime` is no time: `{text}`"))?;
            Ok(start <= time && time < end)
        }
        // Batch transform records have no time; their folder has the hour of the transform's start.
        None => Ok(hour.is_none_or(|hour| {
            hour < end && hour.checked_add(jiff::SignedDuration::from_hours(1)).is_ok_and(|next| next > start)
        })),
    }
}

/// The hour that a folder's last four parts name: `.../2024/01/19/20`.
fn folder_hour(folder: &Path) -> Option<Timestamp> {
    let parts: Vec<&str> = folder.iter().filter_map(|part| part.to_str()).collect();
    let [year, month, day, hour] = *parts.last_chunk::<4>()?;
    let time = civil::DateTime::new(
        year.parse().ok()?,
        month.parse().ok()?,
        day.parse().ok()?,
        hour.parse().ok()?,
        0,
        0,
        0,
    );
    Some(time.ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// Reads record after record; the first good one decides the layout.
struct Reader<'a> {
    features: Paths,
    /// Of the answer: label, then probability; the whole answer stands for an absent probability.
    answer: Paths,
    has_label: bool,
    truth: Option<Paths>,
    batch: Paths,
    wants: Wants,
    predictor: Option<&'a Predictor>,
    threshold: f64,
    keep_rows: bool,
    exact: bool,
    read: Option<(Layout, Gather)>,
    /// Why the first record did not fit the headers; the reason when none does.
    unfit: Option<Problem>,
    syntax: (Option<Syntax>, Option<Syntax>),
    found: Vec<Found>,
    inputs: Grid,
    labels: Grid,
    scores: Grid,
    truths: Grid,
    scratch: Grid,
}

/// What the analysis needs of each record beside the features.
#[derive(Clone, Copy)]
struct Wants {
    truth: bool,
    predicted: bool,
}

impl<'a> Reader<'a> {
    fn new(analysis: &'a Analysis, keep_rows: bool, exact: bool) -> Result<Reader<'a>> {
        let predictor = analysis.predictor.as_ref();
        let name = |location: &'a Location| match location {
            Location::Name(path) => path.as_str(),
            // Only looked up in CSV, by position.
            Location::Index(_) => "@",
        };
        let label = predictor.and_then(|predictor| predictor.label.as_ref());
        let probability = predictor.and_then(|predictor| predictor.probability.as_ref());
        let answer = [
            ("inference_attribute", label.map_or("@", name)),
            ("probability_attribute", probability.map_or("@", name)),
        ];
        let truth = match &analysis.label {
            Some(Location::Name(path)) if jmespath::compile(path).is_ok() => {
                Some(Paths::compile(&[("label", path)])?)
            }
            // A header such as `Day Mins` is no path; it names the label of CSV payloads.
            _ => None,
        };
        let post = analysis.methods.post_training_bias.is_some();
        let pre = analysis.methods.pre_training_bias.is_some();
        Ok(Reader {
            features: Paths::compile(&[(
                "features_attribute",
                analysis.dataset.features.as_deref().unwrap_or("@"),
            )])?,
            answer: Paths::compile(&answer)?,
            has_label: label.is_some(),
            truth,
            batch: Paths::compile(&[("batchTransformOutput", "SageMakerOutput")])?,
            wants: Wants { truth: pre || post, predicted: post },
            predictor,
            threshold: analysis.probability_threshold,
            keep_rows,
            exact,
            read: None,
            unfit: None,
            syntax: (None, None),
            found: Vec::new(),
            inputs: Grid::default(),
            labels: Grid::default(),
            scores: Grid::default(),
            truths: Grid::default(),
            scratch: Grid::default(),
        })
    }

    fn content_types(&self) -> (Option<ContentType>, Option<ContentType>) {
        let kind = |syntax: Syntax| match syntax {
            Syntax::Csv => ContentType::Csv,
            Syntax::JsonLines => ContentType::JsonLines,
            Syntax::Json => ContentType::Json,
        };
        (self.syntax.0.map(kind), self.syntax.1.map(kind))
    }

    fn record(&mut self, record: &Record<'_>, analysis: &Analysis) -> std::result::Result<(), Bad> {
        let Some(capture) = &record.capture_data else {
            return Err(Bad::Record("`captureData` is missing".into()));
        };
        for grid in [&mut self.inputs, &mut self.labels, &mut self.scores, &mut self.truths] {
            grid.clear();
        }
        let syntax = match (&capture.batch_transform_output, &capture.endpoint_input) {
            (Some(batch), _) => {
                let (text, syntax) =
                    payload::text(batch).map_err(|reason| format!("batch transform output: {reason}"))?;
                self.batch(&text, syntax, analysis)?;
                syntax
            }
            (None, Some(input)) => {
                let (text, syntax) = payload::text(input).map_err(|reason| format!("input: {reason}"))?;
                self.input(&text, syntax)?;
                if self.wants.predicted {
                    let Some(output) = &capture.endpoint_output else {
                        return Err(Bad::Record("`endpointOutput` is missing".into()));
                    };
                    let (text, syntax) =
                        payload::text(output).map_err(|reason| format!("output: {reason}"))?;
                    self.output(&text, syntax).map_err(|reason| format!("output: {reason}"))?;
                    self.syntax.1.get_or_insert(syntax);
                } else if let Some(output) = &capture.endpoint_output {
                    let kind = output.observed_content_type.as_deref();
                    if self.syntax.1.is_none() && kind.is_some() {
                        self.syntax.1 = Some(payload::syntax(kind, output.encoding, ""));
                    }
                }
                syntax
            }
            (None, None) => return Err(Bad::Record("`endpointInput` is missing".into())),
        };
        let mut csv_truth = false;
        if self.wants.truth {
            let Some(truth) = &record.ground_truth_data else {
                return Err(Bad::Record(NO_GROUND_TRUTH.into()));
            };
            let (text, syntax) = payload::text(truth).map_err(|reason| format!("ground truth: {reason}"))?;
            csv_truth = syntax == Syntax::Csv;
            self.truth(&text, syntax).map_err(|reason| format!("ground truth: {reason}"))?;
        }
        self.syntax.0.get_or_insert(syntax);
        self.rows(syntax, csv_truth, analysis)
    }

    fn input(&mut self, text: &str, syntax: Syntax) -> std::result::Result<(), String> {
        for document in documents(text, syntax) {
            if syntax == Syntax::Csv {
                self.inputs.push_csv(document).map_err(|reason| format!("input: {reason}"))?;
                continue;
            }
            self.features
                .find(document, &mut self.found)
                .map_err(|error| format!("input: not JSON: {error}"))?;
            self.inputs
                .push_features(document, &self.found[0])
                .map_err(|found| format!("Data must contain features: found {found}"))?;
        }
        Ok(())
    }

    /// A batch transform record: the request's fields and the answer in `SageMakerOutput`.
    fn batch(&mut self, text: &str, syntax: Syntax, analysis: &Analysis) -> std::result::Result<(), String> {
        if syntax == Syntax::Csv {
            return self.batch_csv(text, analysis);
        }
        for document in documents(text, syntax) {
            self.input(document, Syntax::Json)?;
            if self.wants.predicted {
                let mut found = Vec::new();
                self.batch.find(document, &mut found).map_err(|error| format!("not JSON: {error}"))?;
                let Some(span) = found[0].value() else {
                    return Err(
                        "`SageMakerOutput` is missing; let the transform join its input (`JoinSource`)"
                            .into(),
                    );
                };
                self.output(&document[span], Syntax::Json)?;
            }
        }
        Ok(())
    }

    /// Input fields, then output fields: the headers (label aside) tell how many are input; without headers
    /// all but the last. Positions of label and probability count from the first output field.
    fn batch_csv(&mut self, text: &str, analysis: &Analysis) -> std::result::Result<(), String> {
        let mut all = Grid::default();
        all.push_csv(text)?;
        let label_header = match (&analysis.label, &analysis.dataset.headers) {
            (Some(location), Some(headers)) => layout::find(headers, location).is_some(),
            _ => false,
        };
        for row in 0..all.n_rows() {
            let width = all.width(row);
            let n_inputs = match &analysis.dataset.headers {
                Some(headers) => headers.len() - usize::from(label_header),
                None => width.saturating_sub(1),
            };
            if n_inputs >= width && self.wants.predicted {
                return Err(format!(
                    "{width} fields, none left for the output after {n_inputs} input fields"
                ));
            }
            self.inputs.push_raw_row((0..n_inputs.min(width)).map(|at| all.cell(row, at)));
            let outputs: Vec<Raw<'_>> = (n_inputs..width).map(|at| all.cell(row, at)).collect();
            if self.wants.predicted {
                self.answer_row(&outputs)?;
            }
        }
        Ok(())
    }

    /// Label and score cells of one row of a CSV answer.
    fn answer_row(&mut self, cells: &[Raw<'_>]) -> std::result::Result<(), String> {
        let label = self.predictor.and_then(|predictor| predictor.label.as_ref());
        let probability = self.predictor.and_then(|predictor| predictor.probability.as_ref());
        let pick = |location: &Location| match location {
            Location::Index(index) => cells
                .get(*index)
                .copied()
                .ok_or_else(|| format!("{} fields, none at position {index}", cells.len())),
            Location::Name(name) => Err(format!("a CSV answer has no `{name}`, expected a position from 0")),
        };
        match label {
            Some(label) => self.labels.push_raw_row(listed(pick(label)?).into_iter()),
            None => self.labels.push_raw_row(std::iter::empty()),
        }
        match probability {
            Some(probability) => self.scores.push_raw_row(listed(pick(probability)?).into_iter()),
            None if label.is_some() => self.scores.push_raw_row(std::iter::empty()),
            None => self.scores.push_raw_row(cells.iter().copied()),
        }
        Ok(())
    }

    fn output(&mut self, text: &str, syntax: Syntax) -> std::result::Result<(), String> {
        let n = self.inputs.n_rows();
        if syntax == Syntax::Csv {
            let mut all = std::mem::take(&mut self.scratch);
            all.clear();
            all.push_csv(text)?;
            if all.n_rows() == 1 && n > 1 && all.n_cells() == n {
                all.turn();
            }
            for row in 0..all.n_rows() {
                if all.width(row) == 1 {
                    self.answer_row(&[all.cell(row, 0)])?;
                    continue;
                }
                let cells: Vec<Raw<'_>> = (0..all.width(row)).map(|at| all.cell(row, at)).collect();
                self.answer_row(&cells)?;
            }
            self.scratch = all;
            return Ok(());
        }
        for document in documents(text, syntax) {
            self.answer.find(document, &mut self.found).map_err(|error| format!("not JSON: {error}"))?;
            let probability = self.predictor.is_some_and(|predictor| predictor.probability.is_some());
            let one_record = syntax == Syntax::JsonLines || n == 1;
            for (wanted, found, grid) in [
                (self.has_label, &self.found[0], &mut self.labels),
                (probability || !self.has_label, &self.found[1], &mut self.scores),
            ] {
                if !wanted {
                    continue;
                }
                // A flat list is one value for each record, or the values of the only record.
                let before = grid.n_rows();
                if one_record && flat_length(document, found) != Some(1) && !nested(document, found) {
                    grid.push_row(document, found);
                } else {
                    grid.push_values(document, found);
                }
                if grid.n_rows() == before {
                    let setting = if grid.n_rows() == before && self.has_label && !probability {
                        "inference_attribute"
                    } else {
                        "probability_attribute"
                    };
                    return Err(format!("nothing found by `{setting}`"));
                }
            }
        }
        Ok(())
    }

    fn truth(&mut self, text: &str, syntax: Syntax) -> std::result::Result<(), String> {
        if syntax == Syntax::Csv {
            self.truths.push_csv(text)?;
            if self.truths.n_rows() == 1 && self.inputs.n_rows() == self.truths.n_cells() {
                self.truths.turn();
            }
            return Ok(());
        }
        for document in documents(text, syntax) {
            let before = self.truths.n_rows();
            if let Some(paths) = &self.truth {
                paths.find(document, &mut self.found).map_err(|error| format!("not JSON: {error}"))?;
                self.truths.push_values(document, &self.found[0]);
            }
            if self.truths.n_rows() == before {
                // The label may be the whole of it.
                let whole = document.trim_ascii();
                if whole.starts_with('{') || serde_json::from_str::<serde::de::IgnoredAny>(whole).is_err() {
                    return Err("nothing found by `label`".into());
                }
                self.truths.push_whole(whole);
            }
        }
        Ok(())
    }

    /// Pairs what was found and takes the rows in.
    fn rows(&mut self, syntax: Syntax, csv_truth: bool, analysis: &Analysis) -> std::result::Result<(), Bad> {
        let n = self.inputs.n_rows();
        let n_answers = self.labels.n_rows().max(self.scores.n_rows());
        if n == 0
            || (self.wants.predicted && n_answers != n)
            || (self.wants.truth && (self.truths.n_rows() != n || self.truths.n_cells() != n))
        {
            let mut counts = format!("{n} input rows");
            if self.wants.predicted {
                counts.push_str(&format!(", {n_answers} predictions"));
            }
            if self.wants.truth {
                counts.push_str(&format!(", {} labels", self.truths.n_cells()));
            }
            return Err(Bad::Record(counts));
        }
        let (layout, gather) = match &mut self.read {
            Some(read) => read,
            None => {
                let brought = Brought {
                    label: self.wants.truth,
                    predicted: self.wants.predicted,
                    csv: syntax == Syntax::Csv,
                    csv_label: csv_truth,
                };
                match layout::of_capture(self.inputs.width(0), brought, analysis) {
                    Ok(layout) => {
                        let gather = Gather::new(&layout, analysis, self.keep_rows, self.exact);
                        self.read.insert((layout, gather))
                    }
                    Err(problem) if std::ptr::eq(problem.code(), &codes::HEADERS_DO_NOT_FIT) => {
                        let reason = format!("{} values for the headers given", self.inputs.width(0));
                        self.unfit.get_or_insert(problem);
                        return Err(Bad::Record(reason));
                    }
                    Err(problem) => return Err(Bad::Job(problem)),
                }
            }
        };
        if let Some(row) = (0..n).find(|&row| self.inputs.width(row) != layout.captured.len()) {
            return Err(Bad::Record(format!(
                "{} values in a row, expected {}",
                self.inputs.width(row),
                layout.captured.len()
            )));
        }
        let headers =
            self.predictor.and_then(|predictor| predictor.label_headers.as_deref()).unwrap_or_default();
        let mut answers = Vec::new();
        if self.wants.predicted {
            for row in 0..n {
                let (one_label, one_score) = (one(&self.labels, row), one(&self.scores, row));
                let (several_labels, several_scores);
                let labels = match &one_label {
                    Some(cells) => cells.as_slice(),
                    None => {
                        several_labels = cells(&self.labels, row);
                        &several_labels
                    }
                };
                let scores = match &one_score {
                    Some(cells) => cells.as_slice(),
                    None => {
                        several_scores = cells(&self.scores, row);
                        &several_scores
                    }
                };
                let answer = payload::predicted(labels, scores, headers.len(), self.threshold)
                    .map_err(|reason| format!("output: {reason}"))?;
                answers.push(answer);
            }
        }
        for row in 0..n {
            for (at, &column) in layout.captured.iter().enumerate() {
                gather.set(column, self.inputs.cell(row, at));
            }
            if let Some(label) = layout.roles.label {
                gather.set(label, self.truths.cell(row, 0));
            }
            if let (Some(predicted), Some(answer)) = (layout.roles.predicted, answers.get(row)) {
                let raw = match *answer {
                    Predicted::Label(raw) => raw,
                    Predicted::Header(header) => Raw::Csv(headers.get(header).map_or("", String::as_str)),
                    Predicted::Score(positive) => Raw::Int(i64::from(positive)),
                };
                gather.set(predicted, raw);
            }
            gather.finish_row();
        }
        Ok(())
    }
}

/// The cell of a row that has one, without asking for memory.
fn one(grid: &Grid, row: usize) -> Option<[Raw<'_>; 1]> {
    (row < grid.n_rows() && grid.width(row) == 1).then(|| [grid.cell(row, 0)])
}

/// The cells of a row; none when there is no such row.
fn cells(grid: &Grid, row: usize) -> Vec<Raw<'_>> {
    let width = if row < grid.n_rows() { grid.width(row) } else { 0 };
    (0..width).map(|at| grid.cell(row, at)).collect()
}

/// The documents of a payload: its lines for JSON Lines, else the whole.
fn documents(text: &str, syntax: Syntax) -> impl Iterator<Item = &str> {
    let lines = syntax == Syntax::JsonLines;
    let whole = (!lines).then_some(text);
    let lines = lines.then(|| text.lines().filter(|line| !line.trim_ascii().is_empty()));
    whole.into_iter().chain(lines.into_iter().flatten())
}

/// A CSV field that holds a list, as `"['a', 'b']"` or `"[0.1, 0.9]"`, as its elements.
fn listed(cell: Raw<'_>) -> Vec<Raw<'_>> {
    match cell {
        Raw::Csv(text) => match text.trim_ascii().strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
            Some(inside) => {
                inside.split(',').map(|part| Raw::Csv(part.trim_ascii().trim_matches(['\'', '"']))).collect()
            }
            None => vec![cell],
        },
        _ => vec![cell],
    }
}

fn flat_length(document: &str, found: &Found) -> Option<usize> {
    let mut elements = Vec::new();
    found.elements(document, &mut elements).then_some(elements.len())
}

fn nested(document: &str, found: &Found) -> bool {
    let mut elements = Vec::new();
    found.elements(document, &mut elements)
        && elements.first().is_some_and(|span| found.source(document)[span.clone()].starts_with('['))
}
