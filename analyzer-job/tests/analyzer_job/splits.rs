//! Every split of a few small files into parts, for each monitor and each format: folded and combined they are one run, byte for
//! byte, or they are refused for a reason that cannot be helped. The files have what real ones have now and then: rows without
//! a key, keys in another order, nulls, header rows in the middle or alone, lines that are no record, files without a row.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, StringArray};
use serde_json::{Value, json};

use crate::parquet_file;
use crate::program::{OUTPUT, Run, Tree, files_below};

const DATA: &str = "processing/input/rows";
const SOURCE: &str = "--dataset-source=/opt/ml/processing/input/rows";

/// Refusals that are no loss of a result: the parts cannot know what only the whole tells, and the message says what to do.
const ALLOWED: [&str; 7] = [
    "parts of the data take the values of objects in different orders",
    "parts of the data read one line for several rows differently",
    "parts of the data were read differently",
    "parts of the data have different columns",
    "a part of the data was grouped by another column",
    // Of a part whose files alone do not have what the configuration names.
    "Headers must contain label",
    "Unable to locate the facet",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Csv,
    Lines,
    Document,
    Parquet,
    Captures,
    Merged,
}

impl Format {
    const ALL: [Format; 6] =
        [Format::Csv, Format::Lines, Format::Document, Format::Parquet, Format::Captures, Format::Merged];

    fn of_quality(self) -> &'static str {
        match self {
            Format::Csv => r#"--dataset-format={"csv":{"header":true}}"#,
            Format::Lines => r#"--dataset-format={"json":{"lines":true}}"#,
            Format::Document => r#"--dataset-format={"json":{}}"#,
            Format::Parquet => r#"--dataset-format={"parquet":{}}"#,
            Format::Captures => {
                r#"--dataset-format={"sagemakerCaptureJson":{"captureIndexNames":["endpointInput","endpointOutput"]}}"#
            }
            Format::Merged => {
                r#"--dataset-format={"sagemakerMergeJson":{"captureIndexNames":["endpointInput","endpointOutput"]}}"#
            }
        }
    }

    fn dataset_type(self) -> &'static str {
        match self {
            Format::Csv => "text/csv",
            Format::Lines => "application/jsonlines",
            Format::Document => "application/json",
            Format::Parquet => "application/x-parquet",
            Format::Captures | Format::Merged => "application/sagemakercapturejson",
        }
    }

    fn ending(self) -> &'static str {
        match self {
            Format::Csv => "csv",
            Format::Lines | Format::Captures | Format::Merged => "jsonl",
            Format::Document => "json",
            Format::Parquet => "parquet",
        }
    }
}

/// Numbers that are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }

    /// True once in `n` times.
    fn once_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len() as u64) as usize]
    }
}

/// A row: sex, a number, label and prediction, a score, a plan.
struct Row {
    sex: &'static str,
    n: u64,
    y: &'static str,
    p: &'static str,
    score: u64,
    plan: &'static str,
}

impl Row {
    fn new(random: &mut Random) -> Row {
        Row {
            sex: random.of(&["f", "m", "m", "d"]),
            n: random.below(40),
            y: random.of(&["no", "yes"]),
            p: random.of(&["no", "yes"]),
            score: random.below(9) + 1,
            plan: random.of(&["a", "b", "b", "c d"]),
        }
    }

    /// `odd`: with what real data have now and then.
    fn csv(&self, odd: bool, random: &mut Random) -> String {
        let Row { sex, n, y, p, score, plan } = self;
        let sex = if odd && random.once_in(8) { "" } else { sex };
        let n = if odd && random.once_in(9) { format!("{n}.0") } else { n.to_string() };
        format!("{sex},{n},{y},{p},0.{score},{plan}")
    }

