//! JSON text as spans: where values begin and end, checked, nothing copied.
//!
//! The words `NaN`, `Infinity` and `-Infinity`, which Python writes, are values too. All else is RFC 8259, as
//! `serde_json` reads it; a test holds both against each other.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

/// Deeper lists and objects are refused, so that no text exhausts the stack.
const MOST_NESTED: usize = 512;

/// Why a text is not JSON, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotJson {
    pub what: &'static str,
    /// Offset in bytes.
    pub at: usize,
}

impl NotJson {
    /// The line of the fault in its text, counted from 1.
    pub fn line(&self, text: &str) -> u64 {
        let before = text.as_bytes().get(..self.at).unwrap_or(text.as_bytes());
        1 + memchr::memchr_iter(b'\n', before).count() as u64
    }
}

impl NotJson {
    /// What stands at the fault in its text, for a message.
    pub fn told(&self, text: &str) -> String {
        const LETTERS: usize = 40;
        let found: String = text.get(self.at..).unwrap_or(text).chars().take(LETTERS).collect();
        match found.trim_end() {
            "" => format!("the end of the line ({})", self.what),
            found => format!("`{found}` ({})", self.what),
        }
    }
}

impl fmt::Display for NotJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.what, self.at + 1)
    }
}

impl std::error::Error for NotJson {}

pub type Scanned<T> = std::result::Result<T, NotJson>;

/// What a value is, by its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Object,
    List,
    Scalar,
}

/// Reads one text from its start to its end.
#[derive(Debug, Clone)]
pub struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
    nested: usize,
}

