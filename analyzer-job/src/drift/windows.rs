//! Which earlier runs are the windows before this one.

use jiff::Timestamp;

use crate::results::details::EarlierRun;

/// Start and end, as given.
pub type Window = [String; 2];

/// The last `most` windows before `window`, the latest first, from `earlier` runs in the order of time.
///
/// A window that was run more than once counts once, as it was run last; `window` itself and later ones, which are there
/// when a window is run again, do not count. A run that does not tell its window counts as one of its own.
pub(super) fn before<'a>(
    earlier: &'a [EarlierRun],
    window: Option<&Window>,
    most: usize,
) -> Vec<&'a EarlierRun> {
    let mut seen: Vec<&Window> = Vec::new();
    let mut found = Vec::new();
    for run in earlier.iter().rev() {
        if found.len() == most {
            break;
        }
        if let Some(its) = run.bias.as_ref().and_then(|bias| bias.run.window.as_ref()) {
            if seen.contains(&its) || !window.is_none_or(|window| is_before(its, window)) {
                continue;
            }
            seen.push(its);
        }
        found.push(run);
    }
    found
}

fn is_before(one: &Window, other: &Window) -> bool {
    let start = |window: &Window| window[0].parse::<Timestamp>();
    match (start(one), start(other)) {
        (Ok(one), Ok(other)) => one < other,
        _ => one != other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Results;
    use crate::results::details::{BiasDetails, RunDetails};

    fn run(name: &str, hour: Option<u8>) -> EarlierRun {
        let details = |hour| BiasDetails {
            run: RunDetails { window: Some(window(hour)), ..RunDetails::default() },
            label: String::new(),
            label_value_or_threshold: String::new(),
            group_variable: None,
            facets: Vec::new(),
            check: None,
            selections: Vec::new(),
            left_out: Vec::new(),
            intersections: Vec::new(),
            segments: Vec::new(),
        };
        EarlierRun { name: name.into(), results: Results::default(), bias: hour.map(details) }
    }

    fn window(hour: u8) -> Window {
        [hour, hour + 1].map(|hour| format!("2024-05-01T{hour:02}:00:00Z"))
    }

    #[track_caller]
    fn check(earlier: &[EarlierRun], hour: Option<u8>, most: usize, expected: &[&str]) {
        let window = hour.map(window);
        let found = before(earlier, window.as_ref(), most);
        assert_eq!(found.iter().map(|run| run.name.as_str()).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_window_counts_once_and_only_before_this_one() {
        let earlier = [
            run("one", Some(1)),
            run("two", Some(2)),
            run("two again", Some(2)),
            run("four", Some(4)),
            run("five", Some(5)),
        ];
        check(&earlier, Some(5), 9, &["four", "two again", "one"]);
        check(&earlier, Some(5), 2, &["four", "two again"]);
        check(&earlier, Some(3), 9, &["two again", "one"]);
        check(&earlier, Some(6), 1, &["five"]);
        check(&earlier, Some(6), 0, &[]);
        check(&earlier, None, 9, &["five", "four", "two again", "one"]);
        check(&earlier, Some(1), 9, &[]);
    }

    #[test]
    fn runs_that_do_not_tell_their_window_count_each() {
        check(&[run("a", None), run("b", None), run("c", Some(1))], Some(1), 9, &["b", "a"]);
    }

    /// The same instant in other words is the same window; words that are no time are compared as such.
    #[test]
    fn windows_are_compared_as_times() {
        let start = |text: &str| [text.to_owned(), String::new()];
        assert!(!is_before(&start("2024-05-01T02:00:00+01:00"), &start("2024-05-01T01:00:00Z")));
        assert!(is_before(&start("2024-05-01T02:00:00+02:00"), &start("2024-05-01T01:00:00Z")));
        assert!(is_before(&start("-P1D"), &start("-P2D")) && !is_before(&start("-P1D"), &start("-P1D")));
    }
}
