//! CSV files as in RFC 4180, cut into cells where they stand: the text that was read becomes the text of a
//! block, and only fields with doubled quotes are copied.

mod cut;
mod doubt;
mod heads;

use std::io::Read;

use memchr::{memchr, memmem};
use plumbline_common::input::{self, InputFile};
use plumbline_common::words::counted;
use plumbline_common::{Problem, Result, codes};

use super::Take;
use super::block::Block;
use super::reader::{Places, Reader};
use crate::read::looks;

pub(super) use cut::with_bad_bytes_as;
use cut::{Bad, Cut};
use heads::First;
pub(super) use heads::{Heads, taken_as_data};

/// Reads all files as one table. `heads`: none where no file has a header row.
pub(super) fn read(
    files: &[InputFile],
    heads: Option<&Heads>,
    reader: &mut Reader<'_>,
    take: Take<'_>,
) -> Result<()> {
    for (at, file) in files.iter().enumerate() {
        let mut opened = File::open(file, Block::BYTES)?;
        if let Some(what) = other_format(&opened.buffer) {
            reader.account.notes.push((file.relative.clone(), what));
        }
        let first = heads.and_then(|heads| Some((heads, *heads.firsts.get(at)?)));
        let places = first.map_or(Ok(None), |(heads, first)| opened.places(first, heads, file, reader))?;
        if first.is_some() {
            reader.hand_on_columns(&file.relative, take)?;
        }
        opened.read(file, places, reader, take)?;
    }
    Ok(())
}

struct File {
    reader: Box<dyn Read + Send>,
    /// Text that was read and not yet handed on.
    buffer: Vec<u8>,
    at_end: bool,
    /// Line of the first byte of `buffer`.
    line: u64,
    /// What ends a row: a line feed, or a carriage return in files that have no line feed.
    terminator: u8,
}

impl File {
    /// Reads the first bytes.
    fn open(file: &InputFile, bytes: usize) -> Result<File> {
        let mut opened = File {
            reader: file.open()?,
            buffer: Vec::with_capacity(bytes + (bytes >> 2)),
            at_end: false,
            line: 1,
            terminator: b'\n',
        };
        opened.fill(file, bytes)?;
        if opened.buffer.starts_with(b"\xef\xbb\xbf") {
            opened.buffer.drain(..3);
        }
        let has_line_feed = memchr(b'\n', &opened.buffer).is_some();
        if !has_line_feed && memchr(b'\r', &opened.buffer).is_some() {
            opened.terminator = b'\r';
        }
        Ok(opened)
    }

    /// Reads until the buffer holds `bytes`, or the file ends.
    fn fill(&mut self, file: &InputFile, bytes: usize) -> Result<()> {
        let missing = bytes.saturating_sub(self.buffer.len());
        let read = self
            .reader
            .by_ref()
            .take(missing as u64)
            .read_to_end(&mut self.buffer)
            .map_err(|error| Problem::io("read the input", &file.path, error).line(self.line))?;
        self.at_end = read < missing;
        Ok(())
    }

    /// Where the columns of the table stand in the file, where they stand elsewhere; a header row is done with.
    fn places(
        &mut self,
        first: First,
        heads: &Heads,
        file: &InputFile,
        reader: &mut Reader<'_>,
    ) -> Result<Option<Places>> {
        let name = file.relative.as_path();
        match (first, &heads.names) {
            (First::Row, Some(names)) => reader.by_position(names, name),
            (First::Row, None) => Ok(None),
            (First::Names, _) => match self.first_row(file)? {
                Some((names, line)) => reader.header(names, name, line),
                None => Ok(None),
            },
        }
    }

