//! Captures that change while the merge reads them twice, as it does where labels do not fit in memory.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::runs::RunTime;
use crate::tree::{Tree, capture, check_account, label, label_of, lines};

const TWICE: [&str; 1] = ["--memory-limit=1"];

/// What is added is left to the next run, so that the second reading finds the captures of the first.
#[test]
fn a_file_that_grows_between_two_readings_is_read_as_it_was() {
    const CAPTURES: usize = 5_000;
    let tree = Tree::new();
    let all =
        |make: fn(&str) -> String| lines(&(0..CAPTURES).map(|n| make(&n.to_string())).collect::<Vec<_>>());
    tree.captures("a.jsonl", all(capture)).captures("b.jsonl", capture("other"));
    tree.labels("x.jsonl", all(|id| label(id, id)) + &label("other", "other"));
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let path = tree.path("processing/input_data/a.jsonl");
            let mut file = OpenOptions::new().append(true).open(path).unwrap();
            let more = capture("more") + "\n";
            let (first, second) = more.split_at(more.len() / 2);
            while !done.load(Ordering::Relaxed) {
                file.write_all(first.as_bytes()).unwrap();
                file.write_all(second.as_bytes()).unwrap();
            }
        });
        let run = tree.run(&TWICE);
        done.store(true, Ordering::Relaxed);
        assert_eq!(run.code, Some(0), "{}", run.log);
        assert!(run.log.contains("do not fit in memory"), "{}", run.log);
    });
    check_account(&tree.summary());
    let merged = tree.merged();
    assert_eq!(merged.len(), CAPTURES + 1);
    assert!(merged.iter().all(|record| record["eventMetadata"]["eventId"] == label_of(record)));
    assert!(tree.summary()["captures_bad"].as_u64().unwrap() <= 1, "{}", tree.summary());
}

/// Every other change is refused: no capture gets the label of another.
#[test]
fn captures_that_are_gone_at_the_second_reading_are_told() {
    const FILES: usize = 20;
    const CAPTURES: usize = 200;
    let tree = Tree::new();
    let id = |file: usize, n: usize| format!("{file}-{n}");
    let file = |file: usize| lines(&(0..CAPTURES).map(|n| capture(&id(file, n))).collect::<Vec<_>>());
    for number in 0..FILES {
        tree.captures(&format!("{number:02}.jsonl"), file(number));
    }
    let ids = (0..FILES).flat_map(|file| (0..CAPTURES).map(move |n| id(file, n)));
    tree.labels("x.jsonl", lines(&ids.map(|id| label(&id, &id)).collect::<Vec<_>>()));
    let first = tree.path("processing/input_data/00.jsonl");
    let mut run_time = RunTime::measured(|| assert_eq!(tree.run(&TWICE).code, Some(0)));
    let mut refused = 0;
    for moment in 0..60_u32 {
        fs::write(&first, file(0)).unwrap();
        fs::remove_dir_all(tree.path("processing/output")).unwrap();
        fs::create_dir(tree.path("processing/output")).unwrap();
        let mut child = tree.command(&TWICE).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        run_time.sleep(f64::from(moment % 20) / 20.0);
        run_time.learn(child.try_wait().unwrap().is_some());
        // Half of its captures: the file ends with a whole one.
        let half = &file(0).into_bytes()[..file(0).len() / 2];
        let end = half.iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
        OpenOptions::new().write(true).open(&first).unwrap().set_len(end as u64).unwrap();
        let run = tree.ended(child.wait_with_output().unwrap());
        if run.code == Some(0) {
            let merged = tree.merged();
            assert!(merged.iter().all(|record| record["eventMetadata"]["eventId"] == label_of(record)));
        } else {
            assert_eq!(run.code, Some(3), "{}", run.log);
            assert!(run.message.contains("PL0901: the captures changed"), "{}", run.message);
            assert!(tree.merged_files().is_empty());
            refused += 1;
        }
        if refused > 2 {
            break;
        }
    }
    assert!(refused > 0, "no file changed between the two readings");
}
