//! Captured traffic: endpoint captures, merged records and batch transform records.
//!
//! A record holds a request of one or more rows, the model's answer and perhaps the true labels, each read by its
//! own content type, encoding and first bytes. Rows are paired by position within a record only; a record in which
//! something is missing for a row is left out whole, never shifted.

mod known;
mod memo;
mod outcome;
mod shortcut;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use plumbline_common::input::InputFile;
use plumbline_common::record::Record;
use plumbline_common::words::counted;
use plumbline_common::{Problem, Result, codes};

use crate::config::{Analysis, ContentType};
use crate::read::answer::{Answer, Answers, Fault};
use crate::read::blocks::{self, BLOCK_BYTES, Block};
use crate::read::captured::{self, Met, brief, place};
use crate::read::gather::Gather;
use crate::read::grid::Grid;
use crate::read::headed::Headed;
use crate::read::layout::{self, Brought, Layout};
use crate::read::line_blocks::{LineBlocks, Lines};
use crate::read::parser::Parser;
use crate::read::records::Records;
use crate::read::shown::{Refused, Rules};
use crate::read::truth::Truth;
use crate::read::windowed::Windowed;
use crate::read::{Options, Source, payload, together};
use crate::values::path::{Finds, Paths};
use crate::values::raw::Raw;
use crate::values::typing;

use known::KnownRecords;
use outcome::{Kind, Outcome, Table};
pub(super) use outcome::{UNDATED, judge};

/// The setting that places the label in ground truth.
const TRUTH: &str = "ground_truth_attribute";

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
    read_in(files, analysis, source, BLOCK_BYTES)
}

/// As `read`, on all processors in blocks of `block_bytes` where rows are only counted.
fn read_in(
    files: &[InputFile],
    analysis: &Analysis,
    source: &mut Source<'_>,
    block_bytes: usize,
) -> Result<Option<(Layout, Gather)>> {
    let options = source.options;
    let mut reader = Reader::new(files, analysis, options, source.exact)?.reading(&source.rules);
    let mut outcome = Outcome::new(None);
    let mut windowed = Windowed::new(options.window.filter(|_| options.part), true);
    let each_alone = reader.depends_on_no_other() && windowed.is_none() && options.limit.is_none();
    if each_alone && !options.keep_rows && options.seat.is_none() {
        by_blocks(&mut reader, &mut outcome, source, block_bytes)?;
    } else {
        source.leave_digests();
        together::each(files, options.strict, options.seat.as_deref(), &mut |name, line, met| {
            if let Some(windowed) = &mut windowed {
                windowed.note(name, line, &met);
            }
            match met {
                Met::Bytes(bytes) => source.advance(bytes).map(|()| true),
                met => reader.meet(name, line, met, &mut outcome),
            }
        })?;
    }
    source.windowed = windowed.map(Windowed::finish).unwrap_or_default();
    let of_features = reader.features.iter().flat_map(Paths::key_sets);
    outcome.shown.objects = of_features.chain(reader.answers.key_sets()).collect();
    source.by_position = reader.features.as_ref().is_ok_and(Paths::are_by_position);
    source.scores_by_position = reader.answers.are_by_position();
    source.had_one_score |= reader.answers.had_one_score();
    outcome.shown.labels = reader.answers.key_order();
    outcome.finish(source)
}