    fn object(&self, odd: bool, random: &mut Random) -> String {
        let Row { sex, n, y, p, score, plan } = self;
        let x = if odd && random.once_in(3) {
            format!(r#"{{"n":{n},"sex":"{sex}"}}"#)
        } else {
            format!(r#"{{"sex":"{sex}","n":{n}}}"#)
        };
        let mut fields = vec![
            format!(r#""x":{x}"#),
            format!(r#""y":"{y}""#),
            format!(r#""p":"{p}""#),
            format!(r#""score":0.{score}"#),
            format!(r#""plan":"{plan}""#),
        ];
        if odd && random.once_in(5) {
            let at = random.below(5) as usize;
            fields.rotate_left(at);
        }
        if odd && random.once_in(9) {
            fields.push(format!(r#""late{}":1"#, random.below(2)));
        }
        format!("{{{}}}", fields.join(","))
    }

    fn record(&self, (id, minute): (u64, u64), merged: bool, odd: bool, random: &mut Random) -> String {
        let Row { sex, n, y, p, score, plan } = self;
        let x = if odd && random.once_in(3) {
            format!(r#"{{"n":{n},"sex":"{sex}","plan":"{plan}"}}"#)
        } else {
            format!(r#"{{"sex":"{sex}","n":{n},"plan":"{plan}"}}"#)
        };
        let x = if odd && random.once_in(9) { "{}".into() } else { x };
        let output = format!(r#"{{"p":"{p}","score":0.{score}}}"#);
        let mut record = json!({
            "captureData": {
                "endpointInput": {"data": x, "encoding": "JSON", "observedContentType": "application/json"},
                "endpointOutput": {"data": output, "encoding": "JSON", "observedContentType": "application/json"},
            },
            "eventMetadata": {
                "eventId": format!("e{id}"),
                "inferenceTime": format!("2024-05-01T{:02}:{:02}:00Z", minute / 60, minute % 60),
            },
            "eventVersion": "0",
        });
        if merged && !(odd && random.once_in(9)) {
            record["groundTruthData"] = json!({"data": y, "encoding": "CSV"});
        }
        if odd && random.once_in(12) {
            record["eventMetadata"]["inferenceTime"] = json!("at noon");
        }
        record.to_string()
    }
}

const HEADER: &str = "sex,n,y,p,score,plan";

/// The bytes of one file. `bad`: lines that are no record are left out and counted by who reads it, and a column may be
/// missing.
fn file(format: Format, number: u64, odd: bool, bad: bool, random: &mut Random) -> Vec<u8> {
    let n_rows = if odd && random.once_in(6) { 0 } else { random.below(5) + 3 };
    let rows: Vec<Row> = (0..n_rows).map(|_| Row::new(random)).collect();
    let mut text = String::new();
    match format {
        Format::Csv => {
            if odd && random.once_in(8) {
                text.push('\u{feff}');
            }
            let late = (bad && odd && random.once_in(2)).then(|| random.below(2));
            let _ = match late {
                Some(late) => writeln!(text, "{HEADER},late{late}"),
                None => writeln!(text, "{HEADER}"),
            };
            for row in &rows {
                let more = if late.is_some() { ",5" } else { "" };
                let _ = writeln!(text, "{}{more}", row.csv(odd, random));
                if odd && !bad && random.once_in(8) {
                    let _ = writeln!(text, "{HEADER}");
                }
                if bad && odd && random.once_in(8) {
                    let _ = writeln!(text, "{}", random.of(&["f,1", "\"f,1,2,3,4,5", "f,1,1,1,0.5,a,b,c"]));
                }
            }
        }
        Format::Lines => {
            for row in &rows {
                if bad && odd && random.once_in(4) {
                    let _ = writeln!(
                        text,
                        "{}",
                        random.of(&[
                            "{}",
                            r#"{"x":"#,
                            r#"{"x":{}}"#,
                            r#"{"x":null}"#,
                            r#"{"y":null}"#,
                            "[1,2]"
                        ])
                    );
                }
                let _ = writeln!(text, "{}", row.object(odd, random));
            }
        }
        Format::Document => {
            let mut objects = Vec::new();
            for row in &rows {
                if bad && odd && random.once_in(4) {
                    let lacking = ["{}", r#"{"x":{}}"#, r#"{"x":null}"#, r#"{"y":null}"#];
                    objects.push(random.of(&lacking).to_string());
                }
                objects.push(row.object(odd, random));
            }
            text = if bad {
                format!("[{}]", objects.join(",\n"))
            } else {
                format!("{{\"rows\":[{}]}}", objects.join(",\n"))
            };
        }
        Format::Parquet => {
            let late = (bad && odd && random.once_in(2)).then(|| format!("late{}", random.below(2)));
            return parquet(&rows, late.as_deref());
        }
        Format::Captures | Format::Merged => {
            for (at, row) in (0..).zip(&rows) {
                if odd && random.once_in(8) {
                    let _ = writeln!(
                        text,
                        "{}",
                        random.of(&["{\"captureData\": {", "{}", "{\"captureData\":{}}"])
                    );
                }
                let place = (number * 100 + at, (number * 37 + at * 11) % 240);
                let _ = writeln!(text, "{}", row.record(place, format == Format::Merged, odd, random));
            }
        }
    }
    text.into_bytes()
}

/// `late`: a column that other files may not have.
fn parquet(rows: &[Row], late: Option<&str>) -> Vec<u8> {
    let texts = |of: fn(&Row) -> &'static str| -> ArrayRef {
        Arc::new(rows.iter().map(|row| Some(of(row))).collect::<StringArray>())
    };
    let numbers = |of: fn(&Row) -> u64| -> ArrayRef {
        Arc::new(rows.iter().map(|row| Some(of(row) as i64)).collect::<Int64Array>())
    };
    let mut columns: Vec<(&str, ArrayRef)> = vec![
        ("sex", texts(|row| row.sex)),
        ("n", numbers(|row| row.n)),
        ("y", texts(|row| row.y)),
        ("p", texts(|row| row.p)),
        ("score", numbers(|row| row.score % 2)),
        ("plan", texts(|row| row.plan)),
    ];
    columns.extend(late.map(|name| (name, numbers(|row| row.n))));
    parquet_file::file(columns)
}

/// What is run on which data.
#[derive(Debug, Clone)]
struct Case {
    name: &'static str,
    format: Format,
    settings: Vec<String>,
    config: Option<Value>,
    /// Lines that are no record cost no run.
    bad: bool,
}

fn bias_config(format: Format, features: Option<&str>, headers: bool) -> Value {
    let mut config = json!({
        "dataset_type": format.dataset_type(), "label": "y", "label_values_or_threshold": ["yes"],
        "facet": [{"name_or_index": 0, "value_or_threshold": ["f"]}],
        "methods": {"pre_training_bias": {"methods": "all"}, "post_training_bias": {"methods": ["DPPL", "DI", "AD", "FT"]}},
    });
    if let Some(features) = features {
        config["features"] = json!(features);
    }
    match format {
        Format::Csv | Format::Parquet => config["predicted_label"] = json!("p"),
        Format::Lines => {
            config["predicted_label"] = json!("p");
            if headers {
                config["headers"] = json!(["sex", "n", "y", "p"]);
            }
        }
        Format::Document => {
            (config["label"], config["predicted_label"]) = (json!("rows[*].y"), json!("rows[*].p"));
            if headers {
                config["headers"] = json!(["sex", "n", "y", "p"]);
            }
        }
        Format::Captures | Format::Merged => {
            if headers {
                config["headers"] = json!(["sex", "n", "plan", "y"]);
            }
        }
    }
    config
}

fn texts(settings: &[&str]) -> Vec<String> {
    settings.iter().map(|text| text.to_string()).collect()
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let model_quality =
        ["--analysis-type=MODEL_QUALITY", "--problem-type=BinaryClassification", "--positive-label=yes"];
    for format in Format::ALL {
        let mut add = |name, settings: &[&str], config: Option<Value>, bad| {
            cases.push(Case { name, format, settings: texts(settings), config, bad });
        };
        let of_quality = format.of_quality();
        add("data quality", &["--analysis-type=DATA_QUALITY", of_quality], None, true);
        add(
            "data quality by position",
            &["--analysis-type=DATA_QUALITY", of_quality, "--segment-columns=1", "--segment-minimum-rows=1"],
            None,
            true,
        );
        add(
            "data quality by name",
            &[
                "--analysis-type=DATA_QUALITY",
                of_quality,
                "--segment-columns=plan",
                "--segment-minimum-rows=1",
            ],
            None,
            true,
        );
        match format {
            Format::Csv | Format::Lines | Format::Document | Format::Parquet => {
                let by_name = [
                    "--inference-attribute=p",
                    "--probability-attribute=score",
                    "--ground-truth-attribute=y",
                ];
                let of_format = [&model_quality[..], &[of_quality], &by_name].concat();
                add("model quality", &[&of_format[..], &["--segment-columns=plan"]].concat(), None, true);
                add(
                    "model quality by position",
                    &[&of_format[..], &["--segment-columns=2"]].concat(),
                    None,
                    true,
                );
                let features = match format {
                    Format::Lines => Some("x.*"),
                    Format::Document => Some("rows[*].x.*"),
                    _ => None,
                };
                add("bias", &[], Some(bias_config(format, features, false)), false);
                if features.is_some() {
                    add("bias with headers", &[], Some(bias_config(format, features, true)), false);
                }
            }
            Format::Captures => {}
            Format::Merged => {
                let places = [
                    "--inference-attribute=p",
                    "--probability-attribute=score",
                    "--ground-truth-attribute=0",
                ];
                let of_format = [&model_quality[..], &[of_quality], &places].concat();
                add("model quality", &[&of_format[..], &["--segment-attributes=plan"]].concat(), None, true);
                let bias =
                    ["--analysis-type=MODEL_BIAS", "--features-attribute=@.*", "--inference-attribute=p"];
                add("bias", &bias, Some(bias_config(format, None, false)), true);
                add("bias with headers", &bias, Some(bias_config(format, None, true)), true);
                let list =
                    ["--analysis-type=DATA_QUALITY,MODEL_QUALITY,MODEL_BIAS", "--features-attribute=@.*"];
                let list = [&list[..], &model_quality[1..], &[of_quality], &places].concat();
                add("list", &list, Some(bias_config(format, None, true)), true);
            }
        }
    }
    cases
}

/// Which file is of which part: all ways with two or three parts.
fn splits(n_files: usize) -> Vec<Vec<usize>> {
    let mut all: Vec<Vec<usize>> = vec![Vec::new()];
    for _ in 0..n_files {
        let longer = |split: &Vec<usize>| {
            let next = split.iter().max().map_or(0, |last| last + 1).min(2);
            let split = split.clone();
            (0..=next).map(move |part| [&split[..], &[part]].concat()).collect::<Vec<_>>()
        };
        all = all.iter().flat_map(longer).collect();
    }
    all.retain(|split| split.contains(&1));
    all
}

fn clear(tree: &Tree) {
    fs::remove_dir_all(tree.path(OUTPUT)).unwrap();
    fs::create_dir_all(tree.path(OUTPUT)).unwrap();
    fs::remove_file(tree.path("output/message")).ok();
}

fn code(message: &str) -> &str {
    message.split(": ").nth(1).unwrap_or_default()
}

fn is_allowed(exit: Option<i32>, message: &str) -> bool {
    exit != Some(0) && ALLOWED.iter().any(|text| message.contains(text))
}

/// Numbers that are added in another order differ in their last digits; all else is compared as bytes.
fn is_near(one: &Value, two: &Value) -> bool {
    match (one, two) {
        (Value::Number(one), Value::Number(two)) => {
            let (one, two) = (one.as_f64().unwrap_or(f64::NAN), two.as_f64().unwrap_or(f64::NAN));
            one == two || (one - two).abs() <= 1e-9 * two.abs().max(1.0)
        }
        (Value::Array(one), Value::Array(two)) => {
            one.len() == two.len() && one.iter().zip(two).all(|(one, two)| is_near(one, two))
        }
        (Value::Object(one), Value::Object(two)) => {
            let is_same = |key: &str, one: &Value, two: &Value| {
                // The numbers of a sketch stand in the order in which they came.
                if key == "data" { sorted(one) == sorted(two) } else { is_near(one, two) }
            };
            one.len() == two.len()
                && one
                    .iter()
                    .zip(two)
                    .all(|((key, one), (other, two))| key == other && is_same(key, one, two))
        }
        (one, two) => one == two,
    }
}

fn sorted(lists: &Value) -> Vec<String> {
    let mut all: Vec<String> = lists
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|list| list.as_array().cloned().unwrap_or_default())
        .map(|number| number.to_string())
        .collect();
    all.sort();
    all
}

/// How the results of parts differ from those of one run.
fn difference(found: &BTreeMap<String, Vec<u8>>, expected: &BTreeMap<String, Vec<u8>>) -> Option<String> {
    let names = |of: &BTreeMap<String, Vec<u8>>| of.keys().cloned().collect::<Vec<_>>();
    if names(found) != names(expected) {
        return Some(format!("{:?} instead of {:?}", names(found), names(expected)));
    }
    expected.iter().find_map(|(name, two)| {
        let one = &found[name];
        let (folder, own) = name.rsplit_once('/').unwrap_or(("", name.as_str()));
        let is_of_quality =
            |name: &String| name.starts_with(folder) && name.ends_with("data_quality_details.json");
        // The sketch of a sum is not that of one run, and the pages of data quality show the digits of its means.
        let shows_means = own == "data_quality_profile.json.gz"
            || (own.starts_with("report.") && expected.keys().any(is_of_quality));
        if one == two || shows_means {
            return None;
        }
        let json = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).ok();
        // Means and deviations of data quality.
        let numbers = ["statistics.json", "data_quality_details.json", "constraints.json"];
        if numbers.iter().any(|end| name.ends_with(end))
            && let (Some(one), Some(two)) = (json(one), json(two))
            && is_near(&one, &two)
        {
            return None;
        }
        let [one, two] = [one, two].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        let lines = || one.lines().zip(two.lines());
        let at = lines().find(|(one, two)| one != two).map_or(String::new(), |(one, two)| {
            let from = one.bytes().zip(two.bytes()).take_while(|(one, two)| one == two).count();
            let from = (0..=from.saturating_sub(80))
                .rev()
                .find(|at| one.is_char_boundary(*at) && two.is_char_boundary(*at))
                .unwrap_or(0);
            let cut = |text: &str| text[from..].chars().take(300).collect::<String>();
            format!("`{}` instead of `{}`", cut(one), cut(two))
        });
        Some(format!("{name}: {at}"))
    })
}

/// What went wrong with a case; `None` when all splits are one run.
fn check(case: &Case, seed: u64) -> Result<u64, String> {
    let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ case.format as u64);
    let tree = Tree::new();
    if let Some(config) = &case.config {
        tree.config(config);
    }
    // The first data are as they should be: what is odd must not keep all else from being compared.
    let odd = seed > 0;
    let names = ["b/1", "a", "b-2"].map(|name| format!("{name}.{}", case.format.ending()));
    for (number, name) in (0..).zip(&names) {
        tree.file(&format!("{DATA}/{name}"), file(case.format, number, odd, case.bad, &mut random));
    }
    let names: Vec<String> = files_below(&tree.path(DATA)).into_keys().collect();
    let settings: Vec<&str> = case.settings.iter().map(String::as_str).collect();
    let whole = tree.run(&[&settings[..], &[SOURCE]].concat());
    let expected = tree.results();
    clear(&tree);
    // What is as it should be has results.
    assert!(whole.code == Some(0) || odd, "{} of {:?}: {}", case.name, case.format, whole.message);
    let mut folded: BTreeMap<Vec<usize>, Run> = BTreeMap::new();
    let mut refused = 0;
    for split in splits(names.len()) {
        let n_parts = split.iter().max().unwrap() + 1;
        let parts: Vec<Vec<usize>> =
            (0..n_parts).map(|part| (0..names.len()).filter(|&file| split[file] == part).collect()).collect();
        let mut arguments = vec!["combine".to_string()];
        let mut failed = None;
        for files in &parts {
            let number = files.iter().map(usize::to_string).collect::<String>();
            // Parts are not called in the order of their files.
            let out = tree
                .path(&format!("states/{}{number}.state", ["z", "y", "x"][files[0]]))
                .display()
                .to_string();
            let run = folded.entry(files.clone()).or_insert_with(|| {
                let list = files.iter().map(|&file| names[file].as_str()).collect::<Vec<_>>().join("\n");
                tree.file("list", list);
                let list = format!("--files={}", tree.path("list").display());
                tree.run(&[&["fold", "--out", &out, &list, SOURCE], &settings[..]].concat())
            });
            if run.code != Some(0) {
                failed = Some((run.code, run.message.clone()));
            }
            arguments.push(out);
        }
        let told =
            |what: String| Err(format!("{} of {:?}, data {seed}, {split:?}: {what}", case.name, case.format));
        if let Some((exit, message)) = failed {
            // What stops a part stops the run, but for what only the whole knows.
            if code(&message) != code(&whole.message) && !is_allowed(exit, &message) {
                return told(format!("a fold ends with {message}, the run with {}", whole.message));
            }
            refused += 1;
            continue;
        }
        arguments.extend(case.settings.iter().cloned());
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let run = tree.run(&arguments);
        let found = tree.results();
        clear(&tree);
        if is_allowed(run.code, &run.message) {
            refused += 1;
            continue;
        }
        if run.code != whole.code || (run.code != Some(0) && code(&run.message) != code(&whole.message)) {
            return told(format!("combined {}, the run {}", run.message, whole.message));
        }
        if run.code == Some(0) {
            if run.message != whole.message {
                return told(format!("combined {}, the run {}", run.message, whole.message));
            }
            if let Some(difference) = difference(&found, &expected) {
                return told(difference);
            }
        }
    }
    Ok(refused)
}

/// Data that every case is run over; more of them find more, and take longer.
const SEEDS: std::ops::Range<u64> = 0..2;

/// Runs some cases over some data, and tells all that went wrong.
#[track_caller]
fn check_all(is_wanted: impl Fn(&Case) -> bool) {
    let mut wrong = Vec::new();
    for case in cases().iter().filter(|case| is_wanted(case)) {
        let mut refused = 0;
        for seed in SEEDS {
            match check(case, seed) {
                Ok(more) => refused += more,
                Err(what) => wrong.push(what),
            }
        }
        // Tables name the columns in every file.
        if refused > 0 && matches!(case.format, Format::Csv | Format::Parquet) {
            wrong.push(format!("{} of {:?}: {refused} refused", case.name, case.format));
        }
    }
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn data_quality_of_every_split_is_that_of_one_run() {
    check_all(|case| case.name.starts_with("data quality"));
}

#[test]
fn model_quality_of_every_split_is_that_of_one_run() {
    check_all(|case| case.name.starts_with("model quality"));
}

#[test]
fn bias_of_every_split_is_that_of_one_run() {
    check_all(|case| case.name.starts_with("bias"));
}

#[test]
fn a_list_of_monitors_of_every_split_is_that_of_one_run() {
    check_all(|case| case.name == "list");
}
