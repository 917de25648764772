//! The first screen: one sentence that is the verdict, a few that say for whom and how much, and the
//! rows it stands on.

use std::collections::HashSet;

use plumbline_common::words::{counted, part_of};

use crate::drift::verdict::{Tally, Verdict, unseen_by_size};
use crate::results::Number;
use crate::results::comparisons::{self, is_compared};
use crate::results::details::{BiasDetails, Check, FacetDetails, Findings, MetricDetails, RunDetails};

use super::amounts::{count, number, of, percent, points};
use super::attributions::{order_in_words, ranked};
use super::bias;
use super::four_fifths::Impact;
use super::page::{Report, State};
use super::sentences::{compared, isolate};
use super::violations;
use crate::results::metrics::{Family, Metric, compares_groups};

/// Sentences on the first screen.
const LEAD: usize = 4;

/// Metrics that are the gap between two shares.
const GAPS: [&str; 7] = ["DPPL", "DPL", "RD", "SD", "DAR", "DRR", "AD"];

/// A metric of a group, with what it comes to.
struct Finding<'a> {
    facet: &'a FacetDetails,
    details: &'a MetricDetails,
    verdict: Verdict,
}

impl<'a> Finding<'a> {
    fn of(facet: &'a FacetDetails, details: &'a MetricDetails) -> Finding<'a> {
        Finding { facet, details, verdict: Verdict::of(facet, details) }
    }

    /// Nobody can tell whether it moved.
    fn is_doubtful(&self) -> bool {
        matches!(self.verdict, Verdict::WithinChance | Verdict::TooFewRows | Verdict::NotJudged)
    }

    fn compares_nothing(&self) -> bool {
        self.facet.compares_nothing(self.details)
    }

    fn is_compared(&self) -> bool {
        is_compared(self.facet, self.details)
    }
}

pub(super) fn fill(report: &mut Report, findings: &Findings) {
    let bias = findings.bias.as_ref().filter(|bias| !bias.facets.is_empty());
    let mut headlines = Vec::new();
    if let Some(bias) = bias {
        let all = measured(bias);
        headlines.push(bias_headline(bias, &all));
        report.lead.extend(bias.selections.iter().map(|note| format!("Check the selection of the {note}.")));
        report.lead.extend(bias_lead(bias, &all));
    }
    if let Some(headline) = attribution_headline(findings) {
        headlines.push(headline);
        report.lead.extend(attribution_lead(findings));
    }
    report.state = headlines.iter().map(|(state, _)| *state).min().unwrap_or(State::Measured);
    // The graver one is the headline, the other a sentence.
    headlines.sort_by_key(|(state, _)| *state);
    let mut headlines = headlines.into_iter().map(|(_, text)| text);
    report.headline = headlines.next().unwrap_or_else(|| "Nothing was measured".into());
    report.lead.extend(headlines.map(|text| format!("{text}.")));
    report.facts = facts(findings);
    violations::section(report, findings);
}

/// The groups, each comparison once.
fn told(bias: &BiasDetails) -> Vec<&FacetDetails> {
    comparisons::told(&bias.facets)
}

/// What the comparisons came to.
fn measured(bias: &BiasDetails) -> Vec<Finding<'_>> {
    comparisons::each(&bias.facets).map(|(facet, details)| Finding::of(facet, details)).collect()
}

/// The groups with a metric of a kind.
fn groups_of(all: &[Finding], is_meant: &dyn Fn(&Finding) -> bool) -> HashSet<*const FacetDetails> {
    all.iter().filter(|finding| is_meant(finding)).map(|finding| std::ptr::from_ref(finding.facet)).collect()
}

/// ` for Sex = 0`, ` in 3 groups`, or ` in 2 of 3 groups` where only these have a metric of this kind. Empty where none has: what is the
/// same for every group, the entropy, is said of none.
fn in_groups(bias: &BiasDetails, all: &[Finding], is_meant: &dyn Fn(&Finding) -> bool) -> String {
    let told = told(bias);
    let groups = groups_of(all, &|finding| compares_groups(&finding.details.name) && is_meant(finding));
    match (groups.len(), told.as_slice()) {
        (0, _) => String::new(),
        (_, [facet]) => format!(" for {}", bias::words(bias, facet).facet),
        (some, told) if some == told.len() => format!(" in {some} groups"),
        (some, told) => format!(" in {some} of {} groups", told.len()),
    }
}

