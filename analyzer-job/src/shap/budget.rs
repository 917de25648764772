//! What a row may cost: its players, and the coalitions that the settings allow.

use std::collections::{BTreeMap, HashMap};

use plumbline_common::words::counted;
use plumbline_common::{Problem, Result, codes};

use super::coalitions::all_coalitions;
use super::task::{Estimator, Task};
use crate::values::cells::ModelRows;

/// Which features of a row differ from some row of the baseline.
pub(super) struct Players<'a> {
    task: &'a Task<'a>,
    explained: &'a [usize],
    counts: Vec<u32>,
}

impl<'a> Players<'a> {
    pub(super) fn of(task: &'a Task<'a>, explained: &'a [usize]) -> Players<'a> {
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
    pub(super) fn of_row(&self, row: usize) -> Vec<usize> {
        let ids = self.task.rows.row(row);
        (0..self.explained.len()).filter(|&place| self.differs(ids, self.explained[place])).collect()
    }

    pub(super) fn count(&self, row: usize) -> usize {
        self.counts[row] as usize
    }
}

/// Coalitions of a row with so many players: `min(num_samples, 2^M - 2)`, with `2 M + 2048` for no
/// `num_samples`.
pub(crate) fn coalitions(num_samples: Option<u64>, players: usize) -> u64 {
    if players < 2 {
        return 0;
    }
    let asked = num_samples.unwrap_or(2 * players as u64 + 2048);
    asked.min(all_coalitions(players).unwrap_or(u64::MAX))
}

/// Coalitions that a row may cost.
pub(super) struct Budget {
    num_samples: Option<u64>,
    baseline_rows: u64,
    /// Features that are not explained give each row a start of its own.
    pub(super) own_starts: bool,
    /// Cut that `max_model_rows` asks for.
    cut: Option<u64>,
    max_model_rows: Option<u64>,
    /// The largest budget of any row.
    largest: u64,
}

/// That the settings allow what they ask for. The rows, the baseline and the settings decide that alone, so it can be
/// known before the model is asked. A task of some of the rows never needs more than one of all of them.
///
/// # Errors
/// `BUDGET_TOO_SMALL`.
pub(crate) fn check(task: &Task) -> Result<()> {
    // Without these every budget is large enough.
    if task.max_model_rows.is_none() && task.estimator != Estimator::Exact {
        return Ok(());
    }
    let explained = task.explained_features();
    Budget::of(task, &first_places(task.rows), &Players::of(task, &explained)).map(drop)
}

/// By row, the first row that is equal to it.
pub(super) fn first_places(rows: &ModelRows) -> Vec<u32> {
    let mut seen: HashMap<&[u32], u32> = HashMap::with_capacity(rows.len());
    rows.rows().enumerate().map(|(row, ids)| *seen.entry(ids).or_insert(row as u32)).collect()
}

impl Budget {
    pub(super) fn of(task: &Task, first_places: &[u32], players: &Players) -> Result<Budget> {
        let mut budget = Budget {
            num_samples: task.num_samples,
            baseline_rows: task.baseline.len() as u64,
            own_starts: players.explained.len() < task.rows.n_features,
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
        let cost = |budget: &Budget| -> u64 {
            rows_by_players.iter().fold(budget.baseline_rows, |sum, (&players, &rows)| {
                sum.saturating_add(rows.saturating_mul(budget.model_rows(players)))
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
                    let (setting, found) = match budget.cut_text() {
                        Some(text) if coalitions(task.num_samples, players) == all => {
                            ("max_model_rows", text)
                        }
                        _ => ("methods.shap.num_samples", budget.of_players(players).to_string()),
                    };
                    let name = setting.rsplit('.').next().unwrap_or(setting);
                    return Err(Problem::new(&codes::BUDGET_TOO_SMALL, "exact values need all coalitions")
                        .field(setting)
                        .found(found)
                        .expected(format!(
                            "{all} for rows with {} unlike the baseline",
                            counted(players, "feature")
                        ))
                        .hint(format!("raise `{name}`, or set `estimator` to `auto`")));
                }
            }
        }
        Ok(budget)
    }

    pub(super) fn of_players(&self, players: usize) -> u64 {
        coalitions(self.num_samples, players).min(self.cut.unwrap_or(u64::MAX))
    }

    /// Model rows that a row with so many players may cost, itself included.
    pub(super) fn model_rows(&self, players: usize) -> u64 {
        let sets = self.of_players(players).saturating_add(u64::from(self.own_starts));
        sets.saturating_mul(self.baseline_rows).saturating_add(1)
    }

    /// The largest budget of any row.
    pub(super) fn largest(&self) -> u64 {
        self.largest
    }

    /// What `max_model_rows` did, when it did something.
    pub(super) fn cut_text(&self) -> Option<String> {
        let (cut, limit) = (self.cut?, self.max_model_rows?);
        Some(format!("max_model_rows {limit} allows {cut} coalitions per row"))
    }
}
