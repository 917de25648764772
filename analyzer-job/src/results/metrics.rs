//! The one list of bias metrics: code, name, stage, order, direction and words. Configuration, computation, drift check,
//! reports and the pages of the documentation go by it. Formulas are those of the SageMaker developer guide, pages "Measure
//! Pretraining Bias" and "Measure Post-training Data and Model Bias".

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use self::SelectionRole::{Facet, Label, Prediction};
use crate::state::counts::{Group, Groups};

/// A bias metric in words.
#[derive(Debug)]
pub struct Metric {
    pub code: &'static str,
    /// Name and code as `analysis.json` has them.
    pub description: &'static str,
    pub stage: Stage,
    /// What its value depends on. Where one of these selections holds no row or every row, the value compares nothing.
    pub reads: &'static [SelectionRole],
    /// Place in lists for people, within its family: 1 is the most telling.
    pub telling: u8,
    /// The question that it answers.
    pub asks: &'static str,
    /// `a` is everyone else, `d` the group; a hat marks predictions; 1 is the positive label.
    pub formula: &'static str,
    pub range: &'static str,
    pub family: Family,
    pub scale: Scale,
    /// What a positive value means for the group.
    pub positive: Meaning,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    PostTraining,
    PreTraining,
}

/// What a selection is of: labels, predicted labels or a facet's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SelectionRole {
    Label,
    Prediction,
    Facet,
}

impl SelectionRole {
    /// The selections that hold no row or every row of two groups. `predicted`: there are predictions. Without rows nothing is known.
    pub fn empty_in(groups: &Groups, predicted: bool) -> Vec<SelectionRole> {
        let both = |rows: fn(&Group) -> u64| rows(&groups.d) + rows(&groups.a);
        let all = both(Group::n);
        let held = [
            (SelectionRole::Label, both(Group::observed_positive)),
            (SelectionRole::Prediction, if predicted { both(Group::predicted_positive) } else { 1 }),
            (SelectionRole::Facet, groups.d.n()),
        ];
        let is_empty = |rows: u64| all > 0 && (rows == 0 || rows == all);
        held.into_iter().filter(|(_, rows)| is_empty(*rows)).map(|(role, _)| role).collect()
    }
}

/// The question that a group of metrics answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    Predictions,
    Errors,
    Calibration,
    Data,
}

/// The axis that a metric's values stand on. Only metrics of one scale share an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Differences of shares, from -1 to 1, parity at 0.
    Share,
    /// A ratio from 0 to infinity, parity at 1, drawn by its logarithm.
    Ratio,
    /// Differences of ratios, without bounds, parity at 0.
    Unbounded,
    /// Distances from 0 up, without a direction.
    Distance,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// The group is worse off.
    Against,
    /// The group is better off.
    For,
    /// No direction.
    Neither,
}

impl Metric {
    /// The metric of a code, if we know it.
    pub fn of(code: &str) -> Option<&'static Metric> {
        METRICS.iter().find(|metric| metric.code == code)
    }

    /// The name without its code. The hosted service misspells one.
    pub fn name(&self) -> &'static str {
        if self.code == "KL" {
            return "Kullback-Leibler Divergence";
        }
        self.description.split(" (").next().unwrap_or(self.description)
    }

    /// How far a value is from parity. Half of a ratio is as far as double: it is the same ratio, with the groups exchanged.
    pub fn distance(&self, value: f64) -> f64 {
        if self.scale == Scale::Ratio { value.ln().abs() } else { value.abs() }
    }

    /// How the distance of one value from parity compares with that of another. Ratios that only rounding tells apart are equal.
    pub fn compare_distances(&self, one: f64, other: f64) -> Ordering {
        let [one, other] = [one, other].map(|value| self.distance(value));
        let is_rounded =
            self.scale == Scale::Ratio && other.is_finite() && (one - other).abs() <= 1e-12 * other;
        if is_rounded { Ordering::Equal } else { one.total_cmp(&other) }
    }

    /// Every metric, the most telling of each family first.
    pub fn by_family() -> Vec<&'static Metric> {
        let mut metrics: Vec<&Metric> = METRICS.iter().collect();
        metrics.sort_by_key(|metric| metric.telling);
        metrics
    }

    /// Whether it compares the groups of a facet. One that does not is the same for every facet.
    pub fn compares_groups(&self) -> bool {
        self.reads.contains(&Facet)
    }

    /// The value that means no difference.
    pub fn parity(&self) -> f64 {
        if self.scale == Scale::Ratio { 1.0 } else { 0.0 }
    }
}

impl Family {
    /// In the order of the report.
    pub const ALL: [Family; 4] = [Family::Predictions, Family::Errors, Family::Calibration, Family::Data];

