//! Moments as users write them: a time, or an offset from now in the notation of monitoring schedules.

use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};

/// A time such as `2024-01-19T18:00:00Z` (without an offset: UTC; a date alone: its first moment), or an
/// ISO 8601 duration counted from `now`, such as `-PT6H` or `-P1D` (a day is 24 hours). `-PT0H` is now.
///
/// # Errors
/// What was expected instead.
pub fn parse(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let text = text.trim();
    let expected = || "a time such as 2024-01-19T18:00:00Z, or an offset from now such as -PT6H".to_string();
    if text.trim_start_matches(['-', '+']).starts_with(['P', 'p']) {
        let span: Span = text.parse().map_err(|_| expected())?;
        let duration: SignedDuration =
            span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| expected())?;
        return now.checked_add(duration).map_err(|_| expected());
    }
    if let Ok(moment) = text.parse() {
        return Ok(moment);
    }
    let civil: jiff::civil::DateTime = text.parse().map_err(|_| expected())?;
    civil.to_zoned(jiff::tz::TimeZone::UTC).map(|zoned| zoned.timestamp()).map_err(|_| expected())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        let now = "2024-01-19T18:30:00Z".parse().unwrap();
        assert_eq!(parse(text, now).ok().map(|moment| moment.to_string()).as_deref(), expected);
    }

    #[test]
    fn times_and_offsets() {
        check("2024-01-19T18:00:00Z", Some("2024-01-19T18:00:00Z"));
        check("2024-01-19T18:00:00+02:00", Some("2024-01-19T16:00:00Z"));
        check("2024-01-19T18:00:00", Some("2024-01-19T18:00:00Z"));
        check("2024-01-19", Some("2024-01-19T00:00:00Z"));
        check("-PT6H", Some("2024-01-19T12:30:00Z"));
        check("-P1D", Some("2024-01-18T18:30:00Z"));
        check("-P8DT30M", Some("2024-01-11T18:00:00Z"));
        check("-PT0H", Some("2024-01-19T18:30:00Z"));
        check("PT1H", Some("2024-01-19T19:30:00Z"));
        check("yesterday", None);
        check("-P", None);
        check("", None);
    }
}
