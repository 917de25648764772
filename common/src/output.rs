//! Result files that appear whole or not at all.
//!
//! A file is written without a name in the output folder (`O_TMPFILE`) and linked to its final name
//! when it is complete, so a kill leaves nothing behind and no byte is written twice. Where the file
//! system refuses, it is built in the scratch folder and copied.

use std::fs::{self, File, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use tempfile::NamedTempFile;

use crate::{Problem, Result};

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
        let unnamed = match nameless(existing_folder(path)) {
            Ok(file) => Unnamed::Nameless(file),
            Err(_) => Unnamed::Scratch(
                NamedTempFile::new_in(scratch)
                    .map_err(|error| Problem::io("create a scratch file in", scratch, error))?,
            ),
        };
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
        let failed = |error| Problem::io("write the result", &path, error);
        let unnamed = self.writer.into_inner().map_err(|error| failed(error.into_error()))?;
        create_folder(path.parent().unwrap_or(Path::new("")))?;
        unnamed.file().set_permissions(Permissions::from_mode(0o644)).map_err(failed)?;
        let named = match unnamed {
            Unnamed::Nameless(file) => link(&file, &path),
            Unnamed::Scratch(file) => publish(file, &path),
        };
        named.map_err(failed)
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

/// Gives all files their names, in order; when one fails, those before it are taken back.
///
/// # Errors
/// The first failure.
pub fn commit_all(files: Vec<OutputFile>) -> Result<()> {
    let mut done = Vec::new();
    for file in files {
        let path = file.path.clone();
        if let Err(problem) = file.commit() {
            for path in done {
                // Best effort: the first failure is what the user must hear of.
                let _ = fs::remove_file(path);
            }
            return Err(problem);
        }
        done.push(path);
    }
    Ok(())
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

/// The nearest folder above a path that is there: same file system as the file to come.
fn existing_folder(path: &Path) -> &Path {
    path.ancestors().skip(1).find(|folder| folder.is_dir()).unwrap_or(Path::new("."))
}

fn nameless(folder: &Path) -> io::Result<File> {
    let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
    let file = rustix::fs::open(folder, flags, Mode::from_raw_mode(0o644))?;
    Ok(File::from(file))
}

fn link(file: &File, path: &Path) -> io::Result<()> {
    let descriptor = format!("/proc/self/fd/{}", file.as_raw_fd());
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
        assert!(commit_all(vec![file("one"), file("taken")]).is_err());
        assert!(!root.path().join("one").exists());
    }
}
