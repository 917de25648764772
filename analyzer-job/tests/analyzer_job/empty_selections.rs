//! Selections of labels, predictions or a facet that hold no row or every row: what reads them is not judged, in every file
//! and sentence alike, and what does not is.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};

use crate::program::{OUTPUT, Run, Tree};

/// The metrics that read each selection, by their formulas.
const READS: [(&str, &[&str]); 3] = [
    (
        "label",
        &[
            "AD", "DAR", "DCA", "DCR", "DRR", "GE", "RD", "SD", "TE", "CDDL", "DPL", "JS", "KL", "KS", "LP",
            "TVD",
        ],
    ),
    ("prediction", &["AD", "CDDPL", "DAR", "DCA", "DCR", "DI", "DPPL", "DRR", "FT", "GE", "RD", "SD", "TE"]),
    (
        "facet",
        &[
            "AD", "CDDPL", "DAR", "DCA", "DCR", "DI", "DPPL", "DRR", "FT", "RD", "SD", "TE", "CDDL", "CI",
            "DPL", "JS", "KL", "KS", "LP", "TVD",
        ],
    ),
];

/// Facet, observed and predicted label of a row, of which one is the same everywhere.
type Emptied = fn((bool, bool, bool)) -> (bool, bool, bool);

const EMPTIED: [(&str, &str, Emptied); 5] = [
    ("label", "no", |(f, _, p)| (f, false, p)),
    ("label", "every", |(f, _, p)| (f, true, p)),
    ("prediction", "every", |(f, y, _)| (f, y, true)),
    ("facet", "no", |(_, y, p)| (false, y, p)),
    ("facet", "every", |(_, y, p)| (true, y, p)),
];

/// 1,200 rows of two sexes in two towns, of which the women are less often positive, observed and predicted; `wide`: much less.
fn write(tree: &Tree, wide: bool, emptied: Emptied) {
    let row = |n: u32| {
        let chance = |salt: u32| (n * 8 + salt).wrapping_mul(2_654_435_761) >> 16 & 0xff;
        let is_woman = n.is_multiple_of(3);
        let positives = if !is_woman {
            140
        } else if wide {
            50
        } else {
            125
        };
        let observed = chance(1) < positives;
        let wrong = chance(2) < if is_woman && wide { 90 } else { 40 };
        let (is_woman, observed, predicted) = emptied((is_woman, observed, observed != wrong));
        let sex = if is_woman { "f" } else { "m" };
        format!("{},{sex},{},{},{}\n", chance(3), n % 2, u8::from(observed), u8::from(predicted))
    };
    let rows: String = (0..1200).map(row).collect();
    tree.file("processing/input/data/d.csv", format!("x,sex,town,y,p\n{rows}"));
}

fn tree() -> Tree {
    let mut tree = Tree::new();
    tree.config(&json!({
        "dataset_type": "text/csv", "label": "y", "label_values_or_threshold": [1], "predicted_label": "p",
        "facet": [{"name_or_index": "sex", "value_or_threshold": ["f"]}], "group_variable": "town",
        "methods": {"pre_training_bias": {"methods": "all"}, "post_training_bias": {"methods": "all"}},
    }));
    tree.set("publish_cloudwatch_metrics", "Enabled");
    tree
}

fn as_number(value: &Value) -> Option<f64> {
    match value.as_str() {
        Some("Infinity") => Some(f64::INFINITY),
        Some("-Infinity") => Some(f64::NEG_INFINITY),
        _ => value.as_f64(),
    }
}

/// Values of an analysis.json by metric.
fn values(results: &Value) -> BTreeMap<String, f64> {
    let sections = ["post_training_bias_metrics", "pre_training_bias_metrics"];
    let metrics = sections.map(|section| results[section]["facets"]["sex"][0]["metrics"].as_array().cloned());
    let of_metric = |metric: Value| Some((metric["name"].as_str()?.to_owned(), as_number(&metric["value"])?));
    metrics.into_iter().flatten().flatten().filter_map(of_metric).collect()
}

