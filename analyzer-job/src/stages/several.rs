//! A run of several monitors over the same data: all are checked before anything is read, captures are joined with
//! their labels once, all monitors read their rows at the same time, a monitor that fails costs the others nothing, and
//! one report and one exit message tell of all.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use indexmap::IndexMap;
use jiff::Timestamp;
use plumbline_common::codes::Class;
use plumbline_common::job::Job;
use plumbline_common::output::{self, OutputFile};
use plumbline_common::{Problem, Result, codes};

use crate::context;
use crate::monitor::plan::MonitorPlan;
use crate::monitor::rows::Source;
use crate::monitor::rows::shared::{self, Seat};
use crate::performance::facets;
use crate::performance::outcomes::ProblemType;
use crate::plan::{self, RowsFrom};
use crate::read::together::{self, Records};
use crate::report::{self, Chapter, Ended};
use crate::results::details::FacetDetails;
use crate::settings::{AnalysisType, AnalysisTypes, Settings};
use crate::stages::combine::{self, Combined, Of};
use crate::stages::done::{self, Done, Message};
use crate::stages::joins::Joins;
use crate::stages::states::{self, SEVERAL};
use crate::stages::task::{Form, Subject, Task};
use crate::stages::{baselines, earlier, publish};

/// Runs the monitors and gives the exit message.
///
/// # Errors
/// A setting, configuration or baseline of one of them that cannot be used, before data are read. A monitor that
/// failed later: the results of the others are written first.
pub(crate) fn run(job: &Job, settings: &Settings, kinds: &AnalysisTypes, now: Timestamp) -> Result<String> {
    let scratch = context::scratch(job)?;
    let own = baselines::settings_of_each(job, settings, kinds, scratch.path())?;
    let joins = Joins::new(job, scratch.path(), false);
    let mut tasks = prepare(job, &own, now, RowsFrom::Here, scratch.path())?;
    check_output(job, settings)?;

    let readings = seat(&mut tasks);
    // No model is asked before all data are read.
    let mut ended = Vec::new();
    for (kind, read) in read_all(job, &own, tasks, readings, |task| task.read(&joins)) {
        tracing::info!("{}: measuring", kind.title());
        let done = match going_on(read)? {
            Ok(read) => going_on(kind.span().in_scope(|| read.finish()))?,
            Err(problem) => Err(problem),
        };
        ended.push((kind, done));
    }
    write(job, settings, &own, ended, scratch.path())
}

/// Combines states that were folded for these monitors, and gives the exit message.
///
/// `places`, `parts`: as of `combine::run`.
///
/// # Errors
/// States that cannot be used; as `run`.
pub(crate) fn combine(
    job: &Job,
    settings: &Settings,
    kinds: &AnalysisTypes,
    places: &[PathBuf],
    parts: Option<&[String]>,
) -> Result<String> {
    let places = combine::places_of(job, places);
    combine::check_apart(&plan::output(job, settings), &places)?;
    let scratch = context::scratch(job)?;
    let own = baselines::settings_of_each(job, settings, kinds, scratch.path())?;
    let now = Timestamp::now();
    let states = states::read(job, &places, parts)?;
    let of_one = states.iter().find(|state| state.head.kind != SEVERAL);
    if let Some(state) = of_one {
        return Err(Problem::new(&codes::STATES_DO_NOT_FIT, "a state is of one monitor only")
            .file(&state.path)
            .found(format!("a state of {}", state.head.kind))
            .expected("states that were folded for all monitors of `analysis_type`"));
    }
    let combined = each(&own, scratch.path(), |kind, settings, scratch| {
        let own = states.iter().map(|state| state.of_monitor(kind.folder())).collect::<Result<Vec<_>>>()?;
        Combined::new(job, settings, now, &own, scratch, Of::Job)
    })?;
    check_output(job, settings)?;
    let mut ended = Vec::new();
    for (kind, combined) in combined {
        ended.push((kind, going_on(kind.span().in_scope(|| combined.finish()))?));
    }
    write(job, settings, &own, ended, scratch.path())
}

/// That the report over all monitors can be written; each looks at its own folder.
///
/// # Errors
/// `FILE_OPERATION_FAILED`.
pub(crate) fn check_output(job: &Job, settings: &Settings) -> Result<()> {
    let output = plan::output(job, settings);
    output::check_folder(&output)?;
    earlier::check_places(&output, report::NAME)
}

