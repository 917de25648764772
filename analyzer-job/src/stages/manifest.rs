//! The manifest of a run: program, inputs with their digests, settings, warnings.

use crate::context::{Context, SEED};
use crate::read::Reading;
use crate::results::details::{RunDetails, SettingUsed};

/// What both details files tell of the run.
pub(crate) fn run_details(run: &Context, reading: &Reading, judged: bool) -> RunDetails {
    let job = run.job;
    let plan = &run.plan;
    let mut inputs = vec![plan.config_digest.clone()];
    inputs.extend(reading.inputs.iter().cloned());
    inputs.extend(run.baseline_digest.clone());
    let mut warnings = plan.warnings.clone();
    warnings.extend(reading.warnings.iter().cloned());
    RunDetails {
        program: format!("analyzer-job {}", env!("CARGO_PKG_VERSION")),
        revision: option_env!("PLUMBLINE_REVISION").filter(|text| !text.is_empty()).map(str::to_string),
        job_name: Some(job.config.processing_job_name.clone()).filter(|name| !name.is_empty()),
        kind: plan.kind(judged),
        endpoint: run.settings.sagemaker_endpoint_name.clone(),
        schedule: run.settings.sagemaker_monitoring_schedule_name.clone(),
        window: plan.window.map(|(start, end)| [start.to_string(), end.to_string()]),
        rows: reading.row_counts.clone(),
        inputs,
        settings: settings_used(run, judged),
        warnings,
        configuration: plan.analysis.without_secrets(),
    }
}

/// The settings that bear on the numbers, given or default.
fn settings_used(run: &Context, judged: bool) -> Vec<SettingUsed> {
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
    add("features_attribute", settings.features_attribute.clone(), "");
    add("inference_attribute", settings.inference_attribute.clone(), "");
    add("probability_attribute", settings.probability_attribute.clone(), "");
    let threshold = analysis.probability_threshold.to_string();
    add("probability_threshold", analysis.threshold_given.then(|| threshold.clone()), &threshold);
    add("exclude_features_attribute", settings.exclude_features_attribute.clone(), "");
    add("start_time", settings.start_time.clone(), "");
    add("end_time", settings.end_time.clone(), "");
    let not_default = |value: String, default: &str| Some(value).filter(|value| value != default);
    let chosen =
        |is: bool, other: &str, default: &str| not_default(if is { other } else { default }.into(), default);
    add("on_bad_record", chosen(run.strict(), "fail", "skip"), "skip");
    add("bias_drift_check", chosen(run.by_interval(), "interval", "value"), "value");
    add("drift_confidence", not_default(settings.drift_confidence.to_string(), "0.95"), "0.95");
    add("drift_windows", not_default(settings.drift_windows.to_string(), "1/1"), "1/1");
    if judged {
        add("seed of the drift check", None, &SEED.to_string());
    }
    used.retain(|setting| !setting.value.is_empty());
    used
}
