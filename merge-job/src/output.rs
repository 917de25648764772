//! Merged files: `part-NNNNN-<uuid>.c000.jsonl` in the folder of the captures they come from.
//!
//! Where a record goes is settled in the order of the records; the bytes of a block are written
//! afterwards, by the thread that has the block. That opens the files too.

use std::collections::HashSet;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use plumbline_common::input::{self, InputFile};
use plumbline_common::output::{self as files, Results, SharedFile};
use plumbline_common::words::counted;
use plumbline_common::{Problem, Result, codes};
use uuid::Uuid;

use crate::inputs::Inputs;
use crate::task::MergeTask;

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
    /// Folders of which captures took part in the join and made no record, in their order.
    joined: Vec<PathBuf>,
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
    writes: Vec<PartWrite>,
}

#[derive(Debug)]
struct PartWrite {
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
        for PartWrite { file, at, text } in self.writes.drain(..) {
            file.write_at(self.text.get(text).unwrap_or_default(), at)?;
        }
        self.text.clear();
        Ok(())
    }
}

/// The name of a part. `seed` is the job's name, with the host's if hosts share the work: the same job on the same
/// folders writes the same names.
fn name(seed: &str, folder: &Path, number: u32) -> String {
    let text = format!("merge-job\n{seed}\n{}", folder.display());
    let id = Uuid::new_v5(&Uuid::NAMESPACE_URL, text.as_bytes());
    format!("part-{number:05}-{id}.c000.jsonl")
}

/// Bytes of a part's name up to the end of its number.
const NUMBER_BYTES: usize = "part-00000".len();

/// Whether a name is that of a part of this job in this folder.
fn is_own(name_of_file: &str, seed: &str, folder: &Path) -> bool {
    let own = name(seed, folder, 0);
    name_of_file.starts_with("part-") && name_of_file.get(NUMBER_BYTES..) == own.get(NUMBER_BYTES..)
}

/// Finds out before the work whether parts can be put where those of these captures belong, and whether the next run
/// would read what this one writes.
///
/// # Errors
/// `FILE_OPERATION_FAILED`: a folder of the output cannot hold files, or something else than a file has a part's name.
/// `SETTING_INVALID`: a part or the summary would lie in an input, or the summary is in the way of the parts.
pub(crate) fn check(task: &MergeTask, inputs: &Inputs) -> Result<()> {
    files::check_folder(&task.output)?;
    let sources = [
        ("dataset_source", &task.captures, &inputs.captures.folders),
        ("ground_truth_source", &task.ground_truth, &inputs.labels.folders),
    ];
    let check_apart = |of: (&str, &str), result: &Path| {
        sources
            .iter()
            .try_for_each(|(source, root, read)| files::check_not_among(of, result, source, (root, read)))
    };
    if let Some(summary) = &task.summary {
        check_apart(("summary", "summary_path"), summary)?;
    }
    check_apart(("output", "output_path"), &task.output)?;
    check_summary(task, &task.output)?;
    let folders: HashSet<&Path> = inputs.captures.files.iter().map(InputFile::folder).collect();
    let mut folders: Vec<&Path> = folders.into_iter().collect();
    folders.sort_unstable();
    for folder in folders {
        let place = task.output.join(folder);
        check_apart(("output", "output_path"), &place)?;
        check_summary(task, &place)?;
        files::check_file(&place.join(name(&task.seed, folder, 0)))?;
        for entry in fs::read_dir(&place).into_iter().flatten().flatten() {
            if is_own(&entry.file_name().to_string_lossy(), &task.seed, folder) {
                files::check_file(&entry.path())?;
            }
        }
    }
    Ok(())
}

/// Refuses a summary that stands where a folder of parts is to be, or has the name of a part in one or lies below it.
fn check_summary(task: &MergeTask, folder: &Path) -> Result<()> {
    let Some(path) = &task.summary else { return Ok(()) };
    let has_place_of_part = |path: &Path| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("part-"))
            && path.parent().is_some_and(|parent| files::are_one(parent, folder))
    };
    if !files::lies_in(folder, path) && !path.ancestors().any(has_place_of_part) {
        return Ok(());
    }
    Err(Problem::new(&codes::SETTING_INVALID, "the summary would be in the way of the merged files")
        .field("summary_path")
        .found(format!("`{}`, while merged files go to `{}`", path.display(), folder.display()))
        .expected("a file that is no folder of merged files and is not named as they are, or a folder with `/` behind it"))
}

impl Parts {
    pub(crate) fn new(output: &Path, scratch: &Path, seed: &str) -> Parts {
        Parts {
            output: output.into(),
            scratch: scratch.into(),
            seed: seed.into(),
            part_bytes: PART_BYTES,
            open: None,
            joined: Vec::new(),
            results: Results::default(),
            writes: Writes::default(),
            files: 0,
            records: 0,
        }
    }

