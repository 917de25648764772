//! The account of a run: every record read is in exactly one of the counts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use plumbline_common::{Problem, Result, codes};
use serde::Serialize;

use crate::labels::Labels;
use crate::scan::Bad;
use crate::settings::OnBadRecord;
use crate::source::Origin;

/// How many ids and places are named.
const NAMED_IDS: usize = 3;
const NAMED_RECORDS: usize = 5;
/// Unmatched ids that are kept to look for near misses.
const NEAR_MISSES_AMONG: usize = 1000;

/// What `merge_summary.json` holds.
///
/// `captures_read` = `merged` + `captures_unmatched` + `captures_bad` + `captures_duplicate` +
/// `captures_outside_window`; `labels_read` = `labels_merged` + `labels_unmatched` + `labels_bad` +
/// `labels_duplicate_same` + `labels_duplicate_conflict`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Summary {
    pub captures_read: u64,
    /// Captures that found a label.
    pub merged: u64,
    pub captures_unmatched: u64,
    pub captures_bad: u64,
    /// Captures whose event id was seen before.
    pub captures_duplicate: u64,
    /// Captures left out by the time window.
    pub captures_outside_window: u64,
    /// Captures outside the window of a schedule, which are not left out.
    pub captures_outside_window_kept: u64,
    pub labels_read: u64,
    /// Labels that found a capture.
    pub labels_merged: u64,
    pub labels_unmatched: u64,
    pub labels_bad: u64,
    pub labels_duplicate_same: u64,
    pub labels_duplicate_conflict: u64,
    /// Captures without a label that have an inference id and whose event id has a label.
    pub would_match_by_event_id: u64,
    /// Merged records; more than `merged` when all labels of an id are kept.
    pub records_written: u64,
    pub files_written: u64,
    /// Hours from a request to the hour folder of its label.
    pub label_age_hours: Option<Ages>,
    pub sample_ids: Samples,
    /// The first records that could not be used, with the reason.
    pub bad_records: Vec<BadRecord>,
    /// Files whose content is neither JSON nor rows of a batch transform.
    pub skipped_files: Vec<String>,
    pub hints: Vec<String>,
}

/// Quantiles of the age of labels, in whole hours from the hour of the request to the hour of the
/// label's folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Ages {
    pub p50: i64,
    pub p90: i64,
    pub p99: i64,
    pub max: i64,
}

/// A record that could not be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BadRecord {
    /// Relative to the input folder.
    pub file: String,
    /// Counted from 1.
    pub line: u64,
    pub problem: String,
}

/// Some ids without a partner.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Samples {
    pub captures_unmatched: Vec<String>,
    pub labels_unmatched: Vec<String>,
}

/// Which side a record is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Capture,
    Label,
}

/// A summary in the making.
#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) summary: Summary,
    on_bad_record: OnBadRecord,
    ages: BTreeMap<i64, u64>,
    labels_unmatched: BTreeSet<Vec<u8>>,
    unmatched_keys: Vec<Vec<u8>>,
    pub(crate) near_miss: Option<(String, String)>,
}

impl Tally {
    pub(crate) fn new(on_bad_record: OnBadRecord) -> Tally {
        Tally {
            summary: Summary::default(),
            on_bad_record,
            ages: BTreeMap::new(),
            labels_unmatched: BTreeSet::new(),
            unmatched_keys: Vec::new(),
            near_miss: None,
        }
    }

    /// Counts a record that cannot be used.
    ///
    /// # Errors
    /// The job shall stop at the first.
    pub(crate) fn bad(&mut self, kind: Kind, origin: &Origin, line: u64, bad: Bad) -> Result<()> {
        let problem = problem(kind, origin, line, bad);
        if self.on_bad_record == OnBadRecord::Fail {
            return Err(problem.hint("with `on_bad_record=skip` such records are left out and counted"));
        }
        match kind {
            Kind::Capture => self.summary.captures_bad += 1,
            Kind::Label => self.summary.labels_bad += 1,
        }
        if self.summary.bad_records.len() < NAMED_RECORDS {
            let file = origin.name.display().to_string();
            self.summary.bad_records.push(BadRecord { file, line, problem: problem.to_string() });
        }
        Ok(())
    }

