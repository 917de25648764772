//! What a quality monitor does, from the environment that schedules, the SDK and people give it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use plumbline_common::input;
use plumbline_common::job::Job;
use plumbline_common::words::counted;
use plumbline_common::{Problem, Result, codes};
use serde_json::Value as Json;

use crate::monitor::columns::{self, Preparation};
use crate::monitor::format::{self, Format};
use crate::monitor::rows::Source;
use crate::monitor::script::Script;
use crate::plan::{
    RowsFrom, config_place, dataset_folders, empty_input, metric_time, output, unused, window,
};
use crate::settings::{AnalysisType, Compat, OnBadRecord, Settings};

/// The two monitors that need no analysis configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    DataQuality,
    ModelQuality,
}

/// The kind that is asked for; `None` for the analyses of bias and attributions.
///
/// Without `analysis_type` it is data quality (the hosted SDK's `suggest_baseline` says no more) when there is no analysis
/// configuration and something names data, `dataset_source`, `dataset_format` or the input `baseline_dataset_input`, or a
/// baseline that only data quality has.
pub fn kind(job: &Job, settings: &Settings) -> Option<Kind> {
    match settings.monitor() {
        Some(AnalysisType::DataQuality) => return Some(Kind::DataQuality),
        Some(AnalysisType::ModelQuality) => return Some(Kind::ModelQuality),
        Some(_) => return None,
        None => {}
    }
    let configured = settings.analysis_config.is_some()
        || job.config.input(&job.tree, "analysis_config").is_some()
        || config_place(job, settings).is_file();
    let named = settings.dataset_source.is_some()
        || settings.dataset_format.is_some()
        || settings.data_quality_baseline.is_some()
        || settings.baseline_profile.is_some()
        || job.config.input(&job.tree, BASELINE_INPUT).is_some()
        || job.tree.processing("input").join(BASELINE_INPUT).is_dir();
    (!configured && named).then_some(Kind::DataQuality)
}

/// Name of the input that the SDK's baseline jobs have, and of its folder.
const BASELINE_INPUT: &str = "baseline_dataset_input";

/// Everything that is known before data are read.
#[derive(Debug, Clone)]
pub struct MonitorPlan {
    pub dataset: PathBuf,
    /// `None`: the first lines of the files tell.
    pub format: Option<Format>,
    /// The format is CSV and does not say whether files have header rows.
    pub header_is_open: bool,
    pub output: PathBuf,
    /// A monitoring run checks and writes violations; a baseline run does neither.
    pub monitoring: bool,
    pub constraints: Option<PathBuf>,
    pub statistics: Option<PathBuf>,
    /// A profile as the baseline, in place of either.
    pub profile: Option<PathBuf>,
    /// Start (inclusive) and end (exclusive).
    pub window: Option<(Timestamp, Timestamp)>,
    /// Time of the metric lines, when something other than the clock gives it.
    pub metric_time: Option<Timestamp>,
    /// Columns that are left out on both sides: names, or positions from 0.
    pub exclude: Vec<String>,
    /// The names of the baseline's columns.
    pub known: Vec<String>,
    /// `compat=strict`.
    pub strict: bool,
    /// The setting `columns`.
    pub preparation: Option<Arc<Preparation>>,
    /// The script that makes rows of records.
    pub preprocessor: Option<Script>,
    /// The script for the end of the job.
    pub postprocessor: Option<Script>,
    pub warnings: Vec<String>,
    /// Baselines that are named and not used: told, and not written with the results, which are the same beside other monitors.
    pub unused_baselines: Vec<String>,
}

