//! From the counts of a run and its baseline to everything that is written and shown.

use std::collections::HashMap;

use super::baseline::Baseline;
use super::calibration;
use super::chosen;
use super::classes::same;
use super::compared;
use super::constraints::{self, Breach, Constraint};
use super::curves;
use super::details::{
    ClassDetails, ConfusionDetails, Distribution, GroupDetails, MetricDetails, MetricVerdict, QualityDetails,
    RESIDUAL_SHARES, Residuals,
};
use super::estimate::{self, Estimate, Unknown};
use super::fit::Classes;
use super::group::Group;
use super::intervals::{self, Spread};
use super::metrics::{self, Counts, Scalar};
use super::moved::{self, Side, Test, Verdict};
use super::notes;
use super::outcomes::{Binary, Multiclass, Outcomes, ProblemType};
use super::statistics::Statistics;
use crate::drift::error_rate::holm;
use crate::results::details::RunDetails;

/// What a run found.
#[derive(Debug)]
pub struct Findings {
    pub statistics: Statistics,
    pub spreads: Vec<Spread>,
    /// What `constraint_violations.json` reports.
    pub breaches: Vec<Breach>,
    pub details: QualityDetails,
}

/// The counts of the rows with a label.
///
/// # Errors
/// The names of the classes of a binary problem, when they are more than two.
pub fn counts(outcomes: &Outcomes) -> Result<Counts, Vec<String>> {
    Ok(match outcomes.question().problem {
        ProblemType::BinaryClassification => Counts::Binary(outcomes.binary()?),
        ProblemType::MulticlassClassification => Counts::Multiclass(outcomes.multiclass()),
        ProblemType::Regression => Counts::Regression(outcomes.regression()),
    })
}

/// Measures, judges and tells.
///
/// # Errors
/// As `counts`, also for the rows of a group.
pub fn findings(
    outcomes: &Outcomes,
    groups: &[Group],
    baseline: &Baseline,
    run: RunDetails,
) -> Result<Findings, Vec<String>> {
    let counts = counts(outcomes)?;
    let problem = outcomes.question().problem;
    let scalars = counts.scalars();
    let deviations = super::deviations::deviations(&counts);
    let statistics = Statistics { problem, counts, scalars, deviations };
    let spreads = intervals::spreads(&statistics.counts, &statistics.scalars, intervals::MOST_DRAWN);
    let (breaches, left_out) = match &baseline.constraints {
        Some(constraints) => constraints::judge(&statistics, constraints),
        None => Default::default(),
    };
    let rows = statistics.counts.rows();
    let mut details = QualityDetails {
        run,
        problem_type: problem.name().into(),
        rows,
        rows_without_label: outcomes.waiting(),
        judged: judged(&statistics, baseline),
        metrics: metric_details(&statistics, &spreads, baseline, &breaches, &left_out),
        groups: group_details(groups, baseline)?,
        ..QualityDetails::default()
    };
    fill(&mut details, &statistics.counts, outcomes, baseline);
    details.notes = notes::notes(outcomes, &statistics, &details, &left_out);
    if let (Counts::Multiclass(counts), Classes::Several(then)) = (&statistics.counts, &baseline.classes) {
        details.notes.extend(notes::new_classes(counts, then));
        details.notes.extend(notes::vanished_classes(counts, then));
        details.class_doubt = notes::mostly_new_classes(counts, then);
        details.mostly_new_classes = details.class_doubt.is_some();
    }
    details.notes.extend(notes::not_estimated(&details.not_estimated));
    details.notes.extend(baseline.doubt.clone());
    details.notes.extend(groups.iter().filter_map(notes::not_told));
    if !scores_on_both(&statistics.counts, baseline.details.as_ref()) {
        let (with, without) = match &statistics.counts {
            Counts::Binary(binary) if binary.has_scores => ("this run", "the baseline"),
            _ => ("the baseline", "this run"),
        };
        details.notes.push(format!(
            "Of scores only {with} knows: `probability_attribute` is not set in {without}, whose areas are those of predictions as \
             0 and 1 and are not compared."
        ));
    }
    Ok(Findings { statistics, spreads, breaches, details })
}