/// The groups that nothing is said of, where something is of others.
fn untold_groups(bias: &BiasDetails, all: &[Finding]) -> Option<String> {
    const NAMED: usize = 3;
    let has_baseline = all.iter().any(Finding::is_compared);
    let tells = |finding: &Finding| {
        let is_told = finding.verdict != Verdict::Undefined && !finding.compares_nothing();
        compares_groups(&finding.details.name) && if has_baseline { finding.is_compared() } else { is_told }
    };
    let told = told(bias);
    let with_any = groups_of(all, &tells);
    let is_untold = |facet: &&FacetDetails| !with_any.contains(&std::ptr::from_ref(*facet));
    let untold: Vec<&FacetDetails> = told.iter().copied().filter(is_untold).collect();
    if untold.is_empty() || untold.len() == told.len() {
        return None;
    }
    let mut names: Vec<String> =
        untold.iter().take(NAMED).map(|facet| bias::words(bias, facet).facet).collect();
    if untold.len() > NAMED {
        names.push(of((untold.len() - NAMED) as u64, "more group", "more groups"));
    }
    let names = match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    };
    Some(match has_baseline {
        true => format!("No metric of {names} is compared with the baseline."),
        false => format!("No metric says anything of {names}."),
    })
}

fn bias_headline(bias: &BiasDetails, all: &[Finding]) -> (State, String) {
    let number_of = |wanted: &dyn Fn(&Finding) -> bool| all.iter().filter(|finding| wanted(finding)).count();
    let telling = number_of(&|finding| finding.verdict != Verdict::Undefined && !finding.compares_nothing());
    let tally = Tally::of(&bias.facets);
    let (compared, moved) = (tally.compared, tally.moved);
    let groups = in_groups(bias, all, &|_| true);
    let of_groups = |finding: &Finding| compares_groups(&finding.details.name);
    if all.iter().all(|finding| finding.verdict == Verdict::Undefined) {
        return (State::CannotTell, format!("No bias metric could be computed{groups}"));
    }
    // Where metrics that compare groups are asked for, one that is the same for every facet tells nothing of these.
    let asks_for_groups = all.iter().any(of_groups);
    let tells =
        |finding: &Finding| finding.details.value.is_some() && (!asks_for_groups || of_groups(finding));
    let compares_nothing = number_of(&|finding| finding.compares_nothing());
    let would_be_compared = number_of(&|finding| finding.details.baseline.is_some() && tells(finding));
    let tells_something = number_of(&|finding| tells(finding) && !finding.compares_nothing());
    let tells_a_change = number_of(&|finding| finding.is_compared() && tells(finding));
    if compared > 0 && tells_a_change == 0 {
        let why = if compares_nothing > 0 {
            empty_selection(all)
        } else {
            "no other metric has a value in the baseline"
        };
        let (state, moved) = match moved {
            0 => (State::CannotTell, ""),
            _ => (State::Moved, ", and it moved away from its baseline"),
        };
        let text =
            format!("Only the Generalized Entropy (GE), the same for every facet, is compared{moved}: {why}");
        return (state, text);
    }
    if compares_nothing > 0 && (tells_something == 0 || tells_a_change == 0 && would_be_compared > 0) {
        return (State::CannotTell, format!("Nothing is compared{groups}: {}", empty_selection(all)));
    }
    if compared == 0 && bias.check.is_some() {
        return (
            State::CannotTell,
            format!("No metric has a value in the baseline{groups}: nothing is compared"),
        );
    }
    if compared == 0 {
        let groups = in_groups(bias, all, &|finding| {
            finding.verdict != Verdict::Undefined && !finding.compares_nothing()
        });
        return (
            State::Measured,
            lowest_ratio(bias)
                .unwrap_or_else(|| format!("{} measured{groups}", of(telling as u64, "metric", "metrics"))),
        );
    }
    // What is said of the groups is said of those that are compared.
    let groups = in_groups(bias, all, &|finding| finding.is_compared());
    if moved > 0 {
        let whose = if moved == 1 { "its" } else { "their" };
        let mut groups = in_groups(bias, all, &|finding| finding.verdict == Verdict::Moved);
        if groups.is_empty() {
            groups = ": the Generalized Entropy (GE), the same for every group".into();
        }
        let moved = part_of(moved, compared, "metric");
        return (State::Moved, format!("{moved} moved away from {whose} baseline{groups}"));
    }
    let metrics = counted(compared as u64, "metric");
    if tally.within_chance == compared {
        return (State::CannotTell, format!("{metrics} moved{groups}, no more than chance explains"));
    }
    if tally.too_few_rows == compared {
        return (State::CannotTell, format!("Not enough rows to say whether {metrics} moved{groups}"));
    }
    if tally.not_judged == compared {
        return (State::CannotTell, format!("{metrics} compared{groups}, none can be judged by chance"));
    }
    // Doubts about what is no farther from parity are no reason for a doubtful head, unless there are hardly any others.
    let is_farther_perhaps =
        number_of(&|finding| finding.is_compared() && finding.is_doubtful() && finding.details.is_away());
    if is_farther_perhaps > 0 || tally.unjudged() * 2 > compared {
        let doubts = tally.doubts_in_words();
        return (State::CannotTell, format!("None of {metrics} moved beyond chance{groups}: {doubts}"));
    }
    let mut text = format!("No metric moved away from its baseline{groups}");
    if tally.unjudged() > 0 {
        text.push_str(&format!(": {} held, {}", tally.held, tally.unjudged_in_words()));
    }
    if compares_nothing == 0 {
        return (State::Held, text);
    }
    let state = if compares_nothing > compared { State::CannotTell } else { State::Held };
    (state, format!("{text}; only {} could be compared", part_of(compared, tally.measured, "metric")))
}