impl<'a> Scanner<'a> {
    pub fn new(text: &'a str) -> Scanner<'a> {
        Scanner { text: text.as_bytes(), at: 0, nested: 0 }
    }

    /// A scanner of the same text that stands somewhere else in it.
    pub fn from(text: &'a str, at: usize) -> Scanner<'a> {
        Scanner { text: text.as_bytes(), at, nested: 0 }
    }

    pub fn at(&self) -> usize {
        self.at
    }

    fn fault<T>(&self, what: &'static str) -> Scanned<T> {
        Err(NotJson { what, at: self.at })
    }

    fn blanks(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.text.get(self.at) {
            self.at += 1;
        }
    }

    /// Goes to the next value and tells what it is.
    ///
    /// # Errors
    /// The text ends.
    pub fn kind(&mut self) -> Scanned<Kind> {
        self.blanks();
        match self.text.get(self.at) {
            Some(b'{') => Ok(Kind::Object),
            Some(b'[') => Ok(Kind::List),
            Some(_) => Ok(Kind::Scalar),
            None => self.fault("the text ends where a value should be"),
        }
    }

    /// Nothing but blanks is left.
    ///
    /// # Errors
    /// Something is.
    pub fn end(&mut self) -> Scanned<()> {
        self.blanks();
        if self.at == self.text.len() { Ok(()) } else { self.fault("text behind the value") }
    }

    /// Passes over a value and gives its span.
    ///
    /// # Errors
    /// What is not JSON.
    pub fn value(&mut self) -> Scanned<Range<usize>> {
        let kind = self.kind()?;
        let start = self.at;
        match kind {
            Kind::Object => self.object(|scanner, _| scanner.value().map(|_| ()))?,
            Kind::List => self.list(|scanner, _| scanner.value().map(|_| ()))?,
            Kind::Scalar => self.scalar()?,
        }
        Ok(start..self.at)
    }

    /// Passes over an object; `field` is given the span of each key without its quotes, and passes over the
    /// value.
    ///
    /// # Errors
    /// What is not JSON.
    pub fn object(
        &mut self,
        mut field: impl FnMut(&mut Scanner<'a>, Range<usize>) -> Scanned<()>,
    ) -> Scanned<()> {
        self.open()?;
        self.blanks();
        if self.take(b'}') {
            self.nested -= 1;
            return Ok(());
        }
        loop {
            self.blanks();
            if self.text.get(self.at) != Some(&b'"') {
                return self.fault("expected a key in double quotes");
            }
            let start = self.at + 1;
            self.string()?;
            let key = start..self.at - 1;
            self.blanks();
            if !self.take(b':') {
                return self.fault("expected `:` behind a key");
            }
            field(self, key)?;
            self.blanks();
            if self.take(b',') {
                continue;
            }
            if self.take(b'}') {
                self.nested -= 1;
                return Ok(());
            }
            return self.fault("expected `,` or `}`");
        }
    }

    /// Passes over a list; `element` is given the number of each element and passes over it.
    ///
    /// # Errors
    /// What is not JSON.
    pub fn list(&mut self, mut element: impl FnMut(&mut Scanner<'a>, usize) -> Scanned<()>) -> Scanned<()> {
        self.open()?;
        self.blanks();
        if self.take(b']') {
            self.nested -= 1;
            return Ok(());
        }
        for index in 0.. {
            element(self, index)?;
            self.blanks();
            if self.take(b',') {
                continue;
            }
            if self.take(b']') {
                break;
            }
            return self.fault("expected `,` or `]`");
        }
        self.nested -= 1;
        Ok(())
    }

    fn open(&mut self) -> Scanned<()> {
        if self.nested == MOST_NESTED {
            return self.fault("lists and objects are nested too deeply");
        }
        self.nested += 1;
        self.at += 1;
        Ok(())
    }

    fn take(&mut self, byte: u8) -> bool {
        let here = self.text.get(self.at) == Some(&byte);
        self.at += usize::from(here);
        here
    }

    /// Passes over a number or a string that begins here, and gives its end; none for anything else, also for the word `-Infinity`.
    pub(super) fn number_or_string(&mut self) -> Option<usize> {
        match self.text.get(self.at)? {
            b'"' => self.string().ok()?,
            b'-' if self.text.get(self.at + 1) == Some(&b'I') => return None,
            b'-' | b'0'..=b'9' => self.number().ok()?,
            _ => return None,
        }
        Some(self.at)
    }

    /// As `number_or_string` in a JSON text that is itself the text of a string: a string stands between escaped quotes, and has no
    /// escapes.
    pub(super) fn inner_value(&mut self) -> Option<usize> {
        match self.text.get(self.at)? {
            b'\\' if self.text.get(self.at + 1) == Some(&b'"') => {
                self.at += 2;
                self.plain();
                self.take(b'\\').then_some(())?;
                self.take(b'"').then_some(())?;
            }
            b'-' | b'0'..=b'9' => self.number().ok()?,
            _ => return None,
        }
        Some(self.at)
    }

    /// Passes over the letters of a string up to a quote, a backslash, a control character or the end.
    fn plain(&mut self) {
        while let Some(word) = self.text[self.at..].first_chunk() {
            let plain = plain_letters(u64::from_le_bytes(*word));
            self.at += plain;
            if plain < 8 {
                return;
            }
        }
        while self.text.get(self.at).is_some_and(|letter| !matches!(letter, b'"' | b'\\' | 0..0x20)) {
            self.at += 1;
        }
    }

    fn scalar(&mut self) -> Scanned<()> {
        match self.text[self.at] {
            b'"' => self.string(),
            b'-' | b'0'..=b'9' => self.number(),
            _ => {
                for word in [&b"null"[..], b"true", b"false", b"NaN", b"Infinity"] {
                    if self.text[self.at..].starts_with(word) {
                        self.at += word.len();
                        return Ok(());
                    }
                }
                self.fault("expected a value")
            }
        }
    }

    fn string(&mut self) -> Scanned<()> {
        self.at += 1;
        loop {
            // Eight letters at a time, and escapes between them.
            while let Some(word) = self.text[self.at..].first_chunk() {
                let word = u64::from_le_bytes(*word);
                let plain = plain_letters(word);
                self.at += plain;
                match plain {
                    8 => {}
                    7 => break,
                    _ if letter(word, plain) == b'"' => {
                        self.at += 1;
                        return Ok(());
                    }
                    _ if letter(word, plain) == b'\\' && escape_of(letter(word, plain + 1)).is_some() => {
                        self.at += 2
                    }
                    _ => break,
                }
            }
            match self.text.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => self.escape()?,
                Some(0..0x20) => return self.fault("a control character in a text"),
                Some(_) => self.at += 1,
                None => return self.fault("a text without its closing quote"),
            }
        }
    }

    fn escape(&mut self) -> Scanned<()> {
        match self.text.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 2,
            Some(b'u')
                if self
                    .text
                    .get(self.at + 2..self.at + 6)
                    .is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)) =>
            {
                self.at += 6;
            }
            _ => return self.fault("an escape that JSON does not have"),
        }
        Ok(())
    }

