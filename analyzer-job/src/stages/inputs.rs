//! Getting the data of a run: fetched from S3 where the configuration says so, joined with ground truth where
//! some is given, read.

use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use plumbline_common::job::Job;
use plumbline_common::{Problem, Result, codes};

use crate::context::Context;
use crate::read::together::RecordsSeat;
use crate::read::{self, Inputs, Options, Part, Reading};
use crate::settings::Settings;
use crate::stages::joins::{Joins, Labels};
use crate::state::joined::Joined;

/// What this host of the job does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// The whole job.
    Whole,
    /// Its own part of the data, which is folded into a state.
    Part,
    /// Nothing: another host does the whole job.
    Nothing,
}

/// Inputs that every host must have whole.
const WHOLE: [&str; 5] =
    ["analysis_config", "constraints", "baseline_constraints", "baseline_statistics", "baseline"];

/// The role of this host: several hosts that see different data fold them; of several that see the same, the first
/// does all.
///
/// # Errors
/// `SHARDED_INPUT`: something else than the data is cut into shards.
pub(crate) fn role(job: &Job, settings: &Settings) -> Result<Role> {
    if !job.hosts.several() {
        return Ok(Role::Whole);
    }
    let sharded: Vec<_> = job.config.inputs(&job.tree).into_iter().filter(|input| input.sharded).collect();
    if sharded.is_empty() {
        return Ok(if job.hosts.is_leader() { Role::Whole } else { Role::Nothing });
    }
    let files = [&settings.analysis_config, &settings.baseline_constraints, &settings.baseline_statistics];
    let mut whole: Vec<PathBuf> = files.into_iter().flatten().map(|path| job.tree.resolve(path)).collect();
    whole.extend(settings.ground_truth_source.as_ref().map(|path| job.tree.resolve(path)));
    whole.extend(["input/config", "input/groundtruth", "groundtruth"].map(|path| job.tree.processing(path)));
    for input in sharded {
        let touches = |path: &PathBuf| input.path.starts_with(path) || path.starts_with(&input.path);
        if WHOLE.contains(&input.name.as_str()) || whole.iter().any(touches) {
            return Err(Problem::new(
                &codes::SHARDED_INPUT,
                "an input is sharded that every host needs whole",
            )
            .field(input.name)
            .found("S3DataDistributionType ShardedByS3Key on several hosts")
            .expected("FullyReplicated; only the data to analyse may be sharded"));
        }
    }
    Ok(Role::Part)
}

/// What is said where a host that has a part of the data is asked for what needs all. `why` it does.
pub(crate) fn sharded(job: &Job, why: &str) -> Problem {
    let problem = Problem::new(&codes::SHARDED_INPUT, format!("{why}, and each host has a part of them"))
        .found("S3DataDistributionType ShardedByS3Key on several hosts")
        .expected("FullyReplicated, of which the first host does the work, or one instance");
    match job.config.inputs(&job.tree).into_iter().find(|input| input.sharded) {
        Some(input) => problem.field(input.name),
        None => problem,
    }
}

/// Everything the analysis is made of.
///
/// # Errors
/// As `here` and `read_here`.
pub(crate) fn read(run: &Context, joins: &Joins<'_>, seat: Option<Arc<RecordsSeat>>) -> Result<Reading> {
    let options = Options { seat, digests: joins.digests.clone(), ..options(run, None, keeps_rows(run)) };
    read::read(&here(run, joins)?.0, &run.plan.analysis, &options)
}

/// What a part of the data leaves, and how many captures were joined with labels.
///
/// # Errors
/// As `here` and `read_here`.
pub(crate) fn read_part(
    run: &Context,
    joins: &Joins<'_>,
    seat: Option<Arc<RecordsSeat>>,
) -> Result<(Part, Option<Joined>)> {
    let options =
        Options { part: true, seat, digests: joins.digests.clone(), ..options(run, None, keeps_rows(run)) };
    let (inputs, joined) = here(run, joins)?;
    Ok((read::read_part(&inputs, &run.plan.analysis, &options)?, joined))
}

/// All records, where the first ones do not tell enough.
pub(crate) struct All<'a, T> {
    /// Tells the number of rows in them.
    pub(crate) count: Box<dyn Fn() -> Result<u64> + 'a>,
    /// Reads them, and keeps their rows.
    pub(crate) read: Box<dyn Fn() -> Result<T> + 'a>,
}

