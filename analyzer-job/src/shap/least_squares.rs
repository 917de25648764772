//! Shapley values by weighted least squares on pairs, without normal equations: (7) and (8) of docs/estimator.md.
//!
//! A pair's half difference is `y = (v(S) - v(N \ S)) / 2`; in an additive game it is `s . phi / 2` with
//! `s` = +1 for members of `S` and -1 for the rest. The values must add up to `T = v(N) - v(empty)`, so
//! `phi = T / M + a` with `a` orthogonal to 1, and `a` minimises the weighted squares of
//! `y - T sum(s) / (2 M) - s . a / 2`. Exact for games with interactions of at most two players.

use faer::Mat;
use plumbline_common::stop::Stop;

use super::coalitions::{Coalitions, Pairs};
use super::triangular::dot;

/// Singular values below this share of the largest one count as zero.
const RANK_TOLERANCE: f64 = 1e-9;
/// Squares of singular values above this share of their sum are not zero.
const CLEAR: f64 = 1e-6;

/// The linear map from the pairs to the values, the same for every row and output.
#[derive(Debug, Clone)]
pub(super) struct LeastSquares {
    /// M x m.
    operator: Mat<f64>,
    /// The pairs, as they were drawn.
    coalitions: Coalitions,
    /// By pair, members less others.
    balance: Vec<f64>,
    /// M - 1 when the pairs determine every additive game.
    rank: usize,
    /// Share of all pairs that was not drawn: what is left to be wrong about.
    share_unknown: f64,
}

/// Rows of +1 (member) and -1, one for each pair.
pub(super) fn signs(pairs: &Pairs) -> Mat<f64> {
    Mat::from_fn(pairs.weights.len(), pairs.coalitions.players(), |pair, player| {
        if pairs.coalitions.contains(2 * pair, player) { 1.0 } else { -1.0 }
    })
}

/// The signs weighted, with no share in the direction of 1, which keeps the sum of the values out of them.
fn design(pairs: &Pairs, signs: &Mat<f64>, balance: &[f64]) -> Mat<f64> {
    let root: Vec<f64> = pairs.weights.iter().map(|weight| weight.sqrt()).collect();
    Mat::from_fn(signs.nrows(), signs.ncols(), |pair, i| {
        root[pair] * (signs[(pair, i)] - balance[pair] / signs.ncols() as f64) / 2.0
    })
}

/// Members less others, by pair.
fn balance(signs: &Mat<f64>) -> Vec<f64> {
    (0..signs.nrows()).map(|pair| (0..signs.ncols()).map(|i| signs[(pair, i)]).sum()).collect()
}

/// Whether the pairs determine every additive game.
pub(super) fn is_determined(pairs: &Pairs) -> bool {
    if is_well_determined(pairs) {
        return true;
    }
    let signs = signs(pairs);
    let singular = design(pairs, &signs, &balance(&signs)).singular_values().unwrap_or_default();
    let largest = singular.first().copied().unwrap_or(0.0);
    singular.iter().filter(|value| **value > RANK_TOLERANCE * largest).count() + 1 >= signs.ncols()
}

/// Whether all squares of singular values but that of the direction of 1 are above `CLEAR` of their sum: enough to know without
/// their values, which take more time, and memory that each thread keeps.
///
/// With `X` the design, that holds when `X'X + trace(X'X) (11' / M^2 - CLEAR I)` has a Cholesky factor.
fn is_well_determined(pairs: &Pairs) -> bool {
    let players = pairs.coalitions.players();
    let mut gram = vec![0.0; players * players];
    let mut row = vec![0.0; players];
    for (pair, weight) in pairs.weights.iter().enumerate() {
        let sign = |i: usize| if pairs.coalitions.contains(2 * pair, i) { 1.0 } else { -1.0 };
        row.iter_mut().enumerate().for_each(|(i, entry)| *entry = sign(i));
        let mean = row.iter().sum::<f64>() / players as f64;
        row.iter_mut().for_each(|entry| *entry -= mean);
        for (i, sums) in gram.chunks_exact_mut(players).enumerate() {
            let factor = weight * row[i];
            sums[..=i].iter_mut().zip(&row).for_each(|(sum, entry)| *sum += factor * entry);
        }
    }
    let trace: f64 = (0..players).map(|i| gram[i * players + i]).sum();
    for i in 0..players {
        let own = &mut gram[i * players..][..=i];
        own.iter_mut().for_each(|entry| *entry += trace / (players * players) as f64);
        own[i] -= CLEAR * trace;
    }
    has_cholesky_factor(&mut gram, players)
}

