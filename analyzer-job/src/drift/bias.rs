//! Bias drift: today's metrics against those of a baseline.

use std::collections::HashSet;
use std::path::Path;

use plumbline_common::{Problem, Result, codes};

use super::chance::said_nothing;
pub(crate) use super::same::of_same_labels;
use super::same::{ByGroup, STAGES, Sections, Values, are_same_labels, entries, section, twice};
use super::unchecked::Unchecked;
use super::windows::Before;
use crate::bias::roles::plain;
use crate::config::{Analysis, Facet, Location, Scalar};
use crate::results::details::{FacetDetails, MetricDetails, SelectionRole, Stage};
use crate::results::metrics::{compares_groups, reads_any};
use crate::results::{BiasSection, FacetResult, Number, Results, Violation};
use crate::settings::Windows;
use crate::state::counts::{Group, Groups};
use crate::values::numbers;

/// What makes a metric a violation.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// What `chance::judge` found farther from parity than the baseline beyond chance. Otherwise any metric that is farther from 0 is a
    /// violation, also a ratio, whose parity is 1: what the hosted service does.
    pub beyond_chance_only: bool,
    /// In how many windows it must be so.
    pub windows: Windows,
}

/// The baseline of these bytes: an `analysis.json`, or a file of its shape.
///
/// As such files come from several programs, the bare words `Infinity`, `-Infinity` and `NaN` are read as
/// well as strict JSON, and what is missing is taken as not given.
///
/// # Errors
/// `CONSTRAINTS_UNREADABLE`: they are not JSON, have another shape or say two things of the same metric.
pub fn constraints(path: &Path, bytes: &[u8]) -> Result<Results> {
    let text = numbers::strict_json(bytes);
    let unreadable = |what: &str| {
        Problem::new(&codes::CONSTRAINTS_UNREADABLE, what)
            .file(path)
            .hint("give the analysis.json of the baseline job, or a file of its shape")
    };
    let results: Results = serde_json::from_slice(&text).map_err(|error| {
        let what = if error.is_data() { OTHER_SHAPE } else { "the baseline constraints are not JSON" };
        unreadable(what).line(error.line() as u64).found(numbers::json_error(&error)).because(error)
    })?;
    // The parser takes a list for an object whose keys are left out.
    if text.trim_ascii_start().starts_with(b"[") {
        return Err(unreadable(OTHER_SHAPE).found("a list").expected("an object"));
    }
    if let Some(what) = twice(&results) {
        let problem = unreadable("the baseline constraints say two things of the same metric");
        return Err(problem.found(format!("{what} twice")).expected("one value for each"));
    }
    Ok(results)
}

const OTHER_SHAPE: &str = "the baseline constraints do not have the shape of an analysis.json";

/// A metric with a value here and in the baseline.
#[derive(Debug, Clone, Copy)]
pub struct Pair<'a> {
    pub stage: Stage,
    pub facet: &'a str,
    pub value_or_threshold: &'a str,
    pub metric: &'a str,
    pub now: Number,
    pub then: Number,
    /// Whether it reads a selection of no row or every row, on either side.
    pub compares_nothing: bool,
}

impl Pair<'_> {
    /// The rule of the hosted service, for every metric, also for disparate impact, whose parity is 1. Nothing is farther
    /// from 0 than infinity.
    pub fn is_farther_from_zero(&self) -> bool {
        self.now.value().abs() > self.then.value().abs()
    }
}

/// What could be compared, in the order of `analysis.json`, and what could not.
#[derive(Debug)]
pub struct Comparison<'a> {
    pub pairs: Vec<Pair<'a>>,
    /// For the log: what has no counterpart.
    pub warnings: Vec<String>,
    /// Whether this run asks for metrics that compare the groups of a facet.
    asks_for_groups: bool,
}

