//! Columns prepared by the setting `columns`, and by a script where there is a Python.

use std::path::Path;

use plumbline_generator::traffic::CAPTURES;
use serde_json::{Value, json};

use crate::program::{Tree, captured, traffic};

const DATA: &str = "processing/input/endpoint/data";

fn tree(name: &str, text: &str, format: &str) -> Tree {
    let mut tree = Tree::new();
    tree.file(&format!("{DATA}.{name}"), text);
    tree.set("analysis_type", "DATA_QUALITY").set("dataset_format", format);
    tree
}

/// Each column with its type, its values that are there, and its mean where it has one.
fn columns(tree: &Tree) -> Vec<(String, String, u64, Option<f64>)> {
    let statistics = tree.result("statistics.json");
    let of = |feature: &Value| {
        let numbers = feature.get("numerical_statistics");
        let found = numbers.unwrap_or(&feature["string_statistics"]);
        let text = |key: &str| feature[key].as_str().unwrap().to_string();
        let present = found["common"]["num_present"].as_u64().unwrap();
        (text("name"), text("inferred_type"), present, found["mean"].as_f64())
    };
    statistics["features"].as_array().unwrap().iter().map(of).collect()
}

fn is(name: &str, kind: &str, present: u64, mean: Option<f64>) -> (String, String, u64, Option<f64>) {
    (name.into(), kind.into(), present, mean)
}

#[test]
fn a_table_is_prepared_entry_by_entry() {
    let mut tree = tree("csv", "1.0,7,a-b,x\n2.0,-1,c-d,y\n3.5,9,e-f,z\nbad,9,g-h,z\n", r#"{"csv":{}}"#);
    tree.set(
        "columns",
        r#"[{"name": ["n", "age", "route", "rest"]}, {"null": [-1], "column": "age"}, {"drop": ["rest"]},
            {"split": "route", "at": "-", "into": ["from", "to"]}, {"rename": {"n": "amount"}},
            {"cast": {"amount": "integer"}}]"#,
    );
    let run = tree.succeed(&[]);
    // 3.5 is no whole number and `bad` is none at all: their rows are left out, counted and named.
    assert!(run.log.contains("2 records of 4 cannot be used"), "{}", run.log);
    for part in
        ["data.csv, line 3: columns: entry 6 (`cast`): `3.5` is no whole number", "`bad` is no number"]
    {
        assert!(run.log.contains(part), "{}", run.log);
    }
    assert_eq!(
        columns(&tree),
        [
            is("amount", "Integral", 2, Some(1.5)),
            is("age", "Integral", 1, Some(7.0)),
            is("from", "String", 2, None),
            is("to", "String", 2, None)
        ]
    );
    assert!(tree.fail_quietly(&["--on-bad-record=fail"]).contains("PL0301"));
}

trait Quiet {
    /// The exit message of a run that fails; results of an earlier run may be there.
    fn fail_quietly(&self, arguments: &[&str]) -> String;
}

impl Quiet for Tree {
    fn fail_quietly(&self, arguments: &[&str]) -> String {
        let run = self.run(arguments);
        assert_ne!(run.code, Some(0), "{}", run.message);
        run.message
    }
}

fn record(id: usize, input: &str, kind: &str, output: &str, attributes: &[&str]) -> String {
    let encoding = if kind == "text/csv" { "CSV" } else { "JSON" };
    let part = |data: &str| json!({"data": data, "encoding": encoding, "observedContentType": kind, "mode": "INPUT"});
    let output = json!({"data": output, "encoding": "CSV", "observedContentType": "text/csv"});
    json!({"captureData": {"endpointInput": part(input), "endpointOutput": output},
           "groundTruthData": {"data": "1", "encoding": "CSV"},
           "eventMetadata": {"eventId": format!("e{id}"), "inferenceTime": "2024-05-01T00:00:00Z",
                             "customAttributes": attributes}})
    .to_string()
}

