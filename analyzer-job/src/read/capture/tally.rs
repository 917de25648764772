//! What became of captured records: bad ones by kind, and those outside of the window.

use std::path::{Path, PathBuf};

use plumbline_common::words::part_of;
use plumbline_common::{Problem, Result, codes};

use super::Reader;
use crate::read::gather::Gather;
use crate::read::layout::Layout;
use crate::read::{Note, Notes, Skips, Source};

/// What a bad record lacks: what to do about it depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    NoRecord,
    NoCapture,
    NoOutput,
    NoTruth,
    Time,
    Payload,
    Features,
    Answer,
    Truth,
    Counts,
    Headers,
}

impl Kind {
    const ALL: [Kind; 12] = [
        Kind::File,
        Kind::NoRecord,
        Kind::NoCapture,
        Kind::NoOutput,
        Kind::NoTruth,
        Kind::Time,
        Kind::Payload,
        Kind::Features,
        Kind::Answer,
        Kind::Truth,
        Kind::Counts,
        Kind::Headers,
    ];

    /// The way out when most records are bad for this reason.
    fn hint(self) -> &'static str {
        match self {
            Kind::File => "the files are damaged or still being written: fetch them again",
            Kind::NoRecord => {
                "the folder holds other files than captured records: name the folder of the captures in `dataset_source`"
            }
            Kind::NoCapture => {
                "these are not captured records; for a dataset set `dataset_type` to its format, such as text/csv"
            }
            Kind::NoOutput => {
                "let the endpoint capture its output too (`CaptureOptions` with Input and Output)"
            }
            Kind::NoTruth => {
                "run the merge job on the captures first, or give the setting `ground_truth_source`"
            }
            Kind::Time => {
                "`inferenceTime` is a time such as 2026-01-02T10:05:00Z; without a window it is not read"
            }
            Kind::Payload => {
                "set `JsonContentTypes` or `CsvContentTypes` of the capture to the content types of the endpoint"
            }
            Kind::Features => {
                "set `features_attribute` to the JMESPath of the features in a request, such as `instances[*].features`"
            }
            Kind::Answer => {
                "an answer of null is none; where the places are wrong, set `inference_attribute` (`predictor.label`) and \
                 `probability_attribute` (`predictor.probability`) to those in an answer: a position in CSV, a JMESPath in JSON"
            }
            Kind::Truth => "set `label` to the place of the label in the ground truth: a JMESPath in JSON",
            Kind::Counts => {
                "each row of a request needs an answer and a label of its own; look at one such record and at the paths"
            }
            Kind::Headers => "`headers` names each value of a request in its order, and the label",
        }
    }
}

/// Places among the counts of bad records of those kinds that lie in no window: files, places that are no record, times.
pub(in crate::read) const UNDATED: [usize; 3] =
    [Kind::File as usize, Kind::NoRecord as usize, Kind::Time as usize];

const HEADED: &str =
    "rows of captured requests are the names in `headers`; they are read as header rows, and left out";

/// Bad records and those outside of the window.
pub(super) struct Tally {
    pub(super) outside: Skips,
    skips: Skips,
    by_kind: [u64; Kind::ALL.len()],
    /// Files with a request that has a header row.
    headed: Vec<PathBuf>,
}

impl Tally {
    pub(super) fn new() -> Tally {
        Tally {
            outside: Skips::new("outside the time window"),
            skips: Skips::default(),
            by_kind: [0; Kind::ALL.len()],
            headed: Vec::new(),
        }
    }

    /// A request of a file has a header row.
    pub(super) fn headed(&mut self, file: &Path) {
        if self.headed.last().is_none_or(|last| last != file) {
            self.headed.push(file.into());
        }
    }

    pub(super) fn bad(&mut self, kind: Kind, file: &Path, line: u64, reason: &str) {
        self.by_kind[kind as usize] += 1;
        self.skips.add(file, line, reason);
    }

    /// # Errors
    /// Not one record of the whole has as many values as the configuration says.
    pub(super) fn finish(
        self,
        reader: Reader<'_>,
        source: &mut Source<'_>,
    ) -> Result<Option<(Layout, Gather)>> {
        let (n_bad, outside) = (self.skips.skipped.records, self.outside.skipped.records);
        let used = source.records - outside;
        source.notes.push(Note::Files { files: self.headed, what: HEADED.into() });
        source.notes.push(Note::Outside(self.outside));
        source.skipped(self.skips);
        source.bad_kinds = self.by_kind.to_vec();
        let rows = reader.read.as_ref().map_or(0, |(_, gather)| gather.rows());
        match reader.unfit {
            Some(problem) if rows == 0 && n_bad * 2 > used && !source.options.part => Err(problem),
            _ => Ok(reader.read),
        }
    }
}

/// Whether so many records are bad that something must be wrong. `kinds`: the bad ones by kind; `records`: all that
/// were read.
///
/// # Errors
/// `MOST_RECORDS_BAD`: more than half of the window's.
pub(in crate::read) fn judge(notes: &Notes, kinds: &[u64], records: u64) -> Result<()> {
    let (bad, outside) = notes.of_captures();
    let n_bad = bad.map_or(0, |bad| bad.records);
    let used = records.saturating_sub(outside.map_or(0, |outside| outside.records));
    if n_bad * 2 <= used {
        return Ok(());
    }
    let example = bad.and_then(|bad| bad.examples.first().cloned()).unwrap_or_default();
    // The first of equally frequent reasons.
    let of = |kind: &Kind| kinds.get(*kind as usize).copied().unwrap_or_default();
    let most = Kind::ALL.into_iter().rev().max_by_key(of);
    let problem =
        Problem::new(&codes::MOST_RECORDS_BAD, "more than half of the captured records cannot be used")
            .found(format!("{}, the first: {example}", part_of(n_bad, used, "record")));
    Err(match most {
        Some(kind) => problem.hint(kind.hint()),
        None => problem,
    })
}
