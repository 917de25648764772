//! What each comparison came to, and how many came to the same: headline, tables, log, exit message and files count by these.

use plumbline_common::words::counted;

use crate::bias::is_judged_by_chance;
use crate::results::comparisons::{self, is_compared};
use crate::results::details::{FacetDetails, MetricDetails};

/// What a metric of a group came to against its baseline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It has no value.
    Undefined,
    /// The baseline has no value of it.
    Measured,
    /// It reads a selection of no row or every row, here or in the baseline.
    ComparesNothing,
    /// Farther from parity than the baseline, beyond what chance explains.
    Moved,
    /// As near to parity as the baseline, or nearer.
    Held,
    /// Farther from parity than the baseline, which chance explains.
    WithinChance,
    /// Here or in the baseline.
    TooFewRows,
    /// How far chance moves the metric does not follow from the counts, however many rows there are.
    NotJudged,
}

impl Verdict {
    pub(crate) fn of(facet: &FacetDetails, metric: &MetricDetails) -> Verdict {
        let is_judged = is_judged_by_chance(&metric.name);
        match (metric.value, metric.baseline) {
            (None, _) => Verdict::Undefined,
            _ if facet.compares_nothing(metric) => Verdict::ComparesNothing,
            _ if has_too_few_rows(metric) && is_judged => Verdict::TooFewRows,
            _ if has_too_few_rows(metric) => Verdict::NotJudged,
            (Some(_), None) => Verdict::Measured,
            _ if !metric.is_away() => Verdict::Held,
            _ => of_farther(metric).unwrap_or(Verdict::NotJudged),
        }
    }
}

/// Whether the rows are too few to say what a metric came to. Where it was tested the test has the say, however few rows there are for
/// an interval of the value.
pub(crate) fn has_too_few_rows(metric: &MetricDetails) -> bool {
    metric.chance.map_or(!metric.enough_rows, |chance| chance.unjudged)
}

/// Of a metric that is farther from parity than its baseline. Details of an earlier version have only the interval.
fn of_farther(metric: &MetricDetails) -> Option<Verdict> {
    let is_beyond = match (&metric.chance, metric.interval, metric.baseline) {
        (Some(_), _, _) => metric.is_beyond_chance(),
        (None, Some([low, high]), Some(baseline)) => {
            !(low.value()..=high.value()).contains(&baseline.value())
        }
        _ => return None,
    };
    Some(if is_beyond { Verdict::Moved } else { Verdict::WithinChance })
}

/// How many metrics came to what, each comparison once (`results::comparisons`). The compared ones are those that moved or held, within
/// chance or not, have too few rows, or are not judged: each is one of these.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// With a value.
    pub measured: usize,
    /// Of these, held against a value of the baseline, where both tell something.
    pub compared: usize,
    pub moved: usize,
    pub held: usize,
    pub within_chance: usize,
    pub too_few_rows: usize,
    pub not_judged: usize,
    /// Of the compared, those whose baseline was taken as exact.
    pub exact: usize,
    /// With a value on both sides, of which one tells nothing.
    pub of_nothing: usize,
}

impl Tally {
    /// `facets`: held against the baseline, and judged.
    pub(crate) fn of(facets: &[FacetDetails]) -> Tally {
        Tally::of_metrics(comparisons::each(facets))
    }

