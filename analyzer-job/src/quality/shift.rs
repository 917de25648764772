//! What moved, and how: effect sizes, chance and verdict for each column, beside the hosted rule. All of it comes
//! from the sketches and counts of both sides, with true numbers of rows.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::baseline::{Distribution, Seen};
use super::config::{self, MonitoringConfig};
use super::distance::{self, Counts};
use super::drift::{self, Drift};
use super::{homogeneity, kolmogorov};
use crate::drift::error_rate::benjamini_hochberg;
use crate::state::kll::Weights;
use crate::state::profile::{Column, Kind};

/// A column counts as moved below this chance, adjusted for the number of columns.
const LEVEL: f64 = 0.05;
/// Windows in which chance alone explains a difference of shares up to this are too small to tell.
const LARGEST_CHANCE: f64 = 0.25;
/// Parts of a picture.
const BINS: usize = 12;
/// New or vanished categories that are named.
const NAMED: usize = 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// By more than the threshold, and by more than chance explains.
    Moved,
    Held,
    /// Only a very large difference could be told from chance.
    TooFewRows,
}

/// One column then and now. Shares, distances and p-values are rounded to six digits.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Shift {
    pub column: String,
    pub verdict: Verdict,
    /// Largest difference of the two distribution functions, or of the shares of a category; in [0, 1].
    pub effect: f64,
    pub threshold: f64,
    /// Distance that rows moved on average, in standard deviations of the baseline; numbers only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wasserstein: Option<f64>,
    /// Population stability index over the deciles of the baseline, or the categories.
    pub stability_index: f64,
    /// In [0, 1].
    pub jensen_shannon: f64,
    /// Chance of such a difference if nothing had changed.
    pub p_value: f64,
    /// The same with the false discovery rate kept over all columns (Benjamini and Hochberg, 1995).
    pub adjusted_p_value: f64,
    /// Share of the column in the model's attributions, in [0, 1], and the effect times it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attribution: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weighted_effect: Option<f64>,
    /// Values then and now.
    pub values: [u64; 2],
    /// What the rule of the run compared, where it did, and whether it raised a violation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compared: Option<f64>,
    pub violated: bool,
    /// Share of rows, and the value up to which they lie then and now; numbers only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quantiles: Vec<[f64; 3]>,
    /// Categories that only the window has, with their shares, largest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub new: Vec<(String, f64)>,
    /// Categories that only the baseline has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vanished: Vec<(String, f64)>,
    /// Shares then and now of the parts of a picture; only of columns that moved.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Part {
    pub label: String,
    pub then: f64,
    pub now: f64,
}

/// The shifts of all columns that both sides know as numbers, or as categories, the largest effect first; also of
/// those that the hosted rule passes over because `1` became `1.0`. `config` gives the thresholds of a column.
pub fn shifts<'a, 'b>(
    columns: impl Iterator<Item = (&'a str, &'a Column)>,
    baseline: &IndexMap<String, Distribution>,
    drifts: &[Drift],
    config: impl Fn(&str) -> &'b MonitoringConfig,
) -> Vec<Shift> {
    let mut out = unjudged(columns, baseline, drifts, config);
    judge(&mut out.iter_mut().collect::<Vec<_>>());
    rank(&mut out);
    out
}

/// As `shifts`, in the order of the columns, with chance not yet adjusted and no verdict.
pub fn unjudged<'a, 'b>(
    columns: impl Iterator<Item = (&'a str, &'a Column)>,
    baseline: &IndexMap<String, Distribution>,
    drifts: &[Drift],
    config: impl Fn(&str) -> &'b MonitoringConfig,
) -> Vec<Shift> {
    columns
        .filter_map(|(name, column)| {
            let drift = drifts.iter().find(|drift| drift.name == name);
            shift(name, column, baseline.get(name)?, drift, &config(name).distribution_constraints)
        })
        .collect()
}

/// Adjusts the p-values for their number, and judges each shift.
pub fn judge(shifts: &mut [&mut Shift]) {
    let p_values: Vec<f64> = shifts.iter().map(|shift| shift.p_value).collect();
    for (shift, adjusted) in shifts.iter_mut().zip(benjamini_hochberg(&p_values)) {
        shift.adjusted_p_value = adjusted;
        let [n, m] = shift.values.map(|values| values as f64);
        let chance = 1.8 * ((n + m) / (n * m)).sqrt();
        shift.verdict = match () {
            () if adjusted < LEVEL && shift.effect > shift.threshold => Verdict::Moved,
            () if chance > LARGEST_CHANCE => Verdict::TooFewRows,
            () => Verdict::Held,
        };
        shift.tidy();
    }
}

