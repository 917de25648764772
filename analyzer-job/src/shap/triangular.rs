//! Triangular systems with a single right-hand side, on plain slices: for the sizes at hand the general
//! routines take longer to begin than these to end.

use faer::Mat;

/// `L x = b` for the lower triangle `L`, in place of `b`.
pub(super) fn forward(lower: &Mat<f64>, x: &mut [f64]) {
    for column in 0..x.len() {
        let below = &lower.col_as_slice(column)[column..];
        let (solved, rest) = x.split_at_mut(column + 1);
        solved[column] /= below[0];
        subtract(rest, solved[column], &below[1..]);
    }
}

/// `L' x = b` for the lower triangle `L`, in place of `b`.
pub(super) fn backward(lower: &Mat<f64>, x: &mut [f64]) {
    for column in (0..x.len()).rev() {
        let known = dot(&lower.col_as_slice(column)[column + 1..], &x[column + 1..]);
        x[column] = (x[column] - known) / lower[(column, column)];
    }
}

/// `x - factor y` in place of `x`.
pub(super) fn subtract(x: &mut [f64], factor: f64, y: &[f64]) {
    x.iter_mut().zip(y).for_each(|(x, y)| *x -= factor * y);
}

/// `x . y`, by four sums, which do not wait for each other.
pub(super) fn dot(x: &[f64], y: &[f64]) -> f64 {
    let (x_fours, x_rest) = x.as_chunks::<4>();
    let (y_fours, y_rest) = y.as_chunks::<4>();
    let mut sums = [0.0; 4];
    for (x, y) in x_fours.iter().zip(y_fours) {
        for lane in 0..4 {
            sums[lane] += x[lane] * y[lane];
        }
    }
    let rest: f64 = x_rest.iter().zip(y_rest).map(|(x, y)| x * y).sum();
    sums[0] + sums[1] + (sums[2] + sums[3]) + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_directions_solve_what_was_multiplied() {
        for size in [0, 1, 2, 5, 9] {
            let lower = Mat::from_fn(size, size, |row, column| match row {
                row if row < column => 0.0,
                row if row == column => 2.0 + row as f64,
                row => ((3 * row + 5 * column) % 7) as f64 - 3.0,
            });
            let expected: Vec<f64> = (0..size).map(|i| 1.5 - i as f64).collect();
            let product = |turned: bool, i: usize| -> f64 {
                (0..size).map(|k| if turned { lower[(k, i)] } else { lower[(i, k)] } * expected[k]).sum()
            };
            let check = |mut x: Vec<f64>, solve: fn(&Mat<f64>, &mut [f64])| {
                solve(&lower, &mut x);
                for (x, expected) in x.iter().zip(&expected) {
                    assert!((x - expected).abs() < 1e-12, "{size}: {x} {expected}");
                }
            };
            check((0..size).map(|i| product(false, i)).collect(), forward);
            check((0..size).map(|i| product(true, i)).collect(), backward);
        }
    }
}
