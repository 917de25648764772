//! One run of several monitors: each is as it is alone, and no one costs the others anything.

use std::collections::BTreeMap;
use std::fs;

use plumbline_generator::configs;
use plumbline_generator::dataset::Format;
use plumbline_generator::traffic::{CAPTURES, GROUND_TRUTH, Payload, Traffic};
use plumbline_model_server::Server;
use serde_json::{Value, json};

use crate::preparation::{SCRIPT, with_python};
use crate::program::{CONFIG, OUTPUT, Run, Tree, captured, files_below, model, monitored, traffic};

const ALL: [(&str, &str); 4] = [
    ("DATA_QUALITY", "data-quality"),
    ("MODEL_QUALITY", "model-quality"),
    ("MODEL_BIAS", "model-bias"),
    ("MODEL_EXPLAINABILITY", "model-explainability"),
];

pub(crate) const LIST: &str = "--analysis-type=MODEL_EXPLAINABILITY, DATA_QUALITY,model_bias ,MODEL_QUALITY";

pub(crate) fn csv(rows: u64, drift: f64) -> Traffic {
    let mut traffic = traffic(rows, drift);
    traffic.payload = Payload::Csv;
    traffic
}

/// With a configuration for each monitor that needs one, and what all of them are told.
pub(crate) fn set_up(mut tree: Tree, server: &Server) -> Tree {
    fs::remove_file(tree.path(CONFIG)).unwrap();
    for (folder, config) in [
        ("model-bias", configs::bias_monitor(Format::Csv, &["DPPL".into(), "DI".into()])),
        ("model-explainability", explainability()),
    ] {
        tree.file(&format!("processing/input/config/{folder}/analysis_config.json"), config.to_string());
    }
    tree.set("problem_type", "BinaryClassification")
        .set(
            "dataset_format",
            r#"{"sagemakerMergeJson":{"captureIndexNames":["endpointInput","endpointOutput"]}}"#,
        )
        .set("inference_attribute", "0")
        .set("probability_attribute", "1")
        .set("metric_time", "2024-05-01T00:00:00Z")
        .set("publish_cloudwatch_metrics", "Enabled")
        .set("sagemaker_monitoring_schedule_name", "sch")
        .set("model_url", server.url());
    tree
}

fn explainability() -> Value {
    let mut config = configs::explainability_monitor(Format::Csv);
    config["methods"]["shap"]["num_samples"] = json!(8);
    config
}

pub(crate) type Files = BTreeMap<String, Vec<u8>>;

fn metrics(tree: &Tree) -> String {
    fs::read_to_string(tree.path("output/metrics/cloudwatch/cloudwatch_metrics.jsonl")).unwrap_or_default()
}

/// The result files and metric lines of a monitor alone.
fn alone(tree: &Tree, (name, folder): (&str, &str), more: &[&str]) -> (Files, String) {
    let (kind, output) = (format!("--analysis-type={name}"), format!("--output-path=/opt/ml/one/{folder}"));
    let config = format!("--analysis-config=/opt/ml/processing/input/config/{folder}");
    let arguments = [&[kind.as_str(), &output], more].concat();
    let needs_config = ["model-bias", "model-explainability"].contains(&folder);
    let config = needs_config.then_some(config.as_str());
    let run = tree.run(&arguments.into_iter().chain(config).collect::<Vec<_>>());
    assert_eq!(run.code, Some(0), "{}", run.log);
    (files_below(&tree.path("one").join(folder)), metrics(tree))
}

pub(crate) fn in_folder(results: &Files, folder: &str) -> Files {
    let below = |(name, bytes): (&String, &Vec<u8>)| {
        Some((name.strip_prefix(folder)?.strip_prefix('/')?.to_owned(), bytes.clone()))
    };
    results.iter().filter_map(below).collect()
}

#[track_caller]
pub(crate) fn assert_same(found: &Files, expected: &Files, what: &str) {
    assert!(!expected.is_empty(), "{what}");
    let differing: Vec<&String> =
        found.keys().chain(expected.keys()).filter(|name| found.get(*name) != expected.get(*name)).collect();
    assert!(differing.is_empty(), "{what}: {differing:?}");
}

