//! The way from rows to attributions: blocks of rows, one call of the model for many of their
//! coalitions, one design for all rows with the same number of players.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use indexmap::IndexMap;
use ndarray::{Array2, Axis, Slice};
use plumbline_common::progress::Progress;
use plumbline_common::stop::Stop;
use plumbline_common::{Problem, Result, codes};
use rayon::prelude::*;

use super::ask::{Asker, CALL_ROWS, Link};
use super::coalitions::all_coalitions;
use super::design::{Design, Estimator, ROTATION, Solution, Stage};
use super::summary::{Global, Summary};
use crate::cells::{Cells, ModelRows, Predict};
use crate::config::Aggregation;
use crate::details::{EstimatorUse, FeatureDetails, OutputDetails};
use crate::results::Attributions;

/// What to explain, and how.
pub struct Task<'a> {
    pub cells: &'a Cells,
    /// Rows to explain, as the model is sent them.
    pub rows: &'a ModelRows,
    /// Rows that stand in for absent features, at least one.
    pub baseline: &'a ModelRows,
    /// Names of the features, one for each column of `rows`.
    pub names: &'a [String],
    /// Positions of the features to explain, ascending; empty for all. The others keep their values.
    pub explained: &'a [usize],
    /// Coalitions per row; none: twice the players and 2048.
    pub num_samples: Option<u64>,
    pub estimator: Estimator,
    pub aggregation: Aggregation,
    pub use_logit: bool,
    pub seed: u64,
    /// No more rows than this for the whole job, by fewer coalitions for each row.
    pub max_model_rows: Option<u64>,
    /// A row is done once none of its values has a larger standard error, in units of the values.
    pub target_standard_error: Option<f64>,
    pub stop: &'a Stop,
    pub for_people: bool,
}

/// The values of all rows together. `[output][feature]`, features in dataset order.
pub struct Explained {
    pub expected_values: Vec<f64>,
    pub globals: Vec<Vec<f64>>,
    pub details: Vec<Vec<FeatureDetails>>,
    /// The predictions of the rows (rows x outputs), without the link.
    pub predictions: Array2<f64>,
    /// Names of the explained features.
    pub names: Vec<String>,
    /// Largest number of coalitions that a row was allowed.
    pub num_samples: u64,
    pub estimators: Vec<EstimatorUse>,
    pub model_rows: u64,
    pub clipped_predictions: u64,
    pub stopped_early: Option<String>,
    pub warnings: Vec<String>,
}

/// Takes the values of the rows, one row after the other: output by output, features within.
pub type Local<'a> = dyn FnMut(&[f64]) -> Result<()> + 'a;

