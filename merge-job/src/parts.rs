//! Merged files: `part-NNNNN-<uuid>.c000.jsonl` in the folder of the captures they come from.

use std::io::Write;
use std::path::{Path, PathBuf};

use plumbline_common::output::{OutputFile, Results};
use plumbline_common::{Problem, Result};
use uuid::Uuid;

/// A part ends before the record that would make it larger than this.
const PART_BYTES: u64 = 128 << 20;

/// The merged files of a run. None has a name before `publish`.
#[derive(Debug)]
pub(crate) struct Parts {
    output: PathBuf,
    scratch: PathBuf,
    /// What makes the names of this job its own.
    seed: String,
    part_bytes: u64,
    open: Option<Part>,
    results: Results,
    pub(crate) files: u64,
    pub(crate) records: u64,
}

#[derive(Debug)]
struct Part {
    folder: PathBuf,
    number: u32,
    bytes: u64,
    file: OutputFile,
}

impl Parts {
    /// `seed` is the job's name, with the host's if hosts share the work: the same job on the same
    /// folders writes the same names.
    pub(crate) fn new(output: &Path, scratch: &Path, seed: &str) -> Parts {
        Parts {
            output: output.into(),
            scratch: scratch.into(),
            seed: seed.into(),
            part_bytes: PART_BYTES,
            open: None,
            results: Results::default(),
            files: 0,
            records: 0,
        }
    }

    /// Writes one record, given in pieces. Records of one folder must come one after the other.
    ///
    /// # Errors
    /// The file cannot be created or written to.
    pub(crate) fn write(&mut self, folder: &Path, pieces: &[&[u8]]) -> Result<()> {
        let bytes: u64 = pieces.iter().map(|piece| piece.len() as u64).sum();
        let number = match &self.open {
            Some(part) if part.folder != folder => Some(0),
            Some(part) if part.bytes > 0 && part.bytes + bytes > self.part_bytes => Some(part.number + 1),
            Some(_) => None,
            None => Some(0),
        };
        if let Some(number) = number {
            self.finish()?;
            let path = self.output.join(folder).join(self.name(folder, number));
            let file = OutputFile::create(&path, &self.scratch)?;
            self.open = Some(Part { folder: folder.into(), number, bytes: 0, file });
            self.files += 1;
        }
        if let Some(part) = &mut self.open {
            for piece in pieces {
                part.file
                    .write_all(piece)
                    .map_err(|error| Problem::io("write the merged records", part.file.path(), error))?;
            }
            part.bytes += bytes;
            self.records += 1;
        }
        Ok(())
    }

    fn name(&self, folder: &Path, number: u32) -> String {
        let text = format!("merge-job\n{}\n{}", self.seed, folder.display());
        let id = Uuid::new_v5(&Uuid::NAMESPACE_URL, text.as_bytes());
        format!("part-{number:05}-{id}.c000.jsonl")
    }

    fn finish(&mut self) -> Result<()> {
        match self.open.take() {
            Some(part) => self.results.add(part.file),
            None => Ok(()),
        }
    }

    /// Gives the files their names; returns the paths.
    ///
    /// # Errors
    /// A file cannot be written or named; then none is left.
    pub(crate) fn publish(mut self) -> Result<Vec<PathBuf>> {
        self.finish()?;
        self.results.publish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_never_grows_beyond_its_size_unless_one_record_does() {
        let root = tempfile::tempdir().unwrap();
        let mut parts = Parts::new(root.path(), root.path(), "job");
        parts.part_bytes = 10;
        for record in ["1234\n", "6789\n", "x\n", "much too long\n", "y\n"] {
            parts.write(Path::new("2024/01"), &[record.as_bytes()]).unwrap();
        }
        parts.write(Path::new("2024/02"), &[b"z\n"]).unwrap();
        let paths = parts.publish().unwrap();
        let texts: Vec<_> = paths.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
        assert_eq!(texts, ["1234\n6789\n", "x\n", "much too long\n", "y\n", "z\n"]);
        let name = |idx: usize| paths[idx].file_name().unwrap().to_str().unwrap().to_string();
        assert!(name(1).starts_with("part-00001-") && name(1).ends_with(".c000.jsonl"));
        assert_eq!(name(0)[10..], name(1)[10..]);
        assert_ne!(name(0)[10..], name(4)[10..]);
    }
}
