//! The analysis configuration, checked: every value here is valid and every default filled in.

pub mod check;
mod document;
mod faults;
pub mod monitoring;
pub mod rules;
pub mod schema;
pub(crate) mod templates;
#[cfg(test)]
mod tests;

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::values::numbers::repr;

/// Which rules hold for a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A processing job on a dataset: the whole schema.
    Processing,
    /// A monitoring job: `dataset_type` and `methods` may be absent, and `monitoring::complete` fills in
    /// what the job's environment tells.
    Monitoring,
}

/// What the job was asked to do.
#[derive(Debug, Clone)]
pub struct Analysis {
    pub dataset: Dataset,
    /// Column or JMESPath of the observed label.
    pub label: Option<Location>,
    /// Position of the label among the cells of a row of captured ground truth in CSV; none: every cell is a label.
    pub truth_position: Option<usize>,
    /// Column or JMESPath of predictions that stand in the dataset.
    pub predicted_label: Option<Location>,
    pub label_values_or_threshold: Vec<Scalar>,
    /// A score strictly greater counts as positive.
    pub probability_threshold: f64,
    /// The threshold was given and is not the default.
    pub threshold_given: bool,
    pub facets: Vec<Facet>,
    pub group_variable: Option<Location>,
    pub segments: Vec<Segments>,
    pub methods: Methods,
    pub predictor: Option<Predictor>,
    /// The configuration as it was given.
    pub given: Json,
}

/// What a report and a state show of a text that nobody may read.
const HIDDEN: &str = "***";

impl Analysis {
    /// The configuration as it was given, for reports and states: of `custom_attributes`, in which tokens stand, only that
    /// it is set.
    pub fn without_secrets(&self) -> Json {
        let mut given = self.given.clone();
        if let Some(attributes) = given.pointer_mut("/predictor/custom_attributes") {
            *attributes = HIDDEN.into();
        }
        given
    }

    /// Whether a model has to be asked. `predictions_captured`: every row brings the model's answer along.
    pub fn needs_model(&self, predictions_captured: bool) -> bool {
        self.explains() || self.needs_predictions(predictions_captured)
    }

    /// Whether attributions or partial dependence were asked for.
    pub fn explains(&self) -> bool {
        self.methods.shap.is_some() || self.methods.pdp.is_some()
    }

    /// Whether the place of the predicted label is all that is known of an answer: a number with decimals there may be
    /// a score.
    pub fn label_may_be_score(&self) -> bool {
        let only_label = |predictor: &Predictor| predictor.label.is_some() && predictor.probability.is_none();
        self.predicted_label.is_none() && self.predictor.as_ref().is_some_and(only_label)
    }

    /// Whether a model must predict the labels that bias metrics are computed from. A prediction dataset
    /// has its label by default, so `predicted_label` tells of it too.
    pub fn needs_predictions(&self, predictions_captured: bool) -> bool {
        self.methods.post_training_bias.is_some() && self.predicted_label.is_none() && !predictions_captured
    }
}

/// Where the rows come from and what their columns are called.
#[derive(Debug, Clone, Default)]
pub struct Dataset {
    /// None only in monitoring, where the captured content types tell.
    pub format: Option<DatasetFormat>,
    /// Wins over the job's input named `dataset`. `s3://` or a local path.
    pub uri: Option<String>,
    pub headers: Option<Vec<String>>,
    /// JMESPath of the features in JSON and JSON Lines.
    pub features: Option<String>,
    pub facet_dataset: Option<SideDataset>,
    pub predicted_label_dataset: Option<SideDataset>,
    /// Identifier column by which datasets are joined; never a feature.
    pub join_source: Option<Location>,
    /// Columns that are not sent to the model.
    pub excluded_columns: Vec<Location>,
    /// Of a part of the data: its files may spell the names of the first file, which is in another part, in another case.
    pub names_in_any_case: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DatasetFormat {
    Csv,
    JsonLines,
    Json,
    Parquet,
    Capture,
}

/// A CSV file of its own for facets or predicted labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SideDataset {
    pub uri: String,
    pub headers: Option<Vec<String>>,
}

