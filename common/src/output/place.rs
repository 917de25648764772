//! The folders of results: whether they can be written to, and whether they lie apart from the inputs.

use std::collections::HashSet;
use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{Access, Mode, OFlags};

use crate::{Problem, Result, codes};

/// The folders on the way to one that are not there.
pub(super) fn missing(folder: &Path) -> Vec<PathBuf> {
    let is_missing = |path: &&Path| !path.as_os_str().is_empty() && !path.exists();
    folder.ancestors().take_while(is_missing).map(Path::to_path_buf).collect()
}

/// Creates a folder and its parents, readable by all.
///
/// # Errors
/// The folder cannot be created.
pub fn create_folder(path: &Path) -> Result<()> {
    let failed = |error| Problem::io("create the folder", path, error);
    let missing = missing(path);
    fs::create_dir_all(path).map_err(failed)?;
    for folder in missing {
        fs::set_permissions(folder, Permissions::from_mode(0o755)).map_err(failed)?;
    }
    Ok(())
}

/// Finds out before the work whether files can be put into a folder, which may still have to be created. Writes
/// nothing: the file that is made to see it has no name. Where the system has no such files, its word on the
/// folder's permissions must do; what else stands in the way is found when the results are written.
///
/// # Errors
/// `FILE_OPERATION_FAILED`: the folder, or what is there of its path, cannot hold new files.
pub fn check_folder(folder: &Path) -> Result<()> {
    let failed = |error| Problem::io("write results to", folder, error);
    let is_there = |path: &&Path| fs::symlink_metadata(path).is_ok();
    let nearest = folder.ancestors().find(is_there).unwrap_or(Path::new("."));
    if !fs::metadata(nearest).map_err(failed)?.is_dir() {
        return Err(failed(io::ErrorKind::NotADirectory.into()));
    }
    if folder.iter().any(|part| part.len() > LONGEST_NAME) {
        return Err(failed(rustix::io::Errno::NAMETOOLONG.into()));
    }
    rustix::fs::access(nearest, Access::WRITE_OK | Access::EXEC_OK).map_err(|error| failed(error.into()))?;
    match nameless(nearest) {
        Err(error) if !lacks_nameless(&error) || is_of_kernel(nearest) => Err(failed(error)),
        _ => Ok(()),
    }
}

/// Bytes of a file's name, on Linux.
const LONGEST_NAME: usize = 255;

/// As `check_folder`, for a single file.
///
/// # Errors
/// As `check_folder`; there is something else than a file of that name.
pub fn check_file(path: &Path) -> Result<()> {
    check_name(path)?;
    check_folder(path.parent().unwrap_or(Path::new("")))
}

/// As `check_file`, of the name alone: its folder was looked at.
///
/// # Errors
/// `FILE_OPERATION_FAILED`: there is something else than a file of that name.
pub fn check_name(path: &Path) -> Result<()> {
    check_replaceable(path).map_err(|error| Problem::io("write results to", path, error))
}

/// A result may take the place of a file, but not of a folder, a device, a pipe or a link that leads nowhere: the file that
/// was meant would not come to be.
pub(super) fn check_replaceable(path: &Path) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        Ok(metadata) if !metadata.is_file() => Err(io::Error::other("it exists and is not a file")),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Err(_) if fs::symlink_metadata(path).is_ok() => {
            Err(io::Error::other("it is a link that leads nowhere"))
        }
        _ => Ok(()),
    }
}

/// Refuses an output that is an input or lies in it, however the two paths are written: results among the data would be
/// data of the next run. `source`: the setting that names the input.
///
/// # Errors
/// `SETTING_INVALID`.
pub fn check_apart(output: &Path, source: &str, input: &Path) -> Result<()> {
    check_outside(("output", "output_path"), output, source, input)
}

/// As `check_apart`, for any result: what it is called, and the setting that names it.
///
/// # Errors
/// `SETTING_INVALID`.
pub fn check_outside((what, setting): (&str, &str), result: &Path, source: &str, input: &Path) -> Result<()> {
    if !input.exists() || !resolved(result).starts_with(resolved(input)) {
        return Ok(());
    }
    Err(Problem::new(&codes::SETTING_INVALID, format!("the {what} lies inside an input"))
        .field(setting)
        .found(format!("`{}`", result.display()))
        .expected(format!("a place outside of `{source}`, `{}`", input.display())))
}

/// Whether two paths are the same folder, however they are written.
pub fn are_one(one: &Path, two: &Path) -> bool {
    resolved(one) == resolved(two)
}

