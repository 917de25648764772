//! The tables of docs/model-quality.md: how often intervals and estimated bands hold the true value.
//!
//! `cargo run --release -p analyzer-job --example performance_tables -- 400` prints them as Markdown, from 400 samples for
//! each entry. Seeds are fixed: the same number gives the same tables.

use std::error::Error;
use std::io::{Write as _, stdout};

use analyzer_job::performance::details::ConfusionDetails;
use analyzer_job::performance::estimate::{self, Estimate};
use analyzer_job::performance::intervals;
use analyzer_job::performance::metrics::{self, Counts, Scalar};
use analyzer_job::performance::outcomes::{Outcomes, ProblemType, Question, Row};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Cells that the bootstrap of an interval draws at most.
const DRAWN: u64 = 1_000_000;
const SIZES: &[u64] = &[50, 200, 1000, 5000];
const OF_NUMBERS: &[u64] = &[100, 200, 500, 1000, 5000];
/// Of populations with a rare class.
const OF_RARE: &[u64] = &[300, 1000, 5000];
/// Rows of the baseline and of the window, and how far the window leans to high scores (1: as the baseline).
const WINDOWS: [(u64, u64, f64); 8] = [
    (1000, 150, 1.0),
    (1000, 150, 0.5),
    (1000, 1000, 1.0),
    (1000, 1000, 0.5),
    (5000, 1000, 1.0),
    (5000, 1000, 0.5),
    (1000, 10, 1.0),
    (1000, 50, 1.0),
];
/// Rows from which the true values of a population are computed.
const POPULATION: u64 = 1_000_000;

/// A population of rows.
#[derive(Clone, Copy)]
struct World {
    name: &'static str,
    problem: ProblemType,
    metrics: &'static [&'static str],
    /// None: nothing is estimated.
    estimated: &'static [&'static str],
    /// Rows of the samples that intervals come from.
    sizes: &'static [u64],
    /// A row as label, prediction and score. `lean`: the power of a uniform number that gives score or prediction.
    row: fn(&mut ChaCha8Rng, f64) -> [String; 3],
    /// Lean of the population.
    lean: f64,
}

const BINARY: &[&str] = &["recall", "precision", "accuracy", "false_positive_rate", "f1", "f2", "auc"];
const OF_SCORES: &[&str] = &["accuracy", "precision", "recall", "f1", "false_positive_rate", "auc"];
const CLASSES: &[&str] = &["accuracy", "weighted_precision", "weighted_f1", "weighted_f2"];

const WORLDS: [World; 9] = [
    World {
        name: "binary, half positive",
        problem: ProblemType::BinaryClassification,
        metrics: BINARY,
        estimated: OF_SCORES,
        sizes: SIZES,
        row: binary,
        lean: 1.0,
    },
    World {
        name: "binary, a fifth positive",
        problem: ProblemType::BinaryClassification,
        metrics: BINARY,
        estimated: OF_SCORES,
        sizes: SIZES,
        row: binary,
        lean: 4.0,
    },
    RARE,
    World { name: "binary, 5 % positive", lean: 19.0, ..RARE },
    World { name: "binary, 2 % positive", lean: 49.0, ..RARE },
    World {
        name: "five classes",
        problem: ProblemType::MulticlassClassification,
        metrics: CLASSES,
        estimated: CLASSES,
        sizes: SIZES,
        row: classes,
        lean: 1.0,
    },
    World {
        name: "regression",
        problem: ProblemType::Regression,
        metrics: &["mae", "mse", "rmse", "r2"],
        estimated: &["mae", "mse", "rmse"],
        sizes: OF_NUMBERS,
        row: numbers,
        lean: 1.0,
    },
    World {
        name: "regression, errors of Student's t with 3 degrees of freedom",
        row: of_heavy_tails,
        ..NUMBERS
    },
    World { name: "regression, log-normal errors", row: of_lognormal, ..NUMBERS },
];

/// Regressions of which some errors are far larger than the rest.
const NUMBERS: World = World {
    name: "",
    problem: ProblemType::Regression,
    metrics: &["mae", "mse", "rmse", "r2"],
    estimated: &[],
    sizes: OF_NUMBERS,
    row: numbers,
    lean: 1.0,
};

const RARE: World = World {
    name: "binary, 10 % positive",
    problem: ProblemType::BinaryClassification,
    metrics: &["recall", "precision", "accuracy", "false_positive_rate", "f1", "f2", "auc", "au_prc"],
    estimated: &[],
    sizes: OF_RARE,
    row: rare,
    lean: 9.0,
};