    fn number(&mut self) -> Scanned<()> {
        if let Some(end) = self.short_number() {
            self.at = end;
            return Ok(());
        }
        if self.take(b'-') && self.text[self.at..].starts_with(b"Infinity") {
            self.at += b"Infinity".len();
            return Ok(());
        }
        if !self.take(b'0') && self.digits() == 0 {
            return self.fault("a number without digits");
        }
        if self.take(b'.') && self.digits() == 0 {
            return self.fault("a number without digits behind its point");
        }
        if self.take(b'e') || self.take(b'E') {
            let _signed = self.take(b'+') || self.take(b'-');
            if self.digits() == 0 {
                return self.fault("a number without digits in its exponent");
            }
        }
        Ok(())
    }

    /// The end of a number as most are: fewer than eight digits, perhaps with a point among them. None for what must be looked at
    /// digit by digit.
    fn short_number(&self) -> Option<usize> {
        let start = self.at + usize::from(self.text.get(self.at) == Some(&b'-'));
        let word = u64::from_le_bytes(*self.text.get(start..)?.first_chunk()?);
        let whole = leading_digits(word);
        if matches!(whole, 0 | 8) || (whole > 1 && letter(word, 0) == b'0') {
            return None;
        }
        match letter(word, whole) {
            b'e' | b'E' => None,
            b'.' => {
                let behind = start + whole + 1;
                let word = u64::from_le_bytes(*self.text.get(behind..)?.first_chunk()?);
                let digits = leading_digits(word);
                let is_whole = !matches!(digits, 0 | 8) && !matches!(letter(word, digits), b'e' | b'E');
                is_whole.then_some(behind + digits)
            }
            _ => Some(start + whole),
        }
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while self.text.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        self.at - start
    }
}

const ONES: u64 = 0x0101_0101_0101_0101;

/// The top bit of the first of eight letters that is below a limit of at most 128, the first in the lowest bits; those of letters
/// above it may be set without being so.
fn below(word: u64, limit: u8) -> u64 {
    word.wrapping_sub(ONES * u64::from(limit)) & !word & (ONES << 7)
}

/// How many of eight letters come before one.
fn first_of(word: u64, letter: u8) -> usize {
    below(word ^ (ONES * u64::from(letter)), 1).trailing_zeros() as usize / 8
}

/// How many of eight letters of a string come before a quote, a backslash or a control character.
fn plain_letters(word: u64) -> usize {
    let is = |letter: u8| below(word ^ (ONES * u64::from(letter)), 1);
    (is(b'"') | is(b'\\') | below(word, 0x20)).trailing_zeros() as usize / 8
}

/// One of eight letters.
fn letter(word: u64, at: usize) -> u8 {
    word.to_le_bytes()[at]
}

/// How many of eight letters come before one that is no digit.
fn leading_digits(word: u64) -> usize {
    // What digits differ from 0 in is at most 9, and with this number added below 128.
    let others = word ^ (ONES * u64::from(b'0'));
    let above = ((others & (ONES * 0x7f)).wrapping_add(ONES * 0x76) | others) & (ONES << 7);
    above.trailing_zeros() as usize / 8
}

/// The lines of a text, as `str::lines` gives them, found at the speed of memory.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = &str> + Clone {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let Some(end) = memchr::memchr(b'\n', rest.as_bytes()) else {
            return Some(std::mem::take(&mut rest));
        };
        let line = &rest[..end];
        rest = &rest[end + 1..];
        Some(line.strip_suffix('\r').unwrap_or(line))
    })
}

