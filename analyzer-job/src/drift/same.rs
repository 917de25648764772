//! The one rule for "the same group" in two runs, and entries found by it.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::results::details::{FacetDetails, Stage};
use crate::results::{BiasSection, FacetResult, Number, Results};

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

/// A metric or a value of a facet that stands twice in a section and says different things, so that one of them would be lost.
pub(super) fn twice(results: &Results) -> Option<String> {
    STAGES.into_iter().filter_map(|stage| section(results, stage)).find_map(|section| {
        let groups = ByGroup::of_section(section);
        entries(section).find_map(|(facet, entry)| {
            let value = &entry.value_or_threshold;
            let mut later = entry.metrics.iter().enumerate();
            let metric = later.find_map(|(place, metric)| {
                let first = entry.metrics[..place].iter().find(|first| first.name == metric.name)?;
                (first.value.map(Number::value) != metric.value.map(Number::value)).then_some(&metric.name)
            });
            if let Some(metric) = metric {
                return Some(format!("`{metric}` of `{facet}` = `{value}`"));
            }
            let first = groups.get(facet, value)?;
            (first.metrics != entry.metrics).then(|| format!("`{facet}` = `{value}`"))
        })
    })
}

/// The sections of a baseline that tell of the same positive labels as this run: those of other labels are no baseline of it.
pub(crate) fn of_same_labels<'a>(current: &Results, baseline: &'a Results) -> Cow<'a, Results> {
    let differs = |stage| {
        let both = section(current, stage).zip(section(baseline, stage));
        both.is_some_and(|(here, there)| !are_same_labels(here, there))
    };
    let [post, pre] = STAGES.map(differs);
    if !post && !pre {
        return Cow::Borrowed(baseline);
    }
    let mut rest = baseline.clone();
    if post {
        rest.post_training_bias_metrics = None;
    }
    if pre {
        rest.pre_training_bias_metrics = None;
    }
    Cow::Owned(rest)
}

/// Whether both sections call the same labels positive. One that does not say which is taken to.
pub(crate) fn are_same_labels(one: &BiasSection, other: &BiasSection) -> bool {
    is_same_selection(&one.label_value_or_threshold, &other.label_value_or_threshold)
}

/// Whether two selections, as results print them, are the same. An empty one says nothing.
pub(crate) fn is_same_selection(one: &str, other: &str) -> bool {
    let mut values = Values::default();
    values.push(one);
    one.is_empty() || other.is_empty() || values.position(other).is_some()
}

/// The values of a facet, found by the rule for "the same value": the same text; else the same listed values in any order, of
/// which numbers are compared as numbers, so that `0` is `0.0`; else, when the facet has one interval on either side, the same
/// lower bound: the upper bound is the largest value in the data and changes from run to run. Of several the first.
#[derive(Debug, Default)]
pub(crate) struct Values<'a> {
    count: usize,
    by_text: HashMap<&'a str, usize>,
    by_list: HashMap<Vec<Listed<'a>>, usize>,
    first: &'a str,
}

impl<'a> Values<'a> {
    pub(crate) fn push(&mut self, value: &'a str) {
        if self.count == 0 {
            self.first = value;
        }
        self.by_text.entry(value).or_insert(self.count);
        self.by_list.entry(listed(value)).or_insert(self.count);
        self.count += 1;
    }

    pub(crate) fn position(&self, value: &str) -> Option<usize> {
        if let Some(&place) = self.by_text.get(value) {
            return Some(place);
        }
        if let Some(&place) = self.by_list.get(&listed(value)) {
            return Some(place);
        }
        let bound = lower_bound(value).filter(|_| self.count == 1)?;
        (lower_bound(self.first)? == bound).then_some(0)
    }
}

/// A listed value; numbers are equal as numbers.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Listed<'a> {
    Number(u64),
    Text(&'a str),
}

/// The values of a list such as `0,1.0`, each once, in one order.
fn listed(value: &str) -> Vec<Listed<'_>> {
    let number = |part: &str| part.trim().parse::<f64>().ok().filter(|number| number.is_finite());
    let mut values: Vec<Listed> = value
        .split(',')
        .map(|part| match number(part) {
            // Zero equals minus zero.
            Some(number) => Listed::Number((number + 0.0).to_bits()),
            None => Listed::Text(part),
        })
        .collect();
    values.sort_unstable();
    values.dedup();
    values
}

/// The lower bound of an interval such as `(40, 80]`; none for other values.
fn lower_bound(value: &str) -> Option<f64> {
    let (low, high) = value.strip_prefix('(')?.strip_suffix(']')?.split_once(", ")?;
    high.parse::<f64>().ok()?;
    low.parse().ok()
}