    fn read(
        mut self,
        file: &InputFile,
        places: Option<Places>,
        reader: &mut Reader<'_>,
        take: Take<'_>,
    ) -> Result<()> {
        let name = file.relative.as_path();
        let mut cut = Cut::default();
        while !(self.at_end && self.buffer.is_empty()) {
            let own_width = places.as_ref().map(|places| places.width);
            cut.clear(own_width.or(reader.width()), usize::MAX);
            let consumed = cut.rows(&self.buffer, self.terminator, self.at_end, &mut self.line);
            reader.records(cut.rows.len() as u64);
            if reader.width().is_none() && cut.width > 0 {
                reader.unnamed(cut.width);
            }
            for (line, bad) in cut.bad.drain(..) {
                let expected = own_width.or(reader.width());
                let wide = bad.fields().and_then(|fields| reader.other_width(fields, expected));
                reader.records(bad.lines());
                let reason = match &bad {
                    Bad::Fields(_) => wide.unwrap_or_default(),
                    bad => bad.told(line),
                };
                match &bad {
                    Bad::Fields(_) => reader.misfit(name, line, bad.lines(), &reason)?,
                    bad => reader.bad_lines(name, line, bad.lines(), &reason)?,
                }
                if bad.lines() > 1 {
                    reader.account.quotes.add(name, line, &reason);
                }
            }
            for (line, rows) in cut.likely.drain(..) {
                let what = format!("one value holds {} that look like rows", counted(rows, "line"));
                reader.account.quotes.add(name, line, &what);
            }
            let mut text = reader.spare_text();
            text.extend_from_slice(&self.buffer[consumed..]);
            std::mem::swap(&mut text, &mut self.buffer);
            text.truncate(consumed);
            let block = cut.block(text, places.as_ref().map(|places| places.of.as_slice()));
            for line in cut.spoilt.drain(..) {
                reader.bad(name, line, "the row is not UTF-8 text")?;
            }
            reader.hand_on(block, name, take)?;
            reader.advance((consumed as u64).min(file.bytes))?;
            // A record longer than what was read: read twice as much.
            let wanted = if consumed == 0 { self.buffer.len() * 2 } else { Block::BYTES };
            self.fill(file, wanted.max(Block::BYTES))?;
        }
        Ok(())
    }

    /// Takes the first row as the names of the columns, with its line; none for an empty cell.
    fn first_row(&mut self, file: &InputFile) -> Result<Option<(Vec<Option<String>>, u64)>> {
        let name = file.relative.as_path();
        let mut cut = Cut::default();
        let consumed = loop {
            cut.clear(None, 1);
            let mut line = self.line;
            let consumed = cut.rows(&self.buffer, self.terminator, self.at_end, &mut line);
            if !cut.rows.is_empty() || self.at_end {
                self.line = line;
                break consumed;
            }
            if self.buffer.len() > input::LONGEST_RECORD {
                return Err(input::too_long("row").file(name).line(1));
            }
            self.fill(file, self.buffer.len() * 2 + Block::BYTES)?;
        };
        if let Some((line, bad)) = cut.bad.first() {
            return Err(Problem::new(&codes::BAD_RECORD, "the header row cannot be read")
                .file(name)
                .line(*line)
                .found(bad.told(*line))
                .hint(other_format(&self.buffer).unwrap_or_else(|| {
                    "is a quote missing, or one too many? Inside of quotes a quote is written twice".into()
                })));
        }
        let Some(at) = cut.rows.first().map(|row| row.line) else {
            self.buffer.clear();
            return Ok(None);
        };
        let rest = self.buffer.split_off(consumed);
        let block = cut.block(std::mem::replace(&mut self.buffer, rest), None);
        if block.rows() == 0 {
            return Err(Problem::new(&codes::BAD_RECORD, "the header row is not UTF-8 text")
                .file(name)
                .line(at)
                .hint("save the file as UTF-8"));
        }
        let cells = (0..block.width()).map(|column| block.cell(0, column).map(Into::into));
        Ok(Some((cells.collect(), at)))
    }
}

/// What a file looks like that is read as CSV all the same: lines that are JSON may have as many commas each, and lines without
/// a comma are one value each.
fn other_format(text: &[u8]) -> Option<String> {
    const LOOKED_AT: usize = 4096;
    let text = text.trim_ascii_start();
    let first = text.split(|byte| *byte == b'\n').next()?;
    let is_json = first.starts_with(b"{") || first.starts_with(b"[");
    if is_json && serde_json::from_slice::<serde::de::IgnoredAny>(first).is_ok() {
        let (look, format) = match memmem::find(first, b"\"captureData\"") {
            Some(_) => ("captured records", r#"{"sagemakerCaptureJson": {}}"#),
            None => ("JSON Lines", r#"{"json": {"lines": true}}"#),
        };
        return Some(format!(
            "the file is read as CSV and looks like {look}; if it is, set `dataset_format` to {format}"
        ));
    }
    let beginning = String::from_utf8_lossy(&text[..text.len().min(LOOKED_AT)]);
    let look = looks::other_delimiter(&beginning).filter(|_| memchr(b',', first).is_none())?;
    Some(format!("the file is read as CSV and looks like {look}"))
}
