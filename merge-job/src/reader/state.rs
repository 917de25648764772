//! Where the reader stands between two pieces of a file.

use super::doubt::Doubt;

/// Where the reader stands between two pieces of a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct State {
    pub(super) skipping: Option<Skipping>,
    /// Bytes of the current line that were passed.
    pub(super) column: usize,
    /// Not all of them are blank.
    pub(super) inside_line: bool,
    pub(super) doubt: Doubt,
    /// Bare carriage returns end the rows of the current line.
    pub(super) returns_end_rows: bool,
    pub(super) returns: Returns,
    /// Bytes of the current line up to the last bare carriage return that counted.
    pub(super) returned: usize,
}

/// Whether bare carriage returns between and in JSON values count as line ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Returns {
    /// The file had nothing but blanks so far.
    #[default]
    Unknown,
    Count,
    /// The file had a line feed, or begins with something else than JSON.
    Pass,
}

/// Damage was counted and is being passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Skipping {
    /// Up to the next record, or the end of the line.
    Line,
    /// Up to the next record, or a line that begins with `{` and is indented no more than this.
    Lines { indent: usize },
}

impl State {
    /// The state in which a part of a file is probably read: at its start, or behind a line that was ended by a line feed.
    pub(crate) fn probable(is_start: bool) -> State {
        State { returns: if is_start { Returns::Unknown } else { Returns::Pass }, ..State::default() }
    }

    /// Whether a text reads from here as it does in the probable state.
    pub(crate) fn is_probable(&self, is_start: bool, text: &[u8]) -> bool {
        let probable = State::probable(is_start);
        let open_for_object = self.column == 0
            && !self.returns_end_rows
            && self.returns == probable.returns
            && !matches!(self.skipping, Some(Skipping::Line));
        let is_same = State { doubt: Doubt::default(), ..*self } == probable;
        (is_same || open_for_object && text.first() == Some(&b'{')) && self.doubt.trusts(text)
    }
}
