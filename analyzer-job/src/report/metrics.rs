//! What each bias metric asks, and which way it points: the glossary, and the grouping of the
//! pictures. Formulas are those of the SageMaker developer guide, pages "Measure Pretraining Bias"
//! and "Measure Post-training Data and Model Bias".

/// A metric in words.
#[derive(Debug)]
pub(super) struct Metric {
    pub code: &'static str,
    /// Long name as the guide has it.
    pub name: &'static str,
    /// In everyday words; stands before the code everywhere.
    pub plain: &'static str,
    pub asks: &'static str,
    pub formula: &'static str,
    pub range: &'static str,
    pub family: Family,
    pub scale: Scale,
    /// What a positive value means for the facet.
    pub positive: Meaning,
}

/// The question that a group of metrics answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Picks,
    Errors,
    Calibration,
    Data,
}

/// The axis that a metric's values stand on. Only metrics of one scale share an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scale {
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
pub(super) enum Meaning {
    /// The facet is worse off.
    Against,
    /// The facet is better off.
    For,
    /// No direction.
    Neither,
}

impl Metric {
    /// The metric of a code, if we know it.
    pub(super) fn of(code: &str) -> Option<&'static Metric> {
        METRICS.iter().find(|metric| metric.code == code)
    }

    /// The value that means no difference.
    pub(super) fn parity(&self) -> f64 {
        if self.scale == Scale::Ratio { 1.0 } else { 0.0 }
    }
}

impl Family {
    /// In the order of the report.
    pub(super) const ALL: [Family; 4] = [Family::Picks, Family::Errors, Family::Calibration, Family::Data];

    pub(super) fn question(self) -> &'static str {
        match self {
            Family::Picks => "Who gets the positive prediction?",
            Family::Errors => "Is the model wrong more often for them?",
            Family::Calibration => "Does the model give what was observed?",
            Family::Data => "Is the data itself lopsided?",
        }
    }

    /// What left and right of parity mean on a two-sided axis.
    pub(super) fn sides(self, scale: Scale) -> [&'static str; 2] {
        match (self, scale) {
            (Family::Errors, Scale::Unbounded) => ["more misses among errors", "more wrong picks"],
            (Family::Errors, _) => ["wrong more often for them", "less often"],
            _ => ["against them", "for them"],
        }
    }
}

