//! Which earlier runs are the windows before this one.

use jiff::Timestamp;

use crate::results::details::{EarlierRun, RunDetails};

/// Start and end, as given.
type Window = [String; 2];

/// The last `most` windows before `run`, the latest first, from `earlier` runs in the order of time.
///
/// A window that was run more than once counts once, as it was run last; the window of `run` and later ones, which are there
/// when a window is run again, do not count. Runs that do not tell their window are the same if they read the same files.
/// A run that was held against no baseline, such as the baseline's own, is no window.
pub(super) fn before<'a>(
    earlier: &'a [EarlierRun],
    run: Option<&RunDetails>,
    most: usize,
) -> Vec<&'a EarlierRun> {
    let mut seen: Vec<&RunDetails> = Vec::new();
    let mut found = Vec::new();
    for earlier in earlier.iter().rev() {
        if found.len() == most {
            break;
        }
        if let Some(bias) = &earlier.bias {
            let its = &bias.run;
            let is_later = run.is_some_and(|run| !may_be_before(its, run));
            if bias.check.is_none() || is_later || seen.iter().any(|seen| is_same(seen, its)) {
                continue;
            }
            seen.push(its);
        }
        found.push(earlier);
    }
    found
}

fn may_be_before(one: &RunDetails, other: &RunDetails) -> bool {
    match (&one.window, &other.window) {
        (Some(one), Some(other)) => is_before(one, other),
        _ => !is_same(one, other),
    }
}

fn is_same(one: &RunDetails, other: &RunDetails) -> bool {
    match (&one.window, &other.window) {
        (None, None) => {
            let data = |run: &RunDetails| -> Vec<String> {
                let data = run
                    .inputs
                    .iter()
                    .filter(|input| !["configuration", "baseline"].contains(&input.role.as_str()));
                data.map(|input| input.sha256.clone()).collect()
            };
            let data = (data(one), data(other));
            !data.0.is_empty() && data.0 == data.1
        }
        (one, other) => one == other,
    }
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
    use crate::results::details::{BiasDetails, Check, InputDigest};

    const CHECK: Check = Check {
        compared: 1,
        measured: 1,
        confidence: 0.95,
        exact_baselines: 0,
        beyond_chance_only: false,
        held_back: None,
    };

    /// A run of an hour, or one that read a file of this content and tells no window.
    fn details(hour: Option<u8>, content: &str) -> RunDetails {
        let input = |role: &str, sha256: &str| InputDigest {
            role: role.into(),
            name: "x".into(),
            bytes: 1,
            sha256: sha256.into(),
        };
        RunDetails {
            window: hour.map(window),
            inputs: vec![input("configuration", "same"), input("dataset", content)],
            ..RunDetails::default()
        }
    }

    fn run_of(name: &str, run: RunDetails) -> EarlierRun {
        let bias = BiasDetails {
            run,
            label: String::new(),
            label_value_or_threshold: String::new(),
            group_variable: None,
            facets: Vec::new(),
            check: Some(CHECK),
            selections: Vec::new(),
            left_out: Vec::new(),
            intersections: Vec::new(),
            segments: Vec::new(),
        };
        EarlierRun { name: name.into(), results: Results::default(), bias: Some(bias) }
    }

    /// Without an hour it left no details.
    fn run(name: &str, hour: Option<u8>) -> EarlierRun {
        match hour {
            Some(hour) => run_of(name, details(Some(hour), name)),
            None => EarlierRun { name: name.into(), results: Results::default(), bias: None },
        }
    }

    fn window(hour: u8) -> Window {
        [hour, hour + 1].map(|hour| format!("2024-05-01T{hour:02}:00:00Z"))
    }

    #[track_caller]
    fn check(earlier: &[EarlierRun], hour: Option<u8>, most: usize, expected: &[&str]) {
        let found = before(earlier, hour.map(|hour| details(Some(hour), "now")).as_ref(), most);
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

    #[test]
    fn runs_without_a_window_are_known_by_their_data() {
        let of = |content: &str| run_of(content, details(None, content));
        let earlier = [of("a"), of("b"), of("b"), of("c"), run("no details", None)];
        let names = |now: &RunDetails| -> Vec<String> {
            before(&earlier, Some(now), 9).iter().map(|run| run.name.clone()).collect()
        };
        assert_eq!(names(&details(None, "d")), ["no details", "c", "b", "a"]);
        assert_eq!(names(&details(None, "c")), ["no details", "b", "a"]);
        assert_eq!(names(&details(Some(3), "c")), ["no details", "c", "b", "a"]);
    }

    #[test]
    fn the_run_that_made_the_baseline_is_no_window() {
        let mut of_baseline = run("baseline", Some(1));
        of_baseline.bias.as_mut().unwrap().check = None;
        check(&[of_baseline, run("two", Some(2))], Some(3), 9, &["two"]);
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
