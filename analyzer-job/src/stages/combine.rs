//! `combine`: states of all parts become one run, which goes on as if it had read the data itself.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use plumbline_common::job::Job;
use plumbline_common::words::counted;
use plumbline_common::{Problem, Result, codes, output};
use serde_json::Value as Json;

use crate::config::DatasetFormat;
use crate::performance;
use crate::plan::{self, FoldedFrom, RowsFrom, monitors};
use crate::quality;
use crate::settings::{AnalysisTypes, Settings};
use crate::stages::done::Done;
use crate::stages::states::{self, ANALYSIS, DATA_QUALITY, MODEL_QUALITY, SEVERAL};
use crate::stages::{analysis, data_quality, model_quality};
use crate::state::file::{Stored, unusable};

/// The states of one monitor or analysis, and how it is called among the monitors if it was folded beside others.
///
/// `places`: files, and folders of any depth; none for the job's input of states. `parts`: names of all parts, where
/// they are known from elsewhere.
///
/// # Errors
/// A state that cannot be used, or does not belong to the others.
pub(crate) fn read(
    job: &Job,
    settings: &Settings,
    places: &[PathBuf],
    parts: Option<&[String]>,
) -> Result<(Vec<Stored>, Option<AnalysisTypes>)> {
    let places = places_of(job, places);
    check_apart(&plan::output(job, settings), &places)?;
    let states = states::read(job, &places, parts)?;
    let monitors = monitors_of(&states);
    Ok((of_one(states, settings)?, monitors))
}

/// Combines them, and makes every result of the run. `scratch`: a folder for what has no name yet.
///
/// # Errors
/// States that do not fit the settings; then as the run.
pub(crate) fn run(
    job: &Job,
    settings: &Settings,
    (states, monitors): &(Vec<Stored>, Option<AnalysisTypes>),
    scratch: &Path,
) -> Result<Done> {
    let settings = &match monitors {
        Some(kinds) => monitors::settings_of_one_among(job, settings, kinds),
        None => settings.clone(),
    };
    Combined::new(job, settings, Timestamp::now(), states, scratch, Of::Job)?.finish()
}

/// The places that are named, else the job's input of states.
pub(crate) fn places_of(job: &Job, places: &[PathBuf]) -> Vec<PathBuf> {
    let usual = || {
        let mount = job.config.input(&job.tree, "states");
        mount.map_or_else(|| job.tree.processing("input/states"), |mount| mount.path)
    };
    if places.is_empty() { vec![usual()] } else { places.to_vec() }
}

/// That results do not go among the states: the next `combine` would find them there.
///
/// # Errors
/// `SETTING_INVALID`.
pub(crate) fn check_apart(output: &Path, places: &[PathBuf]) -> Result<()> {
    for place in places {
        if place.is_dir() {
            output::check_apart(output, "states", place)?;
        } else if place.parent().is_some_and(|folder| output::are_one(output, folder)) {
            return Err(Problem::new(&codes::SETTING_INVALID, "the output is the folder of a state")
                .field("output_path")
                .found(format!("`{}`", output.display()))
                .expected(format!("another folder than that of {}", place.display())));
        }
    }
    Ok(())
}

/// The monitors that the states were folded for, where these are several.
pub(crate) fn monitors_of(states: &[Stored]) -> Option<AnalysisTypes> {
    let first = states.first().filter(|state| state.head.kind == SEVERAL)?;
    first.head.settings.get("analysis_type")?.parse().ok()
}

/// The states of the one monitor that is asked for.
///
/// # Errors
/// `STATES_DO_NOT_FIT`: they are of several monitors, and of others or none is asked.
pub(crate) fn of_one(states: Vec<Stored>, settings: &Settings) -> Result<Vec<Stored>> {
    let Some(first) = states.first().filter(|state| state.head.kind == SEVERAL) else { return Ok(states) };
    let Some(kind) = settings.monitor() else {
        return Err(Problem::new(&codes::STATES_DO_NOT_FIT, "the states are of several monitors")
            .file(&first.path)
            .field("analysis_type")
            .expected("the monitors that the states were folded for, or one of them"));
    };
    states.iter().map(|state| state.of_monitor(kind.folder())).collect()
}

/// Whose settings and configuration count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Of {
    /// Those of this job: the states must have been folded with the same.
    Job,
    /// Those that the states were folded with.
    States,
}

/// States whose parts are put together; everything that they can be refused for was checked.
pub(crate) struct Combined<'a> {
    job: &'a Job,
    settings: &'a Settings,
    now: Timestamp,
    scratch: PathBuf,
    rows: Whole<'a>,
    /// The state that stands for the data of all of them, and where these are.
    place: PathBuf,
    data: PathBuf,
}

enum Whole<'a> {
    DataQuality(Box<data_quality::Prepared>, Box<quality::part::Part>),
    ModelQuality(Box<model_quality::Prepared>, Box<performance::part::Part>),
    Analysis(Box<analysis::Prepared<'a>>, Box<analysis::United>),
}

