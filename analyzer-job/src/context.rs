//! What the stages of a run share. It knows no stage.

use std::path::PathBuf;

use plumbline_common::job::Job;
use plumbline_common::output;
use plumbline_common::{Problem, Result};

use crate::plan::Plan;
use crate::results::details::InputDigest;
use crate::settings::{DriftCheck, OnBadRecord, Settings};

/// All random draws are seeded, so that a repeated run writes the same bytes.
pub(crate) const SEED: u64 = 0;

/// The job, its settings, what it does, and its scratch folder.
pub(crate) struct Context<'a> {
    pub(crate) job: &'a Job,
    pub(crate) settings: &'a Settings,
    pub(crate) plan: Plan,
    pub(crate) scratch: PathBuf,
    /// Of the bytes of the baseline that were read.
    pub(crate) baseline_digest: Option<InputDigest>,
}

impl Context<'_> {
    pub(crate) fn strict(&self) -> bool {
        self.settings.on_bad_record == OnBadRecord::Fail
    }

    pub(crate) fn by_interval(&self) -> bool {
        self.settings.bias_drift_check == DriftCheck::Interval
    }

    /// A result file that gets its name at the end of the run.
    pub(crate) fn add(&self, files: &mut output::Results, name: &str, bytes: &[u8]) -> Result<()> {
        files.write(&self.plan.output.join(name), bytes, &self.scratch)
    }
}

/// A folder for what must not lie in an output; it goes with the run.
pub(crate) fn scratch(job: &Job) -> Result<tempfile::TempDir> {
    let place = job.tree.scratch();
    let folder = tempfile::Builder::new()
        .prefix("analyzer-job-")
        .tempdir_in(&place)
        .map_err(|error| Problem::io("create a scratch folder in", &place, error))?;
    job.stop.remove_at_end(folder.path());
    Ok(folder)
}

/// Logs warnings and hands them on.
pub(crate) fn warn(warnings: Vec<String>) -> Vec<String> {
    for warning in &warnings {
        tracing::warn!("{warning}");
    }
    warnings
}
