//! Whole configurations: what loads, what is refused, and with which words.

use std::path::Path;

use plumbline_common::{Problem, codes};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::check::{Kind, load};
use super::monitoring::{Attributes, MonitorKind, complete, places_in_dataset};
use super::*;

fn bias_csv() -> Json {
    json!({
        "dataset_type": "TEXT/CSV", "label": "y", "label_values_or_threshold": [1],
        "facet": [{"name_or_index": "sex", "value_or_threshold": ["f"]}, {"name_or_index": 3}],
        "predicted_label": 5, "group_variable": "dept",
        "methods": {"pre_training_bias": {"methods": "all"}, "post_training_bias": {"methods": ["DI", "AD", "DI"]}}
    })
}

fn shap_json_lines() -> Json {
    json!({
        "version": "1.0", "dataset_type": "application/jsonlines", "features": "features", "label": "label",
        "headers": ["a", "b", "y"],
        "methods": {
            "shap": {"baseline": [{"features": [0, null]}], "num_samples": 20, "agg_method": "MEDIAN", "seed": 3,
                     "use_logit": true, "save_local_shap_values": true, "features_to_explain": ["a", 1]},
            "pdp": {"grid_resolution": 10}, "report": {"name": "mine", "title": "Mine"}},
        "predictor": {"model_name": "m", "instance_type": "ml.m5.large", "initial_instance_count": 1,
                      "endpoint_name_prefix": "team-a", "custom_attributes": "tenant=7",
                      "content_type": "application/jsonlines", "content_template": "{\"features\":$features}",
                      "probability": "score", "label_headers": ["no", 1]}
    })
}

fn try_load(config: &Json, kind: Kind) -> plumbline_common::Result<Analysis> {
    let text = serde_json::to_vec_pretty(config).unwrap();
    load(&text, Path::new("analysis_config.json"), kind)
}

fn loaded(config: &Json) -> Analysis {
    try_load(config, Kind::Processing).unwrap_or_else(|problem| panic!("{problem}"))
}

/// The configuration with one value set at a JSON pointer, or removed when it is none.
fn with(mut config: Json, pointer: &str, value: Option<Json>) -> Json {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let map = config.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    match value {
        Some(value) => map.insert(key.into(), value),
        None => map.shift_remove(key),
    };
    config
}

/// The configuration is refused at this key path, and the message holds all the parts.
#[track_caller]
fn refused(config: &Json, path: &str, parts: &[&str]) -> Problem {
    let problem = try_load(config, Kind::Processing).expect_err("it loads");
    let text = problem.to_string();
    assert_eq!(problem.place().field.as_deref(), Some(path), "{text}");
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in {text}");
    }
    problem
}

/// By name, by position, and where a header is a number as text.
#[test]
fn a_facet_that_is_the_label_is_refused() {
    let csv = |label: Json, predicted: Json, facet: Json, headers: Json| {
        let config = with(bias_csv(), "/label", Some(label));
        let config = with(config, "/predicted_label", Some(predicted));
        let config =
            with(config, "/facet", Some(json!([{"name_or_index": "sex"}, {"name_or_index": facet}])));
        with(config, "/headers", Some(headers).filter(|headers| !headers.is_null()))
    };
    let headers = json!(["0", "y", "sex", "p"]);
    for (label, predicted, facet, headers, column) in [
        (json!("y"), json!("p"), json!("y"), Json::Null, "label"),
        (json!(0), json!("p"), json!(0), Json::Null, "label"),
        (json!(0), json!("p"), json!("0"), headers.clone(), "label"),
        (json!("0"), json!("p"), json!(0), headers.clone(), "label"),
        (json!("y"), json!(3), json!("p"), headers.clone(), "predicted_label"),
    ] {
        let config = csv(label, predicted, facet, headers);
        refused(
            &config,
            "facet[1].name_or_index",
            &[&format!("the column of `{column}`"), "sensitive attribute"],
        );
    }
    // The position 0 is not the column named 0, and a path is no column.
    loaded(&csv(json!(1), json!("p"), json!("0"), headers));
    let config = json!({
        "dataset_type": "application/jsonlines", "features": "features", "label": "y", "headers": ["y", "sex", "z"],
        "label_values_or_threshold": [1], "facet": [{"name_or_index": "y"}],
        "methods": {"pre_training_bias": {"methods": "all"}},
    });
    loaded(&config);
}

