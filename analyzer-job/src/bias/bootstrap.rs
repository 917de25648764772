//! How far a metric would move had other rows of the same kind come: bootstrap from counts.
//!
//! Drawing n rows with replacement changes only how many rows each cell of the counts has, so a replicate is
//! one draw from a multinomial distribution, whatever the number of rows. Every metric of a facet is computed
//! from the same replicates. The flip test's rows are drawn by what model and neighbours said of them, with
//! the neighbours held as they are.

use plumbline_common::Result;
use plumbline_common::stop::Stop;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::flip::{FlipOutcome, Flips};
use super::metrics::{Compute, Metric};
use crate::results::Number;
use crate::state::counts::{FacetCounts, Group, Groups};

/// Error of sampling of one metric.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Spread {
    /// Standard deviation over the replicates; none when one of them is infinite.
    pub(super) standard_error: Option<f64>,
    /// From the 2.5 % to the 97.5 % point of the replicates.
    pub(super) interval: Option<[Number; 2]>,
}

/// Replicates: their standard deviation is then known to 2 %.
const REPLICATES: u64 = 1000;
const FEWEST_REPLICATES: u64 = 200;
/// Cells drawn at most in all, a second of work, before replicates are saved.
const MOST_CELLS_DRAWN: u64 = 20_000_000;
/// With more cells than this the conditional metrics get no interval. A group variable of tens of thousands
/// of values is a number that should have been binned.
const MOST_CELLS: usize = (MOST_CELLS_DRAWN / FEWEST_REPLICATES) as usize;
/// A metric that is undefined in more than this share of replicates gets no interval.
const MOST_UNDEFINED: f64 = 0.05;

/// The spread of each metric, in their order. The same seed and facet number give the same spreads.
///
/// # Errors
/// `STOPPED`.
pub(super) fn spreads(
    facet: &FacetCounts,
    flip: Option<&FlipOutcome>,
    metrics: &[&Metric],
    seed: u64,
    facet_idx: u64,
    stop: &Stop,
) -> Result<Vec<Spread>> {
    let by_stratum = metrics.iter().any(|metric| matches!(metric.compute, Compute::Strata(_)));
    let strata = facet.strata.as_deref().filter(|_| by_stratum);
    let occupied = |cells: &[u64]| cells.iter().filter(|&&count| count > 0).count();
    let mut cells = cells_of(&facet.total, strata.unwrap_or_default());
    let has_strata = strata.is_some() && occupied(&cells) <= MOST_CELLS;
    if !has_strata {
        cells = cells_of(&facet.total, &[]);
    }
    let drawn = occupied(&cells) as u64;
    let replicates = MOST_CELLS_DRAWN.checked_div(drawn).unwrap_or(0).clamp(FEWEST_REPLICATES, REPLICATES);
    let flips = flip.and_then(|flip| flip.as_ref().ok());
    let values: Vec<Vec<f64>> = (0..replicates)
        .into_par_iter()
        .map_init(Replicate::default, |replicate, number| {
            stop.check()?;
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            random.set_stream((facet_idx << 32) | number);
            replicate.draw(&cells, &mut random);
            Ok(metrics.iter().map(|metric| replicate.value(metric, has_strata, flips, &mut random)).collect())
        })
        .collect::<Result<_>>()?;
    let mut column = Vec::with_capacity(values.len());
    Ok((0..metrics.len())
        .map(|metric| {
            column.clear();
            column.extend(values.iter().map(|values| values[metric]).filter(|value| !value.is_nan()));
            spread(&mut column, values.len())
        })
        .collect())
}

/// The counts as one list: 8 for each stratum, then 8 for the rows without one.
fn cells_of(total: &Groups, strata: &[Groups]) -> Vec<u64> {
    let mut rest = flat(total);
    let mut cells = Vec::with_capacity(8 * (strata.len() + 1));
    for stratum in strata {
        let stratum = flat(stratum);
        for (rest, count) in rest.iter_mut().zip(stratum) {
            *rest = rest.saturating_sub(count);
        }
        cells.extend(stratum);
    }
    cells.extend(rest);
    cells
}

fn flat(groups: &Groups) -> [u64; 8] {
    let mut cells = [0; 8];
    let counts = [groups.d.rows, groups.a.rows];
    for (cell, count) in cells.iter_mut().zip(counts.iter().flatten().flatten()) {
        *cell = *count;
    }
    cells
}

fn unflat(cells: &[u64; 8]) -> Groups {
    let [d0, d1, d2, d3, a0, a1, a2, a3] = *cells;
    Groups { d: Group { rows: [[d0, d1], [d2, d3]] }, a: Group { rows: [[a0, a1], [a2, a3]] } }
}

/// One draw of all rows, in buffers that are used again.
#[derive(Default)]
struct Replicate {
    cells: Vec<u64>,
    total: Groups,
    strata: Vec<Groups>,
}

