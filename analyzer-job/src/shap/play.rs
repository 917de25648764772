//! Blocks of rows: one call of the model for many of their coalitions, one design for all rows with the
//! same number of players.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use ndarray::Array2;
use plumbline_common::{Problem, Result, codes};
use rayon::prelude::*;

use super::ask::{Asker, CALL_ROWS, Link};
use super::budget::{Budget, Players};
use super::coalitions::all_coalitions;
use super::design::{Design, Solution, Stage, turns};
use super::explain::Task;
use crate::cells::ModelRows;

/// One row's values: output by output, explained features within; NaN for unknown errors.
pub(super) struct RowValues {
    pub values: Vec<f64>,
    pub errors: Vec<f64>,
    pub predictions: ndarray::Array1<f64>,
    pub players: usize,
    pub estimator: &'static str,
    /// Which of the rotated designs.
    pub turn: usize,
}

/// The state of a run.
pub(super) struct Run<'a> {
    task: &'a Task<'a>,
    asker: &'a Asker<'a>,
    link: &'a Link,
    explained: &'a [usize],
    expected_values: &'a [f64],
    pub budget: Budget,
    designs: HashMap<(usize, u64, usize), Arc<Design>>,
    n_outputs: usize,
    /// Rows that were done before their budget was.
    reached_target: u64,
}

/// Some rows on their way.
pub(super) struct Block {
    /// Rows of the dataset that the block spans, with those that came before.
    pub n_rows: usize,
    games: Vec<Game>,
    /// Of the rows, without the link.
    predictions: Array2<f64>,
}

impl Block {
    /// Makes values of what the model answered.
    pub(super) fn solve(&mut self) {
        self.games.par_iter_mut().for_each(Game::solve);
    }
}

/// A row on its way.
struct Game {
    row: usize,
    /// Places in the list of explained features.
    players: Vec<usize>,
    /// None for fewer than two players.
    design: Option<Arc<Design>>,
    empty: Vec<f64>,
    full: Vec<f64>,
    /// The stage to come, or the last one that was needed.
    stage: usize,
    is_done: bool,
    turn: usize,
    /// Of the coalitions asked about: `[output][coalition]`.
    values: Vec<Vec<f64>>,
    /// By output, of the last stage that was solved.
    solutions: Vec<Solution>,
}

impl Game {
    fn next_stage(&self) -> Option<&Stage> {
        self.design.as_ref()?.stages.get(self.stage).filter(|_| !self.is_done)
    }

    fn estimator(&self) -> &'static str {
        self.design.as_ref().map_or("exact", |design| design.stages[self.stage].estimator)
    }

    fn solve(&mut self) {
        let Some(stage) = self.next_stage() else { return };
        let solutions = (0..self.values.len())
            .map(|k| stage.solve(&self.values[k], self.empty[k], self.full[k], self.players.len()))
            .collect();
        self.solutions = solutions;
    }

    /// Infinite when some error is not known.
    fn largest_error(&self) -> f64 {
        let errors = self.solutions.iter().flat_map(|solution| match &solution.standard_errors {
            Some(errors) => errors.clone(),
            None => vec![f64::INFINITY],
        });
        errors.fold(0.0, |largest, error| if error.is_nan() { f64::INFINITY } else { largest.max(error) })
    }
}

