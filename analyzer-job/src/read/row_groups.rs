//! Parquet files counted by all processors, a row group or a part of its rows at a time.

use std::collections::VecDeque;
use std::iter::Enumerate;
use std::ops::Range;
use std::slice;
use std::sync::Arc;

use ::parquet::arrow::arrow_reader::ArrowReaderMetadata;
use plumbline_common::Result;
use plumbline_common::input::InputFile;

use crate::config::Analysis;
use crate::read::Source;
use crate::read::blocks::{self, Block, Held};
use crate::read::gather::Gather;
use crate::read::guarded;
use crate::read::layout::Layout;
use crate::read::parquet::{self, Head, ROWS_PER_BATCH};

/// Rows that are read at a time: many programs write groups of a million. The rows of a group before these cost little, as their
/// pages are passed over, or their values are not made.
const ROWS_OF_PART: usize = 16 * ROWS_PER_BATCH;

/// Reads the dataset as `parquet::read`.
///
/// # Errors
/// As `parquet::read`.
pub(crate) fn read(
    files: &[InputFile],
    analysis: &Analysis,
    source: &mut Source<'_>,
) -> Result<Option<(Layout, Gather)>> {
    source.leave_digests();
    if !source.options.keep_rows && source.options.limit.is_none() {
        let counted = count(files, analysis, source, ROWS_OF_PART)?;
        if counted.is_some() {
            return Ok(counted);
        }
    }
    parquet::read(files, analysis, source)
}

/// Counts the rows of all files, `rows_of_part` at a time. None when something is not as it should be, which reading one file after the other names.
fn count(
    files: &[InputFile],
    analysis: &Analysis,
    source: &mut Source<'_>,
    rows_of_part: usize,
) -> Result<Option<(Layout, Gather)>> {
    let mut groups = Groups::new(files, analysis, rows_of_part);
    let Some(Some(first)) = groups.next() else { return Ok(None) };
    let Some((head, like)) = groups.head.clone() else { return Ok(None) };
    let counted = blocks::count(first, |_| groups.next(), &like, |group| group.count(&like), source)?;
    let Some(counted) = counted else { return Ok(None) };
    head.tell(source);
    Ok(Some((head.layout, counted)))
}

/// Rows of a row group of a file.
struct Group<'a> {
    file: &'a InputFile,
    metadata: ArrowReaderMetadata,
    needed: Arc<Vec<(usize, usize)>>,
    at: usize,
    /// None for all of them.
    rows: Option<Range<usize>>,
}

impl Held for Group<'_> {
    /// Only its place is held; its pages are read by whoever counts it.
    fn bytes(&self) -> usize {
        0
    }
}

impl Group<'_> {
    /// Its rows; none when they cannot be read.
    fn count(&self, like: &Gather) -> Option<Gather> {
        let mut gather = like.clone();
        let reader = parquet::reader(self.file, self.metadata.clone(), &self.needed).ok()?;
        let mut reader = reader.with_row_groups(vec![self.at]);
        if let Some(rows) = &self.rows {
            reader = reader.with_offset(rows.start).with_limit(rows.len());
        }
        for batch in guarded::batches(reader, &self.file.relative).ok()? {
            parquet::count(&batch.ok()?, self.file, &self.needed, &mut gather).ok()?;
        }
        Some(gather)
    }
}

/// The row groups of some files.
struct Groups<'a> {
    /// With their numbers.
    files: Enumerate<slice::Iter<'a, InputFile>>,
    analysis: &'a Analysis,
    /// Known from the first file on, with what is counted.
    head: Option<(Head, Gather)>,
    /// Those of the file at hand that are still to come.
    ready: VecDeque<Block<Group<'a>>>,
    rows_of_part: usize,
}

impl<'a> Groups<'a> {
    /// `rows_of_part`: rows that are read at a time.
    fn new(files: &'a [InputFile], analysis: &'a Analysis, rows_of_part: usize) -> Groups<'a> {
        Groups { files: files.iter().enumerate(), analysis, head: None, ready: VecDeque::new(), rows_of_part }
    }

    /// The next group; `Some(None)` at the end, none when a file is not as it should be.
    fn next(&mut self) -> Option<Option<Block<Group<'a>>>> {
        while self.ready.is_empty() {
            let Some((number, file)) = self.files.next() else { return Some(None) };
            let metadata = parquet::metadata(file).ok()?;
            if self.head.is_none() {
                let head = Head::of(file, &metadata, self.analysis).ok()?;
                let like = Gather::new(&head.layout, self.analysis, false, false);
                self.head = Some((head, like));
            }
            let (head, like) = self.head.as_ref()?;
            let needed = Arc::new(head.needed(file, &metadata, &like.wanted()).ok()?);
            let metadata = parquet::with_distinct_texts(&metadata).unwrap_or(metadata);
            for (at, group) in metadata.metadata().row_groups().iter().enumerate() {
                let n_rows = usize::try_from(group.num_rows()).ok()?;
                let n_parts = n_rows.div_ceil(self.rows_of_part).max(1);
                let bytes = u64::try_from(group.compressed_size()).unwrap_or(0) / n_parts as u64;
                for part in 0..n_parts {
                    let start = part * self.rows_of_part;
                    let rows =
                        (n_parts > 1).then(|| start..start.saturating_add(self.rows_of_part).min(n_rows));
                    let records =
                        Group { file, metadata: metadata.clone(), needed: needed.clone(), at, rows };
                    self.ready.push_back(Block { file: number, bytes, records });
                }
            }
        }
        Some(self.ready.pop_front())
    }
}

#[cfg(test)]
#[path = "tests/row_groups.rs"]
mod tests;
