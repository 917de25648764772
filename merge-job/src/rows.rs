//! Rows of a batch transform's CSV output, as RFC 4180 has them: commas and line ends inside quotes belong to the
//! cell, a doubled quote inside quotes is a quote, and a quote inside an unquoted cell is text. A carriage return outside
//! of quotes that no line feed follows ends a row, as old programs write it.

use std::borrow::Cow;

use crate::hours;
use crate::json::{Cursor, Malformed, Span};

/// A row and its last two cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Without the line end behind it.
    pub span: Span,
    /// Cells, id and time among them; each comma of a JSON list without quotes counts as one more, unless it was measured.
    pub(crate) cells: usize,
    /// Where the last two cells begin, if there are so many.
    last_two: Option<(usize, usize)>,
    /// A quote stands inside an unquoted cell.
    pub(crate) stray_quote: bool,
    /// It does so behind a cell with a line end in quotes, or such a cell stands behind a bracket that its line leaves open:
    /// then quotes rather open where others close.
    pub(crate) is_torn: bool,
    /// A cell is in quotes.
    pub(crate) has_quoted: bool,
    /// A bare carriage return stands behind it.
    pub(crate) ends_at_return: bool,
}

/// What stands at a place in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowAt {
    Row(Row),
    /// Something follows a closing quote, at this place: no row.
    Broken {
        at: usize,
    },
    /// The text ends inside of the row.
    Open,
}

/// Reads the row at `start`; `ended`: no more text follows.
pub(crate) fn row(text: &[u8], start: usize, ended: bool) -> RowAt {
    read(text, start, false, false, ended)
}

/// As `row`, and counts cells as they are, which takes longer.
pub(crate) fn measured_row(text: &[u8], start: usize, ended: bool) -> RowAt {
    read(text, start, false, true, ended)
}

/// Reads what is left of a row from `start` on, as if it stood inside of a cell in quotes.
pub(crate) fn rest_of_row(text: &[u8], start: usize, ended: bool) -> RowAt {
    read(text, start, true, false, ended)
}

fn read(text: &[u8], start: usize, mut in_quotes: bool, measured: bool, ended: bool) -> RowAt {
    let mut at = start;
    let mut cells = 1;
    let mut last_two = (None, start);
    let (mut stray_quote, mut is_torn, mut quoted_up_to) = (false, false, start);
    let has_line_end = |quoted_up_to: usize| {
        let quoted = text.get(start..quoted_up_to).unwrap_or_default();
        memchr::memchr2(b'\n', b'\r', quoted).is_some()
    };
    loop {
        // At the start of a cell, or inside of one.
        if !in_quotes && text.get(at) == Some(&b'"') {
            in_quotes = true;
            at += 1;
        }
        if in_quotes {
            in_quotes = false;
            match end_of_quotes(text, at, ended) {
                Some(end) => at = end,
                None => return RowAt::Open,
            }
            quoted_up_to = at;
            loop {
                match text.get(at) {
                    Some(b' ' | b'\t') => at += 1,
                    Some(b'\r') => match is_bare_return(text, at, ended) {
                        None => return RowAt::Open,
                        Some(true) => break,
                        Some(false) => at += 1,
                    },
                    None | Some(b',' | b'\n') => break,
                    Some(_) => return RowAt::Broken { at },
                }
            }
        } else {
            let cell = match json_cell(text, at, measured, ended) {
                JsonCell::Open => return RowAt::Open,
                JsonCell::None => at,
                JsonCell::End(end) => {
                    at = end;
                    end
                }
            };
            loop {
                let rest = text.get(at..).unwrap_or_default();
                at = memchr::memchr3(b',', b'\n', b'\r', rest).map_or(text.len(), |length| at + length);
                if text.get(at) != Some(&b'\r') {
                    break;
                }
                match is_bare_return(text, at, ended) {
                    None => return RowAt::Open,
                    Some(true) => break,
                    Some(false) => at += 1,
                }
            }
            if memchr::memchr(b'"', text.get(cell..at).unwrap_or_default()).is_some() {
                stray_quote = true;
                is_torn |= has_line_end(quoted_up_to);
            }
        }
        match text.get(at) {
            Some(b',') => {
                at += 1;
                cells += 1;
                last_two = (Some(last_two.1), at);
            }
            None if !ended => return RowAt::Open,
            _ => break,
        }
    }
    let first_line = || text.get(start..at)?.split(|byte| matches!(byte, b'\n' | b'\r')).next();
    is_torn |= has_line_end(quoted_up_to) && first_line().is_some_and(opens_brackets);
    let last_two = last_two.0.map(|before| (before, last_two.1));
    let ends_at_return = text.get(at) == Some(&b'\r');
    RowAt::Row(Row {
        span: Span { start, end: at },
        cells,
        last_two,
        stray_quote,
        is_torn,
        has_quoted: quoted_up_to > start,
        ends_at_return,
    })
}

