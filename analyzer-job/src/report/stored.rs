//! Result files that a report is made of.

use std::path::Path;

use plumbline_common::{Problem, Result, codes, input};
use serde::de::DeserializeOwned;

use crate::values::numbers::{json_error, strict_json};

/// What a result file holds; none when there is no such file.
///
/// # Errors
/// `RESULTS_UNREADABLE`: the file cannot be read or holds something else.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    let text = match input::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Problem::io("read", path, error)),
    };
    serde_json::from_slice(&strict_json(&text)).map(Some).map_err(|error| {
        Problem::new(&codes::RESULTS_UNREADABLE, "a result file is not what its name says")
            .file(path)
            .line(error.line() as u64)
            .found(json_error(&error))
    })
}
