//! A reader of JSON text that copies nothing: it proves that a value is well formed and says where
//! it ends. Captured payloads must survive byte for byte, so the merge works on places in the text,
//! not on values.
//!
//! It accepts exactly what `serde_json` accepts when it ignores values, with no limit on nesting, and the bare
//! words `NaN`, `Infinity` and `-Infinity`, which it takes note of; tests and a fuzz target compare the two. Text must
//! be UTF-8, which the caller has checked.
//!
//! `text` is the inside of strings, `marks` finds their ends in a line, `compact` writes a value anew.

mod compact;
mod marks;
mod text;

pub use compact::compact;
pub(crate) use marks::Marks;
use text::special;
pub use text::{escape, unescape};

/// The text is not JSON; `at` is the byte where that showed. At the end of the text it may only be
/// cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed {
    pub at: usize,
}

/// A place in a text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Span {
    pub start: usize,
    pub end: usize,
}

impl Span {
    pub fn of(self, text: &[u8]) -> &[u8] {
        text.get(self.start..self.end).unwrap_or_default()
    }
}

/// A JSON string: what stands between its quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text {
    pub span: Span,
    /// There are escapes between the quotes.
    pub escaped: bool,
}

impl Text {
    /// Whether the string, its escapes resolved, is `name`.
    pub fn is(self, text: &[u8], name: &str) -> bool {
        if !self.escaped {
            return self.span.of(text) == name.as_bytes();
        }
        let mut plain = Vec::new();
        unescape(self.span.of(text), &mut plain);
        plain == name.as_bytes()
    }
}

/// A container that is open at the cursor.
#[derive(Debug, Clone, Copy)]
pub struct Open {
    object: bool,
    keys: Keys,
}

/// Which keys an object had so far, as a small Bloom filter: it may take a new key for a repeated
/// one, never the other way round.
#[derive(Debug, Clone, Copy, Default)]
pub struct Keys(u64);

impl Keys {
    /// Adds a key; true when it may have been there before.
    fn add(&mut self, key: &[u8]) -> bool {
        let head = key.first_chunk::<8>().map_or_else(|| short(key), |bytes| u64::from_le_bytes(*bytes));
        let tail = key.last_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        let mixed = (head ^ tail.rotate_left(23) ^ key.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let bits = 1 << (mixed >> 58) | 1 << (mixed >> 52 & 63);
        let before = self.0;
        self.0 |= bits;
        before & bits == bits
    }
}

fn short(key: &[u8]) -> u64 {
    key.iter().fold(0, |word, &byte| word << 8 | u64::from(byte))
}

/// A place in a text that moves on over well-formed JSON.
#[derive(Debug)]
pub struct Cursor<'t, 's> {
    text: &'t [u8],
    at: usize,
    /// Scratch for nested containers, reused from record to record.
    open: &'s mut Vec<Open>,
    /// Of the line that it is in.
    marks: Option<&'s Marks>,
    /// Some object may have had a key twice.
    pub repeats: bool,
    /// The first bare word that is no JSON.
    pub bare_word: Option<usize>,
}

impl<'t, 's> Cursor<'t, 's> {
    pub fn new(text: &'t [u8], at: usize, open: &'s mut Vec<Open>) -> Cursor<'t, 's> {
        open.clear();
        Cursor { text, at, open, marks: None, repeats: false, bare_word: None }
    }

    /// A cursor in a line that was marked; `text` ends with the line.
    pub(crate) fn marked(
        text: &'t [u8],
        at: usize,
        open: &'s mut Vec<Open>,
        marks: Option<&'s Marks>,
    ) -> Cursor<'t, 's> {
        Cursor { marks, ..Cursor::new(text, at, open) }
    }

    pub fn at(&self) -> usize {
        self.at
    }

    pub fn text(&self) -> &'t [u8] {
        self.text
    }

