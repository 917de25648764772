//! The files of a run: whole or not there, whatever ends it.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::{CommandExt as _, ExitStatusExt};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::runs::{self, RunTime};
use crate::tree::{HOUR, Tree, busy, capture, in_hour, label, label_of, large, lines};

#[test]
fn a_failed_rerun_leaves_the_results_of_the_run_before() {
    let tree = Tree::new();
    tree.captures("one/a.jsonl", lines(&[capture("1")])).captures("two/a.jsonl", lines(&[capture("2")]));
    tree.labels("x.jsonl", lines(&[label("1", "1"), label("2", "2")]));
    assert_eq!(tree.run(&[]).code, Some(0));
    fs::remove_dir_all(tree.path("processing/output/two")).unwrap();
    tree.file("processing/output/two", "in the way")
        .labels("x.jsonl", lines(&[label("1", "new"), label("2", "new")]));
    // The dry run sees it too.
    let dry = tree.run(&["validate"]);
    assert!(dry.code == Some(3) && dry.stdout.contains("two"), "{}", dry.stdout);
    let before = tree.merged_files();
    let run = tree.run(&[]);
    assert!(run.code == Some(3) && run.message.contains("two"), "{}", run.message);
    assert!(tree.merged_files() == before);
    fs::remove_file(tree.path("processing/output/two")).unwrap();
    let before = tree.merged_files();
    tree.labels("x.jsonl", label("other", "1"));
    assert_eq!(tree.run(&[]).code, Some(2));
    assert!(tree.merged_files() == before);
}

/// The disk is full when the summary's turn comes.
#[test]
fn a_summary_that_cannot_be_written_hides_nothing() {
    let tree = Tree::new();
    // A file may have 512 or 1,024 bytes. The merged one has fewer, and the summary, which tells of bad records, has more.
    let captures = [capture("1").as_str(), &["no record"; 5].join("\n")].join("\n");
    tree.captures("a.jsonl", captures).labels("x.jsonl", label("2", "1"));
    let run = || {
        let output = Command::new("sh")
            .args(["-c", "ulimit -f 1; exec \"$0\" --max-bad-fraction=1", env!("CARGO_BIN_EXE_merge-job")])
            .env_clear()
            .env("SAGEMAKER_BASE_DIR", tree.root.path())
            .env("TMPDIR", tree.path("tmp"))
            .output()
            .unwrap();
        tree.ended(output)
    };
    let without_match = run();
    assert!(
        without_match.code == Some(2) && without_match.message.contains("PL0401"),
        "{}",
        without_match.message
    );
    tree.labels("x.jsonl", label("1", "1"));
    let merged = run();
    assert!(merged.code == Some(0) && merged.log.contains("cannot write the summary"), "{}", merged.log);
}

#[test]
fn files_of_an_earlier_run_are_replaced_removed_or_told_of() {
    let tree = Tree::new();
    tree.captures("one/a.jsonl", lines(&[capture("1")])).captures("two/a.jsonl", lines(&[capture("2")]));
    tree.labels("x.jsonl", lines(&[label("1", "1"), label("2", "2")]));
    let labels =
        || -> Vec<String> { tree.merged().iter().map(|record| label_of(record).to_string()).collect() };
    let run = tree.run(&[]);
    assert!(!run.log.contains("not written by this run") && !run.log.contains("removed"), "{}", run.log);
    // A label that was withdrawn: its hour has no record any more.
    tree.labels("x.jsonl", label("2", "new"));
    let run = tree.run(&[]);
    assert!(run.log.contains("removed 1 merged file") && run.log.contains("output/one/part-"), "{}", run.log);
    assert_eq!(labels(), ["new"]);
    // Captures that are not looked at this time, or not in the window, lose nothing.
    tree.labels("x.jsonl", lines(&[label("1", "1"), label("2", "2")]));
    assert_eq!(tree.run(&[]).code, Some(0));
    let later = capture("1").replace("T18:10", "T19:10");
    tree.captures("one/a.jsonl", lines(&[later]));
    let run = tree.run(&["--end-time=2024-01-19T19:00:00Z"]);
    assert!(run.log.contains("1 merged file in ") && run.log.contains("output/one/part-"), "{}", run.log);
    assert!(run.log.contains("whoever reads the output reads it too: remove it"), "{}", run.log);
    assert_eq!(labels(), ["1", "2"]);
    // A run that fails changes nothing, one that may be without a match takes all of its captures away.
    tree.labels("x.jsonl", label("other", "1"));
    assert_eq!(tree.run(&[]).code, Some(2));
    assert_eq!(labels(), ["1", "2"]);
    assert_eq!(tree.run(&["--on-no-match=succeed"]).code, Some(0));
    assert!(tree.merged_files().is_empty());
}

