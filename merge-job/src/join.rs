//! Captured record and labels -> merged records. In memory when it fits, else by way of `spill`.

use std::hint;

use plumbline_common::{Problem, Result, codes};

use crate::labels::{Inserted, Labels};
use crate::parts::Parts;
use crate::scan::{Bad, Capture, Label};
use crate::settings::{DuplicateGroundTruth, Window};
use crate::stream::{Record, Records};
use crate::summary::{Kind, Tally};

/// What the rules of the run make of a capture before its label is looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Eligible,
    /// Outside the window of a schedule: eligible all the same.
    Counted,
    LeftOut,
    NoTime,
}

pub(crate) fn standing(capture: &Capture, window: &Window) -> Standing {
    if window.start.is_none() && window.end.is_none() {
        return Standing::Eligible;
    }
    let Some(time) = capture.time else {
        return if window.filters { Standing::NoTime } else { Standing::Eligible };
    };
    let inside = window.start.is_none_or(|start| time >= start) && window.end.is_none_or(|end| time < end);
    match (inside, window.filters) {
        (true, _) => Standing::Eligible,
        (false, true) => Standing::LeftOut,
        (false, false) => Standing::Counted,
    }
}

/// Counts a captured record; the capture when it takes part in the join.
///
/// # Errors
/// The record cannot be used and the job shall stop.
pub(crate) fn admit<'a>(
    record: &Record<'a, Capture>,
    window: &Window,
    tally: &mut Tally,
) -> Result<Option<&'a Capture>> {
    tally.summary.captures_read += 1;
    let bad = match record.what {
        Err(bad) => *bad,
        Ok(capture) => match standing(capture, window) {
            Standing::Eligible => return Ok(Some(capture)),
            Standing::Counted => {
                tally.summary.captures_outside_window_kept += 1;
                return Ok(Some(capture));
            }
            Standing::LeftOut => {
                tally.summary.captures_outside_window += 1;
                return Ok(None);
            }
            Standing::NoTime => Bad::Missing { field: "eventMetadata.inferenceTime" },
        },
    };
    tally.bad(Kind::Capture, record.origin, record.line, bad)?;
    Ok(None)
}

/// Counts a ground-truth record; the label when it can be used.
///
/// # Errors
/// As `admit`.
pub(crate) fn admit_label<'a>(record: &Record<'a, Label>, tally: &mut Tally) -> Result<Option<&'a Label>> {
    tally.summary.labels_read += 1;
    match record.what {
        Ok(label) => Ok(Some(label)),
        Err(bad) => {
            tally.bad(Kind::Label, record.origin, record.line, *bad)?;
            Ok(None)
        }
    }
}

/// Counts what became of a label.
///
/// # Errors
/// Two labels of one id differ and the job shall stop then.
pub(crate) fn inserted(
    outcome: Inserted,
    id: &[u8],
    policy: DuplicateGroundTruth,
    tally: &mut Tally,
) -> Result<()> {
    match (outcome, policy) {
        (Inserted::New, _) | (Inserted::Conflict, DuplicateGroundTruth::All) => {}
        (Inserted::Same, _) => tally.summary.labels_duplicate_same += 1,
        (Inserted::Conflict, DuplicateGroundTruth::Fail) => {
            let id = String::from_utf8_lossy(id);
            return Err(Problem::new(&codes::CONFLICTING_LABELS, format!("two labels of `{id}` differ"))
                .hint("`duplicate_ground_truth=last` takes the later one"));
        }
        (Inserted::Conflict, _) => tally.summary.labels_duplicate_conflict += 1,
    }
    Ok(())
}

/// Writes one merged record.
///
/// # Errors
/// The output cannot be created.
pub(crate) fn write(
    record: &Record<Capture>,
    capture: &Capture,
    label: &[u8],
    parts: &mut Parts,
) -> Result<()> {
    let body = record.texts.of(capture.body);
    parts.add(&record.origin.folder, &[b"{\"groundTruthData\":", label, b",", body, b"\n"])
}

/// How many records are looked up ahead: enough for their answers to overlap, few enough for the
/// pages they lie in to be remembered by the processor.
const AHEAD: usize = 128;