#[test]
fn a_bias_configuration_is_read_with_its_defaults() {
    let analysis = loaded(&bias_csv());
    assert_eq!(analysis.dataset.format, Some(DatasetFormat::Csv));
    assert_eq!(analysis.label, Some(Location::Name("y".into())));
    assert_eq!(analysis.predicted_label, Some(Location::Index(5)));
    assert_eq!(analysis.label_values_or_threshold, [Scalar::Int(1)]);
    assert_eq!(analysis.probability_threshold, 0.5);
    assert_eq!(analysis.facets[1], Facet { column: Location::Index(3), values: vec![] });
    let methods = &analysis.methods;
    let all = ["CDDL", "CI", "DPL", "JS", "KL", "KS", "LP", "TVD"];
    assert_eq!(methods.pre_training_bias.as_deref(), Some(all.as_slice()));
    assert_eq!(methods.post_training_bias.as_deref(), Some(["AD", "DI"].as_slice()));
    assert_eq!(methods.report.name, "report");
    assert_eq!(methods.report.title, "SageMaker Analysis Report");
    assert!(!analysis.needs_model(false));
}

#[test]
fn an_explanation_configuration_is_read() {
    let analysis = loaded(&shap_json_lines());
    let shap = analysis.methods.shap.clone().unwrap();
    assert!(matches!(shap.baseline, Baseline::Inline(_)));
    assert_eq!((shap.num_samples, shap.seed, shap.aggregation), (Some(20), Some(3), Aggregation::Median));
    assert_eq!(shap.features_to_explain, [Location::Name("a".into()), Location::Index(1)]);
    assert_eq!(analysis.methods.pdp.as_ref().unwrap().top_k_features, 10);
    let predictor = analysis.predictor.as_ref().unwrap();
    let Target::Model(endpoint) = &predictor.target else { panic!("{predictor:?}") };
    assert_eq!((endpoint.name_prefix.as_str(), endpoint.initial_instance_count), ("team-a", 1));
    assert_eq!(predictor.label_headers, Some(vec!["no".to_string(), "1".to_string()]));
    assert!(analysis.needs_model(true));
    rules::model(&analysis, false, false).unwrap();
    let told = with(shap_json_lines(), "/predictor/custom_attributes", Some(json!("***")));
    assert_eq!((analysis.given.clone(), analysis.without_secrets()), (shap_json_lines(), told));
}

#[test]
fn numbers_of_lists_keep_their_kind() {
    let config = with(bias_csv(), "/label_values_or_threshold", Some(json!([1, 1.0, "1", 1e20])));
    let values = loaded(&config).label_values_or_threshold;
    assert_eq!(values.iter().map(Scalar::to_string).collect::<Vec<_>>(), ["1", "1.0", "1", "1e+20"]);
}

#[test]
fn what_is_no_json_object_is_told_with_its_line() {
    let file = Path::new("c.json");
    for (text, line) in [
        ("{\"a\":\n 1,}", Some(2)),
        ("", None),
        ("[1]", None),
        ("{\"a\": NaN}", Some(1)),
        ("{} {}", Some(1)),
        ("{\"a\": 1,\n\"a\": 2}", Some(2)),
    ] {
        let problem = load(text.as_bytes(), file, Kind::Processing).unwrap_err();
        assert_eq!(problem.code(), &codes::CONFIG_NOT_JSON, "{text}");
        assert!(problem.to_string().contains("Unable to load analysis configuration as JSON."));
        if line.is_some() {
            assert_eq!(problem.place().line, line, "{text}");
        }
    }
    assert_eq!(load(b"\xff{}", file, Kind::Processing).unwrap_err().code(), &codes::CONFIG_NOT_JSON);
}

#[test]
fn a_byte_order_mark_is_no_error() {
    let text = format!("\u{feff}{}", bias_csv());
    load(text.as_bytes(), Path::new("c.json"), Kind::Processing).unwrap();
}

