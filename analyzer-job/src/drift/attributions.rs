//! Attribution drift: has the order of the features by importance changed since the baseline?

use std::collections::HashMap;

use indexmap::IndexMap;
use plumbline_common::{Problem, Result, codes};

use crate::results::{Attributions, Explanations, Results, Violation};
use crate::values::numbers::repr;

/// A score below this is a violation.
pub const THRESHOLD: f64 = 0.9;

/// The check of every label that the constraints and this run share.
#[derive(Debug, Clone, PartialEq)]
pub struct AttributionDrift {
    /// By label: 1 for the baseline's order.
    pub scores: IndexMap<String, f64>,
    pub violations: Vec<Violation>,
    pub warnings: Vec<String>,
}

/// That the constraints and a run have a feature and a label in common, before there are values. No `labels`: those
/// of the constraints.
///
/// # Errors
/// As `attribution_drift`.
pub fn check_names(features: &[String], labels: Option<&[String]>, baseline: &Results) -> Result<()> {
    let section = baseline.explanations.as_ref().and_then(|explanations| explanations.kernel_shap.as_ref());
    let known: Vec<String> = match (labels, section) {
        (Some(labels), _) => labels.to_vec(),
        (None, Some(section)) => section.keys().cloned().collect(),
        (None, None) => return Ok(()),
    };
    let global_shap_values: IndexMap<String, f64> = features.iter().map(|name| (name.clone(), 0.0)).collect();
    let values = Attributions { global_shap_values, expected_value: 0.0 };
    let kernel_shap = known.into_iter().map(|label| (label, values.clone())).collect();
    let explanations = Some(Explanations { kernel_shap: Some(kernel_shap), pdp: None });
    attribution_drift(&Results { explanations, ..Results::default() }, baseline).map(drop)
}

/// Compares the global values of this run with those of the baseline's constraints.
///
/// # Errors
/// No label (`LABELS_DO_NOT_MATCH`) or no feature (`FEATURES_DO_NOT_MATCH`) in common: the check cannot be made, which must
/// look neither like a pass nor like a drift.
pub fn attribution_drift(current: &Results, baseline: &Results) -> Result<AttributionDrift> {
    let none = IndexMap::new();
    let section = |results: &Results| -> IndexMap<String, Attributions> {
        results.explanations.as_ref().and_then(|e| e.kernel_shap.clone()).unwrap_or_else(|| none.clone())
    };
    let (current, baseline) = (section(current), section(baseline));
    let mut drift =
        AttributionDrift { scores: IndexMap::new(), violations: Vec::new(), warnings: Vec::new() };
    for (label, before) in &baseline {
        let Some(now) = current.get(label) else {
            drift
                .warnings
                .push(format!("the constraints' label `{label}` is not in this run; it is not checked"));
            continue;
        };
        let is_shared = |name: &String| now.global_shap_values.contains_key(name);
        if !before.global_shap_values.keys().any(is_shared) {
            return Err(no_common_feature(label, now, before));
        }
        warn_of_one_sided(label, now, before, &mut drift.warnings);
        let score = ndcg(&now.global_shap_values, &before.global_shap_values);
        if score < THRESHOLD {
            drift.violations.push(Violation::Attribution {
                label: label.clone(),
                metric_name: "shap".into(),
                constraint_check_type: "feature_attribution_drift_check".into(),
                description: format!(
                    "Feature attribution drift {} exceeds threshold {}",
                    repr(score),
                    repr(THRESHOLD)
                ),
            });
        }
        drift.scores.insert(label.clone(), score);
    }
    if drift.scores.is_empty() {
        let names = |labels: &IndexMap<String, Attributions>| match labels.len() {
            0 => "no label at all".to_string(),
            _ => labels.keys().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(", "),
        };
        return Err(Problem::new(
            &codes::LABELS_DO_NOT_MATCH,
            "attribution drift cannot be checked: the constraints share no label with this run",
        )
        .field("explanations.kernel_shap")
        .found(format!("{} in the constraints", names(&baseline)))
        .expected(names(&current))
        .hint("make the baseline with the same `label_headers` and score location as the monitor"));
    }
    Ok(drift)
}

