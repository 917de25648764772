//! The files that a part was folded from, by name and content: a file that would count in two parts is noticed before
//! anything is combined.

use std::collections::HashMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use plumbline_common::stop::Stop;
use plumbline_common::{Problem, Result, codes, input};

use crate::read::digest::Digests;
use crate::read::header::{self, First};
use crate::state::file::{Head, SourceFile, Stored};

/// Which text of one line is a header row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HeaderRow {
    /// None: each line is a row.
    Never,
    /// One with these names.
    Of(Vec<String>),
    /// One without a number.
    OfTexts,
    /// The first line of every file.
    Always,
}

impl HeaderRow {
    /// That of data which two monitors read: what is a row for one of them is a row.
    pub(crate) fn for_both(self, other: HeaderRow) -> HeaderRow {
        match (self, other) {
            (HeaderRow::Always, other) => other,
            (one, HeaderRow::Always) => one,
            (one, other) if one == other => one,
            _ => HeaderRow::Never,
        }
    }

    fn is(&self, line: &[u8], file: &Path) -> bool {
        let known = match self {
            HeaderRow::Never => return false,
            HeaderRow::Always => return true,
            HeaderRow::Of(names) => Some(names.as_slice()),
            HeaderRow::OfTexts => None,
        };
        let mut row = csv::StringRecord::new();
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(line);
        reader.read_record(&mut row).is_ok_and(|is_row| is_row)
            && matches!(header::first_row(&row, &[], known, file), Ok(First::Header(_)))
    }
}

/// Data in a folder.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Dataset {
    pub(crate) folder: PathBuf,
    pub(crate) header_row: HeaderRow,
}

/// The files of some folders that may have rows. `enough`: nobody wants to know any more.
///
/// # Errors
/// A file that cannot be read; being stopped.
pub(crate) fn of(
    datasets: &[Dataset],
    digests: &Digests,
    stop: &Stop,
    enough: &AtomicBool,
) -> Result<Vec<SourceFile>> {
    let mut sources = Vec::new();
    for dataset in datasets {
        for file in input::list(&dataset.folder)?.files {
            if enough.load(Ordering::Relaxed) {
                return Ok(sources);
            }
            if !may_have_rows(&file.path, &dataset.header_row) {
                continue;
            }
            let name = file.relative.clone();
            if let [digest] = digests.of(&[("dataset", vec![file])], stop)?.as_slice() {
                sources.push(SourceFile { name, sha256: digest.sha256.clone() });
            }
        }
    }
    Ok(sources)
}

/// False for a text with nothing but a header row: many hours may have the same one, and no rows.
fn may_have_rows(path: &Path, header_row: &HeaderRow) -> bool {
    const LOOKED_AT: u64 = 1 << 16;
    let mut start = Vec::new();
    let is_read = input::open(path).is_ok_and(|file| file.take(LOOKED_AT).read_to_end(&mut start).is_ok());
    if !is_read || start.len() as u64 == LOOKED_AT {
        return true;
    }
    let text = start.trim_ascii();
    match text {
        b"" | b"[]" | b"{}" => false,
        text if text.starts_with(b"{") || text.starts_with(b"[") => true,
        text => text.contains(&b'\n') || text.contains(&b'\r') || !header_row.is(text, path),
    }
}

/// That no file is in two parts, unless each part takes the records of another window from it.
///
/// # Errors
/// `STATES_DO_NOT_FIT`.
pub(crate) fn check(states: &[Stored]) -> Result<()> {
    let mut known: HashMap<&str, Vec<(&Stored, &Path)>> = HashMap::new();
    for state in states {
        for SourceFile { name, sha256 } in &state.head.files {
            let same = known.entry(sha256).or_default();
            // Parts may be folded from different folders, of which one lies in the other.
            let is_same = |other: &Path| name.ends_with(other) || other.ends_with(name);
            let twice = same.iter().find(|(other, other_name)| {
                other.path != state.path && is_same(other_name) && !are_apart(&other.head, &state.head)
            });
            if let Some((other, other_name)) = twice {
                return Err(in_two_parts((other, other_name), (state, name)));
            }
            same.push((state, name));
        }
    }
    Ok(())
}

fn in_two_parts((one, one_name): (&Stored, &Path), (two, two_name): (&Stored, &Path)) -> Problem {
    let windows = match (&one.head.window, &two.head.window) {
        (Some(one), Some(two)) => {
            format!("; the windows overlap: {} to {} and {} to {}", one[0], one[1], two[0], two[1])
        }
        _ => String::new(),
    };
    Problem::new(&codes::STATES_DO_NOT_FIT, "a file would count in two parts")
        .file(&two.path)
        .found(format!(
            "{} in part `{}`, the same content as {} in part `{}` of {}{windows}",
            two_name.display(),
            two.head.part,
            one_name.display(),
            one.head.part,
            one.path.display()
        ))
        .expected("each file in one part, or windows of captured records that do not overlap")
        .hint(
            "fold each file once; where two files are equal on purpose, fold both below one folder, under different names, \
             with `--files`",
        )
}

/// Whether two parts have windows that have no time in common.
fn are_apart(one: &Head, two: &Head) -> bool {
    let window = |head: &Head| -> Option<(Timestamp, Timestamp)> {
        let [start, end] = head.window.as_ref()?;
        Some((start.parse().ok()?, end.parse().ok()?))
    };
    match (window(one), window(two)) {
        (Some(one), Some(two)) => one.1 <= two.0 || two.1 <= one.0,
        _ => false,
    }
}