#[test]
fn unknown_keys_are_named_with_the_key_that_was_meant() {
    let schema = "Analysis configuration schema validation error.";
    refused(&with(bias_csv(), "/foo", Some(json!(1))), "foo", &[schema, "Wrong key 'foo'"]);
    let config = with(shap_json_lines(), "/methods/shap/num_sample", Some(json!(3)));
    let problem = refused(&config, "methods.shap.num_sample", &[schema, "did you mean `num_samples`?"]);
    assert_eq!(problem.place().file.as_deref(), Some(Path::new("analysis_config.json")));
    // The line of the very key, in the pretty printed text.
    let text = serde_json::to_string_pretty(&config).unwrap();
    let line = text.lines().position(|line| line.contains("num_sample\"")).unwrap() as u64 + 1;
    assert_eq!(problem.place().line, Some(line));
    let config = with(bias_csv(), "/facet", Some(json!([{"name_or_index": "a"}, {"name": "b"}])));
    refused(
        &config,
        "facet[1].name",
        &["Wrong key 'name' in 'facet[1]'", "one more problem stands in the log"],
    );
    refused(
        &with(bias_csv(), "/methods/shapley", Some(json!({}))),
        "methods.shapley",
        &["did you mean `shap`?"],
    );
}

#[test]
fn missing_keys_are_named() {
    refused(&with(bias_csv(), "/dataset_type", None), "dataset_type", &["Missing key: 'dataset_type'"]);
    refused(&with(bias_csv(), "/methods", None), "methods", &["Missing key: 'methods'"]);
    refused(&with(bias_csv(), "/methods", Some(json!({}))), "methods", &["at least one method"]);
    let report_only = json!({"report": {"name": "r"}});
    refused(&with(bias_csv(), "/methods", Some(report_only)), "methods", &["at least one method"]);
    refused(&with(bias_csv(), "/label", None), "label", &["Missing key: 'label'"]);
    refused(&with(bias_csv(), "/facet", None), "facet", &["Missing key: 'facet'"]);
    let key = "label_values_or_threshold";
    refused(&with(bias_csv(), "/label_values_or_threshold", None), key, &["Missing key"]);
    refused(&with(shap_json_lines(), "/features", None), "features", &["Missing key: 'features'"]);
    refused(&with(shap_json_lines(), "/methods/shap", None), "methods.pdp.features", &["Missing key"]);
}

#[test]
fn wrong_types_are_told_with_found_and_expected() {
    let cases: &[(&str, Json, &str)] = &[
        ("/version", json!(1.0), "version"),
        ("/version", json!("2.0"), "version"),
        ("/label", json!(true), "label"),
        ("/label", json!(-1), "label"),
        ("/label", json!(1.0), "label"),
        ("/label", json!(null), "label"),
        ("/label_values_or_threshold", json!(0.5), "label_values_or_threshold"),
        ("/label_values_or_threshold", json!([true]), "label_values_or_threshold[0]"),
        ("/facet", json!({"name_or_index": "a"}), "facet"),
        (
            "/facet",
            json!([{"name_or_index": "a", "value_or_threshold": null}]),
            "facet[0].value_or_threshold",
        ),
        ("/facet", json!([{"name_or_index": "a", "value_or_threshold": 3}]), "facet[0].value_or_threshold"),
        ("/headers", json!("a,b"), "headers"),
        ("/headers", json!(["a", 1]), "headers[1]"),
        ("/dataset_type", json!("csv"), "dataset_type"),
        ("/probability_threshold", json!("0.5"), "probability_threshold"),
        ("/methods", json!([]), "methods"),
        ("/methods", json!({"pre_training_bias": {"methods": 1}}), "methods.pre_training_bias.methods"),
        ("/methods", json!({"shap": {"num_samples": "auto"}}), "methods.shap.num_samples"),
        ("/methods", json!({"shap": {"num_samples": 0}}), "methods.shap.num_samples"),
        ("/methods", json!({"shap": {"use_logit": 1}}), "methods.shap.use_logit"),
        ("/methods", json!({"shap": {"agg_method": "mean"}}), "methods.shap.agg_method"),
        ("/methods", json!({"shap": {"baseline": [1, 2]}}), "methods.shap.baseline"),
        ("/methods", json!({"pdp": {"grid_resolution": 1.5}}), "methods.pdp.grid_resolution"),
        (
            "/segment_config",
            json!([{"name_or_index": "a", "segments": ["[1, 2]"]}]),
            "segment_config[0].segments[0]",
        ),
    ];
    for (pointer, value, path) in cases {
        let config = with(bias_csv(), pointer, Some(value.clone()));
        refused(
            &config,
            path,
            &["Analysis configuration schema validation error. Key '", "found ", "expected "],
        );
    }
    let config = with(bias_csv(), "/probability_threshold", Some(json!(1)));
    assert_eq!(loaded(&config).probability_threshold, 1.0);
}

