//! CSV files read in blocks: their header rows, and rows that are as they mostly are. A row of another width, text that is
//! not UTF-8, a header row in the middle or in another order are left to the reader of one row after the other.

use std::sync::Arc;

use plumbline_common::Result;
use plumbline_common::input::InputFile;

use crate::config::Analysis;
use crate::read::blocks::{self, Texts};
use crate::read::csv::{LOOKED_AT, Told};
use crate::read::cut::{self, Part};
use crate::read::digest::Digests;
use crate::read::gather::Gather;
use crate::read::header::{self, First, Places};
use crate::read::layout::{self, Layout};
use crate::read::pieces::Pieces;
use crate::read::{Skips, Source, fields, notes, quotes};
use crate::values::names;
use crate::values::raw::Raw;

/// Where the rows that are looked at are longer together, they are read one after the other: what is put back is moved once more
/// with each block.
const MOST_PUT_BACK: usize = 16 << 20;

/// Counts or keeps the rows of CSV files without side datasets. None when they have to be read one after the other.
///
/// # Errors
/// `STOPPED`.
pub(crate) fn count(
    files: &[InputFile],
    analysis: &Analysis,
    source: &mut Source<'_>,
    block_bytes: usize,
) -> Result<Option<(Layout, Gather)>> {
    let mut texts = Texts::new(files, block_bytes);
    let mut heads = Heads::new(analysis, &source.options.digests, block_bytes);
    let Some(Some(first)) = texts.next(None, |file| heads.open(file)) else { return Ok(None) };
    let Some(layout) = heads.layout.clone() else { return Ok(None) };
    let mut like = source.gather(&layout, analysis);
    let shape = Shape::new(&layout.names, like.wanted());
    if like.keeps_rows() {
        let Some(first) = shape.count(&first.records, &like) else { return Ok(None) };
        like.expect(&first);
    }
    let counted = blocks::count(
        first,
        |spent| texts.next(spent, |file| heads.open(file)),
        &like,
        |text: &Vec<u8>| shape.count(text, &like),
        source,
    )?;
    let Some(counted) = counted else { return Ok(None) };
    heads.told.tell(source);
    // Where rows are read one after the other, this is said of rows without a partner.
    source.skipped(Skips::new(notes::UNMATCHED));
    Ok(Some((layout, counted)))
}

/// What every row has to be like.
struct Shape {
    width: usize,
    /// The columns that are taken in, ascending.
    wanted: Vec<usize>,
    /// The first column and these.
    looked_at: Vec<usize>,
    names: Vec<String>,
    /// The bytes that a cell may begin with which is a name, and whether an empty one may be.
    begins: [bool; 256],
    empty: bool,
}

impl Shape {
    fn new(names: &[String], wanted: Vec<usize>) -> Shape {
        let names: Vec<String> = names.iter().map(|name| name.trim().into()).collect();
        // Blanks are no part of a name.
        let mut begins = std::array::from_fn(|byte| byte <= usize::from(b' ') || byte > 0x7f);
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
        match cell.bytes().next() {
            None => self.empty,
            Some(first) => {
                self.begins[usize::from(first)] && self.names.iter().any(|name| names::same(name, cell))
            }
        }
    }

    /// The rows of a block. None when one is not as it should be.
    fn count(&self, text: &[u8], like: &Gather) -> Option<Gather> {
        let text = str::from_utf8(text).ok()?;
        let mut gather = like.clone();
        let mut named = false;
        let mut made = String::new();
        let is_whole = fields::records(text, self.width, |record| {
            named |= self.is_name(record.get(0, &mut made));
            for &column in &self.wanted {
                gather.set(column, Raw::Csv(record.get(column, &mut made)));
            }
            gather.finish_row();
        });
        if is_whole {
            return (!named).then_some(gather);
        }
        // Quotes may stand where RFC 4180 has none.
        let mut gather = like.clone();
        let mut named = false;
        let first = self.looked_at.len() - self.wanted.len();
        let is_whole = cut::quoted(text, self.width, &self.looked_at, |part| match part {
            Part::Field(at, field) => {
                named |= at == 0 && self.is_name(field);
                if let Some(at) = at.checked_sub(first) {
                    gather.set(self.wanted[at], Raw::Csv(field));
                }
            }
            Part::End => gather.finish_row(),
        });
        (is_whole && !named).then_some(gather)
    }
}

fn reader_of(text: &[u8]) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text)
}

/// What is known of the columns from the header rows.
struct Heads<'a> {
    analysis: &'a Analysis,
    digests: &'a Arc<Digests>,
    block_bytes: usize,
    /// Given, or found in a header row.
    known: Option<Vec<String>>,
    /// Known from the first record on.
    layout: Option<Layout>,
    told: Told,
}

impl<'a> Heads<'a> {
    fn new(analysis: &'a Analysis, digests: &'a Arc<Digests>, block_bytes: usize) -> Heads<'a> {
        let known = analysis.dataset.headers.clone();
        Heads { analysis, digests, block_bytes, known, layout: None, told: Told::default() }
    }

    /// A file behind its header row; `Some(None)` for one without rows.
    fn open(&mut self, file: &InputFile) -> Option<Option<Pieces>> {
        let mut open = Pieces::open(file, Some(self.digests)).ok()?;
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
            if text.len() > MOST_PUT_BACK.max(self.block_bytes) {
                return None;
            }
            if rows.len() > LOOKED_AT || open.is_done() {
                break (rows, behind_first);
            }
            bytes = 2 * bytes.max(text.len());
        };
        // The `csv` crate takes a second byte order mark off too.
        if text.starts_with(b"\xef\xbb\xbf") || quotes::fault(&text).is_some() {
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
#[path = "tests/csv_blocks.rs"]
mod tests;
