//! Settings that are given and change nothing in this run: each is told, in the job and in the dry run. The one list of them for
//! analyses of bias and attributions.

use plumbline_common::contract;
use plumbline_common::job::Job;

use crate::config::{Analysis, DatasetFormat};
use crate::settings::{DriftRule, Settings, ValueTyping};

/// Rows of the smallest segment of data quality, where no setting says how many.
const SEGMENT_ROWS: u64 = 100;

/// Settings of the hosted analyzer that change nothing in any run.
pub(crate) fn of_any(job: &Job) -> Vec<String> {
    let given = |name: &str| contract::variable(name).or_else(|| job.config.setting(name).map(Into::into));
    let names = ["detect_outliers", "detect_drift", "image_data", "report_enabled", "auto_ml_job_detail"];
    let unused = names.into_iter().filter(|name| given(name).is_some());
    let unused = unused.map(|name| format!("the setting `{name}` has no effect"));
    // The platform reads both at these places only, which the hosted analyzer's defaults name.
    let (message, metrics) = (job.tree.message_path(), job.tree.cloudwatch_path());
    let places = [
        ("output_message_file", "the exit message", message.as_path()),
        ("cloudwatch_metrics_directory", "metric lines", metrics.parent().unwrap_or(&metrics)),
    ];
    let elsewhere = places.into_iter().filter_map(|(name, what, place)| {
        let other = job.tree.resolve(given(name)?);
        let told = || {
            format!("the setting `{name}` has no effect: {what} always has its place at {}", place.display())
        };
        (other != place).then(told)
    });
    unused.chain(elsewhere).collect()
}

/// What an analysis reads, which says what it uses.
pub(super) struct Reads {
    pub(super) monitor: bool,
    pub(super) captures: bool,
    /// The configuration itself names the label.
    pub(super) label_is_given: bool,
}

/// The settings that an analysis of bias or attributions does not use. `analysis`: as they have completed it.
pub(super) fn of_analysis(job: &Job, settings: &Settings, analysis: &Analysis, reads: &Reads) -> Vec<String> {
    let mut unused = of_any(job);
    if !reads.captures {
        of_captures(settings, analysis, reads, &mut telling(&mut unused));
    }
    unused
}

/// Takes a setting by its name, and tells why it has no effect, if it is given.
fn telling(unused: &mut Vec<String>) -> impl FnMut(&str, bool, &str) {
    move |name, is_given, why| {
        if is_given {
            unused.push(format!("the setting `{name}` has no effect: {why}"));
        }
    }
}

/// The settings of other monitors that an analysis of bias or attributions does not use, beside their baselines; none beside another
/// monitor, which may use them.
pub(super) fn of_other_monitors(settings: &Settings) -> Vec<String> {
    let mut unused = Vec::new();
    if settings.among_others {
        return unused;
    }
    of_quality(settings, &mut telling(&mut unused));
    unused
}

/// Those that say where something stands in captured records, of data that are none.
fn of_captures(
    settings: &Settings,
    analysis: &Analysis,
    reads: &Reads,
    tell: &mut impl FnMut(&str, bool, &str),
) {
    let asks_model = analysis.needs_model(false);
    let of_json = matches!(analysis.dataset.format, Some(DatasetFormat::JsonLines | DatasetFormat::Json));
    let tables = "columns of CSV and Parquet are found by `headers`, `label` and positions";
    tell("features_attribute", settings.features_attribute.is_some() && !of_json, tables);
    let no_model = "no model is asked, and the data are no captured records";
    tell("inference_attribute", settings.inference_attribute.is_some() && !asks_model, no_model);
    tell("probability_attribute", settings.probability_attribute.is_some() && !asks_model, no_model);
    let threshold = settings.probability_threshold_attribute.is_some();
    tell("probability_threshold_attribute", threshold && !asks_model, no_model);
    let truth = settings.ground_truth_attribute.as_deref();
    let is_label = reads.monitor
        && !reads.label_is_given
        && truth.is_some_and(|text| text.trim().parse::<usize>().is_err());
    let of_dataset = "the label of a dataset is `label` of the configuration";
    tell("ground_truth_attribute", truth.is_some() && !is_label, of_dataset);
    let by_type = "`dataset_type` of the configuration says what the data are";
    tell("dataset_format", !reads.monitor && settings.dataset_format.is_some(), by_type);
    let by_uri = "`dataset_uri` of the configuration names the data";
    tell("dataset_source", settings.dataset_source.is_some() && analysis.dataset.uri.is_some(), by_uri);
}

