//! A list of values in a captured answer: a value for each of several rows, or several values of one row. What most records have
//! decides, in every form of an answer, for every monitor, in any order of the records, in one run and in parts.

use serde_json::{Value, json};

use super::one_line::{CAPTURES, in_parts, numbers};
use crate::program::Tree;

/// How an answer to several rows is written, of which each has several values.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Form {
    Csv,
    Bracketed,
    /// `{"n": [...], "p": [...]}`, of one row; `p` is a list of lists for several.
    Lists,
    /// `{"q": [{"n": [...], "p": [...]}]}`
    Entries,
    /// A line for each row.
    Lines,
    /// The same with scores only, named by `label_headers`.
    LinesOfScores,
}

/// How an answer to several rows is written, of which each has a label and a score.
#[derive(Debug, Clone, Copy)]
enum Flat {
    /// `{"l": [...], "s": [...]}`
    Columns,
    /// The same, called JSON Lines.
    OneLine,
    /// `{"predictions": [{"l": ..., "s": ...}]}`
    Entries,
    /// `yes,no`
    Csv,
}

fn name(class: usize) -> String {
    format!("c{class}")
}

fn scores(class: usize, k: usize) -> Vec<f64> {
    (0..k).map(|at| if at == class { 0.75 } else { 0.125 }).collect()
}

fn row(number: usize) -> String {
    format!("{},{}", number / 2 % 2, number % 7)
}

fn joined<T: ToString>(items: &[T], between: &str) -> String {
    items.iter().map(T::to_string).collect::<Vec<_>>().join(between)
}

/// A record of `n` rows with the answer, its content type, and labels.
fn record(id: &str, number: usize, n: usize, k: usize, (answer, kind): (String, &str)) -> String {
    let rows: Vec<String> = (0..n).map(|row| self::row(number + row)).collect();
    let truths: Vec<String> = (0..n).map(|row| name((number / 3 + row) % k)).collect();
    let part =
        |data: String, kind: &str| json!({"data": data, "encoding": "JSON", "observedContentType": kind});
    let record = json!({
        "captureData": {
            "endpointInput": part(rows.join("\n"), "text/csv"), "endpointOutput": part(answer, kind),
        },
        "groundTruthData": part(truths.join("\n"), "text/csv"), "eventMetadata": {"eventId": id}, "eventVersion": "0",
    });
    format!("{record}\n")
}

impl Form {
    const ALL: [Form; 6] =
        [Form::Csv, Form::Bracketed, Form::Lists, Form::Entries, Form::Lines, Form::LinesOfScores];

    fn answer(self, classes: &[usize], k: usize) -> (String, &'static str) {
        let names: Vec<String> = (0..k).map(name).collect();
        let all: Vec<Vec<f64>> = classes.iter().map(|class| scores(*class, k)).collect();
        let lines =
            |line: &dyn Fn(&Vec<f64>) -> String| joined(&all.iter().map(line).collect::<Vec<_>>(), "\n");
        let named = |scores: &Vec<f64>| json!({"n": names, "p": scores});
        match self {
            Form::Csv => (lines(&|scores| joined(scores, ",")), "text/csv"),
            Form::Bracketed => (lines(&|scores| format!("{scores:?}")), "text/csv"),
            Form::Lists => {
                let one = || named(&all[0]).to_string();
                let several = || json!({"n": vec![&names; all.len()], "p": all}).to_string();
                (if all.len() == 1 { one() } else { several() }, "application/json")
            }
            Form::Entries => {
                (json!({"q": all.iter().map(named).collect::<Vec<_>>()}).to_string(), "application/json")
            }
            Form::Lines => (lines(&|scores| named(scores).to_string()), "application/jsonlines"),
            Form::LinesOfScores => {
                (lines(&|scores| json!({"p": scores}).to_string()), "application/jsonlines")
            }
        }
    }

    fn settings(self) -> Vec<&'static str> {
        let bias = "--analysis-type=MODEL_BIAS";
        match self {
            Form::Csv | Form::Bracketed => vec![bias],
            Form::Lists | Form::Lines => vec![bias, "--inference-attribute=n", "--probability-attribute=p"],
            Form::Entries => vec![bias, "--inference-attribute=q[*].n", "--probability-attribute=q[*].p"],
            Form::LinesOfScores => vec![bias, "--probability-attribute=p"],
        }
    }

    fn headers(self, k: usize) -> Option<Vec<String>> {
        matches!(self, Form::Csv | Form::Bracketed | Form::LinesOfScores).then(|| (0..k).map(name).collect())
    }
}