/// Every choice of two or more, without and with their baselines.
#[test]
fn each_monitor_of_several_writes_what_it_writes_alone() {
    let server = model(|_| ());
    let baseline = set_up(monitored(&csv(60, 0.0)), &server);
    let monitor = set_up(monitored(&csv(60, 1.0)), &server);
    baseline.succeed(&[LIST]);
    for (name, bytes) in baseline.results() {
        monitor.file(&format!("processing/baseline/{name}"), bytes);
    }
    for with_baseline in [false, true] {
        let own = |folder: &str| {
            let mut own = vec![format!("--baseline-constraints=/opt/ml/processing/baseline/{folder}")];
            if monitor.path("processing/baseline").join(folder).join("statistics.json").exists() {
                own.push(format!("--baseline-statistics=/opt/ml/processing/baseline/{folder}"));
            }
            if with_baseline { own } else { Vec::new() }
        };
        let single: Vec<(Files, String)> = ALL
            .into_iter()
            .map(|kind| {
                let own = own(kind.1);
                alone(&monitor, kind, &own.iter().map(String::as_str).collect::<Vec<_>>())
            })
            .collect();
        for subset in (1_u32..1 << ALL.len()).filter(|subset| subset.count_ones() > 1) {
            let of = |place: usize| subset & (1 << place) != 0;
            let names: Vec<&str> = (0..4).filter(|&place| of(place)).map(|place| ALL[place].0).collect();
            let list = format!("--analysis-type={}", names.join(","));
            let output = format!("--output-path=/opt/ml/several-{with_baseline}-{subset}");
            let baselines = with_baseline.then_some("--baseline-constraints=/opt/ml/processing/baseline");
            let run = monitor.run(&[list.as_str(), &output].into_iter().chain(baselines).collect::<Vec<_>>());
            assert_eq!(run.code, Some(0), "{}", run.log);
            let results = files_below(&monitor.path(&format!("several-{with_baseline}-{subset}")));
            let mut lines = String::new();
            for (place, (files, own)) in single.iter().enumerate().filter(|(place, _)| of(*place)) {
                let folder = ALL[place].1;
                assert_same(&in_folder(&results, folder), files, &format!("{folder} of {names:?}"));
                lines.push_str(own);
            }
            assert_eq!(metrics(&monitor), lines, "{names:?}");
            let mut own: Vec<&str> =
                results.keys().map(String::as_str).filter(|name| !name.contains('/')).collect();
            own.sort_unstable();
            assert_eq!(own, ["report.html", "report.ipynb", "report.pdf"], "{names:?}");
        }
    }
}

fn violations(tree: &Tree, folder: &str) -> usize {
    let path = tree.path(OUTPUT).join(folder).join("constraint_violations.json");
    let Ok(bytes) = fs::read(path) else { return 0 };
    serde_json::from_slice::<Value>(&bytes).unwrap()["violations"].as_array().unwrap().len()
}

fn sum(counts: &Value) -> u64 {
    let rows = counts.as_array().unwrap().iter();
    rows.flat_map(|row| row.as_array().unwrap()).map(|count| count.as_u64().unwrap()).sum()
}

