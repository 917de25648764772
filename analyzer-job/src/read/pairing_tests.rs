//! Rows of random shape, written in every way, with nulls and damage at every place: what is read is what was
//! written, row by row, or is left out and counted.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::fixture::{self, keep_rows, name};
use super::*;
use crate::config::{Facet, Location, Predictor, Scalar, SideDataset};

mod by_name;
mod in_doubt;

/// The cells of a column as printed, missing ones as `nan`.
fn printed(table: &Table, column: &str) -> Vec<String> {
    let values = &table.column(column).unwrap_or_else(|| panic!("no column {column}")).values;
    let (distinct, codes) = typing::distinct(values);
    codes.iter().map(|&code| distinct.values[code as usize].print()).collect()
}

fn table(files: &[(&str, &[u8])], analysis: &Analysis) -> Table {
    let reading = fixture::read(files, analysis, &keep_rows()).unwrap_or_else(|problem| panic!("{problem}"));
    reading.rows().unwrap().table.clone()
}

fn refused(files: &[(&str, &[u8])], analysis: &Analysis) -> String {
    fixture::read(files, analysis, &keep_rows()).unwrap_err().to_string()
}

fn facet(column: &str) -> Vec<Facet> {
    vec![fixture::facet(column, &[Scalar::Int(0)])]
}

/// A bias monitor whose answers are scores and whose places fit every kind of payload.
fn monitor() -> Analysis {
    let mut analysis = fixture::analysis(DatasetFormat::Capture);
    analysis.predicted_label = None;
    analysis.facets = facet("b");
    analysis.dataset.headers = Some(["a", "b", "y"].map(String::from).to_vec());
    analysis.dataset.features = Some("rows".into());
    analysis
}

/// One row of a record; a missing feature is a missing value, a missing score or label makes the record unfit.
#[derive(Debug, Clone)]
struct Written {
    a: Option<i64>,
    b: i64,
    score: Option<f64>,
    y: Option<i64>,
}

/// A record and the ways its three parts are written.
#[derive(Debug, Clone)]
struct Captured {
    rows: Vec<Written>,
    input: u8,
    output: u8,
    truth: u8,
}

fn part(data: String, kind: &str, base64: bool) -> Json {
    use base64::Engine;
    if base64 {
        let data = base64::engine::general_purpose::STANDARD.encode(data);
        return json!({"data": data, "encoding": "BASE64", "observedContentType": kind});
    }
    let encoding = if kind == "text/csv" { "CSV" } else { "JSON" };
    json!({"data": data, "encoding": encoding, "observedContentType": kind})
}

impl Captured {
    fn line(&self) -> String {
        self.line_of([&self.rows; 3])
    }

    /// With rows of their own for request, answer and labels.
    fn line_of(&self, [requests, answers, labels]: [&[Written]; 3]) -> String {
        let each = |rows: &[Written], between: &str, row: &dyn Fn(&Written) -> String| {
            rows.iter().map(row).collect::<Vec<_>>().join(between)
        };
        let cell = |value: Option<i64>| value.map_or(String::new(), |value| value.to_string());
        let features = |row: &Written| json!([row.a, row.b]);
        let score = |row: &Written| json!(row.score);
        let label = |row: &Written| json!(row.y);
        let input = match self.input % 4 {
            0 => part(
                each(requests, "\n", &|row| format!("{},{}", cell(row.a), row.b)),
                "text/csv",
                self.input > 3,
            ),
            1 => part(
                each(requests, "\n", &|row| json!({"rows": features(row)}).to_string()),
                "application/jsonlines",
                false,
            ),
            2 => part(
                json!({"rows": requests.iter().map(features).collect::<Vec<_>>()}).to_string(),
                "application/json",
                self.input > 3,
            ),
            _ => part(
                json!({"rows": requests.iter().map(features).collect::<Vec<_>>()})
                    .to_string()
                    .replace("null", "NaN"),
                "application/json; charset=utf-8",
                false,
            ),
        };
        let output = match self.output % 5 {
            0 => part(
                each(answers, "\r\n", &|row| {
                    format!("{},", row.score.map_or("NA".into(), |score| score.to_string()))
                })
                .replace(',', ""),
                "text/csv",
                false,
            ),
            1 => part(
                each(answers, ",", &|row| {
                    format!("[{}]", row.score.map_or("nan".into(), |score| score.to_string()))
                }),
                "text/csv",
                false,
            ),
            2 => part(each(answers, "\n", &|row| score(row).to_string()), "application/jsonlines", false),
            3 => part(
                json!(answers.iter().map(score).collect::<Vec<_>>()).to_string(),
                "application/json",
                self.output > 4,
            ),
            _ => part(
                json!(answers.iter().map(|row| json!([row.score])).collect::<Vec<_>>()).to_string(),
                "application/json",
                false,
            ),
        };
        let truth = match self.truth % 4 {
            0 => part(
                each(labels, "\n", &|row| row.y.map_or("NA".into(), |y| y.to_string())),
                "text/csv",
                false,
            ),
            1 => part(
                each(labels, "\n", &|row| json!({"y": row.y}).to_string()),
                "application/jsonlines",
                false,
            ),
            2 => part(
                json!({"y": labels.iter().map(label).collect::<Vec<_>>()}).to_string(),
                "text/csv",
                false,
            ),
            _ => part(
                json!(labels.iter().map(label).collect::<Vec<_>>()).to_string(),
                "application/json",
                self.truth > 3,
            ),
        };
        json!({
            "captureData": {"endpointInput": input, "endpointOutput": output},
            "groundTruthData": truth,
            "eventMetadata": {"eventId": "e"}
        })
        .to_string()
    }