/// Writes the results of the monitors and the report over all, publishes, and gives the exit message.
fn write(
    job: &Job,
    settings: &Settings,
    own: &[(AnalysisType, Settings)],
    mut ended: Vec<(AnalysisType, Result<Done>)>,
    scratch: &Path,
) -> Result<String> {
    job.stop.check()?;
    job.stop.hold_to_the_end();
    write_results(&plan::output(job, settings), own, &mut ended, scratch)?;
    let metrics: Vec<_> = ended
        .iter()
        .filter_map(|(_, done)| done.as_ref().ok())
        .flat_map(|done| done.metrics.clone())
        .collect();
    publish::send(job, settings, &metrics, scratch);
    // The setting of the script is that of every monitor.
    let script = ended.iter().find_map(|(_, done)| done.as_ref().ok()?.at_end.as_ref());
    let at_end = script.map_or(Ok(()), |script| script.run_at_end(&job.stop));
    done::with_last_script(end(settings, ended), at_end)
}

/// What is read once for several monitors.
pub(crate) enum SharedReading {
    Records(Arc<Records>),
    /// Rows of a dataset, or of captured records: then with a seat in their reading, where others read them too.
    Rows(Arc<shared::SharedRows>, Box<MonitorPlan>, Option<Seat>),
}

/// Who takes captured records: a task, or the reading that makes rows of them.
enum Guest {
    Task(usize),
    Reading(usize),
}

