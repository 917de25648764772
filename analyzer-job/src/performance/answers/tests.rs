use serde_json::{Value as Json, json};

use super::*;

fn wanted(prediction: Option<&str>, score: Option<&str>, label: Option<&str>) -> Places {
    let place = |text: Option<&str>| text.map(String::from);
    Places { prediction: place(prediction), score: place(score), label: place(label), ..Places::default() }
}

fn record(output: Json, truth: Json) -> String {
    json!({"captureData": {"endpointOutput": output}, "groundTruthData": truth}).to_string()
}

fn csv(data: &str) -> Json {
    json!({"data": data, "encoding": "CSV", "observedContentType": "text/csv; charset=utf-8"})
}

fn as_json(data: &str) -> Json {
    json!({"data": data, "encoding": "JSON"})
}

#[track_caller]
fn check(text: &str, wanted: Places, expected: std::result::Result<&[[&str; 3]], &str>) {
    let record: Record = serde_json::from_str(text).unwrap();
    let mut answers = CapturedRows::new(&wanted).unwrap();
    let taken = answers.take(&record).and_then(|()| {
        let row = |row: usize| {
            let row = answers.row(row)?;
            Ok([row.label, row.prediction, row.score].map(|text| text.unwrap_or_default().into_owned()))
        };
        (0..answers.rows()).map(row).collect::<std::result::Result<Vec<[String; 3]>, String>>()
    });
    match (taken, expected) {
        (Ok(rows), Ok(expected)) => assert_eq!(rows, expected),
        (Err(text), Err(part)) => assert!(text.contains(part), "{text}"),
        (found, expected) => panic!("{found:?}, expected {expected:?}"),
    }
}

#[test]
fn csv_answers_stand_at_positions() {
    let two = wanted(Some("0"), Some("1"), None);
    check(
        &record(csv("yes,0.9\nno,0.2\n"), csv("1\n0")),
        two,
        Ok(&[["1", "yes", "0.9"], ["0", "no", "0.2"]]),
    );
    // A batch on one line.
    check(
        &record(csv("0.1,0.2,0.3"), csv("0\n1\n1")),
        wanted(None, Some("0"), None),
        Ok(&[["0", "", "0.1"], ["1", "", "0.2"], ["1", "", "0.3"]]),
    );
    check(&record(csv("0.1"), csv("0,1")), wanted(None, Some("0"), None), Err("1 answer and 2 labels"));
    check(
        &record(csv("0.1"), csv("0")),
        wanted(None, Some("3"), None),
        Err("found a record of 1 column, expected a column at position 3"),
    );
    check(&record(csv("0.1"), csv("0")), wanted(None, Some("score"), None), Err("no names"));
    // Lists in square brackets are rows; an empty cell stays at its place.
    check(
        &record(csv("[0.1, 0.9],[0.2, 0.8]"), csv("0\n1")),
        wanted(None, Some("0"), None),
        Err("several scores for a row where `probability_attribute` names one: 2"),
    );
    check(
        &record(csv("['no', 0.9]\n[\"yes\", 0.8]"), csv("0\n1")),
        wanted(Some("0"), None, None),
        Err("the label of a record is a list"),
    );
}

/// Each row has one label.
#[test]
fn a_row_with_several_labels_is_none() {
    let score = || wanted(None, Some("0"), None);
    check(&record(csv("0.1\n0.2"), csv("1,x\n0,y")), score(), Err("ground truth: 2 labels for row 1"));
    check(&record(csv("0.1\n0.2"), as_json("[1,[0,1]]")), score(), Err("ground truth: 2 labels for row 2"));
    check(&record(csv("0.1\n0.2"), as_json("[[1],[0]]")), score(), Ok(&[["1", "", "0.1"], ["0", "", "0.2"]]));
}

#[test]
fn json_answers_are_found_by_path() {
    let output = r#"{"predictions": [{"score": 0.1, "label": "a\"b"}, {"score": 0.2, "label": 1}]}"#;
    check(
        &record(as_json(output), csv("x\ny")),
        wanted(Some("predictions[*].label"), Some("predictions[*].score"), None),
        Ok(&[["x", "a\"b", "0.1"], ["y", "1", "0.2"]]),
    );
    let output = "{\"score\": 0.5, \"predicted_label\": 1}\n{\"score\": 0.25, \"predicted_label\": 0}\n";
    let lines = json!({"data": output, "encoding": "JSON", "observedContentType": "application/jsonlines"});
    let truth = json!({"data": "{\"label\": 1}\n{\"label\": 0}", "encoding": "JSON"});
    check(
        &record(lines, truth),
        wanted(Some("predicted_label"), Some("score"), Some("label")),
        Ok(&[["1", "1", "0.5"], ["0", "0", "0.25"]]),
    );
    check(
        &record(as_json("[[0.1, 0.9]]"), as_json("[true]")),
        wanted(None, Some("[*][1]"), None),
        Ok(&[["true", "", "0.9"]]),
    );
    check(
        &record(as_json("{}"), csv("1")),
        wanted(None, Some("score"), None),
        Err("(`probability_attribute`)"),
    );
    check(
        &record(as_json("[[0.1, 0.9]]"), as_json("[true]")),
        wanted(None, Some("1"), None),
        Err("a position cannot tell"),
    );
}

