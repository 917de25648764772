//! Model quality for the groups of a bias analysis: the same rows and the same positive label, so that both tell one story.

use super::classes::Sides;
use super::details::{GroupDetails, MetricDetails, MetricVerdict};
use super::intervals;
use super::metrics::{self, Counts};
use super::outcomes::{Binary, ScoreCell};
use crate::results::details::FacetDetails;
use crate::state::counts::Group;

/// What is told of a group. Without its scores there is no area under a curve.
const TELLING: [&str; 5] = ["accuracy", "recall", "precision", "false_positive_rate", "f1"];

/// Two groups for each facet: the rows with its value, and all others. Facets without predictions have none, and so have
/// those without rows, such as that of missing cells: the bias monitor counts these among the others of every facet, and
/// says how many they are.
pub fn by_facet(facets: &[FacetDetails]) -> Vec<GroupDetails> {
    let predicted = facets.iter().filter(|facet| facet.predicted && facet.groups.d.n() > 0);
    let groups = predicted.flat_map(|facet| {
        let value = facet.value_or_threshold.as_str();
        [(value.to_owned(), &facet.groups.d), (format!("not {value}"), &facet.groups.a)]
            .map(|(value, rows)| group(&facet.facet, value, rows))
    });
    groups.flatten().collect()
}

/// None without rows.
fn group(column: &str, value: String, rows: &Group) -> Option<GroupDetails> {
    let sides = Sides::of(&["0", "1"], None).ok().filter(|_| rows.n() > 0)?;
    let cells = vec![ScoreCell { score: 0.0, counts: rows.rows }];
    let scalars: Vec<metrics::Scalar> =
        metrics::binary(&cells).into_iter().filter(|scalar| TELLING.contains(&scalar.0)).collect();
    let counts =
        Counts::Binary(Binary { sides, cells, waiting: Vec::new(), unknown: Vec::new(), has_scores: false });
    let spreads = intervals::spreads(&counts, &scalars, intervals::MOST_DRAWN);
    let metrics = scalars.iter().zip(spreads).map(|(&(name, now), spread)| MetricDetails {
        name: name.into(),
        value: now,
        standard_error: spread.standard_error,
        interval: spread.interval,
        share: spread.share,
        baseline: None,
        threshold: None,
        violated: false,
        verdict: MetricVerdict::NotCompared,
        p_value: None,
        against_threshold: None,
    });
    Some(GroupDetails { column: column.into(), value, rows: rows.n(), metrics: metrics.collect() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::counts::Groups;

    fn facet(d: [[u64; 2]; 2], a: [[u64; 2]; 2], predicted: bool) -> FacetDetails {
        FacetDetails {
            facet: "sex".into(),
            value_or_threshold: "female".into(),
            groups: Groups { d: Group { rows: d }, a: Group { rows: a } },
            predicted,
            empty: Vec::new(),
            metrics: Vec::new(),
        }
    }

    /// 100 rows by hand: 30 of 40 positives found, 10 of 60 negatives taken for positive.
    #[test]
    fn a_facet_and_the_others_have_the_metrics_of_their_counts() {
        let groups = by_facet(&[facet([[50, 10], [10, 30]], [[1, 0], [0, 0]], true)]);
        let names: Vec<&str> = groups.iter().map(|group| group.value.as_str()).collect();
        assert_eq!(names, ["female", "not female"]);
        let value = |name: &str| groups[0].metrics.iter().find(|metric| metric.name == name).unwrap();
        for (name, expected) in [
            ("accuracy", 0.8),
            ("recall", 0.75),
            ("precision", 0.75),
            ("false_positive_rate", 1.0 / 6.0),
            ("f1", 0.75),
        ] {
            assert!((value(name).value.unwrap() - expected).abs() < 1e-12, "{name}");
            let [low, high] = value(name).interval.unwrap();
            assert!(low < expected && expected < high, "{name}");
        }
        assert_eq!((groups[0].rows, groups[1].rows), (100, 1));
    }

    #[test]
    fn facets_without_predictions_or_rows_have_no_table() {
        let none = [[0; 2]; 2];
        assert!(by_facet(&[facet([[5, 1], [1, 3]], none, false)]).is_empty());
        assert_eq!(by_facet(&[facet([[5, 1], [1, 3]], none, true)]).len(), 1);
        assert!(by_facet(&[facet(none, [[5, 1], [1, 3]], true)]).is_empty(), "not nan");
    }
}
