//! Records whose objects have other keys than those of the others: what most are decides, wherever they stand.

use super::*;

/// The keys of an object.
type Keys = [&'static str; 2];

/// Data of one kind.
struct Data {
    analysis: Analysis,
    is_captured: bool,
    /// The names that the configuration knows, and keys of objects that it does not.
    known: Keys,
    odd: [Keys; 2],
    /// The text of a record with this object, of the row with this number.
    record: fn(&str, usize) -> String,
    /// Several records as the text of a file.
    file: fn(&[String]) -> String,
}

fn all_data() -> Vec<Data> {
    let dataset = |format, path: &str| {
        let mut analysis = fixture::analysis(format);
        analysis.dataset.features = Some(path.replace('_', "f.*"));
        analysis.label = Some(name(&path.replace('_', "y")));
        analysis.predicted_label = Some(name(&path.replace('_', "pred")));
        headers(&mut analysis, &["id", "g", "label", "predicted"]);
        analysis.facets = vec![fixture::facet("g", &[Scalar::Int(1)])];
        analysis
    };
    let mut requests = monitor();
    requests.dataset.features = Some("f.*".into());
    headers(&mut requests, &["id", "g", "label"]);
    requests.facets = vec![fixture::facet("g", &[Scalar::Int(1)])];
    let mut answers = requests.clone();
    answers.dataset.features = Some("features".into());
    answers.predictor = Some(Predictor {
        probability: Some(name("s.*")),
        label_headers: Some(vec!["no".into(), "yes".into()]),
        ..Predictor::default()
    });
    let lines = Data {
        analysis: dataset(DatasetFormat::JsonLines, "_"),
        is_captured: false,
        known: ["id", "g"],
        odd: [["zz", "g"], ["q", "p"]],
        record: |object, _| format!("{{\"f\":{object},\"y\":1,\"pred\":0}}"),
        file: |records| records.join("\n"),
    };
    vec![
        Data {
            analysis: dataset(DatasetFormat::Json, "[*]._"),
            file: |records| format!("[{}]", records.join(",")),
            ..lines
        },
        Data {
            analysis: requests,
            is_captured: true,
            record: |object, _| record_of(&format!("{{\"f\":{object}}}")),
            file: |records| records.concat(),
            ..lines
        },
        Data {
            analysis: answers,
            is_captured: true,
            known: ["no", "yes"],
            odd: [["zz", "yes"], ["q", "p"]],
            record: |object, number| {
                let input = format!("{{\"features\":[{number},0]}}");
                record(None, &input, &format!("{{\"s\":{object}}}"), "{\"y\":1}")
            },
            file: |records| records.concat(),
        },
        lines,
    ]
}

impl Data {
    /// The record of a row: its number, and whether that is odd. Known keys stand in either order.
    fn row(&self, number: usize, keys: &Keys) -> String {
        let is_odd = number % 2;
        let values = if self.known[0] == "id" { [number, is_odd] } else { [1 - is_odd, is_odd] };
        let field = |at: usize| format!("\"{}\":{}", keys[at], values[at]);
        let order = if number.is_multiple_of(3) && *keys == self.known { [1, 0] } else { [0, 1] };
        (self.record)(&format!("{{{}}}", order.map(field).join(",")), number)
    }

    /// The rows, those left out, and whether it is told that values go by position; or the code of the problem.
    fn end(&self, reading: Result<Reading>) -> String {
        let reading = match reading {
            Ok(reading) => reading,
            Err(problem) => return problem.to_string().chars().take(6).collect(),
        };
        let table = &reading.rows().unwrap().table;
        let ints = |name: &str| match &table.column(name).unwrap().values {
            Values::Int(values) => values.clone(),
            other => panic!("{other:?}"),
        };
        let second = match table.column("predicted_label0").map(|column| &column.values) {
            Some(Values::Text(texts)) => {
                (0..table.n_rows).map(|row| i64::from(texts.get(row) == Some("yes"))).collect()
            }
            _ => ints("g"),
        };
        let mut rows: Vec<(i64, i64)> = ints("id").into_iter().zip(second).collect();
        rows.sort_unstable();
        let left_out: u64 = reading.row_counts.records_skipped.iter().map(|skipped| skipped.records).sum();
        format!("{rows:?} {left_out} {}", reading.warnings.join("\n").contains("named by position"))
    }

    /// What all records in files of these come to.
    fn run(&self, files: &[&[String]]) -> String {
        let texts: Vec<(String, String)> =
            (0..).zip(files).map(|(at, records)| (format!("{at}"), (self.file)(records))).collect();
        let files: Vec<(&str, &[u8])> =
            texts.iter().map(|(name, text)| (name.as_str(), text.as_bytes())).collect();
        self.end(fixture::read(&files, &self.analysis, &keep_rows()))
    }

    /// The same, of each file as a part of its own.
    fn combine(&self, files: &[&[String]]) -> String {
        let file = |(at, records): (usize, &&[String])| (format!("{at}"), (self.file)(records));
        let files: Vec<(String, String)> = files.iter().enumerate().map(file).collect();
        self.end(fixture::combined(&files, &self.analysis, &keep_rows()))
    }
}

#[test]
fn what_most_objects_are_decides_wherever_the_others_stand() {
    for data in all_data() {
        for odd in &data.odd {
            for (n_known, n_odd) in [(4, 1), (1, 4), (3, 2), (2, 3), (2, 2)] {
                let n = n_known + n_odd;
                // Each choice of the places where the odd ones stand.
                for places in (0..1_u32 << n).filter(|places| places.count_ones() as usize == n_odd) {
                    let is_odd = |at: usize| places >> at & 1 == 1;
                    let keys = |at: usize| if is_odd(at) { odd } else { &data.known };
                    let records: Vec<String> = (0..n).map(|at| data.row(at, keys(at))).collect();
                    let most = n_odd > n_known;
                    let rows: Vec<(i64, i64)> = (0..n)
                        .filter(|&at| most || !is_odd(at))
                        .map(|at| (at as i64, at as i64 % 2))
                        .collect();
                    let expected = match (most, data.is_captured) {
                        (true, _) => format!("{rows:?} 0 true"),
                        (false, true) => format!("{rows:?} {n_odd} false"),
                        (false, false) => "PL0303".into(),
                    };
                    assert_eq!(data.run(&[&records]), expected, "{odd:?} {places:b}");
                    for cut in 1..n {
                        let (one, two) = records.split_at(cut);
                        assert_eq!(data.run(&[one, two]), expected, "{odd:?} {places:b} {cut}");
                        assert_eq!(data.run(&[two, one]), expected, "{odd:?} {places:b} {cut}");
                        assert_eq!(data.combine(&[one, two]), expected, "parts: {odd:?} {places:b} {cut}");
                    }
                }
            }
        }
    }
}

/// Where each record has to be one that can be used, the odd one is named, and not those that it contradicts; also in parts.
#[test]
fn the_odd_record_is_named_where_none_may_be_left_out() {
    for data in all_data().into_iter().filter(|data| data.is_captured) {
        let strict = Options { strict: true, ..keep_rows() };
        for at in 0..4 {
            let keys = |row: usize| if row == at { &data.odd[1] } else { &data.known };
            let records: Vec<String> = (0..4).map(|row| data.row(row, keys(row))).collect();
            let text = (data.file)(&records);
            let run = fixture::read(&[("a", text.as_bytes())], &data.analysis, &strict);
            let place = format!("line {}", at + 1);
            let told = run.unwrap_err().to_string();
            assert!(told.starts_with("PL0301") && told.contains(&place), "{at}: {told}");
            let parts =
                [("0".to_string(), (data.file)(&records[..at])), ("1".into(), (data.file)(&records[at..]))];
            let parts = &parts[usize::from(at == 0)..];
            let told = fixture::combined(parts, &data.analysis, &strict).unwrap_err().to_string();
            assert!(told.starts_with("PL0301") && told.contains("line 1"), "{at}: {told}");
        }
    }
}
