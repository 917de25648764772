//! Parts of captured records, by their hours or by their files: together they say what one run says.

use std::fs;

use serde_json::{Value, json};

use super::parts::{DATA, clear, dataset, folded, path, refused};
use crate::program::{CONFIG, Tree, gzip};

/// A captured record with its label. `minute`: after midnight; none for a record without a time.
fn record(minute: Option<usize>, number: usize) -> String {
    let mut metadata = json!({"eventId": format!("e{number}")});
    if let Some(minute) = minute {
        metadata["inferenceTime"] = json!(format!("2024-05-01T{:02}:{:02}:00Z", minute / 60, minute % 60));
    }
    let record = json!({
        "captureData": {
            "endpointInput": {"data": format!("{},{}", number % 2, number % 7), "encoding": "CSV"},
            "endpointOutput": {"data": format!("{},0.{}", number / 2 % 2, number % 9 + 1), "encoding": "CSV"},
        },
        "groundTruthData": {"data": (number / 3 % 2).to_string(), "encoding": "CSV"},
        "eventMetadata": metadata, "eventVersion": "0",
    });
    format!("{record}\n")
}

const WINDOW_SETTINGS: [&[&str]; 3] = [
    &["--analysis-type=MODEL_BIAS", "--inference-attribute=0"],
    &[
        "--analysis-type=MODEL_QUALITY",
        "--problem-type=BinaryClassification",
        "--inference-attribute=0",
        "--probability-attribute=1",
        "--ground-truth-attribute=0",
    ],
    &[
        "--analysis-type=DATA_QUALITY",
        r#"--dataset-format={"sagemakerCaptureJson":{"captureIndexNames":["endpointInput","endpointOutput"]}}"#,
    ],
];
const CAPTURES: &str = "--dataset-source=/opt/ml/processing/input/captures";

/// Five hours in three files, each of which has records of several hours, damaged lines, and times that are none.
fn captures() -> Tree {
    let tree = Tree::new();
    for file in 0..3_usize {
        let mut text = String::new();
        for row in 0..100_usize {
            let minute = (row + file * 50) * 300 / 200;
            text.push_str(&record(Some(minute), file * 100 + row));
            if row % 30 == 9 + file {
                text.push_str("{\"captureData\": {\n");
            }
            if row % 45 == 20 {
                text.push_str(&record(Some(minute), 0).replace("T0", "at "));
            }
            if row % 37 == 5 {
                text.push_str(&record(Some(minute), 0).replace("endpointOutput", "endpointOut"));
            }
        }
        tree.file(&format!("processing/input/captures/{}.jsonl", ["b", "a", "c"][file]), text);
    }
    tree.config(&json!({
        "dataset_type": "application/sagemakercapturejson", "headers": ["sex", "n", "y"], "label": "y",
        "label_values_or_threshold": [1], "facet": [{"name_or_index": "sex", "value_or_threshold": [1]}],
        "methods": {"post_training_bias": {"methods": ["DPPL", "DI", "AD"]}},
    }));
    tree
}

fn time(hour: usize) -> String {
    format!("2024-05-01T{hour:02}:00:00Z")
}

/// Hours by their times over the same folder are a run over all of these hours: nothing is read, bad or outside twice.
#[test]
fn windows_over_the_same_files_add_up_to_one_window() {
    for settings in WINDOW_SETTINGS {
        let tree = captures();
        let settings = [settings, &[CAPTURES]].concat();
        let window = |from: usize, to: usize| {
            [format!("--start-time={}", time(from)), format!("--end-time={}", time(to))]
        };
        let [from, to] = window(1, 4);
        let whole = tree.succeed(&[&settings[..], &[&from, &to]].concat());
        let expected = tree.results();
        clear(&tree);
        for hour in 1..4 {
            let [from, to] = window(hour, hour + 1);
            let out = path(&tree, &format!("states/{hour}.state"));
            tree.succeed(&[&["fold", "--out", &out, &from, &to], &settings[..]].concat());
        }
        let states = path(&tree, "states");
        let combine = [&["combine", &states, &from, &to], &settings[..settings.len() - 1]].concat();
        let combined = tree.succeed(&combine);
        assert_eq!(combined.message, whole.message);
        let found = tree.results();
        let lines =
            |bytes: &[u8]| String::from_utf8_lossy(bytes).lines().map(String::from).collect::<Vec<_>>();
        for name in expected.keys().filter(|name| name.ends_with(".json") && *name != "statistics.json") {
            let (found, expected) = (lines(&found[name]), lines(&expected[name]));
            let differing = found.iter().zip(&expected).find(|(one, two)| one != two);
            assert!(found == expected, "{name} {}: {differing:?}", settings[0]);
        }
        // Half an hour of the second one counts in another part too.
        let out = path(&tree, "states/late.state");
        let times = ["--start-time=2024-05-01T02:30:00Z", "--end-time=2024-05-01T05:00:00Z"];
        tree.succeed(&[&["fold", "--out", &out], &times[..], &settings[..]].concat());
        clear(&tree);
        let run = tree.run(&combine);
        refused(&tree, &run, 3, &["PL0909", "late.state", "2.state", "overlap"]);
    }
}

