//! The account of a run in the making: every record read is in exactly one of the counts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use plumbline_common::{Problem, Result, codes};

use crate::batch::{Placed, Stretch};
use crate::evidence::NAMED_IDS;
use crate::hours;
use crate::labels::Labels;
use crate::looks;
use crate::looks::Kind;
use crate::record::{Bad, Capture, Label};
use crate::settings::OnBadRecord;
use crate::summary::{BadRecord, FileWithoutRecords, NAMED_RECORDS, Summary, quantiles};

/// Unmatched ids that are kept to look for near misses.
const NEAR_MISSES_AMONG: usize = 1000;

/// What became of a captured record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Bad(Bad),
    /// Left out by the time window.
    Outside,
    /// Delivered before.
    Again,
    /// `by_event_id`: its event id has a label, beside an inference id that has none.
    NoLabel {
        by_event_id: bool,
    },
    Merged,
}

/// A summary in the making.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) summary: Summary,
    on_bad_record: OnBadRecord,
    ages: BTreeMap<i64, u64>,
    labels_unmatched: BTreeSet<Vec<u8>>,
    unmatched_keys: Vec<Vec<u8>>,
    /// The file that is being read: whether it has good records, and any; how it begins.
    file: (bool, bool, Vec<u8>),
    /// A label has an inference id beside its event id.
    pub(crate) has_labels_with_both_ids: bool,
}

impl Account {
    pub(crate) fn new(on_bad_record: OnBadRecord) -> Account {
        Account {
            summary: Summary::default(),
            on_bad_record,
            ages: BTreeMap::new(),
            labels_unmatched: BTreeSet::new(),
            unmatched_keys: Vec::new(),
            file: Default::default(),
            has_labels_with_both_ids: false,
        }
    }

    /// Counts a captured record. `label_hour`: the hour in whose folder its label lay, as hours since 1970.
    ///
    /// # Errors
    /// It is bad and the job shall stop at the first.
    pub(crate) fn capture(
        &mut self,
        record: &Placed<Capture>,
        fate: Fate,
        label_hour: Option<i64>,
    ) -> Result<()> {
        if fate == Fate::Bad(Bad::Unreadable) {
            return self.bad(Kind::Capture, record, Bad::Unreadable);
        }
        self.summary.captures_read += 1;
        match fate {
            Fate::Bad(bad) => self.bad(Kind::Capture, record, bad)?,
            Fate::Outside => self.summary.captures_outside_window += 1,
            Fate::Again => self.summary.captures_duplicate += 1,
            Fate::Merged => {
                self.summary.merged += 1;
                let time = record.what.as_ref().ok().and_then(|capture| capture.time.seconds());
                if let (Some(request), Some(hour)) = (time, label_hour) {
                    *self.ages.entry(hour - hours::hour_of(request)).or_default() += 1;
                }
            }
            Fate::NoLabel { by_event_id } => {
                self.summary.captures_unmatched += 1;
                self.summary.would_match_by_event_id += u64::from(by_event_id);
                if self.unmatched_keys.len() < NEAR_MISSES_AMONG
                    && let Ok(capture) = record.what
                {
                    self.unmatched_keys.push(record.texts.of(capture.key).to_vec());
                }
            }
        }
        Ok(())
    }

