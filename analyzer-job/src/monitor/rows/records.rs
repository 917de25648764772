//! Records in files of JSON values: one a line, several a line, over many lines, or as elements of lists. All
//! forms are one: a record is what begins with `{` and ends with its `}`; brackets, commas and blanks between
//! records pass. A damaged place is one bad record, and reading goes on at the next line that begins with `{`.

use std::io::Read;
use std::path::Path;

use jiff::Timestamp;
use jiff::civil;
use jiff::tz::TimeZone;
use memchr::{memchr, memchr3};
use plumbline_common::input::{self, InputFile};
use plumbline_common::record::Record;
use plumbline_common::{Problem, Result};

/// What reading files of records comes upon.
#[derive(Debug)]
pub enum Piece<'a> {
    /// An object; it may still be no JSON inside.
    Record { file: &'a Path, line: u64, text: &'a str },
    /// A place where no record can be told, with the line it begins on.
    Damage { file: &'a Path, line: u64, reason: &'static str },
    /// So many bytes more of the files are done.
    Bytes(u64),
}

const READ: usize = 1 << 18;

/// No record is longer; a file of another kind is not read into memory whole.
const LONGEST: usize = 256 << 20;

/// Calls `take` for each piece until it gives false.
///
/// # Errors
/// A file that cannot be read; whatever `take` fails with.
pub fn pieces(files: &[InputFile], mut take: impl FnMut(Piece<'_>) -> Result<bool>) -> Result<()> {
    for file in files {
        if !pieces_of(file, &mut take)? {
            break;
        }
    }
    Ok(())
}

fn pieces_of(file: &InputFile, take: &mut impl FnMut(Piece<'_>) -> Result<bool>) -> Result<bool> {
    let name = file.relative.as_path();
    let mut reader = input::open(&file.path)?;
    let mut buffer: Vec<u8> = Vec::with_capacity(2 * READ);
    let (mut line, mut at_end, mut start) = (1, false, true);
    let mut scan = Scan::default();
    while !at_end {
        let before = buffer.len();
        let read = reader
            .by_ref()
            .take(READ as u64)
            .read_to_end(&mut buffer)
            .map_err(|error| Problem::io("read the input", &file.path, error).line(line))?;
        at_end = read < READ;
        if std::mem::take(&mut start) && buffer.starts_with(b"\xef\xbb\xbf") {
            buffer.drain(..3);
        }
        debug_assert!(before <= buffer.len());
        let mut at = 0;
        loop {
            match scan.next(&buffer, at, at_end) {
                Next::Record(from, to) => {
                    line += breaks(&buffer[at..from]);
                    let piece = match std::str::from_utf8(&buffer[from..to]) {
                        Ok(text) => Piece::Record { file: name, line, text },
                        Err(_) => Piece::Damage { file: name, line, reason: "not UTF-8 text" },
                    };
                    if !take(piece)? {
                        return Ok(false);
                    }
                    line += breaks(&buffer[from..to]);
                    at = to;
                }
                Next::Damage(from, to, reason) => {
                    line += breaks(&buffer[at..from]);
                    if !take(Piece::Damage { file: name, line, reason })? {
                        return Ok(false);
                    }
                    line += breaks(&buffer[from..to]);
                    at = to;
                }
                Next::More(from) => {
                    line += breaks(&buffer[at..from]);
                    at = from;
                    break;
                }
            }
        }
        if !take(Piece::Bytes((at as u64).min(file.bytes)))? {
            return Ok(false);
        }
        buffer.drain(..at);
        if buffer.len() > LONGEST {
            take(Piece::Damage { file: name, line, reason: "a record does not end" })?;
            return Ok(true);
        }
    }
    Ok(true)
}

fn breaks(text: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', text).count() as u64
}

enum Next {
    /// From its `{` to behind its `}`.
    Record(usize, usize),
    Damage(usize, usize, &'static str),
    /// Nothing more up to here; what stands behind is the beginning of something.
    More(usize),
}

/// How far the record at the beginning of the buffer was looked at, so that a long one is looked at once.
#[derive(Default)]
struct Scan {
    seen: usize,
    depth: usize,
    in_string: bool,
}

impl Scan {
    fn next(&mut self, text: &[u8], at: usize, at_end: bool) -> Next {
        let from = match text[at..].iter().position(|byte| !b" \t\r\n,[]".contains(byte)) {
            Some(blanks) => at + blanks,
            None => return Next::More(text.len()),
        };
        if text[from] != b'{' {
            // A line that is no record; a list of something else counts line by line too.
            return match memchr(b'\n', &text[from..]) {
                Some(end) => Next::Damage(from, from + end, "no JSON object"),
                None if at_end => Next::Damage(from, text.len(), "no JSON object"),
                None => Next::More(from),
            };
        }
        self.record(text, from, at_end)
    }

    fn record(&mut self, text: &[u8], from: usize, at_end: bool) -> Next {
        let mut at = from + self.seen;
        loop {
            if self.in_string {
                match memchr3(b'"', b'\\', b'\n', &text[at..]).map(|found| at + found) {
                    None => at = text.len(),
                    Some(found) => match text[found] {
                        b'"' => {
                            self.in_string = false;
                            at = found + 1;
                        }
                        b'\\' if found + 1 < text.len() => at = found + 2,
                        b'\\' => {
                            self.seen = found - from;
                            return self.short(text, from, at_end);
                        }
                        _ => return self.damage(text, from, found, "a text does not end on its line"),
                    },
                }
            } else {
                match text[at..].iter().position(|byte| matches!(byte, b'"' | b'{' | b'}' | b'\n')) {
                    None => at = text.len(),
                    Some(found) => {
                        let found = at + found;
                        at = found + 1;
                        match text[found] {
                            b'"' => self.in_string = true,
                            b'{' => self.depth += 1,
                            b'}' => {
                                self.depth -= 1;
                                if self.depth == 0 {
                                    *self = Scan::default();
                                    return Next::Record(from, at);
                                }
                            }
                            // A record cannot begin here unless something stands open for it.
                            _ if text.get(at) == Some(&b'{') && !opens(&text[from..found]) => {
                                return self.damage(text, from, found, "a record is cut off");
                            }
                            _ => {}
                        }
                    }
                }
            }
            if at >= text.len() {
                self.seen = text.len() - from;
                return self.short(text, from, at_end);
            }
        }
    }

    fn short(&mut self, text: &[u8], from: usize, at_end: bool) -> Next {
        if !at_end {
            return Next::More(from);
        }
        // The file ends within a record: whatever else stands in its lines is looked at again.
        let first_line = memchr(b'\n', &text[from..]).map_or(text.len(), |end| from + end);
        self.damage(text, from, first_line, "a record is cut off")
    }

    /// Reading goes on at the next line that begins with `{`.
    fn damage(&mut self, text: &[u8], from: usize, line_end: usize, reason: &'static str) -> Next {
        *self = Scan::default();
        let mut at = line_end;
        while let Some(end) = memchr(b'\n', &text[at..]).map(|end| at + end) {
            at = end + 1;
            if text.get(at).is_none_or(|&byte| byte == b'{') {
                break;
            }
        }
        Next::Damage(from, if at == line_end { text.len() } else { at }, reason)
    }
}

/// Whether a value may follow: behind a colon, a comma or an opening bracket.
fn opens(text: &[u8]) -> bool {
    matches!(text.trim_ascii_end().last(), Some(b':' | b',' | b'['))
}

/// Reads captured records of a window. `take` gives the reason when a record cannot be used; the text is that
/// of the record.
///
/// # Errors
/// Why the record cannot be used.
pub fn parse(text: &str) -> std::result::Result<Record<'_>, String> {
    serde_json::from_str(text).map_err(|error| format!("not a captured record: {error}"))
}

/// Whether a record's inference time lies in the window; one without a time does.
///
/// # Errors
/// The time is none.
pub fn in_window(
    record: &Record<'_>,
    window: Option<(Timestamp, Timestamp)>,
) -> std::result::Result<bool, String> {
    let Some((start, end)) = window else { return Ok(true) };
    let time = record.event_metadata.as_ref().and_then(|metadata| metadata.inference_time.as_deref());
    let Some(text) = time else { return Ok(true) };
    let time = text.parse::<Timestamp>().ok().or_else(|| {
        let utc = text.parse::<civil::DateTime>().ok()?.to_zoned(TimeZone::UTC).ok()?;
        Some(utc.timestamp())
    });
    let time = time.ok_or_else(|| format!("`inferenceTime` is no time: `{text}`"))?;
    Ok(start <= time && time < end)
}
