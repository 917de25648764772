//! Captured traffic: endpoint captures, merged records and batch transform records.
//!
//! A record holds a request of one or more rows, the model's answer and perhaps the true labels, each read by its
//! own content type, encoding and first bytes. Rows are paired by position within a record only; a record in which
//! something is missing for a row is left out whole, never shifted.

use std::path::Path;

use jiff::Timestamp;
use jiff::civil;
use jiff::tz::TimeZone;
use plumbline_common::input::{InputFile, Lines};
use plumbline_common::record::{EventMetadata, Record};
use plumbline_common::{Problem, Result, codes};

use crate::config::{Analysis, ContentType};
use crate::read::answer::{Answer, Answers, Fault};
use crate::read::gather::Gather;
use crate::read::grid::Grid;
use crate::read::layout::{self, Brought, Layout};
use crate::read::records::{self, Piece, Taken};
use crate::read::{Skips, Source, payload};
use crate::values::path::{Found, Paths};
use crate::values::raw::Raw;
use crate::values::scan::Scanner;
use crate::values::typing::{self, Cell};

/// Reads all records of the window.
///
/// # Errors
/// More than half of the records bad, or one of them in strict mode; columns that the configuration names and the
/// records do not have; being stopped.
pub(crate) fn read(
    files: &[InputFile],
    analysis: &Analysis,
    source: &mut Source<'_>,
) -> Result<Option<(Layout, Gather)>> {
    let mut reader = Reader::new(analysis, source.options.keep_rows, source.exact)?;
    let limit = source.options.limit.unwrap_or(u64::MAX);
    let mut tally = Tally::new();
    let mut since = 0;
    for file in files {
        let name = file.relative.as_path();
        let hour = folder_hour(file.folder());
        let mut bytes = 0;
        let mut take = |line: u64, piece: Piece<'_>| -> Result<Taken> {
            let (text, may_be_none) = match piece {
                Piece::Line(text) => (text, true),
                Piece::Object(text) => (text, false),
                Piece::Bad(what) => (what.as_bytes(), false),
            };
            bytes += text.len() as u64 + 1;
            since += 1;
            if since == Source::ROWS_BETWEEN_CHECKS {
                since = 0;
                source.advance(bytes.min(file.bytes))?;
                bytes = 0;
            }
            if source.counts.records_read == limit {
                return Ok(Taken::Enough);
            }
            let parsed = match piece {
                Piece::Bad(what) => Err(what.to_string()),
                Piece::Line(_) | Piece::Object(_) => parse(text),
            };
            if parsed.is_err() && may_be_none {
                return Ok(Taken::NoRecord);
            }
            source.counts.records_read += 1;
            let is_record = parsed.is_ok();
            match reader.take(parsed, hour, source.options.window) {
                Ok(true) => {}
                Ok(false) => tally.outside += 1,
                Err(Bad::Job(problem)) => return Err(problem.file(name).line(line)),
                Err(Bad::Record(_, reason)) if source.options.strict => {
                    return Err(Problem::new(&codes::BAD_RECORD, "a captured record cannot be used")
                        .file(name)
                        .line(line)
                        .found(reason)
                        .hint("with `on_bad_record` unset such records are left out and counted"));
                }
                Err(Bad::Record(kind, reason)) => tally.bad(kind, name, line, &reason),
            }
            Ok(if is_record { Taken::Record } else { Taken::NoRecord })
        };
        let taken = Lines::open(&file.path).and_then(|mut lines| records::read(&mut lines, &mut take));
        match taken {
            Ok(Taken::Enough) => break,
            Ok(_) => {}
            // A damaged file costs itself: what was read of it counts.
            Err(problem)
                if std::ptr::eq(problem.code(), &codes::FILE_OPERATION_FAILED) && !source.options.strict =>
            {
                source.counts.records_read += 1;
                let line = problem.place().line.unwrap_or(1);
                tally.bad(Kind::File, name, line, problem.found_text().unwrap_or("cannot be read"));
            }
            Err(problem) => return Err(problem),
        }
    }
    source.captured = (reader.kinds.0, reader.kinds.1);
    tally.finish(reader, source)
}

