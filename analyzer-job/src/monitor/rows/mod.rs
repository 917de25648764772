//! The rows of a quality monitor, cell by cell as they are spelled: every format in one pass over the files,
//! handed on in blocks. What cannot be read is left out, counted and named; no column moves.

mod account;
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
mod read_as;
mod reader;
mod scripted;
mod settled;
mod shape;
pub(crate) mod shared;
#[cfg(test)]
mod tests;
mod twice;
mod unlike;

use std::path::Path;

use indexmap::IndexSet;
use jiff::Timestamp;
use plumbline_common::input::{self, Listing};
use plumbline_common::stop::Stop;
use plumbline_common::{Problem, Result, codes};
use serde::{Deserialize, Serialize};

use crate::monitor::columns::Preparation;
use crate::monitor::format::{self, Format};
use crate::monitor::script::Script;

use reader::Reader;
use shared::Seat;

pub use account::Account;
pub use block::Block;
pub(crate) use first_rows::{FirstRows, check_parts};
pub use kinds::Kinds;
pub(crate) use kinds::Met;
pub use names::{Settled, settle};
pub(crate) use read_as::check as check_read_as;
pub use settled::settled;
pub(crate) use unlike::Schemas;

/// What to read, and how.
#[derive(Debug, Clone)]
pub struct Source<'a> {
    /// A folder of any depth, or a file.
    pub path: &'a Path,
    /// `None`: the first lines of the files tell.
    pub format: Option<Format>,
    /// The format is CSV and does not say whether files have header rows.
    pub header_is_open: bool,
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
            header_is_open: false,
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
            folds: false,
            stop,
            for_people: false,
            seat: None,
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
    /// The name of the only column whose header is empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unnamed: Option<String>,
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
    let no_header = format == Format::Csv { header: false };
    let evident = match source.header_is_open && no_header && source.script.is_none() {
        true => csv::taken_as_data(&files, source.known)?,
        false => Vec::new(),
    };
    let first_rows = heads.as_ref().map(|heads| heads.rows.clone()).unwrap_or_default();
    let account = Account { format: Some(format.clone()), first_rows, notes: evident, ..Account::default() };
    let mut reader = Reader::new(source, account, bytes);
    for (name, error) in &listing.unreadable {
        reader.records(1);
        reader.bad(name, 1, &format!("cannot be read: {error}"))?;
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
