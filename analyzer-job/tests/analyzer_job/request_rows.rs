//! The rows of a request are the same ones to every monitor: beside records of as many answers and labels one with fewer of both
//! is left out, at every place, in one run and in parts.

use super::one_line::{CAPTURES, MONITORS, in_parts, numbers, of_two, record, tree};

fn sound() -> Vec<String> {
    (0..40).map(|number| of_two(number, |[one, two]| format!("{one}\n{two}\n"))).collect()
}

/// So many records of these rows of requests, answers and labels.
fn records(number: usize, [input, output, truth]: [&str; 3]) -> Vec<String> {
    (0..number).map(|n| record(&format!("odd{n}"), input, output, truth)).collect()
}

#[test]
fn a_request_has_the_same_rows_to_every_monitor() {
    let two = Some(["1,3\n0,4", "1\n0", "0\n1"]);
    for (number, odd, used) in [
        // An empty line is no row.
        (2, ["1,3\n0,4\n\n", "1\n0\n", "0\n1\n"], two),
        (2, ["\n1,3\r\n\r\n0,4", "\n1\n0\n", "\n0\n1\n"], two),
        // A row is lost in both.
        (1, ["unknown,unknown\n1,3\n0,4", "1\n0", "0\n1"], None),
        (1, ["unknown,unknown\n1,3\n0,4", "\n1\n0", "0\n1\n"], None),
        (3, ["0,3\n1,3\n0,4", "1\n0", "0\n1"], None),
        (3, ["1,3\n0,4", "1", "1"], None),
        // Or is there once more.
        (3, ["1,3\n0,4", "1\n0\n0", "0\n1\n0"], None),
        // The names of the columns, where most have them.
        (60, ["sex,n\n1,3\n0,4", "1\n0", "0\n1"], two),
        // Documents of several rows.
        (1, ["[[1,3],[0,4]]", "1\n0", "0\n1"], two),
        (
            3,
            ["[[1,3],[0,4]]\n[[1,2],[0,1]]", "1\n0\n1\n1", "0\n1\n0\n0"],
            Some(["1,3\n0,4\n1,2\n0,1", "1\n0\n1\n1", "0\n1\n0\n0"]),
        ),
        (3, ["[[1,3],[0,4]]\n[[1,2],[0,1]]", "1\n0\n1", "0\n1\n0"], None),
    ] {
        for settings in &MONITORS[..2] {
            let settings = [settings, &[CAPTURES][..]].concat();
            let expected = tree(&[[used.map_or(Vec::new(), |used| records(number, used)), sound()].concat()]);
            expected.succeed(&settings);
            let odd = records(number, odd);
            for files in [
                [odd.clone(), sound()],
                [sound(), odd.clone()],
                [[&sound()[..7], &odd].concat(), sound()[7..].to_vec()],
            ] {
                let found = tree(&files);
                let run = found.succeed(&settings);
                assert_eq!(numbers(&found), numbers(&expected), "{settings:?} {odd:?}");
                assert_eq!(run.log.contains("event odd0"), used.is_none(), "{}", run.log);
                in_parts(&found, &settings, &expected);
            }
        }
    }
}

/// Rows that are lost beside header rows cost their record as well.
#[test]
fn quality_leaves_odd_records_out_beside_header_rows() {
    let settings = [MONITORS[1], &[CAPTURES]].concat();
    let headed = records(60, ["sex,n\n1,3\n0,4\n1,5", "1\n0\n1", "0\n1\n1"]);
    for odd in [["sex,n\n1,3\n0,4", "\n1", "1\n"], ["sex,n\n1,3\n0,4\n1,5", "1", "1"]] {
        for files in [[headed.clone(), records(3, odd)], [records(3, odd), headed.clone()]] {
            let found = tree(&files);
            found.succeed(&settings);
            let items = found.result("statistics.json")["dataset"]["item_count"].clone();
            assert_eq!(items, 180, "{odd:?}");
        }
    }
    // Texts that stand first in whole records too.
    let whole = records(97, ["f,x\nm,y\nf,y", "1\n0\n1", "0\n1\n1"]);
    let found = tree(&[[whole, records(3, ["f,x\nm,y\nf,y", "\n1\n0", "0\n1\n"])].concat()]);
    found.succeed(&settings);
    assert_eq!(found.result("statistics.json")["dataset"]["item_count"], 291);
}

/// A model may answer several lines once, or one line several times: then most records are so.
#[test]
fn quality_counts_answers_where_most_requests_have_other_rows() {
    let settings = [MONITORS[1], &[CAPTURES]].concat();
    for (odd, rows) in [
        (["1,3\n0,4", "1", "1"], 1),
        (["first line\nsecond line", "1", "1"], 1),
        (["1,3", "1\n0\n1", "1\n0\n0"], 3),
        (["a,b\n1,3\n0,4", "1\n0", "1\n0"], 2),
        ([",a,b\n0,1,3\n1,0,4", "1\n0", "1\n0"], 2),
        (["0,1\n1,3\n0,4", "1\n0", "1\n0"], 2),
    ] {
        let found = tree(&[[records(60, odd), sound()].concat()]);
        found.succeed(&settings);
        let items = found.result("statistics.json")["dataset"]["item_count"].clone();
        assert_eq!(items, 60 * rows + 80, "{odd:?}");
    }
}
