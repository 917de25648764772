//! Performance without labels: confidence-based performance estimation (CBPE); binary problems here, others in `classes`
//! and `numbers`.
//!
//! The baseline shows how often rows of a score are positive. Rows without a label are drawn by these shares, and the
//! metrics of the draws are the estimate with its band. It holds as long as the same score means the same: a change of
//! the rows is seen, a change of what follows from them is not, and is no part of the band.
//! Source of the idea: J. Bialek et al., "Estimating Model Performance Under Covariate Shift Without Labels", 2024
//! (arXiv 2401.08348).

pub mod classes;
pub mod numbers;

use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::metrics;
use super::outcomes::{ScoreCell, Waiting};
use super::random;
use crate::random::{Gamma, Random};

const PURPOSE: u64 = 3;
/// Share of the draws left out on either side: 2.5 % and a little less, since the shares between the steps are only
/// interpolated.
const OUTSIDE: f64 = 0.015;
const REPLICATES: u64 = 1000;
/// Scores drawn at most; with more of them fewer replicates are drawn.
const MOST_DRAWN: u64 = 10_000_000;
/// Groups of scores in the baseline, for each of predicted negative and positive.
const MOST_STEPS: u64 = 20;
/// Rows of a group, at least.
const FEWEST_ROWS: u64 = 25;

/// How often rows of the baseline were positive, by prediction and score.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ScoreMeaning {
    /// By ascending score; predicted negative, then positive.
    pub steps: [Vec<Step>; 2],
}

/// Rows of the baseline with neighbouring scores.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    pub mean_score: f64,
    pub rows: u64,
    pub positive: u64,
}

impl ScoreMeaning {
    /// The same of rows of which only the prediction is known.
    pub fn by_prediction(&self) -> ScoreMeaning {
        let all = |side: usize| {
            let [rows, positive] = self.steps[side]
                .iter()
                .fold([0, 0], |[rows, positive], step| [rows + step.rows, positive + step.positive]);
            let step = Step { mean_score: side as f64, rows, positive };
            (rows > 0).then_some(step).into_iter().collect()
        };
        ScoreMeaning { steps: [all(0), all(1)] }
    }
}

/// Learns what the scores of a baseline mean. `cells`: by descending score.
pub fn learn(cells: &[ScoreCell]) -> ScoreMeaning {
    let side = |predicted: usize| {
        let rows = |cell: &ScoreCell| cell.counts[0][predicted] + cell.counts[1][predicted];
        let total: u64 = cells.iter().map(rows).sum();
        let wanted = (total / MOST_STEPS).max(FEWEST_ROWS);
        let mut steps: Vec<Step> = Vec::new();
        let mut left = total;
        for cell in cells.iter().rev().filter(|cell| rows(cell) > 0) {
            // What is left behind a full step must be enough for another.
            let full = steps.last().is_none_or(|step| step.rows >= wanted && left >= wanted);
            if full {
                steps.push(Step { mean_score: 0.0, rows: 0, positive: 0 });
            }
            if let Some(step) = steps.last_mut() {
                step.mean_score += cell.score * rows(cell) as f64;
                step.rows += rows(cell);
                step.positive += cell.counts[1][predicted];
            }
            left -= rows(cell);
        }
        steps.iter_mut().for_each(|step| step.mean_score /= step.rows as f64);
        steps
    };
    ScoreMeaning { steps: [side(0), side(1)] }
}

/// A metric of rows whose labels are not known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EstimatedMetric {
    pub name: String,
    pub value: f64,
    /// Holds the true value in 95 % of windows while the same score means the same.
    pub band: [f64; 2],
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Rows without a label.
    pub rows: u64,
    pub metrics: Vec<EstimatedMetric>,
}

/// Rows without a label that are left out of the estimate, since the baseline predicted no row to be of their class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unknown {
    pub predicted: String,
    pub rows: u64,
}

