//! What becomes of a captured record: the one rule for a run in memory, one by way of scratch files, and a dry run.
//! They differ in where labels come from (`Partners`) and in whether records are written.

use std::hint;

use plumbline_common::{Problem, Result, codes};

use crate::account::{Account, Fate};
use crate::batch::{Placed, Records};
use crate::labels::{Delivery, Hit, Inserted, Labels};
use crate::output::Parts;
use crate::record::{Bad, Capture, Label};
use crate::settings::{DuplicateGroundTruth, Window};

/// A captured record that may take part in the join.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Candidate<'a> {
    pub(crate) capture: &'a Capture,
    /// Outside the window of a schedule, which leaves nothing out.
    pub(crate) is_outside: bool,
}

/// Whether a record takes part in the join; if not, what becomes of it.
pub(crate) fn candidate<'a>(
    what: &'a std::result::Result<Capture, Bad>,
    window: &Window,
) -> std::result::Result<Candidate<'a>, Fate> {
    let capture = what.as_ref().map_err(|bad| Fate::Bad(*bad))?;
    if window.start.is_none() && window.end.is_none() {
        return Ok(Candidate { capture, is_outside: false });
    }
    let is_outside = match capture.known_time() {
        Ok(time) => {
            window.start.is_some_and(|start| time < start) || window.end.is_some_and(|end| time >= end)
        }
        Err(_) if !window.filters => false,
        Err(bad) => return Err(Fate::Bad(bad)),
    };
    if is_outside && window.filters { Err(Fate::Outside) } else { Ok(Candidate { capture, is_outside }) }
}

/// Where the labels of captures come from. Captures are asked about in their order, each once by each function.
pub(crate) trait Partners {
    /// Whether a capture was delivered before.
    ///
    /// # Errors
    /// Scratch files cannot be read.
    fn delivery(&mut self, capture: &Capture) -> Result<Delivery>;

    /// Calls `each` with every label of a capture, in the order they were read; true when there is one.
    ///
    /// # Errors
    /// Scratch files cannot be read.
    fn labels(&mut self, capture: &Capture, each: impl FnMut(Hit)) -> Result<bool>;

    /// Whether the event id of the capture asked about last has a label.
    fn event_has_label(&self, capture: &Capture) -> bool;
}

/// Joins one captured record, counts it, and adds it to the output if it is merged and there is one.
///
/// # Errors
/// As `Partners`; the record is bad and the job shall stop.
pub(crate) fn capture(
    record: &Placed<Capture>,
    window: &Window,
    partners: &mut impl Partners,
    account: &mut Account,
    mut output: Option<&mut Parts>,
) -> Result<()> {
    let Candidate { capture, is_outside } = match candidate(record.what, window) {
        Ok(candidate) => candidate,
        Err(fate) => return account.capture(record, fate, None),
    };
    account.summary.captures_outside_window_kept += u64::from(is_outside);
    match partners.delivery(capture)? {
        Delivery::Again => {
            note_folder(record, output);
            return account.capture(record, Fate::Again, None);
        }
        Delivery::FirstOfKnownEvent => account.summary.captures_repeated_event_id += 1,
        Delivery::First => {}
    }
    let body = record.texts.of(capture.body);
    let mut first_hour = None;
    let has_label = partners.labels(capture, |label| {
        first_hour.get_or_insert(label.hour);
        if let Some(output) = &mut output {
            output.add(&record.origin.folder, &[b"{\"groundTruthData\":", label.value, b",", body, b"\n"]);
        }
    })?;
    let fate = if has_label {
        Fate::Merged
    } else {
        note_folder(record, output);
        Fate::NoLabel { by_event_id: capture.has_inference_id && partners.event_has_label(capture) }
    };
    account.capture(record, fate, first_hour.flatten())
}

