//! Where the bytes of results are until all results may have their names.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::{OutputFile, place};
use crate::{Problem, Result, codes};

/// A result that has all its bytes and lacks its name.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) path: PathBuf,
    pub(super) scratch: PathBuf,
    pub(super) store: Store,
}

/// Where the bytes of a result are.
#[derive(Debug, Clone)]
pub(super) enum Store {
    /// A file without a name on the file system of the output.
    Nameless(Arc<File>),
    /// Parts of a scratch file, which may hold several results.
    Scratch { file: Arc<File>, extents: Vec<Extent> },
}

/// A part of a result, and where it stands in a scratch file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    /// Its place in the result.
    pub(super) at: u64,
    pub(super) start: u64,
    pub(super) bytes: u64,
}

pub(super) fn scratch_file(folder: &Path) -> Result<File> {
    tempfile::tempfile_in(folder).map_err(|error| Problem::io("create a scratch file in", folder, error))
}

/// A result file that several threads write to, each at a place of its own. The first write opens it.
#[derive(Debug, Clone)]
pub struct SharedFile(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    room: Arc<Room>,
    /// None before the first write.
    store: Mutex<Option<Store>>,
}

/// What the results of a run have in common.
#[derive(Debug)]
struct Room {
    scratch: PathBuf,
    /// Results that may have an open file of their own, and those that have.
    most_open: usize,
    open: AtomicUsize,
    /// The scratch file of the others, and how much of it is taken.
    overflow: Mutex<Option<Arc<File>>>,
    taken: AtomicU64,
}

impl Room {
    fn open(&self, path: &Path) -> Result<Store> {
        let is_free = |open: usize| (open < self.most_open).then_some(open + 1);
        if self.open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, is_free).is_ok() {
            if let Ok(file) = place::nameless(place::existing_folder(path)) {
                return Ok(Store::Nameless(Arc::new(file)));
            }
            self.open.fetch_sub(1, Ordering::Relaxed);
        }
        let mut overflow = self.overflow.lock().unwrap_or_else(PoisonError::into_inner);
        let file = match &*overflow {
            Some(file) => Arc::clone(file),
            None => Arc::clone(overflow.insert(Arc::new(scratch_file(&self.scratch)?))),
        };
        Ok(Store::Scratch { file, extents: Vec::new() })
    }
}

impl SharedFile {
    /// Writes `bytes` from byte `at` of the result on.
    ///
    /// # Errors
    /// Neither the output nor the scratch folder can be written to.
    pub fn write_at(&self, bytes: &[u8], at: u64) -> Result<()> {
        let Shared { path, room, store } = &*self.0;
        let (file, start) = {
            let mut store = store.lock().unwrap_or_else(PoisonError::into_inner);
            let store = match &mut *store {
                Some(store) => store,
                None => store.insert(room.open(path)?),
            };
            match store {
                Store::Nameless(file) => (Arc::clone(file), at),
                Store::Scratch { file, extents } => {
                    let start = room.taken.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                    extents.push(Extent { at, start, bytes: bytes.len() as u64 });
                    (Arc::clone(file), start)
                }
            }
        };
        file.write_all_at(bytes, start).map_err(|error| Problem::io("write the result", path, error))
    }

    pub fn is_same(&self, other: &SharedFile) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// Results that wait for their names until the work as a whole has succeeded. Dropped without `publish`, they
/// leave nothing.
#[derive(Debug, Default)]
pub struct Results {
    files: Vec<Given>,
    room: Option<Arc<Room>>,
}

#[derive(Debug)]
enum Given {
    Whole(Waiting),
    Shared(SharedFile),
}

impl Results {
    /// Takes a file that is complete.
    ///
    /// # Errors
    /// Its last bytes cannot be written.
    pub fn add(&mut self, file: OutputFile) -> Result<()> {
        let OutputFile { path, scratch, writer, is_scratch, bytes } = file;
        let file = writer
            .into_inner()
            .map_err(|error| Problem::io("write the result", &path, error.into_error()))?;
        let file = Arc::new(file);
        let store = if is_scratch {
            Store::Scratch { file, extents: vec![Extent { at: 0, start: 0, bytes }] }
        } else {
            Store::Nameless(file)
        };
        self.files.push(Given::Whole(Waiting { path, scratch, store }));
        Ok(())
    }

    /// Takes all files of others, which are published with these.
    pub fn append(&mut self, others: Results) {
        self.files.extend(others.files);
    }

    /// Writes a whole file at once. `scratch`: as of `OutputFile::create`.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&mut self, path: &Path, bytes: &[u8], scratch: &Path) -> Result<()> {
        let mut file = OutputFile::create(path, scratch)?;
        file.write_all(bytes).map_err(|error| Problem::io("write the result", path, error))?;
        self.add(file)
    }

    /// Begins a file for several threads; nothing is opened before it is written to. `scratch` must be the same for
    /// all of them, and is only used where the output can have no nameless file more.
    pub fn begin_shared(&mut self, path: &Path, scratch: &Path) -> SharedFile {
        self.begin_among(most_open_files, path, scratch)
    }

