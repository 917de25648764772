//! CSV datasets: header rules, and every row as wide as the first.

use std::io::{self, Read};
use std::path::Path;

use plumbline_common::input::{self, InputFile};
use plumbline_common::{Problem, Result, codes};

use crate::config::Analysis;
use crate::read::Source;
use crate::read::gather::Gather;
use crate::read::layout::{self, Layout};
use crate::read::side::{Side, id};
use crate::values::raw::Raw;
use crate::values::typing;

/// What reading CSV files comes upon.
pub(crate) enum Event<'a> {
    /// Once, before the first row: the names of the columns.
    Columns(Vec<String>),
    Row {
        place: (&'a Path, u64),
        record: &'a csv::StringRecord,
    },
}

#[derive(PartialEq, Eq)]
pub(crate) enum Go {
    On,
    Stop,
}

/// Reads CSV files as one table.
///
/// With `headers`, a file's first row is skipped when it equals them. Without, the first file's first row is
/// the header if none of its fields is a number (else the columns are `column_0` and so on), and the first
/// row of a later file is skipped when it equals that header.
///
/// # Errors
/// A row that is wider or narrower than the first, text that is not UTF-8, `headers` of another width.
pub(crate) fn rows(
    files: &[InputFile],
    headers: Option<&[String]>,
    source: &mut Source<'_>,
    mut take: impl FnMut(Event<'_>) -> Result<Go>,
) -> Result<()> {
    let mut width = None;
    let mut header: Option<Vec<String>> = headers.map(<[String]>::to_vec);
    let mut record = csv::StringRecord::new();
    for file in files {
        let name = file.relative.as_path();
        let mut reader =
            csv::ReaderBuilder::new().has_headers(false).flexible(true).buffer_capacity(1 << 18).from_reader(
                without_mark(input::open(&file.path)?)
                    .map_err(|error| Problem::io("read the input", &file.path, error))?,
            );
        let mut first = true;
        let mut done = 0;
        let mut since = 0;
        loop {
            match reader.read_record(&mut record) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => return Err(unreadable(&file.path, name, reader.position().line(), error)),
            }
            let line = record.position().map_or(0, csv::Position::line);
            // A blank line in a one-column file is a missing value for nobody; csv skips blank lines.
            if let Some(width) = width {
                if record.len() != width {
                    return Err(Problem::new(
                        &codes::BAD_RECORD,
                        "a row has another number of columns than the first",
                    )
                    .file(name)
                    .line(line)
                    .found(format!("{} fields", record.len()))
                    .expected(format!("{width} columns"))
                    .hint("put fields that hold a comma in double quotes"));
                }
            } else {
                if let Some(headers) = headers.filter(|headers| headers.len() != record.len()) {
                    return Err(layout::headers_do_not_fit(headers.len(), record.len()).file(name));
                }
                width = Some(record.len());
                let found = match &header {
                    Some(header) => header.clone(),
                    None if record.iter().any(typing::is_number) => {
                        (0..record.len()).map(|index| format!("column_{index}")).collect()
                    }
                    None => {
                        let names: Vec<String> = record
                            .iter()
                            .enumerate()
                            .map(|(index, name)| match name.trim() {
                                "" => format!("column_{index}"),
                                name => name.into(),
                            })
                            .collect();
                        header = Some(record.iter().map(Into::into).collect());
                        names
                    }
                };
                if take(Event::Columns(found))? == Go::Stop {
                    return Ok(());
                }
            }
            let is_header = first
                && header.as_ref().is_some_and(|header| {
                    record.iter().zip(header).all(|(field, name)| field.trim() == name.trim())
                });
            first = false;
            if is_header {
                continue;
            }
            if take(Event::Row { place: (name, line), record: &record })? == Go::Stop {
                return Ok(());
            }
            since += 1;
            if since == Source::ROWS_BETWEEN_CHECKS {
                since = 0;
                let at = reader.position().byte();
                source.advance(at - done)?;
                done = at;
            }
        }
        source.advance(file.bytes.saturating_sub(done))?;
    }
    Ok(())
}

/// The reader behind a byte order mark; spreadsheets write one.
fn without_mark(mut reader: Box<dyn Read + Send>) -> io::Result<impl Read> {
    let mut start = Vec::with_capacity(3);
    reader.by_ref().take(3).read_to_end(&mut start)?;
    if start == b"\xef\xbb\xbf" {
        start.clear();
    }
    Ok(io::Cursor::new(start).chain(reader))
}

fn unreadable(path: &Path, name: &Path, line: u64, error: csv::Error) -> Problem {
    match error.into_kind() {
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

/// Reads the dataset, paired with the other datasets.
pub(crate) fn read(
    files: &[InputFile],
    sides: &[Option<Side>; 2],
    analysis: &Analysis,
    source: &mut Source<'_>,
) -> Result<Option<(Layout, Gather)>> {
    let (keep_rows, exact) = (source.options.keep_rows, source.exact);
    let limit = source.options.limit.unwrap_or(u64::MAX);
    let mut read: Option<(Layout, Gather, Vec<usize>, usize)> = None;
    let mut n_rows = 0;
    let mut unmatched = super::Skips::new("no row of this identifier in the facet or prediction dataset");
    rows(files, analysis.dataset.headers.as_deref(), source, |event| {
        match event {
            Event::Columns(names) => {
                let mine = names.len();
                let [facets, predictions] =
                    sides.each_ref().map(|side| side.as_ref().map(|side| &side.columns));
                let layout = layout::of_table(names, facets, predictions, analysis)?;
                let gather = Gather::new(&layout, analysis, keep_rows, exact);
                let wanted = gather.wanted().into_iter().filter(|&column| column < mine).collect();
                read = Some((layout, gather, wanted, mine));
            }
            Event::Row { place, record } => {
                let Some((layout, gather, wanted, mine)) = &mut read else { return Ok(Go::Stop) };
                if n_rows == limit {
                    return Ok(Go::Stop);
                }
                let id =
                    layout.roles.joins.first().map(|&at| id(Raw::Csv(record.get(at).unwrap_or_default())));
                n_rows += 1;
                let mut paired = [None, None];
                for (row, side) in paired.iter_mut().zip(sides) {
                    let Some(side) = side else { continue };
                    *row = side.row(n_rows - 1, id.as_deref());
                    if row.is_none() {
                        if side.joined() {
                            unmatched.add(place.0, place.1, "");
                        }
                        return Ok(Go::On);
                    }
                }
                for &column in wanted.iter() {
                    gather.set(column, Raw::Csv(record.get(column).unwrap_or_default()));
                }
                let mut first = *mine;
                for (side, row) in sides.iter().zip(paired) {
                    if let (Some(side), Some(row)) = (side, row) {
                        side.set(row, first, gather);
                        first += side.columns.names.len();
                    }
                }
                gather.finish_row();
            }
        }
        Ok(Go::On)
    })?;
    source.counts.records_read += n_rows;
    source.skipped(unmatched);
    if source.options.limit.is_none() {
        for side in sides.iter().flatten() {
            side.check_rows(n_rows)?;
        }
    }
    Ok(read.map(|(layout, gather, ..)| (layout, gather)))
}
