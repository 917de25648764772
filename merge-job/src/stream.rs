//! Reads one side and hands its records over, block by block and in the order they stand in.
//!
//! Every thread does the same: take the next block from the source, scan it, wait for the block's
//! turn, hand its records over, and write what these became. Scanning and writing take the time, and
//! they are the parts without a lock; the order of the records does not depend on the number of threads.

use std::ops::Range;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use plumbline_common::progress::Progress;
use plumbline_common::stop::Stop;
use plumbline_common::{Problem, Result, codes};

use crate::json::Span;
use crate::parts::Writes;
use crate::scan::{self, Bad, Found, Scan, Scratch, Texts};
use crate::source::{Block, Form, Origin, Segment, Source};

/// A record in its place.
#[derive(Debug)]
pub(crate) struct Record<'a, T> {
    pub(crate) origin: &'a Origin,
    /// Counted from 1.
    pub(crate) line: u64,
    pub(crate) texts: Texts<'a>,
    pub(crate) what: &'a std::result::Result<T, Bad>,
}

/// The records of a block.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Records<'a, T> {
    batch: &'a Batch<T>,
}

impl<'a, T> Records<'a, T> {
    /// What was found, in the order of the records.
    pub(crate) fn found(self) -> &'a [Found<T>] {
        &self.batch.found
    }

    /// Bytes of the block.
    pub(crate) fn bytes(self) -> usize {
        self.batch.block.text().len()
    }

    /// The records in their order.
    pub(crate) fn iter(self) -> impl Iterator<Item = Record<'a, T>> {
        let batch = self.batch;
        let texts = Texts { read: batch.block.text(), made: &batch.made };
        batch.block.segments.iter().zip(&batch.runs).flat_map(move |(segment, run)| {
            let found = batch.found.get(run.found.clone()).unwrap_or_default();
            found.iter().map(move |Found { line, what }| Record {
                origin: &segment.origin,
                line: run.before + line + 1,
                texts,
                what,
            })
        })
    }
}

/// A block and what was found in it.
#[derive(Debug)]
struct Batch<T> {
    block: Block,
    made: Vec<u8>,
    found: Vec<Found<T>>,
    /// One for each segment.
    runs: Vec<Run>,
    scratch: Scratch,
}

/// What a segment has.
#[derive(Debug)]
struct Run {
    /// Places of its records in `found`.
    found: Range<usize>,
    lines: u64,
    /// Lines of its file before it; known when the block's turn comes.
    before: u64,
}

struct Shared<'a> {
    source: &'a mut Source,
    blocks: u64,
    ended: bool,
}

struct Turn<F> {
    next: u64,
    /// Lines of the current file that were handed over.
    lines: u64,
    progress: Progress,
    hand_over: F,
    problem: Option<Problem>,
    /// A thread ended without its turn: nobody shall wait for it.
    abandoned: bool,
}

/// Calls `hand_over` with the records of every block of the source; it says whether to go on and may
/// leave writes, which follow without a lock.
///
/// # Errors
/// A file cannot be read or written, the job was asked to stop, or `hand_over` failed. Whichever comes
/// first in the order of the records is reported, but for writing.
pub(crate) fn records<S: Scan>(
    source: &mut Source,
    side: S,
    threads: usize,
    progress: Progress,
    stop: &Stop,
    hand_over: impl FnMut(Records<S::Record>, &mut Writes) -> Result<bool> + Send,
) -> Result<()> {
    let shared = Mutex::new(Shared { source, blocks: 0, ended: false });
    let turn = Mutex::new(Turn { next: 0, lines: 0, progress, hand_over, problem: None, abandoned: false });
    let turns = Condvar::new();
    let work = || work(side, &shared, &turn, &turns, stop);
    if threads <= 1 {
        work();
    } else {
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(work);
            }
        });
    }
    let turn = turn.into_inner().unwrap_or_else(PoisonError::into_inner);
    match turn.problem {
        Some(problem) => Err(problem),
        None => Ok(()),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> Result<MutexGuard<'_, T>> {
    mutex.lock().map_err(|_| Problem::new(&codes::INTERNAL, "a thread of the merge failed"))
}