/// Those of the quality monitors.
fn of_quality(settings: &Settings, tell: &mut impl FnMut(&str, bool, &str)) {
    let is_given = [
        ("problem_type", settings.problem_type.is_some()),
        ("positive_label", settings.positive_label.is_some()),
        ("constraint_margin", settings.constraint_margin.is_some()),
        ("segment_columns", settings.segment_columns.is_some()),
        ("segment_attributes", settings.segment_attributes.is_some()),
        ("segment_minimum_rows", settings.segment_minimum_rows != SEGMENT_ROWS),
        ("attributions", settings.attributions.is_some()),
        ("estimate_without_labels", settings.estimate_without_labels.on()),
        ("drift_rule", settings.drift_rule != DriftRule::Deequ),
        ("value_typing", settings.value_typing != ValueTyping::Spelling),
        ("data_quality_monitoring_config", settings.data_quality_monitoring_config.is_some()),
        ("categorical_drift_method", settings.categorical_drift_method.is_some()),
        ("compat", settings.compat.is_some()),
        ("columns", settings.columns.is_some()),
        ("record_preprocessor_script", settings.record_preprocessor_script.is_some()),
        ("post_analytics_processor_script", settings.post_analytics_processor_script.is_some()),
    ];
    for (name, is_given) in is_given {
        tell(name, is_given, "only the quality monitors use it");
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use clap::Parser as _;
    use plumbline_common::contract::{Hosts, JobConfig, Tree};
    use plumbline_common::stop::Stop;
    use serde_json::json;

    use super::*;
    use crate::config::check::{self, Kind};
    use crate::settings::Cli;

    /// Settings that say where something stands in captured records, or where the data are and what they are.
    const GIVEN: [(&str, &str); 7] = [
        ("features_attribute", "f"),
        ("inference_attribute", "p"),
        ("probability_attribute", "2"),
        ("probability_threshold_attribute", "0.3"),
        ("ground_truth_attribute", "y"),
        ("dataset_format", "{\"csv\":{}}"),
        ("dataset_source", "/data"),
    ];

    /// The settings that are told, of these alone or of all of them.
    fn told(given: &[(&str, &str)], analysis: &Analysis, reads: &Reads) -> BTreeSet<String> {
        let arguments: Vec<String> =
            given.iter().map(|(name, value)| format!("--{}={value}", name.replace('_', "-"))).collect();
        let settings =
            Cli::try_parse_from(std::iter::once("analyzer-job".into()).chain(arguments)).unwrap().settings;
        let job = Job {
            tree: Tree::at(Path::new("/opt/ml")),
            config: JobConfig::default(),
            hosts: Hosts::default(),
            stop: Stop::default(),
            for_people: false,
        };
        let told = of_analysis(&job, &settings, analysis, reads);
        let name = |text: &String| {
            let (name, why) = text.strip_prefix("the setting `")?.split_once("` has no effect: ")?;
            (!why.is_empty()).then(|| name.to_string())
        };
        told.iter().map(|text| name(text).unwrap_or_else(|| panic!("{text}"))).collect()
    }

    /// Each setting in each kind of data: one with an effect is not told, one without is.
    #[test]
    fn settings_of_captures_are_told_where_the_data_are_none_and_nothing_else_uses_them() {
        let formats = [
            ("text/csv", false),
            ("application/x-parquet", false),
            ("application/jsonlines", true),
            ("application/json", true),
        ];
        for ((dataset_type, is_json), monitor, model, has_uri, label_is_given) in formats
            .into_iter()
            .flat_map(|format| (0..16).map(move |n| (format, n & 1 > 0, n & 2 > 0, n & 4 > 0, n & 8 > 0)))
        {
            let mut config = json!({
                "dataset_type": dataset_type, "headers": ["a", "y"], "label": "y",
                "label_values_or_threshold": [1], "facet": [{"name_or_index": "a", "value_or_threshold": [0]}],
                "methods": {"pre_training_bias": {"methods": "all"}},
            });
            if is_json {
                config["features"] = json!("f");
            }
            if model {
                config["methods"]["post_training_bias"] = json!({"methods": "all"});
                config["predictor"] = json!({"endpoint_name": "e", "content_type": "text/csv"});
            }
            if has_uri {
                config["dataset_uri"] = json!("/elsewhere");
            }
            let analysis =
                check::load(config.to_string().as_bytes(), Path::new("c.json"), Kind::Processing).unwrap();
            let reads = Reads { monitor, captures: false, label_is_given };
            let is_unused = |name: &str| match name {
                "features_attribute" => !is_json,
                "inference_attribute" | "probability_attribute" | "probability_threshold_attribute" => !model,
                "ground_truth_attribute" => !monitor || label_is_given,
                "dataset_format" => !monitor,
                _ => has_uri,
            };
            let what = format!("{dataset_type}, {monitor} {model} {has_uri} {label_is_given}");
            for given in GIVEN {
                assert_eq!(
                    told(&[given], &analysis, &reads).contains(given.0),
                    is_unused(given.0),
                    "{given:?}, {what}"
                );
            }
            let expected: BTreeSet<String> =
                GIVEN.iter().map(|(name, _)| name.to_string()).filter(|name| is_unused(name)).collect();
            assert_eq!(told(&GIVEN, &analysis, &reads), expected, "{what}");
            // A position is a place in CSV, and no path to a label.
            let position = told(&[("ground_truth_attribute", "1")], &analysis, &reads);
            assert_eq!(position.len(), 1, "{what}");
            // Captured records use all of them.
            let reads = Reads { captures: true, ..reads };
            assert_eq!(told(&GIVEN, &analysis, &reads), BTreeSet::new(), "{what}");
        }
    }
}
