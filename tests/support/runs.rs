//! How a run of a program ended, and the files it left: for the tests of both programs.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Output};
use std::time::{Duration, Instant};

/// How a run ended.
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) message: String,
    pub(crate) log: String,
    pub(crate) stdout: String,
}

impl Run {
    /// `tree`: the folder that stood for `/opt/ml`.
    pub(crate) fn of(tree: &Path, output: Output) -> Run {
        Run {
            code: output.status.code(),
            message: fs::read_to_string(tree.join("output/message")).unwrap_or_default(),
            log: String::from_utf8(output.stderr).unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
        }
    }
}

/// Sends a signal, `TERM` or another. The shell has a `kill` of its own, so no program of that name is needed. A child that has
/// ended but was not waited for keeps its id, so nobody else is hit.
pub(crate) fn signal(child: &Child, name: &str) {
    let id = child.id().to_string();
    let sent = Command::new("sh").args(["-c", "kill -s \"$0\" \"$1\"", name, &id]).status().unwrap();
    assert!(sent.success(), "no signal {name} for {id}");
}

/// Waits until a program has a handler for a signal, so that the signal does not end it before its first line.
pub(crate) fn await_handler(child: &Child, signal: u32) {
    let status = format!("/proc/{}/status", child.id());
    let began = Instant::now();
    let caught = || {
        let Ok(status) = fs::read_to_string(&status) else {
            // No Linux: time must do.
            return began.elapsed() > Duration::from_millis(500);
        };
        let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
        u64::from_str_radix(mask.trim(), 16).unwrap() >> (signal - 1) & 1 == 1
    };
    while !caught() {
        assert!(began.elapsed() < Duration::from_secs(30), "no handler for signal {signal}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Waits until a program has opened a file below a folder, which it has listed before; false when it ended before.
pub(crate) fn await_open(child: &mut Child, folder: &Path) -> bool {
    let open = format!("/proc/{}/fd", child.id());
    while child.try_wait().unwrap().is_none() {
        // Descriptors come and go while they are listed.
        let targets = fs::read_dir(&open).into_iter().flatten().flatten();
        let is_below = |path: &Path| path.starts_with(folder) && path != folder;
        if targets.filter_map(|entry| fs::read_link(entry.path()).ok()).any(|path| is_below(&path)) {
            return true;
        }
    }
    false
}

/// How long a run takes, learned from runs that are ended under way: a machine is busy at one moment and not at the next,
/// and by a time that is measured once all runs would be over before they are ended.
pub(crate) struct RunTime(Duration);

impl RunTime {
    pub(crate) fn measured(run: impl FnOnce()) -> RunTime {
        let began = Instant::now();
        run();
        RunTime(began.elapsed())
    }

    pub(crate) fn of(&self, share: f64) -> Duration {
        self.0.mul_f64(share)
    }

    /// Sleeps for this share of a run.
    pub(crate) fn sleep(&self, share: f64) {
        std::thread::sleep(self.of(share));
    }

    /// Of a run that was to be ended: whether it was over before.
    pub(crate) fn learn(&mut self, was_over: bool) {
        self.0 = self.0.mul_f64(if was_over { 0.7 } else { 1.1 });
    }
}

/// Writes a file of a tree, and the folders above it.
pub(crate) fn write(path: &Path, bytes: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// Files by their path below a folder.
pub(crate) fn files_below(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(below) = folders.pop() {
        for entry in fs::read_dir(&below).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().display().to_string();
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    found
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}
