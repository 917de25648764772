//! Damaged or unknown labels and predictions of a binary problem: rows of neither class.

use std::fs;

use crate::program::{OUTPUT, Run, Tree};
use crate::quality_classes::OF_CLASSES;

/// Rows of a file: label, prediction and score. Each of `changed` is a line from 1, counted with the header, and what stands
/// there instead of label or prediction.
fn rows(
    tree: &Tree,
    name: &str,
    rows: usize,
    positive: bool,
    changed: &[(usize, Option<&str>, Option<&str>)],
) {
    let mut text = String::from("y,p,s,g\n");
    for row in 0..rows {
        let label = u8::from(positive && row % 3 == 0);
        let predicted = u8::from(positive && row % 3 == 0 && row % 5 > 0);
        let instead = changed.iter().find(|changed| changed.0 == row + 2);
        let or = |other: Option<Option<&str>>, own: u8| other.flatten().map_or(own.to_string(), Into::into);
        let label = or(instead.map(|changed| changed.1), label);
        let prediction = or(instead.map(|changed| changed.2), predicted);
        text += &format!("{label},{prediction},0.{},{}\n", 2 + 6 * predicted, ["a", "b"][row % 2]);
    }
    tree.file(&format!("processing/input/{name}.csv"), text);
}

fn run(tree: &Tree, verb: &[&str], name: &str, more: &[&str]) -> Run {
    let source = format!("--dataset-source=/opt/ml/processing/input/{name}");
    tree.run(&[verb, &OF_CLASSES, &[&source, "--segment-columns=g"], more].concat())
}

const AGAINST: &str = "--baseline-constraints=/opt/ml/baseline/constraints.json";

fn baseline(tree: &Tree, positive: bool) {
    rows(tree, "baseline/part", 300, positive, &[]);
    let made = run(tree, &[], "baseline", &["--output-path=/opt/ml/baseline"]);
    assert_eq!(made.code, Some(0), "{}", made.log);
}

fn count(tree: &Tree) -> u64 {
    tree.result("statistics.json")["dataset"]["item_count"].as_u64().unwrap()
}

/// Each is counted and named with its place, in the log, the details and the dry run; the others are judged.
#[test]
fn a_few_rows_of_neither_class_are_left_out_and_named() {
    let tree = Tree::new();
    baseline(&tree, true);
    let few = [(18, Some("unknown"), None), (40, None, Some("N/A")), (90, Some("N/A"), Some("unknown"))];
    rows(&tree, "few/part", 300, true, &few);
    for more in [&[][..], &[AGAINST], &["--positive-label=1"], &[AGAINST, "--positive-label=1"]] {
        let found = run(&tree, &[], "few", more);
        assert!(
            found.code == Some(0) && found.message.starts_with("Completed"),
            "{more:?} {}",
            found.message
        );
        assert_eq!(count(&tree), 297, "{more:?}");
        let told = "3 rows left out, label or prediction neither `0` nor `1`: part.csv, line 18: `unknown` in 2 rows; \
                    part.csv, line 40: `N/A` in 2 rows";
        assert!(found.log.contains(told), "{more:?} {}", found.log);
        let details = tree.result("model_quality_details.json");
        assert!(details["run"].to_string().contains("part.csv, line 40: `N/A` in 2 rows"), "{details}");
        let dry = run(&tree, &["validate"], "few", more);
        assert!(dry.code == Some(0) && dry.stdout.contains("neither `0` nor `1`"), "{}", dry.stdout);
        // Rows of the segments.
        let rows: u64 = details["groups"].as_array().unwrap().iter().filter_map(|g| g["rows"].as_u64()).sum();
        assert_eq!(rows, 297);
        let strict = run(&tree, &[], "few", &[more, &["--on-bad-record=fail"]].concat());
        assert_eq!(strict.code, Some(3), "{}", strict.message);
        for part in ["PL0301", "part.csv, line 18", "`unknown`", "`0` or `1`"] {
            assert!(strict.message.contains(part), "{part}: {}", strict.message);
        }
    }
}

