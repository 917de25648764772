//! CSV datasets: every row as wide as the first, its cells in the order of the columns.

use std::cell::Cell;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use plumbline_common::input::{self, InputFile};
use plumbline_common::words::counted;
use plumbline_common::{Problem, Result, codes};

use crate::read::header::{self, First, Later, Places};
use crate::read::layout;
use crate::read::pieces::Pieces;
use crate::read::quotes::{self, Fault};
use crate::read::{Note, Skips, Source, looks};
use crate::values::names;

/// What reading CSV files comes upon.
pub(crate) enum Event<'a> {
    /// Once, before the first row: the names of the columns.
    Columns(Vec<String>),
    Row(Row<'a>),
}

/// A row, its cells in the order of the columns.
pub(crate) struct Row<'a> {
    /// File and line.
    pub(crate) place: (&'a Path, u64),
    record: &'a csv::StringRecord,
    order: Option<&'a [usize]>,
}

impl<'a> Row<'a> {
    /// The cell of a column.
    pub(crate) fn get(&self, column: usize) -> &'a str {
        let at = match self.order {
            Some(order) => order.get(column).copied().unwrap_or(usize::MAX),
            None => column,
        };
        self.record.get(at).unwrap_or_default()
    }
}

#[derive(PartialEq, Eq)]
pub(crate) enum Go {
    On,
    Stop,
}

/// Rows of a file that are looked at to tell a header row from data.
pub(crate) const LOOKED_AT: usize = 1000;