#[test]
fn captured_records_are_chosen_by_part_attribute_and_path() {
    let lines: Vec<String> = (0..8)
        .map(|n| {
            let input = format!(r#"{{"who": {{"age": {n}}}, "tags": [{{"k": "a"}}, {{"k": "b"}}]}}"#);
            record(
                n,
                &input,
                "application/json",
                "0.5",
                if n % 2 == 0 { &["team=a"] } else { &["team=b", "x"] },
            )
        })
        .collect();
    let mut tree = tree("jsonl", &lines.join("\n"), r#"{"sagemakerMergeJson":{}}"#);
    tree.set(
        "columns",
        r#"[{"take": ["ground_truth", "input", "output"]}, {"filter": ["team=a"]},
            {"path": {"age": "who.age", "keys": "tags[].k", "first": "tags[0].k"}},
            {"rename": {"_c0": "answer"}}, {"drop": ["who.age", "tags"]}]"#,
    );
    let run = tree.succeed(&[]);
    assert!(run.log.contains("records or rows left out by `columns` or the script: 4"), "{}", run.log);
    assert_eq!(
        columns(&tree),
        [
            is("ground_truth_0", "Integral", 4, Some(1.0)),
            is("age", "Integral", 4, Some(3.0)),
            is("keys", "String", 4, None),
            is("first", "String", 4, None),
            is("answer", "Fractional", 4, Some(0.5))
        ]
    );
}

#[test]
fn a_payload_is_decoded_and_the_ground_truth_is_a_column() {
    // "1,2" and "3,4".
    let lines = [record(1, "MSwy", "text/csv", "0.5", &[]), record(2, "Myw0", "text/csv", "0.25", &[])];
    let mut tree = tree("jsonl", &lines.join("\n"), r#"{"sagemakerMergeJson":{}}"#);
    tree.set("columns", r#"[{"take": ["input", "ground_truth"]}, {"decode": ["input"]}]"#);
    tree.succeed(&[]);
    assert_eq!(
        columns(&tree),
        [
            is("_c0", "Integral", 2, Some(2.0)),
            is("_c1", "Integral", 2, Some(3.0)),
            is("_c2", "Integral", 2, Some(1.0))
        ]
    );
}

#[test]
fn a_sample_is_that_of_its_seed_for_captures_and_tables() {
    let lines: Vec<String> = (0..400).map(|n| record(n, &format!("{n}"), "text/csv", "1", &[])).collect();
    let table: String = (0..400).map(|n| format!("{n},1\n")).collect();
    for (mut tree, what) in [
        (tree("jsonl", &lines.join("\n"), r#"{"sagemakerCaptureJson":{}}"#), "captures"),
        (tree("csv", &table, r#"{"csv":{}}"#), "table"),
    ] {
        let rows = |tree: &Tree| tree.result("statistics.json")["dataset"]["item_count"].as_u64().unwrap();
        tree.set("columns", r#"[{"sample": 0.25, "seed": 1}]"#).succeed(&[]);
        let (first, bytes) = (rows(&tree), tree.results()["statistics.json"].clone());
        // 100 +/- 8.7: within four standard deviations.
        assert!((65..135).contains(&first), "{what}: {first}");
        tree.succeed(&[]);
        assert!(tree.results()["statistics.json"] == bytes, "{what}");
        tree.set("columns", r#"[{"sample": 0.25, "seed": 2}]"#).succeed(&[]);
        assert!(tree.results()["statistics.json"] != bytes, "{what}");
    }
}

#[test]
fn what_is_wrong_with_the_entries_is_told_before_the_data_are_read() {
    for (columns, code, said) in [
        (r#"[{"drop": ["a"]}, {"rename": ["b"]}]"#, "PL0101", "entry 2 (`rename`)"),
        (r#"[{"path": {"x": "a["}}]"#, "PL0306", "entry 1 (`path`)"),
        (r#"[{"filter": ["x"]}]"#, "PL0101", "captured records"),
        (r#"[{"keep": ["c"]}]"#, "PL0304", "entry 1 (`keep`)"),
        (r#"[{"rename": {"a": "b"}}]"#, "PL0303", "`b`"),
        (r#"[{"name": ["x", "y"]}]"#, "PL0303", "rename"),
        ("/opt/ml/processing/nowhere.json", "PL0101", "nowhere.json"),
    ] {
        let mut tree = tree("csv", "a,b\n1,2\n", r#"{"csv":{"header":true}}"#);
        tree.set("columns", columns);
        let run = tree.fail(&[], 1, code);
        assert!(run.message.contains(said), "{columns}: {}", run.message);
        assert_eq!(tree.run(&["validate"]).code, Some(1), "{columns}");
    }
    let mut file = tree("csv", "a,b\n1,2\n", r#"{"csv":{"header":true}}"#);
    file.file("processing/code/columns.json", r#"[{"drop": ["a"]}]"#);
    file.set("columns", "/opt/ml/processing/code/columns.json").succeed(&[]);
    assert_eq!(columns(&file), [is("b", "Integral", 1, Some(2.0))]);
}

pub(crate) const SCRIPT: &str = "processing/code/pre.py";

/// A path has nothing to look into where the rows are values without names: silence would look like a column of nothing.
#[test]
fn paths_into_rows_without_names_are_refused_with_what_to_write_instead() {
    let csv = record(0, "7,x", "text/csv", "0.5", &[]);
    let lists = record(0, "[7,1]", "application/json", "0.5", &[]);
    let captured = r#"{"sagemakerCaptureJson":{}}"#;
    for (name, text, format) in [
        ("jsonl", csv, captured),
        ("jsonl", lists, captured),
        ("json", "[[7,1],[8,2]]".into(), r#"{"json":{}}"#),
    ] {
        let mut tree = tree(name, &text, format);
        tree.set("columns", r#"[{"path": {"age": "who.age", "city": "who.city"}}]"#);
        let run = tree.fail(&[], 1, "PL0101");
        for told in ["`path` of age, city", "without names", r#"{"rename": {"_c0": "age", "_c1": "city"}}"#] {
            assert!(run.message.contains(told), "{told}: {}", run.message);
        }
        assert_eq!(tree.run(&["validate"]).code, Some(1), "{text}");
    }
    // An answer in CSV beside a request that is an object is no such case.
    let mut tree =
        tree("jsonl", &record(0, r#"{"who":{"age":7}}"#, "application/json", "0.5", &[]), captured);
    tree.set("columns", r#"[{"path": {"age": "who.age"}}, {"keep": ["age"]}]"#).succeed(&[]);
    assert_eq!(columns(&tree), [is("age", "Integral", 1, Some(7.0))]);
}

/// The search path of this process, when there is a Python on it.
#[expect(clippy::disallowed_methods, reason = "scripts are run by the machine's own Python")]
pub(crate) fn with_python() -> Option<String> {
    let paths = std::env::var("PATH").ok()?;
    let there = std::env::split_paths(&paths).any(|folder| Path::new(&folder).join("python3").is_file());
    there.then_some(paths)
}

/// Captures of `n` columns for a script.
fn scripted(script: &str, inputs: &[&str]) -> Option<Tree> {
    let lines: Vec<String> =
        inputs.iter().enumerate().map(|(n, input)| record(n, input, "text/csv", "0.5", &["a=1"])).collect();
    let mut tree = tree("jsonl", &lines.join("\n"), r#"{"sagemakerCaptureJson":{}}"#);
    tree.file(SCRIPT, script);
    tree.set("PATH", with_python()?).set("record_preprocessor_script", format!("/opt/ml/{SCRIPT}"));
    Some(tree)
}

/// A script that reads its standard input, or starts a program that does, takes no record from the others and does not hang.
#[test]
fn a_script_finds_nothing_on_its_standard_input() {
    let script = r#"
import os, subprocess, sys
at_start = sys.stdin.read()
def preprocess_handler(record):
    child = subprocess.run(["cat"], stdout=subprocess.PIPE).stdout
    return {"n": len(at_start) + len(sys.stdin.read()) + len(os.read(0, 100)) + len(child)}
"#;
    let Some(tree) = scripted(script, &["1,2", "3,4", "5,6"]) else { return };
    tree.succeed(&[]);
    let statistics = tree.result("statistics.json");
    assert_eq!(statistics["dataset"]["item_count"], 3);
    assert_eq!(statistics["features"][0]["numerical_statistics"]["max"], 0.0, "{statistics}");
}

/// What a script prints behind that costs the record, and the reason says why.
#[test]
fn a_script_that_closes_its_standard_output_is_told() {
    for close in ["os.close(1)", "sys.stdout.close()"] {
        let script = format!(
            "import os, sys\ndef preprocess_handler(record):\n    print('n', flush=True)\n    {close}\n    return {{'n': 1}}\n"
        );
        let Some(tree) = scripted(&script, &["1,2", "3,4", "5,6"]) else { return };
        let run = tree.succeed(&[]);
        assert_eq!(tree.result("statistics.json")["dataset"]["item_count"], 1, "{close}");
        let told =
            "(line 3 of the script); the script closed its standard output, or another file that it uses";
        assert!(
            run.log.contains(told) && run.log.contains("2 records of 3 cannot be used"),
            "{close}: {}",
            run.log
        );
    }
}

#[test]
fn a_script_makes_the_rows_and_its_own_words_name_what_it_cannot_take() {
    let script = r#"
import random
def preprocess_handler(inference_record, logger):
    logger.info("seen %s", inference_record.event_metadata.event_id)
    print("printed")
    assert inference_record.event_metadata.custom_attribute == ["a=1"]
    assert inference_record.ground_truth.data == "1" and inference_record.batch_transform_output is None
    assert inference_record.as_dict()["captureData"]["endpointInput"]["encoding"] == "CSV"
    assert inference_record.endpoint_output.observedContentType == "text/csv"
    cells = inference_record.endpoint_input.data.split(",")
    if cells[0] == "drop":
        return []
    row = {f"f{n}": cell for n, cell in enumerate(cells)}
    row["f0"] = float(cells[0])
    row["draw"] = random.random()
    return row
"#;
    let inputs = ["1,x", "drop,x", "oops,x", "2,", "3,y\u{2028}z"];
    let Some(tree) = scripted(script, &inputs) else { return };
    let run = tree.succeed(&[]);
    assert!(run.log.contains("read 3 rows from 5 records"), "{}", run.log);
    assert!(run.log.contains("1 record of 5 cannot be used"), "{}", run.log);
    assert!(
        run.log.contains("ValueError: could not convert string to float: 'oops' (line 14 of the script)"),
        "{}",
        run.log
    );
    let mut found = columns(&tree);
    found.retain(|column| column.0 != "draw");
    assert_eq!(found, [is("f0", "Fractional", 3, Some(2.0)), is("f1", "String", 2, None)]);
    let bytes = tree.results()["statistics.json"].clone();
    tree.succeed(&[]);
    assert!(tree.results()["statistics.json"] == bytes, "random draws of a script are seeded");
}

/// Nothing at all, a dict without a key, alone or among others: each is left out, counted, and said in log and report.
/// Half of a character by itself, as in a text that was cut between its two halves, costs no other character of it.
#[test]
fn a_text_with_half_a_character_keeps_the_others() {
    let script = r#"
class Odd:
    def __str__(self):
        return "\xe9\udc00"
def preprocess_handler(record):
    cell = record.endpoint_input.data
    if cell == "fail":
        raise ValueError("\xe9\ud800")
    found = {"cut": "\xe9\ud800", "low": "\udc00\u20ac", "both": "\ud83d\ude00", "whole": "\U0001f600\n\u2028",
             "list": ["\xe9\ud800"], "odd": Odd()}
    return {cell: found[cell]}
"#;
    for (cell, name, expected) in [
        ("cut", "cut", "\u{e9}\u{fffd}"),
        ("low", "low", "\u{fffd}\u{20ac}"),
        ("both", "both", "\u{1f600}"),
        ("whole", "whole", "\u{1f600}\n\u{2028}"),
        ("list", "list", "[\"\u{e9}\u{fffd}\"]"),
        ("odd", "odd", "\u{e9}\u{fffd}"),
    ] {
        let Some(tree) = scripted(script, &[cell, "fail"]) else { return };
        let run = tree.succeed(&[]);
        let feature = tree.result("statistics.json")["features"][0].clone();
        let bucket = &feature["string_statistics"]["distribution"]["categorical"]["buckets"][0]["value"];
        assert_eq!((&feature["name"], bucket), (&json!(name), &json!(expected)), "{cell} {}", run.log);
        assert!(run.log.contains("ValueError: \u{e9}\u{fffd} (line 8 of the script)"), "{}", run.log);
    }
}

#[test]
fn records_for_which_a_script_returns_nothing_are_counted() {
    let script = r#"
def preprocess_handler(record):
    kind, value = record.endpoint_input.data.split(",")
    row = {"y": value, "p": value}
    return {"none": None, "empty": {}, "list": [{}], "some": [row, {}, row], "row": row, "drop": []}[kind]
"#;
    let inputs = ["row,1", "none,1", "empty,0", "list,0", "some,0", "drop,1"];
    let Some(tree) = scripted(script, &inputs) else { return };
    let run = tree.succeed(&[]);
    assert!(run.log.contains("read 3 rows from 6 records"), "{}", run.log);
    assert!(run.log.contains("records or rows left out by `columns` or the script: 5"), "{}", run.log);
    let told = "4 records of 6 are left out, since the script returned nothing for them";
    assert!(run.log.contains(told), "{}", run.log);
    assert!(tree.result("data_quality_details.json")["warnings"][0].as_str().unwrap().starts_with(told));
    assert!(String::from_utf8(tree.results()["report.html"].clone()).unwrap().contains(told));
    let dry = tree.succeed(&["validate"]);
    assert!(dry.stdout.contains(told), "{}", dry.stdout);
    let quality = tree.succeed(&[
        "--analysis-type=MODEL_QUALITY",
        "--problem-type=BinaryClassification",
        "--inference-attribute=p",
        "--ground-truth-attribute=y",
    ]);
    assert!(
        quality.log.contains("5 rows left out, not wanted by `columns` or the script"),
        "{}",
        quality.log
    );
    // None is left: no row, and no result.
    let none = scripted("def preprocess_handler(record):\n    pass\n", &["1,2"]).unwrap();
    let run = none.fail(&[], 2, "PL0302");
    assert!(run.message.contains("1 left out by `columns` or a script"), "{}", run.message);
}

#[test]
fn keys_of_a_script_are_matched_by_name_else_in_natural_order() {
    let script = "def preprocess_handler(record):\n    cells = record.endpoint_input.data.split(',')\n    \
                  return {f'_c{n}': cell for n, cell in enumerate(cells)}\n";
    let row: Vec<String> = (0..12).map(|n| (n * 100).to_string()).collect();
    let row = row.join(",");
    let Some(baseline) = scripted(script, &[&row, &row]) else { return };
    let run = baseline.succeed(&[]);
    assert!(run.log.contains("natural order"), "{}", run.log);
    let means: Vec<f64> = columns(&baseline).iter().map(|column| column.3.unwrap()).collect();
    assert_eq!(means, (0..12).map(|n| f64::from(n) * 100.0).collect::<Vec<_>>());
    // As the hosted service: `_c10` in front of `_c2`.
    let strict = scripted(script, &[&row]).unwrap();
    strict.succeed(&["--compat=strict"]);
    assert_eq!(columns(&strict)[2].0, "_c10");
    // Held against a baseline of other names: by position. Of the same names: by name, whatever the order.
    let renamed = script.replace("'_c{n}'", "'g{n}'");
    let reversed =
        script.replace("for n, cell in enumerate(cells)", "for n, cell in reversed(list(enumerate(cells)))");
    for (script, warned) in [(renamed.as_str(), true), (reversed.as_str(), false)] {
        let mut monitor = scripted(script, &[&row, &row]).unwrap();
        for name in ["constraints.json", "statistics.json"] {
            monitor.file(&format!("processing/baseline/{name}"), &baseline.results()[name]);
        }
        monitor.set("baseline_constraints", "/opt/ml/processing/baseline");
        monitor.set("baseline_statistics", "/opt/ml/processing/baseline");
        let run = monitor.succeed(&[]);
        assert_eq!(run.message, "Completed: Job completed successfully with no violations.");
        assert_eq!(run.log.contains("natural order"), warned, "{}", run.log);
        assert_eq!(columns(&monitor), columns(&baseline));
    }
}

#[test]
fn a_record_that_a_script_fails_on_moves_no_value_of_another() {
    let script = "def preprocess_handler(record):\n    if record['kind'] == 'fails':\n        raise ValueError('no')\n    \
                  return [] if record['kind'] == 'none' else record['row']\n";
    let Some(path) = with_python() else { return };
    let statistics = |records: &[&str]| {
        let mut tree = tree("jsonl", &records.join("\n"), r#"{"json":{"lines":true}}"#);
        tree.file(SCRIPT, script);
        tree.set("PATH", &path).set("record_preprocessor_script", format!("/opt/ml/{SCRIPT}")).succeed(&[]);
        tree.result("statistics.json")
    };
    let both = r#"{"kind": "row", "row": {"a": 1, "b": 100}}"#;
    let turned = r#"{"kind": "row", "row": {"b": 200, "a": 2}}"#;
    let one = r#"{"kind": "row", "row": {"a": 3}}"#;
    let other = r#"{"kind": "row", "row": {"c": 4}}"#;
    let (fails, none, bad) = (r#"{"kind": "fails"}"#, r#"{"kind": "none"}"#, r#"{"kind": "row", "row": 7}"#);
    for good in [[both, turned, one], [one, both, turned], [both, one, other], [other, turned, both]] {
        let expected = statistics(&good);
        for place in 0..=good.len() {
            let mut records = good.to_vec();
            records.splice(place..place, [fails, none, bad, fails]);
            assert_eq!(statistics(&records), expected, "{records:?}");
        }
    }
}

#[test]
fn a_script_reads_lines_and_json_too() {
    let csv = "def preprocess_handler(line):\n    return [] if line.startswith('n,') else {'n': line.split(',')[0]}\n";
    let json = "def preprocess_handler(record):\n    return [{'n': n} for n in record['list']]\n";
    for (name, text, format, script) in [
        ("csv", "n,x\n1,a\n2,b\n3,c\n", r#"{"csv":{"header":true}}"#, csv),
        ("jsonl", "{\"list\": [1, 2]}\n{\"list\": [3]}\n", r#"{"json":{"lines":true}}"#, json),
        ("json", "[{\"list\": [1,\n 2]}, {\"list\": [3]}]", r#"{"json":{}}"#, json),
    ] {
        let mut tree = tree(name, text, format);
        let Some(path) = with_python() else { return };
        tree.file(SCRIPT, script);
        tree.set("PATH", path).set("record_preprocessor_script", format!("/opt/ml/{SCRIPT}")).succeed(&[]);
        assert_eq!(columns(&tree), [is("n", "Integral", 3, Some(2.0))], "{name}");
    }
}

#[test]
fn a_script_that_cannot_run_stops_the_job_with_its_own_words() {
    for (script, said) in [
        ("import nowhere_to_be_found\n", "No module named 'nowhere_to_be_found'"),
        ("def preprocess(record):\n    return {}\n", "no function preprocess_handler"),
        ("def preprocess_handler(record:\n", "SyntaxError"),
        ("import os\ndef preprocess_handler(record):\n    os._exit(3)\n", "exit status: 3"),
        (
            "import os, sys\ndef preprocess_handler(record):\n    print('out of luck')\n    sys.stdout.flush()\n    \
             os._exit(3)\n",
            "out of luck",
        ),
    ] {
        let Some(tree) = scripted(script, &["1,2"]) else { return };
        let run = tree.fail(&[], 1, "PL0312");
        assert!(
            run.message.contains(said) && run.message.contains("record_preprocessor_script"),
            "{}",
            run.message
        );
    }
    // Handlers that give something else than rows.
    let Some(tree) = scripted("def preprocess_handler(record):\n    return 3\n", &["1,2"]) else { return };
    let run = tree.fail(&[], 2, "PL0302");
    assert!(run.message.contains("returned int, expected a dict"), "{}", run.message);
    // Without Python the message names what does without.
    let mut bare = tree_without_python();
    bare.set("record_preprocessor_script", format!("/opt/ml/{SCRIPT}"));
    assert!(bare.fail(&[], 1, "PL0204").log.contains("`columns`"));
}

fn tree_without_python() -> Tree {
    let tree = tree("csv", "1,2\n", r#"{"csv":{}}"#);
    tree.file(SCRIPT, "");
    tree
}

#[test]
fn a_script_at_the_end_sees_the_results() {
    let script = "import json, os\n\
                  def postprocess_handler():\n    \
                  root = os.environ['SAGEMAKER_BASE_DIR']\n    \
                  found = json.load(open(root + '/processing/output/statistics.json'))\n    \
                  open(root + '/seen', 'w').write(str(found['dataset']['item_count']))\n    \
                  print('sent')\n";
    let Some(path) = with_python() else { return };
    let mut tree = tree("csv", "1,2\n3,4\n", r#"{"csv":{}}"#);
    tree.file(SCRIPT, script);
    tree.set("PATH", path).set("post_analytics_processor_script", format!("/opt/ml/{SCRIPT}"));
    let run = tree.succeed(&[]);
    assert!(run.log.contains("script: sent"), "{}", run.log);
    assert_eq!(std::fs::read_to_string(tree.path("seen")).unwrap(), "2");
    tree.file(SCRIPT, "def postprocess_handler():\n    raise ValueError('no topic')\n");
    let message = tree.fail_quietly(&[]);
    assert!(message.contains("PL0312") && message.contains("ValueError: no topic (line 2"), "{message}");
    // The results are there all the same.
    assert!(tree.results().contains_key("statistics.json"));
}

#[test]
fn generated_traffic_is_the_same_through_a_script_that_does_what_reading_does() {
    let Some(path) = with_python() else { return };
    let mut traffic = traffic(300, 0.0);
    (traffic.payload, traffic.several) = (plumbline_generator::traffic::Payload::Csv, 0.0);
    let tree = || {
        let mut tree = captured(&traffic);
        let captures = tree.path("traffic").join(CAPTURES).display().to_string();
        tree.set("analysis_type", "DATA_QUALITY").set("dataset_source", captures).set("PATH", path.clone());
        tree.set("dataset_format", r#"{"sagemakerCaptureJson":{}}"#);
        tree
    };
    let (plain, mut scripted) = (tree(), tree());
    plain.succeed(&[]);
    scripted.file(
        SCRIPT,
        "def preprocess_handler(record):\n    data = record.endpoint_output.data.strip() + ',' + \
         record.endpoint_input.data.strip()\n    return {f'_c{n}': d for n, d in enumerate(data.split(','))}\n",
    );
    scripted.set("record_preprocessor_script", format!("/opt/ml/{SCRIPT}")).succeed(&[]);
    assert!(plain.results()["statistics.json"] == scripted.results()["statistics.json"]);
}

#[test]
fn model_quality_takes_the_keys_of_a_script_as_columns() {
    let script = "def preprocess_handler(record):\n    score = float(record.endpoint_output.data)\n    \
                  return {'score': score, 'label': record.ground_truth.data}\n";
    let Some(mut tree) = scripted(script, &["1,2", "3,4", "5,6"]) else { return };
    tree.set("analysis_type", "MODEL_QUALITY").set("problem_type", "Regression");
    tree.set("inference_attribute", "score").set("ground_truth_attribute", "label").succeed(&[]);
    // Every score is 0.5 and every label 1.
    assert_eq!(tree.result("statistics.json")["regression_metrics"]["mae"]["value"], 0.5);
    let mut entries = Tree::new();
    entries.file(&format!("{DATA}.jsonl"), record(1, "1", "text/csv", "0.5", &[]));
    entries
        .set("analysis_type", "MODEL_QUALITY")
        .set("problem_type", "Regression")
        .set("inference_attribute", "0");
    entries.set("dataset_format", r#"{"sagemakerMergeJson":{}}"#).set("columns", r#"[{"drop": ["x"]}]"#);
    entries.fail(&[], 1, "PL0204");
}
