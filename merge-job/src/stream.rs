//! Reads one side and hands its records over, block by block and in the order they stand in.
//!
//! Every thread does the same: it takes the next block from the source and reads its records; or, when a block that was
//! read has its turn, it hands its records over and writes what these became. Reading and writing take most of the time,
//! and any number of threads do that at once; one at a time hands over. So no thread waits as long as there is a block to
//! read, and the order of the records does not depend on the number of threads.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;

use plumbline_common::progress::Progress;
use plumbline_common::stop::Stop;
use plumbline_common::{Problem, Result};

use crate::batch::{Batch, Reader, Records, Rest};
use crate::output::Writes;
use crate::record::Side;
use crate::source::Source;

/// What the threads share. It is locked for moments only: who reads or hands over takes what that needs out of it.
struct Board<'a, T, F> {
    /// None while a thread fills a block.
    source: Option<&'a mut Source>,
    /// Blocks that were filled, or are being filled.
    filled: u64,
    /// The source has no more blocks.
    is_drained: bool,
    /// Batches that nobody uses.
    spare: Vec<Batch<T>>,
    /// Batches that wait for their turn, and what came of reading them.
    read: BTreeMap<u64, (Batch<T>, Result<()>)>,
    /// The block whose turn it is.
    next: u64,
    /// None while a thread hands over.
    hand: Option<Box<Hand<F>>>,
    /// Nothing more is to be handed over; a thread that ended in the midst of its work brings that about, too.
    ended: bool,
    problem: Option<Problem>,
}

/// What handing over needs.
struct Hand<F> {
    rest: Rest,
    progress: Progress,
    hand_over: F,
}

/// What a thread does next.
enum Job<'a, T, F> {
    HandOver(Box<Hand<F>>, Batch<T>, Result<()>),
    Read(&'a mut Source, Batch<T>),
}

impl<'a, T, F> Board<'a, T, F> {
    /// None when there is nothing to do at the moment. Handing over comes first, so few batches wait.
    fn job(&mut self) -> Option<Job<'a, T, F>> {
        if self.hand.is_some()
            && let Some((batch, read)) = self.read.remove(&self.next)
        {
            return self.hand.take().map(|hand| Job::HandOver(hand, batch, read));
        }
        if self.is_drained || self.spare.is_empty() {
            return None;
        }
        let source = self.source.take()?;
        self.spare.pop().map(|batch| Job::Read(source, batch))
    }

    fn is_done(&self) -> bool {
        self.ended || self.is_drained && self.next == self.filled
    }
}

/// What reading may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) threads: usize,
    /// Bytes of the longest record.
    pub(crate) longest: usize,
}

/// Calls `hand_over` with the records of every block of the source; it says whether to go on and may
/// leave writes, which follow without a lock.
///
/// # Errors
/// A file cannot be read or written, the job was asked to stop, or `hand_over` failed. Whichever comes
/// first in the order of the records is reported, but for writing.
pub(crate) fn records<S: Side>(
    source: &mut Source,
    side: S,
    limits: Limits,
    progress: Progress,
    stop: &Stop,
    hand_over: impl FnMut(Records<S::Item>, &mut Writes) -> Result<bool> + Send,
) -> Result<()> {
    // One more than threads, so that a thread reads on while a block waits for its turn.
    let batches = if limits.threads > 1 { limits.threads + 1 } else { 1 };
    let board = Mutex::new(Board {
        source: Some(source),
        filled: 0,
        is_drained: false,
        spare: (0..batches).map(|_| Batch::new()).collect(),
        read: BTreeMap::new(),
        next: 0,
        hand: Some(Box::new(Hand { rest: Rest::default(), progress, hand_over })),
        ended: false,
        problem: None,
    });
    let changed = Condvar::new();
    let work = || work(side, limits.longest, &board, &changed, stop);
    if limits.threads <= 1 {
        work();
    } else {
        thread::scope(|scope| {
            for _ in 0..limits.threads {
                scope.spawn(work);
            }
        });
    }
    let board = board.into_inner().unwrap_or_else(PoisonError::into_inner);
    match board.problem {
        Some(problem) => Err(problem),
        None => Ok(()),
    }
}

