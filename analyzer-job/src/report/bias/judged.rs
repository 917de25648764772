//! The mark and the words of a metric's verdict.

use std::cmp::Ordering;

use crate::drift::verdict::Verdict;
use crate::report::page::State;
use crate::report::tables::Cell;
use crate::results::details::{FacetDetails, MetricDetails};
use crate::results::metrics::{Metric, Scale};

/// The mark of a metric of a group. One that compares nothing is only measured.
pub(in crate::report) fn state(facet: &FacetDetails, metric: &MetricDetails) -> State {
    match Verdict::of(facet, metric) {
        Verdict::Undefined => State::Undefined,
        Verdict::Measured | Verdict::ComparesNothing => State::Measured,
        Verdict::Moved => State::Moved,
        Verdict::Held => State::Held,
        Verdict::WithinChance | Verdict::TooFewRows | Verdict::NotJudged => State::CannotTell,
    }
}

/// The verdict on a metric that reads a selection of no row or every row, here or in the baseline.
pub(in crate::report) const COMPARES_NOTHING: &str = "compares nothing";

fn is_ratio(details: &MetricDetails) -> bool {
    Metric::of(&details.name).is_some_and(|metric| metric.scale == Scale::Ratio)
}

/// The verdict in words, with the reason when it is a doubtful one.
pub(super) fn verdict(facet: &FacetDetails, metric: &MetricDetails) -> Cell {
    let text = match (Verdict::of(facet, metric), metric.is_away()) {
        (Verdict::WithinChance, _) => "moved, within chance",
        (Verdict::TooFewRows, true) => "moved, too few rows",
        (Verdict::TooFewRows, false) => "too few rows",
        (Verdict::NotJudged, true) => "moved, not judged by chance",
        (Verdict::NotJudged, false) => "not judged by chance",
        (Verdict::Held, _) if is_ratio(metric) && metric.compare_distances() == Some(Ordering::Less) => {
            if has_crossed(metric) {
                "nearer to parity, on its other side"
            } else {
                "nearer to parity"
            }
        }
        (Verdict::Moved, _) if is_ratio(metric) => "moved away from parity",
        (Verdict::ComparesNothing, _) => return Cell::text(COMPARES_NOTHING),
        (Verdict::Measured, _) => return Cell::text(""),
        (Verdict::Moved | Verdict::Held | Verdict::Undefined, _) => state(facet, metric).word(),
    };
    Cell::state(state(facet, metric), text)
}

/// Whether a ratio was above its parity and is below, or the reverse.
fn has_crossed(metric: &MetricDetails) -> bool {
    let sides = metric.value.zip(metric.baseline);
    sides.is_some_and(|(now, then)| (now.value() - 1.0) * (then.value() - 1.0) < 0.0)
}
