//! Chance of a Kolmogorov-Smirnov distance between two samples of one distribution: counted for few rows, by its
//! limit for many.

use crate::state::kll::{Weights, rank_error};

/// Products of the numbers of rows up to which chance is counted.
const COUNTED: f64 = 200_000.0;

/// Standard deviations of the sketches' ranks that a distance may come from. The largest of all ranks' errors, which is what a
/// distance shows, is 3.6 of them in the mean (uniform values, 20 thousand to 3 million rows).
const OF_SKETCHES: f64 = 4.5;

/// Chance of a distance at least this large between samples of as many rows as these, if both come from one distribution.
/// What the sketches of many rows may be wrong by is taken off the distance first, so that the chance is at least that of
/// the rows: in large windows it is more than the chance of the rows themselves.
pub fn p_value(distance: f64, a: &Weights, b: &Weights) -> f64 {
    let (n, m) = (a.total(), b.total());
    let whole = n.fract() == 0.0 && m.fract() == 0.0;
    if whole && n * m <= COUNTED {
        return counted(distance, a, b);
    }
    let error = OF_SKETCHES * rank_error(n).hypot(rank_error(m));
    limit((distance - error).max(0.0), n, m)
}

/// The share of all orders in which the rows of both may come that have such a distance. Equal values count as what they
/// are: the distance is looked at behind the last of them only.
/// Source: the lattice paths of Hodges (1958), with ties as Schroer and Trenkler (1995) have them.
fn counted(distance: f64, a: &Weights, b: &Weights) -> f64 {
    let (n, m) = (a.total() as u64, b.total() as u64);
    // Distances are multiples of 1 / (n m).
    let least = (distance * (n * m) as f64).round() as u64;
    if least == 0 {
        return 1.0;
    }
    let mut is_end = vec![false; (n + m + 1) as usize];
    for value in a.values.iter().chain(&b.values) {
        is_end[(a.at_most(*value) + b.at_most(*value)) as usize] = true;
    }
    // By rows taken of the second, for one number of rows taken of the first: chance that a path from there on reaches the
    // distance. Shares of the ways are positive, so that small chances keep their digits.
    let mut after = vec![0.0; m as usize + 1];
    for i in (0..=n).rev() {
        let mut beside = 0.0;
        for j in (0..=m).rev() {
            let left = [(n - i) as f64, (m - j) as f64];
            let chance = match (i * m).abs_diff(j * n) {
                apart if apart >= least && is_end[(i + j) as usize] => 1.0,
                _ if i + j == n + m => 0.0,
                _ => (left[0] * after[j as usize] + left[1] * beside) / (left[0] + left[1]),
            };
            (after[j as usize], beside) = (chance, chance);
        }
    }
    after[0]
}

