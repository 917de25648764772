//! The files of both sides.

use plumbline_common::Result;
use plumbline_common::input::{self, InputFile, Listing};

use crate::source::hour_of;
use crate::task::MergeTask;

/// What lies in the two folders.
pub(crate) struct Inputs {
    pub(crate) captures: Listing,
    /// In the order in which labels count: by hour, then path.
    pub(crate) labels: Listing,
}

impl Inputs {
    /// # Errors
    /// A folder cannot be read.
    pub(crate) fn of(task: &MergeTask) -> Result<Inputs> {
        let captures = input::list(&task.captures)?;
        let mut labels = input::list(&task.ground_truth)?;
        labels.files.sort_by_key(|file| hour_of(&task.ground_truth, file.folder()));
        Ok(Inputs { captures, labels })
    }

    /// These captures, with the same labels.
    pub(crate) fn with_captures(&self, files: Vec<InputFile>) -> Inputs {
        let labels = Listing { files: self.labels.files.clone(), ..Listing::default() };
        Inputs { captures: Listing { files, ..Listing::default() }, labels }
    }
}
