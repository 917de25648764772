//! Result files that appear whole or not at all.
//!
//! A file is written without a name in the output folder (`O_TMPFILE`) and linked to its final name when the
//! work as a whole has succeeded, so a kill leaves nothing behind and no byte is written twice. Two cases take
//! another way: the file system refuses nameless files, or more results wait than the process may have open files.
//! Their bytes wait in a nameless scratch file and are copied at the end. A name is only ever given to a whole
//! file, and a file of that name is replaced by a rename.
//!
//! `waiting` holds the bytes until then, `publish` gives the names, `place` looks at the folders before the work.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::Result;

mod place;
mod publish;
mod waiting;

pub use place::{
    are_one, check_apart, check_file, check_folder, check_name, check_not_among, check_outside,
    create_folder, lies_in,
};
pub use waiting::{Results, SharedFile};

const BUFFER_BYTES: usize = 1 << 18;

/// A result file that is being written from end to end.
#[derive(Debug)]
pub struct OutputFile {
    path: PathBuf,
    scratch: PathBuf,
    writer: BufWriter<File>,
    /// The bytes wait in a scratch file.
    is_scratch: bool,
    bytes: u64,
}

impl OutputFile {
    /// Begins the file that will be `path`. `scratch` is only used where the file system of the
    /// output has no nameless files.
    ///
    /// # Errors
    /// Neither place can be written to.
    pub fn create(path: &Path, scratch: &Path) -> Result<OutputFile> {
        let (file, is_scratch) = match place::nameless(place::existing_folder(path)) {
            Ok(file) => (file, false),
            Err(_) => (waiting::scratch_file(scratch)?, true),
        };
        let writer = BufWriter::with_capacity(BUFFER_BYTES, file);
        Ok(OutputFile { path: path.into(), scratch: scratch.into(), writer, is_scratch, bytes: 0 })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the file its name. An older file of that name is replaced.
    ///
    /// # Errors
    /// The last bytes cannot be written, or the name not be given.
    pub fn commit(self) -> Result<()> {
        let mut results = Results::default();
        results.add(self)?;
        results.publish().map(|_| ())
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.writer.write(bytes)?;
        self.bytes += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

/// Writes a whole file at once.
///
/// # Errors
/// As `OutputFile`.
pub fn write(path: &Path, bytes: &[u8], scratch: &Path) -> Result<()> {
    let mut results = Results::default();
    results.write(path, bytes, scratch)?;
    results.publish().map(|_| ())
}