/// Scores that mean what they say.
fn binary(random: &mut ChaCha8Rng, lean: f64) -> [String; 3] {
    let score = random.random::<f64>().powf(lean);
    let positive = random.random::<f64>() < score;
    [u8::from(positive).to_string(), u8::from(score > 0.5).to_string(), score.to_string()]
}

/// A good model of a rare class: `lean` negative rows for each positive one, an area of 0.983.
fn rare(random: &mut ChaCha8Rng, lean: f64) -> [String; 3] {
    let positive = random.random::<f64>() * (1.0 + lean) < 1.0;
    let score = normal(random) + if positive { 3.0 } else { 0.0 };
    [u8::from(positive).to_string(), u8::from(score > 2.0).to_string(), score.to_string()]
}

/// Classes of which the higher ones are predicted better.
fn classes(random: &mut ChaCha8Rng, lean: f64) -> [String; 3] {
    let predicted = (5.0 * random.random::<f64>().powf(lean)) as u8;
    let is_right = random.random::<f64>() < 0.5 + 0.1 * f64::from(predicted);
    let label = if is_right { predicted } else { (predicted + 1) % 5 };
    [label.to_string(), predicted.to_string(), String::new()]
}

/// Normal errors that grow with the prediction.
fn numbers(random: &mut ChaCha8Rng, lean: f64) -> [String; 3] {
    let prediction = 10.0 * random.random::<f64>().powf(lean);
    let label = prediction + (0.5 + 0.2 * prediction) * normal(random);
    [label.to_string(), prediction.to_string(), String::new()]
}

/// Errors of which few are far larger than the others.
fn of_heavy_tails(random: &mut ChaCha8Rng, lean: f64) -> [String; 3] {
    let squares: f64 = (0..3).map(|_| normal(random).powi(2)).sum();
    let error = normal(random) / (squares / 3.0).sqrt();
    of_error(random, lean, error)
}

/// Errors of which the large ones are all on one side.
fn of_lognormal(random: &mut ChaCha8Rng, lean: f64) -> [String; 3] {
    let error = normal(random).exp() - 0.5_f64.exp();
    of_error(random, lean, error)
}

fn of_error(random: &mut ChaCha8Rng, lean: f64, error: f64) -> [String; 3] {
    let prediction = 10.0 * random.random::<f64>().powf(lean);
    [(prediction + error).to_string(), prediction.to_string(), String::new()]
}

/// A draw of the standard normal distribution.
fn normal(random: &mut ChaCha8Rng) -> f64 {
    let radius = (-2.0 * (1.0 - random.random::<f64>()).ln()).sqrt();
    radius * (std::f64::consts::TAU * random.random::<f64>()).cos()
}

impl World {
    /// `waiting`: the rows lack their label.
    fn take(&self, rows: &[[String; 3]], waiting: bool) -> Outcomes {
        let score = self.problem == ProblemType::BinaryClassification;
        let question =
            Question { problem: self.problem, prediction: true, score, threshold: 0.5, positive_label: None };
        let mut outcomes = Outcomes::new(question);
        for [label, prediction, score] in rows {
            let label = Some(label.as_str()).filter(|_| !waiting);
            // A row without its label is refused and kept for estimates.
            let _ = outcomes.update(Row { label, prediction: Some(prediction), score: Some(score) });
        }
        outcomes
    }

    fn rows(&self, number: u64, lean: f64, random: &mut ChaCha8Rng) -> Vec<[String; 3]> {
        (0..number).map(|_| (self.row)(random, lean * self.lean)).collect()
    }

    fn counts(&self, rows: &[[String; 3]]) -> Result<Counts, Box<dyn Error>> {
        let outcomes = self.take(rows, false);
        Ok(match self.problem {
            ProblemType::BinaryClassification => {
                Counts::Binary(outcomes.binary().map_err(|names| names.join(", "))?)
            }
            ProblemType::MulticlassClassification => Counts::Multiclass(outcomes.multiclass()),
            ProblemType::Regression => Counts::Regression(outcomes.regression()),
        })
    }

