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
/// Keys that a feature may have, and its constraints.
const KEYS: [&str; 7] = [
    "name",
    "inferred_type",
    "completeness",
    "num_constraints",
    "string_constraints",
    "monitoringConfigOverrides",
    "monitoring_config_overrides",
];
const KEYS_OF_TEXT: [&str; 2] = ["domains", "monitoring_config_overrides"];
const KEYS_OF_NUMBER: [&str; 2] = ["is_non_negative", "monitoring_config_overrides"];
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
    let (constraints, doubts) = doubtful(document, path, layers)?;
    for doubt in doubts.iter().take(DOUBTS) {
        tracing::warn!("{}: {doubt}", path.display());
    }
    let more = doubts.len().saturating_sub(DOUBTS);
    if more > 0 {
        tracing::warn!("{}: {more} more of the kind", path.display());
    }
    Ok(constraints)
}

/// The constraints, and what of the file means nothing or is not checked, in words.
fn doubtful(document: &Json, path: &Path, layers: &[Json]) -> Result<(Constraints, Vec<String>)> {
    const SETTING: &str = "baseline_constraints";
    let features = features(document, path, SETTING)?;
    let null = Json::Null;
    let base: Vec<&Json> =
        std::iter::once(document.get("monitoring_config").unwrap_or(&null)).chain(layers).collect();
    let named = |problem: Problem| problem.file(path);
    let config = MonitoringConfig::of(base.iter().copied(), false).map_err(named)?;
    let mut columns = IndexMap::with_capacity(features.len());
    let mut doubts: Vec<String> = Vec::new();
    doubts.extend(odd_keys(document, &["version", "features", "monitoring_config"], "the file"));
    let misspelt = |layer: &Json, whose: &str| -> Vec<String> {
        let told = |(key, expected)| format!("{whose}: the key `{key}` has no meaning, expected {expected}");
        config::unknown(layer).into_iter().map(told).collect()
    };
    doubts.extend(misspelt(base[0], "monitoring_config"));
    let mut unchecked = Vec::new();
    for feature in features {
        let name = name(feature, path, SETTING)?;
        let whose = format!("`{name}`");
        let text = feature.get("string_constraints");
        let number = feature.get("num_constraints");
        let inside = [text, number].into_iter().filter_map(|part| part?.get("monitoring_config_overrides"));
        let own = ["monitoring_config_overrides", "monitoringConfigOverrides"]
            .into_iter()
            .filter_map(|key| feature.get(key));
        // What stands on the column wins over what stands inside of its constraints; both over the settings.
        let own: Vec<&Json> = inside.chain(own).collect();
        doubts.extend(odd_keys(feature, &KEYS, &whose));
        doubts.extend(odd_keys(
            text.unwrap_or(&null),
            &KEYS_OF_TEXT,
            &format!("{whose}, string_constraints"),
        ));
        doubts.extend(odd_keys(
            number.unwrap_or(&null),
            &KEYS_OF_NUMBER,
            &format!("{whose}, num_constraints"),
        ));
        own.iter().for_each(|layer| doubts.extend(misspelt(layer, &whose)));
        let config = MonitoringConfig::of(base.iter().copied().chain(own), false).map_err(named)?;
        let constraint = Constraint {
            inferred_type: feature.get("inferred_type").and_then(Json::as_str).unwrap_or("Unknown").into(),
            completeness: feature.get("completeness").and_then(share),
            domains: text.and_then(domains),
            config,
        };
        if !TYPES.contains(&constraint.inferred_type.as_str()) {
            let found = &constraint.inferred_type;
            unchecked.push(format!(
                "{whose}: its type is not checked, as `inferred_type` is `{found}`, expected {}",
                TYPES.join(", ")
            ));
        }
        unchecked.extend(not_read(feature).map(|what| format!("{whose}: {what}")));
        if columns.insert(name, constraint).is_some() {
            unchecked.push(format!("{whose} stands twice: the last one counts"));
        }
    }
    doubts.extend(unchecked);
    Ok((Constraints { columns, config }, doubts))
}

/// A number from 0 to 1.
fn share(value: &Json) -> Option<f64> {
    value.as_f64().filter(|share| (0.0..=1.0).contains(share))
}

/// The texts that a column may hold; `None` where none are listed, which is not checked.
fn domains(text: &Json) -> Option<Vec<String>> {
    let values = text.get("domains")?.as_array().filter(|values| !values.is_empty())?;
    Some(values.iter().map(|value| value.as_str().map_or_else(|| value.to_string(), Into::into)).collect())
}

/// Keys of an object that mean nothing there, in words. A null says nothing, whatever its key.
fn odd_keys<'a>(
    object: &'a Json,
    known: &'a [&'a str],
    whose: &'a str,
) -> impl Iterator<Item = String> + use<'a> {
    let odd = |(key, value): &(&String, &Json)| !value.is_null() && !known.contains(&key.as_str());
    let object = object.as_object().into_iter().flatten().filter(move |entry| odd(entry));
    object.map(move |(key, _)| {
        format!("{whose}: the key `{key}` has no meaning, expected one of {}", known.join(", "))
    })
}