/// Whether a metric was held against a threshold.
fn judged(statistics: &Statistics, baseline: &Baseline) -> bool {
    let constraints = baseline.constraints.as_deref();
    constraints.is_some_and(|found| compared::check_compared(statistics, found).is_ok())
}

/// Scores without any label: only what can be told without.
pub fn unlabelled(outcomes: &Outcomes, baseline: &Baseline, run: RunDetails) -> QualityDetails {
    let problem = outcomes.question().problem;
    let mut details = QualityDetails {
        run,
        problem_type: problem.name().into(),
        rows_without_label: outcomes.waiting(),
        notes: vec!["No row has its label yet: everything here is an estimate.".into()],
        ..QualityDetails::default()
    };
    match problem {
        ProblemType::BinaryClassification => {
            if let Ok(binary) = outcomes.binary() {
                fill(&mut details, &Counts::Binary(binary), outcomes, baseline);
            }
        }
        // Tables of labels would be empty.
        ProblemType::MulticlassClassification | ProblemType::Regression => {
            if let Some(then) = &baseline.details {
                (details.estimate, details.not_estimated) = estimated(outcomes, then);
            }
        }
    }
    details.notes.extend(notes::not_estimated(&details.not_estimated));
    details
}

/// The estimate for the rows without a label of a problem that is not binary.
fn estimated(outcomes: &Outcomes, then: &QualityDetails) -> (Option<Estimate>, Vec<Unknown>) {
    match outcomes.question().problem {
        ProblemType::Regression => {
            let meaning = then.error_meaning.as_ref();
            let waiting = outcomes.waiting_predictions();
            (meaning.and_then(|meaning| estimate::numbers::estimate(meaning, &waiting)), Vec::new())
        }
        _ => {
            let (known, unknown) = estimate::classes::known(&then.confusion, &outcomes.waiting_by_class());
            (estimate::classes::estimate(&then.confusion, &known), unknown)
        }
    }
}

/// Whether the positive class of the run is the negative one of the baseline, whose scores then speak of the other class.
fn is_other_side(binary: &Binary, baseline: &Baseline) -> bool {
    let positive = &binary.sides.names[binary.sides.positive];
    baseline.sides_of_classes().is_some_and(|[negative, _]| same(negative, positive))
}

/// What depends on the kind of problem.
fn fill(details: &mut QualityDetails, counts: &Counts, outcomes: &Outcomes, baseline: &Baseline) {
    let then = baseline.details.as_ref();
    match counts {
        Counts::Binary(binary) => {
            let positive = binary.sides.positive;
            details.classes =
                Some([binary.sides.names[1 - positive].clone(), binary.sides.names[positive].clone()]);
            let question = outcomes.question();
            details.threshold = (question.score && !question.prediction).then_some(question.threshold);
            let roc = curves::roc(&binary.cells);
            details.roc = thinned(&roc.false_positive_rates, &roc.true_positive_rates);
            let curve = curves::precision_recall(&binary.cells);
            details.precision_recall = thinned(&curve.recalls, &curve.precisions);
            let confusion = metrics::confusion(&binary.cells);
            let names = [&binary.sides.names[1 - positive], &binary.sides.names[positive]];
            let cells = (0..2).flat_map(|actual| (0..2).map(move |predicted| (actual, predicted)));
            let cells = cells.map(|(a, p)| (names[a].clone(), names[p].clone(), confusion[a][p])).collect();
            details.confusion = confusions(cells, then);
            if binary.has_scores {
                details.calibration = calibration::calibration(&binary.cells);
                let labelled =
                    binary.cells.iter().map(|cell| (cell.score, cell.counts.iter().flatten().sum()));
                let waiting = binary.waiting.iter().map(|row| (row.score, row.times));
                details.scores = distribution(labelled.chain(waiting), then, Some([0.0, 1.0]));
            }
            details.score_meaning = (!binary.cells.is_empty()).then(|| estimate::learn(&binary.cells));
            if let Some(meaning) = then.and_then(|then| then.score_meaning.as_ref()) {
                let names = [names[0].as_str(), names[1].as_str()];
                let (mut known, unknown) = estimate::known(meaning, &binary.waiting, names);
                let others = binary.unknown.iter();
                let others = others.map(|(name, rows)| Unknown { predicted: name.clone(), rows: *rows });
                details.not_estimated = unknown.into_iter().chain(others).collect();
                if is_other_side(binary, baseline) && !known.is_empty() {
                    details.class_doubt = Some(format!(
                        "Rows without a label are not estimated: `{}` is the positive class of this run and the negative one of the \
                         baseline.",
                        binary.sides.names[positive]
                    ));
                    known.clear();
                }
                details.estimate = match scores_on_both(counts, then) {
                    true => estimate::estimate(meaning, &known, binary.has_scores),
                    // What they have in common is the prediction.
                    false => estimate::estimate(&meaning.by_prediction(), &known, false),
                };
            }
        }
        Counts::Multiclass(multiclass) => {
            let cells = multiclass.cells.iter();
            let cells = cells
                .map(|cell| {
                    (
                        multiclass.names[cell.actual].clone(),
                        multiclass.names[cell.predicted].clone(),
                        cell.times,
                    )
                })
                .collect();
            details.confusion = confusions(cells, then);
            details.by_class = by_class(multiclass, then);
            if let Some(then) = then {
                (details.estimate, details.not_estimated) = estimated(outcomes, then);
            }
        }
        Counts::Regression(regression) => {
            let pairs = &regression.pairs;
            details.scores = distribution(pairs.iter().map(|pair| (pair.prediction, pair.times)), then, None);
            details.residuals =
                residuals(pairs.iter().map(|pair| (pair.prediction - pair.label, pair.times)));
            details.error_meaning = estimate::numbers::learn(pairs);
            details.estimate = then.and_then(|then| estimated(outcomes, then).0);
        }
    }
    if let Some(then) = then {
        details.baseline_scores = then.scores.clone().filter(|_| details.scores.is_some());
        details.baseline_residuals = then.residuals.clone();
    }
}

