//! The bias part of a report: for each group its rows, its metrics by question, and all metrics in
//! words; then impact ratios, crossed facets and segments.

use crate::bias::is_judged_by_chance;
use crate::results::Number;
use crate::results::details::{BiasDetails, Chance, Check, FacetDetails, MetricDetails};

use super::amounts::{self, change, count, percent, percent_of};
use super::charts::{Axis, Dot, dot_row, share_bar};
use super::notebook::literal;
use super::page::{Report, State};
use super::sentences::{Words, condition, meaning};
use super::tables::{Cell, Column, ColumnKind, Row, Style, Table, columns};
use crate::results::metrics::{Family, Meaning, Metric, Scale};

/// Four fifths: the ratio of selection rates below which US regulators see adverse impact
/// (Uniform Guidelines on Employee Selection Procedures, 29 CFR 1607.4 D).
const FOUR_FIFTHS: f64 = 0.8;

/// The verdict on a metric. It moved if it is farther from parity than the baseline, beyond what chance explains.
pub(super) fn state(metric: &MetricDetails) -> State {
    // A change may be beyond chance where the rows are too few for an interval.
    let is_found = metric.chance.is_some_and(|chance| chance.farther_from_zero);
    match (metric.value, metric.baseline) {
        (None, _) => State::Undefined,
        _ if !metric.enough_rows && !is_found => State::CannotTell,
        (Some(_), None) => State::Measured,
        _ if course(metric) == Some(Course::AwayUnseen) => State::Moved,
        (Some(_), Some(_)) if !is_farther(metric) => State::Held,
        _ if course(metric) == Some(Course::TowardsParity) => State::Held,
        _ if within_chance(metric, |chance| chance.farther_from_zero) => State::CannotTell,
        _ => State::Moved,
    }
}

/// As `state`, but of a selection that holds no row or every row no metric says whether it moved.
pub(super) fn state_in(facet: &FacetDetails, metric: &MetricDetails) -> State {
    match state(metric) {
        State::Undefined => State::Undefined,
        _ if facet.vacuous => State::Measured,
        state => state,
    }
}

/// Why nobody can tell what a metric of the state `CannotTell` came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doubt {
    Chance,
    /// Here or in the baseline.
    TooFewRows,
    /// How far chance moves the metric does not follow from the counts, however many rows there are.
    NotJudged,
}

impl Doubt {
    pub(super) fn of(metric: &MetricDetails) -> Doubt {
        let is_unjudged = metric.chance.is_some_and(|chance| chance.unjudged);
        match is_judged_by_chance(&metric.name) {
            false => Doubt::NotJudged,
            true if !metric.enough_rows || is_unjudged => Doubt::TooFewRows,
            true => Doubt::Chance,
        }
    }

    /// For a sentence and a cell.
    pub(super) fn words(self) -> &'static str {
        match self {
            Doubt::Chance => "within chance",
            Doubt::TooFewRows => "too few rows to say",
            Doubt::NotJudged => "not judged by chance",
        }
    }
}

/// Farther from 0 than the baseline: the rule of the hosted service, chance aside.
pub(super) fn is_farther(metric: &MetricDetails) -> bool {
    metric.value.zip(metric.baseline).is_some_and(|(now, then)| now.value().abs() > then.value().abs())
}

/// Whether chance explains the difference from the baseline. Details of an earlier version have only the interval.
fn within_chance(metric: &MetricDetails, is_beyond: fn(&Chance) -> bool) -> bool {
    match (&metric.chance, metric.interval, metric.baseline) {
        (Some(chance), _, _) => !is_beyond(chance),
        (None, Some([low, high]), Some(baseline)) => (low.value()..=high.value()).contains(&baseline.value()),
        _ => false,
    }
}

/// Where a metric went against what the rule says of it. The rule of the hosted service compares sizes, so
/// that a ratio such as DI, whose parity is 1, is a violation when it rises towards 1, and none when
/// it falls towards 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Course {
    /// A violation, yet nearer to parity than the baseline.
    TowardsParity,
    /// No violation, yet farther from parity beyond chance.
    AwayUnseen,
}

