//! CSV files counted by all processors.
//!
//! Files are cut into blocks at the ends of records, each block is counted by itself, and the counts are merged
//! in the order of the files: results do not depend on the number of processors or the size of blocks. What is
//! not as it mostly is (a row of another width, text that is not UTF-8, a header row in the middle or in another
//! order) is left to the reader of one row after the other, which has the rules and names the line.

use std::iter::Enumerate;
use std::slice;

use memchr::memchr;
use plumbline_common::Result;
use plumbline_common::input::InputFile;
use rayon::prelude::*;

use crate::config::Analysis;
use crate::read::csv::{LOOKED_AT, Told};
use crate::read::cut::{self, Part};
use crate::read::gather::Gather;
use crate::read::header::{self, First, Places};
use crate::read::layout::{self, Layout};
use crate::read::pieces::Pieces;
use crate::read::{Skips, Source, notes, quotes};
use crate::values::raw::Raw;

/// Bytes of a block: thousands of rows, and few blocks fit the memory that is asked for.
pub(crate) const BLOCK_BYTES: usize = 1 << 20;
/// Blocks read ahead for each processor.
const AHEAD: usize = 3;

/// Counts the rows of CSV files without side datasets. None when they have to be read one after the other.
///
/// # Errors
/// `STOPPED`.
pub(crate) fn count(
    files: &[InputFile],
    analysis: &Analysis,
    source: &mut Source<'_>,
    block_bytes: usize,
) -> Result<Option<(Layout, Gather)>> {
    let mut blocks = Blocks::new(files, analysis, block_bytes);
    let at_once = AHEAD * rayon::current_num_threads();
    let Some(mut these) = blocks.next(at_once) else { return Ok(None) };
    let Some(layout) = blocks.layout.clone() else { return Ok(None) };
    let empty = || Gather::new(&layout, analysis, false, false);
    let mut all = empty();
    let shape = Shape::new(&blocks, all.wanted());
    while !these.is_empty() {
        let (next, counted) = rayon::join(
            || blocks.next(at_once),
            || these.par_iter().map(|(_, block)| shape.count(block, empty())).collect(),
        );
        let (Some(next), Some(counted)) = (next, counted) else { return Ok(None) };
        let counted: Vec<Gather> = counted;
        for ((file, _), gather) in these.iter().zip(&counted) {
            all.begin(*file);
            all.merge(gather);
        }
        source.advance(these.iter().map(|(_, block)| block.len() as u64).sum())?;
        blocks.spare.extend(std::mem::replace(&mut these, next).into_iter().map(|(_, block)| block));
    }
    blocks.told.tell(source);
    // Where rows are read one after the other, this is said of rows without a partner.
    source.skipped(Skips::new(notes::UNMATCHED));
    source.records += all.rows();
    Ok(Some((layout, all)))
}

/// What every row has to be like.
struct Shape {
    width: usize,
    /// The columns that are counted, ascending.
    wanted: Vec<usize>,
    /// The first column and these.
    looked_at: Vec<usize>,
    names: Vec<String>,
    /// The bytes that names begin with, and whether one is empty.
    begins: [bool; 256],
    empty: bool,
}

impl Shape {
    fn new(blocks: &Blocks, wanted: Vec<usize>) -> Shape {
        let names: Vec<String> = blocks.names().iter().map(|name| name.trim().into()).collect();
        let mut begins = [false; 256];
        for name in &names {
            for spelled in [name.clone(), name.to_lowercase(), name.to_uppercase()] {
                if let Some(first) = spelled.bytes().next() {
                    begins[usize::from(first)] = true;
                }
            }
        }
        let first = wanted.first().is_none_or(|first| *first > 0).then_some(0);
        Shape {
            width: names.len(),
            looked_at: first.into_iter().chain(wanted.iter().copied()).collect(),
            wanted,
            begins,
            empty: names.iter().any(String::is_empty),
            names,
        }
    }

    /// Whether a row may be a header row, by its first cell.
    fn is_name(&self, cell: &str) -> bool {
        let cell = cell.trim_start();
        match cell.bytes().next() {
            None => self.empty,
            Some(first) => {
                self.begins[usize::from(first)] && self.names.iter().any(|name| header::same(name, cell))
            }
        }
    }

    /// Takes the rows of a block in. None when a row is not as it should be.
    fn count(&self, text: &[u8], mut gather: Gather) -> Option<Gather> {
        let first = self.looked_at.len() - self.wanted.len();
        let mut named = false;
        let has_quotes = memchr(b'"', text).is_some();
        let text = str::from_utf8(text).ok()?;
        let whole = if has_quotes {
            cut::quoted(text, self.width, &self.looked_at, |part| match part {
                Part::Field(at, field) => {
                    named |= at == 0 && self.is_name(field);
                    if let Some(at) = at.checked_sub(first) {
                        gather.set(self.wanted[at], Raw::Csv(field));
                    }
                }
                Part::End => gather.finish_row(),
            })
        } else {
            cut::plain(text, self.width, &self.looked_at, |fields| {
                named |= self.is_name(fields[0]);
                for (&column, field) in self.wanted.iter().zip(&fields[first..]) {
                    gather.set(column, Raw::Csv(field));
                }
                gather.finish_row();
            })
        };
        (whole && !named).then_some(gather)
    }
}

