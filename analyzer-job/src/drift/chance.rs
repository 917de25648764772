//! Is a metric farther from parity than its baseline beyond what chance explains?
//!
//! The null hypothesis is |now| <= |then|, about the true values. For the sign that the metric has now, it is false only if
//! the true value is beyond `then` and beyond `-then`. Both sides are drawn from their counts (`bias::draws`), and for either
//! the share of all pairs of draws that contradict it is a p-value. Which of them is the p-value of the whole: `of_both`.
//!
//! A few draws tell most metrics from chance. Where one of them is near the bound of the run, all is drawn again, more finely,
//! so that a verdict does not hang on the seed.

mod pairs;

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};
use std::f64::consts::SQRT_2;

use indexmap::IndexMap;
use plumbline_common::Result;
use plumbline_common::stop::Stop;
use rayon::prelude::*;

use super::error_rate::{Draws, holm, step_down};
use super::same::{STAGES, Sections};
use crate::bias::draws;
use crate::bias::evidence::is_comparable;
use crate::bias::{self, Compute, Contrast, Evidence, METRICS, Metric};
use crate::random::Random;
use crate::results::details::{Chance, FacetDetails, MetricDetails, SelectionRole};
use crate::results::metrics::reads_any;
use crate::results::{Counts, Number, Results};
use crate::state::counts::Groups;
use pairs::{Compared, Then, farther, larger};

/// Writes the baseline's value into each metric of `facets`, and whether it is farther away beyond chance.
///
/// One error rate for the run: the chance of one or more false findings is at most 1 - `confidence`, over all metrics
/// of all facets (`error_rate::step_down`). Distances are judged by the difference of the shares that they are made of (DPL) and
/// make no tests of their own, but for divergences whose baseline is taken as exact; the generalized entropy, which does not know the
/// groups, makes one test in a run. Metrics with too few rows here or in the baseline are not judged; nor are those that read a
/// selection of no row or every row, here or there.
///
/// # Errors
/// `STOPPED`.
pub fn judge(
    facets: &mut [FacetDetails],
    baseline: &Results,
    confidence: f64,
    seed: u64,
    stop: &Stop,
) -> Result<()> {
    hold_against(facets, baseline);
    let baseline = Sections::of(baseline);
    let samples = samples(facets, &baseline, seed);
    let most_tests = most_tests(facets, &samples);
    let examined = |fineness| examine_all(facets, &samples, fineness, stop);
    let bound = 1.0 - confidence;
    let mut found = examined(Fineness { draws: DRAWS, ranked: most_tests <= DRAWS })?;
    let fine = (MOST_RANKS / most_tests.max(1)).min(FINE_DRAWS);
    // A power of two, as the points of the draws ask for.
    let fine = if fine > DRAWS { 1 << fine.ilog2() } else { DRAWS };
    let is_near_bound = |p: &f64| (0.5 * bound..2.0 * bound).contains(p);
    if fine > DRAWS && found.p_values.iter().any(is_near_bound) {
        found = examined(Fineness { draws: fine, ranked: true })?;
    }
    for (facet_idx, member) in found.too_few {
        facets[facet_idx].metrics[member].chance = Some(UNJUDGED);
    }
    for ((facet_idx, test), p_value) in found.tests.iter().zip(found.p_values) {
        for &member in &test.members {
            tell(&mut facets[*facet_idx].metrics[member], test, p_value, bound);
        }
    }
    Ok(())
}

/// Draws of each sample, at first. A chance of 5 % of one metric is known to 0.1 % by them, that of a whole run to 0.5 %.
const DRAWS: usize = 1 << 10;
/// Draws of each sample where a metric is near the bound: the chance of a run of 5 % is then known to 0.2 %.
const FINE_DRAWS: usize = 1 << 14;
/// Draws of all tests together that are kept at a time, at most.
const MOST_RANKS: usize = 1 << 20;

/// How finely the samples are drawn.
#[derive(Debug, Clone, Copy)]
struct Fineness {
    draws: usize,
    /// Whether the p-values of the draws are asked for.
    ranked: bool,
}

