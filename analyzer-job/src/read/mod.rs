//! Reading: every format ends in the same rows, and the rows in columns or in a tally.
//!
//! Rows are read once. With `keep_rows` they become a table (the flip test and the model need it); otherwise
//! only the combinations of label, prediction, facets, group and segments are counted.

pub mod answer;
mod batch;
mod blocks;
mod capture;
pub(crate) mod captured;
mod commas;
mod csv;
mod csv_blocks;
mod cut;
pub(crate) mod digest;
mod document;
pub(crate) mod fan_out;
mod fields;
#[cfg(test)]
pub(crate) mod fixture;
mod gather;
pub mod grid;
pub(crate) mod guarded;
pub(crate) mod headed;
pub(crate) mod header;
mod ids;
mod layout;
mod line_blocks;
mod line_patterns;
mod lines;
pub(crate) mod looks;
mod marks;
pub(crate) mod named;
mod notes;
mod paired;
mod parquet;
mod parser;
pub mod part;
pub mod payload;
mod pieces;
pub(crate) mod quotes;
pub(crate) mod records;
pub mod remote;
mod row_groups;
pub(crate) mod shown;
mod side;
mod stored;
pub(crate) mod together;
pub(crate) mod truth;
pub(crate) mod windowed;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};

use jiff::Timestamp;
use plumbline_common::codes::Class;
use plumbline_common::input::{self, InputFile};
use plumbline_common::progress::Progress;
use plumbline_common::stop::Stop;
use plumbline_common::{Problem, Result, codes};
use rayon::prelude::*;

use crate::config::{Analysis, ContentType, DatasetFormat};
use crate::results::details::{InputDigest, RowCounts};
use crate::values::cells::{Cells, ModelRows, Value};
use crate::values::table::{Table, Values};

use crate::state::tally::Tally;
use crate::values::typing::{self, Type};
use answer::ONE_SCORE;
use digest::Digests;
use gather::Gather;
use ids::Ids;
pub use layout::{Layout, Roles};
pub(crate) use notes::{Note, Notes, Skips, of_files};
pub(crate) use parquet::{instants, rows as parquet_rows};
pub use part::Part;
use shown::{Attempted, Refused, Rules, Shown, Widths};
use side::Side;
use together::RecordsSeat;
use windowed::OfFile;

/// Where the data lie: local files, or folders of them.
#[derive(Debug, Clone)]
pub struct Inputs {
    pub dataset: PathBuf,
    /// The facet dataset, when the configuration has one.
    pub facets: Option<PathBuf>,
    /// The predicted-label dataset, when the configuration has one.
    pub predictions: Option<PathBuf>,
}

#[derive(Debug, Clone, Default)]
pub struct Options {
    /// A captured record that cannot be used stops the job instead of being left out.
    pub strict: bool,
    /// Start (inclusive) and end (exclusive) of the inference times that count.
    pub window: Option<(Timestamp, Timestamp)>,
    /// Keep the rows as a table; else they are only counted.
    pub keep_rows: bool,
    /// Read only so many records.
    pub limit: Option<u64>,
    /// Others read the rest of the data: nothing is judged by this part.
    pub part: bool,
    pub stop: Stop,
    pub for_people: bool,
    /// Other monitors read the same captured records.
    pub(crate) seat: Option<Arc<RecordsSeat>>,
    pub(crate) digests: Arc<Digests>,
}

/// What was read.
#[derive(Debug)]
pub struct Reading {
    /// Every column of the table in order.
    pub columns: Vec<ColumnSummary>,
    pub layout: Layout,
    /// The rows, or their counts: one of the two.
    pub data: Data,
    pub row_counts: RowCounts,
    pub inputs: Vec<InputDigest>,
    pub warnings: Vec<String>,
    /// Content type of the captured requests and responses.
    pub captured_input: Option<ContentType>,
    pub captured_output: Option<ContentType>,
    /// How the records were read; the objects of the features come first.
    pub(crate) rules: Rules,
}

#[derive(Debug)]
pub enum Data {
    Rows(Rows),
    /// Columns of the tally: `layout.roles.counted()`.
    Tally(Tally),
}

impl Reading {
    /// The rows, when they were kept.
    pub fn rows(&self) -> Option<&Rows> {
        match &self.data {
            Data::Rows(rows) => Some(rows),
            Data::Tally(_) => None,
        }
    }
}

