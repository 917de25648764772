//! JSON lines that are like an earlier one, told by where their commas stand.
//!
//! A line of plain values is cut at its commas, which are found 64 bytes at a time; a value that nobody asks for is only looked at by
//! the masks of these bytes. A line is like an earlier one (see `values::alike`) where it has as many parts, each part with a value has
//! the bytes of the earlier one around it, and the masks show that what stands between them is one number or one string. Lines with a
//! backslash, an exponent or damage are left to those who look at every value. Property tests hold this to `values::alike`.

use std::ops::Range;

use super::marks::{self, Blocks, JsonMarks, Look, Marker};

/// Bytes that are looked at before their lines are handed on: what is put down of them fits the nearest cache.
const PIECE: usize = 1 << 14;

/// Longer lines are left to others.
const LONGEST: usize = 1 << 16;

/// A line and where its parts end.
pub(crate) struct Cut<'a> {
    text: &'a str,
    /// Where the line begins.
    start: u32,
    /// The commas outside of strings, and the line end.
    ends: &'a [u32],
    /// Bytes outside of strings that belong to no number, and are no comma.
    others: u32,
}

/// Hands on each line of a text without its line feed, and how it is cut, unless something in it is not as in most; until `line` says
/// false, which it then gives.
pub(crate) fn lines(text: &str, line: impl FnMut(&str, Option<&Cut<'_>>) -> bool) -> bool {
    in_pieces(text, PIECE, line)
}

/// As `lines`; `piece`: bytes that are looked at at a time, a multiple of 64.
fn in_pieces(text: &str, piece: usize, mut line: impl FnMut(&str, Option<&Cut<'_>>) -> bool) -> bool {
    let mut places = Places::default();
    let (mut start, mut length) = (0, piece);
    while start < text.len() {
        let rest = &text[start..];
        let (mut at, mut first, mut fault) = (0, 0, 0);
        let mut others = 0;
        if length <= LONGEST && marks::run(Find { places: &mut places, text: rest.as_bytes(), length }) {
            for end in &places.line_ends {
                if at >= rest.len() {
                    break;
                }
                let last = places.all[end.place];
                let faults = &places.faults[fault..];
                let of_line = faults.iter().take_while(|place| **place <= last).count();
                fault += of_line;
                let text = &rest[at..(last as usize).min(rest.len())];
                let cut = Cut {
                    text: rest,
                    start: at as u32,
                    ends: &places.all[first..=end.place],
                    others: end.others - others,
                };
                if !line(text, Some(&cut).filter(|_| of_line == 0)) {
                    return false;
                }
                (first, at, others) = (end.place + 1, last as usize + 1, end.others);
            }
        } else {
            // A quote is missing, or a line is long.
            while at < length.min(rest.len()) {
                let end = memchr::memchr(b'\n', &rest.as_bytes()[at..]).map_or(rest.len(), |end| at + end);
                if !line(&rest[at..end], None) {
                    return false;
                }
                at = end + 1;
            }
        }
        length = if at == 0 { 2 * length } else { piece };
        start += at;
    }
    true
}

/// Where the parts of a text end.
#[derive(Default)]
struct Places {
    /// Commas and line ends; what is behind those of `line_ends` means nothing.
    all: Vec<u32>,
    line_ends: Vec<LineEnd>,
    /// Where something is not as in most lines.
    faults: Vec<u32>,
}

struct LineEnd {
    /// Its number among all places.
    place: usize,
    /// Other bytes up to here, from the first line on.
    others: u32,
}

/// Finds the places in the first `length` bytes of a text, a multiple of 64; all of a shorter text, behind which line ends are added.
/// False when a line ends within a string.
struct Find<'a> {
    places: &'a mut Places,
    text: &'a [u8],
    length: usize,
}

impl Look for Find<'_> {
    type Found = bool;

    #[inline(always)]
    fn with(self, marker: impl Marker) -> bool {
        let Find { places: Places { all, line_ends, faults }, text, length } = self;
        marks::make_room(all, length);
        line_ends.clear();
        faults.clear();
        let blocks = Blocks::of(text, length);
        let mut state = State::default();
        let (mut n, mut at, mut others) = (0, 0, 0);
        for block in blocks.iter() {
            let marks = marker.mark_json(block);
            let Some(looked) = state.look(marks) else { return false };
            let mut wrong = looked.faults;
            while wrong != 0 {
                faults.push(at + wrong.trailing_zeros());
                wrong &= wrong - 1;
            }
            let ends = looked.ends;
            let mut line_ends_here = marks.line_feeds;
            while line_ends_here != 0 {
                let before = (line_ends_here & line_ends_here.wrapping_neg()) - 1;
                line_ends.push(LineEnd {
                    place: n + (ends & before).count_ones() as usize,
                    others: others + (looked.others & before).count_ones(),
                });
                line_ends_here &= line_ends_here - 1;
            }
            others += looked.others.count_ones();
            n = marks::put_down(all, n, at, ends);
            at += 64;
        }
        true
    }
}

