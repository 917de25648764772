//! Model quality of rows whose classes are not those of the baseline, or are spelled otherwise.

use serde_json::{Value, json};

use crate::program::Tree;

/// Rows of label, prediction and score as a dataset; `spelled`: the negative and the positive class.
pub(crate) fn of_classes(tree: &Tree, name: &str, spelled: [&str; 2], rows: usize) {
    let mut text = String::from("y,p,s\n");
    for row in 0..rows {
        let (label, predicted) = (usize::from(row % 3 == 0), usize::from(row % 3 == 0 && row % 5 > 0));
        text += &format!("{},{},0.{}\n", spelled[label], spelled[predicted], 2 + 6 * predicted);
    }
    tree.file(&format!("processing/input/{name}/part.csv"), text);
}

pub(crate) const OF_CLASSES: [&str; 6] = [
    "--analysis-type=MODEL_QUALITY",
    "--problem-type=BinaryClassification",
    "--dataset-format={\"csv\":{\"header\":true}}",
    "--inference-attribute=p",
    "--probability-attribute=s",
    "--ground-truth-attribute=y",
];

/// The positive class is that of the baseline. Spelled otherwise it is found and told; where it is not found, nothing is
/// held against numbers of another class.
#[test]
fn classes_spelled_otherwise_than_in_the_baseline_are_no_worse_model() {
    let tree = Tree::new();
    of_classes(&tree, "baseline", ["deny", "approve"], 300);
    let data = |name: &str| format!("--dataset-source=/opt/ml/processing/input/{name}");
    let run = |name: &str, more: &[&str]| {
        let source = data(name);
        tree.run(&[&OF_CLASSES, [source.as_str()].as_slice(), more].concat())
    };
    let made = run("baseline", &["--positive-label=approve", "--output-path=/opt/ml/baseline"]);
    assert_eq!(made.code, Some(0), "{}", made.log);
    let against = "--baseline-constraints=/opt/ml/baseline/constraints.json";
    let before = {
        assert_eq!(run("baseline", &[against]).code, Some(0));
        tree.result("statistics.json")["binary_classification_metrics"]["recall"]["value"].clone()
    };

    of_classes(&tree, "upper", ["DENY", "APPROVE"], 300);
    let upper = run("upper", &[against]);
    let told = "`APPROVE` is taken as its `approve`";
    assert!(
        upper.code == Some(0) && upper.message.contains(told) && upper.log.contains(told),
        "{}",
        upper.message
    );
    assert!(upper.message.starts_with("Completed: "), "{}", upper.message);
    assert_eq!(tree.result("statistics.json")["binary_classification_metrics"]["recall"]["value"], before);
    let page = String::from_utf8(tree.results()["report.html"].clone()).unwrap();
    assert!(page.contains("spelled otherwise than in the baseline"), "{page}");
    let dry = tree.run(&[&["validate"], &OF_CLASSES[..], &[&data("upper"), against]].concat());
    assert!(dry.code == Some(0) && dry.stdout.contains(told), "{}", dry.stdout);

    of_classes(&tree, "numbers", ["0", "1"], 300);
    let numbers = run("numbers", &[against]);
    assert!(
        numbers.message.contains("PL0802") && numbers.message.contains("positive_label"),
        "{}",
        numbers.message
    );
    assert!(numbers.message.contains("`approve`, its positive class"), "{}", numbers.message);
    assert_eq!(tree.result("constraint_violations.json")["violations"], json!([]));
    let details = tree.result("model_quality_details.json");
    let verdicts: Vec<&Value> =
        details["metrics"].as_array().unwrap().iter().map(|m| &m["verdict"]).collect();
    assert!(verdicts.iter().all(|verdict| *verdict == "not_compared"), "{verdicts:?}");
    let dry = tree.run(&[&["validate"], &OF_CLASSES[..], &[&data("numbers"), against]].concat());
    assert_eq!(dry.code, numbers.code, "{}", dry.stdout);
    let allowed = run("numbers", &[against, "--on-nothing-compared=succeed"]);
    assert!(
        allowed.code == Some(0) && allowed.message.contains("Warning: Nothing is compared"),
        "{}",
        allowed.message
    );
    let page = String::from_utf8(tree.results()["report.html"].clone()).unwrap();
    assert!(page.contains("Not compared: the classes are not those of the baseline"));
    // Said which one is positive, they are compared.
    let named = run("numbers", &[against, "--positive-label=1"]);
    assert!(named.code == Some(0) && named.message.starts_with("Completed: "), "{}", named.message);
    assert!(!named.log.contains("the other class"), "{}", named.log);
    assert_eq!(tree.result("statistics.json")["binary_classification_metrics"]["recall"]["value"], before);
    for (name, other) in [("baseline", "deny"), ("upper", "DENY")] {
        let other = run(name, &[against, &format!("--positive-label={other}")]);
        assert!(other.log.contains("speak of the other class"), "{}", other.log);
    }
    // One that no row has.
    let typo = run("numbers", &[against, "--positive-label=l"]).message;
    let told = ["`positive_label` is none of the classes", "`l`", "labels and predictions: `0`, `1`"];
    assert!(told.iter().all(|part| typo.contains(part)) && !typo.contains("3 classes"), "{typo}");

    // More than two, some of which differ by their spelling alone.
    let rows = "y,p,s\ndeny,DENY,0.2\napprove,APPROVE,0.8\n".repeat(10).replace("0.8\ny,p,s", "0.8");
    tree.file("processing/input/mixed/part.csv", rows);
    let mixed = run("mixed", &[against]).message;
    assert!(mixed.contains("spelled in one way, ") && mixed.contains("`DENY` and `deny`"), "{mixed}");
}

