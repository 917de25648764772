//! Values of the package that the hosted image computes with (`package.json`) and of the hosted image
//! itself (`observed.json`).

use plumbline_common::stop::Stop;
use serde_json::Value as Json;

use super::super::*;
use super::all_metrics;
use super::rows::{self, FacetRows};
use crate::drift::bias::{self as drift, Rule};
use crate::results::Violation;
use crate::settings::Windows;
use crate::values::table::Column;

#[track_caller]
fn check_number(what: &str, found: f64, expected: f64) {
    let close = found == expected || (found - expected).abs() <= 1e-12_f64.max(1e-9 * expected.abs());
    assert!(close, "{what}: {found} instead of {expected}");
}

/// `expected`: a section as in `analysis.json`.
#[track_caller]
fn check_section(what: &str, found: &BiasSection, facet: &str, expected: &Json) {
    let entries = &found.facets[facet];
    let expected = expected.as_array().unwrap();
    assert_eq!(entries.len(), expected.len(), "{what}");
    for (entry, expected) in entries.iter().zip(expected) {
        assert_eq!(entry.value_or_threshold, expected["value_or_threshold"].as_str().unwrap(), "{what}");
        let names: Vec<_> = entry.metrics.iter().map(|metric| metric.name.as_str()).collect();
        let metrics = expected["metrics"].as_array().unwrap();
        let expected_names: Vec<_> = metrics.iter().map(|metric| metric["name"].as_str().unwrap()).collect();
        assert_eq!(names, expected_names, "{what}");
        for (metric, expected) in entry.metrics.iter().zip(metrics) {
            let what = format!("{what} {} {}", entry.value_or_threshold, metric.name);
            assert_eq!(metric.description, expected["description"].as_str().unwrap(), "{what}");
            assert_eq!(metric.error.as_deref(), expected["error"].as_str(), "{what}");
            match (metric.value, &expected["value"]) {
                (None, Json::Null) => {}
                (Some(value), Json::String(text)) => assert_eq!(value.to_string(), *text, "{what}"),
                (Some(value), number) => check_number(&what, value.value(), number.as_f64().unwrap()),
                (value, expected) => panic!("{what}: {value:?} instead of {expected}"),
            }
        }
    }
}

fn flips(facets: &[FacetRows], features: &[&Column], predicted: &[bool]) -> Vec<FlipOutcome> {
    let flip = |facet: &FacetRows| flip_test(features, &facet.mask, predicted, &Stop::default()).unwrap();
    facets.iter().map(flip).collect()
}

fn list(values: &Json) -> &[Json] {
    values.as_array().map_or(&[], Vec::as_slice)
}

#[test]
fn every_case_of_the_package_is_reproduced() {
    let golden: Json = serde_json::from_str(include_str!("package.json")).unwrap();
    let cases = list(&golden["cases"]);
    assert_eq!(cases.len(), 25);
    for case in cases {
        let id = case["id"].as_str().unwrap();
        let columns: Vec<Column> = list(&case["columns"])
            .iter()
            .map(|column| {
                let text = |key: &str| column[key].as_str().unwrap();
                rows::column(text("name"), text("dtype"), list(&column["values"]))
            })
            .collect();
        let named =
            |key: &str| columns.iter().find(|column| Some(column.name.as_str()) == case[key].as_str());
        let (label, facet) = (named("label").unwrap(), named("facet").unwrap());
        let positive = list(&case["label_values_or_threshold"]);
        let predicted = &case["predicted_label"];
        let predicted =
            rows::column("predicted", predicted["dtype"].as_str().unwrap(), list(&predicted["values"]));
        let (label_value, observed) = rows::select(&label.values, positive, None).remove(0);
        let predicted = rows::select(&predicted.values, positive, Some(&label.values)).remove(0).1;
        let group = named("group").map(|column| &column.values);
        let facets =
            rows::facets(facet, list(&case["value_or_threshold"]), group, &observed, Some(&predicted));
        let counts = rows::bias_counts(&label.name, &label_value, true, &facets);
        let features: Vec<&Column> =
            columns.iter().filter(|column| ![&facet.name, &label.name].contains(&&column.name)).collect();
        let flips = flips(&facets, &features, &predicted);
        let results = results(&counts, &flips, &all_metrics());

        let pre = results.pre_training_bias_metrics.unwrap();
        assert_eq!(
            pre.label_value_or_threshold,
            case["expect"]["label_value_or_threshold"].as_str().unwrap()
        );
        check_section(id, &pre, &facet.name, &case["expect"]["pre"]["facets"]);
        // Without a positive prediction the job stops before there are counts: `roles` has the error.
        if case["expect"]["post"]["error"].is_null() {
            let post = results.post_training_bias_metrics.unwrap();
            check_section(id, &post, &facet.name, &case["expect"]["post"]["facets"]);
        }
    }
}