/// Reads all files, block by block on all processors, as one line after the other would.
fn by_blocks(
    reader: &mut Reader<'_>,
    outcome: &mut Outcome,
    source: &mut Source<'_>,
    block_bytes: usize,
) -> Result<()> {
    let (files, analysis, options) = (reader.files, reader.analysis, reader.options);
    let rules = source.rules.clone();
    let mut blocks = LineBlocks::new(files, block_bytes, Some(options.digests.clone()));
    let mut records = captured::records();
    // The first record that can be used tells the columns.
    let mut spent = None;
    let layout = loop {
        if let Some(table) = &outcome.table {
            break table.layout.clone();
        }
        let Some(block) = blocks.next(spent.take()) else { return Ok(()) };
        reader.block(&block, &mut records, outcome)?;
        source.advance(block.bytes)?;
        spent = Some(block);
    };
    let like = Gather::new(&layout, analysis, false, false);
    let like = Table::new(layout, like);
    // A value goes on with the next block, which it takes to read that one.
    let goes_on = AtomicBool::new(!records.is_between());
    let had_one_score = AtomicBool::new(false);
    blocks::in_order(
        |spent| blocks.next(spent),
        || {
            let reader = Reader::new(files, analysis, options, false).ok();
            let mut reader = reader.map(|reader| reader.reading(&rules));
            let (like, goes_on, had_one_score) = (&like, &goes_on, &had_one_score);
            move |block: &Block<Lines>| {
                let reader = reader.as_mut().filter(|_| !goes_on.load(Ordering::Relaxed))?;
                let mut part = Outcome::new(Some(like.clone()));
                let mut records = captured::records();
                reader.block(block, &mut records, &mut part).ok()?;
                had_one_score.fetch_or(reader.answers.had_one_score(), Ordering::Relaxed);
                Some((part, records))
            }
        },
        |block, read| {
            match read {
                Some((part, left)) if records.is_between() => {
                    outcome.append(block.file, part);
                    records = left;
                }
                // With what the block before has left, and with the problem that ends the reading.
                _ => {
                    reader.block(block, &mut records, outcome)?;
                }
            }
            goes_on.store(!records.is_between(), Ordering::Relaxed);
            source.advance(block.bytes).map(|()| true)
        },
    )?;
    source.had_one_score = had_one_score.into_inner();
    Ok(())
}

/// Why a record gives no rows.
enum Bad {
    /// It is left out and counted.
    Record(Kind, String),
    /// It shows that the configuration cannot fit.
    Job(Problem),
}

/// A row of a record has another number of values than `headers` name: the same is said of the first record and of later ones.
fn unlike_headers(values: usize, row: usize) -> Bad {
    let values = counted(values, "value");
    Bad::Record(Kind::Headers, format!("{values} in row {}, which does not fit the headers given", row + 1))
}

/// A record is bad for this reason.
fn bad(kind: Kind) -> impl Fn(String) -> Bad {
    move |reason| Bad::Record(kind, reason)
}

