//! Numbers as the hosted service prints them: the shortest text that reads back as the same double,
//! in Python's spelling.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io;

use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};

/// A double as Python's `repr`: `0.1`, `1.0`, `1e-07`, `1e+16`, `inf`.
pub fn repr(value: f64) -> String {
    if value.is_nan() {
        return "nan".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf".into() } else { "-inf".into() };
    }
    let magnitude = value.abs();
    if value == 0.0 || (1e-4..1e16).contains(&magnitude) {
        let mut text = format!("{value}");
        if !text.contains('.') {
            text.push_str(".0");
        }
        return text;
    }
    // Rust prints the exponent without sign and padding.
    let text = format!("{value:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(exponent) => ('-', exponent),
        None => ('+', exponent),
    };
    let mut out = String::from(digits);
    // Writing to a string cannot fail.
    let _ = write!(out, "e{sign}{exponent:0>2}");
    out
}

/// JSON with an indent of four blanks, numbers as `repr`, and a newline at the end.
///
/// # Errors
/// Only what `serde_json` refuses, such as a map with keys that are no text.
pub fn to_pretty_json(value: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut out = Vec::new();
    write_pretty_json(value, usize::MAX, &mut out)?;
    Ok(out)
}

/// As `to_pretty_json`, written as it is made. Lists and objects below `depth` levels of them stand on one line.
///
/// # Errors
/// Those of the writer too.
pub fn write_pretty_json(
    value: &impl Serialize,
    depth: usize,
    out: &mut impl io::Write,
) -> serde_json::Result<()> {
    let format = Service { pretty: PrettyFormatter::with_indent(b"    "), level: 0, depth };
    value.serialize(&mut Serializer::with_formatter(&mut *out, format))?;
    out.write_all(b"\n").map_err(serde_json::Error::io)
}

/// Writes as the hosted service does, down to a depth.
struct Service<'a> {
    pretty: PrettyFormatter<'a>,
    /// Open lists and objects.
    level: usize,
    depth: usize,
}

impl Service<'_> {
    fn is_deep(&self) -> bool {
        self.level > self.depth
    }
}

impl Formatter for Service<'_> {
    fn write_f64<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        writer.write_all(repr(value).as_bytes())
    }

    fn begin_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.level += 1;
        if self.is_deep() { writer.write_all(b"[") } else { self.pretty.begin_array(writer) }
    }

    fn end_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        let is_deep = self.is_deep();
        self.level -= 1;
        if is_deep { writer.write_all(b"]") } else { self.pretty.end_array(writer) }
    }

    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        match (self.is_deep(), first) {
            (true, true) => Ok(()),
            (true, false) => writer.write_all(b", "),
            (false, _) => self.pretty.begin_array_value(writer, first),
        }
    }

    fn end_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        if self.is_deep() { Ok(()) } else { self.pretty.end_array_value(writer) }
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.level += 1;
        if self.is_deep() { writer.write_all(b"{") } else { self.pretty.begin_object(writer) }
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        let is_deep = self.is_deep();
        self.level -= 1;
        if is_deep { writer.write_all(b"}") } else { self.pretty.end_object(writer) }
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        match (self.is_deep(), first) {
            (true, true) => Ok(()),
            (true, false) => writer.write_all(b", "),
            (false, _) => self.pretty.begin_object_key(writer, first),
        }
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.pretty.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        if self.is_deep() { Ok(()) } else { self.pretty.end_object_value(writer) }
    }
}

/// What is wrong with a file that was read as JSON, in the words of JSON and not of the program's types.
pub fn json_error(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let mut words = text.split(' ').peekable();
    let mut said: Vec<&str> = Vec::new();
    while let Some(word) = words.next() {
        let plain = match word.trim_end_matches(',') {
            "struct" => {
                // Its name says nothing to people.
                words.next();
                "an object"
            }
            "map" => "an object",
            "sequence" => "a list",
            "u64" | "u32" | "usize" | "i64" => "a whole number",
            "f64" => "a number",
            _ => {
                said.push(word);
                continue;
            }
        };
        if said.last() == Some(&"a") {
            said.pop();
        }
        said.push(plain);
        if word.ends_with(',') {
            said.push(",");
        }
    }
    said.join(" ").replace(" , ", ", ")
}