/// Whether a text is one JSON document.
pub fn is_json(text: &str) -> bool {
    let mut scanner = Scanner::new(text);
    scanner.value().is_ok() && scanner.end().is_ok()
}

/// Whether a token stands for no value: `null`, the word `NaN`, or no token at all.
pub fn is_null(token: &str) -> bool {
    matches!(token, "" | "null" | "NaN")
}

/// The text of a string between its quotes, escapes resolved. Half of a pair of surrogates stays as written.
pub fn unescaped(inside: &str) -> Cow<'_, str> {
    if memchr::memchr(b'\\', inside.as_bytes()).is_none() {
        return Cow::Borrowed(inside);
    }
    serde_json::from_str(&format!("\"{inside}\"")).map_or(Cow::Borrowed(inside), Cow::Owned)
}

/// Appends the text of a valid string between its quotes; none when an escape by number stands in it.
pub(crate) fn push_unescaped(inside: &str, out: &mut Vec<u8>) -> Option<()> {
    let text = inside.as_bytes();
    let (mut from, mut to) = (0, out.len());
    out.resize(to + text.len() + 8, 0);
    while from < text.len() {
        // Eight letters are copied, of which those count that stand before a backslash.
        if let Some(word) = text[from..].first_chunk::<8>() {
            out[to..to + 8].copy_from_slice(word);
            let word = u64::from_le_bytes(*word);
            let plain = first_of(word, b'\\');
            from += plain;
            to += plain;
            match plain {
                8 => continue,
                7 => {}
                _ => {
                    out[to] = escape_of(letter(word, plain + 1))?;
                    from += 2;
                    to += 1;
                    continue;
                }
            }
        }
        let (letter, length) = match (text[from], text.get(from + 1)) {
            (b'\\', Some(escaped)) => (escape_of(*escaped)?, 2),
            (letter, _) => (letter, 1),
        };
        out[to] = letter;
        from += length;
        to += 1;
    }
    out.truncate(to);
    Some(())
}

/// The letter that stands behind a backslash for itself or another one.
pub(super) fn escape_of(escaped: u8) -> Option<u8> {
    /// 0 where there is none.
    const LETTERS: [u8; 256] = {
        let mut letters = [0; 256];
        let pairs = [b"\"\"", b"\\\\", b"//", b"b\x08", b"f\x0c", b"n\n", b"r\r", b"t\t"];
        let mut at = 0;
        while at < pairs.len() {
            letters[pairs[at][0] as usize] = pairs[at][1];
            at += 1;
        }
        letters
    };
    let letter = LETTERS[usize::from(escaped)];
    (letter != 0).then_some(letter)
}

