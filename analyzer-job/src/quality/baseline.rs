//! The baseline of a monitoring run as it was read: `constraints.json` and `statistics.json`, ours or the hosted
//! service's, of any year.

use std::path::Path;

use indexmap::IndexMap;
use plumbline_common::{Problem, Result, codes};
use serde_json::Value as Json;

use super::config::{self, MonitoringConfig};
use super::distance::Counts;
use crate::monitor::plan::baseline_json;

/// Types that a column may have.
const TYPES: [&str; 4] = ["Integral", "Fractional", "String", "Unknown"];
/// Oddities of a file that the log names.
const DOUBTS: usize = 5;

/// What the data are held against.
#[derive(Debug, Clone)]
pub struct Constraints {
    /// By name, in the order of the file.
    pub columns: IndexMap<String, Constraint>,
    /// For the dataset as a whole.
    pub config: MonitoringConfig,
}

#[derive(Debug, Clone)]
pub struct Constraint {
    /// As written; only `Integral` and `Fractional` are checked.
    pub inferred_type: String,
    pub completeness: Option<f64>,
    pub domains: Option<Vec<String>>,
    /// The dataset's, with what the file says of this column laid over it.
    pub config: MonitoringConfig,
}

/// What a column looked like.
#[derive(Debug, Clone)]
pub struct Distribution {
    pub inferred_type: String,
    pub present: f64,
    pub seen: Seen,
    pub std_dev: Option<f64>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Seen {
    /// Levels of the sketch.
    Numbers(Vec<Vec<f64>>),
    Categories(Counts),
    /// Too many texts for categories, or a file without sketches.
    Nothing,
}

/// Reads `constraints.json`. `layers` are the settings of the job.
///
/// # Errors
/// The file is missing, no JSON, no list of features, or says something that cannot be used.
pub fn constraints(path: &Path, layers: &[Json]) -> Result<Constraints> {
    constraints_of(&baseline_json("baseline_constraints", path)?, path, layers)
}

/// As `constraints`, of what the file of this path holds.
///
/// # Errors
/// As `constraints`, but for a file that cannot be read.
pub fn constraints_of(document: &Json, path: &Path, layers: &[Json]) -> Result<Constraints> {
    const SETTING: &str = "baseline_constraints";
    let features = features(document, path, SETTING)?;
    let null = Json::Null;
    let base: Vec<&Json> =
        std::iter::once(document.get("monitoring_config").unwrap_or(&null)).chain(layers).collect();
    let named = |problem: Problem| problem.file(path);
    let config = MonitoringConfig::of(base.iter().copied(), false).map_err(named)?;
    let mut columns = IndexMap::with_capacity(features.len());
    let mut doubts: Vec<String> = Vec::new();
    let mut doubt =
        |layer: &Json, whose: &str| {
            let unknown = config::unknown(layer).into_iter();
            doubts.extend(unknown.map(|(key, expected)| {
                format!("{whose}: the key `{key}` has no meaning, expected {expected}")
            }));
        };
    doubt(base[0], "monitoring_config");
    let mut unchecked = Vec::new();
    for feature in features {
        let name = name(feature, path, SETTING)?;
        let text = feature.get("string_constraints");
        let inside = [text, feature.get("num_constraints")]
            .into_iter()
            .filter_map(|part| part?.get("monitoring_config_overrides"));
        let own = ["monitoring_config_overrides", "monitoringConfigOverrides"]
            .into_iter()
            .filter_map(|key| feature.get(key));
        // What stands on the column wins over what stands inside of its constraints; both over the settings.
        let own: Vec<&Json> = inside.chain(own).collect();
        own.iter().for_each(|layer| doubt(layer, &format!("`{name}`")));
        let config = MonitoringConfig::of(base.iter().copied().chain(own), false).map_err(named)?;
        let domains: Option<Vec<String>> =
            text.and_then(|text| text.get("domains")).and_then(Json::as_array).map(|values| {
                values
                    .iter()
                    .map(|value| value.as_str().map_or_else(|| value.to_string(), Into::into))
                    .collect()
            });
        let constraint = Constraint {
            inferred_type: feature.get("inferred_type").and_then(Json::as_str).unwrap_or("Unknown").into(),
            completeness: feature.get("completeness").and_then(Json::as_f64),
            domains,
            config,
        };
        let whose = format!("`{name}`");
        if !TYPES.contains(&constraint.inferred_type.as_str()) {
            let found = &constraint.inferred_type;
            unchecked.push(format!(
                "{whose}: its type is not checked, as `inferred_type` is `{found}`, expected {}",
                TYPES.join(", ")
            ));
        }
        if constraint.domains.as_ref().is_some_and(Vec::is_empty) {
            unchecked.push(format!("{whose}: its categories are not checked, as `domains` is empty"));
        }
        if columns.insert(name, constraint).is_some() {
            unchecked.push(format!("{whose} stands twice: the last one counts"));
        }
    }
    doubts.extend(unchecked);
    let more = doubts.len().saturating_sub(DOUBTS);
    for doubt in doubts.iter().take(DOUBTS) {
        tracing::warn!("{}: {doubt}", path.display());
    }
    if more > 0 {
        tracing::warn!("{}: {more} more of the kind", path.display());
    }
    Ok(Constraints { columns, config })
}

/// Reads `statistics.json`.
///
/// # Errors
/// The file is missing, no JSON, or no list of features.
pub fn statistics(path: &Path) -> Result<IndexMap<String, Distribution>> {
    statistics_of(&baseline_json("baseline_statistics", path)?, path)
}

/// As `statistics`, of what the file of this path holds.
///
/// # Errors
/// As `statistics`, but for a file that cannot be read.
pub fn statistics_of(document: &Json, path: &Path) -> Result<IndexMap<String, Distribution>> {
    const SETTING: &str = "baseline_statistics";
    let mut out = IndexMap::new();
    for feature in features(document, path, SETTING)? {
        out.insert(name(feature, path, SETTING)?, distribution(feature));
    }
    Ok(out)
}

fn distribution(feature: &Json) -> Distribution {
    let numbers = feature.get("numerical_statistics").filter(|found| found.is_object());
    let found = numbers.or_else(|| feature.get("string_statistics")).unwrap_or(&Json::Null);
    let levels = || {
        let levels = found
            .pointer("/distribution/kll/sketch/data")?
            .as_array()?
            .iter()
            .map(|level| Some(level.as_array()?.iter().filter_map(Json::as_f64).collect()));
        levels.collect::<Option<Vec<Vec<f64>>>>()
    };
    let categories = || {
        let buckets = found.pointer("/distribution/categorical/buckets")?.as_array()?;
        let counted = buckets.iter().filter_map(|bucket| {
            let value = bucket.get("value")?;
            let text = value.as_str().map_or_else(|| value.to_string(), Into::into);
            Some((text, bucket.get("count")?.as_f64()?))
        });
        Some(counted.collect::<Counts>())
    };
    let seen = match numbers {
        Some(_) => levels().filter(|levels| levels.iter().any(|level| !level.is_empty())).map(Seen::Numbers),
        None => categories().filter(|counts| !counts.is_empty()).map(Seen::Categories),
    };
    Distribution {
        inferred_type: feature.get("inferred_type").and_then(Json::as_str).unwrap_or("Unknown").into(),
        present: found.pointer("/common/num_present").and_then(Json::as_f64).unwrap_or(0.0),
        seen: seen.unwrap_or(Seen::Nothing),
        std_dev: found.get("std_dev").and_then(Json::as_f64),
    }
}

fn features<'a>(document: &'a Json, path: &Path, setting: &str) -> Result<&'a Vec<Json>> {
    document.get("features").and_then(Json::as_array).ok_or_else(|| {
        let keys: Vec<String> =
            document.as_object().into_iter().flatten().map(|(key, _)| format!("`{key}`")).collect();
        Problem::new(&codes::CONSTRAINTS_UNREADABLE, "a file of the baseline holds no data quality baseline")
            .file(path)
            .field(setting)
            .found(if keys.is_empty() { "no object".into() } else { format!("the keys {}", keys.join(", ")) })
            .expected("a list `features`")
            .hint("give the file that the data quality baseline wrote")
    })
}

fn name(feature: &Json, path: &Path, setting: &str) -> Result<String> {
    feature.get("name").and_then(Json::as_str).map(Into::into).ok_or_else(|| {
        Problem::new(&codes::CONSTRAINTS_UNREADABLE, "a feature of the baseline has no name")
            .file(path)
            .field(setting)
    })
}
