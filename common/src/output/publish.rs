//! Results get their names, all of them or none.
//!
//! What is most likely to fail comes first: folders, copies, new names, and only then files of an earlier run are
//! replaced. Each of those keeps a second name until all are done, so that it can be put back when a later one fails.
//!
//! A second name, and the name a file has before it replaces another, stands outside of the output: in the scratch
//! folder or, when that is on another file system, beside the output. Only where neither is on the file system of the
//! result it stands in the folder of the result, with a dot in front.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD};

use super::BUFFER_BYTES;
use super::place::{self, DESCRIPTORS, beside};
use super::waiting::{Extent, Results, Store, Waiting};
use crate::{Problem, Result, input};

/// The calls of the system that a test must be able to refuse.
#[derive(Debug, Clone, Copy)]
pub(super) struct System {
    /// Opens a file without a name in a folder.
    pub(super) nameless: fn(&Path) -> io::Result<File>,
    pub(super) rename: fn(&Path, &Path) -> io::Result<()>,
    /// Gives a nameless file, by its name among the open files, its first one.
    pub(super) link: fn(&str, &Path) -> io::Result<()>,
    /// Gives a file a second name.
    pub(super) hard_link: fn(&Path, &Path) -> io::Result<()>,
}

pub(super) const SYSTEM: System = System {
    nameless: place::nameless,
    rename: |from, to| fs::rename(from, to),
    link: |descriptor, to| {
        rustix::fs::linkat(CWD, descriptor, CWD, to, AtFlags::SYMLINK_FOLLOW).map_err(io::Error::from)
    },
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
        publish(self.whole()?, None, &SYSTEM)
    }

    /// As `publish`, for results that all lie below a folder: no other name than theirs shall stand in it.
    ///
    /// # Errors
    /// As `publish`.
    pub fn publish_below(self, output: &Path) -> Result<Vec<PathBuf>> {
        publish(self.whole()?, Some(output), &SYSTEM)
    }
}

/// `output`: the folder that all results lie below, when that is known.
///
/// # Errors
/// As `Results::publish`.
pub(super) fn publish(files: Vec<Waiting>, output: Option<&Path>, system: &System) -> Result<Vec<PathBuf>> {
    let paths: Vec<PathBuf> = files.iter().map(|file| file.path.clone()).collect();
    let mut changes = Changes { output: output.map(Path::to_path_buf), ..Changes::default() };
    match named(files, system, &mut changes) {
        Ok(()) => {
            changes.keep();
            Ok(paths)
        }
        Err(problem) => Err(match changes.take_back(system).as_slice() {
            [] => problem,
            [(path, kept), others @ ..] => {
                let others = match others.len() {
                    0 => String::new(),
                    1 => "; another one likewise".into(),
                    several => format!("; {several} others likewise"),
                };
                problem.hint(format!(
                    "the earlier {} could not be put back and is complete in {}{others}",
                    path.display(),
                    kept.display()
                ))
            }
        }),
    }
}

fn named(files: Vec<Waiting>, system: &System, changes: &mut Changes) -> Result<()> {
    for Waiting { path, .. } in &files {
        changes.make_folder_of(path)?;
        place::check_replaceable(path).map_err(|error| Problem::io("write the result", path, error))?;
    }
    let ready = files.into_iter().map(|file| changes.ready(file, system));
    let mut ready = ready.collect::<Result<Vec<_>>>()?;
    ready.sort_by_key(|file| !matches!(file, Ready::Copy(..)));
    let is_earlier = |file: &Ready| fs::symlink_metadata(file.path()).is_ok();
    let (earlier, new): (Vec<_>, Vec<_>) = ready.into_iter().partition(is_earlier);
    for file in new {
        let path = file.path().to_path_buf();
        changes.name(file, system)?;
        changes.files.push(path);
    }
    for file in earlier {
        let path = file.path().to_path_buf();
        let kept = changes.second_name(&file, system)?;
        // What was not replaced needs no second name.
        changes.name(file, system).inspect_err(|_| drop(fs::remove_file(&kept)))?;
        changes.earlier.push((path, kept));
    }
    Ok(())
}

/// A result that only lacks its name.
#[derive(Debug)]
enum Ready {
    Nameless(Waiting),
    /// To be copied out of its scratch file to a nameless one.
    Copy(Waiting),
    /// A whole file of another name.
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
}

/// What `publish` changed, to be taken back when it does not succeed.
#[derive(Debug, Default)]
struct Changes {
    /// The folder that all results lie below, when that is known.
    output: Option<PathBuf>,
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

    /// Paths that a file may have besides that of the result, but for their names, the best first; not all of them are on its
    /// file system.
    fn places_beside(&self, file: &Waiting) -> Vec<PathBuf> {
        let name = file.path.file_name().unwrap_or_default();
        let above = self.output.as_ref().and_then(|output| output.canonicalize().ok());
        let above = above.and_then(|output| Some(output.parent()?.join(name)));
        [Some(file.scratch.join(name)), above, Some(file.path.clone())].into_iter().flatten().collect()
    }

    /// Those of them from which a rename leads to the result: they are on its device.
    fn places_near(&self, file: &Waiting) -> Vec<PathBuf> {
        let device = |folder: Option<&Path>| fs::metadata(folder?).map(|metadata| metadata.dev()).ok();
        let of_result = device(file.path.parent());
        let mut places = self.places_beside(file);
        places.retain(|place| device(place.parent()) == of_result);
        places
    }

