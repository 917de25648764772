//! Moments: of a request, and of the hour folder a file lies in.

use std::path::Path;

use jiff::Timestamp;
use jiff::civil::date;
use jiff::tz::TimeZone;

const HOUR: i64 = 3600;

/// Seconds since 1970 of a time such as `2024-01-19T19:27:57Z`; none when it is no time.
pub(crate) fn moment(text: &[u8]) -> Option<i64> {
    whole_seconds(text)
        .or_else(|| Some(std::str::from_utf8(text).ok()?.trim().parse::<Timestamp>().ok()?.as_second()))
}

/// The form that SageMaker writes, read without the machinery of calendars.
fn whole_seconds(text: &[u8]) -> Option<i64> {
    let text: &[u8; 20] = text.try_into().ok()?;
    let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':'), (19, b'Z')];
    if marks.iter().any(|&(at, mark)| text[at] != mark) {
        return None;
    }
    let number = |from: usize, to: usize| {
        text[from..to].iter().try_fold(0i64, |number, digit| {
            digit.is_ascii_digit().then(|| number * 10 + i64::from(digit - b'0'))
        })
    };
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    // Days of 29 and more depend on the month: those go the slow way.
    if !(1..=12).contains(&month) || !(1..=28).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    // Days since 1970 in the calendar whose years begin in March, so that leap days come last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year.div_euclid(4) - year.div_euclid(100)
        + year.div_euclid(400)
        + (153 * month + 2) / 5
        + day
        - 719_469;
    Some(((days * 24 + hour) * 60 + minute) * 60 + second)
}

/// Hours since 1970 of the folder `.../yyyy/mm/dd/hh` that a path lies in, at any depth; the
/// deepest one counts.
pub(crate) fn hour_of_folder(folder: &Path) -> Option<i64> {
    let parts: Vec<&str> = folder.iter().map(|part| part.to_str().unwrap_or_default()).collect();
    parts.windows(4).rev().find_map(|window| {
        let number = |idx: usize, digits: usize| {
            let part = window.get(idx)?;
            (part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit()))
                .then(|| part.parse::<i16>().ok())?
        };
        let (month, day, hour) = (number(1, 2)?, number(2, 2)?, number(3, 2)?);
        let day = jiff::civil::Date::new(number(0, 4)?, i8::try_from(month).ok()?, i8::try_from(day).ok()?);
        let midnight = day.ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second();
        (hour < 24).then_some(midnight / HOUR + i64::from(hour))
    })
}

/// The hour that a moment lies in, as hours since 1970.
pub(crate) fn hour_of(moment: i64) -> i64 {
    moment.div_euclid(HOUR)
}

/// An hour as its folder reads, `2024/01/19/18`.
pub(crate) fn folder_of(hour: i64) -> String {
    let start = date(1970, 1, 1).at(0, 0, 0, 0);
    Timestamp::from_second(hour.saturating_mul(HOUR))
        .map_or(start, |moment| moment.to_zoned(TimeZone::UTC).datetime())
        .strftime("%Y/%m/%d/%H")
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn quick_reading_of_a_time_equals_the_calendars(second in -30_000_000_000i64..100_000_000_000) {
            let text = Timestamp::from_second(second).unwrap().to_string();
            prop_assert_eq!(moment(text.as_bytes()), Some(second));
        }
    }

    #[test]
    fn times_that_are_none_are_refused() {
        for text in ["", "yesterday", "2023-02-29T00:00:00Z", "2023-01-01T25:00:00Z", "2023-13-01T00:00:00Z"]
        {
            assert_eq!(moment(text.as_bytes()), None, "{text}");
        }
        assert_eq!(moment(b"1970-01-02T00:00:01.5+00:00"), Some(86_401));
    }

    #[test]
    fn hour_folder_is_found_at_any_depth() {
        let hour = |path: &str| hour_of_folder(Path::new(path)).map(folder_of);
        assert_eq!(hour("e/AllTraffic/2024/01/19/18"), Some("2024/01/19/18".into()));
        assert_eq!(hour("/x/2024/01/19/18/05"), Some("2024/01/19/18".into()));
        assert_eq!(hour("2024/01/19"), None);
        assert_eq!(hour("2024/13/19/18"), None);
        assert_eq!(hour("x"), None);
    }
}
