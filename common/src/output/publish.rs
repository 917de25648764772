//! Results get their names, all of them or none.
//!
//! What is most likely to fail comes first: folders, copies, new names, and only then files of an earlier run are
//! replaced. Each of those keeps a second name until all are done, so that it can be put back when a later one fails.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{AtFlags, CWD};

use super::BUFFER_BYTES;
use super::place::{self, DESCRIPTORS};
use super::waiting::{Piece, Results, Store, Waiting};
use crate::{Problem, Result};

/// The calls of the system that a test must be able to refuse.
#[derive(Debug, Clone, Copy)]
pub(super) struct System {
    /// Opens a file without a name in a folder.
    pub(super) nameless: fn(&Path) -> io::Result<File>,
    pub(super) rename: fn(&Path, &Path) -> io::Result<()>,
    /// Gives a file a second name.
    pub(super) hard_link: fn(&Path, &Path) -> io::Result<()>,
}

pub(super) const SYSTEM: System = System {
    nameless: place::nameless,
    rename: |from, to| fs::rename(from, to),
    hard_link: |from, to| fs::hard_link(from, to),
};

impl Results {
    /// Gives all files their names; returns the paths in the order the files came.
    ///
    /// # Errors
    /// The first failure. Everything is as it was before then: what was not there is taken back, and a file of an
    /// earlier run that was replaced has its name again. Where the system refuses even that, the message says under
    /// which name the earlier file lies.
    pub fn publish(self) -> Result<Vec<PathBuf>> {
        publish(self.whole()?, &SYSTEM)
    }
}

/// # Errors
/// As `Results::publish`.
pub(super) fn publish(files: Vec<Waiting>, system: &System) -> Result<Vec<PathBuf>> {
    let paths: Vec<PathBuf> = files.iter().map(|file| file.path.clone()).collect();
    let mut changes = Changes::default();
    match named(files, system, &mut changes) {
        Ok(()) => {
            changes.keep();
            Ok(paths)
        }
        Err(problem) => Err(match changes.take_back(system).as_slice() {
            [] => problem,
            [(path, kept), others @ ..] => problem.hint(format!(
                "the earlier {} could not be put back and lies whole in {}, and so do {} others",
                path.display(),
                kept.display(),
                others.len()
            )),
        }),
    }
}

fn named(files: Vec<Waiting>, system: &System, changes: &mut Changes) -> Result<()> {
    for Waiting { path, .. } in &files {
        changes.make_folder_of(path)?;
        if path.is_dir() {
            return Err(Problem::io("write the result", path, io::ErrorKind::IsADirectory.into()));
        }
    }
    let ready = files.into_iter().map(|file| changes.ready(file, system));
    let mut ready = ready.collect::<Result<Vec<_>>>()?;
    ready.sort_by_key(|file| !matches!(file, Ready::Copy(..)));
    let is_earlier = |file: &Ready| fs::symlink_metadata(file.path()).is_ok();
    let (earlier, new): (Vec<_>, Vec<_>) = ready.into_iter().partition(is_earlier);
    for file in new {
        let path = file.path().to_path_buf();
        file.name(system)?;
        changes.files.push(path);
    }
    for file in earlier {
        changes.replace(file.path(), file.scratch(), system)?;
        file.name(system)?;
    }
    Ok(())
}

/// A result that only lacks its name.
#[derive(Debug)]
enum Ready {
    Nameless(Waiting),
    /// To be copied out of its scratch file to a nameless one.
    Copy(Waiting),
    /// A whole file in the folder of the result, with a dot before its name.
    Aside {
        aside: PathBuf,
        file: Waiting,
    },
}

impl Ready {
    fn waiting(&self) -> &Waiting {
        match self {
            Ready::Nameless(file) | Ready::Copy(file) | Ready::Aside { file, .. } => file,
        }
    }

    fn path(&self) -> &Path {
        &self.waiting().path
    }

    fn scratch(&self) -> &Path {
        &self.waiting().scratch
    }

    fn name(self, system: &System) -> Result<()> {
        let Waiting { path, scratch, store } = self.waiting();
        let named = match (&self, store) {
            (Ready::Aside { aside, .. }, _) => (system.rename)(aside, path),
            (_, Store::Nameless(file)) => link(file, path, scratch, system),
            (_, Store::Scratch { file, pieces }) => (system.nameless)(path.parent().unwrap_or(Path::new("")))
                .and_then(|to| {
                    copy(file, pieces, &to)?;
                    link(&to, path, scratch, system)
                }),
        };
        named.map_err(|error| Problem::io("write the result", path, error))
    }
}

/// What `publish` changed, to be taken back when it does not succeed.
#[derive(Debug, Default)]
struct Changes {
    folders: Vec<PathBuf>,
    /// New files.
    files: Vec<PathBuf>,
    /// Files of an earlier run, with their second names.
    earlier: Vec<(PathBuf, PathBuf)>,
}

