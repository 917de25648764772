//! The inside of JSON strings: where something in it has a meaning, escapes resolved and written.

/// The first byte from `at` that means something inside a string: a quote, a backslash or a control
/// character; the end of the text when there is none.
pub(super) fn special(text: &[u8], mut at: usize) -> usize {
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
