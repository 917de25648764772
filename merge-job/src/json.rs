//! A reader of JSON text that copies nothing: it proves that a value is well formed and says where
//! it ends. Captured payloads must survive byte for byte, so the merge works on places in the text,
//! not on values.
//!
//! It accepts exactly what `serde_json` accepts when it ignores values, with no limit on nesting, and the bare
//! words `NaN`, `Infinity` and `-Infinity`, which it takes note of; tests and a fuzz target compare the two. Text must
//! be UTF-8, which the caller has checked.

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
    /// Some object may have had a key twice.
    pub repeats: bool,
    /// The first bare word that is no JSON.
    pub bare_word: Option<usize>,
}

impl<'t, 's> Cursor<'t, 's> {
    pub fn new(text: &'t [u8], at: usize, open: &'s mut Vec<Open>) -> Cursor<'t, 's> {
        open.clear();
        Cursor { text, at, open, repeats: false, bare_word: None }
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

/// The first byte from `at` that means something inside a string: a quote, a backslash or a control
/// character; the end of the text when there is none.
fn special(text: &[u8], mut at: usize) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const TOPS: u64 = 0x8080_8080_8080_8080;
    // The lowest marked byte is right; higher ones may be marked in error by its borrow.
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word;
    let marks = |word: u64| {
        let quotes = zeros(word ^ (ONES * b'"' as u64));
        let backslashes = zeros(word ^ (ONES * b'\\' as u64));
        let controls = word.wrapping_sub(ONES * 0x20) & !word;
        (quotes | backslashes | controls) & TOPS
    };
    while let Some(bytes) = text.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let found = marks(u64::from_le_bytes(*bytes));
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    while text.get(at).is_some_and(|&byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
        at += 1;
    }
    at
}

/// Resolves the escapes of a string that `Cursor::string` moved over. A surrogate without its
/// partner, which JSON allows, becomes three bytes as UTF-8 would have it.
pub fn unescape(inside: &[u8], out: &mut Vec<u8>) {
    let mut rest = inside;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        let (plain, escape) = rest.split_at(at);
        out.extend_from_slice(plain);
        let Some(&kind) = escape.get(1) else { return };
        rest = escape.get(2..).unwrap_or_default();
        match kind {
            b'b' => out.push(8),
            b'f' => out.push(12),
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'u' => {
                let mut code = hex(rest);
                rest = rest.get(4..).unwrap_or_default();
                if (0xd800..0xdc00).contains(&code) && rest.starts_with(b"\\u") {
                    let low = hex(rest.get(2..).unwrap_or_default());
                    if (0xdc00..0xe000).contains(&low) {
                        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
                        rest = rest.get(6..).unwrap_or_default();
                    }
                }
                push_code(code, out);
            }
            other => out.push(other),
        }
    }
    out.extend_from_slice(rest);
}

fn hex(text: &[u8]) -> u32 {
    text.iter().take(4).fold(0, |code, &digit| code << 4 | char::from(digit).to_digit(16).unwrap_or(0))
}

fn push_code(code: u32, out: &mut Vec<u8>) {
    match char::from_u32(code) {
        Some(character) => out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        None => {
            out.extend([0xe0 | (code >> 12) as u8, 0x80 | (code >> 6 & 63) as u8, 0x80 | (code & 63) as u8])
        }
    }
}

/// Writes UTF-8 text as the inside of a JSON string.
pub fn escape(text: &[u8], out: &mut Vec<u8>) {
    let mut at = 0;
    loop {
        let next = special(text, at);
        out.extend_from_slice(text.get(at..next).unwrap_or_default());
        let Some(&byte) = text.get(next) else { return };
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            _ => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
        }
        at = next + 1;
    }
}

/// Nesting to which objects are looked through for repeated keys.
const LOOKED_THROUGH: usize = 100;

/// Writes a well-formed value without blanks between its parts and each key of an object once: the
/// last value counts. Strings and numbers stay as they are. `left_out` are keys of the outermost
/// object that are dropped.
pub fn compact(value: &[u8], left_out: &[&str], out: &mut Vec<u8>) {
    compact_below(value, left_out, 0, out);
}

