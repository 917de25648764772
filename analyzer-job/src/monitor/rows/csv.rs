//! CSV files as in RFC 4180, cut into cells where they stand: the text that was read becomes the text of a
//! block, and only fields with doubled quotes are copied.

use std::io::Read;

use memchr::{memchr, memchr2};
use plumbline_common::input::{self, InputFile};
use plumbline_common::{Problem, Result, codes};

use super::block::{Block, Span};
use super::{Reader, Take};

/// A record may be as long as this, a quoted field with line breaks included; longer ones are bad records.
const LONGEST_RECORD: usize = 64 << 20;

/// Reads all files as one table.
pub(super) fn read(files: &[InputFile], header: bool, reader: &mut Reader<'_>, take: Take<'_>) -> Result<()> {
    for file in files {
        File::open(file, header)?.read(file, reader, take)?;
    }
    Ok(())
}

struct File {
    reader: Box<dyn Read + Send>,
    /// Text that was read and not yet handed on.
    buffer: Vec<u8>,
    at_end: bool,
    /// Line of the first byte of `buffer`.
    line: u64,
    /// What ends a row: a line feed, or a carriage return in files that have no line feed.
    terminator: u8,
    header: bool,
}

impl File {
    fn open(file: &InputFile, header: bool) -> Result<File> {
        let mut opened = File {
            reader: input::open(&file.path)?,
            buffer: Vec::with_capacity(Block::BYTES + (Block::BYTES >> 2)),
            at_end: false,
            line: 1,
            terminator: b'\n',
            header,
        };
        opened.fill(file, Block::BYTES)?;
        if opened.buffer.starts_with(b"\xef\xbb\xbf") {
            opened.buffer.drain(..3);
        }
        let has_line_feed = memchr(b'\n', &opened.buffer).is_some();
        if !has_line_feed && memchr(b'\r', &opened.buffer).is_some() {
            opened.terminator = b'\r';
        }
        Ok(opened)
    }

    /// Reads until the buffer holds `bytes`, or the file ends.
    fn fill(&mut self, file: &InputFile, bytes: usize) -> Result<()> {
        let missing = bytes.saturating_sub(self.buffer.len());
        let read = self
            .reader
            .by_ref()
            .take(missing as u64)
            .read_to_end(&mut self.buffer)
            .map_err(|error| Problem::io("read the input", &file.path, error).line(self.line))?;
        self.at_end = read < missing;
        Ok(())
    }

    fn read(mut self, file: &InputFile, reader: &mut Reader<'_>, take: Take<'_>) -> Result<()> {
        let name = file.relative.as_path();
        let order = if self.header { self.header(file, reader)? } else { None };
        let mut cut = Cut::default();
        while !(self.at_end && self.buffer.is_empty()) {
            cut.clear(reader.width(), usize::MAX);
            let consumed = cut.rows(&self.buffer, self.terminator, self.at_end, &mut self.line);
            reader.records((cut.rows.len() + cut.bad.len()) as u64);
            if reader.width().is_none() && cut.width > 0 {
                reader.unnamed(cut.width);
            }
            for (line, reason) in cut.bad.drain(..) {
                let reason = match reason {
                    Bad::Open => "a quote does not end".into(),
                    Bad::Fields(fields) => reader.check_width(fields).err().unwrap_or_default(),
                };
                reader.bad(name, line, &reason)?;
            }
            let mut text = reader.spare_text();
            text.extend_from_slice(&self.buffer[consumed..]);
            std::mem::swap(&mut text, &mut self.buffer);
            text.truncate(consumed);
            let block = cut.block(text, order.as_deref());
            for line in cut.spoilt.drain(..) {
                reader.bad(name, line, "the row is not UTF-8 text")?;
            }
            reader.hand_on(block, name, take)?;
            reader.advance((consumed as u64).min(file.bytes))?;
            // A record longer than what was read: read twice as much.
            let wanted = if consumed == 0 { self.buffer.len() * 2 } else { Block::BYTES };
            self.fill(file, wanted.max(Block::BYTES))?;
        }
        Ok(())
    }