/// Resolves the settings.
///
/// # Errors
/// A setting that cannot be used; no data named and none in the usual folders; a Python script that cannot be
/// run here.
pub fn plan(job: &Job, settings: &Settings, now: Timestamp, rows: RowsFrom<'_>) -> Result<MonitorPlan> {
    let (preprocessor, postprocessor) = scripts(job, settings)?;
    let preparation = settings.columns.as_deref().map(|text| columns::load(job, text)).transpose()?;
    if let (Some(_), Some(path)) = (&preparation, &settings.record_preprocessor_script) {
        return Err(Problem::new(&codes::SETTING_INVALID, "records are prepared in two ways at once")
            .field("record_preprocessor_script")
            .found(format!("`columns` and {}", path.display()))
            .hint("use one of the two"));
    }
    let format = settings.dataset_format.as_deref().map(format::parse).transpose()?;
    let window = window(settings, now)?;
    let monitoring = settings.baseline_constraints.is_some()
        || settings.baseline_statistics.is_some()
        || settings.baseline_profile.is_some()
        || settings.sagemaker_monitoring_schedule_name.is_some();
    let file = |path: &Option<PathBuf>, name: &str| {
        path.as_ref().map(|path| {
            let path = job.tree.resolve(path);
            if path.is_dir() { path.join(name) } else { path }
        })
    };
    let exclude = settings.exclude_features_attribute.as_deref().unwrap_or_default();
    Ok(MonitorPlan {
        dataset: match rows {
            RowsFrom::Folded(folded) => folded.place.into(),
            RowsFrom::Here | RowsFrom::Part => dataset(job, settings, rows == RowsFrom::Part)?,
        },
        format,
        header_is_open: settings.dataset_format.as_deref().is_some_and(format::leaves_header_open),
        output: output(job, settings),
        monitoring,
        constraints: file(&settings.baseline_constraints, "constraints.json"),
        statistics: file(&settings.baseline_statistics, "statistics.json"),
        profile: file(&settings.baseline_profile, format::PROFILE_NAME),
        metric_time: metric_time(settings, window, now)?,
        window,
        exclude: exclude.split(',').map(str::trim).filter(|name| !name.is_empty()).map(Into::into).collect(),
        known: Vec::new(),
        strict: settings.compat == Some(Compat::Strict),
        preparation: preparation.map(Arc::new),
        preprocessor,
        postprocessor,
        warnings: unused::of_any(job),
        unused_baselines: settings.unused_baselines.clone(),
    })
}

impl MonitorPlan {
    /// Whether the data are profiles.
    ///
    /// # Errors
    /// The data cannot be read; profiles with settings that need rows.
    pub fn reads_profiles(&self) -> Result<bool> {
        let is = match &self.format {
            Some(format) => *format == Format::Profile,
            // Whole results of earlier runs hold profiles beside other files.
            None => super::rows::files(&self.dataset)?.files.iter().any(format::is_profile),
        };
        if is && (self.preparation.is_some() || self.preprocessor.is_some()) {
            return Err(Problem::new(
                &codes::SETTING_INVALID,
                "profiles have no records that could be prepared",
            )
            .field(if self.preparation.is_some() { "columns" } else { "record_preprocessor_script" })
            .file(&self.dataset)
            .hint("leave the setting out; it is only needed when the profiles are made"));
        }
        Ok(is)
    }

    /// Whether the data are captured records, and no script makes their rows; none where no format is given and no file
    /// tells it.
    ///
    /// # Errors
    /// The data cannot be read.
    pub(crate) fn reads_captures(&self) -> Result<Option<bool>> {
        if self.preprocessor.is_some() { Ok(Some(false)) } else { self.is_captured() }
    }

    /// Whether the data are captured records, whoever makes their rows; none as of `reads_captures`.
    ///
    /// # Errors
    /// The data cannot be read.
    pub(crate) fn is_captured(&self) -> Result<Option<bool>> {
        let captured = |format: &Format| matches!(format, Format::Capture(_) | Format::Merged(_));
        Ok(self.read_as()?.as_ref().map(captured))
    }

    /// What the data are read as; none where no format is given and no file tells it.
    ///
    /// # Errors
    /// The data cannot be read.
    pub(crate) fn read_as(&self) -> Result<Option<Format>> {
        if let Some(format) = &self.format {
            return Ok(Some(format.clone()));
        }
        let files = super::rows::files(&self.dataset)?.files;
        Ok(format::of(None, &files))
    }

    /// What is to be told before data are read.
    pub fn told(&self) -> impl Iterator<Item = &String> {
        self.warnings.iter().chain(&self.unused_baselines)
    }

    /// The files of the baseline.
    pub fn baseline_files(&self) -> impl Iterator<Item = &PathBuf> {
        [&self.constraints, &self.statistics, &self.profile].into_iter().flatten()
    }

