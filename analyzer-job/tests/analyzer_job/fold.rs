//! Parts of the data, folded by themselves and combined: the same bytes as one run over all of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use plumbline_generator::dataset::Format;
use plumbline_generator::traffic::CAPTURES;
use serde_json::{Value, json};

use crate::program::{CONFIG, OUTPUT, Tree, captured, files_below, model, monitored, traffic};

pub(crate) const DATA: &str = "processing/input/data";

/// The part of each file, from a fixed row of pseudo-random numbers.
fn assigned(n_files: usize, n_parts: usize, seed: u64) -> Vec<usize> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..n_files)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state % n_parts as u64) as usize
        })
        .collect()
}

/// Folds the files of `folder` in so many parts, and gives the paths of the states.
#[track_caller]
pub(crate) fn fold(tree: &Tree, folder: &Path, n_parts: usize, seed: u64, settings: &[&str]) -> Vec<String> {
    let names: Vec<String> = files_below(folder).into_keys().collect();
    let parts = assigned(names.len(), n_parts, seed);
    let all: Vec<String> = (0..n_parts).map(|part| format!("p{part}")).collect();
    let all = format!("--parts={}", all.join(","));
    (0..n_parts)
        .map(|part| {
            let list: Vec<&str> = names
                .iter()
                .zip(&parts)
                .filter(|(_, own)| **own == part)
                .map(|(name, _)| name.as_str())
                .collect();
            tree.file(&format!("lists/{part}"), list.join("\n"));
            let list = format!("--files={}", tree.path(&format!("lists/{part}")).display());
            let out = tree.path(&format!("states/p{part}.state")).display().to_string();
            let run = tree.succeed(&[&["fold", "--out", &out, &list, &all], settings].concat());
            assert!(run.message.starts_with("Completed: folded "), "{}", run.message);
            out
        })
        .collect()
}

/// Runs once over everything, then in parts and combined; every result must be the same bytes.
#[track_caller]
pub(crate) fn check(tree: &Tree, folder: &Path, settings: &[&str]) {
    let whole = tree.succeed(settings);
    let expected = tree.results();
    assert!(!expected.is_empty());
    for (n_parts, seed) in [(2, 2), (5, 4)] {
        fs::remove_dir_all(tree.path(OUTPUT)).unwrap();
        fs::create_dir_all(tree.path(OUTPUT)).unwrap();
        let states = fold(tree, folder, n_parts, seed, settings);
        assert!(tree.results().is_empty(), "a fold leaves its state only");
        // In any order.
        let mut arguments: Vec<&str> = states.iter().rev().map(String::as_str).collect();
        arguments.insert(0, "combine");
        let without_data: Vec<&str> =
            settings.iter().copied().filter(|setting| !setting.starts_with("--dataset-source")).collect();
        arguments.extend(&without_data);
        let combined = tree.succeed(&arguments);
        assert_eq!(combined.message, whole.message, "{n_parts} parts");
        same(&tree.results(), &expected, n_parts);
    }
}

#[track_caller]
pub(crate) fn same(found: &BTreeMap<String, Vec<u8>>, expected: &BTreeMap<String, Vec<u8>>, n_parts: usize) {
    let names: Vec<&String> = found.keys().collect();
    assert_eq!(names, expected.keys().collect::<Vec<_>>(), "{n_parts} parts");
    for (name, bytes) in expected {
        if found[name] != *bytes {
            let [found, expected] =
                [&found[name], bytes].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
            let line = found.lines().zip(expected.lines()).find(|(one, two)| one != two);
            panic!("{n_parts} parts: {name} differs: {line:?}");
        }
    }
}

