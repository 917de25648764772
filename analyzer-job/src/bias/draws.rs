//! What a metric could be over all rows of the kind that came: draws from the counts.
//!
//! The counts of a group are one draw from a multinomial distribution whose shares nobody knows. What the shares may be,
//! given the counts, is a Dirichlet distribution with half a row added to each cell (Jeffreys' prior), so that a cell
//! without rows has a chance too. Each metric is drawn from its own small table: a share from the two cells it is made
//! of, the ratio of observed to predicted positives from three, a conditional metric from its strata.
//! Source of the prior: Brown, Cai and DasGupta, "Interval Estimation for a Binomial Proportion", 2001.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::flip::Flips;
use super::metrics::{Contrast, Evidence, Metric, Overlap, Ratio};
use crate::state::counts::{Group, Groups};

/// Draws of each metric. A standard deviation is then known to 2 %.
pub(crate) const DRAWS: usize = 1000;
const FEWEST_DRAWS: usize = 400;
/// Strata drawn in all before draws are saved: about half a second of work.
const MOST_STRATA_DRAWN: usize = 4_000_000;
/// Half a row: Jeffreys' prior.
const PRIOR: f64 = 0.5;
/// Strata beyond which the conditional metrics are not drawn. A group variable of so many values is a number that
/// should have been binned.
pub(crate) const MOST_STRATA: usize = 10_000;

/// Seeded random numbers. Each metric of each facet and side has a stream of its own.
pub(crate) struct Random {
    uniform: ChaCha8Rng,
    /// Normal numbers come in pairs.
    spare: Option<f64>,
}

impl Random {
    pub(crate) fn new(seed: u64, stream: u64) -> Random {
        let mut uniform = ChaCha8Rng::seed_from_u64(seed);
        uniform.set_stream(stream);
        Random { uniform, spare: None }
    }

    fn uniform(&mut self) -> f64 {
        // In (0, 1]: its logarithm is finite.
        1.0 - self.uniform.random::<f64>()
    }

    /// Standard normal, by Marsaglia's polar method.
    pub(crate) fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        loop {
            let (x, y) = (2.0 * self.uniform() - 1.0, 2.0 * self.uniform() - 1.0);
            let square = x * x + y * y;
            if square > 0.0 && square < 1.0 {
                let scale = (-2.0 * square.ln() / square).sqrt();
                self.spare = Some(y * scale);
                return x * scale;
            }
        }
    }

    /// Gamma with scale 1 (Marsaglia and Tsang, "A Simple Method for Generating Gamma Variables", 2000).
    pub(crate) fn gamma(&mut self, shape: f64) -> f64 {
        if shape < 1.0 {
            let boost = self.uniform().powf(1.0 / shape);
            return self.gamma(shape + 1.0) * boost;
        }
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = self.normal();
            let cube = (1.0 + c * x).powi(3);
            if cube > 0.0 && self.uniform().ln() < 0.5 * x * x + d - d * cube + d * cube.ln() {
                return d * cube;
            }
        }
    }

    fn rows(&mut self, count: u64) -> f64 {
        self.gamma(count as f64 + PRIOR)
    }

    /// A draw of a ratio.
    fn ratio(&mut self, ratio: &Ratio) -> f64 {
        match ratio.overlap {
            Overlap::Part => {
                let (inside, outside) = (self.rows(ratio.count), self.rows(ratio.of - ratio.count));
                inside / (inside + outside)
            }
            Overlap::Rows(both) => {
                let shared = self.rows(both);
                (shared + self.rows(ratio.count - both)) / (shared + self.rows(ratio.of - both))
            }
            Overlap::None => self.rows(ratio.count) / self.rows(ratio.of),
        }
    }
}

/// What the draws of a facet are made from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Material<'a> {
    pub(crate) groups: &'a Groups,
    pub(crate) strata: Option<&'a [Groups]>,
    pub(crate) flips: Option<&'a Flips>,
}

