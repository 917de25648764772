//! Responses as models write them, by hand.

use super::*;
use crate::config::Target;
use crate::values::typing::{self, Cell};

#[derive(Default, Clone)]
struct Says {
    label: Option<Location>,
    probability: Option<Location>,
    headers: Option<&'static [&'static str]>,
    single: bool,
    threshold: Option<f64>,
}

fn at(path: &str) -> Option<Location> {
    Some(Location::Name(path.into()))
}

fn index(index: usize) -> Option<Location> {
    Some(Location::Index(index))
}

fn reader(accept: ContentType, says: &Says) -> Reader {
    try_reader(accept, says).unwrap()
}

fn try_reader(accept: ContentType, says: &Says) -> Result<Reader, Problem> {
    let predictor = Predictor {
        target: Target::None,
        target_model: None,
        custom_attributes: None,
        content_type: None,
        accept_type: None,
        content_template: None,
        record_template: None,
        label: says.label.clone(),
        probability: says.probability.clone(),
        label_headers: says.headers.map(|names| names.iter().map(|name| name.to_string()).collect()),
    };
    Reader::new(&predictor, accept, says.threshold.unwrap_or(0.5), says.single)
}

/// Scores record by record.
#[track_caller]
fn scores(accept: ContentType, says: Says, body: &str, expected: &[&[f64]]) {
    let scores = reader(accept, &says).scores(body.as_bytes(), expected.len(), None).unwrap();
    let rows: Vec<&[f64]> = scores.values.chunks(scores.width).collect();
    assert_eq!(rows, expected);
}

#[track_caller]
fn labels(accept: ContentType, says: Says, body: &str, expected: &[Cell]) {
    let found = reader(accept, &says).labels(body.as_bytes(), expected.len()).unwrap();
    let found: Vec<Cell> = found.iter().map(|label| typing::parse(label.raw())).collect();
    assert_eq!(found, expected);
}