    pub(crate) fn merged(&mut self, request: Option<i64>, label_hour: Option<i64>) {
        if let (Some(request), Some(hour)) = (request, label_hour) {
            *self.ages.entry(hour - crate::hours::hour_of(request)).or_default() += 1;
        }
    }

    /// Counts a capture whose label was looked up. `by_event_id`: whether its event id has a label, beside an
    /// inference id that has none.
    pub(crate) fn looked_up(&mut self, key: &[u8], found: bool, by_event_id: impl FnOnce() -> bool) {
        if found {
            self.summary.merged += 1;
            return;
        }
        self.summary.captures_unmatched += 1;
        self.summary.would_match_by_event_id += u64::from(by_event_id());
        if self.unmatched_keys.len() < NEAR_MISSES_AMONG {
            self.unmatched_keys.push(key.to_vec());
        }
    }

    /// Counts the labels in force that were and were not used.
    pub(crate) fn labels(&mut self, labels: &Labels) {
        self.summary.labels_merged += labels.used();
        labels.for_each_unused(|id| self.unmatched_label(id));
    }

    fn unmatched_label(&mut self, id: &[u8]) {
        self.summary.labels_unmatched += 1;
        // The smallest ids, so that the choice does not depend on the order they come in.
        if self.labels_unmatched.len() < NAMED_IDS
            || self.labels_unmatched.last().is_some_and(|last| id < last.as_slice())
        {
            self.labels_unmatched.insert(id.to_vec());
            if self.labels_unmatched.len() > NAMED_IDS {
                self.labels_unmatched.pop_last();
            }
        }
    }

    /// Looks among the ids without a partner for two that differ only in case, blanks or leading
    /// zeros.
    pub(crate) fn find_near_miss(&mut self, labels: &Labels) {
        let near = |id: &[u8]| {
            let id = id.trim_ascii().to_ascii_lowercase();
            let zeros = id.iter().take_while(|&&byte| byte == b'0').count();
            id.get(zeros..).unwrap_or_default().to_vec()
        };
        let keys: BTreeMap<_, _> = self.unmatched_keys.iter().map(|key| (near(key), key)).collect();
        labels.for_each_unused(|id| {
            if self.near_miss.is_none()
                && let Some(key) = keys.get(&near(id))
            {
                self.near_miss = Some((shown(key), shown(id)));
            }
        });
    }

    /// The summary, once every count stands.
    pub(crate) fn finish(mut self, skipped: impl Iterator<Item = PathBuf>) -> Summary {
        self.summary.label_age_hours = quantiles(&self.ages);
        self.summary.skipped_files = skipped.map(|path| path.display().to_string()).collect();
        let samples = &mut self.summary.sample_ids;
        samples.captures_unmatched = self.unmatched_keys.iter().take(NAMED_IDS).map(|id| shown(id)).collect();
        samples.labels_unmatched = self.labels_unmatched.iter().map(|id| shown(id)).collect();
        self.summary.hints = hints(&self.summary, self.near_miss.as_ref());
        self.summary
    }
}

/// An id for messages: not longer than a line bears.
fn shown(id: &[u8]) -> String {
    let text = String::from_utf8_lossy(id);
    if text.chars().count() <= 64 {
        text.into_owned()
    } else {
        text.chars().take(61).chain("...".chars()).collect()
    }
}

fn quantiles(ages: &BTreeMap<i64, u64>) -> Option<Ages> {
    let total: u64 = ages.values().sum();
    let (&max, _) = ages.last_key_value()?;
    // The smallest age that at least the share of the labels does not pass.
    let quantile = |percent: u64| {
        let wanted = (total * percent).div_ceil(100);
        let mut passed = 0;
        ages.iter().find(|(_, count)| {
            passed += **count;
            passed >= wanted
        })
    };
    let age = |percent| quantile(percent).map_or(max, |(&age, _)| age);
    Some(Ages { p50: age(50), p90: age(90), p99: age(99), max })
}