    /// What is still to be done for a result. Where there are no nameless files it is copied to another name now.
    fn ready(&mut self, file: Waiting, system: &System) -> Result<Ready> {
        let Store::Scratch { file: from, extents } = &file.store else { return Ok(Ready::Nameless(file)) };
        if (system.nameless)(file.path.parent().unwrap_or(Path::new(""))).is_ok() {
            return Ok(Ready::Copy(file));
        }
        let copied =
            first_that_works(self.places_near(&file), |aside| made(aside, |to| copy(from, extents, to)));
        let aside = copied.map_err(|error| Problem::io("write the result", &file.path, error))?;
        self.files.push(aside.clone());
        Ok(Ready::Aside { aside, file })
    }

    /// Gives a result its name.
    fn name(&self, file: Ready, system: &System) -> Result<()> {
        let Waiting { path, store, .. } = file.waiting();
        let named = match (&file, store) {
            (Ready::Aside { aside, .. }, _) => rename(aside, path, system),
            (_, Store::Nameless(nameless)) => self.link(nameless, file.waiting(), system),
            (_, Store::Scratch { file: from, extents }) => {
                (system.nameless)(path.parent().unwrap_or(Path::new(""))).and_then(|to| {
                    copy(from, extents, &to)?;
                    self.link(&to, file.waiting(), system)
                })
            }
        };
        named.map_err(|error| Problem::io("write the result", path, error))
    }

    /// Gives a nameless file its name. An older file is replaced by a rename from another name. Where the system has
    /// nameless files and refuses to name them, a copy is renamed.
    fn link(&self, file: &File, result: &Waiting, system: &System) -> io::Result<()> {
        file.set_permissions(Permissions::from_mode(0o644))?;
        let descriptor = format!("{DESCRIPTORS}/{}", file.as_raw_fd());
        let link_to = |path: &Path| (system.link)(&descriptor, path);
        let copy_to = |path: &Path| {
            let all = Extent { at: 0, start: 0, bytes: file.metadata()?.len() };
            made(path, |to| copy(file, &[all], to))
        };
        let aside = match link_to(&result.path) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                first_that_works(self.places_beside(result), link_to)
            }
            refused => refused.map(|()| PathBuf::new()),
        };
        let aside = aside.or_else(|_| first_that_works(self.places_near(result), copy_to))?;
        (system.rename)(&aside, &result.path).inspect_err(|_| drop(fs::remove_file(&aside)))
    }

    /// Gives the earlier file of a result a second name. Where a file can only have one name, a copy gets the second.
    fn second_name(&self, result: &Ready, system: &System) -> Result<PathBuf> {
        let path = result.path();
        let link = |name: &Path| (system.hard_link)(path, name);
        first_that_works(self.places_beside(result.waiting()), link)
            .or_else(|_| first_that_works(self.places_near(result.waiting()), |name| copied(path, name)))
            .map_err(|error| Problem::io("keep the earlier result", path, error))
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
            match rename(&kept, &path, system) {
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

fn copy(from: &File, extents: &[Extent], to: &File) -> io::Result<()> {
    to.set_permissions(Permissions::from_mode(0o644))?;
    let mut buffer = vec![0; BUFFER_BYTES];
    for Extent { at, start, bytes } in extents {
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

/// Renames a file over another. Where that would lead over the border of a mount, a copy in its folder is renamed.
fn rename(from: &Path, to: &Path, system: &System) -> io::Result<()> {
    match (system.rename)(from, to) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {}
        done => return done,
    }
    let beside = at_free_name(to, |name| copied(from, name))?;
    let renamed = (system.rename)(&beside, to);
    let left = if renamed.is_ok() { from } else { &beside };
    let _ = fs::remove_file(left);
    renamed
}

/// A new file that `fill` writes; it goes when that fails. What is there already stays as it is.
fn made(path: &Path, fill: impl FnOnce(&File) -> io::Result<()>) -> io::Result<()> {
    let file = File::create_new(path)?;
    fill(&file).inspect_err(|_| drop(fs::remove_file(path)))
}

/// A copy of a file under a name that is free.
fn copied(from: &Path, to: &Path) -> io::Result<()> {
    let mut from = input::open_file(from)?;
    made(to, |mut file| {
        io::copy(&mut from, &mut file)?;
        file.set_permissions(from.metadata()?.permissions())
    })
}

/// The first place where `attempt` succeeds, with a second name.
///
/// # Errors
/// That of the last attempt.
fn first_that_works(places: Vec<PathBuf>, attempt: impl Fn(&Path) -> io::Result<()>) -> io::Result<PathBuf> {
    let mut failed = io::ErrorKind::NotFound.into();
    for place in places {
        match at_free_name(&place, &attempt) {
            Ok(name) => return Ok(name),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

/// Gives a second name to `attempt`, which makes it and must not touch what is there. Process ids begin anew in each container, so
/// the name may be what an earlier run left: then it is the next one.
///
/// # Errors
/// That of `attempt`.
fn at_free_name(path: &Path, attempt: impl Fn(&Path) -> io::Result<()>) -> io::Result<PathBuf> {
    loop {
        let name = beside(path);
        match attempt(&name) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            done => return done.map(|()| name),
        }
    }
}

#[cfg(test)]
#[path = "publish_tests.rs"]
pub(super) mod tests;
