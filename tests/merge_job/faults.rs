//! What a file system and strangers' names may do to the merge: odd files, files that grow, few resources.

use std::ffi::OsStr;
use std::fs::{self, OpenOptions, Permissions};
use std::io::Write as _;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::runs::{Run, await_open, gzip, signal};
use crate::tree::{Tree, capture, check_account, label, large, lines};

const CAPTURES: &str = "processing/input_data";

/// A tree whose records have numbers as ids.
fn tree_of(labels: Range<usize>) -> Tree {
    let tree = Tree::new();
    tree.labels("labels.jsonl", lines(&labels.map(|n| label(&n.to_string(), "1")).collect::<Vec<_>>()));
    fs::create_dir_all(tree.path(CAPTURES)).unwrap();
    tree
}

/// Captures with these numbers, in a file of this name.
fn captures(tree: &Tree, name: &OsStr, numbers: Range<usize>) {
    let captures: Vec<_> = numbers.map(|n| capture(&n.to_string())).collect();
    fs::write(tree.path(CAPTURES).join(name), lines(&captures)).unwrap();
}

/// The program by way of a shell that sets limits first.
fn run_with(tree: &Tree, limits: &str) -> Run {
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("{limits} exec \"$0\""), env!("CARGO_BIN_EXE_merge-job")])
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("SAGEMAKER_BASE_DIR", tree.root.path())
        .env("TMPDIR", tree.path("tmp"))
        .stdin(Stdio::null());
    tree.ended(command.output().unwrap())
}

fn pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn circles_pipes_sockets_and_odd_names_are_read_or_passed_over() {
    let tree = tree_of(0..300);
    captures(&tree, OsStr::new("0\nnew\tline\u{1b}[2J.jsonl"), 0..100);
    captures(&tree, OsStr::from_bytes(b"1-\xff\xfe.jsonl"), 100..200);
    captures(&tree, OsStr::new("2 $(touch x) 'é' \u{202e}.jsonl"), 200..300);
    let folder = tree.path(CAPTURES);
    fs::create_dir(folder.join("below")).unwrap();
    std::os::unix::fs::symlink(&folder, folder.join("below/circle")).unwrap();
    pipe(&folder.join("pipe.jsonl"));
    let _socket = UnixListener::bind(folder.join("socket")).unwrap();
    let run = run_with(&tree, "");
    assert_eq!(run.code, Some(0), "{}", run.log);
    assert_eq!(tree.merged().len(), 300);

    // Bad records in a file of such a name are named on one line, which steers no terminal.
    fs::write(folder.join(OsStr::from_bytes(b"3\n\x1b[31m\xff.jsonl")), "{\"broken\n").unwrap();
    let run = run_with(&tree, "");
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
        let tree = tree_of(0..10);
        captures(&tree, OsStr::new("a.jsonl"), 0..10);
        std::os::unix::fs::symlink(target, tree.path(CAPTURES).join("z.jsonl")).unwrap();
        let run = run_with(&tree, "");
        assert_eq!(run.code, Some(0), "{target}: {}", run.log);
        assert!(
            run.log.contains("z.jsonl") && run.message.contains("1 file that cannot be read"),
            "{}",
            run.log
        );
        assert_eq!((tree.merged().len(), &tree.summary()["files_unreadable"]), (10, &json!(1)));
    }
}

#[test]
fn thousands_of_small_files_need_few_open_ones_and_little_memory() {
    let tree = tree_of(0..2_000);
    for number in 0..2_000 {
        captures(&tree, OsStr::new(&format!("{number}.jsonl")), number..number + 1);
    }
    // 256 open files; the address space holds the program and its threads besides data.
    let run = run_with(&tree, "ulimit -n 256 && ulimit -v 524288 &&");
    assert_eq!(run.code, Some(0), "{}", run.log);
    assert_eq!(tree.merged().len(), 2_000);
}

/// The join by way of scratch files divides labels and ids; however many divisions there are, they share one file.
#[test]
fn scratch_files_need_few_open_ones() {
    let tree = large();
    let expected = run_with(&tree, "");
    assert_eq!(expected.code, Some(0), "{}", expected.log);
    let files = tree.merged_files();
    let run = run_with(&tree, "ulimit -n 24 && export memory_limit=1 &&");
    assert_eq!(run.code, Some(0), "{}", run.log);
    assert!(run.log.contains("do not fit in memory") && tree.merged_files() == files);
}

