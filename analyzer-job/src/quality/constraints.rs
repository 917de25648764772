//! `constraints.json`: what later data are held against, suggested from the statistics.

use serde::Serialize;

use super::config::MonitoringConfig;
use super::statistics::{Measured, Statistics};

#[derive(Debug, Clone, Serialize)]
pub struct Constraints {
    pub version: f64,
    pub features: Vec<Feature>,
    pub monitoring_config: MonitoringConfig,
}

#[derive(Debug, Clone, Serialize)]
pub struct Feature {
    pub name: String,
    pub inferred_type: &'static str,
    /// Share of rows with a value, without a margin.
    pub completeness: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub num_constraints: Option<NumberConstraints>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub string_constraints: Option<TextConstraints>,
}

#[derive(Debug, Clone, Copy, Serialize)]
pub struct NumberConstraints {
    pub is_non_negative: bool,
}

#[derive(Debug, Clone, Serialize)]
pub struct TextConstraints {
    pub domains: Vec<String>,
}

/// The constraints that the data themselves keep.
pub fn suggest(statistics: &Statistics<'_>, monitoring_config: MonitoringConfig) -> Constraints {
    let features = statistics.features.iter().map(|feature| {
        let (mut numbers, mut texts) = (None, None);
        match &feature.statistics {
            Measured::Numbers(found) => {
                numbers = Some(NumberConstraints { is_non_negative: found.min >= 0.0 })
            }
            Measured::Texts(found) => {
                texts = found.distribution.as_ref().map(|distribution| TextConstraints {
                    domains: distribution
                        .categorical
                        .buckets
                        .iter()
                        .map(|bucket| bucket.value.clone())
                        .collect(),
                });
            }
        }
        Feature {
            name: feature.name.clone(),
            inferred_type: feature.inferred_type,
            completeness: feature.completeness(),
            num_constraints: numbers,
            string_constraints: texts,
        }
    });
    Constraints { version: 0.0, features: features.collect(), monitoring_config }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::statistics::{Taken, statistics};
    use super::*;
    use crate::state::profile::Column;

    #[test]
    fn constraints_are_what_the_data_keep_without_a_margin() {
        let of = |cells: &[&str]| {
            let mut column = Column::new();
            column.update(cells.iter().map(|cell| (!cell.is_empty()).then_some(*cell)));
            let found = statistics([("x", &column)].into_iter(), cells.len() as u64, Taken::default());
            serde_json::to_value(suggest(&found, MonitoringConfig::default())).unwrap()["features"][0].clone()
        };
        let numbers = |least: &str| of(&[least, "3", ""]);
        let expected = |is_non_negative: bool| {
            json!({"name": "x", "inferred_type": "Integral", "completeness": 2.0 / 3.0,
                "num_constraints": {"is_non_negative": is_non_negative}})
        };
        assert_eq!(numbers("0"), expected(true));
        assert_eq!(numbers("-1"), expected(false));
        let texts = json!({"name": "x", "inferred_type": "String", "completeness": 1.0,
            "string_constraints": {"domains": ["b", "a"]}});
        assert_eq!(of(&["b", "a", "b"]), texts);
    }
}