    pub(super) fn begin_among(
        &mut self,
        most_open: impl FnOnce() -> usize,
        path: &Path,
        scratch: &Path,
    ) -> SharedFile {
        let room = self.room.get_or_insert_with(|| {
            Arc::new(Room {
                scratch: scratch.into(),
                most_open: most_open(),
                open: AtomicUsize::new(0),
                overflow: Mutex::new(None),
                taken: AtomicU64::new(0),
            })
        });
        let shared = Shared { path: path.into(), room: Arc::clone(room), store: Mutex::new(None) };
        let file = SharedFile(Arc::new(shared));
        self.files.push(Given::Shared(file.clone()));
        file
    }

    /// # Errors
    /// A file is still being written to.
    pub(super) fn whole(self) -> Result<Vec<Waiting>> {
        let whole = |given| match given {
            Given::Whole(waiting) => Ok(waiting),
            Given::Shared(SharedFile(shared)) => {
                let Some(Shared { path, room, store }) = Arc::into_inner(shared) else {
                    return Err(Problem::new(&codes::INTERNAL, "a result is still being written to"));
                };
                let store = match store.into_inner().unwrap_or_else(PoisonError::into_inner) {
                    Some(store) => store,
                    None => room.open(&path)?,
                };
                Ok(Waiting { path, scratch: room.scratch.clone(), store })
            }
        };
        self.files.into_iter().map(whole).collect()
    }
}

/// How many results may keep a file of their own open: the limit of the process but for what all else needs.
fn most_open_files() -> usize {
    // Inputs that are read at a time, scratch files, standard streams.
    const ELSE: usize = 64;
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let soft = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let soft = soft.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(1024);
    usize::saturating_sub(soft, ELSE).clamp(16, 20_000)
}

#[cfg(test)]
mod tests {
    use super::super::publish::tests::names;
    use super::super::publish::{SYSTEM, publish};
    use super::*;

    #[test]
    fn shared_file_has_each_write_in_its_place_and_no_name_while_one_is_under_way() {
        for most_open in [1, 0] {
            let root = tempfile::tempdir().unwrap();
            let mut results = Results::default();
            let path = root.path().join("shared");
            let file = results.begin_among(|| most_open, &path, root.path());
            let writer = file.clone();
            drop(file);
            writer.write_at(b"world", 6).unwrap();
            writer.write_at(b"hello ", 0).unwrap();
            assert!(names(root.path()).is_empty());
            drop(writer);
            results.publish().unwrap();
            assert_eq!(fs::read(path).unwrap(), b"hello world");
        }
    }

    #[test]
    fn a_file_that_is_still_written_to_gets_no_name() {
        let root = tempfile::tempdir().unwrap();
        let mut results = Results::default();
        let file = results.begin_shared(&root.path().join("shared"), root.path());
        file.write_at(b"x", 0).unwrap();
        assert!(results.publish().is_err());
        assert!(names(root.path()).is_empty());
    }

    #[test]
    fn the_first_write_opens_a_file_and_nothing_before() {
        let root = tempfile::tempdir().unwrap();
        let mut results = Results::default();
        let file = results.begin_among(|| 0, &root.path().join("x"), &root.path().join("no scratch folder"));
        assert!(file.write_at(b"x", 0).unwrap_err().to_string().contains("no scratch folder"));
        assert!(names(root.path()).is_empty());
    }

    #[test]
    fn however_many_results_wait_none_has_a_name_before_all_are_complete() {
        let root = tempfile::tempdir().unwrap();
        let text = |n: usize| n.to_string().repeat(n % 7);
        let fill = |folder: &str| {
            let mut results = Results::default();
            let path = |n: usize| root.path().join(folder).join(n.to_string());
            let files: Vec<_> = (0..50).map(|n| results.begin_among(|| 20, &path(n), root.path())).collect();
            // In turns, so that the pieces of one file lie apart in the scratch file.
            for half in [0, 1] {
                for (n, file) in files.iter().enumerate() {
                    let text = text(n);
                    let (first, second) = text.split_at(text.len() / 2);
                    let (part, at) = [(second, first.len()), (first, 0)][half];
                    file.write_at(part.as_bytes(), at as u64).unwrap();
                }
            }
            results
        };
        drop(fill("dropped"));
        assert!(names(root.path()).is_empty());
        let results = fill("kept");
        assert!(names(root.path()).is_empty());
        let whole = results.whole().unwrap();
        let has_own_file = |waiting: &&Waiting| matches!(waiting.store, Store::Nameless(_));
        assert_eq!(whole.iter().filter(has_own_file).count(), 20);
        let paths = publish(whole, None, &SYSTEM).unwrap();
        assert_eq!(names(&root.path().join("kept")).len(), 50);
        for (n, path) in paths.iter().enumerate() {
            assert!(path.ends_with(n.to_string()));
            assert_eq!(fs::read_to_string(path).unwrap(), text(n));
        }
    }
}
