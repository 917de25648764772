//! The entries of the setting `columns` at work: blocks as they were read become blocks with other columns.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use indexmap::IndexSet;
use plumbline_common::words::counted;
use plumbline_common::{Problem, Result, codes};

use super::Columns;
use super::block::{Block, Span};
use crate::monitor::columns::{Cast, Sample, Step};
use crate::state::profile::{Spelling, spelling};
use crate::values::java;

/// The columns that are handed on, and how their cells come about.
pub(super) struct Cells<'a> {
    steps: &'a [(String, Step)],
    /// For rows that are records themselves.
    sample: Option<Sample>,
    /// So many columns of the data have been looked at.
    known: usize,
    outs: Vec<Out<'a>>,
    /// Columns that are left out behind an entry which some values do not fit: such values make their rows bad all the same.
    checks: Vec<Out<'a>>,
    pub(super) columns: Columns,
    /// By entry: the columns it names that were there.
    met: Vec<HashSet<String>>,
    /// The last row sampled: its file and line, and how many rows of that line came before it.
    last: (PathBuf, u64, u64),
}

struct Out<'a> {
    from: usize,
    ops: Ops<'a>,
}

#[derive(Clone, Copy)]
enum Op<'a> {
    Cast(Cast),
    Part { at: &'a str, of: usize, number: usize },
    Null(&'a HashSet<String>),
}

impl<'a> Cells<'a> {
    pub(super) fn new(steps: &'a [(String, Step)], sample: Option<Sample>) -> Cells<'a> {
        Cells {
            steps,
            sample,
            known: 0,
            outs: Vec::new(),
            checks: Vec::new(),
            columns: Columns::default(),
            met: vec![HashSet::new(); steps.len()],
            last: (PathBuf::new(), 0, 0),
        }
    }

    /// Takes the columns that the data have now; they only ever become more.
    ///
    /// # Errors
    /// Two columns with one name; names by position for columns that have names, or for another number of them.
    pub(super) fn extend(&mut self, found: &Columns) -> Result<()> {
        let steps = self.steps;
        for (from, name) in found.names.iter().enumerate().skip(self.known) {
            let (mut current, mut dropped) = (vec![(name.clone(), Vec::new())], Vec::new());
            for (number, (field, step)) in steps.iter().enumerate() {
                for (name, _) in &current {
                    if step.names().contains(&name.as_str()) {
                        self.met[number].insert(name.clone());
                    }
                }
                self.columns.named |= matches!(step, Step::Name(_) | Step::Rename(_) | Step::Split { .. });
                current = applied(current, &mut dropped, field, step, from, found)?;
            }
            let may_refuse = |ops: &Ops<'_>| ops.iter().any(|(_, op)| !matches!(op, Op::Null(_)));
            self.checks.extend(dropped.into_iter().filter(may_refuse).map(|ops| Out { from, ops }));
            for (name, ops) in current {
                let (_, new) = self.columns.names.insert_full(name.clone());
                if !new {
                    return Err(Problem::new(
                        &codes::HEADERS_DO_NOT_FIT,
                        "two columns get the same name from `columns`",
                    )
                    .field("columns")
                    .found(format!("`{name}`"))
                    .hint("rename or drop one of them"));
                }
                self.outs.push(Out { from, ops });
            }
        }
        self.known = found.names.len();
        self.columns.named |= found.named;
        self.columns.by_header = found.by_header;
        self.columns.unnamed.clone_from(&found.unnamed);
        if self.columns.nested.len() != found.nested.len() {
            self.columns.nested.clone_from(&found.nested);
        }
        Ok(())
    }

    /// Where a column of the data stands among those that are handed on; nowhere when it is left out.
    pub(super) fn places(&self, from: usize) -> impl Iterator<Item = usize> {
        self.outs.iter().enumerate().filter(move |(_, out)| out.from == from).map(|(at, _)| at)
    }

    /// Whether the values of a column of the data are looked at, although it is left out.
    pub(super) fn is_checked(&self, from: usize) -> bool {
        self.checks.iter().any(|check| check.from == from)
    }

    /// The first column that an entry names and the data lack so far, with the entry.
    pub(super) fn missing(&self) -> Option<(&'a str, &'a str)> {
        self.steps.iter().zip(&self.met).find_map(|((field, step), met)| {
            let missing = step.names().into_iter().filter(|name| !met.contains(*name)).min()?;
            Some((field.as_str(), missing))
        })
    }

    /// The rows of a block with the columns that are wanted; `bad` gets line and reason of those that cannot be.
    pub(super) fn apply(&mut self, block: Block, file: &Path, bad: &mut Vec<(u64, String)>) -> Block {
        let mut made = String::new();
        let mut cells = Vec::with_capacity(block.rows() * self.outs.len());
        let mut lines = Vec::with_capacity(block.rows());
        let read = block.text().len();
        for row in 0..block.rows() {
            let line = block.line(row);
            if !self.sampled(file, line) {
                continue;
            }
            let first = cells.len();
            let span_of = |out: &Out<'_>| match out.from < block.width() {
                true => block.span(row, out.from),
                false => Span::MISSING,
            };
            let is_there = |check: &&Out<'_>| span_of(check) != Span::MISSING;
            let mut refused =
                self.checks.iter().filter(is_there).find_map(|check| {
                    changed(block.cell(row, check.from).unwrap_or_default(), &check.ops).err()
                });
            for out in &self.outs {
                let span = span_of(out);
                if out.ops.is_empty() || span == Span::MISSING {
                    cells.push(span);
                    continue;
                }
                match changed(block.cell(row, out.from).unwrap_or_default(), &out.ops) {
                    Ok(None) => cells.push(Span::MISSING),
                    Ok(Some(text)) => {
                        let start = read + made.len();
                        made.push_str(&text);
                        cells.push(Span::new(start..start + text.len()));
                    }
                    Err(reason) => refused = Some(reason),
                }
            }
            if let Some(reason) = refused {
                cells.truncate(first);
                bad.push((line, reason));
            } else {
                lines.push(line);
            }
        }
        block.with_cells(&made, cells, self.outs.len(), lines)
    }

    fn sampled(&mut self, file: &Path, line: u64) -> bool {
        let Some(sample) = &self.sample else { return true };
        let (last_file, last_line, before) = &mut self.last;
        if *last_file != file {
            (*last_file, *last_line, *before) = (file.to_path_buf(), line, 0);
        } else {
            *before = if *last_line == line { *before + 1 } else { 0 };
            *last_line = line;
        }
        sample.keeps(&format!("{}:{line}:{before}", file.display()))
    }
}

type Ops<'a> = Vec<(&'a str, Op<'a>)>;
type Current<'a> = Vec<(String, Ops<'a>)>;