impl Comparison<'_> {
    /// Whether nothing was compared. A metric that reads a selection of no row or every row does not count, nor, where metrics that
    /// compare groups are asked for, one that is the same for every facet: its value says nothing of the facet.
    pub fn is_of_nothing(&self) -> bool {
        let tells =
            |pair: &Pair| !pair.compares_nothing && (!self.asks_for_groups || compares_groups(pair.metric));
        !self.pairs.iter().any(tells)
    }

    /// The error of a comparison of nothing. `facets`: details of this run.
    pub(crate) fn nothing_compared(
        &self,
        current: &Results,
        facets: &[FacetDetails],
        baseline: &Results,
    ) -> Problem {
        let groups = ByGroup::of_details(facets);
        let of_run = |facet: &str, entry: &FacetResult| {
            let details = groups.get(facet, &entry.value_or_threshold)?;
            Some((details.empty.clone(), details.groups))
        };
        nothing_compared(
            baseline_in_words(baseline),
            in_words(current, "data", of_run),
            self.only_empty(),
            None,
        )
    }

    /// What to do where nothing was compared and that is allowed.
    pub(crate) fn way_out(&self) -> &'static str {
        way_out(self.only_empty())
    }

    fn only_empty(&self) -> Option<bool> {
        (!self.pairs.is_empty()).then(|| self.pairs.iter().any(|pair| pair.compares_nothing))
    }
}

/// Pairs the metrics of this run with those of the baseline. `facets`: details of this run, held against that baseline by
/// `chance::judge` or `chance::hold_against`; without them every pair is taken to compare something.
pub fn compare<'a>(current: &'a Results, facets: &[FacetDetails], baseline: &Results) -> Comparison<'a> {
    let details = ByGroup::of_details(facets);
    let of_run = STAGES.into_iter().filter_map(|stage| section(current, stage)).flat_map(entries);
    let asks_for_groups =
        of_run.flat_map(|(_, entry)| &entry.metrics).any(|metric| compares_groups(&metric.name));
    let mut comparison = Comparison { pairs: Vec::new(), warnings: Vec::new(), asks_for_groups };
    let mut unchecked = Unchecked::default();
    for stage in STAGES {
        let name = section_name(stage);
        let here = section(current, stage);
        let (current, baseline) = match (here, section(baseline, stage)) {
            (Some(current), Some(baseline)) => (current, baseline),
            (Some(_), None) => {
                unchecked.section(format!("the baseline constraints have no `{name}`: not checked"));
                continue;
            }
            (None, Some(_)) => {
                unchecked.section(format!(
                    "the baseline constraints have `{name}`, this analysis does not: not checked"
                ));
                continue;
            }
            (None, None) => continue,
        };
        if !are_same_labels(current, baseline) {
            unchecked.section(other_labels(name, &current.label_value_or_threshold, baseline));
            continue;
        }
        let (known, there) = (ByGroup::of_section(current), ByGroup::of_section(baseline));
        for (facet, entry) in entries(current) {
            let value = &entry.value_or_threshold;
            match there.get(facet, value) {
                Some(constraints) => {
                    if let Some(skipped) = comparison.entry(stage, facet, entry, constraints, details.get(facet, value)) {
                        let text = format!("facet `{facet}` with value `{value}`: {skipped}");
                        unchecked.value(facet, value, text, format!("in `{name}`, {skipped}"));
                    }
                }
                None => unchecked.value(
                    facet,
                    value,
                    format!(
                        "the baseline constraints have no facet `{facet}` with value `{value}` in `{name}`: not checked"
                    ),
                    format!("not in `{name}` of the baseline constraints: not checked"),
                ),
            }
        }
        for (facet, entry) in entries(baseline) {
            let value = &entry.value_or_threshold;
            if known.get(facet, value).is_none() {
                unchecked.value(
                    facet,
                    value,
                    format!(
                        "facet `{facet}` with value `{value}` of the baseline constraints is not in this analysis: \
                         not checked"
                    ),
                    format!("in `{name}` of the baseline constraints and not in this analysis: not checked"),
                );
            }
        }
    }
    comparison.warnings = unchecked.warnings();
    comparison
}