/// The lengths that docs/configuration.md promises.
#[test]
fn prefix_and_attributes_have_their_lengths() {
    for (key, least, most) in [("endpoint_name_prefix", 2, 23), ("custom_attributes", 1, 1024)] {
        let of = |length| {
            let text = Some(json!("x".repeat(length)));
            with(shap_json_lines(), &format!("/predictor/{key}"), text)
        };
        loaded(&of(least));
        loaded(&of(most));
        refused(&of(most + 1), &format!("predictor.{key}"), &["found ", "expected ", "hint: "]);
    }
    let of_one = with(shap_json_lines(), "/predictor/endpoint_name_prefix", Some(json!("x")));
    refused(&of_one, "predictor.endpoint_name_prefix", &["2 to 23"]);
}

#[test]
fn combinations_that_cannot_work_are_refused() {
    let csv: &[(&str, Json, &str)] = &[
        ("/label_values_or_threshold", json!([]), "label_values_or_threshold"),
        ("/facet", json!([]), "facet"),
        ("/headers", json!(["a", "b", "a"]), "headers[2]"),
        ("/methods/report", json!({"name": "../x"}), "methods.report.name"),
        ("/methods/report", json!({"name": ""}), "methods.report.name"),
        ("/methods/shap", json!({"baseline": [[1]], "num_clusters": 2}), "methods.shap.num_clusters"),
        ("/methods/shap", json!({"baseline": [[1, 2], [3]]}), "methods.shap.baseline[1]"),
        ("/methods/shap", json!({"baseline": [[1, [2]]]}), "methods.shap.baseline[0]"),
        ("/methods/shap", json!({"baseline": []}), "methods.shap.baseline"),
        ("/methods/shap", json!({"baseline": {"instances": []}}), "methods.shap.baseline"),
        ("/segment_config", json!([{"name_or_index": "a", "segments": []}]), "segment_config[0].segments"),
        (
            "/segment_config",
            json!([{"name_or_index": "a", "segments": [["(5, 2]"]]}]),
            "segment_config[0].segments[0]",
        ),
        (
            "/segment_config",
            json!([{"name_or_index": "a", "segments": [["x"], ["y"]], "display_aliases": ["x"]}]),
            "segment_config[0].display_aliases",
        ),
    ];
    for (pointer, value, path) in csv {
        refused(&with(bias_csv(), pointer, Some(value.clone())), path, &["found ", "expected ", "hint: "]);
    }
    let json_lines: &[(&str, Json, &str)] = &[
        ("/label", json!(2), "label"),
        ("/label", json!("a b["), "label"),
        ("/features", json!("["), "features"),
        ("/facet_dataset_uri", json!("s3://b/k"), "facet_dataset_uri"),
        ("/methods/shap/baseline", json!([[0, 1]]), "methods.shap.baseline"),
        ("/predictor/endpoint_name_prefix", json!("-x"), "predictor.endpoint_name_prefix"),
        ("/predictor/custom_attributes", json!("naïve"), "predictor.custom_attributes"),
        ("/predictor/content_template", json!("{}"), "predictor.content_template"),
        ("/predictor/label_headers", json!([]), "predictor.label_headers"),
    ];
    for (pointer, value, path) in json_lines {
        refused(
            &with(shap_json_lines(), pointer, Some(value.clone())),
            path,
            &["found ", "expected ", "hint: "],
        );
    }
    let text = "Positive label values or thresholds are empty for Label column";
    refused(
        &with(bias_csv(), "/label_values_or_threshold", Some(json!([]))),
        "label_values_or_threshold",
        &[text],
    );
}

