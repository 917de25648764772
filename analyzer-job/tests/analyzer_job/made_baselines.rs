//! `analyzer-job baseline`: the file that it writes is read back as it was made, and its rows are those that a run explains.

use std::fs;

use plumbline_generator::configs;
use plumbline_generator::dataset::Format;
use plumbline_model_server::Cell;
use serde_json::{Value, json};

use crate::program::{CONFIG, OUTPUT, Tree, captured, model, monitored, traffic};
use crate::several::csv;

const DATA: &str = "processing/input/data";

/// Makes a baseline, and one of the file that was made, which is the same bytes.
#[track_caller]
fn made(tree: &Tree, config: &mut Value, more: &[&str]) -> String {
    tree.config(config);
    let path = |name: &str| tree.path(name).display().to_string();
    tree.succeed(&[&["baseline", "--out", &path("one")], more].concat());
    let shap = config["methods"]["shap"].as_object_mut().unwrap();
    shap.remove("num_clusters");
    shap.insert("baseline".into(), json!(path("one")));
    tree.config(config);
    tree.succeed(&[&["baseline", "--out", &path("two")], more].concat());
    let [one, two] = ["one", "two"].map(|name| fs::read_to_string(tree.path(name)).unwrap());
    assert_eq!(one, two);
    one
}

/// The most frequent text stands for all; a text of JSON is that text, whatever it would mean in CSV.
#[test]
fn texts_of_json_that_mean_nothing_in_csv_stay_texts() {
    for text in ["NA", "null", "", "nan", "N/A", "30", "true", "a,b", "\"", "line\nend"] {
        for (kind, path, whole) in
            [("application/jsonlines", "", false), ("application/json", "rows[*].", true)]
        {
            let mut config = json!({
                "dataset_type": kind, "features": format!("{path}x"), "label": format!("{path}y"),
                "headers": ["n", "t", "y"], "methods": {"shap": {"num_clusters": 1}},
                "predictor": {"model_name": "m", "instance_type": "ml.m5.large", "initial_instance_count": 1},
            });
            let records =
                [(1, text, 1), (2, text, 0), (3, "x", 1)].map(|(n, t, y)| json!({"x": [n, t], "y": y}));
            let text_of = match whole {
                true => json!({ "rows": records }).to_string(),
                false => records.map(|record| record.to_string()).join("\n"),
            };
            let tree = Tree::new();
            tree.file(&format!("{DATA}/a"), text_of);
            let made = made(&tree, &mut config, &[]);
            let row: Value = serde_json::from_str(&made).unwrap();
            let row = if whole { row[0].clone() } else { row };
            assert_eq!(row, json!([2, text]), "{made}");
        }
    }
}