/// Reads CSV files as one table. The first row of each file may be a header row (see `header::first_row`), and a
/// row further down that repeats it, or is made of the known names, is left out. A file that names the known
/// columns in another order is read by its names.
///
/// # Errors
/// A row that is wider or narrower than the first, quotes that do not work out, text that is not UTF-8, `headers` of another
/// width, names that contradict each other.
pub(crate) fn rows(
    files: &[InputFile],
    headers: Option<&[String]>,
    source: &mut Source<'_>,
    take: impl FnMut(Event<'_>) -> Result<Go>,
) -> Result<()> {
    let mut told = Told::default();
    let read = read_files(files, headers, source, &mut told, take);
    told.tell(source);
    read
}

fn read_files(
    files: &[InputFile],
    headers: Option<&[String]>,
    source: &mut Source<'_>,
    told: &mut Told,
    mut take: impl FnMut(Event<'_>) -> Result<Go>,
) -> Result<()> {
    let mut known: Option<Vec<String>> = headers.map(<[String]>::to_vec);
    let mut width = None;
    for file in files {
        let name = file.relative.as_path();
        let mut reader = Reader::open(file)?;
        let first = reader.first().map_err(|problem| one_column(problem, file, headers))?;
        let Some(first) = first else { continue };
        let expected = *width.get_or_insert(first.len());
        if let Some(headers) = headers.filter(|headers| headers.len() != first.len()) {
            return Err(layout::headers_do_not_fit(headers.len(), first.len()).file(name));
        }
        if first.len() != expected {
            return Err(other_width(name, reader.line_of(&first), &first, expected));
        }
        let was_known = known.is_some();
        let (mut header, mut order) = (None, None);
        match header::first_row(&first, reader.look(expected)?, known.as_deref(), name)? {
            First::Data => {
                if header::is_mixed(&first) {
                    told.data.push(name.into());
                }
                if header::is_count(&first) {
                    told.counted.push(name.into());
                }
                reader.put_back(first);
            }
            First::Header(found) => {
                match found.places {
                    Places::Same => {}
                    Places::Other(other) => {
                        told.reordered.push(name.into());
                        order = Some(other);
                    }
                    Places::Unknown => told.renamed.push(name.into()),
                }
                if header::is_mixed(&first) {
                    told.header.push(name.into());
                }
                if !was_known {
                    known = Some(found.names.clone());
                }
                header = Some(found.names);
            }
        }
        if !told.columns {
            told.columns = true;
            told.names = header.clone().filter(|_| headers.is_none());
            let names = known
                .clone()
                .unwrap_or_else(|| (0..expected).map(|index| format!("column_{index}")).collect());
            if take(Event::Columns(names))? == Go::Stop {
                return Ok(());
            }
        }
        let mut record = csv::StringRecord::new();
        let mut done = 0;
        let mut since = 0;
        while reader.next(&mut record)? {
            let line = reader.line_of(&record);
            if record.len() != expected {
                return Err(other_width(name, line, &record, expected));
            }
            // Nearly every row differs from the names in its first cell.
            let first = record.get(0).unwrap_or_default();
            let is_name = |names: &Vec<String>| names.iter().any(|name| names::same(name, first));
            if known.as_ref().is_some_and(is_name) || header.as_ref().is_some_and(is_name) {
                let known = known.as_deref().unwrap_or_default();
                let again = header::later_row(&record, known, header.as_deref());
                // Files with columns in different order, one behind the other.
                if let Later::Known(other) = &again {
                    let turned = !other.iter().copied().eq(0..expected);
                    if turned && told.reordered.last().is_none_or(|last| last != name) {
                        told.reordered.push(name.into());
                    }
                    order = Some(other.clone());
                }
                if again != Later::Data {
                    told.repeated.add(name, line, "");
                    continue;
                }
            }
            if take(Event::Row(Row { place: (name, line), record: &record, order: order.as_deref() }))?
                == Go::Stop
            {
                return Ok(());
            }
            since += 1;
            if since == Source::ROWS_BETWEEN_CHECKS {
                since = 0;
                let at = reader.bytes();
                source.advance(at - done)?;
                done = at;
            }
        }
        source.advance(file.bytes.saturating_sub(done))?;
    }
    Ok(())
}

/// What is said of header rows when all files are read.
pub(crate) struct Told {
    columns: bool,
    /// Names that the first file gives its columns, when no others are known.
    pub(crate) names: Option<Vec<String>>,
    /// Files whose first row has numbers and texts, and is taken for data, or for a header row.
    pub(crate) data: Vec<PathBuf>,
    /// Files whose first row counts its cells, and is taken for data.
    pub(crate) counted: Vec<PathBuf>,
    header: Vec<PathBuf>,
    reordered: Vec<PathBuf>,
    renamed: Vec<PathBuf>,
    repeated: Skips,
}

impl Default for Told {
    fn default() -> Told {
        Told {
            columns: false,
            names: None,
            data: Vec::new(),
            counted: Vec::new(),
            header: Vec::new(),
            reordered: Vec::new(),
            renamed: Vec::new(),
            repeated: Skips::new("equal to the header row"),
        }
    }
}

impl Told {
    pub(crate) fn tell(self, source: &mut Source<'_>) {
        for (files, what) in [
            (self.data, "the first row, of numbers and texts, is read as data"),
            (
                self.counted,
                "the first row counts the columns from 0 and is read as data; if these are column numbers, write the file \
                 without them",
            ),
            (self.header, "the first row, of numbers and texts, is read as a header row"),
            (
                self.reordered,
                "the header row has the columns in another order, and they are read by their names",
            ),
            (self.renamed, "the header row has other names than the columns, which are named by position"),
        ] {
            source.notes.push(Note::Files { files, what: what.into() });
        }
        source.header = self.names;
        source.skipped(self.repeated);
    }
}

fn other_width(file: &Path, line: u64, row: &csv::StringRecord, expected: usize) -> Problem {
    let hint = if row.iter().any(|field| field.contains('\n')) {
        "a quoted field of the row goes over line ends: is a quote missing, or one too many?"
    } else {
        "put fields that hold a comma in double quotes"
    };
    Problem::new(&codes::BAD_RECORD, "a row has another number of columns than the first")
        .file(file)
        .line(line)
        .found(counted(row.len(), "field"))
        .expected(counted(expected, "column"))
        .hint(hint)
}

/// Where the quotes of a first row do not work out since the file has other delimiters than commas, it is of one column, as it is
/// without quotes.
fn one_column(problem: Problem, file: &InputFile, headers: Option<&[String]>) -> Problem {
    let is_bad = std::ptr::eq(problem.code(), &codes::BAD_RECORD);
    match headers.filter(|headers| is_bad && headers.len() > 1 && looks::is_delimited(file)) {
        Some(headers) => layout::headers_do_not_fit(headers.len(), 1).file(&file.relative),
        None => problem,
    }
}

fn wrong_quotes(file: &Path, line: u64, fault: Fault) -> Problem {
    Problem::new(&codes::BAD_RECORD, "the quotes of a row do not work out")
        .file(file)
        .line(line)
        .found(fault.what.to_string())
        .expected("a comma or line end behind a closing quote")
        .hint("is a quote missing in this row, or one too many? Inside of quotes a quote is written twice")
}

/// The rows of one file, of which some may be looked at before they are read.
struct Reader<'f> {
    file: &'f InputFile,
    reader: csv::Reader<Checked>,
    /// The first fault in the quotes of what was read, which may be more than the rows so far.
    fault: Rc<Cell<Option<Fault>>>,
    /// Rows that were looked at, the next one last.
    ahead: Vec<csv::StringRecord>,
}

impl<'f> Reader<'f> {
    fn open(file: &'f InputFile) -> Result<Reader<'f>> {
        let fault = Rc::new(Cell::new(None));
        let pieces = Pieces::open(file, None)?;
        let checked = Checked { pieces, piece: Vec::new(), at: 0, passed: 0, fault: fault.clone() };
        let reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(checked);
        Ok(Reader { file, reader, fault, ahead: Vec::new() })
    }

    fn read(&mut self, record: &mut csv::StringRecord) -> Result<bool> {
        let read = self.reader.read_record(record).map_err(|error| {
            unreadable(&self.file.path, &self.file.relative, self.reader.position().line(), error)
        })?;
        match self.fault.get() {
            Some(fault) if fault.at < self.bytes() => {
                Err(wrong_quotes(&self.file.relative, self.line_of(record), fault))
            }
            _ => Ok(read),
        }
    }

    fn first(&mut self) -> Result<Option<csv::StringRecord>> {
        let mut record = csv::StringRecord::new();
        Ok(self.read(&mut record)?.then_some(record))
    }

    /// The rows that follow, a thousand at most; they come again when it is their turn.
    ///
    /// # Errors
    /// A row that cannot be read, unless one of another width than `expected` stands before it: then that one.
    fn look(&mut self, expected: usize) -> Result<&[csv::StringRecord]> {
        let mut rows = Vec::new();
        let mut record = csv::StringRecord::new();
        while rows.len() < LOOKED_AT {
            match self.read(&mut record) {
                Ok(true) => rows.push(record.clone()),
                Ok(false) => break,
                Err(problem) => {
                    let other = rows.iter().find(|row| row.len() != expected);
                    return Err(other.map_or(problem, |row| {
                        other_width(&self.file.relative, self.line_of(row), row, expected)
                    }));
                }
            }
        }
        rows.reverse();
        self.ahead = rows;
        Ok(&self.ahead)
    }

    fn put_back(&mut self, record: csv::StringRecord) {
        self.ahead.push(record);
    }

    fn next(&mut self, record: &mut csv::StringRecord) -> Result<bool> {
        match self.ahead.pop() {
            Some(row) => {
                *record = row;
                Ok(true)
            }
            None => self.read(record),
        }
    }

    fn line_of(&self, record: &csv::StringRecord) -> u64 {
        record.position().map_or(0, csv::Position::line)
    }

    fn bytes(&self) -> u64 {
        self.reader.position().byte()
    }
}

/// The text of a file in pieces of whole records, whose quotes are looked over.
struct Checked {
    pieces: Pieces,
    piece: Vec<u8>,
    /// Bytes of the piece that were read.
    at: usize,
    /// Bytes before the piece.
    passed: u64,
    fault: Rc<Cell<Option<Fault>>>,
}

impl Checked {
    const BYTES: usize = 1 << 18;
}

impl Read for Checked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.piece.len() {
            self.passed += self.piece.len() as u64;
            self.at = 0;
            self.pieces.fill(&mut self.piece, Checked::BYTES)?;
            if self.fault.get().is_none() {
                let found = quotes::fault(&self.piece);
                self.fault.set(found.map(|fault| Fault { at: self.passed + fault.at, ..fault }));
            }
        }
        let read = buffer.len().min(self.piece.len() - self.at);
        buffer[..read].copy_from_slice(&self.piece[self.at..self.at + read]);
        self.at += read;
        Ok(read)
    }
}

fn unreadable(path: &Path, name: &Path, line: u64, error: csv::Error) -> Problem {
    match error.into_kind() {
        csv::ErrorKind::Io(error) if error.kind() == io::ErrorKind::FileTooLarge => {
            input::too_long("row").file(name).line(line)
        }
        csv::ErrorKind::Io(error) => Problem::io("read the input", path, error).line(line),
        csv::ErrorKind::Utf8 { pos, .. } => Problem::new(&codes::BAD_RECORD, "a row is not UTF-8 text")
            .file(name)
            .line(pos.map_or(line, |pos| pos.line()))
            .hint("save the file as UTF-8"),
        kind => Problem::new(&codes::BAD_RECORD, "cannot read a row")
            .file(name)
            .line(line)
            .found(format!("{kind:?}")),
    }
}

#[cfg(test)]
#[path = "tests/csv.rs"]
mod tests;