/// Gives tasks that read the same the seats of one reading.
pub(crate) fn seat(tasks: &mut [(AnalysisType, Task<'_>)]) -> Vec<SharedReading> {
    let mut tasks_of: IndexMap<_, Vec<usize>> = IndexMap::new();
    for (at, (_, task)) in tasks.iter().enumerate() {
        // What cannot be read is told by its monitor.
        if let Ok(Some(subject)) = task.subject() {
            tasks_of.entry(subject).or_default().push(at);
        }
    }
    let mut readings = Vec::new();
    let mut of_records: IndexMap<Subject, Vec<Guest>> = IndexMap::new();
    for (subject, guests) in tasks_of {
        // The baseline of one of them may know names.
        let plans =
            guests.iter().rev().filter_map(|&at| tasks[at].1.rows_plan()).filter(|_| guests.len() > 1);
        let plan = plans.max_by_key(|plan| plan.known.len());
        let shared = match (subject.form, plan) {
            (Form::Rows | Form::Scripted, Some(plan)) => {
                let rows = shared::SharedRows::new();
                let plan = Box::new(plan.clone());
                tell_read_once(tasks, &guests);
                for (&at, seat) in guests.iter().zip(rows.seats(guests.len())) {
                    tasks[at].1.seat = Some(Seat::Rows(seat));
                }
                readings.push(SharedReading::Rows(rows, plan, None));
                vec![Guest::Reading(readings.len() - 1)]
            }
            _ => guests.into_iter().map(Guest::Task).collect(),
        };
        if subject.form != Form::Rows {
            of_records.entry(Subject { form: Form::Records, ..subject }).or_default().extend(shared);
        }
    }
    for guests in of_records.into_values().filter(|guests| guests.len() > 1) {
        let records = Records::new();
        let seats = records.seats(guests.len());
        let mut own = Vec::new();
        for (guest, seat) in guests.into_iter().zip(seats.into_iter().map(Seat::Records)) {
            match guest {
                Guest::Task(at) => {
                    own.push(at);
                    tasks[at].1.seat = Some(seat);
                }
                Guest::Reading(at) => {
                    if let Some(SharedReading::Rows(_, _, of_records)) = readings.get_mut(at) {
                        *of_records = Some(seat);
                    }
                }
            }
        }
        tell_read_once(tasks, &own);
        readings.push(SharedReading::Records(records));
    }
    readings
}

fn tell_read_once(tasks: &[(AnalysisType, Task<'_>)], guests: &[usize]) {
    let names: Vec<&str> = guests.iter().map(|&at| tasks[at].0.title()).collect();
    tracing::info!("read once for: {}", names.join(", "));
}

/// Reads the rows of all monitors at the same time, each on a thread of its own; what several want is read on one more.
/// `read`: how a task does it.
pub(crate) fn read_all<'a, T: Send>(
    job: &'a Job,
    own: &'a [(AnalysisType, Settings)],
    tasks: Vec<(AnalysisType, Task<'a>)>,
    readings: Vec<SharedReading>,
    read: impl Fn(Task<'a>) -> Result<T> + Sync,
) -> Vec<(AnalysisType, Result<T>)> {
    let read = &read;
    thread::scope(|scope| {
        for reading in readings {
            // A reading gives up its own seat when it ends.
            scope.spawn(move || match reading {
                SharedReading::Records(records) => together::run(&records),
                SharedReading::Rows(rows, plan, seat) => {
                    // All monitors have these settings in common.
                    let source = Source { seat: seat.as_ref(), ..plan.source(job, &own[0].1) };
                    shared::run(&rows, &source);
                }
            });
        }
        let threads: Vec<_> = tasks
            .into_iter()
            .map(|(kind, task)| {
                tracing::info!("{}: reading", kind.title());
                (kind, scope.spawn(move || kind.span().in_scope(|| read(task))))
            })
            .collect();
        let joined = threads.into_iter().map(|(kind, thread)| {
            (kind, thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        });
        joined.collect()
    })
}

/// A stop and a full disk end the whole run; another problem only its monitor.
fn going_on<T>(ended: Result<T>) -> Result<Result<T>> {
    let is_of_run =
        |problem: &Problem| problem.class() == Class::Stopped || *problem.code() == codes::DISK_FULL;
    match ended {
        Err(problem) if is_of_run(&problem) => Err(problem),
        ended => Ok(ended),
    }
}

/// Checks every monitor.
///
/// # Errors
/// The problems of all monitors that cannot start.
pub(crate) fn prepare<'a>(
    job: &'a Job,
    own: &'a [(AnalysisType, Settings)],
    now: Timestamp,
    rows: RowsFrom<'_>,
    scratch: &Path,
) -> Result<Vec<(AnalysisType, Task<'a>)>> {
    each(own, scratch, |_, settings, scratch| Task::prepare(job, settings, now, scratch, rows))
}

/// The start of every monitor, each with a scratch folder of its own.
///
/// # Errors
/// The problems of all monitors that cannot start.
fn each<'a, T>(
    own: &'a [(AnalysisType, Settings)],
    scratch: &Path,
    start: impl Fn(AnalysisType, &'a Settings, &Path) -> Result<T>,
) -> Result<Vec<(AnalysisType, T)>> {
    let mut prepared = Vec::new();
    let mut problems = Vec::new();
    for (kind, settings) in own {
        let scratch = scratch.join(kind.folder());
        fs::create_dir_all(&scratch)
            .map_err(|error| Problem::io("create the scratch folder", &scratch, error))?;
        match kind.span().in_scope(|| start(*kind, settings, &scratch)) {
            Ok(started) => prepared.push((*kind, started)),
            Err(problem) => problems.push((*kind, problem)),
        }
    }
    match failure(&problems, own.len(), "cannot start") {
        Some(problem) => Err(problem.hint("nothing was read; the other monitors can start")),
        None => Ok(prepared),
    }
}

/// The problems of the monitors as one, with the code of the first.
pub(crate) fn failure(problems: &[(AnalysisType, Problem)], of: usize, how: &str) -> Option<Problem> {
    let (_, first) = problems.first()?;
    let told: Vec<String> =
        problems.iter().map(|(kind, problem)| format!("{}: {problem}", kind.title())).collect();
    Some(
        Problem::new(first.code(), format!("{} of {of} monitors {how}", problems.len()))
            .found(told.join(" | ")),
    )
}

/// Gives all results of the run their names, those of each monitor and the report over all: all of them or none. Then removes what
/// earlier runs left.
///
/// # Errors
/// A result cannot be written; what an earlier run left cannot be removed.
fn write_results(
    output: &Path,
    own: &[(AnalysisType, Settings)],
    ended: &mut [(AnalysisType, Result<Done>)],
    scratch: &Path,
) -> Result<()> {
    let mut files = report_files(output, own, ended, scratch)?;
    let mut reports = Vec::new();
    for done in ended.iter_mut().filter_map(|(_, done)| done.as_mut().ok()) {
        let (own_files, names) = done.take_files();
        files.append(own_files);
        reports.push(names);
    }
    let of_all = earlier::report_names(output);
    let written = files.publish_below(output)?;
    let found: Vec<&Done> = ended.iter().filter_map(|(_, done)| done.as_ref().ok()).collect();
    for (done, reports) in found.iter().zip(&reports) {
        done.remove_earlier(reports, &written)?;
        done.tell_place();
    }
    let given: Vec<&Path> = found.iter().flat_map(|done| &done.given).map(PathBuf::as_path).collect();
    let folders: Vec<&str> = own.iter().map(|(kind, _)| kind.folder()).collect();
    earlier::remove(output, &of_all, &written, &given, &folders)
}

/// The report over all monitors.
fn report_files(
    output: &Path,
    own: &[(AnalysisType, Settings)],
    ended: &[(AnalysisType, Result<Done>)],
    scratch: &Path,
) -> Result<output::Results> {
    let chapters: Vec<Chapter<'_>> = ended
        .iter()
        .map(|(kind, done)| Chapter {
            title: kind.title(),
            folder: kind.folder(),
            ended: match done {
                Ok(done) => Ended::Found {
                    draft: &done.draft,
                    violations: done.message.violations(),
                    failed: done.failed.as_ref().map(ToString::to_string),
                },
                Err(problem) => Ended::Failed(problem.to_string()),
            },
        })
        .collect();
    // Bias knows two sides of a label, which are the classes of a binary problem.
    let is_binary = |(kind, settings): &(AnalysisType, Settings)| {
        let problem = settings.problem_type.as_deref().unwrap_or_default().trim();
        *kind == AnalysisType::ModelQuality
            && problem.eq_ignore_ascii_case(ProblemType::BinaryClassification.name())
    };
    let facets: Vec<FacetDetails> = match own.iter().any(is_binary) {
        true => ended
            .iter()
            .filter_map(|(_, done)| done.as_ref().ok())
            .flat_map(|done| done.facets.clone())
            .collect(),
        false => Vec::new(),
    };
    let mut files = output::Results::default();
    for (name, bytes) in report::together(&chapters, &facets::by_facet(&facets)).files(report::NAME)? {
        let path = output.join(name);
        let mut file = OutputFile::create(&path, scratch)?;
        file.write_all(&bytes).map_err(|error| Problem::io("write the report", &path, error))?;
        files.add(file)?;
    }
    Ok(files)
}

/// The exit message, or what failed.
fn end(settings: &Settings, ended: Vec<(AnalysisType, Result<Done>)>) -> Result<String> {
    let of = ended.len();
    // Beside monitors that are held against a baseline one that is not would look as if it held.
    let some_have_baselines =
        ended.iter().filter_map(|(_, done)| done.as_ref().ok()).any(|done| !done.given.is_empty());
    let of_quality = [AnalysisType::DataQuality, AnalysisType::ModelQuality];
    let is_of_quality = ended.iter().all(|(kind, _)| of_quality.contains(kind));
    let mut problems = Vec::new();
    let mut whole = Vec::new();
    let mut violations = 0;
    let mut told = String::new();
    for (kind, done) in ended {
        match done {
            Ok(Done { failed: Some(problem), .. }) | Err(problem) => problems.push((kind, problem)),
            Ok(Done { message, given, .. }) => {
                let no_baseline = some_have_baselines && given.is_empty();
                whole.push(kind.title());
                violations += message.violations();
                told.push_str(&match message {
                    Message::Judged { remarks, .. } if no_baseline => {
                        format!(" {}: no baseline.{remarks}", kind.title())
                    }
                    Message::Judged { violations, remarks } => {
                        format!(" {}: {violations}.{remarks}", kind.title())
                    }
                    Message::NotJudged(reason) => format!(" {}: {reason}.", kind.title()),
                });
            }
        }
    }
    match failure(&problems, of, "failed") {
        Some(problem) if whole.is_empty() => Err(problem),
        Some(problem) => {
            Err(problem.hint(format!("the results of the others are written: {}", whole.join(", "))))
        }
        None => {
            let nothing_checked = done::nothing_checked(settings, some_have_baselines || is_of_quality);
            Ok(format!("{}{told}{nothing_checked}", done::sentence(violations)))
        }
    }
}
