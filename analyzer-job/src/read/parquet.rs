//! Parquet datasets: columns by name, only those that are needed.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::timezone::Tz;
use arrow_array::types::Int32Type;
use arrow_array::{
    Array, ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
};
use arrow_cast::cast;
use arrow_schema::{ArrowError, DataType, Fields, Schema};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::errors::ParquetError;
use plumbline_common::input::{self, InputFile};
use plumbline_common::{Problem, Result, codes};
use serde_json::Value as Json;

use crate::config::Analysis;
use crate::read::gather::Gather;
use crate::read::guarded;
use crate::read::header::{self, Places};
use crate::read::layout::{self, Layout};
use crate::read::{Note, Source};
use crate::state::tally::Numbered;
use crate::values::names;
use crate::values::raw::Raw;

pub(super) const ROWS_PER_BATCH: usize = 8192;
const SAME_COLUMNS: &str = "write every file with the same columns; a column without values may hold nulls";

/// Reads the dataset. Every file has the columns that are needed, in any order; where rows are kept, these are all columns of
/// every file. `headers` in another order than the files' own names go by name; other names go by position, and this is
/// said.
///
/// # Errors
/// A file that is not Parquet, a column that some file lacks, a name twice, names that contradict `headers`, a column of
/// nested or binary values that is needed.
pub(crate) fn read(
    files: &[InputFile],
    analysis: &Analysis,
    source: &mut Source<'_>,
) -> Result<Option<(Layout, Gather)>> {
    let mut limit = source.options.limit.unwrap_or(u64::MAX);
    let mut read: Option<(Head, Gather)> = None;
    for (number, file) in files.iter().enumerate() {
        let metadata = metadata(file)?;
        let (head, gather) = match &mut read {
            Some(read) => read,
            None => {
                let head = Head::of(file, &metadata, analysis)?;
                head.tell(source);
                let gather = source.gather(&head.layout, analysis);
                read.insert((head, gather))
            }
        };
        let needed = head.needed(file, &metadata, &gather.wanted())?;
        if source.options.keep_rows {
            head.check_no_others(file, &metadata)?;
        }
        let reader = reader(file, metadata, &needed)?;
        for batch in guarded::batches(reader, &file.relative)? {
            if limit == 0 {
                break;
            }
            let batch = batch?;
            let rows = batch.num_rows().min(usize::try_from(limit).unwrap_or(usize::MAX));
            limit -= rows as u64;
            if rows > 0 {
                gather.begin(number);
            }
            put(&batch.slice(0, rows), file, &needed, gather)?;
            source.records += rows as u64;
            source.advance(0)?;
        }
        source.advance(file.bytes)?;
    }
    Ok(read.map(|(head, gather)| (head.layout, gather)))
}

/// What the first file says of the columns of all.
#[derive(Clone)]
pub(super) struct Head {
    pub(super) layout: Layout,
    /// The names that the columns of the layout have in the files.
    stored_names: Vec<String>,
    /// The file, and what is to be said of it.
    said: (PathBuf, &'static str),
}

impl Head {
    pub(super) fn of(file: &InputFile, metadata: &ArrowReaderMetadata, analysis: &Analysis) -> Result<Head> {
        let name = file.relative.as_path();
        let mut stored_names = names(metadata);
        let mut said = "";
        let names = match &analysis.dataset.headers {
            Some(headers) if headers.len() != stored_names.len() => {
                return Err(layout::headers_do_not_fit(headers.len(), stored_names.len()).file(name));
            }
            Some(headers) => {
                match header::places(headers, &stored_names).map_err(|problem| problem.file(name))? {
                    Places::Same => {}
                    Places::Other(order) => {
                        stored_names = order.iter().map(|&at| stored_names[at].clone()).collect();
                        said = "the columns stand in another order than `headers`, and they are read by their names";
                    }
                    Places::Unknown => {
                        said = "the file has other names than `headers`, which name its columns by position";
                    }
                }
                headers.clone()
            }
            None => stored_names.clone(),
        };
        let layout = layout::of_table(names, None, None, analysis).map_err(|problem| problem.file(name))?;
        Ok(Head { layout, stored_names, said: (name.into(), said) })
    }

    pub(super) fn tell(&self, source: &mut Source<'_>) {
        let (file, what) = &self.said;
        source.notes.push(Note::First { file: file.clone(), what: (*what).into() });
        source.header = Some(self.stored_names.clone());
    }

