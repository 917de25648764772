//! Which earlier runs are the windows before this one, and what they say.

use std::borrow::Cow;

use jiff::Timestamp;
use plumbline_common::Result;
use plumbline_common::stop::Stop;

use super::chance;
use super::same::of_same_labels;
use crate::results::details::{EarlierRun, FacetDetails, RunDetails};
use crate::results::{Results, alone};

/// Start and end, as given.
type Window = [String; 2];

/// What an earlier window says of its metrics.
#[derive(Debug)]
pub enum Before<'a> {
    /// By the verdicts on chance in its details; by none it says nothing.
    Judged(Cow<'a, [FacetDetails]>),
    /// By its values.
    Values(&'a Results),
}

impl Before<'_> {
    /// Without verdicts it can agree to nothing.
    pub fn is_mute(&self) -> bool {
        matches!(self, Before::Judged(facets) if !has_verdicts(facets))
    }
}

fn has_verdicts(facets: &[FacetDetails]) -> bool {
    facets.iter().flat_map(|facet| &facet.metrics).any(|metric| metric.chance.is_some())
}

/// The run whose earlier windows are wanted.
#[derive(Debug, Clone, Copy)]
pub struct Now<'a> {
    pub run: &'a RunDetails,
    pub results: &'a Results,
    pub baseline: &'a Results,
}

/// The windows before a run, with what they say.
#[derive(Debug)]
pub struct History<'a> {
    /// The latest first.
    pub windows: Vec<Before<'a>>,
    /// Runs passed over on the way to them, since they were held against no baseline.
    pub without_baseline: usize,
}

/// The last `most` windows before a run by their values, for the rule of the hosted service.
pub fn by_value<'a>(earlier: &'a [EarlierRun], now: Now<'_>, most: usize) -> History<'a> {
    let (runs, without_baseline) = before(earlier, now, most);
    let windows = runs.into_iter().map(|run| Before::Values(&run.results)).collect();
    History { windows, without_baseline }
}

/// The last `most` windows before a run by their verdicts on chance. A window that left an analysis.json without verdicts
/// beside it is judged again, against this run's baseline, from the counts that its analysis.json has.
///
/// # Errors
/// `STOPPED`.
pub fn by_chance<'a>(
    earlier: &'a [EarlierRun],
    now: Now<'_>,
    most: usize,
    (confidence, seed): (f64, u64),
    stop: &Stop,
) -> Result<History<'a>> {
    let judged = |earlier: &'a EarlierRun| {
        let known = earlier.bias.as_ref().map_or(&[][..], |bias| &bias.facets);
        if has_verdicts(known) || !alone::has_counts(&earlier.results) {
            return Ok(Before::Judged(known.into()));
        }
        let mut facets = alone::facets(&earlier.results);
        let baseline = &*of_same_labels(&earlier.results, now.baseline);
        chance::judge(&mut facets, baseline, confidence, seed, stop)?;
        Ok(Before::Judged(facets.into()))
    };
    let (runs, without_baseline) = before(earlier, now, most);
    let windows = runs.into_iter().map(judged).collect::<Result<_>>()?;
    Ok(History { windows, without_baseline })
}

