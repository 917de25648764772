//! `fold`: a part of the data becomes a state file, and nothing is judged.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use indexmap::IndexMap;
use jiff::Timestamp;
use plumbline_common::codes::Class;
use plumbline_common::job::Job;
use plumbline_common::words::counted;
use plumbline_common::{Problem, Result, codes, input, output};

use crate::context;
use crate::plan::{self, RowsFrom};
use crate::results::details::InputDigest;
use crate::settings::{AnalysisType, AnalysisTypes, Settings};
use crate::stages::joins::Joins;
use crate::stages::sources::Dataset;
use crate::stages::states::{self, SEVERAL};
use crate::stages::task::{Folded, Task};
use crate::stages::{baselines, several, sources};
use crate::state::file::{self, ENDING, FORMAT, Head, OfMonitor, Several, SourceFile};

/// Which part it is, and where its state goes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Part {
    pub(crate) name: String,
    /// Names of all parts, where they are known.
    pub(crate) all: Option<Vec<String>>,
    /// The state file; else one in the folder `states` of the output.
    pub(crate) out: Option<PathBuf>,
    /// A list of the files of the part, relative to the folder of the data; else all of them.
    pub(crate) files: Option<PathBuf>,
}

/// Folds a part of the data and gives the exit message.
///
/// # Errors
/// What cannot be used, read or written.
pub(crate) fn run(job: &Job, settings: &Settings, part: &Part) -> Result<String> {
    check_names(part)?;
    let mut staged = part.files.as_deref().map(|list| Staged::read(job, list)).transpose()?;
    let scratch = context::scratch(job)?;
    let now = Timestamp::now();
    let several = settings.analysis_type.as_ref().filter(|kinds| kinds.single().is_none());
    let own = match several {
        Some(kinds) => baselines::settings_of_each(job, settings, kinds, scratch.path())?,
        None => Vec::new(),
    };
    let joins = Joins::new(job, scratch.path(), true);
    let (path, rows, failed) = if own.is_empty() {
        let one = baselines::settings_of_one(job, settings, scratch.path())?;
        let mut task = Task::prepare(job, &one, now, scratch.path(), RowsFrom::Part)?;
        let path = place(part, task.output(), task.inputs())?;
        if let Some(staged) = &mut staged {
            task.stage(|dataset| staged.stage(dataset))?;
        }
        let datasets = task.dataset().into_iter().collect();
        let (mut folded, files) = with_sources(job, datasets, &joins, || {
            task.fold(&joins, &part.name).map_err(|problem| unstaged(problem, staged.as_ref()))
        })?;
        job.stop.check()?;
        std::mem::take(&mut folded.files).publish()?;
        let files = named(files, std::slice::from_ref(&folded));
        let head = Head { files, ..head(job, &one, part, &folded) };
        file::write(&path, &head, &folded.body, scratch.path())?;
        (path, folded.rows, folded.failed)
    } else {
        let mut tasks = several::prepare(job, &own, now, RowsFrom::Part, scratch.path())?;
        let inputs = tasks.iter().flat_map(|(_, task)| task.inputs());
        let path = place(part, &plan::output(job, settings), inputs)?;
        if let Some(staged) = &mut staged {
            for (_, task) in &mut tasks {
                task.stage(|dataset| staged.stage(dataset))?;
            }
        }
        let readings = several::seat(&mut tasks);
        let mut datasets: Vec<Dataset> = Vec::new();
        for dataset in tasks.iter().filter_map(|(_, task)| task.dataset()) {
            match datasets.iter_mut().find(|known| known.folder == dataset.folder) {
                Some(known) => {
                    known.headed |= dataset.headed;
                    known.digested |= dataset.digested;
                }
                None => datasets.push(dataset),
            }
        }
        let (folded, files) = with_sources(job, datasets, &joins, || {
            all(several::read_all(job, &own, tasks, readings, |task| {
                task.fold(&joins, &part.name).map_err(|problem| unstaged(problem, staged.as_ref()))
            }))
        })?;
        job.stop.check()?;
        let (kinds_of, folded): (Vec<AnalysisType>, Vec<Folded>) = folded.into_iter().unzip();
        let rows = folded.iter().map(|folded| folded.rows).max().unwrap_or_default();
        let window = folded.first().and_then(|first| first.window);
        let timed = folded.iter().all(|folded| folded.timed);
        let files = named(files, &folded);
        let (mut states, mut failed) = (Several::new(), None);
        for ((kind, mut folded), (_, settings)) in kinds_of.into_iter().zip(folded).zip(&own) {
            std::mem::take(&mut folded.files).publish()?;
            failed = failed.or(folded.failed.take());
            let head = head(job, settings, part, &folded);
            states.insert(kind.folder().into(), OfMonitor { head, body: folded.body });
        }
        let kinds = several.map(AnalysisTypes::names).unwrap_or_default();
        let bearing = IndexMap::from([("analysis_type".to_string(), kinds)]);
        let head =
            Head { rows, files, window: window.map(in_words), timed, ..of_part(part, SEVERAL, bearing) };
        file::write(&path, &head, &states, scratch.path())?;
        (path, rows, failed)
    };
    if let Some(failed) = failed {
        return Err(failed);
    }
    job.stop.check()?;
    Ok(format!("Completed: folded {} of part {} into {}", counted(rows, "row"), part.name, path.display()))
}