impl Changes {
    fn make_folder_of(&mut self, path: &Path) -> Result<()> {
        let folder = path.parent().unwrap_or(Path::new(""));
        if !folder.is_dir() {
            self.folders.extend(place::missing(folder));
            place::create_folder(folder)?;
        }
        Ok(())
    }

    /// What is still to be done for a result. Where there are no nameless files it is copied beside its name now.
    fn ready(&mut self, file: Waiting, system: &System) -> Result<Ready> {
        let Store::Scratch { file: from, pieces } = &file.store else { return Ok(Ready::Nameless(file)) };
        if (system.nameless)(file.path.parent().unwrap_or(Path::new(""))).is_ok() {
            return Ok(Ready::Copy(file));
        }
        let failed = |error| Problem::io("write the result", &file.path, error);
        let aside = beside(&file.path);
        self.files.push(aside.clone());
        let to = File::create(&aside).map_err(failed)?;
        copy(from, pieces, &to).map_err(failed)?;
        Ok(Ready::Aside { aside, file })
    }

    /// Gives a file that is about to be replaced a second name: in the scratch folder, or beside it with a dot in
    /// front. Where a file can only have one name, a copy gets the second.
    fn replace(&mut self, path: &Path, scratch: &Path, system: &System) -> Result<()> {
        let beside = beside(path);
        let elsewhere = scratch.join(beside.file_name().unwrap_or_default());
        let kept = if (system.hard_link)(path, &elsewhere).is_ok() {
            elsewhere
        } else {
            self.files.push(beside.clone());
            let kept = (system.hard_link)(path, &beside).or_else(|_| fs::copy(path, &beside).map(|_| ()));
            kept.map_err(|error| Problem::io("keep the earlier result", path, error))?;
            self.files.pop();
            beside
        };
        self.earlier.push((path.into(), kept));
        Ok(())
    }

    fn keep(self) {
        // The results are there; a second name that stays is none of anybody's results.
        for (_, kept) in self.earlier {
            let _ = fs::remove_file(kept);
        }
    }

    /// Returns the earlier files that could not be put back, each with the name it has.
    fn take_back(mut self, system: &System) -> Vec<(PathBuf, PathBuf)> {
        let mut left = Vec::new();
        for (path, kept) in self.earlier.into_iter().rev() {
            match (system.rename)(&kept, &path) {
                // A rename of one name of a file to another leaves both.
                Ok(()) => drop(fs::remove_file(kept)),
                Err(_) => left.push((path, kept)),
            }
        }
        // Best effort: the user must hear of the failure that led here, not of this one.
        for path in self.files {
            let _ = fs::remove_file(path);
        }
        self.folders.sort();
        for folder in self.folders.into_iter().rev() {
            let _ = fs::remove_dir(folder);
        }
        left
    }
}

fn copy(from: &File, pieces: &[Piece], to: &File) -> io::Result<()> {
    to.set_permissions(Permissions::from_mode(0o644))?;
    let mut buffer = vec![0; BUFFER_BYTES];
    for Piece { at, start, bytes } in pieces {
        let mut done = 0;
        while done < *bytes {
            let room = (bytes - done).min(BUFFER_BYTES as u64) as usize;
            let part = &mut buffer[..room];
            from.read_exact_at(part, start + done)?;
            to.write_all_at(part, at + done)?;
            done += room as u64;
        }
    }
    Ok(())
}

/// Gives a nameless file its name. An older file is replaced by a rename from a name in the scratch folder or, when
/// that is on another file system, from one beside it with a dot in front.
fn link(file: &File, path: &Path, scratch: &Path, system: &System) -> io::Result<()> {
    file.set_permissions(Permissions::from_mode(0o644))?;
    let descriptor = format!("{DESCRIPTORS}/{}", file.as_raw_fd());
    let link_to = |path: &Path| rustix::fs::linkat(CWD, &descriptor, CWD, path, AtFlags::SYMLINK_FOLLOW);
    match link_to(path) {
        Err(rustix::io::Errno::EXIST) => {}
        done => return Ok(done?),
    }
    let elsewhere = scratch.join(beside(path).file_name().unwrap_or_default());
    let aside = if link_to(&elsewhere).is_ok() {
        elsewhere
    } else {
        let beside = beside(path);
        link_to(&beside)?;
        beside
    };
    (system.rename)(&aside, path).inspect_err(|_| {
        let _ = fs::remove_file(&aside);
    })
}

/// A name of this process beside a path, with a dot in front: no reader of results takes such a file for one.
fn beside(path: &Path) -> PathBuf {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}-{number}", std::process::id()))
}

#[cfg(test)]
#[path = "publish_tests.rs"]
pub(super) mod tests;
