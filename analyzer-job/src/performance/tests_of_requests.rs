//! Captured records of whatever requests: which of them count does not depend on the order of records and files, nor on the parts.

use std::fs;
use std::path::PathBuf;

use plumbline_common::stop::Stop;
use plumbline_common::{Result, codes};
use serde_json::json;

use super::outcomes::ProblemType;
use super::outcomes::tests::question;
use super::part::{Part, Reading, combine};
use super::rows::{self, Places};
use crate::monitor::rows::Source;
use crate::random::Random;
use crate::read::headed::Headed;

const KINDS: [&str; 12] = [
    "sound",
    "texts",
    "above",
    "above",
    "answered",
    "lone",
    "twice",
    "behind",
    "lost",
    "one answer",
    "one row",
    "other",
];

/// Lines of a request of a kind, and how many answers it has.
fn request(kind: &str, random: &mut Random) -> (String, usize) {
    let n = 2 + random.below(2);
    let mut rows: Vec<String> = match kind {
        "texts" => (0..n).map(|_| ["f,x", "m,y", "g,t"][random.below(3)].into()).collect(),
        _ => (0..n).map(|_| format!("{},{}", random.below(2), 2 + random.below(5))).collect(),
    };
    let mut answers = n;
    let header = || "g,t".to_string();
    match kind {
        "above" => rows.insert(0, header()),
        "answered" => {
            rows.insert(0, header());
            answers += 1;
        }
        "lone" => {
            rows = vec![header()];
            answers = 1 + random.below(2);
        }
        "twice" => rows.splice(..0, [header(), header()]).for_each(drop),
        "behind" => rows.push(header()),
        "lost" => answers = n - 1,
        "one answer" => answers = 1,
        "one row" => rows.truncate(1),
        "other" => rows.insert(0, format!("w{},v", random.below(40))),
        _ => {}
    }
    (rows.join("\n"), answers)
}

fn record(number: usize, (input, answers): (String, usize)) -> String {
    let part = |data: String| json!({"data": data, "encoding": "CSV", "observedContentType": "text/csv"});
    let lines =
        |of: usize| (0..answers).map(|at| format!("{}\n", (number / of + at) % 2)).collect::<String>();
    let record = json!({
        "captureData": {"endpointInput": part(input), "endpointOutput": part(lines(1))},
        "groundTruthData": part(lines(2)), "eventMetadata": {"eventId": format!("e{number}")},
    });
    record.to_string()
}

fn read(files: &[(String, Vec<&String>)], headed: &Headed, folds: bool) -> Result<Part> {
    let folder = tempfile::tempdir().unwrap();
    for (name, records) in files {
        let lines: String = records.iter().map(|record| format!("{record}\n")).collect();
        fs::write(folder.path().join(name), lines).unwrap();
    }
    let stop = Stop::default();
    let source = Source { folds, ..Source::new(folder.path(), &stop) };
    let places = Places { prediction: Some("0".into()), headed: headed.clone(), ..Places::default() };
    rows::read(&source, &question(ProblemType::BinaryClassification, true, false), &places, None)
}

/// Files of so many of the records, in a random order.
fn files<'a>(records: &'a [String], n: usize, random: &mut Random) -> Vec<(String, Vec<&'a String>)> {
    let mut files: Vec<_> = (0..n).map(|at| (format!("{at}.jsonl"), Vec::new())).collect();
    for at in random.order(records.len()) {
        files[random.below(n)].1.push(&records[at]);
    }
    files
}

fn counts(reading: &Reading) -> (u64, u64, u64) {
    (reading.outcomes.rows(), reading.counts.records_read, reading.unusable)
}

#[test]
fn neither_order_nor_parts_of_captured_requests_decide() {
    let mut random = Random::new(14, 0);
    let (mut fitting, mut refused) = (0, 0);
    for round in 0..150 {
        let names = [String::from("g"), "t".into(), "label".into()];
        let headed = Headed::new(Some(&names).filter(|_| round % 3 == 0).map(|names| &names[..]), None, true);
        let mut records = Vec::new();
        for _ in 0..1 + random.below(4) {
            let kind = KINDS[random.below(KINDS.len())];
            for _ in 0..[1, 3, 9, 27][random.below(4)] {
                records.push(record(records.len(), request(kind, &mut random)));
            }
        }
        let whole = read(&files(&records, 1, &mut random), &headed, false).unwrap().finish().unwrap();
        for n in [1, 2, 3, 5] {
            let files = files(&records, n, &mut random);
            let one = read(&files, &headed, false).unwrap().finish().unwrap();
            assert_eq!(counts(&one), counts(&whole), "round {round}");
            let parts: Vec<(PathBuf, Part)> = files
                .chunks(1 + n / 3)
                .map(|files| {
                    let part = read(files, &headed, true).unwrap();
                    // As a state keeps it.
                    let part = serde_json::from_str(&serde_json::to_string(&part).unwrap()).unwrap();
                    (PathBuf::from(format!("{}.state", files[0].0)), part)
                })
                .collect();
            match combine(parts, &question(ProblemType::BinaryClassification, true, false)) {
                Ok(all) => {
                    let all = all.unwrap().finish().unwrap();
                    assert_eq!((counts(&all), &all.warnings), (counts(&one), &one.warnings), "round {round}");
                    fitting += 1;
                }
                Err(problem) => {
                    assert_eq!(problem.code(), &codes::STATES_DO_NOT_FIT, "{problem}");
                    refused += 1;
                }
            }
        }
    }
    assert!(refused * 20 < fitting, "{refused} refused, {fitting} fitting");
}