/// Why metrics compare nothing.
fn empty_selection(all: &[Finding]) -> &'static str {
    let is_here = all.iter().any(|finding| finding.facet.says_nothing(&finding.details.name));
    if is_here {
        "a selection holds no row or every row"
    } else {
        "a selection of the baseline holds no row or every row"
    }
}

/// The group with the lowest disparate impact ratio, as a sentence.
fn lowest_ratio(bias: &BiasDetails) -> Option<String> {
    let positive = bias::positive(bias);
    let ratio = |facet: &FacetDetails| Impact::of_facet(facet, facet.predicted)?.ratio;
    // Among many groups the lowest ratio is one of few rows, which means nothing.
    let told = bias.facets.iter().filter(|facet| Impact::has_rows(facet, facet.predicted));
    let known = told.filter_map(|facet| Some((facet, ratio(facet)?)));
    let (facet, ratio) = known.min_by(|a, b| a.1.total_cmp(&b.1))?;
    let verb = if facet.predicted { "is predicted" } else { "was observed" };
    let name = bias::words(bias, facet).facet;
    let sentence = match compared(ratio, &name) {
        Some(compared) => format!("{positive} {verb} {compared}"),
        None => {
            let (auxiliary, participle) = verb.split_once(' ').unwrap_or((verb, ""));
            format!("{positive} {auxiliary} never {participle} for {name}")
        }
    };
    // Whoever reads only this must know that it may be about other rows than those that were meant.
    let is_doubtful = bias::selections_of(bias, facet).next().is_some();
    Some(if is_doubtful { format!("{sentence}, if the selection is right") } else { sentence })
}

