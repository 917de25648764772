//! The one rule for "the same group" in two runs, and entries found by it.

use std::collections::HashMap;

use crate::results::details::{FacetDetails, Stage};
use crate::results::{BiasSection, FacetResult, Results};

/// In the order of `analysis.json`.
pub(crate) const STAGES: [Stage; 2] = [Stage::PostTraining, Stage::PreTraining];

pub(crate) fn section(results: &Results, stage: Stage) -> Option<&BiasSection> {
    match stage {
        Stage::PostTraining => results.post_training_bias_metrics.as_ref(),
        Stage::PreTraining => results.pre_training_bias_metrics.as_ref(),
    }
}

/// The entries of a section, each with the name of its facet.
pub(crate) fn entries(section: &BiasSection) -> impl Iterator<Item = (&str, &FacetResult)> {
    section
        .facets
        .iter()
        .flat_map(|(facet, entries)| entries.iter().map(move |entry| (facet.as_str(), entry)))
}

/// Entries by facet and value: a facet may have thousands of values.
#[derive(Debug)]
pub(crate) struct ByGroup<'a, T>(HashMap<&'a str, (Values<'a>, Vec<&'a T>)>);

impl<'a, T> ByGroup<'a, T> {
    /// `entries`: each with the name of its facet and its value.
    fn of(entries: impl Iterator<Item = (&'a str, &'a str, &'a T)>) -> ByGroup<'a, T> {
        let mut groups: HashMap<&str, (Values, Vec<&T>)> = HashMap::new();
        for (facet, value, entry) in entries {
            let (values, entries) = groups.entry(facet).or_default();
            values.push(value);
            entries.push(entry);
        }
        ByGroup(groups)
    }

    /// The entry of the same group.
    pub(crate) fn get(&self, facet: &str, value: &str) -> Option<&'a T> {
        let (values, entries) = self.0.get(facet)?;
        entries.get(values.position(value)?).copied()
    }
}

impl<'a> ByGroup<'a, FacetResult> {
    pub(crate) fn of_section(section: &'a BiasSection) -> ByGroup<'a, FacetResult> {
        ByGroup::of(entries(section).map(|(facet, entry)| (facet, entry.value_or_threshold.as_str(), entry)))
    }
}

impl<'a> ByGroup<'a, FacetDetails> {
    pub(crate) fn of_details(facets: &'a [FacetDetails]) -> ByGroup<'a, FacetDetails> {
        ByGroup::of(
            facets.iter().map(|facet| (facet.facet.as_str(), facet.value_or_threshold.as_str(), facet)),
        )
    }
}

/// The entries of both sections of results.
#[derive(Debug)]
pub(crate) struct Sections<'a>([Option<ByGroup<'a, FacetResult>>; 2]);

impl<'a> Sections<'a> {
    pub(crate) fn of(results: &'a Results) -> Sections<'a> {
        Sections(STAGES.map(|stage| section(results, stage).map(ByGroup::of_section)))
    }

    pub(crate) fn get(&self, stage: Stage, facet: &str, value: &str) -> Option<&'a FacetResult> {
        let place = STAGES.iter().position(|known| *known == stage)?;
        self.0[place].as_ref()?.get(facet, value)
    }
}

/// The values of a facet, found by the rule for "the same value": the same text; else the same numbers, so that `0` is
/// `0.0`; else, when the facet has one interval on either side, the same lower bound: the upper bound is the largest value in
/// the data and changes from run to run. Of several the first.
#[derive(Debug, Default)]
pub(crate) struct Values<'a> {
    count: usize,
    by_text: HashMap<&'a str, usize>,
    by_numbers: HashMap<Vec<u64>, usize>,
    first: &'a str,
}

impl<'a> Values<'a> {
    pub(crate) fn push(&mut self, value: &'a str) {
        if self.count == 0 {
            self.first = value;
        }
        self.by_text.entry(value).or_insert(self.count);
        if let Some(numbers) = numbers_of(value) {
            self.by_numbers.entry(numbers).or_insert(self.count);
        }
        self.count += 1;
    }

    pub(crate) fn position(&self, value: &str) -> Option<usize> {
        if let Some(&place) = self.by_text.get(value) {
            return Some(place);
        }
        if let Some(&place) = numbers_of(value).and_then(|numbers| self.by_numbers.get(&numbers)) {
            return Some(place);
        }
        let bound = lower_bound(value).filter(|_| self.count == 1)?;
        (lower_bound(self.first)? == bound).then_some(0)
    }
}

/// The numbers of a list such as `0,1.0`, equal for equal numbers; none when one of them is no number.
fn numbers_of(value: &str) -> Option<Vec<u64>> {
    let number = |part: &str| part.trim().parse::<f64>().ok().filter(|number| number.is_finite());
    // Zero equals minus zero.
    value.split(',').map(|part| number(part).map(|number| (number + 0.0).to_bits())).collect()
}

/// The lower bound of an interval such as `(40, 80]`; none for other values.
fn lower_bound(value: &str) -> Option<f64> {
    let (low, high) = value.strip_prefix('(')?.strip_suffix(']')?.split_once(", ")?;
    high.parse::<f64>().ok()?;
    low.parse().ok()
}