fn no_common_feature(label: &str, now: &Attributions, before: &Attributions) -> Problem {
    let names = |attributions: &Attributions| {
        let names: Vec<_> =
            attributions.global_shap_values.keys().take(10).map(|name| format!("`{name}`")).collect();
        match attributions.global_shap_values.len().saturating_sub(names.len()) {
            0 if names.is_empty() => "no feature at all".into(),
            0 => names.join(", "),
            more => format!("{} and {more} more", names.join(", ")),
        }
    };
    Problem::new(
        &codes::FEATURES_DO_NOT_MATCH,
        "attribution drift cannot be checked: the constraints share no feature with this run",
    )
    .field("explanations.kernel_shap")
    .found(format!("{} for label `{label}` in the constraints", names(before)))
    .expected(names(now))
    .hint("give baseline job and monitor the same `headers`")
}

fn warn_of_one_sided(label: &str, now: &Attributions, before: &Attributions, warnings: &mut Vec<String>) {
    for name in before.global_shap_values.keys().filter(|name| !now.global_shap_values.contains_key(*name)) {
        warnings.push(format!(
            "label `{label}`: feature `{name}` of the constraints is not in this run; it counts as 0"
        ));
    }
    for name in now.global_shap_values.keys().filter(|name| !before.global_shap_values.contains_key(*name)) {
        warnings.push(format!(
            "label `{label}`: feature `{name}` is not in the constraints; it counts as 0 there"
        ));
    }
}

/// Normalised discounted cumulative gain of the baseline's values in the current order.
///
/// `DCG = sum_i gain(f_i) / log2(i + 1)` over the features by falling current value, i from 1, divided by
/// the same in the baseline's own order. Gains are the sizes of the baseline's values. Features with equal
/// current values share their places evenly, as in scikit-learn's `ndcg_score`. A feature on one side only
/// counts as 0 on the other. Range [0, 1]; 1 for the same order.
pub fn ndcg(current: &IndexMap<String, f64>, baseline: &IndexMap<String, f64>) -> f64 {
    let mut features: Vec<(f64, f64)> = Vec::new();
    let index: HashMap<&str, f64> =
        current.iter().map(|(name, value)| (name.as_str(), value.abs())).collect();
    for (name, value) in baseline {
        features.push((index.get(name.as_str()).copied().unwrap_or(0.0), value.abs()));
    }
    for (name, value) in current {
        if !baseline.contains_key(name) {
            features.push((value.abs(), 0.0));
        }
    }
    let mut ideal: Vec<f64> = features.iter().map(|(_, gain)| *gain).collect();
    ideal.sort_unstable_by(|a, b| b.total_cmp(a));
    let discount = |place: usize| 1.0 / ((place + 2) as f64).log2();
    let best: f64 = ideal.iter().enumerate().map(|(place, gain)| gain * discount(place)).sum();
    if best == 0.0 {
        // Nothing mattered before: the same now, or all of it is new.
        return if features.iter().all(|(now, _)| *now == 0.0) { 1.0 } else { 0.0 };
    }
    features.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut reached = 0.0;
    let mut place = 0;
    for tied in features.chunk_by(|a, b| a.0 == b.0) {
        let places: f64 = (place..place + tied.len()).map(discount).sum();
        reached += places * tied.iter().map(|(_, gain)| gain).sum::<f64>() / tied.len() as f64;
        place += tied.len();
    }
    reached / best
}