impl Whole<'_> {
    /// What a run says before it reads.
    fn warnings(&self) -> impl Iterator<Item = &String> {
        let (plan, unused, more): (_, _, &[String]) = match self {
            Whole::DataQuality(prepared, _) => {
                (&prepared.plan.warnings, &prepared.plan.unused_baselines, &[])
            }
            Whole::ModelQuality(prepared, _) => {
                (&prepared.plan.warnings, &prepared.plan.unused_baselines, &prepared.warnings)
            }
            Whole::Analysis(prepared, _) => (&prepared.run.plan.warnings, &prepared.run.plan.of_others, &[]),
        };
        plan.iter().chain(unused).chain(more)
    }
}

impl<'a> Combined<'a> {
    /// Checks the settings, loads the baseline and puts the parts together.
    ///
    /// # Errors
    /// What cannot be used, named.
    pub(crate) fn new(
        job: &'a Job,
        settings: &'a Settings,
        now: Timestamp,
        states: &[Stored],
        scratch: &Path,
        of: Of,
    ) -> Result<Combined<'a>> {
        let Some(first) = states.first() else {
            return Err(Problem::new(&codes::INTERNAL, "there is not one state"));
        };
        let kind = first.head.kind.as_str();
        let place = first.path.as_path();
        tracing::info!("combining {}, {kind}", counted(states.len(), "state"));
        let folded = |monitor, format, configuration| {
            RowsFrom::Folded(FoldedFrom { place, monitor, format, configuration })
        };
        let fits = |configuration: Option<&Json>| match of {
            Of::Job => states::fits(states, &states::bearing(job, settings, configuration)),
            Of::States => Ok(()),
        };
        let names = &settings.baseline_names;
        let rows = match kind {
            DATA_QUALITY => {
                let prepared = data_quality::prepare(job, settings, now, folded(true, None, None));
                let prepared = names.told(prepared)?;
                fits(None)?;
                let part = quality::part::combine(states::bodies(states)?, &prepared.plan.known)?;
                Whole::DataQuality(Box::new(prepared), Box::new(part))
            }
            MODEL_QUALITY => {
                let parts: Vec<(PathBuf, performance::part::Part)> = states::bodies(states)?;
                let captured = parts.iter().any(|(_, part)| part.is_captured());
                let rows = folded(true, captured.then_some(DatasetFormat::Capture), None);
                let prepared = names.told(model_quality::prepare(job, settings, now, rows))?;
                fits(None)?;
                let part = performance::part::combine(parts, &prepared.question)?;
                let Some(part) = part else {
                    return Err(Problem::new(&codes::INTERNAL, "there is not one state"));
                };
                Whole::ModelQuality(Box::new(prepared), Box::new(part))
            }
            ANALYSIS => {
                let parts: Vec<(PathBuf, analysis::Folded)> = states::bodies(states)?;
                let with_files = parts.iter().find(|(_, folded)| !folded.part.files().is_empty());
                let monitor = parts.iter().any(|(_, folded)| folded.monitor);
                let format = with_files.and_then(|(_, folded)| folded.part.format());
                let own = parts.first().map(|(_, folded)| &folded.configuration);
                let configuration = match of {
                    Of::Job => None,
                    Of::States => own,
                };
                let rows = folded(monitor, format, configuration);
                let prepared = names.told(analysis::prepare(job, settings, now, scratch, rows))?;
                fits(Some(&prepared.run.plan.analysis.given))?;
                let united = analysis::unite(&prepared, parts)?;
                Whole::Analysis(Box::new(prepared), Box::new(united))
            }
            other => return Err(unusable(place, format!("a state of `{other}`"))),
        };
        if of == Of::Job {
            rows.warnings().for_each(|warning| tracing::warn!("{warning}"));
        }
        let data = match &settings.dataset_source {
            Some(source) if of == Of::Job => job.tree.resolve(source),
            _ if states.len() > 1 => place.parent().unwrap_or(place).into(),
            _ => place.into(),
        };
        Ok(Combined { job, settings, now, scratch: scratch.into(), rows, place: place.into(), data })
    }

    /// Goes on as a run over all data does.
    ///
    /// # Errors
    /// No usable row; what cannot be written.
    pub(crate) fn finish(self) -> Result<Done> {
        let Combined { job, settings, now, scratch, rows, place, data } = self;
        let done = match rows {
            Whole::DataQuality(prepared, part) => {
                data_quality::finish(job, settings, now, &prepared, &part, &scratch)
            }
            Whole::ModelQuality(prepared, part) => {
                model_quality::finish(job, settings, now, &prepared, *part, &scratch)
            }
            Whole::Analysis(prepared, united) => analysis::unfold(&prepared, *united)
                .and_then(|gathered| analysis::finish(*prepared, gathered)),
        };
        // What is wrong with all of the data is not wrong with one state.
        Done::told(done, settings).map_err(|problem| match &problem.place().file {
            Some(file) if *file == place => problem.file(data),
            _ => problem,
        })
    }
}
