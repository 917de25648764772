//! How far each column has moved from the baseline, by the hosted service's rule and by one that counts rows.

use indexmap::IndexMap;

use super::baseline::{Constraints, Distribution, Seen};
use super::checks::Violation;
use super::config::{CategoricalMethod, Method, MonitoringConfig};
use super::distance::{self, Counts};
use crate::settings::DriftRule;
use crate::state::kll::Weights;
use crate::state::profile::{Column, Kind};
use crate::values::java;

/// One column against its baseline.
#[derive(Debug, Clone, PartialEq)]
pub struct Drift {
    pub name: String,
    /// What is compared: a distance, or a p-value.
    pub value: f64,
    pub threshold: f64,
    /// The value is a p-value, and small is far.
    pub is_p_value: bool,
    pub violated: bool,
    /// The distance with every row counted, and whether it exceeds the threshold: numbers only.
    pub by_rows: Option<(f64, bool)>,
}

impl Drift {
    pub fn violation(&self) -> Option<Violation> {
        let (value, threshold) = (java::double(self.value), java::double(self.threshold));
        self.violated.then(|| Violation {
            feature_name: self.name.clone(),
            constraint_check_type: "baseline_drift_check",
            description: if self.is_p_value {
                format!("Baseline drift p-value: {value} is below threshold: {threshold}")
            } else {
                format!("Baseline drift distance: {value} exceeds threshold: {threshold}")
            },
        })
    }

    /// The rows have moved, and the hosted rule does not see it.
    pub fn unseen(&self) -> bool {
        !self.violated && self.by_rows.is_some_and(|(_, moved)| moved)
    }
}

/// The drifts of all columns that can be compared, in column order, and what is to be said of the others.
pub fn drifts<'a>(
    columns: impl Iterator<Item = (&'a str, &'a Column)>,
    baseline: &IndexMap<String, Distribution>,
    constraints: Option<&Constraints>,
    whole: &MonitoringConfig,
    rule: DriftRule,
    by_value: bool,
) -> (Vec<Drift>, Vec<String>) {
    let mut out = Vec::new();
    let mut notes = Vec::new();
    for (name, column) in columns {
        let Some(then) = baseline.get(name) else { continue };
        let config = constraints
            .and_then(|constraints| constraints.columns.get(name))
            .map_or(whole, |constraint| &constraint.config);
        if !config.distribution_constraints.perform_comparison.on() {
            continue;
        }
        let kind = column.spellings.kind(by_value);
        let numeric = |name: &str| matches!(name, "Integral" | "Fractional");
        if kind.name() != then.inferred_type
            && !(by_value && kind.is_numeric() && numeric(&then.inferred_type))
        {
            notes.push(format!(
                "Inferred data type don't match for column {name}. Inferred data type in baseline statistics: {}. \
                 Inferred data type in current dataset: {}",
                then.inferred_type,
                kind.name()
            ));
            continue;
        }
        out.extend(drift(name, column, kind, then, config, rule));
    }
    (out, notes)
}

