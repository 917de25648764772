//! Windows over the same files. A part reads whole files and takes only the records of its window; what it says of the
//! rest, another part says again: how many records there are, and which places are no record at all.

use std::cmp::Reverse;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
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
    /// The same after 1, 2, 4, 8, ... records: by them a file is known again that has grown since.
    marks: Vec<u64>,
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

    /// Records that make the hash.
    fn hashed(&self) -> u64 {
        self.records.saturating_sub(self.kinds[0]).saturating_sub(self.kinds[1])
    }

    /// Whether this is the other file, or was before records were added to it. Of a longer one half of the records at least are
    /// compared.
    fn begins(&self, other: &OfFile) -> bool {
        let (mine, theirs) = (self.hashed(), other.hashed());
        match mine.checked_ilog2() {
            None => theirs == 0 && self.records == other.records,
            Some(_) if mine == theirs => self.hash == other.hash,
            Some(mark) => {
                let mark = mark as usize;
                mine < theirs && self.marks.get(mark).is_some_and(|own| other.marks.get(mark) == Some(own))
            }
        }
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
                if of_file.hashed().is_power_of_two() {
                    of_file.marks.push(of_file.hash);
                }
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
                marks: Vec::new(),
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

/// For each part the files that another part has read too, and tells all of: the same file, or one that had grown by then. Each
/// part has the path of its state, for messages.
///
/// # Errors
/// `STATES_DO_NOT_FIT`: such a file has records that count in both.
pub(crate) fn again(parts: &[(&Path, &[OfFile])]) -> Result<Vec<Vec<OfFile>>> {
    let mut named: IndexMap<&Path, Vec<(usize, &OfFile)>> = IndexMap::new();
    for (part, (path, files)) in parts.iter().enumerate() {
        for file in *files {
            let same = named.entry(&file.file).or_default();
            let timeless = |other: &OfFile| file.timeless.min(other.timeless);
            if let Some((first, other)) = same.iter().find(|(_, other)| timeless(other) > 0) {
                return Err(timeless_in_both(timeless(other), file, path, parts[*first].0));
            }
            same.push((part, file));
        }
    }
    let mut all = vec![Vec::new(); parts.len()];
    for mut same in named.into_values() {
        // The longest tells of all records, the first of those that are as long.
        same.sort_by_key(|(_, file)| Reverse((file.hashed(), file.records)));
        let mut told: Vec<&OfFile> = Vec::new();
        for (part, file) in same {
            if told.iter().any(|longer| file.begins(longer)) {
                all[part].push(file.clone());
            } else {
                told.push(file);
            }
        }
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
        .hint(
            "fold files without times as parts of their own, without `start_time` and `end_time`; take a line that is no \
             captured record out of its file",
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_that_are_no_record_count_by_their_kind_and_file() {
        let window = ["2024-05-01T00:00:00Z", "2024-05-01T01:00:00Z"].map(|time| time.parse().unwrap());
        let mut windowed = Windowed::new(Some(window.into()), true).unwrap();
        let damage = || Met::Damage("not JSON".into());
        for (file, line, met) in [
            ("a", 1, damage()),
            ("a", 3, damage()),
            ("a", 9, Met::File("cut off".into())),
            ("b", 1, damage()),
        ] {
            windowed.note(Path::new(file), line, &met);
        }
        let of_files: Vec<_> = windowed
            .finish()
            .into_iter()
            .map(|of| (of.file.clone(), of.records, of.kinds, of.hashed()))
            .collect();
        assert_eq!(of_files, [("a".into(), 3, [1, 2, 0], 0), ("b".into(), 1, [0, 1, 0], 0)]);
    }
}
