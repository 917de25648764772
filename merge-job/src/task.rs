//! A merge that is settled: folders, window and rules, checked before any data are read.

use std::num::NonZero;
use std::path::{Component, Path, PathBuf};
use std::thread;

use jiff::Timestamp;
use plumbline_common::job::Job;
use plumbline_common::{Problem, Result, codes, memory, output};

use crate::manifest::{Mounts, mounts};
use crate::reader::LONGEST_RECORD;
use crate::settings::{DuplicateGroundTruth, OnBadRecord, OnNoMatch, Settings, Window};
use crate::source::BLOCK_BYTES;

/// A merge that is settled.
#[derive(Debug, Clone)]
pub struct MergeTask {
    pub captures: PathBuf,
    pub ground_truth: PathBuf,
    pub output: PathBuf,
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
    /// A setting cannot be used: one that contradicts another, a source that is named and not there, an output inside
    /// an input.
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
                &settings.captures(tree),
                &settings.ground_truth(tree),
                &tree.resolve(&settings.output_path),
                &settings.scratch_path.clone().unwrap_or_else(|| tree.scratch()),
            )
        };
        for (name, setting, folder) in [
            ("dataset_source", &settings.dataset_source, &task.captures),
            ("ground_truth_source", &settings.ground_truth_source, &task.ground_truth),
        ] {
            if let Some(path) = setting {
                check_source(name, path, folder)?;
            }
            let output = resolved(&task.output);
            if folder.exists() && output.starts_with(resolved(folder)) {
                return Err(Problem::new(&codes::SETTING_INVALID, "the output lies inside an input")
                    .field("output_path")
                    .found(format!("`{}`", task.output.display()))
                    .expected(format!("a folder outside of `{name}`, `{}`", folder.display())));
            }
        }
        if let Some(path) = settings.summary_path(tree) {
            output::check_file(&path).map_err(|problem| {
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

fn check_source(name: &str, path: &Path, folder: &Path) -> Result<()> {
    let problem = |what: &str| {
        Problem::new(&codes::SETTING_INVALID, what).field(name).found(format!("`{}`", path.display()))
    };
    if path.starts_with("s3:") {
        return Err(problem("the merge reads folders, not S3")
            .expected("a folder")
            .hint("give the address as an input of the processing job, or copy it with `aws s3 sync`"));
    }
    if !folder.exists() {
        return Err(problem("a source is not there").expected("a folder that exists, which may be empty"));
    }
    Ok(())
}

/// A path without links, `..` and relative parts, as far as it is there; what is not there yet follows.
fn resolved(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.into());
    let there = path.ancestors().find_map(|above| Some((above, above.canonicalize().ok()?)));
    let Some((above, mut resolved)) = there else { return path };
    for part in path.strip_prefix(above).unwrap_or(Path::new("")).components() {
        match part {
            Component::ParentDir => {
                resolved.pop();
            }
            part => resolved.push(part),
        }
    }
    resolved
}

fn default_threads() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get).min(8)
}

/// What labels and event ids may take: half of the limit, less what the threads hold.
fn budget(limit: Option<u64>, threads: usize) -> u64 {
    let limit = limit.unwrap_or(4 << 30);
    (limit / 2).saturating_sub(threads as u64 * (4 << 20))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_the_same_however_they_are_written() {
        let root = tempfile::tempdir().unwrap();
        let base = root.path().canonicalize().unwrap();
        std::fs::create_dir_all(base.join("a/b")).unwrap();
        std::os::unix::fs::symlink(base.join("a"), base.join("link")).unwrap();
        let expected = base.join("a/b/new/deep");
        for path in [
            "a/b/new/deep",
            "a/b/../b/new/deep",
            "link/b/new/deep",
            "a/b/new/x/../deep",
            "a/none/../b/new/deep",
        ] {
            assert_eq!(resolved(&base.join(path)), expected, "{path}");
        }
        assert_eq!(
            resolved(Path::new("none")),
            std::env::current_dir().unwrap().canonicalize().unwrap().join("none")
        );
    }
}