/// A capture without a record in the output took part in the join all the same.
fn note_folder(record: &Placed<Capture>, output: Option<&mut Parts>) {
    if let Some(output) = output {
        output.joins(&record.origin.folder);
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
    account: &mut Account,
) -> Result<()> {
    match (outcome, policy) {
        (Inserted::New, _) | (Inserted::Conflict, DuplicateGroundTruth::All) => {}
        (Inserted::Same, _) => account.summary.labels_duplicate_same += 1,
        (Inserted::Conflict, DuplicateGroundTruth::Fail) => {
            return Err(conflict(id));
        }
        (Inserted::Conflict, _) => account.summary.labels_duplicate_conflict += 1,
    }
    Ok(())
}

/// Two labels of an id differ, and the job shall not choose.
pub(crate) fn conflict(id: &[u8]) -> Problem {
    let id = String::from_utf8_lossy(id);
    Problem::new(&codes::CONFLICTING_LABELS, format!("two labels of `{id}` differ"))
        .hint("`duplicate_ground_truth=last` takes the later one")
}

/// Records whose table slots are prefetched at a time: enough for the memory accesses to overlap, few enough to stay in
/// the processor's cache.
const AHEAD: usize = 128;

/// Software prefetch: touches the table slots that the next lookups need. Cache misses take longer than anything else
/// here; these do not depend on each other, so they overlap, and the lookups that follow hit the cache.
fn prefetch<T>(records: Records<T>, from: usize, touch: impl Fn(&T) -> bool) {
    let found = records.found().get(from..).unwrap_or_default().iter().take(AHEAD);
    hint::black_box(found.filter(|found| found.what.as_ref().is_ok_and(&touch)).count());
}

/// The join in memory.
#[derive(Debug)]
pub(crate) struct InMemory {
    pub(crate) labels: Labels,
    policy: DuplicateGroundTruth,
    keep_duplicates: bool,
    budget: u64,
    /// Bytes of all ground truth, about.
    label_bytes: u64,
}

impl Partners for InMemory {
    fn delivery(&mut self, capture: &Capture) -> Result<Delivery> {
        Ok(if self.keep_duplicates { Delivery::First } else { self.labels.see(capture) })
    }

    fn labels(&mut self, capture: &Capture, each: impl FnMut(Hit)) -> Result<bool> {
        let mut labels = self.labels.take(capture.key_number).peekable();
        let has_label = labels.peek().is_some();
        labels.for_each(each);
        Ok(has_label)
    }

    fn event_has_label(&self, capture: &Capture) -> bool {
        capture.event.is_some_and(|event| self.labels.has(event))
    }
}

impl InMemory {
    pub(crate) fn new(
        policy: DuplicateGroundTruth,
        keep_duplicates: bool,
        budget: u64,
        label_bytes: u64,
    ) -> InMemory {
        InMemory { labels: Labels::new(policy), policy, keep_duplicates, budget, label_bytes }
    }

    /// Makes room for all labels, as many as the first block lets expect and no more than fit.
    fn make_room(&mut self, records: Records<Label>) {
        let blocks = self.label_bytes / records.bytes().max(1) as u64;
        let expected = blocks.saturating_mul(records.found().len() as u64).min(self.budget / 64);
        self.labels.reserve(expected as usize);
    }

    /// From here on everything fits: what is still to come is known to be little.
    pub(crate) fn lift_budget(&mut self) {
        self.budget = u64::MAX;
    }

    /// Whether the join may go on in memory.
    fn fits(&self) -> bool {
        self.labels.memory() <= self.budget
    }

    /// Takes in the ground truth of a block, at most `most` records; false when these are read or memory is full.
    ///
    /// # Errors
    /// A record cannot be used and the job shall stop; as `inserted`.
    pub(crate) fn ground_truth(
        &mut self,
        records: Records<Label>,
        most: u64,
        account: &mut Account,
    ) -> Result<bool> {
        if self.labels.is_empty() {
            self.make_room(records);
        }
        for (idx, record) in records.iter().enumerate() {
            if account.summary.labels_read >= most {
                return Ok(false);
            }
            if idx % AHEAD == 0 {
                prefetch(records, idx, |label| self.labels.touch(label.parsed.number));
            }
            if let Some(label) = account.label(&record)? {
                let id = record.texts.of(label.id);
                let outcome =
                    self.labels.insert(label.parsed, id, record.texts.of(label.value), record.origin.hour);
                inserted(outcome, id, self.policy, account)
                    .map_err(|problem| problem.file(&record.origin.name).line(record.line))?;
                if !self.fits() {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Joins the captures of a block, at most `most` records; false when these are read or memory is full.
    ///
    /// # Errors
    /// As `capture`.
    pub(crate) fn captures(
        &mut self,
        records: Records<Capture>,
        most: u64,
        window: &Window,
        account: &mut Account,
        mut output: Option<&mut Parts>,
    ) -> Result<bool> {
        for (idx, record) in records.iter().enumerate() {
            if account.summary.captures_read >= most {
                return Ok(false);
            }
            if idx % AHEAD == 0 {
                prefetch(records, idx, |Capture { key_number, event, .. }| {
                    self.labels.touch(*key_number) | event.is_some_and(|event| self.labels.touch(event))
                });
                // With the table at hand, the entries.
                prefetch(records, idx, |capture| self.labels.has(capture.key_number));
            }
            capture(&record, window, self, account, output.as_deref_mut())?;
            if !self.fits() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
