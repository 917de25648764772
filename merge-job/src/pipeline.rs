//! The way of the data: labels by id, then captures in their order, joined, and written where there is an output.
//!
//! The dry run takes the same way with a sample of the captures and without an output.

use std::collections::HashSet;

use plumbline_common::input::Listing;
use plumbline_common::progress::Progress;
use plumbline_common::stop::Stop;
use plumbline_common::{Result, codes};

use crate::account::Account;
use crate::batch::Records;
use crate::inputs::Inputs;
use crate::join::{self, Candidate, InMemory};
use crate::looks::Kind;
use crate::output::{self, Parts};
use crate::record::{Capture, Captures, GroundTruth, Label};
use crate::source::Source;
use crate::spill::{self, Divided};
use crate::stream::{self, Limits};
use crate::summary::Summary;
use crate::task::MergeTask;

/// Reads both sides for one purpose.
pub(crate) struct Pass<'a> {
    pub(crate) task: &'a MergeTask,
    pub(crate) stop: &'a Stop,
    /// Progress is of no interest.
    pub(crate) is_quiet: bool,
    /// Lists of a batch transform's inputs that were met.
    pub(crate) skipped: Vec<std::path::PathBuf>,
}

impl Pass<'_> {
    pub(crate) fn new<'a>(task: &'a MergeTask, stop: &'a Stop) -> Pass<'a> {
        Pass { task, stop, is_quiet: false, skipped: Vec::new() }
    }

    fn limits(&self) -> Limits {
        Limits { threads: self.task.threads, longest: self.task.longest_record }
    }

    fn progress(&self, what: &'static str, listing: &Listing) -> Progress {
        let total = if self.is_quiet { 0 } else { listing.files.iter().map(|file| file.bytes).sum() };
        Progress::start(what, "bytes", total, self.task.for_people && !self.is_quiet)
    }

    /// Calls `each` with the labels of every block until it says that this is enough.
    ///
    /// # Errors
    /// As `stream::records`.
    pub(crate) fn labels(
        &mut self,
        what: &'static str,
        inputs: &Inputs,
        mut each: impl FnMut(Records<Label>) -> Result<bool> + Send,
    ) -> Result<()> {
        let task = self.task;
        let mut source =
            Source::new(None, &task.ground_truth, &inputs.labels, task.block_bytes, task.threads);
        let progress = self.progress(what, &inputs.labels);
        stream::records(&mut source, GroundTruth, self.limits(), progress, self.stop, |records, _| {
            each(records)
        })
    }

    /// As `labels`, with captures; what goes to `output` is written.
    ///
    /// # Errors
    /// As `stream::records`.
    pub(crate) fn captures(
        &mut self,
        what: &'static str,
        inputs: &Inputs,
        mut output: Option<&mut Parts>,
        mut each: impl FnMut(Records<Capture>, Option<&mut Parts>) -> Result<bool> + Send,
    ) -> Result<()> {
        let task = self.task;
        let mut source = Source::new(
            Some(task.mounts.clone()),
            &task.captures,
            &inputs.captures,
            task.block_bytes,
            task.threads,
        );
        let progress = self.progress(what, &inputs.captures);
        let read =
            stream::records(&mut source, Captures, self.limits(), progress, self.stop, |records, writes| {
                let go_on = each(records, output.as_deref_mut())?;
                if let Some(output) = &mut output {
                    output.take_writes(writes);
                }
                Ok(go_on)
            });
        self.skipped.append(&mut source.skipped);
        read
    }
}

/// Merges without judging: the account, and the merged files without names.
///
/// # Errors
/// A file cannot be read or written, a rule says stop, or the job was asked to.
pub(crate) fn merge(task: &MergeTask, stop: &Stop) -> Result<(Summary, Parts)> {
    let inputs = Inputs::of(task)?;
    output::check(task, &inputs)?;
    let mut pass = Pass::new(task, stop);
    let (mut account, parts) = match in_memory(&mut pass, &inputs)? {
        Some(joined) => joined,
        None => {
            tracing::info!("labels and event ids do not fit in memory; continuing with scratch files");
            pass = Pass::new(task, stop);
            spilled(&mut pass, &inputs)?
        }
    };
    if account.summary.merged == 0 {
        explain(&mut Pass { is_quiet: true, ..Pass::new(task, stop) }, &inputs, u64::MAX, &mut account)?;
    }
    Ok((account.finish(&pass.skipped), parts))
}

fn bytes(listing: &Listing) -> u64 {
    // Packed text is about this much longer.
    listing.files.iter().map(|file| if file.is_gzip() { 8 * file.bytes } else { file.bytes }).sum()
}

