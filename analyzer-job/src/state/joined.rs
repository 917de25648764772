//! What joining captures with their labels left: judged when all parts are there, as a merge of all captures is.

use plumbline_common::{Problem, codes};
use serde::{Deserialize, Serialize};

/// Counts of captures.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joined {
    pub captures: u64,
    pub bad: u64,
    /// Why the first bad one cannot be used.
    pub first_bad: Option<String>,
    /// Captures that found their label.
    pub merged: u64,
}

/// Of the captures; more bad ones than that are no accident.
const MOST_BAD: f64 = 0.5;

impl Joined {
    pub fn merge(&mut self, other: Joined) {
        self.captures = self.captures.saturating_add(other.captures);
        self.bad = self.bad.saturating_add(other.bad);
        self.merged = self.merged.saturating_add(other.merged);
        self.first_bad = self.first_bad.take().or(other.first_bad);
    }

    /// Judges all captures. `needs_labels`: a label at least must be found.
    ///
    /// # Errors
    /// `TOO_MANY_BAD_RECORDS`, `NOTHING_MATCHES`.
    pub fn judge(&self, needs_labels: bool) -> plumbline_common::Result<()> {
        let Joined { captures, bad, first_bad, merged } = self;
        if *bad as f64 > MOST_BAD * *captures as f64 {
            let what =
                format!("{bad} of {captures} captures cannot be used, more than `max_bad_fraction` allows");
            let first = first_bad.as_deref().unwrap_or_default();
            return Err(Problem::new(&codes::TOO_MANY_BAD_RECORDS, what).found(format!("the first: {first}")));
        }
        if needs_labels && *merged == 0 && *captures > 0 {
            let what = format!("merged 0 of {captures} captures: none has a label");
            return Err(Problem::new(&codes::NOTHING_MATCHES, what).hint(
                "the log of each part has sample ids of both sides; see that the hours in which the labels were collected are \
                 mounted",
            ));
        }
        Ok(())
    }
}