#[test]
fn unknown_metrics_are_told_in_the_documented_words() {
    let pre = "Invalid metric_name: metrics should be one of the registered metrics['CI', 'DPL', 'KL', 'JS', 'LP', 'TVD', 'KS', 'CDDL']";
    let post = "Invalid metric_name: metrics should be one of the registered metrics['DPPL', 'DI', 'DCA', 'DCR', 'RD', 'SD', 'DAR', 'DRR', 'AD', 'CDDPL', 'TE', 'FT', 'GE']";
    let config = with(bias_csv(), "/methods/pre_training_bias/methods", Some(json!(["CI", "XX"])));
    refused(&config, "methods.pre_training_bias.methods[1]", &[pre]);
    let config = with(bias_csv(), "/methods/post_training_bias/methods", Some(json!("di")));
    let problem = refused(&config, "methods.post_training_bias.methods", &[post, "did you mean `DI`?"]);
    assert_eq!(problem.code(), &codes::METRIC_NAME_UNKNOWN);
}

#[test]
fn what_is_not_built_is_refused_once_the_schema_is_right() {
    let cases: &[(&str, Json, &str)] = &[
        ("/dataset_type", json!("application/x-image"), "dataset_type"),
        (
            "/methods/shap/text_config",
            json!({"granularity": "Token", "language": "en"}),
            "methods.shap.text_config",
        ),
        (
            "/methods/shap/image_config",
            json!({"model_type": "IMAGE_CLASSIFICATION"}),
            "methods.shap.image_config",
        ),
        (
            "/methods/asymmetric_shapley_value",
            json!({"direction": "chronological", "granularity": "timewise", "baseline": "s3://b/k"}),
            "methods.asymmetric_shapley_value",
        ),
        ("/predictor/content_type", json!("image/jpeg"), "predictor.content_type"),
        ("/predictor/content_template", json!({"a": "b"}), "predictor.content_template"),
    ];
    for (pointer, value, path) in cases {
        let problem = refused(&with(shap_json_lines(), pointer, Some(value.clone())), path, &["yet"]);
        assert_eq!(problem.code(), &codes::CONFIG_NOT_SUPPORTED);
    }
    let config = with(shap_json_lines(), "/methods/shap/text_config", Some(json!({"granularity": "token"})));
    refused(&config, "methods.shap.text_config.language", &["Missing key: 'language'"]);
}

#[test]
fn a_second_dataset_names_its_predictions_by_default() {
    let config = with(bias_csv(), "/predicted_label", None);
    let config = with(config, "/predicted_label_dataset_uri", Some(json!("s3://b/p.csv")));
    let analysis = loaded(&config);
    assert_eq!(analysis.predicted_label, Some(Location::Name("predicted_label".into())));
    assert_eq!(analysis.dataset.predicted_label_dataset.unwrap().uri, "s3://b/p.csv");
}

#[test]
fn a_model_is_asked_for_only_where_one_is_needed() {
    let text = |config: &Json, url, captured| {
        rules::model(&loaded(config), url, captured).map_err(|problem| problem.to_string())
    };
    let config = with(bias_csv(), "/predicted_label", None);
    assert!(text(&config, false, false).unwrap_err().contains("Missing key: 'predictor'"));
    text(&config, false, true).unwrap();
    text(&with(config, "/methods/post_training_bias", None), false, false).unwrap();

    let config = with(shap_json_lines(), "/predictor", Some(json!({"content_template": "[$features]"})));
    assert!(text(&config, false, true).unwrap_err().contains("`predictor.endpoint_name`"));
    text(&config, true, true).unwrap();

    for key in ["model_name", "instance_type", "initial_instance_count"] {
        let config = with(shap_json_lines(), &format!("/predictor/{key}"), None);
        let told = text(&config, false, false).unwrap_err();
        assert!(told.contains("belong together") && told.contains(&format!("`predictor.{key}`")), "{told}");
        text(&config, true, false).unwrap();
    }

    let config = with(shap_json_lines(), "/predictor/content_template", None);
    assert!(text(&config, false, false).unwrap_err().contains("Missing key: 'content_template'"));
    let config = with(shap_json_lines(), "/predictor/content_type", Some(json!("application/json")));
    let config = with(config, "/predictor/content_template", Some(json!("{\"instances\":$records}")));
    assert!(text(&config, false, false).unwrap_err().contains("Missing key: 'record_template'"));
    let config = with(shap_json_lines(), "/predictor/accept_type", Some(json!("text/csv")));
    assert!(text(&config, false, false).unwrap_err().contains("a zero-based position"));
    let config = with(config, "/predictor/probability", Some(json!("1")));
    text(&config, false, false).unwrap();
    assert_eq!(loaded(&config).predictor.unwrap().probability, Some(Location::Index(1)));
}

