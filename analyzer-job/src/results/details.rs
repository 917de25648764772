//! What we know beyond `analysis.json`: counts, intervals, verdicts, how the run went. Written as
//! `bias_details.json` and `explanations_details.json`; reports are made from these and
//! `analysis.json` alone, so that they can be made again without the data.
//!
//! Nothing here depends on the clock, so two runs on the same input write the same bytes.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

pub use crate::results::metrics::{SelectionRole, Stage};
use crate::results::{Number, Results, Violation, metrics};
use crate::state::counts::{Groups, LeftOut};

/// The content of `bias_details.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BiasDetails {
    pub run: RunDetails,
    pub label: String,
    pub label_value_or_threshold: String,
    /// Name of the group variable, when there is one.
    pub group_variable: Option<String>,
    pub facets: Vec<FacetDetails>,
    /// When there is a baseline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<Check>,
    /// Selections of no row or every row, and listed values that were read as others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub selections: Vec<SelectionNote>,
    pub left_out: Vec<LeftOut>,
    /// Two facets crossed, when asked for: `facet` reads `"Sex x Race"`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub intersections: Vec<FacetDetails>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub segments: Vec<SegmentDetails>,
}

impl BiasDetails {
    /// The same with other groups.
    pub(crate) fn with_groups(
        &self,
        facets: Vec<FacetDetails>,
        intersections: Vec<FacetDetails>,
        segments: Vec<SegmentDetails>,
    ) -> BiasDetails {
        BiasDetails {
            run: self.run.clone(),
            label: self.label.clone(),
            label_value_or_threshold: self.label_value_or_threshold.clone(),
            group_variable: self.group_variable.clone(),
            facets,
            check: self.check.clone(),
            selections: self.selections.clone(),
            left_out: self.left_out.clone(),
            intersections,
            segments,
        }
    }
}

/// A selection of labels, predictions or a facet's values that people should know of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SelectionNote {
    pub role: SelectionRole,
    pub column: String,
    /// As listed in the configuration.
    pub listed: String,
    /// Values that the column has, or their range.
    pub present: Vec<String>,
    pub selected: Selected,
    /// What the listed values were read as, where the column's type turned them into others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_as: Option<String>,
    pub reason: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Selected {
    NoRow,
    EveryRow,
    Some,
}

impl SelectionNote {
    /// Whether the metrics of a facet, or of two crossed ones, rest on this selection.
    pub fn concerns(&self, facet: &FacetDetails) -> bool {
        let mut columns = facet.facet.split(" x ");
        let is_facet = self.column == facet.facet || columns.any(|column| column == self.column);
        self.role != SelectionRole::Facet || is_facet
    }

    /// Whether nothing can be compared with this selection.
    pub fn is_vacuous(&self) -> bool {
        self.selected != Selected::Some
    }
}

impl std::fmt::Display for SelectionNote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let role = match self.role {
            SelectionRole::Label => "label",
            SelectionRole::Prediction => "predicted label",
            SelectionRole::Facet => "facet",
        };
        let (column, listed) = (&self.column, &self.listed);
        match self.selected {
            Selected::NoRow => write!(f, "{role} `{column}`: no row has the listed value `{listed}`")?,
            Selected::EveryRow => write!(f, "{role} `{column}`: every row is selected by `{listed}`")?,
            Selected::Some => {
                write!(f, "{role} `{column}`: the listed value `{listed}` is changed on reading")?
            }
        }
        if !self.present.is_empty() {
            write!(f, "; its values are {}", self.present.join(", "))?;
        }
        match &self.reason {
            Some(reason) => write!(f, "; {reason}"),
            None => Ok(()),
        }
    }
}

/// One facet value against the rest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FacetDetails {
    pub facet: String,
    pub value_or_threshold: String,
    pub groups: Groups,
    /// Whether `groups` knows predictions.
    pub predicted: bool,
    /// Selections that hold no row or every row: the metrics that read one of them compare nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub empty: Vec<SelectionRole>,
    /// Post-training metrics first, then pre-training, each in report order.
    pub metrics: Vec<MetricDetails>,
}

impl FacetDetails {
    /// Whether the value of a metric says nothing of this facet.
    pub fn says_nothing(&self, code: &str) -> bool {
        metrics::reads_any(code, &self.empty)
    }

