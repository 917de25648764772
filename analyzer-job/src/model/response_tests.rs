//! Answers of a live model as scores of rows and as labels; how they are read is tested with the reader.

use serde_json::json;

use super::*;
use crate::config::{Analysis, DatasetFormat, Location};
use crate::read::fixture;
use crate::read::shown::ListForm;
use crate::values::table::Values;
use crate::values::typing::{self, Cell};

/// One row had one value before, so that no list over several rows is in doubt.
fn reader(accept: ContentType, label: &str, probability: &str, headers: &[&str]) -> Reader {
    let reader = fresh(accept, label, probability, headers);
    reader.lists.lock().unwrap().iter_mut().for_each(|lists| lists.note(ListForm::Plain));
    reader
}

fn fresh(accept: ContentType, label: &str, probability: &str, headers: &[&str]) -> Reader {
    let at = |path: &str| (!path.is_empty()).then(|| Location::Name(path.into()));
    let predictor = Predictor {
        label: at(label),
        probability: at(probability),
        label_headers: (!headers.is_empty()).then(|| headers.iter().map(|name| name.to_string()).collect()),
        ..Predictor::default()
    };
    Reader::new(&predictor, accept, 0.5, false).unwrap()
}

fn problem<T: std::fmt::Debug>(result: Usable<T>) -> String {
    match result {
        Err(Unusable::Problem(problem) | Unusable::Row(_, problem)) => problem.to_string(),
        other => panic!("{other:?}"),
    }
}

use ContentType::{Csv, Json, JsonLines};

#[test]
fn names_of_a_record_bring_its_scores_into_the_first_order() {
    let reader = reader(JsonLines, "labels", "scores", &[]);
    let body = br#"{"labels":["a","b"],"scores":[0.1,0.9]}
{"labels":["b","a"],"scores":[0.7,0.3]}"#;
    let read = reader.scores(body, 2, None).unwrap();
    assert_eq!((read.values, read.names.unwrap()), (vec![0.1, 0.9, 0.3, 0.7], vec!["a".into(), "b".into()]));
    let known = ["b".to_string(), "a".to_string()];
    assert_eq!(reader.scores(body, 2, Some(&known)).unwrap().values, [0.9, 0.1, 0.7, 0.3]);
    let other = br#"{"labels":["a","b"],"scores":[0.1,0.9]}
{"labels":["b","c"],"scores":[0.7,0.3]}"#;
    assert!(problem(reader.scores(other, 2, None)).contains("different labels"));
}

#[test]
fn a_label_of_a_single_score_is_noted_where_the_names_are_of_several() {
    for (headers, body, is_noted) in [
        (&["a", "b"][..], "0.7\n0.2\n", true),
        (&["a", "b"], "0.1,0.9\n0.8,0.2\n", false),
        (&["a"], "0.7\n0.2\n", false),
        (&[], "0.7\n0.2\n", false),
    ] {
        let reader = reader(Csv, "", "", headers);
        assert_eq!(reader.labels(body.as_bytes(), 2).unwrap().len(), 2);
        assert_eq!(reader.had_one_score(), is_noted, "{headers:?} {body}");
    }
}

#[test]
fn records_have_equally_many_scores_and_as_many_as_headers() {
    let read = reader(Csv, "", "", &[]).scores(b"[0.1, 0.7, 0.2],[0.5, 0.25, 0.25]", 2, None).unwrap();
    assert_eq!((read.width, read.values), (3, vec![0.1, 0.7, 0.2, 0.5, 0.25, 0.25]));
    assert!(
        problem(reader(Csv, "", "", &[]).scores(b"1,2\n3\n", 2, None))
            .contains("different numbers of scores")
    );
    let headers = reader(Csv, "", "", &["a", "b", "c"]);
    assert!(problem(headers.scores(b"1,2\n", 1, None)).contains("found 2 scores for a record, expected 3"));
    assert!(matches!(headers.scores(b"1,2,3\n", 2, None), Err(Unusable::Count(_))));
    assert!(problem(headers.scores(&[0xff], 1, None)).contains("UTF-8"));
}

