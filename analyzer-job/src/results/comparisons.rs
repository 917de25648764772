//! Each comparison of a run once: what is counted in messages, logs and reports.
//!
//! The files have an entry for each metric of each facet value. Two of them may be the same comparison: a facet of two values is
//! one comparison seen from either side, and a metric that does not read the facet is the same in all entries.

use std::collections::{HashMap, HashSet};

use super::details::{FacetDetails, MetricDetails, SelectionRole};
use super::metrics::compares_groups;
use crate::state::counts::{Group, Groups};

/// The facets, of two that are one comparison seen from either side only the one that more metrics of the baseline are held
/// against, or the first.
pub(crate) fn told(facets: &[FacetDetails]) -> Vec<&FacetDetails> {
    let with_baseline =
        |facet: &FacetDetails| facet.metrics.iter().filter(|metric| metric.baseline.is_some()).count();
    let mut places: HashMap<(&str, Groups), usize> = HashMap::new();
    let mut told: Vec<&FacetDetails> = Vec::new();
    for facet in facets {
        let Groups { d, a } = facet.groups;
        let mirrored = places.get(&(facet.facet.as_str(), Groups { d: a, a: d })).copied();
        match mirrored.filter(|_| d != Group::default()) {
            None => {
                places.entry((&facet.facet, facet.groups)).or_insert(told.len());
                told.push(facet);
            }
            Some(place) if with_baseline(told[place]) < with_baseline(facet) => told[place] = facet,
            Some(_) => {}
        }
    }
    told
}

/// The entry of the same comparison that is told instead of this one, or in whose place this one is told.
pub(crate) fn twin<'a>(facets: &'a [FacetDetails], facet: &FacetDetails) -> Option<&'a FacetDetails> {
    facets.iter().find(|other| {
        let (one, other_groups) = (&facet.groups, &other.groups);
        other.facet == facet.facet
            && !std::ptr::eq(*other, facet)
            && one.d.n() > 0
            && one.d == other_groups.a
            && one.a == other_groups.d
    })
}

/// Whether a metric is held against a baseline, and can tell something by it.
pub(crate) fn is_compared(facet: &FacetDetails, metric: &MetricDetails) -> bool {
    metric.value.is_some() && metric.baseline.is_some() && !facet.compares_nothing(metric)
}

/// The metrics of every comparison. One that does not read the facet is counted once, with a group that has rows if there is one.
pub(crate) fn by_group(facets: &[FacetDetails]) -> Vec<(&FacetDetails, Vec<&MetricDetails>)> {
    let told = told(facets);
    let teller = told.iter().copied().min_by_key(|facet| {
        let mut of_all = facet.metrics.iter().filter(|metric| !compares_groups(&metric.name));
        (facet.empty.contains(&SelectionRole::Facet), !of_all.any(|metric| is_compared(facet, metric)))
    });
    let is_teller = |facet: &FacetDetails| teller.is_some_and(|teller| std::ptr::eq(teller, facet));
    told.into_iter()
        .map(|facet| {
            let is_own = |metric: &&MetricDetails| is_teller(facet) || compares_groups(&metric.name);
            (facet, facet.metrics.iter().filter(is_own).collect())
        })
        .collect()
}

/// Each metric of every comparison.
pub(crate) fn each(facets: &[FacetDetails]) -> impl Iterator<Item = (&FacetDetails, &MetricDetails)> {
    by_group(facets)
        .into_iter()
        .flat_map(|(facet, metrics)| metrics.into_iter().map(move |metric| (facet, metric)))
}

/// How many comparisons some entries of the facets are.
pub(crate) fn number_of<'a>(
    facets: &'a [FacetDetails],
    entries: impl Iterator<Item = (&'a FacetDetails, &'a MetricDetails)>,
) -> usize {
    let told = told(facets);
    let told_of = |facet: &'a FacetDetails| {
        let is_told = |known: &&FacetDetails| std::ptr::eq(*known, facet);
        let is_twin = |known: &&FacetDetails| {
            known.facet == facet.facet && known.groups.d == facet.groups.a && known.groups.a == facet.groups.d
        };
        let found = told.iter().copied();
        found.clone().find(is_told).or_else(|| found.clone().find(is_twin)).map(std::ptr::from_ref)
    };
    let comparisons = entries.map(|(facet, metric)| {
        // One that does not read the facet is the same for all.
        let facet = if compares_groups(&metric.name) { told_of(facet) } else { None };
        (facet, metric.name.as_str())
    });
    comparisons.collect::<HashSet<_>>().len()
}