/// Files in which nearly everything that depends on the whole is decided late: the type of a column, the values of a
/// facet and their order, a missing text, a repeated header row.
pub(crate) fn dataset(tree: &Tree, flips: bool) {
    let (cities, jobs) = (["Oslo", "Bergen", "Tromsø", "NA", "Ålesund"], ["b", "a", "", "c"]);
    let mut state = 7_u64;
    let mut next = |n: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) % n
    };
    for file in 0..9_u64 {
        let mut text = String::from("age,city,job,code,y,p\n");
        for row in 0..40 {
            let age = next(60) + 18;
            // Only the last file shows that ages have decimals and codes are no numbers.
            let age = if file == 8 && row == 3 { format!("{age}.5") } else { age.to_string() };
            let code = if file == 7 && row == 5 { "x9".into() } else { format!("{:02}", next(4)) };
            let city = cities[next(1 + file.min(4)) as usize];
            let job = jobs[next(4) as usize];
            text.push_str(&format!("{age},{city},{job},{code},{},{}\n", next(2), next(2)));
            if row == 20 && file % 4 == 1 {
                text.push_str("age,city,job,code,y,p\n");
            }
        }
        // Folders, so that the order of the files is not that of their whole names.
        tree.file(&format!("{DATA}/{}/part-{}.csv", ["b", "a", "a-b"][file as usize % 3], 10 - file), text);
    }
    let methods = if flips { json!("all") } else { json!(["DI", "DPPL", "CDDPL", "AD"]) };
    tree.config(&json!({
        "dataset_type": "text/csv", "label": "y", "label_values_or_threshold": [1], "predicted_label": "p",
        "facet": [{"name_or_index": "city"}, {"name_or_index": "age", "value_or_threshold": [40]},
            {"name_or_index": "code", "value_or_threshold": ["03"]}],
        "group_variable": "job",
        "methods": {"pre_training_bias": {"methods": "all"}, "post_training_bias": {"methods": methods}},
    }));
}

#[test]
fn bias_of_files_in_any_parts_is_that_of_one_run() {
    for flips in [false, true] {
        let tree = Tree::new();
        dataset(&tree, flips);
        check(&tree, &tree.path(DATA), &["--intersections=Enabled"]);
    }
}

/// Rows are compared with each other up to a limit of all parts together; above it there is no flip test, and the reason is
/// told. Everything else is as it is without it.
#[test]
fn above_the_limit_of_rows_the_flip_test_is_null_with_the_reason() {
    let tree = Tree::new();
    let line = |row: usize| {
        format!("{},{},{},{}\n", if row.is_multiple_of(3) { "b" } else { "a" }, row % 5, row % 2, row / 3 % 2)
    };
    let text = |rows: std::ops::Range<usize>| "f,x,y,p\n".to_string() + &rows.map(line).collect::<String>();
    tree.file(&format!("{DATA}/large.csv"), text(0..1_000_001))
        .file(&format!("{DATA}/small.csv"), text(0..1));
    let config = |methods: &[&str]| {
        tree.config(&json!({
            "dataset_type": "text/csv", "label": "y", "label_values_or_threshold": [1], "predicted_label": "p",
            "facet": [{"name_or_index": "f", "value_or_threshold": ["b"]}],
            "methods": {"post_training_bias": {"methods": methods}},
        }));
    };
    config(&["DPPL", "FT"]);
    for part in ["large", "small"] {
        tree.file("list", format!("{part}.csv"));
        let out = tree.path(&format!("states/{part}.state")).display().to_string();
        tree.succeed(&["fold", "--out", &out, &format!("--files={}", tree.path("list").display())]);
    }
    tree.succeed(&["combine", &tree.path("states").display().to_string()]);
    let metrics = |tree: &Tree| {
        let analysis = tree.result("analysis.json");
        analysis["post_training_bias_metrics"]["facets"]["f"][0]["metrics"].as_array().unwrap().clone()
    };
    let found = metrics(&tree);
    assert_eq!((&found[1]["name"], &found[1]["value"]), (&json!("FT"), &Value::Null));
    assert!(found[1]["error"].as_str().unwrap().contains("at most 1000000 rows"), "{}", found[1]);
    config(&["DPPL"]);
    tree.succeed(&[]);
    assert_eq!(metrics(&tree)[0], found[0]);
}

/// Damages a line in every second file, the same line number in each.
fn damage(folder: &Path) {
    for (number, (name, bytes)) in files_below(folder).into_iter().enumerate() {
        let mut text = String::from_utf8(bytes).unwrap();
        if number % 2 == 0 {
            text = text.replacen("captureData", "captureDat", 1 + number % 3);
        }
        fs::write(folder.join(name), text).unwrap();
    }
}

pub(crate) fn several_files() -> Tree {
    let mut traffic = traffic(500, 0.3);
    traffic.rows_per_file = 25;
    let tree = monitored(&traffic);
    damage(&tree.path("processing/input_data"));
    tree
}

