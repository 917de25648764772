//! Why records of one side cannot be used: how often for each reason, and what to do about the most frequent one.

use crate::evidence;
use crate::looks::{self, Kind};
use crate::record::Bad;

/// Reasons in the order in which they were first met. There are few: a place in a record is no part of a reason.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Reasons(Vec<Reason>);

#[derive(Debug, Clone, PartialEq)]
struct Reason {
    bad: Bad,
    count: u64,
    /// The first record, with the reason in words.
    first: String,
}

impl Reasons {
    pub(crate) fn count(&mut self, bad: Bad, words: impl FnOnce() -> String) {
        let bad = match bad {
            Bad::Malformed { .. } => Bad::Malformed { column: 0 },
            Bad::NotUtf8 { .. } => Bad::NotUtf8 { column: 0 },
            other => other,
        };
        match self.0.iter_mut().find(|reason| reason.bad == bad) {
            Some(reason) => reason.count += 1,
            None => self.0.push(Reason { bad, count: 1, first: words() }),
        }
    }

    /// As they are told, with what to do about each.
    pub(crate) fn evidence(&self, kind: Kind) -> Vec<evidence::Reason> {
        let told = |reason: &Reason| evidence::Reason {
            kind: format!("{:?}", reason.bad),
            count: reason.count,
            first: reason.first.clone(),
            hint: hint(kind, reason.bad).map(String::from),
        };
        self.0.iter().map(told).collect()
    }
}

/// What to do about a reason; none where the file's format is what matters.
fn hint(kind: Kind, bad: Bad) -> Option<&'static str> {
    match (kind, bad) {
        (_, Bad::WrongType { field: "groundTruthData.data", .. }) => {
            Some("write each label as one text or number; an object or a list as its JSON in a string")
        }
        (_, Bad::Null { field: "groundTruthData.data" }) => {
            Some("leave out the records whose label is not known yet")
        }
        (_, Bad::Missing { field: "groundTruthData.data" }) => Some(
            "the label stands in `data`: {\"groundTruthData\": {\"data\": \"1\", \"encoding\": \"CSV\"}, ...}",
        ),
        (_, Bad::WrongType { field: "groundTruthData", .. } | Bad::Null { field: "groundTruthData" }) => {
            Some(
                "`groundTruthData` is an object: {\"groundTruthData\": {\"data\": \"1\", \"encoding\": \"CSV\"}, ...}",
            )
        }
        (
            Kind::Label,
            Bad::Missing { field }
            | Bad::Null { field }
            | Bad::Empty { field }
            | Bad::WrongType { field, .. },
        ) if field.starts_with("eventMetadata") => Some(
            "each label names its capture, as {\"eventMetadata\": {\"eventId\": \"...\"}}, in exactly this spelling",
        ),
        (
            Kind::Capture,
            Bad::Missing { field }
            | Bad::Null { field }
            | Bad::Empty { field }
            | Bad::WrongType { field, .. },
        ) if field.starts_with("eventMetadata") => Some(
            "each capture has {\"eventMetadata\": {\"eventId\": \"...\"}}, in exactly this spelling, as the endpoint wrote it",
        ),
        (Kind::Capture, Bad::Null { field: "captureData" } | Bad::WrongType { field: "captureData", .. }) => {
            Some("`captureData` is an object, as the endpoint wrote it")
        }
        (Kind::Label, Bad::Missing { field: "groundTruthData" }) => Some(looks::LABELS_ARE),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_told_by_its_first_record_wherever_it_stands_in_a_record() {
        let mut reasons = Reasons::default();
        for (bad, words) in [
            (Bad::NotJson, "a"),
            (Bad::Malformed { column: 3 }, "b"),
            (Bad::Malformed { column: 7 }, "c"),
            (Bad::TooLong, "d"),
        ] {
            reasons.count(bad, || words.into());
        }
        let told: Vec<(u64, String)> =
            reasons.evidence(Kind::Capture).into_iter().map(|reason| (reason.count, reason.first)).collect();
        assert_eq!(told, [(1, "a".into()), (2, "b".into()), (1, "d".into())]);
    }
}
