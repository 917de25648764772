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
    warn(path, &doubts);
    Ok(constraints)
}

/// Puts the first oddities of a file into the log.
fn warn(path: &Path, doubts: &[String]) {
    for doubt in doubts.iter().take(DOUBTS) {
        tracing::warn!("{}: {doubt}", path.display());
    }
    let more = doubts.len().saturating_sub(DOUBTS);
    if more > 0 {
        tracing::warn!("{}: {more} more of the kind", path.display());
    }
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
    let (out, doubts) = doubtful_statistics(document, path)?;
    warn(path, &doubts);
    if !doubts.is_empty() {
        tracing::warn!(
            "{}: give the file as the baseline job wrote it, or make the baseline anew",
            path.display()
        );
    }
    Ok(out)
}

/// The distributions, and what of the file cannot be read and is therefore not compared, in words.
fn doubtful_statistics(
    document: &Json,
    path: &Path,
) -> Result<(IndexMap<String, Distribution>, Vec<String>)> {
    const SETTING: &str = "baseline_statistics";
    let (mut out, mut doubts) = (IndexMap::new(), Vec::new());
    for feature in features(document, path, SETTING)? {
        let name = name(feature, path, SETTING)?;
        let (distribution, found) = distribution(feature);
        doubts.extend(found.into_iter().map(|what| format!("`{name}`: {what}")));
        if out.insert(name.clone(), distribution).is_some() {
            doubts.push(format!("`{name}` stands twice: the last one counts"));
        }
    }
    Ok((out, doubts))
}

/// What a column looked like, and what the file says of it in a form that cannot be read.
fn distribution(feature: &Json) -> (Distribution, Vec<String>) {
    let mut doubts = Vec::new();
    let mut doubt = |what: &str, key: &str, found: Option<&Json>, expected: &str| {
        let found = found.map_or("missing".into(), |found| shortened(&found.to_string()));
        doubts.push(format!("{what} not compared, as `{key}` is {found}, expected {expected}"));
    };
    const DRIFT: &str = "its distribution is";
    let written = feature.get("inferred_type");
    let inferred_type = written.and_then(Json::as_str).unwrap_or("Unknown");
    if written.and_then(Json::as_str).is_none_or(|name| !TYPES.contains(&name)) {
        doubt(DRIFT, "inferred_type", written, &TYPES.join(", "));
    }
    let numbers = feature.get("numerical_statistics").filter(|found| found.is_object());
    let key = match inferred_type {
        "Integral" | "Fractional" => "numerical_statistics",
        _ => "string_statistics",
    };
    let found = numbers.or_else(|| feature.get(key)).unwrap_or(&Json::Null);
    let is_needed = TYPES[..3].contains(&inferred_type);
    if is_needed && !feature.get(key).is_some_and(Json::is_object) {
        doubt(DRIFT, key, feature.get(key), "an object");
    }
    let present = found.pointer("/common/num_present");
    if is_needed && found.is_object() && present.and_then(count).is_none() {
        doubt("its number of rows is", "num_present", present, "a number from 0");
    }
    let std_dev = found.get("std_dev");
    if numbers.is_some() && std_dev.and_then(count).is_none() {
        doubt("the distance in standard deviations is", "std_dev", std_dev, "a number from 0");
    }
    let seen = match numbers {
        Some(_) => told(found, &["distribution", "kll", "sketch", "data"]).map(|data| {
            let levels = data.and_then(levels);
            if levels.is_none() {
                doubt(DRIFT, "sketch.data", data, "lists of numbers");
            }
            let levels = levels.filter(|levels| levels.iter().any(|level| !level.is_empty()));
            levels.map_or(Seen::Nothing, Seen::Numbers)
        }),
        // Texts of many values have no categories.
        None if found.get("distribution").is_none() => None,
        None => told(found, &["distribution", "categorical", "buckets"]).map(|buckets| {
            let counts = buckets.and_then(categories);
            if counts.is_none() {
                doubt(DRIFT, "buckets", buckets, "objects of `value` and `count`");
            }
            let counts = counts.filter(|counts| !counts.is_empty());
            counts.map_or(Seen::Nothing, Seen::Categories)
        }),
    };
    let distribution = Distribution {
        inferred_type: inferred_type.into(),
        present: present.and_then(count).unwrap_or(0.0),
        seen: seen.unwrap_or(Seen::Nothing),
        std_dev: std_dev.and_then(count),
    };
    (distribution, doubts)
}