    fn is_whole(&self) -> bool {
        self.rows.iter().all(|row| row.score.is_some() && row.y.is_some())
    }
}

fn captured() -> impl Strategy<Value = Captured> {
    let row = (
        prop::option::weighted(0.9, 0i64..5),
        0i64..2,
        prop::option::weighted(0.95, (0i64..9).prop_map(|tenths| tenths as f64 / 8.0)),
        prop::option::weighted(0.95, 0i64..2),
    )
        .prop_map(|(a, b, score, y)| Written { a, b, score, y });
    (prop::collection::vec(row, 1..4), 0u8..8, 0u8..10, 0u8..8)
        .prop_map(|(rows, input, output, truth)| Captured { rows, input, output, truth })
}

/// A record of these texts in CSV.
fn in_csv(input: &str, output: &str, truth: &str) -> String {
    let [input, output, truth] = [input, output, truth].map(|text| part(text.into(), "text/csv", false));
    json!({"captureData": {"endpointInput": input, "endpointOutput": output}, "groundTruthData": truth})
        .to_string()
}

proptest! {
    #[test]
    fn every_kind_on_every_side_is_paired_row_by_row_or_left_out(
        records in prop::collection::vec(captured(), 1..8),
        damage in prop::collection::vec((0usize..8, "[a-z{\"\\[:]{1,12}"), 0..3),
        as_list in any::<bool>(),
    ) {
        let mut lines: Vec<String> = records.iter().map(Captured::line).collect();
        if as_list {
            lines = vec![format!("[{}]", lines.join(","))];
        }
        for (at, text) in &damage {
            // What goes on over several lines may take one count for all.
            lines.insert((*at).min(lines.len()), format!("#{text}"));
        }
        let text = lines.join("\n");
        let good: Vec<&Written> = records.iter().filter(|record| record.is_whole()).flat_map(|record| &record.rows).collect();
        let n_bad = records.iter().filter(|record| !record.is_whole()).count() + damage.len();
        let found = fixture::read(&[("h/a.jsonl", text.as_bytes())], &monitor(), &keep_rows());
        let n = records.len() + damage.len();
        if good.is_empty() || n_bad * 2 > n {
            let error = found.unwrap_err().to_string();
            prop_assert!(error.contains("PL0308") || error.contains("PL0302"), "{}", error);
            return Ok(());
        }
        let reading = found.unwrap();
        prop_assert_eq!(reading.row_counts.records_read, n as u64);
        let skipped: u64 = reading.row_counts.records_skipped.iter().map(|skipped| skipped.records).sum();
        prop_assert_eq!(skipped, n_bad as u64);
        let table = &reading.rows().unwrap().table;
        prop_assert!(table.columns.iter().all(|column| !matches!(column.values, Values::Text(_))));
        let numbers = |column: &str| {
            printed(table, column).iter().map(|text| text.parse::<f64>().ok().filter(|value| !value.is_nan())).collect::<Vec<_>>()
        };
        let expected = |of: &dyn Fn(&Written) -> Option<f64>| good.iter().map(|row| of(row)).collect::<Vec<_>>();
        prop_assert_eq!(numbers("a"), expected(&|row| row.a.map(|a| a as f64)));
        prop_assert_eq!(numbers("b"), expected(&|row| Some(row.b as f64)));
        prop_assert_eq!(numbers("y"), expected(&|row| row.y.map(|y| y as f64)));
        prop_assert_eq!(
            numbers("predicted_label0"),
            expected(&|row| row.score.map(|score| f64::from(u8::from(score > 0.5))))
        );
    }

    /// A request, an answer and labels of which one is of another number of rows than the others: nothing tells whose is
    /// whose, so the record is left out.
    #[test]
    fn a_record_of_uneven_parts_is_left_out(record in captured(), other in captured(), side in 0usize..3) {
        prop_assume!(record.is_whole() && other.is_whole() && record.rows.len() != other.rows.len());
        let mut parts = [&record.rows[..]; 3];
        parts[side] = &other.rows;
        let text = [record.line(), record.line_of(parts), record.line()].join("\n");
        let reading = fixture::read(&[("a.jsonl", text.as_bytes())], &monitor(), &keep_rows()).unwrap();
        prop_assert_eq!(reading.row_counts.rows, 2 * record.rows.len() as u64);
        let skipped = &reading.row_counts.records_skipped;
        prop_assert!(skipped.len() == 1 && skipped[0].records == 1, "{:?}", skipped);
        prop_assert!(skipped[0].examples[0].starts_with("a.jsonl, line 2"), "{:?}", skipped);
    }

    /// Files of the same columns, each with a header row in its own order and case or without one.
    #[test]
    fn columns_of_csv_go_by_name_where_a_file_has_names(
        files in prop::collection::vec(
            (prop::collection::vec((0i64..50, "[fm]", 0i64..2), 2..6), Just(vec![0usize, 1, 2]).prop_shuffle(), 0u8..4),
            1..4,
        ),
        given in any::<bool>(),
    ) {
        let names = ["age", "sex", "y"];
        let mut analysis = fixture::analysis(DatasetFormat::Csv);
        analysis.predicted_label = None;
        analysis.methods.post_training_bias = None;
        analysis.facets = vec![fixture::facet("sex", &[Scalar::Text("f".into())])];
        if given {
            analysis.dataset.headers = Some(names.map(String::from).to_vec());
        }
        let mut expected: Vec<[String; 3]> = Vec::new();
        let mut texts = Vec::new();
        for (at, (rows, order, style)) in files.iter().enumerate() {
            // Without `headers` the first file names the columns; without names a file keeps their order.
            let plain = at == 0 && !given;
            let header = plain || *style > 0;
            let order = if plain || !header { vec![0, 1, 2] } else { order.clone() };
            let line = |cells: &[String; 3]| order.iter().map(|&column| cells[column].clone()).collect::<Vec<_>>().join(",") + "\n";
            let head = names.map(|name| match style % 4 {
                _ if plain => name.to_string(),
                1 => name.to_uppercase(),
                2 => format!(" {name} "),
                _ => name.to_string(),
            });
            let mut text = if header { line(&head) } else { String::new() };
            for (row_at, (age, sex, y)) in rows.iter().enumerate() {
                let cells = [age.to_string(), sex.clone(), y.to_string()];
                text.push_str(&line(&cells));
                expected.push(cells);
                // A header row in the middle, as of files that were put behind each other.
                if row_at == 0 && *style == 3 {
                    let upper = rows.len() % 2 == 0;
                    text.push_str(&line(&names.map(|name| if upper { name.to_uppercase() } else { name.into() })));
                }
            }
            texts.push((format!("{at}.csv"), text));
        }
        let files: Vec<(&str, &[u8])> = texts.iter().map(|(name, text)| (name.as_str(), text.as_bytes())).collect();
        let table = table(&files[..1], &analysis);
        let first = texts[0].1.lines().count();
        prop_assert!(table.n_rows < first + 1);
        // Several files need an identifier only when there are several datasets.
        let reading = fixture::read(&files, &analysis, &keep_rows()).unwrap();
        let table = &reading.rows().unwrap().table;
        for (column, name) in names.iter().enumerate() {
            let column: Vec<&str> = expected.iter().map(|row| row[column].as_str()).collect();
            prop_assert_eq!(printed(table, name), column);
        }
    }

    /// Identifiers of any spelling: the pairs are those of a search through all rows.
    #[test]
    fn joins_pair_what_a_search_pairs(
        ids in prop::collection::btree_map("[0-3]{1,2}|1E1|1e1|[ab]|2\\.0", 0i64..9, 1..12),
        others in prop::collection::btree_map("[0-3]{1,2}|1E1|1e1|[ab]|2\\.0", 0i64..2, 1..12),
    ) {
        let mut analysis = fixture::analysis(DatasetFormat::Csv);
        analysis.predicted_label = Some(name("p"));
        analysis.facets = facet("x");
        analysis.dataset.join_source = Some(name("id"));
        analysis.dataset.predicted_label_dataset = Some(SideDataset { uri: "p".into(), headers: None });
        let data = ids.iter().fold(String::from("id,x,y\n"), |text, (id, x)| text + &format!("{id},{x},1\n"));
        let side = others.iter().fold(String::from("id,p\n"), |text, (id, p)| text + &format!("{id},{p}\n"));
        let all = || ids.keys().chain(others.keys());
        let is_number = |id: &String| {
            (id == "0" || !id.starts_with('0')) && id.parse::<f64>().is_ok()
        };
        let numbers = all().all(is_number);
        let same = |one: &str, two: &str| match numbers {
            true => one.parse::<f64>().ok() == two.parse::<f64>().ok(),
            false => one == two,
        };
        let twice = others.keys().enumerate().any(|(at, one)| others.keys().skip(at + 1).any(|two| same(one, two)));
        let pairs: Vec<(String, String)> = ids
            .iter()
            .flat_map(|(id, x)| {
                others.iter().filter(|(other, _)| same(id, other)).map(|(_, p)| (x.to_string(), p.to_string()))
            })
            .collect();
        let files: &[(&str, &[u8])] = &[("d.csv", data.as_bytes()), ("predictions/p.csv", side.as_bytes())];
        match fixture::read(files, &analysis, &keep_rows()) {
            Ok(reading) => {
                prop_assert!(!twice);
                let table = &reading.rows().unwrap().table;
                let found: Vec<_> = printed(table, "x").into_iter().zip(printed(table, "p")).collect();
                prop_assert_eq!(&found, &pairs);
                let skipped = &reading.row_counts.records_skipped;
                let of = |part: &str| {
                    skipped.iter().filter(|skipped| skipped.reason.contains(part)).map(|skipped| skipped.records).sum::<u64>()
                };
                prop_assert_eq!(of("in the facet or prediction dataset"), (ids.len() - pairs.len()) as u64);
            }
            Err(problem) => {
                // One side may have an identifier twice once they are numbers.
                prop_assert!(twice || pairs.is_empty(), "{}", problem);
            }
        }
    }

    /// Nulls anywhere in a JSON dataset, as a list of records or as lists beside each other.
    #[test]
    fn a_json_dataset_keeps_each_record_together(
        records in prop::collection::vec((prop::option::weighted(0.95, (0i64..9, 0i64..2)), prop::option::weighted(0.8, 0i64..2)), 1..12),
        way in 0u8..3,
        words in any::<bool>(),
    ) {
        let features = |record: &Option<(i64, i64)>| record.map_or(Json::Null, |(a, b)| json!([a, b]));
        let (document, paths) = match way {
            0 => {
                let list: Vec<Json> = records.iter().map(|(x, y)| json!({"f": features(x), "y": y})).collect();
                (json!(list), ["[*].f", "[*].y"])
            }
            1 => {
                let list: Vec<Json> = records.iter().map(|(x, y)| json!({"in": {"f": features(x)}, "y": y})).collect();
                (json!({"d": list}), ["d[].in.f", "d[*].y"])
            }
            _ => {
                let (x, y): (Vec<Json>, Vec<Json>) = records.iter().map(|(x, y)| (features(x), json!(y))).unzip();
                (json!({"x": x, "y": y}), ["x", "y"])
            }
        };
        let mut text = document.to_string();
        if words {
            text = text.replace("\"y\":null", "\"y\":NaN");
        }
        let mut analysis = fixture::analysis(DatasetFormat::Json);
        analysis.predicted_label = None;
        analysis.methods.post_training_bias = None;
        analysis.facets = facet("b");
        analysis.dataset.headers = Some(["a", "b", "y"].map(String::from).to_vec());
        analysis.dataset.features = Some(paths[0].into());
        analysis.label = Some(name(paths[1]));
        let missing = records.iter().position(|(x, _)| x.is_none());
        match fixture::read(&[("d.json", text.as_bytes())], &analysis, &keep_rows()) {
            Ok(reading) => {
                prop_assert_eq!(missing, None);
                let table = &reading.rows().unwrap().table;
                let number = |text: String| text.parse::<f64>().ok().filter(|value| !value.is_nan());
                let found: Vec<_> = printed(table, "y").into_iter().map(number).collect();
                prop_assert_eq!(found, records.iter().map(|(_, y)| y.map(|y| y as f64)).collect::<Vec<_>>());
                let found: Vec<_> = printed(table, "a").into_iter().map(number).collect();
                prop_assert_eq!(found, records.iter().map(|(x, _)| x.map(|(a, _)| a as f64)).collect::<Vec<_>>());
            }
            Err(problem) => {
                let text = problem.to_string();
                let all_missing = records.iter().all(|(_, y)| y.is_none()) || records.iter().all(|(x, _)| x.is_none());
                match missing {
                    Some(at) if !all_missing => {
                        let record = format!("record {} (counted from 1)", at + 1);
                        prop_assert!(text.contains(&record), "{}", text);
                    }
                    _ => prop_assert!(missing.is_some() || all_missing, "{}", text),
                }
            }
        }
    }
}

