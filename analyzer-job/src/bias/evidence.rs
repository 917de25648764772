//! Whether a value rests on enough rows to mean something.
//!
//! The rule is that of thumb for shares: a group has at least 30 of what the share is a share of, and if
//! the groups were treated alike, both outcomes would be expected at least 5 times in it. Expected, not
//! seen: a large group without a single positive prediction is a finding, not a lack of rows.

use super::metrics::{Compute, Evidence, Metric, Share};
use crate::state::counts::{FacetCounts, Group, Groups};

const MIN_ROWS: u64 = 30;
const MIN_EXPECTED: f64 = 5.0;
/// Fewest of each of the two counts of a ratio, such as false negatives by false positives.
const MIN_RATIO_COUNT: u64 = 5;
/// A value of the group variable with fewer rows than this says little by itself.
const MIN_STRATUM_ROWS: u64 = 5;

/// Why there are too few rows for this metric, none when there are enough.
pub(super) fn too_few(metric: &Metric, facet: &FacetCounts) -> Option<String> {
    let total = &facet.total;
    let names = [format!("group `{}`", facet.value_or_threshold), "the rest".into()];
    let found = match metric.evidence {
        Evidence::Rows => {
            let n = total.d.n() + total.a.n();
            (n < MIN_ROWS).then(|| format!("there are {n} rows, fewer than {MIN_ROWS}"))
        }
        Evidence::Shares(share) => too_few_for_shares(share, total, &names),
        Evidence::Ratios(ratio) => too_few_for_ratios(ratio, total, &names),
        Evidence::Neighbours => too_few_rows(total, &names),
    };
    found.or_else(|| match (&metric.compute, &facet.strata) {
        (Compute::Strata(_), Some(strata)) => too_small_strata(strata),
        _ => None,
    })
}

fn too_few_rows(total: &Groups, names: &[String; 2]) -> Option<String> {
    [&total.d, &total.a]
        .into_iter()
        .zip(names)
        .find_map(|(group, name)| fewer(group.n(), "rows", MIN_ROWS, name))
}

fn fewer(count: u64, noun: &str, least: u64, name: &str) -> Option<String> {
    (count < least).then(|| format!("{name} has {count} {noun}, fewer than {least}"))
}

fn too_few_for_shares(share: fn(&Group) -> Share, total: &Groups, names: &[String; 2]) -> Option<String> {
    let shares = [share(&total.d), share(&total.a)];
    let of_both = shares[0].of + shares[1].of;
    let overall =
        if of_both == 0 { 0.0 } else { (shares[0].count + shares[1].count) as f64 / of_both as f64 };
    shares.iter().zip(names).find_map(|(share, name)| {
        fewer(share.of, share.of_noun, MIN_ROWS, name).or_else(|| {
            [(overall, ""), (1.0 - overall, "not ")].into_iter().find_map(|(overall, negation)| {
                let expected = share.of as f64 * overall;
                let Share { of, of_noun, count_noun, .. } = share;
                (expected < MIN_EXPECTED).then(|| {
                    format!(
                        "at the overall share, {expected:.1} of the {of} {of_noun} of {name} would \
                         {negation}be {count_noun}, fewer than {MIN_EXPECTED}"
                    )
                })
            })
        })
    })
}

fn too_few_for_ratios(ratio: fn(&Group) -> Share, total: &Groups, names: &[String; 2]) -> Option<String> {
    too_few_rows(total, names).or_else(|| {
        [&total.d, &total.a].into_iter().zip(names).find_map(|(group, name)| {
            let ratio = ratio(group);
            fewer(ratio.count, ratio.count_noun, MIN_RATIO_COUNT, name)
                .or_else(|| fewer(ratio.of, ratio.of_noun, MIN_RATIO_COUNT, name))
        })
    })
}

fn too_small_strata(strata: &[Groups]) -> Option<String> {
    let (mut rows, mut rows_in_small) = (0, 0);
    for Groups { d, a } in strata {
        let n = d.n() + a.n();
        rows += n;
        if n < MIN_STRATUM_ROWS {
            rows_in_small += n;
        }
    }
    (2 * rows_in_small > rows).then(|| {
        format!(
            "more than half of the rows are in values of the group variable with fewer than \
             {MIN_STRATUM_ROWS} rows; bin the group variable"
        )
    })
}
