//! The first screen: is the model as good as it was, how sure is that, and on how many rows.

use super::words::short;
use crate::performance::details::{MetricDetails, MetricVerdict, QualityDetails};
use crate::report::amounts::{number, of};
use crate::report::page::State;
use crate::report::sentences::isolate;
use crate::report::tables::Cell;

/// The metrics that lead: what a reader asks for first.
const LEADING: [&str; 8] = ["auc", "f1", "accuracy", "recall", "precision", "weighted_f1", "rmse", "r2"];

/// Whether its value means something.
fn is_told(metric: &MetricDetails) -> bool {
    metric.value.is_some() && metric.verdict != MetricVerdict::TooFewRows
}

fn find<'a>(details: &'a QualityDetails, name: &str) -> Option<&'a MetricDetails> {
    details.metrics.iter().find(|metric| metric.name == name)
}

pub(super) fn state(metric: &MetricDetails) -> State {
    match (metric.verdict, metric.violated) {
        _ if metric.value.is_none() => State::Undefined,
        (MetricVerdict::Moved, _) => State::Moved,
        _ if metric.misses_beyond_chance() => State::Moved,
        (MetricVerdict::Held, false) => State::Held,
        (MetricVerdict::Held | MetricVerdict::TooFewRows, _) | (MetricVerdict::NotCompared, true) => {
            State::CannotTell
        }
        (MetricVerdict::NotCompared, false) if metric.threshold.is_some() => State::Held,
        (MetricVerdict::NotCompared, false) => State::Measured,
    }
}

/// The metrics that constraint_violations.json lists; a note names those that it never does.
fn missed(details: &QualityDetails) -> impl Iterator<Item = &MetricDetails> {
    details.metrics.iter().filter(|metric| metric.violated && !metric.name.ends_with("f0_5"))
}

pub(super) fn headline(details: &QualityDetails) -> (State, String) {
    if details.rows == 0 {
        let rows = of(details.rows_without_label, "row has", "rows have");
        return (State::CannotTell, format!("{rows} no label yet: the performance is estimated"));
    }
    let has_past = |metric: &MetricDetails| metric.baseline.is_some() || metric.threshold.is_some();
    if details.class_doubt.is_some() && !details.metrics.iter().any(has_past) {
        return (State::CannotTell, "Not compared: the classes are not those of the baseline".into());
    }
    let missed: Vec<&MetricDetails> = missed(details).collect();
    let moved: Vec<&MetricDetails> =
        details.metrics.iter().filter(|metric| metric.verdict == MetricVerdict::Moved).collect();
    if !moved.is_empty() {
        let first = LEADING
            .iter()
            .find_map(|name| moved.iter().find(|metric| metric.name == *name))
            .unwrap_or(&moved[0]);
        return (State::Moved, format!("The model became worse: {}", within(&change(first))));
    }
    let leading = LEADING
        .iter()
        .find_map(|name| missed.iter().find(|metric| metric.name == *name && metric.misses_beyond_chance()));
    let beyond = leading.or_else(|| missed.iter().find(|metric| metric.misses_beyond_chance()));
    if let Some(metric) = beyond {
        let threshold =
            metric.threshold.map_or(String::new(), |threshold| number(threshold, metric.interval));
        return (
            State::Moved,
            format!(
                "{} {} misses its threshold of {threshold} by more than chance explains",
                short(&metric.name),
                value(metric)
            ),
        );
    }
    if !missed.is_empty() {
        let metrics = match missed.len() {
            1 => "1 metric misses its threshold".into(),
            n => format!("{n} metrics miss their thresholds"),
        };
        let by_chance = missed.iter().filter(|metric| metric.miss() == MetricVerdict::Held).count();
        let why = match by_chance {
            0 => "whether by chance cannot be said".into(),
            n if n == missed.len() => "chance explains that".into(),
            n => format!("chance explains {n}, of the others it cannot be said"),
        };
        return (State::CannotTell, format!("{metrics}; {why}"));
    }
    if details.judged && details.mostly_new_classes {
        return (State::CannotTell, "Most rows have classes that the baseline does not have".into());
    }
    if details.judged {
        return (State::Held, "The model is as good as its baseline".into());
    }
    let told = LEADING.iter().find_map(|name| find(details, name)).filter(|metric| metric.value.is_some());
    let text = match told {
        Some(metric) => format!("{} is {}", short(&metric.name), value(metric)),
        None => format!("{} measured", of(details.metrics.len() as u64, "metric", "metrics")),
    };
    (State::Measured, text)
}

/// A sentence after a colon: without its capital, unless that belongs to a name such as F1.
fn within(sentence: &str) -> String {
    let mut letters = sentence.chars();
    match (letters.next(), letters.clone().next()) {
        (Some(first), Some(second)) if second.is_lowercase() => {
            first.to_lowercase().collect::<String>() + letters.as_str()
        }
        _ => sentence.to_owned(),
    }
}