    /// What to read of the data.
    pub fn source<'a>(&'a self, job: &'a Job, settings: &Settings) -> Source<'a> {
        Source {
            format: self.format.clone(),
            header_is_open: self.header_is_open,
            window: self.window,
            one_row_per_record: self.strict,
            strict: settings.on_bad_record == OnBadRecord::Fail,
            preparation: self.preparation.as_deref(),
            exclude: &self.exclude,
            known: &self.known,
            script: self.preprocessor.as_ref(),
            for_people: job.for_people,
            ..Source::new(&self.dataset, &job.stop)
        }
    }

    /// There is not one usable row.
    pub fn no_rows(&self, account: &super::rows::Account) -> Problem {
        let mut problem =
            Problem::new(&codes::NO_DATA, "there is no data: no row can be used").file(&self.dataset);
        let mut found = counted(account.records, "record");
        if account.bad > 0 {
            found.push_str(&format!(
                ", {} that cannot be used ({})",
                account.bad,
                account.examples.join("; ")
            ));
        }
        if account.rows > 0 {
            found.push_str(&format!(", {} without a column", account.rows));
        }
        if account.left_out > 0 {
            found.push_str(&format!(", {} left out by `columns` or a script", account.left_out));
        }
        if let Some((start, end)) = self.window {
            found.push_str(&format!(
                ", {} outside of the window from {} to {}",
                account.outside,
                bound(start, Timestamp::MIN),
                bound(end, Timestamp::MAX)
            ));
            problem = problem.hint("check `start_time` and `end_time` against the data's `inferenceTime`");
        }
        if let Some(note) = account.first_note() {
            problem = problem.hint(note);
        }
        problem.found(found)
    }
}

fn bound(time: Timestamp, open: Timestamp) -> String {
    if time == open { "any time".into() } else { time.to_string() }
}

/// The setting, else the baseline's input, else the first default folder of a monitor, or of the job's dataset, that has files.
/// `may_be_empty`: else the first that is an input of the job.
fn dataset(job: &Job, settings: &Settings, may_be_empty: bool) -> Result<PathBuf> {
    if let Some(path) = &settings.dataset_source {
        let named = path;
        let path = job.tree.resolve(named);
        input::check_source("dataset_source", named, &path)?;
        return Ok(path);
    }
    if let Some(mount) = job.config.input(&job.tree, BASELINE_INPUT) {
        return Ok(mount.path);
    }
    let usual = ["input/baseline_dataset_input", "input/endpoint", "input_data"];
    let mut folders: Vec<PathBuf> = usual.map(|name| job.tree.processing(name)).into();
    folders.extend(dataset_folders(job));
    let has_files = |folder: &&PathBuf| input::files(folder).is_ok_and(|files| !files.is_empty());
    let empty = || empty_input(job, &folders).filter(|_| may_be_empty);
    folders.iter().find(has_files).cloned().or_else(empty).ok_or_else(|| {
        Problem::new(&codes::NO_DATA, "there is no data to monitor")
            .file(&folders[1])
            .hint("mount the data there, or name their folder in `dataset_source`")
    })
}

/// The scripts of the run. A script that would change the rows must never be left out silently.
fn scripts(job: &Job, settings: &Settings) -> Result<(Option<Script>, Option<Script>)> {
    let before = settings.record_preprocessor_script.as_deref().map(|path| {
        let instead = "the setting `columns` does without Python what most such scripts do; or use an image with Python";
        Script::find(job, "record_preprocessor_script", path, instead)
    });
    let after = settings.post_analytics_processor_script.as_deref().map(|path| {
        let instead = "read the results in a step behind this job; or use an image with Python";
        Script::find(job, "post_analytics_processor_script", path, instead)
    });
    Ok((before.transpose()?, after.transpose()?))
}

/// A file of the baseline as JSON.
///
/// # Errors
/// `CONSTRAINTS_UNREADABLE`: it is missing or no JSON; a run without its checks would look like a clean one.
pub fn baseline_json(setting: &str, path: &Path) -> Result<Json> {
    let unreadable = |found: String| {
        Problem::new(&codes::CONSTRAINTS_UNREADABLE, "a file of the baseline cannot be read")
            .file(path)
            .field(setting)
            .found(found)
            .hint("give the file that the baseline job wrote, or leave the setting out to run without checks")
    };
    let bytes = input::read(path).map_err(|error| unreadable(error.to_string()))?;
    serde_json::from_slice(&crate::values::numbers::strict_json(&bytes))
        .map_err(|error| unreadable(format!("no JSON: {error}")))
}
