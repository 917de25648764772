//! The four-fifths line: a group's share of positives, divided by that of everyone else, against 0.80.

use crate::bias::ratio_of_shares;
use crate::results::details::{FacetDetails, MetricDetails};
use crate::state::counts::Group;

/// Four fifths: the ratio of selection rates below which US regulators see adverse impact
/// (Uniform Guidelines on Employee Selection Procedures, 29 CFR 1607.4 D).
pub(super) const FOUR_FIFTHS: f64 = 0.8;
/// The same seen from everyone else.
const FIVE_QUARTERS: f64 = 1.25;

/// The metrics that compare the shares of positives.
fn of_shares(predicted: bool) -> &'static [&'static str] {
    if predicted { &["DI", "DPPL"] } else { &["DPL"] }
}

/// A group's ratio, with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Impact {
    /// Shares of positives in the group and outside.
    pub(super) shares: [f64; 2],
    /// None without positives outside.
    pub(super) ratio: Option<f64>,
    pub(super) interval: [f64; 2],
}

impl Impact {
    /// By predicted labels, or by observed ones; none without rows.
    pub(super) fn of(d: &Group, a: &Group, predicted: bool) -> Option<Impact> {
        let positives =
            |group: &Group| if predicted { group.predicted_positive() } else { group.observed_positive() };
        if d.n() == 0 || a.n() == 0 {
            return None;
        }
        let shares = [d, a].map(|group| positives(group) as f64 / group.n() as f64);
        Some(Impact {
            shares,
            ratio: (shares[1] > 0.0).then(|| shares[0] / shares[1]),
            interval: ratio_of_shares([positives(d), d.n()], [positives(a), a.n()]),
        })
    }

    /// By the labels of a facet; none where these, or the facet, hold no row or every row.
    pub(super) fn of_facet(facet: &FacetDetails, predicted: bool) -> Option<Impact> {
        let says_nothing = of_shares(predicted).iter().any(|code| facet.says_nothing(code));
        Impact::of(&facet.groups.d, &facet.groups.a, predicted).filter(|_| !says_nothing)
    }

    /// Whether the shares of positives of a facet rest on enough rows.
    pub(super) fn has_rows(facet: &FacetDetails, predicted: bool) -> bool {
        let is_of_shares = |metric: &&MetricDetails| of_shares(predicted).contains(&metric.name.as_str());
        facet.metrics.iter().filter(is_of_shares).all(|metric| metric.enough_rows)
    }

    pub(super) fn is_below(&self) -> bool {
        self.ratio.is_some_and(|ratio| ratio < FOUR_FIFTHS)
    }

    /// Where everyone else is below four fifths of the group.
    pub(super) fn is_above(&self) -> bool {
        self.ratio.is_some_and(|ratio| ratio > FIVE_QUARTERS)
    }

    /// The line that the population may well be on the other side of, of four fifths and five quarters.
    pub(super) fn line_included(&self) -> Option<f64> {
        self.ratio?;
        let lines: &[f64] = match (self.is_below(), self.is_above()) {
            (true, _) => &[FOUR_FIFTHS],
            (_, true) => &[FIVE_QUARTERS],
            _ => &[FOUR_FIFTHS, FIVE_QUARTERS],
        };
        lines.iter().copied().find(|line| self.includes(*line))
    }

    /// Whether the population may well be on the other side of four fifths.
    pub(super) fn is_unsure(&self) -> bool {
        self.ratio.is_some() && self.includes(FOUR_FIFTHS)
    }

    fn includes(&self, line: f64) -> bool {
        (self.interval[0]..=self.interval[1]).contains(&line)
    }

    /// For a cell.
    pub(super) fn in_words(&self) -> String {
        if self.ratio.is_none() {
            return "no positives outside".into();
        }
        let place = match (self.is_below(), self.is_above()) {
            (true, _) => "below four fifths",
            (_, true) => "above five quarters",
            _ => "within four fifths",
        };
        match self.line_included() {
            Some(line) => format!("{place}, but the interval includes {line:.2}"),
            None => place.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(d: [u64; 2], a: [u64; 2], expected: &str) {
        let group = |[positive, rows]: [u64; 2]| Group { rows: [[rows - positive, positive], [0, 0]] };
        let impact = Impact::of(&group(d), &group(a), true).unwrap();
        assert_eq!(impact.in_words(), expected, "{impact:?}");
        let is_of_line = expected.ends_with("0.80");
        assert_eq!(impact.is_unsure(), is_of_line, "{impact:?}");
        assert_eq!(impact.is_below(), expected.starts_with("below"), "{impact:?}");
    }

    #[test]
    fn a_ratio_near_the_line_is_told_with_its_interval() {
        check([30, 100], [45, 100], "below four fifths, but the interval includes 0.80");
        check([3000, 10_000], [4500, 10_000], "below four fifths");
        check([40, 100], [45, 100], "within four fifths, but the interval includes 0.80");
        check([4400, 10_000], [4500, 10_000], "within four fifths");
        check([600, 1000], [490, 1000], "within four fifths, but the interval includes 1.25");
        check([600, 1000], [470, 1000], "above five quarters, but the interval includes 1.25");
        check([6000, 10_000], [4000, 10_000], "above five quarters");
        check([0, 1000], [400, 1000], "below four fifths");
        check([5, 100], [0, 100], "no positives outside");
    }
}