/// A column as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnSummary {
    pub name: String,
    /// What it is used for; a column may have several uses.
    pub roles: Vec<&'static str>,
    /// None for a column that nobody needed and nobody looked at.
    pub kind: Option<Type>,
    /// Distinct values, missing ones aside.
    pub distinct: u64,
}

/// The rows themselves.
#[derive(Debug, Clone, Default)]
pub struct Rows {
    pub table: Table,
    pub roles: Roles,
    /// Columns that are sent to the model, in dataset order.
    pub features: Vec<usize>,
}

/// Reads the dataset, joined with the facet and prediction datasets.
///
/// # Errors
/// No data; a dataset that does not fit the configuration; a bad row of a dataset; more than half of the
/// captured records bad, or one of them in strict mode; being stopped.
pub fn read(inputs: &Inputs, analysis: &Analysis, options: &Options) -> Result<Reading> {
    let (part, files) = gather(inputs, analysis, options)?;
    part.finish(&inputs.dataset, analysis)
        .map_err(|problem| looks::hint(problem, &files, analysis.dataset.format))
}

/// Reads the dataset as a part of what several processes read: as `read`, without judging the whole.
///
/// # Errors
/// As `read`; none for a part without data.
pub fn read_part(inputs: &Inputs, analysis: &Analysis, options: &Options) -> Result<Part> {
    debug_assert!(options.part);
    let mut analysis = analysis.clone();
    analysis.dataset.names_in_any_case = analysis.dataset.headers.is_none();
    gather(inputs, &analysis, options).map(|(part, _)| part)
}

fn gather(inputs: &Inputs, analysis: &Analysis, options: &Options) -> Result<(Part, Vec<InputFile>)> {
    let mut unreadable = Skips::new("of files that cannot be read");
    let of_dataset = listed(&inputs.dataset, "dataset", &mut unreadable);
    let of_dataset = match of_dataset {
        // A part may be empty.
        Err(problem) if options.part && std::ptr::eq(problem.code(), &codes::NO_DATA) => {
            return Ok((Part::default(), Vec::new()));
        }
        files => files?,
    };
    let mut files = vec![("dataset", of_dataset)];
    for (role, path) in [("facets", &inputs.facets), ("predictions", &inputs.predictions)] {
        if let Some(path) = path {
            files.push((role, listed(path, role, &mut unreadable)?));
        }
    }
    if options.strict && unreadable.skipped.records > 0 {
        return Err(Problem::new(&codes::FILE_OPERATION_FAILED, "an input cannot be read")
            .found(unreadable.skipped.examples.join("; "))
            .hint("with `on_bad_record` unset such files are left out and counted"));
    }
    check_join(&files, analysis)?;
    // Who reads a file to its end computes its digest too; the others are read by another thread, as soon as it is known that there
    // are some. A look at the first records is no reason to read everything for its digest.
    let (read, digests) = std::thread::scope(|scope| {
        let (left, are_left) = mpsc::channel();
        let digests = options.limit.is_none().then(|| {
            scope.spawn(|| {
                // None is sent where the reading has ended.
                let _ = are_left.recv();
                drop(are_left);
                options.digests.of(&files, &options.stop)
            })
        });
        let read = read_files(inputs, &files[0].1, analysis, options, &left);
        drop(left);
        let digests =
            digests.map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        (read, digests)
    });
    let mut part = read?;
    part.inputs = digests.transpose()?.unwrap_or_default();
    part.each_reading(|part| {
        part.notes.push(looks::note(&files[0].1, analysis.dataset.format));
        part.notes.push(Note::Unreadable(unreadable.clone()));
    });
    Ok((part, files.swap_remove(0).1))
}

