//! The normal distribution, and Wilson's interval of a share.

/// 97.5 % of a standard normal distribution lie below this.
pub(crate) const Z: f64 = 1.959_963_984_540_054;

/// Share of a standard normal distribution below `z`.
///
/// Near the middle the series, in the tail the continued fraction (Abramowitz and Stegun 26.2.11 and 26.2.14).
pub(crate) fn below(z: f64) -> f64 {
    let x = z.abs();
    if x.is_infinite() {
        return if z > 0.0 { 1.0 } else { 0.0 };
    }
    let density = (-0.5 * x * x).exp() / std::f64::consts::TAU.sqrt();
    let beyond = if x > 3.0 {
        let fraction = (1..=60).rev().fold(x, |fraction, k| x + f64::from(k) / fraction);
        density / fraction
    } else {
        // x + x^3 / 3 + x^5 / (3 5) + ...
        let (mut term, mut sum) = (x, x);
        for k in 1..60 {
            term *= x * x / f64::from(2 * k + 1);
            sum += term;
        }
        0.5 - density * sum
    };
    if z > 0.0 { 1.0 - beyond } else { beyond }
}

/// The `z` below which this share of a standard normal distribution lies.
pub(crate) fn quantile(share: f64) -> f64 {
    let (mut low, mut high) = (-40.0, 40.0);
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        if below(middle) < share { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

/// Wilson's interval of a share: `(p + z^2/2n -+ z sqrt(p (1-p)/n + z^2/4n^2)) / (1 + z^2/n)`; [0, 1] of no rows.
///
/// Inside [0, 1] and of a width above 0, also for shares of 0 and 1.
/// Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", 1927.
pub(crate) fn wilson(part: f64, whole: f64, z: f64) -> [f64; 2] {
    if whole <= 0.0 {
        return [0.0, 1.0];
    }
    let p = part / whole;
    let square = z * z;
    let middle = p + square / (2.0 * whole);
    let half = z * (p * (1.0 - p) / whole + square / (4.0 * whole * whole)).sqrt();
    let scale = 1.0 + square / whole;
    let low = if part <= 0.0 { 0.0 } else { (middle - half) / scale };
    let high = if part >= whole { 1.0 } else { (middle + half) / scale };
    [low.max(0.0), high.min(1.0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R: pnorm(c(0, -1, -1.959964, 1, -3.1)).
    #[test]
    fn the_normal_distribution_equals_a_reference() {
        for (z, expected) in [
            (0.0, 0.5),
            (-1.0, 0.158_655_253_931_457),
            (-1.959_963_984_540_054, 0.025),
            (1.0, 0.841_344_746_068_543),
        ] {
            assert!((below(z) - expected).abs() < 1e-12, "{z}: {}", below(z));
        }
        assert!((below(-3.1) / 9.676_032_132_183_56e-4 - 1.0).abs() < 1e-9);
        assert_eq!([below(f64::NEG_INFINITY), below(f64::INFINITY)], [0.0, 1.0]);
    }

    /// Where the series hands over to the fraction nothing jumps.
    #[test]
    fn quantiles_are_where_the_share_is() {
        for (share, z) in [(0.975, Z), (0.5, 0.0), (0.995, 2.575_829_303_548_901), (0.025, -Z)] {
            assert!((quantile(share) - z).abs() < 1e-9, "{share}");
        }
    }

    #[test]
    fn the_two_forms_agree_where_they_meet() {
        assert!((below(-3.0) / below(-3.0 - 1e-9) - 1.0).abs() < 1e-8);
    }

    /// statsmodels.stats.proportion.proportion_confint(15, 148, method="wilson") and (0, 10).
    #[test]
    fn wilson_equals_a_reference() {
        let close =
            |found: f64, expected: f64| assert!((found - expected).abs() < 5e-5, "{found} {expected}");
        let [low, high] = wilson(15.0, 148.0, Z);
        close(low, 0.0624);
        close(high, 0.1605);
        let [low, high] = wilson(0.0, 10.0, Z);
        close(low, 0.0);
        close(high, 0.2775);
        assert_eq!(wilson(0.0, 0.0, Z), [0.0, 1.0]);
    }
}
