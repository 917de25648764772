//! What the settings of a job add to its configuration.

use std::ffi::OsStr;
use std::fmt::Display;

use plumbline_common::settings::absent;
use plumbline_common::{Problem, Result, codes};
use serde_json::Value as Json;

use super::check::{POST_TRAINING, PRE_TRAINING, all_metrics};
use super::faults::shown;
use super::{Analysis, Location, faults, rules};

/// The attribute settings of a monitoring job, as its environment has them. Empty texts and `None`
/// count as absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes {
    /// JMESPath of the features in the captured input.
    pub features: Option<String>,
    /// Place of the predicted label in the captured output; in explainability, of the scores.
    pub inference: Option<String>,
    /// Place of the scores in the captured output.
    pub probability: Option<String>,
    pub probability_threshold: Option<String>,
    /// Place of the label in the ground truth: a position in CSV, or a JMESPath for configurations that name no label.
    pub ground_truth: Option<String>,
    /// Columns that are not analysed, by name or position, separated by commas.
    pub exclude_features: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MonitorKind {
    Bias,
    Explainability,
}

/// Completes a monitoring configuration: methods by the kind of monitor, places by the attributes, which
/// win over the configuration. A place is a position or a JMESPath; which of them fits is a matter of each
/// captured payload.
///
/// Returns a warning for each value of the configuration that an attribute replaces.
///
/// # Errors
/// `SETTING_INVALID` for an attribute that cannot be used, `CONFIG_SCHEMA` for what the kind of monitor
/// needs and the configuration lacks.
pub fn complete(analysis: &mut Analysis, attributes: &Attributes, kind: MonitorKind) -> Result<Vec<String>> {
    methods(analysis, kind)?;
    let warnings = places(analysis, attributes, kind)?;
    match located("ground_truth_attribute", &attributes.ground_truth)? {
        // Of CSV, whatever column the label becomes.
        Some(Location::Index(position)) => analysis.truth_position = Some(position),
        Some(path) if analysis.label.is_none() => analysis.label = Some(path),
        _ => {}
    }
    Ok(warnings)
}

/// Completes the configuration of an analysis of a dataset: the attributes win over it, as in a monitor. Those that have a
/// meaning only where a model is asked are checked, and used where one is.
///
/// Returns a warning for each value of the configuration that an attribute replaces.
///
/// # Errors
/// `SETTING_INVALID` for an attribute that cannot be used.
pub fn places_in_dataset(analysis: &mut Analysis, attributes: &Attributes) -> Result<Vec<String>> {
    located("ground_truth_attribute", &attributes.ground_truth)?;
    let methods = &analysis.methods;
    let kind = match methods.pre_training_bias.is_some() || methods.post_training_bias.is_some() {
        true => MonitorKind::Bias,
        false => MonitorKind::Explainability,
    };
    if analysis.needs_model(false) {
        return places(analysis, attributes, kind);
    }
    located("inference_attribute", &attributes.inference)?;
    located("probability_attribute", &attributes.probability)?;
    threshold(attributes)?;
    let of_data =
        Attributes { inference: None, probability: None, probability_threshold: None, ..attributes.clone() };
    places(analysis, &of_data, kind)
}

/// Gives the configuration the places, the threshold and the columns to leave out that the attributes name.
fn places(analysis: &mut Analysis, attributes: &Attributes, kind: MonitorKind) -> Result<Vec<String>> {
    let mut warnings = Vec::new();
    if let Some(path) = given(&attributes.features) {
        // In CSV all cells of the captured input are features, whatever is given here.
        replace(
            &mut analysis.dataset.features,
            path.to_string(),
            "features",
            "features_attribute",
            &mut warnings,
        );
    }
    let inference = located("inference_attribute", &attributes.inference)?;
    let probability = located("probability_attribute", &attributes.probability)?;
    let (label, scores) = match (kind, inference, probability) {
        // The SDK names the place of the scores in `inference_attribute` of explainability monitors.
        (MonitorKind::Explainability, Some(scores), None) => (None, Some(("inference_attribute", scores))),
        (_, label, scores) => (label, scores.map(|scores| ("probability_attribute", scores))),
    };
    if label.is_some() || scores.is_some() {
        let predictor = analysis.predictor.get_or_insert_default();
        if let Some(label) = label {
            replace(&mut predictor.label, label, "predictor.label", "inference_attribute", &mut warnings);
        }
        if let Some((attribute, scores)) = scores {
            replace(&mut predictor.probability, scores, "predictor.probability", attribute, &mut warnings);
        }
    }
    if let Some((threshold, text)) = threshold(attributes)? {
        let before = analysis.given.get("probability_threshold").and_then(Json::as_f64);
        if before.is_some_and(|before| before != threshold) {
            let attribute = "probability_threshold_attribute";
            warnings.push(disagreement("probability_threshold", attribute, text));
        }
        analysis.probability_threshold = threshold;
        analysis.threshold_given = true;
    }
    if let Some(names) = given(&attributes.exclude_features) {
        for name in names.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            let column = name.parse().map_or_else(|_| Location::Name(name.into()), Location::Index);
            if !analysis.dataset.excluded_columns.contains(&column) {
                analysis.dataset.excluded_columns.push(column);
            }
        }
    }
    Ok(warnings)
}