/// What stands in the way of a merged file is found before any data are read, by the job and by the dry run.
#[test]
fn what_stands_in_the_way_of_a_merged_file_is_found_before_the_work() {
    let tree = Tree::new();
    tree.captures(&in_hour("a.jsonl"), lines(&[capture("1")])).labels("x.jsonl", label("1", "1"));
    assert_eq!(tree.run(&[]).code, Some(0));
    let part = tree.merged_files().into_keys().next().unwrap();
    let output = tree.path("processing/output");
    type Make = fn(&Path);
    let in_the_way: [(&str, Make); 5] = [
        ("a folder with the name of a part", |part| fs::create_dir_all(part).unwrap()),
        ("a folder with the name of a later part", |part| {
            let later = part.to_str().unwrap().replace("part-00000", "part-00003");
            fs::create_dir_all(later).unwrap();
        }),
        ("an hour that is a file", |part| runs::write(part.parent().unwrap(), "x")),
        ("a folder above that is a file", |part| runs::write(part.ancestors().nth(3).unwrap(), "x")),
        ("a folder above that is a link to nowhere", |part| {
            fs::create_dir_all(part.ancestors().nth(4).unwrap()).unwrap();
            std::os::unix::fs::symlink("nowhere", part.ancestors().nth(3).unwrap()).unwrap();
        }),
    ];
    for (what, make) in in_the_way {
        fs::remove_dir_all(&output).unwrap();
        make(&output.join(&part));
        let (dry, run) = (tree.run(&["validate"]), tree.run(&[]));
        assert_eq!((dry.code, run.code), (Some(3), Some(3)), "{what}: {} {}", dry.stdout, run.message);
        assert!(run.message.contains("PL0901") && run.message.contains("2024"), "{what}: {}", run.message);
        assert!(dry.stdout.contains(run.message.trim_start_matches("Error: ")), "{what}: {}", dry.stdout);
        assert!(!run.log.contains("merge summary"), "{what}: found after the work: {}", run.log);
    }
}

/// Nobody reads the log, so its pipe is full and the first Ctrl-C finds the program waiting.
#[test]
fn a_second_interrupt_ends_it_at_once_and_says_so() {
    let tree = Tree::new();
    tree.captures("a.jsonl", lines(&[capture("1")])).labels("x.jsonl", label("1", "1"));
    for (arguments, message) in [(&[][..], "Stopped: PL0904: "), (&["validate"], "")] {
        let (_full, mut log) = std::io::pipe().unwrap();
        log.write_all(&[b'x'; 1 << 16]).unwrap();
        let (_answer, mut stdout) = std::io::pipe().unwrap();
        stdout.write_all(&[b'x'; 1 << 16]).unwrap();
        let mut child = tree.command(arguments).stderr(log).stdout(stdout).spawn().unwrap();
        runs::await_handler(&child, 2);
        // The one that counts presses comes right behind the one that sets the flag.
        std::thread::sleep(Duration::from_millis(200));
        runs::signal(&child, "INT");
        std::thread::sleep(Duration::from_millis(300));
        assert_eq!(child.try_wait().unwrap(), None);
        let began = Instant::now();
        runs::signal(&child, "INT");
        let status = child.wait().unwrap();
        assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
        assert_eq!(status.code(), Some(143), "{status}");
        let told = fs::read_to_string(tree.path("output/message")).unwrap_or_default();
        assert!(told.starts_with(message) && told.is_empty() == message.is_empty(), "{told}");
        let _ = fs::remove_file(tree.path("output/message"));
    }
    assert!(tree.merged_files().is_empty());
}

