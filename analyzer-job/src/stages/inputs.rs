//! Getting the data of a run: fetched from S3 where the configuration says so, joined with ground truth where
//! some is given, read.

use std::path::PathBuf;

use plumbline_common::job::Job;
use plumbline_common::{Problem, Result, codes};

use crate::context::Context;
use crate::read::{self, Inputs, Options, Reading};
use crate::stages::joins::Joins;

/// Parts of the data on several hosts give no right metrics.
///
/// # Errors
/// `SHARDED_INPUT`.
pub(crate) fn refuse_shards(job: &Job) -> Result<()> {
    let sharded = job.config.inputs(&job.tree).into_iter().find(|input| input.sharded);
    match sharded {
        Some(input) if job.hosts.several() => Err(Problem::new(
            &codes::SHARDED_INPUT,
            "an input is cut into shards, and metrics of a shard are not those of the data",
        )
        .field(input.name)
        .found("S3DataDistributionType ShardedByS3Key on several hosts")
        .expected("FullyReplicated, or one instance")),
        _ => Ok(()),
    }
}

/// Everything the analysis is made of.
///
/// # Errors
/// As `here` and `read_here`.
pub(crate) fn read(run: &Context, joins: &Joins<'_>) -> Result<Reading> {
    read_here(run, &here(run, joins)?, None, keeps_rows(run))
}

/// The first `limit` records, and the number of rows in all of them.
///
/// # Errors
/// As `here` and `read_here`.
pub(crate) fn look<'a>(
    run: &'a Context<'_>,
    joins: &Joins<'_>,
    limit: u64,
) -> Result<(Reading, impl Fn() -> Result<u64> + use<'a>)> {
    let inputs = here(run, joins)?;
    let reading = read_here(run, &inputs, Some(limit), keeps_rows(run))?;
    Ok((reading, move || Ok(read_here(run, &inputs, None, false)?.row_counts.rows)))
}

/// The data as files of this machine, fetched and joined.
///
/// # Errors
/// An address that cannot be fetched; a merge without any match.
fn here(run: &Context, joins: &Joins<'_>) -> Result<Inputs> {
    let plan = &run.plan;
    let dataset = &plan.analysis.dataset;
    let mut data = fetch(run, &plan.dataset, "dataset_uri")?;
    if let Some(ground_truth) = &plan.ground_truth {
        data = joins.merged(&data, ground_truth, run.strict())?;
    }
    let side = |side: &Option<crate::config::SideDataset>, what: &str| {
        side.as_ref().map(|side| fetch(run, &side.uri, what)).transpose()
    };
    Ok(Inputs {
        dataset: data,
        facets: side(&dataset.facet_dataset, "facet_dataset_uri")?,
        predictions: side(&dataset.predicted_label_dataset, "predicted_label_dataset_uri")?,
    })
}

/// `limit`: only so many records.
///
/// # Errors
/// As `read::read`.
fn read_here(run: &Context, inputs: &Inputs, limit: Option<u64>, keep_rows: bool) -> Result<Reading> {
    let plan = &run.plan;
    let options = Options {
        strict: run.strict(),
        window: plan.window.filter(|_| plan.monitor),
        keep_rows,
        limit,
        stop: run.job.stop.clone(),
        for_people: run.job.for_people,
    };
    read::read(inputs, &plan.analysis, &options)
}

/// The flip test compares rows and a model is sent them; all else needs only counts.
fn keeps_rows(run: &Context) -> bool {
    let methods = &run.plan.analysis.methods;
    let flips = methods.post_training_bias.as_ref().is_some_and(|codes| codes.contains(&"FT"));
    flips || run.plan.predicts() || run.plan.explains()
}

/// A local path as it is; an `s3://` address copied to the scratch folder.
pub(crate) fn fetch(run: &Context, uri: &str, what: &str) -> Result<PathBuf> {
    let region = run.job.config.region();
    read::remote::fetch(uri, what, &run.scratch, region.as_deref(), &run.job.tree, &run.job.stop)
}