/// Null in the place of a label or score, alone or among other rows, in every form of an answer: one text, which is not that
/// of a place that is not there.
#[test]
fn a_null_is_told_in_one_way_wherever_it_stands() {
    type Form = (ContentType, &'static str, &'static str, fn(&[&str]) -> String);
    let forms: [Form; 9] = [
        (Csv, "", "", |rows| rows.iter().map(|value| format!("{}\n", value.replace("null", ","))).collect()),
        (Csv, "0", "0", |rows| {
            rows.iter().map(|value| format!("{},x\n", value.replace("null", ""))).collect()
        }),
        (JsonLines, "", "", |rows| rows.join("\n")),
        (JsonLines, "v", "v", |rows| rows.iter().map(|value| format!("{{\"v\":{value}}}\n")).collect()),
        (JsonLines, "a.v", "a.v", |rows| {
            rows.iter()
                .map(|value| format!("{{\"a\":{{\"v\":{value}}}}}\n").replace("{\"v\":null}", "null"))
                .collect()
        }),
        (JsonLines, "v", "v", |rows| {
            rows.iter().map(|value| format!("{{\"v\":[0.25,{value}]}}\n")).collect()
        }),
        (Json, "", "", |rows| format!("[{}]", rows.join(","))),
        (Json, "p[*].v", "p[*].v", |rows| {
            let records: Vec<_> = rows.iter().map(|value| format!("{{\"v\":{value}}}")).collect();
            format!("{{\"p\":[{}]}}", records.join(",")).replace("{\"v\":null}", "null")
        }),
        (Json, "v", "v", |rows| match rows {
            [only] => format!("{{\"v\":{only}}}"),
            _ if rows.contains(&"null") => "{\"v\":null}".into(),
            _ => format!("{{\"v\":[{}]}}", rows.join(",")),
        }),
    ];
    for n in 1..4 {
        for mask in 0..1_u32 << n {
            let rows: Vec<&str> =
                (0..n).map(|row| if mask >> row & 1 == 1 { "null" } else { "0.5" }).collect();
            for (at, (accept, label, score, form)) in forms.into_iter().enumerate() {
                let body = form(&rows);
                let scores = reader(accept, "", score, &[]).scores(body.as_bytes(), n, None);
                let several = at == 5;
                let labels = (!several).then(|| reader(accept, label, "", &[]).labels(body.as_bytes(), n));
                if mask == 0 {
                    assert!(scores.is_ok() && labels.is_none_or(|labels| labels.is_ok()), "{body}");
                    continue;
                }
                let told = problem(scores);
                assert!(told.starts_with("PL0604: Could not convert string to float"), "{body}: {told}");
                assert!(
                    told.contains("found null in the model's response, expected a score"),
                    "{body}: {told}"
                );
                let Some(labels) = labels else { continue };
                let told = problem(labels);
                match label {
                    "" => {
                        assert!(told.contains("PL0604") && told.contains("found null in"), "{body}: {told}")
                    }
                    _ => assert!(
                        told.starts_with("PL0603: a record of the response has no label")
                            && told.contains("found null,"),
                        "{body}: {told}"
                    ),
                }
            }
        }
    }
    let absent = problem(reader(JsonLines, "", "w", &[]).scores(b"{\"v\":null}", 1, None));
    assert!(absent.contains("nothing at `w`") && absent.contains("`v`"), "{absent}");
}

