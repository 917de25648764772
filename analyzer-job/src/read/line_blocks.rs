//! Files of lines in blocks of whole lines, so that blocks can be read apart and lines keep their numbers.

use std::io::{self, Read};
use std::iter::Enumerate;
use std::slice;
use std::sync::Arc;

use memchr::{memchr, memchr_iter, memrchr};
use plumbline_common::Problem;
use plumbline_common::input::{InputFile, LONGEST_RECORD};

use crate::read::blocks::{Block, Held};
use crate::read::digest::Digests;
use crate::read::pieces;

/// Lines of a file, one behind the other.
pub(crate) struct Lines {
    /// Number of the first, from 1.
    first: u64,
    text: Vec<u8>,
    pub(crate) behind: Behind,
}

/// What follows the lines of a block.
#[derive(Debug)]
pub(crate) enum Behind {
    /// More lines.
    Lines,
    /// A line, by its number, that is longer than a record may be; it was passed over.
    TooLong(u64),
    /// The end of the file.
    End,
    /// What cannot be read.
    Fault(Problem),
}

impl Held for Lines {
    fn bytes(&self) -> usize {
        self.text.len()
    }
}

impl Lines {
    /// The lines that are not blank, without line ends and blanks before these, and their numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let text = self.text.as_slice();
        // A byte order mark.
        let marked = if self.first == 1 { text.strip_prefix(b"\xef\xbb\xbf") } else { None };
        let mut rest = marked.unwrap_or(text);
        let mut number = self.first;
        std::iter::from_fn(move || {
            while !rest.is_empty() {
                let end = memchr(b'\n', rest);
                let line = rest[..end.unwrap_or(rest.len())].trim_ascii_end();
                rest = end.map_or(&[], |end| &rest[end + 1..]);
                number += 1;
                if !line.is_empty() {
                    return Some((number - 1, line));
                }
            }
            None
        })
    }
}

/// The blocks of some files. The last one of each file says that it ends.
pub(crate) struct LineBlocks<'a> {
    /// With their numbers.
    files: Enumerate<slice::Iter<'a, InputFile>>,
    file: Option<Open<'a>>,
    /// Where the digests of the files are to be known, if they are.
    digests: Option<Arc<Digests>>,
    block_bytes: usize,
    longest: usize,
}

/// The file at hand.
struct Open<'a> {
    number: usize,
    file: &'a InputFile,
    reader: Box<dyn Read + Send>,
    /// What was read and not handed on.
    rest: Vec<u8>,
    /// What cannot be read behind it.
    failed: Option<io::Error>,
    /// Line ends that were handed on.
    lines: u64,
    /// Bytes that were handed on, and those of them that were told: a packed file is longer when it is read.
    bytes: u64,
    told: u64,
}

impl<'a> LineBlocks<'a> {
    /// `digests`: where the digests of the files are to be known, if they are.
    pub(crate) fn new(
        files: &'a [InputFile],
        block_bytes: usize,
        digests: Option<Arc<Digests>>,
    ) -> LineBlocks<'a> {
        LineBlocks { digests, ..LineBlocks::within(files, block_bytes, LONGEST_RECORD) }
    }

    /// Lines of at most `longest` bytes.
    fn within(files: &'a [InputFile], block_bytes: usize, longest: usize) -> LineBlocks<'a> {
        let block_bytes = block_bytes.min(longest + 1);
        LineBlocks { files: files.iter().enumerate(), file: None, digests: None, block_bytes, longest }
    }

    /// The next block, in the memory of a spent one; none at the end.
    pub(crate) fn next(&mut self, spent: Option<Block<Lines>>) -> Option<Block<Lines>> {
        let mut text = spent.map_or_else(Vec::new, |spent| spent.records.text);
        let mut file = match self.file.take() {
            Some(file) => file,
            None => {
                let (number, file) = self.files.next()?;
                let opened = match &self.digests {
                    Some(digests) => digests.open(file),
                    None => file.open(),
                };
                match opened {
                    Ok(reader) => Open {
                        number,
                        file,
                        reader,
                        rest: Vec::new(),
                        failed: None,
                        lines: 0,
                        bytes: 0,
                        told: 0,
                    },
                    Err(problem) => {
                        text.clear();
                        let records = Lines { first: 1, text, behind: Behind::Fault(problem) };
                        return Some(Block { file: number, bytes: file.bytes, records });
                    }
                }
            }
        };
        let first = file.lines + 1;
        let behind = file.fill(&mut text, self.block_bytes, self.longest);
        let block = Block {
            file: file.number,
            bytes: file.tell(text.len(), &behind),
            records: Lines { first, text, behind },
        };
        if let Behind::Lines | Behind::TooLong(_) = block.records.behind {
            self.file = Some(file);
        }
        Some(block)
    }
}

impl Open<'_> {
    /// Sets `text` to whole lines, about `bytes` or one, which are at most `longest`.
    fn fill(&mut self, text: &mut Vec<u8>, bytes: usize, longest: usize) -> Behind {
        let mut used = pieces::place(text, 0, &mut self.rest, bytes);
        let mut wanted = bytes;
        let behind = loop {
            let read = match self.failed.take() {
                Some(error) => Err(error),
                None => pieces::read_up_to(&mut self.reader, text, &mut used, wanted),
            };
            // What follows the last line end goes on.
            let end = memrchr(b'\n', &text[..used]).map_or(0, |at| at + 1);
            match read {
                // It is the last line.
                Ok(()) if used < wanted => {
                    text.truncate(used);
                    break Behind::End;
                }
                Ok(()) if end > 0 => {
                    self.rest.extend_from_slice(&text[end..used]);
                    text.truncate(end);
                    break Behind::Lines;
                }
                Ok(()) if used > longest => {
                    *text = Vec::new();
                    break match self.pass_over(bytes) {
                        Ok(()) => {
                            self.lines += 1;
                            return Behind::TooLong(self.lines);
                        }
                        Err(error) => self.fault(error, 0),
                    };
                }
                Ok(()) => wanted = (2 * wanted).min(longest + 1),
                Err(error) => {
                    text.truncate(end);
                    break self.fault(error, memchr_iter(b'\n', text).count() as u64);
                }
            }
        };
        self.lines += memchr_iter(b'\n', text).count() as u64;
        behind
    }

    /// Passes over the rest of a line.
    fn pass_over(&mut self, bytes: usize) -> io::Result<()> {
        loop {
            let mut used = 0;
            let read = pieces::read_up_to(&mut self.reader, &mut self.rest, &mut used, bytes);
            self.rest.truncate(used);
            if let Some(end) = memchr(b'\n', &self.rest) {
                self.rest.drain(..=end);
                self.failed = read.err();
                return Ok(());
            }
            read?;
            if self.rest.len() < bytes {
                self.rest.clear();
                return Ok(());
            }
        }
    }

    /// The line behind so many more cannot be read.
    fn fault(&self, error: io::Error, lines: u64) -> Behind {
        let problem = Problem::io("read the input", &self.file.path, error);
        Behind::Fault(problem.line(self.lines + lines + 1))
    }

    /// How many bytes of the file are done beyond those that were told.
    fn tell(&mut self, bytes: usize, behind: &Behind) -> u64 {
        self.bytes += bytes as u64;
        let done = match behind {
            Behind::Lines | Behind::TooLong(_) => self.bytes.min(self.file.bytes),
            Behind::End | Behind::Fault(_) => self.file.bytes,
        };
        let before = std::mem::replace(&mut self.told, done);
        done - before
    }
}

#[cfg(test)]
#[path = "tests/line_blocks.rs"]
mod tests;
