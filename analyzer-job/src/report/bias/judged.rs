//! What a metric came to against its baseline, and why nobody can tell where nobody can.

use crate::bias::is_judged_by_chance;
use crate::report::page::State;
use crate::report::tables::Cell;
use crate::results::Number;
use crate::results::details::{Chance, FacetDetails, MetricDetails};
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
        _ if course(metric) == Some(Course::AwayUnseen) => State::Moved,
        _ if course(metric) == Some(Course::AwayPerhaps) => State::CannotTell,
        (Some(_), Some(_)) if !is_farther(metric) => State::Held,
        _ if course(metric) == Some(Course::TowardsParity) => State::Held,
        _ if within_chance(metric, |chance| chance.farther_from_zero) => State::CannotTell,
        _ => State::Moved,
    }
}

/// Whether the rows are too few to say what a metric came to. Where it was tested the test has the say, however few rows there are for
/// an interval of the value.
pub(in crate::report) fn has_too_few_rows(metric: &MetricDetails) -> bool {
    metric.chance.map_or(!metric.enough_rows, |chance| chance.unjudged)
}

/// Whether a metric is held against a baseline, and can tell something by it.
pub(in crate::report) fn is_compared(facet: &FacetDetails, metric: &MetricDetails) -> bool {
    metric.value.is_some() && metric.baseline.is_some() && !facet.compares_nothing(metric)
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

/// Farther from 0 than the baseline, or, for a ratio, from its parity.
pub(in crate::report) fn is_away(metric: &MetricDetails) -> bool {
    is_farther(metric) || course(metric) == Some(Course::AwayPerhaps)
}

/// Whether chance explains the difference from the baseline, or nothing says that it does not. Details of an earlier version
/// have only the interval.
fn within_chance(metric: &MetricDetails, is_beyond: fn(&Chance) -> bool) -> bool {
    match (&metric.chance, metric.interval, metric.baseline) {
        (Some(chance), _, _) => !is_beyond(chance),
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
    let metric = Metric::of(&details.name).filter(|metric| metric.scale == Scale::Ratio)?;
    let far = |value: Option<Number>| value.map(|value| distance(metric, value.value()));
    let (now, was) = (far(details.value)?, far(details.baseline)?);
    let is_beyond = |chance: &Chance| chance.farther_from_parity;
    match is_farther(details) {
        true if now < was => Some(Course::TowardsParity),
        false if now > was && !has_too_few_rows(details) => Some(match within_chance(details, is_beyond) {
            true => Course::AwayPerhaps,
            false => Course::AwayUnseen,
        }),
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
        State::Held if course(metric) == Some(Course::TowardsParity) => "nearer to parity",
        State::Moved if course(metric) == Some(Course::AwayUnseen) => "moved away from parity",
        State::Measured if facet.compares_nothing(metric) => return Cell::text(COMPARES_NOTHING),
        State::Measured => return Cell::text(""),
        state => state.word(),
    };
    Cell::state(state, text)
}

/// How far from parity, for comparing values of one scale.
pub(in crate::report) fn distance(metric: &Metric, value: f64) -> f64 {
    if metric.scale == Scale::Ratio { value.max(1e-9).ln().abs() } else { value.abs() }
}
