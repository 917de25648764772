//! The merge program as a user runs it: on a folder tree shaped like that of a processing job.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

#[path = "support/runs.rs"]
mod runs;

use merge_job::MergeTask;
use merge_job::settings::DuplicateGroundTruth;
use plumbline_common::stop::Stop;
use runs::{Run, files_below, gzip};

/// A tree that stands for `/opt/ml`.
struct Tree {
    root: tempfile::TempDir,
}

impl Tree {
    fn new() -> Tree {
        let tree = Tree { root: tempfile::tempdir().unwrap() };
        fs::create_dir_all(tree.path("processing/output")).unwrap();
        fs::create_dir_all(tree.path("output")).unwrap();
        fs::create_dir_all(tree.path("tmp")).unwrap();
        tree
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    fn file(&self, path: &str, bytes: impl AsRef<[u8]>) -> &Tree {
        runs::write(&self.path(path), bytes);
        self
    }

    /// A file of captures, below `processing/input_data`.
    fn captures(&self, path: &str, bytes: impl AsRef<[u8]>) -> &Tree {
        self.file(&format!("processing/input_data/{path}"), bytes)
    }

    /// A file of ground truth, below `processing/groundtruth`.
    fn labels(&self, path: &str, bytes: impl AsRef<[u8]>) -> &Tree {
        self.file(&format!("processing/groundtruth/{path}"), bytes)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_merge-job"));
        command
            .args(arguments)
            .env_clear()
            .env("SAGEMAKER_BASE_DIR", self.root.path())
            .env("TMPDIR", self.path("tmp"))
            .stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Run {
        self.ended(self.command(arguments).output().unwrap())
    }

    fn ended(&self, output: Output) -> Run {
        Run::of(self.root.path(), output)
    }

    /// Merged files by their path below the output.
    fn merged_files(&self) -> BTreeMap<String, Vec<u8>> {
        files_below(&self.path("processing/output"))
    }

    /// All merged lines, in the order of folders and files.
    fn merged(&self) -> Vec<Value> {
        let lines = |bytes: &Vec<u8>| -> Vec<Value> {
            let text = std::str::from_utf8(bytes).unwrap();
            assert!(text.ends_with('\n'));
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
        };
        self.merged_files().values().flat_map(lines).collect()
    }

    fn summary(&self) -> Value {
        serde_json::from_slice(&fs::read(self.path("output/merge_summary.json")).unwrap()).unwrap()
    }
}

fn capture(id: &str) -> String {
    json!({
        "captureData": {"endpointInput": {"data": "1,2", "encoding": "CSV", "mode": "INPUT"}},
        "eventMetadata": {"eventId": id, "inferenceTime": "2024-01-19T18:10:00Z"},
        "eventVersion": "0"
    })
    .to_string()
}

fn capture_with_inference_id(id: &str, inference_id: &str) -> String {
    let mut record: Value = serde_json::from_str(&capture(id)).unwrap();
    record["eventMetadata"]["inferenceId"] = inference_id.into();
    record.to_string()
}

fn label(id: &str, data: &str) -> String {
    json!({"groundTruthData": {"data": data, "encoding": "CSV"}, "eventMetadata": {"eventId": id}})
        .to_string()
}

fn lines(records: &[String]) -> String {
    records.join("\n") + "\n"
}

fn ids(records: &[Value]) -> Vec<&str> {
    records.iter().map(|record| record["eventMetadata"]["eventId"].as_str().unwrap()).collect()
}

fn label_of(record: &Value) -> &str {
    record["groundTruthData"]["data"].as_str().unwrap()
}

const HOUR: &str = "ep/AllTraffic/2024/01/19/18";

fn in_hour(name: &str) -> String {
    format!("{HOUR}/{name}")
}

/// Every record read is in exactly one of the counts.
#[track_caller]
fn check_account(summary: &Value) {
    let sum = |names: &[&str]| names.iter().map(|name| summary[name].as_u64().unwrap()).sum::<u64>();
    let captures =
        ["merged", "captures_unmatched", "captures_bad", "captures_duplicate", "captures_outside_window"];
    let labels = [
        "labels_merged",
        "labels_unmatched",
        "labels_bad",
        "labels_duplicate_same",
        "labels_duplicate_conflict",
    ];
    assert_eq!(sum(&["captures_read"]), sum(&captures), "{summary}");
    assert_eq!(sum(&["labels_read"]), sum(&labels), "{summary}");
}

#[test]
fn captures_and_labels_become_merged_records_in_the_folder_of_the_capture() {
    let tree = Tree::new();
    tree.captures(&in_hour("a.jsonl"), lines(&[capture("1"), capture("2"), capture("3")]))
        .labels("2024/01/19/20/x.jsonl", lines(&[label("3", "c"), label("1", "a"), label("9", "z")]));
    let run = tree.run(&[]);
    assert_eq!(run.code, Some(0), "{}", run.log);
    assert_eq!(
        run.message,
        "Completed: merged 2 of 3 captures; 1 capture without a label, 1 label without a capture"
    );
    let names: Vec<_> = tree.merged_files().into_keys().collect();
    assert_eq!(names.len(), 1);
    assert!(names[0].starts_with(&in_hour("part-00000-")) && names[0].ends_with(".c000.jsonl"), "{names:?}");
    let merged = tree.merged();
    assert_eq!(ids(&merged), ["1", "3"]);
    assert_eq!(merged[0]["groundTruthData"], json!({"data": "a", "encoding": "CSV"}));
    let summary = tree.summary();
    check_account(&summary);
    assert_eq!(summary["label_age_hours"]["p50"], 2);
    assert_eq!(summary["sample_ids"]["labels_unmatched"], json!(["9"]));
    assert_eq!(summary["sample_ids"]["captures_unmatched"], json!(["2"]));
}

#[test]
fn captured_bytes_survive() {
    let tree = Tree::new();
    let data = r#""data":"a\"b\\c\u00e9\t  é🚀 \u0000 \ud800\r\n","x": [1.50,1e5,-0.0,123456789012345678901234567890]"#;
    let before = r#"{ "eventMetadata":{"eventId":"\u0041","customAttributes":["x"]} , "captureData":{"endpointInput":{"#;
    let record = format!("{before}{data}}}}},\"eventVersion\":0}}");
    tree.captures("a.jsonl", format!("\u{feff}{record}  \r\n")).labels("b.jsonl", label("A", "1"));
    assert_eq!(tree.run(&[]).code, Some(0));
    let text = tree.merged_files().into_values().next().unwrap();
    let expected = format!(r#"{{"groundTruthData":{{"data":"1","encoding":"CSV"}},{}"#, &record[1..]) + "\n";
    assert_eq!(String::from_utf8(text).unwrap(), expected);
}

#[test]
fn odd_but_legal_records_merge() {
    let tree = Tree::new();
    let twice = r#"{"eventMetadata":{"eventId":"x","eventId":"twice"},"captureData":{"a":1,"a":2},"captureData":{"b":3}}"#;
    let merged_before =
        r#"{"groundTruthData":{"data":"old"},"captureData":{},"eventMetadata":{"eventId":"again"}}"#;
    let number = r#"{"captureData":{},"eventMetadata":{"eventId":70}}"#;
    let within =
        r#"{"captureData":{"d":"\"eventMetadata\":{\"eventId\":\"no\"}"},"eventMetadata":{"eventId":"yes"}}"#;
    let null = r#"{"captureData":{},"eventMetadata":{"eventId":"plain","inferenceId":null}}"#;
    let empty = r#"{"captureData":{},"eventMetadata":{"eventId":"empty","inferenceId":""}}"#;
    let all = [twice, merged_before, number, within, null, empty].map(str::to_string);
    tree.captures("a b/é.jsonl", lines(&all)).captures(
        "c/pretty.json",
        "[\n  {\n \"captureData\": {},\n\n \"eventMetadata\": {\n\"eventId\": \"pretty\"}},\n 5\n]\n",
    );
    let ids = ["twice", "again", "70", "yes", "plain", "empty", "pretty", "no", "x"];
    let labels: Vec<_> = ids.iter().map(|id| label(id, id)).collect();
    tree.labels("2024/01/19/20/array.jsonl", format!("[{}]", labels.join(",")));
    let run = tree.run(&[]);
    assert_eq!(run.code, Some(0), "{}", run.log);
    let merged = tree.merged();
    let found: Vec<_> = merged.iter().map(label_of).collect();
    assert_eq!(found, ["twice", "again", "70", "yes", "plain", "empty", "pretty"]);
    assert_eq!(merged[0]["captureData"], json!({"b": 3}));
    let text = String::from_utf8(tree.merged_files().into_values().next().unwrap()).unwrap();
    assert_eq!(text.lines().next().unwrap().matches("eventId").count(), 1, "{text}");
    let summary = tree.summary();
    assert_eq!(summary["captures_bad"], 1);
    assert_eq!(summary["bad_records"][0]["line"], 7, "{summary}");
    check_account(&summary);
}

#[test]
fn bad_records_are_skipped_counted_and_named() {
    let tree = Tree::new();
    let good: Vec<_> = (0..8).map(|n| capture(&n.to_string())).collect();
    let mut text = lines(&good).into_bytes();
    text.extend(
        b"not json\n\n{\"captureData\":{}}\n\xff\xfe\n{\"captureData\":{},\"eventMetadata\":{\"eventId\":",
    );
    tree.captures(&in_hour("a.jsonl"), text)
        .labels("x.jsonl", lines(&[label("0", "1"), "{}".into(), "garbage".into(), label("1", "0")]));
    let run = tree.run(&[]);
    assert_eq!(run.code, Some(0), "{}", run.log);
    let summary = tree.summary();
    check_account(&summary);
    assert_eq!((&summary["captures_bad"], &summary["labels_bad"]), (&json!(4), &json!(2)));
    let named: Vec<_> =
        summary["bad_records"].as_array().unwrap().iter().map(|bad| bad["line"].as_u64()).collect();
    assert_eq!(named, [2, 3, 9, 11, 12].map(Some));
    assert!(run.log.contains("x.jsonl") && run.log.contains("`groundTruthData` is missing"), "{}", run.log);

    let strict = tree.run(&["--on-bad-record", "fail"]);
    assert_eq!(strict.code, Some(3));
    assert!(
        strict.message.starts_with("Error: PL0301: ") && strict.message.contains("x.jsonl, line 2"),
        "{}",
        strict.message
    );
    let few = tree.run(&["--max-bad-fraction=0.4"]);
    assert_eq!(few.code, Some(3));
    assert!(few.message.starts_with("Error: PL0402: 2 of 4 labels"), "{}", few.message);
}

#[test]
fn second_labels_follow_the_setting() {
    let tree = Tree::new();
    tree.captures("a.jsonl", lines(&[capture("1"), capture("2")]))
        .labels("2024/01/19/19/a.jsonl", lines(&[label("1", "early"), label("2", "same")]))
        .labels("2024/01/19/20/a.jsonl", lines(&[label("2", "same"), label("1", "late")]));
    for (setting, expected) in [
        ("last", vec!["late", "same"]),
        ("first", vec!["early", "same"]),
        ("all", vec!["early", "late", "same"]),
    ] {
        let run = tree.run(&["--duplicate-ground-truth", setting]);
        assert_eq!(run.code, Some(0), "{}", run.log);
        let merged = tree.merged();
        assert_eq!(merged.iter().map(label_of).collect::<Vec<_>>(), expected);
        check_account(&tree.summary());
        assert_eq!(tree.summary()["labels_duplicate_same"], 1);
    }
    let run = tree.run(&["--duplicate-ground-truth=fail"]);
    assert_eq!(run.code, Some(3));
    assert!(run.message.starts_with("Error: PL0403: ") && run.message.contains("`1`"), "{}", run.message);
}

#[test]
fn a_capture_delivered_twice_is_merged_once_but_a_repeated_inference_id_each_time() {
    let tree = Tree::new();
    let records = [
        capture_with_inference_id("1", "same"),
        capture_with_inference_id("2", "same"),
        capture_with_inference_id("1", "same"),
    ];
    tree.captures("a.jsonl", lines(&records)).labels("x.jsonl", label("same", "1"));
    assert_eq!(tree.run(&[]).code, Some(0));
    assert_eq!(ids(&tree.merged()), ["1", "2"]);
    assert_eq!(tree.summary()["captures_duplicate"], 1);
    assert_eq!(tree.run(&["--keep-duplicate-captures"]).code, Some(0));
    assert_eq!(ids(&tree.merged()), ["1", "2", "1"]);
}

#[test]
fn nothing_matches_is_a_failure_that_explains_itself() {
    let tree = Tree::new();
    let records = [capture_with_inference_id("e1", "i1"), capture_with_inference_id("e2", "i2")];
    tree.captures("a.jsonl", lines(&records)).labels("x.jsonl", lines(&[label("e1", "1"), label("q", "1")]));
    let run = tree.run(&[]);
    assert_eq!(run.code, Some(2));
    assert!(
        run.message.starts_with("Error: PL0401: merged 0 of 2 captures (ids `i1`, `i2`)"),
        "{}",
        run.message
    );
    assert!(run.message.contains("1 capture was sent with an inferenceId"), "{}", run.message);
    assert!(tree.merged_files().is_empty());
    assert_eq!(tree.summary()["would_match_by_event_id"], 1);
    let run = tree.run(&["--on-no-match=succeed"]);
    assert_eq!(run.code, Some(0));
    assert!(run.message.starts_with("Completed: merged 0 of 2 captures"), "{}", run.message);
    assert!(tree.merged_files().is_empty());

    tree.labels("x.jsonl", label("I1 ", "1"));
    let run = tree.run(&[]);
    assert!(run.message.contains("`i1` and `I1 ` are different ids"), "{}", run.message);
}

#[test]
fn missing_folders_are_told_apart() {
    let tree = Tree::new();
    let run = tree.run(&[]);
    assert_eq!(run.code, Some(2));
    assert!(run.message.contains("PL0302") && run.message.contains("input_data"), "{}", run.message);
    tree.captures("a.jsonl", lines(&[capture("1")]));
    let run = tree.run(&[]);
    assert_eq!(run.code, Some(2));
    assert!(run.message.contains("there is no ground truth"), "{}", run.message);
}

#[test]
fn window_leaves_out_captures_unless_a_schedule_started_the_job() {
    let tree = Tree::new();
    tree.captures("a.jsonl", lines(&[capture("1")])).labels("x.jsonl", label("1", "1"));
    let inside = ["--start-time=2024-01-19T18:10:00Z", "--end-time", "2024-01-19T18:10:01Z"];
    assert_eq!(tree.run(&inside).code, Some(0));
    let outside = ["--end-time=2024-01-19T18:10:00Z"];
    assert_eq!(tree.run(&outside).code, Some(2));
    assert_eq!(tree.summary()["captures_outside_window"], 1);
    check_account(&tree.summary());
    assert_eq!(tree.run(&["--start-time", "-PT6H"]).code, Some(2));
    let scheduled = tree.run(&[outside[0], "--monitoring-input-type=ENDPOINT_INPUT"]);
    assert_eq!(scheduled.code, Some(0));
    assert_eq!(tree.summary()["captures_outside_window_kept"], 1);
    let bad = tree.run(&["--start-time=soon"]);
    assert_eq!(bad.code, Some(1));
    assert!(bad.message.contains("`start_time`: found `soon`"), "{}", bad.message);
}

#[test]
fn batch_transforms_merge_as_rows_documents_and_by_lists() {
    let tree = Tree::new();
    tree.captures("s/2024/01/19/19/rows.csv.out", "28, 2,\"a,b\",u1,2024-01-19T19:25:34Z\r\n43,x,u2,2024-01-19T19:25:34Z\r\nbroken,row\r\n")
        .captures(
            "s/2024/01/19/20/doc.json.out",
            "{\n \"SageMakerInferenceId\": \"u3\", \"SageMakerInferenceTime\": \"2024-01-19T20:00:00Z\",\n \"instances\": [{\"x\": 1.50}] }\n",
        )
        .captures("s/2024/01/19/21/list.json", format!("[{{\"prefix\": \"{}/\"}}, \"far.out\"]", tree.path("far").display()))
        .captures("s/2024/01/19/21/unreachable.json", r#"[{"prefix": "s3://bucket/"}, "x.out"]"#)
        .captures("README.txt", "hello\n")
        .file("far/far.out", r#"{"a":1,"SageMakerInferenceId":"u4"}"#)
        .labels("x.jsonl", lines(&["u1", "u2", "u3", "u4"].map(|id| label(id, id))));
    let run = tree.run(&[]);
    assert_eq!(run.code, Some(0), "{}", run.log);
    let merged = tree.merged();
    assert_eq!(ids(&merged), ["u1", "u2", "u3", "u4"]);
    let output = |idx: usize| merged[idx]["captureData"]["batchTransformOutput"].clone();
    assert_eq!(output(0), json!({"data": "28, 2,\"a,b\"", "encoding": "CSV"}));
    assert_eq!(output(2), json!({"data": "{\"instances\":[{\"x\":1.50}]}", "encoding": "JSON"}));
    assert_eq!(output(3), json!({"data": "{\"a\":1}", "encoding": "JSON"}));
    assert_eq!(merged[1]["eventMetadata"], json!({"eventId": "u2"}));
    assert!(tree.merged_files().keys().nth(2).unwrap().starts_with("s/2024/01/19/21/part-"));
    let summary = tree.summary();
    assert_eq!((&summary["captures_bad"], &summary["files_unreadable"]), (&json!(2), &json!(1)), "{summary}");
    assert_eq!(summary["files_without_records"][0]["file"], "README.txt");
    assert!(run.log.contains("s3://bucket/x.out"), "{}", run.log);
    check_account(&summary);
}

/// Many records over several folders, with everything that is counted.
fn busy() -> Tree {
    let tree = Tree::new();
    for hour in 0..3 {
        let mut captures = Vec::new();
        let mut labels = Vec::new();
        for n in 0..2000 {
            let id = format!("{hour}-{n}");
            match n % 10 {
                0 => captures.push(capture_with_inference_id(&id, &format!("i{}", n % 100))),
                1 => captures.push(capture(&format!("{hour}-{}", n - 1))),
                2 => captures.push("{bad".into()),
                _ => captures.push(capture(&id)),
            }
            match n % 7 {
                0 => {}
                1 => labels.push(label(&id, "first")),
                2 => labels.extend([label(&id, "same"), label(&id, "same")]),
                3 => labels.extend([label(&id, "x"), label(&id, "y")]),
                _ => labels.push(label(&id, &n.to_string())),
            }
        }
        labels.extend((0..50).map(|n| label(&format!("i{n}"), "by inference id")));
        tree.captures(&format!("ep/v/2024/01/19/{hour:02}/a.jsonl"), lines(&captures));
        tree.labels(&format!("2024/01/19/{:02}/a.jsonl", hour + 2), lines(&labels));
    }
    tree
}

/// The account of a merge by way of the library, and the files it left.
fn merged_with(tree: &Tree, change: impl Fn(&mut MergeTask)) -> (Value, BTreeMap<String, Vec<u8>>) {
    let output = tree.path("merged");
    let mut task = MergeTask::new(
        &tree.path("processing/input_data"),
        &tree.path("processing/groundtruth"),
        &output,
        &tree.path("tmp"),
    );
    change(&mut task);
    let summary = match merge_job::merge(&task, &Stop::default()) {
        Ok(summary) => summary,
        Err(failure) => *failure.summary.unwrap_or_else(|| panic!("{}", failure.problem)),
    };
    let files = if output.exists() { files_below(&output) } else { BTreeMap::new() };
    let _ = fs::remove_dir_all(&output);
    (serde_json::to_value(summary).unwrap(), files)
}

#[test]
fn memory_threads_and_blocks_do_not_change_a_byte() {
    let tree = busy();
    // A file of each odd form, so that records go over the ends of blocks.
    let list: Vec<_> = (0..300).map(|n| capture(&format!("list-{n}"))).collect();
    let pretty: Vec<_> =
        list.iter().map(|text| text.replace("list", "pretty").replace(',', ",\n  ")).collect();
    tree.captures("ep/v/2024/01/19/07/list.json", format!("[{}]", list.join(", ")))
        .captures("ep/v/2024/01/19/07/pretty.json", format!("[\n{}\n]", pretty.join(",\n")))
        .captures("ep/v/2024/01/19/07/zipped.gz", gzip(lines(&list).replace("list", "zip").as_bytes()))
        .captures(
            "ep/v/2024/01/19/08/rows.csv",
            (0..300).map(|n| format!("\"a\n{n}\",row-{n},2024-01-19T08:00:00Z\n")).collect::<String>(),
        );
    let ids = ["list", "pretty", "zip", "row"]
        .into_iter()
        .flat_map(|kind| (0..299).map(move |n| format!("{kind}-{n}")));
    tree.labels("2024/01/19/09/b.jsonl", lines(&ids.map(|id| label(&id, "1")).collect::<Vec<_>>()));
    for policy in [DuplicateGroundTruth::Last, DuplicateGroundTruth::First, DuplicateGroundTruth::All] {
        let with = |threads, block_bytes, memory_budget| {
            merged_with(&tree, |task| {
                task.duplicate_ground_truth = policy;
                task.threads = threads;
                task.block_bytes = block_bytes;
                task.memory_budget = memory_budget;
            })
        };
        let (summary, expected) = with(1, 1 << 20, u64::MAX);
        check_account(&summary);
        assert!(expected.len() == 5 && expected.values().all(|bytes| bytes.len() > 30_000), "{summary}");
        for threads in [1, 2, 3, 8] {
            for (block_bytes, memory_budget) in [(500, u64::MAX), (7_000, u64::MAX), (3_000, 1), (1 << 20, 1)]
            {
                let (again, files) = with(threads, block_bytes, memory_budget);
                let how =
                    format!("{policy:?}, {threads} threads, blocks of {block_bytes}, memory {memory_budget}");
                assert_eq!(again, summary, "{how}");
                assert!(files == expected, "{how} gives other bytes");
            }
        }
    }
    assert_eq!(fs::read_dir(tree.path("tmp")).unwrap().count(), 0);
}

#[test]
fn the_program_spills_when_memory_is_small_and_says_so() {
    let tree = busy();
    assert_eq!(tree.run(&["--threads=1"]).code, Some(0));
    let (expected, summary) = (tree.merged_files(), tree.summary());
    let run = tree.run(&["--threads=3", "--memory-limit=1m"]);
    assert!(run.code == Some(0) && run.log.contains("do not fit in memory"), "{}", run.log);
    assert!(tree.merged_files() == expected && tree.summary() == summary);
}

#[test]
fn a_run_by_way_of_scratch_files_explains_as_much_as_one_in_memory() {
    let both = |event: &str, inference: &str| {
        label(event, "1").replace("\"eventId\"", &format!("\"inferenceId\":\"{inference}\",\"eventId\""))
    };
    for (labels, expected) in [
        (lines(&[label("1000.0", "1"), label("x", "1")]), "`1000` and `1000.0` are different ids"),
        (lines(&[both("wrong", "1000"), both("wrong2", "7")]), "would match 1 capture"),
        (lines(&[both("wrong", "1000"), both("wrong2", "0007")]), "belongs there"),
        (lines(&[label("e", "1")]), "1 capture was sent with an inferenceId"),
    ] {
        let tree = Tree::new();
        tree.captures("a.jsonl", lines(&[capture("1000"), capture_with_inference_id("e", "i")]))
            .labels("x.jsonl", labels);
        let (in_memory, _) = merged_with(&tree, |_| {});
        let (spilled, _) = merged_with(&tree, |task| task.memory_budget = 1);
        assert!(in_memory["hints"].to_string().contains(expected), "{expected} is not in {in_memory}");
        assert_eq!(in_memory, spilled);
    }
}

#[test]
fn captures_are_one_only_when_both_ids_are_the_same() {
    let tree = Tree::new();
    let captures = [
        ("", "a"),
        ("", "b"),
        ("same", "c"),
        ("same", "d"),
        ("same", "d"),
        ("x", "e"),
        ("y", "e"),
        ("x", "e"),
    ];
    let captures = captures.map(|(event, inference)| capture_with_inference_id(event, inference));
    tree.captures("a.jsonl", lines(&captures))
        .captures("b.jsonl", r#"{"captureData":{},"eventMetadata":{"eventId":""}}"#);
    tree.labels("x.jsonl", lines(&["a", "b", "c", "d", "e"].map(|id| label(id, id))));
    let (summary, files) = merged_with(&tree, |_| {});
    assert_eq!(
        files.values().map(|bytes| bytes.iter().filter(|byte| **byte == b'\n').count()).sum::<usize>(),
        6
    );
    let count = |name: &str| summary[name].as_u64().unwrap();
    assert_eq!(
        (
            count("merged"),
            count("captures_duplicate"),
            count("captures_repeated_event_id"),
            count("captures_bad")
        ),
        (6, 2, 1, 1)
    );
    check_account(&summary);
    let run = tree.run(&[]);
    assert!(run.message.contains("1 capture with the event id of another"), "{}", run.message);
    assert!(run.log.contains("event ids repeat"), "{}", run.log);
}

#[test]
fn of_two_roots_of_labels_the_later_hour_counts() {
    let tree = Tree::new();
    tree.captures("a.jsonl", lines(&[capture("1"), capture("2")]))
        .labels("audit/2024/01/19/20/x.jsonl", lines(&[label("1", "late")]))
        .labels("system/2024/01/19/19/x.jsonl", lines(&[label("1", "early"), label("2", "hour")]))
        .labels("zzz/no-hour.jsonl", lines(&[label("1", "none"), label("2", "none")]));
    for (policy, expected) in [("last", ["late", "hour"]), ("first", ["none", "none"])] {
        assert_eq!(tree.run(&["--duplicate-ground-truth", policy]).code, Some(0));
        assert_eq!(tree.merged().iter().map(label_of).collect::<Vec<_>>(), expected);
    }
}

#[test]
fn a_file_that_cannot_be_read_costs_that_file() {
    let tree = Tree::new();
    let good = |n: usize| lines(&[capture(&n.to_string())]);
    let mut cut = gzip(lines(&(10..400).map(|n| capture(&n.to_string())).collect::<Vec<_>>()).as_bytes());
    cut.truncate(cut.len() - 9);
    tree.captures("a.jsonl", good(0))
        .captures("padded.gz", [gzip(good(1).as_bytes()), vec![0; 700]].concat())
        .captures("cut.gz", cut)
        .captures(
            "list.json",
            format!(r#"[{{"prefix":"{}/"}},"gone.out","there.out"]"#, tree.path("far").display()),
        )
        .file("far/there.out", good(2))
        .labels("x.jsonl", lines(&(0..400).map(|n| label(&n.to_string(), "1")).collect::<Vec<_>>()));
    std::os::unix::fs::symlink("nowhere", tree.path("processing/input_data/link.jsonl")).unwrap();
    std::os::unix::fs::symlink("nowhere", tree.path("processing/groundtruth/link.jsonl")).unwrap();
    let run = tree.run(&[]);
    assert_eq!(run.code, Some(0), "{}", run.log);
    let summary = tree.summary();
    assert_eq!(summary["files_unreadable"], 4, "{summary}");
    check_account(&summary);
    let merged = tree.merged();
    assert!(["0", "1", "2", "10", "300"].iter().all(|id| ids(&merged).contains(id)), "{}", run.message);
    for name in ["link.jsonl", "cut.gz", "gone.out"] {
        assert!(run.log.contains(name), "{name} is not named in {}", run.log);
    }
    assert_eq!(tree.run(&["--on-bad-record=fail"]).code, Some(3));
    let nothing = Tree::new();
    nothing.labels("x.jsonl", label("1", "1")).captures("empty", "");
    std::os::unix::fs::symlink("nowhere", nothing.path("processing/input_data/link.jsonl")).unwrap();
    let run = nothing.run(&[]);
    assert!(run.code == Some(2) && run.message.contains("link.jsonl"), "{}", run.message);
}

#[test]
fn files_of_another_kind_are_named_with_what_they_look_like_and_the_way_out() {
    let good = lines(&[label("1", "1")]);
    for (captures, labels, expected) in [
        (lines(&[capture("1")]), "id,label\n1,0\n".to_string(), ["x looks like CSV", "JSON Lines"]),
        (lines(&[capture("1")]), "PAR1\u{15}\nabc".to_string(), ["looks like Parquet", "convert"]),
        (
            lines(&[capture("1")]),
            "{'groundTruthData': {'data': '1'}}\n".to_string(),
            ["a Python dict", "json.dumps"],
        ),
        (good.clone(), lines(&[capture("1")]), ["captured records", "swapped"]),
        ("0.5,1\n0.7,0\n".to_string(), good.clone(), ["looks like CSV", "GenerateInferenceId"]),
        (
            "{\"predictions\": [1]}\n".to_string(),
            good.clone(),
            ["JSON without inference ids", "GenerateInferenceId"],
        ),
    ] {
        let tree = Tree::new();
        tree.captures("x", captures).labels("x", labels);
        for run in [tree.run(&[]), tree.run(&["validate"])] {
            assert_eq!(run.code, Some(3), "{}", run.log);
            let told = [run.message, run.stdout].concat();
            assert!(expected.iter().all(|part| told.contains(part)), "{expected:?} are not in {told}");
        }
    }
}

#[test]
fn a_line_larger_than_any_buffer_is_one_record() {
    let tree = Tree::new();
    let huge = capture("huge").replace("1,2", &"12345678,".repeat(600_000));
    tree.captures("a.jsonl", lines(&[capture("1"), huge.clone(), capture("2")]));
    tree.captures("b.jsonl.gz", gzip(lines(&[capture("3"), huge.replace("huge", "gz")]).as_bytes()));
    tree.labels("x.jsonl", lines(&["huge", "2", "gz", "3"].map(|id| label(id, "1"))));
    let run = tree.run(&[]);
    assert_eq!(run.code, Some(0), "{}", run.log);
    let merged = tree.merged();
    assert_eq!(ids(&merged), ["huge", "2", "3", "gz"]);
    assert_eq!(merged[0]["captureData"]["endpointInput"]["data"].as_str().unwrap().len(), 5_400_000);
}

#[test]
fn settings_come_from_the_job_configuration_and_unknown_ones_do_no_harm() {
    let tree = Tree::new();
    tree.file("processing/here/a.jsonl", lines(&[capture("1")]))
        .file("processing/there/x.jsonl", label("1", "1"))
        .file(
            "config/processingjobconfig.json",
            json!({"ProcessingJobName": "job", "Environment": {
                "dataset_source": "/opt/ml/processing/here", "ground_truth_source": "/opt/ml/processing/there",
                "output_path": "/opt/ml/processing/elsewhere", "summary_path": "/opt/ml/processing/elsewhere/",
                "publish_cloudwatch_metrics": "Disabled", "dataset_format": "{}"}})
            .to_string(),
        );
    let run = tree.run(&[]);
    assert_eq!(run.code, Some(0), "{}", run.log);
    let names: Vec<_> = files_below(&tree.path("processing/elsewhere")).into_keys().collect();
    assert!(
        names.len() == 2 && names[0] == "merge_summary.json" && names[1].starts_with("part-"),
        "{names:?}"
    );
    let record: Value =
        serde_json::from_str(run.log.lines().find(|line| line.contains("merge summary")).unwrap()).unwrap();
    assert_eq!((&record["merged"], &record["captures_read"]), (&json!(1), &json!(1)));
    let inside = tree.run(&["--output-path=/opt/ml/processing/here/out"]);
    assert_eq!(inside.code, Some(1));
    assert!(inside.message.contains("`output_path`"), "{}", inside.message);
}

fn hosts(tree: &Tree, distribution: &str, current: &str) {
    let input = |name: &str, folder: &str, distribution: &str| {
        json!({"InputName": name, "S3Input": {"LocalPath": format!("/opt/ml/processing/{folder}"), "S3Uri": "s3://b/x",
               "S3DataDistributionType": distribution, "S3InputMode": "File"}})
    };
    let config = json!({"ProcessingJobName": "job", "ProcessingInputs": [
        input("endpoint_input_1", "input_data", distribution), input("groundtruth_input_1", "groundtruth", "FullyReplicated")]});
    tree.file("config/processingjobconfig.json", config.to_string());
    let resources = json!({"current_host": current, "hosts": ["algo-2", "algo-1"]});
    tree.file("config/resourceconfig.json", resources.to_string());
}

#[test]
fn several_hosts_share_sharded_captures_and_else_the_first_does_the_work() {
    let tree = Tree::new();
    tree.captures(&in_hour("a.jsonl"), lines(&[capture("1")])).labels("x.jsonl", label("1", "1"));
    hosts(&tree, "FullyReplicated", "algo-2");
    let run = tree.run(&[]);
    assert_eq!((run.code, tree.merged_files().len()), (Some(0), 0), "{}", run.message);
    hosts(&tree, "ShardedByS3Key", "algo-2");
    assert_eq!(tree.run(&[]).code, Some(0));
    hosts(&tree, "ShardedByS3Key", "algo-1");
    assert_eq!(tree.run(&[]).code, Some(0));
    // The hosts upload to one place, so their files must not have the same name.
    assert_eq!(tree.merged_files().len(), 2);

    // A shard without a match must not fail the job of all hosts, and no shard at all neither.
    tree.captures(&in_hour("a.jsonl"), lines(&[capture("other")]));
    let run = tree.run(&[]);
    assert!(
        run.code == Some(0) && run.message.starts_with("Completed: merged 0 of 1 captures"),
        "{}",
        run.message
    );
    assert!(run.log.contains("WARN"), "{}", run.log);
    fs::remove_dir_all(tree.path("processing/input_data")).unwrap();
    let run = tree.run(&[]);
    assert!(
        run.code == Some(0) && run.message.starts_with("Completed: merged 0 of 0 captures"),
        "{}",
        run.message
    );
    hosts(&tree, "FullyReplicated", "algo-1");
    assert_eq!(tree.run(&[]).code, Some(2));
}

#[test]
fn a_failed_rerun_leaves_the_results_of_the_run_before() {
    let tree = Tree::new();
    tree.captures("one/a.jsonl", lines(&[capture("1")])).captures("two/a.jsonl", lines(&[capture("2")]));
    tree.labels("x.jsonl", lines(&[label("1", "1"), label("2", "2")]));
    assert_eq!(tree.run(&[]).code, Some(0));
    fs::remove_dir_all(tree.path("processing/output/two")).unwrap();
    tree.file("processing/output/two", "in the way")
        .labels("x.jsonl", lines(&[label("1", "new"), label("2", "new")]));
    let before = tree.merged_files();
    let run = tree.run(&[]);
    assert!(run.code == Some(3) && run.message.contains("two"), "{}", run.message);
    assert!(tree.merged_files() == before);
    tree.labels("x.jsonl", label("other", "1"));
    assert_eq!(tree.run(&[]).code, Some(2));
    assert!(tree.merged_files() == before);
}

#[test]
fn what_is_known_before_is_refused_before_anything_is_read() {
    let tree = Tree::new();
    tree.captures("a.jsonl", lines(&[capture("1")]))
        .labels("x.jsonl", label("1", "1"))
        .file("processing/file", "x");
    std::os::unix::fs::symlink("input_data", tree.path("processing/link")).unwrap();
    for (arguments, field, found) in [
        (vec!["--output-path=/opt/ml/processing/input_data"], "output_path", "input_data"),
        (vec!["--output-path=/opt/ml/processing/link/new/folder"], "output_path", "link"),
        (vec!["--output-path=/opt/ml/processing/none/../groundtruth/x"], "output_path", "groundtruth"),
        (
            vec!["--dataset-source=/opt/ml/processing/inputdata", "--on-no-match=succeed"],
            "dataset_source",
            "inputdata",
        ),
        (vec!["--ground-truth-source=/no/such", "--on-no-match=succeed"], "ground_truth_source", "/no/such"),
        (vec!["--dataset-source=s3://bucket/x"], "dataset_source", "s3:"),
        (vec!["--summary-path=/opt/ml/processing/file/summary.json"], "summary_path", "file/summary.json"),
        (vec!["--log-level=verbose"], "log_level", "`verbose`, expected one of error, warn, info, debug"),
        (vec!["--threads=0"], "threads", "`0`, expected a whole number from 1 to 256"),
        (vec!["--threads="], "threads", "no value"),
        (vec!["--thread=1"], "--thread", "no setting"),
        (vec!["--max-bad-fraction=2"], "max_bad_fraction", "`2`, expected a number from 0 to 1"),
    ] {
        let dry = tree.run(&[&["validate"], arguments.as_slice()].concat());
        let run = tree.run(&arguments);
        assert_eq!((run.code, dry.code), (Some(1), Some(1)), "{arguments:?}: {}", run.log);
        for part in [field, found] {
            assert!(run.message.contains(part), "{part} is not in {}", run.message);
            assert!(dry.stdout.contains(part) || dry.log.contains(part), "{part} is not in {}", dry.stdout);
        }
        assert!(tree.merged_files().is_empty());
    }
    let mut relative = tree.command(&["--dataset-source", ".", "--output-path", "merged"]);
    let run = tree.ended(relative.current_dir(tree.path("processing/input_data")).output().unwrap());
    assert!(run.code == Some(1) && run.message.contains("output_path"), "{}", run.message);
    let none = Tree::new();
    none.labels("x.jsonl", label("1", "1"));
    let run = none.run(&["--on-no-match=succeed"]);
    assert!(run.code == Some(0) && run.message.contains("merged 0 of 0 captures"), "{}", run.message);
}

#[test]
fn a_summary_that_cannot_be_written_hides_nothing() {
    let tree = Tree::new();
    tree.captures("a.jsonl", lines(&[capture("1")])).labels("x.jsonl", label("2", "1"));
    fs::create_dir_all(tree.path("output/merge_summary.json/in the way")).unwrap();
    let run = tree.run(&[]);
    assert!(run.code == Some(2) && run.message.contains("PL0401"), "{}", run.message);
    tree.labels("x.jsonl", label("1", "1"));
    let run = tree.run(&[]);
    assert!(run.code == Some(0) && run.log.contains("cannot write the summary"), "{}", run.log);
}

#[test]
fn the_dry_run_ends_as_the_job_does() {
    let conflict = lines(&[label("1", "a"), label("1", "b")]);
    let good = lines(&[label("1", "a")]);
    let captures = lines(&[capture("1"), capture("2")]);
    let no_time = captures.replace("2024-01-19T18:10:00Z", "at noon");
    for (captures, labels, arguments) in [
        (&captures, &good, ["--on-bad-record=fail", "--duplicate-ground-truth=fail"]),
        (&captures, &conflict, ["--on-bad-record=fail", "--duplicate-ground-truth=fail"]),
        (&captures, &conflict, ["--on-bad-record=fail", "--duplicate-ground-truth=last"]),
        (&format!("{captures}x\n"), &good, ["--on-bad-record=fail", "--on-no-match=succeed"]),
        (&format!("{captures}x\n"), &good, ["--on-bad-record=skip", "--max-bad-fraction=0.3"]),
        (&captures, &format!("{good}x\n"), ["--on-bad-record=fail", "--on-no-match=succeed"]),
        (&captures, &lines(&[label("9", "1")]), ["--on-no-match=fail", "--threads=2"]),
        (&captures, &lines(&[label("9", "1")]), ["--on-no-match=succeed", "--threads=2"]),
        (&no_time, &good, ["--start-time=2024-01-01", "--threads=1"]),
        (&no_time, &good, ["--start-time=2024-01-01", "--monitoring-input-type=x"]),
        (&captures, &good, ["--start-time=2025-01-01", "--threads=1"]),
        (&captures, &good, ["--output-path=/opt/ml/processing/input_data/a.jsonl/x", "--threads=1"]),
    ] {
        let tree = Tree::new();
        tree.captures("a.jsonl", captures).labels("x.jsonl", labels);
        let dry = tree.run(&[&["validate"], arguments.as_slice()].concat());
        assert!(tree.merged_files().is_empty() && !tree.path("output/merge_summary.json").exists());
        let run = tree.run(&arguments);
        assert_eq!(dry.code, run.code, "{arguments:?}: {} but {}", dry.stdout, run.message);
        if let Some(code) = run.message.strip_prefix("Error: ").and_then(|rest| rest.get(..6)) {
            assert!(dry.stdout.contains(code), "{code} is not in {}", dry.stdout);
        }
        if arguments[0].starts_with("--start-time") && run.message.contains("PL0402") {
            assert!(run.message.contains("expected a time such as"), "{}", run.message);
        }
    }
}

#[test]
fn the_dry_run_says_the_same_with_any_number_of_threads() {
    let tree = large();
    let expected = tree.run(&["validate", "--threads=1"]).stdout;
    assert!(expected.contains("20000 captures looked at"), "{expected}");
    for threads in ["2", "3", "8", "8", "8"] {
        assert_eq!(tree.run(&["validate", "--threads", threads]).stdout, expected);
    }
}

#[test]
fn files_of_an_earlier_run_are_replaced_or_told_of() {
    let tree = Tree::new();
    tree.captures("one/a.jsonl", lines(&[capture("1")])).captures("two/a.jsonl", lines(&[capture("2")]));
    tree.labels("x.jsonl", lines(&[label("1", "1"), label("2", "2")]));
    assert!(!tree.run(&[]).log.contains("another run"));
    tree.labels("x.jsonl", label("2", "new"));
    let run = tree.run(&[]);
    assert!(run.log.contains("1 part of another run"), "{}", run.log);
    let labels: Vec<_> = tree.merged().iter().map(|record| label_of(record).to_string()).collect();
    assert_eq!(labels, ["1", "new"]);
}

#[test]
fn validate_tells_and_writes_nothing() {
    let tree = busy();
    let run = tree.run(&["validate"]);
    assert_eq!(run.code, Some(0), "{}", run.log);
    for text in [
        "ep/v",
        "3 hours from 2024/01/19/00 to 2024/01/19/02",
        "found by inferenceId",
        "with input CSV",
        "a merge would succeed",
    ] {
        assert!(text == "ep/v" || run.stdout.contains(text), "{text} is not in {}", run.stdout);
    }
    assert!(run.message.is_empty() && tree.merged_files().is_empty());
    assert!(!tree.path("output/merge_summary.json").exists());
    tree.labels("2024/01/19/02/a.jsonl", "")
        .labels("2024/01/19/03/a.jsonl", "")
        .labels("2024/01/19/04/a.jsonl", label("q", "1"));
    let run = tree.run(&["validate"]);
    assert_eq!(run.code, Some(2), "{}", run.stdout);
    assert!(run.stdout.contains("ids of labels: q"), "{}", run.stdout);
}

#[test]
fn version_and_help_are_answers() {
    let tree = Tree::new();
    assert!(tree.run(&["--version"]).stdout.starts_with(concat!("merge-job ", env!("CARGO_PKG_VERSION"))));
    let help = tree.run(&["--help"]).stdout;
    for part in ["--duplicate-ground-truth", "variable of --dataset-source is dataset_source", "143"] {
        assert!(help.contains(part), "{part} is not in {help}");
    }
    // The level of the log is obeyed before the settings are parsed.
    let wrong = ["--log-level", "error", "--start-time", "soon"];
    assert!(tree.run(&wrong).log.contains("PL0101"));
    tree.captures("a.jsonl", capture("1")).labels("a.jsonl", label("1", "1"));
    let quiet = tree.run(&["--log-level=error"]);
    assert_eq!((quiet.code, quiet.log.as_str()), (Some(0), ""));
}

/// A tree on which the merge works for a while.
fn large() -> Tree {
    let tree = Tree::new();
    let captures: Vec<_> =
        (0..40_000).map(|n| capture(&n.to_string()).replace("1,2", &"1,".repeat(400))).collect();
    let labels: Vec<_> = (0..40_000).map(|n| label(&n.to_string(), "1")).collect();
    for hour in 0..4 {
        let part = &captures[hour * 10_000..(hour + 1) * 10_000];
        tree.captures(&format!("2024/01/19/{hour:02}/a.jsonl"), lines(part));
    }
    tree.labels("x.jsonl", lines(&labels));
    tree
}

#[test]
fn killed_or_stopped_at_any_moment_it_leaves_nothing_or_everything() {
    let tree = large();
    for (name, signal, codes) in [("KILL", 9, vec![None]), ("TERM", 15, vec![Some(143)])] {
        let mut interrupted = 0;
        for delay in [5, 30, 80, 150, 250, 400, 700] {
            let mut child = tree.command(&["--memory-limit=1"]).stderr(Stdio::null()).spawn().unwrap();
            std::thread::sleep(Duration::from_millis(delay));
            runs::signal(&child, name);
            let began = Instant::now();
            let status = child.wait().unwrap();
            assert!(began.elapsed() < Duration::from_secs(10));
            let files = tree.merged_files();
            if status.success() {
                assert_eq!(files.len(), 4);
                fs::remove_dir_all(tree.path("processing/output")).unwrap();
                fs::create_dir_all(tree.path("processing/output")).unwrap();
                continue;
            }
            interrupted += 1;
            assert!(status.signal() == Some(9) || codes.contains(&status.code()), "{status}");
            // A file that has its name is whole, and a run that can tidy up leaves none.
            let whole = |bytes: &Vec<u8>| bytes.iter().filter(|byte| **byte == b'\n').count() == 10_000;
            assert!(files.is_empty() || signal == 9 && files.values().all(whole));
            if signal == 15 {
                let message = fs::read_to_string(tree.path("output/message")).unwrap();
                assert!(message.starts_with("Stopped: "), "{message}");
            }
        }
        assert!(interrupted > 0, "no run was interrupted by signal {signal}");
    }
    assert_eq!(fs::read_dir(tree.path("tmp")).unwrap().count(), 0);
}

#[test]
fn full_disk_leaves_nothing_and_says_so() {
    let tree = large();
    // No file of this shell's children may grow beyond 2,000 blocks of 512 or 1,024 bytes.
    let output = Command::new("sh")
        .args(["-c", "ulimit -f 2000; exec \"$0\"", env!("CARGO_BIN_EXE_merge-job")])
        .env_clear()
        .env("SAGEMAKER_BASE_DIR", tree.root.path())
        .env("TMPDIR", tree.path("tmp"))
        .output()
        .unwrap();
    let run = tree.ended(output);
    assert_eq!(run.code, Some(3), "{}", run.log);
    assert!(run.message.starts_with("Error: PL0902: "), "{}", run.message);
    assert!(tree.merged_files().is_empty());
}

#[test]
fn what_cannot_be_written_is_named() {
    let tree = Tree::new();
    tree.captures("a.jsonl", lines(&[capture("1")])).labels("x.jsonl", label("1", "1"));
    tree.file("processing/blocked", "a file where the output should be");
    let run = tree.run(&["--output-path=/opt/ml/processing/blocked"]);
    assert_eq!(run.code, Some(3), "{}", run.log);
    assert!(run.message.contains("PL0901") && run.message.contains("blocked"), "{}", run.message);

    fs::remove_dir_all(tree.path("output")).unwrap();
    tree.file("output", "the message cannot be written");
    let run = tree.run(&[]);
    assert_eq!(run.code, Some(0), "{}", run.log);
    assert!(run.log.contains("cannot write the exit message"), "{}", run.log);
    assert_eq!(tree.merged_files().len(), 1);
}

#[test]
fn merged_files_can_be_read_by_all() {
    let tree = Tree::new();
    tree.captures(&in_hour("a.jsonl"), lines(&[capture("1")])).labels("x.jsonl", label("1", "1"));
    assert_eq!(tree.run(&[]).code, Some(0));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let name = tree.merged_files().into_keys().next().unwrap();
    assert_eq!(mode(&tree.path("processing/output").join(name)), 0o644);
    assert_eq!(mode(&tree.path("processing/output").join(HOUR)), 0o755);
}
