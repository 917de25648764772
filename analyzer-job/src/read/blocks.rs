//! Datasets counted by all processors.
//!
//! Files are cut into blocks of whole records, each block is counted by itself, and the counts are merged in the order
//! of the files: results do not depend on the number of processors or the size of blocks. What is not as it mostly is
//! is left to the reader of one record after the other, which has the rules and names the line.

use std::collections::BTreeMap;
use std::iter::Enumerate;
use std::slice;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use plumbline_common::Result;
use plumbline_common::input::InputFile;
use rayon::Scope;

use crate::read::Source;
use crate::read::gather::Gather;
use crate::read::pieces::Pieces;

/// Bytes of a block: thousands of rows, and one for each processor fits the memory that is asked for.
pub(crate) const BLOCK_BYTES: usize = 1 << 19;

/// What takes memory.
pub(super) trait Held {
    /// About how many bytes.
    fn bytes(&self) -> usize;
}

/// Whole records of a file.
pub(super) struct Block<B> {
    /// Number of the file.
    pub(super) file: usize,
    /// What it took to read it.
    pub(super) bytes: u64,
    pub(super) records: B,
}

impl<B: Held> Held for Block<B> {
    fn bytes(&self) -> usize {
        self.records.bytes()
    }
}

impl<B: Held> Held for Option<B> {
    fn bytes(&self) -> usize {
        self.as_ref().map_or(0, Held::bytes)
    }
}

impl Held for Vec<u8> {
    fn bytes(&self) -> usize {
        self.len()
    }
}

/// Blocks that may wait for one before them, for each processor. Memory stays flat where one takes long.
const WAITING: usize = 2;

/// Bytes of blocks that are read and not taken, from which on no thread begins another one: long records make long blocks, and memory
/// is not to grow with them by the number of threads.
const HELD_BYTES: usize = 32 << 20;

/// Reads blocks on all processors, and hands on what was read of them in their order.
///
/// `next`: the next block, given one that is done with; none at the end. `reader`: what reads the blocks of one thread. `take`: takes
/// a block and what was read of it; false when no more are wanted.
///
/// # Errors
/// What `take` fails with.
pub(super) fn in_order<B, P, R>(
    next: impl FnMut(Option<B>) -> Option<B> + Send,
    reader: impl Fn() -> R + Sync,
    take: impl FnMut(&B, P) -> Result<bool> + Send,
) -> Result<()>
where
    B: Held + Send,
    P: Send,
    R: FnMut(&B) -> P,
{
    let threads = rayon::current_num_threads();
    let most = HELD_BYTES.max(threads * (WAITING + 2) * BLOCK_BYTES);
    let window = Window { held: AtomicUsize::new(0), most };
    let ahead = Mutex::new(Ahead { next, window: &window, number: 0, is_done: false });
    let behind = Mutex::new(Behind {
        take,
        number: 0,
        waiting: BTreeMap::new(),
        most: threads * WAITING,
        window: &window,
        resting: 0,
        spent: Vec::new(),
        outcome: Ok(true),
    });
    rayon::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|scope| work(scope, &ahead, &behind, &reader));
        }
    });
    behind.into_inner().unwrap_or_else(PoisonError::into_inner).outcome.map(|_| ())
}

/// Gets a block and reads it at once, while it is in the cache of its processor; and so on.
fn work<'s, 'w: 's, B, P, R, N, F, T>(
    scope: &Scope<'s>,
    ahead: &'s Mutex<Ahead<'w, N>>,
    behind: &'s Mutex<Behind<'w, B, P, T>>,
    reader: &'s F,
) where
    B: Held + Send,
    P: Send,
    R: FnMut(&B) -> P,
    N: FnMut(Option<B>) -> Option<B> + Send,
    F: Fn() -> R + Sync,
    T: FnMut(&B, P) -> Result<bool> + Send,
{
    let mut read = reader();
    let mut spent = lock(behind).spent.pop();
    loop {
        let (number, block) = match lock(ahead).block(&mut spent) {
            Got::Block(number, block) => (number, block),
            Got::Wait if lock(behind).rests() => break,
            Got::Wait => continue,
            Got::End => break,
        };
        let part = read(&block);
        let next = lock(behind).put(number, block, part);
        match next {
            Next::Block { free, resting } => {
                spent = free;
                (0..resting).for_each(|_| scope.spawn(|scope| work(scope, ahead, behind, reader)));
            }
            Next::Rest => break,
            Next::Enough => lock(ahead).is_done = true,
        }
    }
}