/// The rows are those that the explainability monitor of the list reads: labels, other configurations and the baselines of the
/// others do not matter.
#[test]
fn the_rows_of_a_list_are_those_of_its_explainability_monitor() {
    let server = model(|_| ());
    let mut own = configs::explainability_monitor(Format::Csv);
    own["methods"]["shap"] = json!({"num_clusters": 3, "num_samples": 8});
    let explain = "--analysis-type=MODEL_EXPLAINABILITY";
    let list = "--analysis-type=DATA_QUALITY,MODEL_QUALITY,MODEL_BIAS,MODEL_EXPLAINABILITY";
    let places = [
        "--dataset-source=/opt/ml/captures",
        "--problem-type=BinaryClassification",
        "--inference-attribute=0",
        "--probability-attribute=1",
    ];
    let url = format!("--model-url={}", server.url());
    let mut some = csv(60, 0.0);
    some.missing = 0.5;
    for labelled in [false, true] {
        let tree = if labelled { monitored(&some) } else { captured(&some) };
        let from = if labelled { "processing/input_data" } else { "traffic/captures" };
        fs::rename(tree.path(from), tree.path("captures")).unwrap();
        tree.config(&own);
        let out = |name: &str| tree.path(name).display().to_string();
        let arguments = |kind: &str, name: &str| {
            let all = ["baseline", "--out", &out(name), kind].map(String::from);
            all.into_iter().chain(places.map(String::from)).collect::<Vec<_>>()
        };
        let run =
            |arguments: Vec<String>| tree.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        let alone = run(arguments(explain, "alone"));
        assert_eq!(alone.code, Some(0), "{}", alone.log);
        let expected = fs::read(tree.path("alone")).unwrap();
        // One configuration for bias and explainability.
        let mut both = configs::bias_monitor(Format::Csv, &["DPPL".into()]);
        both["methods"]["shap"] = own["methods"]["shap"].clone();
        for key in ["predictor", "label", "headers"] {
            if both.get(key).is_none() && own.get(key).is_some() {
                both[key] = own[key].clone();
            }
        }
        tree.config(&both);
        let shared = run(arguments(list, "shared"));
        assert_eq!(shared.code, Some(0), "{}", shared.log);
        assert!(fs::read(tree.path("shared")).unwrap() == expected, "{labelled}");
        // A folder of configurations, and states of several monitors as their baseline.
        fs::remove_file(tree.path(CONFIG)).unwrap();
        let bias = configs::bias_monitor(Format::Csv, &["DPPL".into()]);
        for (folder, config) in [("model-bias", &bias), ("model-explainability", &own)] {
            tree.file(&format!("processing/input/config/{folder}/analysis_config.json"), config.to_string());
        }
        let of_folder = run(arguments(list, "folder"));
        assert_eq!(of_folder.code, Some(0), "{}", of_folder.log);
        assert!(fs::read(tree.path("folder")).unwrap() == expected, "{labelled}");
        if labelled {
            let quality = "--analysis-type=DATA_QUALITY,MODEL_BIAS";
            let mut fold = arguments(quality, "states/a.state");
            fold[0] = "fold".into();
            let folded = run(fold);
            assert_eq!(folded.code, Some(0), "{}", folded.log);
            for setting in ["--baseline-constraints", "--model-bias-baseline"] {
                let mut with_states = arguments(list, "states-too");
                with_states.push(format!("{setting}={}", out("states")));
                let with_states = run(with_states);
                assert_eq!(with_states.code, Some(0), "{}", with_states.log);
                assert!(fs::read(tree.path("states-too")).unwrap() == expected);
            }
            // It is the baseline that the run itself would make.
            fs::remove_dir_all(tree.path("processing/input/config")).unwrap();
            tree.config(&own);
            tree.succeed(&[&[explain, &url], &places[..]].concat());
            let of_run = fs::read(tree.path(OUTPUT).join("explanations_shap/baseline.csv")).unwrap();
            assert!(of_run == expected);
        }
    }
}

#[test]
fn where_nothing_explains_there_is_no_baseline_to_make() {
    let tree = monitored(&traffic(20, 0.0));
    let out = tree.path("baseline.csv").display().to_string();
    let baseline = |kind: &str, exit, code| {
        let kind = format!("--analysis-type={kind}");
        let run = tree.fail(
            &[
                "baseline",
                "--out",
                &out,
                &kind,
                "--features-attribute=features",
                "--inference-attribute=approved",
            ],
            exit,
            code,
        );
        assert!(!tree.path("baseline.csv").exists());
        run.message
    };
    for kind in ["DATA_QUALITY", "MODEL_QUALITY", "DATA_QUALITY,MODEL_QUALITY"] {
        let message = baseline(kind, 1, "PL0101");
        for text in ["analysis_type", kind, "MODEL_EXPLAINABILITY"] {
            assert!(message.contains(text), "no {text} in {message}");
        }
    }
    for kind in ["MODEL_BIAS", "DATA_QUALITY,MODEL_BIAS"] {
        let message = baseline(kind, 1, "PL0203");
        assert!(message.contains("methods.shap"), "{message}");
    }
}

