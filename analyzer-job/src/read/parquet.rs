//! Parquet datasets: columns by name, only those that are needed.

use std::fs::File;
use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::timezone::Tz;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef};
use arrow_cast::cast;
use arrow_schema::{ArrowError, DataType};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use plumbline_common::input::InputFile;
use plumbline_common::{Problem, Result, codes};
use serde_json::Value as Json;

use crate::config::Analysis;
use crate::read::gather::Gather;
use crate::read::header::{self, Places};
use crate::read::layout::{self, Layout};
use crate::read::{Note, Source};
use crate::values::raw::Raw;

const ROWS_PER_BATCH: usize = 8192;

/// Reads the dataset. Every file has the columns of the first, in any order. `headers` in another order than the
/// files' own names go by name; other names go by position, and this is said.
///
/// # Errors
/// A file that is not Parquet, a missing column, a name twice, names that contradict `headers`, a column of nested
/// or binary values that is needed.
pub(crate) fn read(
    files: &[InputFile],
    analysis: &Analysis,
    source: &mut Source<'_>,
) -> Result<Option<(Layout, Gather)>> {
    let mut limit = source.options.limit.unwrap_or(u64::MAX);
    let mut read: Option<(Layout, Gather)> = None;
    let mut stored_names: Vec<String> = Vec::new();
    for (number, file) in files.iter().enumerate() {
        let name = file.relative.as_path();
        let open =
            File::open(&file.path).map_err(|error| Problem::io("open the input", &file.path, error))?;
        let builder =
            ParquetRecordBatchReaderBuilder::try_new(open).map_err(|error| unreadable(name, &error))?;
        let fields = builder.schema().fields().clone();
        let own_names: Vec<String> = fields.iter().map(|field| field.name().clone()).collect();
        header::differ(&own_names).map_err(|problem| problem.file(name))?;
        let gather = match &mut read {
            Some((_, gather)) => gather,
            None => {
                stored_names = own_names;
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
                source.notes.push(Note::First { file: name.into(), what: said.into() });
                source.header = Some(stored_names.clone());
                let layout = layout::of_table(names, None, None, analysis)?;
                let gather = source.gather(&layout, analysis);
                &mut read.insert((layout, gather)).1
            }
        };
        // Position in the table and in the file of each needed column.
        let mut columns = Vec::new();
        for column in gather.wanted() {
            let stored = &stored_names[column];
            let at = fields.iter().position(|field| field.name() == stored).ok_or_else(|| {
                Problem::new(&codes::BAD_RECORD, "a file lacks a column that the first file has")
                    .file(name)
                    .field(stored.clone())
            })?;
            columns.push((column, at));
        }
        let mask = ProjectionMask::roots(builder.parquet_schema(), columns.iter().map(|&(_, at)| at));
        let reader = builder
            .with_projection(mask)
            .with_batch_size(ROWS_PER_BATCH)
            .build()
            .map_err(|error| unreadable(name, &error))?;
        for batch in reader {
            if limit == 0 {
                break;
            }
            let batch = batch.map_err(|error| unreadable(name, &error))?;
            let rows = batch.num_rows().min(usize::try_from(limit).unwrap_or(usize::MAX));
            limit -= rows as u64;
            let mut cells = Vec::with_capacity(columns.len());
            for &(column, at) in &columns {
                let array = batch.column_by_name(fields[at].name()).ok_or_else(|| {
                    Problem::new(&codes::INTERNAL, "a projected column is absent").file(name)
                })?;
                cells.push((column, Cells::of(array, name, fields[at].name())?));
            }
            for row in 0..rows {
                gather.begin(number);
                for (column, cells) in &cells {
                    gather.set(*column, cells.get(row));
                }
                gather.finish_row();
            }
            source.records += rows as u64;
            source.advance(0)?;
        }
        source.advance(file.bytes)?;
    }
    Ok(read)
}

/// The columns' names and all rows of one small file.
///
/// # Errors
/// A file that is not Parquet, a column of nested or binary values.
pub(crate) fn rows(path: &Path) -> Result<(Vec<String>, Vec<Vec<Json>>)> {
    let open = File::open(path).map_err(|error| Problem::io("open the input", path, error))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(open).map_err(|error| unreadable(path, &error))?;
    let names: Vec<String> = builder.schema().fields().iter().map(|field| field.name().clone()).collect();
    let mut rows = Vec::new();
    for batch in builder.build().map_err(|error| unreadable(path, &error))? {
        let batch = batch.map_err(|error| unreadable(path, &error))?;
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
struct Cells {
    array: ArrayRef,
    /// Unsigned numbers above the largest `i64` are kept as doubles.
    kind: Kind,
}

enum Kind {
    Missing,
    Bool,
    Int,
    Float,
    Text,
}

impl Cells {
    fn of(array: &ArrayRef, file: &Path, field: &str) -> Result<Cells> {
        use DataType::*;
        let (kind, target) = match array.data_type() {
            Null => (Kind::Missing, Null),
            Boolean => (Kind::Bool, Boolean),
            Int8 | Int16 | Int32 | Int64 | UInt8 | UInt16 | UInt32 => (Kind::Int, Int64),
            // Most unsigned numbers fit; a batch with one that does not is read as doubles.
            UInt64 => {
                let signed = cast(array, &Int64).map_err(|error| unreadable(file, &error))?;
                if signed.null_count() == array.null_count() {
                    (Kind::Int, Int64)
                } else {
                    (Kind::Float, Float64)
                }
            }
            Float16 | Float32 | Float64 | Decimal32(..) | Decimal64(..) | Decimal128(..) | Decimal256(..) => {
                (Kind::Float, Float64)
            }
            Utf8 | LargeUtf8 | Utf8View | Date32 | Date64 | Time32(_) | Time64(_) => (Kind::Text, Utf8),
            Timestamp(..) => {
                let array = instants(array).map_err(|error| unreadable(file, &error))?;
                return Ok(Cells { array, kind: Kind::Text });
            }
            Dictionary(_, value) => {
                let plain = cast(array, value).map_err(|error| unreadable(file, &error))?;
                return Cells::of(&plain, file, field);
            }
            other => {
                return Err(Problem::new(
                    &codes::BAD_RECORD,
                    "a column holds values that cannot be analysed",
                )
                .file(file)
                .field(field)
                .found(other.to_string())
                .expected("numbers, text, truth values or times")
                .hint("leave the column out by `excluded_columns`, or write it as text"));
            }
        };
        let array = cast(array, &target).map_err(|error| unreadable(file, &error))?;
        Ok(Cells { array, kind })
    }

    fn get(&self, row: usize) -> Raw<'_> {
        if self.array.is_null(row) {
            return Raw::Missing;
        }
        match self.kind {
            Kind::Missing => Raw::Missing,
            Kind::Bool => Raw::Bool(self.array.as_boolean().value(row)),
            Kind::Int => Raw::Int(self.array.as_primitive::<Int64Type>().value(row)),
            Kind::Float => match self.array.as_primitive::<Float64Type>().value(row) {
                value if value.is_nan() => Raw::Missing,
                value => Raw::Float(value),
            },
            Kind::Text => Raw::Text(self.array.as_string::<i32>().value(row)),
        }
    }
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

fn unreadable(file: &Path, error: &dyn std::error::Error) -> Problem {
    Problem::new(&codes::BAD_RECORD, "cannot read a Parquet file").file(file).found(error.to_string())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{Float64Array, Int32Array, RecordBatch, StringArray};
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
