//! Captured payloads of another kind than most: one record each, wherever it stands.

use std::fs;
use std::path::PathBuf;

use plumbline_common::stop::Stop;
use plumbline_common::{Result, codes};
use serde_json::Value;

use crate::monitor::format::{Captured, Format};
use crate::monitor::rows::{self, Source};
use crate::quality::part::{Part, combine};
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

/// Reads files of a format: names of the columns, rows, and rows that cannot be used.
fn read_files(format: Format, files: &[(&str, &str)]) -> (String, u64, u64) {
    let folder = tempfile::tempdir().unwrap();
    files.iter().for_each(|(name, text)| fs::write(folder.path().join(name), text).unwrap());
    let stop = Stop::default();
    let source = Source { format: Some(format), ..Source::new(folder.path(), &stop) };
    let found = pass::profile(&source).unwrap();
    let names: Vec<&str> = found.columns.names.iter().map(String::as_str).collect();
    (names.join(","), found.account.rows, found.account.bad)
}

/// Objects and lists in one JSON document, in every form: what most rows are counts, as in other formats.
#[test]
fn rows_of_another_kind_in_one_document_cost_themselves() {
    let rows = |lists: usize, objects: usize, others: usize, turn: usize| {
        let all = [vec!["[1,2]"; lists], vec!["{\"a\":1}"; objects], vec!["[1,2,3]"; others]];
        let mut all = all.concat();
        let n = all.len();
        all.rotate_left(turn % n);
        all
    };
    for (lists, objects, others, (names, good)) in [
        (9, 1, 0, ("_c0,_c1", 9)),
        (1, 9, 0, ("a", 9)),
        (4, 4, 0, ("a", 4)),
        (5, 2, 3, ("_c0,_c1", 5)),
        (2, 3, 3, ("a", 3)),
        (3, 0, 3, ("_c0,_c1", 3)),
        (2, 2, 4, ("_c0,_c1,_c2", 4)),
    ] {
        let bad = (lists + objects + others - good) as u64;
        for turn in 0..lists + objects + others {
            let rows = rows(lists, objects, others, turn);
            let forms = [
                format!("[{}]", rows.join(",")),
                format!("[\n{}\n]\n", rows.join(",\n")),
                format!("{{\"rows\": [{}]}}", rows.join(", ")),
                rows.iter().map(|row| format!("[{row}]\n")).collect(),
            ];
            // A row a line, by both readers of JSON.
            let lines = rows.join("\n");
            for format in [Format::Json, Format::JsonLines] {
                let found = read_files(format, &[("x.jsonl", &lines)]);
                assert_eq!(found, (names.into(), good as u64, bad), "{lines}");
            }
            for text in forms {
                let found = read_files(Format::Json, &[("x.json", &text)]);
                assert_eq!(found, (names.into(), good as u64, bad), "{text}");
                // Lists in several files, by both readers of JSON.
                let (one, two) = rows.split_at(rows.len() / 2);
                let [one, two] = [one, two].map(|rows| format!("[{}]", rows.join(",")));
                for format in [Format::Json, Format::JsonLines] {
                    let found = read_files(format, &[("1", &one), ("2", &two)]);
                    assert_eq!(found, (names.into(), good as u64, bad), "{one} {two}");
                }
            }
        }
    }
}

/// What is no row costs itself among lists, one a line, wherever it stands: an object, a value, other text, damage.
#[test]
fn lists_a_line_are_lost_to_no_other_line() {
    let odd = [
        "{\"error\":\"x\"}",
        "{}",
        "null",
        "\"x\"",
        "7",
        "INFO started",
        "7\",7.5]",
        "{\"a\":1,\"b",
        "{\"a\":\n\n[",
    ];
    for odd in odd {
        for at in 0..=9 {
            let mut lines: Vec<String> = (0..9).map(|n| format!("[{n},{n}.5]")).collect();
            lines.insert(at, odd.into());
            let (names, rows, bad) = read_files(Format::JsonLines, &[("x.jsonl", &lines.join("\n"))]);
            assert_eq!((names.as_str(), rows, bad), ("_c0,_c1", 9, 1), "{odd} at {at}");
        }
    }
}

/// A list by itself holds rows: an empty one has none, and no bad one either. Among the rows of a list it is a row without a value.
#[test]
fn an_empty_list_by_itself_has_no_rows() {
    for format in [Format::Json, Format::JsonLines] {
        let found = read_files(format.clone(), &[("x", "{\"a\":1}\n[]\n{\"a\":2}\n")]);
        assert_eq!(found, ("a".into(), 2, 0), "{format:?}");
        let found = read_files(format.clone(), &[("x", "[{\"a\":1},[],{\"a\":2}]")]);
        assert_eq!(found, ("a".into(), 2, 1), "{format:?}");
    }
}

