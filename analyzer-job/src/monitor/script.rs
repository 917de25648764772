//! The user's Python scripts, run when there is a Python: one process for all records, lines in and lines out.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use plumbline_common::codes::Class;
use plumbline_common::job::Job;
use plumbline_common::stop::Stop;
use plumbline_common::{Problem, Result, codes, contract};

/// Speaks to the process; see there for the lines.
const SHIM: &str = include_str!("script.py");

/// A script that gives no answer to a record for so long hangs.
const PATIENCE: Duration = Duration::from_secs(60);
/// A script for the end of the job may take so long: it may send results somewhere.
const PATIENCE_AT_END: Duration = Duration::from_secs(600);
/// How often waiting looks whether the job shall stop.
const LOOK: Duration = Duration::from_millis(100);

/// A script that is there, and the Python that runs it.
#[derive(Debug, Clone)]
pub struct Script {
    setting: &'static str,
    path: PathBuf,
    python: PathBuf,
    /// How long an answer may take.
    patience: Duration,
}

/// What the script says of a record.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// JSON: a list of flat objects.
    Rows(String),
    LeftOut,
    /// The script's own message.
    Failed(String),
}

impl Script {
    /// Finds script and Python. `instead`: what to use where there is no Python.
    ///
    /// # Errors
    /// `CONFIG_NOT_SUPPORTED`: no `python3` on the PATH. `SETTING_INVALID`: no file there.
    pub fn find(job: &Job, setting: &'static str, path: &Path, instead: &str) -> Result<Script> {
        let Some(python) = python() else {
            return Err(Problem::new(
                &codes::CONFIG_NOT_SUPPORTED,
                "there is no `python3` to run the script",
            )
            .field(setting)
            .found(path.display().to_string())
            .expected("`python3` on the PATH")
            .hint(instead));
        };
        let path = job.tree.resolve(path);
        if !path.is_file() {
            return Err(Problem::new(&codes::SETTING_INVALID, "the script does not exist")
                .field(setting)
                .file(path));
        }
        Ok(Script { setting, path, python, patience: PATIENCE })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Starts the process and waits until the script is loaded.
    ///
    /// # Errors
    /// `SCRIPT_FAILED`: it cannot be loaded, with its own message; it ends or hangs. Being stopped.
    pub fn start<'a>(&'a self, stop: &'a Stop) -> Result<Running<'a>> {
        let mut running = self.spawn("record", stop)?;
        match running.answer(self.patience)? {
            Answer::Failed(reason) => Err(self.failed("a script cannot be used").found(reason)),
            _ => Ok(running),
        }
    }

    /// Runs a script for the end of the job, and waits until it has ended.
    ///
    /// # Errors
    /// `SCRIPT_FAILED`: it cannot be loaded, it fails or hangs. Being stopped.
    pub fn run_at_end(&self, stop: &Stop) -> Result<()> {
        let mut running = self.spawn("end", stop)?;
        match running.answer(PATIENCE_AT_END) {
            Ok(Answer::Failed(reason)) => Err(self.failed("a script failed").found(reason)),
            Ok(_) => {
                running.hear_out();
                Ok(())
            }
            Err(problem) if problem.class() == Class::Stopped => Err(Problem::new(
                &codes::STOPPED,
                "the job was asked to stop while its last script ran; the results are written",
            )
            .field(self.setting)),
            Err(problem) => Err(problem),
        }
    }

    fn spawn<'a>(&'a self, what: &str, stop: &'a Stop) -> Result<Running<'a>> {
        let mut child = Command::new(&self.python)
            .args(["-c", SHIM, what])
            .arg(&self.path)
            // Sets and dictionaries of texts come in the same order every time; nothing is written beside the script.
            .envs([("PYTHONHASHSEED", "0"), ("PYTHONDONTWRITEBYTECODE", "1"), ("PYTHONUTF8", "1")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| Problem::io("start Python", &self.python, error))?;
        let (to, lines_in) = mpsc::channel::<Vec<u8>>();
        let (out, from) = mpsc::channel();
        let last = Arc::new(Mutex::new(String::new()));
        let (hearing, heard) = mpsc::channel::<()>();
        if let Some(mut stdin) = child.stdin.take() {
            // A process that has ended is noticed by its answers.
            thread::spawn(move || lines_in.iter().all(|lines| stdin.write_all(&lines).is_ok()));
        }
        if let Some(stdout) = child.stdout.take() {
            thread::spawn(move || {
                BufReader::new(stdout)
                    .lines()
                    .map_while(std::io::Result::ok)
                    .all(|line| out.send(line).is_ok())
            });
        }
        if let Some(stderr) = child.stderr.take() {
            let (last, at_end) = (Arc::clone(&last), what == "end");
            thread::spawn(move || {
                for line in BufReader::new(stderr).lines().map_while(std::io::Result::ok) {
                    // What a script says of records may hold their values; at the end it speaks of results.
                    if at_end {
                        tracing::info!("script: {line}");
                    } else {
                        tracing::debug!("script: {line}");
                    }
                    if let (false, Ok(mut last)) = (line.trim().is_empty(), last.lock()) {
                        *last = line;
                    }
                }
                drop(hearing);
            });
        }
        Ok(Running { script: self, child, to, from, last, heard, stop })
    }

    fn failed(&self, what: &str) -> Problem {
        Problem::new(&codes::SCRIPT_FAILED, what).field(self.setting).file(&self.path)
    }
}

/// The first `python3` on the search path.
fn python() -> Option<PathBuf> {
    let paths = contract::variable("PATH")?;
    std::env::split_paths(&paths).map(|folder| folder.join("python3")).find(|file| file.is_file())
}

/// A process that waits for records; it ends with this value.
pub struct Running<'a> {
    script: &'a Script,
    child: Child,
    to: Sender<Vec<u8>>,
    from: Receiver<String>,
    /// The last line that it wrote to its standard error.
    last: Arc<Mutex<String>>,
    /// Ends when all of it was read.
    heard: Receiver<()>,
    stop: &'a Stop,
}

impl Running<'_> {
    /// Sends lines; each is answered by one.
    pub fn send(&self, lines: Vec<u8>) {
        // A process that has ended is noticed by its answers.
        let _ = self.to.send(lines);
    }

