//! The join when labels or event ids are more than memory holds; the result is the same bytes.
//!
//! Labels, ids and keys go to nameless scratch files, divided by hash, so that one division at
//! a time fits in memory. The captures are read twice: first for their ids, then, when every
//! division has said what becomes of its captures, to write the merged records in their order. Each
//! division keeps its verdicts in the order of its captures, so the second reading only takes the
//! next verdict of the division that a capture belongs to.

use std::fs::File;
use std::hash::BuildHasher;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use hashbrown::{DefaultHashBuilder, HashSet};
use plumbline_common::stop::Stop;
use plumbline_common::{Problem, Result};

use crate::account::Account;
use crate::ids::Id;
use crate::join::{self, Candidate, Partners};
use crate::labels::{Delivery, Hit, Labels};
use crate::record::{Capture, Label};
use crate::settings::{DuplicateGroundTruth, Window};
use crate::stream::Placed;

const BUFFER_BYTES: usize = 32 << 10;
/// Each division takes four open files at a time.
const MOST_DIVISIONS: u64 = 128;

/// A scratch file without a name, written from end to end and then read.
struct ScratchFile {
    folder: PathBuf,
    writer: BufWriter<File>,
}

impl ScratchFile {
    fn new(folder: &Path) -> Result<ScratchFile> {
        let file = tempfile::tempfile_in(folder)
            .map_err(|error| Problem::io("create a scratch file in", folder, error))?;
        Ok(ScratchFile { folder: folder.into(), writer: BufWriter::with_capacity(BUFFER_BYTES, file) })
    }

    fn many(count: u64, folder: &Path) -> Result<Vec<ScratchFile>> {
        (0..count).map(|_| ScratchFile::new(folder)).collect()
    }

    fn write(&mut self, pieces: &[&[u8]]) -> Result<()> {
        let folder = &self.folder;
        pieces.iter().try_for_each(|piece| {
            self.writer.write_all(piece).map_err(|error| Problem::io("write scratch files in", folder, error))
        })
    }

    fn read(self) -> Result<ScratchReader> {
        let failed = |error| Problem::io("read scratch files in", &self.folder, error);
        let mut file = self.writer.into_inner().map_err(|error| failed(error.into_error()))?;
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        let reader = BufReader::with_capacity(BUFFER_BYTES, file);
        Ok(ScratchReader { folder: self.folder, reader, text: Vec::new() })
    }
}

struct ScratchReader {
    folder: PathBuf,
    reader: BufReader<File>,
    text: Vec<u8>,
}

impl ScratchReader {
    fn failed(&self, error: io::Error) -> Problem {
        Problem::io("read scratch files in", &self.folder, error)
    }

    /// The next bytes; none at the end of the file.
    fn bytes<const N: usize>(&mut self) -> Result<Option<[u8; N]>> {
        let mut bytes = [0; N];
        match self.reader.read_exact(&mut bytes) {
            Ok(()) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(self.failed(error)),
        }
    }

    fn number(&mut self) -> Result<Option<u64>> {
        Ok(self.bytes()?.map(u64::from_le_bytes))
    }

    /// As `bytes`, where the file cannot end.
    fn whole<const N: usize>(&mut self) -> Result<[u8; N]> {
        self.bytes()?.ok_or_else(|| self.failed(io::ErrorKind::UnexpectedEof.into()))
    }

    /// As `number`, where the file cannot end.
    fn next(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.whole()?))
    }

    fn text(&mut self, length: u64) -> Result<&[u8]> {
        self.text.resize(length as usize, 0);
        if let Err(error) = self.reader.read_exact(&mut self.text) {
            return Err(self.failed(error));
        }
        Ok(&self.text)
    }
}

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
    folder: PathBuf,
    hasher: DefaultHashBuilder,
    policy: DuplicateGroundTruth,
    keep_duplicates: bool,
    labels: Vec<ScratchFile>,
    /// The files that labels stand in, as messages name them; only kept where two labels that differ fail the job.
    names: Vec<PathBuf>,
    keys: Vec<ScratchFile>,
    identities: Vec<ScratchFile>,
    events: Vec<ScratchFile>,
    captures: u64,
}

const NO_HOUR: u64 = i64::MIN as u64;
/// Marks in a file of keys: the key of a capture, or its event id, beside an inference id.
const KEY: u8 = 0;
const EVENT_ID: u8 = 1;

fn division(hash: u64, count: usize) -> usize {
    ((u128::from(hash) * count as u128) >> 64) as usize
}

