//! The dry run beside the run.

use crate::tree::{Tree, busy, capture, label, large, lines};

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
        (&captures, &format!("x\nx\n{good}"), ["--memory-limit=1", "--threads=2"]),
        (&format!("{captures}x\n"), &lines(&[label("9", "1")]), ["--memory-limit=1", "--max-bad-fraction=0"]),
        (&captures, &lines(&[label("9", "1"), label("1", "1")]), ["--memory-limit=1", "--threads=2"]),
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
fn validate_counts_one_as_one() {
    let tree = Tree::new();
    tree.captures("2024/01/19/18/a.jsonl", lines(&[capture("1")]))
        .labels("2024/01/19/19/x.jsonl", lines(&[label("1", "a"), label("1", "b")]));
    let text = tree.run(&["validate"]).stdout;
    for expected in [
        ": 1 file in 1 folder, ",
        " 1 hour from ",
        "1 capture looked at, ",
        "2 labels looked at, ",
        "1 label in conflict with another of the same id",
        "1 of 1 capture has a label",
    ] {
        assert!(text.contains(expected), "{expected} is not in {text}");
    }
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
fn validate_steers_no_terminal() {
    const STRANGE: &str = "\u{1b}[31m\u{9b}2J\u{7f}\u{202e}\u{2028}a\r\nFAKE line";
    let tree = Tree::new();
    tree.captures(
        "x\u{1b}[31m\u{9b}\nFAKE.jsonl",
        lines(&[capture(STRANGE), capture("2"), "\u{9b}FAKE".into()]),
    )
    .labels("x.jsonl", lines(&[label(&format!("{STRANGE}2"), STRANGE), "\u{1b}]0;t\u{7}".into()]));
    let run = tree.run(&["validate"]);
    assert_ne!(run.code, Some(0), "{}", run.stdout);
    assert!(run.stdout.contains("ids of captures: \\u{1b}[31m\\u{9b}2J"), "{}", run.stdout);
    let steers = |character: char| {
        character.is_control() && character != '\n' || matches!(character, '\u{202e}' | '\u{2028}')
    };
    for text in [&run.stdout, &run.log, &tree.run(&[]).log] {
        assert!(!text.contains(steers), "{text:?}");
        assert!(!text.lines().any(|line| line.starts_with("FAKE")), "{text}");
    }
}
