//! Captured payloads of another kind than most: one record each, wherever it stands.

use std::fs;

use plumbline_common::stop::Stop;
use serde_json::Value;

use crate::monitor::format::{Captured, Format};
use crate::monitor::rows::Source;
use crate::quality::pass::{self, Profiled};

/// A line of a capture file.
fn line(request: &str, answer: &str) -> String {
    let payload = |text: &str| {
        let is_json = serde_json::from_str::<Value>(text).is_ok_and(|json| !json.is_number());
        let (tag, kind) = if is_json { ("JSON", "application/json") } else { ("CSV", "text/csv") };
        serde_json::json!({"observedContentType": kind, "data": text, "encoding": tag})
    };
    let data = serde_json::json!({"endpointInput": payload(request), "endpointOutput": payload(answer)});
    format!("{}\n", serde_json::json!({"captureData": data, "eventMetadata": {"eventId": "e"}}))
}

fn profile(lines: &[String]) -> Profiled {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("capture.jsonl"), lines.concat()).unwrap();
    let stop = Stop::default();
    let source =
        Source { format: Some(Format::Capture(Captured::default())), ..Source::new(folder.path(), &stop) };
    pass::profile(&source).unwrap()
}

/// Names of the columns, rows, and records that cannot be used.
fn read(lines: &[String]) -> (String, u64, u64) {
    let found = profile(lines);
    let names: Vec<&str> = found.columns.names.iter().map(String::as_str).collect();
    (names.join(","), found.account.rows, found.account.bad)
}

