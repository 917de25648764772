//! CSV text cut at the ends of records, so that the parts can be read apart.
//!
//! The rules are those of the `csv` crate: a record ends at a carriage return or a line feed outside quotes,
//! blank lines are no records, and a quotation mark opens a quoted field only where a field begins; anywhere
//! else it is a character like others. Property tests hold both to it.

use memchr::{memchr, memrchr2};

use super::quotes;

/// The end of the last whole record of text that begins with a record; 0 when none ends in it.
pub(crate) fn last_end(text: &[u8]) -> usize {
    let mut end = 0;
    // Outside quotes; what lies before was looked at.
    let mut at = 0;
    loop {
        let next = memchr(b'"', &text[at..]).map(|next| at + next);
        if let Some(found) = memrchr2(b'\n', b'\r', &text[at..next.unwrap_or(text.len())]) {
            end = at + found + 1;
        }
        let Some(quote) = next else { return end };
        at = quote + 1;
        if quote > 0 && !matches!(text[quote - 1], b',' | b'\n' | b'\r') {
            continue;
        }
        // A quote at the end may be the first of two.
        match quotes::closing(text, at) {
            Some(closed) if closed < text.len() => at = closed,
            _ => return end,
        }
    }
}

/// What text with quotation marks is cut into.
pub(crate) enum Part<'a> {
    /// A wanted field, with its number among these.
    Field(usize, &'a str),
    /// The record ends.
    End,
}

/// Hands on the wanted fields of each record of text, quotation marks wherever they may stand; `fields::records` is faster and
/// knows only those of RFC 4180.
///
/// `wanted`: positions of fields, ascending, below `width`. Returns false, perhaps after some records, when a record has another
/// number of fields than `width`, or quotation marks do not work out.
pub(crate) fn quoted(text: &str, width: usize, wanted: &[usize], mut take: impl FnMut(Part<'_>)) -> bool {
    let bytes = text.as_bytes();
    let is_end = |at| matches!(bytes.get(at), None | Some(b',' | b'\n' | b'\r'));
    let mut at = 0;
    while at < bytes.len() {
        if matches!(bytes[at], b'\n' | b'\r') {
            at += 1;
            continue;
        }
        let begin = at;
        let (mut column, mut next) = (0, 0);
        // A field without quotes behind one with them has a quote.
        let (mut is_quoted, mut is_odd) = (false, false);
        loop {
            let start = at;
            let is_wanted = wanted.get(next) == Some(&column);
            if bytes.get(at) == Some(&b'"') {
                is_quoted = true;
                let Some(closed) = quotes::closing(bytes, at + 1) else { return false };
                at = if is_end(closed) { closed } else { quotes::behind_blanks(bytes, closed) };
                if !is_end(at) {
                    return false;
                }
                let (inside, blanks) = (&text[start + 1..closed - 1], &text[closed..at]);
                if is_wanted && blanks.is_empty() && !inside.contains('"') {
                    take(Part::Field(next, inside));
                } else if is_wanted {
                    take(Part::Field(next, &(inside.replace("\"\"", "\"") + blanks)));
                }
            } else {
                while !is_end(at) {
                    is_odd |= is_quoted && bytes[at] == b'"';
                    at += 1;
                }
                if is_wanted {
                    take(Part::Field(next, &text[start..at]));
                }
            }
            next += usize::from(is_wanted);
            column += 1;
            if bytes.get(at) != Some(&b',') {
                break;
            }
            at += 1;
        }
        if column != width || (is_odd && quotes::fault(&bytes[begin..at]).is_some()) {
            return false;
        }
        take(Part::End);
    }
    true
}

#[cfg(test)]
#[path = "tests/cut.rs"]
mod tests;
