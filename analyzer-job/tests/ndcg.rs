//! Attribution drift scores that are known.

use analyzer_job::drift::attributions::{THRESHOLD, ndcg};
use indexmap::IndexMap;
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    id: String,
    baseline_global_shap_values: IndexMap<String, f64>,
    current_global_shap_values: IndexMap<String, f64>,
    ndcg: f64,
    violation: bool,
}

#[test]
fn known_scores_and_verdicts() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("data/ndcg.json")).unwrap();
    assert_eq!(cases.len(), 10);
    for case in cases {
        let score = ndcg(&case.current_global_shap_values, &case.baseline_global_shap_values);
        assert!((score - case.ndcg).abs() < 1e-14, "{}: {score}", case.id);
        assert_eq!(score < THRESHOLD, case.violation, "{}", case.id);
    }
}
