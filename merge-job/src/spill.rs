//! The join when labels or event ids are more than memory holds; the result is the same bytes.
//!
//! Labels, ids and keys go to lists in a nameless scratch file, divided by hash, so that one division at
//! a time fits in memory. The captures are read twice: first for their ids, then, when every
//! division has said what becomes of its captures, to write the merged records in their order. Each
//! division keeps its verdicts in the order of its captures, so the second reading only takes the
//! next verdict of the division that a capture belongs to. Each verdict has the key of its capture: files that changed
//! in between are refused, and no capture gets the label of another.

use std::hash::BuildHasher;
use std::path::{Path, PathBuf};

use hashbrown::{DefaultHashBuilder, HashSet};
use plumbline_common::stop::Stop;
use plumbline_common::{Problem, Result, codes};

use crate::account::Account;
use crate::batch::Placed;
use crate::ids::Id;
use crate::join::{self, Candidate, Partners};
use crate::labels::{Delivery, Hit, Inserted, Labels};
use crate::record::{Capture, Label};
use crate::scratch::{List, ListReader, Pages};
use crate::settings::{DuplicateGroundTruth, Window};

/// Each division has up to three lists at a time, and each list a page in memory.
const MOST_DIVISIONS: u64 = 128;

/// One bit for each capture.
#[derive(Debug, Default)]
struct Bits(Vec<u64>);

impl Bits {
    fn set(&mut self, idx: u64) {
        let word = (idx / 64) as usize;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        if let Some(word) = self.0.get_mut(word) {
            *word |= 1 << (idx % 64);
        }
    }

    fn has(&self, idx: u64) -> bool {
        self.0.get((idx / 64) as usize).is_some_and(|word| word >> (idx % 64) & 1 == 1)
    }
}

/// Number of divisions so that each should fit: `bytes` of input against the memory there is.
pub(crate) fn divisions(bytes: u64, budget: u64) -> u64 {
    (2 * bytes).div_ceil(budget.max(1 << 20)).clamp(2, MOST_DIVISIONS)
}

/// First step: labels and ids are divided.
pub(crate) struct Divided {
    pages: Pages,
    hasher: DefaultHashBuilder,
    policy: DuplicateGroundTruth,
    labels: Vec<List>,
    labels_read: u64,
    /// The files that labels stand in, as messages name them; only kept where two labels that differ fail the job.
    names: Vec<PathBuf>,
    keys: Vec<List>,
    identities: Vec<List>,
    events: Vec<List>,
    captures: u64,
}

const NO_HOUR: u64 = i64::MIN as u64;
/// Marks in a list of keys: the key of a capture, or its event id, beside an inference id.
const KEY: u8 = 0;
const EVENT_ID: u8 = 1;

fn division(hash: u64, count: usize) -> usize {
    ((u128::from(hash) * count as u128) >> 64) as usize
}

impl Divided {
    /// # Errors
    /// The folder for scratch files cannot be written to.
    pub(crate) fn new(
        policy: DuplicateGroundTruth,
        keep_duplicates: bool,
        count: u64,
        folder: &Path,
    ) -> Result<Divided> {
        let count = count as usize;
        let of_ids = if keep_duplicates { 0 } else { count };
        Ok(Divided {
            pages: Pages::new(folder)?,
            hasher: DefaultHashBuilder::default(),
            policy,
            labels: List::many(count),
            labels_read: 0,
            names: Vec::new(),
            keys: List::many(count),
            identities: List::many(of_ids),
            events: List::many(of_ids),
            captures: 0,
        })
    }

    /// All labels come before the captures.
    ///
    /// # Errors
    /// As `Account::label`; scratch files cannot be written.
    pub(crate) fn label(&mut self, record: &Placed<Label>, account: &mut Account) -> Result<()> {
        if let Some(label) = account.label(record)? {
            let (id, value) = (record.texts.of(label.id), record.texts.of(label.value));
            let hour = record.origin.hour.map_or(NO_HOUR, |hour| hour as u64);
            if self.policy == DuplicateGroundTruth::Fail && self.names.last() != Some(&record.origin.name) {
                self.names.push(record.origin.name.clone());
            }
            let name = self.names.len().saturating_sub(1) as u64;
            let lengths = [id.len() as u64, value.len() as u64];
            let place = [self.labels_read, name, record.line, hour].map(u64::to_le_bytes);
            self.labels_read += 1;
            let idx = division(self.hasher.hash_one(label.parsed.number), self.labels.len());
            if let Some(list) = self.labels.get_mut(idx) {
                let lengths = lengths.map(u64::to_le_bytes);
                list.write(&mut self.pages, &[place.as_flattened(), lengths.as_flattened(), id, value])?;
            }
        }
        Ok(())
    }

