//! The files of one side, in order, cut into blocks of whole lines.
//!
//! A block is read into a buffer that is used again and again. It may hold many small files or a
//! piece of a large one; only a line or a document longer than a block makes a buffer grow.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use plumbline_common::input::{self, InputFile};
use plumbline_common::{Problem, Result};

use crate::hours;
use crate::json::{Cursor, Malformed};
use crate::manifest::{self, Mounts};

/// Bytes of a block that is worth a thread's turn.
const BLOCK_BYTES: usize = 1 << 20;
/// A document of several lines is held in memory as a whole, up to this size.
const DOCUMENT_BYTES: usize = 256 << 20;

/// A file as the merge knows it.
#[derive(Debug)]
pub(crate) struct Origin {
    /// How messages name it: relative to the input folder.
    pub(crate) name: PathBuf,
    /// Folder relative to the input folder, which the merged records keep.
    pub(crate) folder: PathBuf,
    /// The hour of that folder, as hours since 1970.
    pub(crate) hour: Option<i64>,
}

/// How the records of a segment stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// A record or an array of records in each line.
    Lines,
    /// JSON that goes over several lines; the whole file.
    Document,
    /// Rows of a batch transform.
    Rows,
    /// A list of files of which one cannot be reached; counts as one bad record.
    Unreachable,
}

/// A run of whole lines of one file.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) origin: Arc<Origin>,
    pub(crate) form: Form,
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// The first of its file.
    pub(crate) first: bool,
}

/// What is read at a time.
#[derive(Debug, Default)]
pub(crate) struct Block {
    /// Only the first `filled` bytes mean anything: the rest was zeroed once and is read into.
    bytes: Vec<u8>,
    filled: usize,
    pub(crate) segments: Vec<Segment>,
    /// Input bytes that this block stands for, as progress counts them.
    pub(crate) progress: u64,
}

impl Block {
    pub(crate) fn text(&self) -> &[u8] {
        self.bytes.get(..self.filled).unwrap_or_default()
    }

    fn reset(&mut self) {
        // One huge line must not keep its memory for the rest of the run.
        if self.bytes.len() > 8 * BLOCK_BYTES {
            self.bytes = Vec::new();
        }
        self.filled = 0;
        self.progress = 0;
        self.segments.clear();
    }

