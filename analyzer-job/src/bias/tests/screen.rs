use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;

fn processors() -> [Processor; 2] {
    [Processor::new(), Processor { arch: Arch::Scalar, lanes: Scalar128b::F32_LANES }]
}

/// For each point the rows that a screen finds, each limit staying as it is.
fn found(
    processor: Processor,
    points: &[Vec<f64>],
    rows: &[Vec<f64>],
    limits: Points<f64>,
    centre: &[f64],
) -> Points<Vec<usize>> {
    let largest = points.iter().chain(rows).flatten().fold(0.0_f64, |most, value| most.max(value.abs()));
    let scale = Scale::new(largest);
    let screen = Screen::new(processor, scale, centre.iter().copied(), &rows.concat());
    let by_feature: Vec<Points<f64>> = (0..centre.len())
        .map(|feature| std::array::from_fn(|point| scale.of(points[point][feature])))
        .collect();
    let mut found: Points<Vec<usize>> = Default::default();
    let mut factors = vec![[0.0; POINTS]; centre.len()];
    screen.search(processor, scale, &by_feature, &mut limits.clone(), &mut factors, |point, row| {
        found[point].push(row);
        limits[point]
    });
    found
}

fn random_rows(n: usize, n_features: usize, size: f64, away: f64, seed: u64) -> Vec<Vec<f64>> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut value = || (random.random::<f64>() - 0.5 + away) * size;
    (0..n).map(|_| (0..n_features).map(|_| value()).collect()).collect()
}

proptest! {
    /// The sharpest case: the limit of a point is exactly the distance of a row.
    #[test]
    fn a_row_at_the_limit_is_always_found(
        n_rows in 1_usize..40,
        n_features in 1_usize..70,
        exponent in -320_i32..306,
        away in prop_oneof![Just(0.0), -3.0..3.0, Just(1e3), Just(-1e6)],
        equal in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let size = 10.0_f64.powi(exponent) / 1e3;
        let rows = random_rows(n_rows, n_features, size, away, seed);
        let mut points = random_rows(POINTS, n_features, size, away, seed ^ 1);
        if equal {
            points[0].clone_from(&rows[0]);
        }
        for processor in processors() {
            for row in 0..n_rows {
                let limits = std::array::from_fn(|point| exact(&points[point], &rows[row], f64::INFINITY));
                let found = found(processor, &points, &rows, limits, &rows[row / 2]);
                for (point, found) in found.iter().enumerate() {
                    prop_assert!(found.contains(&row), "point {} row {} of {}", point, row, found.len());
                    // Each once, and none that is not there.
                    prop_assert!(found.is_sorted_by(|x, y| x < y) && found.iter().all(|row| *row < n_rows));
                }
            }
        }
    }
}

#[test]
fn hardly_any_row_beyond_the_limit_is_found() {
    let rows = random_rows(256, 14, 1.0, 0.5, 3);
    let points = random_rows(POINTS, 14, 1.0, 0.5, 4);
    for processor in processors() {
        for limit in [0.3, 1.0, 2.0] {
            let found = found(processor, &points, &rows, [limit; POINTS], &[0.5; 14]);
            for (point, found) in points.iter().zip(found) {
                let within = |slack: f64| {
                    rows.iter().filter(|row| exact(point, row, f64::INFINITY) <= limit * slack).count()
                };
                assert!(found.len() >= within(1.0) && found.len() <= within(1.0001));
            }
        }
    }
}

#[test]
fn limits_fall_while_rows_are_found() {
    let rows: Vec<Vec<f64>> = (0..64).map(|row| vec![f64::from(row)]).collect();
    for processor in processors() {
        let scale = Scale::new(64.0);
        let screen = Screen::new(processor, scale, [32.0].into_iter(), &rows.concat());
        let mut limits = [f64::NEG_INFINITY; POINTS];
        limits[2] = f64::INFINITY;
        let mut found = Vec::new();
        screen.search(processor, scale, &[[0.0; POINTS]], &mut limits, &mut [[0.0; POINTS]], |point, row| {
            found.push((point, row));
            0.0
        });
        assert_eq!(found, [(2, 0)]);
    }
}

#[test]
fn no_scale_overflows_or_vanishes() {
    for largest in [0.0, f64::from_bits(1), f64::MIN_POSITIVE, 1e-200, 1.0, 1e200, f64::MAX] {
        let scale = Scale::new(largest);
        assert!(scale.0.is_normal() && scale.of(largest) < 32.0, "{largest:e}");
        assert!(largest < 1e-300 || scale.of(largest) >= 0.25, "{largest:e}");
    }
}
