use super::*;

/// The last text of a line of a captured request or label has its blanks, as in a dataset.
#[test]
fn texts_at_the_ends_of_captured_lines_keep_their_blanks() {
    let mut analysis = monitor();
    analysis.label = Some(name("target"));
    analysis.predictor = None;
    analysis.facets = vec![fixture::facet("sex", &[Scalar::Text("f ".into())])];
    let text = json!({
        "captureData": {
            "endpointInput": {"data": "1,f \n2,m\r\n3, f\t\n", "encoding": "CSV"},
            "endpointOutput": {"data": "0.1\n0.9\n0.2", "encoding": "CSV"},
        },
        "groundTruthData": {"data": "yes \n no\nyes", "encoding": "CSV"},
    });
    let found = table(&[("a.jsonl", text.to_string().as_bytes())], &analysis).columns;
    assert_eq!(found[1].values, self::text(&["f ", "m", " f\t"], &[0, 1, 2]));
    assert_eq!(found[2].values, self::text(&["yes ", " no", "yes"], &[0, 1, 2]));
}

/// As some editors and programs begin a file: no part of a value, in any part of a record and under any encoding.
#[test]
fn a_mark_of_the_byte_order_is_no_part_of_a_captured_text() {
    use base64::Engine as _;
    let mut analysis = monitor();
    analysis.dataset.features = Some("@".into());
    analysis.label = Some(name("target"));
    analysis.predictor = None;
    analysis.facets = vec![fixture::facet("sex", &[Scalar::Text("f".into())])];
    for base64 in [false, true] {
        let part = |text: &str| {
            let text = format!("\u{feff}{text}");
            match base64 {
                true => {
                    json!({"data": base64::engine::general_purpose::STANDARD.encode(text), "encoding": "BASE64"})
                }
                false => json!({"data": text, "encoding": "CSV"}),
            }
        };
        for (input, truth) in [("f,1\nm,2", "yes\nno"), ("[[\"f\",1],[\"m\",2]]", "[\"yes\",\"no\"]")] {
            let text = json!({
                "captureData": {"endpointInput": part(input), "endpointOutput": part("0.1\n0.9")},
                "groundTruthData": part(truth),
            });
            let found = table(&[("a.jsonl", text.to_string().as_bytes())], &analysis).columns;
            assert_eq!(found[0].values, self::text(&["f", "m"], &[0, 1]), "{text}");
            assert_eq!(found[2].values, self::text(&["yes", "no"], &[0, 1]), "{text}");
        }
    }
}