/// In the order of the glossary: by question, the most telling first. `a` is everyone else, `d` the
/// facet; a hat marks predictions; 1 is the positive label.
pub(super) const METRICS: &[Metric] = &[
    Metric {
        code: "DI",
        name: "Disparate Impact",
        plain: "Ratio of picks",
        asks: "How often is the facet predicted positive, for each time everyone else is?",
        formula: "q̂_d / q̂_a, q̂ = share predicted positive",
        range: "0 to ∞, parity at 1; below 0.8 fails the four-fifths rule",
        family: Family::Picks,
        scale: Scale::Ratio,
        positive: Meaning::For,
    },
    Metric {
        code: "DPPL",
        name: "Difference in Positive Proportions in Predicted Labels",
        plain: "Gap in picks",
        asks: "How many more of everyone else are predicted positive, in shares of each group?",
        formula: "q̂_a − q̂_d",
        range: "−1 to 1, parity at 0",
        family: Family::Picks,
        scale: Scale::Share,
        positive: Meaning::Against,
    },
    Metric {
        code: "CDDPL",
        name: "Conditional Demographic Disparity in Predicted Labels",
        plain: "Gap in picks, like with like",
        asks: "Within each stratum, does the facet hold more of the rejections than of the picks?",
        formula: "Σ nᵢ · (n̂_d,i⁰ / n̂ᵢ⁰ − n̂_d,i¹ / n̂ᵢ¹) / Σ nᵢ, over strata i",
        range: "−1 to 1, parity at 0",
        family: Family::Picks,
        scale: Scale::Share,
        positive: Meaning::Against,
    },
    Metric {
        code: "FT",
        name: "Flip Test",
        plain: "Against similar rows",
        asks: "Do the most similar rows of everyone else get another prediction?",
        formula: "(F⁺ − F⁻) / n_d; F⁺: facet rows predicted positive whose neighbours are not, F⁻ the reverse",
        range: "−1 to 1, parity at 0",
        family: Family::Picks,
        scale: Scale::Share,
        positive: Meaning::For,
    },
    Metric {
        code: "RD",
        name: "Recall Difference",
        plain: "True positives found",
        asks: "Of those that truly are positive, does the model find fewer in the facet?",
        formula: "TP_a / (TP_a + FN_a) − TP_d / (TP_d + FN_d)",
        range: "−1 to 1, parity at 0",
        family: Family::Errors,
        scale: Scale::Share,
        positive: Meaning::Against,
    },
    Metric {
        code: "SD",
        name: "Specificity Difference",
        plain: "True negatives found",
        asks: "Of those that truly are negative, does the model find more in the facet?",
        formula: "TN_d / (TN_d + FP_d) − TN_a / (TN_a + FP_a)",
        range: "−1 to 1, parity at 0",
        family: Family::Errors,
        scale: Scale::Share,
        positive: Meaning::For,
    },
    Metric {
        code: "DAR",
        name: "Difference in Acceptance Rates",
        plain: "Right when it says yes",
        asks: "When the model predicts positive, is it right less often for the facet?",
        formula: "TP_a / n̂_a¹ − TP_d / n̂_d¹",
        range: "−1 to 1, parity at 0",
        family: Family::Errors,
        scale: Scale::Share,
        positive: Meaning::Against,
    },
    Metric {
        code: "DRR",
        name: "Difference in Rejection Rates",
        plain: "Right when it says no",
        asks: "When the model predicts negative, is it right more often for the facet?",
        formula: "TN_d / n̂_d⁰ − TN_a / n̂_a⁰",
        range: "−1 to 1, parity at 0",
        family: Family::Errors,
        scale: Scale::Share,
        positive: Meaning::For,
    },
    Metric {
        code: "AD",
        name: "Accuracy Difference",
        plain: "Right at all",
        asks: "Is the model right less often for the facet?",
        formula: "(TP_a + TN_a) / n_a − (TP_d + TN_d) / n_d",
        range: "−1 to 1, parity at 0",
        family: Family::Errors,
        scale: Scale::Share,
        positive: Meaning::Against,
    },
    Metric {
        code: "TE",
        name: "Treatment Equality",
        plain: "Kind of errors",
        asks: "Are errors on the facet more often misses than undeserved picks?",
        formula: "FN_d / FP_d − FN_a / FP_a",
        range: "−∞ to ∞, parity at 0",
        family: Family::Errors,
        scale: Scale::Unbounded,
        positive: Meaning::Against,
    },
    Metric {
        code: "GE",
        name: "Generalized Entropy",
        plain: "Uneven benefit",
        asks: "How unevenly are right and wrong predictions spread over all rows, whatever the group?",
        formula: "Σ ((bᵢ / μ)² − 1) / 2n; bᵢ = ŷᵢ − yᵢ + 1, μ = mean b",
        range: "0 and up, 0 is even",
        family: Family::Errors,
        scale: Scale::Distance,
        positive: Meaning::Neither,
    },
    Metric {
        code: "DCA",
        name: "Difference in Conditional Acceptance",
        plain: "Observed for each pick",
        asks: "For each positive prediction, were more positives observed among everyone else?",
        formula: "n_a¹ / n̂_a¹ − n_d¹ / n̂_d¹",
        range: "−∞ to ∞, parity at 0",
        family: Family::Calibration,
        scale: Scale::Unbounded,
        positive: Meaning::For,
    },
    Metric {
        code: "DCR",
        name: "Difference in Conditional Rejection",
        plain: "Observed for each rejection",
        asks: "For each negative prediction, were more negatives observed in the facet?",
        formula: "n_d⁰ / n̂_d⁰ − n_a⁰ / n̂_a⁰",
        range: "−∞ to ∞, parity at 0",
        family: Family::Calibration,
        scale: Scale::Unbounded,
        positive: Meaning::For,
    },
    Metric {
        code: "CI",
        name: "Class Imbalance",
        plain: "Rows in the data",
        asks: "Does the facet have fewer rows than everyone else?",
        formula: "(n_a − n_d) / (n_a + n_d)",
        range: "−1 to 1, parity at 0",
        family: Family::Data,
        scale: Scale::Share,
        positive: Meaning::Against,
    },
    Metric {
        code: "DPL",
        name: "Difference in Positive Proportions in Labels",
        plain: "Gap in observed positives",
        asks: "How many more of everyone else were observed positive, in shares of each group?",
        formula: "q_a − q_d, q = share observed positive",
        range: "−1 to 1, parity at 0",
        family: Family::Data,
        scale: Scale::Share,
        positive: Meaning::Against,
    },
    Metric {
        code: "CDDL",
        name: "Conditional Demographic Disparity in Labels",
        plain: "Gap in observed positives, like with like",
        asks: "Within each stratum, does the facet hold more of the negatives than of the positives?",
        formula: "Σ nᵢ · (n_d,i⁰ / nᵢ⁰ − n_d,i¹ / nᵢ¹) / Σ nᵢ, over strata i",
        range: "−1 to 1, parity at 0",
        family: Family::Data,
        scale: Scale::Share,
        positive: Meaning::Against,
    },
    Metric {
        code: "KL",
        name: "Kullback-Leibler Divergence",
        plain: "Distance of labels, by information",
        asks: "How surprising are the facet's labels to one who knows everyone else's?",
        formula: "Σ P_a ln(P_a / P_d), over label values",
        range: "0 to ∞, 0 is the same",
        family: Family::Data,
        scale: Scale::Distance,
        positive: Meaning::Neither,
    },
    Metric {
        code: "JS",
        name: "Jensen-Shannon Divergence",
        plain: "Distance of labels, from the middle",
        asks: "How far are the labels of both groups from their average?",
        formula: "½ [KL(P_a, P) + KL(P_d, P)], P = ½ (P_a + P_d)",
        range: "0 to ln 2 = 0.69, 0 is the same",
        family: Family::Data,
        scale: Scale::Distance,
        positive: Meaning::Neither,
    },
    Metric {
        code: "LP",
        name: "L-p Norm",
        plain: "Distance of labels, straight line",
        asks: "How long is the straight line between the label shares of both groups?",
        formula: "√ Σ (P_a − P_d)², over label values",
        range: "0 to √2 = 1.41, 0 is the same",
        family: Family::Data,
        scale: Scale::Distance,
        positive: Meaning::Neither,
    },
    Metric {
        code: "TVD",
        name: "Total Variation Distance",
        plain: "Distance of labels, half the sum",
        asks: "What share of labels would have to change for both groups to look the same?",
        formula: "½ Σ |P_a − P_d|, over label values",
        range: "0 to 1, 0 is the same",
        family: Family::Data,
        scale: Scale::Distance,
        positive: Meaning::Neither,
    },
    Metric {
        code: "KS",
        name: "Kolmogorov-Smirnov Distance",
        plain: "Distance of labels, the largest",
        asks: "What is the largest gap between both groups in the share of one label value?",
        formula: "max |P_a − P_d|, over label values",
        range: "0 to 1, 0 is the same",
        family: Family::Data,
        scale: Scale::Distance,
        positive: Meaning::Neither,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_of_the_service_has_its_words() {
        for code in [
            "CDDL", "CI", "DPL", "JS", "KL", "KS", "LP", "TVD", "AD", "CDDPL", "DAR", "DCA", "DCR", "DI",
            "DPPL", "DRR", "FT", "GE", "RD", "SD", "TE",
        ] {
            assert!(Metric::of(code).is_some(), "{code}");
        }
        assert_eq!(METRICS.len(), 21);
        assert!(Metric::of("XX").is_none());
    }
}