/// The rows of `observed.json` under `key`, `times` over, as columns.
fn observed_rows(golden: &Json, key: &str, times: usize) -> Vec<Column> {
    let column =
        |(name, values): (&String, &Json)| rows::column(name, "int64", &vec![list(values); times].concat());
    golden[key].as_object().unwrap().iter().map(column).collect()
}

/// Counts and flips for facet Sex = 0, positive label 1, group variable Age.
fn observed_counts(columns: &[Column]) -> (BiasCounts, Vec<FlipOutcome>) {
    let named = |name: &str| columns.iter().find(|column| column.name == name);
    let positive =
        |column: &Column| rows::numbers(&column.values).iter().map(|&value| value == 1.0).collect();
    let observed: Vec<bool> = positive(named("Target").unwrap());
    let predicted: Option<Vec<bool>> = named("predicted").map(positive);
    let facets = rows::facets(
        named("Sex").unwrap(),
        &[Json::from(0)],
        Some(&named("Age").unwrap().values),
        &observed,
        predicted.as_deref(),
    );
    let counts = rows::bias_counts("Target", "1", predicted.is_some(), &facets);
    let features: Vec<&Column> = columns
        .iter()
        .filter(|column| !["Sex", "Target", "predicted"].contains(&column.name.as_str()))
        .collect();
    let flips = predicted.map(|predicted| flips(&facets, &features, &predicted)).unwrap_or_default();
    (counts, flips)
}

#[test]
fn the_observed_baseline_is_reproduced_before_training() {
    let golden: Json = serde_json::from_str(include_str!("observed.json")).unwrap();
    let (counts, _) = observed_counts(&observed_rows(&golden, "baseline_rows", 1));
    let mut methods = all_metrics();
    methods.post_training_bias = None;
    let results = results(&counts, &[], &methods);
    assert_eq!(results.post_training_bias_metrics, None);
    let expected = &golden["baseline"]["pre_training_bias_metrics"];
    let found = results.pre_training_bias_metrics.unwrap();
    check_section("baseline", &found, "Sex", &expected["facets"]["Sex"]);
    // Where sums are short, the digits are the same to the last.
    for (metric, expected) in
        found.facets["Sex"][0].metrics.iter().zip(list(&expected["facets"]["Sex"][0]["metrics"]))
    {
        if metric.name != "JS" {
            assert_eq!(metric.value.unwrap().value(), expected["value"].as_f64().unwrap(), "{}", metric.name);
        }
    }
}

#[test]
fn the_observed_monitoring_runs_raise_the_same_violations() {
    let golden: Json = serde_json::from_str(include_str!("observed.json")).unwrap();
    let baseline: Results = serde_json::from_value(golden["baseline"].clone()).unwrap();
    for run in list(&golden["runs"]) {
        let id = run["id"].as_str().unwrap();
        let times = run["times_captured"].as_u64().unwrap() as usize;
        let (counts, flips) = observed_counts(&observed_rows(&golden, "monitored_rows", times));
        let current = results(&counts, &flips, &all_metrics());
        let rule = Rule { beyond_chance_only: false, windows: Windows { agreeing: 1, of: 1 } };
        let comparison = drift::compare(&current, &[], &baseline);
        let violations = drift::violations(&comparison, &[], &rule, &[]);
        let warnings = comparison.warnings;
        assert_eq!(warnings, [""; 0], "{id}");
        let expected: Vec<Violation> =
            serde_json::from_value(run["violations"]["violations"].clone()).unwrap();
        let key = |violation: &Violation| match violation {
            Violation::Bias { facet, facet_value, metric_name, .. } => {
                [facet.clone(), facet_value.clone(), metric_name.clone()]
            }
            Violation::Attribution { .. } => panic!("not about bias"),
        };
        let keys = |violations: &[Violation]| violations.iter().map(key).collect::<Vec<_>>();
        assert_eq!(keys(&violations), keys(&expected), "{id}");
        for (violation, expected) in violations.iter().zip(&expected) {
            check_description(violation, expected);
        }
    }
}

/// The same text, but for the last digits of the first number.
#[track_caller]
fn check_description(found: &Violation, expected: &Violation) {
    let parts = |violation: &Violation| {
        let Violation::Bias { description, .. } = violation else { panic!("not about bias") };
        let rest = description.strip_prefix("Metric value ").unwrap();
        let (number, rest) = rest.split_once(' ').unwrap();
        (number.parse::<f64>().unwrap(), rest.to_owned())
    };
    let ((found, found_rest), (expected, expected_rest)) = (parts(found), parts(expected));
    check_number(&expected_rest, found, expected);
    assert_eq!(found_rest, expected_rest);
}
