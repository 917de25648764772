//! What the populations behind the counts could be.
//!
//! The counts of two groups are one draw from a multinomial distribution whose shares nobody knows. What the shares may be,
//! given the counts, is a Dirichlet distribution with half a row added to each cell (Jeffreys' prior), so that a cell
//! without rows has a chance too. All metrics of counts are computed from the same draws, so that what they have in common
//! is kept: a metric of predictions and its neighbour move together. Metrics of which only value and standard error are
//! known, the conditional ones and the flip test, are drawn from a normal distribution.
//! Source of the prior: Brown, Cai and DasGupta, "Interval Estimation for a Binomial Proportion", 2001.

use crate::random::{Gamma, Random};
use crate::state::counts::{Group, Groups};

/// Draws of each sample. A chance of 5 % is then known to 0.7 %.
pub(crate) const DRAWS: usize = 1000;
/// Half a row: Jeffreys' prior.
const PRIOR: f64 = 0.5;
/// Rows of a drawn population: so many that its shares are those drawn, and few enough to be added up.
const ROWS: f64 = 1e15;

/// Populations that the counts may come from. `first`: 0 to draw the group first, 1 the rest: the same random numbers with
/// the groups exchanged give the same populations with the groups exchanged.
pub(crate) fn populations(groups: &Groups, first: usize, random: &mut Random) -> Vec<Groups> {
    let cells = [groups.d, groups.a]
        .map(|group| group.rows.map(|observed| observed.map(|count| Gamma::new(count as f64 + PRIOR))));
    let draw = |_| {
        let mut shares = [[[0.0; 2]; 2]; 2];
        for side in [first, 1 - first] {
            for (share, cell) in shares[side].iter_mut().flatten().zip(cells[side].iter().flatten()) {
                *share = random.gamma(cell);
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
