//! The records of a file of captures or objects. A file is a row of JSON values: a record a line, several on a line, lists of
//! them, values printed over many lines, and mixtures. No form of a file is guessed.
//!
//! What cannot be used is told as one bad record, with the line it begins on, and reading goes on behind it.

use plumbline_common::input::{LONGEST_RECORD, Lines};
use plumbline_common::{Result, codes};

/// What stands in a file.
pub(crate) enum Piece<'a> {
    /// A line that is a record if it can be read as one; else it is looked at more closely. Without a key that each record has,
    /// it may also begin with the bracket of a list.
    Line(&'a [u8]),
    /// An object. When it cannot be read as a record, it is a bad one.
    Object(&'a [u8]),
    Bad(&'static str),
}

/// What a piece was taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    /// A record, used or counted.
    Record,
    /// No record: not counted for a `Line`, counted for an `Object`.
    NoRecord,
    /// No more is wanted.
    Enough,
}

/// A value over several lines, up to where it was read.
struct Open {
    text: Vec<u8>,
    line: u64,
    /// The last line of the text.
    last: u64,
    depth: Depth,
}

/// The deepest JSON that `serde_json` reads.
const DEEPEST: usize = 128;

const ENDLESS: &str = "a JSON value that does not end";

const TOO_LONG: &str = "a line that is longer than a record may be (256 MiB)";

/// Takes what a piece was found to be; see `read`.
pub(crate) type Take<'a> = &'a mut dyn FnMut(u64, Piece<'_>) -> Result<Taken>;

/// Gives every piece of a file to `take`, with its line from 1; `Taken::Enough` when `take` said so. `key`: a key that
/// each record has and nothing inside of one, by which records are found behind damage on the same line.
///
/// # Errors
/// Reading failed; what `take` fails on.
pub(crate) fn read(lines: &mut Lines, key: Option<&str>, take: Take<'_>) -> Result<Taken> {
    let mut records = Records::new(key);
    loop {
        let taken = match lines.next_line() {
            Ok(Some((line, text))) => records.line(line, text, take)?,
            Ok(None) => return records.end(take),
            Err(problem) if std::ptr::eq(problem.code(), &codes::BAD_RECORD) => {
                records.too_long(problem.place().line.unwrap_or(1), take)?
            }
            Err(problem) => return Err(problem),
        };
        if taken == Taken::Enough {
            return Ok(taken);
        }
    }
}

/// What is read line after line, as `read` does.
#[derive(Default)]
pub(crate) struct Records<'k> {
    key: Option<&'k str>,
    open: Option<Open>,
}

impl<'k> Records<'k> {
    pub(crate) fn new(key: Option<&'k str>) -> Records<'k> {
        Records { key, open: None }
    }

    /// Whether no value goes on with the next line: what follows does not depend on what came before.
    pub(crate) fn is_between(&self) -> bool {
        self.open.is_none()
    }

    /// The next line that is not blank, without its line end.
    pub(crate) fn line(&mut self, line: u64, text: &[u8], take: Take<'_>) -> Result<Taken> {
        if let Some(mut value) = self.open.take() {
            // A record by itself stands where a value has not ended: the value is damaged.
            let taken = if text.starts_with(b"{") {
                take(line, Piece::Line(element(text)))?
            } else {
                Taken::NoRecord
            };
            match taken {
                Taken::Enough => return Ok(taken),
                Taken::Record => return self.endless(&value, take),
                Taken::NoRecord => {}
            }
            // Blank lines are passed over, and count.
            let ends = (line - value.last).min(LONGEST_RECORD as u64) as usize;
            value.text.resize(value.text.len() + ends, b'\n');
            value.text.extend_from_slice(text);
            value.last = line;
            let ended = value.depth.pass(text).is_some();
            if !ended && value.text.len() < LONGEST_RECORD {
                self.open = Some(value);
                return Ok(taken);
            }
            return pieces(&value.text, value.line, self.key, take, &mut self.open);
        }
        let whole = text.trim_ascii_start();
        let may_be_record = whole.starts_with(b"{") || self.key.is_none() && whole.starts_with(b"[");
        let taken = if may_be_record { take(line, Piece::Line(whole))? } else { Taken::NoRecord };
        match taken {
            Taken::NoRecord => pieces(whole, line, self.key, take, &mut self.open),
            taken => Ok(taken),
        }
    }

    /// A line that is too long stands here.
    pub(crate) fn too_long(&mut self, line: u64, take: Take<'_>) -> Result<Taken> {
        self.open = None;
        take(line, Piece::Bad(TOO_LONG))
    }

    /// The file ends.
    pub(crate) fn end(&mut self, take: Take<'_>) -> Result<Taken> {
        match self.open.take() {
            Some(value) => self.endless(&value, take),
            None => Ok(Taken::Record),
        }
    }

    /// A value that does not end. Lists that fill a line, where they may be records, are not lost to it.
    fn endless(&self, value: &Open, take: Take<'_>) -> Result<Taken> {
        let mut taken = take(value.line, Piece::Bad(ENDLESS))?;
        if self.key.is_some() {
            return Ok(taken);
        }
        let behind = (value.line..).zip(value.text.split(|byte| *byte == b'\n')).skip(1);
        for (line, text) in behind.filter(|(_, text)| text.starts_with(b"[")) {
            if taken == Taken::Enough {
                break;
            }
            taken = take(line, Piece::Line(text.trim_ascii_end()))?;
        }
        Ok(taken)
    }
}

/// The pieces of a text that is no record by itself. Blanks, commas and square brackets pass.
fn pieces(
    text: &[u8],
    line: u64,
    key: Option<&str>,
    take: Take<'_>,
    open: &mut Option<Open>,
) -> Result<Taken> {
    let mut at = 0;
    // Counted as bad up to here, so that the next damage is the same one.
    let mut damaged = false;
    let line_of = |at: usize| line + memchr::memchr_iter(b'\n', &text[..at]).count() as u64;
    while let Some(&byte) = text.get(at) {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' | b',' | b'[' | b']' => {
                at += 1;
                continue;
            }
            b'{' => {}
            _ => {
                if !damaged && take(line_of(at), Piece::Bad("not a JSON object"))? == Taken::Enough {
                    return Ok(Taken::Enough);
                }
                damaged = true;
                match next_record(text, key, at + 1) {
                    Some(next) => at = next,
                    None => break,
                }
                continue;
            }
        }
        let mut depth = Depth::default();
        let Some(length) = depth.pass(&text[at..]) else {
            match next_record(text, key, at + 1) {
                Some(next) => {
                    if take(line_of(at), Piece::Bad(ENDLESS))? == Taken::Enough {
                        return Ok(Taken::Enough);
                    }
                    at = next;
                    continue;
                }
                // It may go on with the next line; what has no record in it and was damaged before does not.
                None if !damaged && text.len() - at >= LONGEST_RECORD => {
                    return take(line_of(at), Piece::Bad(ENDLESS));
                }
                None if !damaged => {
                    let last = line_of(text.len());
                    *open = Some(Open { text: text[at..].to_vec(), line: line_of(at), last, depth });
                }
                None => {}
            }
            break;
        };
        let taken = take(line_of(at), Piece::Object(&text[at..at + length]))?;
        match taken {
            Taken::Enough => return Ok(taken),
            Taken::Record => {
                damaged = false;
                at += length;
            }
            // A lost quote may have taken the next records along.
            Taken::NoRecord => {
                damaged = true;
                at = next_record(text, key, at + 1).filter(|next| *next < at + length).unwrap_or(at + length);
            }
        }
    }
    Ok(Taken::Record)
}

