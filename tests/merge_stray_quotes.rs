//! Damage among rows of a batch transform whose unquoted cells have quotes, and rows of other kinds: it costs few rows, and
//! each row that it costs is counted.

#[path = "support/merge_found.rs"]
mod merge_found;
#[path = "support/merge_pieces.rs"]
mod merge_pieces;
#[path = "support/merge_plain_rows.rs"]
mod merge_plain_rows;

use std::collections::BTreeSet;

use merge_found::found;
use merge_plain_rows::{TIME, as_one_line, as_one_row, last_two, rests_behind_a_heading};

/// What stands before id and time; `#` stands for the number of the row.
const DATA: [&str; 15] = [
    "7,0.#",
    "pipe #\",0.5",
    "pipe 5\" x #\" y,0.5",
    "0.5,pipe #\"",
    "#, \"red car\", 0.5",
    "#, \"red, car\", 0.5",
    "#, \"red\"",
    "he said \"no #\",0.5",
    "<a href=\"x#\">y</a>,1",
    "#,\"red, car\",0.5",
    "\"say \"\"hi\"\" #\",0.5",
    "\"left\nright\",0.#",
    "{\"q\": \"a, b\", \"p\": 0.#},1",
    "[\"a\",\"#\"],it\"s",
    "{\"p\": 0.#},pipe 5\" long",
];
const ROWS: usize = 12;
/// Rows behind damage with quotes that may be lost with it.
const LOST: usize = 3;

fn rows(data: &str) -> Vec<String> {
    (0..ROWS).map(|n| format!("{},i{n},{TIME}", data.replace('#', &(n % 10).to_string()))).collect()
}

fn text_of<'a>(lines: impl IntoIterator<Item = &'a str>) -> String {
    lines.into_iter().flat_map(|line| [line, "\n"]).collect()
}

#[test]
fn json_that_is_cut_costs_itself_and_at_most_the_row_behind_which_is_counted() {
    for json in [
        "{\"error\": \"timeout at 5\\\" pipe, \\\\ again\", \"code\": [1, {\"a\": null}], \"b\": {\"c\": \"\"}}",
        "{\"predictions\": [0.1, 0.2], \"a\":[\"x\",\"y\"]}",
        "{\"captureData\":{\"endpointOutput\":{\"data\":\"1,2\"}},\"eventMetadata\":{\"x\":\"e\"}}",
        "[{\"error\": \"no, 5\\\" pipe\"}, [1, \"a\"], 0.5]",
        "[\"a, b\", 2]",
        "[1,\"a, b\",\"c\",[2,\"d\"]]",
        "{'a': 1,\"b\",\"c\"}",
    ] {
        for (data, cut) in DATA.iter().flat_map(|data| (1..json.len()).map(move |cut| (data, cut))) {
            let rows = rows(data);
            for place in [0, 1, ROWS / 2, ROWS - 1, ROWS] {
                let mut lines: Vec<&str> = rows.iter().map(String::as_str).collect();
                lines.insert(place, &json[..cut]);
                let text = text_of(lines.iter().copied());
                let (good, bad) = found(&text);
                let is_found = |n: usize| good.contains(&as_one_line(&rows[n], n).unwrap());
                let line_of = |n: usize| 1 + text_of(lines[..n].iter().copied()).lines().count() as u64;
                let next = line_of(place + 1);
                for n in (0..ROWS).filter(|n| *n != place) {
                    assert!(is_found(n), "row {n} is not found in {text:?}: {bad:?}");
                }
                let is_next_counted = place == ROWS || is_found(place) != bad.contains(&next);
                assert!(is_next_counted, "the row behind is not counted in {text:?}: {bad:?}");
                assert!(good.len() <= ROWS, "{text:?}");
                assert!(bad.iter().all(|line| [line_of(place), next].contains(line)), "{text:?}: {bad:?}");
                assert!(json[..cut] == *"[" || bad.contains(&line_of(place)), "{text:?}: {bad:?}");
            }
        }
    }
}

#[test]
fn a_damaged_row_or_a_heading_costs_no_more_than_three_rows_behind() {
    for data in DATA {
        let rows = rows(data);
        for place in [0, 1, 5, ROWS - 1] {
            let row = &rows[place];
            let ends = (0..=row.len()).filter(|at| row.is_char_boundary(*at));
            let mut damages: BTreeSet<String> = ends.clone().map(|at| row[..at].to_string()).collect();
            damages.extend(ends.clone().map(|at| row[at..].to_string()));
            damages.extend(ends.clone().map(|at| format!("{}\"{}", &row[..at], &row[at..])));
            damages.extend(row.match_indices('"').map(|(at, _)| format!("{}{}", &row[..at], &row[at + 1..])));
            damages
                .extend(["width (\"),score", "id, \"colour, score", "\"", "\"x", "x\"y"].map(String::from));
            for damaged in damages {
                let lines = (0..ROWS).map(|n| if n == place { &damaged } else { &rows[n] }.as_str());
                let text = text_of(lines);
                let (good, bad) = found(&text);
                for n in (0..place).chain(place + 1 + LOST..ROWS) {
                    let whole = as_one_line(&rows[n], n).unwrap();
                    assert!(good.contains(&whole), "row {n} is not found in {text:?}: {bad:?}");
                }
                let mut allowed: BTreeSet<_> = (0..ROWS).filter_map(|n| as_one_line(&rows[n], n)).collect();
                allowed.extend(as_one_row(&damaged).or_else(|| last_two(&damaged)));
                allowed.extend(rests_behind_a_heading(&damaged));
                // Its quotes and those of a row behind may work out together.
                let behind = rows.iter().skip(place + 1);
                allowed.extend(
                    behind
                        .scan(damaged.clone(), |joined, row| {
                            *joined = format!("{joined}\n{row}");
                            Some(as_one_row(joined))
                        })
                        .flatten(),
                );
                let half = good.difference(&allowed).next();
                assert!(half.is_none(), "{half:?} is no row of {text:?}: {bad:?}");
                assert!(bad.len() <= damaged.lines().count() + LOST, "{text:?}: {bad:?}");
            }
        }
    }
}

#[test]
fn an_object_that_would_be_a_bad_record_is_passed_once_where_its_row_is_broken() {
    for object in [
        "{\"captureData\":{},\"eventMetadata\":5}",
        "{\"captureData\":{},\"eventMetadata\":{}}",
        "{\"captureData\":null,\"eventMetadata\":{\"eventId\":\"a\"}}",
        "{\"captureData\":5,\"eventMetadata\":{\"eventId\":[]}}",
        "{\"captureData\":{},\"eventMetadata\":{},\"groundTruthData\":5}",
        "{\"eventMetadata\":{\"eventId\":{}},\"captureData\":{}}",
        "{\"SageMakerInferenceId\":{},\"SageMakerInferenceTime\":5}",
        "{\"groundTruthData\":{\"data\":\"1\"},\"eventMetadata\":{\"eventId\":\"a\"}}",
    ] {
        for behind in ["\"b\"x", "\"b\"x,\"c\"", "7,\"b\"\"\" x"] {
            for row in [format!("{object},{behind}"), format!(" {object} ,{behind}")] {
                let text = format!("{row},i1,{TIME}\n7,i2,{TIME}\n");
                let (good, bad) = found(&text);
                assert_eq!((good, bad), (BTreeSet::from([("7".into(), "i2".into())]), vec![1]), "{text}");
            }
        }
    }
}