    pub(crate) fn of_metrics<'a>(
        metrics: impl Iterator<Item = (&'a FacetDetails, &'a MetricDetails)>,
    ) -> Tally {
        let mut tally = Tally::default();
        for (facet, metric) in metrics {
            tally.measured += usize::from(metric.value.is_some());
            if !is_compared(facet, metric) {
                tally.of_nothing += usize::from(metric.value.is_some() && metric.baseline.is_some());
                continue;
            }
            tally.compared += 1;
            tally.exact += usize::from(metric.chance.is_some_and(|chance| chance.exact_baseline));
            match Verdict::of(facet, metric) {
                Verdict::Moved => tally.moved += 1,
                Verdict::WithinChance => tally.within_chance += 1,
                Verdict::TooFewRows => tally.too_few_rows += 1,
                Verdict::NotJudged => tally.not_judged += 1,
                Verdict::Held | Verdict::Undefined | Verdict::Measured | Verdict::ComparesNothing => {
                    tally.held += 1;
                }
            }
        }
        tally
    }

    /// Those of which nobody can tell whether chance explains the difference.
    pub(crate) fn unjudged(&self) -> usize {
        self.too_few_rows + self.not_judged
    }

    /// Those that chance judges.
    pub(crate) fn judged(&self) -> usize {
        self.compared - self.unjudged()
    }

    /// `too few rows for 3, 1 not judged by chance`; empty where chance judges all.
    pub(crate) fn unjudged_in_words(&self) -> String {
        let parts = [
            (self.too_few_rows, format!("too few rows for {}", self.too_few_rows)),
            (self.not_judged, format!("{} not judged by chance", self.not_judged)),
        ];
        listed(parts)
    }

    /// Why nobody calls them moved: `chance explains 2, too few rows for 3`.
    pub(crate) fn doubts_in_words(&self) -> String {
        let chance = format!("chance explains {}", self.within_chance);
        listed([(self.within_chance, chance), (self.unjudged(), self.unjudged_in_words())])
    }

    /// What the compared metrics came to, all of them: `20 metrics compared: 2 moved, 8 moved within chance, 6 held, 3 with too few
    /// rows, 1 not judged by chance`. In the words of the marks.
    pub(crate) fn in_words(&self) -> String {
        let compared = format!("{} compared", counted(self.compared as u64, "metric"));
        if self.compared > 0 { format!("{compared}: {}", listed(self.parts())) } else { compared }
    }

    /// The same for a heading: `2 metrics moved, 8 moved within chance, 6 held`.
    pub(crate) fn as_heading(&self) -> String {
        let words = listed(self.parts());
        match words.split_once(' ').zip(self.parts().into_iter().find(|(number, _)| *number > 0)) {
            Some(((_, verdict), (number, _))) => format!("{} {verdict}", counted(number as u64, "metric")),
            None => words,
        }
    }

    /// The verdicts in the words of the marks, each with its number.
    fn parts(&self) -> [(usize, String); 5] {
        let parts = [
            (self.moved, "moved"),
            (self.within_chance, "moved within chance"),
            (self.held, "held"),
            (self.too_few_rows, "with too few rows"),
            (self.not_judged, "not judged by chance"),
        ];
        parts.map(|(number, what)| (number, format!("{number} {what}")))
    }
}

/// Those that are there, with commas.
fn listed(parts: impl IntoIterator<Item = (usize, String)>) -> String {
    let there = parts.into_iter().filter(|(number, _)| *number > 0).map(|(_, text)| text);
    there.collect::<Vec<_>>().join(", ")
}

