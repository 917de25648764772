//! Files of a dataset in parts: what their first rows are, and in which order their columns stand, is told of all of them
//! together, as in one run.

use std::fs;
use std::path::PathBuf;

use plumbline_common::stop::Stop;
use plumbline_common::{Result, codes};

use super::outcomes::ProblemType;
use super::outcomes::tests::question;
use super::part::{Part, Reading, combine};
use super::rows::{self, Places};
use crate::monitor::format::Format;
use crate::monitor::rows::Source;

type Files = Vec<(&'static str, String)>;

/// `places`: of labels and predictions.
fn read(format: Option<Format>, files: &[(&str, String)], places: [&str; 2], folds: bool) -> Result<Part> {
    let folder = tempfile::tempdir().unwrap();
    files.iter().for_each(|(name, text)| fs::write(folder.path().join(name), text).unwrap());
    let stop = Stop::default();
    let source = Source { format, folds, ..Source::new(folder.path(), &stop) };
    let [label, prediction] = places.map(|place| Some(place.to_string()));
    let places = Places { prediction, label, ..Places::default() };
    rows::read(&source, &question(ProblemType::BinaryClassification, true, false), &places, None)
}

/// One run over files, and the parts of some of them each put together.
fn whole_and_split(
    format: Option<&Format>,
    files: &Files,
    places: [&str; 2],
    parts: &[Files],
) -> (Reading, Result<Reading>) {
    let whole = read(format.cloned(), files, places, false).unwrap().finish().unwrap();
    let part = |files: &Files| {
        let part = read(format.cloned(), files, places, true).unwrap();
        // As a state keeps it.
        let part: Part = serde_json::from_str(&serde_json::to_string(&part).unwrap()).unwrap();
        (PathBuf::from(format!("{}.state", files[0].0)), part)
    };
    let question = question(ProblemType::BinaryClassification, true, false);
    let all = combine(parts.iter().map(part).collect(), &question);
    (whole, all.and_then(|all| all.unwrap().finish()))
}

fn one_each(files: &Files) -> Vec<Files> {
    files.iter().map(|file| vec![file.clone()]).collect()
}

fn found(reading: &Reading) -> (u64, u64, u64, &[String]) {
    (reading.outcomes.rows(), reading.counts.records_read, reading.unusable, &reading.warnings)
}

/// The same rule as in data quality: `quality::tests_of_kinds` has the cases one by one.
#[test]
fn parts_say_of_first_rows_what_one_run_says() {
    let rows = |head: &str, n: usize| format!("{head}\n{}", "1,0\n0,0\n".repeat(n));
    for files in [
        // Fewer than ten numbers a part, and more in all.
        vec![("1", rows("a,b", 2)), ("2", rows("a,b", 2)), ("3", rows("a,b", 2))],
        vec![("1", rows("a,b", 1)), ("2", rows("a,b", 1))],
        vec![("1", rows("1,0", 2)), ("2", rows("0,0", 2)), ("3", rows("1,0", 2))],
        vec![("1", rows("1,1", 2)), ("2", rows("0,1", 2)), ("3", rows("0,0", 2)), ("4", rows("1,0", 2))],
    ] {
        let (whole, parts) = whole_and_split(None, &files, ["0", "1"], &one_each(&files));
        assert_eq!(found(&parts.unwrap()), found(&whole), "{files:?}");
    }
    // A part that lacks the names of another one would take its own first row for names, or that of the other for data.
    let files = vec![("1", rows("a,b", 20)), ("2", rows("1,0", 20))];
    let (whole, parts) = whole_and_split(None, &files, ["0", "1"], &one_each(&files));
    assert_eq!(whole.outcomes.rows(), 81);
    let refused = parts.err().unwrap();
    assert_eq!(refused.code(), &codes::STATES_DO_NOT_FIT);
    assert!(refused.to_string().contains("as data in columns without names"), "{refused}");
    // Rows that may be either and differ: refused of parts as of one run.
    let files = vec![("1", rows("1,x", 1)), ("2", rows("0,z", 1))];
    let read = |files: &Files, folds| read(None, files, ["0", "1"], folds);
    let one = read(&files, false).err().unwrap();
    let part = |files: &Files| ("p.state".into(), read(files, true).unwrap());
    let question = question(ProblemType::BinaryClassification, true, false);
    let parts = combine(one_each(&files).iter().map(part).collect(), &question).err().unwrap();
    assert_eq!((one.code(), parts.code()), (&codes::HEADERS_DO_NOT_FIT, &codes::HEADERS_DO_NOT_FIT));
}

/// A file that has a header row only says where columns stand as any other, whatever the parts.
#[test]
fn files_with_a_header_row_only_count_for_the_columns_in_every_split() {
    let texts = ["b,a\n", "a,b\n1,0\n0,0\n1,1\n", "z,a,b\n", "a,b,c\n0,1,5\n"];
    let format = Format::Csv { header: true };
    for order in [[0, 1, 2, 3], [1, 0, 3, 2], [1, 3, 0, 2], [3, 1, 2, 0]] {
        let files: Files =
            ["1", "2", "3", "4"].into_iter().zip(order.map(|at: usize| texts[at].to_string())).collect();
        for split in 0..81_usize {
            let of = |part: usize| -> Files {
                let own =
                    files.iter().enumerate().filter(|(at, _)| split / 3_usize.pow(*at as u32) % 3 == part);
                own.map(|(_, file)| file.clone()).collect()
            };
            let parts: Vec<Files> = (0..3).map(of).filter(|part| !part.is_empty()).collect();
            let (whole, all) = whole_and_split(Some(&format), &files, ["a", "b"], &parts);
            assert_eq!(found(&all.unwrap()), found(&whole), "{order:?} {split}");
        }
    }
}