/// A problem with the file as it is called among all files, where it was read by way of a link.
fn unstaged(problem: Problem, staged: Option<&Staged>) -> Problem {
    let done = staged.map_or(&[][..], |staged| &staged.done);
    let file = done.iter().find_map(|(dataset, folder)| {
        let below = problem.place().file.as_ref()?.strip_prefix(folder).ok()?;
        Some(if below.as_os_str().is_empty() { dataset.clone() } else { dataset.join(below) })
    });
    match file {
        Some(file) => problem.file(file),
        None => problem,
    }
}

/// What the monitors folded. A part that is not whole would be missed when it is too late, so one that fails fails all.
fn all(folded: Vec<(AnalysisType, Result<Folded>)>) -> Result<Vec<(AnalysisType, Folded)>> {
    let of = folded.len();
    let (mut good, mut problems) = (Vec::new(), Vec::new());
    for (kind, folded) in folded {
        match folded {
            Ok(folded) => good.push((kind, folded)),
            Err(problem) if problem.class() == Class::Stopped => return Err(problem),
            Err(problem) => problems.push((kind, problem)),
        }
    }
    match several::failure(&problems, of, "failed") {
        Some(problem) => {
            Err(problem.hint("nothing is written: the state of a part holds all of its monitors"))
        }
        None => Ok(good),
    }
}

/// That the part has a name that a list of names and a file can have, and is one of all parts, where these are known: else only
/// `combine` would find out.
fn check_names(part: &Part) -> Result<()> {
    let is_whole = !part.name.is_empty() && part.name == part.name.trim();
    if !is_whole || part.name.contains(|c: char| matches!(c, ',' | '/') || c.is_control()) {
        return Err(Problem::new(&codes::SETTING_INVALID, "a part cannot have this name")
            .field("--part")
            .found(format!("`{}`", part.name.escape_debug()))
            .expected("a name without commas, slashes, and blanks around it")
            .hint("the name of a part is that of its state file unless `--part` gives it"));
    }
    let Some(all) = &part.all else { return Ok(()) };
    if all.contains(&part.name) {
        return Ok(());
    }
    Err(Problem::new(&codes::SETTING_INVALID, "the part is none of all parts")
        .field("--parts")
        .found(format!("{} without `{}`", all.join(", "), part.name))
        .expected("the names of all parts, this one among them")
        .hint("the name of a part is that of its state file unless `--part` gives it"))
}

/// Where the state goes. A place that cannot be written to, or where `combine` or the next run would take the state for
/// something else, is found before the data are read. `inputs`: settings that name data, and where these are.
fn place<'a>(
    part: &Part,
    output: &Path,
    inputs: impl IntoIterator<Item = (&'static str, &'a Path)>,
) -> Result<PathBuf> {
    let path = match &part.out {
        Some(path) => path.clone(),
        None => output.join("states").join(format!("{}.{ENDING}", part.name)),
    };
    if path.extension().is_none_or(|ending| ending != ENDING) {
        return Err(Problem::new(&codes::SETTING_INVALID, "a state file has another ending")
            .field("--out")
            .found(format!("`{}`", path.display()))
            .expected(format!("a name that ends in `.{ENDING}`, by which `combine` finds it in a folder")));
    }
    if path.file_name().is_some_and(input::is_hidden) {
        return Err(Problem::new(&codes::SETTING_INVALID, "a state file has a hidden name")
            .field("--out")
            .found(format!("`{}`", path.display()))
            .expected("a name that does not begin with `.` or `_`: `combine` passes those over"));
    }
    for (setting, input) in inputs {
        output::check_outside(("state", "--out"), &path, setting, input)?;
    }
    output::check_file(&path)?;
    Ok(path)
}

/// The head of the state of one monitor.
fn head(job: &Job, settings: &Settings, part: &Part, folded: &Folded) -> Head {
    let bearing = states::bearing(job, settings, folded.configuration.as_ref());
    let (window, timed) = (folded.window.map(in_words), folded.timed);
    Head { window, timed, rows: folded.rows, ..of_part(part, folded.kind, bearing) }
}

fn of_part(part: &Part, kind: &str, settings: IndexMap<String, String>) -> Head {
    Head {
        format: FORMAT,
        program: format!("analyzer-job {}", env!("CARGO_PKG_VERSION")),
        kind: kind.into(),
        settings,
        part: part.name.clone(),
        parts: part.all.clone(),
        window: None,
        timed: false,
        rows: 0,
        files: Vec::new(),
    }
}

