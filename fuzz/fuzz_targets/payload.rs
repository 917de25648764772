#![no_main]
//! Any text as the payload of a captured request or answer, in every syntax; and as JSON of strangers with `NaN` and the like.

use analyzer_job::read::payload::{self, Grid};
use analyzer_job::values::numbers::strict_json;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let mut grid = Grid::default();
    let _ = payload::syntax(None, None, text);
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
