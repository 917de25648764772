//! The well-known estimators, for people who want to compare: Kernel SHAP as the `shap` library draws
//! it, and random orders.

use std::collections::HashMap;

use faer::Mat;
use rand::{Rng, RngExt};

use super::coalitions::{Coalitions, all_coalitions, combinations, shuffle};
use super::solution::Solution;

/// Coalitions and weights of Kernel SHAP, and the linear map to the values.
#[derive(Debug)]
pub(super) struct Kernel {
    coalitions: Coalitions,
    /// M x n.
    operator: Mat<f64>,
}

impl Kernel {
    /// `weights`: by coalition, as `draw` gives them.
    pub(super) fn new(coalitions: &Coalitions, weights: &[f64]) -> Kernel {
        Kernel { operator: operator(coalitions, weights), coalitions: coalitions.clone() }
    }

    pub(super) fn bytes(&self) -> usize {
        self.operator.nrows() * self.operator.ncols() * size_of::<f64>()
    }

    pub(super) fn solve(&self, values: &[f64], empty: f64, full: f64) -> Solution {
        let players = self.coalitions.players();
        let share = (full - empty) / players as f64;
        let mut phi = vec![share; players];
        for (set, value) in values.iter().enumerate() {
            let target = value - empty - share * self.coalitions.size(set) as f64;
            for (i, phi) in phi.iter_mut().enumerate() {
                *phi += self.operator[(i, set)] * target;
            }
        }
        Solution { values: phi, standard_errors: None }
    }
}

/// Coalitions and their weights: sizes that fit are taken whole, the rest is drawn by kernel weight, a set and then
/// its complement; a set drawn again gains weight.
pub(super) fn draw(players: usize, budget: usize, random: &mut impl Rng) -> (Coalitions, Vec<f64>) {
    let all = all_coalitions(players).unwrap_or(u64::MAX);
    let n_sizes = players / 2;
    let paired = |size: usize| 2 * size != players;
    let mut mass: Vec<f64> = (1..=n_sizes)
        .map(|s| (players - 1) as f64 / (s * (players - s)) as f64 * if paired(s) { 2.0 } else { 1.0 })
        .collect();
    let sum: f64 = mass.iter().sum();
    mass.iter_mut().for_each(|mass| *mass /= sum);
    let mut coalitions = Coalitions::new(players);
    let mut weights = Vec::new();
    let mut first_open = 1;
    let mut left = budget;
    let mut count = 1.0;
    for size in 1..=n_sizes {
        count = count * (players - size + 1) as f64 / size as f64;
        let sets = count * if paired(size) { 2.0 } else { 1.0 };
        let open: f64 = mass[size - 1..].iter().sum();
        if left as f64 * mass[size - 1] / open / sets < 1.0 - 1e-8 {
            break;
        }
        for members in combinations(players, size) {
            coalitions.push(&members);
            weights.push(mass[size - 1] / sets);
            if paired(size) {
                coalitions.push_complement_of_last();
                weights.push(mass[size - 1] / sets);
            }
        }
        left = left.saturating_sub(sets as usize);
        first_open = size + 1;
    }
    let fixed = weights.len();
    if first_open <= n_sizes && left > 0 && (fixed as u64) < all {
        let laws: Vec<f64> =
            (first_open..=n_sizes).map(|s| mass[s - 1] * if paired(s) { 0.5 } else { 1.0 }).collect();
        let law_sum: f64 = laws.iter().sum();
        let mut seen: HashMap<Vec<u64>, usize> = HashMap::new();
        let mut order: Vec<usize> = (0..players).collect();
        for _ in 0..4 * left {
            if weights.len() - fixed >= left {
                break;
            }
            let mut point = random.random::<f64>() * law_sum;
            let mut size = n_sizes;
            for (k, law) in laws.iter().enumerate() {
                if point < *law {
                    size = first_open + k;
                    break;
                }
                point -= law;
            }
            shuffle(&mut order, random);
            for side in 0..if paired(size) { 2 } else { 1 } {
                if weights.len() - fixed >= left {
                    break;
                }
                let members = if side == 0 { &order[..size] } else { &order[size..] };
                coalitions.push(members);
                let last = coalitions.len() - 1;
                let key = coalitions.words_of(last).to_vec();
                match seen.get(&key) {
                    Some(place) => {
                        weights[*place] += 1.0;
                        coalitions.truncate(last);
                    }
                    None => {
                        seen.insert(key, weights.len());
                        weights.push(1.0);
                    }
                }
            }
        }
        let drawn: f64 = weights[fixed..].iter().sum();
        let open: f64 = mass[first_open - 1..].iter().sum();
        weights[fixed..].iter_mut().for_each(|weight| *weight *= open / drawn);
    }
    (coalitions, weights)
}

/// Least squares under the constraint on the sum, by singular values: columns orthogonal to 1.
fn operator(coalitions: &Coalitions, weights: &[f64]) -> Mat<f64> {
    let (sets, players) = (weights.len(), coalitions.players());
    let design = Mat::from_fn(sets, players, |set, i| {
        let member = if coalitions.contains(set, i) { 1.0 } else { 0.0 };
        weights[set].sqrt() * (member - coalitions.size(set) as f64 / players as f64)
    });
    let mut operator = Mat::zeros(players, sets);
    let Ok(svd) = design.thin_svd() else { return operator };
    for k in 0..sets.min(players) {
        let singular = svd.S().column_vector()[k];
        if singular <= 1e-9 * svd.S().column_vector()[0] {
            break;
        }
        for set in 0..sets {
            let left = svd.U()[(set, k)] * weights[set].sqrt() / singular;
            for i in 0..players {
                operator[(i, set)] += svd.V()[(i, k)] * left;
            }
        }
    }
    operator
}

/// Orders of the players, and the pairs met on the way from empty to full and back.
pub(super) fn orders(players: usize, count: usize, random: &mut impl Rng) -> (Coalitions, Vec<Vec<usize>>) {
    let mut coalitions = Coalitions::new(players);
    let mut order: Vec<usize> = (0..players).collect();
    let mut orders = Vec::with_capacity(count);
    for _ in 0..count {
        shuffle(&mut order, random);
        for size in 1..players {
            coalitions.push(&order[..size]);
            coalitions.push_complement_of_last();
        }
        orders.push(order.clone());
    }
    (coalitions, orders)
}

/// Mean over the orders of what a player adds, forward and backward:
/// `y(first k) - y(first k - 1)`, with `y = -T / 2` for nobody and `T / 2` for all.
///
/// Standard errors are those of a mean, widened to Student's variance since so few orders tell their own
/// spread badly; below four orders that is infinite, and nothing is told.
pub(super) fn permutation_values(orders: &[Vec<usize>], halves: &[f64], total: f64) -> Solution {
    let players = orders[0].len();
    let (mut sums, mut squares) = (vec![0.0; players], vec![0.0; players]);
    for (order, halves) in orders.iter().zip(halves.chunks_exact(players - 1)) {
        let mut before = -total / 2.0;
        for (place, &player) in order.iter().enumerate() {
            let now = halves.get(place).copied().unwrap_or(total / 2.0);
            sums[player] += now - before;
            squares[player] += (now - before).powi(2);
            before = now;
        }
    }
    let n = orders.len() as f64;
    let standard_errors = (orders.len() > 3).then(|| {
        let variance = |sum: f64, square: f64| (square - sum * sum / n).max(0.0) / (n - 3.0) / n;
        sums.iter().zip(&squares).map(|(sum, square)| variance(*sum, *square).sqrt()).collect()
    });
    Solution { values: sums.iter().map(|sum| sum / n).collect(), standard_errors }
}
