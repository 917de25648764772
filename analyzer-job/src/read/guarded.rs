//! What reads Parquet goes through here: a damaged file is told by its name, whether the parquet crate returns an error for it or
//! panics, as it does where numbers of a file contradict each other.

use std::any::Any;
use std::cell::Cell;
use std::error::Error;
use std::fs::File;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::Once;

use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use arrow_array::RecordBatch;
use plumbline_common::{Problem, Result, codes};

thread_local! {
    /// A panic on this thread becomes a problem, so nothing is printed of it.
    static IS_READING: Cell<bool> = const { Cell::new(false) };
}

/// The result of `work`, which calls the parquet crate for a file.
///
/// # Errors
/// `BAD_RECORD`: the file cannot be read.
pub(crate) fn read<T, E: Error>(file: &Path, work: impl FnOnce() -> std::result::Result<T, E>) -> Result<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !IS_READING.get() {
                usual(panic);
            }
        }));
    });
    IS_READING.set(true);
    let ended = panic::catch_unwind(AssertUnwindSafe(work));
    IS_READING.set(false);
    let found = match ended {
        Ok(Ok(value)) => return Ok(value),
        Ok(Err(error)) => error.to_string(),
        Err(panic) => format!("the file is damaged: {}", said(&*panic)),
    };
    Err(Problem::new(&codes::BAD_RECORD, "cannot read a Parquet file").file(file).found(found))
}

fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("its parts contradict each other")
}

/// The rows of a file.
///
/// # Errors
/// As `read`; each item too.
pub(crate) fn batches(
    builder: ParquetRecordBatchReaderBuilder<File>,
    file: &Path,
) -> Result<impl Iterator<Item = Result<RecordBatch>>> {
    let mut reader = read(file, || builder.build())?;
    Ok(std::iter::from_fn(move || read(file, || reader.next().transpose()).transpose()))
}