/// A feature's global value for an output, when the results have it.
pub fn value(results: &Results, label: &str, feature: &str) -> Option<f64> {
    let section = results.explanations.as_ref()?.kernel_shap.as_ref()?;
    section.get(label)?.global_shap_values.get(feature).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(values: &[(&str, f64)]) -> IndexMap<String, f64> {
        values.iter().map(|(name, value)| ((*name).to_string(), *value)).collect()
    }

    fn results(label: &str, global: &[(&str, f64)]) -> Results {
        let attributions = Attributions { global_shap_values: values(global), expected_value: 0.0 };
        let explanations =
            Explanations { kernel_shap: Some([(label.to_string(), attributions)].into()), pdp: None };
        Results { explanations: Some(explanations), ..Results::default() }
    }

    #[test]
    fn worked_example_by_hand() {
        let score = ndcg(
            &values(&[("SAT", 0.1), ("GPA", 0.2), ("rank", 0.7)]),
            &values(&[("SAT", 0.7), ("GPA", 0.5), ("rank", 0.05)]),
        );
        let reached = 0.05 + 0.5 / 3f64.log2() + 0.7 / 2.0;
        let best = 0.7 + 0.5 / 3f64.log2() + 0.05 / 2.0;
        assert!((score - reached / best).abs() < 1e-15);
    }

    #[test]
    fn order_alone_counts_and_signs_do_not() {
        let baseline = values(&[("a", 0.3), ("b", -0.2), ("c", 0.1)]);
        assert_eq!(ndcg(&values(&[("c", 0.01), ("b", 2.0), ("a", -30.0)]), &baseline), 1.0);
    }

    #[test]
    fn tied_features_share_their_places() {
        let all_tied = ndcg(&values(&[("a", 1.0), ("b", 1.0)]), &values(&[("a", 0.9), ("b", 0.1)]));
        let best = 0.9 + 0.1 / 3f64.log2();
        assert!((all_tied - 0.5 * (1.0 + 1.0 / 3f64.log2()) / best).abs() < 1e-15);
    }

    #[test]
    fn nothing_in_the_baseline_matches_only_nothing() {
        let zero = values(&[("a", 0.0)]);
        assert_eq!(ndcg(&zero, &zero), 1.0);
        assert_eq!(ndcg(&values(&[("a", 1.0)]), &zero), 0.0);
        assert_eq!(ndcg(&values(&[("a", 0.2)]), &values(&[("a", 0.7)])), 1.0);
    }

    #[test]
    fn changed_order_is_a_violation_with_the_service_s_text() {
        let baseline = results("label0", &[("a", 0.9), ("b", 0.1)]);
        let drift =
            attribution_drift(&results("label0", &[("a", 0.1), ("b", 0.9), ("z", 0.0)]), &baseline).unwrap();
        let [Violation::Attribution { description, .. }] = &drift.violations[..] else { panic!() };
        assert_eq!(description, "Feature attribution drift 0.6934291862804383 exceeds threshold 0.9");
        assert_eq!(drift.warnings.len(), 1);
        assert!(attribution_drift(&baseline, &baseline).unwrap().violations.is_empty());
    }

    #[test]
    fn no_common_feature_is_an_error_that_names_both() {
        let run = results("y", &[("age", 1.0), ("sex", 0.5)]);
        for (baseline, found) in [(&[("f0", 1.0)][..], "`f0`"), (&[], "no feature at all")] {
            let problem = attribution_drift(&run, &results("y", baseline)).unwrap_err();
            assert_eq!(problem.code(), &codes::FEATURES_DO_NOT_MATCH);
            let text = problem.to_string();
            assert!(text.contains("`age`, `sex`") && text.contains(found), "{text}");
        }
    }

    #[test]
    fn no_common_label_is_an_error_that_names_both() {
        let problem = attribution_drift(&results("label0", &[("a", 1.0)]), &results("0.79", &[("a", 1.0)]))
            .unwrap_err();
        assert_eq!(problem.code(), &codes::LABELS_DO_NOT_MATCH);
        assert!(problem.to_string().contains("`0.79`") && problem.to_string().contains("`label0`"));
    }
}