pub(super) fn course(details: &MetricDetails) -> Option<Course> {
    let metric = Metric::of(&details.name).filter(|metric| metric.scale == Scale::Ratio)?;
    let far = |value: Option<Number>| value.map(|value| distance(metric, value.value()));
    let (now, was) = (far(details.value)?, far(details.baseline)?);
    let is_beyond = |chance: &Chance| chance.farther_from_parity;
    match is_farther(details) {
        true if now < was => Some(Course::TowardsParity),
        false if now > was && details.enough_rows && !within_chance(details, is_beyond) => {
            Some(Course::AwayUnseen)
        }
        _ => None,
    }
}

/// The verdict in words, with the reason when it is a doubtful one.
fn verdict(facet: &FacetDetails, metric: &MetricDetails) -> Cell {
    let state = state_in(facet, metric);
    let text = match state {
        State::CannotTell => match (Doubt::of(metric), is_farther(metric)) {
            (Doubt::Chance, true) => "moved, within chance",
            (Doubt::TooFewRows, true) => "moved, too few rows",
            (Doubt::NotJudged, true) => "moved, not judged by chance",
            (Doubt::NotJudged, false) => "not judged by chance",
            (_, false) => "too few rows",
        },
        State::Held if course(metric) == Some(Course::TowardsParity) => "nearer to parity",
        State::Moved if course(metric) == Some(Course::AwayUnseen) => "moved away from parity",
        State::Measured => return Cell::text(""),
        state => state.word(),
    };
    Cell::state(state, text)
}

pub(super) fn words(details: &BiasDetails, facet: &FacetDetails) -> Words {
    Words {
        facet: condition(&facet.facet, &facet.value_or_threshold),
        positive: condition(&details.label, &details.label_value_or_threshold),
        group_variable: details.group_variable.clone(),
    }
}

/// How far from parity, for comparing values of one scale.
pub(super) fn distance(metric: &Metric, value: f64) -> f64 {
    if metric.scale == Scale::Ratio { value.max(1e-9).ln().abs() } else { value.abs() }
}

pub(super) fn sections(report: &mut Report, details: &BiasDetails) {
    // Of several groups an overview comes first.
    let shown: Vec<(usize, &FacetDetails)> = details
        .facets
        .iter()
        .enumerate()
        .filter(|(_, facet)| twin_before(details, facet).is_none())
        .collect();
    let several = shown.len() > 1;
    if several {
        impact_ratios(report, details);
    }
    for (place, (position, facet)) in shown.into_iter().enumerate() {
        facet_sections(report, details, facet, position, place == 0);
    }
    if !several {
        impact_ratios(report, details);
    }
}

/// The entry of a facet of two values that is the same comparison seen from the other side: group and everyone else
/// change places. Only the first of the two is told.
pub(super) fn twin_before<'a>(details: &'a BiasDetails, facet: &FacetDetails) -> Option<&'a FacetDetails> {
    let place = details.facets.iter().position(|other| std::ptr::eq(other, facet))?;
    details.facets[..place].iter().find(|other| mirrors(other, facet))
}

/// The twin that is not told.
fn twin_after<'a>(details: &'a BiasDetails, facet: &FacetDetails) -> Option<&'a FacetDetails> {
    let place = details.facets.iter().position(|other| std::ptr::eq(other, facet))?;
    details.facets[place + 1..].iter().find(|other| mirrors(other, facet))
}

fn mirrors(one: &FacetDetails, other: &FacetDetails) -> bool {
    let (a, b) = (&one.groups, &other.groups);
    one.facet == other.facet && a.d.n() > 0 && a.d == b.a && a.a == b.d
}

