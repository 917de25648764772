//! The whole job, one stage after the other.

use jiff::Timestamp;
use plumbline_common::job::{Job, JobResult, Outcome};
use plumbline_common::{Result, settings};

use crate::commands::{compare, validate};
use crate::monitor::{self, Kind};
use crate::report;
use crate::settings::{Cli, Command, Settings};
use crate::stages::{analysis, data_quality, inputs, model_quality, results};

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
    match monitor::kind(job, settings) {
        Some(Kind::DataQuality) => data_quality::run(job, settings, now),
        Some(Kind::ModelQuality) => model_quality::run(job, settings, now),
        None => {
            let prepared = analysis::prepare(job, settings, now)?;
            let gathered = analysis::gather(&prepared)?;
            analysis::finish(prepared, gathered)
        }
    }
}