#[test]
fn places_are_of_the_kind_of_each_payload() {
    let mut analysis = monitor();
    let predictor = |label| Predictor { label: Some(label), ..Predictor::default() };
    let record = |input: Json, output: Json| {
        json!({"captureData": {"endpointInput": input, "endpointOutput": output}, "groundTruthData": part("1".into(), "text/csv", false)})
            .to_string()
    };
    let csv = |data: &str| part(data.into(), "text/csv", false);
    let json = |data: &str| part(data.into(), "application/json", false);
    let by_path =
        [record(csv("1,0"), json("{\"p\":1}")), record(json("{\"rows\":[2,1]}"), json("{\"p\":0}"))]
            .join("\n");
    analysis.predictor = Some(predictor(name("p")));
    let found = table(&[("a.jsonl", by_path.as_bytes())], &analysis);
    assert_eq!(
        (printed(&found, "a"), printed(&found, "predicted_label0")),
        (vec!["1".into(), "2".into()], vec!["1".into(), "0".into()])
    );
    let by_position =
        [record(csv("1,0"), csv("0.9,1")), record(json("{\"rows\":[2,1]}"), csv("0.1,0"))].join("\n");
    analysis.predictor = Some(predictor(Location::Index(1)));
    let found = table(&[("a.jsonl", by_position.as_bytes())], &analysis);
    assert_eq!(printed(&found, "predicted_label0"), ["1", "0"]);
    // The other place fits no answer: each record is bad, and the setting is named.
    let text = refused(&[("a.jsonl", by_path.as_bytes())], &analysis);
    assert!(text.contains("PL0308") && text.contains("predictor.label"), "{text}");
    let base64 = record(csv("MSwwLDk4"), csv("0.9,1")) + "\n" + &record(csv("1,0"), csv("0.9,1"));
    let reading = fixture::read(&[("a.jsonl", base64.as_bytes())], &analysis, &keep_rows()).unwrap();
    let examples = &reading.row_counts.records_skipped[0].examples;
    assert!(examples[0].contains("a.jsonl, line 1") && examples[0].contains("BASE64"), "{examples:?}");
}

