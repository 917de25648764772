//! What one monitor, or an analysis, does in a run: the same steps for each of them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use plumbline_common::Result;
use plumbline_common::job::Job;

use crate::config::DatasetFormat;
use crate::monitor::plan::Plan;
use crate::monitor::rows::shared::Seat;
use crate::monitor::{self, Kind};
use crate::performance;
use crate::plan;
use crate::quality;
use crate::settings::Settings;
use crate::stages::done::Done;
use crate::stages::joins::Joins;
use crate::stages::{analysis, data_quality, model_quality};

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
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Subject {
    pub(crate) form: Form,
    dataset: PathBuf,
    /// Labels that captures are joined with first.
    ground_truth: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Form {
    /// Captured records, each of which a monitor reads in its own way.
    Records,
    /// Rows as both quality monitors take them: of a dataset, or made by a script.
    Rows,
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
        rows: plan::Rows<'_>,
    ) -> Result<Task<'a>> {
        let prepared = match monitor::kind(job, settings) {
            Some(Kind::DataQuality) => {
                Prepared::DataQuality(Box::new(data_quality::prepare(job, settings, now, rows)?))
            }
            Some(Kind::ModelQuality) => {
                Prepared::ModelQuality(Box::new(model_quality::prepare(job, settings, now, rows)?))
            }
            None => Prepared::Analysis(Box::new(analysis::prepare(job, settings, now, scratch, rows)?)),
        };
        Ok(Task { job, settings, now, scratch: scratch.into(), prepared, seat: None })
    }

    /// What it reads, when others may read the same.
    ///
    /// # Errors
    /// The data cannot be read.
    pub(crate) fn subject(&self) -> Result<Option<Subject>> {
        let of_plan = |plan: &Plan, truth: Option<&PathBuf>| {
            let form = if plan.reads_profiles()? {
                return Ok(None);
            } else if plan.reads_captures()? == Some(true) {
                Form::Records
            } else {
                Form::Rows
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

    /// How it reads the rows that quality monitors share; none where it reads records.
    pub(crate) fn rows_plan(&self) -> Option<&Plan> {
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
                let seat = match seat {
                    Some(Seat::Records(seat)) => Some(Arc::new(seat)),
                    _ => None,
                };
                let read = analysis::read(&prepared, joins, seat)?;
                Rows::Analysis(prepared, Box::new(read))
            }
        };
        Ok(Read { job, settings, now, scratch, rows })
    }
}

impl Read<'_> {
    /// Asks the model where one is needed, measures, judges, and makes every result.
    ///
    /// # Errors
    /// No usable row; those of the model; what cannot be written.
    pub(crate) fn finish(self) -> Result<Done> {
        let Read { job, settings, now, scratch, rows } = self;
        match rows {
            Rows::DataQuality(prepared, gathered) => {
                data_quality::finish(job, settings, now, &prepared, &gathered, &scratch)
            }
            Rows::ModelQuality(prepared, part) => {
                model_quality::finish(job, settings, now, &prepared, *part, &scratch)
            }
            Rows::Analysis(prepared, read) => {
                let gathered = analysis::gather(&prepared, *read)?;
                analysis::finish(*prepared, gathered)
            }
        }
    }
}