/// What a bad record lacks: what to do about it depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    NoRecord,
    NoCapture,
    NoOutput,
    NoTruth,
    Time,
    Payload,
    Features,
    Answer,
    Truth,
    Counts,
    Headers,
}

impl Kind {
    const ALL: [Kind; 12] = [
        Kind::File,
        Kind::NoRecord,
        Kind::NoCapture,
        Kind::NoOutput,
        Kind::NoTruth,
        Kind::Time,
        Kind::Payload,
        Kind::Features,
        Kind::Answer,
        Kind::Truth,
        Kind::Counts,
        Kind::Headers,
    ];

    /// The way out when most records are bad for this reason.
    fn hint(self) -> &'static str {
        match self {
            Kind::File => "the files are damaged or still being written: fetch them again",
            Kind::NoRecord => {
                "the folder holds other files than captured records: name the folder of the captures in `dataset_source`"
            }
            Kind::NoCapture => {
                "these are no captured records; for a dataset set `dataset_type` to its format, such as text/csv"
            }
            Kind::NoOutput => {
                "let the endpoint capture its output too (`CaptureOptions` with Input and Output)"
            }
            Kind::NoTruth => {
                "run the merge job on the captures first, or give the setting `ground_truth_source`"
            }
            Kind::Time => {
                "`inferenceTime` is a time such as 2026-01-02T10:05:00Z; without a window it is not read"
            }
            Kind::Payload => {
                "set `JsonContentTypes` or `CsvContentTypes` of the capture to the content types of the endpoint"
            }
            Kind::Features => {
                "set `features_attribute` to the JMESPath of the features in a request, such as `instances[*].features`"
            }
            Kind::Answer => {
                "set `inference_attribute` (`predictor.label`) and `probability_attribute` (`predictor.probability`) to the \
                 places in an answer: a position in CSV, a JMESPath in JSON"
            }
            Kind::Truth => "set `label` to the place of the label in the ground truth: a JMESPath in JSON",
            Kind::Counts => {
                "each row of a request needs an answer and a label of its own; look at one such record and at the paths"
            }
            Kind::Headers => "`headers` names each value of a request in its order, and the label",
        }
    }
}

/// Bad records and those outside of the window.
struct Tally {
    outside: u64,
    skips: Skips,
    by_kind: [u64; Kind::ALL.len()],
}

impl Tally {
    fn new() -> Tally {
        Tally { outside: 0, skips: Skips::new("that cannot be used"), by_kind: [0; Kind::ALL.len()] }
    }

    fn bad(&mut self, kind: Kind, file: &Path, line: u64, reason: &str) {
        self.by_kind[kind as usize] += 1;
        self.skips.add(file, line, reason);
    }

    fn finish(self, reader: Reader<'_>, source: &mut Source<'_>) -> Result<Option<(Layout, Gather)>> {
        let n_bad = self.skips.0.records;
        let used = source.counts.records_read - self.outside;
        let example = self.skips.0.examples.first().cloned().unwrap_or_default();
        if self.outside > 0 {
            let mut outside = Skips::new("outside the time window");
            outside.0.records = self.outside;
            source.counts.records_skipped.push(outside.0);
        }
        source.skipped(self.skips);
        if n_bad * 2 <= used {
            return Ok(reader.read);
        }
        if let (Some(problem), 0) =
            (reader.unfit, reader.read.as_ref().map_or(0, |(_, gather)| gather.rows()))
        {
            return Err(problem);
        }
        // The first of equally frequent reasons.
        let most = Kind::ALL.into_iter().rev().max_by_key(|kind| self.by_kind[*kind as usize]);
        let problem =
            Problem::new(&codes::MOST_RECORDS_BAD, "more than half of the captured records cannot be used")
                .found(format!("{n_bad} of {used} records, the first: {example}"));
        Err(match most {
            Some(kind) => problem.hint(kind.hint()),
            None => problem,
        })
    }
}

/// Why a record gives no rows.
enum Bad {
    /// It is left out and counted.
    Record(Kind, String),
    /// It shows that the configuration cannot fit.
    Job(Problem),
}

/// A record is bad for this reason.
fn bad(kind: Kind) -> impl Fn(String) -> Bad {
    move |reason| Bad::Record(kind, reason)
}

