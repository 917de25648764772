//! How a job tells what went wrong: one value with a stable code, a place, what was found, what was
//! expected, and the way out. The same text goes to the exit message and to the log.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::codes::{self, Class, Code};

pub type Result<T> = std::result::Result<T, Problem>;

/// Why a job stops. Boxed, so that a `Result` in a hot path stays one word wide.
#[derive(Debug)]
pub struct Problem(Box<Parts>);

#[derive(Debug)]
struct Parts {
    code: &'static Code,
    what: String,
    place: Place,
    found: Option<String>,
    expected: Option<String>,
    hint: Option<String>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// Where something stands. Every part may be absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// File as the user knows it.
    pub file: Option<PathBuf>,
    /// Line, counted from 1.
    pub line: Option<u64>,
    /// Field of a record, key path of a configuration, or name of a setting.
    pub field: Option<String>,
}

impl Problem {
    /// `what`: what could not be done and why, lower case, no full stop.
    pub fn new(code: &'static Code, what: impl Into<String>) -> Problem {
        Problem(Box::new(Parts {
            code,
            what: what.into(),
            place: Place::default(),
            found: None,
            expected: None,
            hint: None,
            source: None,
        }))
    }

    /// A file operation that failed; `doing` is a verb phrase such as "read" or "create".
    pub fn io(doing: &str, path: &Path, error: io::Error) -> Problem {
        use io::ErrorKind::{FileTooLarge, PermissionDenied, QuotaExceeded, StorageFull};
        let full = matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge);
        let code = if full { &codes::DISK_FULL } else { &codes::FILE_OPERATION_FAILED };
        let problem = Problem::new(code, format!("cannot {doing}")).file(path);
        let problem = match error.kind() {
            _ if full => problem.hint("give the job a larger volume, or a smaller window"),
            PermissionDenied => problem.hint(
                "the job's user may not do this; run the image as root, give the folder to its user, or name another",
            ),
            _ => problem,
        };
        problem.found(error.to_string()).because(error)
    }

    pub fn file(mut self, path: impl AsRef<Path>) -> Problem {
        self.0.place.file = Some(path.as_ref().to_path_buf());
        self
    }

    /// `line` counts from 1.
    pub fn line(mut self, line: u64) -> Problem {
        self.0.place.line = Some(line);
        self
    }

    pub fn field(mut self, field: impl Into<String>) -> Problem {
        self.0.place.field = Some(field.into());
        self
    }

    pub fn found(mut self, found: impl Into<String>) -> Problem {
        self.0.found = Some(found.into());
        self
    }

    pub fn expected(mut self, expected: impl Into<String>) -> Problem {
        self.0.expected = Some(expected.into());
        self
    }

    /// The way out, as an instruction.
    pub fn hint(mut self, hint: impl Into<String>) -> Problem {
        self.0.hint = Some(hint.into());
        self
    }

    pub fn because(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Problem {
        self.0.source = Some(source.into());
        self
    }

    /// The same problem, for somebody else who has it too. The error that caused it stays with the first.
    #[must_use]
    pub fn again(&self) -> Problem {
        let Parts { code, what, place, found, expected, hint, source: _ } = &*self.0;
        Problem(Box::new(Parts {
            code,
            what: what.clone(),
            place: place.clone(),
            found: found.clone(),
            expected: expected.clone(),
            hint: hint.clone(),
            source: None,
        }))
    }

    pub fn code(&self) -> &'static Code {
        self.0.code
    }

    pub fn class(&self) -> Class {
        self.0.code.class
    }

    pub fn place(&self) -> &Place {
        &self.0.place
    }

    pub fn what(&self) -> &str {
        &self.0.what
    }

    pub fn hint_text(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    pub fn found_text(&self) -> Option<&str> {
        self.0.found.as_deref()
    }

    pub fn expected_text(&self) -> Option<&str> {
        self.0.expected.as_deref()
    }
}

impl fmt::Display for Problem {
    /// Names of files and pieces of data come from strangers: a character that steers a terminal is shown as its number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        let f = &mut Visible(f);
        write!(f, "{}: {}", self.0.code, self.0.what)?;
        if self.0.place != Place::default() {
            write!(f, ": {}", self.0.place)?;
        }
        match (&self.0.found, &self.0.expected) {
            (Some(found), Some(expected)) => write!(f, ": found {found}, expected {expected}")?,
            (Some(found), None) => write!(f, ": {found}")?,
            (None, Some(expected)) => write!(f, ": expected {expected}")?,
            (None, None) => {}
        }
        if let Some(hint) = &self.0.hint {
            write!(f, "; hint: {hint}")?;
        }
        Ok(())
    }
}

/// Writes text as `visible` makes it.
struct Visible<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl fmt::Write for Visible<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write_str(&visible(text))
    }
}

/// Whether a character is drawn as nothing and changes the order in which others are drawn: Unicode's `Bidi_Control`.
pub fn turns_text(character: char) -> bool {
    matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether a character steers a terminal or whatever else shows a text: control characters but for tabs and line ends, those
/// that turn the direction of text, and Unicode's separators of lines and paragraphs.
pub(crate) fn steers(character: char) -> bool {
    character.is_control() && !matches!(character, '\n' | '\r' | '\t')
        || turns_text(character)
        || matches!(character, '\u{2028}' | '\u{2029}')
}

/// Characters that steer a terminal as `\u{1b}`; line ends and tabs stay.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    spelled(text, steers)
}

/// As `visible`, line ends too.
pub(crate) fn on_one_line(text: &str) -> Cow<'_, str> {
    spelled(text, |character| steers(character) || matches!(character, '\n' | '\r'))
}

/// Some characters by their numbers.
fn spelled(text: &str, steers: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&steers) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if steers(character) {
            out.extend(character.escape_unicode());
        } else {
            out.push(character);
        }
    }
    Cow::Owned(out)
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        if let Some(file) = &self.file {
            write!(f, "{}", file.display())?;
            separator = ", ";
        }
        if let Some(line) = self.line {
            write!(f, "{separator}line {line}")?;
            separator = ", ";
        }
        if let Some(field) = &self.field {
            write!(f, "{separator}`{field}`")?;
        }
        Ok(())
    }
}

impl Error for Problem {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source.as_ref().map(|s| s.as_ref() as &(dyn Error + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_has_code_place_found_expected_and_hint() {
        let problem = Problem::new(&codes::BAD_RECORD, "cannot use a captured record")
            .file("a/b.jsonl")
            .line(118)
            .field("eventMetadata.eventId")
            .found("null")
            .expected("a string")
            .hint("see `on_bad_record`");
        assert_eq!(
            problem.to_string(),
            "PL0301: cannot use a captured record: a/b.jsonl, line 118, `eventMetadata.eventId`: \
             found null, expected a string; hint: see `on_bad_record`"
        );
    }

    #[test]
    fn characters_that_steer_a_terminal_are_shown_as_numbers() {
        let problem = Problem::new(&codes::BAD_RECORD, "cannot read")
            .file("a\u{1b}[2J.csv")
            .field("\u{202e}vsc")
            .found("\u{0}\u{7f}\u{9b}31m é 漢\tx\u{61c}\u{200f}\u{2066}");
        assert_eq!(
            problem.to_string(),
            "PL0301: cannot read: a\\u{1b}[2J.csv, `\\u{202e}vsc`: \\u{0}\\u{7f}\\u{9b}31m é 漢\tx\\u{61c}\\u{200f}\\u{2066}"
        );
    }
}
