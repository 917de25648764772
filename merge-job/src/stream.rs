//! Reads one side and hands its records over, block by block and in the order they stand in.
//!
//! Every thread does the same: it takes the next block from the source and reads its records; or, when a block that was
//! read has its turn, it hands its records over and writes what these became. Reading and writing take most of the time,
//! and any number of threads do that at once; one at a time hands over. So no thread waits as long as there is a block to
//! read, and the order of the records does not depend on the number of threads.
//!
//! A thread reads a segment as if nothing before it were open. When its turn comes, that is known: where something is
//! (a record goes over the end of a block), the segment is read again together with what was left over.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::ops::Range;
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;

use plumbline_common::progress::Progress;
use plumbline_common::stop::Stop;
use plumbline_common::{Problem, Result, input};

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
    pub(crate) has_good: bool,
    pub(crate) has_records: bool,
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
            let has_good = found.iter().any(|found| found.what.is_ok());
            let text = batch.text_of(run).get(run.text.clone()).unwrap_or_default();
            Stretch {
                origin: &segment.origin,
                first: segment.first,
                last: segment.last,
                head: text.get(..text.len().min(HEAD_BYTES)).unwrap_or_default(),
                has_good,
                has_records: !found.is_empty(),
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
    fn new() -> Batch<T> {
        Batch {
            block: Block::default(),
            more: Vec::new(),
            made: Vec::new(),
            found: Vec::new(),
            runs: Vec::new(),
        }
    }

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
    hand: Option<Hand<F>>,
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
    HandOver(Hand<F>, Batch<T>, Result<()>),
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
        hand: Some(Hand { rest: Rest::default(), progress, hand_over }),
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
    let mut reader = Reader { side, longest, workspace: Workspace::default() };
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
                let done = read.and_then(|()| reader.hand_over(&mut hand, &mut batch, &mut writes));
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

/// What a thread reads with.
struct Reader<S> {
    side: S,
    longest: usize,
    workspace: Workspace,
}

impl<S: Side> Reader<S> {
    /// Reads the segments of a block as far as that can be done before its turn.
    fn read_block(&mut self, batch: &mut Batch<S::Item>, stop: &Stop) -> Result<()> {
        // One huge record must not keep its memory for the rest of the run.
        const KEPT_BYTES: usize = 16 << 20;
        let Batch { block, more, made, found, runs } = batch;
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
                longest: self.longest,
            };
            match &segment.content {
                Content::Unreadable(_) => found.push(Found { line: 0, what: Err(Bad::Unreadable) }),
                Content::Text if is_worth_reading(segment, text) => {
                    run.settled =
                        Some(reader::read(self.side, text, piece, &mut self.workspace, made, found));
                }
                Content::Text => {}
                Content::Packed(packed) => {
                    let start = more.len();
                    let unpacked = unpack(packed, more, stop)?;
                    piece.span = Span { start, end: more.len() };
                    run.text = start..more.len();
                    run.in_more = true;
                    let settled = reader::read(self.side, more, piece, &mut self.workspace, made, found);
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

    fn hand_over<F>(
        &mut self,
        hand: &mut Hand<F>,
        batch: &mut Batch<S::Item>,
        writes: &mut Writes,
    ) -> Result<bool>
    where
        F: FnMut(Records<S::Item>, &mut Writes) -> Result<bool>,
    {
        for idx in 0..batch.block.segments.len() {
            self.settle(&mut hand.rest, batch, idx);
        }
        let go_on = (hand.hand_over)(Records { batch }, writes)?;
        hand.progress.advance(batch.block.progress);
        Ok(go_on)
    }

    /// Reads a segment again where something before it was still open, and keeps what it leaves open itself.
    fn settle(&mut self, rest: &mut Rest, batch: &mut Batch<S::Item>, idx: usize) {
        let Batch { block, more, made, found, runs } = batch;
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
                    longest: self.longest,
                };
                let settled = reader::read(self.side, more, piece, &mut self.workspace, made, found);
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

#[cfg(test)]
mod tests {
    use std::panic::{self, AssertUnwindSafe};

    use plumbline_common::codes;

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
