//! The folders of results: whether they can be written to, and whether they lie apart from the inputs.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

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

/// As `check_folder`, for a single file.
///
/// # Errors
/// As `check_folder`; there is a folder of that name.
pub fn check_file(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Err(Problem::io("write results to", path, io::ErrorKind::IsADirectory.into()));
    }
    check_folder(path.parent().unwrap_or(Path::new("")))
}

/// Refuses an output that is an input or lies in it, however the two paths are written: results among the data would be
/// data of the next run. `source`: the setting that names the input.
///
/// # Errors
/// `SETTING_INVALID`.
pub fn check_apart(output: &Path, source: &str, input: &Path) -> Result<()> {
    if !input.exists() || !resolved(output).starts_with(resolved(input)) {
        return Ok(());
    }
    Err(Problem::new(&codes::SETTING_INVALID, "the output lies inside an input")
        .field("output_path")
        .found(format!("`{}`", output.display()))
        .expected(format!("a folder outside of `{source}`, `{}`", input.display())))
}

/// A path without links, `..` and relative parts, as far as it is there; what is not there yet follows.
fn resolved(path: &Path) -> PathBuf {
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

pub(super) fn nameless(folder: &Path) -> io::Result<File> {
    fs::metadata(DESCRIPTORS)?;
    let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
    let file = rustix::fs::open(folder, flags, Mode::from_raw_mode(0o644))?;
    Ok(File::from(file))
}

#[cfg(test)]
mod tests {
    use super::*;

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