#[test]
fn depth_and_many_threads_need_few_open_files() {
    let tree = tree_of(0..100);
    let depth = "d/".repeat(400);
    tree.captures(&format!("{depth}a.jsonl"), lines(&[capture("1")]));
    for number in 2..40 {
        let packed = gzip(lines(&vec![capture(&number.to_string()); 10]).as_bytes());
        // Behind the records the file has padding, so that it counts as a large one.
        tree.captures(&format!("{number}.jsonl.gz"), [packed, vec![0; 1 << 20]].concat());
    }
    let run = run_with(&tree, "ulimit -n 100 && export threads=200 &&");
    assert_eq!(run.code, Some(0), "{}", run.log);
    assert_eq!((tree.merged().len(), &tree.summary()["files_unreadable"]), (39, &json!(0)), "{}", run.log);
    // Where even these are too many, no file is called bad for it.
    for limit in [8, 10, 12, 14, 16] {
        fs::remove_file(tree.path("output/message")).unwrap();
        let run = run_with(&tree, &format!("ulimit -n {limit} && export threads=16 &&"));
        let is_whole = run.code == Some(0) && run.message.starts_with("Completed: merged 39 of 381");
        assert!(
            is_whole || run.code == Some(3) && run.message.contains("Too many open"),
            "{limit}: {}\n{}",
            run.message,
            run.log
        );
    }
}

/// A file that cannot be opened for want of open files is no bad file.
#[test]
fn too_few_open_files_are_an_error_of_the_job() {
    let tree = tree_of(0..100);
    captures(&tree, OsStr::new("a.jsonl"), 0..100);
    for limit in 3..16 {
        let _ = fs::remove_file(tree.path("output/message"));
        let run = run_with(&tree, &format!("ulimit -n {limit} &&"));
        let is_whole = run.code == Some(0) && run.message.starts_with("Completed: merged 100 of 100");
        assert!(
            is_whole || run.code != Some(0) && !run.message.contains("captures"),
            "{limit}: {}",
            run.message
        );
    }
}

/// As another user than root, for whom no folder is closed.
#[test]
fn a_folder_that_may_not_be_read_is_named_and_the_rest_goes_on() {
    let tree = tree_of(0..10);
    captures(&tree, OsStr::new("a.jsonl"), 0..10);
    tree.captures("closed/b.jsonl", lines(&[capture("1")])).labels("closed/y.jsonl", label("2", "1"));
    for closed in [format!("{CAPTURES}/closed"), "processing/groundtruth/closed".into()] {
        fs::set_permissions(tree.path(&closed), Permissions::from_mode(0o000)).unwrap();
    }
    for open in ["", "output", "processing/output", "tmp"] {
        fs::set_permissions(tree.path(open), Permissions::from_mode(0o777)).unwrap();
    }
    let mut command = tree.command(&[]);
    if fs::read_dir(tree.path(CAPTURES).join("closed")).is_ok() {
        // Root reads everything, and its program may lie where others cannot reach it.
        let copied = tree.path("merge-job");
        fs::copy(command.get_program(), &copied).unwrap();
        let variables = command.get_envs().map(|(name, value)| (name.to_owned(), value.unwrap().to_owned()));
        let mut of_another = Command::new(copied);
        of_another.env_clear().envs(variables).stdin(Stdio::null()).uid(65534).gid(65534);
        command = of_another;
    }
    let run = tree.ended(command.output().unwrap());
    for closed in [format!("{CAPTURES}/closed"), "processing/groundtruth/closed".into()] {
        fs::set_permissions(tree.path(&closed), Permissions::from_mode(0o755)).unwrap();
    }
    assert_eq!(run.code, Some(0), "{}", run.log);
    assert!(run.message.contains("2 files that cannot be read"), "{}", run.message);
    assert!(run.log.contains("closed: Permission denied"), "{}", run.log);
    assert_eq!((tree.merged().len(), &tree.summary()["files_unreadable"]), (10, &json!(2)));
    // The folder that is given is another matter.
    let missing = tree.run(&["--dataset-source=/opt/ml/processing/input_data/none"]);
    assert_eq!(missing.code, Some(1), "{}", missing.message);
}

