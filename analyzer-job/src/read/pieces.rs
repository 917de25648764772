//! A file of text in pieces of whole records.

use std::io::{self, Read};
use std::sync::Arc;

use memchr::memrchr;
use plumbline_common::input::{InputFile, LONGEST_RECORD};
use plumbline_common::{Problem, Result};

use crate::read::cut;
use crate::read::digest::Digests;

/// A file while it is read.
pub(crate) struct Pieces {
    reader: Box<dyn Read + Send>,
    /// Where the last whole record of a text ends, or 0.
    last_end: fn(&[u8]) -> usize,
    /// What was read and not handed on.
    rest: Vec<u8>,
    /// Everything was read.
    done: bool,
}

impl Pieces {
    /// A file of CSV behind its byte order mark; spreadsheets write one. `digests`: where its digest is to be known, if so.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) fn open(file: &InputFile, digests: Option<&Arc<Digests>>) -> Result<Pieces> {
        Pieces::of(file, digests, cut::last_end)
    }

    /// As `open`, of a file whose records are lines.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) fn of_lines(file: &InputFile, digests: Option<&Arc<Digests>>) -> Result<Pieces> {
        Pieces::of(file, digests, |text| memrchr(b'\n', text).map_or(0, |at| at + 1))
    }

    fn of(file: &InputFile, digests: Option<&Arc<Digests>>, last_end: fn(&[u8]) -> usize) -> Result<Pieces> {
        let mut reader = match digests {
            Some(digests) => digests.open(file)?,
            None => file.open()?,
        };
        let mut rest = Vec::with_capacity(3);
        reader
            .by_ref()
            .take(3)
            .read_to_end(&mut rest)
            .map_err(|error| Problem::io("read the input", &file.path, error))?;
        if rest == b"\xef\xbb\xbf" {
            rest.clear();
        }
        Ok(Pieces { reader, last_end, rest, done: false })
    }

    /// Everything was read, though perhaps not handed on.
    pub(crate) fn is_done(&self) -> bool {
        self.done
    }

    /// Sets `text` to whole records, about `bytes` or one; false at the end of the file. What stands behind the last line end
    /// of the file is whole.
    pub(crate) fn fill(&mut self, text: &mut Vec<u8>, bytes: usize) -> io::Result<bool> {
        self.fill_behind(0, text, bytes)
    }

    /// Lengthens `text`, which ends with a record, to about `bytes`, or by one record; not by one that is too long.
    pub(crate) fn fill_more(&mut self, text: &mut Vec<u8>, bytes: usize) -> io::Result<bool> {
        self.fill_behind(text.len(), text, bytes)
    }

    /// The same behind the first `used` bytes of a text; what else it holds is room.
    fn fill_behind(&mut self, used: usize, text: &mut Vec<u8>, bytes: usize) -> io::Result<bool> {
        let mut used = place(text, used, &mut self.rest, bytes);
        let mut whole = bytes;
        loop {
            if used < whole && !self.done {
                if let Err(error) = read_up_to(&mut self.reader, text, &mut used, whole) {
                    text.truncate(used);
                    return Err(error);
                }
                self.done = used < whole;
            }
            if used <= whole && self.done {
                text.truncate(used);
                return Ok(used > 0);
            }
            if used > LONGEST_RECORD {
                return Err(io::ErrorKind::FileTooLarge.into());
            }
            let end = (self.last_end)(&text[..whole]);
            if end > 0 {
                self.rest.extend_from_slice(&text[end..used]);
                text.truncate(end);
                return Ok(true);
            }
            whole *= 2;
        }
    }

    /// Puts back what was handed on last.
    pub(crate) fn put_back(&mut self, mut text: Vec<u8>) {
        text.append(&mut self.rest);
        self.rest = text;
    }
}

/// Puts `rest`, which is empty then, behind the first `used` bytes of a text; returns how many are used.
pub(super) fn place(text: &mut Vec<u8>, used: usize, rest: &mut Vec<u8>, bytes: usize) -> usize {
    let behind = used + rest.len();
    if text.len() < behind {
        text.resize(behind, 0);
    }
    text[used..behind].copy_from_slice(rest);
    rest.clear();
    // A long record may have needed more room.
    rest.shrink_to(bytes);
    behind
}

/// Reads behind the first `used` bytes of a text, up to `bytes` or fewer, when there are no more. Bytes that the text holds already
/// are room: filling new room with zeros costs as much as a tenth of the reading.
pub(super) fn read_up_to(
    reader: &mut impl Read,
    text: &mut Vec<u8>,
    used: &mut usize,
    bytes: usize,
) -> io::Result<()> {
    if text.len() < bytes {
        text.resize(bytes, 0);
    }
    while *used < bytes {
        match reader.read(&mut text[*used..bytes]) {
            Ok(0) => break,
            Ok(n) => *used += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
