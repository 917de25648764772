//! The analyzer's settings, beside the analysis configuration. Names are those of the hosted monitors. Each setting is
//! an argument, an environment variable and an entry of the job's `Environment`.

mod choices;
mod named;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use plumbline_common::settings::EXIT_CODES;

use choices::confidence;
pub use choices::{
    AnalysisType, AnalysisTypes, Compat, DriftCheck, DriftRule, EstimatorChoice, OnBadRecord,
    OnNothingCompared, Switch, ValueTyping, Windows,
};
pub use named::BaselineNames;

const ABOUT: &str = "Bias metrics, attributions and their drift, from any dataset or from monitoring data";

// A line is a paragraph: the terminal's width wraps it.
const LONG_ABOUT: &str = "\
Bias metrics, attributions and their drift, from any dataset or from monitoring data.

Without a subcommand the job runs as SageMaker Processing starts it: it reads analysis_config.json and the data \
below /opt/ml/processing (SAGEMAKER_BASE_DIR names a folder that replaces /opt/ml), and writes analysis.json, the \
reports and, if there are violations of the baseline, constraint_violations.json.

Every setting is an argument, an environment variable, or an entry in the Environment of the processing job, in this \
order of precedence; the variable of --dataset-source is dataset_source.";

const AFTER: &str = "\
Examples:
  analyzer-job validate --analysis-config config --dataset-source data --output-path result
  analyzer-job --analysis-config config --dataset-source data --output-path result
  analyzer-job compare hosted/analysis.json result/analysis.json
  analyzer-job fold --analysis-config config --dataset-source data/05 --out states/05.state
  analyzer-job combine states --analysis-config config --output-path result

";

#[derive(Debug, Parser)]
#[command(name = "analyzer-job", version = plumbline_common::VERSION, about = ABOUT, long_about = LONG_ABOUT,
          after_long_help = format!("{AFTER}{EXIT_CODES}"))]
pub struct Cli {
    #[command(flatten)]
    pub settings: Settings,
    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check the configuration and the first records, show what would be computed, write nothing
    Validate {
        /// With `model_name`: make the temporary endpoint as the job does, send it a few rows and delete it
        #[arg(long)]
        ask_model: bool,
    },
    /// Compare two analysis.json (or constraint_violations.json) side by side; exit code 1 if they differ
    Compare {
        /// The earlier file, or the one of the hosted service
        old: PathBuf,
        /// The later file, or the one of this program
        new: PathBuf,
        /// Relative difference that still counts as equal
        #[arg(long, default_value_t = 1e-9)]
        tolerance: f64,
    },
    /// Read a part of the data and write its counts to a state file, for `combine`
    Fold {
        /// State file, whose name ends in .state [default: NAME.state in the folder `states` of the output]
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// Name of the part [default: name of the state file, else of the host]
        #[arg(long, value_name = "NAME")]
        part: Option<String>,
        /// Names of all parts, so that `combine` notices a missing one
        #[arg(long, value_name = "NAMES", value_delimiter = ',')]
        parts: Option<Vec<String>>,
        /// Read only the files in this list: a text file with one relative path per line
        #[arg(long, value_name = "LIST")]
        files: Option<PathBuf>,
    },
    /// Write the baseline of the attributions to a file, for `methods.shap.baseline` of all parts of a `fold`
    Baseline {
        /// File for the baseline
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Add up the states of all parts and continue like a run over all data
    Combine {
        /// State files, or folders of them [default: the input named states, else
        /// /opt/ml/processing/input/states]
        states: Vec<PathBuf>,
        /// Names of the required parts [default: the names in the states]
        #[arg(long, value_name = "NAMES", value_delimiter = ',')]
        parts: Option<Vec<String>>,
    },
    /// Write the three reports again from the result files of an earlier run, without its data
    Report {
        /// Folder with analysis.json and the details files; the reports are written there too
        #[arg(default_value = ".")]
        folder: PathBuf,
    },
}

#[derive(Debug, Clone, Args)]
pub struct Settings {
    /// analysis_config.json, or its folder [default: the input named analysis_config, else
    /// /opt/ml/processing/input/config]
    #[arg(long, env = "analysis_config", value_name = "PATH", global = true, help_heading = "What to do")]
    pub analysis_config: Option<PathBuf>,

