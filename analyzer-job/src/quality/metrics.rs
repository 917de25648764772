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

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::quality::config::Switch;
    use crate::quality::statistics::{Taken, statistics};
    use crate::state::profile::Column;

    /// The names and values of a column of numbers, one of texts, and of the run.
    #[test]
    fn the_names_are_those_of_the_hosted_monitor() {
        let (mut numbers, mut texts) = (Column::new(), Column::new());
        numbers.update([Some("1"), Some("4"), None, None].into_iter());
        texts.update([Some("x"), Some("y"), Some("x"), None].into_iter());
        let columns = [("age", &numbers), ("city", &texts)];
        let statistics = statistics(columns.into_iter(), 4, Taken::default());
        let drift = |name: &str, value| Drift {
            name: name.into(),
            value,
            threshold: 0.1,
            is_p_value: false,
            violated: false,
            by_rows: None,
        };
        let scope = Scope { endpoint: None, schedule: None, timestamp: Timestamp::UNIX_EPOCH };
        let mut whole = MonitoringConfig::default();
        let found = |whole: &MonitoringConfig| -> Vec<(String, Measure)> {
            let drifts = [drift("city", 0.25)];
            let all = metrics(&statistics, &drifts, Some(3), None, whole, &scope);
            all.into_iter().map(|metric| (metric.name, metric.value)).collect()
        };
        let value = |name: &str, value| (name.to_string(), Measure::Value(value));
        let set = Measure::Statistics { count: 2.0, sum: 5.0, minimum: 1.0, maximum: 4.0 };
        assert_eq!(
            found(&whole),
            [
                ("feature_data_age".to_string(), set),
                value("feature_non_null_age", 0.5),
                value("feature_non_null_city", 0.75),
                value("feature_baseline_drift_city", 0.25),
                value("total_number_of_violations", 3.0),
            ]
        );
        whole.emit_metrics = Switch::Disabled;
        assert_eq!(found(&whole), []);
    }
}