    /// Notes that a capture of a folder took part in the join and makes no record.
    pub(crate) fn joins(&mut self, folder: &Path) {
        if self.joined.last().is_none_or(|last| last.as_os_str() != folder.as_os_str()) {
            self.joined.push(folder.into());
        }
    }

    /// Adds one record, given in parts. Records of one folder must come one after the other.
    pub(crate) fn add(&mut self, folder: &Path, parts: &[&[u8]]) {
        let bytes: u64 = parts.iter().map(|part| part.len() as u64).sum();
        let number = match &self.open {
            // As text, which is faster than part by part.
            Some(part) if part.folder.as_os_str() != folder.as_os_str() => Some(0),
            Some(part) if part.bytes > 0 && part.bytes + bytes > self.part_bytes => Some(part.number + 1),
            Some(_) => None,
            None => Some(0),
        };
        if let Some(number) = number {
            let path = self.output.join(folder).join(name(&self.seed, folder, number));
            let file = self.results.begin_shared(&path, &self.scratch);
            self.open = Some(OpenPart { folder: folder.into(), number, bytes: 0, file });
            self.files += 1;
        }
        if let Some(part) = &mut self.open {
            let start = self.writes.text.len();
            for text in parts {
                self.writes.text.extend_from_slice(text);
            }
            let end = self.writes.text.len();
            match self.writes.writes.last_mut() {
                Some(last) if last.file.is_same(&part.file) => last.text.end = end,
                _ => {
                    let write = PartWrite { file: part.file.clone(), at: part.bytes, text: start..end };
                    self.writes.writes.push(write);
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

    /// Gives the files their names, once all writes are performed. Then takes away the parts that an earlier run of the
    /// same job wrote for captures that this one joined too, and that this one did not write: they have fewer parts, or
    /// no label any more. Parts of other captures and other jobs stay and are told of.
    ///
    /// # Errors
    /// A file cannot be written or named; then everything is as it was before.
    pub(crate) fn publish(self) -> Result<()> {
        let Parts { output, seed, open, joined, results, writes, .. } = self;
        // Nobody may hold a file that is to be named.
        drop((open, writes));
        let written: HashSet<PathBuf> = results.publish_below(&output)?.into_iter().collect();
        let folders = written.iter().filter_map(|path| path.parent()?.strip_prefix(&output).ok());
        let joined: HashSet<&Path> = joined.iter().map(PathBuf::as_path).chain(folders).collect();
        let (mut removed, mut others) = (Vec::new(), Vec::new());
        for file in input::list(&output).unwrap_or_default().files {
            let name = file.path.file_name().unwrap_or_default().to_string_lossy();
            if !name.starts_with("part-") || written.contains(&file.path) {
                continue;
            }
            let is_left_over = is_own(&name, &seed, file.folder()) && joined.contains(file.folder());
            if is_left_over && fs::remove_file(&file.path).is_ok() {
                removed.push(file.path);
            } else {
                others.push(file.path);
            }
        }
        if let Some(first) = removed.first() {
            tracing::warn!(
                "removed {} that an earlier run of this job had written and this one had no record for: {}",
                counted(removed.len() as u64, "merged file"),
                first.display()
            );
        }
        if let Some(first) = others.first() {
            let them = if others.len() == 1 { "it" } else { "them" };
            tracing::warn!(
                "{} in {} not written by this run: another job wrote {them}, or this run joined no captures of the \
                 folder: {}; whoever reads the output reads {them} too: remove {them}, or give each run an output of \
                 its own",
                counted(others.len() as u64, "merged file"),
                output.display(),
                first.display()
            );
        }
        Ok(())
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
            parts.joins(Path::new("2024/01"));
            (0..records).for_each(|_| parts.add(Path::new("2024/01"), &[b"1\n"]));
            let mut writes = Writes::default();
            parts.take_writes(&mut writes);
            writes.perform().unwrap();
            parts.publish().unwrap();
            input::files(root.path()).unwrap().len()
        };
        assert_eq!((run("job", 3), run("other", 2)), (3, 5));
        assert_eq!((run("job", 1), run("other", 3)), (3, 4));
        assert_eq!((run("job", 0), run("other", 0)), (3, 0));
    }

    #[test]
    fn parts_of_captures_that_were_not_joined_stay() {
        let root = tempfile::tempdir().unwrap();
        let run = |folder: &str| {
            let mut parts = Parts::new(root.path(), root.path(), "job");
            parts.joins(Path::new(folder));
            parts.add(Path::new(folder), &[b"1\n"]);
            let mut writes = Writes::default();
            parts.take_writes(&mut writes);
            writes.perform().unwrap();
            parts.publish().unwrap();
            input::files(root.path()).unwrap().len()
        };
        assert_eq!((run("2024/01"), run("2024/02"), run("2024")), (1, 2, 3));
    }
}
