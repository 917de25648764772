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

/// The values of the setting `log_level`.
pub const LEVELS: [&str; 4] = ["error", "warn", "info", "debug"];

/// Starts the log; call once. `level` is one of `LEVELS` in any case. Another one is refused when the settings are
/// checked, and that must be seen, so it means `info` here.
pub fn start(job: &JobConfig, level: Option<&str>) {
    // A plain level, since filters by target would bring a library of regular expressions.
    let level = level.filter(|level| LEVELS.iter().any(|known| known.eq_ignore_ascii_case(level)));
    let level = level.and_then(|level| level.parse().ok()).unwrap_or(LevelFilter::INFO);
    let lines = tracing_subscriber::fmt().with_writer(std::io::stderr).with_max_level(level);
    if for_people(job) {
        lines.without_time().with_target(false).init();
    } else {
        lines
            .json()
            .flatten_event(true)
            .with_target(false)
            .with_current_span(true)
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