fn facet_sections(
    report: &mut Report,
    details: &BiasDetails,
    facet: &FacetDetails,
    position: usize,
    is_first: bool,
) {
    let words = words(details, facet);
    let id = format!("group-{}", position + 1);
    let states: Vec<State> = facet.metrics.iter().map(|metric| state_in(facet, metric)).collect();
    let heading = format!("{} against everyone else{}", words.facet, tally(&states));
    let section = report.section(2, &id, heading);
    if facet.groups.d.n() + facet.groups.a.n() > 0 {
        section.table(groups_table(facet, &words));
    }
    if let Some(twin) = twin_after(details, facet) {
        section.text(format!(
            "{} has two values, so {} against everyone else is the same comparison from the other side: differences \
             change their sign, ratios are inverted. It is not repeated here; analysis.json has its values.",
            super::sentences::isolate(&facet.facet),
            self::words(details, twin).facet
        ));
    }
    if is_first {
        section.text(how_to_read(facet, details.check.as_ref()));
    }
    for family in Family::ALL {
        family_section(report, facet, &words, family, &id);
    }
    let section = report.section(3, format!("{id}-all"), format!("All metrics of {} in words", words.facet));
    let style = if details.facets.len() > 2 { Style::Folded } else { Style::Long };
    section.table(all_metrics(facet, &words, style));
}

/// What the marks of the pictures are, told once.
fn how_to_read(facet: &FacetDetails, check: Option<&Check>) -> String {
    let compared = facet.metrics.iter().any(|metric| metric.baseline.is_some());
    let ring = if compared { ", the ring the baseline" } else { "" };
    let mut text = format!(
        "The filled mark is the value now{ring}. The bar is the 95\u{202f}% confidence interval. The dark line marks no \
         difference between the groups; left of it is worse for the group."
    );
    if compared {
        text.push_str(
            " A diamond means: moved beyond chance. A square means: cannot tell, because chance explains the change, the rows \
             are too few, or the metric is not judged by chance. A dot means: held.",
        );
    }
    if let Some(check) = check.filter(|check| check.compared > 0) {
        let percent = percent_of(1.0 - check.confidence);
        text.push_str(&format!(
            " If nothing has changed, the chance that one or more metrics of this report are marked as moved is at most {percent} \
             (corrected for all {} comparisons).",
            count(check.compared)
        ));
        if check.exact_baselines > 0 {
            text.push_str(&format!(
                " This does not hold for {} of them: the baseline is taken as exact, because the counts behind its values are \
                 missing. If nothing has changed, up to two in three such runs mark a metric as moved.",
                count(check.exact_baselines)
            ));
        }
    }
    text
}

/// `: 3 of 21 metrics moved`, for a heading.
fn tally(states: &[State]) -> String {
    let of = |state: State| states.iter().filter(|s| **s == state).count();
    let (moved, unsure, held) = (of(State::Moved), of(State::CannotTell), of(State::Held));
    match (moved, unsure, held) {
        (0, 0, 0) => String::new(),
        (0, 0, held) => format!(": {held} held"),
        (0, unsure, 0) => format!(": cannot tell for {unsure}"),
        (0, unsure, held) => format!(": {held} held, cannot tell for {unsure}"),
        (moved, 0, _) => format!(": {moved} moved"),
        (moved, unsure, _) => format!(": {moved} moved, cannot tell for {unsure}"),
    }
}