/// Checks every word of a run on its violations, metric by metric.
#[track_caller]
fn check_run(tree: &Tree, run: &Run, (role, by_chance): (&str, bool), told: &str) {
    let now = values(&tree.result("analysis.json"));
    let then =
        values(&serde_json::from_slice(&fs::read(tree.path("baseline/analysis.json")).unwrap()).unwrap());
    let reading = READS.iter().find(|(known, _)| *known == role).unwrap().1;
    let details = tree.result("bias_details.json");
    let page = fs::read_to_string(tree.path(OUTPUT).join("report.html")).unwrap();
    let mut expected = Vec::new();
    let mut judged = 0;
    for metric in details["facets"][0]["metrics"].as_array().unwrap() {
        let code = metric["name"].as_str().unwrap();
        let (Some(now), Some(then)) = (now.get(code), then.get(code)) else {
            assert!(metric["chance"].is_null(), "{told}: {metric}");
            continue;
        };
        let (is_nothing, chance) = (reading.contains(&code), &metric["chance"]);
        assert_eq!(chance["unjudged"] == true, is_nothing || code == "FT", "{told}: {metric}");
        let is_violated =
            if by_chance { chance["farther_from_parity"] == true } else { now.abs() > then.abs() };
        assert!(!(by_chance && is_nothing && is_violated), "{told}: {metric}");
        assert_eq!(metric["violated"], is_violated, "{told}: {metric}");
        expected.extend(is_violated.then(|| code.to_owned()));
        judged += usize::from(!is_nothing);
        // The mark of a violation says why it is none beyond chance.
        if is_violated && is_nothing {
            assert!(page.contains("compares nothing"), "{told}: {code}");
        }
    }
    assert!(judged > 0 || role == "facet", "{told}");
    let violations = tree.results().get("constraint_violations.json").map(|bytes| {
        let file: Value = serde_json::from_slice(bytes).unwrap();
        let names = file["violations"].as_array().unwrap().iter().map(|entry| entry["metric_name"].as_str());
        names.map(|name| name.unwrap().to_owned()).collect::<Vec<_>>()
    });
    assert_eq!(violations.unwrap_or_default(), expected, "{told}");
    if run.code == Some(0) {
        let number = if expected.is_empty() { "no".into() } else { expected.len().to_string() };
        assert!(run.message.contains(&format!("with {number} violations")), "{told}: {}", run.message);
    }
    assert!(!page.contains("Nothing is compared for"), "{told}");
    let only_general =
        page.contains("Only the Generalized Entropy (GE), the same for every facet, is compared");
    assert_eq!(only_general, role == "facet", "{told}");
    // CloudWatch has the values of analysis.json, whatever they rest on.
    let lines = fs::read_to_string(tree.path("output/metrics/cloudwatch/cloudwatch_metrics.jsonl")).unwrap();
    for (code, value) in &now {
        let name = format!("\"bias_metric_{code}\"");
        let line =
            lines.lines().rfind(|line| line.contains(&name)).unwrap_or_else(|| panic!("{told}: {code}"));
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(
            line["Value"].as_f64().unwrap(),
            value.clamp(-2.348543e108, 2.348543e108),
            "{told}: {code}"
        );
    }
}

/// Makes a baseline, and then data that differ from it: a selection is empty in these, or in that. Gives the setting that names the
/// baseline.
fn with_baseline(tree: &Tree, is_now: bool, emptied: Emptied) -> String {
    write(tree, false, if is_now { |row| row } else { emptied });
    tree.succeed(&[]);
    tree.file("baseline/analysis.json", tree.analysis_bytes());
    write(tree, true, if is_now { emptied } else { |row| row });
    format!("--baseline-constraints={}", tree.path("baseline").display())
}

