//! What a run tells at its end: `merge_summary.json`, the exit message, the log.

use std::collections::BTreeMap;

use plumbline_common::words::counted;
use serde::Serialize;

use crate::evidence::{Evidence, Side};
use crate::looks::Kind;
use crate::reasons::Reasons;

/// How many places are named.
pub(crate) const NAMED_RECORDS: usize = 5;

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
    /// Captures whose event id and inference id were seen before.
    pub captures_duplicate: u64,
    /// Captures, in the other counts too, whose event id was seen before beside another inference id.
    pub captures_repeated_event_id: u64,
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
    /// Captures that the inference ids of labels would match, which stand beside an event id. Only counted when nothing
    /// matches.
    pub would_match_by_label_inference_id: u64,
    /// Merged records; more than `merged` when all labels of an id are kept.
    pub records_written: u64,
    pub files_written: u64,
    /// Hours from a request to the hour folder of its label.
    pub label_age_hours: Option<Ages>,
    pub sample_ids: Samples,
    /// The first records that could not be used, with the reason.
    pub bad_records: Vec<BadRecord>,
    /// Files that could not be opened, or not be unpacked to their end.
    pub files_unreadable: u64,
    /// What only messages tell, of captures and labels.
    #[serde(skip)]
    pub(crate) sides: [OfSide; 2],
    /// Ids of a capture and of a label that differ only in how they are written.
    #[serde(skip)]
    pub(crate) near_miss: Option<(String, String)>,
    /// What to do with files without records, by what they look like.
    #[serde(skip)]
    pub(crate) of_files: Vec<String>,
    /// Files of which every record is bad.
    pub files_without_records: Vec<FileWithoutRecords>,
    /// Lists of a batch transform's inputs, which carry no ids.
    pub skipped_files: Vec<String>,
    pub hints: Vec<String>,
}

/// What was wrong on one side.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct OfSide {
    pub(crate) reasons: Reasons,
    /// The first file that cannot be read, and why.
    pub(crate) unreadable: Option<String>,
    /// What to do with the first file without records that is of a known kind.
    pub(crate) hint_of_file: Option<&'static str>,
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
    /// `captures` or `labels`.
    pub side: &'static str,
    /// Relative to the input folder.
    pub file: String,
    /// Counted from 1.
    pub line: u64,
    pub problem: String,
}

/// A file without a single good record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileWithoutRecords {
    /// `captures` or `labels`.
    pub side: &'static str,
    pub file: String,
    /// What it looks like, such as `CSV`.
    pub looks_like: String,
    /// Its first characters.
    pub begins: String,
}

/// Some ids without a partner.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Samples {
    pub captures_unmatched: Vec<String>,
    pub labels_unmatched: Vec<String>,
}

