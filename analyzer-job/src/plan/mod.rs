//! From settings and configuration to what this run does: where everything stands, and which kind of run it is.

mod baselines;
pub(crate) mod headers;
pub mod monitors;
pub(crate) mod unused;

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use plumbline_common::input::{self, InputFile, Lines};
use plumbline_common::job::Job;
use plumbline_common::record::Record;
use plumbline_common::{Problem, Result, codes, moment, output};
use serde_json::Value as Json;

use crate::config::check::{self, Kind};
use crate::config::monitoring::{self, Attributes, MonitorKind};
use crate::config::rules;
use crate::config::{Analysis, DatasetFormat};
use crate::read::digest;
use crate::results::details::InputDigest;
use crate::settings::{AnalysisType, EstimatorChoice, Settings};

/// What this run does.
#[derive(Debug)]
pub struct Plan {
    pub analysis: Analysis,
    pub config_path: PathBuf,
    /// Of the bytes of the configuration that were read.
    pub config_digest: InputDigest,
    pub monitor: bool,
    /// A local path or an `s3://` address.
    pub dataset: String,
    /// Labels that the captures are joined with before they are analysed.
    pub ground_truth: Option<PathBuf>,
    pub output: PathBuf,
    pub constraints: Option<PathBuf>,
    /// Start (inclusive) and end (exclusive).
    pub window: Option<(Timestamp, Timestamp)>,
    /// Time of the metric lines, when something other than the clock gives it.
    pub metric_time: Option<Timestamp>,
    pub warnings: Vec<String>,
    /// Settings of other monitors, which change nothing in this run. They are told, and not written with the results, which are the
    /// same beside those monitors.
    pub of_others: Vec<String>,
}

impl Plan {
    pub fn bias(&self) -> bool {
        self.analysis.methods.pre_training_bias.is_some()
            || self.analysis.methods.post_training_bias.is_some()
    }

    pub fn explains(&self) -> bool {
        self.analysis.explains()
    }

    /// Whether predictions for the bias metrics must be asked of a model.
    pub fn predicts(&self) -> bool {
        self.analysis.needs_predictions(self.reads_captures())
    }

    /// Whether a model must be asked, for predictions or to explain them.
    pub fn asks_model(&self) -> bool {
        self.analysis.needs_model(self.reads_captures())
    }

    /// Whether the configuration tells how the model is asked, where one must be.
    ///
    /// # Errors
    /// `CONFIG_SCHEMA` with what the predictor lacks.
    pub fn check_model(&self, has_model_url: bool) -> Result<()> {
        rules::model(&self.analysis, has_model_url, self.reads_captures())
            .map_err(|problem| problem.file(&self.config_path))
    }

    /// Whether the data are captured records, those outside of the window being passed over.
    pub fn reads_captures(&self) -> bool {
        self.monitor && matches!(self.analysis.dataset.format, Some(DatasetFormat::Capture) | None)
    }

    /// Whether results can be put where they belong: a folder that can be written to, apart from the data.
    ///
    /// # Errors
    /// `FILE_OPERATION_FAILED`, `SETTING_INVALID`.
    pub fn check_output(&self) -> Result<()> {
        output::check_folder(&self.output)?;
        self.inputs().into_iter().try_for_each(|(name, path)| output::check_apart(&self.output, name, path))
    }

    /// The settings that name data, and where these are.
    pub fn inputs(&self) -> Vec<(&'static str, &Path)> {
        let dataset = &self.analysis.dataset;
        let sides = [
            ("facet_dataset_uri", &dataset.facet_dataset),
            ("predicted_label_dataset_uri", &dataset.predicted_label_dataset),
        ];
        let sides = sides.into_iter().filter_map(|(name, side)| Some((name, Path::new(&side.as_ref()?.uri))));
        let truth = self.ground_truth.as_deref().map(|path| ("ground_truth_source", path));
        let data = if dataset.uri.is_some() { "dataset_uri" } else { "dataset_source" };
        std::iter::once((data, Path::new(&self.dataset))).chain(truth).chain(sides).collect()
    }

