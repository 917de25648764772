//! Squared distances in 32 bits, six points by twice as many rows at a time as one instruction works on, with a bound on their
//! error: finds the few pairs of points and rows whose exact distance has to be computed.
//!
//! Points and rows are taken relative to a centre near the rows and scaled by a power of two, so that nothing
//! overflows. Let `x` and `y` be point and row so, rounded to 32 bits. Then
//!
//! ```text
//! |x - y|² = |x|² + (|y|² - 2 x·y)
//! ```
//!
//! and only the bracket, one multiplication and addition for each feature, is computed for each pair. With
//! `u = 2⁻²⁴`, `m` features and `R = |x| + |y|`, what it differs from the true bracket is at most:
//!
//! - `(m + 2) u R²` from rounding `|y|²`, the products and the sums, whose terms add up to at most `R²`
//!   (N. Higham, Accuracy and Stability of Numerical Algorithms, 2nd edition, section 3.1);
//! - `2 u R²` because rounding moves `x` and `y` by at most `u |x|` and `u |y|`.
//!
//! A pair is passed over only when its bracket is so large that, after all this, the distance as `exact`
//! computes it is larger than the limit.

use pulp::{Arch, Scalar128b, Simd, WithSimd};

/// Points side by side, and vectors of rows: as many sums as the registers of a processor hold beside what they are made of, and
/// enough for its multipliers to have work at any moment.
pub(super) const POINTS: usize = 6;
const VECTORS: usize = 2;

/// One value for each of `POINTS` points.
pub(super) type Points<T> = [T; POINTS];

/// Lanes of the widest processors.
const MOST_LANES: usize = 16;

/// Stands for the squared length of a row that is not there: no sum with it is near.
const NO_ROW: f32 = f32::MAX;

/// Squared Euclidean distance in 64 bits, summed in the order of the features; of a distance over `limit`
/// perhaps only a part that is over it too.
pub(super) fn exact(x: &[f64], y: &[f64], limit: f64) -> f64 {
    let mut sum = 0.0;
    for (x, y) in x.chunks(4).zip(y.chunks(4)) {
        for (x, y) in x.iter().zip(y) {
            let difference = x - y;
            sum += difference * difference;
        }
        // What follows is not negative.
        if sum > limit {
            break;
        }
    }
    sum
}

/// A power of two that brings all values below 32.
#[derive(Clone, Copy)]
pub(super) struct Scale(f64);

impl Scale {
    /// `largest`: the largest absolute value of all points and rows.
    pub(super) fn new(largest: f64) -> Scale {
        // Away from the ends of what exponents can be, -1022 to 1023.
        let exponent = if largest > 0.0 { largest.log2().ceil() } else { 0.0 };
        Scale(2.0_f64.powi(-exponent.clamp(-1000.0, 1020.0) as i32))
    }

    pub(super) fn of(self, value: f64) -> f64 {
        value * self.0
    }

    /// At most this is the squared distance of a scaled pair if `exact` finds no more than `limit`.
    fn squared(self, limit: f64, n_features: usize) -> f64 {
        // `exact` rounds a term three times at most and each sum once, and squares may vanish.
        let roundings = (n_features + 8) as f64;
        let limit = limit + roundings * f64::from_bits(1);
        limit * self.0 * self.0 * (1.0 + roundings * f64::EPSILON)
    }
}

/// What the processor can do.
#[derive(Clone, Copy)]
pub(super) struct Processor {
    arch: Arch,
    /// Numbers of 32 bits that one instruction works on.
    lanes: usize,
}

impl Processor {
    pub(super) fn new() -> Processor {
        struct Lanes;
        impl WithSimd for Lanes {
            type Output = usize;

            fn with_simd<S: Simd>(self, _: S) -> usize {
                if S::IS_SCALAR { Scalar128b::F32_LANES } else { S::F32_LANES }
            }
        }
        let arch = Arch::new();
        Processor { arch, lanes: arch.dispatch(Lanes) }
    }
}

