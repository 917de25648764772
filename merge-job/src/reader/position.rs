//! The place of the reader: moving ahead, and what lines and columns that makes.

use super::state::Returns;
use super::{Reading, is_blank};
use crate::record::Side;

impl<S: Side> Reading<'_, '_, S> {
    /// Moves to a place ahead, over the lines between.
    pub(super) fn go_to(&mut self, at: usize) -> bool {
        self.count_returns(at);
        let passed = self.text.get(self.at..at).unwrap_or_default();
        if let Some(last) = memchr::memrchr(b'\n', passed) {
            self.line += memchr::memchr_iter(b'\n', passed).count() as u64;
            self.begin_line(self.at + last + 1);
        }
        self.at = at;
        true
    }

    /// A line begins here, behind a line feed.
    pub(super) fn begin_line(&mut self, at: usize) {
        self.line_start = at;
        self.before = 0;
        self.inside_line = false;
        self.returns_end_rows = false;
        (self.returns, self.returned) = (Returns::Pass, 0);
    }

    /// Counts the bare carriage returns between here and a place ahead, where they count.
    pub(super) fn count_returns(&mut self, to: usize) {
        if self.returns != Returns::Count {
            return;
        }
        let passed = self.text.get(self.at..to).unwrap_or_default();
        let passed = memchr::memchr(b'\n', passed).map_or(passed, |length| &passed[..length]);
        for length in memchr::memchr_iter(b'\r', passed) {
            let behind = self.at + length + 1;
            if self.text.get(behind) != Some(&b'\n') {
                self.line += 1;
                self.returned = self.before + behind - self.line_start;
            }
        }
    }

    /// Before a place at the end of the text stands a carriage return that counts if no line feed follows.
    pub(super) fn may_be_half_a_line_end(&self, at: usize) -> bool {
        let does_matter = self.returns_end_rows || self.returns == Returns::Count;
        does_matter && !self.ended && at == self.text.len() && self.text.ends_with(b"\r")
    }

    /// Only blanks stand before the place in its line.
    pub(super) fn opens_line(&self) -> bool {
        !self.inside_line && is_blank(self.text.get(self.line_start..self.at).unwrap_or_default())
    }

    /// How far the place is from the begin of its line.
    pub(super) fn indent(&self) -> usize {
        self.before + self.at - self.line_start
    }

    /// Moves behind the line end at `end`, or to the end of the text.
    pub(super) fn pass_line(&mut self, end: usize) -> bool {
        self.count_returns(end);
        if end == self.text.len() {
            self.at = end;
            return true;
        }
        self.at = end + 1;
        self.line += 1;
        self.begin_line(self.at);
        true
    }

    /// A place by its distance from the begin of the line that is being read, counted from 1.
    pub(super) fn column(&self, at: usize) -> usize {
        self.before + at - self.line_start - self.returned + 1
    }
}