    /// Whether a metric says nothing here, or said nothing in the baseline: it cannot tell whether anything moved.
    pub fn compares_nothing(&self, metric: &MetricDetails) -> bool {
        self.says_nothing(&metric.name) || metric.chance.is_some_and(|chance| chance.empty_baseline)
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SegmentDetails {
    /// Name of the segmentation.
    pub segmentation: String,
    /// Name of this segment.
    pub segment: String,
    pub rows: u64,
    /// A group without rows in the segment has no metrics. While a run goes on, only the groups that the report shows have any
    /// (`stages::segments`).
    pub facets: Vec<FacetDetails>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricDetails {
    pub stage: Stage,
    pub name: String,
    pub value: Option<Number>,
    pub error: Option<String>,
    /// Of the value over other rows of the same kind: the interval's length by 3.92, of CDDL and CDDPL the root of their variance.
    pub standard_error: Option<f64>,
    /// 95 % interval.
    pub interval: Option<[Number; 2]>,
    /// Whether the rows are enough for the value to mean something.
    pub enough_rows: bool,
    /// Why not, when they are not.
    pub rows_reason: Option<String>,
    /// Value of the baseline's constraints, when there are any.
    pub baseline: Option<Number>,
    /// The difference from the baseline held against chance, when there is one and it can be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chance: Option<Chance>,
    pub violated: bool,
}

impl MetricDetails {
    /// How the distance from parity compares with that of the baseline; none without a value on either side. Of a metric that
    /// nobody knows parity is taken to be 0.
    pub fn compare_distances(&self) -> Option<Ordering> {
        let (now, then) = (self.value?.value(), self.baseline?.value());
        Some(match metrics::Metric::of(&self.name) {
            Some(metric) => metric.compare_distances(now, then),
            None => now.abs().total_cmp(&then.abs()),
        })
    }

    /// Farther from parity than the baseline, chance aside.
    pub fn is_away(&self) -> bool {
        self.compare_distances() == Some(Ordering::Greater)
    }

    /// Farther from parity than the baseline, beyond what chance explains.
    pub fn is_beyond_chance(&self) -> bool {
        self.is_away() && self.chance.is_some_and(|chance| chance.farther_from_parity)
    }

    /// Farther from 0 than the baseline: the rule of the hosted service, also for a ratio, whose parity is 1.
    pub fn is_farther_from_zero(&self) -> bool {
        self.value.zip(self.baseline).is_some_and(|(now, then)| now.value().abs() > then.value().abs())
    }
}

/// Is a metric farther from its parity than in the baseline beyond chance? The p-values are adjusted for all tests of the run
/// (`drift::error_rate::step_down`).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Chance {
    /// Of "no farther from parity than in the baseline". Parity is 0, of disparate impact 1.
    pub p_value: f64,
    /// The value is farther from parity than the baseline, and `p_value` is at most 1 - `drift_confidence`.
    pub farther_from_parity: bool,
    /// The baseline's value was taken as exact: its counts were not at hand, or a person chose the value.
    pub exact_baseline: bool,
    /// Nobody can tell: too few rows here or in the baseline, a metric that chance cannot judge, or a selection that compares
    /// nothing. The others then say nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unjudged: bool,
    /// A selection that the metric reads held no row or every row in the baseline.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub empty_baseline: bool,
}

/// How the metrics were held against the baseline. Its numbers count each comparison once (`results::comparisons`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// Metrics with a value here and in the baseline that read no selection of no row or every row.
    pub compared: u64,
    /// Metrics with a value here.
    pub measured: u64,
    /// Chance of one or more false alarms is at most 1 minus this.
    pub confidence: f64,
    /// Compared metrics whose baseline value was taken as exact.
    pub exact_baselines: u64,
    /// Whether the baseline has counts: then a value that is taken as exact is one that a person chose.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_counts: bool,
    /// Whether only what is beyond chance is a violation.
    pub beyond_chance_only: bool,
    /// What would be violations if this window counted alone, and are none as too few windows agree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_back: Option<HeldBack>,
    /// Compared metrics of which nobody can tell whether chance explains the difference, where only what is beyond chance is a
    /// violation: they cannot be violations.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unjudged: u64,
    /// Earlier windows that would count, and have neither verdicts on chance nor the counts to find them: they cannot agree.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub mute_windows: u64,
    /// Earlier runs without a baseline: they are no windows.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub runs_without_baseline: u64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Violations of this window alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldBack {
    /// Entries that `constraint_violations.json` would have.
    pub metrics: u64,
    /// So many of the last `of` windows must agree.
    pub agreeing: u64,
    pub of: u64,
    /// Earlier windows that the history lacks for so many to agree.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub missing: u64,
}

impl HeldBack {
    /// `2 of the last 3`.
    pub fn windows_in_words(&self) -> String {
        format!("{} of the last {}", self.agreeing, self.of)
    }
}

/// The content of `explanations_details.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExplanationDetails {
    pub run: RunDetails,
    pub rows_explained: u64,
    pub num_samples: u64,
    pub baseline_rows: u64,
    pub seed: Option<u64>,
    pub use_logit: bool,
    /// `mean_abs`, `mean_sq` or `median`.
    pub aggregation: String,
    /// Estimator by number of players, for instance `exact` for 3 players in 120 rows.
    pub estimators: Vec<EstimatorUse>,
    /// Rows that the model answered for attributions and partial dependence.
    pub model_rows: u64,
    /// Predictions moved into (0, 1) before the logit.
    pub clipped_predictions: u64,
    /// Why the work ended before all samples were spent, when it did.
    pub stopped_early: Option<String>,
    pub outputs: Vec<OutputDetails>,
    /// Rows used for partial dependence, when it was asked for.
    pub pdp_rows: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EstimatorUse {
    pub players: u64,
    pub estimator: String,
    pub rows: u64,
}

/// Outputs of the model with a chapter of their own in the report, the first.
pub const OUTPUTS_WITH_CHAPTER: usize = 12;

/// One output of the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutputDetails {
    pub label: String,
    /// In the order of `global_shap_values`.
    pub features: Vec<FeatureDetails>,
    /// Attribution drift against the baseline, when one was given: nDCG, 1 for the same order.
    pub ndcg: Option<f64>,
    pub violated: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FeatureDetails {
    pub name: String,
    /// Standard error of the global value.
    pub standard_error: Option<f64>,
    /// Mean standard error of the local values.
    pub local_standard_error: Option<f64>,
    /// Global value of the baseline.
    pub baseline: Option<f64>,
    /// Local values at the shares 0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.
    pub quantiles: Option<[f64; 7]>,
    /// A sample of local values with the feature's value mapped to [0, 1] by rank, for the picture:
    /// pairs (attribution, rank), at most 300; rank is none for text and missing values. Empty for outputs without a
    /// chapter in the report.
    pub sample: Vec<(f64, Option<f64>)>,
}

/// How the run went: the same in both files.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RunDetails {
    /// `analyzer-job 0.1.0`.
    pub program: String,
    pub revision: Option<String>,
    pub job_name: Option<String>,
    /// For a title: `Bias baseline`, `Bias monitor`, `Explainability monitor`, ...
    pub kind: String,
    pub endpoint: Option<String>,
    pub schedule: Option<String>,
    /// Start (inclusive) and end (exclusive) of the window, as given.
    pub window: Option<[String; 2]>,
    pub rows: RowCounts,
    pub inputs: Vec<InputDigest>,
    /// Every setting that was used, default or given.
    pub settings: Vec<SettingUsed>,
    pub warnings: Vec<String>,
    pub configuration: Json,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RowCounts {
    /// Lines, documents or rows of the input.
    pub records_read: u64,
    pub records_skipped: Vec<Skipped>,
    /// Rows analysed; a record may hold several.
    pub rows: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    pub reason: String,
    pub records: u64,
    /// The first five, as `file, line n`.
    pub examples: Vec<String>,
}

/// An input file and what its bytes were.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputDigest {
    /// `configuration`, `dataset`, `facets`, `predictions` or `baseline`.
    pub role: String,
    pub name: String,
    pub bytes: u64,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingUsed {
    pub name: String,
    pub value: String,
    /// False for a default.
    pub given: bool,
}

/// Everything a report is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct Findings {
    pub results: Results,
    pub violations: Vec<Violation>,
    pub bias: Option<BiasDetails>,
    pub explanations: Option<ExplanationDetails>,
}

/// Results of an earlier run, for trends and for judging several windows.
#[derive(Debug, Clone, PartialEq)]
pub struct EarlierRun {
    /// Its window, or the file it came from.
    pub name: String,
    pub results: Results,
    /// For its intervals, when it left them.
    pub bias: Option<BiasDetails>,
}
