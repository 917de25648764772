//! The log: lines for people on a terminal, one JSON object per line otherwise, so that CloudWatch
//! Logs Insights can query it. It goes to standard error; standard output is for answers.
//!
//! Payloads never reach a log above debug level.

use std::io::{self, IsTerminal, Write};

use tracing::level_filters::LevelFilter;

use crate::contract::JobConfig;
use crate::problem::{Problem, steers};

/// Whether somebody watches: a terminal, and no platform that attached one for nobody (the SDK's
/// local mode does).
pub fn for_people(job: &JobConfig) -> bool {
    !job.present && io::stderr().is_terminal()
}

/// The values of the setting `log_level`.
pub const LEVELS: [&str; 4] = ["error", "warn", "info", "debug"];

/// Starts the log; call once. `level` is one of `LEVELS` in any case. Another one is refused when the settings are
/// checked, and that must be seen, so it means `info` here.
pub fn start(job: &JobConfig, level: Option<&str>) {
    // A plain level, since filters by target would bring a library of regular expressions.
    let level = level.filter(|level| LEVELS.iter().any(|known| known.eq_ignore_ascii_case(level)));
    let level = level.and_then(|level| level.parse().ok()).unwrap_or(LevelFilter::INFO);
    let for_people = for_people(job);
    let lines = tracing_subscriber::fmt().with_writer(move || Lines { for_people }).with_max_level(level);
    if for_people {
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

/// Standard error, to which each record is written at once and as one line. Names and values of strangers stand in it:
/// characters that steer whatever shows the log are spelled by their numbers.
struct Lines {
    for_people: bool,
}

impl Write for Lines {
    fn write(&mut self, record: &[u8]) -> io::Result<usize> {
        io::stderr().write_all(told(&String::from_utf8_lossy(record), self.for_people).as_bytes())?;
        Ok(record.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// A record as it is written. In JSON such a character stands in a string, where `\u202e` means the same. On a terminal
/// the escapes are those of our own colours: in names and values `tracing` has spelled them.
fn told(record: &str, for_people: bool) -> String {
    let (line, end) = record.strip_suffix('\n').map_or((record, ""), |line| (line, "\n"));
    let mut out = String::with_capacity(record.len());
    for character in line.chars() {
        let colours = for_people && character == '\u{1b}';
        match steers(character) || matches!(character, '\n' | '\r') {
            true if for_people && !colours => out.extend(character.escape_unicode()),
            true if !for_people => out.push_str(&format!("\\u{:04x}", u32::from(character))),
            _ => out.push(character),
        }
    }
    out + end
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_steers_nothing_and_is_one_line() {
        let steering = "\u{7f}\u{9b}31m\u{202e}\u{2066}\u{200f}\u{61c}\u{2028}\u{85}";
        let json = serde_json::json!({ "message": format!("{steering}\u{1b}\r\nforged\té") });
        let record = format!("{json}\n");
        let line = told(&record, false);
        assert!(line.ends_with("}\n") && !line.trim_end().contains(steers), "{line}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&line).unwrap(), json);
        assert_eq!(
            told(&format!("\u{1b}[32mINFO\u{1b}[0m {steering}\r\nforged\té\n"), true),
            "\u{1b}[32mINFO\u{1b}[0m \\u{7f}\\u{9b}31m\\u{202e}\\u{2066}\\u{200f}\\u{61c}\\u{2028}\\u{85}\
             \\u{d}\\u{a}forged\té\n"
        );
    }
}