/// Rows, shares and the confusion table of both groups: every other number follows from it.
fn groups_table(facet: &FacetDetails, words: &Words) -> Table {
    let groups = &facet.groups;
    let mut all = groups.d;
    all.add(&groups.a);
    let mut columns = columns([
        (ColumnKind::Name, "Group"),
        (ColumnKind::Number, "Rows"),
        (ColumnKind::Picture, "Share of rows"),
        (ColumnKind::Number, "Observed positive"),
    ]);
    if facet.predicted {
        columns.push(Column::new(ColumnKind::Number, "Predicted positive"));
    }
    let of_positive = if facet.predicted { "Share predicted positive" } else { "Share observed positive" };
    columns.push(Column::new(ColumnKind::Picture, of_positive));
    if facet.predicted {
        for heading in
            ["True positives (TP)", "False positives (FP)", "False negatives (FN)", "True negatives (TN)"]
        {
            columns.push(Column::new(ColumnKind::Number, heading));
        }
    }
    let rows =
        [(words.facet.clone(), groups.d), ("Everyone else".into(), groups.a), ("All rows".into(), all)]
            .into_iter()
            .map(|(name, group)| {
                let n = group.n();
                let share = |part: u64| if n > 0 { part as f64 / n as f64 } else { 0.0 };
                let part = |part: u64| {
                    let percent = percent(part, n).map(|percent| format!(" ({percent})")).unwrap_or_default();
                    Cell::number(format!("{}{percent}", count(part)), part)
                };
                let positive =
                    if facet.predicted { group.predicted_positive() } else { group.observed_positive() };
                let bar = |share: f64| Cell::picture(share_bar(share, 1.0, None, State::Measured));
                let mut cells = vec![
                    Cell::group(&name),
                    Cell::count(n),
                    bar(n as f64 / all.n().max(1) as f64),
                    part(group.observed_positive()),
                ];
                if facet.predicted {
                    cells.push(part(group.predicted_positive()));
                }
                cells.push(bar(share(positive)));
                if facet.predicted {
                    let cells_of = [
                        group.true_positive(),
                        group.false_positive(),
                        group.false_negative(),
                        group.true_negative(),
                    ];
                    cells.extend(cells_of.map(Cell::count));
                }
                Row::new(cells)
            })
            .collect();
    Table::new(
        Style::Plain,
        format!("Rows, observed labels and predicted labels of both groups; positive is {}", words.positive),
        columns,
        rows,
    )
}

/// The main picture: the metrics that answer one question, a table for each scale.
fn family_section(report: &mut Report, facet: &FacetDetails, words: &Words, family: Family, id: &str) {
    let asked = |scale: Scale| {
        let mut rows: Vec<(&Metric, &MetricDetails)> = facet
            .metrics
            .iter()
            .filter_map(|details| Metric::of(&details.name).map(|metric| (metric, details)))
            .filter(|(metric, _)| metric.family == family && metric.scale == scale)
            .collect();
        rows.sort_by(|(a, x), (b, y)| urgency(b, y).total_cmp(&urgency(a, x)));
        rows
    };
    let all: Vec<State> = facet
        .metrics
        .iter()
        .filter(|details| Metric::of(&details.name).is_some_and(|metric| metric.family == family))
        .map(|details| state_in(facet, details))
        .collect();
    if all.is_empty() {
        return;
    }
    let moved = all.iter().filter(|state| **state == State::Moved).count();
    let heading = match moved {
        0 => family.question().to_owned(),
        moved => format!("{} {moved} moved", family.question()),
    };
    let name = format!("{family:?}").to_lowercase();
    let section = report.section(3, format!("{id}-{name}"), heading);
    for scale in [Scale::Ratio, Scale::Share, Scale::Unbounded, Scale::Distance] {
        let rows = asked(scale);
        if !rows.is_empty() {
            let mut table = dot_plot(facet, &rows, words, family, scale);
            let codes: Vec<&str> = rows.iter().map(|(metric, _)| metric.code).collect();
            table.code = Some(format!(
                "metric_chart({}, {}, {})",
                literal(&facet.facet),
                literal(&facet.value_or_threshold),
                serde_json::json!(codes)
            ));
            section.table(table);
        }
    }
}

/// Worst change first, then what is undefined.
fn urgency(metric: &Metric, details: &MetricDetails) -> f64 {
    let Some(value) = details.value.map(Number::value) else { return f64::NEG_INFINITY };
    let now = distance(metric, value);
    match details.baseline.map(Number::value) {
        Some(baseline) if now.is_finite() => now - distance(metric, baseline),
        _ => now,
    }
}

