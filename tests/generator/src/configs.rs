//! The analysis configurations that fit the generated data, as the SageMaker SDK would write them.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use crate::credit::{FACET, FEATURES, LABEL, PREDICTED, SCORE, STRATA, typical_json};
use crate::dataset::{Format, columns};

/// Samples of the model per explained row.
const SAMPLES: u64 = 100;
const CONTENT_TEMPLATE: &str = "{\"features\":$features}";
const RECORDS_TEMPLATE: &str = "{\"instances\":$records}";

/// Writes `bias-baseline.json`, `bias-model-baseline.json`, `bias-monitor.json`,
/// `explainability-baseline.json` and `explainability-monitor.json` for datasets of this format and traffic
/// of the like. `metrics`: the post-training metrics, all when empty.
///
/// # Errors
/// A file cannot be written.
pub fn write(format: Format, metrics: &[String], folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let files = [
        ("bias-baseline.json", bias_baseline(format, metrics)),
        ("bias-model-baseline.json", bias_model_baseline(format, metrics)),
        ("bias-monitor.json", bias_monitor(format, metrics)),
        ("explainability-baseline.json", explainability_baseline(format)),
        ("explainability-monitor.json", explainability_monitor(format)),
    ];
    for (name, config) in files {
        let path = folder.join(name);
        fs::write(&path, format!("{config:#}\n"))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// Bias of a dataset that holds the model's predictions.
pub fn bias_baseline(format: Format, metrics: &[String]) -> Value {
    let mut config = dataset(format, true);
    config.extend(judged());
    config.insert("predicted_label".into(), json!(path(format, PREDICTED)));
    config.insert("methods".into(), bias_methods(metrics));
    config.into()
}

/// Bias of a dataset whose predictions the model makes.
pub fn bias_model_baseline(format: Format, metrics: &[String]) -> Value {
    let mut config = dataset(format, false);
    config.extend(judged());
    config.insert("methods".into(), bias_methods(metrics));
    let mut predictor = predictor(format);
    let label = match format {
        Format::Csv | Format::Parquet => json!(0),
        Format::JsonLines => json!(PREDICTED),
        Format::Json => json!(format!("predictions[*].{PREDICTED}")),
    };
    predictor.insert("label".into(), label);
    config.insert("predictor".into(), predictor.into());
    config.into()
}

fn bias_methods(metrics: &[String]) -> Value {
    let post = if metrics.is_empty() { json!("all") } else { json!(metrics) };
    json!({
        "report": report(),
        "pre_training_bias": {"methods": "all"},
        "post_training_bias": {"methods": post},
    })
}

/// Bias of merged traffic; what the bias monitor of the SDK uploads.
pub fn bias_monitor(format: Format, metrics: &[String]) -> Value {
    let mut config = judged();
    if !metrics.is_empty() {
        config.insert("methods".into(), bias_methods(metrics));
    }
    config.insert("headers".into(), json!(columns(false)));
    config.insert("label".into(), json!(path(format, LABEL)));
    config.into()
}

/// Attributions of a dataset without predictions.
pub fn explainability_baseline(format: Format) -> Value {
    let mut config = dataset(format, false);
    config.extend(attributions(format));
    config.into()
}

/// Attributions of captured traffic.
pub fn explainability_monitor(format: Format) -> Value {
    let mut config = attributions(format);
    let features: Vec<_> = FEATURES.iter().map(|feature| feature.name).collect();
    config.insert("headers".into(), json!(features));
    config.into()
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn report() -> Value {
    json!({"name": "report", "title": "Credit model"})
}

/// Where a value beside the features stands: a column's name, or a path into the records.
fn path(format: Format, name: &str) -> String {
    match format {
        Format::Csv | Format::Parquet | Format::JsonLines => name.into(),
        Format::Json => format!("instances[*].{name}"),
    }
}

fn content_type(format: Format) -> &'static str {
    match format {
        Format::Csv => "text/csv",
        Format::JsonLines => "application/jsonlines",
        Format::Json => "application/json",
        Format::Parquet => "application/x-parquet",
    }
}

fn tabular(format: Format) -> bool {
    matches!(format, Format::Csv | Format::Parquet)
}

fn dataset(format: Format, predictions: bool) -> Map<String, Value> {
    let mut config = object(json!({"dataset_type": content_type(format)}));
    if tabular(format) {
        config.insert("headers".into(), json!(columns(predictions)));
        if predictions {
            config.insert("excluded_columns".into(), json!([SCORE]));
        }
    } else {
        config.insert("features".into(), json!(path(format, "features")));
        let mut headers = columns(false);
        headers.extend(predictions.then_some(PREDICTED));
        config.insert("headers".into(), json!(headers));
    }
    config.insert("label".into(), json!(path(format, LABEL)));
    config
}

fn judged() -> Map<String, Value> {
    object(json!({
        "label_values_or_threshold": [1],
        "facet": [{"name_or_index": FACET.0, "value_or_threshold": [FACET.1]}],
        "group_variable": STRATA,
    }))
}

/// How the model is asked. The endpoint's name is a placeholder: without AWS the model is reached by the
/// setting `model_url`.
fn predictor(format: Format) -> Map<String, Value> {
    let content = if tabular(format) { Format::Csv } else { format };
    let mut predictor = object(json!({
        "endpoint_name": crate::traffic::ENDPOINT,
        "content_type": content_type(content),
        "accept_type": content_type(content),
    }));
    match content {
        Format::JsonLines => {
            predictor.insert("content_template".into(), json!(CONTENT_TEMPLATE));
        }
        Format::Json => {
            predictor.insert("content_template".into(), json!(RECORDS_TEMPLATE));
            predictor.insert("record_template".into(), json!(CONTENT_TEMPLATE));
        }
        Format::Csv | Format::Parquet => {}
    }
    predictor
}

fn attributions(format: Format) -> Map<String, Value> {
    let mut predictor = predictor(format);
    let typical: Value = serde_json::from_str(&typical_json()).unwrap_or_default();
    let baseline = match format {
        Format::JsonLines => {
            predictor.insert("probability".into(), json!(SCORE));
            json!([{"features": typical}])
        }
        Format::Json => {
            predictor.insert("probability".into(), json!(format!("predictions[*].{SCORE}")));
            json!({"instances": [{"features": typical}]})
        }
        Format::Csv | Format::Parquet => {
            predictor.insert("probability".into(), json!(1));
            json!([typical])
        }
    };
    let shap = json!({
        "baseline": baseline,
        "num_samples": SAMPLES,
        "agg_method": "mean_abs",
        "use_logit": false,
        "save_local_shap_values": true,
        "seed": 1,
    });
    object(json!({"methods": {"report": report(), "shap": shap}, "predictor": predictor}))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORMATS: [Format; 4] = [Format::Csv, Format::JsonLines, Format::Json, Format::Parquet];

    #[test]
    fn headers_of_tables_are_their_columns_and_those_of_json_end_in_the_labels() {
        for format in FORMATS {
            let headers = bias_baseline(format, &[])["headers"].as_array().unwrap().len();
            assert_eq!(headers, if tabular(format) { 17 } else { 16 });
            assert_eq!(explainability_baseline(format)["headers"].as_array().unwrap().len(), 15);
        }
    }

    #[test]
    fn attributions_start_from_the_typical_applicant_in_the_form_of_the_dataset() {
        let shap = |format| explainability_monitor(format)["methods"]["shap"]["baseline"].clone();
        assert_eq!(shap(Format::Csv)[0][1], "male");
        assert_eq!(shap(Format::JsonLines)[0]["features"][0], 42);
        assert_eq!(shap(Format::Json)["instances"][0]["features"].as_array().unwrap().len(), 14);
    }

    #[test]
    fn metrics_can_be_chosen_and_the_model_be_asked_for_the_label() {
        let metrics = ["FT".to_string()];
        let chosen = bias_model_baseline(Format::Csv, &metrics);
        assert_eq!(chosen["methods"]["post_training_bias"]["methods"], json!(["FT"]));
        assert_eq!(chosen["predictor"]["label"], 0);
        assert!(bias_monitor(Format::Csv, &[]).get("methods").is_none());
    }

    #[test]
    fn five_files_are_written() {
        let folder = tempfile::tempdir().unwrap();
        write(Format::JsonLines, &[], folder.path()).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 5);
    }
}