    /// The answer to the next record.
    ///
    /// # Errors
    /// `SCRIPT_FAILED`: none came for a minute, or the process has ended. Being stopped.
    pub fn receive(&mut self) -> Result<Answer> {
        self.answer(self.script.patience)
    }

    fn answer(&mut self, patience: Duration) -> Result<Answer> {
        let start = Instant::now();
        loop {
            match self.from.recv_timeout(LOOK) {
                Ok(line) => return self.read(&line),
                Err(RecvTimeoutError::Timeout) if start.elapsed() < patience => self.stop.check()?,
                Err(RecvTimeoutError::Timeout) => {
                    return Err(self
                        .script
                        .failed("a script hangs")
                        .found(format!("no answer for {} s", patience.as_secs())));
                }
                Err(RecvTimeoutError::Disconnected) => return Err(self.ended()),
            }
        }
    }

    fn read(&self, line: &str) -> Result<Answer> {
        let unknown = || self.script.failed("a script's process gave an answer that means nothing");
        let (letter, json) = line.split_at_checked(1).ok_or_else(unknown)?;
        match letter {
            "o" => Ok(Answer::Rows(json.into())),
            "s" => Ok(Answer::LeftOut),
            "e" => Ok(Answer::Failed(serde_json::from_str(json).map_err(|_| unknown())?)),
            _ => Err(unknown()),
        }
    }

    /// Waits a moment for what the process writes before it ends; something that it started may go on writing.
    fn hear_out(&self) {
        let _ = self.heard.recv_timeout(Duration::from_secs(2));
    }

    /// The process ended before it answered.
    fn ended(&mut self) -> Problem {
        self.hear_out();
        let status = self.child.wait().map_or_else(|error| error.to_string(), |status| status.to_string());
        let problem = self.script.failed("a script's process ended before it answered");
        let last: String = self.last.lock().map(|last| last.chars().take(200).collect()).unwrap_or_default();
        let said = if last.is_empty() { String::new() } else { format!(", its last line: {last}") };
        problem.found(format!("{status}{said}"))
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        // It has ended already, or waits for records that do not come.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_that_hangs_is_told_and_ended_and_a_stop_is_heeded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pre.py");
        std::fs::write(&path, "import time\ndef preprocess_handler(record):\n    time.sleep(1000)\n")
            .unwrap();
        let Some(python) = python() else { return };
        let script = Script { setting: "x", path, python, patience: PATIENCE };
        let hasty = Script { patience: Duration::from_millis(300), ..script.clone() };
        let (go_on, stopped) = (Stop::default(), Stop::default());
        stopped.request();
        let mut running = script.start(&go_on).unwrap();
        running.script = &hasty;
        running.send(b"d{}\n".to_vec());
        let problem = running.receive().unwrap_err();
        assert_eq!(problem.code(), &codes::SCRIPT_FAILED);
        assert!(problem.to_string().contains("hangs"), "{problem}");
        let mut running = script.start(&go_on).unwrap();
        running.stop = &stopped;
        running.send(b"d{}\n".to_vec());
        assert_eq!(running.receive().unwrap_err().code(), &codes::STOPPED);
    }
}