fn in_words((start, end): (Timestamp, Timestamp)) -> [String; 2] {
    [start.to_string(), end.to_string()]
}

/// Folds, and finds out meanwhile what the files of the data are.
fn with_sources<T>(
    job: &Job,
    datasets: Vec<Dataset>,
    joins: &Joins<'_>,
    fold: impl FnOnce() -> Result<T>,
) -> Result<(T, Vec<sources::Found>)> {
    let enough = AtomicBool::new(false);
    thread::scope(|scope| {
        let listed = scope.spawn(|| sources::list(&datasets, &joins.digests, &job.stop, &enough));
        let folded = fold();
        enough.store(folded.is_err(), Ordering::Relaxed);
        let listed = listed.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        Ok((folded?, sources::found(listed?, &joins.digests, &job.stop)?))
    })
}

/// The files that the state names: those with a record, since the others name nothing that could count twice. Those of an
/// address are known once they are read.
fn named(files: Vec<sources::Found>, folded: &[Folded]) -> Vec<SourceFile> {
    if folded.iter().all(|folded| folded.records == 0) {
        return Vec::new();
    }
    let mut files = files;
    if files.is_empty() {
        let inputs = folded.iter().flat_map(|folded| &folded.inputs).filter(|input| input.role == "dataset");
        let of = |input: &InputDigest| {
            (SourceFile { name: input.name.clone().into(), sha256: input.sha256.clone() }, false)
        };
        files = inputs.map(of).collect();
    }
    let has_records = |(file, is_bare): &sources::Found| {
        folded.iter().any(|folded| match &folded.without_rows {
            Some(without) => !without.contains(&file.name),
            None => !is_bare,
        })
    };
    files.into_iter().filter(has_records).map(|(file, _)| file).collect()
}

/// The files of a part as folders of links, so that they keep the names that they have among all files.
struct Staged {
    names: Vec<PathBuf>,
    folder: tempfile::TempDir,
    /// Folders of data, each with its links: monitors of the same data read the same files.
    done: Vec<(PathBuf, PathBuf)>,
}

impl Staged {
    fn read(job: &Job, list: &Path) -> Result<Staged> {
        let text =
            fs::read_to_string(list).map_err(|error| Problem::io("read the list of files", list, error))?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let refused = |line: u64, what: &str| {
            Problem::new(&codes::SETTING_INVALID, what).file(list).line(line).field("--files")
        };
        let mut names: IndexMap<PathBuf, u64> = IndexMap::new();
        for (line, text) in (1..).zip(text.lines()).filter(|(_, text)| !text.is_empty()) {
            // As `find .` prints them.
            let parts = Path::new(text).components().filter(|part| *part != Component::CurDir);
            let name: PathBuf = parts.collect();
            let inside = name.components().all(|part| matches!(part, Component::Normal(_)));
            if !inside || name.as_os_str().is_empty() {
                return Err(refused(line, "the list of files names a file outside the folder of the data")
                    .found(format!("`{text}`"))
                    .expected("paths below the folder of the data, one per line"));
            }
            if let Some(first) = names.insert(name, line) {
                return Err(refused(line, "the list of files names a file twice")
                    .found(format!("`{text}`, also in line {first}"))
                    .expected("each file once"));
            }
        }
        let names = names.into_keys().collect();
        Ok(Staged { names, folder: context::scratch(job)?, done: Vec::new() })
    }

    fn stage(&mut self, dataset: &Path) -> Result<PathBuf> {
        let dataset = std::path::absolute(dataset).unwrap_or_else(|_| dataset.into());
        if let Some((_, folder)) = self.done.iter().find(|(known, _)| *known == dataset) {
            return Ok(folder.clone());
        }
        let folder = self.folder.path().join(self.done.len().to_string());
        fs::create_dir_all(&folder)
            .map_err(|error| Problem::io("create the scratch folder", &folder, error))?;
        let mut passed_over = Vec::new();
        for name in &self.names {
            let (from, to) = (dataset.join(name), folder.join(name));
            if !from.is_file() {
                return Err(Problem::new(
                    &codes::SETTING_INVALID,
                    "the list of files names a file that does not exist",
                )
                .field("--files")
                .found(format!("`{}`", name.display()))
                .expected(format!("a file below {}", dataset.display())));
            }
            let is_empty = || fs::metadata(&from).is_ok_and(|metadata| metadata.len() == 0);
            if name.iter().any(input::is_hidden) || is_empty() {
                passed_over.push(name);
                continue;
            }
            let made = to.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| symlink(&from, &to));
            made.map_err(|error| Problem::io("link to a file of the data", &to, error))?;
        }
        let what = "files of the list that are empty or hidden by `.` or `_`, as a run passes them over";
        states::tell_passed_over(what, passed_over.into_iter().map(PathBuf::as_path));
        self.done.push((dataset, folder.clone()));
        Ok(folder)
    }
}
