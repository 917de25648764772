//! Whether a value rests on enough rows to mean something.
//!
//! Enough means that the 95 % interval holds the true value in 93 to 97 % of samples; the limits below are what
//! the simulations of `examples/chance_tables.rs` ask for. Most go by the number of rows expected if the groups were
//! treated alike: that number hardly depends on the difference that is measured, so that the samples with enough rows
//! are not those with a large one.

use super::intervals;
use super::metrics::{Evidence, Metric, Overlap, Ratio};
use crate::state::counts::{FacetCounts, Group, Groups};

/// Fewest rows of a share, and of either group.
const MIN_ROWS: u64 = 30;
/// Fewest rows of either outcome of a share, expected at the share over both groups.
const MIN_EXPECTED: f64 = 10.0;
/// Fewest rows of either outcome in a group so small that each row counts.
const MIN_OF_FEW: u64 = 5;
/// Fewest rows of either part of a ratio, such as false negatives by false positives, expected at the ratio over both groups.
const MIN_EXPECTED_PART: f64 = 12.0;
/// Fewest rows of either outcome or part, expected at the share or ratio over both groups, to tell a change from chance.
const MIN_EXPECTED_TO_COMPARE: f64 = 5.0;
/// Class imbalance is one share, not a difference of two: its interval needs more rows.
const MIN_ROWS_OF_SIZES: u64 = 120;
/// Fewest rows of a group for class imbalance. They are what is measured: samples below the limit are those whose interval
/// would miss on one side, so just above it more than 95 % hold the true value. A low limit keeps this to small groups.
const MIN_ROWS_OF_SIDE: u64 = 10;
/// Rows of the rest are neighbours of many rows of the group at once. How far the flip test varies depends on which ones, and
/// with them on the features, by up to three times the variance of independent rows.
const NEIGHBOURS_ARE_SHARED: &str =
    "rows of the rest are neighbours of many rows at once, and other rows would give other votes";
const MIN_WRONG: u64 = 16;
/// Fewest rows of either group with either label in a value of the group variable, expected if they were independent.
const MIN_EXPECTED_IN_STRATUM: f64 = 8.0;
/// Share of the rows that must be in such values.
const MIN_SHARE_IN_STRATA: f64 = 0.9;

/// Why there are too few rows for this metric, none when there are enough.
pub(crate) fn too_few(metric: &Metric, facet: &FacetCounts) -> Option<String> {
    let total = &facet.total;
    let names = [format!("group `{}`", facet.value_or_threshold), "the rest".into()];
    match metric.evidence {
        Evidence::Sizes => too_few_rows(total, MIN_ROWS_OF_SIDE, &names)
            .or_else(|| fewer(total.d.n() + total.a.n(), "rows", MIN_ROWS_OF_SIZES, "the dataset")),
        Evidence::Ratios(ratio, _) => {
            let ratios = [ratio(&total.d), ratio(&total.a)];
            if ratios[0].overlap == Overlap::Part {
                too_few_for_shares(&ratios, &names)
            } else {
                too_few_for_ratios(&ratios, &names)
            }
        }
        Evidence::Distance(share) => too_few_for_shares(&[share(&total.d), share(&total.a)], &names),
        Evidence::Strata(share) => too_few_for_shares(&[share(&total.d), share(&total.a)], &names)
            .or_else(|| too_small_strata(facet.strata.as_deref()?, share)),
        Evidence::Errors => {
            let wrong = [&total.d, &total.a].map(|group| group.false_positive() + group.false_negative());
            fewer(wrong.iter().sum(), "wrong predictions", MIN_WRONG, "the dataset")
        }
        Evidence::Neighbours => Some(NEIGHBOURS_ARE_SHARED.into()),
    }
}

/// Whether the rows are enough to tell a change of a metric of counts from chance. This takes fewer than an interval: that
/// chance explains a change may be said too often, that it does not only as often as agreed.
pub(crate) fn is_comparable(metric: &Metric, groups: &Groups) -> bool {
    let both = [&groups.d, &groups.a];
    match metric.evidence {
        Evidence::Sizes => both.iter().all(|group| group.n() >= MIN_ROWS),
        Evidence::Ratios(ratio, _) | Evidence::Distance(ratio) => {
            let parts = both.map(|group| parts(&ratio(group)));
            let rows = parts.map(|parts| parts[0] + parts[1]);
            let overall = part_of([parts[0][0], parts[1][0]], rows);
            rows.iter().all(|rows| *rows as f64 * overall.min(1.0 - overall) >= MIN_EXPECTED_TO_COMPARE)
        }
        Evidence::Errors => {
            both.iter().map(|group| group.false_positive() + group.false_negative()).sum::<u64>() >= MIN_WRONG
        }
        Evidence::Strata(_) | Evidence::Neighbours => false,
    }
}

