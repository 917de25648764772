//! The dry run: what is there, how it reads, and what share would match. It writes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

use plumbline_common::codes::Class;
use plumbline_common::input::{self, InputFile};
use plumbline_common::job::Outcome;
use plumbline_common::progress::Progress;
use plumbline_common::record;
use plumbline_common::stop::Stop;
use plumbline_common::{Result, output};

use crate::join::{self, Standing};
use crate::labels::{Inserted, Labels};
use crate::scan::{self, Capture, Scan};
use crate::settings::{DuplicateGroundTruth, OnNoMatch};
use crate::source::{Side, Source};
use crate::stream::{self, Record};
use crate::summary::{Kind, problem};
use crate::{MergeTask, hours};

/// So many files of captures are looked at, spread over all, and so many records of each.
const FILES: usize = 10;
const RECORDS_OF_A_FILE: u64 = 100;
/// Labels are read up to this number.
const LABELS: u64 = 1_000_000;

/// What was seen of one side.
#[derive(Debug, Default)]
struct Seen {
    records: u64,
    bad: u64,
    first_bad: Option<String>,
    /// What records carry, and how many do.
    kinds: BTreeMap<String, u64>,
}

impl Seen {
    fn bad<T>(&mut self, kind: Kind, record: &Record<T>, bad: scan::Bad) {
        self.bad += 1;
        self.first_bad.get_or_insert_with(|| problem(kind, record.origin, record.line, bad).to_string());
    }

    fn kind(&mut self, kind: impl Into<String>) {
        *self.kinds.entry(kind.into()).or_default() += 1;
    }

    fn tell(&self, text: &mut String, records: &str) {
        line(text, "", &format!("{} {records} looked at, {} of them bad", self.records, self.bad));
        for (kind, count) in &self.kinds {
            line(text, "", &format!("{count} {kind}"));
        }
        if let Some(bad) = &self.first_bad {
            line(text, "", &format!("the first bad one: {bad}"));
        }
    }

    fn too_many_bad(&self, task: &MergeTask) -> bool {
        self.bad as f64 > task.max_bad_fraction * self.records as f64
    }
}

/// Looks at both sides and says what a merge would make of them. The exit code is that of the merge.
///
/// # Errors
/// A folder or file cannot be read, or the job shall stop.
pub(crate) fn answer(task: &MergeTask, stop: &Stop) -> Result<Outcome> {
    let (captures, labels) = (input::files(&task.captures)?, input::files(&task.ground_truth)?);
    let mut text = String::new();

    let mut known = Labels::new(DuplicateGroundTruth::Last);
    let (labels_seen, all) = look_at_labels(task, &labels, &mut known, stop)?;
    let mut sample = Sample::default();
    look_at_captures(task, &captures, &known, &mut sample, stop)?;

    line(&mut text, "captures", &folder(&task.captures, &captures));
    sample.seen.tell(&mut text, "captures");
    line(&mut text, "ground truth", &folder(&task.ground_truth, &labels));
    labels_seen.tell(&mut text, "labels");
    if !all {
        line(&mut text, "", "there are more, so the share below is too low");
    }
    let output = output::check_folder(&task.output);
    let writable = if output.is_ok() { "can be written" } else { "CANNOT be written by this user" };
    line(&mut text, "output", &format!("{}, {writable}", task.output.display()));
    if task.window.start.is_some() || task.window.end.is_some() {
        let filter = if task.window.filters { "left out" } else { "kept: a schedule's job" };
        line(&mut text, "window", &format!("{} of the captures lie outside ({filter})", sample.outside));
    }
    let looked_up = sample.matched + sample.unmatched;
    let share = 100.0 * sample.matched as f64 / looked_up.max(1) as f64;
    line(
        &mut text,
        "match",
        &format!("{} of {looked_up} captures have a label ({share:.1} %)", sample.matched),
    );
    if sample.by_event_id > 0 {
        let found = format!(
            "{} more have one that names their eventId; let the labels name the inferenceId",
            sample.by_event_id
        );
        line(&mut text, "", &found);
    }
    if sample.matched == 0 && looked_up > 0 {
        let mut ids = Vec::new();
        known.for_each_unused(|id| {
            if ids.len() < 2 {
                ids.push(String::from_utf8_lossy(id).into_owned());
            }
        });
        line(&mut text, "", &format!("ids of captures: {}", sample.ids.join(", ")));
        line(&mut text, "", &format!("ids of labels: {}", ids.join(", ")));
    }
    let (verdict, class) = if captures.is_empty() {
        ("a merge would fail: there are no captures", Some(Class::NoData))
    } else if sample.seen.too_many_bad(task) || labels_seen.too_many_bad(task) {
        ("a merge would fail: too many records cannot be used", Some(Class::InputOutput))
    } else if sample.matched == 0 && task.on_no_match == OnNoMatch::Fail {
        ("a merge would probably fail: no capture has a label", Some(Class::NoData))
    } else if let Err(problem) = output {
        ("a merge would fail: its output cannot be written", Some(problem.class()))
    } else {
        ("a merge would succeed", None)
    };
    line(&mut text, "verdict", verdict);
    Ok(Outcome::Answered { text, exit_code: class.map_or(0, Class::exit_code) })
}

