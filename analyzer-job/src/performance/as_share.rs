//! How far metrics of classes that are no shares of rows may be from their values over all rows of the kind: areas under the curves, F
//! scores, weighted metrics.
//!
//! Each is taken as a share of as many rows as would make it vary as much, and has Jeffreys' interval of these. The area under the
//! ROC curve is the share of pairs of a positive and a negative row that are in order, and DeLong's variance says how much it varies;
//! for the others draws do. Intervals on that variance or those draws alone hold far less often than they say where few rows are wrong,
//! as in a good model or a rare class: of the kinds of rows that are, some are not among them, and others are too many.
//! `docs/model-quality.md` has the tables of coverage and width.

use super::outcomes::ScoreCell;
use super::spread::Spread;
use crate::beta::jeffreys;
use crate::normal::Z;

/// Squares that a variance begins with, for what its rows do not show: a quarter of a row out of place, or one row placed at random.
/// In simulation intervals then hold the true value in 92 of 100 samples or more, for any size of the classes, any scores, and also
/// where some positive rows have scores like negative ones; with less they do not. For good models, whose rows are out of place by
/// small parts, they hold it in nearly all: no sample of a few rows shows that there are no others.
const UNSEEN: f64 = 0.25;

/// One class: its rows, and the sum of squared distances of their placements from the mean.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Placements {
    rows: f64,
    squares: f64,
}

/// Placements of the negative and of the positive rows; none with fewer than two rows of a class. The placement of a row is
/// the share of the other class that is in order with it, ties half; the mean placement of either class is the area.
///
/// Source: DeLong, DeLong and Clarke-Pearson, "Comparing the areas under two or more correlated ROC curves", 1988.
fn placements(cells: &[ScoreCell]) -> Option<[Placements; 2]> {
    let rows = |cell: &ScoreCell, actual: usize| (cell.counts[actual][0] + cell.counts[actual][1]) as f64;
    let total = |actual: usize| cells.iter().map(|cell| rows(cell, actual)).sum::<f64>();
    let [negatives, positives] = [total(0), total(1)];
    if negatives < 2.0 || positives < 2.0 {
        return None;
    }
    // Sums over the rows of a class of its placement and its square.
    let mut sums = [[0.0; 2]; 2];
    let (mut above, mut below) = (0.0, negatives);
    for cell in cells {
        let (negative, positive) = (rows(cell, 0), rows(cell, 1));
        below -= negative;
        let of_positive = (below + negative / 2.0) / negatives;
        let of_negative = (above + positive / 2.0) / positives;
        above += positive;
        for (sum, placement, times) in [(0, of_negative, negative), (1, of_positive, positive)] {
            sums[sum][0] += times * placement;
            sums[sum][1] += times * placement * placement;
        }
    }
    let of = |[sum, squares]: [f64; 2], rows: f64| Placements {
        rows,
        squares: (squares - sum * sum / rows).max(0.0),
    };
    Some([of(sums[0], negatives), of(sums[1], positives)])
}

/// Rows whose share would vary as much as this area does: `1 / (r1 / positives + r0 / negatives)`, where `r` is the variance of
/// the placements of a class as a part of `area (1 - area)`, that of a share. At least as many as the smaller class has rows,
/// since no area varies more (Birnbaum and Klose, "Bounds for the variance of the Mann-Whitney statistic", 1957).
fn equal_rows(area: f64, classes: [Placements; 2]) -> f64 {
    let of_share = area * (1.0 - area);
    let part =
        |class: Placements| (class.squares + UNSEEN) / ((class.rows - 1.0) * of_share + UNSEEN) / class.rows;
    let [negative, positive] = classes;
    (1.0 / (part(negative) + part(positive))).max(negative.rows.min(positive.rows))
}

/// The spread of the area under the ROC curve; an empty one with fewer than two rows of a class.
pub(super) fn of_roc(area: f64, cells: &[ScoreCell]) -> Spread {
    placements(cells).map(|classes| of_rows(area, equal_rows(area, classes))).unwrap_or_default()
}

/// The spread of a metric from 0 to 1 whose draws have this standard error. `rows`: those that it is about, of which it would be a
/// share if it were one (for the area under the precision-recall curve Boyd, Eng and Page, "Area under the precision-recall curve: point
/// estimates and confidence intervals", 2013).
pub(super) fn of_draws(value: f64, error: f64, rows: u64) -> Spread {
    let rows = rows as f64;
    let part = ((rows * error).powi(2) + UNSEEN) / (rows * value * (1.0 - value) + UNSEEN);
    of_rows(value, rows / part)
}

