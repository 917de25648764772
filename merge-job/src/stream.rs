//! Reads one side and hands its records over, block by block and in the order they stand in.
//!
//! Every thread does the same: take the next block from the source, read its records, wait for the block's turn,
//! hand the records over, and write what these became. Reading and writing take the time, and they are the parts
//! without a lock; the order of the records does not depend on the number of threads.
//!
//! A thread reads a segment as if nothing before it were open. When its turn comes, that is known: where something is
//! (a record goes over the end of a block), the segment is read again together with what was left over.

use std::io::{self, Read};
use std::ops::Range;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use plumbline_common::progress::Progress;
use plumbline_common::stop::Stop;
use plumbline_common::{Problem, Result, codes, input};

use crate::json::Span;
use crate::output::Writes;
use crate::reader::{self, Found, Piece, Settled, State, Workspace};
use crate::record::{Bad, Side, Texts};
use crate::source::{Block, Content, Origin, Segment, Source};

/// A record in its place.
#[derive(Debug)]
pub(crate) struct Placed<'a, T> {
    pub(crate) origin: &'a Origin,
    /// Counted from 1.
    pub(crate) line: u64,
    pub(crate) texts: Texts<'a>,
    pub(crate) what: &'a std::result::Result<T, Bad>,
    /// Why the file cannot be read, when that is what is bad.
    pub(crate) why: Option<&'a str>,
}

/// A run of records of one file.
#[derive(Debug)]
pub(crate) struct Stretch<'a> {
    pub(crate) origin: &'a Origin,
    pub(crate) first: bool,
    pub(crate) last: bool,
    /// The beginning of the stretch's text.
    pub(crate) head: &'a [u8],
    pub(crate) good: u64,
    pub(crate) bad: u64,
}

/// The records of a block.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Records<'a, T> {
    batch: &'a Batch<T>,
}

impl<'a, T> Records<'a, T> {
    /// About what `iter` gives, without its places: enough to look ahead.
    pub(crate) fn found(self) -> &'a [Found<T>] {
        &self.batch.found
    }

    /// Bytes of the block.
    pub(crate) fn bytes(self) -> usize {
        self.batch.block.text().len() + self.batch.more.len()
    }

    /// The records in their order.
    pub(crate) fn iter(self) -> impl Iterator<Item = Placed<'a, T>> {
        let batch = self.batch;
        batch.block.segments.iter().zip(&batch.runs).flat_map(move |(segment, run)| {
            let found = batch.found.get(run.found.clone()).unwrap_or_default();
            let texts = Texts { read: batch.text_of(run), made: &batch.made };
            let why = match &run.failed {
                Some(why) => Some(why.as_str()),
                None => match &segment.content {
                    Content::Unreadable(why) => Some(why.as_str()),
                    Content::Text | Content::Packed(_) => None,
                },
            };
            found.iter().map(move |Found { line, what }| Placed {
                origin: &segment.origin,
                line: run.before + line + 1,
                texts,
                what,
                why,
            })
        })
    }

    /// The files that the records are of.
    pub(crate) fn stretches(self) -> impl Iterator<Item = Stretch<'a>> {
        let batch = self.batch;
        batch.block.segments.iter().zip(&batch.runs).map(move |(segment, run)| {
            let found = batch.found.get(run.found.clone()).unwrap_or_default();
            let good = found.iter().filter(|found| found.what.is_ok()).count() as u64;
            let text = batch.text_of(run).get(run.text.clone()).unwrap_or_default();
            Stretch {
                origin: &segment.origin,
                first: segment.first,
                last: segment.last,
                head: text.get(..text.len().min(HEAD_BYTES)).unwrap_or_default(),
                good,
                bad: found.len() as u64 - good,
            }
        })
    }
}

const HEAD_BYTES: usize = 256;

/// A block and what was found in it.
#[derive(Debug)]
struct Batch<T> {
    block: Block,
    /// Text that does not stand in the block: unpacked, or put together from several blocks.
    more: Vec<u8>,
    made: Vec<u8>,
    found: Vec<Found<T>>,
    /// One for each segment.
    runs: Vec<Run>,
    workspace: Workspace,
}