/// Every selection that may hold no row or every row, now or in the baseline, under both rules. Where no row is predicted positive,
/// the job stops.
#[test]
fn what_reads_an_empty_selection_is_not_judged_and_what_does_not_is() {
    let tree = tree();
    for (role, how, emptied) in EMPTIED {
        for is_now in [true, false] {
            let path = with_baseline(&tree, is_now, emptied);
            for by_chance in [true, false] {
                let rule = format!("--bias-drift-check={}", if by_chance { "interval" } else { "value" });
                let told = format!("{role}, {how} row, {}, {rule}", if is_now { "now" } else { "then" });
                let facet = role == "facet";
                // Of the run before.
                let _ = fs::remove_file(tree.path(OUTPUT).join("constraint_violations.json"));
                if facet {
                    let run = tree.run(&[&path, &rule]);
                    assert!(run.code == Some(1) && run.message.contains("PL0802"), "{told}: {}", run.message);
                    assert!(!tree.results().contains_key("constraint_violations.json"), "{told}");
                }
                let allowed = format!("--on-nothing-compared={}", if facet { "succeed" } else { "fail" });
                let run = tree.succeed(&[&path, &rule, &allowed]);
                check_run(&tree, &run, (role, by_chance), &told);
                assert_eq!(run.message.contains(" Warning: "), is_now, "{told}: {}", run.message);
                assert!(
                    run.log.contains("metrics that compare nothing, as they read a selection"),
                    "{told}: {}",
                    run.log
                );
            }
        }
    }
}

