use std::collections::BTreeMap;

use serde_json::Value;

use super::*;
use crate::credit::FEATURES;

fn traffic(payload: Payload) -> Traffic {
    Traffic {
        rows: 3_000,
        seed: 5,
        drift: 0.0,
        payload,
        start: "2024-05-01T22:00:00Z".parse().unwrap(),
        hours: 3,
        rows_per_file: 400,
        several: 0.2,
        inference_ids: 0.25,
        late_hours: 2,
        missing: 0.05,
        orphaned: 0.02,
        repeated: 0.03,
    }
}

/// All lines of a tree as JSON, with the path of their file below it.
fn records(folder: &Path) -> Vec<(String, Value)> {
    fn walk(folder: &Path, root: &Path, out: &mut Vec<(String, Value)>) {
        let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        for path in paths {
            if path.is_dir() {
                walk(&path, root, out);
                continue;
            }
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_string();
            for line in fs::read_to_string(&path).unwrap().lines() {
                out.push((name.clone(), serde_json::from_str(line).unwrap()));
            }
        }
    }
    let mut out = Vec::new();
    walk(folder, folder, &mut out);
    out
}

/// The rows of a payload as text cells, whatever its form.
fn rows(side: &Value, list: &str) -> Vec<Vec<String>> {
    let data = side["data"].as_str().unwrap();
    let of_json = |value: &Value| -> Vec<String> {
        let cells: Vec<&Value> = match value.get("features") {
            Some(features) => features.as_array().unwrap().iter().collect(),
            None => value.as_object().unwrap().values().collect(),
        };
        cells.iter().map(|cell| cell.as_str().map_or_else(|| cell.to_string(), str::to_string)).collect()
    };
    let of_csv =
        |text: &str| text.lines().map(|line| line.split(',').map(str::to_string).collect()).collect();
    match (side["encoding"].as_str().unwrap(), side["observedContentType"].as_str()) {
        ("BASE64", _) => of_csv(&String::from_utf8(STANDARD.decode(data).unwrap()).unwrap()),
        ("CSV", _) => of_csv(data),
        _ if data.starts_with(&format!("{{\"{list}\"")) => {
            let document: Value = serde_json::from_str(data).unwrap();
            document[list].as_array().unwrap().iter().map(of_json).collect()
        }
        _ => data.lines().map(|line| of_json(&serde_json::from_str(line).unwrap())).collect(),
    }
}

#[track_caller]
fn check(payload: Payload) {
    let folder = tempfile::tempdir().unwrap();
    let traffic = traffic(payload);
    let account = write(&traffic, folder.path()).unwrap();
    let captures = records(&folder.path().join(CAPTURES));
    let labels = records(&folder.path().join(GROUND_TRUTH));
    assert_eq!((captures.len() as u64, labels.len() as u64), (account.captures, account.labels));

    let mut counts = BTreeMap::new();
    for (_, label) in &labels {
        let id = label["eventMetadata"]["eventId"].as_str().unwrap().to_string();
        counts.entry(id).or_insert_with(Vec::new).push(&label["groundTruthData"]);
    }
    let repeated = counts.values().filter(|all| all.len() == 2).count() as u64;
    assert_eq!(repeated, account.labels_repeated);
    assert!(counts.values().all(|all| all.iter().all(|one| *one == all[0])));

    let mut number = 0;
    let mut unmatched = 0;
    for (path, capture) in &captures {
        assert!(path.starts_with("credit-endpoint/AllTraffic/2024/05/0"), "{path}");
        let data = &capture["captureData"];
        let (inputs, outputs) =
            (rows(&data["endpointInput"], "instances"), rows(&data["endpointOutput"], "predictions"));
        assert_eq!(inputs.len(), outputs.len());
        let event = &capture["eventMetadata"];
        let id = event.get("inferenceId").unwrap_or(&event["eventId"]).as_str().unwrap();
        let truth = counts.remove(id);
        let truth = truth.map(|all| rows(all[0], "instances"));
        unmatched += u64::from(truth.is_none());
        for (place, (input, output)) in inputs.iter().zip(&outputs).enumerate() {
            let applicant = Applicant::draw(5, FIRST_ROW + number, 0.0);
            let mut line = Vec::new();
            applicant.write_features(&mut line, b"");
            let expected: Vec<String> =
                String::from_utf8(line).unwrap().split(',').map(str::to_string).collect();
            assert_eq!(input.len(), FEATURES.len());
            let same = |(left, right): (&String, &String)| {
                left == right || left.parse::<f64>().unwrap() == right.parse::<f64>().unwrap()
            };
            assert!(input.iter().zip(&expected).all(same), "{input:?} {expected:?}");
            assert_eq!(output[0], if applicant.approved() { "1" } else { "0" });
            if let Some(truth) = &truth {
                assert_eq!(truth[place], [if applicant.repaid { "1" } else { "0" }]);
            }
            number += 1;
        }
    }
    assert_eq!(number, traffic.rows);
    assert_eq!(unmatched, account.captures_without_labels);
    assert_eq!(counts.len() as u64, account.labels_without_capture);
    assert!(account.captures_without_labels > 0 && account.labels_without_capture > 0 && repeated > 0);
}

#[test]
fn every_payload_form_holds_the_applicants_their_scores_and_their_labels() {
    for payload in [Payload::Csv, Payload::JsonLines, Payload::Json, Payload::Base64, Payload::Mixed] {
        check(payload);
    }
}

#[test]
fn same_seed_gives_the_same_bytes_and_hours_lie_in_their_folders() {
    let [first, second] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let traffic = traffic(Payload::Mixed);
    assert_eq!(write(&traffic, first.path()).unwrap(), write(&traffic, second.path()).unwrap());
    let records_of_both = [first, second].map(|folder| records(folder.path()));
    assert_eq!(records_of_both[0], records_of_both[1]);
    for (path, record) in &records_of_both[0] {
        if let Some(time) = record["eventMetadata"]["inferenceTime"].as_str() {
            let hour = time[..13].replace(['-', 'T'], "/");
            assert!(path.contains(&hour), "{path} {time}");
        }
    }
}

#[test]
fn rows_for_a_size_fill_that_size() {
    let folder = tempfile::tempdir().unwrap();
    let mut traffic = traffic(Payload::JsonLines);
    traffic.rows = rows_for(&traffic, 4_000_000);
    let account = write(&traffic, folder.path()).unwrap();
    let share = account.capture_bytes as f64 / 4e6;
    assert!((0.97..1.03).contains(&share), "{share}");
}
