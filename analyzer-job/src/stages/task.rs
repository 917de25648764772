//! What one monitor, or an analysis, does in a run: the same steps for each of them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use plumbline_common::job::Job;
use plumbline_common::{Problem, Result, codes, output};
use serde::Serialize;
use serde_json::Value as Json;
use serde_json::value::RawValue;

use crate::config::DatasetFormat;
use crate::monitor::format::Format;
use crate::monitor::plan::MonitorPlan;
use crate::monitor::rows::shared::Seat;
use crate::monitor::{self, Kind};
use crate::performance;
use crate::plan::{self, Plan};
use crate::quality;
use crate::read::together;
use crate::results::details::InputDigest;
use crate::settings::Settings;
use crate::stages::done::Done;
use crate::stages::joins::Joins;
use crate::stages::sources::Dataset;
use crate::stages::states::{ANALYSIS, DATA_QUALITY, MODEL_QUALITY};
use crate::stages::{analysis, data_quality, model_quality};
use crate::state::joined::Joined;

/// A task whose settings, configuration and baseline are checked; no data are read.
pub(crate) struct Task<'a> {
    job: &'a Job,
    settings: &'a Settings,
    now: Timestamp,
    /// A folder of this task.
    scratch: PathBuf,
    pub(crate) prepared: Prepared<'a>,
    /// What it reads comes from a reading that serves other tasks too.
    pub(crate) seat: Option<Seat>,
}

pub(crate) enum Prepared<'a> {
    DataQuality(Box<data_quality::Prepared>),
    ModelQuality(Box<model_quality::Prepared>),
    Analysis(Box<analysis::Prepared<'a>>),
}

/// A task whose rows are read; no model was asked.
pub(crate) struct Read<'a> {
    job: &'a Job,
    settings: &'a Settings,
    now: Timestamp,
    scratch: PathBuf,
    rows: Rows<'a>,
}

enum Rows<'a> {
    DataQuality(Box<data_quality::Prepared>, Box<quality::part::Part>),
    ModelQuality(Box<model_quality::Prepared>, Box<performance::part::Part>),
    Analysis(Box<analysis::Prepared<'a>>, Box<analysis::Read>),
}

/// What is read; tasks of the same subject read the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Subject {
    pub(crate) form: Form,
    pub(crate) dataset: PathBuf,
    /// Labels that captures are joined with first.
    pub(crate) ground_truth: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Form {
    /// Captured records, each of which a monitor reads in its own way.
    Records,
    /// Rows of a dataset as both quality monitors take them.
    Rows,
    /// The same, made of captured records by a script.
    Scripted,
}

