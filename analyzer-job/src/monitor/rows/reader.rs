//! What all formats share while they read: the columns, the account, and what is done with a row that is none.

use std::collections::BTreeMap;
use std::path::Path;

use indexmap::IndexSet;
use plumbline_common::progress::Progress;
use plumbline_common::words::counted;
use plumbline_common::{Problem, Result, codes};

use super::account::Account;
use super::block::Block;
use super::kinds::{Counted, Kinds};
use super::prepare::Cells;
use super::settled::is_of_columns;
use super::{Columns, Source, Take, first_rows};
use crate::monitor::columns::Records;
use crate::monitor::format::Format;
use crate::read::header;

/// Where the columns of the table stand in one file that has others, or has them in another order.
#[derive(Debug)]
pub(super) struct Places {
    /// Columns of the file.
    pub(super) width: usize,
    /// For each column of the table its place in the file, where it is there.
    pub(super) of: Vec<Option<usize>>,
}

/// What a column of the data is read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Needed,
    /// Nothing is said of it, but segments may be made of its values.
    Excluded,
    /// The setting `columns` leaves it out: it is not read.
    LeftOut,
}

/// Rows of one kind and width behind which a first row is no longer thought to be another than most.
const LOOKED_AT: u64 = 100_000;

/// What all formats share while they read.
pub(crate) struct Reader<'a> {
    pub(super) source: &'a Source<'a>,
    pub(super) columns: Columns,
    pub(super) account: Account,
    pub(super) spare: Block,
    since_check: u32,
    /// Number of rows of each other width than the first.
    other_widths: BTreeMap<usize, u64>,
    /// Which rows have names.
    pub(super) kinds: Counted,
    /// What the setting `columns` does with cells.
    cells: Option<Cells<'a>>,
    /// Rows as they were read.
    rows: u64,
    /// The columns by path for which some row had a value, by their place in the setting `columns`.
    pub(super) found_by_path: IndexSet<usize>,
    /// What stops the job unless most rows are others than those that it comes from. From then on rows are only counted.
    refused: Option<Problem>,
    progress: Progress,
}

