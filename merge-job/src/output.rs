//! Merged files: `part-NNNNN-<uuid>.c000.jsonl` in the folder of the captures they come from.
//!
//! Where a record goes is settled in the order of the records; the bytes of a block are written
//! afterwards, by the thread that has the block. That opens the files too.

use std::collections::HashSet;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use plumbline_common::Result;
use plumbline_common::input;
use plumbline_common::output::{Results, SharedFile};
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
    open: Option<OpenPart>,
    results: Results,
    writes: Writes,
    pub(crate) files: u64,
    pub(crate) records: u64,
}

#[derive(Debug)]
struct OpenPart {
    folder: PathBuf,
    number: u32,
    bytes: u64,
    file: SharedFile,
}

/// What is to be written for a block.
#[derive(Debug, Default)]
pub(crate) struct Writes {
    text: Vec<u8>,
    pieces: Vec<Piece>,
}

#[derive(Debug)]
struct Piece {
    file: SharedFile,
    at: u64,
    text: Range<usize>,
}

impl Writes {
    /// Writes everything, and keeps nothing but the memory for the next block.
    ///
    /// # Errors
    /// A file cannot be written to.
    pub(crate) fn perform(&mut self) -> Result<()> {
        for Piece { file, at, text } in self.pieces.drain(..) {
            file.write_at(self.text.get(text).unwrap_or_default(), at)?;
        }
        self.text.clear();
        Ok(())
    }
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
            writes: Writes::default(),
            files: 0,
            records: 0,
        }
    }

    /// Adds one record, given in pieces. Records of one folder must come one after the other.
    pub(crate) fn add(&mut self, folder: &Path, pieces: &[&[u8]]) {
        let bytes: u64 = pieces.iter().map(|piece| piece.len() as u64).sum();
        let number = match &self.open {
            Some(part) if part.folder != folder => Some(0),
            Some(part) if part.bytes > 0 && part.bytes + bytes > self.part_bytes => Some(part.number + 1),
            Some(_) => None,
            None => Some(0),
        };
        if let Some(number) = number {
            let path = self.output.join(folder).join(self.name(folder, number));
            let file = self.results.begin_shared(&path, &self.scratch);
            self.open = Some(OpenPart { folder: folder.into(), number, bytes: 0, file });
            self.files += 1;
        }
        if let Some(part) = &mut self.open {
            let start = self.writes.text.len();
            for piece in pieces {
                self.writes.text.extend_from_slice(piece);
            }
            let end = self.writes.text.len();
            match self.writes.pieces.last_mut() {
                Some(last) if last.file.is_same(&part.file) => last.text.end = end,
                _ => {
                    let piece = Piece { file: part.file.clone(), at: part.bytes, text: start..end };
                    self.writes.pieces.push(piece);
                }
            }
            part.bytes += bytes;
            self.records += 1;
        }
    }

    /// Gives away the writes of the records so far, for `writes` without any.
    pub(crate) fn take_writes(&mut self, writes: &mut Writes) {
        std::mem::swap(&mut self.writes, writes);
    }

    fn name(&self, folder: &Path, number: u32) -> String {
        let text = format!("merge-job\n{}\n{}", self.seed, folder.display());
        let id = Uuid::new_v5(&Uuid::NAMESPACE_URL, text.as_bytes());
        format!("part-{number:05}-{id}.c000.jsonl")
    }

    /// Gives the files their names, once all writes are performed, and takes away parts that an earlier run of the
    /// same job wrote to the same folders and this one did not.
    ///
    /// # Errors
    /// A file cannot be written or named; then everything is as it was before.
    pub(crate) fn publish(self) -> Result<()> {
        let Parts { output, open, results, writes, .. } = self;
        // Nobody may hold a file that is to be named.
        drop((open, writes));
        let written: HashSet<PathBuf> = results.publish()?.into_iter().collect();
        let mut others = 0;
        for file in input::files(&output).unwrap_or_default() {
            let name = file.path.file_name().unwrap_or_default().to_string_lossy();
            if !name.starts_with("part-") || written.contains(&file.path) {
                continue;
            }
            // A part with a higher number than there are now.
            let first = name.get(NUMBER_BYTES..).map(|rest| format!("part-00000{rest}"));
            if first.is_some_and(|first| written.contains(&file.path.with_file_name(first))) {
                let _ = fs::remove_file(&file.path);
            } else {
                others += 1;
            }
        }
        if others > 0 {
            // Whoever reads the output reads everything in it.
            let parts = if others == 1 { "part of another run lies" } else { "parts of other runs lie" };
            tracing::warn!("{others} {parts} in {}", output.display());
        }
        Ok(())
    }
}

/// Bytes of a part's name up to the end of its number.
const NUMBER_BYTES: usize = "part-00000".len();

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_never_grows_beyond_its_size_unless_one_record_does() {
        let root = tempfile::tempdir().unwrap();
        let mut parts = Parts::new(root.path(), root.path(), "job");
        parts.part_bytes = 10;
        for record in ["1234\n", "6789\n", "x\n", "much too long\n", "y\n"] {
            parts.add(Path::new("2024/01"), &[record.as_bytes()]);
        }
        parts.add(Path::new("2024/02"), &[b"z\n"]);
        let mut writes = Writes::default();
        parts.take_writes(&mut writes);
        assert!(input::files(root.path()).unwrap().is_empty());
        writes.perform().unwrap();
        parts.publish().unwrap();
        let files = input::files(root.path()).unwrap();
        let paths: Vec<_> = files.iter().map(|file| file.path.clone()).collect();
        let texts: Vec<_> = paths.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
        assert_eq!(texts, ["1234\n6789\n", "x\n", "much too long\n", "y\n", "z\n"]);
        let name = |idx: usize| paths[idx].file_name().unwrap().to_str().unwrap().to_string();
        assert!(name(1).starts_with("part-00001-") && name(1).ends_with(".c000.jsonl"));
        assert_eq!(name(0)[10..], name(1)[10..]);
        assert_ne!(name(0)[10..], name(4)[10..]);
    }

    #[test]
    fn parts_that_an_earlier_run_has_more_of_are_taken_away() {
        let root = tempfile::tempdir().unwrap();
        let run = |seed: &str, records: usize| {
            let mut parts = Parts::new(root.path(), root.path(), seed);
            parts.part_bytes = 2;
            (0..records).for_each(|_| parts.add(Path::new("2024/01"), &[b"1\n"]));
            let mut writes = Writes::default();
            parts.take_writes(&mut writes);
            writes.perform().unwrap();
            parts.publish().unwrap();
            input::files(root.path()).unwrap().len()
        };
        assert_eq!((run("job", 3), run("other", 2)), (3, 5));
        assert_eq!((run("job", 1), run("other", 3)), (3, 4));
    }
}