/// The tests of all facets.
struct Examined {
    /// Each with the position of its facet.
    tests: Vec<(usize, Test)>,
    /// Of each test, adjusted for all of them.
    p_values: Vec<f64>,
    /// Positions of facets and metrics that have too few rows.
    too_few: Vec<(usize, usize)>,
}

fn examine_all(
    facets: &[FacetDetails],
    samples: &[Samples],
    fineness: Fineness,
    stop: &Stop,
) -> Result<Examined> {
    let found = facets.par_iter().zip(samples).map(|(facet, samples)| {
        stop.check()?;
        Ok(examine(facet, samples, fineness))
    });
    let found = found.collect::<Result<Vec<_>>>()?;
    let (mut tests, mut too_few) = (Vec::new(), Vec::new());
    for (facet_idx, found) in found.into_iter().enumerate() {
        too_few.extend(found.too_few.into_iter().map(|member| (facet_idx, member)));
        tests.extend(found.tests.into_iter().map(|test| (facet_idx, test)));
    }
    let p_values = adjusted(&tests);
    Ok(Examined { tests, p_values, too_few })
}

/// The p-values of the tests, adjusted for all of them. What is the same test of several facets counts once.
fn adjusted(tests: &[(usize, Test)]) -> Vec<f64> {
    let mut own: Vec<(f64, Option<&Draws>)> = Vec::new();
    let mut places: HashMap<Identity, usize> = HashMap::new();
    for (_, test) in tests {
        let Some(p_value) = test.p_value else { continue };
        places.entry(test.identity()).or_insert_with(|| {
            own.push((p_value, test.under_null.as_ref()));
            own.len() - 1
        });
    }
    let with_ranks = own.iter().map(|&(p_value, ranks)| Some((p_value, ranks?)));
    // Of so many tests the draws cannot tell what they have in common, and Holm's bound needs none.
    let adjusted = match with_ranks.collect::<Option<Vec<_>>>() {
        Some(with_ranks) => step_down(&with_ranks),
        None => holm(&own.iter().map(|(p_value, _)| *p_value).collect::<Vec<_>>()),
    };
    let of_test =
        |(_, test): &(usize, Test)| places.get(&test.identity()).map_or(1.0, |&place| adjusted[place]);
    tests.iter().map(of_test).collect()
}

/// Writes the baseline's values into the metrics, and that those which read an empty selection cannot be judged.
pub(crate) fn hold_against(facets: &mut [FacetDetails], baseline: &Results) {
    let baseline = Sections::of(baseline);
    facets.iter_mut().for_each(|facet| hold_facet_against(facet, &baseline));
}

fn hold_facet_against(facet: &mut FacetDetails, baseline: &Sections) {
    let counts = counts_of(facet, baseline).next().map(Counts::groups);
    for place in 0..facet.metrics.len() {
        let metric = &facet.metrics[place];
        let then = baseline.get(metric.stage, &facet.facet, &facet.value_or_threshold);
        let then = then.and_then(|then| then.metrics.iter().find(|known| known.name == metric.name)?.value);
        let empty_baseline =
            counts.zip(then).is_some_and(|(groups, then)| said_nothing(&metric.name, &groups, then.value()));
        let says_nothing = empty_baseline || facet.says_nothing(&metric.name);
        let is_compared = metric.value.is_some() && then.is_some();
        let metric = &mut facet.metrics[place];
        metric.baseline = then;
        metric.chance = (says_nothing && is_compared).then_some(Chance { empty_baseline, ..UNJUDGED });
    }
}

/// The counts behind the baseline of a facet, of either stage. Both have the same rows, and estimates of their own metrics.
fn counts_of<'a>(facet: &FacetDetails, baseline: &Sections<'a>) -> impl Iterator<Item = &'a Counts> {
    let of_stage = |stage| baseline.get(stage, &facet.facet, &facet.value_or_threshold)?.counts.as_ref();
    STAGES.into_iter().filter_map(of_stage)
}

/// Whether the value of a metric in a baseline with these counts says nothing: it reads a selection that held no row or every row.
pub(super) fn said_nothing(code: &str, groups: &Groups, value: f64) -> bool {
    reads_any(code, &SelectionRole::empty_in(groups, true)) && gave(code, groups, value)
}