/// `left`: is told when digests are left to others.
fn read_files(
    inputs: &Inputs,
    files: &[InputFile],
    analysis: &Analysis,
    options: &Options,
    left: &Sender<()>,
) -> Result<Part> {
    let by = |rules| {
        let first = Attempt { exact: options.part, ids: Ids::Numbers, rules, are_given: false };
        shown::settled(first, |attempt| read_once(inputs, files, analysis, options, attempt, left))
            .map_err(|problem| looks::hint(problem, files, analysis.dataset.format))
    };
    let mut part = by(Rules::default())?;
    if options.part {
        for rules in part.shown.open_rules(part.records) {
            let given = Attempt { exact: true, ids: Ids::Numbers, rules, are_given: true };
            match shown::settled(given, |attempt| read_once(inputs, files, analysis, options, attempt, left))
            {
                Ok(otherwise) => part.otherwise.push(otherwise),
                Err(problem) if problem.class() == Class::Stopped => return Err(problem),
                // It cannot be read so, which is no fault as long as nobody asks for it.
                Err(_) => {}
            }
        }
    }
    // How many features most records have, all parts together tell.
    if part.refused.is_some() && part.otherwise.iter().all(|part| part.refused.is_some()) {
        part.check_refused(analysis)
            .map_err(|problem| looks::hint(problem, files, analysis.dataset.format))?;
    }
    Ok(part)
}

/// How the data are read.
#[derive(Debug, Clone)]
struct Attempt {
    /// Keep every cell as written: text came late into a column of numbers, whose spelling was gone.
    exact: bool,
    /// An identifier of the dataset is no number.
    ids: Ids,
    rules: Rules,
    /// The rules are not those that the records show.
    are_given: bool,
}

fn read_once(
    inputs: &Inputs,
    files: &[InputFile],
    analysis: &Analysis,
    options: &Options,
    attempt: Attempt,
    left: &Sender<()>,
) -> Result<Attempted<Part, Attempt>> {
    let bytes = files.iter().map(|file| file.bytes).sum();
    let Attempt { exact, ids, rules, .. } = attempt.clone();
    let mut source = Source { exact, ids, rules, left: Some(left), ..Source::new(options, bytes) };
    let dataset = &analysis.dataset;
    let mut sides = [None, None];
    if let (Some(path), Some(side)) = (&inputs.facets, &dataset.facet_dataset) {
        sides[0] = Some(Side::read("facets", "facet_dataset_uri", path, side, analysis, &mut source)?);
    }
    if let (Some(path), Some(side)) = (&inputs.predictions, &dataset.predicted_label_dataset) {
        sides[1] = Some(Side::read(
            "predictions",
            "predicted_label_dataset_uri",
            path,
            side,
            analysis,
            &mut source,
        )?);
    }
    if !sides.iter().flatten().all(Side::has_numbers) {
        source.ids = Ids::Texts;
    }
    for side in sides.iter_mut().flatten() {
        side.index(source.ids);
    }
    let before = source.ids;
    let read = match dataset.format {
        Some(DatasetFormat::Csv) => paired::read(files, &mut sides, analysis, &mut source)?,
        Some(DatasetFormat::JsonLines) => lines::read(files, analysis, &mut source)?,
        Some(DatasetFormat::Json) => document::read(files, analysis, &mut source)?,
        Some(DatasetFormat::Parquet) => row_groups::read(files, analysis, &mut source)?,
        Some(DatasetFormat::Capture) | None => capture::read(files, analysis, &mut source)?,
    };
    for (is_so, what) in [
        (
            source.by_position,
            "objects have other keys than the names in `headers`, so their values are named by position",
        ),
        (
            source.scores_by_position,
            "answers have other keys than the names in `label_headers`, so their scores are named by position",
        ),
        (source.had_one_score, &format!("answers {ONE_SCORE}")),
    ] {
        source.notes.push(Note::Files {
            files: files.iter().filter(|_| is_so).map(|file| file.relative.clone()).collect(),
            what: what.into(),
        });
    }
    if source.ids != before {
        return Ok(Attempted::Again(Attempt { ids: source.ids, ..attempt }));
    }
    if !attempt.are_given
        && let Some(rules) = source.shown.other_rules(&attempt.rules)
    {
        return Ok(Attempted::Again(Attempt { rules, ..attempt }));
    }
    sides.iter().flatten().try_for_each(Side::check_ids)?;
    if read.as_ref().is_some_and(|(_, gather)| gather.lost()) {
        return Ok(Attempted::Again(Attempt { exact: true, ..attempt }));
    }
    let table = read.map(|(layout, mut gather)| {
        gather.end();
        (layout, gather)
    });
    Ok(Attempted::Whole(Box::new(Part {
        files: files.iter().map(|file| file.relative.clone()).collect(),
        inputs: Vec::new(),
        header: source.header,
        table,
        records: source.records,
        notes: source.notes,
        bad_kinds: source.bad_kinds,
        captured: source.captured,
        format: dataset.format,
        windowed: source.windowed,
        rules: if attempt.are_given { attempt.rules } else { source.shown.rules() },
        shown: source.shown,
        refused: source.refused,
        widths: source.widths,
        otherwise: Vec::new(),
    })))
}