/// With a baseline many may be left out too; without one they may be the classes.
#[test]
fn many_rows_of_neither_class_are_left_out_only_where_a_baseline_tells_the_classes() {
    let tree = Tree::new();
    baseline(&tree, true);
    let many: Vec<_> = (2..32).map(|line| (line, Some("pending"), None)).collect();
    rows(&tree, "many/part", 300, true, &many);
    let found = run(&tree, &[], "many", &[AGAINST]);
    assert_eq!(found.code, Some(0), "{}", found.message);
    assert!(found.log.contains("line 2: `pending` in 30 rows"), "{}", found.log);
    assert_eq!(count(&tree), 270);
    for more in [&[][..], &["--positive-label=1"]] {
        let found = run(&tree, &[], "many", more);
        assert_eq!(found.code, Some(1), "{}", found.message);
        for part in ["PL0310", "3 classes: `0` in ", "`pending` in 30 rows (first in ", "line 2)", "baseline"]
        {
            assert!(found.message.contains(part), "{part}: {}", found.message);
        }
    }
    // More than half of the rows.
    let most: Vec<_> = (2..182).map(|line| (line, Some("pending"), None)).collect();
    rows(&tree, "most/part", 300, true, &most);
    assert_eq!(run(&tree, &[], "most", &[AGAINST]).code, Some(1));
}

/// A window without one of the two classes: by chance, or because it is spelled otherwise.
#[test]
fn a_class_that_no_label_has_may_be_spelled_otherwise() {
    let tree = Tree::new();
    baseline(&tree, true);
    // A third of the labels are positive: three rows may have none, 60 have some.
    rows(&tree, "short/part", 3, false, &[(3, Some("unknown"), None)]);
    let found = run(&tree, &[], "short", &[AGAINST]);
    assert_eq!((found.code, count(&tree)), (Some(0), 2), "{}", found.message);
    rows(&tree, "long/part", 60, false, &[(3, Some("unknown"), None)]);
    let found = run(&tree, &[], "long", &[AGAINST]);
    assert!(found.message.contains("PL0802") && found.message.contains("`unknown`"), "{}", found.message);
}

/// With several classes each is one of its own; one that the baseline does not have is named with its place.
#[test]
fn a_damaged_label_among_several_classes_is_named() {
    let tree = Tree::new();
    let settings = |name: &str| {
        [
            "--analysis-type=MODEL_QUALITY".to_owned(),
            "--problem-type=MulticlassClassification".into(),
            "--dataset-format={\"csv\":{\"header\":true}}".into(),
            "--inference-attribute=p".into(),
            "--ground-truth-attribute=y".into(),
            format!("--dataset-source=/opt/ml/processing/input/{name}"),
        ]
    };
    let run = |name: &str, more: &str| {
        let settings = settings(name);
        tree.run(&settings.iter().map(String::as_str).chain([more]).collect::<Vec<_>>())
    };
    rows(&tree, "several/part", 300, true, &[(2, Some("2"), Some("2")), (3, Some("2"), Some("2"))]);
    assert_eq!(run("several", "--output-path=/opt/ml/baseline").code, Some(0));
    let changed = [(2, Some("2"), Some("2")), (18, Some("unknown"), None), (40, None, Some("unknown"))];
    rows(&tree, "damaged/part", 300, true, &changed);
    let found = run("damaged", AGAINST);
    let told = "the baseline does not have the class `unknown` in 2 rows, first in part.csv, line 18";
    assert!(found.code == Some(0) && found.log.contains(told), "{}", found.log);
    assert_eq!(tree.result("statistics.json")["dataset"]["item_count"], 300);
}

/// Files dealt to parts in any order: what is left out, and where it is said to stand, is that of one run.
#[test]
fn rows_of_neither_class_in_parts_are_those_of_one_run() {
    let tree = Tree::new();
    rows(&tree, "days/b", 100, true, &[(5, Some("unknown"), None)]);
    rows(&tree, "days/a", 100, true, &[(7, None, Some("N/A")), (8, Some("unknown"), None)]);
    rows(&tree, "days/c", 100, true, &[]);
    let whole = run(&tree, &[], "days", &[]);
    assert!(whole.code == Some(0) && whole.log.contains("a.csv, line 7: `N/A`; "), "{}", whole.log);
    let expected = tree.results();
    for parts in [["a", "b", "c"], ["c", "b", "a"]] {
        fs::remove_dir_all(tree.path(OUTPUT)).unwrap();
        fs::create_dir_all(tree.path(OUTPUT)).unwrap();
        let mut combine = vec!["combine".to_owned()];
        for (number, file) in parts.into_iter().enumerate() {
            tree.file("list", format!("{file}.csv"));
            let list = format!("--files={}", tree.path("list").display());
            let out = tree.path(&format!("states/{number}.state")).display().to_string();
            let folded = run(&tree, &["fold", "--out", &out], "days", &[&list]);
            assert_eq!(folded.code, Some(0), "{}", folded.log);
            combine.push(out);
        }
        combine.extend(OF_CLASSES.iter().chain(&["--segment-columns=g"]).map(ToString::to_string));
        let arguments: Vec<&str> = combine.iter().map(String::as_str).collect();
        tree.succeed(&arguments);
        assert!(tree.results() == expected, "{parts:?}");
    }
}
