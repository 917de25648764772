//! The ground-truth merge: captured requests and labels that arrived later become merged records.
//!
//! In reading order: `settings`; `source` cuts files into blocks, `scan` finds the records of a
//! block (on `json`, or by the `pattern` of earlier lines), `stream` hands them over in their order;
//! `labels` holds the ground truth by `ids`, `join` looks it up, `spill` does the same when memory does not do; `parts` writes, `summary`
//! accounts for every record; `validate` is the dry run.

use std::collections::HashSet;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::thread;

use jiff::Timestamp;
use plumbline_common::input::{self, InputFile};
use plumbline_common::job::{Job, JobResult, Outcome};
use plumbline_common::progress::Progress;
use plumbline_common::settings::{self as layers};
use plumbline_common::stop::Stop;
use plumbline_common::{Problem, Result, codes, memory, output};

mod hours;
pub mod ids;
mod join;
pub mod json;
mod labels;
mod manifest;
mod parts;
mod pattern;
pub mod scan;
pub mod settings;
mod source;
mod spill;
mod stream;
pub mod summary;
mod validate;

pub use manifest::{Mounts, mounts};
use parts::Parts;
use settings::{Command, DuplicateGroundTruth, OnBadRecord, OnNoMatch, Settings, Window};
use source::{Side, Source};
pub use summary::Summary;
use summary::Tally;

/// A merge that is settled: folders, window and rules.
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
    /// Bytes for labels and event ids; beyond them scratch files are used.
    pub memory_budget: u64,
    pub scratch: PathBuf,
    pub threads: usize,
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
            memory_budget: budget(memory::limit_bytes(), threads),
            scratch: scratch.into(),
            threads,
            seed: String::new(),
            for_people: false,
        }
    }
}

fn default_threads() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get).min(8)
}

/// What labels and event ids may take: half of the limit, less what the threads hold.
fn budget(limit: Option<u64>, threads: usize) -> u64 {
    let limit = limit.unwrap_or(4 << 30);
    (limit / 2).saturating_sub(threads as u64 * (4 << 20))
}

/// Runs the job as its settings say.
///
/// # Errors
/// Help was asked for, or anything that makes the job fail.
pub fn run(job: &Job) -> JobResult {
    let settings: Settings = layers::parse(&job.config)?;
    let mut task = task(job, &settings)?;
    if let Some(Command::Validate) = settings.command {
        // Also a failure is only an answer here: nothing is written, not even an exit message.
        return Ok(validate::answer(&task, &job.stop).unwrap_or_else(|problem| Outcome::Answered {
            text: format!("Error: {problem}"),
            exit_code: problem.class().exit_code(),
        }));
    }
    if job.hosts.several() {
        if shares_work(job, &task)? {
            task.seed = format!("{}\n{}", task.seed, job.hosts.current_host);
            if input::files(&task.captures)?.is_empty() {
                return Ok(Outcome::Completed("Completed: this host has no captures".into()));
            }
        } else if !job.hosts.is_leader() {
            return Ok(Outcome::Completed("Completed: the first host does the merge".into()));
        }
    }
    tracing::info!(
        captures = %task.captures.display(),
        ground_truth = %task.ground_truth.display(),
        output = %task.output.display(),
        threads = task.threads,
        "merging captures from {} with ground truth from {} into {}",
        task.captures.display(),
        task.ground_truth.display(),
        task.output.display()
    );
    output::check_folder(&task.output)?;
    let merged = merge(&task, &job.stop);
    let summary = match &merged {
        Ok(summary) => Some(summary),
        Err(failure) => failure.summary.as_deref(),
    };
    if let Some(summary) = summary {
        write_summary(job, &settings, summary, &task.scratch)?;
    }
    Ok(Outcome::Completed(merged.map_err(Problem::from)?.message()))
}

