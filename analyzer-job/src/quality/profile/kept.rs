//! A profile whose segments are read again when they are asked for: they may hold more than all else that a run needs.

use std::fs::File;
use std::io::{Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use plumbline_common::{Result, input};

use super::{Profile, stored, unusable};
use crate::quality::segments::Segment;

/// The file stays open, so that it is the same one that is read again.
pub struct Kept {
    file: File,
    path: PathBuf,
    setting: &'static str,
}

impl Kept {
    /// Opens a file, and reads it without its segments, which are checked like all else.
    ///
    /// # Errors
    /// `CONSTRAINTS_UNREADABLE`: no profile, a damaged one, or one of another version.
    pub fn open(path: &Path, setting: &'static str) -> Result<(Kept, Profile)> {
        let file = input::open_file(path).map_err(|error| unusable(path, setting, error.to_string()))?;
        let whole = stored::read(&file, &mut |_, _| {}).map_err(|found| unusable(path, setting, found))?;
        Ok((Kept { file, path: path.into(), setting }, whole))
    }

    /// Gives each segment, with the names of its columns.
    ///
    /// # Errors
    /// As `open`.
    pub fn each_segment(
        &self,
        take: &mut dyn FnMut(&mut Segment, &mut dyn Iterator<Item = &str>),
    ) -> Result<()> {
        let failed = |found: String| unusable(&self.path, self.setting, found);
        (&self.file).seek(SeekFrom::Start(0)).map_err(|error| failed(error.to_string()))?;
        let mut each = |whole: &Profile, mut segment: Segment| {
            take(&mut segment, &mut whole.columns.iter().map(|column| column.name.as_str()));
        };
        stored::read(&self.file, &mut each).map(drop).map_err(failed)
    }
}
