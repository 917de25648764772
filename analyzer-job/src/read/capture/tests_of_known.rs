use std::path::Path;

use plumbline_common::input::InputFile;
use serde_json::{Value as Json, json};

use super::*;
use crate::config::{Analysis, Predictor};
use crate::read::Options;
use crate::read::capture::outcome::Outcome;
use crate::read::capture::tests::{both, with_roles};
use crate::read::capture::{Met, Reader};
use crate::read::fixture::name;

const NO_FILES: &[InputFile] = &[];

/// A record whose payloads have these texts, which is written without blanks.
fn record(request: &str, answer: &str, truth: &str) -> Json {
    let payload = |text: &str| json!({"observedContentType": "application/jsonlines", "mode": "X", "data": text, "encoding": "JSON"});
    json!({
        "captureData": {"endpointInput": payload(request), "endpointOutput": payload(answer)},
        "groundTruthData": payload(truth),
        "eventMetadata": {"eventId": "é1", "inferenceTime": "2024-01-02T03:04:05Z"},
        "eventVersion": "0",
    })
}

/// How many of these records are taken in as ones that are like earlier ones, the first of which is read as any.
fn n_known(lines: &[String], analysis: &Analysis, options: &Options) -> usize {
    let mut reader = Reader::new(NO_FILES, analysis, options, false).unwrap();
    let (mut known, mut outcome) = (KnownRecords::default(), Outcome::new(None));
    let mut n_known = 0;
    for line in lines {
        if reader.take_known(line.as_bytes(), None, &mut known, &mut outcome) {
            n_known += 1;
            continue;
        }
        if let Ok(record) = serde_json::from_str(line) {
            let met = Met::Record { record: &record, text: line, hour: None };
            reader.meet(Path::new(""), 1, met, &mut outcome).unwrap();
        }
        reader.learn(line.as_bytes(), &mut known, &outcome);
    }
    n_known
}

fn both_ways(lines: &[String], analysis: &Analysis) -> [Option<String>; 2] {
    both(&[lines.join("\n").into_bytes()], analysis, &Options::default(), 1 << 20, 1)
}

/// That records are read in blocks as one after the other, and how many are known.
#[track_caller]
fn check(lines: &[String], analysis: &Analysis, options: &Options, known: usize) {
    let [alone, in_blocks] = both(&[lines.join("\n").into_bytes()], analysis, options, 1 << 20, 1);
    assert!(alone.is_some() && alone == in_blocks, "{lines:?}: {alone:?} {in_blocks:?}");
    assert_eq!(n_known(lines, analysis, options), known, "{lines:?}");
}