/// That a completed configuration fits the format of the data, which the data themselves told.
///
/// # Errors
/// `CONFIG_SCHEMA`.
pub fn check_format(analysis: &Analysis) -> Result<()> {
    match faults::problem(&rules::of_format(analysis), None) {
        Some(problem) => Err(problem),
        None => Ok(()),
    }
}

fn methods(analysis: &mut Analysis, kind: MonitorKind) -> Result<()> {
    let faults = match kind {
        MonitorKind::Bias => {
            let methods = &mut analysis.methods;
            if methods.pre_training_bias.is_none() && methods.post_training_bias.is_none() {
                methods.pre_training_bias = Some(all_metrics(PRE_TRAINING));
                methods.post_training_bias = Some(all_metrics(POST_TRAINING));
            }
            match &analysis.given {
                Json::Object(map) => rules::needs_of_bias(analysis, map),
                _ => Vec::new(),
            }
        }
        MonitorKind::Explainability if analysis.methods.shap.is_none() => vec![faults::Fault::missing(
            "methods.shap",
            "an explainability monitor computes attributions; for instance {\"methods\": {\"shap\": {}}}",
        )],
        MonitorKind::Explainability => Vec::new(),
    };
    match faults::problem(&faults, None) {
        Some(problem) => Err(problem),
        None => Ok(()),
    }
}

fn given(value: &Option<String>) -> Option<&str> {
    value.as_deref().map(str::trim).filter(|value| !absent(OsStr::new(value)))
}

/// The threshold, and how it is written.
fn threshold(attributes: &Attributes) -> Result<Option<(f64, &str)>> {
    let Some(text) = given(&attributes.probability_threshold) else { return Ok(None) };
    let number = text.parse().ok().filter(|number: &f64| number.is_finite());
    let number =
        number.ok_or_else(|| invalid("probability_threshold_attribute", text, "a number such as 0.5"))?;
    Ok(Some((number, text)))
}

/// A text of digits is a position, any other a JMESPath.
fn located(setting: &str, value: &Option<String>) -> Result<Option<Location>> {
    let Some(text) = given(value) else { return Ok(None) };
    if let Ok(idx) = text.parse() {
        return Ok(Some(Location::Index(idx)));
    }
    check_path(setting, text)?;
    Ok(Some(Location::Name(text.into())))
}

fn check_path(setting: &str, path: &str) -> Result<()> {
    match rules::jmespath(setting, path) {
        None => Ok(()),
        Some(fault) => Err(invalid(setting, path, &fault.expected.unwrap_or_default())),
    }
}

fn invalid(setting: &str, found: &str, expected: &str) -> Problem {
    Problem::new(&codes::SETTING_INVALID, "cannot read the job's settings")
        .field(setting)
        .found(shown(&Json::from(found)))
        .expected(expected)
}

fn replace<T: Display>(slot: &mut Option<T>, value: T, key: &str, setting: &str, warnings: &mut Vec<String>) {
    // A position as a string, in the configuration of a CSV monitor, says the same as its number.
    if slot.as_ref().is_some_and(|before| before.to_string() != value.to_string()) {
        warnings.push(disagreement(key, setting, &value.to_string()));
    }
    *slot = Some(value);
}

fn disagreement(key: &str, setting: &str, value: &str) -> String {
    format!(
        "`{key}` of the configuration differs from the setting `{setting}`; the setting `{value}` is used"
    )
}
