//! The rows of a request are the same ones to every monitor: beside records of as many answers and labels one with fewer of both
//! is left out, at every place, in one run and in parts.

use serde_json::{Value, json};

use super::one_line::{CAPTURES, MONITORS, in_parts, numbers, of_two, record, tree};
use super::parts::{clear, folded, path, refused};
use crate::program::{CONFIG, Tree};

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
        // The names of the columns.
        (2, ["sex,n\n1,3\n0,4", "1\n0", "0\n1"], two),
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

/// A bias configuration whose requests have columns of these names, beside a label `y`.
fn config(names: &str) -> Value {
    let headers: Vec<&str> = names.split(',').chain(["y"]).collect();
    json!({
        "headers": headers, "label": "y", "label_values_or_threshold": [1],
        "facet": [{"name_or_index": headers[0], "value_or_threshold": [1]}],
        "methods": {"post_training_bias": {"methods": ["DPPL", "DI", "AD"]}},
    })
}

/// The same with requests of columns of these names.
fn named(names: &str, files: &[Vec<String>]) -> Tree {
    let tree = tree(files);
    tree.config(&config(names));
    tree
}

fn items(tree: &Tree) -> Value {
    tree.result("statistics.json")["dataset"]["item_count"].clone()
}

#[test]
fn a_row_of_the_names_in_headers_is_no_row_wherever_it_stands() {
    const ROWS: [&str; 2] = ["1\n0", "0\n1"];
    // Whatever they are: numbers too, which no other rule takes for names.
    for names in ["g,n", "2019,2020"] {
        let upper = names.to_uppercase();
        for (lines, [output, truth], is_used) in [
            (format!("{names}\n1,3\n0,4"), ROWS, true),
            (format!(" {upper} \n1,3\n0,4"), ROWS, true),
            (format!("{names},y\n1,3\n0,4"), ROWS, true),
            (format!("{names}\n{names}\n1,3\n0,4"), ROWS, true),
            (format!("1,3\n{names}\n0,4"), ROWS, true),
            (format!("1,3\n0,4\n{names}"), ROWS, true),
            // With an answer to the names as well.
            (format!("{names}\n1,3\n0,4"), ["1\n0\n1", "0\n1\n1"], false),
            (names.to_string(), ["1", "1"], false),
            (format!("{names}\n{names}\n1,3\n0,4"), ["1\n0\n1", "0\n1\n1"], false),
        ] {
            let odd = records(3, [&lines, output, truth]);
            let used = if is_used { records(3, ["1,3\n0,4", output, truth]) } else { Vec::new() };
            for settings in &MONITORS[..2] {
                let settings = [settings, &[CAPTURES][..]].concat();
                let expected = named(names, &[[used.clone(), sound()].concat()]);
                expected.succeed(&settings);
                for files in [[odd.clone(), sound()], [sound(), odd.clone()]] {
                    let found = named(names, &files);
                    let run = found.succeed(&settings);
                    assert_eq!(numbers(&found), numbers(&expected), "{settings:?} {lines:?}");
                    assert_eq!(run.log.contains("event odd0"), !is_used, "{}", run.log);
                    assert!(run.log.contains("are the names in `headers`"), "{}", run.log);
                }
                in_parts(&named(names, &[odd.clone(), sound()]), &settings, &expected);
            }
        }
    }
}