/// The files of an input; there is at least one, and each can be read.
pub(crate) fn files_of(path: &Path, role: &str) -> Result<Vec<InputFile>> {
    input::files(path)?;
    listed(path, role, &mut Skips::new(""))
}

/// The files of an input that can be read; there is at least one. Others, such as a link that leads nowhere, are
/// added to `unreadable`.
fn listed(path: &Path, role: &str, unreadable: &mut Skips) -> Result<Vec<InputFile>> {
    let listing = input::list(path)?;
    for (name, error) in &listing.unreadable {
        unreadable.add_file(name, &error.to_string());
    }
    let files = listing.files;
    if files.is_empty() {
        let what = if path.exists() { "is empty" } else { "does not exist" };
        return Err(Problem::new(&codes::NO_DATA, format!("there is no data: the {role} input {what}"))
            .file(path)
            .expected("at least one file that is not empty")
            .hint("files whose names begin with `.` or `_` are left out"));
    }
    Ok(files)
}

/// Rows in several files have no common order, so they are paired by identifier only.
fn check_join(files: &[(&str, Vec<InputFile>)], analysis: &Analysis) -> Result<()> {
    let several = files.iter().find(|(_, files)| files.len() > 1);
    match several {
        Some((role, found)) if files.len() > 1 && analysis.dataset.join_source.is_none() => {
            Err(Problem::new(
                &codes::DATASETS_DO_NOT_FIT,
                "datasets in several files need an identifier to be joined by",
            )
            .field("joinsource_name_or_index")
            .found(format!("{} files in the {role} input and no identifier column", found.len()))
            .expected("the identifier column's name or position")
            .hint("rows are paired by position only when every dataset is one file"))
        }
        _ => Ok(()),
    }
}

/// Everything that readers share while they read.
pub(crate) struct Source<'a> {
    pub(crate) options: &'a Options,
    exact: bool,
    pub(crate) rules: Rules,
    /// What the records show of one another.
    pub(crate) shown: Shown,
    /// The first record for which all are refused, if they are read by the right rules.
    pub(crate) refused: Option<Refused>,
    /// Records of a dataset of JSON by the number of their features.
    pub(crate) widths: Widths,
    /// How identifiers are compared; set to texts by who meets one that is no number.
    pub(crate) ids: Ids,
    /// Lines, documents or rows of the input.
    pub(crate) records: u64,
    pub(crate) notes: Notes,
    /// The names that the first file gives its columns.
    pub(crate) header: Option<Vec<String>>,
    /// Bad captured records by kind.
    pub(crate) bad_kinds: Vec<u64>,
    progress: Progress,
    pub(crate) captured: (Option<ContentType>, Option<ContentType>),
    /// Of a part that has a window.
    pub(crate) windowed: Vec<OfFile>,
    /// These values went by their positions, as keys are not the names of columns.
    pub(crate) by_position: bool,
    /// The same of the scores of captured answers.
    pub(crate) scores_by_position: bool,
    /// Labels were made of single scores, where the headers are of several.
    pub(crate) had_one_score: bool,
    /// Is told when digests are left to others.
    left: Option<&'a Sender<()>>,
}