#[test]
fn one_message_and_one_report_tell_of_all() {
    let server = model(|_| ());
    let baseline = set_up(monitored(&csv(300, 0.0)), &server);
    baseline.succeed(&["--analysis-type=DATA_QUALITY,MODEL_QUALITY,MODEL_BIAS"]);
    let monitor = set_up(monitored(&csv(300, 1.0)), &server);
    for (name, bytes) in baseline.results() {
        monitor.file(&format!("processing/baseline/{name}"), bytes);
    }
    let run = monitor.succeed(&[
        LIST,
        "--baseline-constraints=/opt/ml/processing/baseline",
        "--drift-rule=weighted",
    ]);
    let found = ALL.map(|(_, folder)| violations(&monitor, folder));
    let [data, quality, bias, explainability] = found;
    assert!(data > 0 && quality > 0 && bias > 0, "{found:?}");
    assert!(
        run.message.starts_with(&format!(
            "CompletedWithViolations: Job completed successfully with {} violations. Data quality: {data}. \
             Model quality: {quality}. Model bias: {bias}.",
            data + quality + bias + explainability
        )),
        "{}",
        run.message
    );
    assert!(run.message.ends_with(" Model explainability: no baseline."), "{}", run.message);
    let page = String::from_utf8(monitor.results()["report.html"].clone()).unwrap();
    for (title, (_, folder)) in
        ["Data quality", "Model quality", "Model bias", "Model explainability"].into_iter().zip(ALL)
    {
        assert!(page.contains(&format!("<h2 id=\"{folder}\">{title}</h2>")), "{title}");
    }
    assert!(page.contains("Moved: Data quality"), "{}", &page[..500]);
    // Bias and model quality tell one story.
    assert!(page.contains("By facet of the bias monitor") && page.contains("not female"));
    let groups = &monitor.result("model-bias/bias_details.json")["facets"][0]["groups"]["d"]["rows"];
    let [tn, tp] = [[0, 0], [1, 1]].map(|[label, answer]| groups[label][answer].as_u64().unwrap());
    let told = format!("\"share\":[{},{}]", tn + tp, sum(groups));
    assert!(page.contains(&told), "{told}");
    let ids: Vec<&str> = page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let mut unique = ids.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), ids.len(), "an id stands twice");
    // The notebook reads the folder of each monitor.
    let notebook = monitor.result("report.ipynb");
    let code: Vec<String> = notebook["cells"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|cell| cell["cell_type"] == "code")
        .map(|cell| cell["source"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect())
        .collect();
    assert!(code[0].contains("def load(folder"), "{}", code[0]);
    for (_, folder) in ALL {
        let first = format!("load(\"{folder}\")\n");
        assert!(code[1..].iter().any(|cell| cell.starts_with(&first)), "{folder}");
    }
    assert!(code[1..].iter().all(|cell| cell.starts_with("load(\"")), "{code:?}");
    // The reports are made again of the files, as they were.
    let before = monitor.results();
    for name in ["report.html", "report.ipynb", "report.pdf"] {
        fs::remove_file(monitor.path(OUTPUT).join(name)).unwrap();
    }
    monitor.succeed(&["report", monitor.path(OUTPUT).to_str().unwrap()]);
    assert_same(&monitor.results(), &before, "made again");
}

#[test]
fn a_monitor_that_fails_costs_the_others_nothing() {
    let server = model(|_| ());
    let mut tree = set_up(monitored(&csv(60, 0.0)), &server);
    let expected = alone(&tree, ALL[0], &[]).0;
    drop(server);
    tree.set("model_url", "http://127.0.0.1:9");
    let run = tree.run(&[LIST]);
    assert_eq!(run.code, Some(3), "{}", run.log);
    assert!(run.message.starts_with("Error: PL0"), "{}", run.message);
    for text in [
        "1 of 4 monitors failed",
        "Model explainability: PL0",
        "the results of the others are written: Data quality, Model quality, Model bias",
    ] {
        assert!(run.message.contains(text), "{text} is not in {}", run.message);
    }
    let results = tree.results();
    assert_same(&in_folder(&results, "data-quality"), &expected, "data-quality");
    assert!(results.contains_key("model-quality/statistics.json"));
    assert!(results.contains_key("model-bias/analysis.json"));
    assert!(!results.keys().any(|name| name.starts_with("model-explainability")));
    let page = String::from_utf8(results["report.html"].clone()).unwrap();
    assert!(page.contains("Failed: Model explainability"), "{}", &page[..500]);
    // Made again, it is of those that have results.
    tree.succeed(&["report", tree.path(OUTPUT).to_str().unwrap()]);
    let page = String::from_utf8(tree.results()["report.html"].clone()).unwrap();
    assert!(page.contains("3 monitors") && !page.contains("Model explainability"), "{}", &page[..500]);
}