/// Appends the spans of the elements of the list that begins at `span.start`; false when no list begins
/// there. The text at `span` is one JSON value.
pub fn split(json: &str, span: Range<usize>, elements: &mut Vec<Range<usize>>) -> bool {
    if json.as_bytes().get(span.start) != Some(&b'[') {
        return false;
    }
    let mut scanner = Scanner::from(json, span.start);
    let before = elements.len();
    let whole = scanner.list(|scanner, _| {
        elements.push(scanner.value()?);
        Ok(())
    });
    if whole.is_err() {
        elements.truncate(before);
    }
    whole.is_ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::de::IgnoredAny;

    use super::*;

    fn whole(text: &str) -> Scanned<Range<usize>> {
        let mut scanner = Scanner::new(text);
        let span = scanner.value()?;
        scanner.end()?;
        Ok(span)
    }

    #[test]
    fn spans_are_those_of_the_values() {
        for (text, value) in [
            (" 12 ", "12"),
            ("\t[1, {\"a\":[]}]\n", "[1, {\"a\":[]}]"),
            ("\"a\\\"b\\u00e9\"", "\"a\\\"b\\u00e9\""),
            (" -Infinity", "-Infinity"),
            ("NaN ", "NaN"),
            ("-0.5e+3", "-0.5e+3"),
        ] {
            assert_eq!(&text[whole(text).unwrap()], value);
        }
        let json = r#" [1 , "a,]\"" , [2,3],{"x":[1]}, null,NaN ] "#;
        let mut spans = Vec::new();
        assert!(split(json, 1..json.len() - 1, &mut spans));
        let tokens: Vec<&str> = spans.into_iter().map(|span| &json[span]).collect();
        assert_eq!(tokens, ["1", r#""a,]\"""#, "[2,3]", r#"{"x":[1]}"#, "null", "NaN"]);
        let mut none = Vec::new();
        assert!(split("[ ]", 0..3, &mut none) && none.is_empty());
        assert!(!split("{}", 0..2, &mut none));
    }

    #[test]
    fn faults_have_their_place() {
        let fault = whole("{\"a\": 1,\n\"b\" 2}").unwrap_err();
        assert_eq!((fault.line("{\"a\": 1,\n\"b\" 2}"), fault.what), (2, "expected `:` behind a key"));
        assert!(whole(&"[".repeat(100_000)).unwrap_err().what.contains("nested"));
        assert_eq!(whole("[1,\"a\nb\"]").unwrap_err().at, 5);
        assert_eq!(whole("[1,\"abcdefgh\\xabcdefgh\"]").unwrap_err().at, 12);
        for text in [
            "",
            "[1,]",
            "{\"a\"}",
            "01",
            "1.",
            "-",
            "+1",
            "nul",
            "\"\\x\"",
            "\"\n\"",
            "Infinityx",
            "--Infinity",
        ] {
            assert!(whole(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn numbers_are_those_of_serde_json(
            text in "-?(0|0?[0-9]{1,9})(\\.[0-9]{0,9})?([eE][+-]?[0-9]{0,3})?",
            behind in "[,\\]} ]?[0-9a\"]{0,12}",
        ) {
            let joined = format!("{text}{behind}");
            let theirs = (1..=text.len()).filter(|&end| serde_json::from_str::<IgnoredAny>(&text[..end]).is_ok()).max();
            let mut scanner = Scanner::new(&joined);
            let ours = scanner.number().map(|()| scanner.at());
            // A number that goes on behind its text, or is none as a whole.
            if behind.starts_with([',', ']', '}', ' ']) {
                prop_assert_eq!(ours.ok().filter(|end| *end == text.len()), theirs.filter(|end| *end == text.len()), "{}", joined);
            }
            let mut slow = Scanner::new(&text);
            let alone = slow.number().map(|()| slow.at());
            prop_assert_eq!(alone.is_ok_and(|end| end == text.len()), theirs == Some(text.len()), "{}", text);
        }

        #[test]
        fn lines_and_escapes_are_those_of_the_library(text in "[ab\r\n\"\\\\/\t\u{8}\u{c}\u{e9}]{0,40}") {
            prop_assert!(lines(&text).eq(text.lines()));
            let written = serde_json::to_string(&text).unwrap();
            let mut scanner = Scanner::new(&written);
            prop_assert_eq!(scanner.value().unwrap(), 0..written.len());
            let mut out = b"before".to_vec();
            let inside = &written[1..written.len() - 1];
            prop_assert_eq!(push_unescaped(inside, &mut out), Some(()));
            prop_assert_eq!(&out[6..], text.as_bytes());
        }

        /// Valid documents, and damage at every place of them.
        #[test]
        fn what_is_json_is_what_serde_json_reads(
            text in "[\\[\\]{}:,\"\\\\ 0-9.eE+\\-a-dtrufalsn\n]{0,14}",
            document in crate::values::path::tests::documents(),
            cut in 0usize..200,
            put in "[\\[\\]{}:,\"\\\\ 0-9.eE\\-]{0,2}",
        ) {
            let mut damaged = document.to_string();
            let at = (0..=cut.min(damaged.len())).rev().find(|&at| damaged.is_char_boundary(at)).unwrap_or(0);
            damaged.insert_str(at, &put);
            let shorter = damaged[..at].to_string();
            for text in [text, document.to_string(), damaged, shorter] {
                let theirs = serde_json::from_str::<IgnoredAny>(&text).is_ok();
                prop_assert_eq!(whole(&text).is_ok(), theirs, "{}", text);
            }
        }
    }
}
