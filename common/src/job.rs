//! The frame around a job: read the contract, run, tell how it ended. Both programs' `main` is one
//! call of `run`.

use std::fs::File;
use std::io::Write;
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;

use crate::answer::Answer;
use crate::codes::{self, Class};
use crate::contract::{Hosts, JobConfig, Tree, names};
use crate::settings::{self, Instead};
use crate::stop::Stop;
use crate::{Problem, addresses, log, problem};

/// What a job knows of its surroundings before it looks at a setting.
#[derive(Debug)]
pub struct Job {
    pub tree: Tree,
    pub config: JobConfig,
    pub hosts: Hosts,
    pub stop: Stop,
    /// Somebody watches a terminal: progress bars, human log lines.
    pub for_people: bool,
}

impl Job {
    /// From now on a second Ctrl-C ends the process at once, and still says so; in the exit message too, unless the
    /// program only answers a question. For programs that leave nothing half-written when they are killed.
    pub fn end_at_second_interrupt(&self, only_answers: bool) {
        let tree = self.tree.clone();
        self.stop.end_at_second_interrupt(Class::Stopped.exit_code(), move || {
            let what = "the job was interrupted twice and ended at once; a result that has its name is whole";
            let problem = Problem::new(&codes::STOPPED, what);
            if !only_answers {
                tell(&tree, &format!("Stopped: {problem}"));
            }
            log::problem(&problem);
        });
    }
}

impl Job {
    /// From now on a stop ends the program also where the work does not notice it in time, and says so; in the exit message
    /// too, unless the program only answers a question. See `Stop::hold` for what must not be cut short.
    pub fn end_late_work(&self, only_answers: bool) {
        let (tree, stop) = (self.tree.clone(), self.stop.clone());
        self.stop.end_late_work(Class::Stopped.exit_code(), move || {
            if let Err(problem) = stop.check() {
                log::problem(&problem);
                if !only_answers {
                    tell(&tree, &format!("Stopped: {problem}"));
                }
            }
        });
    }
}

/// How a job ended well.
#[derive(Debug)]
pub enum Outcome {
    /// The work is done; the text is the exit message, `Completed: ...` or
    /// `CompletedWithViolations: ...`.
    Completed(String),
    /// The work of this host is done, and another one speaks for the job: the text is only logged.
    Quiet(String),
    /// A question was answered (help, a dry run): the text goes to standard output, no exit message
    /// is written.
    Answered { text: Answer, exit_code: u8 },
}

/// Runs a job and tells its end in the exit message, the log and the exit code.
pub fn run(body: impl FnOnce(&Job) -> std::result::Result<Outcome, Instead>) -> ExitCode {
    let stop = Stop::install();
    let stopping = stop.clone();
    let tree = Tree::from_environment();
    let loaded = JobConfig::load(&tree);
    let mut unread = JobConfig::default();
    unread.present = true;
    let config = loaded.as_ref().unwrap_or(&unread);
    log::start(config, settings::early(names::LOG_LEVEL, config).as_deref());
    let for_people = log::for_people(config);
    // Kept for the exit message: a job that failed for want of open files could not open its file either.
    let spare = File::open(std::path::Component::RootDir.as_os_str());
    // The service joins the messages of all hosts, so a failure says whose it is.
    let mut host = String::new();
    let ended = loaded
        .and_then(|config| {
            let hosts = Hosts::load(&tree)?;
            if hosts.several() {
                host = format!("{}: ", hosts.current_host);
            }
            Ok(Job { hosts, tree: tree.clone(), config, stop, for_people })
        })
        .map_err(Instead::Fail)
        .and_then(|job| guarded(|| body(&job)));
    drop(spare);
    stopping.hold_to_the_end();
    match ended {
        Ok(Outcome::Completed(message)) => {
            tracing::info!("{message}");
            tell(&tree, &message);
            ExitCode::SUCCESS
        }
        Ok(Outcome::Quiet(text)) => {
            tracing::info!("{text}");
            ExitCode::SUCCESS
        }
        Ok(Outcome::Answered { text, exit_code }) => {
            show(&text.to_string());
            ExitCode::from(exit_code)
        }
        Err(Instead::Show(text)) => {
            show(&problem::visible(&text));
            ExitCode::SUCCESS
        }
        Err(Instead::Fail(problem)) => {
            log::problem(&problem);
            let word = if problem.class() == Class::Stopped { "Stopped" } else { "Error" };
            let text = problem.to_string();
            let (code, rest) = text.split_once(": ").unwrap_or(("", &text));
            tell(&tree, &format!("{word}: {code}: {host}{rest}"));
            ExitCode::from(problem.class().exit_code())
        }
    }
}

impl From<Problem> for Instead {
    fn from(problem: Problem) -> Instead {
        Instead::Fail(problem)
    }
}

/// A panic is a defect of ours; the user still gets an exit message and a code.
fn guarded<T>(body: impl FnOnce() -> std::result::Result<T, Instead>) -> std::result::Result<T, Instead> {
    panic::catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|_| {
        Err(Instead::Fail(
            Problem::new(&codes::INTERNAL, "the program has a defect and had to stop")
                .hint("please report it with the log of this run"),
        ))
    })
}

fn tell(tree: &Tree, message: &str) {
    if tree.is_expected()
        && let Err(error) = tree.write_message(message)
    {
        tracing::warn!(
            file = %tree.message_path().display(),
            "cannot write the exit message {}: {error}; the job's result is not affected",
            tree.message_path().display()
        );
    }
}

/// Writes an answer to standard output, its addresses without secrets. A closed pipe (`| head`) is no failure.
fn show(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(addresses::hidden(text).as_bytes());
    if !text.ends_with('\n') {
        let _ = out.write_all(b"\n");
    }
}

/// As `Result` of a function that may also answer instead of failing.
pub type JobResult = std::result::Result<Outcome, Instead>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panic_becomes_an_internal_problem() {
        let Err(Instead::Fail(problem)) = guarded(|| -> JobResult { panic!("boom") }) else { panic!() };
        assert_eq!(problem.class(), Class::Internal);
    }
}
