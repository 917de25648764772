//! One damaged line of JSON Lines costs itself, whatever it is and wherever it stands.

use std::fs;

use plumbline_common::stop::Stop;

use crate::monitor::format::Format;
use crate::monitor::rows::Source;
use crate::quality::pass::{self, Profiled};

fn profile(format: Option<Format>, name: &str, text: &[u8]) -> Profiled {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(name), text).unwrap();
    let stop = Stop::default();
    pass::profile(&Source { format, ..Source::new(folder.path(), &stop) }).unwrap()
}

/// Names of the columns, values in each, records, rows, and records that cannot be used.
fn read(format: Option<Format>, name: &str, lines: &[Vec<u8>]) -> (String, Vec<u64>, [u64; 3]) {
    let found = profile(format, name, &lines.join(&b'\n'));
    let names: Vec<&str> = found.columns.names.iter().map(String::as_str).collect();
    let present = found.profiles.iter().map(|column| column.present()).collect();
    (names.join(","), present, [found.account.records, found.account.rows, found.account.bad])
}

/// Damages that leave no row on a line: cut off behind each letter, without its first letters, other text, a letter more or less.
fn damages(row: &str) -> Vec<Vec<u8>> {
    let cut = (1..row.len()).map(|end| row[..end].to_string());
    // What begins with a closing bracket may close a list of records.
    let tail = (1..row.len()).map(|start| row[start..].to_string()).filter(|tail| !tail.starts_with(']'));
    let others = ["INFO started", "7\",7.5]", "{", "}", "<html>", "\"", "\\", "x"].map(String::from);
    let changed = [row.replace(',', ",,"), row.replace('"', "")];
    let texts = cut.chain(tail).chain(others).chain(changed).map(String::into_bytes);
    let (start, end) = row.as_bytes().split_at(row.len() - 1);
    texts.chain([vec![0xff], [start, b"\xff", end].concat()]).collect()
}

#[test]
fn a_damaged_line_counts_once_at_every_place_and_costs_no_other() {
    const ROWS: u64 = 4;
    let formats =
        [(Some(Format::JsonLines), "x"), (Some(Format::Json), "x"), (None, "x.jsonl"), (None, "x.json")];
    for (row, names) in [("[1,\"x y\"]", "_c0,_c1"), ("{\"a\":1,\"b\":\"x y\"}", "a,b")] {
        for damaged in damages(row) {
            for at in [0, 2, ROWS as usize] {
                let mut lines = vec![row.as_bytes().to_vec(); ROWS as usize];
                lines.insert(at, damaged.clone());
                for (format, name) in &formats {
                    // In JSON that is no JSON Lines, values without brackets are rows too.
                    let is_cut = row.as_bytes().starts_with(&damaged);
                    if *format == Some(Format::Json) && row.starts_with('{') && !is_cut {
                        continue;
                    }
                    let told = format!("{} at {at} as {format:?}", String::from_utf8_lossy(&damaged));
                    let (columns, present, [records, rows, bad]) = read(format.clone(), name, &lines);
                    assert_eq!((columns.as_str(), present), (names, vec![ROWS; 2]), "{told}");
                    assert_eq!((records, rows, bad), (ROWS + 1, ROWS, 1), "{told}");
                }
            }
        }
    }
}

/// Two damaged lines, also side by side, and among rows of both kinds.
#[test]
fn two_damaged_lines_count_twice_at_every_two_places() {
    let (list, object) = ("[1,2]", "{\"a\":1,\"b\":2}");
    for (one, two) in
        [("[1,", "[1"), ("[1,", "{\"a\":1,\"b"), ("{\"a\":[1,", "{\"a\""), ("{\"a\":1", "[1,\"")]
    {
        for first in 0..=5 {
            for second in 0..=6 {
                for rows in [
                    [list; 5],
                    [object; 5],
                    [list, list, object, list, list],
                    [object, list, object, object, object],
                ] {
                    let mut lines: Vec<Vec<u8>> = rows.iter().map(|row| row.as_bytes().to_vec()).collect();
                    lines.insert(first, one.into());
                    lines.insert(second, two.into());
                    let (_, _, [records, good, bad]) = read(Some(Format::JsonLines), "x", &lines);
                    let most = rows
                        .iter()
                        .filter(|row| row.starts_with('['))
                        .count()
                        .max(5 - rows.iter().filter(|row| row.starts_with('[')).count())
                        as u64;
                    assert_eq!(
                        (records, good, bad),
                        (7, most, 7 - most),
                        "{rows:?}: {one} at {first}, {two} at {second}"
                    );
                }
            }
        }
    }
}

