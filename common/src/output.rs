//! Result files that appear whole or not at all.
//!
//! A file is written without a name in the output folder (`O_TMPFILE`) and linked to its final name when the
//! work as a whole has succeeded, so a kill leaves nothing behind and no byte is written twice. Two cases take
//! another way: the file system refuses nameless files, or more results wait than the process may have open files.
//! Their bytes wait in a nameless scratch file and are copied at the end. A name is only ever given to a whole
//! file, and a file of that name is replaced by a rename.

use std::fs::{self, File, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{Access, AtFlags, CWD, Mode, OFlags};

use crate::{Problem, Result, codes};

const BUFFER_BYTES: usize = 1 << 18;

/// Where the bytes of a result are until it has a name.
#[derive(Debug)]
enum Store {
    /// A file without a name on the file system of the output.
    Nameless(File),
    /// A stretch of a scratch file, which may hold several results.
    Scratch { file: Arc<File>, start: u64 },
}

impl Store {
    fn create(path: &Path, scratch: &Path) -> Result<Store> {
        match nameless(existing_folder(path)) {
            Ok(file) => Ok(Store::Nameless(file)),
            Err(_) => Ok(Store::Scratch { file: Arc::new(scratch_file(scratch)?), start: 0 }),
        }
    }

    /// The file, and where this result begins in it.
    fn file(&self) -> (&File, u64) {
        match self {
            Store::Nameless(file) => (file, 0),
            Store::Scratch { file, start } => (file, *start),
        }
    }
}

impl Write for Store {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file().0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn scratch_file(folder: &Path) -> Result<File> {
    tempfile::tempfile_in(folder).map_err(|error| Problem::io("create a scratch file in", folder, error))
}

/// A result file that is being written from end to end.
#[derive(Debug)]
pub struct OutputFile {
    path: PathBuf,
    scratch: PathBuf,
    writer: BufWriter<Store>,
    bytes: u64,
}

impl OutputFile {
    /// Begins the file that will be `path`. `scratch` is only used where the file system of the
    /// output has no nameless files.
    ///
    /// # Errors
    /// Neither place can be written to.
    pub fn create(path: &Path, scratch: &Path) -> Result<OutputFile> {
        let store = Store::create(path, scratch)?;
        let writer = BufWriter::with_capacity(BUFFER_BYTES, store);
        Ok(OutputFile { path: path.into(), scratch: scratch.into(), writer, bytes: 0 })
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

/// A result file that several threads write to, each at a place of its own.
#[derive(Debug, Clone)]
pub struct SharedFile {
    path: Arc<Path>,
    store: Arc<Store>,
}

impl SharedFile {
    /// Writes `bytes` from byte `at` of the result on.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn write_at(&self, bytes: &[u8], at: u64) -> Result<()> {
        let (file, start) = self.store.file();
        file.write_all_at(bytes, start + at)
            .map_err(|error| Problem::io("write the result", &self.path, error))
    }

    pub fn is_same(&self, other: &SharedFile) -> bool {
        Arc::ptr_eq(&self.store, &other.store)
    }
}

/// Results that wait for their names until the work as a whole has succeeded. Dropped without `publish`, they
/// leave nothing.
#[derive(Debug, Default)]
pub struct Results {
    waiting: Vec<Waiting>,
    /// Of `waiting`, those with a file of their own.
    open: usize,
    /// The scratch file for results beyond the number of open files, and how much of it is taken.
    overflow: Option<(Arc<File>, u64)>,
}

#[derive(Debug)]
struct Waiting {
    path: PathBuf,
    scratch: PathBuf,
    store: Arc<Store>,
    bytes: u64,
}

impl Results {
    /// Takes a file that is complete.
    ///
    /// # Errors
    /// Its last bytes cannot be written.
    pub fn add(&mut self, file: OutputFile) -> Result<()> {
        let OutputFile { path, scratch, writer, bytes } = file;
        let store = writer
            .into_inner()
            .map_err(|error| Problem::io("write the result", &path, error.into_error()))?;
        self.open += 1;
        self.waiting.push(Waiting { path, scratch, store: Arc::new(store), bytes });
        Ok(())
    }

    /// Begins a file for several threads. `add_shared` must take it before the next one begins.
    ///
    /// # Errors
    /// Neither the output nor `scratch` can be written to.
    pub fn begin_shared(&mut self, path: &Path, scratch: &Path) -> Result<SharedFile> {
        self.begin_among(most_open_files(), path, scratch)
    }

    fn begin_among(&mut self, most_open: usize, path: &Path, scratch: &Path) -> Result<SharedFile> {
        let own = if self.open < most_open { nameless(existing_folder(path)).ok() } else { None };
        let store = match own {
            Some(file) => Store::Nameless(file),
            None => {
                if self.overflow.is_none() {
                    self.overflow = Some((Arc::new(scratch_file(scratch)?), 0));
                }
                let Some((file, start)) = &self.overflow else { unreachable!() };
                Store::Scratch { file: Arc::clone(file), start: *start }
            }
        };
        Ok(SharedFile { path: path.into(), store: Arc::new(store) })
    }

    /// Takes a file of `bytes` bytes that nobody begins another write to; writes that were begun hold copies of it.
    pub fn add_shared(&mut self, file: SharedFile, scratch: &Path, bytes: u64) {
        match &*file.store {
            Store::Nameless(_) => self.open += 1,
            Store::Scratch { start, .. } => {
                if let Some((_, taken)) = &mut self.overflow {
                    *taken = start + bytes;
                }
            }
        }
        self.waiting.push(Waiting {
            path: file.path.to_path_buf(),
            scratch: scratch.into(),
            store: file.store,
            bytes,
        });
    }

    /// Gives all files their names; returns the paths in the order the files came. What is most likely to fail
    /// comes first: folders, copies, new names, and only then files of an earlier run are replaced.
    ///
    /// # Errors
    /// The first failure. What was not there before is taken back then, and a file of an earlier run that was not
    /// replaced yet stays as it was.
    pub fn publish(self) -> Result<Vec<PathBuf>> {
        self.publish_by(nameless)
    }

    /// `nameless` opens a file without a name in a folder.
    fn publish_by(self, nameless: fn(&Path) -> io::Result<File>) -> Result<Vec<PathBuf>> {
        let paths: Vec<PathBuf> = self.waiting.iter().map(|file| file.path.clone()).collect();
        let mut made = Made::default();
        for path in &paths {
            made.folder_of(path)?;
            if path.is_dir() {
                return Err(Problem::io("write the result", path, io::ErrorKind::IsADirectory.into()));
            }
        }
        let mut ready =
            self.waiting.into_iter().map(|file| made.ready(file, nameless)).collect::<Result<Vec<_>>>()?;
        ready.sort_by_key(|file| !matches!(file, Ready::Copy(_)));
        let (earlier, new): (Vec<_>, Vec<_>) = ready.into_iter().partition(|file| file.path().exists());
        for file in new {
            let path = file.path().to_path_buf();
            file.name()?;
            made.files.push(path);
        }
        earlier.into_iter().try_for_each(Ready::name)?;
        made.keep();
        Ok(paths)
    }
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
        path: PathBuf,
    },
}

impl Ready {
    fn path(&self) -> &Path {
        match self {
            Ready::Nameless(file) | Ready::Copy(file) => &file.path,
            Ready::Aside { path, .. } => path,
        }
    }

    fn name(self) -> Result<()> {
        let named = match &self {
            Ready::Nameless(file) => link(file.store.file().0, &file.path, &file.scratch),
            Ready::Copy(file) => nameless(file.path.parent().unwrap_or(Path::new(""))).and_then(|to| {
                let (from, start) = file.store.file();
                copy(from, start, file.bytes, &to)?;
                link(&to, &file.path, &file.scratch)
            }),
            Ready::Aside { aside, path } => fs::rename(aside, path),
        };
        named.map_err(|error| Problem::io("write the result", self.path(), error))
    }
}

/// What `publish` made and takes back when it does not succeed.
#[derive(Debug, Default)]
struct Made {
    folders: Vec<PathBuf>,
    files: Vec<PathBuf>,
}

impl Made {
    fn folder_of(&mut self, path: &Path) -> Result<()> {
        let folder = path.parent().unwrap_or(Path::new(""));
        if !folder.is_dir() {
            self.folders.extend(missing(folder));
            create_folder(folder)?;
        }
        Ok(())
    }

    /// What is still to be done for a result. Where there are no nameless files it is copied beside its name now.
    fn ready(&mut self, file: Waiting, nameless: fn(&Path) -> io::Result<File>) -> Result<Ready> {
        let (from, start) = match &*file.store {
            Store::Nameless(_) => return Ok(Ready::Nameless(file)),
            Store::Scratch { file, start } => (file, *start),
        };
        if nameless(file.path.parent().unwrap_or(Path::new(""))).is_ok() {
            return Ok(Ready::Copy(file));
        }
        let failed = |error| Problem::io("write the result", &file.path, error);
        let aside = beside(&file.path);
        self.files.push(aside.clone());
        let to = File::create(&aside).map_err(failed)?;
        copy(from, start, file.bytes, &to).map_err(failed)?;
        Ok(Ready::Aside { aside, path: file.path })
    }

    fn keep(mut self) {
        self.folders.clear();
        self.files.clear();
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        // Best effort: the user must hear of the failure that led here, not of this one.
        for path in self.files.drain(..) {
            let _ = fs::remove_file(path);
        }
        self.folders.sort();
        for folder in self.folders.drain(..).rev() {
            let _ = fs::remove_dir(folder);
        }
    }
}

fn copy(from: &File, start: u64, bytes: u64, to: &File) -> io::Result<()> {
    to.set_permissions(Permissions::from_mode(0o644))?;
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut at = 0;
    while at < bytes {
        let room = (bytes - at).min(BUFFER_BYTES as u64) as usize;
        let part = &mut buffer[..room];
        from.read_exact_at(part, start + at)?;
        to.write_all_at(part, at)?;
        at += room as u64;
    }
    Ok(())
}

/// Gives a nameless file its name. An older file is replaced by a rename from a name in the scratch folder or, when
/// that is on another file system, from one beside it with a dot in front.
fn link(file: &File, path: &Path, scratch: &Path) -> io::Result<()> {
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
    fs::rename(&aside, path).inspect_err(|_| {
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

/// How many results may keep a file of their own open: the limit of the process but for what all else needs.
fn most_open_files() -> usize {
    const ELSE: usize = 424;
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let soft = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let soft = soft.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(1024);
    usize::saturating_sub(soft, ELSE).clamp(16, 20_000)
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

fn missing(folder: &Path) -> Vec<PathBuf> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn file(path: &Path, text: &str, scratch: &Path) -> OutputFile {
        let mut file = OutputFile::create(path, scratch).unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    /// As `file`, where nameless files are refused.
    fn refused(path: &Path, text: &str, scratch: &Path) -> OutputFile {
        let store = Store::Scratch { file: Arc::new(scratch_file(scratch).unwrap()), start: 0 };
        let writer = BufWriter::new(store);
        let mut file = OutputFile { path: path.into(), scratch: scratch.into(), writer, bytes: 0 };
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    fn no_nameless(_: &Path) -> io::Result<File> {
        Err(io::ErrorKind::Unsupported.into())
    }

    #[test]
    fn file_has_no_name_before_it_is_committed() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a/b/result.json");
        let result = file(&path, "{}", root.path());
        assert!(names(root.path()).is_empty());
        result.commit().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"{}");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
        write(&path, b"[]", root.path()).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"[]");
        assert_eq!((names(root.path()), names(path.parent().unwrap()).len()), (vec!["a".to_string()], 1));
    }

    #[test]
    fn results_are_copied_out_of_scratch_files_of_the_same_and_another_file_system() {
        let shared_memory = Path::new("/dev/shm");
        let elsewhere = if shared_memory.is_dir() { shared_memory } else { Path::new("/tmp") };
        for place in [std::env::temp_dir().as_path(), elsewhere] {
            let (root, scratch) = (tempfile::tempdir().unwrap(), tempfile::tempdir_in(place).unwrap());
            let path = root.path().join("a/result");
            for text in ["first", "second, longer", ""] {
                refused(&path, text, scratch.path()).commit().unwrap();
                assert_eq!(fs::read_to_string(&path).unwrap(), text);
                assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
                assert_eq!((names(path.parent().unwrap()).len(), names(scratch.path()).len()), (1, 0));
            }
        }
    }

    #[test]
    fn a_file_beside_is_whole_before_it_takes_the_name() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("result");
        fs::write(&path, "earlier").unwrap();
        let aside = beside(&path);
        assert!(aside.file_name().unwrap().to_str().unwrap().starts_with(".result."));
        fs::write(&aside, "later").unwrap();
        let ready = Ready::Aside { aside, path: path.clone() };
        assert_eq!(fs::read_to_string(ready.path()).unwrap(), "earlier");
        ready.name().unwrap();
        assert_eq!((fs::read_to_string(&path).unwrap().as_str(), names(root.path()).len()), ("later", 1));
    }

    #[test]
    fn failure_takes_back_what_is_new_and_leaves_what_was_there() {
        for create in [file, refused] {
            let root = tempfile::tempdir().unwrap();
            let path = |name: &str| root.path().join(name);
            fs::write(path("earlier"), "good").unwrap();
            fs::create_dir(path("taken")).unwrap();
            fs::write(path("in the way"), "x").unwrap();
            for blocked in ["taken", "in the way/result"] {
                let mut results = Results::default();
                for name in ["earlier", "new", "folder/new", blocked] {
                    results.add(create(&path(name), "later", root.path())).unwrap();
                }
                assert!(results.publish().is_err());
                assert_eq!(names(root.path()), ["earlier", "in the way", "taken"]);
                assert_eq!(fs::read_to_string(path("earlier")).unwrap(), "good");
            }
        }
    }

    #[test]
    fn a_name_that_cannot_be_given_takes_back_the_new_ones_and_replaces_none() {
        type Create = fn(&Path, &str, &Path) -> OutputFile;
        for (create, refuses) in [(file as Create, false), (refused, false), (refused, true)] {
            let root = tempfile::tempdir().unwrap();
            let path = |name: &str| root.path().join(name);
            fs::write(path("earlier"), "good").unwrap();
            let too_long = "x".repeat(300);
            let mut results = Results::default();
            for name in ["earlier", "new", "folder/new", too_long.as_str()] {
                results.add(create(&path(name), "later", root.path())).unwrap();
            }
            let published = if refuses { results.publish_by(no_nameless) } else { results.publish() };
            assert!(published.is_err());
            assert_eq!(names(root.path()), ["earlier"]);
            assert_eq!(fs::read_to_string(path("earlier")).unwrap(), "good");
        }
    }

    /// The test is its own child, which publishes without end until it is killed.
    #[test]
    fn killed_while_it_copies_to_another_file_system_it_leaves_whole_files_only() {
        const BYTES: usize = 3 << 20;
        const FOLDER: &str = "PLUMBLINE_TEST_OUTPUT";
        if let Some(folder) = crate::contract::variable(FOLDER) {
            let scratch = tempfile::tempdir().unwrap();
            loop {
                let mut results = Results::default();
                for name in ["a", "b", "c"] {
                    let path = Path::new(&folder).join(name);
                    let store =
                        Store::Scratch { file: Arc::new(scratch_file(scratch.path()).unwrap()), start: 0 };
                    let mut file = OutputFile {
                        path,
                        scratch: scratch.path().into(),
                        writer: BufWriter::new(store),
                        bytes: 0,
                    };
                    file.write_all(&vec![b'x'; BYTES]).unwrap();
                    results.add(file).unwrap();
                }
                results.publish_by(no_nameless).unwrap();
            }
        }
        let shared_memory = Path::new("/dev/shm");
        let place = if shared_memory.is_dir() { shared_memory.into() } else { std::env::temp_dir() };
        let name = "output::tests::killed_while_it_copies_to_another_file_system_it_leaves_whole_files_only";
        for delay in [10, 30, 60, 100, 150, 220] {
            let output = tempfile::tempdir_in(&place).unwrap();
            let mut child = std::process::Command::new(std::env::current_exe().unwrap())
                .args(["--exact", name])
                .env(FOLDER, output.path())
                .stdout(std::process::Stdio::null())
                .spawn()
                .unwrap();
            std::thread::sleep(std::time::Duration::from_millis(delay));
            child.kill().unwrap();
            child.wait().unwrap();
            for name in names(output.path()).iter().filter(|name| !name.starts_with('.')) {
                assert_eq!(fs::metadata(output.path().join(name)).unwrap().len(), BYTES as u64, "{name}");
            }
        }
    }

    #[test]
    fn shared_file_has_each_write_in_its_place_and_no_name_while_one_is_under_way() {
        let root = tempfile::tempdir().unwrap();
        let mut results = Results::default();
        let file = results.begin_shared(&root.path().join("shared"), root.path()).unwrap();
        let writer = file.clone();
        results.add_shared(file, root.path(), 11);
        assert!(names(root.path()).is_empty());
        writer.write_at(b"world", 6).unwrap();
        writer.write_at(b"hello ", 0).unwrap();
        drop(writer);
        results.publish().unwrap();
        assert_eq!(fs::read(root.path().join("shared")).unwrap(), b"hello world");
    }

    #[test]
    fn however_many_results_wait_none_has_a_name_before_all_are_complete() {
        let root = tempfile::tempdir().unwrap();
        let text = |n: usize| n.to_string().repeat(n % 7);
        let fill = |folder: &str| {
            let mut results = Results::default();
            for n in 0..50 {
                let path = root.path().join(folder).join(n.to_string());
                let file = results.begin_among(20, &path, root.path()).unwrap();
                let writer = file.clone();
                results.add_shared(file, root.path(), text(n).len() as u64);
                writer.write_at(text(n).as_bytes(), 0).unwrap();
            }
            results
        };
        drop(fill("dropped"));
        assert!(names(root.path()).is_empty());
        let results = fill("kept");
        assert!(names(root.path()).is_empty());
        let paths = results.publish().unwrap();
        assert_eq!(names(&root.path().join("kept")).len(), 50);
        for (n, path) in paths.iter().enumerate() {
            assert!(path.ends_with(n.to_string()));
            assert_eq!(fs::read_to_string(path).unwrap(), text(n));
        }
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
