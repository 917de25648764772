//! The whole job, one stage after the other.

use jiff::Timestamp;
use plumbline_common::job::{Job, JobResult, Outcome};
use plumbline_common::{Result, settings};

use crate::commands::{compare, validate};
use crate::context;
use crate::plan::monitors;
use crate::report;
use crate::settings::{Cli, Command, Settings};
use crate::stages::joins::Joins;
use crate::stages::task::Task;
use crate::stages::{inputs, publish, results, several};

/// Runs what the command line asks for.
///
/// # Errors
/// Everything that stops a job, and the answers to `--help` and `--version`.
pub fn run(job: &Job) -> JobResult {
    let cli: Cli = settings::parse(&job.config)?;
    let settings = &cli.settings;
    match &cli.command {
        None => Ok(Outcome::Completed(analyse(job, settings)?)),
        Some(Command::Validate { ask_model }) => Ok(validate::validate(job, settings, *ask_model)?),
        Some(Command::Compare { old, new, tolerance }) => {
            let (text, equal) = compare::run(old, new, *tolerance)?;
            Ok(Outcome::Answered { text, exit_code: u8::from(!equal) })
        }
        Some(Command::Report { folder }) => {
            let history = results::history(job, settings)?;
            report::rebuild(folder, &history, &job.tree.scratch())?;
            let text = format!("The reports in {} were written again.", folder.display());
            Ok(Outcome::Answered { text, exit_code: 0 })
        }
    }
}

fn analyse(job: &Job, settings: &Settings) -> Result<String> {
    if job.hosts.several() && !job.hosts.is_leader() {
        return Ok("Completed: the first host of this job does the work".into());
    }
    inputs::refuse_shards(job)?;
    let now = Timestamp::now();
    match &settings.analysis_type {
        Some(kinds) if kinds.single().is_none() => several::run(job, settings, kinds, now),
        _ => one(job, settings, now),
    }
}

/// One monitor, or an analysis.
fn one(job: &Job, settings: &Settings, now: Timestamp) -> Result<String> {
    let settings = monitors::settings_of_one(job, settings)?;
    let scratch = context::scratch(job)?;
    let task = Task::prepare(job, &settings, now, scratch.path())?;
    let mut done = task.read(&Joins::new(job, scratch.path()))?.finish()?;
    done.write(&job.stop)?;
    publish::send(job, &settings, &done.metrics, scratch.path());
    if let Some(script) = &done.at_end {
        script.run_at_end(&job.stop)?;
    }
    match done.failed {
        Some(problem) => Err(problem),
        None => Ok(done.message.text()),
    }
}
