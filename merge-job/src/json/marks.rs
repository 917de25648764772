//! The quotes and backslashes of a line, a bit for each byte, found 64 bytes at a time: with them the end of a string is
//! looked up, however many escapes stand before it.
//!
//! Only processors with instructions for that have marks; without them strings are walked.

/// Longer lines have no marks: these are kept from line to line and take an eighth of the longest.
#[cfg(target_arch = "x86_64")]
const LONGEST_LINE: usize = 1 << 20;

/// The marks of one line.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    /// Of the line in its text.
    start: usize,
    /// One for 64 bytes, from the start on.
    words: Vec<Word>,
    /// The whole line has marks, and each of its escapes is one of JSON's.
    are_known: bool,
    is_ascii: bool,
    /// The first control character before the line's end.
    control: Option<usize>,
}

/// Of 64 bytes, the first in the lowest bit.
#[derive(Debug, Clone, Copy)]
struct Word {
    /// Those that no backslash escapes.
    quotes: u64,
    backslashes: u64,
}

impl Marks {
    /// Marks the line that begins at a place of a text; tells where its line feed stands.
    pub(crate) fn line(&mut self, text: &[u8], start: usize) -> Option<usize> {
        self.start = start;
        self.words.clear();
        (self.are_known, self.is_ascii, self.control) = (false, true, None);
        #[cfg(target_arch = "x86_64")]
        if let Some(processor) = pulp::x86::V3::try_new() {
            return processor.vectorize(wide::Line { text, marks: self, processor });
        }
        line_feed(text, start)
    }

    /// The marks, when they tell the strings of the line up to `end`: there are no control characters before it.
    pub(crate) fn up_to(&self, end: usize) -> Option<&Marks> {
        (self.are_known && self.control.is_none_or(|control| control >= end)).then_some(self)
    }

    pub(crate) fn is_ascii(&self) -> bool {
        self.is_ascii
    }

    /// The closing quote of a string whose inside begins at a place of the line, and whether there are escapes in it.
    pub(super) fn string(&self, inside: usize) -> Option<(usize, bool)> {
        let offset = inside.checked_sub(self.start)?;
        let (mut idx, mut mask, mut escaped) = (offset / 64, !0 << (offset % 64), false);
        loop {
            let word = self.words.get(idx)?;
            let (quotes, backslashes) = (word.quotes & mask, word.backslashes & mask);
            if quotes != 0 {
                let before = (quotes & quotes.wrapping_neg()) - 1;
                let end = self.start + 64 * idx + quotes.trailing_zeros() as usize;
                return Some((end, escaped || backslashes & before != 0));
            }
            escaped |= backslashes != 0;
            (idx, mask) = (idx + 1, !0);
        }
    }
}

fn line_feed(text: &[u8], from: usize) -> Option<usize> {
    memchr::memchr(b'\n', text.get(from..)?).map(|at| from + at)
}

/// The bytes behind a row of backslashes the last of which escapes them: the row has an odd length. `carry`: 1 when a row
/// before these bytes is to escape the first of them.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn escaped(backslashes: u64, carry: &mut u64) -> u64 {
    const EVEN: u64 = 0x5555_5555_5555_5555;
    let first = std::mem::take(carry);
    if backslashes == 0 {
        return first;
    }
    let rows = backslashes & !first;
    let starts = rows & !(rows << 1);
    // A sum has, in place of each row whose start is added, the bit behind it. From an even place to an odd one, and from
    // an odd place to an even one, the length is odd.
    let from_even = rows.wrapping_add(starts & EVEN);
    let (from_odd, over) = rows.overflowing_add(starts & !EVEN);
    *carry = u64::from(over);
    (from_even & !EVEN | from_odd & EVEN) & !rows | first
}

/// Whether an escape of JSON goes on with the byte at a place, which is neither a quote nor a backslash.
#[cfg(target_arch = "x86_64")]
fn is_escape(text: &[u8], at: usize) -> bool {
    match text.get(at) {
        Some(b'/' | b'b' | b'f' | b'n' | b'r' | b't') => true,
        Some(b'u') => text.get(at + 1..at + 5).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)),
        _ => false,
    }
}

#[cfg(target_arch = "x86_64")]
mod wide {
    use std::arch::x86_64::__m256i;

    use pulp::NullaryFnOnce;
    use pulp::x86::V3;

    use super::{LONGEST_LINE, Marks, Word};