#[test]
fn killed_or_stopped_at_any_moment_it_leaves_nothing_or_everything() {
    let tree = large();
    for (name, signal, codes) in [("KILL", 9, vec![None]), ("TERM", 15, vec![Some(143)])] {
        let mut interrupted = 0;
        for delay in [0, 30, 80, 150, 250, 400, 700] {
            let mut child = tree.command(&["--memory-limit=1"]).stderr(Stdio::null()).spawn().unwrap();
            runs::await_handler(&child, 15);
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

    let check = |command: &mut Command| {
        let run = tree.ended(command.output().unwrap());
        assert_eq!(run.code, Some(0), "{}", run.log);
        assert!(run.log.contains("cannot write the exit message") && run.message.is_empty(), "{}", run.log);
        assert_eq!(tree.merged_files().len(), 1);
        fs::remove_dir_all(tree.path("processing/output")).unwrap();
        fs::create_dir(tree.path("processing/output")).unwrap();
    };
    fs::remove_dir_all(tree.path("output")).unwrap();
    tree.file("output", "the message cannot be written");
    check(&mut tree.command(&[]));

    // A folder of somebody else; root may write everywhere.
    fs::remove_file(tree.path("output")).unwrap();
    fs::create_dir(tree.path("output")).unwrap();
    for (path, bits) in [("", 0o755), ("tmp", 0o777), ("output", 0o555), ("processing/output", 0o777)] {
        fs::set_permissions(tree.path(path), fs::Permissions::from_mode(bits)).unwrap();
    }
    let mut command = tree.command(&[]);
    if fs::metadata(tree.path("output")).unwrap().uid() == 0 {
        command.uid(65534).gid(65534);
    }
    check(&mut command);
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

/// The scratch folder on another file system than the output, an earlier good run in the output, and a job that is
/// killed at stepped moments of its run.
#[test]
fn killed_at_dozens_of_moments_it_leaves_whole_files_and_loses_no_earlier_result() {
    const HOURS: usize = 20;
    const RECORDS: usize = 60;
    let shared_memory = Path::new("/dev/shm");
    let elsewhere = if shared_memory.is_dir() { shared_memory.into() } else { std::env::temp_dir() };
    let scratch = tempfile::tempdir_in(elsewhere).unwrap();
    let tree = Tree::new();
    let id = |hour: usize, n: usize| format!("{hour}-{n}");
    for hour in 0..HOURS {
        let captures: Vec<_> = (0..RECORDS).map(|n| capture(&id(hour, n))).collect();
        tree.captures(&format!("2024/01/19/{hour:02}/a.jsonl"), lines(&captures));
    }
    let labels = |data: &str| {
        let ids = (0..HOURS).flat_map(|hour| (0..RECORDS).map(move |n| id(hour, n)));
        lines(&ids.map(|id| label(&id, data)).collect::<Vec<_>>())
    };
    tree.labels("x.jsonl", labels("earlier"));
    assert_eq!(tree.run(&[]).code, Some(0));
    let earlier = tree.merged_files();
    tree.labels("x.jsonl", labels("later"));
    // With few open files allowed, some results wait in a scratch file.
    let start = |few_files: bool| {
        let limit = if few_files { "ulimit -n 40 &&" } else { "" };
        let mut command = Command::new("sh");
        command
            .args(["-c", &format!("{limit} exec \"$0\""), env!("CARGO_BIN_EXE_merge-job")])
            .env_clear()
            .env("SAGEMAKER_BASE_DIR", tree.root.path())
            .env("TMPDIR", scratch.path())
            .stderr(Stdio::null());
        command.spawn().unwrap()
    };
    let mut run_time = RunTime::measured(|| assert!(start(true).wait().unwrap().success()));
    let later = tree.merged_files();
    assert!(later.keys().eq(earlier.keys()) && later != earlier);
    let mut killed = 0;
    for moment in 0..40u32 {
        for (name, bytes) in &earlier {
            fs::write(tree.path("processing/output").join(name), bytes).unwrap();
        }
        let mut child = start(moment % 2 == 0);
        // Most of them at the end, where files get their names.
        run_time.sleep(f64::from(20 + moment * 7 % 41) / 50.0);
        child.kill().unwrap();
        let was_over = child.wait().unwrap().success();
        run_time.learn(was_over);
        killed += u32::from(!was_over);
        let files = tree.merged_files();
        for (name, bytes) in &files {
            let is_whole = earlier.get(name) == Some(bytes) || later.get(name) == Some(bytes);
            assert!(is_whole, "{name} is not whole at moment {moment}");
        }
        assert!(earlier.keys().all(|name| files.contains_key(name)), "a result is lost at moment {moment}");
    }
    assert!(killed > 5, "only {killed} runs were killed");
    assert_eq!(tree.run(&[]).code, Some(0));
    assert!(tree.merged_files() == later);
}

/// The merge needs no credentials, and tells none that a job has.
#[test]
fn keys_of_the_environment_stand_in_nothing_that_is_said_or_written() {
    let tree = busy();
    tree.file(
        "config/processingjobconfig.json",
        r#"{"ProcessingJobName": "j", "Environment": {"API_KEY": "key-of-the-job"}}"#,
    );
    let before = runs::files_below(&tree.path(""));
    for arguments in [&["--log-level=debug"][..], &["validate", "--log-level=debug"]] {
        let mut command = tree.command(arguments);
        command
            .env("AWS_SECRET_ACCESS_KEY", "secret-of-the-environment")
            .env("AWS_SESSION_TOKEN", "token-of-it");
        let run = tree.ended(command.output().unwrap());
        assert_eq!(run.code, Some(0), "{}", run.log);
        let written = runs::files_below(&tree.path("")).into_iter();
        let written = written.filter(|(name, bytes)| before.get(name) != Some(bytes));
        let said =
            [run.message, run.log, run.stdout].map(String::into_bytes).map(|text| ("said".into(), text));
        for (name, bytes) in said.into_iter().chain(written) {
            let text = String::from_utf8_lossy(&bytes);
            for secret in ["secret-of-the-environment", "token-of-it", "key-of-the-job"] {
                assert!(!text.contains(secret), "{name} tells {secret}");
            }
        }
    }
}
