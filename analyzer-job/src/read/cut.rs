//! CSV text cut at the ends of records, so that the parts can be read apart.
//!
//! The rules are those of the `csv` crate: a record ends at a carriage return or a line feed outside quotes,
//! blank lines are no records, and a quotation mark opens a quoted field only where a field begins; anywhere
//! else it is a character like others. Property tests hold both to it.

use memchr::{memchr, memchr_iter, memchr2, memrchr2};

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

/// Hands on the wanted fields of each record of text without quotation marks.
///
/// `wanted`: positions of fields, ascending, below `width`. Returns false, perhaps after some records, when
/// a record has another number of fields than `width`.
pub(crate) fn plain<'a>(
    mut text: &'a str,
    width: usize,
    wanted: &[usize],
    mut record: impl FnMut(&[&'a str]),
) -> bool {
    let mut fields = vec![""; wanted.len()];
    loop {
        let end = memchr2(b'\n', b'\r', text.as_bytes());
        let line = &text[..end.unwrap_or(text.len())];
        if !line.is_empty() {
            if !split(line, width, wanted, &mut fields) {
                return false;
            }
            record(&fields);
        }
        let Some(end) = end else { return true };
        text = &text[end + 1..];
    }
}

/// Sets `fields` to the wanted fields of a line; false when it has another number of fields than `width`.
fn split<'a>(line: &'a str, width: usize, wanted: &[usize], fields: &mut [&'a str]) -> bool {
    let (mut rest, mut position) = (Some(line), 0);
    for (&want, field) in wanted.iter().zip(fields) {
        loop {
            let Some(text) = rest else { return false };
            let end = memchr(b',', text.as_bytes());
            rest = end.map(|end| &text[end + 1..]);
            position += 1;
            if position > want {
                *field = &text[..end.unwrap_or(text.len())];
                break;
            }
        }
    }
    position + rest.map_or(0, |rest| 1 + memchr_iter(b',', rest.as_bytes()).count()) == width
}

#[cfg(test)]
#[path = "tests/cut.rs"]
mod tests;