/// The join that holds the labels in memory.
pub(crate) fn labels_in_memory(task: &MergeTask, inputs: &Inputs) -> InMemory {
    InMemory::new(
        task.duplicate_ground_truth,
        task.keep_duplicate_captures,
        task.memory_budget,
        bytes(&inputs.labels),
    )
}

type Joined = (Account, Parts);

/// `None` when the labels and ids do not fit in memory.
fn in_memory(pass: &mut Pass, inputs: &Inputs) -> Result<Option<Joined>> {
    let task = pass.task;
    let mut account = Account::new(task.on_bad_record);
    let mut parts = Parts::new(&task.output, &task.scratch, &task.seed);
    let mut join = labels_in_memory(task, inputs);
    let mut fits = true;
    pass.labels("reading ground truth", inputs, |records| {
        account.files(Kind::Label, records.stretches());
        fits = join.ground_truth(records, u64::MAX, &mut account)?;
        Ok(fits)
    })?;
    if !fits {
        return Ok(None);
    }
    pass.captures("merging", inputs, Some(&mut parts), |records, output| {
        account.files(Kind::Capture, records.stretches());
        fits = join.captures(records, u64::MAX, &task.window, &mut account, output)?;
        Ok(fits)
    })?;
    if !fits {
        return Ok(None);
    }
    account.labels(&join.labels);
    Ok(Some((account, parts)))
}

fn spilled(pass: &mut Pass, inputs: &Inputs) -> Result<Joined> {
    let task = pass.task;
    let mut account = Account::new(task.on_bad_record);
    let mut parts = Parts::new(&task.output, &task.scratch, &task.seed);
    // Event ids take about a tenth of the captures they come from.
    let divisions =
        spill::divisions(bytes(&inputs.labels).max(bytes(&inputs.captures) / 10), task.memory_budget);
    let mut divided =
        Divided::new(task.duplicate_ground_truth, task.keep_duplicate_captures, divisions, &task.scratch)?;
    let read = pass.labels("reading ground truth", inputs, |records| {
        account.files(Kind::Label, records.stretches());
        records.iter().try_for_each(|record| divided.label(&record, &mut account))?;
        Ok(true)
    });
    // Labels that differ are told before a bad record that stands behind them, as when the labels fit in memory.
    if read.as_ref().err().is_none_or(|problem| std::ptr::eq(problem.code(), &codes::BAD_RECORD)) {
        divided.check_conflicts(pass.stop)?;
    }
    read?;
    pass.captures("reading ids", inputs, None, |records, _| {
        records.iter().try_for_each(|record| divided.capture(&record, &task.window))?;
        Ok(true)
    })?;
    pass.skipped.clear();
    let mut judged = divided.judge(&mut account, pass.stop)?;
    pass.captures("merging", inputs, Some(&mut parts), |records, mut output| {
        account.files(Kind::Capture, records.stretches());
        for record in records.iter() {
            join::capture(&record, &task.window, &mut judged, &mut account, output.as_deref_mut()).map_err(
                |problem| match problem.place().file {
                    Some(_) => problem,
                    None => problem.file(&record.origin.name),
                },
            )?;
        }
        Ok(true)
    })?;
    judged.check_all()?;
    Ok((account, parts))
}

/// Nothing matched: reads again for what would have. `most`: of the labels.
///
/// # Errors
/// As `stream::records`.
pub(crate) fn explain(pass: &mut Pass, inputs: &Inputs, most: u64, account: &mut Account) -> Result<()> {
    /// Bounds the memory for ids of labels.
    const MOST_IDS: usize = 4_000_000;
    let keys = account.near_keys();
    if account.summary.captures_unmatched == 0 || account.summary.labels_read == 0 {
        return Ok(());
    }
    let (mut beside, mut read) = (HashSet::new(), 0);
    pass.labels("looking for ids that are alike", inputs, |records| {
        for record in records.iter() {
            read += 1;
            if let Ok(label) = record.what {
                account.compare(&keys, record.texts.of(label.id));
                if let Some(id) = label.inference_id_beside.filter(|_| beside.len() < MOST_IDS) {
                    beside.insert(id);
                }
            }
        }
        Ok(read < most)
    })?;
    if beside.is_empty() {
        return Ok(());
    }
    let (mut would_match, window) = (0, pass.task.window);
    pass.captures("looking for ids that are alike", inputs, None, |records, _| {
        for record in records.iter() {
            if let Ok(Candidate { capture, .. }) = join::candidate(record.what, &window) {
                would_match += u64::from(beside.contains(&capture.key_number));
            }
        }
        Ok(true)
    })?;
    account.summary.would_match_by_label_inference_id = would_match;
    Ok(())
}