/// `dropped`: takes what was done so far with columns that the entry leaves out.
fn applied<'a>(
    current: Current<'a>,
    dropped: &mut Vec<Ops<'a>>,
    field: &'a str,
    step: &'a Step,
    from: usize,
    found: &Columns,
) -> Result<Current<'a>> {
    let mut out = Current::new();
    for (name, mut ops) in current {
        match step {
            Step::Name(names) => {
                if found.named || names.len() != found.names.len() {
                    let what = if found.named { "with names" } else { "without names" };
                    return Err(Problem::new(&codes::HEADERS_DO_NOT_FIT, "the names do not fit the columns")
                        .field(field)
                        .found(format!(
                            "{} for {} {what}",
                            counted(names.len(), "name"),
                            counted(found.names.len(), "column")
                        ))
                        .expected("a name for each column of data without names")
                        .hint("columns that have names are renamed with `rename`"));
                }
                out.push((names[from].clone(), ops));
            }
            Step::Keep(names) if !names.contains(&name) => dropped.push(ops),
            Step::Drop(names) if names.contains(&name) => dropped.push(ops),
            Step::Rename(names) => out.push((names.get(&name).cloned().unwrap_or(name), ops)),
            Step::Cast(casts) => {
                ops.extend(casts.get(&name).map(|cast| (field, Op::Cast(*cast))));
                out.push((name, ops));
            }
            Step::Split { column, at, into } if *column == name => {
                for (number, part) in into.iter().enumerate() {
                    let mut ops = ops.clone();
                    ops.push((field, Op::Part { at, of: into.len(), number }));
                    out.push((part.clone(), ops));
                }
            }
            Step::Null(column, values) if column.as_ref().is_none_or(|column| *column == name) => {
                ops.push((field, Op::Null(values)));
                out.push((name, ops));
            }
            Step::Keep(_) | Step::Drop(_) | Step::Split { .. } | Step::Null(..) => out.push((name, ops)),
        }
    }
    Ok(out)
}

