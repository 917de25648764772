#![no_main]
//! An expression on the first line, a document below it: what our one pass finds is what the jmespath crate finds.

use analyzer_job::values::path::{Paths, Shape};
use serde_json::Value;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let Some((expression, json)) = text.split_once('\n') else { return };
    let (Ok(paths), Ok(slow)) = (Paths::compile(&[("features", expression)]), jmespath::compile(expression)) else { return };
    let mut found = Vec::new();
    if paths.find(json, &mut found).is_err() {
        return;
    }
    // The crate orders the keys of an object, and knows only one kind of number.
    let Ok(document) = jmespath::Variable::from_json(json) else { return };
    let expected = slow.search(document).map_or(Value::Null, |value| serde_json::to_value(&*value).unwrap_or_default());
    let parsed = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let value = match found[0].shape {
        Shape::Nothing => Value::Null,
        Shape::Value => parsed(&found[0].source(json)[found[0].value().unwrap()]),
        Shape::List => found[0].spans.iter().map(|span| parsed(&json[span.clone()])).collect(),
    };
    assert_eq!(value, expected, "`{expression}` of {json}");
});
