//! How far apart two distributions are. Each quantity is one function; which of them raises a violation is
//! decided elsewhere.

use std::collections::BTreeMap;

use crate::state::kll::Weights;

/// What chance alone explains of a largest difference of shares, at a level of about 0.003.
/// Source: the open library that the hosted service is built on, class `Distance`.
const CHANCE: f64 = 1.8;

/// Counts of categories by text, in the order of the text.
pub type Counts = BTreeMap<String, f64>;

/// A largest difference less what chance explains with `n` and `m` values; not below 0.
pub fn robust(difference: f64, n: f64, m: f64) -> f64 {
    (difference - CHANCE * ((n + m) / (n * m)).sqrt()).max(0.0)
}

/// The hosted distance of two sketches and the totals it is corrected with: each distinct value counts once, with
/// the weight of the highest level that it lies in. Rows do not count, so that a column with few distinct values
/// hardly ever moves.
pub fn hosted(a: &[Vec<f64>], b: &[Vec<f64>]) -> (f64, f64, f64) {
    let (a, b) = (highest(a), highest(b));
    (kolmogorov_smirnov(&a, &b), a.total(), b.total())
}

/// Every distinct value with the weight of its highest level.
fn highest(levels: &[Vec<f64>]) -> Weights {
    let mut weights: BTreeMap<u64, (f64, f64)> = BTreeMap::new();
    for (level, values) in levels.iter().enumerate() {
        let weight = 2f64.powi(i32::try_from(level).unwrap_or(i32::MAX));
        for &value in values {
            // 0.0 and -0.0 are one value.
            weights.insert((value + 0.0).to_bits(), (value, weight));
        }
    }
    Weights::of_counts(weights.into_values().collect())
}

/// Largest difference of the two distribution functions, in [0, 1].
pub fn kolmogorov_smirnov(a: &Weights, b: &Weights) -> f64 {
    steps(a, b).map(|step| (step.a - step.b).abs()).fold(0.0, f64::max)
}

/// A place where one of two distribution functions steps: their values from there on, and the next place.
struct Step {
    a: f64,
    b: f64,
    from: f64,
    to: f64,
}

/// The steps of two distribution functions in ascending order; the last one ends where it begins.
fn steps<'a>(a: &'a Weights, b: &'a Weights) -> impl Iterator<Item = Step> + 'a {
    let (mut i, mut j) = (0, 0);
    std::iter::from_fn(move || {
        let next = |i: usize, j: usize| match (a.values.get(i), b.values.get(j)) {
            (Some(&x), Some(&y)) => Some(x.min(y)),
            (x, y) => x.or(y).copied(),
        };
        let from = next(i, j)?;
        i += usize::from(a.values.get(i).is_some_and(|&value| value == from));
        j += usize::from(b.values.get(j).is_some_and(|&value| value == from));
        let share = |weights: &Weights, place: usize| match place.checked_sub(1) {
            Some(last) => weights.up_to[last] / weights.total(),
            None => 0.0,
        };
        Some(Step { a: share(a, i), b: share(b, j), from, to: next(i, j).unwrap_or(from) })
    })
}

/// Distance that rows must be moved on average from one distribution to the other, in units of `scale`, which
/// is the standard deviation of the baseline. `None` when the scale is 0.
/// Source: Wasserstein distance of order 1, the area between the two distribution functions.
pub fn wasserstein(a: &Weights, b: &Weights, scale: f64) -> Option<f64> {
    let area: f64 = steps(a, b).map(|step| (step.a - step.b).abs() * (step.to - step.from)).sum();
    (scale > 0.0).then(|| area / scale)
}

/// Shares of both in bins: those of the deciles of the first. For numbers, so that counts can be compared.
pub fn deciles(a: &Weights, b: &Weights) -> Vec<(f64, f64)> {
    let mut bounds: Vec<f64> = (1..10).filter_map(|at| a.quantile(f64::from(at) / 10.0)).collect();
    bounds.dedup();
    let mut out = Vec::with_capacity(bounds.len() + 1);
    let (mut before_a, mut before_b) = (0.0, 0.0);
    for bound in bounds {
        let (up_to_a, up_to_b) = (a.at_most(bound), b.at_most(bound));
        out.push(((up_to_a - before_a) / a.total(), (up_to_b - before_b) / b.total()));
        (before_a, before_b) = (up_to_a, up_to_b);
    }
    out.push(((a.total() - before_a) / a.total(), (b.total() - before_b) / b.total()));
    out
}

