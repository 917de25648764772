//! One error rate for many tests of one run.

/// Holm's step-down procedure: p-values adjusted so that rejecting all that are at most `alpha` makes one false
/// rejection or more with a chance of at most `alpha`, however the tests depend on each other.
///
/// The k-th smallest of m is `max(previous, (m - k + 1) p)`, at most 1. The order of the result is that of `p_values`.
/// Source: S. Holm, "A simple sequentially rejective multiple test procedure", 1979.
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let m = p_values.len();
    step(p_values, |p, rank| (m - rank) as f64 * p, f64::max, ascending(p_values))
}

/// The p-values that a test has in joint draws, as the rank of each draw among them, from 0: a run with facets of
/// thousands of values makes tens of thousands of tests of a thousand draws each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draws(pub Vec<u16>);

impl Draws {
    /// The p-value in a draw: the share of the draws that are not above it, its own half counted.
    pub fn p_value(&self, draw: usize) -> f64 {
        share(self.0[draw], self.0.len())
    }
}

/// Of a rank from 0 among `n` draws.
fn share(rank: u16, n: usize) -> f64 {
    (f64::from(rank) + 0.5) / n as f64
}

/// Holm's procedure with the dependence of the tests: p-values adjusted so that rejecting all that are at most `alpha` makes
/// one false rejection or more with a chance of at most `alpha`.
///
/// `tests`: of each its p-value, and the p-value that it would have had in each of some joint draws of all tests' data from a
/// population in which every null hypothesis holds; as many draws for each. The k-th smallest of m p-values becomes the share
/// of the draws in which one of the m - k + 1 tests from there on has a p-value as small, and at least what the one before
/// became. That share is at most (m - k + 1) p whatever the dependence, so the smaller of the two is taken: no p-value is
/// larger than by `holm`. A p-value below the least that a draw can have, half a draw in all draws, counts as that least one here:
/// how often the draws would be below it they cannot tell.
/// Source: P. Westfall and S. Young, "Resampling-Based Multiple Testing", 1993 (step-down minP); J. Romano and M. Wolf,
/// "Exact and Approximate Stepdown Methods for Multiple Hypothesis Testing", 2005.
pub fn step_down(tests: &[(f64, &Draws)]) -> Vec<f64> {
    let p_values: Vec<f64> = tests.iter().map(|test| test.0).collect();
    let order = ascending(&p_values);
    let n_draws = tests.iter().map(|test| test.1.0.len()).min().unwrap_or(0);
    // From the largest p-value on: the smallest rank that each draw has in the tests seen so far.
    let mut smallest = vec![u16::MAX; n_draws];
    let mut chances = vec![1.0; tests.len()];
    for &position in order.iter().rev() {
        let (p, drawn) = tests[position];
        smallest.iter_mut().zip(&drawn.0).for_each(|(least, rank)| *least = (*least).min(*rank));
        if n_draws > 0 {
            let p = p.max(share(0, n_draws));
            let as_small = smallest.iter().filter(|least| share(**least, n_draws) <= p).count();
            chances[position] = as_small as f64 / n_draws as f64;
        }
    }
    let m = tests.len();
    let holm = |p: f64, rank: usize| (m - rank) as f64 * p;
    let mut ranks = vec![0; m];
    order.iter().enumerate().for_each(|(rank, &position)| ranks[position] = rank);
    let combined: Vec<f64> =
        (0..m).map(|position| chances[position].min(holm(p_values[position], ranks[position]))).collect();
    step(&combined, |p, _| p, f64::max, order)
}

/// Benjamini and Hochberg's step-up procedure: of those rejected at `alpha`, a share of at most `alpha` is expected
/// to be false, for independent or positively dependent tests.
///
/// The k-th smallest of m is `min(next, m / k p)`, at most 1. The order of the result is that of `p_values`.
/// Source: Y. Benjamini and Y. Hochberg, "Controlling the false discovery rate", 1995.
pub fn benjamini_hochberg(p_values: &[f64]) -> Vec<f64> {
    let m = p_values.len() as f64;
    let mut order = ascending(p_values);
    order.reverse();
    let n = order.len();
    step(p_values, |p, from_end| p * m / (n - from_end) as f64, f64::min, order)
}

/// Positions by rising p-value.
fn ascending(p_values: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&one, &two| p_values[one].total_cmp(&p_values[two]));
    order
}

