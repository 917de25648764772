//! Parquet files: values become the texts that the hosted service sees.

use std::fmt::Write as _;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, Int64Type, UInt64Type};
use arrow_array::{Array, ArrayRef};
use arrow_cast::cast;
use arrow_schema::DataType;
use indexmap::IndexSet;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use plumbline_common::input::InputFile;
use plumbline_common::{Problem, Result, codes};

use super::Take;
use super::block::{Block, Span};
use super::reader::{Reader, Use};
use crate::read::{guarded, header, instants};
use crate::values::java;

const ROWS_PER_BATCH: usize = 4096;

/// Reads all files as one table with the columns of every file that has rows, by name: where a file lacks one its values are
/// missing.
///
/// # Errors
/// A file that is not Parquet, a name twice, a column of nested or binary values that is not left out.
pub(super) fn read(files: &[InputFile], reader: &mut Reader<'_>, take: Take<'_>) -> Result<()> {
    for file in files {
        let name = file.relative.as_path();
        let open = file.open_unchanged()?;
        let builder = guarded::read(name, || ParquetRecordBatchReaderBuilder::try_new(open))?;
        let names: Vec<String> = builder.schema().fields().iter().map(|field| field.name().clone()).collect();
        header::differ(&names).map_err(|problem| problem.file(name))?;
        if builder.metadata().file_metadata().num_rows() == 0 {
            continue;
        }
        let fields: IndexSet<String> = names.into_iter().collect();
        reader.columns.names.extend(fields.iter().cloned());
        reader.columns.named = true;
        let uses = reader.uses()?;
        // Of each column of the table its place in this file, where it has one and is read.
        let places: Vec<Option<usize>> = reader
            .columns
            .names
            .iter()
            .zip(&uses)
            .map(|(column, of)| fields.get_index_of(column).filter(|_| *of != Use::LeftOut))
            .collect();
        let read: Vec<usize> = places.iter().flatten().copied().collect();
        // Their order in a file is nothing to tell: nobody reads these files by position.
        let mut own: Vec<String> = read.iter().map(|&at| fields[at].clone()).collect();
        own.sort_unstable();
        reader.account.schemas.add(own, name);
        if reader.done() {
            // Of the other files only the columns are asked for.
            continue;
        }
        let mask = ProjectionMask::roots(builder.parquet_schema(), read);
        let batches = guarded::batches(builder.with_projection(mask).with_batch_size(ROWS_PER_BATCH), name)?;
        let mut row_number = 0;
        for batch in batches {
            let batch = batch?;
            let columns: Vec<Texts> = places
                .iter()
                .zip(&uses)
                .map(|(at, of)| {
                    let field = at.map_or("", |at| fields[at].as_str());
                    let Some(column) = batch.column_by_name(field).filter(|_| at.is_some()) else {
                        return Ok(Texts::Missing);
                    };
                    match (Texts::of(column, file, field), of) {
                        (Err(_), Use::Excluded) => Ok(Texts::Missing),
                        (texts, _) => texts,
                    }
                })
                .collect::<Result<_>>()?;
            let mut block = std::mem::take(&mut reader.spare).cleared(columns.len());
            let mut row = vec![Span::MISSING; columns.len()];
            let mut text = String::new();
            for at in 0..batch.num_rows() {
                row_number += 1;
                for (cell, column) in row.iter_mut().zip(&columns) {
                    *cell = column.push(at, &mut text, &mut block);
                }
                block.push_row(&row, row_number);
            }
            reader.records(batch.num_rows() as u64);
            reader.hand_on(block, name, take)?;
            reader.advance(0)?;
            if reader.done() {
                break;
            }
        }
        reader.advance(file.bytes)?;
    }
    Ok(())
}

/// A column of a batch in one of the types that have a spelling.
enum Texts {
    Missing,
    Bool(ArrayRef),
    Int(ArrayRef),
    Unsigned(ArrayRef),
    Float(ArrayRef),
    Double(ArrayRef),
    Text(ArrayRef),
}

impl Texts {
    fn of(array: &ArrayRef, file: &InputFile, field: &str) -> Result<Texts> {
        use DataType::*;
        let name = file.relative.as_path();
        let to = |target: DataType| guarded::read(name, || cast(array, &target));
        Ok(match array.data_type() {
            Null => Texts::Missing,
            Boolean => Texts::Bool(array.clone()),
            Int8 | Int16 | Int32 | Int64 => Texts::Int(to(Int64)?),
            UInt8 | UInt16 | UInt32 | UInt64 => Texts::Unsigned(to(UInt64)?),
            Float16 | Float32 => Texts::Float(to(Float32)?),
            Float64 => Texts::Double(array.clone()),
            Decimal32(..) | Decimal64(..) | Decimal128(..) | Decimal256(..) | Utf8 | LargeUtf8 | Utf8View
            | Date32 | Date64 | Time32(_) | Time64(_) => Texts::Text(to(Utf8)?),
            Timestamp(..) => Texts::Text(guarded::read(name, || instants(array))?),
            Dictionary(_, value) => return Texts::of(&to((**value).clone())?, file, field),
            other => {
                return Err(Problem::new(&codes::BAD_RECORD, "a column holds values that have no text")
                    .file(name)
                    .field(field)
                    .found(other.to_string())
                    .expected("numbers, text, truth values or times")
                    .hint("leave the column out by `columns` or `exclude_features_attribute`, or write it as text"));
            }
        })
    }

    /// Appends the text of a value to the block; null and NaN are missing.
    fn push(&self, row: usize, text: &mut String, block: &mut Block) -> Span {
        text.clear();
        // Writing to a string cannot fail.
        let _ = match self {
            Texts::Missing => return Span::MISSING,
            Texts::Bool(array)
            | Texts::Int(array)
            | Texts::Unsigned(array)
            | Texts::Float(array)
            | Texts::Double(array)
            | Texts::Text(array)
                if array.is_null(row) =>
            {
                return Span::MISSING;
            }
            Texts::Bool(array) => write!(text, "{}", array.as_boolean().value(row)),
            Texts::Int(array) => write!(text, "{}", array.as_primitive::<Int64Type>().value(row)),
            Texts::Unsigned(array) => write!(text, "{}", array.as_primitive::<UInt64Type>().value(row)),
            Texts::Float(array) => match array.as_primitive::<Float32Type>().value(row) {
                value if value.is_nan() => return Span::MISSING,
                value => text.write_str(&java::float(value)),
            },
            Texts::Double(array) => match array.as_primitive::<Float64Type>().value(row) {
                value if value.is_nan() => return Span::MISSING,
                value => {
                    java::push_double(text, value);
                    Ok(())
                }
            },
            Texts::Text(array) => return block.push_text(array.as_string::<i32>().value(row)),
        };
        block.push_text(text)
    }
}
