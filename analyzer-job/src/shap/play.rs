//! Blocks of rows: one call of the model for many of their coalitions, one design for all rows with the
//! same number of players.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use ndarray::Array2;
use plumbline_common::words::counted;
use plumbline_common::{Problem, Result, codes};

use super::ask::{Asker, Link, call_rows};
use super::budget::{Budget, Players};
use super::coalitions::all_coalitions;
use super::design::{Key, turns};
use super::designs::Designs;
use super::doubts::Doubts;
use super::game::{Block, Game, RowValues};
use super::task::Task;
use crate::values::cells::ModelRows;

/// The state of a run.
pub(super) struct Run<'a> {
    task: &'a Task<'a>,
    asker: &'a Asker<'a>,
    link: &'a Link,
    explained: &'a [usize],
    expected_values: &'a [f64],
    pub budget: Budget,
    n_outputs: usize,
    pub designs: Designs,
    /// Rows that were done before their budget was.
    reached_target: AtomicU64,
    /// The outcome is settled: the model need not be asked any more.
    pub given_up: AtomicBool,
}

/// What the model is asked about a game.
#[derive(Debug, Clone, Copy)]
enum Question {
    /// The row itself.
    Full,
    /// The row with all explained features absent.
    Empty,
    Coalition,
}

/// Questions of one call of the model, with the places of their games. A thread that asks has one and uses it again.
#[derive(Debug)]
pub(super) struct Call {
    rows: ModelRows,
    questions: Vec<(usize, Question)>,
}