/// Whether the counts of a baseline gave the constraints' value. One that a person chose is a limit, whatever was counted.
fn gave(code: &str, groups: &Groups, limit: f64) -> bool {
    match bias::metric(code).map(|metric| &metric.compute) {
        Some(Compute::Groups(compute)) => compute(groups).is_ok_and(|value| is_limit(value.value(), limit)),
        // Does not follow from the counts.
        _ => true,
    }
}

fn is_limit(value: f64, limit: f64) -> bool {
    value == limit || (value - limit).abs() <= 1e-9 * limit.abs().max(1e-3)
}

/// Whether a metric is to be judged: it has a value here and in the baseline, and no one has said yet that it cannot be.
fn is_open(metric: &MetricDetails) -> bool {
    metric.value.is_some() && metric.baseline.is_some() && metric.chance.is_none()
}

/// How many tests the facets make, about; facets that are the same comparison make them once.
fn most_tests(facets: &[FacetDetails], samples: &[Samples]) -> usize {
    let mut most: HashMap<u64, usize> = HashMap::new();
    for (facet, samples) in facets.iter().zip(samples) {
        let known = most.entry(samples.of_groups.stream.comparison).or_default();
        *known = comparable(facet).max(*known);
    }
    most.values().sum()
}

/// The metrics of counts that may make a test, about: distances share theirs, and some make two.
fn comparable(facet: &FacetDetails) -> usize {
    let makes_a_test = |details: &&MetricDetails| {
        is_open(details)
            && bias::metric(&details.name).is_some_and(|metric| is_comparable(metric, &facet.groups))
    };
    facet.metrics.iter().filter(makes_a_test).count()
}

/// Of too few rows, or of an empty selection, nobody can tell.
const UNJUDGED: Chance = Chance {
    p_value: 1.0,
    farther_from_parity: false,
    exact_baseline: false,
    unjudged: true,
    empty_baseline: false,
};

/// `bound`: of the p-value of what is beyond chance.
fn tell(metric: &mut MetricDetails, test: &Test, p_value: f64, bound: f64) {
    metric.chance = Some(Chance {
        p_value,
        farther_from_parity: p_value <= bound && metric.is_away(),
        exact_baseline: test.exact.is_some(),
        unjudged: false,
        empty_baseline: false,
    });
}

const ENTROPY: &str = "GE";
/// The difference of the shares that the distances of labels are made of.
const SHARES: &str = "DPL";

/// The null hypothesis that some metrics of a facet are no farther from parity than in the baseline.
struct Test {
    /// `Stream::comparison` of its sample.
    comparison: u64,
    /// Code of the metric whose draws were compared.
    about: &'static str,
    /// Positions of the metrics of the facet that it judges.
    members: Vec<usize>,
    /// None for an entropy that another facet draws.
    p_value: Option<f64>,
    /// The p-values that draws of a population have in which the null hypothesis just holds; none when no one asks for them.
    under_null: Option<Draws>,
    /// Size of a baseline value that was taken as exact; none when the baseline was drawn from its counts.
    exact: Option<f64>,
}

/// Comparison, metric, and the digits of a baseline value that was taken as exact.
type Identity = (u64, &'static str, Option<u64>);

impl Test {
    /// What tests that are the same have in common: those of the two values of a two-valued facet, which are one comparison seen
    /// from either side, and those of the generalized entropy, which is the same number in every facet.
    fn identity(&self) -> Identity {
        (self.comparison, self.about, self.exact.map(f64::to_bits))
    }
}

#[derive(Default)]
struct Found {
    tests: Vec<Test>,
    /// Positions of the metrics that have too few rows, here or in the baseline.
    too_few: Vec<usize>,
}

/// What the metrics of a facet are drawn from.
struct Samples<'a> {
    of_groups: Sample<'a>,
    /// All rows as one group, for the entropy: it does not know the groups, and is the same number in every facet.
    of_all_rows: Sample<'a>,
    /// Whether no facet before this one draws the entropy.
    draws_entropy: bool,
}