/// A line without what follows a record in a list.
fn element(line: &[u8]) -> &[u8] {
    let mut end = line;
    while let [rest @ .., b',' | b']' | b' ' | b'\t' | b'\r'] = end {
        end = rest;
    }
    end
}

/// Where the next object begins that stands in a list or by itself and closes, with the key of a record. Deeper
/// brackets than JSON is read with end the look at a place, so that the time stays in proportion to the text.
fn next_record(text: &[u8], key: Option<&str>, from: usize) -> Option<usize> {
    let key = format!("{}\"", key?);
    memchr::memchr_iter(b'{', text.get(from..)?).map(|at| from + at).find(|&at| {
        let before = text[..at].trim_ascii_end().last();
        let Some(length) = Depth::default().pass_within(&text[at..], DEEPEST) else { return false };
        let object = &text[at..at + length];
        !matches!(before, Some(b':'))
            && memchr::memmem::find(object, key.as_bytes()).is_some()
            && serde_json::from_slice::<serde::de::IgnoredAny>(object).is_ok()
    })
}

/// How deep in brackets a text stands.
#[derive(Debug, Clone, Copy, Default)]
struct Depth {
    brackets: usize,
    in_string: bool,
    escaped: bool,
}

impl Depth {
    /// Passes over a text; the length up to the bracket that closes the first one.
    fn pass(&mut self, text: &[u8]) -> Option<usize> {
        self.pass_within(text, usize::MAX)
    }

