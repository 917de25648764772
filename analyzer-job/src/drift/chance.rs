//! Is a metric farther from parity than its baseline beyond what chance explains?
//!
//! The null hypothesis is |now| <= |then|, about the true values. For the sign that the metric has now, it is false only if
//! the true value is beyond `then` and beyond `-then`. Both sides are drawn from their counts (`bias::draws`), and the
//! p-value is the sum of the shares of draws that contradict either: one-sided when the baseline is far from parity,
//! two-sided when it is at parity.

use plumbline_common::Result;
use plumbline_common::stop::Stop;
use rayon::prelude::*;

use super::bias::{self as drift, Baseline};
use super::error_rate::holm;
use crate::bias::draws::{self, DRAWS, Material};
use crate::bias::{self, Contrast, Evidence, FlipOutcome, Metric, Side};
use crate::results::Number;
use crate::results::details::{Chance, FacetDetails, MetricDetails};
use crate::state::counts::BiasCounts;

/// What the judging of a run needs beside its details.
pub struct Sample<'a> {
    pub counts: &'a BiasCounts,
    /// As in `bias::details`.
    pub flips: &'a [FlipOutcome],
    pub seed: u64,
}

/// Writes the baseline's value into each metric of `facets`, and whether it is farther away beyond chance. `facets` are those
/// of `sample.counts`, in the same order.
///
/// One error rate for the run: the chance of one or more false findings is at most 1 - `confidence`, over all metrics
/// of all facets (Holm). Distances are judged by the difference of the shares that they are made of (DPL) and
/// make no tests of their own; the generalized entropy, which does not know the groups, makes one test in a run. Metrics with too
/// few rows here or in the baseline are not judged.
///
/// # Errors
/// `STOPPED`.
pub fn judge(
    facets: &mut [FacetDetails],
    sample: &Sample,
    baseline: &Baseline,
    confidence: f64,
    stop: &Stop,
) -> Result<()> {
    for facet in facets.iter_mut() {
        for metric in &mut facet.metrics {
            let (name, value) = (&facet.facet, &facet.value_or_threshold);
            metric.baseline = drift::value_in(&baseline.results, metric.stage, name, value, &metric.name);
            let limit = metric.baseline.map(Number::value);
            let before = limit.and_then(|limit| sampled(baseline, name, value, &metric.name, limit));
            // Of too few rows nobody can tell.
            if before.is_some_and(|(_, before)| !before.enough_rows) {
                metric.chance = Some(Chance {
                    p_value: 1.0,
                    farther_from_zero: false,
                    farther_from_parity: false,
                    exact_baseline: false,
                });
            }
        }
    }
    let tests: Vec<(usize, Test)> = facets
        .par_iter()
        .enumerate()
        .map(|(facet_idx, facet)| {
            stop.check()?;
            Ok(tests_of(facet, facet_idx, sample, baseline).into_iter().map(move |test| (facet_idx, test)))
        })
        .collect::<Result<Vec<_>>>()?
        .into_iter()
        .flatten()
        .collect();
    // The generalized entropy is the same number in every facet: one test.
    let entropy = tests.iter().position(|(_, test)| test.about == ENTROPY);
    let is_own = |position: usize| tests[position].1.about != ENTROPY || Some(position) == entropy;
    let own: Vec<usize> = (0..tests.len()).filter(|&position| is_own(position)).collect();
    let adjusted = holm(&own.iter().map(|&position| tests[position].1.p_value).collect::<Vec<_>>());
    let mut p_values = vec![1.0; tests.len()];
    for (&position, adjusted) in own.iter().zip(adjusted) {
        p_values[position] = adjusted;
    }
    for (position, (facet_idx, test)) in tests.iter().enumerate() {
        let p_value = p_values[if is_own(position) { position } else { entropy.unwrap_or(position) }];
        let beyond = p_value <= 1.0 - confidence;
        for &member in &test.members {
            let metric = &mut facets[*facet_idx].metrics[member];
            let is_farther = metric
                .value
                .zip(metric.baseline)
                .is_some_and(|(now, then)| now.value().abs() > then.value().abs());
            let chance = metric.chance.get_or_insert(Chance {
                p_value: 1.0,
                farther_from_zero: false,
                farther_from_parity: false,
                exact_baseline: test.exact.is_some(),
            });
            if test.from.contains(&From::Zero) {
                chance.p_value = p_value;
                chance.farther_from_zero = beyond && is_farther;
            }
            if test.from.contains(&From::Parity) {
                chance.farther_from_parity = beyond;
            }
        }
    }
    Ok(())
}

