//! What the first lines of a JSON file tell of its form: a record a line, or one document over many lines. The first line may
//! be damaged.

use std::io::Read as _;

use plumbline_common::input::InputFile;
use plumbline_common::{Problem, Result};

use crate::values::scan::{self, Kind, Scanner};

/// Bytes that are looked at.
const LOOKED_AT: u64 = 1 << 20;
/// Lines that are looked at behind a damaged one.
const LINES: usize = 8;

/// How a file of JSON begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beginning {
    /// With a list that is a row, or a damaged line; the lines behind it are rows.
    Lines,
    /// With a list that is a document.
    Rows,
    /// With something else.
    Other,
}

/// How a file begins.
///
/// # Errors
/// The file cannot be read.
pub(super) fn begin(file: &InputFile) -> Result<Beginning> {
    let bytes = beginning(file)?;
    let lines = lines(&bytes);
    // An empty list has no rows, in either form.
    let from = lines.iter().position(|line| *line != b"[]").unwrap_or(0);
    let lines = lines.get(from..).unwrap_or_default();
    let first = lines.first().copied().unwrap_or_default();
    let begins_with_list = bytes.trim_ascii_start().starts_with(b"[");
    Ok(match first.first() {
        Some(b'[') if is_list_of_values(first) || may_be_cut_row(first) && has_record(lines) => {
            Beginning::Lines
        }
        _ if begins_with_list => Beginning::Rows,
        // Whatever the first line is, it is damaged.
        _ if !is_json(first) && !begins_with_object(&bytes) && has_record(lines) => Beginning::Lines,
        _ => Beginning::Other,
    })
}

/// Whether a line is a record by itself, with another record behind it, or the end.
fn has_record(lines: &[&[u8]]) -> bool {
    let opens = |line: &&[u8]| line.starts_with(b"{") || line.starts_with(b"[");
    let is_record = |line: &[u8]| line.starts_with(b"{") && is_json(line) || is_list_of_values(line);
    let mut behind = lines.iter().enumerate().skip(1).take(LINES);
    behind.any(|(at, line)| is_record(line) && lines.get(at + 1).is_none_or(opens))
}

/// Whether a line is a list of values that are neither objects nor lists.
fn is_list_of_values(line: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(line) else { return false };
    let mut scanner = Scanner::new(text);
    let Ok(Kind::List) = scanner.kind() else { return false };
    let (mut values, mut others) = (0, 0);
    let walked = scanner.list(|scanner, _| {
        match scanner.kind()? {
            Kind::Scalar => values += 1,
            Kind::Object | Kind::List => others += 1,
        }
        scanner.value().map(|_| ())
    });
    walked.is_ok() && scanner.end().is_ok() && values > 0 && others == 0
}

/// Whether a line is no JSON and begins as a list of values does.
fn may_be_cut_row(line: &[u8]) -> bool {
    !matches!(line[1..].trim_ascii_start().first(), Some(b'{' | b'[')) && !is_json(line)
}

/// Whether a text begins with a JSON object, be it over many lines.
fn begins_with_object(text: &[u8]) -> bool {
    let valid = text.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    let mut scanner = Scanner::new(valid);
    matches!(scanner.kind(), Ok(Kind::Object)) && scanner.value().is_ok()
}

fn is_json(line: &[u8]) -> bool {
    std::str::from_utf8(line).is_ok_and(scan::is_json)
}

/// The first bytes of a file, up to the end of a line where there is more, without a byte order mark.
fn beginning(file: &InputFile) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.open()?
        .take(LOOKED_AT)
        .read_to_end(&mut bytes)
        .map_err(|error| Problem::io("read the input", &file.path, error))?;
    if bytes.len() as u64 == LOOKED_AT {
        bytes.truncate(memchr::memrchr(b'\n', &bytes).map_or(bytes.len(), |end| end + 1));
    }
    if bytes.starts_with(b"\xef\xbb\xbf") {
        bytes.drain(..3);
    }
    Ok(bytes)
}

/// The lines that are not blank, without the blanks behind them.
fn lines(bytes: &[u8]) -> Vec<&[u8]> {
    let lines = bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
    lines.filter(|line| !line.is_empty()).take(LINES + 2).collect()
}
