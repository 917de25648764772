//! The analyzer's settings: what can be said beside the analysis configuration. Names are those of the
//! hosted monitors; every one is an argument, an environment variable and an entry of the job's `Environment`.

mod choices;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use plumbline_common::settings::EXIT_CODES;

use choices::confidence;
pub use choices::{
    AnalysisType, AnalysisTypes, Compat, DriftCheck, DriftRule, EstimatorChoice, OnBadRecord,
    OnNothingCompared, Switch, ValueTyping, Windows,
};

const ABOUT: &str = "Bias metrics, attributions and their drift, from any dataset or from monitoring data";

// A line is a paragraph: the terminal's width wraps it.
const LONG_ABOUT: &str = "\
Bias metrics, attributions and their drift, from any dataset or from monitoring data.

Without a subcommand the job runs as SageMaker Processing starts it: it reads analysis_config.json and the data \
below /opt/ml/processing (SAGEMAKER_BASE_DIR moves /opt/ml), and writes analysis.json, the reports and, when the \
baseline is left behind, constraint_violations.json.

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
    /// Check the configuration and the first records, say what would be computed, write nothing
    Validate {
        /// Make the endpoint that `model_name` asks for, as the job does, ask it a few rows and delete it
        #[arg(long)]
        ask_model: bool,
    },
    /// Put two analysis.json (or constraint_violations.json) side by side; exit code 1 when they differ
    Compare {
        /// The earlier or the hosted service's file
        old: PathBuf,
        /// The later or our file
        new: PathBuf,
        /// Relative difference that still counts as equal
        #[arg(long, default_value_t = 1e-9)]
        tolerance: f64,
    },
    /// Read a part of the data and write what it leaves as a state file, for `combine`
    Fold {
        /// State file, whose name ends in .state [default: NAME.state in the folder `states` of the output]
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// Name of the part [default: that of the state file, else of the host]
        #[arg(long, value_name = "NAME")]
        part: Option<String>,
        /// Names of all parts, so that `combine` misses none
        #[arg(long, value_name = "NAMES", value_delimiter = ',')]
        parts: Option<Vec<String>>,
        /// Only these files of the data: a file with one relative path a line
        #[arg(long, value_name = "LIST")]
        files: Option<PathBuf>,
    },
    /// Make the baseline of the attributions as a file that `methods.shap.baseline` can name, for `fold`
    Baseline {
        /// The file
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Put the states of all parts together and go on as a run over all data does
    Combine {
        /// State files, or folders of them [default: the input named states, else
        /// /opt/ml/processing/input/states]
        states: Vec<PathBuf>,
        /// Names of the parts that must be there [default: those that the states name]
        #[arg(long, value_name = "NAMES", value_delimiter = ',')]
        parts: Option<Vec<String>>,
    },
    /// Write the three reports again from the result files of an earlier run, without its data
    Report {
        /// Folder that holds analysis.json and the details files; the reports go there too
        #[arg(default_value = ".")]
        folder: PathBuf,
    },
}

#[derive(Debug, Clone, Args)]
pub struct Settings {
    /// analysis_config.json, or the folder that holds it [default: the input named analysis_config, else
    /// /opt/ml/processing/input/config]
    #[arg(long, env = "analysis_config", value_name = "PATH", global = true, help_heading = "What to do")]
    pub analysis_config: Option<PathBuf>,

    /// Kind of monitor, or several separated by commas: DATA_QUALITY, MODEL_QUALITY, MODEL_BIAS, MODEL_EXPLAINABILITY;
    /// leave it out for an analysis of a dataset, or a data quality baseline
    #[arg(long, env = "analysis_type", value_name = "LIST", global = true, help_heading = "What to do")]
    pub analysis_type: Option<AnalysisTypes>,

    /// Dataset, or folder of captured or merged records of any depth
    #[arg(long, env = "dataset_source", value_name = "PATH", global = true, help_heading = "Data")]
    pub dataset_source: Option<PathBuf>,

    /// Format of monitoring data as JSON, as monitoring schedules give it; the data themselves tell as well
    #[arg(long, env = "dataset_format", value_name = "JSON", global = true, help_heading = "Data")]
    pub dataset_format: Option<String>,

    /// Folder of ground truth: captures are joined with it first, as merge-job would
    #[arg(long, env = "ground_truth_source", value_name = "PATH", global = true, help_heading = "Data")]
    pub ground_truth_source: Option<PathBuf>,

    /// Folder of the results [default: the job's first output, else /opt/ml/processing/output]
    #[arg(long, env = "output_path", value_name = "PATH", global = true, help_heading = "Data")]
    pub output_path: Option<PathBuf>,

