//! Metrics for CloudWatch: lines in the file that the platform reads, and PutMetricData when a namespace is
//! named. The analysis is done by then, so failures are warnings.

use std::path::Path;

use jiff::Timestamp;
use plumbline_common::job::Job;
use plumbline_common::{Result, output};

use crate::aws::{self, Aws, Patience};
use crate::context::Context;
use crate::publish::cloudwatch::{self, Metric, Scope};
use crate::results::Results;
use crate::settings::Settings;

/// Publishes what the settings ask for.
pub(crate) fn publish(run: &Context, results: &Results, now: Timestamp) {
    send(run.job, run.settings, run.plan.metric_time.unwrap_or(now), &run.scratch, |scope| {
        cloudwatch::metrics(results, scope)
    });
}

/// Publishes metrics, when the settings ask for them. `scratch`: a folder for what is being written.
pub(crate) fn send(
    job: &Job,
    settings: &Settings,
    time: Timestamp,
    scratch: &Path,
    metrics: impl FnOnce(&Scope) -> Vec<Metric>,
) {
    let enabled = settings.publish_cloudwatch_metrics.on();
    if !enabled && settings.cloudwatch_namespace.is_none() {
        return;
    }
    let scope = Scope {
        endpoint: settings.sagemaker_endpoint_name.clone(),
        schedule: settings.sagemaker_monitoring_schedule_name.clone(),
        timestamp: time,
    };
    let metrics = metrics(&scope);
    if enabled {
        if scope.schedule.is_none() {
            tracing::warn!(
                "publish_cloudwatch_metrics is Enabled, but no schedule started this job: the platform will \
                 not publish the metric lines; set cloudwatch_namespace to publish them"
            );
        }
        if let Err(problem) = write(job, &metrics, scratch) {
            tracing::warn!("cannot write the metric lines: {problem}; the results are not affected");
        }
    }
    if let Some(namespace) = &settings.cloudwatch_namespace
        && let Err(problem) = put(job, namespace, &metrics)
    {
        tracing::warn!(
            "cannot publish to the namespace {namespace}: {problem}; the results are not affected"
        );
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