fn work<S: Side, F: FnMut(Records<S::Item>, &mut Writes) -> Result<bool>>(
    side: S,
    longest: usize,
    board: &Mutex<Board<S::Item, F>>,
    changed: &Condvar,
    stop: &Stop,
) {
    // Nothing can fail while the board is locked.
    let locked = || board.lock().unwrap_or_else(PoisonError::into_inner);
    let leaving = Leaving(|| {
        locked().ended = true;
        changed.notify_all();
    });
    let mut reader = Reader::new(side, longest);
    let mut writes = Writes::default();
    let mut now = locked();
    while !now.is_done() {
        now = match now.job() {
            None => changed.wait(now).unwrap_or_else(PoisonError::into_inner),
            Some(Job::Read(source, mut batch)) => {
                let number = now.filled;
                now.filled += 1;
                drop(now);
                let filled = stop.check().and_then(|()| source.fill(&mut batch.block));
                let mut now = locked();
                now.is_drained = !matches!(filled, Ok(true));
                now.source = Some(source);
                drop(now);
                changed.notify_one();
                let read = filled.and_then(|_| reader.read_block(&mut batch, stop));
                let mut now = locked();
                now.read.insert(number, (batch, read));
                now
            }
            Some(Job::HandOver(mut hand, mut batch, read)) => {
                drop(now);
                let done = read.and_then(|()| {
                    reader.settle(&mut hand.rest, &mut batch);
                    let go_on = (hand.hand_over)(Records::of(&batch), &mut writes)?;
                    hand.progress.advance(batch.block.progress);
                    Ok(go_on)
                });
                let mut now = locked();
                now.hand = Some(hand);
                now.spare.push(batch);
                now.next += 1;
                now.ended |= !matches!(done, Ok(true));
                now.problem = now.problem.take().or(done.err());
                drop(now);
                changed.notify_all();
                let written = writes.perform();
                let mut now = locked();
                now.ended |= written.is_err();
                now.problem = now.problem.take().or(written.err());
                now
            }
        };
    }
    drop(now);
    changed.notify_all();
    drop(leaving);
}

/// Calls what it holds when its thread panics: nobody shall wait for that one.
struct Leaving<F: Fn()>(F);

impl<F: Fn()> Drop for Leaving<F> {
    fn drop(&mut self) {
        if thread::panicking() {
            (self.0)();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{self, AssertUnwindSafe};

    use plumbline_common::{codes, input};

    use super::*;
    use crate::record::GroundTruth;

    /// Hands over blocks of about one label each, which `each` gets the numbers of.
    fn read(threads: usize, mut each: impl FnMut(u64) -> Result<bool> + Send) -> Result<()> {
        let root = tempfile::tempdir().unwrap();
        let label = |n: usize| {
            format!("{{\"groundTruthData\":{{\"data\":\"1\"}},\"eventMetadata\":{{\"eventId\":\"{n}\"}}}}\n")
        };
        std::fs::write(root.path().join("a.jsonl"), (0..300).map(label).collect::<String>()).unwrap();
        let listing = input::list(root.path()).unwrap();
        let mut source = Source::new(None, root.path(), &listing, 100, threads);
        let progress = Progress::start("reading", "bytes", 0, false);
        let limits = Limits { threads, longest: 1 << 20 };
        let mut next = 0;
        records(&mut source, GroundTruth, limits, progress, &Stop::default(), |_, _| {
            next += 1;
            each(next - 1)
        })
    }

    #[test]
    fn no_block_comes_behind_one_that_fails_or_is_enough() {
        for threads in [1, 2, 3, 8] {
            for is_failure in [true, false] {
                let mut last = 0;
                let read = read(threads, |block| {
                    last = block;
                    let problem = || Problem::new(&codes::INTERNAL, format!("block {block}"));
                    if block == 40 && is_failure { Err(problem()) } else { Ok(block < 40) }
                });
                assert_eq!((last, read.is_err()), (40, is_failure), "{threads} threads");
                assert!(read.err().is_none_or(|problem| problem.to_string().contains("block 40")));
            }
        }
    }

    #[test]
    fn nobody_waits_for_a_thread_that_panics() {
        for threads in [1, 2, 3, 8] {
            let read = || read(threads, |block| if block < 40 { Ok(true) } else { panic!("on purpose") });
            assert!(panic::catch_unwind(AssertUnwindSafe(read)).is_err(), "{threads} threads");
        }
    }
}