impl<'a> Reader<'a> {
    /// `bytes`: those of all files.
    pub(super) fn new(source: &'a Source<'a>, account: Account, bytes: u64) -> Reader<'a> {
        let mut reader = Reader {
            source,
            columns: Columns::default(),
            account,
            spare: Block::default(),
            since_check: 0,
            other_widths: BTreeMap::new(),
            kinds: Counted::new(source.kinds),
            cells: None,
            rows: 0,
            found_by_path: IndexSet::new(),
            refused: None,
            progress: Progress::start("reading", "bytes", bytes, source.for_people),
        };
        if let Some(width) = source.width {
            reader.unnamed(width);
        }
        reader
    }

    /// Gets the setting `columns` ready for a format.
    ///
    /// # Errors
    /// An entry is for captured records or for JSON, and these are none.
    pub(super) fn prepare(&mut self, format: &Format) -> Result<()> {
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
        if sample.is_some() || !preparation.steps.is_empty() {
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
    pub(super) fn uses(&mut self) -> Result<Vec<Use>> {
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
            None if cells.is_checked(from) => Use::Needed,
            None => Use::LeftOut,
            Some(true) => Use::Excluded,
            Some(false) => Use::Needed,
        };
        Ok((0..names.len()).map(of).collect())
    }

    /// What the setting `columns` does with records.
    pub(super) fn records_setting(&self) -> Option<&'a Records> {
        self.source.preparation.map(|preparation| &preparation.records)
    }

    pub(super) fn width(&self) -> Option<usize> {
        (!self.columns.names.is_empty()).then(|| self.columns.names.len())
    }

    /// Whether a row was taken that decides whether all have names. A row such as `{}` has no column and decides it.
    pub(super) fn has_rows(&self) -> bool {
        self.columns.named || self.width().is_some()
    }

    /// Whether a row without names is as wide as the others, whose kinds are known; the first one that has a value decides.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub(super) fn check_width(&mut self, width: usize) -> std::result::Result<(), String> {
        match self.width() {
            _ if width == 0 => Err("no values".into()),
            None => {
                self.unnamed(width);
                Ok(())
            }
            Some(expected) if expected != width => {
                Err(format!("{}, expected {expected}", counted(width, "value")))
            }
            Some(_) => Ok(()),
        }
    }

    /// Counts a row of CSV that has so many values, where those of its file should have `expected`. Gives both in words, where they
    /// differ.
    pub(super) fn other_width(&mut self, width: usize, expected: Option<usize>) -> Option<String> {
        let Some(expected) = expected else {
            self.unnamed(width);
            return None;
        };
        if width == expected {
            return None;
        }
        *self.other_widths.entry(width).or_default() += 1;
        Some(format!("{}, expected {expected}", counted(width, "value")))
    }

    /// The data have no names and this many columns.
    pub(super) fn unnamed(&mut self, width: usize) {
        self.columns.names = (0..width).map(|column| format!("_c{column}")).collect();
    }

    /// The names of a header row, and that of its only column without one: that is one column in all files, wherever it stands,
    /// and has the name that the first of them or the baseline gives it.
    fn named(&self, cells: Vec<Option<String>>) -> (Vec<String>, Option<String>) {
        let mut empty = (0..cells.len()).filter(|&at| cells[at].is_none());
        let unnamed = empty.next().filter(|_| empty.next().is_none()).map(|at| {
            let known = self.columns.unnamed.as_ref().or_else(|| first_rows::unnamed(self.source.known));
            let is_free = |name: &&String| !cells.iter().flatten().any(|cell| cell == *name);
            known.filter(is_free).cloned().unwrap_or_else(|| format!("_c{at}"))
        });
        let name = |(at, cell): (usize, Option<String>)| {
            cell.or_else(|| unnamed.clone()).unwrap_or_else(|| format!("_c{at}"))
        };
        let names = cells.into_iter().enumerate().map(name).collect();
        (names, unnamed)
    }

    /// The names that a file gives its columns; those that are new become columns of the table. Gives, where the file has
    /// other columns than the table or has them in another order, where the table's stand in it.
    pub(super) fn header(
        &mut self,
        cells: Vec<Option<String>>,
        file: &Path,
        line: u64,
    ) -> Result<Option<Places>> {
        let (names, unnamed) = self.named(cells);
        header::differ(&names).map_err(|problem| problem.file(file).line(line))?;
        let found: IndexSet<String> = names.into_iter().collect();
        let known = &self.columns.names;
        // Where the width was given the columns have no names yet.
        let waits = !self.columns.named && self.rows == 0;
        if known.is_empty() || (waits && found.len() == known.len()) {
            self.account.schemas.add(found.iter().cloned(), file);
            self.columns =
                Columns { names: found, named: true, by_header: true, unnamed, ..Columns::default() };
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
        self.columns.unnamed = self.columns.unnamed.take().or(unnamed);
        self.columns.names.extend(found.iter().cloned());
        let of = self.columns.names.iter().map(|name| found.get_index_of(name)).collect();
        let width = found.len();
        self.account.schemas.add(found, file);
        Ok(Some(Places { width, of }))
    }

    /// A file whose columns are those with these names, in this order.
    pub(super) fn by_position(&mut self, names: &[Option<String>], file: &Path) -> Result<Option<Places>> {
        // With a given width all rows are as wide.
        match self.source.width {
            Some(width) if width != names.len() => Ok(None),
            _ => self.header(names.to_vec(), file, 1),
        }
    }

    /// More records were read.
    pub(super) fn records(&mut self, n: u64) {
        self.account.records += n;
    }

    /// Whether no more records are wanted; those outside of the window do not count.
    pub(super) fn done(&self) -> bool {
        self.source.limit.is_some_and(|limit| self.account.records - self.account.outside >= limit)
    }

    /// A record or row that cannot be used.
    ///
    /// # Errors
    /// With `strict`.
    pub(super) fn bad(&mut self, file: &Path, line: u64, reason: &str) -> Result<()> {
        self.bad_lines(file, line, 1, reason)
    }

    /// The same, of so many records, one a line, of which the first is named.
    ///
    /// # Errors
    /// With `strict`.
    pub(super) fn bad_lines(&mut self, file: &Path, line: u64, lines: u64, reason: &str) -> Result<()> {
        if self.source.strict && self.refused.is_none() {
            return Err(Problem::new(&codes::BAD_RECORD, "a record cannot be used")
                .file(file)
                .line(line)
                .found(reason)
                .hint("with `on_bad_record` unset such records are left out and counted"));
        }
        self.account.skips.add_lines(file, line, lines, reason);
        Ok(())
    }

    /// A record, or so many, one a line, that is of another kind or width than those before.
    ///
    /// # Errors
    /// With `strict`; which is the first that is another than most may be known in the end only.
    pub(super) fn misfit(&mut self, file: &Path, line: u64, lines: u64, reason: &str) -> Result<()> {
        self.bad_lines(file, line, lines, reason).or_else(|problem| self.refuse(problem))
    }

    /// Stops the job in the end, unless most rows are others than those that the problem comes from.
    ///
    /// # Errors
    /// The problem, where it is known what most rows are.
    fn refuse(&mut self, problem: Problem) -> Result<()> {
        if self.source.kinds.is_some() || self.source.width.is_some() {
            return Err(problem);
        }
        self.refused.get_or_insert(problem);
        Ok(())
    }

    /// Hands the rows of a file on; an empty block goes nowhere.
    pub(super) fn hand_on(&mut self, block: Block, file: &Path, take: Take<'_>) -> Result<()> {
        self.rows += block.rows() as u64;
        if block.rows() == 0 || self.refused.is_some() {
            self.spare = block;
            let is_sure = self.rows > LOOKED_AT && self.other_widths.is_empty() && self.kinds.is_uniform();
            return self.refused.take_if(|_| is_sure).map_or(Ok(()), Err);
        }
        self.hand_on_block(block, file, take)
    }

    /// Hands on the columns that a file names, which may have no rows: a block without any.
    pub(super) fn hand_on_columns(&mut self, file: &Path, take: Take<'_>) -> Result<()> {
        if self.refused.is_some() || !self.columns.named {
            return Ok(());
        }
        let block = std::mem::take(&mut self.spare).cleared(self.columns.names.len());
        self.hand_on_block(block, file, take)
    }

    fn hand_on_block(&mut self, block: Block, file: &Path, take: Take<'_>) -> Result<()> {
        match self.hand_on_prepared(block, file, take) {
            Err(problem) if is_of_columns(&problem) => self.refuse(problem),
            taken => taken,
        }
    }

    fn hand_on_prepared(&mut self, mut block: Block, file: &Path, take: Take<'_>) -> Result<()> {
        self.check_paths()?;
        if self.cells.is_some() {
            block = self.prepared(block, file)?;
        }
        block.set_file(file);
        self.account.rows += block.rows() as u64;
        self.account.note_firsts(&block);
        let columns = self.cells.as_ref().map_or(&self.columns, |cells| &cells.columns);
        self.spare = take(block, columns)?;
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
        self.account.thinned |= block.rows() < rows;
        for (line, reason) in bad {
            self.bad(file, line, &reason)?;
        }
        Ok(block)
    }

    /// Memory for the next text.
    pub(super) fn spare_text(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.spare).into_text()
    }

    /// Tells progress and looks whether the job shall stop.
    pub(super) fn advance(&mut self, bytes: u64) -> Result<()> {
        self.progress.advance(bytes);
        self.source.stop.check()
    }

    /// As `advance`, for readers that come here with every record.
    pub(super) fn advance_often(&mut self, bytes: u64) -> Result<()> {
        self.progress.advance(bytes);
        self.since_check += 1;
        if self.since_check == 1 << 10 {
            self.since_check = 0;
            self.source.stop.check()?;
        }
        Ok(())
    }

    /// # Errors
    /// What was refused; a column to prepare that the data do not have.
    pub(super) fn finish(self) -> Result<(Columns, Account)> {
        let mut account = self.account;
        let says_something = account.records > 0 || !self.columns.names.is_empty();
        account.read_as = account.format.as_ref().map(Format::family).filter(|_| says_something);
        account.kinds = self.source.kinds;
        let mut kinds = self.kinds.kinds;
        (account.met, account.better_kinds) = self.kinds.finish();
        // The first of equals, and so the one with fewest values.
        let most = self.other_widths.iter().rev().max_by_key(|(_, rows)| **rows);
        let is_unnamed_csv = matches!(account.format, Some(Format::Csv { header: false }));
        let is_more = |(width, rows): &(&usize, &u64)| {
            let is_narrower = is_unnamed_csv && **width < self.columns.names.len();
            **rows > self.rows || **rows == self.rows && is_narrower
        };
        account.better_width =
            most.filter(is_more).filter(|_| self.source.width.is_none()).map(|(width, _)| *width);
        if is_unnamed_csv && self.source.script.is_none() && self.rows > 0 {
            account.is_csv = true;
            kinds = Kinds::of_width(self.columns.names.len());
            let own = (self.columns.names.len(), self.rows);
            let widths = self.other_widths.iter().map(|(width, rows)| (*width, *rows)).chain([own]);
            widths.for_each(|(width, rows)| account.met.add(Kinds::of_width(width), rows));
        }
        let is_settled = account.is_settled();
        if let Some(problem) = self.refused.filter(|_| is_settled) {
            return Err(problem);
        }
        let is_given = self.source.width.is_some();
        account.width = (is_given || !self.columns.named).then_some(self.columns.names.len());
        if let Some((field, name)) = self.cells.as_ref().and_then(Cells::missing) {
            let fixed = match account.format {
                Some(Format::Csv { .. }) => true,
                // Files of another part of the data may have it.
                Some(Format::Parquet) => !self.source.folds,
                _ => !self.columns.named,
            };
            if fixed && self.rows > 0 && is_settled {
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
        account.finish();
        let mut columns = self.cells.map_or(self.columns, |cells| cells.columns);
        columns.kinds = kinds;
        Ok((columns, account))
    }
}
