//! Error of the attributions by number of coalitions, beside that of the `shap` library for the same
//! calls. Run by `make bench-shapley`.
//!
//! Figures: relative mean squared error, `mean (estimate - exact)^2 / mean exact^2` over rows, outputs
//! and features, mean over seeds 0 to 9. Library: version 0.51, the best and the default feature
//! selection (`l1_reg`), measured once on the same models with the same seeds; for the models made here,
//! `estimator=kernel`, which draws and weights coalitions as the library does.

#![allow(clippy::print_stdout, reason = "a benchmark's result is its output")]
#![allow(clippy::iter_over_hash_type, reason = "the smallest of a few numbers")]

#[path = "../tests/support/models.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod models;

use std::time::Instant;

use analyzer_job::cells::{Cells, ModelRows};
use analyzer_job::config::Aggregation;
use analyzer_job::shap::{Estimator, Task, explain};
use models::{Case, Cell, Expression, Model, Tree, cases, model_rows};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const SEEDS: u64 = 10;

fn main() {
    println!(
        "{:24} {:>3} {:>7} {:>9} {:>9} {:>9} {:>7} {:>9} {:>8}  estimator",
        "model", "M", "samples", "ours", "library", "default", "gain", "SE/error", "ms/row"
    );
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let known = cases();
    let mut gains = Vec::new();
    for case in &known {
        let shown = wanted.iter().any(|word| case.id.contains(word.as_str()));
        if shown
            || (wanted.is_empty() && ["s08", "s13", "s14", "s15"].iter().any(|id| case.id.starts_with(id)))
        {
            for errors in &case.library {
                let best = errors.relative_mse.values().copied().fold(f64::INFINITY, f64::min);
                let default = errors.relative_mse.get("ten").copied();
                line(case, errors.num_samples, best, default);
            }
        }
    }
    for seed in 0..UNSEEN.len() as u64 {
        let case = unseen(seed);
        if !wanted.is_empty() && !wanted.iter().any(|word| case.id.contains(word.as_str())) {
            continue;
        }
        let m = case.baseline[0].len() as u64;
        for n in [2 * m, 3 * m, 100, 500, 2 * m + 2048] {
            // No estimate at all has the error 1; gains over less than that are no merit.
            let library = measure(&case, n, Estimator::Kernel).error.min(1.0);
            let gain = line(&case, n, library, None);
            if n == 100 {
                gains.push(gain);
            }
        }
    }
    if !gains.is_empty() {
        let mean = (gains.iter().map(|gain: &f64| gain.ln()).sum::<f64>() / gains.len() as f64).exp();
        println!("unseen models at 100 samples: geometric mean of the gain {mean:.1}");
    }
}

fn line(case: &Case, num_samples: u64, library: f64, default: Option<f64>) -> f64 {
    let ours = measure(case, num_samples, Estimator::Auto);
    println!(
        "{:24} {:>3} {:>7} {:>9.1e} {:>9.1e} {:>9} {:>7.1e} {:>9.2} {:>8.1}  {}",
        case.id,
        case.baseline[0].len(),
        num_samples,
        ours.error,
        library,
        default.map_or("-".into(), |default| format!("{default:.1e}")),
        library / ours.error,
        ours.calibration,
        ours.milliseconds_per_row,
        ours.estimators
    );
    library / ours.error
}

struct Measured {
    error: f64,
    /// Root mean square of the standard errors told over that of the errors made.
    calibration: f64,
    milliseconds_per_row: f64,
    estimators: String,
}