#[track_caller]
fn counts(accept: ContentType, says: Says, body: &str, n: usize, found: usize) {
    match reader(accept, &says).scores(body.as_bytes(), n, None) {
        Err(Unusable::Count(count)) => assert_eq!(count, found),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn problem(accept: ContentType, says: Says, body: &str, n: usize) -> String {
    match reader(accept, &says).scores(body.as_bytes(), n, None) {
        Err(Unusable::Problem(problem)) => problem.to_string(),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn label_problem(accept: ContentType, says: Says, body: &str, n: usize) -> String {
    match reader(accept, &says).labels(body.as_bytes(), n) {
        Err(Unusable::Problem(problem)) => problem.to_string(),
        other => panic!("{other:?}"),
    }
}

fn text(text: &str) -> Cell {
    Cell::Text(text.into())
}

use ContentType::{Csv, Json as JsonType, JsonLines};

#[test]
fn csv_has_a_line_for_each_record_or_one_line_for_all() {
    let none = Says::default();
    scores(Csv, none.clone(), "0.6\n0.3\n", &[&[0.6], &[0.3]]);
    scores(Csv, none.clone(), "0.6\r\n0.3\r\n", &[&[0.6], &[0.3]]);
    scores(Csv, none.clone(), "0.6,0.3", &[&[0.6], &[0.3]]);
    scores(Csv, none.clone(), "0.6, 0.3\n", &[&[0.6, 0.3]]);
    scores(Csv, none.clone(), "0.1,0.9\n0.8,0.2", &[&[0.1, 0.9], &[0.8, 0.2]]);
    scores(Csv, none.clone(), "true\nFalse\n1e-3\n", &[&[1.0], &[0.0], &[0.001]]);
    scores(Csv, Says { probability: index(1), ..none.clone() }, "1,0.9\n0,0.2", &[&[0.9], &[0.2]]);
    scores(Csv, Says { probability: at("1"), ..none.clone() }, "1,0.9\n0,0.2", &[&[0.9], &[0.2]]);
    scores(Csv, Says { probability: index(0), ..none }, "0.9,0.2", &[&[0.9], &[0.2]]);
}

#[test]
fn csv_cells_may_hold_lists_in_both_quote_styles() {
    let autopilot = Says { label: index(0), probability: index(1), ..Says::default() };
    let body = "\"['cat','dog']\",\"[0.1,0.9]\"\n\"[\"\"cat\"\",\"\"dog\"\"]\",\"[0.7, 0.3]\"\n";
    scores(Csv, autopilot.clone(), body, &[&[0.1, 0.9], &[0.7, 0.3]]);
    let read = reader(Csv, &autopilot).scores(body.as_bytes(), 2, None).unwrap();
    assert_eq!(read.names.unwrap(), ["cat", "dog"]);
    labels(Csv, autopilot, body, &[text("dog"), text("cat")]);
    scores(Csv, Says::default(), "[0.1, 0.9]\n[0.8 0.2]\n", &[&[0.1, 0.9], &[0.8, 0.2]]);
    scores(Csv, Says::default(), "\"0.5\"\n\"0.25\"", &[&[0.5], &[0.25]]);
}

#[test]
fn names_of_a_record_bring_its_scores_into_the_first_order() {
    let says = Says { label: at("labels"), probability: at("scores"), ..Says::default() };
    let body = r#"{"labels":["a","b"],"scores":[0.1,0.9]}
{"labels":["b","a"],"scores":[0.7,0.3]}"#;
    let read = reader(JsonLines, &says).scores(body.as_bytes(), 2, None).unwrap();
    assert_eq!(read.values, [0.1, 0.9, 0.3, 0.7]);
    let known = ["b".to_string(), "a".to_string()];
    let read = reader(JsonLines, &says).scores(body.as_bytes(), 2, Some(&known)).unwrap();
    assert_eq!(read.values, [0.9, 0.1, 0.7, 0.3]);
    let other = body.replace("[\"b\",\"a\"]", "[\"b\",\"c\"]");
    assert!(problem(JsonLines, says, &other, 2).contains("name different labels"));
}

#[test]
fn json_lines_are_read_line_by_line() {
    let score = Says { probability: at("score"), ..Says::default() };
    scores(JsonLines, score.clone(), "{\"score\":0.5}\n\n{\"score\":\"0.25\"}\n", &[&[0.5], &[0.25]]);
    scores(JsonLines, score.clone(), "{\"score\":true}", &[&[1.0]]);
    scores(JsonLines, score.clone(), "{\"score\":[0.1,0.9]}", &[&[0.1, 0.9]]);
    scores(
        JsonLines,
        Says { probability: at("a.b[1]"), ..score.clone() },
        "{\"a\":{\"b\":[1,2]}}",
        &[&[2.0]],
    );
    scores(JsonLines, Says::default(), "0.5\n[0.25]", &[&[0.5], &[0.25]]);
    // Numbers at `label` and no `probability`: they are scores.
    scores(JsonLines, Says { label: at("score"), ..Says::default() }, "{\"score\":0.7}", &[&[0.7]]);
}

#[test]
fn json_is_one_document_with_a_list_over_the_records() {
    let score = Says { probability: at("predictions[*].score"), ..Says::default() };
    let body = r#"{"predictions":[{"score":0.5,"l":"x"},{"score":0.25,"l":"y"}]}"#;
    scores(JsonType, score.clone(), body, &[&[0.5], &[0.25]]);
    scores(JsonType, score.clone(), r#"{"predictions":[{"score":[0.5,0.5]}]}"#, &[&[0.5, 0.5]]);
    scores(JsonType, Says::default(), "[[0.1,0.9],[0.2,0.8]]", &[&[0.1, 0.9], &[0.2, 0.8]]);
    scores(JsonType, Says::default(), "[0.1,0.9]", &[&[0.1], &[0.9]]);
    let both = Says { label: at("predictions[*].l"), ..score };
    labels(JsonType, both.clone(), body, &[text("x"), text("y")]);
    scores(JsonType, both, body, &[&[0.5], &[0.25]]);
    // One record in a request: what stands there is that record's.
    let single = Says { probability: at("score"), single: true, ..Says::default() };
    scores(JsonType, single.clone(), r#"{"score":0.5}"#, &[&[0.5]]);
    scores(JsonType, single, r#"{"score":[0.5,0.25]}"#, &[&[0.5, 0.25]]);
}

#[test]
fn another_number_of_records_is_a_count_and_no_problem() {
    counts(Csv, Says::default(), "0.1\n0.2\n", 3, 2);
    counts(Csv, Says::default(), "0.1,0.2", 3, 1);
    counts(Csv, Says::default(), "", 1, 0);
    counts(Csv, Says::default(), "\"[1,2]\"\n", 2, 1);
    counts(JsonLines, Says { probability: at("s"), ..Says::default() }, "{\"s\":1}\n{\"s\":1}", 1, 2);
    let says = Says { probability: at("p[*].s"), ..Says::default() };
    counts(JsonType, says.clone(), r#"{"p":[{"s":1},{"t":1}]}"#, 3, 2);
    counts(JsonType, says.clone(), r#"{"p":[{"s":1},{"s":1}]}"#, 1, 2);
    counts(JsonType, Says { probability: at("p"), ..says }, r#"{"p":0.5}"#, 2, 1);
}

#[test]
fn what_is_no_number_is_told_by_kind_not_by_content() {
    for (accept, says, body) in [
        (Csv, Says::default(), "secret\n"),
        (Csv, Says { probability: index(0), ..Says::default() }, "nan,1\n"),
        (JsonLines, Says { probability: at("s"), ..Says::default() }, "{\"s\":\"secret\"}"),
        (JsonLines, Says { probability: at("s"), ..Says::default() }, "{\"s\":[null]}"),
    ] {
        let text = problem(accept, says, body, 1);
        assert!(text.starts_with("PL0604: Could not convert string to float: "), "{text}");
        assert!(!text.contains("secret"), "{text}");
    }
}

#[test]
fn wrong_places_are_told_with_what_there_is() {
    let score = Says { probability: at("scroe"), ..Says::default() };
    let text = problem(JsonLines, score, "{\"score\":1,\"label\":2}", 1);
    assert!(text.contains("nothing at `scroe`") && text.contains("`score`, `label`"), "{text}");
    let text = problem(JsonLines, Says::default(), "{\"score\":1}", 1);
    assert!(text.contains("`predictor.probability`") && text.contains("`score`"), "{text}");
    let text = problem(JsonType, Says::default(), "{\"predictions\":[1]}", 1);
    assert!(text.contains("`predictions`"), "{text}");
    let text = problem(Csv, Says { probability: index(4), ..Says::default() }, "1,2\n", 1);
    assert!(text.contains("index 4 and 2 columns"), "{text}");
    for (body, found) in [("[0.5, NaN]", "null"), ("[0.5, -Infinity]", "-inf")] {
        let text = problem(JsonType, Says::default(), body, 2);
        assert!(text.contains("Could not convert") && text.contains(found), "{text}");
    }
    // A wrong key below the records: told with the keys of a record, and no word on the number of predictions.
    let below = Says { probability: at("p[*].scores"), ..Says::default() };
    let text = problem(JsonType, below.clone(), r#"{"p":[{"score":1,"l":2},{"score":1}]}"#, 2);
    assert!(text.starts_with("PL0603") && text.contains("`score`, `l`"), "{text}");
    let text = problem(JsonType, below.clone(), r#"{"predictions":[{"scores":1}]}"#, 1);
    assert!(text.starts_with("PL0603") && text.contains("`predictions`"), "{text}");
    let flat = Says { probability: at("p[].scores"), ..Says::default() };
    let text = problem(JsonType, flat, r#"{"p":[{"score":1}]}"#, 1);
    assert!(text.starts_with("PL0603") && text.contains("`p`"), "{text}");
    let text = problem(Csv, Says { headers: Some(&["a", "b", "c"]), ..Says::default() }, "1,2\n", 1);
    assert!(text.contains("found 2 scores for a record, expected 3"), "{text}");
    let text = problem(Csv, Says::default(), "1,2\n3\n", 2);
    assert!(text.contains("different numbers of scores"), "{text}");
    let named = try_reader(Csv, &Says { label: at("score"), ..Says::default() }).unwrap_err().to_string();
    assert!(named.contains("zero-based index"), "{named}");
    let star = try_reader(JsonType, &Says { label: at("*"), ..Says::default() }).unwrap_err().to_string();
    assert!(star.contains("predictor.label"), "{star}");
}

#[test]
fn bare_lists_are_a_record_each_whatever_stands_between_them() {
    let expected: &[&[f64]] = &[&[0.1, 0.7, 0.2], &[0.5, 0.25, 0.25]];
    for body in [
        "[0.1, 0.7, 0.2]\n[0.5, 0.25, 0.25]\n",
        "[0.1, 0.7, 0.2], [0.5, 0.25, 0.25]",
        "[0.1,0.7,0.2],\r\n[0.5,0.25,0.25]\r\n",
        "[0.1 0.7 0.2] [0.5 0.25 0.25]",
        "[[0.1, 0.7, 0.2], [0.5, 0.25, 0.25]]",
    ] {
        scores(Csv, Says::default(), body, expected);
        counts(Csv, Says::default(), body, 3, 2);
    }
    scores(Csv, Says::default(), "[0.1,0.7]", &[&[0.1, 0.7]]);
    counts(Csv, Says::default(), "[0.1,0.7]", 2, 1);
    let headers = Says { headers: Some(&["no", "yes", "maybe"]), ..Says::default() };
    labels(Csv, headers, "[0.1,0.7,0.2],[0.5,0.25,0.25]", &[text("yes"), text("no")]);
    assert_eq!(bare_lists("['a], [b', \"]\"], [2]").unwrap(), ["['a], [b', \"]\"]", "[2]"]);
    for other in ["[1", "[1],2", "1,[2]", "\"[1]\"", "", "[1,[2]]"] {
        assert_eq!(bare_lists(other), None, "{other}");
    }
}

#[test]
fn labels_that_stand_once_for_all_records_are_told() {
    let says = Says { label: at("labels"), probability: at("p"), ..Says::default() };
    for label_only in [false, true] {
        let says = Says { probability: says.probability.clone().filter(|_| !label_only), ..says.clone() };
        for n in [1, 2, 4] {
            let rows = vec!["[0.1,0.7,0.2]"; n].join(",");
            let body = format!("{{\"p\":[{rows}],\"labels\":[\"no\",\"yes\",\"maybe\"]}}");
            let told = label_problem(JsonType, says.clone(), &body, n);
            assert!(told.starts_with("PL0603"), "{told}");
            assert!(told.contains("`predictor.label`") && told.contains("`label_headers`"), "{told}");
        }
    }
    // A response that lacks a record is no such case.
    let body = r#"{"p":[[0.1,0.9]],"labels":["no"]}"#;
    assert!(matches!(reader(JsonType, &says).labels(body.as_bytes(), 2), Err(Unusable::Count(1))));
}

#[test]
fn a_position_is_no_place_in_json() {
    for accept in [JsonType, JsonLines] {
        for says in
            [Says { label: index(0), ..Says::default() }, Says { probability: index(1), ..Says::default() }]
        {
            let setting = if says.label.is_some() { "predictor.label" } else { "predictor.probability" };
            let told = try_reader(accept, &says).unwrap_err().to_string();
            assert!(told.contains(setting), "{told}");
        }
    }
}

#[test]
fn labels_mean_what_they_mean_in_a_dataset() {
    let label = Says { label: index(0), ..Says::default() };
    labels(
        Csv,
        label,
        "True\nfalse\nNA\n1e3\n007x\n",
        &[Cell::Bool(true), Cell::Bool(false), Cell::Missing, Cell::Float(1000.0), text("007x")],
    );
    // A null stays with its own record.
    let says = Says { label: at("p[*].l"), ..Says::default() };
    labels(
        JsonType,
        says.clone(),
        r#"{"p":[{"l":null},{"l":"x"},{"l":NaN}]}"#,
        &[Cell::Missing, text("x"), Cell::Missing],
    );
    let lines = Says { label: at("l"), ..Says::default() };
    labels(JsonLines, lines, "{\"l\":null}\n{\"l\":1}", &[Cell::Missing, Cell::Int(1)]);
    assert!(label_problem(JsonType, says, r#"{"p":[{"l":1},{"m":2}]}"#, 2).contains("`m`"));
}

#[test]
fn label_of_the_response_is_the_label() {
    let label = Says { label: at("l"), ..Says::default() };
    labels(
        JsonLines,
        label.clone(),
        "{\"l\":1}\n{\"l\":\"1\"}\n{\"l\":true}\n{\"l\":0.25}\n{\"l\":[\"a\"]}",
        &[Cell::Int(1), text("1"), Cell::Bool(true), Cell::Float(0.25), text("a")],
    );
    labels(
        Csv,
        Says { label: index(0), ..Says::default() },
        "1,0.9\nyes,0.2\n2.5,0",
        &[Cell::Int(1), text("yes"), Cell::Float(2.5)],
    );
    // The threshold has no say where the label is given.
    labels(
        JsonLines,
        Says { probability: at("s"), ..label.clone() },
        "{\"l\":0,\"s\":0.99}",
        &[Cell::Int(0)],
    );
    // Regression: the number itself.
    labels(JsonLines, label.clone(), "{\"l\":217.5}", &[Cell::Float(217.5)]);
    let several = label_problem(JsonLines, label, "{\"l\":[\"a\",\"b\"]}", 1);
    assert!(several.contains("`probability`"), "{several}");
}

#[test]
fn label_of_the_highest_score_wins_and_the_first_of_equals() {
    let both = Says { label: at("l"), probability: at("s"), ..Says::default() };
    labels(
        JsonLines,
        both.clone(),
        "{\"l\":[\"a\",\"b\",\"c\"],\"s\":[0.2,0.5,0.3]}\n{\"l\":[\"a\",\"b\"],\"s\":[0.5,0.5]}\n{\"l\":[4,7],\"s\":\"[0.1,0.2]\"}",
        &[text("b"), text("a"), Cell::Int(7)],
    );
    let uneven = label_problem(JsonLines, both, "{\"l\":[\"a\",\"b\"],\"s\":[0.2]}", 1);
    assert!(uneven.contains("found 1 scores, expected 2"), "{uneven}");
}

#[test]
fn header_of_the_highest_score_wins() {
    let headers = Says { headers: Some(&["cat", "dog", "3"]), ..Says::default() };
    labels(Csv, headers.clone(), "0.1,0.7,0.2\n0.1,0.2,0.7", &[text("dog"), Cell::Int(3)]);
    labels(JsonType, headers.clone(), "[[0.5,0.5,0]]", &[text("cat")]);
    let probability = Says { probability: at("s"), ..headers.clone() };
    labels(JsonLines, probability, "{\"s\":[0,0.9,0.1]}", &[text("dog")]);
    assert!(label_problem(Csv, headers, "0.1,0.7\n0.1,0.2", 2).contains("found 2 scores"));
    assert!(label_problem(Csv, Says::default(), "0.1,0.7\n0.1,0.2", 2).contains("`label_headers`"));
}

#[test]
fn single_score_counts_when_it_is_above_the_threshold() {
    let says = Says { threshold: Some(0.8), ..Says::default() };
    let expected = [Cell::Int(0), Cell::Int(1), Cell::Int(0)];
    labels(Csv, says.clone(), "0.8,0.81,0.1", &expected);
    labels(Csv, says.clone(), "0.8\n0.81\n0.1", &expected);
    labels(JsonType, says.clone(), "[0.8,[0.81],0.1]", &expected);
    labels(
        JsonLines,
        Says { probability: at("s"), ..says },
        "{\"s\":0.8}\n{\"s\":\"0.81\"}\n{\"s\":false}",
        &expected,
    );
}

#[test]
fn lists_as_text_are_split_outside_of_quotes() {
    let list = |text: &str| listed(text).unwrap();
    assert_eq!(list("['a, b', \"it's\", 'x\\'y', plain one]"), ["a, b", "it's", "x'y", "plain one"]);
    assert_eq!(list("['a' 'b']"), ["a", "b"]);
    assert_eq!(list("[1. 2.5 3]"), ["1.", "2.5", "3"]);
    assert_eq!(list("[]"), [""; 0]);
    assert!(listed("a, b").is_none());
}

/// The quick reading of plain CSV against the general one.
#[test]
fn plain_csv_reads_as_the_general_way_does() {
    for (body, n) in [
        ("0.5\n1\n", 2),
        ("0.5,1", 2),
        ("0.5,1", 1),
        ("1,2\n3,4\n\n", 2),
        ("1\n2", 3),
        ("1,x\n", 1),
        ("1, 2 ,3\n", 1),
    ] {
        for probability in [None, index(0), index(1)] {
            let reader = reader(Csv, &Says { probability, ..Says::default() });
            let quick = reader.scores(body.as_bytes(), n, None);
            let quoted: Vec<String> = body
                .lines()
                .filter(|line| !line.is_empty())
                .map(|line| {
                    line.split(',').map(|cell| format!("\"{}\"", cell.trim())).collect::<Vec<_>>().join(",")
                })
                .collect();
            let slow = reader.scores(quoted.join("\n").as_bytes(), n, None);
            match (quick, slow) {
                (Ok(quick), Ok(slow)) => assert_eq!(quick, slow),
                (Err(Unusable::Count(quick)), Err(Unusable::Count(slow))) => assert_eq!(quick, slow),
                (Err(Unusable::Problem(quick)), Err(Unusable::Problem(slow))) => {
                    assert_eq!(quick.code(), slow.code())
                }
                other => panic!("{body:?}: {other:?}"),
            }
        }
    }
}
