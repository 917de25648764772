//! Rows of every format, and what becomes of damaged ones.

mod headers;
mod parquet;
mod quotes;

use std::fs;
use std::path::Path;

use plumbline_common::Result;
use plumbline_common::stop::Stop;
use proptest::prelude::*;

use super::*;
use crate::monitor::format::Captured;

const CSV: Format = Format::Csv { header: true };

type Table = Vec<Vec<Option<String>>>;

struct Found {
    names: Vec<String>,
    rows: Table,
    /// File and line of each row.
    places: Vec<(String, u64)>,
    account: Account,
}

impl Found {
    /// Rows in short: cells with `|` between them, missing ones as `-`.
    fn short(&self) -> Vec<String> {
        let cell = |cell: &Option<String>| cell.clone().unwrap_or_else(|| "-".into());
        self.rows.iter().map(|row| row.iter().map(cell).collect::<Vec<_>>().join("|")).collect()
    }

    /// Rows as `name=cell` of these columns, missing cells as `-`.
    fn by_name(&self, names: [&str; 3]) -> Vec<String> {
        let place = |name: &str| self.names.iter().position(|own| own == name).unwrap();
        let places = names.map(|name| (name, place(name)));
        let row = |row: &Vec<Option<String>>| {
            places.map(|(name, at)| format!("{name}={}", row[at].as_deref().unwrap_or("-"))).join(" ")
        };
        self.rows.iter().map(row).collect()
    }
}