fn named(metadata: Option<&EventMetadata<'_>>, reason: String) -> String {
    match metadata.and_then(|metadata| metadata.event_id.as_ref()) {
        Some(id) => format!("event {}: {reason}", id.as_text()),
        None => reason,
    }
}

/// A problem of one record without its code and hint, which are those of the whole run.
fn brief(problem: &Problem) -> String {
    let mut text = problem.what().to_string();
    if let Some(field) = &problem.place().field {
        text.push_str(&format!(" (`{field}`)"));
    }
    match (problem.found_text(), problem.expected_text()) {
        (Some(found), Some(expected)) => text.push_str(&format!(": found {found}, expected {expected}")),
        (Some(found), None) => text.push_str(&format!(": {found}")),
        (None, Some(expected)) => text.push_str(&format!(": expected {expected}")),
        (None, None) => {}
    }
    text
}

fn parse(text: &[u8]) -> std::result::Result<Record<'_>, String> {
    serde_json::from_slice(text).map_err(|error| format!("not a captured record: {}", column_only(&error)))
}

/// An error of the JSON of one line, whose own line counts from the file's: only the column is told.
pub(crate) fn column_only(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(end) if error.line() == 1 => format!("{} at column {}", &text[..end], error.column()),
        Some(end) => text[..end].to_string(),
        None => text,
    }
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

/// Reads record after record.
struct Reader<'a> {
    features: Places,
    answers: Answers,
    label: Places,
    batch: Paths,
    wants: Wants,
    keep_rows: bool,
    exact: bool,
    read: Option<(Layout, Gather)>,
    /// Why the first record did not fit the headers; the reason when none does.
    unfit: Option<Problem>,
    /// Kinds of the first request and answer, in which a model is spoken to when nothing else tells.
    kinds: (Option<ContentType>, Option<ContentType>),
    found: Vec<Found>,
    inputs: Grid,
    answer: Answer,
    truths: Grid,
    scratch: Grid,
    analysis: &'a Analysis,
}

/// The place of something in JSON: a path, or why there is none.
type Places = std::result::Result<Paths, String>;

/// What the analysis needs of each record beside the features.
#[derive(Clone, Copy)]
struct Wants {
    truth: bool,
    predicted: bool,
}

/// A place of JSON requests or ground truth. What is no path may fit other records, which are CSV.
fn place(setting: &str, text: Option<&str>) -> Places {
    let text = text.unwrap_or("@");
    Paths::compile(&[(setting, text)]).map_err(|problem| match text.trim().parse::<usize>() {
        Ok(_) => format!("a position cannot tell where something stands in JSON (`{setting}`: {text})"),
        Err(_) => brief(&problem),
    })
}