impl Flat {
    const ALL: [Flat; 4] = [Flat::Columns, Flat::OneLine, Flat::Entries, Flat::Csv];

    fn answer(self, classes: &[usize]) -> (String, &'static str) {
        let names: Vec<String> = classes.iter().copied().map(name).collect();
        let score = |class: usize| 0.125 + 0.5 * class as f64 / 3.0;
        let scores: Vec<f64> = classes.iter().copied().map(score).collect();
        let columns = json!({"l": names, "s": scores}).to_string();
        let entry = |at: usize| json!({"l": names[at], "s": scores[at]});
        let entries: Vec<Value> = (0..names.len()).map(entry).collect();
        match self {
            Flat::Columns => (columns, "application/json"),
            Flat::OneLine => (columns, "application/jsonlines"),
            Flat::Entries => (json!({"predictions": entries}).to_string(), "application/json"),
            Flat::Csv => (names.join(","), "text/csv"),
        }
    }

    /// Of bias and of model quality.
    fn settings(self, k: usize) -> [Vec<&'static str>; 2] {
        let places = match self {
            Flat::Columns | Flat::OneLine => vec!["--inference-attribute=l", "--probability-attribute=s"],
            Flat::Entries => {
                vec!["--inference-attribute=predictions[*].l", "--probability-attribute=predictions[*].s"]
            }
            Flat::Csv => vec!["--inference-attribute=0"],
        };
        // Several classes have no single score.
        let of_quality = if k == 2 { &places[..] } else { &places[..1] };
        let problem = if k == 2 {
            "--problem-type=BinaryClassification"
        } else {
            "--problem-type=MulticlassClassification"
        };
        let positive: &[&str] = if k == 2 { &["--positive-label=c1"] } else { &[] };
        [
            [&["--analysis-type=MODEL_BIAS"], &places[..]].concat(),
            [&["--analysis-type=MODEL_QUALITY", problem], positive, of_quality].concat(),
        ]
    }
}

fn tree(files: &[Vec<String>], headers: Option<&[String]>) -> Tree {
    let tree = Tree::new();
    let mut config = json!({
        "dataset_type": "application/sagemakercapturejson", "headers": ["sex", "n", "y"], "label": "y",
        "label_values_or_threshold": ["c1"], "facet": [{"name_or_index": "sex", "value_or_threshold": [1]}],
        "methods": {"post_training_bias": {"methods": ["DPPL", "DI", "AD"]}},
    });
    if let Some(headers) = headers {
        config["predictor"] = json!({"label_headers": headers});
    }
    tree.config(&config);
    for (number, records) in files.iter().enumerate() {
        tree.file(&format!("processing/input/captures/{number}.jsonl"), records.concat());
    }
    tree
}

/// Records in doubt beside sound ones come to what the sound ones come to, in any order, division and part, and are named;
/// `on_bad_record` = `fail` ends the job.
#[track_caller]
fn left_out(sound: &[String], odd: &[String], settings: &[&str], headers: Option<&[String]>) {
    let settings = [settings, &[CAPTURES]].concat();
    let without = tree(&[sound.to_vec()], headers);
    without.succeed(&settings);
    for at in [0, sound.len()] {
        let mut records = sound.to_vec();
        records.splice(at..at, odd.iter().cloned());
        let one = tree(&[records.clone()], headers);
        let run = one.succeed(&settings);
        assert_eq!(numbers(&one), numbers(&without), "{settings:?} at {at}");
        for number in 0..odd.len() {
            let told = format!("0.jsonl, line {}", at + number + 1);
            assert!(run.log.contains(&told) && run.log.contains("event odd"), "{told} is not in {}", run.log);
        }
        let dry = one.succeed(&[&["validate"], &settings[..]].concat());
        assert!(dry.stdout.contains("event odd"), "{}", dry.stdout);
        let strict = [&settings[..], &["--on-bad-record=fail"]].concat();
        tree(&[records.clone()], headers).fail(&strict, 3, "PL0301");
        for cut in [odd.len(), sound.len()] {
            let (head, tail) = records.split_at(cut);
            let files = tree(&[head.to_vec(), tail.to_vec()], headers);
            files.succeed(&settings);
            assert_eq!(numbers(&files), numbers(&without), "{settings:?} at {at} cut at {cut}");
            in_parts(&files, &settings, &without);
        }
    }
}