    /// First moment of the window: 2024-01-19T18:00:00Z, or an offset from now such as -PT6H
    #[arg(
        long,
        env = "start_time",
        value_name = "TIME",
        allow_hyphen_values = true,
        global = true,
        help_heading = "Data"
    )]
    pub start_time: Option<String>,

    /// End of the window, itself not in it: a moment, or an offset from now such as -PT0H
    #[arg(
        long,
        env = "end_time",
        value_name = "TIME",
        allow_hyphen_values = true,
        global = true,
        help_heading = "Data"
    )]
    pub end_time: Option<String>,

    /// What a record that cannot be used means
    #[arg(
        long,
        env = "on_bad_record",
        value_enum,
        default_value = "skip",
        global = true,
        help_heading = "Data"
    )]
    pub on_bad_record: OnBadRecord,

    /// Where the features stand in a captured request (JMESPath)
    #[arg(
        long,
        env = "features_attribute",
        value_name = "PATH",
        global = true,
        help_heading = "Captured payloads"
    )]
    pub features_attribute: Option<String>,

    /// Where the predicted label stands in a captured response (JMESPath, or position in CSV)
    #[arg(
        long,
        env = "inference_attribute",
        value_name = "PATH",
        global = true,
        help_heading = "Captured payloads"
    )]
    pub inference_attribute: Option<String>,

    /// Where the score stands in a captured response (JMESPath, or position in CSV)
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
        global = true,
        help_heading = "Captured payloads"
    )]
    pub probability_threshold_attribute: Option<String>,

    /// Where the label stands in the ground truth, when the configuration does not say (JMESPath)
    #[arg(
        long,
        env = "ground_truth_attribute",
        value_name = "PATH",
        global = true,
        help_heading = "Captured payloads"
    )]
    pub ground_truth_attribute: Option<String>,

    /// Captured columns that are no features, separated by commas
    #[arg(
        long,
        env = "exclude_features_attribute",
        value_name = "LIST",
        global = true,
        help_heading = "Captured payloads"
    )]
    pub exclude_features_attribute: Option<String>,

    /// Server that speaks the SageMaker container protocol (POST /invocations), instead of an endpoint
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

    /// Most rows the model may be asked about for attributions; each row then gets fewer coalitions
    #[arg(long, env = "max_model_rows", value_name = "ROWS", global = true, help_heading = "Model")]
    pub max_model_rows: Option<u64>,

    /// A row is done once none of its values has a larger standard error (estimator auto only)
    #[arg(long, env = "target_standard_error", value_name = "NUMBER", global = true, help_heading = "Model")]
    pub target_standard_error: Option<f64>,

    /// analysis.json of the baseline, or its folder, to judge drift against; for the two quality monitors their
    /// constraints.json
    #[arg(long, env = "baseline_constraints", value_name = "PATH", global = true, help_heading = "Judging")]
    pub baseline_constraints: Option<PathBuf>,

    /// statistics.json of the data quality baseline, or its folder
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

    /// data_quality_profile.json.gz of an earlier data quality job, or its folder: in place of the other two files
    #[arg(long, env = "baseline_profile", value_name = "PATH", global = true, help_heading = "Judging")]
    pub baseline_profile: Option<PathBuf>,

    /// What makes a bias metric that is farther from zero than its baseline a violation: its value alone, or only a
    /// difference beyond what chance explains
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

    /// A run in which nothing has changed calls a bias metric changed with a chance of at most 1 minus this
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

    /// A bias metric is a violation only when it is one in this many of the last windows, such as 2/3; the earlier ones
    /// are those of `history`
    #[arg(
        long,
        env = "drift_windows",
        value_name = "K/M",
        default_value = "1/1",
        global = true,
        help_heading = "Judging"
    )]
    pub drift_windows: Windows,

    /// What a check of bias or of model quality means in which no metric was compared
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

    /// Also compute the metrics of every two facets crossed
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

    /// Folder of earlier results, for the report's trends and for drift_windows
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

    /// How far the thresholds of a new model quality baseline lie on the worse side of its values: 2sd (standard
    /// errors) or a number [default: 0, as the hosted service]
    #[arg(
        long,
        env = "constraint_margin",
        value_name = "MARGIN",
        global = true,
        help_heading = "Quality monitors"
    )]
    pub constraint_margin: Option<String>,

    /// Columns whose values quality is told for one by one, separated by commas: names, or positions from 0 among all columns
    /// of the rows that are read; for data quality at most three
    #[arg(
        long,
        env = "segment_columns",
        value_name = "LIST",
        global = true,
        help_heading = "Quality monitors"
    )]
    pub segment_columns: Option<String>,

    /// For model quality of captured records, in place of segment_columns: positions from 0 in CSV requests, paths in JSON
    /// requests, separated by commas
    #[arg(
        long,
        env = "segment_attributes",
        value_name = "LIST",
        global = true,
        help_heading = "Quality monitors"
    )]
    pub segment_attributes: Option<String>,

    /// Rows that a segment of data quality must have
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

    /// Estimate model quality when no row has its label yet, instead of ending without data
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

    /// When a column's distribution has moved: deequ (as the hosted service) counts each distinct value once,
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

    /// Whether 1.0 is a fraction (spelling, as the hosted service) or a whole number (value)
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

    /// A monitoring_config as JSON, laid over the baseline's and written to the new constraints
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

    /// strict: read records and write values exactly as the hosted service, also where that is a mistake
    #[arg(
        long,
        env = "compat",
        value_enum,
        ignore_case = true,
        global = true,
        help_heading = "Quality monitors"
    )]
    pub compat: Option<Compat>,

    /// How data quality makes columns of records: a list of entries as JSON, or the file that holds it
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

    /// Write metric lines for CloudWatch; the platform publishes them for jobs of a schedule
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

    /// These are the settings of one monitor of a run of several: nothing is looked for where a run of one monitor
    /// has it.
    #[arg(skip)]
    pub among_others: bool,

    /// Data quality is one of the monitors of this run.
    #[arg(skip)]
    pub beside_data_quality: bool,

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
