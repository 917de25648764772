//! The rows of a quality monitor, cell by cell as they are spelled: every format in one pass over the files,
//! handed on in blocks. What cannot be read is left out, counted and named; no column moves.

mod block;
mod capture;
mod csv;
mod document;
mod first_rows;
mod json;
mod kinds;
mod names;
mod oriented;
mod parquet;
mod prepare;
mod scripted;
mod shape;
pub(crate) mod shared;
#[cfg(test)]
mod tests;
mod twice;
mod unlike;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use indexmap::{IndexMap, IndexSet};
use jiff::Timestamp;
use plumbline_common::input::{self, Listing};
use plumbline_common::progress::Progress;
use plumbline_common::stop::Stop;
use plumbline_common::words::counted;
use plumbline_common::{Problem, Result, codes};
use serde::{Deserialize, Serialize};

use crate::monitor::columns::{Preparation, Records};
use crate::monitor::format::{self, Format};
use crate::monitor::script::Script;
use crate::read::windowed::OfFile;
use crate::read::{Skips, header};
use crate::state::order::by_text;

use kinds::Counted;
use prepare::Cells;
use shared::Seat;
use twice::{AllTwice, Twice};

pub use block::Block;
pub(crate) use first_rows::FirstRows;
pub use kinds::Kinds;
pub use names::{Settled, settle};
pub(crate) use unlike::Schemas;

/// What to read, and how.
#[derive(Debug, Clone)]
pub struct Source<'a> {
    /// A folder of any depth, or a file.
    pub path: &'a Path,
    /// `None`: the first file tells.
    pub format: Option<Format>,
    /// Start (inclusive) and end (exclusive) of the inference times of captured records that count.
    pub window: Option<(Timestamp, Timestamp)>,
    /// A payload is one row, nested values stay text: as the hosted service reads them.
    pub one_row_per_record: bool,
    /// What cannot be read stops the job instead of being left out.
    pub strict: bool,
    /// The setting `columns`.
    pub preparation: Option<&'a Preparation>,
    /// Columns, by name or position, that nothing is said of: they may be of types that cannot be read.
    pub exclude: &'a [String],
    /// A script that makes the rows of each record.
    pub script: Option<&'a Script>,
    /// Rows without names have this many cells, whatever the first one has.
    pub width: Option<usize>,
    /// Rows are objects or values without names, whatever the first ones are.
    pub kinds: Option<Kinds>,
    /// The names of the baseline's columns: what a first row of CSV is may hang on them.
    pub known: &'a [String],
    /// Only so many records.
    pub limit: Option<u64>,
    /// Only what most rows are is looked for: `columns` does nothing with them.
    pub bare: bool,
    /// Others read the rest of the data.
    pub folds: bool,
    pub stop: &'a Stop,
    pub for_people: bool,
    /// Other monitors of the run read the same.
    pub(crate) seat: Option<&'a Seat>,
}

impl<'a> Source<'a> {
    /// Everything below a path, whatever its format.
    pub fn new(path: &'a Path, stop: &'a Stop) -> Source<'a> {
        Source {
            path,
            format: None,
            window: None,
            one_row_per_record: false,
            strict: false,
            preparation: None,
            exclude: &[],
            script: None,
            width: None,
            kinds: None,
            known: &[],
            limit: None,
            bare: false,
            folds: false,
            stop,
            for_people: false,
            seat: None,
        }
    }
}

impl Source<'_> {
    /// The same with what most rows are; none when this was read by it.
    fn again(&self, account: &Account) -> Option<Self> {
        match (account.better_kinds, account.better_width) {
            (Some(kinds), _) => Some(Source { kinds: Some(kinds), ..self.clone() }),
            (None, Some(width)) => Some(Source { width: Some(width), ..self.clone() }),
            (None, None) => None,
        }
    }

    /// The same with what most rows are, where the first one is another; none where it is like them, or nothing can be read.
    fn fitting(&self) -> Option<Self> {
        let mut found = self.clone();
        let mut is_other = false;
        loop {
            let bare = Source { bare: true, seat: None, ..found.clone() };
            let (_, account) = read(&bare, &mut |block, _| Ok(block)).ok()?;
            match found.again(&account) {
                Some(next) => (found, is_other) = (next, true),
                None => return is_other.then_some(found),
            }
        }
    }
}