/// Without `accept_type` the responses of a model are of the type of its requests, and captured ones of any.
#[test]
fn the_type_of_requests_says_nothing_of_captured_responses() {
    for (content_type, place, template) in [
        ("text/csv", json!("predictions[*].score"), "[$features]"),
        ("application/jsonlines", json!(0), "[$features]"),
        ("application/json", json!(0), "{\"instances\":$records}"),
    ] {
        let mut config = shap_json_lines();
        for (key, value) in [
            ("content_type", Some(json!(content_type))),
            ("content_template", Some(json!(template))),
            ("record_template", Some(json!("{\"features\":$features}"))),
            ("accept_type", None),
            ("label", None),
            ("probability", Some(place)),
        ] {
            config = with(config, &format!("/predictor/{key}"), value);
        }
        let analysis = loaded(&config);
        rules::model(&analysis, true, true).unwrap();
        assert!(rules::model(&analysis, true, false).is_err(), "{content_type}");
    }
}

fn bias_monitor() -> Json {
    json!({"label_values_or_threshold": [1], "facet": [{"name_or_index": "sex", "value_or_threshold": [0]}],
           "headers": ["age", "sex", "y"], "label": "label"})
}

fn some(text: &str) -> Option<String> {
    Some(text.into())
}

#[test]
fn a_bias_monitor_computes_every_metric_and_takes_places_from_its_attributes() {
    let mut analysis = try_load(&bias_monitor(), Kind::Monitoring).unwrap();
    let attributes = Attributes {
        features: some("features"),
        inference: some("predicted_label"),
        probability: some("None"),
        probability_threshold: some("0.8"),
        exclude_features: some("age, 3"),
        ..Attributes::default()
    };
    let warnings = complete(&mut analysis, &attributes, MonitorKind::Bias).unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    assert_eq!(analysis.methods.pre_training_bias.as_ref().unwrap().len(), 8);
    assert_eq!(analysis.methods.post_training_bias.as_ref().unwrap().len(), 13);
    assert_eq!(analysis.dataset.features.as_deref(), Some("features"));
    assert_eq!(analysis.probability_threshold, 0.8);
    assert_eq!(analysis.dataset.excluded_columns, [Location::Name("age".into()), Location::Index(3)]);
    let predictor = analysis.predictor.unwrap();
    assert_eq!(predictor.label, Some(Location::Name("predicted_label".into())));
    assert_eq!(predictor.probability, None);
}

