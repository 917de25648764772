//! What became of the records of a reading: counts, and what is to be said of them. Those of parts of the data add up.

use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use plumbline_common::words::counted;
use serde::{Deserialize, Serialize};

use super::block::Block;
use super::first_rows::FirstRows;
use super::kinds::{Kinds, Met};
use super::twice::{AllTwice, Twice};
use super::unlike::Schemas;
use crate::monitor::format::{Family, Format};
use crate::read::Skips;
use crate::read::windowed::OfFile;
use crate::state::order::by_text;

/// What became of the records.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Account {
    /// Lines, documents or captured records that were read.
    pub records: u64,
    pub rows: u64,
    /// Records outside of the window.
    pub outside: u64,
    /// Files with rows or names of columns, in the order they were read; of a profile only.
    pub files: Vec<PathBuf>,
    pub(super) skips: Skips,
    /// Quotes in CSV files that may have cost rows, or cost more than one line.
    #[serde(default, skip_serializing_if = "Skips::is_empty")]
    pub(super) quotes: Skips,
    /// What is to be said of single files.
    pub(super) notes: Vec<(PathBuf, String)>,
    /// The columns of the files, in formats whose files name them.
    #[serde(default, skip_serializing_if = "Schemas::is_empty")]
    pub(super) schemas: Schemas,
    /// The first rows of CSV files that may have header rows.
    #[serde(default, skip_serializing_if = "FirstRows::is_empty")]
    pub(crate) first_rows: FirstRows,
    /// Names that stand twice in a row.
    #[serde(default, skip_serializing_if = "AllTwice::is_empty")]
    pub(super) twice: AllTwice,
    /// Columns to prepare that no row has, in words.
    pub(super) absent: Vec<String>,
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
    /// As what records or names of columns were read, where there were any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) read_as: Option<Family>,
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
    /// The kinds of records that were met, in formats whose rows may be of several.
    #[serde(default, skip_serializing_if = "Met::is_empty")]
    pub(crate) met: Met,
    /// These are rows of CSV.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) is_csv: bool,
    /// The first records with rows: file and line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) firsts: Vec<(PathBuf, u64)>,
    /// Some rows were left out by `columns` that are not among those of the records with rows.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) thinned: bool,
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
        self.met.merge(&other.met);
        self.twice.merge(other.twice);
        self.notes.extend(other.notes);
        self.notes.sort_by(|one, two| by_text(&one.0, &two.0));
    }

    /// Takes the rows of a part back, as those of records that cannot be used. `kinds`: those that the part was read by. False where
    /// it does not know how many they are.
    pub(crate) fn leave_out(&mut self, kinds: &Kinds, reason: &str) -> bool {
        if self.thinned {
            return false;
        }
        let records = self.met.like(kinds);
        let mut skips = Skips::default();
        for (file, line) in std::mem::take(&mut self.firsts) {
            skips.add(&file, line, reason);
        }
        skips.skipped.records = records;
        self.skips.merge(skips, by_text);
        (self.rows, self.files, self.twice, self.absent) = Default::default();
        true
    }

    /// Takes out what an earlier part says of the same file.
    pub(crate) fn forget(&mut self, again: &OfFile) {
        self.records = self.records.saturating_sub(again.records);
        self.skips.forget(&again.undated);
    }

    /// Whether the rows were read as most of them are; else they are to be read again.
    pub(super) fn is_settled(&self) -> bool {
        self.better_kinds.is_none() && self.better_width.is_none()
    }

    /// Puts what there is to say in words.
    pub fn finish(&mut self) {
        self.bad = self.skips.skipped.records;
        self.examples.clone_from(&self.skips.skipped.examples);
        let mut notes: IndexMap<&str, Vec<&Path>> = IndexMap::new();
        for (file, what) in &self.notes {
            notes.entry(what).or_default().push(file);
        }
        self.warnings = self.first_rows.told();
        self.warnings.extend(notes.iter().map(|(what, files)| format!("{}: {what}", named(files))));
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

    /// Says something of a file, once it is finished.
    pub(crate) fn note(&mut self, file: &Path, what: String) {
        self.notes.push((file.into(), what));
    }

    /// Notes which records came first, as far as they are named should their rows turn out to be none.
    pub(super) fn note_firsts(&mut self, block: &Block) {
        for row in 0..block.rows() {
            if self.firsts.len() == Skips::NAMED {
                return;
            }
            let (file, line) = (block.file(), block.line(row));
            if self.firsts.last().is_none_or(|(last, at)| last != file || *at != line) {
                self.firsts.push((file.into(), line));
            }
        }
    }

    /// A name stands twice in a row of the record at this line.
    pub(super) fn twice(&mut self, twice: Twice, file: &Path, line: u64) {
        self.twice.add(twice, file, line);
    }

    /// A column has another name in the whole.
    pub(crate) fn rename(&mut self, old: &str, new: &str) {
        self.schemas.rename(old, new);
    }

    /// The records that cannot be used.
    pub(crate) fn skips(&self) -> &Skips {
        &self.skips
    }

    /// The first thing that is said of a single file.
    pub(crate) fn first_note(&self) -> Option<String> {
        let of_first_rows = self.first_rows.told().into_iter().next();
        of_first_rows.or_else(|| self.notes.first().map(|(file, what)| format!("{}: {what}", file.display())))
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