impl Replicate {
    fn draw(&mut self, cells: &[u64], random: &mut ChaCha8Rng) {
        self.cells.resize(cells.len(), 0);
        multinomial(cells, &mut self.cells, random);
        self.total = Groups::default();
        self.strata.clear();
        for cells in self.cells.as_chunks().0 {
            let groups = unflat(cells);
            self.total.d.add(&groups.d);
            self.total.a.add(&groups.a);
            self.strata.push(groups);
        }
        // The last ones are the rows without a stratum.
        self.strata.pop();
    }

    /// NaN when the metric is undefined.
    fn value(
        &self,
        metric: &Metric,
        has_strata: bool,
        flips: Option<&Flips>,
        random: &mut ChaCha8Rng,
    ) -> f64 {
        let outcome = match metric.compute {
            Compute::Groups(compute) => compute(&self.total).ok(),
            Compute::Strata(compute) if has_strata => compute(&self.total, &self.strata).ok(),
            Compute::Strata(_) => None,
            Compute::FlipTest => flips.map(|flips| {
                let cells = [
                    flips.only_model_positive,
                    flips.only_neighbours_positive,
                    flips.rows - flips.only_model_positive - flips.only_neighbours_positive,
                ];
                let mut drawn = [0; 3];
                multinomial(&cells, &mut drawn, random);
                let flips = Flips {
                    only_model_positive: drawn[0],
                    only_neighbours_positive: drawn[1],
                    rows: flips.rows,
                };
                Number::Float(flips.value())
            }),
        };
        outcome.map_or(f64::NAN, Number::value)
    }
}

/// `values`: the replicates that are defined, of `replicates` in all.
fn spread(values: &mut [f64], replicates: usize) -> Spread {
    let undefined = replicates - values.len();
    if values.is_empty() || undefined as f64 > MOST_UNDEFINED * replicates as f64 {
        return Spread::default();
    }
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance =
        values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / (n - 1.0).max(1.0);
    values.sort_unstable_by(f64::total_cmp);
    // As many replicates lie outside on either side.
    let outside = (0.025 * n) as usize;
    Spread {
        standard_error: Some(variance.sqrt()).filter(|error| error.is_finite()),
        interval: Some([values[outside], values[values.len() - 1 - outside]].map(Number::Float)),
    }
}

/// As many draws with replacement as there are rows in `cells`; `drawn` gets the rows of each cell.
fn multinomial(cells: &[u64], drawn: &mut [u64], random: &mut ChaCha8Rng) {
    let mut weight: u64 = cells.iter().sum();
    let mut left = weight;
    for (cell, drawn) in cells.iter().zip(drawn) {
        *drawn = if *cell == weight { left } else { binomial(left, *cell as f64 / weight as f64, random) };
        left -= *drawn;
        weight -= cell;
    }
}

/// Successes in `n` trials of chance `p`.
///
/// Adds up probabilities from the most likely number outwards until they reach a uniform random number:
/// exact but for rounding, in steps of about the standard deviation.
fn binomial(n: u64, p: f64, random: &mut ChaCha8Rng) -> u64 {
    if n == 0 || p <= 0.0 {
        return 0;
    }
    if p >= 1.0 {
        return n;
    }
    let mode = (((n + 1) as f64 * p) as u64).min(n);
    let odds = p / (1.0 - p);
    let at_mode = (ln_factorial(n) - ln_factorial(mode) - ln_factorial(n - mode)
        + mode as f64 * p.ln()
        + (n - mode) as f64 * (-p).ln_1p())
    .exp();
    let mut left = random.random::<f64>() - at_mode;
    let (mut low, mut high) = (mode, mode);
    let (mut at_low, mut at_high) = (at_mode, at_mode);
    while left > 0.0 {
        if high < n {
            at_high *= (n - high) as f64 / (high + 1) as f64 * odds;
            high += 1;
            left -= at_high;
            if left <= 0.0 {
                return high;
            }
        }
        if low > 0 {
            at_low *= low as f64 / ((n - low + 1) as f64 * odds);
            low -= 1;
            left -= at_low;
            if left <= 0.0 {
                return low;
            }
        }
        // Rounding can leave a rest of 1e-9 or so once all probabilities are spent.
        if at_low.max(at_high) < 1e-18 {
            break;
        }
    }
    mode
}

/// ln n!, to about 1e-15 of itself: Stirling's series, by a product where that is too short.
fn ln_factorial(n: u64) -> f64 {
    if n < 16 {
        return (2..=n).map(|factor| factor as f64).product::<f64>().ln();
    }
    let x = n as f64;
    let inverse = 1.0 / x;
    let square = inverse * inverse;
    let correction =
        inverse * (1.0 / 12.0 - square * (1.0 / 360.0 - square * (1.0 / 1260.0 - square / 1680.0)));
    (x + 0.5) * x.ln() - x + 0.5 * std::f64::consts::TAU.ln() + correction
}

#[cfg(test)]
#[path = "tests/bootstrap.rs"]
mod tests;
