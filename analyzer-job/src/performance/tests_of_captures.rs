//! Captured records that are read as the others show it, in one run and in parts.

use std::fs;
use std::path::{Path, PathBuf};

use plumbline_common::stop::Stop;
use plumbline_common::{Problem, Result, codes};
use serde_json::{Value as Json, json};

use super::outcomes::ProblemType;
use super::outcomes::tests::question;
use super::part::{Part, Reading, combine};
use super::rows::{self, Places};
use crate::monitor::rows::Source;

/// A merged record of one row with this answer.
fn record(answer: &Json) -> String {
    json!({
        "captureData": {
            "endpointInput": {"data": "7", "encoding": "CSV"},
            "endpointOutput": {"data": answer.to_string(), "encoding": "JSON"},
        },
        "groundTruthData": {"data": "1", "encoding": "CSV"}, "eventVersion": "0",
    })
    .to_string()
        + "\n"
}

/// Reads files of records of which each has to be used.
fn read(files: &[(&str, String)], places: &Places, folds: bool) -> Result<Part> {
    let folder = tempfile::tempdir().unwrap();
    files.iter().for_each(|(name, text)| fs::write(folder.path().join(name), text).unwrap());
    let stop = Stop::default();
    let source = Source { strict: true, folds, ..Source::new(folder.path(), &stop) };
    let question =
        question(ProblemType::BinaryClassification, places.prediction.is_some(), places.score.is_some());
    rows::read(&source, &question, places, None)
}

/// File and line of the record for which all are refused.
fn refused(read: Result<Reading>) -> (PathBuf, Option<u64>) {
    let problem: Problem = read.err().unwrap();
    assert_eq!(problem.code(), &codes::BAD_RECORD, "{problem}");
    assert!(problem.to_string().contains("contradict"), "{problem}");
    (problem.place().file.clone().unwrap(), problem.place().line)
}

/// Where no record may be left out, the one is named whose keys contradict those of most: wherever it stands, and in whatever part.
#[test]
fn of_records_that_have_to_be_used_the_odd_one_is_named_wherever_it_stands() {
    const RECORDS: usize = 6;
    let of_score = Places { score: Some("s.*".into()), ..Places::default() };
    let of_label = Places { prediction: Some("p.*".into()), ..Places::default() };
    let cases = [
        (&of_score, json!({"s": {"a": 0.7}}), json!({"s": {"b": 0.7}})),
        (&of_label, json!({"p": {"a": 1}}), json!({"p": {"b": 1}})),
    ];
    for (places, plain, odd) in cases {
        for at in 0..RECORDS {
            let records: Vec<String> =
                (0..RECORDS).map(|n| record(if n == at { &odd } else { &plain })).collect();
            for cut in 1..RECORDS {
                let [one, two] = [("a.jsonl", &records[..cut]), ("b.jsonl", &records[cut..])]
                    .map(|(name, records)| (name, records.concat()));
                let expected = match at.checked_sub(cut) {
                    None => (PathBuf::from("a.jsonl"), Some(at as u64 + 1)),
                    Some(behind) => (PathBuf::from("b.jsonl"), Some(behind as u64 + 1)),
                };
                let whole = read(&[one.clone(), two.clone()], places, false).and_then(Part::finish);
                assert_eq!(refused(whole), expected, "{odd} {at} {cut}");
                // A part of as many odd records as others is refused by itself.
                let part = |file: (&str, String)| Ok((PathBuf::from(file.0), read(&[file], places, true)?));
                let parts: Result<Vec<_>> = [one, two].into_iter().map(part).collect();
                let question = question(
                    ProblemType::BinaryClassification,
                    places.prediction.is_some(),
                    places.score.is_some(),
                );
                match parts {
                    Ok(parts) => {
                        let all = combine(parts, &question).and_then(|all| all.unwrap().finish());
                        assert_eq!(refused(all), expected, "{odd} {at} {cut}, in parts");
                    }
                    Err(problem) => {
                        assert_eq!(
                            problem.place().file.as_deref(),
                            Some(Path::new(&expected.0)),
                            "{problem}"
                        );
                    }
                }
            }
        }
        // All are used where all are alike.
        let text: String = (0..RECORDS).map(|_| record(&odd)).collect();
        let reading = read(&[("a.jsonl", text)], places, false).and_then(Part::finish).unwrap();
        assert_eq!(reading.outcomes.rows(), RECORDS as u64);
    }
}