impl<'a> Run<'a> {
    pub(super) fn new(
        task: &'a Task<'a>,
        asker: &'a Asker<'a>,
        link: &'a Link,
        explained: &'a [usize],
        expected_values: &'a [f64],
        budget: Budget,
    ) -> Run<'a> {
        Run {
            task,
            asker,
            link,
            explained,
            expected_values,
            budget,
            designs: HashMap::new(),
            n_outputs: expected_values.len(),
            reached_target: 0,
        }
    }

    /// Rows are taken until their coalitions fill a call of the model.
    pub(super) fn block_end(&self, start: usize, first_places: &[u32], players: &Players) -> usize {
        let baseline_rows = self.task.baseline.len();
        let mut model_rows = 0usize;
        let mut end = start;
        while end < first_places.len() && model_rows < CALL_ROWS && end - start < CALL_ROWS {
            if first_places[end] as usize == end {
                let budget =
                    usize::try_from(self.budget.of_players(players.count(end))).unwrap_or(usize::MAX);
                model_rows =
                    model_rows.saturating_add(budget.saturating_mul(baseline_rows).saturating_add(1));
            }
            end += 1;
        }
        end
    }

    /// The number of players, the budget and the turn that a row's design is found by.
    fn key(&self, row: usize, players: &Players) -> (usize, u64, usize) {
        let count = players.count(row);
        let budget = self.budget.of_players(count);
        // All coalitions are the same ones in every turn.
        let same = self.task.target_standard_error.is_none() && Some(budget) == all_coalitions(count);
        (count, budget, if same { 0 } else { row % turns(budget) })
    }

    /// Asks about the rows of a span that did not come before, and the first stage of their coalitions.
    pub(super) fn ask(
        &mut self,
        span: Range<usize>,
        first_places: &[u32],
        players: &Players,
    ) -> Result<Block> {
        let n_rows = span.len();
        let rows: Vec<usize> = span.filter(|&row| first_places[row] as usize == row).collect();
        if rows.is_empty() {
            return Ok(Block {
                n_rows,
                games: Vec::new(),
                predictions: Array2::default((0, self.n_outputs)),
            });
        }
        let mut own = ModelRows::new(self.task.rows.n_features);
        rows.iter().for_each(|&row| own.push(self.task.rows.row(row)));
        let predictions = self.outputs(&own)?;
        self.link.check(&predictions)?;
        let keys: Vec<(usize, u64, usize)> = rows.iter().map(|&row| self.key(row, players)).collect();
        self.prepare(&keys);
        let starts = self.starts(&rows)?;
        let mut games: Vec<Game> = Vec::with_capacity(rows.len());
        for (place, (&row, key)) in rows.iter().zip(&keys).enumerate() {
            games.push(Game {
                row,
                players: players.of_row(row),
                design: self.designs.get(key).map(Arc::clone),
                empty: starts[place].clone(),
                full: predictions.row(place).iter().map(|value| self.link.apply(*value)).collect(),
                stage: 0,
                is_done: key.0 < 2,
                turn: key.2,
                values: vec![Vec::new(); self.n_outputs],
                solutions: Vec::new(),
            });
        }
        self.coalition_values(&mut games.iter_mut().collect::<Vec<_>>())?;
        Ok(Block { n_rows, games, predictions })
    }

    /// Goes on with the games of a solved block, stage by stage, until each is done.
    pub(super) fn finish(&mut self, block: &mut Block) -> Result<()> {
        let target = self.task.target_standard_error.unwrap_or(f64::NEG_INFINITY);
        loop {
            for game in block.games.iter_mut().filter(|game| !game.is_done) {
                let is_last = game.design.as_ref().is_none_or(|design| game.stage + 1 == design.stages.len());
                game.is_done = is_last || game.largest_error() <= target;
                self.reached_target += u64::from(game.is_done && !is_last);
                game.stage += usize::from(!game.is_done);
            }
            let mut open: Vec<&mut Game> = block.games.iter_mut().filter(|game| !game.is_done).collect();
            if open.is_empty() {
                return Ok(());
            }
            self.coalition_values(&mut open)?;
            block.solve();
        }
    }

    /// The values of a finished block's rows, in order.
    pub(super) fn row_values(&self, block: &Block) -> Vec<RowValues> {
        let rows = block.games.iter().zip(block.predictions.rows());
        rows.map(|(game, predictions)| self.values_of(game, predictions)).collect()
    }

    fn values_of(&self, game: &Game, predictions: ndarray::ArrayView1<f64>) -> RowValues {
        let n_explained = self.explained.len();
        let mut row = RowValues {
            values: vec![0.0; self.n_outputs * n_explained],
            errors: vec![0.0; self.n_outputs * n_explained],
            predictions: predictions.to_owned(),
            players: game.players.len(),
            estimator: game.estimator(),
            turn: game.turn,
        };
        for k in 0..self.n_outputs {
            // One player makes all the difference there is; none, no difference.
            if let [only] = game.players[..] {
                row.values[k * n_explained + only] = game.full[k] - game.empty[k];
            }
            let Some(solution) = game.solutions.get(k) else { continue };
            for (i, &player) in game.players.iter().enumerate() {
                row.values[k * n_explained + player] = solution.values[i];
                row.errors[k * n_explained + player] =
                    solution.standard_errors.as_ref().map_or(f64::NAN, |errors| errors[i]);
            }
        }
        row
    }

    /// Designs that these rows need, several at once.
    fn prepare(&mut self, keys: &[(usize, u64, usize)]) {
        let mut missing: Vec<(usize, u64, usize)> =
            keys.iter().copied().filter(|key| key.0 >= 2 && !self.designs.contains_key(key)).collect();
        missing.sort_unstable();
        missing.dedup();
        let (estimator, seed) = (self.task.estimator, self.task.seed);
        let in_stages = self.task.target_standard_error.is_some();
        let made: Vec<_> = missing
            .par_iter()
            .map(|&(players, budget, turn)| {
                Arc::new(Design::new(players, budget, estimator, seed, turn, in_stages))
            })
            .collect();
        self.designs.extend(missing.into_iter().zip(made));
    }

    /// The value of the empty coalition by row: that of the baseline, unless some features are not
    /// explained and keep the row's values.
    fn starts(&self, own: &[usize]) -> Result<Vec<Vec<f64>>> {
        if self.explained.len() == self.task.rows.n_features {
            return Ok(own.iter().map(|_| self.expected_values.to_vec()).collect());
        }
        let mut rows = ModelRows::new(self.task.rows.n_features);
        let mut ids = Vec::new();
        for row in own {
            for baseline in self.task.baseline.rows() {
                ids.clear();
                ids.extend_from_slice(self.task.rows.row(*row));
                for &feature in self.explained {
                    ids[feature] = baseline[feature];
                }
                rows.push(&ids);
            }
        }
        let outputs = self.outputs(&rows)?;
        self.link.check(&outputs)?;
        let baseline_rows = self.task.baseline.len();
        let mean = |place: usize, k: usize| {
            let sum: f64 = (0..baseline_rows).map(|b| outputs[(place * baseline_rows + b, k)]).sum();
            sum / baseline_rows as f64
        };
        let start =
            |place| -> Vec<f64> { (0..self.n_outputs).map(|k| self.link.apply(mean(place, k))).collect() };
        Ok((0..own.len()).map(start).collect())
    }

    /// Asks for the values of the coalitions of each game's next stage.
    fn coalition_values(&self, games: &mut [&mut Game]) -> Result<()> {
        let mut rows = ModelRows::new(self.task.rows.n_features);
        // Game of each coalition in `rows`.
        let mut owners: Vec<usize> = Vec::new();
        let mut ids = Vec::new();
        for place in 0..games.len() {
            let Some(design) = games[place].design.clone() else { continue };
            let own = self.task.rows.row(games[place].row);
            let asked =
                games[place].stage.checked_sub(1).map_or(0, |before| design.stages[before].coalitions);
            for coalition in asked..design.stages[games[place].stage].coalitions {
                for baseline in self.task.baseline.rows() {
                    ids.clear();
                    ids.extend_from_slice(own);
                    for (player, &feature) in games[place].players.iter().enumerate() {
                        if !design.coalitions.contains(coalition, player) {
                            let feature = self.explained[feature];
                            ids[feature] = baseline[feature];
                        }
                    }
                    rows.push(&ids);
                }
                owners.push(place);
                if rows.len() >= CALL_ROWS {
                    self.settle(&mut rows, &mut owners, games)?;
                }
            }
        }
        if !owners.is_empty() {
            self.settle(&mut rows, &mut owners, games)?;
        }
        Ok(())
    }

    /// Asks the model about the rows gathered, and empties them.
    fn settle(&self, rows: &mut ModelRows, owners: &mut Vec<usize>, games: &mut [&mut Game]) -> Result<()> {
        self.task.stop.check()?;
        let baseline_rows = self.task.baseline.len();
        let outputs = self.outputs(rows)?;
        self.link.check(&outputs)?;
        for (place, &owner) in owners.iter().enumerate() {
            for k in 0..self.n_outputs {
                let sum: f64 = (0..baseline_rows).map(|b| outputs[(place * baseline_rows + b, k)]).sum();
                games[owner].values[k].push(self.link.apply(sum / baseline_rows as f64));
            }
        }
        rows.ids.clear();
        owners.clear();
        Ok(())
    }

    fn outputs(&self, rows: &ModelRows) -> Result<Array2<f64>> {
        let outputs = self.asker.outputs(rows)?;
        if outputs.ncols() == self.n_outputs {
            return Ok(outputs);
        }
        Err(Problem::new(&codes::OUTPUTS_CHANGED, "the model's answers do not fit together")
            .found(format!("{} outputs", outputs.ncols()))
            .expected(format!("{} as for the baseline", self.n_outputs)))
    }

    pub(super) fn warnings(&self, players: &Players, first_places: &[u32]) -> Vec<String> {
        let mut warnings = Vec::new();
        let few = (0..first_places.len())
            .filter(|&row| {
                let count = players.count(row);
                count > 2 && self.budget.of_players(count) < 2 * (count as u64 - 1)
            })
            .count();
        if few > 0 {
            warnings.push(format!(
                "num_samples: {few} of {} rows have fewer coalitions than twice their features less one; \
                 expect errors of 40 percent and more in single values, or raise num_samples",
                first_places.len()
            ));
        }
        if self.explained.len() < self.task.rows.n_features {
            warnings.push(
                "features_to_explain: the other features keep each row's own values, so a row's values add \
                 up to its prediction less its own starting value, not less expected_value"
                    .into(),
            );
        }
        if self.link.clipped() > 0 {
            warnings.push(format!(
                "use_logit: {} predictions of exactly 0 or 1 were moved to 1e-12 from it, so that their \
                 log-odds are finite",
                self.link.clipped()
            ));
        }
        warnings
    }

    pub(super) fn stopped_early(&self) -> Option<String> {
        let mut reasons: Vec<String> = self.budget.cut_text().into_iter().collect();
        if let (Some(target), 1..) = (self.task.target_standard_error, self.reached_target) {
            reasons.push(format!(
                "{} different rows reached target_standard_error {target} before their coalitions were spent",
                self.reached_target
            ));
        }
        (!reasons.is_empty()).then(|| reasons.join("; "))
    }
}
