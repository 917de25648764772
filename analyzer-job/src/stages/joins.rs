//! What is worked out once for all monitors of a run: captures joined with their labels, and digests of files.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use merge_job::MergeTask;
use plumbline_common::job::Job;
use plumbline_common::{Problem, Result};

use crate::read::digest::Digests;

/// The merges and digests of a run.
pub(crate) struct Joins<'a> {
    job: &'a Job,
    /// The merged records go here.
    scratch: &'a Path,
    /// Others have the rest of the captures.
    part: bool,
    done: Mutex<Vec<Merged>>,
    pub(crate) digests: Arc<Digests>,
}

struct Merged {
    captures: PathBuf,
    ground_truth: PathBuf,
    records: PathBuf,
}

impl<'a> Joins<'a> {
    /// `part`: others have the rest of the captures.
    pub(crate) fn new(job: &'a Job, scratch: &'a Path, part: bool) -> Joins<'a> {
        Joins { job, scratch, part, done: Mutex::default(), digests: Arc::default() }
    }

    /// The folder of merged records, as `merge-job` would write it. The same folders are merged only once: who asks while
    /// they are merged waits.
    ///
    /// `strict`: a record that cannot be used stops the merge.
    ///
    /// # Errors
    /// Those of the merge, such as no match at all.
    pub(crate) fn merged(&self, captures: &Path, ground_truth: &Path, strict: bool) -> Result<PathBuf> {
        // After a panic the list is as it was: a merge is added when it is complete.
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        let known =
            done.iter().find(|known| known.captures == captures && known.ground_truth == ground_truth);
        if let Some(known) = known {
            return Ok(known.records.clone());
        }
        let records = self.scratch.join(format!("merged-{}", done.len() + 1));
        let mut task = MergeTask::new(captures, ground_truth, &records, self.scratch);
        task.for_people = self.job.for_people;
        task.has_all_captures = !self.part;
        if strict {
            task.on_bad_record = merge_job::settings::OnBadRecord::Fail;
        }
        let summary = merge_job::merge(&task, &self.job.stop).map_err(Problem::from)?;
        tracing::info!("merge: {}", summary.message());
        done.push(Merged {
            captures: captures.into(),
            ground_truth: ground_truth.into(),
            records: records.clone(),
        });
        Ok(records)
    }
}