fn measure(case: &Case, num_samples: u64, estimator: Estimator) -> Measured {
    let mut cells = Cells::default();
    let baseline = model_rows(&case.baseline, &mut cells);
    let rows = model_rows(&case.instances, &mut cells);
    let names: Vec<String> = (0..rows.n_features).map(|i| format!("f{i}")).collect();
    let predict = |cells: &Cells, rows: &ModelRows| case.model.predict(cells, rows);
    let stop = Default::default();
    let (mut squares, mut exact_squares, mut told, mut count) = (0.0, 0.0, 0.0, 0.0);
    let mut estimators = Vec::new();
    let mut seconds = 0.0;
    for seed in 0..SEEDS {
        let task = Task {
            cells: &cells,
            rows: &rows,
            baseline: &baseline,
            names: &names,
            explained: &[],
            num_samples: Some(num_samples),
            estimator,
            aggregation: Aggregation::MeanAbs,
            use_logit: case.link == "logit",
            seed,
            max_model_rows: None,
            target_standard_error: None,
            stop: &stop,
            for_people: false,
        };
        let mut row = 0;
        let mut check = |values: &[f64]| {
            let exact = case.shap_values[row].iter().flatten();
            for (value, exact) in values.iter().zip(exact) {
                squares += (value - exact).powi(2);
                exact_squares += exact * exact;
                count += 1.0;
            }
            row += 1;
            Ok(())
        };
        let began = Instant::now();
        let explained = explain(&task, &predict, Some(&mut check)).expect("the model answers");
        seconds += began.elapsed().as_secs_f64();
        let mut names: Vec<&str> = explained.estimators.iter().map(|used| used.estimator.as_str()).collect();
        names.dedup();
        estimators = names.into_iter().map(String::from).collect();
        for feature in explained.details.iter().flatten() {
            told += feature.local_standard_error.unwrap_or(f64::NAN) * rows.len() as f64;
        }
    }
    Measured {
        error: squares / exact_squares,
        calibration: told / count / (squares / count).sqrt(),
        milliseconds_per_row: seconds * 1e3 / (SEEDS as f64 * rows.len() as f64),
        estimators: estimators.join(", "),
    }
}

/// Kind, players, baseline rows of models that no figure was tuned on.
const UNSEEN: [(&str, usize, usize); 9] = [
    ("net", 10, 1),
    ("forest", 12, 3),
    ("net", 13, 2),
    ("forest", 16, 5),
    ("groups", 24, 1),
    ("groups", 35, 2),
    ("groups", 42, 1),
    ("forest", 50, 2),
    ("groups", 69, 1),
];

/// A random model with its exact values, found by enumerating groups of features that do not interact
/// or, for forests, each tree's own features.
fn unseen(seed: u64) -> Case {
    let (kind, players, baseline_rows) = UNSEEN[seed as usize];
    let mut random = ChaCha8Rng::seed_from_u64(1000 + seed);
    let terms: Vec<(Vec<usize>, Expression)> = match kind {
        "net" => vec![((0..players).collect(), net(players, &mut random))],
        "forest" => (0..25).map(|_| tree(players, &mut random)).collect(),
        _ => groups(players, &mut random),
    };
    let mut rows = |count: usize| -> Vec<Vec<Cell>> {
        (0..count).map(|_| (0..players).map(|_| Cell::Number(normal(&mut random))).collect()).collect()
    };
    let (baseline, instances) = (rows(baseline_rows), rows(3));
    let shap_values = instances.iter().map(|row| vec![exact(&terms, row, &baseline)]).collect();
    Case {
        id: format!("{kind} {players}, {baseline_rows} baseline"),
        link: "identity".into(),
        model: Model::Outputs(vec![Expression::Sum {
            args: terms.into_iter().map(|(_, term)| term).collect(),
        }]),
        baseline,
        instances,
        predictions_instances: Vec::new(),
        expected_value: Vec::new(),
        shap_values,
        global_mean_abs: Vec::new(),
        global_mean_sq: Vec::new(),
        global_median: Vec::new(),
        tolerance: 0.0,
        library: Vec::new(),
    }
}