/// Columns that are excluded, by name or position, label and predictions are never sent; the others are, in their order.
#[test]
fn the_model_gets_the_features_and_nothing_else() {
    let rows = [[1, 0, 7], [2, 1, 8]];
    let each = |between: &str, line: &dyn Fn(usize, &[i64; 3]) -> String| {
        rows.iter().enumerate().map(|(at, row)| line(at, row)).collect::<Vec<_>>().join(between)
    };
    let csv = each("\n", &|at, row| format!("{},{},{},{at},{at}", row[0], row[1], row[2]));
    let record = |at: usize, row: &[i64; 3]| json!({"features": row, "y": at, "pred": at}).to_string();
    let capture = json!({
        "captureData": {
            "endpointInput": part(each("\n", &|_, row| format!("{},{},{}", row[0], row[1], row[2])), "text/csv", false),
            "endpointOutput": part("0.1\n0.9".into(), "text/csv", false),
        },
        "groundTruthData": part("0\n1".into(), "text/csv", false),
    });
    for (format, text) in [
        (DatasetFormat::Csv, csv),
        (DatasetFormat::JsonLines, each("\n", &record)),
        (DatasetFormat::Json, format!("[{}]", each(",", &record))),
        (DatasetFormat::Capture, capture.to_string()),
    ] {
        let mut analysis =
            if format == DatasetFormat::Capture { monitor() } else { fixture::analysis(format) };
        analysis.facets = facet("b");
        analysis.dataset.headers = Some(["a", "b", "c", "y", "pred"].map(String::from).to_vec());
        match format {
            DatasetFormat::Capture => analysis.dataset.headers.as_mut().unwrap().truncate(4),
            DatasetFormat::Json => {
                analysis.dataset.features = Some("[*].features".into());
                (analysis.label, analysis.predicted_label) = (Some(name("[*].y")), Some(name("[*].pred")));
            }
            _ => {}
        }
        for (excluded, by_name) in (0..7).flat_map(|excluded| [(excluded, false), (excluded, true)]) {
            let columns = (0..3).filter(|column| excluded >> column & 1 == 1);
            let at =
                |column: usize| if by_name { name(["a", "b", "c"][column]) } else { Location::Index(column) };
            analysis.dataset.excluded_columns = columns.map(at).collect();
            let reading = fixture::read(&[("d", text.as_bytes())], &analysis, &keep_rows()).unwrap();
            let (cells, sent) = model_rows(reading.rows().unwrap());
            for (row, sent) in rows.iter().zip(sent.rows()) {
                let sent: Vec<&Value> = sent.iter().map(|id| cells.value(*id)).collect();
                let kept = (0..3).filter(|column| excluded >> column & 1 == 0);
                let expected: Vec<Value> = kept.map(|column| Value::Int(row[column])).collect();
                assert_eq!(sent, expected.iter().collect::<Vec<_>>(), "{format:?} without {excluded:03b}");
            }
        }
    }
}