/// The last `most` windows before a run, the latest first, from `earlier` runs in the order of time.
///
/// A window that was run more than once counts once, as it was run last; the window of this run and later ones, which are there
/// when a window is run again, do not count. Runs that do not tell their window are the same if they read the same files, or, of
/// those that left nothing but results, if these are the same. A run that was held against no baseline is no window; it is
/// counted, unless it is the baseline's own.
fn before<'a>(earlier: &'a [EarlierRun], now: Now<'_>, most: usize) -> (Vec<&'a EarlierRun>, usize) {
    let mut seen: Vec<&RunDetails> = Vec::new();
    let (mut found, mut without_baseline) = (Vec::new(), 0);
    for earlier in earlier.iter().rev() {
        if found.len() == most {
            break;
        }
        match &earlier.bias {
            Some(bias) => {
                let its = &bias.run;
                let is_later = !may_be_before(its, now.run);
                if is_later || seen.iter().any(|seen| is_same(seen, its)) {
                    continue;
                }
                if bias.check.is_none() {
                    without_baseline += usize::from(earlier.results != *now.baseline);
                    continue;
                }
                seen.push(its);
            }
            None if [now.results, now.baseline].contains(&&earlier.results) => continue,
            None => {}
        }
        found.push(earlier);
    }
    (found, without_baseline)
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
        has_counts: false,
        beyond_chance_only: false,
        held_back: None,
        unjudged: 0,
        mute_windows: 0,
        runs_without_baseline: 0,
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

    /// Names of the windows before a run whose results are its own.
    fn names<'a>(earlier: &'a [EarlierRun], run: &RunDetails, most: usize) -> Vec<&'a str> {
        let (results, baseline) = (of_label("now"), of_label("baseline"));
        let now = Now { run, results: &results, baseline: &baseline };
        before(earlier, now, most).0.iter().map(|run| run.name.as_str()).collect()
    }

    /// Results that differ by this.
    fn of_label(label: &str) -> Results {
        serde_json::from_value(
            serde_json::json!({"pre_training_bias_metrics": {"label": label, "facets": {}}}),
        )
        .unwrap()
    }

    #[track_caller]
    fn check(earlier: &[EarlierRun], hour: u8, most: usize, expected: &[&str]) {
        let found = names(earlier, &details(Some(hour), "now"), most);
        assert_eq!(found, expected);
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
        check(&earlier, 5, 9, &["four", "two again", "one"]);
        check(&earlier, 5, 2, &["four", "two again"]);
        check(&earlier, 3, 9, &["two again", "one"]);
        check(&earlier, 6, 1, &["five"]);
        check(&earlier, 6, 0, &[]);
        let of_other_data = details(None, "other");
        assert_eq!(names(&earlier, &of_other_data, 9), ["five", "four", "two again", "one"]);
        check(&earlier, 1, 9, &[]);
    }

    /// Counts inside an analysis.json are enough to judge a window whose details are lost.
    #[test]
    fn a_window_of_which_only_values_are_left_is_judged_by_their_counts() {
        let results = |false_positives: u64| -> Results {
            let share = 0.06 - false_positives as f64 / 350.0;
            serde_json::from_value(serde_json::json!({"post_training_bias_metrics": {"facets": {"f": [{
                "value_or_threshold": "1",
                "metrics": [{"name": "SD", "value": share}],
                "counts": {"group": [350 - false_positives, false_positives, 22, 128], "rest": [329, 21, 22, 128]},
            }]}}}))
            .unwrap()
        };
        let bare = |results: Results| EarlierRun { name: "x".into(), results, bias: None };
        let mut hosted = results(80);
        hosted.post_training_bias_metrics.as_mut().unwrap().facets["f"][0].counts = None;
        let earlier = [bare(hosted), bare(results(22)), bare(results(80))];
        let (of_now, of_baseline) = (results(79), results(21));
        let now = Now { run: &RunDetails::default(), results: &of_now, baseline: &of_baseline };
        let found = by_chance(&earlier, now, 9, (0.95, 0), &Stop::default()).unwrap();
        let farther = |before: &Before| match before {
            Before::Judged(facets) => {
                facets.first()?.metrics[0].chance.map(|chance| chance.farther_from_parity)
            }
            Before::Values(_) => panic!("judged by its values"),
        };
        let found = found.windows;
        assert_eq!(found.iter().map(farther).collect::<Vec<_>>(), [Some(true), Some(false), None]);
        assert_eq!(found.iter().map(Before::is_mute).collect::<Vec<_>>(), [false, false, true]);
    }

    #[test]
    fn runs_that_do_not_tell_their_window_count_each() {
        check(&[run("a", None), run("b", None), run("c", Some(1))], 1, 9, &["b", "a"]);
        // With nothing but results, the same are those of this run or of its baseline.
        let bare = |label: &str| EarlierRun { results: of_label(label), ..run(label, None) };
        check(&[bare("baseline"), bare("other"), bare("now")], 1, 9, &["other"]);
    }

    #[test]
    fn runs_without_a_window_are_known_by_their_data() {
        let of = |content: &str| run_of(content, details(None, content));
        let earlier = [of("a"), of("b"), of("b"), of("c"), run("no details", None)];
        assert_eq!(names(&earlier, &details(None, "d"), 9), ["no details", "c", "b", "a"]);
        assert_eq!(names(&earlier, &details(None, "c"), 9), ["no details", "b", "a"]);
        assert_eq!(names(&earlier, &details(Some(3), "c"), 9), ["no details", "c", "b", "a"]);
    }

    #[test]
    fn the_run_that_made_the_baseline_is_no_window() {
        let mut of_baseline = run("baseline", Some(1));
        of_baseline.bias.as_mut().unwrap().check = None;
        check(&[of_baseline, run("two", Some(2))], 3, 9, &["two"]);
    }

    /// Those of other hours than the baseline's are counted as far back as windows were looked for.
    #[test]
    fn runs_without_a_baseline_are_no_windows_and_counted() {
        let bare = |name, hour, label: &str| {
            let mut run = EarlierRun { results: of_label(label), ..run(name, Some(hour)) };
            run.bias.as_mut().unwrap().check = None;
            run
        };
        let earlier = [
            bare("baseline", 1, "baseline"),
            bare("two", 2, "other"),
            run("three", Some(3)),
            bare("four", 4, "other"),
            bare("later", 6, "other"),
        ];
        check(&earlier, 5, 9, &["three"]);
        let (results, baseline) = (of_label("now"), of_label("baseline"));
        let run = details(Some(5), "now");
        let now = Now { run: &run, results: &results, baseline: &baseline };
        for (most, expected) in [(9, 2), (1, 1), (0, 0)] {
            assert_eq!(by_value(&earlier, now, most).without_baseline, expected, "{most}");
        }
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
