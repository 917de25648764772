//! Rows of CSV in a piece of text: where their cells stand, and what is no row.

use memchr::{memchr, memchr2, memrchr};
use plumbline_common::words::counted;

use super::super::block::{Block, Span};
use super::doubt::{self, Behind, Damage};
use crate::read::quotes;

/// A record may be as long as this, a quoted field with line breaks included; longer ones are bad records.
const LONGEST_RECORD: usize = 64 << 20;

/// So many rows behind a bad one may be its rest.
const DOUBTED: u8 = 3;

/// A row that was found: its bytes in the text, and its line.
#[derive(Clone, Copy)]
pub(super) struct Row {
    start: usize,
    end: usize,
    pub(super) line: u64,
}

/// Rows found in a piece of text.
#[derive(Default)]
pub(super) struct Cut {
    /// Cells of `rows`, row after row.
    cells: Vec<Span>,
    pub(super) rows: Vec<Row>,
    /// Fields with doubled quotes, unescaped.
    made: Vec<u8>,
    /// Fields of a row; 0 before the first.
    pub(super) width: usize,
    most: usize,
    pub(super) bad: Vec<(u64, Bad)>,
    /// Lines of rows of which a value may be rows that a lost quote took along, each with the number of these.
    pub(super) likely: Vec<(u64, u64)>,
    /// Lines of rows that are not UTF-8.
    pub(super) spoilt: Vec<u64>,
    /// Number of the first field of the record at hand that goes on behind its line.
    over: Option<usize>,
    /// So many rows whose quotes do not work out may be the rest of a bad one before; the first other row ends the doubt.
    doubted: u8,
    /// The next row that is as wide as the others may be the rest of a damaged one, whose first field went over its line.
    awaits_rest: bool,
}

/// Why a record is no row.
pub(super) enum Bad {
    /// It has so many fields.
    Fields(usize),
    Quote(Damage),
    /// Its quotes do not work out on its line; with the text from the first such quote on.
    Quotes(quotes::What, String),
    /// It may be the rest of a bad one before.
    Rest,
}

impl Bad {
    /// The fields that it was cut into, where these are known.
    pub(super) fn fields(&self) -> Option<usize> {
        match self {
            Bad::Fields(fields) => Some(*fields),
            Bad::Quote(damage) => damage.fields,
            Bad::Quotes(..) | Bad::Rest => None,
        }
    }

    /// Lines that are lost with it.
    pub(super) fn lines(&self) -> u64 {
        match self {
            Bad::Fields(_) | Bad::Quotes(..) | Bad::Rest => 1,
            Bad::Quote(damage) => damage.lost,
        }
    }

    /// The reason in words; `line`: that of the record.
    pub(super) fn told(&self, line: u64) -> String {
        match self {
            Bad::Fields(fields) => counted(*fields, "value"),
            Bad::Quote(damage) => damage.told(line),
            Bad::Quotes(what, text) => format!("{what}: {text}"),
            Bad::Rest => "it may be the rest of a bad row before".into(),
        }
    }
}

/// Why a record could not be cut.
enum Short {
    /// It goes on beyond the text.
    More,
    /// A quote that does not end.
    Open,
}

/// Where a record ended.
struct Record {
    /// Where the next one begins.
    end: usize,
    /// Line breaks up to there.
    breaks: u64,
    /// Its quotes do not work out, wherever it stands.
    fault: Option<quotes::What>,
    /// A quote stands in a field without quotes, behind one that goes over line ends; in doubt, in any such field.
    stray: bool,
}

/// Where a field ended.
struct Ended {
    /// Place of its comma or line end, or the end of the text.
    at: usize,
    /// Line breaks inside of its quotes.
    breaks: u64,
    /// It goes on behind its closing quote, and not with blanks alone.
    goes_on: bool,
}

impl Cut {
    pub(super) fn clear(&mut self, width: Option<usize>, most: usize) {
        self.cells.clear();
        self.rows.clear();
        self.made.clear();
        self.width = width.unwrap_or(0);
        self.most = most;
    }