/// The same settings mean the same as in a monitor; without a model there is no answer to find anything in, and only what is of the
/// data is used.
#[test]
fn an_analysis_of_a_dataset_takes_its_attributes_too() {
    let attributes = Attributes {
        inference: some("0"),
        probability_threshold: some("0.8"),
        exclude_features: some("age, 3"),
        ground_truth: some("0"),
        ..Attributes::default()
    };
    let mut config = json!({
        "dataset_type": "text/csv", "label": "y", "label_values_or_threshold": [1], "probability_threshold": 0.4,
        "facet": [{"name_or_index": "sex"}], "methods": {"post_training_bias": {"methods": "all"}},
        "predictor": {"endpoint_name": "e", "label": 1},
    });
    let load = |config: &Json| try_load(config, Kind::Processing).unwrap();
    let mut analysis = load(&config);
    let warnings = places_in_dataset(&mut analysis, &attributes).unwrap();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert_eq!((analysis.probability_threshold, &analysis.label), (0.8, &Some(Location::Name("y".into()))));
    assert_eq!(analysis.truth_position, None);
    assert_eq!(analysis.dataset.excluded_columns, [Location::Name("age".into()), Location::Index(3)]);
    assert_eq!(analysis.predictor.unwrap().label, Some(Location::Index(0)));

    config["predicted_label"] = json!("p");
    let mut analysis = load(&config);
    let warnings = places_in_dataset(&mut analysis, &attributes).unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    assert_eq!(analysis.probability_threshold, 0.4);
    assert_eq!(analysis.dataset.excluded_columns.len(), 2);
    assert_eq!(analysis.predictor.unwrap().label, Some(Location::Index(1)));

    let scores = json!({
        "dataset_type": "text/csv", "methods": {"shap": {}}, "predictor": {"endpoint_name": "e"},
    });
    let mut analysis = load(&scores);
    places_in_dataset(&mut analysis, &attributes).unwrap();
    let predictor = analysis.predictor.unwrap();
    assert_eq!((predictor.label, predictor.probability), (None, Some(Location::Index(0))));

    for wrong in [
        Attributes { probability_threshold: some("x"), ..Attributes::default() },
        Attributes { inference: some("not a path"), ..Attributes::default() },
    ] {
        let problem = places_in_dataset(&mut load(&config), &wrong).unwrap_err();
        assert_eq!(problem.code(), &codes::SETTING_INVALID);
    }
}

#[test]
fn positions_arrive_as_texts_and_what_is_neither_position_nor_path_is_refused() {
    let mut analysis = try_load(&bias_monitor(), Kind::Monitoring).unwrap();
    let attributes = Attributes { inference: some("0"), probability: some(" 1 "), ..Attributes::default() };
    complete(&mut analysis, &attributes, MonitorKind::Bias).unwrap();
    let predictor = analysis.predictor.unwrap();
    assert_eq!(
        (predictor.label, predictor.probability),
        (Some(Location::Index(0)), Some(Location::Index(1)))
    );

    let mut analysis = try_load(&bias_monitor(), Kind::Monitoring).unwrap();
    let attributes = Attributes { inference: some("not a path"), ..Attributes::default() };
    let problem = complete(&mut analysis, &attributes, MonitorKind::Bias).unwrap_err();
    assert_eq!(problem.place().field.as_deref(), Some("inference_attribute"));
}

#[test]
fn scores_of_an_explainability_monitor_may_stand_in_its_inference_attribute() {
    let config = json!({"methods": {"shap": {}}, "predictor": {"endpoint_name": "e", "probability": "old"}});
    let mut analysis = try_load(&config, Kind::Monitoring).unwrap();
    let attributes = Attributes { inference: some("score"), probability: some(""), ..Attributes::default() };
    let warnings = complete(&mut analysis, &attributes, MonitorKind::Explainability).unwrap();
    let predictor = analysis.predictor.unwrap();
    assert_eq!((predictor.label, predictor.probability), (None, Some(Location::Name("score".into()))));
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].contains("predictor.probability") && warnings[0].contains("inference_attribute"));
}

#[test]
fn settings_win_over_the_configuration_with_a_warning() {
    let config = with(bias_monitor(), "/features", Some(json!("a")));
    let config = with(config, "/probability_threshold", Some(json!(0.5)));
    let mut analysis = try_load(&config, Kind::Monitoring).unwrap();
    let attributes =
        Attributes { features: some("b"), probability_threshold: some("0.75"), ..Attributes::default() };
    let warnings = complete(&mut analysis, &attributes, MonitorKind::Bias).unwrap();
    assert_eq!(warnings.len(), 2);
    assert_eq!(analysis.dataset.features.as_deref(), Some("b"));
    let warnings = complete(&mut analysis, &attributes, MonitorKind::Bias).unwrap();
    assert_eq!(warnings.len(), 1, "the same value again is no disagreement: {warnings:?}");
}