/// The columns that were found so far. Later blocks may have more, never fewer or others.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Columns {
    /// In the order of the cells.
    pub names: IndexSet<String>,
    /// Whether the data name their columns; else the names are `_c0`, `_c1`, ...
    pub named: bool,
    /// The names are those of header rows.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_header: bool,
    /// What the rows are that they were found in.
    #[serde(default, skip_serializing_if = "Kinds::is_empty")]
    pub kinds: Kinds,
    /// What the order of the names means.
    pub order: Order,
    /// Places in JSON where some row has an object or a list that is several columns. A null there has the name of the place
    /// itself, and makes no column of its own.
    #[serde(default, skip_serializing_if = "IndexSet::is_empty")]
    pub nested: IndexSet<String>,
}

/// The order of columns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Order {
    /// As they stand in the data.
    #[default]
    Data,
    /// The names are keys that a script gave: numbers inside of them count as numbers.
    Natural,
    /// The same, sorted as text, as the hosted service does.
    Text,
}

/// What became of the records.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Account {
    /// Lines, documents or captured records that were read.
    pub records: u64,
    pub rows: u64,
    /// Records outside of the window.
    pub outside: u64,
    /// Files with rows, in the order they were read; of a profile only.
    pub files: Vec<PathBuf>,
    skips: Skips,
    /// Quotes in CSV files that may have cost rows, or cost more than one line.
    #[serde(default, skip_serializing_if = "Skips::is_empty")]
    quotes: Skips,
    /// What is to be said of single files.
    notes: Vec<(PathBuf, String)>,
    /// The columns of the files, in formats whose files name them.
    #[serde(default, skip_serializing_if = "Schemas::is_empty")]
    schemas: Schemas,
    /// The first rows of CSV files that may have header rows.
    #[serde(default, skip_serializing_if = "FirstRows::is_empty")]
    pub(crate) first_rows: FirstRows,
    /// Names that stand twice in a row.
    #[serde(default, skip_serializing_if = "AllTwice::is_empty")]
    twice: AllTwice,
    /// Columns to prepare that no row has, in words.
    absent: Vec<String>,
    /// Records and rows that cannot be used.
    #[serde(skip)]
    pub bad: u64,
    /// The first of them: file, line and reason.
    #[serde(skip)]
    pub examples: Vec<String>,
    #[serde(skip)]
    pub warnings: Vec<String>,
    /// What the data were read as.
    #[serde(skip)]
    pub format: Option<Format>,
    /// Most rows have another number of cells than the first: read again with this width.
    #[serde(skip)]
    pub better_width: Option<usize>,
    /// Most rows are of another kind than the first: read again with these.
    #[serde(skip)]
    pub better_kinds: Option<Kinds>,
    /// The kinds of rows that were given.
    #[serde(skip)]
    pub kinds: Option<Kinds>,
    /// Cells of a row as it was read, in data without names, or whose first names do not fit most rows.
    pub width: Option<usize>,
    /// Records and rows that the setting `columns` or a script leaves out.
    pub left_out: u64,
    /// Of them those for which a script returned nothing, be it on purpose or not.
    #[serde(default)]
    pub nothing: u64,
    /// Of a part of captured records that was read with a window.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) windowed: Vec<OfFile>,
}

impl Account {
    /// Adds that of another part of the data.
    pub fn merge(&mut self, other: Account) {
        if self.rows == 0 {
            self.absent = other.absent;
        } else if other.rows > 0 {
            self.absent.retain(|what| other.absent.contains(what));
        }
        for (mine, theirs) in [
            (&mut self.records, other.records),
            (&mut self.rows, other.rows),
            (&mut self.outside, other.outside),
            (&mut self.left_out, other.left_out),
            (&mut self.nothing, other.nothing),
        ] {
            *mine = mine.saturating_add(theirs);
        }
        self.files.extend(other.files);
        self.files.sort_by(|one, two| by_text(one, two));
        self.skips.merge(other.skips, by_text);
        self.quotes.merge(other.quotes, by_text);
        self.schemas.merge(other.schemas);
        self.first_rows.merge(other.first_rows);
        self.twice.merge(other.twice);
        self.notes.extend(other.notes);
        self.notes.sort_by(|one, two| by_text(&one.0, &two.0));
    }

