//! A slow twin of drift by rows: every quantity from the rows themselves, by another formula than the program's.
//!
//! Up to 2,050 rows a sketch holds all of them, so the two are equal but for rounding. Above, ranks of a sketch are off by
//! less than 1 % of its rows.

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::baseline::{Distribution, Seen};
use super::config::MonitoringConfig;
use super::drift;
use super::shift::{self, Shift, Verdict};
use crate::settings::DriftRule;
use crate::state::profile::Column;

fn column(cells: &[String]) -> Column {
    let mut column = Column::new();
    column.update(cells.iter().map(|cell| Some(cell.as_str())));
    column
}

fn numbers(rows: &[f64]) -> Column {
    column(&rows.iter().map(|row| format!("{row:?}")).collect::<Vec<_>>())
}

/// What a baseline's `statistics.json` says of a column.
fn baseline(column: &Column, rows: &[f64]) -> Distribution {
    let is_text = column.spellings.kind(false).name() == "String";
    let seen = match drift::counts(column).filter(|_| is_text) {
        Some(counts) => Seen::Categories(counts),
        None => Seen::Numbers(column.sketch.data().map(<[f64]>::to_vec).collect()),
    };
    let inferred_type = column.spellings.kind(false).name().into();
    let present = column.present() as f64;
    Distribution { inferred_type, present, seen, std_dev: (!rows.is_empty()).then(|| deviation(rows)) }
}

fn deviation(rows: &[f64]) -> f64 {
    let mean = rows.iter().sum::<f64>() / rows.len() as f64;
    (rows.iter().map(|row| (row - mean).powi(2)).sum::<f64>() / rows.len() as f64).sqrt()
}

/// Share of the rows that are not above a value.
fn up_to(rows: &[f64], value: f64) -> f64 {
    rows.iter().filter(|row| **row <= value).count() as f64 / rows.len() as f64
}

fn kolmogorov_smirnov(then: &[f64], now: &[f64]) -> f64 {
    then.iter().chain(now).map(|&value| (up_to(then, value) - up_to(now, value)).abs()).fold(0.0, f64::max)
}

/// Each row as often as there are rows on the other side, both sorted: then row by row. In deviations of the first.
fn wasserstein(then: &[f64], now: &[f64]) -> f64 {
    let repeated = |rows: &[f64], times: usize| {
        let mut rows: Vec<f64> = rows.iter().flat_map(|&row| std::iter::repeat_n(row, times)).collect();
        rows.sort_by(f64::total_cmp);
        rows
    };
    let pairs = repeated(then, now.len()).into_iter().zip(repeated(now, then.len()));
    let n = (then.len() * now.len()) as f64;
    pairs.map(|(x, y)| (x - y).abs()).sum::<f64>() / n / deviation(then)
}

/// Shares between the deciles of the first, each found by counting.
fn deciles(then: &[f64], now: &[f64]) -> Vec<(f64, f64)> {
    let mut sorted = then.to_vec();
    sorted.sort_by(f64::total_cmp);
    // The k-th decile is the row of which k tenths of all rows, rounded up, are not above.
    let bounds: BTreeSet<usize> = (1..10).map(|k| (k * sorted.len()).div_ceil(10) - 1).collect();
    let mut bounds: Vec<f64> = bounds.into_iter().map(|at| sorted[at]).collect();
    bounds.dedup();
    let inside = |rows: &[f64], low: f64, high: f64| {
        rows.iter().filter(|row| **row > low && **row <= high).count() as f64 / rows.len() as f64
    };
    let low = std::iter::once(f64::NEG_INFINITY).chain(bounds.iter().copied());
    let high = bounds.iter().copied().chain([f64::INFINITY]);
    low.zip(high).map(|(low, high)| (inside(then, low, high), inside(now, low, high))).collect()
}

fn stability(shares: &[(f64, f64)]) -> f64 {
    let part = |&(p, q): &(f64, f64)| {
        let (p, q) = (p.max(1e-4), q.max(1e-4));
        // As two relative entropies.
        p * (p / q).ln() + q * (q / p).ln()
    };
    shares.iter().filter(|(p, q)| p + q > 0.0).map(part).sum()
}