fn try_read(format: Format, files: &[(&str, &[u8])], change: impl Fn(&mut Source<'_>)) -> Result<Found> {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    let stop = Stop::default();
    let mut source = Source::new(folder.path(), &stop);
    source.format = Some(format);
    change(&mut source);
    let (mut rows, mut places): (Table, _) = (Vec::new(), Vec::new());
    let (columns, account) = read(&source, &mut |block, _| {
        for row in 0..block.rows() {
            rows.push((0..block.width()).map(|at| block.cell(row, at).map(Into::into)).collect());
            places.push((block.file().display().to_string(), block.line(row)));
        }
        Ok(block)
    })?;
    // Columns that came later are missing in the rows before.
    rows.iter_mut().for_each(|row| row.resize(columns.names.len(), None));
    Ok(Found { names: columns.names.into_iter().collect(), rows, places, account })
}

fn found(format: Format, text: &str) -> Found {
    try_read(format, &[("data", text.as_bytes())], |_| {}).unwrap()
}

#[test]
fn csv_is_read_as_the_standard_says() {
    let text = "\u{feff}a,b,\"c \"\"q\"\"\",\r\n1,\"x,\r\ny\",\"say \"\"hi\"\"\", 3 \r\n\r\n\"\",,z\"z,\"q\" \r\n4,5,6,7";
    let found = found(CSV, text);
    assert_eq!(found.names, ["a", "b", "c \"q\"", "_c3"]);
    assert_eq!(found.short(), ["1|x,\r\ny|say \"hi\"| 3 ", "-|-|z\"z|q ", "4|5|6|7"]);
    let lines: Vec<u64> = found.places.iter().map(|place| place.1).collect();
    assert_eq!(lines, [2, 5, 6]);
    assert_eq!(found.account.records, 3);
    assert_eq!(self::found(CSV, "a\rb\r1\r").short(), ["b", "1"]);
    assert_eq!(self::found(Format::Csv { header: false }, "1,2\n").names, ["_c0", "_c1"]);
    assert!(self::found(CSV, "a,b\n").rows.is_empty());
}

#[test]
fn a_bad_row_costs_itself_and_is_named() {
    let text = b"a,b\n1,2\n3\n4,5,6\n7,\"open\n8,9\n\xff,1\n10,11\n";
    let found = try_read(CSV, &[("x/data.csv", text)], |_| {}).unwrap();
    assert_eq!(found.short(), ["1|2", "8|9", "10|11"]);
    assert_eq!((found.account.bad, found.account.records), (4, 7));
    let named = found.account.examples.join("\n");
    for part in [
        "line 3: 1 value, expected 2",
        "line 4",
        "line 5: a quote does not end",
        "line 7: the row is not UTF-8",
    ] {
        assert!(named.contains(part), "{named}");
    }
    let stopped = try_read(CSV, &[("data", text)], |source| source.strict = true).err().unwrap();
    assert_eq!((stopped.code(), stopped.place().line), (&codes::BAD_RECORD, Some(3)));
}

#[test]
fn files_come_in_the_order_of_their_paths_each_with_its_own_header() {
    let files: [(&str, &[u8]); 4] =
        [("b.csv", b"a,b\n3,4\n"), ("a/x.csv", b"a,b\n1,2\n"), ("c.csv", b"b,a\n6,5\n"), ("_skip", b"9,9\n")];
    let found = try_read(CSV, &files, |_| {}).unwrap();
    assert_eq!(found.short(), ["1|2", "3|4", "5|6"]);
    assert!(found.account.warnings[0].contains("another order"), "{:?}", found.account.warnings);
    let twice = try_read(CSV, &[("x", b"a,b,a\n1,2,3\n")], |_| {}).err().unwrap();
    assert_eq!(twice.code(), &codes::HEADERS_DO_NOT_FIT);
    assert!(twice.to_string().contains("`a`"));
    let other = try_read(CSV, &[("1", b"a,b\n1,2\n"), ("2", b"y,z\n3,4\n")], |_| {}).unwrap();
    assert!(
        other.account.warnings[0].contains("`a`, `b` are in 1, and not in 2"),
        "{:?}",
        other.account.warnings
    );
    assert_eq!(other.short(), ["1|2|-|-", "-|-|3|4"]);
}

/// Header rows with a name in common are one table with the columns of all of them, in every order of the files.
#[test]
fn a_table_of_csv_has_the_columns_of_every_header_row() {
    let files = ["a,b\n1,2\n3\n", "c,b,a\n5,\"x\"\"y\",7\n8,9\n", "b\n6\n", "a,b\n10,11"];
    let expected = ["a=1 b=2 c=-", "a=7 b=x\"y c=5", "a=- b=6 c=-", "a=10 b=11 c=-"];
    for n in 0..256_usize {
        let order = [n % 4, n / 4 % 4, n / 16 % 4, n / 64];
        if !(0..4).all(|file| order.contains(&file)) {
            continue;
        }
        let named: Vec<(&str, &[u8])> =
            ["0", "1", "2", "3"].into_iter().zip(order.map(|at| files[at].as_bytes())).collect();
        let found = try_read(CSV, &named, |_| {}).unwrap();
        let mut rows = found.by_name(["a", "b", "c"]);
        rows.sort_by_key(|row| expected.iter().position(|known| known == row));
        assert_eq!((rows, found.names.len()), (expected.map(Into::into).to_vec(), 3), "{order:?}");
        // Each file has its own width.
        let told = found.account.warnings.join("\n");
        assert_eq!((found.account.bad, found.account.better_width), (2, None), "{told}");
        assert!(told.contains("1 value, expected 2") && told.contains("2 values, expected 3"), "{told}");
        let place = |at: usize| order.iter().position(|&file| file == at).unwrap();
        assert!(told.contains(&format!("`c` is in {}, and not in", place(1))), "{told}");
        assert!(told.contains(&format!("2 more files, and not in {}, where its", place(2))), "{told}");
    }
}

#[test]
fn when_most_rows_are_wider_than_the_first_they_are_right() {
    let read = |width| {
        let text = b"1,2\n1,2,3\n4,5,6\n";
        try_read(Format::Csv { header: false }, &[("x", text)], |source| source.width = width).unwrap()
    };
    assert_eq!(read(None).account.better_width, Some(3));
    assert_eq!(read(Some(3)).short(), ["1|2|3", "4|5|6"]);
    assert_eq!(read(Some(3)).account.bad, 1);
}

#[test]
fn a_header_of_another_width_is_told_and_names_come_from_one_that_fits() {
    let read = |files: &[(&str, &[u8])], width| {
        let found = try_read(CSV, files, |source| source.width = width).unwrap();
        (found.names.join(","), found.short(), found.account)
    };
    let files: [(&str, &[u8]); 3] = [("0", b"a,b\n"), ("1", b"a,b,c\n1,2,3\n"), ("2", b"a,b,c\n4,5,6\n")];
    let (names, rows, account) = read(&files, None);
    assert_eq!((names.as_str(), rows.len(), account.bad), ("a,b,c", 2, 0));
    assert!(
        account.warnings[0].contains("`c` is in 1 and 1 more file, and not in 0"),
        "{:?}",
        account.warnings
    );
    let (names, rows, account) = read(&files, Some(3));
    assert_eq!(
        (names.as_str(), rows, account.width),
        ("a,b,c", vec!["1|2|3".into(), "4|5|6".into()], Some(3))
    );
    assert!(account.warnings[0].contains("0: the header row has 2 names, and most rows have 3 values"));
    // Rows came before the first header row that fits.
    let files: [(&str, &[u8]); 2] = [("0", b"a,b\n1,2,3\n"), ("1", b"a,b,c\n4,5,6\n7,8\n")];
    let (names, rows, account) = read(&files, Some(3));
    assert_eq!((names.as_str(), rows.len(), account.bad), ("_c0,_c1,_c2", 2, 1));
    assert!(account.warnings[0].contains("it names no columns"), "{:?}", account.warnings);
}

#[test]
fn json_lines_that_are_read_as_csv_are_told() {
    for (line, format) in [
        (r#"{"a": 1, "b": 2}"#, r#"{"json": {"lines": true}}"#),
        (r#"{"captureData": {}, "b": 2}"#, r#"{"sagemakerCaptureJson": {}}"#),
    ] {
        let text = format!("{line}\n").repeat(3);
        let found = found(Format::Csv { header: false }, &text);
        assert!(found.account.warnings[0].contains(format), "{:?}", found.account.warnings);
        // Without blanks no header row can be cut from it.
        let compact = text.replace(' ', "");
        for given in [true, false] {
            let problem = try_read(CSV, &[("a.csv", compact.as_bytes())], |source| {
                source.format = source.format.take().filter(|_| given);
            });
            let told = problem.err().unwrap().to_string();
            assert!(told.contains("PL0301") && told.contains(format), "{told}");
        }
    }
    assert!(found(Format::Csv { header: false }, "{a,b\n{c,d\n").account.warnings.is_empty());
}

#[test]
fn csv_over_many_blocks_is_that_of_the_plain_reader() {
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    let cell = |at: usize| match at % 11 {
        0 => "a \"quoted\" text".to_string(),
        1 => "two\nlines, and a comma".into(),
        2 => String::new(),
        3 => "Tromsø ".repeat(at % 40),
        _ => (at * 7919).to_string(),
    };
    writer.write_record(["x", "y", "z"]).unwrap();
    (0..60_000).for_each(|row| writer.write_record((0..3).map(|at| cell(row * 3 + at))).unwrap());
    let text = writer.into_inner().unwrap();
    assert!(text.len() > 3 * Block::BYTES);
    let found = try_read(CSV, &[("x", &text)], |_| {}).unwrap();
    let mut reader = ::csv::Reader::from_reader(text.as_slice());
    let plain: Table = reader
        .records()
        .map(|record| record.unwrap().iter().map(|cell| (!cell.is_empty()).then(|| cell.into())).collect())
        .collect();
    assert!(found.rows == plain, "the rows differ");
    assert_eq!(found.account.bad, 0);
    let breaks = |end: u64| text.split(|&byte| byte == b'\n').take(end as usize - 1).count() as u64 + 1;
    let last = found.places.last().unwrap().1;
    assert_eq!(breaks(last), last);
}

#[test]
fn json_has_names_with_dots_numbers_as_written_and_columns_as_they_come() {
    let text = r#"{"id": 1, "rate": 1.50, "user": {"city": null, "geo": {"lat": 59.9}}, "emb": [1, null], "tags": ["a", 2]}
{"id": 2, "late": "", "user": {"city": "a\"b"}, "emb": [], "ok": true, "big": NaN}"#;
    let found = found(Format::JsonLines, text);
    let names = ["id", "rate", "user.city", "user.geo.lat", "emb_0", "emb_1", "tags", "late", "ok", "big"];
    assert_eq!(found.names, names);
    assert_eq!(found.short(), ["1|1.50|-|59.9|1|-|[\"a\",2]|-|-|-", "2|-|a\"b|-|-|-|-||true|-"]);
    let long = format!("{{\"v\": [{}]}}", vec!["1"; 101].join(", "));
    assert_eq!(self::found(Format::JsonLines, &long).names, ["v"]);
    let longest = self::found(Format::JsonLines, &long.replacen("1, ", "", 1)).names;
    assert_eq!((longest.len(), longest[99].as_str()), (100, "v_99"));
    let one =
        try_read(Format::JsonLines, &[("x", text.as_bytes())], |source| source.one_row_per_record = true);
    assert_eq!(one.unwrap().names, ["id", "rate", "user", "emb", "tags", "late", "ok", "big"]);
}

#[test]
fn all_forms_of_a_file_of_objects_are_the_same_rows() {
    let forms = [
        "{\"a\": 1, \"b\": {\"c\": 2}}\n{\"a\": 3}\n",
        "[{\"a\": 1, \"b\": {\"c\": 2}}, {\"a\": 3}]",
        "[\n{\n  \"a\": 1,\n  \"b\":\n{\n\"c\": 2\n}\n},\n{\n  \"a\": 3\n}\n]\n",
        "{\"a\": 1, \"b\": {\"c\": 2}} {\"a\": 3}",
    ];
    for form in forms {
        for format in [Format::JsonLines, Format::Json] {
            let found = found(format.clone(), form);
            assert_eq!(
                (found.short(), found.account.bad),
                (vec!["1|2".into(), "3|-".into()], 0),
                "{format:?} {form}"
            );
        }
    }
    assert_eq!(found(Format::Json, "{\"rows\": [{\"a\": 1}, {\"a\": 2}]}").short(), ["1", "2"]);
    assert_eq!(found(Format::Json, "[[1, \"x\"], [2, null]]").short(), ["1|x", "2|-"]);
}

#[test]
fn damage_costs_one_record_and_is_named_by_its_line() {
    let text = "{\"a\": 1}\n{\"a\": 2\n{\"a\": 3}\nnot a record\n{\"a\": \"x\n{\"a\": 4}\n{\"a\": 5,}\n{\"a\": 6}\n{\"a\"";
    let found = found(Format::JsonLines, text);
    assert_eq!(found.short(), ["1", "3", "4", "6"]);
    let lines: Vec<&str> =
        found.account.examples.iter().map(|text| text.split(": ").next().unwrap()).collect();
    assert_eq!(lines, ["data, line 2", "data, line 4", "data, line 5", "data, line 7", "data, line 9"]);
    assert_eq!(found.account.bad, 5);
}

fn capture(input: &str, output: &str, more: &str) -> String {
    let side = |text: &str| {
        let kind = if text.starts_with(['{', '[']) { "application/json" } else { "text/csv" };
        serde_json::json!({"observedContentType": kind, "data": text, "encoding": if kind == "text/csv" { "CSV" } else { "JSON" }})
    };
    format!(
        "{{\"captureData\": {{\"endpointInput\": {}, \"endpointOutput\": {}}}, \"eventMetadata\": {{\"eventId\": \"e\"{more}}}}}\n",
        side(input),
        side(output)
    )
}

fn captured(text: &str, change: impl Fn(&mut Source<'_>)) -> Found {
    try_read(Format::Capture(Captured::default()), &[("x.jsonl", text.as_bytes())], change).unwrap()
}

#[test]
fn captured_payloads_are_rows_paired_by_position() {
    let text = [
        capture("20,a", "0.5", ""),
        capture("21,b\n22,\n", "0.1,0.2", ""),
        capture("23,\"c,d\"\r\n24,e", "0.3\n0.4", ""),
        capture("25,f\n26,g", "0.7", ""),
        capture("27,h,i", "0.8", ""),
    ]
    .concat();
    let found = captured(&text, |_| {});
    assert_eq!(found.short(), ["0.5|20|a", "0.1|21|b", "0.2|22|-", "0.3|23|c,d", "0.4|24|e"]);
    assert_eq!((found.account.records, found.account.bad), (5, 2));
    assert!(found.account.examples[0].contains("2 input rows, 1 output row"), "{:?}", found.account.examples);
    let last = Captured { output_first: false, ..Captured::default() };
    let end =
        captured(&capture("20,a", "0.5", ""), |source| source.format = Some(Format::Capture(last.clone())));
    assert_eq!(end.short(), ["20|a|0.5"]);
    let strict = captured(&capture("21,b\n22,c\n", "0.1,0.2", ""), |source| source.one_row_per_record = true);
    assert_eq!(strict.short(), ["0.1|0.2|21|b\n22|c"]);
}

#[test]
fn captured_json_has_names_and_csv_beside_it_gets_some() {
    let objects = capture(
        "{\"rows\": [{\"f\": {\"a\": 1}}, {\"f\": {\"a\": 2}}]}",
        "{\"predictions\": [{\"score\": 0.5}, {\"score\": 1}]}",
        "",
    );
    let found = captured(&objects, |_| {});
    assert_eq!(
        (found.names.join(","), found.short()),
        ("score,f.a".into(), vec!["0.5|1".into(), "1|2".into()])
    );
    let mixed = captured(&capture("[{\"a\": 1}, {\"a\": 2}]", "0.5,0.25", ""), |_| {});
    assert_eq!(
        (mixed.names.join(","), mixed.short()),
        ("_c0,a".into(), vec!["0.5|1".into(), "0.25|2".into()])
    );
    // A list of as many numbers as rows, under the name that a single one has.
    let one = capture("{\"a\": 1}", "{\"predictions\": [0.5]}", "");
    let two = capture("[{\"a\": 2}, {\"a\": 3}]", "{\"predictions\": [0.25, 1]}", "");
    let lists = captured(&[one, two].concat(), |_| {});
    assert_eq!(
        (lists.names.join(","), lists.short().len(), lists.account.bad),
        ("predictions_0,a".into(), 3, 0)
    );
}

/// Every form of a request beside every form of an answer, of one to three rows, alone and together.
#[test]
fn a_prediction_a_row_is_a_row_in_whatever_form() {
    let listed =
        |n: usize, of: &dyn Fn(usize) -> String, by: &str| (0..n).map(of).collect::<Vec<_>>().join(by);
    let cells = |row: usize| format!("1{row},2{row}");
    let lists = |n| format!("[{}]", listed(n, &|row| format!("[{}]", cells(row)), ","));
    let objects = |n| format!("[{}]", listed(n, &|row| format!("{{\"a\":1{row},\"b\":2{row}}}"), ","));
    let score = |row: usize| format!("0.{}", row + 1);
    let scores = |n| format!("[{}]", listed(n, &score, ","));
    let single = |n| format!("[{}]", listed(n, &|row| format!("[{}]", score(row)), ","));
    let named = |n| format!("[{}]", listed(n, &|row| format!("{{\"score\":{}}}", score(row)), ","));
    let under = |key: &str, list: String| format!("{{\"{key}\": {list}}}");
    let requests: [&dyn Fn(usize) -> String; 5] = [
        &|n| listed(n, &cells, "\n"),
        &|n| lists(n),
        &|n| objects(n),
        &|n| under("instances", lists(n)),
        &|n| under("instances", objects(n)),
    ];
    let answers: [&dyn Fn(usize) -> String; 8] = [
        &|n| listed(n, &score, ","),
        &|n| listed(n, &score, "\n"),
        &|n| scores(n),
        &|n| single(n),
        &|n| named(n),
        &|n| under("predictions", scores(n)),
        &|n| under("predictions", single(n)),
        &|n| under("predictions", named(n)),
    ];
    for (request, answer) in requests.iter().flat_map(|r| answers.iter().map(move |a| (r, a))) {
        for of in [vec![1], vec![2], vec![3], vec![1, 2, 3], vec![3, 1]] {
            for output_first in [true, false] {
                let text: String = of.iter().map(|&n| capture(&request(n), &answer(n), "")).collect();
                let parts = Captured { output_first, ..Captured::default() };
                let found = captured(&text, |source| source.format = Some(Format::Capture(parts.clone())));
                let expected: Vec<String> = of
                    .iter()
                    .flat_map(|&n| 0..n)
                    .map(|row| match output_first {
                        true => format!("{}|1{row}|2{row}", score(row)),
                        false => format!("1{row}|2{row}|{}", score(row)),
                    })
                    .collect();
                assert_eq!(found.short(), expected, "{text}: {:?}", found.account.examples);
                assert_eq!(found.names.len(), 3, "{text}");
            }
        }
    }
}

/// A list of values is one row, and as many where there is an answer for each: a request of rows of one value.
#[test]
fn a_list_of_values_is_a_row_for_each_answer() {
    let rows = ["0.1|1", "0.2|2", "0.3|3"];
    for request in ["[1,2,3]", "{\"instances\": [1,2,3]}"] {
        for answer in [
            "0.1\n0.2\n0.3",
            "[[0.1],[0.2],[0.3]]",
            "{\"predictions\": [{\"s\":0.1},{\"s\":0.2},{\"s\":0.3}]}",
        ] {
            let found = captured(&capture(request, answer, ""), |_| {});
            assert_eq!(found.short(), rows, "{request} {answer} {:?}", found.account.examples);
        }
        // One answer of three values.
        let found = captured(&capture(request, "[0.1,0.2,0.3]", ""), |_| {});
        assert_eq!(found.short(), ["0.1|0.2|0.3|1|2|3"], "{request}");
        let found = captured(&capture(request, "[[0.1],[0.2]]", ""), |_| {});
        assert!(
            found.account.examples[0].ends_with("1 input row, 2 output rows"),
            "{:?}",
            found.account.examples
        );
    }
    // A line of CSV is a row.
    assert_eq!(captured(&capture("1,2,3", "0.1\n0.2\n0.3", ""), |_| {}).account.bad, 1);
}

#[test]
fn an_answer_with_other_keys_beside_its_list_is_one_row_and_told() {
    let answer = "{\"predictions\": [0.1, 0.2], \"model\": \"v1\"}";
    let found = captured(&capture("[[1,2],[3,4]]", answer, ""), |_| {});
    assert_eq!(found.account.bad, 1);
    let told = "2 input rows, 1 output row: the output is an object of several keys, which is one row, although its `predictions` \
                has 2 values";
    assert!(found.account.examples[0].ends_with(told), "{:?}", found.account.examples);
    let one = captured(&capture("[[1,2]]", answer, ""), |_| {});
    assert_eq!((one.rows.len(), one.names.len()), (1, 5));
}

#[test]
fn a_table_with_another_delimiter_or_in_one_object_is_told() {
    for (format, text, told) in [
        (CSV, "a;b\n1;2\n3;4\n", "values separated by `;`"),
        (CSV, "a;b\n1,5;2\n3,5;4\n", "values separated by `;`"),
        (Format::Csv { header: false }, "1\t2\n3\t4", "values separated by tabs"),
        (CSV, "[\"a\", 1]\n[\"b\", 2]\n", "looks like JSON Lines"),
        (Format::Csv { header: false }, "[0.1,0.9]\n[0.2,0.8]\n", "looks like JSON Lines"),
        (CSV, "a|b\r\n1|2\r\n", "values separated by `|`"),
        (Format::JsonLines, r#"{"a":{"0":1,"1":2},"b":{"0":3,"1":4}}"#, "orient=\"columns\""),
        (Format::Json, "1,2\n3,4\n", "if it is CSV"),
        (Format::Json, "a,b\n3,4\n", "if it is CSV"),
        (Format::Json, r#"{"columns":["a"],"index":[0,1],"data":[[1],[2]]}"#, "orient=\"split\""),
    ] {
        let found = found(format, text);
        assert!(found.account.warnings.join("\n").contains(told), "{text}: {:?}", found.account.warnings);
    }
    for (format, text) in [
        (CSV, "a,b\n1;2,3\n"),
        (CSV, "a\n1\n"),
        (CSV, "text\nx;y\nz\n"),
        (Format::JsonLines, "{\"a\":{\"x\":1}}\n"),
        (Format::Json, "[1, 2]"),
        (Format::Json, "[[1, 2], [3, 4]]"),
    ] {
        assert_eq!(found(format, text).account.warnings, [""; 0], "{text}");
    }
}

/// Lists of texts without blanks cannot be cut as CSV.
#[test]
fn a_header_row_that_is_a_list_is_told_as_json() {
    for format in [Some(CSV), None] {
        let files = [("x.csv", &b"[\"a\",\"b\"]\n[\"c\",\"d\"]\n"[..])];
        let problem = try_read(CSV, &files, |source| source.format.clone_from(&format)).err().unwrap();
        assert_eq!(problem.code(), &codes::BAD_RECORD);
        assert!(problem.to_string().contains("looks like JSON Lines"), "{problem}");
    }
}

#[test]
fn a_path_that_finds_nothing_is_told() {
    let setting = r#"[{"path": {"city": "address.city", "street": "adress.street"}}]"#;
    let preparation = crate::monitor::columns::parse(setting).unwrap();
    let text = "{\"address\": {\"city\": null, \"street\": \"a\"}}\n{\"address\": {\"city\": \"x\", \"street\": \"a\"}}\n";
    let (folder, stop) = (tempfile::tempdir().unwrap(), Stop::default());
    fs::write(folder.path().join("x.jsonl"), text).unwrap();
    let mut source = Source::new(folder.path(), &stop);
    source.format = Some(Format::JsonLines);
    source.preparation = Some(&preparation);
    let (_, account) = read(&source, &mut |block, _| Ok(block)).unwrap();
    let told: Vec<&String> = account.warnings.iter().filter(|told| told.contains("finds nothing")).collect();
    assert!(told.len() == 1 && told[0].contains("`path` of `street`"), "{:?}", account.warnings);
}

#[test]
fn lists_in_square_brackets_are_rows_under_the_tag_of_csv() {
    let record = |input: &str, output: &str| {
        let side = |text: &str| serde_json::json!({"observedContentType": "text/csv", "data": text, "encoding": "CSV"});
        let sides = serde_json::json!({"endpointInput": side(input), "endpointOutput": side(output)});
        format!("{}\n", serde_json::json!({"captureData": sides}))
    };
    let text = [
        record("20,a", "[0.1, 0.9]"),
        record("21,b\n22,c", "[0.2, 0.8],[0.3,0.7]"),
        record("[[23,\"d\"],[24,\"e\"]]", "[0.4 0.6]\n[0.5 0.5]"),
        record("25,f", "[0.1,0.2],[0.3,0.4]"),
    ]
    .concat();
    let found = captured(&text, |_| {});
    assert_eq!(
        found.short(),
        ["0.1|0.9|20|a", "0.2|0.8|21|b", "0.3|0.7|22|c", "0.4|0.6|23|d", "0.5|0.5|24|e"]
    );
    assert!(found.account.examples[0].contains("1 input row, 2 output rows"), "{:?}", found.account.examples);
}

#[test]
fn a_bad_record_brings_no_column_and_takes_no_other_along() {
    let text = "{\"a\": 1}\n{\"a\": 2, \"zz\": 3,}\n{\"a\": 4, \"y\": {\"z\": oops}}\n{\"a\": 5}";
    let list = "[\n{\"a\": 1},\n{\"a\": \"x},\n{\"a\": 5},\n{\"a\": 4, \"b\": }\n]";
    for (text, bad) in [(text, 2), (list, 2)] {
        for format in [Format::JsonLines, Format::Json] {
            let found = found(format, text);
            assert_eq!(
                (found.names.join(","), found.short()),
                ("a".into(), vec!["1".into(), "5".into()]),
                "{text}"
            );
            assert_eq!(found.account.bad, bad, "{text}: {:?}", found.account.examples);
        }
    }
}

#[test]
fn a_null_among_the_rows_of_a_document_costs_itself_in_every_file() {
    let files: [(&str, &[u8]); 3] =
        [("1", b"[null,{\"a\":1}]"), ("2", b"{\"rows\":[{\"a\":2},5]}"), ("3", b"[{\"a\":3}")];
    for format in [Format::Json, Format::JsonLines] {
        // As lines the second file is one object.
        let is_lines = format == Format::JsonLines;
        let found = try_read(format.clone(), &files, |_| {}).unwrap();
        let expected = if is_lines { vec!["1|-", "-|[{\"a\":2},5]", "3|-"] } else { vec!["1", "2", "3"] };
        assert_eq!(found.short(), expected);
        assert_eq!(found.account.bad, if is_lines { 2 } else { 3 });
        assert_eq!(found.account.records, found.account.rows + found.account.bad);
        let named = found.account.examples.join("\n");
        assert!(named.contains("null, expected an object") && named.contains("ends early"), "{named}");
        let stopped = try_read(format, &files, |source| source.strict = true).err().unwrap();
        assert_eq!(stopped.code(), &codes::BAD_RECORD);
    }
}

#[test]
fn a_null_among_the_rows_of_a_payload_costs_its_record() {
    let rows = |text: &str| [text, &text.replace(',', " , "), &text.replace("null", "7")].map(String::from);
    let lines = "{\"x\":1}\nnull\n{\"x\":3}";
    let list = rows("{\"instances\":[{\"x\":1},null,{\"x\":3}]}");
    let bare = rows("[{\"x\":1},{\"x\":3},null]");
    let lists = rows("{\"instances\":[[1,2],null,[3,4]]}");
    let good = capture("{\"instances\":[{\"x\":1}]}", "{\"predictions\":[1]}", "");
    for input in list.iter().chain(&bare).chain(&lists).map(String::as_str).chain([lines]) {
        let kind = "application/json";
        let mut bad = capture(input, "{\"predictions\":[1,2,3]}", "");
        if input == lines {
            bad = bad.replacen(kind, "application/jsonlines", 1);
        }
        let found = captured(&[good.clone(), bad].concat(), |_| {});
        assert_eq!(
            (found.names.join(","), found.short()),
            ("predictions_0,x".into(), vec!["1|1".to_string()])
        );
        let named = found.account.examples.join("\n");
        assert!(
            named.contains("input: row ") && named.contains(" of 3: ") && named.contains(", expected a"),
            "{named}"
        );
    }
    let answer = capture("[{\"x\":1},{\"x\":2}]", "{\"predictions\":[{\"s\":1},null]}", "");
    assert!(captured(&answer, |_| {}).account.examples[0].contains("output: row 2 of 2"));
    // A score alone may be missing.
    let score = capture("[{\"x\":1},{\"x\":2}]", "{\"predictions\":[0.5,null]}", "");
    assert_eq!(captured(&score, |_| {}).short(), ["0.5|1", "-|2"]);
}

/// Answers and requests with any of four names: every value is in the row, whatever the names.
#[test]
fn a_name_that_two_payloads_have_loses_neither_value() {
    let names = ["a", "b", "input.a", "output.a"];
    let object = |choice: usize, first: usize| {
        let chosen = names.iter().enumerate().filter(|(at, _)| choice >> at & 1 == 1);
        chosen.map(|(at, name)| (name.to_string(), (first + at).into())).collect::<serde_json::Map<_, _>>()
    };
    for output_first in [true, false] {
        for (output, input) in (1..16).flat_map(|output| (1..16).map(move |input| (output, input))) {
            let (answer, request) = (object(output, 10), object(input, 20));
            let text = capture(
                &serde_json::Value::from(request.clone()).to_string(),
                &serde_json::Value::from(answer.clone()).to_string(),
                "",
            );
            let parts = Captured { output_first, ..Captured::default() };
            let found = captured(&text, |source| source.format = Some(Format::Capture(parts.clone())));
            let mut values: Vec<String> = found.rows[0].iter().flatten().cloned().collect();
            let mut expected: Vec<String> =
                answer.values().chain(request.values()).map(|v| v.to_string()).collect();
            values.sort();
            expected.sort();
            assert_eq!(values, expected, "{text}");
            let doubled = answer.keys().any(|key| request.contains_key(key));
            assert_eq!(!found.account.warnings.is_empty(), doubled, "{text}");
        }
    }
    let text = capture("{\"score\":0.9,\"x\":1}", "{\"score\":0.5}", "");
    let found = captured(&text.repeat(3), |_| {});
    assert_eq!(
        (found.names.join(","), found.short()[0].as_str()),
        ("score,input.score,x".into(), "0.5|0.9|1")
    );
    let told = &found.account.warnings[0];
    for part in ["`score` stands in two payloads", "the column `input.score`", "3 rows", "x.jsonl, line 1"] {
        assert!(told.contains(part), "{told}");
    }
    // CSV beside JSON, whose cells have no names of their own.
    let text = capture("{\"_c0\":7}", "0.5", "");
    assert_eq!(captured(&text, |_| {}).short(), ["0.5|7"]);
}

#[test]
fn a_name_that_stands_twice_in_an_object_is_told() {
    for (text, row) in [
        ("{\"a\":3,\"a\":4}", "4"),
        ("{\"a\":3,\"\\u0061\":null}", "-"),
        ("{\"a\":{\"b\":1},\"a.b\":2}", "2"),
        ("{\"a\":[1,2],\"a_0\":9}", "9|2"),
        ("{\"a\":{\"b\":1,\"b\":2}}", "2"),
        ("{\"a\":{\"b\":{\"c\":1}},\"a.b\":{\"c\":2}}", "2"),
        ("{\"a\":1,\"b\":{\"a\":2}}", "1|2"),
    ] {
        for format in [Format::Json, Format::JsonLines] {
            let found = found(format, text);
            assert_eq!(found.short(), [row], "{text}");
            let told = found.account.warnings.join("\n");
            assert_eq!(told.contains("stands twice in an object"), row != "1|2", "{text}: {told}");
        }
    }
    // A record that is left out says nothing.
    let bad = found(Format::JsonLines, "{\"a\":1}\n{\"a\":3,\"a\":oops}");
    assert_eq!(bad.account.warnings.len(), 1);
}

#[test]
fn a_path_takes_no_value_away_without_a_word() {
    let text = "[{\"path\": {\"city\": \"at.city\"}}]";
    let preparation: &'static _ = Box::leak(Box::new(crate::monitor::columns::parse(text).unwrap()));
    let read = |input: &str, output: &str, output_first| {
        captured(&capture(input, output, ""), |source| {
            source.preparation = Some(preparation);
            source.format = Some(Format::Capture(Captured { output_first, ..Captured::default() }));
        })
    };
    for output_first in [true, false] {
        let found = read("{\"at\":{\"city\":\"Oslo\"}}", "{\"s\":1}", output_first);
        let at = found.names.iter().position(|name| name == "city").unwrap();
        assert_eq!((found.rows[0][at].as_deref(), found.account.warnings.len()), (Some("Oslo"), 0));
        // The path finds nothing, and the data have the name.
        let found = read("{\"city\":\"Bergen\"}", "{\"s\":1}", output_first);
        let at = found.names.iter().position(|name| name == "city").unwrap();
        assert_eq!((found.rows[0][at].as_deref(), found.account.warnings.len()), (Some("Bergen"), 1));
        assert!(found.account.warnings[0].contains("`path` of `city` finds nothing"));
    }
    let found = read("{\"city\":1,\"at\":{\"city\":2}}", "{\"s\":1}", true);
    assert!(found.short()[0].contains('2'));
    assert!(found.account.warnings[0].contains("`path` of `columns` makes a column `city`"));
}

/// The entries of `columns` work one behind the other, also on a column that a later one leaves out.
#[test]
fn what_cannot_be_cast_costs_its_row_although_the_column_is_dropped_later() {
    for (columns, expected) in [
        (r#"[{"cast": {"b": "integer"}}, {"drop": ["b"]}]"#, vec!["1", "4"]),
        (r#"[{"cast": {"b": "integer"}}, {"keep": ["a"]}]"#, vec!["1", "4"]),
        (r#"[{"split": "b", "at": "-", "into": ["c", "d"]}, {"keep": ["a"]}]"#, vec!["2"]),
        (
            r#"[{"null": ["x-y"], "column": "b"}, {"cast": {"b": "integer"}}, {"drop": ["b"]}]"#,
            vec!["1", "2", "4"],
        ),
        (r#"[{"drop": ["b"]}]"#, vec!["1", "2", "3", "4"]),
    ] {
        let preparation: &'static _ = Box::leak(Box::new(crate::monitor::columns::parse(columns).unwrap()));
        let csv = "a,b\n1,5\n2,x-y\n3,1.5\n4,6\n";
        let json = "{\"a\":1,\"b\":5}\n{\"a\":2,\"b\":\"x-y\"}\n{\"a\":3,\"b\":1.5}\n{\"a\":4,\"b\":6}\n";
        for (format, text) in [(CSV, csv), (Format::JsonLines, json)] {
            let files: [(&str, &[u8]); 1] = [("data", text.as_bytes())];
            let found = try_read(format, &files, |source| source.preparation = Some(preparation)).unwrap();
            assert_eq!(
                (found.short(), found.names.join(",")),
                (expected.iter().map(|row| row.to_string()).collect(), "a".to_string()),
                "{columns}"
            );
            assert_eq!(found.account.bad as usize, 4 - expected.len());
        }
    }
}

#[test]
fn a_window_includes_its_start_and_not_its_end() {
    let at = |time: &str| capture("1,2", "0", &format!(", \"inferenceTime\": \"{time}\""));
    let text = [
        at("2024-03-18T12:59:59.999Z"),
        at("2024-03-18T13:00:00Z"),
        at("2024-03-18T15:30:00.5+02:00"),
        at("2024-03-18T14:00:00Z"),
        capture("3,4", "0", ""),
        at("yesterday"),
    ]
    .concat();
    let window = ("2024-03-18T13:00:00Z".parse().unwrap(), "2024-03-18T14:00:00Z".parse().unwrap());
    let found = captured(&text, |source| source.window = Some(window));
    assert_eq!(found.short(), ["0|1|2", "0|1|2", "0|3|4"]);
    assert_eq!((found.account.outside, found.account.bad), (2, 1));
}

#[test]
fn records_that_lack_a_part_are_left_out() {
    let no_output = "{\"captureData\": {\"endpointInput\": {\"data\": \"1,2\", \"encoding\": \"CSV\"}}}\n";
    let base64 = "{\"captureData\": {\"endpointInput\": {\"data\": \"MSwy\", \"encoding\": \"BASE64\"}, \
                  \"endpointOutput\": {\"data\": 7, \"encoding\": \"CSV\"}}}\n";
    let batch =
        "{\"captureData\": {\"batchTransformOutput\": {\"data\": \"7,1,2\", \"encoding\": \"CSV\"}}}\n";
    let text = [no_output, base64, batch, "{\"other\": 1}\n"].concat();
    let found = captured(&text, |_| {});
    assert_eq!(found.short(), ["7|1|2", "7|1|2"]);
    let reasons = found.account.examples.join("\n");
    assert!(
        reasons.contains("`endpointOutput` is missing") && reasons.contains("`captureData` is missing"),
        "{reasons}"
    );
    let input = Captured { output: false, ..Captured::default() };
    let only = captured(no_output, |source| source.format = Some(Format::Capture(input.clone())));
    assert_eq!(only.short(), ["1|2"]);
}

#[test]
fn a_limit_ends_the_reading_and_nothing_gives_nothing() {
    let text = capture("1,2", "0", "").repeat(10);
    assert_eq!(captured(&text, |source| source.limit = Some(3)).rows.len(), 3);
    let nothing = try_read(CSV, &[("_x", b"a\n1\n")], |_| {}).unwrap();
    assert_eq!((nothing.rows.len(), nothing.account.records), (0, 0));
}

proptest! {
    /// Whatever the bytes are, nothing panics and every row is as wide as the table.
    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(
        prop_oneof![Just(b'"'), Just(b','), Just(b'\n'), Just(b'\r'), Just(b'{'), Just(b'}'), Just(b':'), Just(b'['),
                    Just(b']'), Just(b'\\'), Just(0xff), Just(b'1'), Just(b' '), any::<u8>()], 0..200)) {
        for format in [CSV, Format::Csv { header: false }, Format::JsonLines, Format::Json, Format::Capture(Captured::default())] {
            let Ok(found) = try_read(format, &[("x", &bytes)], |_| {}) else { continue };
            prop_assert!(found.rows.iter().all(|row| row.len() == found.names.len()));
            prop_assert_eq!(found.account.rows, found.rows.len() as u64);
        }
    }
}

#[test]
fn a_path_that_is_a_file_is_read_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.csv");
    fs::write(&path, "a\n1\n").unwrap();
    assert_eq!(files(&path).unwrap().files[0].relative, Path::new("x.csv"));
}