    /// Takes out what an earlier part says of the same file.
    pub(crate) fn forget(&mut self, again: &OfFile) {
        self.records = self.records.saturating_sub(again.records);
        self.skips.forget(&again.undated);
    }

    /// Puts what there is to say in words.
    pub fn finish(&mut self) {
        self.bad = self.skips.skipped.records;
        self.examples.clone_from(&self.skips.skipped.examples);
        let mut notes: IndexMap<&str, Vec<&Path>> = IndexMap::new();
        for (file, what) in &self.notes {
            notes.entry(what).or_default().push(file);
        }
        self.warnings = notes.iter().map(|(what, files)| format!("{}: {what}", named(files))).collect();
        self.warnings.extend(self.schemas.told());
        self.warnings.extend(self.twice.told());
        self.warnings.extend(self.absent.iter().cloned());
        if !self.quotes.is_empty() {
            self.warnings.push(format!(
                "{} over many lines, where a quote may be lost: {}",
                counted(self.quotes.skipped.records, "quoted value"),
                self.quotes.skipped.examples.join("; ")
            ));
        }
        if self.nothing > 0 {
            let (noun, verb) = if self.nothing == 1 { ("record", "is") } else { ("records", "are") };
            self.warnings.push(format!(
                "{} {noun} of {} {verb} left out, since the script returned nothing for them (`None` or a dict without a \
                 key); `[]` leaves a record out without this warning",
                self.nothing, self.records
            ));
        }
        if self.bad > 0 {
            let (noun, verb) = if self.bad == 1 { ("record", "is") } else { ("records", "are") };
            self.warnings.push(format!(
                "{} {noun} of {} cannot be used and {verb} left out: {}",
                self.bad,
                self.records,
                self.examples.join("; ")
            ));
        }
    }

    /// A name stands twice in a row of the record at this line.
    fn twice(&mut self, twice: Twice, file: &Path, line: u64) {
        self.twice.add(twice, file, line);
    }

    /// The records that cannot be used.
    pub(crate) fn skips(&self) -> &Skips {
        &self.skips
    }

    /// The first thing that is said of a single file.
    pub(crate) fn first_note(&self) -> Option<String> {
        self.notes.first().map(|(file, what)| format!("{}: {what}", file.display()))
    }

    /// The columns of the files.
    pub(crate) fn schemas(&self) -> &Schemas {
        &self.schemas
    }

    /// What is said of single files.
    pub(crate) fn notes(&self) -> &[(PathBuf, String)] {
        &self.notes
    }
}

/// The first of some files, and how many more there are.
fn named(files: &[&Path]) -> String {
    let first = files.first().map(|file| file.display().to_string()).unwrap_or_default();
    match files.len() {
        0 | 1 => first,
        n => format!("{first} and {}", counted(n - 1, "more file")),
    }
}

/// Takes a block, and gives one back whose memory may serve again.
pub type Take<'a> = &'a mut dyn FnMut(Block, &Columns) -> Result<Block>;

/// Reads all rows in order of the files' paths.
///
/// # Errors
/// A folder or file that cannot be read; a format that the data do not have at all; a column name that stands
/// twice; with `strict` anything that would be left out; whatever `take` fails with; being stopped.
pub fn read(source: &Source<'_>, take: Take<'_>) -> Result<(Columns, Account)> {
    match shared::pieces(source) {
        Some(pieces) => shared::hand_on(pieces, take),
        None => read_here(source, take),
    }
}

