//! How often two standard errors hold a value: a table of docs/explainability.md.

use std::f64::consts::PI;

use analyzer_job::shap::{Task, explain};
use analyzer_job::values::cells::{Cells, ModelRows, Value};
use ndarray::Array2;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::models::Data;
use super::normal;

const PLAYERS: [usize; 6] = [5, 8, 12, 20, 30, 40];
const TREES: usize = 20;

/// Its name, and the models of each kind and number of features.
const BUDGETS: [(&str, usize); 5] = [
    ("below 2 (M - 1)", 16),
    ("2 M to 4 M", 16),
    ("4 M to 200", 16),
    ("201 to 600", 4),
    ("601 to 2 M + 2048", 2),
];

#[derive(Clone, Copy)]
enum Kind {
    /// Sums of sines of one to six features, of such a frequency.
    Waves(f64),
    /// Sums of full trees of such a depth.
    Trees(usize),
}

const KINDS: [(&str, Kind); 4] = [
    ("smooth", Kind::Waves(0.4)),
    ("rough", Kind::Waves(1.2)),
    ("trees of depth 3", Kind::Trees(3)),
    ("trees of depth 6", Kind::Trees(6)),
];

enum Term {
    Wave { features: Vec<usize>, coef: Vec<f64>, shift: f64, size: f64 },
    Tree { features: Vec<usize>, thresholds: Vec<f64>, leaves: Vec<f64> },
}

/// Prints the share of the values within two standard errors by budget and kind of model.
pub(super) fn coverage() {
    println!("\n{:20} {}", "within 2 SE, percent", KINDS.map(|(name, _)| format!("{name:>17}")).join(" "));
    for (place, (name, models)) in BUDGETS.iter().enumerate() {
        let shares = KINDS.map(|(_, kind)| {
            let (mut covered, mut count) = (0usize, 0usize);
            for players in PLAYERS {
                for model in 0..*models {
                    let mut random = ChaCha8Rng::seed_from_u64(model as u64);
                    random.set_stream((players * 100 + place) as u64);
                    let (own, all) = share(kind, players, budget(place, players, &mut random), &mut random);
                    covered += own;
                    count += all;
                }
            }
            format!("{:>17.1}", 100.0 * covered as f64 / count as f64)
        });
        println!("{name:20} {}", shares.join(" "));
    }
}

fn budget(place: usize, players: usize, random: &mut ChaCha8Rng) -> u64 {
    let m = players as u64;
    match place {
        0 => random.random_range(m..2 * (m - 1)),
        1 => random.random_range(2 * m..4 * m),
        2 => random.random_range(4 * m..201),
        3 => random.random_range(201..601),
        _ => random.random_range(601..2 * m + 2049),
    }
}

/// Values of one row of a random model within two standard errors, and all; none where all coalitions are bought.
fn share(kind: Kind, players: usize, num_samples: u64, random: &mut ChaCha8Rng) -> (usize, usize) {
    if num_samples >= (1 << players) - 2 {
        return (0, 0);
    }
    let terms: Vec<Term> = match kind {
        Kind::Waves(frequency) => (0..players).map(|_| wave(players, frequency, random)).collect(),
        Kind::Trees(depth) => (0..TREES).map(|_| tree(players, depth, random)).collect(),
    };
    let mut numbers = || -> Vec<f64> { (0..players).map(|_| normal(random)).collect() };
    let (row, absent) = (numbers(), numbers());
    let mut exact = vec![0.0; players];
    terms.iter().for_each(|term| term.add_values(&row, &absent, &mut exact));
    let data = Data::numbers(&[row], &[absent]);
    let task = Task { num_samples: Some(num_samples), seed: num_samples, ..data.task() };
    let predict = |cells: &Cells, rows: &ModelRows| {
        let of = |row: usize| -> f64 {
            let x: Vec<f64> = rows.row(row).iter().map(|id| float(cells.value(*id))).collect();
            terms.iter().map(|term| term.at(&x)).sum()
        };
        Ok(Array2::from_shape_fn((rows.len(), 1), |(row, _)| of(row)))
    };
    let mut values = Vec::new();
    let mut keep = |of_row: &[f64]| {
        values.extend_from_slice(of_row);
        Ok(())
    };
    let explained = explain(&task, &predict, Some(&mut keep)).expect("the model answers");
    // Rounding is no error.
    let rounding = 1e-9 * exact.iter().fold(0.0, |largest: f64, value| largest.max(value.abs()));
    let covered = explained.details[0].iter().zip(&values).zip(&exact).filter(|((feature, value), exact)| {
        let error = feature.local_standard_error.unwrap_or(f64::NAN);
        (*value - *exact).abs() <= (2.0 * error).max(rounding)
    });
    (covered.count(), players)
}

