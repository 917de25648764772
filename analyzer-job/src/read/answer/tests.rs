//! Answers as models write them, by hand; and answers of random shape against what they were made from.

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::lines::listed;
use super::*;
use crate::values::typing::Cell;
use ContentType::{Csv, Json as JsonType, JsonLines};

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

fn try_reader(says: &Says) -> Result<Answers> {
    let predictor = Predictor {
        label: says.label.clone(),
        probability: says.probability.clone(),
        label_headers: says.headers.map(|names| names.iter().map(|name| name.to_string()).collect()),
        ..Predictor::default()
    };
    Answers::new(Some(&predictor), says.threshold.unwrap_or(0.5), says.single)
}

fn read(kind: ContentType, says: &Says, body: &str, n: usize) -> Read<(Answers, Answer)> {
    let reader = try_reader(says).unwrap();
    let mut answer = Answer::default();
    // What was read before must not show.
    let _before = reader.read("{\"x\":[1,\"a\"]}\n[1,2]", kind, 2, &mut answer);
    reader.read(body, kind, n, &mut answer)?;
    Ok((reader, answer))
}

fn all_scores(kind: ContentType, says: &Says, body: &str, n: usize) -> Read<Vec<Vec<f64>>> {
    let (reader, answer) = read(kind, says, body, n)?;
    let mut rows = Vec::new();
    for row in 0..n {
        let mut scores = Vec::new();
        reader.scores(&answer, row, &mut scores)?;
        rows.push(scores);
    }
    Ok(rows)
}

/// Labels as Python prints the values of their column.
fn all_labels(kind: ContentType, says: &Says, body: &str, n: usize) -> Read<Vec<Cell>> {
    let (reader, answer) = read(kind, says, body, n)?;
    (0..n).map(|row| Ok(typing::parse(reader.predicted(&answer, row)?.raw()))).collect()
}

#[track_caller]
fn scores(kind: ContentType, says: Says, body: &str, expected: &[&[f64]]) {
    match all_scores(kind, &says, body, expected.len()) {
        Ok(rows) => assert_eq!(rows, expected, "{body}"),
        Err(fault) => panic!("{body}: {fault:?}"),
    }
}

#[track_caller]
fn labels(kind: ContentType, says: Says, body: &str, expected: &[Cell]) {
    match all_labels(kind, &says, body, expected.len()) {
        Ok(rows) => assert_eq!(rows, expected, "{body}"),
        Err(fault) => panic!("{body}: {fault:?}"),
    }
}

#[track_caller]
fn counts(kind: ContentType, says: Says, body: &str, n: usize, found: usize) {
    match read(kind, &says, body, n) {
        Err(Fault::Count(count)) => assert_eq!(count, found, "{body}"),
        other => panic!("{body}: {other:?}"),
    }
}

#[track_caller]
fn problem(kind: ContentType, says: Says, body: &str, n: usize) -> String {
    match all_scores(kind, &says, body, n) {
        Err(Fault::Problem(problem)) => problem.to_string(),
        other => panic!("{body}: {other:?}"),
    }
}

#[track_caller]
fn label_problem(kind: ContentType, says: Says, body: &str, n: usize) -> String {
    match all_labels(kind, &says, body, n) {
        Err(Fault::Problem(problem)) => problem.to_string(),
        other => panic!("{body}: {other:?}"),
    }
}

fn named(text: &str) -> Cell {
    Cell::Text(text.into())
}

/// What a proxy or a failing model says is no label, however many lines it has; texts that only begin alike are labels.
#[test]
fn a_page_is_no_answer_and_labels_with_angle_brackets_are() {
    let says = || Says { label: index(0), ..Says::default() };
    for page in [
        "<!DOCTYPE html>",
        " \n<HTML><body>502 Bad Gateway</body></HTML>",
        "<?xml version=\"1.0\"?>",
        "<h1>Bad Gateway</h1>",
        "<html>\n<p>no\n</html>",
        "<center>\nno</center>",
        "<!-- none --><p>",
    ] {
        for n in 1..4 {
            let told = label_problem(Csv, says(), page, n);
            assert!(told.starts_with("PL0603") && told.contains("HTML"), "{told}");
        }
    }
    for label in ["<=50K", "<50K", "<low>", "<html>", "<div>", "<!", "< a", "<>", "<-1"] {
        labels(Csv, says(), &format!("{label},0.1\n{label},0.2\n"), &[named(label), named(label)]);
    }
}

