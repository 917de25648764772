//! The log: lines for people on a terminal, one JSON object per line otherwise, so that CloudWatch
//! Logs Insights can query it. It goes to standard error; standard output is for answers.
//!
//! Payloads never reach a log above debug level.

use std::io::IsTerminal;

use tracing::level_filters::LevelFilter;

use crate::contract::JobConfig;
use crate::problem::Problem;

/// Whether somebody watches: a terminal, and no platform that attached one for nobody (the SDK's
/// local mode does).
pub fn for_people(job: &JobConfig) -> bool {
    !job.present && std::io::stderr().is_terminal()
}

/// Starts the log; call once. `level`: `error`, `warn`, `info` or `debug`; anything else is `info`.
pub fn start(job: &JobConfig, level: Option<&str>) {
    // A plain level, since filters by target would bring a library of regular expressions.
    let level = level.and_then(|level| level.trim().parse().ok()).unwrap_or(LevelFilter::INFO);
    let lines = tracing_subscriber::fmt().with_writer(std::io::stderr).with_max_level(level);
    if for_people(job) {
        lines.without_time().with_target(false).init();
    } else {
        lines
            .json()
            .flatten_event(true)
            .with_target(false)
            .with_current_span(false)
            .with_span_list(false)
            .init();
    }
}

/// Writes a problem to the log with its parts as fields.
pub fn problem(problem: &Problem) {
    let place = problem.place();
    tracing::error!(
        code = %problem.code(),
        file = place.file.as_ref().map(|file| file.display().to_string()),
        line = place.line,
        field = place.field,
        found = problem.found_text(),
        expected = problem.expected_text(),
        hint = problem.hint_text(),
        "{problem}"
    );
}