/// A column's name or JMESPath, or its zero-based position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    Name(String),
    Index(usize),
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Location::Name(name) => f.write_str(name),
            Location::Index(idx) => write!(f, "{idx}"),
        }
    }
}

/// A value in one of the configuration's lists.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    Int(i64),
    Float(f64),
    Text(String),
}

/// As Python prints the value: `1`, `1.0`, `abc`.
impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scalar::Int(value) => write!(f, "{value}"),
            Scalar::Float(value) => f.write_str(&repr(*value)),
            Scalar::Text(text) => f.write_str(text),
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Facet {
    pub column: Location,
    /// Values of the sensitive group, or one threshold. Empty: every value in turn against the rest.
    pub values: Vec<Scalar>,
}

/// One way to cut the rows into segments.
#[derive(Debug, Clone, PartialEq)]
pub struct Segments {
    pub name: Option<String>,
    pub column: Location,
    pub segments: Vec<Vec<Scalar>>,
    pub aliases: Option<Vec<String>>,
}

/// Which analyses run. At least one of the first four is set.
#[derive(Debug, Clone)]
pub struct Methods {
    /// Codes of the metrics asked for, in report order.
    pub pre_training_bias: Option<Vec<&'static str>>,
    pub post_training_bias: Option<Vec<&'static str>>,
    pub shap: Option<Shap>,
    pub pdp: Option<Pdp>,
    pub report: ReportNames,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportNames {
    /// Base name of the report files.
    pub name: String,
    pub title: String,
}

#[derive(Debug, Clone)]
pub struct Shap {
    pub baseline: Baseline,
    /// Coalitions per explained row.
    pub num_samples: Option<u64>,
    pub aggregation: Aggregation,
    pub use_logit: bool,
    pub save_local_values: bool,
    pub seed: Option<u64>,
    /// Empty: all features.
    pub features_to_explain: Vec<Location>,
}

/// Rows that stand in for absent features.
#[derive(Debug, Clone)]
pub enum Baseline {
    /// Made by clustering; none: the best number from 1 to 12.
    Clusters(Option<usize>),
    Uri(String),
    /// As the configuration has it: rows for CSV, objects for JSON Lines, one object for JSON.
    Inline(Json),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Aggregation {
    MeanAbs,
    MeanSq,
    Median,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pdp {
    pub grid_resolution: usize,
    /// Empty: the features with the largest global attributions.
    pub features: Vec<Location>,
    pub top_k_features: usize,
}

/// How the model is reached and spoken to. By default there is no model, and answers stand in captures.
#[derive(Debug, Clone, Default)]
pub struct Predictor {
    pub target: Target,
    pub target_model: Option<String>,
    pub custom_attributes: Option<String>,
    /// None: that of the dataset, or of the capture.
    pub content_type: Option<ContentType>,
    /// None: the content type, or in monitoring that of the captured output.
    pub accept_type: Option<ContentType>,
    pub content_template: Option<String>,
    pub record_template: Option<String>,
    /// Where the predicted label stands in the response.
    pub label: Option<Location>,
    /// Where the scores stand in the response; none: the whole response.
    pub probability: Option<Location>,
    pub label_headers: Option<Vec<String>>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Target {
    /// An endpoint that is there.
    Endpoint(String),
    /// A model for which the job makes an endpoint and deletes it.
    Model(ShadowEndpoint),
    /// Neither was given: only `model_url` can reach a model.
    #[default]
    None,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShadowEndpoint {
    pub model_name: String,
    pub instance_type: String,
    pub initial_instance_count: u32,
    pub accelerator_type: Option<String>,
    /// Default `sm-clarify`.
    pub name_prefix: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ContentType {
    Csv,
    JsonLines,
    Json,
}

impl ContentType {
    pub fn mime(self) -> &'static str {
        match self {
            ContentType::Csv => "text/csv",
            ContentType::JsonLines => "application/jsonlines",
            ContentType::Json => "application/json",
        }
    }
}