/// JSON with the words `Infinity`, `-Infinity` and `NaN` outside of strings made `"Infinity"`, `"-Infinity"`
/// and `null`, as the hosted service and Python write them. A byte order mark is left out; lines stay where
/// they are.
pub fn strict_json(text: &[u8]) -> Cow<'_, [u8]> {
    const WORDS: [(&[u8], &[u8]); 3] =
        [(b"-Infinity", b"\"-Infinity\""), (b"Infinity", b"\"Infinity\""), (b"NaN", b"null")];
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let mut out = Vec::new();
    let (mut copied, mut position) = (0, 0);
    let mut in_string = false;
    while position < text.len() {
        match text[position] {
            b'\\' if in_string => position += 1,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            _ => {
                if let Some((word, json)) = WORDS.iter().find(|(word, _)| text[position..].starts_with(word))
                {
                    out.extend_from_slice(&text[copied..position]);
                    out.extend_from_slice(json);
                    position += word.len();
                    copied = position;
                    continue;
                }
            }
        }
        position += 1;
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    out.extend_from_slice(&text[copied..]);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is nested deeper stands on one line, and all of it is still the same JSON.
    #[test]
    fn lists_and_objects_below_a_depth_stand_on_one_line() {
        let value = serde_json::json!({"a": [1, {"b": [2, 0.5], "c": {}, "d": []}, []], "e": {"f": null}});
        let written = |depth| {
            let mut out = Vec::new();
            write_pretty_json(&value, depth, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        let expected = "{\n    \"a\": [\n        1,\n        {\"b\": [2, 0.5], \"c\": {}, \"d\": []},\n        []\n    ],\n    \
                        \"e\": {\n        \"f\": null\n    }\n}\n";
        assert_eq!(written(2), expected);
        for depth in 0..5 {
            assert_eq!(serde_json::from_str::<serde_json::Value>(&written(depth)).unwrap(), value, "{depth}");
        }
        assert_eq!(written(usize::MAX).into_bytes(), to_pretty_json(&value).unwrap());
    }

    #[test]
    fn json_errors_name_no_types_of_the_program() {
        #[derive(Debug, serde::Deserialize)]
        #[expect(dead_code, reason = "only read")]
        struct Inner {
            count: u64,
            list: Vec<f64>,
            by_name: std::collections::HashMap<String, f64>,
        }
        #[derive(Debug, serde::Deserialize)]
        #[expect(dead_code, reason = "only read")]
        struct Outer {
            inner: Inner,
        }
        for (json, expected) in [
            ("3", "invalid type: integer `3`, expected an object"),
            ("{\"inner\": \"map\"}", "invalid type: string \"map\", expected an object"),
            ("{\"inner\": {\"count\": {}}}", "invalid type: an object, expected a whole number"),
            ("{\"inner\": {\"count\": []}}", "invalid type: a list, expected a whole number"),
            ("{\"inner\": {\"list\": 1}}", "invalid type: integer `1`, expected a list"),
            ("{\"inner\": {\"list\": [\"x\"]}}", "invalid type: string \"x\", expected a number"),
            ("{\"inner\": {\"by_name\": []}}", "invalid type: a list, expected an object"),
            ("{\"inner\": ", "EOF while parsing a value"),
        ] {
            let said = json_error(&serde_json::from_str::<Outer>(json).unwrap_err());
            assert_eq!(said.split(" at line 1 ").next(), Some(expected), "{json}");
        }
    }

    #[test]
    fn repr_spells_as_python_does() {
        for (value, text) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (0.1, "0.1"),
            (-0.15156641604010024, "-0.15156641604010024"),
            (1e-4, "0.0001"),
            (1e-5, "1e-05"),
            (1.5e-7, "1.5e-07"),
            (9999999999999998.0, "9999999999999998.0"),
            (1e16, "1e+16"),
            (1.25e100, "1.25e+100"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(repr(value), text);
        }
    }

    #[test]
    fn json_has_four_blanks_and_our_numbers() {
        let value = serde_json::json!({"a": [1, 1e-7], "b": {}});
        let text = String::from_utf8(to_pretty_json(&value).unwrap()).unwrap();
        assert_eq!(text, "{\n    \"a\": [\n        1,\n        1e-07\n    ],\n    \"b\": {}\n}\n");
    }
}