/// What a feature says in a form that cannot be read, and is therefore not checked.
fn not_read(feature: &Json) -> impl Iterator<Item = String> {
    let of = |key: &str, is_fine: fn(&Json) -> bool| {
        let found = feature.pointer(key).filter(|found| !found.is_null() && !is_fine(found))?;
        Some((key.rsplit('/').next().unwrap_or(key).to_string(), found.to_string()))
    };
    let told = |(what, key, expected): (&str, Option<(String, String)>, &str)| {
        let (key, found) = key?;
        Some(format!("{what} not checked, as `{key}` is {found}, expected {expected}"))
    };
    let empty =
        feature.pointer("/string_constraints/domains").and_then(Json::as_array).is_some_and(Vec::is_empty);
    let empty = empty.then(|| "its categories are not checked, as `domains` is empty".to_string());
    [
        ("its type is", of("/inferred_type", Json::is_string), "a text"),
        ("its completeness is", of("/completeness", |found| share(found).is_some()), "a number from 0 to 1"),
        ("its categories are", of("/string_constraints", Json::is_object), "an object"),
        ("its categories are", of("/string_constraints/domains", Json::is_array), "a list of texts"),
    ]
    .into_iter()
    .filter_map(told)
    .chain(empty)
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(feature: Json) -> (Constraint, Vec<String>) {
        let document = json!({"version": 0.0, "features": [feature], "monitoring_config": {}});
        let (read, doubts) = doubtful(&document, Path::new("c.json"), &[]).unwrap();
        (read.columns["a"].clone(), doubts)
    }

    #[test]
    fn what_is_not_checked_is_told_and_what_is_told_is_not_checked() {
        let good = json!({"name": "a", "inferred_type": "String", "completeness": 1.0,
            "string_constraints": {"domains": ["x"], "additional_properties": null},
            "monitoringConfigOverrides": {"evaluate_constraints": "Enabled"}});
        let (constraint, doubts) = told(good.clone());
        assert_eq!((constraint.domains.unwrap().len(), doubts), (1, vec![]));
        for (at, value, words) in [
            ("/string_constraints/domains", json!([]), "`domains` is empty"),
            ("/string_constraints/domains", json!("x"), "`domains` is \"x\", expected a list"),
            ("/string_constraints", json!(["x"]), "`string_constraints` is [\"x\"]"),
        ] {
            let mut feature = good.clone();
            *feature.pointer_mut(at).unwrap() = value;
            let (constraint, doubts) = told(feature);
            assert_eq!(constraint.domains, None, "{at}");
            assert!(doubts.len() == 1 && doubts[0].contains(words), "{at}: {doubts:?}");
        }
        for share in [json!("x"), json!("1.0"), json!(2), json!(-0.1)] {
            let mut feature = good.clone();
            feature["completeness"] = share;
            let (constraint, doubts) = told(feature);
            assert_eq!(constraint.completeness, None);
            assert!(doubts.len() == 1 && doubts[0].contains("its completeness is not checked"), "{doubts:?}");
        }
    }

    /// A name with a letter too many, at every place that has names.
    #[test]
    fn a_misspelt_key_is_named_wherever_it_stands() {
        let whole = json!({
            "version": 0.0,
            "features": [{"name": "a", "inferred_type": "String", "completeness": 1.0,
                "num_constraints": {"is_non_negative": true, "monitoring_config_overrides": {"emit_metrics": "Enabled"}},
                "string_constraints": {"domains": ["x"], "monitoring_config_overrides": {"emit_metrics": "Enabled"}},
                "monitoringConfigOverrides": {"distribution_constraints": {"comparison_method": "Simple"}}}],
            "monitoring_config": {"distribution_constraints": {"comparison_threshold": 0.1}}});
        fn places(value: &Json, at: String, out: &mut Vec<(String, String)>) {
            if let Some(list) = value.as_array() {
                list.iter().enumerate().for_each(|(n, value)| places(value, format!("{at}/{n}"), out));
            }
            for (key, value) in value.as_object().into_iter().flatten() {
                out.push((at.clone(), key.clone()));
                places(value, format!("{at}/{key}"), out);
            }
        }
        let mut all = Vec::new();
        places(&whole, String::new(), &mut all);
        assert_eq!(doubtful(&whole, Path::new("c.json"), &[]).unwrap().1, Vec::<String>::new());
        let mut seen = 0;
        for (at, key) in all {
            let mut document = whole.clone();
            let object = document.pointer_mut(&at).unwrap().as_object_mut().unwrap();
            let value = object.remove(&key).unwrap();
            object.insert(format!("{key}s"), value);
            match doubtful(&document, Path::new("c.json"), &[]) {
                Ok((_, doubts)) => {
                    assert!(
                        doubts.iter().any(|doubt| doubt.contains(&format!("`{key}s`"))),
                        "{at}: {doubts:?}"
                    );
                    seen += 1;
                }
                Err(_) => assert!(["name", "features"].contains(&key.as_str()), "{key}"),
            }
        }
        assert!(seen > 12);
    }
}