#[test]
fn most_bad_records_are_told_with_the_way_out_of_their_reason() {
    let capture = |more: &str| {
        format!("{{\"captureData\":{{\"endpointInput\":{{\"data\":\"1,2\",\"encoding\":\"CSV\"}}{more}}}")
    };
    for (line, part) in [
        ("a remark".to_string(), "dataset_source"),
        ("{\"x\":1}".into(), "dataset_type"),
        (capture("}"), "CaptureOptions"),
        (capture(",\"endpointOutput\":{\"data\":\"0.5\",\"encoding\":\"CSV\"}}"), "ground_truth_source"),
        (
            capture(
                ",\"endpointOutput\":{\"data\":\"{}\",\"encoding\":\"JSON\"}},\"groundTruthData\":{\"data\":\"1\",\"encoding\":\"CSV\"}",
            ),
            "probability_attribute",
        ),
        (
            capture(
                ",\"endpointOutput\":{\"data\":\"0.5\",\"encoding\":\"CSV\"}},\"groundTruthData\":{\"data\":\"{}\",\"encoding\":\"JSON\"}",
            ),
            "JMESPath in JSON",
        ),
        (
            capture(
                ",\"endpointOutput\":{\"data\":\"0.5\",\"encoding\":\"CSV\"}},\"groundTruthData\":{\"data\":\"1\\n0\",\"encoding\":\"CSV\"}",
            ),
            "a label of its own",
        ),
    ] {
        let text = refused(&[("a.jsonl", line.as_bytes())], &monitor());
        assert!(
            text.contains("PL0308") && text.contains("a.jsonl, line 1") && text.contains(part),
            "{line}: {text}"
        );
        // The file's line is the only one in the text.
        assert_eq!(text.matches(" line ").count(), 1, "{text}");
    }
}

