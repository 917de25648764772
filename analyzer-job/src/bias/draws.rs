//! What the populations behind the counts could be.
//!
//! The counts of two groups are one draw from a multinomial distribution whose shares nobody knows. What the shares may be,
//! given the counts, is a Dirichlet distribution with half a row added to each cell (Jeffreys' prior), so that a cell
//! without rows has a chance too. All metrics of counts are computed from the same draws, so that what they have in common
//! is kept: a metric of predictions and its neighbour move together. Metrics of which only value and standard error are
//! known, the conditional ones, are drawn from a normal distribution.
//!
//! The draws are the points of a Sobol sequence with a random digital shift, which fill the cube of all shares evenly: each cell
//! has one draw in every n-th part of its distribution. Chances follow from them with a seventh or less of the error of as many
//! random numbers.
//! Sources: Brown, Cai and DasGupta, "Interval Estimation for a Binomial Proportion", 2001 (prior); Joe and Kuo, "Constructing
//! Sobol Sequences with Better Two-Dimensional Projections", 2008 (points).

use crate::random::Random;
use crate::state::counts::{Group, Groups};

/// Half a row: Jeffreys' prior.
const PRIOR: f64 = 0.5;
/// Rows of a drawn population: so many that its shares are those drawn, and few enough to be added up.
const ROWS: f64 = 1e15;
/// For each cell of the two groups the inner coefficients of a primitive polynomial, as binary digits, and the first direction
/// numbers, as many as its degree.
const SOBOL: [(u32, &[u32]); 8] = [
    (0, &[]),
    (0, &[1]),
    (1, &[1, 3]),
    (1, &[1, 3, 1]),
    (2, &[1, 1, 1]),
    (1, &[1, 1, 3, 3]),
    (4, &[1, 3, 5, 13]),
    (2, &[1, 1, 5, 5, 17]),
];

/// Populations that the counts may come from, `n` of them, a power of two.
pub(crate) fn populations(groups: &Groups, n: usize, random: &mut Random) -> Vec<Groups> {
    let counts = [groups.d.rows, groups.a.rows];
    let mut shares = vec![[[0.0; 4]; 2]; n];
    let cells = (0..2).flat_map(|side| (0..4).map(move |cell| (side, cell)));
    for ((side, cell), sobol) in cells.zip(SOBOL) {
        let shape = counts[side][cell / 2][cell % 2] as f64 + PRIOR;
        let drawn = gammas(shape, n, random.uniform());
        let shift = random.below(n);
        for (shares, place) in shares.iter_mut().zip(places(sobol, n)) {
            shares[side][cell] = drawn[place ^ shift];
        }
    }
    let population = |point: usize| {
        let [d, a] = shares[point];
        let scale = ROWS / (d.iter().sum::<f64>() + a.iter().sum::<f64>());
        // A cell without any row would make ratios infinite.
        let [d, a] = [d, a].map(|side| {
            let [tn, fp, fn_, tp] = side.map(|share| ((share * scale) as u64).max(1));
            Group { rows: [[tn, fp], [fn_, tp]] }
        });
        Groups { d, a }
    };
    // The draws of other samples, which have the same points, have nothing to do with these.
    random.order(n).into_iter().map(population).collect()
}

/// In which of n parts of a dimension each of the first n points of the sequence lies: each part has one.
fn places((coefficients, first): (u32, &[u32]), n: usize) -> Vec<usize> {
    let (bits, degree) = (n.ilog2() as usize, first.len());
    let mut directions: Vec<usize> = Vec::new();
    for k in 0..bits {
        let known = first.get(k).map(|number| *number as usize).or((degree == 0).then_some(1));
        let number = known.unwrap_or_else(|| {
            let taken = |i: &usize| coefficients >> (degree - 1 - i) & 1 == 1;
            let before = |i: usize| directions[k - i] << i;
            (1..degree)
                .filter(taken)
                .map(before)
                .fold(before(degree) ^ directions[k - degree], |one, other| one ^ other)
        });
        directions.push(number);
    }
    let mut places = vec![0; n];
    for point in 1..n {
        let digit = point.trailing_zeros() as usize;
        places[point] = places[point & (point - 1)] ^ (directions[digit] << (bits - 1 - digit));
    }
    places
}

/// What a value may be whose standard error is known: `n` draws.
pub(crate) fn around(value: f64, standard_error: f64, n: usize, random: &mut Random) -> Vec<f64> {
    let drawn = quantiles(|z| (-0.5 * z * z).exp(), [-6.5, 6.5], n, random.uniform());
    random.order(n).into_iter().map(|point| value + standard_error * drawn[point]).collect()
}

/// How far below its peak, in natural logarithms, a density is left out.
const DEPTH: f64 = 25.0;

/// Quantiles of a gamma distribution with scale 1, as `quantiles`. `shape`: above 1/3.
fn gammas(shape: f64, n: usize, shift: f64) -> Vec<f64> {
    // Of v in x = m (1 + v)^3: nearly normal for every shape, with its peak at 0 (Wilson and Hilferty).
    let m = shape - 1.0 / 3.0;
    let height = |v: f64| 3.0 * m * (v.ln_1p() - v - v * v - v.powi(3) / 3.0);
    let end = |mut outside: f64| {
        let mut inside = 0.0;
        for _ in 0..40 {
            let middle = 0.5 * (inside + outside);
            if height(middle) < -DEPTH { outside = middle } else { inside = middle }
        }
        outside
    };
    // Either is beyond the depth: there is nothing below -1, and above 0 the logarithm is less than v.
    let ends = [end(-1.0), end((DEPTH / (3.0 * m)).sqrt())];
    let mut drawn = quantiles(|v| height(v).exp(), ends, n, shift);
    drawn.iter_mut().for_each(|v| *v = m * (1.0 + *v).powi(3));
    drawn
}

/// Parts into which a density is cut, each added up by Simpson's rule: a quantile is then exact to 0.002 standard deviations.
const PARTS: usize = 256;

/// The quantiles of a distribution at n even shares, `(k + shift) / n`, ascending. `density`: up to a factor; next to nothing
/// outside of the two ends. `shift`: in [0, 1].
fn quantiles(density: impl Fn(f64) -> f64, [low, high]: [f64; 2], n: usize, shift: f64) -> Vec<f64> {
    let step = (high - low) / PARTS as f64;
    let at = |place: f64| low + step * place;
    let mut below = vec![0.0];
    let (mut sum, mut left) = (0.0, density(low));
    for place in 0..PARTS {
        let (middle, right) = (density(at(place as f64 + 0.5)), density(at(place as f64 + 1.0)));
        sum += (left + 4.0 * middle + right) / 6.0;
        below.push(sum);
        left = right;
    }
    let mut place = 0;
    let quantile = |k: usize| {
        let wanted = (k as f64 + shift) / n as f64 * sum;
        while place + 1 < PARTS && below[place + 1] < wanted {
            place += 1;
        }
        let part = below[place + 1] - below[place];
        let inside = if part > 0.0 { (wanted - below[place]) / part } else { 0.5 };
        at(place as f64 + inside.clamp(0.0, 1.0))
    };
    (0..n).map(quantile).collect()
}

#[cfg(test)]
#[path = "tests/draws.rs"]
mod tests;
