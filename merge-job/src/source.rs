//! The files of one side, in order, cut into blocks.
//!
//! A block is read into a buffer that is used again and again. It holds many small files or a piece of a large one,
//! which ends at a line end where there is one. No form of a file is known here. A small gzip file is taken as it is
//! and unpacked by whoever reads the block; larger ones, the next of them too, are unpacked by threads of their own.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use plumbline_common::input::{self, InputFile, Listing};
use plumbline_common::{Problem, Result};

use crate::ahead::Ahead;
use crate::hours;
use crate::looks;
use crate::manifest::{self, Mounts, Target};
use crate::reader;

/// Bytes of a block that is worth a thread's turn.
pub(crate) const BLOCK_BYTES: usize = 1 << 20;
/// Larger gzip files are unpacked piece by piece, in advance. Text is at most about 1,000 times as long as its gzip form, and
/// captures are mostly 10 to 40 times as long.
const SMALL_GZIP_BYTES: u64 = 512 << 10;
/// More of them at a time would only take open files and memory.
const MOST_IN_ADVANCE: usize = 16;
/// A list of files is known by so much of its beginning.
const LIST_HEAD_BYTES: usize = 256;
/// So much of a file is read before its first piece is handed on: where it is longer than what is surveyed, that is known.
const HEAD_BYTES: usize = reader::SURVEYED_BYTES + 1;
/// Of a gzip file, what holds so much of it and the names in its head.
const PACKED_HEAD_BYTES: usize = 16 << 10;

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

/// A piece of a file.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) origin: Arc<Origin>,
    /// Where the text stands in the block.
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// The first of its file, and the last.
    pub(crate) first: bool,
    pub(crate) last: bool,
    /// The piece before ended with a line.
    pub(crate) begins_line: bool,
    /// Cells of the rows of its file, as `reader::width_of_rows` tells them; not yet known of a packed one.
    pub(crate) width: Option<usize>,
    /// How its file begins, where this is the first piece and shorter than what is shown of that.
    pub(crate) head: Vec<u8>,
    pub(crate) content: Content,
}