/// The values of a request below a header row have the columns that it names; segments leave it out as well.
#[test]
fn segments_are_those_of_the_rows_below_a_header_row() {
    let settings = [MONITORS[1], &["--segment-attributes=0", CAPTURES]].concat();
    let segments = |tree: &Tree| tree.result("model_quality_details.json")["groups"].clone();
    let plain = |n: usize| record(&format!("e{n}"), &format!("{},3\n0,4", n % 2), "1\n0", "0\n1");
    let expected = named("g,2020", &[(0..60).map(plain).collect()]);
    expected.succeed(&settings);
    for (names, [one, other]) in [("g,2020", [0, 1]), ("2020,g", [1, 0]), ("a,b", [0, 1])] {
        let headed = |n: usize| {
            let rows = [[(n % 2).to_string(), "3".into()], ["0".into(), "4".to_string()]];
            let rows = rows.map(|row| format!("{},{}", row[one], row[other]));
            record(&format!("e{n}"), &format!("{names}\n{}", rows.join("\n")), "1\n0", "0\n1")
        };
        let found = named("g,2020", &[(0..60).map(headed).collect()]);
        found.succeed(&settings);
        assert_ne!(segments(&found), Value::Null);
        assert_eq!((numbers(&found), segments(&found)), (numbers(&expected), segments(&expected)), "{names}");
    }
}