/// Sets what the model makes of each column, by its share of all attributions, and ranks by effect times that share.
pub fn weigh(shifts: &mut [Shift], attributions: &IndexMap<String, f64>) {
    for shift in shifts.iter_mut() {
        shift.attribution = attributions.get(&shift.column).copied();
        shift.weighted_effect = shift.attribution.map(|share| share * shift.effect);
    }
    rank(shifts);
}

/// What moved first; then by effect, times the attribution where that is known.
fn rank(shifts: &mut [Shift]) {
    let moved = |shift: &Shift| shift.verdict == Verdict::Moved;
    let any = shifts.iter().any(|shift| shift.weighted_effect.is_some());
    let weight = |shift: &Shift| if any { shift.weighted_effect.unwrap_or(0.0) } else { shift.effect };
    shifts.sort_by(|a, b| {
        moved(b).cmp(&moved(a)).then(weight(b).total_cmp(&weight(a))).then(b.effect.total_cmp(&a.effect))
    });
}

impl Shift {
    /// Rounds what is measured, and drops what no picture shows.
    fn tidy(&mut self) {
        if self.verdict != Verdict::Moved {
            self.parts.clear();
        }
        let measured = [
            &mut self.effect,
            &mut self.stability_index,
            &mut self.jensen_shannon,
            &mut self.p_value,
            &mut self.adjusted_p_value,
        ];
        let parts = self.parts.iter_mut().flat_map(|part| [&mut part.then, &mut part.now]);
        let named = self.new.iter_mut().chain(&mut self.vanished).map(|(_, share)| share);
        for value in measured.into_iter().chain(&mut self.wasserstein).chain(parts).chain(named) {
            *value = rounded(*value);
        }
    }
}

/// To six significant digits.
fn rounded(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    format!("{value:.5e}").parse().unwrap_or(value)
}

fn shift(
    name: &str,
    column: &Column,
    then: &Distribution,
    drift: Option<&Drift>,
    config: &config::Distribution,
) -> Option<Shift> {
    if !config.perform_comparison.on() {
        return None;
    }
    let mut out = Shift {
        column: name.into(),
        verdict: Verdict::Held,
        effect: 0.0,
        threshold: config.comparison_threshold,
        wasserstein: None,
        stability_index: 0.0,
        jensen_shannon: 0.0,
        p_value: 1.0,
        adjusted_p_value: 1.0,
        attribution: None,
        weighted_effect: None,
        values: [then.present as u64, column.present()],
        compared: drift.map(|drift| drift.value),
        violated: drift.is_some_and(|drift| drift.violated),
        quantiles: Vec::new(),
        new: Vec::new(),
        vanished: Vec::new(),
        parts: Vec::new(),
    };
    let shares = match &then.seen {
        Seen::Numbers(levels) if column.spellings.kind(true).is_numeric() => {
            let (before, now) = (Weights::of(levels.iter().map(Vec::as_slice)), column.sketch.weights());
            out.effect = distance::kolmogorov_smirnov(&before, &now);
            out.p_value = kolmogorov::p_value(out.effect, &before, &now);
            out.wasserstein = distance::wasserstein(&before, &now, then.std_dev.unwrap_or(0.0));
            // A sketch does not keep the extremes.
            out.quantiles = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99]
                .into_iter()
                .filter_map(|share| Some([share, before.quantile(share)?, now.quantile(share)?]))
                .collect();
            out.parts = ranges(&before, &now);
            distance::deciles(&before, &now)
        }
        Seen::Categories(before) if column.spellings.kind(false) == Kind::String => {
            let now = drift::counts(column)?;
            if config.categorical_drift_method == config::CategoricalMethod::LInfinity {
                out.threshold = config.categorical_comparison_threshold;
            }
            let shares = distance::shares(before, &now);
            out.effect = distance::l_infinity(&shares);
            out.p_value = homogeneity::p_value(before, &now);
            out.new = only(&now, before);
            out.vanished = only(before, &now);
            out.parts = categories(before, &now);
            shares
        }
        _ => return None,
    };
    out.stability_index = distance::stability(&shares);
    out.jensen_shannon = distance::jensen_shannon(&shares);
    Some(out)
}

