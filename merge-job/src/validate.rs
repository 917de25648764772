//! The dry run: the merge with a sample of the captures and without an output. It says what is there, how it reads,
//! what share would match, and judges by the merge's own verdict.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

use plumbline_common::Result;
use plumbline_common::answer::Answer;
use plumbline_common::input::{InputFile, Listing};
use plumbline_common::job::Outcome;
use plumbline_common::record;
use plumbline_common::stop::Stop;
use plumbline_common::words::counted;

use crate::account::Account;
use crate::batch::Placed;
use crate::hours;
use crate::inputs::Inputs;
use crate::looks::Kind;
use crate::output;
use crate::pipeline::{Pass, explain, labels_in_memory};
use crate::record::{Capture, Label};
use crate::summary::Summary;
use crate::task::MergeTask;
use crate::verdict::verdict;

/// So many captures are looked at, the first of so many files, which are spread over all.
const CAPTURES: u64 = 20_000;
const FILES: usize = 20;
/// Labels are read up to this number.
const LABELS: u64 = 1_000_000;
/// Bytes for labels, however few the merge may take before it goes on by way of scratch files.
const LEAST_BUDGET: u64 = 16 << 20;

/// What the records of a side carry, and how many do.
#[derive(Debug, Default)]
struct Kinds(BTreeMap<String, u64>);

impl Kinds {
    fn count(&mut self, kind: impl Into<String>) {
        *self.0.entry(kind.into()).or_default() += 1;
    }

    fn label(&mut self, record: &Placed<Label>) {
        if let Ok(label) = record.what {
            let is_uuid = is_uuid(record.texts.of(label.id));
            self.count(if is_uuid { "whose id is a UUID" } else { "whose id is other text" });
        }
    }

    fn capture(&mut self, record: &Placed<Capture>) {
        if let Ok(capture) = record.what {
            self.count(payload(record.texts.of(capture.body)));
            self.count(if capture.has_inference_id { "found by inferenceId" } else { "found by eventId" });
        }
    }
}

/// Looks at both sides and says what a merge would make of them. The exit code is that of the merge.
///
/// # Errors
/// What would make the merge fail before its verdict.
pub(crate) fn answer(task: &MergeTask, stop: &Stop) -> Result<Outcome> {
    let inputs = Inputs::of(task)?;
    output::check(task, &inputs)?;
    let mut account = Account::new(task.on_bad_record);
    let memory_budget = task.memory_budget.max(LEAST_BUDGET);
    let mut join = labels_in_memory(&MergeTask { memory_budget, ..task.clone() }, &inputs);
    let mut pass = Pass { is_quiet: true, ..Pass::new(task, stop) };

    let mut of_labels = Kinds::default();
    let mut all_labels = true;
    pass.labels("looking", &inputs, |records| {
        account.files(Kind::Label, records.stretches());
        let before = account.summary.labels_read + account.summary.files_unreadable;
        all_labels = join.ground_truth(records, LABELS, &mut account)?;
        let read = account.summary.labels_read + account.summary.files_unreadable - before;
        records.iter().take(read as usize).for_each(|record| of_labels.label(&record));
        Ok(all_labels)
    })?;

    join.lift_budget();
    let mut of_captures = Kinds::default();
    let sample = sample(&inputs.captures);
    let of_a_file = CAPTURES / (sample.len() as u64).max(1);
    let unreadable = Inputs {
        captures: Listing { unreadable: inputs.captures.unreadable, ..Listing::default() },
        labels: Listing::default(),
    };
    let inputs =
        Inputs { captures: Listing { files: inputs.captures.files, ..Listing::default() }, ..inputs };
    let files: Vec<Inputs> = sample.into_iter().map(|file| inputs.with_captures(vec![file])).collect();
    for part in std::iter::once(&unreadable).chain(&files) {
        let most = account.summary.captures_read + of_a_file;
        pass.captures("looking", part, None, |records, _| {
            let before = account.summary.captures_read + account.summary.files_unreadable;
            let go_on = join.captures(records, most, &task.window, &mut account, None)?;
            let read = account.summary.captures_read + account.summary.files_unreadable - before;
            account.files(Kind::Capture, records.stretches());
            records.iter().take(read as usize).for_each(|record| of_captures.capture(&record));
            Ok(go_on)
        })?;
    }
    account.labels(&join.labels);
    if account.summary.merged == 0 {
        let sampled: Vec<InputFile> = files.iter().flat_map(|part| part.captures.files.clone()).collect();
        explain(&mut pass, &inputs.with_captures(sampled), LABELS, &mut account)?;
    }
    let summary = account.finish(&pass.skipped);

    let mut text = Answer::default();
    line(&mut text, "captures", &folder(&task.captures, &inputs.captures));
    looked_at(&mut text, summary.captures_read, summary.captures_bad, "capture", &of_captures);
    line(&mut text, "ground truth", &folder(&task.ground_truth, &inputs.labels));
    looked_at(&mut text, summary.labels_read, summary.labels_bad, "label", &of_labels);
    if !all_labels {
        line(&mut text, "", "there are more, so the share below is too low");
    }
    line(&mut text, "output", &format!("{}, can be written", task.output.display()));
    tell(&mut text, task, &summary);
    let judged = verdict(task, &summary.evidence());
    let exit_code = match &judged {
        Ok(()) => 0,
        Err(problem) => problem.class().exit_code(),
    };
    let judged = match judged {
        Ok(()) => "a merge would succeed".to_string(),
        Err(problem) => format!("a merge would fail as this sample does: {problem}"),
    };
    line(&mut text, "verdict", &judged);
    Ok(Outcome::Answered { text, exit_code })
}

