//! Damage: where the value that cannot be read ends, and where reading goes on.

use super::Reading;
use super::batch::RowHere;
use super::state::Skipping;
use crate::json::{Cursor, Malformed};
use crate::record::{self, Bad, Side};

/// Where the brackets of a damaged value lead.
enum Brackets {
    Close(usize),
    /// A line begins here that may be the next record.
    NextRecord(usize),
    /// A line ends inside a string.
    LineEnd(usize),
    /// The text ends inside of what may be a row; it begins here.
    Unsure(usize),
    /// The text ends.
    Open,
}

/// What a look for a record ahead gives.
enum NextRecord {
    At(usize),
    None,
    /// The text ends inside of what may be one; it begins here.
    Unsure(usize),
}

impl<S: Side> Reading<'_, '_, S> {
    /// A line that begins between here and `end` and is a whole record by itself.
    pub(super) fn record_line_inside(&mut self, end: usize) -> Option<usize> {
        let mut from = self.at;
        loop {
            let rest = self.text.get(from..end)?;
            from += memchr::memchr(b'\n', rest)? + 1;
            let line = self.text.get(from..end)?;
            let blank = line.len() - line.trim_ascii_start().len();
            if blank < line.len() && self.is_record_line(from + blank) {
                return Some(from + blank);
            }
        }
    }

    /// An object that makes a record begins here and ends in the same line.
    fn is_record_line(&mut self, start: usize) -> bool {
        let rest = self.text.get(start..).unwrap_or_default();
        let begins = rest.strip_prefix(b"{").is_some_and(|rest| {
            let inside = rest.iter().find(|byte| !matches!(byte, b' ' | b'\t'));
            inside == Some(&b'"')
        });
        let line = match memchr::memchr(b'\n', rest) {
            Some(length) => start + length,
            None => self.text.len(),
        };
        let mut cursor =
            Cursor::new(self.text.get(..line).unwrap_or_default(), start, &mut self.workspace.open);
        begins && record::object(&mut cursor).is_ok_and(|object| object.is_record())
    }

    /// Counts the value that begins here as damaged and moves to where reading goes on; false when that cannot be
    /// said yet.
    pub(super) fn pass_damage(&mut self, bad: Bad) -> bool {
        let indent = self.indent();
        let mut brackets = match bad {
            Bad::TooLong => Brackets::LineEnd(self.at),
            _ => self.brackets(indent),
        };
        let mut limit = match brackets {
            Brackets::Close(at) | Brackets::NextRecord(at) | Brackets::LineEnd(at) | Brackets::Unsure(at) => {
                at
            }
            Brackets::Open => self.text.len(),
        };
        if limit - self.at > self.longest {
            // What lies so far away is not looked for, so that memory need not hold it.
            (brackets, limit) = (Brackets::LineEnd(self.at), self.at);
        }
        let ahead = self.record_ahead(self.at + 1, limit);
        match (ahead, brackets) {
            (NextRecord::At(at), _) => {
                self.bad(bad);
                self.go_to(at)
            }
            (NextRecord::Unsure(_), _) | (_, Brackets::Open | Brackets::Unsure(_)) if !self.ended => false,
            (_, Brackets::Close(at)) => {
                let Some(is_of_row) = self.is_of_row(at) else { return false };
                self.skipping = is_of_row.then_some(Skipping::Line);
                self.bad(bad);
                self.go_to(at)
            }
            (_, Brackets::NextRecord(at)) => {
                self.bad(bad);
                self.go_to(at)
            }
            (_, Brackets::LineEnd(at)) => {
                self.bad(bad);
                self.skipping = Some(Skipping::Lines { indent });
                self.go_to(at.max(self.at + 1))
            }
            (_, Brackets::Open | Brackets::Unsure(_)) => {
                self.bad(bad);
                self.go_to(self.text.len())
            }
        }
    }

