//! What became of captured records: bad ones by kind, and those outside of the window.

use std::path::{Path, PathBuf};

use plumbline_common::words::part_of;
use plumbline_common::{Problem, Result, codes};

use crate::config::ContentType;
use crate::read::gather::Gather;
use crate::read::headed::HEADED;
use crate::read::layout::Layout;
use crate::read::shown::{Refused, Shown};
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

/// Rows by their columns.
#[derive(Clone)]
pub(super) struct Table {
    pub(super) layout: Layout,
    pub(super) gather: Gather,
    /// The values of a request that are taken in: their positions and columns.
    pub(super) wanted: Vec<(usize, usize)>,
}

impl Table {
    /// Without a row.
    pub(super) fn new(layout: Layout, gather: Gather) -> Table {
        let columns = gather.wanted();
        let places = layout.captured.iter().copied().enumerate();
        let wanted = places.filter(|(_, column)| columns.contains(column)).collect();
        Table { layout, gather, wanted }
    }
}

/// What was read of captured records, in their order.
pub(super) struct Outcome {
    /// All of them.
    pub(super) records: u64,
    outside: Skips,
    skips: Skips,
    by_kind: [u64; Kind::ALL.len()],
    /// Files with a request that has a header row.
    headed: Vec<PathBuf>,
    /// The rows, once a record told their columns.
    pub(super) table: Option<Table>,
    /// Why the first record did not fit the headers; the reason when none does.
    pub(super) unfit: Option<Problem>,
    /// Kinds of the first request and answer, in which a model is spoken to when nothing else tells.
    pub(super) kinds: (Option<ContentType>, Option<ContentType>),
    /// What the records show of one another.
    pub(super) shown: Shown,
    /// The first record for which all are refused, if they are read by the right rules.
    pub(super) refused: Option<Refused>,
}

impl Outcome {
    /// Without a record. `table`: one without rows, where the columns are known.
    pub(super) fn new(table: Option<Table>) -> Outcome {
        Outcome {
            records: 0,
            outside: Skips::new("outside the time window"),
            skips: Skips::default(),
            by_kind: [0; Kind::ALL.len()],
            headed: Vec::new(),
            table,
            unfit: None,
            kinds: (None, None),
            shown: Shown::default(),
            refused: None,
        }
    }

    /// Records of the window.
    pub(super) fn used(&self) -> u64 {
        self.records - self.outside.skipped.records
    }

    /// A request of a file has a header row.
    pub(super) fn headed(&mut self, file: &Path) {
        if self.headed.last().is_none_or(|last| last != file) {
            self.headed.push(file.into());
        }
    }

    pub(super) fn outside(&mut self) {
        self.outside.skipped.records += 1;
    }

    pub(super) fn bad(&mut self, kind: Kind, file: &Path, line: u64, reason: &str) {
        self.by_kind[kind as usize] += 1;
        self.skips.add(file, line, reason);
    }

    /// Takes in what was read next, of one file by its number, by the same columns.
    pub(super) fn append(&mut self, file: usize, next: Outcome) {
        self.records += next.records;
        self.outside.append(next.outside);
        self.skips.append(next.skips);
        for (mine, theirs) in self.by_kind.iter_mut().zip(next.by_kind) {
            *mine += theirs;
        }
        next.headed.iter().for_each(|file| self.headed(file));
        if let (Some(mine), Some(theirs)) = (&mut self.table, &next.table)
            && theirs.gather.rows() > 0
        {
            mine.gather.begin(file);
            mine.gather.merge(&theirs.gather);
        }
        self.unfit = self.unfit.take().or(next.unfit);
        self.shown.append(&next.shown);
        self.refused = self.refused.take().or(next.refused);
        self.kinds = (self.kinds.0.or(next.kinds.0), self.kinds.1.or(next.kinds.1));
    }

    /// Tells `source` about the records, and gives the rows.
    ///
    /// # Errors
    /// Not one record of the whole has as many values as the configuration says.
    pub(super) fn finish(self, source: &mut Source<'_>) -> Result<Option<(Layout, Gather)>> {
        let (n_bad, used) = (self.skips.skipped.records, self.used());
        source.records += self.records;
        source.captured = self.kinds;
        source.shown = self.shown;
        source.refused = self.refused;
        source.notes.push(Note::Files { files: self.headed, what: HEADED.into() });
        source.notes.push(Note::Outside(self.outside));
        source.skipped(self.skips);
        source.bad_kinds = self.by_kind.to_vec();
        let rows = self.table.as_ref().map_or(0, |table| table.gather.rows());
        // Records that contradict the first one may be those that fit, by the rules that all of them show.
        let is_settled = source.shown.other_rules(&source.rules).is_none();
        match self.unfit {
            Some(problem) if rows == 0 && n_bad * 2 > used && is_settled && !source.options.part => {
                Err(problem)
            }
            _ => Ok(self.table.map(|Table { layout, gather, .. }| (layout, gather))),
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