#[test]
fn a_file_of_another_format_is_told() {
    let mut analysis = fixture::analysis(DatasetFormat::Csv);
    analysis.facets = facet("sex");
    let text = refused(&[("d.csv", b"sex;y;pred\n1;0;1\n0;1;1\n")], &analysis);
    assert!(text.contains("the file looks like values separated by `;`"), "{text}");
    let text = refused(&[("d.csv", b"{\"sex\":1}\n{\"sex\":0}\n")], &analysis);
    assert!(text.contains("the file looks like JSON Lines"), "{text}");
    let mut lines = fixture::analysis(DatasetFormat::JsonLines);
    lines.dataset.features = Some("f".into());
    let text = refused(&[("d.jsonl", b"{\"f\":[1,2]}\n{\"f\":[1,x]}\n")], &lines);
    assert!(text.contains("line 2") && text.contains("found `x]}` (expected a value)"), "{text}");
}

/// Numbers with decimals at the place of the predicted label, beside labels that are categories: scores. With many
/// different ones, which a tally folds, and few.
#[test]
fn a_number_with_decimals_at_the_label_is_a_score() {
    use crate::bias::roles;
    for n in [100u64, 40_000] {
        let mut text = String::new();
        for row in 0..n {
            let record = json!({
                "captureData": {
                    "endpointInput": part(format!("{row},{}", row % 2), "text/csv", false),
                    "endpointOutput": part(format!("{}", row as f64 / n as f64), "text/csv", false)
                },
                "groundTruthData": part((row / 2 % 2).to_string(), "text/csv", false)
            });
            text.push_str(&format!("{record}\n"));
        }
        let mut analysis = monitor();
        analysis.probability_threshold = 0.25;
        analysis.predictor = Some(Predictor { label: Some(Location::Index(0)), ..Predictor::default() });
        for keep in [false, true] {
            let options = Options { keep_rows: keep, ..Options::default() };
            let reading = fixture::read(&[("a.jsonl", text.as_bytes())], &analysis, &options).unwrap();
            let counted = roles::count(&reading, None, &analysis, false).unwrap();
            let total = &counted.counts.facets[0].total;
            let positive = total.d.predicted_positive() + total.a.predicted_positive();
            assert_eq!(positive, n - n / 4 - 1, "{n} {keep}");
            assert!(
                counted.warnings.iter().any(|warning| warning.contains("scores")),
                "{:?}",
                counted.warnings
            );
        }
    }
}

#[test]
fn a_link_that_leads_nowhere_costs_itself() {
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("data");
    std::fs::create_dir(&data).unwrap();
    std::os::unix::fs::symlink(root.path().join("nowhere"), data.join("b.csv")).unwrap();
    let mut analysis = fixture::analysis(DatasetFormat::Csv);
    analysis.facets = facet("x");
    let inputs = Inputs { dataset: data.clone(), facets: None, predictions: None };
    let alone = read(&inputs, &analysis, &keep_rows()).unwrap_err();
    assert_eq!(alone.code(), &codes::NO_DATA);
    std::fs::write(data.join("a.csv"), "x,y,pred\n1,0,1\n0,1,0\n").unwrap();
    let reading = read(&inputs, &analysis, &keep_rows()).unwrap();
    assert_eq!(reading.row_counts.rows, 2);
    let skipped = &reading.row_counts.records_skipped[0];
    assert!(skipped.records == 1 && skipped.examples[0].starts_with("b.csv"), "{skipped:?}");
    assert!(read(&inputs, &analysis, &Options { strict: true, ..keep_rows() }).is_err());
}
