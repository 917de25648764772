//! The rule that tells header rows of CSV files from data, by the first rows of all files. It is the table of "Header rows of CSV
//! files" in docs/data-quality.md. Neither the order of the files nor how they are split into parts counts, and what may be either
//! stops the job.

mod parts;
mod told;

use std::collections::HashSet;
use std::path::PathBuf;

use plumbline_common::{Problem, Result, codes};
use serde::{Deserialize, Serialize};

use crate::read::header;
use crate::state::order::by_text;
use crate::values::raw::Raw;
use crate::values::typing::{self, Cell};

pub(crate) use parts::check as check_parts;

/// Fewer numbers below a text may do without another text there by chance.
const FEW: u64 = 10;

/// What a first row is by its cells and the rows below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Evidence {
    Names,
    /// Names or data.
    Either,
    Data,
}

/// A row that files begin with, and what the rows below it say, in all of these files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FirstRow {
    /// The first of the files, and the line there.
    pub(super) file: PathBuf,
    pub(super) line: u64,
    /// Files that begin with it.
    pub(super) files: u64,
    /// As they stand there; empty where missing.
    pub(super) cells: Vec<String>,
    /// Numbers below a text of it, in a column that holds nothing else; of the column with most.
    #[serde(default)]
    pub(super) numbers_below: u64,
    /// A cell of it stands in its column below too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) recurs: bool,
    /// `dataset_format` says that it is a header row.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) is_declared: bool,
    /// All of its cells are names of the baseline's columns.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) is_known: bool,
}

impl FirstRow {
    pub(super) fn evidence(&self) -> Evidence {
        let is_text = self.has_text() || self.is_count();
        let is_like_others = self.recurs && !self.is_above() && !self.is_count();
        if self.is_twice() || !is_text || is_like_others {
            return Evidence::Data;
        }
        let is_names = self.is_named() && (self.is_declared || self.is_above() && !self.recurs);
        if is_names { Evidence::Names } else { Evidence::Either }
    }

    /// The names of the columns; one without a name has its position.
    pub(super) fn names(&self) -> Vec<String> {
        names(self.cells.iter().map(|cell| Some(cell.as_str()).filter(|cell| !cell.is_empty())))
    }

    /// The names by which its columns are known in other files. The only one without a name is the same wherever it stands.
    fn keys(&self) -> Vec<String> {
        let mut keys = self.names();
        let mut empty = (0..keys.len()).filter(|&at| self.cells[at].is_empty());
        if let (Some(at), None) = (empty.next(), empty.next()) {
            keys[at].clear();
        }
        keys
    }

    /// The first cells in words.
    pub(super) fn shown(&self) -> String {
        const SHOWN: usize = 5;
        let cells: Vec<String> = self.cells.iter().take(SHOWN).map(|cell| format!("`{cell}`")).collect();
        format!("{}{}", cells.join(", "), if self.cells.len() > SHOWN { ", ..." } else { "" })
    }

    /// The same with its place.
    pub(crate) fn place(&self) -> String {
        format!("{} (line {} of {})", self.shown(), self.line, self.file.display())
    }

    fn texts(&self) -> impl Iterator<Item = &str> {
        self.cells.iter().map(String::as_str).filter(|cell| is_text(cell))
    }

    pub(super) fn has_text(&self) -> bool {
        self.texts().next().is_some()
    }

    /// Whether it counts the columns, as row 0 of a table without names does that was written with its column numbers.
    fn is_count(&self) -> bool {
        header::is_count(&self.cells.iter().map(String::as_str).collect())
    }

    /// Whether two columns would have the same name.
    fn is_twice(&self) -> bool {
        header::differ(&self.names()).is_err()
    }

    /// That a row of texts which is above numbers, and may be no data, names no two columns alike.
    ///
    /// # Errors
    /// `HEADERS_DO_NOT_FIT`.
    pub(super) fn check_twice(&self) -> Result<()> {
        match self.is_named() && self.is_above() && !self.recurs {
            true => header::differ(&self.names()).map_err(|problem| problem.file(&self.file).line(self.line)),
            false => Ok(()),
        }
    }

    /// Whether a text of it stands above a column of numbers.
    fn is_above(&self) -> bool {
        self.numbers_below > 0
    }

    /// Whether no cell is a number or missing.
    fn is_named(&self) -> bool {
        // The column of row numbers that pandas writes has no name.
        self.cells.iter().enumerate().all(|(at, cell)| {
            at == 0 && cell.is_empty() || !typing::is_number(cell) && !typing::is_missing(cell)
        })
    }