impl Call {
    /// With room for all its rows, of which only those that come take memory: growing step by step would leave the C
    /// library with as much unused memory for each thread.
    pub(super) fn new(task: &Task) -> Call {
        let n_features = task.rows.n_features;
        let most_rows = call_rows(n_features) + task.baseline.len() + 1;
        Call { rows: ModelRows::with_capacity(n_features, most_rows), questions: Vec::new() }
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
            n_outputs: expected_values.len(),
            designs: Designs::of(task, budget.largest()),
            budget,
            reached_target: AtomicU64::new(0),
            given_up: AtomicBool::new(false),
        }
    }

    /// The rows of each block: as many as have coalitions for a call of the model. The first and the last
    /// blocks are smaller, so that there are soon values to work out, and few after the last answer.
    pub(super) fn blocks(&self, first_places: &[u32], players: &Players) -> Vec<Range<usize>> {
        let model_rows = |row: usize| {
            let is_new = first_places[row] as usize == row;
            let rows = if is_new { self.budget.model_rows(players.count(row)) } else { 0 };
            usize::try_from(rows).unwrap_or(usize::MAX)
        };
        let call_rows = call_rows(self.task.rows.n_features);
        let mut left = (0..first_places.len()).map(model_rows).fold(0, usize::saturating_add);
        let (mut blocks, mut start, mut before, mut own) = (Vec::new(), 0, 0usize, 0usize);
        for row in 0..first_places.len() {
            own = own.saturating_add(model_rows(row));
            let most = call_rows.min((before / 2).max(call_rows / 4)).min((left / 4).max(call_rows / 8));
            if own >= most || row + 1 - start == call_rows || row + 1 == first_places.len() {
                blocks.push(start..row + 1);
                (before, left) = (before.saturating_add(own), left.saturating_sub(own));
                (start, own) = (row + 1, 0);
            }
        }
        blocks
    }

    fn key(&self, row: usize, players: &Players) -> Key {
        let count = players.count(row);
        let budget = self.budget.of_players(count);
        // All coalitions are the same ones in every turn.
        let same = !self.in_stages() && Some(budget) == all_coalitions(count);
        Key { players: count, budget, turn: if same { 0 } else { row % turns(budget) } }
    }

    /// Tells the designs which rows are to come.
    pub(super) fn expect(&self, first_places: &[u32], players: &Players) {
        let new = (0..first_places.len()).filter(|&row| first_places[row] as usize == row);
        self.designs.expect(new.map(|row| self.key(row, players)).filter(|key| key.players >= 2));
    }

    /// Whether a part of a row's coalitions may be enough, so that the model is asked in several turns.
    pub(super) fn in_stages(&self) -> bool {
        self.task.target_standard_error.is_some()
    }

    /// Asks about the rows of a block that did not come before, and the first stage of their coalitions.
    pub(super) fn ask(
        &self,
        rows: Range<usize>,
        first_places: &[u32],
        players: &Players,
        call: &mut Call,
    ) -> Result<Block> {
        let new: Vec<usize> = rows.clone().filter(|&row| first_places[row] as usize == row).collect();
        let keys: Vec<Key> = new.iter().map(|&row| self.key(row, players)).collect();
        let designs = self.designs.get(&keys);
        let mut games: Vec<Game> = Vec::with_capacity(new.len());
        for ((row, key), design) in new.into_iter().zip(&keys).zip(&designs) {
            games.push(Game {
                row,
                players: players.of_row(row),
                key: *key,
                design: design.clone(),
                empty: self.expected_values.to_vec(),
                full: Vec::new(),
                stage: 0,
                is_done: key.players < 2,
                values: vec![Vec::new(); self.n_outputs],
                solutions: Vec::new(),
            });
        }
        // In the pool: what a solver takes while it is made stays with the thread.
        rayon::in_place_scope(|scope| {
            scope.spawn(|_| self.designs.prepare(&keys, &designs));
            self.ask_games(&mut games.iter_mut().collect::<Vec<_>>(), true, call)
        })?;
        Ok(Block { rows, games })
    }

    /// Goes on with the games of a solved block, stage by stage, until each is done.
    pub(super) fn finish(&self, block: &mut Block) -> Result<()> {
        let target = self.task.target_standard_error.unwrap_or(f64::NEG_INFINITY);
        loop {
            for game in block.games.iter_mut().filter(|game| !game.is_done) {
                let is_last = game.design.as_ref().is_none_or(|design| game.stage + 1 == design.stages.len());
                game.is_done = is_last || game.largest_error() <= target;
                self.reached_target.fetch_add(u64::from(game.is_done && !is_last), Ordering::Relaxed);
                game.stage += usize::from(!game.is_done);
            }
            let mut open: Vec<&mut Game> = block.games.iter_mut().filter(|game| !game.is_done).collect();
            if open.is_empty() {
                return Ok(());
            }
            self.ask_games(&mut open, false, &mut Call::new(self.task))?;
            block.solve(&self.designs, self.task.stop);
            self.task.stop.check()?;
        }
    }

    /// The values of a finished block's rows, in order.
    pub(super) fn row_values(&self, block: &Block) -> Vec<RowValues> {
        block.games.iter().map(|game| self.values_of(game)).collect()
    }

    fn values_of(&self, game: &Game) -> RowValues {
        let n_explained = self.explained.len();
        let mut row = RowValues {
            values: vec![0.0; self.n_outputs * n_explained],
            errors: vec![0.0; self.n_outputs * n_explained],
            players: game.players.len(),
            estimator: game.estimator(),
            turn: game.key.turn,
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

    /// Asks for the values of the coalitions of each game's next stage; of `new` games, for their rows
    /// too. The empty coalition of a row is the baseline, unless some features are not explained and keep
    /// the row's values.
    fn ask_games(&self, games: &mut [&mut Game], new: bool, call: &mut Call) -> Result<()> {
        let mut absent = Vec::new();
        let call_rows = call_rows(self.task.rows.n_features);
        for place in 0..games.len() {
            let own = self.task.rows.row(games[place].row);
            if new {
                call.rows.push(own);
                call.questions.push((place, Question::Full));
            }
            if new && self.budget.own_starts {
                self.push_without(own, self.explained, &mut call.rows);
                call.questions.push((place, Question::Empty));
            }
            if call.rows.len() >= call_rows {
                self.settle(call, games)?;
            }
            let Some(design) = games[place].design.clone() else { continue };
            let asked =
                games[place].stage.checked_sub(1).map_or(0, |before| design.stages[before].coalitions);
            for coalition in asked..design.stages[games[place].stage].coalitions {
                absent.clear();
                for (player, &feature) in games[place].players.iter().enumerate() {
                    if !design.coalitions().contains(coalition, player) {
                        absent.push(self.explained[feature]);
                    }
                }
                self.push_without(own, &absent, &mut call.rows);
                call.questions.push((place, Question::Coalition));
                if call.rows.len() >= call_rows {
                    self.settle(call, games)?;
                }
            }
        }
        if !call.questions.is_empty() {
            self.settle(call, games)?;
        }
        Ok(())
    }

    /// Adds a row with the baseline's values, row by row of the baseline, for the features that are absent.
    fn push_without(&self, own: &[u32], absent: &[usize], rows: &mut ModelRows) {
        for baseline in self.task.baseline.rows() {
            let start = rows.ids.len();
            rows.push(own);
            absent.iter().for_each(|&feature| rows.ids[start + feature] = baseline[feature]);
        }
    }

    /// Asks the model, and empties the call.
    fn settle(&self, call: &mut Call, games: &mut [&mut Game]) -> Result<()> {
        self.task.stop.check()?;
        if self.given_up.load(Ordering::Relaxed) {
            return Err(Problem::new(&codes::INTERNAL, "nobody waits for the values any more"));
        }
        let outputs = self.outputs(&call.rows)?;
        self.link.check(&outputs)?;
        let baseline_rows = self.task.baseline.len();
        let mut from = 0;
        for (place, question) in call.questions.drain(..) {
            let game = &mut games[place];
            let rows = if let Question::Full = question { 1 } else { baseline_rows };
            let mean = |k: usize| (from..from + rows).map(|row| outputs[(row, k)]).sum::<f64>() / rows as f64;
            let values = (0..self.n_outputs).map(|k| self.link.apply(mean(k)));
            match question {
                Question::Full => game.full = values.collect(),
                Question::Empty => game.empty = values.collect(),
                Question::Coalition => {
                    game.values.iter_mut().zip(values).for_each(|(of_output, value)| of_output.push(value))
                }
            }
            from += rows;
        }
        call.rows.ids.clear();
        Ok(())
    }

    fn outputs(&self, rows: &ModelRows) -> Result<Array2<f64>> {
        let outputs = self.asker.outputs(rows)?;
        if outputs.ncols() == self.n_outputs {
            return Ok(outputs);
        }
        Err(Problem::new(&codes::OUTPUTS_CHANGED, "the model's answers do not fit together")
            .found(counted(outputs.ncols(), "output"))
            .expected(format!("{} as for the baseline", self.n_outputs)))
    }

    /// What is to be said of the values. Parts of the rows add up.
    pub(super) fn doubts(&self, players: &Players, first_places: &[u32]) -> Doubts {
        let is_few = |&row: &usize| {
            let count = players.count(row);
            count > 2 && self.budget.of_players(count) < 2 * (count as u64 - 1)
        };
        Doubts {
            rows: first_places.len() as u64,
            few: (0..first_places.len()).filter(is_few).count() as u64,
            own_starts: self.budget.own_starts,
            clipped: self.link.clipped(),
        }
    }

    pub(super) fn stopped_early(&self) -> Option<String> {
        let mut reasons: Vec<String> = self.budget.cut_text().into_iter().collect();
        let reached = self.reached_target.load(Ordering::Relaxed);
        if let (Some(target), 1..) = (self.task.target_standard_error, reached) {
            reasons.push(format!(
                "{} reached target_standard_error {target} before the coalitions were spent",
                counted(reached, "different row")
            ));
        }
        (!reasons.is_empty()).then(|| reasons.join("; "))
    }
}