    /// For a title.
    pub fn kind(&self, judged: bool) -> String {
        let what = match (self.bias(), self.explains()) {
            (true, true) => "Bias and explainability",
            (true, false) => "Bias",
            _ => "Explainability",
        };
        let how = match (self.monitor, judged) {
            (true, _) => "monitor",
            (false, true) => "check",
            (false, false) => "analysis",
        };
        format!("{what} {how}")
    }
}

/// Where the rows of a run come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowsFrom<'a> {
    /// From the data of the job.
    Here,
    /// From the data of the job, which are a part of all data and may be none.
    Part,
    /// From states that were folded before.
    Folded(FoldedFrom<'a>),
}

/// What states say of the data that they were folded from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FoldedFrom<'a> {
    /// Where the states stand.
    pub place: &'a Path,
    /// The data were those of a monitor.
    pub monitor: bool,
    pub format: Option<DatasetFormat>,
    /// The configuration that they were folded with, where it is taken in place of that of the job.
    pub configuration: Option<&'a Json>,
}

/// Resolves everything that can be known before data is read.
///
/// # Errors
/// A missing or broken configuration, a setting that cannot be used, a kind of analysis not built yet.
pub fn plan(job: &Job, settings: &Settings, now: Timestamp, rows: RowsFrom<'_>) -> Result<Plan> {
    check_target(settings)?;
    check_windows(settings)?;
    let sources = [
        ("dataset_source", &settings.dataset_source),
        ("ground_truth_source", &settings.ground_truth_source),
    ];
    // States were folded from data that need not be here.
    let read_here = sources.into_iter().filter(|_| !matches!(rows, RowsFrom::Folded(_)));
    for (name, path) in read_here.filter_map(|(name, path)| Some((name, path.as_ref()?))) {
        input::check_source(name, path, &job.tree.resolve(path))?;
    }
    let config_path = match rows {
        RowsFrom::Folded(FoldedFrom { place, configuration: Some(_), .. }) => place.to_path_buf(),
        _ => config_path(job, settings)?,
    };
    let read = digest::read("configuration", &config_path);
    let (text, config_digest) =
        read.map_err(|error| Problem::io("read the analysis configuration", &config_path, error))?;
    let text = match rows {
        RowsFrom::Folded(FoldedFrom { configuration: Some(configuration), .. }) => {
            configuration.to_string().into_bytes()
        }
        _ => text,
    };
    let (monitor_folder, monitor) = match rows {
        RowsFrom::Folded(folded) => (None, folded.monitor),
        RowsFrom::Here | RowsFrom::Part => {
            let folder = monitor_folder(job, settings);
            let monitor = is_monitor(&text, settings, folder.is_some());
            (folder, monitor)
        }
    };
    let kind = if monitor { Kind::Monitoring } else { Kind::Processing };
    let mut analysis = check::load(&text, &config_path, kind)?;
    let label_is_given = analysis.label.is_some();
    let mut warnings = Vec::new();
    let dataset = match rows {
        RowsFrom::Folded(folded) => folded.place.display().to_string(),
        RowsFrom::Here | RowsFrom::Part => {
            dataset(job, settings, &analysis, (monitor, monitor_folder), rows == RowsFrom::Part)?
        }
    };
    if let RowsFrom::Folded(folded) = rows {
        analysis.dataset.format = folded.format;
        if monitor {
            if settings.shared_configuration {
                keep_own_methods(&mut analysis, settings);
            }
            warnings.extend(complete(&mut analysis, settings)?);
        }
    } else if monitor {
        // One configuration may serve a baseline and its monitor: what the data are wins over `dataset_type`.
        let format = settings.dataset_format.as_deref().map(monitoring_format).transpose()?;
        if let Some(format) = format {
            analysis.dataset.format = Some(format);
        } else if analysis.dataset.format.is_some() && holds_captures(Path::new(&dataset), rows)? {
            analysis.dataset.format = Some(DatasetFormat::Capture);
        }
        if settings.shared_configuration {
            keep_own_methods(&mut analysis, settings);
        }
        warnings.extend(complete(&mut analysis, settings)?);
        monitoring::check_format(&analysis).map_err(|problem| problem.file(&config_path))?;
    }
    if !monitor {
        warnings.extend(monitoring::places_in_dataset(&mut analysis, &attributes(settings))?);
    }
    let window = window(settings, now)?;
    let mut plan = Plan {
        ground_truth: match rows {
            RowsFrom::Folded(_) => None,
            RowsFrom::Here | RowsFrom::Part => ground_truth(job, settings, monitor, &analysis),
        },
        output: output(job, settings),
        constraints: constraints(job, settings),
        metric_time: metric_time(settings, window, now)?,
        window,
        config_path,
        config_digest,
        monitor,
        dataset,
        warnings,
        of_others: Vec::new(),
        analysis,
    };
    let reads = unused::Reads { monitor, captures: plan.reads_captures(), label_is_given };
    plan.warnings.extend(unused::of_analysis(job, settings, &plan.analysis, &reads));
    if settings.sagemaker_monitoring_schedule_name.is_some() && plan.constraints.is_none() {
        // It must not look as if every metric held.
        plan.warnings.push(NOTHING_CHECKED.into());
    }
    plan.of_others = unused::of_other_monitors(settings);
    plan.of_others.extend_from_slice(&settings.unused_baselines);
    Ok(plan)
}