    /// Kind of monitor, or several separated by commas: DATA_QUALITY, MODEL_QUALITY, MODEL_BIAS, MODEL_EXPLAINABILITY;
    /// leave it out for an analysis of a dataset, or a data quality baseline
    #[arg(long, env = "analysis_type", value_name = "LIST", global = true, help_heading = "What to do")]
    pub analysis_type: Option<AnalysisTypes>,

    /// Dataset, or folder of captured or merged records with all its subfolders
    #[arg(long, env = "dataset_source", value_name = "PATH", global = true, help_heading = "Data")]
    pub dataset_source: Option<PathBuf>,

    /// Format of monitoring data as JSON, as monitoring schedules pass it; if left out, the job finds it from the data
    #[arg(long, env = "dataset_format", value_name = "JSON", global = true, help_heading = "Data")]
    pub dataset_format: Option<String>,

    /// Folder of ground truth; the job then joins the captures with it first, as merge-job does
    #[arg(long, env = "ground_truth_source", value_name = "PATH", global = true, help_heading = "Data")]
    pub ground_truth_source: Option<PathBuf>,

    /// Folder of the results [default: the job's first output, else /opt/ml/processing/output]
    #[arg(long, env = "output_path", value_name = "PATH", global = true, help_heading = "Data")]
    pub output_path: Option<PathBuf>,

