//! From the values of coalitions to Shapley values: the method of a stage, with all that it keeps from row to row.

use std::sync::Arc;

use plumbline_common::stop::Stop;

use super::classic;
use super::coalitions::{Coalitions, Pairs, all_coalitions};
use super::design::{Design, Method, Stage};
use super::gaussian::{Estimate, Gaussian};
use super::least_squares::{LeastSquares, signs};
use super::shared_gaussian::{Rooms, SharedGaussian};
use super::solution::Solution;

/// Residuals below this share of the pairs are rounding: the game has no higher interactions.
const EXACT_SHARE: f64 = 1e-10;

/// The way from the values of a stage's coalitions to Shapley values.
#[derive(Debug)]
pub(super) enum Solver {
    /// Position of the pair, and +1 or -1 for its side, by mask of members.
    Exact {
        places: Vec<(u32, f64)>,
    },
    LeastSquares(LeastSquares),
    Shared {
        gaussian: Box<SharedGaussian>,
        least_squares: LeastSquares,
    },
    Gaussian {
        gaussian: Box<Gaussian>,
        least_squares: Option<LeastSquares>,
    },
    Kernel(classic::Kernel),
    Permutation {
        orders: Vec<Vec<usize>>,
    },
}

impl Solver {
    /// The solver of a design's stage; of a job that was asked to stop, a part of one, for nobody to use.
    pub(super) fn new(design: &Design, stage: usize, rooms: &Arc<Rooms>, stop: &Stop) -> Solver {
        let coalitions = design.coalitions();
        let Stage { coalitions: count, method } = design.stages[stage];
        // The methods below that need pairs have them.
        let pairs = || design.pairs(count / 2).expect("the design was drawn as pairs");
        let share_unknown = || {
            let all = all_coalitions(coalitions.players()).unwrap_or(u64::MAX);
            1.0 - count as f64 / all as f64
        };
        let least_squares = |pairs: &Pairs| LeastSquares::new(pairs, share_unknown(), stop);
        match method {
            Method::Exact => Solver::Exact { places: places(coalitions) },
            Method::Kernel => Solver::Kernel(classic::Kernel::new(coalitions, design.kernel_weights())),
            Method::Permutation => Solver::Permutation { orders: design.orders().to_vec() },
            Method::LeastSquares => Solver::LeastSquares(least_squares(&pairs())),
            Method::Shared => {
                let pairs = pairs();
                Solver::Shared {
                    gaussian: Box::new(SharedGaussian::new(&signs(&pairs), Arc::clone(rooms), stop)),
                    least_squares: least_squares(&pairs),
                }
            }
            Method::Gaussian { determined, free } => {
                let pairs = pairs();
                Solver::Gaussian {
                    gaussian: Box::new(Gaussian::new(&signs(&pairs), free, stop)),
                    least_squares: determined.then(|| least_squares(&pairs)),
                }
            }
        }
    }

