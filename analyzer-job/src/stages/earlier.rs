//! Files of an earlier run into the same output, which would speak of this one.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use plumbline_common::{Problem, Result};

/// Every result that has a fixed name, of all four monitors.
const NAMES: [&str; 12] = [
    "analysis.json",
    "bias_details.json",
    "constraint_violations.json",
    "constraints.json",
    "data_quality_details.json",
    "data_quality_profile.json.gz",
    "explanations_details.json",
    "explanations_shap/baseline.csv",
    "explanations_shap/out.csv",
    "model_quality_details.json",
    "predictions.csv",
    "statistics.json",
];
/// Of the reports, whose base name may be chosen.
const REPORT_ENDINGS: [&str; 3] = ["html", "ipynb", "pdf"];
/// A folder of ours, which goes when nothing is left in it.
const FOLDER: &str = "explanations_shap";

/// Removes the results of an earlier run that this one, which is complete, has not replaced. Files of other names
/// stay.
///
/// `report`: base name of the reports. `written`: what this run wrote. `read`: what it was given, such as a baseline
/// in the same folder, which stays too.
///
/// # Errors
/// `FILE_OPERATION_FAILED`.
pub(crate) fn remove(output: &Path, report: &str, written: &[PathBuf], read: &[&Path]) -> Result<()> {
    let reports = REPORT_ENDINGS.map(|ending| format!("{report}.{ending}"));
    let read: Vec<PathBuf> = read.iter().filter_map(|path| path.canonicalize().ok()).collect();
    for name in NAMES.into_iter().chain(reports.iter().map(String::as_str)) {
        let path = output.join(name);
        let is_file = fs::symlink_metadata(&path).is_ok_and(|found| !found.is_dir());
        let was_read = || path.canonicalize().is_ok_and(|path| read.contains(&path));
        if !is_file || written.contains(&path) || was_read() {
            continue;
        }
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(Problem::io("remove the file of an earlier run", &path, error));
            }
            _ => tracing::info!("removed {}, which an earlier run left", path.display()),
        }
    }
    // Fails, as it should, while there is something in it.
    let _ = fs::remove_dir(output.join(FOLDER));
    Ok(())
}