fn drift(
    name: &str,
    column: &Column,
    kind: Kind,
    then: &Distribution,
    config: &MonitoringConfig,
    rule: DriftRule,
) -> Option<Drift> {
    let config = &config.distribution_constraints;
    let corrected = |distance: f64, n: f64, m: f64| match config.comparison_method {
        Method::Robust => distance::robust(distance, n, m),
        Method::Simple => distance,
    };
    let (value, threshold, is_p_value, by_rows) = match &then.seen {
        Seen::Numbers(levels) if kind.is_numeric() => {
            let now: Vec<Vec<f64>> = column.sketch.data().map(<[f64]>::to_vec).collect();
            let (distance, n, m) = distance::hosted(&now, levels);
            let hosted = corrected(distance, n, m);
            let (now, then) = (column.sketch.weights(), Weights::of(levels.iter().map(Vec::as_slice)));
            let rows = corrected(distance::kolmogorov_smirnov(&now, &then), now.total(), then.total());
            let value = if rule == DriftRule::Weighted { rows } else { hosted };
            let threshold = config.comparison_threshold;
            (value, threshold, false, Some((rows, rows > threshold)))
        }
        Seen::Categories(then) if kind == Kind::String => {
            let now = counts(column)?;
            let threshold = config.categorical_comparison_threshold;
            match (config.categorical_drift_method, config.comparison_method) {
                (CategoricalMethod::LInfinity, _) => {
                    let distance = distance::l_infinity(&distance::shares(&now, then));
                    let value = corrected(distance, distance::total(&now), distance::total(then));
                    (value, threshold, false, None)
                }
                (CategoricalMethod::ChiSquared, method) => {
                    let (statistic, degrees) = distance::chi_squared(&now, then)?;
                    match method {
                        Method::Robust => {
                            (distance::chi_squared_p(statistic, degrees), threshold, true, None)
                        }
                        Method::Simple => (statistic, threshold, false, None),
                    }
                }
            }
        }
        _ => return None,
    };
    let violated = if is_p_value { value < threshold } else { value > threshold };
    Some(Drift { name: name.into(), value, threshold, is_p_value, violated, by_rows })
}

/// Categories of a column that has few.
pub fn counts(column: &Column) -> Option<Counts> {
    let categories = column.categories().filter(|categories| !categories.is_empty())?;
    Some(categories.into_iter().map(|(text, count)| (text.to_string(), count as f64)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_p_value_is_far_and_a_large_distance_is() {
        let at = |threshold: f64, method: Method, now: [usize; 2]| {
            let mut column = Column::new();
            let cells =
                ["a", "b"].into_iter().zip(now).flat_map(|(text, n)| std::iter::repeat_n(Some(text), n));
            column.update(cells);
            let mut config = MonitoringConfig::default();
            let distribution = &mut config.distribution_constraints;
            distribution.categorical_drift_method = CategoricalMethod::ChiSquared;
            distribution.comparison_method = method;
            distribution.categorical_comparison_threshold = threshold;
            let then = Counts::from([("a".to_string(), 50.0), ("b".to_string(), 50.0)]);
            let then = Distribution {
                inferred_type: "String".into(),
                present: 100.0,
                seen: Seen::Categories(then),
                std_dev: None,
            };
            let drift = drift("x", &column, Kind::String, &then, &config, DriftRule::Deequ).unwrap();
            (drift.value, drift.violation().map(|violation| violation.description))
        };
        let of = |method, now| at(0.1, method, now);
        // 50 of each expected: (80 - 50)^2 / 50 + (20 - 50)^2 / 50 = 36.
        let (p, told) = of(Method::Robust, [80, 20]);
        assert!(p < 1e-8 && told.is_some_and(|told| told.contains("is below threshold: 0.1")));
        assert_eq!(of(Method::Simple, [80, 20]).0, 36.0);
        assert!(
            of(Method::Simple, [80, 20]).1.is_some_and(|told| told.contains("36.0 exceeds threshold: 0.1"))
        );
        assert_eq!(of(Method::Robust, [50, 50]), (1.0, None));
        assert_eq!(of(Method::Simple, [50, 50]), (0.0, None));
        // At the threshold is not beyond it, on either side.
        assert_eq!(at(36.0, Method::Simple, [80, 20]), (36.0, None));
        assert!(at(35.9, Method::Simple, [80, 20]).1.is_some());
        assert_eq!(at(p, Method::Robust, [80, 20]), (p, None));
        assert!(at(2.0 * p, Method::Robust, [80, 20]).1.is_some());
    }

    #[test]
    fn unseen_is_what_moved_by_rows_and_raises_nothing() {
        let of = |violated, by_rows| {
            Drift { name: "x".into(), value: 0.0, threshold: 0.1, is_p_value: false, violated, by_rows }
                .unseen()
        };
        assert!(of(false, Some((0.5, true))));
        assert!(!of(true, Some((0.5, true))) && !of(false, Some((0.05, false))) && !of(false, None));
    }
}
