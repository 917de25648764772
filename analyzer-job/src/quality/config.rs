//! `monitoring_config`: which checks are made and how strict they are, for a dataset and for single columns.

use plumbline_common::{Problem, Result, codes};
use serde::Serialize;
use serde_json::{Map, Value as Json};

/// As it stands in `constraints.json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MonitoringConfig {
    pub evaluate_constraints: Switch,
    pub emit_metrics: Switch,
    /// Least share of values of the baseline's type.
    pub datatype_check_threshold: f64,
    /// Least share of values that the baseline knows.
    pub domain_content_threshold: f64,
    pub distribution_constraints: Distribution,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Distribution {
    pub perform_comparison: Switch,
    pub comparison_threshold: f64,
    pub comparison_method: Method,
    pub categorical_comparison_threshold: f64,
    pub categorical_drift_method: CategoricalMethod,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Switch {
    Enabled,
    Disabled,
}

/// Whether a distance is lowered by what chance alone explains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Method {
    Robust,
    Simple,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum CategoricalMethod {
    LInfinity,
    ChiSquared,
}

impl Switch {
    pub fn on(self) -> bool {
        self == Switch::Enabled
    }
}

impl Default for MonitoringConfig {
    fn default() -> MonitoringConfig {
        MonitoringConfig {
            evaluate_constraints: Switch::Enabled,
            emit_metrics: Switch::Enabled,
            datatype_check_threshold: 1.0,
            domain_content_threshold: 1.0,
            distribution_constraints: Distribution {
                perform_comparison: Switch::Enabled,
                comparison_threshold: 0.1,
                comparison_method: Method::Robust,
                categorical_comparison_threshold: 0.1,
                categorical_drift_method: CategoricalMethod::LInfinity,
            },
        }
    }
}

impl MonitoringConfig {
    /// Of layers of JSON, the later over the earlier, objects key by key. `defaults`: what no layer says is the
    /// written default; else the threshold of categories is that of numbers.
    ///
    /// # Errors
    /// A layer that is no object, an unknown name, a threshold that is no number of at least 0 or, of a share or distance, above 1;
    /// with the key.
    pub fn of<'a>(layers: impl IntoIterator<Item = &'a Json>, defaults: bool) -> Result<MonitoringConfig> {
        let mut merged = Map::new();
        for layer in layers {
            lay_over(&mut merged, layer)?;
        }
        let mut config = MonitoringConfig::default();
        let distribution = &mut config.distribution_constraints;
        let empty = Map::new();
        let inner = match merged.get("distribution_constraints") {
            Some(Json::Object(inner)) => inner,
            None | Some(Json::Null) => &empty,
            Some(other) => return Err(refused("distribution_constraints", other, "an object")),
        };
        let switch = |key: &str, object: &Map<String, Json>, value: &mut Switch| {
            choose(key, object, &[("Enabled", Switch::Enabled), ("Disabled", Switch::Disabled)], value)
        };
        switch("evaluate_constraints", &merged, &mut config.evaluate_constraints)?;
        switch("emit_metrics", &merged, &mut config.emit_metrics)?;
        switch("perform_comparison", inner, &mut distribution.perform_comparison)?;
        share("datatype_check_threshold", &merged, &mut config.datatype_check_threshold)?;
        share("domain_content_threshold", &merged, &mut config.domain_content_threshold)?;
        let methods = [
            ("Robust", Method::Robust),
            ("Simple", Method::Simple),
            ("linf_robust", Method::Robust),
            ("linf_simple", Method::Simple),
        ];
        choose("comparison_method", inner, &methods, &mut distribution.comparison_method)?;
        choose("categorical_drift_method", inner, &CATEGORICAL, &mut distribution.categorical_drift_method)?;
        share("comparison_threshold", inner, &mut distribution.comparison_threshold)?;
        if !defaults {
            distribution.categorical_comparison_threshold = distribution.comparison_threshold;
        }
        let categorical = &mut distribution.categorical_comparison_threshold;
        match (distribution.categorical_drift_method, distribution.comparison_method) {
            // The statistic of a test has no upper bound.
            (CategoricalMethod::ChiSquared, Method::Simple) => {
                number("categorical_comparison_threshold", inner, f64::INFINITY, categorical)?;
            }
            _ => share("categorical_comparison_threshold", inner, categorical)?,
        }
        Ok(config)
    }
}

const CATEGORICAL: [(&str, CategoricalMethod); 2] =
    [("LInfinity", CategoricalMethod::LInfinity), ("ChiSquared", CategoricalMethod::ChiSquared)];

