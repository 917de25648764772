#![no_main]
//! A whole merge of any bytes: the parts between zero bytes are a file of captures, one of labels, a list of files, and an
//! answer of a batch transform beside its request. Read in small blocks by two threads, with the labels in scratch files, it
//! must end as it does in one go. The first byte says how large the blocks are.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use merge_job::settings::OnNoMatch;
use merge_job::{MergeTask, merge};
use plumbline_common::stop::Stop;

const NAMES: [&str; 5] = [
    "captures/2026/01/01/00/captured.jsonl",
    "labels/2026/01/01/00/labels.jsonl",
    "captures/2026/01/01/00/list.json",
    "captures/2026/01/01/00/rows.csv.out",
    "captures/2026/01/01/00/rows.csv",
];

/// The outcome in words, the account, and the merged files.
fn outcome(task: &MergeTask) -> (String, String, BTreeMap<String, Vec<u8>>) {
    let (told, summary) = match merge(task, &Stop::default()) {
        Ok(summary) => (String::new(), Some(summary)),
        Err(failure) => (failure.problem.to_string(), failure.summary.map(|summary| *summary)),
    };
    let mut files = BTreeMap::new();
    gather(&task.output, &mut files);
    (told, serde_json::to_string(&summary).unwrap(), files)
}

fn gather(folder: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            gather(&path, files);
        } else {
            files.insert(path.display().to_string(), fs::read(&path).unwrap());
            fs::remove_file(&path).unwrap();
        }
    }
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((&size, bytes)) = bytes.split_first() else { return };
    let folder = std::env::temp_dir().join(format!("plumbline-fuzz-merge-{}", std::process::id()));
    let mut parts = bytes.split(|byte| *byte == 0);
    for name in NAMES {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        match parts.next() {
            Some(part) if !part.is_empty() => fs::write(&path, part).unwrap(),
            _ => drop(fs::remove_file(&path)),
        }
    }
    for name in ["output", "scratch"] {
        fs::create_dir_all(folder.join(name)).unwrap();
    }
    let mut task = MergeTask::new(
        &folder.join("captures"),
        &folder.join("labels"),
        &folder.join("output"),
        &folder.join("scratch"),
    );
    task.mounts = vec![("s3://bucket/".into(), folder.join("captures"))];
    (task.on_no_match, task.max_bad_fraction, task.threads) = (OnNoMatch::Succeed, 1.0, 1);
    let whole = outcome(&task);
    (task.threads, task.block_bytes, task.memory_budget) = (2, usize::from(size) + 1, 0);
    assert_eq!(whole, outcome(&task));
});