fn work<S: Scan, F: FnMut(Records<S::Record>, &mut Writes) -> Result<bool>>(
    side: S,
    shared: &Mutex<Shared>,
    turn: &Mutex<Turn<F>>,
    turns: &Condvar,
    stop: &Stop,
) {
    let leaving = Leaving { turn, turns };
    let mut batch = Batch {
        block: Block::default(),
        made: Vec::new(),
        found: Vec::new(),
        runs: Vec::new(),
        scratch: Scratch::default(),
    };
    let mut writes = Writes::default();
    loop {
        let (number, filled) = {
            let Ok(mut shared) = lock(shared) else { break };
            if shared.ended {
                break;
            }
            let filled = stop.check().and_then(|()| shared.source.fill(&mut batch.block));
            shared.ended = !matches!(filled, Ok(true));
            shared.blocks += 1;
            (shared.blocks - 1, filled)
        };
        let filled = filled.map(|_| scan_block(side, &mut batch));
        let Ok(mut now) = lock(turn) else { break };
        while now.next != number && now.problem.is_none() && !now.abandoned {
            let Ok(woken) = turns.wait(now) else { return };
            now = woken;
        }
        if now.next != number || now.problem.is_some() {
            break;
        }
        let done = filled.and_then(|()| hand_over(&mut now, &mut batch, &mut writes));
        now.next += 1;
        let mut go_on = match done {
            Ok(go_on) => go_on,
            Err(problem) => {
                now.problem = Some(problem);
                false
            }
        };
        drop(now);
        turns.notify_all();
        if let Err(problem) = writes.perform() {
            if let Ok(mut now) = lock(turn) {
                now.problem.get_or_insert(problem);
            }
            go_on = false;
        }
        if !go_on {
            if let Ok(mut shared) = lock(shared) {
                shared.ended = true;
            }
            break;
        }
    }
    drop(leaving);
}

/// Wakes the other threads when this one panics.
struct Leaving<'a, F> {
    turn: &'a Mutex<Turn<F>>,
    turns: &'a Condvar,
}

impl<F> Drop for Leaving<'_, F> {
    fn drop(&mut self) {
        if thread::panicking() {
            let mut turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
            turn.abandoned = true;
            drop(turn);
            self.turns.notify_all();
        }
    }
}

fn scan_block<S: Scan>(side: S, batch: &mut Batch<S::Record>) {
    batch.made.clear();
    batch.found.clear();
    batch.runs.clear();
    let text = batch.block.text();
    for segment in &batch.block.segments {
        let from = batch.found.len();
        let lines = scan_segment(side, text, segment, &mut batch.scratch, &mut batch.made, &mut batch.found);
        batch.runs.push(Run { found: from..batch.found.len(), lines, before: 0 });
    }
}

/// Gives the number of lines.
fn scan_segment<S: Scan>(
    side: S,
    text: &[u8],
    segment: &Segment,
    scratch: &mut Scratch,
    made: &mut Vec<u8>,
    found: &mut Vec<Found<S::Record>>,
) -> u64 {
    match segment.form {
        Form::Unreachable => {
            found.push(Found { line: 0, what: Err(Bad::Unreachable) });
            return 1;
        }
        Form::Document => {
            let whole = trimmed(text, segment.start, segment.end);
            if whole.start < whole.end {
                scan::line(side, text, whole, 0, scratch, made, found);
            }
            return 1;
        }
        Form::Lines | Form::Rows => {}
    }
    let (mut start, mut number) = (segment.start, 0);
    while start < segment.end {
        let rest = text.get(start..segment.end).unwrap_or_default();
        let end = memchr::memchr(b'\n', rest).map_or(segment.end, |at| start + at);
        let line = trimmed(text, start, end);
        if line.start < line.end {
            if segment.form == Form::Rows {
                // A row may begin with blanks of its own.
                let row = Span { start, end: line.end };
                found.push(Found { line: number, what: side.row(text, row, made) });
            } else {
                scan::line(side, text, line, number, scratch, made, found);
            }
        }
        start = end + 1;
        number += 1;
    }
    number
}

fn trimmed(text: &[u8], start: usize, end: usize) -> Span {
    let line = text.get(start..end).unwrap_or_default().trim_ascii_end();
    let blank = line.len() - line.trim_ascii_start().len();
    Span { start: start + blank, end: start + line.len() }
}

fn hand_over<T, F>(turn: &mut Turn<F>, batch: &mut Batch<T>, writes: &mut Writes) -> Result<bool>
where
    F: FnMut(Records<T>, &mut Writes) -> Result<bool>,
{
    for (segment, run) in batch.block.segments.iter().zip(&mut batch.runs) {
        run.before = if segment.first { 0 } else { turn.lines };
        turn.lines = run.before + run.lines;
    }
    let go_on = (turn.hand_over)(Records { batch }, writes)?;
    turn.progress.advance(batch.block.progress);
    Ok(go_on)
}