/// Behind the quote that ends a cell in quotes, of which the inside goes on at a place; none when the text ends before that
/// is known.
fn end_of_quotes(text: &[u8], mut at: usize, ended: bool) -> Option<usize> {
    loop {
        let quote = at + memchr::memchr(b'"', text.get(at..)?)?;
        match text.get(quote + 1) {
            Some(b'"') => at = quote + 2,
            None if !ended => return None,
            _ => return Some(quote + 1),
        }
    }
}

/// Where the first quote stands between two places that is not doubled, as inside of a cell in quotes.
pub(crate) fn lone_quote(text: &[u8], from: usize, to: usize) -> Option<usize> {
    end_of_quotes(text.get(..to)?, from, true).map(|end| end - 1)
}

/// A cell that is a JSON object or list.
enum JsonCell {
    End(usize),
    None,
    /// The text ends inside of what may be one.
    Open,
}

/// Commas and quotes inside of a JSON object or list belong to the cell that it begins, if it ends in its line.
fn json_cell(text: &[u8], start: usize, measured: bool, ended: bool) -> JsonCell {
    let rest = text.get(start..).unwrap_or_default();
    if !matches!(rest.first(), Some(b'{' | b'[')) {
        return JsonCell::None;
    }
    let length = memchr::memchr2(b'\n', b'\r', rest);
    let line = &rest[..length.unwrap_or(rest.len())];
    // Without quotes its commas only matter to the number of cells: the last two stand behind it.
    if !measured && memchr::memchr(b'"', line).is_none() {
        return if length.is_none() && !ended { JsonCell::Open } else { JsonCell::None };
    }
    match Cursor::new(line, 0, &mut Vec::new()).value() {
        Ok(span) => JsonCell::End(start + span.end),
        Err(Malformed { at }) if at >= line.len() && length.is_none() && !ended => JsonCell::Open,
        Err(_) => JsonCell::None,
    }
}

/// Whether a line ends as a row of a batch transform does, with an id and a time, whatever stands before.
pub(crate) fn ends_with_id_and_time(line: &[u8]) -> bool {
    let line = line.trim_ascii_end();
    let Some(before_time) = memchr::memrchr(b',', line) else { return false };
    let (before, time) = (&line[..before_time], &line[before_time + 1..]);
    let Some(before_id) = memchr::memrchr(b',', before) else { return false };
    let time = plain(time);
    // Also one whose quote opens and does not close.
    let time = time.strip_prefix(b"\"").unwrap_or(&time);
    !plain(&before[before_id + 1..]).is_empty() && hours::moment(time).is_some()
}

/// Whether a line begins with a bracket that it does not close, as far as its strings can be told; behind a value of JSON another
/// one may stand.
pub(crate) fn opens_brackets(line: &[u8]) -> bool {
    let line = line.trim_ascii_start();
    let begins = |rest: &[u8]| matches!(rest.trim_ascii_start().first(), Some(b'{' | b'['));
    if !begins(line) {
        return false;
    }
    let (mut depth, mut in_string, mut is_escaped) = (0usize, false, false);
    for (at, byte) in line.iter().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = in_string,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => {
                depth -= 1;
                if depth == 0 && !begins(&line[at + 1..]) {
                    return false;
                }
            }
            _ => {}
        }
    }
    true
}

/// Whether no line feed follows the carriage return at a place; none when that is not known yet.
pub(crate) fn is_bare_return(text: &[u8], at: usize, ended: bool) -> Option<bool> {
    match text.get(at + 1) {
        Some(next) => Some(*next != b'\n'),
        None => ended.then_some(true),
    }
}