/// Goes through the p-values in `order`, scales each by its rank and keeps the running extreme.
fn step(
    p_values: &[f64],
    scale: impl Fn(f64, usize) -> f64,
    extreme: fn(f64, f64) -> f64,
    order: Vec<usize>,
) -> Vec<f64> {
    let mut adjusted = vec![1.0; p_values.len()];
    let mut reached: Option<f64> = None;
    for (rank, position) in order.into_iter().enumerate() {
        let scaled = scale(p_values[position], rank).min(1.0);
        let value = reached.map_or(scaled, |reached| extreme(reached, scaled));
        adjusted[position] = value;
        reached = Some(value);
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[track_caller]
    fn check(found: &[f64], expected: &[f64]) {
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12, "{found} against {expected}");
        }
    }

    // R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm") and "BH".
    #[test]
    fn equals_p_adjust_of_r() {
        let p = [0.01, 0.04, 0.03, 0.005];
        check(&holm(&p), &[0.03, 0.06, 0.06, 0.02]);
        check(&benjamini_hochberg(&p), &[0.02, 0.04, 0.04, 0.02]);
    }

    /// Draws in which tests are the same, or have nothing in common: p, or the chance of any of them.
    #[test]
    fn step_down_knows_what_tests_have_in_common() {
        let uniform = Draws((0..1000).collect());
        let same = vec![(0.02, &uniform), (0.03, &uniform), (0.5, &uniform)];
        check(&step_down(&same), &[0.02, 0.03, 0.5]);
        // A draw small in one is large in the other.
        let reversed = Draws(uniform.0.iter().rev().copied().collect());
        check(&step_down(&[(0.02, &uniform), (0.3, &reversed)]), &[0.04, 0.3]);
        // Far below what draws can tell, Holm's bound.
        check(&step_down(&[(1e-7, &uniform), (2e-7, &reversed)]), &[2e-7, 2e-7]);
        assert_eq!(step_down(&[]), [0.0; 0]);
    }

    /// More independent tests than draws: the least of their p-values is often smaller than any draw's. By chance alone one run in
    /// twenty has a finding; in 400 runs more than 36 would be one chance in 2,000.
    #[test]
    fn many_tests_make_no_more_false_findings() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        for (n_draws, n_tests) in [(100_u16, 60), (100, 300), (300, 100)] {
            let shuffled = || {
                let mut ranks: Vec<u16> = (0..n_draws).collect();
                for place in (1..ranks.len()).rev() {
                    ranks.swap(place, random.random_range(0..=place));
                }
                Draws(ranks)
            };
            let drawn: Vec<Draws> = std::iter::repeat_with(shuffled).take(n_tests).collect();
            let runs = 400;
            let found = (0..runs).filter(|_| {
                let tests: Vec<(f64, &Draws)> =
                    drawn.iter().map(|draws| (random.random::<f64>(), draws)).collect();
                step_down(&tests).iter().any(|p| *p <= 0.05)
            });
            let found = found.count();
            assert!(found <= 36, "{found} of {runs} runs of {n_tests} tests");
        }
    }

    /// The definition, test by test and draw by draw.
    fn twin(tests: &[(f64, &Draws)]) -> Vec<f64> {
        let mut order: Vec<usize> = (0..tests.len()).collect();
        order.sort_by(|&one, &two| tests[one].0.total_cmp(&tests[two].0));
        let mut adjusted = vec![0.0; tests.len()];
        let mut before = 0.0_f64;
        for (k, &position) in order.iter().enumerate() {
            let (p, drawn) = tests[position];
            let n = drawn.0.len();
            let least = p.max(0.5 / n as f64);
            let is_as_small =
                |draw: &usize| order[k..].iter().any(|&other| tests[other].1.p_value(*draw) <= least);
            let share = (0..n).filter(is_as_small).count() as f64 / n as f64;
            before = before.max(share.min((tests.len() - k) as f64 * p)).min(1.0);
            adjusted[position] = before;
        }
        adjusted
    }

    #[test]
    fn step_down_is_its_definition_never_above_holm_and_keeps_the_order() {
        let drawn: Vec<Draws> =
            (0..6).map(|test| Draws((0..200).map(|draw| (draw * (2 * test + 3)) % 200).collect())).collect();
        let p = [0.004, 0.03, 0.011, 0.2, 0.6, 0.0001];
        let tests: Vec<(f64, &Draws)> = p.iter().copied().zip(&drawn).collect();
        let found = step_down(&tests);
        check(&found, &twin(&tests));
        for (found, holm) in found.iter().zip(holm(&p)) {
            assert!(*found <= holm, "{found} {holm}");
        }
        for one in 0..6 {
            for other in 0..6 {
                assert!(p[one] > p[other] || found[one] <= found[other]);
            }
        }
    }

    #[test]
    fn one_test_is_left_as_it_is_and_none_is_none() {
        assert_eq!(holm(&[0.2]), [0.2]);
        assert_eq!(benjamini_hochberg(&[0.2]), [0.2]);
        assert_eq!(holm(&[]), [0.0; 0]);
    }

    /// Holm rejects at least what Bonferroni does, and Benjamini and Hochberg at least what Holm does.
    #[test]
    fn the_three_procedures_are_ordered() {
        let p: Vec<f64> = (1..40).map(|i| f64::from(i * i) / 3000.0).collect();
        for ((raw, holm), hochberg) in p.iter().zip(holm(&p)).zip(benjamini_hochberg(&p)) {
            assert!(*raw <= hochberg && hochberg <= holm && holm <= (39.0 * raw).min(1.0));
        }
    }
}