#[test]
fn captured_records_in_any_parts_are_one_run_with_the_same_bad_records() {
    let tree = several_files();
    let mut config: Value = serde_json::from_slice(&fs::read(tree.path(CONFIG)).unwrap()).unwrap();
    config["methods"]["post_training_bias"]["methods"] = json!(["DI", "AD", "TE"]);
    tree.config(&config);
    check(
        &tree,
        &tree.path("processing/input_data"),
        &[
            "--analysis-type=MODEL_BIAS",
            "--features-attribute=features",
            "--inference-attribute=approved",
            "--dataset-source=/opt/ml/processing/input_data",
        ],
    );
}

#[test]
fn model_quality_in_any_parts_is_that_of_one_run() {
    let tree = several_files();
    fs::remove_file(tree.path(CONFIG)).unwrap();
    check(
        &tree,
        &tree.path("processing/input_data"),
        &[
            "--analysis-type=MODEL_QUALITY",
            "--problem-type=BinaryClassification",
            "--dataset-format={\"sagemakerMergeJson\":{\"captureIndexNames\":[\"endpointOutput\"]}}",
            "--inference-attribute=approved",
            "--probability-attribute=score",
            "--ground-truth-attribute=repaid",
            "--dataset-source=/opt/ml/processing/input_data",
        ],
    );
}

/// Hours of which no label has come yet: their rows wait for it, in parts as in one run.
#[test]
fn parts_without_any_label_keep_their_rows() {
    for labels_of in [&[1][..], &[3, 0]] {
        let tree = Tree::new();
        let folder = "processing/input/captures";
        for hour in 0..4 {
            let record = |row: u32| {
                let output = format!("{},0.{}", row % 2, row % 9 + 1);
                json!({
                    "captureData": {
                        "endpointInput": {"data": "1", "encoding": "CSV"},
                        "endpointOutput": {"data": output, "encoding": "CSV"},
                    },
                    "eventMetadata": {"eventId": format!("{hour}-{row}"), "inferenceTime": "2024-05-01T01:00:00Z"},
                    "eventVersion": "0",
                })
            };
            let label = |row: u32| {
                json!({
                    "groundTruthData": {"data": (row / 2 % 2).to_string(), "encoding": "CSV"},
                    "eventMetadata": {"eventId": format!("{hour}-{row}")},
                    "eventVersion": "0",
                })
            };
            let lines =
                |of: &dyn Fn(u32) -> Value| (0..30).map(|row| format!("{}\n", of(row))).collect::<String>();
            tree.file(&format!("{folder}/2024/05/01/0{hour}/a.jsonl"), lines(&record));
            if labels_of.contains(&hour) {
                tree.file(&format!("labels/2024/05/01/0{hour}/a.jsonl"), lines(&label));
            }
        }
        let labels = format!("--ground-truth-source={}", tree.path("labels").display());
        let settings = [
            "--analysis-type=MODEL_QUALITY",
            "--problem-type=BinaryClassification",
            "--inference-attribute=0",
            "--probability-attribute=1",
            "--ground-truth-attribute=0",
            "--dataset-source=/opt/ml/processing/input/captures",
            &labels,
        ];
        check(&tree, &tree.path(folder), &settings);
        let details: Value = serde_json::from_slice(&tree.results()["model_quality_details.json"]).unwrap();
        assert_eq!(details["rows_without_label"], 30 * (4 - labels_of.len()), "{labels_of:?}");
    }
}

/// Classes are called as they are spelled first, in a file that may be of any part.
#[test]
fn classes_and_segments_of_files_in_any_parts_are_those_of_one_run() {
    let tree = Tree::new();
    let spelled = [["1", "1.0", "01"], ["0", "0.0", "false"]];
    for file in 0..8_usize {
        let mut text = String::from("y,p,group\n");
        for row in 0..30_usize {
            let class =
                |at: usize| spelled[(row + at) % 2][(file + at + row / 7) % if at == 0 { 2 } else { 1 }];
            let label = if row == 11 { "" } else { class(0) };
            text.push_str(&format!("{label},{},g{}\n", class(row % 3), (file * 3 + row) % 5));
            if row == 9 {
                text.push_str("1,0,g1,too,long\n");
            }
        }
        tree.file(&format!("{DATA}/{}", ["b/1", "a/2", "a/1", "c", "b/0", "a-1", "d", "B"][file]), text);
    }
    check(
        &tree,
        &tree.path(DATA),
        &[
            "--analysis-type=MODEL_QUALITY",
            "--problem-type=BinaryClassification",
            "--dataset-format={\"csv\":{\"header\":true}}",
            "--inference-attribute=p",
            "--ground-truth-attribute=y",
            "--segment-columns=group",
            "--dataset-source=/opt/ml/processing/input/data",
        ],
    );
}