const ENTROPY: &str = "GE";
/// The difference of the shares that the distances of labels are made of.
const SHARES: &str = "DPL";

/// A null hypothesis about a facet, with its p-value.
struct Test {
    /// Code of the metric whose draws were compared.
    about: &'static str,
    /// Positions of the metrics of the facet that it judges.
    members: Vec<usize>,
    /// What the metric is not farther from.
    from: &'static [From],
    p_value: f64,
    /// Size of a baseline value that was taken as exact; none when the baseline was drawn from its counts.
    exact: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum From {
    Zero,
    Parity,
}

fn tests_of(facet: &FacetDetails, facet_idx: usize, sample: &Sample, baseline: &Baseline) -> Vec<Test> {
    let mut tests: Vec<Test> = Vec::new();
    let Some(counts) = sample.counts.facets.get(facet_idx) else { return tests };
    for (member, details) in facet.metrics.iter().enumerate().filter(|(_, details)| details.enough_rows) {
        let Some(known) = bias::metric(&details.name) else { continue };
        let (Some(_), Some(limit)) = (details.value, details.baseline) else { continue };
        // Distances are judged by the difference of the shares.
        let is_distance = matches!(known.evidence, Evidence::Distance(_));
        let Some(about) = bias::metric(if is_distance { SHARES } else { known.code }) else { continue };
        let Some(then) = baseline_of(known, about, facet, facet_idx, limit.value(), sample, baseline) else {
            continue;
        };
        let exact = match then {
            Then::Exact(then) => Some(then.abs()),
            Then::Drawn(_) => None,
        };
        let is_same = |earlier: &&mut Test| {
            earlier.about == about.code
                && match (earlier.exact, exact) {
                    (None, None) => true,
                    (Some(one), Some(other)) => (one - other).abs() < 1e-9,
                    _ => false,
                }
        };
        if let Some(earlier) = tests.iter_mut().find(is_same) {
            earlier.members.push(member);
            continue;
        }
        let flip = sample.flips.get(facet_idx);
        let Some(now) = bias::draw(about, counts, flip, Side::Now, facet_idx, sample.seed) else { continue };
        let mut add = |from, p_value| {
            tests.push(Test { about: about.code, members: vec![member], from, p_value, exact });
        };
        match about.evidence {
            Evidence::Ratios(_, Contrast::GroupByRest) => {
                let logarithm = |values: Vec<f64>| values.into_iter().map(f64::ln).collect::<Vec<_>>();
                let now = logarithm(now);
                let then = match then {
                    Then::Exact(then) => Then::Exact(then.ln()),
                    Then::Drawn(then) => Then::Drawn(logarithm(then)),
                };
                add(&[From::Zero], larger(1.0, 1.0, &now, &then));
                add(&[From::Parity], p_value(median(&now), &now, &then));
            }
            // Never negative.
            Evidence::Errors => add(&[From::Zero, From::Parity], larger(1.0, 1.0, &now, &then)),
            _ => add(&[From::Zero, From::Parity], p_value(median(&now), &now, &then)),
        }
    }
    tests
}

fn median(draws: &[f64]) -> f64 {
    let mut sorted = draws.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}

/// The group and the metric of the baseline's own details, if its counts gave the constraints' value `limit`: another value
/// was chosen by a person, and is a limit, no sample.
fn sampled<'a>(
    baseline: &'a Baseline,
    facet: &str,
    value_or_threshold: &str,
    metric: &str,
    limit: f64,
) -> Option<(&'a FacetDetails, &'a MetricDetails)> {
    let details = baseline.details.as_ref()?;
    let beside = drift::facet_details(&details.facets, facet, value_or_threshold)?;
    let known = beside.metrics.iter().find(|known| known.name == metric)?;
    let value = known.value?.value();
    (value == limit || (value - limit).abs() <= 1e-9 * limit.abs().max(1e-3)).then_some((beside, known))
}