    /// Position in the table and in a file of each wanted column.
    pub(super) fn needed(
        &self,
        file: &InputFile,
        metadata: &ArrowReaderMetadata,
        wanted: &[usize],
    ) -> Result<Vec<(usize, usize)>> {
        let of_column = |&column: &usize| {
            let stored = &self.stored_names[column];
            let at = names::position(stored, &names(metadata)).ok_or_else(|| {
                Problem::new(&codes::BAD_RECORD, "a file lacks a column that the first file has")
                    .file(&file.relative)
                    .field(stored.clone())
                    .hint(SAME_COLUMNS)
            })?;
            Ok((column, at))
        };
        wanted.iter().map(of_column).collect()
    }

    /// That a file has no column that the first lacks: where rows are kept each may be a feature, whichever file has it.
    fn check_no_others(&self, file: &InputFile, metadata: &ArrowReaderMetadata) -> Result<()> {
        let names = names(metadata);
        let known: Vec<_> =
            self.stored_names.iter().filter_map(|stored| names::position(stored, &names)).collect();
        let other = names.into_iter().enumerate().find(|(at, _)| !known.contains(at));
        let Some((_, other)) = other else { return Ok(()) };
        Err(Problem::new(&codes::BAD_RECORD, "a file has a column that the first file lacks")
            .file(&file.relative)
            .field(other)
            .expected(format!("the columns of {}", self.said.0.display()))
            .hint(SAME_COLUMNS))
    }
}

/// What a file says of its columns, whose names differ.
pub(super) fn metadata(file: &InputFile) -> Result<ArrowReaderMetadata> {
    let open = file.open_unchanged()?;
    let load = || ArrowReaderMetadata::load(&open, ArrowReaderOptions::default());
    let metadata = guarded::read(&file.relative, load)?;
    header::differ(&names(&metadata)).map_err(|problem| problem.file(&file.relative))?;
    Ok(metadata)
}

fn names(metadata: &ArrowReaderMetadata) -> Vec<String> {
    metadata.schema().fields().iter().map(|field| field.name().clone()).collect()
}

/// The same, where texts are read as distinct ones and a number for each row, as most writers store them.
///
/// # Errors
/// The columns cannot be read so.
pub(super) fn with_distinct_texts(
    metadata: &ArrowReaderMetadata,
) -> std::result::Result<ArrowReaderMetadata, ParquetError> {
    let fields = metadata.schema().fields().iter().map(|field| match field.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            let distinct = DataType::Dictionary(DataType::Int32.into(), DataType::Utf8.into());
            Arc::new(field.as_ref().clone().with_data_type(distinct))
        }
        _ => field.clone(),
    });
    let schema = Schema::new(fields.collect::<Fields>());
    let options = ArrowReaderOptions::default().with_schema(Arc::new(schema));
    ArrowReaderMetadata::try_new(metadata.metadata().clone(), options)
}

/// What reads the needed columns of a file; `needed`: as `Head` gives it.
pub(super) fn reader(
    file: &InputFile,
    metadata: ArrowReaderMetadata,
    needed: &[(usize, usize)],
) -> Result<ParquetRecordBatchReaderBuilder<File>> {
    let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file.open_unchanged()?, metadata);
    let mask = ProjectionMask::roots(builder.parquet_schema(), needed.iter().map(|&(_, at)| at));
    Ok(builder.with_projection(mask).with_batch_size(ROWS_PER_BATCH))
}

/// Counts the rows of a batch as `put`, all at once where each column has few distinct cells.
pub(super) fn count(
    batch: &RecordBatch,
    file: &InputFile,
    needed: &[(usize, usize)],
    gather: &mut Gather,
) -> Result<()> {
    let cells = cells(batch, file, needed)?;
    let distinct: Option<Vec<Numbered>> = cells.iter().map(|(_, cells)| cells.distinct()).collect();
    let is_counted = distinct.is_some_and(|columns| gather.add_all(batch.num_rows(), &columns));
    if !is_counted {
        put_rows(batch, &cells, gather);
    }
    Ok(())
}

/// Takes the rows of a batch in.
fn put(batch: &RecordBatch, file: &InputFile, needed: &[(usize, usize)], gather: &mut Gather) -> Result<()> {
    put_rows(batch, &cells(batch, file, needed)?, gather);
    Ok(())
}

fn put_rows(batch: &RecordBatch, cells: &[(usize, Cells)], gather: &mut Gather) {
    for row in 0..batch.num_rows() {
        for (column, cells) in cells {
            gather.set(*column, cells.get(row));
        }
        gather.finish_row();
    }
}