/// Lines that a value without end had swallowed are read where they stand: in front of the line that shows that it has none.
#[test]
fn rows_behind_damage_keep_the_order_of_the_file() {
    let text = b"[1,1]\n{\"a\":\n[2,2]\n[3,3]\n{\"a\":1}\n[4,4]\n[5,\n[6,6]";
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("x.jsonl"), text).unwrap();
    let stop = Stop::default();
    let source = Source { format: Some(Format::JsonLines), ..Source::new(folder.path(), &stop) };
    let mut lines = Vec::new();
    let (_, account) = crate::monitor::rows::read(&source, &mut |block, _| {
        lines.extend((0..block.rows()).map(|row| block.line(row)));
        Ok(block)
    })
    .unwrap();
    assert_eq!((lines, account.bad), (vec![1, 3, 4, 6, 8], 3));
}

/// One value over several lines stays one, whatever stands around it.
#[test]
fn values_over_several_lines_stay_values() {
    let lists = [
        "[1,2]",
        "[\n1,\n2\n]",
        "[1,\n2]",
        "[\n  1,\n  2\n]",
        "[1\n,2]",
        "[[1,2]]",
        "[\n[1,2]\n]",
        "[[1,\n2]]",
        "[1,2],",
    ];
    let objects = [
        "{\"a\":1,\"b\":2}",
        "{\n\"a\":1,\n\"b\":2\n}",
        "{\"a\":1,\n  \"b\":\n2}",
        "[{\"a\":1,\"b\":2}]",
        "[\n{\"a\":1,\"b\":2}\n]",
    ];
    for values in [&lists[..], &objects[..]] {
        for one in values {
            for two in values {
                let lines = [*one, *two, values[0]].map(|text| text.as_bytes().to_vec());
                for format in [Some(Format::JsonLines), Some(Format::Json)] {
                    let (_, present, counts) = read(format.clone(), "x", &lines);
                    assert_eq!((present, counts), (vec![3; 2], [3, 3, 0]), "{one} {two} {format:?}");
                }
            }
        }
    }
    // Documents in which lists are the rows.
    for text in [
        "[\n[1,2],\n[3,4]\n]",
        "[[1,2],\n[3,4]]",
        "[\n[\n1,\n2\n],\n[\n3,\n4\n]\n]",
        "[null,\n[1,2],\n[3,4]\n]",
        "[null,[1,2],[3,4]]",
    ] {
        for format in [Some(Format::JsonLines), Some(Format::Json), None] {
            let (_, present, [_, rows, bad]) = read(format.clone(), "x.json", &[text.as_bytes().to_vec()]);
            let nulls = u64::from(text.contains("null"));
            assert_eq!((present, rows, bad), (vec![2; 2], 2, nulls), "{text} {format:?}");
        }
    }
    // A list that fills a line may be a part of an object.
    for text in ["{\"a\":\n[1,2]\n}\n{\"a\":[3,4]}", "{\"a\":[3,4]}\n{\n\"a\":\n[1,2]\n}"] {
        let (names, present, counts) = read(Some(Format::JsonLines), "x", &[text.as_bytes().to_vec()]);
        assert_eq!((names.as_str(), present, counts), ("a_0,a_1", vec![2; 2], [2, 2, 0]), "{text}");
    }
    // A document whose last row stands on a line by itself is no file of lines.
    let text = "{\n\"rows\": [\n{\"a\":1,\"b\":2},\n{\"a\":3,\"b\":4}\n]\n}";
    for format in [Some(Format::Json), None] {
        let (names, present, counts) = read(format, "x.json", &[text.as_bytes().to_vec()]);
        assert_eq!((names.as_str(), present, counts), ("a,b", vec![2; 2], [2, 2, 0]));
    }
}

/// Captured records whose first line is cut off are captured records all the same.
#[test]
fn the_format_is_told_although_the_first_line_is_damaged() {
    let payload =
        |text: &str| serde_json::json!({"data": text, "encoding": "CSV", "observedContentType": "text/csv"});
    let record = serde_json::json!({
        "captureData": {"endpointInput": payload("1,2"), "endpointOutput": payload("0.5")},
        "eventMetadata": {"eventId": "e"}
    })
    .to_string();
    for cut in [1, 2, 20, record.len() / 2, record.len() - 1] {
        let text = [&record[..cut], &record, &record, &record].map(|line| line.as_bytes().to_vec());
        let (names, _, counts) = read(None, "x.jsonl", &text);
        assert_eq!((names.as_str(), counts), ("_c0,_c1,_c2", [4, 3, 1]), "{}", &record[..cut]);
    }
}