/// From entropies: that of the mixture less the mean of both.
fn jensen_shannon(shares: &[(f64, f64)]) -> f64 {
    let entropy = |of: &dyn Fn(&(f64, f64)) -> f64| -> f64 {
        shares.iter().map(of).filter(|share| *share > 0.0).map(|share| -share * share.log2()).sum()
    };
    let mixed = entropy(&|(p, q)| (p + q) / 2.0);
    (mixed - (entropy(&|(p, _)| *p) + entropy(&|(_, q)| *q)) / 2.0).max(0.0).sqrt()
}

/// The chance of a distance at least this large between samples of one distribution, exactly: the share of the paths through
/// a grid that leave a strip, looked at behind the last of equal rows.
fn exact_p(distance: f64, then: &[f64], now: &[f64]) -> f64 {
    let (n, m) = (then.len(), now.len());
    let mut all = [then, now].concat();
    all.sort_by(f64::total_cmp);
    let inside = |i: usize, j: usize| {
        let is_between_equals = i + j > 0 && i + j < all.len() && all[i + j - 1] == all[i + j];
        is_between_equals || (i as f64 / n as f64 - j as f64 / m as f64).abs() < distance - 1e-12
    };
    // Of the paths to each point the share that has stayed inside.
    let mut row = vec![0.0; m + 1];
    for i in 0..=n {
        for j in 0..=m {
            row[j] = match (i, j) {
                (0, 0) => 1.0,
                _ if !inside(i, j) => 0.0,
                (0, j) => row[j - 1],
                (_, 0) => row[0],
                (i, j) => (row[j] * i as f64 + row[j - 1] * j as f64) / (i + j) as f64,
            };
        }
    }
    1.0 - row[m]
}

/// The chance beyond a chi-squared value, by Simpson's rule over the density.
fn chi_squared_p(statistic: f64, degrees: usize) -> f64 {
    if statistic <= 0.0 {
        return 1.0;
    }
    let half = degrees as f64 / 2.0;
    // Gamma of a half or a whole number, by its recurrence.
    let mut gamma = if degrees.is_multiple_of(2) { 1.0 } else { std::f64::consts::PI.sqrt() };
    let mut at = if degrees.is_multiple_of(2) { 1.0 } else { 0.5 };
    while at < half {
        gamma *= at;
        at += 1.0;
    }
    // x = y^2, so that the density of one degree has no pole.
    let density =
        |y: f64| 2.0 * y.powi(degrees as i32 - 1) * (-y * y / 2.0).exp() / (2f64.powf(half) * gamma);
    let (low, high, steps) = (statistic.sqrt(), statistic.sqrt() + 40.0, 40_000);
    let width = (high - low) / f64::from(steps);
    let sum: f64 = (0..=steps)
        .map(|step| {
            let weight = if step == 0 || step == steps { 1.0 } else { 2.0 + 2.0 * f64::from(step % 2) };
            weight * density(low + f64::from(step) * width)
        })
        .sum();
    sum * width / 3.0
}