fn dot_plot(
    facet: &FacetDetails,
    rows: &[(&Metric, &MetricDetails)],
    words: &Words,
    family: Family,
    scale: Scale,
) -> Table {
    let values = rows.iter().flat_map(|(_, details)| {
        let interval = details.interval.map(|[low, high]| [low.value(), high.value()]).into_iter().flatten();
        details.value.into_iter().chain(details.baseline).map(Number::value).chain(interval)
    });
    let compared = rows.iter().any(|(_, details)| details.baseline.is_some());
    let axis_words = match scale {
        Scale::Share => "differences of shares; 0 is no difference",
        Scale::Ratio => "a ratio on a logarithmic axis; 1 is no difference",
        Scale::Unbounded => "differences of ratios, on their own axis; 0 is no difference",
        Scale::Distance if rows.iter().all(|(metric, _)| metric.code == "GE") => {
            "generalized entropy of all rows, whatever the group; 0 means that no prediction is wrong. It has no interval"
        }
        Scale::Distance if compared => {
            "distances without a direction; 0 is no difference. They have no interval; whether they moved is judged by the \
             difference of the shares of positive labels (DPL)"
        }
        Scale::Distance => "distances without a direction; 0 is no difference. They have no interval",
    };
    let axis = Axis::new(scale, values);
    let mut columns = vec![
        Column::new(ColumnKind::Name, "Metric"),
        Column::picture("On the axis", axis.head(family)),
        Column::new(ColumnKind::Number, "Now"),
        Column::new(ColumnKind::Number, "95\u{202f}% interval"),
    ];
    if compared {
        columns.push(Column::new(ColumnKind::Number, "Baseline"));
    }
    if compared || rows.iter().any(|(_, details)| state_in(facet, details) != State::Measured) {
        columns.push(Column::new(ColumnKind::State, "Verdict"));
    }
    let with_verdict = columns.last().is_some_and(|column| column.kind == ColumnKind::State);
    let rows = rows
        .iter()
        .map(|(metric, details)| {
            let interval = details.interval.map(|[low, high]| [low.value(), high.value()]);
            let mut cells = vec![Cell::asking(metric)];
            cells.push(match details.value {
                Some(value) => {
                    let side = |value: f64| if metric.positive == Meaning::Against { -value } else { value };
                    let dot = Dot {
                        value: side(value.value()),
                        interval: interval.map(|[low, high]| [side(low), side(high)]),
                        baseline: details.baseline.map(|baseline| side(baseline.value())),
                        state: state_in(facet, details),
                    };
                    Cell::picture(dot_row(&axis, &dot))
                }
                None => Cell::text(details.error.clone().unwrap_or_else(|| "no value".into())),
            });
            cells.push(Cell::value(details.value, interval));
            cells.push(Cell::interval(interval));
            if compared {
                cells.push(Cell::value(details.baseline, interval));
            }
            if with_verdict {
                cells.push(verdict(facet, details));
            }
            Row::judged(state_in(facet, details), cells)
        })
        .collect();
    Table::new(Style::Plot, format!("{}: {axis_words}", words.facet), columns, rows)
}

