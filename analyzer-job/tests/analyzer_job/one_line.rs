//! One line of CSV in answer to several rows: a value for each of them, or the line of one row while the others are lost. What
//! the other records have decides, in any order of files and records, for every monitor, in one run and in parts.

use serde_json::{Value, json};

use super::parts::{clear, folded, path};
use crate::program::Tree;

pub(super) const CAPTURES: &str = "--dataset-source=/opt/ml/processing/input/captures";
pub(super) const MONITORS: [&[&str]; 3] = [
    &["--analysis-type=MODEL_BIAS", "--inference-attribute=0"],
    &["--analysis-type=MODEL_QUALITY", "--problem-type=BinaryClassification", "--inference-attribute=0"],
    &[
        "--analysis-type=DATA_QUALITY",
        r#"--dataset-format={"sagemakerCaptureJson":{"captureIndexNames":["endpointInput","endpointOutput"]}}"#,
    ],
];

/// A record of these rows of requests, answers and labels, and its id.
pub(super) fn record(id: &str, input: &str, output: &str, truth: &str) -> String {
    let part = |data: &str| json!({"data": data, "encoding": "CSV", "observedContentType": "text/csv"});
    let record = json!({
        "captureData": {"endpointInput": part(input), "endpointOutput": part(output)},
        "groundTruthData": part(truth), "eventMetadata": {"eventId": id}, "eventVersion": "0",
    });
    format!("{record}\n")
}

/// A record of two rows whose answer is what `answer` makes of two labels.
pub(super) fn of_two(number: usize, answer: fn([usize; 2]) -> String) -> String {
    let bit = |n: usize| n % 2;
    let input = format!("{},{}\n{},{}", bit(number), number % 7, bit(number / 2), number % 5);
    let truth = format!("{}\n{}", bit(number / 3), bit(number / 5));
    record(&format!("e{number}"), &input, &answer([bit(number / 2), bit(number / 4)]), &truth)
}

fn wide([one, two]: [usize; 2]) -> String {
    format!("{one},0.5{one}\n{two},0.5{two}\n")
}

fn one_line([one, two]: [usize; 2]) -> String {
    format!("{one},{two}\n")
}

/// Whether the second value is cut off, or was never there: the first row's label and score.
fn half([one, _]: [usize; 2]) -> String {
    format!("{one},0.47\n")
}

pub(super) fn tree(files: &[Vec<String>]) -> Tree {
    let tree = Tree::new();
    tree.config(&json!({
        "dataset_type": "application/sagemakercapturejson", "headers": ["sex", "n", "y"], "label": "y",
        "label_values_or_threshold": [1], "facet": [{"name_or_index": "sex", "value_or_threshold": [1]}],
        "methods": {"post_training_bias": {"methods": ["DPPL", "DI", "AD"]}},
    }));
    for (number, records) in files.iter().enumerate() {
        tree.file(&format!("processing/input/captures/{number}.jsonl"), records.concat());
    }
    tree
}

/// The results that count rows.
pub(super) fn numbers(tree: &Tree) -> Vec<Value> {
    let names = ["analysis.json", "statistics.json"];
    let there = tree.results();
    names.into_iter().filter(|name| there.contains_key(*name)).map(|name| tree.result(name)).collect()
}

/// The same without the last digits of sums, which depend on the parts.
pub(super) fn counts(tree: &Tree) -> Vec<Value> {
    let mut numbers = numbers(tree);
    for results in &mut numbers {
        for feature in results["features"].as_array_mut().into_iter().flatten() {
            feature["numerical_statistics"] = feature["numerical_statistics"]["common"].take();
        }
    }
    numbers
}

#[test]
fn a_line_of_one_row_is_no_answer_to_two() {
    let sound: Vec<String> = (0..40).map(|number| of_two(number, wide)).collect();
    for settings in MONITORS {
        let settings = [settings, &[CAPTURES]].concat();
        let without = tree(std::slice::from_ref(&sound));
        without.succeed(&settings);
        for at in [0, 7, 20] {
            let mut records = sound.clone();
            records.insert(at, of_two(40, half));
            let one = tree(std::slice::from_ref(&records));
            let run = one.succeed(&settings);
            assert_eq!(numbers(&one), numbers(&without), "{settings:?} at {at}");
            let told = format!("0.jsonl, line {}", at + 1);
            assert!(run.log.contains(&told) && run.log.contains("event e40"), "{told} is not in {}", run.log);
            let dry = one.succeed(&[&["validate"], &settings[..]].concat());
            assert!(dry.stdout.contains(&told), "{told} is not in {}", dry.stdout);
            // The same in several files, in either order.
            for cut in [1, 10] {
                let (head, tail) = records.split_at(cut);
                let files = tree(&[head.to_vec(), tail.to_vec()]);
                files.succeed(&settings);
                assert_eq!(numbers(&files), numbers(&without), "{settings:?} at {at} cut at {cut}");
                in_parts(&files, &settings, &without);
            }
        }
        // Each row of a request may have a record of its own.
        let alone: Vec<String> = (0..60)
            .map(|n| {
                record(
                    &format!("s{n}"),
                    &format!("{},3", n % 2),
                    &format!("{},0.3", n / 2 % 2),
                    &(n / 3 % 2).to_string(),
                )
            })
            .collect();
        let without = tree(std::slice::from_ref(&alone));
        without.succeed(&settings);
        let with = tree(&[[vec![of_two(40, half)], alone].concat()]);
        with.succeed(&settings);
        assert_eq!(numbers(&with), numbers(&without), "{settings:?}");
    }
}

/// Folds both files and combines: as one run, also where the first part has nothing but the record in doubt.
#[track_caller]
pub(super) fn in_parts(tree: &Tree, settings: &[&str], expected: &Tree) {
    for part in 0..2 {
        folded(tree, &format!("states/p{part}.state"), &format!("{part}.jsonl"), settings);
    }
    clear(tree);
    let states = path(tree, "states");
    let combine = [&["combine", &states], &settings[..settings.len() - 1]].concat();
    let run = tree.run(&combine);
    assert_eq!(run.code, Some(0), "{}", run.log);
    assert_eq!(counts(tree), counts(expected));
}

/// A value for each row on one line, where that is how the model answers: also beside a few lines of several values.
#[test]
fn one_line_is_a_value_for_each_row_where_most_answers_are_such_lines() {
    for settings in &MONITORS[..2] {
        let settings = [settings, &[CAPTURES][..]].concat();
        let lines: Vec<String> = (0..40).map(|number| of_two(number, one_line)).collect();
        let plain = (0..40).map(|number| of_two(number, |[one, two]| format!("{one}\n{two}\n")));
        let plain = tree(&[plain.collect()]);
        plain.succeed(&settings);
        let whole = tree(std::slice::from_ref(&lines));
        whole.succeed(&settings);
        assert_eq!(numbers(&whole), numbers(&plain), "{settings:?}");
        let odd = of_two(77, wide);
        let first = tree(&[[vec![odd.clone()], lines.clone()].concat()]);
        first.succeed(&settings);
        let last = tree(&[[lines, vec![odd]].concat()]);
        last.succeed(&settings);
        assert_eq!(numbers(&first), numbers(&last));
    }
}