#[test]
fn everything_is_checked_before_data_are_read_and_the_model_is_asked() {
    let server = model(|_| ());
    let tree = set_up(monitored(&csv(60, 0.0)), &server);
    for (setting, bad, told) in [
        ("problem-type", "Guessing", "Model quality: PL0101"),
        ("data-quality-monitoring-config", "[", "Data quality: PL0"),
        ("model-bias-baseline", "/opt/ml/nowhere", "`model_bias_baseline`"),
        (
            "baseline-constraints",
            "/opt/ml/processing/input_data",
            "one or more of the folders data-quality, ",
        ),
        ("probability-threshold-attribute", "half", "3 of 4 monitors cannot start"),
    ] {
        let given = format!("--{setting}={bad}");
        let run = tree.fail(&[LIST, &given], 1, "PL0101");
        assert!(run.message.contains(told), "{setting}: {}", run.message);
        let dry = tree.run(&["validate", LIST, &given]);
        assert_eq!(dry.code, Some(1), "{setting}: {}", dry.stdout);
        assert!(dry.stdout.contains(run.message.strip_prefix("Error: ").unwrap()), "{}", dry.stdout);
    }
    assert_eq!(server.counts().records, 0);
    fs::remove_file(tree.path("processing/input/config/model-bias/analysis_config.json")).unwrap();
    let run = tree.fail(&[LIST], 1, "PL0201");
    assert!(run.message.contains("Model bias: "), "{}", run.message);
    assert_eq!(server.counts().records, 0);
}

#[test]
fn the_dry_run_of_several_tells_of_each() {
    let server = model(|_| ());
    let tree = set_up(monitored(&csv(60, 0.0)), &server);
    let run = tree.succeed(&["validate", LIST]);
    for text in ["Data quality\n", "Model quality\n", "Model bias\n", "Model explainability\n", "would start"]
    {
        assert!(run.stdout.contains(text), "{text} is not in {}", run.stdout);
    }
    assert!(tree.results().is_empty());
}

#[test]
fn captures_are_joined_once_for_all_monitors() {
    let server = model(|_| ());
    let mut tree = set_up(captured(&csv(60, 0.0)), &server);
    let path = |tree: &Tree, name: &str| tree.path("traffic").join(name).display().to_string();
    let (captures, labels) = (path(&tree, CAPTURES), path(&tree, GROUND_TRUTH));
    tree.set("dataset_source", captures).set("ground_truth_source", labels);
    let run = tree.succeed(&[LIST]);
    assert_eq!(run.log.matches("merge: Completed").count(), 1, "{}", run.log);
    let results = tree.results();
    for kind in ALL {
        assert_same(&in_folder(&results, kind.1), &alone(&tree, kind, &[]).0, kind.1);
    }
}

#[test]
fn a_baseline_of_its_own_setting_is_that_of_the_folder() {
    let server = model(|_| ());
    let tree = set_up(monitored(&csv(60, 0.0)), &server);
    tree.succeed(&[LIST, "--output-path=/opt/ml/base"]);
    tree.succeed(&[LIST, "--baseline-constraints=/opt/ml/base"]);
    let by_folder = tree.results();
    let own: Vec<String> = ALL
        .iter()
        .map(|(name, folder)| {
            format!("--{}-baseline=/opt/ml/base/{folder}", name.to_lowercase().replace('_', "-"))
        })
        .collect();
    let arguments: Vec<&str> = std::iter::once(LIST).chain(own.iter().map(String::as_str)).collect();
    tree.succeed(&arguments);
    assert_same(&tree.results(), &by_folder, "by its own setting");
    // Alone, too.
    let alone = alone(&tree, ALL[0], &[&own[0]]).0;
    assert_same(&in_folder(&by_folder, "data-quality"), &alone, "data quality alone");
}

/// One configuration for bias and attributions: each monitor computes its part.
#[test]
fn a_shared_configuration_serves_both() {
    let server = model(|_| ());
    let tree = set_up(monitored(&csv(60, 0.0)), &server);
    let mut both = configs::bias_monitor(Format::Csv, &["DPPL".into()]);
    both["methods"] =
        json!({"post_training_bias": {"methods": ["DPPL"]}, "shap": explainability()["methods"]["shap"]});
    fs::remove_dir_all(tree.path("processing/input/config")).unwrap();
    tree.config(&both);
    tree.succeed(&["--analysis-type=MODEL_BIAS,MODEL_EXPLAINABILITY"]);
    let bias = tree.result("model-bias/analysis.json");
    let explained = tree.result("model-explainability/analysis.json");
    assert!(bias.get("post_training_bias_metrics").is_some() && bias.get("explanations").is_none());
    assert!(explained.get("post_training_bias_metrics").is_none() && explained.get("explanations").is_some());
}

