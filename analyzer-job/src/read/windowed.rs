//! Windows over the same files. A part reads whole files and takes only the records of its window; what it says of the
//! rest, another part says again: how many records there are, and which places are no record at all.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use plumbline_common::{Problem, Result, codes};
use serde::{Deserialize, Serialize};

use crate::read::captured::{self, Met};
use crate::read::notes::Skips;
use crate::state::hll;

/// What is the same of a file in every window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct OfFile {
    file: PathBuf,
    pub(crate) records: u64,
    /// Of the texts of the records.
    hash: u64,
    /// Places that are no record, and records whose time is none: they lie in no window.
    pub(crate) undated: Skips,
    /// How many of these are files, places and times.
    pub(crate) kinds: [u64; 3],
    /// Records that tell no time, or only an hour that is not wholly inside or outside of the window: they count in more than one.
    timeless: u64,
}

impl OfFile {
    /// Records that lie in some window, or would.
    fn dated(&self) -> u64 {
        self.records.saturating_sub(self.undated.skipped.records)
    }
}

/// Notes it while a part is read.
pub(crate) struct Windowed {
    window: (Timestamp, Timestamp),
    /// A record without a time has the hour of its folder.
    by_hour: bool,
    files: Vec<OfFile>,
}

impl Windowed {
    pub(crate) fn new(window: Option<(Timestamp, Timestamp)>, by_hour: bool) -> Option<Windowed> {
        Some(Windowed { window: window?, by_hour, files: Vec::new() })
    }

    pub(crate) fn finish(self) -> Vec<OfFile> {
        self.files
    }

    /// Takes what was met next.
    pub(crate) fn note(&mut self, file: &Path, line: u64, met: &Met<'_>) {
        let (start, end) = self.window;
        let (by_hour, window) = (self.by_hour, Some(self.window));
        let (kind, reason) = match met {
            Met::Bytes(_) => return,
            Met::File(reason) => (0, reason.clone()),
            Met::Damage(reason) => (1, reason.clone()),
            Met::Record { record, text, hour } => {
                let metadata = record.event_metadata.as_ref();
                let is_timed = metadata.is_some_and(|metadata| metadata.inference_time.is_some());
                let hour = hour.filter(|_| by_hour);
                let is_whole = |hour: Timestamp| {
                    let next = hour.checked_add(SignedDuration::from_hours(1)).unwrap_or(Timestamp::MAX);
                    next <= start || hour >= end || (start <= hour && next <= end)
                };
                let of_file = self.of(file);
                of_file.records += 1;
                of_file.hash =
                    (of_file.hash ^ hll::hash(text.as_bytes())).rotate_left(23).wrapping_mul(PRIME);
                of_file.timeless += u64::from(!is_timed && !hour.is_some_and(is_whole));
                match captured::in_window(record, None, window) {
                    Ok(_) => return,
                    Err(reason) => {
                        let reason = captured::named(metadata, reason);
                        of_file.kinds[2] += 1;
                        of_file.undated.add(file, line, &reason);
                        return;
                    }
                }
            }
        };
        let of_file = self.of(file);
        of_file.records += 1;
        of_file.kinds[kind] += 1;
        of_file.undated.add(file, line, &reason);
    }

    fn of(&mut self, file: &Path) -> &mut OfFile {
        if self.files.last().is_none_or(|last| last.file.as_os_str() != file.as_os_str()) {
            self.files.push(OfFile {
                file: file.into(),
                records: 0,
                hash: 0,
                undated: Skips::default(),
                kinds: [0; 3],
                timeless: 0,
            });
        }
        let last = self.files.len() - 1;
        &mut self.files[last]
    }
}

/// Records outside of the windows that were counted again.
pub(crate) fn outside(again: &[Vec<OfFile>]) -> u64 {
    again.iter().flatten().map(OfFile::dated).sum()
}

/// An odd number, to mix the hashes of records in their order.
const PRIME: u64 = 0x9E37_79B1_85EB_CA87;

/// For each part the files that an earlier part has read too. Each part has the path of its state, for messages.
///
/// # Errors
/// `STATES_DO_NOT_FIT`: such a file has records that count in both.
pub(crate) fn again(parts: &[(&Path, &[OfFile])]) -> Result<Vec<Vec<OfFile>>> {
    let mut known: HashMap<(&Path, u64, u64), &Path> = HashMap::new();
    let mut named: HashMap<&Path, (&OfFile, &Path)> = HashMap::new();
    let mut all = Vec::new();
    for (path, files) in parts {
        let mut twice = Vec::new();
        for file in *files {
            let key = (file.file.as_path(), file.records, file.hash);
            // A file of the same name may be the same one that has grown since.
            let (other, first) = *named.entry(&file.file).or_insert((file, path));
            let timeless = file.timeless.min(other.timeless);
            if timeless > 0 && first != *path {
                return Err(timeless_in_both(timeless, file, path, first));
            }
            if known.insert(key, path).is_some() {
                twice.push(file.clone());
            }
        }
        all.push(twice);
    }
    Ok(all)
}

fn timeless_in_both(timeless: u64, file: &OfFile, path: &Path, first: &Path) -> Problem {
    Problem::new(&codes::STATES_DO_NOT_FIT, "records without a time count in every window")
        .file(path)
        .found(format!(
            "{timeless} in {}, which {} was folded from as well",
            file.file.display(),
            first.display()
        ))
        .hint("fold files without times as parts of their own, without `start_time` and `end_time`")
}