/// The rows of which the baseline tells something, and the others. `names`: of the negative and the positive class.
pub fn known(meaning: &ScoreMeaning, waiting: &[Waiting], names: [&str; 2]) -> (Vec<Waiting>, Vec<Unknown>) {
    let is_known = |side: usize| !meaning.steps[side].is_empty();
    let rows = waiting.iter().filter(|row| is_known(usize::from(row.predicted))).cloned().collect();
    let unknown = [0, 1].into_iter().filter(|&side| !is_known(side)).filter_map(|side| {
        let of_side = waiting.iter().filter(|row| usize::from(row.predicted) == side);
        let rows = of_side.map(|row| row.times).sum();
        (rows > 0).then(|| Unknown { predicted: names[side].into(), rows })
    });
    (rows, unknown.collect())
}

/// What is estimated; the area only from scores.
const ESTIMATED: [&str; 6] = ["accuracy", "precision", "recall", "f1", "false_positive_rate", "auc"];

/// Estimates the metrics of the rows that wait for their label; none without rows, or when the baseline had no row of a
/// prediction that they have. `has_scores`: the scores are more than the predictions as 0 and 1.
pub fn estimate(meaning: &ScoreMeaning, waiting: &[Waiting], has_scores: bool) -> Option<Estimate> {
    let replicates = MOST_DRAWN.checked_div(waiting.len() as u64).unwrap_or(0).clamp(200, REPLICATES);
    let mut estimate = estimate_by(meaning, waiting, replicates)?;
    estimate.metrics.retain(|metric| has_scores || metric.name != "auc");
    Some(estimate)
}

fn estimate_by(meaning: &ScoreMeaning, waiting: &[Waiting], replicates: u64) -> Option<Estimate> {
    let rows: u64 = waiting.iter().map(|row| row.times).sum();
    let known = |predicted: bool| !meaning.steps[usize::from(predicted)].is_empty();
    if rows == 0 || waiting.iter().any(|row| !known(row.predicted)) {
        return None;
    }
    let draws: Vec<Vec<f64>> = (0..replicates)
        .into_par_iter()
        .map(|replicate| {
            let mut random = random::generator(PURPOSE, replicate);
            let scalars = metrics::binary(&labelled(meaning, waiting, &mut random));
            ESTIMATED.iter().map(|name| metrics::value(&scalars, name).unwrap_or(0.0)).collect()
        })
        .collect();
    Some(Estimate { rows, metrics: summary(&ESTIMATED, &draws) })
}

/// Mean and band of the draws of each metric.
fn summary(names: &[&str], draws: &[Vec<f64>]) -> Vec<EstimatedMetric> {
    let metrics = names.iter().enumerate().map(|(at, name)| {
        let mut values: Vec<f64> = draws.iter().map(|draw| draw[at]).collect();
        let value = values.iter().sum::<f64>() / values.len() as f64;
        values.sort_unstable_by(f64::total_cmp);
        let outside = (OUTSIDE * values.len() as f64) as usize;
        let band = [values[outside], values[values.len() - 1 - outside]];
        EstimatedMetric { name: (*name).into(), value, band }
    });
    metrics.collect()
}

/// The rows with labels drawn for them: first what each step of the baseline may mean, then each row.
fn labelled(meaning: &ScoreMeaning, waiting: &[Waiting], random: &mut ChaCha8Rng) -> Vec<ScoreCell> {
    let mut drawn = [0, 1].map(|side: usize| -> Vec<(f64, f64)> {
        let steps = &meaning.steps[side];
        let (rows, positive) =
            steps.iter().fold((0, 0), |(rows, all), step| (rows + step.rows, all + step.positive));
        let of_prediction = (positive as f64 + 0.5) / (rows as f64 + 1.0);
        let doubt = 0.5 / steps.len().max(1) as f64;
        steps.iter().map(|step| (step.mean_score, share(step, of_prediction, doubt, random))).collect()
    });
    drawn.iter_mut().for_each(|steps| steps.sort_by(|a, b| a.0.total_cmp(&b.0)));
    let mut cells: Vec<ScoreCell> = Vec::new();
    for row in waiting {
        let positive_share = between(&drawn[usize::from(row.predicted)], row.score);
        let positive = random::binomial(row.times, positive_share, random);
        if cells.last().is_none_or(|cell| cell.score != row.score) {
            cells.push(ScoreCell { score: row.score, counts: [[0; 2]; 2] });
        }
        if let Some(cell) = cells.last_mut() {
            cell.counts[1][usize::from(row.predicted)] += positive;
            cell.counts[0][usize::from(row.predicted)] += row.times - positive;
        }
    }
    cells
}

