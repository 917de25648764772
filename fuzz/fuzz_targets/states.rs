#![no_main]
//! Any text as the body of a state: combined with itself, or an error; never a panic. The first byte chooses the kind. A second
//! use of the bytes is as a whole file.

use std::path::{Path, PathBuf};

use analyzer_job::config::check::{self, Kind};
use analyzer_job::performance::outcomes::{ProblemType, Question};
use analyzer_job::{performance, quality, read};

const CONFIG: &str = r#"{"dataset_type": "text/csv", "label": "y", "label_values_or_threshold": [1], "predicted_label": "p",
    "facet": [{"name_or_index": "f"}, {"name_or_index": "age", "value_or_threshold": [40]}],
    "methods": {"post_training_bias": {"methods": "all"}}}"#;

fn twice<T>(one: T, two: T) -> Vec<(PathBuf, T)> {
    vec![(PathBuf::from("one.state"), one), (PathBuf::from("two.state"), two)]
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let path = Path::new("part.state");
    let _ = analyzer_job::state::file::decode(path, bytes);
    let [kind, text @ ..] = bytes else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    match kind % 3 {
        0 => {
            let Ok(part) = serde_json::from_str::<read::Part>(text) else { return };
            let analysis = check::load(CONFIG.as_bytes(), path, Kind::Processing).unwrap();
            if let Ok(all) = read::part::combine(twice(part.clone(), part), &analysis) {
                let _ = all.finish(path, &analysis);
            }
        }
        1 => {
            let Ok(part) = serde_json::from_str::<quality::part::Part>(text) else { return };
            let _ = quality::part::combine(twice(part.clone(), part), &[]);
        }
        _ => {
            let Ok(part) = serde_json::from_str::<performance::part::Part>(text) else { return };
            let question = Question {
                problem: ProblemType::MulticlassClassification,
                prediction: true,
                score: false,
                threshold: 0.5,
                positive_label: None,
            };
            if let Ok(Some(all)) = performance::part::combine(twice(part.clone(), part), &question) {
                let _ = all.finish();
            }
        }
    }
});