    /// Where two labels that differ fail the job: the first in reading order that differs from an earlier one, as a join
    /// in memory meets it.
    ///
    /// # Errors
    /// There is one; scratch files cannot be read.
    pub(crate) fn check_conflicts(&mut self, stop: &Stop) -> Result<()> {
        if self.policy != DuplicateGroundTruth::Fail {
            return Ok(());
        }
        let mut first: Option<(u64, Problem)> = None;
        for list in &self.labels {
            stop.check()?;
            let (mut list, mut labels) = (list.look(), Labels::new(self.policy));
            while let Some(label) = next_label(&mut list, &mut self.pages)? {
                if labels.insert(Id::of(label.id), label.id, label.value, label.hour) != Inserted::Conflict {
                    continue;
                }
                if first.as_ref().is_none_or(|(number, _)| label.number < *number) {
                    let problem = join::conflict(label.id).line(label.line);
                    first = Some((
                        label.number,
                        match self.names.get(label.name as usize) {
                            Some(name) => problem.file(name),
                            None => problem,
                        },
                    ));
                }
                break;
            }
        }
        match first {
            Some((_, problem)) => Err(problem),
            None => Ok(()),
        }
    }

    /// First reading of a capture. It is counted in the second.
    ///
    /// # Errors
    /// Scratch files cannot be written.
    pub(crate) fn capture(&mut self, record: &Placed<Capture>, window: &Window) -> Result<()> {
        let Ok(Candidate { capture, .. }) = join::candidate(record.what, window) else { return Ok(()) };
        let number = self.captures;
        self.captures += 1;
        let Divided { pages, hasher, .. } = self;
        let mut add = |lists: &mut [List], id: u128, mark: &[u8]| {
            let idx = division(hasher.hash_one(id), lists.len());
            match lists.get_mut(idx) {
                Some(list) => list.write(pages, &[&id.to_le_bytes(), mark, &number.to_le_bytes()]),
                None => Ok(()),
            }
        };
        add(&mut self.identities, capture.identity(), &[])?;
        if let Some(event) = capture.event {
            add(&mut self.events, event, &[])?;
        }
        add(&mut self.keys, capture.key_number, &[KEY])?;
        if let Some(event) = capture.event.filter(|_| capture.has_inference_id) {
            add(&mut self.keys, event, &[EVENT_ID])?;
        }
        Ok(())
    }

    /// Second step: every division says what becomes of its captures.
    ///
    /// # Errors
    /// Scratch files cannot be written or read, or the job shall stop.
    pub(crate) fn judge(self, account: &mut Account, stop: &Stop) -> Result<Judged> {
        let (mut pages, known) = (self.pages, self.captures);
        let again = repeated(self.identities, &mut pages, |_| false, stop)?;
        let known_events = repeated(self.events, &mut pages, |number| again.has(number), stop)?;
        let mut by_event_id = Bits::default();
        let mut verdicts = Vec::new();
        for (labels, keys) in self.labels.into_iter().zip(self.keys) {
            stop.check()?;
            let mut labels = read_labels(labels, &mut pages, self.policy, account)?;
            let (mut keys, mut verdict) = (keys.read(), List::default());
            while let Some(key) = keys.bytes::<16>(&mut pages)? {
                let [mark] = keys.whole(&mut pages)?;
                let number = keys.number(&mut pages)?;
                if again.has(number) {
                    continue;
                }
                if mark == EVENT_ID {
                    if labels.has(u128::from_le_bytes(key)) {
                        by_event_id.set(number);
                    }
                    continue;
                }
                verdict.write(&mut pages, &[&key])?;
                for hit in labels.take(u128::from_le_bytes(key)) {
                    let hour = hit.hour.map_or(NO_HOUR, |hour| hour as u64);
                    let head = [1, hour, hit.value.len() as u64].map(u64::to_le_bytes);
                    verdict.write(&mut pages, &[head.as_flattened(), hit.value])?;
                }
                verdict.write(&mut pages, &[&0u64.to_le_bytes()])?;
            }
            account.labels(&labels);
            verdicts.push(verdict.read());
        }
        Ok(Judged {
            pages,
            hasher: self.hasher,
            again,
            known_events,
            by_event_id,
            verdicts,
            known,
            captures: 0,
        })
    }
}