impl Divided {
    pub(crate) fn new(
        policy: DuplicateGroundTruth,
        keep_duplicates: bool,
        count: u64,
        folder: &Path,
    ) -> Result<Divided> {
        Ok(Divided {
            folder: folder.into(),
            hasher: DefaultHashBuilder::default(),
            policy,
            keep_duplicates,
            labels: ScratchFile::many(count, folder)?,
            names: Vec::new(),
            keys: Vec::new(),
            identities: Vec::new(),
            events: Vec::new(),
            captures: 0,
        })
    }

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
            let head = [hour, name, record.line, id.len() as u64, value.len() as u64].map(u64::to_le_bytes);
            let idx = division(self.hasher.hash_one(label.parsed.number), self.labels.len());
            if let Some(file) = self.labels.get_mut(idx) {
                file.write(&[head.as_flattened(), id, value])?;
            }
        }
        Ok(())
    }

    /// All labels are there; captures follow.
    pub(crate) fn labels_end(&mut self) -> Result<()> {
        let count = self.labels.len() as u64;
        self.keys = ScratchFile::many(count, &self.folder)?;
        let of_ids = if self.keep_duplicates { 0 } else { count };
        self.identities = ScratchFile::many(of_ids, &self.folder)?;
        self.events = ScratchFile::many(of_ids, &self.folder)?;
        Ok(())
    }

    /// First reading of a capture. It is counted in the second.
    ///
    /// # Errors
    /// Scratch files cannot be written.
    pub(crate) fn capture(&mut self, record: &Placed<Capture>, window: &Window) -> Result<()> {
        let Ok(Candidate { capture, .. }) = join::candidate(record.what, window) else { return Ok(()) };
        let number = self.captures;
        self.captures += 1;
        numbered(&mut self.identities, &self.hasher, capture.identity(), &[], number)?;
        if let Some(event) = capture.event {
            numbered(&mut self.events, &self.hasher, event, &[], number)?;
        }
        numbered(&mut self.keys, &self.hasher, capture.key_number, &[KEY], number)?;
        if let Some(event) = capture.event.filter(|_| capture.has_inference_id) {
            numbered(&mut self.keys, &self.hasher, event, &[EVENT_ID], number)?;
        }
        Ok(())
    }

    /// Second step: every division says what becomes of its captures.
    ///
    /// # Errors
    /// Scratch files cannot be written or read, labels differ and must not, or the job shall stop.
    pub(crate) fn judge(self, account: &mut Account, stop: &Stop) -> Result<Judged> {
        let again = repeated(self.identities, |_| false, stop)?;
        let known_events = repeated(self.events, |number| again.has(number), stop)?;
        let mut by_event_id = Bits::default();
        let mut verdicts = Vec::new();
        for (labels, keys) in self.labels.into_iter().zip(self.keys) {
            stop.check()?;
            let mut labels = read_labels(labels, self.policy, &self.names, account)?;
            let mut keys = keys.read()?;
            let mut verdict = ScratchFile::new(&self.folder)?;
            while let Some(key) = keys.bytes::<16>()? {
                let key = u128::from_le_bytes(key);
                let [mark] = keys.whole()?;
                let number = keys.next()?;
                if again.has(number) {
                    continue;
                }
                if mark == EVENT_ID {
                    if labels.has(key) {
                        by_event_id.set(number);
                    }
                    continue;
                }
                for hit in labels.take(key) {
                    let hour = hit.hour.map_or(NO_HOUR, |hour| hour as u64);
                    let head = [1, hour, hit.value.len() as u64].map(u64::to_le_bytes);
                    verdict.write(&[head.as_flattened(), hit.value])?;
                }
                verdict.write(&[&0u64.to_le_bytes()])?;
            }
            account.labels(&labels);
            verdicts.push(verdict.read()?);
        }
        Ok(Judged { hasher: self.hasher, again, known_events, by_event_id, verdicts, captures: 0 })
    }
}

/// Writes an id and the number of its capture to the division of the id.
fn numbered(
    files: &mut [ScratchFile],
    hasher: &DefaultHashBuilder,
    id: u128,
    mark: &[u8],
    number: u64,
) -> Result<()> {
    let idx = division(hasher.hash_one(id), files.len());
    match files.get_mut(idx) {
        Some(file) => file.write(&[&id.to_le_bytes(), mark, &number.to_le_bytes()]),
        None => Ok(()),
    }
}

/// The captures whose id another one had before; those that `passes` names do not count.
fn repeated(files: Vec<ScratchFile>, passes: impl Fn(u64) -> bool, stop: &Stop) -> Result<Bits> {
    let mut repeated = Bits::default();
    for file in files {
        let (mut file, mut seen) = (file.read()?, HashSet::new());
        while let Some(id) = file.bytes::<16>()? {
            let number = file.next()?;
            if !passes(number) && !seen.insert(id) {
                repeated.set(number);
            }
        }
        stop.check()?;
    }
    Ok(repeated)
}

fn read_labels(
    file: ScratchFile,
    policy: DuplicateGroundTruth,
    names: &[PathBuf],
    account: &mut Account,
) -> Result<Labels> {
    let mut file = file.read()?;
    let mut labels = Labels::new(policy);
    while let Some(hour) = file.number()? {
        let hour = (hour != NO_HOUR).then_some(hour as i64);
        let (name, line) = (file.next()?, file.next()?);
        let (id_length, value_length) = (file.next()?, file.next()?);
        let text = file.text(id_length + value_length)?;
        let (id, value) = text.split_at(id_length as usize);
        let outcome = labels.insert(Id::of(id), id, value, hour);
        join::inserted(outcome, id, policy, account).map_err(|problem| match names.get(name as usize) {
            Some(name) => problem.file(name).line(line),
            None => problem,
        })?;
    }
    Ok(labels)
}

/// Third step: the captures are read again and joined with what their divisions said.
pub(crate) struct Judged {
    hasher: DefaultHashBuilder,
    again: Bits,
    known_events: Bits,
    by_event_id: Bits,
    verdicts: Vec<ScratchReader>,
    /// How many were asked about.
    captures: u64,
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
        let mut has_label = false;
        while verdict.next()? == 1 {
            let hour = verdict.next()?;
            let length = verdict.next()?;
            let hour = (hour != NO_HOUR).then_some(hour as i64);
            each(Hit { value: verdict.text(length)?, hour });
            has_label = true;
        }
        Ok(has_label)
    }

    fn event_has_label(&self, _: &Capture) -> bool {
        self.captures.checked_sub(1).is_some_and(|number| self.by_event_id.has(number))
    }
}