    /// The estimate for rows whose labels are not there yet.
    fn estimate(&self, baseline: &Counts, window: &[[String; 3]]) -> Option<Estimate> {
        let waiting = self.take(window, true);
        match baseline {
            Counts::Binary(then) => {
                // Names both classes, of which the rows of a window may show only one.
                let named = ["0", "1"].map(|class| [class, class, "0.5"].map(String::from));
                let mut both = self.take(&named, false);
                both.merge(&waiting).ok()?;
                estimate::estimate(&estimate::learn(&then.cells), &both.binary().ok()?.waiting, true)
            }
            Counts::Multiclass(then) => {
                let cells = then.cells.iter().map(|cell| ConfusionDetails {
                    actual: then.names[cell.actual].clone(),
                    predicted: then.names[cell.predicted].clone(),
                    rows: cell.times,
                    share: 0.0,
                    baseline_share: None,
                    p_value: None,
                });
                estimate::classes::estimate(&cells.collect::<Vec<_>>(), &waiting.waiting_by_class())
            }
            Counts::Regression(then) => {
                let meaning = estimate::numbers::learn(&then.pairs)?;
                estimate::numbers::estimate(&meaning, &waiting.waiting_predictions())
            }
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let samples: u64 = std::env::args().nth(1).map_or(Ok(400), |text| text.parse())?;
    let mut text = String::from("Coverage of the 95 % intervals:\n");
    for world in WORLDS {
        text.push_str(&coverage(&world, samples)?);
    }
    text.push_str("\nWindows whose true value lies in the band of its estimate:\n");
    for world in WORLDS.into_iter().filter(|world| !world.estimated.is_empty()) {
        text.push_str(&estimates(&world, samples)?);
    }
    stdout().write_all(text.as_bytes())?;
    Ok(())
}

fn head(first: &str, metrics: &[&str]) -> String {
    let names: Vec<String> = metrics.iter().map(|name| format!("`{name}`")).collect();
    format!("\n| {first} | {} |\n|---|{}\n", names.join(" | "), "---|".repeat(metrics.len()))
}

fn line(first: String, held: &[[u64; 2]]) -> String {
    let share = |[inside, of]: &[u64; 2]| match of {
        0 => "too few".into(),
        _ => format!("{:.1}", 100.0 * *inside as f64 / *of as f64),
    };
    format!("| {first} | {} |\n", held.iter().map(share).collect::<Vec<_>>().join(" | "))
}

fn coverage(world: &World, samples: u64) -> Result<String, Box<dyn Error>> {
    let mut random = ChaCha8Rng::seed_from_u64(0);
    let truth = world.counts(&world.rows(POPULATION, 1.0, &mut random))?.scalars();
    let mut text = head(&format!("{}, rows", world.name), world.metrics);
    for &rows in world.sizes {
        let mut held = vec![[0; 2]; world.metrics.len()];
        for _ in 0..samples {
            let counts = world.counts(&world.rows(rows, 1.0, &mut random))?;
            let scalars: Vec<Scalar> =
                counts.scalars().into_iter().filter(|scalar| world.metrics.contains(&scalar.0)).collect();
            let spreads = intervals::spreads(&counts, &scalars, DRAWN);
            for (scalar, spread) in scalars.iter().zip(spreads) {
                let at = world.metrics.iter().position(|name| *name == scalar.0);
                if let (Some(at), Some([low, high]), Some(truth)) =
                    (at, spread.interval, metrics::value(&truth, scalar.0))
                {
                    held[at][0] += u64::from(low <= truth && truth <= high);
                    held[at][1] += 1;
                }
            }
        }
        text.push_str(&line(rows.to_string(), &held));
    }
    Ok(text)
}

fn estimates(world: &World, samples: u64) -> Result<String, Box<dyn Error>> {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let mut text = head(&format!("{}, rows of baseline / window", world.name), world.estimated);
    for (then, now, lean) in WINDOWS {
        let mut held = vec![[0; 2]; world.estimated.len()];
        for _ in 0..samples {
            let baseline = world.counts(&world.rows(then, 1.0, &mut random))?;
            let window = world.rows(now, lean, &mut random);
            let truth = world.counts(&window)?.scalars();
            let Some(estimate) = world.estimate(&baseline, &window) else { continue };
            for (metric, held) in estimate.metrics.iter().zip(&mut held) {
                let [low, high] = metric.band;
                let truth = metrics::value(&truth, &metric.name).unwrap_or(f64::NAN);
                held[0] += u64::from(low <= truth && truth <= high);
                held[1] += 1;
            }
        }
        let drift = if lean < 1.0 { ", drifted" } else { "" };
        text.push_str(&line(format!("{then} / {now}{drift}"), &held));
    }
    Ok(text)
}