/// Asks the tables for what will be asked again in a moment. Answers from far memory take longer
/// than anything else here; those that do not wait for each other overlap, and whoever asks again
/// finds them close by.
fn fetch<T>(records: Records<T>, from: usize, ask: impl Fn(&T) -> bool) {
    let found = records.found().get(from..).unwrap_or_default().iter().take(AHEAD);
    hint::black_box(found.filter(|found| found.what.as_ref().is_ok_and(&ask)).count());
}

/// The join in memory.
#[derive(Debug)]
pub(crate) struct Memory {
    pub(crate) labels: Labels,
    policy: DuplicateGroundTruth,
    keep_duplicates: bool,
    budget: u64,
    /// Bytes of all ground truth, about.
    label_bytes: u64,
}

impl Memory {
    pub(crate) fn new(
        policy: DuplicateGroundTruth,
        keep_duplicates: bool,
        budget: u64,
        label_bytes: u64,
    ) -> Memory {
        Memory { labels: Labels::new(policy), policy, keep_duplicates, budget, label_bytes }
    }

    /// Makes room for all labels, as many as the first block lets expect and no more than fit.
    fn make_room(&mut self, records: Records<Label>) {
        let blocks = self.label_bytes / records.bytes().max(1) as u64;
        let expected = blocks.saturating_mul(records.found().len() as u64).min(self.budget / 64);
        self.labels.reserve(expected as usize);
    }

    /// Whether the join may go on in memory.
    fn fits(&self) -> bool {
        self.labels.memory() <= self.budget
    }

    /// Takes in the ground truth of a block; false when memory does not do.
    ///
    /// # Errors
    /// As `admit_label` and `inserted`.
    pub(crate) fn labels(&mut self, records: Records<Label>, tally: &mut Tally) -> Result<bool> {
        if self.labels.is_empty() {
            self.make_room(records);
        }
        for (idx, record) in records.iter().enumerate() {
            if idx % AHEAD == 0 {
                fetch(records, idx, |label| self.labels.has(label.parsed.number));
            }
            if let Some(label) = admit_label(&record, tally)? {
                let id = record.texts.of(label.id);
                let outcome =
                    self.labels.insert(label.parsed, id, record.texts.of(label.value), record.origin.hour);
                inserted(outcome, id, self.policy, tally)
                    .map_err(|problem| problem.file(&record.origin.name).line(record.line))?;
                if !self.fits() {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Joins the captures of a block; false when memory does not do.
    ///
    /// # Errors
    /// As `admit` and `write`.
    pub(crate) fn captures(
        &mut self,
        records: Records<Capture>,
        window: &Window,
        tally: &mut Tally,
        parts: &mut Parts,
    ) -> Result<bool> {
        for (idx, record) in records.iter().enumerate() {
            if idx % AHEAD == 0 {
                fetch(records, idx, |capture| {
                    let same = capture.key_number == capture.event;
                    self.labels.has(capture.key_number) | (!same && self.labels.has(capture.event))
                });
            }
            self.capture(&record, window, tally, parts)?;
            if !self.fits() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn capture(
        &mut self,
        record: &Record<Capture>,
        window: &Window,
        tally: &mut Tally,
        parts: &mut Parts,
    ) -> Result<()> {
        let Some(capture) = admit(record, window, tally)? else { return Ok(()) };
        if !self.keep_duplicates && !self.labels.see(capture.event) {
            tally.summary.captures_duplicate += 1;
            return Ok(());
        }
        let mut found = false;
        for hit in self.labels.take(capture.key_number) {
            write(record, capture, hit.value, parts)?;
            if !found {
                tally.merged(capture.time, hit.hour);
            }
            found = true;
        }
        tally.looked_up(record.texts.of(capture.key), found, || {
            capture.has_inference_id && self.labels.has(capture.event)
        });
        Ok(())
    }

    /// Counts the labels that were and were not used.
    pub(crate) fn finish(&self, tally: &mut Tally) {
        tally.labels(&self.labels);
        if tally.summary.merged == 0 {
            tally.find_near_miss(&self.labels);
        }
    }
}