/// Shares of both for every category that one of them has.
pub fn shares(a: &Counts, b: &Counts) -> Vec<(f64, f64)> {
    let (n, m) = (total(a), total(b));
    let share = |counts: &Counts, key: &str, total: f64| counts.get(key).copied().unwrap_or(0.0) / total;
    let keys: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    keys.into_iter().map(|key| (share(a, key, n), share(b, key, m))).collect()
}

pub fn total(counts: &Counts) -> f64 {
    counts.values().sum()
}

/// Population stability index of two lists of shares. An empty bin counts as one of 0.0001, so that a vanished
/// category is a large number and no infinite one.
pub fn stability(shares: &[(f64, f64)]) -> f64 {
    const LEAST: f64 = 1e-4;
    shares
        .iter()
        .filter(|(p, q)| *p > 0.0 || *q > 0.0)
        .map(|&(p, q)| {
            let (p, q) = (p.max(LEAST), q.max(LEAST));
            (q - p) * (q / p).ln()
        })
        .sum()
}

/// Jensen-Shannon distance: the square root of the divergence in bits, in [0, 1].
pub fn jensen_shannon(shares: &[(f64, f64)]) -> f64 {
    let part = |p: f64, middle: f64| if p > 0.0 { p * (p / middle).log2() } else { 0.0 };
    let divergence: f64 = shares
        .iter()
        .map(|&(p, q)| {
            let middle = (p + q) / 2.0;
            (part(p, middle) + part(q, middle)) / 2.0
        })
        .sum();
    divergence.max(0.0).sqrt().min(1.0)
}

/// Largest difference of the shares of a category.
pub fn l_infinity(shares: &[(f64, f64)]) -> f64 {
    shares.iter().map(|(p, q)| (p - q).abs()).fold(0.0, f64::max)
}

/// Pearson's statistic and its degrees of freedom, of a sample against the expected counts of a baseline.
///
/// Expected counts are scaled to the sample's total of shared categories; categories that the baseline lacks are
/// left out. The smallest expected category joins the next smallest until at most a fifth of the expected counts
/// are below 5; when only two are left, both must be 10. `None` with fewer than two categories.
pub fn chi_squared(sample: &Counts, expected: &Counts) -> Option<(f64, f64)> {
    let shared: f64 =
        sample.iter().filter(|(key, _)| expected.contains_key(*key)).map(|(_, count)| count).sum();
    let all = total(expected);
    let mut cells: Vec<(f64, &str, f64)> = expected
        .iter()
        .map(|(key, count)| (count / all * shared, key.as_str(), sample.get(key).copied().unwrap_or(0.0)))
        .collect();
    let by_size = |a: &(f64, &str, f64), b: &(f64, &str, f64)| a.0.total_cmp(&b.0).then_with(|| a.1.cmp(b.1));
    loop {
        cells.sort_by(by_size);
        let small = cells.iter().filter(|cell| cell.0 < 5.0).count();
        let good = match cells.len() {
            0 | 1 => return None,
            2 => cells[0].0 >= 10.0,
            n => small <= n / 5,
        };
        if good {
            break;
        }
        let smallest = cells.remove(0);
        cells[0].0 += smallest.0;
        cells[0].2 += smallest.2;
    }
    let statistic = cells.iter().map(|&(expected, _, found)| (found - expected).powi(2) / expected).sum();
    Some((statistic, (cells.len() - 1) as f64))
}

/// Chance of a chi-squared statistic at least this large.
pub fn chi_squared_p(statistic: f64, degrees: f64) -> f64 {
    upper_gamma(degrees / 2.0, statistic / 2.0)
}

/// Regularised upper incomplete gamma function Q(a, x), by its series below a + 1 and its continued fraction above.
/// Source: Abramowitz and Stegun, 6.5.29 and 6.5.31.
fn upper_gamma(a: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 1.0;
    }
    let scale = (a * x.ln() - x - ln_gamma(a)).exp();
    if x < a + 1.0 {
        let (mut term, mut sum, mut n) = (1.0 / a, 1.0 / a, a);
        while term > sum * 1e-17 {
            n += 1.0;
            term *= x / n;
            sum += term;
        }
        return 1.0 - scale * sum;
    }
    // Lentz's evaluation of the fraction.
    const TINY: f64 = 1e-300;
    let mut b = x + 1.0 - a;
    let mut c = 1.0 / TINY;
    let mut d = 1.0 / b;
    let mut fraction = d;
    for i in 1..10_000 {
        let i = f64::from(i);
        let numerator = -i * (i - a);
        b += 2.0;
        d = numerator * d + b;
        d = 1.0 / if d.abs() < TINY { TINY } else { d };
        c = b + numerator / c;
        c = if c.abs() < TINY { TINY } else { c };
        let step = c * d;
        fraction *= step;
        if (step - 1.0).abs() < 1e-16 {
            break;
        }
    }
    scale * fraction
}

