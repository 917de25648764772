//! Draws of rows from their counts: what a row-by-row draw would give, in time that does not depend on the rows.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::metrics::Counts;

/// A generator of its own for each replicate of each purpose, the same in every run.
pub(super) fn generator(purpose: u64, replicate: u64) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(crate::context::SEED);
    random.set_stream((purpose << 32) | replicate);
    random
}

/// Each row kept with probability `share`.
pub(super) fn thinned(counts: &Counts, share: f64, random: &mut ChaCha8Rng) -> Counts {
    counts.with_times(|times| binomial(times, share, random))
}

/// As many rows drawn with replacement as there are.
pub(super) fn resampled(counts: &Counts, random: &mut ChaCha8Rng) -> Counts {
    let mut weight = counts.rows();
    let mut left = weight;
    counts.with_times(|times| {
        if times == 0 {
            return 0;
        }
        let drawn = if times >= weight { left } else { binomial(left, times as f64 / weight as f64, random) };
        left -= drawn;
        weight -= times;
        drawn
    })
}

/// Successes in `n` trials of chance `p`.
pub(super) fn binomial(n: u64, p: f64, random: &mut ChaCha8Rng) -> u64 {
    // Most scores and pairs of numbers occur once.
    if n == 1 { u64::from(random.random::<f64>() < p) } else { many(n, p, random) }
}

/// Successes in `n` trials of chance `p`.
///
/// Adds up probabilities from the most likely number outwards until they reach a uniform random number:
/// exact but for rounding, in steps of about the standard deviation.
fn many(n: u64, p: f64, random: &mut ChaCha8Rng) -> u64 {
    if n == 0 || p <= 0.0 {
        return 0;
    }
    if p >= 1.0 {
        return n;
    }
    let mode = (((n + 1) as f64 * p) as u64).min(n);
    let odds = p / (1.0 - p);
    let at_mode = (ln_factorial(n) - ln_factorial(mode) - ln_factorial(n - mode)
        + mode as f64 * p.ln()
        + (n - mode) as f64 * (-p).ln_1p())
    .exp();
    let mut left = random.random::<f64>() - at_mode;
    let (mut low, mut high) = (mode, mode);
    let (mut at_low, mut at_high) = (at_mode, at_mode);
    while left > 0.0 {
        if high < n {
            at_high *= (n - high) as f64 / (high + 1) as f64 * odds;
            high += 1;
            left -= at_high;
            if left <= 0.0 {
                return high;
            }
        }
        if low > 0 {
            at_low *= low as f64 / ((n - low + 1) as f64 * odds);
            low -= 1;
            left -= at_low;
            if left <= 0.0 {
                return low;
            }
        }
        // Rounding can leave a rest of 1e-9 or so once all probabilities are spent.
        if at_low.max(at_high) < 1e-18 {
            break;
        }
    }
    mode
}

/// ln n!, to about 1e-15 of itself: Stirling's series, by a product where that is too short.
pub(super) fn ln_factorial(n: u64) -> f64 {
    if n < 16 {
        return (2..=n).map(|factor| factor as f64).product::<f64>().ln();
    }
    let x = n as f64;
    let inverse = 1.0 / x;
    let square = inverse * inverse;
    let correction =
        inverse * (1.0 / 12.0 - square * (1.0 / 360.0 - square * (1.0 / 1260.0 - square / 1680.0)));
    (x + 0.5) * x.ln() - x + 0.5 * std::f64::consts::TAU.ln() + correction
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mean and variance of many draws are np and np (1 - p), within five standard errors.
    #[test]
    fn draws_have_the_moments_of_the_binomial() {
        for (n, p) in [(1, 0.3), (2, 0.5), (40, 0.02), (1000, 0.8), (1_000_000, 0.999)] {
            let mut random = generator(99, n);
            let draws: Vec<f64> = (0..4000).map(|_| binomial(n, p, &mut random) as f64).collect();
            let mean = draws.iter().sum::<f64>() / 4000.0;
            let variance = draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / 4000.0;
            let expected = n as f64 * p * (1.0 - p);
            assert!((mean - n as f64 * p).abs() < 5.0 * (expected / 4000.0).sqrt(), "{n} {p}: {mean}");
            assert!((variance / expected - 1.0).abs() < 0.2, "{n} {p}: {variance} {expected}");
        }
        let mut random = generator(99, 0);
        assert_eq!(
            [binomial(0, 0.5, &mut random), binomial(9, 0.0, &mut random), binomial(9, 1.0, &mut random)],
            [0, 0, 9]
        );
    }
}