fn hints(summary: &Summary, near_miss: Option<&(String, String)>) -> Vec<String> {
    let mut hints = Vec::new();
    let usable = summary.merged + summary.captures_unmatched;
    if summary.would_match_by_event_id > 0 {
        hints.push(format!(
            "{} captures were sent with an inferenceId, but their labels name the eventId; let the labels name \
             the inferenceId",
            summary.would_match_by_event_id
        ));
    }
    if let Some((capture, label)) = near_miss {
        hints.push(format!("`{capture}` and `{label}` are different ids: they are compared as exact text"));
    }
    if summary.labels_read == 0 {
        hints.push(
            "there is no ground truth: labels lie in the folder of the hour they were collected in; mount those \
             hours too"
                .into(),
        );
    } else if hints.is_empty() && usable > 0 && summary.merged * 10 < usable {
        hints.push(
            "few captures found a label: compare the sample ids, and see that the hours in which the labels were \
             collected are mounted"
                .into(),
        );
    }
    hints
}

pub(crate) fn problem(kind: Kind, origin: &Origin, line: u64, bad: Bad) -> Problem {
    let record = match kind {
        Kind::Capture => "captured record",
        Kind::Label => "ground-truth record",
    };
    let problem = |why: &str| {
        Problem::new(&codes::BAD_RECORD, format!("cannot use a {record}, {why}"))
            .file(&origin.name)
            .line(line)
    };
    match bad {
        Bad::Malformed { column } => problem(&format!("it is malformed JSON at byte {column}")),
        Bad::NotUtf8 { column } => problem(&format!("it is not UTF-8 at byte {column}")),
        Bad::NotAnObject => problem("it is no JSON object"),
        Bad::Missing { field } => problem(&format!("`{field}` is missing")),
        Bad::WrongType { field, expected } => problem("it has a wrong type").field(field).expected(expected),
        Bad::NotABatchRow => problem("its last two columns are no inference id and time"),
        Bad::Unreachable => problem("it is a list of files of which one cannot be reached")
            .expected("files below an input of the job, since the merge reads nothing from S3 itself")
            .hint("mount the folder that the list names as another input"),
    }
}

impl Summary {
    /// The exit message of a success.
    pub fn message(&self) -> String {
        let mut message = format!("Completed: merged {} of {} captures", self.merged, self.captures_read);
        let rest = [
            (self.captures_unmatched, "capture", "without a label"),
            (self.labels_unmatched, "label", "without a capture"),
            (self.captures_duplicate, "capture", "delivered twice"),
            (self.captures_outside_window, "capture", "outside the window"),
            (self.captures_bad, "bad capture", "skipped"),
            (self.labels_bad, "bad label", "skipped"),
            (self.labels_duplicate_conflict, "label", "in conflict with another"),
        ];
        let counted =
            |(count, what, how)| format!("{count} {what}{} {how}", if count == 1 { "" } else { "s" });
        let rest: Vec<_> = rest.into_iter().filter(|(count, ..)| *count > 0).map(counted).collect();
        if !rest.is_empty() {
            message.push_str("; ");
            message.push_str(&rest.join(", "));
        }
        message
    }

    /// The failure of a run without a match.
    pub fn nothing_matches(&self) -> Problem {
        let ids = |ids: &[String]| {
            let ids: Vec<_> = ids.iter().map(|id| format!("`{id}`")).collect();
            if ids.is_empty() { String::new() } else { format!(" (ids {})", ids.join(", ")) }
        };
        let problem = Problem::new(
            &codes::NOTHING_MATCHES,
            format!(
                "merged 0 of {} captures{}: none has a label among {} labels{}",
                self.captures_read,
                ids(&self.sample_ids.captures_unmatched),
                self.labels_read,
                ids(&self.sample_ids.labels_unmatched)
            ),
        );
        let mut hints = self.hints.clone();
        if self.captures_outside_window > 0 {
            hints.push(format!("{} captures lie outside the time window", self.captures_outside_window));
        }
        if hints.is_empty() { problem } else { problem.hint(hints.join("; ")) }
    }