/// An answer of which one row is left has as many scores as there are rows.
#[test]
fn the_list_of_one_row_is_no_answer_to_several() {
    for form in Form::ALL {
        for k in [2, 3] {
            // Sound records have as many rows, or one.
            for n in [k, 1] {
                let classes =
                    |number: usize| (0..n).map(|row| (number + number / 4 + row) % k).collect::<Vec<_>>();
                let sound = |number| record("good", number, n, k, form.answer(&classes(number), k));
                let sound: Vec<String> = (0..24).map(sound).collect();
                let lost = |number| record("odd", number, k, k, form.answer(&[number % k], k));
                let odd: Vec<String> = (0..3).map(lost).collect();
                left_out(&sound, &odd, &form.settings(), form.headers(k).as_deref());
            }
        }
    }
}

/// Where most lists go over the rows, one that a row has for itself contradicts them.
#[test]
fn the_lists_of_each_row_are_left_out_where_most_go_over_rows() {
    for form in [Form::Lists, Form::Lines] {
        for k in [2, 3] {
            let over_rows = |number| record("good", number, k, k, form.answer(&[number % k], k));
            let sound: Vec<String> = (0..24).map(over_rows).collect();
            let classes = |number: usize| (0..k).map(|row| (number + row) % k).collect::<Vec<_>>();
            let each = |number| record("odd", number, k, k, form.answer(&classes(number), k));
            let odd: Vec<String> = (0..3).map(each).collect();
            left_out(&sound, &odd, &form.settings(), None);
        }
    }
}

/// Two labels for one row are no choice where the lists of most records have a label for each row.
#[test]
fn several_values_are_no_choice_where_lists_go_over_rows() {
    for form in Flat::ALL {
        for k in [2, 3] {
            for settings in form.settings(k) {
                let classes =
                    |number: usize| (0..k).map(|row| (number + number / 4 + row) % k).collect::<Vec<_>>();
                let sound = |number| record("good", number, k, k, form.answer(&classes(number)));
                let mut sound: Vec<String> = (0..24).map(sound).collect();
                // A list of one value goes with either.
                sound.extend((0..9).map(|number| record("good", number, 1, k, form.answer(&[number % k]))));
                let more = |number| record("odd", number, 1, k, form.answer(&[number % k, (number + 1) % k]));
                let odd: Vec<String> = (0..3).map(more).collect();
                left_out(&sound, &odd, &settings, None);
            }
        }
    }
}

/// Labels in a list over all rows beside lists of scores, and one row with the scores of its classes: each place has a rule of its
/// own.
#[test]
fn labels_over_rows_stand_beside_scores_of_each_row() {
    let settings =
        ["--analysis-type=MODEL_BIAS", "--inference-attribute=n", "--probability-attribute=p", CAPTURES];
    let answer = |classes: &[usize]| {
        let names: Vec<String> = classes.iter().copied().map(name).collect();
        let all: Vec<Vec<f64>> = classes.iter().map(|class| scores(*class, 2)).collect();
        (json!({"n": names, "p": all}).to_string(), "application/json")
    };
    let two = |number: usize| record("good", number, 2, 2, answer(&[number % 2, number / 2 % 2]));
    let one = |number: usize| {
        let text = json!({"n": name(number % 2), "p": scores(number % 2, 2)}).to_string();
        record("good", number, 1, 2, (text, "application/json"))
    };
    for (twos, ones) in [(12, 3), (3, 12), (8, 8)] {
        let tree = tree(&[(0..twos).map(two).chain((0..ones).map(one)).collect()], None);
        let run = tree.succeed(&settings);
        let rows = tree.result("bias_details.json")["run"]["rows"].clone();
        assert_eq!(
            (rows["rows"].as_u64(), run.log.contains("left out")),
            (Some(2 * twos as u64 + ones as u64), false)
        );
    }
}

/// As many of each kind tell nothing: both are left out, and the job fails if they are most records.
#[test]
fn as_many_lists_of_each_kind_are_left_out() {
    let form = Form::LinesOfScores;
    let settings = [&form.settings()[..], &[CAPTURES]].concat();
    let over_rows = |number: usize| record("odd", number, 2, 2, form.answer(&[number % 2], 2));
    let of_one = |number: usize| record("odd", number, 1, 2, form.answer(&[number % 2], 2));
    let headers = form.headers(2);
    let records: Vec<String> = (0..4).map(over_rows).chain((0..4).map(of_one)).collect();
    tree(&[records], headers.as_deref()).fail(&settings, 3, "PL0308");
}