fn line(text: &mut String, head: &str, rest: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{head:14}{rest}");
}

fn folder(path: &Path, files: &[InputFile]) -> String {
    let folders: BTreeSet<_> = files.iter().map(InputFile::folder).collect();
    let hour = |folder: &&Path| hours::hour_of_folder(&path.join(folder));
    let hours: BTreeSet<i64> = folders.iter().filter_map(hour).collect();
    let megabytes = files.iter().map(|file| file.bytes).sum::<u64>() as f64 / 1e6;
    let packed = files.iter().filter(|file| file.is_gzip()).count();
    let mut text =
        format!("{}: {} files in {} folders, {megabytes:.1} MB", path.display(), files.len(), folders.len());
    if packed > 0 {
        let _ = write!(text, ", {packed} gzip");
    }
    if let (Some(&first), Some(&last)) = (hours.first(), hours.last()) {
        let (first, last) = (hours::folder_of(first), hours::folder_of(last));
        let _ = write!(text, ", {} hours from {first} to {last}", hours.len());
    }
    text
}

fn look<S: Scan>(
    task: &MergeTask,
    source: &mut Source,
    side: S,
    stop: &Stop,
    mut each: impl FnMut(Record<S::Record>) -> Result<bool> + Send,
) -> Result<()> {
    let hidden = Progress::start("looking", "bytes", 0, false);
    stream::records(source, side, task.threads, hidden, stop, |records, _| {
        for record in records.iter() {
            if !each(record)? {
                return Ok(false);
            }
        }
        Ok(true)
    })
}

/// Also tells whether all labels were read.
fn look_at_labels(
    task: &MergeTask,
    files: &[InputFile],
    known: &mut Labels,
    stop: &Stop,
) -> Result<(Seen, bool)> {
    let mut seen = Seen::default();
    let mut all = true;
    let mut source = Source::new(Side::Labels, &task.ground_truth, files.to_vec());
    look(task, &mut source, scan::Labels, stop, |record| {
        seen.records += 1;
        match record.what {
            Err(bad) => seen.bad(Kind::Label, &record, *bad),
            Ok(label) => {
                let (id, value) = (record.texts.of(label.id), record.texts.of(label.value));
                let form = if is_uuid(id) { "whose id is a UUID" } else { "whose id is other text" };
                seen.kind(form);
                match known.insert(label.parsed, id, value, None) {
                    Inserted::New => {}
                    Inserted::Same => seen.kind("that say again what another says"),
                    Inserted::Conflict => seen.kind("that conflict with another"),
                }
            }
        }
        all = seen.records < LABELS && known.memory() <= task.memory_budget;
        Ok(all)
    })?;
    Ok((seen, all))
}

/// In any letters: whoever compares ids with different letters shall see that both are UUIDs.
fn is_uuid(id: &[u8]) -> bool {
    id.len() == 36 && uuid::Uuid::try_parse_ascii(id).is_ok()
}

#[derive(Debug, Default)]
struct Sample {
    seen: Seen,
    outside: u64,
    matched: u64,
    unmatched: u64,
    by_event_id: u64,
    /// Some ids without a label.
    ids: Vec<String>,
}

fn look_at_captures(
    task: &MergeTask,
    files: &[InputFile],
    known: &Labels,
    sample: &mut Sample,
    stop: &Stop,
) -> Result<()> {
    let step = files.len().div_ceil(FILES).max(1);
    for file in files.iter().step_by(step) {
        let mut of_file = 0;
        let mut source = Source::new(Side::Captures(task.mounts.clone()), &task.captures, vec![file.clone()]);
        look(task, &mut source, scan::Captures, stop, |record| {
            sample.look_at(task, &record, known);
            of_file += 1;
            Ok(of_file < RECORDS_OF_A_FILE)
        })?;
    }
    Ok(())
}

impl Sample {
    fn look_at(&mut self, task: &MergeTask, record: &Record<Capture>, known: &Labels) {
        self.seen.records += 1;
        let capture = match record.what {
            Err(bad) => return self.seen.bad(Kind::Capture, record, *bad),
            Ok(capture) => capture,
        };
        self.seen.kind(payload(record.texts.of(capture.body)));
        self.seen.kind(if capture.has_inference_id { "found by inferenceId" } else { "found by eventId" });
        match join::standing(capture, &task.window) {
            Standing::Eligible => {}
            Standing::Counted => self.outside += 1,
            Standing::LeftOut | Standing::NoTime => {
                self.outside += 1;
                return;
            }
        }
        if known.has(capture.key_number) {
            self.matched += 1;
            return;
        }
        self.unmatched += 1;
        if capture.has_inference_id && known.has(capture.event) {
            self.by_event_id += 1;
        }
        if self.ids.len() < 2 {
            self.ids.push(String::from_utf8_lossy(record.texts.of(capture.key)).into_owned());
        }
    }
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
