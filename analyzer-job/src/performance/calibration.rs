//! Do the scores mean what they say? Of the rows with a score near 0.8, about 80 % should be positive.

use serde::{Deserialize, Serialize};

use super::intervals::wilson;
use super::outcomes::ScoreCell;
use super::random;

/// Bins of equal width between 0 and 1.
const BINS: usize = 10;
/// Scores of 0 and 1 are moved inside by this much for the log loss, which would be infinite for one wrong row.
const CLIPPED: f64 = 1e-15;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Expected calibration error: the distance between the mean score of a bin and its share of positives, in the mean
    /// over the rows. In [0, 1], 0 is perfect.
    pub error: f64,
    /// What the error would be, on average, of scores that mean exactly what they say, with as many rows.
    pub error_by_chance: f64,
    /// What the error of such scores exceeds in one of twenty samples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_limit: Option<f64>,
    /// Mean of `-ln` of the probability given to what came true. 0 is perfect, 0.693 is a coin.
    pub log_loss: f64,
    /// Mean squared distance of the score from what came true. In [0, 1], 0 is perfect, 0.25 is a coin.
    pub brier: f64,
    pub mean_score: f64,
    pub positive_share: f64,
    pub bins: Vec<CalibrationBin>,
}

/// Rows with scores in `[low, high)`; the last bin has its end too. Empty bins are left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CalibrationBin {
    pub low: f64,
    pub high: f64,
    pub rows: u64,
    pub mean_score: f64,
    pub positive_share: f64,
    /// Wilson's 95 % interval of the share.
    pub interval: [f64; 2],
}

/// None when a score is outside [0, 1], or without rows.
pub fn calibration(cells: &[ScoreCell]) -> Option<Calibration> {
    if cells.is_empty() || cells.iter().any(|cell| !(0.0..=1.0).contains(&cell.score)) {
        return None;
    }
    // Rows, positive rows, sum of scores.
    let mut bins = [(0_u64, 0_u64, 0.0); BINS];
    let (mut log_loss, mut brier) = (0.0, 0.0);
    for cell in cells {
        let [negative, positive] = cell.counts.map(|predicted| predicted[0] + predicted[1]);
        let bin = &mut bins[((cell.score * BINS as f64) as usize).min(BINS - 1)];
        bin.0 += negative + positive;
        bin.1 += positive;
        bin.2 += cell.score * (negative + positive) as f64;
        let inside = cell.score.clamp(CLIPPED, 1.0 - CLIPPED);
        log_loss -= positive as f64 * inside.ln() + negative as f64 * (-inside).ln_1p();
        brier += positive as f64 * (1.0 - cell.score).powi(2) + negative as f64 * cell.score.powi(2);
    }
    let rows = bins.iter().map(|bin| bin.0).sum::<u64>() as f64;
    let mut calibration = Calibration {
        error: 0.0,
        error_by_chance: 0.0,
        error_limit: None,
        log_loss: log_loss / rows,
        brier: brier / rows,
        mean_score: bins.iter().map(|bin| bin.2).sum::<f64>() / rows,
        positive_share: bins.iter().map(|bin| bin.1).sum::<u64>() as f64 / rows,
        bins: Vec::new(),
    };
    for (at, &(count, positive, scores)) in bins.iter().enumerate().filter(|(_, bin)| bin.0 > 0) {
        let n = count as f64;
        let (mean_score, positive_share) = (scores / n, positive as f64 / n);
        calibration.error += n / rows * (mean_score - positive_share).abs();
        // Mean distance of a normal quantity from its mean: sqrt(2 / pi) of its deviation.
        let deviation = (mean_score * (1.0 - mean_score) / n).sqrt();
        calibration.error_by_chance += n / rows * (2.0 / std::f64::consts::PI).sqrt() * deviation;
        calibration.bins.push(CalibrationBin {
            low: at as f64 / BINS as f64,
            high: (at + 1) as f64 / BINS as f64,
            rows: count,
            mean_score,
            positive_share,
            interval: wilson(positive, count).unwrap_or([0.0, 1.0]),
        });
    }
    calibration.error_limit = Some(limit(&calibration.bins, rows));
    Some(calibration)
}