    /// Memory that it takes, with what it will have made by and by.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Solver::Exact { places } => std::mem::size_of_val(places.as_slice()),
            Solver::LeastSquares(least_squares) => least_squares.bytes(),
            Solver::Shared { gaussian, least_squares } => gaussian.bytes() + least_squares.bytes(),
            Solver::Gaussian { gaussian, least_squares } => {
                gaussian.bytes() + least_squares.as_ref().map_or(0, LeastSquares::bytes)
            }
            Solver::Kernel(kernel) => kernel.bytes(),
            Solver::Permutation { orders } => {
                orders.iter().map(|order| std::mem::size_of_val(order.as_slice())).sum()
            }
        }
    }

    /// Shapley values from the value of each coalition, of the empty and of the full one. Of a job that was asked to
    /// stop, something of the same shape.
    pub(super) fn solve(
        &self,
        values: &[f64],
        empty: f64,
        full: f64,
        players: usize,
        stop: &Stop,
    ) -> Solution {
        let total = full - empty;
        let halves: Vec<f64> = values.chunks_exact(2).map(|pair| (pair[0] - pair[1]) / 2.0).collect();
        match self {
            Solver::Exact { places } => {
                let values = exact_values(places, &halves, total, players, stop);
                Solution { standard_errors: Some(vec![0.0; values.len()]), values }
            }
            Solver::LeastSquares(least_squares) => {
                let values = least_squares.values(&halves, total);
                let residuals = least_squares.residuals(&halves, &values);
                Solution { standard_errors: least_squares.standard_errors(&residuals), values }
            }
            Solver::Shared { gaussian, least_squares } => {
                improved(least_squares, &halves, total, |residuals, _| gaussian.estimate(residuals, stop))
            }
            Solver::Gaussian { gaussian, least_squares: Some(least_squares) } if gaussian.is_free() => {
                improved(least_squares, &halves, total, |residuals, first| {
                    gaussian.estimate(residuals, 0.0, Some(first), stop)
                })
            }
            Solver::Gaussian { gaussian, least_squares: Some(least_squares) } => {
                // Main effects that are held to a prior must be seen whole. That few pairs agree with least
                // squares may be chance, which only the process tells.
                let whole = gaussian.estimate(&halves, total, None, stop);
                let solution = improved(least_squares, &halves, total, |_, first| {
                    let Estimate { values, standard_errors } = whole.clone()?;
                    let values = values.iter().zip(first).map(|(value, first)| value - first).collect();
                    Some(Estimate { values, standard_errors })
                });
                Solution { standard_errors: whole.map(|whole| whole.standard_errors), ..solution }
            }
            Solver::Gaussian { gaussian, least_squares: None } => {
                match gaussian.estimate(&halves, total, None, stop) {
                    Some(Estimate { values, standard_errors }) => {
                        Solution { values, standard_errors: Some(standard_errors) }
                    }
                    None => {
                        let even = vec![total / players as f64; players];
                        Solution { values: even, standard_errors: None }
                    }
                }
            }
            Solver::Kernel(kernel) => kernel.solve(values, empty, full),
            Solver::Permutation { orders } => classic::permutation_values(orders, &halves, total),
        }
    }
}

/// For every mask of members, its pair and +1 or -1 for its side.
fn places(coalitions: &Coalitions) -> Vec<(u32, f64)> {
    let mut places = vec![(0, 0.0); 1 << coalitions.players()];
    for coalition in 0..coalitions.len() {
        let side = if coalition % 2 == 0 { 1.0 } else { -1.0 };
        places[coalitions.words_of(coalition)[0] as usize] = ((coalition / 2) as u32, side);
    }
    places
}

/// Least squares, and what a process makes of the pairs that they leave unexplained. An additive or
/// pairwise game leaves nothing and so stays exact to rounding.
fn improved(
    least_squares: &LeastSquares,
    halves: &[f64],
    total: f64,
    process: impl Fn(&[f64], &[f64]) -> Option<Estimate>,
) -> Solution {
    let first = least_squares.values(halves, total);
    let residuals = least_squares.residuals(halves, &first);
    let size = |numbers: &[f64]| numbers.iter().fold(0.0, |largest: f64, number| largest.max(number.abs()));
    let has_more = size(&residuals) > EXACT_SHARE * size(halves).max(total.abs());
    match has_more.then(|| process(&residuals, &first)).flatten() {
        Some(Estimate { values, standard_errors }) => Solution {
            values: first.iter().zip(&values).map(|(first, more)| first + more).collect(),
            standard_errors: Some(standard_errors),
        },
        None => Solution { standard_errors: least_squares.standard_errors(&residuals), values: first },
    }
}

/// (2) of docs/estimator.md: `phi_i = sum over S without i of s! (M - s - 1)! / M! (v(S + i) - v(S))`, with the odd part of `v`:
/// a player whose every difference is 0 gets exactly 0.
fn exact_values(places: &[(u32, f64)], halves: &[f64], total: f64, players: usize, stop: &Stop) -> Vec<f64> {
    let full = places.len() - 1;
    let odd = |mask: usize| match mask {
        0 => -total / 2.0,
        mask if mask == full => total / 2.0,
        mask => halves[places[mask].0 as usize] * places[mask].1,
    };
    let mut weights = vec![1.0 / players as f64; players];
    for size in 1..players {
        // s! (M - s - 1)! / M! from the one before: times s / (M - s).
        weights[size] = weights[size - 1] * size as f64 / (players - size) as f64;
    }
    let value = |player: usize| {
        (0..places.len())
            .filter(|mask| mask >> player & 1 == 0)
            .map(|mask| weights[mask.count_ones() as usize] * (odd(mask | 1 << player) - odd(mask)))
            .sum()
    };
    (0..players).map(|player| if stop.requested() { 0.0 } else { value(player) }).collect()
}
