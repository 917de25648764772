#![no_main]
//! An expression on the first line, a document below it: what is JSON for serde_json is JSON for us, and what a path
//! finds is a value of the document or one made of it. Behind a pipe, and where keys are in their order, it is what the
//! `jmespath` crate finds. Of documents on lines below each other, those that are known by earlier ones give what a walk
//! finds.

use analyzer_job::values::path::{Finds, Found, Paths};
use analyzer_job::values::scan::{self, Scanner};
use serde::de::IgnoredAny;
use serde_json::Value as Json;

/// All that can be asked of what was found.
fn told<'a>(json: &'a str, found: &'a Found) -> (bool, Option<&'a str>, bool, Vec<&'a str>) {
    let source = found.source(json);
    let mut spans = Vec::new();
    let is_list = found.elements(json, &mut spans);
    let elements = spans.into_iter().map(|span| &source[span]).collect();
    (found.is_nothing(json), found.value().map(|span| &source[span]), is_list, elements)
}

libfuzzer_sys::fuzz_target!(|text: &str| {
    let Some((expression, json)) = text.split_once('\n') else { return };
    // The words of Python are ours alone, and so is the limit of nesting.
    let ours_alone =
        json.contains("NaN") || json.contains("Infinity") || json.matches(['[', '{']).count() > 500;
    let Ok(paths) = Paths::compile(&[("features", expression), ("label", "a[*].b")]) else { return };
    let mut found = Vec::new();
    let mut finds = Finds::default();
    for line in json.lines() {
        let walked = paths.find(line, &mut found);
        assert_eq!(finds.find(&paths, line), walked);
        if walked.is_ok() && paths.depend_on_no_other() {
            for (one, other) in finds.iter().zip(&found) {
                assert_eq!(told(line, one), told(line, other), "{line}");
            }
        }
    }
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
    if let Ok(mut document) = serde_json::from_str::<Json>(json) {
        document.sort_all_objects();
        compare(&format!("{expression} | @"), &document.to_string());
    }
});

/// Our evaluation against that of the crate. Where that fails ours may find null.
fn compare(expression: &str, json: &str) {
    let (Ok(ours), Ok(theirs)) = (Paths::compile(&[("features", expression)]), jmespath::compile(expression))
    else {
        return;
    };
    let Ok(theirs) = theirs.search(jmespath::Variable::from_json(json).unwrap()) else { return };
    let theirs = serde_json::to_value(&*theirs).unwrap();
    // The crate gives an expression that nothing is applied to as text.
    if theirs.to_string().contains("<expression: ") {
        return;
    }
    let mut found = Vec::new();
    ours.find(json, &mut found).unwrap();
    let value = found[0].value().map_or("null", |span| &found[0].source(json)[span]);
    let ours: Json = serde_json::from_str(value).unwrap();
    assert!(same(&ours, &theirs), "{expression} on {json}: {ours} and {theirs}");
}

/// Equal, numbers by value.
fn same(one: &Json, two: &Json) -> bool {
    match (one, two) {
        (Json::Number(one), Json::Number(two)) => one.as_f64() == two.as_f64(),
        (Json::Array(one), Json::Array(two)) => {
            one.len() == two.len() && one.iter().zip(two).all(|(one, two)| same(one, two))
        }
        (Json::Object(one), Json::Object(two)) => {
            one.len() == two.len()
                && one.iter().all(|(key, value)| two.get(key).is_some_and(|two| same(value, two)))
        }
        _ => one == two,
    }
}