/// Whether a path is a folder or lies in it, however the two are written.
pub fn lies_in(path: &Path, folder: &Path) -> bool {
    resolved(path).starts_with(resolved(folder))
}

/// As `check_outside`, by the folders that were read of an input: one of them may be the result's, or lie above it, by
/// way of a link.
///
/// # Errors
/// `SETTING_INVALID`.
pub fn check_not_among(
    (what, setting): (&str, &str),
    result: &Path,
    source: &str,
    (input, folders): (&Path, &HashSet<(u64, u64)>),
) -> Result<()> {
    let resolved = resolved(result);
    let is_read = |folder: &Path| {
        fs::metadata(folder).is_ok_and(|metadata| folders.contains(&(metadata.dev(), metadata.ino())))
    };
    if !resolved.ancestors().any(is_read) {
        return Ok(());
    }
    Err(Problem::new(&codes::SETTING_INVALID, format!("the {what} would lie inside an input"))
        .field(setting)
        .found(format!("`{}`", result.display()))
        .expected(format!(
            "a place that is not read with `{source}`, `{}`, also not by way of a link",
            input.display()
        )))
}

/// A path without links, `..` and relative parts, as far as it is there; what is not there yet follows.
fn resolved(path: &Path) -> PathBuf {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    let path = std::path::absolute(path).unwrap_or_else(|_| path.into());
    let there = path.ancestors().find_map(|above| Some((above, above.canonicalize().ok()?)));
    let Some((above, mut resolved)) = there else { return path };
    for part in path.strip_prefix(above).unwrap_or(Path::new("")).components() {
        match part {
            Component::ParentDir => {
                resolved.pop();
            }
            part => resolved.push(part),
        }
    }
    resolved
}

/// The nearest folder above a path that is there: same file system as the file to come.
pub(super) fn existing_folder(path: &Path) -> &Path {
    path.ancestors().skip(1).find(|folder| folder.is_dir()).unwrap_or(Path::new("."))
}

/// Where the kernel shows open files, by which a nameless one gets its name. A bare `chroot` lacks it.
pub(super) const DESCRIPTORS: &str = "/proc/self/fd";

/// A file without a name, on the file system of a folder.
pub(super) fn nameless(folder: &Path) -> io::Result<File> {
    fs::metadata(DESCRIPTORS)?;
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let file = rustix::fs::open(folder, flags, Mode::from_raw_mode(0o644))?;
    Ok(File::from(file))
}

/// Whether an error says that there are no nameless files here, and nothing of other files.
fn lacks_nameless(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let refusals = [Errno::OPNOTSUPP, Errno::ISDIR, Errno::NOENT, Errno::INVAL, Errno::NOSYS];
    error.raw_os_error().is_none_or(|code| refusals.iter().any(|known| known.raw_os_error() == code))
}

/// File systems that show the kernel's own values: nobody can put a file there.
fn is_of_kernel(folder: &Path) -> bool {
    const PROC: u64 = 0x9fa0;
    const SYS: u64 = 0x6265_6572;
    rustix::fs::statfs(folder).is_ok_and(|system| [PROC, SYS].contains(&(system.f_type as u64)))
}

/// A name of this process beside a path, with a dot in front: no reader of results takes such a file for one.
pub(super) fn beside(path: &Path) -> PathBuf {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}-{number}", std::process::id()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_cannot_take_files_is_refused_and_only_a_want_of_nameless_files_is_none() {
        use rustix::io::Errno;
        for (errno, lacks) in
            [(Errno::OPNOTSUPP, true), (Errno::ISDIR, true), (Errno::ROFS, false), (Errno::NOSPC, false)]
        {
            assert_eq!(lacks_nameless(&errno.into()), lacks, "{errno}");
        }
        assert!(["/proc", "/sys"].iter().all(|folder| check_folder(Path::new(folder)).is_err()));
    }

    #[test]
    fn paths_are_the_same_however_they_are_written() {
        let root = tempfile::tempdir().unwrap();
        let base = root.path().canonicalize().unwrap();
        fs::create_dir_all(base.join("a/b")).unwrap();
        std::os::unix::fs::symlink(base.join("a"), base.join("link")).unwrap();
        let expected = base.join("a/b/new/deep");
        for path in [
            "a/b/new/deep",
            "a/b/../b/new/deep",
            "link/b/new/deep",
            "a/b/new/x/../deep",
            "a/none/../b/new/deep",
        ] {
            assert_eq!(resolved(&base.join(path)), expected, "{path}");
        }
        assert_eq!(
            resolved(Path::new("none")),
            std::env::current_dir().unwrap().canonicalize().unwrap().join("none")
        );
    }
}