#[test]
fn records_of_one_program_are_known_after_the_first() {
    for (request, answer, truth, known) in [
        ("{\"id\":I,\"features\":[A,\"m\",B]}", "{\"l\":L,\"s\":S}", "{\"y\":Y}", 5),
        ("{\"features\":[[A,\"f\",B]]}\n", "{\"l\":[L]}\n", "{\"y\":[Y]}\n", 5),
        (" {\"features\" : [ A , true,null ] }", "{\"more\":[S],\"l\":\"L\"}", "[Y]", 5),
        ("{\"features\":[[A,\"x\",B],[3,A,1]]}", "{\"l\":[L,1]}", "{\"y\":[Y,Y]}", 5),
        ("{\"features\":[1,A,B],\"t\":\"a\\\\\\\"b\"}", "{\"l\":L}", "Y", 5),
    ] {
        let fill = |text: &str, at: usize| {
            let pick = |values: &[&'static str]| values[at % values.len()];
            text.replace('A', pick(&["1", "\"x\"", "-7e3", "\"é longer text\"", "\"\"", "12345678901"]))
                .replace('B', pick(&["\"a\"", "0.25"]))
                .replace('I', &at.to_string())
                .replace('L', pick(&["0", "1", "1"]))
                .replace('S', &format!("0.{at}7"))
                .replace('Y', pick(&["1", "0"]))
        };
        let lines: Vec<String> = (0..6)
            .map(|at| record(&fill(request, at), &fill(answer, at), &fill(truth, at)).to_string())
            .collect();
        check(&lines, &with_roles(), &Options::default(), known);
    }
}

#[test]
fn answers_mean_what_they_mean_to_any_reader() {
    let mut analysis = with_roles();
    let places = |label: Option<&str>, probability: Option<&str>| Predictor {
        label: label.map(name),
        probability: probability.map(name),
        ..Predictor::default()
    };
    for (predictor, answer, known) in [
        (places(None, Some("s")), "{\"s\":0.S}", 8),
        (places(Some("l"), Some("s")), "{\"l\":[\"a\",\"b\"],\"s\":[0.5,0.S]}", 8),
        (places(None, Some("1")), "1,0.S", 8),
        (places(Some("0"), None), "S,0.7", 8),
        (places(Some("l || s"), None), "{\"l\":S,\"s\":0.7}", 0),
    ] {
        analysis.predictor = Some(predictor);
        let lines: Vec<String> = (0..9)
            .map(|at| {
                let answer = answer.replace('S', ["3", "7", "8"][at % 3]);
                let csv = if answer.starts_with('{') { "application/json" } else { "text/csv" };
                let mut record = record("{\"features\":[1,\"f\",3]}", &answer, "{\"y\":1}");
                record["captureData"]["endpointOutput"]["observedContentType"] = json!(csv);
                record["captureData"]["endpointOutput"]["encoding"] = json!("CSV");
                record.to_string()
            })
            .collect();
        check(&lines, &analysis, &Options::default(), known);
        // Under another tag the same text is none, or another one.
        let tagged = lines.iter().map(|line| line.replace("text/csv", "application/json"));
        let both: Vec<String> =
            lines.iter().cloned().zip(tagged).flat_map(|(line, other)| [line, other]).collect();
        let [alone, in_blocks] = both_ways(&both, &analysis);
        assert!(alone == in_blocks, "{alone:?} {in_blocks:?}");
    }
}

/// A record that lacks something is left out, though its request is known.
#[test]
fn what_is_told_of_lines_is_told_once() {
    let mut analysis = with_roles();
    analysis.predictor = Some(Predictor { label: Some(name("0")), ..Predictor::default() });
    let lines: Vec<String> = (0..12)
        .map(|at| {
            let mut record = record("{\"features\":[1,\"f\",3]}", "1,0.7", ["1", "", "0"][at % 3]);
            for payload in ["/captureData/endpointOutput", "/groundTruthData"] {
                record.pointer_mut(payload).unwrap()["observedContentType"] = json!("text/csv");
            }
            record.to_string()
        })
        .collect();
    let [alone, in_blocks] = both_ways(&lines, &analysis);
    assert!(alone.is_some() && alone == in_blocks, "{alone:?} {in_blocks:?}");
}

#[test]
fn the_time_of_each_record_decides_whether_it_lies_in_the_window() {
    let window = Some(("2024-01-02T03:00:00Z".parse().unwrap(), "2024-01-02T03:05:00Z".parse().unwrap()));
    let lines: Vec<String> = (0..10)
        .map(|minute| {
            let line = record("{\"features\":[1,\"f\",3]}", "{\"l\":1}", "{\"y\":1}").to_string();
            line.replace("03:04:05", &format!("03:0{minute}:05"))
        })
        .collect();
    check(&lines, &with_roles(), &Options { window, ..Options::default() }, 4);
}

/// What `serde_json` refuses in a field that nobody asks for.
#[test]
fn ids_are_strings_or_numbers_of_json() {
    let line = |id: &str| {
        let line = record("{\"features\":[1,\"f\",3]}", "{\"l\":1}", "{\"y\":1}").to_string();
        line.replace("\"é1\"", id)
    };
    let ids =
        ["\"a\"", "\"b\"", "7", "1e999", "\"\\ud800\"", "\"\\u00e9\"", "\"\\n\"", "null", "[1]", "\"c\""];
    check(&ids.map(line), &with_roles(), &Options::default(), 2);
}

/// Each byte of a record left out, another one put in its place or before it.
#[test]
fn damage_at_every_byte_is_read_as_ever() {
    let lines = [
        record(
            "{\"i\":12,\"features\":[3,\"ab\",-1.5],\"t\":\"x\\\\\"}\n",
            "{\"l\":\"a\",\"s\":0.5}\n",
            "{\"y\":1}",
        )
        .to_string(),
        record("{\"features\":[[1,\"b\",2],[3,null,4]]}", "{\"l\":[0,1]}", "[1,0]").to_string(),
    ];
    let put =
        ["\\", "\"", "0", "-", ".", "e", ",", "]", "}", "n", " ", "\t", "é", "\\\"", "\\u0041", "\r", ""];
    for line in &lines {
        for at in (0..line.len()).filter(|&at| line.is_char_boundary(at) && line.is_char_boundary(at + 1)) {
            let mut text = vec![line.clone(), line.replace("\\\"ab\\\"", "\"ab\"")];
            for (put, instead) in put.iter().flat_map(|put| [(put, 0), (put, 1)]) {
                text.push(format!("{}{put}{}", &line[..at], &line[at + instead..]));
                text.push(line.clone());
            }
            let [alone, in_blocks] =
                both(&[text.join("\n").into_bytes()], &with_roles(), &Options::default(), 1 << 20, 1);
            assert!(alone.is_some() && alone == in_blocks, "{at}: {alone:?} {in_blocks:?}");
        }
    }
}

#[test]
fn requests_that_are_read_in_another_way_teach_nothing() {
    let with = |request: &str| record(request, "{\"l\":1}", "{\"y\":1}").to_string();
    let good = with("{\"features\":[1,2,3]}");
    for line in [
        with("1,2,3"),
        with("{\"features\":[]}"),
        with("{\"features\":[[1],2]}"),
        with("{\"features\":[1,2,3]}\n{\"features\":[1,2,3]}"),
        with("\u{feff}{\"features\":[1,2,3]}"),
        good.replace("\"encoding\":\"JSON\"", "\"encoding\":\"BASE64\""),
        good.replace("{\\\"features", "{\\u0022features"),
        good.replace("\"endpointInput\"", "\"batchTransformOutput\""),
        format!("[{good}]"),
    ] {
        let lines = [good.clone(), line.clone(), line];
        check(&lines, &with_roles(), &Options::default(), 0);
    }
}