/// What is said of a run of a monitoring schedule that is held against nothing.
pub(crate) const NOTHING_CHECKED: &str = "nothing is checked: no baseline is given";

/// A target needs an estimator that stops early and knows how wrong it is: `exact` promises every
/// coalition, `kernel` has no standard errors, `permutation` is the plain method for comparison.
fn check_target(settings: &Settings) -> Result<()> {
    let Some(target) = settings.target_standard_error else { return Ok(()) };
    let refused = Problem::new(&codes::SETTING_INVALID, "`target_standard_error` cannot be kept")
        .field("target_standard_error");
    if !(target.is_finite() && target > 0.0) {
        return Err(refused.found(target.to_string()).expected("a number above 0"));
    }
    let estimator = match settings.estimator {
        EstimatorChoice::Auto => return Ok(()),
        EstimatorChoice::Kernel => "kernel",
        EstimatorChoice::Exact => "exact",
        EstimatorChoice::Permutation => "permutation",
    };
    Err(refused
        .found(format!("{target} with estimator `{estimator}`"))
        .expected("estimator `auto`, the only one that stops early")
        .hint("leave out `estimator`, or `target_standard_error`"))
}

/// Earlier windows come from the history folder.
fn check_windows(settings: &Settings) -> Result<()> {
    if settings.drift_windows.of == 1 || settings.history.is_some() {
        return Ok(());
    }
    Err(Problem::new(&codes::SETTING_INVALID, "`drift_windows` needs the results of earlier windows")
        .field("drift_windows")
        .found(format!("{} without `history`", settings.drift_windows))
        .hint("name the folder of earlier results in `history`"))
}

const CONFIG_NAME: &str = "analysis_config.json";

/// The analysis configuration, or the folder that it should be in.
fn config_source(job: &Job, settings: &Settings) -> PathBuf {
    match &settings.analysis_config {
        Some(path) => job.tree.resolve(path),
        None => match job.config.input(&job.tree, "analysis_config") {
            Some(mount) => mount.path,
            None => job.tree.processing("input/config"),
        },
    }
}

/// Where the analysis configuration should be.
pub(crate) fn config_place(job: &Job, settings: &Settings) -> PathBuf {
    let place = config_source(job, settings);
    if place.is_dir() { place.join(CONFIG_NAME) } else { place }
}

fn config_path(job: &Job, settings: &Settings) -> Result<PathBuf> {
    let path = config_place(job, settings);
    if path.is_file() {
        return Ok(path);
    }
    let missing = Problem::new(&codes::CONFIG_MISSING, "there is no analysis configuration")
        .file(&path)
        .expected(CONFIG_NAME)
        .hint("mount it as the input named `analysis_config`, or name it in the setting `analysis_config`");
    Err(match input::open_file(&path) {
        Err(error) if path.exists() => missing.found(error.to_string()),
        _ => missing,
    })
}

