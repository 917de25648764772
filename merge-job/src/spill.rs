//! The join when labels or event ids are more than memory holds; the result is the same bytes.
//!
//! Labels, event ids and keys go to nameless scratch files, divided by hash, so that one division at
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

use crate::ids::Id;
use crate::join;
use crate::labels::Labels;
use crate::parts::Parts;
use crate::scan::{Capture, Label};
use crate::settings::{DuplicateGroundTruth, Window};
use crate::stream::Record;
use crate::summary::Tally;

const BUFFER_BYTES: usize = 32 << 10;
/// Each division takes two open files at a time.
const MOST_DIVISIONS: u64 = 128;

/// A scratch file without a name, written from end to end and then read.
struct Scratch {
    folder: PathBuf,
    writer: BufWriter<File>,
}

impl Scratch {
    fn new(folder: &Path) -> Result<Scratch> {
        let file = tempfile::tempfile_in(folder)
            .map_err(|error| Problem::io("create a scratch file in", folder, error))?;
        Ok(Scratch { folder: folder.into(), writer: BufWriter::with_capacity(BUFFER_BYTES, file) })
    }

    fn many(count: u64, folder: &Path) -> Result<Vec<Scratch>> {
        (0..count).map(|_| Scratch::new(folder)).collect()
    }

    fn write(&mut self, pieces: &[&[u8]]) -> Result<()> {
        let folder = &self.folder;
        pieces.iter().try_for_each(|piece| {
            self.writer.write_all(piece).map_err(|error| Problem::io("write scratch files in", folder, error))
        })
    }

    fn read(self) -> Result<Reader> {
        let failed = |error| Problem::io("read scratch files in", &self.folder, error);
        let mut file = self.writer.into_inner().map_err(|error| failed(error.into_error()))?;
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        let reader = BufReader::with_capacity(BUFFER_BYTES, file);
        Ok(Reader { folder: self.folder, reader, text: Vec::new() })
    }
}

struct Reader {
    folder: PathBuf,
    reader: BufReader<File>,
    text: Vec<u8>,
}

impl Reader {
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
    labels: Vec<Scratch>,
    keys: Vec<Scratch>,
    events: Vec<Scratch>,
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
            labels: Scratch::many(count, folder)?,
            keys: Vec::new(),
            events: Vec::new(),
            captures: 0,
        })
    }

    pub(crate) fn label(&mut self, record: &Record<Label>, tally: &mut Tally) -> Result<()> {
        if let Some(label) = join::admit_label(record, tally)? {
            let (id, value) = (record.texts.of(label.id), record.texts.of(label.value));
            let hour = record.origin.hour.map_or(NO_HOUR, |hour| hour as u64);
            let head = [hour, id.len() as u64, value.len() as u64].map(u64::to_le_bytes);
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
        self.keys = Scratch::many(count, &self.folder)?;
        self.events = Scratch::many(if self.keep_duplicates { 0 } else { count }, &self.folder)?;
        Ok(())
    }

    /// First reading of a capture. What is counted here is counted again in the second.
    pub(crate) fn capture(
        &mut self,
        record: &Record<Capture>,
        window: &Window,
        tally: &mut Tally,
    ) -> Result<()> {
        let Some(capture) = join::admit(record, window, tally)? else { return Ok(()) };
        let number = self.captures;
        self.captures += 1;
        if !self.events.is_empty() {
            let idx = division(self.hasher.hash_one(capture.event), self.events.len());
            if let Some(file) = self.events.get_mut(idx) {
                file.write(&[&capture.event.to_le_bytes(), &number.to_le_bytes()])?;
            }
        }
        self.key(KEY, number, capture.key_number)?;
        if capture.has_inference_id {
            self.key(EVENT_ID, number, capture.event)?;
        }
        Ok(())
    }

    fn key(&mut self, mark: u8, number: u64, key: u128) -> Result<()> {
        let idx = division(self.hasher.hash_one(key), self.keys.len());
        match self.keys.get_mut(idx) {
            Some(file) => file.write(&[&number.to_le_bytes(), &[mark], &key.to_le_bytes()]),
            None => Ok(()),
        }
    }

    /// Second step: every division says what becomes of its captures.
    ///
    /// # Errors
    /// Scratch files cannot be written or read, labels differ and must not, or the job shall stop.
    pub(crate) fn judge(self, tally: &mut Tally, stop: &Stop) -> Result<Judged> {
        let mut duplicates = Bits::default();
        for file in self.events {
            let (mut file, mut seen) = (file.read()?, HashSet::new());
            while let Some(event) = file.bytes::<16>()? {
                let number = file.next()?;
                if !seen.insert(event) {
                    duplicates.set(number);
                }
            }
            stop.check()?;
        }
        let mut by_event_id = Bits::default();
        let mut verdicts = Vec::new();
        for (labels, keys) in self.labels.into_iter().zip(self.keys) {
            stop.check()?;
            let mut labels = read_labels(labels, self.policy, tally)?;
            let mut keys = keys.read()?;
            let mut verdict = Scratch::new(&self.folder)?;
            while let Some(number) = keys.number()? {
                let [mark] = keys.whole()?;
                let key = u128::from_le_bytes(keys.whole()?);
                if duplicates.has(number) {
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
            tally.labels(&labels);
            verdicts.push(verdict.read()?);
        }
        Ok(Judged { hasher: self.hasher, duplicates, by_event_id, verdicts, captures: 0 })
    }
}

fn read_labels(file: Scratch, policy: DuplicateGroundTruth, tally: &mut Tally) -> Result<Labels> {
    let mut file = file.read()?;
    let mut labels = Labels::new(policy);
    while let Some(hour) = file.number()? {
        let hour = (hour != NO_HOUR).then_some(hour as i64);
        let (id_length, value_length) = (file.next()?, file.next()?);
        let text = file.text(id_length + value_length)?;
        let (id, value) = text.split_at(id_length as usize);
        let outcome = labels.insert(Id::of(id), id, value, hour);
        join::inserted(outcome, id, policy, tally)?;
    }
    Ok(labels)
}

/// Third step: the captures are read again and written with their labels.
pub(crate) struct Judged {
    hasher: DefaultHashBuilder,
    duplicates: Bits,
    by_event_id: Bits,
    verdicts: Vec<Reader>,
    captures: u64,
}

impl Judged {
    /// Second reading of a capture.
    ///
    /// # Errors
    /// As `join::admit` and `join::write`, or scratch files cannot be read.
    pub(crate) fn capture(
        &mut self,
        record: &Record<Capture>,
        window: &Window,
        tally: &mut Tally,
        parts: &mut Parts,
    ) -> Result<()> {
        let Some(capture) = join::admit(record, window, tally)? else { return Ok(()) };
        let number = self.captures;
        self.captures += 1;
        if self.duplicates.has(number) {
            tally.summary.captures_duplicate += 1;
            return Ok(());
        }
        let idx = division(self.hasher.hash_one(capture.key_number), self.verdicts.len());
        let Some(verdict) = self.verdicts.get_mut(idx) else { return Ok(()) };
        let mut found = false;
        while verdict.next()? == 1 {
            let hour = verdict.next()?;
            let length = verdict.next()?;
            join::write(record, capture, verdict.text(length)?, parts)?;
            if !found {
                tally.merged(capture.time, (hour != NO_HOUR).then_some(hour as i64));
            }
            found = true;
        }
        tally.looked_up(record.texts.of(capture.key), found, || self.by_event_id.has(number));
        Ok(())
    }
}
