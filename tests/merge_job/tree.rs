//! A folder tree shaped like that of a processing job, and records for it.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use merge_job::MergeTask;
use plumbline_common::stop::Stop;
use serde_json::{Value, json};

use crate::runs::{self, Run, files_below};

/// A tree that stands for `/opt/ml`.
pub(crate) struct Tree {
    pub(crate) root: tempfile::TempDir,
}

impl Tree {
    pub(crate) fn new() -> Tree {
        let tree = Tree { root: tempfile::tempdir().unwrap() };
        fs::create_dir_all(tree.path("processing/output")).unwrap();
        fs::create_dir_all(tree.path("output")).unwrap();
        fs::create_dir_all(tree.path("tmp")).unwrap();
        tree
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    pub(crate) fn file(&self, path: &str, bytes: impl AsRef<[u8]>) -> &Tree {
        runs::write(&self.path(path), bytes);
        self
    }

    /// A file of captures, below `processing/input_data`.
    pub(crate) fn captures(&self, path: &str, bytes: impl AsRef<[u8]>) -> &Tree {
        self.file(&format!("processing/input_data/{path}"), bytes)
    }

    /// A file of ground truth, below `processing/groundtruth`.
    pub(crate) fn labels(&self, path: &str, bytes: impl AsRef<[u8]>) -> &Tree {
        self.file(&format!("processing/groundtruth/{path}"), bytes)
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_merge-job"));
        command
            .args(arguments)
            .env_clear()
            .env("SAGEMAKER_BASE_DIR", self.root.path())
            .env("TMPDIR", self.path("tmp"))
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        self.ended(self.command(arguments).output().unwrap())
    }

    pub(crate) fn ended(&self, output: Output) -> Run {
        Run::of(self.root.path(), output)
    }

    /// Merged files by their path below the output.
    pub(crate) fn merged_files(&self) -> BTreeMap<String, Vec<u8>> {
        files_below(&self.path("processing/output"))
    }

    /// All merged lines, in the order of folders and files.
    pub(crate) fn merged(&self) -> Vec<Value> {
        let lines = |bytes: &Vec<u8>| -> Vec<Value> {
            let text = std::str::from_utf8(bytes).unwrap();
            assert!(text.ends_with('\n'));
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
        };
        self.merged_files().values().flat_map(lines).collect()
    }

    pub(crate) fn summary(&self) -> Value {
        serde_json::from_slice(&fs::read(self.path("output/merge_summary.json")).unwrap()).unwrap()
    }
}

pub(crate) fn capture(id: &str) -> String {
    json!({
        "captureData": {"endpointInput": {"data": "1,2", "encoding": "CSV", "mode": "INPUT"}},
        "eventMetadata": {"eventId": id, "inferenceTime": "2024-01-19T18:10:00Z"},
        "eventVersion": "0"
    })
    .to_string()
}

pub(crate) fn capture_with_inference_id(id: &str, inference_id: &str) -> String {
    let mut record: Value = serde_json::from_str(&capture(id)).unwrap();
    record["eventMetadata"]["inferenceId"] = inference_id.into();
    record.to_string()
}

pub(crate) fn label(id: &str, data: &str) -> String {
    json!({"groundTruthData": {"data": data, "encoding": "CSV"}, "eventMetadata": {"eventId": id}})
        .to_string()
}

pub(crate) fn lines(records: &[String]) -> String {
    records.join("\n") + "\n"
}

pub(crate) fn ids(records: &[Value]) -> Vec<&str> {
    records.iter().map(|record| record["eventMetadata"]["eventId"].as_str().unwrap()).collect()
}

pub(crate) fn label_of(record: &Value) -> &str {
    record["groundTruthData"]["data"].as_str().unwrap()
}

pub(crate) const HOUR: &str = "ep/AllTraffic/2024/01/19/18";

pub(crate) fn in_hour(name: &str) -> String {
    format!("{HOUR}/{name}")
}

/// Every record read is in exactly one of the counts.
#[track_caller]
pub(crate) fn check_account(summary: &Value) {
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

/// Many records over several folders, with everything that is counted.
pub(crate) fn busy() -> Tree {
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
pub(crate) fn merged_with(
    tree: &Tree,
    change: impl Fn(&mut MergeTask),
) -> (Value, BTreeMap<String, Vec<u8>>) {
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

/// A tree on which the merge works for a while.
pub(crate) fn large() -> Tree {
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
