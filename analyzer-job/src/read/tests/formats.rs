use super::*;

/// A row of the data that every format is given.
type Row = (i16, Option<&'static str>, f32, bool, i64, i64);

const HEADERS: [&str; 6] = ["n", "sex", "score", "member", "y", "pred"];

fn rows() -> Vec<Row> {
    (0..60)
        .map(|row| {
            let sex = ["f", "m", "x"].get(row * 5 % 4).copied();
            let score = (row * 13 % 17) as f32 / 8.0 + 0.5;
            (row as i16 % 3, sex, score, row % 5 == 0, (row * 7 % 11 < 5) as i64, (row * 5 % 9 < 4) as i64)
        })
        .collect()
}

fn features((n, sex, score, member, ..): &Row) -> Json {
    json!([n, sex, score, member])
}

fn analysis_of_rows(format: DatasetFormat) -> Analysis {
    let mut analysis = fixture::analysis(format);
    analysis.dataset.headers = Some(HEADERS.map(String::from).to_vec());
    analysis.facets = vec![
        fixture::facet("sex", &[]),
        fixture::facet("score", &[Scalar::Int(1)]),
        fixture::facet("member", &[Scalar::Int(1)]),
    ];
    analysis.group_variable = Some(name("n"));
    analysis
}

#[test]
fn every_format_of_the_same_rows_gives_the_same_counts() {
    let rows = rows();
    let mut csv = HEADERS.join(",") + "\n";
    let mut lines = String::new();
    for row in &rows {
        let (n, sex, score, member, y, pred) = row;
        csv.push_str(&format!("{n},{},{score:?},{member},{y},{pred}\n", sex.unwrap_or_default()));
        lines.push_str(&format!("{}\n", json!({"id": "a", "features": features(row), "y": y, "pred": pred})));
    }
    let expected = both_ways(&[("a.csv", csv.as_bytes())], &analysis_of_rows(DatasetFormat::Csv));
    assert_eq!(expected.counts.facets.len(), 6);
    let above = rows.iter().filter(|row| row.2 > 1.0).count() as u64;
    let sensitive: Vec<u64> = expected.counts.facets.iter().map(|facet| facet.total.d.n()).collect();
    assert_eq!(sensitive, [15, 15, 15, 0, above, 12]);
    let check = |counted: Counted, what: &str| {
        assert_eq!(counted.counts, expected.counts, "{what}");
        assert_eq!(counted.intersections, expected.intersections, "{what}");
    };

    check(
        both_ways(&[("a.jsonl", lines.as_bytes())], &analysis_of_rows(DatasetFormat::JsonLines)),
        "JSON Lines",
    );

    let records: Vec<Json> =
        rows.iter().map(|row| json!({"f": features(row), "y": row.4, "p": {"q": row.5}})).collect();
    let document = json!({ "instances": records }).to_string();
    let mut analysis = analysis_of_rows(DatasetFormat::Json);
    analysis.dataset.features = Some("instances[*].f".into());
    analysis.label = Some(name("instances[*].y"));
    analysis.predicted_label = Some(name("instances[].p.q"));
    check(both_ways(&[("a.json", document.as_bytes())], &analysis), "JSON");

    let arrays: [ArrayRef; 6] = [
        Arc::new(Int16Array::from_iter_values(rows.iter().map(|row| row.0))),
        Arc::new(StringArray::from_iter(rows.iter().map(|row| row.1))),
        Arc::new(Float32Array::from_iter_values(rows.iter().map(|row| row.2))),
        Arc::new(BooleanArray::from_iter(rows.iter().map(|row| Some(row.3)))),
        Arc::new(arrow_array::UInt64Array::from_iter_values(rows.iter().map(|row| row.4 as u64))),
        Arc::new(arrow_array::Int64Array::from_iter_values(rows.iter().map(|row| row.5))),
    ];
    let batch = RecordBatch::try_from_iter(HEADERS.into_iter().zip(arrays)).unwrap();
    let mut file = Vec::new();
    let mut writer = ::parquet::arrow::ArrowWriter::try_new(&mut file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    check(both_ways(&[("a.parquet", &file)], &analysis_of_rows(DatasetFormat::Parquet)), "Parquet");

    // Merged captures: several rows to a record, CSV and JSON payloads, labels in their own place.
    let mut analysis = analysis_of_rows(DatasetFormat::Capture);
    analysis.predicted_label = None;
    analysis.dataset.headers = Some(HEADERS[..5].iter().map(|&name| name.into()).collect());
    let mut by_label = analysis.clone();
    by_label.predictor = Some(Predictor { label: Some(name("p")), ..Predictor::default() });
    let mut merged = String::new();
    for rows in rows.chunks(7) {
        let join = |line: &dyn Fn(&Row) -> String| rows.iter().map(line).collect::<Vec<_>>().join("\n");
        let record = json!({
            "captureData": {
                "endpointInput": {
                    "data": join(&|row| json!({"features": features(row)}).to_string()),
                    "encoding": "JSON", "observedContentType": "application/jsonlines"
                },
                "endpointOutput": {
                    "data": join(&|row| json!({"p": row.5, "score": 0.5}).to_string()) + "\n",
                    "encoding": "JSON", "observedContentType": "application/jsonlines"
                }
            },
            "groundTruthData": {"data": join(&|row| json!({"y": row.4}).to_string()), "encoding": "JSON"},
            "eventMetadata": {"eventId": "e"}
        });
        writeln!(merged, "{record}").unwrap();
    }
    check_capture(&merged, &by_label, &expected);

    let mut by_score = analysis;
    by_score.dataset.headers = Some(["n", "y", "sex", "score", "member"].map(String::from).to_vec());
    by_score.dataset.features = None;
    let mut merged = String::new();
    for rows in rows.chunks(7) {
        let join = |line: &dyn Fn(&Row) -> String| rows.iter().map(line).collect::<Vec<_>>().join("\n");
        let record = json!({
            "captureData": {
                "endpointInput": {
                    "data": join(&|(n, sex, score, member, ..)| {
                        format!("{n},{},{score:?},{member}", sex.unwrap_or_default())
                    }),
                    "encoding": "CSV"
                },
                // All scores on one line, as some model servers answer.
                "endpointOutput": {
                    "data": base64(&rows.iter().map(|row| format!("{}", row.5 as f64 * 0.3 + 0.5)).collect::<Vec<_>>().join(",")),
                    "encoding": "BASE64", "observedContentType": "text/csv; charset=utf-8"
                }
            },
            "groundTruthData": {"data": join(&|row| row.4.to_string()), "encoding": "CSV"}
        });
        writeln!(merged, "{record}").unwrap();
    }
    check_capture(&merged, &by_score, &expected);
}

#[track_caller]
fn check_capture(merged: &str, analysis: &Analysis, expected: &Counted) {
    let counted = both_ways(&[("2024/01/19/20/a.jsonl", merged.as_bytes())], analysis);
    assert_eq!(counted.counts, expected.counts);
    // An array of the records is the same as their lines.
    let array = format!("[{}]", merged.trim_end().replace('\n', ","));
    assert_eq!(both_ways(&[("a.jsonl", array.as_bytes())], analysis).counts, expected.counts);
}
