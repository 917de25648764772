//! Parquet files of a few columns.

use arrow_array::{ArrayRef, RecordBatch};
use parquet::arrow::ArrowWriter;

pub(crate) fn file<'n>(columns: impl IntoIterator<Item = (&'n str, ArrayRef)>) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}