/// The captures whose id another one had before; those that `passes` names do not count.
fn repeated(lists: Vec<List>, pages: &mut Pages, passes: impl Fn(u64) -> bool, stop: &Stop) -> Result<Bits> {
    let mut repeated = Bits::default();
    for list in lists {
        let (mut list, mut seen) = (list.read(), HashSet::new());
        while let Some(id) = list.bytes::<16>(pages)? {
            let number = list.number(pages)?;
            if !passes(number) && !seen.insert(id) {
                repeated.set(number);
            }
        }
        stop.check()?;
    }
    Ok(repeated)
}

/// A label in a list.
struct Listed<'a> {
    /// How many were read before it.
    number: u64,
    /// Its file, among the names.
    name: u64,
    line: u64,
    hour: Option<i64>,
    id: &'a [u8],
    value: &'a [u8],
}

fn next_label<'a>(list: &'a mut ListReader, pages: &mut Pages) -> Result<Option<Listed<'a>>> {
    let Some(number) = list.bytes(pages)? else { return Ok(None) };
    let (name, line, hour) = (list.number(pages)?, list.number(pages)?, list.number(pages)?);
    let (id_length, value_length) = (list.number(pages)?, list.number(pages)?);
    let (id, value) = list.text(id_length + value_length, pages)?.split_at(id_length as usize);
    let hour = (hour != NO_HOUR).then_some(hour as i64);
    Ok(Some(Listed { number: u64::from_le_bytes(number), name, line, hour, id, value }))
}

fn read_labels(
    list: List,
    pages: &mut Pages,
    policy: DuplicateGroundTruth,
    account: &mut Account,
) -> Result<Labels> {
    let (mut list, mut labels) = (list.read(), Labels::new(policy));
    while let Some(Listed { id, value, hour, .. }) = next_label(&mut list, pages)? {
        let outcome = labels.insert(Id::of(id), id, value, hour);
        join::inserted(outcome, id, policy, account)?;
    }
    Ok(labels)
}

/// Third step: the captures are read again and joined with what their divisions said.
pub(crate) struct Judged {
    pages: Pages,
    hasher: DefaultHashBuilder,
    again: Bits,
    known_events: Bits,
    by_event_id: Bits,
    verdicts: Vec<ListReader>,
    /// Captures of the first reading.
    known: u64,
    /// How many were asked about.
    captures: u64,
}

impl Judged {
    /// That the second reading had all captures of the first.
    ///
    /// # Errors
    /// It had not; scratch files cannot be read.
    pub(crate) fn check_all(&mut self) -> Result<()> {
        if self.captures != self.known {
            return Err(changed());
        }
        for verdict in &mut self.verdicts {
            if verdict.bytes::<1>(&mut self.pages)?.is_some() {
                return Err(changed());
            }
        }
        Ok(())
    }
}

/// The captures are not those of the first reading.
fn changed() -> Problem {
    Problem::new(
        &codes::FILE_OPERATION_FAILED,
        "the captures changed between the two times that they are read",
    )
    .field("dataset_source")
    .hint(
        "start the merge when all captures are written; with more memory (`memory_limit`) they are read once",
    )
}

impl Partners for Judged {
    fn delivery(&mut self, _: &Capture) -> Result<Delivery> {
        let number = self.captures;
        self.captures += 1;
        Ok(match () {
            () if self.again.has(number) => Delivery::Again,
            () if self.known_events.has(number) => Delivery::FirstOfKnownEvent,
            () => Delivery::First,
        })
    }

    fn labels(&mut self, capture: &Capture, mut each: impl FnMut(Hit)) -> Result<bool> {
        let idx = division(self.hasher.hash_one(capture.key_number), self.verdicts.len());
        let Some(verdict) = self.verdicts.get_mut(idx) else { return Ok(false) };
        let pages = &mut self.pages;
        if verdict.bytes(pages)? != Some(capture.key_number.to_le_bytes()) {
            return Err(changed().found("a change in this file, or in one that is read before it"));
        }
        let mut has_label = false;
        while verdict.number(pages)? == 1 {
            let hour = verdict.number(pages)?;
            let length = verdict.number(pages)?;
            let hour = (hour != NO_HOUR).then_some(hour as i64);
            each(Hit { value: verdict.text(length, pages)?, hour });
            has_label = true;
        }
        Ok(has_label)
    }

    fn event_has_label(&self, _: &Capture) -> bool {
        self.captures.checked_sub(1).is_some_and(|number| self.by_event_id.has(number))
    }
}
