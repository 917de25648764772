//! The whole job, one stage after the other.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use plumbline_common::answer::Answer;
use plumbline_common::job::{Job, JobResult, Outcome};
use plumbline_common::{Result, settings};

use crate::commands::{compare, validate};
use crate::context;
use crate::plan::{RowsFrom, monitors};
use crate::report;
use crate::settings::{Cli, Command, Settings};
use crate::stages::done::{self, Done};
use crate::stages::fold::Part;
use crate::stages::inputs::Role;
use crate::stages::joins::Joins;
use crate::stages::task::Task;
use crate::stages::{analysis, baselines, combine, fold, inputs, publish, results, several, states};

/// Runs what the command line asks for.
///
/// # Errors
/// Everything that stops a job, and the answers to `--help` and `--version`.
pub fn run(job: &Job) -> JobResult {
    let cli: Cli = settings::parse(&job.config)?;
    let settings = &cli.settings;
    job.end_late_work(matches!(
        cli.command,
        Some(Command::Validate { .. } | Command::Compare { .. } | Command::Report { .. })
    ));
    match &cli.command {
        None => analyse(job, settings),
        Some(Command::Fold { out, part: name, parts, files }) => {
            let part = part(job, out.as_deref(), name.as_ref());
            let all = parts.as_deref().map(states::part_names).transpose()?;
            let part = Part { all, files: files.clone(), ..part };
            match inputs::role(job, settings)? {
                Role::Nothing => Ok(nothing()),
                Role::Part => fold_of_host(job, settings, part),
                Role::Whole => Ok(Outcome::Completed(fold::run(job, settings, &part)?)),
            }
        }
        Some(Command::Baseline { out }) => {
            whole(job, settings, "a baseline is made of all rows", || baseline(job, settings, out))
        }
        Some(Command::Combine { states: places, parts }) => {
            let parts = parts.as_deref().map(states::part_names).transpose()?;
            whole(job, settings, "all states are combined at once", || {
                combine(job, settings, places, parts.as_deref())
            })
        }
        Some(Command::Validate { ask_model }) => Ok(validate::validate(job, settings, *ask_model)?),
        Some(Command::Compare { old, new, tolerance }) => {
            let (text, equal) = compare::run(old, new, *tolerance)?;
            Ok(Outcome::Answered { text, exit_code: u8::from(!equal) })
        }
        Some(Command::Report { folder }) => {
            let history = results::history(job, settings)?;
            report::rebuild(folder, &history, &job.tree.scratch())?;
            let text = Answer::of(format_args!("The reports in {} were written again.", folder.display()));
            Ok(Outcome::Answered { text, exit_code: 0 })
        }
    }
}

/// The job itself: one monitor or several.
///
/// # Errors
/// Everything that stops it.
pub(crate) fn analyse(job: &Job, settings: &Settings) -> JobResult {
    match inputs::role(job, settings)? {
        Role::Nothing => return Ok(nothing()),
        Role::Part => return fold_of_host(job, settings, part(job, None, None)),
        Role::Whole => {}
    }
    let now = Timestamp::now();
    match &settings.analysis_type {
        Some(kinds) if kinds.single().is_none() => {
            Ok(Outcome::Completed(several::run(job, settings, kinds, now)?))
        }
        _ => Ok(Outcome::Completed(one(job, settings, now)?)),
    }
}

/// How a host ends that leaves the work to the first one.
fn nothing() -> Outcome {
    Outcome::Quiet("Completed: the first host of this job does the work".into())
}

/// Work that one host does, since it needs all of the data: the first of several.
///
/// # Errors
/// `SHARDED_INPUT`: no host has all of the data. `why` it must have them.
fn whole(job: &Job, settings: &Settings, why: &str, work: impl FnOnce() -> Result<String>) -> JobResult {
    match inputs::role(job, settings)? {
        Role::Nothing => Ok(nothing()),
        Role::Whole => Ok(Outcome::Completed(work()?)),
        Role::Part => Err(inputs::sharded(job, why).into()),
    }
}

/// Makes the baseline of the attributions, and gives the exit message.
fn baseline(job: &Job, settings: &Settings, out: &Path) -> Result<String> {
    let scratch = context::scratch(job)?;
    let settings = &monitors::settings_of_explaining(job, settings)?;
    let prepared = analysis::prepare(job, settings, Timestamp::now(), scratch.path(), RowsFrom::Here)?;
    analysis::baseline(&prepared, &Joins::new(job, scratch.path(), false), out)
}

/// Combines states of one monitor or several, and gives the exit message.
fn combine(job: &Job, settings: &Settings, places: &[PathBuf], parts: Option<&[String]>) -> Result<String> {
    if let Some(kinds) = settings.analysis_type.as_ref().filter(|kinds| kinds.single().is_none()) {
        return several::combine(job, settings, kinds, places, parts);
    }
    let scratch = context::scratch(job)?;
    let read = combine::read(job, settings, places, parts)?;
    let settings = baselines::settings_of_states(job, settings, &read.0, scratch.path())?;
    let done = combine::run(job, &settings, &read, scratch.path())?;
    end(job, &settings, done, scratch.path())
}

/// One monitor, or an analysis.
fn one(job: &Job, settings: &Settings, now: Timestamp) -> Result<String> {
    let scratch = context::scratch(job)?;
    let settings = baselines::settings_of_one(job, settings, scratch.path())?;
    let task = Task::prepare(job, &settings, now, scratch.path(), RowsFrom::Here)?;
    let done = task.read(&Joins::new(job, scratch.path(), false))?.finish()?;
    end(job, &settings, done, scratch.path())
}

/// Writes and publishes what a monitor found, and gives the exit message.
fn end(job: &Job, settings: &Settings, mut done: Done, scratch: &Path) -> Result<String> {
    job.stop.check()?;
    job.stop.hold_to_the_end();
    done.write()?;
    publish::send(job, settings, &done.metrics, scratch);
    let at_end = done.at_end.as_ref().map_or(Ok(()), |script| script.run_at_end(&job.stop));
    done::with_last_script(done.failed.map_or_else(|| Ok(done.message.text()), Err), at_end)
}

/// The part of one of several hosts. The first one speaks for all.
fn fold_of_host(job: &Job, settings: &Settings, mut part: Part) -> JobResult {
    if part.name == job.hosts.current_host {
        part.all.get_or_insert_with(|| job.hosts.hosts.clone());
    }
    let told = fold::run(job, settings, &part)?;
    Ok(if job.hosts.is_leader() {
        let n = job.hosts.hosts.len();
        Outcome::Completed(format!("{told}; {n} hosts do so, and `analyzer-job combine` makes the results"))
    } else {
        Outcome::Quiet(told)
    })
}

/// The part that the command line speaks of.
fn part(job: &Job, out: Option<&Path>, name: Option<&String>) -> Part {
    let of_file = || out?.file_stem()?.to_str().map(String::from);
    let of_host = || Some(job.hosts.current_host.clone()).filter(|host| !host.is_empty());
    let name = name.cloned().or_else(of_file).or_else(of_host).unwrap_or_else(|| "part".into());
    Part { name, out: out.map(Into::into), ..Part::default() }
}
