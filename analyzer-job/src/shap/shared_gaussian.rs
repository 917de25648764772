//! The Gaussian process for many pairs, whose covariances serve every row.

use std::sync::OnceLock;

use faer::Mat;

use super::gaussian::{COMMON, Estimate, Gaussian};
use super::process::{Operator, Process};

/// Pairs that tell the common relevance of many; they must determine the main effects.
pub(super) const PART_PAIRS: usize = 250;

/// The process for many pairs: one relevance for all players, whose operators are made when first needed
/// and serve every row. A part of the pairs tells which relevance is likely.
#[derive(Debug)]
pub(super) struct SharedGaussian {
    all: Process,
    part: Gaussian,
    /// Every so many pairs are in `part`.
    every: usize,
    operators: [OnceLock<Option<Operator>>; COMMON.len()],
}

impl SharedGaussian {
    /// `signs`: rows of +1 and -1, one for each pair, which must determine main effects.
    pub(super) fn new(signs: &Mat<f64>) -> SharedGaussian {
        let every = signs.nrows().div_ceil(PART_PAIRS).max(1);
        let part =
            Mat::from_fn(signs.nrows().div_ceil(every), signs.ncols(), |row, i| signs[(row * every, i)]);
        SharedGaussian {
            all: Process::new(signs, true),
            part: Gaussian::new(&part, true),
            every,
            operators: Default::default(),
        }
    }

    /// Memory that it takes, with the operators of two relevances: rows of one data set hardly need more.
    pub(super) fn bytes(&self) -> usize {
        3 * self.all.bytes() + self.part.bytes()
    }

    /// Values from what least squares leave of the pairs; they add up to 0.
    pub(super) fn estimate(&self, residuals: &[f64]) -> Option<Estimate> {
        let observed: Vec<f64> = residuals.iter().step_by(self.every).copied().chain([0.0]).collect();
        let (_, place, fit) = self.part.most_likely(&observed)?;
        let operator = self.operators[place].get_or_init(|| self.all.operator(COMMON[place])).as_ref()?;
        let players = operator.unit_errors.len();
        let mut values = vec![0.0; players];
        for (residual, factors) in residuals.iter().zip(operator.by_pair.chunks_exact(players)) {
            for (value, factor) in values.iter_mut().zip(factors) {
                *value += factor * residual;
            }
        }
        let surplus = values.iter().sum::<f64>() / players as f64;
        values.iter_mut().for_each(|value| *value -= surplus);
        let deviation = fit.deviation(&observed);
        let standard_errors = operator.unit_errors.iter().map(|error| error * deviation).collect();
        Some(Estimate { values, standard_errors })
    }
}
