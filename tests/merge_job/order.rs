//! The same bytes for any number of threads, size of blocks and amount of memory.

use std::fs;

use merge_job::settings::DuplicateGroundTruth;

use crate::runs::gzip;
use crate::tree::{Tree, busy, capture, capture_with_inference_id, check_account, label, lines, merged_with};

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
        )
        // What a row behind damage is may depend on rows far before it.
        .captures(
            "ep/v/2024/01/19/08/damaged.csv",
            (0..3_000)
                .map(|n| match n % 9 {
                    3 => format!("\"{n}\n"),
                    5 => format!("h1,{n}\n"),
                    6 | 7 => format!("1,\n2,part-{n},2024-01-19T08:00:00Z\n"),
                    8 => format!("{n},\"x,\n\",part-{n},2024-01-19T08:00:00Z\n"),
                    _ => format!("{n},1,part-{n},2024-01-19T08:00:00Z\n"),
                })
                .collect::<String>(),
        );
    let ids = ["list", "pretty", "zip", "row", "part"]
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

/// Rows behind damage may be halves of rows, which hangs on what stands before them: a block that begins with one is read as in
/// one piece.
#[test]
fn rows_in_doubt_at_the_beginning_of_a_block_are_read_as_in_one_piece() {
    const TIME: &str = "2024-01-19T08:00:00Z";
    let tree = Tree::new();
    let parts = |n: usize| match n {
        0..=3 => format!("{n},1,i#,{TIME}\n"),
        4 => format!("7,\"a\nb\",i#,{TIME}\n"),
        5 => "\"open,\n".into(),
        6 => format!("x\",5,i#,{TIME}\n"),
        7 => format!("8,say \"hi\",i#,{TIME}\n"),
        8 => "1,\n".into(),
        9 => format!("5\",i#,{TIME}\n"),
        10 => format!("[1,i#,{TIME}\n"),
        11 => format!("2],3,i#,{TIME}\n"),
        12 => "{\"a\": 1}\n".into(),
        _ => format!("{{\"a\": 1,\"b\",i#,{TIME}\n"),
    };
    let mut state = 20_260_501u64;
    let rows = (0..1_500).map(|n| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        parts((state >> 33) as usize % 14).replace('#', &n.to_string())
    });
    tree.captures("2024/01/19/08/a.csv", rows.collect::<String>());
    let ids: Vec<_> = (0..1_500).map(|n| label(&format!("i{n}"), "1")).collect();
    tree.labels("x.jsonl", lines(&ids));
    let with = |threads, block_bytes| {
        merged_with(&tree, |task| {
            (task.threads, task.block_bytes, task.max_bad_fraction) = (threads, block_bytes, 1.0);
        })
    };
    let (expected, files) = with(1, 1 << 20);
    assert!(
        expected["merged"].as_u64() > Some(300) && expected["captures_bad"].as_u64() > Some(300),
        "{expected}"
    );
    for block_bytes in (20..400).step_by(7).chain([1_000, 10_000]) {
        let (again, again_files) = with(2, block_bytes);
        assert_eq!(again, expected, "blocks of {block_bytes}");
        assert!(again_files == files, "blocks of {block_bytes} give other bytes");
    }
}