fn compact_below(value: &[u8], left_out: &[&str], depth: usize, out: &mut Vec<u8>) {
    let mut open = Vec::new();
    let mut cursor = Cursor::new(value, 0, &mut open);
    if depth > LOOKED_THROUGH {
        return without_blanks(value, out);
    }
    match cursor.peek() {
        b'{' => {
            let mut members = Vec::new();
            // The value is well formed, so no step can fail.
            let _ = cursor.object(|cursor, key| {
                let at = cursor.value()?;
                if !left_out.iter().any(|name| key.is(value, name)) {
                    members.push((key, at));
                }
                Ok(())
            });
            last_of_each(value, &mut members);
            let mut before = b'{';
            for (key, at) in &members {
                out.extend_from_slice(&[before, b'"']);
                out.extend_from_slice(key.span.of(value));
                out.extend_from_slice(b"\":");
                compact_below(at.of(value), &[], depth + 1, out);
                before = b',';
            }
            if members.is_empty() {
                out.push(b'{');
            }
            out.push(b'}');
        }
        b'[' => {
            let mut before = b'[';
            let _ = cursor.array(|cursor| {
                let at = cursor.value()?;
                out.push(before);
                compact_below(at.of(value), &[], depth + 1, out);
                before = b',';
                Ok(())
            });
            if before == b'[' {
                out.push(b'[');
            }
            out.push(b']');
        }
        _ => out.extend_from_slice(value),
    }
}

/// Leaves the last member of each key, in the order of those.
fn last_of_each(text: &[u8], members: &mut Vec<(Text, Span)>) {
    let same = |a: &Text, b: &Text| a.span.of(text) == b.span.of(text);
    let few = members.len() <= 8 && !members.iter().any(|(key, _)| key.escaped);
    if few && !members.iter().enumerate().any(|(n, (key, _))| members[..n].iter().any(|(k, _)| same(k, key)))
    {
        return;
    }
    let plain = |key: &Text| {
        let mut plain = Vec::new();
        unescape(key.span.of(text), &mut plain);
        plain
    };
    let mut later = std::collections::HashSet::new();
    let mut kept: Vec<bool> = members.iter().rev().map(|(key, _)| later.insert(plain(key))).collect();
    members.retain(|_| kept.pop().unwrap_or(true));
}

fn without_blanks(value: &[u8], out: &mut Vec<u8>) {
    let mut inside = false;
    let mut escaped = false;
    for &byte in value {
        if inside {
            inside = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
        } else if byte.is_ascii_whitespace() {
            continue;
        } else {
            inside = byte == b'"';
        }
        out.push(byte);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_compact(value: &str, left_out: &[&str], expected: &str) {
        let mut out = Vec::new();
        compact(value.as_bytes(), left_out, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn compact_keeps_texts_and_the_last_of_a_repeated_key() {
        check_compact("{ }", &[], "{}");
        check_compact("[ ]", &[], "[]");
        check_compact(r#"{"a" : 1.50, "b": [ 1e5 , "x \" y" ]}"#, &[], r#"{"a":1.50,"b":[1e5,"x \" y"]}"#);
        check_compact(r#"{"a":1,"b":2,"\u0061":{"c":1,"c":2}}"#, &[], r#"{"b":2,"\u0061":{"c":2}}"#);
        check_compact(r#"{"a":1,"b":{"a":2},"c":3}"#, &["a", "c"], r#"{"b":{"a":2}}"#);
    }

    #[test]
    fn compact_bears_any_depth() {
        let deep = format!("{}1{}", "[ ".repeat(100_000), " ]".repeat(100_000));
        let flat = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
        check_compact(&deep, &[], &flat);
    }

    #[test]
    fn escapes_resolve_as_serde_json_resolves_them() {
        for text in [r"plain", r"\u0041\n\/\\", r"\ud83d\ude80 x", r#"\"\b\f\r\t"#, r"é\u00e9"] {
            let mut out = Vec::new();
            unescape(text.as_bytes(), &mut out);
            let expected: String = serde_json::from_str(&format!("\"{text}\"")).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }

    #[test]
    fn escaped_text_reads_back() {
        let text = "a\"b\\c\n\r\t\u{0}\u{1f} é🚀";
        let mut out = b"\"".to_vec();
        escape(text.as_bytes(), &mut out);
        out.push(b'"');
        assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
    }

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
