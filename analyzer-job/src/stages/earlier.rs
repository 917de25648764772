//! Files of an earlier run into the same output, which would speak of this one.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use plumbline_common::{Problem, Result, codes, output};

use crate::report;
use crate::settings::AnalysisType;

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
/// Of the reports, whose base name may be chosen: see `report_names`.
const REPORT_ENDINGS: [&str; 3] = ["html", "ipynb", "pdf"];
/// A folder of ours, which goes when nothing is left in it.
const FOLDER: &str = "explanations_shap";

/// Refuses an output in which this run would replace its own baseline: the next run would be held against this one.
///
/// `written`: names of results that may be a baseline too. `given`: the baseline's files, where there are any.
///
/// # Errors
/// `SETTING_INVALID`.
pub(crate) fn check_baseline_stays<'a>(
    output: &Path,
    written: &[&str],
    given: impl IntoIterator<Item = &'a PathBuf>,
) -> Result<()> {
    for path in given {
        let Ok(baseline) = path.canonicalize() else { continue };
        let is_same = |name: &&str| output.join(name).canonicalize().is_ok_and(|result| result == baseline);
        if written.iter().any(is_same) {
            return Err(Problem::new(&codes::SETTING_INVALID, "the output is the folder of the baseline")
                .field("output_path")
                .found(format!("`{}`", output.display()))
                .expected(format!("a folder in which the results do not replace `{}`", path.display())));
        }
    }
    Ok(())
}

/// Refuses an output where something else than a file has the name of a result, of whichever monitor. `report`: base name of the
/// reports.
///
/// # Errors
/// `FILE_OPERATION_FAILED`.
pub(crate) fn check_places(output: &Path, report: &str) -> Result<()> {
    let reports = REPORT_ENDINGS.map(|ending| format!("{report}.{ending}"));
    let mut names = NAMES.into_iter().chain(reports.iter().map(String::as_str));
    names.try_for_each(|name| output::check_name(&output.join(name)))
}

/// Base names that reports of an earlier run in a folder may have: the usual one, and the one that its results tell. To be
/// called before these are replaced.
pub(crate) fn report_names(folder: &Path) -> Vec<String> {
    let mut names = vec![report::NAME.to_string()];
    names.extend(report::name_in(folder));
    names
}

/// Removes the results of an earlier run that this one, which is complete, has not replaced: also those in the folders
/// that a run of several monitors makes. Files of other names stay.
///
/// `reports`: what `report_names` gave. `written`: what this run wrote. `read`: what it was given, such as a baseline
/// in the same folder, which stays too. `own`: folders of monitors of this run, which clean up by themselves.
///
/// # Errors
/// `FILE_OPERATION_FAILED`.
pub(crate) fn remove(
    output: &Path,
    reports: &[String],
    written: &[PathBuf],
    read: &[&Path],
    own: &[&str],
) -> Result<()> {
    let read: Vec<PathBuf> = read.iter().filter_map(|path| path.canonicalize().ok()).collect();
    clear(output, reports, written, &read)?;
    for folder in AnalysisType::ALL.map(AnalysisType::folder) {
        let path = output.join(folder);
        let is_folder = fs::symlink_metadata(&path).is_ok_and(|found| found.is_dir());
        if is_folder && !own.contains(&folder) {
            clear(&path, &report_names(&path), &[], &read)?;
            let _ = fs::remove_dir(&path);
        }
    }
    Ok(())
}

/// The same for one folder.
fn clear(output: &Path, reports: &[String], written: &[PathBuf], read: &[PathBuf]) -> Result<()> {
    let reports = reports.iter().flat_map(|name| REPORT_ENDINGS.map(|ending| format!("{name}.{ending}")));
    for name in NAMES.into_iter().map(String::from).chain(reports) {
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
