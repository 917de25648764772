#![no_main]
//! Any text as the payload of a captured request or answer, of every kind; and as JSON of strangers with `NaN` and the like.

use analyzer_job::read::grid::Grid;
use analyzer_job::read::payload;
use analyzer_job::values::numbers::strict_json;
use analyzer_job::values::path::Paths;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let mut grid = Grid::default();
    let kind = payload::kind_of_rows(payload::kind(None, None, text), text);
    let paths = Paths::compile(&[("features", "@")]).unwrap();
    let mut found = Vec::new();
    for document in payload::documents(text, kind) {
        if paths.find(document, &mut found).is_ok() {
            let _ = grid.push_features(document, &found[0]);
            grid.push_values(document, &found[0]);
        }
    }
    grid.clear();
    if grid.push_csv(text).is_ok() {
        for row in 0..grid.n_rows() {
            for cell in 0..=grid.width(row) {
                let _ = grid.cell(row, cell);
            }
        }
    }
    // What is strict stays as it is.
    let strict = strict_json(text.as_bytes());
    if serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok() {
        assert_eq!(strict, text.as_bytes());
    }
});