/// Each warning of a run of several monitors stands in the log once, or once for each monitor, which is named. Gives how many of two
/// monitors there are.
#[track_caller]
fn warnings_name_their_monitor(log: &str) -> usize {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let warnings = lines.filter(|line| line["level"] == "WARN");
    let mut warnings: Vec<(String, String)> =
        warnings.map(|line| (line["message"].to_string(), line["span"]["name"].to_string())).collect();
    warnings.sort();
    let of_two = warnings.windows(2).filter(|pair| pair[0].0 == pair[1].0);
    of_two
        .inspect(|pair| {
            assert!(pair[0].1 != pair[1].1 && pair.iter().all(|line| line.1 != "null"), "{pair:?}")
        })
        .count()
}

/// The results of the quality monitors alone and together, each with exit code and message. Gives the run of both.
pub(crate) fn quality_together(tree: &Tree, settings: &[&str], read_once: bool, what: &str) -> Run {
    let together = tree.run(&[&["--analysis-type=MODEL_QUALITY,DATA_QUALITY"], settings].concat());
    let told = together.log.contains("read once for: Data quality, Model quality");
    assert_eq!(told, read_once, "{what}: {}", together.log);
    warnings_name_their_monitor(&together.log);
    let results = if tree.path(OUTPUT).exists() { tree.results() } else { Files::new() };
    for (name, folder) in &ALL[..2] {
        let (kind, output) =
            (format!("--analysis-type={name}"), format!("--output-path=/opt/ml/one/{folder}"));
        let alone = tree.run(&[&[kind.as_str(), &output], settings].concat());
        let own = tree.path("one").join(folder);
        let expected = if own.exists() { files_below(&own) } else { Files::new() };
        assert!(in_folder(&results, folder) == expected, "{what}: {folder}");
        let problem = alone.message.strip_prefix("Error: ").map(|text| text.split("; hint").next().unwrap());
        match problem {
            None => assert!(!expected.is_empty(), "{what}: {folder}: {}", alone.message),
            Some(problem) => {
                assert!(together.message.contains(problem), "{what}: {problem}: {}", together.message)
            }
        }
        fs::remove_dir_all(own).ok();
    }
    together
}

const CELLS: &str = "label,answer,score,age\n1,1,0.9,30\n0,1,0.7,\n1,0,0.2,41\n0,0,0.1,\"5\n2\"\n1,1,0.8,9\n";

fn as_lines(csv: &str) -> String {
    let rows = csv.lines().skip(1).map(|line| {
        let cells: Vec<&str> = line.split(',').collect();
        format!(
            "{{\"label\": {}, \"answer\": {}, \"score\": {}, \"nested\": {{\"age\": \"{}\"}}}}\n",
            cells[0], cells[1], cells[2], cells[3]
        )
    });
    rows.collect()
}