/// The monitors whose work an analysis does that has no `analysis_type`: its configuration tells. None where it cannot be read, which
/// is told later.
pub(crate) fn kinds_configured(job: &Job, settings: &Settings) -> Vec<AnalysisType> {
    let text = input::read(&config_place(job, settings)).unwrap_or_default();
    let Ok(Json::Object(config)) = serde_json::from_slice(&text) else { return Vec::new() };
    let asks = |names: [&str; 2]| {
        let methods = config.get("methods").and_then(Json::as_object);
        methods.is_some_and(|methods| names.iter().any(|name| methods.contains_key(*name)))
    };
    let bias = asks(["pre_training_bias", "post_training_bias"]);
    let explains = asks(["shap", "pdp"]);
    // A monitor without methods computes those that its facets tell of.
    let by_facets = !bias && !explains && config.contains_key("facet");
    let kinds = [
        (AnalysisType::ModelBias, bias || by_facets),
        (AnalysisType::ModelExplainability, explains || !(bias || by_facets)),
    ];
    kinds.into_iter().filter(|(_, asked)| *asked).map(|(kind, _)| kind).collect()
}

/// Monitoring data: said by the analysis type or the dataset type, or, where a monitor's configuration
/// names no dataset type, by the data being where monitors have it.
fn is_monitor(text: &[u8], settings: &Settings, has_folder: bool) -> bool {
    if settings.analysis_type.is_some() {
        return true;
    }
    let Ok(Json::Object(config)) = serde_json::from_slice(text) else { return false };
    match config.get("dataset_type") {
        Some(Json::String(name)) => name.eq_ignore_ascii_case("application/sagemakercapturejson"),
        Some(_) => false,
        None => has_folder && !config.contains_key("dataset_uri"),
    }
}

/// Where a monitor's data are: the setting, else the first default folder that has files, else the first that is an input
/// of the job, since a host may have an empty shard.
fn monitor_folder(job: &Job, settings: &Settings) -> Option<PathBuf> {
    if let Some(path) = &settings.dataset_source {
        return Some(job.tree.resolve(path));
    }
    let folders = ["input/endpoint", "input_data"].map(|name| job.tree.processing(name));
    first_with_files(folders.clone()).or_else(|| empty_input(job, &folders))
}

/// The first of some folders that an input of the job is, or is mounted below: its shard of this host may be empty.
pub(crate) fn empty_input(job: &Job, folders: &[PathBuf]) -> Option<PathBuf> {
    let inputs = job.config.inputs(&job.tree);
    let is_input = |folder: &&PathBuf| inputs.iter().any(|mount| mount.path.starts_with(folder));
    folders.iter().find(is_input).cloned()
}

/// Where the data of a monitor stand that are the job's dataset, as any other data.
pub(crate) fn dataset_folders(job: &Job) -> Vec<PathBuf> {
    let named = job.config.input(&job.tree, "dataset").map(|mount| mount.path);
    named.into_iter().chain([job.tree.processing("input/data")]).collect()
}

fn first_with_files(folders: impl IntoIterator<Item = PathBuf>) -> Option<PathBuf> {
    folders.into_iter().find(|folder| input::list(folder).is_ok_and(|listing| !listing.files.is_empty()))
}

