//! The templates of requests, checked before a model is asked.

use serde_json::Value as Json;

use super::faults::Fault;

/// Names that may follow a `$`; a longer name before any that it begins with.
const PLACEHOLDERS: &[(&str, &str)] = &[
    ("$features_kvp", "{}"),
    ("$feature_names", "[]"),
    ("$features", "[]"),
    ("$records", "[]"),
    ("$record", "{}"),
];

/// How often each placeholder stands in the template, and the template with empty values in their place.
struct Parsed {
    counts: Vec<(&'static str, usize)>,
    /// Placeholders `"${name}"` for single features.
    singles: usize,
    filled: String,
}

impl Parsed {
    fn count(&self, name: &str) -> usize {
        self.counts.iter().filter(|(placeholder, _)| *placeholder == name).map(|(_, count)| count).sum()
    }

    fn is_json(&self) -> bool {
        serde_json::from_str::<Json>(&self.filled).is_ok()
    }
}

fn parse(template: &str) -> Parsed {
    let mut parsed = Parsed { counts: Vec::new(), singles: 0, filled: String::new() };
    let mut rest = template;
    'text: while let Some(character) = rest.chars().next() {
        if let Some((_, after)) = rest.strip_prefix("\"${").and_then(|text| text.split_once("}\"")) {
            parsed.singles += 1;
            parsed.filled.push_str("null");
            rest = after;
            continue;
        }
        for (name, empty) in PLACEHOLDERS {
            if let Some(after) = rest.strip_prefix(name) {
                parsed.counts.push((name, 1));
                parsed.filled.push_str(empty);
                rest = after;
                continue 'text;
            }
        }
        parsed.filled.push(character);
        rest = rest.get(character.len_utf8()..).unwrap_or_default();
    }
    parsed
}

/// The content template of a JSON Lines request: one record, with the features once.
pub(super) fn json_lines(template: &str) -> Option<Fault> {
    let path = "predictor.content_template";
    let parsed = parse(template);
    if parsed.count("$features") != 1 {
        let hint = match parsed.count("$record") + parsed.count("$records") {
            0 => "for instance {\"features\":$features}",
            _ => "$record and $records belong to a content_type of application/json",
        };
        return Some(Fault::value(path, found(template), "one placeholder $features", hint));
    }
    not_json(path, template, &parsed)
}

/// The content template of a JSON request: all records of a request, or its one record.
pub(super) fn json_content(template: &str) -> Option<Fault> {
    let path = "predictor.content_template";
    let parsed = parse(template);
    if parsed.count("$record") + parsed.count("$records") != 1 {
        let expected = "one placeholder, $records or $record";
        let hint = "for instance {\"instances\":$records}, with record_template for each record";
        return Some(Fault::value(path, found(template), expected, hint));
    }
    not_json(path, template, &parsed)
}

/// The record template of a JSON request: the features of one record.
pub(super) fn json_record(template: &str) -> Option<Fault> {
    let path = "predictor.record_template";
    let parsed = parse(template);
    if parsed.count("$features") + parsed.count("$features_kvp") + parsed.singles == 0 {
        let expected = "$features, $features_kvp or \"${name}\" of single features";
        return Some(Fault::value(path, found(template), expected, "for instance {\"features\":$features}"));
    }
    not_json(path, template, &parsed)
}

fn not_json(path: &str, template: &str, parsed: &Parsed) -> Option<Fault> {
    let hint = "placeholders bring their own brackets and quotes; every other bracket and quote must close";
    (!parsed.is_json())
        .then(|| Fault::value(path, found(template), "JSON once the placeholders are filled in", hint))
}

fn found(template: &str) -> String {
    super::faults::shown(&Json::from(template))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(fault: Option<Fault>, expected: Option<&str>) {
        match (&fault, expected) {
            (None, None) => {}
            (Some(fault), Some(part)) => {
                let text = fault.expected.clone().unwrap_or_default();
                assert!(text.contains(part), "{fault:?}");
            }
            _ => panic!("{fault:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn json_lines_needs_the_features_once() {
        check(json_lines("{\"features\":$features}"), None);
        check(json_lines("$features"), None);
        check(json_lines("{\"features\":1}"), Some("one placeholder $features"));
        check(json_lines("{\"a\":$features,\"b\":$features}"), Some("one placeholder $features"));
        check(json_lines("{\"a\":$features_kvp}"), Some("one placeholder $features"));
        check(json_lines("{\"features\":$features"), Some("JSON"));
    }

    #[test]
    fn records_is_not_taken_for_record() {
        check(json_content("{\"instances\":$records}"), None);
        check(json_content("$record"), None);
        check(json_content("{\"a\":$record,\"b\":$records}"), Some("$records or $record"));
        check(json_content("{\"names\":$feature_names,\"rows\":$records}"), None);
        check(json_content("{\"rows\":$features}"), Some("$records or $record"));
    }

    #[test]
    fn a_record_holds_features_in_one_of_three_ways() {
        check(json_record("{\"features\":$features,\"names\":$feature_names}"), None);
        check(json_record("$features_kvp"), None);
        check(json_record("{\"age\":\"${Age}\",\"sex\":\"${Sex}\"}"), None);
        check(json_record("{\"names\":$feature_names}"), Some("$features"));
        check(json_record("{\"age\":\"${Age}}"), Some("$features"));
    }
}