    /// Follows the brackets of the damaged value that begins here, strings left out.
    fn brackets(&mut self, indent: usize) -> Brackets {
        let (mut at, mut depth) = (self.at, 0usize);
        while let Some(&byte) = self.text.get(at) {
            match byte {
                b'{' | b'[' => depth += 1,
                b'}' | b']' => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        return Brackets::Close(at + 1);
                    }
                }
                b'"' => match self.string_end(at + 1) {
                    Brackets::Close(end) => at = end - 1,
                    other => return other,
                },
                b'\n' => {
                    let line = self.text.get(at + 1..).unwrap_or_default();
                    let blank = line.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r')).count();
                    match line.get(blank) {
                        None if !self.ended => return Brackets::Open,
                        Some(b'{') if blank <= indent || self.is_record_line(at + 1 + blank) => {
                            return Brackets::NextRecord(at + 1 + blank);
                        }
                        _ if blank <= indent => match self.row_here(at + 1) {
                            RowHere::Whole(_) | RowHere::Broken => return Brackets::NextRecord(at + 1),
                            RowHere::Unsure => return Brackets::Unsure(at + 1),
                            RowHere::None => at += blank,
                        },
                        _ => at += blank,
                    }
                }
                _ => {}
            }
            at += 1;
        }
        Brackets::Open
    }

    /// Behind the quote that ends a string, or the line end that does.
    fn string_end(&self, mut at: usize) -> Brackets {
        loop {
            let rest = self.text.get(at..).unwrap_or_default();
            let Some(length) = memchr::memchr3(b'"', b'\\', b'\n', rest) else { return Brackets::Open };
            at += length;
            match (self.text.get(at), self.text.get(at + 1)) {
                (Some(b'"'), _) => return Brackets::Close(at + 1),
                (Some(b'\n'), _) => return Brackets::LineEnd(at),
                (_, Some(b'\n')) => return Brackets::LineEnd(at + 1),
                _ => at += 2,
            }
        }
    }

    /// Looks for a record that begins between two places, by the name of its first member.
    fn record_ahead(&mut self, from: usize, to: usize) -> NextRecord {
        const FIRST: [&str; 6] = [
            "\"captureData\"",
            "\"eventMetadata\"",
            "\"groundTruthData\"",
            "\"eventVersion\"",
            "\"SageMakerInferenceId\"",
            "\"SageMakerInferenceTime\"",
        ];
        // Records that begin and do not end could take the square of the text's length.
        let mut effort = 8 * (to.saturating_sub(from)) + (1 << 20);
        let mut from = from;
        while let Some(length) = self.text.get(from..to).and_then(|rest| memchr::memchr(b'{', rest)) {
            let at = from + length;
            from = at + 1;
            let behind = self.text.get(from..).unwrap_or_default();
            let blank = behind.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            let name = behind.get(blank..).unwrap_or_default();
            if !self.ended && FIRST.iter().any(|first| first.as_bytes().starts_with(name)) {
                return NextRecord::Unsure(at);
            }
            if !FIRST.iter().any(|first| name.starts_with(first.as_bytes())) {
                continue;
            }
            let mut cursor = Cursor::new(self.text, at, &mut self.workspace.open);
            let is_record = record::object(&mut cursor).map(|object| object.is_record());
            let end = match is_record {
                Ok(_) => cursor.at(),
                Err(Malformed { at }) => at,
            };
            // One that is longer than any record may be is for the caller to count.
            if is_record == Ok(true) || is_record.is_err() && end - at > self.longest {
                return NextRecord::At(at);
            }
            if is_record.is_err() && end >= self.text.len() && !self.ended {
                return NextRecord::Unsure(at);
            }
            if end - at > effort {
                return NextRecord::None;
            }
            effort -= end - at;
        }
        NextRecord::None
    }

    /// Damage was counted: passes what is left of its line or lines, or moves to a record in them.
    pub(super) fn skip(&mut self, skipping: Skipping) -> bool {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let end = match skipping {
            Skipping::Line => self.line_end(self.at),
            Skipping::Lines { .. } => memchr::memchr(b'\n', rest).map(|length| self.at + length),
        };
        if let Skipping::Lines { indent } = skipping
            && let Some(progress) = self.next_line(indent, end)
        {
            return progress;
        }
        match (self.record_ahead(self.at, end.unwrap_or(self.text.len())), end) {
            (NextRecord::At(at), _) => {
                self.skipping = None;
                self.go_to(at)
            }
            (NextRecord::Unsure(at), _) => {
                self.go_to(at);
                false
            }
            (NextRecord::None, Some(end)) if skipping == Skipping::Line => {
                self.skipping = None;
                self.go_to(end)
            }
            (NextRecord::None, Some(end)) => self.go_to(end + 1),
            (NextRecord::None, None) => {
                let is_half = self.may_be_half_a_line_end(self.text.len());
                self.go_to(self.text.len() - usize::from(is_half));
                false
            }
        }
    }

    /// Behind damaged lines: whether the next one, which ends at `end`, is where reading goes on. None when it is not; false
    /// when that cannot be said yet.
    fn next_line(&mut self, indent: usize, end: Option<usize>) -> Option<bool> {
        let line = self.text.get(self.at..end.unwrap_or(self.text.len())).unwrap_or_default();
        let blank = line.len() - line.trim_ascii_start().len();
        let first = self.at + blank;
        if self.opens_line() && self.text.get(first) == Some(&b'{') {
            let is_deep = self.before + first - self.line_start > indent;
            if !is_deep || self.is_record_line(first) {
                self.skipping = None;
                return Some(self.go_to(first));
            }
            if end.is_none() && !self.ended && self.text.len() - self.at <= self.longest {
                return Some(false);
            }
        }
        if self.at == self.line_start && self.before == 0 && blank <= indent {
            match self.row_here(self.at) {
                RowHere::Whole(_) | RowHere::Broken => {
                    self.skipping = None;
                    return Some(true);
                }
                RowHere::Unsure => return Some(false),
                RowHere::None => {}
            }
        }
        None
    }
}
