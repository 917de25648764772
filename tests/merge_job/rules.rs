//! What the settings change: which label counts, which captures take part, what fails.

use std::fs;

use serde_json::{Value, json};

use crate::runs::files_below;
use crate::tree::{
    Tree, capture, capture_with_inference_id, check_account, ids, in_hour, label, label_of, lines,
    merged_with,
};

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

/// The first in the order of the files, whether the labels fit in memory or are divided.
#[test]
fn of_several_conflicts_the_first_is_named_in_every_run() {
    for turn in 0..6 {
        let tree = Tree::new();
        tree.captures("a.jsonl", capture("id 1"));
        let id = |n: usize| format!("id {}", (n * 7 + turn * 5) % 30);
        let conflicts: Vec<_> = (0..30).map(|n| label(&id(n), "b")).collect();
        tree.labels("a.jsonl", lines(&(0..30).map(|n| label(&id(n), "a")).collect::<Vec<_>>()));
        // Several on a line, and a damaged record before or behind the first conflict.
        let bad = if turn % 3 == 0 { 0 } else { turn };
        let damaged = [&conflicts[..bad], &["x".to_string()], &conflicts[bad..]].concat();
        tree.labels("b.jsonl", if turn % 2 == 0 { damaged.join("\n") } else { conflicts.join(" ") });
        for setting in ["skip", "fail"] {
            let rules = ["--duplicate-ground-truth=fail", "--on-bad-record", setting];
            let expected = tree.run(&rules);
            let spilled = tree.run(&[&rules[..], &["--memory-limit=1"]].concat());
            assert!(expected.code == Some(3) && expected.message.contains("b.jsonl"), "{}", expected.message);
            assert_eq!(spilled.message, expected.message, "turn {turn}, {setting}");
            assert!(spilled.log.contains("do not fit in memory"), "{}", spilled.log);
        }
    }
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
fn what_is_known_before_is_refused_before_anything_is_read() {
    let tree = Tree::new();
    tree.captures("a.jsonl", lines(&[capture("1")]))
        .labels("x.jsonl", label("1", "1"))
        .file("processing/file", "x");
    std::os::unix::fs::symlink("input_data", tree.path("processing/link")).unwrap();
    std::os::unix::fs::symlink("nowhere", tree.path("processing/dangling")).unwrap();
    std::fs::create_dir_all(tree.path("output")).unwrap();
    let default = tree.path("output/merge_summary.json");
    std::os::unix::fs::symlink("nowhere", &default).unwrap();
    for arguments in [&[][..], &["validate"]] {
        let run = tree.run(arguments);
        let told = if arguments.is_empty() { run.message } else { run.stdout };
        assert_eq!(run.code, Some(1), "{told}");
        assert!(told.contains("PL0101") && told.contains("a link that leads nowhere"), "{told}");
    }
    std::fs::remove_file(default).unwrap();
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
        (vec!["--summary-path=/proc/summary.json"], "summary_path", "/proc/summary.json"),
        (vec!["--summary-path=/sys/none/"], "summary_path", "/sys/none/merge_summary.json"),
        (vec!["--summary-path=/dev/null"], "summary_path", "not a file"),
        (vec!["--summary-path=/opt/ml/processing/input_data/s.json"], "summary_path", "`dataset_source`"),
        (vec!["--summary-path=/opt/ml/processing/link/new/"], "summary_path", "inside an input"),
        (vec!["--summary-path=/opt/ml/processing/groundtruth/s"], "summary_path", "`ground_truth_source`"),
        (vec!["--summary-path=/opt/ml/processing/dangling"], "summary_path", "a link that leads nowhere"),
        (vec!["--dataset-source=/opt/ml/output"], "summary_path", "`dataset_source`"),
        (vec!["--log-level=verbose"], "log_level", "`verbose`, expected one of error, warn, info, debug"),
        (vec!["--threads=0"], "threads", "`0`, expected a whole number from 1 to 256"),
        (vec!["--threads="], "threads", "no value"),
        (vec!["--thread=1"], "--thread", "not a setting"),
        (vec!["--scratch-path=/no/such"], "scratch_path", "/no/such"),
        (vec!["--scratch-path=/opt/ml/processing/file"], "scratch_path", "processing/file"),
        (vec!["--keep-duplicate-captures=maybe"], "keep_duplicate_captures", "expected `true` or `false`"),
        (vec!["--start-time="], "start_time", "no value"),
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
    let long = format!("--summary-path={}.json", "x".repeat(300));
    for arguments in [vec![long.as_str()], vec!["validate", &long]] {
        let run = tree.run(&arguments);
        assert!(run.code == Some(1) && (run.message + &run.stdout).contains("summary_path"), "{}", run.log);
    }
    for arguments in [vec!["--output-path=/proc/merged"], vec!["validate", "--output-path=/proc/merged"]] {
        let run = tree.run(&arguments);
        assert!(run.code == Some(3) && (run.message + &run.stdout).contains("/proc/merged"), "{}", run.log);
        assert!(!run.log.contains("merge summary"), "{}", run.log);
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
fn a_summary_in_the_way_of_merged_files_or_the_exit_message_is_refused() {
    for (output, summary) in [
        ("new", "new"),
        ("new", "new/e"),
        ("new", "new/e/f"),
        ("new/a/m", "new/a"),
        ("new", "new/e/f/part-00000-x.c000.jsonl"),
        ("new", "new/e/f/part-00000-x.c000.jsonl/below/s.json"),
        ("new/../other", "other"),
        ("new", "../output/message"),
    ] {
        let tree = Tree::new();
        tree.file("processing/input_data/e/f/a.jsonl", lines(&[capture("1")]))
            .file("processing/groundtruth/x.jsonl", label("1", "1"));
        std::fs::create_dir_all(tree.path("output")).unwrap();
        let output = format!("--output-path=/opt/ml/processing/{output}");
        let summary = format!("--summary-path=/opt/ml/processing/{summary}");
        for arguments in [vec![output.as_str(), &summary], vec!["validate", &output, &summary]] {
            let run = tree.run(&arguments);
            let said = run.message.clone() + &run.stdout;
            assert!(
                run.code == Some(1) && said.contains("summary_path"),
                "{arguments:?}: {said} {}",
                run.log
            );
        }
        let fine = tree
            .run(&["--output-path=/opt/ml/processing/new", "--summary-path=/opt/ml/processing/new/s.json"]);
        assert_eq!(fine.code, Some(0), "{}", fine.log);
    }
    let taken = Tree::new();
    taken
        .file("processing/input_data/a.jsonl", lines(&[capture("1")]))
        .file("processing/groundtruth/x.jsonl", label("1", "1"))
        .file("output/merge_summary.json/x", "");
    for arguments in [&[][..], &["validate"]] {
        let run = taken.run(arguments);
        let said = run.message.clone() + &run.stdout;
        assert!(run.code == Some(1) && said.contains("merge_summary.json"), "{said} {}", run.log);
    }
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

#[test]
fn a_host_with_an_empty_shard_takes_the_folder_that_is_mounted() {
    for host in ["algo-1", "algo-2"] {
        let tree = Tree::new();
        tree.file("processing/input/groundtruth/x.jsonl", label("1", "1"));
        std::fs::create_dir_all(tree.path("processing/input/endpoint")).unwrap();
        let mount = |name: &str, distribution: &str| {
            serde_json::json!({"InputName": name, "S3Input": {
                "LocalPath": format!("/opt/ml/processing/input/{name}"), "S3Uri": format!("s3://b/{name}"),
                "S3DataDistributionType": distribution, "S3InputMode": "File"}})
        };
        let inputs = [mount("endpoint", "ShardedByS3Key"), mount("groundtruth", "FullyReplicated")];
        let config = serde_json::json!({"ProcessingJobName": "j", "ProcessingInputs": inputs});
        tree.file("config/processingjobconfig.json", config.to_string());
        let hosts = serde_json::json!({"current_host": host, "hosts": ["algo-1", "algo-2"]});
        tree.file("config/resourceconfig.json", hosts.to_string());
        let run = tree.run(&[]);
        assert_eq!(run.code, Some(0), "{}", run.message);
        assert!(run.message.starts_with("Completed: merged 0 of 0 captures"), "{}", run.message);
        assert_eq!(tree.run(&["validate"]).code, Some(0));
    }
}

#[test]
fn no_part_of_an_output_may_lie_in_an_input_however_it_is_reached() {
    use std::os::unix::fs::symlink;
    let tree = Tree::new();
    let captured = lines(&[capture("1")]);
    tree.file("d/c/c/a.jsonl", &captured).file("l/x.jsonl", label("1", "1"));
    tree.file("s/h/a.jsonl", &captured).file("t/h/a.jsonl", &captured).file("o2/x", "");
    for folder in ["o1", "o3", "s3", "o4/below"] {
        std::fs::create_dir_all(tree.path(folder)).unwrap();
    }
    symlink("../o1", tree.path("s/link")).unwrap();
    symlink("../t/h", tree.path("o2/h")).unwrap();
    tree.file("u/a.jsonl", &captured).file("v/x.jsonl", label("1", "1"));
    symlink("../o3", tree.path("v/link")).unwrap();
    symlink("../o4", tree.path("u/link")).unwrap();
    let path = |name: &str| tree.path(name).display().to_string();
    for (source, labels, output) in [
        ("d/c", "l", "d"),
        ("s", "l", "o1"),
        ("s", "l", "o1/new/folder"),
        ("t", "l", "o2"),
        ("t", "v", "o3"),
        ("u", "l", "o4/below"),
    ] {
        let arguments = [
            format!("--dataset-source={}", path(source)),
            format!("--ground-truth-source={}", path(labels)),
            format!("--output-path={}", path(output)),
        ];
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let dry = tree.run(&[&["validate"], arguments.as_slice()].concat());
        let run = tree.run(&arguments);
        assert_eq!((run.code, dry.code), (Some(1), Some(1)), "{source} {output}: {}", run.message);
        assert!(run.message.contains("`output_path`") && run.message.contains("_source`"), "{}", run.message);
    }
    let summary = format!("--summary-path={}", path("o1/s.json"));
    let source = format!("--dataset-source={}", path("s"));
    let run = tree.run(&[&source, &format!("--ground-truth-source={}", path("l")), &summary]);
    assert!(run.code == Some(1) && run.message.contains("`summary_path`"), "{}", run.message);
    // An output above the source is none of it, as long as no part comes to lie there.
    let fine = [format!("--output-path={}", path("t/..")), format!("--dataset-source={}", path("t"))];
    let run = tree.run(&[&fine[0], &fine[1], &format!("--ground-truth-source={}", path("l"))]);
    assert_eq!(run.code, Some(0), "{}", run.message);
}