/// What a segment has.
#[derive(Debug)]
struct Run {
    /// Places of its records in `found`.
    found: Range<usize>,
    /// Its text, in the block or in `more`.
    text: Range<usize>,
    in_more: bool,
    /// None when it was not read yet.
    settled: Option<Settled>,
    /// Why its file could not be unpacked to the end.
    failed: Option<String>,
    /// Lines of its file before it; known when the block's turn comes.
    before: u64,
}

impl<T> Batch<T> {
    fn text_of(&self, run: &Run) -> &[u8] {
        if run.in_more { &self.more } else { self.block.text() }
    }
}

/// What the segments before leave to the next one of their file.
#[derive(Debug, Default)]
struct Rest {
    text: Vec<u8>,
    state: State,
    /// Lines of the file before the text.
    lines: u64,
    /// Shorter texts are not worth reading again.
    enough: usize,
}

struct Shared<'a> {
    source: &'a mut Source,
    blocks: u64,
    ended: bool,
}

struct Turn<F> {
    next: u64,
    rest: Rest,
    progress: Progress,
    hand_over: F,
    /// Nothing more is to be handed over.
    ended: bool,
    problem: Option<Problem>,
    /// A thread ended without its turn: nobody shall wait for it.
    abandoned: bool,
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
    let shared = Mutex::new(Shared { source, blocks: 0, ended: false });
    let turn = Mutex::new(Turn {
        next: 0,
        rest: Rest::default(),
        progress,
        hand_over,
        ended: false,
        problem: None,
        abandoned: false,
    });
    let turns = Condvar::new();
    let work = || work(side, limits.longest, &shared, &turn, &turns, stop);
    if limits.threads <= 1 {
        work();
    } else {
        thread::scope(|scope| {
            for _ in 0..limits.threads {
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

fn work<S: Side, F: FnMut(Records<S::Item>, &mut Writes) -> Result<bool>>(
    side: S,
    longest: usize,
    shared: &Mutex<Shared>,
    turn: &Mutex<Turn<F>>,
    turns: &Condvar,
    stop: &Stop,
) {
    let leaving = Leaving { turn, turns };
    let mut batch = Batch {
        block: Block::default(),
        more: Vec::new(),
        made: Vec::new(),
        found: Vec::new(),
        runs: Vec::new(),
        workspace: Workspace::default(),
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
        let filled = filled.and_then(|_| read_block(side, longest, &mut batch, stop));
        let Ok(mut now) = lock(turn) else { break };
        while now.next != number && now.problem.is_none() && !now.abandoned && !now.ended {
            let Ok(woken) = turns.wait(now) else { return };
            now = woken;
        }
        if now.next != number || now.problem.is_some() || now.ended {
            break;
        }
        let done = filled.and_then(|()| hand_over(side, longest, &mut now, &mut batch, &mut writes));
        now.next += 1;
        let mut go_on = match done {
            Ok(go_on) => go_on,
            Err(problem) => {
                now.problem = Some(problem);
                false
            }
        };
        now.ended |= !go_on;
        drop(now);
        turns.notify_all();
        if let Err(problem) = writes.perform() {
            if let Ok(mut now) = lock(turn) {
                now.problem.get_or_insert(problem);
            }
            turns.notify_all();
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

/// Reads the segments of a block as far as that can be done before its turn.
fn read_block<S: Side>(side: S, longest: usize, batch: &mut Batch<S::Item>, stop: &Stop) -> Result<()> {
    // One huge record must not keep its memory for the rest of the run.
    const KEPT_BYTES: usize = 16 << 20;
    let Batch { block, more, made, found, runs, workspace } = batch;
    made.clear();
    found.clear();
    runs.clear();
    more.clear();
    if more.capacity() > KEPT_BYTES {
        *more = Vec::new();
    }
    let text = block.text();
    for segment in &block.segments {
        let from = found.len();
        let mut run = Run {
            found: from..from,
            text: segment.start..segment.end,
            in_more: false,
            settled: None,
            failed: None,
            before: 0,
        };
        let mut piece = Piece {
            span: Span { start: segment.start, end: segment.end },
            state: State::probable(segment.first),
            ended: segment.last,
            longest,
        };
        match &segment.content {
            Content::Unreadable(_) => found.push(Found { line: 0, what: Err(Bad::Unreadable) }),
            Content::Text if is_worth_reading(segment, text) => {
                run.settled = Some(reader::read(side, text, piece, workspace, made, found));
            }
            Content::Text => {}
            Content::Packed(packed) => {
                let start = more.len();
                let unpacked = unpack(packed, more, stop)?;
                piece.span = Span { start, end: more.len() };
                run.text = start..more.len();
                run.in_more = true;
                let settled = reader::read(side, more, piece, workspace, made, found);
                if let Err(why) = unpacked {
                    found.push(Found { line: settled.lines, what: Err(Bad::Unreadable) });
                    run.failed = Some(why);
                }
                run.settled = Some(settled);
            }
        }
        run.found.end = found.len();
        runs.push(run);
    }
    Ok(())
}

/// Whether a segment probably begins between two values: reading it before that is known is mostly right.
fn is_worth_reading(segment: &Segment, text: &[u8]) -> bool {
    let first = text.get(segment.start).copied().unwrap_or(b'{');
    segment.first || segment.begins_line && !first.is_ascii_whitespace() && !b"}],".contains(&first)
}

/// Unpacks a file behind `text`; the inner result says why that ended early.
///
/// # Errors
/// The job was asked to stop.
fn unpack(packed: &[u8], text: &mut Vec<u8>, stop: &Stop) -> Result<std::result::Result<(), String>> {
    const STEP_BYTES: u64 = 4 << 20;
    let mut reader = match input::unpacked(io::Cursor::new(packed.to_vec())) {
        Ok(reader) => reader,
        Err(error) => return Ok(Err(error.to_string())),
    };
    loop {
        stop.check()?;
        match (&mut reader).take(STEP_BYTES).read_to_end(text) {
            Ok(0) => return Ok(Ok(())),
            Ok(_) => {}
            Err(error) => return Ok(Err(error.to_string())),
        }
    }
}

fn hand_over<S: Side, F>(
    side: S,
    longest: usize,
    turn: &mut Turn<F>,
    batch: &mut Batch<S::Item>,
    writes: &mut Writes,
) -> Result<bool>
where
    F: FnMut(Records<S::Item>, &mut Writes) -> Result<bool>,
{
    for idx in 0..batch.block.segments.len() {
        settle(side, longest, &mut turn.rest, batch, idx);
    }
    let go_on = (turn.hand_over)(Records { batch }, writes)?;
    turn.progress.advance(batch.block.progress);
    Ok(go_on)
}

/// Reads a segment again where something before it was still open, and keeps what it leaves open itself.
fn settle<S: Side>(side: S, longest: usize, rest: &mut Rest, batch: &mut Batch<S::Item>, idx: usize) {
    let Batch { block, more, made, found, runs, workspace } = batch;
    let (Some(segment), Some(run)) = (block.segments.get(idx), runs.get_mut(idx)) else { return };
    if segment.first {
        *rest = Rest::default();
    }
    run.before = rest.lines;
    if let Content::Unreadable(_) = segment.content {
        return;
    }
    if run.in_more {
        return;
    }
    let of_segment = block.text().get(run.text.clone()).unwrap_or_default();
    let fits = rest.text.is_empty() && rest.state.is_probable(segment.first, of_segment.first());
    let (settled, all) = match run.settled.filter(|_| fits) {
        Some(settled) => (settled, run.text.clone()),
        None => {
            run.found = found.len()..found.len();
            if !segment.last && rest.text.len() + of_segment.len() < rest.enough {
                rest.text.extend_from_slice(of_segment);
                return;
            }
            let start = more.len();
            more.extend_from_slice(&rest.text);
            more.extend_from_slice(of_segment);
            let piece = Piece {
                span: Span { start, end: more.len() },
                state: rest.state,
                ended: segment.last,
                longest,
            };
            let settled = reader::read(side, more, piece, workspace, made, found);
            run.found.end = found.len();
            run.in_more = true;
            run.text = start..more.len();
            (settled, run.text.clone())
        }
    };
    rest.lines += settled.lines;
    rest.state = settled.state;
    rest.text.clear();
    let text: &[u8] = if run.in_more { more } else { block.text() };
    rest.text.extend_from_slice(text.get(settled.end..all.end).unwrap_or_default());
    rest.enough = 2 * rest.text.len();
}