/// The spread of a metric that varies as much as a share of so many rows.
fn of_rows(value: f64, rows: f64) -> Spread {
    let [low, high] = jeffreys(value * rows, rows);
    let error = (value * (1.0 - value) / rows).max(0.0).sqrt();
    // Where no pair is out of order, or every pair, the part of the interval that belongs to one standard error.
    let error = if error > 0.0 { error } else { (high - low) / Z };
    Spread { standard_error: Some(error), interval: Some([low, high]), share: None }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::super::curves;
    use super::super::moved::{self, Side, Verdict};
    use super::super::random;
    use super::*;
    use crate::normal;

    /// Cells of rows of a score and whether they are positive.
    fn cells(mut rows: Vec<(f64, bool)>) -> Vec<ScoreCell> {
        rows.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut cells: Vec<ScoreCell> = Vec::new();
        for (score, positive) in rows {
            if cells.last().is_none_or(|cell| cell.score != score) {
                cells.push(ScoreCell { score, counts: [[0; 2]; 2] });
            }
            cells.last_mut().unwrap().counts[usize::from(positive)][0] += 1;
        }
        cells
    }

    /// A slow twin: placements row by row.
    #[test]
    fn placements_equal_those_row_by_row() {
        let mut random = random::generator(50, 0);
        let rows: Vec<(f64, bool)> = (0..60)
            .map(|_| {
                let positive = random.random::<f64>() < 0.4;
                (((random.random::<f64>() + f64::from(u8::from(positive)) * 0.3) * 8.0).floor(), positive)
            })
            .collect();
        let scores = |class: bool| rows.iter().filter(move |row| row.1 == class).map(|row| row.0);
        let won = |a: f64, b: f64| if a == b { 0.5 } else { f64::from(u8::from(a > b)) };
        let [m, n] = [true, false].map(|class| scores(class).count() as f64);
        let slow: [Vec<f64>; 2] = [
            scores(false).map(|q| scores(true).map(|p| won(p, q)).sum::<f64>() / m).collect(),
            scores(true).map(|p| scores(false).map(|q| won(p, q)).sum::<f64>() / n).collect(),
        ];
        let fast = placements(&cells(rows.clone())).unwrap();
        for (slow, fast) in slow.iter().zip(fast) {
            let mean = slow.iter().sum::<f64>() / slow.len() as f64;
            let squares = slow.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
            assert_eq!(fast.rows, slow.len() as f64);
            assert!((squares - fast.squares).abs() < 1e-12, "{squares} {fast:?}");
        }
    }

    /// Of 11 rows a class with squares that make half of those of a share, or a part of them; and of placements that vary more than any can.
    #[test]
    fn an_area_is_a_share_of_rows_that_vary_as_much() {
        let of = |squares| equal_rows(0.5, [Placements { rows: 11.0, squares }; 2]);
        assert!((of(1.125) - 11.0).abs() < 1e-12, "{}", of(1.125));
        assert!((of(0.75) - 15.125).abs() < 1e-12, "{}", of(0.75));
        assert_eq!(of(5.0), 11.0);
    }

    /// A sample of normal scores, the positive ones `distance` higher; `levels`: of so many different scores, 0 of any.
    fn sample(
        distance: f64,
        levels: f64,
        [positives, negatives]: [u64; 2],
        seed: [u64; 2],
    ) -> Vec<ScoreCell> {
        let mut random = random::generator(seed[0], seed[1]);
        let mut score = |shift: f64| {
            let radius = (-2.0 * (1.0 - random.random::<f64>()).ln()).sqrt();
            let score = shift + radius * (std::f64::consts::TAU * random.random::<f64>()).cos();
            if levels > 0.0 { (score + 1.0).clamp(0.0, levels - 1.0).floor() } else { score }
        };
        let mut rows: Vec<(f64, bool)> = (0..positives).map(|_| (score(distance), true)).collect();
        rows.extend((0..negatives).map(|_| (score(0.0), false)));
        cells(rows)
    }

    const SIZES: [[u64; 2]; 4] = [[5, 95], [15, 285], [20, 980], [100, 200]];

    /// In samples of few positive rows, of a good model and a bad one, with any and with five different scores, the interval holds
    /// the true area as often as it says or more. DeLong's on the scale of log odds holds that of the first, 15 of 300 positive, in
    /// 86 of 100 samples.
    #[test]
    fn intervals_hold_the_area_also_of_rare_classes() {
        const SAMPLES: u64 = 400;
        for (distance, levels, seed) in [(3.0, 0.0, 80), (0.0, 0.0, 81), (1.2, 0.0, 82), (3.0, 5.0, 83)] {
            let truth = if levels > 0.0 {
                curves::auc(&sample(distance, levels, [200_000; 2], [seed, u64::MAX]))
            } else {
                normal::below(distance / 2.0_f64.sqrt())
            };
            for size in SIZES {
                let holds = |number: &u64| {
                    let cells = sample(distance, levels, size, [seed, *number]);
                    let [low, high] = of_roc(curves::auc(&cells), &cells).interval.unwrap();
                    low <= truth && truth <= high
                };
                let share = (0..SAMPLES).filter(holds).count() as f64 / SAMPLES as f64;
                assert!(share >= 0.93, "{size:?}, area {truth}: {share}");
            }
        }
    }

    /// The interval of few positive rows is about as wide as the area varies: as the middle 95 % of the areas of samples, or for the best
    /// models, whose samples do not show that no row is far out of place, less than four times as wide. DeLong's, which is narrower, holds the
    /// area of these in 80 of 100 samples and fewer.
    #[test]
    fn intervals_are_about_as_wide_as_the_area_varies() {
        const SAMPLES: u64 = 300;
        for (distance, positives, most, seed) in [
            (1.2, 8, 1.5, 90),
            (1.2, 20, 1.2, 91),
            (1.8, 13, 1.4, 92),
            (1.8, 50, 1.2, 93),
            (2.9, 13, 3.2, 94),
            (2.9, 20, 2.6, 95),
            (2.9, 50, 1.6, 96),
        ] {
            let mut areas = Vec::new();
            let mut widths = Vec::new();
            for number in 0..SAMPLES {
                let cells = sample(distance, 0.0, [positives, 500], [seed, number]);
                let area = curves::auc(&cells);
                let [low, high] = of_roc(area, &cells).interval.unwrap();
                areas.push(area);
                widths.push(high - low);
            }
            areas.sort_unstable_by(f64::total_cmp);
            widths.sort_unstable_by(f64::total_cmp);
            let [at, of] = [0.025, 0.975].map(|share| areas[(share * SAMPLES as f64) as usize]);
            let times = widths[SAMPLES as usize / 2] / (of - at);
            assert!(0.8 < times && times < most, "{positives} positive rows, distance {distance}: {times}");
        }
    }

    /// Positive rows of which some have scores like negative ones: most small samples have none of them.
    #[test]
    fn intervals_hold_the_area_where_some_rows_are_lost() {
        const SAMPLES: u64 = 400;
        for (lost, seed) in [(0.04, 97), (0.1, 98), (0.2, 99)] {
            for positives in [5, 13, 50] {
                let holds = |number: &u64| {
                    let mut random = random::generator(seed, *number);
                    let mut rows: Vec<(f64, bool)> =
                        (0..100).map(|_| (random.random::<f64>(), false)).collect();
                    rows.extend((0..positives).map(|_| {
                        let above = f64::from(u8::from(random.random::<f64>() >= lost));
                        (above + random.random::<f64>(), true)
                    }));
                    let cells = cells(rows);
                    let [low, high] = of_roc(curves::auc(&cells), &cells).interval.unwrap();
                    let area = 1.0 - lost / 2.0;
                    low <= area && area <= high
                };
                let share = (0..SAMPLES).filter(holds).count() as f64 / SAMPLES as f64;
                assert!(share >= 0.915, "{positives} positive rows, {lost} lost: {share}");
            }
        }
    }

    /// Two samples of the same rows: the area of one is worse beyond chance in at most 5 % of pairs, but for two standard errors of
    /// as many pairs.
    #[test]
    fn areas_of_rare_classes_seldom_move_by_chance() {
        const PAIRS: u64 = 400;
        for (distance, seed) in [(3.0, 85), (0.5, 86)] {
            for size in SIZES {
                let side = |number: u64| {
                    let cells = sample(distance, 0.0, size, [seed, number]);
                    let value = curves::auc(&cells);
                    Some(Side { value, spread: of_roc(value, &cells), rows: size.iter().sum() })
                };
                let moves = |number: &u64| {
                    moved::test(&[("auc", side(2 * number), side(2 * number + 1))])[0].verdict
                        == Verdict::Moved
                };
                let share = (0..PAIRS).filter(moves).count() as f64 / PAIRS as f64;
                assert!(share <= 0.072, "{size:?}, distance {distance}: {share}");
            }
        }
    }

    /// Of 20 rows: draws that vary as a share of them, and draws that do not vary.
    #[test]
    fn a_metric_of_draws_is_a_share_of_rows_that_vary_as_much() {
        let as_share = of_draws(0.5, (0.25_f64 / 20.0).sqrt(), 20);
        let equals =
            |found: f64, expected: f64| assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        let ([low, high], expected) = (as_share.interval.unwrap(), jeffreys(10.0, 20.0));
        equals(low, expected[0]);
        equals(high, expected[1]);
        assert_eq!(of_draws(1.0, 0.0, 20).interval, Some(jeffreys(20.0, 20.0)));
        let [low, high] = of_draws(0.5, 0.01, 20).interval.unwrap();
        assert!(0.4 < low && low < high && high < 0.6, "{low} {high}");
    }

    #[test]
    fn areas_without_mistakes_have_the_interval_of_a_share_of_the_smaller_class() {
        let perfect = cells(vec![(0.9, true), (0.8, true), (0.7, true), (0.2, false), (0.1, false)]);
        let found = of_roc(curves::auc(&perfect), &perfect);
        assert_eq!(found.interval, Some(jeffreys(2.0, 2.0)));
        assert!(found.standard_error.unwrap() > 0.1);
        let one = cells(vec![(0.9, true), (0.2, false), (0.1, false)]);
        assert_eq!(of_roc(curves::auc(&one), &one), Spread::default());
    }
}