/// Keys of an object as labels, and its values as scores: whichever order the keys of a record have, a score keeps its label,
/// live and captured; attributions have the scores of all records in one order.
#[test]
fn the_keys_of_an_object_keep_to_its_values_in_any_order() {
    const CLASSES: [&str; 3] = ["no", "maybe", "yes"];
    const SCORES: [[f64; 3]; 3] = [[0.1, 0.2, 0.7], [0.6, 0.3, 0.1], [0.2, 0.5, 0.3]];
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    let record = |order: [usize; 3], row: usize| {
        let fields: Vec<String> =
            order.iter().map(|&class| format!("\"{}\":{}", CLASSES[class], SCORES[row][class])).collect();
        format!("{{\"x\":{{{}}}}}", fields.join(","))
    };
    for (first, second) in orders.iter().flat_map(|first| orders.iter().map(move |second| (*first, *second)))
    {
        let records = [record(first, 0), record(second, 1), record(first, 2)];
        let lines = records.join("\n");
        let list = format!("{{\"p\":[{}]}}", records.join(","));
        for (kind, body, label, probability) in [
            (JsonLines, &lines, "keys(x)", "x.*"),
            (JsonLines, &lines, "keys(x)", "values(x)"),
            (JsonLines, &lines, "x.keys(@)", "x.* | @"),
            (Json, &list, "p[*].x.keys(@)", "p[*].x.*"),
            (Json, &list, "p[*].keys(x)", "p[*].values(x)"),
        ] {
            for headers in [&[][..], &CLASSES] {
                let columns = three_ways((kind, label, probability, headers), body, 3, None);
                let texts = Values::Text(crate::values::table::Texts {
                    codes: vec![0, 1, 2],
                    dictionary: ["yes", "no", "maybe"].map(Into::into).to_vec(),
                });
                assert_eq!(columns, [texts.clone(), texts], "{label} {probability} {body}");
                let read =
                    reader(kind, label, probability, headers).scores(body.as_bytes(), 3, None).unwrap();
                let order = if headers.is_empty() { first } else { [0, 1, 2] };
                let expected: Vec<f64> =
                    SCORES.iter().flat_map(|scores| order.map(|class| scores[class])).collect();
                assert_eq!(read.values, expected, "{label} {probability} {body}");
                let names =
                    headers.is_empty().then(|| order.map(|class| CLASSES[class].to_string()).to_vec());
                assert_eq!(read.names, names, "{body}");
            }
        }
    }
    // What is picked by its position is that of the record's own text.
    let lines = [record([2, 0, 1], 0), record([0, 2, 1], 1), record([1, 0, 2], 2)];
    let list = format!("{{\"p\":[{}]}}", lines.join(","));
    let lines = lines.join("\n");
    for (kind, body, label, probability) in [
        (JsonLines, &lines, "keys(x)[0]", "values(x)[0]"),
        (JsonLines, &lines, "keys(x) | [0]", "x.* | [0]"),
        (JsonLines, &lines, "x.keys(@)[0]", "x.values(@)[0]"),
        (Json, &list, "p[*].keys(x)[0]", "p[*].values(x)[0]"),
    ] {
        let texts = Values::Text(crate::values::table::Texts {
            codes: vec![0, 1, 2],
            dictionary: ["yes", "no", "maybe"].map(Into::into).to_vec(),
        });
        assert_eq!(
            three_ways((kind, label, probability, &[]), body, 3, None),
            [texts.clone(), texts],
            "{label}"
        );
        let read = reader(kind, label, probability, &[]).scores(body.as_bytes(), 3, None).unwrap();
        assert_eq!(read.values, [0.7, 0.6, 0.5], "{probability}");
    }
}