/// Lanczos' approximation with g = 7; relative error below 1e-14.
pub(crate) fn ln_gamma(x: f64) -> f64 {
    const G: f64 = 7.0;
    const TERMS: [f64; 9] = [
        0.999_999_999_999_809_9,
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    let x = x - 1.0;
    let t = x + G + 0.5;
    let sum: f64 = (1..).zip(&TERMS[1..]).map(|(i, term)| term / (x + f64::from(i))).sum::<f64>() + TERMS[0];
    0.5 * (2.0 * std::f64::consts::PI).ln() + (x + 0.5) * t.ln() - t + sum.ln()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn counts(pairs: &[(&str, u32)]) -> Counts {
        pairs.iter().map(|(key, count)| ((*key).to_string(), f64::from(*count))).collect()
    }

    fn weights(values: &[f64]) -> Weights {
        Weights::of_counts(values.iter().map(|&value| (value, 1.0)).collect())
    }

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() <= 1e-12 * b.abs().max(1e-3), "{a} and {b}");
    }

    // The numbers of the next three tests are those of the open library's own tests (`KLLDistanceTest`).
    #[test]
    fn sketches_of_the_published_vectors() {
        let (distance, n, m) = hosted(&[vec![1.0, 2.0, 3.0, 4.0]], &[vec![2.0, 3.0, 4.0, 5.0]]);
        assert_eq!((distance, n, m), (0.25, 4.0, 4.0));
        assert_eq!(robust(distance, n, m), 0.0);
    }

    #[test]
    fn categories_of_the_published_vectors() {
        let check = |a: &[(&str, u32)], b: &[(&str, u32)], simple: f64, corrected: f64| {
            let (a, b) = (counts(a), counts(b));
            let distance = l_infinity(&shares(&a, &b));
            close(distance, simple);
            close(robust(distance, total(&a), total(&b)), corrected);
        };
        let first = [("a", 10), ("b", 20), ("c", 25), ("d", 10), ("e", 5)];
        check(
            &first,
            &[("a", 11), ("b", 20), ("c", 25), ("d", 10), ("e", 10)],
            0.060_150_375_939_849_62,
            0.0,
        );
        check(&first, &[("f", 11), ("a", 20), ("c", 25), ("d", 10), ("e", 10)], 0.285_714_285_714_285_7, 0.0);
    }

    #[test]
    fn chi_squared_of_the_published_vectors() {
        let sample = counts(&[("a", 207), ("b", 20), ("c", 25), ("d", 14), ("e", 25), ("g", 13)]);
        let expected = counts(&[("a", 223), ("b", 20), ("c", 25), ("d", 12), ("e", 13), ("f", 15)]);
        let (statistic, degrees) = chi_squared(&sample, &expected).unwrap();
        close(statistic, 28.175_042_782_458_068);
        assert_eq!(degrees, 5.0);
        close(chi_squared_p(statistic, degrees), 3.364_019_129_847_850_6e-5);
        let sample = counts(&[("a", 207), ("b", 20), ("c", 25), ("d", 14), ("e", 25)]);
        let expected = counts(&[("a", 223), ("b", 20), ("c", 25), ("d", 12), ("e", 13)]);
        let (statistic, degrees) = chi_squared(&sample, &expected).unwrap();
        close(chi_squared_p(statistic, degrees), 0.013_227_994_814_265_176);
    }

    #[test]
    fn small_categories_join_the_next_smallest() {
        // Expected 100, 4, 3, 2 of 109: three of four below 5; b and c and d become one of 9.
        let expected = counts(&[("a", 100), ("b", 4), ("c", 3), ("d", 2)]);
        assert_eq!(chi_squared(&expected, &expected), None);
        let expected = counts(&[("a", 100), ("b", 8), ("c", 3), ("d", 2)]);
        let sample = counts(&[("a", 90), ("b", 10), ("c", 8), ("d", 5)]);
        let (statistic, degrees) = chi_squared(&sample, &expected).unwrap();
        // c and d join: 5 expected and 13 found; b: 8 and 10; a: 100 and 90.
        close(statistic, 64.0 / 5.0 + 4.0 / 8.0 + 100.0 / 100.0);
        assert_eq!(degrees, 2.0);
        assert_eq!(chi_squared(&counts(&[]), &expected), None);
        // Of four a fifth is none: a single small one joins the next.
        let expected = counts(&[("a", 50), ("b", 40), ("c", 30), ("d", 4)]);
        assert_eq!(chi_squared(&expected, &expected), Some((0.0, 2.0)));
    }

    /// A value that lies in several levels counts once, with the weight of the highest: 1 with 1, 2 with 4.
    #[test]
    fn the_hosted_distance_counts_a_value_once() {
        let (distance, n, m) = hosted(&[vec![1.0, 2.0, 2.0], vec![], vec![2.0]], &[vec![1.0, 2.0]]);
        assert_eq!((n, m), (5.0, 2.0));
        close(distance, 0.5 - 0.2);
    }

    #[test]
    fn gamma_by_closed_forms() {
        // Q(1, x) = e^-x; Q(2, x) = (1 + x) e^-x; Q(1/2, x) is the chance beyond sqrt(2x) of a normal.
        for x in [0.1, 1.0, 3.0, 20.0, 200.0] {
            close(upper_gamma(1.0, x), f64::exp(-x));
            close(upper_gamma(2.0, x), (1.0 + x) * f64::exp(-x));
        }
        close(upper_gamma(0.5, 1.959_963_984_540_054_f64.powi(2) / 2.0), 0.05);
        close(ln_gamma(10.0), 362_880f64.ln());
    }

    #[test]
    fn distances_by_hand() {
        let (a, b) = (weights(&[0.0, 1.0, 2.0, 3.0]), weights(&[2.0, 3.0, 4.0, 5.0]));
        assert_eq!(kolmogorov_smirnov(&a, &b), 0.5);
        // Every row moves by 2.
        assert_eq!(wasserstein(&a, &b, 1.0), Some(2.0));
        assert_eq!(wasserstein(&a, &b, 0.0), None);
        let shares = [(0.5, 0.25), (0.5, 0.75)];
        close(stability(&shares), -0.25 * 0.5f64.ln() + 0.25 * 1.5f64.ln());
        assert_eq!(jensen_shannon(&[(1.0, 0.0), (0.0, 1.0)]), 1.0);
        assert_eq!(deciles(&a, &a).iter().map(|(p, _)| p).sum::<f64>(), 1.0);
    }

    proptest! {
        #[test]
        fn laws(a in proptest::collection::vec(-50i32..50, 1..60), b in proptest::collection::vec(-50i32..50, 1..60)) {
            let numbers = |values: &[i32]| weights(&values.iter().map(|&value| f64::from(value)).collect::<Vec<_>>());
            let (x, y) = (numbers(&a), numbers(&b));
            let distance = kolmogorov_smirnov(&x, &y);
            // The slow twin: both shares at every value.
            let share = |values: &[i32], at: i32| values.iter().filter(|&&value| value <= at).count() as f64 / values.len() as f64;
            let slow = (-50..50).map(|at| (share(&a, at) - share(&b, at)).abs()).fold(0.0, f64::max);
            prop_assert!((distance - slow).abs() < 1e-12);
            let area: f64 = (-50..50).map(|at| (share(&a, at) - share(&b, at)).abs()).sum();
            prop_assert!((wasserstein(&x, &y, 1.0).unwrap() - area).abs() < 1e-9);
            prop_assert_eq!(kolmogorov_smirnov(&y, &x), distance);
            prop_assert_eq!(kolmogorov_smirnov(&x, &x), 0.0);
            // Every row twice changes nothing.
            let twice = numbers(&[a.clone(), a.clone()].concat());
            prop_assert!(kolmogorov_smirnov(&x, &twice) < 1e-12);
            let bins = deciles(&x, &y);
            prop_assert!((bins.iter().map(|bin| bin.1).sum::<f64>() - 1.0).abs() < 1e-9);
            prop_assert!(stability(&bins) >= 0.0 && (0.0..=1.0).contains(&jensen_shannon(&bins)));
        }
    }
}