/// The needed columns of a batch.
fn cells(batch: &RecordBatch, file: &InputFile, needed: &[(usize, usize)]) -> Result<Vec<(usize, Cells)>> {
    // Columns of a batch stand in the order of the file.
    let mut order: Vec<usize> = needed.iter().map(|&(_, at)| at).collect();
    order.sort_unstable();
    order.dedup();
    let mut cells = Vec::with_capacity(needed.len());
    for &(column, at) in needed {
        let place = order.partition_point(|&before| before < at);
        let array = batch.columns().get(place).ok_or_else(|| {
            Problem::new(&codes::INTERNAL, "a projected column is absent").file(&file.relative)
        })?;
        cells.push((column, Cells::of(array, &file.relative, batch.schema_ref().field(place).name())?));
    }
    Ok(cells)
}

/// The columns' names and all rows of one small file.
///
/// # Errors
/// A file that is not Parquet, a column of nested or binary values.
pub(crate) fn rows(path: &Path) -> Result<(Vec<String>, Vec<Vec<Json>>)> {
    let open = input::open_file(path).map_err(|error| Problem::io("open the input", path, error))?;
    let builder = guarded::read(path, || ParquetRecordBatchReaderBuilder::try_new(open))?;
    let names: Vec<String> = builder.schema().fields().iter().map(|field| field.name().clone()).collect();
    let mut rows = Vec::new();
    for batch in guarded::batches(builder, path)? {
        let batch = batch?;
        let columns: Vec<Cells> = batch
            .columns()
            .iter()
            .zip(&names)
            .map(|(array, name)| Cells::of(array, path, name))
            .collect::<Result<_>>()?;
        rows.extend(
            (0..batch.num_rows()).map(|row| columns.iter().map(|cells| json(cells.get(row))).collect()),
        );
    }
    Ok((names, rows))
}

/// A column of a batch in one of the four types that cells have.
enum Cells {
    Missing,
    Bool(BooleanArray),
    Int(Int64Array),
    /// Also unsigned numbers above the largest `i64`.
    Float(Float64Array),
    Text(StringArray),
    /// Distinct texts, and for each row the number of its own.
    Texts(Int32Array, StringArray),
}

impl Cells {
    fn of(array: &ArrayRef, file: &Path, field: &str) -> Result<Cells> {
        use DataType::*;
        let cast = |target| guarded::read(file, || cast(array, &target));
        let ints = || Ok(Cells::Int(cast(Int64)?.as_primitive().clone()));
        let floats = || Ok(Cells::Float(cast(Float64)?.as_primitive().clone()));
        match array.data_type() {
            Null => Ok(Cells::Missing),
            Boolean => Ok(Cells::Bool(array.as_boolean().clone())),
            Int8 | Int16 | Int32 | Int64 | UInt8 | UInt16 | UInt32 => ints(),
            // Most unsigned numbers fit; a batch with one that does not is read as doubles.
            UInt64 if cast(Int64)?.null_count() == array.null_count() => ints(),
            UInt64 | Float16 | Float32 | Float64 => floats(),
            Decimal32(..) | Decimal64(..) | Decimal128(..) | Decimal256(..) => floats(),
            Utf8 | LargeUtf8 | Utf8View | Date32 | Date64 | Time32(_) | Time64(_) => {
                Ok(Cells::Text(cast(Utf8)?.as_string().clone()))
            }
            Timestamp(..) => {
                let texts = guarded::read(file, || instants(array))?;
                Ok(Cells::Text(texts.as_string().clone()))
            }
            Dictionary(key, value) if (&**key, &**value) == (&Int32, &Utf8) => {
                let texts = array.as_dictionary::<Int32Type>();
                Ok(Cells::Texts(texts.keys().clone(), texts.values().as_string().clone()))
            }
            Dictionary(_, value) => Cells::of(&cast(value.as_ref().clone())?, file, field),
            other => Err(Problem::new(&codes::BAD_RECORD, "a column holds values that cannot be analysed")
                .file(file)
                .field(field)
                .found(other.to_string())
                .expected("numbers, text, truth values or times")
                .hint("leave the column out by `excluded_columns`, or write it as text")),
        }
    }