/// Pearson's test of homogeneity by found and expected counts of both sides, and every way to deal out the rows of what is
/// rare.
fn homogeneity_p(then: &[String], now: &[String]) -> f64 {
    let mut table: BTreeMap<&str, [f64; 2]> = BTreeMap::new();
    for (side, rows) in [then, now].into_iter().enumerate() {
        rows.iter().for_each(|row| table.entry(row).or_default()[side] += 1.0);
    }
    let totals = [then.len() as f64, now.len() as f64];
    let share = [totals[0] / (totals[0] + totals[1]), totals[1] / (totals[0] + totals[1])];
    let is_rare = |[x, y]: &[f64; 2]| share.iter().any(|share| (x + y) * share < 5.0);
    let sum = |cell: &[[f64; 2]]| cell.iter().fold([0.0; 2], |sum, [x, y]| [sum[0] + x, sum[1] + y]);
    let mut all: Vec<[f64; 2]> = table.into_values().collect();
    all.sort_by(|[x, y], [v, w]| (x + y).total_cmp(&(v + w)));
    let (few, many): (Vec<[f64; 2]>, Vec<[f64; 2]>) = all.into_iter().partition(is_rare);
    // Rare ones fill a cell until it is not rare; the last cell takes those that are left.
    let mut cells: Vec<Vec<[f64; 2]>> = Vec::new();
    for category in &few {
        match cells.last_mut().filter(|cell| is_rare(&sum(cell))) {
            Some(cell) => cell.push(*category),
            None => cells.push(vec![*category]),
        }
    }
    if cells.len() > 1 && cells.last().is_some_and(|cell| is_rare(&sum(cell))) {
        let left = cells.pop().unwrap();
        cells.last_mut().unwrap().extend(left);
    }
    // Or the smallest of the others, when there is none.
    let left = cells.pop_if(|cell| is_rare(&sum(cell))).unwrap_or_default();
    cells.extend(many.into_iter().map(|category| vec![category]));
    cells[0].extend(left);
    let ln = |n: f64| (1..=n as u64).map(|i| (i as f64).ln()).sum::<f64>();
    let exact = |[x, y]: [f64; 2]| {
        let all = x + y;
        let chance = |now: f64| {
            let then = all - now;
            let [left_then, left_now] = [totals[0] - then, totals[1] - now];
            let ways = ln(all) - ln(then) - ln(now) + ln(left_then + left_now) - ln(left_then) - ln(left_now);
            (ways - ln(totals[0] + totals[1]) + ln(totals[0]) + ln(totals[1])).exp()
        };
        let sum = |from: u64, to: u64| (from..=to).map(|now| chance(now as f64)).sum::<f64>();
        let (least, most) = ((all - totals[0]).max(0.0) as u64, all.min(totals[1]) as u64);
        (2.0 * sum(least, y as u64).min(sum(y as u64, most))).min(1.0)
    };
    let shared: Vec<[f64; 2]> = cells.iter().filter(|cell| cell.len() > 1).flatten().copied().collect();
    let mut statistic = 0.0;
    for cell in cells.iter().map(|cell| sum(cell)) {
        for side in 0..2 {
            let expected = (cell[0] + cell[1]) * share[side];
            statistic += (cell[side] - expected).powi(2) / expected;
        }
    }
    let of_cells = match cells.len() {
        2 => exact(sum(&cells[0])),
        n => chi_squared_p(statistic, n - 1),
    };
    match shared.iter().map(|category| exact(*category)).reduce(f64::min) {
        None => of_cells,
        Some(least) => (2.0 * of_cells.min(least * shared.len() as f64)).min(1.0),
    }
}

/// The least share of false discoveries at which a test would be one, by definition.
fn benjamini_hochberg(p_values: &[f64]) -> Vec<f64> {
    let n = p_values.len() as f64;
    let rate = |p: f64| p * n / p_values.iter().filter(|other| **other <= p).count() as f64;
    let least =
        |p: f64| p_values.iter().filter(|other| **other >= p).map(|other| rate(*other)).fold(1.0, f64::min);
    p_values.iter().map(|p| least(*p)).collect()
}

#[track_caller]
fn near(found: f64, expected: f64, within: f64, what: &str) {
    assert!((found - expected).abs() <= within, "{what}: {found}, expected {expected}");
}

fn unjudged(then: Distribution, now: &Column) -> Shift {
    let baseline = IndexMap::from([("x".to_string(), then)]);
    let config = MonitoringConfig::default();
    shift::unjudged([("x", now)].into_iter(), &baseline, &[], |_| &config).remove(0)
}

/// Rows of one kind or another: continuous, of few values, skewed, all equal.
fn rows(random: &mut ChaCha8Rng, kind: usize, n: usize, moved: f64) -> Vec<f64> {
    (0..n)
        .map(|_| {
            let uniform = random.random::<f64>();
            match kind {
                0 => uniform * 10.0 + moved,
                1 => (uniform * 7.0).floor() + moved.round(),
                2 => -(1.0 - uniform).ln() * (1.0 + moved),
                _ => 3.0 + moved,
            }
        })
        .collect()
}