/// One code for one thing: the scores are there, and are no numbers.
#[test]
fn an_object_of_nulls_has_no_scores_in_every_format() {
    let says = |path: &str| Says { probability: at(path), ..Says::default() };
    let nulls = r#"{"s":{"a":null,"b":NaN}}"#;
    let some = r#"{"s":{"a":0.5,"b":0.5}}"#;
    let list = |records: &[&str]| format!("{{\"p\":[{}]}}", records.join(","));
    for records in [&[nulls][..], &[nulls, nulls], &[some, nulls], &[nulls, some]] {
        for (path, list_path) in [("s.*", "p[*].s.*"), ("values(s)", "p[*].values(s)")] {
            let n = records.len();
            let told = [
                problem(JsonLines, says(path), &records.join("\n"), n),
                problem(JsonType, says(list_path), &list(records), n),
            ];
            for told in told {
                assert!(
                    told.starts_with("PL0604") && told.contains("found null"),
                    "{path} {records:?}: {told}"
                );
            }
        }
    }
    // Where no object is, or one without keys, the place is not there.
    for nothing in [r#"{"s":null}"#, r#"{"t":1}"#, r#"{"s":{}}"#] {
        let told = problem(JsonLines, says("s.*"), nothing, 1);
        assert!(told.starts_with("PL060"), "{told}");
        assert_eq!(told.starts_with("PL0603"), !nothing.contains("{}"), "{nothing}: {told}");
    }
}

#[test]
fn csv_has_a_line_for_each_row_or_one_line_for_all() {
    let none = Says::default();
    scores(Csv, none.clone(), "0.6\n0.3\n", &[&[0.6], &[0.3]]);
    scores(Csv, none.clone(), "0.6\r\n0.3\r\n", &[&[0.6], &[0.3]]);
    scores(Csv, none.clone(), "0.6,0.3", &[&[0.6], &[0.3]]);
    scores(Csv, none.clone(), "0.6, 0.3\n", &[&[0.6, 0.3]]);
    scores(Csv, none.clone(), "\n0.1,0.9\n\n0.8,0.2", &[&[0.1, 0.9], &[0.8, 0.2]]);
    scores(Csv, none.clone(), "true\nFalse\n1e-3\ninf\n", &[&[1.0], &[0.0], &[0.001], &[f64::INFINITY]]);
    scores(Csv, Says { probability: index(1), ..none.clone() }, "1,0.9\n0,0.2", &[&[0.9], &[0.2]]);
    scores(Csv, Says { probability: at("1"), ..none.clone() }, "1,0.9\n0,0.2", &[&[0.9], &[0.2]]);
    scores(Csv, Says { probability: index(0), ..none }, "0.9,0.2", &[&[0.9], &[0.2]]);
}

#[test]
fn a_quoted_cell_that_goes_on_shifts_no_other() {
    let says = Says { label: index(0), probability: index(1), ..Says::default() };
    labels(Csv, says.clone(), "\"yes, \"\"really\"\"\" ,0.9\n", &[named("yes, \"really\" ")]);
    for body in ["\"yes, \"really\"\",0.9\n", "no,0.1\n\"a\"b,0.9", "\"0.4, \"0.9"] {
        let told = problem(Csv, says.clone(), body, body.lines().count());
        assert!(told.contains("text behind the closing quote"), "{body}: {told}");
    }
    // A quote that nothing closes is text.
    labels(Csv, says, "\"yes,0.9", &[named("\"yes")]);
}

#[test]
fn a_list_in_brackets_is_one_row_and_several_are_as_many() {
    let none = Says::default;
    let two: [&[f64]; 2] = [&[0.1, 0.7, 0.2], &[0.2, 0.5, 0.3]];
    for body in [
        "[0.1, 0.7, 0.2],[0.2, 0.5, 0.3]",
        "[0.1, 0.7, 0.2], [0.2, 0.5, 0.3]\n",
        "[0.1, 0.7, 0.2]\n[0.2, 0.5, 0.3]\n",
        "[0.1, 0.7, 0.2],\r\n[0.2, 0.5, 0.3]\r\n",
        "[0.1, 0.7, 0.2] [0.2, 0.5, 0.3]",
        "[[0.1, 0.7, 0.2], [0.2, 0.5, 0.3]]",
        "[[0.1 0.7 0.2]\n [0.2 0.5 0.3]]",
        "[0.1 0.7\n 0.2]\n[0.2 0.5\n 0.3]",
        "[0.1, 0.7,\n0.2],[0.2, 0.5, 0.3]",
        "\"[0.1, 0.7, 0.2]\"\n\"[0.2, 0.5, 0.3]\"",
        "\"[0.1, 0.7, 0.2]\",\"[0.2, 0.5, 0.3]\"",
        "0.1,0.7,0.2\n0.2,0.5,0.3",
    ] {
        scores(Csv, none(), body, &two);
        let headers = Says { headers: Some(&["a", "b", "c"]), ..none() };
        labels(Csv, headers, body, &[named("b"), named("b")]);
    }
    scores(Csv, none(), "[0.1, 0.9]", &[&[0.1, 0.9]]);
    scores(Csv, none(), "[[0.1, 0.9]]", &[&[0.1, 0.9]]);
    scores(Csv, none(), "[0.5],[0.25],[1]", &[&[0.5], &[0.25], &[1.0]]);
    scores(Csv, none(), "[0.5],[0.25],\n[1]\n", &[&[0.5], &[0.25], &[1.0]]);
    counts(Csv, none(), "[0.1, 0.7, 0.2],[0.2, 0.5, 0.3]", 1, 2);
    counts(Csv, none(), "[0.1, 0.7, 0.2]", 3, 1);
    counts(Csv, none(), "[0.1,0.9],[0.2,0.8],[0.5,0.5]", 2, 3);
    // Quoted items are labels.
    labels(
        Csv,
        Says { label: index(0), probability: index(1), ..none() },
        "['no', 'yes'],[0.1, 0.9]",
        &[named("yes")],
    );
    labels(Csv, Says { label: index(0), ..none() }, "['a']\n['b']", &[named("a"), named("b")]);
    // A bracket that does not close is text.
    labels(Csv, Says { label: index(0), ..none() }, "[a,1\nb],2", &[named("[a"), named("b]")]);
    labels(Csv, Says { label: index(0), ..none() }, "[a]b,1", &[named("[a]b")]);
}

