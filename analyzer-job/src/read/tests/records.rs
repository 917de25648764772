//! Records in every form, and damaged at every place.

use std::io::Write as _;

use plumbline_common::input::InputFile;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;

/// Numbers of the records in a text, and the lines of what is none.
fn found(text: &str) -> (Vec<i64>, Vec<u64>) {
    found_within(text, LONGEST_RECORD)
}

fn found_within(text: &str, longest: usize) -> (Vec<i64>, Vec<u64>) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    let listed = InputFile { path: file.path().into(), relative: "x".into(), bytes: text.len() as u64 };
    let (mut records, mut bad) = (Vec::new(), Vec::new());
    let mut lines = Lines::open_within(&listed, longest).unwrap();
    let taken = read(&mut lines, Some("captureData"), &mut |line, piece| {
        let (text, counts) = match piece {
            Piece::Line(text) => (text, false),
            Piece::Object(text) => (text, true),
            Piece::Bad(_) => {
                bad.push(line);
                return Ok(Taken::NoRecord);
            }
        };
        match serde_json::from_slice::<Json>(text) {
            Ok(record) => {
                records.push(record["captureData"].as_i64().unwrap_or(-1));
                Ok(Taken::Record)
            }
            Err(_) => {
                if counts {
                    bad.push(line);
                }
                Ok(Taken::NoRecord)
            }
        }
    });
    assert!(taken.is_ok());
    (records, bad)
}

fn record(number: i64) -> Json {
    json!({"captureData": number, "more": [{"a": "} ] \" {"}, []]})
}

#[test]
fn every_way_to_write_records_gives_the_same() {
    let all: Vec<Json> = (0..5).map(record).collect();
    let join = |between: &str| all.iter().map(Json::to_string).collect::<Vec<_>>().join(between);
    let pretty = |between: &str| {
        all.iter().map(|one| serde_json::to_string_pretty(one).unwrap()).collect::<Vec<_>>().join(between)
    };
    for text in [
        join("\n"),
        join("\r\n\n") + "\n",
        join(" "),
        join(""),
        format!("[{}]", join(",")),
        format!("[\n{}\n]", join(",\n")),
        format!("[{}]\n[{}]", all[0], all[1..].iter().map(Json::to_string).collect::<Vec<_>>().join(",")),
        serde_json::to_string_pretty(&all).unwrap(),
        pretty("\n"),
        pretty(""),
        format!("\u{feff}{}", join("\n")),
    ] {
        assert_eq!(found(&text), ((0..5).collect(), vec![]), "{text}");
    }
}

#[test]
fn a_line_that_is_too_long_costs_itself() {
    let long = "x".repeat(200);
    for at in 0..4 {
        for long in [long.clone(), format!("{{\"captureData\": \"{long}\"}}")] {
            let mut lines: Vec<String> = (0..3).map(|number| record(number).to_string()).collect();
            lines.insert(at, long);
            assert_eq!(found_within(&lines.join("\n"), 150), ((0..3).collect(), vec![at as u64 + 1]));
        }
    }
}

#[test]
fn the_time_for_damage_is_in_proportion_to_it() {
    // Each bracket may begin a record: were each looked at to the end, this would take an hour.
    for opening in ["{", "{\"", "[{", "{\"a\":", "{\"a\":[{}],"] {
        let damage = opening.repeat(60_000);
        let text = format!("{damage}\n{}\n{damage}", record(7));
        assert_eq!(found(&text), (vec![7], vec![1, 3]), "{opening}");
    }
}

#[test]
fn damage_costs_itself_and_is_named_by_its_line() {
    let lines = |texts: &[&str]| texts.join("\n");
    let one = record(1).to_string();
    let two = record(2).to_string();
    let cut = &one[..one.len() - 7];
    for (text, records, bad) in [
        (lines(&["# a remark", &one, &two]), &[1, 2][..], &[1][..]),
        (lines(&[&one, cut, &two]), &[1, 2], &[2]),
        (lines(&[cut, cut, &two]), &[2], &[1, 2]),
        (lines(&[&one, &two, cut]), &[1, 2], &[3]),
        (lines(&["a", "b", "c"]), &[], &[1, 2, 3]),
        (format!("[{one},{{\"captureData\": oops}},{two}]"), &[1, 2], &[1]),
        (format!("[\n{one},\n{{\"captureData\": oops}},\n{two}\n]"), &[1, 2], &[3]),
        (format!("[{one},{{\"captureData: 3}},{two}]"), &[1, 2], &[1]),
        (format!("{one} and {two}"), &[1, 2], &[1]),
        (format!("{one}{{{two}"), &[1, 2], &[1]),
    ] {
        assert_eq!(found(&text), (records.to_vec(), bad.to_vec()), "{text}");
    }
}