fn value(metric: &MetricDetails) -> String {
    metric.value.map_or("undefined".into(), |value| number(value, metric.interval))
}

/// `Accuracy fell from 0.94 to 0.81`.
fn change(metric: &MetricDetails) -> String {
    let name = short(&metric.name);
    match (metric.baseline.or(metric.threshold), metric.value) {
        (Some(then), Some(now)) => {
            let verb = if now < then { "fell" } else { "rose" };
            format!("{name} {verb} from {} to {}", number(then, metric.interval), value(metric))
        }
        _ => format!("{name} is {}", value(metric)),
    }
}

pub(super) fn lead(details: &QualityDetails) -> Vec<String> {
    let mut lead: Vec<String> = details.class_doubt.iter().cloned().collect();
    let violated = missed(details).count();
    if violated > 0 {
        let of = |verdict: MetricVerdict| missed(details).filter(|metric| metric.miss() == verdict).count();
        let (moved, by_chance) = (of(MetricVerdict::Moved), of(MetricVerdict::Held));
        let too_few = of(MetricVerdict::TooFewRows);
        let mut text = match violated {
            1 => "1 metric misses its threshold".to_owned(),
            n => format!("{n} metrics miss their thresholds"),
        };
        let parts = [
            (moved, "by more than chance explains"),
            (by_chance, "within chance"),
            (too_few, "with too few rows to say"),
        ];
        let told: Vec<String> =
            parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
        match told.as_slice() {
            [] => {}
            [_] => {
                let what = parts.iter().find(|(n, _)| *n > 0).map_or("", |(_, what)| *what);
                text.push_str(&format!(", {what}"));
            }
            told => text.push_str(&format!(": {}", told.join(", "))),
        }
        lead.push(format!("{text}."));
    }
    for metric in
        LEADING.iter().filter_map(|name| find(details, name)).filter(|metric| is_told(metric)).take(3)
    {
        let interval = metric.interval.map(|[low, high]| {
            format!(
                " (95\u{202f}% interval {} to {})",
                number(low, metric.interval),
                number(high, metric.interval)
            )
        });
        let text = match metric.baseline {
            Some(_) => change(metric),
            None => format!("{} is {}", short(&metric.name), value(metric)),
        };
        lead.push(format!("{text}{}.", interval.unwrap_or_default()));
    }
    if let Some(estimate) = &details.estimate {
        lead.push(format!(
            "{} no label yet: for them the performance is estimated below.",
            of(estimate.rows, "row has", "rows have")
        ));
    }
    lead
}

/// The setting's value as words.
fn problem(kind: &str) -> String {
    match kind {
        "BinaryClassification" => "Binary classification".into(),
        "MulticlassClassification" => "Multi-class classification".into(),
        other => other.into(),
    }
}

pub(super) fn facts(details: &QualityDetails) -> Vec<String> {
    let mut facts =
        vec![problem(&details.problem_type), of(details.rows, "row with a label", "rows with a label")];
    if details.rows_without_label > 0 {
        facts.push(of(details.rows_without_label, "row without a label", "rows without a label"));
    }
    if let Some([negative, positive]) = &details.classes {
        facts.push(format!("positive is {}, negative {}", isolate(positive), isolate(negative)));
    }
    let skipped: u64 = details.run.rows.records_skipped.iter().map(|skipped| skipped.records).sum();
    if skipped > 0 {
        facts.push(of(skipped, "record left out", "records left out"));
    }
    facts
}