/// Reads with `once`, and again where the first row turns out to be another than most: the first row decides nothing for the
/// others. `account`: what `once` tells of the rows.
///
/// # Errors
/// Those of `once`, unless they come from a first row that is another than most.
pub fn settled<T>(
    source: &Source<'_>,
    mut once: impl FnMut(&Source<'_>) -> Result<T>,
    account: impl Fn(&T) -> &Account,
) -> Result<T> {
    let mut source = source.clone();
    loop {
        let next = match once(&source) {
            Ok(found) => match source.again(account(&found)) {
                Some(next) => next,
                None => return Ok(found),
            },
            Err(problem) => source.fitting().ok_or(problem)?,
        };
        source = next;
    }
}

/// As `read`, whatever seat the source has.
fn read_here(source: &Source<'_>, take: Take<'_>) -> Result<(Columns, Account)> {
    let listing = files(source.path)?;
    let files = listing.files;
    let format = match format::of(source.format.as_ref(), &files) {
        Some(known) => known,
        None if files.is_empty() && listing.unreadable.is_empty() => return Ok(Default::default()),
        // Whatever they are, they cannot be read.
        None => Format::JsonLines,
    };
    let bytes = files.iter().map(|file| file.bytes).sum();
    let given = source.format.is_some();
    let heads = match &format {
        Format::Csv { header } if source.script.is_none() && (*header || !given) => {
            Some(csv::Heads::of(&files, given, source.known)?)
        }
        _ => None,
    };
    let format = match &heads {
        Some(heads) => Format::Csv { header: heads.is_header() },
        None => format,
    };
    let (first_rows, notes) =
        heads.as_ref().map(|heads| (heads.rows.clone(), heads.notes.clone())).unwrap_or_default();
    let mut reader = Reader {
        source,
        columns: Columns::default(),
        account: Account { format: Some(format.clone()), notes, first_rows, ..Account::default() },
        spare: Block::default(),
        since_check: 0,
        other_widths: BTreeMap::new(),
        kinds: Counted::new(source.kinds),
        cells: None,
        rows: 0,
        found_by_path: IndexSet::new(),
        progress: Progress::start("reading", "bytes", bytes, source.for_people),
    };
    for (name, error) in &listing.unreadable {
        reader.records(1);
        reader.bad(name, 1, &format!("cannot be read: {error}"))?;
    }
    if let Some(width) = source.width {
        reader.unnamed(width);
    }
    reader.prepare(&format)?;
    match &format {
        _ if source.script.is_some() && format != Format::Profile => {
            scripted::read(&files, &format, &mut reader, take)?
        }
        Format::Csv { .. } => csv::read(&files, heads.as_ref(), &mut reader, take)?,
        Format::JsonLines => json::lines(&files, &mut reader, take)?,
        Format::Json => json::documents(&files, &mut reader, take)?,
        Format::Parquet => parquet::read(&files, &mut reader, take)?,
        Format::Profile => {
            return Err(Problem::new(&codes::CONFIG_NOT_SUPPORTED, "profiles hold no rows")
                .field("dataset_format")
                .hint("only data quality reads profiles, without `columns` and scripts"));
        }
        Format::Capture(parts) | Format::Merged(parts) => capture::read(&files, parts, &mut reader, take)?,
    }
    reader.finish()
}

/// The files of a dataset in the order of their relative paths as text, and what cannot be read among them.
///
/// # Errors
/// A folder that cannot be read.
pub fn files(path: &Path) -> Result<Listing> {
    let mut listing = input::list(path)?;
    listing.files.sort_by(|a, b| a.relative.as_os_str().cmp(b.relative.as_os_str()));
    Ok(listing)
}

/// Where the columns of the table stand in one file that has others, or has them in another order.
#[derive(Debug)]
struct Places {
    /// Columns of the file.
    width: usize,
    /// For each column of the table its place in the file, where it is there.
    of: Vec<Option<usize>>,
}

/// What a column of the data is read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Needed,
    /// Nothing is said of it, but segments may be made of its values.
    Excluded,
    /// The setting `columns` leaves it out: it is not read.
    LeftOut,
}

/// What all formats share while they read.
pub(crate) struct Reader<'a> {
    source: &'a Source<'a>,
    columns: Columns,
    account: Account,
    spare: Block,
    since_check: u32,
    /// Number of rows of each other width than the first.
    other_widths: BTreeMap<usize, u64>,
    /// Which rows have names.
    kinds: Counted,
    /// What the setting `columns` does with cells.
    cells: Option<Cells<'a>>,
    /// Rows as they were read.
    rows: u64,
    /// The columns by path for which some row had a value, by their place in the setting `columns`.
    found_by_path: IndexSet<usize>,
    progress: Progress,
}

