//! The first rows of CSV files: the names of their columns, or rows like the others. All files are looked at before the
//! first is read.

use std::path::PathBuf;

use plumbline_common::Result;
use plumbline_common::input::{self, InputFile};

use super::File;
use super::cut::Cut;
use crate::monitor::rows::first_rows::{FirstRow, FirstRows, is_text};
use crate::values::typing;

/// Bytes of a file that tell what its first row is.
const LOOKED_AT: usize = 1 << 16;

/// Rows behind the first one that are looked at.
const ROWS: usize = 1000;

/// What the first row of a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum First {
    /// It names the columns.
    Names,
    /// A row; the columns are those of the only header row, by position.
    Row,
}

/// What the first rows of all files are.
#[derive(Debug, Default)]
pub(in crate::monitor::rows) struct Heads {
    /// By file; none where no file names its columns.
    pub(super) firsts: Vec<First>,
    /// The header row by position where a file has none of its own; none for a cell without a name.
    pub(super) names: Option<Vec<Option<String>>>,
    /// The rows that these are told by.
    pub(in crate::monitor::rows) rows: FirstRows,
}

impl Heads {
    /// Whether some file names its columns.
    pub(in crate::monitor::rows) fn is_header(&self) -> bool {
        !self.firsts.is_empty()
    }

    /// Looks at the first rows. `is_declared`: `dataset_format` says that every file has a header row. `known`: the names of the
    /// baseline's columns.
    ///
    /// # Errors
    /// A file that cannot be read. `HEADERS_DO_NOT_FIT`: the files begin with different rows, and nothing tells whether these are names.
    pub(in crate::monitor::rows) fn of(
        files: &[InputFile],
        is_declared: bool,
        known: &[String],
    ) -> Result<Heads> {
        let own: Vec<Option<FirstRow>> =
            files.iter().map(|file| first_row(file, is_declared)).collect::<Result<_>>()?;
        own.iter().flatten().try_for_each(FirstRow::check_twice)?;
        let mut rows = FirstRows::default();
        own.iter().flatten().for_each(|row| rows.add(row.clone()));
        rows.know(known);
        let judged = rows.judge()?;
        if judged.header.is_empty() && own.iter().any(Option::is_some) {
            return Ok(Heads { rows, ..Heads::default() });
        }
        let is_row = |own: &FirstRow| !judged.data.is_empty() && !judged.is_header(own);
        let first = |own: &Option<FirstRow>| match own {
            Some(own) if is_row(own) => First::Row,
            _ => First::Names,
        };
        Ok(Heads {
            firsts: own.iter().map(first).collect(),
            names: judged.header.first().map(|row| {
                row.cells.iter().map(|cell| Some(cell.clone()).filter(|cell| !cell.is_empty())).collect()
            }),
            rows,
        })
    }
}

/// The files whose first rows evidently name the columns, and are data all the same, with what is said of each. `known`: the names
/// of the baseline's columns.
///
/// # Errors
/// A file that cannot be read.
pub(in crate::monitor::rows) fn taken_as_data(
    files: &[InputFile],
    known: &[String],
) -> Result<Vec<(PathBuf, String)>> {
    let mut told = Vec::new();
    for file in files {
        let mut rows = FirstRows::default();
        first_row(file, false)?.into_iter().for_each(|row| rows.add(row));
        rows.know(known);
        told.extend(rows.evident().map(|row| {
            let what = format!(
                "the first row ({}) is taken as data, as `dataset_format` does not say whether files have header rows; if it \
                 names columns, set `dataset_format` to {{\"csv\": {{\"header\": true}}}}",
                row.shown()
            );
            (file.relative.clone(), what)
        }));
    }
    Ok(told)
}

/// None of a file without rows, and where the first row cannot be cut.
fn first_row(file: &InputFile, is_declared: bool) -> Result<Option<FirstRow>> {
    let mut opened = File::open(file, LOOKED_AT)?;
    let mut cut = Cut::default();
    loop {
        cut.clear(None, ROWS);
        let mut line = 1;
        cut.rows(&opened.buffer, opened.terminator, opened.at_end, &mut line);
        if !cut.rows.is_empty() || !cut.bad.is_empty() || opened.at_end {
            break;
        }
        if opened.buffer.len() > input::LONGEST_RECORD {
            return Ok(None);
        }
        opened.fill(file, opened.buffer.len() * 2)?;
    }
    let Some(line) = cut.rows.first().map(|row| row.line) else { return Ok(None) };
    if cut.bad.iter().any(|(bad, _)| *bad < line) {
        return Ok(None);
    }
    let block = &cut.block(std::mem::take(&mut opened.buffer), None);
    if block.rows() == 0 || block.line(0) != line {
        return Ok(None);
    }
    let row = |row: usize| (0..block.width()).map(move |at| block.cell(row, at).unwrap_or_default());
    let cells: Vec<String> = row(0).map(Into::into).collect();
    let (mut numbers, mut others) = (vec![0; cells.len()], vec![false; cells.len()]);
    let mut recurs = false;
    for below in (1..block.rows()).map(row) {
        let below: Vec<&str> = below.collect();
        // Files that were put behind each other hold their header row again; a single cell may as well be a value.
        if cells.len() > 1 && below.iter().eq(cells.iter()) {
            continue;
        }
        for (at, cell) in below.into_iter().enumerate().filter(|(_, cell)| !typing::is_missing(cell)) {
            let is_number = typing::is_number(cell);
            numbers[at] += u64::from(is_number);
            others[at] |= !is_number;
            recurs |= cell == cells[at];
        }
    }
    let of_numbers =
        numbers.into_iter().zip(others).map(|(numbers, others)| if others { 0 } else { numbers });
    let numbers_below =
        cells.iter().zip(of_numbers).filter(|(cell, _)| is_text(cell)).map(|(_, numbers)| numbers);
    let numbers_below = numbers_below.max().unwrap_or(0);
    Ok(Some(FirstRow {
        file: file.relative.clone(),
        line,
        files: 1,
        cells,
        numbers_below,
        recurs,
        is_declared,
        is_known: false,
    }))
}