    pub fn question(self) -> &'static str {
        match self {
            Family::Predictions => "Who gets the positive prediction?",
            Family::Errors => "Is the model wrong more often for the group?",
            Family::Calibration => "Do predictions agree with observed labels in number?",
            Family::Data => "Are the data imbalanced?",
        }
    }

    /// What left and right of parity mean on a two-sided axis.
    pub fn sides(self, scale: Scale) -> [&'static str; 2] {
        match (self, scale) {
            (Family::Errors, Scale::Unbounded) => ["more false negatives", "more false positives"],
            (Family::Errors, _) => ["worse for the group", "better"],
            _ => ["worse for the group", "better"],
        }
    }
}

/// In report order: by stage as in `analysis.json`, then by code.
pub const METRICS: &[Metric] = &[
    Metric {
        code: "AD",
        description: "Accuracy Difference (AD)",
        stage: Stage::PostTraining,
        reads: &[Label, Prediction, Facet],
        telling: 9,
        asks: "Is the model right less often in the group?",
        formula: "(TP_a + TN_a) / n_a − (TP_d + TN_d) / n_d",
        range: "−1 to 1, parity at 0",
        family: Family::Errors,
        scale: Scale::Share,
        positive: Meaning::Against,
    },
    Metric {
        code: "CDDPL",
        description: "Conditional Demographic Disparity in Predicted Labels (CDDPL)",
        stage: Stage::PostTraining,
        reads: &[Prediction, Facet],
        telling: 3,
        asks: "Among rows alike in the group variable, does the group have more of the negative predictions than of the positive ones?",
        formula: "Σ nᵢ · (n̂_d,i⁰ / n̂ᵢ⁰ − n̂_d,i¹ / n̂ᵢ¹) / Σ nᵢ, over strata i",
        range: "−1 to 1, parity at 0",
        family: Family::Predictions,
        scale: Scale::Share,
        positive: Meaning::Against,
    },
    Metric {
        code: "DAR",
        description: "Difference in Acceptance Rates (DAR)",
        stage: Stage::PostTraining,
        reads: &[Label, Prediction, Facet],
        telling: 7,
        asks: "When the model predicts positive, is it right less often in the group?",
        formula: "TP_a / n̂_a¹ − TP_d / n̂_d¹",
        range: "−1 to 1, parity at 0",
        family: Family::Errors,
        scale: Scale::Share,
        positive: Meaning::Against,
    },
    Metric {
        code: "DCA",
        description: "Difference in Conditional Acceptance (DCA)",
        stage: Stage::PostTraining,
        reads: &[Label, Prediction, Facet],
        telling: 12,
        asks: "For each positive prediction, were more positives observed among everyone else?",
        formula: "n_a¹ / n̂_a¹ − n_d¹ / n̂_d¹",
        range: "−∞ to ∞, parity at 0",
        family: Family::Calibration,
        scale: Scale::Unbounded,
        positive: Meaning::For,
    },
    Metric {
        code: "DCR",
        description: "Difference in Conditional Rejection (DCR)",
        stage: Stage::PostTraining,
        reads: &[Label, Prediction, Facet],
        telling: 13,
        asks: "For each negative prediction, were more negatives observed in the group?",
        formula: "n_d⁰ / n̂_d⁰ − n_a⁰ / n̂_a⁰",
        range: "−∞ to ∞, parity at 0",
        family: Family::Calibration,
        scale: Scale::Unbounded,
        positive: Meaning::For,
    },
    Metric {
        code: "DI",
        description: "Disparate Impact (DI)",
        stage: Stage::PostTraining,
        reads: &[Prediction, Facet],
        telling: 1,
        asks: "How often is the group predicted positive, for each time everyone else is?",
        formula: "q̂_d / q̂_a, q̂ = share predicted positive",
        range: "0 to ∞, parity at 1; below 0.8 fails the four-fifths rule",
        family: Family::Predictions,
        scale: Scale::Ratio,
        positive: Meaning::For,
    },
    Metric {
        code: "DPPL",
        description: "Difference in Positive Proportions in Predicted Labels (DPPL)",
        stage: Stage::PostTraining,
        reads: &[Prediction, Facet],
        telling: 2,
        asks: "Is the group predicted positive less often than everyone else?",
        formula: "q̂_a − q̂_d",
        range: "−1 to 1, parity at 0",
        family: Family::Predictions,
        scale: Scale::Share,
        positive: Meaning::Against,
    },
    Metric {
        code: "DRR",
        description: "Difference in Rejection Rates (DRR)",
        stage: Stage::PostTraining,
        reads: &[Label, Prediction, Facet],
        telling: 8,
        asks: "When the model predicts negative, is it right more often in the group?",
        formula: "TN_d / n̂_d⁰ − TN_a / n̂_a⁰",
        range: "−1 to 1, parity at 0",
        family: Family::Errors,
        scale: Scale::Share,
        positive: Meaning::For,
    },
    Metric {
        code: "FT",
        description: "Flip Test (FT)",
        stage: Stage::PostTraining,
        reads: &[Prediction, Facet],
        telling: 4,
        asks: "Do the most similar rows of everyone else get another prediction?",
        formula: "(F⁺ − F⁻) / n_d; F⁺: rows of the group predicted positive whose neighbours are not, F⁻ the reverse",
        range: "−1 to 1, parity at 0",
        family: Family::Predictions,
        scale: Scale::Share,
        positive: Meaning::For,
    },
    Metric {
        code: "GE",
        description: "Generalized Entropy (GE)",
        stage: Stage::PostTraining,
        reads: &[Label, Prediction],
        telling: 11,
        asks: "How unevenly are correct and wrong predictions spread over all rows, whatever the group?",
        formula: "Σ ((bᵢ / μ)² − 1) / 2n; bᵢ = ŷᵢ − yᵢ + 1, μ = mean b",
        range: "0 and up, 0 is even",
        family: Family::Errors,
        scale: Scale::Distance,
        positive: Meaning::Neither,
    },
    Metric {
        code: "RD",
        description: "Recall Difference (RD)",
        stage: Stage::PostTraining,
        reads: &[Label, Prediction, Facet],
        telling: 5,
        asks: "Of the observed positives, does the model find fewer in the group?",
        formula: "TP_a / (TP_a + FN_a) − TP_d / (TP_d + FN_d)",
        range: "−1 to 1, parity at 0",
        family: Family::Errors,
        scale: Scale::Share,
        positive: Meaning::Against,
    },
    Metric {
        code: "SD",
        description: "Specificity Difference (SD)",
        stage: Stage::PostTraining,
        reads: &[Label, Prediction, Facet],
        telling: 6,
        asks: "Of the observed negatives, does the model recognise more in the group?",
        formula: "TN_d / (TN_d + FP_d) − TN_a / (TN_a + FP_a)",
        range: "−1 to 1, parity at 0",
        family: Family::Errors,
        scale: Scale::Share,
        positive: Meaning::For,
    },
    Metric {
        code: "TE",
        description: "Treatment Equality (TE)",
        stage: Stage::PostTraining,
        reads: &[Label, Prediction, Facet],
        telling: 10,
        asks: "Are errors in the group more often false negatives than false positives?",
        formula: "FN_d / FP_d − FN_a / FP_a",
        range: "−∞ to ∞, parity at 0",
        family: Family::Errors,
        scale: Scale::Unbounded,
        positive: Meaning::Against,
    },
    Metric {
        code: "CDDL",
        description: "Conditional Demographic Disparity in Labels (CDDL)",
        stage: Stage::PreTraining,
        reads: &[Label, Facet],
        telling: 16,
        asks: "Among rows alike in the group variable, does the group have more of the negative labels than of the positive ones?",
        formula: "Σ nᵢ · (n_d,i⁰ / nᵢ⁰ − n_d,i¹ / nᵢ¹) / Σ nᵢ, over strata i",
        range: "−1 to 1, parity at 0",
        family: Family::Data,
        scale: Scale::Share,
        positive: Meaning::Against,
    },
    Metric {
        code: "CI",
        description: "Class Imbalance (CI)",
        stage: Stage::PreTraining,
        reads: &[Facet],
        telling: 14,
        asks: "Does the group have fewer rows than everyone else?",
        formula: "(n_a − n_d) / (n_a + n_d)",
        range: "−1 to 1, parity at 0",
        family: Family::Data,
        scale: Scale::Share,
        positive: Meaning::Against,
    },
    Metric {
        code: "DPL",
        description: "Difference in Positive Proportions in Labels (DPL)",
        stage: Stage::PreTraining,
        reads: &[Label, Facet],
        telling: 15,
        asks: "Was the group observed positive less often than everyone else?",
        formula: "q_a − q_d, q = share observed positive",
        range: "−1 to 1, parity at 0",
        family: Family::Data,
        scale: Scale::Share,
        positive: Meaning::Against,
    },
    Metric {
        code: "JS",
        description: "Jensen-Shannon Divergence (JS)",
        stage: Stage::PreTraining,
        reads: &[Label, Facet],
        telling: 18,
        asks: "How far are the label distributions of both groups from their mean?",
        formula: "½ [KL(P_a, P) + KL(P_d, P)], P = ½ (P_a + P_d)",
        range: "0 to ln 2 = 0.69, 0 is the same",
        family: Family::Data,
        scale: Scale::Distance,
        positive: Meaning::Neither,
    },
    Metric {
        code: "KL",
        description: "Kullback-Liebler Divergence (KL)",
        stage: Stage::PreTraining,
        reads: &[Label, Facet],
        telling: 17,
        asks: "How much does the label distribution of the group differ from that of everyone else?",
        formula: "Σ P_a ln(P_a / P_d), over label values",
        range: "0 to ∞, 0 is the same",
        family: Family::Data,
        scale: Scale::Distance,
        positive: Meaning::Neither,
    },
    Metric {
        code: "KS",
        description: "Kolmogorov-Smirnov Distance (KS)",
        stage: Stage::PreTraining,
        reads: &[Label, Facet],
        telling: 21,
        asks: "What is the largest difference of both groups in the share of one label?",
        formula: "max |P_a − P_d|, over label values",
        range: "0 to 1, 0 is the same",
        family: Family::Data,
        scale: Scale::Distance,
        positive: Meaning::Neither,
    },
    Metric {
        code: "LP",
        description: "L-p Norm (LP)",
        stage: Stage::PreTraining,
        reads: &[Label, Facet],
        telling: 19,
        asks: "How long is the straight line between the label distributions of both groups?",
        formula: "√ Σ (P_a − P_d)², over label values",
        range: "0 to √2 = 1.41, 0 is the same",
        family: Family::Data,
        scale: Scale::Distance,
        positive: Meaning::Neither,
    },
    Metric {
        code: "TVD",
        description: "Total Variation Distance (TVD)",
        stage: Stage::PreTraining,
        reads: &[Label, Facet],
        telling: 20,
        asks: "What share of labels would have to change for both groups to look the same?",
        formula: "½ Σ |P_a − P_d|, over label values",
        range: "0 to 1, 0 is the same",
        family: Family::Data,
        scale: Scale::Distance,
        positive: Meaning::Neither,
    },
];

