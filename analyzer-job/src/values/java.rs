//! The form of the hosted monitors' files: doubles as Java prints them, two blanks for each level of objects,
//! ` : ` between key and value, arrays on one line.

use std::fmt::Write as _;
use std::io;

use serde::{Serialize, Serializer};
use serde_json::ser::{Formatter, Serializer as JsonSerializer};

/// A double as Java's `Double.toString` (version 19 and later): the fewest digits that read back as the same
/// number; an exponent from 1e7 up and below 1e-3.
pub fn double(value: f64) -> String {
    let mut out = String::new();
    push_double(&mut out, value);
    out
}

/// Appends `double(value)`.
pub fn push_double(out: &mut String, value: f64) {
    if !value.is_finite() {
        out.push_str(match value {
            _ if value.is_nan() => "NaN",
            _ if value > 0.0 => "Infinity",
            _ => "-Infinity",
        });
        return;
    }
    let magnitude = value.abs();
    let start = out.len();
    // Writing to a string cannot fail.
    if value == 0.0 || (1e-3..1e7).contains(&magnitude) {
        let _ = write!(out, "{value}");
        if !out[start..].contains('.') {
            out.push_str(".0");
        }
        return;
    }
    let _ = write!(out, "{value:e}");
    if let Some(exponent) = out[start..].rfind('e').map(|at| start + at) {
        let whole = !out[start..exponent].contains('.');
        out.replace_range(exponent..=exponent, if whole { ".0E" } else { "E" });
    }
}

/// A float of 32 bits as Java's `Float.toString`.
pub fn float(value: f32) -> String {
    // The fewest digits of a float are fewer than those of the double beside it: read them as a double.
    match value.to_string().parse::<f64>() {
        Ok(same_digits) => double(same_digits),
        Err(_) => double(f64::from(value)),
    }
}

/// A statistic: a JSON number, or `"Infinity"` and `"-Infinity"` where a sum left the range of doubles;
/// `null` when it is not a number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Double(pub f64);

impl Serialize for Double {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            value if value.is_finite() => serializer.serialize_f64(value),
            value if value.is_nan() => serializer.serialize_none(),
            value => serializer.serialize_str(&double(value)),
        }
    }
}

/// JSON in the layout of the hosted files; no newline at the end.
///
/// # Errors
/// What cannot be written, and what `serde_json` refuses, such as a map with keys that are no text.
pub fn write_json(value: &impl Serialize, out: impl io::Write) -> io::Result<()> {
    Ok(value.serialize(&mut JsonSerializer::with_formatter(out, Layout::default()))?)
}

/// The same as bytes.
///
/// # Errors
/// As `write_json`.
pub fn to_json(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    write_json(value, &mut out)?;
    Ok(out)
}

#[derive(Default)]
struct Layout {
    level: usize,
    /// Whether the innermost object has a key yet.
    filled: bool,
    number: String,
}

impl Layout {
    fn break_line<W: ?Sized + io::Write>(&self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b"\n")?;
        (0..self.level).try_for_each(|_| writer.write_all(b"  "))
    }
}

impl Formatter for Layout {
    fn write_f64<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        self.number.clear();
        push_double(&mut self.number, value);
        writer.write_all(self.number.as_bytes())
    }

    fn begin_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b"[")
    }

    fn end_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b" ]")
    }

    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        writer.write_all(if first { b" " } else { b", " })
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.level += 1;
        self.filled = false;
        writer.write_all(b"{")
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.level -= 1;
        if self.filled {
            self.break_line(writer)?;
        } else {
            writer.write_all(b" ")?;
        }
        self.filled = true;
        writer.write_all(b"}")
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if !first {
            writer.write_all(b",")?;
        }
        self.break_line(writer)
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b" : ")
    }

    fn end_object_value<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.filled = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn doubles_are_spelled_as_java_spells_them() {
        for (value, text) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (2333.0, "2333.0"),
            (0.1, "0.1"),
            (0.001, "0.001"),
            (9.99e-4, "9.99E-4"),
            (1e-4, "1.0E-4"),
            (9_999_999.0, "9999999.0"),
            (1e7, "1.0E7"),
            (14_402_689_218.907_343, "1.4402689218907343E10"),
            (-5.092682820403929e-4, "-5.092682820403929E-4"),
            (1e300, "1.0E300"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(double(value), text);
        }
        assert_eq!(float(0.1), "0.1");
        assert_eq!(float(1.5e10), "1.5E10");
        assert_eq!(float(16_777_216.0), "1.6777216E7");
    }

    #[test]
    fn the_layout_is_that_of_the_hosted_files() {
        let check = |value: serde_json::Value, text: &str| {
            assert_eq!(String::from_utf8(to_json(&value).unwrap()).unwrap(), text);
        };
        check(json!({"violations": []}), "{\n  \"violations\" : [ ]\n}");
        assert_eq!(to_json(&json!({"violations": []})).unwrap().len(), 24);
        check(
            json!({"version": 0.0, "f": [{"a": 1, "b": {}}, {"a": [1.5, 2.0], "c": {"d": "x\ty/ß"}}]}),
            "{\n  \"version\" : 0.0,\n  \"f\" : [ {\n    \"a\" : 1,\n    \"b\" : { }\n  }, {\n    \"a\" : [ 1.5, \
             2.0 ],\n    \"c\" : {\n      \"d\" : \"x\\ty/ß\"\n    }\n  } ]\n}",
        );
        assert_eq!(to_json(&[Double(f64::INFINITY), Double(f64::NAN)]).unwrap(), b"[ \"Infinity\", null ]");
    }
}