/// The rows that make a ratio differ from 1, or a share from 1 and 0: those of the one kind and of the other.
fn parts(ratio: &Ratio) -> [u64; 2] {
    match ratio.overlap {
        Overlap::Part => [ratio.count, ratio.of - ratio.count],
        Overlap::Rows(both) => [ratio.count - both, ratio.of - both],
        Overlap::None => [ratio.count, ratio.of],
    }
}

fn too_few_rows(total: &Groups, least: u64, names: &[String; 2]) -> Option<String> {
    [&total.d, &total.a]
        .into_iter()
        .zip(names)
        .find_map(|(group, name)| fewer(group.n(), "rows", least, name))
}

fn fewer(count: u64, noun: &str, least: u64, name: &str) -> Option<String> {
    (count < least).then(|| format!("{name} has {count} {noun}, fewer than {least}"))
}

fn too_few_for_shares(shares: &[Ratio; 2], names: &[String; 2]) -> Option<String> {
    let overall = part_of([shares[0].count, shares[1].count], [shares[0].of, shares[1].of]);
    let error = intervals::error_of_difference(&shares[0], &shares[1]);
    shares.iter().zip(names).find_map(|(share, name)| {
        let Ratio { count, of, of_noun, count_noun, .. } = *share;
        fewer(of, of_noun, MIN_ROWS, name).or_else(|| {
            [(overall, count, ""), (1.0 - overall, of - count, "not ")].into_iter().find_map(
                |(overall, count, negation)| {
                    let expected = of as f64 * overall;
                    if expected < MIN_EXPECTED {
                        return Some(format!(
                            "at the overall share, {expected:.1} of the {of} {of_noun} of {name} would \
                             {negation}be {count_noun}, fewer than {MIN_EXPECTED}"
                        ));
                    }
                    // A large group without any is a finding, no lack of rows: so few rows move nothing.
                    let is_fine = MIN_OF_FEW as f64 / of as f64 <= error;
                    (count < MIN_OF_FEW && !is_fine).then(|| {
                        format!(
                            "{count} of the {of} {of_noun} of {name} are {negation}{count_noun}, fewer than {MIN_OF_FEW}"
                        )
                    })
                },
            )
        })
    })
}

fn too_few_for_ratios(ratios: &[Ratio; 2], names: &[String; 2]) -> Option<String> {
    let parts = [parts(&ratios[0]), parts(&ratios[1])];
    let rows = parts.map(|parts| parts[0] + parts[1]);
    let overall = part_of([parts[0][0], parts[1][0]], rows);
    ratios.iter().zip(rows).zip(names).find_map(|((ratio, rows), name)| {
        let Ratio { count_noun, of, of_noun, overlap, .. } = *ratio;
        let expected = [(overall, count_noun, of_noun), (1.0 - overall, of_noun, count_noun)]
            .into_iter()
            .find_map(|(overall, noun, other)| {
                let expected = rows as f64 * overall;
                let only =
                    if overlap == Overlap::None { String::new() } else { format!(" that are no {other}") };
                (expected < MIN_EXPECTED_PART).then(|| {
                    format!(
                        "at the overall ratio, {name} would have {expected:.1} {noun}{only}, fewer than \
                         {MIN_EXPECTED_PART}"
                    )
                })
            });
        // Without them the ratio is infinite.
        expected.or_else(|| fewer(of, of_noun, MIN_OF_FEW, name))
    })
}

/// The share over both groups, 0 of no rows.
fn part_of(counts: [u64; 2], of: [u64; 2]) -> f64 {
    let rows = of[0] + of[1];
    if rows == 0 { 0.0 } else { (counts[0] + counts[1]) as f64 / rows as f64 }
}

fn too_small_strata(strata: &[Groups], share: fn(&Group) -> Ratio) -> Option<String> {
    let (mut rows, mut rows_in_large) = (0, 0);
    for Groups { d, a } in strata {
        let n = d.n() + a.n();
        rows += n;
        let positive = share(d).count + share(a).count;
        let (label, group) = (positive.min(n - positive), d.n().min(a.n()));
        if label as f64 * group as f64 >= MIN_EXPECTED_IN_STRATUM * n as f64 {
            rows_in_large += n;
        }
    }
    let is_too_few = (rows_in_large as f64) < MIN_SHARE_IN_STRATA * rows as f64 || rows == 0;
    is_too_few.then(|| {
        format!(
            "{rows_in_large} of {rows} rows, fewer than 90 %, are in values of the group variable in which \
             {MIN_EXPECTED_IN_STRATUM} rows or more of either group are expected with either label; bin the group variable"
        )
    })
}
