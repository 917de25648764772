//! The table of docs/model-quality.md on areas under the ROC curve of few positive rows: how often the interval holds the true area and
//! how wide it is, beside DeLong's on the scale of log odds.
//!
//! `cargo run --release -p analyzer-job --example area_tables -- 1000` prints it as Markdown, from 1000 samples for each entry. Seeds
//! are fixed: the same number gives the same table.

use std::error::Error;
use std::io::{Write as _, stdout};

use analyzer_job::performance::curves;
use analyzer_job::performance::intervals;
use analyzer_job::performance::metrics::{Counts, Scalar};
use analyzer_job::performance::outcomes::{Binary, Outcomes, ProblemType, Question, Row, ScoreCell};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const POSITIVES: [u64; 6] = [5, 8, 13, 20, 50, 200];
const NEGATIVES: u64 = 500;
/// Rows of each class from which the true area of a population is computed.
const POPULATION: u64 = 300_000;
const Z: f64 = 1.959_963_984_540_054;

/// A score of a positive or a negative row.
type Score = fn(&mut ChaCha8Rng, bool) -> f64;

const WORLDS: [(&str, Score); 8] = [
    ("normal scores", |random, positive| normal(random) + f64::from(u8::from(positive)) * 1.19),
    ("normal scores, a better model", |random, positive| {
        normal(random) + f64::from(u8::from(positive)) * 1.81
    }),
    ("normal scores, a good model", |random, positive| normal(random) + f64::from(u8::from(positive)) * 2.9),
    (
        "positive ones vary twice as much",
        |random, positive| {
            if positive { 4.6 + 2.0 * normal(random) } else { normal(random) }
        },
    ),
    ("heavy tails", |random, positive| heavy(random) + f64::from(u8::from(positive)) * 2.4),
    ("five different scores", |random, positive| {
        (normal(random) + 1.0 + f64::from(u8::from(positive)) * 1.8).clamp(0.0, 4.0).floor()
    }),
    ("two different scores", |random, positive| {
        f64::from(u8::from((random.random::<f64>() < 0.9) == positive))
    }),
    ("4 % of the positive ones lost", |random, positive| {
        normal(random) + if positive && random.random::<f64>() >= 0.04 { 50.0 } else { 0.0 }
    }),
];

/// A draw of the standard normal distribution.
fn normal(random: &mut ChaCha8Rng) -> f64 {
    let radius = (-2.0 * (1.0 - random.random::<f64>()).ln()).sqrt();
    radius * (std::f64::consts::TAU * random.random::<f64>()).cos()
}

/// A draw of Student's distribution with three degrees of freedom.
fn heavy(random: &mut ChaCha8Rng) -> f64 {
    let squares: f64 = (0..3).map(|_| normal(random).powi(2)).sum();
    normal(random) / (squares / 3.0).sqrt()
}

fn sample(
    score: Score,
    [negatives, positives]: [u64; 2],
    random: &mut ChaCha8Rng,
) -> Result<Binary, Box<dyn Error>> {
    let question = Question {
        problem: ProblemType::BinaryClassification,
        prediction: false,
        score: true,
        threshold: 0.5,
        positive_label: None,
    };
    let mut outcomes = Outcomes::new(question);
    for (positive, rows) in [(false, negatives), (true, positives)] {
        for _ in 0..rows {
            let score = score(random, positive).to_string();
            let label = Some(if positive { "1" } else { "0" });
            let row = Row { label, prediction: None, score: Some(&score) };
            outcomes.update(row).map_err(|reason| reason.text().to_owned())?;
        }
    }
    Ok(outcomes.binary().map_err(|names| names.join(", "))?)
}

/// DeLong's interval on the scale of log odds; none of an area of 0 or 1.
fn of_delong(area: f64, cells: &[ScoreCell]) -> Option<[f64; 2]> {
    let rows = |cell: &ScoreCell| cell.counts.map(|row| (row[0] + row[1]) as f64);
    let totals = cells.iter().map(rows).fold([0.0; 2], |sum, cell| [sum[0] + cell[0], sum[1] + cell[1]]);
    let mut squares = [0.0; 2];
    let mut above = [0.0; 2];
    for [negative, positive] in cells.iter().map(rows) {
        let of_positive = (totals[0] - above[0] - negative / 2.0) / totals[0];
        let of_negative = (above[1] + positive / 2.0) / totals[1];
        squares[0] += negative * (of_negative - area).powi(2);
        squares[1] += positive * (of_positive - area).powi(2);
        above = [above[0] + negative, above[1] + positive];
    }
    let variance: f64 = (0..2).map(|class| squares[class] / (totals[class] - 1.0) / totals[class]).sum();
    let odds = area / (1.0 - area);
    let way = Z * variance.sqrt() / (area * (1.0 - area));
    let of = |odds: f64| odds / (1.0 + odds);
    (0.0 < area && area < 1.0).then(|| [of(odds * (-way).exp()), of(odds * way.exp())])
}

/// Samples whose interval holds the truth in per cent, and the middle width.
fn entry(mut widths: Vec<f64>, held: u64, samples: u64) -> String {
    widths.sort_unstable_by(f64::total_cmp);
    format!("{:.1} ({:.3})", 100.0 * held as f64 / samples as f64, widths[widths.len() / 2])
}

fn main() -> Result<(), Box<dyn Error>> {
    let samples: u64 = std::env::args().nth(1).map_or(Ok(400), |text| text.parse())?;
    let mut text = format!(
        "| {NEGATIVES} negative rows, positive ones | {} |\n|---|{}\n",
        POSITIVES.map(|rows| rows.to_string()).join(" | "),
        "---|".repeat(POSITIVES.len())
    );
    for (name, score) in WORLDS {
        let mut random = ChaCha8Rng::seed_from_u64(0);
        let truth = curves::auc(&sample(score, [POPULATION; 2], &mut random)?.cells);
        let [mut own, mut delong] = [format!("| {name}, {truth:.3}"), "| DeLong's of these".to_owned()];
        for positives in POSITIVES {
            let (mut held, mut widths) = ([0; 2], [Vec::new(), Vec::new()]);
            for _ in 0..samples {
                let binary = sample(score, [NEGATIVES, positives], &mut random)?;
                let area = curves::auc(&binary.cells);
                let theirs = of_delong(area, &binary.cells).unwrap_or([area; 2]);
                let scalars: [Scalar; 1] = [("auc", Some(area))];
                let spreads = intervals::spreads(&Counts::Binary(binary), &scalars, 0);
                let interval = spreads[0].interval.ok_or("no interval")?;
                for (at, [low, high]) in [interval, theirs].into_iter().enumerate() {
                    held[at] += u64::from(low <= truth && truth <= high);
                    widths[at].push(high - low);
                }
            }
            let [ours, theirs] = widths;
            own += &format!(" | {}", entry(ours, held[0], samples));
            delong += &format!(" | {}", entry(theirs, held[1], samples));
        }
        text += &format!("{own} |\n{delong} |\n");
    }
    stdout().write_all(text.as_bytes())?;
    Ok(())
}
