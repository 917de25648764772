//! The beta distribution, and Jeffreys' interval of a share.

use crate::quality::distance::ln_gamma;

/// Share of a beta distribution with parameters `a` and `b`, both above 0, below `x` from 0 to 1.
///
/// The continued fraction of the incomplete beta function (Abramowitz and Stegun 26.5.8), evaluated as Lentz does.
fn below(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return if x <= 0.0 { 0.0 } else { 1.0 };
    }
    // The fraction converges fast below the mean only.
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - below(1.0 - x, b, a);
    }
    const TINY: f64 = 1e-300;
    let away = |number: f64| if number.abs() < TINY { TINY } else { number };
    let scale = (ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (-x).ln_1p()).exp();
    let mut c = 1.0;
    let mut d = 1.0 / away(1.0 - (a + b) * x / (a + 1.0));
    let mut fraction = d;
    for m in 1..100_000 {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut step = 1.0;
        for term in [even, odd] {
            d = 1.0 / away(1.0 + term * d);
            c = away(1.0 + term / c);
            step = c * d;
            fraction *= step;
        }
        if (step - 1.0).abs() < 1e-15 {
            break;
        }
    }
    scale * fraction / a
}

/// Where so large a share of the distribution lies below.
fn quantile(share: f64, a: f64, b: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if below(middle, a, b) < share { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

/// Jeffreys' 95 % interval of a share: the middle 95 % of a beta distribution with `part + 1/2` and `whole - part + 1/2`, up to the
/// end of the range for shares of 0 and 1. `part` and `whole` may be no whole numbers.
///
/// Source: Brown, Cai and DasGupta, "Interval estimation for a binomial proportion", 2001, section 3.1.2.
pub(crate) fn jeffreys(part: f64, whole: f64) -> [f64; 2] {
    let part = part.clamp(0.0, whole);
    let (a, b) = (part + 0.5, whole - part + 0.5);
    // Far below half a row the distribution begins above the share.
    let low = if part <= 0.0 { 0.0 } else { quantile(0.025, a, b).min(part / whole) };
    let high = if part >= whole { 1.0 } else { quantile(0.975, a, b).max(part / whole) };
    [low, high]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, expected: f64) {
        assert!((found / expected - 1.0).abs() < 1e-9, "{found} {expected}");
    }

    /// scipy.special.betainc.
    #[test]
    fn the_beta_distribution_equals_a_reference() {
        for (x, a, b, expected) in BELOW {
            close(below(x, a, b), expected);
        }
        assert_eq!([below(0.0, 2.0, 3.0), below(1.0, 2.0, 3.0)], [0.0, 1.0]);
        // Of one row it is the square root, of two half and half the arc sine.
        close(below(0.3, 0.5, 1.0), 0.3_f64.sqrt());
        close(below(0.3, 0.5, 0.5), 2.0 / std::f64::consts::PI * 0.3_f64.sqrt().asin());
    }

    /// scipy.special.betaincinv(part + 0.5, whole - part + 0.5, [0.025, 0.975]).
    #[test]
    fn jeffreys_equals_a_reference() {
        for (part, whole, low, high) in JEFFREYS {
            let found = jeffreys(part, whole);
            close(found[0], low);
            close(found[1], high);
        }
        assert_eq!(jeffreys(0.0, 10.0)[0], 0.0);
        assert_eq!(jeffreys(10.0, 10.0)[1], 1.0);
        let [low, high] = jeffreys(1e-9, 10.0);
        assert!(low <= 1e-10 && high > 0.2);
    }

    const BELOW: [(f64, f64, f64, f64); 6] = [
        (0.5, 2.0, 3.0, 0.6875),
        (0.01, 0.5, 13.5, 0.394_233_202_944_353_05),
        (0.98, 38.3, 1.27, 0.580_712_294_422_594),
        (0.9, 900.5, 80.5, 0.025_080_418_544_206_822),
        (0.2, 100_000.0, 410_000.0, 0.999_999_999_998_886_1),
        (0.999, 5000.5, 2.5, 0.075_022_892_074_724_48),
    ];
    const JEFFREYS: [(f64, f64, f64, f64); 5] = [
        (12.74, 13.0, 0.785_945_994_440_124_7, 0.999_464_362_651_086_4),
        (5.0, 10.0, 0.223_528_670_252_705_17, 0.776_471_329_747_294_7),
        (0.3, 13.0, 0.000_697_555_281_750_745_2, 0.219_824_582_305_068_52),
        (37.8, 38.6, 0.894_332_247_299_205_1, 0.998_235_381_783_743_7),
        (99_000.5, 100_000.0, 0.989_374_193_356_468_3, 0.990_607_443_910_901_5),
    ];
}