/// Two groups, here and in the baseline.
struct Sample<'a> {
    stream: Stream,
    now: Groups,
    /// If the baseline has counts.
    then: Option<Groups>,
    /// The baseline's value and standard error of metrics that do not follow from the counts, by stage.
    estimates: Vec<&'a IndexMap<String, [f64; 2]>>,
}

fn samples<'a>(facets: &[FacetDetails], baseline: &Sections<'a>, seed: u64) -> Vec<Samples<'a>> {
    let mut entropies = HashSet::new();
    let samples = facets.iter().map(|facet| {
        let then = counts_of(facet, baseline).next().map(Counts::groups);
        let estimates = counts_of(facet, baseline).map(|counts| &counts.estimates).collect();
        let of_groups = Sample {
            stream: Stream::of(&facet.groups, then.as_ref(), seed),
            now: facet.groups,
            then,
            estimates,
        };
        let (now, then) = (all_rows(&facet.groups), then.as_ref().map(all_rows));
        let stream = Stream::of(&now, then.as_ref(), seed);
        let entropy = facet.metrics.iter().find(|metric| metric.name == ENTROPY && is_open(metric));
        let limit = entropy.and_then(|metric| metric.baseline).map(|limit| to_known_digits(limit.value()));
        let draws_entropy =
            limit.is_some_and(|limit| entropies.insert((stream.comparison, limit.abs().to_bits())));
        let of_all_rows = Sample { stream, now, then, estimates: Vec::new() };
        Samples { of_groups, of_all_rows, draws_entropy }
    });
    samples.collect()
}

fn all_rows(groups: &Groups) -> Groups {
    let mut all = groups.d;
    all.add(&groups.a);
    Groups { d: all, ..Groups::default() }
}

/// Random numbers of a sample, and the side that its groups are seen from. Both follow from the counts alone: a comparison has the same
/// draws wherever its facet stands in the configuration, and whichever of two values is listed.
struct Stream {
    seed: u64,
    /// A number made of the counts of both groups, here and in the baseline.
    comparison: u64,
    /// Whether the rest is taken for the group, and the group for the rest.
    is_exchanged: bool,
}

impl Stream {
    fn of(now: &Groups, then: Option<&Groups>, seed: u64) -> Stream {
        let then = then.copied().unwrap_or_default();
        let [group, rest] = [[now.d.rows, then.d.rows], [now.a.rows, then.a.rows]];
        let is_exchanged = rest < group;
        let sides = if is_exchanged { [rest, group] } else { [group, rest] };
        let counts = sides.as_flattened().as_flattened().as_flattened();
        let comparison = counts.iter().fold(0, |known: u64, count| {
            // Each digit of a count changes all digits of the number: Fibonacci hashing (Knuth, "The Art of Computer
            // Programming", volume 3, 6.4).
            let mixed = (known ^ count).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            mixed ^ (mixed >> 32)
        });
        Stream { seed, comparison, is_exchanged }
    }

    /// `part`: 0 for the counts, else a metric drawn by itself.
    fn random(&self, side: Side, part: u64) -> Random {
        Random::new(self.seed, self.comparison << 8 | part << 1 | u64::from(side == Side::Baseline))
    }

    fn seen(&self, groups: &Groups) -> Groups {
        let Groups { d, a } = *groups;
        if self.is_exchanged { Groups { d: a, a: d } } else { *groups }
    }

    fn populations(&self, side: Side, groups: &Groups, draws: usize) -> Vec<Groups> {
        draws::populations(&self.seen(groups), draws, &mut self.random(side, 0))
    }

    /// The value that a metric has for the groups as they are seen.
    fn value(&self, metric: &Metric, value: f64) -> f64 {
        match metric.evidence {
            _ if !self.is_exchanged => value,
            Evidence::Ratios(_, Contrast::GroupByRest) => value.recip(),
            // Never negative.
            Evidence::Distance(_) | Evidence::Errors => value,
            _ => -value,
        }
    }

    fn around(&self, side: Side, metric: &Metric, [value, error]: [f64; 2], draws: usize) -> Vec<f64> {
        let part = METRICS.iter().position(|known| known.code == metric.code).unwrap_or(METRICS.len()) + 1;
        let [value, error] = [self.value(metric, value), error].map(to_known_digits);
        draws::around(value, error, draws, &mut self.random(side, part as u64))
    }
}

