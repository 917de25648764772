//! A slow twin of the metrics and of their deviations: generated rows, one formula after the other, row by row, without
//! the counts and cells of the program.

use rand::RngExt;

use super::deviations::{self, deviations};
use super::metrics::Counts;
use super::outcomes::tests::{outcomes, question};
use super::outcomes::{Outcomes, ProblemType};
use super::random;

/// Label, prediction, score.
type Rows = Vec<(f64, f64, f64)>;

fn share(
    rows: &Rows,
    part: impl Fn(&(f64, f64, f64)) -> bool,
    whole: impl Fn(&(f64, f64, f64)) -> bool,
) -> f64 {
    let whole: Vec<_> = rows.iter().filter(|row| whole(row)).collect();
    if whole.is_empty() {
        0.0
    } else {
        whole.iter().filter(|row| part(row)).count() as f64 / whole.len() as f64
    }
}

fn f(beta: f64, precision: f64, recall: f64) -> f64 {
    match precision + recall {
        0.0 => 0.0,
        _ => (1.0 + beta.powi(2)) / (1.0 / precision + beta.powi(2) / recall),
    }
}

/// The chance that a positive row has the higher score, pair by pair.
fn auc(rows: &Rows) -> f64 {
    let (mut won, mut pairs) = (0.0, 0.0);
    for positive in rows.iter().filter(|row| row.0 == 1.0) {
        for negative in rows.iter().filter(|row| row.0 == 0.0) {
            pairs += 1.0;
            won += match positive.2.total_cmp(&negative.2) {
                std::cmp::Ordering::Greater => 1.0,
                std::cmp::Ordering::Equal => 0.5,
                std::cmp::Ordering::Less => 0.0,
            };
        }
    }
    won / pairs
}

/// Precision and recall of every score as the threshold, all rows counted anew for each.
fn au_prc(rows: &Rows) -> f64 {
    let mut scores: Vec<f64> = rows.iter().map(|row| row.2).collect();
    scores.sort_by(|a, b| b.total_cmp(a));
    let at = |score: f64| {
        let precision = share(rows, |row| row.0 == 1.0, |row| row.2 >= score);
        (share(rows, |row| row.2 >= score, |row| row.0 == 1.0), precision)
    };
    let mut before = (0.0, at(scores[0]).1);
    let mut area = 0.0;
    for score in scores {
        let now = at(score);
        area += (now.0 - before.0) * (now.1 + before.1) / 2.0;
        before = now;
    }
    area
}

/// All metrics of a binary problem, in the order of the file.
fn binary(rows: &Rows) -> Vec<f64> {
    let recall = share(rows, |row| row.1 == 1.0, |row| row.0 == 1.0);
    let precision = share(rows, |row| row.0 == 1.0, |row| row.1 == 1.0);
    let accuracy = share(rows, |row| row.0 == row.1, |_| true);
    let negatives = share(rows, |row| row.0 == 0.0, |_| true);
    let fpr = share(rows, |row| row.1 == 1.0, |row| row.0 == 0.0);
    let miss = share(rows, |row| row.1 == 0.0, |row| row.0 == 1.0);
    let tnr = share(rows, |row| row.1 == 0.0, |row| row.0 == 0.0);
    let f = |beta| f(beta, precision, recall);
    [
        [recall, precision, accuracy, 0.0, 0.0, negatives, recall, tnr, fpr, miss].as_slice(),
        &[auc(rows), au_prc(rows), f(0.5), f(1.0), f(2.0), 0.0, 0.0, 0.0, negatives.max(1.0 - negatives)],
    ]
    .concat()
}

fn multiclass(rows: &Rows) -> Vec<f64> {
    let classes = [0.0, 1.0, 2.0, 3.0];
    let weighted = |value: &dyn Fn(f64) -> f64| -> f64 {
        classes.iter().map(|&class| share(rows, |row| row.0 == class, |_| true) * value(class)).sum()
    };
    let all = |predicted: &dyn Fn(&(f64, f64, f64)) -> f64| {
        let recall = |class| share(rows, |row| predicted(row) == class, |row| row.0 == class);
        let precision = |class| share(rows, |row| row.0 == class, |row| predicted(row) == class);
        let score = |beta| weighted(&|class| f(beta, precision(class), recall(class)));
        [
            share(rows, |row| predicted(row) == row.0, |_| true),
            weighted(&recall),
            weighted(&precision),
            score(0.5),
            score(1.0),
            score(2.0),
        ]
    };
    let count = |class: f64| rows.iter().filter(|row| row.0 == class).count();
    let majority =
        classes.into_iter().fold(0.0, |best, class| if count(class) > count(best) { class } else { best });
    [all(&|row| row.1), all(&|_| majority)].concat()
}

fn regression(rows: &Rows) -> Vec<f64> {
    let mean =
        |value: &dyn Fn(&(f64, f64, f64)) -> f64| rows.iter().map(value).sum::<f64>() / rows.len() as f64;
    let mse = mean(&|row| (row.0 - row.1).powi(2));
    // The variance as the mean of squares less the square of the mean.
    let variance = mean(&|row| row.0 * row.0) - mean(&|row| row.0).powi(2);
    vec![mean(&|row| (row.0 - row.1).abs()), mse, mse.sqrt(), 1.0 - mse / variance]
}