/// A group without positive rows has no recall, area or F1, and a threshold may be negative.
#[test]
fn metrics_of_a_group_that_mean_nothing_have_no_value() {
    let tree = Tree::new();
    let rows = "y,p,s,g\n0,0,-3,a\n0,1,2,a\n".to_owned() + &"1,1,3,b\n0,0,-2,b\n1,0,-1,b\n".repeat(9);
    tree.file("processing/input/window/part.csv", rows);
    let more = [
        "--dataset-source=/opt/ml/processing/input/window",
        "--segment-columns=g",
        "--probability-threshold-attribute",
        "-1",
    ];
    tree.succeed(&[&OF_CLASSES, more.as_slice()].concat());
    let details = tree.result("model_quality_details.json");
    let groups = details["groups"].as_array().unwrap();
    let of = |value: &str, name: &str| {
        let group = groups.iter().find(|group| group["value"] == value).unwrap();
        let metrics = group["metrics"].as_array().unwrap();
        metrics.iter().find(|metric| metric["name"] == name).unwrap()["value"].clone()
    };
    for name in ["recall", "auc", "f1"] {
        assert!(of("a", name).is_null() && of("b", name).is_number(), "{name}");
    }
    assert_eq!(of("a", "false_positive_rate"), json!(0.5));
}

/// Rows without a label of a class that the baseline does not have are left out of the estimate by name.
#[test]
fn an_estimate_of_a_binary_problem_leaves_out_rows_of_other_classes() {
    let tree = Tree::new();
    of_classes(&tree, "baseline", ["0", "1"], 300);
    let source = "--dataset-source=/opt/ml/processing/input/baseline";
    let made = tree.run(&[&OF_CLASSES, [source, "--output-path=/opt/ml/baseline"].as_slice()].concat());
    assert_eq!(made.code, Some(0), "{}", made.log);
    let estimate = |rows: &str| {
        tree.file("processing/input/window/part.csv", format!("y,p,s\n{rows}"));
        let more = [
            "--dataset-source=/opt/ml/processing/input/window",
            "--baseline-constraints=/opt/ml/baseline/constraints.json",
            "--estimate-without-labels=Enabled",
        ];
        let run = tree.run(&[&OF_CLASSES, more.as_slice()].concat());
        assert_eq!(run.code, Some(0), "{}", run.log);
        (run.message, tree.result("model_quality_details.json"))
    };
    let (message, details) = estimate(&",1,0.8\n,0,0.2\n,0,0.2\n,zzz,0.8\n".repeat(100));
    assert_eq!(details["estimate"]["rows"], 300);
    assert_eq!(details["not_estimated"], json!([{"predicted": "zzz", "rows": 100}]));
    assert!(message.contains("estimated without 100 of a class"), "{message}");
    // Beside rows with a label, too.
    let (_, details) = estimate(&"1,1,0.8\n0,0,0.2\n,1,0.8\n,zzz,0.8\n".repeat(50));
    assert_eq!((&details["rows"], &details["estimate"]["rows"]), (&json!(100), &json!(50)));
    assert_eq!(details["not_estimated"], json!([{"predicted": "zzz", "rows": 50}]));
    // Classes of which none is the baseline's.
    let (message, details) = estimate(&",approved,0.8\n,rejected,0.2\n".repeat(100));
    assert_eq!(details["estimate"], Value::Null);
    assert!(message.contains("never predicted a class of theirs (`approved`, `rejected`)"), "{message}");
    assert!(message.contains("its classes are `1`, which is positive, and `0`"), "{message}");
    // The same classes, spelled otherwise.
    let (_, details) = estimate(&",true,0.8\n,false,0.2\n".repeat(100));
    assert_eq!(details["estimate"]["rows"], 200);
    assert!(details["class_doubt"].as_str().unwrap().contains("`true` is taken as its `1`"), "{details}");
}