/// A writer appends while the merge reads: what was whole when it was read is merged, the rest counted or left for the
/// next run, and every record stands in one count.
#[test]
fn a_file_that_grows_while_it_is_read_ends_the_run_all_the_same() {
    let tree = tree_of(0..20_000);
    captures(&tree, OsStr::new("a.jsonl"), 0..20_000);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut file = OpenOptions::new().append(true).open(tree.path(CAPTURES).join("a.jsonl")).unwrap();
            // Without end, as long as the merge runs; half lines too.
            for number in 0.. {
                if done.load(Ordering::Relaxed) {
                    break;
                }
                let line = capture(&(number % 20_000).to_string()) + "\n";
                let (first, second) = line.split_at(line.len() / 2);
                file.write_all(first.as_bytes()).unwrap();
                file.write_all(second.as_bytes()).unwrap();
            }
        });
        let began = Instant::now();
        let run = run_with(&tree, "");
        done.store(true, Ordering::Relaxed);
        assert_eq!(run.code, Some(0), "{}", run.log);
        assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    });
    let summary = tree.summary();
    let sum = |names: &[&str]| names.iter().map(|name| summary[name].as_u64().unwrap()).sum::<u64>();
    let counts =
        ["merged", "captures_unmatched", "captures_bad", "captures_duplicate", "captures_outside_window"];
    assert_eq!(sum(&counts), summary["captures_read"].as_u64().unwrap(), "{summary}");
    assert!(tree.merged().len() == 20_000 && sum(&["captures_bad"]) <= 2, "{summary}");
}

/// Nobody reads the pipe.
#[test]
fn a_pipe_in_the_place_of_the_exit_message_is_not_waited_for() {
    let tree = tree_of(0..10);
    captures(&tree, OsStr::new("0.jsonl"), 0..10);
    pipe(&tree.path("output/message"));
    let ended = tree.command(&[]).output().unwrap();
    let log = String::from_utf8(ended.stderr).unwrap();
    assert!(ended.status.success() && log.contains("cannot write the exit message"), "{log}");
    assert_eq!(tree.merged().len(), 10);
}

/// Files that are gone, empty or cut off between the list of them and their turn cost what is gone, and no more.
#[test]
fn files_that_vanish_or_shrink_under_way_are_counted_and_the_rest_goes_on() {
    const FILES: usize = 400;
    type Change = fn(&Path);
    let changes: [(&str, Change); 4] = [
        ("gone", |file| fs::remove_file(file).unwrap()),
        ("a pipe", |file| {
            fs::remove_file(file).unwrap();
            pipe(file);
        }),
        ("empty", |file| drop(fs::File::create(file).unwrap())),
        // Within the last record.
        ("cut off", |file| {
            let file = OpenOptions::new().write(true).open(file).unwrap();
            file.set_len(file.metadata().unwrap().len() - 5).unwrap();
        }),
    ];
    for (what, change) in changes {
        // A file that became empty is one without records.
        let mut is_seen = what == "empty";
        for round in 0..30 {
            let tree = tree_of(0..10 * FILES);
            for n in 0..FILES {
                captures(&tree, OsStr::new(&format!("{n:03}.jsonl")), 10 * n..10 * (n + 1));
            }
            let folder = fs::canonicalize(tree.path(CAPTURES)).unwrap();
            let mut child = tree.command(&[]).stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
            if await_open(&mut child, &folder) {
                // The first file stays, so that something is merged. The program stands still meanwhile.
                signal(&child, "STOP");
                for n in 1..FILES {
                    change(&folder.join(format!("{n:03}.jsonl")));
                }
                signal(&child, "CONT");
            }
            let run = tree.ended(child.wait_with_output().unwrap());
            assert_eq!(run.code, Some(0), "{what}: {}", run.log);
            let summary = tree.summary();
            check_account(&summary);
            let count = |name: &str| summary[name].as_u64().unwrap() as usize;
            assert_eq!(tree.merged().len(), count("merged"), "{what}: {summary}");
            let (gone, bad) = (count("files_unreadable"), count("captures_bad"));
            let costs_what_is_gone = match what {
                "gone" | "a pipe" => bad == 0 && count("merged") + 10 * gone == 10 * FILES,
                "empty" => gone == 0 && count("merged").is_multiple_of(10),
                _ => gone == 0 && count("merged") + bad == 10 * FILES,
            };
            assert!(costs_what_is_gone && count("merged") >= 10, "{what}: {summary}");
            is_seen |= gone + bad > 0;
            if is_seen && round >= 2 {
                break;
            }
        }
        assert!(is_seen, "{what}: every run was over before");
    }
}