    /// Cuts rows until the text ends within one. Gives the number of bytes that are done with.
    pub(super) fn rows(&mut self, text: &[u8], terminator: u8, at_end: bool, line: &mut u64) -> usize {
        let mut start = 0;
        while start < text.len() && self.rows.len() < self.most {
            let first = self.cells.len();
            let made = self.made.len();
            // What follows in memory does not decide how long a record may be.
            let seen = &text[..text.len().min(start + LONGEST_RECORD)];
            let is_whole = at_end && seen.len() == text.len();
            let found = self.record(seen, start, terminator, is_whole);
            let fields = self.cells.len() - first;
            let fits = self.width == 0 || fields == self.width;
            match found {
                Ok(Record { end, breaks, fault: None, stray: false }) if breaks == 1 || fits => {
                    let blank = fields == 1 && matches!(&text[start..end], b"\n" | b"\r\n" | b"\r");
                    if blank {
                        self.cells.truncate(first);
                    } else if !fits {
                        self.cells.truncate(first);
                        self.doubted = DOUBTED;
                        self.bad.push((*line, Bad::Fields(fields)));
                    } else if std::mem::take(&mut self.awaits_rest) {
                        self.cells.truncate(first);
                        self.bad.push((*line, Bad::Rest));
                    } else {
                        self.width = fields;
                        self.doubted = 0;
                        self.rows.push(Row { start, end, line: *line });
                        if breaks > 1
                            && let Some(rows) = doubt::likely_rows(&text[start..end], terminator, fields)
                        {
                            self.likely.push((*line, rows));
                        }
                    }
                    *line += breaks;
                    start = end;
                }
                Err(Short::More) if !at_end && text.len() - start < LONGEST_RECORD => {
                    self.cells.truncate(first);
                    self.made.truncate(made);
                    break;
                }
                Ok(Record { end, breaks: 1, fault, .. }) => {
                    self.cells.truncate(first);
                    self.made.truncate(made);
                    let (doubted, bad) = match fault {
                        Some(what) => (DOUBTED, Bad::Quotes(what, quoted(&text[start..end]))),
                        None => (self.doubted - 1, Bad::Rest),
                    };
                    self.doubted = doubted;
                    self.bad.push((*line, bad));
                    *line += 1;
                    start = end;
                }
                damaged => {
                    self.cells.truncate(first);
                    self.made.truncate(made);
                    let (end, fields) = match damaged {
                        Ok(Record { end, fault, stray, .. }) => {
                            (Some(end), (fault.is_none() && !stray).then_some(fields))
                        }
                        Err(_) => (None, None),
                    };
                    // A line that is not whole waits for its rest.
                    let whole_lines = || match memrchr(terminator, &seen[start..]) {
                        Some(last) if !is_whole => start + last + 1,
                        _ => seen.len(),
                    };
                    let record = &text[start..end.unwrap_or_else(whole_lines)];
                    let in_first = self.over == Some(0);
                    let behind = Behind::of(record, terminator, self.width, in_first, end.is_some());
                    (self.doubted, self.awaits_rest) = (DOUBTED, behind.lacks_rest);
                    *line += behind.breaks;
                    start += behind.bytes;
                    let damage = Damage::new(&behind, end.is_some(), fields, self.over.is_some());
                    self.bad.push((*line - behind.breaks, Bad::Quote(damage)));
                }
            }
        }
        start
    }

    /// Appends the cells of one record.
    fn record(
        &mut self,
        text: &[u8],
        start: usize,
        terminator: u8,
        at_end: bool,
    ) -> std::result::Result<Record, Short> {
        self.over = None;
        let (mut at, mut field) = (start, 0);
        let mut breaks = 1;
        let (mut fault, mut stray) = (None, false);
        let (mut is_quoted, mut is_odd) = (false, false);
        loop {
            let end = if text.get(at) == Some(&b'"') {
                let ended = self.quoted(text, at + 1, terminator, at_end);
                if ended.as_ref().map_or(true, |ended| ended.breaks > 0) {
                    self.over.get_or_insert(field);
                }
                let ended = ended?;
                breaks += ended.breaks;
                is_quoted = true;
                if ended.goes_on {
                    fault = Some(quotes::What::GoesOn);
                }
                ended.at
            } else {
                let end = match memchr2(b',', terminator, &text[at..]) {
                    Some(found) => at + found,
                    None if at_end => text.len(),
                    None => return Err(Short::More),
                };
                let kept = if text.get(end) == Some(&b',') { end } else { without_return(text, at, end) };
                self.cells.push(if kept == at { Span::MISSING } else { Span::new(at..kept) });
                stray |= (breaks > 1 || self.doubted > 0) && memchr(b'"', &text[at..kept]).is_some();
                is_odd |= is_quoted && text[at..kept].ends_with(b"\"");
                end
            };
            if text.get(end) == Some(&b',') {
                (at, field) = (end + 1, field + 1);
                continue;
            }
            if is_odd && fault.is_none() {
                fault = quotes::fault(&text[start..end]).map(|fault| fault.what);
            }
            let end = text.len().min(end + 1);
            return Ok(Record { end, breaks, fault, stray });
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
                    let goes_on = quotes::behind_blanks(&text[..kept], at) < kept;
                    return Ok(Ended { at: stop, breaks, goes_on });
                }
            }
        }
    }

    /// Makes the block of what was cut. Rows whose text is not UTF-8 are left out, their lines kept. `places`: for each column
    /// of the block its place in the rows, where they have it; without it they are the same.
    pub(super) fn block(&mut self, mut text: Vec<u8>, places: Option<&[Option<usize>]>) -> Block {
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
        let Some(places) = places else { return Block::new(text, cells, self.width, lines) };
        let rows = cells.chunks_exact(self.width.max(1));
        let placed = rows.flat_map(|row| places.iter().map(|at| at.map_or(Span::MISSING, |at| row[at])));
        let cells = placed.collect();
        Block::new(text, cells, places.len(), lines)
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
pub(in crate::monitor::rows) fn with_bad_bytes_as(mut text: Vec<u8>, byte: u8) -> String {
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

/// The beginning of the first quoted field of a record that does not work out.
fn quoted(record: &[u8]) -> String {
    const SHOWN: usize = 30;
    let at = quotes::fault(record).map_or(0, |fault| fault.at as usize);
    let text = String::from_utf8_lossy(&record[at..]);
    let text = text.trim_end_matches(['\r', '\n']);
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.into(),
    }
}

/// The end of a field without the carriage return of its line end.
fn without_return(text: &[u8], start: usize, end: usize) -> usize {
    if end > start && text[end - 1] == b'\r' { end - 1 } else { end }
}
