//! A merge that is settled: folders, window and rules, checked before any data are read.

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::thread;

use jiff::Timestamp;
use plumbline_common::contract::Tree;
use plumbline_common::job::Job;
use plumbline_common::{Problem, Result, codes, input, memory, output};

use crate::manifest::{Mounts, mounts};
use crate::reader::LONGEST_RECORD;
use crate::settings::{DuplicateGroundTruth, OnBadRecord, OnNoMatch, SUMMARY_NAME, Settings, Window};
use crate::source::BLOCK_BYTES;

/// A merge that is settled.
#[derive(Debug, Clone)]
pub struct MergeTask {
    pub captures: PathBuf,
    pub ground_truth: PathBuf,
    pub output: PathBuf,
    /// File for the summary, if one is named.
    pub summary: Option<PathBuf>,
    /// S3 addresses of the job's inputs, for lists of files.
    pub mounts: Mounts,
    pub window: Window,
    pub on_no_match: OnNoMatch,
    pub on_bad_record: OnBadRecord,
    /// 0 to 1, of the records of one side.
    pub max_bad_fraction: f64,
    pub duplicate_ground_truth: DuplicateGroundTruth,
    pub keep_duplicate_captures: bool,
    /// All captures are here, not only one host's part of them.
    pub has_all_captures: bool,
    /// Bytes for labels and event ids; beyond them scratch files are used.
    pub memory_budget: u64,
    pub scratch: PathBuf,
    pub threads: usize,
    /// Bytes that are read at a time; the result is the same for any number.
    pub block_bytes: usize,
    /// Bytes of the longest record.
    pub longest_record: usize,
    /// What the names of the merged files are made from, beside their folder.
    pub seed: String,
    /// Somebody watches: progress as a bar.
    pub for_people: bool,
}

impl MergeTask {
    /// A merge of two folders into a third with the default rules.
    pub fn new(captures: &Path, ground_truth: &Path, output: &Path, scratch: &Path) -> MergeTask {
        let threads = default_threads();
        MergeTask {
            captures: captures.into(),
            ground_truth: ground_truth.into(),
            output: output.into(),
            summary: None,
            mounts: Mounts::new(),
            window: Window::default(),
            on_no_match: OnNoMatch::Fail,
            on_bad_record: OnBadRecord::Skip,
            max_bad_fraction: 0.5,
            duplicate_ground_truth: DuplicateGroundTruth::Last,
            keep_duplicate_captures: false,
            has_all_captures: true,
            memory_budget: budget(memory::limit_bytes(), threads),
            scratch: scratch.into(),
            threads,
            block_bytes: BLOCK_BYTES,
            longest_record: LONGEST_RECORD,
            seed: String::new(),
            for_people: false,
        }
    }

    /// The merge that the settings ask for.
    ///
    /// # Errors
    /// A setting cannot be used: one that contradicts another, a source or scratch folder that is named and not there,
    /// an output inside an input.
    pub(crate) fn of(job: &Job, settings: &Settings) -> Result<MergeTask> {
        let tree = &job.tree;
        let inputs = job.config.inputs(tree);
        if let Some(mount) = inputs.iter().find(|mount| mount.piped) {
            return Err(Problem::new(
                &codes::PIPE_INPUT,
                "an input is given as a pipe, which is not supported",
            )
            .field(&mount.name)
            .found("`S3InputMode` `Pipe`")
            .expected("`File`"));
        }
        let threads = settings.threads.unwrap_or_else(default_threads);
        let task = MergeTask {
            mounts: mounts(&inputs),
            summary: settings.summary_path(tree),
            window: settings.window(Timestamp::now())?,
            on_no_match: settings.on_no_match,
            on_bad_record: settings.on_bad_record,
            max_bad_fraction: settings.max_bad_fraction,
            duplicate_ground_truth: settings.duplicate_ground_truth,
            keep_duplicate_captures: settings.keep_duplicate_captures,
            memory_budget: budget(settings.memory_limit.or_else(memory::limit_bytes), threads),
            threads,
            seed: job.config.processing_job_name.clone(),
            for_people: job.for_people,
            ..MergeTask::new(
                &settings.captures(tree, &inputs),
                &settings.ground_truth(tree, &inputs),
                &tree.resolve(&settings.output_path),
                &settings.scratch_path.as_ref().map_or_else(|| tree.scratch(), |path| tree.resolve(path)),
            )
        };
        for (name, setting, folder) in [
            ("dataset_source", &settings.dataset_source, &task.captures),
            ("ground_truth_source", &settings.ground_truth_source, &task.ground_truth),
        ] {
            if let Some(path) = setting {
                input::check_source(name, path, folder)?;
            }
            output::check_apart(&task.output, name, folder)?;
        }
        if settings.scratch_path.is_some()
            && !(task.scratch.is_dir() && output::check_folder(&task.scratch).is_ok())
        {
            return Err(Problem::new(&codes::SETTING_INVALID, "scratch files cannot be written")
                .field("scratch_path")
                .found(format!("`{}`", task.scratch.display()))
                .expected("a folder that exists and can be written to"));
        }
        if let Some(path) = task.summary.clone().or_else(|| default_summary(tree)) {
            for (name, folder) in
                [("dataset_source", &task.captures), ("ground_truth_source", &task.ground_truth)]
            {
                output::check_outside(("summary", "summary_path"), &path, name, folder)?;
            }
        }
        let default = default_summary(tree).filter(|path| path.symlink_metadata().is_ok());
        if let Some(path) = task.summary.as_ref().or(default.as_ref()) {
            if tree.is_expected() && output::are_one(path, &tree.message_path()) {
                return Err(Problem::new(
                    &codes::SETTING_INVALID,
                    "the exit message has the place of the summary",
                )
                .field("summary_path")
                .found(format!("`{}`", path.display()))
                .expected("another file"));
            }
            output::check_file(path).map_err(|problem| {
                let why = problem.found_text().unwrap_or_default().to_string();
                Problem::new(&codes::SETTING_INVALID, "the summary cannot be written")
                    .field("summary_path")
                    .found(format!("`{}`: {why}", path.display()))
                    .expected("a file or folder that can be written to")
            })?;
        }
        Ok(task)
    }
}

/// Where the summary goes without a setting: beside the exit message, where there is one.
pub(crate) fn default_summary(tree: &Tree) -> Option<PathBuf> {
    tree.is_expected().then(|| tree.message_path().with_file_name(SUMMARY_NAME))
}

fn default_threads() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get).min(8)
}

/// What labels and event ids may take: half of the limit, less what the threads hold.
fn budget(limit: Option<u64>, threads: usize) -> u64 {
    let limit = limit.unwrap_or(4 << 30);
    (limit / 2).saturating_sub(threads as u64 * (8 << 20))
}
