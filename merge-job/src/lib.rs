//! The ground-truth merge: captured requests and labels that arrived later become merged records.
//!
//! In reading order: `settings` and `task`, the merge that is settled; `inputs`, the files of both sides; `source`
//! cuts files into blocks (`ahead`: unpacked in advance; `manifest`: lists of files), `reader` finds the records of a
//! text (on `json`, `rows`, or by the `pattern` of earlier lines), `record` takes their parts, `batch` holds a block
//! with its records, `stream` hands blocks over in their order; `labels` holds the ground truth by `ids` (at
//! `places`), `join` says what becomes of a capture, `spill` does the same when the labels do not fit in memory (by `scratch` files);
//! `pipeline` puts these together; `output` writes, `account` and `summary` tell of every record (`looks`: of files
//! without any; `reasons`: why records are bad), `verdict` judges; `validate` is the dry run.

use plumbline_common::answer::Answer;
use plumbline_common::job::{Job, JobResult, Outcome};
use plumbline_common::settings as layers;
use plumbline_common::stop::Stop;
use plumbline_common::{Problem, Result, codes, output as files};

mod account;
mod ahead;
mod batch;
mod evidence;
mod hours;
pub mod ids;
mod inputs;
mod join;
pub mod json;
mod labels;
mod looks;
mod manifest;
mod output;
mod pattern;
mod pipeline;
mod places;
pub mod reader;
mod reasons;
pub mod record;
mod rows;
mod scratch;
pub mod settings;
mod source;
mod spill;
mod stream;
pub mod summary;
mod task;
mod validate;
mod verdict;

pub use evidence::Evidence;
pub use manifest::{Mounts, mounts};
use settings::{Command, Settings};
pub use summary::Summary;
pub use task::MergeTask;
pub use verdict::judge;

/// Runs the job as its settings say.
///
/// # Errors
/// Help was asked for, or anything that makes the job fail.
pub fn run(job: &Job) -> JobResult {
    let settings: Settings = layers::parse(&job.config)?;
    job.end_at_second_interrupt(settings.command.is_some());
    let task = MergeTask::of(job, &settings).and_then(|task| share_of_host(job, task));
    if let Some(Command::Validate) = settings.command {
        // The dry run reports a failure; it does not write an exit message.
        let answered = task.and_then(|share| match share {
            Share::Task(task) => validate::answer(&task, &job.stop),
            Share::Nothing => Ok(Outcome::Answered { text: Answer::of(NOTHING_TO_DO), exit_code: 0 }),
        });
        return Ok(answered.unwrap_or_else(|problem| Outcome::Answered {
            text: Answer::of(format_args!("Error: {problem}")),
            exit_code: problem.class().exit_code(),
        }));
    }
    let Share::Task(task) = task? else { return Ok(Outcome::Completed(NOTHING_TO_DO.into())) };
    tracing::info!(
        captures = %task.captures.display(),
        ground_truth = %task.ground_truth.display(),
        output = %task.output.display(),
        threads = task.threads,
        "merging captures from {} with ground truth from {} into {}",
        task.captures.display(),
        task.ground_truth.display(),
        task.output.display()
    );
    let merged = merge(&task, &job.stop);
    let summary = match &merged {
        Ok(summary) => Some(summary),
        Err(failure) => failure.summary.as_deref(),
    };
    if let Some(summary) = summary {
        write_summary(job, summary, &task);
    }
    Ok(Outcome::Completed(merged.map_err(Problem::from)?.message()))
}

const NOTHING_TO_DO: &str = "Completed: the first host does the merge";

/// What this host of the job does.
enum Share {
    Task(Box<MergeTask>),
    Nothing,
}

/// Hosts that see different captures and all ground truth merge their own captures; else the first does all.
///
/// # Errors
/// Hosts see parts of the ground truth: no host could merge rightly.
fn share_of_host(job: &Job, mut task: MergeTask) -> Result<Share> {
    if !job.hosts.several() {
        return Ok(Share::Task(Box::new(task)));
    }
    let inputs = job.config.inputs(&job.tree);
    let sharded = |folder: &std::path::Path| {
        let touches = |mount: &std::path::Path| mount.starts_with(folder) || folder.starts_with(mount);
        inputs.iter().find(|mount| mount.sharded && touches(&mount.path))
    };
    if let Some(mount) = sharded(&task.ground_truth) {
        return Err(Problem::new(
            &codes::SHARDED_INPUT,
            "the ground truth is sharded, but every host needs it whole",
        )
        .field(&mount.name)
        .found("`S3DataDistributionType` `ShardedByS3Key`")
        .expected("`FullyReplicated`, or one instance"));
    }
    if sharded(&task.captures).is_some() {
        task.seed = format!("{}\n{}", task.seed, job.hosts.current_host);
        task.has_all_captures = false;
        return Ok(Share::Task(Box::new(task)));
    }
    Ok(if job.hosts.is_leader() { Share::Task(Box::new(task)) } else { Share::Nothing })
}

/// Why a merge failed, with its account when everything was read.
#[derive(Debug)]
pub struct Failure {
    pub problem: Problem,
    pub summary: Option<Box<Summary>>,
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Failure {
        Failure { problem, summary: None }
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Problem {
        failure.problem
    }
}

/// Merges, names the merged files when all is done, and logs the summary.
///
/// # Errors
/// There are no captures, nothing matches, too many records are bad, a file cannot be read or
/// written, or the job was asked to stop. The output is as it was before then.
pub fn merge(task: &MergeTask, stop: &Stop) -> std::result::Result<Summary, Failure> {
    let (mut summary, parts) = pipeline::merge(task, stop)?;
    let written = (parts.records, parts.files);
    if let Err(problem) = verdict::verdict(task, &summary.evidence()) {
        summary.log();
        return Err(Failure { problem, summary: Some(Box::new(summary)) });
    }
    stop.check()?;
    parts.publish()?;
    (summary.records_written, summary.files_written) = written;
    summary.log();
    if summary.merged == 0 {
        tracing::warn!("merged nothing: {}", summary.message());
    }
    Ok(summary)
}

/// Writes `merge_summary.json`. The merge is done or has failed by now, and that is what is to be told; so failing to
/// write it is only worth a warning.
fn write_summary(job: &Job, summary: &Summary, task: &MergeTask) {
    let Some(path) = task.summary.clone().or_else(|| task::default_summary(&job.tree)) else { return };
    let text = serde_json::to_vec_pretty(summary)
        .map_err(|error| Problem::new(&codes::INTERNAL, "the summary is not JSON").because(error));
    let written = text.and_then(|mut text| {
        text.push(b'\n');
        files::write(&path, &text, &task.scratch)
    });
    if let Err(problem) = written {
        tracing::warn!("cannot write the summary: {problem}");
    }
}