    pub(super) struct Line<'a> {
        pub(super) text: &'a [u8],
        pub(super) marks: &'a mut Marks,
        pub(super) processor: V3,
    }

    impl NullaryFnOnce for Line<'_> {
        type Output = Option<usize>;

        #[inline(always)]
        fn call(self) -> Option<usize> {
            let Line { text, marks, processor } = self;
            let (mut at, mut carry) = (marks.start, 0);
            let mut are_escapes = true;
            let mut last = [b' '; 64];
            while at < text.len() {
                if at - marks.start >= LONGEST_LINE {
                    return super::line_feed(text, at);
                }
                let rest = &text[at..];
                let block = match rest.first_chunk::<64>() {
                    Some(block) => block,
                    None => {
                        last[..rest.len()].copy_from_slice(rest);
                        &last
                    }
                };
                let halves: [__m256i; 2] = pulp::cast(*block);
                let (quotes, backslashes) = (equal(processor, halves, b'"'), equal(processor, halves, b'\\'));
                let odd = below_space(processor, halves);
                let (mut before, mut end) = (!0, None);
                if odd != 0 {
                    let above_ascii = bits(processor, halves);
                    let line_feeds = equal(processor, halves, b'\n');
                    if line_feeds != 0 {
                        before = (line_feeds & line_feeds.wrapping_neg()) - 1;
                        end = Some(at + line_feeds.trailing_zeros() as usize);
                    }
                    let controls = odd & !above_ascii & before;
                    if controls != 0 && marks.control.is_none() {
                        marks.control = Some(at + controls.trailing_zeros() as usize);
                    }
                    marks.is_ascii &= above_ascii & before == 0;
                }
                let (quotes, backslashes) = (quotes & before, backslashes & before);
                let escaped = super::escaped(backslashes, &mut carry) & before;
                let mut others = escaped & !(quotes | backslashes);
                while others != 0 {
                    are_escapes &= super::is_escape(text, at + others.trailing_zeros() as usize);
                    others &= others - 1;
                }
                marks.words.push(Word { quotes: quotes & !escaped, backslashes });
                if end.is_some() {
                    marks.are_known = are_escapes;
                    return end;
                }
                at += 64;
            }
            marks.are_known = are_escapes;
            None
        }
    }

    #[inline(always)]
    fn equal(processor: V3, [low, high]: [__m256i; 2], byte: u8) -> u64 {
        let V3 { avx, avx2, .. } = processor;
        let byte = avx._mm256_set1_epi8(byte as i8);
        bits(processor, [avx2._mm256_cmpeq_epi8(low, byte), avx2._mm256_cmpeq_epi8(high, byte)])
    }

    /// As numbers with a sign, so bytes above ASCII are among them.
    #[inline(always)]
    fn below_space(processor: V3, [low, high]: [__m256i; 2]) -> u64 {
        let V3 { avx, avx2, .. } = processor;
        let space = avx._mm256_set1_epi8(b' ' as i8);
        bits(processor, [avx2._mm256_cmpgt_epi8(space, low), avx2._mm256_cmpgt_epi8(space, high)])
    }

    /// The top bits of the bytes.
    #[inline(always)]
    fn bits(processor: V3, [low, high]: [__m256i; 2]) -> u64 {
        let low = processor.avx2._mm256_movemask_epi8(low) as u32;
        let high = processor.avx2._mm256_movemask_epi8(high) as u32;
        u64::from(low) | u64::from(high) << 32
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::json::{Cursor, Text};

    fn piece() -> impl Strategy<Value = String> {
        let often = ["\"", "\\", "\\\\", "\\\"", "\\n", "\\u00e9", "é", "x", "{\"a\":"].map(String::from);
        let seldom = ["\\x", "\\u00", "\t", "\r", "\u{1}"].map(String::from);
        let long = "[a-z ]{0,70}";
        prop_oneof![
            60 => prop::sample::select(often.to_vec()),
            1 => prop::sample::select(seldom.to_vec()),
            10 => long,
        ]
    }

    proptest! {
        #[test]
        fn strings_end_where_walking_ends_them(
            before in "[a-z\n]{0,5}",
            pieces in prop::collection::vec(piece(), 0..40),
            behind in "(\n[a-z\"\\\\]{0,80})?",
        ) {
            let line = pieces.concat();
            let text = format!("{before}{line}{behind}");
            let (text, start, end) = (text.as_bytes(), before.len(), before.len() + line.len());
            let mut marks = Marks::default();
            prop_assert_eq!(marks.line(text, start), (end < text.len()).then_some(end));
            let Some(marks) = marks.up_to(end) else { return Ok(()) };
            prop_assert_eq!(marks.is_ascii(), line.is_ascii());
            // A string may begin at any quote that no backslash stands before.
            for at in start..end {
                if text[at] != b'"' || at > start && text[at - 1] == b'\\' {
                    continue;
                }
                let mut open = Vec::new();
                let walked = Cursor::new(&text[..end], at, &mut open).string().ok();
                let walked = walked.map(|Text { span, escaped }| (span.end, escaped));
                prop_assert_eq!(marks.string(at + 1), walked);
            }
        }
    }

    #[test]
    fn lines_that_walking_would_refuse_have_no_marks() {
        let long = "x".repeat(2 << 20);
        for (line, are_known) in [
            (r#""a\"b""#, true),
            (r#""\u00e9\/\b\f\n\r\t\\""#, true),
            (r#""\x""#, false),
            (r#""\u00g0""#, false),
            ("\"\u{1}\"", false),
            ("\"a\"\t", false),
            (&long, false),
        ] {
            let mut marks = Marks::default();
            assert_eq!(marks.line(format!("{line}\nx").as_bytes(), 0), Some(line.len()));
            let are_expected = are_known && cfg!(target_arch = "x86_64") && has_instructions();
            assert_eq!(marks.up_to(line.len()).is_some(), are_expected, "{}", &line[..line.len().min(20)]);
        }
    }

    fn has_instructions() -> bool {
        let mut marks = Marks::default();
        marks.line(b"", 0);
        marks.are_known
    }
}