/// Source: the series of Kolmogorov with the correction of Stephens (1970).
fn limit(distance: f64, n: f64, m: f64) -> f64 {
    let rows = (n * m / (n + m)).sqrt();
    let x = (rows + 0.12 + 0.11 / rows) * distance;
    if x < 0.2 {
        return 1.0;
    }
    let term = |k: i32| {
        let k = f64::from(k);
        (-2.0 * k * k * x * x).exp()
    };
    let sum: f64 = (1..=100).map(|k| if k % 2 == 1 { term(k) } else { -term(k) }).sum();
    (2.0 * sum).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng as _;
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::quality::distance::kolmogorov_smirnov;
    use crate::state::kll::Kll;

    fn weights(values: &[f64]) -> Weights {
        Weights::of_counts(values.iter().map(|&value| (value, 1.0)).collect())
    }

    fn p_of(a: &Weights, b: &Weights) -> f64 {
        p_value(kolmogorov_smirnov(a, b), a, b)
    }

    /// `n` rows of `0, 2, 4, ...` and `m` rows that stand between them, so that none are equal.
    fn apart(n: u32, m: u32) -> (Weights, Weights) {
        let of = |rows: u32, first: f64| {
            weights(&(0..rows).map(|row| first + 2.0 * f64::from(row)).collect::<Vec<_>>())
        };
        (of(n, 0.0), of(m, 1.0))
    }

    /// `scipy.stats.ks_2samp(..., method="exact")`, `psmirnov` of R.
    #[test]
    fn published_chances() {
        for (n, m, distance, expected) in [
            (10, 10, 0.4, 0.417_523_652_817_770_5),
            (10, 10, 0.7, 0.012_340_600_575_894_695),
            (1, 1, 1.0, 1.0),
            (3, 4, 1.0, 2.0 / 35.0),
            (10, 10, 1.0, 2.0 / 184_756.0),
        ] {
            let (a, b) = apart(n, m);
            let found = p_value(distance, &a, &b);
            assert!((found / expected - 1.0).abs() < 1e-12, "{n} {m} {distance}: {found}");
        }
        // scipy.special.kolmogorov(1.0) is 0.2699996716735...; the correction is small for many rows.
        assert!((limit(1.0 / 5000f64.sqrt(), 1e4, 1e4) - 0.27).abs() < 0.003);
        // Very small chances keep their digits: two orders of C(600, 300).
        let (a, b) = apart(300, 300);
        let orders: f64 = (1..=300).map(|k| ((300.0 + f64::from(k)) / f64::from(k)).ln()).sum();
        let found = p_value(1.0, &a, &b).ln();
        assert!((found - (2f64.ln() - orders)).abs() < 1e-9, "{found}");
    }

    #[test]
    fn counting_goes_over_into_the_limit() {
        for (n, m) in [(440, 450), (100, 1990), (20, 9_900)] {
            let (a, b) = apart(n, m);
            for distance in [0.06, 0.08, 0.1, 0.15] {
                let (n, m) = (f64::from(n), f64::from(m));
                let distance = (distance * n * m).round() / (n * m);
                let (exact, near) = (counted(distance, &a, &b), limit(distance, n, m));
                assert!(
                    exact < 1e-3 || (near / exact - 1.0).abs() < 0.15,
                    "{n} {m} {distance}: {exact} {near}"
                );
            }
        }
    }

    /// Windows of so many rows that the sketches' errors are as large as what chance explains. Each sketch is compared with all
    /// others, so that few of them make many pairs. Without what is taken off, 1 of the 15 pairs and 4 of the 6 raise one.
    #[test]
    fn sketches_of_unchanged_values_raise_no_alarm() {
        let mut random = ChaCha8Rng::seed_from_u64(11);
        for (rows, sketches) in [(50_000, 6), (300_000, 4)] {
            let mut draw = |shift: f64| {
                let mut sketch = Kll::default();
                (0..rows).for_each(|_| sketch.update(random.random::<f64>() + shift));
                sketch.weights()
            };
            let drawn: Vec<Weights> = (0..sketches).map(|_| draw(0.0)).collect();
            let pairs = (0..sketches).flat_map(|one| (0..one).map(move |two| (one, two)));
            let alarms = pairs.filter(|&(one, two)| p_of(&drawn[one], &drawn[two]) <= 0.05).count();
            assert_eq!(alarms, 0, "{rows}");
            // What moved by a hundredth of the range is found all the same.
            assert!(p_of(&drawn[0], &draw(0.01)) < 0.01, "{rows}");
        }
    }

    proptest! {
        /// The slow twin: every way to call `n` of the rows the first sample, equal values included.
        #[test]
        fn the_chance_is_the_share_of_all_orders(
            a in proptest::collection::vec(0_u8..6, 1..7),
            b in proptest::collection::vec(0_u8..6, 1..7),
        ) {
            let numbers = |values: &[u8]| weights(&values.iter().map(|&value| f64::from(value)).collect::<Vec<_>>());
            let (x, y) = (numbers(&a), numbers(&b));
            let all = [a.clone(), b.clone()].concat();
            let distance = |first: u32| {
                let split = |side: u32| -> Vec<u8> {
                    (0..all.len()).filter(|&at| first >> at & 1 == side).map(|at| all[at]).collect()
                };
                let (one, two) = (split(1), split(0));
                let share = |rows: &[u8], at: u8| rows.iter().filter(|&&row| row <= at).count() as f64 / rows.len() as f64;
                (0..6).map(|at| (share(&one, at) - share(&two, at)).abs()).fold(0.0, f64::max)
            };
            let found = distance((1 << a.len()) - 1);
            let orders: Vec<u32> = (0..1_u32 << all.len()).filter(|order| order.count_ones() as usize == a.len()).collect();
            let as_large = orders.iter().filter(|&&order| distance(order) >= found - 1e-9).count();
            let expected = as_large as f64 / orders.len() as f64;
            prop_assert!((p_of(&x, &y) - expected).abs() < 1e-12, "{} {expected}", p_of(&x, &y));
            prop_assert!((p_of(&y, &x) - expected).abs() < 1e-12);
        }
    }

    /// Rows of one distribution: a chance below a level comes as often as that at most, and for more rows, without equal
    /// values, about as often.
    #[test]
    fn false_alarms_are_as_rare_as_they_say() {
        const DRAWN: u32 = 3000;
        let mut random = ChaCha8Rng::seed_from_u64(5);
        for (n, m, values) in [
            (10, 10, 0.0),
            (10, 10, 5.0),
            (10, 400, 0.0),
            (10, 400, 3.0),
            (40, 60, 0.0),
            (200, 200, 0.0),
            (200, 200, 10.0),
            (500, 700, 0.0),
            (12, 20_000, 0.0),
        ] {
            let mut alarms = [0_u32; 2];
            let draws = if n * m > 10_000 { DRAWN / 8 } else { DRAWN };
            for _ in 0..draws {
                let mut draw = |rows: u32| {
                    let value = |x: f64| if values > 0.0 { (x * values).floor() } else { x };
                    weights(&(0..rows).map(|_| value(random.random())).collect::<Vec<_>>())
                };
                let p = p_of(&draw(n), &draw(m));
                for (level, alarms) in [0.05, 0.01].into_iter().zip(&mut alarms) {
                    *alarms += u32::from(p <= level);
                }
            }
            for (level, alarms) in [0.05, 0.01].into_iter().zip(alarms) {
                let share = f64::from(alarms) / f64::from(draws);
                let chance = 3.5 * (level * (1.0 - level) / f64::from(draws)).sqrt();
                assert!(share <= level + chance, "{n} {m} {values}: {share} at {level}");
                if values == 0.0 && n.min(m) >= 40 {
                    assert!(share >= 0.6 * level - chance, "{n} {m}: {share} at {level}");
                }
            }
        }
    }
}
