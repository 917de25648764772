#![no_main]
//! An expression on the first line, a document below it: what is JSON for serde_json is JSON for us, and what a path
//! finds is a value of the document or one made of it.

use analyzer_job::values::path::Paths;
use analyzer_job::values::scan::{self, Scanner};
use serde::de::IgnoredAny;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let Some((expression, json)) = text.split_once('\n') else { return };
    // The words of Python are ours alone, and so is the limit of nesting.
    let ours_alone = json.contains("NaN") || json.contains("Infinity") || json.matches(['[', '{']).count() > 500;
    let Ok(paths) = Paths::compile(&[("features", expression), ("label", "a[*].b")]) else { return };
    let mut found = Vec::new();
    let is_json = paths.find(json, &mut found).is_ok();
    if !ours_alone {
        assert_eq!(is_json, serde_json::from_str::<IgnoredAny>(json).is_ok(), "{json}");
    }
    if !is_json {
        return;
    }
    for (number, found) in found.iter().enumerate() {
        let source = found.source(json);
        let mut elements = Vec::new();
        let listed = found.elements(json, &mut elements);
        for span in elements.into_iter().chain(found.value()) {
            let token = &source[span];
            let mut scanner = Scanner::new(token);
            assert!(scan::is_null(token) || scanner.value().is_ok() && scanner.end().is_ok(), "{token}");
        }
        if found.is_nothing(json) || !listed {
            let _keys = paths.keys_there(number, json);
        }
    }
});