/// What is locked is whole at any moment, also when a thread panics, and that panic goes on.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How much is held in blocks that are read and not taken.
struct Window {
    held: AtomicUsize,
    most: usize,
}

impl Window {
    fn is_full(&self) -> bool {
        self.held.load(Ordering::Relaxed) > self.most
    }
}

/// The blocks that are still to be read.
struct Ahead<'w, N> {
    next: N,
    window: &'w Window,
    /// How many were taken.
    number: usize,
    is_done: bool,
}

/// What a thread gets that wants a block.
enum Got<B> {
    /// With its number.
    Block(usize, B),
    /// The window is full.
    Wait,
    End,
}

impl<N> Ahead<'_, N> {
    /// The next block, perhaps in the memory of a spent one.
    fn block<B: Held>(&mut self, spent: &mut Option<B>) -> Got<B>
    where
        N: FnMut(Option<B>) -> Option<B>,
    {
        if !self.is_done && self.window.is_full() {
            return Got::Wait;
        }
        let block = if self.is_done { None } else { (self.next)(spent.take()) };
        let Some(block) = block else {
            self.is_done = true;
            return Got::End;
        };
        self.window.held.fetch_add(block.bytes(), Ordering::Relaxed);
        self.number += 1;
        Got::Block(self.number - 1, block)
    }
}

/// Where what was read goes to.
struct Behind<'w, B, P, T> {
    take: T,
    window: &'w Window,
    /// The block that is taken next.
    number: usize,
    /// Those behind it, which are at most so many, and one for each thread.
    waiting: BTreeMap<usize, (B, P)>,
    most: usize,
    /// Threads that do not read until the block is there which is taken next.
    resting: usize,
    /// Those that were taken.
    spent: Vec<B>,
    /// Whether more are wanted.
    outcome: Result<bool>,
}

/// What a thread does that has read a block.
enum Next<B> {
    /// It reads another one, perhaps in the memory of one that is done with, as do so many others that have rested.
    Block { free: Option<B>, resting: usize },
    /// It ends, and another one begins for it later: a thread that waits would wait forever for one that panics.
    Rest,
    /// No more blocks are wanted.
    Enough,
}

impl<B: Held, P, T: FnMut(&B, P) -> Result<bool>> Behind<'_, B, P, T> {
    /// Takes in what was read of a block.
    fn put(&mut self, number: usize, block: B, part: P) -> Next<B> {
        self.waiting.insert(number, (block, part));
        while matches!(self.outcome, Ok(true))
            && let Some((block, part)) = self.waiting.remove(&self.number)
        {
            self.number += 1;
            self.outcome = (self.take)(&block, part);
            self.window.held.fetch_sub(block.bytes(), Ordering::Relaxed);
            // The memory of a long record is of no use to shorter ones.
            if block.bytes() <= 2 * BLOCK_BYTES {
                self.spent.push(block);
            }
        }
        if !matches!(self.outcome, Ok(true)) {
            return Next::Enough;
        }
        if self.waiting.len() > self.most {
            self.resting += 1;
            return Next::Rest;
        }
        Next::Block { free: self.spent.pop(), resting: std::mem::take(&mut self.resting) }
    }

    /// Whether a thread rests because the window is full. Then a block is being read, and who takes it wakes the thread.
    fn rests(&mut self) -> bool {
        let rests = self.window.is_full();
        self.resting += usize::from(rests);
        rests
    }
}

/// Counts blocks. None when the data have to be read one record after the other.
///
/// `first`: the first block; `next`: the one that follows, given records that are done with, `Some(None)` at the end; `like`:
/// what is counted, without a row; `count`: the rows of a block. Both give none when something is not as it should be.
///
/// # Errors
/// `STOPPED`.
pub(super) fn count<B: Held + Send>(
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

#[cfg(test)]
#[path = "tests/blocks.rs"]
mod tests;