impl<'a> Reader<'a> {
    /// Gets the setting `columns` ready for a format.
    ///
    /// # Errors
    /// An entry is for captured records or for JSON, and these are none.
    fn prepare(&mut self, format: &Format) -> Result<()> {
        let Some(preparation) = self.source.preparation else { return Ok(()) };
        let captured = matches!(format, Format::Capture(_) | Format::Merged(_));
        if let (Some(field), false) = (&preparation.records.captured, captured) {
            return Err(Problem::new(
                &codes::SETTING_INVALID,
                "an entry of `columns` is for captured records only",
            )
            .field(field)
            .found("data of another format")
            .hint("leave the entry out, or check `dataset_format`"));
        }
        if let (Some((columns, _)), Format::Csv { .. } | Format::Parquet) =
            (&preparation.records.paths, format)
        {
            return Err(Problem::new(
                &codes::SETTING_INVALID,
                "an entry of `columns` is for rows in JSON only",
            )
            .field(format!("columns: `path` of {}", columns.join(", ")))
            .found("CSV or Parquet, which has columns and no paths")
            .hint("leave the entry out, or check `dataset_format`"));
        }
        // A captured record is sampled whole, by its id.
        let sample = preparation.records.sample.filter(|_| !captured);
        if !self.source.bare && (sample.is_some() || !preparation.steps.is_empty()) {
            self.cells = Some(Cells::new(&preparation.steps, sample));
        }
        Ok(())
    }

    /// That paths of the setting `columns` have JSON objects to look into; the first rows decide, since all rows of a run have
    /// names or none has.
    ///
    /// # Errors
    /// `SETTING_INVALID`: the rows are lists of values.
    fn check_paths(&self) -> Result<()> {
        let paths = self.records_setting().and_then(|setting| setting.paths.as_ref());
        let (Some((columns, _)), false) = (paths, self.columns.named) else { return Ok(()) };
        let first: Vec<String> =
            columns.iter().enumerate().map(|(at, name)| format!("\"_c{at}\": \"{name}\"")).collect();
        Err(Problem::new(&codes::SETTING_INVALID, "an entry of `columns` is for rows that are JSON objects only")
            .field(format!("columns: `path` of {}", columns.join(", ")))
            .found(format!(
                "CSV or lists: {} a row, without names, whose columns are `_c0`, `_c1`, ...",
                counted(self.columns.names.len(), "value")
            ))
            .expected("JSON objects in the payloads")
            .hint(format!(
                "name the columns by their positions instead, such as {{\"rename\": {{{}}}}}, or all of them with `name`",
                first.join(", ")
            )))
    }

    /// What each of the columns that are known so far is read for.
    ///
    /// # Errors
    /// The setting `columns` does not fit the columns.
    fn uses(&mut self) -> Result<Vec<Use>> {
        let source = self.source;
        let excluded = |names: &IndexSet<String>, at: usize| {
            source.exclude.iter().any(|wanted| match names.get_index_of(wanted) {
                Some(named) => named == at,
                None => wanted.parse() == Ok(at),
            })
        };
        let names = &self.columns.names;
        let Some(cells) = &mut self.cells else {
            let of = |at| if excluded(names, at) { Use::Excluded } else { Use::Needed };
            return Ok((0..names.len()).map(of).collect());
        };
        cells.extend(&self.columns)?;
        let of = |from| match cells.places(from).map(|at| excluded(&cells.columns.names, at)).min() {
            None => Use::LeftOut,
            Some(true) => Use::Excluded,
            Some(false) => Use::Needed,
        };
        Ok((0..names.len()).map(of).collect())
    }

