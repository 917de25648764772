//! The log: lines for people on a terminal, one JSON object per line otherwise, so that CloudWatch
//! Logs Insights can query it. It goes to standard error; standard output is for answers.
//!
//! Payloads never reach a log above debug level. Passwords in addresses never reach it, whichever library logs them.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};

use tracing::level_filters::LevelFilter;

use crate::addresses;
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

/// A record as it is written, without secrets of addresses and without the output of a `credential_process`. In JSON such a
/// character stands in a string, where `\u202e` means the same. On a terminal the escapes are those of our own colours: in
/// names and values `tracing` has spelled them.
fn told(record: &str, for_people: bool) -> String {
    let shown = addresses::hidden(record);
    let record = &*without_output(&shown);
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

/// An event without what the `credential_process` of a profile wrote: the SDK repeats it where the process fails.
fn without_output(event: &str) -> Cow<'_, str> {
    const BEFORE: &str = "Stderr: ";
    if !event.contains("external process exited with code") {
        return Cow::Borrowed(event);
    }
    if !event.starts_with('{') {
        let (before, _) = event.split_once(BEFORE).unwrap_or((event, ""));
        return Cow::Owned(format!("{}\n", before.trim_end()));
    }
    // Up to the end of the JSON string that holds it.
    let mut pieces = event.split(BEFORE);
    let mut out = pieces.next().unwrap_or_default().to_string();
    for piece in pieces {
        let is_end = |&(at, _): &(usize, &str)| {
            let before = &piece[..at];
            (before.len() - before.trim_end_matches('\\').len()).is_multiple_of(2)
        };
        let end = piece.match_indices('"').find(is_end).map_or(piece.len(), |(at, _)| at);
        out.push_str(&piece[end..]);
    }
    Cow::Owned(out)
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

    #[test]
    fn the_output_of_a_process_and_the_login_of_an_address_are_not_logged() {
        const SAID: &str = "external process exited with code exit status: 1. Stderr: a word\\n \\\"word\\\"";
        let event = format!("{{\"error\":\"{SAID} (source: {SAID})\",\"provider\":\"Profile\"}}\n");
        let shown = told(&event, false);
        assert!(!shown.contains("word") && shown.ends_with("\"provider\":\"Profile\"}\n"), "{shown}");
        serde_json::from_str::<serde_json::Value>(&shown).unwrap();
        let shown = told("WARN external process exited with code 1. Stderr: word\nword\n", true);
        assert_eq!(shown, "WARN external process exited with code 1.\n");
        assert_eq!(told("INFO Stderr: at http://u:word@h\n", true), "INFO Stderr: at http://h\n");
    }
}
