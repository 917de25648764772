//! What small texts give, record by record, where one rule of the reader alone decides: in one piece, and in pieces of any size.

#[path = "support/merge_pieces.rs"]
mod merge_pieces;

use merge_job::record::{Bad, Captures};
use merge_pieces::in_pieces;

const TIME: &str = "2024-01-19T19:25:34Z";

/// Each record as its line and `ok` with its data, or why it is bad.
fn told(text: &[u8], size: usize, longest: usize) -> Vec<String> {
    let one = |(line, what): (u64, Result<String, Bad>)| match what {
        Ok(body) => {
            let (_, rest) = body.split_once("\"data\":\"").unwrap();
            let (data, _) = rest.split_once("\",\"encoding\"").unwrap();
            format!("{line} ok {data}")
        }
        Err(bad) => format!("{line} {bad:?}"),
    };
    in_pieces(Captures, text, &[size], longest).into_iter().map(one).collect()
}

/// `@` in the text stands for a time, `?` for a byte that is no UTF-8.
#[track_caller]
fn check(text: &str, longest: usize, expected: &[&str]) {
    let mut bytes = text.replace('@', TIME).into_bytes();
    bytes.iter_mut().filter(|byte| **byte == b'?').for_each(|byte| *byte = 0xff);
    for size in [usize::MAX, 1, 2, 3, 5, 8, 13, 21, 34] {
        assert_eq!(told(&bytes, size, longest), expected, "pieces of {size}: {text:?}");
    }
}

#[test]
fn a_row_that_is_no_text_is_named_with_the_column() {
    check("1,2,a,@\n34,5?6,b,@\n", 1 << 20, &["1 ok 1,2", "2 NotUtf8 { column: 5 }"]);
}

#[test]
fn what_stands_behind_damage_in_its_line_counts_where_it_begins_a_value() {
    for (text, expected) in [
        // The damaged value ends with its brackets.
        ("{1}x", &["1 Malformed { column: 2 }", "1 NotJson"][..]),
        // What only begins as a record is part of the damage before it, which is counted.
        ("t{\"captureData\"", &["1 NotABatchRow"]),
        (
            "9{\"groundTruthData\"{\"captureData\":{\"\":\"\"}}",
            &["1 NotABatchRow", "1 Missing { field: \"eventMetadata\" }"],
        ),
        // A line that begins with a brace is read on from there, one that is indented deeper is not.
        ("{\n{", &["1 Malformed { column: 3 }", "2 Malformed { column: 2 }"]),
        ("{\n\r{\"", &["1 Malformed { column: 4 }"]),
        (
            "{}{\"\"\"\"\"\"\n  {",
            &[
                "1 Missing { field: \"captureData\" }",
                "1 Malformed { column: 6 }",
                "2 Malformed { column: 4 }",
            ],
        ),
    ] {
        check(text, 1 << 20, expected);
    }
}

#[test]
fn what_begins_as_json_is_a_row_only_where_it_ends_as_one() {
    for (text, expected) in [
        ("[{,\"\"8,@", &["1 BrokenRow"][..]),
        (
            "]{\"captureData\":{\"\":\"\",\"\":\"\"}},@",
            &["1 Missing { field: \"eventMetadata\" }", "1 NotJson"],
        ),
        ("[\"\"\"\"],\"\n\"", &["1 NotJson"]),
    ] {
        check(text, 1 << 20, expected);
    }
}

#[test]
fn rows_that_end_with_carriage_returns_begin_behind_one_and_have_lines_of_their_own() {
    for (text, expected) in [
        ("\r7,@", &["1 NoPayload"][..]),
        // The return of a line feed is no line end of its own.
        (",1,@\r{\"\"[]}\r\n\"", &["1 ok ", "2 Malformed { column: 4 }", "3 NotABatchRow"]),
        ("Z\r\"\"x\n,4,@\r", &["1 NotABatchRow", "2 HalfRow"]),
    ] {
        check(text, 1 << 20, expected);
    }
}

/// Lines that are none and the row behind them: whether that is the end of one row over all of them.
#[test]
fn a_row_behind_lines_that_are_none_is_half_a_row_or_is_counted_with_them() {
    for (text, expected) in [
        // As wide as the file's rows without the lines before it.
        (",\n,,9,@\n,,,9,@", &["2 HalfRow", "3 ok ,,"][..]),
        // An object that is no record closes no bracket of a row.
        (
            ",,4,@\n{\"\":{\"\":\"\",\"\":\"\",\"\":\"\"}}\n,\"\",8,@",
            &["1 ok ,", "2 Missing { field: \"captureData\" }", "3 HalfRow"],
        ),
        // Lines that were counted, and as many cells as are lacking.
        (
            ",,,8,@\r\",2,@\n{\"\"\"\"\"\"\"\"\"\"\"\"},\n,,4,@",
            &["1 ok ,,", "2 NotABatchRow", "3 Malformed { column: 4 }"],
        ),
    ] {
        check(text, 1 << 20, expected);
    }
}

/// A line that is indented no deeper than the damage begins a record; where records may be short, much is damage.
#[test]
fn behind_damage_reading_goes_on_at_a_line_that_is_indented_no_deeper() {
    for longest in [60, 1 << 20] {
        let expected = ["1 Malformed { column: 5 }", "2 Malformed { column: 3 }"];
        check(",{\"\"\"\"\"\"\"\n {", longest, &expected);
    }
    let text = "\"\n{ptureData\":{\"endpointInput\":'a': 1},i4,@\r\n,3,@";
    check(text, 60, &["1 BrokenRow", "2 Malformed { column: 2 }"]);
}