/// The first `limit` records, and all.
///
/// # Errors
/// As `here` and `read_here`.
pub(crate) fn look<'a>(
    run: &'a Context<'_>,
    joins: &Joins<'_>,
    limit: u64,
) -> Result<(Reading, All<'a, Reading>)> {
    let (inputs, _) = here(run, joins)?;
    let read = Rc::new(move |limit, keep_rows| read_here(run, &inputs, limit, keep_rows));
    let reading = read(Some(limit), keeps_rows(run))?;
    let counts = Rc::clone(&read);
    let all = All {
        count: Box::new(move || Ok(counts(None, false)?.row_counts.rows)),
        read: Box::new(move || read(None, true)),
    };
    Ok((reading, all))
}

/// As `look`, where the data are a part of all data, which says nothing of the whole.
///
/// # Errors
/// As `read_part`.
pub(crate) fn look_at_part<'a>(
    run: &'a Context<'_>,
    joins: &Joins<'_>,
    limit: u64,
) -> Result<(Part, All<'a, Part>)> {
    let analysis = &run.plan.analysis;
    let (inputs, _) = here(run, joins)?;
    let read = Rc::new(move |limit, keep_rows| {
        read::read_part(&inputs, analysis, &Options { part: true, ..options(run, limit, keep_rows) })
    });
    let part = read(Some(limit), keeps_rows(run))?;
    let counts = Rc::clone(&read);
    let all = All {
        count: Box::new(move || Ok(counts(None, false)?.rows())),
        read: Box::new(move || read(None, true)),
    };
    Ok((part, all))
}

/// The data as files of this machine, fetched and joined, and how many captures were joined with labels.
///
/// # Errors
/// An address that cannot be fetched; a merge without any match.
fn here(run: &Context, joins: &Joins<'_>) -> Result<(Inputs, Option<Joined>)> {
    let plan = &run.plan;
    let dataset = &plan.analysis.dataset;
    let mut data = fetch(run, &plan.dataset, "dataset_uri")?;
    let mut joined = None;
    if let Some(ground_truth) = &plan.ground_truth {
        let (records, counts) = joins.merged(&data, ground_truth, Labels::Needed, run.strict())?;
        (data, joined) = (records, Some(counts));
    }
    let side = |side: &Option<crate::config::SideDataset>, what: &str| {
        side.as_ref().map(|side| fetch(run, &side.uri, what)).transpose()
    };
    let inputs = Inputs {
        dataset: data,
        facets: side(&dataset.facet_dataset, "facet_dataset_uri")?,
        predictions: side(&dataset.predicted_label_dataset, "predicted_label_dataset_uri")?,
    };
    Ok((inputs, joined))
}

/// `limit`: only so many records.
///
/// # Errors
/// As `read::read`.
fn read_here(run: &Context, inputs: &Inputs, limit: Option<u64>, keep_rows: bool) -> Result<Reading> {
    read::read(inputs, &run.plan.analysis, &options(run, limit, keep_rows))
}

fn options(run: &Context, limit: Option<u64>, keep_rows: bool) -> Options {
    Options {
        strict: run.strict(),
        window: run.plan.window.filter(|_| run.plan.monitor),
        keep_rows,
        limit,
        part: false,
        stop: run.job.stop.clone(),
        for_people: run.job.for_people,
        seat: None,
        digests: Arc::default(),
    }
}

/// The flip test compares rows and a model is sent them; all else needs only counts.
fn keeps_rows(run: &Context) -> bool {
    compares_rows(run) || run.plan.predicts() || run.plan.explains()
}

/// Whether rows are compared with each other.
pub(crate) fn compares_rows(run: &Context) -> bool {
    let methods = &run.plan.analysis.methods;
    methods.post_training_bias.as_ref().is_some_and(|codes| codes.contains(&"FT"))
}

/// A local path as it is; an `s3://` address copied to the scratch folder.
pub(crate) fn fetch(run: &Context, uri: &str, what: &str) -> Result<PathBuf> {
    let region = run.job.config.region();
    read::remote::fetch(uri, what, &run.scratch, region.as_deref(), &run.job.tree, &run.job.stop)
}