const PURPOSE: u64 = 5;
const REPLICATES: usize = 2000;

/// The 95 % quantile of the error of labels that are drawn by the scores.
fn limit(bins: &[CalibrationBin], rows: f64) -> f64 {
    let mut errors: Vec<f64> = (0..REPLICATES as u64)
        .map(|replicate| {
            let mut random = random::generator(PURPOSE, replicate);
            bins.iter()
                .map(|bin| {
                    let positive = random::binomial(bin.rows, bin.mean_score.clamp(0.0, 1.0), &mut random);
                    (bin.mean_score * bin.rows as f64 - positive as f64).abs() / rows
                })
                .sum()
        })
        .collect();
    errors.sort_unstable_by(f64::total_cmp);
    errors[REPLICATES * 95 / 100]
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;

    fn cell(score: f64, negative: u64, positive: u64) -> ScoreCell {
        ScoreCell { score, counts: [[negative, 0], [0, positive]] }
    }

    /// 0.75 with 1 of 2 positive, 0.25 with 0 of 2.
    #[test]
    fn by_hand() {
        let found = calibration(&[cell(0.75, 1, 1), cell(0.25, 2, 0)]).unwrap();
        assert_eq!(found.error, 0.25);
        assert_eq!(found.brier, (0.0625 + 0.5625 + 2.0 * 0.0625) / 4.0);
        let log_loss = -(0.75_f64.ln() + 0.25_f64.ln() + 2.0 * 0.75_f64.ln()) / 4.0;
        assert!((found.log_loss - log_loss).abs() < 1e-15);
        assert_eq!((found.mean_score, found.positive_share), (0.5, 0.25));
        assert_eq!(found.bins.len(), 2);
        assert_eq!((found.bins[1].low, found.bins[1].high, found.bins[1].rows), (0.7, 0.8, 2));
    }

    #[test]
    fn scores_of_zero_and_one_have_a_finite_loss_and_others_outside_have_none() {
        let found = calibration(&[cell(1.0, 1, 1), cell(0.0, 1, 0)]).unwrap();
        assert!((found.log_loss - 1e15_f64.ln() / 3.0).abs() < 0.05, "{}", found.log_loss);
        assert_eq!(found.bins.last().unwrap().high, 1.0);
        assert_eq!(calibration(&[cell(1.5, 1, 1)]), None);
        assert_eq!(calibration(&[]), None);
    }

    /// The error of scores that mean what they say passes its limit in one of twenty samples, of 12 rows as of 400.
    #[test]
    fn the_limit_holds_in_95_of_100_samples() {
        const SETS: u64 = 400;
        for rows in [12, 60, 400] {
            let passed = (0..SETS).filter(|&set| {
                let mut random = random::generator(81, set);
                let cells: Vec<ScoreCell> = (0..rows)
                    .map(|_| {
                        let score = random.random::<f64>();
                        let positive = u64::from(random.random::<f64>() < score);
                        cell(score, 1 - positive, positive)
                    })
                    .collect();
                let found = calibration(&cells).unwrap();
                found.error > found.error_limit.unwrap()
            });
            let share = passed.count() as f64 / SETS as f64;
            assert!((0.02..=0.08).contains(&share), "{rows} rows: {share}");
        }
    }

    /// Scores that mean what they say: the error is what chance gives.
    #[test]
    fn chance_alone_gives_the_error_it_says() {
        let (mut error, mut chance) = (0.0, 0.0);
        for set in 0..200 {
            let mut random = random::generator(80, set);
            let cells: Vec<ScoreCell> = (0..200)
                .map(|_| {
                    let score = random.random::<f64>();
                    let positive = u64::from(random.random::<f64>() < score);
                    cell(score, 1 - positive, positive)
                })
                .collect();
            let found = calibration(&cells).unwrap();
            error += found.error;
            chance += found.error_by_chance;
        }
        assert!((error / chance - 1.0).abs() < 0.05, "{error} {chance}");
    }
}