/// Files spread over all, the first among them.
fn sample(listing: &Listing) -> Vec<InputFile> {
    let step = listing.files.len().div_ceil(FILES).max(1);
    listing.files.iter().step_by(step).cloned().collect()
}

fn tell(text: &mut Answer, task: &MergeTask, summary: &Summary) {
    for bad in &summary.bad_records {
        line(text, "bad", &bad.problem);
    }
    for file in summary.files_without_records.iter().take(5) {
        let found = format!("{} looks like {} and begins `{}`", file.file, file.looks_like, file.begins);
        line(text, "no record", &found);
    }
    if task.window.start.is_some() || task.window.end.is_some() {
        let (count, what) = if task.window.filters {
            (summary.captures_outside_window, "left out")
        } else {
            (summary.captures_outside_window_kept, "kept: a schedule's job")
        };
        line(text, "window", &format!("{count} of the captures lie outside ({what})"));
    }
    for (count, record, what) in [
        (summary.captures_duplicate, "capture", "delivered twice"),
        (summary.captures_repeated_event_id, "capture", "with the event id of another"),
        (summary.labels_duplicate_same, "label", "in agreement with another of the same id"),
        (summary.labels_duplicate_conflict, "label", "in conflict with another of the same id"),
    ] {
        if count > 0 {
            line(text, "repeated", &format!("{} {what}", counted(count, record)));
        }
    }
    let looked_up = summary.merged + summary.captures_unmatched;
    let share = 100.0 * summary.merged as f64 / looked_up.max(1) as f64;
    let captures = counted(looked_up, "capture");
    let have = if summary.merged == 1 { "has" } else { "have" };
    line(text, "match", &format!("{} of {captures} {have} a label ({share:.1} %)", summary.merged));
    if summary.merged == 0 && looked_up > 0 {
        line(text, "", &format!("ids of captures: {}", summary.sample_ids.captures_unmatched.join(", ")));
        line(text, "", &format!("ids of labels: {}", summary.sample_ids.labels_unmatched.join(", ")));
    }
    for hint in &summary.hints {
        line(text, "hint", hint);
    }
}

fn line(text: &mut Answer, head: &str, rest: &str) {
    text.line(format_args!("{head:14}{rest}"));
}

fn looked_at(text: &mut Answer, read: u64, bad: u64, record: &str, kinds: &Kinds) {
    line(text, "", &format!("{} looked at, {bad} of them bad", counted(read, record)));
    for (kind, count) in &kinds.0 {
        line(text, "", &format!("{count} {kind}"));
    }
}

fn folder(path: &Path, listing: &Listing) -> String {
    let files = &listing.files;
    let folders: BTreeSet<_> = files.iter().map(InputFile::folder).collect();
    let hour = |folder: &&Path| hours::hour_of_folder(&path.join(folder));
    let hours: BTreeSet<i64> = folders.iter().filter_map(hour).collect();
    let megabytes = files.iter().map(|file| file.bytes).sum::<u64>() as f64 / 1e6;
    let packed = files.iter().filter(|file| file.is_gzip()).count();
    let (in_all, of) = (counted(files.len() as u64, "file"), counted(folders.len() as u64, "folder"));
    // Writing to a string cannot fail.
    let mut text = format!("{}: {in_all} in {of}, {megabytes:.1} MB", path.display());
    if packed > 0 {
        let _ = write!(text, ", {packed} gzip");
    }
    if let (Some(&first), Some(&last)) = (hours.first(), hours.last()) {
        let (first, last) = (hours::folder_of(first), hours::folder_of(last));
        let _ = write!(text, ", {} from {first} to {last}", counted(hours.len() as u64, "hour"));
    }
    text
}

/// In any letters: whoever compares ids with different letters shall see that both are UUIDs.
fn is_uuid(id: &[u8]) -> bool {
    id.len() == 36 && uuid::Uuid::try_parse_ascii(id).is_ok()
}

/// The sides of a capture and their encodings.
fn payload(body: &[u8]) -> String {
    let text = [b"{", body].concat();
    let Ok(record::Record { capture_data: Some(data), .. }) = serde_json::from_slice(&text) else {
        return "with an encoding the analyzer does not know".into();
    };
    let encoding = |payload: &record::Payload| match payload.encoding {
        Some(record::Encoding::Csv) => "CSV",
        Some(record::Encoding::Json) => "JSON",
        Some(record::Encoding::Base64) => "BASE64",
        None => "no encoding",
    };
    let sides = [
        ("input", &data.endpoint_input),
        ("output", &data.endpoint_output),
        ("batch transform", &data.batch_transform_output),
    ];
    let sides: Vec<_> = sides
        .iter()
        .filter_map(|(name, side)| Some(format!("{name} {}", encoding(side.as_ref()?))))
        .collect();
    if sides.is_empty() { "without payload".into() } else { format!("with {}", sides.join(", ")) }
}
