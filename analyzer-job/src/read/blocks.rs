//! Datasets counted by all processors.
//!
//! Files are cut into blocks of whole records, each block is counted by itself, and the counts are merged in the order
//! of the files: results do not depend on the number of processors or the size of blocks. What is not as it mostly is
//! is left to the reader of one record after the other, which has the rules and names the line.

use std::collections::BTreeMap;
use std::iter::Enumerate;
use std::slice;
use std::sync::{Mutex, MutexGuard, PoisonError};

use plumbline_common::Result;
use plumbline_common::input::InputFile;

use crate::read::Source;
use crate::read::gather::Gather;
use crate::read::pieces::Pieces;

/// Bytes of a block: thousands of rows, and one for each processor fits the memory that is asked for.
pub(crate) const BLOCK_BYTES: usize = 1 << 19;

/// Whole records of a file.
pub(super) struct Block<B> {
    /// Number of the file.
    pub(super) file: usize,
    /// What it took to read it.
    pub(super) bytes: u64,
    pub(super) records: B,
}

/// Counts blocks. None when the data have to be read one record after the other.
///
/// `first`: the first block; `next`: the one that follows, given records that are done with, `Some(None)` at the end; `like`:
/// what is counted, without a row; `count`: the rows of a block. Both give none when something is not as it should be.
///
/// # Errors
/// `STOPPED`.
pub(super) fn count<B: Send>(
    first: Block<B>,
    next: impl FnMut(Option<B>) -> Option<Option<Block<B>>> + Send,
    like: &Gather,
    count: impl Fn(&B) -> Option<Gather> + Sync,
    source: &mut Source<'_>,
) -> Result<Option<Gather>> {
    let ahead = Mutex::new(Ahead { first: Some(first), next, number: 0, is_done: false });
    let counted = Mutex::new(Counted {
        all: like.clone(),
        source,
        number: 0,
        waiting: BTreeMap::new(),
        outcome: Ok(true),
    });
    // Each reads a block and counts it at once, while it is in the cache of its processor.
    let work = || {
        let mut spent = None;
        loop {
            let taken = lock(&ahead).take(spent.take());
            let Some((number, block)) = taken else { break };
            let part = block.as_ref().and_then(|Block { file, bytes, records }| {
                Some(Block { file: *file, bytes: *bytes, records: count(records)? })
            });
            if !lock(&counted).put(number, part) {
                lock(&ahead).is_done = true;
            }
            spent = block.map(|block| block.records);
        }
    };
    rayon::scope(|scope| (0..rayon::current_num_threads()).for_each(|_| scope.spawn(|_| work())));
    let counted = counted.into_inner().unwrap_or_else(PoisonError::into_inner);
    let is_whole = counted.outcome?;
    counted.source.records += if is_whole { counted.all.rows() } else { 0 };
    Ok(is_whole.then_some(counted.all))
}

/// What is locked is whole at any moment, also when a thread panics, and that panic goes on.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The blocks that are still to be counted.
struct Ahead<B, N> {
    first: Option<Block<B>>,
    next: N,
    /// How many were taken.
    number: usize,
    is_done: bool,
}

impl<B, N: FnMut(Option<B>) -> Option<Option<Block<B>>>> Ahead<B, N> {
    /// The next block with its number; no block where the data are not as they should be.
    fn take(&mut self, spent: Option<B>) -> Option<(usize, Option<Block<B>>)> {
        if self.is_done {
            return None;
        }
        let block = match self.first.take() {
            Some(first) => Some(Some(first)),
            None => (self.next)(spent),
        };
        self.is_done = !matches!(block, Some(Some(_)));
        self.number += 1;
        match block {
            Some(None) => None,
            block => Some((self.number - 1, block.flatten())),
        }
    }
}

/// What was counted.
struct Counted<'c, 's> {
    all: Gather,
    source: &'c mut Source<'s>,
    /// The block that is merged next.
    number: usize,
    /// Those behind it.
    waiting: BTreeMap<usize, Block<Gather>>,
    /// Whether all blocks were as they should be.
    outcome: Result<bool>,
}

impl Counted<'_, '_> {
    /// Takes the counts of a block in, none where it is not as it should be. False when no more are wanted.
    fn put(&mut self, number: usize, part: Option<Block<Gather>>) -> bool {
        match part {
            Some(part) => self.waiting.insert(number, part),
            None => {
                if let Ok(is_whole) = &mut self.outcome {
                    *is_whole = false;
                }
                None
            }
        };
        while self.outcome.as_ref().is_ok_and(|is_whole| *is_whole)
            && let Some(part) = self.waiting.remove(&self.number)
        {
            self.number += 1;
            if part.records.rows() > 0 {
                self.all.begin(part.file);
                self.all.merge(&part.records);
            }
            self.outcome = self.source.advance(part.bytes).map(|()| true);
        }
        self.outcome.as_ref().is_ok_and(|is_whole| *is_whole)
    }
}

/// The blocks of files of text.
pub(super) struct Texts<'a> {
    /// With their numbers.
    files: Enumerate<slice::Iter<'a, InputFile>>,
    /// Number of the file at hand.
    at: usize,
    file: Option<Pieces>,
    block_bytes: usize,
}

impl<'a> Texts<'a> {
    pub(super) fn new(files: &'a [InputFile], block_bytes: usize) -> Texts<'a> {
        Texts { files: files.iter().enumerate(), at: 0, file: None, block_bytes }
    }

    /// The next block, in the memory of a spent one; `Some(None)` at the end, none when it cannot be read or `open` gives none.
    /// `open`: a file at its first record, `Some(None)` for one without records.
    pub(super) fn next(
        &mut self,
        spent: Option<Vec<u8>>,
        mut open: impl FnMut(&InputFile) -> Option<Option<Pieces>>,
    ) -> Option<Option<Block<Vec<u8>>>> {
        let mut text = spent.unwrap_or_default();
        loop {
            let Some(file) = &mut self.file else {
                let Some((at, file)) = self.files.next() else { return Some(None) };
                self.at = at;
                self.file = open(file)?;
                continue;
            };
            if file.fill(&mut text, self.block_bytes).ok()? {
                let bytes = text.len() as u64;
                return Some(Some(Block { file: self.at, bytes, records: text }));
            }
            self.file = None;
        }
    }
}