/// Every metric of a check reads a selection of no row or every row, on one side: that is no pass, under either rule, in the job and in the
/// dry run.
#[test]
fn a_check_whose_metrics_all_compare_nothing_is_an_empty_one() {
    type Case = (&'static str, &'static [&'static str], Emptied, &'static str);
    let cases: [Case; 4] = [
        ("label", &["AD", "RD", "GE"], |(f, _, p)| (f, false, p), "the label selects no row"),
        ("label", &["AD", "RD", "GE"], |(f, _, p)| (f, true, p), "the label selects every row"),
        ("prediction", &["DPPL", "DI"], |(f, y, _)| (f, y, true), "the predicted label selects every row"),
        ("both", &["GE"], |(f, _, _)| (f, true, true), "the predicted label selects every row"),
    ];
    for (role, methods, emptied, named) in cases {
        let mut tree = Tree::new();
        tree.config(&json!({
            "dataset_type": "text/csv", "label": "y", "label_values_or_threshold": [1], "predicted_label": "p",
            "facet": [{"name_or_index": "sex", "value_or_threshold": ["f"]}],
            "methods": {"post_training_bias": {"methods": methods}},
        }));
        tree.set("publish_cloudwatch_metrics", "Enabled");
        for is_now in [true, false] {
            let path = with_baseline(&tree, is_now, emptied);
            let side = if is_now { "data" } else { "baseline" };
            for rule in ["--bias-drift-check=interval", "--bias-drift-check=value"] {
                let told = format!("{role}, {side}, {rule}");
                let run = tree.run(&[&path, rule]);
                let dry = tree.run(&["validate", &path, rule]);
                for said in [&run.message, &dry.stdout] {
                    assert!(
                        said.contains("PL0802") && said.contains(&format!("in the {side} ")),
                        "{told}: {said}"
                    );
                    assert!(said.contains(named), "{told}: {said}");
                }
                assert_eq!((run.code, dry.code), (Some(1), Some(1)), "{told}");
                assert!(!tree.results().contains_key("constraint_violations.json"), "{told}");
                let run = tree.succeed(&[&path, rule, "--on-nothing-compared=succeed"]);
                assert!(run.message.contains("Compared 0 of"), "{told}: {}", run.message);
                assert!(run.log.contains(named), "{told}: {}", run.log);
                let page = fs::read_to_string(tree.path(OUTPUT).join("report.html")).unwrap();
                // The entropy is the same for every group, so no group is named.
                let head = if role == "both" { "Nothing is compared: " } else { "Nothing is compared for" };
                assert!(page.contains(head), "{told}");
                let _ = fs::remove_file(tree.path(OUTPUT).join("constraint_violations.json"));
            }
        }
    }
}

/// Where labels and predictions are all positive, one metric is left: message and headline say how few were compared.
#[test]
fn a_check_of_one_metric_that_compares_something_says_so() {
    let tree = tree();
    write(&tree, false, |row| row);
    tree.succeed(&[]);
    tree.file("baseline/analysis.json", tree.analysis_bytes());
    write(&tree, false, |(f, _, _)| (f, true, true));
    let path = format!("--baseline-constraints={}", tree.path("baseline").display());
    for rule in ["--bias-drift-check=interval", "--bias-drift-check=value"] {
        let run = tree.succeed(&[&path, rule]);
        assert!(run.message.contains(" Compared 1 of "), "{rule}: {}", run.message);
        let page = fs::read_to_string(tree.path(OUTPUT).join("report.html")).unwrap();
        let page = page.replace('\u{a0}', " ");
        assert!(page.contains("; only 1 of ") && page.contains(" metrics could be compared"), "{rule}");
    }
}

/// A facet without rows beside one with rows: the Generalized Entropy, which reads no facet, is counted once, with the one that has rows.
#[test]
fn a_facet_without_rows_counts_no_metric() {
    let tree = Tree::new();
    tree.config(&json!({
        "dataset_type": "text/csv", "label": "y", "label_values_or_threshold": [1], "predicted_label": "p",
        "facet": [
            {"name_or_index": "sex", "value_or_threshold": ["f"]},
            {"name_or_index": "town", "value_or_threshold": [1]},
        ],
        "methods": {"post_training_bias": {"methods": ["DPPL", "GE"]}},
    }));
    write(&tree, false, |row| row);
    tree.succeed(&[]);
    tree.file("baseline/analysis.json", tree.analysis_bytes());
    write(&tree, true, |(_, y, p)| (false, y, y != (p && !y)));
    let path = format!("--baseline-constraints={}", tree.path("baseline").display());
    tree.succeed(&[&path]);
    let page = fs::read_to_string(tree.path(OUTPUT).join("report.html")).unwrap();
    let page = page.replace('\u{a0}', " ");
    let counted = page.contains(" of 2 metrics moved") || page.contains("; only 2 of 2 metrics could");
    assert!(counted, "{}", &page[page.find("<h1").unwrap_or(0)..][..600]);
    assert!(!page.contains(" of 3 metrics"), "counted twice");
}

/// Labels, or predictions, that are all positive: no group is called treated alike by them, and the others are told.
#[test]
fn selections_of_every_row_are_told_by_their_role() {
    for (of_predictions, told) in [
        (false, "label `y`: every row is selected by `1`"),
        (true, "predicted label `p`: every row is selected by `1`"),
    ] {
        let tree = Tree::new();
        tree.config(&json!({
            "dataset_type": "text/csv", "label": "y", "label_values_or_threshold": [1], "predicted_label": "p",
            "facet": [
                {"name_or_index": "sex", "value_or_threshold": ["f"]},
                {"name_or_index": "town", "value_or_threshold": ["a"]},
            ],
            "methods": {"pre_training_bias": {"methods": ["DPL"]}, "post_training_bias": {"methods": ["DPPL", "DI"]}},
        }));
        let row = |n: usize| {
            let [y, p] = if of_predictions { [n / 3 % 2, 1] } else { [1, n / 3 % 2] };
            format!("{},{},{y},{p}\n", ["f", "m"][n % 2], ["a", "b"][n / 5 % 2])
        };
        let rows: String = (0..400).map(row).collect();
        tree.file("processing/input/data/d.csv", format!("sex,town,y,p\n{rows}"));
        let run = tree.succeed(&["--intersections=enabled"]);
        let warning = format!("\"WARN\",\"message\":\"{told}");
        assert!(run.log.contains(&warning), "{told}: {}", run.log);
        assert!(run.message.contains(&format!(" Warning: {told}")), "{}", run.message);
        let details = tree.result("bias_details.json");
        for groups in ["facets", "intersections"] {
            let role = if of_predictions { "prediction" } else { "label" };
            assert_eq!(details[groups][0]["empty"], json!([role]), "{told}: {groups}");
        }
        let page = fs::read_to_string(tree.path(OUTPUT).join("report.html")).unwrap();
        assert!(page.contains("Nothing is compared: a selection holds no row or every row."), "{told}");
        let is_told = [" is predicted for ", " was observed for "].map(|said| page.contains(said));
        assert_eq!(is_told, [!of_predictions, of_predictions], "{told}");
        assert_eq!(page.contains("four fifths"), !of_predictions, "{told}");
    }
}
