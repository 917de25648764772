//! What earlier runs left: a profile as the baseline, and the attributions of a model.

use std::path::Path;

use indexmap::IndexMap;
use plumbline_common::{Problem, Result, codes};
use serde::Serialize;
use serde_json::Value as Json;

use super::baseline::{self, Constraints, Distribution};
use super::config::MonitoringConfig;
use super::constraints;
use super::profile::Profile;
use super::statistics::{self, Taken};
use crate::drift::bias::load_constraints;

/// A profile as the baseline: what `constraints.json` and `statistics.json` of its data say.
pub struct Past {
    pub constraints: Constraints,
    pub distributions: IndexMap<String, Distribution>,
    pub segments: Vec<Then>,
}

/// A segment of the baseline.
pub struct Then {
    pub column: String,
    pub value: String,
    pub rows: u64,
    pub columns: IndexMap<String, Distribution>,
}

/// Reads the profile of `baseline_profile`.
///
/// # Errors
/// `CONSTRAINTS_UNREADABLE`: no profile, or a damaged one.
pub fn of_profile(path: &Path, taken: Taken, layers: &[Json]) -> Result<Past> {
    let profile = Profile::read(path, "baseline_profile")?;
    let statistics = statistics::statistics(profile.columns(), profile.rows(), taken);
    let suggested = constraints::suggest(&statistics, MonitoringConfig::of(layers, true)?);
    let mut segments = Vec::new();
    for (segment, columns) in profile.segments() {
        let statistics = statistics::statistics(columns, segment.rows, taken);
        segments.push(Then {
            column: segment.column.clone(),
            value: segment.value.clone(),
            rows: segment.rows,
            columns: baseline::statistics_of(&as_json(&statistics, path)?, path)?,
        });
    }
    Ok(Past {
        constraints: baseline::constraints_of(&as_json(&suggested, path)?, path, layers)?,
        distributions: baseline::statistics_of(&as_json(&statistics, path)?, path)?,
        segments,
    })
}

fn as_json(value: &impl Serialize, path: &Path) -> Result<Json> {
    serde_json::to_value(value).map_err(|error| {
        Problem::new(&codes::INTERNAL, "a profile makes no baseline").file(path).found(error.to_string())
    })
}

/// By feature its share of the attributions of an explainability run, the mean over the outputs explained.
///
/// # Errors
/// `CONSTRAINTS_UNREADABLE`: no results, or none of attributions.
pub fn attributions(path: &Path) -> Result<IndexMap<String, f64>> {
    let path = if path.is_dir() { path.join("analysis.json") } else { path.to_path_buf() };
    let results = load_constraints(&path).map_err(|problem| problem.field("attributions"))?;
    let outputs = results.explanations.and_then(|found| found.kernel_shap).unwrap_or_default();
    let mut sums: IndexMap<String, f64> = IndexMap::new();
    for (feature, value) in outputs.values().flat_map(|output| &output.global_shap_values) {
        *sums.entry(feature.clone()).or_default() += value.abs();
    }
    let total: f64 = sums.values().sum();
    if total.is_nan() || total <= 0.0 {
        return Err(Problem::new(&codes::CONSTRAINTS_UNREADABLE, "a result holds no attributions")
            .file(path)
            .field("attributions")
            .expected("`explanations` with values above 0")
            .hint("give the analysis.json of an explainability run"));
    }
    sums.values_mut().for_each(|value| *value /= total);
    Ok(sums)
}