/// Whether a metric is compared with its baseline.
fn is_tested(problem: ProblemType, name: &str) -> bool {
    constraints::constrained(problem).contains(&name) || name == "au_prc"
}

/// Whether the areas of run and baseline are of the same kind: from scores, or from predictions as 0 and 1.
fn scores_on_both(counts: &Counts, then: Option<&QualityDetails>) -> bool {
    match counts {
        Counts::Binary(binary) => then.is_none_or(|then| then.scores.is_some() == binary.has_scores),
        _ => true,
    }
}

fn metric_details(
    statistics: &Statistics,
    spreads: &[Spread],
    baseline: &Baseline,
    breaches: &[Breach],
    left_out: &[Breach],
) -> Vec<MetricDetails> {
    let (problem, scalars, rows) = (statistics.problem, &statistics.scalars, statistics.counts.rows());
    let areas = scores_on_both(&statistics.counts, baseline.details.as_ref());
    let now = |at: usize| scalars[at].1.map(|value| Side { value, spread: spreads[at], rows });
    let compared: Vec<_> = scalars
        .iter()
        .enumerate()
        .map(|(at, (name, _))| {
            let is_tested = is_tested(problem, name) && (areas || !["auc", "au_prc"].contains(name));
            let then = baseline.sides.get(*name).copied().filter(|_| is_tested);
            (*name, now(at), then)
        })
        .collect();
    let tests = moved::test(&compared);
    let constraint_of = |name: &str| {
        baseline.constraints.iter().flatten().find(|constraint: &&Constraint| constraint.metric == name)
    };
    let (positions, held_against): (Vec<usize>, Vec<_>) = (0..scalars.len())
        .filter_map(|at| {
            let constraint = constraint_of(scalars[at].0).filter(|found| baseline.is_chosen(found))?;
            Some((at, (now(at)?, constraint)))
        })
        .unzip();
    let held = chosen::hold(&held_against);
    let details = |(at, test): (usize, Test)| {
        let (name, value) = scalars[at];
        let constraint = constraint_of(name);
        MetricDetails {
            name: name.into(),
            value,
            standard_error: spreads[at].standard_error,
            interval: spreads[at].interval,
            share: spreads[at].share,
            baseline: baseline.sides.get(name).map(|side| side.value),
            threshold: constraint.map(|constraint| constraint.threshold),
            violated: breaches.iter().chain(left_out).any(|breach| breach.metric == name),
            verdict: match test.verdict {
                Verdict::Moved => MetricVerdict::Moved,
                Verdict::Held => MetricVerdict::Held,
                Verdict::TooFewRows => MetricVerdict::TooFewRows,
                Verdict::NoBaseline => MetricVerdict::NotCompared,
            },
            p_value: test.p_value,
            against_threshold: positions.iter().position(|&position| position == at).map(|at| held[at]),
        }
    };
    tests.into_iter().enumerate().map(details).collect()
}