/// A record without a time is in every window, and CSV has no times at all.
#[test]
fn rows_without_a_time_do_not_count_in_two_windows() {
    for (settings, grows) in
        WINDOW_SETTINGS.iter().flat_map(|settings| [(*settings, false), (*settings, true)])
    {
        let tree = captures();
        let settings = [settings, &[CAPTURES]].concat();
        for hour in 1..3 {
            // A file that grows between the folds is the same file.
            let text = record(Some(70), 1) + &record(None, 2);
            let text = if grows && hour == 1 { text } else { text + &record(Some(130), 4) };
            tree.file("processing/input/captures/d.jsonl", text);
            let (from, to) =
                (format!("--start-time={}", time(hour)), format!("--end-time={}", time(hour + 1)));
            let out = path(&tree, &format!("states/{hour}.state"));
            tree.succeed(&[&["fold", "--out", &out, &from, &to], &settings[..]].concat());
        }
        let states = path(&tree, "states");
        let run = tree.run(&[&["combine", &states], &settings[..settings.len() - 1]].concat());
        refused(&tree, &run, 3, &["PL0909", "2.state", "without a time", "d.jsonl"]);
    }
    let tree = dataset();
    for hour in 1..3 {
        let (from, to) = (format!("--start-time={}", time(hour)), format!("--end-time={}", time(hour + 1)));
        folded(&tree, &format!("states/{hour}.state"), "0.csv", &[&from, &to]);
    }
    let run = tree.run(&["combine", &path(&tree, "states")]);
    refused(&tree, &run, 3, &["PL0909", "2.state", "0.csv"]);
}

/// A file that grows while its windows are folded: what the first window saw of it is counted once.
#[test]
fn windows_over_a_file_that_grows_are_one_run_over_all_of_it() {
    for settings in WINDOW_SETTINGS {
        let tree = captures();
        let settings = [settings, &[CAPTURES]].concat();
        let window = |from: usize, to: usize| {
            [format!("--start-time={}", time(from)), format!("--end-time={}", time(to))]
        };
        let path_of = |name: &str| format!("processing/input/captures/{name}.jsonl");
        let whole = fs::read_to_string(tree.path(&path_of("b"))).unwrap();
        let lines: Vec<&str> = whole.lines().collect();
        // In the middle of a line, as a fold may come upon it.
        let cut = lines[..60].join("\n") + "\n" + &lines[60][..20];
        tree.file(&path_of("b"), cut);
        for (hour, text) in [(0, None), (1, Some(lines[..90].join("\n"))), (2, Some(whole.clone()))] {
            if let Some(text) = text {
                tree.file(&path_of("b"), text);
            }
            let [from, to] = if hour == 2 { window(2, 5) } else { window(hour, hour + 1) };
            let out = path(&tree, &format!("states/{hour}.state"));
            tree.succeed(&[&["fold", "--out", &out, &from, &to], &settings[..]].concat());
        }
        let [from, to] = window(0, 5);
        let run = tree.succeed(&[&settings[..], &[&from, &to]].concat());
        let expected = tree.results();
        clear(&tree);
        let places = path(&tree, "states");
        let combine = [&["combine", &places, &from, &to], &settings[..settings.len() - 1]].concat();
        let combined = tree.succeed(&combine);
        assert_eq!(combined.message, run.message);
        for (name, bytes) in &expected {
            let same =
                ["analysis.json", "analysis_details.json", "model_quality_details.json", "constraints.json"];
            if same.contains(&name.as_str()) {
                assert!(tree.results()[name] == *bytes, "{settings:?}: {name}");
            }
        }
        // Windows that overlap are refused, though the file has grown since.
        let [late, later] = window(1, 3);
        clear(&tree);
        tree.file(&path_of("b"), whole.clone() + &record(Some(100), 7));
        let out = path(&tree, "states/3.state");
        tree.succeed(&[&["fold", "--out", &out, &late, &later], &settings[..]].concat());
        let run = tree.run(&combine);
        refused(&tree, &run, 3, &["PL0909", "3.state", "overlap"]);
    }
}