/// A value after all that is done with it; `None` when it is missing then.
fn changed(text: &str, ops: &[(&str, Op<'_>)]) -> std::result::Result<Option<String>, String> {
    let mut text = text.to_string();
    for (field, op) in ops {
        let refused = |what: &str| format!("{field}: `{}` {what}", shown(&text));
        match op {
            Op::Null(values) if values.contains(&text) => return Ok(None),
            Op::Null(_) => {}
            Op::Part { at, of, number } => {
                let parts: Vec<&str> = text.split(at).collect();
                if parts.len() != *of {
                    return Err(refused(&format!("has {} parts, expected {of}", parts.len())));
                }
                let part = parts[*number].to_string();
                if part.is_empty() {
                    return Ok(None);
                }
                text = part;
            }
            Op::Cast(Cast::Boolean) => match text.trim().to_ascii_lowercase().as_str() {
                "true" | "t" | "yes" | "y" | "1" | "1.0" => text = "true".into(),
                "false" | "f" | "no" | "n" | "0" | "0.0" => text = "false".into(),
                _ => return Err(refused("is no truth value")),
            },
            Op::Cast(cast) => {
                let (kind, number) = spelling(text.trim());
                if !matches!(kind, Spelling::Integral | Spelling::Fractional) {
                    return Err(refused("is no number"));
                }
                match cast {
                    Cast::Number => {
                        text.clear();
                        java::push_double(&mut text, number);
                    }
                    // Already written as one: digits beyond the precision of doubles stay.
                    _ if kind == Spelling::Integral => text = text.trim().replace(' ', ""),
                    _ if number.fract() != 0.0 => return Err(refused("is no whole number")),
                    _ => text = format!("{number:.0}"),
                }
            }
        }
    }
    Ok(Some(text))
}

/// The first characters of a value, for messages.
fn shown(text: &str) -> String {
    text.chars().take(40).collect()
}

/// The text of a payload that is BASE64.
///
/// # Errors
/// It is none, or no text.
pub(super) fn decoded(text: &str) -> std::result::Result<String, String> {
    let bytes = STANDARD.decode(text.trim_ascii()).map_err(|error| format!("not BASE64: {error}"))?;
    String::from_utf8(bytes).map_err(|_| "not UTF-8 text".into())
}

/// Names of columns as text sorts them where numbers inside count as numbers: `_c2` before `_c10`.
pub(super) fn natural(a: &str, b: &str) -> std::cmp::Ordering {
    let digits = |text: &str| text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (mut left, mut right) = (a, b);
    loop {
        let (n, m) = (digits(left), digits(right));
        if n > 0 && m > 0 {
            let (x, y) = (left[..n].trim_start_matches('0'), right[..m].trim_start_matches('0'));
            let order = x.len().cmp(&y.len()).then_with(|| x.cmp(y));
            if order.is_ne() {
                return order;
            }
            (left, right) = (&left[n..], &right[m..]);
            continue;
        }
        match (left.chars().next(), right.chars().next()) {
            (Some(x), Some(y)) if x == y => {
                (left, right) = (&left[x.len_utf8()..], &right[y.len_utf8()..]);
            }
            // Equal up to zeros in front of numbers: their text decides.
            (None, None) => return a.cmp(b),
            (x, y) => return x.cmp(&y),
        }
    }
}

/// The places of the names in natural order, and whether that is their order as text.
pub(super) fn in_natural_order(names: &IndexSet<String>) -> (Vec<usize>, bool) {
    let mut order: Vec<usize> = (0..names.len()).collect();
    order.sort_by(|&a, &b| natural(&names[a], &names[b]));
    let as_text = order.windows(2).all(|pair| names[pair[0]] <= names[pair[1]]);
    (order, as_text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_become_what_the_entries_say() {
        let null = HashSet::from(["-1".to_string()]);
        let cast = |cast| ("e", Op::Cast(cast));
        for (text, op, expected) in [
            ("1.0", cast(Cast::Integer), Some("1")),
            ("1e3", cast(Cast::Integer), Some("1000")),
            (" 7", cast(Cast::Integer), Some("7")),
            ("12345678901234567890", cast(Cast::Integer), Some("12345678901234567890")),
            ("1", cast(Cast::Number), Some("1.0")),
            ("2.50", cast(Cast::Number), Some("2.5")),
            ("True", cast(Cast::Boolean), Some("true")),
            ("0", cast(Cast::Boolean), Some("false")),
            ("a-b", ("e", Op::Part { at: "-", of: 2, number: 1 }), Some("b")),
            ("a-", ("e", Op::Part { at: "-", of: 2, number: 1 }), None),
            ("-1", ("e", Op::Null(&null)), None),
            ("-1.0", ("e", Op::Null(&null)), Some("-1.0")),
        ] {
            assert_eq!(changed(text, &[op]).unwrap().as_deref(), expected, "{text}");
        }
        for (text, op) in [
            ("1.5", cast(Cast::Integer)),
            ("x", cast(Cast::Integer)),
            ("", cast(Cast::Number)),
            ("maybe", cast(Cast::Boolean)),
            ("a-b-c", ("e", Op::Part { at: "-", of: 2, number: 1 })),
        ] {
            let reason = changed(text, &[op]).unwrap_err();
            assert!(reason.starts_with(&format!("e: `{text}` ")), "{reason}");
        }
    }

    #[test]
    fn natural_order_takes_numbers_as_numbers() {
        let mut names = ["_c10", "_c2", "b", "a", "_c1", "x2y10", "x2y9", "007", "7", "8", "", "é"];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, ["", "007", "7", "8", "_c1", "_c2", "_c10", "a", "b", "x2y9", "x2y10", "é"]);
        let set = |names: &[&str]| names.iter().map(|name| name.to_string()).collect::<IndexSet<_>>();
        assert_eq!(in_natural_order(&set(&["_c10", "_c2"])), (vec![1, 0], false));
        assert_eq!(in_natural_order(&set(&["0010", "0002"])), (vec![1, 0], true));
    }
}
