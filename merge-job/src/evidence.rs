//! What the verdict on a merge is founded on: counts, and the words that explain them. That of merges of different captures with the
//! same labels adds up to that of one merge of all captures.

use plumbline_common::words::counted;
use plumbline_common::{Problem, codes};
use serde::{Deserialize, Serialize};

/// How many ids are named.
pub(crate) const NAMED_IDS: usize = 3;

/// Of captures and labels, from their reading to the match.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    pub(crate) captures: Side,
    pub(crate) labels: Side,
    pub(crate) merged: u64,
    /// Captures without a label.
    pub(crate) unmatched: u64,
    pub(crate) outside_window: u64,
    pub(crate) would_match_by_event_id: u64,
    pub(crate) would_match_by_label_inference_id: u64,
    /// Ids of a capture and of a label that differ only in how they are written.
    pub(crate) near_miss: Option<(String, String)>,
    /// What to do with files without records, by what they look like.
    pub(crate) of_files: Vec<String>,
}

/// Of one side.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Side {
    pub(crate) read: u64,
    pub(crate) bad: u64,
    /// The first file that cannot be read, and why.
    pub(crate) unreadable: Option<String>,
    /// What the first file without records looks like.
    pub(crate) looks: Option<String>,
    /// What to do with the first such file that is of a known kind.
    pub(crate) hint_of_file: Option<String>,
    /// In the order in which they were first met.
    pub(crate) reasons: Vec<Reason>,
    /// Ids without a partner.
    pub(crate) sample: Vec<String>,
}

/// Why records are bad.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reason {
    /// Equal for equal reasons.
    pub(crate) kind: String,
    pub(crate) count: u64,
    /// The first record, with the reason in words.
    pub(crate) first: String,
    /// What to do about it.
    pub(crate) hint: Option<String>,
}

impl Evidence {
    /// Captures that were read.
    pub fn captures(&self) -> u64 {
        self.captures.read
    }

    /// The same labels against no capture.
    #[must_use]
    pub fn of_labels(&self) -> Evidence {
        Evidence { labels: self.labels.clone(), ..Evidence::default() }
    }

    /// Adds that of a merge of other captures with the same labels.
    pub fn merge(&mut self, other: Evidence) {
        self.captures.merge(other.captures);
        if self.labels == Side::default() {
            self.labels = other.labels;
        }
        for (mine, theirs) in [
            (&mut self.merged, other.merged),
            (&mut self.unmatched, other.unmatched),
            (&mut self.outside_window, other.outside_window),
            (&mut self.would_match_by_event_id, other.would_match_by_event_id),
            (&mut self.would_match_by_label_inference_id, other.would_match_by_label_inference_id),
        ] {
            *mine = mine.saturating_add(theirs);
        }
        self.near_miss = self.near_miss.take().or(other.near_miss);
        let new = other.of_files.into_iter().filter(|hint| !self.of_files.contains(hint)).collect::<Vec<_>>();
        self.of_files.extend(new);
    }

    /// What the counts tell about how to get more matches.
    pub(crate) fn hints(&self) -> Vec<String> {
        let mut hints = self.of_files.clone();
        let usable = self.merged.saturating_add(self.unmatched);
        if self.would_match_by_event_id > 0 {
            let count = self.would_match_by_event_id;
            let (captures, were) = (counted(count, "capture"), if count == 1 { "was" } else { "were" });
            hints.push(format!(
                "{captures} {were} sent with an inferenceId, but the labels name the eventId; let the labels name the \
                 inferenceId"
            ));
        }
        if self.would_match_by_label_inference_id > 0 {
            hints.push(format!(
                "the `inferenceId` of the labels would match {}; a label is known by its `eventId` alone, so the id belongs \
                 there",
                counted(self.would_match_by_label_inference_id, "capture")
            ));
        }
        if let Some((capture, label)) = &self.near_miss {
            hints.push(format!(
                "`{capture}` and `{label}` are different ids: they are compared as exact text"
            ));
        }
        let unreadable = self.labels.unreadable.as_ref();
        if let Some(file) = unreadable.filter(|_| self.merged == 0) {
            hints.push(format!("ground truth is not all there: {file}"));
        } else if self.labels.read == 0 {
            hints.push(
                "there is no ground truth: labels lie in the folder of the hour they were collected in; mount those \
                 hours too"
                    .into(),
            );
        } else if hints.is_empty() && usable > 0 && self.merged.saturating_mul(10) < usable {
            hints.push(
                "few captures found a label: compare the sample ids, and see that the hours in which the labels were \
                 collected are mounted"
                    .into(),
            );
        }
        hints
    }

    /// The failure of a run without a match.
    pub(crate) fn nothing_matches(&self) -> Problem {
        let ids = |ids: &[String]| {
            let ids: Vec<_> = ids.iter().map(|id| format!("`{id}`")).collect();
            if ids.is_empty() { String::new() } else { format!(" (ids {})", ids.join(", ")) }
        };
        let problem = Problem::new(
            &codes::NOTHING_MATCHES,
            format!(
                "merged 0 of {} captures{}: none has a label among {}{}",
                self.captures.read,
                ids(&self.captures.sample),
                counted(self.labels.read, "label"),
                ids(&self.labels.sample)
            ),
        );
        let mut hints = self.hints();
        for (side, noun) in [(&self.captures, "bad capture"), (&self.labels, "bad label")] {
            if let Some(reason) = side.most_frequent() {
                hints.insert(0, format!("{}, such as: {}", counted(side.bad, noun), reason.first));
            }
        }
        if self.outside_window > 0 {
            let verb = if self.outside_window == 1 { "lies" } else { "lie" };
            let captures = counted(self.outside_window, "capture");
            hints.push(format!("{captures} {verb} outside the time window"));
        }
        if hints.is_empty() { problem } else { problem.hint(hints.join("; ")) }
    }
}

impl Side {
    fn merge(&mut self, other: Side) {
        self.read = self.read.saturating_add(other.read);
        self.bad = self.bad.saturating_add(other.bad);
        self.unreadable = self.unreadable.take().or(other.unreadable);
        self.looks = self.looks.take().or(other.looks);
        self.hint_of_file = self.hint_of_file.take().or(other.hint_of_file);
        for reason in other.reasons {
            match self.reasons.iter_mut().find(|known| known.kind == reason.kind) {
                Some(known) => known.count = known.count.saturating_add(reason.count),
                None => self.reasons.push(reason),
            }
        }
        self.sample.extend(other.sample);
        self.sample.truncate(NAMED_IDS);
    }

    /// Of equally frequent ones the first.
    pub(crate) fn most_frequent(&self) -> Option<&Reason> {
        self.reasons.iter().rev().max_by_key(|reason| reason.count)
    }
}