pub(crate) fn quantiles(ages: &BTreeMap<i64, u64>) -> Option<Ages> {
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

impl Summary {
    pub(crate) fn of_side(&self, kind: Kind) -> &OfSide {
        let [captures, labels] = &self.sides;
        if kind == Kind::Capture { captures } else { labels }
    }

    pub(crate) fn of_side_mut(&mut self, kind: Kind) -> &mut OfSide {
        let [captures, labels] = &mut self.sides;
        if kind == Kind::Capture { captures } else { labels }
    }

    /// The exit message of a success.
    pub fn message(&self) -> String {
        let mut message = format!("Completed: merged {} of {} captures", self.merged, self.captures_read);
        let rest = [
            (self.captures_unmatched, "capture", "without a label"),
            (self.labels_unmatched, "label", "without a capture"),
            (self.captures_duplicate, "capture", "delivered twice"),
            (self.captures_repeated_event_id, "capture", "with the event id of another"),
            (self.captures_outside_window, "capture", "outside the window"),
            (self.captures_bad, "bad capture", "skipped"),
            (self.labels_bad, "bad label", "skipped"),
            (self.files_unreadable, "file", "that cannot be read"),
            (self.labels_duplicate_conflict, "label", "in conflict with another"),
        ];
        let rest = rest.into_iter().filter(|(count, ..)| *count > 0);
        let mut rest: Vec<_> =
            rest.map(|(count, what, how)| format!("{} {how}", counted(count, what))).collect();
        if self.captures_read == 0 {
            rest.insert(0, "there are no captures".into());
        }
        if !rest.is_empty() {
            message.push_str("; ");
            message.push_str(&rest.join(", "));
        }
        message
    }

    /// What the verdict is founded on.
    pub fn evidence(&self) -> Evidence {
        let side = |kind: Kind, read, bad, sample: &[String]| {
            let OfSide { reasons, unreadable, hint_of_file } = self.of_side(kind);
            let file = self.files_without_records.iter().find(|file| file.side == kind.name());
            let looks = |file: &FileWithoutRecords| {
                format!("{} looks like {} and begins `{}`", file.file, file.looks_like, file.begins)
            };
            Side {
                read,
                bad,
                unreadable: unreadable.clone(),
                looks: file.map(looks),
                hint_of_file: hint_of_file.map(String::from),
                reasons: reasons.evidence(kind),
                sample: sample.into(),
            }
        };
        let Samples { captures_unmatched, labels_unmatched } = &self.sample_ids;
        Evidence {
            captures: side(Kind::Capture, self.captures_read, self.captures_bad, captures_unmatched),
            labels: side(Kind::Label, self.labels_read, self.labels_bad, labels_unmatched),
            merged: self.merged,
            unmatched: self.captures_unmatched,
            outside_window: self.captures_outside_window,
            would_match_by_event_id: self.would_match_by_event_id,
            would_match_by_label_inference_id: self.would_match_by_label_inference_id,
            near_miss: self.near_miss.clone(),
            of_files: self.of_files.clone(),
        }
    }

    /// Writes the account to the log: one record with every count, and warnings.
    pub fn log(&self) {
        let ages = self.label_age_hours;
        tracing::info!(
            captures_read = self.captures_read,
            captures_bad = self.captures_bad,
            captures_duplicate = self.captures_duplicate,
            captures_repeated_event_id = self.captures_repeated_event_id,
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
            would_match_by_label_inference_id = self.would_match_by_label_inference_id,
            files_unreadable = self.files_unreadable,
            records_written = self.records_written,
            files_written = self.files_written,
            label_age_hours_p50 = ages.map(|ages| ages.p50),
            label_age_hours_p90 = ages.map(|ages| ages.p90),
            label_age_hours_p99 = ages.map(|ages| ages.p99),
            label_age_hours_max = ages.map(|ages| ages.max),
            "merge summary"
        );
        for BadRecord { file, line, problem, .. } in &self.bad_records {
            tracing::warn!(file, line, "skipped a bad record: {problem}");
        }
        if self.captures_bad + self.labels_bad > 0 {
            let (captures, labels) =
                (counted(self.captures_bad, "bad capture"), counted(self.labels_bad, "bad label"));
            tracing::warn!("skipped {captures} and {labels}");
        }
        if self.files_unreadable > 0 {
            tracing::warn!("{} cannot be read, at all or to the end", counted(self.files_unreadable, "file"));
        }
        if self.captures_duplicate > 0 {
            let captures = counted(self.captures_duplicate, "capture");
            tracing::warn!("{captures} delivered twice (equal eventId and inferenceId): merged once");
        }
        if self.captures_repeated_event_id > 0 {
            let captures = counted(self.captures_repeated_event_id, "capture");
            tracing::warn!(
                "event ids repeat: {captures} with the event id of another and another inference id, all merged"
            );
        }
        if self.labels_duplicate_conflict > 0 {
            let labels = counted(self.labels_duplicate_conflict, "label");
            tracing::warn!(
                "{labels} in conflict with another of the same id; `duplicate_ground_truth` says which counts"
            );
        }
        for FileWithoutRecords { file, looks_like, begins, .. } in
            self.files_without_records.iter().take(NAMED_RECORDS)
        {
            tracing::warn!(
                file,
                "no record of {file} can be used: it looks like {looks_like} and begins `{begins}`"
            );
        }
        if self.files_without_records.len() > NAMED_RECORDS {
            tracing::warn!("{} files without a usable record in all", self.files_without_records.len());
        }
        for file in self.skipped_files.iter().take(NAMED_RECORDS) {
            tracing::info!(
                file,
                "skipped {file}: it lists the inputs of a batch transform, which carry no ids"
            );
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
    fn every_field_of_the_summary_is_documented() {
        let page = include_str!("../../docs/merge-job.md");
        let summary = serde_json::to_value(Summary::default()).unwrap();
        for name in summary.as_object().unwrap().keys() {
            assert!(page.contains(&format!("`{name}`")), "{name} is not in docs/merge-job.md");
        }
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
}