/// What the violations are, where they are not what the headline counts: their file has an entry for each metric of each group.
fn violations_in_words(bias: &BiasDetails, all: &[Finding]) -> Option<String> {
    let entries =
        bias.facets.iter().flat_map(|facet| facet.metrics.iter().map(move |metric| (facet, metric)));
    let violated: Vec<Finding> = entries
        .filter(|(_, metric)| metric.violated)
        .map(|(facet, metric)| Finding::of(facet, metric))
        .collect();
    let by = |verdict| violated.iter().filter(|finding| finding.verdict == verdict).count();
    let moved = by(Verdict::Moved);
    let parts = [
        (moved, "beyond chance"),
        (by(Verdict::WithinChance), "within what chance explains"),
        (by(Verdict::TooFewRows), "with too few rows to say"),
        (by(Verdict::NotJudged), "not judged by chance"),
        (by(Verdict::Held), "with a smaller difference than in the baseline"),
        (by(Verdict::ComparesNothing), "of metrics that compare nothing"),
    ];
    let told: Vec<(usize, &str)> = parts.into_iter().filter(|(number, _)| *number > 0).collect();
    let number = violated.len();
    let counted = of(number as u64, "violation is", "violations are");
    let parts = match told.as_slice() {
        [(1, what)] => format!(", {what}"),
        [(_, what)] => format!(", all {what}"),
        told => {
            let told: Vec<String> = told.iter().map(|(number, what)| format!("{number} {what}")).collect();
            format!(": {}", told.join(", "))
        }
    };
    let in_headline = all.iter().filter(|finding| finding.verdict == Verdict::Moved).count();
    if number == 0 || (number == moved && moved == in_headline) {
        return None;
    }
    let entries = violated.iter().map(|finding| (finding.facet, finding.details));
    let again = match number - comparisons::number_of(&bias.facets, entries) {
        0 => String::new(),
        again => format!(
            " The file has an entry for each metric of each group. {} a comparison that this report counts once: the other value of \
             a facet of two, or the Generalized Entropy (GE), the same for every group.",
            of(again as u64, "entry repeats", "entries repeat")
        ),
    };
    Some(format!("{counted} in constraint_violations.json{parts}.{again}"))
}

/// How many metrics compare nothing, where others do.
fn nothing_compared(all: &[Finding]) -> Option<String> {
    let has_value = |finding: &&Finding| finding.details.value.is_some();
    let nothing = all.iter().filter(has_value).filter(|finding| finding.compares_nothing()).count();
    let metrics = of(nothing as u64, "metric compares nothing", "metrics compare nothing");
    (0 < nothing && nothing < all.iter().filter(has_value).count())
        .then(|| format!("{metrics}: {}.", empty_selection(all)))
}

/// What this window alone would have raised.
fn held_back(bias: &BiasDetails) -> Option<String> {
    let held = bias.check.as_ref()?.held_back.as_ref()?;
    let violations = of(held.metrics, "violation is", "violations are");
    let windows = held.windows_in_words();
    Some(format!("{violations} held back: fewer than {windows} windows agree."))
}

/// What a check could not see.
fn limits(check: &Check, tally: &Tally) -> Vec<String> {
    let mut sentences = Vec::new();
    if check.unjudged > 0 {
        let metrics = of(check.unjudged, "metric cannot be a violation", "metrics cannot be violations");
        sentences.push(format!("{metrics} of this check: {}.", tally.unjudged_in_words()));
    }
    if check.runs_without_baseline > 0 {
        let runs = of(check.runs_without_baseline, "earlier run", "earlier runs");
        sentences.push(format!(
            "{runs} in the history had no baseline: `drift_windows` passes over such runs and counts the windows before them."
        ));
    }
    if check.mute_windows > 0 {
        let windows = of(check.mute_windows, "earlier window cannot agree", "earlier windows cannot agree");
        sentences.push(format!(
            "{windows}: the results in the history have no counts, so chance cannot be judged."
        ));
    }
    sentences
}