/// What stands below these keys; none where one of them is null, as in old files of the hosted service, and within it none where
/// one is missing.
fn told<'a>(value: &'a Json, keys: &[&str]) -> Option<Option<&'a Json>> {
    let mut found = value;
    for key in keys {
        match found.get(key) {
            Some(Json::Null) => return None,
            Some(inner) => found = inner,
            None => return Some(None),
        }
    }
    Some(Some(found))
}

/// A number from 0.
fn count(value: &Json) -> Option<f64> {
    value.as_f64().filter(|count| *count >= 0.0)
}

/// The levels of a sketch.
fn levels(data: &Json) -> Option<Vec<Vec<f64>>> {
    let level = |level: &Json| level.as_array()?.iter().map(Json::as_f64).collect();
    data.as_array()?.iter().map(level).collect()
}

/// The categories of a column with their counts.
fn categories(buckets: &Json) -> Option<Counts> {
    let counted = |bucket: &Json| {
        let value = bucket.get("value").filter(|value| !value.is_null())?;
        let text = value.as_str().map_or_else(|| value.to_string(), Into::into);
        Some((text, bucket.get("count").and_then(count)?))
    };
    buckets.as_array()?.iter().map(counted).collect()
}

/// A value for a message.
fn shortened(text: &str) -> String {
    const LONGEST: usize = 40;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.into(),
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

    /// Statistics with a null, a text, a number, a list, an object or nothing in the place of each value: what a column loses by it
    /// is told, and nothing else is.
    #[test]
    fn whatever_of_the_statistics_cannot_be_read_is_told() {
        let whole = json!({"features": [
            {"name": "n", "inferred_type": "Fractional", "numerical_statistics": {
                "common": {"num_present": 3, "num_missing": 0}, "std_dev": 1.5,
                "distribution": {"kll": {"sketch": {"data": [[1.0, 2.0], [3.0]]}}}}},
            {"name": "t", "inferred_type": "String", "string_statistics": {
                "common": {"num_present": 3, "num_missing": 0},
                "distribution": {"categorical": {"buckets": [{"value": "x", "count": 3}]}}}}]});
        let read = |document: &Json| doubtful_statistics(document, Path::new("s.json"));
        let of = |document: &Json| format!("{:?}", read(document).unwrap().0);
        assert_eq!(read(&whole).unwrap().1, [""; 0]);
        fn places(value: &Json, at: String, out: &mut Vec<String>) {
            let entries = value.as_object().into_iter().flatten().map(|(key, value)| (key.clone(), value));
            let elements = value.as_array().into_iter().flatten().enumerate();
            for (key, value) in entries.chain(elements.map(|(n, value)| (n.to_string(), value))) {
                let at = format!("{at}/{key}");
                out.push(at.clone());
                places(value, at, out);
            }
        }
        let mut all = Vec::new();
        places(&whole, String::new(), &mut all);
        let mut seen = 0;
        for at in all.iter().filter(|at| at.matches('/').count() > 2) {
            for value in [json!(null), json!("x"), json!(-1), json!([true]), json!({"a": 1})] {
                let mut document = whole.clone();
                *document.pointer_mut(at).unwrap() = value.clone();
                // The value of a category may be anything; of a sketch any number, and it may be absent, as may categories.
                let Ok((_, doubts)) = read(&document) else {
                    assert!(at.ends_with("/name"));
                    continue;
                };
                let is_as_old = value.is_null()
                    && ["/data", "/buckets", "/kll", "/sketch", "/distribution", "/categorical"]
                        .iter()
                        .any(|end| at.ends_with(end));
                let is_value = at.ends_with("/value") || (value == json!(-1) && at.contains("/data/"));
                let is_told = !doubts.is_empty();
                assert!(
                    is_told || of(&document) == of(&whole) || is_as_old || is_value || at.ends_with("/name"),
                    "{at} {value}"
                );
                seen += usize::from(is_told);
            }
        }
        assert!(seen > 40, "{seen}");
        let told = |at: &str, value: Json| {
            let mut document = whole.clone();
            *document.pointer_mut(at).unwrap() = value;
            read(&document).unwrap().1.join("; ")
        };
        let sketch =
            told("/features/0/numerical_statistics/distribution/kll/sketch/data", json!([[1.0, "2"]]));
        assert_eq!(
            sketch,
            "`n`: its distribution is not compared, as `sketch.data` is [[1.0,\"2\"]], expected lists of numbers"
        );
        assert!(told("/features/1", json!({"name": "n"})).ends_with("`n` stands twice: the last one counts"));
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