/// Categories of the first that the second lacks, with their shares.
fn only(counts: &Counts, other: &Counts) -> Vec<(String, f64)> {
    let total = distance::total(counts);
    let mut out: Vec<(String, f64)> = counts
        .iter()
        .filter(|(key, _)| !other.contains_key(*key))
        .map(|(key, count)| (key.clone(), count / total))
        .collect();
    out.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    out.truncate(NAMED);
    out
}

/// Equal ranges between the outer percents of both, the tails in the first and last.
fn ranges(then: &Weights, now: &Weights) -> Vec<Part> {
    let ends = |share: f64| [then.quantile(share), now.quantile(share)].into_iter().flatten();
    let low = ends(0.01).fold(f64::INFINITY, f64::min);
    let high = ends(0.99).fold(f64::NEG_INFINITY, f64::max);
    // Whole numbers get equally many values a part, or parts of equal rows would differ in height.
    let is_whole = |weights: &Weights| weights.values.iter().all(|value| value.fract() == 0.0);
    let values = high - low + 1.0;
    let (bins, each) = match is_whole(then) && is_whole(now) && values > 1.0 {
        true => {
            let each = (values / BINS as f64).ceil();
            ((values / each).ceil() as usize, Some(each))
        }
        false => (BINS, None),
    };
    let bound = |at: usize| match (at, each) {
        (0, _) => f64::NEG_INFINITY,
        (at, _) if at == bins => f64::INFINITY,
        (at, Some(each)) => low + each * at as f64,
        (at, None) => low + (high - low) * (at as f64 / BINS as f64),
    };
    let share = |weights: &Weights, at: usize| {
        let from = if at == 0 { 0.0 } else { weights.below(bound(at)) };
        let to = if at + 1 == bins { weights.total() } else { weights.below(bound(at + 1)) };
        (to - from) / weights.total()
    };
    (0..bins)
        .map(|at| Part {
            label: format!("from {}", rounded(if at == 0 { low } else { bound(at) })),
            then: share(then, at),
            now: share(now, at),
        })
        .collect()
}