/// Reads record after record.
struct Reader<'a> {
    files: &'a [InputFile],
    analysis: &'a Analysis,
    options: &'a Options,
    exact: bool,
    /// The path of a request's features, or why there is none.
    features: std::result::Result<Paths, String>,
    answers: Answers,
    label: Truth,
    /// Of the values of a request in CSV.
    names: Headed,
    /// Rows of requests that were these names.
    header_rows: u64,
    wants: Wants,
    /// Why the record at hand does not fit the headers.
    unfit: Option<Problem>,
    /// Its keys contradict those of others.
    contradicts: bool,
    /// Number of the file at hand.
    file: usize,
    parser: Parser,
    known: KnownRecords,
    /// How the request of the record at hand is written, where its rows are known by an earlier one and stand in `inputs`.
    request: Option<ContentType>,
    /// Room for tokens, and for texts of answers and ground truth.
    made: String,
    texts: [Vec<u8>; 2],
    found: Finds,
    inputs: Grid,
    answer: Answer,
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
    /// `exact`: keep every cell of kept rows as written.
    fn new(
        files: &'a [InputFile],
        analysis: &'a Analysis,
        options: &'a Options,
        exact: bool,
    ) -> Result<Reader<'a>> {
        let position = analysis.truth_position.map(|position| (TRUTH, position));
        let (of, text) = match (&analysis.label, position) {
            (Some(label), _) => ("label", label.to_string()),
            (None, Some((setting, position))) => (setting, position.to_string()),
            (None, None) => ("label", "label".into()),
        };
        let path = place(of, &text).map(|paths| (text, paths));
        let setting = if analysis.label.is_none() && position.is_some() { TRUTH } else { "label" };
        let label = Truth::new(setting, position, Some(path));
        let post = analysis.methods.post_training_bias.is_some();
        let pre = analysis.methods.pre_training_bias.is_some();
        let mut features = place("features_attribute", analysis.dataset.features.as_deref().unwrap_or("@"));
        if let Ok(features) = &mut features {
            let headers = analysis.dataset.headers.as_deref().unwrap_or_default();
            let label = analysis.label.as_ref().and_then(|label| layout::find(headers, label));
            features.name_columns(0, headers, label);
        }
        Ok(Reader {
            files,
            analysis,
            options,
            exact,
            features,
            answers: Answers::new(analysis.predictor.as_ref(), analysis.probability_threshold, false)?,
            label,
            names: Headed::new(analysis.dataset.headers.as_deref(), analysis.label.as_ref(), pre || post),
            header_rows: 0,
            wants: Wants { truth: pre || post, predicted: post },
            unfit: None,
            contradicts: false,
            file: 0,
            parser: Parser::default(),
            known: KnownRecords::default(),
            request: None,
            made: String::new(),
            texts: [Vec::new(), Vec::new()],
            found: Finds::default(),
            inputs: Grid::default(),
            answer: Answer::default(),
            truths: Grid::default(),
            scratch: Grid::default(),
        })
    }

    /// Whether a record is read in the same way whatever came before it, but for the columns.
    fn depends_on_no_other(&self) -> bool {
        self.features.as_ref().map_or(true, Paths::depend_on_no_other) && self.answers.depend_on_no_other()
    }

    /// Reads a block; `records`: as the lines before have left it.
    fn block(
        &mut self,
        block: &Block<Lines>,
        records: &mut Records<'_>,
        outcome: &mut Outcome,
    ) -> Result<bool> {
        let mut parser = std::mem::take(&mut self.parser);
        let mut known = std::mem::take(&mut self.known);
        let more = self.lines(block, records, &mut parser, &mut known, outcome);
        (self.parser, self.known) = (parser, known);
        more
    }

    /// Takes what was met; false when no more is wanted.
    fn meet(&mut self, name: &Path, line: u64, met: Met<'_>, outcome: &mut Outcome) -> Result<bool> {
        while self.files.get(self.file).is_some_and(|file| file.relative.as_os_str() != name.as_os_str()) {
            self.file += 1;
        }
        let header_rows = self.header_rows;
        let taken = match met {
            Met::Bytes(_) => return Ok(true),
            // No record is read behind the last one that is wanted; those outside of the window do not count.
            _ if self.options.limit == Some(outcome.used()) => return Ok(false),
            Met::Record { record, hour, .. } => self.take(record, hour, outcome),
            Met::Damage(reason) => Err(Bad::Record(Kind::NoRecord, reason)),
            Met::File(reason) => Err(Bad::Record(Kind::File, reason)),
        };
        outcome.records += 1;
        let contradicts = std::mem::take(&mut self.contradicts);
        if let Some(problem) = self.unfit.take() {
            outcome.unfit.get_or_insert(problem);
        }
        if self.header_rows > header_rows {
            outcome.headed(name);
        }
        match taken {
            Ok(true) => {}
            Ok(false) => outcome.outside(),
            Err(Bad::Job(problem)) => return Err(problem.file(name).line(line)),
            Err(Bad::Record(_, reason)) if self.options.strict => {
                let refused = Refused::of_captures(name, line, &reason);
                if !contradicts {
                    return Err(refused.problem());
                }
                // What the others show tells whether it is so.
                outcome.refused.get_or_insert(refused);
            }
            Err(Bad::Record(kind, reason)) => outcome.bad(kind, name, line, &reason),
        }
        Ok(true)
    }

    /// By these rules.
    fn reading(mut self, rules: &Rules) -> Reader<'a> {
        let n = self.features.as_ref().map_or(0, Paths::places_of_columns).min(rules.objects.len());
        let (of_features, of_answers) = rules.objects.split_at(n);
        self.features.iter().for_each(|features| features.decide(of_features));
        self.answers.read_by(rules, of_answers);
        self.label.read_by(rules.truths);
        self
    }

    /// Takes a record's rows in; false when it lies outside of the window.
    fn take(
        &mut self,
        record: &Record<'_>,
        hour: Option<Timestamp>,
        outcome: &mut Outcome,
    ) -> std::result::Result<bool, Bad> {
        let with_id = |problem| match problem {
            Bad::Record(kind, reason) => {
                Bad::Record(kind, captured::named(record.event_metadata.as_ref(), reason))
            }
            stop => stop,
        };
        if !captured::in_window(record, hour, self.options.window)
            .map_err(bad(Kind::Time))
            .map_err(with_id)?
        {
            return Ok(false);
        }
        self.record(record, outcome).map_err(with_id)?;
        Ok(true)
    }

    fn record(&mut self, record: &Record<'_>, outcome: &mut Outcome) -> std::result::Result<(), Bad> {
        let Some(capture) = &record.capture_data else {
            return Err(Bad::Record(Kind::NoCapture, "`captureData` is missing".into()));
        };
        if self.request.is_none() {
            self.inputs.clear();
        }
        self.truths.clear();
        self.answer.clear();
        let payload_of = |payload, what: &str| {
            payload::text(payload).map_err(|reason| Bad::Record(Kind::Payload, format!("{what}: {reason}")))
        };
        let mut n_answers = None;
        match (&capture.batch_transform_output, &capture.endpoint_input) {
            (Some(batch), _) => {
                let (text, kind) = payload_of(batch, "batch transform output")?;
                n_answers = self.batch(&text, kind, outcome)?;
                outcome.kinds.0.get_or_insert(kind);
            }
            (None, Some(input)) => {
                let kind = match self.request {
                    Some(kind) => kind,
                    None => {
                        let (text, kind) = payload_of(input, "input")?;
                        let kind = payload::kind_of_rows(kind, &text);
                        self.input(&text, kind)?;
                        kind
                    }
                };
                outcome.kinds.0.get_or_insert(kind);
                if self.wants.predicted {
                    let Some(output) = &capture.endpoint_output else {
                        return Err(Bad::Record(Kind::NoOutput, "`endpointOutput` is missing".into()));
                    };
                    let (text, kind) = payload_of(output, "output")?;
                    let n = self.inputs.n_rows();
                    let read = self.answers.append(&text, kind, n, &mut self.answer);
                    outcome.shown.answers.add(self.answer.forms());
                    n_answers = self.count(n, read)?;
                    outcome.kinds.1.get_or_insert(kind);
                } else if let Some(output) = &capture.endpoint_output {
                    let named = output.observed_content_type.as_deref();
                    if outcome.kinds.1.is_none() && named.is_some() {
                        outcome.kinds.1 = Some(payload::kind(named, output.encoding, ""));
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
            if payload::kind_of_rows(kind, &text) == ContentType::Csv {
                layout::label_of_csv(self.analysis).map_err(Bad::Job)?;
            }
            let read = self.label.append(&text, kind, Some(self.inputs.n_rows()), &mut self.truths);
            outcome.shown.truths.add(self.label.forms());
            read.map_err(|reason| Bad::Record(Kind::Truth, format!("ground truth: {reason}")))?;
        }
        self.rows(n_answers, outcome)
    }

    /// The number of answers when it is not that of the rows.
    fn count(
        &mut self,
        n: usize,
        read: std::result::Result<(), Fault>,
    ) -> std::result::Result<Option<usize>, Bad> {
        match read.and_then(|()| self.answers.check(n, &self.answer)) {
            Ok(()) => Ok(None),
            Err(Fault::Count(found)) => Ok(Some(found)),
            Err(Fault::Problem(problem)) => Err(self.bad_answer(problem)),
        }
    }

    fn bad_answer(&mut self, problem: Problem) -> Bad {
        let reason = format!("output: {}", brief(&problem));
        if !std::ptr::eq(problem.code(), &codes::HEADERS_DO_NOT_FIT) {
            return Bad::Record(Kind::Answer, reason);
        }
        self.unfit.get_or_insert(problem);
        self.contradicts = true;
        Bad::Record(Kind::Headers, reason)
    }

    fn input(&mut self, text: &str, kind: ContentType) -> std::result::Result<(), Bad> {
        for document in payload::documents(text, kind) {
            if kind == ContentType::Csv {
                let before = self.inputs.n_rows();
                self.inputs
                    .push_csv(document)
                    .map_err(|reason| Bad::Record(Kind::Payload, format!("input: {reason}")))?;
                self.header_rows += self.names.take_out(&mut self.inputs, before, &mut self.scratch);
                continue;
            }
            let paths = match &self.features {
                Ok(paths) => paths,
                Err(reason) => return Err(Bad::Record(Kind::Features, format!("input: {reason}"))),
            };
            self.found
                .find(paths, document)
                .map_err(|fault| Bad::Record(Kind::Payload, format!("input: not JSON: {fault}")))?;
            if let Some(contradiction) = self.found[0].contradiction() {
                self.unfit.get_or_insert_with(|| contradiction.problem("headers"));
                self.contradicts = true;
                return Err(Bad::Record(Kind::Headers, format!("input: {}", contradiction.told())));
            }
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
    fn batch(
        &mut self,
        text: &str,
        kind: ContentType,
        outcome: &mut Outcome,
    ) -> std::result::Result<Option<usize>, Bad> {
        if kind == ContentType::Csv {
            return self.batch_csv(text);
        }
        for document in payload::documents(text, kind) {
            let before = self.inputs.n_rows();
            self.input(document, ContentType::Json)?;
            if !self.wants.predicted {
                continue;
            }
            let output = payload::joined_output(document).map_err(bad(Kind::NoOutput))?;
            let n = self.inputs.n_rows() - before;
            let read = self.answers.append(output, ContentType::Json, n, &mut self.answer);
            outcome.shown.answers.add(self.answer.forms());
            match read {
                Ok(()) => {}
                Err(Fault::Count(found)) => return Ok(Some(found)),
                Err(Fault::Problem(problem)) => return Err(self.bad_answer(problem)),
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
            // The last of them is the label's.
            (None, Some(headers)) => self.wants.truth && !headers.is_empty(),
            (_, None) => false,
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

    /// Pairs what was found and takes the rows in. `n_answers`: the number of answers when it is not that of the
    /// rows.
    fn rows(&mut self, n_answers: Option<usize>, outcome: &mut Outcome) -> std::result::Result<(), Bad> {
        let n = self.inputs.n_rows();
        let n_truths = self.truths.n_cells();
        let truths_fit = !self.wants.truth || (self.truths.n_rows() == n && n_truths == n);
        if n == 0 || n_answers.is_some() || !truths_fit {
            let mut counts = counted(n, "input row");
            if self.wants.predicted {
                counts.push_str(&format!(", {}", counted(n_answers.unwrap_or(n), "prediction")));
            }
            if self.wants.truth {
                counts.push_str(&format!(", {}", counted(n_truths, "label")));
            }
            return Err(Bad::Record(Kind::Counts, counts));
        }
        if self.wants.truth
            && let Some(row) = (0..n).find(|&row| typing::lacks_value(self.truths.cell(row, 0)))
        {
            return Err(Bad::Record(
                Kind::Truth,
                format!("ground truth: no label for row {} of {n}", row + 1),
            ));
        }
        if let Some(row) = (0..n).find(|&row| self.inputs.width(row) == 0) {
            let reason = format!("input: Data must contain features: found no value in row {}", row + 1);
            return Err(Bad::Record(Kind::Features, reason));
        }
        let has_headers = self.analysis.dataset.headers.is_some();
        let Table { layout, gather, wanted } = match &mut outcome.table {
            Some(table) => table,
            None => {
                let brought = Brought { label: self.wants.truth, predicted: self.wants.predicted };
                match layout::of_capture(self.inputs.width(0), brought, self.analysis) {
                    Ok(layout) => {
                        let gather = Gather::new(&layout, self.analysis, self.options.keep_rows, self.exact);
                        outcome.table.insert(Table::new(layout, gather))
                    }
                    Err(problem) if std::ptr::eq(problem.code(), &codes::HEADERS_DO_NOT_FIT) => {
                        outcome.unfit.get_or_insert(problem);
                        return Err(unlike_headers(self.inputs.width(0), 0));
                    }
                    Err(problem) => return Err(Bad::Job(problem)),
                }
            }
        };
        if let Some(row) = (0..n).find(|&row| self.inputs.width(row) != layout.captured.len()) {
            if has_headers {
                return Err(unlike_headers(self.inputs.width(row), row));
            }
            return Err(Bad::Record(
                Kind::Headers,
                format!(
                    "{} in row {}, expected {}",
                    counted(self.inputs.width(row), "value"),
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
        gather.begin(self.file);
        for row in 0..n {
            for &(at, column) in wanted.iter() {
                gather.set(column, self.inputs.cell(row, at));
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
