//! Which pairs of coalitions tell the most: equations (16) and (17) of docs/estimator.md.
//!
//! Of random candidates, one after the other is chosen: the one that lowers the variance of all Shapley values most,
//! under the prior of the Gaussian process with one relevance for all players. The choice depends on the number of
//! players, the number of pairs and the random numbers only, never on the data.

use rand::Rng;

use super::coalitions::{Coalitions, Pairs, candidates, kernel_mass};
use super::process::gauss_legendre;
use super::triangular::subtract;

/// Candidates for each pair, and the most of all together.
const CANDIDATES: usize = 6;
const MOST_CANDIDATES: usize = 900;
/// Relevances of all players together.
const RELEVANCES: f64 = 1.0;
/// Extra variance of main effects.
const MAIN: f64 = 1.0;
/// Variance of a pair that no other pair tells, as a share of its own.
const NOISE: f64 = 1e-6;
/// Gains that differ by less than this share are equal, so that rounding decides nothing.
const EQUAL: f64 = 1e-9;

/// Pairs that together leave the least variance of the values, as far as choosing one after the other goes; the first
/// ones are a good choice too. As many as asked, or all there are.
pub(super) fn choose_pairs(players: usize, n_pairs: usize, random: &mut impl Rng) -> Pairs {
    let most = (CANDIDATES * n_pairs).min(MOST_CANDIDATES);
    let mut sets = candidates(players, most.max(n_pairs), random);
    let n_candidates = sets.len() / 2;
    // The pair of the full and the empty coalition is known.
    sets.push(&(0..players).collect::<Vec<usize>>());
    sets.push_complement_of_last();
    let prior = Prior::new(players);
    let mut choice = Choice::new(&sets, &prior);
    choice.take(n_candidates);
    let mut chosen = Coalitions::new(players);
    let mut by_size = vec![0usize; players + 1];
    let mut sizes = Vec::new();
    for _ in 0..n_pairs.min(n_candidates) {
        let best = choice.best();
        choice.take(best);
        chosen.push_words(sets.words_of(2 * best));
        chosen.push_words(sets.words_of(2 * best + 1));
        let size = sets.size(2 * best).min(sets.size(2 * best + 1));
        sizes.push(size);
        by_size[size] += 1;
    }
    let weight = |&size: &usize| kernel_mass(players, size) / by_size[size] as f64;
    Pairs { coalitions: chosen, weights: sizes.iter().map(weight).collect() }
}

/// Covariances under one relevance for all players, in units of `product (1 + rho)`.
struct Prior {
    relevance: f64,
    /// (10) of two pairs, by the number of players whose signs differ.
    pairs: Vec<f64>,
    /// (11) by the number of players that are no members: what counts with the player's sign, and what is taken off.
    even: Vec<f64>,
    odd: Vec<f64>,
}

impl Prior {
    fn new(players: usize) -> Prior {
        let m = players as f64;
        let relevance = RELEVANCES / m;
        let unit = (-m * relevance.ln_1p()).exp();
        let ratio: f64 = (1.0 - relevance) / (1.0 + relevance);
        let pair = |differ: usize| {
            let product = 0.5 * (ratio.powi(differ as i32) - ratio.powi((players - differ) as i32));
            product + MAIN * unit * relevance * (m - 2.0 * differ as f64)
        };
        let mut prior = Prior {
            relevance,
            pairs: (0..=players).map(pair).collect(),
            even: vec![MAIN * unit; players + 1],
            odd: vec![0.0; players + 1],
        };
        for (node, weight) in gauss_legendre(players.div_ceil(2).clamp(2, 24)) {
            let step = node * relevance;
            let scale = ((1.0 + step) / (1.0 + relevance)).powi(players as i32);
            let share = 0.5 * weight * scale / (1.0 - step * step);
            let ratio = (1.0 - step) / (1.0 + step);
            for absent in 0..=players {
                let (straight, turned) = (ratio.powi(absent as i32), ratio.powi((players - absent) as i32));
                prior.even[absent] += share * (straight + turned);
                prior.odd[absent] += share * step * (straight - turned);
            }
        }
        prior
    }