#[test]
fn numbers_of_samples_that_a_sketch_holds_equal_their_rows() {
    let mut random = ChaCha8Rng::seed_from_u64(5);
    for kind in 0..4 {
        for (n, m, moved) in [(300, 200, 0.0), (300, 200, 1.0), (37, 90, 0.4), (1000, 50, 2.0), (10, 10, 0.5)]
        {
            let what = format!("kind {kind}, {n} and {m} rows, moved {moved}");
            let (then, now) = (rows(&mut random, kind, n, 0.0), rows(&mut random, kind, m, moved));
            let (before, after) = (numbers(&then), numbers(&now));
            let found = unjudged(baseline(&before, &then), &after);
            let distance = kolmogorov_smirnov(&then, &now);
            near(found.effect, distance, 1e-12, &what);
            match found.wasserstein {
                Some(found) => near(found, wasserstein(&then, &now), 1e-9, &what),
                None => assert!(kind == 3, "{what}"),
            }
            let shares = deciles(&then, &now);
            near(found.stability_index, stability(&shares), 1e-9, &format!("stability, {what}"));
            near(found.jensen_shannon, jensen_shannon(&shares), 1e-6, &format!("Jensen-Shannon, {what}"));
            near(found.p_value, exact_p(distance, &then, &now), 1e-9, &format!("p, {what}"));
            // The rule of violations: less what chance explains, held against the threshold.
            let config = MonitoringConfig::default();
            let then_known = IndexMap::from([("x".to_string(), baseline(&before, &then))]);
            let (drifts, _) = drift::drifts(
                [("x", &after)].into_iter(),
                &then_known,
                None,
                &config,
                DriftRule::Weighted,
                false,
            );
            let chance = 1.8 * (1.0 / n as f64 + 1.0 / m as f64).sqrt();
            near(drifts[0].value, (distance - chance).max(0.0), 1e-12, &format!("rule, {what}"));
            assert_eq!(drifts[0].violated, distance - chance > 0.1, "{what}");
        }
    }
}

#[test]
fn categories_equal_their_rows() {
    let mut random = ChaCha8Rng::seed_from_u64(6);
    for (n, m, new) in [(400, 300, 0.0), (400, 300, 0.2), (90, 4000, 0.05), (30, 20, 0.5)] {
        let mut draw = |n: usize, new: f64| -> Vec<String> {
            (0..n)
                .map(|_| match random.random::<f64>() {
                    share if share < new => "new".into(),
                    share => format!("c{}", (share * share * 9.0) as u32),
                })
                .collect()
        };
        let (then, now) = (draw(n, 0.0), draw(m, new));
        let (before, after) = (column(&then), column(&now));
        let found = unjudged(baseline(&before, &[]), &after);
        let share = |rows: &[String], text: &str| {
            rows.iter().filter(|row| *row == text).count() as f64 / rows.len() as f64
        };
        let texts: BTreeSet<&String> = then.iter().chain(&now).collect();
        let shares: Vec<(f64, f64)> =
            texts.iter().map(|text| (share(&then, text), share(&now, text))).collect();
        let what = format!("{n} and {m} rows, {new} new");
        let largest = shares.iter().map(|(p, q)| (p - q).abs()).fold(0.0, f64::max);
        near(found.effect, largest, 1e-12, &what);
        near(found.stability_index, stability(&shares), 1e-9, &what);
        near(found.jensen_shannon, jensen_shannon(&shares), 1e-9, &what);
        near(found.p_value, homogeneity_p(&then, &now), 1e-9, &what);
    }
}