/// Of a symmetric matrix, of which only the lower triangle is read: whether it is positive definite.
fn has_cholesky_factor(matrix: &mut [f64], size: usize) -> bool {
    for i in 0..size {
        let (before, own) = matrix.split_at_mut(i * size);
        for j in 0..i {
            let other = &before[j * size..][..=j];
            own[j] = (own[j] - dot(&own[..j], &other[..j])) / other[j];
        }
        let pivot = own[i] - dot(&own[..i], &own[..i]);
        if pivot.is_nan() || pivot <= 0.0 {
            return false;
        }
        own[i] = pivot.sqrt();
    }
    true
}

impl LeastSquares {
    /// `share_unknown`: the share of all pairs of this many players that is not among these. Of a job that was asked to
    /// stop, only a part.
    pub(super) fn new(pairs: &Pairs, share_unknown: f64, stop: &Stop) -> LeastSquares {
        let signs = signs(pairs);
        let (n_pairs, players) = (signs.nrows(), signs.ncols());
        let balance = balance(&signs);
        let root: Vec<f64> = pairs.weights.iter().map(|weight| weight.sqrt()).collect();
        let mut operator = Mat::zeros(players, n_pairs);
        let mut rank = 0;
        if n_pairs > 0
            && let Ok(svd) = design(pairs, &signs, &balance).thin_svd()
        {
            let largest = svd.S().column_vector()[0];
            for k in (0..n_pairs.min(players)).take_while(|_| !stop.requested()) {
                let singular = svd.S().column_vector()[k];
                if singular <= RANK_TOLERANCE * largest {
                    break;
                }
                rank += 1;
                for pair in 0..n_pairs {
                    let left = svd.U()[(pair, k)] * root[pair] / singular;
                    for i in 0..players {
                        operator[(i, pair)] += svd.V()[(i, k)] * left;
                    }
                }
            }
        }
        LeastSquares { operator, coalitions: pairs.coalitions.clone(), balance, rank, share_unknown }
    }

    /// Memory that it takes.
    pub(super) fn bytes(&self) -> usize {
        self.operator.nrows() * self.operator.ncols() * size_of::<f64>() + self.coalitions.bytes()
    }

    pub(super) fn players(&self) -> usize {
        self.coalitions.players()
    }

    /// Values from the half differences of the pairs; they add up to `total`.
    pub(super) fn values(&self, halves: &[f64], total: f64) -> Vec<f64> {
        let players = self.players();
        let mut values = vec![total / players as f64; players];
        for (pair, half) in halves.iter().enumerate() {
            let target = half - total * self.balance[pair] / (2.0 * players as f64);
            for (i, value) in values.iter_mut().enumerate() {
                *value += self.operator[(i, pair)] * target;
            }
        }
        values
    }

    /// What the values leave unexplained of each pair.
    pub(super) fn residuals(&self, halves: &[f64], values: &[f64]) -> Vec<f64> {
        let signed = |pair: usize, (i, value): (usize, &f64)| {
            if self.coalitions.contains(2 * pair, i) { *value } else { -value }
        };
        let explained =
            |pair: usize| -> f64 { values.iter().enumerate().map(|value| signed(pair, value)).sum() };
        halves.iter().enumerate().map(|(pair, half)| half - explained(pair) / 2.0).collect()
    }