/// Explains every row.
///
/// The values of a row depend on the row, the baseline, the settings and the first place where an
/// equal row stands; not on block borders, threads or the order in which answers arrive.
///
/// # Errors
/// Those of the model and of `local`; predictions that are no probabilities under `use_logit`; a
/// budget that is too small; being stopped.
pub fn explain(task: &Task, predict: &Predict, local: Option<&mut Local>) -> Result<Explained> {
    let n_features = task.rows.n_features;
    let explained: Vec<usize> =
        if task.explained.is_empty() { (0..n_features).collect() } else { task.explained.to_vec() };
    let asker = Asker::new(task.cells, predict);
    let link = Link::new(task.use_logit);
    let at_baseline = asker.outputs(task.baseline)?;
    link.check(&at_baseline)?;
    let n_outputs = at_baseline.ncols();
    let expected_values: Vec<f64> = (0..n_outputs).map(|k| link.apply(mean(&at_baseline, k))).collect();
    let first_places = first_places(task.rows);
    let players = Players::of(task, &explained);
    let budget = Budget::of(task, &first_places, &players)?;
    let mut run = Run {
        task,
        asker: &asker,
        link: &link,
        explained: &explained,
        expected_values: &expected_values,
        budget,
        designs: HashMap::new(),
        n_outputs,
        reached_target: 0,
    };
    let mut summary = Summary::new(task.aggregation, task.rows.len(), n_outputs * explained.len(), task.seed);
    let mut estimators: BTreeMap<(usize, &'static str), u64> = BTreeMap::new();
    let mut predictions = Array2::zeros((task.rows.len(), n_outputs));
    let mut progress = Progress::start("explaining", "rows", task.rows.len() as u64, task.for_people);
    let mut local = local;
    let mut repeats = Repeats::of(&first_places);
    let mut start = 0;
    while start < task.rows.len() {
        task.stop.check()?;
        let end = run.block_end(start, &first_places, &players);
        let fresh: Vec<usize> = (start..end).filter(|&row| first_places[row] as usize == row).collect();
        let mut done = run.explain_block(&fresh, &players)?.into_iter();
        for (row, &first) in (start..end).zip(&first_places[start..end]) {
            let first = first as usize;
            let values = if first == row {
                let values = Arc::new(done.next().ok_or_else(missing_row)?);
                repeats.keep(row, &values);
                values
            } else {
                repeats.take(first).ok_or_else(missing_row)?
            };
            summary.add(row, &values.values, &values.errors, first % ROTATION);
            *estimators.entry((values.players, values.estimator)).or_default() += 1;
            predictions.row_mut(row).assign(&values.predictions);
            if let Some(local) = local.as_deref_mut() {
                local(&values.values)?;
            }
        }
        progress.advance((end - start) as u64);
        start = end;
    }
    let names: Vec<String> = explained.iter().map(|&feature| task.names[feature].clone()).collect();
    let mut globals = vec![Vec::new(); n_outputs];
    let mut details = vec![Vec::new(); n_outputs];
    let all = summary.finish(task.cells, task.rows, &explained, &names);
    for (place, Global { value, details: of_feature }) in all.into_iter().enumerate() {
        globals[place / explained.len()].push(value);
        details[place / explained.len()].push(of_feature);
    }
    let warnings = run.warnings(&players, &first_places);
    Ok(Explained {
        expected_values: expected_values.clone(),
        globals,
        details,
        predictions,
        names,
        num_samples: run.budget.largest,
        estimators: estimators
            .into_iter()
            .map(|((players, estimator), rows)| EstimatorUse {
                players: players as u64,
                estimator: estimator.into(),
                rows,
            })
            .collect(),
        model_rows: asker.model_rows(),
        clipped_predictions: link.clipped(),
        stopped_early: run.stopped_early(),
        warnings,
    })
}

impl Explained {
    /// The section `kernel_shap` of `analysis.json`. `labels`: one name for each output.
    pub fn kernel_shap(&self, labels: &[String]) -> IndexMap<String, Attributions> {
        let of_output = |output: usize| Attributions {
            global_shap_values: self
                .names
                .iter()
                .cloned()
                .zip(self.globals[output].iter().copied())
                .collect(),
            expected_value: self.expected_values[output],
        };
        labels.iter().cloned().zip((0..self.globals.len()).map(of_output)).collect()
    }

    /// The outputs of `explanations_details.json`, without a baseline's numbers.
    pub fn output_details(&self, labels: &[String]) -> Vec<OutputDetails> {
        labels
            .iter()
            .zip(&self.details)
            .map(|(label, features)| OutputDetails {
                label: label.clone(),
                features: features.clone(),
                ndcg: None,
                violated: false,
            })
            .collect()
    }
}

fn missing_row() -> Problem {
    Problem::new(&codes::INTERNAL, "a row's values are missing")
}

fn mean(outputs: &Array2<f64>, output: usize) -> f64 {
    outputs.column(output).sum() / outputs.nrows() as f64
}

/// By row, the first row that is equal to it.
fn first_places(rows: &ModelRows) -> Vec<u32> {
    let mut seen: HashMap<&[u32], u32> = HashMap::with_capacity(rows.len());
    rows.rows().enumerate().map(|(row, ids)| *seen.entry(ids).or_insert(row as u32)).collect()
}

/// Values of rows that come again, for as long as they do.
struct Repeats {
    left: HashMap<usize, u32>,
    kept: HashMap<usize, Arc<RowValues>>,
}

impl Repeats {
    fn of(first_places: &[u32]) -> Repeats {
        let mut left = HashMap::new();
        for (row, &first) in first_places.iter().enumerate() {
            if first as usize != row {
                *left.entry(first as usize).or_insert(0) += 1;
            }
        }
        Repeats { left, kept: HashMap::new() }
    }

    fn keep(&mut self, row: usize, values: &Arc<RowValues>) {
        if self.left.contains_key(&row) {
            self.kept.insert(row, Arc::clone(values));
        }
    }

    fn take(&mut self, first: usize) -> Option<Arc<RowValues>> {
        let left = self.left.get_mut(&first)?;
        *left -= 1;
        if *left == 0 { self.kept.remove(&first) } else { self.kept.get(&first).map(Arc::clone) }
    }
}

/// Which features of a row differ from some row of the baseline.
struct Players<'a> {
    task: &'a Task<'a>,
    explained: &'a [usize],
    counts: Vec<u32>,
}