/// Rows to find the near ones of.
pub(super) struct Screen {
    /// Scaled, by feature.
    centre: Vec<f64>,
    /// As many rows at a time as `VECTORS` have lanes, for each feature: scaled, relative to the centre.
    rows: Vec<f32>,
    /// Squared length of each row, `NO_ROW` where the last lanes have none.
    squares: Vec<f32>,
    /// The largest length of a row.
    radius: f64,
}

impl Screen {
    /// `values`: row by row, one for each value of `centre`.
    pub(super) fn new(
        processor: Processor,
        scale: Scale,
        centre: impl Iterator<Item = f64>,
        values: &[f64],
    ) -> Screen {
        let lanes = VECTORS * processor.lanes;
        let centre: Vec<f64> = centre.map(|value| scale.of(value)).collect();
        let n_features = centre.len();
        let n_blocks = (values.len() / n_features).div_ceil(lanes);
        let mut rows = vec![0.0; n_blocks * n_features * lanes];
        let mut squares = vec![NO_ROW; n_blocks * lanes];
        let mut largest = 0.0_f64;
        for (row, values) in values.chunks_exact(n_features).enumerate() {
            let (block, lane) = (row / lanes, row % lanes);
            let mut square = 0.0;
            for (feature, (value, centre)) in values.iter().zip(&centre).enumerate() {
                let near = (scale.of(*value) - centre) as f32;
                rows[(block * n_features + feature) * lanes + lane] = near;
                square += f64::from(near).powi(2);
            }
            squares[row] = square as f32;
            largest = largest.max(square);
        }
        Screen { centre, rows, squares, radius: largest.sqrt() }
    }

    /// Calls `found` with point and row for every pair whose distance by `exact` is at most the limit of the
    /// point, and few others; it returns the point's limit from then on. Negative infinity: no pair.
    ///
    /// `points`: by feature, scaled. `factors`: space for as many.
    pub(super) fn search(
        &self,
        processor: Processor,
        scale: Scale,
        points: &[Points<f64>],
        limits: &mut Points<f64>,
        factors: &mut [Points<f32>],
        found: impl FnMut(usize, usize) -> f64,
    ) {
        processor.arch.dispatch(Search { screen: self, scale, points, limits, factors, found });
    }
}

struct Search<'a, F> {
    screen: &'a Screen,
    scale: Scale,
    points: &'a [Points<f64>],
    limits: &'a mut Points<f64>,
    factors: &'a mut [Points<f32>],
    found: F,
}

impl<F: FnMut(usize, usize) -> f64> WithSimd for Search<'_, F> {
    type Output = ();

    #[inline(always)] // so that it is compiled for the processor found
    fn with_simd<S: Simd>(self, simd: S) {
        // Without instructions to ask for, the compiler knows some of any processor.
        if S::IS_SCALAR { self.run(Scalar128b) } else { self.run(simd) }
    }
}

impl<F: FnMut(usize, usize) -> f64> Search<'_, F> {
    #[inline(always)] // as above
    fn run<S: Simd>(mut self, simd: S) {
        let screen = self.screen;
        let n_features = screen.centre.len();
        let (rows, _) = S::as_simd_f32s(&screen.rows);
        let (squares, _) = S::as_simd_f32s(&screen.squares);
        let (rows, squares) = (rows.as_chunks::<VECTORS>().0, squares.as_chunks::<VECTORS>().0);
        let lengths = relative(self.points, &screen.centre, self.factors);
        let margins = lengths.map(|square| margin(square.sqrt() + screen.radius, n_features) - square);
        let mut ends: Points<f32> = std::array::from_fn(|point| self.end(point, &margins));
        for (block, (rows, squares)) in rows.chunks_exact(n_features).zip(squares).enumerate() {
            let brackets = brackets(simd, squares, rows, self.factors);
            if any_within(simd, &brackets, &ends) {
                self.compare(simd, block, &brackets, &margins, &mut ends);
            }
        }
    }

    /// Calls `found` for the rows of a block whose brackets may belong to a near one.
    #[inline(always)] // as above
    fn compare<S: Simd>(
        &mut self,
        simd: S,
        block: usize,
        brackets: &Points<[S::f32s; VECTORS]>,
        margins: &Points<f64>,
        ends: &mut Points<f32>,
    ) {
        for ((point, brackets), end) in brackets.iter().enumerate().zip(ends) {
            if simd.reduce_min_f32s(least(simd, brackets)) <= *end {
                let mut plain = [0.0; VECTORS * MOST_LANES];
                let plain = &mut plain[..VECTORS * S::F32_LANES];
                S::as_mut_simd_f32s(plain).0.copy_from_slice(brackets);
                self.offer(point, block, plain, margins, end);
            }
        }
    }

    /// The same for one point.
    #[inline(never)] // rare
    fn offer(&mut self, point: usize, block: usize, brackets: &[f32], margins: &Points<f64>, end: &mut f32) {
        for (lane, bracket) in brackets.iter().enumerate() {
            let row = block * brackets.len() + lane;
            if bracket <= end && self.screen.squares[row] < NO_ROW {
                self.limits[point] = (self.found)(point, row);
                *end = self.end(point, margins);
            }
        }
    }

    /// The largest bracket that may belong to a distance within the limit of a point.
    fn end(&self, point: usize, margins: &Points<f64>) -> f32 {
        let limit = self.limits[point];
        if limit < 0.0 {
            return f32::NEG_INFINITY;
        }
        ((self.scale.squared(limit, self.screen.centre.len()) + margins[point]) as f32).next_up()
    }
}