/// A number without its last digits, which hang on the order in which it was added up, and on the side it is seen from.
fn to_known_digits(value: f64) -> f64 {
    format!("{value:.11e}").parse().unwrap_or(value)
}

/// Which of two samples is drawn. Each has random numbers of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Now,
    Baseline,
}

fn examine(facet: &FacetDetails, samples: &Samples, fineness: Fineness) -> Found {
    let Fineness { draws: n, ranked } = fineness;
    let mut found = Found::default();
    let drawn = [&samples.of_groups, &samples.of_all_rows]
        .map(|sample| (Drawn::of(sample, n), Before::of(sample, n)));
    for (member, details) in facet.metrics.iter().enumerate().filter(|(_, details)| is_open(details)) {
        let Some(known) = bias::metric(&details.name) else { continue };
        let (Some(value), Some(limit)) = (details.value, details.baseline) else { continue };
        let is_of_counts = matches!(known.compute, Compute::Groups(_));
        if !(if is_of_counts { is_comparable(known, &facet.groups) } else { details.enough_rows }) {
            found.too_few.push(member);
            continue;
        }
        // Distances are judged by the difference of the shares, if the baseline says what that was.
        let is_distance = matches!(known.evidence, Evidence::Distance(_));
        let Some(about) = bias::metric(if is_distance { SHARES } else { known.code }) else { continue };
        let is_entropy = about.code == ENTROPY;
        let draws = samples.draws_entropy || !is_entropy;
        let sample = if is_entropy { &samples.of_all_rows } else { &samples.of_groups };
        let (now_drawn, before) = &drawn[usize::from(is_entropy)];
        let stream = &sample.stream;
        let then = before.as_ref().and_then(|before| before.then(known, about, limit.value(), draws));
        let (about, then) = match then {
            Some(then) => (about, then),
            None => {
                let (about, then) = exact(known, about, facet, limit.value());
                (about, then.map(|limit| to_known_digits(stream.value(about, limit))))
            }
        };
        if let Then::TooFew = then {
            found.too_few.push(member);
            continue;
        }
        let exact = match then {
            Then::Exact(then) => Some(then.abs()),
            _ => None,
        };
        let is_same = |earlier: &&mut Test| earlier.about == about.code && earlier.exact == exact;
        if let Some(earlier) = found.tests.iter_mut().find(is_same) {
            earlier.members.push(member);
            continue;
        }
        let mut test = Test {
            comparison: stream.comparison,
            about: about.code,
            members: vec![member],
            p_value: None,
            under_null: None,
            exact,
        };
        if !draws {
            found.tests.push(test);
            continue;
        }
        let now = match about.compute {
            Compute::Groups(_) => now_drawn.values(about),
            _ => match details.standard_error {
                Some(error) => stream.around(Side::Now, about, [value.value(), error], n),
                None => {
                    found.too_few.push(member);
                    continue;
                }
            },
        };
        let Compared { p_value, under_null } = match about.evidence {
            // The distance of a ratio from its parity is that of its inverse.
            Evidence::Ratios(_, Contrast::GroupByRest) => {
                farther(&now.into_iter().map(f64::ln).collect::<Vec<_>>(), &then.map(f64::ln), ranked)
            }
            // A divergence is about the square of the difference of the shares.
            Evidence::Distance(_) => farther(&now_drawn.signed_roots(about), &then.map(f64::sqrt), ranked),
            // Never negative.
            Evidence::Errors => larger(&now, &then, ranked),
            _ => farther(&now, &then, ranked),
        };
        (test.p_value, test.under_null) = (Some(p_value), under_null);
        found.tests.push(test);
    }
    found
}

/// Populations that a sample may come from, drawn when a metric needs them: of groups with few rows none does.
struct Drawn<'a> {
    stream: &'a Stream,
    side: Side,
    groups: Groups,
    draws: usize,
    populations: OnceCell<Vec<Groups>>,
}

