//! What is worked out once for all monitors of a run: captures joined with their labels, and digests of files.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use merge_job::MergeTask;
use plumbline_common::job::Job;
use plumbline_common::{Problem, Result};

use crate::read::digest::Digests;
use crate::state::joined::Joined;

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
    task: MergeTask,
    records: PathBuf,
    joined: Joined,
}

/// Which merge is of use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Labels {
    /// One with a label at least.
    Needed,
    /// Also one without: captures that wait for their labels are estimated.
    Awaited,
}

impl<'a> Joins<'a> {
    /// `part`: others have the rest of the captures.
    pub(crate) fn new(job: &'a Job, scratch: &'a Path, part: bool) -> Joins<'a> {
        Joins { job, scratch, part, done: Mutex::default(), digests: Arc::default() }
    }

    /// The folder of merged records, as `merge-job` would write them, and how many captures there are. The same folders are
    /// merged only once: who asks while they are merged waits.
    ///
    /// `strict`: a record that cannot be used stops the merge.
    ///
    /// # Errors
    /// Those of the merge, such as no match at all where labels are needed.
    pub(crate) fn merged(
        &self,
        captures: &Path,
        ground_truth: &Path,
        labels: Labels,
        strict: bool,
    ) -> Result<(PathBuf, Joined)> {
        // After a panic the list is as it was: a merge is added when it is complete.
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        let is_same =
            |known: &Merged| known.task.captures == captures && known.task.ground_truth == ground_truth;
        let at = match done.iter().position(is_same) {
            Some(at) => at,
            None => {
                let records = self.scratch.join(format!("merged-{}", done.len() + 1));
                let mut task = MergeTask::new(captures, ground_truth, &records, self.scratch);
                task.for_people = self.job.for_people;
                // Judged below: whether a merge without a match is of use depends on who asks, and many bad captures on the
                // other parts.
                task.has_all_captures = false;
                task.max_bad_fraction = 1.0;
                if strict {
                    task.on_bad_record = merge_job::settings::OnBadRecord::Fail;
                }
                let summary = merge_job::merge(&task, &self.job.stop).map_err(Problem::from)?;
                tracing::info!("merge: {}", summary.message());
                done.push(Merged { task, records, joined: Joined(summary.evidence()) });
                done.len() - 1
            }
        };
        let Merged { records, joined, .. } = &done[at];
        if self.part {
            joined.judge_labels()?;
        } else {
            joined.judge(labels == Labels::Needed, captures)?;
        }
        Ok((records.clone(), joined.clone()))
    }
}
