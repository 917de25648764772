//! A well-formed value written anew: without blanks between its parts, and with each key of an object once.

use super::{Cursor, Span, Text, unescape};

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
}