/// As texts, so that they pass the reader of the program too.
fn counts(problem: ProblemType, rows: &Rows) -> Counts {
    let texts: Vec<[String; 3]> =
        rows.iter().map(|row| [row.0, row.1, row.2].map(|value| value.to_string())).collect();
    let texts: Vec<[&str; 3]> = texts.iter().map(|row| row.each_ref().map(String::as_str)).collect();
    let is_binary = problem == ProblemType::BinaryClassification;
    let outcomes: Outcomes = outcomes(question(problem, true, is_binary), &texts);
    match problem {
        ProblemType::BinaryClassification => Counts::Binary(outcomes.binary().unwrap()),
        ProblemType::MulticlassClassification => Counts::Multiclass(outcomes.multiclass()),
        ProblemType::Regression => Counts::Regression(outcomes.regression()),
    }
}

/// The rows that counts stand for.
fn expanded(counts: &Counts) -> Rows {
    let times = |row: (f64, f64, f64), times: u64| (0..times).map(move |_| row);
    match counts {
        Counts::Binary(binary) => {
            let cells = binary.cells.iter().flat_map(|cell| {
                [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(actual, predicted): (usize, usize)| {
                    ((actual as f64, predicted as f64, cell.score), cell.counts[actual][predicted])
                })
            });
            cells.flat_map(|(row, n)| times(row, n)).collect()
        }
        Counts::Multiclass(counts) => {
            let class = |at: usize| counts.names[at].parse::<f64>().unwrap();
            let row = |cell: &super::outcomes::MatrixCell| (class(cell.actual), class(cell.predicted), 0.0);
            counts.cells.iter().flat_map(|cell| times(row(cell), cell.times)).collect()
        }
        Counts::Regression(counts) => counts
            .pairs
            .iter()
            .flat_map(|pair| times((pair.label, pair.prediction, 0.0), pair.times))
            .collect(),
    }
}

#[track_caller]
fn near(found: Option<f64>, expected: f64, what: &str) {
    let found = found.unwrap();
    assert!((found - expected).abs() < 1e-11, "{what}: {found}, expected {expected}");
}

/// Metrics and deviations of a problem: the draws are those of the program, what is worked out of them is not.
#[track_caller]
fn check(problem: ProblemType, rows: &Rows, slow: impl Fn(&Rows) -> Vec<f64>) {
    let counts = counts(problem, rows);
    assert_eq!(counts.rows(), rows.len() as u64);
    let scalars = counts.scalars();
    let expected = slow(rows);
    assert_eq!(scalars.len(), expected.len());
    for ((name, value), expected) in scalars.iter().zip(expected) {
        near(*value, expected, name);
    }
    let draws: Vec<Rows> = (0..deviations::DRAWS)
        .map(|draw| {
            let mut random = random::generator(deviations::PURPOSE, draw);
            expanded(&random::thinned(&counts, deviations::SHARE, &mut random))
        })
        .collect();
    let whole = expanded(&counts);
    for (number, draw) in draws.iter().enumerate() {
        // Four fifths of the rows, within five standard deviations; each of them a row of the whole, and no draw twice.
        let sigma = (rows.len() as f64 * 0.8 * 0.2).sqrt();
        assert!((draw.len() as f64 - 0.8 * rows.len() as f64).abs() < 5.0 * sigma, "{} rows", draw.len());
        let mut left = whole.clone();
        for row in draw {
            let at =
                left.iter().position(|other| other == row).expect("a row of the whole, not drawn before");
            left.swap_remove(at);
        }
        assert!(draws[..number].iter().all(|other| other != draw));
    }
    let values: Vec<Vec<f64>> = draws.iter().map(slow).collect();
    for (at, (found, (name, _))) in deviations(&counts).into_iter().zip(&scalars).enumerate() {
        let mean = values.iter().map(|draw| draw[at]).sum::<f64>() / 5.0;
        let squares: f64 = values.iter().map(|draw| (draw[at] - mean).powi(2)).sum();
        near(found, (squares / 5.0).sqrt(), &format!("deviation of {name}"));
    }
}

/// As many rows as a small test set has: 201, most of them right, scores with ties, and a prediction that is not the score
/// above one half.
#[test]
fn binary_metrics_and_deviations_equal_a_slow_twin() {
    for (seed, positives) in [(1, 0.54), (2, 0.14), (3, 0.9)] {
        let mut random = random::generator(101, seed);
        let rows: Rows = (0..201)
            .map(|_| {
                let label = f64::from(u8::from(random.random::<f64>() < positives));
                let score = (0.35 * label + 0.65 * random.random::<f64>()) * 40.0;
                let score = score.round() / 40.0;
                (label, f64::from(u8::from(score > 0.45)), score)
            })
            .collect();
        check(ProblemType::BinaryClassification, &rows, binary);
    }
}

#[test]
fn multiclass_metrics_and_deviations_equal_a_slow_twin() {
    let mut random = random::generator(101, 7);
    let rows: Rows = (0..260)
        .map(|_| {
            let label = f64::from(random.random_range(0..4_u8));
            let is_right = random.random::<f64>() < 0.7;
            (label, if is_right { label } else { f64::from(random.random_range(0..4_u8)) }, 0.0)
        })
        .collect();
    check(ProblemType::MulticlassClassification, &rows, multiclass);
}

#[test]
fn regression_metrics_and_deviations_equal_a_slow_twin() {
    let mut random = random::generator(101, 8);
    let rows: Rows = (0..230)
        .map(|_| {
            let label = (random.random::<f64>() * 64.0).round() / 8.0;
            (label, label + (random.random::<f64>() * 16.0).round() / 8.0 - 1.0, 0.0)
        })
        .collect();
    check(ProblemType::Regression, &rows, regression);
}
