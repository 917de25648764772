//! Which coalitions a row's budget buys, and what is made of their values.
//!
//! One design serves all rows with the same number of players; it depends on that number, the budget, the seed
//! and which of the rotated designs it is, never on the data. It is small; the `Solver` of a stage is not.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::choice::choose_pairs;
use super::classic;
use super::coalitions::{Coalitions, Pairs, all_coalitions, draw_pairs};
use super::least_squares::is_determined;
use super::shared_gaussian::PART_PAIRS;
use super::task::Estimator;

/// Most designs that rows take turns with, so that their errors cancel in global values.
pub(super) const ROTATION: usize = 16;
/// Beyond this many coalitions errors are small and designs large: fewer of them do.
const SMALL_BUDGET: u64 = 200;
const FEW_TURNS: usize = 4;
/// Up to this many pairs a Gaussian process for each row costs little beside the model's answers, and pairs are chosen.
const GAUSSIAN_PAIRS: usize = 300;
/// Up to this many, one for all rows with the same design does.
pub(super) const SHARED_PAIRS: usize = 2_000;

/// Number of designs for a budget.
pub(super) fn turns(budget: u64) -> usize {
    if budget <= SMALL_BUDGET { ROTATION } else { FEW_TURNS }
}

/// What a design is found by: all that it depends on, beside the settings of the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key {
    pub players: usize,
    /// Coalitions that may be asked about.
    pub budget: u64,
    /// Which of the rotated designs.
    pub turn: usize,
}

impl Key {
    /// Whether rows of both take turns.
    pub(super) fn is_kin(self, other: Key) -> bool {
        (self.players, self.budget) == (other.players, other.budget)
    }
}

/// Coalitions to ask the model about.
#[derive(Debug)]
pub(super) struct Design {
    sets: Sets,
    /// Where values may be looked at: after all coalitions, or before when less may be good enough.
    pub stages: Vec<Stage>,
}

#[derive(Debug)]
enum Sets {
    /// Every coalition, as pairs.
    All(Coalitions),
    Pairs(Pairs),
    /// With the weight of each in least squares.
    Kernel(Coalitions, Vec<f64>),
    /// The pairs met on the way from empty to full, order after order.
    Orders(Coalitions, Vec<Vec<usize>>),
}

/// The first so many coalitions of a design, and the method for them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stage {
    pub coalitions: usize,
    pub method: Method,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Exact,
    LeastSquares,
    /// A process whose covariances serve every row.
    Shared,
    /// A process for each row; `determined`: the pairs determine every additive game, `free`: main effects have no
    /// prior.
    Gaussian {
        determined: bool,
        free: bool,
    },
    Kernel,
    Permutation,
}

impl Method {
    /// Name for the report.
    pub(super) fn name(self) -> &'static str {
        match self {
            Method::Exact => "exact",
            Method::LeastSquares => "least squares",
            Method::Shared | Method::Gaussian { .. } => "gaussian process",
            Method::Kernel => "kernel",
            Method::Permutation => "permutation",
        }
    }
}

