//! What joining captures with their labels left: judged when all parts are there, as a merge of all captures is.

use std::path::Path;

use merge_job::Evidence;
use plumbline_common::Result;
use serde::{Deserialize, Serialize};

/// Of a part of the captures, and all labels.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joined(pub Evidence);

/// Of the captures or labels; more bad ones than that are no accident.
const MOST_BAD: f64 = 0.5;

impl Joined {
    pub fn merge(&mut self, other: Joined) {
        self.0.merge(other.0);
    }

    /// Captures that were read.
    pub fn captures(&self) -> u64 {
        self.0.captures()
    }

    /// Judges all captures. `needs_labels`: a label at least must be found; `captures`: where they come from.
    ///
    /// # Errors
    /// `NO_DATA`, `TOO_MANY_BAD_RECORDS`, `NOTHING_MATCHES`.
    pub fn judge(&self, needs_labels: bool, captures: &Path) -> Result<()> {
        merge_job::judge(&self.0, needs_labels, MOST_BAD, captures)
    }

    /// Judges the labels, which are all there, against no capture.
    ///
    /// # Errors
    /// `TOO_MANY_BAD_RECORDS`.
    pub fn judge_labels(&self) -> Result<()> {
        merge_job::judge(&self.0.of_labels(), false, MOST_BAD, Path::new(""))
    }
}
