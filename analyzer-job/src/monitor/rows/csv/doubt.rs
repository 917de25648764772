//! What becomes of the lines that a quoted field goes over, where the row that it makes is none.
//!
//! Either a quote is lost, or there is one too many, and the field took the rows behind it along; or these lines are text of
//! a row that is damaged elsewhere. What most of them are by themselves tells: rows are as wide as the other rows, and
//! their quotes work out.

use memchr::memchr2;
use plumbline_common::words::counted;

use crate::read::quotes;

/// A record that is no row, since a quoted field of it goes over line ends.
pub(super) struct Damage {
    /// A quoted field goes over a line end; else the row is too long.
    is_quoted: bool,
    /// Lines up to the one on which the field closes, if it does.
    closes: Option<u64>,
    /// The fields of the record, where only their number is wrong.
    pub(super) fields: Option<usize>,
    /// Lines that are lost, the first one included; blank ones do not count.
    pub(super) lost: u64,
}

impl Damage {
    pub(super) fn new(behind: &Behind, closes: bool, fields: Option<usize>, is_quoted: bool) -> Damage {
        Damage { is_quoted, closes: closes.then_some(behind.last), fields, lost: behind.lost }
    }

    /// The reason in words; `line`: that of the record.
    pub(super) fn told(&self, line: u64) -> String {
        let how = match self.closes {
            Some(lines) => format!("a quote opens a value up to line {} that makes no row", line + lines),
            None if self.is_quoted => "a quote does not end".into(),
            None => "a row does not end".into(),
        };
        match self.lost {
            1 => how,
            lost => format!("{how}; {} are lost", counted(lost, "line")),
        }
    }
}

/// The lines behind the first of a damaged record.
pub(super) struct Behind {
    /// Number of the line on which the record ends, from 0 for its first.
    last: u64,
    /// Lines that are lost, the first one included; blank ones do not count.
    lost: u64,
    /// Bytes and line ends up to where reading goes on.
    pub(super) bytes: usize,
    pub(super) breaks: u64,
    /// The rest of the record, which may be as wide as a row, is not among the lost lines.
    pub(super) lacks_rest: bool,
}

impl Behind {
    /// `width`: fields of a row; 0 when that is not known, and the first line that may be a row tells. `in_first`: the first
    /// field of the record goes over line ends, so that its rest may be as wide as a row. `closes`: the field closes.
    pub(super) fn of(record: &[u8], terminator: u8, width: usize, in_first: bool, closes: bool) -> Behind {
        let lines = || record.split_inclusive(|byte| *byte == terminator);
        let last = lines().count() - 1;
        // Where a quoted field begins on the last line, its quote closes nothing.
        let next = closes && last > 0 && lines().next_back().is_some_and(|line| alone(line) == Alone::Open);
        let lines = || lines().take(last + usize::from(!next));
        let behind = || lines().skip(1).filter(|line| !is_blank(line)).map(alone);
        let width = match width {
            0 => behind().find_map(Alone::fields).unwrap_or(0),
            width => width,
        };
        let is_row = |line: Alone| line.fields() == Some(width);
        let are_rows = next || 2 * behind().filter(|line| is_row(*line)).count() > behind().count();
        let mut gone =
            Behind { last: last as u64, lost: 0, bytes: 0, breaks: 0, lacks_rest: are_rows && in_first };
        for line in lines() {
            let is_first = gone.breaks == 0;
            gone.bytes += line.len();
            gone.breaks += 1;
            gone.lost += u64::from(is_first || !is_blank(line));
            gone.lacks_rest &= is_first || !is_row(alone(line));
            if are_rows && !gone.lacks_rest {
                break;
            }
        }
        gone
    }
}

/// The lines inside of a row's quotes that are as wide as a row, where these are all of three or more. Such a row is right as
/// it stands, and nothing tells whether two lost quotes made it.
pub(super) fn likely_rows(record: &[u8], terminator: u8, width: usize) -> Option<u64> {
    let lines = record.split_inclusive(|byte| *byte == terminator);
    let inner = lines.clone().count().checked_sub(2).filter(|inner| *inner >= 3 && width > 1)?;
    let are_rows = lines.skip(1).take(inner).all(|line| alone(line).fields() == Some(width));
    are_rows.then_some(inner as u64)
}

/// A line as a row by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Alone {
    /// Its quotes work out, and it has so many fields.
    Fields(usize),
    /// A quoted field begins and does not end.
    Open,
    /// A quote stands in a field without quotes, or text behind a closing quote.
    Stray,
}

impl Alone {
    fn fields(self) -> Option<usize> {
        match self {
            Alone::Fields(fields) => Some(fields),
            Alone::Open | Alone::Stray => None,
        }
    }
}

fn alone(line: &[u8]) -> Alone {
    let line = without_end(line);
    let (mut at, mut fields) = (0, 1);
    loop {
        if line.get(at) == Some(&b'"') {
            let Some(closed) = quotes::closing(line, at + 1) else { return Alone::Open };
            at = quotes::behind_blanks(line, closed);
        } else {
            at += memchr2(b',', b'"', &line[at..]).unwrap_or(line.len() - at);
        }
        match line.get(at) {
            None => return Alone::Fields(fields),
            Some(b',') => (at, fields) = (at + 1, fields + 1),
            Some(_) => return Alone::Stray,
        }
    }
}

fn is_blank(line: &[u8]) -> bool {
    without_end(line).is_empty()
}

fn without_end(line: &[u8]) -> &[u8] {
    let end = line.iter().rposition(|byte| !matches!(byte, b'\n' | b'\r')).map_or(0, |last| last + 1);
    &line[..end]
}