/// Every metric, also the undefined, with what it means for these groups.
fn all_metrics(facet: &FacetDetails, words: &Words, style: Style) -> Table {
    let compared = facet.metrics.iter().any(|details| details.baseline.is_some());
    let mut columns = columns([
        (ColumnKind::Name, "Metric"),
        (ColumnKind::Number, "Now"),
        (ColumnKind::Number, "95\u{202f}% interval"),
    ]);
    if compared {
        columns.push(Column::new(ColumnKind::Number, "Baseline"));
        columns.push(Column::new(ColumnKind::Number, "Change"));
    }
    columns.push(Column::new(ColumnKind::Prose, "What it means here"));
    let mut order: Vec<&MetricDetails> = facet.metrics.iter().collect();
    order.sort_by_key(|details| Metric::of(&details.name).map_or(u8::MAX, |metric| metric.telling));
    let rows = order
        .into_iter()
        .map(|details| {
            let interval = details.interval.map(|[low, high]| [low.value(), high.value()]);
            let difference = match (details.value, details.baseline) {
                (Some(now), Some(was)) => Some(now.value() - was.value()).filter(|d| d.is_finite()),
                _ => None,
            };
            let mut cells = vec![
                Cell::metric(&details.name),
                Cell::value(details.value, interval),
                Cell::interval(interval),
            ];
            if compared {
                cells.push(Cell::value(details.baseline, interval));
                cells.push(match difference {
                    Some(difference) => Cell::number(change(difference, interval), difference),
                    None => Cell::none(),
                });
            }
            cells.push(Cell::text(in_words(facet, details, words)));
            Row::judged(state_in(facet, details), cells)
        })
        .collect();
    let code = format!("metrics_of({}, {})", literal(&facet.facet), literal(&facet.value_or_threshold));
    let caption = format!("All metrics of {}, including those without a value", words.facet);
    Table::new(style, caption, columns, rows).coded(code)
}

/// The sentence of a metric, or why there is none.
fn in_words(facet: &FacetDetails, details: &MetricDetails, words: &Words) -> String {
    if let Some(error) = &details.error {
        return format!("Undefined: {error}");
    }
    if facet.vacuous {
        return "Nothing is compared: a selection holds no row or every row.".into();
    }
    let mut text = match counted(facet, details, words) {
        Some(sentence) => format!("{sentence}."),
        None => Metric::of(&details.name).map_or_else(|| details.name.clone(), |metric| metric.asks.into()),
    };
    if let Some(reason) = details.rows_reason.as_ref().filter(|_| !details.enough_rows) {
        let doubt = match Doubt::of(details) {
            Doubt::NotJudged => "Not judged by chance",
            _ => "Not enough rows to say",
        };
        text.push_str(&format!(" {doubt}: {reason}."));
    }
    text
}

/// The sentence that the counts carry, without a full stop.
pub(super) fn counted(facet: &FacetDetails, details: &MetricDetails, words: &Words) -> Option<String> {
    let known = facet.groups.d.n() + facet.groups.a.n() > 0 && !facet.vacuous;
    let value = details.value.filter(|_| known)?;
    meaning(&details.name, value.value(), &facet.groups, words).map(|sentence| capital(&sentence))
}

/// A sentence begins with a capital, unless with a name of the configuration's owner.
pub(super) fn capital(sentence: &str) -> String {
    let mut letters = sentence.chars();
    match letters.next() {
        Some(first)
            if first.is_ascii_lowercase()
                && !sentence
                    .split([' ', '\u{a0}'])
                    .nth(1)
                    .is_some_and(|word| word == "=" || word == "in") =>
        {
            first.to_uppercase().collect::<String>() + letters.as_str()
        }
        _ => sentence.to_owned(),
    }
}