/// Cells of a matrix, row by row, each beside that of the baseline.
fn confusions(cells: Vec<(String, String, u64)>, then: Option<&QualityDetails>) -> Vec<ConfusionDetails> {
    let totals = |cells: &mut dyn Iterator<Item = (&str, u64)>| {
        let mut totals: HashMap<String, u64> = HashMap::new();
        cells.for_each(|(actual, rows)| *totals.entry(actual.into()).or_default() += rows);
        totals
    };
    let now = totals(&mut cells.iter().map(|(actual, _, rows)| (actual.as_str(), *rows)));
    let before = then.map(|then| {
        let totals = totals(&mut then.confusion.iter().map(|cell| (cell.actual.as_str(), cell.rows)));
        let cells: HashMap<(&str, &str), u64> = then
            .confusion
            .iter()
            .map(|cell| ((cell.actual.as_str(), cell.predicted.as_str()), cell.rows))
            .collect();
        (totals, cells)
    });
    let mut found: Vec<ConfusionDetails> = cells
        .into_iter()
        .map(|(actual, predicted, rows)| {
            let whole = now.get(&actual).copied().unwrap_or(0);
            let counts = before.as_ref().and_then(|(totals, cells)| {
                let whole = totals.get(&actual).copied().filter(|&whole| whole > 0)?;
                Some([cells.get(&(actual.as_str(), predicted.as_str())).copied().unwrap_or(0), whole])
            });
            let p_value =
                counts.filter(|_| actual != predicted).and_then(|then| moved::differ([rows, whole], then));
            ConfusionDetails {
                share: curves::ratio(rows, whole),
                baseline_share: counts.map(|[part, whole]| curves::ratio(part, whole)),
                actual,
                predicted,
                rows,
                p_value,
            }
        })
        .collect();
    let tested: Vec<usize> = (0..found.len()).filter(|&at| found[at].p_value.is_some()).collect();
    let adjusted = holm(&tested.iter().filter_map(|&at| found[at].p_value).collect::<Vec<f64>>());
    for (at, p) in tested.into_iter().zip(adjusted) {
        found[at].p_value = Some(p);
    }
    found
}

fn by_class(counts: &Multiclass, then: Option<&QualityDetails>) -> Vec<ClassDetails> {
    let before = |name: &str| then.and_then(|then| then.by_class.iter().find(|class| class.name == name));
    counts
        .names
        .iter()
        .zip(metrics::class_counts(counts))
        .map(|(name, class)| ClassDetails {
            name: name.clone(),
            rows: class.actual,
            predicted: class.predicted,
            recall: (class.actual > 0).then(|| class.recall()),
            recall_interval: intervals::wilson(class.hits, class.actual),
            precision: (class.predicted > 0).then(|| class.precision()),
            precision_interval: intervals::wilson(class.hits, class.predicted),
            f1: class.f_score(1.0),
            baseline_recall: before(name).and_then(|class| class.recall),
            baseline_precision: before(name).and_then(|class| class.precision),
        })
        .collect()
}

/// Bins of the baseline where there is one, else `range` when it holds all values, else from the least to the largest.
fn distribution(
    values: impl Iterator<Item = (f64, u64)> + Clone,
    then: Option<&QualityDetails>,
    range: Option<[f64; 2]>,
) -> Option<Distribution> {
    let least = values.clone().map(|value| value.0).fold(f64::INFINITY, f64::min);
    let most = values.clone().map(|value| value.0).fold(f64::NEG_INFINITY, f64::max);
    if least > most {
        return None;
    }
    let [low, high] = match (then.and_then(|then| then.scores.as_ref()), range) {
        (Some(then), _) => [then.low, then.high],
        (None, Some([low, high])) if low <= least && most <= high => [low, high],
        _ => [least, most],
    };
    let mut distribution = Distribution::new(low, high);
    values.for_each(|(value, times)| distribution.add(value, times));
    Some(distribution)
}

