//! `fold`: a part of the data becomes a state file, and nothing is judged.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use jiff::Timestamp;
use plumbline_common::codes::Class;
use plumbline_common::job::Job;
use plumbline_common::{Problem, Result, codes, output};

use crate::context;
use crate::plan::{self, Rows};
use crate::settings::{AnalysisType, Settings};
use crate::stages::joins::Joins;
use crate::stages::states::{self, SEVERAL};
use crate::stages::task::{Folded, Task};
use crate::stages::{baselines, several};
use crate::state::file::{self, ENDING, FORMAT, Head, OfMonitor, Several};

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
    let mut staged = part.files.as_deref().map(|list| Staged::read(job, list)).transpose()?;
    let scratch = context::scratch(job)?;
    let now = Timestamp::now();
    let several = settings.analysis_type.as_ref().filter(|kinds| kinds.single().is_none());
    let own = match several {
        Some(kinds) => baselines::settings_of_each(job, settings, kinds, scratch.path())?,
        None => Vec::new(),
    };
    let one = baselines::settings_of_one(job, settings, scratch.path())?;
    let joins = Joins::new(job, scratch.path(), true);
    let (path, rows) = if own.is_empty() {
        let mut task = Task::prepare(job, &one, now, scratch.path(), Rows::Part)?;
        let path = place(part, task.output())?;
        if let Some(staged) = &mut staged {
            task.stage(|dataset| staged.stage(dataset))?;
        }
        let mut folded = task.fold(&joins, &part.name)?;
        job.stop.check()?;
        std::mem::take(&mut folded.files).publish()?;
        file::write(&path, &head(job, &one, part, &folded), &folded.body, scratch.path())?;
        (path, folded.rows)
    } else {
        let mut tasks = several::prepare(job, &own, now, Rows::Part, scratch.path())?;
        let path = place(part, &plan::output(job, settings))?;
        if let Some(staged) = &mut staged {
            for (_, task) in &mut tasks {
                task.stage(|dataset| staged.stage(dataset))?;
            }
        }
        let readings = several::seat(&mut tasks);
        let folded = several::read_all(job, &own, tasks, &readings, |task| task.fold(&joins, &part.name));
        let folded = all(folded)?;
        job.stop.check()?;
        let rows = folded.iter().map(|(_, folded)| folded.rows).max().unwrap_or_default();
        let mut states = Several::new();
        for ((kind, mut folded), (_, settings)) in folded.into_iter().zip(&own) {
            std::mem::take(&mut folded.files).publish()?;
            let head = head(job, settings, part, &folded);
            states.insert(kind.folder().into(), OfMonitor { head, body: folded.body });
        }
        let kinds: Vec<&str> = own.iter().map(|(kind, _)| kind.name()).collect();
        let bearing = IndexMap::from([("analysis_type".to_string(), kinds.join(","))]);
        let head = Head { rows, ..of_part(part, SEVERAL, bearing) };
        file::write(&path, &head, &states, scratch.path())?;
        (path, rows)
    };
    job.stop.check()?;
    Ok(format!("Completed: folded {rows} rows of part {} into {}", part.name, path.display()))
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

/// Where the state goes. A folder that cannot be written to is found before the data are read.
fn place(part: &Part, output: &Path) -> Result<PathBuf> {
    let path = match &part.out {
        Some(path) => path.clone(),
        None => output.join("states").join(format!("{}.{ENDING}", part.name)),
    };
    output::check_file(&path)?;
    Ok(path)
}

/// The head of the state of one monitor.
fn head(job: &Job, settings: &Settings, part: &Part, folded: &Folded) -> Head {
    let bearing = states::bearing(job, settings, folded.configuration.as_ref());
    Head {
        window: folded.window.map(|(start, end)| [start.to_string(), end.to_string()]),
        rows: folded.rows,
        ..of_part(part, folded.kind, bearing)
    }
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
        rows: 0,
    }
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
        let names: Vec<PathBuf> = text.lines().filter(|line| !line.is_empty()).map(PathBuf::from).collect();
        let outside =
            |name: &&PathBuf| !name.components().all(|part| matches!(part, std::path::Component::Normal(_)));
        if let Some(name) = names.iter().find(outside) {
            return Err(Problem::new(
                &codes::SETTING_INVALID,
                "a list of files names one outside of the data",
            )
            .file(list)
            .field("--files")
            .found(format!("`{}`", name.display()))
            .expected("paths below the folder of the data, one a line"));
        }
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
        for name in &self.names {
            let (from, to) = (dataset.join(name), folder.join(name));
            if !from.is_file() {
                return Err(Problem::new(
                    &codes::SETTING_INVALID,
                    "a list of files names one that is not there",
                )
                .field("--files")
                .found(format!("`{}`", name.display()))
                .expected(format!("a file below {}", dataset.display())));
            }
            let made = to.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| symlink(&from, &to));
            made.map_err(|error| Problem::io("link to a file of the data", &to, error))?;
        }
        self.done.push((dataset, folder.clone()));
        Ok(folder)
    }
}