fn task(job: &Job, settings: &Settings) -> Result<MergeTask> {
    let threads = settings.threads.map_or_else(default_threads, usize::from);
    let tree = &job.tree;
    let inputs = job.config.inputs(tree);
    if let Some(mount) = inputs.iter().find(|mount| mount.piped) {
        return Err(Problem::new(&codes::PIPE_INPUT, "an input is given as a pipe, which is not supported")
            .field(&mount.name)
            .found("`S3InputMode` `Pipe`")
            .expected("`File`"));
    }
    for (name, path) in
        [("dataset_source", &settings.dataset_source), ("ground_truth_source", &settings.ground_truth_source)]
    {
        if let Some(path) = path.as_ref().filter(|path| path.starts_with("s3:")) {
            return Err(Problem::new(&codes::SETTING_INVALID, "the merge reads folders, not S3")
                .field(name)
                .found(format!("`{}`", path.display()))
                .expected("a folder")
                .hint("give the address as an input of the processing job, or copy it with `aws s3 sync`"));
        }
    }
    let task = MergeTask {
        captures: settings.captures(tree),
        ground_truth: settings.ground_truth(tree),
        output: tree.resolve(&settings.output_path),
        mounts: mounts(&inputs),
        window: settings.window(Timestamp::now())?,
        on_no_match: settings.on_no_match,
        on_bad_record: settings.on_bad_record,
        max_bad_fraction: settings.max_bad_fraction,
        duplicate_ground_truth: settings.duplicate_ground_truth,
        keep_duplicate_captures: settings.keep_duplicate_captures,
        memory_budget: budget(settings.memory_limit.or_else(memory::limit_bytes), threads),
        scratch: settings.scratch_path.clone().unwrap_or_else(|| tree.scratch()),
        threads,
        seed: job.config.processing_job_name.clone(),
        for_people: job.for_people,
    };
    for (name, source) in [("dataset_source", &task.captures), ("ground_truth_source", &task.ground_truth)] {
        if task.output.starts_with(source) {
            return Err(Problem::new(&codes::SETTING_INVALID, "the output lies inside an input")
                .field("output_path")
                .found(format!("`{}`", task.output.display()))
                .expected(format!("a folder outside of `{name}`, `{}`", source.display())));
        }
    }
    Ok(task)
}

/// Whether each host merges its own part of the captures.
///
/// # Errors
/// Hosts see parts of the ground truth: no host could merge rightly.
fn shares_work(job: &Job, task: &MergeTask) -> Result<bool> {
    let sharded = |folder: &Path| {
        let touches = |mount: &Path| mount.starts_with(folder) || folder.starts_with(mount);
        job.config.inputs(&job.tree).into_iter().find(|mount| mount.sharded && touches(&mount.path))
    };
    if let Some(mount) = sharded(&task.ground_truth) {
        return Err(Problem::new(&codes::SHARDED_INPUT, "sharded ground truth cannot give a right merge")
            .field(mount.name)
            .found("`S3DataDistributionType` `ShardedByS3Key`")
            .expected("`FullyReplicated`, or one instance"));
    }
    Ok(sharded(&task.captures).is_some())
}