impl<'a> Task<'a> {
    /// Checks everything that can be checked before data are read.
    ///
    /// # Errors
    /// What cannot be used, named.
    pub(crate) fn prepare(
        job: &'a Job,
        settings: &'a Settings,
        now: Timestamp,
        scratch: &Path,
        rows: plan::RowsFrom<'_>,
    ) -> Result<Task<'a>> {
        let names = &settings.baseline_names;
        let prepared = match monitor::kind(job, settings) {
            Some(Kind::DataQuality) => {
                let prepared = names.told(data_quality::prepare(job, settings, now, rows))?;
                Prepared::DataQuality(Box::new(prepared))
            }
            Some(Kind::ModelQuality) => {
                let prepared = names.told(model_quality::prepare(job, settings, now, rows))?;
                Prepared::ModelQuality(Box::new(prepared))
            }
            None => {
                let prepared = names.told(analysis::prepare(job, settings, now, scratch, rows))?;
                if rows == plan::RowsFrom::Part {
                    analysis::check_foldable(&prepared.run)?;
                }
                prepared.run.plan.check_model(settings.model_url.is_some())?;
                Prepared::Analysis(Box::new(prepared))
            }
        };
        Ok(Task { job, settings, now, scratch: scratch.into(), prepared, seat: None })
    }

    /// What it reads, when others may read the same.
    ///
    /// # Errors
    /// The data cannot be read.
    pub(crate) fn subject(&self) -> Result<Option<Subject>> {
        let of_plan = |plan: &MonitorPlan, truth: Option<&PathBuf>| {
            let form = if plan.reads_profiles()? {
                return Ok(None);
            } else if plan.is_captured()? != Some(true) {
                Form::Rows
            } else if plan.preprocessor.is_some() {
                Form::Scripted
            } else {
                Form::Records
            };
            Ok(Some(Subject { form, dataset: plan.dataset.clone(), ground_truth: truth.cloned() }))
        };
        match &self.prepared {
            Prepared::DataQuality(prepared) => of_plan(&prepared.plan, None),
            Prepared::ModelQuality(prepared) => of_plan(&prepared.plan, prepared.ground_truth.as_ref()),
            Prepared::Analysis(prepared) => {
                let plan = &prepared.run.plan;
                let is_captured = plan.analysis.dataset.format == Some(DatasetFormat::Capture);
                Ok(is_captured.then(|| Subject {
                    form: Form::Records,
                    dataset: self.job.tree.resolve(&plan.dataset),
                    ground_truth: plan.ground_truth.clone(),
                }))
            }
        }
    }

    /// What is said of a window that passes nothing over, as the data have no times.
    ///
    /// # Errors
    /// The data cannot be read.
    pub(crate) fn unused_window(&self) -> Result<Option<&'static str>> {
        let of_plan = |plan: &MonitorPlan| {
            Ok::<_, Problem>(plan.window.is_some() && plan.is_captured()? == Some(false))
        };
        let is_unused = match &self.prepared {
            Prepared::DataQuality(prepared) => of_plan(&prepared.plan)?,
            Prepared::ModelQuality(prepared) => of_plan(&prepared.plan)?,
            Prepared::Analysis(prepared) => {
                let plan = &prepared.run.plan;
                plan.window.is_some() && !plan.reads_captures()
            }
        };
        let told = "`start_time` and `end_time` have no effect: only captured records have times";
        Ok(is_unused.then_some(told))
    }

    fn tell_unused_window(&self) -> Result<()> {
        if let Some(told) = self.unused_window()? {
            tracing::warn!("{told}");
        }
        Ok(())
    }

    /// How it reads the rows that quality monitors share; none where it reads records.
    pub(crate) fn rows_plan(&self) -> Option<&MonitorPlan> {
        match &self.prepared {
            Prepared::DataQuality(prepared) => Some(&prepared.plan),
            Prepared::ModelQuality(prepared) => Some(&prepared.plan),
            Prepared::Analysis(_) => None,
        }
    }

    /// Reads the rows.
    ///
    /// # Errors
    /// What cannot be read; rows that do not fit the configuration.
    pub(crate) fn read(self, joins: &Joins<'_>) -> Result<Read<'a>> {
        self.tell_unused_window()?;
        let Task { job, settings, now, scratch, prepared, seat } = self;
        let rows = match prepared {
            Prepared::DataQuality(prepared) => {
                let gathered = data_quality::gather(job, settings, &prepared, seat.as_ref())?;
                Rows::DataQuality(prepared, Box::new(gathered))
            }
            Prepared::ModelQuality(prepared) => {
                let part = model_quality::gather(job, settings, &prepared, joins, seat.as_ref())?;
                Rows::ModelQuality(prepared, Box::new(part))
            }
            Prepared::Analysis(prepared) => {
                let read = analysis::read(&prepared, joins, of_records(seat));
                let read = settings.baseline_names.told(read)?;
                Rows::Analysis(prepared, Box::new(read))
            }
        };
        Ok(Read { job, settings, now, scratch, rows })
    }
}

/// What a part of the data leaves for one monitor.
pub(crate) struct Folded {
    /// As states call it.
    pub(crate) kind: &'static str,
    /// Start (inclusive) and end (exclusive), where a window was given.
    pub(crate) window: Option<(Timestamp, Timestamp)>,
    /// The records have times: those outside of the window were passed over.
    pub(crate) timed: bool,
    /// That of an analysis, as it was given.
    pub(crate) configuration: Option<Json>,
    pub(crate) rows: u64,
    /// Records that were read, or that wait for a label.
    pub(crate) records: u64,
    /// What is known of the files of the data.
    pub(crate) inputs: Vec<InputDigest>,
    /// Files without a record; none where their text tells.
    pub(crate) without_rows: Option<Vec<PathBuf>>,
    pub(crate) body: Box<RawValue>,
    /// Results that are written already and wait for their names.
    pub(crate) files: output::Results,
    /// What the run fails with once the state is written.
    pub(crate) failed: Option<Problem>,
}