/// A path that leads past a list is told so, not by the key that it asks for.
#[test]
fn a_label_in_a_list_of_records_is_told_with_the_path_that_finds_it() {
    let text = record(None, r#"{"features":[1,0]}"#, r#"{"score":0.7}"#, r#"[{"y":1}]"#);
    let told =
        fixture::read(&[("a.jsonl", text.as_bytes())], &monitor(), &keep_rows()).unwrap_err().to_string();
    assert!(
        told.contains("in a list; a path into its records begins with `[*]`") && told.contains("`y`"),
        "{told}"
    );
}

/// Records outside of the window are none of those that a look wants.
#[test]
fn a_look_goes_past_records_outside_of_the_window() {
    let at = |hour: u32, x: u32| {
        let time = format!("2024-01-19T{hour}:00:00Z");
        record(Some(&time), &format!("{{\"features\":[{x},{}]}}", x % 2), r#"{"score":0.7}"#, r#"{"y":1}"#)
    };
    let text = [at(10, 1), at(10, 2), at(12, 3), at(10, 4), at(12, 5), at(12, 6)].concat();
    let window = ("2024-01-19T12:00:00Z".parse().unwrap(), "2024-01-19T13:00:00Z".parse().unwrap());
    let options = Options { window: Some(window), limit: Some(2), ..keep_rows() };
    let reading = fixture::read(&[("a.jsonl", text.as_bytes())], &monitor(), &options).unwrap();
    assert_eq!(reading.rows().unwrap().table.columns[0].values, Values::Int(vec![3, 5]));
}

/// A record of a batch transform that holds several documents has the answers of each beside its own rows.
#[test]
fn documents_of_a_batch_record_are_paired_one_by_one() {
    let document = |xs: &[i64]| {
        let rows: Vec<Json> = xs.iter().map(|x| json!([x, x % 2])).collect();
        let scores: Vec<Json> = xs.iter().map(|x| json!({"score": if *x > 2 { 0.9 } else { 0.1 }})).collect();
        json!({"features": rows, "SageMakerOutput": {"p": scores}}).to_string()
    };
    for parts in [&[&[1, 2, 3][..]][..], &[&[1, 2], &[3]], &[&[1], &[2, 3]], &[&[1], &[2], &[3]]] {
        let data = parts.iter().map(|xs| document(xs)).collect::<Vec<_>>().join("\n");
        let text = json!({
            "captureData": {"batchTransformOutput": {"data": data, "encoding": "JSON", "observedContentType": "application/jsonlines"}},
            "groundTruthData": {"data": "1\n0\n1", "encoding": "CSV"},
        });
        let mut analysis = monitor();
        analysis.label = Some(name("target"));
        analysis.predictor =
            Some(Predictor { probability: Some(name("p[*].score")), ..Predictor::default() });
        let reading =
            fixture::read(&[("a.jsonl", text.to_string().as_bytes())], &analysis, &keep_rows()).unwrap();
        let columns = &reading.rows().unwrap().table.columns;
        assert_eq!(columns[0].values, Values::Int(vec![1, 2, 3]), "{data}");
        assert_eq!(columns[3].values, Values::Int(vec![0, 0, 1]), "{data}");
    }
}

#[test]
fn records_whose_counts_differ_are_dropped_and_named_never_shifted() {
    let analysis = monitor();
    let good = record(None, r#"{"features":[1,0]}"#, r#"{"score":0.7}"#, r#"{"y":1}"#);
    let two = r#"{"features":[1,0]}
{"features":[2,1]}"#;
    let bad = record(None, two, r#"{"score":0.7}"#, "{\"y\":1}\n{\"y\":0}");
    let text = [good.as_str(), &bad, &good].concat();
    let reading = fixture::read(&[("h/a.jsonl", text.as_bytes())], &analysis, &keep_rows()).unwrap();
    assert_eq!((reading.row_counts.records_read, reading.row_counts.rows), (3, 2));
    let skipped = &reading.row_counts.records_skipped[0];
    assert_eq!(skipped.records, 1);
    assert_eq!(skipped.examples, ["h/a.jsonl, line 2: event e-1: 2 input rows, 1 prediction, 2 labels"]);
    let columns = &reading.rows().unwrap().table.columns;
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["x", "sex", "target", "predicted_label0"]);
    assert_eq!(columns[3].values, Values::Int(vec![1, 1]));

    let strict = Options { strict: true, ..Options::default() };
    let error = fixture::read(&[("a.jsonl", text.as_bytes())], &analysis, &strict).unwrap_err().to_string();
    assert!(error.contains("a.jsonl, line 2") && error.contains("2 input rows, 1 prediction"), "{error}");
    // Labels alone may be the ones that do not fit.
    let few = record(None, two, "{\"score\":0.7}\n{\"score\":0.1}", r#"{"y":1}"#);
    let reading =
        fixture::read(&[("a.jsonl", [good.as_str(), &few].concat().as_bytes())], &analysis, &keep_rows());
    assert_eq!(
        reading.unwrap().row_counts.records_skipped[0].examples[0],
        "a.jsonl, line 2: event e-1: 2 input rows, 2 predictions, 1 label"
    );
    let mostly = [good.as_str(), &bad, "{}\n"].concat();
    fails(&[("a.jsonl", mostly.as_bytes())], &analysis, &["PL0308", "2 of 3 records", "line 2"]);
}

/// Also lines that follow each other, which could be one value that does not end.
#[test]
fn damaged_lines_of_captures_are_dropped_and_counted_each() {
    let good = record(None, r#"{"features":[1,0]}"#, r#"{"score":0.7}"#, r#"{"y":1}"#);
    for at in 0..=6 {
        for bad in 1..=5 {
            let mut lines = vec![good.clone(); 6];
            lines.splice(at..at, std::iter::repeat_n(format!("{}\n", &good[..60]), bad));
            let files = [("a.jsonl", lines.concat().into_bytes())];
            let files = files.each_ref().map(|(name, text)| (*name, text.as_slice()));
            let counts = fixture::read(&files, &monitor(), &keep_rows()).unwrap().row_counts;
            let skipped: u64 = counts.records_skipped.iter().map(|skipped| skipped.records).sum();
            assert_eq!((counts.records_read, counts.rows, skipped), (6 + bad as u64, 6, bad as u64), "{at}");
        }
    }
}

#[test]
fn a_window_counts_its_start_and_not_its_end() {
    let analysis = monitor();
    let at = |time: &str| record(Some(time), r#"{"features":[1,0]}"#, r#"{"score":0.7}"#, r#"{"y":1}"#);
    let text = [
        at("2024-01-19T18:59:59Z"),
        at("2024-01-19T19:00:00Z"),
        at("2024-01-19T20:29:59Z"),
        at("2024-01-19T20:30:00Z"),
        at("2024-01-19T19:30:00"),
    ]
    .concat();
    let window = ("2024-01-19T19:00:00Z".parse().unwrap(), "2024-01-19T20:30:00Z".parse().unwrap());
    let options = Options { window: Some(window), ..Options::default() };
    let reading = fixture::read(&[("a.jsonl", text.as_bytes())], &analysis, &options).unwrap();
    assert_eq!((reading.row_counts.records_read, reading.row_counts.rows), (5, 3));
    // Without a time the hour of the folder counts.
    let untimed = record(None, r#"{"features":[1,0]}"#, r#"{"score":0.7}"#, r#"{"y":1}"#);
    let files: &[(&str, &[u8])] = &[
        ("e/2024/01/19/18/a.jsonl", untimed.as_bytes()),
        ("e/2024/01/19/20/a.jsonl", untimed.as_bytes()),
        ("e/2024/01/19/21/a.jsonl", untimed.as_bytes()),
    ];
    assert_eq!(fixture::read(files, &analysis, &options).unwrap().row_counts.rows, 1);
    // The hours that touch a window on either side are not in it.
    let window = ("2024-01-19T19:00:00Z".parse().unwrap(), "2024-01-19T20:00:00Z".parse().unwrap());
    let options = Options { window: Some(window), ..Options::default() };
    for (hour, rows) in [(18, 0), (19, 1), (20, 0)] {
        let timed = at("2024-01-19T19:59:59Z");
        let folder = format!("e/2024/01/19/{hour}/a.jsonl");
        let files: &[(&str, &[u8])] = &[(&folder, untimed.as_bytes()), ("z.jsonl", timed.as_bytes())];
        assert_eq!(fixture::read(files, &analysis, &options).unwrap().row_counts.rows, rows + 1, "{hour}");
    }
}

#[test]
fn one_document_holds_all_records_of_a_request() {
    let mut analysis = monitor();
    analysis.dataset.features = Some("instances[*].features".into());
    analysis.label = Some(name("instances[*].label"));
    analysis.predictor =
        Some(Predictor { label: Some(name("predictions[*].predicted_label")), ..Predictor::default() });
    let text = record(
        None,
        r#"{"instances":[{"features":[1,0]},{"features":[2,1]}]}"#,
        r#"{"predictions":[{"predicted_label":1},{"predicted_label":0}]}"#,
        r#"{"instances":[{"label":0},{"label":1}]}"#,
    );
    let expected = table(&[("a.jsonl", text.as_bytes())], &analysis);
    assert_eq!(expected.columns[2].values, Values::Int(vec![0, 1]));
    assert_eq!(expected.columns[3].values, Values::Int(vec![1, 0]));
    let batch = json!({
        "captureData": {"batchTransformOutput": {"encoding": "JSON", "data": json!({
            "SageMakerOutput": {"predictions": [{"predicted_label": 1}, {"predicted_label": 0}]},
            "instances": [{"features": [1, 0]}, {"features": [2, 1]}]
        }).to_string()}},
        "groundTruthData": {"data": r#"{"instances":[{"label":0},{"label":1}]}"#, "encoding": "JSON"},
        "eventMetadata": {"eventId": "e-1"}
    })
    .to_string();
    assert_eq!(table(&[("a.jsonl", batch.as_bytes())], &analysis), expected);
    let csv = json!({
        "captureData": {"batchTransformOutput": {"encoding": "CSV", "data": "1,0,0.9\n2,1,0.2\n"}},
        "groundTruthData": {"data": "0\n1", "encoding": "CSV"}
    })
    .to_string();
    let mut by_score = monitor();
    by_score.label = Some(name("target"));
    by_score.predictor = None;
    assert_eq!(table(&[("a.jsonl", csv.as_bytes())], &by_score), expected);
    // Of several outputs behind the inputs the one at its position.
    by_score.predictor = Some(Predictor { probability: Some(Location::Index(2)), ..Predictor::default() });
    let csv = csv.replace("0,0.9", "0,7,0.1,0.9").replace("1,0.2", "1,7,0.8,0.2");
    assert_eq!(table(&[("a.jsonl", csv.as_bytes())], &by_score), expected);
}

#[test]
fn scores_with_label_headers_predict_the_highest() {
    let mut analysis = monitor();
    analysis.predictor = Some(Predictor {
        probability: Some(name("scores")),
        label_headers: Some(["low", "high"].map(String::from).to_vec()),
        ..Predictor::default()
    });
    let text = record(None, r#"{"features":[1,0]}"#, r#"{"scores":[0.2,0.8]}"#, r#"{"y":"low"}"#);
    let found = table(&[("a.jsonl", text.as_bytes())], &analysis);
    assert_eq!(found.columns[3].values, self::text(&["high"], &[0]));
    analysis.predictor = Some(Predictor {
        label: Some(Location::Index(0)),
        probability: Some(Location::Index(1)),
        ..Predictor::default()
    });
    let text = json!({
        "captureData": {
            "endpointInput": {"data": "1,0", "encoding": "CSV"},
            "endpointOutput": {"data": "\"['a', 'b']\",\"[0.1, 0.9]\"", "encoding": "CSV"}
        },
        "groundTruthData": {"data": "a", "encoding": "CSV"}
    })
    .to_string();
    analysis.label = Some(name("target"));
    let found = table(&[("a.jsonl", text.as_bytes())], &analysis);
    assert_eq!(found.columns[3].values, self::text(&["b"], &[0]));
}

#[test]
fn a_single_score_beside_the_names_of_several_is_told_in_one_run_and_in_parts() {
    let mut analysis = monitor();
    let files: Vec<(String, String)> = (["0.8", "[0.2,0.8]", "[0.9,0.1]"].iter().enumerate())
        .map(|(at, scores)| {
            let output = format!("{{\"score\":{scores}}}");
            (format!("{at}.jsonl"), record(None, r#"{"features":[1,0]}"#, &output, r#"{"y":"low"}"#))
        })
        .collect();
    for (names, n_files) in [(&["low", "high"][..], 3), (&["low", "high"], 1), (&["score"], 1), (&[], 1)] {
        let label_headers = (!names.is_empty()).then(|| names.iter().map(ToString::to_string).collect());
        analysis.predictor =
            Some(Predictor { probability: Some(name("score")), label_headers, ..Predictor::default() });
        let files = &files[..n_files];
        let bytes: Vec<(&str, &[u8])> =
            files.iter().map(|(name, text)| (name.as_str(), text.as_bytes())).collect();
        let readings = [
            fixture::read(&bytes, &analysis, &keep_rows()),
            fixture::read(&bytes, &analysis, &Options::default()),
            fixture::combined(files, &analysis, &keep_rows()),
        ];
        for reading in readings {
            let told = reading.unwrap().warnings.join("\n");
            let is_told = told.contains("0.jsonl") && told.contains("have one score for a record");
            assert_eq!(is_told, names.len() > 1, "{names:?} {n_files}: {told}");
        }
    }
}

/// A line that is cut is known as no record once the next one was read, and named before it all the same.
#[test]
fn bad_records_are_named_in_the_order_of_their_lines_in_one_run_and_in_parts() {
    let good = record_of(r#"{"features":[1,0]}"#);
    let two = record(None, r#"{"features":[1,0]}"#, r#"{"score":0.7}"#, r#"{"y":[1,0]}"#);
    let mut analysis = monitor();
    analysis.facets = vec![fixture::facet("sex", &[Scalar::Int(0)])];
    let files = [good.repeat(4), [&good, &good[..80], "\n", &two, &good, &good].concat()];
    let named = |reading: Reading| {
        let skipped = &reading.row_counts.records_skipped[0];
        let lines =
            skipped.examples.iter().map(|text| text.split(':').next().unwrap_or_default().to_string());
        (skipped.records, lines.collect::<Vec<_>>(), skipped.examples.clone())
    };
    let texts = [("0.jsonl", files[0].as_bytes()), ("1.jsonl", files[1].as_bytes())];
    let whole = named(fixture::read(&texts, &analysis, &keep_rows()).unwrap());
    assert_eq!(
        (whole.0, whole.1.as_slice()),
        (2, &["1.jsonl, line 2", "1.jsonl, line 3"].map(String::from)[..])
    );
    let counted = named(fixture::read(&texts, &analysis, &Options::default()).unwrap());
    let parts = texts.map(|(name, text)| (name.to_string(), String::from_utf8_lossy(text).into_owned()));
    let combined = named(fixture::combined(&parts, &analysis, &keep_rows()).unwrap());
    assert_eq!((&whole, &whole), (&counted, &combined));
}
