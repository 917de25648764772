//! What a merge without a match says of the reason: each hint where its reason is, and nowhere else.

use std::os::unix::fs::symlink;

use crate::runs::gzip;
use crate::tree::{Tree, capture, capture_with_inference_id, label, lines};

/// The hint of a run that merges nothing.
#[track_caller]
fn hint(tree: &Tree) -> String {
    let run = tree.run(&[]);
    assert!(run.message.starts_with("Error: PL0401: "), "{}", run.log);
    run.message.split_once("; hint: ").unwrap().1.to_string()
}

#[test]
fn other_ids_are_no_more_than_that() {
    let tree = Tree::new();
    tree.captures("a.jsonl", lines(&[capture("one"), capture("two")])).labels("x.jsonl", label("three", "1"));
    let hint = hint(&tree);
    assert!(hint.starts_with("few captures found a label: compare the sample ids"), "{hint}");
}

#[test]
fn ids_of_the_other_kind_are_counted() {
    let tree = Tree::new();
    let of_request = |n: usize| capture_with_inference_id(&format!("event {n}"), &format!("request {n}"));
    tree.captures("a.jsonl", of_request(1)).labels("x.jsonl", label("event 1", "1"));
    let one = hint(&tree);
    assert!(
        one.starts_with("1 capture was sent with an inferenceId, but the labels name the eventId"),
        "{one}"
    );
    tree.captures("b.jsonl", lines(&[of_request(2), of_request(3)])).labels("y.jsonl", label("event 3", "1"));
    let two = hint(&tree);
    assert!(two.starts_with("2 captures were sent with an inferenceId"), "{two}");
}

#[test]
fn ground_truth_that_is_not_there_is_told() {
    let tree = Tree::new();
    tree.captures("a.jsonl", capture("one")).file("processing/groundtruth/_SUCCESS", "");
    let none = hint(&tree);
    assert!(none.starts_with("there is no ground truth: "), "{none}");
    tree.labels("x.jsonl", label("two", "1"));
    symlink("nowhere", tree.path("processing/groundtruth/link.jsonl")).unwrap();
    let part = hint(&tree);
    assert!(part.starts_with("ground truth is not all there: ") && part.contains("link.jsonl"), "{part}");
}

/// A packed file that is damaged: the line up to which it was read.
#[test]
fn a_file_that_cannot_be_read_to_its_end_is_told_with_the_line() {
    for before in 0..4 {
        let captures: Vec<String> = (0..before).map(|n| capture(&n.to_string())).collect();
        // Text that does not get much shorter, so that half of the file is half of the last line.
        let long: String = (0..4_000_u32).map(|n| format!("{:x}", n.wrapping_mul(2_654_435_761))).collect();
        let packed =
            gzip((captures.join("\n") + if before > 0 { "\n" } else { "" } + &capture(&long)).as_bytes());
        let tree = Tree::new();
        tree.captures("a.jsonl", capture("a")).captures("b.gz", &packed[..packed.len() / 2]);
        tree.labels("x.jsonl", label("a", "1"));
        let run = tree.run(&[]);
        assert_eq!(run.code, Some(0), "{}", run.log);
        let line = before + 1;
        let place = if line > 1 { format!("b.gz, line {line}") } else { "b.gz: ".into() };
        assert!(run.log.contains(&format!("a file cannot be read to its end: {place}")), "{}", run.log);
    }
}
