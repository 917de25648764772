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

/// Reads blocks on all processors, and hands on what was read of them in their order.
///
/// `next`: the next block, given one that is done with; none at the end. `reader`: what reads the blocks of one thread. `take`: takes
/// a block and what was read of it; false when no more are wanted.
///
/// # Errors
/// What `take` fails with.
pub(super) fn in_order<B: Send, P: Send, R: FnMut(&B) -> P>(
    next: impl FnMut(Option<B>) -> Option<B> + Send,
    reader: impl Fn() -> R + Sync,
    take: impl FnMut(&B, P) -> Result<bool> + Send,
) -> Result<()> {
    let ahead = Mutex::new(Ahead { next, number: 0, is_done: false });
    let behind = Mutex::new(Behind {
        take,
        number: 0,
        waiting: BTreeMap::new(),
        spent: Vec::new(),
        outcome: Ok(true),
    });
    // Each gets a block and reads it at once, while it is in the cache of its processor.
    let work = || {
        let mut read = reader();
        let mut spent = None;
        loop {
            let block = lock(&ahead).block(spent.take());
            let Some((number, block)) = block else { break };
            let part = read(&block);
            let (more, free) = lock(&behind).put(number, block, part);
            if !more {
                lock(&ahead).is_done = true;
            }
            spent = free;
        }
    };
    rayon::scope(|scope| (0..rayon::current_num_threads()).for_each(|_| scope.spawn(|_| work())));
    behind.into_inner().unwrap_or_else(PoisonError::into_inner).outcome.map(|_| ())
}

/// What is locked is whole at any moment, also when a thread panics, and that panic goes on.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The blocks that are still to be read.
struct Ahead<N> {
    next: N,
    /// How many were taken.
    number: usize,
    is_done: bool,
}

impl<N> Ahead<N> {
    /// The next block with its number.
    fn block<B>(&mut self, spent: Option<B>) -> Option<(usize, B)>
    where
        N: FnMut(Option<B>) -> Option<B>,
    {
        let block = if self.is_done { None } else { (self.next)(spent) };
        self.is_done = block.is_none();
        self.number += 1;
        Some((self.number - 1, block?))
    }
}

/// Where what was read goes to.
struct Behind<B, P, T> {
    take: T,
    /// The block that is taken next.
    number: usize,
    /// Those behind it.
    waiting: BTreeMap<usize, (B, P)>,
    /// Those that were taken.
    spent: Vec<B>,
    /// Whether more are wanted.
    outcome: Result<bool>,
}

impl<B, P, T: FnMut(&B, P) -> Result<bool>> Behind<B, P, T> {
    /// Takes in what was read of a block. Whether more are wanted, and a block that is done with.
    fn put(&mut self, number: usize, block: B, part: P) -> (bool, Option<B>) {
        self.waiting.insert(number, (block, part));
        while matches!(self.outcome, Ok(true))
            && let Some((block, part)) = self.waiting.remove(&self.number)
        {
            self.number += 1;
            self.outcome = (self.take)(&block, part);
            self.spent.push(block);
        }
        (matches!(self.outcome, Ok(true)), self.spent.pop())
    }
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
    mut next: impl FnMut(Option<B>) -> Option<Option<Block<B>>> + Send,
    like: &Gather,
    count: impl Fn(&B) -> Option<Gather> + Sync,
    source: &mut Source<'_>,
) -> Result<Option<Gather>> {
    let mut first = Some(first);
    let mut is_readable = true;
    let mut is_whole = true;
    let mut all = like.clone();
    in_order(
        // What cannot be read is a block too, which ends the counting.
        |spent: Option<Option<Block<B>>>| match first.take() {
            Some(first) => Some(Some(first)),
            None if !is_readable => None,
            None => match next(spent.flatten().map(|block| block.records)) {
                Some(block) => block.map(Some),
                None => {
                    is_readable = false;
                    Some(None)
                }
            },
        },
        || |block: &Option<Block<B>>| count(&block.as_ref()?.records),
        |block, part| {
            let (Some(block), Some(part)) = (block, part) else {
                is_whole = false;
                return Ok(false);
            };
            if part.rows() > 0 {
                all.begin(block.file);
                all.merge(&part);
            }
            source.advance(block.bytes).map(|()| true)
        },
    )?;
    source.records += if is_whole { all.rows() } else { 0 };
    Ok(is_whole.then_some(all))
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