/// With `on_bad_record=fail` the row is named that is another than most, wherever it stands, and not the one behind it.
#[test]
fn the_odd_row_is_the_one_that_fails_the_job() {
    let captures = |request: &str| line(request, "0.5").trim_end().to_string();
    let cases: [(Format, String, String); 6] = [
        (Format::Csv { header: false }, "1,2".into(), "1,2,3".into()),
        (Format::Csv { header: true }, "1,2".into(), "1,2,3".into()),
        (Format::Json, "{\"a\":1}".into(), "[1]".into()),
        (Format::Json, "[[1,2]]".into(), "{\"a\":1}".into()),
        (Format::Capture(Captured::default()), captures("1,2"), captures("{\"a\":1}")),
        (Format::Capture(Captured::default()), captures("{\"a\":1}"), captures("1,2")),
    ];
    for (format, good, odd) in cases {
        for at in 0..6 {
            let mut lines = vec![good.as_str(); 5];
            lines.insert(at, &odd);
            let is_named = format == Format::Csv { header: true };
            if is_named {
                lines.insert(0, "x,y");
            }
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join("rows"), lines.join("\n")).unwrap();
            let stop = Stop::default();
            let source =
                Source { format: Some(format.clone()), strict: true, ..Source::new(folder.path(), &stop) };
            let problem = pass::profile(&source).err().unwrap();
            let expected = at as u64 + 1 + u64::from(is_named);
            assert_eq!(problem.code(), &codes::BAD_RECORD, "{problem}");
            assert_eq!(problem.place().line, Some(expected), "{format:?} {at}: {problem}");
        }
    }
}