fn reader_of(text: &[u8]) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text)
}

/// The blocks of some files.
struct Blocks<'a> {
    /// With their numbers.
    files: Enumerate<slice::Iter<'a, InputFile>>,
    /// Number of the file at hand.
    at: usize,
    analysis: &'a Analysis,
    block_bytes: usize,
    file: Option<Pieces>,
    /// Given, or found in a header row.
    known: Option<Vec<String>>,
    /// Known from the first record on.
    layout: Option<Layout>,
    told: Told,
    /// Buffers to use again.
    spare: Vec<Vec<u8>>,
}

impl<'a> Blocks<'a> {
    fn new(files: &'a [InputFile], analysis: &'a Analysis, block_bytes: usize) -> Blocks<'a> {
        let known = analysis.dataset.headers.clone();
        Blocks {
            files: files.iter().enumerate(),
            at: 0,
            analysis,
            block_bytes,
            file: None,
            known,
            layout: None,
            told: Told::default(),
            spare: Vec::new(),
        }
    }

    /// The names of the columns.
    fn names(&self) -> &[String] {
        self.layout.as_ref().map(|layout| layout.names.as_slice()).unwrap_or_default()
    }

    /// At most so many blocks of rows, each with the number of its file; an empty list at the end, none when rows must be read one after the other.
    fn next(&mut self, most: usize) -> Option<Vec<(usize, Vec<u8>)>> {
        let mut blocks = Vec::with_capacity(most);
        while blocks.len() < most {
            let Some(file) = &mut self.file else {
                let Some((at, file)) = self.files.next() else { break };
                self.at = at;
                self.file = self.open(file)?;
                continue;
            };
            let mut block = self.spare.pop().unwrap_or_default();
            if file.fill(&mut block, self.block_bytes).ok()? {
                blocks.push((self.at, block));
            } else {
                self.file = None;
            }
        }
        Some(blocks)
    }

    /// A file behind its header row; `Some(None)` for one without rows.
    fn open(&mut self, file: &InputFile) -> Option<Option<Pieces>> {
        let mut open = Pieces::open(file).ok()?;
        let mut text = Vec::new();
        let mut bytes = self.block_bytes;
        // As many rows as are looked at to tell a header row from data.
        let (rows, behind_first) = loop {
            if !open.fill_more(&mut text, bytes).ok()? {
                return Some(None);
            }
            let mut reader = reader_of(&text);
            let mut rows = Vec::new();
            let mut behind_first = 0;
            let mut row = csv::StringRecord::new();
            while rows.len() <= LOOKED_AT && reader.read_record(&mut row).ok()? {
                rows.push(row.clone());
                if rows.len() == 1 {
                    behind_first = reader.position().byte() as usize;
                }
            }
            if rows.len() > LOOKED_AT || open.is_done() {
                break (rows, behind_first);
            }
            bytes = 2 * bytes.max(text.len());
        };
        if quotes::fault(&text).is_some() {
            return None;
        }
        let Some((first, below)) = rows.split_first() else { return Some(None) };
        let width = self.layout.as_ref().map_or(first.len(), |layout| layout.names.len());
        let fits = first.len() == width && self.known.as_ref().is_none_or(|known| known.len() == width);
        if !fits {
            return None;
        }
        let is_header = match header::first_row(first, below, self.known.as_deref(), &file.relative).ok()? {
            First::Data => {
                if header::is_mixed(first) {
                    self.told.data.push(file.relative.clone());
                }
                if header::is_count(first) {
                    self.told.counted.push(file.relative.clone());
                }
                false
            }
            First::Header(header) if header.places == Places::Same && !header::is_mixed(first) => {
                // Names that only the files after the first have, or that differ in case, are not those of `Shape`.
                if self.known.is_none() && self.layout.is_some() {
                    return None;
                }
                if self.known.is_none() {
                    self.told.names = Some(header.names.clone());
                }
                let known = self.known.get_or_insert_with(|| header.names.clone());
                if !known.iter().map(|name| name.trim()).eq(&header.names) {
                    return None;
                }
                true
            }
            First::Header(_) => return None,
        };
        if self.layout.is_none() {
            let numbered = || (0..width).map(|index| format!("column_{index}")).collect();
            let names = self.known.clone().unwrap_or_else(numbered);
            self.layout = Some(layout::of_table(names, None, None, self.analysis).ok()?);
        }
        open.put_back(if is_header { text.split_off(behind_first) } else { text });
        Some(Some(open))
    }
}

#[cfg(test)]
#[path = "tests/blocks.rs"]
mod tests;