/// On the line through the steps. Beyond the first and the last the line goes on, as far as the two steps at the end are apart:
/// half of the rows of a step lie there, and taken as alike they would be in no order, so that the area came out too small.
fn between(steps: &[(f64, f64)], score: f64) -> f64 {
    if let ([first, second, ..], [.., last_but_one, last]) = (steps, steps) {
        let on = |from: &(f64, f64), to: &(f64, f64)| {
            let way = ((score - to.0) / (to.0 - from.0)).clamp(0.0, 1.0);
            (to.1 + way * (to.1 - from.1)).clamp(0.0, 1.0)
        };
        match score {
            score if score < first.0 => return on(second, first),
            score if score > last.0 => return on(last_but_one, last),
            _ => {}
        }
    }
    let after = steps.partition_point(|step| step.0 < score);
    match (after.checked_sub(1).and_then(|before| steps.get(before)), steps.get(after)) {
        (Some(before), Some(after)) => {
            let way = (score - before.0) / (after.0 - before.0);
            before.1 + way * (after.1 - before.1)
        }
        (Some(only), None) | (None, Some(only)) => only.1,
        (None, None) => 0.5,
    }
}

/// A draw of the share that the counts of a step may come from: one row is added that is positive as often as all rows
/// of the prediction, so that a step with few rows leans to its neighbours and not to one half. `doubt`: half a row of
/// either kind over all steps of the prediction, since what was never seen among some rows may still be (Jeffreys).
fn share(step: &Step, of_prediction: f64, doubt: f64, random: &mut ChaCha8Rng) -> f64 {
    let negative = step.rows - step.positive;
    let mut random = Random::of(random);
    let mut gamma = |shape| random.gamma(&Gamma::new(shape));
    let a = gamma(step.positive as f64 + of_prediction + doubt);
    let b = gamma(negative as f64 + 1.0 - of_prediction + doubt);
    if a + b > 0.0 { a / (a + b) } else { of_prediction }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;

    /// Rows of a model whose scores are too sure of themselves: the chance of a positive label at score s is
    /// 0.2 + 0.6 s. `lean` moves the scores up, as drifted rows do.
    fn rows(set: u64, number: usize, lean: f64) -> Vec<(f64, bool)> {
        let mut random = random::generator(90, set);
        let row = |_| {
            let score = random.random::<f64>().powf(lean);
            (score, random.random::<f64>() < 0.2 + 0.6 * score)
        };
        (0..number).map(row).collect()
    }

    fn cells(rows: &[(f64, bool)]) -> Vec<ScoreCell> {
        let mut sorted = rows.to_vec();
        sorted.sort_by(|a, b| b.0.total_cmp(&a.0));
        let cell = |&(score, positive): &(f64, bool)| {
            let mut counts = [[0; 2]; 2];
            counts[usize::from(positive)][usize::from(score > 0.5)] = 1;
            ScoreCell { score, counts }
        };
        sorted.iter().map(cell).collect()
    }

    fn waiting(rows: &[(f64, bool)]) -> Vec<Waiting> {
        let mut waiting: Vec<Waiting> =
            rows.iter().map(|&(score, _)| Waiting { score, predicted: score > 0.5, times: 1 }).collect();
        waiting.sort_by(|a, b| b.score.total_cmp(&a.score));
        waiting
    }

    /// In 95 % of windows the truth lies within the band, also when the scores are not those of the baseline: within
    /// some standard errors of 120 windows.
    #[test]
    fn the_band_holds_the_truth_in_95_of_100_windows() {
        const WINDOWS: u64 = 120;
        for (number, lean) in [(10, 1.0), (150, 1.0), (300, 0.5)] {
            let mut inside = [0; ESTIMATED.len()];
            for window in 0..WINDOWS {
                let meaning = learn(&cells(&rows(2 * window, 1000, 1.0)));
                let truth = rows(2 * window + 1, number, lean);
                let scalars = metrics::binary(&cells(&truth));
                let estimate = estimate_by(&meaning, &waiting(&truth), 400).unwrap();
                for (inside, metric) in inside.iter_mut().zip(&estimate.metrics) {
                    let truth = metrics::value(&scalars, &metric.name).unwrap();
                    *inside += u64::from(metric.band[0] <= truth && truth <= metric.band[1]);
                }
            }
            for (name, inside) in ESTIMATED.iter().zip(inside) {
                let share = inside as f64 / WINDOWS as f64;
                assert!(share >= 0.91, "{number} rows, lean {lean}: {name} {share}");
            }
        }
    }

    /// Predictions that do not follow the score, and a small baseline: its few steps still tell the order of the rows.
    #[test]
    fn the_area_of_a_small_baseline_does_not_lean_low() {
        const WINDOWS: u64 = 150;
        let rows = |set: u64, number: usize| -> Vec<ScoreCell> {
            let mut random = random::generator(94, set);
            let mut cells: Vec<ScoreCell> =
                [0.8, 0.5, 0.2].map(|score| ScoreCell { score, counts: [[0; 2]; 2] }).into();
            for _ in 0..number {
                let at = [2, 2, 2, 1, 1, 0][random.random_range(0..6)];
                let predicted = random.random::<f64>() < cells[at].score;
                let share = [0.85, 0.5, 0.1][at] * 0.8 + 0.2 * f64::from(u8::from(predicted));
                let positive = random.random::<f64>() < share;
                cells[at].counts[usize::from(positive)][usize::from(predicted)] += 1;
            }
            cells
        };
        let (mut inside, mut lean) = (0, 0.0);
        for window in 0..WINDOWS {
            let meaning = learn(&rows(2 * window, 300));
            let truth = rows(2 * window + 1, 100);
            let waiting: Vec<Waiting> = truth
                .iter()
                .flat_map(|cell| {
                    [false, true].map(|predicted| {
                        let at = usize::from(predicted);
                        let times = cell.counts[0][at] + cell.counts[1][at];
                        Waiting { score: cell.score, predicted, times }
                    })
                })
                .collect();
            let auc = metrics::value(&metrics::binary(&truth), "auc").unwrap();
            let estimate = estimate_by(&meaning, &waiting, 400).unwrap();
            let found = estimate.metrics.iter().find(|metric| metric.name == "auc").unwrap();
            inside += u64::from(found.band[0] <= auc && auc <= found.band[1]);
            lean += (found.value - auc) / WINDOWS as f64;
        }
        println!("{inside} of {WINDOWS}, {lean:.4}");
        assert!(lean.abs() < 0.01 && inside as f64 / WINDOWS as f64 >= 0.93, "{inside} of {WINDOWS}, {lean}");
    }

    #[test]
    fn steps_hold_all_rows_and_are_never_small() {
        let meaning = learn(&cells(&rows(5, 777, 1.0)));
        let steps: Vec<&Step> = meaning.steps.iter().flatten().collect();
        assert_eq!(steps.iter().map(|step| step.rows).sum::<u64>(), 777);
        assert!(steps.iter().all(|step| step.rows >= FEWEST_ROWS));
        assert!(meaning.steps[0].windows(2).all(|two| two[0].mean_score < two[1].mean_score));
        assert!(meaning.steps[0].iter().all(|step| step.mean_score <= 0.5));
    }

    #[test]
    fn nothing_is_estimated_of_what_the_baseline_does_not_show() {
        let meaning = learn(&cells(&[(0.9, true), (0.8, false)]));
        assert_eq!(estimate(&meaning, &waiting(&[(0.1, false)]), true), None);
        assert_eq!(estimate(&meaning, &[], true), None);
        assert!(estimate(&meaning, &waiting(&[(0.7, false)]), true).is_some());
    }

    #[test]
    fn rows_of_a_prediction_that_the_baseline_never_made_are_left_out_and_counted() {
        let meaning = learn(&cells(&[(0.9, true), (0.8, false), (0.7, true)]));
        let rows = waiting(&[(0.9, true), (0.7, true), (0.3, false), (0.2, false), (0.1, false)]);
        let (known, unknown) = known(&meaning, &rows, ["no", "yes"]);
        assert_eq!(unknown, [Unknown { predicted: "no".into(), rows: 3 }]);
        assert_eq!(estimate(&meaning, &known, true).unwrap().rows, 2);
    }

    /// What was never seen among the rows of a baseline may still be: rows of which one in 200 is wrong, none of them in
    /// most baselines.
    #[test]
    fn the_band_of_a_baseline_without_a_mistake_is_no_point() {
        const WINDOWS: u64 = 200;
        let rows = |set: u64, number: usize| -> Vec<(f64, bool)> {
            let mut random = random::generator(93, set);
            (0..number)
                .map(|row| {
                    let positive = row % 2 == 0;
                    let score = if positive { 0.93 } else { 0.07 };
                    (score, positive != (random.random::<f64>() < 0.005))
                })
                .collect()
        };
        let mut inside = 0;
        for window in 0..WINDOWS {
            let meaning = learn(&cells(&rows(2 * window, 200)));
            let truth = rows(2 * window + 1, 500);
            let accuracy = metrics::value(&metrics::binary(&cells(&truth)), "accuracy").unwrap();
            let [low, high] = estimate_by(&meaning, &waiting(&truth), 400).unwrap().metrics[0].band;
            assert!(low < high);
            inside += u64::from(low <= accuracy && accuracy <= high);
        }
        assert!(inside as f64 / WINDOWS as f64 >= 0.92, "{inside} of {WINDOWS}");
    }

    /// What is left of scores are the counts of each prediction.
    #[test]
    fn rows_without_scores_mean_what_their_prediction_did() {
        let meaning = learn(&cells(&rows(6, 1000, 1.0))).by_prediction();
        for (side, steps) in meaning.steps.iter().enumerate() {
            let [step] = &steps[..] else { panic!("{steps:?}") };
            assert_eq!(step.mean_score, side as f64);
        }
        assert_eq!(meaning.steps.iter().flatten().map(|step| step.rows).sum::<u64>(), 1000);
        let predictions = [
            Waiting { score: 1.0, predicted: true, times: 300 },
            Waiting { score: 0.0, predicted: false, times: 300 },
        ];
        let found = estimate(&meaning, &predictions, false).unwrap();
        assert!(found.metrics.iter().all(|metric| metric.name != "auc"));
        let accuracy = found.metrics[0].value;
        assert!((accuracy - 0.65).abs() < 0.05, "{accuracy}");
    }

    #[test]
    fn between_two_steps_lies_a_line() {
        let steps = [(0.2, 0.1), (0.4, 0.5)];
        let on_line = [
            (0.0, 0.0),
            (0.16, 0.02),
            (0.2, 0.1),
            (0.3, 0.3),
            (0.4, 0.5),
            (0.5, 0.7),
            (0.6, 0.9),
            (9.0, 0.9),
        ];
        for (score, share) in on_line {
            assert!((between(&steps, score) - share).abs() < 1e-12, "{score}");
        }
        assert_eq!([0.0, 0.9].map(|score| between(&steps[..1], score)), [0.1; 2]);
    }
}