    /// Of a value and a pair with so many players that are no members; `sign` is the player's.
    fn cross(&self, absent: usize, sign: f64) -> f64 {
        2.0 * self.relevance * (sign * self.even[absent] - self.odd[absent])
    }
}

/// What the pairs taken so far leave open.
struct Choice<'a> {
    sets: &'a Coalitions,
    pairs: &'a [f64],
    /// Variance of each candidate.
    open: Vec<f64>,
    is_taken: Vec<bool>,
    /// Covariance of each player's value with the candidates.
    cross: Vec<Vec<f64>>,
    /// A column of the Cholesky factor for each pair taken.
    columns: Vec<Vec<f64>>,
}

impl<'a> Choice<'a> {
    fn new(sets: &'a Coalitions, prior: &'a Prior) -> Choice<'a> {
        let (players, count) = (sets.players(), sets.len() / 2);
        let absent: Vec<usize> = (0..count).map(|pair| players - sets.size(2 * pair)).collect();
        let of_player = |i: usize| {
            let sign = |pair: usize| if sets.contains(2 * pair, i) { 1.0 } else { -1.0 };
            (0..count).map(|pair| prior.cross(absent[pair], sign(pair))).collect()
        };
        Choice {
            sets,
            pairs: &prior.pairs,
            open: vec![prior.pairs[0] * (1.0 + NOISE); count],
            is_taken: vec![false; count],
            cross: (0..players).map(of_player).collect(),
            columns: Vec::new(),
        }
    }

    /// The candidate that lowers the sum of the values' variances most, by `sum cov(phi_i, y)^2 / var y`; the first of
    /// equal ones. At least one must be left.
    fn best(&self) -> usize {
        let mut gains = vec![0.0; self.open.len()];
        for of_player in &self.cross {
            gains.iter_mut().zip(of_player).for_each(|(gain, cross)| *gain += cross * cross);
        }
        let mut best: Option<(usize, f64)> = None;
        for (candidate, (gain, open)) in gains.iter().zip(&self.open).enumerate() {
            let gain = gain / open.max(f64::MIN_POSITIVE);
            let is_better = best.is_none_or(|(_, most)| gain > most * (1.0 + EQUAL));
            if is_better && !self.is_taken[candidate] {
                best = Some((candidate, gain));
            }
        }
        best.map_or(0, |(candidate, _)| candidate)
    }

    /// Conditions all that is open on a candidate.
    fn take(&mut self, taken: usize) {
        let own = self.sets.words_of(2 * taken);
        let distance = |other: usize| -> usize {
            let words = self.sets.words_of(2 * other).iter().zip(own);
            words.map(|(one, two)| (one ^ two).count_ones() as usize).sum()
        };
        let mut column: Vec<f64> =
            (0..self.open.len()).map(|candidate| self.pairs[distance(candidate)]).collect();
        for before in &self.columns {
            subtract(&mut column, before[taken], before);
        }
        let root = self.open[taken].max(NOISE * NOISE * self.pairs[0]).sqrt();
        column.iter_mut().for_each(|entry| *entry /= root);
        for of_player in &mut self.cross {
            let share = of_player[taken] / root;
            subtract(of_player, share, &column);
        }
        self.open.iter_mut().zip(&column).for_each(|(open, entry)| *open -= entry * entry);
        self.is_taken[taken] = true;
        self.columns.push(column);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::super::coalitions::all_coalitions;
    use super::super::least_squares::is_determined;
    use super::super::twins::solve;
    use super::*;

    #[test]
    fn chosen_pairs_are_complete_distinct_as_many_as_asked_and_determine_additive_games() {
        for players in [3, 4, 5, 8, 12, 30, 64, 65, 130] {
            let all = all_coalitions(players).map_or(u64::MAX, |all| all / 2);
            for n_pairs in [players, 2 * players, 40, 150] {
                let n_pairs = n_pairs.min(usize::try_from(all).unwrap_or(usize::MAX));
                let pairs = choose_pairs(players, n_pairs, &mut ChaCha8Rng::seed_from_u64(n_pairs as u64));
                let sets = &pairs.coalitions;
                assert_eq!(sets.len(), 2 * n_pairs, "{players} players, {n_pairs} pairs");
                assert_eq!(pairs.weights.len(), n_pairs);
                assert!(pairs.weights.iter().all(|weight| weight.is_finite() && *weight > 0.0));
                let distinct: HashSet<&[u64]> = (0..sets.len()).map(|c| sets.words_of(c)).collect();
                assert_eq!(distinct.len(), sets.len());
                for pair in 0..n_pairs {
                    let parted = |i| sets.contains(2 * pair, i) != sets.contains(2 * pair + 1, i);
                    assert!((0..players).all(parted));
                }
                assert!(n_pairs < players || is_determined(&pairs), "{players} players, {n_pairs} pairs");
            }
        }
    }

    /// The sum of the values' variances given some pairs, by a coefficient for every set of players.
    fn variance_left(players: usize, rows: &[Vec<f64>]) -> f64 {
        let rho = RELEVANCES / players as f64;
        let sets: Vec<u32> = (0..1u32 << players).filter(|set| set.count_ones() % 2 == 1).collect();
        let variance = |set: u32| {
            let order = set.count_ones() as i32;
            rho.powi(order) * if order == 1 { 1.0 + MAIN } else { 1.0 } / (1.0 + rho).powi(players as i32)
        };
        let sign = |set: u32, row: &[f64]| -> f64 {
            row.iter().enumerate().filter(|(i, _)| set >> i & 1 == 1).map(|(_, sign)| sign).product()
        };
        let covariance = |one: &[f64], two: &[f64]| -> f64 {
            sets.iter().map(|&set| variance(set) * sign(set, one) * sign(set, two)).sum()
        };
        let mut system: Vec<Vec<f64>> =
            rows.iter().map(|one| rows.iter().map(|two| covariance(one, two)).collect()).collect();
        (0..rows.len()).for_each(|row| system[row][row] *= 1.0 + NOISE);
        (0..players)
            .map(|player| {
                let with = || sets.iter().filter(|&&set| set >> player & 1 == 1);
                let share = |set: u32| 2.0 / f64::from(set.count_ones());
                let prior: f64 = with().map(|&set| share(set).powi(2) * variance(set)).sum();
                let cross: Vec<f64> = rows
                    .iter()
                    .map(|row| with().map(|&set| share(set) * variance(set) * sign(set, row)).sum())
                    .collect();
                let known: f64 =
                    solve(system.clone(), cross.clone()).iter().zip(&cross).map(|(a, b)| a * b).sum();
                prior - known
            })
            .sum()
    }

    #[test]
    fn each_pair_chosen_leaves_the_least_variance_of_all_candidates() {
        let players = 6;
        let every = choose_pairs(players, 31, &mut ChaCha8Rng::seed_from_u64(3)).coalitions;
        let row = |pair: usize| -> Vec<f64> {
            (0..players).map(|i| if every.contains(2 * pair, i) { 1.0 } else { -1.0 }).collect()
        };
        let mut rows = vec![vec![1.0; players]];
        for chosen in 0..12 {
            let left = |pair: usize| {
                let rows: Vec<Vec<f64>> = rows.iter().cloned().chain([row(pair)]).collect();
                variance_left(players, &rows)
            };
            let least = (chosen..31).map(left).fold(f64::INFINITY, f64::min);
            let own = left(chosen);
            assert!(own <= least * (1.0 + 1e-6), "pair {chosen}: {own}, the least is {least}");
            rows.push(row(chosen));
        }
    }

    #[test]
    fn single_players_and_halves_are_chosen_first() {
        let pairs = choose_pairs(20, 50, &mut ChaCha8Rng::seed_from_u64(1));
        let sizes: Vec<usize> = (0..50)
            .map(|pair| pairs.coalitions.size(2 * pair).min(pairs.coalitions.size(2 * pair + 1)))
            .collect();
        assert_eq!(sizes.iter().filter(|size| **size == 1).count(), 20);
        assert!(sizes.iter().filter(|size| **size >= 7).count() >= 25, "{sizes:?}");
    }
}
