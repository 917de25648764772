//! The metrics of a data quality run under the hosted monitor's names.

use super::baseline::Constraints;
use super::config::MonitoringConfig;
use super::drift::Drift;
use super::statistics::{Feature, Measured, Statistics};
use crate::publish::cloudwatch::{Measure, Metric, Scope};

/// For each column the statistic set of its numbers, its completeness and, where one was computed, its drift;
/// for a monitoring run the number of violations. Columns whose `emit_metrics` is off are silent.
pub fn metrics(
    statistics: &Statistics<'_>,
    drifts: &[Drift],
    violations: Option<usize>,
    constraints: Option<&Constraints>,
    whole: &MonitoringConfig,
    scope: &Scope,
) -> Vec<Metric> {
    let emits = |name: &str| {
        constraints
            .and_then(|constraints| constraints.columns.get(name))
            .map_or(whole, |constraint| &constraint.config)
            .emit_metrics
            .on()
    };
    let mut out = Vec::new();
    for feature in statistics.features.iter().filter(|feature| emits(&feature.name)) {
        let name = &feature.name;
        out.extend(numbers(feature).and_then(|set| scope.measure(format!("feature_data_{name}"), &[], set)));
        let completeness = Measure::Value(feature.completeness());
        out.extend(scope.measure(format!("feature_non_null_{name}"), &[], completeness));
        let drift = drifts.iter().find(|drift| drift.name == *name);
        out.extend(drift.and_then(|drift| {
            scope.measure(format!("feature_baseline_drift_{name}"), &[], Measure::Value(drift.value))
        }));
    }
    if whole.emit_metrics.on() {
        out.extend(violations.and_then(|violations| {
            scope.measure("total_number_of_violations".into(), &[], Measure::Value(violations as f64))
        }));
    }
    out
}

fn numbers(feature: &Feature<'_>) -> Option<Measure> {
    match &feature.statistics {
        Measured::Numbers(numbers) => Some(Measure::Statistics {
            count: numbers.common.num_present as f64,
            sum: numbers.sum.0,
            minimum: numbers.min,
            maximum: numbers.max,
        }),
        Measured::Texts(_) => None,
    }
}