/// Draws of a metric, in the order they were drawn. None for a distance, which has no sign to compare, and where the
/// material is missing: no strata or flip test, an empty group.
pub(crate) fn draws(metric: &Metric, material: Material, random: &mut Random) -> Option<Vec<f64>> {
    let Groups { d, a } = material.groups;
    if d.n() == 0 || a.n() == 0 {
        return None;
    }
    let mut n_draws = DRAWS;
    let mut values = Vec::with_capacity(n_draws);
    match metric.evidence {
        Evidence::Distance(_) => return None,
        Evidence::Sizes => values.extend((0..n_draws).map(|_| {
            let (d, a) = (random.rows(d.n()), random.rows(a.n()));
            (a - d) / (a + d)
        })),
        Evidence::Ratios(ratio, contrast) => {
            let (of_d, of_a) = (ratio(d), ratio(a));
            values.extend((0..n_draws).map(|_| {
                let (d, a) = (random.ratio(&of_d), random.ratio(&of_a));
                match contrast {
                    Contrast::RestMinusGroup => a - d,
                    Contrast::GroupMinusRest => d - a,
                    Contrast::GroupByRest => d / a,
                }
            }));
        }
        Evidence::Errors => {
            let mut all: Group = *d;
            all.add(a);
            let correct = all.true_positive() + all.true_negative();
            values.extend((0..n_draws).map(|_| {
                let drawn =
                    [correct, all.false_positive(), all.false_negative()].map(|count| random.rows(count));
                entropy(drawn)
            }));
        }
        Evidence::Strata(share) => {
            let strata = material.strata.filter(|strata| strata.len() <= MOST_STRATA)?;
            let cells = Stratum::of(strata, share);
            n_draws = (MOST_STRATA_DRAWN / cells.len().max(1)).clamp(FEWEST_DRAWS, DRAWS);
            values.extend((0..n_draws).map(|_| conditional(&cells, random)));
        }
        Evidence::Neighbours => {
            let flips = material.flips?;
            let (one, other) = (flips.only_model_positive, flips.only_neighbours_positive);
            values.extend((0..n_draws).map(|_| {
                let [one, other, same] =
                    [one, other, flips.rows - one - other].map(|count| random.rows(count));
                (one - other) / (one + other + same)
            }));
        }
    }
    Some(values)
}

/// Generalized entropy of order 2 from rows that are correct, false positive, false negative.
fn entropy([correct, false_positive, false_negative]: [f64; 3]) -> f64 {
    let n = correct + false_positive + false_negative;
    let mean = (correct + 2.0 * false_positive) / n;
    let mean_square = (correct + 4.0 * false_positive) / n;
    0.5 * (mean_square / (mean * mean) - 1.0)
}

/// A value of the group variable: rows of d and a for the negative and the positive label, and rows in all.
struct Stratum {
    cells: [[u64; 2]; 2],
    rows: u64,
    /// Added to each cell: the half rows of the whole table, spread over the strata by their rows.
    prior: f64,
}

impl Stratum {
    fn of(strata: &[Groups], share: fn(&Group) -> Ratio) -> Vec<Stratum> {
        let all: u64 = strata.iter().map(|groups| groups.d.n() + groups.a.n()).sum();
        strata
            .iter()
            .map(|groups| {
                let [d, a] = [&groups.d, &groups.a].map(|group| share(group).count);
                let [n_d, n_a] = [groups.d.n(), groups.a.n()];
                Stratum {
                    cells: [[n_d - d, n_a - a], [d, a]],
                    rows: n_d + n_a,
                    prior: PRIOR * (n_d + n_a) as f64 / all.max(1) as f64,
                }
            })
            .filter(|stratum| stratum.rows > 0)
            .collect()
    }
}

/// Conditional demographic disparity of one draw; formula in `metrics::conditional_disparity`.
fn conditional(strata: &[Stratum], random: &mut Random) -> f64 {
    let (mut weighted, mut rows) = (0.0, 0.0);
    for stratum in strata {
        let mut shares = [0.0; 2];
        let mut n = 0.0;
        for (share, [d, a]) in shares.iter_mut().zip(stratum.cells) {
            // A label that the stratum lacks has a share of 0, as in the metric.
            if d + a > 0 {
                let d = random.gamma(d as f64 + stratum.prior);
                let a = random.gamma(a as f64 + stratum.prior);
                *share = d / (d + a);
                n += d + a;
            }
        }
        weighted += n * (shares[0] - shares[1]);
        rows += n;
    }
    if rows == 0.0 { 0.0 } else { weighted / rows }
}

#[cfg(test)]
#[path = "tests/draws.rs"]
mod tests;