/// Rows of several classes: label and prediction, mostly the same.
fn of_several(tree: &Tree, name: &str, classes: &[&str], rows: usize) {
    let mut text = String::from("y,p\n");
    for row in 0..rows {
        let label = row % classes.len();
        let predicted = if row % 7 == 0 { (row / 7) % classes.len() } else { label };
        text += &format!("{},{}\n", classes[label], classes[predicted]);
    }
    tree.file(&format!("processing/input/{name}/part.csv"), text);
}

/// What binary problems promise holds with several classes: of none of the baseline's there is no pass, a spelling is found, and
/// classes that came or went are told.
#[test]
fn several_classes_of_which_none_is_the_baselines_are_no_pass() {
    let tree = Tree::new();
    let settings = [
        "--analysis-type=MODEL_QUALITY",
        "--problem-type=MulticlassClassification",
        "--dataset-format={\"csv\":{\"header\":true}}",
        "--inference-attribute=p",
        "--ground-truth-attribute=y",
    ];
    let against = "--baseline-constraints=/opt/ml/baseline/constraints.json";
    let run = |name: &str, classes: &[&str], more: &[&str]| {
        of_several(&tree, name, classes, 300);
        let source = format!("--dataset-source=/opt/ml/processing/input/{name}");
        tree.run(&[&settings, [source.as_str()].as_slice(), more].concat())
    };
    let made = run("baseline", &["cat", "cow", "dog"], &["--output-path=/opt/ml/baseline"]);
    assert_eq!(made.code, Some(0), "{}", made.log);
    let page = || String::from_utf8(tree.results()["report.html"].clone()).unwrap();

    let others = run("others", &["zcat", "zcow", "zdog"], &[against]);
    assert_eq!(others.code, Some(1), "{}", others.message);
    for told in ["PL0802", "`zcat`, `zcow`, `zdog`", "one of its classes: `cat`, `cow`, `dog`"] {
        assert!(others.message.contains(told), "{}", others.message);
    }
    assert!(!others.message.contains("positive_label"), "{}", others.message);
    assert!(page().contains("Not compared: the classes are not those of the baseline"));
    assert_eq!(tree.result("model_quality_details.json")["judged"], false);
    let source = "--dataset-source=/opt/ml/processing/input/others";
    let dry = tree.run(&[&["validate"], &settings[..], &[source, against]].concat());
    assert!(dry.code == Some(1) && dry.stdout.contains("PL0802"), "{}", dry.stdout);
    let allowed = run("others", &["zcat", "zcow", "zdog"], &[against, "--on-nothing-compared=succeed"]);
    assert!(
        allowed.code == Some(0) && allowed.message.contains("Nothing is compared"),
        "{}",
        allowed.message
    );

    let upper = run("upper", &["CAT", "cow", "Dog"], &[against]);
    for told in ["`CAT` is taken as its `cat`", "`Dog` is taken as its `dog`"] {
        assert!(upper.code == Some(0) && upper.message.contains(told), "{}", upper.message);
    }
    let details = tree.result("model_quality_details.json");
    let classes = details["by_class"].as_array().unwrap();
    assert!(classes.iter().all(|class| class["baseline_recall"].is_number()), "{classes:?}");
    assert!(!upper.log.contains("not in the baseline"), "{}", upper.log);

    let new = run("new", &["cat", "cow", "ghost"], &[against]);
    assert_eq!(new.code, Some(0), "{}", new.message);
    for told in [
        "This class is not in the baseline: `ghost` (33.3",
        "No row has a class of the baseline, here with the share of its labels: `dog`",
    ] {
        assert!(new.log.contains(told) && page().contains(told), "{}", new.log);
    }

    // The hosted service's files tell the classes too.
    std::fs::remove_file(tree.path("baseline/model_quality_details.json")).unwrap();
    let statistics = "--baseline-statistics=/opt/ml/baseline/statistics.json";
    let others = run("others", &["zcat", "zcow", "zdog"], &[against, statistics]);
    assert!(others.message.contains("PL0802"), "{}", others.message);
    let same = run("same", &["cat", "cow", "dog"], &[against, statistics]);
    assert!(same.code == Some(0) && !same.log.contains("of the baseline"), "{}", same.log);
}