    /// Standard errors from the residuals, allowing for unequal variances and for pairs that were all
    /// drawn; none when as many values as pairs leave no residual.
    pub(super) fn standard_errors(&self, residuals: &[f64]) -> Option<Vec<f64>> {
        let freedom = residuals.len().checked_sub(self.rank).filter(|freedom| *freedom > 0)?;
        let factor = residuals.len() as f64 / freedom as f64 * self.share_unknown;
        let variance = |i: usize| -> f64 {
            residuals.iter().enumerate().map(|(pair, r)| (self.operator[(i, pair)] * r).powi(2)).sum()
        };
        Some((0..self.players()).map(|i| (variance(i) * factor).sqrt()).collect())
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::super::coalitions::draw_pairs;
    use super::super::twins::{noise, solve};
    use super::*;

    /// The same squares under the same constraint, by normal equations with a multiplier for the sum.
    fn twin(pairs: &Pairs, halves: &[f64], total: f64) -> Vec<f64> {
        let (signs, players) = (signs(pairs), pairs.coalitions.players());
        let mut system = vec![vec![0.0; players + 1]; players + 1];
        let mut right = vec![0.0; players + 1];
        for (pair, (half, weight)) in halves.iter().zip(&pairs.weights).enumerate() {
            for i in 0..players {
                right[i] += weight * signs[(pair, i)] / 2.0 * half;
                for k in 0..players {
                    system[i][k] += weight * signs[(pair, i)] * signs[(pair, k)] / 4.0;
                }
            }
        }
        system.iter_mut().take(players).for_each(|row| row[players] = 1.0);
        system[players][..players].fill(1.0);
        right[players] = total;
        solve(system, right)[..players].to_vec()
    }

    #[test]
    fn values_minimise_the_weighted_squares_and_add_up() {
        for (players, n_pairs) in [(3, 3), (5, 9), (8, 20), (12, 40)] {
            let pairs = draw_pairs(players, n_pairs, true, &mut ChaCha8Rng::seed_from_u64(players as u64));
            let halves: Vec<f64> = (0..n_pairs).map(noise).collect();
            let least_squares = LeastSquares::new(&pairs, 1.0, &Stop::default());
            assert!(is_determined(&pairs) && least_squares.rank + 1 == players);
            let values = least_squares.values(&halves, 0.7);
            assert!((values.iter().sum::<f64>() - 0.7).abs() < 1e-12);
            for (value, expected) in values.iter().zip(twin(&pairs, &halves, 0.7)) {
                assert!((value - expected).abs() < 1e-9, "{players} players: {value} {expected}");
            }
        }
    }

    #[test]
    fn pairs_that_are_clearly_enough_are_known_without_singular_values() {
        for (players, n_pairs) in [(3, 3), (12, 40), (60, 300), (70, 90)] {
            let pairs = draw_pairs(players, n_pairs, false, &mut ChaCha8Rng::seed_from_u64(3));
            assert!(is_well_determined(&pairs), "{players} players");
            // Fewer pairs than unknowns.
            let few = pairs.first(players - 2);
            assert!(!is_well_determined(&few) && !is_determined(&few), "{players} players");
        }
    }

    #[test]
    fn positive_matrices_have_a_factor() {
        assert!(has_cholesky_factor(&mut [2.0, 0.0, 1.0, 1.0], 2));
        assert!(!has_cholesky_factor(&mut [1.0, 0.0, 1.0, 1.0], 2));
        assert!(!has_cholesky_factor(&mut [f64::NAN], 1));
    }

    #[test]
    fn fewer_pairs_than_players_determine_nothing() {
        let pairs = draw_pairs(8, 5, true, &mut ChaCha8Rng::seed_from_u64(1));
        let least_squares = LeastSquares::new(&pairs, 1.0, &Stop::default());
        assert!(!is_determined(&pairs) && least_squares.rank + 1 < 8);
        let values = least_squares.values(&[0.1; 5], 0.7);
        assert!((values.iter().sum::<f64>() - 0.7).abs() < 1e-12);
    }
}