/// Whether a metric depends on one of these selections.
pub fn reads_any(code: &str, selections: &[SelectionRole]) -> bool {
    Metric::of(code).is_some_and(|metric| metric.reads.iter().any(|role| selections.contains(role)))
}

/// Whether a metric compares the groups of a facet; one that we do not know is taken to.
pub fn compares_groups(code: &str) -> bool {
    Metric::of(code).is_none_or(Metric::compares_groups)
}

/// The codes of a stage in report order.
pub fn codes_of(stage: Stage) -> impl Iterator<Item = &'static str> {
    METRICS.iter().filter(move |metric| metric.stage == stage).map(|metric| metric.code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_and_codes_come_in_the_order_of_analysis_json() {
        let codes = |stage| codes_of(stage).collect::<Vec<_>>().join(" ");
        assert_eq!(codes(Stage::PostTraining), "AD CDDPL DAR DCA DCR DI DPPL DRR FT GE RD SD TE");
        assert_eq!(codes(Stage::PreTraining), "CDDL CI DPL JS KL KS LP TVD");
        assert_eq!(codes_of(Stage::PostTraining).chain(codes_of(Stage::PreTraining)).count(), METRICS.len());
        assert!(Metric::of("XX").is_none());
    }

    #[test]
    fn a_description_is_a_name_and_its_code() {
        for metric in METRICS {
            let spelled = metric.description.replace("Liebler", "Leibler");
            assert_eq!(spelled, format!("{} ({})", metric.name(), metric.code));
            assert!(metric.asks.ends_with('?'), "{}", metric.asks);
        }
    }

    /// The page of the metrics has a row for each, with its name, and its formulas.
    #[test]
    fn the_documentation_names_every_metric() {
        let page = include_str!("../../../docs/bias-metrics.md");
        for metric in METRICS {
            let row = page.lines().find(|line| line.starts_with(&format!("| {} (", metric.name())));
            assert!(
                row.is_some_and(|row| row.contains(&format!("({})", metric.code))),
                "{}",
                metric.description
            );
        }
    }

    /// The page says which metrics read each selection.
    #[test]
    fn the_documentation_says_what_each_metric_reads() {
        let page = include_str!("../../../docs/bias-metrics.md");
        let readers = |role| {
            let readers = METRICS.iter().filter(|metric| metric.reads.contains(&role));
            readers.map(|metric| metric.code).collect::<Vec<_>>().join(", ")
        };
        for (selection, role) in [("observed labels", Label), ("predicted labels", Prediction)] {
            let row = format!("\n| {selection} | {} |\n", readers(role));
            assert!(page.contains(&row), "{row}");
        }
        let others: Vec<&str> =
            METRICS.iter().filter(|metric| !metric.compares_groups()).map(|m| m.code).collect();
        assert!(others == ["GE"] && page.contains("\n| the facet | all but GE |\n"), "{others:?}");
    }
}