    /// Marks it where all of its cells are names of the baseline's columns. Numbers may be names by chance, so all of the
    /// baseline's count.
    fn know(&mut self, known: &HashSet<String>, columns: usize) {
        let is_enough = self.has_text() || self.cells.len() == columns;
        self.is_known |= is_enough && !self.is_twice() && self.is_among(known);
    }

    fn is_among(&self, names: &HashSet<String>) -> bool {
        self.keys().iter().all(|name| names.contains(name)) && self.cells.iter().any(|cell| !cell.is_empty())
    }

    fn shares_text(&self, other: &FirstRow) -> bool {
        self.texts().any(|text| other.cells.iter().any(|cell| cell == text))
    }

    /// Whether one of two rows holds all cells of the other.
    fn is_comparable(&self, other: &FirstRow) -> bool {
        let holds = |one: &FirstRow, two: &FirstRow| {
            let cells: HashSet<&String> = one.cells.iter().collect();
            two.cells.iter().all(|cell| cells.contains(cell))
        };
        holds(self, other) || holds(other, self)
    }
}

/// The names of columns of which some have none.
fn names<'a>(cells: impl Iterator<Item = Option<&'a str>>) -> Vec<String> {
    cells.enumerate().map(|(at, cell)| cell.map_or_else(|| format!("_c{at}"), Into::into)).collect()
}

/// The name that a column without one has among others: the only one that is made of a position.
pub(super) fn unnamed(names: &[String]) -> Option<&String> {
    let is_position = |name: &&String| {
        let position = name.strip_prefix("_c").unwrap_or_default();
        !position.is_empty() && position.bytes().all(|byte| byte.is_ascii_digit())
    };
    let mut made = names.iter().filter(is_position);
    made.next().filter(|_| made.next().is_none())
}

pub(super) fn is_text(cell: &str) -> bool {
    matches!(typing::parse(Raw::Csv(cell)), Cell::Text(_))
}

/// The different first rows of files of CSV. Those of parts of the data add up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FirstRows {
    /// In the order of their cells.
    rows: Vec<FirstRow>,
    /// Rows with a value twice are data for any rule: one for each number of cells, by that number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    data: Vec<FirstRow>,
}

impl FirstRows {
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.data.is_empty()
    }

    /// A file begins with this row.
    pub(super) fn add(&mut self, row: FirstRow) {
        let (rows, place) = if row.is_twice() {
            let place = self.data.binary_search_by_key(&row.cells.len(), |other| other.cells.len());
            (&mut self.data, place)
        } else {
            let place = self.rows.binary_search_by(|other| other.cells.cmp(&row.cells));
            (&mut self.rows, place)
        };
        let mine = match place {
            Ok(at) => &mut rows[at],
            Err(at) => return rows.insert(at, row),
        };
        mine.numbers_below = mine.numbers_below.saturating_add(row.numbers_below);
        mine.recurs |= row.recurs;
        mine.files = mine.files.saturating_add(row.files);
        mine.is_declared |= row.is_declared;
        mine.is_known |= row.is_known;
        if by_text(&row.file, &mine.file).is_lt() {
            (mine.file, mine.line, mine.cells) = (row.file, row.line, row.cells);
        }
    }

    /// Adds those of another part of the data.
    pub(crate) fn merge(&mut self, other: FirstRows) {
        other.rows.into_iter().chain(other.data).for_each(|row| self.add(row));
    }

    /// Marks the rows whose cells are all names of the baseline's columns.
    pub(crate) fn know(&mut self, known: &[String]) {
        let mut names: HashSet<String> = known.iter().cloned().collect();
        names.extend(unnamed(known).map(|_| String::new()));
        self.rows.iter_mut().for_each(|row| row.know(&names, known.len()));
    }

    /// The rows that would be header rows by themselves.
    pub(super) fn evident(&self) -> impl Iterator<Item = &FirstRow> {
        self.rows.iter().filter(|row| row.evidence() == Evidence::Names || row.is_known)
    }

    /// Whether files have different header rows, so that the order of the table's columns hangs on that of the files.
    pub(crate) fn differ(&self) -> bool {
        self.judge().is_ok_and(|judged| judged.header.len() > 1)
    }

    /// What the rows are.
    ///
    /// # Errors
    /// `HEADERS_DO_NOT_FIT`: the files begin with different rows, and nothing tells whether these are names.
    pub(crate) fn judge(&self) -> Result<Judged<'_>> {
        let all: Vec<&FirstRow> = self.rows.iter().chain(&self.data).collect();
        let names: HashSet<String> = self
            .rows
            .iter()
            .filter(|row| row.evidence() == Evidence::Names)
            .flat_map(FirstRow::keys)
            .collect();
        let is_sure = |row: &FirstRow| {
            row.evidence() == Evidence::Names
                || row.is_known
                || row.has_text() && !row.is_twice() && row.is_among(&names)
        };
        let (header, others): (Vec<&FirstRow>, Vec<&FirstRow>) = all.iter().partition(|row| is_sure(row));
        let is_declared = all.iter().any(|row| row.is_declared);
        match (&all[..], &others[..]) {
            (_, []) => Ok(Judged { header, data: others }),
            ([row], _) if row.is_declared || row.evidence() == Evidence::Either => {
                Ok(Judged { header: all, data: Vec::new() })
            }
            ([_], _) => Ok(Judged { header, data: others }),
            _ if is_declared => {
                // Data may be alike by chance, so rows that are sure speak where there are some.
                let speaking = if header.is_empty() { &all } else { &header };
                let supports = |row: &FirstRow, other: &FirstRow| {
                    row.cells != other.cells && (row.shares_text(other) || row.is_comparable(other))
                };
                match others.iter().find(|row| !speaking.iter().any(|other| supports(row, other))) {
                    Some(row) => Err(doubtful(row, &all)),
                    None => Ok(Judged { header: all, data: Vec::new() }),
                }
            }
            _ => {
                let width = header.first().or(others.first()).map_or(0, |row| row.cells.len());
                let is_data = |row: &FirstRow| {
                    let is_apart = row.is_twice() || !header.iter().any(|main| row.shares_text(main));
                    // Of several header rows nothing tells whose columns it has.
                    row.evidence() == Evidence::Data
                        && header.len() < 2
                        && row.cells.len() == width
                        && is_apart
                };
                match others.iter().find(|row| !is_data(row)) {
                    Some(row) => Err(doubtful(row, &all)),
                    None => Ok(Judged { header, data: others }),
                }
            }
        }
    }
}

