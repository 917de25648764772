//! Metrics for CloudWatch: lines in the file that the platform reads, and PutMetricData when a namespace is
//! named. The analysis is done by then, so failures are warnings.

use std::path::Path;

use jiff::Timestamp;
use plumbline_common::codes::Class;
use plumbline_common::job::Job;
use plumbline_common::{Result, output};

use crate::aws::{self, Aws, Patience};
use crate::publish::cloudwatch::{self, Metric, Scope};
use crate::settings::Settings;

/// The metrics of a monitor, when the settings ask for them. `time`: of the metric lines.
pub(crate) fn metrics(
    settings: &Settings,
    time: Timestamp,
    metrics: impl FnOnce(&Scope) -> Vec<Metric>,
) -> Vec<Metric> {
    if !settings.publish_cloudwatch_metrics.on() && settings.cloudwatch_namespace.is_none() {
        return Vec::new();
    }
    metrics(&Scope {
        endpoint: settings.sagemaker_endpoint_name.clone(),
        schedule: settings.sagemaker_monitoring_schedule_name.clone(),
        timestamp: time,
    })
}

/// Publishes metrics where the settings ask for it. `scratch`: a folder for what is being written.
pub(crate) fn send(job: &Job, settings: &Settings, metrics: &[Metric], scratch: &Path) {
    if settings.publish_cloudwatch_metrics.on() {
        if settings.sagemaker_monitoring_schedule_name.is_none() {
            tracing::warn!(
                "publish_cloudwatch_metrics is Enabled, but no schedule started this job: the platform will \
                 not publish the metric lines; set cloudwatch_namespace to publish them"
            );
        }
        if let Err(problem) = write(job, metrics, scratch) {
            tracing::warn!("cannot write the metric lines: {problem}; the results are not affected");
        }
    }
    if let Some(namespace) = &settings.cloudwatch_namespace
        && let Err(problem) = put(job, namespace, metrics)
    {
        let why = match problem.class() {
            Class::Stopped => "the job was asked to stop".to_string(),
            _ => problem.to_string(),
        };
        tracing::warn!("cannot publish to the namespace {namespace}: {why}; the results are not affected");
    }
}

fn write(job: &Job, metrics: &[Metric], scratch: &Path) -> Result<()> {
    if metrics.is_empty() {
        return Ok(());
    }
    let path = job.tree.cloudwatch_path();
    output::write(&path, cloudwatch::json_lines(metrics).as_bytes(), scratch)
}

fn put(job: &Job, namespace: &str, metrics: &[Metric]) -> Result<()> {
    let aws = Aws::connect(job.config.region().as_deref(), &job.stop)?;
    for body in cloudwatch::put_metric_data_bodies(namespace, metrics) {
        aws.post(&aws::CLOUDWATCH, "PutMetricData", &body, Patience::NORMAL, Some(&job.stop))
            .map_err(|error| error.into_problem("PutMetricData"))?;
    }
    Ok(())
}
