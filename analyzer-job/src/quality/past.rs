//! What earlier runs left: a profile as the baseline, and the attributions of a model.

use std::path::Path;

use indexmap::IndexMap;
use plumbline_common::{Problem, Result, codes, input};
use serde::Serialize;
use serde_json::Value as Json;

use super::baseline::{self, Constraints, Distribution};
use super::config::MonitoringConfig;
use super::constraints;
use super::profile::Kept;
use super::segments::Segment;
use super::statistics::{self, Taken};
use crate::results::Results;
use crate::state::profile::Column;
use crate::values::numbers::{json_error, strict_json};

/// A profile as the baseline: what `constraints.json` and `statistics.json` of its data say.
pub struct Past {
    pub constraints: Constraints,
    pub distributions: IndexMap<String, Distribution>,
    pub segments: Segments,
}

/// The segments of the baseline.
pub struct Segments {
    profile: Kept,
    taken: Taken,
}

/// Reads the profile of `baseline_profile`.
///
/// # Errors
/// `CONSTRAINTS_UNREADABLE`: no profile, or a damaged one.
pub fn of_profile(path: &Path, taken: Taken, layers: &[Json]) -> Result<Past> {
    let (kept, profile) = Kept::open(path, "baseline_profile")?;
    let statistics = statistics::statistics(profile.columns(), profile.rows(), taken);
    let suggested = constraints::suggest(&statistics, MonitoringConfig::of(layers, true)?);
    Ok(Past {
        constraints: baseline::constraints_of(&as_json(&suggested, path)?, path, layers)?.0,
        distributions: distributions(profile.into_columns(), taken),
        segments: Segments { profile: kept, taken },
    })
}

fn distributions(
    columns: impl Iterator<Item = (String, Column)>,
    taken: Taken,
) -> IndexMap<String, Distribution> {
    columns.map(|(name, column)| (name, Distribution::of(column, taken.by_value))).collect()
}

impl Segments {
    /// Gives each segment that is wanted with its distributions by column.
    ///
    /// # Errors
    /// `CONSTRAINTS_UNREADABLE`: the profile cannot be read again.
    pub fn each(
        &self,
        is_wanted: impl Fn(&Segment) -> bool,
        mut take: impl FnMut(&Segment, &IndexMap<String, Distribution>),
    ) -> Result<()> {
        self.profile.each_segment(&mut |segment, names| {
            if is_wanted(segment) {
                let columns = std::mem::take(&mut segment.columns);
                let names = names.map(String::from);
                take(segment, &distributions(names.zip(columns), self.taken));
            }
        })
    }
}

fn as_json(value: &impl Serialize, path: &Path) -> Result<Json> {
    serde_json::to_value(value).map_err(|error| {
        Problem::new(&codes::INTERNAL, "a profile cannot be the baseline").file(path).found(error.to_string())
    })
}

/// By feature its share of the attributions of an explainability run, the mean over the outputs explained.
///
/// # Errors
/// `CONSTRAINTS_UNREADABLE`: no results, or none of attributions.
pub fn attributions(path: &Path) -> Result<IndexMap<String, f64>> {
    let path = if path.is_dir() { path.join("analysis.json") } else { path.to_path_buf() };
    let unusable = |found: String| {
        Problem::new(&codes::CONSTRAINTS_UNREADABLE, "the attributions that rank columns cannot be read")
            .file(&path)
            .field("attributions")
            .found(found)
            .expected("the analysis.json of an explainability run, or its folder")
            .hint("leave the setting out to rank columns by their effect alone")
    };
    let bytes = input::read(&path).map_err(|error| unusable(error.to_string()).because(error))?;
    let results: Results = serde_json::from_slice(&strict_json(&bytes))
        .map_err(|error| unusable(json_error(&error)).line(error.line() as u64))?;
    let outputs = results.explanations.and_then(|found| found.kernel_shap).unwrap_or_default();
    let mut sums: IndexMap<String, f64> = IndexMap::new();
    for (feature, value) in outputs.values().flat_map(|output| &output.global_shap_values) {
        *sums.entry(feature.clone()).or_default() += value.abs();
    }
    let total: f64 = sums.values().sum();
    if total.is_nan() || total <= 0.0 {
        let found = if outputs.is_empty() { "no attributions" } else { "attributions of 0 only" };
        return Err(unusable(found.into()));
    }
    sums.values_mut().for_each(|value| *value /= total);
    Ok(sums)
}

/// What is said of attributions that have none of the columns: nothing is ranked by them. `path`: their file, as given.
pub fn of_other_features(
    attributions: &IndexMap<String, f64>,
    columns: &[(String, usize)],
    path: &Path,
) -> Option<String> {
    const SHOWN: usize = 5;
    if columns.iter().any(|(name, _)| attributions.contains_key(name)) {
        return None;
    }
    let listed = |names: &mut dyn Iterator<Item = &String>| {
        let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
        let more = names.len().saturating_sub(SHOWN);
        let shown = names[..names.len().min(SHOWN)].join(", ");
        if more > 0 { format!("{shown} and {more} more") } else { shown }
    };
    Some(format!(
        "columns are not ranked by `attributions`, since {} has other features: found {}, expected some of {}",
        path.display(),
        listed(&mut attributions.keys()),
        listed(&mut columns.iter().map(|(name, _)| name))
    ))
}