    /// Reads once, into room for at least `BLOCK_BYTES / 16`.
    fn read(&mut self, from: &mut (impl Read + ?Sized)) -> io::Result<usize> {
        let least = self.filled + BLOCK_BYTES / 16;
        if self.bytes.len() < least {
            // Memory is only taken when it is read into, so growing by a half wastes none.
            let wanted = least.max(BLOCK_BYTES).max(self.bytes.len() + self.bytes.len() / 2);
            self.bytes.reserve_exact(wanted - self.bytes.len());
            self.bytes.resize(wanted, 0);
        }
        loop {
            match from.read(&mut self.bytes[self.filled..]) {
                Ok(n) => {
                    self.filled += n;
                    return Ok(n);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

struct Current {
    path: PathBuf,
    reader: Box<dyn Read + Send>,
    origin: Arc<Origin>,
    form: Option<Form>,
    /// Begin of a line whose end was not read yet.
    carry: Vec<u8>,
    bytes: u64,
    counted: u64,
    named_by_manifest: bool,
}

/// Which side's files are read: only captures may be rows or lists of files.
#[derive(Debug, Clone)]
pub(crate) enum Side {
    Captures(Mounts),
    Labels,
}

/// The files that are still to be read.
pub(crate) struct Source {
    side: Side,
    queue: VecDeque<(InputFile, Option<Arc<Origin>>)>,
    root: PathBuf,
    current: Option<Current>,
    /// Files whose content is none of the known forms.
    pub(crate) skipped: Vec<PathBuf>,
}

impl Source {
    pub(crate) fn new(side: Side, root: &Path, files: Vec<InputFile>) -> Source {
        let queue = files.into_iter().map(|file| (file, None)).collect();
        Source { side, queue, root: root.into(), current: None, skipped: Vec::new() }
    }

    /// Fills a block; false when there is nothing more.
    ///
    /// # Errors
    /// A file cannot be opened or read.
    pub(crate) fn fill(&mut self, block: &mut Block) -> Result<bool> {
        block.reset();
        while block.filled < BLOCK_BYTES {
            if self.current.is_none() && !self.open_next()? {
                break;
            }
            if let Some(current) = self.current.take() {
                self.append(current, block)?;
            }
        }
        Ok(!block.segments.is_empty() || self.current.is_some() || !self.queue.is_empty())
    }

    fn open_next(&mut self) -> Result<bool> {
        let Some((file, origin)) = self.queue.pop_front() else { return Ok(false) };
        let named_by_manifest = origin.is_some();
        let origin = origin.unwrap_or_else(|| {
            let folder = file.folder().to_path_buf();
            let hour =
                hours::hour_of_folder(&folder).or_else(|| hours::hour_of_folder(&self.root.join(&folder)));
            Arc::new(Origin { name: file.relative.clone(), folder, hour })
        });
        self.current = Some(Current {
            reader: input::open(&file.path)?,
            path: file.path,
            origin,
            form: None,
            carry: Vec::new(),
            bytes: file.bytes,
            counted: 0,
            named_by_manifest,
        });
        Ok(true)
    }

    /// Reads on in the current file until the block has whole lines of it.
    fn append(&mut self, mut current: Current, block: &mut Block) -> Result<()> {
        let mut start = block.filled;
        let first = current.form.is_none();
        if block.bytes.len() < block.filled + current.carry.len() {
            block.bytes.resize(block.filled + current.carry.len(), 0);
        }
        block.bytes[start..start + current.carry.len()].copy_from_slice(&current.carry);
        block.filled += current.carry.len();
        current.carry.clear();
        let mut form = current.form;
        let (mut ended, mut line_ended, mut has_line) = (false, false, false);
        loop {
            if form.is_none() && (line_ended || ended) {
                form = self.form(&current, &block.text()[start..], ended);
            }
            if form == Some(Form::Document) && block.filled - start > DOCUMENT_BYTES {
                form = Some(Form::Lines);
            }
            let by_line = matches!(form, Some(Form::Lines | Form::Rows));
            if ended || (by_line && has_line && block.filled >= BLOCK_BYTES) {
                break;
            }
            let before = block.filled;
            let n = block
                .read(&mut *current.reader)
                .map_err(|error| Problem::io("read the input", &current.path, error))?;
            ended = n == 0;
            line_ended = memchr::memrchr(b'\n', &block.text()[before..]).is_some();
            has_line |= line_ended;
            let counted = (n as u64).min(current.bytes - current.counted);
            current.counted += counted;
            block.progress += counted;
        }
        if first && block.text()[start..].starts_with(b"\xef\xbb\xbf") {
            start += 3;
        }
        let form = form.unwrap_or(Form::Lines);
        current.form = Some(form);
        if first && !self.wanted(&current, block, start)? {
            block.progress += current.bytes - current.counted;
            return Ok(());
        }
        let end = if ended {
            block.progress += current.bytes - current.counted;
            block.filled
        } else {
            memchr::memrchr(b'\n', &block.text()[start..]).map_or(block.filled, |at| start + at + 1)
        };
        current.carry.extend_from_slice(&block.text()[end..]);
        block.filled = end;
        block.segments.push(Segment { origin: Arc::clone(&current.origin), form, start, end, first });
        if !ended {
            self.current = Some(current);
        }
        Ok(())
    }

    /// Looks at the first line of a file that is not a plain one; false when the file holds nothing
    /// for us.
    fn wanted(&mut self, current: &Current, block: &mut Block, start: usize) -> Result<bool> {
        let text = block.text().get(start..).unwrap_or_default();
        let first = text.trim_ascii_start().first().copied();
        let Side::Captures(mounts) = &self.side else {
            if matches!(first, Some(b'{' | b'[')) || named_json(&current.path) {
                return Ok(true);
            }
            self.skipped.push(current.origin.name.clone());
            block.filled = start;
            return Ok(false);
        };
        if first == Some(b'[') && !current.named_by_manifest && manifest::begins(text) {
            let list = manifest::read(&current.path)?;
            block.filled = start;
            if manifest::is_of_inputs(&current.origin.folder) {
                self.skipped.push(current.origin.name.clone());
                return Ok(false);
            }
            match list.and_then(|list| list.files(mounts)) {
                Some(files) => {
                    for (path, bytes) in files.into_iter().rev() {
                        let name = PathBuf::from(path.file_name().unwrap_or_default());
                        let origin = Origin {
                            name: current.origin.folder.join(&name),
                            folder: current.origin.folder.clone(),
                            hour: current.origin.hour,
                        };
                        let file = InputFile { path, relative: name, bytes };
                        self.queue.push_front((file, Some(Arc::new(origin))));
                    }
                }
                None => block.segments.push(Segment {
                    origin: Arc::clone(&current.origin),
                    form: Form::Unreachable,
                    start,
                    end: start,
                    first: true,
                }),
            }
            return Ok(false);
        }
        if matches!(first, Some(b'{' | b'[')) || named_json(&current.path) || current.form == Some(Form::Rows)
        {
            return Ok(true);
        }
        self.skipped.push(current.origin.name.clone());
        block.filled = start;
        Ok(false)
    }

    /// The form of a file by its beginning; none while too little of it was read.
    fn form(&self, current: &Current, text: &[u8], ended: bool) -> Option<Form> {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text).trim_ascii_start();
        let (line, rest) = match memchr::memchr(b'\n', text) {
            Some(at) => text.split_at(at),
            None if ended => (text, &b""[..]),
            None => return None,
        };
        if !matches!(line.first(), Some(b'{' | b'[')) {
            let rows = matches!(self.side, Side::Captures(_))
                && !named_json_lines(&current.path)
                && text.split(|&byte| byte == b'\n').take(3).any(crate::scan::is_batch_row);
            return Some(if rows { Form::Rows } else { Form::Lines });
        }
        if !cut_off(line) {
            return Some(Form::Lines);
        }
        // The first line is the beginning of something. If the second is whole by itself, the first
        // was damaged; else the two belong together.
        let rest = rest.trim_ascii_start();
        let second = match memchr::memchr(b'\n', rest) {
            Some(at) => &rest[..at],
            None if ended => rest,
            None => return None,
        };
        let alone =
            second.is_empty() || (line.trim_ascii().len() > 1 && second.starts_with(b"{") && whole(second));
        Some(if alone { Form::Lines } else { Form::Document })
    }
}

fn cut_off(line: &[u8]) -> bool {
    let line = line.trim_ascii_end();
    Cursor::new(line, 0, &mut Vec::new()).value() == Err(Malformed { at: line.len() })
}

fn whole(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    Cursor::new(line, 0, &mut Vec::new()).value().is_ok_and(|span| span.end == line.len())
}

fn named_json_lines(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    name.ends_with(".jsonl")
}

/// By its name the file holds records, so a first line that is none is a damaged record.
fn named_json(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    name.ends_with(".jsonl") || name.ends_with(".json")
}