/// With and without a place of the label, and with one that cannot be found in JSON.
#[test]
fn labels_of_broken_json_are_told_as_such() {
    for place in [None, Some("y"), Some("0")] {
        for broken in ["{", "{\"y\": 1", "{\"y\": 1} x", "[1", "{\"y\": }"] {
            check(&record(csv("1"), as_json(broken)), wanted(Some("0"), None, place), Err("not JSON"));
        }
    }
}

#[test]
fn an_object_as_label_names_the_setting() {
    for truth in [as_json("{\"label\": 1}"), csv("{\"label\": 1}")] {
        check(
            &record(csv("0.1"), truth.clone()),
            wanted(None, Some("0"), None),
            Err("ground_truth_attribute"),
        );
        check(&record(csv("0.1"), truth), wanted(None, Some("0"), Some("label")), Ok(&[["1", "", "0.1"]]));
    }
    check(&record(csv("0.1"), csv("1")), wanted(None, Some("0"), Some("label")), Ok(&[["1", "", "0.1"]]));
}

#[test]
fn nulls_keep_their_places_and_nan_is_one_of_them() {
    let answer = as_json(r#"{"p": [{"l": "a", "s": 0.1}, {"l": null, "s": NaN}, {"s": 0.3}]}"#);
    let places = || wanted(Some("p[*].l"), Some("p[*].s"), Some("y"));
    let rows = [["1", "a", "0.1"], ["", "", ""], ["3", "", "0.3"]];
    for labels in [as_json(r#"{"y": [1, NaN, 3]}"#), csv("1\nnan\n3"), csv("1,NaN,3")] {
        check(&record(answer.clone(), labels), places(), Ok(&rows));
    }
    let lines = "{\"l\":\"a\",\"s\":0.1}\n{\"l\":NaN,\"s\":null}\n{\"l\":\"\",\"s\":0.3}";
    check(
        &record(as_json(lines), csv("1\n2\n3")),
        wanted(Some("l"), None, None),
        Ok(&[["1", "a", ""], ["2", "", ""], ["3", "", ""]]),
    );
    check(
        &record(csv("a,0.1\n,NaN\nNA,0.3"), csv("1\n\"\"\n3")),
        wanted(Some("0"), Some("1"), None),
        Ok(&[["1", "a", "0.1"], ["", "", ""], ["3", "NA", "0.3"]]),
    );
}

#[test]
fn truth_values_and_texts_are_scores() {
    for (answer, kind) in [("true\n\"0.5\"\nFalse", "CSV"), ("[true, \"0.5\", \"False\"]", "JSON")] {
        let output = json!({"data": answer, "encoding": kind});
        let place = if kind == "CSV" { "0" } else { "@" };
        check(
            &record(output, csv("1\n2\n3")),
            wanted(None, Some(place), None),
            Ok(&[["1", "", "1"], ["2", "", "0.5"], ["3", "", "0"]]),
        );
    }
}

#[test]
fn each_part_of_a_record_has_its_own_kind() {
    let base64 = |text: &str| {
        use base64::Engine;
        let data = base64::engine::general_purpose::STANDARD.encode(text);
        json!({"data": data, "encoding": "BASE64"})
    };
    for labels in [csv("1\n0"), as_json("[1, 0]"), base64("1\n0"), base64("[1,0]"), as_json("1\n0")] {
        check(
            &record(base64("{\"p\":[{\"s\":0.1},{\"s\":0.2}]}"), labels),
            wanted(None, Some("p[*].s"), None),
            Ok(&[["1", "", "0.1"], ["0", "", "0.2"]]),
        );
    }
    check(&record(csv("MC4x"), csv("1")), wanted(None, Some("0"), None), Err("BASE64"));
}

#[test]
fn a_record_without_labels_has_rows_without_labels() {
    check(
        &record(csv("0.1\n0.2"), json!(null)),
        wanted(None, Some("0"), None),
        Ok(&[["", "", "0.1"], ["", "", "0.2"]]),
    );
}

#[test]
fn batch_records_are_searched_in_their_output() {
    let data = r#"{"age": 3, "SageMakerOutput": {"score": 0.7}}"#;
    let text = json!({"captureData": {"batchTransformOutput": {"data": data, "encoding": "JSON"}},
                      "groundTruthData": {"data": "1", "encoding": "CSV"}})
    .to_string();
    check(&text, wanted(None, Some("score"), None), Ok(&[["1", "", "0.7"]]));
    let text = json!({"captureData": {"batchTransformOutput": {"data": "3,x,1,0.9", "encoding": "CSV"}},
                      "groundTruthData": {"data": "0", "encoding": "CSV"}})
    .to_string();
    check(&text, wanted(Some("0"), Some("1"), None), Ok(&[["0", "1", "0.9"]]));
    check(&text, wanted(None, Some("0"), None), Ok(&[["0", "", "0.9"]]));
}

#[test]
fn columns_are_names_else_positions() {
    let column =
        |text: &str| Attribute::new("probability_attribute", text).column(["y", "0", "p"].into_iter());
    assert_eq!(column("p").unwrap(), 2);
    assert_eq!(column("0").unwrap(), 1);
    assert_eq!(column("2").unwrap(), 2);
    let text = column("q").unwrap_err().to_string();
    assert!(text.contains("probability_attribute") && text.contains("`q`") && text.contains("`p`"), "{text}");
}

/// The segments of a record's rows, `-` where one is missing, or why the record cannot be used.
fn segments(place: &str, input: Json, answers: &str) -> std::result::Result<String, String> {
    let mut capture = json!({"endpointOutput": csv(answers)});
    if !input.is_null() {
        capture["endpointInput"] = input;
    }
    let text = json!({"captureData": capture, "groundTruthData": csv(answers)}).to_string();
    let places = Places { groups: vec![place.into()], ..wanted(Some("0"), None, None) };
    let mut answers = CapturedRows::new(&places).unwrap();
    answers.take(&serde_json::from_str(&text).unwrap())?;
    let value = |row: usize| answers.group(row, 0).map_or("-".into(), |value| value.into_owned());
    Ok((0..answers.rows()).map(value).collect::<Vec<_>>().join(" "))
}

#[test]
fn rows_whose_request_has_no_segment_keep_their_measurement() {
    let lines = json!({"data": "{\"a\":\"x\"}\n{}\n{\"a\":null}", "encoding": "JSON", "observedContentType": "application/jsonlines"});
    let of_rows = r#"{"rows": [{"a": "x"}, {}, {"a": ""}]}"#;
    for (place, input, answers, expected) in [
        ("a", as_json(r#"{"a": "x"}"#), "1", "x"),
        ("a", as_json(r#"{"b": "x"}"#), "1", "-"),
        ("a.b.c", as_json(r#"{"a": null}"#), "1", "-"),
        ("a", as_json(r#"{"rows": [1, 2, 3]}"#), "1\n0\n1", "- - -"),
        ("a", lines, "1\n0\n1", "x - -"),
        ("rows[*].a", as_json(of_rows), "1\n0\n1", "x - -"),
        ("rows[*].b", as_json(of_rows), "1\n0\n1", "- - -"),
        ("length(b)", as_json(of_rows), "1\n0\n1", "- - -"),
        // Fields of CSV have no names, and some rows have fewer of them.
        ("a", csv("1,2\n3,4"), "1\n0", "- -"),
        ("1", csv("1,x\n3\n4,"), "1\n0\n1", "x - -"),
        ("7", csv("1,x"), "1", "-"),
        // The endpoint captures no requests, or lost this one.
        ("a", Json::Null, "1\n0", "- -"),
        ("1", json!({"encoding": "CSV"}), "1\n0", "- -"),
    ] {
        let found = segments(place, input.clone(), answers);
        assert_eq!(found, Ok(expected.to_owned()), "{place} in {input}");
    }
    // What cannot be read or paired is damage.
    for (place, input) in [("a", as_json("{")), ("1", csv("1,2\n3,4"))] {
        assert!(segments(place, input.clone(), "1").is_err(), "{place} in {input}");
    }
}

/// One rule for lists, lines and CSV: a row without a value is left out, and the other rows of its record count.
#[test]
fn a_row_without_a_value_costs_the_record_nothing() {
    let as_lines = |data: &str| json!({"data": data, "encoding": "JSON", "observedContentType": "application/jsonlines"});
    let places = || wanted(Some("p"), Some("s"), Some("y"));
    let rows = [["1", "a", "0.1"], ["0", "", "0.2"], ["", "c", ""]];
    for (second, third) in
        [(r#"{"p": null, "s": 0.2}"#, r#"{"p": "c", "s": null}"#), (r#"{"s": 0.2}"#, r#"{"p": "c"}"#)]
    {
        let answer = format!("{{\"p\": \"a\", \"s\": 0.1}}\n{second}\n{third}");
        for truth in [
            as_lines("{\"y\": 1}\n{\"y\": 0}\n{\"y\": null}"),
            as_lines("{\"y\": 1}\n{\"y\": 0}\n{}"),
            as_json(r#"[1, 0, null]"#),
        ] {
            check(&record(as_lines(&answer), truth), places(), Ok(&rows));
        }
    }
    let answers = || csv("a,0.1\n,0.2\nc,");
    for labels in ["1\n\n0", "1\r\n\r\n0\r\n", "\"1\"\n\"\"\n\"0\""] {
        let places = wanted(Some("0"), Some("1"), None);
        check(
            &record(answers(), csv(labels)),
            places,
            Ok(&[["1", "a", "0.1"], ["", "", "0.2"], ["0", "c", ""]]),
        );
    }
    let places = wanted(Some("0"), Some("1"), Some("1"));
    check(
        &record(answers(), csv("x,1\n\nz,0")),
        places,
        Ok(&[["1", "a", "0.1"], ["", "", "0.2"], ["0", "c", ""]]),
    );
    // What stands nowhere in a record is no missing value of single rows.
    let nowhere = as_lines("{\"s\": 0.2}\n{\"s\": 0.3}");
    check(&record(nowhere, csv("1\n0")), wanted(Some("p"), Some("s"), None), Err("(`inference_attribute`)"));
    let no_label = as_lines("{\"x\": 1}\n{\"x\": 0}");
    check(&record(csv("1\n0"), no_label), wanted(Some("0"), None, Some("y")), Err("the keys there are `x`"));
}

/// Whoever tells how many rows there are, the answer itself or the labels: they agree, or the record is left out.
#[test]
fn answers_and_labels_are_equally_many() {
    let scores = |n: usize| (0..n).map(|row| format!("0.{}", row + 1));
    let joined = |n: usize, between: &str, score: &dyn Fn(String) -> String| {
        scores(n).map(score).collect::<Vec<_>>().join(between)
    };
    let in_object = |score: String| format!("{{\"s\": {score}}}");
    let in_batch = |score: String| format!("{{\"a\": 1, \"SageMakerOutput\": {{\"s\": {score}}}}}");
    let of_lines = |data: String| json!({"data": data, "encoding": "JSON", "observedContentType": "application/jsonlines"});
    for (answers, labels) in (1..4).flat_map(|answers| (1..4).map(move |labels| (answers, labels))) {
        let list = format!("{{\"s\": [{}]}}", joined(answers, ", ", &|score| score));
        let in_batch_list = format!("{{\"a\": 1, \"SageMakerOutput\": {list}}}");
        for (part, output, place) in [
            ("endpointOutput", csv(&joined(answers, "\n", &|score| score)), "0"),
            ("endpointOutput", csv(&joined(answers, "\n", &|score| format!("[{score}]"))), "0"),
            ("endpointOutput", of_lines(joined(answers, "\n", &in_object)), "s"),
            ("endpointOutput", as_json(&list), "s"),
            ("batchTransformOutput", csv(&joined(answers, "\n", &|score| format!("7,8,{score}"))), "0"),
            ("batchTransformOutput", of_lines(joined(answers, "\n", &in_batch)), "s"),
            ("batchTransformOutput", as_json(&in_batch_list), "s"),
        ] {
            let truth = csv(&vec!["1"; labels].join("\n"));
            let text = json!({"captureData": {part: output}, "groundTruthData": truth}).to_string();
            let found: Vec<String> = scores(answers).collect();
            let rows: Vec<[&str; 3]> = found.iter().map(|score| ["1", "", score.as_str()]).collect();
            let told = format!("{} and {}", count(answers, "answer"), count(labels, "label"));
            // A list for one label may be the scores of its row.
            let told = if labels == 1 && text.contains("[0.1, ") { "several scores" } else { &told };
            let expected = if answers == labels { Ok(&rows[..]) } else { Err(told) };
            check(&text, wanted(None, Some(place), None), expected);
        }
    }
}

/// The answer is the end of a joined line; where the lines differ in width it cannot be told from the request.
#[test]
fn joined_lines_of_several_widths_have_no_answer() {
    let batch = |data: &str| {
        json!({"captureData": {"batchTransformOutput": csv(data)}, "groundTruthData": csv("1\n0")})
            .to_string()
    };
    let places = || wanted(Some("0"), Some("1"), None);
    check(&batch("7,8,a,0.1\n5,6,b,0.2"), places(), Ok(&[["1", "a", "0.1"], ["0", "b", "0.2"]]));
    check(&batch("7,8,a,0.1\n5,6,b,0.2,0.3"), places(), Err("lines of 4 and of 5 columns"));
}