    /// Takes the names of the columns from the first row. Gives the place of each column of the table in this
    /// file, where it is another one.
    fn header(&mut self, file: &InputFile, reader: &mut Reader<'_>) -> Result<Option<Vec<usize>>> {
        let name = file.relative.as_path();
        let mut cut = Cut::default();
        let consumed = loop {
            cut.clear(None, 1);
            let mut line = self.line;
            let consumed = cut.rows(&self.buffer, self.terminator, self.at_end, &mut line);
            if !cut.rows.is_empty() || self.at_end {
                self.line = line;
                break consumed;
            }
            if self.buffer.len() > input::LONGEST_RECORD {
                return Err(input::too_long("row").file(name).line(1));
            }
            self.fill(file, self.buffer.len() * 2 + Block::BYTES)?;
        };
        let Some(at) = cut.rows.first().map(|row| row.line) else {
            self.buffer.clear();
            return Ok(None);
        };
        let rest = self.buffer.split_off(consumed);
        let block = cut.block(std::mem::replace(&mut self.buffer, rest), None);
        if block.rows() == 0 {
            return Err(Problem::new(&codes::BAD_RECORD, "the header row is not UTF-8 text")
                .file(name)
                .line(at)
                .hint("save the file as UTF-8"));
        }
        let names = (0..block.width())
            .map(|column| block.cell(0, column).map_or_else(|| format!("_c{column}"), Into::into))
            .collect();
        reader.header(names, name, at)
    }
}

/// A row that was found: its bytes in the text, and its line.
#[derive(Clone, Copy)]
struct Row {
    start: usize,
    end: usize,
    line: u64,
}

/// Rows found in a piece of text.
#[derive(Default)]
struct Cut {
    /// Cells of `rows`, row after row.
    cells: Vec<Span>,
    rows: Vec<Row>,
    /// Fields with doubled quotes, unescaped.
    made: Vec<u8>,
    /// Fields of a row; 0 before the first.
    width: usize,
    most: usize,
    bad: Vec<(u64, Bad)>,
    /// Lines of rows that are not UTF-8.
    spoilt: Vec<u64>,
}

/// Why a record is no row.
enum Bad {
    Open,
    /// It has so many fields.
    Fields(usize),
}

/// Why a record could not be cut.
enum Short {
    /// It goes on beyond the text.
    More,
    /// A quote that does not end.
    Open,
}

/// Where a field ended.
struct Ended {
    /// Place of its comma or line end, or the end of the text.
    at: usize,
    /// Line breaks inside of its quotes.
    breaks: u64,
}

impl Cut {
    fn clear(&mut self, width: Option<usize>, most: usize) {
        self.cells.clear();
        self.rows.clear();
        self.made.clear();
        self.width = width.unwrap_or(0);
        self.most = most;
    }

    /// Cuts rows until the text ends within one. Gives the number of bytes that are done with.
    fn rows(&mut self, text: &[u8], terminator: u8, at_end: bool, line: &mut u64) -> usize {
        let mut start = 0;
        while start < text.len() && self.rows.len() < self.most {
            let first = self.cells.len();
            let made = self.made.len();
            match self.record(text, start, terminator, at_end) {
                Ok((end, breaks)) => {
                    let fields = self.cells.len() - first;
                    let blank = fields == 1 && matches!(&text[start..end], b"\n" | b"\r\n" | b"\r");
                    if self.width == 0 && !blank {
                        self.width = fields;
                    }
                    if blank || fields != self.width {
                        self.cells.truncate(first);
                        if !blank {
                            self.bad.push((*line, Bad::Fields(fields)));
                        }
                    } else {
                        self.rows.push(Row { start, end, line: *line });
                    }
                    *line += breaks;
                    start = end;
                }
                Err(short) => {
                    self.cells.truncate(first);
                    self.made.truncate(made);
                    if matches!(short, Short::More) && !at_end && text.len() - start < LONGEST_RECORD {
                        break;
                    }
                    self.bad.push((*line, Bad::Open));
                    *line += 1;
                    start = memchr(terminator, &text[start..]).map_or(text.len(), |end| start + end + 1);
                }
            }
        }
        start
    }

    /// Appends the cells of one record. Gives where the next one begins, and the line breaks up to there.
    fn record(
        &mut self,
        text: &[u8],
        start: usize,
        terminator: u8,
        at_end: bool,
    ) -> std::result::Result<(usize, u64), Short> {
        let mut at = start;
        let mut breaks = 1;
        loop {
            let end = if text.get(at) == Some(&b'"') {
                let ended = self.quoted(text, at + 1, terminator, at_end)?;
                breaks += ended.breaks;
                ended.at
            } else {
                let end = match memchr2(b',', terminator, &text[at..]) {
                    Some(found) => at + found,
                    None if at_end => text.len(),
                    None => return Err(Short::More),
                };
                let kept = if text.get(end) == Some(&b',') { end } else { without_return(text, at, end) };
                self.cells.push(if kept == at { Span::MISSING } else { Span::new(at..kept) });
                end
            };
            match text.get(end) {
                Some(b',') => at = end + 1,
                Some(_) => return Ok((end + 1, breaks)),
                None => return Ok((end, breaks)),
            }
        }
    }

