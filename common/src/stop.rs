//! Being stopped: SIGTERM and SIGINT set a flag that long work looks at.
//!
//! Process 1 of a container ignores every signal without a handler, so `Stop::install` is the
//! first thing that `main` does.
//!
//! Work that is over soon, or mostly, does not look at the flag. Where it takes longer after all, the program is ended
//! under it (`end_late_work`), unless something is held that must be done first: an endpoint that must be deleted, results
//! that come all or none.

use std::fs;
use std::io::Read;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTERM, SIGXFSZ};

use crate::{Problem, Result, codes};

/// How long after the signal work may go on that does not look at the flag.
const PATIENCE: Duration = Duration::from_millis(600);
/// Between two looks of the one that ends late work.
const TICK: Duration = Duration::from_millis(50);

/// What an end of the program must not cut short, and the folders that go with it.
#[derive(Debug, Default)]
struct Keeping {
    held: u32,
    folders: Vec<PathBuf>,
}

/// While it lives the program is not ended under the work.
#[derive(Debug)]
pub struct Held(Arc<Mutex<Keeping>>);

impl Drop for Held {
    fn drop(&mut self) {
        lock(&self.0).held -= 1;
    }
}

fn lock(keeping: &Mutex<Keeping>) -> MutexGuard<'_, Keeping> {
    keeping.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A cheap handle on the stop flag.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    flag: Arc<AtomicBool>,
    /// Looks until the flag is set by itself, for tests.
    looks: Option<Arc<AtomicU64>>,
    keeping: Arc<Mutex<Keeping>>,
}

impl Stop {
    /// Sets the flag on SIGTERM and SIGINT from now on.
    pub fn install() -> Stop {
        let stop = Stop::default();
        for signal in [SIGTERM, SIGINT] {
            // Registering fails only for signals that cannot be caught, which these can.
            let _ = signal_hook::flag::register(signal, Arc::clone(&stop.flag));
        }
        // With a handler, a file beyond the size limit of the process is an error like any other.
        let _ = signal_hook::flag::register(SIGXFSZ, Arc::default());
        stop
    }

    /// For tests: the job is asked to stop between two looks at the flag, after so many of them.
    pub fn after(looks: u64) -> Stop {
        Stop { looks: Some(Arc::new(AtomicU64::new(looks))), ..Stop::default() }
    }

    /// From now on the second SIGINT ends the process: somebody at a terminal pressed Ctrl-C twice. `tell` is called before
    /// and given a second. For programs that leave nothing half-written when they are killed.
    pub fn end_at_second_interrupt(&self, code: u8, tell: impl FnOnce() + Send + 'static) {
        let Ok((mut presses, pressed)) = UnixStream::pair() else { return };
        let _ = signal_hook::low_level::pipe::register(SIGINT, pressed);
        let wait = move || {
            // A byte for each signal.
            if presses.read_exact(&mut [0; 2]).is_err() {
                return;
            }
            let (told, end) = mpsc::channel();
            // Whoever tells may wait for a full pipe or a lost disk.
            let _ = thread::Builder::new().spawn(move || {
                tell();
                let _ = told.send(());
            });
            let _ = end.recv_timeout(Duration::from_secs(1));
            std::process::exit(code.into());
        };
        let _ = thread::Builder::new().spawn(wait);
    }

    /// From now on the program is ended under work that does not notice a stop, as soon as nothing is held: the scratch
    /// folders are removed, and `tell` is called before.
    pub fn end_late_work(&self, code: u8, tell: impl FnOnce() + Send + 'static) {
        let stop = self.clone();
        let wait = move || {
            while !stop.flag.load(Ordering::Relaxed) {
                thread::sleep(TICK);
            }
            thread::sleep(PATIENCE);
            loop {
                // Kept to the end: whoever wants to hold something now waits for it.
                let keeping = lock(&stop.keeping);
                if keeping.held == 0 {
                    keeping.folders.iter().for_each(|folder| remove(folder));
                    tell();
                    std::process::exit(code.into());
                }
                drop(keeping);
                thread::sleep(TICK);
            }
        };
        let _ = thread::Builder::new().spawn(wait);
    }

    /// Keeps the program from being ended under what follows: something that must be tidied up, or comes all or none.
    #[must_use]
    pub fn hold(&self) -> Held {
        lock(&self.keeping).held += 1;
        Held(Arc::clone(&self.keeping))
    }

    /// As `hold`, for the rest of the run: what it says in the end must be what it did.
    pub fn hold_to_the_end(&self) {
        lock(&self.keeping).held += 1;
    }

    /// A scratch folder that goes also when the program is ended under its work.
    pub fn remove_at_end(&self, folder: &Path) {
        lock(&self.keeping).folders.push(folder.into());
    }

    pub fn requested(&self) -> bool {
        if let Some(looks) = &self.looks {
            let left = looks.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
            if left.is_err() {
                self.request();
            }
        }
        self.flag.load(Ordering::Relaxed)
    }

    /// For tests, and for a part of the program that wants the rest to end.
    pub fn request(&self) {
        self.flag.store(true, Ordering::Relaxed);
    }

    /// Call it between pieces of work of at most a second.
    ///
    /// # Errors
    /// `STOPPED` once the job was asked to stop.
    pub fn check(&self) -> Result<()> {
        if self.requested() {
            return Err(Problem::new(&codes::STOPPED, "the job was asked to stop; no result was written"));
        }
        Ok(())
    }
}

/// Removes a folder in which others may still be writing.
fn remove(folder: &Path) {
    for _ in 0..10 {
        if fs::remove_dir_all(folder).is_ok() || !folder.exists() {
            return;
        }
    }
}
