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
    step(p_values, |p, from_end| m / (n - from_end) as f64 * p, f64::min, order)
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