/// That a section of the baseline has other positive labels than this run.
fn other_labels(name: &str, here: &str, baseline: &BiasSection) -> String {
    let there = &baseline.label_value_or_threshold;
    format!(
        "positive is `{here}` in this run and `{there}` in `{name}` of the baseline constraints: not checked; list the same \
         `label_values_or_threshold` for both"
    )
}

impl<'a> Comparison<'a> {
    /// Gives what is not checked, in words.
    fn entry(
        &mut self,
        stage: Stage,
        facet: &'a str,
        entry: &'a FacetResult,
        constraints: &FacetResult,
        details: Option<&FacetDetails>,
    ) -> Option<String> {
        let compares_nothing = |code: &str| {
            details.is_some_and(|facet| {
                facet.metrics.iter().any(|metric| metric.name == code && facet.compares_nothing(metric))
            })
        };
        let mut skipped = Vec::new();
        for metric in &entry.metrics {
            let constraint = constraints.metrics.iter().find(|constraint| constraint.name == metric.name);
            match (metric.value, constraint.and_then(|constraint| constraint.value)) {
                (Some(now), Some(then)) => self.pairs.push(Pair {
                    stage,
                    facet,
                    value_or_threshold: &entry.value_or_threshold,
                    metric: &metric.name,
                    now,
                    then,
                    compares_nothing: compares_nothing(&metric.name),
                }),
                _ => skipped.push(metric.name.as_str()),
            }
        }
        skipped.extend(
            constraints
                .metrics
                .iter()
                .map(|constraint| constraint.name.as_str())
                .filter(|name| !entry.metrics.iter().any(|metric| metric.name == *name)),
        );
        (!skipped.is_empty()).then(|| {
            let skipped = skipped.join(", ");
            format!("{skipped} not checked, as there is no value in this run or in the baseline constraints")
        })
    }
}

/// The pairs that break the rule. `facets`: details of this run, judged by `chance::judge`; `before`: earlier windows.
pub fn violations(
    comparison: &Comparison,
    facets: &[FacetDetails],
    rule: &Rule,
    before: &[Before],
) -> Vec<Violation> {
    let here = ByGroup::of_details(facets);
    let earlier: Vec<Earlier> = before.iter().map(Earlier::of).collect();
    let is_violation = |pair: &&Pair| {
        let metric = metric_in(&here, pair).filter(|_| rule.beyond_chance_only);
        metric.map_or_else(|| pair.is_farther_from_zero(), MetricDetails::is_beyond_chance)
            && earlier.iter().filter(|run| run.agrees(pair)).count() + 1 >= rule.windows.agreeing
    };
    comparison
        .pairs
        .iter()
        .filter(is_violation)
        .map(|pair| Violation::Bias {
            facet: pair.facet.into(),
            facet_value: pair.value_or_threshold.into(),
            metric_name: pair.metric.into(),
            constraint_check_type: "bias_drift_check".into(),
            description: format!(
                "Metric value {} doesn't meet the baseline constraint requirement {}",
                pair.now, pair.then
            ),
        })
        .collect()
}

fn metric_in<'a>(groups: &ByGroup<'a, FacetDetails>, pair: &Pair) -> Option<&'a MetricDetails> {
    let metrics = &groups.get(pair.facet, pair.value_or_threshold)?.metrics;
    metrics.iter().find(|known| known.name == pair.metric)
}