impl<'a> Players<'a> {
    fn of(task: &'a Task<'a>, explained: &'a [usize]) -> Players<'a> {
        let mut players = Players { task, explained, counts: Vec::new() };
        players.counts = task
            .rows
            .rows()
            .map(|row| explained.iter().filter(|&&feature| players.differs(row, feature)).count() as u32)
            .collect();
        players
    }

    fn differs(&self, row: &[u32], feature: usize) -> bool {
        self.task.baseline.rows().any(|baseline| baseline[feature] != row[feature])
    }

    /// Places in the list of explained features.
    fn of_row(&self, row: usize) -> Vec<usize> {
        let ids = self.task.rows.row(row);
        (0..self.explained.len()).filter(|&place| self.differs(ids, self.explained[place])).collect()
    }

    fn count(&self, row: usize) -> usize {
        self.counts[row] as usize
    }
}

/// Coalitions that a row may cost.
struct Budget {
    num_samples: Option<u64>,
    /// Cut that `max_model_rows` asks for.
    cut: Option<u64>,
    max_model_rows: Option<u64>,
    /// The largest budget of any row.
    largest: u64,
}

impl Budget {
    fn of(task: &Task, first_places: &[u32], players: &Players) -> Result<Budget> {
        let mut budget = Budget {
            num_samples: task.num_samples,
            cut: None,
            max_model_rows: task.max_model_rows,
            largest: 0,
        };
        let mut rows_by_players: BTreeMap<usize, u64> = BTreeMap::new();
        for (row, &first) in first_places.iter().enumerate() {
            if first as usize == row {
                *rows_by_players.entry(players.count(row)).or_default() += 1;
            }
        }
        let baseline_rows = task.baseline.len() as u64;
        // Features that are not explained give each row a start of its own.
        let own_start = players.explained.len() < task.rows.n_features;
        let cost = |budget: &Budget| -> u64 {
            rows_by_players.iter().fold(baseline_rows, |sum, (&players, &rows)| {
                let sets = budget.of_players(players).saturating_add(u64::from(own_start));
                let each = sets.saturating_mul(baseline_rows).saturating_add(1);
                sum.saturating_add(rows.saturating_mul(each))
            })
        };
        let most = rows_by_players.keys().map(|&players| budget.of_players(players)).max().unwrap_or(0);
        if let Some(limit) = task.max_model_rows
            && cost(&budget) > limit
        {
            let (mut fits, mut too_many) = (0, most);
            while too_many - fits > 1 {
                let middle = fits + (too_many - fits) / 2;
                budget.cut = Some(middle);
                if cost(&budget) <= limit { fits = middle } else { too_many = middle }
            }
            if fits < 2 {
                budget.cut = Some(2);
                return Err(Problem::new(&codes::BUDGET_TOO_SMALL, "the rows cannot be explained")
                    .field("max_model_rows")
                    .found(limit.to_string())
                    .expected(format!("at least {} for two coalitions per row", cost(&budget)))
                    .hint("raise `max_model_rows`, or give fewer rows or a smaller baseline"));
            }
            budget.cut = Some(fits);
        }
        budget.largest = rows_by_players.keys().map(|&players| budget.of_players(players)).max().unwrap_or(0);
        if task.estimator == Estimator::Exact {
            for &players in rows_by_players.keys() {
                let all = all_coalitions(players).unwrap_or(u64::MAX);
                if players > 1 && budget.of_players(players) < all {
                    return Err(Problem::new(&codes::BUDGET_TOO_SMALL, "exact values need all coalitions")
                        .field("methods.shap.num_samples")
                        .found(budget.of_players(players).to_string())
                        .expected(format!("{all} for rows with {players} features unlike the baseline"))
                        .hint("raise `num_samples`, or set `estimator` to `auto`"));
                }
            }
        }
        Ok(budget)
    }