fn float(value: &Value) -> f64 {
    match value {
        Value::Float(value) => *value,
        Value::Int(value) => *value as f64,
        _ => f64::NAN,
    }
}

fn wave(players: usize, frequency: f64, random: &mut ChaCha8Rng) -> Term {
    let mut features: Vec<usize> = (0..players).collect();
    let count = random.random_range(1..7usize).min(players);
    for place in 0..count {
        let other = random.random_range(place..players);
        features.swap(place, other);
    }
    features.truncate(count);
    let coef = features.iter().map(|_| frequency * normal(random)).collect();
    Term::Wave { features, coef, shift: 2.0 * PI * random.random::<f64>(), size: normal(random) }
}

/// A full tree over random features, some more often than others.
fn tree(players: usize, depth: usize, random: &mut ChaCha8Rng) -> Term {
    let nodes = (1 << depth) - 1;
    let mut skewed = || (random.random::<f64>() * random.random::<f64>() * players as f64) as usize;
    let features = (0..nodes).map(|_| skewed()).collect();
    let thresholds = (0..nodes).map(|_| 0.7 * normal(random)).collect();
    let leaves = (0..=nodes).map(|_| normal(random)).collect();
    Term::Tree { features, thresholds, leaves }
}

impl Term {
    fn at(&self, x: &[f64]) -> f64 {
        match self {
            Term::Wave { features, coef, shift, size } => {
                let sum: f64 = features.iter().zip(coef).map(|(&feature, coef)| coef * x[feature]).sum();
                size * (sum + shift).sin()
            }
            Term::Tree { features, thresholds, leaves } => {
                let mut node = 0;
                while node < features.len() {
                    node = 2 * node + 1 + usize::from(x[features[node]] > thresholds[node]);
                }
                leaves[node - features.len()]
            }
        }
    }

    /// Adds the Shapley values of this term alone, with one baseline row.
    fn add_values(&self, row: &[f64], absent: &[f64], values: &mut [f64]) {
        match self {
            Term::Wave { features, .. } => {
                let m = features.len();
                for mask in 0..1usize << m {
                    let mut x = absent.to_vec();
                    let members = || (0..m).filter(|k| mask >> k & 1 == 1);
                    members().for_each(|k| x[features[k]] = row[features[k]]);
                    let value = self.at(&x);
                    let size = members().count();
                    for k in 0..m {
                        let is_member = mask >> k & 1 == 1;
                        let (before, sign) = if is_member { (size - 1, 1.0) } else { (size, -1.0) };
                        values[features[k]] +=
                            sign * value * factorial(before) * factorial(m - before - 1) / factorial(m);
                    }
                }
            }
            Term::Tree { .. } => self.add_leaves(0, &mut Vec::new(), &mut Vec::new(), (row, absent), values),
        }
    }

    /// A leaf is reached when some features are present and some others are not. Then with p and q of them each of the
    /// first has (p - 1)! q! / (p + q)! of its value, and each of the others - p! (q - 1)! / (p + q)!.
    fn add_leaves(
        &self,
        node: usize,
        present: &mut Vec<usize>,
        missing: &mut Vec<usize>,
        (row, absent): (&[f64], &[f64]),
        values: &mut [f64],
    ) {
        let Term::Tree { features, thresholds, leaves } = self else { return };
        if node >= features.len() {
            let (p, q, value) = (present.len(), missing.len(), leaves[node - features.len()]);
            for &feature in present.iter() {
                values[feature] += value * factorial(p - 1) * factorial(q) / factorial(p + q);
            }
            for &feature in missing.iter() {
                values[feature] -= value * factorial(p) * factorial(q - 1) / factorial(p + q);
            }
            return;
        }
        let feature = features[node];
        let sides = [row, absent].map(|x| usize::from(x[feature] > thresholds[node]));
        if sides[0] == sides[1] {
            return self.add_leaves(2 * node + 1 + sides[0], present, missing, (row, absent), values);
        }
        if !missing.contains(&feature) {
            let is_new = !present.contains(&feature);
            present.extend(is_new.then_some(feature));
            self.add_leaves(2 * node + 1 + sides[0], present, missing, (row, absent), values);
            present.truncate(present.len() - usize::from(is_new));
        }
        if !present.contains(&feature) {
            let is_new = !missing.contains(&feature);
            missing.extend(is_new.then_some(feature));
            self.add_leaves(2 * node + 1 + sides[1], present, missing, (row, absent), values);
            missing.truncate(missing.len() - usize::from(is_new));
        }
    }
}

fn factorial(n: usize) -> f64 {
    (1..=n).map(|k| k as f64).product()
}
