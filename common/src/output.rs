//! Result files that appear whole or not at all.
//!
//! A file is written without a name in the output folder (`O_TMPFILE`) and linked to its final name
//! when it is complete, so a kill leaves nothing behind and no byte is written twice. Where the file
//! system refuses, it is built in the scratch folder and copied.

use std::collections::VecDeque;
use std::fs::{self, File, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{Access, AtFlags, CWD, Mode, OFlags};
use tempfile::NamedTempFile;

use crate::{Problem, Result, codes};

const BUFFER_BYTES: usize = 1 << 18;

/// A result file on its way.
#[derive(Debug)]
pub struct OutputFile {
    path: PathBuf,
    writer: BufWriter<Unnamed>,
}

#[derive(Debug)]
enum Unnamed {
    Nameless(File),
    Scratch(NamedTempFile),
}

impl Unnamed {
    fn create(path: &Path, scratch: &Path) -> Result<Unnamed> {
        match nameless(existing_folder(path)) {
            Ok(file) => Ok(Unnamed::Nameless(file)),
            Err(_) => NamedTempFile::new_in(scratch)
                .map(Unnamed::Scratch)
                .map_err(|error| Problem::io("create a scratch file in", scratch, error)),
        }
    }

    fn file(&self) -> &File {
        match self {
            Unnamed::Nameless(file) => file,
            Unnamed::Scratch(file) => file.as_file(),
        }
    }
}

impl Write for Unnamed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Unnamed::Nameless(file) => file.write(bytes),
            Unnamed::Scratch(file) => file.as_file_mut().write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl OutputFile {
    /// Begins the file that will be `path`. `scratch` is only used where the file system of the
    /// output has no nameless files.
    ///
    /// # Errors
    /// Neither place can be written to.
    pub fn create(path: &Path, scratch: &Path) -> Result<OutputFile> {
        let unnamed = Unnamed::create(path, scratch)?;
        Ok(OutputFile { path: path.into(), writer: BufWriter::with_capacity(BUFFER_BYTES, unnamed) })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the file its name. An older file of that name is replaced.
    ///
    /// # Errors
    /// The last bytes cannot be written, or the name not be given.
    pub fn commit(self) -> Result<()> {
        let path = self.path;
        let unnamed = self
            .writer
            .into_inner()
            .map_err(|error| Problem::io("write the result", &path, error.into_error()))?;
        name(unnamed, &path)
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

/// A result file that several threads write to, each at a place of its own.
#[derive(Debug, Clone)]
pub struct SharedFile {
    path: Arc<Path>,
    unnamed: Arc<Unnamed>,
}

impl SharedFile {
    /// As `OutputFile::create`.
    ///
    /// # Errors
    /// As `OutputFile::create`.
    pub fn create(path: &Path, scratch: &Path) -> Result<SharedFile> {
        Ok(SharedFile { path: path.into(), unnamed: Arc::new(Unnamed::create(path, scratch)?) })
    }

    /// Writes `bytes` from byte `at` of the file on.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn write_at(&self, bytes: &[u8], at: u64) -> Result<()> {
        let written = self.unnamed.file().write_all_at(bytes, at);
        written.map_err(|error| Problem::io("write the result", &self.path, error))
    }

    pub fn is_same(&self, other: &SharedFile) -> bool {
        Arc::ptr_eq(&self.unnamed, &other.unnamed)
    }
}

/// Files that are whole and wait for their names until the work as a whole has succeeded.
///
/// A waiting file takes a file descriptor, so when there are many the oldest are named early. If the
/// work does not succeed after all (this value is dropped), those are taken back.
#[derive(Debug, Default)]
pub struct Results {
    waiting: VecDeque<(PathBuf, Arc<Unnamed>)>,
    named: Vec<PathBuf>,
}

/// Well below the usual limit of 1,024 open files.
const MOST_WAITING: usize = 600;

impl Results {
    /// Takes a file that is complete.
    ///
    /// # Errors
    /// Its last bytes cannot be written, or an older file not be named.
    pub fn add(&mut self, file: OutputFile) -> Result<()> {
        let path = file.path;
        let unnamed = file
            .writer
            .into_inner()
            .map_err(|error| Problem::io("write the result", &path, error.into_error()))?;
        self.wait(path, Arc::new(unnamed))
    }

    /// Takes a file that nobody begins another write to; writes that were begun hold copies of it.
    ///
    /// # Errors
    /// An older file cannot be named.
    pub fn add_shared(&mut self, file: SharedFile) -> Result<()> {
        self.wait(file.path.to_path_buf(), file.unnamed)
    }

    fn wait(&mut self, path: PathBuf, unnamed: Arc<Unnamed>) -> Result<()> {
        self.waiting.push_back((path, unnamed));
        while self.waiting.len() > MOST_WAITING {
            if self.waiting.front().is_some_and(|(_, unnamed)| Arc::strong_count(unnamed) > 1) {
                break;
            }
            self.name_oldest()?;
        }
        Ok(())
    }

    fn name_oldest(&mut self) -> Result<()> {
        if let Some((path, unnamed)) = self.waiting.pop_front() {
            let unnamed = Arc::try_unwrap(unnamed)
                .map_err(|_| Problem::new(&codes::INTERNAL, "a result is still being written").file(&path))?;
            name(unnamed, &path)?;
            self.named.push(path);
        }
        Ok(())
    }

    /// Gives all files their names, in the order they came; returns the paths.
    ///
    /// # Errors
    /// The first failure; the files named before it are taken back.
    pub fn publish(mut self) -> Result<Vec<PathBuf>> {
        while !self.waiting.is_empty() {
            self.name_oldest()?;
        }
        Ok(std::mem::take(&mut self.named))
    }
}

impl Drop for Results {
    fn drop(&mut self) {
        for path in self.named.drain(..) {
            // Best effort: the user must hear of the failure that led here, not of this one.
            let _ = fs::remove_file(path);
        }
    }
}

fn name(unnamed: Unnamed, path: &Path) -> Result<()> {
    let failed = |error| Problem::io("write the result", path, error);
    create_folder(path.parent().unwrap_or(Path::new("")))?;
    unnamed.file().set_permissions(Permissions::from_mode(0o644)).map_err(failed)?;
    let named = match unnamed {
        Unnamed::Nameless(file) => link(&file, path),
        Unnamed::Scratch(file) => publish(file, path),
    };
    named.map_err(failed)
}

/// Writes a whole file at once.
///
/// # Errors
/// As `OutputFile`.
pub fn write(path: &Path, bytes: &[u8], scratch: &Path) -> Result<()> {
    let mut file = OutputFile::create(path, scratch)?;
    file.write_all(bytes).map_err(|error| Problem::io("write the result", path, error))?;
    file.commit()
}

/// Creates a folder and its parents, readable by all.
///
/// # Errors
/// The folder cannot be created.
pub fn create_folder(path: &Path) -> Result<()> {
    let failed = |error| Problem::io("create the folder", path, error);
    let missing: Vec<_> = path.ancestors().take_while(|p| !p.as_os_str().is_empty() && !p.exists()).collect();
    fs::create_dir_all(path).map_err(failed)?;
    for folder in missing {
        fs::set_permissions(folder, Permissions::from_mode(0o755)).map_err(failed)?;
    }
    Ok(())
}

/// Finds out before the work whether files can be put into a folder, which may still have to be created.
/// Writes nothing.
///
/// # Errors
/// `FILE_OPERATION_FAILED`: the folder, or what is there of its path, cannot be written to.
pub fn check_folder(folder: &Path) -> Result<()> {
    let failed = |error| Problem::io("write results to", folder, error);
    let nearest = folder.ancestors().find(|path| path.exists()).unwrap_or(Path::new("."));
    if !nearest.is_dir() {
        return Err(failed(io::ErrorKind::NotADirectory.into()));
    }
    rustix::fs::access(nearest, Access::WRITE_OK | Access::EXEC_OK).map_err(|error| failed(error.into()))
}

/// The nearest folder above a path that is there: same file system as the file to come.
fn existing_folder(path: &Path) -> &Path {
    path.ancestors().skip(1).find(|folder| folder.is_dir()).unwrap_or(Path::new("."))
}

/// Where the kernel shows open files, by which a nameless one gets its name. A bare `chroot` lacks it.
const DESCRIPTORS: &str = "/proc/self/fd";

fn nameless(folder: &Path) -> io::Result<File> {
    fs::metadata(DESCRIPTORS)?;
    let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
    let file = rustix::fs::open(folder, flags, Mode::from_raw_mode(0o644))?;
    Ok(File::from(file))
}

fn link(file: &File, path: &Path) -> io::Result<()> {
    let descriptor = format!("{DESCRIPTORS}/{}", file.as_raw_fd());
    let try_link = || rustix::fs::linkat(CWD, &descriptor, CWD, path, AtFlags::SYMLINK_FOLLOW);
    match try_link() {
        Err(rustix::io::Errno::EXIST) => {
            fs::remove_file(path)?;
            Ok(try_link()?)
        }
        done => Ok(done?),
    }
}

fn publish(file: NamedTempFile, path: &Path) -> io::Result<()> {
    match file.persist(path) {
        Ok(_) => Ok(()),
        // Another file system than the scratch folder's.
        Err(error) => {
            let copied = fs::copy(error.file.path(), path);
            if copied.is_err() {
                let _ = fs::remove_file(path);
            }
            copied.map(|_| ())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_has_no_name_before_it_is_committed() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a/b/result.json");
        let mut file = OutputFile::create(&path, root.path()).unwrap();
        file.write_all(b"{}").unwrap();
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
        file.commit().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"{}");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
        write(&path, b"[]", root.path()).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"[]");
    }

    #[test]
    fn scratch_file_is_published_where_nameless_files_are_refused() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("result");
        let mut file = NamedTempFile::new_in(root.path()).unwrap();
        file.write_all(b"x").unwrap();
        publish(file, &path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"x");
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
    }

    #[test]
    fn failure_takes_back_what_was_named_before() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("taken")).unwrap();
        let file = |name: &str| OutputFile::create(&root.path().join(name), root.path()).unwrap();
        let mut results = Results::default();
        results.add(file("one")).unwrap();
        results.add(file("taken")).unwrap();
        assert!(results.publish().is_err());
        assert!(!root.path().join("one").exists());
    }

    #[test]
    fn shared_file_has_each_write_in_its_place_and_no_name_while_one_is_under_way() {
        let root = tempfile::tempdir().unwrap();
        let count = || fs::read_dir(root.path()).unwrap().count();
        let mut results = Results::default();
        let file = SharedFile::create(&root.path().join("shared"), root.path()).unwrap();
        let writer = file.clone();
        results.add_shared(file).unwrap();
        for n in 0..MOST_WAITING + 5 {
            results.add(OutputFile::create(&root.path().join(n.to_string()), root.path()).unwrap()).unwrap();
        }
        assert_eq!(count(), 0);
        writer.write_at(b"world", 6).unwrap();
        writer.write_at(b"hello ", 0).unwrap();
        drop(writer);
        results.publish().unwrap();
        assert_eq!(fs::read(root.path().join("shared")).unwrap(), b"hello world");
    }

    #[test]
    fn many_results_are_named_early_and_taken_back_when_the_work_fails() {
        let root = tempfile::tempdir().unwrap();
        let count = || fs::read_dir(root.path()).unwrap().count();
        let fill = |results: &mut Results, from: usize| {
            for n in from..from + MOST_WAITING + 5 {
                let path = root.path().join(n.to_string());
                results.add(OutputFile::create(&path, root.path()).unwrap()).unwrap();
            }
        };
        let mut results = Results::default();
        fill(&mut results, 0);
        assert_eq!(count(), 5);
        drop(results);
        assert_eq!(count(), 0);
        let mut results = Results::default();
        fill(&mut results, 0);
        assert_eq!(results.publish().unwrap().len(), count());
        assert_eq!(count(), MOST_WAITING + 5);
    }
}
