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

    fn draw(&mut self, gamma: &Gamma) -> f64 {
        let Gamma { d, c, power } = *gamma;
        let boost = power.map_or(1.0, |power| self.uniform().powf(power));
        loop {
            let x = self.normal();
            let cube = (1.0 + c * x).powi(3);
            if cube <= 0.0 {
                continue;
            }
            let uniform = self.uniform();
            let square = x * x;
            // Most draws are within a bound that needs no logarithm.
            if uniform < 1.0 - 0.0331 * square * square
                || uniform.ln() < 0.5 * square + d - d * cube + d * cube.ln()
            {
                return d * cube * boost;
            }
        }
    }

    /// A draw of a ratio.
    fn ratio(&mut self, ratio: &Parts) -> f64 {
        match ratio {
            Parts::Share(inside, outside) => {
                let (inside, outside) = (self.draw(inside), self.draw(outside));
                inside / (inside + outside)
            }
            Parts::Overlapping(shared, above, below) => {
                let shared = self.draw(shared);
                (shared + self.draw(above)) / (shared + self.draw(below))
            }
            Parts::Apart(above, below) => self.draw(above) / self.draw(below),
        }
    }
}

/// A gamma distribution with scale 1, ready to be drawn from many times (Marsaglia and Tsang, "A Simple Method for
/// Generating Gamma Variables", 2000).
#[derive(Debug, Clone, Copy)]
struct Gamma {
    d: f64,
    c: f64,
    /// Shapes below 1 are drawn one larger, times a uniform number to this power.
    power: Option<f64>,
}

impl Gamma {
    fn new(shape: f64) -> Gamma {
        let power = (shape < 1.0).then(|| 1.0 / shape);
        let d = if power.is_some() { shape + 1.0 } else { shape } - 1.0 / 3.0;
        Gamma { d, c: 1.0 / (9.0 * d).sqrt(), power }
    }

    /// Of a cell with so many rows.
    fn rows(count: u64) -> Gamma {
        Gamma::new(count as f64 + PRIOR)
    }
}

/// What a ratio is drawn from.
enum Parts {
    Share(Gamma, Gamma),
    Overlapping(Gamma, Gamma, Gamma),
    Apart(Gamma, Gamma),
}

impl Parts {
    fn of(ratio: &Ratio) -> Parts {
        let rows = Gamma::rows;
        match ratio.overlap {
            Overlap::Part => Parts::Share(rows(ratio.count), rows(ratio.of - ratio.count)),
            Overlap::Rows(both) => {
                Parts::Overlapping(rows(both), rows(ratio.count - both), rows(ratio.of - both))
            }
            Overlap::None => Parts::Apart(rows(ratio.count), rows(ratio.of)),
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
        Evidence::Sizes => {
            let (of_d, of_a) = (Gamma::rows(d.n()), Gamma::rows(a.n()));
            values.extend((0..n_draws).map(|_| {
                let (d, a) = (random.draw(&of_d), random.draw(&of_a));
                (a - d) / (a + d)
            }));
        }
        Evidence::Ratios(ratio, contrast) => {
            let (of_d, of_a) = (Parts::of(&ratio(d)), Parts::of(&ratio(a)));
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
            let cells = [correct, all.false_positive(), all.false_negative()].map(Gamma::rows);
            values.extend((0..n_draws).map(|_| entropy(cells.each_ref().map(|cell| random.draw(cell)))));
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
            let cells = [one, other, flips.rows - one - other].map(Gamma::rows);
            values.extend((0..n_draws).map(|_| {
                let [one, other, same] = cells.each_ref().map(|cell| random.draw(cell));
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

/// A value of the group variable: the cells of d and a for the negative and the positive label. A label that the
/// stratum lacks has none: its share is 0, as in the metric.
struct Stratum {
    labels: [Option<[Gamma; 2]>; 2],
}

impl Stratum {
    fn of(strata: &[Groups], share: fn(&Group) -> Ratio) -> Vec<Stratum> {
        let all: u64 = strata.iter().map(|groups| groups.d.n() + groups.a.n()).sum();
        strata
            .iter()
            .filter(|groups| groups.d.n() + groups.a.n() > 0)
            .map(|groups| {
                let [d, a] = [&groups.d, &groups.a].map(|group| share(group).count);
                let [n_d, n_a] = [groups.d.n(), groups.a.n()];
                // The half rows of the whole table, spread over the strata by their rows.
                let prior = PRIOR * (n_d + n_a) as f64 / all.max(1) as f64;
                let cells =
                    |d: u64, a: u64| (d + a > 0).then(|| [d, a].map(|n| Gamma::new(n as f64 + prior)));
                Stratum { labels: [cells(n_d - d, n_a - a), cells(d, a)] }
            })
            .collect()
    }
}

/// Conditional demographic disparity of one draw; formula in `metrics::conditional_disparity`.
fn conditional(strata: &[Stratum], random: &mut Random) -> f64 {
    let (mut weighted, mut rows) = (0.0, 0.0);
    for stratum in strata {
        let mut shares = [0.0; 2];
        let mut n = 0.0;
        for (share, cells) in shares.iter_mut().zip(&stratum.labels) {
            if let Some([d, a]) = cells {
                let (d, a) = (random.draw(d), random.draw(a));
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