    /// The same, which ends at deeper brackets than `deepest`.
    fn pass_within(&mut self, text: &[u8], deepest: usize) -> Option<usize> {
        (self.in_string, self.escaped) = (false, false);
        for (at, byte) in text.iter().enumerate() {
            match byte {
                // A line end is no part of a string: one that is open here has lost its closing quote.
                b'\n' => (self.in_string, self.escaped) = (false, false),
                _ if self.escaped => self.escaped = false,
                b'\\' if self.in_string => self.escaped = true,
                b'"' => self.in_string = !self.in_string,
                _ if self.in_string => {}
                b'{' | b'[' => {
                    self.brackets += 1;
                    if self.brackets > deepest {
                        return None;
                    }
                }
                b'}' | b']' => {
                    self.brackets = self.brackets.saturating_sub(1);
                    if self.brackets == 0 {
                        return Some(at + 1);
                    }
                }
                _ => {}
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use proptest::prelude::*;
    use serde_json::{Value as Json, json};

    use super::*;

    /// Numbers of the records in a text, and the lines of what is none.
    fn found(text: &str) -> (Vec<i64>, Vec<u64>) {
        found_within(text, LONGEST_RECORD)
    }

    fn found_within(text: &str, longest: usize) -> (Vec<i64>, Vec<u64>) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let (mut records, mut bad) = (Vec::new(), Vec::new());
        let mut lines = Lines::open_within(file.path(), longest).unwrap();
        let taken = read(&mut lines, Some("captureData"), &mut |line, piece| {
            let (text, counts) = match piece {
                Piece::Line(text) => (text, false),
                Piece::Object(text) => (text, true),
                Piece::Bad(_) => {
                    bad.push(line);
                    return Ok(Taken::NoRecord);
                }
            };
            match serde_json::from_slice::<Json>(text) {
                Ok(record) => {
                    records.push(record["captureData"].as_i64().unwrap_or(-1));
                    Ok(Taken::Record)
                }
                Err(_) => {
                    if counts {
                        bad.push(line);
                    }
                    Ok(Taken::NoRecord)
                }
            }
        });
        assert!(taken.is_ok());
        (records, bad)
    }

    fn record(number: i64) -> Json {
        json!({"captureData": number, "more": [{"a": "} ] \" {"}, []]})
    }

    #[test]
    fn every_way_to_write_records_gives_the_same() {
        let all: Vec<Json> = (0..5).map(record).collect();
        let join = |between: &str| all.iter().map(Json::to_string).collect::<Vec<_>>().join(between);
        let pretty = |between: &str| {
            all.iter().map(|one| serde_json::to_string_pretty(one).unwrap()).collect::<Vec<_>>().join(between)
        };
        for text in [
            join("\n"),
            join("\r\n\n") + "\n",
            join(" "),
            join(""),
            format!("[{}]", join(",")),
            format!("[\n{}\n]", join(",\n")),
            format!("[{}]\n[{}]", all[0], all[1..].iter().map(Json::to_string).collect::<Vec<_>>().join(",")),
            serde_json::to_string_pretty(&all).unwrap(),
            pretty("\n"),
            pretty(""),
            format!("\u{feff}{}", join("\n")),
        ] {
            assert_eq!(found(&text), ((0..5).collect(), vec![]), "{text}");
        }
    }

    #[test]
    fn a_line_that_is_too_long_costs_itself() {
        let long = "x".repeat(200);
        for at in 0..4 {
            for long in [long.clone(), format!("{{\"captureData\": \"{long}\"}}")] {
                let mut lines: Vec<String> = (0..3).map(|number| record(number).to_string()).collect();
                lines.insert(at, long);
                assert_eq!(found_within(&lines.join("\n"), 150), ((0..3).collect(), vec![at as u64 + 1]));
            }
        }
    }

    #[test]
    fn the_time_for_damage_is_in_proportion_to_it() {
        // Each bracket may begin a record: were each looked at to the end, this would take an hour.
        for opening in ["{", "{\"", "[{", "{\"a\":", "{\"a\":[{}],"] {
            let damage = opening.repeat(60_000);
            let text = format!("{damage}\n{}\n{damage}", record(7));
            assert_eq!(found(&text), (vec![7], vec![1, 3]), "{opening}");
        }
    }

    #[test]
    fn damage_costs_itself_and_is_named_by_its_line() {
        let lines = |texts: &[&str]| texts.join("\n");
        let one = record(1).to_string();
        let two = record(2).to_string();
        let cut = &one[..one.len() - 7];
        for (text, records, bad) in [
            (lines(&["# a remark", &one, &two]), &[1, 2][..], &[1][..]),
            (lines(&[&one, cut, &two]), &[1, 2], &[2]),
            (lines(&[cut, cut, &two]), &[2], &[1]),
            (lines(&[&one, &two, cut]), &[1, 2], &[3]),
            (lines(&["a", "b", "c"]), &[], &[1, 2, 3]),
            (format!("[{one},{{\"captureData\": oops}},{two}]"), &[1, 2], &[1]),
            (format!("[\n{one},\n{{\"captureData\": oops}},\n{two}\n]"), &[1, 2], &[3]),
            (format!("[{one},{{\"captureData: 3}},{two}]"), &[1, 2], &[1]),
            (format!("{one} and {two}"), &[1, 2], &[1]),
            (format!("{one}{{{two}"), &[1, 2], &[1]),
        ] {
            assert_eq!(found(&text), (records.to_vec(), bad.to_vec()), "{text}");
        }
    }

    proptest! {
        /// Whatever stands on one line, the records of the other lines are read.
        #[test]
        fn a_damaged_line_costs_no_other(
            before in 0i64..4,
            after in 1i64..4,
            cut in 0usize..80,
            put in "[\\[\\]{}\",:\\\\ a]{0,3}",
        ) {
            let mut damaged = record(-99).to_string();
            let at = (0..=cut.min(damaged.len())).rev().find(|&at| damaged.is_char_boundary(at)).unwrap_or(0);
            damaged.replace_range(at.., &put);
            let texts = (0..before).map(|n| record(n).to_string());
            let rest = (before..before + after).map(|n| record(n).to_string());
            let text = texts.chain([damaged.clone()]).chain(rest).collect::<Vec<_>>().join("\n");
            let (records, bad) = found(&text);
            let others: Vec<i64> = records.iter().copied().filter(|number| (0..90).contains(number)).collect();
            prop_assert_eq!(others, (0..before + after).collect::<Vec<_>>(), "{}", text);
            prop_assert!(bad.iter().all(|line| *line == before as u64 + 1), "{:?} in {}", bad, text);
        }
    }
}
