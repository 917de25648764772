//! What a metric came to against its baseline, and why nobody can tell where nobody can.

use std::cmp::Ordering;

use crate::bias::is_judged_by_chance;
use crate::report::page::State;
use crate::report::tables::Cell;
use crate::results::details::{FacetDetails, MetricDetails};
use crate::results::metrics::{Metric, Scale};

/// The verdict on a metric of a group. It moved if it is farther from parity than the baseline, beyond what chance explains. One
/// that compares nothing is only measured.
pub(in crate::report) fn state(facet: &FacetDetails, metric: &MetricDetails) -> State {
    if facet.compares_nothing(metric) && metric.value.is_some() {
        return State::Measured;
    }
    match (metric.value, metric.baseline) {
        (None, _) => State::Undefined,
        _ if has_too_few_rows(metric) => State::CannotTell,
        (Some(_), None) => State::Measured,
        _ if !is_away(metric) => State::Held,
        _ if is_within_chance(metric) => State::CannotTell,
        _ => State::Moved,
    }
}

/// Whether the rows are too few to say what a metric came to. Where it was tested the test has the say, however few rows there are for
/// an interval of the value.
pub(in crate::report) fn has_too_few_rows(metric: &MetricDetails) -> bool {
    metric.chance.map_or(!metric.enough_rows, |chance| chance.unjudged)
}

/// The verdict on a metric that reads a selection of no row or every row, here or in the baseline.
pub(in crate::report) const COMPARES_NOTHING: &str = "compares nothing";

/// Why nobody can tell what a metric of the state `CannotTell` came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::report) enum Doubt {
    Chance,
    /// Here or in the baseline.
    TooFewRows,
    /// How far chance moves the metric does not follow from the counts, however many rows there are.
    NotJudged,
}

impl Doubt {
    pub(in crate::report) fn of(metric: &MetricDetails) -> Doubt {
        let is_tested = metric.chance.is_some() || metric.interval.is_some() || !metric.enough_rows;
        match is_judged_by_chance(&metric.name) && is_tested {
            false => Doubt::NotJudged,
            true if has_too_few_rows(metric) => Doubt::TooFewRows,
            true => Doubt::Chance,
        }
    }

    /// For a sentence and a cell.
    pub(in crate::report) fn words(self) -> &'static str {
        match self {
            Doubt::Chance => "within chance",
            Doubt::TooFewRows => "too few rows to say",
            Doubt::NotJudged => "not judged by chance",
        }
    }
}

/// Farther from 0 than the baseline: the rule of the hosted service, chance aside.
pub(in crate::report) fn is_farther(metric: &MetricDetails) -> bool {
    metric.value.zip(metric.baseline).is_some_and(|(now, then)| now.value().abs() > then.value().abs())
}

/// Farther from parity than the baseline, chance aside. Parity is 1 for a ratio.
pub(in crate::report) fn is_away(metric: &MetricDetails) -> bool {
    distances(metric) == Some(Ordering::Greater)
}

/// How the distance from parity compares with that of the baseline.
fn distances(details: &MetricDetails) -> Option<Ordering> {
    let (now, then) = (details.value?.value(), details.baseline?.value());
    match Metric::of(&details.name) {
        Some(metric) => Some(metric.compare_distances(now, then)),
        None => Some(now.abs().total_cmp(&then.abs())),
    }
}

fn is_ratio(details: &MetricDetails) -> bool {
    Metric::of(&details.name).is_some_and(|metric| metric.scale == Scale::Ratio)
}

/// Whether chance explains that a metric is farther from parity, or nothing says that it does not. Details of an earlier version
/// have only the interval.
fn is_within_chance(metric: &MetricDetails) -> bool {
    match (&metric.chance, metric.interval, metric.baseline) {
        (Some(chance), _, _) if is_ratio(metric) => !chance.farther_from_parity,
        (Some(chance), _, _) => !chance.farther_from_zero,
        (None, Some([low, high]), Some(baseline)) => (low.value()..=high.value()).contains(&baseline.value()),
        _ => true,
    }
}

/// Where a metric went against what the rule says of it. The rule of the hosted service compares sizes, so
/// that a ratio such as DI, whose parity is 1, is a violation when it rises towards 1, and none when
/// it falls towards 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::report) enum Course {
    /// A violation, yet nearer to parity than the baseline.
    TowardsParity,
    /// No violation, yet farther from parity beyond chance.
    AwayUnseen,
    /// No violation, yet farther from parity, which chance explains, or of which nobody can tell.
    AwayPerhaps,
}

pub(in crate::report) fn course(details: &MetricDetails) -> Option<Course> {
    let distances = distances(details).filter(|_| is_ratio(details))?;
    match (is_farther(details), distances) {
        (true, Ordering::Less) => Some(Course::TowardsParity),
        (false, Ordering::Greater) if is_within_chance(details) => Some(Course::AwayPerhaps),
        (false, Ordering::Greater) => Some(Course::AwayUnseen),
        _ => None,
    }
}

/// The verdict in words, with the reason when it is a doubtful one.
pub(super) fn verdict(facet: &FacetDetails, metric: &MetricDetails) -> Cell {
    let state = state(facet, metric);
    let text = match state {
        State::CannotTell => match (Doubt::of(metric), is_away(metric)) {
            (Doubt::Chance, true) => "moved, within chance",
            (Doubt::TooFewRows, true) => "moved, too few rows",
            (Doubt::NotJudged, true) => "moved, not judged by chance",
            (Doubt::NotJudged, false) => "not judged by chance",
            (_, false) => "too few rows",
        },
        State::Held if is_ratio(metric) && distances(metric) == Some(Ordering::Less) => {
            if has_crossed(metric) { "nearer to parity, on its other side" } else { "nearer to parity" }
        }
        State::Moved if is_ratio(metric) => "moved away from parity",
        State::Measured if facet.compares_nothing(metric) => return Cell::text(COMPARES_NOTHING),
        State::Measured => return Cell::text(""),
        state => state.word(),
    };
    Cell::state(state, text)
}

/// Whether a ratio was above its parity and is below, or the reverse.
fn has_crossed(metric: &MetricDetails) -> bool {
    let sides = metric.value.zip(metric.baseline);
    sides.is_some_and(|(now, then)| (now.value() - 1.0) * (then.value() - 1.0) < 0.0)
}