/// More rows than a sketch holds: distribution functions within 1 % on either side, and what follows from them.
#[test]
fn numbers_of_large_samples_are_within_the_bound_of_the_sketch() {
    let mut random = ChaCha8Rng::seed_from_u64(7);
    for kind in 0..3 {
        for (n, m, moved) in [(30_000, 6_000, 0.0), (30_000, 6_000, 1.0), (2_500, 20_000, 0.3)] {
            let what = format!("kind {kind}, {n} and {m} rows, moved {moved}");
            let (then, now) = (rows(&mut random, kind, n, 0.0), rows(&mut random, kind, m, moved));
            let (before, after) = (numbers(&then), numbers(&now));
            let found = unjudged(baseline(&before, &then), &after);
            // The slow distances of so many rows, on a grid of values that is finer than the bound.
            let grid = |rows: &[f64]| {
                let mut sorted = rows.to_vec();
                sorted.sort_by(f64::total_cmp);
                sorted.into_iter().step_by(rows.len() / 500).collect::<Vec<f64>>()
            };
            let points = [grid(&then), grid(&now)].concat();
            let distance =
                points.iter().map(|&at| (up_to(&then, at) - up_to(&now, at)).abs()).fold(0.0, f64::max);
            near(found.effect, distance, 0.022, &what);
            let shares = deciles(&then, &now);
            let (expected, expected_distance) = (stability(&shares), jensen_shannon(&shares));
            near(found.stability_index, expected, 0.02 + 0.15 * expected, &format!("stability, {what}"));
            near(found.jensen_shannon, expected_distance, 0.03, &format!("Jensen-Shannon, {what}"));
            let mut middle = points.clone();
            middle.sort_by(f64::total_cmp);
            let area: f64 = middle
                .windows(2)
                .map(|pair| (up_to(&then, pair[0]) - up_to(&now, pair[0])).abs() * (pair[1] - pair[0]))
                .sum();
            // 2 % of the range that most rows have.
            let range = middle[middle.len() * 99 / 100] - middle[0];
            let bound = 0.02 * range / deviation(&then);
            near(found.wasserstein.unwrap(), area / deviation(&then), bound, &format!("Wasserstein, {what}"));
        }
    }
}

/// The share of false discoveries over all columns of a run: by definition, with ties, in any order.
#[test]
fn adjusted_p_values_and_verdicts_equal_their_definition() {
    let mut random = ChaCha8Rng::seed_from_u64(8);
    let columns: Vec<(String, Vec<f64>, Vec<f64>)> = (0..40)
        .map(|at| {
            let moved = if at % 5 == 0 { 0.5 * f64::from(at / 5) } else { 0.0 };
            let name = format!("c{at}");
            (
                name,
                rows(&mut random, at as usize % 2, 200, 0.0),
                rows(&mut random, at as usize % 2, 150, moved),
            )
        })
        .collect();
    let profiles: Vec<Column> = columns.iter().map(|(_, _, now)| numbers(now)).collect();
    let then: IndexMap<String, Distribution> =
        columns.iter().map(|(name, then, _)| (name.clone(), baseline(&numbers(then), then))).collect();
    let config = MonitoringConfig::default();
    let named = || columns.iter().map(|column| column.0.as_str()).zip(&profiles);
    let raw = shift::unjudged(named(), &then, &[], |_| &config);
    let judged = shift::shifts(named(), &then, &[], |_| &config);
    let expected = benjamini_hochberg(&raw.iter().map(|shift| shift.p_value).collect::<Vec<_>>());
    assert_eq!(judged.len(), 40);
    let mut moved = 0;
    for (raw, expected) in raw.iter().zip(expected) {
        let found = judged.iter().find(|shift| shift.column == raw.column).unwrap();
        // Six digits are written.
        near(found.adjusted_p_value, expected, 1e-5 * expected + 1e-300, &raw.column);
        let chance = 1.8 * (1.0_f64 / 200.0 + 1.0 / 150.0).sqrt();
        assert!(chance < 0.25);
        let verdict = if expected < 0.05 && raw.effect > 0.1 { Verdict::Moved } else { Verdict::Held };
        assert_eq!(found.verdict, verdict, "{}", raw.column);
        moved += usize::from(verdict == Verdict::Moved);
    }
    assert!((3..10).contains(&moved), "{moved}");
}