/// An earlier window that counts, its metrics found by group.
enum Earlier<'a> {
    Details(ByGroup<'a, FacetDetails>),
    Results(Sections<'a>),
}

impl<'a> Earlier<'a> {
    fn of(before: &'a Before) -> Earlier<'a> {
        match before {
            Before::Judged(facets) => Earlier::Details(ByGroup::of_details(facets)),
            Before::Values(results) => Earlier::Results(Sections::of(results)),
        }
    }

    /// Whether the pair's metric broke the same rule there.
    fn agrees(&self, pair: &Pair) -> bool {
        match self {
            Earlier::Details(groups) => metric_in(groups, pair).is_some_and(MetricDetails::is_beyond_chance),
            Earlier::Results(sections) => sections
                .get(pair.stage, pair.facet, pair.value_or_threshold)
                .and_then(|entry| entry.metrics.iter().find(|known| known.name == pair.metric)?.value)
                .is_some_and(|before| before.value().abs() > pair.then.value().abs()),
        }
    }
}

/// Marks the violations in the details, for reports.
pub fn mark(details: &mut [FacetDetails], violations: &[Violation]) {
    let violated: HashSet<(&str, &str, &str)> = violations
        .iter()
        .filter_map(|violation| match violation {
            Violation::Bias { facet, facet_value, metric_name, .. } => {
                Some((facet.as_str(), facet_value.as_str(), metric_name.as_str()))
            }
            Violation::Attribution { .. } => None,
        })
        .collect();
    for facet in details {
        for metric in &mut facet.metrics {
            let of_metric = (facet.facet.as_str(), facet.value_or_threshold.as_str(), metric.name.as_str());
            metric.violated = violated.contains(&of_metric);
        }
    }
}

/// What can be known of a check before data are read: the constraints have something to compare with.
///
/// # Errors
/// `NOTHING_COMPARED` for bias metrics, unless that is allowed; `LABELS_DO_NOT_MATCH` for attributions.
pub(crate) fn check_baseline(
    analysis: &Analysis,
    baseline: &Results,
    nothing_is_allowed: bool,
) -> Result<()> {
    let methods = &analysis.methods;
    if methods.shap.is_some() {
        let labels =
            baseline.explanations.as_ref().and_then(|explanations| explanations.kernel_shap.as_ref());
        if labels.is_none_or(|labels| labels.is_empty()) {
            return Err(Problem::new(
                &codes::LABELS_DO_NOT_MATCH,
                "attribution drift cannot be checked: the constraints hold no attributions",
            )
            .field("baseline_constraints")
            .found("no `explanations.kernel_shap`")
            .expected("the analysis.json of a baseline job with `shap`"));
        }
    }
    let asked = [
        (Stage::PostTraining, methods.post_training_bias.as_deref()),
        (Stage::PreTraining, methods.pre_training_bias.as_deref()),
    ];
    if nothing_is_allowed || asked.iter().all(|(_, codes)| codes.is_none()) {
        return Ok(());
    }
    let has_these_labels = |section: &&BiasSection| {
        let there = &section.label_value_or_threshold;
        there.is_empty() || may_be_listed(&analysis.label_values_or_threshold, there)
    };
    let asks_for_groups =
        asked.iter().filter_map(|(_, codes)| *codes).flatten().any(|code| compares_groups(code));
    // Whether each can tell something, and whether it compares nothing.
    let comparable: Vec<(bool, bool)> = asked
        .iter()
        .filter_map(|(stage, codes)| Some((section(baseline, *stage).filter(has_these_labels)?, (*codes)?)))
        .flat_map(|(section, codes)| {
            entries(section)
                .filter(|(facet, entry)| may_be_asked(analysis, facet, &entry.value_or_threshold))
                .flat_map(|(_, entry)| entry.metrics.iter().map(move |metric| (entry, metric)))
                .filter(|(_, metric)| metric.value.is_some() && codes.contains(&metric.name.as_str()))
                .map(|(entry, metric)| {
                    let is_nothing =
                        entry.counts.as_ref().zip(metric.value).is_some_and(|(counts, value)| {
                            said_nothing(&metric.name, &counts.groups(), value.value())
                        });
                    (!is_nothing && (!asks_for_groups || compares_groups(&metric.name)), is_nothing)
                })
        })
        .collect();
    if comparable.iter().any(|(tells, _)| *tells) {
        return Ok(());
    }
    let in_words = |facet: &Facet| match facet.values.as_slice() {
        [] => format!("`{}`", facet.column),
        values => format!("`{}` = `{}`", facet.column, listed(values)),
    };
    let facets: Vec<String> = analysis.facets.iter().map(in_words).collect();
    let stages: Vec<&str> =
        asked.iter().filter(|(_, codes)| codes.is_some()).map(|(stage, _)| section_name(*stage)).collect();
    let slip = other_spelling(analysis, baseline);
    Err(nothing_compared(
        baseline_in_words(baseline),
        format!(
            "facet {} with {}, positive `{}`",
            facets.join(", "),
            stages.join(" and "),
            listed(&analysis.label_values_or_threshold)
        ),
        (!comparable.is_empty()).then(|| comparable.iter().any(|(_, is_nothing)| *is_nothing)),
        slip,
    ))
}

/// That values of a facet, or the positive labels, are in the baseline in another spelling: `` `F` is spelled `f` in the baseline ``.
fn other_spelling(analysis: &Analysis, baseline: &Results) -> Option<String> {
    let told = |values: &[Scalar], there: &str| {
        let here = listed(values);
        let is_slip = plain(&here) == plain(there) && !here.is_empty() && !may_be_listed(values, there);
        is_slip.then(|| format!("`{here}` is spelled `{there}` in the baseline"))
    };
    let mut sections = STAGES.into_iter().filter_map(|stage| section(baseline, stage));
    sections.find_map(|section| {
        let of_facets = analysis.facets.iter().find_map(|facet| {
            let mut there = entries(section).filter(|(name, _)| has_name(facet, name));
            there.find_map(|(_, entry)| told(&facet.values, &entry.value_or_threshold))
        });
        of_facets.or_else(|| told(&analysis.label_values_or_threshold, &section.label_value_or_threshold))
    })
}

/// Whether a facet value of the constraints may be one of this run. A facet given by its position, or by a path, may have any
/// name, and one without a list any value.
fn may_be_asked(analysis: &Analysis, name: &str, value: &str) -> bool {
    let has_value = |facet: &Facet| facet.values.is_empty() || may_be_listed(&facet.values, value);
    analysis.facets.iter().any(|facet| has_name(facet, name) && has_value(facet))
}

fn has_name(facet: &Facet, name: &str) -> bool {
    match &facet.column {
        Location::Name(known) => known == name || known.contains(['.', '[', '@', '*', '"']),
        Location::Index(_) => true,
    }
}

/// Whether results may print a selection of these values like this. A number may be a threshold, whose interval has the data's
/// largest value too.
fn may_be_listed(values: &[Scalar], printed: &str) -> bool {
    let listed = listed(values);
    let threshold = listed.parse::<f64>().ok();
    let is_bound = || {
        let bounds = printed.strip_prefix('(')?.strip_suffix(']')?.split_once(", ")?;
        Some([bounds.0.parse().ok(), bounds.1.parse().ok()].contains(&threshold))
    };
    let mut known = Values::default();
    known.push(printed);
    known.position(&listed).is_some()
        || threshold.is_some() && (printed.is_empty() || is_bound() == Some(true))
}

/// Listed values as results print them.
fn listed(values: &[Scalar]) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

/// The error of a check that compared nothing. `only_empty`: but metrics that say nothing of a facet, and whether any of them reads a
/// selection of no row or every row; none where no metric has a value on both sides. `slip`: a value that is spelled otherwise in the
/// baseline.
fn nothing_compared(
    found: String,
    expected: String,
    only_empty: Option<bool>,
    slip: Option<String>,
) -> Problem {
    let what = match only_empty {
        None => "bias drift cannot be checked: no metric of this run is in the constraints",
        Some(_) => {
            "bias drift cannot be checked: of this run's metrics only those that say nothing of a facet are in the constraints: the \
             Generalized Entropy (GE), the same for every facet, or metrics that read a selection of no row or every row"
        }
    };
    let way_out = match slip {
        Some(slip) => format!("{slip}: spell it in the same way; or {}", way_out(only_empty)),
        None => way_out(only_empty).into(),
    };
    Problem::new(&codes::NOTHING_COMPARED, what)
        .field("baseline_constraints")
        .found(found)
        .expected(expected)
        .hint(format!("{way_out}, or set `on_nothing_compared` to `succeed`"))
}

fn way_out(only_empty: Option<bool>) -> &'static str {
    match only_empty {
        Some(true) => {
            "list values that some rows have and others do not, for the label, the predicted label and each facet, in the baseline's data \
             and in this run's"
        }
        _ => "make the baseline with the same facets, values, positive labels and methods as the monitor",
    }
}

fn baseline_in_words(baseline: &Results) -> String {
    in_words(baseline, "baseline", |_, entry| {
        let groups = entry.counts.as_ref()?.groups();
        Some((SelectionRole::empty_in(&groups, true), groups))
    })
}

/// `; the baseline has ...`, where a selection of the baseline holds no row or every row: facets, values and what is wrong with them.
pub(crate) fn empty_in_baseline(facets: &[FacetDetails], baseline: &Results) -> String {
    let mut metrics = facets.iter().flat_map(|facet| &facet.metrics);
    match metrics.any(|metric| metric.chance.is_some_and(|chance| chance.empty_baseline)) {
        true => format!("; the baseline has {}", baseline_in_words(baseline)),
        false => String::new(),
    }
}

/// A selection of no row or every row, in words.
fn empty_in_words(role: SelectionRole, groups: &Groups) -> String {
    let both = |rows: fn(&Group) -> u64| rows(&groups.d) + rows(&groups.a);
    let (name, rows) = match role {
        SelectionRole::Label => ("label", both(Group::observed_positive)),
        SelectionRole::Prediction => ("predicted label", both(Group::predicted_positive)),
        SelectionRole::Facet => ("facet", groups.d.n()),
    };
    format!("the {name} selects {} row", if rows == 0 { "no" } else { "every" })
}

/// What one side holds, for a message: the facets with their values. `empty_of`: the selections of an entry that hold no row or every
/// row, and its groups, where these are known.
fn in_words(
    results: &Results,
    side: &str,
    empty_of: impl Fn(&str, &FacetResult) -> Option<(Vec<SelectionRole>, Groups)>,
) -> String {
    let mut known = Vec::new();
    for section in STAGES.into_iter().filter_map(|stage| section(results, stage)) {
        let label = &section.label_value_or_threshold;
        let positive = if label.is_empty() { String::new() } else { format!(", positive `{label}`") };
        for (facet, entry) in entries(section) {
            let (empty, groups) = empty_of(facet, entry).unwrap_or_default();
            let has_rows = !empty.contains(&SelectionRole::Facet);
            let with_value = || entry.metrics.iter().filter(|metric| metric.value.is_some());
            let has_value = |of_groups: bool| {
                with_value().any(|metric| (has_rows && compares_groups(&metric.name)) == of_groups)
            };
            let is_read = |role: &&SelectionRole| {
                with_value().any(|metric| reads_any(&metric.name, std::slice::from_ref(*role)))
            };
            let read: Vec<String> =
                empty.iter().filter(is_read).map(|role| empty_in_words(*role, &groups)).collect();
            let why = match read.as_slice() {
                [] => String::new(),
                read => format!(" (in the {side} {})", read.join(" and ")),
            };
            let without = match (has_value(true), has_value(false)) {
                (true, _) => "",
                (false, true) => " without any value that depends on the facet",
                (false, false) => " without any value",
            };
            let text = format!("`{facet}` = `{}`{positive}{without}{why}", entry.value_or_threshold);
            if !known.contains(&text) {
                known.push(text);
            }
        }
    }
    match known.len() {
        0 => "no bias metrics".into(),
        1..=5 => known.join(", "),
        more => format!("{} and {} more", known[..5].join(", "), more - 5),
    }
}

pub(crate) fn section_name(stage: Stage) -> &'static str {
    match stage {
        Stage::PostTraining => "post_training_bias_metrics",
        Stage::PreTraining => "pre_training_bias_metrics",
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
