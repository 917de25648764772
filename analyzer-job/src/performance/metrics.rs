//! The metrics of the three problem types, from counts, named and ordered as the hosted service writes them.

use super::curves::{self, ratio};
use super::outcomes::{Binary, Multiclass, Regression, ScoreCell};

/// A metric's name and value; none where it is undefined.
pub type Scalar = (&'static str, Option<f64>);

/// The metrics of a binary problem, in the order of the file. The curves stand before `auc`.
pub const BINARY: [&str; 18] = [
    "recall",
    "precision",
    "accuracy",
    "recall_best_constant_classifier",
    "precision_best_constant_classifier",
    "accuracy_best_constant_classifier",
    "true_positive_rate",
    "true_negative_rate",
    "false_positive_rate",
    "false_negative_rate",
    "auc",
    "au_prc",
    "f0_5",
    "f1",
    "f2",
    "f0_5_best_constant_classifier",
    "f1_best_constant_classifier",
    "f2_best_constant_classifier",
];

/// Accuracy of always answering with the more frequent label: our own, last in the file and in no metric line.
pub const BASELINE_MAJORITY: &str = "baseline_majority";

/// Those of the predictions; behind them stand the ones `of_constant`.
pub const MULTICLASS: [&str; 6] =
    ["accuracy", "weighted_recall", "weighted_precision", "weighted_f0_5", "weighted_f1", "weighted_f2"];

pub const REGRESSION: [&str; 4] = ["mae", "mse", "rmse", "r2"];

/// F score: `(1 + b^2) P R / (b^2 P + R)`, 0 when both are 0.
pub fn f_score(beta: f64, precision: f64, recall: f64) -> f64 {
    let square = beta * beta;
    let whole = square * precision + recall;
    if whole == 0.0 { 0.0 } else { (1.0 + square) * precision * recall / whole }
}

/// Confusion counts of a binary problem: `[actual][predicted]`, 1 for the positive class.
pub fn confusion(cells: &[ScoreCell]) -> [[u64; 2]; 2] {
    let mut sum = [[0; 2]; 2];
    for cell in cells {
        for (sum, count) in sum.iter_mut().flatten().zip(cell.counts.iter().flatten()) {
            *sum += count;
        }
    }
    sum
}

/// Values of `BINARY` and of `BASELINE_MAJORITY`. Every zero denominator gives 0.
///
/// The best constant classifier always answers with the negative class, as the hosted service has it since 2021.
pub fn binary(cells: &[ScoreCell]) -> Vec<Scalar> {
    let [[tn, fp], [fneg, tp]] = confusion(cells);
    let n = tn + fp + fneg + tp;
    let recall = ratio(tp, tp + fneg);
    let precision = ratio(tp, tp + fp);
    let fpr = ratio(fp, fp + tn);
    let values = [
        recall,
        precision,
        ratio(tp + tn, n),
        0.0,
        0.0,
        ratio(tn + fp, n),
        recall,
        // Differences, not shares of their own: the last digit shows it.
        1.0 - fpr,
        fpr,
        1.0 - recall,
        curves::auc(cells),
        curves::au_prc(cells),
        f_score(0.5, precision, recall),
        f_score(1.0, precision, recall),
        f_score(2.0, precision, recall),
        0.0,
        0.0,
        0.0,
    ];
    let mut scalars: Vec<Scalar> = BINARY.into_iter().zip(values.map(Some)).collect();
    scalars.push((BASELINE_MAJORITY, Some(ratio((tn + fp).max(fneg + tp), n))));
    scalars
}

/// One class of a multi-class problem.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ClassCounts {
    /// Rows of the class.
    pub actual: u64,
    /// Rows predicted to be of it.
    pub predicted: u64,
    /// Both.
    pub hits: u64,
}

impl ClassCounts {
    pub fn recall(&self) -> f64 {
        ratio(self.hits, self.actual)
    }

    pub fn precision(&self) -> f64 {
        ratio(self.hits, self.predicted)
    }

    pub fn f_score(&self, beta: f64) -> f64 {
        f_score(beta, self.precision(), self.recall())
    }
}

/// By class, in the order of the names.
pub fn class_counts(counts: &Multiclass) -> Vec<ClassCounts> {
    let mut classes = vec![ClassCounts::default(); counts.names.len()];
    for cell in &counts.cells {
        classes[cell.actual].actual += cell.times;
        classes[cell.predicted].predicted += cell.times;
        if cell.actual == cell.predicted {
            classes[cell.actual].hits += cell.times;
        }
    }
    classes
}