/// What is known before a block.
#[derive(Default)]
struct State {
    /// All bits, inside of a string.
    inside: u64,
    /// The lowest bit, behind a digit; a point; a minus sign; a leading zero; a quote that closes a string; a comma.
    digit: u64,
    point: u64,
    minus: u64,
    zero: u64,
    closed: u64,
    comma: u64,
    /// The lowest bit, where the digits behind a point go on.
    fraction: u64,
}

/// What a block shows.
struct Looked {
    /// Commas outside of strings, and line feeds.
    ends: u64,
    others: u64,
    faults: u64,
}

/// Each bit moves to the byte behind it; the lowest is that of the block before.
#[inline(always)]
fn behind(bits: u64, before: &mut u64) -> u64 {
    let moved = bits << 1 | *before;
    *before = bits >> 63;
    moved
}

impl State {
    /// None when a line ends within a string.
    #[inline(always)]
    fn look(&mut self, marks: JsonMarks) -> Option<Looked> {
        let JsonMarks { commas, line_feeds, quotes, digits, zeros, points, minuses, odd } = marks;
        // An opening quote is inside, a closing one outside.
        let mut inside = quotes;
        for by in [1, 2, 4, 8, 16, 32] {
            inside ^= inside << by;
        }
        inside ^= self.inside;
        self.inside = 0_u64.wrapping_sub(inside >> 63);
        if line_feeds & inside != 0 {
            return None;
        }
        let outside = !inside;
        let (opening, closing) = (quotes & inside, quotes & outside);
        let (commas, digits, points, minuses) =
            (commas & outside, digits & outside, points & outside, minuses & outside);
        let numbers = digits | points | minuses;

        let behind_digit = behind(digits, &mut self.digit);
        let behind_point = behind(points, &mut self.point);
        let behind_minus = behind(minuses, &mut self.minus);
        let behind_number = behind_digit | behind_point | behind_minus;
        let behind_zero = behind(zeros & outside & !behind_digit & !behind_point, &mut self.zero);
        let behind_closing = behind(closing, &mut self.closed);
        let behind_comma = behind(commas, &mut self.comma);
        // Digits behind a point: a carry runs through them.
        let (sum, over) = digits.overflowing_add(digits & behind_point);
        let (sum, over_too) = sum.overflowing_add(self.fraction);
        self.fraction = u64::from(over | over_too);
        let behind_fraction = sum & !digits;

        let faults = odd
            | points & (!behind_digit | behind_fraction)
            | minuses & behind_number
            | (behind_point | behind_minus) & !digits
            | behind_zero & digits
            | behind_closing & (numbers | opening)
            | behind_number & opening
            | behind_comma & commas;
        Some(Looked {
            ends: commas | line_feeds,
            others: outside & !(numbers | commas | line_feeds | quotes),
            faults,
        })
    }
}

/// What lines have in common that are like an earlier one.
#[derive(Debug)]
pub(crate) struct Pattern {
    n_parts: usize,
    others: u32,
    /// The parts with fixed bytes, in their order.
    fixed: Vec<(usize, Fixed)>,
    /// For each part its value; none for a part without one.
    values: Vec<Option<Place>>,
}

/// Where a value stands in lines that are like a pattern.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    part: usize,
    /// Bytes of the part before the value, and behind it.
    before: usize,
    behind: usize,
}

/// The bytes of a part that are the same in all lines.
#[derive(Debug)]
enum Fixed {
    /// Before and behind its value.
    Around(Box<str>, Box<str>),
    /// There is no value.
    Whole(Box<str>),
}

