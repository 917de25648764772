//! A row on its way from questions to values, and the blocks in which rows go.

use std::ops::Range;
use std::sync::Arc;

use plumbline_common::stop::Stop;
use rayon::prelude::*;

use super::design::{Design, Key};
use super::designs::Designs;
use super::solution::Solution;

/// One row's values: output by output, explained features within; NaN for unknown errors.
pub(super) struct RowValues {
    pub values: Vec<f64>,
    pub errors: Vec<f64>,
    pub players: usize,
    pub estimator: &'static str,
    /// Which of the rotated designs.
    pub turn: usize,
}

/// Some rows on their way.
pub(super) struct Block {
    /// Rows of the dataset that the block spans, with those that came before.
    pub rows: Range<usize>,
    pub(super) games: Vec<Game>,
}

impl Block {
    /// Makes values of what the model answered. Once the job is asked to stop it ends within the work on one
    /// covariance of a row's output, and values are missing or wrong.
    pub(super) fn solve(&mut self, designs: &Designs, stop: &Stop) {
        // Games of one design follow each other, so that its solver is made once.
        let mut games: Vec<&mut Game> = self.games.iter_mut().collect();
        games.sort_by_key(|game| game.key);
        games.par_iter_mut().for_each(|game| game.solve(designs, stop));
    }
}

/// A row on its way.
pub(super) struct Game {
    pub(super) row: usize,
    /// Places in the list of explained features.
    pub(super) players: Vec<usize>,
    pub(super) key: Key,
    /// `None` for fewer than two players.
    pub(super) design: Option<Arc<Design>>,
    pub(super) empty: Vec<f64>,
    pub(super) full: Vec<f64>,
    /// The stage to come, or the last one that was needed.
    pub(super) stage: usize,
    pub(super) is_done: bool,
    /// Of the coalitions asked about: `[output][coalition]`.
    pub(super) values: Vec<Vec<f64>>,
    /// By output, of the last stage that was solved.
    pub(super) solutions: Vec<Solution>,
}

impl Game {
    pub(super) fn estimator(&self) -> &'static str {
        self.design.as_ref().map_or("exact", |design| design.stages[self.stage].method.name())
    }

    /// Works out the next stage; a job that was asked to stop gets no values.
    fn solve(&mut self, designs: &Designs, stop: &Stop) {
        let Some(design) = self.design.clone().filter(|_| !self.is_done) else { return };
        self.solutions = designs.with_solver(self.key, &design, self.stage, |solver| {
            let outputs = (0..self.values.len()).take_while(|_| !stop.requested());
            outputs
                .map(|k| solver.solve(&self.values[k], self.empty[k], self.full[k], self.players.len(), stop))
                .collect()
        });
    }

    /// Infinite when some error is not known.
    pub(super) fn largest_error(&self) -> f64 {
        let errors = self.solutions.iter().flat_map(|solution| match &solution.standard_errors {
            Some(errors) => errors.clone(),
            None => vec![f64::INFINITY],
        });
        errors.fold(0.0, |largest, error| if error.is_nan() { f64::INFINITY } else { largest.max(error) })
    }
}