/// Good records of each pairing of formats, with the columns that they have.
fn good() -> [(&'static str, Vec<(String, String)>); 4] {
    let of = |request: fn(usize) -> String, answer: fn(usize) -> String| {
        (0..7).map(|n| (request(n), answer(n))).collect::<Vec<_>>()
    };
    let csv = |n: usize| format!("{n},{n}.5");
    let json = |n: usize| format!("{{\"a\":{n},\"b\":{n}.5}}");
    let score = |n: usize| format!("0.{n}");
    let named = |n: usize| format!("{{\"s\":0.{n}}}");
    [
        ("s,a,b", of(json, named)),
        ("_c0,a,b", of(json, score)),
        ("s,_c0,_c1", of(csv, named)),
        ("_c0,_c1,_c2", of(csv, score)),
    ]
}

#[test]
fn a_payload_of_another_kind_costs_its_record_wherever_it_stands() {
    let mut cases = 0;
    for (names, records) in good() {
        for (side, odd) in [0, 1].into_iter().flat_map(|side| {
            ["null", "\"error\"", "true", "[1]", "{\"error\":\"x\"}", "[[1,2]]"].map(|odd| (side, odd))
        }) {
            let is_named =
                records[0].0.starts_with('{') && side == 0 || records[0].1.starts_with('{') && side == 1;
            if odd.starts_with('{') == is_named {
                continue;
            }
            // Where values have no names, these are one value or more like the others.
            if !is_named && !odd.starts_with('{') {
                continue;
            }
            for at in 0..=records.len() {
                let mut lines: Vec<String> = records.iter().map(|(one, two)| line(one, two)).collect();
                let (mut one, mut two) = records[0].clone();
                *(if side == 0 { &mut one } else { &mut two }) = odd.into();
                lines.insert(at, line(&one, &two));
                assert_eq!(read(&lines), (names.into(), 7, 1), "{odd} as {side} at {at}");
                cases += 1;
            }
        }
    }
    assert!(cases > 150, "{cases}");
}

#[test]
fn what_is_left_out_is_named_with_what_it_is() {
    let good = line("{\"a\":1}", "{\"s\":0.5}");
    for (request, answer, told) in [
        ("{\"a\":1}", "null", "output: null, expected an object as the others are"),
        ("{\"a\":1}", "0.5", "output: CSV, expected an object as the others are"),
        ("[1,2]", "{\"s\":0.5}", "input: a list, expected an object as the others are"),
    ] {
        let found = profile(&[line(request, answer), good.clone(), good.clone()]);
        let warnings = found.account.warnings.join("\n");
        assert!(warnings.contains("line 1") && warnings.contains(told), "{warnings}");
    }
    let (csv, object) = (line("1,2", "0.5"), line("{\"error\":\"x\"}", "0.5"));
    let warnings = profile(&[csv.clone(), object, csv]).account.warnings.join("\n");
    assert!(
        warnings.contains("line 2: event e: input: an object, expected values without names"),
        "{warnings}"
    );
}

/// Of as many records of either kind the objects count; nulls tell nothing, and are missing values where values have no names.
#[test]
fn as_many_of_both_kinds_and_nulls_are_read_alike_in_any_order() {
    let (named, unnamed, null) =
        (line("{\"a\":1}", "{\"s\":1}"), line("{\"a\":1}", "7"), line("{\"a\":1}", "null"));
    for lines in [[named.clone(), unnamed.clone()], [unnamed.clone(), named.clone()]] {
        assert_eq!(read(&lines), ("s,a".into(), 1, 1));
    }
    for lines in [[null.clone(), unnamed.clone()], [unnamed, null.clone()]] {
        assert_eq!(read(&lines), ("_c0,a".into(), 2, 0));
    }
    let mostly = |at: usize| {
        let mut lines = vec![null.clone(); 4];
        lines.insert(at, named.clone());
        read(&lines)
    };
    (0..5).for_each(|at| assert_eq!(mostly(at), ("s,a".into(), 1, 4)));
    assert_eq!(read(&[null.clone(), null]), ("_c0,a".into(), 2, 0));
}

/// A first row that the setting `columns` does not fit costs itself, like any other.
#[test]
fn the_first_row_costs_no_more_than_another_whatever_columns_does() {
    let read = |format: Format, lines: Vec<String>, columns: &str| {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("rows"), lines.concat()).unwrap();
        let (stop, preparation) = (Stop::default(), crate::monitor::columns::parse(columns).unwrap());
        let source = Source {
            format: Some(format),
            preparation: Some(&preparation),
            ..Source::new(folder.path(), &stop)
        };
        let found = pass::profile(&source).unwrap();
        let names: Vec<&str> = found.columns.names.iter().map(String::as_str).collect();
        (names.join(","), found.account.rows, found.account.bad)
    };
    let captured = |odd: &str, good: fn(usize) -> String, at: usize| {
        let mut lines: Vec<String> = (0..5).map(|n| line(&good(n), "0.5")).collect();
        lines.insert(at, line(odd, "0.5"));
        lines
    };
    let request = || Format::Capture(Captured { output: false, ..Captured::default() });
    for at in 0..6 {
        for columns in
            ["[{\"name\":[\"p\",\"n\"]}]", "[{\"name\":[\"p\",\"n\"]},{\"cast\":{\"p\":\"number\"}}]"]
        {
            for odd in ["1,2,3,4", "1", "{\"error\":\"x\"}"] {
                let lines = captured(odd, |n| format!("{n},a"), at);
                assert_eq!(read(request(), lines, columns), ("p,n".into(), 5, 1), "{odd} at {at}");
            }
            let mut lines = vec!["1,a\n".to_string(); 5];
            lines.insert(at, "1,2,3,4\n".into());
            let csv = Format::Csv { header: false };
            assert_eq!(read(csv, lines, columns), ("p,n".into(), 5, 1), "CSV at {at}");
        }
        let lines = captured("5", |n| format!("{{\"a\":{{\"b\":{n}}}}}"), at);
        let found = read(request(), lines, "[{\"path\":{\"x\":\"a.b\"}},{\"keep\":[\"x\"]}]");
        assert_eq!(found, ("x".into(), 5, 1), "path at {at}");
    }
}

/// Files of lists beside files of objects: what most rows are counts, in any order of the files.
#[test]
fn documents_of_another_kind_cost_their_rows_in_any_order() {
    for (lists, objects, expected) in
        [(1, 20, ("a", 20, 1)), (20, 3, ("_c0,_c1", 20, 3)), (4, 4, ("a", 4, 4))]
    {
        for names in [["1", "2"], ["2", "1"]] {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join(names[0]), "[1,2]\n".repeat(lists)).unwrap();
            fs::write(folder.path().join(names[1]), "{\"a\":1}\n".repeat(objects)).unwrap();
            let stop = Stop::default();
            let source = Source { format: Some(Format::JsonLines), ..Source::new(folder.path(), &stop) };
            let found = pass::profile(&source).unwrap();
            let columns: Vec<&str> = found.columns.names.iter().map(String::as_str).collect();
            let got = (columns.join(","), found.account.rows, found.account.bad);
            assert_eq!(got, (expected.0.into(), expected.1, expected.2), "{lists} {objects} {names:?}");
        }
    }
}