    fn get(&self, row: usize) -> Raw<'_> {
        match self {
            Cells::Bool(values) if values.is_valid(row) => Raw::Bool(values.value(row)),
            Cells::Int(values) if values.is_valid(row) => Raw::Int(values.value(row)),
            Cells::Float(values) if values.is_valid(row) && !values.value(row).is_nan() => {
                Raw::Float(values.value(row))
            }
            Cells::Text(values) if values.is_valid(row) => Raw::Text(values.value(row)),
            Cells::Texts(numbers, values) if numbers.is_valid(row) => text(values, numbers.value(row)),
            _ => Raw::Missing,
        }
    }

    /// The distinct cells, where they are few, and for each row the number of its own.
    fn distinct(&self) -> Option<Numbered<'_>> {
        const MOST: usize = 256;
        /// The last cell is a missing one.
        fn numbered<'a>(
            cells: impl Iterator<Item = Raw<'a>>,
            numbers: impl Iterator<Item = Option<usize>>,
        ) -> Numbered<'a> {
            let mut cells: Vec<Raw<'a>> = cells.collect();
            let missing = cells.len() as u32;
            cells.push(Raw::Missing);
            (cells, numbers.map(|number| number.map_or(missing, |number| number as u32)).collect())
        }
        match self {
            Cells::Bool(values) => {
                let numbers = values.iter().map(|value| value.map(usize::from));
                Some(numbered([false, true].into_iter().map(Raw::Bool), numbers))
            }
            Cells::Int(values) => {
                let present = || values.iter().flatten();
                let low = present().min().unwrap_or(0);
                let span = present().max().unwrap_or(0).abs_diff(low);
                if span >= MOST as u64 {
                    return None;
                }
                let numbers = values.iter().map(|value| value.map(|value| value.abs_diff(low) as usize));
                Some(numbered((0..=span as i64).map(|above| Raw::Int(low + above)), numbers))
            }
            Cells::Texts(numbers, values) if values.len() <= MOST => {
                let cells = (0..values.len() as i32).map(|number| text(values, number));
                Some(numbered(cells, numbers.iter().map(|number| number.map(|number| number as usize))))
            }
            Cells::Missing | Cells::Float(_) | Cells::Text(_) | Cells::Texts(..) => None,
        }
    }
}

/// One of the distinct texts.
fn text(values: &StringArray, number: i32) -> Raw<'_> {
    let number = number as usize;
    if values.is_valid(number) { Raw::Text(values.value(number)) } else { Raw::Missing }
}

/// The texts of timestamps: `2024-01-01T00:00:00` of one without a zone, `2024-01-01T02:00:00+02:00` in an offset. An
/// instant in a zone with a name is told in UTC, `2024-01-01T00:00:00Z`, since the rules of zones are no part of the file.
///
/// # Errors
/// A time that has no date.
pub(crate) fn instants(times: &ArrayRef) -> std::result::Result<ArrayRef, ArrowError> {
    match times.data_type() {
        DataType::Timestamp(unit, Some(zone)) if zone.parse::<Tz>().is_err() => {
            let utc = cast(times, &DataType::Timestamp(*unit, Some("+00:00".into())))?;
            cast(&utc, &DataType::Utf8)
        }
        _ => cast(times, &DataType::Utf8),
    }
}

/// Infinite numbers are missing, as they are in a baseline of CSV.
fn json(cell: Raw<'_>) -> Json {
    match cell {
        Raw::Int(value) => value.into(),
        Raw::Float(value) => value.into(),
        Raw::Bool(value) => value.into(),
        Raw::Csv(text) | Raw::Json(text) | Raw::Text(text) => text.into(),
        Raw::Missing => Json::Null,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_small_file_is_read_whole_with_its_names() {
        let arrays: [ArrayRef; 3] = [
            Arc::new(StringArray::from_iter([Some("red"), None])),
            Arc::new(Int32Array::from_iter_values([39, 40])),
            Arc::new(Float64Array::from_iter_values([2.5, f64::NAN])),
        ];
        let batch = RecordBatch::try_from_iter(["colour", "age", "score"].into_iter().zip(arrays)).unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut writer =
            ::parquet::arrow::ArrowWriter::try_new(file.reopen().unwrap(), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let (names, found) = rows(file.path()).unwrap();
        assert_eq!(names, ["colour", "age", "score"]);
        assert_eq!(json!(found), json!([["red", 39, 2.5], [null, 40, null]]));
        std::fs::write(file.path(), "PAR1 and nothing more").unwrap();
        assert!(rows(file.path()).unwrap_err().to_string().contains("cannot read a Parquet file"));
    }
}
