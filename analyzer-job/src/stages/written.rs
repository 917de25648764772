//! What the two quality monitors write, and where: files in the form of the hosted ones, from end to end, so that no text of a
//! whole file is held.

use std::io;
use std::path::Path;

use plumbline_common::output::{self, OutputFile};
use plumbline_common::{Problem, Result, codes};
use serde::Serialize;

use crate::monitor::MonitorPlan;
use crate::report;
use crate::stages::earlier;
use crate::values::java;

pub(super) const VIOLATIONS: &str = "constraint_violations.json";

/// That results can be written to the output, and that those of these names are no input.
///
/// # Errors
/// Why they cannot.
pub(super) fn check_output(plan: &MonitorPlan, names: &[&str]) -> Result<()> {
    output::check_folder(&plan.output)?;
    earlier::check_places(&plan.output, report::NAME)?;
    output::check_apart(&plan.output, "dataset_source", &plan.dataset)?;
    earlier::check_baseline_stays(&plan.output, names, plan.baseline_files())
}

/// Adds a file that `text` writes.
///
/// # Errors
/// What cannot be written.
pub(super) fn write(
    files: &mut output::Results,
    path: &Path,
    scratch: &Path,
    text: impl FnOnce(&mut OutputFile) -> io::Result<()>,
) -> Result<()> {
    let mut file = OutputFile::create(path, scratch)?;
    text(&mut file).map_err(|error| {
        match error.get_ref().is_some_and(|inner| inner.is::<serde_json::Error>()) {
            true => Problem::new(&codes::INTERNAL, "a result cannot be written as JSON")
                .file(path)
                .found(error.to_string()),
            false => Problem::io("write the result", path, error),
        }
    })?;
    files.add(file)
}

/// Adds a file in the form of the hosted monitors' files.
///
/// # Errors
/// What cannot be written.
pub(super) fn write_java(
    files: &mut output::Results,
    path: &Path,
    scratch: &Path,
    value: &impl Serialize,
) -> Result<()> {
    write(files, path, scratch, |out| java::write_json(value, out))
}