    /// Appends the cell of a quoted field, from behind its first quote.
    fn quoted(
        &mut self,
        text: &[u8],
        start: usize,
        terminator: u8,
        at_end: bool,
    ) -> std::result::Result<Ended, Short> {
        let mut breaks = 0;
        let (mut copied, mut at) = (start, start);
        let made = self.made.len();
        loop {
            let Some(end) = memchr2(b'"', terminator, &text[at..]).map(|found| at + found) else {
                return Err(if at_end { Short::Open } else { Short::More });
            };
            at = end + 1;
            if text[end] == terminator {
                breaks += 1;
                continue;
            }
            match text.get(at) {
                None if !at_end => return Err(Short::More),
                Some(b'"') => {
                    self.made.extend_from_slice(&text[copied..=end]);
                    at += 1;
                    copied = at;
                }
                _ => {
                    // Text behind the closing quote belongs to the field.
                    let stop = match memchr2(b',', terminator, &text[at..]) {
                        Some(found) => at + found,
                        None if at_end => text.len(),
                        None => return Err(Short::More),
                    };
                    let kept =
                        if text.get(stop) == Some(&b',') { stop } else { without_return(text, at, stop) };
                    let cell = if self.made.len() == made && kept == at {
                        start..end
                    } else {
                        self.made.extend_from_slice(&text[copied..end]);
                        self.made.extend_from_slice(&text[at..kept]);
                        made + MADE..self.made.len() + MADE
                    };
                    self.cells.push(if cell.is_empty() { Span::MISSING } else { Span::new(cell) });
                    return Ok(Ended { at: stop, breaks });
                }
            }
        }
    }

    /// Makes the block of what was cut. Rows whose text is not UTF-8 are left out, their lines kept.
    fn block(&mut self, mut text: Vec<u8>, order: Option<&[usize]>) -> Block {
        let read = text.len();
        if !self.made.is_empty() {
            text.extend_from_slice(&self.made);
            self.cells.iter_mut().for_each(|span| span.place_made(MADE, read));
        }
        let mut cells = std::mem::take(&mut self.cells);
        let mut lines: Vec<u64> = self.rows.iter().map(|row| row.line).collect();
        let text = match String::from_utf8(text) {
            Ok(text) => text,
            Err(error) => {
                let bad = self.spoilt_rows(error.as_bytes(), read);
                let mut kept = bad.iter();
                lines.retain(|_| kept.next() == Some(&false));
                let width = self.width;
                let mut row = 0;
                cells.retain(|_| {
                    row += 1;
                    !bad[(row - 1) / width]
                });
                // Not longer than the text, and equal to it wherever it is UTF-8.
                with_bad_bytes_as(error.into_bytes(), b'?')
            }
        };
        if let Some(order) = order {
            let mut row = vec![Span::MISSING; self.width];
            for cells in cells.chunks_exact_mut(self.width.max(1)) {
                order.iter().zip(&mut row).for_each(|(&at, cell)| *cell = cells[at]);
                cells.copy_from_slice(&row);
            }
        }
        Block::new(text, cells, self.width, lines)
    }

    /// For each row whether it holds bytes that are not UTF-8; their lines go to `spoilt`.
    fn spoilt_rows(&mut self, text: &[u8], read: usize) -> Vec<bool> {
        let mut bad = vec![false; self.rows.len()];
        let mut at = 0;
        for chunk in text.utf8_chunks() {
            at += chunk.valid().len();
            if chunk.invalid().is_empty() || at >= read {
                continue;
            }
            let row = self.rows.partition_point(|row| row.end <= at);
            if self.rows.get(row).is_some_and(|row| row.start <= at) {
                bad[row] = true;
            }
            at += chunk.invalid().len();
        }
        self.spoilt.extend(self.rows.iter().zip(&bad).filter(|(_, bad)| **bad).map(|(row, _)| row.line));
        bad
    }
}

/// The text with every byte that is not UTF-8 made another one, of ASCII, so that no place moves.
pub(super) fn with_bad_bytes_as(mut text: Vec<u8>, byte: u8) -> String {
    let mut places = Vec::new();
    let mut at = 0;
    for chunk in text.utf8_chunks() {
        at += chunk.valid().len();
        places.push(at..at + chunk.invalid().len());
        at += chunk.invalid().len();
    }
    for place in places {
        text[place].fill(byte);
    }
    String::from_utf8(text).unwrap_or_default()
}

/// Added to the places of unescaped fields until the end of the text that was read is known.
const MADE: usize = 1 << 31;

/// The end of a field without the carriage return of its line end.
fn without_return(text: &[u8], start: usize, end: usize) -> usize {
    if end > start && text[end - 1] == b'\r' { end - 1 } else { end }
}
