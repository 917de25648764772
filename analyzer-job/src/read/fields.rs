//! The fields of records in CSV text, told by where commas and line ends stand.
//!
//! The places of commas and line ends outside of quotes are put down without a branch or a call for each of them, so fields
//! that nobody asks for cost next to nothing. The rules are those of the `csv` crate, and property tests hold both to each
//! other. Only quotes that follow RFC 4180 are known here.

use memchr::memchr;

use super::marks::{self, Blocks, Look, Marker, Marks};

/// Bytes that are looked at before their records are handed on: what is put down of them fits the nearest cache.
const PIECE: usize = 1 << 14;

/// A record and where its fields end.
pub(crate) struct Record<'a> {
    text: &'a str,
    /// Where its first field begins.
    start: u32,
    /// The ends of its fields.
    ends: &'a [u32],
}

impl Record<'_> {
    /// A field by its position, below the width of the records, without the quotes around it. `made`: room for its text where
    /// that does not stand in the record as such.
    pub(crate) fn get<'m>(&'m self, position: usize, made: &'m mut String) -> &'m str {
        let start = position.checked_sub(1).map_or(self.start, |before| self.ends[before] + 1);
        let field = &self.text[start as usize..self.ends[position] as usize];
        if field.as_bytes().first() != Some(&b'"') {
            return field;
        }
        let inside = field.get(1..field.len() - 1).unwrap_or_default();
        if memchr(b'"', inside.as_bytes()).is_none() {
            return inside;
        }
        *made = inside.replace("\"\"", "\"");
        made
    }
}

/// Hands on each record of text that begins with one and ends with one.
///
/// Returns false, perhaps after some records, when one has another number of fields than `width`, or when a quote stands in
/// a field without quotes, text behind a closing quote, or a quoted field does not end.
pub(crate) fn records(text: &str, width: usize, record: impl FnMut(&Record<'_>)) -> bool {
    in_pieces(text, width, PIECE, record)
}

/// As `records`; `piece`: bytes that are looked at at a time, a multiple of 64.
fn in_pieces(text: &str, width: usize, piece: usize, mut record: impl FnMut(&Record<'_>)) -> bool {
    let mut places = Places::default();
    let (mut start, mut length) = (0, piece);
    while start < text.len() {
        let rest = &text.as_bytes()[start..];
        if !marks::run(Find { places: &mut places, text: rest, length }) {
            return false;
        }
        let (mut first, mut at) = (0, 0);
        for &last in &places.line_ends {
            let end = places.all[last];
            // A blank line is no record.
            if end > at {
                if last - first + 1 != width {
                    return false;
                }
                record(&Record { text: &text[start..], start: at, ends: &places.all[first..=last] });
            }
            (first, at) = (last + 1, end + 1);
        }
        length = if at == 0 { 2 * length } else { piece };
        start += at as usize;
    }
    true
}

/// Where fields of a text end.
#[derive(Default)]
struct Places {
    /// Commas and line ends; what is behind those of `line_ends` means nothing.
    all: Vec<u32>,
    /// Those of `all` that are line ends, by number.
    line_ends: Vec<usize>,
}

/// Finds the places in the first `length` bytes of a text, a multiple of 64; all of a shorter text, behind which line ends are
/// added. False when its quotes are not as they should be.
struct Find<'a> {
    places: &'a mut Places,
    text: &'a [u8],
    length: usize,
}

impl Look for Find<'_> {
    type Found = bool;

    #[inline(always)]
    fn with(self, marker: impl Marker) -> bool {
        let Find { places: Places { all, line_ends }, text, length } = self;
        marks::make_room(all, length);
        line_ends.clear();
        let blocks = Blocks::of(text, length);
        let mut quotes = Quotes { inside: 0, may_open: 1, closed: 0 };
        let (mut n, mut at) = (0, 0);
        for block in blocks.iter() {
            let marks = marker.mark(block);
            let mut ends = marks.commas | marks.line_ends;
            if marks.quotes | quotes.inside | quotes.closed != 0 {
                ends &= quotes.outside(marks);
                if !quotes.are_regular(marks, ends) {
                    return false;
                }
            } else {
                quotes.may_open = ends >> 63;
            }
            let mut line_ends_here = marks.line_ends & ends;
            while line_ends_here != 0 {
                let before = (line_ends_here & line_ends_here.wrapping_neg()) - 1;
                line_ends.push(n + (ends & before).count_ones() as usize);
                line_ends_here &= line_ends_here - 1;
            }
            n = marks::put_down(all, n, at, ends);
            at += 64;
        }
        !blocks.reach_the_end() || quotes.inside == 0
    }
}

/// What is known of the quotes before a block.
struct Quotes {
    /// All bits, inside of quotes.
    inside: u64,
    /// The lowest bit, where a quote may open a field.
    may_open: u64,
    /// The lowest bit, behind a quote that closes a field or is the first of two.
    closed: u64,
}

impl Quotes {
    /// The bytes outside of quotes. An opening quote is inside, a closing one outside.
    #[inline(always)]
    fn outside(&self, marks: Marks) -> u64 {
        let mut inside = marks.quotes;
        for by in [1, 2, 4, 8, 16, 32] {
            inside ^= inside << by;
        }
        !(inside ^ self.inside)
    }

    /// Goes over a block: whether each quote opens a field at its beginning, closes it at its end, or is one of two inside.
    #[inline(always)]
    fn are_regular(&mut self, marks: Marks, ends: u64) -> bool {
        let outside = self.outside(marks);
        let closing = marks.quotes & outside;
        let may_open = ends | closing;
        let wrong = marks.quotes & !outside & !(may_open << 1 | self.may_open)
            | (closing << 1 | self.closed) & !(ends | marks.quotes);
        self.inside = 0_u64.wrapping_sub(!outside >> 63);
        self.may_open = may_open >> 63;
        self.closed = closing >> 63;
        wrong == 0
    }
}

#[cfg(test)]
#[path = "tests/fields.rs"]
mod tests;
