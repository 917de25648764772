//! What the populations behind the counts could be.
//!
//! The counts of two groups are one draw from a multinomial distribution whose shares nobody knows. What the shares may be,
//! given the counts, is a Dirichlet distribution with half a row added to each cell (Jeffreys' prior), so that a cell
//! without rows has a chance too. All metrics of counts are computed from the same draws, so that what they have in common
//! is kept: a metric of predictions and its neighbour move together. Metrics of which only value and standard error are
//! known, the conditional ones and the flip test, are drawn from a normal distribution.
//! Source of the prior: Brown, Cai and DasGupta, "Interval Estimation for a Binomial Proportion", 2001.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::state::counts::{Group, Groups};

/// Draws of each sample. A chance of 5 % is then known to 0.7 %.
pub(crate) const DRAWS: usize = 1000;
/// Half a row: Jeffreys' prior.
const PRIOR: f64 = 0.5;
/// Rows of a drawn population: so many that its shares are those drawn, and few enough to be added up.
const ROWS: f64 = 1e15;

/// Seeded random numbers.
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

/// Populations that the counts may come from. `first`: 0 to draw the group first, 1 the rest: the same random numbers with
/// the groups exchanged give the same populations with the groups exchanged.
pub(crate) fn populations(groups: &Groups, first: usize, random: &mut Random) -> Vec<Groups> {
    let cells = [groups.d, groups.a].map(|group| group.rows.map(|observed| observed.map(Gamma::rows)));
    let draw = |_| {
        let mut shares = [[[0.0; 2]; 2]; 2];
        for side in [first, 1 - first] {
            for (share, cell) in shares[side].iter_mut().flatten().zip(cells[side].iter().flatten()) {
                *share = random.draw(cell);
            }
        }
        let scale = ROWS / shares.iter().flatten().flatten().sum::<f64>();
        // A cell without any row would make ratios infinite.
        let [d, a] = shares.map(|side| Group {
            rows: side.map(|observed| observed.map(|share| ((share * scale) as u64).max(1))),
        });
        Groups { d, a }
    };
    (0..DRAWS).map(draw).collect()
}

/// What a value may be whose standard error is known.
pub(crate) fn around(value: f64, standard_error: f64, random: &mut Random) -> Vec<f64> {
    (0..DRAWS).map(|_| value + standard_error * random.normal()).collect()
}

#[cfg(test)]
#[path = "tests/draws.rs"]
mod tests;