/// Selection rates beside each other, with the four-fifths line that regulators ask for.
fn impact_ratios(report: &mut Report, details: &BiasDetails) {
    let known: Vec<&FacetDetails> = details
        .facets
        .iter()
        .filter(|facet| twin_before(details, facet).is_none())
        .chain(&details.intersections)
        .filter(|facet| facet.groups.d.n() > 0 && facet.groups.a.n() > 0 && !facet.vacuous)
        .collect();
    if known.is_empty() {
        return;
    }
    let predicted = known.iter().all(|facet| facet.predicted);
    let ratio_of = |facet: &FacetDetails| {
        let positives = |group: &crate::state::counts::Group| {
            let part = if predicted { group.predicted_positive() } else { group.observed_positive() };
            (part, group.n())
        };
        let ((part_d, n_d), (part_a, n_a)) = (positives(&facet.groups.d), positives(&facet.groups.a));
        let (share_d, share_a) = (part_d as f64 / n_d as f64, part_a as f64 / n_a as f64);
        (share_d, share_a, (share_a > 0.0).then(|| share_d / share_a))
    };
    let has_rows = |facet: &FacetDetails| {
        let of_shares: &[&str] = if predicted { &["DI", "DPPL"] } else { &["DPL"] };
        let metric = facet.metrics.iter().find(|metric| of_shares.contains(&metric.name.as_str()));
        metric.is_none_or(|metric| metric.enough_rows)
    };
    let judged: Vec<f64> =
        known.iter().filter(|facet| has_rows(facet)).filter_map(|facet| ratio_of(facet).2).collect();
    let below = judged.iter().filter(|ratio| **ratio < FOUR_FIFTHS).count();
    let heading = match (below, judged.len()) {
        (_, 0) => "Disparate impact ratio: cannot be said".into(),
        (0, 1) if known.len() == 1 => "Disparate impact ratio: at or above four fifths".into(),
        (0, all) if all == known.len() => {
            format!("Disparate impact ratio: at or above four fifths for all {all} groups")
        }
        (0, some) => {
            format!("Disparate impact ratio: at or above four fifths for {some} of {} groups", known.len())
        }
        (_, 1) if known.len() == 1 => "Disparate impact ratio: below four fifths".into(),
        (below, _) => {
            format!("Disparate impact ratio: below four fifths for {below} of {} groups", known.len())
        }
    };
    let positive = condition(&details.label, &details.label_value_or_threshold);
    let how = if predicted { "predicted" } else { "observed as" };
    let is_compared = |facet: &FacetDetails| facet.metrics.iter().any(|metric| metric.baseline.is_some());
    let compared = known.iter().any(|facet| is_compared(facet));
    let rows = known
        .iter()
        .map(|facet| {
            let (share_d, share_a, ratio) = ratio_of(facet);
            let moved = facet.metrics.iter().filter(|metric| state_in(facet, metric) == State::Moved).count();
            let says = match ratio {
                None => "no positives outside",
                Some(_) if !has_rows(facet) => "too few rows to say",
                Some(ratio) if ratio < FOUR_FIFTHS => "below four fifths",
                Some(ratio) if ratio > 1.0 / FOUR_FIFTHS => "above five quarters",
                Some(_) => "within four fifths",
            };
            let mut cells = vec![
                Cell::group(&words(details, facet).facet),
                Cell::count(facet.groups.d.n()),
                Cell::share(share_d),
                Cell::share(share_a),
                match ratio {
                    Some(ratio) => Cell::number(amounts::decimal(ratio, 2), ratio),
                    None => Cell::none(),
                },
                Cell::picture(share_bar(ratio.unwrap_or(0.0), 1.25, Some(FOUR_FIFTHS), State::Measured)),
                Cell::text(says),
            ];
            if compared {
                cells.push(match is_compared(facet) {
                    true => {
                        let compared =
                            facet.metrics.iter().filter(|metric| metric.baseline.is_some()).count();
                        Cell::number(format!("{moved} of {compared}"), moved)
                    }
                    false => Cell::text("not compared"),
                });
            }
            Row::new(cells)
        })
        .collect();
    let section = report.section(2, "impact-ratios", heading);
    section.text(format!(
        "The disparate impact ratio is the share {how} {positive} in a group, divided by that of everyone else. The line is at \
         four fifths (0.80): below it, US regulators see evidence of adverse impact. This takes {positive} as the wanted outcome."
    ));
    let mut columns = columns([
        (ColumnKind::Name, "Group"),
        (ColumnKind::Number, "Rows"),
        (ColumnKind::Number, "Its share"),
        (ColumnKind::Number, "Everyone else"),
        (ColumnKind::Number, "Ratio"),
        (ColumnKind::Picture, "Line at 0.80"),
        (ColumnKind::Text, "In words"),
    ]);
    if compared {
        columns.push(Column::new(ColumnKind::Number, "Metrics moved"));
    }
    let style = if known.len() > 25 { Style::Folded } else { Style::Plain };
    section.table(Table::new(style, "Disparate impact ratio of each group", columns, rows));
}
