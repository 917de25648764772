//! The files that a part was folded from, by name and content: a file that would count in two parts is noticed before
//! anything is combined.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use plumbline_common::input::{self, InputFile};
use plumbline_common::stop::Stop;
use plumbline_common::{Problem, Result, codes};

use crate::read::digest::Digests;
use crate::read::guarded;
use crate::state::file::{Head, SourceFile, Stored};

/// Data in a folder.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Dataset {
    pub(crate) folder: PathBuf,
    /// The first line of every text is a header row.
    pub(crate) headed: bool,
    /// Who reads it for a monitor computes the digests of its files.
    pub(crate) digested: bool,
}

/// The files of a dataset, each with whether it is bare of records.
pub(crate) type Listed = Vec<(InputFile, bool)>;

/// A file of the data, and whether it is bare of records, as far as its text tells.
pub(crate) type Found = (SourceFile, bool);

/// Lists the files of some datasets, and reads for their digests those that nobody else does it for. `enough`: nobody wants to
/// know any more.
///
/// # Errors
/// A file that cannot be read; being stopped.
pub(crate) fn list(
    datasets: &[Dataset],
    digests: &Arc<Digests>,
    stop: &Stop,
    enough: &AtomicBool,
) -> Result<Vec<Listed>> {
    let mut listed = Vec::new();
    for dataset in datasets {
        let mut files = Vec::new();
        for file in input::list(&dataset.folder)?.files {
            if enough.load(Ordering::Relaxed) {
                return Ok(listed);
            }
            let is_bare = is_bare(&file, dataset.headed);
            if !dataset.digested {
                digests.of_one(&file, stop)?;
            }
            files.push((file, is_bare));
        }
        listed.push(files);
    }
    Ok(listed)
}

/// These files with their digests, which are read for where nobody has done it yet.
///
/// # Errors
/// As `list`.
pub(crate) fn found(listed: Vec<Listed>, digests: &Arc<Digests>, stop: &Stop) -> Result<Vec<Found>> {
    listed
        .into_iter()
        .flatten()
        .map(|(file, is_bare)| {
            let sha256 = digests.of_one(&file, stop)?;
            Ok((SourceFile { name: file.relative, sha256 }, is_bare))
        })
        .collect()
}

/// True for a text with nothing but a header row, and for Parquet without rows: many hours may have the same file, and no record.
fn is_bare(file: &InputFile, headed: bool) -> bool {
    const LOOKED_AT: u64 = 1 << 16;
    let mut start = Vec::new();
    let is_read = file.open().is_ok_and(|text| text.take(LOOKED_AT).read_to_end(&mut start).is_ok());
    if !is_read {
        return false;
    }
    if start.starts_with(b"PAR1") {
        let read = |open: File| guarded::read(&file.relative, || SerializedFileReader::new(open)).ok();
        let reader = file.open_unchanged().ok().and_then(read);
        return reader.is_some_and(|reader| reader.metadata().file_metadata().num_rows() == 0);
    }
    if start.len() as u64 == LOOKED_AT {
        return false;
    }
    let text = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&start).trim_ascii();
    match text {
        b"" | b"[]" => true,
        text => headed && !text.contains(&b'\n') && !text.contains(&b'\r'),
    }
}

/// That no file is in two parts, unless each part takes the records of another window from it. With windows a file of the same
/// name is the same file: it may have grown between the folds.
///
/// # Errors
/// `STATES_DO_NOT_FIT`.
pub(crate) fn check(states: &[Stored]) -> Result<()> {
    let mut known: HashMap<&OsStr, Vec<(&Stored, &SourceFile)>> = HashMap::new();
    for state in states {
        for file in &state.head.files {
            let same = known.entry(file.name.file_name().unwrap_or_default()).or_default();
            // Parts may be folded from different folders, of which one lies in the other.
            let is_same = |other: &Path| file.name.ends_with(other) || other.ends_with(&file.name);
            let counts_twice = |other: &Head, sha256: &str| {
                let in_windows = other.window.is_some() && state.head.window.is_some();
                (sha256 == file.sha256 || in_windows) && !are_apart(other, &state.head)
            };
            let twice = same.iter().find(|(other, known)| {
                other.path != state.path && is_same(&known.name) && counts_twice(&other.head, &known.sha256)
            });
            if let Some((other, known)) = twice {
                return Err(in_two_parts((other, known), (state, file)));
            }
            same.push((state, file));
        }
    }
    Ok(())
}

fn in_two_parts((one, one_file): (&Stored, &SourceFile), (two, two_file): (&Stored, &SourceFile)) -> Problem {
    let are_timed = one.head.timed && two.head.timed;
    let windows = match (&one.head.window, &two.head.window) {
        (Some(_), Some(_)) if !are_timed => "; data without times are not divided by windows".into(),
        (Some(one), Some(two)) => {
            format!("; the windows overlap: {} to {} and {} to {}", one[0], one[1], two[0], two[1])
        }
        _ => String::new(),
    };
    let is_equal = one_file.sha256 == two_file.sha256;
    let as_what = if is_equal { "the same content as" } else { "under the name of" };
    let problem = Problem::new(&codes::STATES_DO_NOT_FIT, "a file would count in two parts")
        .file(&two.path)
        .found(format!(
            "{} in part `{}`, {as_what} {} in part `{}` of {}{windows}",
            two_file.name.display(),
            two.head.part,
            one_file.name.display(),
            one.head.part,
            one.path.display()
        ))
        .expected("each file in one part, or windows of captured records that do not overlap");
    if !is_equal && !are_timed {
        return problem.hint("leave out `start_time` and `end_time` in each fold where the files are others, and fold each file once");
    }
    problem.hint(
        "fold each file once; where two files are equal on purpose, fold both below one folder, under different names, \
         with `--files`",
    )
}

/// Whether two parts have windows that have no time in common.
fn are_apart(one: &Head, two: &Head) -> bool {
    let window = |head: &Head| -> Option<(Timestamp, Timestamp)> {
        let [start, end] = head.window.as_ref().filter(|_| head.timed)?;
        Some((start.parse().ok()?, end.parse().ok()?))
    };
    match (window(one), window(two)) {
        (Some(one), Some(two)) => one.1 <= two.0 || two.1 <= one.0,
        _ => false,
    }
}