    /// What the setting `columns` does with records.
    fn records_setting(&self) -> Option<&'a Records> {
        self.source.preparation.map(|preparation| &preparation.records)
    }

    fn width(&self) -> Option<usize> {
        (!self.columns.names.is_empty()).then(|| self.columns.names.len())
    }

    /// Whether a row was taken that decides whether all have names. A row such as `{}` has no column and decides it.
    fn has_rows(&self) -> bool {
        self.columns.named || self.width().is_some()
    }

    /// Whether a row without names is as wide as the others; the first one that has a value decides.
    ///
    /// # Errors
    /// Why it cannot be used.
    fn check_width(&mut self, width: usize) -> std::result::Result<(), String> {
        self.check_width_of(width, self.width())
    }

    /// The same of a file whose rows have a width of their own.
    ///
    /// # Errors
    /// Why it cannot be used.
    fn check_width_of(&mut self, width: usize, expected: Option<usize>) -> std::result::Result<(), String> {
        match expected {
            _ if width == 0 => return Err("no values".into()),
            None => self.unnamed(width),
            Some(expected) if expected != width => {
                *self.other_widths.entry(width).or_default() += 1;
                return Err(format!("{}, expected {expected}", counted(width, "value")));
            }
            Some(_) => {}
        }
        Ok(())
    }

    /// The data have no names and this many columns.
    fn unnamed(&mut self, width: usize) {
        self.columns.names = (0..width).map(|column| format!("_c{column}")).collect();
    }

    /// The names that a file gives its columns; those that are new become columns of the table. Gives, where the file has
    /// other columns than the table or has them in another order, where the table's stand in it.
    fn header(&mut self, names: Vec<String>, file: &Path, line: u64) -> Result<Option<Places>> {
        header::differ(&names).map_err(|problem| problem.file(file).line(line))?;
        let found: IndexSet<String> = names.into_iter().collect();
        let known = &self.columns.names;
        // Where the width was given the columns have no names yet.
        let waits = !self.columns.named && self.rows == 0;
        if known.is_empty() || (waits && found.len() == known.len()) {
            self.account.schemas.add(found.iter().cloned(), file);
            self.columns = Columns { names: found, named: true, by_header: true, ..Columns::default() };
            return Ok(None);
        }
        if found.iter().eq(known.iter()) {
            self.account.schemas.add(found, file);
            return Ok(None);
        }
        if !self.columns.named {
            let what = format!(
                "the header row has {}, and most rows have {}: it names no columns",
                counted(found.len(), "name"),
                counted(known.len(), "value")
            );
            self.account.notes.push((file.into(), what));
            return Ok(None);
        }
        let others: Vec<String> =
            found.iter().filter(|name| !known.contains(*name)).map(|name| format!("`{name}`")).collect();
        let is_same = others.is_empty() && found.len() == known.len();
        // With a given width all rows are as wide.
        if self.source.width.is_some() && !is_same {
            let what = if found.len() == known.len() {
                format!(
                    "the header row names other columns than that of the first file, such as {}; the columns are taken by \
                     position",
                    others[0]
                )
            } else {
                format!(
                    "the header row has {}, and most rows have {}; rows as wide as this one are left out",
                    counted(found.len(), "name"),
                    counted(known.len(), "value")
                )
            };
            self.account.notes.push((file.into(), what));
            return Ok(None);
        }
        if is_same {
            let what =
                "the columns stand in another order than in the first file; their names say which is which";
            self.account.notes.push((file.into(), what.into()));
        }
        self.columns.names.extend(found.iter().cloned());
        let of = self.columns.names.iter().map(|name| found.get_index_of(name)).collect();
        let width = found.len();
        self.account.schemas.add(found, file);
        Ok(Some(Places { width, of }))
    }

    /// A file whose columns are those with these names, in this order.
    fn by_position(&mut self, names: &[String], file: &Path) -> Result<Option<Places>> {
        // With a given width all rows are as wide.
        match self.source.width {
            Some(width) if width != names.len() => Ok(None),
            _ => self.header(names.to_vec(), file, 1),
        }
    }

    /// More records were read.
    fn records(&mut self, n: u64) {
        self.account.records += n;
    }

    /// Whether no more records are wanted; those outside of the window do not count.
    fn done(&self) -> bool {
        self.source.limit.is_some_and(|limit| self.account.records - self.account.outside >= limit)
    }

    /// A record or row that cannot be used.
    ///
    /// # Errors
    /// With `strict`.
    fn bad(&mut self, file: &Path, line: u64, reason: &str) -> Result<()> {
        self.bad_lines(file, line, 1, reason)
    }

    /// The same, of so many records, one a line, of which the first is named.
    ///
    /// # Errors
    /// With `strict`.
    fn bad_lines(&mut self, file: &Path, line: u64, lines: u64, reason: &str) -> Result<()> {
        if self.source.strict {
            return Err(Problem::new(&codes::BAD_RECORD, "a record cannot be used")
                .file(file)
                .line(line)
                .found(reason)
                .hint("with `on_bad_record` unset such records are left out and counted"));
        }
        self.account.skips.add_lines(file, line, lines, reason);
        Ok(())
    }

    /// Hands the rows of a file on; an empty block goes nowhere.
    fn hand_on(&mut self, mut block: Block, file: &Path, take: Take<'_>) -> Result<()> {
        self.rows += block.rows() as u64;
        if block.rows() > 0 && !self.source.bare {
            self.check_paths()?;
        }
        if block.rows() > 0 && self.cells.is_some() {
            block = self.prepared(block, file)?;
        }
        block.set_file(file);
        self.account.rows += block.rows() as u64;
        let columns = self.cells.as_ref().map_or(&self.columns, |cells| &cells.columns);
        self.spare = if block.rows() > 0 { take(block, columns)? } else { block };
        Ok(())
    }

    /// The rows as the setting `columns` wants them.
    fn prepared(&mut self, block: Block, file: &Path) -> Result<Block> {
        let Some(cells) = &mut self.cells else { return Ok(block) };
        cells.extend(&self.columns)?;
        let mut bad = Vec::new();
        let rows = block.rows();
        let block = cells.apply(block, file, &mut bad);
        self.account.left_out += (rows - block.rows() - bad.len()) as u64;
        for (line, reason) in bad {
            self.bad(file, line, &reason)?;
        }
        Ok(block)
    }

    /// Memory for the next text.
    fn spare_text(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.spare).into_text()
    }

    /// Tells progress and looks whether the job shall stop.
    fn advance(&mut self, bytes: u64) -> Result<()> {
        self.progress.advance(bytes);
        self.source.stop.check()
    }

    /// As `advance`, for readers that come here with every record.
    fn advance_often(&mut self, bytes: u64) -> Result<()> {
        self.progress.advance(bytes);
        self.since_check += 1;
        if self.since_check == 1 << 10 {
            self.since_check = 0;
            self.source.stop.check()?;
        }
        Ok(())
    }

    fn finish(self) -> Result<(Columns, Account)> {
        let mut account = self.account;
        account.kinds = self.source.kinds;
        account.better_kinds = self.kinds.better();
        let is_given = self.source.width.is_some();
        account.width = (is_given || !self.columns.named).then_some(self.columns.names.len());
        if let Some((field, name)) = self.cells.as_ref().and_then(Cells::missing) {
            let fixed = match account.format {
                Some(Format::Csv { .. }) => true,
                // Files of another part of the data may have it.
                Some(Format::Parquet) => !self.source.folds,
                _ => !self.columns.named,
            };
            if fixed && self.rows > 0 {
                let names: Vec<String> =
                    self.columns.names.iter().take(40).map(|name| format!("`{name}`")).collect();
                return Err(Problem::new(&codes::COLUMN_NOT_FOUND, "a column to prepare is not in the data")
                    .field(field)
                    .found(format!("`{name}`"))
                    .expected(format!("one of {}", names.join(", "))));
            }
            account.absent.push(format!("{field}: no row has the column `{name}`"));
        }
        let paths = self.source.preparation.and_then(|preparation| preparation.records.paths.as_ref());
        if let Some((names, _)) = paths.filter(|_| self.columns.named && self.source.script.is_none()) {
            let vain = names.iter().enumerate().filter(|(at, _)| !self.found_by_path.contains(at));
            account.absent.extend(vain.map(|(_, name)| {
                format!(
                    "columns: `path` of `{name}` finds nothing in any row; it begins at the top of a row, as in `person.city`"
                )
            }));
        }
        let most = self.other_widths.iter().max_by_key(|(_, rows)| **rows);
        account.better_width = most
            .filter(|(_, rows)| **rows > self.rows && self.source.width.is_none())
            .map(|(width, _)| *width);
        account.finish();
        let mut columns = self.cells.map_or(self.columns, |cells| cells.columns);
        columns.kinds = self.kinds.kinds;
        Ok((columns, account))
    }
}