/// The settings of the job as layers: `data_quality_monitoring_config`, then `categorical_drift_method`.
///
/// # Errors
/// Text that is no JSON object, or a value that `MonitoringConfig::of` refuses.
pub fn layers(config: Option<&str>, categorical: Option<&str>) -> Result<Vec<Json>> {
    let mut out = Vec::new();
    if let Some(text) = config {
        let layer: Json = serde_json::from_str(text).map_err(|error| {
            Problem::new(&codes::SETTING_INVALID, "the monitoring configuration is not JSON")
                .field("data_quality_monitoring_config")
                .found(error.to_string())
        })?;
        // The hosted service's own name for it may stand around.
        out.push(match layer {
            Json::Object(mut object) if object.len() == 1 && object.contains_key("monitoring_config") => {
                object.remove("monitoring_config").unwrap_or_default()
            }
            layer => layer,
        });
    }
    if let Some(name) = categorical {
        out.push(serde_json::json!({"distribution_constraints": {"categorical_drift_method": name}}));
    }
    MonitoringConfig::of(&out, true)?;
    if let Some((key, place)) = out.iter().flat_map(unknown).next() {
        return Err(refused(&key, &Json::Null, &place).found("a key that has no meaning here"));
    }
    Ok(out)
}

/// Keys of a layer that mean nothing, such as misspelt ones or a threshold at the wrong place, each with the keys that
/// are known there.
pub fn unknown(layer: &Json) -> Vec<(String, String)> {
    let object = |found: Option<&Json>| found.and_then(Json::as_object).cloned().unwrap_or_default();
    let of = |object: Map<String, Json>, known: &'static [&'static str], place: &'static str| {
        let expected = format!("in {place} one of {}", known.join(", "));
        object
            .into_iter()
            .filter(|(key, _)| !known.contains(&key.as_str()))
            .map(move |(key, _)| (key, expected.clone()))
    };
    let inner = object(layer.get("distribution_constraints"));
    of(object(Some(layer)), &KEYS, "monitoring_config")
        .chain(of(inner, &KEYS_OF_DISTRIBUTION, "distribution_constraints"))
        .collect()
}

/// Thresholds of a layer that are null, as NaN is read too: they change nothing.
pub fn unset_thresholds(layer: &Json) -> Vec<String> {
    let inner = layer.get("distribution_constraints").and_then(Json::as_object).into_iter().flatten();
    let all = layer.as_object().into_iter().flatten().chain(inner);
    let unset = all.filter(|(key, value)| key.ends_with("_threshold") && value.is_null());
    unset.map(|(key, _)| key.clone()).collect()
}

const KEYS: [&str; 5] = [
    "evaluate_constraints",
    "emit_metrics",
    "datatype_check_threshold",
    "domain_content_threshold",
    "distribution_constraints",
];
const KEYS_OF_DISTRIBUTION: [&str; 5] = [
    "perform_comparison",
    "comparison_threshold",
    "comparison_method",
    "categorical_comparison_threshold",
    "categorical_drift_method",
];

/// Objects are merged key by key; null changes nothing.
fn lay_over(below: &mut Map<String, Json>, layer: &Json) -> Result<()> {
    let layer = match layer {
        Json::Object(layer) => layer,
        Json::Null => return Ok(()),
        other => return Err(refused("monitoring_config", other, "an object")),
    };
    for (key, value) in layer {
        match (below.get_mut(key), value) {
            (_, Json::Null) => {}
            (Some(Json::Object(inner)), Json::Object(_)) => lay_over(inner, value)?,
            _ => {
                below.insert(key.clone(), value.clone());
            }
        }
    }
    Ok(())
}

fn choose<T: Copy>(key: &str, object: &Map<String, Json>, names: &[(&str, T)], value: &mut T) -> Result<()> {
    match object.get(key) {
        None | Some(Json::Null) => Ok(()),
        Some(found) => {
            let named = found
                .as_str()
                .and_then(|text| names.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)));
            let Some((_, chosen)) = named else {
                let names: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
                return Err(refused(key, found, &names.join(" or ")));
            };
            *value = *chosen;
            Ok(())
        }
    }
}

/// `most`: infinite where there is no upper bound.
fn number(key: &str, object: &Map<String, Json>, most: f64, value: &mut f64) -> Result<()> {
    let found = match object.get(key) {
        None | Some(Json::Null) => return Ok(()),
        Some(found) => found,
    };
    let read = match found {
        Json::String(text) => text.trim().parse().ok(),
        other => other.as_f64(),
    };
    match read {
        Some(number) if number.is_finite() && (0.0..=most).contains(&number) => {
            *value = number;
            Ok(())
        }
        _ if most.is_finite() => Err(refused(key, found, &format!("a number from 0 to {most}"))),
        _ => Err(refused(key, found, "a number of at least 0")),
    }
}

/// A number from 0 to 1, a share of the values or a distance: 75 for three quarters would flag every column, or none.
fn share(key: &str, object: &Map<String, Json>, value: &mut f64) -> Result<()> {
    number(key, object, 1.0, value)
}

