//! `analysis.json` and `constraint_violations.json` as they stand on disk. A baseline's constraints
//! are an `analysis.json` too, so everything here is read as well as written.

pub(crate) mod alone;
pub(crate) mod comparisons;
pub mod details;
pub mod metrics;

use indexmap::IndexMap;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value as Json;

use crate::state::counts::{Group, Groups};
use crate::values::numbers::repr;

pub const VERSION: &str = "1.0";

/// The content of `analysis.json`; key order as the hosted service writes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// Missing in some constraints that were written by hand, as are some of the texts below.
    #[serde(default)]
    pub version: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post_training_bias_metrics: Option<BiasSection>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pre_training_bias_metrics: Option<BiasSection>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanations: Option<Explanations>,
}

impl Default for Results {
    fn default() -> Results {
        Results {
            version: VERSION.into(),
            post_training_bias_metrics: None,
            pre_training_bias_metrics: None,
            explanations: None,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BiasSection {
    /// Header of the label column.
    #[serde(default)]
    pub label: String,
    /// By name of the facet, one entry for each value.
    pub facets: IndexMap<String, Vec<FacetResult>>,
    #[serde(default)]
    pub label_value_or_threshold: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FacetResult {
    pub value_or_threshold: String,
    pub metrics: Vec<MetricResult>,
    /// What the values rest on, so that a check against them can tell a change from chance. The hosted service has no such
    /// key, and its readers pass over it.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient")]
    pub counts: Option<Counts>,
}

/// Rows of the two groups: true negatives, false positives, false negatives, true positives. Without predictions every
/// row counts as predicted negative.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Counts {
    pub group: [u64; 4],
    pub rest: [u64; 4],
    /// Value and standard error of the metrics that do not follow from the counts, where the rows are enough.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub estimates: IndexMap<String, [f64; 2]>,
}

/// More rows in a cell than there can be.
const TOO_MANY_ROWS: u64 = 1 << 50;

impl Counts {
    pub(crate) fn new(groups: &Groups, estimates: IndexMap<String, [f64; 2]>) -> Counts {
        let flat = |group: &Group| {
            let [[tn, fp], [fn_, tp]] = group.rows;
            [tn, fp, fn_, tp]
        };
        Counts { group: flat(&groups.d), rest: flat(&groups.a), estimates }
    }

    pub(crate) fn groups(&self) -> Groups {
        let group = |[tn, fp, fn_, tp]: [u64; 4]| Group { rows: [[tn, fp], [fn_, tp]] };
        Groups { d: group(self.group), a: group(self.rest) }
    }
}

/// Counts that a stranger has spoilt are none: the values beside them are still a baseline.
fn lenient<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Counts>, D::Error> {
    let counts = serde_json::from_value::<Counts>(Json::deserialize(deserializer)?).ok();
    Ok(counts.filter(|counts| counts.group.iter().chain(&counts.rest).all(|rows| *rows < TOO_MANY_ROWS)))
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricResult {
    /// Code such as `DPL`.
    pub name: String,
    #[serde(default)]
    pub description: String,
    /// None when the metric is undefined; `error` then says why.
    #[serde(default)]
    pub value: Option<Number>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A metric's value: never NaN, infinite values as the strings `"Infinity"` and `"-Infinity"`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// The service prints an integer where two infinities cancel.
    Int(i64),
    Float(f64),
}

impl Number {
    pub fn value(self) -> f64 {
        match self {
            Number::Int(value) => value as f64,
            Number::Float(value) => value,
        }
    }
}

/// As printed in the text of a violation.
impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Number::Int(value) => write!(f, "{value}"),
            Number::Float(f64::INFINITY) => f.write_str("Infinity"),
            Number::Float(f64::NEG_INFINITY) => f.write_str("-Infinity"),
            Number::Float(value) => f.write_str(&repr(*value)),
        }
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Number::Int(value) => serializer.serialize_i64(*value),
            Number::Float(value) if value.is_finite() => serializer.serialize_f64(*value),
            Number::Float(_) => serializer.collect_str(self),
        }
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Number, D::Error> {
        let value = Json::deserialize(deserializer)?;
        let number = match &value {
            Json::Number(number) => match number.as_i64() {
                Some(value) => Some(Number::Int(value)),
                None => number.as_f64().map(Number::Float),
            },
            Json::String(text) if text == "Infinity" || text == "∞" => Some(Number::Float(f64::INFINITY)),
            Json::String(text) if text == "-Infinity" || text == "-∞" => {
                Some(Number::Float(f64::NEG_INFINITY))
            }
            _ => None,
        };
        number.ok_or_else(|| D::Error::custom(format!("expected a number or \"Infinity\", found {value}")))
    }
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Explanations {
    /// By name of the model's output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel_shap: Option<IndexMap<String, Attributions>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pdp: Option<Vec<PartialDependence>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attributions {
    /// By feature, in the order of the dataset.
    pub global_shap_values: IndexMap<String, f64>,
    #[serde(default)]
    pub expected_value: f64,
}

/// One feature's partial dependence. Numeric: grid points; categorical: the values themselves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PartialDependence {
    pub feature_name: String,
    /// `numerical`, `categorical` or `free_text`.
    pub data_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Share of rows at each value, adding up to at most 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_distribution: Option<Vec<f64>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feature_values: Option<Vec<Json>>,
    /// For each output, the mean prediction at each value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_predictions: Option<Vec<Vec<f64>>>,
    pub label_headers: Vec<String>,
}

/// The content of `constraint_violations.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Violations {
    pub version: String,
    pub violations: Vec<Violation>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Violation {
    Bias {
        facet: String,
        facet_value: String,
        metric_name: String,
        /// Always `bias_drift_check`.
        constraint_check_type: String,
        description: String,
    },
    Attribution {
        label: String,
        /// Always `shap`.
        metric_name: String,
        /// Always `feature_attribution_drift_check`.
        constraint_check_type: String,
        description: String,
    },
}
