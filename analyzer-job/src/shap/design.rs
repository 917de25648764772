//! Which coalitions a row's budget buys, and how their values become Shapley values.
//!
//! One design serves all rows with the same players; it depends on the number of players, the budget,
//! the seed and which of the rotated designs it is, never on the data.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::classic;
use super::coalitions::{Coalitions, Pairs, all_coalitions, draw_pairs};
use super::gaussian::{Estimate, Gaussian};
use super::least_squares::{LeastSquares, signs};
use super::shared_gaussian::{PART_PAIRS, SharedGaussian};

/// Most designs that rows take turns with, so that their errors cancel in global values.
pub(super) const ROTATION: usize = 16;
/// Beyond this many coalitions errors are small and designs large: fewer of them do.
const SMALL_BUDGET: u64 = 200;
const FEW_TURNS: usize = 4;
/// Up to this many pairs a Gaussian process for each row costs little beside the model's answers.
const GAUSSIAN_PAIRS: usize = 300;
/// Up to this many, one for all rows with the same design does.
const SHARED_PAIRS: usize = 2_000;
/// Residuals below this share of the pairs are rounding: the game has no higher interactions.
const EXACT_SHARE: f64 = 1e-10;

/// Number of designs for a budget.
pub(super) fn turns(budget: u64) -> usize {
    if budget <= SMALL_BUDGET { ROTATION } else { FEW_TURNS }
}

/// How Shapley values are estimated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Estimator {
    /// The best known one for the budget.
    #[default]
    Auto,
    /// Kernel SHAP as in the `shap` library, without feature selection.
    Kernel,
    /// All coalitions; an error where the budget does not allow them.
    Exact,
    /// Random orders, each walked in both directions.
    Permutation,
}

impl Estimator {
    pub const NAMES: [&str; 4] = ["auto", "kernel", "exact", "permutation"];

    /// The estimator of a setting's value.
    pub fn named(name: &str) -> Option<Estimator> {
        match name {
            "auto" => Some(Estimator::Auto),
            "kernel" => Some(Estimator::Kernel),
            "exact" => Some(Estimator::Exact),
            "permutation" => Some(Estimator::Permutation),
            _ => None,
        }
    }
}

/// Coalitions to ask the model about, and the way from their values to Shapley values.
#[derive(Debug)]
pub(super) struct Design {
    pub coalitions: Coalitions,
    /// Where values may be looked at: after all coalitions, or before when less may be good enough.
    pub stages: Vec<Stage>,
}

/// The first so many coalitions of a design, and what is made of them.
#[derive(Debug)]
pub(super) struct Stage {
    pub coalitions: usize,
    /// Name for the report: `exact`, `least squares`, `gaussian process`, `kernel`, `permutation`.
    pub estimator: &'static str,
    solver: Solver,
}

#[derive(Debug)]
enum Solver {
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
        gaussian: Gaussian,
        least_squares: Option<LeastSquares>,
    },
    Kernel(classic::Kernel),
    Permutation {
        orders: Vec<Vec<usize>>,
    },
}

/// Shapley values of one row and output.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Solution {
    pub values: Vec<f64>,
    /// None when nothing tells them.
    pub standard_errors: Option<Vec<f64>>,
}

impl Design {
    /// `budget`: coalitions that may be asked about, for `players` >= 2.
    /// `turn`: which of the rotated designs. `in_stages`: whether a part of them may be enough.
    pub(super) fn new(
        players: usize,
        budget: u64,
        estimator: Estimator,
        seed: u64,
        turn: usize,
        in_stages: bool,
    ) -> Design {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream((players as u64) << 8 | turn as u64);
        let all = all_coalitions(players).unwrap_or(u64::MAX);
        let is_exact = budget >= all && estimator != Estimator::Kernel;
        if is_exact && !in_stages {
            return Design::exact(players);
        }
        // A budget beyond memory is beyond any model too.
        let budget = usize::try_from(budget.min(all)).unwrap_or(usize::MAX);
        let chain = 2 * (players - 1);
        match estimator {
            Estimator::Kernel => {
                let kernel = classic::Kernel::new(players, budget, &mut random);
                let coalitions = kernel.coalitions().clone();
                return Design::single(coalitions, "kernel", Solver::Kernel(kernel));
            }
            Estimator::Permutation if budget >= chain && !is_exact => {
                let (coalitions, orders) = classic::orders(players, budget / chain, &mut random);
                return Design::single(coalitions, "permutation", Solver::Permutation { orders });
            }
            _ => {}
        }
        let n_pairs = budget / 2;
        let mut pairs = draw_pairs(players, n_pairs, budget < 4 * players, &mut random);
        if budget >= chain && !LeastSquares::new(&pairs, 1.0).is_determined() {
            pairs = draw_pairs(players, n_pairs, true, &mut random);
        }
        let mut stages = Vec::new();
        if in_stages {
            pairs.shuffle(&mut random);
            // Standard errors mean something once every player was seen a few times.
            let few = [8, 4, 2].map(|part| n_pairs / part).into_iter().filter(|few| *few >= 2 * players);
            stages.extend(few.map(|few| stage(&pairs.first(few), all)));
        }
        if is_exact {
            stages.push(Stage {
                coalitions: budget,
                estimator: "exact",
                solver: Solver::Exact { places: places(&pairs.coalitions) },
            });
        } else {
            stages.push(stage(&pairs, all));
        }
        Design { coalitions: pairs.coalitions, stages }
    }

