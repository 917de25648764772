//! Being stopped: SIGTERM and SIGINT set a flag that long work looks at.
//!
//! Process 1 of a container ignores every signal without a handler, so `Stop::install` is the
//! first thing that `main` does.

use std::io::Read;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTERM, SIGXFSZ};

use crate::{Problem, Result, codes};

/// A cheap handle on the stop flag.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    flag: Arc<AtomicBool>,
    /// Looks until the flag is set by itself, for tests.
    looks: Option<Arc<AtomicU64>>,
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
        Stop { flag: Arc::default(), looks: Some(Arc::new(AtomicU64::new(looks))) }
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