impl<'a> Drawn<'a> {
    fn of(sample: &'a Sample<'_>, draws: usize) -> Drawn<'a> {
        let stream = &sample.stream;
        Drawn { stream, side: Side::Now, groups: sample.now, draws, populations: OnceCell::new() }
    }

    /// A metric of counts in each of the populations. The Kullback-Leibler divergence is another number from the other side, and
    /// is taken from its own.
    fn values(&self, metric: &Metric) -> Vec<f64> {
        let Compute::Groups(compute) = metric.compute else { return Vec::new() };
        let populations =
            self.populations.get_or_init(|| self.stream.populations(self.side, &self.groups, self.draws));
        let value = |groups: &Groups| compute(groups).map_or(0.0, Number::value);
        let is_own = metric.code == "KL";
        populations
            .iter()
            .map(|groups| if is_own { value(&self.stream.seen(groups)) } else { value(groups) })
            .collect()
    }

    /// The square root of a divergence in each of the populations, with the sign of the difference of the shares. The divergence is
    /// never negative, so with equal shares its draws are all above it; the root varies evenly around 0.
    fn signed_roots(&self, divergence: &Metric) -> Vec<f64> {
        let differences = bias::metric(SHARES).map(|shares| self.values(shares)).unwrap_or_default();
        let root = |(value, difference): (f64, f64)| value.max(0.0).sqrt().copysign(difference);
        self.values(divergence).into_iter().zip(differences).map(root).collect()
    }
}

/// The baseline of a sample, where its counts are known.
struct Before<'a> {
    estimates: &'a [&'a IndexMap<String, [f64; 2]>],
    drawn: Drawn<'a>,
}

impl<'a> Before<'a> {
    fn of(sample: &'a Sample<'a>, draws: usize) -> Option<Before<'a>> {
        let drawn = Drawn { side: Side::Baseline, groups: sample.then?, ..Drawn::of(sample, draws) };
        Some(Before { estimates: &sample.estimates, drawn })
    }

    /// The baseline of `metric`, in terms of the metric `about` whose draws are compared; none when the counts did not give the
    /// constraints' value `limit`: a value that a person chose is a limit, no sample. Without `draws` there are none.
    fn then(&self, metric: &Metric, about: &Metric, limit: f64, draws: bool) -> Option<Then> {
        let stream = self.drawn.stream;
        match metric.compute {
            Compute::Groups(_) => {
                if !gave(metric.code, &self.drawn.groups, limit) {
                    return None;
                }
                if !is_comparable(metric, &self.drawn.groups) {
                    return Some(Then::TooFew);
                }
                Some(Then::Drawn(if draws { self.drawn.values(about) } else { Vec::new() }))
            }
            // Only noted where the rows are enough.
            _ => match self.estimates.iter().find_map(|estimates| estimates.get(metric.code)) {
                Some(estimate) => {
                    let is_sound =
                        estimate[1] > 0.0 && estimate[1].is_finite() && is_limit(estimate[0], limit);
                    is_sound.then(|| {
                        Then::Drawn(stream.around(Side::Baseline, about, *estimate, self.drawn.draws))
                    })
                }
                None => Some(Then::TooFew),
            },
        }
    }
}

/// A constraints' value taken as exact, with the metric whose draws it is compared with: `shares` or the metric itself.
///
/// LP, TVD and KS say how far the shares are apart. KL and JS do not: their own draws are compared. If a label occurs in one group
/// only, it is left out of a distance, and the draws, which have all labels, are of another quantity.
fn exact(
    metric: &'static Metric,
    shares: &'static Metric,
    facet: &FacetDetails,
    limit: f64,
) -> (&'static Metric, Then) {
    let Evidence::Distance(share) = metric.evidence else { return (metric, Then::Exact(limit)) };
    let has_both_labels = [&facet.groups.d, &facet.groups.a].into_iter().all(|group| {
        let share = share(group);
        0 < share.count && share.count < share.of
    });
    if !has_both_labels || limit < 0.0 {
        return (metric, Then::TooFew);
    }
    match metric.code {
        "LP" => (shares, Then::Exact(limit / SQRT_2)),
        "KL" | "JS" => (metric, Then::Exact(limit)),
        _ => (shares, Then::Exact(limit)),
    }
}

#[cfg(test)]
#[path = "tests_of_chance.rs"]
mod tests;