#[test]
fn monitors_that_lack_what_they_compute_are_refused() {
    let check = |config: Json, kind, part: &str| {
        let mut analysis = try_load(&config, Kind::Monitoring).unwrap();
        let problem = complete(&mut analysis, &Attributes::default(), kind).unwrap_err();
        assert!(problem.to_string().contains(part), "{problem}");
    };
    check(with(bias_monitor(), "/facet", None), MonitorKind::Bias, "Missing key: 'facet'");
    check(bias_monitor(), MonitorKind::Explainability, "Missing key: 'shap'");
    let mut analysis = try_load(&bias_monitor(), Kind::Monitoring).unwrap();
    for (value, setting) in
        [("high", "probability_threshold_attribute"), ("inf", "probability_threshold_attribute")]
    {
        let attributes = Attributes { probability_threshold: some(value), ..Attributes::default() };
        let problem = complete(&mut analysis, &attributes, MonitorKind::Bias).unwrap_err();
        assert_eq!(problem.place().field.as_deref(), Some(setting));
    }
}

#[test]
fn the_examples_of_the_page_load() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration.md");
    let page = std::fs::read_to_string(page).unwrap();
    let examples: Vec<&str> =
        page.split("```json\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(examples.len() >= 4);
    for example in examples {
        let monitor = !example.contains("\"methods\"");
        let kind = if monitor { Kind::Monitoring } else { Kind::Processing };
        let analysis = load(example.as_bytes(), Path::new("configuration.md"), kind);
        let mut analysis = analysis.unwrap_or_else(|problem| panic!("{problem}\n{example}"));
        if monitor {
            complete(&mut analysis, &Attributes::default(), MonitorKind::Bias).unwrap();
        }
        rules::model(&analysis, false, monitor).unwrap();
    }
}

/// Values that a confused person or program might put anywhere.
fn anything() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<u64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        "[\\PC\"$\\[{]{0,12}".prop_map(Json::from),
        prop::sample::select(vec![
            "all", "CI", "text/csv", "[1, 2]", "(9, 1]", "$records", "\"${a}\"", "a[*].b", ""
        ])
        .prop_map(Json::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::hash_map("[a-z_.\\[]{0,8}", inner, 0..4)
                .prop_map(|map| Json::Object(map.into_iter().collect())),
        ]
    })
}

/// Puts the value at the place chosen among all places of the document.
fn mutate(config: &mut Json, place: usize, value: Json, remove: bool) {
    fn pointers(value: &Json, at: String, out: &mut Vec<String>) {
        let children: Vec<(String, &Json)> = match value {
            Json::Object(map) => map.iter().map(|(key, value)| (key.clone(), value)).collect(),
            Json::Array(list) => {
                list.iter().enumerate().map(|(idx, value)| (idx.to_string(), value)).collect()
            }
            _ => Vec::new(),
        };
        for (key, child) in children {
            let key = key.replace('~', "~0").replace('/', "~1");
            pointers(child, format!("{at}/{key}"), out);
        }
        out.push(at);
    }
    let mut all = Vec::new();
    pointers(config, String::new(), &mut all);
    let pointer = &all[place % all.len()];
    if remove && let Some((parent, key)) = pointer.rsplit_once('/') {
        if let Some(map) = config.pointer_mut(parent).and_then(Json::as_object_mut) {
            map.shift_remove(key);
        }
    } else if let Some(slot) = config.pointer_mut(pointer) {
        *slot = value;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn no_configuration_makes_the_checker_panic(
        base in 0..3usize,
        changes in prop::collection::vec((any::<usize>(), anything(), any::<bool>()), 1..4),
    ) {
        let mut config = [bias_csv(), shap_json_lines(), bias_monitor()][base].clone();
        for (place, value, remove) in changes {
            mutate(&mut config, place, value, remove);
        }
        for kind in [Kind::Processing, Kind::Monitoring] {
            match try_load(&config, kind) {
                Ok(mut analysis) => {
                    let _ = rules::model(&analysis, false, false);
                    let _ = complete(&mut analysis, &Attributes::default(), MonitorKind::Bias);
                }
                Err(problem) => {
                    // Each refusal says where and keeps to one place in the text.
                    let lines = serde_json::to_string_pretty(&config).unwrap().lines().count() as u64;
                    if let Some(line) = problem.place().line {
                        prop_assert!((1..=lines.max(1)).contains(&line));
                    }
                }
            }
        }
    }

    #[test]
    fn no_bytes_make_the_checker_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = load(&bytes, Path::new("c.json"), Kind::Processing);
    }
}