impl Pattern {
    /// Of a line that is JSON, with its numbers and strings that may differ; none where lines are not told by commas.
    pub(crate) fn of(line: &str, values: &[Range<usize>]) -> Option<Pattern> {
        let is_simple = |value: &Range<usize>| {
            let value = line[value.clone()].as_bytes();
            value.first() == Some(&b'"') || !value.iter().any(|byte| matches!(byte, b'e' | b'E'))
        };
        if line.len() > LONGEST
            || memchr::memchr(b'\\', line.as_bytes()).is_some()
            || !values.iter().all(is_simple)
        {
            return None;
        }
        let mut pattern = Pattern { n_parts: 0, others: 0, fixed: Vec::new(), values: Vec::new() };
        let mut values = values.iter().peekable();
        let (mut start, mut is_inside) = (0, false);
        for (at, byte) in line.bytes().chain([b'\n']).enumerate() {
            match byte {
                b'"' => is_inside = !is_inside,
                b',' | b'\n' if !is_inside => {
                    let (number, part) = (pattern.n_parts, start..at);
                    pattern.n_parts += 1;
                    start = at + 1;
                    let Some(value) = values.next_if(|value| value.start < at) else {
                        pattern.fixed.push((number, Fixed::Whole(line[part].into())));
                        pattern.values.push(None);
                        continue;
                    };
                    let (before, behind) = (&line[part.start..value.start], &line[value.end..part.end]);
                    if values.peek().is_some_and(|next| next.start < at) {
                        return None;
                    }
                    let place = Place { part: number, before: before.len(), behind: behind.len() };
                    pattern.values.push(Some(place));
                    if !before.is_empty() || !behind.is_empty() {
                        pattern.fixed.push((number, Fixed::Around(before.into(), behind.into())));
                    }
                }
                b'0'..=b'9' | b'.' | b'-' => {}
                _ => pattern.others += u32::from(!is_inside),
            }
        }
        // A value at either end of a line may be empty, which only shows where something stands around it.
        let is_bare =
            |part: Option<&Option<Place>>| matches!(part, Some(Some(Place { before: 0, behind: 0, .. })));
        let is_told = !is_bare(pattern.values.first()) && !is_bare(pattern.values.last());
        is_told.then_some(pattern)
    }

    /// Whether a line is like this one.
    pub(crate) fn fits(&self, line: &Cut<'_>) -> bool {
        if line.ends.len() != self.n_parts || line.others != self.others {
            return false;
        }
        let text = line.text.as_bytes();
        self.fixed.iter().all(|(part, fixed)| {
            let part = &text[line.part(*part)];
            match fixed {
                Fixed::Around(before, behind) => {
                    part.len() > before.len() + behind.len()
                        && begins_with(part, before.as_bytes())
                        && ends_with(part, behind.as_bytes())
                }
                Fixed::Whole(whole) => part == whole.as_bytes(),
            }
        })
    }

    /// The place of a value, by its number in the line that the pattern is of.
    pub(crate) fn place(&self, number: usize) -> Option<Place> {
        // Each part has one value at most.
        self.values.iter().flatten().nth(number).copied()
    }
}

impl<'a> Cut<'a> {
    /// A value of a line that fits the pattern which the place is of.
    #[inline]
    pub(crate) fn value(&self, place: Place) -> &'a str {
        let part = self.part(place.part);
        &self.text[part.start + place.before..part.end - place.behind]
    }

    /// Where a part stands in the text.
    #[inline]
    fn part(&self, number: usize) -> Range<usize> {
        let start = number.checked_sub(1).map_or(self.start, |before| self.ends[before] + 1);
        start as usize..self.ends[number] as usize
    }
}

/// As `starts_with`, without a call for short ones: `memcmp` may read where an empty text points to, which is slow where nothing is.
fn begins_with(text: &[u8], prefix: &[u8]) -> bool {
    match prefix {
        [] => true,
        [one] => text.first() == Some(one),
        _ => text.starts_with(prefix),
    }
}

/// Likewise `ends_with`.
fn ends_with(text: &[u8], suffix: &[u8]) -> bool {
    match suffix {
        [] => true,
        [one] => text.last() == Some(one),
        _ => text.ends_with(suffix),
    }
}

#[cfg(test)]
#[path = "tests/commas.rs"]
mod tests;