fn refused(key: &str, found: &Json, expected: &str) -> Problem {
    Problem::new(&codes::SETTING_INVALID, "the monitoring configuration cannot be used")
        .field(key)
        .found(found.to_string())
        .expected(expected)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn layers_lie_over_each_other_key_by_key() {
        let file = json!({"datatype_check_threshold": 0.9, "distribution_constraints":
            {"comparison_threshold": 0.2, "comparison_method": "linf_simple"}});
        let column = json!({"evaluate_constraints": "disabled", "distribution_constraints":
            {"categorical_drift_method": "chisquared"}});
        let config = MonitoringConfig::of([&file, &column], false).unwrap();
        assert_eq!(config.datatype_check_threshold, 0.9);
        assert!(!config.evaluate_constraints.on() && config.emit_metrics.on());
        let distribution = &config.distribution_constraints;
        assert_eq!(distribution.comparison_method, Method::Simple);
        assert_eq!(distribution.categorical_drift_method, CategoricalMethod::ChiSquared);
        assert_eq!(distribution.categorical_comparison_threshold, 0.2);
        let written = MonitoringConfig::of([&file], true).unwrap();
        assert_eq!(written.distribution_constraints.categorical_comparison_threshold, 0.1);
    }

    #[test]
    fn thresholds_may_be_texts_and_that_of_a_statistic_has_no_upper_bound() {
        let layer = json!({"datatype_check_threshold": " 0.5 ", "distribution_constraints":
            {"comparison_threshold": "1", "comparison_method": "Simple", "categorical_drift_method": "ChiSquared",
            "categorical_comparison_threshold": 28.2}});
        let config = MonitoringConfig::of([&layer], true).unwrap();
        let distribution = &config.distribution_constraints;
        assert_eq!((config.datatype_check_threshold, distribution.comparison_threshold), (0.5, 1.0));
        assert_eq!(distribution.categorical_comparison_threshold, 28.2);
    }

    #[test]
    fn other_names_are_refused_by_key() {
        for (layer, key) in [
            (json!({"evaluate_constraints": "On"}), "evaluate_constraints"),
            (json!({"datatype_check_threshold": "high"}), "datatype_check_threshold"),
            (json!({"domain_content_threshold": -1}), "domain_content_threshold"),
            (json!({"datatype_check_threshold": true}), "datatype_check_threshold"),
            (json!({"datatype_check_threshold": 75}), "datatype_check_threshold"),
            (json!({"domain_content_threshold": "1.5"}), "domain_content_threshold"),
            (json!({"distribution_constraints": {"comparison_threshold": 2}}), "comparison_threshold"),
            (json!({"distribution_constraints": {"comparison_threshold": "inf"}}), "comparison_threshold"),
            (json!({"distribution_constraints": {"comparison_threshold": -0.1}}), "comparison_threshold"),
            (
                json!({"distribution_constraints": {"categorical_comparison_threshold": "1.1"}}),
                "categorical_comparison_threshold",
            ),
            (
                json!({"distribution_constraints": {"categorical_drift_method": "ChiSquared",
                    "categorical_comparison_threshold": 2}}),
                "categorical_comparison_threshold",
            ),
            (json!({"distribution_constraints": {"comparison_method": "KS"}}), "comparison_method"),
            (json!({"distribution_constraints": []}), "distribution_constraints"),
            (json!([]), "monitoring_config"),
        ] {
            let problem = MonitoringConfig::of([&layer], true).unwrap_err();
            assert_eq!(problem.place().field.as_deref(), Some(key));
            assert_eq!(problem.code(), &codes::SETTING_INVALID);
            let is_share = key.ends_with("_threshold");
            assert_eq!(problem.to_string().contains("a number from 0 to 1"), is_share, "{problem}");
        }
        let unbounded = json!({"distribution_constraints": {"categorical_drift_method": "ChiSquared",
            "comparison_method": "Simple", "categorical_comparison_threshold": -1}});
        let problem = MonitoringConfig::of([&unbounded], true).unwrap_err();
        assert!(problem.to_string().contains("a number of at least 0"), "{problem}");
        for (text, key) in [
            (r#"{"evaluate_constraint": "Disabled"}"#, "evaluate_constraint"),
            (r#"{"comparison_threshold": 0.5}"#, "comparison_threshold"),
            (r#"{"distribution_constraints": {"threshold": 0.5}}"#, "threshold"),
            (r#"{"Distribution_constraints": {}}"#, "Distribution_constraints"),
        ] {
            let problem = layers(Some(text), None).unwrap_err();
            assert_eq!(problem.place().field.as_deref(), Some(key), "{problem}");
            assert!(problem.to_string().contains("one of "), "{problem}");
        }
        assert!(layers(Some("{"), None).is_err());
        assert!(layers(None, Some("Cosine")).is_err());
        assert_eq!(layers(Some("{}"), Some("ChiSquared")).unwrap().len(), 2);
    }
}