/// Values that some files lack, a file whose rows lack the column, and segments that are large enough only together.
#[test]
fn segments_of_parts_are_those_of_one_run() {
    let tree = Tree::new();
    for file in 0..8_usize {
        let mut text = String::new();
        for row in 0..40_usize {
            let plan = match (row * 7 + file * 3) % 11 {
                0 => "null".to_string(),
                1 => r#""(missing)""#.into(),
                rest if rest > 7 => format!("\"only-{file}\""),
                rest => format!("\"p{}\"", rest * file % 5),
            };
            // The third file brings a column, and two have no plan.
            let plan = if file % 4 == 1 { String::new() } else { format!(r#","plan":{plan}"#) };
            let late = if file > 1 { format!(r#","late":{}"#, row % 6) } else { String::new() };
            text.push_str(&format!("{{\"n\":{}{plan}{late}}}\n", row * file));
        }
        tree.file(
            &format!("{DATA}/{}.jsonl", ["b/1", "a/2", "a/1", "c", "b/0", "a-1", "d", "B"][file]),
            text,
        );
    }
    let settings = [
        "--analysis-type=DATA_QUALITY",
        "--dataset-format={\"json\":{\"lines\":true}}",
        "--segment-columns=plan",
        "--segment-minimum-rows=12",
        "--dataset-source=/opt/ml/processing/input/data",
    ];
    let whole = tree.succeed(&settings);
    let expected = tree.result("data_quality_details.json");
    let told = expected["segments"].as_array().unwrap();
    assert!(told.len() > 4 && told.iter().any(|segment| segment["value"] == "(missing)"), "{told:?}");
    assert!(whole.log.contains("of fewer than 12 rows"), "{}", whole.log);
    for (n_parts, seed) in [(2, 3), (5, 4), (8, 9)] {
        let states = fold(&tree, &tree.path(DATA), n_parts, seed, &settings);
        let mut arguments = vec!["combine"];
        arguments.extend(states.iter().map(String::as_str).chain(settings[..4].iter().copied()));
        tree.succeed(&arguments);
        let found = tree.result("data_quality_details.json");
        for key in ["segments", "warnings"] {
            assert_eq!(found[key], expected[key], "{n_parts} parts");
        }
    }
}

/// Parts of which some lack the column of the segments, or that of the labels.
#[test]
fn columns_that_some_parts_lack_cost_no_part() {
    let tree = Tree::new();
    for file in 0..6_usize {
        let row = |row: usize| {
            let plan =
                if file % 3 == 0 { String::new() } else { format!(r#","plan":"p{}""#, (row + file) % 4) };
            let label = if file == 1 { String::new() } else { format!(r#","y":{}"#, row / 3 % 2) };
            format!("{{\"p\":{}{plan}{label}}}\n", row % 2)
        };
        let name = ["b/1", "a/2", "a/1", "c", "b/0", "d"][file];
        tree.file(&format!("{DATA}/{name}.jsonl"), (0..30).map(row).collect::<String>());
    }
    let settings = [
        "--analysis-type=MODEL_QUALITY",
        "--problem-type=BinaryClassification",
        "--dataset-format={\"json\":{\"lines\":true}}",
        "--inference-attribute=p",
        "--ground-truth-attribute=y",
        "--segment-columns=plan",
        "--dataset-source=/opt/ml/processing/input/data",
    ];
    check(&tree, &tree.path(DATA), &settings);
    let details: Value = serde_json::from_slice(&tree.results()["model_quality_details.json"]).unwrap();
    let first = &details["groups"][0];
    assert_eq!((&first["value"], &first["rows"]), (&json!("(missing)"), &json!(60)), "{details}");
}

/// Everything but sums of fractions and the sketch is the same: those are as near as the page says.
#[test]
fn data_quality_in_any_parts_is_that_of_one_run_within_the_stated_bounds() {
    let mut traffic = traffic(4000, 0.2);
    traffic.rows_per_file = 150;
    let tree = captured(&traffic);
    fs::remove_file(tree.path(CONFIG)).unwrap();
    let captures = tree.path("traffic").join(CAPTURES);
    damage(&captures);
    let source = format!("--dataset-source={}", captures.display());
    let settings = [
        "--analysis-type=DATA_QUALITY",
        "--dataset-format={\"sagemakerCaptureJson\":{\"captureIndexNames\":[\"endpointInput\",\"endpointOutput\"]}}",
        &source,
    ];
    let whole = tree.succeed(&settings);
    let (constraints, expected) =
        (tree.results()["constraints.json"].clone(), tree.result("statistics.json"));
    for (n_parts, seed) in [(2, 5), (5, 6)] {
        let mut states = fold(&tree, &captures, n_parts, seed, &settings);
        states.insert(0, "combine".into());
        let states: Vec<&str> =
            states.iter().map(String::as_str).chain(settings[..2].iter().copied()).collect();
        assert_eq!(tree.succeed(&states).message, whole.message);
        assert!(tree.results()["constraints.json"] == constraints, "{n_parts} parts");
        let found = tree.result("statistics.json");
        assert_eq!(found["dataset"], expected["dataset"]);
        let features = |of: &Value| of["features"].as_array().unwrap().clone();
        let (found, expected) = (features(&found), features(&expected));
        assert_eq!(found.len(), expected.len());
        for (one, two) in found.iter().zip(&expected) {
            near(one, two);
        }
    }
}

#[track_caller]
fn near(one: &Value, two: &Value) {
    assert_eq!((&one["name"], &one["inferred_type"]), (&two["name"], &two["inferred_type"]));
    assert_eq!(one["string_statistics"], two["string_statistics"]);
    let (one, two) = (&one["numerical_statistics"], &two["numerical_statistics"]);
    for key in ["mean", "sum", "std_dev", "min", "max"] {
        match (one[key].as_f64(), two[key].as_f64()) {
            (Some(one), Some(two)) => {
                assert!((one - two).abs() <= 1e-12 * two.abs().max(1.0), "{key}: {one} {two}")
            }
            (one, two) => assert_eq!(one, two, "{key}"),
        }
    }
    assert_eq!(one["common"], two["common"]);
    let buckets = |of: &Value| of["distribution"]["kll"]["buckets"].as_array().cloned().unwrap_or_default();
    let total: f64 = buckets(two).iter().map(|bucket| bucket["count"].as_f64().unwrap()).sum();
    for (one, two) in buckets(one).iter().zip(buckets(two)) {
        let [one, two] = [one["count"].as_f64(), two["count"].as_f64()].map(Option::unwrap);
        assert!((one - two).abs() <= 0.02 * total, "{one} {two} of {total}");
    }
}

/// Attributions of parts: the baseline is made once, each part explains its own rows, and what every coalition tells
/// exactly adds up to one run.
#[test]
fn attributions_of_parts_add_up_to_those_of_one_run() {
    let server = model(|_| ());
    let mut config = plumbline_generator::configs::explainability_baseline(Format::Csv);
    config["methods"]["shap"]["num_clusters"] = json!(2);
    let shap = config["methods"]["shap"].as_object_mut().unwrap();
    shap.remove("baseline");
    shap.insert("features_to_explain".into(), json!(["age", "income", "loan_amount"]));
    shap.insert("save_local_shap_values".into(), json!(true));
    config["methods"].as_object_mut().unwrap().remove("pdp");
    let tree = Tree::with_dataset(&config, Format::Csv, 60, false);
    // Twelve files of five rows.
    let whole = files_below(&tree.path(DATA));
    let (name, text) = whole.iter().next().unwrap();
    fs::remove_file(tree.path(DATA).join(name)).unwrap();
    let text = String::from_utf8(text.clone()).unwrap();
    let (header, rows) = text.split_once('\n').unwrap();
    for (number, rows) in rows.lines().collect::<Vec<_>>().chunks(5).enumerate() {
        tree.file(&format!("{DATA}/{number:02}.csv"), format!("{header}\n{}\n", rows.join("\n")));
    }
    let url = format!("--model-url={}", server.url());
    let run = tree.run(&["fold", "--out", "x.state", &url]);
    assert!(run.message.contains("analyzer-job baseline"), "{}", run.message);

    tree.succeed(&[&url, "--estimator=exact"]);
    let (expected, single) = (tree.result("analysis.json"), tree.results());
    let out = tree.path("baseline.csv").display().to_string();
    tree.succeed(&["baseline", "--out", &out]);
    assert!(fs::read(&out).unwrap() == single["explanations_shap/baseline.csv"]);
    let shap = config["methods"]["shap"].as_object_mut().unwrap();
    shap.remove("num_clusters");
    shap.insert("baseline".into(), json!(out));
    tree.config(&config);
    fs::remove_dir_all(tree.path(OUTPUT)).unwrap();
    fs::create_dir_all(tree.path(OUTPUT)).unwrap();
    let names: Vec<String> = files_below(&tree.path(DATA)).into_keys().collect();
    let mut local: Vec<String> = Vec::new();
    let mut arguments: Vec<String> = vec!["combine".into()];
    for part in 0..3 {
        let list: Vec<&str> = names.iter().skip(part).step_by(3).map(String::as_str).collect();
        tree.file("list", list.join("\n"));
        let out = tree.path(&format!("states/p{part}.state")).display().to_string();
        let files = format!("--files={}", tree.path("list").display());
        tree.succeed(&["fold", "--out", &out, &files, &url, "--estimator=exact"]);
        let text =
            String::from_utf8(tree.results()[&format!("explanations_shap/out-p{part}.csv")].clone()).unwrap();
        local.extend(text.lines().skip(1).map(String::from));
        arguments.push(out);
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).chain(["--estimator=exact"]).collect();
    let combined = tree.succeed(&arguments);
    let warnings = |bytes: &[u8]| {
        let details: Value = serde_json::from_slice(bytes).unwrap();
        details["run"]["warnings"].clone()
    };
    let told = warnings(&tree.results()["explanations_details.json"]);
    assert_eq!(told, warnings(&single["explanations_details.json"]));
    assert_eq!(told.to_string().matches("features_to_explain").count(), 1);
    assert_eq!(combined.log.matches("features_to_explain").count(), 1, "{}", combined.log);
    let found = tree.result("analysis.json");
    let outputs = |of: &Value| of["explanations"]["kernel_shap"].as_object().unwrap().clone();
    let (found, expected) = (outputs(&found), outputs(&expected));
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    for (label, output) in &expected {
        assert_eq!(found[label]["expected_value"], output["expected_value"]);
        for (feature, value) in output["global_shap_values"].as_object().unwrap() {
            let (one, two) = (&found[label]["global_shap_values"][feature], value);
            let (one, two) = (one.as_f64().unwrap(), two.as_f64().unwrap());
            assert!((one - two).abs() <= 1e-9 * two.abs().max(1e-3), "{feature}: {one} {two}");
        }
    }
    let details = tree.result("explanations_details.json");
    assert_eq!((&details["rows_explained"], &details["baseline_rows"]), (&json!(60), &json!(2)));
    assert_eq!(local.len(), 60);
    let rows_of = |text: &[u8]| {
        let text = String::from_utf8(text.to_vec()).unwrap();
        text.lines().skip(1).map(String::from).collect::<Vec<_>>()
    };
    assert_eq!(rows_of(&single["explanations_shap/out.csv"]).len(), 60);
    assert!(tree.results()["explanations_shap/baseline.csv"] == single["explanations_shap/baseline.csv"]);
    // Another model's part does not belong to the others.
    let other = model(|options| options.model = std::sync::Arc::new(|_| vec![0.5]));
    let (out, files) = (tree.path("states/p1.state"), format!("--files={}", tree.path("list").display()));
    let (out, url) = (out.display().to_string(), format!("--model-url={}", other.url()));
    tree.succeed(&["fold", "--out", &out, &files, &url, "--estimator=exact"]);
    let run = tree.run(&arguments);
    assert_eq!(run.code, Some(3));
    assert!(
        run.message.starts_with("Error: PL0909: ") && run.message.contains("p1.state"),
        "{}",
        run.message
    );
}

const MERGED: &str = "--dataset-source=/opt/ml/processing/input_data";

pub(crate) fn monitors() -> [Vec<&'static str>; 2] {
    let bias =
        vec!["--analysis-type=MODEL_BIAS", "--features-attribute=features", "--inference-attribute=approved"];
    let quality = vec![
        "--analysis-type=MODEL_QUALITY",
        "--problem-type=BinaryClassification",
        "--dataset-format={\"sagemakerMergeJson\":{\"captureIndexNames\":[\"endpointOutput\"]}}",
        "--inference-attribute=approved",
        "--probability-attribute=score",
        "--ground-truth-attribute=repaid",
    ];
    [bias, quality]
}

/// A state of each hour, folded when no other was there yet: together they are a run over the day.
#[test]
fn the_states_of_24_hours_make_the_day() {
    let mut traffic = traffic(480, 0.4);
    traffic.hours = 24;
    let tree = monitored(&traffic);
    let folder = tree.path("processing/input_data");
    let mut hours: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for name in files_below(&folder).into_keys() {
        hours.entry(name.rsplit_once('/').unwrap().0.to_owned()).or_default().push(name);
    }
    assert_eq!(hours.len(), 24);
    for settings in monitors() {
        let settings = [&settings[..], &[MERGED]].concat();
        let whole = tree.succeed(&settings);
        let expected = tree.results();
        fs::remove_dir_all(tree.path("states")).ok();
        for (number, names) in hours.values().enumerate() {
            tree.file("lists/hour", names.join("\n"));
            let list = format!("--files={}", tree.path("lists/hour").display());
            let out = tree.path(&format!("states/h{number:02}.state")).display().to_string();
            tree.succeed(&[&["fold", "--out", &out, &list], &settings[..]].concat());
        }
        fs::remove_dir_all(tree.path(OUTPUT)).unwrap();
        fs::create_dir_all(tree.path(OUTPUT)).unwrap();
        let states = tree.path("states").display().to_string();
        let day = tree.succeed(&[&["combine", &states], &settings[..settings.len() - 1]].concat());
        assert_eq!(day.message, whole.message);
        same(&tree.results(), &expected, 24);
    }
}

/// The rows of one file, cut anywhere into files of which each is a part: what does not name files is that of the one
/// file, byte for byte.
#[test]
fn rows_of_one_file_in_any_parts_are_that_file() {
    let tree = monitored(&traffic(300, 0.4));
    let folder = tree.path("processing/input_data");
    let lines: Vec<String> = files_below(&folder)
        .into_values()
        .flat_map(|bytes| String::from_utf8(bytes).unwrap().lines().map(String::from).collect::<Vec<_>>())
        .collect();
    fs::remove_dir_all(&folder).unwrap();
    for settings in monitors() {
        let settings = [&settings[..], &[MERGED]].concat();
        tree.file("processing/input_data/all.jsonl", lines.join("\n"));
        tree.succeed(&settings);
        let kept = ["analysis.json", "statistics.json", "constraints.json"];
        let results = |tree: &Tree| -> BTreeMap<String, Vec<u8>> {
            tree.results().into_iter().filter(|(name, _)| kept.contains(&name.as_str())).collect()
        };
        let expected = results(&tree);
        assert!(!expected.is_empty());
        fs::remove_dir_all(&folder).unwrap();
        for (number, cuts) in [&[1, 2, 3][..], &[150], &[40, 41, 100, 170]].into_iter().enumerate() {
            let ends = cuts.iter().copied().chain([lines.len()]);
            let mut start = 0;
            for (at, end) in ends.enumerate() {
                tree.file(&format!("processing/input_data/rows-{at}.jsonl"), lines[start..end].join("\n"));
                start = end;
            }
            let mut arguments = vec!["combine".to_owned()];
            arguments.extend(fold(&tree, &folder, cuts.len() + 1, number as u64 + 3, &settings));
            let arguments =
                arguments.iter().map(String::as_str).chain(settings[..settings.len() - 1].iter().copied());
            tree.succeed(&arguments.collect::<Vec<_>>());
            assert!(results(&tree) == expected, "{cuts:?}: {:?}", settings[0]);
            fs::remove_dir_all(&folder).unwrap();
        }
    }
}

/// A setting that names a file stands for what is in it.
#[test]
fn columns_of_a_file_are_known_by_their_content() {
    let tree = Tree::new();
    for (name, columns) in [
        ("a.json", r#"[{"drop": ["x"]}]"#),
        ("same.json", r#"[{"drop": ["x"]}]"#),
        ("b.json", r#"[{"drop": ["y"]}]"#),
    ] {
        tree.file(&format!("columns/{name}"), columns);
    }
    fs::remove_file(tree.path(CONFIG)).ok();
    let settings = [
        "--analysis-type=DATA_QUALITY",
        "--dataset-source=/opt/ml/rows",
        "--dataset-format={\"csv\":{\"header\":true}}",
    ];
    for (part, columns) in [("p0", "a.json"), ("p1", "same.json"), ("p2", "b.json")] {
        tree.file("rows/a.csv", format!("x,y\n1,2\n{part},3\n"));
        let (out, columns) =
            (tree.path(&format!("states/{part}.state")), format!("--columns=/opt/ml/columns/{columns}"));
        tree.succeed(&[&["fold", "--out", &out.display().to_string(), &columns], &settings[..]].concat());
    }
    let combine = |parts: &[&str], columns: &str| {
        let states: Vec<String> = parts
            .iter()
            .map(|part| tree.path(&format!("states/{part}.state")).display().to_string())
            .collect();
        let columns = format!("--columns={columns}");
        let mut arguments: Vec<&str> = vec!["combine", &columns, settings[0], settings[2]];
        arguments.extend(states.iter().map(String::as_str));
        tree.run(&arguments)
    };
    for columns in ["/opt/ml/columns/same.json", r#"[{"drop": ["x"]}]"#] {
        let run = combine(&["p0", "p1"], columns);
        assert_eq!(run.code, Some(0), "{}", run.log);
    }
    for (parts, columns) in
        [(["p0", "p2"], "/opt/ml/columns/a.json"), (["p0", "p1"], "/opt/ml/columns/b.json")]
    {
        let run = combine(&parts, columns);
        assert_eq!(run.code, Some(3), "{}", run.log);
        assert!(
            run.message.starts_with("Error: PL0909") && run.message.contains("columns"),
            "{}",
            run.message
        );
    }
}

/// Texts inside of the baseline's domain are counted while the data are read, if they are too many to keep.
#[test]
fn a_baseline_with_a_domain_of_a_column_with_many_texts_must_be_known_to_fold() {
    let tree = Tree::new();
    let rows =
        |n: usize| "t,x\n".to_string() + &(0..400).map(|at| format!("v{},1\n", at % n)).collect::<String>();
    let settings = ["--analysis-type=DATA_QUALITY", "--dataset-source=/opt/ml/processing/input/data"];
    tree.file(&format!("{DATA}/a.csv"), rows(20)).succeed(&settings);
    for (name, bytes) in tree.results() {
        tree.file(&format!("baseline/{name}"), bytes);
    }
    let baseline = "--baseline-constraints=/opt/ml/baseline";
    for (n, known, is_refused) in [(200, false, true), (200, true, false), (100, false, false)] {
        tree.file(&format!("{DATA}/a.csv"), rows(n));
        let out = tree.path("a.state").display().to_string();
        let more: &[&str] = if known { &[baseline] } else { &[] };
        tree.succeed(&[&["fold", "--out", &out], &settings[..], more].concat());
        let combine = ["combine", &out, settings[0], baseline];
        fs::remove_dir_all(tree.path(OUTPUT)).unwrap();
        fs::create_dir_all(tree.path(OUTPUT)).unwrap();
        if is_refused {
            let run = tree.fail(&combine, 3, "PL0909");
            assert!(run.message.contains("`t`"), "{}", run.message);
        } else {
            tree.succeed(&combine);
        }
    }
}

/// What the constraints alone tell is told before rows are read. Those of states are read, and their models paid for: `combine`
/// writes the results, then fails.
#[test]
fn constraints_of_which_nothing_is_compared_cost_combined_states_no_result() {
    const EMPTY: &str = "--baseline-constraints=/opt/ml/empty/constraints.json";
    let empty = [json!({"version": "1.0"}), json!({"binary_classification_constraints": {}})];
    for (constraints, settings) in empty.into_iter().zip(monitors()) {
        let tree = monitored(&traffic(300, 0.0));
        tree.file("empty/constraints.json", constraints.to_string());
        let with_data = [&settings[..], &[MERGED]].concat();
        let states = fold(&tree, &tree.path("processing/input_data"), 2, 2, &with_data);
        let whole = tree.run(&[&with_data[..], &[EMPTY]].concat());
        assert!(whole.message.starts_with("Error: PL0802"), "{}", whole.message);
        assert!(tree.results().is_empty(), "{}", whole.message);
        let states: Vec<&str> = states.iter().map(String::as_str).collect();
        let combine = [&["combine"], &states[..], &settings, &[EMPTY]].concat();
        let combined = tree.run(&combine);
        assert_eq!(combined.code, Some(1), "{}", combined.log);
        assert!(combined.message.starts_with("Error: PL0802"), "{}", combined.message);
        assert!(tree.results().contains_key("report.html"), "{}", combined.message);
        let run = tree.succeed(&[&combine[..], &["--on-nothing-compared=succeed"]].concat());
        assert!(run.log.contains("cannot be checked"), "{}", run.log);
    }
}