/// A list of labels goes by the keys of the scores, in whatever order either stands, and whichever record is the first.
#[test]
fn labels_that_are_the_keys_of_the_scores_go_by_key() {
    let records = [
        (["no", "yes", "maybe"], r#"{"no":0.1,"yes":0.7,"maybe":0.2}"#, "yes"),
        (["no", "yes", "maybe"], r#"{"maybe":0.5,"no":0.4,"yes":0.1}"#, "maybe"),
        (["yes", "maybe", "no"], r#"{"no":0.6,"maybe":0.3,"yes":0.1}"#, "no"),
        (["maybe", "yes", "no"], r#"{"yes":0.5,"no":0.2,"maybe":0.3}"#, "yes"),
    ];
    for turn in 0..records.len() {
        let mut records = records;
        records.rotate_left(turn);
        let record = |(labels, scores, _): &([&str; 3], &str, &str)| {
            format!(r#"{{"n":{},"x":{scores}}}"#, serde_json::to_string(labels).unwrap())
        };
        let documents: Vec<String> = records.iter().map(record).collect();
        let list = format!("{{\"p\":[{}]}}", documents.join(","));
        let lines = documents.join("\n");
        let expected: Vec<&str> = records.iter().map(|(_, _, expected)| *expected).collect();
        for (kind, body, label, scores) in [
            (JsonLines, &lines, "n", "x.*"),
            (JsonLines, &lines, "n", "values(x)"),
            (Json, &list, "p[*].n", "p[*].values(x)"),
            (Json, &list, "p[*].n", "p[*].x.*"),
        ] {
            let labels = reader(kind, label, scores, &[]).labels(body.as_bytes(), records.len()).unwrap();
            let found: Vec<String> = labels.iter().map(|label| typing::parse(label.raw()).print()).collect();
            assert_eq!(found, expected, "{scores} from {turn} on");
        }
        // Scores stand in the order of the first record's labels.
        let read = reader(JsonLines, "n", "x.*", &[]).scores(lines.as_bytes(), records.len(), None).unwrap();
        let order = records[0].0;
        let score = |scores: &str, label: &str| {
            serde_json::from_str::<serde_json::Value>(scores).unwrap()[label].as_f64().unwrap()
        };
        let expected: Vec<f64> =
            records.iter().flat_map(|(_, scores, _)| order.map(|label| score(scores, label))).collect();
        assert_eq!(read.values, expected);
        assert_eq!(read.names.unwrap(), order);
    }
    // Labels that are no keys can only go by their order, which the keys must keep.
    let others = r#"{"n":["no","yes"],"x":{"p0":0.1,"p1":0.9}}
{"n":["no","yes"],"x":{"p1":0.2,"p0":0.8}}"#;
    let reader = reader(JsonLines, "n", "x.*", &[]);
    assert!(problem(reader.scores(others.as_bytes(), 2, None)).contains("different orders"));
    assert!(problem(reader.labels(others.as_bytes(), 2)).contains("different orders"));
}

/// The scores of an object go by the keys of the first one, whatever case and blanks these have; other keys contradict. Where the
/// labels are the keys, each record may have its own classes.
#[test]
fn scores_of_other_keys_than_those_before_contradict() {
    let first = r#"{"s":{"a":0.9,"b":0.1}}"#;
    let scores = |second: &str, headers: &[&str]| {
        let body = format!("{first}\n{{\"s\":{second}}}");
        reader(JsonLines, "", "s.*", headers).scores(body.as_bytes(), 2, None).map(|scores| scores.values)
    };
    for headers in [&[][..], &["no", "yes"]] {
        assert_eq!(scores(r#"{"B":0.6," A":0.4}"#, headers).unwrap(), [0.9, 0.1, 0.4, 0.6]);
        for other in [r#"{"b":0.6,"zz":0.4}"#, r#"{"a":0.6,"zz":0.4}"#, r#"{"p":0.6,"q":0.4}"#] {
            let told = problem(scores(other, headers));
            assert!(told.starts_with("PL0303") && told.contains("objects before"), "{other}: {told}");
        }
    }
    let labels = |label: &str| {
        let body = format!("{first}\n{}", r#"{"s":{"p":0.2,"q":0.8}}"#);
        let labels = reader(JsonLines, label, "values(s)", &[]).labels(body.as_bytes(), 2).unwrap();
        labels.iter().map(|label| typing::parse(label.raw()).print()).collect::<Vec<_>>()
    };
    assert_eq!(labels("keys(s)"), ["a", "q"]);
}

/// A model whose answers have a line of several values for each row does not answer several rows on one line.
#[test]
fn half_an_answer_is_none_once_lines_had_several_values() {
    let labels = fresh(Csv, "0", "", &[]);
    assert!(matches!(labels.labels(b"1,0", 2), Err(Unusable::InDoubt)));
    assert_eq!(labels.labels(b"1,0.4\n0,0.2\n", 2).unwrap().len(), 2);
    assert!(matches!(labels.labels(b"1,0.47", 2), Err(Unusable::Count(1))));
    assert_eq!(labels.labels(b"1,0.47", 1).unwrap().len(), 1);
    let scores = reader(Csv, "", "", &[]);
    scores.scores(b"[0.1, 0.9]", 1, None).unwrap();
    assert!(matches!(scores.scores(b"0.1,0.9", 2, None), Err(Unusable::Count(1))));
    let plain = reader(Csv, "", "", &[]);
    plain.scores(b"0.1\n0.9", 2, None).unwrap();
    assert_eq!(plain.scores(b"0.1,0.9", 2, None).unwrap().values, [0.1, 0.9]);
    // Nothing that was taken for values of several rows was the answer of one.
    assert!(matches!(plain.scores(b"0.1,0.9", 1, None), Err(Unusable::Count(2))));
    assert!(matches!(plain.scores(b"0.1,0.9\n0.2,0.8", 2, None), Err(Unusable::Count(1))));
}

#[test]
fn labels_mean_what_they_mean_in_a_dataset() {
    let cells = |reader: Reader, body: &str, n: usize| -> Vec<Cell> {
        let labels = reader.labels(body.as_bytes(), n).unwrap();
        labels.iter().map(|label| typing::parse(label.raw())).collect()
    };
    let text = |text: &str| Cell::Text(text.into());
    let expected = [Cell::Bool(true), Cell::Float(1000.0), text("007x")];
    assert_eq!(cells(reader(Csv, "0", "", &[]), "True\n1e3\n007x\n", 3), expected);
    let expected = [Cell::Int(1), text("1"), Cell::Bool(true)];
    assert_eq!(cells(reader(JsonLines, "l", "", &[]), "{\"l\":1}\n{\"l\":\"1\"}\n{\"l\":true}", 3), expected);
    assert_eq!(cells(reader(Csv, "", "", &["no", "3"]), "0.1,0.9\n0.8,0.2", 2), [Cell::Int(3), text("no")]);
    assert_eq!(cells(reader(Csv, "", "", &[]), "0.5\n0.51", 2), [Cell::Int(0), Cell::Int(1)]);
}

#[test]
fn places_that_do_not_fit_are_told() {
    let below = reader(Json, "", "p[*].scores", &[]);
    let told = problem(below.scores(br#"{"p":[{"score":1},{"score":1}]}"#, 2, None));
    assert!(told.starts_with("PL0603") && told.contains("score"), "{told}");
    let once = reader(Json, "labels", "p", &[]);
    let told = problem(once.labels(br#"{"p":[[0.1,0.9],[0.2,0.8]],"labels":["no","yes","maybe"]}"#, 2));
    assert!(told.contains("`predictor.label`") && told.contains("`label_headers`"), "{told}");
}

/// A live answer is read by the reader of captured ones, which counts.
#[test]
fn a_response_to_another_number_of_records_is_no_response() {
    for (kind, place, body) in [
        (Csv, "", "0.1\n0.2\n"),
        (Csv, "", "[0.1, 0.9],[0.2, 0.8]"),
        (JsonLines, "s", "{\"s\":0.1}\n{\"s\":0.2}"),
        (Json, "p[*].s", r#"{"p":[{"s":0.1},{"s":0.2}]}"#),
    ] {
        let reader = reader(kind, "", place, &[]);
        assert!(reader.scores(body.as_bytes(), 2, None).is_ok(), "{body}");
        // A list for one record may be its scores.
        let others: &[usize] = if kind == Json { &[3, 0] } else { &[3, 1, 0] };
        for &n in others {
            let scores = reader.scores(body.as_bytes(), n, None);
            assert!(matches!(scores, Err(Unusable::Count(2))), "{body}: {scores:?}");
            let labels = reader.labels(body.as_bytes(), n);
            assert!(matches!(labels, Err(Unusable::Count(2))), "{body}: {labels:?}");
        }
    }
}

/// The predictions of rows (0, 0), (1, 1), ... as a column: of a live model, of captured records, and of a dataset where one
/// is given, by its format.
fn three_ways(
    (kind, label, probability, headers): (ContentType, &str, &str, &[&str]),
    body: &str,
    n: usize,
    dataset: Option<(DatasetFormat, String)>,
) -> Vec<Values> {
    let live = reader(kind, label, probability, headers);
    let mut found = vec![super::super::column_of(live.labels(body.as_bytes(), n).unwrap().iter())];

    let column = |analysis: &Analysis, text: &str, name: &str| {
        let reading = fixture::read(&[("a", text.as_bytes())], analysis, &fixture::keep_rows()).unwrap();
        reading.rows().unwrap().table.column(name).unwrap().values.clone()
    };
    let mut captured = fixture::analysis(DatasetFormat::Capture);
    let at = |path: &str| (!path.is_empty()).then(|| fixture::name(path));
    captured.predictor = Some(Predictor {
        label: at(label),
        probability: at(probability),
        label_headers: (!headers.is_empty()).then(|| headers.iter().map(|name| name.to_string()).collect()),
        ..Predictor::default()
    });
    captured.predicted_label = None;
    captured.dataset.headers = Some(["a", "b", "y"].map(String::from).to_vec());
    let lines = |line: &dyn Fn(usize) -> String| (0..n).map(line).collect::<Vec<_>>().join("\n");
    let part =
        |data: String, kind: &str| json!({"data": data, "encoding": "CSV", "observedContentType": kind});
    let record = json!({
        "captureData": {
            "endpointInput": part(lines(&|row| format!("{row},{row}")), "text/csv"),
            "endpointOutput": part(body.into(), kind.mime()),
        },
        "groundTruthData": part(lines(&|row| row.to_string()), "text/csv"),
    });
    found.push(column(&captured, &record.to_string(), "predicted_label0"));
    if let Some((format, text)) = dataset {
        let mut analysis = fixture::analysis(format);
        analysis.dataset.headers = Some(["a", "b", "y", "pred"].map(String::from).to_vec());
        found.push(column(&analysis, &text, "pred"));
    }
    found
}

#[test]
fn an_answer_means_one_thing_live_captured_and_in_a_dataset() {
    let all_alike = |found: &[Values]| found.iter().all(|column| *column == found[0]);
    for cells in [
        ["1", "0", "1"],
        ["1.0", "0.0", "1"],
        ["True", "False", "True"],
        ["True", "0", "1"],
        ["yes", "no", "True"],
        ["007", "7", "7.0"],
        ["1e3", "1000", "-0"],
        [" 1", "1 ", "0"],
        ["\"a,b\"", "c", "\"d\""],
        ["inf", "1", "2.5"],
    ] {
        let rows: Vec<String> =
            cells.iter().enumerate().map(|(row, cell)| format!("{row},{row},{row},{cell}")).collect();
        let dataset = Some((DatasetFormat::Csv, rows.join("\n")));
        let found = three_ways((Csv, "0", "", &[]), &cells.join("\n"), 3, dataset);
        assert!(all_alike(&found), "{cells:?}: {found:?}");
    }
    for tokens in [
        ["1", "0", "1"],
        ["1.0", "0", "2.5"],
        ["true", "false", "true"],
        ["true", "0", "1"],
        ["\"1\"", "\"0\"", "\"1\""],
        ["\"yes\"", "1", "\"no\""],
        ["\"NA\"", "\"a\"", "\"\\u00fc\""],
        ["Infinity", "1", "2"],
    ] {
        let answers: Vec<String> = tokens.iter().map(|token| format!("{{\"l\": {token}}}")).collect();
        let rows = tokens.iter().enumerate();
        let rows = rows
            .map(|(row, token)| format!("{{\"features\": [{row}, {row}], \"y\": {row}, \"pred\": {token}}}"));
        let dataset = || Some((DatasetFormat::JsonLines, rows.clone().collect::<Vec<_>>().join("\n")));
        let lines = three_ways((JsonLines, "l", "", &[]), &answers.join("\n"), 3, dataset());
        let list = format!("{{\"p\": [{}]}}", answers.join(", "));
        let list = three_ways((Json, "p[*].l", "", &[]), &list, 3, dataset());
        assert!(all_alike(&[lines.clone(), list].concat()), "{tokens:?}: {lines:?}");
    }
    // Scores, from which a label is made.
    let classes = &["a", "b", "c"][..];
    for (says, body, n) in [
        ((Csv, "", "", classes), "[0.1, 0.7, 0.2],[0.2, 0.3, 0.5]", 2),
        ((Csv, "", "", classes), "[0.1 0.7 0.2]\n[0.2 0.3 0.5]", 2),
        ((Csv, "", "", classes), "\"[0.1, 0.7, 0.2]\"", 1),
        ((Csv, "", "", &[]), "0.4,0.6,0.5", 3),
        ((Csv, "", "", &[]), "true\nFalse", 2),
        ((Csv, "0", "1", &[]), "\"['no', 'yes']\",\"[0.1, 0.9]\"", 1),
        ((Json, "", "p[*].s", &[]), r#"{"p": [{"s": true}, {"s": "0.7"}, {"s": 0.5}]}"#, 3),
        ((JsonLines, "", "s", classes), "{\"s\": \"[0.1, 0.7, 0.2]\"}", 1),
    ] {
        let found = three_ways(says, body, n, None);
        assert!(found.len() == 2 && all_alike(&found), "{body}: {found:?}");
    }
}