/// Values of `MULTICLASS` and of the best constant classifier. The weight of a class is its share of the labels; the best constant classifier always
/// answers with the most frequent label.
pub fn multiclass(counts: &Multiclass) -> Vec<Scalar> {
    let classes = class_counts(counts);
    let n: u64 = classes.iter().map(|class| class.actual).sum();
    let weighted = |value: &dyn Fn(&ClassCounts) -> f64| {
        classes.iter().map(|class| ratio(class.actual, n) * value(class)).fold(0.0, |sum, part| sum + part)
    };
    let majority = ratio(classes.iter().map(|class| class.actual).max().unwrap_or(0), n);
    let values: [f64; 6] = [
        ratio(classes.iter().map(|class| class.hits).sum(), n),
        weighted(&ClassCounts::recall),
        weighted(&ClassCounts::precision),
        weighted(&|class| class.f_score(0.5)),
        weighted(&|class| class.f_score(1.0)),
        weighted(&|class| class.f_score(2.0)),
    ];
    let names = MULTICLASS.into_iter().zip(values);
    names.chain(of_constant(majority)).map(|(name, value)| (name, Some(value))).collect()
}

/// The metrics of always answering with the label of this share.
pub fn of_constant(share: f64) -> [(&'static str, f64); 6] {
    [
        ("accuracy_best_constant_classifier", share),
        ("weighted_recall_best_constant_classifier", share),
        ("weighted_precision_best_constant_classifier", share * share),
        ("weighted_f0_5_best_constant_classifier", share * f_score(0.5, share, 1.0)),
        ("weighted_f1_best_constant_classifier", share * f_score(1.0, share, 1.0)),
        ("weighted_f2_best_constant_classifier", share * f_score(2.0, share, 1.0)),
    ]
}

/// Values of `REGRESSION`: mean absolute and mean squared error, its root, and the share of the labels' variance
/// that the predictions explain, `1 - SSE / SST`; none for `r2` when all labels are equal, and where a sum is larger
/// than a double holds.
pub fn regression(rows: &Regression) -> Vec<Scalar> {
    let n = rows.pairs.iter().map(|pair| pair.times).sum::<u64>() as f64;
    let sum = |value: &dyn Fn(f64, f64) -> f64| {
        rows.pairs.iter().map(|pair| pair.times as f64 * value(pair.label, pair.prediction)).sum::<f64>()
    };
    let mean_label = sum(&|label, _| label) / n;
    let sse = sum(&|label, prediction| (label - prediction) * (label - prediction));
    // The mean of large labels is rounded: of the distances from it, those of the mean itself are taken off.
    let off = sum(&|label, _| label - mean_label);
    let sst = sum(&|label, _| (label - mean_label) * (label - mean_label)) - off * off / n;
    let equal = rows.pairs.windows(2).all(|two| two[0].label == two[1].label);
    let r2 = match sse / sst {
        _ if equal => f64::NAN,
        // Squares that a double does not hold: of parts of the largest they are near 1.
        _ if !sse.is_normal() || !sst.is_normal() => {
            let mean = rows.pairs.iter().map(|pair| pair.times as f64 / n * pair.label).sum::<f64>();
            let scaled = |value: &dyn Fn(f64, f64) -> f64| {
                let most = rows
                    .pairs
                    .iter()
                    .map(|pair| value(pair.label, pair.prediction).abs())
                    .fold(0.0, f64::max);
                let part = |label, prediction| if most > 0.0 { value(label, prediction) / most } else { 0.0 };
                (sum(&|label, prediction| part(label, prediction).powi(2)), most)
            };
            let (sse, error) = scaled(&|label, prediction| label - prediction);
            let (sst, spread) = scaled(&|label, _| label - mean);
            1.0 - sse / sst * (error / spread).powi(2)
        }
        ratio => 1.0 - ratio,
    };
    let values = [sum(&|label, prediction| (label - prediction).abs()) / n, sse / n, (sse / n).sqrt(), r2];
    REGRESSION.into_iter().zip(values.map(|value| Some(value).filter(|value| value.is_finite()))).collect()
}

/// The value of one metric.
pub fn value(scalars: &[Scalar], name: &str) -> Option<f64> {
    scalars.iter().find(|scalar| scalar.0 == name).and_then(|scalar| scalar.1)
}

/// The counts of any problem type.
#[derive(Debug, Clone, PartialEq)]
pub enum Counts {
    Binary(Binary),
    Multiclass(Multiclass),
    Regression(Regression),
}

impl Counts {
    pub fn scalars(&self) -> Vec<Scalar> {
        match self {
            Counts::Binary(counts) => binary(&counts.cells),
            Counts::Multiclass(counts) => multiclass(counts),
            Counts::Regression(counts) => regression(counts),
        }
    }

    pub fn rows(&self) -> u64 {
        match self {
            Counts::Binary(counts) => confusion(&counts.cells).iter().flatten().sum(),
            Counts::Multiclass(counts) => counts.cells.iter().map(|cell| cell.times).sum(),
            Counts::Regression(counts) => counts.pairs.iter().map(|pair| pair.times).sum(),
        }
    }

    /// The same counts with each number of equal rows replaced.
    pub fn with_times(&self, mut times: impl FnMut(u64) -> u64) -> Counts {
        let mut counts = self.clone();
        match &mut counts {
            Counts::Binary(counts) => {
                for count in counts.cells.iter_mut().flat_map(|cell| cell.counts.iter_mut().flatten()) {
                    *count = times(*count);
                }
                // A score that no row has is no point of a curve.
                counts.cells.retain(|cell| cell.counts != [[0; 2]; 2]);
            }
            Counts::Multiclass(counts) => {
                counts.cells.iter_mut().for_each(|cell| cell.times = times(cell.times))
            }
            Counts::Regression(counts) => {
                counts.pairs.iter_mut().for_each(|pair| pair.times = times(pair.times));
                counts.pairs.retain(|pair| pair.times > 0);
            }
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::super::outcomes::tests::{outcomes, question};
    use super::super::outcomes::{Pair, ProblemType};
    use super::*;

    fn cells(tn: u64, fp: u64, fneg: u64, tp: u64) -> Vec<ScoreCell> {
        vec![
            ScoreCell { score: 1.0, counts: [[0, fp], [0, tp]] },
            ScoreCell { score: 0.0, counts: [[tn, 0], [fneg, 0]] },
        ]
    }

    #[track_caller]
    fn check(scalars: &[Scalar], expected: &[(&str, f64)]) {
        for &(name, expected) in expected {
            let found = value(scalars, name).unwrap();
            assert!((found - expected).abs() <= 1e-15, "{name}: {found}, expected {expected}");
        }
    }

    #[test]
    fn binary_by_hand() {
        let scalars = binary(&cells(50, 42, 105, 137));
        let names: Vec<&str> = scalars.iter().map(|scalar| scalar.0).collect();
        assert_eq!(names[..18], BINARY);
        check(
            &scalars,
            &[
                ("recall", 137.0 / 242.0),
                ("precision", 137.0 / 179.0),
                ("accuracy", 187.0 / 334.0),
                ("true_negative_rate", 50.0 / 92.0),
                ("false_negative_rate", 105.0 / 242.0),
                ("f1", 274.0 / 421.0),
                ("f2", 685.0 / (685.0 + 42.0 + 4.0 * 105.0)),
                ("f0_5", 1.25 * 137.0 / (1.25 * 137.0 + 42.0 + 0.25 * 105.0)),
                ("accuracy_best_constant_classifier", 92.0 / 334.0),
                ("f1_best_constant_classifier", 0.0),
                ("baseline_majority", 242.0 / 334.0),
            ],
        );
    }

    /// The last digit tells `1 - FPR` from `TN / (TN + FP)`: printed so by the hosted service.
    #[test]
    fn the_true_negative_rate_is_a_difference() {
        let rate = value(&binary(&cells(449, 69, 1, 1)), "true_negative_rate").unwrap();
        assert_eq!(rate, 0.8667953667953667);
        assert_ne!(rate, 449.0 / 518.0);
    }

    #[test]
    fn zero_denominators_give_zero() {
        let none = binary(&cells(3, 0, 0, 0));
        check(
            &none,
            &[
                ("recall", 0.0),
                ("precision", 0.0),
                ("f1", 0.0),
                ("false_positive_rate", 0.0),
                ("accuracy", 1.0),
            ],
        );
        check(
            &none,
            &[("true_negative_rate", 1.0), ("false_negative_rate", 1.0), ("auc", 0.0), ("au_prc", 0.0)],
        );
        check(&binary(&cells(0, 0, 2, 1)), &[("true_negative_rate", 1.0), ("recall", 1.0 / 3.0)]);
    }

    /// The multi-class example of the developer guide, from its own matrix.
    #[test]
    fn the_guides_multiclass_example() {
        let matrix = [("0", "0", 1180), ("0", "1", 510), ("1", "0", 268), ("1", "1", 138)];
        let rows: Vec<[&str; 3]> = matrix
            .iter()
            .flat_map(|&(label, predicted, times)| vec![[label, predicted, ""]; times])
            .collect();
        let counts =
            outcomes(question(ProblemType::MulticlassClassification, true, false), &rows).multiclass();
        let scalars = multiclass(&counts);
        for (name, printed) in [
            ("accuracy", 0.6288167938931297),
            ("weighted_recall", 0.6288167938931297),
            ("weighted_precision", 0.6983172269629505),
            ("weighted_f0_5", 0.6803947317178771),
            ("weighted_f1", 0.6571162346664904),
            ("weighted_f2", 0.6384024354394601),
        ] {
            let found = value(&scalars, name).unwrap();
            assert!((found - printed).abs() < 2e-16, "{name}: {found}");
        }
        check(&scalars, &[("accuracy_best_constant_classifier", 1690.0 / 2096.0)]);
    }

    /// 10 to the power of 12 more changes no distance, and so no share of the variance. Quarters are exact in doubles.
    #[test]
    fn the_explained_variance_of_large_labels_has_all_digits() {
        let of = |offset: f64| {
            let rows: Vec<[String; 3]> = (0..999_u32)
                .map(|row| {
                    let label = offset + f64::from(row * row % 401) / 4.0;
                    [label, label + f64::from(row % 7) / 4.0, 0.0].map(|value| value.to_string())
                })
                .collect();
            let rows: Vec<[&str; 3]> = rows.iter().map(|row| row.each_ref().map(String::as_str)).collect();
            let counts = outcomes(question(ProblemType::Regression, true, false), &rows).regression();
            value(&regression(&counts), "r2").unwrap()
        };
        for offset in [1e9, 1e12, 1e15] {
            assert!((of(offset) - of(0.0)).abs() < 1e-13, "{offset}: {} {}", of(offset), of(0.0));
        }
    }

    /// Labels 1, 2, 3, 4 and predictions 1, 3, 3, 3: errors 0, 1, 0, 1.
    #[test]
    fn regression_by_hand() {
        let rows = [["1", "1", ""], ["2", "3", ""], ["3", "3", ""], ["4", "3", ""]];
        let counts = outcomes(question(ProblemType::Regression, true, false), &rows).regression();
        check(
            &regression(&counts),
            &[("mae", 0.5), ("mse", 0.5), ("rmse", 0.5_f64.sqrt()), ("r2", 1.0 - 2.0 / 5.0)],
        );
    }

    #[test]
    fn equal_labels_leave_r2_undefined_and_huge_errors_are_no_numbers() {
        let rows = |pairs: &[(f64, f64)]| Regression {
            pairs: pairs.iter().map(|&(label, prediction)| Pair { label, prediction, times: 2 }).collect(),
        };
        assert_eq!(value(&regression(&rows(&[(0.1, 2.0), (0.1, 3.0)])), "r2"), None);
        // Labels that differ have a variance, also where their squares are no numbers.
        for scale in [1e-250, 1e-160, 1.0, 1e200, 1e307] {
            let pairs = [(1.0, 1.5), (2.0, 2.0), (4.0, 3.5)];
            let found =
                regression(&rows(&pairs.map(|(label, prediction)| (label * scale, prediction * scale))));
            let found = value(&found, "r2").unwrap();
            assert!((found - (1.0 - 0.5 / (14.0 / 3.0))).abs() < 1e-12, "{scale}: {found}");
        }
        let huge = regression(&rows(&[(1e200, -1e200), (1.0, 2.0)]));
        assert_eq!(value(&huge, "mse"), None);
        assert!(value(&huge, "mae").is_some());
    }

    /// Ten times every row changes no metric.
    #[test]
    fn metrics_do_not_depend_on_the_number_of_copies() {
        let counts = Counts::Binary(Binary {
            sides: super::super::classes::Sides::of(&["0", "1"], None).unwrap(),
            cells: cells(5, 2, 3, 7),
            waiting: Vec::new(),
            unknown: Vec::new(),
            has_scores: false,
        });
        for ((name, one), (_, ten)) in counts.scalars().iter().zip(counts.with_times(|n| 10 * n).scalars()) {
            assert!((one.unwrap() - ten.unwrap()).abs() < 1e-15, "{name}");
        }
    }
}