/// Files of which no record can be used, each of its own look, plain and packed, on both sides: blocks of a few bytes show as much
/// of how they begin, and say the same of what they look like.
#[test]
fn how_a_file_without_records_begins_is_told_for_blocks_of_any_size() {
    let tree = Tree::new();
    let texts = [
        "no record\nin\nany\nof these lines, of which there are many\n".to_string(),
        "a long line without an end ".repeat(20),
        format!("x,y\n{}", "1,2\n".repeat(2_000)),
        "\u{feff}id;label\r\n1;0\r\n".into(),
        "{'captureData': {'endpointInput': {'data': '1,2'}}}\n".repeat(9),
        "{\n  \"predictions\": [\n    {\"score\": 0.5}\n  ]\n}\n".into(),
        "\n\n   \n[\n[1,\n2],\n[3]]\n".into(),
        "{\"a\": {\"b\": 1},\n\"groundTruthData\": 1, \"captureData\": 1}\n".into(),
        format!("{}<html>", "é\n".repeat(50)),
        "?".into(),
    ];
    for (n, text) in texts.iter().enumerate() {
        tree.captures(&format!("{n}.txt"), text).labels(&format!("{n}.txt"), text);
        tree.captures(&format!("{n}.gz"), gzip(text.as_bytes()));
    }
    tree.captures("z.jsonl", capture("1")).labels("z.jsonl", label("1", "1"));
    let with = |threads, block_bytes| {
        merged_with(&tree, |task| {
            (task.threads, task.block_bytes, task.max_bad_fraction) = (threads, block_bytes, 1.0);
        })
    };
    let (expected, files) = with(1, 1 << 20);
    assert_eq!(expected["merged"], 1, "{expected}");
    let told = expected["files_without_records"].as_array().unwrap();
    assert!(told.len() >= 3 * (texts.len() - 1), "{told:?}");
    assert!(told.iter().any(|file| file["begins"] == "no record.in.any.of these lines,..."), "{told:?}");
    for threads in [1, 2] {
        for block_bytes in (1..64).chain([100, 255, 256, 257, 1_000, 10_000]) {
            let (again, again_files) = with(threads, block_bytes);
            assert_eq!(again, expected, "{threads} threads, blocks of {block_bytes}");
            assert!(again_files == files, "{threads} threads, blocks of {block_bytes} give other bytes");
        }
    }
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
fn a_conflict_found_by_way_of_scratch_files_is_named_by_file_and_line() {
    let tree = Tree::new();
    tree.captures("a.jsonl", lines(&[capture("1")]))
        .labels("x.jsonl", lines(&[label("1", "a"), label("2", "a")]))
        .labels("y.jsonl", lines(&[label("3", "a"), label("4", "a"), label("1", "b")]));
    let message = |memory: &str| {
        let run = tree.run(&["--duplicate-ground-truth=fail", memory]);
        assert_ne!(run.code, Some(0), "{}", run.log);
        run.message
    };
    let in_memory = message("--memory-limit=1g");
    assert!(in_memory.contains("y.jsonl, line 3"), "{in_memory}");
    assert_eq!(message("--memory-limit=1"), in_memory);
}

/// Text that packs badly: numbers without a pattern.
fn noise(seed: u64, digits: usize) -> String {
    let mut state = seed.wrapping_mul(2) + 1;
    let mut text = String::new();
    while text.len() < digits {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        text.push_str(&(state >> 20).to_string());
    }
    text
}

#[test]
fn large_packed_files_give_the_same_bytes_with_any_number_of_threads() {
    let tree = Tree::new();
    let mut labels = Vec::new();
    for file in 0..5u64 {
        let ids: Vec<_> = (0..300u64).map(|n| (file * 1_000 + n).to_string()).collect();
        let captures =
            ids.iter().zip(0..).map(|(id, n)| capture(id).replace("1,2", &noise(file * 1_000 + n, 6_000)));
        let mut packed = gzip(lines(&captures.collect::<Vec<_>>()).as_bytes());
        assert!(packed.len() > 600_000, "{}", packed.len());
        if file == 3 {
            packed.truncate(packed.len() / 2);
        }
        tree.captures(&format!("2024/01/19/{file:02}/a.gz"), packed);
        // Between large files one that is taken as it is.
        tree.captures(
            &format!("2024/01/19/{file:02}/b.gz"),
            gzip(capture(&format!("small-{file}")).as_bytes()),
        );
        labels.extend(ids.iter().map(|id| label(id, "1")).chain([label(&format!("small-{file}"), "1")]));
    }
    tree.labels("x.jsonl", lines(&labels));
    let with = |threads, block_bytes| {
        merged_with(&tree, |task| (task.threads, task.block_bytes) = (threads, block_bytes))
    };
    let (summary, expected) = with(1, 1 << 20);
    check_account(&summary);
    let merged = summary["merged"].as_u64().unwrap();
    assert!(summary["files_unreadable"] == 1 && (1_300..1_400).contains(&merged), "{summary}");
    for (threads, block_bytes) in [(2, 1 << 20), (3, 50_000), (8, 300_000), (8, 1 << 20)] {
        let (again, files) = with(threads, block_bytes);
        assert_eq!(again, summary, "{threads} threads, blocks of {block_bytes}");
        assert!(files == expected, "{threads} threads, blocks of {block_bytes} give other bytes");
    }
}