impl Design {
    /// For two players and more. `in_stages`: whether a part of the coalitions may be enough.
    pub(super) fn new(key: Key, estimator: Estimator, seed: u64, in_stages: bool) -> Design {
        let Key { players, budget, turn } = key;
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream((players as u64) << 8 | turn as u64);
        let all = all_coalitions(players).unwrap_or(u64::MAX);
        let is_exact = budget >= all && estimator != Estimator::Kernel;
        if is_exact && !in_stages {
            return Design::single(Sets::All(every_pair(players)), Method::Exact);
        }
        // A budget beyond memory is beyond any model too.
        let budget = usize::try_from(budget.min(all)).unwrap_or(usize::MAX);
        let chain = 2 * (players - 1);
        match estimator {
            Estimator::Kernel => {
                let (coalitions, weights) = classic::draw(players, budget, &mut random);
                return Design::single(Sets::Kernel(coalitions, weights), Method::Kernel);
            }
            Estimator::Permutation if budget >= chain && !is_exact => {
                let (coalitions, orders) = classic::orders(players, budget / chain, &mut random);
                return Design::single(Sets::Orders(coalitions, orders), Method::Permutation);
            }
            _ => {}
        }
        let n_pairs = budget / 2;
        let mut is_chosen = n_pairs >= players && n_pairs <= GAUSSIAN_PAIRS;
        let mut pairs = if is_chosen {
            choose_pairs(players, n_pairs, &mut random)
        } else {
            draw_pairs(players, n_pairs, budget < 4 * players, &mut random)
        };
        if budget >= chain && !is_determined(&pairs) {
            pairs = draw_pairs(players, n_pairs, true, &mut random);
            is_chosen = false;
        }
        let mut stages = Vec::new();
        if in_stages {
            // The first of chosen pairs are a good choice too.
            if !is_chosen {
                pairs.shuffle(&mut random);
            }
            // Standard errors mean something once every player was seen a few times.
            let few = [8, 4, 2].map(|part| n_pairs / part).into_iter().filter(|few| *few >= 2 * players);
            stages.extend(few.map(|few| Stage::best(few, players, is_determined(&pairs.first(few)))));
        }
        stages.push(if is_exact {
            Stage { coalitions: budget, method: Method::Exact }
        } else {
            // A whole chain determines every additive game.
            Stage::best(n_pairs, players, budget >= chain)
        });
        Design { sets: Sets::Pairs(pairs), stages }
    }

    fn single(sets: Sets, method: Method) -> Design {
        let mut design = Design { sets, stages: Vec::new() };
        design.stages.push(Stage { coalitions: design.coalitions().len(), method });
        design
    }

    pub(super) fn coalitions(&self) -> &Coalitions {
        match &self.sets {
            Sets::All(coalitions) | Sets::Kernel(coalitions, _) | Sets::Orders(coalitions, _) => coalitions,
            Sets::Pairs(pairs) => &pairs.coalitions,
        }
    }

    /// Memory that it takes.
    pub(super) fn bytes(&self) -> usize {
        let orders: usize = self.orders().iter().map(|order| size_of_val(order.as_slice())).sum();
        // With a weight for each coalition at most.
        self.coalitions().bytes() + self.coalitions().len() * size_of::<f64>() + orders
    }

    /// The first pairs, with their weights; `None` where the method needs no weights of pairs.
    pub(super) fn pairs(&self, count: usize) -> Option<Pairs> {
        if let Sets::Pairs(pairs) = &self.sets { Some(pairs.first(count)) } else { None }
    }

    /// By coalition, for Kernel SHAP; empty otherwise.
    pub(super) fn kernel_weights(&self) -> &[f64] {
        if let Sets::Kernel(_, weights) = &self.sets { weights } else { &[] }
    }

    /// The orders of random walks; empty otherwise.
    pub(super) fn orders(&self) -> &[Vec<usize>] {
        if let Sets::Orders(_, orders) = &self.sets { orders } else { &[] }
    }
}

impl Stage {
    /// What is best made of so many pairs. `determined`: they determine every additive game.
    fn best(n_pairs: usize, players: usize, determined: bool) -> Stage {
        // The part of the pairs that tells a common relevance must determine the main effects.
        let is_wide = n_pairs > GAUSSIAN_PAIRS && 2 * players > PART_PAIRS;
        let is_plain = n_pairs > SHARED_PAIRS || is_wide || n_pairs + 1 == players;
        let method = if determined && is_plain {
            Method::LeastSquares
        } else if determined && n_pairs > GAUSSIAN_PAIRS {
            Method::Shared
        } else {
            // With few pairs to spare, main effects are better held to a prior as well.
            Method::Gaussian { determined, free: determined && n_pairs >= 2 * players }
        };
        Stage { coalitions: 2 * n_pairs, method }
    }
}

fn every_pair(players: usize) -> Coalitions {
    let mut coalitions = Coalitions::new(players);
    let full = (1u64 << players) - 1;
    // Player 0 stands for the first side of a pair.
    for mask in (1..full).step_by(2) {
        coalitions.push_mask(mask);
        coalitions.push_mask(full & !mask);
    }
    coalitions
}