/// `row`: that of which nothing tells what it is.
fn doubtful(row: &FirstRow, all: &[&FirstRow]) -> Problem {
    let others = all.iter().filter(|other| other.cells != row.cells);
    let other = others.min_by(|one, two| by_text(&one.file, &two.file)).map_or(row, |other| other);
    let problem = Problem::new(
        &codes::HEADERS_DO_NOT_FIT,
        "files begin with different rows, which may be names of columns or data",
    )
    .file(&row.file)
    .line(row.line)
    .found(row.shown())
    .expected(format!("the row that {} begins with: {}", other.file.display(), other.shown()));
    problem.hint(match row.is_declared {
        true => {
            "`dataset_format` says that each file has a header row, and this row looks like data. If no file has one, set \
             `dataset_format` to {\"csv\": {\"header\": false}}; if only some files have one, as the pieces of a larger \
             file, give every piece the header row; if the row does name columns, use names that are no numbers and no \
             values of the column"
        }
        false => {
            "set `dataset_format` to {\"csv\": {\"header\": true}} if each file has a header row, and to \
             {\"csv\": {\"header\": false}} if none has; if only some files have one, as the pieces of a larger file, give \
             every piece the header row"
        }
    })
}

/// What first rows are.
#[derive(Debug)]
pub(crate) struct Judged<'a> {
    /// Rows that name columns.
    pub(super) header: Vec<&'a FirstRow>,
    /// Rows of the table, by position under the names of the header row, which is one, or of a table without names.
    pub(super) data: Vec<&'a FirstRow>,
}

impl Judged<'_> {
    /// The header rows of which nothing but themselves tells that they are.
    pub(super) fn doubtful(&self) -> impl Iterator<Item = &FirstRow> {
        let is_alone = self.header.len() == 1;
        self.header.iter().copied().filter(move |row| match row.evidence() {
            Evidence::Data if row.is_declared => !row.is_known,
            _ if row.is_declared => false,
            Evidence::Names => row.numbers_below < FEW && !row.is_known,
            _ => !row.has_text() || row.recurs || is_alone && !row.is_known,
        })
    }

    pub(crate) fn is_header(&self, row: &FirstRow) -> bool {
        self.header.iter().any(|header| header.cells == row.cells)
    }

    /// The first of the rows which are something else among the rows of all parts of the data.
    pub(crate) fn otherwise(&self, all: &Judged<'_>) -> Option<&FirstRow> {
        let main = |judged: &Judged<'_>| judged.header.first().map(|row| row.cells.clone());
        let is_same = main(self) == main(all);
        let header = self.header.iter().filter(|row| !all.is_header(row));
        let data = self.data.iter().filter(|row| !is_same || all.is_header(row));
        header.chain(data).next().copied()
    }
}
