//! The two curves of a binary problem and the areas below them.

use super::outcomes::ScoreCell;

/// Receiver operating characteristic: a point for each distinct score, by descending score, between (0, 0) and
/// (1, 1). With k scores k + 2 points.
#[derive(Debug, Clone, PartialEq)]
pub struct Roc {
    pub false_positive_rates: Vec<f64>,
    pub true_positive_rates: Vec<f64>,
}

/// Precision over recall: a point for each distinct score, by descending score, behind one at recall 0 with the
/// precision of the highest score. With k scores k + 1 points.
#[derive(Debug, Clone, PartialEq)]
pub struct PrecisionRecall {
    pub precisions: Vec<f64>,
    pub recalls: Vec<f64>,
}

/// `part / whole`, 0 when there is no whole: so do the files of the hosted service.
pub(super) fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// Rows of a cell by actual class: negative, positive.
fn by_actual(cell: &ScoreCell) -> [u64; 2] {
    cell.counts.map(|predicted| predicted[0] + predicted[1])
}

/// Negative and positive rows at or above each score, and in all.
fn cumulated(cells: &[ScoreCell]) -> (impl Iterator<Item = [u64; 2]> + '_, [u64; 2]) {
    let total = cells.iter().map(by_actual).fold([0; 2], |sum, cell| [sum[0] + cell[0], sum[1] + cell[1]]);
    let above = cells.iter().map(by_actual).scan([0; 2], |sum, cell| {
        *sum = [sum[0] + cell[0], sum[1] + cell[1]];
        Some(*sum)
    });
    (above, total)
}

pub fn roc(cells: &[ScoreCell]) -> Roc {
    let (above, total) = cumulated(cells);
    let mut roc = Roc { false_positive_rates: vec![0.0], true_positive_rates: vec![0.0] };
    for [negative, positive] in above {
        roc.false_positive_rates.push(ratio(negative, total[0]));
        roc.true_positive_rates.push(ratio(positive, total[1]));
    }
    roc.false_positive_rates.push(1.0);
    roc.true_positive_rates.push(1.0);
    roc
}

pub fn precision_recall(cells: &[ScoreCell]) -> PrecisionRecall {
    let (above, total) = cumulated(cells);
    let mut curve = PrecisionRecall { precisions: Vec::new(), recalls: Vec::new() };
    for [negative, positive] in above {
        let precision = ratio(positive, positive + negative);
        if curve.recalls.is_empty() {
            curve.recalls.push(0.0);
            curve.precisions.push(precision);
        }
        curve.recalls.push(ratio(positive, total[1]));
        curve.precisions.push(precision);
    }
    curve
}

/// Area below a line of points, trapezoids added from left to right.
pub fn area(x: &[f64], y: &[f64]) -> f64 {
    let steps = x.windows(2).zip(y.windows(2));
    // (x2 - x1) (y2 + y1) / 2
    steps.map(|(x, y)| (x[1] - x[0]) * (y[1] + y[0]) / 2.0).fold(0.0, |sum, step| sum + step)
}

/// Area under the ROC curve: the chance that a positive row has a higher score than a negative one, ties counted half.
pub fn auc(cells: &[ScoreCell]) -> f64 {
    let roc = roc(cells);
    area(&roc.false_positive_rates, &roc.true_positive_rates)
}

/// Area under the precision-recall curve.
pub fn au_prc(cells: &[ScoreCell]) -> f64 {
    let curve = precision_recall(cells);
    area(&curve.recalls, &curve.precisions)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cells(rows: &[(f64, u64, u64)]) -> Vec<ScoreCell> {
        rows.iter()
            .map(|&(score, negative, positive)| ScoreCell { score, counts: [[negative, 0], [positive, 0]] })
            .collect()
    }

    /// Scores 0.9 (1 positive), 0.5 (1 and 1), 0.3 (2 negative, 1 positive).
    #[test]
    fn points_by_hand() {
        let cells = cells(&[(0.9, 0, 1), (0.5, 1, 1), (0.3, 2, 1)]);
        let roc = roc(&cells);
        assert_eq!(roc.false_positive_rates, [0.0, 0.0, 1.0 / 3.0, 1.0, 1.0]);
        assert_eq!(roc.true_positive_rates, [0.0, 1.0 / 3.0, 2.0 / 3.0, 1.0, 1.0]);
        let curve = precision_recall(&cells);
        assert_eq!(curve.recalls, [0.0, 1.0 / 3.0, 2.0 / 3.0, 1.0]);
        assert_eq!(curve.precisions, [1.0, 1.0, 2.0 / 3.0, 0.5]);
        // 1/3 (1/3 + 2/3)/2 + 2/3 (2/3 + 1)/2
        assert!((auc(&cells) - 13.0 / 18.0).abs() < 1e-15);
        // 1/3 1 + 1/3 (1 + 2/3)/2 + 1/3 (2/3 + 1/2)/2
        assert!((au_prc(&cells) - 29.0 / 36.0).abs() < 1e-15);
    }

    #[test]
    fn one_class_only() {
        assert_eq!(auc(&cells(&[(0.9, 3, 0), (0.1, 2, 0)])), 0.0);
        assert_eq!(au_prc(&cells(&[(0.9, 3, 0)])), 0.0);
        assert_eq!(auc(&cells(&[(0.9, 0, 3)])), 1.0);
        assert_eq!(roc(&[]).true_positive_rates, [0.0, 1.0]);
    }

    proptest! {
        /// The area is the share of pairs in order: a slow twin; turning the scores around gives the rest.
        #[test]
        fn the_area_counts_pairs_in_order(counts in prop::collection::vec((0_u64..5, 0_u64..5), 1..12)) {
            let rows: Vec<(f64, u64, u64)> =
                counts.iter().enumerate().map(|(at, &(n, p))| (-(at as f64), n, p)).collect();
            let total = |pick: fn(&(u64, u64)) -> u64| counts.iter().map(pick).sum::<u64>();
            prop_assume!(total(|c| c.0) > 0 && total(|c| c.1) > 0);
            let mut twice_won = 0;
            for (at, &(_, positive)) in counts.iter().enumerate() {
                let below: u64 = counts[at + 1..].iter().map(|c| c.0).sum();
                twice_won += positive * (2 * below + counts[at].0);
            }
            let pairs = (total(|c| c.0) * total(|c| c.1)) as f64;
            let forward = auc(&cells(&rows));
            prop_assert!((forward - twice_won as f64 / 2.0 / pairs).abs() < 1e-12);
            let reversed: Vec<_> = rows.iter().rev().map(|&(s, n, p)| (-s, n, p)).collect();
            prop_assert!((auc(&cells(&reversed)) - (1.0 - forward)).abs() < 1e-12);
        }
    }
}