    /// `min(num_samples, 2^M - 2)`, with `2 M + 2048` for no `num_samples`.
    fn of_players(&self, players: usize) -> u64 {
        if players < 2 {
            return 0;
        }
        let asked = self.num_samples.unwrap_or(2 * players as u64 + 2048);
        let all = all_coalitions(players).unwrap_or(u64::MAX);
        asked.min(all).min(self.cut.unwrap_or(u64::MAX))
    }
}

/// One row's values: output by output, explained features within; NaN for unknown errors.
struct RowValues {
    values: Vec<f64>,
    errors: Vec<f64>,
    predictions: ndarray::Array1<f64>,
    players: usize,
    estimator: &'static str,
}

struct Run<'a> {
    task: &'a Task<'a>,
    asker: &'a Asker<'a>,
    link: &'a Link,
    explained: &'a [usize],
    expected_values: &'a [f64],
    budget: Budget,
    designs: HashMap<(usize, u64, usize), Arc<Design>>,
    n_outputs: usize,
    /// Rows that were done before their budget was.
    reached_target: u64,
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

impl Run<'_> {
    /// Rows are taken until their coalitions fill a call of the model.
    fn block_end(&self, start: usize, first_places: &[u32], players: &Players) -> usize {
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
        (count, budget, if same { 0 } else { row % ROTATION })
    }

    fn explain_block(&mut self, rows: &[usize], players: &Players) -> Result<Vec<RowValues>> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let mut own = ModelRows::new(self.task.rows.n_features);
        rows.iter().for_each(|&row| own.push(self.task.rows.row(row)));
        let predictions = self.outputs(&own)?;
        self.link.check(&predictions)?;
        let keys: Vec<(usize, u64, usize)> = rows.iter().map(|&row| self.key(row, players)).collect();
        self.prepare(&keys);
        let fulls: Vec<Vec<f64>> = predictions
            .rows()
            .into_iter()
            .map(|row| row.iter().map(|value| self.link.apply(*value)).collect())
            .collect();
        let starts = self.starts(rows)?;
        let mut games = Vec::with_capacity(rows.len());
        for (place, (&row, key)) in rows.iter().zip(&keys).enumerate() {
            games.push(Game {
                row,
                players: players.of_row(row),
                design: self.designs.get(key).map(Arc::clone),
                empty: starts[place].clone(),
                full: fulls[place].clone(),
                stage: 0,
                is_done: false,
                values: vec![Vec::new(); self.n_outputs],
                solutions: Vec::new(),
            });
        }
        self.play(&mut games)?;
        Ok(games
            .iter()
            .enumerate()
            .map(|(place, game)| self.row_values(game, predictions.row(place)))
            .collect())
    }

    /// Asks about the coalitions of each game, stage by stage, until it is done.
    fn play(&mut self, games: &mut [Game]) -> Result<()> {
        loop {
            let mut open: Vec<&mut Game> =
                games.iter_mut().filter(|game| game.next_stage().is_some()).collect();
            if open.is_empty() {
                return Ok(());
            }
            self.coalition_values(&mut open)?;
            open.par_iter_mut().for_each(|game| game.solve());
            for game in open {
                let is_last = game.design.as_ref().is_none_or(|design| game.stage + 1 == design.stages.len());
                let target = self.task.target_standard_error.unwrap_or(f64::NEG_INFINITY);
                let is_good = game.largest_error() <= target;
                if is_last || is_good {
                    game.is_done = true;
                    self.reached_target += u64::from(!is_last);
                } else {
                    game.stage += 1;
                }
            }
        }
    }

    fn row_values(&self, game: &Game, predictions: ndarray::ArrayView1<f64>) -> RowValues {
        let n_explained = self.explained.len();
        let mut row = RowValues {
            values: vec![0.0; self.n_outputs * n_explained],
            errors: vec![0.0; self.n_outputs * n_explained],
            predictions: predictions.to_owned(),
            players: game.players.len(),
            estimator: game.estimator(),
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
        Ok((0..own.len())
            .map(|place| {
                let mine = outputs
                    .slice_axis(Axis(0), Slice::from(place * baseline_rows..(place + 1) * baseline_rows));
                (0..self.n_outputs)
                    .map(|k| self.link.apply(mine.column(k).sum() / baseline_rows as f64))
                    .collect()
            })
            .collect())
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

    fn warnings(&self, players: &Players, first_places: &[u32]) -> Vec<String> {
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

    fn stopped_early(&self) -> Option<String> {
        let mut reasons = Vec::new();
        if let (Some(cut), Some(limit)) = (self.budget.cut, self.budget.max_model_rows) {
            reasons.push(format!("max_model_rows {limit} allows {cut} coalitions per row"));
        }
        if let (Some(target), 1..) = (self.task.target_standard_error, self.reached_target) {
            reasons.push(format!(
                "{} different rows reached target_standard_error {target} before their coalitions were spent",
                self.reached_target
            ));
        }
        (!reasons.is_empty()).then(|| reasons.join("; "))
    }
}