    fn single(coalitions: Coalitions, estimator: &'static str, solver: Solver) -> Design {
        Design { stages: vec![Stage { coalitions: coalitions.len(), estimator, solver }], coalitions }
    }

    fn exact(players: usize) -> Design {
        let mut coalitions = Coalitions::new(players);
        let full = (1u64 << players) - 1;
        // Player 0 stands for the first side of a pair.
        for mask in (1..full).step_by(2) {
            coalitions.push_mask(mask);
            coalitions.push_mask(full & !mask);
        }
        let places = places(&coalitions);
        Design::single(coalitions, "exact", Solver::Exact { places })
    }
}

/// What is best made of these pairs.
fn stage(pairs: &Pairs, all: u64) -> Stage {
    let (n_pairs, players) = (pairs.weights.len(), pairs.coalitions.players());
    let share_unknown = 1.0 - (2 * n_pairs) as f64 / all as f64;
    let least_squares = LeastSquares::new(pairs, share_unknown);
    let is_determined = least_squares.is_determined();
    // The part of the pairs that tells a common relevance must determine the main effects.
    let is_wide = n_pairs > GAUSSIAN_PAIRS && 2 * players > PART_PAIRS;
    let is_plain = n_pairs > SHARED_PAIRS || is_wide || n_pairs + 1 == players;
    let (estimator, solver) = if is_determined && is_plain {
        ("least squares", Solver::LeastSquares(least_squares))
    } else if is_determined && n_pairs > GAUSSIAN_PAIRS {
        let gaussian = Box::new(SharedGaussian::new(&signs(pairs)));
        ("gaussian process", Solver::Shared { gaussian, least_squares })
    } else {
        // With few pairs to spare, main effects are better held to a prior as well.
        let free = is_determined && n_pairs >= 2 * players;
        let gaussian = Gaussian::new(&signs(pairs), free);
        let least_squares = is_determined.then_some(least_squares);
        ("gaussian process", Solver::Gaussian { gaussian, least_squares })
    };
    Stage { coalitions: 2 * n_pairs, estimator, solver }
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

impl Stage {
    /// Shapley values from the value of each coalition, of the empty and of the full one.
    pub(super) fn solve(&self, values: &[f64], empty: f64, full: f64, players: usize) -> Solution {
        let total = full - empty;
        let halves: Vec<f64> = values.chunks_exact(2).map(|pair| (pair[0] - pair[1]) / 2.0).collect();
        match &self.solver {
            Solver::Exact { places } => {
                let values = exact_values(places, &halves, total, players);
                Solution { standard_errors: Some(vec![0.0; values.len()]), values }
            }
            Solver::LeastSquares(least_squares) => {
                let values = least_squares.values(&halves, total);
                let residuals = least_squares.residuals(&halves, &values);
                Solution { standard_errors: least_squares.standard_errors(&residuals), values }
            }
            Solver::Shared { gaussian, least_squares } => {
                improved(least_squares, &halves, total, |residuals, _| gaussian.estimate(residuals))
            }
            Solver::Gaussian { gaussian, least_squares: Some(least_squares) } if gaussian.is_free() => {
                improved(least_squares, &halves, total, |residuals, first| {
                    gaussian.estimate(residuals, 0.0, Some(first))
                })
            }
            Solver::Gaussian { gaussian, least_squares: Some(least_squares) } => {
                // Main effects that are held to a prior must be seen whole. That few pairs agree with least
                // squares may be chance, which only the process tells.
                let whole = gaussian.estimate(&halves, total, None);
                let solution = improved(least_squares, &halves, total, |_, first| {
                    let Estimate { values, standard_errors } = whole.clone()?;
                    let values = values.iter().zip(first).map(|(value, first)| value - first).collect();
                    Some(Estimate { values, standard_errors })
                });
                Solution { standard_errors: whole.map(|whole| whole.standard_errors), ..solution }
            }
            Solver::Gaussian { gaussian, least_squares: None } => {
                match gaussian.estimate(&halves, total, None) {
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

/// `phi_i = sum over S without i of s! (M - s - 1)! / M! (v(S + i) - v(S))`, with the odd part of `v`:
/// a player whose every difference is 0 gets exactly 0.
fn exact_values(places: &[(u32, f64)], halves: &[f64], total: f64, players: usize) -> Vec<f64> {
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
    (0..players)
        .map(|player| {
            (0..places.len())
                .filter(|mask| mask >> player & 1 == 0)
                .map(|mask| weights[mask.count_ones() as usize] * (odd(mask | 1 << player) - odd(mask)))
                .sum()
        })
        .collect()
}