/// The categories with the largest shares on either side.
fn categories(then: &Counts, now: &Counts) -> Vec<Part> {
    let (n, m) = (distance::total(then), distance::total(now));
    let keys: std::collections::BTreeSet<&String> = then.keys().chain(now.keys()).collect();
    let mut parts: Vec<Part> = keys
        .into_iter()
        .map(|key| Part {
            label: key.clone(),
            then: then.get(key).copied().unwrap_or(0.0) / n,
            now: now.get(key).copied().unwrap_or(0.0) / m,
        })
        .collect();
    parts.sort_by(|a, b| {
        (b.then.max(b.now)).total_cmp(&a.then.max(a.now)).then_with(|| a.label.cmp(&b.label))
    });
    parts.truncate(BINS);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adjusted_p_values_are_those_of_the_published_procedure() {
        // R: p.adjust(c(0.01, 0.04, 0.03, 0.5), "BH") is 0.04 0.0533 0.0533 0.5.
        let adjusted = benjamini_hochberg(&[0.01, 0.04, 0.03, 0.5]);
        let expected = [0.04, 0.16 / 3.0, 0.16 / 3.0, 0.5];
        assert!(adjusted.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{adjusted:?}");
        assert!(benjamini_hochberg(&[]).is_empty());
    }

    fn column(cells: impl Iterator<Item = String>) -> Column {
        let mut column = Column::new();
        let cells: Vec<String> = cells.collect();
        column.update(cells.iter().map(|cell| Some(cell.as_str())));
        column
    }

    fn then(column: &Column, inferred_type: &str) -> Distribution {
        let seen = match drift::counts(column).filter(|_| inferred_type == "String") {
            Some(counts) => Seen::Categories(counts),
            None => Seen::Numbers(column.sketch.data().map(<[f64]>::to_vec).collect()),
        };
        Distribution {
            inferred_type: inferred_type.into(),
            present: column.present() as f64,
            seen,
            std_dev: Some(column.moments.standard_deviation()),
        }
    }

    fn of(before: &Column, now: &Column, kind: &str) -> Shift {
        let baseline = IndexMap::from([("x".to_string(), then(before, kind))]);
        let config = MonitoringConfig::default();
        shifts([("x", now)].into_iter(), &baseline, &[], |_| &config).remove(0)
    }

    #[test]
    fn a_constant_far_away_has_moved_although_the_hosted_rule_is_blind() {
        let before = column((0..4000).map(|i| (17 + i % 82).to_string()));
        let shift = of(&before, &column((0..300).map(|_| "-100".into())), "Integral");
        assert_eq!((shift.verdict, shift.effect), (Verdict::Moved, 1.0));
        assert!(shift.adjusted_p_value < 1e-9 && shift.stability_index > 1.0);
        assert_eq!(shift.quantiles[3][2], -100.0);
        let sum = |side: fn(&Part) -> f64| shift.parts.iter().map(side).sum::<f64>();
        assert!((sum(|part| part.then) - 1.0).abs() < 1e-9 && (sum(|part| part.now) - 1.0).abs() < 1e-9);
        // The same rows have not moved; ten rows tell nothing.
        assert_eq!(of(&before, &before, "Integral").verdict, Verdict::Held);
        let few = column((0..10).map(|i| (17 + i * 8).to_string()));
        assert_eq!(of(&before, &few, "Integral").verdict, Verdict::TooFewRows);
    }

    /// Sixteen whole numbers are no twelve parts: some would hold two of them, and stand out for that alone.
    #[test]
    fn parts_of_whole_numbers_hold_equally_many_of_them() {
        let before = column((0..1600).map(|i| (i % 16).to_string()));
        let shift = of(&before, &column((0..1600).map(|i| (8 + i % 8).to_string())), "Integral");
        assert_eq!(shift.parts.len(), 8);
        assert!(shift.parts.iter().all(|part| part.then == 0.125), "{:?}", shift.parts);
        let labels: Vec<&str> = shift.parts.iter().map(|part| part.label.as_str()).collect();
        assert_eq!((labels[0], labels[7]), ("from 0", "from 14"));
        // Numbers far apart, and a constant.
        let far = of(&before, &column((0..500).map(|i| (1_000_000_000 + i).to_string())), "Integral");
        assert!(
            far.parts.len() <= BINS
                && (far.parts.iter().map(|part| part.now).sum::<f64>() - 1.0).abs() < 1e-9
        );
        let constant = column((0..300).map(|_| "5".into()));
        let shift = of(&constant, &column((0..300).map(|_| "6".into())), "Integral");
        assert_eq!(
            shift.parts.iter().map(|part| [part.then, part.now]).collect::<Vec<_>>(),
            [[1.0, 0.0], [0.0, 1.0]]
        );
    }

    /// Of many columns some have a small p-value by chance: it counts adjusted for their number, and beside a large effect only.
    #[test]
    fn chance_is_judged_over_all_columns_and_an_effect_at_the_threshold_is_none() {
        let before = column((0..4000).map(|i| (i % 82).to_string()));
        let like = of(&before, &before, "Integral");
        let judged = |p_values: &[f64], effect: f64| {
            let one = |&p_value| Shift { p_value, effect, values: [1000; 2], ..like.clone() };
            let mut shifts: Vec<Shift> = p_values.iter().map(one).collect();
            judge(&mut shifts.iter_mut().collect::<Vec<_>>());
            (shifts[0].adjusted_p_value, shifts[0].verdict)
        };
        assert_eq!(judged(&[0.04], 0.2), (0.04, Verdict::Moved));
        // R: p.adjust(c(0.04, 0.5, 0.5, 0.5, 0.5), "BH")[1] is 0.2.
        assert_eq!(judged(&[0.04, 0.5, 0.5, 0.5, 0.5], 0.2), (0.2, Verdict::Held));
        assert_eq!(judged(&[0.04], like.threshold), (0.04, Verdict::Held));
        assert_eq!(judged(&[0.05], 0.2), (0.05, Verdict::Held));
    }

    #[test]
    fn categories_that_came_and_went_are_named() {
        let before = column((0..600).map(|i| ["basic", "gold", "pro"][i % 3].into()));
        let now = column((0..600).map(|i| ["basic", "gold", "trial"][i % 3].into()));
        let shift = of(&before, &now, "String");
        assert_eq!(shift.verdict, Verdict::Moved);
        assert_eq!(shift.new, [("trial".to_string(), 0.333_333)]);
        assert_eq!(shift.vanished, [("pro".to_string(), 0.333_333)]);
        assert_eq!(of(&before, &before, "String").p_value, 1.0);
    }
}