/// Why a merge failed, with its account when everything was read.
#[derive(Debug)]
pub struct Failure {
    pub problem: Problem,
    pub summary: Option<Box<Summary>>,
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Failure {
        Failure { problem, summary: None }
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Problem {
        failure.problem
    }
}

/// Merges, names the merged files when all is done, and logs the summary.
///
/// # Errors
/// There are no captures, nothing matches, too many records are bad, a file cannot be read or
/// written, or the job was asked to stop. No merged file is left then.
pub fn merge(task: &MergeTask, stop: &Stop) -> std::result::Result<Summary, Failure> {
    let captures = input::files(&task.captures)?;
    if captures.is_empty() {
        return Err(Problem::new(&codes::NO_DATA, "there are no captures to merge")
            .field("dataset_source")
            .found(format!("no files in {}", task.captures.display()))
            .hint("mount the capture folders of the endpoint there, or set `dataset_source`")
            .into());
    }
    let files = Files { captures, labels: input::files(&task.ground_truth)? };
    let (tally, parts, skipped) = match in_memory(task, &files, stop)? {
        Some(joined) => joined,
        None => {
            tracing::info!("labels and event ids do not fit in memory; going on by way of scratch files");
            spilled(task, &files, stop)?
        }
    };
    let mut summary = tally.finish(skipped.into_iter());
    summary.records_written = parts.records;
    summary.files_written = parts.files;
    if let Err(problem) = check(task, &summary) {
        summary.records_written = 0;
        summary.files_written = 0;
        summary.log();
        return Err(Failure { problem, summary: Some(Box::new(summary)) });
    }
    stop.check()?;
    let written = parts.publish()?;
    summary.log();
    tell_of_earlier(task, &written);
    Ok(summary)
}

/// Whoever reads the output reads everything in it: parts that this run did not write are worth a
/// warning.
fn tell_of_earlier(task: &MergeTask, written: &[PathBuf]) {
    let Ok(files) = input::files(&task.output) else { return };
    let written: HashSet<_> = written.iter().collect();
    let is_part = |file: &&InputFile| {
        file.path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"part-"))
    };
    let earlier = files.iter().filter(is_part).filter(|file| !written.contains(&file.path)).count();
    if earlier > 0 {
        let parts = if earlier == 1 { "part" } else { "parts" };
        tracing::warn!("{earlier} {parts} of an earlier run lie in {}", task.output.display());
    }
}

fn check(task: &MergeTask, summary: &Summary) -> Result<()> {
    let sides = [
        ("captures", summary.captures_bad, summary.captures_read),
        ("labels", summary.labels_bad, summary.labels_read),
    ];
    for (side, bad, read) in sides {
        if read > 0 && bad as f64 > task.max_bad_fraction * read as f64 {
            let first = summary.bad_records.first().map(|bad| bad.problem.as_str()).unwrap_or_default();
            return Err(Problem::new(
                &codes::TOO_MANY_BAD_RECORDS,
                format!("{bad} of {read} {side} cannot be used, more than `max_bad_fraction` allows"),
            )
            .found(format!("the first: {first}")));
        }
    }
    if summary.merged == 0 && task.on_no_match == OnNoMatch::Fail {
        return Err(summary.nothing_matches());
    }
    Ok(())
}

struct Files {
    captures: Vec<InputFile>,
    labels: Vec<InputFile>,
}

impl Files {
    fn source_of_captures(&self, task: &MergeTask) -> Source {
        Source::new(Side::Captures(task.mounts.clone()), &task.captures, self.captures.clone())
    }

    fn source_of_labels(&self, task: &MergeTask) -> Source {
        Source::new(Side::Labels, &task.ground_truth, self.labels.clone())
    }
}

fn bytes(files: &[InputFile]) -> u64 {
    // Packed text is about this much longer.
    files.iter().map(|file| if file.is_gzip() { 8 * file.bytes } else { file.bytes }).sum()
}

fn progress(task: &MergeTask, what: &'static str, files: &[InputFile]) -> Progress {
    Progress::start(what, "bytes", files.iter().map(|file| file.bytes).sum(), task.for_people)
}

type Joined = (Tally, Parts, Vec<PathBuf>);