    /// The byte at the cursor; 0, which is no JSON outside strings, at the end.
    pub fn peek(&self) -> u8 {
        self.text.get(self.at).copied().unwrap_or(0)
    }

    pub fn malformed(&self) -> Malformed {
        Malformed { at: self.at }
    }

    pub fn blank(&mut self) {
        while matches!(self.peek(), b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
    }

    /// Moves over `byte`.
    ///
    /// # Errors
    /// Another byte stands there.
    pub fn expect(&mut self, byte: u8) -> Result<(), Malformed> {
        if self.peek() != byte || self.at >= self.text.len() {
            return Err(self.malformed());
        }
        self.at += 1;
        Ok(())
    }

    /// Moves over `bytes`, if they stand there.
    pub fn same(&mut self, bytes: &[u8]) -> Option<()> {
        let end = self.at + bytes.len();
        let stand = self.text.get(self.at..end)? == bytes;
        self.at = end;
        stand.then_some(())
    }

    /// Moves over an object and calls `member` at each value, which it must move over.
    ///
    /// # Errors
    /// The text is malformed, or `member` says so.
    pub fn object(
        &mut self,
        mut member: impl FnMut(&mut Self, Text) -> Result<(), Malformed>,
    ) -> Result<Span, Malformed> {
        let start = self.at;
        self.expect(b'{')?;
        self.blank();
        let mut keys = Keys::default();
        if self.peek() != b'}' {
            loop {
                let key = self.key(&mut keys)?;
                self.blank();
                member(self, key)?;
                self.blank();
                if self.peek() != b',' {
                    break;
                }
                self.at += 1;
                self.blank();
            }
        }
        self.expect(b'}')?;
        Ok(Span { start, end: self.at })
    }

    /// Moves over an array and calls `element` at each value, which it must move over.
    ///
    /// # Errors
    /// As `object`.
    pub fn array(
        &mut self,
        mut element: impl FnMut(&mut Self) -> Result<(), Malformed>,
    ) -> Result<Span, Malformed> {
        let start = self.at;
        self.expect(b'[')?;
        self.blank();
        if self.peek() != b']' {
            loop {
                self.blank();
                element(self)?;
                self.blank();
                if self.peek() != b',' {
                    break;
                }
                self.at += 1;
            }
        }
        self.expect(b']')?;
        Ok(Span { start, end: self.at })
    }

    fn key(&mut self, keys: &mut Keys) -> Result<Text, Malformed> {
        let key = self.string()?;
        if keys.add(key.span.of(self.text)) || key.escaped {
            self.repeats = true;
        }
        self.blank();
        self.expect(b':')?;
        Ok(key)
    }

    /// Moves over one value of any kind.
    ///
    /// # Errors
    /// The text is malformed.
    pub fn value(&mut self) -> Result<Span, Malformed> {
        self.blank();
        let start = self.at;
        let base = self.open.len();
        loop {
            self.blank();
            match self.peek() {
                b'"' => {
                    self.string()?;
                }
                b'{' => {
                    self.at += 1;
                    self.blank();
                    if self.peek() == b'}' {
                        self.at += 1;
                    } else {
                        let mut keys = Keys::default();
                        self.key(&mut keys)?;
                        self.open.push(Open { object: true, keys });
                        continue;
                    }
                }
                b'[' => {
                    self.at += 1;
                    self.blank();
                    if self.peek() == b']' {
                        self.at += 1;
                    } else {
                        self.open.push(Open { object: false, keys: Keys::default() });
                        continue;
                    }
                }
                b'-' | b'0'..=b'9' => self.number()?,
                b't' => self.literal(b"true")?,
                b'f' => self.literal(b"false")?,
                b'n' => self.literal(b"null")?,
                b'N' => self.bare(self.at, b"NaN")?,
                b'I' => self.bare(self.at, b"Infinity")?,
                _ => return Err(self.malformed()),
            }
            loop {
                if self.open.len() == base {
                    return Ok(Span { start, end: self.at });
                }
                self.blank();
                let Some(mut top) = self.open.pop() else { return Err(self.malformed()) };
                match (self.peek(), top.object) {
                    (b',', true) => {
                        self.at += 1;
                        self.blank();
                        self.key(&mut top.keys)?;
                        self.open.push(top);
                        break;
                    }
                    (b',', false) => {
                        self.at += 1;
                        self.open.push(top);
                        break;
                    }
                    (b'}', true) | (b']', false) => self.at += 1,
                    _ => return Err(self.malformed()),
                }
            }
        }
    }

    /// Moves over a string.
    ///
    /// # Errors
    /// It is no string, has a raw control character or a bad escape, or does not end.
    pub fn string(&mut self) -> Result<Text, Malformed> {
        self.expect(b'"')?;
        let start = self.at;
        if let Some(marks) = self.marks {
            let (end, escaped) = marks.string(start).ok_or(self.malformed())?;
            self.at = end + 1;
            return Ok(Text { span: Span { start, end }, escaped });
        }
        let mut escaped = false;
        loop {
            self.at = special(self.text, self.at);
            match self.peek() {
                b'"' => {
                    let span = Span { start, end: self.at };
                    self.at += 1;
                    return Ok(Text { span, escaped });
                }
                b'\\' => {
                    escaped = true;
                    self.at += 1;
                    match self.peek() {
                        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.at += 1,
                        b'u' => {
                            self.at += 1;
                            for _ in 0..4 {
                                if !self.peek().is_ascii_hexdigit() {
                                    return Err(self.malformed());
                                }
                                self.at += 1;
                            }
                        }
                        _ => return Err(self.malformed()),
                    }
                }
                _ => return Err(self.malformed()),
            }
        }
    }

    /// Moves over a number, or `-Infinity`.
    ///
    /// # Errors
    /// It is neither.
    pub fn number(&mut self) -> Result<(), Malformed> {
        let start = self.at;
        if self.peek() == b'-' {
            self.at += 1;
            if self.peek() == b'I' {
                return self.bare(start, b"Infinity");
            }
        }
        match self.peek() {
            b'0' => self.at += 1,
            b'1'..=b'9' => self.digits()?,
            _ => return Err(self.malformed()),
        }
        if self.peek() == b'.' {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), b'e' | b'E') {
            self.at += 1;
            if matches!(self.peek(), b'+' | b'-') {
                self.at += 1;
            }
            self.digits()?;
        }
        // `serde_json` looks no further either: what follows is the caller's to judge.
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Malformed> {
        if !self.peek().is_ascii_digit() {
            return Err(self.malformed());
        }
        while self.peek().is_ascii_digit() {
            self.at += 1;
        }
        Ok(())
    }

    fn bare(&mut self, start: usize, word: &[u8]) -> Result<(), Malformed> {
        self.literal(word)?;
        self.bare_word.get_or_insert(start);
        Ok(())
    }

    fn literal(&mut self, word: &[u8]) -> Result<(), Malformed> {
        for &byte in word {
            self.expect(byte)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_the_usual_records_are_not_taken_for_repeated_ones() {
        let objects: [&[&str]; 5] = [
            &["captureData", "eventMetadata", "eventVersion", "groundTruthData"],
            &["endpointInput", "endpointOutput", "batchTransformOutput"],
            &["observedContentType", "mode", "data", "encoding"],
            &["eventId", "inferenceId", "inferenceTime", "customAttributes"],
            &["SageMakerInferenceId", "SageMakerInferenceTime", "SageMakerOutput", "instances", "features"],
        ];
        for object in objects {
            let mut keys = Keys::default();
            assert!(object.iter().all(|key| !keys.add(key.as_bytes())), "{object:?}");
            assert!(object.iter().all(|key| keys.add(key.as_bytes())));
        }
    }
}
