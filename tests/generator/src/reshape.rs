//! The same records in another shape: for tests and benchmarks of readers that take more than lines.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// How records stand in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Shape {
    /// One list on one line
    List,
    /// Each record over several lines
    Pretty,
    /// Each record in a line, no two of which are alike but for texts: a member with another number in each
    Unlike,
}

/// Writes all JSON Lines files below `from` as one file.
///
/// # Errors
/// A file cannot be read or written.
pub fn reshape(shape: Shape, from: &Path, to: &Path) -> Result<()> {
    let mut files = Vec::new();
    files_below(from, &mut files)?;
    files.sort();
    fs::create_dir_all(to.parent().unwrap_or(Path::new("")))?;
    let mut out = BufWriter::with_capacity(1 << 20, File::create(to)?);
    let mut number = 0u64;
    for file in files {
        let context = || format!("cannot reshape {}", file.display());
        for line in BufReader::with_capacity(1 << 20, File::open(&file).with_context(context)?).split(b'\n') {
            write_record(shape, number, &line.with_context(context)?, &mut out)?;
            number += 1;
        }
    }
    if shape == Shape::List {
        out.write_all(if number == 0 { b"[]\n" } else { b"]\n" })?;
    }
    out.flush()?;
    Ok(())
}

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files_below(&path, found)?;
        } else {
            found.push(path);
        }
    }
    Ok(())
}

fn write_record(shape: Shape, number: u64, record: &[u8], out: &mut impl Write) -> io::Result<()> {
    match shape {
        Shape::List => {
            out.write_all(if number == 0 { b"[" } else { b", " })?;
            out.write_all(record)
        }
        Shape::Unlike => {
            let inside = record.strip_suffix(b"}").unwrap_or(record);
            out.write_all(inside)?;
            writeln!(out, ",\"sequence\":{}}}", number * 7919)
        }
        Shape::Pretty => {
            let (mut depth, mut inside, mut escaped) = (0usize, false, false);
            for &byte in record {
                if inside {
                    inside = escaped || byte != b'"';
                    escaped = !escaped && byte == b'\\';
                    out.write_all(&[byte])?;
                    continue;
                }
                let closes = matches!(byte, b'}' | b']');
                if closes {
                    depth -= 1;
                    write!(out, "\n{:1$}", "", 2 * depth)?;
                }
                out.write_all(&[byte])?;
                inside = byte == b'"';
                depth += usize::from(matches!(byte, b'{' | b'['));
                if matches!(byte, b'{' | b'[' | b',') {
                    write!(out, "\n{:1$}", "", 2 * depth)?;
                } else if byte == b':' {
                    out.write_all(b" ")?;
                }
            }
            out.write_all(b"\n")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(shape: Shape, expected: &str) {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("in")).unwrap();
        fs::write(root.path().join("in/a"), "{\"a\":\"x{\\\"\"}\n").unwrap();
        fs::write(root.path().join("in/b"), "{\"b\":[1]}\n").unwrap();
        reshape(shape, &root.path().join("in"), &root.path().join("out/one")).unwrap();
        assert_eq!(fs::read_to_string(root.path().join("out/one")).unwrap(), expected);
    }

    #[test]
    fn records_are_the_same_in_every_shape() {
        check(Shape::List, "[{\"a\":\"x{\\\"\"}, {\"b\":[1]}]\n");
        check(Shape::Pretty, "{\n  \"a\": \"x{\\\"\"\n}\n{\n  \"b\": [\n    1\n  ]\n}\n");
        check(Shape::Unlike, "{\"a\":\"x{\\\"\",\"sequence\":0}\n{\"b\":[1],\"sequence\":7919}\n");
    }
}