/// A record that is of another kind on both sides, or wider on one and narrower on the other.
#[test]
fn records_that_differ_on_both_sides_cost_themselves() {
    for (names, records) in good() {
        let is_named = |side: usize| [&records[0].0, &records[0].1][side].starts_with('{');
        let odd = |side: usize| match is_named(side) {
            true => vec!["null", "1,2", "\"error\""],
            false => vec!["{\"error\":\"x\"}", "1,2,3,4"],
        };
        for (one, two) in odd(0).into_iter().flat_map(|one| odd(1).into_iter().map(move |two| (one, two))) {
            for at in 0..=records.len() {
                let mut lines: Vec<String> = records.iter().map(|(one, two)| line(one, two)).collect();
                lines.insert(at, line(one, two));
                assert_eq!(read(&lines), (names.into(), 7, 1), "{one} -> {two} at {at}");
            }
        }
        for (side, odd) in [(0, "9"), (0, "1,2,3"), (1, "0.1,0.2")] {
            for at in 0..=records.len() {
                let (mut one, mut two) = records[0].clone();
                if is_named(side) {
                    continue;
                }
                *(if side == 0 { &mut one } else { &mut two }) = odd.into();
                let mut lines: Vec<String> = records.iter().map(|(one, two)| line(one, two)).collect();
                lines.insert(at, line(&one, &two));
                assert_eq!(read(&lines), (names.into(), 7, 1), "{odd} as {side} at {at}");
            }
        }
    }
    // The request lost a value and the answer has one more: as many values as the others have.
    let good = line("1,2,3", "0.5");
    let moved = line("1,2", "0.5,7");
    for lines in [[&moved, &good, &good], [&good, &good, &moved]] {
        let lines = lines.map(String::clone);
        assert_eq!(read(&lines), ("_c0,_c1,_c2,_c3".into(), 2, 1));
        let told = profile(&lines).account.warnings.join("\n");
        assert!(told.contains("2 values, expected 1") || told.contains("2 values, expected 3"), "{told}");
    }
    // No kind of one side goes with that of the other in most records.
    let groups = [line("1,2", "0.5"), line("{\"a\":1}", "{\"s\":1}"), line("{\"a\":1}", "0.5")];
    for order in [[0, 1], [1, 0]] {
        let mut lines: Vec<String> = order.iter().flat_map(|&at| vec![groups[at].clone(); 5]).collect();
        lines.push(groups[2].clone());
        assert_eq!(read(&lines), ("s,a".into(), 5, 6));
    }
}

/// Parts whose rows are of different kinds are no table: one run would leave one of them out.
#[test]
fn parts_of_different_kinds_are_refused() {
    use crate::quality::part::{Part, combine};

    let of = |records: &[(&str, &str)]| {
        let lines: Vec<String> = records.iter().map(|(one, two)| line(one, two)).collect();
        let mut part = Part::default();
        part.profiled = profile(&lines);
        part
    };
    let (named, null, numbers) = (("{\"a\":1}", "{\"s\":1}"), ("{\"a\":1}", "null"), ("{\"a\":1}", "0.5"));
    let sum = |one: &[(&str, &str)], two: &[(&str, &str)]| {
        combine(vec![("one".into(), of(one)), ("two".into(), of(two))], &[])
    };
    for (one, two) in [([named, named], [null, null]), ([named, named], [numbers, numbers])] {
        for (one, two) in [(one, two), (two, one)] {
            let problem = sum(&one, &two).err().unwrap();
            assert_eq!(problem.code(), &plumbline_common::codes::STATES_DO_NOT_FIT, "{problem}");
        }
    }
    assert_eq!(sum(&[numbers], &[null, numbers]).unwrap().profiled.account.rows, 3);
}