/// Sets `factors` to -2 times the points relative to the centre; returns the points' squared lengths.
#[inline(always)] // as above
fn relative(points: &[Points<f64>], centre: &[f64], factors: &mut [Points<f32>]) -> Points<f64> {
    let mut squares = [0.0; POINTS];
    for ((factors, points), centre) in factors.iter_mut().zip(points).zip(centre) {
        for point in 0..POINTS {
            let near = (points[point] - centre) as f32;
            factors[point] = -2.0 * near;
            squares[point] += f64::from(near) * f64::from(near);
        }
    }
    squares
}

/// `|y|² - 2 x·y` of each point and the rows of a block; `factors` are `-2 x`.
#[inline(always)] // as above
fn brackets<S: Simd>(
    simd: S,
    squares: &[S::f32s; VECTORS],
    rows: &[[S::f32s; VECTORS]],
    factors: &[Points<f32>],
) -> Points<[S::f32s; VECTORS]> {
    let mut sums = [*squares; POINTS];
    for (rows, factors) in rows.iter().zip(factors) {
        for (sums, &factor) in sums.iter_mut().zip(factors) {
            let factor = simd.splat_f32s(factor);
            for (sum, &row) in sums.iter_mut().zip(rows) {
                *sum = simd.mul_add_e_f32s(row, factor, *sum);
            }
        }
    }
    sums
}

/// The least of the vectors, lane by lane.
#[inline(always)] // as above
fn least<S: Simd>(simd: S, vectors: &[S::f32s; VECTORS]) -> S::f32s {
    vectors[1..].iter().fold(vectors[0], |least, &vector| simd.min_f32s(least, vector))
}

/// Whether the bracket of any pair is at most the end of its point.
#[inline(always)] // as above
fn any_within<S: Simd>(simd: S, brackets: &Points<[S::f32s; VECTORS]>, ends: &Points<f32>) -> bool {
    // No difference is of two infinities, and none that is not 0 is rounded to 0.
    let mut lowest = simd.splat_f32s(f32::INFINITY);
    for (brackets, &end) in brackets.iter().zip(ends) {
        let beyond = simd.sub_f32s(least(simd, brackets), simd.splat_f32s(end));
        lowest = simd.min_f32s(lowest, beyond);
    }
    simd.reduce_min_f32s(lowest) <= 0.0
}

/// How much a bracket may be too large, for lengths of point and row that add up to `reach`.
fn margin(reach: f64, n_features: usize) -> f64 {
    // Four more than the proof needs, for what is of second order; and what vanishes below 2⁻¹⁴⁹ when values
    // or products are rounded.
    let roundings = (n_features + 8) as f64 * 2.0_f64.powi(-24);
    if roundings > 0.5 {
        return f64::INFINITY;
    }
    roundings / (1.0 - roundings) * reach * reach + n_features as f64 * 2.0_f64.powi(-130)
}

#[cfg(test)]
#[path = "tests/screen.rs"]
mod tests;