/// The baseline of `metric`, in terms of the metric `about` whose draws are compared: drawn from the counts that gave
/// the constraints' value `limit`, else that value. None when the counts are too few, or when the constraints do not say.
fn baseline_of(
    metric: &Metric,
    about: &Metric,
    facet: &FacetDetails,
    facet_idx: usize,
    limit: f64,
    sample: &Sample,
    baseline: &Baseline,
) -> Option<Then> {
    if let Some((beside, known)) =
        sampled(baseline, &facet.facet, &facet.value_or_threshold, metric.code, limit)
    {
        if !known.enough_rows {
            return None;
        }
        let mut random = bias::random(about, Side::Baseline, facet_idx, sample.seed);
        let drawn = match about.evidence {
            // Strata and neighbours are not in the details, their standard errors are.
            Evidence::Strata(_) | Evidence::Neighbours => known
                .standard_error
                .map(|error| (0..DRAWS).map(|_| limit + error * random.normal()).collect()),
            _ => {
                let material = Material { groups: &beside.groups, strata: None, flips: None };
                draws::draws(about, material, &mut random)
            }
        };
        if let Some(drawn) = drawn {
            return Some(Then::Drawn(drawn));
        }
    }
    let shares = || facet.metrics.iter().find(|known| known.name == SHARES)?.baseline.map(Number::value);
    Some(Then::Exact(match metric.code {
        "KS" | "TVD" => limit,
        "LP" => limit / std::f64::consts::SQRT_2,
        "KL" | "JS" => shares()?,
        _ => limit,
    }))
}

/// A metric's baseline.
#[derive(Debug, Clone)]
enum Then {
    /// A value taken as exact.
    Exact(f64),
    /// Draws from the counts of the baseline.
    Drawn(Vec<f64>),
}

/// Share of the draws up to which the empirical distribution is used; beyond it the tail of a normal distribution that
/// has the same median and the same point at this share.
const TAIL: f64 = 0.01;

/// The p-value of `|now| <= |then|`. `value`: the metric now; `now`: its draws.
fn p_value(value: f64, now: &[f64], then: &Then) -> f64 {
    let sign = if value < 0.0 { -1.0 } else { 1.0 };
    (larger(sign, 1.0, now, then) + larger(sign, -1.0, now, then)).min(1.0)
}

/// The p-value of `sign * now <= side * then`.
fn larger(sign: f64, side: f64, now: &[f64], then: &Then) -> f64 {
    let mut differences: Vec<f64> = match then {
        Then::Exact(then) => now.iter().map(|now| sign * now - side * then).collect(),
        Then::Drawn(then) => now.iter().zip(then).map(|(now, then)| sign * now - side * then).collect(),
    };
    below_zero(&mut differences)
}

/// The chance that a quantity with these draws is not above 0.
fn below_zero(draws: &mut [f64]) -> f64 {
    draws.sort_unstable_by(f64::total_cmp);
    let n = draws.len();
    let rank = draws.partition_point(|draw| *draw <= 0.0);
    let tail = ((TAIL * n as f64) as usize).clamp(1, n.saturating_sub(1).max(1)) - 1;
    if rank > tail || n < 3 {
        return rank as f64 / n as f64;
    }
    let (median, point) = (draws[n / 2], draws[tail]);
    let width = median - point;
    if !median.is_finite() {
        return 0.0;
    }
    if width <= 0.0 {
        return 1.0 / n as f64;
    }
    // 2.326 standard deviations below the median lies 1 % of a normal distribution.
    normal_below(-2.326_347_874 * median / width)
}

/// Share of a standard normal distribution below `z`, for z < 0: Abramowitz and Stegun 26.2.17 has an absolute
/// error of 7.5e-8, too much for small tails, so beyond -3 the continued fraction 26.2.14 is used.
fn normal_below(z: f64) -> f64 {
    if z == f64::NEG_INFINITY {
        return 0.0;
    }
    if z > 0.0 {
        return 1.0 - normal_below(-z);
    }
    let x = -z;
    let density = (-0.5 * x * x).exp() / std::f64::consts::TAU.sqrt();
    if x > 3.0 {
        let mut fraction = x;
        for k in (1..=40).rev() {
            fraction = x + f64::from(k) / fraction;
        }
        return density / fraction;
    }
    let t = 1.0 / (1.0 + 0.231_641_9 * x);
    let series = t
        * (0.319_381_530
            + t * (-0.356_563_782 + t * (1.781_477_937 + t * (-1.821_255_978 + t * 1.330_274_429))));
    density * series
}