/// What the setting `columns` names and the data do not have is told after one reading, by whatever it is noticed.
#[test]
fn a_wrong_name_is_told_without_another_reading() {
    let folder = tempfile::tempdir().unwrap();
    let rows = |rows: usize| format!("a,b\n{}", "1,2\n".repeat(rows));
    for (columns, code, n) in [
        ("[{\"keep\":[\"nothing\"]}]", &codes::COLUMN_NOT_FOUND, 10),
        ("[{\"rename\":{\"a\":\"b\"}}]", &codes::HEADERS_DO_NOT_FIT, 10),
        // Behind so many rows of one kind the first is none that is another than most.
        ("[{\"name\":[\"one\"]}]", &codes::HEADERS_DO_NOT_FIT, 400_000),
    ] {
        fs::write(folder.path().join("x.csv"), rows(n)).unwrap();
        let (stop, preparation) = (Stop::default(), crate::monitor::columns::parse(columns).unwrap());
        let source = Source {
            format: Some(Format::Csv { header: true }),
            preparation: Some(&preparation),
            ..Source::new(folder.path(), &stop)
        };
        let mut readings = 0;
        let once = |source: &Source<'_>| {
            readings += 1;
            rows::read(source, &mut |block, _| Ok(block))
        };
        let problem = rows::settled(&source, once, |(_, account)| account).err().unwrap();
        assert_eq!((problem.code(), readings), (code, 1), "{columns}: {problem}");
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

/// One run over files, and the parts of one file each put together.
pub(super) fn whole_and_parts<B: AsRef<[u8]> + Clone>(
    format: Option<Format>,
    files: &[(&str, B)],
) -> (Profiled, Result<Profiled>) {
    let parts: Vec<_> = files.iter().map(|file| vec![file.clone()]).collect();
    whole_and_split(format, files, &parts)
}

/// The same of parts of several files.
pub(super) fn whole_and_split<B: AsRef<[u8]>>(
    format: Option<Format>,
    files: &[(&str, B)],
    parts: &[Vec<(&str, B)>],
) -> (Profiled, Result<Profiled>) {
    let stop = Stop::default();
    let read = |files: &[(&str, B)], folds: bool| {
        let folder = tempfile::tempdir().unwrap();
        files.iter().for_each(|(name, text)| fs::write(folder.path().join(name), text).unwrap());
        let source = Source { format: format.clone(), folds, ..Source::new(folder.path(), &stop) };
        pass::profile(&source).unwrap()
    };
    let part = |own: &Vec<(&str, B)>| {
        let mut part = Part::default();
        part.profiled = read(own, true);
        // As a state keeps it.
        let part: Part = serde_json::from_str(&serde_json::to_string(&part).unwrap()).unwrap();
        (PathBuf::from(format!("{}.state", own[0].0)), part)
    };
    let parts = parts.iter().map(part).collect();
    (read(files, false), combine(parts, &[]).map(|all| all.profiled))
}

/// What parts must have in common with one run: columns, rows, values in each column, and the places of bad records.
pub(super) fn found(profiled: &Profiled) -> (Vec<String>, [u64; 3], Vec<u64>, Vec<String>) {
    let account = &profiled.account;
    let place = |example: &String| example.split(':').next().unwrap_or_default().to_string();
    (
        profiled.columns.names.iter().cloned().collect(),
        [account.records, account.rows, account.bad],
        profiled.profiles.iter().map(|column| column.present()).collect(),
        account.examples.iter().map(place).collect(),
    )
}

/// Parts of one kind of rows each: those of the kind that fewer records have are left out, counted and named as in one run.
#[test]
fn parts_whose_rows_are_not_like_most_are_left_out_as_in_one_run() {
    let request = |text: &str| line(text, "0.5");
    let captures = || Format::Capture(Captured::default());
    let csv = || Format::Csv { header: false };
    let cases: [(Format, [String; 2]); 8] = [
        (captures(), [line("{\"a\":1}", "{\"s\":1}"), line("{\"a\":1}", "null")]),
        (captures(), [line("{\"a\":1}", "{\"s\":1}"), line("{\"a\":1}", "0.5")]),
        (captures(), [request("1,2"), request("{\"a\":1}")]),
        (captures(), [request("1,2"), request("1,2,3")]),
        (Format::Json, ["[[1,2]]\n".into(), "[{\"a\":1}]\n".into()]),
        (Format::JsonLines, ["[[1,2]]\n".into(), "{\"a\":1}\n".into()]),
        (Format::Json, ["[[1,2]]\n".into(), "[[1,2,3]]\n".into()]),
        (csv(), ["1,2\n".into(), "1,2,3\n".into()]),
    ];
    for (format, [one, two]) in cases {
        for (ones, twos, more) in [(9, 2, 0), (2, 9, 0), (4, 4, 0), (7, 8, 6), (1, 1, 1)] {
            for names in [["1", "2", "3"], ["2", "1", "3"], ["3", "2", "1"]] {
                let files = [
                    (names[0], one.repeat(ones)),
                    (names[1], two.repeat(twos)),
                    (names[2], one.repeat(more)),
                ];
                let files = &files[..if more > 0 { 3 } else { 2 }];
                let (whole, parts) = whole_and_parts(Some(format.clone()), files);
                let parts = parts.unwrap();
                assert_eq!(found(&parts), found(&whole), "{format:?} {files:?}");
                assert_eq!(parts.account.files, whole.account.files);
                assert!(parts.account.bad > 0 && parts.account.examples[0].contains("expected"), "{files:?}");
            }
        }
    }
}

/// Records like most that a part left out are lost with it: nothing but a fold of all its files brings them back.
#[test]
fn a_part_that_left_out_records_like_most_is_refused_with_the_way_out() {
    let (csv, object) = (line("1,2", "0.5"), line("{\"a\":1}", "0.5"));
    let files = [("1", [csv.repeat(3), object.clone()].concat()), ("2", object.repeat(5))];
    let (whole, parts) = whole_and_parts(Some(Format::Capture(Captured::default())), &files);
    assert_eq!((whole.account.rows, whole.account.bad), (6, 3));
    let problem = parts.err().unwrap();
    assert_eq!(problem.code(), &codes::STATES_DO_NOT_FIT);
    let told = problem.to_string();
    for part in ["1.state", "the part left out 1 record like most", "fold the files of this part together"] {
        assert!(told.contains(part), "{told}");
    }
}

/// What is said of first rows hangs on the rows of all parts, as in one run.
#[test]
fn parts_say_of_first_rows_what_one_run_says() {
    let rows = |head: &str, n: usize| format!("{head}\n{}", "1,2\n".repeat(n));
    for files in [
        // Fewer than ten numbers a part, and more in all.
        vec![("1", rows("a,b", 4)), ("2", rows("a,b", 4)), ("3", rows("a,b", 4))],
        vec![("1", rows("a,b", 2)), ("2", rows("a,b", 3))],
        vec![("1", rows("1,2", 4)), ("2", rows("3,3", 4)), ("3", rows("1,2", 4))],
        vec![("1", rows("5,2", 4)), ("2", rows("6,2", 4)), ("3", rows("7,7", 4)), ("4", rows("8,8", 4))],
    ] {
        let (whole, parts) = whole_and_parts(None, &files);
        let parts = parts.unwrap();
        assert_eq!(parts.account.warnings, whole.account.warnings, "{files:?}");
        assert_eq!(found(&parts), found(&whole), "{files:?}");
    }
    // A part that lacks the names of another one.
    let files = [("1", rows("a,b", 20)), ("2", rows("1,2", 20))];
    let (whole, parts) = whole_and_parts(None, &files);
    assert_eq!(whole.account.rows, 41);
    let told = parts.err().unwrap().to_string();
    assert!(told.contains("as data in columns without names"), "{told}");
    assert!(told.contains("in the columns of the header row `a`, `b` (line 1 of 1)"), "{told}");
}

/// The row numbers that pandas writes have no name: they are one column, wherever they stand in a file.
#[test]
fn the_column_without_a_name_is_one_in_all_files_and_parts() {
    let first = ",a,b\n0,1.5,x\n1,2.5,y\n".to_string();
    let moved = "b,,a\nz,2,3.5\nz,3,4.5\nz,4,5.5\n".to_string();
    let other = "a,b\n6.5,x\n".to_string();
    for format in [None, Some(Format::Csv { header: true })] {
        for order in [[0, 1, 2], [1, 0, 2], [2, 1, 0], [2, 0, 1]] {
            let files = order.map(|at: usize| [first.clone(), moved.clone(), other.clone()][at].clone());
            let files: Vec<(&str, String)> = ["1", "2", "3"].into_iter().zip(files).collect();
            let (whole, parts) = whole_and_parts(format.clone(), &files);
            let parts = parts.unwrap();
            for profiled in [&whole, &parts] {
                let mut present: Vec<(&str, u64)> = profiled
                    .columns
                    .names
                    .iter()
                    .zip(&profiled.profiles)
                    .map(|(name, column)| (name.as_str(), column.present()))
                    .collect();
                present.sort_unstable();
                // The name is its position in the first file that has it.
                let name = if order[0] == 1 || order == [2, 1, 0] { "_c1" } else { "_c0" };
                assert_eq!(present, [(name, 5), ("a", 6), ("b", 6)], "{files:?}");
                let told = profiled.account.warnings.join("\n");
                assert!(told.contains(&format!("`{name}` is in")) && !told.contains("`a` is"), "{told}");
            }
            assert_eq!(found(&parts), found(&whole), "{files:?}");
        }
        // The baseline's name goes before the position.
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("x"), &moved).unwrap();
        let (stop, known) = (Stop::default(), ["_c0", "a", "b"].map(String::from));
        let source = Source { format, known: &known, ..Source::new(folder.path(), &stop) };
        let profiled = pass::profile(&source).unwrap();
        assert_eq!(profiled.columns.names.iter().collect::<Vec<_>>(), ["b", "_c0", "a"]);
    }
}