/// What a segment holds.
#[derive(Debug)]
pub(crate) enum Content {
    Text,
    /// A whole gzip file, not yet unpacked.
    Packed(Vec<u8>),
    /// No text: the file, or what is left of it, cannot be read, and why.
    Unreadable(String),
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
        self.filled = 0;
        self.progress = 0;
        self.segments.clear();
    }

    /// Reads once, into room for at least a sixteenth of `block_bytes`.
    fn read(&mut self, from: &mut (impl Read + ?Sized), block_bytes: usize) -> io::Result<usize> {
        let least = self.filled + (block_bytes / 16).max(1);
        if self.bytes.len() < least {
            // Memory is only taken when it is read into, so growing by a half wastes none.
            let wanted = least.max(block_bytes).max(self.bytes.len() + self.bytes.len() / 2);
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

    fn append(&mut self, text: &[u8]) {
        if self.bytes.len() < self.filled + text.len() {
            self.bytes.resize(self.filled + text.len(), 0);
        }
        self.bytes[self.filled..self.filled + text.len()].copy_from_slice(text);
        self.filled += text.len();
    }
}

/// A file that is being read.
struct Current {
    path: PathBuf,
    reader: Box<dyn Read + Send>,
    origin: Arc<Origin>,
    first: bool,
    begins_line: bool,
    width: Option<usize>,
    /// What was read and is not in a block yet: the begin of a line, or more of the file's beginning than a block takes.
    carry: Vec<u8>,
    /// Nothing is left to be read, and why, if that is for damage.
    ended: bool,
    failed: Option<String>,
    bytes: u64,
    counted: u64,
    named_by_manifest: bool,
}

/// What comes next.
enum Next {
    File {
        file: InputFile,
        /// Of a file that a list of files names.
        named: Option<Arc<Origin>>,
        /// Of one that was opened in advance.
        opened: Option<io::Result<Opened>>,
    },
    Unreadable(Arc<Origin>, String),
}

impl From<InputFile> for Next {
    fn from(file: InputFile) -> Next {
        Next::File { file, named: None, opened: None }
    }
}

/// The files that are still to be read.
pub(crate) struct Source {
    /// Where the files of lists lie; none when there are no lists on this side.
    mounts: Option<Mounts>,
    queue: VecDeque<Next>,
    root: PathBuf,
    block_bytes: usize,
    /// Large gzip files that are unpacked at a time by threads of their own; 0: none is.
    in_advance: usize,
    current: Option<Current>,
    /// Lists of a transform's inputs, which carry no ids.
    pub(crate) skipped: Vec<PathBuf>,
}

impl Source {
    /// `files` in the order in which they are read. A single thread unpacks them itself.
    pub(crate) fn new(
        mounts: Option<Mounts>,
        root: &Path,
        listing: &Listing,
        block_bytes: usize,
        threads: usize,
    ) -> Source {
        let mut source = Source {
            mounts,
            queue: VecDeque::new(),
            root: root.into(),
            block_bytes,
            in_advance: if threads > 1 { threads.min(MOST_IN_ADVANCE) } else { 0 },
            current: None,
            skipped: Vec::new(),
        };
        for (name, error) in &listing.unreadable {
            source.queue.push_back(Next::Unreadable(source.origin(name), error.to_string()));
        }
        source.queue.extend(listing.files.iter().cloned().map(Next::from));
        source
    }

    fn origin(&self, relative: &Path) -> Arc<Origin> {
        let folder = relative.parent().unwrap_or(Path::new("")).to_path_buf();
        let hour = hour_of(&self.root, &folder);
        Arc::new(Origin { name: relative.into(), folder, hour })
    }

    /// Fills a block; false when there is nothing more.
    ///
    /// # Errors
    /// A file that was begun cannot be read on; the process may not open another one.
    pub(crate) fn fill(&mut self, block: &mut Block) -> Result<bool> {
        block.reset();
        let mut packed = 0;
        while block.filled + packed < self.block_bytes {
            if let Some(current) = self.current.take() {
                if !self.append(current, block)? {
                    break;
                }
            } else {
                match self.queue.pop_front() {
                    None => break,
                    Some(next) => packed += self.begin(next, block)?,
                }
            }
        }
        Ok(!block.segments.is_empty() || self.current.is_some() || !self.queue.is_empty())
    }

    /// Opens the large files among the next ones, so that packed ones are unpacked in advance.
    fn open_in_advance(&mut self) {
        // The one that is being read is one of them.
        for next in self.queue.iter_mut().take(self.in_advance.saturating_sub(1)) {
            if let Next::File { file, opened: opened @ None, .. } = next
                && file.bytes > SMALL_GZIP_BYTES
            {
                *opened = Some(open(file, true));
            }
        }
    }

    /// Opens a file; gives the room that it takes when it is taken as it is.
    ///
    /// # Errors
    /// The process may not open another file.
    fn begin(&mut self, next: Next, block: &mut Block) -> Result<usize> {
        self.open_in_advance();
        let (file, origin, opened, named_by_manifest) = match next {
            Next::Unreadable(origin, why) => {
                unreadable(block, &origin, true, why);
                return Ok(0);
            }
            Next::File { file, named, opened } => {
                let named_by_manifest = named.is_some();
                let origin = named.unwrap_or_else(|| self.origin(&file.relative));
                (file, origin, opened, named_by_manifest)
            }
        };
        let reader = match opened.unwrap_or_else(|| open(&file, self.in_advance > 0)) {
            Err(error) if input::is_of_process(&error) => {
                return Err(Problem::io("open the input", &file.path, error));
            }
            Err(error) => {
                unreadable(block, &origin, true, error.to_string());
                return Ok(0);
            }
            Ok(Opened::Packed(packed)) => {
                let mut head = Vec::new();
                if self.mounts.is_some() && !named_by_manifest {
                    let beginning = packed.get(..PACKED_HEAD_BYTES).unwrap_or(&packed).to_vec();
                    let plain = input::unpacked(io::Cursor::new(beginning));
                    let _ = plain.and_then(|plain| plain.take(LIST_HEAD_BYTES as u64).read_to_end(&mut head));
                }
                block.progress += file.bytes;
                if self.is_list(&head, &file.path, &origin, block) {
                    return Ok(0);
                }
                let room = packed.len().max(self.block_bytes / 64) * 8;
                let at = block.filled;
                let content = Content::Packed(packed);
                block.segments.push(Segment {
                    origin,
                    start: at,
                    end: at,
                    first: true,
                    last: true,
                    begins_line: true,
                    width: None,
                    head: Vec::new(),
                    content,
                });
                return Ok(room);
            }
            Ok(Opened::Plain(reader)) => reader,
        };
        self.current = Some(Current {
            reader,
            path: file.path,
            origin,
            first: true,
            begins_line: true,
            width: None,
            carry: Vec::new(),
            ended: false,
            failed: None,
            bytes: file.bytes,
            counted: 0,
            named_by_manifest,
        });
        Ok(0)
    }

    /// Reads on in the current file until the block is full; false when the block is to be handed on before.
    fn append(&mut self, mut current: Current, block: &mut Block) -> Result<bool> {
        let start = block.filled;
        block.append(&current.carry);
        current.carry.clear();
        loop {
            let head_is_read = !current.first || block.filled - start >= HEAD_BYTES;
            if current.ended || head_is_read && block.filled >= self.block_bytes {
                break;
            }
            match block.read(&mut *current.reader, self.block_bytes) {
                Ok(n) => {
                    current.ended = n == 0;
                    let counted = (n as u64).min(current.bytes - current.counted);
                    current.counted += counted;
                    block.progress += counted;
                }
                Err(error) if is_damage(&error) => {
                    current.ended = true;
                    current.failed = Some(error.to_string());
                }
                Err(error) => return Err(Problem::io("read the input", &current.path, error)),
            }
        }
        let text = block.text().get(start..).unwrap_or_default();
        if current.first && !current.named_by_manifest && self.mounts.is_some() && manifest::begins(text) {
            let head = text.to_vec();
            block.filled = start;
            block.progress += current.bytes - current.counted;
            self.is_list(&head, &current.path, &current.origin, block);
            return Ok(true);
        }
        if current.first {
            current.width = reader::width_of_rows(text, current.ended);
        }
        // Of the beginning of a file, more is read than a small block takes.
        let most = text.len().min(2 * self.block_bytes);
        let ended = current.ended && most == text.len();
        let line_end = memchr::memrchr(b'\n', &text[..most]).map(|at| start + at + 1);
        let end = match line_end {
            _ if ended => block.filled,
            Some(end) => end,
            // A long line is read into a block of its own, and cut where that is full.
            None if start == 0 => most,
            None => start,
        };
        let head = looks::head(text);
        let head = if current.first && end - start < head.len() { head.to_vec() } else { Vec::new() };
        if ended {
            block.progress += current.bytes - current.counted;
        }
        current.carry.extend_from_slice(&block.text()[end..]);
        block.filled = end;
        if end > start || ended {
            block.segments.push(Segment {
                origin: Arc::clone(&current.origin),
                start,
                end,
                first: current.first,
                last: ended,
                begins_line: current.begins_line,
                width: current.width,
                head,
                content: Content::Text,
            });
            current.first = false;
            current.begins_line = line_end == Some(end);
        }
        if let Some(why) = current.failed.take_if(|_| ended) {
            unreadable(block, &current.origin, false, why);
        }
        if !ended {
            self.current = Some(current);
        }
        Ok(ended || end > start)
    }

    /// Takes a list of files in place of the file it stands in; false when it is none.
    fn is_list(&mut self, head: &[u8], path: &Path, origin: &Arc<Origin>, block: &mut Block) -> bool {
        let Some(mounts) = self.mounts.as_ref().filter(|_| manifest::begins(head)) else { return false };
        if manifest::is_of_inputs(&origin.folder) {
            self.skipped.push(origin.name.clone());
            return true;
        }
        let Some(list) = manifest::read(path) else {
            unreadable(block, origin, true, "it begins as a list of files and has no `prefix`".into());
            return true;
        };
        for target in list.files(mounts).into_iter().rev() {
            let named = |address: &Path| {
                let name = PathBuf::from(address.file_name().unwrap_or_default());
                let name = origin.folder.join(name);
                Arc::new(Origin { name, folder: origin.folder.clone(), hour: origin.hour })
            };
            self.queue.push_front(match target {
                Target::File { path, bytes } => {
                    let origin = named(&path);
                    let file = InputFile { path, relative: origin.name.clone(), bytes };
                    Next::File { file, named: Some(origin), opened: None }
                }
                Target::Missing(address) => {
                    let is_mounted = mounts.iter().any(|(uri, _)| address.starts_with(uri.as_str()));
                    let why = if is_mounted || !address.starts_with("s3:") {
                        "is not there"
                    } else {
                        "lies below no input of the job, and the merge reads nothing from S3 itself; mount its folder \
                         as another input"
                    };
                    let why = format!("`{address}`, which {} names, {why}", origin.name.display());
                    Next::Unreadable(named(Path::new(&address)), why)
                }
                Target::Bad(why) => Next::Unreadable(Arc::clone(origin), format!("a list of files; {why}")),
            });
        }
        true
    }
}

/// The hour of a folder below an input folder.
pub(crate) fn hour_of(root: &Path, folder: &Path) -> Option<i64> {
    hours::hour_of_folder(folder).or_else(|| hours::hour_of_folder(&root.join(folder)))
}

fn unreadable(block: &mut Block, origin: &Arc<Origin>, first: bool, why: String) {
    let at = block.filled;
    block.segments.push(Segment {
        origin: Arc::clone(origin),
        start: at,
        end: at,
        first,
        last: true,
        begins_line: true,
        width: None,
        head: Vec::new(),
        content: Content::Unreadable(why),
    });
}

/// The packed data are damaged, not the disk.
fn is_damage(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    matches!(error.kind(), InvalidData | InvalidInput | UnexpectedEof)
}

enum Opened {
    Plain(Box<dyn Read + Send>),
    Packed(Vec<u8>),
}

/// A file as long as it was when it was listed. What is added later is for the next run: captures that are read twice must be
/// the same both times.
fn open(file: &InputFile, in_advance: bool) -> io::Result<Opened> {
    let mut opened = input::open_file(&file.path)?.take(file.bytes);
    let mut magic = [0; 2];
    let n = opened.read(&mut magic)?;
    let is_packed = input::begins_as_gzip(&magic[..n]);
    let mut whole = io::Cursor::new(magic).take(n as u64).chain(opened);
    if is_packed && file.bytes <= SMALL_GZIP_BYTES {
        let mut packed = Vec::with_capacity(file.bytes as usize);
        whole.read_to_end(&mut packed)?;
        return Ok(Opened::Packed(packed));
    }
    let reader = input::unpacked(whole)?;
    Ok(Opened::Plain(match is_packed && in_advance {
        true => Ahead::of(reader).map_or_else(|reader| reader, |ahead| Box::new(ahead)),
        false => reader,
    }))
}