/// The baseline has a text where the rows of a part have none, as those of all parts together have: each part explains as one run
/// does.
#[test]
fn a_part_without_the_texts_of_a_column_is_explained_as_in_one_run() {
    let word = |text: &str| text.bytes().map(f64::from).sum::<f64>() / 300.0;
    let server = model(|options| {
        options.model = std::sync::Arc::new(move |row| {
            let value = |cell: &Cell<'_>| match cell {
                Cell::Number(number) => *number,
                Cell::Word(text) => word(text),
                _ => -1.0,
            };
            vec![row.iter().map(value).fold(1.0, |product, value| product * (value + 2.0)).sin()]
        });
    });
    let rows = [
        ("words", ["x", "y"], ["z", "x"]),
        ("numbers in a part", ["x", "y"], ["1", "02"]),
        ("nothing in a part", ["x", "y"], ["", ""]),
        ("truth values in a part", ["true", "False"], ["x", ""]),
        ("numbers in the first part", ["07", "1.50"], ["x", "3"]),
    ];
    for (what, first, second) in rows {
        for is_json in [false, true] {
            let tree = Tree::new();
            for (name, texts) in [("a", first), ("b", second)] {
                let line = |(n, text): (usize, &str)| match is_json {
                    true if text.is_empty() => format!("{}\n", json!({"x": [n, null]})),
                    true => format!("{}\n", json!({"x": [n, text]})),
                    false => format!("{n},{text}\n"),
                };
                let lines: String = texts.into_iter().zip(3..).map(|(text, n)| line((n, text))).collect();
                let head = if is_json { "" } else { "n,t\n" };
                tree.file(&format!("{DATA}/{name}"), [head, &lines].concat());
            }
            let mut config = json!({
                "dataset_type": "text/csv", "headers": ["n", "t"],
                "methods": {"shap": {"baseline": [[1, "x"], [2, "x"]], "num_samples": 8, "seed": 1, "save_local_shap_values": true}},
                "predictor": {"model_name": "m", "instance_type": "ml.m5.large", "initial_instance_count": 1,
                    "content_type": "text/csv", "accept_type": "text/csv"},
            });
            if is_json {
                config["dataset_type"] = json!("application/jsonlines");
                config["features"] = json!("x");
                config["methods"]["shap"]["baseline"] = json!([{"x": [1, "x"]}, {"x": [2, "x"]}]);
            }
            tree.config(&config);
            let url = format!("--model-url={}", server.url());
            let settings = [url.as_str(), "--estimator=exact"];
            tree.succeed(&settings);
            let lines = |tree: &Tree, name: &str| -> Vec<String> {
                let text =
                    fs::read_to_string(tree.path(OUTPUT).join(format!("explanations_shap/{name}.csv")))
                        .unwrap();
                text.lines().skip(1).map(String::from).collect()
            };
            let expected = lines(&tree, "out");
            let mut found = Vec::new();
            let mut arguments = vec!["combine".to_string()];
            for part in ["a", "b"] {
                tree.file("list", part);
                let out = tree.path(&format!("{part}.state")).display().to_string();
                let list = format!("--files={}", tree.path("list").display());
                tree.succeed(&[&["fold", "--out", &out, &list], &settings[..]].concat());
                found.extend(lines(&tree, &format!("out-{part}")));
                arguments.push(out);
            }
            assert_eq!(found, expected, "{what}, {is_json}");
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).chain(settings).collect();
            tree.succeed(&arguments);
        }
    }
}

/// Where no part has a text, the baseline is wrong in all of them together, as it is in one run.
#[test]
fn a_text_of_the_baseline_that_no_part_has_in_its_column_is_refused_by_combine() {
    let server = model(|options| options.model = std::sync::Arc::new(|row| vec![row.len() as f64]));
    let tree = Tree::new();
    tree.file(&format!("{DATA}/a"), "1,2\n3,4\n").file(&format!("{DATA}/b"), "5,6\n7,8\n");
    tree.config(&json!({
        "dataset_type": "text/csv", "headers": ["n", "t"],
        "methods": {"shap": {"baseline": [[1, "x"]], "num_samples": 8}},
        "predictor": {"model_name": "m", "instance_type": "ml.m5.large", "initial_instance_count": 1,
            "content_type": "text/csv", "accept_type": "text/csv"},
    }));
    let url = format!("--model-url={}", server.url());
    tree.fail(&[&url], 1, "PL0705");
    let mut arguments = vec!["combine".to_string()];
    for part in ["a", "b"] {
        tree.file("list", part);
        let out = tree.path(&format!("{part}.state")).display().to_string();
        tree.succeed(&["fold", "--out", &out, &format!("--files={}", tree.path("list").display()), &url]);
        arguments.push(out);
    }
    fs::remove_dir_all(tree.path(OUTPUT)).unwrap();
    fs::create_dir_all(tree.path(OUTPUT)).unwrap();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let run = tree.fail(&arguments, 1, "PL0705");
    assert!(run.message.contains("`t`"), "{}", run.message);
}