/// Ratios that are farther from their parity beyond chance and that the hosted rule, which compares sizes, does not see: they fell
/// below their baseline. Of two entries of one comparison the other rose, and the rule sees that one.
pub(crate) fn unseen_by_size(facets: &[FacetDetails]) -> Vec<(&FacetDetails, &MetricDetails)> {
    let is_seen_from_the_other_side = |facet: &FacetDetails, code: &str| {
        let twin = comparisons::twin(facets, facet);
        let metric = twin.and_then(|twin| twin.metrics.iter().find(|metric| metric.name == code));
        metric.is_some_and(MetricDetails::is_farther_from_zero)
    };
    comparisons::each(facets)
        .filter(|(facet, metric)| {
            Verdict::of(facet, metric) == Verdict::Moved
                && !metric.is_farther_from_zero()
                && !is_seen_from_the_other_side(facet, &metric.name)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Number;
    use crate::results::details::{Chance, SelectionRole, Stage};
    use crate::state::counts::{Group, Groups};

    fn metric(name: &str, now: f64, then: Option<f64>, chance: Option<Chance>) -> MetricDetails {
        MetricDetails {
            stage: Stage::PostTraining,
            name: name.into(),
            value: Some(Number::Float(now)),
            error: None,
            standard_error: None,
            interval: None,
            enough_rows: true,
            rows_reason: None,
            baseline: then.map(Number::Float),
            chance,
            violated: false,
        }
    }

    fn chance(farther_from_parity: bool, unjudged: bool) -> Option<Chance> {
        let p_value = if farther_from_parity { 0.01 } else { 1.0 };
        Some(Chance {
            p_value,
            farther_from_parity,
            exact_baseline: !unjudged,
            unjudged,
            empty_baseline: false,
        })
    }

    fn facet(value: &str, [d, a]: [u64; 2], metrics: Vec<MetricDetails>) -> FacetDetails {
        let group = |rows: u64| Group { rows: [[rows, 1], [1, 1]] };
        FacetDetails {
            facet: "f".into(),
            value_or_threshold: value.into(),
            groups: Groups { d: group(d), a: group(a) },
            predicted: true,
            empty: Vec::new(),
            metrics,
        }
    }

    fn every_verdict() -> Vec<MetricDetails> {
        vec![
            metric("AD", 0.2, Some(0.1), chance(true, false)),
            metric("DAR", 0.2, Some(0.1), chance(false, false)),
            metric("RD", 0.1, Some(0.2), chance(false, false)),
            metric("SD", 0.2, Some(0.1), chance(false, true)),
            metric("FT", 0.2, Some(0.1), chance(false, true)),
            metric("TE", 0.2, None, None),
        ]
    }

    #[test]
    fn every_comparison_is_counted_once_and_by_its_own_verdict() {
        use Verdict::{Held, Measured, Moved, NotJudged, TooFewRows, WithinChance};
        let one = facet("0", [5, 9], every_verdict());
        let found: Vec<Verdict> = one.metrics.iter().map(|metric| Verdict::of(&one, metric)).collect();
        assert_eq!(found, [Moved, WithinChance, Held, TooFewRows, NotJudged, Measured]);
        let mut twin = facet("1", [9, 5], every_verdict());
        twin.metrics[0] = metric("AD", 0.1, Some(0.2), chance(false, false));
        let tally = Tally::of(&[one, twin]);
        let expected = Tally {
            measured: 6,
            compared: 5,
            moved: 1,
            held: 1,
            within_chance: 1,
            too_few_rows: 1,
            not_judged: 1,
            exact: 3,
            of_nothing: 0,
        };
        assert_eq!((tally, tally.judged(), tally.unjudged()), (expected, 3, 2));
        assert_eq!(
            tally.in_words(),
            "5 metrics compared: 1 moved, 1 moved within chance, 1 held, 1 with too few rows, 1 not judged by chance"
        );
        assert_eq!(tally.doubts_in_words(), "chance explains 1, too few rows for 1, 1 not judged by chance");
        assert_eq!(Tally::of(&[]), Tally::default());
    }

    #[test]
    fn what_does_not_read_the_facet_counts_once() {
        let entropy = |then: Option<f64>| {
            vec![
                metric("AD", 0.1, then, then.and(chance(false, false))),
                metric("GE", 0.1, then, then.and(chance(false, false))),
            ]
        };
        let facets = [
            facet("0", [5, 9], entropy(None)),
            facet("1", [4, 10], entropy(Some(0.1))),
            facet("2", [3, 11], entropy(Some(0.1))),
        ];
        let tally = Tally::of(&facets);
        assert_eq!((tally.measured, tally.compared, tally.held, tally.exact), (4, 3, 3, 3));
    }

    #[test]
    fn what_reads_an_empty_selection_is_not_compared() {
        let mut of_none = facet("0", [5, 9], every_verdict());
        of_none.empty = vec![SelectionRole::Label];
        let tally = Tally::of(&[of_none]);
        // The flip test does not read the observed labels.
        assert_eq!((tally.compared, tally.not_judged, tally.of_nothing, tally.measured), (1, 1, 4, 6));
    }

    /// A ratio that fell beyond chance is unseen by size, and seen where the other value of its facet, of which it rose, is listed too.
    #[test]
    fn a_ratio_that_fell_is_unseen_unless_the_other_side_is_listed() {
        let ratio = |now, then| vec![metric("DI", now, Some(then), chance(true, false))];
        let fell = facet("0", [5, 9], ratio(0.5, 0.8));
        let rose = facet("1", [9, 5], ratio(2.0, 1.25));
        let unseen = |facets: &[FacetDetails]| unseen_by_size(facets).len();
        assert_eq!(unseen(std::slice::from_ref(&fell)), 1);
        assert_eq!(unseen(std::slice::from_ref(&rose)), 0);
        assert_eq!((unseen(&[fell.clone(), rose.clone()]), unseen(&[rose.clone(), fell.clone()])), (0, 0));
        // Without a baseline of its own the other side sees nothing.
        let bare = facet("1", [9, 5], vec![metric("DI", 2.0, None, None)]);
        assert_eq!(unseen(&[bare, fell]), 1);
    }
}