/// A file that has a header row only, as that of an hour without traffic, says where columns stand as any other, whatever the parts.
#[test]
fn files_with_a_header_row_only_count_for_the_columns_in_every_split() {
    let texts = ["b,a\n", "a,b\nu,1\nv,2\nw,3\n", "z,a,b\n", "a,b,c\nx,4,5\n"];
    let format = Some(Format::Csv { header: true });
    for order in [[0, 1, 2, 3], [1, 0, 3, 2], [2, 1, 0, 3], [3, 2, 1, 0], [2, 0, 1, 3], [1, 3, 0, 2]] {
        let files: Vec<(&str, String)> =
            ["1", "2", "3", "4"].into_iter().zip(order.map(|at: usize| texts[at].to_string())).collect();
        for split in 0..81_usize {
            let of = |part: usize| -> Vec<(&str, String)> {
                let own =
                    files.iter().enumerate().filter(|(at, _)| split / 3_usize.pow(*at as u32) % 3 == part);
                own.map(|(_, file)| file.clone()).collect()
            };
            let parts: Vec<_> = (0..3).map(of).filter(|part| !part.is_empty()).collect();
            let (whole, all) = whole_and_split(format.clone(), &files, &parts);
            let all = all.unwrap();
            assert_eq!(found(&all), found(&whole), "{order:?} {split}");
            assert_eq!(all.account.warnings, whole.account.warnings, "{order:?} {split}");
            let told = whole.account.warnings.join("\n");
            assert!(told.contains("the columns stand in another order than in "), "{told}");
        }
    }
}

/// One run reads all files in one format: parts that were read in several are no parts of it, whatever most rows are.
#[test]
fn parts_of_several_formats_are_refused() {
    let part = |format: Format, text: &str| {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("x"), text).unwrap();
        let stop = Stop::default();
        let source = Source { format: Some(format), folds: true, ..Source::new(folder.path(), &stop) };
        let mut part = Part::default();
        part.profiled = pass::profile(&source).unwrap();
        part
    };
    let object = "{\"a\":1,\"b\":2}\n";
    for (csv, header) in [("a,b\n1,2\n", true), ("1,2\n", false), ("1,2\n3,4\n5,6\n", false)] {
        for other in [object.to_string(), object.repeat(9), "[[1,2,3]]\n".repeat(9)] {
            let parts = [part(Format::Csv { header }, csv), part(Format::JsonLines, &other)];
            for order in [[0, 1], [1, 0]] {
                let parts = order.map(|at: usize| (PathBuf::from(format!("{at}.state")), parts[at].clone()));
                let problem = combine(parts.into(), &[]).err().unwrap();
                assert_eq!(problem.code(), &codes::STATES_DO_NOT_FIT, "{csv} {other}: {problem}");
            }
        }
    }
}