    /// Counts a ground-truth record; the label when it can be used.
    ///
    /// # Errors
    /// As `capture`.
    pub(crate) fn label<'a>(&mut self, record: &Placed<'a, Label>) -> Result<Option<&'a Label>> {
        match record.what {
            Ok(label) => {
                self.summary.labels_read += 1;
                self.has_labels_with_both_ids |= label.inference_id_beside.is_some();
                Ok(Some(label))
            }
            Err(bad) => {
                self.summary.labels_read += u64::from(*bad != Bad::Unreadable);
                self.bad(Kind::Label, record, *bad)?;
                Ok(None)
            }
        }
    }

    fn bad<T>(&mut self, kind: Kind, record: &Placed<T>, bad: Bad) -> Result<()> {
        let problem = problem(kind, record, bad);
        if self.on_bad_record == OnBadRecord::Fail {
            return Err(problem.hint("with `on_bad_record=skip` such records are left out and counted"));
        }
        match (bad, kind) {
            (Bad::Unreadable, _) => {
                self.summary.files_unreadable += 1;
                self.summary.of_side_mut(kind).unreadable.get_or_insert_with(|| problem.to_string());
            }
            (_, Kind::Capture) => self.summary.captures_bad += 1,
            (_, Kind::Label) => self.summary.labels_bad += 1,
        }
        if bad != Bad::Unreadable {
            self.summary.of_side_mut(kind).reasons.count(bad, || problem.to_string());
        }
        let named = self.summary.bad_records.iter().filter(|bad| bad.side == kind.name()).count();
        if named < NAMED_RECORDS {
            let file = record.origin.name.display().to_string();
            self.summary.bad_records.push(BadRecord {
                side: kind.name(),
                file,
                line: record.line,
                problem: problem.to_string(),
            });
        }
        Ok(())
    }

    /// Takes note of the files that records are of; one without any good record is named.
    pub(crate) fn files<'a>(&mut self, kind: Kind, stretches: impl Iterator<Item = Stretch<'a>>) {
        for Stretch { origin, first, last, head, has_good, has_records } in stretches {
            if first {
                self.file = (false, false, head.to_vec());
            }
            self.file.0 |= has_good;
            self.file.1 |= has_records;
            let (has_good, has_records, head) = &self.file;
            if last && !has_good && *has_records && !head.is_empty() {
                let look = looks::of(kind, head);
                let hint_of_side = &mut self.summary.of_side_mut(kind).hint_of_file;
                *hint_of_side = hint_of_side.or(look.hint);
                let of_files = &mut self.summary.of_files;
                if let Some(hint) = look.hint.filter(|hint| !of_files.iter().any(|known| known == hint)) {
                    of_files.push(hint.to_string());
                }
                let file = origin.name.display().to_string();
                let begins = looks::beginning(head);
                let looks_like = look.name.to_string();
                self.summary.files_without_records.push(FileWithoutRecords {
                    side: kind.name(),
                    file,
                    looks_like,
                    begins,
                });
            }
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

    /// Nothing matched, and this label is read once more to find out why: is there a capture among those without a
    /// label whose id differs only in how it is written?
    pub(crate) fn compare(&mut self, keys: &NearKeys, id: &[u8]) {
        if self.summary.near_miss.is_none()
            && let Some(key) = keys.0.get(&near(id))
        {
            self.summary.near_miss = Some((shown(key), shown(id)));
        }
    }

    pub(crate) fn near_keys(&self) -> NearKeys {
        let keys = self.unmatched_keys.iter().rev();
        NearKeys(keys.map(|key| (near(key), key.clone())).collect())
    }

    /// The summary, once every count stands.
    pub(crate) fn finish(mut self, skipped: &[PathBuf]) -> Summary {
        self.summary.label_age_hours = quantiles(&self.ages);
        self.summary.skipped_files = skipped.iter().map(|path| path.display().to_string()).collect();
        let samples = &mut self.summary.sample_ids;
        samples.captures_unmatched = self.unmatched_keys.iter().take(NAMED_IDS).map(|id| shown(id)).collect();
        samples.labels_unmatched = self.labels_unmatched.iter().map(|id| shown(id)).collect();
        self.summary.hints = self.summary.evidence().hints();
        self.summary
    }
}

/// Ids of captures by what is left of them without letter case, blanks, leading zeros and a decimal `.0`.
pub(crate) struct NearKeys(BTreeMap<Vec<u8>, Vec<u8>>);

fn near(id: &[u8]) -> Vec<u8> {
    let id = id.trim_ascii().to_ascii_lowercase();
    let zeros = id.iter().take_while(|&&byte| byte == b'0').count();
    let id = id.get(zeros..).unwrap_or_default();
    let whole = id.iter().position(|&byte| byte == b'.').filter(|&dot| {
        let (digits, zeros) = id.split_at(dot);
        digits.iter().all(u8::is_ascii_digit)
            && zeros.len() > 1
            && zeros[1..].iter().all(|&byte| byte == b'0')
    });
    id.get(..whole.unwrap_or(id.len())).unwrap_or_default().to_vec()
}

fn shown(id: &[u8]) -> String {
    let text = String::from_utf8_lossy(id);
    if text.chars().count() <= 64 {
        text.into_owned()
    } else {
        text.chars().take(61).chain("...".chars()).collect()
    }
}

fn problem<T>(kind: Kind, record: &Placed<T>, bad: Bad) -> Problem {
    let what = match kind {
        Kind::Capture => "captured record",
        Kind::Label => "ground-truth record",
    };
    let problem = |why: &str| {
        Problem::new(&codes::BAD_RECORD, format!("cannot use a {what}, {why}"))
            .file(&record.origin.name)
            .line(record.line)
    };
    match bad {
        Bad::Malformed { column } => problem(&format!("it is malformed JSON at byte {column}")),
        Bad::NotUtf8 { column } => problem(&format!("it is not UTF-8 at byte {column}")),
        Bad::NotJson => problem("it is not JSON"),
        Bad::NotAnObject => problem("it is not a JSON object"),
        Bad::Interrupted => problem("it does not end before the next record"),
        Bad::TooLong => problem("it is longer than a record may be").expected("at most 256 MiB"),
        Bad::OtherSide => {
            let (is, sides) = match kind {
                Kind::Capture => ("a ground-truth record", "captured records"),
                Kind::Label => ("a captured record", "ground-truth records"),
            };
            problem(&format!("it is {is} among {sides}"))
        }
        Bad::Missing { field } => problem(&format!("`{field}` is missing")),
        Bad::Null { field } => problem(&format!("`{field}` is null")),
        Bad::Empty { field } => problem(&format!("`{field}` is empty")),
        Bad::WrongType { field, expected } => problem("it has a wrong type").field(field).expected(expected),
        Bad::NotABatchRow => problem(
            "it is neither a JSON object nor a row whose last two columns are an inference id and a time",
        ),
        Bad::BrokenRow => problem(
            "it is neither a JSON object nor a row of CSV: text stands behind the closing quote of a cell",
        ),
        Bad::HalfRow => problem("it may be the end of the damaged row before it"),
        Bad::NoPayload => problem("it is a row with an inference id and a time and no other column"),
        Bad::Unreadable => {
            let problem = Problem::new(&codes::BAD_RECORD, "a file cannot be read to its end");
            let problem = problem.file(&record.origin.name);
            let problem = if record.line > 1 { problem.line(record.line) } else { problem };
            problem.found(record.why.unwrap_or("nothing is known of the reason"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smallest_unmatched_labels_are_named_in_any_order() {
        for ids in [["d", "a", "c", "b"], ["a", "b", "c", "d"]] {
            let mut account = Account::new(OnBadRecord::Skip);
            ids.iter().for_each(|id| account.unmatched_label(id.as_bytes()));
            let summary = account.finish(&[]);
            assert_eq!(summary.sample_ids.labels_unmatched, ["a", "b", "c"]);
            assert_eq!(summary.labels_unmatched, 4);
        }
    }

    #[test]
    fn ids_are_near_that_differ_in_how_they_are_written() {
        let alike = |a: &str, b: &str| near(a.as_bytes()) == near(b.as_bytes());
        for (a, b) in [("Abc ", "abc"), ("0070", "70"), ("1000", "1000.0"), ("1000.00", "1000")] {
            assert!(alike(a, b), "{a} {b}");
        }
        for (a, b) in [("1000", "1000.5"), ("a.0", "a"), ("1000", "10"), ("1.", "1")] {
            assert!(!alike(a, b), "{a} {b}");
        }
    }
}