/// None when memory does not do.
fn in_memory(task: &MergeTask, files: &Files, stop: &Stop) -> Result<Option<Joined>> {
    let mut tally = Tally::new(task.on_bad_record);
    let mut parts = Parts::new(&task.output, &task.scratch, &task.seed);
    let mut join = join::Memory::new(
        task.duplicate_ground_truth,
        task.keep_duplicate_captures,
        task.memory_budget,
        bytes(&files.labels),
    );
    let mut fits = true;

    let mut labels = files.source_of_labels(task);
    let shown = progress(task, "reading ground truth", &files.labels);
    stream::records(&mut labels, scan::Labels, task.threads, shown, stop, |records, _| {
        fits = fits && join.labels(records, &mut tally)?;
        Ok(fits)
    })?;
    if !fits {
        return Ok(None);
    }
    let mut captures = files.source_of_captures(task);
    let shown = progress(task, "merging", &files.captures);
    stream::records(&mut captures, scan::Captures, task.threads, shown, stop, |records, writes| {
        fits = fits && join.captures(records, &task.window, &mut tally, &mut parts)?;
        parts.take_writes(writes);
        Ok(fits)
    })?;
    if !fits {
        return Ok(None);
    }
    join.finish(&mut tally);
    labels.skipped.append(&mut captures.skipped);
    Ok(Some((tally, parts, labels.skipped)))
}

fn spilled(task: &MergeTask, files: &Files, stop: &Stop) -> Result<Joined> {
    let mut tally = Tally::new(task.on_bad_record);
    let mut parts = Parts::new(&task.output, &task.scratch, &task.seed);
    // Event ids take about a tenth of the captures they come from.
    let divisions =
        spill::divisions(bytes(&files.labels).max(bytes(&files.captures) / 10), task.memory_budget);
    let mut divided = spill::Divided::new(
        task.duplicate_ground_truth,
        task.keep_duplicate_captures,
        divisions,
        &task.scratch,
    )?;

    let mut labels = files.source_of_labels(task);
    let shown = progress(task, "reading ground truth", &files.labels);
    stream::records(&mut labels, scan::Labels, task.threads, shown, stop, |records, _| {
        records.iter().try_for_each(|record| divided.label(&record, &mut tally))?;
        Ok(true)
    })?;
    divided.labels_end()?;
    let shown = progress(task, "reading ids", &files.captures);
    let mut first = Tally::new(task.on_bad_record);
    stream::records(
        &mut files.source_of_captures(task),
        scan::Captures,
        task.threads,
        shown,
        stop,
        |records, _| {
            records.iter().try_for_each(|record| divided.capture(&record, &task.window, &mut first))?;
            Ok(true)
        },
    )?;
    let mut judged = divided.judge(&mut tally, stop)?;
    let mut captures = files.source_of_captures(task);
    let shown = progress(task, "merging", &files.captures);
    stream::records(&mut captures, scan::Captures, task.threads, shown, stop, |records, writes| {
        records
            .iter()
            .try_for_each(|record| judged.capture(&record, &task.window, &mut tally, &mut parts))?;
        parts.take_writes(writes);
        Ok(true)
    })?;
    labels.skipped.append(&mut captures.skipped);
    Ok((tally, parts, labels.skipped))
}

/// Writes `merge_summary.json`. Where nobody asked for it, failing to write it is only worth a
/// warning.
fn write_summary(job: &Job, settings: &Settings, summary: &Summary, scratch: &Path) -> Result<()> {
    const NAME: &str = "merge_summary.json";
    let asked = settings.summary_path.as_ref().map(|path| {
        let folder = path.as_os_str().as_encoded_bytes().ends_with(b"/") || job.tree.resolve(path).is_dir();
        if folder { job.tree.resolve(path).join(NAME) } else { job.tree.resolve(path) }
    });
    if asked.is_none() && !job.tree.is_expected() {
        return Ok(());
    }
    let path = asked.clone().unwrap_or_else(|| job.tree.message_path().with_file_name(NAME));
    let mut text = serde_json::to_vec_pretty(summary)
        .map_err(|error| Problem::new(&codes::INTERNAL, "cannot write the summary").because(error))?;
    text.push(b'\n');
    match output::write(&path, &text, scratch) {
        Err(problem) if asked.is_none() => {
            tracing::warn!("cannot write the summary beside the exit message: {problem}");
            Ok(())
        }
        written => written,
    }
}