/// The verdict of a row.
pub(super) fn sure(metric: &MetricDetails) -> Cell {
    let in_words = |p: Option<f64>| match p {
        None => String::new(),
        Some(p) if p < 0.001 => ", p\u{a0}<\u{a0}0.001".into(),
        Some(p) => format!(", p\u{a0}=\u{a0}{p:.3}"),
    };
    let p = in_words(metric.p_value);
    let against = metric.against_threshold.filter(|_| metric.violated);
    let text = match metric.verdict {
        _ if metric.value.is_none() => "not compared".into(),
        MetricVerdict::Moved => format!("worse{p}"),
        _ if against.is_some() => {
            let p = in_words(against.and_then(|held| held.p_value));
            match metric.miss() {
                MetricVerdict::Moved => format!("threshold missed{p}"),
                MetricVerdict::TooFewRows => "too few rows".into(),
                _ => format!("within chance{p}"),
            }
        }
        MetricVerdict::Held if metric.violated => format!("within chance{p}"),
        MetricVerdict::Held => "held".into(),
        MetricVerdict::TooFewRows => "too few rows".into(),
        MetricVerdict::NotCompared if metric.violated => "threshold missed".into(),
        MetricVerdict::NotCompared if metric.threshold.is_some() => "held".into(),
        MetricVerdict::NotCompared => return Cell::text(""),
    };
    Cell::state(state(metric), text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metric(name: &str, value: Option<f64>, violated: bool, verdict: MetricVerdict) -> MetricDetails {
        MetricDetails {
            name: name.into(),
            value,
            standard_error: None,
            interval: None,
            share: None,
            baseline: Some(0.5),
            threshold: Some(0.5),
            violated,
            verdict,
            p_value: None,
            against_threshold: None,
        }
    }

    fn told(metrics: Vec<MetricDetails>) -> String {
        headline(&QualityDetails { rows: 50, judged: true, metrics, ..QualityDetails::default() }).1
    }

    /// What no test looked at is not explained by chance, whatever is known of other metrics.
    #[test]
    fn chance_explains_only_what_was_tested() {
        use MetricVerdict::{Held, NotCompared, TooFewRows};
        let of = |verdicts: &[(MetricVerdict, bool)]| {
            let metrics =
                verdicts.iter().map(|&(verdict, violated)| metric("recall", Some(0.4), violated, verdict));
            let mut metrics: Vec<MetricDetails> = metrics.collect();
            metrics
                .iter_mut()
                .filter(|metric| metric.verdict == Held)
                .for_each(|metric| metric.p_value = Some(0.3));
            told(metrics)
        };
        let unknown = "2 metrics miss their thresholds; whether by chance cannot be said";
        assert_eq!(of(&[(TooFewRows, true), (NotCompared, true), (Held, false)]), unknown);
        assert_eq!(
            of(&[(Held, true), (Held, true)]),
            "2 metrics miss their thresholds; chance explains that"
        );
        assert_eq!(
            of(&[(Held, true), (TooFewRows, true)]),
            "2 metrics miss their thresholds; chance explains 1, of the others it cannot be said"
        );
    }

    /// Thresholds of other classes say nothing good of these.
    #[test]
    fn metrics_that_held_are_no_verdict_on_classes_that_the_baseline_does_not_have() {
        let details = |mostly_new_classes| QualityDetails {
            rows: 50,
            judged: true,
            mostly_new_classes,
            metrics: vec![metric("accuracy", Some(0.9), false, MetricVerdict::Held)],
            ..QualityDetails::default()
        };
        assert_eq!(headline(&details(false)).0, State::Held);
        let (state, text) = headline(&details(true));
        assert_eq!((state, text.contains("does not have")), (State::CannotTell, true));
    }

    /// The count is that of the exit message, which does not know what is never reported.
    #[test]
    fn a_metric_that_is_never_reported_is_not_counted() {
        let both = ["f0_5", "recall"].map(|name| metric(name, Some(0.4), true, MetricVerdict::Held));
        assert!(told(both.into()).starts_with("1 metric misses its threshold"));
    }

    /// What chance explains of the change since the baseline says nothing of a threshold that a person chose.
    #[test]
    fn a_miss_of_a_chosen_threshold_is_judged_against_it() {
        use crate::performance::chosen::{Held, Verdict};
        let missed = |verdict, name: &str| MetricDetails {
            p_value: Some(1.0),
            against_threshold: Some(Held { verdict, p_value: Some(1e-9) }),
            threshold: Some(0.95),
            ..metric(name, Some(0.4), true, MetricVerdict::Held)
        };
        let beyond = missed(Verdict::MissedBeyondChance, "recall");
        let Cell::State { state, text } = sure(&beyond) else { panic!() };
        assert_eq!((state, text.as_str()), (State::Moved, "threshold missed, p\u{a0}<\u{a0}0.001"));
        let by_chance = metric("f1", Some(0.4), true, MetricVerdict::Held);
        assert_eq!(
            told(vec![by_chance.clone(), beyond.clone()]),
            "Recall 0.400 misses its threshold of 0.950 by more than chance explains"
        );
        let details = QualityDetails { rows: 50, metrics: vec![by_chance, beyond], ..Default::default() };
        assert_eq!(
            lead(&details)[0],
            "2 metrics miss their thresholds: 1 by more than chance explains, 1 within chance."
        );
        let within = told(vec![missed(Verdict::MissedWithinChance, "recall")]);
        assert_eq!(within, "1 metric misses its threshold; chance explains that");
        let few = told(vec![missed(Verdict::TooFewRows, "recall")]);
        assert_eq!(few, "1 metric misses its threshold; whether by chance cannot be said");
    }

    #[test]
    fn a_metric_without_a_value_is_not_held() {
        let cell = sure(&metric("r2", None, false, MetricVerdict::NotCompared));
        let Cell::State { state, text } = cell else { panic!("{cell:?}") };
        assert_eq!((state, text.as_str()), (State::Undefined, "not compared"));
    }
}
