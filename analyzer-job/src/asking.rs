//! What a model is asked by the stages of a run, and what the run tells of itself.

use std::path::Path;

use crate::config::rules;
use crate::config::{ContentType, DatasetFormat};
use crate::details::{InputDigest, RunDetails, SettingUsed};
use crate::model::{Access, Model, Request};
use crate::read::{self, Reading, digest};
use crate::run::Run;
use crate::table::Values;
use plumbline_common::{Problem, Result, codes, output};

/// The model, when some stage has something to ask it.
///
/// # Errors
/// Nothing tells how to reach a model, or it cannot be reached.
pub(crate) fn connect(run: &Run, reading: &Reading) -> Result<Option<Model>> {
    let analysis = &run.plan.analysis;
    if !analysis.needs_model(run.plan.monitor) {
        return Ok(None);
    }
    rules::model(analysis, run.settings.model_url.is_some(), run.plan.monitor)
        .map_err(|problem| problem.file(&run.plan.config_path))?;
    let Some(predictor) = &analysis.predictor else {
        return Err(Problem::new(&codes::INTERNAL, "a run without predictor wants predictions"));
    };
    let own = match analysis.dataset.format {
        Some(DatasetFormat::JsonLines) => Some(ContentType::JsonLines),
        Some(DatasetFormat::Json) => Some(ContentType::Json),
        Some(DatasetFormat::Csv | DatasetFormat::Parquet) => Some(ContentType::Csv),
        Some(DatasetFormat::Capture) | None => reading.captured_input,
    };
    let content_type = predictor.content_type.or(own).unwrap_or(ContentType::Csv);
    let request = Request {
        content_type,
        accept_type: predictor.accept_type.or(reading.captured_output).unwrap_or(content_type),
        feature_names: feature_names(reading),
        probability_threshold: analysis.probability_threshold,
    };
    let job = run.job;
    let name = |text: &String| (!text.is_empty()).then(|| text.clone());
    let access = Access {
        model_url: run.settings.model_url.clone(),
        region: job.config.region(),
        job_name: name(&job.config.processing_job_name),
        job_arn: name(&job.config.processing_job_arn),
        most_rows: None,
    };
    Model::connect(predictor, request, &access, &job.stop, job.for_people).map(Some)
}

fn feature_names(reading: &Reading) -> Vec<String> {
    reading.layout.features.iter().filter_map(|&column| reading.layout.names.get(column).cloned()).collect()
}

/// The model's label for each row, as a column; also as `predictions.csv` when that is asked for.
///
/// # Errors
/// As `Model::predicted_labels`.
pub(crate) fn predicted_labels(
    run: &Run,
    reading: &Reading,
    model: &Model,
    files: &mut output::Results,
) -> Result<Values> {
    let Some(rows) = reading.rows() else {
        return Err(Problem::new(&codes::INTERNAL, "the rows for the model were not kept"));
    };
    let (cells, model_rows) = read::model_rows(rows);
    model.start_progress("predicting", model_rows.len() as u64, run.job.for_people);
    let labels = model.predicted_labels(&cells, &model_rows)?;
    model.end_progress();
    if run.settings.save_predictions.on() {
        let mut text = String::from("predicted_label\n");
        for label in &labels {
            text.push_str(&label.to_csv());
            text.push('\n');
        }
        run.add(files, "predictions.csv", text.as_bytes())?;
    }
    Ok(Values::of(&labels))
}

/// What both details files tell of the run.
///
/// # Errors
/// The configuration or the baseline cannot be read again for its digest.
pub(crate) fn run_details(run: &Run, reading: &Reading, judged: bool) -> Result<RunDetails> {
    let job = run.job;
    let plan = &run.plan;
    let mut inputs = vec![digest(run, "configuration", &plan.config_path)?];
    inputs.extend(reading.inputs.iter().cloned());
    if let Some(path) = &plan.constraints {
        inputs.push(digest(run, "baseline", path)?);
    }
    let mut warnings = plan.warnings.clone();
    warnings.extend(reading.warnings.iter().cloned());
    Ok(RunDetails {
        program: format!("analyzer-job {}", env!("CARGO_PKG_VERSION")),
        revision: option_env!("PLUMBLINE_REVISION").filter(|text| !text.is_empty()).map(str::to_string),
        job_name: Some(job.config.processing_job_name.clone()).filter(|name| !name.is_empty()),
        kind: plan.kind(judged),
        endpoint: run.settings.sagemaker_endpoint_name.clone(),
        schedule: run.settings.sagemaker_monitoring_schedule_name.clone(),
        window: plan.window.map(|(start, end)| [start.to_string(), end.to_string()]),
        rows: reading.row_counts.clone(),
        inputs,
        settings: settings_used(run),
        warnings,
        configuration: plan.analysis.given.clone(),
    })
}

fn digest(run: &Run, role: &str, path: &Path) -> Result<InputDigest> {
    let name = Path::new(path.file_name().unwrap_or_default());
    digest::of_file(role, name, path, &mut [0; 1 << 12], &run.job.stop)
}

/// The settings that bear on the numbers, given or default.
fn settings_used(run: &Run) -> Vec<SettingUsed> {
    let settings = run.settings;
    let analysis = &run.plan.analysis;
    let mut used = Vec::new();
    let mut add = |name: &str, value: Option<String>, default: &str| {
        used.push(SettingUsed {
            name: name.into(),
            given: value.is_some(),
            value: value.unwrap_or_else(|| default.into()),
        });
    };
    let given = |key: &str| analysis.given.get(key).map(ToString::to_string);
    add("features_attribute", settings.features_attribute.clone(), "");
    add("inference_attribute", settings.inference_attribute.clone(), "");
    add("probability_attribute", settings.probability_attribute.clone(), "");
    add("probability_threshold", given("probability_threshold"), &analysis.probability_threshold.to_string());
    add("start_time", settings.start_time.clone(), "");
    add("end_time", settings.end_time.clone(), "");
    add("on_bad_record", None, if run.strict() { "fail" } else { "skip" });
    add("bias_drift_check", None, if run.by_interval() { "interval" } else { "value" });
    add("bootstrap seed", None, &crate::run::BOOTSTRAP_SEED.to_string());
    used.retain(|setting| !setting.value.is_empty());
    used
}