impl Source<'_> {
    pub(crate) const ROWS_BETWEEN_CHECKS: u32 = 1 << 12;

    /// Before anything was read of so many bytes.
    fn new(options: &Options, bytes: u64) -> Source<'_> {
        Source {
            exact: false,
            rules: Rules::default(),
            shown: Shown::default(),
            refused: None,
            widths: Widths::default(),
            ids: Ids::Numbers,
            options,
            records: 0,
            notes: Notes::default(),
            header: None,
            bad_kinds: Vec::new(),
            progress: Progress::start("reading", "bytes", bytes, options.for_people),
            captured: (None, None),
            windowed: Vec::new(),
            by_position: false,
            scores_by_position: false,
            had_one_score: false,
            left: None,
        }
    }

    /// Others are to read the files for their digests: this reading is no help, or begins again.
    pub(crate) fn leave_digests(&self) {
        if let Some(left) = self.left {
            // Nobody listens where no digest is wanted, or behind the first time.
            let _ = left.send(());
        }
    }

    fn gather(&self, layout: &Layout, analysis: &Analysis) -> Gather {
        Gather::new(layout, analysis, self.options.keep_rows, self.exact)
    }

    /// Tells progress and looks whether the job shall stop.
    pub(crate) fn advance(&mut self, bytes: u64) -> Result<()> {
        self.progress.advance(bytes);
        self.options.stop.check()
    }

    /// What is said of records that were left out, also of none.
    pub(crate) fn skipped(&mut self, skips: Skips) {
        self.notes.push(Note::LeftOut(skips));
    }
}

fn summaries(layout: &Layout, gather: &Gather, analysis: &Analysis) -> Vec<ColumnSummary> {
    let roles = &layout.roles;
    let has_model = analysis.predictor.is_some();
    layout
        .names
        .par_iter()
        .enumerate()
        .map(|(column, name)| {
            let mut uses = Vec::new();
            let mut is = |test: bool, role: &'static str| {
                if test {
                    uses.push(role);
                }
            };
            is(roles.label == Some(column), "label");
            is(roles.predicted == Some(column), "predicted label");
            is(roles.facets.contains(&column), "facet");
            is(roles.group == Some(column), "group variable");
            is(roles.segments.contains(&column), "segments");
            is(roles.joins.contains(&column), "identifier");
            is(has_model && layout.features.contains(&column), "feature");
            let summary = gather.summary(column);
            ColumnSummary {
                name: name.clone(),
                roles: uses,
                kind: summary.map(|(kind, _)| kind),
                distinct: summary.map_or(0, |(_, distinct)| distinct),
            }
        })
        .collect()
}

/// `NA` may be a value that somebody meant; what the loader takes for missing is said.
fn warn_of_missing_texts(layout: &Layout, gather: &Gather, warnings: &mut Vec<String>) {
    for (column, name) in layout.names.iter().enumerate() {
        let Some(dictionary) = gather.dictionary(column) else { continue };
        let texts: Vec<String> = dictionary
            .iter()
            .filter_map(|raw| match raw {
                crate::values::raw::Raw::Csv(text) if !text.is_empty() && typing::is_missing(text) => {
                    Some(format!("`{text}`"))
                }
                _ => None,
            })
            .collect();
        if !texts.is_empty() {
            warnings.push(format!("column `{name}`: {} counts as missing", texts.join(", ")));
        }
    }
}

/// The features of every row as the model is sent them.
pub fn model_rows(rows: &Rows) -> (Cells, ModelRows) {
    let mut cells = Cells::default();
    let columns: Vec<Vec<u32>> = rows
        .features
        .iter()
        .filter_map(|&feature| rows.table.columns.get(feature))
        .map(|column| interned(&column.values, &mut cells))
        .collect();
    let mut out = ModelRows::new(columns.len());
    let mut row = vec![0; columns.len()];
    for at in 0..rows.table.n_rows {
        for (cell, column) in row.iter_mut().zip(&columns) {
            *cell = column[at];
        }
        out.push(&row);
    }
    (cells, out)
}

fn interned(values: &Values, cells: &mut Cells) -> Vec<u32> {
    match values {
        Values::Int(values) => values.iter().map(|&value| cells.intern(&Value::Int(value))).collect(),
        Values::Bool(values) => values.iter().map(|&value| cells.intern(&Value::Bool(value))).collect(),
        Values::Float(values) => values
            .iter()
            .map(|&value| cells.intern(&if value.is_nan() { Value::Null } else { Value::Float(value) }))
            .collect(),
        Values::Text(texts) => {
            let known: Vec<u32> =
                texts.dictionary.iter().map(|text| cells.intern(&Value::Text(text.clone()))).collect();
            let null =
                texts.codes.contains(&crate::values::table::MISSING).then(|| cells.intern(&Value::Null));
            texts
                .codes
                .iter()
                .map(|&code| known.get(code as usize).copied().or(null).unwrap_or_default())
                .collect()
        }
    }
}

#[cfg(test)]
mod pairing_tests;
#[cfg(test)]
mod tests;