/// Sum of the Shapley values of each term in the game of its own features.
fn exact(terms: &[(Vec<usize>, Expression)], row: &[Cell], baseline: &[Vec<Cell>]) -> Vec<f64> {
    let mut values = vec![0.0; row.len()];
    for (features, term) in terms {
        let m = features.len();
        let worth: Vec<f64> = (0..1usize << m)
            .map(|mask| {
                let sum: f64 = baseline
                    .iter()
                    .map(|absent| {
                        let mut mixed: Vec<_> = absent.iter().map(Cell::value).collect();
                        for (k, &feature) in features.iter().enumerate() {
                            if mask >> k & 1 == 1 {
                                mixed[feature] = row[feature].value();
                            }
                        }
                        term.at(&mixed.iter().collect::<Vec<_>>())
                    })
                    .sum();
                sum / baseline.len() as f64
            })
            .collect();
        for (k, &feature) in features.iter().enumerate() {
            for mask in (0..1usize << m).filter(|mask| mask >> k & 1 == 0) {
                let s = mask.count_ones() as usize;
                let mut weight = 1.0 / m as f64;
                for j in 1..=s {
                    weight *= j as f64 / (m - j) as f64;
                }
                values[feature] += weight * (worth[mask | 1 << k] - worth[mask]);
            }
        }
    }
    values
}

fn normal(random: &mut ChaCha8Rng) -> f64 {
    (0..12).map(|_| random.random::<f64>()).sum::<f64>() - 6.0
}

fn linear(features: &[usize], scale: f64, random: &mut ChaCha8Rng) -> Expression {
    let coef = features.iter().map(|_| scale * normal(random)).collect();
    Expression::Linear { intercept: 0.3 * normal(random), coef, features: Some(features.to_vec()) }
}

/// Two layers: a sum of eight tanh units.
fn net(players: usize, random: &mut ChaCha8Rng) -> Expression {
    let all: Vec<usize> = (0..players).collect();
    let unit = |random: &mut ChaCha8Rng| Expression::Scale {
        factor: normal(random),
        arg: Box::new(Expression::Tanh { arg: Box::new(linear(&all, 0.5, random)) }),
    };
    Expression::Sum { args: (0..8).map(|_| unit(random)).collect() }
}

/// Disjoint groups of two to six features: sigmoid, sine, product or largest.
fn groups(players: usize, random: &mut ChaCha8Rng) -> Vec<(Vec<usize>, Expression)> {
    let mut groups = Vec::new();
    let mut start = 0;
    while start < players {
        let features: Vec<usize> = (start..players.min(start + random.random_range(2..7usize))).collect();
        start += features.len();
        let inner = linear(&features, 1.0, random);
        let term = match random.random_range(0..4u32) {
            0 => Expression::Sigmoid { arg: Box::new(inner) },
            1 => Expression::Sin { arg: Box::new(inner) },
            2 => Expression::Product {
                args: features.iter().take(3).map(|&index| Expression::Feature { index }).collect(),
            },
            _ => Expression::Max {
                args: features.iter().map(|&index| Expression::Feature { index }).collect(),
            },
        };
        groups.push((
            features,
            Expression::Scale { factor: 1.0 + random.random::<f64>(), arg: Box::new(term) },
        ));
    }
    groups
}

/// A full tree of depth 3 over random features, some more often than others.
fn tree(players: usize, random: &mut ChaCha8Rng) -> (Vec<usize>, Expression) {
    let mut tree = Tree { feature: vec![], threshold: vec![], left: vec![], right: vec![], value: vec![] };
    for node in 0..15i64 {
        let leaf = node >= 7;
        let skewed = (random.random::<f64>() * random.random::<f64>() * players as f64) as i64;
        tree.feature.push(if leaf { -1 } else { skewed });
        tree.threshold.push(0.7 * normal(random));
        tree.left.push(if leaf { -1 } else { 2 * node + 1 });
        tree.right.push(if leaf { -1 } else { 2 * node + 2 });
        tree.value.push(if leaf { normal(random) } else { 0.0 });
    }
    let mut features: Vec<usize> = tree.feature.iter().filter(|f| **f >= 0).map(|f| *f as usize).collect();
    features.sort_unstable();
    features.dedup();
    (features, Expression::Forest { intercept: 0.0, trees: vec![tree] })
}
