#![no_main]
//! Any text as a model's answer: an entry for each row, or a fault. The first two bytes choose places, kind and number of
//! rows.

use std::path::Path;
use std::sync::LazyLock;

use analyzer_job::config::check::{self, Kind};
use analyzer_job::config::{ContentType, Predictor};
use analyzer_job::read::answer::{Answer, Answers};

static PREDICTORS: LazyLock<Vec<Predictor>> = LazyLock::new(|| {
    ["", r#", "label": 0"#, r#", "label": "p[*].l", "probability": "p[*].s""#, r#", "label": 1, "probability": 0"#, r#", "label_headers": ["a", "b"]"#]
        .iter()
        .map(|places| {
            let text = format!(
                r#"{{"dataset_type": "text/csv", "headers": ["a", "y"], "label": "y", "methods": {{"shap": {{}}}},
                "predictor": {{"endpoint_name": "m"{places}}}}}"#
            );
            check::load(text.as_bytes(), Path::new("analysis_config.json"), Kind::Processing).unwrap().predictor.unwrap()
        })
        .collect()
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let [choice, n, text @ ..] = bytes else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let predictor = &PREDICTORS[usize::from(*choice) % PREDICTORS.len()];
    let kind = [ContentType::Csv, ContentType::JsonLines, ContentType::Json][usize::from(*choice / 64) % 3];
    let n = usize::from(*n) % 5;
    let answers = Answers::new(Some(predictor), 0.5, *choice & 32 != 0).unwrap();
    let mut answer = Answer::default();
    if answers.read(text, kind, n, &mut answer).is_ok() {
        for row in 0..n {
            let _label = answers.predicted(&answer, row);
            let _names = answers.names(&answer, row);
            let mut scores = Vec::new();
            let _scores = answers.scores(&answer, row, &mut scores);
        }
    }
});
