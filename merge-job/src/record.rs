//! What the merge needs of a record: its ids, its time, and the bytes that go into the merged record.
//!
//! An object is walked once, from end to end, so that a damaged record never reaches the output, and nothing is
//! allocated for it. Repeated keys, line ends between members and batch documents need text that is made anew; it goes
//! into a store of its own.
//!
//! `object` finds the parts, `ids` reads the ids and the time of both sides, `captures`, `batch` and `label` make records.

mod batch;
mod capture;
mod captures;
mod ids;
mod label;
mod object;

pub(crate) use batch::id_and_time;
pub use capture::Capture;
pub use captures::Captures;
pub use ids::Time;
pub use label::{GroundTruth, Label};
pub use object::Object;
pub(crate) use object::object;

use crate::json::Span;
use crate::rows::Row;

/// A place in the text that was read, or in the store of text made of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Slice {
    made: bool,
    span: Span,
}

impl Slice {
    pub fn len(self) -> usize {
        self.span.end - self.span.start
    }

    pub fn is_empty(self) -> bool {
        self.len() == 0
    }
}

/// Text that was read, and text that was made of it.
#[derive(Debug, Clone, Copy)]
pub struct Texts<'a> {
    pub read: &'a [u8],
    pub made: &'a [u8],
}

impl<'a> Texts<'a> {
    pub fn of(self, slice: Slice) -> &'a [u8] {
        let text = if slice.made { self.made } else { self.read };
        text.get(slice.span.start..slice.span.end).unwrap_or_default()
    }
}

/// Why a record cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Bad {
    /// Not JSON; the column, counted from 1.
    Malformed {
        column: usize,
    },
    NotUtf8 {
        column: usize,
    },
    /// Other text than JSON.
    NotJson,
    /// JSON, but no object.
    NotAnObject,
    /// A record begins inside of it, in a line of its own.
    Interrupted,
    /// Longer than any record may be.
    TooLong,
    /// A record of the other side.
    OtherSide,
    Missing {
        field: &'static str,
    },
    Null {
        field: &'static str,
    },
    /// An empty text in place of an id.
    Empty {
        field: &'static str,
    },
    WrongType {
        field: &'static str,
        expected: &'static str,
    },
    /// A CSV row without inference id and time as its last two columns.
    NotABatchRow,
    /// A CSV row with text behind the closing quote of a cell.
    BrokenRow,
    /// The end of a damaged CSV row.
    HalfRow,
    /// A CSV row that is an inference id and a time and nothing else.
    NoPayload,
    /// A file, or the rest of one, that cannot be read.
    Unreadable,
}

/// One side's way to make records of text.
pub trait Side: Copy + Send + Sync {
    type Item: Send;

    /// Rows of a batch transform may stand on this side.
    const HAS_ROWS: bool;

    /// Makes a record of an object of `text`, which is UTF-8.
    ///
    /// # Errors
    /// Why the record cannot be used.
    fn record(self, text: &[u8], object: &Object, made: &mut Vec<u8>) -> Result<Self::Item, Bad>;

    /// Makes a record of a row of a CSV file.
    ///
    /// # Errors
    /// As `record`.
    fn row(self, text: &[u8], row: &Row, made: &mut Vec<u8>) -> Result<Self::Item, Bad>;
}