#[test]
fn csv_cells_may_hold_lists_in_both_quote_styles() {
    let autopilot = Says { label: index(0), probability: index(1), ..Says::default() };
    let body = "\"['cat','dog']\",\"[0.1,0.9]\"\n\"[\"\"cat\"\",\"\"dog\"\"]\",\"[0.7, 0.3]\"\n";
    scores(Csv, autopilot.clone(), body, &[&[0.1, 0.9], &[0.7, 0.3]]);
    let (reader, answer) = read(Csv, &autopilot, body, 2).unwrap();
    assert_eq!(reader.names(&answer, 1).unwrap(), ["cat", "dog"]);
    labels(Csv, autopilot, body, &[named("dog"), named("cat")]);
    scores(Csv, Says::default(), "\"0.5\"\n\"0.25\"", &[&[0.5], &[0.25]]);
    labels(Csv, Says { label: index(0), ..Says::default() }, "\"a,\"\"b\nc\",1", &[named("a,\"b\nc")]);
}

#[test]
fn json_lines_are_read_line_by_line() {
    let score = Says { probability: at("score"), ..Says::default() };
    scores(JsonLines, score.clone(), "{\"score\":0.5}\n\n{\"score\":\"0.25\"}\n", &[&[0.5], &[0.25]]);
    scores(JsonLines, score.clone(), "{\"score\":true}", &[&[1.0]]);
    scores(JsonLines, score.clone(), "{\"score\":[0.1,0.9]}", &[&[0.1, 0.9]]);
    scores(JsonLines, score.clone(), "{\"score\":[[0.1,0.9]]}", &[&[0.1, 0.9]]);
    scores(JsonLines, score.clone(), "{\"score\":\"[0.1, 0.9]\"}", &[&[0.1, 0.9]]);
    scores(
        JsonLines,
        Says { probability: at("a.b[1]"), ..score.clone() },
        "{\"a\":{\"b\":[1,2]}}",
        &[&[2.0]],
    );
    scores(JsonLines, Says::default(), "0.5\n[0.25]", &[&[0.5], &[0.25]]);
    // Numbers at `label` and no `probability`: they are scores.
    scores(JsonLines, Says { label: at("score"), ..Says::default() }, "{\"score\":0.7}", &[&[0.7]]);
    // The type is of the other kind of JSON.
    scores(JsonType, score.clone(), "{\"score\":0.5}\n{\"score\":0.25}\n", &[&[0.5], &[0.25]]);
    scores(JsonLines, Says::default(), "[[0.5],[0.25]]", &[&[0.5], &[0.25]]);
    scores(JsonLines, score, "{\n\"score\":\n[0.5, 0.5]}", &[&[0.5, 0.5]]);
}