    /// Start of the time window: 2024-01-19T18:00:00Z, or an offset from now such as -PT6H
    #[arg(
        long,
        env = "start_time",
        value_name = "TIME",
        allow_hyphen_values = true,
        global = true,
        help_heading = "Data"
    )]
    pub start_time: Option<String>,

    /// End of the time window (excluded): a time, or an offset from now such as -PT0H
    #[arg(
        long,
        env = "end_time",
        value_name = "TIME",
        allow_hyphen_values = true,
        global = true,
        help_heading = "Data"
    )]
    pub end_time: Option<String>,

    /// What to do with a record that cannot be used
    #[arg(
        long,
        env = "on_bad_record",
        value_enum,
        default_value = "skip",
        global = true,
        help_heading = "Data"
    )]
    pub on_bad_record: OnBadRecord,

    /// Location of the features in a captured request (JMESPath)
    #[arg(
        long,
        env = "features_attribute",
        value_name = "PATH",
        global = true,
        help_heading = "Captured payloads"
    )]
    pub features_attribute: Option<String>,

    /// Location of the predicted label in a captured response (JMESPath, or position in CSV)
    #[arg(
        long,
        env = "inference_attribute",
        value_name = "PATH",
        global = true,
        help_heading = "Captured payloads"
    )]
    pub inference_attribute: Option<String>,

    /// Location of the score in a captured response (JMESPath, or position in CSV)
    #[arg(
        long,
        env = "probability_attribute",
        value_name = "PATH",
        global = true,
        help_heading = "Captured payloads"
    )]
    pub probability_attribute: Option<String>,

    /// A score above it counts as positive
    #[arg(
        long,
        env = "probability_threshold_attribute",
        value_name = "NUMBER",
        allow_negative_numbers = true,
        global = true,
        help_heading = "Captured payloads"
    )]
    pub probability_threshold_attribute: Option<String>,

    /// Location of the label in the ground truth, if the configuration has no `label` (JMESPath, or position in CSV)
    #[arg(
        long,
        env = "ground_truth_attribute",
        value_name = "PATH",
        global = true,
        help_heading = "Captured payloads"
    )]
    pub ground_truth_attribute: Option<String>,

    /// Captured columns that are not features, separated by commas
    #[arg(
        long,
        env = "exclude_features_attribute",
        value_name = "LIST",
        global = true,
        help_heading = "Captured payloads"
    )]
    pub exclude_features_attribute: Option<String>,

    /// Address of a server with the SageMaker container protocol (POST /invocations), instead of an endpoint
    #[arg(long, env = "model_url", value_name = "URL", global = true, help_heading = "Model")]
    pub model_url: Option<String>,

    /// Also write the model's predictions of the dataset to predictions.csv
    #[arg(
        long,
        env = "save_predictions",
        value_enum,
        default_value = "disabled",
        ignore_case = true,
        global = true,
        help_heading = "Model"
    )]
    pub save_predictions: Switch,

    /// How Shapley values are estimated
    #[arg(
        long,
        env = "estimator",
        value_enum,
        default_value = "auto",
        ignore_case = true,
        global = true,
        help_heading = "Model"
    )]
    pub estimator: EstimatorChoice,

    /// Largest number of rows to send to the model for attributions; each explained row then gets fewer coalitions
    #[arg(long, env = "max_model_rows", value_name = "ROWS", global = true, help_heading = "Model")]
    pub max_model_rows: Option<u64>,

    /// Stop sampling for a row when the standard errors of all its values are at most this (estimator auto only)
    #[arg(long, env = "target_standard_error", value_name = "NUMBER", global = true, help_heading = "Model")]
    pub target_standard_error: Option<f64>,

    /// analysis.json of the baseline, or its folder, to check for drift; for the two quality monitors their
    /// constraints.json
    #[arg(long, env = "baseline_constraints", value_name = "PATH", global = true, help_heading = "Judging")]
    pub baseline_constraints: Option<PathBuf>,

    /// statistics.json of the quality monitor's baseline, or its folder
    #[arg(long, env = "baseline_statistics", value_name = "PATH", global = true, help_heading = "Judging")]
    pub baseline_statistics: Option<PathBuf>,

    /// Baseline of the data quality monitor: the results of its baseline job, or their folder. A run of several monitors
    /// can name each monitor's baseline by such a setting
    #[arg(long, env = "data_quality_baseline", value_name = "PATH", global = true, help_heading = "Judging")]
    pub data_quality_baseline: Option<PathBuf>,

    /// Baseline of the model quality monitor
    #[arg(
        long,
        env = "model_quality_baseline",
        value_name = "PATH",
        global = true,
        help_heading = "Judging"
    )]
    pub model_quality_baseline: Option<PathBuf>,

    /// Baseline of the bias monitor
    #[arg(long, env = "model_bias_baseline", value_name = "PATH", global = true, help_heading = "Judging")]
    pub model_bias_baseline: Option<PathBuf>,

    /// Baseline of the explainability monitor
    #[arg(
        long,
        env = "model_explainability_baseline",
        value_name = "PATH",
        global = true,
        help_heading = "Judging"
    )]
    pub model_explainability_baseline: Option<PathBuf>,

    /// data_quality_profile.json.gz of an earlier data quality job, or its folder, instead of the other two files
    #[arg(long, env = "baseline_profile", value_name = "PATH", global = true, help_heading = "Judging")]
    pub baseline_profile: Option<PathBuf>,

    /// When a bias metric is a violation: if its value is farther from zero than the baseline, or only if chance does not
    /// explain the difference
    #[arg(
        long,
        env = "bias_drift_check",
        value_enum,
        default_value = "value",
        ignore_case = true,
        global = true,
        help_heading = "Judging"
    )]
    pub bias_drift_check: DriftCheck,

    /// From 0.5 to below 1: if nothing has changed, the chance that one or more bias metrics of the run are called changed
    /// is at most 1 minus this number
    #[arg(
        long,
        env = "drift_confidence",
        value_name = "NUMBER",
        default_value_t = 0.95,
        value_parser = confidence,
        global = true,
        help_heading = "Judging"
    )]
    pub drift_confidence: f64,

    /// A bias metric is a violation only if it is one in this window and in at least K of the last M windows, such as 2/3;
    /// the earlier windows are in `history`
    #[arg(
        long,
        env = "drift_windows",
        value_name = "K/M",
        default_value = "1/1",
        global = true,
        help_heading = "Judging"
    )]
    pub drift_windows: Windows,

    /// What to do if a check of bias or of model quality compared no metric
    #[arg(
        long,
        env = "on_nothing_compared",
        value_enum,
        default_value = "fail",
        ignore_case = true,
        global = true,
        help_heading = "Judging"
    )]
    pub on_nothing_compared: OnNothingCompared,

    /// Also compute the metrics of each pair of facets combined
    #[arg(
        long,
        env = "intersections",
        value_enum,
        default_value = "disabled",
        ignore_case = true,
        global = true,
        help_heading = "Judging"
    )]
    pub intersections: Switch,

    /// Folder of earlier results, for the trends in the report and for drift_windows
    #[arg(long, env = "history", value_name = "PATH", global = true, help_heading = "Judging")]
    pub history: Option<PathBuf>,

    /// Kind of problem of a model quality monitor: BinaryClassification, MulticlassClassification or Regression
    #[arg(long, env = "problem_type", value_name = "NAME", global = true, help_heading = "Quality monitors")]
    pub problem_type: Option<String>,

    /// Label that counts as positive in a binary problem
    #[arg(
        long,
        env = "positive_label",
        value_name = "VALUE",
        global = true,
        help_heading = "Quality monitors"
    )]
    pub positive_label: Option<String>,

    /// Distance of the thresholds of a new model quality baseline from its values, towards the worse side: 2sd
    /// (standard errors) or a number [default: 0, as in the hosted service]
    #[arg(
        long,
        env = "constraint_margin",
        value_name = "MARGIN",
        global = true,
        help_heading = "Quality monitors"
    )]
    pub constraint_margin: Option<String>,

    /// Columns by whose values the rows are divided into segments, separated by commas: names, or positions from 0 among
    /// all columns of the rows that are read; for data quality at most three
    #[arg(
        long,
        env = "segment_columns",
        value_name = "LIST",
        global = true,
        help_heading = "Quality monitors"
    )]
    pub segment_columns: Option<String>,

    /// For model quality of captured records, instead of segment_columns: positions from 0 in CSV requests, paths in JSON
    /// requests, separated by commas
    #[arg(
        long,
        env = "segment_attributes",
        value_name = "LIST",
        global = true,
        help_heading = "Quality monitors"
    )]
    pub segment_attributes: Option<String>,

    /// Smallest number of rows of a data quality segment
    #[arg(
        long,
        env = "segment_minimum_rows",
        value_name = "ROWS",
        default_value_t = 100,
        global = true,
        help_heading = "Quality monitors"
    )]
    pub segment_minimum_rows: u64,

    /// analysis.json of an explainability run, or its folder: columns that moved are ranked by their effect times their
    /// share of the attributions
    #[arg(long, env = "attributions", value_name = "PATH", global = true, help_heading = "Quality monitors")]
    pub attributions: Option<PathBuf>,

    /// Estimate model quality if no row has a label yet, instead of failing for lack of data
    #[arg(
        long,
        env = "estimate_without_labels",
        value_enum,
        default_value = "disabled",
        ignore_case = true,
        global = true,
        help_heading = "Quality monitors"
    )]
    pub estimate_without_labels: Switch,

    /// How a column's drift is measured: deequ (as in the hosted service) counts each distinct value once,
    /// weighted counts every row
    #[arg(
        long,
        env = "drift_rule",
        value_enum,
        default_value = "deequ",
        ignore_case = true,
        global = true,
        help_heading = "Quality monitors"
    )]
    pub drift_rule: DriftRule,

    /// Whether 1.0 is a fraction (spelling, as in the hosted service) or a whole number (value)
    #[arg(
        long,
        env = "value_typing",
        value_enum,
        default_value = "spelling",
        ignore_case = true,
        global = true,
        help_heading = "Quality monitors"
    )]
    pub value_typing: ValueTyping,

    /// A monitoring_config as JSON; it overrides the baseline's and is written to the new constraints
    #[arg(
        long,
        env = "data_quality_monitoring_config",
        value_name = "JSON",
        global = true,
        help_heading = "Quality monitors"
    )]
    pub data_quality_monitoring_config: Option<String>,

    /// How categories are compared: LInfinity or ChiSquared
    #[arg(
        long,
        env = "categorical_drift_method",
        value_name = "NAME",
        global = true,
        help_heading = "Quality monitors"
    )]
    pub categorical_drift_method: Option<String>,

    /// strict: read records and write values exactly as the hosted service does, including its mistakes
    #[arg(
        long,
        env = "compat",
        value_enum,
        ignore_case = true,
        global = true,
        help_heading = "Quality monitors"
    )]
    pub compat: Option<Compat>,

    /// How data quality makes columns from records: a list of entries as JSON, or a file with this list
    #[arg(long, env = "columns", value_name = "JSON|PATH", global = true, help_heading = "Quality monitors")]
    pub columns: Option<String>,

    /// Python script with a preprocess_handler for each record
    #[arg(
        long,
        env = "record_preprocessor_script",
        value_name = "PATH",
        global = true,
        help_heading = "Quality monitors"
    )]
    pub record_preprocessor_script: Option<PathBuf>,

    /// Python script with a postprocess_handler for the end of the job
    #[arg(
        long,
        env = "post_analytics_processor_script",
        value_name = "PATH",
        global = true,
        help_heading = "Quality monitors"
    )]
    pub post_analytics_processor_script: Option<PathBuf>,

    /// Write metric lines for CloudWatch; SageMaker publishes them for jobs of a schedule
    #[arg(
        long,
        env = "publish_cloudwatch_metrics",
        value_enum,
        default_value = "disabled",
        ignore_case = true,
        global = true,
        help_heading = "CloudWatch"
    )]
    pub publish_cloudwatch_metrics: Switch,

    /// Publish the metrics to this namespace with PutMetricData
    #[arg(
        long,
        env = "cloudwatch_namespace",
        value_name = "NAME",
        global = true,
        help_heading = "CloudWatch"
    )]
    pub cloudwatch_namespace: Option<String>,

    /// Time of the metric lines [default: start_time, else now]
    #[arg(long, env = "metric_time", value_name = "TIME", global = true, help_heading = "CloudWatch")]
    pub metric_time: Option<String>,

    /// Name of the monitored endpoint, for metric dimensions and the report
    #[arg(
        long,
        env = "sagemaker_endpoint_name",
        value_name = "NAME",
        global = true,
        help_heading = "CloudWatch"
    )]
    pub sagemaker_endpoint_name: Option<String>,

    /// Name of the monitoring schedule, for metric dimensions and the report
    #[arg(
        long,
        env = "sagemaker_monitoring_schedule_name",
        value_name = "NAME",
        global = true,
        help_heading = "CloudWatch"
    )]
    pub sagemaker_monitoring_schedule_name: Option<String>,

    /// How much is logged: error, warn, info, debug [default: info]
    #[arg(long, env = "log_level", value_name = "LEVEL", value_parser = plumbline_common::log::LEVELS, ignore_case = true,
          global = true)]
    pub log_level: Option<String>,

    /// These are the settings of one monitor in a run of several: the default paths of a run of one monitor are not used.
    #[arg(skip)]
    pub among_others: bool,

    /// Data quality is one of the monitors of this run.
    #[arg(skip)]
    pub beside_data_quality: bool,

    /// What named the files of the baseline.
    #[arg(skip)]
    pub baseline_names: BaselineNames,

    /// What is to be said of baselines that are named and not used.
    #[arg(skip)]
    pub unused_baselines: Vec<String>,

    /// The analysis configuration serves a bias and an explainability monitor of the same run.
    #[arg(skip)]
    pub shared_configuration: bool,
}

impl Settings {
    /// The one monitor of this run.
    pub fn monitor(&self) -> Option<AnalysisType> {
        self.analysis_type.as_ref().and_then(AnalysisTypes::single)
    }
}