/// The worst sentence of each question, at most four in all; then what all comparisons came to.
fn bias_lead(bias: &BiasDetails, all: &[Finding]) -> Vec<String> {
    let tally = Tally::of(&bias.facets);
    let compared = tally.compared > 0;
    let unseen = match &bias.check {
        Some(check) if check.beyond_chance_only => Vec::new(),
        _ => unseen_by_size(&bias.facets),
    };
    let is_unseen = |details: &MetricDetails| unseen.iter().any(|(_, unseen)| std::ptr::eq(*unseen, details));
    let mut told: Vec<&Finding> = Vec::new();
    for family in [Family::Predictions, Family::Errors, Family::Data, Family::Calibration] {
        let mut of_family: Vec<&Finding> = all
            .iter()
            .filter(|finding| {
                finding.verdict != Verdict::Undefined && (!compared || finding.details.is_away())
            })
            .filter(|finding| !finding.compares_nothing())
            // It has a note of its own.
            .filter(|finding| !is_unseen(finding.details))
            .filter(|finding| Metric::of(&finding.details.name).is_some_and(|metric| metric.family == family))
            .collect();
        // Sure before unsure, easily understood before intricate, large before small.
        let doubt = |finding: &Finding| match finding.verdict {
            Verdict::Moved => 0,
            _ if finding.is_doubtful() => 2,
            _ => 1,
        };
        of_family.sort_by(|a, b| {
            doubt(a)
                .cmp(&doubt(b))
                .then_with(|| rank(a.details).cmp(&rank(b.details)))
                .then_with(|| growth(b.details).total_cmp(&growth(a.details)))
        });
        // Without a baseline, predictions and errors tell enough.
        if compared || family != Family::Calibration {
            told.extend(of_family.first());
        }
    }
    let mut sentences: Vec<String> =
        told.into_iter().take(LEAD).map(|finding| sentence(bias, finding)).collect();
    if compared {
        sentences.push(format!("{}.", tally.in_words()));
    }
    sentences.extend(nothing_compared(all));
    sentences.extend(untold_groups(bias, all));
    sentences.extend(violations_in_words(bias, all));
    sentences.extend(held_back(bias));
    sentences.extend(bias.check.iter().flat_map(|check| limits(check, &tally)));
    for finding in all.iter().filter(|finding| is_unseen(finding.details)) {
        sentences.push(format!(
            "Note: {} The ratio is farther from 1 than in the baseline. This is not a violation, because the rule compares \
             sizes only, and the ratio fell.",
            sentence(bias, finding)
        ));
    }
    sentences
}

/// What it means, then code, value and baseline.
fn sentence(bias: &BiasDetails, finding: &Finding) -> String {
    let details = finding.details;
    let words = bias::words(bias, finding.facet);
    let interval = details.interval.map(|[low, high]| [low.value(), high.value()]);
    let shown = |value: Option<Number>| value.map(|value| number(value.value(), interval));
    let now = shown(details.value).unwrap_or_default();
    let mut meaning = bias::counted(finding.facet, details, &words).unwrap_or_else(|| {
        let name =
            Metric::of(&details.name).map_or_else(|| details.name.clone(), |metric| metric.name().into());
        let what = if details.is_farther_from_zero() {
            "farther from 0 than in the baseline".into()
        } else {
            now.clone()
        };
        format!("The {name} of {} is {what}", words.facet)
    });
    let mut was = shown(details.baseline).map(|was| format!(", baseline {was}")).unwrap_or_default();
    // Gaps between two shares are told in the unit that the sentence is in.
    if let (true, Some(value), Some(baseline)) =
        (GAPS.contains(&details.name.as_str()), details.value, details.baseline)
    {
        let (value, baseline) = (value.value(), baseline.value());
        let gap = format!("a gap of {}", points(value));
        if !meaning.ends_with(&gap) {
            meaning = format!("{meaning}: {gap}");
        }
        let before = points(baseline);
        let before = before.split_once(' ').map_or(before.as_str(), |(number, _)| number);
        meaning = if value * baseline < 0.0 {
            format!("{meaning}; in the baseline {before} in the opposite direction")
        } else {
            format!("{meaning}, {before} in the baseline")
        };
        was.clear();
    }
    let doubt = match finding.verdict {
        Verdict::WithinChance => "; chance explains that",
        Verdict::TooFewRows => "; too few rows to say",
        Verdict::NotJudged => "; not judged by chance",
        _ => "",
    };
    format!("{meaning} ({} {now}{was}{doubt}).", details.name)
}

