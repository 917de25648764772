//! Draws from the distributions that samples are judged by: normal and gamma.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A stream of random numbers.
pub(crate) struct Random<R = ChaCha8Rng> {
    uniform: R,
    /// Normal numbers come in pairs.
    spare: Option<f64>,
}

impl Random {
    /// A stream of a seed, the same in every run.
    pub(crate) fn new(seed: u64, stream: u64) -> Random {
        let mut uniform = ChaCha8Rng::seed_from_u64(seed);
        uniform.set_stream(stream);
        Random::of(uniform)
    }
}

impl<R: RngExt> Random<R> {
    pub(crate) fn of(uniform: R) -> Random<R> {
        Random { uniform, spare: None }
    }

    /// In (0, 1]: its logarithm is finite.
    pub(crate) fn uniform(&mut self) -> f64 {
        1.0 - self.uniform.random::<f64>()
    }

    /// The numbers from 0 to n - 1 in a random order (Fisher and Yates).
    pub(crate) fn order(&mut self, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        for place in (1..n).rev() {
            order.swap(place, self.below(place + 1));
        }
        order
    }

    /// A number from 0 to n - 1.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.uniform.random_range(0..n)
    }

    /// Standard normal, by Marsaglia's polar method.
    pub(crate) fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        loop {
            let (x, y) = (2.0 * self.uniform() - 1.0, 2.0 * self.uniform() - 1.0);
            let square = x * x + y * y;
            if square > 0.0 && square < 1.0 {
                let scale = (-2.0 * square.ln() / square).sqrt();
                self.spare = Some(y * scale);
                return x * scale;
            }
        }
    }

    pub(crate) fn gamma(&mut self, gamma: &Gamma) -> f64 {
        let Gamma { d, c, power } = *gamma;
        let boost = power.map_or(1.0, |power| self.uniform().powf(power));
        loop {
            let x = self.normal();
            let cube = (1.0 + c * x).powi(3);
            if cube <= 0.0 {
                continue;
            }
            let uniform = self.uniform();
            let square = x * x;
            // Most draws are within a bound that needs no logarithm.
            if uniform < 1.0 - 0.0331 * square * square
                || uniform.ln() < 0.5 * square + d - d * cube + d * cube.ln()
            {
                return d * cube * boost;
            }
        }
    }
}

/// A gamma distribution with scale 1, ready to be drawn from many times (Marsaglia and Tsang, "A Simple Method for
/// Generating Gamma Variables", 2000).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gamma {
    d: f64,
    c: f64,
    /// Shapes below 1 are drawn one larger, times a uniform number to this power.
    power: Option<f64>,
}

impl Gamma {
    /// `shape`: above 0.
    pub(crate) fn new(shape: f64) -> Gamma {
        let power = (shape < 1.0).then(|| 1.0 / shape);
        let d = if power.is_some() { shape + 1.0 } else { shape } - 1.0 / 3.0;
        Gamma { d, c: 1.0 / (9.0 * d).sqrt(), power }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mean and variance of a gamma distribution with scale 1 are its shape, within five standard errors.
    #[test]
    fn gamma_draws_have_the_mean_and_variance_of_the_distribution() {
        for (stream, shape) in [0.1, 0.5, 1.0, 3.5, 200.5, 1e6].into_iter().enumerate() {
            let mut random = Random::new(7, stream as u64);
            let gamma = Gamma::new(shape);
            let values: Vec<f64> = (0..40_000).map(|_| random.gamma(&gamma)).collect();
            let mean = values.iter().sum::<f64>() / 40_000.0;
            let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / 39_999.0;
            assert!((mean - shape).abs() < 5.0 * (shape / 40_000.0).sqrt(), "mean {mean} of {shape}");
            // The fourth moment makes the variance of a sample variance shape (2 shape + 6) / n.
            let tolerance = 5.0 * (shape * (2.0 * shape + 6.0) / 40_000.0).sqrt();
            assert!((variance - shape).abs() < tolerance, "variance {variance} of {shape}");
        }
    }
}