    /// Writes the account to the log: one record with every count, and warnings.
    pub fn log(&self) {
        let ages = self.label_age_hours;
        tracing::info!(
            captures_read = self.captures_read,
            captures_bad = self.captures_bad,
            captures_duplicate = self.captures_duplicate,
            captures_outside_window = self.captures_outside_window,
            captures_outside_window_kept = self.captures_outside_window_kept,
            labels_read = self.labels_read,
            labels_bad = self.labels_bad,
            labels_duplicate_same = self.labels_duplicate_same,
            labels_duplicate_conflict = self.labels_duplicate_conflict,
            labels_merged = self.labels_merged,
            merged = self.merged,
            captures_unmatched = self.captures_unmatched,
            labels_unmatched = self.labels_unmatched,
            would_match_by_event_id = self.would_match_by_event_id,
            records_written = self.records_written,
            files_written = self.files_written,
            label_age_hours_p50 = ages.map(|ages| ages.p50),
            label_age_hours_p90 = ages.map(|ages| ages.p90),
            label_age_hours_p99 = ages.map(|ages| ages.p99),
            label_age_hours_max = ages.map(|ages| ages.max),
            "merge summary"
        );
        for BadRecord { file, line, problem } in &self.bad_records {
            tracing::warn!(file, line, "skipped a bad record: {problem}");
        }
        if self.captures_bad + self.labels_bad > 0 {
            tracing::warn!("skipped {} bad captures and {} bad labels", self.captures_bad, self.labels_bad);
        }
        if self.labels_duplicate_conflict > 0 {
            tracing::warn!(
                "{} labels conflict with another of the same id; `duplicate_ground_truth` says which one counts",
                self.labels_duplicate_conflict
            );
        }
        for file in self.skipped_files.iter().take(NAMED_RECORDS) {
            tracing::warn!(
                file,
                "skipped {file}: it holds neither JSON records nor rows of a batch transform"
            );
        }
        if self.skipped_files.len() > NAMED_RECORDS {
            tracing::warn!("skipped {} files in all", self.skipped_files.len());
        }
        for hint in &self.hints {
            tracing::warn!("{hint}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_ages_that_occur() {
        let ages = BTreeMap::from([(0, 50), (1, 40), (5, 9), (30, 1)]);
        assert_eq!(quantiles(&ages), Some(Ages { p50: 0, p90: 1, p99: 5, max: 30 }));
        assert_eq!(quantiles(&BTreeMap::from([(2, 1)])), Some(Ages { p50: 2, p90: 2, p99: 2, max: 2 }));
        assert_eq!(quantiles(&BTreeMap::new()), None);
    }

    #[test]
    fn message_tells_what_has_no_partner() {
        let summary = Summary {
            captures_read: 5,
            merged: 3,
            captures_unmatched: 2,
            labels_unmatched: 1,
            ..Default::default()
        };
        let text = "Completed: merged 3 of 5 captures; 2 captures without a label, 1 label without a capture";
        assert_eq!(summary.message(), text);
        let whole = Summary { captures_read: 5, merged: 5, ..Default::default() };
        assert_eq!(whole.message(), "Completed: merged 5 of 5 captures");
    }

    #[test]
    fn smallest_unmatched_labels_are_named_in_any_order() {
        for ids in [["d", "a", "c", "b"], ["a", "b", "c", "d"]] {
            let mut tally = Tally::new(OnBadRecord::Skip);
            ids.iter().for_each(|id| tally.unmatched_label(id.as_bytes()));
            let summary = tally.finish(std::iter::empty());
            assert_eq!(summary.sample_ids.labels_unmatched, ["a", "b", "c"]);
            assert_eq!(summary.labels_unmatched, 4);
        }
    }
}
