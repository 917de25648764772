//! What a file system and strangers' names may do to the merge: odd files, files that grow, few resources.

use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

#[path = "support/runs.rs"]
#[allow(dead_code, reason = "each test program uses some of it")]
mod runs;

use runs::{Run, files_below};

const CAPTURES: &str = "processing/input_data";
const LABELS: &str = "processing/groundtruth";

/// A tree that stands for `/opt/ml`.
struct Tree(tempfile::TempDir);

impl Tree {
    fn new() -> Tree {
        let tree = Tree(tempfile::tempdir().unwrap());
        for folder in [CAPTURES, LABELS, "processing/output", "output", "tmp"] {
            fs::create_dir_all(tree.path(folder)).unwrap();
        }
        tree
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    /// Captures with these numbers, in a file of this name.
    fn captures(&self, name: &OsStr, numbers: std::ops::Range<usize>) {
        fs::write(self.path(CAPTURES).join(name), numbers.map(capture).collect::<String>()).unwrap();
    }

    fn labels(&self, numbers: std::ops::Range<usize>) {
        fs::write(self.path(LABELS).join("labels.jsonl"), numbers.map(label).collect::<String>()).unwrap();
    }

    /// The program by way of a shell that sets limits first.
    fn command(&self, limits: &str) -> Command {
        let mut command = Command::new("sh");
        command
            .args(["-c", &format!("{limits} exec \"$0\""), env!("CARGO_BIN_EXE_merge-job")])
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("SAGEMAKER_BASE_DIR", self.0.path())
            .env("TMPDIR", self.path("tmp"))
            .stdin(Stdio::null());
        command
    }

    fn run(&self, limits: &str) -> Run {
        Run::of(self.0.path(), self.command(limits).output().unwrap())
    }

    fn merged(&self) -> usize {
        let files = files_below(&self.path("processing/output"));
        files.values().map(|bytes| bytes.iter().filter(|byte| **byte == b'\n').count()).sum()
    }

    fn summary(&self) -> Value {
        serde_json::from_slice(&fs::read(self.path("output/merge_summary.json")).unwrap()).unwrap()
    }
}

fn capture(number: usize) -> String {
    let record = json!({
        "captureData": {"endpointInput": {"data": "1,2", "encoding": "CSV", "mode": "INPUT"}},
        "eventMetadata": {"eventId": number.to_string(), "inferenceTime": "2024-01-19T18:10:00Z"},
        "eventVersion": "0"
    });
    format!("{record}\n")
}

fn label(number: usize) -> String {
    let id = number.to_string();
    format!(
        "{}\n",
        json!({"groundTruthData": {"data": "1", "encoding": "CSV"}, "eventMetadata": {"eventId": id}})
    )
}

fn pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn circles_pipes_sockets_and_odd_names_are_read_or_passed_over() {
    let tree = Tree::new();
    tree.labels(0..300);
    tree.captures(OsStr::new("0\nnew\tline\u{1b}[2J.jsonl"), 0..100);
    tree.captures(OsStr::from_bytes(b"1-\xff\xfe.jsonl"), 100..200);
    tree.captures(OsStr::new("2 $(touch x) 'é' \u{202e}.jsonl"), 200..300);
    let captures = tree.path(CAPTURES);
    fs::create_dir(captures.join("below")).unwrap();
    std::os::unix::fs::symlink(&captures, captures.join("below/circle")).unwrap();
    pipe(&captures.join("pipe.jsonl"));
    let _socket = UnixListener::bind(captures.join("socket")).unwrap();
    let run = tree.run("");
    assert_eq!(run.code, Some(0), "{}", run.log);
    assert_eq!(tree.merged(), 300);

    // Bad records in a file of such a name are named on one line, which steers no terminal.
    fs::write(captures.join(OsStr::from_bytes(b"3\n\x1b[31m\xff.jsonl")), "{\"broken\n").unwrap();
    let run = tree.run("");
    assert_eq!(run.code, Some(0), "{}", run.log);
    assert_eq!(tree.summary()["captures_bad"], 1);
    assert!(!run.log.contains('\u{1b}') && !run.message.contains(['\u{1b}', '\n']), "{:?}", run.log);
    assert!(run.log.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{}", run.log);
}

#[test]
fn a_link_to_nowhere_and_an_unreadable_file_are_named_and_the_rest_goes_on() {
    for target in ["gone.jsonl", "/sys/class/net/lo/speed"] {
        // Reading the second fails with EINVAL, wherever a machine has it.
        if target.starts_with('/') && (!Path::new(target).exists() || fs::read(target).is_ok()) {
            continue;
        }
        let tree = Tree::new();
        tree.labels(0..10);
        tree.captures(OsStr::new("a.jsonl"), 0..10);
        std::os::unix::fs::symlink(target, tree.path(CAPTURES).join("z.jsonl")).unwrap();
        let run = tree.run("");
        assert_eq!(run.code, Some(0), "{target}: {}", run.log);
        assert!(
            run.log.contains("z.jsonl") && run.message.contains("1 file that cannot be read"),
            "{}",
            run.log
        );
        assert_eq!((tree.merged(), &tree.summary()["files_unreadable"]), (10, &json!(1)));
    }
}

#[test]
fn thousands_of_small_files_need_few_open_ones_and_little_memory() {
    let tree = Tree::new();
    for number in 0..2_000 {
        tree.captures(OsStr::new(&format!("{number}.jsonl")), number..number + 1);
    }
    tree.labels(0..2_000);
    // 256 open files; the address space holds the program and its threads besides data.
    let run = tree.run("ulimit -n 256 && ulimit -v 524288 &&");
    assert_eq!(run.code, Some(0), "{}", run.log);
    assert_eq!(tree.merged(), 2_000);
}

/// A writer appends while the merge reads: what was whole when it was read is merged, the rest counted or left for the
/// next run, and every record stands in one count.
#[test]
fn a_file_that_grows_while_it_is_read_ends_the_run_all_the_same() {
    let tree = Tree::new();
    tree.labels(0..20_000);
    tree.captures(OsStr::new("a.jsonl"), 0..20_000);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut file = OpenOptions::new().append(true).open(tree.path(CAPTURES).join("a.jsonl")).unwrap();
            // Without end, as long as the merge runs; half lines too.
            for number in 0.. {
                if done.load(Ordering::Relaxed) {
                    break;
                }
                let line = capture(number % 20_000);
                let (first, second) = line.split_at(line.len() / 2);
                file.write_all(first.as_bytes()).unwrap();
                file.write_all(second.as_bytes()).unwrap();
            }
        });
        let began = Instant::now();
        let run = tree.run("");
        done.store(true, Ordering::Relaxed);
        assert_eq!(run.code, Some(0), "{}", run.log);
        assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    });
    let summary = tree.summary();
    let sum = |names: &[&str]| names.iter().map(|name| summary[name].as_u64().unwrap()).sum::<u64>();
    let counts =
        ["merged", "captures_unmatched", "captures_bad", "captures_duplicate", "captures_outside_window"];
    assert_eq!(sum(&counts), summary["captures_read"].as_u64().unwrap(), "{summary}");
    assert!(tree.merged() == 20_000 && sum(&["captures_bad"]) <= 2, "{summary}");
}
