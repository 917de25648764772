//! The metrics of model quality in words: the standard name, and the question that each answers.

/// Standard name and question of a metric of `statistics.json`.
pub(super) struct Words {
    pub(super) name: String,
    pub(super) asks: &'static str,
}

const WORDS: [(&str, &str, &str); 23] = [
    ("recall", "Recall", "How many of the observed positives are predicted positive?"),
    ("precision", "Precision", "How many of the positive predictions are right?"),
    ("accuracy", "Accuracy", "How many of all predictions are right?"),
    (
        "true_positive_rate",
        "True positive rate (TPR)",
        "How many of the observed positives are predicted positive?",
    ),
    (
        "true_negative_rate",
        "True negative rate (TNR)",
        "How many of the observed negatives are predicted negative?",
    ),
    (
        "false_positive_rate",
        "False positive rate (FPR)",
        "How many of the observed negatives are predicted positive?",
    ),
    (
        "false_negative_rate",
        "False negative rate (FNR)",
        "How many of the observed positives are predicted negative?",
    ),
    (
        "auc",
        "Area under the ROC curve (AUC)",
        "How often does an observed positive score above an observed negative?",
    ),
    (
        "au_prc",
        "Area under the precision-recall curve (AUPRC)",
        "How precise are the predictions, over all recalls?",
    ),
    ("f0_5", "F0.5 score", "Precision and recall in one number; precision counts more"),
    ("f1", "F1 score", "Precision and recall in one number; both count alike"),
    ("f2", "F2 score", "Precision and recall in one number; recall counts more"),
    ("weighted_recall", "Weighted recall", "Recall of each class, weighted by its rows"),
    ("weighted_precision", "Weighted precision", "Precision of each class, weighted by its rows"),
    ("weighted_f0_5", "Weighted F0.5 score", "F0.5 score of each class, weighted by its rows"),
    ("weighted_f1", "Weighted F1 score", "F1 score of each class, weighted by its rows"),
    ("weighted_f2", "Weighted F2 score", "F2 score of each class, weighted by its rows"),
    ("mae", "Mean absolute error (MAE)", "How far is a prediction from its label, on average?"),
    ("mse", "Mean squared error (MSE)", "As MAE, with large errors counted more; in squared units"),
    ("rmse", "Root mean squared error (RMSE)", "As MAE, with large errors counted more"),
    (
        "r2",
        "Coefficient of determination (R²)",
        "How much of the variance of the labels do the predictions explain?",
    ),
    (
        "baseline_majority",
        "Accuracy of the majority class",
        "How good is it to always predict the most frequent label?",
    ),
    (
        "accuracy_best_constant_classifier",
        "Accuracy of the best constant classifier",
        "How good is one prediction for all rows, as the hosted service defines it?",
    ),
];

/// A metric without an entry is called as its key is.
pub(super) fn words(key: &str) -> Words {
    match WORDS.iter().find(|(known, ..)| *known == key) {
        Some((_, name, asks)) => Words { name: (*name).into(), asks },
        None => Words { name: key.replace('_', " "), asks: "" },
    }
}

/// The name within a sentence: without its abbreviation.
pub(super) fn short(key: &str) -> String {
    let name = words(key).name;
    name.split_once(" (").map_or(name.clone(), |(short, _)| short.into())
}