/// Windows do not divide data without times: a file that grows would count in each of them.
#[test]
fn windows_of_data_without_times_are_said_to_have_no_effect_and_count_no_file_twice() {
    let row = |n: usize| json!({"sex": "f", "y": n % 2, "p": n / 2 % 2}).to_string() + "\n";
    let csv = |n: usize| format!("f,{},{}\n", n % 2, n / 2 % 2);
    let rows = |n: usize, row: &dyn Fn(usize) -> String| (0..n).map(row).collect::<String>();
    let quality = "--analysis-type=DATA_QUALITY";
    for (format, head, row) in [
        (r#"--dataset-format={"csv":{"header":true}}"#, "sex,y,p\n", &csv as &dyn Fn(usize) -> String),
        (r#"--dataset-format={"json":{"lines":true}}"#, "", &row),
    ] {
        let tree = Tree::new();
        for hour in 1..3 {
            tree.file(&format!("{DATA}/day"), format!("{head}{}", rows(20 * hour, row)));
            let window = [format!("--start-time={}", time(hour)), format!("--end-time={}", time(hour + 1))];
            let out = path(&tree, &format!("states/{hour}.state"));
            let source = "--dataset-source=/opt/ml/processing/input/data";
            let run = tree.succeed(&["fold", "--out", &out, quality, format, source, &window[0], &window[1]]);
            assert!(run.log.contains("have no effect"), "{}", run.log);
        }
        let run = tree.run(&["combine", &path(&tree, "states"), quality, format]);
        refused(&tree, &run, 3, &["PL0909", "2.state", "day", "without times", "leave out `start_time`"]);
    }
}

/// Data and labels are not on the machine that combines.
#[test]
fn settings_that_name_data_do_not_keep_from_combining() {
    let list = "--analysis-type=DATA_QUALITY,MODEL_BIAS";
    for settings in WINDOW_SETTINGS.into_iter().chain([&[list, "--inference-attribute=0"][..]]) {
        let tree = captures();
        tree.succeed(&[&["fold", "--out", &path(&tree, "states/p0.state"), CAPTURES], settings].concat());
        let gone = ["--dataset-source=/opt/ml/gone", "--ground-truth-source=/opt/ml/labels"];
        tree.succeed(&[&["combine", &path(&tree, "states")], settings, &gone].concat());
        // Results beside a state would be states of the next run that is given the folder.
        let states = path(&tree, "states");
        let run = tree.run(
            &[&["combine", &path(&tree, "states/p0.state"), "--output-path", &states], settings].concat(),
        );
        assert!(run.code == Some(1) && run.message.contains("output_path"), "{}", run.message);
    }
}

/// A host of several, with these files, as the platform sets it up.
fn host(tree: &Tree, name: &str, folder: &str) {
    tree.file(
        "config/resourceconfig.json",
        json!({"current_host": name, "hosts": ["algo-1", "algo-2"]}).to_string(),
    );
    let input = json!({"InputName": "data", "S3Input": {"LocalPath": format!("/opt/ml/{folder}"), "S3Uri": "s3://b/k",
        "S3DataDistributionType": "ShardedByS3Key"}});
    tree.file("config/processingjobconfig.json", json!({"ProcessingInputs": [input]}).to_string());
    fs::create_dir_all(tree.path(folder)).unwrap();
}

/// The input of the page, of each monitor: `dataset`, with files and with an empty shard, and one where no monitor looks.
#[test]
fn hosts_find_the_data_of_the_input_named_dataset_or_say_that_there_are_none() {
    for settings in WINDOW_SETTINGS {
        for (folder, rows, code) in [
            ("processing/input/data", 60, 0),
            ("processing/input/data", 0, 0),
            ("processing/input/mine", 60, 2),
        ] {
            let tree = Tree::new();
            let source = captures();
            tree.config(&serde_json::from_slice(&fs::read(source.path(CONFIG)).unwrap()).unwrap());
            host(&tree, "algo-2", folder);
            let text = fs::read_to_string(tree.path("config/processingjobconfig.json")).unwrap();
            let name = if code == 0 { "\"dataset\"" } else { "\"mine\"" };
            tree.file("config/processingjobconfig.json", text.replace("\"data\"", name));
            if rows > 0 {
                let records: String = (0..rows).map(|row| record(Some(row), row)).collect();
                tree.file(&format!("{folder}/a.jsonl"), records);
            }
            let run = tree.run(settings);
            assert_eq!(run.code, Some(code), "{settings:?} {folder} {rows}: {} {}", run.message, run.log);
            if code == 0 {
                // Another host speaks for the job.
                assert!(
                    run.message.is_empty() && run.log.contains(&format!("folded {rows} rows")),
                    "{}",
                    run.log
                );
            } else {
                // A failure is visible, and says whose it is: the service joins the messages of all hosts.
                assert!(run.message.starts_with("Error: PL0302: algo-2: "), "{}", run.message);
            }
        }
    }
}

/// Another host may have what this one's shard lacks: a dry run ends as the job of this host does.
#[test]
fn a_dry_run_of_a_host_ends_as_its_job() {
    let rows = "processing/input/rows";
    let (source, captures) = ("--dataset-source=/opt/ml/processing/input/rows", "processing/input/captures");
    let lines = r#"--dataset-format={"json":{"lines":true}}"#;
    let (bias, quality) = (WINDOW_SETTINGS[0], WINDOW_SETTINGS[1]);
    let late = "--start-time=2025-01-01T00:00:00Z";
    let data = "--analysis-type=DATA_QUALITY";
    let (json, csv) = ([data, source, lines], [data, source, r#"--dataset-format={"csv":{}}"#]);
    let none = [data, "--dataset-source=/opt/ml/processing/input/none"];
    let captured_late = [CAPTURES, late];
    let cases: Vec<(&str, &[&str], &[&str])> = vec![
        (rows, &json, &["--segment-columns=nothing"]),
        (rows, &json, &["--segment-columns=plan"]),
        (rows, &csv, &["--segment-columns=nothing"]),
        ("processing/input/none", &none, &[]),
        (captures, quality, &[CAPTURES, "--inference-attribute=9"]),
        (captures, quality, &[CAPTURES, "--ground-truth-attribute=9"]),
        (captures, quality, &captured_late),
        (captures, quality, &[CAPTURES]),
        (captures, bias, &[CAPTURES, "--inference-attribute=9"]),
        (captures, bias, &captured_late),
        (captures, bias, &[CAPTURES]),
        (captures, &["--analysis-type=DATA_QUALITY,MODEL_BIAS"], &[CAPTURES, "--inference-attribute=9"]),
    ];
    for (folder, settings, more) in cases {
        let name = |setting: &str| setting.split('=').next().map(str::to_owned);
        let is_given = |setting: &&&str| more.iter().any(|given| name(given) == name(setting));
        let kept = settings.iter().filter(|setting| !is_given(setting));
        let settings = &kept.chain(more).copied().collect::<Vec<_>>()[..];
        let tree = self::captures();
        tree.file(&format!("{rows}/a.jsonl"), "{\"plan\":\"x\",\"n\":1}\n{\"plan\":\"y\",\"n\":2}\n");
        host(&tree, "algo-2", folder);
        let dry = tree.run(&[&["validate"], settings].concat());
        let job = tree.run(settings);
        assert_eq!(dry.code, job.code, "{settings:?}: {} {}", dry.stdout, job.log);
        if settings.iter().any(|setting| setting.ends_with("=nothing") || setting.ends_with("=9"))
            && job.code == Some(0)
        {
            assert!(dry.stdout.contains("`analyzer-job combine` judges"), "{settings:?}: {}", dry.stdout);
        }
    }
}

/// Nothing has a label: one run and the parts of it say the same, with and without estimates.
#[test]
fn captures_without_any_label_are_the_same_in_parts() {
    for settings in &WINDOW_SETTINGS[..2] {
        for estimate in ["Disabled", "Enabled"] {
            let tree = captures();
            let folder = tree.path("processing/input/captures");
            for name in ["a", "b", "c"] {
                let path = folder.join(format!("{name}.jsonl"));
                let text = fs::read_to_string(&path).unwrap().replace("groundTruthData", "nothing");
                fs::write(path, text).unwrap();
            }
            // An empty folder, and labels of others.
            for labels in [None, Some("somebody-else")] {
                fs::create_dir_all(tree.path("labels")).unwrap();
                if let Some(id) = labels {
                    let label = json!({"groundTruthData": {"data": "1", "encoding": "CSV"}, "eventMetadata": {"eventId": id}, "eventVersion": "0"});
                    tree.file("labels/a.jsonl", label.to_string());
                }
                let labels = format!("--ground-truth-source={}", path(&tree, "labels"));
                let estimate = format!("--estimate-without-labels={estimate}");
                let settings = [settings, &[labels.as_str(), &estimate, CAPTURES][..]].concat();
                let whole = tree.run(&settings);
                let dry = tree.run(&[&["validate"], &settings[..]].concat());
                assert_eq!(dry.code, whole.code, "{}", dry.stdout);
                let expected = if whole.code == Some(0) { tree.results() } else { Default::default() };
                let estimated = estimate.ends_with("Enabled") && settings[0].ends_with("QUALITY");
                assert_eq!(whole.code, Some(if estimated { 0 } else { 2 }), "{}", whole.log);
                for (part, files) in [("p0", "a.jsonl\nc.jsonl"), ("p1", "b.jsonl")] {
                    folded(&tree, &format!("states/{part}.state"), files, &settings);
                }
                clear(&tree);
                let states = path(&tree, "states");
                let combine = [&["combine", &states], &settings[..settings.len() - 1]].concat();
                let combined = tree.run(&combine);
                assert_eq!(combined.code, whole.code, "{}", combined.log);
                assert_eq!(combined.message, whole.message);
                if estimated {
                    assert!(tree.results() == expected && !expected.is_empty());
                } else {
                    // Both sides by name: that is what tells why nothing matches.
                    assert!(combined.message.contains("(ids `e"), "{}", combined.message);
                }
                clear(&tree);
            }
        }
    }
}

/// Whether too many captures are bad is told of all of them, not of a part.
#[test]
fn a_part_with_bad_captures_only_is_one_of_a_run_with_few() {
    for settings in &WINDOW_SETTINGS[..2] {
        for (good, code) in [(200, 0), (20, 3)] {
            let tree = Tree::new();
            let source = captures();
            tree.config(&serde_json::from_slice(&fs::read(source.path(CONFIG)).unwrap()).unwrap());
            let records: String = (0..good).map(|row| record(Some(row), row)).collect();
            let bad: String = (0..30).map(|_| "{\"captureData\": 1}\n").collect();
            let label = |row: usize| {
                let label = json!({"groundTruthData": {"data": (row / 3 % 2).to_string(), "encoding": "CSV"},
                    "eventMetadata": {"eventId": format!("e{row}")}, "eventVersion": "0"});
                format!("{label}\n")
            };
            tree.file("processing/input/captures/a.jsonl", records.replace("groundTruthData", "nothing"))
                .file("processing/input/captures/b.jsonl", bad)
                .file("labels/a.jsonl", (0..good).map(label).collect::<String>());
            let labels = format!("--ground-truth-source={}", path(&tree, "labels"));
            let settings = [settings, &[labels.as_str(), CAPTURES][..]].concat();
            let whole = tree.run(&settings);
            assert_eq!(whole.code, Some(code), "{}", whole.log);
            for (part, file) in [("p0", "a.jsonl"), ("p1", "b.jsonl")] {
                folded(&tree, &format!("states/{part}.state"), file, &settings);
            }
            clear(&tree);
            let states = path(&tree, "states");
            let combined = tree.run(&[&["combine", &states], &settings[..settings.len() - 1]].concat());
            assert_eq!(combined.code, whole.code, "{}", combined.log);
            assert_eq!(combined.message, whole.message);
            if code > 0 {
                refused(&tree, &combined, code, &["PL0402", "30 of 50 captures"]);
            }
        }
    }
}

/// Captures of which none can be used, whatever is wrong with them.
#[test]
fn captures_that_cannot_be_used_are_told_in_parts_as_in_one_run() {
    let whole_record = record(Some(1), 1);
    let cut = gzip(whole_record.repeat(20).as_bytes())[..60].to_vec();
    let label =
        json!({"groundTruthData": {"data": "1", "encoding": "CSV"}, "eventMetadata": {"eventId": "e"}});
    for settings in &WINDOW_SETTINGS[..2] {
        for text in [
            b"{\n{\n{\n".to_vec(),
            b"a,b\n1,2\n3,4\n".to_vec(),
            b"{\"captureData\": 1}\n".repeat(3),
            format!("{label}\n").repeat(4).into_bytes(),
            cut.clone(),
        ] {
            let tree = captures();
            let folder = "processing/input/captures";
            fs::remove_dir_all(tree.path(folder)).unwrap();
            for name in ["a", "b"] {
                tree.file(&format!("{folder}/{name}.jsonl"), &text);
            }
            tree.file("labels/a.jsonl", format!("{label}\n"));
            let labels = format!("--ground-truth-source={}", path(&tree, "labels"));
            let settings = [settings, &[labels.as_str(), CAPTURES][..]].concat();
            let whole = tree.run(&settings);
            assert!(whole.code > Some(0), "{}", whole.log);
            for name in ["a", "b"] {
                folded(&tree, &format!("states/{name}.state"), &format!("{name}.jsonl"), &settings);
            }
            let combined =
                tree.run(&[&["combine", &path(&tree, "states")], &settings[..settings.len() - 1]].concat());
            assert_eq!((combined.code, combined.message), (whole.code, whole.message));
        }
    }
}

/// States of parts without rows are no configuration that cannot be used, but no data.
#[test]
fn states_without_rows_are_no_data() {
    for settings in WINDOW_SETTINGS {
        let tree = captures();
        fs::remove_dir_all(tree.path("processing/input/captures")).unwrap();
        fs::create_dir_all(tree.path("processing/input/captures")).unwrap();
        // The configuration of a monitor, which leaves it to the data what they are.
        let mut config: Value = serde_json::from_slice(&fs::read(tree.path(CONFIG)).unwrap()).unwrap();
        config.as_object_mut().unwrap().remove("dataset_type");
        tree.config(&config);
        let folding = [settings, &[CAPTURES]].concat();
        for part in ["p0", "p1"] {
            let out = path(&tree, &format!("states/{part}.state"));
            tree.succeed(&[&["fold", "--out", &out], &folding[..]].concat());
        }
        let run = tree.run(&[&["combine", &path(&tree, "states")], settings].concat());
        refused(&tree, &run, 2, &["PL0302"]);
    }
}

/// What a state was folded for is told in the words of the settings.
#[test]
fn differing_monitors_are_told_by_their_names() {
    let tree = captures();
    let settings = [WINDOW_SETTINGS[0], &[CAPTURES]].concat();
    tree.succeed(&[&["fold", "--out", &path(&tree, "states/p0.state")], &settings[..]].concat());
    let run = tree.run(&["combine", &path(&tree, "states"), "--inference-attribute=0"]);
    refused(&tree, &run, 3, &["PL0909", "analysis_type `MODEL_BIAS`"]);
}

/// Reasons and segments that are as frequent as others come in an order of their own, not in that of the parts.
#[test]
fn what_is_equally_frequent_has_one_order() {
    let tree = Tree::new();
    let bad = ["x,0", "0,y", ",1", "1,"];
    for file in 0..4_usize {
        let mut text = String::from("y,p,plan\n");
        for row in 0..24_usize {
            let plan = ["d", "c", "b", "a"][(row + file) % 4];
            let cells = if row % 6 == 1 {
                bad[(file + row / 6) % 4].to_string()
            } else {
                format!("{},{}", row % 2, row / 2 % 2)
            };
            text.push_str(&format!("{cells},{plan}\n"));
        }
        tree.file(&format!("processing/input/data/{file}.csv"), text);
    }
    let source = "--dataset-source=/opt/ml/processing/input/data";
    let format = r#"--dataset-format={"csv":{"header":true}}"#;
    let monitors: [&[&str]; 2] = [
        &[
            "--analysis-type=MODEL_QUALITY",
            "--problem-type=Regression",
            "--inference-attribute=p",
            "--ground-truth-attribute=y",
            format,
        ],
        &["--analysis-type=DATA_QUALITY", "--segment-columns=plan", "--segment-minimum-rows=1", format],
    ];
    for (settings, details) in
        monitors.into_iter().zip(["model_quality_details.json", "data_quality_details.json"])
    {
        tree.succeed(&[settings, &[source]].concat());
        let keep = |details: Value| (details["run"]["rows"].clone(), details["segments"].clone());
        let expected = keep(tree.result(details));
        for deal in [[0, 1, 0, 1], [1, 1, 0, 0], [1, 0, 0, 1]] {
            for part in 0..2 {
                let files: Vec<String> =
                    (0..4).filter(|&file| deal[file] == part).map(|file| format!("{file}.csv")).collect();
                folded(
                    &tree,
                    &format!("states/p{part}.state"),
                    &files.join("\n"),
                    &[settings, &[source]].concat(),
                );
            }
            tree.succeed(&[&["combine", &path(&tree, "states")], settings].concat());
            assert_eq!(keep(tree.result(details)), expected, "{deal:?}");
        }
    }
}

/// A combination says what the run says of its settings.
#[test]
fn a_list_of_monitors_is_combined_with_the_warnings_of_its_run() {
    let tree = captures();
    let format =
        r#"--dataset-format={"sagemakerMergeJson":{"captureIndexNames":["endpointInput","endpointOutput"]}}"#;
    let settings = [
        &[
            "--analysis-type=DATA_QUALITY,MODEL_QUALITY",
            "--segment-columns=0",
            "--segment-minimum-rows=1",
            format,
        ],
        &WINDOW_SETTINGS[1][1..],
        &[CAPTURES],
    ]
    .concat();
    for with_format in [true, false] {
        let settings: Vec<&str> =
            settings.iter().copied().filter(|setting| with_format || *setting != format).collect();
        tree.succeed(&settings);
        let details = |tree: &Tree| tree.result("model-quality/model_quality_details.json");
        let expected = details(&tree)["run"]["warnings"].clone();
        assert!(expected.to_string().contains("segment_attributes"), "{expected}");
        folded(&tree, "states/p0.state", "a.jsonl", &settings);
        folded(&tree, "states/p1.state", "b.jsonl\nc.jsonl", &settings);
        let states = path(&tree, "states");
        let run = tree.succeed(&[&["combine", &states], &settings[..settings.len() - 1]].concat());
        assert_eq!(details(&tree)["run"]["warnings"], expected);
        assert!(run.log.contains("segment_attributes"), "{}", run.log);
    }
}

/// What is wrong with all of the data is told as one run tells it: of the data, and of no state.
#[test]
fn parts_without_a_usable_row_end_as_one_run() {
    let unlabelled = |number| record(None, number).replace("groundTruthData", "other");
    let unusable = ["{\"captureData\": {}}\n", "{\"captureData\": {\n"].map(String::from);
    for settings in WINDOW_SETTINGS {
        let is_labelled = !settings[0].ends_with("DATA_QUALITY");
        let of_labels = is_labelled.then(|| [unlabelled(1), unlabelled(2)]);
        for lines in of_labels.into_iter().chain([unusable.clone()]) {
            let tree = captures();
            fs::remove_dir_all(tree.path("processing/input/captures")).unwrap();
            for (name, line) in ["a", "b"].into_iter().zip(&lines) {
                tree.file(&format!("processing/input/captures/{name}.jsonl"), line);
            }
            let settings = [settings, &[CAPTURES]].concat();
            let one = tree.run(&settings);
            assert!(one.code != Some(0) && one.message.starts_with("Error: "), "{}", one.message);
            for name in ["a", "b"] {
                folded(&tree, &format!("states/{name}.state"), &format!("{name}.jsonl"), &settings);
            }
            let states = path(&tree, "states");
            let combined = tree.run(&[&["combine", &states], settings.as_slice()].concat());
            assert_eq!((combined.code, &combined.message), (one.code, &one.message));
            // Where nothing names the data no state stands for them.
            let combined = tree.run(&[&["combine", &states], &settings[..settings.len() - 1]].concat());
            assert_eq!(combined.code, one.code, "{}", combined.message);
            assert!(!combined.message.contains(".state"), "{}", combined.message);
        }
    }
}
