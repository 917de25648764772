//! Characters that turn the direction of text stand in no report as such.

use plumbline_common::problem::turns_text;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::super::letters::visible;
use super::super::{Chapter, Ended};
use super::super::{Draft, Quality, draft, draft_performance, draft_quality, together};
use super::*;
use crate::performance::details::QualityDetails;
use crate::quality::checks;
use crate::quality::details::Details;
use crate::quality::statistics::{Taken, statistics};
use crate::state::profile::Column;

/// What stands for a text of the data; in the findings of all tests also these names.
const PLACE: &str = "PLACE";
const NAMES: [&str; 4] = ["Sex", "Target", "Age", "label0"];

fn named<T: Serialize + DeserializeOwned>(value: &T, text: &str) -> T {
    let escaped = Json::from(text).to_string();
    let mut json = serde_json::to_string(value).unwrap().replace(PLACE, &escaped[1..escaped.len() - 1]);
    for name in NAMES {
        json = json.replace(&format!("\"{name}\""), &escaped);
    }
    serde_json::from_str(&json).unwrap()
}

pub(super) fn of_bias(text: &str) -> Draft {
    let mut findings = findings();
    let bias = findings.bias.as_mut().unwrap();
    bias.group_variable = Some(PLACE.into());
    (bias.run.warnings, bias.run.endpoint) = (vec![PLACE.into()], Some(PLACE.into()));
    let findings = Findings {
        results: named(&findings.results, text),
        violations: findings.violations.iter().map(|violation| named(violation, text)).collect(),
        bias: findings.bias.as_ref().map(|bias| named(bias, text)),
        explanations: findings.explanations.as_ref().map(|found| named(found, text)),
    };
    draft(&findings, &ReportNames { name: "a".into(), title: text.into() }, &[])
}

pub(super) fn of_quality(text: &str) -> Draft {
    let column = |name: &str, categories: bool| {
        json!({
            "column": name, "verdict": "moved", "effect": 0.5, "threshold": 0.1, "stability_index": 0.4, "jensen_shannon": 0.3,
            "p_value": 0.001, "adjusted_p_value": 0.002, "values": [100, 100], "violated": true,
            "quantiles": if categories { json!([]) } else { json!([[0.5, 1.0, 2.0]]) },
            "new": [[PLACE, 0.2]], "vanished": [[PLACE, 0.1]],
            "parts": [{"label": PLACE, "then": 0.5, "now": 0.2}, {"label": "from 3", "then": 0.5, "now": 0.8}],
        })
    };
    let details = json!({
        "version": 1, "program": PLACE, "subject": [PLACE], "rows": 100, "baseline": [PLACE], "warnings": [PLACE],
        "unseen": 0, "type_violations": [1, 1], "columns": [column(PLACE, true), column("b", false)],
        "segments": [{"column": PLACE, "value": PLACE, "rows": 10, "share": 0.1, "baseline_rows": 5, "moved": 1, "columns": []}],
    });
    let details: Details = named(&serde_json::from_value::<Details>(details).unwrap(), text);
    let mut cells = Column::new();
    // More often than the other, so that the order of the texts does not matter.
    cells.update([Some(text), Some("x"), Some(text)].into_iter());
    let statistics = statistics([(text, &cells)].into_iter(), 3, Taken::default());
    let violation = checks::Violation {
        feature_name: text.into(),
        constraint_check_type: "data_type_check",
        description: format!("found {text}"),
    };
    draft_quality(&Quality::new(details, &statistics, Some(&[violation])))
}

pub(super) fn of_performance(text: &str) -> Draft {
    let metric = json!({"name": "accuracy", "value": 0.5, "violated": false, "verdict": "held"});
    let details = json!({
        "problem_type": "MulticlassClassification", "rows": 10, "rows_without_label": 0, "judged": true,
        "run": RunDetails { warnings: vec![PLACE.into()], endpoint: Some(PLACE.into()), ..RunDetails::default() },
        "confusion": [{"actual": PLACE, "predicted": PLACE, "rows": 10, "share": 1.0}, {"actual": "b", "predicted": PLACE, "rows": 10, "share": 1.0}],
        "by_class": [{"name": PLACE, "rows": 10, "predicted": 10, "f1": 0.5}, {"name": "b", "rows": 10, "predicted": 10, "f1": 0.5}],
        "metrics": [metric], "notes": [PLACE],
        "groups": [{"column": PLACE, "value": PLACE, "rows": 10, "metrics": [metric]}],
    });
    draft_performance(&named(&serde_json::from_value::<QualityDetails>(details).unwrap(), text))
}

/// Whatever its monitor, a report of such a text is the report of the text in which somebody has written the character by
/// its number. In data and code it is spelled by its number.
#[test]
fn characters_that_turn_text_are_seen_in_every_report() {
    let turning: Vec<char> = ('\0'..='\u{ffff}').filter(|character| turns_text(*character)).collect();
    assert_eq!(turning.len(), 12);
    for character in turning {
        // As short names do not, long ones may break at every blank around them, however many letters they have.
        let raw = format!("{character}a{character}\u{5d1}{character}{}{character}", "z".repeat(30));
        let told = visible(&raw).into_owned();
        assert!(!told.contains(turns_text) && told.matches("\\u{").count() == 4, "{told}");
        for of in [of_bias, of_quality, of_performance] {
            let several = |draft: &Draft| {
                let ended = Ended::Found { draft, violations: 1, failed: Some(raw.clone()) };
                together(&[Chapter { title: "One", folder: "one", ended }], &[])
            };
            let [one, two] = [&raw, &told].map(|text| of(text));
            for draft in [&one, &several(&one)] {
                for (name, bytes) in draft.files("a").unwrap() {
                    if let Ok(text) = String::from_utf8(bytes) {
                        assert!(visible(&text) == text, "{character:?} in {name}");
                        assert!(text.contains("\\u{") || text.contains("&#92;u\\\\{"), "{name}");
                    }
                }
            }
            let pdf = |draft: &Draft| draft.files("a").unwrap().pop().unwrap();
            assert!(pdf(&one) == pdf(&two), "{character:?} in {}", one.0.title);
        }
    }
}
