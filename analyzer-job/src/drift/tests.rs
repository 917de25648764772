use super::*;
use crate::results::BiasSection;
use crate::results::MetricResult;
use crate::results::details::Chance;

/// Facet, value, metrics and their values.
type Entry<'a> = (&'a str, &'a str, &'a [(&'a str, Option<f64>)]);

fn metric(name: &str, value: Option<f64>) -> MetricResult {
    MetricResult {
        name: name.into(),
        description: name.into(),
        value: value.map(Number::Float),
        error: value.is_none().then(|| "why".into()),
    }
}

fn section_of(facets: &[Entry]) -> BiasSection {
    let mut section =
        BiasSection { label: "y".into(), facets: Default::default(), label_value_or_threshold: "1".into() };
    for (facet, value, metrics) in facets {
        section.facets.entry((*facet).into()).or_default().push(FacetResult {
            value_or_threshold: (*value).into(),
            metrics: metrics.iter().map(|(name, value)| metric(name, *value)).collect(),
            counts: None,
        });
    }
    section
}

fn after_training(facets: &[Entry]) -> Results {
    Results { post_training_bias_metrics: Some(section_of(facets)), ..Results::default() }
}

fn names(violations: &[Violation]) -> Vec<String> {
    let name = |violation: &Violation| match violation {
        Violation::Bias { facet, facet_value, metric_name, .. } => {
            format!("{facet} {facet_value} {metric_name}")
        }
        Violation::Attribution { metric_name, .. } => metric_name.clone(),
    };
    violations.iter().map(name).collect()
}

const HOSTED: Rule = Rule { beyond_chance_only: false, windows: Windows { agreeing: 1, of: 1 } };
const BEYOND_CHANCE: Rule = Rule { beyond_chance_only: true, ..HOSTED };

/// Violations by the hosted rule, and what could not be compared.
fn judged(current: &Results, baseline: &Results) -> (Vec<Violation>, Vec<String>) {
    let comparison = compare(current, &[], baseline);
    (violations(&comparison, &[], &HOSTED, &[]), comparison.warnings)
}

/// Whether a metric of this value breaks the constraint.
#[track_caller]
fn check_rule(current: f64, baseline: f64, expected: bool) {
    let (violations, warnings) = judged(
        &after_training(&[("f", "0", &[("DI", Some(current))])]),
        &after_training(&[("f", "0", &[("DI", Some(baseline))])]),
    );
    assert_eq!(!violations.is_empty(), expected, "{current} against {baseline}");
    assert_eq!(warnings, [""; 0]);
}

#[test]
fn farther_from_zero_is_a_violation() {
    for (current, baseline, expected) in [
        (0.1, 0.2, false),
        (0.3, 0.2, true),
        (-0.3, 0.2, true),
        (-0.2, 0.2, false),
        (0.2, 0.2, false),
        (0.0, -0.0, false),
        // Disparate impact: farther from its parity 1, nearer to 0.
        (0.083, 0.178, false),
        (f64::INFINITY, 2.9, true),
        (f64::NEG_INFINITY, 2.9, true),
        (f64::INFINITY, f64::NEG_INFINITY, false),
        (1e300, f64::INFINITY, false),
    ] {
        check_rule(current, baseline, expected);
    }
}

#[test]
fn a_violation_is_worded_as_by_the_service() {
    let baseline = after_training(&[("Sex", "0", &[("TE", Some(2.916666666666667)), ("AD", Some(-1e-7))])]);
    let mut current = after_training(&[("Sex", "0", &[("TE", Some(f64::INFINITY)), ("AD", Some(0.25))])]);
    let (violations, _) = judged(&current, &baseline);
    let json = serde_json::to_value(&violations).unwrap();
    assert_eq!(
        json[0],
        serde_json::json!({
            "facet": "Sex",
            "facet_value": "0",
            "metric_name": "TE",
            "constraint_check_type": "bias_drift_check",
            "description":
                "Metric value Infinity doesn't meet the baseline constraint requirement 2.916666666666667",
        })
    );
    assert_eq!(
        json[1]["description"],
        "Metric value 0.25 doesn't meet the baseline constraint requirement -1e-07"
    );
    let entry = &mut current.post_training_bias_metrics.as_mut().unwrap().facets["Sex"][0];
    entry.metrics[0].value = Some(Number::Int(0));
    assert_eq!(names(&judged(&current, &baseline).0), ["Sex 0 AD"]);
}

#[test]
fn violations_come_in_the_order_of_the_analysis() {
    let metrics: &[(&str, Option<f64>)] = &[("CI", Some(0.5)), ("DPL", Some(0.5))];
    let small: &[(&str, Option<f64>)] = &[("DPL", Some(0.1)), ("CI", Some(0.1))];
    let both = |metrics| {
        let section = section_of(&[("g", "1", metrics), ("f", "b", metrics), ("f", "a", metrics)]);
        Results {
            post_training_bias_metrics: Some(section_of(&[("g", "1", metrics)])),
            pre_training_bias_metrics: Some(section),
            ..Results::default()
        }
    };
    let (violations, warnings) = judged(&both(metrics), &both(small));
    assert_eq!(
        names(&violations),
        ["g 1 CI", "g 1 DPL", "g 1 CI", "g 1 DPL", "f b CI", "f b DPL", "f a CI", "f a DPL"]
    );
    assert_eq!(warnings, [""; 0]);
}

#[test]
fn what_has_no_counterpart_is_skipped_and_named() {
    let current = after_training(&[
        ("f", "a", &[("AD", Some(0.5)), ("DI", None), ("RD", Some(0.5)), ("SD", Some(0.5))]),
        ("f", "new", &[("AD", Some(0.5))]),
    ]);
    let mut baseline = after_training(&[
        ("f", "a", &[("AD", Some(0.1)), ("DI", Some(0.1)), ("RD", None), ("TE", Some(0.1))]),
        ("f", "old", &[("AD", Some(0.1))]),
        ("g", "x", &[("AD", Some(0.1))]),
    ]);
    baseline.pre_training_bias_metrics = Some(section_of(&[]));
    let (violations, warnings) = judged(&current, &baseline);
    assert_eq!(names(&violations), ["f a AD"]);
    assert_eq!(warnings.len(), 5, "{warnings:#?}");
    for (warning, parts) in warnings.iter().zip([
        vec!["`f`", "`a`", "DI, RD, SD, TE"],
        vec!["`f`", "`new`"],
        vec!["`f`", "`old`"],
        vec!["`g`", "`x`"],
        vec!["`pre_training_bias_metrics`"],
    ]) {
        assert!(parts.iter().all(|part| warning.contains(part)), "{warning}: {parts:?}");
    }
    let (violations, warnings) = judged(&current, &Results::default());
    assert!(violations.is_empty());
    assert_eq!(warnings.len(), 1, "{warnings:?}");
}

#[test]
fn an_interval_is_known_by_its_lower_bound() {
    let at = |value| after_training(&[("age", value, &[("AD", Some(0.5))])]);
    let limit = |value| after_training(&[("age", value, &[("AD", Some(0.1))])]);
    let violations = |current, baseline| judged(&at(current), &limit(baseline)).0;
    assert_eq!(names(&violations("(40, 80]", "(40, 77]")), ["age (40, 80] AD"]);
    assert_eq!(names(&violations("(40, 80]", "(40.0, 77.5]")), ["age (40, 80] AD"]);
    assert!(violations("(41, 80]", "(40, 80]").is_empty());
    assert!(violations("(40, 80]", "40").is_empty());
    assert!(violations("(a, b]", "(a, c]").is_empty());
}

#[test]
fn values_that_are_equal_as_numbers_are_the_same_group() {
    let at = |value| after_training(&[("f", value, &[("AD", Some(0.5))]), ("f", "other", &[])]);
    for (here, there, same) in [
        ("0", "0.0", true),
        ("1.0", "1", true),
        ("0,1", "0.0,1.0", true),
        ("0", "00", true),
        ("0", "-0", true),
        ("0", "1", false),
        ("a", "A", false),
        ("0", "0,1", false),
        ("nan", "NaN", false),
        ("2,1", "1,2", true),
        ("b,a", "a,b", true),
        ("b,1", "1.0,b", true),
        ("1,2", "1,2,3", false),
        ("1,1", "1", true),
    ] {
        let (here, there) = (at(here), at(there));
        assert_eq!(compare(&here, &[], &there).pairs.len(), usize::from(same), "{here:?}");
    }
    // The same text comes before the same number.
    let both = after_training(&[("f", "0.0", &[("AD", Some(0.1))]), ("f", "0", &[("AD", Some(0.2))])]);
    let here = after_training(&[("f", "0", &[("AD", Some(0.5))])]);
    assert_eq!(compare(&here, &[], &both).pairs[0].then, Number::Float(0.2));
}

/// A baseline for other positive labels is none: its numbers are about another question.
#[test]
fn sections_of_other_positive_labels_are_not_compared() {
    let of = |label: &str, value: f64| {
        let mut results = after_training(&[("f", "0", &[("AD", Some(value))])]);
        results.pre_training_bias_metrics = Some(section_of(&[("f", "0", &[("DPL", Some(value))])]));
        results.post_training_bias_metrics.as_mut().unwrap().label_value_or_threshold = label.into();
        results
    };
    for (here, there, same) in [
        ("1", "0", false),
        ("1", "1", true),
        ("1", "1.0", true),
        ("2,1", "1,2", true),
        ("yes", "Yes", false),
        ("yes,no", "yes", false),
        ("(0.5, 0.98]", "(0.5, 0.96]", true),
        ("(0.5, 0.98]", "(0.6, 0.98]", false),
        // A file that does not say.
        ("1", "", true),
        ("", "1", true),
    ] {
        let (current, baseline) = (of(here, 0.5), of(there, 0.1));
        let comparison = compare(&current, &[], &baseline);
        let compared: Vec<&str> = comparison.pairs.iter().map(|pair| pair.metric).collect();
        assert_eq!(compared, if same { vec!["AD", "DPL"] } else { vec!["DPL"] }, "{here} {there}");
        assert_eq!(comparison.warnings.is_empty(), same, "{:?}", comparison.warnings);
        let text = comparison.warnings.concat();
        let is_named = [here, there].iter().all(|label| text.contains(&format!("`{label}`")));
        assert!(same || is_named && text.contains("post_training_bias_metrics"), "{text}");
        let left = of_same_labels(&current, &baseline);
        assert_eq!(left.post_training_bias_metrics.is_some(), same, "{here} {there}");
        assert!(left.pre_training_bias_metrics.is_some());
    }
}

/// Details of a group `f` = `a` with metrics, their values here and in the baseline, and whether the test calls them farther.
fn details(metrics: &[(&str, [f64; 2], Option<bool>)]) -> Vec<FacetDetails> {
    let metric = |(name, [now, then], farther): &(&str, [f64; 2], Option<bool>)| MetricDetails {
        stage: Stage::PostTraining,
        name: (*name).into(),
        value: Some(Number::Float(*now)),
        error: None,
        standard_error: None,
        interval: None,
        enough_rows: true,
        rows_reason: None,
        baseline: Some(Number::Float(*then)),
        chance: farther.map(|farther| Chance {
            p_value: 0.5,
            farther_from_parity: farther,
            exact_baseline: false,
            unjudged: false,
            empty_baseline: false,
        }),
        violated: false,
    };
    vec![FacetDetails {
        facet: "f".into(),
        value_or_threshold: "a".into(),
        groups: Default::default(),
        predicted: true,
        empty: Vec::new(),
        metrics: metrics.iter().map(metric).collect(),
    }]
}

/// A ratio is judged by its distance from 1: the groups exchanged, it is a violation as well.
#[test]
fn beyond_chance_only_what_is_beyond_chance_is_a_violation() {
    for (name, [now, then], farther, expected) in [
        ("AD", [0.3, 0.1], Some(true), true),
        ("AD", [-0.3, 0.1], Some(true), true),
        ("AD", [0.3, 0.1], Some(false), false),
        ("AD", [0.05, 0.1], Some(true), false),
        // Not tested.
        ("AD", [0.3, 0.1], None, false),
        ("DI", [0.5, 0.8], Some(true), true),
        ("DI", [2.0, 1.25], Some(true), true),
        ("DI", [0.5, 0.8], Some(false), false),
        ("DI", [0.8, 0.5], Some(true), false),
        ("DI", [1.25, 2.0], Some(true), false),
        ("DI", [0.5, 1.25], Some(true), true),
        ("DI", [1.25, 0.5], Some(true), false),
        ("DI", [0.0, 0.5], Some(true), true),
        ("DI", [0.5, f64::INFINITY], Some(true), false),
    ] {
        let current = after_training(&[("f", "a", &[(name, Some(now))])]);
        let baseline = after_training(&[("f", "a", &[(name, Some(then))])]);
        let mut details = details(&[(name, [now, then], farther)]);
        let comparison = compare(&current, &[], &baseline);
        let found = violations(&comparison, &details, &BEYOND_CHANCE, &[]);
        assert_eq!(!found.is_empty(), expected, "{name} {now} {then} {farther:?}");
        mark(&mut details, &found);
        assert_eq!(details[0].metrics[0].violated, expected);
    }
}

#[test]
fn a_metric_is_a_violation_once_enough_of_the_last_windows_agree() {
    let window = |value| after_training(&[("f", "a", &[("AD", Some(value))])]);
    let baseline = window(0.1);
    let check = |earlier: &[f64], windows: &str, expected: bool| {
        let earlier: Vec<Results> = earlier.iter().map(|value| window(*value)).collect();
        let before: Vec<Before> = earlier.iter().map(Before::Values).collect();
        let rule = Rule { windows: windows.parse().unwrap(), ..HOSTED };
        let now = window(0.3);
        let found = violations(&compare(&now, &[], &baseline), &[], &rule, &before);
        assert_eq!(!found.is_empty(), expected, "{windows} after {} windows", earlier.len());
    };
    check(&[], "1/1", true);
    check(&[], "2/3", false);
    check(&[0.3], "2/3", true);
    check(&[0.3, 0.05], "2/3", true);
    check(&[0.05, 0.05], "2/3", false);
    check(&[0.3, 0.3], "3/3", true);
    check(&[0.3, 0.05], "3/3", false);
    // By chance the earlier windows must say so themselves.
    let now = window(0.3);
    let both = Rule { windows: Windows { agreeing: 2, of: 2 }, ..BEYOND_CHANCE };
    let moved = || details(&[("AD", [0.3, 0.1], Some(true))]);
    let untested = details(&[("AD", [0.3, 0.1], None)]);
    for (earlier, agrees) in [(moved(), true), (untested, false), (Vec::new(), false)] {
        let before = [Before::Judged(earlier.into())];
        assert_eq!(before[0].is_mute(), !agrees);
        let found = violations(&compare(&now, &[], &baseline), &moved(), &both, &before);
        assert_eq!(!found.is_empty(), agrees);
    }
    // This window must be one of them.
    let rule = Rule { windows: Windows { agreeing: 1, of: 2 }, ..HOSTED };
    let found = violations(&compare(&window(0.05), &[], &baseline), &[], &rule, &[Before::Values(&now)]);
    assert!(found.is_empty());
}

#[test]
fn windows_are_two_numbers() {
    assert_eq!("2/3".parse(), Ok(Windows { agreeing: 2, of: 3 }));
    for text in ["", "3", "3/2", "0/2", "a/b", "-1/2"] {
        assert!(text.parse::<Windows>().is_err(), "{text}");
    }
}

fn load(text: &str) -> Result<Results> {
    constraints(Path::new("constraints.json"), text.as_bytes())
}

fn facets(metrics: &str) -> String {
    format!(
        "{{\"version\": \"1.0\",\n \"post_training_bias_metrics\": {{\"label\": \"y\", \"facets\":\n {{\"f\": \
         [{{\"value_or_threshold\": \"0\", \"metrics\": [{metrics}]}}]}}}}}}"
    )
}

#[test]
fn constraints_with_bare_infinities_are_read() {
    let results = load(&facets(
        r#"{"name": "AD", "description": "Infinity, \"NaN\" \\", "value": Infinity},
           {"name": "DI", "description": "", "value": -Infinity}, {"name": "FT", "value": NaN},
           {"name": "GE", "value": "Infinity"}, {"name": "RD", "value": null, "error": "x"}, {"name": "SD"},
           {"name": "TE", "value": 2}"#,
    ))
    .unwrap();
    let metrics = &results.post_training_bias_metrics.unwrap().facets["f"][0].metrics;
    let values: Vec<_> = metrics.iter().map(|metric| metric.value.map(Number::value)).collect();
    let infinity = Some(f64::INFINITY);
    assert_eq!(values, [infinity, Some(f64::NEG_INFINITY), None, infinity, None, None, Some(2.0)]);
    assert_eq!(metrics[0].description, "Infinity, \"NaN\" \\");
}

#[test]
fn constraints_may_lack_sections_and_have_others() {
    let results = load("\u{feff}{\"hello\": [1, 2]}").unwrap();
    assert_eq!((results.post_training_bias_metrics, results.pre_training_bias_metrics), (None, None));
}

#[test]
fn unreadable_constraints_name_file_line_and_what_was_found() {
    for (text, parts) in [
        ("{not json".to_owned(), ["are not JSON", "line 1"]),
        (String::new(), ["are not JSON", "constraints.json"]),
        ("[1]".to_owned(), ["do not have the shape of an analysis.json", "line 1"]),
        ("[]".to_owned(), ["do not have the shape of an analysis.json", "an object"]),
        (" \n[\"1.0\", null]".to_owned(), ["do not have the shape of an analysis.json", "an object"]),
        (facets("{\"name\": 3}"), ["do not have the shape of an analysis.json", "line 3"]),
        (facets("{\"name\": \"AD\",\n \"value\": \"high\"}"), ["expected a number", "line 4"]),
        ("{\"post_training_bias_metrics\": {\"facets\": []}}".to_owned(), ["expected an object", "line 1"]),
    ] {
        let message = load(&text).unwrap_err().to_string();
        assert!(message.starts_with("PL0801: the baseline constraints "), "{message}");
        assert!(message.contains("constraints.json"), "{message}");
        assert!(parts.iter().all(|part| message.contains(part)), "{message}: {parts:?}");
    }
    // Of a metric or a value that stands twice, one would be lost.
    for (metrics, found) in [
        (
            r#"{"name": "AD", "value": 1}, {"name": "DI", "value": 1}, {"name": "AD", "value": 2}"#,
            "`AD` of `f` = `0` twice",
        ),
        (r#"{"name": "AD", "value": 1}, {"name": "AD"}"#, "`AD` of `f` = `0` twice"),
        (
            r#"{"name": "AD", "value": 1}]}, {"value_or_threshold": "1", "metrics": []},
               {"value_or_threshold": "0", "metrics": [{"name": "AD", "value": 2}"#,
            "found `f` = `0` twice",
        ),
    ] {
        for stage in ["post_training", "pre_training"] {
            let message = load(&facets(metrics).replace("post_training", stage)).unwrap_err().to_string();
            assert!(message.contains("say two things") && message.contains(found), "{message}");
        }
    }
    let same = r#"{"name": "AD", "value": 1}, {"name": "AD", "value": 1.0}"#;
    assert!(load(&facets(same)).is_ok());
}

/// What may be this run's is known before data are read: names, listed values, thresholds.
#[test]
fn a_baseline_without_this_runs_facet_value_is_refused_early() {
    let check = |facet: serde_json::Value, values: &[&str], expected: bool| {
        let config = serde_json::json!({
            "dataset_type": "text/csv", "headers": ["y", "f"], "label": "y", "label_values_or_threshold": [1],
            "facet": [facet],
            "methods": {"pre_training_bias": {"methods": "all"}, "report": {"name": "report"}},
        });
        let analysis = crate::config::check::load(
            config.to_string().as_bytes(),
            Path::new("c.json"),
            crate::config::Kind::Processing,
        )
        .unwrap();
        let entries: Vec<Entry> =
            values.iter().map(|value| ("f", *value, &[("DPL", Some(0.1))][..])).collect();
        let baseline =
            Results { pre_training_bias_metrics: Some(section_of(&entries)), ..Results::default() };
        let found = check_baseline(&analysis, &baseline, false);
        assert_eq!(found.is_ok(), expected, "{facet} {values:?}: {found:?}");
        // Of other positive labels no facet value is this run's.
        let mut of_others = baseline.clone();
        of_others.pre_training_bias_metrics.as_mut().unwrap().label_value_or_threshold = "0".into();
        let found = check_baseline(&analysis, &of_others, false).unwrap_err().to_string();
        assert!(found.contains("positive `0`") && found.contains("positive `1`"), "{found}");
        assert!(check_baseline(&analysis, &baseline, true).is_ok());
    };
    let listed =
        |values: serde_json::Value| serde_json::json!({"name_or_index": "f", "value_or_threshold": values});
    let any = serde_json::json!({"name_or_index": "f"});
    check(any, &["x"], true);
    check(listed(serde_json::json!(["a"])), &["a"], true);
    check(listed(serde_json::json!(["a"])), &["A"], false);
    check(listed(serde_json::json!(["a"])), &["A", "a"], true);
    check(listed(serde_json::json!(["a", "b"])), &["a,b"], true);
    check(listed(serde_json::json!(["a", "b"])), &["b,a"], true);
    check(listed(serde_json::json!(["a", "b"])), &["b,c"], false);
    check(listed(serde_json::json!([0])), &["0.0"], true);
    check(listed(serde_json::json!([1])), &["0"], false);
    check(listed(serde_json::json!([40])), &["(40, 80]"], true);
    check(listed(serde_json::json!([40])), &["(30, 40.0]"], true);
    check(listed(serde_json::json!([40])), &["(41, 80]"], false);
    check(listed(serde_json::json!([40])), &[""], true);
    check(listed(serde_json::json!(["40"])), &["(40, 80]"], true);
    check(serde_json::json!({"name_or_index": 1, "value_or_threshold": ["a"]}), &["a"], true);
}
