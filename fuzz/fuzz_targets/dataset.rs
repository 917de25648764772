#![no_main]
//! Any bytes as a dataset: rows or a problem. The first byte chooses the format.

use std::path::Path;
use std::sync::LazyLock;

use analyzer_job::config::Analysis;
use analyzer_job::config::check::{self, Kind};
use analyzer_job::read::{self, Inputs, Options};

static ANALYSES: LazyLock<Vec<Analysis>> = LazyLock::new(|| {
    let tabular = r#""headers": ["a", "b", "label"], "label": "label""#;
    let records = r#""headers": ["a", "b", "label"], "features": "features", "label": "label""#;
    [("text/csv", tabular), ("application/jsonlines", records), ("application/json", records), ("application/x-parquet", tabular), ("application/sagemakercapturejson", records)]
        .map(|(kind, columns)| {
            let text = format!(
                r#"{{"dataset_type": "{kind}", {columns}, "label_values_or_threshold": [1], "facet": [{{"name_or_index": "a"}}],
                "methods": {{"pre_training_bias": {{"methods": "all"}}}}}}"#
            );
            check::load(text.as_bytes(), Path::new("analysis_config.json"), Kind::Processing).unwrap()
        })
        .into()
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((format, bytes)) = bytes.split_first() else { return };
    let file = std::env::temp_dir().join(format!("plumbline-fuzz-{}", std::process::id()));
    std::fs::write(&file, bytes).unwrap();
    let inputs = Inputs { dataset: file, facets: None, predictions: None };
    let _ = read::read(&inputs, &ANALYSES[usize::from(*format) % ANALYSES.len()], &Options::default());
});
