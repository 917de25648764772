//! `constraints.json` as the baseline.

use std::path::Path;

use indexmap::IndexMap;
use plumbline_common::{Problem, Result};
use serde_json::Value as Json;

use super::doubts::{Doubt, Doubts};
use super::features::{TWICE, TYPES, features, name, shortened};
use crate::monitor::plan::baseline_json;
use crate::quality::config::{self, MonitoringConfig};

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

/// Reads `constraints.json`. `layers` are the settings of the job.
///
/// # Errors
/// The file is missing, no JSON, no list of features, or says something that cannot be used.
pub fn constraints(path: &Path, layers: &[Json]) -> Result<(Constraints, Doubts)> {
    constraints_of(&baseline_json("baseline_constraints", path)?, path, layers)
}

/// As `constraints`, of what the file of this path holds.
///
/// # Errors
/// As `constraints`, but for a file that cannot be read.
pub fn constraints_of(document: &Json, path: &Path, layers: &[Json]) -> Result<(Constraints, Doubts)> {
    let (constraints, doubts) = doubtful(document, path, layers)?;
    Ok((constraints, Doubts::of(path, &doubts)))
}

/// The constraints, and what of the file means nothing or is not checked.
fn doubtful(document: &Json, path: &Path, layers: &[Json]) -> Result<(Constraints, Vec<Doubt>)> {
    const SETTING: &str = "baseline_constraints";
    let features = features(document, path, SETTING)?;
    let null = Json::Null;
    let base: Vec<&Json> =
        std::iter::once(document.get("monitoring_config").unwrap_or(&null)).chain(layers).collect();
    let named = |problem: Problem| problem.file(path);
    let config = MonitoringConfig::of(base.iter().copied(), false).map_err(named)?;
    let mut columns = IndexMap::with_capacity(features.len());
    let mut doubts: Vec<Doubt> = Vec::new();
    let odd = odd_keys(document, &["version", "features", "monitoring_config"]);
    doubts.extend(odd.map(|what| Doubt::of_file(format!("the file: {what}"))));
    let misspelt = |layer: &Json| -> Vec<String> {
        let told = |(key, expected)| format!("the key `{key}` has no meaning, expected {expected}");
        let unset = |key| {
            format!("`{key}` is null or NaN, expected a number; what stands below counts, or the default")
        };
        let unknown = config::unknown(layer).into_iter().map(told);
        unknown.chain(config::unset_thresholds(layer).into_iter().map(unset)).collect()
    };
    let of_config = misspelt(base[0]).into_iter().map(|what| format!("monitoring_config: {what}"));
    doubts.extend(of_config.map(Doubt::of_file));
    let mut unchecked = Vec::new();
    for feature in features {
        let name = name(feature, path, SETTING)?;
        let text = feature.get("string_constraints");
        let number = feature.get("num_constraints");
        let inside = [text, number].into_iter().filter_map(|part| part?.get("monitoring_config_overrides"));
        let own = ["monitoring_config_overrides", "monitoringConfigOverrides"]
            .into_iter()
            .filter_map(|key| feature.get(key));
        // What stands on the column wins over what stands inside of its constraints; both over the settings.
        let own: Vec<&Json> = inside.chain(own).collect();
        let mut doubt = |what| doubts.push(Doubt::of(&name, what));
        odd_keys(feature, &KEYS).for_each(&mut doubt);
        for (part, key, known) in
            [(text, "string_constraints", &KEYS_OF_TEXT[..]), (number, "num_constraints", &KEYS_OF_NUMBER)]
        {
            let odd = odd_keys(part.unwrap_or(&null), known);
            odd.map(|what| format!("{key}: {what}")).for_each(&mut doubt);
        }
        own.iter().flat_map(|layer| misspelt(layer)).for_each(&mut doubt);
        let config = MonitoringConfig::of(base.iter().copied().chain(own), false).map_err(named)?;
        let constraint = Constraint {
            inferred_type: feature.get("inferred_type").and_then(Json::as_str).unwrap_or("Unknown").into(),
            completeness: feature.get("completeness").and_then(share),
            domains: text.and_then(domains),
            config,
        };
        if !TYPES.contains(&constraint.inferred_type.as_str()) {
            let found = &constraint.inferred_type;
            let what = format!(
                "its type is not checked, as `inferred_type` is `{found}`, expected {}",
                TYPES.join(", ")
            );
            unchecked.push(Doubt::unchecked(&name, what));
        }
        unchecked.extend(not_read(feature).into_iter().map(|what| Doubt::unchecked(&name, what)));
        if columns.insert(name.clone(), constraint).is_some() {
            unchecked.push(Doubt::of(&name, TWICE.into()));
        }
    }
    doubts.extend(unchecked);
    Ok((Constraints { columns, config }, doubts))
}