#[test]
fn json_is_one_document_with_a_list_over_the_rows() {
    let score = Says { probability: at("predictions[*].score"), ..Says::default() };
    let body = r#"{"predictions":[{"score":0.5,"l":"x"},{"score":0.25,"l":"y"}]}"#;
    scores(JsonType, score.clone(), body, &[&[0.5], &[0.25]]);
    // A text that says CSV and begins as JSON.
    scores(Csv, score.clone(), body, &[&[0.5], &[0.25]]);
    scores(JsonType, score.clone(), r#"{"predictions":[{"score":[0.5,0.5]}]}"#, &[&[0.5, 0.5]]);
    scores(JsonType, Says::default(), "[[0.1,0.9],[0.2,0.8]]", &[&[0.1, 0.9], &[0.2, 0.8]]);
    scores(JsonType, Says::default(), "[0.1,0.9]", &[&[0.1], &[0.9]]);
    scores(JsonType, Says::default(), "[0.1,0.9]", &[&[0.1, 0.9]]);
    scores(JsonType, Says::default(), "[0.5, Infinity]", &[&[0.5], &[f64::INFINITY]]);
    let both = Says { label: at("predictions[*].l"), ..score };
    labels(JsonType, both.clone(), body, &[named("x"), named("y")]);
    scores(JsonType, both, body, &[&[0.5], &[0.25]]);
    // One record in a request: what stands there is that record's.
    let single = Says { probability: at("score"), single: true, ..Says::default() };
    scores(JsonType, single.clone(), r#"{"score":0.5}"#, &[&[0.5]]);
    scores(JsonType, single, r#"{"score":[0.5,0.25]}"#, &[&[0.5, 0.25]]);
}

#[test]
fn another_number_of_entries_is_a_count() {
    counts(Csv, Says::default(), "0.1\n0.2\n", 3, 2);
    counts(Csv, Says::default(), "0.1,0.2", 3, 1);
    counts(Csv, Says::default(), "", 1, 0);
    counts(Csv, Says::default(), "\"[1,2]\"\n", 2, 1);
    counts(JsonLines, Says { probability: at("s"), ..Says::default() }, "{\"s\":1}\n{\"s\":1}", 1, 2);
    let says = Says { probability: at("p[*].s"), ..Says::default() };
    counts(JsonType, says.clone(), r#"{"p":[{"s":1},{"s":1},{"s":2}]}"#, 2, 3);
    counts(JsonType, Says { probability: at("p"), ..says }, r#"{"p":0.5}"#, 2, 1);
}

#[test]
fn a_null_keeps_its_index_and_makes_the_answer_unfit() {
    let both = Says { label: at("p[*].l"), probability: at("p[*].s"), ..Says::default() };
    for body in [
        r#"{"p":[{"l":null,"s":0.9},{"l":1,"s":0.8}]}"#,
        r#"{"p":[{"s":0.9},{"l":1,"s":0.8}]}"#,
        r#"{"p":[{"l":NaN,"s":0.9},{"l":1,"s":0.8}]}"#,
        r#"{"p":[null,{"l":1,"s":0.8}]}"#,
        r#"{"p":[{"l":[],"s":0.9},{"l":1,"s":0.8}]}"#,
        r#"{"p":[{"l":1,"s":0.9},{"l":1,"s":null}]}"#,
    ] {
        let text = label_problem(JsonType, both.clone(), body, 2);
        let row = if body.contains("\"s\":null") { "row 2 of 2" } else { "row 1 of 2" };
        assert!(text.contains(row), "{body}: {text}");
    }
    let text = label_problem(Csv, Says { label: index(0), ..Says::default() }, "1,0.5\n,0.4\n", 2);
    assert!(text.contains("`predictor.label`") && text.contains("row 2 of 2"), "{text}");
    // Never the score in its place.
    let label = Says { label: at("p[*].l"), ..Says::default() };
    assert!(label_problem(JsonType, label, r#"{"p":[{"l":1},{"s":0.8}]}"#, 2).contains("row 2 of 2"));
}

/// A key that is not there is told as such, in one record or in all, in a list and on lines; a null as a null.
#[test]
fn a_place_that_is_not_there_is_no_null() {
    let both =
        [Says { label: at("p.v"), ..Says::default() }, Says { probability: at("p.v"), ..Says::default() }];
    let records = |rows: &[&str]| rows.iter().map(|row| format!("{{\"p\":{row}}}")).collect::<Vec<_>>();
    for n in 1..4 {
        for mask in 0..3_u32.pow(n) {
            let rows: Vec<u32> = (0..n).map(|row| mask / 3_u32.pow(row) % 3).collect();
            let texts: Vec<&str> =
                rows.iter().map(|kind| ["{\"v\":1}", "{\"v\":null}", "{\"w\":1}"][*kind as usize]).collect();
            let lines = records(&texts).join("\n");
            let list = format!("[{}]", records(&texts).join(","));
            for says in &both {
                let mut in_list = says.clone();
                for place in [&mut in_list.label, &mut in_list.probability] {
                    *place = place.take().and_then(|_| at("[*].p.v"));
                }
                for (kind, says, body) in [(JsonLines, says, &lines), (JsonType, &in_list, &list)] {
                    let read = read(kind, says, body, n as usize);
                    let told = match read {
                        Ok(_) => None,
                        Err(Fault::Problem(problem)) => Some(problem.to_string()),
                        Err(Fault::Count(count)) => panic!("{count}: {body}"),
                    };
                    // Of some rows the first that lacks a value is told; a place that no row has before all.
                    let expected = match rows.iter().find(|kind| **kind > 0) {
                        None => None,
                        Some(2) => Some(["PL0603", "nothing at `"]),
                        Some(_) if says.label.is_some() => Some(["PL0603", "found null"]),
                        Some(_) => Some(["PL0604", "found null"]),
                    };
                    assert_eq!(told.is_some(), expected.is_some(), "{body}");
                    for part in expected.iter().flatten() {
                        assert!(told.as_ref().is_some_and(|told| told.contains(part)), "{body}: {told:?}");
                    }
                }
            }
        }
    }
}

/// Scores by class: keys are the headers in any order, or others in their places, or contradict them.
#[test]
fn keys_of_scores_are_label_headers_or_stand_in_their_places_or_contradict() {
    let headers: &[&str] = &["no", "maybe", "yes"];
    for (keys, expected) in [
        (["no", "maybe", "yes"], Ok(([0.0, 1.0, 2.0], false))),
        (["yes", "No", " maybe"], Ok(([1.0, 2.0, 0.0], false))),
        (["0", "1", "2"], Ok(([0.0, 1.0, 2.0], true))),
        (["a", "maybe", "c"], Ok(([0.0, 1.0, 2.0], true))),
        (["yes", "b", "c"], Err("`yes`")),
        (["maybe", "no", "c"], Err("`maybe`")),
    ] {
        let one = format!("{{\"{}\":0,\"{}\":1,\"{}\":2}}", keys[0], keys[1], keys[2]);
        for (kind, path, body, n) in [
            (JsonType, "values(@)", one.clone(), 1),
            (JsonType, "p[*].s.*", format!("{{\"p\":[{{\"s\":{one}}},{{\"s\":{one}}}]}}"), 2),
            (JsonLines, "s.*", format!("{{\"s\":{one}}}\n{{\"s\":{one}}}"), 2),
            (JsonLines, "s.*", format!("{{\"s\":{{\"yes\":2,\"no\":0,\"maybe\":1}}}}\n{{\"s\":{one}}}"), 2),
        ] {
            let says = Says { probability: at(path), headers: Some(headers), ..Says::default() };
            let reader = try_reader(&says).unwrap();
            let mut answer = Answer::default();
            let read = reader.read(&body, kind, n, &mut answer);
            let mixed = body.contains("{\"s\":{\"yes\":2");
            match expected {
                Ok((values, by_position)) if !(mixed && by_position) => {
                    read.unwrap();
                    let mut found = Vec::new();
                    reader.scores(&answer, n - 1, &mut found).unwrap();
                    assert_eq!(
                        (found.as_slice(), reader.are_by_position()),
                        (&values[..], by_position),
                        "{body}"
                    );
                }
                other => {
                    let Err(Fault::Problem(problem)) = read else { panic!("{body}") };
                    let told = problem.to_string();
                    assert!(
                        problem.code() == &codes::HEADERS_DO_NOT_FIT
                            && told.contains("predictor.label_headers"),
                        "{told}"
                    );
                    assert!(other.err().is_none_or(|key| told.contains(key)), "{told}");
                }
            }
        }
    }
}

#[test]
fn what_is_no_number_is_told_by_kind_not_by_content() {
    let score = Says { probability: at("s"), ..Says::default() };
    for (kind, says, body) in [
        (Csv, Says::default(), "secret\n"),
        (Csv, Says { probability: index(0), ..Says::default() }, "nan,1\n"),
        (JsonLines, score.clone(), "{\"s\":\"secret\"}"),
        (JsonLines, score.clone(), "{\"s\":[null]}"),
        (JsonLines, score.clone(), "{\"s\":[0.5,[1]]}"),
        (JsonLines, score.clone(), "{\"s\":[0.5,NaN]}"),
        (JsonLines, score, "{\"s\":\"NaN\"}"),
    ] {
        let text = problem(kind, says, body, 1);
        assert!(text.starts_with("PL0604: Could not convert string to float: "), "{text}");
        assert!(!text.contains("secret"), "{text}");
    }
}

#[test]
fn wrong_places_are_told_with_what_there_is() {
    let score = Says { probability: at("scroe"), ..Says::default() };
    let text = problem(JsonLines, score, "{\"score\":1,\"label\":2}", 1);
    assert!(text.contains("nothing at `scroe`") && text.contains("`score`, `label`"), "{text}");
    let scores = Says { probability: at("predictions[*].scores"), ..Says::default() };
    let text = problem(JsonType, scores, r#"{"predictions":[{"score":1},{"score":2}]}"#, 2);
    assert!(text.starts_with("PL0603") && text.contains("`score`"), "{text}");
    let text = problem(JsonLines, Says::default(), "{\"score\":1}", 1);
    assert!(text.contains("`predictor.probability`") && text.contains("`score`"), "{text}");
    let text = problem(JsonType, Says::default(), "{\"predictions\":[1]}", 1);
    assert!(text.contains("`predictions`"), "{text}");
    let text = problem(Csv, Says { probability: index(4), ..Says::default() }, "1,2\n", 1);
    assert!(
        text.contains("found a record of 2 columns, expected a column at position 4 (counted from 0)"),
        "{text}"
    );
    let text = problem(JsonType, Says::default(), "[0.5, Nan]", 2);
    assert!(text.contains("not JSON") && text.contains("byte 7"), "{text}");
    for says in [Says { label: at("*"), ..Says::default() }, Says { label: at("a-b"), ..Says::default() }] {
        let text = try_reader(&says).unwrap_err().to_string();
        assert!(text.contains("predictor.label"), "{text}");
    }
    let headers = try_reader(&Says { headers: Some(&["a", "b", "c"]), ..Says::default() }).unwrap();
    assert!(
        headers.check_headers(2).unwrap_err().to_string().contains("found 2 scores for a record, expected 3")
    );
    assert!(headers.check_headers(3).is_ok());
}

#[test]
fn a_place_fits_its_kind_or_names_its_setting() {
    for (says, body) in [
        (Says { label: index(0), ..Says::default() }, "[[1],[0]]"),
        (Says { label: at("0"), ..Says::default() }, "[[1],[0]]"),
        (Says { label: index(1), probability: at("[*][0]"), ..Says::default() }, "[[1,2],[0,1]]"),
    ] {
        for kind in [JsonType, JsonLines] {
            let lines = body[1..body.len() - 1].replace("],", "]\n");
            let body = if kind == JsonLines { &lines } else { body };
            let text = label_problem(kind, says.clone(), body, 2);
            assert!(text.contains("`predictor.label`") && text.contains("position"), "{text}");
        }
        assert!(
            try_reader(&says).unwrap().fits(JsonType).unwrap_err().to_string().contains("predictor.label")
        );
    }
    let named = Says { probability: at("score"), ..Says::default() };
    assert!(problem(Csv, named.clone(), "0.5\n", 1).contains("`predictor.probability`"));
    assert!(try_reader(&named).unwrap().fits(Csv).is_err());
    assert!(try_reader(&named).unwrap().fits(JsonLines).is_ok());
}

#[test]
fn names_of_the_classes_once_for_all_are_no_labels() {
    let says = Says { label: at("labels"), probability: at("p"), ..Says::default() };
    let refused = |body: &str, n: usize| {
        let text = label_problem(JsonType, says.clone(), body, n);
        assert!(text.contains("`predictor.label`") && text.contains("label_headers"), "{text}");
    };
    refused(r#"{"p":[[0.1,0.7,0.2],[0.2,0.5,0.3]],"labels":["no","yes","maybe"]}"#, 2);
    refused(r#"{"p":[[0.1,0.7,0.2],[0.2,0.5,0.3]],"labels":[0,1,2]}"#, 2);
    refused(r#"{"p":[[0.1,0.7,0.2]],"labels":["no","yes","maybe"]}"#, 1);
    let alone = Says { label: at("labels"), ..Says::default() };
    let text = label_problem(JsonType, alone.clone(), r#"{"labels":["no","yes","maybe"]}"#, 60);
    assert!(text.contains("label_headers"), "{text}");
    let text = label_problem(JsonType, alone.clone(), r#"{"labels":["no","yes"]}"#, 1);
    assert!(text.contains("label_headers"), "{text}");
    counts(JsonType, alone, r#"{"labels":["no","yes","no"]}"#, 60, 3);
    // Each row's own labels: lists beside lists, values beside lists, the lists of the only row.
    labels(
        JsonType,
        says.clone(),
        r#"{"p":[[0.1,0.9],[0.8,0.2]],"labels":[["n","y"],["n","y"]]}"#,
        &[named("y"), named("n")],
    );
    labels(
        JsonType,
        says.clone(),
        r#"{"p":[[0.1,0.9],[0.8,0.2]],"labels":["y","n"]}"#,
        &[named("y"), named("n")],
    );
    labels(JsonType, says, r#"{"p":[0.1,0.9],"labels":["n","y"]}"#, &[named("y")]);
}

#[test]
fn label_of_the_response_is_the_label() {
    let label = Says { label: at("l"), ..Says::default() };
    labels(
        JsonLines,
        label.clone(),
        "{\"l\":1}\n{\"l\":\"1\"}\n{\"l\":true}\n{\"l\":0.25}\n{\"l\":[\"a\"]}",
        &[Cell::Int(1), named("1"), Cell::Bool(true), Cell::Float(0.25), named("a")],
    );
    labels(
        Csv,
        Says { label: index(0), ..Says::default() },
        "1,0.9\nyes,0.2\n2.5,0\nTrue,1",
        &[Cell::Int(1), named("yes"), Cell::Float(2.5), Cell::Bool(true)],
    );
    // The threshold has no say where the label is given.
    let both = Says { probability: at("s"), ..label.clone() };
    labels(JsonLines, both, "{\"l\":0,\"s\":0.99}", &[Cell::Int(0)]);
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
        &[named("b"), named("a"), Cell::Int(7)],
    );
    let uneven = label_problem(JsonLines, both, "{\"l\":[\"a\",\"b\"],\"s\":[0.2]}", 1);
    assert!(uneven.contains("found 1 scores, expected 2"), "{uneven}");
}

#[test]
fn header_of_the_highest_score_wins() {
    let headers = Says { headers: Some(&["cat", "dog", "3"]), ..Says::default() };
    labels(Csv, headers.clone(), "0.1,0.7,0.2\n0.1,0.2,0.7", &[named("dog"), Cell::Int(3)]);
    labels(JsonType, headers.clone(), "[[0.5,0.5,0]]", &[named("cat")]);
    let probability = Says { probability: at("s"), ..headers.clone() };
    labels(JsonLines, probability, "{\"s\":[0,0.9,0.1]}", &[named("dog")]);
    assert!(label_problem(Csv, headers, "0.1,0.7\n0.1,0.2", 2).contains("found 2 scores"));
    assert!(label_problem(Csv, Says::default(), "0.1,0.7\n0.1,0.2", 2).contains("`label_headers`"));
}

#[test]
fn scores_of_an_object_go_to_their_classes_by_key() {
    let body = "{\"s\":{\"b\":0.2,\"a\":0.8}}\n{\"s\":{\"a\":0.7,\"b\":0.3}}";
    let says = |headers| Says { probability: at("s.*"), headers, ..Says::default() };
    scores(JsonLines, says(Some(&["a", "b"])), body, &[&[0.8, 0.2], &[0.7, 0.3]]);
    scores(JsonLines, says(Some(&["x", "y"])), body, &[&[0.2, 0.8], &[0.3, 0.7]]);
    scores(JsonLines, says(None), body, &[&[0.2, 0.8], &[0.3, 0.7]]);
}

#[test]
fn single_score_counts_when_it_is_above_the_threshold() {
    let says = Says { threshold: Some(0.8), ..Says::default() };
    let expected = [Cell::Int(0), Cell::Int(1), Cell::Int(0)];
    labels(Csv, says.clone(), "0.8,0.81,0.1", &expected);
    labels(Csv, says.clone(), "0.8\n0.81\n0.1", &expected);
    labels(Csv, says.clone(), "[0.8],[0.81],[0.1]", &expected);
    labels(JsonType, says.clone(), "[0.8,[0.81],0.1]", &expected);
    let at_s = Says { probability: at("s"), ..says };
    labels(JsonLines, at_s, "{\"s\":0.8}\n{\"s\":\"0.81\"}\n{\"s\":false}", &expected);
}

#[test]
fn lists_as_text_are_split_outside_of_quotes() {
    let list = |text: &str| listed(text).unwrap();
    assert_eq!(list("['a, b', \"it's\", 'x\\'y', plain one]"), ["a, b", "it's", "x'y", "plain one"]);
    assert_eq!(list("['a' 'b']"), ["a", "b"]);
    assert_eq!(list("[1. 2.5 3]"), ["1.", "2.5", "3"]);
    assert_eq!(list("[]"), [""; 0]);
    assert_eq!(list("[0.1,,0.3]"), ["0.1", "", "0.3"]);
    assert_eq!(list("['a',0.3,]"), ["a", "0.3"]);
    assert!(listed("a, b").is_none());
}

/// The ways to write rows of scores, in every kind.
fn written(rows: &[Vec<f64>], way: usize) -> (ContentType, Option<&'static str>, String) {
    let join = |between: &str, row: &dyn Fn(&Vec<f64>) -> String| {
        rows.iter().map(row).collect::<Vec<_>>().join(between)
    };
    let list = |row: &Vec<f64>| json!(row).to_string();
    let spaced = |row: &Vec<f64>| {
        format!("[{}]", row.iter().map(|score| format!("{score:?}")).collect::<Vec<_>>().join(" "))
    };
    match way {
        0 => (Csv, None, join("\n", &|row| list(row)[1..list(row).len() - 1].into())),
        1 => (Csv, None, join(",", &list)),
        2 => (Csv, None, join("\r\n", &list)),
        3 => (Csv, None, format!("[{}]", join("\n ", &spaced))),
        4 => (Csv, None, join("\n", &|row| format!("\"{}\"", list(row)))),
        5 => (JsonLines, None, join("\n", &list)),
        6 => (JsonLines, Some("a.s"), join("\n", &|row| json!({"a": {"s": row}}).to_string())),
        7 => (JsonType, None, json!(rows).to_string()),
        8 => (
            JsonType,
            Some("p[*].s"),
            json!({"p": rows.iter().map(|row| json!({"s": row})).collect::<Vec<_>>()}).to_string(),
        ),
        _ => (JsonType, Some("s"), serde_json::to_string_pretty(&json!({ "s": rows })).unwrap()),
    }
}

proptest! {
    #[test]
    fn scores_come_back_however_they_are_written(
        rows in (1usize..5).prop_flat_map(|width| prop::collection::vec(prop::collection::vec(-1e3..1e3, width), 1..6)),
        way in 0usize..10,
    ) {
        // One row of several values is read as several rows, where nothing tells them apart.
        let (kind, place, body) = written(&rows, way);
        let says = Says { probability: place.and_then(at), ..Says::default() };
        let found = all_scores(kind, &says, &body, rows.len());
        prop_assert_eq!(found.unwrap(), rows);
    }

    /// Nobody counts again what the reader gives.
    #[test]
    fn an_answer_to_another_number_of_rows_is_none(
        rows in (1usize..5).prop_flat_map(|width| prop::collection::vec(prop::collection::vec(-1e3..1e3, width), 1..6)),
        way in 0usize..10,
        n in 0usize..8,
    ) {
        // The values of the only row may be one for each of several rows.
        prop_assume!(n != rows.len() && !(rows.len() == 1 && n == rows[0].len()));
        let (kind, place, body) = written(&rows, way);
        // Rows of one value may be the values of the only row.
        prop_assume!(!(n == 1 && rows[0].len() == 1));
        let found = read(kind, &Says { probability: place.and_then(at), ..Says::default() }, &body, n);
        prop_assert!(matches!(found, Err(Fault::Count(_))), "{}: {:?}", body, found);
    }

    /// Records of labels and scores with nulls anywhere: an answer is read exactly when nothing is missing, and
    /// then each row has its own label.
    #[test]
    fn no_label_moves_to_another_row(
        records in prop::collection::vec((prop::option::weighted(0.9, 0i64..3), prop::option::weighted(0.9, 0.0..1.0)), 1..6),
        absent in any::<bool>(),
        lines in any::<bool>(),
    ) {
        let record = |(label, score): &(Option<i64>, Option<f64>)| {
            let mut record = serde_json::Map::new();
            for (key, value) in [("l", json!(label)), ("s", json!(score))] {
                if !(absent && value.is_null()) {
                    record.insert(key.into(), value);
                }
            }
            Json::Object(record)
        };
        let (kind, body, paths) = if lines {
            let text = records.iter().map(|row| record(row).to_string()).collect::<Vec<_>>().join("\n");
            (JsonLines, text, ["l", "s"])
        } else {
            let list: Vec<Json> = records.iter().map(record).collect();
            (JsonType, json!({ "p": list }).to_string(), ["p[*].l", "p[*].s"])
        };
        let says = Says { label: at(paths[0]), probability: at(paths[1]), ..Says::default() };
        let found = all_labels(kind, &says, &body, records.len());
        let whole = records.iter().all(|(label, score)| label.is_some() && score.is_some());
        prop_assert_eq!(found.is_ok(), whole, "{}", body);
        if let Ok(found) = found {
            let expected: Vec<Cell> = records.iter().flat_map(|(label, _)| label.map(Cell::Int)).collect();
            prop_assert_eq!(found, expected);
        }
    }

    /// Any text in any kind gives an answer or a fault.
    #[test]
    fn no_text_breaks_the_reader(text in "[\\[\\]{},\"'\\\\ 01.aNI:\n\r-]{0,30}", n in 0usize..4, kind in 0usize..3, placed in 0usize..4) {
        let places = [(None, None), (index(0), None), (at("a[*]"), at("@")), (index(1), index(0))];
        let (label, probability) = places[placed].clone();
        let kind = [Csv, JsonLines, JsonType][kind];
        if let Ok((reader, answer)) = read(kind, &Says { label, probability, ..Says::default() }, &text, n) {
            for (_, entries) in reader.wanted(&answer) {
                prop_assert_eq!(entries.n_rows(), n, "{}", text);
            }
            for row in 0..n {
                let _label = reader.predicted(&answer, row);
                let _names = reader.names(&answer, row);
            }
        }
    }
}

/// A text has the blanks that it has in a dataset, whichever way it is quoted, on whatever line and at whatever place; numbers
/// have none.
#[test]
fn texts_of_csv_keep_their_blanks() {
    let says = |label| Says { label, probability: index(1), ..Says::default() };
    for text in [" >50K", ">50K ", "  two words  ", "\ttab", " True"] {
        for end in ["\n", "\r\n", ""] {
            for cell in [text.to_string(), format!("\"{text}\"")] {
                let plain = cell.ends_with('"') || !text.ends_with([' ', '\t']) || !end.is_empty();
                let body = format!("{cell}, 0.5{end}");
                labels(Csv, says(index(0)), &body, &[named(text)]);
                let body = format!("a,0.25\r\n{cell},0.5 \nb,1{end}");
                labels(Csv, says(index(0)), &body, &[named("a"), named(text), named("b")]);
                let last = Says { label: index(1), probability: index(0), ..Says::default() };
                if plain {
                    labels(Csv, last, &format!(" 0.5,{cell}{end}"), &[named(text)]);
                }
            }
        }
    }
    labels(Csv, says(index(0)), "\"yes\" ,0.5\n", &[named("yes ")]);
    labels(Csv, says(index(0)), " 1 , 0.5\n", &[Cell::Int(1)]);
    scores(Csv, Says::default(), " 0.5 , 0.25 \r\n 1 ,\t0\r\n", &[&[0.5, 0.25], &[1.0, 0.0]]);
    scores(Csv, Says::default(), " [0.1, 0.9] , [0.8, 0.2] \n", &[&[0.1, 0.9], &[0.8, 0.2]]);
    scores(Csv, Says::default(), "\" [0.1, 0.9] \" \n\"[0.8, 0.2]\"\n", &[&[0.1, 0.9], &[0.8, 0.2]]);
}

/// The scores behind a null keep their classes: the row has no scores, not fewer.
#[test]
fn a_null_among_the_scores_of_a_row_is_told_and_moves_none() {
    let says = || Says { probability: at("p"), ..Says::default() };
    for (kind, body) in [
        (JsonType, "{\"p\":[[0.1,null,0.2],[0.3,0.4,0.3]]}"),
        (JsonType, "{\"p\":[[0.3,0.4,0.3],[0.1,NaN,0.2]]}"),
        (JsonLines, "{\"p\":[0.1,null,0.2]}\n{\"p\":[0.3,0.4,0.3]}"),
        (JsonLines, "{\"p\":[0.3,0.4,0.3]}\n{\"p\":[null,0.1,0.2]}"),
    ] {
        let told = problem(kind, says(), body, 2);
        assert!(told.contains("found null"), "{body}: {told}");
    }
    let told = problem(Csv, Says::default(), "[0.1, null, 0.2]\n[0.3, 0.4, 0.3]\n", 2);
    assert!(told.contains("null") || told.contains("not a number"), "{told}");
}