impl Task<'_> {
    /// Reads files of the data in place of all: `stage` gives their folder for that of the data.
    ///
    /// # Errors
    /// Those of `stage`; the data are no folder.
    pub(crate) fn stage(&mut self, stage: impl FnOnce(&Path) -> Result<PathBuf>) -> Result<()> {
        match &mut self.prepared {
            Prepared::DataQuality(prepared) => prepared.plan.dataset = stage(&prepared.plan.dataset)?,
            Prepared::ModelQuality(prepared) => prepared.plan.dataset = stage(&prepared.plan.dataset)?,
            Prepared::Analysis(prepared) => {
                let dataset = &mut prepared.run.plan.dataset;
                if dataset.contains("://") {
                    return Err(Problem::new(&codes::SETTING_INVALID, "files are chosen from a folder only")
                        .field("--files")
                        .found(format!("`dataset_uri` `{dataset}`"))
                        .hint("name the folder in `dataset_source`"));
                }
                *dataset = stage(Path::new(dataset))?.display().to_string();
            }
        }
        Ok(())
    }

    /// The data on this machine.
    pub(crate) fn dataset(&self) -> Option<Dataset> {
        let of_plan = |plan: &MonitorPlan| {
            // Without a format the first lines tell, and whether CSV has header rows.
            let is_headed = matches!(plan.read_as(), Ok(Some(Format::Csv { header: true })));
            let headed = is_headed && plan.preprocessor.is_none();
            Dataset { folder: plan.dataset.clone(), headed, digested: false }
        };
        match &self.prepared {
            Prepared::DataQuality(prepared) => Some(of_plan(&prepared.plan)),
            Prepared::ModelQuality(prepared) => Some(of_plan(&prepared.plan)),
            Prepared::Analysis(prepared) => {
                // Which row is a header row, the reading finds out.
                let Plan { dataset, ground_truth, .. } = &prepared.run.plan;
                let folder = || self.job.tree.resolve(dataset);
                // Of captures that are joined first, it reads the joined ones.
                let digested = ground_truth.is_none();
                (!dataset.contains("://")).then(|| Dataset { folder: folder(), headed: false, digested })
            }
        }
    }

    /// The inputs with data: the settings that name them, and where they are.
    pub(crate) fn inputs(&self) -> Vec<(&'static str, &Path)> {
        match &self.prepared {
            Prepared::DataQuality(prepared) => vec![("dataset_source", prepared.plan.dataset.as_path())],
            Prepared::ModelQuality(prepared) => {
                let truth = prepared.ground_truth.as_deref().map(|path| ("ground_truth_source", path));
                std::iter::once(("dataset_source", prepared.plan.dataset.as_path())).chain(truth).collect()
            }
            Prepared::Analysis(prepared) => prepared.run.plan.inputs(),
        }
    }

    /// Where the results of a run go.
    pub(crate) fn output(&self) -> &Path {
        match &self.prepared {
            Prepared::DataQuality(prepared) => &prepared.plan.output,
            Prepared::ModelQuality(prepared) => &prepared.plan.output,
            Prepared::Analysis(prepared) => &prepared.run.plan.output,
        }
    }

    /// Reads a part of the data, `name`, and explains its rows where that is asked for.
    ///
    /// # Errors
    /// What cannot be read or folded; those of the model.
    pub(crate) fn fold(self, joins: &Joins<'_>, name: &str) -> Result<Folded> {
        self.tell_unused_window()?;
        let Task { job, settings, prepared, seat, .. } = self;
        Ok(match prepared {
            Prepared::DataQuality(prepared) => {
                let gathered = data_quality::gather(job, settings, &prepared, seat.as_ref())?;
                Folded {
                    kind: DATA_QUALITY,
                    window: prepared.plan.window,
                    timed: !gathered.profiled.account.windowed.is_empty(),
                    configuration: None,
                    rows: gathered.profiled.account.rows,
                    records: gathered.profiled.account.records,
                    inputs: Vec::new(),
                    without_rows: None,
                    body: body(&gathered)?,
                    files: output::Results::default(),
                    failed: None,
                }
            }
            Prepared::ModelQuality(prepared) => {
                let gathered = model_quality::gather(job, settings, &prepared, joins, seat.as_ref())?;
                Folded {
                    kind: MODEL_QUALITY,
                    window: prepared.plan.window,
                    timed: gathered.is_captured(),
                    configuration: None,
                    rows: gathered.outcomes.rows(),
                    records: gathered.records(),
                    inputs: Vec::new(),
                    without_rows: None,
                    body: body(&gathered)?,
                    files: output::Results::default(),
                    failed: None,
                }
            }
            Prepared::Analysis(prepared) => {
                let (folded, files, failed) = analysis::fold(&prepared, joins, of_records(seat), name)?;
                let plan = &prepared.run.plan;
                Folded {
                    kind: ANALYSIS,
                    window: plan.window,
                    timed: plan.reads_captures(),
                    configuration: Some(plan.analysis.given.clone()),
                    rows: folded.part.rows(),
                    records: folded.part.records().max(folded.joined.as_ref().map_or(0, Joined::captures)),
                    inputs: folded.part.inputs().to_vec(),
                    without_rows: Some(folded.part.files_without_rows()),
                    body: body(&folded)?,
                    files,
                    failed,
                }
            }
        })
    }
}

fn body(gathered: &impl Serialize) -> Result<Box<RawValue>> {
    serde_json::value::to_raw_value(gathered)
        .map_err(|error| Problem::new(&codes::INTERNAL, "a state cannot be written").found(error.to_string()))
}

/// The seat of an analysis, which shares captured records only.
fn of_records(seat: Option<Seat>) -> Option<Arc<together::RecordsSeat>> {
    match seat {
        Some(Seat::Records(seat)) => Some(Arc::new(seat)),
        _ => None,
    }
}

impl Read<'_> {
    /// Asks the model where one is needed, measures, judges, and makes every result.
    ///
    /// # Errors
    /// No usable row; those of the model; what cannot be written.
    pub(crate) fn finish(self) -> Result<Done> {
        let Read { job, settings, now, scratch, rows } = self;
        let done = match rows {
            Rows::DataQuality(prepared, gathered) => {
                data_quality::finish(job, settings, now, &prepared, &gathered, &scratch)
            }
            Rows::ModelQuality(prepared, part) => {
                model_quality::finish(job, settings, now, &prepared, *part, &scratch)
            }
            Rows::Analysis(prepared, read) => {
                analysis::gather(&prepared, *read).and_then(|gathered| analysis::finish(*prepared, gathered))
            }
        };
        Done::told(done, settings)
    }
}
