//! Whether a value rests on enough rows to mean something.
//!
//! Enough means that the 95 % interval holds the true value in 93 to 97 % of samples; the limits below are what
//! the simulations of `examples/chance_tables.rs` ask for. Where a rule can go by the number of rows expected if the groups were
//! treated alike, it does: a large group without a single positive prediction is a finding, not a lack of rows.

use super::flip::FlipOutcome;
use super::metrics::{Evidence, Metric, Overlap, Ratio};
use crate::state::counts::{FacetCounts, Group, Groups};

const MIN_ROWS: u64 = 30;
/// Fewest rows of either outcome of a share, expected at the share over both groups.
const MIN_EXPECTED: f64 = 8.0;
/// Fewest rows of each part of a ratio, such as false negatives by false positives.
const MIN_PART: u64 = 8;
/// A value of the group variable with fewer rows than this says little by itself.
const MIN_STRATUM_ROWS: u64 = 5;

/// Why there are too few rows for this metric, none when there are enough.
pub(super) fn too_few(metric: &Metric, facet: &FacetCounts, flip: Option<&FlipOutcome>) -> Option<String> {
    let total = &facet.total;
    let names = [format!("group `{}`", facet.value_or_threshold), "the rest".into()];
    match metric.evidence {
        Evidence::Sizes => {
            let n = total.d.n() + total.a.n();
            (n < MIN_ROWS).then(|| format!("there are {n} rows, fewer than {MIN_ROWS}"))
        }
        Evidence::Ratios(ratio, _) | Evidence::Distance(ratio) => too_few_for_ratios(ratio, total, &names),
        Evidence::Strata(share) => too_few_for_ratios(share, total, &names)
            .or_else(|| facet.strata.as_deref().and_then(too_small_strata)),
        Evidence::Errors => {
            let wrong = [&total.d, &total.a].map(|group| group.false_positive() + group.false_negative());
            fewer(wrong.iter().sum(), "wrong predictions", 2 * MIN_PART, "the dataset")
        }
        Evidence::Neighbours => too_few_rows(total, &names).or_else(|| {
            let flips = flip?.as_ref().ok()?;
            let flipped = flips.only_model_positive + flips.only_neighbours_positive;
            fewer(flipped, "rows predicted unlike their neighbours", MIN_PART, &names[0])
        }),
    }
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

fn too_few_for_ratios(ratio: fn(&Group) -> Ratio, total: &Groups, names: &[String; 2]) -> Option<String> {
    let ratios = [ratio(&total.d), ratio(&total.a)];
    if ratios[0].overlap == Overlap::Part {
        return too_few_for_shares(&ratios, names);
    }
    too_few_rows(total, names).or_else(|| {
        ratios.iter().zip(names).find_map(|(ratio, name)| {
            let Ratio { count, of, count_noun, of_noun, .. } = ratio;
            match ratio.overlap {
                Overlap::Rows(both) => {
                    [(count - both, count_noun, of_noun), (of - both, of_noun, count_noun)]
                        .into_iter()
                        .find_map(|(rows, noun, other)| {
                            fewer(rows, &format!("{noun} that are no {other}"), MIN_PART, name)
                        })
                }
                _ => {
                    fewer(*count, count_noun, MIN_PART, name).or_else(|| fewer(*of, of_noun, MIN_PART, name))
                }
            }
        })
    })
}

fn too_few_for_shares(shares: &[Ratio; 2], names: &[String; 2]) -> Option<String> {
    let of_both = shares[0].of + shares[1].of;
    let overall =
        if of_both == 0 { 0.0 } else { (shares[0].count + shares[1].count) as f64 / of_both as f64 };
    shares.iter().zip(names).find_map(|(share, name)| {
        fewer(share.of, share.of_noun, MIN_ROWS, name).or_else(|| {
            [(overall, ""), (1.0 - overall, "not ")].into_iter().find_map(|(overall, negation)| {
                let expected = share.of as f64 * overall;
                let Ratio { of, of_noun, count_noun, .. } = share;
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