impl Row {
    /// Line ends stand inside of it.
    pub(crate) fn has_line_ends(&self, text: &[u8]) -> bool {
        memchr::memchr2(b'\n', b'\r', self.span.of(text).trim_ascii_end()).is_some()
    }

    /// What the last two cells say; none when there are fewer.
    pub(crate) fn last_two<'t>(&self, text: &'t [u8]) -> Option<[Cow<'t, [u8]>; 2]> {
        let (id, time) = self.last_two?;
        Some([plain(text.get(id..time - 1)?), plain(text.get(time..self.span.end)?)])
    }

    /// The row's text without its last two cells, and what these say; none when there are fewer than three.
    pub(crate) fn data_and_last_two<'t>(&self, text: &'t [u8]) -> Option<Cells<'t>> {
        let (start, _) = self.last_two?;
        let data = text.get(self.span.start..start.checked_sub(1).filter(|end| *end >= self.span.start)?)?;
        let [id, time] = self.last_two(text)?;
        Some(Cells { data, id, time })
    }
}

/// The parts of a row of a batch transform.
#[derive(Debug, Default)]
pub(crate) struct Cells<'t> {
    /// The row's text without its last two cells.
    pub(crate) data: &'t [u8],
    /// What the last two cells say.
    pub(crate) id: Cow<'t, [u8]>,
    pub(crate) time: Cow<'t, [u8]>,
}

/// What a cell says, without blanks around it and its quotes.
fn plain(cell: &[u8]) -> Cow<'_, [u8]> {
    let cell = cell.trim_ascii();
    let inside = cell.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
    match inside {
        None => Cow::Borrowed(cell),
        Some(inside) if memchr::memchr(b'"', inside).is_none() => Cow::Borrowed(inside),
        Some(inside) => {
            let mut quote_before = false;
            let keep = |byte: &u8| {
                quote_before = *byte == b'"' && !quote_before;
                !quote_before
            };
            Cow::Owned(inside.iter().copied().filter(keep).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, ended: bool, expected: Option<(&str, &str, &str, &str)>) {
        let RowAt::Row(row) = row(text.as_bytes(), 0, ended) else {
            assert_eq!(expected, None, "{text}");
            return;
        };
        let Cells { data, id, time } = row.data_and_last_two(text.as_bytes()).unwrap_or_default();
        let utf8 = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let found = (utf8(row.span.of(text.as_bytes())), utf8(data), utf8(&id), utf8(&time));
        let expected = expected.unwrap();
        assert_eq!((found.0.as_str(), found.1.as_str(), found.2.as_str(), found.3.as_str()), expected);
    }

    #[test]
    fn rows_end_at_line_ends_outside_of_quotes() {
        check("1,2,u,t\nnext", true, Some(("1,2,u,t", "1,2", "u", "t")));
        check("1,\"a\nb,\"\"c\",u,t\n", false, Some(("1,\"a\nb,\"\"c\",u,t", "1,\"a\nb,\"\"c\"", "u", "t")));
        check(
            "say \"hi\", 2,\"u\",\"t\"\r\nx",
            true,
            Some(("say \"hi\", 2,\"u\",\"t\"\r", "say \"hi\", 2", "u", "t")),
        );
        check("x, \"u\"\"v\" ,t", true, Some(("x, \"u\"\"v\" ,t", "x", "u\"v", "t")));
        check("a,u,t", true, Some(("a,u,t", "a", "u", "t")));
        check("u,t", true, Some(("u,t", "", "", "")));
        check("", true, Some(("", "", "", "")));
        check("a,u,t\rb,u,t\r", true, Some(("a,u,t", "a", "u", "t")));
        check("a,u,\"t\"\rb,u,t\r", false, Some(("a,u,\"t\"", "a", "u", "t")));
        check("\"a\rb\",u,t\r", true, Some(("\"a\rb\",u,t", "\"a\rb\"", "u", "t")));
    }

    #[test]
    fn half_a_row_is_none() {
        for text in ["1,u,t", "1,\"u", "1,\"u\"", "1,u,t\r", "1,u,\"t\"\r"] {
            check(text, false, None);
        }
        check("\"a\nb", true, None);
        check("\"a\" b,u,t\n", true, None);
    }
}