/// Metrics whose sentence is understood at once come first.
fn rank(details: &MetricDetails) -> usize {
    let order = [
        "DPPL", "DI", "RD", "DAR", "SD", "AD", "DRR", "DPL", "CI", "CDDPL", "FT", "DCA", "DCR", "CDDL", "TVD",
    ];
    order.iter().position(|code| *code == details.name).unwrap_or(order.len())
}

/// How much farther from parity than the baseline.
fn growth(details: &MetricDetails) -> f64 {
    let Some(metric) = Metric::of(&details.name) else { return 0.0 };
    let size = |value: Option<Number>| value.map_or(0.0, |value| metric.distance(value.value()).min(1e3));
    size(details.value) - size(details.baseline)
}

fn attribution_headline(findings: &Findings) -> Option<(State, String)> {
    let outputs =
        findings.results.explanations.as_ref()?.kernel_shap.as_ref().filter(|outputs| !outputs.is_empty())?;
    let details = findings.explanations.as_ref();
    let scored: Vec<_> =
        details.iter().flat_map(|d| &d.outputs).filter(|output| output.ndcg.is_some()).collect();
    let moved: Vec<_> = scored.iter().filter(|output| output.violated).collect();
    if let [first, rest @ ..] = moved.as_slice() {
        let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
        return Some((
            State::Moved,
            format!("The order of the feature attributions of {}{more} changed", isolate(&first.label)),
        ));
    }
    if !scored.is_empty() {
        return Some((State::Held, "The feature attributions kept their order".into()));
    }
    let (label, attributions) = outputs.first()?;
    let features = ranked(attributions, None);
    let first = features.first().filter(|feature| feature.value != 0.0)?;
    Some((
        State::Measured,
        format!("{} has the largest attribution to {}", isolate(first.name), isolate(label)),
    ))
}

fn attribution_lead(findings: &Findings) -> Vec<String> {
    let outputs = findings.results.explanations.iter().flat_map(|e| e.kernel_shap.iter().flatten());
    let details = findings.explanations.as_ref();
    outputs
        .filter_map(|(label, attributions)| {
            let output = details?.outputs.iter().find(|output| output.label == *label)?;
            let features = ranked(attributions, Some(output));
            let what = format!("The order of the attributions of {}", isolate(label));
            Some(order_in_words(&what, output.ndcg?, &features))
        })
        .take(LEAD)
        .collect()
}

/// Predictions, labels, skipped records, group sizes.
fn facts(findings: &Findings) -> Vec<String> {
    let mut facts = Vec::new();
    if let Some(run) = run(findings) {
        facts.push(of(run.rows.rows, "row analysed", "rows analysed"));
        if run.rows.records_read > 0 && run.rows.records_read != run.rows.rows {
            facts.push(of(run.rows.records_read, "record read", "records read"));
        }
        let skipped: u64 = run.rows.records_skipped.iter().map(|skipped| skipped.records).sum();
        if skipped > 0 {
            let why = match run.rows.records_skipped.as_slice() {
                [only] => format!(" ({})", only.reason),
                _ => String::new(),
            };
            facts.push(format!("{}{why}", of(skipped, "record skipped", "records skipped")));
        }
    }
    if let Some(bias) = &findings.bias {
        let facets = told(bias);
        let named = if facets.len() > 3 { 0 } else { facets.len() };
        if named == 0 && !facets.is_empty() {
            facts.push(format!("{} groups", facets.len()));
        }
        for facet in facets.into_iter().take(named) {
            let (d, a) = (facet.groups.d.n(), facet.groups.a.n());
            if let Some(percent) = percent(d, d + a) {
                let name = bias::words(bias, facet).facet;
                facts.push(format!("{} in {name} ({percent}), {} outside", count(d), count(a)));
            }
        }
    }
    if let Some(explanations) = &findings.explanations {
        facts.push(of(explanations.rows_explained, "row explained", "rows explained"));
    }
    facts
}

/// How the run went, from whichever analysis there was.
pub(super) fn run(findings: &Findings) -> Option<&RunDetails> {
    findings.bias.as_ref().map(|bias| &bias.run).or(findings.explanations.as_ref().map(|e| &e.run))
}