#[cfg(test)]
mod tests {
    use super::super::Number;
    use super::super::details::{Chance, Stage};
    use super::*;

    fn metric(name: &str, has_baseline: bool, unjudged: bool) -> MetricDetails {
        let chance = Chance {
            p_value: 1.0,
            farther_from_parity: false,
            exact_baseline: !unjudged,
            unjudged,
            empty_baseline: false,
        };
        MetricDetails {
            stage: Stage::PostTraining,
            name: name.into(),
            value: Some(Number::Float(0.1)),
            error: None,
            standard_error: None,
            interval: None,
            enough_rows: true,
            rows_reason: None,
            baseline: has_baseline.then_some(Number::Float(0.1)),
            chance: has_baseline.then_some(chance),
            violated: false,
        }
    }

    fn facet(value: &str, [d, a]: [u64; 2], has_baseline: bool) -> FacetDetails {
        let group = |rows: u64| Group { rows: [[rows, 1], [1, 1]] };
        FacetDetails {
            facet: "f".into(),
            value_or_threshold: value.into(),
            groups: Groups { d: group(d), a: group(a) },
            predicted: true,
            empty: Vec::new(),
            metrics: vec![
                metric("AD", has_baseline, false),
                metric("FT", has_baseline, true),
                metric("GE", has_baseline, false),
            ],
        }
    }

    fn values(facets: &[FacetDetails]) -> Vec<&str> {
        told(facets).iter().map(|facet| facet.value_or_threshold.as_str()).collect()
    }

    #[test]
    fn of_two_sides_of_a_comparison_that_with_a_baseline_counts() {
        let both = |of_first, of_second| [facet("0", [5, 9], of_first), facet("1", [9, 5], of_second)];
        for (facets, expected) in [
            (both(true, true), "0"),
            (both(false, false), "0"),
            (both(true, false), "0"),
            (both(false, true), "1"),
        ] {
            assert_eq!(values(&facets), [expected]);
            assert_eq!(twin(&facets, &facets[0]), Some(&facets[1]));
        }
        let three = [facet("0", [5, 9], true), facet("1", [4, 10], true), facet("2", [5, 9], true)];
        assert_eq!(values(&three), ["0", "1", "2"]);
        assert_eq!(twin(&three, &three[0]), None);
    }

    /// Entries are the same comparison whichever side of it is told: a metric that only the other side names repeats nothing.
    #[test]
    fn entries_of_two_sides_are_as_many_comparisons_as_there_are_metrics() {
        let facets = [facet("0", [5, 9], true), facet("1", [9, 5], true), facet("2", [4, 10], true)];
        let entries = |named: &'static [(usize, &str)]| {
            named.iter().map(|&(place, name)| {
                let facet = &facets[place];
                (facet, facet.metrics.iter().find(|metric| metric.name == name).unwrap())
            })
        };
        for (named, expected) in [
            (&[(0, "AD"), (1, "AD"), (1, "FT")][..], 2),
            (&[(1, "AD"), (1, "FT")], 2),
            (&[(0, "AD"), (2, "AD")], 2),
            (&[(0, "GE"), (1, "GE"), (2, "GE"), (2, "AD")], 2),
            (&[], 0),
        ] {
            assert_eq!(number_of(&facets, entries(named)), expected, "{named:?}");
        }
    }

    #[test]
    fn what_does_not_read_the_facet_counts_once() {
        let facets = [facet("0", [5, 9], false), facet("1", [4, 10], true), facet("2", [3, 11], true)];
        // The one that counts is held against a baseline.
        let of_all: Vec<&str> = each(&facets)
            .filter(|(_, metric)| metric.name == "GE")
            .map(|(facet, _)| facet.value_or_threshold.as_str())
            .collect();
        assert_eq!(of_all, ["1"]);
    }
}