#[test]
fn model_quality_finds_the_names_in_the_configuration_of_the_bias_monitor() {
    const FOLDER: &str = "--analysis-config=/opt/ml/processing/input/monitors";
    let headed = records(3, ["g,2020\n1,3\n0,4", "1\n0", "0\n1"]);
    let with = |path: &str, text: &str| {
        let tree = tree(&[[headed.clone(), sound()].concat()]);
        std::fs::remove_file(tree.path(CONFIG)).unwrap();
        if !path.is_empty() {
            tree.file(path, text);
        }
        tree
    };
    let settings = [MONITORS[1], &[CAPTURES]].concat();
    let in_folder = [MONITORS[1], &[FOLDER, CAPTURES]].concat();
    let config = config("g,2020").to_string();
    for (path, text, settings, rows, told) in [
        (CONFIG, config.as_str(), &settings, 86, "are the names in `headers`"),
        (
            "processing/input/monitors/model-bias/analysis_config.json",
            &config,
            &in_folder,
            86,
            "the names in",
        ),
        ("", "", &settings, 80, "event odd0"),
        (CONFIG, "{", &settings, 80, "analysis configuration cannot be read"),
        (CONFIG, r#"{"headers": "g,2020"}"#, &settings, 80, "`headers` is no list of names"),
    ] {
        let found = with(path, text);
        let run = found.succeed(settings);
        assert_eq!(items(&found), rows, "{path} {text}");
        assert!(run.log.contains(told), "{told} is not in {}", run.log);
    }
    // Both in one run.
    let found = with("processing/input/monitors/model-bias/analysis_config.json", &config);
    found.succeed(&[
        "--analysis-type=MODEL_BIAS,MODEL_QUALITY",
        MONITORS[1][1],
        MONITORS[1][2],
        FOLDER,
        CAPTURES,
    ]);
    let bias = found.result("model-bias/bias_details.json")["run"]["rows"]["rows"].clone();
    let quality = found.result("model-quality/statistics.json")["dataset"]["item_count"].clone();
    assert_eq!([bias, quality], [86, 86]);
}

#[test]
fn parts_of_other_names_are_refused() {
    let settings = [MONITORS[1], &[CAPTURES]].concat();
    let headed = records(3, ["g,2020\n1,3\n0,4", "1\n0", "0\n1"]);
    let found = named("g,2020", &[[headed, sound()].concat(), sound()]);
    folded(&found, "states/p0.state", "0.jsonl", &settings);
    found.config(&config("g,n"));
    folded(&found, "states/p1.state", "1.jsonl", &settings);
    clear(&found);
    let states = path(&found, "states");
    let combine = [&["combine", &states], &settings[..settings.len() - 1]].concat();
    refused(&found, &found.run(&combine), 3, &["PL0909", "p1.state", "headers", "`2020`"]);
}

/// Rows that are lost beside header rows cost their record as well, and so does an answer to the header row.
#[test]
fn quality_leaves_odd_records_out_beside_header_rows() {
    let settings = [MONITORS[1], &[CAPTURES]].concat();
    for names in ["sex,n", "a,b", "0,1,2"] {
        let headed = records(60, [&format!("{names}\n1,3\n0,4\n1,5"), "1\n0\n1", "0\n1\n1"]);
        let expected = tree(std::slice::from_ref(&headed));
        expected.succeed(&settings);
        assert_eq!(items(&expected), 180);
        for [lines, output, truth] in [
            ["\n1,3\n0,4", "\n1", "1\n"],
            ["\n1,3\n0,4\n1,5", "1", "1"],
            ["\n1,3\n0,4", "1\n0\n1", "0\n1\n1"],
            ["\n1,3", "1\n0", "0\n1"],
            ["", "1", "1"],
        ] {
            let odd = records(3, [&format!("{names}{lines}"), output, truth]);
            for files in [[headed.clone(), odd.clone()], [odd.clone(), headed.clone()]] {
                let found = tree(&files);
                let run = found.succeed(&settings);
                assert_eq!(numbers(&found), numbers(&expected), "{names}{lines} {output:?}");
                assert!(run.log.contains("event odd0"), "{}", run.log);
                if lines.is_empty() && names != "sex,n" {
                    continue;
                }
                in_parts(&found, &settings, &expected);
            }
        }
    }
    // Texts that stand first in whole records too.
    let whole = records(97, ["f,x\nm,y\nf,y", "1\n0\n1", "0\n1\n1"]);
    let found = tree(&[[whole, records(3, ["f,x\nm,y\nf,y", "\n1\n0", "0\n1\n"])].concat()]);
    found.succeed(&settings);
    assert_eq!(items(&found), 291);
}

/// However many other requests have one line too many, and before or behind them.
#[test]
fn quality_finds_the_header_row_of_most_among_many_odd_first_rows() {
    let settings = [MONITORS[1], &[CAPTURES]].concat();
    let rows = |names: &str| format!("{names}\n1,3\n0,4");
    let headed = records(60, [&rows("a,b"), "1\n0", "0\n1"]);
    let odd = (0..50).map(|n| record(&format!("odd{n}"), &rows(&format!("w{n},v")), "1\n0", "0\n1"));
    let odd: Vec<String> = odd.collect();
    let expected = tree(&[[records(60, ["1,3\n0,4", "1\n0", "0\n1"]), sound()].concat()]);
    expected.succeed(&settings);
    for files in [
        [[odd.clone(), headed.clone()].concat(), sound()],
        [[headed.clone(), odd.clone()].concat(), sound()],
        [odd.clone(), [sound(), headed.clone()].concat()],
        [[sound(), headed.clone()].concat(), odd.clone()],
        [[headed[..30].to_vec(), odd].concat(), [sound(), headed[30..].to_vec()].concat()],
    ] {
        let found = tree(&files);
        let run = found.succeed(&settings);
        assert_eq!(numbers(&found), numbers(&expected));
        let told = "the first line of 60 captured requests is taken for a header row";
        assert!(run.log.contains(told), "{}", run.log);
        in_parts(&found, &settings, &expected);
    }
}

/// The only request has no others to be like, which is said.
#[test]
fn quality_says_that_it_takes_the_first_line_of_the_only_request_for_a_header_row() {
    let settings = [MONITORS[1], &[CAPTURES]].concat();
    let [one, other] =
        ["a,b", "c,d"].map(|names| records(1, [&format!("{names}\n1,3\n0,4\n1,5"), "1\n0\n1", "0\n1\n1"]));
    let alone = tree(std::slice::from_ref(&one));
    let run = alone.succeed(&settings);
    assert_eq!(items(&alone), 3);
    let told = "the first line of the only captured request is taken for a header row";
    assert!(run.log.contains(told), "{}", run.log);
    // With another one nothing tells it.
    let run = tree(&[[one, other].concat()]).run(&settings);
    assert!(run.message.contains("PL0302") && !run.log.contains("header row"), "{}", run.log);
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