/// A dataset is read once for both quality monitors, whatever its format, its damage and what prepares it.
#[test]
fn a_dataset_is_read_once_for_both_quality_monitors() {
    let plain = CELLS.replace("\"5\n2\"", "52");
    let lines = as_lines(&plain);
    let documents = format!("[{}]", lines.trim_end().replace('\n', ","));
    let (csv, jsonl, json) = (r#"{"csv":{"header":true}}"#, r#"{"json":{"lines":true}}"#, r#"{"json":{}}"#);
    let columns = r#"--columns=[{"sample":0.8,"seed":1},{"drop":["age"]}]"#;
    for (what, name, text, format, more) in [
        ("CSV", "a.csv", CELLS.to_owned(), csv, ""),
        ("bad rows", "a.csv", format!("{plain}1,2\n0,0,oops,3\n,1,0.5,2\n"), csv, ""),
        ("bad rows that stop", "a.csv", format!("{plain}1,2\n"), csv, "--on-bad-record=fail"),
        (
            "the first row is the odd one",
            "a.csv",
            format!("1,2\n{plain}{}", &plain[23..]),
            r#"{"csv":{"header":false}}"#,
            "",
        ),
        ("`columns`", "a.csv", plain.clone(), csv, columns),
        ("JSON Lines", "a.jsonl", format!("{lines}oops\n{lines}"), jsonl, ""),
        ("JSON", "a.json", documents, json, ""),
        ("another format", "a.csv", plain, json, ""),
        ("a name that stands twice", "a.csv", CELLS.replace("age", "score"), csv, ""),
    ] {
        let mut tree = Tree::new();
        for folder in ["one", "two/deep"] {
            tree.file(&format!("data/{folder}/{name}"), &text);
        }
        tree.set("dataset_source", "/opt/ml/data").set("dataset_format", format);
        tree.set("problem_type", "BinaryClassification").set("metric_time", "2024-05-01T00:00:00Z");
        let places = if format.contains("false") { ["1", "2", "0"] } else { ["answer", "score", "label"] };
        for (setting, place) in
            ["inference_attribute", "probability_attribute", "ground_truth_attribute"].into_iter().zip(places)
        {
            tree.set(setting, place);
        }
        let settings: Vec<&str> = Some(more).into_iter().filter(|text| !text.is_empty()).collect();
        quality_together(&tree, &settings, true, what);
    }
}

/// Captured records are read once for all four, also damaged ones and those outside of the window; where one monitor
/// fails at a record the others read on.
#[test]
fn captured_records_are_read_once_for_all_monitors() {
    let server = model(|_| ());
    let tree = set_up(monitored(&csv(60, 0.0)), &server);
    let damaged = "oops\n{\"captureData\": {}, \"eventMetadata\": {\"eventId\": \"x\"}}\n\n{\"captureData\": {\"endpointInput\"";
    tree.file("processing/input_data/damaged/a.jsonl", damaged);
    let window: &[&str] = &["--start-time=2024-05-01T00:00:00Z", "--end-time=2024-05-01T05:00:00Z"];
    for more in [&[][..], window] {
        let run = tree.run(&[&[LIST], more].concat());
        assert!(
            run.log.contains("read once for: Data quality, Model quality, Model bias, Model explainability"),
            "{}",
            run.log
        );
        assert!(warnings_name_their_monitor(&run.log) > 0, "{}", run.log);
        let results = tree.results();
        for kind in ALL {
            assert_same(&in_folder(&results, kind.1), &alone(&tree, kind, more).0, kind.1);
        }
        fs::remove_dir_all(tree.path("one")).unwrap();
    }
    // Each ends at the first bad record, with its own words.
    let run = tree.run(&[LIST, "--on-bad-record=fail"]);
    assert!(run.message.contains("4 of 4 monitors failed"), "{}", run.message);
    assert_eq!(run.message.matches("a.jsonl, line 1").count(), 4, "{}", run.message);
    // `columns` are for data quality; model quality refuses them and holds nobody up.
    let columns = r#"--columns=[{"drop":["_c5"]}]"#;
    let run = tree.run(&[LIST, columns]);
    assert!(
        run.message.contains("1 of 4 monitors failed") && run.message.contains("Model quality: "),
        "{}",
        run.message
    );
    let alone = alone(&tree, ALL[0], &[columns]).0;
    assert_same(&in_folder(&tree.results(), "data-quality"), &alone, "data quality");
}

/// A script makes the rows of the quality monitors from the records that the others read too. It puts other files in the
/// place of the data at the last record, so that whoever opens them again has other results.
#[test]
fn records_for_a_script_are_read_once_for_the_others_too() {
    let Some(path) = with_python() else { return };
    let server = model(|_| ());
    let mut tree = set_up(monitored(&csv(60, 0.0)), &server);
    let files = files_below(&tree.path("processing/input_data"));
    let records: usize = files
        .values()
        .map(|bytes| bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count())
        .sum();
    tree.set("PATH", path).set("ground_truth_attribute", "label");
    let script = |at_last: &str| {
        format!(
            "import glob, os\nseen = 0\nroot = {root:?}\ndef preprocess_handler(record):\n    global seen\n    seen += 1\n    \
             if seen == {records}:\n        {at_last}\n    truth = record.ground_truth.data.split('\\n')\n    \
             answers = record.endpoint_output.data.split('\\n')\n    return [dict(zip(('0', '1'), answer.split(',')), label=label) \
             for label, answer in zip(truth, answers) if label]\n",
            root = tree.path("processing/input_data")
        )
    };
    let plain = script("pass");
    let swapped = script(
        "for name in [name for name in glob.glob(root + '/**', recursive=True) if os.path.isfile(name)]:\n            \
         open(root + '/../new', 'w').write('oops')\n            os.replace(root + '/../new', name)",
    );
    let argument = format!("--record-preprocessor-script=/opt/ml/{SCRIPT}");
    for list in ["DATA_QUALITY,MODEL_BIAS", "MODEL_BIAS,DATA_QUALITY,MODEL_QUALITY"] {
        let kinds = ALL.into_iter().filter(|(name, _)| list.contains(name));
        tree.file(SCRIPT, &plain);
        let expected: Vec<(&str, Files)> =
            kinds.map(|kind| (kind.1, alone(&tree, kind, &[&argument]).0)).collect();
        tree.file(SCRIPT, &swapped);
        let run = tree.run(&[&format!("--analysis-type={list}"), &argument]);
        assert_eq!(run.code, Some(0), "{list}: {}", run.log);
        let results = tree.results();
        for (folder, expected) in expected {
            // Manifests have the digests of the files as they are in the end.
            let same = ["statistics.json", "analysis.json"];
            let results = in_folder(&results, folder);
            for name in same.into_iter().filter(|name| expected.contains_key(*name)) {
                assert!(results.get(name) == expected.get(name), "{list}: {folder}: {name}");
            }
        }
        for (name, bytes) in &files {
            tree.file(&format!("processing/input_data/{name}"), bytes);
        }
        fs::remove_dir_all(tree.path("one")).unwrap();
    }
}

/// Both analyses ask a model of `model_name`: the endpoint of the first is gone when that of the second is made.
#[test]
fn a_run_has_one_temporary_endpoint_at_a_time() {
    let server = model(|options| options.creating_polls = 1);
    let mut tree = set_up(monitored(&csv(60, 0.0)), &server);
    tree.set("model_url", "").aws(&server);
    let explained = explainability();
    for (folder, mut config) in [
        ("model-bias", configs::bias_monitor(Format::Csv, &["DPPL".into()])),
        ("model-explainability", explained.clone()),
    ] {
        config["methods"]["shap"] = explained["methods"]["shap"].clone();
        config["predictor"] = explained["predictor"].clone();
        let predictor = config["predictor"].as_object_mut().unwrap();
        predictor.remove("endpoint_name");
        for (key, value) in [
            ("model_name", json!("credit")),
            ("instance_type", json!("ml.m5.large")),
            ("initial_instance_count", json!(1)),
        ] {
            predictor.insert(key.into(), value);
        }
        tree.file(&format!("processing/input/config/{folder}/analysis_config.json"), config.to_string());
    }
    tree.succeed(&["--analysis-type=MODEL_BIAS,MODEL_EXPLAINABILITY"]);
    let calls = server.control_calls();
    let made: Vec<&str> = calls
        .iter()
        .map(String::as_str)
        .filter(|call| ["CreateEndpoint", "DeleteEndpoint"].contains(call))
        .collect();
    assert_eq!(made, ["CreateEndpoint", "DeleteEndpoint", "CreateEndpoint", "DeleteEndpoint"]);
    assert!(server.left_behind().is_empty());
}

/// The column of a segment by its position, whatever data quality leaves out or how the baseline orders its columns.
#[test]
fn segments_of_a_dataset_are_the_same_columns_for_both_quality_monitors() {
    let mut tree = Tree::new();
    let rows: Vec<String> = (0..40)
        .map(|row| {
            format!(
                "{},{},{},{}",
                row,
                row % 2,
                if row % 5 == 0 { 1 - row % 2 } else { row % 2 },
                ["x", "y"][row / 20]
            )
        })
        .collect();
    tree.file("processing/input/data/a.csv", format!("id,y,p,group\n{}\n", rows.join("\n")));
    tree.set("problem_type", "BinaryClassification")
        .set("dataset_source", "/opt/ml/processing/input/data")
        .set("dataset_format", r#"{"csv":{"header":true}}"#)
        .set("inference_attribute", "p")
        .set("ground_truth_attribute", "y")
        .set("segment_minimum_rows", "1");
    const QUALITY: &str = "--analysis-type=DATA_QUALITY,MODEL_QUALITY";
    for column in ["group", "3"] {
        for exclude in ["id", "id,group"] {
            let segments = format!("--segment-columns={column}");
            tree.succeed(&[QUALITY, &segments, &format!("--exclude-features-attribute={exclude}")]);
            let values = |file: &str, list: &str| -> Vec<String> {
                let found = tree.result(file)[list].as_array().unwrap().clone();
                let mut values: Vec<String> =
                    found.iter().map(|group| format!("{} {}", group["value"], group["rows"])).collect();
                values.sort();
                values
            };
            let expected = ["\"x\" 20", "\"y\" 20"];
            assert_eq!(
                values("data-quality/data_quality_details.json", "segments"),
                expected,
                "{column} {exclude}"
            );
            assert_eq!(
                values("model-quality/model_quality_details.json", "groups"),
                expected,
                "{column} {exclude}"
            );
        }
    }
    let run = tree.run(&[QUALITY, "--segment-columns=nowhere"]);
    assert_eq!(run.code, Some(1));
    for told in ["Data quality: PL0304", "Model quality: PL0304", "`segment_columns`", "`nowhere`"] {
        assert!(run.message.contains(told), "{told}: {}", run.message);
    }
    let wrong = tree.run(&[QUALITY, "--segment-attributes=3"]);
    assert_eq!(wrong.code, Some(1));
    for told in ["Model quality: PL0101", "`segment_attributes`", "`segment_columns`"] {
        assert!(wrong.message.contains(told), "{told}: {}", wrong.message);
    }
}

/// A position counts the columns of data quality in the one setting, and the fields of the request in the other.
#[test]
fn segments_of_captures_have_a_setting_for_each_quality_monitor() {
    let server = model(|_| ());
    let tree = set_up(monitored(&csv(400, 0.0)), &server);
    const QUALITY: &str = "--analysis-type=DATA_QUALITY,MODEL_QUALITY";
    let rows = |file: &str, list: &str| -> Vec<u64> {
        let found = tree.result(file)[list].as_array().cloned().unwrap_or_default();
        let mut rows: Vec<u64> = found.iter().map(|group| group["rows"].as_u64().unwrap()).collect();
        rows.sort_unstable();
        rows
    };
    // Two columns of the answer stand before those of the request.
    let column = (2..).find(|column| {
        let line = captured_line(&tree);
        line.split(',').nth(column - 2).is_none_or(|cell| cell.parse::<f64>().is_err())
    });
    let column = column.unwrap();
    let (columns, attributes) =
        (format!("--segment-columns=_c{column}"), format!("--segment-attributes={}", column - 2));
    let run = tree.succeed(&[QUALITY, &columns, &attributes, "--segment-minimum-rows=1"]);
    assert!(!run.log.contains("makes segments of what"), "{}", run.log);
    let of_data = rows("data-quality/data_quality_details.json", "segments");
    assert!(of_data.len() > 1 && of_data.iter().sum::<u64>() >= 400, "{of_data:?}");
    assert_eq!(rows("model-quality/model_quality_details.json", "groups"), of_data);
    // Model quality has none then, and says so.
    let run = tree.succeed(&[QUALITY, &columns, "--segment-minimum-rows=1"]);
    assert!(run.log.contains("`segment_columns` names columns of data quality"), "{}", run.log);
    assert!(rows("model-quality/model_quality_details.json", "groups").is_empty());
    // Alone nobody takes them.
    for list in ["MODEL_QUALITY", "MODEL_QUALITY,MODEL_BIAS"] {
        let kinds = format!("--analysis-type={list}");
        let run = tree.run(&[&kinds, &columns]);
        assert_eq!(run.code, Some(1), "{}", run.log);
        assert!(run.message.contains("`segment_attributes`"), "{}", run.message);
    }
}

/// The first captured request.
fn captured_line(tree: &Tree) -> String {
    let files = files_below(&tree.path("processing/input_data"));
    let text = String::from_utf8(files.values().next().unwrap().clone()).unwrap();
    let record: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    record["captureData"]["endpointInput"]["data"].as_str().unwrap().lines().next().unwrap().to_string()
}