/// A number from 0 to 1.
fn share(value: &Json) -> Option<f64> {
    value.as_f64().filter(|share| (0.0..=1.0).contains(share))
}

/// Whether it is neither a list nor an object.
fn is_value(json: &Json) -> bool {
    !json.is_array() && !json.is_object()
}

/// The texts that a column may hold; `None` where none are listed, which is not checked.
fn domains(text: &Json) -> Option<Vec<String>> {
    let values = text.get("domains")?.as_array()?;
    let values = Some(values).filter(|values| !values.is_empty() && values.iter().all(is_value))?;
    Some(values.iter().map(|value| value.as_str().map_or_else(|| value.to_string(), Into::into)).collect())
}

/// Keys of an object that mean nothing there, in words. A null says nothing, whatever its key.
fn odd_keys<'a>(object: &'a Json, known: &'a [&'a str]) -> impl Iterator<Item = String> + use<'a> {
    let odd = |(key, value): &(&String, &Json)| !value.is_null() && !known.contains(&key.as_str());
    let object = object.as_object().into_iter().flatten().filter(move |entry| odd(entry));
    object
        .map(move |(key, _)| format!("the key `{key}` has no meaning, expected one of {}", known.join(", ")))
}

/// What a feature lacks, or says in a form that cannot be read, and is therefore not checked.
fn not_read(feature: &Json) -> Vec<String> {
    let mut out = Vec::new();
    let mut check = |what: &str, at: &str, must: bool, is_fine: fn(&Json) -> bool, expected: &str| {
        let found = feature.pointer(at);
        if found.map_or(must, |found| !is_fine(found)) {
            let found = found.map_or("missing".into(), |found| shortened(&found.to_string()));
            let key = at.rsplit('/').next().unwrap_or(at);
            out.push(format!("{what} not checked, as `{key}` is {found}, expected {expected}"));
        }
    };
    check("its type is", "/inferred_type", true, Json::is_string, "a text");
    check(
        "its completeness is",
        "/completeness",
        true,
        |found| share(found).is_some(),
        "a number from 0 to 1",
    );
    // A column of numbers has no categories.
    let is_object: fn(&Json) -> bool =
        match feature.get("inferred_type").and_then(Json::as_str) == Some("String") {
            true => Json::is_object,
            false => |found| found.is_object() || found.is_null(),
        };
    check("its categories are", "/string_constraints", false, is_object, "an object");
    let is_list = |found: &Json| found.as_array().is_some_and(|values| values.iter().all(is_value));
    check("its categories are", "/string_constraints/domains", false, is_list, "a list of texts");
    let domains = feature.pointer("/string_constraints/domains").and_then(Json::as_array);
    if domains.is_some_and(Vec::is_empty) {
        out.push("its categories are not checked, as `domains` is empty".into());
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::quality::baseline::doubts::DOUBTS;

    fn told(feature: Json) -> (Constraint, Vec<String>) {
        let document = json!({"version": 0.0, "features": [feature], "monitoring_config": {}});
        let (read, doubts) = doubtful(&document, Path::new("c.json"), &[]).unwrap();
        (read.columns["a"].clone(), doubts.iter().map(Doubt::to_string).collect())
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
            ("/string_constraints/domains", json!(null), "`domains` is null"),
            ("/string_constraints/domains", json!([["x"]]), "`domains` is [[\"x\"]], expected a list"),
            ("/string_constraints/domains", json!(["x", {"y": 1}]), "expected a list of texts"),
            ("/string_constraints", json!(["x"]), "`string_constraints` is [\"x\"]"),
            ("/string_constraints", json!(null), "`string_constraints` is null"),
        ] {
            let mut feature = good.clone();
            *feature.pointer_mut(at).unwrap() = value;
            let (constraint, doubts) = told(feature);
            assert_eq!(constraint.domains, None, "{at}");
            assert!(doubts.len() == 1 && doubts[0].contains(words), "{at}: {doubts:?}");
        }
        for share in [json!("x"), json!("1.0"), json!(2), json!(-0.1), json!(null)] {
            let mut feature = good.clone();
            feature["completeness"] = share;
            let (constraint, doubts) = told(feature);
            assert_eq!(constraint.completeness, None);
            assert!(doubts.len() == 1 && doubts[0].contains("its completeness is not checked"), "{doubts:?}");
        }
        for (key, words) in [("completeness", "its completeness"), ("inferred_type", "its type")] {
            let mut feature = good.clone();
            feature.as_object_mut().unwrap().remove(key);
            let (_, doubts) = told(feature);
            let expected = format!("`a`: {words} is not checked, as `{key}` is missing, expected ");
            assert!(doubts.len() == 1 && doubts[0].starts_with(&expected), "{doubts:?}");
        }
        let mut feature = good.clone();
        feature["monitoringConfigOverrides"] =
            json!({"distribution_constraints": {"comparison_threshold": null}});
        assert!(told(feature).1[0].contains("`comparison_threshold` is null or NaN"));
    }

    /// What stands on a column goes before what stands inside of its constraints, and both before the file's and the job's.
    #[test]
    fn the_thresholds_nearest_to_a_column_count() {
        let share = |share: f64| json!({"datatype_check_threshold": share});
        for (key, on_feature) in [
            ("num_constraints", "monitoringConfigOverrides"),
            ("string_constraints", "monitoring_config_overrides"),
        ] {
            for (inside, on, expected) in [
                (None, None, 0.7),
                (Some(0.3), None, 0.3),
                (None, Some(0.2), 0.2),
                (Some(0.3), Some(0.2), 0.2),
            ] {
                let mut feature = json!({"name": "a", "inferred_type": "Integral", "completeness": 1.0});
                if let Some(inside) = inside {
                    feature[key] = json!({"monitoring_config_overrides": share(inside)});
                }
                if let Some(on) = on {
                    feature[on_feature] = share(on);
                }
                let document = json!({"features": [feature], "monitoring_config": share(0.9)});
                let (read, _) = doubtful(&document, Path::new("c.json"), &[share(0.7)]).unwrap();
                let found = read.columns["a"].config.datatype_check_threshold;
                assert_eq!(found, expected, "{key} {inside:?} {on:?}");
            }
        }
    }

    /// More oddities than are told one by one: every column is named all the same, up to a number.
    #[test]
    fn every_column_that_is_not_checked_is_named() {
        let feature = |n: usize| json!({"name": format!("c{n}"), "inferred_type": "Integral"});
        let features: Vec<Json> = (0..60).map(feature).collect();
        let document = json!({"features": features});
        let (_, doubts) = constraints_of(&document, Path::new("c.json"), &[]).unwrap();
        assert_eq!((doubts.told.len(), doubts.unchecked.len()), (DOUBTS + 1, 60));
        assert!(doubts.told[0].starts_with("c.json: `c0`: its completeness"), "{:?}", doubts.told);
        let more = &doubts.told[DOUBTS];
        assert!(
            more.contains("55 more of the kind, of `c5`, `c6`") && more.ends_with("and 35 more"),
            "{more}"
        );
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
        assert!(doubtful(&whole, Path::new("c.json"), &[]).unwrap().1.is_empty());
        let mut seen = 0;
        for (at, key) in all {
            let mut document = whole.clone();
            let object = document.pointer_mut(&at).unwrap().as_object_mut().unwrap();
            let value = object.remove(&key).unwrap();
            object.insert(format!("{key}s"), value);
            match doubtful(&document, Path::new("c.json"), &[]) {
                Ok((_, doubts)) => {
                    assert!(
                        doubts.iter().any(|doubt| doubt.to_string().contains(&format!("`{key}s`"))),
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