/// Each damaged line counts by itself, however many follow each other: cut off anywhere, or with a wrong bracket.
#[test]
fn damaged_lines_in_a_row_count_each() {
    let rows: Vec<String> = (0..4).map(|number| record(number).to_string()).collect();
    let cuts = (1..rows[0].len()).map(|end| rows[0][..end].to_string());
    let brackets = ["{\"captureData\":[{\"a\":1}", "{\"id\":1]", "{\"id\":[1}"].map(String::from);
    let damages: Vec<String> = cuts.chain(brackets).collect();
    for first in &damages {
        for second in [&damages[0], &damages[20], &damages[damages.len() - 4]] {
            for at in 0..=rows.len() {
                for many in 1..4 {
                    let damaged = [first].into_iter().chain(std::iter::repeat_n(second, many));
                    let mut lines = rows.clone();
                    lines.splice(at..at, damaged.cloned());
                    let bad = (at as u64 + 1..).take(many + 1).collect();
                    assert_eq!(found(&lines.join("\n")), ((0..4).collect(), bad), "{first} {second} at {at}");
                }
            }
        }
    }
    // Brackets that close too much: after some lines the value that the first one opens ends.
    let [list, wrong] = ["{\"captureData\":[{\"a\":1", "{\"id\":[1]]}"];
    for many in 1..6 {
        let text = [&[list][..], &vec![wrong; many], &[&rows[0]]].concat().join("\n");
        assert_eq!(found(&text), (vec![0], (1..many as u64 + 2).collect()), "{text}");
    }
}

/// A damaged value over several lines is one, by itself and in a list, in front of other records and behind them.
#[test]
fn a_damaged_value_over_several_lines_counts_once() {
    let pretty = serde_json::to_string_pretty(&record(1)).unwrap();
    let lines: Vec<&str> = pretty.lines().collect();
    let other = record(7).to_string();
    for cut in 1..lines.len() {
        let damaged = lines[..cut].join("\n");
        for list in [false, true] {
            let (open, comma) = if list { ("[", ",") } else { ("", "") };
            assert_eq!(found(&format!("{open}{damaged}\n{other}")), (vec![7], vec![1]), "{damaged}");
            assert_eq!(found(&format!("{open}{other}{comma}\n{damaged}")), (vec![7], vec![2]), "{damaged}");
        }
    }
    let wrong = pretty.replacen("[\n", "[ oops\n", 1);
    let indented = wrong.replace('\n', "\n  ");
    assert_eq!(found(&format!("{wrong}\n{pretty}")), (vec![1], vec![1]));
    assert_eq!(found(&format!("[\n  {indented},\n  {other}\n]")), (vec![7], vec![2]));
}

proptest! {
    /// Whatever stands on one line, the records of the other lines are read.
    #[test]
    fn a_damaged_line_costs_no_other(
        before in 0i64..4,
        after in 1i64..4,
        cut in 0usize..80,
        put in "[\\[\\]{}\",:\\\\ a]{0,3}",
    ) {
        let mut damaged = record(-99).to_string();
        let at = (0..=cut.min(damaged.len())).rev().find(|&at| damaged.is_char_boundary(at)).unwrap_or(0);
        damaged.replace_range(at.., &put);
        let texts = (0..before).map(|n| record(n).to_string());
        let rest = (before..before + after).map(|n| record(n).to_string());
        let text = texts.chain([damaged.clone()]).chain(rest).collect::<Vec<_>>().join("\n");
        let (records, bad) = found(&text);
        let others: Vec<i64> = records.iter().copied().filter(|number| (0..90).contains(number)).collect();
        prop_assert_eq!(others, (0..before + after).collect::<Vec<_>>(), "{}", text);
        prop_assert!(bad.iter().all(|line| *line == before as u64 + 1), "{:?} in {}", bad, text);
    }
}