impl<'a> Reader<'a> {
    fn new(analysis: &'a Analysis, keep_rows: bool, exact: bool) -> Result<Reader<'a>> {
        let label = match &analysis.label {
            Some(location) => place("label", Some(&location.to_string())),
            None => place("label", Some("label")),
        };
        let post = analysis.methods.post_training_bias.is_some();
        let pre = analysis.methods.pre_training_bias.is_some();
        Ok(Reader {
            features: place("features_attribute", analysis.dataset.features.as_deref()),
            answers: Answers::new(analysis.predictor.as_ref(), analysis.probability_threshold, false)?,
            label,
            batch: Paths::compile(&[("batchTransformOutput", "SageMakerOutput")])?,
            wants: Wants { truth: pre || post, predicted: post },
            keep_rows,
            exact,
            read: None,
            unfit: None,
            kinds: (None, None),
            found: Vec::new(),
            inputs: Grid::default(),
            answer: Answer::default(),
            truths: Grid::default(),
            scratch: Grid::default(),
            analysis,
        })
    }

    /// Takes a record's rows in; false when it lies outside of the window.
    fn take(
        &mut self,
        parsed: std::result::Result<Record<'_>, String>,
        hour: Option<Timestamp>,
        window: Option<(Timestamp, Timestamp)>,
    ) -> std::result::Result<bool, Bad> {
        let record = parsed.map_err(bad(Kind::NoRecord))?;
        let with_id = |problem| match problem {
            Bad::Record(kind, reason) => Bad::Record(kind, named(record.event_metadata.as_ref(), reason)),
            stop => stop,
        };
        if !in_window(&record, hour, window).map_err(bad(Kind::Time)).map_err(with_id)? {
            return Ok(false);
        }
        self.record(&record).map_err(with_id)?;
        Ok(true)
    }

    fn record(&mut self, record: &Record<'_>) -> std::result::Result<(), Bad> {
        let Some(capture) = &record.capture_data else {
            return Err(Bad::Record(Kind::NoCapture, "`captureData` is missing".into()));
        };
        for grid in [&mut self.inputs, &mut self.truths] {
            grid.clear();
        }
        self.answer.clear();
        let payload_of = |payload, what: &str| {
            payload::text(payload).map_err(|reason| Bad::Record(Kind::Payload, format!("{what}: {reason}")))
        };
        let mut n_answers = None;
        match (&capture.batch_transform_output, &capture.endpoint_input) {
            (Some(batch), _) => {
                let (text, kind) = payload_of(batch, "batch transform output")?;
                n_answers = self.batch(&text, kind)?;
                self.kinds.0.get_or_insert(kind);
            }
            (None, Some(input)) => {
                let (text, kind) = payload_of(input, "input")?;
                let kind = payload::kind_of_rows(kind, &text);
                self.input(&text, kind)?;
                self.kinds.0.get_or_insert(kind);
                if self.wants.predicted {
                    let Some(output) = &capture.endpoint_output else {
                        return Err(Bad::Record(Kind::NoOutput, "`endpointOutput` is missing".into()));
                    };
                    let (text, kind) = payload_of(output, "output")?;
                    let n = self.inputs.n_rows();
                    let read = self.answers.append(&text, kind, n, &mut self.answer);
                    n_answers = self.count(n, read)?;
                    self.kinds.1.get_or_insert(kind);
                } else if let Some(output) = &capture.endpoint_output {
                    let named = output.observed_content_type.as_deref();
                    if self.kinds.1.is_none() && named.is_some() {
                        self.kinds.1 = Some(payload::kind(named, output.encoding, ""));
                    }
                }
            }
            (None, None) => return Err(Bad::Record(Kind::NoCapture, "`endpointInput` is missing".into())),
        }
        if self.wants.truth {
            let Some(truth) = &record.ground_truth_data else {
                return Err(Bad::Record(Kind::NoTruth, "`groundTruthData` is missing".into()));
            };
            let (text, kind) = payload_of(truth, "ground truth")?;
            let kind = payload::kind_of_rows(kind, &text);
            if kind == ContentType::Csv {
                layout::label_of_csv(self.analysis).map_err(Bad::Job)?;
            }
            self.truth(&text, kind)
                .map_err(|reason| Bad::Record(Kind::Truth, format!("ground truth: {reason}")))?;
        }
        self.rows(n_answers)
    }

    /// The number of answers when it is not that of the rows.
    fn count(
        &self,
        n: usize,
        read: std::result::Result<(), Fault>,
    ) -> std::result::Result<Option<usize>, Bad> {
        match read.and_then(|()| self.answers.check(n, &self.answer)) {
            Ok(()) => Ok(None),
            Err(Fault::Count(found)) => Ok(Some(found)),
            Err(Fault::Problem(problem)) => {
                Err(Bad::Record(Kind::Answer, format!("output: {}", brief(&problem))))
            }
        }
    }

    fn input(&mut self, text: &str, kind: ContentType) -> std::result::Result<(), Bad> {
        for document in payload::documents(text, kind) {
            if kind == ContentType::Csv {
                self.inputs
                    .push_csv(document)
                    .map_err(|reason| Bad::Record(Kind::Payload, format!("input: {reason}")))?;
                continue;
            }
            let paths = match &self.features {
                Ok(paths) => paths,
                Err(reason) => return Err(Bad::Record(Kind::Features, format!("input: {reason}"))),
            };
            paths
                .find(document, &mut self.found)
                .map_err(|fault| Bad::Record(Kind::Payload, format!("input: not JSON: {fault}")))?;
            self.inputs.push_features(document, &self.found[0]).map_err(|fault| {
                let place = fault.row.map_or(String::new(), |row| format!(" for row {row}"));
                let mut reason = format!("Data must contain features: found {}{place}", fault.found);
                let keys = paths.keys_there(0, document);
                if self.found[0].is_nothing(document) && !keys.is_empty() {
                    let path = self.analysis.dataset.features.as_deref().unwrap_or("@");
                    reason.push_str(&format!(" at `{path}`; the keys there are `{}`", keys.join("`, `")));
                }
                Bad::Record(Kind::Features, reason)
            })?;
        }
        Ok(())
    }

    /// A batch transform record: the request's fields and the answer in `SageMakerOutput`. Gives the number of
    /// answers when it is not that of the rows.
    fn batch(&mut self, text: &str, kind: ContentType) -> std::result::Result<Option<usize>, Bad> {
        if kind == ContentType::Csv {
            return self.batch_csv(text);
        }
        for document in payload::documents(text, kind) {
            let before = self.inputs.n_rows();
            self.input(document, ContentType::Json)?;
            if !self.wants.predicted {
                continue;
            }
            let mut found = Vec::new();
            self.batch
                .find(document, &mut found)
                .map_err(|fault| Bad::Record(Kind::Payload, format!("not JSON: {fault}")))?;
            let Some(span) = found[0].value() else {
                let reason = "`SageMakerOutput` is missing; let the transform join its input (`JoinSource`)";
                return Err(Bad::Record(Kind::NoOutput, reason.into()));
            };
            let n = self.inputs.n_rows() - before;
            match self.answers.append(&document[span], ContentType::Json, n, &mut self.answer) {
                Ok(()) => {}
                Err(Fault::Count(found)) => return Ok(Some(found)),
                Err(Fault::Problem(problem)) => {
                    return Err(Bad::Record(Kind::Answer, format!("output: {}", brief(&problem))));
                }
            }
        }
        if self.wants.predicted { self.count(self.inputs.n_rows(), Ok(())) } else { Ok(None) }
    }

    /// Input fields, then output fields: the headers (label aside) tell how many are input; without headers
    /// all but the last. Positions of label and probability count from the first output field.
    fn batch_csv(&mut self, text: &str) -> std::result::Result<Option<usize>, Bad> {
        let mut all = std::mem::take(&mut self.scratch);
        all.clear();
        let split = all.push_csv(text).map_err(bad(Kind::Payload)).and_then(|()| self.split(&all));
        self.scratch = all;
        split?;
        if self.wants.predicted { self.count(self.inputs.n_rows(), Ok(())) } else { Ok(None) }
    }

    fn split(&mut self, all: &Grid) -> std::result::Result<(), Bad> {
        let headers = self.analysis.dataset.headers.as_deref();
        let label_header = match (&self.analysis.label, headers) {
            (Some(location), Some(headers)) => layout::find(headers, location).is_some(),
            _ => false,
        };
        for row in 0..all.n_rows() {
            let width = all.width(row);
            let n_inputs = match headers {
                Some(headers) => headers.len() - usize::from(label_header),
                None => width.saturating_sub(1),
            };
            if n_inputs >= width && self.wants.predicted {
                let reason =
                    format!("{width} fields, none left for the output after {n_inputs} input fields");
                return Err(Bad::Record(Kind::NoOutput, reason));
            }
            all.row(row).take(n_inputs).for_each(|cell| self.inputs.push(cell));
            self.inputs.end_row();
            if self.wants.predicted {
                let cell = |at: usize| match all.cell(row, n_inputs + at) {
                    Raw::Csv(text) => text,
                    _ => "",
                };
                if let Err(Fault::Problem(problem)) =
                    self.answers.row(width - n_inputs, cell, &mut self.answer)
                {
                    return Err(Bad::Record(Kind::Answer, format!("output: {}", brief(&problem))));
                }
            }
        }
        Ok(())
    }

    fn truth(&mut self, text: &str, kind: ContentType) -> std::result::Result<(), String> {
        if kind == ContentType::Csv {
            self.truths.push_csv(text)?;
            if self.truths.n_rows() == 1 && self.inputs.n_rows() == self.truths.n_cells() {
                self.truths.turn();
            }
            return Ok(());
        }
        for document in payload::documents(text, kind) {
            let before = self.truths.n_rows();
            let whole = document.trim_ascii();
            if let Ok(paths) = &self.label {
                paths.find(document, &mut self.found).map_err(|fault| format!("not JSON: {fault}"))?;
                if !self.found[0].is_nothing(document) {
                    self.truths.push_values(document, &self.found[0]);
                }
            }
            if self.truths.n_rows() > before {
                continue;
            }
            // The label may be the whole of it.
            if whole.starts_with('{') {
                return Err(match &self.label {
                    Err(reason) => reason.clone(),
                    Ok(paths) => match paths.keys_there(0, document).as_slice() {
                        [] => "nothing found by `label`".into(),
                        keys => {
                            format!("nothing found by `label`; the keys there are `{}`", keys.join("`, `"))
                        }
                    },
                });
            }
            let mut scanner = Scanner::new(whole);
            scanner.value().and_then(|_| scanner.end()).map_err(|fault| format!("not JSON: {fault}"))?;
            self.truths.push_whole(whole);
        }
        Ok(())
    }

    /// Pairs what was found and takes the rows in. `n_answers`: the number of answers when it is not that of the
    /// rows.
    fn rows(&mut self, n_answers: Option<usize>) -> std::result::Result<(), Bad> {
        let n = self.inputs.n_rows();
        let n_truths = self.truths.n_cells();
        let truths_fit = !self.wants.truth || (self.truths.n_rows() == n && n_truths == n);
        if n == 0 || n_answers.is_some() || !truths_fit {
            let mut counts = format!("{n} input rows");
            if self.wants.predicted {
                counts.push_str(&format!(", {} predictions", n_answers.unwrap_or(n)));
            }
            if self.wants.truth {
                counts.push_str(&format!(", {n_truths} labels"));
            }
            return Err(Bad::Record(Kind::Counts, counts));
        }
        if self.wants.truth
            && let Some(row) = (0..n).find(|&row| typing::parse(self.truths.cell(row, 0)) == Cell::Missing)
        {
            return Err(Bad::Record(
                Kind::Truth,
                format!("ground truth: no label for row {} of {n}", row + 1),
            ));
        }
        let (layout, gather) = match &mut self.read {
            Some(read) => read,
            None => {
                let brought = Brought { label: self.wants.truth, predicted: self.wants.predicted };
                match layout::of_capture(self.inputs.width(0), brought, self.analysis) {
                    Ok(layout) => {
                        let gather = Gather::new(&layout, self.analysis, self.keep_rows, self.exact);
                        self.read.insert((layout, gather))
                    }
                    Err(problem) if std::ptr::eq(problem.code(), &codes::HEADERS_DO_NOT_FIT) => {
                        let reason = format!("{} values for the headers given", self.inputs.width(0));
                        self.unfit.get_or_insert(problem);
                        return Err(Bad::Record(Kind::Headers, reason));
                    }
                    Err(problem) => return Err(Bad::Job(problem)),
                }
            }
        };
        if let Some(row) = (0..n).find(|&row| self.inputs.width(row) != layout.captured.len()) {
            return Err(Bad::Record(
                Kind::Headers,
                format!(
                    "{} values in row {}, expected {}",
                    self.inputs.width(row),
                    row + 1,
                    layout.captured.len()
                ),
            ));
        }
        if self.wants.predicted {
            for row in 0..n {
                self.answers
                    .predicted(&self.answer, row)
                    .map_err(|problem| Bad::Record(Kind::Answer, format!("output: {}", brief(&problem))))?;
            }
        }
        for row in 0..n {
            for (cell, &column) in self.inputs.row(row).zip(&layout.captured) {
                gather.set(column, cell);
            }
            if let Some(label) = layout.roles.label {
                gather.set(label, self.truths.cell(row, 0));
            }
            if let Some(predicted) = layout.roles.predicted
                && let Ok(answer) = self.answers.predicted(&self.answer, row)
            {
                gather.set(predicted, answer.raw());
            }
            gather.finish_row();
        }
        Ok(())
    }
}