fn residuals(values: impl Iterator<Item = (f64, u64)>) -> Option<Residuals> {
    let mut values: Vec<(f64, u64)> = values.collect();
    values.sort_by(|a, b| a.0.total_cmp(&b.0));
    let rows: u64 = values.iter().map(|value| value.1).sum();
    let mean = values.iter().map(|&(value, times)| value * times as f64).sum::<f64>() / rows as f64;
    let quantile = |share: f64| {
        // The smallest value that at least this share of the rows does not exceed.
        let wanted = ((share * rows as f64).ceil() as u64).max(1);
        let mut below = 0;
        let found = values.iter().find(|value| {
            below += value.1;
            below >= wanted
        });
        found.map_or(f64::NAN, |value| value.0)
    };
    (rows > 0 && mean.is_finite()).then(|| Residuals { mean, quantiles: RESIDUAL_SHARES.map(quantile) })
}

/// At most about a hundred points of a curve, its ends among them.
fn thinned(x: &[f64], y: &[f64]) -> Vec<[f64; 2]> {
    const MOST: usize = 100;
    let step = x.len().div_ceil(MOST).max(1);
    let last = x.len().saturating_sub(1);
    (0..x.len()).filter(|at| at % step == 0 || *at == last).map(|at| [x[at], y[at]]).collect()
}

/// Cells that the bootstrap draws for one group, at most.
const DRAWN_PER_GROUP: u64 = 1_000_000;

/// What is told of a group.
fn telling(problem: ProblemType) -> &'static [&'static str] {
    match problem {
        ProblemType::BinaryClassification => {
            &["accuracy", "recall", "precision", "false_positive_rate", "auc", "f1"]
        }
        ProblemType::MulticlassClassification => &["accuracy", "weighted_precision", "weighted_f1"],
        ProblemType::Regression => &["mae", "rmse", "r2"],
    }
}

/// Whether a group has rows of what a metric is about. The metrics of all rows are 0 without them, as the hosted service has it.
fn means_something(counts: &Counts, name: &str) -> bool {
    let Counts::Binary(binary) = counts else { return true };
    let [[tn, fp], [missed, hits]] = metrics::confusion(&binary.cells);
    match name {
        "recall" | "f1" => missed + hits > 0,
        "precision" => fp + hits > 0,
        "false_positive_rate" => tn + fp > 0,
        "auc" => missed + hits > 0 && tn + fp > 0,
        _ => true,
    }
}

fn group_details(groups: &[Group], baseline: &Baseline) -> Result<Vec<GroupDetails>, Vec<String>> {
    let before = |column: &str, value: &str, metric: &str| {
        let groups = &baseline.details.as_ref()?.groups;
        let group = groups.iter().find(|group| group.column == column && group.value == value)?;
        group.metrics.iter().find(|found| found.name == metric)?.value
    };
    let mut found = Vec::new();
    for group in groups {
        for (value, outcomes) in group.largest() {
            let problem = outcomes.question().problem;
            let counts = counts(outcomes)?;
            let scalars: Vec<Scalar> =
                counts.scalars().into_iter().filter(|scalar| telling(problem).contains(&scalar.0)).collect();
            let spreads = intervals::spreads(&counts, &scalars, DRAWN_PER_GROUP);
            let metrics = scalars.iter().zip(spreads).map(|(&(name, now), spread)| MetricDetails {
                name: name.into(),
                value: now.filter(|_| means_something(&counts, name)),
                standard_error: spread.standard_error,
                interval: spread.interval,
                share: spread.share,
                baseline: before(&group.column, value, name),
                threshold: None,
                violated: false,
                verdict: MetricVerdict::NotCompared,
                p_value: None,
                against_threshold: None,
            });
            found.push(GroupDetails {
                column: group.column.clone(),
                value: value.into(),
                rows: counts.rows(),
                metrics: metrics.collect(),
            });
        }
    }
    Ok(found)
}