/// `dataset_format` as monitoring schedules write it.
fn monitoring_format(text: &str) -> Result<DatasetFormat> {
    let bad = |found: String| {
        Problem::new(&codes::SETTING_INVALID, "cannot read the job's settings")
            .field("dataset_format")
            .found(found)
            .expected(r#"JSON such as {"sagemakerCaptureJson": {...}}, {"csv": {"header": true}}, {"json": {"line": true}} or {"parquet": {}}"#)
    };
    let value: Json = serde_json::from_str(text).map_err(|error| bad(error.to_string()))?;
    let mut entries = value.as_object().into_iter().flatten();
    let (Some((name, options)), None) = (entries.next(), entries.next()) else {
        return Err(bad(format!("`{text}`")));
    };
    // Flags are written as texts too.
    let is_true = |value: &Json| match value {
        Json::String(text) => text.eq_ignore_ascii_case("true"),
        value => value.as_bool() == Some(true),
    };
    let are_lines = |(key, value): (&String, &Json)| {
        ["line", "lines"].iter().any(|name| key.eq_ignore_ascii_case(name)) && is_true(value)
    };
    match name.to_ascii_lowercase().as_str() {
        "sagemakercapturejson" | "sagemakermergejson" => Ok(DatasetFormat::Capture),
        "csv" => Ok(DatasetFormat::Csv),
        "json" if options.as_object().into_iter().flatten().any(are_lines) => Ok(DatasetFormat::JsonLines),
        "json" => Ok(DatasetFormat::Json),
        "parquet" => Ok(DatasetFormat::Parquet),
        _ => Err(bad(format!("`{text}`"))),
    }
}

/// Lines of a file that are looked at for a captured record.
const LOOKED_AT: usize = 100;

/// Whether a folder has captured records: in one of the first lines of a file that can be read. A part without files may be one
/// of captured records, of which least is asked.
fn holds_captures(dataset: &Path, rows: RowsFrom<'_>) -> Result<bool> {
    let files = input::list(dataset)?.files;
    if rows == RowsFrom::Part && files.is_empty() {
        return Ok(true);
    }
    Ok(files.iter().any(|file| has_capture(file).unwrap_or_default()))
}

fn has_capture(file: &InputFile) -> Result<bool> {
    let mut lines = Lines::open(file)?;
    for _ in 0..LOOKED_AT {
        let Some((_, line)) = lines.next_line()? else { break };
        if serde_json::from_slice::<Record>(line).is_ok_and(|record| record.capture_data.is_some()) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Of a configuration that serves a bias and an explainability monitor of one run, each computes its part.
fn keep_own_methods(analysis: &mut Analysis, settings: &Settings) {
    let methods = &mut analysis.methods;
    if settings.monitor() == Some(AnalysisType::ModelExplainability) {
        (methods.pre_training_bias, methods.post_training_bias) = (None, None);
    } else {
        (methods.shap, methods.pdp) = (None, None);
    }
}

fn attributes(settings: &Settings) -> Attributes {
    Attributes {
        features: settings.features_attribute.clone(),
        inference: settings.inference_attribute.clone(),
        probability: settings.probability_attribute.clone(),
        probability_threshold: settings.probability_threshold_attribute.clone(),
        ground_truth: settings.ground_truth_attribute.clone(),
        exclude_features: settings.exclude_features_attribute.clone(),
    }
}

fn complete(analysis: &mut Analysis, settings: &Settings) -> Result<Vec<String>> {
    let kind = match settings.monitor() {
        Some(AnalysisType::ModelExplainability) => MonitorKind::Explainability,
        Some(_) => MonitorKind::Bias,
        None if analysis.facets.is_empty() => MonitorKind::Explainability,
        None => MonitorKind::Bias,
    };
    monitoring::complete(analysis, &attributes(settings), kind)
}

fn dataset(
    job: &Job,
    settings: &Settings,
    analysis: &Analysis,
    (monitor, monitor_folder): (bool, Option<PathBuf>),
    may_be_empty: bool,
) -> Result<String> {
    let local = |path: PathBuf| path.display().to_string();
    if let Some(uri) = &analysis.dataset.uri {
        return Ok(if uri.contains("://") { uri.clone() } else { local(job.tree.resolve(uri)) });
    }
    if monitor {
        let folders = dataset_folders(job);
        let dataset = || first_with_files(folders.clone());
        let empty = || empty_input(job, &folders).filter(|_| may_be_empty);
        return monitor_folder.or_else(dataset).or_else(empty).map(local).ok_or_else(|| {
            Problem::new(&codes::NO_DATA, "there is no monitoring data")
                .file(job.tree.processing("input_data"))
                .hint("mount captured or merged records there, or name their folder in `dataset_source`")
        });
    }
    Ok(local(match (&settings.dataset_source, job.config.input(&job.tree, "dataset")) {
        (Some(path), _) => job.tree.resolve(path),
        (None, Some(mount)) => mount.path,
        (None, None) => job.tree.processing("input/data"),
    }))
}

/// Labels to join first: named by a setting, or found in the merge's default folders.
fn ground_truth(job: &Job, settings: &Settings, monitor: bool, analysis: &Analysis) -> Option<PathBuf> {
    if let Some(path) = &settings.ground_truth_source {
        return Some(job.tree.resolve(path));
    }
    if !monitor || analysis.facets.is_empty() {
        return None;
    }
    first_with_files(["input/groundtruth", "groundtruth"].map(|name| job.tree.processing(name)))
}

pub(crate) fn output(job: &Job, settings: &Settings) -> PathBuf {
    if let Some(path) = &settings.output_path {
        return job.tree.resolve(path);
    }
    let outputs = job.config.outputs(&job.tree);
    let named = outputs.iter().find(|mount| mount.name == "analysis_result").or(outputs.first());
    named.map_or_else(|| job.tree.processing("output"), |mount| mount.path.clone())
}

fn constraints(job: &Job, settings: &Settings) -> Option<PathBuf> {
    let path = match &settings.baseline_constraints {
        Some(path) => job.tree.resolve(path),
        None if settings.among_others => return None,
        None => baseline_inputs(job)?,
    };
    Some(if path.is_dir() { constraints_file(&path) } else { path })
}

/// The job's input that holds a baseline.
pub(crate) fn baseline_inputs(job: &Job) -> Option<PathBuf> {
    let mut names = ["constraints", "baseline_constraints"].into_iter();
    names.find_map(|name| job.config.input(&job.tree, name)).map(|mount| mount.path)
}

/// In a folder: `analysis.json`, else its only file.
fn constraints_file(folder: &Path) -> PathBuf {
    let usual = folder.join("analysis.json");
    match input::files(folder).unwrap_or_default().as_slice() {
        [only] if !usual.exists() => only.path.clone(),
        _ => usual,
    }
}

pub(crate) fn window(settings: &Settings, now: Timestamp) -> Result<Option<(Timestamp, Timestamp)>> {
    let read = |name, text: &Option<String>| text.as_deref().map(|text| time(name, text, now)).transpose();
    let start = read("start_time", &settings.start_time)?;
    let end = read("end_time", &settings.end_time)?;
    if start.is_none() && end.is_none() {
        return Ok(None);
    }
    let window = (start.unwrap_or(Timestamp::MIN), end.unwrap_or(Timestamp::MAX));
    if window.0 >= window.1 {
        return Err(Problem::new(&codes::SETTING_INVALID, "the window is empty")
            .field("end_time")
            .found(window.1.to_string())
            .expected(format!("a time after start_time, {}", window.0)));
    }
    Ok(Some(window))
}

pub(crate) fn metric_time(
    settings: &Settings,
    window: Option<(Timestamp, Timestamp)>,
    now: Timestamp,
) -> Result<Option<Timestamp>> {
    match &settings.metric_time {
        Some(text) => Ok(Some(time("metric_time", text, now)?)),
        None => Ok(window.map(|(start, _)| start).filter(|&start| start != Timestamp::MIN)),
    }
}

fn time(name: &str, text: &str, now: Timestamp) -> Result<Timestamp> {
    moment::parse(text, now).map_err(|expected| {
        Problem::new(&codes::SETTING_INVALID, "cannot read the job's settings")
            .field(name)
            .found(format!("`{text}`"))
            .expected(expected)
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::settings::Cli;

    #[test]
    fn a_target_goes_with_the_estimator_that_stops_early() {
        let check = |arguments: &[&str]| {
            let arguments = ["analyzer-job"].iter().chain(arguments);
            check_target(&Cli::try_parse_from(arguments).unwrap().settings)
        };
        for estimator in ["kernel", "exact", "permutation"] {
            assert!(check(&["--estimator", estimator]).is_ok());
            let problem = check(&["--estimator", estimator, "--target-standard-error", "0.01"]).unwrap_err();
            assert_eq!(problem.code(), &codes::SETTING_INVALID);
            assert!(problem.to_string().contains(&format!("0.01 with estimator `{estimator}`")), "{problem}");
        }
        assert!(check(&["--target-standard-error", "0.01"]).is_ok());
        for number in ["0", "-1", "nan", "inf"] {
            let argument = format!("--target-standard-error={number}");
            assert!(check(&[&argument]).unwrap_err().to_string().contains("a number above 0"));
        }
    }
}
