//! A block of one side and the records that were read in it.
//!
//! A segment is read as if nothing before it were open. When its block's turn comes, that is known: where something is
//! (a record goes over the end of a block), the segment is read again together with what was left over.

use std::io::{self, Read};
use std::ops::Range;

use plumbline_common::stop::Stop;
use plumbline_common::{Result, input};

use crate::json::Span;
use crate::looks;
use crate::reader::{self, Found, Piece, Settled, State, Workspace};
use crate::record::{Bad, Side, Texts};
use crate::source::{Block, Content, Origin, Segment};

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
    /// The beginning of the stretch's text; of the first one that of the file, however short the stretch is.
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
    pub(crate) fn of(batch: &'a Batch<T>) -> Records<'a, T> {
        Records { batch }
    }

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
                head: if segment.head.is_empty() { looks::head(text) } else { &segment.head },
                has_good,
                has_records: !found.is_empty(),
            }
        })
    }
}

/// A block and what was found in it.
#[derive(Debug)]
pub(crate) struct Batch<T> {
    pub(crate) block: Block,
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
    pub(crate) fn new() -> Batch<T> {
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
pub(crate) struct Rest {
    text: Vec<u8>,
    state: State,
    /// Lines of the file before the text.
    lines: u64,
    /// Shorter texts are not worth reading again.
    enough: usize,
}

/// What a thread reads with.
pub(crate) struct Reader<S> {
    side: S,
    longest: usize,
    workspace: Workspace,
}

impl<S: Side> Reader<S> {
    /// `longest`: bytes of the longest record.
    pub(crate) fn new(side: S, longest: usize) -> Reader<S> {
        Reader { side, longest, workspace: Workspace::default() }
    }

    /// Reads the segments of a block as far as that can be done before its turn.
    pub(crate) fn read_block(&mut self, batch: &mut Batch<S::Item>, stop: &Stop) -> Result<()> {
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
                width: segment.width,
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
                    piece.width = reader::width_of_rows(more.get(start..).unwrap_or_default(), true);
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

    /// Brings the segments of a block to what they are in their file, when its turn comes.
    pub(crate) fn settle(&mut self, rest: &mut Rest, batch: &mut Batch<S::Item>) {
        for idx in 0..batch.block.segments.len() {
            self.settle_segment(rest, batch, idx);
        }
    }

    /// Reads a segment again where something before it was still open, and keeps what it leaves open itself.
    fn settle_segment(&mut self, rest: &mut Rest, batch: &mut Batch<S::Item>, idx: usize) {
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
        let fits = rest.text.is_empty() && rest.state.is_probable(segment.first, of_segment);
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
                    width: segment.width,
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
